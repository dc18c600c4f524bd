"""Which mix of untreated units would have moved as treated ones did? Weights for many sets of units at once.

Each set's mean is followed by its own mix of donors. All sets are solved together, as rows of one matrix: accelerated projected
gradients onto the simplex (Beck and Teboulle 2009, restarted as by O'Donoghue and Candès 2015), and ridges in closed form.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

STEPS, CLOSE = 300, 1e-3  # of the solver: at most so many, and until no weight moves by more
TINY = 1e-12  # a weight that is all but zero and may still rise


@dataclass(frozen=True)
class Sets:
    """Sets of units to be followed, each by its own donors.

    Parameters
    ----------
    values : ndarray
        Units × periods.
    shares : ndarray
        Sets × units: how much each unit counts in a set; a row adds up to one.
    donors : ndarray
        Sets × units, bool: which units a set's mix may hold.
    seen : int
        Periods from the first on that weights may look at.
    size : int
        Units in a set, which the ridge of `unit_weights` depends on.
    weight : ndarray
        How much a donor counts where none is chosen, by unit.
    close : float
        Solve until no weight moves by more in a step.
    """

    values: np.ndarray
    shares: np.ndarray
    donors: np.ndarray
    seen: int
    weight: np.ndarray
    size: int = 1
    close: float = CLOSE

    @cached_property
    def pool(self) -> np.ndarray:
        """Units that are a donor of any set."""
        return self.donors.any(axis=0)

    @cached_property
    def past(self) -> np.ndarray:
        """Units × periods seen, less each unit's mean and each period's mean of the pool."""
        past = self.values[:, : self.seen] - self.values[:, : self.seen].mean(axis=1, keepdims=True)
        return past - past[self.pool].mean(axis=0)

    @cached_property
    def pooled(self) -> np.ndarray:
        """`past` of the pool, zero for all others."""
        return self.past * self.pool[:, None]

    @cached_property
    def gram(self) -> np.ndarray:
        """Mean product of any two units of the pool over the periods seen."""
        return self.pooled @ self.pooled.T / self.seen

    @cached_property
    def top(self) -> float:
        """Largest eigenvalue of `gram`."""
        return float(np.linalg.eigvalsh(self.gram)[-1])

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the pool's steps from period to period (ζ's σ in Arkhangelsky et al. 2021)."""
        return float(np.diff(self.values[self.pool, : self.seen], axis=1).std(ddof=1)) if self.seen > 1 else 0.0

    @cached_property
    def even(self) -> np.ndarray:
        """Weights that choose no donor of a set: by how much each counts."""
        counted = self.donors * self.weight
        return counted / counted.sum(axis=1, keepdims=True)

    def gaps(self, weights: np.ndarray) -> np.ndarray:
        """Give sets × periods: each set less its mix, both less the pool's mean of each period."""
        return (self.shares - weights) @ (self.values - self.values[self.pool].mean(axis=0))

    def moved(self, weights: np.ndarray) -> np.ndarray:
        """Give the gaps less their mean over the periods seen."""
        gaps = self.gaps(weights)
        return gaps - gaps[:, : self.seen].mean(axis=1, keepdims=True)


def simplex(
    slope: Callable[[np.ndarray], np.ndarray], begun: np.ndarray, steepest: float, close: float = CLOSE
) -> np.ndarray:
    """Minimise convex functions over weights not below zero that add up to one, one function a row.

    Parameters
    ----------
    slope : callable
        Gives the gradient for each row of weights.
    begun : ndarray
        Rows of weights to begin from; one that is zero stays zero.
    steepest : float
        Largest curvature of any row's function.
    close : float
        Stop once no weight moves by more in a step.

    Returns
    -------
    ndarray
        Weights, as `begun`.
    """
    barred = np.where(begun > 0, 0.0, -np.inf)
    weights = ahead = begun
    pace = np.ones((len(begun), 1))
    for _ in range(STEPS * max(1, round(np.log10(CLOSE / close)) ** 2)):
        moved = projected(ahead - slope(ahead) / steepest + barred)
        back = ((ahead - moved) * (moved - weights)).sum(axis=1, keepdims=True) > 0
        pace = np.where(back, 1.0, pace)
        faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
        ahead = moved + np.where(back, 0.0, (pace - 1) / faster) * (moved - weights)
        done, weights, pace = np.abs(moved - weights).max() < close, moved, faster
        if done:
            break
    return weights


