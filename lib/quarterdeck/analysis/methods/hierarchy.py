"""How do regions, segments and channels go on, so that the parts add up to the whole?"""

from collections import Counter

import numpy as np
import pandas as pd

WHOLE = "all"
NARROWEST = 1e-3  # of the widest interval, which a narrower one counts as


def grid(table: pd.DataFrame, names: list[str], periods: pd.Index | None = None) -> pd.DataFrame:
    """Give each cell's `value` in each period from its first one on; zero where there was none.

    Parameters
    ----------
    table : DataFrame
        `start`, `value` and the columns of `names`; rows of the same cell and period are added up.
    names : list of str
        Columns that make a cell.
    periods : Index, optional
        The starts to give; those in the table by default.

    Returns
    -------
    DataFrame
        One row per cell and period: the columns of `names`, `start`, `value` (unit as given).
    """
    wide = table.pivot_table(index="start", columns=names, values="value", aggfunc="sum")
    wide = wide if periods is None else wide.reindex(periods.rename("start"))
    wide = wide.fillna(0.0).where(wide.notna().cummax())
    return wide.melt(ignore_index=False).dropna(subset="value").reset_index()[[*names, "start", "value"]]


def sums(cells: pd.DataFrame, within: str = "") -> pd.DataFrame:
    """The cells, the sums over each of their dimensions, and the whole, as one panel.

    Parameters
    ----------
    cells : DataFrame
        As `cells` gives it: any columns of names, `start`, `value`.
    within : str
        A dimension whose every part gets the sums over each of the others, as if it were a whole of its own.

    Returns
    -------
    DataFrame
        One row per series and period: `series` (names joined, `all` for the whole), `start`, `value`, and the columns of names,
        empty where the series is the sum over them.
    """
    names = [c for c in cells if c not in ("start", "value")]
    cut = [] if names == ["part"] else names  # that one part is the whole
    pairs = [(within, d) for d in cut if within in cut and d != within]
    levels = dict.fromkeys([(), *((d,) for d in cut if len(cut) > 1), *pairs, tuple(cut)])
    sums = {level: cells.groupby([*level, "start"], observed=True)["value"].sum().reset_index() for level in levels}
    table = pd.concat([t.assign(**{n: "" for n in names if n not in level}) for level, t in sums.items()])
    return table.assign(series=_labels(table[names]) if names else WHOLE)[["series", "start", "value", *names]]


def part_of(panel: pd.DataFrame, dimension: str, name: str) -> pd.DataFrame:
    """Give one part of a panel as a panel of its own, as `sums` would make it of the part's cells alone.

    Parameters
    ----------
    panel : DataFrame
        As `sums` gives it `within` a dimension.
    dimension, name : str
        That dimension, and the part.

    Returns
    -------
    DataFrame
        The part's rows, their `series` renamed and as `within` what they were called in `panel`; dimensions in which the part has
        but one value are left out.
    """
    own = panel[panel[dimension] == name].drop(columns=dimension)
    names = [c for c in own if c not in ("series", "start", "value")]
    for single in [n for n in names if own[n].nunique() < 3]:  # the value, and none where the series is a sum over it
        summed = own[single].eq("")
        own, names = own[summed | ~summed.any()].drop(columns=single), [n for n in names if n != single]
    own = own if names else own.assign(part=WHOLE)
    return own.assign(within=own["series"], series=_labels(own[names]) if names else WHOLE)


def outer(panel: pd.DataFrame, dimension: str) -> pd.DataFrame:
    """Give a panel without the sums that only the parts of a dimension need."""
    names = [c for c in panel if c not in ("series", "start", "value")]
    if dimension not in names or len(names) < 3:
        return panel
    return panel[~(panel[names].ne("").sum(axis=1).eq(2) & panel[dimension].ne(""))]


def _labels(names: pd.DataFrame) -> list[str]:
    """Name each row's series by its names, joined; where two series would be called alike, by the dimension too."""
    rows = list(names.itertuples(index=False, name=None))
    label = {row: " · ".join(filter(None, row)) or WHOLE for row in dict.fromkeys(rows)}
    count = Counter(label.values())
    for row in label:
        if any(row) and count[label[row]] > 1:
            label[row] += f" ({', '.join(c for c, name in zip(names, row, strict=True) if name)})"
    return [label[row] for row in rows]


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
    from hierarchicalforecast.methods import (
        MinTrace,
    )  # here, because it is slow to import and only a hierarchy needs it

    base = forecasts.pivot(index="series", columns="step", values="mean")
    summing = _summing(panel, forecasts.loc[forecasts["kind"].ne("dead"), "series"].unique())
    if summing.shape[1] in (0, summing.shape[0]):
        return forecasts  # one series, or nothing but cells: nothing adds up
    width = _widths(forecasts).loc[summing.index].to_numpy()[:, None]
    whole, means = summing.to_numpy(), base.loc[summing.index].to_numpy()
    cells = MinTrace("wls_var").fit_predict(whole, means, width, np.zeros_like(width))["mean"]  # widths for past errors
    found = whole @ cells[-whole.shape[1] :].clip(0)  # the cells come last, and none sells less than nothing
    moved = pd.DataFrame(found, summing.index, base.columns).stack().rename("moved")
    table = forecasts.merge(moved, on=["series", "step"], how="left")
    columns = ["mean", *_quantiles(forecasts)]
    mean, moved = table["mean"], table["moved"].fillna(table["mean"])
    part = (moved / mean.where(mean > 0)).fillna(1.0)  # a mean of zero cannot be moved by a part of itself
    more = (moved - mean).where(mean <= 0, 0.0)
    table[columns] = table[columns].mul(part, axis=0).add(more, axis=0)
    return table[forecasts.columns]


def _quantiles(forecasts: pd.DataFrame) -> list[str]:
    return sorted((c for c in forecasts if c.startswith("p")), key=lambda c: float(c[1:]))


def _widths(forecasts: pd.DataFrame) -> pd.Series:
    """Give the mean width of each series' interval, as a part of the widest; one for all where none has any."""
    low, *_, high = _quantiles(forecasts)
    width = (forecasts[high] - forecasts[low]).groupby(forecasts["series"]).mean()
    return (width / width.max()).fillna(1.0).clip(lower=NARROWEST)


def _summing(panel: pd.DataFrame, names: np.ndarray) -> pd.DataFrame:
    """Give which cells each series is the sum of: series × cells, the cells last, as ones and zeros."""
    keys = [c for c in panel if c not in ("series", "start", "value")]
    nodes = panel[panel["series"].isin(names)].drop_duplicates("series").set_index("series")[keys]
    cell = nodes.ne("").all(axis=1)
    nodes = pd.concat([nodes[~cell], nodes[cell]])
    bottom = nodes[nodes.ne("").all(axis=1)]
    within = [((nodes[k].to_numpy()[:, None] == bottom[k].to_numpy()) | nodes[[k]].eq("").to_numpy()) for k in keys]
    return pd.DataFrame(np.logical_and.reduce(within).astype(float), nodes.index, bottom.index)
