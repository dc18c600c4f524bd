"""How do a company's own tables become the contract's?

`params/<company>/source.yaml` names the files (or the database) and holds one SELECT per table. Ibis speaks to
the engine: DuckDB over a folder of CSV and Parquet files by default, any other engine by its URL.
"""

import json
import os
import re
from pathlib import Path

import duckdb
import ibis
import pandas as pd
import sqlglot
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quarterdeck.data.contract import TABLES
from quarterdeck.errors import SourceError

READERS = {".csv": "read_csv", ".txt": "read_csv", ".parquet": "read_parquet"}


class Generator(BaseModel):
    """What to generate where a company is an invented one."""

    model_config = ConfigDict(extra="forbid")
    seed: int
    scale: float = 1.0
    as_of: str


class Source(BaseModel):
    """One company's `source.yaml`."""

    model_config = ConfigDict(extra="forbid")
    title: str
    currency: str = Field("EUR", pattern="^[A-Z]{3}$", description="ISO 4217 code, such as EUR")
    folder_variable: str = ""
    url_variable: str = ""
    generate: Generator | None = None
    files: dict[str, dict] = {}
    tables: dict[str, str]


def load(company: Path) -> Source:
    """Read `source.yaml` of the folder `company`.

    Raises
    ------
    SourceError
        Where the file is missing, is not YAML or says something it should not.
    """
    path = company / "source.yaml"
    if not path.is_file():
        meant = Path("params") / company.name
        hint = (
            f"did you mean {meant}?"
            if meant != company and (meant / "source.yaml").is_file()
            else "a company's folder under params needs one."
        )
        raise SourceError(f"{path}: there is no such file; {hint}")
    source = _parsed(path, read_yaml(path))
    unknown = [name for name in source.tables if name not in TABLES]
    if unknown:
        raise SourceError(f"{path}: the contract has no table {unknown[0]!r}; it has {', '.join(TABLES)}.")
    return source


