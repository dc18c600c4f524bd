"""Is this the export of a system that is known, and which SELECTs make the contract's tables of it?

Each folder of `systems` is a system: `mapping.yaml` names its objects and fields, and one template a table of the contract holds
its SELECT. docs/mappings.md says how to add one.
"""

import re
import textwrap
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import sqlglot
import yaml
from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from pydantic import BaseModel, ConfigDict
from sqlglot import exp

from quarterdeck.data.contract import TABLES
from quarterdeck.data.intake.look import Found, Place, quoted

SYSTEMS = Path(__file__).parent / "systems"
NAMED = 3.0  # what a table's name counts beside the share of an object's fields that it has
KINDS = {"TIMESTAMP": "date", "DOUBLE": "number", "VARCHAR": "text"}  # what a column is where it needs no CAST
FEW = 2  # fields that tell an object only together with its table's name
FILLED = 0.5  # share of rows that must hold a value, for a choice to be made
WIDTH = 110  # of a line of a SELECT
TRUE = "lower(CAST({} AS VARCHAR)) IN ('true', '1', 't', 'yes', 'y')"


class Thing(BaseModel):
    """An object of a system: what tells its table, and how its fields may be written."""

    model_config = ConfigDict(extra="forbid")
    known_by: list[str]
    named: list[str] = []  # further names of its table
    fields: dict[str, list[str] | None] = {}  # further names of each field
    flags: list[str] = []  # fields that are true or false
    days: list[str] = []  # fields that are days, or moments
    numbers: list[str] = []  # fields that are numbers
    ids: list[str] = []  # fields that are written as `id` says

    @property
    def every(self) -> list[str]:
        """List all fields."""
        return list(dict.fromkeys([*self.known_by, *self.fields, *self.flags, *self.days, *self.numbers]))


class Choice(BaseModel):
    """One of several ways to fill something, such as the region, and what it needs."""

    model_config = ConfigDict(extra="forbid")
    name: str
    needs: list[str] = []
    said: str


class System(BaseModel):
    """What mapping.yaml says of a system."""

    model_config = ConfigDict(extra="forbid")
    title: str
    core: list[str]
    id: str = "{}"
    timezone: str = ""
    objects: dict[str, Thing]
    choices: dict[str, list[Choice]] = {}
    tables: dict[str, list[list[str]]]  # of the contract: one of these lists must be there
    facts: dict[str, str] = {}  # of source.yaml, and the field that holds it
    missing: dict[str, str] = {}  # of the contract, and what to export for it
    notes: list[str] = []


@dataclass
class Match:
    """A system that was recognised: its objects' tables, and the column of each field."""

    name: str
    system: System
    tables: dict[str, Found]
    fields: dict[str, dict[str, str]]
    choices: dict[str, Choice] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Say by what it was recognised."""
        return "; ".join(
            f"{t.title} has {', '.join(self.fields[o][f] for f in self.system.objects[o].known_by)}"
            for o, t in self.tables.items()
            if o in self.system.core
        )

    def has(self, need: str) -> bool:
        """Tell whether an object is there, or a field of it (`object.field`)."""
        thing, _, name = need.partition(".")
        return thing in self.fields and (not name or name in self.fields[thing])


@cache
def systems() -> dict[str, System]:
    """Read every system's mapping.yaml, by the name of its folder."""
    return {
        path.parent.name: System.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(SYSTEMS.glob("*/mapping.yaml"))
    }


def recognised(place: Place, like: str = "auto") -> Match | None:
    """Find the system whose objects the tables are; None where there is none.

    Parameters
    ----------
    place : Place
        The tables.
    like : str
        A system's name, or "auto" for the one with the most objects.
    """
    asked = systems() if like == "auto" else {like: systems()[like]}
    found = [match for name, system in asked.items() if (match := _matched(place, name, system))]
    best = max(found, key=lambda m: len(m.tables), default=None)
    if best:
        best.choices = {name: _chosen(place, best, ways) for name, ways in best.system.choices.items()}
    return best


def selects(match: Match, dialect: str = "duckdb") -> dict[str, str]:
    """Write the SELECT of each table of the contract that the objects fill."""
    return {table: _select(match, table, dialect) for table in TABLES if _fills(match, table)}


def _fills(match: Match, table: str) -> bool:
    ways = match.system.tables.get(table, [])
    return any(all(map(match.has, way)) for way in ways)


