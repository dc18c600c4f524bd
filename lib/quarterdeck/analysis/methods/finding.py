"""What is a finding, and what is the chance that it is not so?"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr


class Finding(NamedTuple):
    """One row of findings: the money behind it, its figure, and what acting on it may bring."""

    kind: str
    subject: str
    worth: float  # money; a loss is negative
    value: float  # in the finding's own unit, as are the next three
    compared: float  # what `value` is compared with
    low: float
    high: float
    n: int
    gain: float = np.nan  # what acting on it may bring, money, with its interval
    gain_low: float = np.nan
    gain_high: float = np.nan
    risk: float = np.nan  # the chance, given the data, that the finding is not so; missing where none can be had
    owner: str | None = None  # who acts, by name, where the data has one


FINDING = list(Finding._fields)
FOUND = FINDING[: FINDING.index("gain")]  # of findings whose gain is not known
# Each as likely as the next before any estimate is seen: parts of the comparisons in which there is nothing, and usual sizes of
# what there is in the others, in typical errors.
EMPTY, SIZES = np.linspace(0.05, 0.95, 19), np.geomspace(0.5, 32, 13)


def chance_above(estimate, error, bound=0.0) -> np.ndarray:
    """The chance that each of several true values lies above a bound, given the estimates of all of them.

    In a part of the comparisons there is nothing at all, in the others a true value drawn from a normal distribution about zero
    (two groups: Efron 2008, Statistical Science 23, 1). That part and the distribution's spread are not known; both are averaged
    over EMPTY and SIZES, weighted by what they make of all estimates (as in Scott and Berger 2006, Journal of Statistical Planning
    and Inference 136, 2144). So the more is compared of which little stands out, the less is believed of what does, and no
    further correction for many comparisons is due. One less this chance is a finding's risk.

    Parameters
    ----------
    estimate, error : float, array or Series
        Estimates in any unit, about normal, and their standard errors; what lacks one is left out, and its chance is missing.
    bound : float, array or Series
        Zero or more.

    Returns
    -------
    ndarray
        Ratio, of each estimate.

    Examples
    --------
    >>> chance_above([3.0, 0.2, -0.4], [1.0, 1.0, 1.0]).round(2).tolist()  # of three, one stands out by three errors
    [0.83, 0.19, 0.13]
    """
    y, s, least = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (estimate, error, bound))
    known = np.isfinite(y) & (s > 0)
    found = np.full(len(y), np.nan)
    if known.any():
        found[known] = _above(y[known], s[known], np.broadcast_to(least, y.shape)[known])
    return found


def _above(y: np.ndarray, s: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """Give the chances of `chance_above` where all is known; axes: estimates, parts that are empty, sizes."""
    variance, between = (s**2)[:, None], (SIZES**2) / np.mean(1 / s**2)
    whole = variance + between
    nothing = -(y[:, None] ** 2) / variance / 2 - np.log(variance) / 2
    something = -(y[:, None] ** 2) / whole / 2 - np.log(whole) / 2
    there = np.log1p(-EMPTY)[None, :, None] + something[:, None, :]
    either = np.logaddexp(np.log(EMPTY)[None, :, None] + nothing[:, None, :], there)
    fit = either.sum(axis=0)
    weight = np.exp(fit - fit.max())
    middle, spread = y[:, None] * between / whole, np.sqrt(variance * between / whole)
    up = np.exp(there - either) * ndtr((middle - bound[:, None]) / spread)[:, None, :]
    return (up * weight).sum(axis=(1, 2)) / weight.sum()


def risk(estimate, error) -> np.ndarray:
    """The chance that each of several true values is not on the side of zero that its estimate is on, given all of them.

    Parameters
    ----------
    estimate, error : float, array or Series
        As `chance_above` takes them.

    Returns
    -------
    ndarray
        Ratio, of each estimate.

    Examples
    --------
    >>> risk([3.0, -4.0, 0.1], [1.0, 1.0, 1.0]).round(2).tolist()
    [0.06, 0.0, 0.78]
    """
    return 1 - chance_above(np.abs(np.asarray(estimate, dtype=float)), error)


def chance_below(estimate, error) -> np.ndarray:
    """The chance that each of many true values lies below zero, where all are drawn from one normal distribution about any mean.

    The distribution's mean is flat, its spread averaged over SIZES, weighted by what they make of all estimates (as
    `intervals.shrunk_means`, for thousands): of customers, say, of whom most earn something.

    Parameters
    ----------
    estimate, error : array or Series
        As `chance_above` takes them.

    Returns
    -------
    ndarray
        Ratio, of each estimate.

    Examples
    --------
    >>> chance_below([-0.2, 0.3, 0.28, 0.33], [0.1, 0.1, 0.1, 0.1]).round(2).tolist()
    [0.88, 0.0, 0.0, 0.0]
    """
    y, s = np.asarray(estimate, dtype=float), np.asarray(error, dtype=float)
    known, found = np.isfinite(y) & (s > 0), np.full(len(y), np.nan)
    if known.any():
        y, variance = y[known][:, None], (s[known] ** 2)[:, None]
        between = SIZES**2 / np.mean(1 / variance)
        weight = 1 / (variance + between)
        mean, doubt = (weight * y).sum(axis=0) / weight.sum(axis=0), 1 / weight.sum(axis=0)
        fits = (np.log(weight) - weight * (y - mean) ** 2).sum(axis=0) / 2 + np.log(doubt) / 2
        drawn = variance * weight
        spread = np.sqrt(variance * (1 - drawn) + drawn**2 * doubt)
        likely = np.exp(fits - fits.max())
        found[known] = ndtr(-(y + drawn * (mean - y)) / spread) @ likely / likely.sum()
    return found
