"""Which tables do a folder, a file or a database hold, and how are their files written?"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import duckdb
import ibis

from quarterdeck.data import holders, postgres
from quarterdeck.data.files import HOLDERS, READERS, Files, line, located
from quarterdeck.data.intake.written import Written, written
from quarterdeck.errors import SourceError

NUMBERED = re.compile(r"[-_. ]*\d[\d\-_. ]*$")  # what tells apart files of one table, such as _2026-01
MOST_TABLES = 400  # that are looked at


@dataclass
class Found:
    """A table: what source.yaml calls it, how SQL names it, its file's options, its columns and rows."""

    name: str
    sql: str
    columns: dict[str, str]  # by name, its kind: text, number, date or bool
    rows: int
    options: dict = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    title: str = ""  # the file's, sheet's or table's own name


@dataclass
class Place:
    """Where a company's tables are: an open connection, the tables that were found, and what could not be read."""

    connection: ibis.BaseBackend
    tables: list[Found]
    unread: list[str] = field(default_factory=list)
    folder: Path | None = None  # none where it is a database

    @property
    def dialect(self) -> str:
        """Name the SQL that its engine speaks."""
        return self.connection.name

    def value(self, sql: str) -> object:
        """Ask for one value, in DuckDB's SQL."""
        return next(iter(self.row(sql).values()), None)

    def row(self, sql: str) -> dict:
        """Ask for one row, in DuckDB's SQL."""
        return next(iter(self.rows(sql)), {})

    def rows(self, sql: str) -> list[dict]:
        """Ask for rows, in DuckDB's SQL."""
        if self.folder is None:
            return self.connection.sql(sql, dialect="duckdb").to_pyarrow().to_pylist()
        return self.connection.con.execute(sql).to_arrow_table().to_pylist()


@contextmanager
def opened(where: str, company: str) -> Iterator[Place]:
    """Look at a folder, a file or a database.

    Parameters
    ----------
    where : str
        A path, or an engine's URL.
    company : str
        Its name, for messages.

    Raises
    ------
    SourceError
        Where there is nothing to look at, or no table in it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = _database(where, company) if "://" in where else _files(Path(where), company, Path(scratch))
        try:
            if not place.tables:
                said = f" ({'; '.join(place.unread[:3])})" if place.unread else ""
                raise SourceError(
                    f"{company}: no table was found in {_shown(where)}{said}; name the folder of its files."
                )
            yield place
        finally:
            place.connection.disconnect()


def _shown(where: str) -> str:
    """Name a place without a password."""
    return re.sub(r"://[^@/]*@", "://", where).partition("?")[0]


def identifier(text: str) -> str:
    """Make a name that SQL takes without quotes.

    >>> identifier("Sales 2026 (final)")
    'sales_2026_final'
    """
    bare = re.sub(r"\W+", "_", text.lower()).strip("_")
    return bare if bare and not bare[0].isdigit() else f"t_{bare}"


def quoted(name: str) -> str:
    """Write a name for SQL: in quotes, but where it needs none.

    >>> quoted("close_date"), quoted("Close Date"), quoted("order")
    ('close_date', '"Close Date"', '"order"')
    """
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _reserved():
        return name
    return '"' + name.replace('"', '""') + '"'


@cache
def _reserved() -> set[str]:
    asked = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
    return {"user", *(name for (name,) in duckdb.sql(asked).fetchall())}  # user is PostgreSQL's


def _database(url: str, company: str) -> Place:
    try:
        connection = ibis.connect(url)
        names = connection.list_tables()
    except Exception as error:  # each engine has its own family of errors; all mean the same here
        said = postgres.without_secret(line(error), url)
        raise SourceError(f"{company}: the database at {_shown(url)} did not answer ({said}).") from None
    place = Place(connection, [])
    for name in names[:MOST_TABLES]:
        table = connection.table(name)
        rows = table.count().to_pyarrow().as_py()
        place.tables.append(Found(identifier(name), quoted(name), _kinds(table), rows, title=name))
    return place


def _files(path: Path, company: str, scratch: Path) -> Place:
    if not path.exists():
        raise SourceError(f"{company}: there is no {path}; name a folder, a file or a database's URL.")
    folder = path if path.is_dir() else path.parent
    files = Files(company, folder, scratch, "", glance=True)
    place = Place(files.connection, [], folder=folder)
    offered = list(_offered(folder, [path] if path.is_file() else _within(folder), place))
    _agree_on_dates([how for *_, how in offered], folder)
    for title, options, how in offered:
        name = _free(identifier(title), {t.name for t in place.tables})
        try:
            columns, rows = _taken(files, name, options | how.options)
            place.tables.append(Found(name, quoted(name), columns, rows, options | how.options, how.reasons, title))
        except (SourceError, duckdb.Error) as error:
            place.unread.append(line(error).removeprefix(f"{company}: "))
    return place


def _taken(files: Files, name: str, options: dict) -> tuple[dict[str, str], int]:
    """Take a file's rows into memory, so that many things can be asked of them; give its columns' kinds and its rows."""
    files.add(name, **options)
    held = files.connection.con
    held.execute(f"CREATE TEMP TABLE {quoted(name + ' rows')} AS FROM {quoted(name)}")
    for kind in ("VIEW", "TABLE"):
        with suppress(duckdb.Error):  # it is one of the two
            held.execute(f"DROP {kind} {quoted(name)}")
    held.execute(f"ALTER TABLE {quoted(name + ' rows')} RENAME TO {quoted(name)}")
    return _kinds(files.connection.table(name)), held.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0]


def _within(folder: Path) -> list[Path]:
    """List the files of a folder and of the folders in it; a folder of Parquet files alone stands for itself."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "~$")):
            continue
        if path.is_dir():
            inner = [p for p in sorted(path.rglob("*")) if p.is_file() and not p.name.startswith((".", "_"))]
            parts = bool(inner) and all(p.suffix == ".parquet" for p in inner) and _one_table(path, inner)
            found += [path] if parts else [p for p in inner if p.parent == path]
        else:
            found.append(path)
    return found


