"""What is the plan of the next quarter, and what is each region, segment and seller likely to sell in it?"""

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import gamma, t

from quarterdeck.analysis import goals
from quarterdeck.analysis.capacity import MONTH, capacity, share
from quarterdeck.analysis.hierarchy import WHOLE
from quarterdeck.analysis.rates import shrunk_means
from quarterdeck.analysis.team import bookings, win_rate_total
from quarterdeck.data.periods import Period, last_quarters, quarter
from quarterdeck.data.snapshot import COMPANY, Missing

PLAN = [
    "label", "region", "period_start", "period_end", "revenue_target", "from_what", "measure", "low", "middle", "high",
    "chance", "last_year",
]  # fmt: skip
UNITS = ["dimension", "unit", "low", "middle", "high", "last_year", "floor", "cap", "cap_from", "basis"]
HISTORY = ["series", "low", "middle", "high", "last_year", "basis"]
Z80 = float(ndtri(0.9))  # half the width of eight of ten cases, in standard deviations
EDGE = 1e-9  # of the distribution; nothing is asked for beyond it
NEEDS = ["what", "there", "needed", "unit", "gap", "reached", "quarters", "by"]
YEAR, TRIED = 4, 8  # quarters that a level is the mean of, and in which levels are tried
BEHIND = 9  # months from the middle of that year to the plan's quarter
FEWEST = 3  # sellers
UNKNOWN, LEAST = 0.25, 1e-4  # squared coefficient of variation where no quarter can be tried, and the least one


def following(period: Period) -> Period:
    """The whole quarter after the open one: targets are set for it.

    >>> following(quarter(pd.Timestamp("2026-11-15"))).label
    'Q1 2027'
    """
    return quarter(period.end + pd.Timedelta(days=1)).whole()