def projected(points: np.ndarray) -> np.ndarray:
    """Give each row's nearest point whose parts are not below zero and add up to one (Held, Wolfe and Crowder 1974).

    >>> projected(np.array([[0.7, 0.7, -np.inf], [3.0, 0.0, 1.0]])).round(3).tolist()
    [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]
    """
    falling = -np.sort(-points, axis=1)
    over = np.cumsum(np.where(np.isfinite(falling), falling, 0.0), axis=1) - 1
    count = (falling * np.arange(1, points.shape[1] + 1) > over).sum(axis=1)
    return np.maximum(points - (over[np.arange(len(points)), count - 1] / count)[:, None], 0.0)


def synthetic(sets: Sets, ridge: float, begun: np.ndarray | None = None) -> np.ndarray:
    """The weights whose mix follows each set's course nearest, levels aside.

    Parameters
    ----------
    sets : Sets
    ridge : float
        How strongly weights are drawn to be even; in the values' unit, squared.
    begun : ndarray
        Weights to begin from; even ones if not given.

    Returns
    -------
    ndarray
        Sets × units.
    """
    aim = sets.shares @ sets.past @ sets.pooled.T / sets.seen
    begun = sets.even if begun is None else np.where(sets.donors, np.maximum(begun, TINY), 0.0)
    return simplex(lambda w: w @ sets.gram + ridge * w - aim, begun, sets.top + ridge or 1.0, sets.close)


def unit_weights(sets: Sets, length: int) -> np.ndarray:
    """The unit weights of synthetic difference in differences (Arkhangelsky et al. 2021, eq. 4), for an effect over `length`
    periods: ζ = (units treated × periods after)^¼ × `noise`."""
    return synthetic(sets, np.sqrt(sets.size * length) * sets.noise**2)


def time_weights(sets: Sets, length: int) -> np.ndarray:
    """The weights of periods seen of synthetic difference in differences (Arkhangelsky et al. 2021, eq. 6), sets × periods.

    The ridge is theirs, next to nothing, where donors outnumber the periods seen; where periods outnumber donors so small a ridge
    would fit the donors' noise, and it is the `noise` itself.
    """
    values = np.where(sets.pool[:, None], sets.values - sets.values[sets.pool].mean(axis=0), 0.0)
    level = values[:, : sets.seen].mean(axis=1, keepdims=True)
    past, then = values[:, : sets.seen] - level, values[:, sets.seen : sets.seen + length].mean(axis=1) - level[:, 0]
    donors, which = np.unique(sets.donors, axis=0, return_inverse=True)
    count = donors.sum(axis=1, keepdims=True)
    ridge = sets.noise**2 * (1.0 if sets.seen >= count.max() else TINY)

    def slope(weights: np.ndarray) -> np.ndarray:
        off = (weights @ past.T - then) * donors
        return ((off - off.sum(axis=1, keepdims=True) / count) * donors) @ past / count + ridge * weights

    steepest = np.linalg.eigvalsh(past @ past.T)[-1] / count.min() + ridge
    begun = np.full((len(donors), sets.seen), 1 / sets.seen)
    return simplex(slope, begun, steepest or 1.0, sets.close)[which.ravel()]


def augmented(sets: Sets, weights: np.ndarray, ridge: float) -> np.ndarray:
    """The ridge augmentation of a synthetic control (Ben-Michael, Feller and Rothstein 2021, eq. 12): what its mix leaves open
    before is followed by weights that may be below zero.

    Parameters
    ----------
    sets : Sets
    weights : ndarray
        Of the synthetic control, sets × units.
    ridge : float
        How strongly the augmentation is drawn to nothing, as a part of the largest eigenvalue of the donors' products.

    Returns
    -------
    ndarray
        Sets × units; a row adds up to one but for what its own units' absence takes away.
    """
    left = (sets.shares @ sets.past - weights @ sets.pooled) @ sets.pooled.T / sets.seen * sets.donors
    inverse = np.linalg.inv(sets.gram + (ridge * sets.top or 1.0) * np.eye(len(sets.gram)))
    more = left @ inverse
    for row, barred in enumerate(~sets.donors & sets.pool):  # leave the set's own units out of its donors
        if barred.any():
            share = np.linalg.solve(inverse[np.ix_(barred, barred)], more[row, barred])
            more[row] -= inverse[:, barred] @ share
    return weights + more * sets.donors
