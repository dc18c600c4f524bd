"""How true are the chances and forecast categories that a CRM holds for its deals, and how do they stand beside ours?

Only what was on record while a deal was open counts: a CRM sets the probability to none or all when a deal closes.
"""

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods.intervals import wilson
from quarterdeck.analysis.pipeline.win_chances import calibration_error

FEWEST = 100  # looks at deals of which the CRM's probability was on record, below which it is not scored
OURS, THEIRS = "forecast", "CRM"
IN_TIME, AT_ALL = "won by the quarter's end", "won at all"
SCORES = ["who", "event", "brier", "error", "n"]
CATEGORIES = ["category", "won", "n", "rate", "low", "high"]


def scores(tried: pd.DataFrame) -> pd.DataFrame:
    """Score the CRM's probabilities and this page's chances on the same deals: Brier score, and how far off on average.

    The CRM's probability speaks of a deal being won at all, ours of its being won by the quarter's end; theirs is scored on both.
    Won at all is of deals that have closed since.

    Parameters
    ----------
    tried : DataFrame
        As `win_chances.tried` gives it, with `crm` and `ever` where the history holds probabilities.

    Returns
    -------
    DataFrame
        One row per pair: `who` ("forecast" or "CRM"), `event` ("won by the quarter's end" or "won at all"), `brier` (mean squared
        error), `error` (as `win_chances.trial`, ratio), `n` (deals × marks); no rows with fewer than a hundred looks.
    """
    known = tried[tried["crm"].notna()] if "crm" in tried else tried.iloc[:0]
    if len(known) < FEWEST:
        return pd.DataFrame(columns=SCORES)
    closed = known[known["ever"].notna()]
    asked = [(OURS, IN_TIME, known["model"], known["won"]), (THEIRS, IN_TIME, known["crm"], known["won"])]
    asked += [(THEIRS, AT_ALL, closed["crm"], closed["ever"])] if len(closed) >= FEWEST else []
    rows = [
        (who, event, ((chance - came) ** 2).mean(), calibration_error(chance, came), len(came))
        for who, event, chance, came in asked
    ]
    return pd.DataFrame(rows, columns=SCORES)


def by_category(tried: pd.DataFrame) -> pd.DataFrame:
    """What came of the deals that stood in each of the CRM's forecast categories: the part won by the quarter's end.

    Parameters
    ----------
    tried : DataFrame
        As `win_chances.tried` gives it, with `category` where the history holds forecast categories.

    Returns
    -------
    DataFrame
        One row per category, the one won most often first: `category`, `won`, `n` (deals × marks), `rate`, `low`, `high` (Wilson
        90 %, ratios); no rows with fewer than a hundred looks.
    """
    known = tried[tried["category"].notna()] if "category" in tried else tried.iloc[:0]
    if len(known) < FEWEST:
        return pd.DataFrame(columns=CATEGORIES)
    sums = known.groupby("category")["won"].agg(["sum", "size"]).set_axis(["won", "n"], axis=1).astype(float)
    low, high = wilson(sums["won"], sums["n"])
    table = sums.assign(rate=sums["won"] / sums["n"], low=np.asarray(low), high=np.asarray(high)).reset_index()
    return table.sort_values("rate", ascending=False, kind="stable", ignore_index=True)[CATEGORIES]
