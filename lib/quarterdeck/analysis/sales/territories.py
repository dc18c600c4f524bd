"""Which sales of a region, or of the same days a year before, are of accounts that moved between territories since?"""

import pandas as pd

from quarterdeck.data import COMPANY
from quarterdeck.data.organisation import YEAR_AFTER, YEAR_BEFORE
from quarterdeck.data.periods import Period

STEP = "moved between territories"  # of a bridge


def moved(orders: pd.DataFrame, span: Period, region: str) -> pd.Series:
    """Tell which lines of a span, and of the span a year before it, are of accounts that were elsewhere in the other.

    Those of the span moved in, for on the same day a year before their account was in another region; those of a year before moved
    out. To the company nothing moves, and neither does it in today's organisation.

    Parameters
    ----------
    orders : DataFrame
        Of the region: order_date, and region_a_year_before and region_a_year_after where there is an organisation as it was.
    span : Period
        Its days through `through`.
    region : str
        Whose lines these are.

    Returns
    -------
    Series
        Bool, by the frame's index.
    """
    if region == COMPANY or YEAR_BEFORE not in orders:
        return pd.Series(False, orders.index)
    came = span.contains(orders["order_date"]) & orders[YEAR_BEFORE].ne(region)
    return came | span.before().contains(orders["order_date"]) & orders[YEAR_AFTER].ne(region)
