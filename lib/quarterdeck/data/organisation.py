"""Which unit of the organisation did a sale, a deal, an account or a seller belong to on a day, and what lies below a unit?

`organisation` is a tree of units, `assignments` says in which unit an account or a seller was; both are dated. Here every row of
the other tables gets its unit. What is written as its region is the whole way down the tree, so that one text says on each level
where the row counts; `at_level` turns it into the names of one level, on which a company looks as one without a tree does.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from quarterdeck.data import COMPANY
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.tree import AS_IT_WAS, TODAY, UNITS

ASSIGNED = "assignments"
BETWEEN, DEPTH = "\x1f", "\x1e"  # of the units of a way down, and of a unit's depth and its name
ITSELF = "{} (direct)"  # names what belongs to a unit that has others below it, and to none of them
WAY = "way"  # column beside a region, while tables are held to the rules
UNIT = "unit"  # column of deals: the unit itself, on whichever level a page is
ALSO_IN = "also_in"  # column of sellers: all regions in which they had a quota since the quarter before
AND = "\x1d"  # between these
YEAR_BEFORE, YEAR_AFTER = "region_a_year_before", "region_a_year_after"  # columns of orders: where the account was then
HELD_BY = {  # (the kind of assignment, the column that names whom) by table: the first that is assigned counts
    "orders": (("account", "customer_id"), ("rep", "rep_id")),
    "opportunities": (("account", "customer_id"), ("rep", "rep_id")),
    "customers": (("account", "customer_id"),),
    "reps": (("rep", "rep_id"),),
    "quotas": (("rep", "rep_id"),),
}
DAY = {  # by table, the day on which a row's unit counts, as it was; of others the last day
    "orders": "order_date",
    "opportunities": "closed_on",
    "targets": "period_start",
    "forecast_calls": "called_on",
    "market": "period_start",
    "competitors": "period_start",
    "costs": "period_start",
    "initiatives": "started_on",
}
PLACED = {*DAY, *HELD_BY}  # tables whose rows belong to a unit; what earlier runs kept names the region of a page
SET_FOR = (
    "targets",
    "forecast_calls",
)  # tables of which a unit and those below it may each have rows for the same quarter
QUARTER_OF = "quarter_of"  # column of these tables, until they are seen on a level
EVER, NEVER = pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01")


class Units:
    """The tree of units through the years, seen from a day.

    Parameters
    ----------
    table : DataFrame
        As the contract has `organisation`.
    day : Timestamp
        By which units have their names and depths.
    """

    def __init__(self, table: pd.DataFrame, day: pd.Timestamp) -> None:
        rows = table.assign(since=table["valid_from"].fillna(EVER)).sort_values(["unit_id", "since"], kind="stable")
        self.day, self.days = day, np.unique(rows["since"].to_numpy())
        self._versions = {unit: list(own.itertuples()) for unit, own in rows.groupby("unit_id", sort=False)}
        self._with_others = {*rows["parent_id"].dropna()}
        tops = [u for u, own in self._versions.items() if any(pd.isna(row.parent_id) for row in own)]
        self._top = tops[0] if len(tops) == 1 and all(pd.isna(r.parent_id) for r in self._versions[tops[0]]) else ""
        self.names = self._named()

    def _named(self) -> dict[str, str]:
        """Give each unit's name of the day, with its id where it could be taken for another's, or for the company."""
        names = pd.Series({unit: self._on(unit, self.day).name for unit in self._versions})
        twice = names.duplicated(keep=False) | names.eq(COMPANY) | names.str.endswith(ITSELF.format(""))
        return {unit: f"{name} ({unit})" if twice[unit] else name for unit, name in names.items()}

    def _on(self, unit: str, day: pd.Timestamp) -> Any:
        """Give what a unit was on a day; before it began as it began, after its end as it was last."""
        versions = self._versions[unit]
        return next((row for row in reversed(versions) if row.since <= day), versions[0])

    def ids(self) -> dict[str, str]:
        """Give the unit that each id, name and former name stands for; a name of two units stands for none."""
        found: dict[str, set[str]] = {}
        for unit, versions in self._versions.items():
            for name in (unit, self.names[unit], *(row.name for row in versions)):
                found.setdefault(name, set()).add(unit)
        exact = {unit: {unit} for unit in self._versions}
        return {name: next(iter(units)) for name, units in (found | exact).items() if len(units) == 1}

    def parent(self, unit: str) -> str:
        """Give the unit above one on the day looked from; nothing where there is none."""
        parent = self._on(unit, self.day).parent_id
        return "" if pd.isna(parent) else parent

    def above(self, unit: str, day: pd.Timestamp) -> list[str]:
        """Give a unit with those above it on a day, the highest first; what is above all is the company, and left out."""
        found = [unit]
        while pd.notna(parent := self._on(found[-1], day).parent_id) and parent in self._versions:
            if parent in found:
                break
            found.append(parent)
        return [u for u in reversed(found) if u != self._top] or [unit]

    def circle(self, unit: str) -> list[str]:
        """Give the way from a unit up to itself, on the first day on which there is one; else nothing."""
        for day in self.days:
            way = [unit]
            while pd.notna(parent := self._on(way[-1], pd.Timestamp(day)).parent_id) and parent in self._versions:
                way.append(parent)
                if parent == unit:
                    return way
                if parent in way[:-1]:
                    break
        return []

    def path(self, unit: str, day: pd.Timestamp, direct: bool = False) -> str:
        """Write the way down to a unit on a day, each with its depth of today; `direct` sets apart what no unit below it has."""
        way = [_step(len(self.above(u, self.day)), self.names[u]) for u in self.above(unit, day)]
        if direct and unit in self._with_others and unit != self._top:
            way.append(_step(len(self.above(unit, self.day)) + 1, ITSELF.format(self.names[unit])))
        return BETWEEN.join(way)

    def paths(self, units: pd.Series, days: pd.Series, direct: bool = False) -> pd.Series:
        """Write the way down to each row's unit on the row's day; of a row without a unit it is missing."""
        spans = np.searchsorted(self.days, days.fillna(self.day).to_numpy(self.days.dtype), side="right") - 1
        asked = pd.DataFrame({"unit": units.to_numpy(), "span": np.maximum(spans, 0)}, units.index)
        known = asked.dropna().drop_duplicates()
        ways = [self.path(row.unit, pd.Timestamp(self.days[row.span]), direct) for row in known.itertuples()]
        return asked.merge(known.assign(way=ways), how="left")["way"].set_axis(units.index).astype("str")


def _step(depth: int, name: str) -> str:
    return f"{depth}{DEPTH}{name}"


def placed(
    tables: Mapping[str, pd.DataFrame], day: pd.Timestamp, view: str = AS_IT_WAS, calendar: Calendar = GREGORIAN
) -> dict[str, pd.DataFrame]:
    """Give tables whose rows have the way down to their unit for a region; without `organisation` all stays as it is.

    A sale or a deal belongs to the unit of its account on the day it was made or closed, else to that of its seller, else to the
    one that it names; an open deal, an account and a seller to the one of `day`. What names no unit counts for what it names. The
    quota of a seller who was in several units is split between them by days.

    Parameters
    ----------
    tables : mapping of DataFrame
        Of the contract.
    day : Timestamp
        The day looked from.
    view : str
        AS_IT_WAS, or TODAY: all rows then belong to the unit of `day`.
    calendar : Calendar
        By which a day has one a year before.

    Returns
    -------
    dict of DataFrame
        The same tables; deals have UNIT beside, sellers ALSO_IN, quotas a region, and orders, as it was, YEAR_BEFORE and
        YEAR_AFTER: where the account was then.
    """
    if UNITS not in tables:
        return dict(tables)
    units, assigned, found = Units(tables[UNITS], day), tables.get(ASSIGNED), dict(tables)
    for name, way in ways(tables, units, assigned, view).items():
        found[name] = tables[name].assign(region=way)
    if "quotas" in found and "reps" in found:
        found["quotas"] = quotas = _quotas(tables, units, assigned, view)
        since = quotas[quotas["period_end"] >= calendar.shifted(day, -1)]
        ways_of = since.drop_duplicates(["rep_id", "region"]).groupby("rep_id")["region"].agg(AND.join)
        found["reps"][ALSO_IN] = tables["reps"]["rep_id"].map(ways_of).fillna(found["reps"]["region"])
    if "opportunities" in found:
        found["opportunities"][UNIT] = found["opportunities"]["region"].map(_last)
    for name in (n for n in SET_FOR if n in found):
        found[name][QUARTER_OF] = calendar.start(found[name]["period_start"])
    if "orders" in found and view == AS_IT_WAS:
        days = tables["orders"]["order_date"]
        before = calendar.year_before(days)
        for column, then in ((YEAR_BEFORE, before), (YEAR_AFTER, days + (days - before))):
            found["orders"][column] = _way(units, assigned, "orders", tables["orders"], then.where(then < day, day))
    return found


def _quotas(tables: Mapping[str, pd.DataFrame], units: Units, assigned: pd.DataFrame | None, view: str) -> pd.DataFrame:
    """Give each quota the region of its seller; one of a seller who was in several is split between them by days."""
    frame, money = tables["quotas"], [c for c in ("quota", "quota_in_currency") if c in tables["quotas"]]
    homes = tables["reps"].drop_duplicates("rep_id").set_index("rep_id")["region"]
    parts = frame.assign(region=frame["rep_id"].map(homes), row=range(len(frame)), whole=_length(frame))
    if view == TODAY:
        days = pd.Series(units.day, parts.index)
        return frame.assign(region=_way(units, assigned, "quotas", parts, days))
    parts = _at_changes(parts, units, assigned)
    parts["region"] = _way(units, assigned, "quotas", parts, parts["period_start"])
    parts["stay"] = parts["region"].ne(parts.groupby("row")["region"].shift()).cumsum()
    ends = {"period_start": "min", "period_end": "max"}
    table = parts.groupby("stay").agg({c: ends.get(c, "first") for c in parts if c != "stay"})
    share = _length(table) / table["whole"]
    table = table.assign(**{column: table[column] * share for column in money}).reset_index(drop=True)
    return table.drop(columns=["row", "whole"])


def _length(frame: pd.DataFrame) -> pd.Series:
    return (frame["period_end"] - frame["period_start"]).dt.days + 1


def _at_changes(quotas: pd.DataFrame, units: Units, assigned: pd.DataFrame | None) -> pd.DataFrame:
    """Cut quotas where their seller may have come to another unit, or the unit below another."""
    day, moves = pd.Timedelta(days=1), {}
    if assigned is not None:
        own = assigned[assigned["kind"] == "rep"]
        ends = pd.concat([own.set_index("id")["valid_from"], own.set_index("id")["valid_to"] + day]).dropna()
        moves = {rep: [*days] for rep, days in ends.groupby(level=0)}
    tree = [pd.Timestamp(d) for d in units.days]
    begins = [
        [first, *sorted({d for d in (*tree, *moves.get(rep, ())) if first < d <= last})]
        for rep, first, last in zip(quotas["rep_id"], quotas["period_start"], quotas["period_end"], strict=True)
    ]
    parts = quotas.assign(period_start=begins).explode("period_start", ignore_index=True)
    parts["period_start"] = pd.to_datetime(parts["period_start"]).astype("datetime64[us]")
    until = parts.groupby("row")["period_start"].shift(-1) - day
    return parts.assign(period_end=until.fillna(parts["period_end"]))


def ways(
    tables: Mapping[str, pd.DataFrame], units: Units, assigned: pd.DataFrame | None, view: str = AS_IT_WAS
) -> dict[str, pd.Series]:
    """Give the way down to each row's unit, of every table that names regions; the parameters are those of `placed`."""
    named = [name for name in tables if name in PLACED and "region" in tables[name]]
    return {n: _way(units, assigned, n, tables[n], _days(n, tables[n], units.day, view)) for n in named}


