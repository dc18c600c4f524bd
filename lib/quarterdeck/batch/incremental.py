"""Which notebooks need not run again?

A notebook's outputs follow from its source, its parameters, the library's modules that it imports, the packages' versions,
and the rows of the tables that it read. Where an earlier run made the same notebook from the same, its outputs are taken
over; where they differ, the difference is the reason to run.
"""

import ast
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from quarterdeck.batch import finished
from quarterdeck.batch.folders import ASIDE, recorded, runs
from quarterdeck.batch.plan import Job
from quarterdeck.batch.record import RECORDED
from quarterdeck.batch.unchanged import LIBRARY, packages
from quarterdeck.data import answers
from quarterdeck.data.tree import UNITS
from quarterdeck.errors import RunError

LOOK_BACK = 8  # runs
REGISTRY = "quarterdeck.analysis.brief.metrics"
ASKING = {"measure", "trail"}  # its functions that take ids of metrics
WHOLE = ("done", "fresh")
PARSING = threading.Lock()  # Python 3.11 fails at times where two threads parse at once


@dataclass(frozen=True)
class Page:
    """A notebook that an earlier run finished."""

    run: str
    file: Path
    made_of: dict[str, Any]
    seconds: float
    said: dict[str, list[dict[str, Any]]]  # what it recorded, by kind


def described(frozen: dict[str, Any]) -> dict[str, Any]:
    """Give what `snapshot.json` says of the company itself, on which every page of it stands."""
    own = {k: frozen[k] for k in ("company", "title", "currency", "whole_from", "calendar") if k in frozen}
    return own | ({"view": frozen[UNITS]["view"]} if UNITS in frozen else {})


def made_of(job: Job, frozen: dict[str, Any]) -> dict[str, Any]:
    """Say what a job's outputs would be made of, but for the tables: one hash per kind of thing.

    Parameters
    ----------
    job : Job
        What is to run.
    frozen : dict
        What `snapshot.json` says.
    """
    given = {k: v for k, v in job.parameters.items() if k not in ("data", "as_of")}
    known = described(frozen)
    day = job.parameters.get("as_of") or frozen["as_of"]
    return {
        "notebook": job.notebook_hash,
        "library": library(job.file),
        "parameters": _hash([given, known]),
        "day": day,
        "packages": packages(),
    }


def why(wanted: dict[str, Any], page: Page | None, parts: dict[str, dict[str, str]]) -> str:
    """Say why a page has to be made again.

    Parameters
    ----------
    wanted : dict
        What it would be made of, as `made_of` gives it.
    page : Page or None
        The earlier page, if there is one.
    parts : dict
        By region, the hash of its part of each table.

    Returns
    -------
    str
        The first reason; empty where the page would be the same.
    """
    if page is None:
        return "it has not been run"
    if page.made_of.get("rows") is None:
        return "it reads another snapshot"
    said = {
        "notebook": "the notebook has changed",
        "parameters": "its parameters have changed",
        "day": "the day it looks from has changed",
        "library": "library code that it uses has changed",
        "packages": "packages have changed",
    }
    changed = next((text for kind, text in said.items() if page.made_of.get(kind) != wanted[kind]), "")
    return changed or _changed_rows(page.made_of["rows"], parts)


def chosen(wanted: dict[str, Any], pages: list[Page], parts: dict[str, dict[str, str]]) -> tuple[str, Page | None]:
    """Choose the page to take over, with no reason to run; else give the first reason, and the page that it speaks of."""
    reasons = [(why(wanted, page, parts), page) for page in pages] or [(why(wanted, None, {}), None)]
    if page := next((page for reason, page in reasons if not reason and whole(page.file)), None):
        return "", page
    return reasons[0][0] or "its stored page cannot be read", reasons[0][1]


