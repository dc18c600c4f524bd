"""Which order lines give money back and no goods: price credits and rebates?

They count in revenue and margin. They are no sale: no unit, price, discount, order or buyer is counted by them.
"""

import pandas as pd

STEP = "credits"  # of a bridge or a waterfall


def credited(orders: pd.DataFrame) -> pd.Series:
    """Tell which order lines are price credits or rebates.

    Parameters
    ----------
    orders : DataFrame
        quantity, revenue; without a quantity no line is known to be one.

    Returns
    -------
    Series
        Bool, by the frame's index: negative revenue with a quantity of zero.

    Examples
    --------
    >>> credited(pd.DataFrame({"quantity": [2, -1, 0, 0], "revenue": [20, -10, -5, 3]})).tolist()  # sale, return, credit, fee
    [False, False, True, False]
    """
    if "quantity" not in orders:
        return pd.Series(False, orders.index)
    return orders["quantity"].eq(0) & (orders["revenue"] < 0)


def sales(orders: pd.DataFrame) -> pd.DataFrame:
    """Give the order lines that are no credits."""
    rows = credited(orders)
    return orders[~rows] if rows.any() else orders
