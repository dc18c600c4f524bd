"""How do regions, segments and channels go on, so that the parts add up to the whole?"""

import numpy as np
import pandas as pd

DIMENSIONS = ["region", "segment", "channel"]
WHOLE = "all"
BLANK = "none named"
NARROWEST = 1e-3  # of the widest interval, which a narrower one counts as
FREQUENCIES = {12: "M", 4: "Q"}  # periods in a year, and what pandas calls them


def cells(
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    season: int = 12,
) -> pd.DataFrame:
    """Revenue (without orders, bookings) by region, segment and channel in each whole month or quarter.

    Parameters
    ----------
    season : int
        12 for months, 4 for quarters.

    Returns
    -------
    DataFrame
        One row per cell and period: `region`, `segment`, `channel`, `start` (first day), `value` (money), from a cell's first
        sale on; periods in between without any are nought. A dimension that has but one value is left out.
    """
    frequency = FREQUENCIES[season]
    sales = sold(orders, customers, opportunities)
    sales = sales[sales["day"] <= as_of]
    kept = [d for d in DIMENSIONS if d in sales and sales[d].nunique() > 1]
    first = sales["day"].min()
    if pd.isna(first):
        return pd.DataFrame(columns=["part", "start", "value"])
    late = first > first.to_period(frequency).start_time + pd.Timedelta(
        days=7
    )  # the beginning of its period is missing
    ended = (as_of + pd.Timedelta(days=1)).to_period(frequency) - 1
    periods = pd.period_range(first.to_period(frequency) + int(late), ended, freq=frequency).to_timestamp()
    table = sales.assign(start=sales["day"].dt.to_period(frequency).dt.to_timestamp(), part=WHOLE)
    table = table[table["start"].isin(periods)].fillna(dict.fromkeys(kept, BLANK))
    return grid(table, kept or ["part"], periods)


def grid(table: pd.DataFrame, names: list[str], periods: pd.Index | None = None) -> pd.DataFrame:
    """Give each cell's `value` in each period (`start`) from its first one on; nought where there was none."""
    wide = table.pivot_table(index="start", columns=names, values="value", aggfunc="sum")
    wide = wide if periods is None else wide.reindex(periods.rename("start"))
    wide = wide.fillna(0.0).where(wide.notna().cummax())
    return wide.melt(ignore_index=False).dropna(subset="value").reset_index()[[*names, "start", "value"]]


def sums(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells, the sums over each of their dimensions, and the whole, as one panel.

    Parameters
    ----------
    cells : DataFrame
        As `cells` gives it: any columns of names, `start`, `value`.

    Returns
    -------
    DataFrame
        One row per series and period: `series` (names joined, `all` for the whole), `start`, `value`, and the columns of names,
        empty where the series is the sum over them.
    """
    names = [c for c in cells if c not in ("start", "value")]
    levels = [[], *([d] for d in names if len(names) > 1), names]
    parts = [cells.groupby([*level, "start"], observed=True)["value"].sum().reset_index() for level in levels]
    table = pd.concat(parts).reindex(columns=[*names, "start", "value"]).fillna(dict.fromkeys(names, ""))
    label = table[names].agg(lambda row: " · ".join(filter(None, row)) or WHOLE, axis=1) if names else WHOLE
    return table.assign(series=label).drop_duplicates(["series", "start"])[["series", "start", "value", *names]]


def reconcile(forecasts: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """Make the means of a panel's forecasts add up, each moved the less the surer it is; its quantiles move along.

    Minimum trace with variances alone (Wickramasuriya, Athanasopoulos and Hyndman 2019, Journal of the American Statistical
    Association 114, 804), by hierarchicalforecast; a series' standard deviation is as the width of its own interval.

    Parameters
    ----------
    forecasts : DataFrame
        As `series.forecast` gives it for `panel`, of a low and a high quantile at least.
    panel : DataFrame
        As `sums` gives it.

    Returns
    -------
    DataFrame
        `forecasts`, whose `mean`s add up from the cells to the whole at every step.
    """
    from hierarchicalforecast.methods import MinTrace  # here, for it is slow to import and only a hierarchy needs it

    base = forecasts.pivot(index="series", columns="step", values="mean")
    summing = _summing(panel, forecasts.loc[forecasts["kind"].ne("dead"), "series"].unique())
    if summing.shape[0] <= summing.shape[1]:
        return forecasts
    width = _widths(forecasts).loc[summing.index].to_numpy()[:, None]
    whole, means = summing.to_numpy(), base.loc[summing.index].to_numpy()
    told = MinTrace("wls_var").fit_predict(whole, means, width, np.zeros_like(width))["mean"]  # widths for past errors
    found = whole @ told[-whole.shape[1] :].clip(0)  # the cells come last, and none sells less than nothing
    moved = pd.DataFrame(found, summing.index, base.columns).stack().rename("moved")
    table = forecasts.merge(moved, on=["series", "step"], how="left")
    told = ["mean", *_quantiles(forecasts)]
    mean, moved = table["mean"], table["moved"].fillna(table["mean"])
    part = (moved / mean.where(mean > 0)).fillna(1.0)  # a mean of nought cannot be moved by a part of itself
    more = (moved - mean).where(mean <= 0, 0.0)
    table[told] = table[told].mul(part, axis=0).add(more, axis=0)
    return table[forecasts.columns]


def _quantiles(forecasts: pd.DataFrame) -> list[str]:
    return sorted((c for c in forecasts if c.startswith("p")), key=lambda c: float(c[1:]))


def _widths(forecasts: pd.DataFrame) -> pd.Series:
    """Give the mean width of each series' interval, as a part of the widest; one for all where none has any."""
    low, *_, high = _quantiles(forecasts)
    width = (forecasts[high] - forecasts[low]).groupby(forecasts["series"]).mean()
    return (width / width.max()).fillna(1.0).clip(lower=NARROWEST)


def sold(
    orders: pd.DataFrame | None, customers: pd.DataFrame | None, opportunities: pd.DataFrame | None
) -> pd.DataFrame:
    """What was sold by `day`, `value` (money), with the names it is cut by: order lines, or deals won where there are none."""
    if orders is not None:
        sales = orders.rename(columns={"order_date": "day", "revenue": "value"})
        if customers is not None:
            sales["segment"] = sales["customer_id"].map(customers.set_index("customer_id")["segment"])
        return sales
    if opportunities is None:
        return pd.DataFrame({"day": pd.DatetimeIndex([]), "value": []})
    won = opportunities[opportunities["status"].eq("won") & opportunities["amount"].notna()]
    return won.rename(columns={"closed_on": "day", "amount": "value"})


def _summing(panel: pd.DataFrame, names: np.ndarray) -> pd.DataFrame:
    """Give which cells each series is the sum of: series × cells, the cells last, as ones and noughts."""
    keys = [c for c in panel if c not in ("series", "start", "value")]
    nodes = panel[panel["series"].isin(names)].drop_duplicates("series").set_index("series")[keys]
    cell = nodes.ne("").all(axis=1)
    nodes = pd.concat([nodes[~cell], nodes[cell]])
    bottom = nodes[nodes.ne("").all(axis=1)]
    within = [((nodes[k].to_numpy()[:, None] == bottom[k].to_numpy()) | nodes[[k]].eq("").to_numpy()) for k in keys]
    return pd.DataFrame(np.logical_and.reduce(within).astype(float), nodes.index, bottom.index)
