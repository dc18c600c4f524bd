"""How do a company's own tables become the contract's?

`params/<company>/source.yaml` names the files (or the database) and holds one SELECT per table. Ibis speaks to
the engine: DuckDB over a folder of CSV and Parquet files by default, any other engine by its URL.
"""

import json
import os
import tempfile
import zoneinfo
from datetime import date
from pathlib import Path
from typing import Any, Literal

import ibis
import pandas as pd
import sqlglot
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from quarterdeck.data import postgres
from quarterdeck.data.calendar import GREGORIAN, IN_SOURCE, Calendar
from quarterdeck.data.contract import TABLES
from quarterdeck.data.convert import DAY, in_zone
from quarterdeck.data.exchange import CODES, DAYS, Reporting
from quarterdeck.data.files import Files, line, located
from quarterdeck.data.remarks import LIMIT
from quarterdeck.data.rules import refuse_unknown_rules
from quarterdeck.data.tree import AS_IT_WAS, TODAY
from quarterdeck.errors import SourceError


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
    unit: str = Field(
        "", pattern="^([a-z][a-z -]*)?$", description="what amounts are counted in that are no money, such as trips"
    )
    cadence: str = Field(
        "", pattern="^(daily|weekly|monthly|quarterly)?$", description="how orders come, where it cannot be seen"
    )
    whole_from: dict[Literal[tuple(TABLES)], str] = Field(
        {}, description="from which day a table is whole: YYYY-MM-DD by table"
    )
    folder_variable: str = ""
    url_variable: str = ""
    timezone: str = Field("", description="where days begin and end, such as Europe/Berlin")
    time_limit: float = Field(1800, gt=0, description="seconds that a SELECT of a database may take")
    set_aside_limit: float = Field(LIMIT, ge=0, le=1, description="share of a table that may be set aside")
    rules: dict[str, str] = Field({}, description="how grave it is to break a rule: stop, set aside or note")
    rate_days: int = Field(DAYS, ge=0, description="for how many days a rate of a day holds")
    calendar: Calendar = Field(GREGORIAN, description="the fiscal year, where it is not the calendar year")
    view: str = Field(
        AS_IT_WAS, pattern=f"^({AS_IT_WAS}|{TODAY})$", description="of the organisation: as it was, or today's"
    )
    regions: str = Field("", pattern="^(all)?$", description="all for a page of each region without a file for it")
    generate: Generator | None = None
    files: dict[str, dict] = {}
    tables: dict[str, str]

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        if value and value not in zoneinfo.available_timezones():
            raise ValueError(f"there is no time zone {value!r}; name one such as Europe/Berlin or America/New_York")
        return value

    @field_validator("currency")
    @classmethod
    def _is_a_currency(cls, value: str) -> str:
        if value not in CODES:
            raise ValueError(f"there is no currency {value!r}; name one by its code of ISO 4217, such as EUR or USD")
        return value

    @field_validator("whole_from")
    @classmethod
    def _days(cls, value: dict[str, str]) -> dict[str, str]:
        for day in value.values():
            date.fromisoformat(day)
        return value

    @field_validator("rules")
    @classmethod
    def _are_rules(cls, value: dict[str, str]) -> dict[str, str]:
        refuse_unknown_rules(value, list(TABLES))
        return value

    @field_validator("calendar")
    @classmethod
    def _is_a_rule(cls, value: Calendar) -> Calendar:
        if odd := sorted(value.model_fields_set - {*IN_SOURCE}):
            raise ValueError(f"{odd[0]} cannot be given here; bring a table calendar, or say {', '.join(IN_SOURCE)}")
        return value

    @property
    def reporting(self) -> Reporting:
        """What money of other currencies is converted into, and how long a rate holds."""
        return Reporting(self.currency, self.rate_days)

    @property
    def for_check(self) -> dict[str, Any]:
        """Give what `contract.check` is to know of the company beside its tables."""
        return {
            "limit": self.set_aside_limit,
            "rules": self.rules,
            "calendar": self.calendar,
            "reporting": self.reporting,
        }

    @property
    def written_in(self) -> str:
        """What amounts are written in: the unit, else the currency."""
        return self.unit or self.currency


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
        raise SourceError(f"{path}: {where} is not YAML ({getattr(error, 'problem', error)}); fix it there.") from error
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
    if source.url_variable and data is None:
        return _from_database(company, source)
    with tempfile.TemporaryDirectory() as scratch:
        found = _files(company, source, _folder(company, source, out, data), Path(scratch))
        try:
            return {name: _select(found.connection, company, source, name) for name in source.tables}
        except SourceError as error:
            raise SourceError(f"{error}{_hint(found, source)}") from error
        finally:
            found.connection.disconnect()


