"""Which rows does a run speak of, and has anybody changed them since?

`freeze` writes a company's checked tables as Parquet with a content hash; `open_desk` opens them for a notebook,
cut to one region and one day. Nothing behind it ever opens a source.
"""

import hashlib
import inspect
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from quarterdeck.data import COMPANY, history, ledger, source
from quarterdeck.data.contract import DATED, KEYS, TABLES, check, dated_after
from quarterdeck.data.home import home
from quarterdeck.data.periods import Period, quarter
from quarterdeck.errors import ContractError, ParamsError, RunError, SourceError

FAR = pd.DateOffset(years=3)  # after today, from which a date of what has come is taken for a slip
LATE = pd.Timedelta(days=366)  # after the tables' last day, from which they may still be looked at
KEPT = {ledger.TABLE: ledger.NONE_DUE, history.TABLE: history.NONE_EARLIER}  # of earlier runs; why there may be none
PLAIN = (str, int, float, pd.Timestamp, Period)  # values that tell by themselves whether a question was asked before
LINKS = ["region", "customer_id", "rep_id", "opportunity_id"]  # columns by which `within` tells a region's rows


@dataclass(frozen=True)
class Missing:
    """What stands in for a figure that the company's tables cannot give; `sentence` says why."""

    sentence: str


class Tables(Mapping):
    """Frames by the name of their table; it knows which have been asked for, be they there or not."""

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._frames, self.asked = dict(frames), set()

    def __getitem__(self, name: str) -> pd.DataFrame:
        self.asked.add(name)
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        self.asked.update((*TABLES, *KEPT))
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __or__(self, others: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        return {**self, **others}


_opened: list[tuple[Path, str, Tables]] = []  # by this process: the snapshot, the region and its tables


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
    _told: dict[tuple, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def everywhere(self) -> "Desk":
        """Give the desk with the rows of all regions: it still speaks of its own, but may hold it against the others."""
        return replace(self, tables=self.whole)

    @property
    def period(self) -> Period:
        """The quarter of `as_of`, seen through that day."""
        return quarter(self.as_of)

    @property
    def rows_read(self) -> dict[str, int]:
        """Count the rows of each table that has been asked for so far; to count them is not to read them."""
        return {name: len(self.tables[name]) for name in sorted(self.tables.asked) if name in self.tables}

    @property
    def name(self) -> str:
        """Name what the desk speaks of: the region, or the company where it is all of them."""
        return self.title if self.region == COMPANY else self.region

    def ask(self, function: Callable, **options: Any) -> Any:
        """Call an analysis function with the tables its parameters are named after.

        A parameter named like a table of the contract gets that table; `as_of`, `period`, `region` and
        `currency` get the desk's own; all others come from `options`. Where a table that the function
        needs is not there, the answer is a `Missing` that names it; an option that is one is passed over
        where the function can do without. What hangs on the tables and on plain values alone is computed once.

        Raises
        ------
        TypeError
            Where a parameter is neither a table nor given: `desk.ask(goals.seek, record=…, goal=…)`.
        """
        if not all(isinstance(value, PLAIN) for value in options.values()):
            return self._answer(function, options)
        key = (function, *options.items())
        if key not in self._told:
            self._told[key] = self._answer(function, options)
        told = self._told[key]
        return told.copy(deep=False) if isinstance(told, pd.DataFrame) else told

    def _answer(self, function: Callable, options: dict[str, Any]) -> Any:
        parameters = inspect.signature(function).parameters
        known = {k: self.tables[k] for k in parameters if k in self.tables}
        known |= {k: getattr(self, k) for k in ("as_of", "period", "region", "currency")}
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
        if absent:
            tables = _listed([name.replace("_", " ") for name in absent])
            return Missing(f"Not shown: it needs {tables}, which the data of {self._without(absent)}.")
        if void := next((v for v in given.values() if isinstance(v, Missing)), None):
            return void
        return function(**given)

    def _without(self, absent: list[str]) -> str:
        """Say that the data does not hold these tables: for this region, where others have rows of them."""
        elsewhere = self.region != COMPANY and any(name in self.whole for name in absent)
        return f"{self.title} does not hold" + (f" for {self.region}" if elsewhere else "")


def freeze(
    tables: dict[str, pd.DataFrame],
    folder: Path,
    company: str,
    title: str,
    currency: str,
    runs: Path | None = None,
    as_of: str = "",
) -> dict:
    """Check tables against the contract and write them into `folder`, whole or not at all.

    Beside them goes what earlier runs kept in the folder `runs`: the forecasts that can be held against what came by `as_of`
    (the tables' last day where that is empty) and the figures told of earlier days, so that a page depends on its snapshot
    alone.

    Returns
    -------
    dict
        What `snapshot.json` holds: company, title, currency, as_of (ISO), regions, hash, per table its rows and hash, and
        `parts`: per region (and for the company) the hash of its part of each table.

    Raises
    ------
    ContractError
        Where the tables break the contract; nothing is written then.
    """
    checked = check(tables)
    last, day = last_day(checked), _looked_from(as_of, checked)
    kept = _kept(runs, day, last) if runs else {}
    # The hashes must not hang on the engine's order of rows.
    frozen = dict(sorted(({name: frame.sort_values(KEYS[name]) for name, frame in checked.items()} | kept).items()))
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".snapshot-", dir=folder.parent))
    try:
        written = {name: _write(frame, draft / f"{name}.parquet") for name, frame in frozen.items()}
        facts = {
            "company": company,
            "title": title,
            "currency": currency,
            "as_of": f"{last:%Y-%m-%d}",
            "regions": regions(checked),
            "hash": hashlib.sha256(json.dumps(written).encode()).hexdigest(),
            "tables": written,
            "parts": parts(frozen),
        }
        (draft / "snapshot.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        os.chmod(draft, 0o755)
        os.replace(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return facts


def last_day(tables: dict[str, pd.DataFrame]) -> pd.Timestamp:
    """Give the last day on which the tables saw an order or a deal opened or closed."""
    return _days(tables).max()


def refuse_far(tables: dict[str, pd.DataFrame], today: pd.Timestamp) -> None:
    """Refuse orders and deals that are dated years after today, where the figures would be those of that day.

    Raises
    ------
    ContractError
        Naming the row with the latest such date.
    """
    if found := dated_after(tables, today + FAR, DATED):
        raise ContractError(
            f"{found}, more than three years after today, and every figure would be of that day; mend the source or leave "
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

    A deal closed later is open again, in the state its history gives for that day; without a history its
    stage reads "open".
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
    if "initiatives" in seen:
        seen["initiatives"] = seen["initiatives"][on_record(seen["initiatives"]) <= as_of]
    if "reps" in seen:
        seen["reps"] = seen["reps"].assign(left_on=lambda t: t["left_on"].where(t["left_on"] <= as_of))
    if "opportunities" in seen:
        seen["opportunities"] = _reopened(seen["opportunities"], seen.get("opportunity_history"), as_of)
    return {name: frame.reset_index(drop=True) for name, frame in seen.items()}


def on_record(initiatives: pd.DataFrame) -> pd.Series:
    """Give the day from which each initiative is known of: the day it was put on record, and no later than its first."""
    return initiatives[["recorded_on", "started_on"]].min(axis=1)


def regions(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Give the names of the sales regions that orders, deals or sellers name, in alphabetical order."""
    named = [tables[t]["region"].unique() for t in ("orders", "opportunities", "reps") if t in tables]
    return sorted(set().union(*named)) if named else []


def within(tables: dict[str, pd.DataFrame], region: str) -> dict[str, pd.DataFrame]:
    """Give the part of the tables that is a region's own; all of it for the company as a whole.

    Raises
    ------
    ParamsError
        Where no table knows the region.
    """
    # What runs kept does not add up over regions: the company's forecast is one of its own.
    told = {name: tables[name] for name in KEPT if name in tables}
    tables = tables | {k: v[v["region"] == region].reset_index(drop=True) for k, v in told.items()}
    if region == COMPANY:
        return tables
    if region not in (known := regions(tables)):
        raise ParamsError(f"there is no region {region!r}; the data has {_listed(known)}, and {COMPANY!r} for all.")
    own = {k: v[v["region"] == region] if "region" in v else v for k, v in tables.items()}
    if "initiatives" in tables:
        own["initiatives"] = tables["initiatives"].query("region.isna() or region == @region")
    if "customers" in tables and "orders" in tables:
        buyers = tables["customers"]["customer_id"].isin(own["orders"]["customer_id"].unique())
        own["customers"] = tables["customers"][(tables["customers"]["region"] == region) | buyers]
    if "quotas" in tables:
        own["quotas"] = tables["quotas"][tables["quotas"]["rep_id"].isin(own["reps"]["rep_id"])]
    if "opportunity_history" in tables:
        past = tables["opportunity_history"]
        own["opportunity_history"] = past[past["opportunity_id"].isin(own["opportunities"]["opportunity_id"].unique())]
    return {k: v.reset_index(drop=True) for k, v in own.items()}


def parts(tables: dict[str, pd.DataFrame]) -> dict[str, dict[str, str]]:
    """Hash what each region, and the company as a whole, holds of each table."""
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


def tables_read() -> list[tuple[str, str, list[str]]]:
    """Tell what this process has read by `open_desk`: of which snapshot, of which region, which tables."""
    return [
        (str(folder.resolve()), region, sorted(asked.asked & {*TABLES, *KEPT})) for folder, region, asked in _opened
    ]


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
    folder = Path(data) if data else _latest(company)
    facts, tables = read_snapshot(folder)
    day = _looked_from(as_of, tables)
    tables = cut(tables, day)
    parts = {read: within(tables, read) for read in (region, COMPANY)}  # which also tells where there is no such region
    own, whole = (Tables({k: v for k, v in part.items() if len(v)}) for part in (parts[region], parts[COMPANY]))
    _opened.extend([(folder, region, own), (folder, COMPANY, whole)])
    desk = Desk(
        company=facts["company"],
        title=facts["title"],
        region=region,
        as_of=day,
        currency=facts["currency"],
        snapshot=facts["hash"],
        tables=own,
        whole=whole,
    )
    return desk.everywhere() if everywhere else desk


def read_snapshot(folder: Path) -> tuple[dict, dict[str, pd.DataFrame]]:
    """Read what `freeze` wrote: the facts of `snapshot.json`, and every table."""
    if not (folder / "snapshot.json").is_file():
        raise RunError(f"{folder} holds no snapshot; make one with: quarterdeck run params/<company>")
    facts = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
    return facts, {name: _read(folder / f"{name}.parquet") for name in facts["tables"]}


def _read(path: Path) -> pd.DataFrame:
    """Read a table by this thread alone: `pd.read_parquet` starts others, for which small files pay three times over."""
    return pq.ParquetFile(path, pre_buffer=False).read(use_threads=False).to_pandas(use_threads=False)


def _kept(runs: Path, day: pd.Timestamp, last: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Read what earlier runs kept and a run that looks from `day` may know."""
    due = ledger.come_due(runs / f"{ledger.TABLE}.parquet", min(day, last)).sort_values(ledger.KEY)
    told = history.earlier(runs / f"{history.TABLE}.parquet", day).sort_values(history.KEY)
    return {name: frame for name, frame in ((ledger.TABLE, due), (history.TABLE, told)) if len(frame)}


def _write(frame: pd.DataFrame, path: Path) -> dict:
    frame.to_parquet(path, index=False)
    return {"rows": len(frame), "hash": hashlib.sha256(path.read_bytes()).hexdigest()}


def _reopened(deals: pd.DataFrame, history: pd.DataFrame | None, as_of: pd.Timestamp) -> pd.DataFrame:
    later = deals["closed_on"] > as_of
    deals = deals.assign(
        status=deals["status"].where(~later, "open"),
        stage=deals["stage"].where(~later, "open"),
        closed_on=deals["closed_on"].where(~later),
        loss_reason=deals["loss_reason"].where(~later),
    )
    if history is None:
        return deals
    state = history.sort_values("changed_on").groupby("opportunity_id").last()
    state = state.reindex(deals["opportunity_id"]).set_axis(deals.index)
    known = state["stage"].notna()
    columns = ["stage", "amount", "expected_close"]
    return deals.assign(**{c: state[c].where(known, deals[c]) for c in columns})


def _looked_from(as_of: str, tables: Mapping[str, pd.DataFrame]) -> pd.Timestamp:
    """Give the day to look from: the tables' last one unless named; one that they say nothing of is refused."""
    days = _days(tables)
    try:
        day = pd.Timestamp(as_of or days.max())
    except ValueError as error:
        raise ParamsError(f"as_of holds {as_of!r}, expected a date as YYYY-MM-DD.") from error
    if not days.min() <= day <= days.max() + LATE:
        span = f"{days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}"
        raise ParamsError(f"as_of holds {as_of}, and the tables reach from {span}; give a day within.")
    return day


def _latest(company: str) -> Path:
    out = home() / "outputs" / company
    if (out / "latest" / "data" / "snapshot.json").is_file():
        return out / "latest" / "data"
    params = home() / "params" / company
    if not params.is_dir():
        raise ParamsError(f"there is no company {company!r} in {params.parent}.")
    described = source.load(params)
    if described.generate is None:
        raise RunError(f"{company} has no run yet; make one with: quarterdeck run params/{company} --data FOLDER")
    folder = out / "preview"
    if not (folder / "snapshot.json").is_file():
        freeze(source.read(params, out.parent), folder, company, described.title, described.currency)
    return folder


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
