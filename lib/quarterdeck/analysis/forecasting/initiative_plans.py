"""Which part of which series does each initiative cover, month by month, and since when was that known?"""

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods import hierarchy, trading_days
from quarterdeck.analysis.methods.lookup import categories, looked_up
from quarterdeck.analysis.sales import by_period
from quarterdeck.analysis.sales.by_period import SCOPE
from quarterdeck.data.snapshot import on_record

BEFORE = pd.DateOffset(years=1)  # before an initiative is on record, whose sales tell what it covers
KIND = "of no kind"
PLANS = ["series", "start", "kind", "initiative", "amount", "known"]


def initiative_plans(
    panel: pd.DataFrame,
    initiatives: pd.DataFrame,
    ahead: int,
    season: int,
    orders: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    products: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What initiatives cover of each series of a panel, in the past and ahead.

    The amount is the part that an initiative's scope had in the series' sales in the year before it was on record, times the part
    of the period's days from its first to its last one; so one that opens what was not sold before covers nothing. The contract
    keeps one row per initiative and no earlier versions of it: its last day and its scope are taken as planned from the start.

    Parameters
    ----------
    panel : DataFrame
        As `hierarchy.sums` gives it for these tables: `series`, `start` (a date), `value`, and the columns of names.
    initiatives : DataFrame
        Those on record by `as_of` (`data.snapshot.cut`).
    ahead, season : int
        Periods to look ahead, and in a year (12 or 4).

    Returns
    -------
    DataFrame
        One row per series, period and initiative that covers any of it: `series`, `start` (first day), `kind`, `initiative`
        (number), `amount` (0 to 1), `known` (day from which it is on record).
    """
    if initiatives.empty or not trading_days.dated(panel, season):
        return pd.DataFrame(columns=PLANS)
    sales = by_period.sold(orders, customers, opportunities)
    kinds = categories(products)
    names = [c for c in panel if c not in ("series", "start", "value")]
    sales = sales.assign(category=looked_up(sales["product_id"], kinds), part=hierarchy.WHOLE)
    cut = [c for c in dict.fromkeys([*names, *SCOPE]) if c in sales]
    sales = sales.fillna(dict.fromkeys(names, by_period.BLANK)).astype(dict.fromkeys(cut, "category"))
    recorded = initiatives.assign(known=on_record(initiatives), kind=initiatives["kind"].fillna(KIND)).set_index(
        "initiative_id"
    )
    days = trading_days.periods(panel["start"], ahead, season)
    over = pd.concat({number: _over(row, days) for number, row in recorded.iterrows()}, names=["initiative", "start"])
    share = _share(
        pd.concat({n: _inside(row, sales, names) for n, row in recorded.iterrows()}, names=["initiative"]), names
    )
    table = share.reset_index().merge(over.rename("over").reset_index(), on="initiative").query("share * over > 0")
    table["amount"] = table["share"] * table["over"]
    table = table.join(recorded[["kind", "known"]], on="initiative")
    return table[table["series"].isin(panel["series"].unique())].reset_index(drop=True)[PLANS]


def _inside(initiative: pd.Series, sales: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Give each cell's sales in the year before an initiative was on record, and those within its scope."""
    known = initiative["known"]
    before = sales[sales["day"].between(known - BEFORE, known, inclusive="left")]
    inside = np.full(len(before), True)
    for column in SCOPE:
        if pd.notna(initiative[column]):
            inside &= before[column].eq(initiative[column]).to_numpy() if column in before else False
    return (
        before.assign(inside=before["value"].where(inside, 0.0))
        .groupby(names, observed=True)[["inside", "value"]]
        .sum()
    )


def _share(cells: pd.DataFrame, names: list[str]) -> pd.Series:
    """Give the part of each series' sales that each initiative's scope had; sums are taken as for the panel."""
    long = cells.reset_index().astype(dict.fromkeys(names, "str"))
    inside, whole = (
        hierarchy.sums(
            long[[*names, "initiative", what]].set_axis([*names, "start", "value"], axis=1), by_period.WITHIN
        ).set_index(["series", "start"])["value"]
        for what in ("inside", "value")
    )
    return (
        (inside / whole.where(whole > 0)).fillna(0.0).clip(0, 1).rename_axis(["series", "initiative"]).rename("share")
    )


def _over(initiative: pd.Series, days: pd.DatetimeIndex) -> pd.Series:
    """Give the part of each period's days from an initiative's first day to its last."""
    first, after = days[:-1], days[1:]
    until = (
        after if pd.isna(initiative["ended_on"]) else np.minimum(after, initiative["ended_on"] + pd.Timedelta(days=1))
    )
    on = (until - np.maximum(first, initiative["started_on"])).days
    return pd.Series(np.clip(on / (after - first).days, 0, 1), first)