def known(ways: pd.Series, units: Units) -> pd.Series:
    """Tell which ways down lead to a unit."""
    names = {*units.names.values()}
    return (
        ways.map({way: _name(way.split(BETWEEN)[0]) in names for way in ways.dropna().unique()})
        .fillna(False)
        .astype(bool)
    )


def _days(name: str, frame: pd.DataFrame, day: pd.Timestamp, view: str) -> pd.Series:
    """Give the day on which each row's unit counts."""
    if view == TODAY or name not in DAY:
        return pd.Series(day, frame.index, dtype="datetime64[us]")
    days = frame[DAY[name]].astype("datetime64[us]").fillna(day)
    return days.where(days < day, day) if name == "opportunities" else days


def _way(units: Units, assigned: pd.DataFrame | None, name: str, frame: pd.DataFrame, days: pd.Series) -> pd.Series:
    """Give the way down to each row's unit; what no unit is known of stands at the top by the name of its region."""
    own, holders = frame["region"].map(units.ids()), HELD_BY.get(name, ())
    for kind, whose in reversed(holders):
        if assigned is not None and whose in frame:
            own = held(assigned, kind, frame[whose], days, kind == "rep" and name in ("reps", "quotas")).fillna(own)
    named = frame["region"].map(lambda region: _step(1, region), na_action="ignore")
    return units.paths(own, days, bool(holders)).fillna(named)


