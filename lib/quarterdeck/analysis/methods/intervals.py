"""How sure can one be of a rate, a median or an estimate that rests on few rows?"""

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import bdtr, betainc, betaln, digamma, expit, ndtr, ndtri

CLOSE = {"ftol": 1e-15, "gtol": 1e-9}  # to where a fit's digits no longer hang on the processor
Z90 = 1.6449  # half the width of a two-sided 90 % interval of the normal distribution, in standard deviations
Z80 = float(ndtri(0.9))  # half the width of an 80 % range
FEWEST_GROUPS = 3  # with fewer groups there is nothing to learn a prior from
STRENGTHS = np.geomspace(1, 1e5, 41)  # the prior's weight, in rows: 1 is almost no shrinkage, 1e5 is all the way
LARGEST = 100  # times its base, beyond which no rate of growth is given
HALVINGS = 40  # of the interval from 0 to 1, to find a quantile


def wilson(won, n, level: float = 0.9) -> tuple:
    """Wilson's score interval of a rate (Wilson 1927; method 3 of Newcombe 1998).

    Parameters
    ----------
    won, n : number, array or Series
        Successes and trials; where `n` is 0 the interval is the whole of 0 to 1.
    level : float
        Two-sided coverage.

    Returns
    -------
    tuple
        `low` and `high` (ratio), of the kind that was given.

    Examples
    --------
    >>> low, high = wilson(81, 263, level=0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.2553, 0.3662)
    """
    z2 = ndtri(0.5 + level / 2) ** 2
    centre = (won + z2 / 2) / (n + z2)
    half = np.sqrt(z2 * (won * (n - won) / np.maximum(n, 1) + z2 / 4)) / (n + z2)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def shrunk(won: pd.Series, n: pd.Series, level: float = 0.9) -> pd.DataFrame:
    """Rates of groups, each drawn to the rate of all by as much as its own rows leave it in doubt.

    The groups' true rates are taken as draws from one beta distribution: its mean is fitted by maximum likelihood to
    all groups (empirical Bayes, beta-binomial; Efron and Morris 1975), its strength is averaged over, weighted by
    likelihood and the uniform-shrinkage prior (Daniels 1999). Plugging in the most likely strength instead would give
    intervals of next to no width where the groups look alike. With fewer than three groups, or where all or none
    succeeded, the prior is Jeffreys' (½, ½) and next to nothing is shrunk; an interval then reaches the end at which all groups
    are (Brown, Cai and DasGupta 2001, Statistical Science 16), so that none stands apart from all.

    Parameters
    ----------
    won, n : Series
        Successes and trials, one row per group; a group with `n` 0 gets the prior.

    Returns
    -------
    DataFrame
        On the index of `won`: `rate` (posterior mean), `low`, `high` (posterior quantiles), ratios.

    Examples
    --------
    >>> shrunk(pd.Series([9, 50, 48]), pd.Series([10, 100, 100]))["rate"].round(2).tolist()
    [0.6, 0.5, 0.49]
    """
    mean, strengths, weights = prior(won, n)
    a = won.to_numpy(float)[:, None] + mean * strengths
    b = (n - won).to_numpy(float)[:, None] + (1 - mean) * strengths
    columns = {
        "rate": (a / (a + b)) @ weights,
        "low": _quantile(a, b, weights, (1 - level) / 2),
        "high": _quantile(a, b, weights, (1 + level) / 2),
    }
    table = pd.DataFrame(columns, index=won.index)
    if won.sum() in (0, n.sum()):
        end, edge = ("low", 0.0) if won.sum() == 0 else ("high", 1.0)
        table[end] = edge
    return table


def prior(won: pd.Series, n: pd.Series) -> tuple[float, np.ndarray, np.ndarray]:
    """Beta distributions that the groups' rates may have been drawn from, each with its weight.

    Parameters
    ----------
    won, n : Series
        Successes and trials of each group.

    Returns
    -------
    tuple
        The mean (ratio), the strengths (a + b of each distribution, in trials) and their weights, which add up to one. Below
        FEWEST_GROUPS groups with trials, or where all or none succeeded: one half, with the strength of one trial.
    """
    seen = n > 0
    if seen.sum() < FEWEST_GROUPS or won.sum() in (0, n.sum()):
        return 0.5, np.ones(1), np.ones(1)
    w, m = won[seen].to_numpy(float), n[seen].to_numpy(float)
    mean = _mean(w, m)
    fits = np.array([_likelihood(mean, strength, w, m) for strength in STRENGTHS])
    typical = len(m) / (1 / m).sum()
    chances = np.exp(fits - fits.max()) * STRENGTHS / (typical + STRENGTHS) ** 2
    return mean, STRENGTHS, chances / chances.sum()


