"""Which notebooks need not run again?

A notebook's outputs follow from its source, its parameters, the library's modules that it imports, the packages' versions,
and the rows of the tables that it read. Where an earlier run made the same notebook from the same, its outputs are taken
over; where they differ, the difference is the reason to run.
"""

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from quarterdeck.batch.folders import ASIDE, recorded, runs
from quarterdeck.batch.plan import Job
from quarterdeck.batch.record import RECORDED
from quarterdeck.batch.unchanged import LIBRARY, packages

LOOK_BACK = 8  # runs
WHOLE = ("done", "fresh")


@dataclass(frozen=True)
class Page:
    """A notebook that an earlier run finished."""

    run: str
    file: Path
    made_of: dict[str, Any]
    seconds: float
    said: dict[str, list[dict[str, Any]]]  # what it recorded, by kind


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
    known = {k: frozen[k] for k in ("company", "title", "currency")}
    day = job.parameters.get("as_of") or frozen["as_of"]
    return {
        "notebook": job.notebook_hash,
        "library": library(job.file),
        "parameters": _hash([given, known]),
        "day": day,
        "packages": packages(),
    }


def why(wanted: dict[str, Any], page: Page | None, parts: dict[str, dict[str, str]]) -> str:
    """Say why a page has to be made anew, or nothing where it is as it would be."""
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


def _changed_rows(rows: dict[str, str], parts: dict[str, dict[str, str]]) -> str:
    changed = []
    for name, value in rows.items():
        region, _, table = name.rpartition(" ")
        if parts.get(region, {}).get(table, "") != value:
            changed.append(table)
    return f"rows of {', '.join(dict.fromkeys(changed))} have changed" if changed else ""


def earlier(company: Path) -> dict[tuple[str, str], list[Page]]:
    """List the pages that earlier runs finished, by region and notebook, the newest run first.

    A run that was interrupted has no `run.json`; what its pages are made of stands in themselves.
    """
    found: dict[tuple[str, str], list[Page]] = {}
    for folder in runs(company)[:LOOK_BACK]:
        for key, made in _pages(folder):
            found.setdefault(key, []).append(made)
    return found


def _pages(folder: Path) -> Iterator[tuple[tuple[str, str], Page]]:
    told = folder / "run.json"
    if told.is_file():
        yield from _recorded(folder, json.loads(told.read_text(encoding="utf-8")))
        return
    for file in sorted(folder.glob("[!.]*/*.ipynb")):
        if file.parent.name != ASIDE:
            held = json.loads(file.read_text(encoding="utf-8"))
            if made := held["metadata"].get("quarterdeck"):
                seconds, said = held["metadata"]["papermill"]["duration"], recorded(held, RECORDED)
                yield (file.parent.name, file.stem), Page(made["made_in"], file, made["made_of"], seconds, said)


def _recorded(folder: Path, told: dict) -> Iterator[tuple[tuple[str, str], Page]]:
    for entry in told["notebooks"]:
        key = entry["region"], entry["notebook"]
        file = folder / key[0] / f"{key[1]}.ipynb"
        if entry["state"] in WHOLE and "made_of" in entry and file.is_file():
            names = {"kpis": entry["region"], "forecasts": entry["parameters"]["region"]}
            said = {kind: _said(told[kind], names[kind], entry["notebook"]) for kind in RECORDED}
            yield key, Page(entry["made_in"], file, entry["made_of"], entry["seconds"], said)


def _said(rows: list[dict], region: str, notebook: str) -> list[dict]:
    own = [row for row in rows if (row["region"], row["notebook"]) == (region, notebook)]
    return [{k: v for k, v in row.items() if k not in ("region", "notebook")} for row in own]


def library(notebook: Path) -> str:
    """Hash the library's modules that a notebook reaches."""
    return _hash([[name, _text(name)] for name in sorted(reached(notebook))])


def reached(notebook: Path) -> set[str]:
    """Name the library's modules that a notebook imports, and those that they import in turn."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    try:
        ahead = _imported(ast.parse(code))
    except SyntaxError:  # a magic, say: it may import anything
        ahead = {_name(p) for p in LIBRARY.rglob("*.py")}
    found = set()
    while ahead:
        found |= ahead
        ahead = set().union(*map(_imports, ahead)) - found
    return found


@cache
def _imports(name: str) -> set[str]:
    return _imported(ast.parse(_text(name)))


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
