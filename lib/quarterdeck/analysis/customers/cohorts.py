"""How do customers that were won in the same year or quarter develop?"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from quarterdeck.analysis.sales.credits import sales
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.coverage import EVER
from quarterdeck.data.reasons import no_rows
from quarterdeck.errors import refuse_unknown

SPANS = {"year": 365.25, "quarter": 365.25 / 4}  # days of a span of life, by the cohorts' kind
FIRST, LAST = 91, 365  # days since the data begin in which a first order may be an old customer's: at least, at most
CELL = ["cohort", "span", "logos", "revenue", "n", "whole"]
BEFORE = "There before"
FEWEST = 5  # customers below which a cell is left out


@no_rows(needs="five customers who lived through a span of that length")
def cohorts(
    orders: pd.DataFrame,
    as_of: pd.Timestamp,
    customers: pd.DataFrame | None = None,
    cohort: str = "year",
    begins: Mapping[str, pd.Timestamp] = EVER,
    calendar: Calendar = GREGORIAN,
) -> pd.DataFrame:
    """Customers by when they first bought: how many still buy in each year (or quarter) of their life, and for how much.

    A span of life is a year (or a quarter) from the customer's own first order; it counts once the customer has lived through
    it. Customers who were there before the data begin, by `since` or by a first order soon after, are a row of their own. Their
    life is counted from that day. Soon is a quarter, or the 95 % quantile of customers' longest waits for an order, a year at
    most: such customers may have been there.

    Parameters
    ----------
    cohort : str
        "year" or "quarter".

    Returns
    -------
    DataFrame
        One row per cohort and span, oldest first: `cohort`, `span` (1, 2, …), `logos` (ratio: bought in the span, of `n`),
        `revenue` (ratio: revenue of the span ÷ of the first one, of the same customers), `n` (customers who lived through it),
        `whole` (bool: all of the cohort did); cells of fewer than five are left out.

    Raises
    ------
    ValueError
        Where `cohort` is another word.
    """
    refuse_unknown("cohort", cohort, SPANS)
    sold = orders[(orders["order_date"] <= as_of) & (orders["order_date"] >= begins["orders"])]
    if sold.empty:
        return pd.DataFrame(columns=CELL)
    earlier = orders.loc[orders["order_date"] < begins["orders"], "customer_id"]
    lives = _lives(sold, customers, lambda days: calendar.labels(days, cohort, short=False), earlier)
    lives["lived"] = (((as_of - lives["start"]).dt.days + 1) // SPANS[cohort]).astype(int)
    lines = sold.join(lives, on="customer_id", how="inner")
    lines["span"] = ((lines["order_date"] - lines["start"]).dt.days // SPANS[cohort]).astype(int)
    money = lines[lines["span"] < lines["lived"]].groupby(["customer_id", "span"])["revenue"].sum()
    wide = money.unstack(fill_value=0.0).reindex(lives.index, fill_value=0.0)
    cells = [
        _cell(name, span, wide.loc[rows], lives.loc[rows, "lived"])
        for name, rows in lives.groupby("cohort", sort=False).groups.items()
        for span in wide.columns
    ]
    table = pd.DataFrame(cells, columns=CELL)
    return table[table["n"] >= FEWEST].reset_index(drop=True)


def by_span(cohorts: pd.DataFrame, column: str = "logos") -> pd.DataFrame:
    """All cohorts together in each span of life, each counted by its customers.

    Parameters
    ----------
    cohorts : DataFrame
        As `cohorts` gives it.
    column : str
        "logos" or "revenue".

    Returns
    -------
    DataFrame
        Indexed by `span`: `rate` (ratio), `n` (customers).
    """
    sums = cohorts.assign(kept=cohorts[column] * cohorts["n"]).groupby("span")[["kept", "n"]].sum()
    return pd.DataFrame({"rate": sums["kept"] / sums["n"], "n": sums["n"]})


def _wait(sold: pd.DataFrame) -> pd.Timedelta:
    """Give how long after the data begin a first order may be one of an earlier customer."""
    days = sales(sold)[["customer_id", "order_date"]].drop_duplicates().sort_values("order_date")
    waits = days.groupby("customer_id")["order_date"].diff().dt.days.groupby(days["customer_id"]).max().dropna()
    return pd.Timedelta(days=float(np.clip(waits.quantile(0.95) if len(waits) else FIRST, FIRST, LAST)))


def _lives(
    sold: pd.DataFrame, customers: pd.DataFrame | None, named: Callable[[pd.Series], list[str]], earlier: pd.Series
) -> pd.DataFrame:
    """Give each customer's `cohort`, as its first day is `named`, and the `start` of its life here, in cohorts' order."""
    first = sold[sold["quantity"] > 0].groupby("customer_id")["order_date"].min()
    begin = first.min()
    since = (
        first if customers is None else customers.set_index("customer_id")["since"].reindex(first.index).fillna(first)
    )
    old = (since < begin) | (first < begin + _wait(sold)) | first.index.isin(earlier)
    name = pd.Series(named(first), first.index, dtype="str")
    lives = pd.DataFrame(
        {"cohort": name.where(~old, BEFORE), "start": first.where(~old, begin), "old": ~old, "first": first}
    )
    return lives.sort_values(["old", "first"])[["cohort", "start"]]


def _cell(name: str, span: int, wide: pd.DataFrame, lived: pd.Series) -> dict:
    own = wide[lived > span]
    base = own[0].sum() if len(own) else 0.0
    logos = (own[span] > 0).mean() if len(own) else np.nan
    revenue = own[span].sum() / base if base > 0 else np.nan
    row = {"cohort": name, "span": span + 1, "logos": logos, "revenue": revenue}
    return row | {"n": len(own), "whole": len(own) == len(wide)}
