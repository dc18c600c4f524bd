"""What do the next months bring, from which part of the business, and how wrong have such forecasts been?"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from quarterdeck.analysis.forecasting import one_number
from quarterdeck.analysis.forecasting.initiative_plans import initiative_plans
from quarterdeck.analysis.forecasting.landings import added_up, landing
from quarterdeck.analysis.forecasting.quarter_end import origins
from quarterdeck.analysis.methods import hierarchy, series
from quarterdeck.analysis.methods.hierarchy import WHOLE
from quarterdeck.analysis.methods.intervals import growth
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.methods.members import MEMBERS, NAIVE
from quarterdeck.analysis.methods.series import JOINED, column
from quarterdeck.analysis.sales import by_period
from quarterdeck.data import COMPANY
from quarterdeck.data.answers import company_wide
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.coverage import EVER
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows
from quarterdeck.data.snapshot import Missing

AHEAD = ["series", "start", "step", "kind", "mean", "low", "middle", "high"]
FAN = ["start", "actual", "low", "middle", "high"]
PARTS = ["dimension", "part", "past", "low", "middle", "high", "change", "low_change", "high_change", "sure"]
WEIGHTS = [f"{view}_weight" for view in ("series", *one_number.VIEWS)]
YEAR = 4  # quarters
NEAR = 0.25  # part of a season that is near


ASLEEP = "Not shown: it needs sales in the last twelve months, and there were none."


class Months(NamedTuple):
    """The steps of a forecast by month; each is a frame, or the `Missing` that the desk gives in its place."""

    panel: pd.DataFrame | Missing  # as `panel` gives it
    plans: pd.DataFrame | Missing  # as `initiative_plans.initiative_plans` gives it
    tested: pd.DataFrame | Missing  # as `series.backtest` gives it
    ahead: pd.DataFrame | Missing  # as `ahead` gives it


class Quarters(NamedTuple):
    """The steps of a forecast by quarter; each is a frame, or the `Missing` that the desk gives in its place."""

    panel: pd.DataFrame | Missing  # as `panel` gives it for a season of four
    plans: pd.DataFrame | Missing  # as `initiative_plans.initiative_plans` gives it
    tested: pd.DataFrame | Missing  # as `series.backtest` gives it
    ahead: pd.DataFrame | Missing  # as `ahead` gives it, by the series alone
    by_quarter: pd.DataFrame | Missing  # as `numbers_ahead` gives it: the whole, joined with growth and pipeline
    joined: pd.DataFrame | Missing  # as `joined` gives it: every part, moved to add up to that


def own_series(steps: "Months | Quarters", region: str) -> "Months | Quarters":
    """Give a region's part of a forecast: its series, named as if it were a company of its own.

    One that sold nothing for a year has no forecast: that it goes on so is no more than a guess, and not sure.

    Parameters
    ----------
    steps : Months or Quarters
        Of the company.
    region : str
        A region's name, or "company".
    """
    panel = steps.panel
    if isinstance(panel, Missing):
        return steps
    whole = region == COMPANY or by_period.WITHIN not in panel
    own = hierarchy.outer(panel, by_period.WITHIN) if whole else hierarchy.part_of(panel, by_period.WITHIN, region)
    own = own.assign(within=own["series"]) if whole else own
    names = own.drop_duplicates("within").set_index("within")["series"]
    parts = [_renamed(s, names) for s in steps[1:]]
    year = own.loc[own["series"] == WHOLE, "value"].tail(12 if isinstance(steps, Months) else YEAR)
    if len(year) and (year <= 0).all():
        parts[1:] = [Missing(ASLEEP)] * len(parts[1:])
    return type(steps)(own.drop(columns="within").reset_index(drop=True), *parts)


def _renamed(frame: pd.DataFrame | Missing, names: pd.Series) -> pd.DataFrame | Missing:
    """Give a frame's rows of some series, under other names."""
    if isinstance(frame, Missing):
        return frame
    if "unit" in frame:  # numbers of the company and its regions, of which the whole's is the page's
        return frame[frame["unit"].map(names) == WHOLE].drop(columns="unit").reset_index(drop=True)
    own = frame[frame["series"].isin(names.index)]
    return own.assign(series=looked_up(own["series"], names)).reset_index(drop=True)


