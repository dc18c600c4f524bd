"""Which answers are the company's, and where has a run stored them?

A question that has one answer for all regions is asked of the whole company, whichever region a page speaks of; the page
shows its region's part. A run computes such answers once and stores them beside its snapshot, as Parquet, with what they were
made of. `Desk.ask` reads what is stored, and computes what is not.
"""

import hashlib
import importlib
import inspect
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from pyarrow import ArrowException

from quarterdeck.data import COMPANY, durable

FOLDER, RECORD = "answers", "answer.json"
PREFIX = "answer:"  # of the name under which a page notes that it stands on a stored answer
LIBRARY = Path(__file__).parent.parent
PLAIN = (str, int, float, bool)
CLASSES = "quarterdeck.analysis."  # where records are defined that may be stored


@dataclass(frozen=True)
class Missing:
    """What stands in for a figure that the company's tables cannot give; `sentence` says why, `past` which past is lacking."""

    sentence: str
    past: str = ""

    def __getitem__(self, column: str) -> "Missing":
        """Give itself: what is a part of what is missing is missing for the same reason."""
        return self

    def sum(self) -> "Missing":
        """Give itself, as `__getitem__` does."""
        return self


def company_wide(part: Callable[[Any, str], Any]) -> Callable:
    """Say of an analysis function that its answer is the company's, of which each region is given a part.

    The function takes tables, plain values, and what a desk gives by name, `ask` among it: that asks the company's desk.

    Parameters
    ----------
    part : callable
        Takes the answer and a region's name ("company" for all of it), and gives the region's part.
    """

    def declare(function: Callable) -> Callable:
        function.company_wide = part
        return function

    return declare


def own_rows(answer: pd.DataFrame, region: str) -> pd.DataFrame:
    """Give the rows of a region, by the column `region`; for the company all of them.

    >>> own_rows(pd.DataFrame({"region": ["N", "S"], "x": [1, 2]}), "S")["x"].tolist()
    [2]
    """
    return answer if region == COMPANY else answer[answer["region"] == region].reset_index(drop=True)


def region_row(answer: pd.DataFrame, region: str) -> pd.DataFrame:
    """Give the rows of a region, where the company as a whole has rows of its own, under the name "company"."""
    return answer[answer["region"] == region].drop(columns="region").reset_index(drop=True)


def whole(answer: Any, region: str) -> Any:
    """Give all of an answer, to whichever region."""
    return answer


def cut(function: Callable, answer: Any, region: str) -> Any:
    """Give a region's part of a company-wide answer; what is missing is missing for every region."""
    return answer if isinstance(answer, Missing) else function.company_wide(answer, region)


def named(function: Callable, options: Mapping[str, Any], level: int = 1) -> str:
    """Name an answer by its function, the options that it was asked with, those by default too, and the level of its regions.

    >>> def sales(orders, top: int = 5): ...
    >>> sales.__module__ = "quarterdeck.analysis.sales.revenue"
    >>> named(sales, {}) == named(sales, {"top": 5}), named(sales, {}).rpartition("-")[0]
    (True, 'sales.revenue.sales')
    """
    defaults = {k: p.default for k, p in inspect.signature(function).parameters.items() if isinstance(p.default, PLAIN)}
    given = {k: f"{v:%Y-%m-%d}" if isinstance(v, pd.Timestamp) else v for k, v in options.items()}
    content = json.dumps(defaults | given, sort_keys=True) + (f" of level {level}" if level > 1 else "")
    module = function.__module__.removeprefix(CLASSES)
    return f"{module}.{function.__qualname__}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def spoken(name: str) -> str:
    """Say which question an answer's name stands for.

    >>> spoken("answer:forecasting.months_ahead.months-1f2e3d4c")
    'months ahead, months'
    """
    module, _, function = name.rpartition("-")[0].rpartition(".")
    return f"{module.rpartition('.')[2]}, {function}".replace("_", " ")


