"""Which rows does a run speak of, and has anybody changed them since?

`freeze` writes a company's checked tables as Parquet with a content hash; `open_desk` opens them for a notebook,
cut to one region and one day. Nothing behind it ever opens a source.
"""

import hashlib
import inspect
import json
import os
import reprlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from pyarrow import ArrowException

from quarterdeck.data import COMPANY, answers, coverage, durable, history, ledger, organisation, reasons, source
from quarterdeck.data.answers import Missing
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.contract import DATED, SET, TABLES, VERSIONED, Checked, check, dated_after, key, replaced
from quarterdeck.data.home import home
from quarterdeck.data.periods import Period, quarter
from quarterdeck.data.remarks import Remark, remark
from quarterdeck.data.rules import counted
from quarterdeck.data.tree import AS_IT_WAS, MOVED, UNITS, VIEWS
from quarterdeck.errors import ContractError, ParamsError, RunError, SourceError, nearest

ASIDE = "aside"  # the folder of a snapshot that holds the rows set aside
FAR = pd.DateOffset(years=3)  # after today, from which a date of what has come is taken for a slip
LATE = pd.Timedelta(days=366)  # after the tables' last day, from which they may still be looked at
KEPT = {ledger.TABLE: ledger.NONE_DUE, history.TABLE: history.NONE_EARLIER}  # of earlier runs; why there may be none
DESKS = (
    "as_of",
    "period",
    "region",
    "currency",
    "begins",
    "calendar",
    "ask",
    "asks",
)  # what a desk gives by these names, beside tables
EITHER = {"orders", "opportunities"}  # of which a company keeps one at least
PLAIN = (str, int, float, pd.Timestamp, Period)  # values that tell by themselves whether a question was asked before
LINKS = [
    "region",
    "customer_id",
    "rep_id",
    "opportunity_id",
    organisation.QUARTER_OF,
    organisation.ALSO_IN,
]  # columns by which `within` tells a region's rows


class NoTable(ParamsError, KeyError):
    """Raised where a table is asked for that is not there; a `KeyError`, as mappings raise it."""

    __str__ = Exception.__str__