def held(assigned: pd.DataFrame, kind: str, ids: pd.Series, days: pd.Series, after: bool = False) -> pd.Series:
    """Give the unit that each account or seller was in on a day.

    Parameters
    ----------
    assigned : DataFrame
        As the contract has `assignments`.
    kind : str
        "account" or "rep".
    ids, days : Series
        Whose unit is asked for, and on which day.
    after : bool
        Where an assignment has ended and no other follows, give the last: where somebody left from.

    Returns
    -------
    Series
        Ids of units, by the index of `ids`; missing where there was none.
    """
    own = assigned[assigned["kind"] == kind]
    spans = pd.DataFrame({
        "id": own["id"],
        "since": own["valid_from"].fillna(EVER).astype("datetime64[us]"),
        "until": (NEVER if after else own["valid_to"].fillna(NEVER)),
        "found": own["unit_id"],
    }).sort_values("since", kind="stable")  # fmt: skip
    asked = pd.DataFrame({"id": ids.to_numpy(), "day": days.to_numpy(), "at": range(len(ids))})
    asked = asked.dropna().astype({"id": "str", "day": "datetime64[us]"}).sort_values("day", kind="stable")
    joined = pd.merge_asof(asked, spans.astype({"id": "str"}), left_on="day", right_on="since", by="id")
    known = joined[joined["until"] >= joined["day"]].set_index("at")["found"]
    return known.reindex(range(len(ids))).set_axis(ids.index)