def files(company: Path, out: Path, data: Path | None = None) -> list[Path] | None:
    """Name the files that `read` with the same parameters reads; None where it asks a database, or new files may join a table's."""
    source = load(company)
    if source.url_variable and data is None:
        return None
    folder = _folder(company, source, out, data)
    paths = [options.get("path", f"{name}.csv") for name, options in source.files.items()]
    return None if any(located(folder, path) != [folder / path] for path in paths) else [folder / p for p in paths]


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
        name, said = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        fields = IN_SOURCE if first["loc"][:1] == ("calendar",) else Source.model_fields
        where = "calendar" if fields is IN_SOURCE else "it"
        raise SourceError(
            f"{path}: {name}: {said[:1].lower()}{said[1:]}; {where} may hold {', '.join(fields)}."
        ) from error


def _files(company: Path, source: Source, folder: Path, scratch: Path) -> Files:
    files = Files(company.name, folder, scratch, source.timezone)
    for name, options in source.files.items():
        files.add(name, **options)
    files.keep_codes(source.tables)
    return files


def _from_database(company: Path, source: Source) -> dict[str, pd.DataFrame]:
    variable = source.url_variable
    if not (url := os.environ.get(variable)):
        raise SourceError(f"{company.name}: set the environment variable {variable} to the database's URL.")
    if url.partition(":")[0] in postgres.SCHEMES:
        return _from_postgres(company, source, url)
    connection = _connect_url(company, source, url)
    try:
        return {name: _select(connection, company, source, name) for name in source.tables}
    finally:
        connection.disconnect()


def _from_postgres(company: Path, source: Source, url: str) -> dict[str, pd.DataFrame]:
    """Run the SELECTs in one read-only transaction: all tables are of one moment."""
    what, tables = f"the database that {source.url_variable} names", {}
    try:
        with postgres.asked(url, source.timezone or "UTC", source.time_limit) as select:
            for name, sql in source.tables.items():
                what = f"the SELECT of table {name}"
                tables[name] = _days_by_the_clock(select(sql), company, source, name)
    except postgres.Refused as error:
        raise SourceError(f"{company.name}: {what} {error}.") from error
    return tables


def _connect_url(company: Path, source: Source, url: str) -> ibis.BaseBackend:
    try:
        connection = ibis.connect(url)
        connection.raw_sql(f"SET TimeZone = '{source.timezone or 'UTC'}'").close()
        return connection
    except Exception as error:  # each engine has its own family of errors; all mean the same here
        said = postgres.without_secret(line(error), url)
        raise SourceError(
            f"{company.name}: the database that {source.url_variable} names did not answer ({said})."
        ) from None


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


def _select(connection: ibis.BaseBackend, company: Path, source: Source, name: str) -> pd.DataFrame:
    try:
        frame = (
            connection.sql(source.tables[name]).to_pyarrow().to_pandas(integer_object_nulls=True, date_as_object=False)
        )
    except sqlglot.errors.SqlglotError as error:
        raise SourceError(f"{company.name}: the SELECT of table {name} does not parse ({line(error)}).") from error
    except Exception as error:  # each engine has its own family of errors; all mean the same here
        raise SourceError(f"{company.name}: the SELECT of table {name} does not run ({line(error)}).") from error
    return _days_by_the_clock(frame, company, source, name)


def _days_by_the_clock(frame: pd.DataFrame, company: Path, source: Source, name: str) -> pd.DataFrame:
    for column, raw in frame.items():
        spec = TABLES[name].columns.get(column)
        if spec is not None and spec.metadata["type"] == DAY:
            frame[column] = _by_the_clock(raw, company, source, name)
    return frame


def _by_the_clock(raw: pd.Series, company: Path, source: Source, table: str) -> pd.Series:
    """Give moments as the company's clock shows them; an engine's own moments need its zone, but for days at midnight UTC."""
    if source.timezone:
        return in_zone(raw, source.timezone)
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        instants = raw.dt.tz_convert("UTC")
        if (instants != instants.dt.normalize()).where(raw.notna(), False).any():
            raise SourceError(
                f"{company.name}: table {table}: column {raw.name} holds moments, and on which day one was depends on the "
                "place; name the company's time zone in source.yaml, such as timezone: Europe/Berlin."
            )
        return instants
    return raw


def _hint(files: Files, source: Source) -> str:
    """Say what of the files may keep a SELECT from running."""
    for name, options in source.files.items():
        if odd := _odd(files.connection, name):
            return f" In {options.get('path', f'{name}.csv')} {odd}"
    text = [f"{column} of {file}" for file, column in files.as_text()]
    return f" Read as text, for what is written there can be read in several ways: {', '.join(text)}." if text else ""


def _odd(connection: ibis.BaseBackend, name: str) -> str:
    """Say of a file what may keep a SELECT from running: it has no rows, or a few values are not as the others are."""
    table = connection.table(name)
    if not table.count().to_pyarrow().as_py():
        return "there are no rows; export it again."
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
                return f"line {line}, column {column} holds {value!r}, where the others are {words}; fix it there."
    return ""
