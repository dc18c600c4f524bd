"""Which single periods of a series are so far off that they say nothing of the next ones?

One order of fifty times the usual size is no season. Nor is a month in which nothing could be delivered. What happened once is
replaced by the usual figure before a series is forecast. What came again at its place in the year, or stayed, is left as it is.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

FOUND = ["series", "start", "value", "usual", "last"]

# Set by judgement, so high that few usual series have a peak: on a fifth of Australian retail none is found. The effect was
# measured on two companies' hierarchies (MASE of months 0.8346 to 0.8340, of quarters 0.9250 to 0.9248; decision 0089).
OFF = ((3.0, 6.0), (1.5, 20.0))  # times its level, with usual errors, from which a period is off: either will do;
# the second pair is for a sum, in which the peak of one part is small beside the others
NOTHING = 0.01  # of its level, below which a period counts as nothing
NEAR = 12  # parts of a season within which a feast moves from year to year
FEWEST, OFTEN = 8, 20  # periods that a series must have; of so many at most one is single
LEAST = 0.02  # usual error of a series that hardly varies, as a logarithm


def single(panel: pd.DataFrame, season: int) -> pd.DataFrame:
    """The single peaks and dips of each series.

    A period is one where it is three times its level (the median of the periods within a season of it) or a third of it, and six
    usual errors off; or one and a half times (two thirds) and twenty errors off, as the sum of a peak and of what hardly varies
    is. It is as far from what the same part of the year was in every other year, none of which went that way, and neither
    neighbour did. The usual error is the median change of that part from year to year, as a logarithm, over √2.

    Parameters
    ----------
    panel : DataFrame
        `series`, `start`, `value`, in order and without gaps.
    season : int
        Periods in a year; one where there is no season.

    Returns
    -------
    DataFrame
        One row per peak or dip: `series`, `start`, `value` (as it was), `usual` (its level at that part of the year, in the unit of
        `value`), `last` (nothing came after it yet, so it may be the first of more).
    """
    parts = []
    for _, rows in panel.groupby("series"):
        usual = usual_at(rows["value"].to_numpy(float), season)
        parts.append(rows.assign(usual=usual, last=np.arange(len(rows)) == len(rows) - 1)[np.isfinite(usual)])
    return pd.concat(parts)[FOUND].reset_index(drop=True) if parts else pd.DataFrame(columns=FOUND)


def taken_out(panel: pd.DataFrame, season: int, unseen: Sequence[int] = (0,)) -> pd.DataFrame:
    """Give a panel with the usual figure in the place of single peaks and dips, and where that is (`single`, true or false).

    Parameters
    ----------
    unseen : sequence of int
        Seen from several days, the oldest first: how many of the last periods each does not see. A period is judged from the
        first of these days that sees it, by what had been seen then.
    """
    values, marks = [], []
    for _, rows in panel.groupby("series", sort=False)["value"]:
        seen, mark, begun = rows.to_numpy(float), np.zeros(len(rows), dtype=bool), 0
        held = seen.copy()
        for late in unseen:
            usual = usual_at(seen[: max(len(seen) - late, 0)], season)
            new = np.flatnonzero(np.isfinite(usual[begun:])) + begun
            held[new], mark[new], begun = usual[new], True, len(usual)
        values.append(pd.Series(held, rows.index))
        marks.append(pd.Series(mark, rows.index))
    return panel.assign(value=pd.concat(values), single=pd.concat(marks)) if values else panel.assign(single=False)


def usual_at(values: np.ndarray, season: int) -> np.ndarray:
    """Give the usual figure at each single peak or dip of a series; missing at all other periods.

    >>> usual_at(np.array([10.0, 11, 9, 10, 500, 10, 11, 9, 10, 10]), 1)
    array([nan, nan, nan, nan, 10., nan, nan, nan, nan, nan])
    """
    none, length = np.full(len(values), np.nan), len(values)
    if length < max(FEWEST, 2 * season + 1 if season > 1 else 0):
        return none
    level = _levels(values, max(season, FEWEST // 2))
    if not (level > 0).all():
        return none
    off = np.log(np.maximum(values / level, NOTHING))
    change = (off[season:] - off[:-season]) / np.sqrt(2) if season > 1 else off
    error = max(1.4826 * float(np.median(np.abs(change))), LEAST)
    least = min(max(np.log(times), errors * error) for times, errors in OFF)
    far = np.sign(off) * (np.abs(off) > least)
    beside = np.r_[0, far[:-1]] == far, np.r_[far[1:], 0] == far
    found = [t for t in np.flatnonzero(far) if not (beside[0][t] or beside[1][t])]
    usual = {
        t: level[t] * np.exp(expected) for t in found if np.isfinite(expected := _elsewhere(off, far, t, season, least))
    }
    if len(usual) > max(1, length // OFTEN):
        return none  # what comes this often is the series' way
    none[list(usual)] = list(usual.values())
    return none


def _levels(values: np.ndarray, reach: int) -> np.ndarray:
    """Give the median of the periods within reach of each, but for itself."""
    around = np.arange(-reach, reach + 1)
    places = np.arange(len(values))[:, None] + around[around != 0]
    inside = (places >= 0) & (places < len(values))
    near = np.sort(np.where(inside, values[np.clip(places, 0, len(values) - 1)], np.inf), axis=1)
    rows, count = np.arange(len(values)), inside.sum(axis=1)
    return (near[rows, (count - 1) // 2] + near[rows, count // 2]) / 2


def _elsewhere(off: np.ndarray, far: np.ndarray, t: int, season: int, least: float) -> float:
    """Give how far off the same part of other years was, at the median; missing where one was like this, or there is none."""
    if season == 1:
        return 0.0
    years = np.arange(t % season, len(off), season)
    around = years[years != t][:, None] + np.arange(-(season // NEAR), season // NEAR + 1)
    around = around[(around >= 0) & (around < len(off))]
    like = (far[around] == far[t]) | (np.abs(off[around] - off[t]) <= least)
    others = off[years[years != t]]
    return np.nan if like.any() or not len(others) else float(np.median(others))
