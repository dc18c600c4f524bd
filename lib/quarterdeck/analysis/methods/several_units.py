"""What did one or several treated units do, all from the same period on, that a mix of others did not?

The treated units are one set. Sets of as many untreated units are its placebos, in the window after the start and in earlier
windows of the same length. All sets go the same way at every step, so no choice can favour the treated one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from quarterdeck.analysis.methods import mixes
from quarterdeck.analysis.methods.mixes import Sets

DIFFERENCE = "difference in differences"
SYNTHETIC_DIFFERENCE = "synthetic difference in differences"
AUGMENTED = "augmented synthetic control"
DONORS, FIT, ROOM = 10, 20, 3  # from so many untreated units, periods before, and periods before for each after
FEWEST, WINDOWS, SETS = 3, 5, 60  # earlier windows tried, at least and at most; placebo sets sought from two treated on
PRIOR = 10  # periods that all sets' noise counts beside a set's own
CLOSE, EXACT = mixes.CLOSE, 1e-7  # precision of weights: to choose among courses, and of a design that is named
POWER = 0.8  # part of cases in which an effect is to be found


class Course(NamedTuple):
    """One way to what would have been: its design, whether each treated unit gets weights of its own, how strongly an
    augmentation is held down (infinitely: none), and whether periods before get weights."""

    design: str
    own: bool = False
    ridge: float = np.inf
    timed: bool = False


COURSES = (
    Course(DIFFERENCE),
    Course(SYNTHETIC_DIFFERENCE, timed=True),
    Course(SYNTHETIC_DIFFERENCE),
    Course(SYNTHETIC_DIFFERENCE, own=True, timed=True),
    Course(AUGMENTED),
    Course(AUGMENTED, ridge=0.5),
    Course(AUGMENTED, ridge=0.1),
    Course(AUGMENTED, own=True),
)


@dataclass(frozen=True)
class Trial:
    """Units × periods on the scale on which effects add up; who is treated, how much each unit counts, periods before, and
    how many units a set has."""

    values: np.ndarray
    treated: np.ndarray
    weight: np.ndarray
    before: int
    size: int  # units in a set

    @property
    def after(self) -> int:
        """Periods from the start on."""
        return self.values.shape[1] - self.before


class Tried(NamedTuple):
    """What a course finds: `effects` and `spread` (mean, and root mean square, of the gaps) by window and set, and each set's
    `noise` (root mean square of its gaps before the start); the last window is the real one, the last set the treated one.
    `gaps` of the treated set by period; `sets` of units."""

    course: Course
    effects: np.ndarray
    spread: np.ndarray
    noise: np.ndarray
    gaps: np.ndarray
    sets: np.ndarray

    @property
    def z(self) -> np.ndarray:
        """Effects over each set's noise before."""
        return self.effects / self.noise

    @property
    def placebos(self) -> np.ndarray:
        """Size of all `z` but the real one."""
        others = np.abs(self.z.ravel()[:-1])
        return others[np.isfinite(others)]


class Judged(NamedTuple):
    """An effect, half its 90 % interval, p, the smallest effect found in 80 % of cases, and an error for Student's t of `df`."""

    effect: float
    reach: float
    p: float
    detectable: float
    error: float
    df: float


def suits(treated: np.ndarray, before: int, after: int) -> bool:
    """Tell whether a panel with one start holds enough for the choice of a course: ten untreated units and twice as many as
    treated ones, twenty periods before, and three for each one after."""
    others = (~treated).sum()
    return bool(others >= max(DONORS, 2 * treated.sum()) and before >= max(FIT, ROOM * after))