def at_level(tables: Mapping[str, pd.DataFrame], depth: int) -> dict[str, pd.DataFrame]:
    """Give placed tables as those of a company whose regions are the units of one level of the tree.

    A row counts for the unit of that level above it, or for its own where that lies higher. Where a unit and units below it have
    targets or calls of one quarter, those of the level count, else those nearest to it.

    Parameters
    ----------
    tables : mapping of DataFrame
        As `placed` gives them; others stay as they are.
    depth : int
        1 for the units directly below the company.

    Returns
    -------
    dict of DataFrame
        The same tables, with names of units for regions.
    """
    if UNITS not in tables:
        return dict(tables)
    found = dict(tables)
    for name in (n for n in tables if n in PLACED and "region" in tables[n]):
        frame = tables[name]
        if QUARTER_OF in frame:
            frame = _one_of_a_line(frame, depth).drop(columns=QUARTER_OF)
        columns = [c for c in ("region", YEAR_BEFORE, YEAR_AFTER, ALSO_IN) if c in frame]
        found[name] = frame.assign(
            **{c: frame[c].map(lambda ways: _at(ways, depth), na_action="ignore") for c in columns}
        )
    return found


def _one_of_a_line(frame: pd.DataFrame, depth: int) -> pd.DataFrame:
    """Leave one row where a unit and one below it have one for the same quarter: that of the level, else the nearest to it."""
    ways = frame["region"].map(lambda way: [(_depth(step), _name(step)) for step in way.split(BETWEEN)])
    rows = list(zip(ways, frame[QUARTER_OF], strict=True))
    own = {(way[-1][1], quarter) for way, quarter in rows}
    over = {(name, quarter) for way, quarter in rows for _, name in way[:-1]}
    replaced = [
        any(deep >= depth and (name, quarter) in own for deep, name in way[:-1])
        or (way[-1][0] < depth and (way[-1][1], quarter) in over)
        for way, quarter in rows
    ]
    return frame[~np.array(replaced, dtype=bool)]


@cache
def at(way: str, depth: int) -> str:
    """Name the unit of a way down that stands for it on a level.

    >>> way = BETWEEN.join(["1" + DEPTH + "Europe", "2" + DEPTH + "North"])
    >>> at(way, 1), at(way, 2), at(way, 3), at("Baltic", 1)
    ('Europe', 'North', 'North', 'Baltic')
    """
    steps = way.split(BETWEEN)
    return _name(next((step for step in reversed(steps) if _depth(step) <= depth), steps[0]))


def _at(ways: str, depth: int) -> str:
    return AND.join(at(way, depth) for way in ways.split(AND))


def _depth(step: str) -> int:
    return int(step.partition(DEPTH)[0]) if DEPTH in step else 1


def _name(step: str) -> str:
    return step.rpartition(DEPTH)[2]


@cache
def _last(way: str) -> str:
    return _name(way.rpartition(BETWEEN)[2])


