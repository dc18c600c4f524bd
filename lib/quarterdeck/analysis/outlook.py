"""What do the next months bring, from which part of the business, and how wrong have such forecasts been?"""

import numpy as np
import pandas as pd

from quarterdeck.analysis import hierarchy, one_number, series
from quarterdeck.analysis.forecast import daily, origins
from quarterdeck.analysis.hierarchy import WHOLE
from quarterdeck.analysis.members import MEMBERS, NAIVE
from quarterdeck.analysis.series import JOINED, column
from quarterdeck.data.periods import Period

AHEAD = ["series", "start", "step", "kind", "mean", "low", "middle", "high"]
FAN = ["start", "actual", "low", "middle", "high"]
PARTS = ["dimension", "part", "past", "low", "middle", "high", "change", "low_change", "high_change", "sure"]
YEAR = 4  # quarters
NEAR = 0.25  # part of a season that is near


def monthly(
    as_of: pd.Timestamp, orders: pd.DataFrame | None = None, opportunities: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Revenue by calendar month (without orders, bookings); whole months only, a month without any is nought.

    Returns
    -------
    DataFrame
        One row per month, oldest first: `start` (first day), `value` (money).
    """
    sales = daily(orders, opportunities)
    sales = sales[sales.index <= as_of]
    if sales.empty:
        return pd.DataFrame({"start": pd.DatetimeIndex([]), "value": []})
    first, last = sales.index.min(), as_of + pd.Timedelta(days=1)
    first = first.to_period("M") + int(first.day > 7)  # a month of which the beginning is missing
    months = pd.period_range(first, last.to_period("M") - 1, freq="M")
    value = sales.groupby(sales.index.to_period("M")).sum().reindex(months, fill_value=0.0)
    return pd.DataFrame({"start": months.to_timestamp(), "value": value.to_numpy(float)})


def panel(
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    season: int = 12,
) -> pd.DataFrame:
    """Revenue of each region, segment and channel, their cells and the whole, by month (or by quarter, with a season of four).

    Returns
    -------
    DataFrame
        As `hierarchy.sums` gives it for `hierarchy.cells`.
    """
    return hierarchy.sums(hierarchy.cells(as_of, orders, customers, opportunities, season))


def ahead(
    panel: pd.DataFrame,
    tested: pd.DataFrame,
    periods: int,
    season: int,
    level: float = 0.8,
    plans: pd.DataFrame | None = None,
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
        What initiatives cover, as `plans.plans` gives it.

    Returns
    -------
    DataFrame
        One row per series and period: `series`, `start`, `step`, `kind` (`series.kinds`), `mean`, `low`, `middle`, `high` (money);
        no rows where nothing could be tested.
    """
    if tested.empty:
        return pd.DataFrame(columns=AHEAD)
    ends = [(1 - level) / 2, 0.5, (1 + level) / 2]
    told = hierarchy.reconcile(series.forecast(panel, periods, season, ends, tested, plans=plans), panel)
    return told.rename(columns=dict(zip(map(column, ends), ["low", "middle", "high"], strict=True)))[AHEAD]


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


def parts(panel: pd.DataFrame, ahead: pd.DataFrame, season: int) -> pd.DataFrame:
    """Where does the next year's growth come from: each region, segment and channel against its last year.

    The interval takes the errors of a year's periods to go together, which is the widest that it can be.

    Returns
    -------
    DataFrame
        One row per part of more than one, largest first within its dimension: `dimension`, `part`, `past` (last season's), `low`,
        `middle`, `high` (next season's; money), `change`, `low_change`, `high_change` (against `past`, ratios), `sure` (the
        interval leaves no change out); no rows where the forecast is shorter than a season.
    """
    names = [c for c in panel if c not in ("series", "start", "value", "part")]
    if ahead.empty or ahead["step"].max() < season:
        return pd.DataFrame(columns=PARTS)
    now = ahead[ahead["step"] <= season].groupby("series")[["low", "middle", "high"]].sum()
    past = panel.groupby("series")["value"].apply(lambda v: v.tail(season).sum()).rename("past")
    labels = panel.drop_duplicates("series").set_index("series")[names]
    single = labels[labels.ne("").sum(axis=1).eq(1)] if len(names) > 1 else labels[labels.ne("").all(axis=1)]
    if single.empty:
        return pd.DataFrame(columns=PARTS)
    table = single.join(past).join(now).query("past > 0")
    table["dimension"] = table[names].ne("").idxmax(axis=1)
    table["part"] = table[names].max(axis=1)
    for end, name in (("middle", "change"), ("low", "low_change"), ("high", "high_change")):
        table[name] = table[end] / table["past"] - 1
    table["sure"] = (table["low_change"] > 0) | (table["high_change"] < 0)
    order = {name: place for place, name in enumerate(names)}
    table = table.assign(order=table["dimension"].map(order)).sort_values(["order", "middle"], ascending=[True, False])
    return table[PARTS].reset_index(drop=True)


def by_quarter(
    panel: pd.DataFrame,
    ahead: pd.DataFrame,
    landing: pd.DataFrame,
    period: Period,
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    opportunity_history: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The whole's next quarters, each beside the same one of a year before: series and pipeline in one number.

    The open quarter is as `forecast.landing` has it. Of each later one growth and pipeline are joined by how wrong they were at
    that distance (`forecast.origins`), whose past errors are the spread; the series forecast, which can be made afresh on few
    past days only and so not be weighed like them, shares the weight of growth half and half: both tell of the series alone.

    Parameters
    ----------
    panel, ahead : DataFrame
        Of quarters, as `hierarchy.sums` and `ahead` (eight of ten) give them.
    landing : DataFrame
        As `forecast.landing` gives it.

    Returns
    -------
    DataFrame
        One row per quarter ahead: `start`, `p10`, `p50`, `p90`, `series`, `growth`, `pipeline` (what each view tells), `before`
        (money), `change` (`p50` over `before` less one).
    """
    whole = ahead.loc[ahead["series"] == WHOLE, ["start", "low", "middle", "high"]].head(YEAR).reset_index(drop=True)
    table = whole.set_axis(["start", "p10", "p50", "p90"], axis=1).assign(series=whole["middle"])
    table[["growth", "pipeline"]] = np.nan
    tables = {"orders": orders, "opportunities": opportunities, "opportunity_history": opportunity_history}
    for row, start in table["start"].items():
        later = (start.year - period.start.year) * 4 + start.quarter - period.start.quarter
        past = origins(period, as_of, **tables, later=later) if 0 <= later < YEAR else pd.DataFrame()
        if len(past) and past["start"].iloc[-1] == start:
            table.loc[row, ["growth", "pipeline"]] = past[["growth", "pipeline"]].iloc[-1]
            told = one_number.quantiles(past, (0.1, 0.5, 0.9), _with_series(past, table.loc[row, "series"]))
            if len(told):
                table.loc[row, ["p10", "p50", "p90"]] = told
    now = table["start"].eq(period.start)
    if now.any() and landing["p50"].notna().all():
        table.loc[now, ["p10", "p50", "p90"]] = landing[["p10", "p50", "p90"]].to_numpy()
    past = panel[panel["series"] == WHOLE].set_index("start")["value"]
    table["before"] = (table["start"] - pd.DateOffset(years=1)).map(past)
    return table.assign(change=table["p50"] / table["before"].where(table["before"] > 0) - 1)


def joined(ahead: pd.DataFrame, by_quarter: pd.DataFrame | None = None) -> pd.DataFrame:
    """The forecasts of all parts, moved alike so that they add up to each quarter's one number; the whole's is that number.

    Parameters
    ----------
    ahead, by_quarter : DataFrame
        As `ahead` and `by_quarter` give them; without the latter all is left as it is.

    Returns
    -------
    DataFrame
        As `ahead` gives it.
    """
    if by_quarter is None or by_quarter.empty:
        return ahead
    number, ends = by_quarter.set_index("start"), ["low", "middle", "high"]
    told = number.reindex(ahead["start"]).set_index(ahead.index)
    moved = (told["p50"] / told["series"].where(told["series"] > 0)).fillna(1.0)
    parts = ahead[["mean", *ends]].mul(moved, axis=0)
    whole = ahead["series"].eq(WHOLE) & told["p50"].notna()
    parts.loc[whole, ends] = told.loc[whole, ["p10", "p50", "p90"]].to_numpy()
    return ahead.assign(**parts)


def _with_series(past: pd.DataFrame, told: float) -> float:
    """Join the series forecast to the views: it takes half of the weight of growth."""
    weight = one_number.weights(past).get("growth", 0.0)
    row = past.iloc[-1]
    if not (told > 0 and weight > 0):
        return float(row["forecast"])
    return float(row["forecast"] * (told / row["growth"]) ** (weight / 2))


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
        shares = [miss[m].sum() / own.loc[m & own[model].notna(), "actual"].sum() for m in (miss.notna(), near, ~near)]
        rows.append([model, shares[0], mase, bias, np.nan, np.nan, *shares[1:], miss.count(), own["origin"].nunique()])
    table = pd.DataFrame(rows, columns=columns)
    table["value_added"] = 1 - table["mase"] / table.loc[table["model"] == NAIVE, "mase"].iloc[0]
    table.loc[table["model"] == JOINED, "coverage"] = series.coverage(tested, level, name)
    return table.sort_values("mase", kind="stable", ignore_index=True)