def _one_table(folder: Path, files: list[Path]) -> bool:
    """Tell whether Parquet files are parts of one table: they lie below the folder's own, or are named by numbers."""
    return any(p.parent != folder for p in files) or len({_stem(p) for p in files}) == 1


def _stem(path: Path) -> str:
    return NUMBERED.sub("", path.stem)


def _offered(folder: Path, paths: list[Path], place: Place) -> Iterator[tuple[str, dict, Written]]:
    """Give each table's own name, the options that find it, and how its file is written."""
    taken: set[Path] = set()
    for path in paths:
        ending = path.suffix.lower()
        shown = path.relative_to(folder).as_posix()
        if path in taken or (path.is_file() and not path.stat().st_size):
            place.unread += [] if path in taken else [f"{shown} is empty"]
        elif path.is_dir():
            yield path.name, {"path": shown}, Written()
        elif ending in HOLDERS:
            yield from _held(path, shown, place)
        elif ending in READERS:
            title, pattern, group = _group(folder, path, paths)
            taken |= set(group)
            yield title, {"path": pattern}, written(path) if READERS[ending] == "read_csv" else Written()
        else:
            place.unread.append(f"{shown} is of no kind that is read")


def _held(path: Path, shown: str, place: Place) -> Iterator[tuple[str, dict, Written]]:
    try:
        names = holders.tables(path)
    except SourceError as error:
        place.unread.append(str(error))
        return
    for name in names:
        yield name if len(names) > 1 else f"{path.stem} {name}", {"path": shown, "table": name}, Written()


def _group(folder: Path, path: Path, paths: list[Path]) -> tuple[str, str, list[Path]]:
    """Find the files that hold one table with `path`: they differ in a number at the end of their name, and have its header."""
    shown, stem = path.relative_to(folder).as_posix(), _stem(path)
    alike = [p for p in paths if p.suffix == path.suffix and p.parent == path.parent and _stem(p) == stem]
    pattern = (path.parent.relative_to(folder) / f"{stem}*{path.suffix}").as_posix()
    if len(alike) < 2 or not stem or set(located(folder, pattern)) != set(alike) or not _same_header(alike):
        return path.stem, shown, [path]
    return stem, pattern, alike


def _same_header(paths: list[Path]) -> bool:
    if READERS[paths[0].suffix.lower()] != "read_csv":
        return True
    headers = set()
    for path in paths:
        with path.open("rb") as file:
            headers.add(frozenset(re.split(rb"[,;\t|]", file.readline().strip().lower())))
    return len(headers) == 1


def _agree_on_dates(files: list[Written], folder: Path) -> None:
    """Read dates that leave their order open as the folder's other files have theirs."""
    known = {r.partition(":")[0].removeprefix("dates are read ") for f in files for r in f.reasons if "dates are" in r}
    if len(known) == 1:
        for file in files:
            if file.dates:
                file.read_dates(known.copy().pop(), f"as in the other files of {folder.name}; look at it")


def _kinds(table: ibis.Table) -> dict[str, str]:
    return {name: _kind(kind) for name, kind in table.schema().items()}


def _kind(kind: ibis.expr.datatypes.DataType) -> str:
    if kind.is_boolean():
        return "bool"
    if kind.is_numeric():
        return "number"
    return "date" if kind.is_date() or kind.is_timestamp() else "text"


def _free(name: str, taken: set[str]) -> str:
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, 10_000))) if n not in taken)
