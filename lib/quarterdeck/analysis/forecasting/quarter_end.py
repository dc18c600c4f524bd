"""Where will the quarter end, and what is the pipeline worth?

Every past quarter is forecast as it could have been on the same day of it; how wrong those forecasts were gives the
spread of today's.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.forecasting import from_deals, one_number
from quarterdeck.analysis.forecasting.one_number import FEWEST
from quarterdeck.analysis.methods.intervals import growth, wilson
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.sales.by_period import daily
from quarterdeck.analysis.sales.revenue import due_targets
from quarterdeck.data.coverage import EVER
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows
from quarterdeck.data.snapshot import cut

WEEK = pd.Timedelta(days=7)
LANDING = ["seen", "to_come", "p10", "p50", "p90", "target", "of_quotas", "probability", "n_origins", "wape"]


@no_rows(needs="three past quarters to learn from")
def landing(
    period: Period,
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    opportunity_history: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
    quotas: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Where the open quarter will end, as a distribution, and the chance that it reaches its target.

    The median is that of `one_number.origins`. The spread is that of the same forecast in past quarters: a Student t of the
    logarithms, with as many degrees of freedom as there were forecasts (Geisser 1993, Predictive Inference, 2.2).

    Returns
    -------
    DataFrame
        One row: `seen` (in so far), `to_come` (the rest of the median), `p10`, `p50`, `p90`, `target` (money; missing where
        unknown; the sum of the targets, `revenue.due_targets`, else of the quotas), `of_quotas` (1 where it is these),
        `probability` (ratio), `n_origins` (past forecasts), `wape` (their weighted absolute percentage error, ratio).
    """
    past = origins(period, as_of, orders, opportunities, opportunity_history, begins=begins)
    sales = daily(orders, opportunities)
    seen = float(sales[(sales.index >= period.start) & (sales.index <= period.through)].sum())
    errors, (target, of_quotas) = past["error"].dropna(), _target(period, targets, quotas, orders)
    row = dict.fromkeys(LANDING, np.nan) | {"seen": seen, "target": target, "of_quotas": of_quotas}
    row["n_origins"] = len(errors)
    if period.through == period.end:
        row |= dict.fromkeys(("p10", "p50", "p90"), seen) | {"to_come": 0.0}
        row["probability"] = float(seen >= target) if pd.notna(target) else np.nan
    elif len(ends := one_number.quantiles(past, (0.1, 0.5, 0.9))):
        row |= dict(zip(("p10", "p50", "p90"), np.maximum(ends, seen), strict=True)) | {"wape": one_number.wape(past)}
        row["to_come"] = row["p50"] - seen
        row["probability"] = 1.0 if 0 < target <= seen else one_number.chance(past, target)
    return pd.DataFrame([row], columns=LANDING).astype("float64")


