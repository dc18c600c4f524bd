"""How is a file read, so that every value is the one that was written?

DuckDB finds out by itself of which type the columns of a CSV file are. A column that could be read in more than one way is
read as text here, and the contract says what to do about it; so is one whose text would not come back from its type (1.10,
1E2, Yes) where a SELECT passes it on as the name or the number of something. All others stay numbers and dates to compute with.
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import ibis
import sqlglot
from ibis.expr.datatypes import DataType
from ibis.expr.schema import Schema

from quarterdeck.data import holders
from quarterdeck.data.contract import TABLES
from quarterdeck.data.convert import NUMBER_PLAIN, OFFSET, TEXT, THOUSANDS
from quarterdeck.data.passed import equated, passed
from quarterdeck.errors import SourceError

READERS = dict.fromkeys((".csv", ".txt", ".tsv"), "read_csv") | {".parquet": "read_parquet"}
READERS |= dict.fromkeys((".json", ".jsonl", ".ndjson"), "read_json")
HOLDERS = {".xlsx", ".xlsm", ".sqlite", ".sqlite3", ".db", ".duckdb"}  # files that hold several tables
KINDS = "CSV, Parquet, JSON lines, an Excel workbook (.xlsx), a SQLite or a DuckDB file"
JSON = {"dateformat": "%Y-%m-%d", "timestampformat": "%Y-%m-%dT%H:%M:%S"}  # all else stays the text that it is
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # first bytes that name a file's encoding
MEANING = {
    "dateformat",
    "timestampformat",
    "decimal_separator",
    "decimal",
    "thousands",
    "types",
}  # of a text, by options
TYPED = {"all_varchar", "columns", "column_types", "dtype", "dtypes"}  # options that leave no type in question
GLANCE = 20_000  # rows from which a glance reads the types
AS_TEXT = " as text"  # ends the name of a CSV file's second table
DIGITS = r"\d+"
WHOLE = r"\d+\.0"
YEAR_FIRST = r"\s*\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(\D.*)?"
YEAR_LAST = r"\s*\d{1,2}\D\d{1,2}\D\d{4}(\D.*)?"


@dataclass
class _Csv:
    """A CSV file: where it is, how it is written, and what is known of its columns."""

    paths: list[Path]
    shown: str  # the name, or the pattern, that source.yaml gives
    options: dict
    columns: list[str] = field(default_factory=list)
    text: set[str] = field(default_factory=set)  # columns that are read as text
    moments: set[str] = field(default_factory=set)  # columns of moments that name their offset
    types: dict = field(default_factory=dict)  # of the columns whose type DuckDB chose, the type
    lost: set[str] = field(default_factory=set)  # columns of these whose text would not come back from it


class Files:
    """A company's files as tables of DuckDB; `zone` is the company's time zone, where it has named one.

    `glance` reads types off the first rows alone, and doubts none of them: enough to say what a file is about.
    """

    def __init__(self, company: str, folder: Path, scratch: Path, zone: str, glance: bool = False) -> None:
        self.connection = ibis.duckdb.connect()
        self.connection.raw_sql(f"SET TimeZone = {_quoted(zone or 'UTC')}")
        self.connection.raw_sql(f"SET temp_directory = {_quoted(str(scratch))}")  # where stored tables spill to
        self.connection.raw_sql("SET enable_progress_bar = false")  # it would stand in what `check --json` prints
        self._company, self._folder, self._scratch, self._zone, self._glance = company, folder, scratch, zone, glance
        self._csv: dict[str, _Csv] = {}

    def add(self, name: str, path: str = "", encoding: str = "", **options: object) -> None:
        """Register a file as table `name`; `options` are those of DuckDB's reader, or a sheet's or table's name and rows to skip.

        Several files make one table where `path` is a pattern (`orders_2026*.csv`) or a folder of Parquet files.

        Raises
        ------
        SourceError
            Where it is not there, is of no kind that is read, or cannot be read as its options say.
        """
        files = located(self._folder, path or f"{name}.csv")
        ending = files[0].suffix.lower() if files else Path(path).suffix.lower()
        if ending not in READERS.keys() | HOLDERS:
            shown = Path(path).name
            raise SourceError(f"{self._company}: {shown} is none of the files that are read; export it as {KINDS}.")
        if not files or not files[0].is_file():
            raise SourceError(
                f"{self._company}: file {path or f'{name}.csv'} is not in {self._folder}; put it there or fix source.yaml."
            )
        if ending in HOLDERS:
            self._held(files[0], name, options)
        elif READERS[ending] == "read_csv":
            self._add_csv(name, files, path or f"{name}.csv", encoding, options)
        else:
            several = {"union_by_name": True} if len(files) > 1 else {}
            defaults = JSON if READERS[ending] == "read_json" else {}
            self._read(READERS[ending], files, name, several | defaults | options)

    def _add_csv(self, name: str, files: list[Path], shown: str, encoding: str, options: dict) -> None:
        read = [self._decoded(file, found) if (found := encoding or _marked(file)) else file for file in files]
        if options.get("thousands") == ".":
            options = {"decimal_separator": ","} | options
        sample = GLANCE if self._glance else -1
        options = {"sample_size": sample, "header": True} | _separator_line(read[0]) | options
        self._csv[name] = _Csv(read, Path(shown).name, options | ({"union_by_name": True} if len(read) > 1 else {}))
        self._read_csv(name)
        schema = self.connection.table(name).schema()  # DuckDB goes through the file each time that it is asked
        if grouped := self._grouped(name, schema):
            given = dict(options.get("types", {}))
            self._csv[name].options["types"] = dict.fromkeys(grouped, "DOUBLE") | given
            self._read_csv(name)
            schema = self.connection.table(name).schema()
        self._csv[name].columns = list(schema.names)
        self._refuse_one_column(name, Path(shown).name)
        if not self._glance and not any(options.get(option) for option in TYPED):
            self._doubt(name, schema)

    def _held(self, file: Path, name: str, options: dict) -> None:
        """Register a sheet of a workbook, or a table of a SQLite or DuckDB file."""
        if odd := options.keys() - {"table", "skip"}:
            raise SourceError(
                f"{self._company}: {file.name} takes no option {min(odd)!r} under files; it takes path, table (a sheet's "
                "name) and skip (rows above the header)."
            )
        try:
            if holders.kind(file) == holders.DUCKDB:
                self._attach(file, name, str(options.get("table", "")))
            else:
                held = holders.frame(file, str(options.get("table", "")), options.get("skip"))
                self.connection.create_table(name, held, temp=True, overwrite=True)
        except SourceError as error:
            raise SourceError(f"{self._company}: {error}") from error

    def _attach(self, file: Path, name: str, table: str) -> None:
        found = holders.tables(file)
        if table not in found and (table or len(found) != 1):
            raise SourceError(f"{file.name} has no table {table!r}; it has {', '.join(found)}.")
        catalog, place = _name(f"{file.name} file"), ".".join(map(_name, (table or found[0]).split(".", 1)))
        self.connection.raw_sql(f"ATTACH IF NOT EXISTS {_quoted(str(file))} AS {catalog} (READ_ONLY)")
        place = place if "." in (table or found[0]) else f"main.{place}"
        self.connection.raw_sql(f"CREATE OR REPLACE TEMP VIEW {_name(name)} AS SELECT * FROM {catalog}.{place}")

    def keep_codes(self, selects: Mapping[str, str]) -> None:
        """Read as text what the SELECTs of the contract's tables pass on as text and would not come back as written."""
        others = [n for n in self.connection.list_tables() if AS_TEXT not in n and n not in self._csv]
        columns = {n: list(self.connection.table(n).columns) for n in others}
        columns |= {n: csv.columns for n, csv in self._csv.items()}
        codes, pairs = set(), []
        for table, sql in selects.items():
            wanted = [c for c, spec in TABLES[table].columns.items() if spec.metadata["type"] == TEXT]
            try:
                codes |= passed(sql, columns, wanted)
                pairs += equated(sql, columns)
            except (sqlglot.errors.SqlglotError, ValueError):
                continue  # the engine says what is wrong with it, or understands it
        lost = {(name, column) for name, csv in self._csv.items() for column in csv.lost - csv.text - csv.moments}
        joined = {(n, c) for n, c in lost if self._csv[n].types[c].is_numeric()}
        kept = (lost & codes).union(*(pair for pair in pairs if pair <= joined))
        for name in {file for file, _ in kept}:
            self._csv[name].text |= {c for file, c in kept if file == name}
            self._read_csv(name)
        for name in self._csv:
            self._store(name)

    def _store(self, name: str) -> None:
        """Read a CSV file into DuckDB's own storage, which spills to the disk: each SELECT would go through the file again."""
        stored, view = _name(f"{name} stored{AS_TEXT}"), _name(name)
        try:
            self.connection.raw_sql(f"CREATE OR REPLACE TEMP TABLE {stored} AS SELECT * FROM {view}")
        except duckdb.Error as error:
            raise SourceError(self._fault(self._csv[name].paths, error)) from error
        self.connection.raw_sql(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {stored}")

    def as_text(self) -> list[tuple[str, str]]:
        """Name file and column of what is read as text, though DuckDB would take it for numbers or dates."""
        return [(csv.shown, column) for csv in self._csv.values() for column in sorted(csv.text)]

    def _grouped(self, name: str, schema: Schema) -> list[str]:
        """Name the columns of amounts with marks of thousands: DuckDB takes them for text, though the options name the mark."""
        options = self._csv[name].options
        strings = [_name(c) for c, kind in schema.items() if kind.is_string()]
        if "thousands" not in options or not strings or any(options.get(option) for option in TYPED):
            return []
        point = re.escape(str(options.get("decimal_separator") or options.get("decimal") or "."))
        whole = rf"(\d{{1,3}}({re.escape(str(options['thousands']))}\d{{3}})+|\d+)"
        asked = (
            f"{_all(f'trim({c})', f'[+-]?{whole}({point}{DIGITS})?')} AND {_any(c, f'.*{point}{DIGITS}')}"
            for c in strings
        )
        found = self.connection.raw_sql(f"SELECT {', '.join(asked)} FROM {_name(name)}").fetchone()
        return [c for c, kind in schema.items() if kind.is_string() and found[strings.index(_name(c))]]

    def _doubt(self, name: str, schema: Schema) -> None:
        """Find the columns of which nobody can tell what they mean, and the moments that name their offset."""
        csv = self._csv[name]
        given = {c.lower() for c in dict(csv.options.get("types", {}))}
        csv.types = {c: kind for c, kind in schema.items() if not kind.is_string() and c.lower() not in given}
        if not csv.types:
            return
        plain = {k: v for k, v in csv.options.items() if k not in MEANING} | {"all_varchar": True}
        self._read("read_csv", csv.paths, name + AS_TEXT, plain)
        sure = {c: test for c, kind in csv.types.items() if (test := _sure(c, kind, csv.options))}
        lost = {c: self._lost(c, kind) for c, kind in csv.types.items()}
        asked = f"SELECT {', '.join([*sure.values(), *lost.values()])} FROM {_name(name + AS_TEXT)}"
        answers = self.connection.raw_sql(asked).fetchone()
        csv.text = {c for c, is_sure in zip(sure, answers, strict=False) if is_sure is False}
        csv.lost = {c for c, is_lost in zip(lost, answers[len(sure) :], strict=True) if is_lost}
        csv.moments = {c for c, kind in csv.types.items() if getattr(kind, "timezone", None)} - csv.text
        if csv.text | csv.moments:
            self._read_csv(name)

    def _lost(self, column: str, kind: DataType) -> str:
        """Write in SQL whether a column's text does not come back from its type.

        That of a float never does (2.0 and 2 are one), but for whole ones that are long or stand beside missing ones: so pandas
        writes whole numbers.
        """
        name = _name(column)
        if kind.is_floating():
            return f"NOT ({_all(name, WHOLE)} AND (count(*) > count({name}) OR min(length({name})) > 4))"
        back = f"CAST(TRY_CAST({name} AS {self.connection.compiler.type_mapper.to_string(kind)}) AS VARCHAR)"
        return f"bool_or({back} IS DISTINCT FROM {name}) FILTER ({name} IS NOT NULL)"

    def _read_csv(self, name: str) -> None:
        csv = self._csv[name]
        text = dict.fromkeys(sorted(csv.text | csv.moments), "VARCHAR")
        types = {"types": dict(csv.options.get("types", {})) | text} if text else {}
        table = f"{name} typed{AS_TEXT}" if csv.moments else name
        self._read("read_csv", csv.paths, table, csv.options | types)
        if csv.moments:
            clocks = ", ".join(f"{self._by_the_clock(_name(c))} AS {_name(c)}" for c in sorted(csv.moments))
            self.connection.raw_sql(
                f"CREATE OR REPLACE TEMP VIEW {_name(name)} AS SELECT * REPLACE ({clocks}) FROM {_name(table)}"
            )

    def _by_the_clock(self, column: str) -> str:
        """Write in SQL what the clock of the company's zone shows at a moment; without a zone, the clock that wrote it."""
        if self._zone:
            return f"CAST(CAST({column} AS TIMESTAMPTZ) AT TIME ZONE {_quoted(self._zone)} AS TIMESTAMP)"
        return f"CAST(regexp_replace(trim({column}), {_quoted(f'{OFFSET}$')}, '') AS TIMESTAMP)"

    def _read(self, reader: str, paths: list[Path], table: str, options: Mapping) -> None:
        try:
            getattr(self.connection, reader)([str(p) for p in paths], table_name=table, **options)
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise SourceError(self._fault(paths, error)) from error

    def _refuse_one_column(self, name: str, shown: str) -> None:
        columns = self._csv[name].columns
        if len(columns) == 1 and re.search(r"[;,|\t]", columns[0]):
            raise SourceError(
                f"{self._company}: file {shown} was read as one column, {columns[0]!r}; name its separator under files "
                f'in source.yaml: {name}: {{path: {shown}, delim: ";"}}.'
            )

    def _decoded(self, path: Path, encoding: str) -> Path:
        """Write a copy of a file in UTF-8."""
        copy = self._scratch / f"{len(list(self._scratch.iterdir()))} {path.name}"
        try:
            with path.open(encoding=encoding, newline="") as read, copy.open("w", encoding="utf-8", newline="") as file:
                while part := read.read(2**20):
                    file.write(part)
        except LookupError as error:
            raise SourceError(
                f"{self._company}: there is no encoding {encoding!r}, named under files for {path.name}; "
                "usual ones are latin-1, windows-1252 and utf-16."
            ) from error
        except UnicodeError as error:
            raise SourceError(
                f"{self._company}: file {path.name} is not in the encoding {encoding} ({error}); name the one it is in."
            ) from error
        return copy

    def _fault(self, paths: list[Path], error: Exception) -> str:
        faults = (said for path in paths if path.suffix.lower() != ".parquet" and (said := self._bytes_fault(path)))
        names = ", ".join(path.name for path in paths[:3]) + (" …" if len(paths) > 3 else "")
        return next(faults, "") or (
            f"{self._company}: file {names} cannot be read; say how it is written under files in source.yaml (delim, "
            "quote, skip for lines above the header, dateformat, decimal_separator, thousands, as DuckDB's read_csv takes "
            f"them), or save it again ({line(error)})."
        )

    def _bytes_fault(self, path: Path) -> str:
        """Name the first line of a file that is not UTF-8, or does not end as the others do."""
        lines = path.read_bytes().splitlines(keepends=True)
        for number, written in enumerate(lines, start=1):
            try:
                written.decode("utf-8")
            except UnicodeDecodeError as fault:
                return (
                    f"{self._company}: file {path.name}, line {number} is not UTF-8 (byte {fault.object[fault.start]:#04x}); "
                    "save the file as UTF-8, or name its encoding under files in source.yaml: encoding: windows-1252 "
                    "(or latin-1, utf-16)."
                )
        ends = [written.endswith(b"\r\n") for written in lines[:-1]]
        if len(set(ends)) > 1:
            odd = ends.index(not ends[0]) + 1
            return (
                f"{self._company}: file {path.name}, line {odd} does not end as line 1 does (CR LF, LF); "
                "save the file again."
            )
        return ""


def located(folder: Path, path: str) -> list[Path]:
    """Give the files that a path under `files` means: one, those that fit its pattern, or the Parquet files of a folder."""
    if any(mark in path for mark in "*?["):
        return sorted(p for p in folder.glob(path) if p.is_file())
    if (folder / path).is_dir():
        return sorted((folder / path).rglob("*.parquet"))
    return [folder / path]


def _marked(file: Path) -> str:
    """Give the encoding that a file's first bytes name, where that is not UTF-8."""
    with file.open("rb") as opened:
        begins = opened.read(2)
    return MARKS.get(begins, "")


def _separator_line(file: Path) -> dict:
    """Read the line by which Excel names a file's separator, such as `sep=;`: the header comes after it."""
    with file.open(encoding="utf-8-sig", errors="replace") as opened:
        named = re.fullmatch(r"sep=(.)\s*", opened.readline(), re.IGNORECASE)
    return {"delim": named[1], "skip": 1} if named else {}


def line(error: Exception) -> str:
    """Give an engine's error in one line."""
    return " ".join(str(error).replace("\x1b[4m", "").replace("\x1b[0m", "").split())[:300].rstrip(".")


def _sure(column: str, kind: DataType, options: Mapping) -> str:
    """Write in SQL whether a column's text can be read in one way alone; nothing where that is known."""
    name = _name(column)
    if kind.is_date() or (kind.is_timestamp() and not kind.timezone):
        if ("dateformat" if kind.is_date() else "timestampformat") in options:
            return ""
        first, second = (
            f"TRY_CAST(regexp_extract({name}, '^\\s*{skip}(\\d+)', 1) AS INTEGER)" for skip in ("", r"\d+\D")
        )
        day_shows = f"(max({first}) > 12 OR max({second}) > 12)"
        return f"{_all(name, YEAR_FIRST)} OR ({_all(name, YEAR_LAST)} AND {day_shows})"
    if kind.is_timestamp():
        return _all(name, rf".*\d:\d\d.*?{OFFSET}\s*")
    if kind.is_numeric() and not {"decimal_separator", "decimal", "thousands"} & options.keys():
        thousands = (
            f"count(*) FILTER (contains({name}, '.')) > 0 AND bool_and(regexp_full_match(trim({name}), {_quoted(THOUSANDS)})"
            f" OR (NOT contains({name}, '.') AND length(ltrim(trim({name}), '+-')) <= 3))"
        )
        return f"{_all(f'trim({name})', NUMBER_PLAIN)} AND NOT ({thousands})"
    return ""


def _all(name: str, pattern: str) -> str:
    return f"bool_and(regexp_full_match({name}, {_quoted(pattern)}))"


def _any(name: str, pattern: str) -> str:
    return f"bool_or(regexp_full_match({name}, {_quoted(pattern)}))"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
