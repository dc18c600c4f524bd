"""What does a page say, and what fails on it? A notebook's cells, run in this process, with nothing computed twice."""

import hashlib
import html
import inspect
import os
import pickle
import re
import traceback
from pathlib import Path

import nbformat
import pandas as pd
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from conftest import ROOT
from quarterdeck.data import snapshot
from quarterdeck.present import page

NO_WORD = r"\b(?:nan|NaN|NaT|inf|Traceback|null)\b|<NA>|\bNone\b(?! of| is| was| has| stands)|\{\w*\}|[−-]0(?:\.0+)? %"
VAGUE = r"there is nothing of it in the data|Not shown: what it needs is not in the data"  # where nobody gave a reason
VOID = r"(?<=[\w,;:] )–(?=[ ,.;:)])|(?<=\()–|^–(?= [a-z])"  # an amount that is missing, within a sentence
NOTHING_OF = r"(?<![\d.,])[€$£¥]?0(?: %)?(?: \w+)? of [€$£¥]?0(?![\d.,])|[\d.,]+ % of [€$£¥]?0(?![\d.,])"
ONES = (  # things that are counted, without the s of their plural
    *("account", "buyer", "case", "categorie", "customer", "day", "deal", "figure", "initiative", "launche", "line"),
    *("look", "losse", "month", "order", "other", "place", "product", "quarter", "region", "rival", "row", "seller"),
    *("segment", "stage", "step", "team", "week", "win", "year"),
)
MANY_OF_ONE = rf"(?<![\w.,€$£¥+−–])1 (?:[a-z]+ )?(?:{'|'.join(ONES)})s\b|\b(?:[Tt]he|[Aa]ll|[Bb]oth|[Ee]ach of) 1 (?!%)"
ODD = "|".join(f"(?:{pattern})" for pattern in (NO_WORD, VAGUE, VOID, NOTHING_OF, MANY_OF_ONE))


def faults(notebook: str, folder: Path, region: str, as_of: str = "") -> list[str]:
    """Run a page to its end; give what failed on it, and what it says that is no word."""
    found, said = read(notebook, folder, region, as_of)
    return found + [f"{notebook}, {region}, says: {odd}" for odd in oddities(said)]


def read(notebook: str, folder: Path, region: str, as_of: str = "") -> tuple[list[str], list[str]]:
    """Run a page to its end; give what failed on it, and the pieces of text that it shows."""
    shell, found, said = InteractiveShell.instance(), [], []
    shell.reset(new_session=False)
    for k, cell in enumerate(nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells):
        if cell.cell_type != "code":
            continue
        with capture_output() as captured:
            done = shell.run_cell(cell.source, silent=True)
        error = done.error_before_exec or done.error_in_exec
        if error is not None and not isinstance(error, NameError):  # a name that an earlier cell did not come to bind
            found.append(f"{notebook}, {region}, cell {k}: {type(error).__name__}: {error} {_places(error)}")
        if "parameters" in cell.metadata.get("tags", []):
            shell.user_ns.update(data=str(folder), region=region, as_of=as_of)
        said += [text for out in captured.outputs for text in words(out.data or {}, out.metadata or {})]
    return found, list(dict.fromkeys(said))


def oddities(said: list[str]) -> list[str]:
    """Give what is no word in pieces of text, with the words around it."""
    found = [(text, match) for text in said for match in re.finditer(ODD, text)]
    return [text[max(match.start() - 80, 0) : match.end() + 80] for text, match in found]


def _places(error: BaseException) -> str:
    own = [f for f in traceback.extract_tb(error.__traceback__) if "/quarterdeck/" in f.filename]
    return "at " + " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in own[:-4:-1])


def words(data: dict, metadata: dict) -> list[str]:
    """Give what a reader sees of an output, a piece per sentence, tile or cell; of a picture its heading."""
    if "image/png" in data:
        return [metadata.get("image/png", metadata).get("alt", "")]
    if "text/markdown" in data:
        return data["text/markdown"].splitlines()
    text = re.sub(r"<(style|svg)\b.*?</\1>", "", data.get("text/html", ""), flags=re.S)
    pieces = re.split(r"</(?:p|td|th|tr|div|caption|h\d|li|span)>", text)
    return [t for t in (html.unescape(re.sub(r"<[^>]*>", "", p)).strip() for p in pieces) if t]


def remember(patch, folder: Path) -> None:
    """Let desks compute nothing twice: figures are pure, so most of a variant's are as before. Answers are kept in a folder."""
    answer = snapshot.Desk._answer

    def _answer(self, function, options):
        names = inspect.signature(function).parameters
        if {"ask", "asks"} & {*names}:  # what it asks on its way is remembered
            return answer(self, function, options)
        used = {k: self.tables[k] for k in names if k in self.tables}
        beside = (
            self.as_of,
            self.region,
            self.title,
            self.calendar.facts(),
            sorted(self.begins.items()),
            sorted({*names} & {*self.whole}),
        )
        file = folder / _digest(function.__module__, function.__qualname__, options, used, beside)
        if not file.is_file():
            draft = folder / f"{file.name}.{os.getpid()}"
            draft.write_bytes(pickle.dumps(answer(self, function, options)))
            draft.rename(file)
        return pickle.loads(file.read_bytes())

    patch.setattr(snapshot.Desk, "_answer", _answer)


def quicken(patch, folder: Path) -> None:
    """Let desks compute, and pages draw, nothing twice.

    Pictures are drawn at a quarter of their resolution. Where nobody gave a reason, what was to be drawn is named.
    """
    show, too_little, drawn = page.show, page.TOO_LITTLE, set()
    remember(patch, folder)

    def _show(draw, *subjects, **options):
        patch.setattr(page, "TOO_LITTLE", f"{too_little} ({draw.__module__}.{draw.__qualname__})")
        if any(isinstance(s, snapshot.Desk) for s in subjects):
            return show(draw, *subjects, **options)
        key = _digest(draw.__module__, draw.__qualname__, subjects, options)
        if key not in drawn:
            show(draw, *subjects, **options)
            drawn.add(key)

    patch.setattr(page, "show", _show)
    patch.setattr(page.png, "__defaults__", (page.DPI // 4,))


def _digest(*what) -> str:
    return hashlib.sha1(repr(_plain(what)).encode()).hexdigest()


def _plain(what):
    """Give what stands for an input: equal inputs give equal words, however they lie in memory."""
    if isinstance(what, dict):
        return {k: _plain(v) for k, v in what.items()}
    if isinstance(what, list | tuple):
        return [_plain(v) for v in what]
    if not isinstance(what, pd.DataFrame | pd.Series):
        return hashlib.sha1(pickle.dumps(what)).hexdigest()
    try:
        rows = pd.util.hash_pandas_object(what).to_numpy().tobytes()
    except TypeError:  # cells that hold lists
        rows = pickle.dumps(what)
    return [str(what.dtypes), hashlib.sha1(rows).hexdigest(), str(what.attrs)]