def shrunk_means(estimate: pd.Series, error: pd.Series | np.ndarray, level: float = 0.9) -> pd.DataFrame:
    """Estimates of groups, each drawn to the mean of all by as much as its own error leaves it in doubt.

    The groups' true values are taken as draws from one normal distribution whose mean is flat and whose spread is
    averaged over, weighted by likelihood and a flat prior of the standard deviation (Gelman 2006, Bayesian Analysis 1).
    With fewer than three groups nothing is shrunk.

    Parameters
    ----------
    estimate : Series
        Each group's estimate, in any unit.
    error : Series or array
        Their standard errors, or the matrix of their variances and covariances.

    Returns
    -------
    DataFrame
        On the index of `estimate`: `value` (posterior mean), `low`, `high` (posterior quantiles).

    Examples
    --------
    >>> shrunk_means(pd.Series([1.0, 2.0, 9.0]), pd.Series([0.1, 0.1, 9.0]))["value"].round(1).tolist()
    [1.0, 2.0, 3.1]
    """
    y, errors = estimate.to_numpy(float), np.asarray(error, dtype=float)
    variance = _invertible(np.diag(errors**2) if errors.ndim == 1 else errors, y)
    typical = 1 / np.mean(1 / np.diag(variance)) if len(y) else 1.0
    between = typical * np.r_[0.0, np.geomspace(1e-3, 1e4, 60)] if len(y) >= FEWEST_GROUPS else np.array([np.inf])
    fits, middle, spread = zip(*(_drawn(y, variance, b) for b in between), strict=True)
    chances = np.exp(np.array(fits) - max(fits)) * _prior_weights(between)
    middle, spread, chances = np.array(middle).T, np.array(spread).T, chances / chances.sum()
    ends = [normal_quantile(middle, spread, chances, 0.5 + side * level / 2) for side in (-1, 1)]
    return pd.DataFrame({"value": middle @ chances, "low": ends[0], "high": ends[1]}, index=estimate.index)


def ratio(part: pd.Series, whole: pd.Series) -> tuple[float, float]:
    """Σ part ÷ Σ whole over customers, say, and its standard error were these a sample of many (Cochran 1977, 6.4).

    >>> value, error = ratio(pd.Series([8.0, 10.0, 12.0]), pd.Series([10.0, 10.0, 10.0]))
    >>> value, round(error, 4)  # 1, √(3 ÷ 2 × (2² + 0² + 2²)) ÷ 30
    (1.0, 0.1155)
    """
    n, total = len(whole), float(whole.sum())
    if n < 2 or not total > 0:
        return np.nan, np.nan
    value = float(part.sum()) / total
    return value, float(np.sqrt(n / (n - 1) * ((part - value * whole) ** 2).sum()) / total)


def growth(now, before):
    """Growth on a year before, or on whatever else: now ÷ before − 1 (ratio); missing where the base is not above zero.

    On a negative base, or none, a rate of growth says nothing: amounts are given instead. Nor does it on one that is nothing beside
    what is held against it: less than a hundredth of it, where a rate would be in tens of thousands of per cent.

    Parameters
    ----------
    now, before : number or Series

    Examples
    --------
    >>> growth(120.0, 100.0).round(3), growth(-20.0, 100.0).round(3)
    (np.float64(0.2), np.float64(-1.2))
    >>> [bool(np.isnan(growth(now, before))) for now, before in ((5.0, -5.0), (5.0, 0.0), (-5.0, -5.0), (500.0, 1.0))]
    [True, True, True, True]
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        rate = np.divide(now, before) - 1
    sound = (before > 0) & (np.abs(now) <= LARGEST * np.abs(before))
    return rate.where(sound) if isinstance(rate, pd.Series) else rate if sound else np.float64(np.nan)


def difference(now, before):
    """By how much a figure lies above another, in their unit: now − before; missing where either is.

    Parameters
    ----------
    now, before : number or Series

    Examples
    --------
    >>> difference(120.0, 100.0)
    20.0
    """
    return now - before


def discovered(z: pd.Series, rate: float = 0.1) -> pd.Series:
    """Tell which of many z-scores are findings at a false discovery rate (Benjamini and Hochberg 1995).

    >>> discovered(pd.Series([4.0, 0.3, -2.4, 1.7])).tolist()
    [True, False, True, False]
    """
    p = 2 * ndtr(-z.abs().fillna(0))
    order = p.sort_values()
    passed = order[order <= rate * np.arange(1, len(order) + 1) / max(len(order), 1)]
    return p <= (passed.max() if len(passed) else -1)


def median_interval(values: pd.Series, level: float = 0.9) -> tuple[float, float, float]:
    """Median and its interval by order statistics, which holds for any distribution (David and Nagaraja 2003, 7.1).

    Returns
    -------
    tuple
        `median`, `low`, `high` in the unit of `values`; the interval is missing where the rows are too few for it.

    Examples
    --------
    >>> tuple(float(x) for x in median_interval(pd.Series(range(1, 11)), level=0.95))
    (5.5, 2.0, 9.0)
    """
    ordered = np.sort(values.dropna().to_numpy(float))
    n = len(ordered)
    if not n:
        return np.nan, np.nan, np.nan
    # The r-th smallest and r-th largest value enclose the median unless fewer than r values fall on one side of it.
    r = int((bdtr(np.arange(n // 2), n, 0.5) <= (1 - level) / 2).sum())
    ends = (ordered[r - 1], ordered[n - r]) if r else (np.nan, np.nan)
    return float(np.median(ordered)), *ends


def _invertible(variance: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Widen variances that leave no doubt at all in some direction, by next to nothing: such a matrix has no inverse."""
    if not len(y):
        return variance
    least = np.linalg.eigvalsh(variance)[0]
    floor = 1e-9 * max(np.diag(variance).max(), y.var(), 1e-9)
    return variance if least >= floor else variance + (floor - least) * np.eye(len(y))