def plain(name: str) -> str:
    """Write a name without what tells its spellings apart.

    >>> plain("Account.Is_Deleted")
    'accountisdeleted'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _matched(place: Place, name: str, system: System) -> Match | None:
    fits = []
    for table in place.tables:
        for thing in system.objects:
            if fields := _fields(table, system.objects[thing]):
                fit = _fit(table, thing, system, fields)
                if fit >= NAMED or len(system.objects[thing].known_by) > FEW:
                    fits.append((fit, thing, table, fields))
    match, used = Match(name, system, {}, {}), set()
    for _, thing, table, fields in sorted(fits, key=lambda fit: -fit[0]):
        if thing not in match.tables and table.name not in used:
            match.tables[thing], match.fields[thing] = table, fields
            used.add(table.name)
    return match if any(thing in match.tables for thing in system.core) else None


def _fields(table: Found, thing: Thing) -> dict[str, str]:
    """Find each field's column; nothing where one that tells the object is not there."""
    columns = {plain(column): column for column in reversed(table.columns)}
    found = {}
    for name in thing.every:
        spellings = [name, *(thing.fields.get(name) or [])]
        if column := next((columns[p] for s in spellings if (p := plain(s)) in columns), None):
            found[name] = column
    return found if all(name in found for name in thing.known_by) else {}


def _fit(table: Found, thing: str, system: System, fields: Map[str, str]) -> float:
    """Say how well a table fits an object: by the longest of all objects' names in its own, and by the fields that it has."""
    title = plain(table.title)
    names = {plain(n): other for other, o in system.objects.items() for n in [other, *o.named]}
    longest = max((n for n in names if n in title), key=len, default="")
    named = NAMED if names.get(longest) == thing else 0.0
    return named + len(fields) / len(system.objects[thing].every)


def _chosen(place: Place, match: Match, ways: list[Choice]) -> Choice:
    for way in ways:
        if all(map(match.has, way.needs)) and all(_filled(place, match, need) >= FILLED for need in way.needs):
            return way
    return ways[-1]


def _filled(place: Place, match: Match, need: str) -> float:
    thing, _, name = need.partition(".")
    if not name or not (table := match.tables[thing]).rows:
        return 1.0
    column = quoted(match.fields[thing][name])
    held = f"count(CASE WHEN CAST({column} AS VARCHAR) <> '' THEN 1 END)"
    return (place.value(f"SELECT {held} AS held FROM {table.sql}") or 0) / table.rows


def _select(match: Match, table: str, dialect: str) -> str:
    has = {o: dict.fromkeys(fields, True) for o, fields in match.fields.items()}
    chosen = {name: way.name for name, way in match.choices.items()}
    body = _templates(match.name).get_template(f"{table}.sql").render(has=has, **chosen).strip()
    body = re.sub(r"\n\s*\n", "\n", body)
    comments, select = re.fullmatch(r"((?:--[^\n]*\n)*)(.*)", body, re.DOTALL).groups()
    parts = [f"{quoted(name)} AS (\n  {_object(match, name, used)}\n)" for name, used in _used(match, select).items()]
    select = f",\n{select[5:]}" if select.startswith("WITH ") else f"\n{select}"
    sql = f"{comments}WITH {', '.join(parts)}{select}"
    return sql if dialect == "duckdb" else sqlglot.transpile(sql, read="duckdb", write=dialect, pretty=True)[0]


@cache
def _templates(name: str) -> Environment:
    loader = FileSystemLoader(SYSTEMS / name)
    return Environment(
        loader=loader, undefined=ChainableUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )


def _used(match: Match, sql: str) -> dict[str, list[str]]:
    """Name the objects that a SELECT reads, and the fields of each, by their aliases."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    aliases = {t.alias_or_name: t.name for t in tree.find_all(exp.Table) if t.name in match.system.objects}
    used: dict[str, list[str]] = {name: [] for name in aliases.values()}
    for column in tree.find_all(exp.Column):
        if (name := aliases.get(column.table)) and column.name not in used[name]:
            used[name].append(column.name)
    return used


def _object(match: Match, name: str, used: list[str]) -> str:
    """Write the SELECT that gives an object's fields their names; one that its table lacks is empty, or false."""
    shown = ", ".join(_field(match, name, asked) for asked in used)
    lines = textwrap.wrap(
        f"SELECT {shown} FROM {match.tables[name].sql}", WIDTH, break_long_words=False, break_on_hyphens=False
    )
    return "\n         ".join(lines)


def _field(match: Match, name: str, asked: str) -> str:
    thing, columns = match.system.objects[name], match.fields[name]
    wanted = "TIMESTAMP" if asked in thing.days else "DOUBLE" if asked in thing.numbers else "VARCHAR"
    if asked not in columns:
        return f"{'false' if asked in thing.flags else f'CAST(NULL AS {wanted})'} AS {quoted(asked)}"
    read, kind = quoted(columns[asked]), match.tables[name].columns[columns[asked]]
    if asked in thing.flags:
        return f"coalesce({read if kind == 'bool' else TRUE.format(read)}, false) AS {quoted(asked)}"
    if KINDS[wanted] != kind:
        read = f"CAST({read} AS {wanted})"
    if asked in thing.ids:
        read = match.system.id.format(read)
    return read if read == quoted(asked) else f"{read} AS {quoted(asked)}"