@company_wide(own_series)
def months(ask: Callable, periods: int, level: float = 0.8) -> Months:
    """Forecast the months ahead: the panel, what initiatives cover of it, the back-test and the forecast.

    Regions, segments and channels, those of each region, and their cells are forecast together, so that they add up.

    Parameters
    ----------
    ask : callable
        `Desk.ask`, which hands each step its tables and says why one cannot be made.
    periods : int
        Months to look ahead.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Months
        Money by month in each frame.
    """
    return Months(*_steps(ask, periods, season=12, level=level))


@company_wide(own_series)
def quarters(ask: Callable) -> Quarters:
    """Forecast the next four quarters: the same steps as `months`, then joined with growth and pipeline into one number.

    The company and each region have a number of their own (`by_quarter`), moved so that the regions' add up to the company's.

    Parameters
    ----------
    ask : callable
        `Desk.ask` of the company, which hands each step its tables and says why one cannot be made.

    Returns
    -------
    Quarters
        Money by quarter in each frame, with intervals of 80 %.
    """
    steps = _steps(ask, YEAR, season=YEAR)
    numbers = ask(numbers_ahead, panel=steps[0], ahead=steps[-1])
    return Quarters(*steps, by_quarter=numbers, joined=ask(joined, panel=steps[0], ahead=steps[-1], by_quarter=numbers))


@no_rows(needs="a series of two years and more")
def numbers_ahead(panel: pd.DataFrame, ahead: pd.DataFrame, asks: Mapping[str, Callable]) -> pd.DataFrame:
    """The one number of each next quarter for the company and for each region, such that the regions add up.

    Parameters
    ----------
    panel, ahead : DataFrame
        Of the company's quarters, as `panel` and `ahead` give them.
    asks : mapping
        By region and "company", what asks its desk.

    Returns
    -------
    DataFrame
        One row for the whole and for each region's series, and quarter: `unit` (that series) and the columns of `by_quarter`.
    """
    parts = {WHOLE: COMPANY}
    if by_period.WITHIN in panel:
        single = panel.drop(columns=["series", "start", "value", by_period.WITHIN]).eq("").all(axis=1)
        own = panel[single & panel[by_period.WITHIN].ne("")].drop_duplicates("series")
        parts |= dict(zip(own["series"], own[by_period.WITHIN], strict=True))
    found = {}
    for name, region in ((n, r) for n, r in parts.items() if r in asks):
        own, future = (t[t["series"] == name].assign(series=WHOLE) for t in (panel, ahead))
        number = asks[region](by_quarter, panel=own, ahead=future, landing=asks[region](landing))
        found |= {} if isinstance(number, Missing) else {name: number}
    if not found:
        return pd.DataFrame(columns=["unit", "start"])
    numbers = pd.concat(found, names=["unit"]).reset_index("unit").reset_index(drop=True)
    return _added_up(numbers) if len(numbers) else numbers


def _added_up(numbers: pd.DataFrame) -> pd.DataFrame:
    """Move the numbers of each quarter so that the regions' add up to the company's (`landings.added_up`)."""
    ends = numbers.assign(region=numbers["unit"].where(numbers["unit"] != WHOLE, COMPANY), seen=0.0)
    moved = [added_up(own.set_index("region")).set_axis(own.index) for _, own in ends.groupby("start")]
    part = (pd.concat(moved) / numbers["p50"].where(numbers["p50"] > 0)).fillna(1.0)
    table = numbers.assign(**numbers[["p10", "p50", "p90"]].mul(part, axis=0))
    return table.assign(moved=table["p50"] - table["alone"], change=growth(table["p50"], table["before"]))