def _mean(won: np.ndarray, n: np.ndarray) -> float:
    """Give the most likely mean of the groups' rates, whatever their spread."""
    pooled = won.sum() / n.sum()
    start = [np.log(pooled / (1 - pooled)), np.log(n.mean())]
    bounds = [(-12, 12), (np.log(STRENGTHS[0]), np.log(STRENGTHS[-1]))]

    def loss(x):
        mean, strength = expit(x[0]), np.exp(x[1])
        a, b = mean * strength, (1 - mean) * strength
        both = digamma(a + b) - digamma(n + a + b)
        by_a, by_b = (digamma(won + a) - digamma(a) + both).sum(), (digamma(n - won + b) - digamma(b) + both).sum()
        slope = [mean * (1 - mean) * strength * (by_a - by_b), strength * (mean * by_a + (1 - mean) * by_b)]
        return -_likelihood(mean, strength, won, n), -np.array(slope)

    return float(expit(minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options=CLOSE).x[0]))


def _likelihood(mean: float, strength: float, won: np.ndarray, n: np.ndarray) -> float:
    a, b = mean * strength, (1 - mean) * strength
    return float((betaln(won + a, n - won + b) - betaln(a, b)).sum())


def _quantile(a: np.ndarray, b: np.ndarray, weights: np.ndarray, chance: float) -> np.ndarray:
    """Give the quantile of each row's mixture of beta distributions, by halving."""
    low, high = np.zeros(len(a)), np.ones(len(a))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = betainc(a, b, middle[:, None]) @ weights < chance
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def _drawn(y: np.ndarray, variance: np.ndarray, between: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Give, for one spread between the groups, its log likelihood, and each group's posterior mean and deviation."""
    if np.isinf(between):
        return 0.0, y, np.sqrt(np.diag(variance))
    whole = variance + between * np.eye(len(y))
    inverse = np.linalg.inv(whole)
    doubt = 1 / inverse.sum()
    left = y - doubt * (inverse @ y).sum()
    fit = 0.5 * (np.log(doubt) - np.linalg.slogdet(whole)[1] - left @ inverse @ left)
    drawn = variance @ inverse
    posterior = variance - drawn @ variance + doubt * np.outer(drawn.sum(axis=1), drawn.sum(axis=1))
    return fit, y - drawn @ left, np.sqrt(np.diag(posterior).clip(min=0))


def _prior_weights(between: np.ndarray) -> np.ndarray:
    """Give the weight of each variance between groups where their standard deviation has a flat prior."""
    return np.gradient(np.sqrt(between)) if len(between) > 1 else np.ones(1)


def normal_quantile(middle: np.ndarray, spread: np.ndarray, weights: np.ndarray, chance: float) -> np.ndarray:
    """Quantile of each row's mixture of normal distributions, by halving.

    >>> normal_quantile(np.array([[0.0, 0.0]]), np.array([[1.0, 1.0]]), np.array([0.5, 0.5]), 0.95).round(3).tolist()
    [1.645]
    """
    low, high = (middle - 9 * spread).min(axis=1), (middle + 9 * spread).max(axis=1)
    for _ in range(2 * HALVINGS):
        half = (low + high) / 2
        below = ndtr((half[:, None] - middle) / np.maximum(spread, 1e-300)) @ weights < chance
        low, high = np.where(below, half, low), np.where(below, high, half)
    return (low + high) / 2
