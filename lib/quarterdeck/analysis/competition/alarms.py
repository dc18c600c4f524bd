"""Has something changed for good, or is it noise?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import kolmogorov

from quarterdeck.analysis.competition.competitors import OTHERS
from quarterdeck.data.coverage import EVER, already, looks_back, months_of
from quarterdeck.data.reasons import no_rows

FEWEST_DEALS, FEWEST_QUARTERS = 40, 12
COLUMNS = ["what", "name", "since", "before", "now", "p", "alarm", "n"]


def break_point(values: np.ndarray) -> tuple[int, float]:
    """The most likely place of one change of the mean, and the chance of as clear a one in mere noise.

    The cumulated deviations from the mean, over their standard deviation and √n, reach beyond a Brownian bridge's bounds
    where the mean changed (Ploberger and Krämer 1992, Econometrica 60: OLS-CUSUM); the chance is Kolmogorov's.

    Returns
    -------
    tuple
        Index of the first value after the change, and the chance (ratio).

    Examples
    --------
    >>> place, p = break_point(np.r_[np.tile([0.0, 1.0], 30), np.tile([2.0, 3.0], 30)])
    >>> place, p < 0.001
    (60, True)
    """
    left = values - values.mean()
    deviation = left.std(ddof=1)
    if len(values) < 2 or deviation == 0:
        return len(values), 1.0
    path = np.abs(np.cumsum(left)) / deviation / np.sqrt(len(values))
    return int(path.argmax()) + 1, float(kolmogorov(path.max()))


@no_rows("opportunities.competitor", needs="forty deals against a rival that closed in three years")
@looks_back(losses=already)
def win_rate_alarms(
    opportunities: pd.DataFrame,
    as_of: pd.Timestamp,
    years: int = 3,
    rate: float = 0.05,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Rivals against whom our win rate changed within three years (or since losses are recorded), and since when.

    `break_point` over the closed deals in the order in which they closed. At most a twentieth of companies in which
    nothing changed gets any alarm: the bound is divided by the number of rivals watched (Bonferroni).

    Returns
    -------
    DataFrame
        One row per rival with at least forty closed deals, the clearest first: `what` ("win rate"), `name` (rival), `since`
        (day of the most likely change), `before`, `now` (win rates on its sides, ratios), `p` (chance of it in noise),
        `alarm` (bool), `n` (deals), `months` (of these years, that the deals hold).
    """
    begin = max(as_of - pd.DateOffset(years=years), begins["losses"])
    closed = opportunities[opportunities["closed_on"].between(begin, as_of) & opportunities["competitor"].notna()]
    rows = []
    for rival, deals in closed.sort_values("closed_on", kind="stable").groupby("competitor"):
        won = deals["status"].eq("won").to_numpy(float)
        if len(won) >= FEWEST_DEALS:
            place, p = break_point(won)
            rows.append(
                ["win rate", rival, deals["closed_on"].iloc[min(place, len(won) - 1)], *_sides(won, place), p, len(won)]
            )
    return _judged(rows, rate).assign(months=months_of(years, as_of, begins["losses"]))


@no_rows(needs="thirteen whole quarters that orders, market and competitors cover")
def share_alarms(shares: pd.DataFrame, rate: float = 0.05) -> pd.DataFrame:
    """Sellers whose share began to move at another pace, and since when.

    `break_point` over the changes of each seller's share from quarter to quarter. Noise of one quarter makes two of them
    swing against each other, so that false alarms are rarer than the bound (Bonferroni, as for win rates), not commoner.

    Parameters
    ----------
    shares : DataFrame
        As `competitors.shares` gives it.

    Returns
    -------
    DataFrame
        As `win_rate_alarms`, with `what` "share", `name` (seller), `before` and `now` changes of share a quarter (ratio).
    """
    wide = shares[shares["seller"] != OTHERS].pivot(index="start", columns="seller", values="share")
    steps = wide.diff().iloc[1:]
    rows = []
    for seller, step in steps.items():
        if len(step.dropna()) >= FEWEST_QUARTERS:
            known = step.dropna()
            place, p = break_point(known.to_numpy())
            rows.append(
                [
                    "share",
                    seller,
                    known.index[min(place, len(known) - 1)],
                    *_sides(known.to_numpy(), place),
                    p,
                    len(known),
                ]
            )
    return _judged(rows, rate)


def _sides(values: np.ndarray, place: int) -> tuple[float, float]:
    return float(values[:place].mean()), float(values[place:].mean()) if place < len(values) else np.nan


def _judged(rows: list[list], rate: float) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[c for c in COLUMNS if c != "alarm"])
    table["alarm"] = table["p"] <= rate / max(len(table), 1)
    return table.sort_values("p", ignore_index=True)[COLUMNS]