def plan(
    period: Period,
    region: str,
    quarters: pd.DataFrame,
    panel: pd.DataFrame,
    asked: float = 0.0,
    targets: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The plan of the next quarter: as asked, else the targets set for it, else the middle of the forecast.

    Parameters
    ----------
    quarters, panel : DataFrame
        As `outlook.ahead` and `outlook.panel` give them for a season of four; where nothing could be forecast, the whole is
        `from_history`.
    asked : float
        The plan, money; nought where it is not given.

    Returns
    -------
    DataFrame
        One row: `label`, `region`, `period_start`, `period_end` (days), `revenue_target` (money), `from_what` ("asked",
        "targets" or "forecast"), `measure` ("revenue" or "bookings"), `low`, `middle`, `high` (eight of ten, money), `chance`
        (of reaching the plan, ratio), `last_year` (money). It can stand in for the table of targets. No row without a quarter
        that has ended.
    """
    span = following(period)
    known = _told(quarters, span, panel[panel["series"] == WHOLE])
    if known.empty:
        return pd.DataFrame(columns=PLAN)
    row = known.iloc[0]
    due = pd.Series(dtype=float) if targets is None else _due(targets, span)
    choices = [("asked", asked), ("targets", due.sum()), ("forecast", row["middle"])]
    source, amount = next(pair for pair in choices if pair[1] > 0)
    chance = 1 - below(np.array([amount]), known)[0]
    measure = "bookings" if orders is None else "revenue"
    ends = [row["low"], row["middle"], row["high"]]
    told = [span.label, region, span.start, span.end, amount, source, measure, *ends, chance, row["last_year"]]
    return pd.DataFrame([told], columns=PLAN)


def units(plan: pd.DataFrame, quarters: pd.DataFrame, panel: pd.DataFrame, dimension: str) -> pd.DataFrame | Missing:
    """What each region or segment is likely to sell in the plan's quarter, without bounds yet.

    Returns
    -------
    DataFrame
        As UNITS, one row per unit with sales in the last four quarters, largest first: `dimension`, `unit`, `low`, `middle`, `high`
        (eight of ten, money), `last_year` (the same quarter), `floor` (nought), `cap` (no end), `cap_from` (empty), `basis`
        ("forecast" or "history"); a Missing where all sales are of one unit.
    """
    names = [c for c in panel if c not in ("series", "start", "value", "part")]
    others = [c for c in names if c != dimension]
    own = panel[panel[names].ne("").any(axis=1) & panel[others].eq("").all(axis=1)] if dimension in names else panel[:0]
    if own.empty or plan.empty:
        return Missing(f"Not shown: on this page there is no more than one {dimension} to tell apart.")
    span = quarter(plan["period_start"].iloc[0]).whole()
    table = _told(quarters, span, own)
    label = own.drop_duplicates("series").set_index("series")[dimension]
    table = table.assign(dimension=dimension, unit=table["series"].map(label), floor=0.0, cap=np.inf, cap_from="")
    return table.sort_values("middle", ascending=False, ignore_index=True)[UNITS]


def sellers(
    plan: pd.DataFrame,
    reps: pd.DataFrame,
    period: Period,
    region: str,
    newcomers: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
) -> pd.DataFrame | Missing:
    """What each seller who is there is likely to book in the plan's quarter.

    The seller's mean of four quarters, drawn to the team's (`from_history`), times the ramp that is still ahead
    (`capacity.share`), moved so that all together book the sellers' usual part of the plan's forecast. Nobody is asked for more
    than the best of his or her own last eight quarters, a newcomer for the middle one of the others' best.

    Returns
    -------
    DataFrame
        As UNITS, `unit` the seller's name and `rep_id` beside it; no rows below three sellers; a Missing for the company as a
        whole, for a seller's target is set within a region.
    """
    if region == COMPANY:
        return Missing("Not shown: the sellers' targets stand on the pages of their regions.")
    sold = _sold_by_sellers(period, orders, opportunities)
    there = reps[reps["left_on"].isna() & reps["rep_id"].isin(sold["rep_id"])].set_index("rep_id")
    if plan.empty or len(there) < FEWEST:
        return pd.DataFrame(columns=[*UNITS, "rep_id"])
    cells = _by_quarter(sold[sold["rep_id"].isin(there.index)], there["hired"], period)
    months = ((plan["period_start"].iloc[0] - there["hired"]).dt.days / MONTH).fillna(1e3)
    ramp = pd.DataFrame() if newcomers is None else newcomers
    lift = share(months, ramp) / share((months - BEHIND).clip(lower=0), ramp)
    whole = plan["middle"].iloc[0] * _share_of_sellers(sold, period, orders)
    told = from_history(cells, quarter(plan["period_start"].iloc[0]), whole, lift)
    best = cells.groupby("series")["value"].apply(lambda v: v.tail(TRIED).max() if len(v) >= YEAR else np.nan)
    told = told.assign(cap=told["series"].map(best).fillna(best.median()), cap_from="own best", floor=0.0)
    told = told.assign(dimension="seller", unit=told["series"].map(there["name"])).rename(columns={"series": "rep_id"})
    return told.sort_values("middle", ascending=False, ignore_index=True)[[*UNITS, "rep_id"]]


def asked_of_sellers(
    plan: pd.DataFrame, period: Period, orders: pd.DataFrame | None = None, opportunities: pd.DataFrame | None = None
) -> float:
    """The sellers' part of the plan, money: the plan at the usual part of their bookings in revenue, of a year."""
    sold = _sold_by_sellers(period, orders, opportunities)
    return float(plan["revenue_target"].sum() * _share_of_sellers(sold, period, orders))


def below(amount: np.ndarray, units: pd.DataFrame) -> np.ndarray:
    """Chance that a unit sells less than an amount: a normal of logs through P10, P50 and P90, each side with its own spread.

    >>> unit = pd.DataFrame({"low": [50.0], "middle": [100.0], "high": [400.0]})
    >>> [round(float(below(np.array([x]), unit)[0]), 3) for x in (0, 50, 100, 200, 400)]
    [0.0, 0.1, 0.5, 0.739, 0.9]
    """
    middle, left, right = _shape(units)
    with np.errstate(divide="ignore"):
        off = np.log(np.asarray(amount, float)) - middle
    return ndtr(off / np.where(off < 0, left, right))


def reached(share: float, units: pd.DataFrame) -> np.ndarray:
    """The amount below which each unit ends with a chance of `share`: the other way round of `below` (money)."""
    middle, left, right = _shape(units)
    z = ndtri(np.clip(share, EDGE, 1 - EDGE))
    return np.exp(middle + z * np.where(z < 0, left, right))


def from_history(
    cells: pd.DataFrame, span: Period, whole: float | None = None, lift: pd.Series | None = None
) -> pd.DataFrame:
    """What each of many short series is likely to bring in a quarter, from its own last four, drawn to the mean of all.

    The level is the mean of the last four quarters, shrunken (`rates.shrunk_means`); all levels are moved alike so that they add up
    to `whole`. The spread is that of the same sums over the past eight quarters: actual over level, once each quarter's own swing
    is out of it, and that swing; a gamma distribution, which allows for nought.

    Parameters
    ----------
    cells : DataFrame
        `series`, `start`, `value` (money) by whole quarter.
    whole : float, optional
        What all are to bring together.
    lift : Series, optional
        By series, what its level is to be multiplied with first (ratio).

    Returns
    -------
    DataFrame
        One row per series: `series`, `low`, `middle`, `high` (eight of ten, money), `last_year` (same quarter), `basis`.
    """
    wide = cells.pivot_table(index="start", columns="series", values="value").sort_index()
    level = _levels(wide)
    if level.empty:
        return pd.DataFrame(columns=HISTORY)
    level = level if lift is None else level * lift.reindex(level.index).fillna(1.0)
    factor = (whole / level.sum()) if whole else 1.0
    variation = _variation(wide)
    mean = level * factor
    ends = {"low": 0.1, "middle": 0.5, "high": 0.9}
    told = {name: gamma.ppf(part, 1 / variation, scale=mean * variation) for name, part in ends.items()}
    before = wide.reindex([span.start - pd.DateOffset(years=1)]).iloc[0].reindex(level.index).fillna(0.0)
    table = pd.DataFrame(told, index=level.index).assign(last_year=before, basis="history")
    return table.rename_axis("series").reset_index()


def _levels(wide: pd.DataFrame) -> pd.Series:
    """Give each series' mean of its last four quarters, drawn to the mean of all; those that were there in the last one."""
    last = wide.tail(YEAR)
    last = last.loc[:, last.iloc[-1].notna() & (last.sum() > 0)] if len(last) else last
    if last.empty:
        return pd.Series(dtype=float)
    mean, n = last.mean(), last.count()
    within = (last - mean).pow(2).sum() / (n - 1).clip(lower=1) / mean**2
    pooled = np.sqrt(max(within[n > 1].mean(), 1e-4)) if (n > 1).any() else 0.5
    return shrunk_means(mean, pooled * mean.mean() / np.sqrt(n))["value"].clip(lower=0.05 * mean.mean())


def _variation(wide: pd.DataFrame) -> float:
    """Give the squared coefficient of variation of a quarter against the level of the four before, over eight quarters.

    All series' common swing counts once more; few quarters widen it as Student's t does.
    """
    own, common = [], []
    for k in range(max(len(wide) - TRIED, min(YEAR, len(wide) - 1), 1), len(wide)):
        level = _levels(wide.iloc[:k])
        came = wide.iloc[k].reindex(level.index)
        if came.sum() > 0:
            level = level[came.notna()]
            common.append(came.sum() / level.sum())
            own.append((came.dropna() / (level * common[-1]) - 1).to_numpy())
    if not own:
        return UNKNOWN
    parts = [_widened(np.concatenate(own)), _widened(np.array(common) - 1)]
    return float(max(sum(parts), LEAST))


def _widened(errors: np.ndarray) -> float:
    """Give the mean square of errors, as much larger as Student's t is wider than a normal."""
    n = len(errors)
    return (errors**2).mean() * (t.ppf(0.9, n) / Z80) ** 2 * (1 + 1 / n)


def _told(quarters: pd.DataFrame, span: Period, panel: pd.DataFrame) -> pd.DataFrame:
    """Give low, middle, high and last year of each series of a panel in a quarter: forecast, else from its history."""
    ahead = quarters["start"].eq(span.start) & quarters["series"].isin(panel["series"]) & (quarters["low"] > 0)
    known = quarters[ahead]
    if len(known) < panel["series"].nunique():
        return from_history(panel[["series", "start", "value"]], span)
    before = panel[panel["start"] == span.start - pd.DateOffset(years=1)].set_index("series")["value"]
    known = known.assign(last_year=known["series"].map(before).fillna(0.0), basis="forecast")
    return known[HISTORY].reset_index(drop=True)


def carried(
    plan: pd.DataFrame,
    period: Period,
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    opportunities: pd.DataFrame,
    newcomers: pd.DataFrame,
    orders: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What the sellers of each region can carry at best in the plan's quarter, in the plan's measure.

    The upper end of capacity (`capacity.capacity`, nine of ten quarters lie below it), at the region's usual revenue to a booking.

    Returns
    -------
    DataFrame
        One row per region whose capacity is known: `unit`, `carried` (money).
    """
    rows = []
    for region in sorted(reps["region"].unique()) if len(plan) else []:
        own = reps[reps["region"] == region]
        deals = opportunities[opportunities["region"] == region]
        bought = None if orders is None else orders[orders["region"] == region]
        table = capacity(period, quotas[quotas["rep_id"].isin(own["rep_id"])], own, deals, newcomers)
        high = table.loc[table["start"].eq(plan["period_start"].iloc[0]), "high"]
        part = _share_of_sellers(_sold_by_sellers(period, None, deals), period, bought)
        if len(high) and part > 0:
            rows.append([region, high.iloc[0] / part])
    return pd.DataFrame(rows, columns=["unit", "carried"])


def goal(plan: pd.DataFrame, opportunities: pd.DataFrame, orders: pd.DataFrame | None = None) -> pd.DataFrame:
    """The bookings that the plan wants (`goals.goal`); the plan itself where it is one of bookings.

    Returns
    -------
    DataFrame
        One row: `goal` (money), `from_what`; no row without a plan.
    """
    if plan.empty or orders is None:
        return pd.DataFrame({"goal": plan["revenue_target"], "from_what": "plan"})
    return goals.goal(quarter(plan["period_start"].iloc[0]).whole(), opportunities, None, plan, orders)


def needs(
    plan: pd.DataFrame,
    goal: pd.DataFrame,
    seek: pd.DataFrame,
    opportunities: pd.DataFrame,
    period: Period,
    carried_by_all: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What the plan wants in pipeline, win rate and sellers, against what there is or usually is.

    Pipeline wanted = bookings wanted ÷ win rate by value of twelve months (what a quarter has to decide, won or lost); it is held
    against what is open and due in that quarter, and against what past quarters decided.

    Parameters
    ----------
    goal, seek : DataFrame
        As `goal` and `goals.seek` give them.
    carried_by_all : DataFrame, optional
        As `capacity.capacity` gives it.

    Returns
    -------
    DataFrame
        One row per need: `what` ("pipeline", "win rate", "sellers"), `there`, `needed` (money, ratio, count), `unit`, `gap` (needed
        less there, nought where there is enough), `reached`, `quarters` (how many past quarters were so good; missing for sellers),
        `by` (last day to hire, missing elsewhere); no rows without a goal.
    """
    rate = win_rate_total(opportunities, period)["by_value"].sum()
    rows = []
    if len(goal) and rate > 0:
        start, end = plan["period_start"].iloc[0], plan["period_end"].iloc[0]
        due = opportunities["status"].eq("open") & opportunities["expected_close"].between(start, end)
        there, needed = opportunities.loc[due, "amount"].sum(), goal["goal"].iloc[0] / rate
        spans = last_quarters(period.start, goals.HISTORY)
        decided = [opportunities.loc[s.contains(opportunities["closed_on"]), "amount"].sum() for s in spans]
        decided = [d for d in decided if d > 0]
        known = there if opportunities["expected_close"].notna().any() else np.nan
        rows.append(["pipeline", known, needed, "money", sum(d >= needed for d in decided), len(decided), pd.NaT])
    for row in seek[seek["lever"].eq("win_rate")].itertuples():
        rows.append(["win rate", row.usual, row.needed, "ratio", row.reached, row.quarters, pd.NaT])
    if carried_by_all is not None and len(goal):
        for row in carried_by_all[carried_by_all["start"].eq(plan["period_start"].iloc[0])].itertuples():
            rows.append(["sellers", row.ramped, row.ramped + row.hires, "count", np.nan, np.nan, row.hire_by])
    table = pd.DataFrame(rows, columns=["what", "there", "needed", "unit", "reached", "quarters", "by"])
    table["gap"] = (table["needed"] - table["there"]).clip(lower=0)
    return table[NEEDS]


def _sold_by_sellers(period: Period, orders: pd.DataFrame | None, opportunities: pd.DataFrame | None) -> pd.DataFrame:
    """Give what sellers sold before the open quarter: `rep_id`, `day`, `amount` (`team.bookings`)."""
    last = period.start - pd.Timedelta(days=1)
    return bookings(Period(pd.Timestamp.min, last, last), orders, opportunities).dropna(subset=["rep_id"])


def _by_quarter(sold: pd.DataFrame, hired: pd.Series, period: Period) -> pd.DataFrame:
    """Give each seller's bookings by whole quarter, nought where there were none, from the first whole one in the job on."""
    starts = sold["day"].dt.to_period("Q").dt.start_time
    wide = sold.groupby(["rep_id", starts])["amount"].sum().unstack("day")
    late = sold["day"].min() > wide.columns.min() + pd.Timedelta(days=7)  # the beginning of its quarter is missing
    quarters = pd.date_range(wide.columns.min(), period.start, freq="QS", inclusive="left")[int(late) :]
    first = wide.notna().idxmax(axis=1)
    begun = hired.reindex(wide.index).fillna(first)
    table = wide.reindex(columns=quarters).fillna(0.0).rename_axis(index="series", columns="start").stack()
    table = table.rename("value").reset_index()
    return table[table["start"] >= table["series"].map(begun)].reset_index(drop=True)


def _share_of_sellers(sold: pd.DataFrame, period: Period, orders: pd.DataFrame | None) -> float:
    """Give what the sellers booked in a year over all revenue of that year; one where there are no orders."""
    if orders is None:
        return 1.0
    begin = period.start - pd.DateOffset(years=1)
    year = orders["order_date"].ge(begin) & orders["order_date"].lt(period.start)
    revenue = orders.loc[year, "revenue"].sum()
    booked = sold.loc[sold["day"].ge(begin) & sold["day"].lt(period.start), "amount"].sum()
    return booked / revenue if revenue > 0 else 1.0


def _due(targets: pd.DataFrame, span: Period) -> pd.Series:
    within = targets["period_start"].ge(span.start) & targets["period_end"].le(span.end)
    return targets.loc[within, "revenue_target"]


def _shape(units: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the log of the middle, and the spread of logs below and above it."""
    low, middle, high = (units[c].to_numpy(float) for c in ("low", "middle", "high"))
    low, high = np.clip(low, middle * 1e-6, middle * (1 - 1e-6)), np.maximum(high, middle * (1 + 1e-6))
    return np.log(middle), np.log(middle / low) / Z80, np.log(high / middle) / Z80