@no_rows(needs="three past quarters to learn from")
def course(
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    opportunity_history: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
    quotas: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What `landing` would have said in each week of the quarter, by what was known on that day.

    Returns
    -------
    DataFrame
        One row per week, oldest first, the last one of `period.through`: `day` and the columns of `landing`.
    """
    tables = {
        "orders": orders, "opportunities": opportunities, "opportunity_history": opportunity_history,
        "targets": targets, "quotas": quotas,
    }  # fmt: skip
    held = {name: frame for name, frame in tables.items() if frame is not None}
    days = pd.date_range(period.through, period.start + WEEK - pd.Timedelta(days=1), freq=-WEEK)[::-1]
    rows = [
        landing(period.seen(day), day, **cut(held, day), begins=begins).assign(day=day)
        for day in (days if len(days) else [period.through])
    ]
    return pd.concat(rows, ignore_index=True)[["day", *LANDING]]


@no_rows(needs="three past quarters to learn from")
def origins(
    period: Period,
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    opportunity_history: pd.DataFrame | None = None,
    later: int = 0,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Forecast each past quarter from the same day of it, or of the one `later` quarters before, and the one to come last.

    Returns
    -------
    DataFrame
        As `one_number.origins` gives it.
    """
    sales, deals = daily(orders, opportunities), None
    sales = sales[sales.index <= as_of]
    if opportunities is not None and opportunity_history is not None:
        deals = from_deals.expected(sales, opportunities, opportunity_history, period, later, begins)
    return one_number.origins(sales, period, deals, later, begins["opportunities" if orders is None else "orders"])


@no_rows(needs="three past quarters to learn from")
def views(origins: pd.DataFrame) -> pd.DataFrame:
    """What each view tells of the quarter to come, how wrong it was before, and how much it counts.

    Parameters
    ----------
    origins : DataFrame
        As `origins` gives it.

    Returns
    -------
    DataFrame
        One row per view, the weightiest first: `view`, `forecast` (money), `wape` (of it alone in the past, ratio), `weight`
        (ratio), `n` (past forecasts); no rows where there is no forecast.
    """
    columns = ["view", "forecast", "wape", "weight", "n"]
    if origins.empty:
        return pd.DataFrame(columns=columns)
    weight = one_number.weights(origins)
    rows = []
    for view in weight.index:
        past = origins.dropna(subset=[view, "actual"])
        off = (past["actual"] - past[view]).abs().sum() / past["actual"].sum() if len(past) else np.nan
        row = {"view": view, "forecast": origins[view].iloc[-1], "wape": off}
        rows.append(row | {"weight": weight[view], "n": len(past)})
    return pd.DataFrame(rows, columns=columns).sort_values("weight", ascending=False, kind="stable", ignore_index=True)


@no_rows(needs="a past quarter with open deals on record")
def pipeline_chances(
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    quarters: int = 8,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """The chance that a deal of a stage, due in the quarter, is won by its end.

    Counted in past quarters: the deals that on the same day of the quarter were open, in that stage, and expected to
    close in it. That is lower than the chance of ever being won, for dates slip.

    Returns
    -------
    DataFrame
        One row per stage, first stage first: `stage`, `won`, `n` (deals), `chance`, `low`, `high` (Wilson 90 %).
    """
    won_on = opportunities.set_index("opportunity_id")["closed_on"].where(
        opportunities.set_index("opportunity_id")["status"].eq("won")
    )
    states = spells(opportunity_history)
    states = states[states["status"].eq("open")]
    none = due_deals(states, period).iloc[:0]
    parts = [none.assign(won=pd.Series(dtype=bool))]
    since = max(begins["opportunities"], begins["opportunity_history"])
    for span in last_quarters(period, quarters, since):
        due = due_deals(states, span.seen(period.same_day(span)))
        parts.append(due.assign(won=won_on.reindex(due["opportunity_id"]).le(span.end).to_numpy()))
    seen = pd.concat(parts)
    table = seen.groupby("stage")["won"].agg(["sum", "size"]).set_axis(["won", "n"], axis=1)
    low, high = wilson(table["won"], table["n"])
    table = table.assign(chance=table["won"] / table["n"], low=low, high=high)
    return table.sort_values("chance", kind="stable").reset_index()


@no_rows(needs="a call for a quarter that has ended and has revenue")
def call_accuracy(
    forecast_calls: pd.DataFrame, orders: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """How far off were the numbers that people called, by category and by weeks to the quarter's end?

    Returns
    -------
    DataFrame
        One row per category and week: `category`, `weeks_left`, `error` (mean of called over actual, less one),
        `low`, `high` (Student t 90 %), `n` (quarters that have ended).
    """
    keys = ["period_start", "period_end", "called_on", "category"]
    calls = forecast_calls[forecast_calls["period_end"] < period.start].groupby(keys)["amount"].sum().reset_index()
    sold = orders.groupby(period.calendar.start(orders["order_date"]))["revenue"].sum()
    sold = sold[sold.index >= begins["orders"]]
    calls["off"] = growth(calls["amount"], looked_up(calls["period_start"], sold))
    calls["weeks_left"] = ((calls["period_end"] - calls["called_on"]).dt.days / 7).round()
    table = calls.groupby(["category", "weeks_left"])["off"].agg(["mean", "std", "count"]).reset_index()
    table = table[table["count"] >= FEWEST]
    margin = t.ppf(0.95, table["count"] - 1) * table["std"] / np.sqrt(table["count"])
    table = table.assign(error=table["mean"], low=table["mean"] - margin, high=table["mean"] + margin, n=table["count"])
    return table[["category", "weeks_left", "error", "low", "high", "n"]].reset_index(drop=True)


@no_rows(needs="calls for three quarters that have ended")
def call_values(
    forecast_calls: pd.DataFrame,
    orders: pd.DataFrame,
    period: Period,
    opportunities: pd.DataFrame | None = None,
    opportunity_history: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What the calls that people made were worth beside the forecast that could be made on the same day of past quarters.

    On the day of the open quarter's newest call, each past quarter is forecast as then it could have been (`origins`) and held
    against what had last been called by that day. Gain: |forecast − actual| − |call − actual| over actual, its mean over quarters;
    above zero the call was closer.

    Returns
    -------
    DataFrame
        One row per category: `category`, `call_wape`, `machine_wape` (Σ |error| ÷ Σ actual, ratios), `gain`, `low`, `high` (ratio
        of the actual, Student t 90 %), `n` (quarters), `day` (days since the quarter's first), `by_day` (the first is
        one); no rows with fewer than three quarters.
    """
    columns = ["category", "call_wape", "machine_wape", "gain", "low", "high", "n", "day", "by_day"]
    keys = ["period_start", "category", "called_on"]
    calls = forecast_calls.groupby(keys)["amount"].sum().reset_index()
    calls["day"] = (calls["called_on"] - calls["period_start"]).dt.days
    now = calls[calls["period_start"].eq(period.start) & calls["called_on"].le(period.through)]
    if now.empty:
        return pd.DataFrame(columns=columns)
    day = now["called_on"].max()
    past = origins(period.seen(day), day, orders, opportunities, opportunity_history, begins=begins)
    since = (day - period.start).days
    last = calls[calls["day"] <= since].drop_duplicates(keys[:2], keep="last")
    both = last.merge(past.dropna(subset=["actual", "error"]), left_on="period_start", right_on="start")
    both["missed"] = (both["amount"] - both["actual"]).abs()
    both["machine"] = (both["forecast"] - both["actual"]).abs()
    both["gain"] = (both["machine"] - both["missed"]) / both["actual"]
    sums = both.groupby("category")[["missed", "machine", "actual"]].sum()
    table = both.groupby("category")["gain"].agg(["mean", "std", "count"]).query("count >= @FEWEST")
    margin = t.ppf(0.95, table["count"] - 1) * table["std"] / np.sqrt(table["count"])
    wapes = {"call_wape": sums["missed"] / sums["actual"], "machine_wape": sums["machine"] / sums["actual"]}
    ends = {"gain": table["mean"], "low": table["mean"] - margin, "high": table["mean"] + margin, "n": table["count"]}
    return table.assign(**wapes, **ends, day=since, by_day=since + 1).reset_index()[columns]


def _target(
    period: Period, targets: pd.DataFrame | None, quotas: pd.DataFrame | None, orders: pd.DataFrame | None
) -> tuple[float, float]:
    """Sum the region's targets of a period, else its quotas, and tell whether it was these."""
    if targets is not None and len(due := due_targets(targets, period, orders)):
        return float(due["revenue_target"].sum()), 0.0
    if quotas is not None:
        due = quotas[quotas["period_start"].ge(period.start) & quotas["period_end"].le(period.end)]
        if len(due):
            return float(due["quota"].sum()), 1.0
    return np.nan, 0.0


def spells(opportunity_history: pd.DataFrame) -> pd.DataFrame:
    """The history of deals with the day on which each state gave way to the next, so that many days can be asked of it.

    Returns
    -------
    DataFrame
        The history's columns and `until` (day; missing while the state lasts), in the order of `changed_on`.
    """
    past = opportunity_history.sort_values("changed_on", kind="stable")
    return past.assign(until=past.groupby("opportunity_id")["changed_on"].shift(-1))


def due_deals(spells: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Deals that were open at `period.through` and then expected to close in the period, by what was known on that day.

    Parameters
    ----------
    spells : DataFrame
        As `spells` gives it.

    Returns
    -------
    DataFrame
        One row per deal: `opportunity_id`, `stage`, `amount` (money), `rep_id`.
    """
    known = (spells["changed_on"] <= period.through) & ~(spells["until"] <= period.through)
    due = known & spells["status"].eq("open") & spells["expected_close"].between(period.start, period.end)
    return spells.loc[due, ["opportunity_id", "stage", "amount", "rep_id"]]
