"""What do the longer seasons of a series add to its shortest: the year to the week of days, the week to the day of hours?

They are taken out before the series is forecast by its shortest season, and put back after.
"""

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods import panels, smoothing

HARMONICS = 6  # waves within a long season that is no multiple of the short one, or too long to know place by place
PLACES = 10  # short seasons in a long one up to which every place has its own figure
LEAST = 1.5  # long seasons that a series must have for waves; for places `smoothing.seasons` asks for more than two
FLOOR = 0.05  # of its mean, which a lesser figure, such as a Sunday's zero, counts as
LOSSES = 0.05  # part of periods below zero, such as days of returns, up to which a series has factors
FARTHEST = 20.0  # times that a factor is at most, and its inverse at least


def parted(season: object) -> tuple[int, list[int]]:
    """Give the shortest of one or several seasons, and the longer ones, shortest first.

    >>> parted(12), parted((365, 7))
    ((12, []), (7, [365]))
    """
    asked = [season] if np.ndim(season) == 0 else list(season)
    if not asked:
        raise ValueError("season holds no number; give the periods of one season, or of several.")
    short, *longer = sorted({panels.whole("season", value) for value in asked})
    return short, longer


def factors(seen: pd.DataFrame, rows: pd.DataFrame, season: int, longer: list[int]) -> pd.Series:
    """By how much the longer seasons move each period of each series that is hardly ever below zero.

    What the shorter seasons leave of the logarithms is averaged by place in the long season, and shrunk (`smoothing.seasons`),
    where a long season is a few whole short ones; else it is followed by Fourier terms (as in dynamic harmonic regression: Hyndman
    and Athanasopoulos 2021, Forecasting: Principles and Practice, 10.5), each wave shrunk as far as noise of that autocorrelation
    would show one.

    Parameters
    ----------
    seen : DataFrame
        `series`, `start`, `value`, in order and without gaps: what is learned from.
    rows : DataFrame
        `series`, `start`: the same periods and those after them, in order.
    season : int
        Periods in the shortest season.
    longer : list of int
        Periods in the others, shortest first.

    Returns
    -------
    Series
        Factor by `series` and `start`; without a row where there is no longer season.
    """
    if not longer or seen.empty:
        return pd.Series(dtype="float64")
    held, parts = dict(list(seen.groupby("series")["value"])), []
    for name, starts in rows.groupby("series")["start"]:
        values = held[name].to_numpy(float) if name in held else np.array([])
        moved = (
            _moved(values, len(starts), season, longer)
            if len(values) and values.mean() > 0 and np.mean(values < 0) <= LOSSES
            else np.zeros(len(starts))
        )
        index = pd.MultiIndex.from_arrays([[name] * len(starts), starts], names=["series", "start"])
        parts.append(pd.Series(np.exp(moved.clip(-np.log(FARTHEST), np.log(FARTHEST))), index))
    return pd.concat(parts)


def _moved(values: np.ndarray, length: int, season: int, longer: list[int]) -> np.ndarray:
    """Give what the longer seasons add to the logarithms of a series and of what comes after it."""
    left, t, moved = np.log(np.maximum(values, FLOOR * values.mean())), np.arange(length), np.zeros(length)
    left = left - smoothing.seasons(left[None], np.array([len(left)]), season)[0][t[: len(left)] % season]
    for long in longer:
        if long % season == 0 and long <= PLACES * season:
            added = smoothing.seasons(left[None], np.array([len(left)]), long)[0][t % long]
        else:
            added = _waves(left, t, long)
        moved, left = moved + added, left - added[: len(left)]
    return moved


def _waves(left: np.ndarray, t: np.ndarray, long: int) -> np.ndarray:
    """Give the shrunk waves of a long season along `t`; none where a series has not seen enough of it."""
    count = len(left)
    if count < LEAST * long:
        return np.zeros(len(t))
    angles = 2 * np.pi * np.outer(t, np.arange(1, HARMONICS + 1)) / long
    waves = np.hstack([np.cos(angles), np.sin(angles)])
    known = np.column_stack([np.ones(count), np.arange(count) / count, waves[:count]])
    found, *_ = np.linalg.lstsq(known, left, rcond=None)
    off = left - known @ found
    alike = float(np.clip(np.corrcoef(off[1:], off[:-1])[0, 1], 0, 0.95)) if off.std() > 0 else 0.0
    noise = 4 * off.var() / count * (1 + alike) / (1 - alike)  # expected square of an amplitude where there is no wave
    pairs = found[2:].reshape(2, HARMONICS)
    kept = np.clip(1 - noise / np.maximum((pairs**2).sum(axis=0), 1e-300), 0, 1)
    return waves @ (pairs * kept).ravel()