def _changed_rows(rows: dict[str, str], parts: dict[str, dict[str, str]]) -> str:
    changed = []
    for name, value in rows.items():
        region, _, table = name.rpartition(" ")
        if parts.get(region, {}).get(table, "") != value:
            changed.append(table)
    if tables := [t for t in dict.fromkeys(changed) if not t.startswith(answers.PREFIX)]:
        return f"rows of {', '.join(tables)} have changed"
    return f"the company's answer to {answers.spoken(changed[0])} has changed" if changed else ""


def earlier(company: Path) -> dict[tuple[str, str], list[Page]]:
    """List the pages that earlier runs finished, by region and notebook, the newest run first.

    A run that was interrupted has no `run.json`, or one that cannot be read; its pages say themselves what they are made of.
    """
    found: dict[tuple[str, str], list[Page]] = {}
    for folder in runs(company)[:LOOK_BACK]:
        for key, made in _pages(folder):
            found.setdefault(key, []).append(made)
    return found


def _pages(folder: Path) -> Iterator[tuple[tuple[str, str], Page]]:
    if facts := finished.facts(folder):
        yield from _recorded(folder, facts)
        return
    for file in sorted(folder.glob("[!.]*/*.ipynb")):
        held = whole(file) if file.parent.name != ASIDE else None
        if held and (made := held["metadata"].get("quarterdeck")):
            seconds, said = held["metadata"]["papermill"]["duration"], recorded(held, RECORDED)
            yield (file.parent.name, file.stem), Page(made["made_in"], file, made["made_of"], seconds, said)


def whole(file: Path) -> dict[str, Any] | None:
    """Read a stored page; None where it cannot be read because it was cut short or damaged."""
    try:
        return finished.notebook(file)
    except (RunError, OSError):
        return None


def _recorded(folder: Path, facts: dict) -> Iterator[tuple[tuple[str, str], Page]]:
    for entry in facts["notebooks"]:
        key = entry["region"], entry["notebook"]
        file = folder / key[0] / f"{key[1]}.ipynb"
        if entry["state"] in WHOLE and entry.get("made_of") and file.is_file():
            names = {"kpis": entry["region"], "forecasts": entry["parameters"]["region"]}
            said = {kind: _said(facts.get(kind, []), names[kind], entry["notebook"]) for kind in RECORDED}
            yield key, Page(entry["made_in"], file, entry["made_of"], entry["seconds"], said)


def _said(rows: list[dict], region: str, notebook: str) -> list[dict]:
    own = [row for row in rows if (row["region"], row["notebook"]) == (region, notebook)]
    return [{k: v for k, v in row.items() if k not in ("region", "notebook")} for row in own]


def library(notebook: Path) -> str:
    """Hash the library's modules that a notebook reaches; of the registry of metrics, those that it asks for."""
    ids = asked_for(notebook)
    names = reached(notebook, ids)
    if any(REGISTRY in _imports(name) for name in names - {REGISTRY}):  # another module may ask for any metric
        names, ids = reached(notebook), None
    return _hash([[n, _text(n) if n != REGISTRY or ids is None else _registry(ids)] for n in sorted(names)])


def asked_for(notebook: Path) -> set[str] | None:
    """Name the metrics that a notebook asks for; None where its code does not name them as plain strings."""
    try:
        nodes = list(ast.walk(_parsed(_code(notebook))))
    except SyntaxError:  # as in `reached`
        return None
    froms = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.module == REGISTRY]
    if {a.asname or a.name for n in froms for a in n.names} - ASKING or not froms:
        return None
    lists: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and node.value is not None:
                    lists.setdefault(target.id, []).append(node.value)
    ids = set()
    for call in (n for n in nodes if isinstance(n, ast.Call) and getattr(n.func, "id", "") in ASKING):
        for given in call.args[1:]:
            named = lists.get(getattr(given.value, "id", ""), [given]) if isinstance(given, ast.Starred) else [given]
            plain = [e for v in named for e in (v.elts if isinstance(v, ast.List | ast.Tuple) else [v])]
            if not all(isinstance(e, ast.Constant) for e in plain):
                return None
            ids |= {e.value for e in plain}
    calls = sum(getattr(n, "id", "") in ASKING for n in nodes if isinstance(n, ast.Name))
    asked = sum(getattr(n.func, "id", "") in ASKING for n in nodes if isinstance(n, ast.Call))
    return ids if calls == asked else None  # a function that is handed on may be asked for anything