def store(answer: Any, place: Path, record: Mapping[str, Any]) -> None:
    """Store an answer in a folder, whole or not at all.

    Parameters
    ----------
    answer : Any
        A frame, a `Missing`, a plain value, or a record or dict of these.
    place : Path
        The folder to be made.
    record : mapping
        What else is to be known of it, in values that JSON can hold.

    Raises
    ------
    TypeError
        Where the answer holds anything else.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".answer-", dir=place.parent))
    try:
        frames: list[pd.DataFrame] = []
        shape = _shape(answer, frames)
        for number, frame in enumerate(frames):
            frame.to_parquet(draft / f"{number}.parquet")
        (draft / RECORD).write_text(json.dumps({"shape": shape, **record}), encoding="utf-8")
        os.chmod(draft, 0o755)
        if place.is_dir():
            shutil.rmtree(place)
        durable.settle(draft, place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def record(place: Path) -> dict[str, Any]:
    """Read what is known of a stored answer; nothing where there is none, or it cannot be read."""
    try:
        found = json.loads((place / RECORD).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


@dataclass
class Found:
    """The company-wide answers that a desk has found so far, by name, and the tables that stored ones were made of."""

    answers: dict[str, Any] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)


def load(place: Path) -> tuple[Any, set[str]] | None:
    """Read a stored answer, and the names of the tables that it was made of.

    Returns
    -------
    tuple or None
        None where there is none, it cannot be read, or the library's code has changed since: it is computed then.
    """
    known = record(place)
    if not known or known.get("code") != {file: content(file) for file in known.get("code", ())}:
        return None
    try:
        return _formed(known["shape"], place), set(known["rows"])
    except (OSError, ArrowException, KeyError, ValueError, TypeError, AttributeError):
        return None


def code(modules: set[str]) -> dict[str, str]:
    """Hash the files of modules of the library.

    Returns
    -------
    dict
        By the file's path within the library, a hash of its content (16 hex digits).
    """
    paths = sorted(LIBRARY.parent.joinpath(*name.split(".")) for name in modules)
    files = [path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for path in paths]
    return {file: content(file) for file in (path.relative_to(LIBRARY).as_posix() for path in files)}


@cache
def content(file: str) -> str:
    """Hash a file of the library; empty where it is not there any more."""
    path = LIBRARY / file
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


def hashed(part: Any) -> str:
    """Hash a region's part of an answer: equal parts have equal hashes (16 hex digits)."""
    frames: list[pd.DataFrame] = []
    content = hashlib.sha256(json.dumps(_shape(part, frames)).encode())
    for frame in frames:
        content.update(json.dumps([*map(str, frame.columns), frame.attrs], default=str).encode())
        content.update(pd.util.hash_pandas_object(frame).to_numpy().tobytes())
    return content.hexdigest()[:16]


def _shape(answer: Any, frames: list[pd.DataFrame]) -> dict[str, Any]:
    """Describe an answer for JSON, its frames by their numbers in a list that takes them in."""
    if isinstance(answer, pd.DataFrame):
        frames.append(answer)
        return {"frame": len(frames) - 1}
    if isinstance(answer, Missing):
        return {"missing": [answer.sentence, answer.past]}
    if hasattr(answer, "_fields") and type(answer).__module__.startswith(CLASSES):
        where = f"{type(answer).__module__}:{type(answer).__qualname__}"
        return {"record": where, "fields": [_shape(v, frames) for v in answer]}
    if isinstance(answer, dict):
        return {"dict": {str(k): _shape(v, frames) for k, v in answer.items()}}
    if answer is None or isinstance(answer, PLAIN):
        return {"value": answer}
    raise TypeError(f"a company-wide answer cannot hold a {type(answer).__name__}")


def _formed(shape: dict[str, Any], place: Path) -> Any:
    """Give the answer of a shape, its frames read from a folder."""
    kind, held = next(iter(shape.items()))
    if kind == "frame":
        return pq.ParquetFile(place / f"{held}.parquet", pre_buffer=False).read(use_threads=False).to_pandas()
    if kind == "missing":
        return Missing(*held)
    if kind == "dict":
        return {k: _formed(v, place) for k, v in held.items()}
    if kind == "record":
        module, _, name = held.partition(":")
        if not module.startswith(CLASSES):
            raise ValueError(f"{held} is no record of an analysis")
        return getattr(importlib.import_module(module), name)(*(_formed(f, place) for f in shape["fields"]))
    return held
