"""What does a price do to a share, when others' prices move too?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.market.cells import market_cells, until
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.data.calendar import PUBLISHED
from quarterdeck.data.coverage import EVER, whole_since
from quarterdeck.data.reasons import no_rows

CELL = ["region", "segment"]
FEWEST = 30  # rows below which no response is fitted


def logit(table: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """The logit demand's coefficients by least squares: log share less log share of the outside good on features.

    Berry (1994, RAND Journal of Economics 25), without instruments: where price answers to what the features leave out,
    its coefficient is drawn towards zero (Berry, Levinsohn and Pakes 1995, Econometrica 63, table III, first column).

    Parameters
    ----------
    table : DataFrame
        One row per product and market: `share`, `outside` (share of the outside good), and the features.
    features : list of str
        Columns; a constant is added.

    Returns
    -------
    DataFrame
        One row per feature and "constant": `feature`, `coefficient`, `error` (standard error), `n` (rows).
    """
    x = np.column_stack([np.ones(len(table)), table[features].to_numpy(float)])
    y = np.log(table["share"].to_numpy(float)) - np.log(table["outside"].to_numpy(float))
    inverse = np.linalg.inv(x.T @ x)
    found = inverse @ x.T @ y
    left = y - x @ found
    error = np.sqrt(left @ left / (len(y) - x.shape[1]) * np.diag(inverse))
    names = ["constant", *features]
    return pd.DataFrame({"feature": names, "coefficient": found, "error": error, "n": len(table)})


@no_rows("competitors.price_index", needs="thirty quarters of rivals' prices, in three segments of regions")
def price_response(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    market: pd.DataFrame,
    competitors: pd.DataFrame,
    as_of: pd.Timestamp,
    level: float = 0.9,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """By how much a rival's sales against ours move with a point of its price level against ours.

    Log of the rival's revenue over ours, by quarter and cell of region and segment, on its price index, with an effect of
    each rival in each cell and of each rival in each quarter; errors clustered by cell. We are the outside good of
    `logit`, and prices are as they were set: where a rival cuts its price because it loses, the response is understated. Quarters
    are left out that orders, market or competitors do not hold whole.

    Returns
    -------
    DataFrame
        One row: `response` (log points of relative sales for one index point), `low`, `high` (Student t over cells, 90 %),
        `cells`, `n` (rows); no row where prices are not known in at least three cells.
    """
    columns = ["response", "low", "high", "cells", "n"]
    rows = _relative(orders, customers, until(market, as_of), until(competitors, as_of))
    since = max(whole_since(begins[name], rows["start"].min()) for name in ("orders", "market", "competitors"))
    rows = rows[rows["start"] >= since]
    cells = rows.groupby(CELL).ngroups
    if len(rows) < FEWEST or cells < 3:
        return pd.DataFrame(columns=columns)
    y, x = (_within(rows, c) for c in ("relative", "price_index"))
    if (x**2).sum() < 1e-9:
        return pd.DataFrame(columns=columns)
    slope = (x * y).sum() / (x**2).sum()
    score = (x * (y - slope * x)).groupby([rows[k] for k in CELL]).sum()
    error = np.sqrt((score**2).sum() * cells / (cells - 1)) / (x**2).sum()
    reach = t.ppf(0.5 + level / 2, cells - 1) * error
    row = {"response": slope, "low": slope - reach, "high": slope + reach, "cells": cells, "n": len(rows)}
    return pd.DataFrame([row], columns=columns)


def _relative(
    orders: pd.DataFrame, customers: pd.DataFrame, market: pd.DataFrame, competitors: pd.DataFrame
) -> pd.DataFrame:
    """Give the log of each rival's revenue over ours, by quarter and cell that the market table knows."""
    keys = ["start", *CELL]
    segment = looked_up(orders["customer_id"], customers.set_index("customer_id")["segment"])
    own = (
        orders.assign(segment=segment, start=PUBLISHED.start(orders["order_date"]))
        .groupby(keys)["revenue"]
        .sum()
        .rename("own")
    )
    known = market_cells(market).set_index(keys).index
    rows = (
        competitors.dropna(subset=["price_index"])
        .assign(start=lambda x: PUBLISHED.start(x["period_start"]))
        .join(own, on=keys)
    )
    rows = rows[(rows["own"] > 0) & (rows["revenue"] > 0) & pd.MultiIndex.from_frame(rows[keys]).isin(known)]
    return rows.assign(relative=np.log(rows["revenue"] / rows["own"])).reset_index(drop=True)


def _within(rows: pd.DataFrame, column: str, rounds: int = 50) -> pd.Series:
    """Take the effects of rival in cell and of rival in quarter out of a column, by turns until they are gone."""
    values = rows[column]
    for _ in range(rounds):
        values = values - values.groupby([rows[k] for k in (*CELL, "competitor")]).transform("mean")
        values = values - values.groupby([rows["start"], rows["competitor"]]).transform("mean")
    return values
