"""Who gives more discount than others do on the same goods, and what does it cost?"""

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods.intervals import discovered, shrunk_means
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline.stages import named
from quarterdeck.data.coverage import looks_back, twelve_months
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows


@no_rows("orders.list_amount", "orders.rep_id", needs="a seller of thirty orders with list amounts in twelve months")
@looks_back(orders=twelve_months)
def discounts(orders: pd.DataFrame, reps: pd.DataFrame, products: pd.DataFrame, period: Period) -> pd.DataFrame:
    """How much more discount each seller gives than others do on the same category and channel, and what it costs.

    Over twelve months; the excess is the mean of a seller's discounts less those usual for each line's category and channel,
    weighted by list amount, with the error over orders, then shrunk (`intervals.shrunk_means`).

    Returns
    -------
    DataFrame
        One row per seller with at least thirty orders, the most generous first: `rep_id`, `name`, `discount` (ratio),
        `excess`, `low`, `high` (difference of ratios, 90 %), `clear` (bool: at a false discovery rate of one in ten), `cost`
        (money of the excess), `n` (orders); no rows where list amounts are not known.
    """
    begin = period.through - pd.DateOffset(years=1)
    lines = orders[orders["order_date"].between(begin, period.through, inclusive="right") & (orders["list_amount"] > 0)]
    lines = lines.dropna(subset=["rep_id"]).assign(
        category=lambda t: looked_up(t["product_id"], products.set_index("product_id")["category"])
    )
    lines = lines.dropna(subset=["category"])
    lines = lines.assign(off=lines["list_amount"] - lines["revenue"], channel=lines["channel"].fillna("–"))
    cells = lines.groupby(["category", "channel"])[["off", "list_amount"]].transform("sum")
    lines["more"] = lines["off"] - lines["list_amount"] * cells["off"] / cells["list_amount"]
    by_order = lines.groupby(["rep_id", "order_id"])[["off", "more", "list_amount"]].sum()
    table = by_order.groupby("rep_id").agg(
        off=("off", "sum"), more=("more", "sum"), listed=("list_amount", "sum"), n=("off", "size")
    )
    raw = table["more"] / table["listed"]
    left = by_order["more"] - by_order["list_amount"] * raw.reindex(by_order.index.get_level_values(0)).to_numpy()
    table["error"] = np.sqrt((left**2).groupby("rep_id").sum()) / table["listed"]
    table = table.assign(raw=raw)[(table["n"] >= 30) & (table["error"] > 0)]
    columns = ["rep_id", "name", "discount", "excess", "low", "high", "clear", "cost", "n"]
    if table.empty:
        return pd.DataFrame(columns=columns)
    table = table.join(shrunk_means(table["raw"], table["error"]).rename(columns={"value": "excess"}))
    table["clear"] = discovered(table["raw"] / table["error"])
    table = table.assign(discount=table["off"] / table["listed"], cost=table["excess"] * table["listed"]).reset_index()
    return named(table, reps).sort_values("excess", ascending=False, ignore_index=True)[columns]
