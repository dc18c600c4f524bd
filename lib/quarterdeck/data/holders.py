"""Which tables does one file hold, where it holds several: an Excel workbook, a SQLite or a DuckDB file?

A sheet is a table. What a cell holds is read as it stands there: a date as Excel has it, a number as a number; a column that
mixes kinds is text, each value as it is written.
"""

import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
from openpyxl.utils.exceptions import InvalidFileException

from quarterdeck.errors import SourceError

WORKBOOK, SQLITE, DUCKDB = "an Excel workbook", "a SQLite file", "a DuckDB file"
BEGINS = {SQLITE: (0, b"SQLite format 3\0"), DUCKDB: (8, b"DUCK"), WORKBOOK: (0, b"PK\x03\x04")}
HEADER_WITHIN = 50  # rows from the top, within which a sheet's header stands
FILLED = 0.6  # of the widest of these rows, from which a row may be the header
KINDS = [(bool, pa.bool_()), (int, pa.int64()), ((int, float), pa.float64())]


def kind(path: Path) -> str:
    """Tell by a file's first bytes which of the three it is; nothing where it is none of them."""
    with path.open("rb") as file:
        begins = file.read(16)
    found = (k for k, (at, mark) in BEGINS.items() if begins[at:].startswith(mark))
    return next(found, "")


def tables(path: Path) -> list[str]:
    """Name the tables within a file: its sheets that hold anything, or its tables and views.

    Raises
    ------
    SourceError
        Where it cannot be opened.
    """
    if kind(path) == SQLITE:
        with _sqlite(path) as connection:
            asked = (
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY 1"
            )
            return [name for (name,) in connection.execute(asked)]
    if kind(path) == DUCKDB:
        with _duckdb(path) as connection:
            asked = (
                "SELECT schema_name, table_name FROM duckdb_tables() UNION "
                "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1, 2"
            )
            return [t if schema == "main" else f"{schema}.{t}" for schema, t in connection.execute(asked).fetchall()]
    with closing(_workbook(path)) as book:
        return [s.title for s in book.worksheets if any(_filled(row) for row in _rows(s, HEADER_WITHIN))]


def frame(path: Path, table: str = "", skip: int | None = None) -> pa.Table:
    """Read a sheet, or a table of a SQLite file.

    Parameters
    ----------
    path : Path
        The file.
    table : str
        The sheet's or table's name; empty for the only one.
    skip : int, optional
        Rows above a sheet's header; by default those that hold much less than the header does.

    Raises
    ------
    SourceError
        Where the file cannot be opened, has no such table, or has formulas whose values were never worked out.
    """
    name = _named(path, table)
    if kind(path) == SQLITE:
        with _sqlite(path) as connection:
            found = connection.execute(f'SELECT * FROM "{name.replace(chr(34), chr(34) * 2)}"')
            columns = [column for column, *_ in found.description]
            return _table(columns, found.fetchall(), f"{path.name}, table {name}")
    with closing(_workbook(path)) as book:
        rows = list(_rows(book[name]))
    above = header_row(rows) if skip is None else skip
    _refuse_unworked(path, name, rows)
    body = [row for row in rows[above + 1 :] if _filled(row)]
    return _table(*_kept_columns(rows[above] if above < len(rows) else (), body), f"{path.name}, sheet {name}")


def header_row(rows: list[tuple]) -> int:
    """Give the position of a sheet's header: the first row almost as wide as the widest near the top, and of text.

    >>> header_row([("Sales 2026", None, None), (None, None, None), ("Order", "Day", "Net"), (1, "2026-01-05", 9.5)])
    2
    """
    near = rows[:HEADER_WITHIN]
    widest = max((_filled(row) for row in near), default=0)
    wide = [i for i, row in enumerate(near) if _filled(row) >= FILLED * widest]
    named = [i for i in wide if all(isinstance(v, str) for v in near[i] if v is not None)]
    return next(iter([*named, *wide]), 0)


def _named(path: Path, table: str) -> str:
    found = tables(path)
    if table in found or (not table and len(found) == 1):
        return table or found[0]
    what = f"has no table {table!r}" if table else "holds several tables"
    raise SourceError(
        f"{path.name} {what}; name one under files in source.yaml, such as table: {found[0]}; it has {', '.join(found)}."
        if found
        else f"{path.name} holds nothing; export it again."
    )


def _sqlite(path: Path) -> closing:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise SourceError(f"{path.name} cannot be read as a SQLite file ({error}); export it again.") from error
    return closing(connection)


def _duckdb(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        said = " ".join(str(error).split())[:200]
        raise SourceError(f"{path.name} cannot be read as a DuckDB file ({said}); export it again.") from error


def _workbook(path: Path, values: bool = True) -> openpyxl.Workbook:
    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=values)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise SourceError(
            f"{path.name} cannot be read as an Excel workbook ({str(error)[:200]}); save it again as .xlsx, without a password."
        ) from error


def _rows(sheet: Any, most: int | None = None) -> Iterator[tuple]:
    sheet.reset_dimensions()  # what a program wrote there may be wrong
    for row in sheet.iter_rows(max_row=most, values_only=True):
        yield tuple(None if isinstance(v, str) and not v.strip() else v for v in row)


def _filled(row: Iterable[Any]) -> int:
    return sum(value is not None for value in row)


def _kept_columns(header: tuple, body: list[tuple]) -> tuple[list[str], list[tuple]]:
    """Drop the columns without a name and without a value; those with values alone are named by their place."""
    width = max(map(len, [header, *body]), default=0)
    filled = [any(len(row) > i and row[i] is not None for row in body) for i in range(width)]
    names = [header[i] if i < len(header) else None for i in range(width)]
    kept = [i for i in range(width) if names[i] is not None or filled[i]]
    columns = [str(names[i]).strip() if names[i] is not None else f"column_{i + 1}" for i in kept]
    return columns, [tuple(row[i] if i < len(row) else None for i in kept) for row in body]


def _refuse_unworked(path: Path, name: str, rows: list[tuple]) -> None:
    """Refuse a sheet in which a formula has no value: a program wrote it, and nothing has worked it out."""
    with closing(_workbook(path, values=False)) as book:
        for number, (row, formulas) in enumerate(zip(rows, _rows(book[name]), strict=False), start=1):
            for value, formula in zip(row, formulas, strict=False):
                if value is None and isinstance(formula, str) and formula.startswith("="):
                    raise SourceError(
                        f"{path.name}, sheet {name}, row {number}: the formula {formula!r} has no value; open the workbook "
                        "in a spreadsheet program and save it."
                    )


def _table(columns: list[str], rows: list[tuple], where: str) -> pa.Table:
    if twice := next((c for c in columns if columns.count(c) > 1), ""):
        raise SourceError(f"{where} has two columns named {twice!r}; give each a name of its own.")
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pa.table({c: _column(v) for c, v in zip(columns, values, strict=True)})


def _column(values: tuple) -> pa.Array:
    """Make a column of cells: of one kind where all are, else of text as it is written."""
    held = [v for v in values if v is not None]
    for types, arrow in KINDS:
        if held and all(isinstance(v, types) and (types is bool or not isinstance(v, bool)) for v in held):
            return pa.array(
                values, arrow if all(not isinstance(v, int) or abs(v) < 2**63 for v in held) else pa.float64()
            )
    if held and all(isinstance(v, date) for v in held):  # a datetime is a date as well
        return pa.array([v if v is None or isinstance(v, datetime) else datetime(*v.timetuple()[:3]) for v in values])
    return pa.array([None if v is None else _written(v) for v in values], pa.string())


def _written(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date) else str(value)
