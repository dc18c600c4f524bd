"""Which notebooks can a company's tables fill, and what do their sections lack?

A notebook's cells are gone through without computing: what it asks of the desk is looked up (`Desk.lacks`), and what it would
show is noted with the reason that its page would give. What shows only in computing, such as too few rows, is left to a run.
"""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from quarterdeck.analysis.brief.metrics import METRICS, Metric
from quarterdeck.data.answers import Missing
from quarterdeck.data.contract import TABLES
from quarterdeck.data.snapshot import DESKS, KEPT, Desk

WHOLE, PART, NOT = "whole", "part", "not"


@dataclass
class Verdict:
    """How much of a notebook can be filled: of which of its `sections`, by heading, which reasons are known."""

    notebook: str
    sections: dict[str, list[str]] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)  # by section, what is shown in it
    unread: list[str] = field(default_factory=list)  # sections of which only a run can tell

    def facts(self) -> dict[str, Any]:
        """Give it as data: notebook, verdict (whole, part or not), sections (count), lacking (reasons by heading), unread."""
        lacking = {heading: reasons for heading, reasons in self.sections.items() if reasons}
        verdict = WHOLE if not lacking else PART if any(self.shown.values()) or self.unread else NOT
        about = {"notebook": self.notebook, "verdict": verdict, "sections": len(self.sections)}
        return about | {"lacking": lacking, "unread": self.unread}


class Computed:
    """Stands for what a run would compute."""

    __iter__ = None  # how many there would be is not known

    def __getattr__(self, name: str) -> "Computed":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, name: object) -> "Computed":
        return self

    def __call__(self, *given: Any, **named: Any) -> "Computed":
        return self


class Unasked:
    """A desk that says what a function lacks, and calls none."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)

    def everywhere(self) -> "Unasked":
        """Give the desk with the rows of all regions."""
        return Unasked(self._desk.everywhere())

    def ask(self, function: Callable, **options: Any) -> Any:
        """Give what the function lacks, or what stands for its answer."""
        return self._desk.lacks(function, **options) or Computed()


def verdict(notebook: Path, desk: Desk) -> Verdict:
    """Go through a notebook's cells and note what its sections lack.

    Parameters
    ----------
    notebook : Path
        The notebook.
    desk : Desk
        The company's tables, for one region and day.

    Returns
    -------
    Verdict
        With a section for each heading below the notebook's own.
    """
    found, names = Verdict(notebook.stem), {}
    heading = "headline"
    for cell in nbformat.read(notebook, 4).cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            heading = cell.source.splitlines()[0].removeprefix("## ")
        elif cell.cell_type == "code" and not {"live", "method", "provenance"} & set(tags):
            names |= {"show": _shows(found, heading), "measure": _measures(found, heading)}
            if not _gone_through(cell.source, names, Unasked(desk)) and heading not in found.unread:
                found.unread.append(heading)
    return found


def _gone_through(source: str, names: dict[str, Any], desk: Unasked) -> bool:
    """Execute a cell with what stands in for the desk and for showing; tell whether it went through."""
    ours = {name: names[name] for name in ("show", "measure")} | {"answer": lambda *_, **__: None}
    steps = ast.parse(source).body
    imports = [step for step in steps if isinstance(step, ast.Import | ast.ImportFrom)]
    rest = [step for step in steps if step not in imports]
    try:
        exec(compile(ast.Module(imports, []), "cell", "exec"), names)
        names |= ours | {"open_desk": lambda *_, everywhere=False, **__: desk.everywhere() if everywhere else desk}
        exec(compile(ast.Module(rest, []), "cell", "exec"), names)
    except Exception:  # a cell that computes with answers goes its own way: what its section lacks, a run says
        return False
    return True


def _shows(found: Verdict, heading: str) -> Callable[..., None]:
    """Give what stands in for `page.show`: it notes the reason for which the page would show nothing."""

    def show(draw: Callable, *subjects: Any, **options: Any) -> None:
        reasons = found.sections.setdefault(heading, [])
        missing = next((s for s in (*subjects, *options.values()) if isinstance(s, Missing)), None)
        if missing is None:
            found.shown[heading] = found.shown.get(heading, 0) + 1
        elif missing.sentence not in (*reasons, *KEPT.values()):  # what runs kept is no fault of the tables
            reasons.append(missing.sentence)

    return show


def _measures(found: Verdict, heading: str) -> Callable[..., Computed | Missing]:
    """Give what stands in for `metrics.measure`: it notes the metrics that have no value, with the reason."""

    def measure(desk: Unasked, *ids: str, **known: Any) -> Computed | Missing:
        reasons, lacks = found.sections.setdefault(heading, []), [_lacks(desk, METRICS[i]) for i in ids]
        reasons += dict.fromkeys(said for said in lacks if said and said not in reasons)
        return Computed() if not all(lacks) else Missing(lacks[0])

    return measure


def _lacks(desk: Unasked, metric: Metric) -> str:
    """Say what a metric lacks; one that asks the desk itself lacks the tables that it declares."""
    said = desk.ask(metric.function)
    if isinstance(said, Missing):
        return said.sentence.replace("Not shown: it", f"Not shown: {metric.title.lower()}")
    asks = not {*inspect.signature(metric.function).parameters} & ({*TABLES} - {*DESKS})
    needs = [need.split(".") for need in metric.needs]
    absent = dict.fromkeys(table.replace("_", " ") for table, _ in needs if asks and table not in desk.tables)
    void = [f"{c} of {t.replace('_', ' ')}" for t, c in needs if t in desk.tables and desk.tables[t][c].isna().all()]
    lacks = (absent, "does not hold") if absent else (void, "leaves empty")
    words = f"needs {' and '.join(lacks[0])}, which the data of {desk.title} {lacks[1]}"
    return f"Not shown: {metric.title.lower()} {words}." if lacks[0] else ""