def tried(trial: Trial, designs: tuple[str, ...] = (), close: float = CLOSE, sets: np.ndarray | None = None) -> Tried:
    """Try all courses in earlier windows, and go the one that strays least there; this is the whole rule of choice.

    A course's straying is the root mean square, over all sets, treated and untreated, and all windows before the start, of
    the effects it finds there, where nothing was done, each over the set's scatter by difference in differences.

    Parameters
    ----------
    trial : Trial
    designs : tuple of str
        Only courses of these designs; all if empty.
    close : float
        Precision of the weights (`mixes.Sets`).
    sets : ndarray
        Sets × units, bool, all of the trial's size; those of `placebo_sets`, the treated one last, if not given.

    Returns
    -------
    Tried
        Of the course gone.
    """
    sets = placebo_sets(trial) if sets is None else sets
    cuts = [*_cuts(trial.before, trial.after), trial.before]
    found: dict[Course, list[np.ndarray]] = {}
    for cut in cuts:
        for course, gaps in _gaps(trial, sets, cut, designs, close):
            found.setdefault(course, []).append(gaps)
    plain = _scatter(trial, sets)
    spans = [slice(cut, cut + trial.after) for cut in cuts]
    effects = {
        c: np.array([g[:, s].mean(axis=1) for g, s in zip(all_, spans, strict=True)]) for c, all_ in found.items()
    }
    stray = {
        course: np.nan_to_num(np.nanmean((e[:-1] / plain) ** 2)) if len(cuts) > 1 else 0.0
        for course, e in effects.items()
    }
    course = min(stray, key=stray.get)
    real = found[course][-1]
    spread = np.sqrt([(g[:, s] ** 2).mean(axis=1) for g, s in zip(found[course], spans, strict=True)])
    return Tried(course, effects[course], spread, _noise(real[:, : trial.before]), real, sets)


def judge(tried: Tried, before: int, level: float) -> Judged:
    """Hold the treated set's effect against the placebos: sets in space, and the same sets in earlier windows.

    The p value is the share of |effect| over noise, the treated set's own included, that is no smaller than the treated set's
    (Abadie, Diamond and Hainmueller 2010, over windows too), interpolated between two placebos so that it has no steps; the
    interval holds all effects which, taken off, leave p above 1 − `level`. Both are missing without placebos, the interval
    where there are too few for it.
    """
    effect, noise, size = tried.effects[-1, -1], tried.noise[-1], int(tried.sets[-1].sum())
    falling = np.sort(tried.placebos)[::-1]
    rank = (1 - level) * (1 + len(falling))
    reach = noise * np.interp(rank, np.arange(len(falling)) + 1, falling) if rank >= 1 and len(falling) else np.nan
    p = _share(abs(effect) / noise, falling) if len(falling) and noise > 0 else np.nan
    df = 1 / (size / max((~tried.sets[-1]).sum(), 1) + 1 / max(before - 1, 1))
    error = reach / student.ppf(0.5 + level / 2, df)
    least = reach + noise * np.quantile(falling, 2 * POWER - 1) if len(falling) else np.nan
    return Judged(effect, reach, p, least, error, df)


def _share(z: float, falling: np.ndarray) -> float:
    """Give which share of falling placebos and `z` itself is no smaller than `z`, interpolated.

    >>> falling = np.array([4.0, 2.0, 1.0])
    >>> [float(round(_share(z, falling), 3)) for z in (0.0, 1.0, 3.0, 4.0, 8.0)]
    [1.0, 0.75, 0.375, 0.25, 0.125]
    """
    whole = len(falling) + 1
    if z >= falling[0]:
        return float(falling[0] / z / whole)
    return float(np.interp(z, np.r_[0.0, falling[::-1]], np.arange(whole, 0, -1)) / whole)


def placebo_sets(trial: Trial) -> np.ndarray:
    """Give sets × units, bool: as many untreated units as are treated, each as often as any other, and the treated set last.

    Members stand as far apart in the order of units as the set's stride; strides grow until there are enough sets.
    """
    others, size = np.flatnonzero(~trial.treated), trial.size
    found: dict[frozenset, None] = {}
    for stride in range(1, len(others) if size > 1 else 2):
        for first in range(len(others)):
            found.setdefault(frozenset((first + stride * np.arange(size)) % len(others)))
        if len(found) >= SETS:
            break
    whole = [sorted(members) for members in found if len(members) == size < len(others)]
    sets = np.zeros((len(whole) + 1, len(trial.treated)), dtype=bool)
    for row, members in zip(sets, whole, strict=False):
        row[others[members]] = True
    sets[-1] = trial.treated
    return sets


