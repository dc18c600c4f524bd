"""What did a finished run leave? `run.json` and the notebooks beside it, read in one place and checked against a model.

Every reader of a run reads it here. A file that cannot be read, is too large or is not as a run writes it is refused with one
sentence; new keys are allowed. Nothing here needs more than pydantic, so that the server of pages stays small.
"""

import math
import os
import re
import stat
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from quarterdeck.errors import RunError

RECORD = "run.json"
MOST = 16 << 20  # bytes of a `run.json`: a page takes four thousand; so many are read within a second
MOST_NOTEBOOK = 64 << 20  # bytes of a page's notebook; a run stops one that puts out a quarter of that
_open = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"[^/\0]+", text) or text in (".", ".."):
        raise ValueError("not the name of a file")
    return text


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_finite)]  # what is no finite number is not known
Moment, Name = Annotated[str, AfterValidator(_moment)], Annotated[str, AfterValidator(_name)]


class Given(TypedDict):
    """The parameters of a notebook that readers look at."""

    __pydantic_config__ = _open
    region: str


class MadeOf(TypedDict):
    """What a page follows from, as hashes."""

    __pydantic_config__ = _open
    rows: NotRequired[dict[str, str] | None]


class Figure(TypedDict):
    """A figure that a page showed."""

    __pydantic_config__ = _open
    region: str
    notebook: str
    metric: str
    period: str | None
    value: Number
    low: Number
    high: Number
    unit: str
    target: NotRequired[Number]


class Edition(TypedDict):
    """The earlier page that stands in for one that failed: of which run it is, and its figures."""

    __pydantic_config__ = _open
    run: Name
    as_of: Moment
    created_at: Moment
    snapshot: str
    library: NotRequired[str]
    kpis: list[Figure]


class Entry(TypedDict):
    """What a run says of one notebook of one region."""

    __pydantic_config__ = _open
    region: Name
    notebook: Name
    state: str
    seconds: float
    parameters: Given
    error: NotRequired[str | None]
    made_in: NotRequired[str | None]
    made_of: NotRequired[MadeOf | None]
    edition: NotRequired[Edition]


class Forecast(TypedDict):
    """A forecast that a page published."""

    __pydantic_config__ = _open
    region: str
    notebook: str
    metric: NotRequired[str]
    period_start: NotRequired[Moment]
    period_end: NotRequired[Moment]
    p10: NotRequired[Number]
    p50: NotRequired[Number]
    p90: NotRequired[Number]
    naive: NotRequired[Number]


class Held(TypedDict):
    """How two figures of a run compare."""

    __pydantic_config__ = _open
    check: str
    metric: str
    difference: Number
    ok: bool


class Organisation(TypedDict):
    """How regions lie in one another: the view, and by unit the one above it, or nothing."""

    __pydantic_config__ = _open
    view: str
    parents: dict[str, str]


class Facts(TypedDict):
    """What `run.json` says."""

    __pydantic_config__ = _open
    company: str
    title: str
    currency: str
    run: str
    as_of: Moment
    created_at: Moment
    snapshot: str
    library: NotRequired[str]
    organisation: NotRequired[Organisation]
    notebooks: list[Entry]
    kpis: list[Figure]
    forecasts: NotRequired[list[Forecast]]
    reconciliation: list[Held]
    computed_per_page: NotRequired[dict[str, int]]


class Output(TypedDict):
    """An output of a cell; only some kinds have data."""

    __pydantic_config__ = ConfigDict(extra="allow")
    output_type: str
    data: NotRequired[dict[str, Any]]
    metadata: NotRequired[dict[str, Any]]


class Cell(TypedDict):
    """A cell of a notebook."""

    __pydantic_config__ = ConfigDict(extra="allow")
    cell_type: str
    source: str | list[str]
    metadata: dict[str, Any]
    outputs: NotRequired[list[Output]]


class Notebook(TypedDict):
    """A notebook as papermill stored it."""

    __pydantic_config__ = ConfigDict(extra="allow")
    cells: list[Cell]
    metadata: dict[str, Any]


def record(run: Path) -> dict[str, Any]:
    """Read what a finished run says of itself.

    Raises
    ------
    RunError
        Where `run.json` is not a file, is too large, or is not as a run writes it.
    OSError
        Where it is not there, or the system does not give it.
    """
    return read(run / RECORD, Facts, MOST)


def facts(run: Path) -> dict[str, Any]:
    """Read what a finished run says of itself; an empty dict where it is not finished or cannot be read."""
    try:
        return record(run)
    except (RunError, OSError):
        return {}


def notebook(path: Path) -> dict[str, Any]:
    """Read a stored notebook, as data.

    Raises
    ------
    RunError
        Where it is too large, was cut short, or is no notebook.
    OSError
        Where it is not there, or the system does not give it.
    """
    return read(path, Notebook, MOST_NOTEBOOK)


def read(path: Path, model: Any, most: int) -> Any:
    """Read a JSON file that a model describes.

    Parameters
    ----------
    path : Path
        The file.
    model : type
        A TypedDict.
    most : int
        Bytes at most.

    Raises
    ------
    RunError, OSError
        As in `record`.
    """
    with open(path, "rb", opener=_opened) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(most + 1) if size <= most else b""
    if max(size, len(content)) > most:
        raise RunError(f"{path} is larger than {most >> 20} MB, which no run writes.")
    try:
        return _adapter(model).validate_json(content)
    except ValueError as error:  # pydantic's own is one
        raise RunError(f"{path} is not as a run writes it: {_first(error)}.") from error


def _opened(path: str, flags: int) -> int:
    """Open a regular file alone: reading a pipe or a device might never end."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise RunError(f"{path} is not a file.")
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _first(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)[:100]
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where, said = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    return f"{where[:100]}: {said[:100].lower()}" if where else said[:100].lower()


@cache
def _adapter(model: Any) -> TypeAdapter:
    return TypeAdapter(model)