def read_yaml(path: Path) -> dict:
    """Read a YAML file that holds one mapping; dates stay the text they are written as."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_TextDates) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "somewhere"
        raise SourceError(
            f"{path}: {where} is not YAML ({getattr(error, 'problem', error)}); mend it there."
        ) from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: it is not UTF-8 at byte {error.start}; save it as UTF-8.") from error
    if not isinstance(content, dict):
        raise SourceError(f"{path}: expected lines of the form 'name: value', found {type(content).__name__}.")
    return content


def read(company: Path, out: Path, data: Path | None = None) -> dict[str, pd.DataFrame]:
    """Run each SELECT of a company's `source.yaml` once.

    Parameters
    ----------
    company : Path
        The folder `params/<company>`.
    out : Path
        The outputs folder; an invented company is generated into `<out>/<company>/source`.
    data : Path, optional
        The folder with the company's files; by default the one named by the environment variable
        `folder_variable`.

    Returns
    -------
    dict of table name to DataFrame
        As the SELECTs give them, not yet checked.

    Raises
    ------
    SourceError
        Where the folder, a file or a column is missing, a file is not UTF-8 or a SELECT does not run.
    """
    source = load(company)
    connection = _connect(company, source, out, data)
    try:
        return {name: _select(connection, company, name, sql) for name, sql in source.tables.items()}
    except SourceError as error:
        given = source.files if data or not source.url_variable else {}
        hints = (f" In {o.get('path', f'{n}.csv')} {odd}" for n, o in given.items() if (odd := _odd(connection, n)))
        raise SourceError(f"{error}{next(hints, '')}") from error
    finally:
        connection.disconnect()


def files(company: Path, out: Path, data: Path | None = None) -> list[Path] | None:
    """Name the files that `read` with the same parameters reads; None where it asks a database."""
    source = load(company)
    if source.url_variable and data is None:
        return None
    folder = _folder(company, source, out, data)
    return [folder / options.get("path", f"{name}.csv") for name, options in source.files.items()]


class _TextDates(yaml.SafeLoader):
    """YAML as papermill reads it: dates stay text."""


_TextDates.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _parsed(path: Path, content: dict) -> Source:
    try:
        return Source.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise SourceError(
            f"{path}: {name}: {first['msg'].lower()}; it may hold {', '.join(Source.model_fields)}."
        ) from error


def _connect(company: Path, source: Source, out: Path, data: Path | None) -> ibis.BaseBackend:
    if source.url_variable and data is None:
        return _connect_url(company, source.url_variable)
    folder = _folder(company, source, out, data)
    connection = ibis.duckdb.connect()
    for name, options in source.files.items():
        _register(connection, company, folder, name, dict(options))
    return connection


def _connect_url(company: Path, variable: str) -> ibis.BaseBackend:
    if not (url := os.environ.get(variable)):
        raise SourceError(f"{company.name}: set the environment variable {variable} to the database's URL.")
    try:
        return ibis.connect(url)
    except Exception as error:  # each engine has its own family of errors; all mean the same here
        raise SourceError(
            f"{company.name}: the database that {variable} names did not answer ({_line(error)})."
        ) from error


def _folder(company: Path, source: Source, out: Path, data: Path | None) -> Path:
    if data is None and source.generate:
        return _generated(out / company.name / "source", source.generate)
    named = data or os.environ.get(source.folder_variable)
    if not named:
        raise SourceError(
            f"{company.name}: its files' folder is not known; give --data FOLDER"
            + (f" or set {source.folder_variable}." if source.folder_variable else ".")
        )
    if not Path(named).is_dir():
        raise SourceError(f"{company.name}: there is no folder {named}; give --data the folder with its files.")
    return Path(named)


def _generated(folder: Path, generator: Generator) -> Path:
    from quarterdeck.data import demo  # here, for only an invented company needs it

    wanted, truths = generator.model_dump(), folder / "truths.json"
    made = json.loads(truths.read_text(encoding="utf-8")) if truths.is_file() else {}
    if any(made.get(k) != v for k, v in wanted.items()):
        demo.write(folder, **wanted)
    return folder


def _register(connection: ibis.BaseBackend, company: Path, folder: Path, name: str, options: dict) -> None:
    path = folder / options.pop("path", f"{name}.csv")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise SourceError(f"{company.name}: {path.name} is neither CSV nor Parquet; export it as one of these.")
    if not path.is_file():
        raise SourceError(f"{company.name}: file {path.name} is not in {folder}; put it there or mend source.yaml.")
    if reader == "read_csv":
        options = {"sample_size": -1, "header": True} | options
    try:
        getattr(connection, reader)(path, table_name=name, **options)
    except (duckdb.Error, UnicodeDecodeError) as error:
        raise SourceError(_file_fault(company, path, error)) from error
    columns = connection.table(name).columns
    if len(columns) == 1 and re.search(r"[;,|\t]", columns[0]):
        raise SourceError(
            f"{company.name}: file {path.name} was read as one column, {columns[0]!r}; name its separator under files in "
            f'source.yaml: {name}: {{path: {path.name}, delim: ";"}}.'
        )


def _file_fault(company: Path, path: Path, error: Exception) -> str:
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as fault:
            return (
                f"{company.name}: file {path.name}, line {number} is not UTF-8 "
                f"(byte {fault.object[fault.start]:#04x}); save the file as UTF-8."
            )
    ends = [line.endswith(b"\r\n") for line in lines[:-1]]
    if len(set(ends)) > 1:
        odd = ends.index(not ends[0]) + 1
        return (
            f"{company.name}: file {path.name}, line {odd} does not end as line 1 does (CR LF, LF); save the file anew."
        )
    return (
        f"{company.name}: file {path.name} cannot be read; say how it is written under files in source.yaml (delim, quote, "
        f"dateformat, decimal_separator, as DuckDB's read_csv takes them), or save it anew ({_line(error)})."
    )


def _select(connection: ibis.BaseBackend, company: Path, name: str, sql: str) -> pd.DataFrame:
    try:
        return connection.sql(sql).to_pyarrow().to_pandas()
    except sqlglot.errors.SqlglotError as error:
        raise SourceError(f"{company.name}: the SELECT of table {name} does not parse ({_line(error)}).") from error
    except Exception as error:  # each engine has its own family of errors; all mean the same here
        raise SourceError(f"{company.name}: the SELECT of table {name} does not run ({_line(error)}).") from error


def _odd(connection: ibis.BaseBackend, name: str) -> str:
    """Say of a file what may keep a SELECT from running: it has no rows, or a few values are not as the others are."""
    table = connection.table(name)
    if not table.count().to_pyarrow().as_py():
        return "there are no rows; export it anew."
    for column in (c for c, kind in table.schema().items() if kind.is_string()):
        for kind, words in (("float64", "numbers"), ("date", "dates")):
            seen = (
                table.select(line=ibis.row_number() + 2, value=table[column], read=table[column].try_cast(kind))
                .to_pyarrow()
                .to_pandas()
            )
            seen = seen.dropna(subset=["value"])
            odd = seen[seen["read"].isna()]
            if 0 < len(odd) <= 0.1 * len(seen):
                line, value = odd[["line", "value"]].iloc[0]
                return f"line {line}, column {column} holds {value!r}, where the others are {words}; mend it there."
    return ""


def _line(error: Exception) -> str:
    return " ".join(str(error).replace("\x1b[4m", "").replace("\x1b[0m", "").split())[:300].rstrip(".")