class Tables(Mapping):
    """Frames by the name of their table; it knows which have been asked for, be they there or not.

    A frame is handed out as a copy on write: what is changed in it changes no later figure, and nothing is copied before.
    """

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._frames, self.asked = dict(frames), set()

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self:
            raise NoTable(f"there is no table {name!r} in these data; {nearest(name, self._frames)}")
        return self._frames[name].copy(deep=False)

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            self.asked.add(name)
        return isinstance(name, str) and name in self._frames

    def __iter__(self) -> Iterator[str]:
        self.asked.update((*TABLES, *KEPT))
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __or__(self, others: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        return {**self, **others}


def _unasked(tables: Mapping[str, pd.DataFrame]) -> Mapping[str, pd.DataFrame]:
    """Give tables that do not note who asks: from which day they are whole is part of a region's own hashes (`_with_begins`)."""
    return tables._frames if isinstance(tables, Tables) else tables


_opened: list[tuple[Path, str, Tables]] = []  # by this process: the snapshot, the region and its tables
_computed: dict[tuple, dict[str, Any]] = {}  # by this process: company-wide answers, by snapshot, its hash and the day
_loaded: list[
    tuple[Path, str, str]
] = []  # by this process: the snapshot, the region, and the stored answer it was given


@dataclass(frozen=True)
class Desk:
    """A snapshot's tables, cut to one region and one day, and the figures that can be asked of them."""

    company: str
    title: str
    region: str
    as_of: pd.Timestamp
    currency: str
    snapshot: str
    tables: Tables = field(repr=False)
    whole: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)  # the company's, all regions' rows
    remarks: tuple[Remark, ...] = field(default=(), repr=False)  # on rows set aside, or not read as they stood
    whole_from: Mapping[str, str] = field(default_factory=dict, repr=False)  # ISO dates that source.yaml declares
    calendar: Calendar = field(default=GREGORIAN, repr=False)
    folder: Path | None = field(
        default=None, repr=False, compare=False
    )  # of the snapshot, and of answers stored beside it
    level: int = field(default=1, repr=False)  # of the organisation's tree, whose units are the regions
    view: str = field(default="", repr=False)  # of the organisation, where there is one
    found: answers.Found = field(default_factory=answers.Found, repr=False, compare=False)
    _answers: dict[tuple, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def everywhere(self) -> "Desk":
        """Give the desk with the rows of all regions, so that its own region can be compared with the others."""
        return replace(self, tables=self.whole)

    @property
    def period(self) -> Period:
        """The quarter of `as_of`, seen through that day."""
        return quarter(self.as_of, self.calendar)

    @cached_property
    def begins(self) -> Mapping[str, pd.Timestamp]:
        """The day from which each of the desk's tables is whole."""
        return coverage.Begins(self.tables, _unasked(self.whole), self.whole_from, self.calendar)

    @cached_property
    def asks(self) -> Mapping[str, Callable]:
        """By the name of each region, and "company", what asks a desk of its rows; what they read counts as read of the whole."""
        named = [COMPANY, *regions(_unasked(self.whole))] if self.whole else []
        return {name: self._cut_to(name).ask for name in named}

    def _cut_to(self, region: str) -> "Desk":
        held = {k: v for k, v in within(dict(_unasked(self.whole)), region).items() if len(v)}
        own = Tables(held)
        own.asked = self.whole.asked if isinstance(self.whole, Tables) else set()
        return replace(self, region=region, tables=own)

    @property
    def rows_read(self) -> dict[str, int]:
        """Count the rows of each table that has been asked for so far; to count them is not to read them."""
        return {name: len(self.tables._frames[name]) for name in sorted(self._stands_on) if name in self.tables._frames}

    @property
    def _stands_on(self) -> set[str]:
        """The tables that have been asked for so far, by this desk or by the company-wide answers that it was given."""
        return self.tables.asked | self.found.tables

    @property
    def name(self) -> str:
        """Name what the desk speaks of: the region, or the company where it is all of them."""
        return self.title if self.region == COMPANY else self.region

    def ask(self, function: Callable, **options: Any) -> Any:
        """Call an analysis function with the tables its parameters are named after.

        A parameter named like a table of the contract gets that table; `as_of`, `period`, `region`,
        `currency` and `begins` get the desk's own; all others come from `options`. Where a table that the function
        needs is not there, or does not reach back as far as the function looks (`coverage.looks_back`), the answer is a
        `Missing` that says so; an option that is one is passed over
        where the function can do without. What depends on the tables and on plain values alone is computed once. What has one
        answer for the company (`answers.company_wide`) is read where a run has stored it, and cut to the desk's region.

        Raises
        ------
        TypeError
            Where a parameter is neither a table nor given: `desk.ask(goals.seek, record=…, goal=…)`; where the function takes no
            such option, or is none.
        """
        if not callable(function):
            raise TypeError(
                f"ask wants a function of quarterdeck.analysis, such as market.market_share, not {reprlib.repr(function)}; "
                "a metric is measured by its id: measure(desk, 'revenue')."
            )
        answer = self._company_wide if hasattr(function, "company_wide") else self._answer
        if not all(isinstance(value, PLAIN) for value in options.values()):
            return answer(function, options)
        key = (function, *options.items())
        if key not in self._answers:
            self._answers[key] = answer(function, options)
        return _handed_out(self._answers[key])

    def _company_wide(self, function: Callable, options: dict[str, Any]) -> Any:
        """Give the region's part of the company's answer: a stored one, else one computed here from all regions' rows."""
        if odd := [n for n, value in options.items() if not isinstance(value, (*answers.PLAIN, pd.Timestamp))]:
            raise TypeError(
                f"{function.__name__} is asked of the company, with plain values alone; {odd[0]!r} is none."
            )
        name = answers.named(function, {"as_of": self.as_of} | options, self.level)
        if name not in self.found.answers:
            self.found.answers[name] = self._of_company(name, function, options)
        part = answers.cut(function, self.found.answers[name], self.region)
        return self._explained(function, {}, part)

    def _of_company(self, name: str, function: Callable, options: dict[str, Any]) -> Any:
        """Give the whole of a company-wide answer, and note that this region's page stands on it where it was stored."""
        stored = answers.load(self.folder / answers.FOLDER / name) if self.folder else None
        if stored is None:
            return replace(self, region=COMPANY, tables=self.whole)._answer(function, options)
        answer, tables = stored
        self.found.tables.update(tables)
        _loaded.append((self.folder, self.region, name))
        return answer

    def lacks(self, function: Callable, **options: Any) -> Missing | None:
        """Say what a function lacks in the tables, as `ask` would, but without calling it; None where nothing is known to be."""
        whole = replace(self, region=COMPANY, tables=self.whole) if hasattr(function, "company_wide") else self
        given = whole._given(function, options)
        if isinstance(given, Missing):
            return given
        void = reasons.void(function, whole.tables, whole._whose())
        return Missing(void) if void else None

    def _answer(self, function: Callable, options: dict[str, Any]) -> Any:
        given = self._given(function, options)
        if isinstance(given, Missing):
            return given
        answer = function(**given)
        parameters = inspect.signature(function).parameters
        return self._neither(parameters, given, answer) or self._explained(function, given, answer)

    def _given(self, function: Callable, options: dict[str, Any]) -> dict[str, Any] | Missing:
        """Gather what a function is called with, or say what keeps it from being called."""
        parameters = inspect.signature(function).parameters
        if odd := [name for name in options if name not in parameters]:
            raise TypeError(f"{function.__name__} takes no {odd[0]!r}; {nearest(odd[0], parameters)}")
        known = {k: self.tables[k] for k in parameters if k not in DESKS and k in self.tables}
        known |= {k: getattr(self, k) for k in DESKS if k in parameters or k in ("as_of", "period")}
        given = {k: v for k, v in (known | options).items() if k in parameters} | options
        given = {k: v for k, v in given.items() if not (isinstance(v, Missing) and parameters[k].default is None)}
        absent = [k for k, p in parameters.items() if k not in given and p.default is p.empty]
        if kept := next((name for name in absent if name in KEPT), None):
            return Missing(KEPT[kept])
        if asked := [name for name in absent if name not in TABLES]:
            are = (
                "which is no table: give it by name." if len(asked) == 1 else "which are no tables: give them by name."
            )
            raise TypeError(f"{function.__name__} works on {_listed(asked)}, {are}")
        if reason := next((said for name in absent if (said := self._unusable(name))), ""):
            table, _, why = reason.partition(": ")
            return Missing(f"Not shown: it needs {table}, and {why}.")
        if absent:
            tables = _listed([name.replace("_", " ") for name in absent])
            return Missing(f"Not shown: it needs {tables}, which the data of {self._without(absent)}.")
        if void := next((v for v in given.values() if isinstance(v, Missing)), None):
            return void
        if past := coverage.lacking(function, known | options, self.begins, given):
            return Missing(f"Not shown: it {past}", past)
        return given

    def _neither(self, parameters: Mapping[str, Any], given: dict[str, Any], answer: Any) -> Missing | None:
        """Say so where a function that can do without orders or without deals has no rows for want of both."""
        if isinstance(answer, pd.DataFrame) and answer.empty and parameters.keys() - given.keys() >= EITHER:
            return Missing(
                f"Not shown: it needs orders or opportunities, which the data of {self._without([*EITHER])}."
            )
        return None

    def _explained(self, function: Callable, given: dict[str, Any], answer: Any) -> Any:
        """Put beside an answer why it has no rows, or would have none; `page.show` says so."""
        if not isinstance(answer, pd.DataFrame) or (len(answer) and not hasattr(function, "no_rows")):
            return answer
        among = answer.attrs.get(reasons.LOOKED, 0)
        said = reasons.reason(function, {} if len(answer) else given, self.tables, self._whose(), among)
        said = said or answer.attrs.get(reasons.LACKING, "")  # of what it asked in turn
        answer = answer.copy(deep=False)
        answer.attrs = {reasons.LACKING: said} if said else {}
        return answer

    def _whose(self) -> str:
        return self.title if self.region == COMPANY else f"{self.title} for {self.region}"

    def remarked(self) -> list[str]:
        """Say what is to be known of the rows of the tables that have been asked for so far."""
        said = [r.sentence(self.region, example=False) for r in self.remarks if r.table in self._stands_on]
        orders = self.tables._frames.get("orders") if "orders" in self._stands_on else None  # to look is not to ask
        weeks = "" if orders is None else coverage.uneven_weeks(orders["order_date"], self.period)
        return [s for s in (*self._in_view(), *said, self.calendar.extra_week(self.as_of), weeks) if s]

    def _in_view(self) -> list[str]:
        """Say how regions are seen where they are units of an organisation, and whether this one was another a year ago."""
        if self.view not in VIEWS:
            return []
        there = self.view == AS_IT_WAS and self.region != COMPANY and "orders" in self.tables
        moved = there and organisation.reorganised(self.tables["orders"], self.region, self.as_of)
        return [VIEWS[self.view], MOVED.format(self.region) if moved else ""]

    def _unusable(self, table: str) -> str:
        """Say why no row of a table can be used, where the company has rows of it."""
        if table in self.whole:
            return ""
        return next((r.sentence(example=False) for r in self.remarks if r.table == table), "")

    def _without(self, absent: list[str]) -> str:
        """Say that the data does not hold these tables: for this region, where others have rows of them."""
        elsewhere = self.region != COMPANY and any(name in self.whole for name in absent)
        return f"{self.title} does not hold" + (f" for {self.region}" if elsewhere else "")


def _handed_out(answer: Any) -> Any:
    """Give an answer such that a change in it is not one in the answer that is remembered."""
    if isinstance(answer, (pd.DataFrame, pd.Series)):
        return answer.copy(deep=False)
    if isinstance(answer, dict):
        return {name: _handed_out(value) for name, value in answer.items()}
    return type(answer)(map(_handed_out, answer)) if type(answer) in (list, tuple) else answer


@dataclass(frozen=True)
class CompanyInfo:
    """What a snapshot says of its company besides the tables.

    Parameters
    ----------
    name, title, currency : str
        The name of its folder, its name on pages, and the ISO code of its currency.
    cadence : str
        Whether orders come by the "month" or "quarter"; empty to judge by their dates.
    whole_from : mapping
        By table, the ISO date from which it is whole.
    view : str
        Of the organisation, where there is one: `AS_IT_WAS` or `TODAY`.
    """

    name: str
    title: str
    currency: str
    cadence: str = ""
    whole_from: Mapping[str, str] = field(default_factory=dict)
    view: str = AS_IT_WAS

    @classmethod
    def of(cls, name: str, described: source.Source) -> "CompanyInfo":
        """Take it from a company's source.yaml."""
        return cls(name, described.title, described.written_in, described.cadence, described.whole_from, described.view)


def freeze(
    tables: dict[str, pd.DataFrame], folder: Path, company: CompanyInfo, runs: Path | None = None, as_of: str = ""
) -> dict:
    """Check tables against the contract, if `check` has not, and write them into `folder`, whole or not at all.

    Beside them goes what earlier runs kept: the forecasts whose period has ended and the figures reported on earlier days.
    So a page depends on its snapshot alone. Orders that come by the month or quarter are dated on its last day.

    Parameters
    ----------
    tables : dict of DataFrame
        The tables of the contract, by name.
    folder : Path
        Where to write.
    company : CompanyInfo
        What is noted of the company.
    runs : Path, optional
        The company's folder of runs, in which earlier runs kept forecasts and figures.
    as_of : str
        ISO date to look from; empty for the tables' last day.

    Returns
    -------
    dict
        What `snapshot.json` holds: calendar (where fiscal years are not calendar years), organisation (where there is one, as
        `organisation.facts` gives it), company, title, currency,
        whole_from, as_of and dated_to (ISO days: the last one of these tables, and as the source dates it), regions, hash,
        per table its rows and hash, `parts`: per region (and for the company) the hash of its part of each table, and
        `remarks`: what is to be said of rows that were set aside, or are not read as they stood; `set_aside`: by table and
        rule, rows and money, while the rows themselves are in `aside`; `later`: what is to be said of tables that lie after
        the day looked from.

    Raises
    ------
    ContractError
        Where the tables break the contract; nothing is written then.
    """
    held = tables if isinstance(tables, Checked) else check(tables)
    checked = dated(held, company.cadence)
    last, day = last_day(checked), _looked_from(as_of, checked)
    kept = _kept(runs, day, last) if runs else {}
    # The hashes must not depend on the engine's order of rows.
    frozen = dict(sorted((_in_order(checked) | kept).items()))
    placed, own = _own_facts(frozen, day, company.view, held.calendar)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".snapshot-", dir=folder.parent))
    try:
        written = _write_all(frozen, checked.aside, draft)
        facts = own | {
            "company": company.name,
            "title": company.title,
            "currency": company.currency,
            "whole_from": dict(company.whole_from),
            "as_of": f"{last:%Y-%m-%d}",
            "dated_to": f"{last_day(held):%Y-%m-%d}",
            "regions": regions(placed),
            "hash": hashlib.sha256(json.dumps(written | own).encode()).hexdigest(),
            "tables": written,
            "parts": _with_begins(_with_remarks(parts(placed), checked.remarks), cut(checked, day), held.calendar),
            "remarks": [asdict(said) for said in checked.remarks],
            "set_aside": counted(checked.aside),
            "later": [asdict(said) for said in later(checked, day)],
        }
        (draft / "snapshot.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        os.chmod(draft, 0o755)
        durable.settle(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return facts


def _own_facts(tables: dict, day: pd.Timestamp, view: str, calendar: Calendar) -> tuple[dict[str, pd.DataFrame], dict]:
    """Give tables in the units of the organisation, and what is noted of it and of the calendar where they are a company's own."""
    placed = organisation.placed(tables, day, view, calendar)
    tree = organisation.facts(placed, day, view, calendar)
    return placed, {k: v for k, v in (("calendar", calendar.facts()), (UNITS, tree)) if v}


def _in_order(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: frame.sort_values(key(name, frame)) for name, frame in tables.items()}


def dated(tables: Checked, cadence: str) -> Checked:
    """Give tables whose orders, where they come by the month or the quarter, are dated on its last day (`coverage.at_ends`)."""
    ends = coverage.at_ends(tables, cadence, tables.calendar)
    return Checked(ends, tables.remarks, tables.aside, tables.calendar)


def last_day(tables: dict[str, pd.DataFrame]) -> pd.Timestamp:
    """Give the last day of an order, or of a deal that was opened or closed.

    Raises
    ------
    SourceError
        Where the tables hold neither orders nor opportunities.
    """
    return _days(tables).max()


def later(tables: Mapping[str, pd.DataFrame], day: pd.Timestamp) -> list[Remark]:
    """Note the tables whose rows are all from after `day`, the day looked from: nothing of them can be used.

    Returns
    -------
    list of Remark
        One note for each such table.
    """
    left = cut(dict(tables), day)
    words = f"rows later than {day.day} {day:%b %Y}, the day looked from, cannot be used"
    return [
        remark(name, tables[name], pd.Series(True, tables[name].index), "note", words)
        for name, frame in left.items()
        if frame.empty and name in TABLES
    ]


def refuse_far(tables: dict[str, pd.DataFrame], today: pd.Timestamp) -> None:
    """Refuse orders and deals that are dated years after today, where the figures would be those of that day.

    Raises
    ------
    ContractError
        Naming the row with the latest such date.
    """
    if found := dated_after(tables, today + FAR, DATED):
        raise ContractError(
            f"{found}, more than three years after today, and every figure would be of that day; fix the source or leave "
            "the row out in the SELECT (run --as-of DAY leaves out what is dated after DAY)."
        )


def _days(tables: Mapping[str, pd.DataFrame]) -> pd.Series:
    """Give the first and the last day of each kind that the tables saw."""
    days = [end for t, c in DATED if t in tables for end in (tables[t][c].min(), tables[t][c].max())]
    if not days:
        raise SourceError("the tables hold neither orders nor opportunities; a workbook needs one of them.")
    return pd.Series(days).dropna()


def cut(tables: dict[str, pd.DataFrame], as_of: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Give the tables as they stood at the end of day `as_of`: nothing in them knows of a later day.

    A quota or target is the last one that had been set by then. A deal closed later is open again, in the state its history gives
    for that day; without a history its stage reads "open". One that was opened again later is closed, as it was on that day.
    """
    known_from = {
        "orders": "order_date",
        "customers": "since",
        "products": "launched",
        "reps": "hired",
        "opportunities": "opened_on",
        "opportunity_history": "changed_on",
        "forecast_calls": "called_on",
        "market": "period_end",
        "competitors": "period_end",
        "costs": "period_end",
        "exchange_rates": "valid_from",
        ledger.TABLE: "period_end",
        history.TABLE: "as_of",
    }
    seen = {
        name: frame[~(frame[known_from[name]] > as_of)] if name in known_from else frame
        for name, frame in tables.items()
    }
    for name in (n for n in VERSIONED if n in seen and SET in seen[n]):
        known = seen[name][~(seen[name][SET] > as_of)]
        seen[name] = known[~replaced(name, known)]
    if "initiatives" in seen:
        seen["initiatives"] = seen["initiatives"][on_record(seen["initiatives"]) <= as_of]
    if "reps" in seen:
        seen["reps"] = seen["reps"].assign(left_on=lambda t: t["left_on"].where(t["left_on"] <= as_of))
    if "opportunities" in seen:
        seen["opportunities"] = _reopened(seen["opportunities"], seen.get("opportunity_history"), as_of)
        if "opportunity_history" in tables:
            seen["opportunities"] = _shut_then(seen["opportunities"], tables["opportunity_history"], as_of)
    return {name: frame.reset_index(drop=True) for name, frame in seen.items()}


def on_record(initiatives: pd.DataFrame) -> pd.Series:
    """Give the day from which each initiative is known: the day it was recorded, or its first day where that is earlier.

    Parameters
    ----------
    initiatives : DataFrame
        recorded_on, started_on.

    Returns
    -------
    Series
        Days, by the frame's index.
    """
    return initiatives[["recorded_on", "started_on"]].min(axis=1)


def regions(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Give the names of the sales regions in orders, deals and sellers, in alphabetical order; of a tree all units above too.

    Parameters
    ----------
    tables : dict of DataFrame
        Of orders, opportunities and reps those that are there; each has `region`, as `organisation.placed` gives it where there
        is a tree.
    """
    return sorted(organisation.levels(tables))


def called(frozen: Mapping[str, Any]) -> list[str] | dict[str, str]:
    """Give the regions that a snapshot says it has: their names, and of an organisation also by the ids of units."""
    there = frozen["regions"]
    names = frozen.get(UNITS, {}).get("names", {})
    return (
        dict.fromkeys(there) | {k: v for k, v in names.items() if v in there} | {n: n for n in there}
        if names
        else there
    )


def known_regions(tables: Checked, company: CompanyInfo) -> list[str] | dict[str, str]:
    """Give the regions of checked tables that are not frozen, as `called` gives them."""
    placed, own = _own_facts(tables, last_day(tables), company.view, tables.calendar)
    return called(own | {"regions": regions(placed)})


def within(tables: dict[str, pd.DataFrame], region: str) -> dict[str, pd.DataFrame]:
    """Give the part of the tables that is a region's own; all of it for the company as a whole.

    Of a tree (`organisation.placed`), regions are then the units of the region's level, or the highest for the company.

    Raises
    ------
    ParamsError
        Where no table knows the region.
    """
    every = tables
    tables = organisation.at_level(tables, organisation.levels(tables).get(region, 1)) if UNITS in tables else tables
    # What runs kept does not add up over regions: the company's forecast is one of its own.
    kept = {name: tables[name] for name in KEPT if name in tables}
    tables = tables | {k: v[v["region"] == region].reset_index(drop=True) for k, v in kept.items()}
    if region == COMPANY:
        return tables
    if region not in (known := regions(every)):
        raise ParamsError(f"there is no region {region!r} in the data; {nearest(region, [*known, COMPANY])}")
    own = {k: v[v["region"] == region] if "region" in v else v for k, v in tables.items()}
    if "initiatives" in tables:
        own["initiatives"] = tables["initiatives"].query("region.isna() or region == @region")
    if "reps" in tables and organisation.ALSO_IN in tables["reps"]:
        own["reps"] = tables["reps"][organisation.sold_in(tables["reps"], region)].assign(region=region)
    if "customers" in tables and "orders" in tables:
        buyers = tables["customers"]["customer_id"].isin(own["orders"]["customer_id"].unique())
        own["customers"] = tables["customers"][(tables["customers"]["region"] == region) | buyers]
    if "quotas" in tables:
        own["quotas"] = own["quotas"][own["quotas"]["rep_id"].isin(own["reps"]["rep_id"])]
    if "opportunity_history" in tables:
        past = tables["opportunity_history"]
        own["opportunity_history"] = past[past["opportunity_id"].isin(own["opportunities"]["opportunity_id"].unique())]
    return {k: v.reset_index(drop=True) for k, v in own.items()}


def parts(tables: dict[str, pd.DataFrame]) -> dict[str, dict[str, str]]:
    """Hash what each region, and the company as a whole, holds of each table.

    Returns
    -------
    dict
        By region, and "company", the hash (16 hex digits) of its rows by table.
    """
    rows = {
        name: frame.filter(LINKS).assign(row=pd.util.hash_pandas_object(frame, index=False))
        for name, frame in tables.items()
    }
    return {
        region: {
            name: hashlib.sha256(frame["row"].to_numpy().tobytes()).hexdigest()[:16]
            for name, frame in within(rows, region).items()
        }
        for region in [COMPANY, *regions(tables)]
    }


def _with_remarks(hashes: dict[str, dict[str, str]], remarks: list[Remark]) -> dict[str, dict[str, str]]:
    """Let a part's hash tell as well what a page says of its rows."""
    for said in remarks:
        for region, held in hashes.items():
            if not (counts := said.of(region)):
                continue
            content = f"{held.get(said.table, '')} {said.said} {said.example} {counts}"
            held[said.table] = hashlib.sha256(content.encode()).hexdigest()[:16]
    return hashes


def _with_begins(
    hashes: dict[str, dict[str, str]], tables: dict[str, pd.DataFrame], calendar: Calendar
) -> dict[str, dict[str, str]]:
    """Let a region's hash tell as well from which day the company's table is whole, which its pages may stand on."""
    begins = coverage.firsts(tables, calendar)
    for held in (held for region, held in hashes.items() if region != COMPANY):
        for table in held.keys() & begins.keys():
            held[table] = hashlib.sha256(f"{held[table]} {begins[table]}".encode()).hexdigest()[:16]
    return hashes


def tables_read() -> list[tuple[str, str, list[str]]]:
    """List what this process has read by `open_desk`.

    Returns
    -------
    list of tuple
        The snapshot's folder, the region, and the names of the tables that were asked for; those of stored answers after
        `answers.PREFIX`.
    """
    read = [(folder, region, sorted(asked.asked & {*TABLES, *KEPT})) for folder, region, asked in _opened]
    read += [(folder, region, [f"{answers.PREFIX}{name}"]) for folder, region, name in _loaded]
    return [(str(folder.resolve()), region, names) for folder, region, names in read]


def open_desk(
    company: str = "demo", region: str = COMPANY, as_of: str = "", data: str = "", everywhere: bool = False
) -> Desk:
    """Open a company's frozen tables for one region and one day.

    Parameters
    ----------
    company : str
        A folder of `params`.
    region : str
        A sales region, or "company" for all of them together.
    as_of : str
        ISO date to look from; empty for the snapshot's own last day.
    data : str
        Folder of the snapshot; empty for the company's latest run (the demo company is made on the spot).
    everywhere : bool
        Give the desk with the rows of all regions (`Desk.everywhere`).

    Raises
    ------
    ParamsError, RunError
        Where the region, the day or the snapshot does not exist.
    """
    seen = _seen(Path(data) if data else _latest(company), as_of)
    region = seen.named(region)
    own = Tables(seen.part(region))  # which also tells where there is no such region
    whole = Tables(seen.whole(seen.level(region)))
    _opened.extend([(seen.folder, region, own), (seen.folder, COMPANY, whole)])
    facts = seen.facts
    desk = Desk(
        company=facts["company"],
        title=facts["title"],
        region=region,
        as_of=seen.as_of,
        currency=facts["currency"],
        snapshot=facts["hash"],
        tables=own,
        whole=whole,
        remarks=seen.remarks,
        whole_from=facts.get("whole_from", {}),
        calendar=Calendar.model_validate(facts.get("calendar", {})),
        folder=seen.folder,
        level=seen.level(region),
        view=facts.get(UNITS, {}).get("view", ""),
        found=answers.Found(_shared(seen.folder, facts["hash"], seen.as_of)),
    )
    return desk.everywhere() if everywhere else desk


def at_once(tables: Checked, company: CompanyInfo, as_of: pd.Timestamp) -> Desk:
    """Give a desk of the whole company over checked tables that are not frozen: for what is only looked up (`Desk.lacks`)."""
    known = organisation.placed(
        cut(coverage.trimmed(tables, company.whole_from), as_of), as_of, company.view, tables.calendar
    )
    seen = Tables(within(known, COMPANY))
    said = (*tables.remarks, *later(tables, as_of))
    asked = (company.name, company.title, COMPANY, as_of, company.currency, "", seen, seen, said, company.whole_from)
    return Desk(*asked, calendar=tables.calendar)


def _shared(*key: Any) -> dict[str, Any]:
    """Give the company-wide answers that desks of the same snapshot and day have found in this process; those of others go."""
    for other in [k for k in _computed if k != key]:
        del _computed[other]
    return _computed.setdefault(key, {})


@dataclass(frozen=True)
class Seen:
    """A snapshot as it is seen from one day, and each region's part of it, once that is asked for."""

    folder: Path
    facts: dict
    as_of: pd.Timestamp
    remarks: tuple[Remark, ...]
    tables: dict[str, pd.DataFrame] = field(repr=False)
    _parts: dict[str, dict[str, pd.DataFrame]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _wholes: dict[int, dict[str, pd.DataFrame]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def named(self, region: str) -> str:
        """Give the name of a region, which may be asked for by the id of its unit."""
        names = self.facts.get(UNITS, {}).get("names", {})
        return names.get(region, region) if isinstance(region, str) else region

    def level(self, region: str) -> int:
        """Give the level of a region in the organisation's tree; 1 for the company, and where there is no tree."""
        if UNITS not in self.tables or not isinstance(region, str):
            return 1
        return organisation.levels(self.tables).get(region, 1)

    def whole(self, level: int) -> dict[str, pd.DataFrame]:
        """Give the tables of which the company has rows, its regions those of a level."""
        if level == 1:
            return self.part(COMPANY)
        if level not in self._wholes:
            leveled = organisation.at_level(self.tables, level)
            self._wholes[level] = {k: v for k, v in within(leveled, COMPANY).items() if len(v)}
        return self._wholes[level]

    def part(self, region: str) -> dict[str, pd.DataFrame]:
        """Give the tables of which a region has rows, with its rows alone."""
        if (key := repr(region)) not in self._parts:  # a slip of the pen may be a list
            self._parts[key] = {k: v for k, v in within(self.tables, region).items() if len(v)}
        return self._parts[key]


_ahead: dict[tuple, Seen] = {}  # what was read before a notebook asked for it


def read_ahead(data: str, as_of: str, *regions: str) -> None:
    """Read a snapshot, and cut it to regions, for the desks that this process and those forked from it will open.

    Parameters
    ----------
    data, as_of : str
        As `open_desk` is given them.
    regions : str
        The regions whose part is cut now; that of the company as a whole always is.

    Raises
    ------
    ParamsError, RunError
        As `open_desk` does.
    """
    seen = _seen(Path(data), as_of)
    for region in (COMPANY, *map(seen.named, regions)):
        seen.part(region)
        seen.whole(seen.level(region))
    _ahead[_asked_for(Path(data), as_of)] = seen


def _asked_for(folder: Path, as_of: str) -> tuple:
    """Tell one snapshot and day from another; a snapshot that was frozen again is another."""
    written = (folder / "snapshot.json").stat()
    return folder.resolve(), as_of, written.st_ino, written.st_mtime_ns


def _seen(folder: Path, as_of: str) -> Seen:
    """Give a snapshot as it is seen from a day, read ahead or now."""
    if _ahead and (folder / "snapshot.json").is_file() and (seen := _ahead.get(_asked_for(folder, as_of))):
        return seen
    facts, tables = read_snapshot(folder)
    day = _looked_from(as_of, tables)
    remarks = (*(Remark(**said) for said in facts.get("remarks", [])), *later(tables, day))
    known = cut(coverage.trimmed(tables, facts.get("whole_from", {})), day)
    if tree := facts.get(UNITS):
        known = organisation.placed(known, day, tree["view"], Calendar.model_validate(facts.get("calendar", {})))
    return Seen(folder.resolve(), facts, day, remarks, known)


def read_snapshot(folder: Path) -> tuple[dict, dict[str, pd.DataFrame]]:
    """Read what `freeze` wrote: the facts of `snapshot.json`, and every table."""
    if not (folder / "snapshot.json").is_file():
        raise RunError(f"{folder} holds no snapshot; make one with: quarterdeck run params/<company>")
    try:
        facts = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
        return facts, {name: _read(folder / f"{name}.parquet") for name in facts["tables"]}
    except (ValueError, TypeError, KeyError, RecursionError, ArrowException) as error:
        raise RunError(f"{folder} cannot be read as a snapshot ({error}); run again to make another.") from error


def _read(path: Path) -> pd.DataFrame:
    """Read a table by this thread alone: `pd.read_parquet` starts others, for which small files pay three times over."""
    return pq.ParquetFile(path, pre_buffer=False).read(use_threads=False).to_pandas(use_threads=False)


def _kept(runs: Path, day: pd.Timestamp, last: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Read what earlier runs kept and a run that looks from `day` may know."""
    due = ledger.come_due(runs / f"{ledger.TABLE}.parquet", min(day, last)).sort_values(ledger.KEY)
    figures = history.earlier(runs / f"{history.TABLE}.parquet", day).sort_values(history.KEY)
    return {name: frame for name, frame in ((ledger.TABLE, due), (history.TABLE, figures)) if len(frame)}


def _write(frame: pd.DataFrame, path: Path) -> dict:
    frame.to_parquet(path, index=False)
    return {"rows": len(frame), "hash": hashlib.sha256(path.read_bytes()).hexdigest()}


def _write_all(tables: Mapping[str, pd.DataFrame], aside: Mapping[str, pd.DataFrame], folder: Path) -> dict[str, dict]:
    """Write tables, and the rows that were set aside into a folder of their own; give per table its rows and hash."""
    for name, frame in aside.items():
        (folder / ASIDE).mkdir(exist_ok=True)
        frame.to_parquet(folder / ASIDE / f"{name}.parquet", index=False)
    return {name: _write(frame, folder / f"{name}.parquet") for name, frame in tables.items()}


def _reopened(deals: pd.DataFrame, history: pd.DataFrame | None, as_of: pd.Timestamp) -> pd.DataFrame:
    later = deals["closed_on"] > as_of
    then = {
        c: deals[c].where(~later)
        for c in ("loss_reason", "next_step", "probability", "forecast_category")
        if c in deals
    }
    deals = deals.assign(
        **then,
        status=deals["status"].where(~later, "open"),
        stage=deals["stage"].where(~later, "open"),
        closed_on=deals["closed_on"].where(~later),
    )
    if history is None:
        return deals
    state = history.sort_values("changed_on").groupby("opportunity_id").last()
    state = state.reindex(deals["opportunity_id"]).set_axis(deals.index)
    known = state["stage"].notna()
    columns = ["stage", "amount", "expected_close"]
    beside = ("amount_in_currency", "probability", "forecast_category")
    columns += [c for c in beside if c in deals and c in state]
    return deals.assign(**{c: state[c].where(known, deals[c]) for c in columns})


def _shut_then(deals: pd.DataFrame, history: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Close the deals that were closed on a day and have been opened again since; `history` reaches beyond that day."""
    again = history.loc[(history["changed_on"] > as_of) & history["status"].eq("open"), "opportunity_id"]
    past = history[history["opportunity_id"].isin(again) & (history["changed_on"] <= as_of)].sort_values("changed_on")
    opened = past[past["status"].eq("open")].groupby("opportunity_id")["changed_on"].max()
    until = opened.reindex(past["opportunity_id"]).set_axis(past.index)
    shut = past[past["status"].ne("open") & ~(past["changed_on"] <= until)]
    first = shut.drop_duplicates("opportunity_id").rename(columns={"changed_on": "closed_on"})
    then = first.set_index("opportunity_id").reindex(deals["opportunity_id"]).set_axis(deals.index)
    columns = ("status", "stage", "amount", "closed_on")
    return deals.assign(**{column: then[column].fillna(deals[column]) for column in columns}) if len(first) else deals


def _looked_from(as_of: str, tables: Mapping[str, pd.DataFrame]) -> pd.Timestamp:
    """Give the day to look from: the tables' last one unless named; one that they say nothing of is refused."""
    days = _days(tables)
    try:
        day = pd.Timestamp(as_of or days.max())
    except (ValueError, TypeError) as error:
        raise ParamsError(f"as_of holds {as_of!r}, expected a date as YYYY-MM-DD.") from error
    if not days.min() <= day <= days.max() + LATE:
        span = f"{days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}"
        raise ParamsError(f"as_of holds {as_of}, and the tables reach from {span}; give a day within.")
    return day


def _latest(company: str) -> Path:
    if not isinstance(company, str):
        raise ParamsError(f"company holds {company!r}, expected the name of a folder of params.")
    out = home() / "outputs" / company
    if (out / "latest" / "data" / "snapshot.json").is_file():
        return out / "latest" / "data"
    params = home() / "params" / company
    if not params.is_dir():
        companies = [folder.name for folder in params.parent.glob("*") if folder.is_dir()]
        raise ParamsError(f"there is no company {company!r} in {params.parent}; {nearest(company, companies)}")
    described = source.load(params)
    if described.generate is None:
        raise RunError(f"{company} has no run yet; make one with: quarterdeck run params/{company} --data FOLDER")
    folder = out / "preview"
    if not (folder / "snapshot.json").is_file():
        read = source.read(params, out.parent)
        tables = check(read, **described.for_check)
        freeze(tables, folder, CompanyInfo.of(company, described))
    return folder


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