def _registry(ids: set[str]) -> str:
    """Give the registry's text without the entries of other metrics."""
    whole = rest = _text(REGISTRY)
    for entry in _others(_parsed(whole), ids):
        rest = rest.replace(ast.get_source_segment(whole, entry), "", 1)
    return re.sub(r"^\s*,?\n", "", rest, flags=re.MULTILINE)


def _others(registry: ast.AST, ids: set[str]) -> list[ast.Call]:
    """Find the registry's entries of other metrics; one whose ids do not stand in it may be of any that no other names."""
    calls = [
        n for n in ast.walk(registry) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Metric" and n.args
    ]
    named = [(call, _pattern(call.args[0])) for call in calls]
    found = {i for i in ids if any(pattern and re.fullmatch(pattern, i) for _, pattern in named)}
    return [c for c, pattern in named if not (any(re.fullmatch(pattern, i) for i in ids) if pattern else ids - found)]


def _pattern(given: ast.expr) -> str:
    """Give a pattern of the ids that an entry has, from what stands there as plain words; nothing where nothing does."""
    parts = given.values if isinstance(given, ast.JoinedStr) else [given]
    plain = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+" for p in parts]
    return "".join(plain) if set(plain) != {".+"} else ""


def reached(notebook: Path, ids: set[str] | None = None) -> set[str]:
    """Name the library's modules that a notebook imports, and those that they import in turn.

    Where it is known which metrics it asks for, `ids`, the registry leads to the modules that compute these alone.
    """
    try:
        ahead = _imported(_parsed(_code(notebook)))
    except SyntaxError:  # a magic, say: it may import anything
        ahead = {_name(p) for p in LIBRARY.rglob("*.py")}
    return reached_from(ahead, ids)


def reached_from(ahead: set[str], ids: set[str] | None = None) -> set[str]:
    """Name the library's modules that some of them import, directly or through others, and these; `ids` as `reached` has it."""
    found = set()
    while ahead:
        found |= ahead
        ahead = set().union(*(_leads_to(name, ids) for name in ahead)) - found
    return found


def _leads_to(name: str, ids: set[str] | None) -> set[str]:
    """Name the modules that one imports; of the registry without what entries of other metrics alone use."""
    if name != REGISTRY or ids is None:
        return _imports(name)
    tree = _parsed(_text(REGISTRY))
    others = {node for entry in _others(tree, ids) for node in ast.walk(entry)}
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n not in others}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            node.names = [a for a in node.names if (a.asname or a.name) in used]
    return _imported(tree)


def _code(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


@cache
def _imports(name: str) -> set[str]:
    return _imported(_parsed(_text(name)))


def _imported(tree: ast.AST) -> set[str]:
    """Name the library's modules that a program imports, each with the packages it lies in."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    lines = [n.split(".") for n in names if n.split(".")[0] == "quarterdeck"]
    return {name for line in lines for i in range(len(line)) if _file(name := ".".join(line[: i + 1])).is_file()}


def _parsed(text: str) -> ast.Module:
    with PARSING:
        return ast.parse(text)


def _file(name: str) -> Path:
    path = LIBRARY.parent.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _name(path: Path) -> str:
    return ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts).removesuffix(".__init__")


@cache
def _text(name: str) -> str:
    return _file(name).read_text(encoding="utf-8")


def _hash(thing: Any) -> str:
    return hashlib.sha256(json.dumps(thing, sort_keys=True).encode()).hexdigest()[:16]
