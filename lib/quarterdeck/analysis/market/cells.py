"""Which part of the market's table is there, by whole quarter, region and segment?"""

import pandas as pd

from quarterdeck.data.calendar import PUBLISHED
from quarterdeck.data.periods import WEEK

YEAR = 4  # quarters
CELL = ["start", "region", "segment"]


def market_cells(market: pd.DataFrame) -> pd.DataFrame:
    """The market by whole quarter, region and segment, over its sources.

    Returns
    -------
    DataFrame
        One row per quarter and cell: `start` (first day), `region`, `segment`, `market` (mean of the sources), `low`, `high`
        (least and most of them; money). A source that comes by month is summed within the quarter first.
    """
    keyed = by_whole_quarter(market)
    # A source may come by month: it is summed within the quarter first.
    one = keyed.assign(source=keyed["source"].fillna("")).groupby([*CELL, "source"])["market_revenue"].sum()
    spread = one.groupby(CELL).agg(["mean", "min", "max"])
    return spread.set_axis(["market", "low", "high"], axis=1).reset_index()


def by_whole_quarter(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table of periods with their quarter, of quarters that the table holds whole.

    Parameters
    ----------
    table : DataFrame
        Any columns, `period_start` and `period_end` (days) among them.

    Returns
    -------
    DataFrame
        The same columns and `start` (first day of the quarter), without rows of a quarter that began more than WEEK before
        the table's first day or ends after its last.
    """
    start = PUBLISHED.start(table["period_start"])
    begun = start >= table["period_start"].min() - WEEK
    return table.assign(start=start)[begun & (PUBLISHED.end(start) <= table["period_end"].max())]


def until(market: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Rows of the periods that had ended by `as_of`.

    Parameters
    ----------
    market : DataFrame
        Any table of periods: only `period_end` (day) is read.

    Returns
    -------
    DataFrame
        The same columns and index.
    """
    return market[market["period_end"] <= as_of]


def first_quarter(begin: pd.Timestamp, first: pd.Timestamp) -> pd.Timestamp:
    """First day of the first quarter that a table holds whole; by its first row where no more is known."""
    if begin == pd.Timestamp.min:
        return pd.Timestamp.max if pd.isna(first) else PUBLISHED.start(first)  # a table without rows holds none
    return PUBLISHED.start(begin) if begin == PUBLISHED.start(begin) else PUBLISHED.shifted(begin, 1)
