"""Where will the quarter end, and what is the pipeline worth?

Every past quarter is forecast as it could have been on the same day of it; how wrong those forecasts were gives the
spread of today's.
"""

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.rates import wilson
from quarterdeck.data.periods import Period, last_quarters

LANDING = ["seen", "p10", "p50", "p90", "target", "probability", "n_origins", "wape"]
ORIGINS = ["start", "label", "seen", "forecast", "actual", "error"]
SHARES = 8  # quarters from which the usual share of a quarter by a day is learnt
FEWEST = 3  # past forecasts below which there is no telling how wrong they are


def daily(orders: pd.DataFrame | None = None, opportunities: pd.DataFrame | None = None) -> pd.Series:
    """Revenue by day of order; without orders, bookings by the day that a deal was won.

    Returns
    -------
    Series
        Money, on the days that had any.
    """
    if orders is not None:
        return orders.groupby("order_date")["revenue"].sum()
    if opportunities is not None:
        won = opportunities[opportunities["status"].eq("won")]
        return won.groupby("closed_on")["amount"].sum()
    return pd.Series(dtype="float64", index=pd.DatetimeIndex([]))


def landing(
    period: Period,
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
    quotas: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Where the open quarter will end, as a distribution, and the chance that it reaches its target.

    The middle joins two views, weighted by how wrong each has been: sales so far over the share of a quarter that is
    usually in by this day, and the same quarter of last year times the growth since. The spread is that of the same
    forecast in past quarters: a Student t of the logarithms, with as many degrees of freedom as there were forecasts
    (Geisser 1993, Predictive Inference, 2.2). The target is the sum of the region's targets, else of the quotas.

    Returns
    -------
    DataFrame
        One row: `seen`, `p10`, `p50`, `p90`, `target` (money; missing where unknown), `probability` (ratio),
        `n_origins` (past forecasts), `wape` (their weighted absolute percentage error, ratio).
    """
    sales = daily(orders, opportunities)
    past = origins(sales[sales.index <= as_of], period)
    seen = float(sales[(sales.index >= period.start) & (sales.index <= period.through)].sum())
    middle = past.loc[past["start"] == period.start, "forecast"].sum()
    errors, target = past["error"].dropna(), _target(period, targets, quotas)
    row = dict.fromkeys(LANDING, np.nan) | {"seen": seen, "target": target, "n_origins": len(errors)}
    if period.through == period.end:
        row |= dict.fromkeys(("p10", "p50", "p90"), seen)
        row["probability"] = float(seen >= target) if pd.notna(target) else np.nan
    elif len(errors) >= FEWEST and middle > 0:
        row |= _spread(seen, middle, errors, target) | {"wape": wape(past)}
    return pd.DataFrame([row], columns=LANDING).astype("float64")


def origins(sales: pd.Series, period: Period) -> pd.DataFrame:
    """Forecast each past quarter from the same day of it, by what was known then, and the open one last.

    Parameters
    ----------
    sales : Series
        As `daily` gives it, nothing after `period.through`.

    Returns
    -------
    DataFrame
        One row per quarter that could be forecast, oldest first: `start`, `label`, `seen`, `forecast`, `actual` (money;
        missing for the open quarter), `error` (log of actual over forecast; missing where one of them is not above nought).
    """
    seen, final, spans = _by_quarter(sales, period)
    rows, views = [], []
    for q, span in enumerate(spans):
        views.append(_views(seen, final, q))
        forecast = _joined(views, final, q)
        error = np.log(final[q] / forecast) if final[q] > 0 and forecast > 0 else np.nan
        if forecast > 0:
            rows.append([span.start, f"Q{span.start.quarter} {span.start:%y}", seen[q], forecast, final[q], error])
    return pd.DataFrame(rows, columns=ORIGINS)


def wape(past: pd.DataFrame) -> float:
    """Weighted absolute percentage error of past forecasts: Σ |actual − forecast| ÷ Σ actual.

    >>> wape(pd.DataFrame({"actual": [100.0, 300.0], "forecast": [110.0, 270.0]}))
    0.1
    """
    known = past.dropna(subset=["actual", "forecast"])
    return float((known["actual"] - known["forecast"]).abs().sum() / known["actual"].sum()) if len(known) else np.nan


def pipeline_chances(
    opportunities: pd.DataFrame, opportunity_history: pd.DataFrame, period: Period, quarters: int = 8
) -> pd.DataFrame:
    """The chance that a deal of a stage, due in the quarter, is won by its end.

    Counted in past quarters: the deals that on the same day of the quarter were open, in that stage, and expected to
    close in it. That is lower than the chance of ever being won, for dates slip.

    Returns
    -------
    DataFrame
        One row per stage, first stage first: `stage`, `won`, `n` (deals), `chance`, `low`, `high` (Wilson 90 %).
    """
    elapsed = period.through - period.start
    won_on = opportunities.set_index("opportunity_id")["closed_on"].where(
        opportunities.set_index("opportunity_id")["status"].eq("won")
    )
    parts, states = [], spells(opportunity_history)
    for span in last_quarters(period.start, quarters):
        due = due_deals(states, Period(span.start, span.end, span.start + elapsed))
        parts.append(due.assign(won=due["opportunity_id"].map(won_on).le(span.end)))
    seen = pd.concat(parts)
    table = seen.groupby("stage")["won"].agg(["sum", "size"]).set_axis(["won", "n"], axis=1)
    low, high = wilson(table["won"], table["n"])
    table = table.assign(chance=table["won"] / table["n"], low=low, high=high)
    return table.sort_values("chance", kind="stable").reset_index()


def weighted_pipeline(opportunities: pd.DataFrame, opportunity_history: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Open deals due in the quarter, weighted by what became of such deals in past quarters.

    Returns
    -------
    DataFrame
        One row per stage, first stage first: `stage`, `deals`, `amount` (money), `chance`, `low`, `high` (ratio),
        `weighted` (money), `spread` (standard deviation of what will be won, money), `n` (past deals).
    """
    chances = pipeline_chances(opportunities, opportunity_history, period).drop(columns="won")
    still_open = opportunities[opportunities["status"].eq("open")]
    due = still_open[still_open["expected_close"].between(period.start, period.end)]
    found = due.assign(square=due["amount"] ** 2).groupby("stage")
    found = found.agg(deals=("amount", "size"), amount=("amount", "sum"), square=("square", "sum")).reset_index()
    table = chances.merge(found, on="stage").assign(weighted=lambda x: x["chance"] * x["amount"])
    table["spread"] = np.sqrt(table["chance"] * (1 - table["chance"]) * table.pop("square"))
    return table[["stage", "deals", "amount", "chance", "low", "high", "weighted", "spread", "n"]]


def call_accuracy(forecast_calls: pd.DataFrame, orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """How far off were the numbers that people called, by category and by weeks to the quarter's end?

    Returns
    -------
    DataFrame
        One row per category and week: `category`, `weeks_left`, `error` (mean of called over actual, less one),
        `low`, `high` (Student t 90 %), `n` (quarters that have ended).
    """
    keys = ["period_start", "period_end", "called_on", "category"]
    calls = forecast_calls[forecast_calls["period_end"] < period.start].groupby(keys)["amount"].sum().reset_index()
    sold = orders.groupby(orders["order_date"].dt.to_period("Q").dt.start_time)["revenue"].sum()
    calls["off"] = calls["amount"] / calls["period_start"].map(sold.where(sold > 0)) - 1
    calls["weeks_left"] = ((calls["period_end"] - calls["called_on"]).dt.days / 7).round()
    table = calls.groupby(["category", "weeks_left"])["off"].agg(["mean", "std", "count"]).reset_index()
    table = table[table["count"] >= FEWEST]
    margin = t.ppf(0.95, table["count"] - 1) * table["std"] / np.sqrt(table["count"])
    table = table.assign(error=table["mean"], low=table["mean"] - margin, high=table["mean"] + margin, n=table["count"])
    return table[["category", "weeks_left", "error", "low", "high", "n"]].reset_index(drop=True)


def _by_quarter(sales: pd.Series, period: Period) -> tuple[np.ndarray, np.ndarray, list[Period]]:
    """Give sales up to the day of each quarter, sales of the whole quarter (missing for the open one), the quarters."""
    first = sales.index.min() if len(sales) else period.start
    count = max((period.start.year - first.year) * 4 + period.start.quarter - first.quarter, 0)
    spans = [*last_quarters(period.start, count), period]
    if count and first > spans[0].start + pd.Timedelta(days=7):
        spans = spans[1:]  # a quarter of which the beginning is missing
    elapsed = period.through - period.start
    seen = [sales[(sales.index >= s.start) & (sales.index <= min(s.start + elapsed, s.end))].sum() for s in spans]
    final = [sales[(sales.index >= s.start) & (sales.index <= s.end)].sum() for s in spans[:-1]]
    return np.array(seen, dtype=float), np.array([*final, np.nan], dtype=float), spans


def _views(seen: np.ndarray, final: np.ndarray, q: int) -> tuple[float, float]:
    """Give both views of quarter `q` from what was known on its day; nought where a view has no ground."""
    before = slice(max(q - SHARES, 0), q)
    whole = final[before].sum()
    share = seen[before].sum() / whole if whole > 0 else 0.0
    paced = seen[q] / share if q >= 4 and share > 0 else 0.0
    grown = final[q - 4] if q >= 4 else 0.0
    if q >= 8 and final[q - 8 : q - 4].sum() > 0:
        grown *= final[q - 4 : q].sum() / final[q - 8 : q - 4].sum()
    return max(paced, 0.0), max(grown, 0.0)


def _joined(views: list[tuple[float, float]], final: np.ndarray, q: int) -> float:
    """Join both views of quarter `q`, each by the inverse of its mean squared error in the quarters before."""
    paced, grown = views[q]
    if not (paced and grown):
        return paced or grown
    known = [k for k in range(q) if all(views[k]) and final[k] > 0]
    misses = np.array([[np.log(final[k] / v) ** 2 for v in views[k]] for k in known])
    weights = 1 / (misses.mean(axis=0) + 1e-6) if len(known) >= FEWEST else np.ones(2)
    return float(np.exp(weights @ np.log([paced, grown]) / weights.sum()))


def _spread(seen: float, middle: float, errors: pd.Series, target: float) -> dict[str, float]:
    n = len(errors)
    scale = np.sqrt((errors**2).mean() * (1 + 1 / n))
    p10, p90 = (max(middle * np.exp(t.ppf(p, n) * scale), seen) for p in (0.1, 0.9))
    chance = t.sf(np.log(target / middle) / scale, n) if target > 0 and scale > 0 else np.nan
    if target > 0 and seen >= target:
        chance = 1.0
    return {"p10": p10, "p50": max(middle, seen), "p90": p90, "probability": chance}


def _target(period: Period, targets: pd.DataFrame | None, quotas: pd.DataFrame | None) -> float:
    for table, column in ((targets, "revenue_target"), (quotas, "quota")):
        if table is not None:
            due = table[table["period_start"].ge(period.start) & table["period_end"].le(period.end)]
            if len(due):
                return float(due[column].sum())
    return np.nan


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