def _cuts(before: int, length: int) -> list[int]:
    """Give the starts of earlier windows of the same length, the first with half of the time before to look at.

    They overlap only where there would be fewer than three.

    >>> _cuts(90, 15), _cuts(90, 30), _cuts(19, 12)
    ([45, 60, 75], [46, 53, 60], [])
    """
    room = before - length - before // 2
    step = length if room >= (FEWEST - 1) * length else max(1, room // (FEWEST - 1))
    return list(range(before - length, before // 2 - 1, -step))[:WINDOWS][::-1]


def _scatter(trial: Trial, sets: np.ndarray) -> np.ndarray:
    """Give the root mean square of each set's gaps before the start by difference in differences."""
    joint = _joint(trial, sets, trial.before)
    own = np.sqrt((joint.moved(joint.even)[:, : trial.before] ** 2).mean(axis=1))
    return np.where(own > 0, own, np.nan)


def _joint(trial: Trial, sets: np.ndarray, cut: int, close: float = CLOSE) -> Sets:
    shares = sets * trial.weight
    shares = shares / shares.sum(axis=1, keepdims=True)
    values = trial.values[:, : cut + trial.after]
    return Sets(values, shares, ~sets & ~trial.treated, cut, trial.weight, trial.size, close)


def _each(joint: Sets, sets: np.ndarray) -> Sets:
    """Give each member of each set as a set of its own, with the donors of its set."""
    rows, members = np.nonzero(sets)
    shares = np.zeros((len(rows), sets.shape[1]))
    shares[np.arange(len(rows)), members] = 1.0
    return Sets(joint.values, shares, joint.donors[rows], joint.seen, joint.weight, 1, joint.close)


def _gaps(
    trial: Trial, sets: np.ndarray, cut: int, designs: tuple[str, ...], close: float
) -> Iterator[tuple[Course, np.ndarray]]:
    """Give each course with its gaps in a window, sets × periods."""
    joint = _joint(trial, sets, cut, close)
    for own in (False, True) if trial.size > 1 else (False,):
        whose = _each(joint, sets) if own else joint
        asked = [c for c in COURSES if c.own == own and (not designs or c.design in designs)]
        for course, gaps in _followed(whose, asked, trial.after):
            share = (joint.shares[sets] if own else np.ones(len(sets)))[:, None]
            yield course, (share * gaps).reshape(len(sets), -1, gaps.shape[1]).sum(axis=1)


def _followed(sets: Sets, courses: list[Course], length: int) -> Iterator[tuple[Course, np.ndarray]]:
    """Give each course with its gaps, those before about zero."""
    held = mixes.unit_weights(sets, length) if any(c.design == SYNTHETIC_DIFFERENCE for c in courses) else None
    free = mixes.synthetic(sets, 1e-3 * sets.noise**2, held) if any(c.design == AUGMENTED for c in courses) else None
    for course in courses:
        weights = {DIFFERENCE: sets.even, SYNTHETIC_DIFFERENCE: held, AUGMENTED: free}[course.design]
        if np.isfinite(course.ridge):
            weights = mixes.augmented(sets, weights, course.ridge)
        if not course.timed:
            yield course, sets.moved(weights)
            continue
        gaps = sets.gaps(weights)
        yield course, gaps - (gaps[:, : sets.seen] * mixes.time_weights(sets, length)).sum(axis=1, keepdims=True)


def _noise(past: np.ndarray) -> np.ndarray:
    """Give the root mean square of each set's gaps before, drawn to that of all sets by a few periods."""
    own = (past**2).mean(axis=1)
    drawn = np.sqrt((past.shape[1] * own + PRIOR * own.mean()) / (past.shape[1] + PRIOR))
    return np.where(drawn > 0, drawn, np.nan)