def levels(tables: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Give the depth of every region that has orders, deals or sellers; 1 where there is no organisation.

    Sellers alone, such as those who lead an area, are no reason to set apart what is a unit's own.
    """
    sold = [tables[t]["region"] for t in ("orders", "opportunities") if t in tables]
    found = depths(pd.concat(sold)) if sold else {}
    leads = depths(tables["reps"]["region"]) if "reps" in tables else {}
    return found | {name: depth for name, depth in leads.items() if not name.endswith(ITSELF.format(""))}


def sold_in(reps: pd.DataFrame, region: str) -> pd.Series:
    """Tell which sellers of a level are in a region, or had a quota there since the quarter before."""
    return reps["region"].eq(region) | reps[ALSO_IN].map(lambda regions: region in regions.split(AND))


def depths(regions: pd.Series) -> dict[str, int]:
    """Give the depth of every unit that stands for some ways down on its level; names that are no ways lie at the top.

    A unit that lies today as high as one that it was below stands there for its own past.

    >>> depths(pd.Series(["1" + DEPTH + "Europe" + BETWEEN + "2" + DEPTH + "North", "Baltic"]))
    {'Europe': 1, 'North': 2, 'Baltic': 1}
    """
    steps = [(way, _name(step), _depth(step)) for way in regions.dropna().unique() for step in way.split(BETWEEN)]
    return {name: depth for way, name, depth in steps if at(way, depth) == name}


def reorganised(orders: pd.DataFrame, region: str, as_of: pd.Timestamp) -> bool:
    """Tell whether accounts that bought in the last two years came to a region, or left it, within the last.

    Parameters
    ----------
    orders : DataFrame
        On the region's level.
    region : str
        A unit.
    as_of : Timestamp
        The day looked from.
    """
    if YEAR_BEFORE not in orders:
        return False
    year, orders = as_of - pd.DateOffset(years=1), orders[orders["region"] == region]
    late, early = orders["order_date"] > year, orders["order_date"].between(year - pd.DateOffset(years=1), year)
    return bool((late & orders[YEAR_BEFORE].ne(region) | early & orders[YEAR_AFTER].ne(region)).any())


def among(regions: pd.Series, unit: str) -> pd.Series:
    """Tell which rows lie in a unit or below it; of names that are no ways, which are the name."""
    inside = {way: unit in map(_name, way.split(BETWEEN)) for way in regions.dropna().unique()}
    return regions.map(inside).fillna(False).astype(bool)


def facts(
    tables: Mapping[str, pd.DataFrame], day: pd.Timestamp, view: str, calendar: Calendar = GREGORIAN
) -> dict[str, Any]:
    """Say of placed tables what a run notes of the organisation; nothing where there is none.

    Parameters
    ----------
    tables : mapping of DataFrame
        As `placed` gives them.
    day : Timestamp
        The day looked from.
    view, calendar
        As `placed` was given them.

    Returns
    -------
    dict
        `view`; `names`: what else a unit may be called, and its name; `parents`: by unit the one above it on `day`, or "";
        `levels`: how deep each unit with rows lies; `sums`: pairs of a unit, or the company, and units whose rows of the quarter
        together are its own; the first is of the company and all units directly below it.
    """
    if UNITS not in tables:
        return {}
    units = Units(tables[UNITS], day)
    parents = {name: units.names.get(units.parent(unit), "") for unit, name in units.names.items()}
    parents = {ITSELF.format(name): name for name in parents} | parents
    ways = set().union(*(rows["region"].dropna() for rows in _of_quarter(tables, calendar.start(day))))
    names = {alias: units.names[unit] for alias, unit in units.ids().items()}
    deep = levels(tables)
    highest = {name for name, depth in deep.items() if depth == 1}
    apart = {
        at(way, 1) for way in ways
    } - highest  # that came below another in the quarter: no pages add up to the company then
    sums = [[COMPANY, sorted(highest) + [""] * bool(apart)], *_sums(ways)]
    return {"view": view, "names": names, "parents": parents, "levels": deep, "sums": sums}


def _of_quarter(tables: Mapping[str, pd.DataFrame], start: pd.Timestamp) -> list[pd.DataFrame]:
    """Give the orders since a quarter's first day, and the deals that were open in it."""
    dated = [(tables[t], c) for t, c in (("orders", "order_date"), ("opportunities", "closed_on")) if t in tables]
    return [frame[~(frame[column] < start)] for frame, column in dated]


def _sums(ways: set[str]) -> list[list]:
    """Give the company with the units of each lower level, and each unit with those below it, that hold just its rows."""
    deep = depths(pd.Series(sorted(ways), dtype="str"))

    def rows(unit: str) -> set[str]:
        return {way for way in ways if unit in deep and at(way, deep[unit]) == unit}

    def whole(parts: set[str], among: set[str]) -> bool:
        return sum(len(rows(part)) for part in parts) == len(among) and all(rows(part) <= among for part in parts)

    found = [[COMPANY, ways, {at(way, level) for way in ways}] for level in sorted({*deep.values()} - {1})]
    for unit, level in sorted(deep.items()):
        below = {at(way, level + 1) for way in rows(unit)} - {unit}
        found += [[unit, rows(unit), below]] if below else []
    return [[unit, sorted(parts)] for unit, among, parts in found if whole(parts, among)]
