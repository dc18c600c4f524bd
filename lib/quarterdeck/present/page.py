"""How does a picture, a table or a sentence get onto the page?

All of them come by here as HTML or as a picture, none as Markdown: what a name holds that Markdown, or a program that looks
for formulas between dollars, would take for its own reads as it is (`sentences.marked_up`).
"""

import html
import inspect
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import great_tables as gt
import pandas as pd
from IPython import get_ipython
from IPython.display import HTML, display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image as Pixels

from quarterdeck.data.reasons import LACKING
from quarterdeck.data.snapshot import Missing
from quarterdeck.present import fonts, numbers, style
from quarterdeck.present.sentences import (
    NO_FORMULA,
    SAID_MIME,
    Sentence,
    heart,
    joined,
    marked_up,
    quoted,
    records,
    texts,
    words,
)
from quarterdeck.present.stated import FACTS_MIME

_noted: dict[str, str | int | None] = {}  # the sentences on what is missing, and the cell that said them last
TOO_LITTLE = "Not shown: what it needs is not in the data, or too little of it."
BOXES = "No font that is installed has all characters of the names here: pictures show boxes in their place."
LEAD = "lead"  # how a sentence looks
DPI = 200  # twice a screen's, so that a picture stays sharp on a phone


def show(draw: Callable, subject: Any, *others: Any, **options: Any) -> None:
    """Draw `subject` and put the result on the page.

    Parameters
    ----------
    draw : callable
        A function of `present`: takes `subject` (and `others`), gives an Axes, a table, a sentence, or None
        where there is nothing to say.
    subject, others : DataFrame or Missing or Desk
        What `desk.ask` gave. Where one is `Missing`, or has no rows, the page says so in one sentence, once a cell.
    options : Any
        By keyword: what `draw` also takes. A frame among them may have no rows; one that is `Missing` is passed over where
        `draw` can do without it, that is where its default is None.
    """
    spare = {k for k, v in options.items() if isinstance(v, Missing) and _optional(draw, k)}
    needed, options = (subject, *others), {k: v for k, v in options.items() if k not in spare}
    void = next((s for s in (*needed, *options.values()) if isinstance(s, Missing)), None)
    if void:
        _note(void.sentence)
    elif empty := [s for s in needed if isinstance(s, pd.DataFrame) and s.empty]:
        _note(_reason(empty))
    else:
        drawn = _drawn(draw, needed, options)
        if isinstance(drawn, Sentence) and numbers.VOID in drawn:
            _note(_reason(needed))  # an amount in it is missing
        elif drawn is not None:
            _put(drawn)


def answer(*findings: tuple, **options: Any) -> None:
    """Head the page with its answer: what is bold in the sentences of its sections, one after the other.

    Parameters
    ----------
    findings : tuple
        A function of `narrative` and what it takes. Where that is missing, or gives no sentence, the others stand alone; where
        none does, the page keeps its question as its title.
    options : Any
        What those of the functions that take it are given by keyword.
    """
    said = []
    for draw, *needed in findings:
        takes = inspect.signature(draw).parameters
        own = {k: v for k, v in options.items() if k in takes}
        whole = all(not isinstance(s, Missing) and not (isinstance(s, pd.DataFrame) and s.empty) for s in needed)
        drawn = _drawn(draw, needed, own) if whole else None
        if isinstance(drawn, Sentence) and numbers.VOID not in drawn and heart(drawn):
            said.append(drawn)
    if said:
        _put(Sentence(". ".join(map(heart, said)), joined(said).claims, tag="h2"))


def _optional(draw: Callable, name: str) -> bool:
    """Tell whether a function can do without what it takes by this name."""
    takes = inspect.signature(draw).parameters
    return name in takes and takes[name].default is None


