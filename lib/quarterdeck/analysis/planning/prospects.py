"""What is the plan of the next quarter, and what is each region, segment and seller likely to sell in it?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import gamma, t

from quarterdeck.analysis.forecasting import one_number
from quarterdeck.analysis.methods.hierarchy import WHOLE
from quarterdeck.analysis.methods.intervals import Z80, shrunk_means
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.planning import goal_seek
from quarterdeck.analysis.planning.capacity import capacity
from quarterdeck.analysis.sales.revenue import due_targets
from quarterdeck.analysis.team.performance import bookings, win_rate_total
from quarterdeck.analysis.team.ramp_up import MONTH, share
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.coverage import EVER, twelve_months, whole_since
from quarterdeck.data.periods import Period, last_quarters, quarter
from quarterdeck.data.reasons import no_rows
from quarterdeck.data.snapshot import COMPANY, Missing

PLAN = [
    "label", "region", "period_start", "period_end", "revenue_target", "from_what", "measure", "low", "middle", "high",
    "chance", "last_year",
]  # fmt: skip
NO_PLAN = (
    f"Not shown: no plan is set, and it needs {one_number.FEWEST} past quarters that could be forecast to read one off a forecast; "
    "set targets for the next quarter, or give the parameter plan."
)
UNITS = ["dimension", "unit", "low", "middle", "high", "last_year", "floor", "cap", "cap_from", "basis"]
HISTORY = ["series", "low", "middle", "high", "last_year", "basis"]
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
    return period.shifted(1)


@no_rows(needs="a target of the next quarter, a forecast, or a whole quarter of sales")
def next_plan(
    period: Period,
    region: str,
    quarters: pd.DataFrame,
    panel: pd.DataFrame,
    asked: float = 0.0,
    targets: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    landing: pd.DataFrame | None = None,
    share: pd.DataFrame | None = None,
) -> pd.DataFrame | Missing:
    """The plan of the next quarter: as asked, else the targets set for it, a region's share of the company's plan, or the forecast.

    Parameters
    ----------
    quarters, panel : DataFrame
        As `months_ahead.ahead` and `months_ahead.panel` give them for a season of four; where nothing could be forecast, the
        whole is
        `from_history`.
    asked : float
        The plan, money; zero where it is not given.
    landing : DataFrame, optional
        As `quarter_end.landing` gives it; no plan is read off a forecast where too few past quarters could be forecast for it.
    share : DataFrame, optional
        The region's row of `region_targets.by_region`; for the company it is not read.

    Returns
    -------
    DataFrame
        One row: `label`, `region`, `period_start`, `period_end` (days), `revenue_target` (money), `from_what` ("asked",
        "targets", "company" or "forecast"), `measure` ("revenue" or "bookings"), `low`, `middle`, `high` (80 % range, money),
        `chance` (of reaching the plan, ratio), `last_year` (money). It can stand in for the table of targets. A Missing
        without enough past to learn from.
    """
    span = following(period)
    known = _past_quarters(quarters, span, panel[panel["series"] == WHOLE])
    due = pd.Series(dtype=float) if targets is None else due_targets(targets, span, orders)["revenue_target"]
    tried = landing is None or landing["n_origins"].iloc[0] >= one_number.FEWEST
    own = 0.0 if share is None or region == COMPANY else share["target"].sum()
    choices = [("asked", asked), ("targets", due.sum()), ("company", own), ("forecast", known["middle"].sum() * tried)]
    source, amount = next((pair for pair in choices if pair[1] > 0), ("", 0.0))
    if known.empty or not source:
        return Missing(NO_PLAN)
    row = known.iloc[0]
    chance = 1 - below(np.array([amount]), known)[0]
    measure = "bookings" if orders is None else "revenue"
    plan = {"label": span.label, "region": region, "period_start": span.start, "period_end": span.end}
    plan |= {"revenue_target": amount, "from_what": source, "measure": measure, "chance": chance}
    return pd.DataFrame([plan | row[["low", "middle", "high", "last_year"]].to_dict()], columns=PLAN)


@no_rows(needs="a plan of the next quarter")
def units(
    plan: pd.DataFrame, quarters: pd.DataFrame, panel: pd.DataFrame, dimension: str, calendar: Calendar = GREGORIAN
) -> pd.DataFrame | Missing:
    """What each region or segment is likely to sell in the plan's quarter, without bounds yet.

    Returns
    -------
    DataFrame
        As UNITS, one row per unit with sales in the last four quarters, largest first: `dimension`, `unit`, `low`, `middle`, `high`
        (80 % range, money), `last_year` (the same quarter), `floor` (zero), `cap` (no end), `cap_from` (empty), `basis`
        ("forecast" or "history"); a Missing where all sales are of one unit.
    """
    names = [c for c in panel if c not in ("series", "start", "value", "part")]
    others = [c for c in names if c != dimension]
    own = panel[panel[names].ne("").any(axis=1) & panel[others].eq("").all(axis=1)] if dimension in names else panel[:0]
    table = pd.DataFrame(columns=HISTORY)
    if len(own) and len(plan):
        table = _past_quarters(quarters, quarter(plan["period_start"].iloc[0], calendar).whole(), own)
    if len(table) < 2:  # what one unit is asked for is the whole plan
        return Missing(f"Not shown: it needs two {dimension}s to tell apart, more than this page has.")
    label = own.drop_duplicates("series").set_index("series")[dimension]
    table = table.assign(
        dimension=dimension, unit=looked_up(table["series"], label), floor=0.0, cap=np.inf, cap_from=""
    )
    return table.sort_values("middle", ascending=False, ignore_index=True)[UNITS]


@no_rows(needs="three sellers who are there and have bookings")
def sellers(
    plan: pd.DataFrame,
    reps: pd.DataFrame,
    period: Period,
    region: str,
    newcomers: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame | Missing:
    """What each seller in the job is likely to book in the plan's quarter.

    The seller's mean of four quarters, drawn to the team's (`from_history`), times the ramp that is still ahead
    (`ramp_up.share`), moved so that all together book the sellers' usual part of the plan's forecast. Nobody is asked for more
    than the best of their own last eight quarters, a newcomer for the median of the others' best.

    Returns
    -------
    DataFrame
        As UNITS, `unit` the seller's name and `rep_id` beside it; no rows below three sellers; a Missing for the company as a
        whole, because a seller's target is set within a region.
    """
    if region == COMPANY:
        return Missing("Not shown: the sellers' targets stand on the pages of their regions.")
    sold = _sold_by_sellers(period, orders, opportunities)
    there = reps[reps["left_on"].isna() & reps["rep_id"].isin(sold["rep_id"])].set_index("rep_id")
    if plan.empty or len(there) < FEWEST:
        return pd.DataFrame(columns=[*UNITS, "rep_id"])
    begin = begins["orders" if opportunities is None else "opportunities"]
    cells = _by_quarter(sold[sold["rep_id"].isin(there.index)], there["hired"], period, begin)
    if cells.empty:
        return pd.DataFrame(columns=[*UNITS, "rep_id"])
    months = ((plan["period_start"].iloc[0] - there["hired"]).dt.days / MONTH).fillna(1e3)
    ramp = pd.DataFrame() if newcomers is None else newcomers
    lift = share(months, ramp) / share((months - BEHIND).clip(lower=0), ramp)
    whole = plan["middle"].iloc[0] * _share_of_sellers(sold, period, orders, begins)
    table = from_history(cells, quarter(plan["period_start"].iloc[0], period.calendar), whole, lift)
    best = cells.groupby("series")["value"].apply(lambda v: v.tail(TRIED).max() if len(v) >= YEAR else np.nan)
    table = table.assign(cap=looked_up(table["series"], best).fillna(best.median()), cap_from="own best", floor=0.0)
    table = table.assign(dimension="seller", unit=looked_up(table["series"], there["name"])).rename(
        columns={"series": "rep_id"}
    )
    return table.sort_values("middle", ascending=False, ignore_index=True)[[*UNITS, "rep_id"]]


def asked_of_sellers(
    plan: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> float:
    """The sellers' part of the plan: the plan at the usual part of their bookings in revenue, of a year.

    Parameters
    ----------
    plan : DataFrame
        As `next_plan` gives it.

    Returns
    -------
    float
        Money; zero without a plan.
    """
    sold = _sold_by_sellers(period, orders, opportunities)
    return float(plan["revenue_target"].sum() * _share_of_sellers(sold, period, orders, begins))


def below(amount: np.ndarray, units: pd.DataFrame) -> np.ndarray:
    """Chance that a unit sells less than an amount: a normal of logs through P10, P50 and P90, each side with its own spread.

    Parameters
    ----------
    amount : ndarray
        Money, one per unit (or one for all).
    units : DataFrame
        `low`, `middle`, `high` of each unit: P10, P50 and P90, money.

    Returns
    -------
    ndarray
        Ratios, one per unit.

    >>> unit = pd.DataFrame({"low": [50.0], "middle": [100.0], "high": [400.0]})
    >>> [round(float(below(np.array([x]), unit)[0]), 3) for x in (0, 50, 100, 200, 400)]
    [0.0, 0.1, 0.5, 0.739, 0.9]
    """
    middle, left, right = _shape(units)
    with np.errstate(divide="ignore"):
        off = np.log(np.asarray(amount, float)) - middle
    return ndtr(off / np.where(off < 0, left, right))


def reached(share: float, units: pd.DataFrame) -> np.ndarray:
    """The amount below which each unit ends with a chance of `share`: the inverse of `below`.

    Parameters
    ----------
    share : float
        Chance, ratio.
    units : DataFrame
        As `below` takes it.

    Returns
    -------
    ndarray
        Money, one per unit.
    """
    middle, left, right = _shape(units)
    z = ndtri(np.clip(share, EDGE, 1 - EDGE))
    return np.exp(middle + z * np.where(z < 0, left, right))


def from_history(
    cells: pd.DataFrame, span: Period, whole: float | None = None, lift: pd.Series | None = None
) -> pd.DataFrame:
    """What each of many short series is likely to bring in a quarter, from its own last four, drawn to the mean of all.

    The level is the mean of the last four quarters, shrunk (`intervals.shrunk_means`); all levels are moved alike so that
    they add up
    to `whole`. The spread is that of the same sums over the past eight quarters: actual over level, once each quarter's own swing
    is out of it, and that swing; a gamma distribution, which allows for zero.

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
        One row per series: `series`, `low`, `middle`, `high` (80 % range, money), `last_year` (same quarter; missing where none
        of the series reaches so far back), `basis`.
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
    quantiles = {name: gamma.ppf(part, 1 / variation, scale=mean * variation) for name, part in ends.items()}
    start = span.shifted(-4).start
    before = wide.loc[start].reindex(level.index).fillna(0.0) if start in wide.index else np.nan
    table = pd.DataFrame(quantiles, index=level.index).assign(last_year=before, basis="history")
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


