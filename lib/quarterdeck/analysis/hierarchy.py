"""How do regions, segments and channels go on, so that the parts add up to the whole?"""

import warnings

import numpy as np
import pandas as pd

from quarterdeck.analysis.series import JOINED

DIMENSIONS = ["region", "segment", "channel"]
WHOLE = "all"
BLANK = "none named"
FEW = 20  # past errors of each series below which how they go together is not learnt
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


def reconcile(forecasts: pd.DataFrame, tested: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """Make the means of a panel's forecasts add up, each moved the less the surer it is; its quantiles move along.

    Minimum trace with a shrunken covariance of past errors (Wickramasuriya, Athanasopoulos and Hyndman 2019, Journal
    of the American Statistical Association 114, 804), by hierarchicalforecast; with few past errors, their variances
    alone; where these cannot be inverted, variances that grow by the cells in a sum (structural scaling, ibid.).

    Parameters
    ----------
    forecasts, tested : DataFrame
        As `series.forecast` and `series.backtest` give them for `panel`.
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
    actual, told = _past(tested, panel, summing.index)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the solver says that it prefers sparse matrices
        found = _traced(MinTrace, summing.to_numpy(), base.loc[summing.index].to_numpy(), actual, told)
    moved = pd.DataFrame(found, summing.index, base.columns).stack().rename("moved")
    table = forecasts.merge(moved, on=["series", "step"], how="left")
    told = ["mean", *(c for c in forecasts if c.startswith("p"))]
    mean, moved = table["mean"], table["moved"].fillna(table["mean"])
    part = (moved / mean.where(mean > 0)).fillna(1.0)  # a mean of nought cannot be moved by a part of itself
    more = (moved - mean).where(mean <= 0, 0.0)
    table[told] = table[told].mul(part, axis=0).add(more, axis=0)
    return table[forecasts.columns]


def _traced(trace: type, summing: np.ndarray, base: np.ndarray, actual: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Give the reconciled means, by past errors where these tell a covariance that can be inverted, else by structure."""
    how = "mint_shrink" if actual.shape[1] >= FEW else "wls_var"
    try:
        return trace(how, nonnegative=True).fit_predict(summing, base, actual, told)["mean"]
    except Exception as error:
        singular = isinstance(error, np.linalg.LinAlgError) or "ill-conditioned" in str(error)
        if not singular:  # the library raises its own errors as bare exceptions
            raise
        found = trace("wls_struct").fit_predict(summing, base)["mean"]
        return summing @ found[-summing.shape[1] :].clip(0)  # the cells come last, and none sells less than nothing


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


def _past(tested: pd.DataFrame, panel: pd.DataFrame, names: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """Give what came and what was told, series × trials; of a series that was not tried, its own ups and downs."""
    wide = tested.pivot(index="series", columns=["origin", "step"], values=["actual", JOINED]).reindex(names)
    actual, told = (wide[c].to_numpy(float, copy=True) for c in ("actual", JOINED))
    history = panel.pivot(index="series", columns="start", values="value").reindex(names).to_numpy()
    count = min(actual.shape[1], history.shape[1])
    for row in np.flatnonzero(~np.isfinite(actual - told).all(axis=1)):
        actual[row, -count:] = np.nan_to_num(history[row, -count:])
        actual[row, :-count] = told[row] = actual[row, -count:].mean()
    return actual, told