def _steps(ask: Callable, periods: int, season: int, level: float = 0.8) -> tuple[pd.DataFrame | Missing, ...]:
    """Give the panel, the plans, the back-test and the forecast, each from those before it."""
    sold = ask(panel, season=season)
    plans = ask(initiative_plans, panel=sold, ahead=periods, season=season)
    tested = ask(series.backtest, panel=sold, ahead=periods, season=season, plans=plans)
    future = ask(ahead, panel=sold, tested=tested, periods=periods, season=season, level=level, plans=plans)
    return sold, plans, tested, future


@no_rows(needs="orders or deals won of a whole month or quarter, dated as finely as that")
def panel(
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    season: int = 12,
    begins: Mapping[str, pd.Timestamp] = EVER,
    calendar: Calendar = GREGORIAN,
) -> pd.DataFrame:
    """Revenue of each region, segment and channel, their cells and the whole, by month (or by quarter, with a season of four).

    Returns
    -------
    DataFrame
        As `hierarchy.sums` gives it for `by_period.cells`, with each region's segments and channels.
    """
    return hierarchy.sums(
        by_period.cells(as_of, orders, customers, opportunities, season, begins, calendar), by_period.WITHIN
    )


@no_rows(needs="sales of two years and more, by the month")
def ahead(
    panel: pd.DataFrame,
    tested: pd.DataFrame,
    periods: int,
    season: int,
    level: float = 0.8,
    plans: pd.DataFrame | None = None,
    calendar: Calendar = GREGORIAN,
) -> pd.DataFrame:
    """Forecast every series of a panel so that the means of the parts add up to the whole's.

    Parameters
    ----------
    panel, tested : DataFrame
        As `hierarchy.sums` and `series.backtest` give them.
    periods, season : int
        Periods to look ahead, and in a year.
    level : float
        Coverage of the interval.
    plans : DataFrame, optional
        What initiatives cover, as `initiative_plans.initiative_plans` gives it.
    calendar : Calendar
        The company's.

    Returns
    -------
    DataFrame
        One row per series and period: `series`, `start`, `step`, `kind` (`series.kinds`), `mean`, `low`, `middle`, `high` (money;
        `middle` is the mean, for medians of parts do not add up to the whole's); no rows where nothing could be tested.
    """
    if tested.empty:
        return pd.DataFrame(columns=AHEAD)
    ends = [(1 - level) / 2, (1 + level) / 2]
    forecasts = series.forecast(panel, periods, season, ends, tested=tested, plans=plans, calendar=calendar)
    forecasts = hierarchy.reconcile(forecasts, panel)
    table = forecasts.rename(columns=dict(zip(map(column, ends), ["low", "high"], strict=True)))
    low, high = table[["low", "mean"]].min(axis=1), table[["high", "mean"]].max(axis=1)
    return table.assign(low=low, middle=table["mean"], high=high)[AHEAD]


@no_rows(needs="sales of two years and more, by the month")
def fan(panel: pd.DataFrame, ahead: pd.DataFrame, name: str = WHOLE) -> pd.DataFrame:
    """One series' history and future.

    Returns
    -------
    DataFrame
        Oldest first: `start`, `actual` (money; missing in the future), `low`, `middle`, `high` (money; missing in the past); no
        rows where there is no forecast.
    """
    future = ahead[ahead["series"] == name]
    if future.empty:
        return pd.DataFrame(columns=FAN)
    past = panel[panel["series"] == name].rename(columns={"value": "actual"})
    return pd.concat([past, future], ignore_index=True).sort_values("start", ignore_index=True)[FAN]


def on_as_many(future: pd.DataFrame, actual: pd.Series) -> pd.DataFrame:
    """What the periods ahead bring together, beside as many past ones; errors are taken to go together.

    Parameters
    ----------
    future : DataFrame
        The part of a `fan` that is ahead.
    actual : Series
        The past of the same series (money), oldest first.

    Returns
    -------
    DataFrame
        One row: `low`, `middle`, `high`, `before` (money), `change` (of the middle on `before`, ratio; missing where the past is
        shorter, or `intervals.growth` gives none).
    """
    sums = future[["low", "middle", "high"]].sum()
    before = actual.tail(len(future)).sum() if len(actual) >= len(future) else np.nan
    return pd.DataFrame([sums.to_dict() | {"before": before, "change": growth(sums["middle"], before)}])


