"""What becomes of the customers that were won in the same year or quarter?"""

import numpy as np
import pandas as pd

from quarterdeck.errors import refuse_unknown

SPANS = {"year": 365.25, "quarter": 365.25 / 4}  # days of a span of life, by the cohorts' kind
FIRST = pd.Timedelta(days=91)  # who first orders so soon after the data begin may have been a customer before
BEFORE = "There before"
FEWEST = 5  # customers below which a cell is left out


def cohorts(
    orders: pd.DataFrame, as_of: pd.Timestamp, customers: pd.DataFrame | None = None, cohort: str = "year"
) -> pd.DataFrame:
    """Customers by when they first bought: how many still buy in each year (or quarter) of their life, and for how much.

    A span of life is a year (or a quarter) from the customer's own first order; it counts for a customer once it has lived
    through it. Customers who were there before the data begin, by `since` or by a first order in the data's first quarter,
    are a row of their own, their life counted from that day.

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
    sold = orders[orders["order_date"] <= as_of]
    lives = _lives(sold, customers, as_of, cohort)
    lines = sold.join(lives, on="customer_id", how="inner")
    lines["span"] = ((lines["order_date"] - lines["start"]).dt.days // SPANS[cohort]).astype(int)
    money = lines[lines["span"] < lines["lived"]].groupby(["customer_id", "span"])["revenue"].sum()
    wide = money.unstack(fill_value=0.0).reindex(lives.index, fill_value=0.0)
    cells = [
        _cell(name, span, wide.loc[rows], lives.loc[rows, "lived"])
        for name, rows in lives.groupby("cohort", sort=False).groups.items()
        for span in wide.columns
    ]
    table = pd.DataFrame(cells, columns=["cohort", "span", "logos", "revenue", "n", "whole"])
    return table[table["n"] >= FEWEST].reset_index(drop=True)


def _lives(sold: pd.DataFrame, customers: pd.DataFrame | None, as_of: pd.Timestamp, cohort: str) -> pd.DataFrame:
    """Give each customer's `cohort`, the `start` of its life here and how many spans it has `lived` through, in cohorts' order."""
    first = sold[sold["quantity"] > 0].groupby("customer_id")["order_date"].min()
    begin = first.min()
    since = (
        first if customers is None else customers.set_index("customer_id")["since"].reindex(first.index).fillna(first)
    )
    old = (since < begin) | (first < begin + FIRST)
    name = first.dt.year.astype(str)
    name = name if cohort == "year" else "Q" + first.dt.quarter.astype(str) + " " + name
    lives = pd.DataFrame(
        {"cohort": name.where(~old, BEFORE), "start": first.where(~old, begin), "old": ~old, "first": first}
    )
    lives["lived"] = ((as_of - lives["start"]).dt.days + 1) // SPANS[cohort]
    return lives.sort_values(["old", "first"])[["cohort", "start", "lived"]].astype({"lived": int})


def _cell(name: str, span: int, wide: pd.DataFrame, lived: pd.Series) -> list:
    own = wide[lived > span]
    base = own[0].sum() if len(own) else 0.0
    logos = (own[span] > 0).mean() if len(own) else np.nan
    return [name, span + 1, logos, own[span].sum() / base if base > 0 else np.nan, len(own), len(own) == len(wide)]
