"""Where does exponential smoothing carry many series, over all its forms and parameters at once?

Every series is filtered by a grid of models together, and what each says counts by how well it has followed the series so far. One
pass over the values gives the forecasts from today and from every past day.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

# The grids: evenly in what a parameter does, as coarse as a mean over them allows. Set by judgement; the whole is measured by
# benchmarks/forecasting.py.
LEVELS = (0.02, 0.06, 0.12, 0.22, 0.35, 0.5, 0.7, 0.95)  # how far a level follows an error
GROWTHS = (0.04, 0.12, 0.35)  # parts of that by which a trend follows
DAMPED = (0.8, 0.9, 0.97, 1.0)  # what a trend keeps of itself from period to period
DRIFTS = (0.25, 0.5, 0.75, 1.0)  # parts of the mean growth that a drift keeps
THETAS = (
    0.35,
    0.5,
    0.65,
    0.8,
    1.0,
)  # the same, of Theta: 1 − 1 ÷ θ, one half where θ is two, one where it is the line itself
MOVING, SLOWLY = (0.0, 0.05, 0.2, 0.5), (0.0, 0.15)  # how far a season follows an error

HEARD = 0.5  # how far a likelihood is believed, as a power: neighbours on the grid are no independent witnesses
FADE = 0.8  # what a season counts for, of its figures, against the one after it
BEGUN = 10  # first periods that a trend begins from
CELLS, STATES = (
    60_000,
    4_000_000,
)  # filters, and numbers of a season's state, that are held at a time: memory stays flat
LONGEST = (100, 20, 520)  # periods that are looked back at least; seasons; periods at most
HIGHEST = 2.0  # ranges above its highest value that a series is never carried beyond


class Form(NamedTuple):
    """One family of models: the scale it works on, whether its season is a factor, and which parameters it tries."""

    logarithms: bool
    factor: bool
    theta: bool


FORMS = {
    "ETS, additive": Form(False, False, False),
    "ETS, multiplicative": Form(False, True, False),
    "ETS, logarithms": Form(True, False, False),
    "Theta": Form(False, True, True),
}


class Paths(NamedTuple):
    """What each form says, a row per series and day that it is asked from: `said` and `claimed`, its own standard deviation;
    both forms × rows × steps, in the unit of the values."""

    said: np.ndarray
    claimed: np.ndarray


class _Rows(NamedTuple):
    values: np.ndarray  # series × periods, oldest first, missing after a series' end
    lengths: np.ndarray
    season: np.ndarray  # series × periods in a season, by place from the first period


def paths(held: list[np.ndarray], unseen: list[list[int]], season: int, steps: int, jobs: int = 1) -> Paths:
    """Carry every series on from one or more days by every form of exponential smoothing.

    A form is run with each of its parameters on a grid, and their forecasts are averaged by their likelihoods (Bayesian model
    averaging: Hoeting et al. 1999, Statistical Science 14, 382) less half of what AICc asks for a parameter; the likelihoods are
    tempered. The forms are those of Hyndman et al. (2002, International Journal of Forecasting 18, 439), with an additive season, a
    season that is a factor, and on logarithms; Theta is smoothing with a part of the mean growth as its drift (Hyndman and Billah
    2003, ibid. 19, 287; Assimakopoulos and Nikolopoulos 2000, ibid. 16, 521). A season begins as `seasons` gives it, by what was
    seen on the first of the days. A series that is not above zero throughout is additive in every form.

    Parameters
    ----------
    held : list of ndarray
        Values of each series, oldest first, none missing.
    unseen : list of list of int
        Per series, how many of its last periods each day does not see, the most first.
    season, steps, jobs : int
        Periods in a season, and to look ahead; threads to work in.

    Returns
    -------
    Paths
        Rows in the order of `held`, and within a series in that of `unseen`.
    """
    owner = np.repeat(np.arange(len(held)), [len(days) for days in unseen])
    short = [_latest(values, days[0], season) for values, days in zip(held, unseen, strict=True)]
    ends = np.array([len(short[k]) - late for k, days in enumerate(unseen) for late in days])
    positive = np.array([values.min() > 0 for values in short])
    shape = (len(FORMS), len(owner), steps)
    found = Paths(np.zeros(shape), np.zeros(shape))
    asked = [
        (place, how, chosen)
        for place, form in enumerate(FORMS.values())
        for on, how in ((positive, form), (~positive, Form(False, False, form.theta)))
        for chosen in _chunks(np.flatnonzero(on), short, season, how)
    ]

    def carry(place: int, how: Form, chosen: np.ndarray) -> None:
        rows = np.flatnonzero(np.isin(owner, chosen))
        local = np.searchsorted(chosen, owner[rows])
        parts = _carried([short[k] for k in chosen], local, ends[rows], season, steps, how)
        for whole, part in zip(found, parts, strict=True):
            whole[place, rows] = part

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda job: carry(*job), asked))
    return found


def seasons(values: np.ndarray, lengths: np.ndarray, season: int) -> np.ndarray:
    """Give each series' season by place from its first period, shrunk towards none as far as its years differ.

    The mean distance from a centred moving average of a season, where a season counts FADE of the one after it, times one less its
    noise in parts of its variance (James and Stein; Miller and Williams 2003, International Journal of Forecasting 19, 669).

    Parameters
    ----------
    values : ndarray
        Series × periods, missing after a series' end.
    lengths : ndarray
        Periods of each series.

    Returns
    -------
    ndarray
        Series × places, in the unit of `values`, each row adding up to zero; zeros where a series is too short for a season.

    Examples
    --------
    >>> seasons(np.tile([1.0, 3.0], 6)[None], np.array([12]), 2).round(3).tolist()
    [[-1.0, 1.0]]
    """
    if season == 1 or values.shape[1] < season + 2:
        return np.zeros((len(values), season))
    off = _off_average(values, season)
    back = ((lengths - 1) // season)[:, None, None] - np.arange(off.shape[1])[None, :, None]
    heard = np.where(np.isfinite(off), FADE ** np.maximum(back, 0.0), 0.0)
    weight, count = heard.sum(axis=1), np.isfinite(off).sum(axis=(1, 2))
    mean = (heard * np.nan_to_num(off)).sum(axis=1) / np.maximum(weight, 1e-12)
    mean = mean - mean.mean(axis=1, keepdims=True)
    left = np.where(heard > 0, off - mean[:, None], 0.0)
    worth = weight.sum(axis=1) ** 2 / np.maximum((heard**2).sum(axis=(1, 2)), 1e-12) / season  # years
    noise = (left**2).sum(axis=(1, 2)) / np.maximum(count - season, 1) / np.maximum(worth, 1e-9)
    variance = np.maximum((mean**2).sum(axis=1) / (season - 1), 1e-300)
    part = np.clip(1 - max(season - 3, 1) / (season - 1) * noise / variance, 0, 1)
    enough = (weight > 0).all(axis=1) & (count >= season + max(2, season // 4))
    return mean * np.where(enough, part, 0.0)[:, None]


def _off_average(values: np.ndarray, season: int) -> np.ndarray:
    """Give how far values are off their centred moving average: series × seasons × places; missing at the ends."""
    width = season + 1 - season % 2
    part = np.ones(width)
    part[[0, -1]] = 1.0 if season % 2 else 0.5
    around, edge = np.lib.stride_tricks.sliding_window_view(values, width, axis=1) @ (part / part.sum()), width // 2
    off = np.full((len(values), values.shape[1] + -values.shape[1] % season), np.nan)
    off[:, edge : edge + around.shape[1]] = values[:, edge : edge + around.shape[1]] - around
    return off.reshape(len(values), -1, season)


def _latest(values: np.ndarray, late: int, season: int) -> np.ndarray:
    """Give what is looked back at: from the oldest day, so many periods and no more."""
    least, times, most = LONGEST
    return values[-(max(least, min(times * season, most), 2 * season + 1) + late) :]


def _chunks(places: np.ndarray, held: list[np.ndarray], season: int, form: Form) -> list[np.ndarray]:
    """Divide series into parts of about one length, each small enough for memory and a processor's cache."""
    count = len(_grid(form, season > 1))
    size = max(min(CELLS // count, STATES // (count * season)), 1)
    ordered = places[np.argsort([-len(held[k]) for k in places], kind="stable")]
    return [np.sort(ordered[k : k + size]) for k in range(0, len(ordered), size)]


def _grid(form: Form, seasonal: bool) -> np.ndarray:
    """Give the models of a form: level, trend, damping, season, mean growth kept (below zero: a trend of its own)."""
    moving = (SLOWLY if form.theta else MOVING) if seasonal else (0.0,)
    if form.theta:
        return np.array([(a, 0, 1, g, part) for a in LEVELS for g in moving for part in THETAS], dtype=float)
    trends = [(0, 1, 0.0)] + [(0, 1, part) for part in DRIFTS] + [(b, d, -1.0) for b in GROWTHS for d in DAMPED]
    return np.array([(a, a * b, d, g, part) for a in LEVELS for g in moving for b, d, part in trends], dtype=float)


def _carried(
    held: list[np.ndarray], owner: np.ndarray, ends: np.ndarray, season: int, steps: int, form: Form
) -> tuple[np.ndarray, np.ndarray]:
    """Carry series of about one length on by one form, from the ends asked for; in their own unit again."""
    lengths = np.array([len(v) for v in held])
    values = np.full((len(held), lengths.max()), np.nan)
    for row, v in zip(values, held, strict=True):
        row[: len(v)] = np.log(v) if form.logarithms else v
    oldest = np.array([ends[owner == k].min() for k in range(len(held))])
    known = np.where(np.arange(values.shape[1]) < oldest[:, None], values, np.nan)
    middle = np.nanmean(known, axis=1, keepdims=True) if form.logarithms else np.zeros((len(held), 1))
    unit = np.ones_like(middle) if form.logarithms else np.nanmean(np.abs(known), axis=1, keepdims=True)
    unit = np.where(unit > 0, unit, 1.0)
    values, known = (values - middle) / unit, (known - middle) / unit
    first = seasons(np.log(known) if form.factor else known, oldest, season)
    grid = _grid(form, bool(first.any()))
    rows = _Rows(values, lengths, np.exp(first) if form.factor else first)
    states = _filtered(rows, known, oldest, owner, ends, grid, form.factor)
    said, claimed = _ahead(states, grid, ends, steps, form.factor)
    said, claimed = said * unit[owner] + middle[owner], claimed * unit[owner]
    return _held_in(said, claimed, [held[k][:e] for k, e in zip(owner, ends, strict=True)], form)


def _held_in(
    said: np.ndarray, claimed: np.ndarray, seen: list[np.ndarray], form: Form
) -> tuple[np.ndarray, np.ndarray]:
    """Give paths as values, none below zero where none was, nor far above the highest."""
    low = np.array([[0.0 if v.min() >= 0 else -np.inf] for v in seen])
    high = np.array([[v.max() + HIGHEST * np.ptp(v)] for v in seen])
    if form.logarithms:
        said = np.minimum(np.exp(np.minimum(said, 700.0)), high)
        claimed = claimed * said
    return np.clip(said, low, high), claimed


class _States(NamedTuple):
    level: np.ndarray
    trend: np.ndarray
    season: np.ndarray  # places × rows × models
    squares: np.ndarray


def _filtered(
    rows: _Rows,
    known: np.ndarray,
    oldest: np.ndarray,
    owner: np.ndarray,
    ends: np.ndarray,
    grid: np.ndarray,
    factor: bool,
) -> _States:
    """Run every model over every series, and keep its state at the ends asked for."""
    order = np.argsort(-rows.lengths, kind="stable")
    rank = np.argsort(order, kind="stable")[owner]
    values, lengths, season = rows.values[order].astype(np.float32), rows.lengths[order], rows.season[order]
    now = _begun(known[order], oldest[order], season, grid, factor)
    kept = _States(*(np.zeros((*a.shape[:-2], len(owner), len(grid)), np.float32) for a in now))
    level, trend, damped, moving = (grid[:, k].astype(np.float32) for k in (0, 1, 2, 3))
    moving, places = moving * (1 - level), len(now.season)
    for t in range(values.shape[1] + 1):
        for whole, part in zip(kept, now, strict=True):
            whole[..., ends == t, :] = part[..., rank[ends == t], :]
        there = int((lengths > t).sum())
        if not there:
            break
        at, by, s = now.level[:there], now.trend[:there], now.season[t % places, :there]
        by *= damped
        at += by
        error = values[:there, t, None] / s - at if factor else values[:there, t, None] - at - s
        if t:
            off = error * s if factor else error
            now.squares[:there] += off * off
        at += level * error
        by += trend * error
        if moving.any():
            s += moving * (error * s / np.maximum(np.abs(at), 0.05) if factor else error)
    return kept


def _begun(known: np.ndarray, oldest: np.ndarray, season: np.ndarray, grid: np.ndarray, factor: bool) -> _States:
    """Give where every model begins: at the first periods' mean, or on the line through them."""
    place = np.arange(known.shape[1]) % season.shape[1]
    plain = known / season[:, place] if factor else known - season[:, place]
    _, growth = _line(plain, oldest)
    level, trend = _line(plain[:, :BEGUN], np.minimum(oldest, BEGUN))
    first = np.nanmean(plain[:, : max(season.shape[1], 4)], axis=1)
    drift = np.maximum(grid[:, 4], 0)
    own = grid[:, 4] < 0
    levels = np.where(own, (level - trend)[:, None], first[:, None] - np.outer(growth, drift) * 2.5)
    trends = np.where(own, trend[:, None], np.outer(growth, drift))
    wide = np.repeat(season.T[:, :, None], len(grid), axis=2)
    return _States(*(a.astype(np.float32) for a in (levels, trends, wide, np.zeros_like(levels))))


def _line(values: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the line of least squares through each series' first periods: at the first one, and its slope."""
    t = np.arange(values.shape[1])
    there = t < lengths[:, None]
    middle = (lengths - 1) / 2
    off, values = np.where(there, t - middle[:, None], 0.0), np.where(there, values, 0.0)
    slope = (off * values).sum(axis=1) / np.maximum((off**2).sum(axis=1), 1e-12)
    return values.sum(axis=1) / lengths - slope * middle, slope


def _worth(squares: np.ndarray, ends: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Give what each model counts for, rows × models."""
    count = np.maximum(ends - 1, 1)[:, None].astype(float)
    own = grid[:, 4] < 0
    asked = 2.0 + (grid[:, 3] > 0) + np.where(own, 2 + (grid[:, 2] < 1), grid[:, 4] > 0)
    likely = -0.5 * count * np.log(squares / count + 1e-10) - asked * count / np.maximum(count - asked - 1, 1)
    prior = np.where(own, 1 / len(GROWTHS) / len(DAMPED), np.where(grid[:, 4] > 0, 1 / len(DRIFTS), 1.0))
    worth = prior * np.exp(HEARD * (likely - likely.max(axis=1, keepdims=True)))
    return (worth / worth.sum(axis=1, keepdims=True)).astype(np.float32)


def _ahead(
    states: _States, grid: np.ndarray, ends: np.ndarray, steps: int, factor: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Carry the models' states on, and average: rows × steps, and the standard deviation of each."""
    worth = _worth(states.squares, ends, grid)
    error = worth * states.squares / np.maximum(ends - 1, 1).astype(np.float32)[:, None]
    said, claimed = np.zeros((len(ends), steps)), np.zeros((len(ends), steps))
    kept, grown, variance = np.ones(len(grid)), np.zeros(len(grid)), np.ones(len(grid))
    for step in range(steps):
        kept = kept * grid[:, 2]
        grown = grown + kept
        season = states.season[(ends + step) % len(states.season), np.arange(len(ends))]
        path = states.trend * grown.astype(np.float32)
        path += states.level
        path = path * season if factor else path + season
        said[:, step] = np.einsum("rm,rm->r", worth, path)
        path -= said[:, step, None].astype(np.float32)
        claimed[:, step] = np.sqrt(error @ variance.astype(np.float32) + np.einsum("rm,rm,rm->r", worth, path, path))
        again = grid[:, 3] * (1 - grid[:, 0]) * ((step + 1) % len(states.season) == 0)
        variance = variance + (grid[:, 0] + grid[:, 1] * grown + again) ** 2
    return said, claimed