@no_rows(needs="regions, segments or channels with sales of two years and more, by the month")
def parts(panel: pd.DataFrame, ahead: pd.DataFrame, season: int) -> pd.DataFrame:
    """Where does the next year's growth come from: each region, segment and channel against its last year.

    The interval takes the errors of a year's periods to go together, which is the widest that it can be.

    Returns
    -------
    DataFrame
        One row per part of more than one, largest first within its dimension: `dimension`, `part`, `past` (last season's), `low`,
        `middle`, `high` (next season's; money), `change`, `low_change`, `high_change` (against `past`, ratios), `sure` (the
        interval leaves no change out); no rows where the forecast is shorter than a season; a part whose past is
        shorter has no last year, and is left out.
    """
    names = [c for c in panel if c not in ("series", "start", "value", "part")]
    if ahead.empty or ahead["step"].max() < season:
        return pd.DataFrame(columns=PARTS)
    now = ahead[ahead["step"] <= season].groupby("series")[["low", "middle", "high"]].sum()
    past = panel.groupby("series")["value"].apply(lambda v: v.tail(season).sum() if len(v) >= season else np.nan)
    past = past.rename("past")
    labels = panel.drop_duplicates("series").set_index("series")[names]
    single = labels[labels.ne("").sum(axis=1).eq(1)] if len(names) > 1 else labels[labels.ne("").all(axis=1)]
    if single.empty:
        return pd.DataFrame(columns=PARTS)
    table = single.join(past).join(now).query("past > 0")
    table["dimension"] = table[names].ne("").idxmax(axis=1)
    table["part"] = table[names].max(axis=1)
    for end, name in (("middle", "change"), ("low", "low_change"), ("high", "high_change")):
        table[name] = growth(table[end], table["past"])
    table["sure"] = (table["low_change"] > 0) | (table["high_change"] < 0)
    order = {name: place for place, name in enumerate(names)}
    table = table.assign(order=table["dimension"].map(order)).sort_values(["order", "middle"], ascending=[True, False])
    return table[PARTS].reset_index(drop=True)