def _past_quarters(quarters: pd.DataFrame, span: Period, panel: pd.DataFrame) -> pd.DataFrame:
    """Give low, middle, high and last year of each series of a panel in a quarter: forecast, else from its history.

    Last year is missing where no series reaches so far back.
    """
    ahead = quarters["start"].eq(span.start) & quarters["series"].isin(panel["series"]) & (quarters["low"] > 0)
    known = quarters[ahead]
    if known.empty:
        return from_history(panel[["series", "start", "value"]], span)
    before = panel[panel["start"] == span.shifted(-4).start].set_index("series")["value"]
    past = looked_up(known["series"], before).fillna(0.0) if len(before) else np.nan
    known = known.assign(last_year=past, basis="forecast")[HISTORY]
    if len(known) == panel["series"].nunique():
        return known.reset_index(drop=True)
    others = from_history(panel[["series", "start", "value"]], span)
    others = others[~others["series"].isin(known["series"])]
    return pd.concat([known, others], ignore_index=True) if len(others) else known.reset_index(drop=True)


@no_rows(needs="a plan of the next quarter")
def carried(
    plan: pd.DataFrame,
    period: Period,
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    opportunities: pd.DataFrame,
    newcomers: pd.DataFrame,
    orders: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What the sellers of each region can carry at best in the plan's quarter, in the plan's measure.

    The upper end of capacity (`capacity.capacity`, its 90 % quantile), at the region's usual revenue to a booking.

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
        table = capacity(period, quotas[quotas["rep_id"].isin(own["rep_id"])], own, deals, newcomers, begins=begins)
        high = table.loc[table["start"].eq(plan["period_start"].iloc[0]), "high"]
        part = _share_of_sellers(_sold_by_sellers(period, None, deals), period, bought, begins)
        if len(high) and part > 0:
            rows.append([region, high.iloc[0] / part])
    return pd.DataFrame(rows, columns=["unit", "carried"])


@no_rows(needs="a plan of the next quarter, and a year of orders and bookings behind it")
def next_goal(
    plan: pd.DataFrame,
    opportunities: pd.DataFrame,
    orders: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
    calendar: Calendar = GREGORIAN,
) -> pd.DataFrame:
    """The bookings that the plan wants (`goal_seek.quarter_goal`); the plan itself where it is one of bookings.

    Returns
    -------
    DataFrame
        One row: `goal` (money), `from_what`; no row without a plan.
    """
    if plan.empty or orders is None:
        return pd.DataFrame({"goal": plan["revenue_target"], "from_what": "plan"})
    span = quarter(plan["period_start"].iloc[0], calendar).whole()
    return goal_seek.quarter_goal(span, opportunities, targets=plan, orders=orders, begins=begins)


@no_rows(needs="a plan of the next quarter")
def needs(
    plan: pd.DataFrame,
    goal: pd.DataFrame,
    seek: pd.DataFrame,
    opportunities: pd.DataFrame,
    period: Period,
    carried_by_all: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What the plan wants in pipeline, win rate and sellers, against what there is or usually is.

    Pipeline wanted = bookings wanted ÷ win rate by value of twelve months (what a quarter has to decide, won or lost); it is held
    against what is open and due in that quarter, and against what past quarters decided.

    Parameters
    ----------
    goal, seek : DataFrame
        As `goal` and `goal_seek.seek` give them.
    carried_by_all : DataFrame, optional
        As `capacity.capacity` gives it.

    Returns
    -------
    DataFrame
        One row per need: `what` ("pipeline", "win rate", "sellers"), `there`, `needed` (money, ratio, count), `unit`, `gap` (needed
        less there, zero where there is enough), `reached`, `quarters` (how many past quarters were so good; missing for sellers),
        `by` (last day to hire, missing elsewhere); no rows without a goal.
    """
    whole_year = max(begins["opportunities"], begins["losses"]) <= twelve_months(period)
    rate = win_rate_total(opportunities, period)["by_value"].sum() if whole_year else 0.0
    rows = []
    if len(goal) and rate > 0:
        start, end = plan["period_start"].iloc[0], plan["period_end"].iloc[0]
        due = opportunities["status"].eq("open") & opportunities["expected_close"].between(start, end)
        there, needed = opportunities.loc[due, "amount"].sum(), goal["goal"].iloc[0] / rate
        spans = last_quarters(period, goal_seek.HISTORY, begins["opportunities"])
        decided = [opportunities.loc[s.contains(opportunities["closed_on"]), "amount"].sum() for s in spans]
        decided = [d for d in decided if d > 0]
        known = there if opportunities["expected_close"].notna().any() else np.nan
        row = {"what": "pipeline", "there": known, "needed": needed, "unit": "money", "by": pd.NaT}
        rows.append(row | {"reached": sum(d >= needed for d in decided), "quarters": len(decided)})
    for lever in seek[seek["lever"].eq("win_rate")].itertuples():
        row = {"what": "win rate", "there": lever.usual, "needed": lever.needed, "unit": "ratio", "by": pd.NaT}
        rows.append(row | {"reached": lever.reached, "quarters": lever.quarters})
    if carried_by_all is not None and len(goal):
        for seats in carried_by_all[carried_by_all["start"].eq(plan["period_start"].iloc[0])].itertuples():
            row = {"what": "sellers", "there": seats.ramped, "needed": seats.ramped + seats.hires, "unit": "count"}
            rows.append(row | {"reached": np.nan, "quarters": np.nan, "by": seats.hire_by})
    table = pd.DataFrame(rows, columns=["what", "there", "needed", "unit", "reached", "quarters", "by"])
    table["gap"] = (table["needed"] - table["there"]).clip(lower=0)
    return table[NEEDS]


def _sold_by_sellers(period: Period, orders: pd.DataFrame | None, opportunities: pd.DataFrame | None) -> pd.DataFrame:
    """Give what sellers sold before the open quarter: `rep_id`, `day`, `amount` (`performance.bookings`)."""
    last = period.start - pd.Timedelta(days=1)
    return bookings(Period(pd.Timestamp.min, last, last), orders, opportunities).dropna(subset=["rep_id"])


def _by_quarter(sold: pd.DataFrame, hired: pd.Series, period: Period, begin: pd.Timestamp) -> pd.DataFrame:
    """Give each seller's bookings by whole quarter, zero where there were none, from the first whole one in the job on."""
    starts = period.calendar.start(sold["day"])
    wide = sold.groupby(["rep_id", starts])["amount"].sum().unstack("day")
    whole = whole_since(begin, sold["day"].min(), period.calendar)
    quarters = period.calendar.between(max(whole, wide.columns.min()), period.shifted(-1).start, "quarter")
    first = wide.notna().idxmax(axis=1)
    begun = hired.reindex(wide.index).fillna(first)
    table = wide.reindex(columns=quarters).fillna(0.0).rename_axis(index="series", columns="start").stack()
    table = table.rename("value").reset_index()
    return table[table["start"] >= looked_up(table["series"], begun)].reset_index(drop=True)


def _share_of_sellers(
    sold: pd.DataFrame, period: Period, orders: pd.DataFrame | None, begins: Mapping[str, pd.Timestamp]
) -> float:
    """Give what the sellers booked in a year (in it as long as both are whole) over all revenue; one where there are no orders."""
    if orders is None:
        return 1.0
    begin = max(period.start - pd.DateOffset(years=1), begins["orders"], begins["opportunities"])
    year = orders["order_date"].ge(begin) & orders["order_date"].lt(period.start)
    revenue = orders.loc[year, "revenue"].sum()
    booked = sold.loc[sold["day"].ge(begin) & sold["day"].lt(period.start), "amount"].sum()
    return booked / revenue if revenue > 0 else 1.0


def _shape(units: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the log of the middle, and the spread of logs below and above it."""
    low, middle, high = (units[c].to_numpy(float) for c in ("low", "middle", "high"))
    low, high = np.clip(low, middle * 1e-6, middle * (1 - 1e-6)), np.maximum(high, middle * (1 + 1e-6))
    return np.log(middle), np.log(middle / low) / Z80, np.log(high / middle) / Z80