def _drawn(draw: Callable, needed: Sequence, options: dict[str, Any]) -> Any:
    """Draw, with the fonts that its names need; a sentence with names that are not read as markup."""
    fonts.cover(texts([*needed, options]))
    drawn = draw(*needed, **options)
    if isinstance(drawn, Sentence):  # only now is it known that names are put into markup
        drawn = draw(*map(quoted, needed), **quoted(options))
    return drawn


def _reason(frames: Iterable) -> str:
    """Give the reason why a frame has too little in it, as the desk said it of the first that has one."""
    return next((f.attrs[LACKING] for f in frames if LACKING in getattr(f, "attrs", {})), TOO_LITTLE)


def png(ax: Axes, dpi: int = DPI) -> tuple[bytes, int]:
    """Give a picture as PNG, and the width in pixels at which a page shows it.

    The layout is solved here, once and for all: while a figure has one to solve, `savefig` draws it twice. And nothing is
    transparent here, so that channel, which `savefig` keeps, would cost time and show nothing.
    """
    buffer, figure = io.BytesIO(), ax.figure
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)  # made before the layout, so that texts measured for it are not measured again
    if layout := figure.get_layout_engine():
        style.place_no_empty_labels(figure)
        layout.execute(figure)
        figure.set_layout_engine(None)
    style.flush_left(ax)
    canvas.draw()
    pixels = Pixels.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
    pixels.convert("RGB").save(buffer, "png", dpi=(dpi, dpi), compress_level=3)  # as small as with 6 and transparency
    return buffer.getvalue(), round(figure.get_figwidth() * DPI / 2)


def _put(drawn: Any) -> None:
    if isinstance(drawn, Axes):
        picture, width = png(drawn)
        finding = drawn.get_title(loc="left").strip()
        question = [t.get_text() for t in drawn.texts if t.get_gid() == style.QUESTION]
        about = {"image/png": {"width": width, "alt": ". ".join([finding, *question]), "finding": finding}}
        said = records(getattr(drawn, "finding", ""), "picture")
        _bundle({"text/plain": finding, "image/png": picture}, about, said, stated=getattr(drawn, "facts", []))
        if BOXES not in _noted and fonts.missing(" ".join(text.get_text() for text in drawn.figure.findobj(Text))):
            _note(BOXES)
    elif isinstance(drawn, str):
        shown = {"text/plain": words(drawn), "text/html": marked_up(drawn)}
        _bundle(shown, said=records(drawn, "sentence"), look=LEAD)
    elif isinstance(drawn, gt.GT):
        markup = HTML(drawn.as_raw_html())  # its own representation in text is a page of code
        _bundle({"text/plain": repr(markup), "text/html": markup.data}, stated=getattr(drawn, "facts", []))
    elif shell := get_ipython():
        _bundle(*shell.display_formatter.format(drawn), stated=getattr(drawn, "facts", []))


def _bundle(
    data: dict[str, Any],
    about: dict[str, Any] | None = None,
    said: list[dict] | None = None,
    look: str = "",
    stated: Sequence[dict] = (),
) -> None:
    """Show something in several forms, with what it claims and states as data; its HTML has classes: how it looks, and those
    that keep it from being read for formulas."""
    if "text/html" in data:
        data = data | {"text/html": f'<div class="{f"{look} {NO_FORMULA}".strip()}">{data["text/html"]}</div>'}
    beside = ({SAID_MIME: said} if said else {}) | ({FACTS_MIME: list(stated)} if stated else {})
    display(data | beside, raw=True, metadata=about or {})


def _note(sentence: str) -> None:
    """Say what is missing, but not twice in a cell."""
    cell = _cell()
    if cell is None or _noted.get(sentence) != cell:
        _put(HTML(f'<p class="missing">{html.escape(sentence)}</p>'))
    _noted[sentence] = cell


def _cell() -> str | int | None:
    """Tell one cell from another: by the request that executes it, for not everybody who asks counts."""
    shell = get_ipython()
    asked = getattr(shell, "get_parent", dict)()
    return asked.get("header", {}).get("msg_id") or getattr(shell, "execution_count", None)