@no_rows(needs="a series of two years and more")
def by_quarter(
    panel: pd.DataFrame,
    ahead: pd.DataFrame,
    landing: pd.DataFrame,
    period: Period,
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    opportunity_history: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """The whole's next quarters, each beside the same one of a year before: series and pipeline in one number.

    The open quarter is as `quarter_end.landing` has it. For each later one, growth and pipeline are joined by how wrong they were
    at that distance (`quarter_end.origins`); their past errors give the spread. The series forecast can be made again for few
    past days only, so it cannot be weighted like them. It takes half of the weight of growth: both use the series alone.

    Parameters
    ----------
    panel, ahead : DataFrame
        Of quarters, as `hierarchy.sums` and `ahead` (80 % range) give them.
    landing : DataFrame
        As `quarter_end.landing` gives it.

    Returns
    -------
    DataFrame
        One row per quarter ahead: `start`, `label`, `p10`, `p50`, `p90`, `series`, `pace`, `growth`, `pipeline` (what each
        view forecasts), `alone` (`p50` before it is moved so that regions add up), `moved` (by how much), `before` (money),
        `change` (`p50` over `before` less one), `series_weight`, `pace_weight` and so on (how much each view counts in
        `alone`, ratios that add up to one).
    """
    whole = ahead.loc[ahead["series"] == WHOLE, ["start", "low", "middle", "high"]].head(YEAR).reset_index(drop=True)
    table = whole.set_axis(["start", "p10", "p50", "p90"], axis=1).assign(series=whole["middle"])
    table[one_number.VIEWS], table[WEIGHTS] = np.nan, [1.0, *[0.0] * len(one_number.VIEWS)]
    calendar, tables = (
        period.calendar,
        {
            "orders": orders,
            "opportunities": opportunities,
            "opportunity_history": opportunity_history,
            "begins": begins,
        },
    )
    for row, start in table["start"].items():
        later = calendar.place(start) - calendar.place(period.start)
        past = origins(period, as_of, **tables, later=later) if 0 <= later < YEAR else pd.DataFrame()
        if len(past) and past["start"].iloc[-1] == start:
            table.loc[row, one_number.VIEWS] = past[one_number.VIEWS].iloc[-1]
            ends = one_number.quantiles(past, (0.1, 0.5, 0.9), _with_series(past, table.loc[row, "series"]))
            if len(ends):
                table.loc[row, ["p10", "p50", "p90"]] = ends
                table.loc[row, WEIGHTS] = _counts(past, table.loc[row, "series"] if later else 0.0)
    now = table["start"].eq(period.start)
    if now.any() and landing["p50"].notna().all():
        table.loc[now, ["p10", "p50", "p90"]] = landing[["p10", "p50", "p90"]].to_numpy()
    moved = landing["moved"].iloc[0] if "moved" in landing and now.any() else 0.0
    table["alone"] = table["p50"] - now * moved
    past = panel[panel["series"] == WHOLE].set_index("start")["value"]
    table["before"] = calendar.shifted(table["start"], -YEAR).map(past)
    table["label"] = calendar.labels(table["start"], short=False)
    return table.assign(moved=table["p50"] - table["alone"], change=growth(table["p50"], table["before"]))


@no_rows(needs="a series of two years and more")
def joined(panel: pd.DataFrame, ahead: pd.DataFrame, by_quarter: pd.DataFrame | None = None) -> pd.DataFrame:
    """The forecasts of all parts, moved so that they add up to each quarter's one number; the whole's, and a region's, is that.

    Every cell of a region is moved as the region is, and each sum over cells as these together are.

    Parameters
    ----------
    panel, ahead, by_quarter : DataFrame
        As `panel`, `ahead` and `numbers_ahead` give them; without the latter all is left as it is.

    Returns
    -------
    DataFrame
        As `ahead` gives it.
    """
    if by_quarter is None or by_quarter.empty:
        return ahead
    ends = ["low", "middle", "high"]
    keys = pd.MultiIndex.from_frame(ahead[["series", "start"]])
    own = by_quarter.set_index(["unit", "start"])[["p10", "p50", "p90"]].reindex(keys).set_axis(ahead.index)
    moved = _moves(panel, ahead, by_quarter).reindex(keys).set_axis(ahead.index).fillna(1.0)
    parts = ahead[["mean", *ends]].mul(moved, axis=0)
    parts.loc[own["p50"].notna(), ends] = own[own["p50"].notna()].to_numpy()
    return ahead.assign(**parts)


def _moves(panel: pd.DataFrame, ahead: pd.DataFrame, by_quarter: pd.DataFrame) -> pd.Series:
    """Give what each series' forecast is to be multiplied with in each quarter: its region's number over its own series' mean.

    A sum over regions takes the mean of their parts, by what each of them is expected to bring of it.
    """
    expected = ahead.set_index(["series", "start"])["mean"]
    number = by_quarter.set_index(["unit", "start"])["p50"].rename_axis(["series", "start"])
    part = number / expected.reindex(number.index).where(lambda mean: mean > 0)
    label = panel.drop_duplicates("series").set_index("series").drop(columns=["start", "value"])
    table = ahead[["series", "start", "mean"]].join(label, on="series")
    if by_period.WITHIN not in label:
        return table.assign(part=table["start"].map(part.loc[WHOLE])).set_index(["series", "start"])["part"]
    others = [n for n in label if n != by_period.WITHIN]
    region = label.index[label[others].eq("").all(axis=1)]
    regional = part.rename(index=label.loc[region, by_period.WITHIN], level="series").rename("part")
    table = table.join(regional, on=[by_period.WITHIN, "start"])  # none for sums over regions, whose name is empty
    inside = table[table[by_period.WITHIN].ne("")].assign(moved=lambda t: t["mean"] * t["part"])
    sums = inside.groupby([*others, "start"])[["moved", "mean"]].sum()
    across = (sums["moved"] / sums["mean"].where(sums["mean"] > 0)).rename("across")
    table = table.join(across, on=[*others, "start"])
    return table["part"].where(table[by_period.WITHIN].ne(""), table["across"]).set_axis(expected.index)


def _counts(past: pd.DataFrame, forecast: float) -> np.ndarray:
    """Give how much the series forecast and each view count (`_with_series`); the open quarter is forecast without the series."""
    weight = one_number.weights(past).reindex(one_number.VIEWS, fill_value=0.0)
    half = weight["growth"] / 2 if forecast > 0 else 0.0
    return np.array([half, *weight.sub(pd.Series({"growth": half}), fill_value=0.0)[one_number.VIEWS]])


def _with_series(past: pd.DataFrame, forecast: float) -> float:
    """Join the series forecast to the views: it takes half of the weight of growth."""
    weight = one_number.weights(past).get("growth", 0.0)
    row = past.iloc[-1]
    if not (forecast > 0 and weight > 0):
        return float(row["forecast"])
    return float(row["forecast"] * (forecast / row["growth"]) ** (weight / 2))


@no_rows(needs="sales of two years and more, by the month")
def accuracy(tested: pd.DataFrame, season: int, level: float = 0.8, name: str | None = None) -> pd.DataFrame:
    """How wrong was each way of forecasting, in all and by how far it looked ahead?

    WAPE = Σ |actual − forecast| ÷ Σ actual; MASE = mean of |actual − forecast| ÷ scale (Hyndman and Koehler 2006: below one beats
    repeating last year); bias = Σ (forecast − actual) ÷ Σ actual; value added = 1 − MASE ÷ that of the seasonal naive forecast.
    Coverage is that of all members joined: the share within the interval that the other origins' errors would have given.

    Parameters
    ----------
    tested : DataFrame
        As `series.backtest` gives it.
    name : str, optional
        Of one series; of all alike by default.

    Returns
    -------
    DataFrame
        One row per model that forecast anything, best first: `model`, `wape`, `mase`, `bias`, `value_added`, `coverage`
        (ratios; coverage missing but for `Joined`), `near`, `far` (WAPE up to a quarter of a season ahead, and beyond), `n`
        (forecasts), `origins`.
    """
    columns = ["model", "wape", "mase", "bias", "value_added", "coverage", "near", "far", "n", "origins"]
    own = tested if name is None else tested[tested["series"] == name]
    if own.empty:
        return pd.DataFrame(columns=columns)
    near, rows = own["step"] <= max(NEAR * season, 1), []
    for model in (m for m in (JOINED, *MEMBERS, NAIVE) if own[m].notna().any()):
        miss = (own[model] - own["actual"]).abs()
        mase = (miss / own["scale"].where(own["scale"] > 0)).groupby(own["series"]).mean().mean()
        bias = (own[model] - own["actual"]).sum() / own["actual"].sum()
        spans = {"wape": miss.notna(), "near": near, "far": ~near}
        shares = {k: miss[m].sum() / own.loc[m & own[model].notna(), "actual"].sum() for k, m in spans.items()}
        row = {"model": model, "mase": mase, "bias": bias, "value_added": np.nan, "coverage": np.nan}
        rows.append(row | shares | {"n": miss.count(), "origins": own["origin"].nunique()})
    table = pd.DataFrame(rows, columns=columns)
    table["value_added"] = 1 - table["mase"] / table.loc[table["model"] == NAIVE, "mase"].iloc[0]
    table.loc[table["model"] == JOINED, "coverage"] = series.coverage(tested, level, name)
    return table.sort_values("mase", kind="stable", ignore_index=True)
