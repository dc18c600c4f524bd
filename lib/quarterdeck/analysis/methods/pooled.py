"""What do all series of a panel together say of the next periods of each?

One autoregression with a long memory is learned from every series at once, and then bent towards each series as far as its own
past supports it.
"""

from collections.abc import Iterator

import numpy as np

# Set with the engine, without a trial of other values on record. The mean over two memories stands in for the choice
# of one. The whole is measured by benchmarks/forecasting.py.
MEMORIES = (1.0, 2.0)  # multiples of a season and what lies ahead
PULL = 500.0  # windows of its own that a series needs to be heard as much as all others together
SHORTEST, LONGEST = 16, 120  # periods of memory
WINDOWS = 1000  # latest windows of a series that are learned from
RIDGE, ALONE = 0.01, 50.0  # how strongly coefficients are held to zero: a part of what is known, and windows' worth
RECENT = 5  # seasons that a series' usual change is taken from

# Guards, so that one wild series does not blow up the sums; set by judgement.
LEAST = 1e-9  # least ridge, where nothing moves: a constant series
ROOM = 2.0  # ranges above its highest value that a series is never forecast beyond
WILD = 30.0  # usual changes beyond which a window is an accident and is not learned from


def paths(histories: dict[str, np.ndarray], ahead: int, season: int) -> dict[str, np.ndarray]:
    """Forecast every series by an autoregression pooled over all of them, and shrunk towards the pool.

    Each window of a series is taken from its last value and divided by the series' usual change over a season, in logarithms
    where all its values are above zero. A ridge regression of the next `ahead` values on the window is learned from all series
    together, as in Montero-Manso and Hyndman (2021, International Journal of Forecasting 37, 1632); each series' coefficients
    are then those that its own windows ask for, drawn to the pooled ones (a normal prior, as in Lindley and Smith 1972, Journal
    of the Royal Statistical Society B 34, 1). The answer is the mean over two memories.

    Parameters
    ----------
    histories : dict of str to ndarray
        Values of each series, oldest first, none missing.
    ahead, season : int
        Periods to forecast, and in a season.

    Returns
    -------
    dict of str to ndarray
        `ahead` values for each series that is longer than the shortest memory.
    """
    found: dict[str, list[np.ndarray]] = {}
    length = int(np.median([len(v) for v in histories.values()])) if histories else 0
    for memory in memories(ahead, season, length):
        for name, path in _with_memory(histories, memory, ahead, season):
            found.setdefault(name, []).append(path)
    return {name: np.mean(runs, axis=0) for name, runs in found.items()}


def memories(ahead: int, season: int, length: int) -> list[int]:
    """Give the lengths of memory, in periods, for series of a middling length.

    >>> memories(12, 12, 60), memories(8, 4, 60), memories(13, 52, 900)
    ([25, 50], [16, 32], [66, 120])
    """
    whole = max(season + min(ahead, 2 * season) + 1, min(SHORTEST, length // 3))
    return sorted({min(round(part * whole), max(LONGEST, whole)) for part in MEMORIES})


def evidence(lengths: np.ndarray, ahead: int, season: int) -> float:
    """Give how many windows there are per coefficient that is to be learned, in series of these lengths.

    Parameters
    ----------
    lengths : ndarray
        Periods of each series.
    ahead, season : int
        Periods to forecast, and in a season.

    Returns
    -------
    float
        Windows over all series (at most WINDOWS each) per period of the shortest memory; zero without a series.
    """
    if not len(lengths):
        return 0.0
    memory = memories(ahead, season, int(np.median(lengths)))[0]
    return float(np.clip(lengths - memory - ahead + 1, 0, WINDOWS).sum() / memory)


def _with_memory(
    histories: dict[str, np.ndarray], memory: int, ahead: int, season: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Give each series' path by one length of memory; the windows of one series at a time are held."""
    long = {name: Scaled(values, season) for name, values in histories.items() if len(values) >= memory}
    gram, cross, weight, known = np.zeros((memory, memory)), np.zeros((memory, ahead)), 0.0, 0
    for own_gram, own_cross, windows in (scaled.moments(memory, ahead) for scaled in long.values()):
        if windows:
            root = windows**-0.5  # a long series is heard more than a short one, but not in proportion
            gram, cross, weight = gram + root * own_gram, cross + root * own_cross, weight + root * windows
            known += windows
    if not weight:
        return
    pooled = np.linalg.solve(_ridged(gram, max(RIDGE, ALONE / known)), cross)
    pull = PULL * _ridged(gram / weight, max(RIDGE, ALONE / known))
    for name, scaled in long.items():
        own_gram, own_cross, windows = scaled.moments(memory, ahead)
        own = np.linalg.solve(own_gram + pull, own_cross + pull @ pooled) if windows else pooled
        yield name, scaled.path(own)


class Scaled:
    """A series in units of its own usual change over a season: in logarithms where all its values are above zero.

    A class, because a series' windows and the forecast of its future must be in the same units.
    """

    def __init__(self, values: np.ndarray, season: int):
        self.logarithmic = bool(values.min() > 0)
        self.unit = 1.0 if self.logarithmic else float(np.abs(values).mean()) or 1.0
        self.floor = float(values.min()) / 10  # nothing is forecast further below what has been
        self.ceiling = float(
            values.max() + ROOM * np.ptp(values)
        )  # nor further above: logarithms of a wild series explode
        self.values = self.level(values)
        span = season if len(values) > season + 1 else 1
        moves = np.abs(self.values[span:] - self.values[:-span])[-RECENT * season :]
        self.change = float(moves.mean()) if len(moves) and moves.mean() > 1e-9 else max(float(self.values.std()), 1e-3)

    def level(self, values: np.ndarray) -> np.ndarray:
        """Give values on the scale on which changes are measured."""
        return np.log(np.maximum(values, self.floor)) if self.logarithmic else values / self.unit

    def value(self, levels: np.ndarray) -> np.ndarray:
        """Give levels as values again."""
        return np.minimum(np.exp(levels) if self.logarithmic else levels * self.unit, self.ceiling)

    def moments(self, memory: int, ahead: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Give the sums of squares and products of the series' windows, and how many there are."""
        if len(self.values) < memory + ahead:
            return np.zeros((memory, memory)), np.zeros((memory, ahead)), 0
        windows = np.lib.stride_tricks.sliding_window_view(self.values, memory + ahead)[-WINDOWS:]
        windows = (windows - windows[:, memory - 1 : memory]) / self.change
        windows = windows[np.abs(windows).max(axis=1) < WILD]
        before, after = windows[:, :memory], windows[:, memory:]
        return before.T @ before, before.T @ after, len(windows)

    def path(self, coefficients: np.ndarray) -> np.ndarray:
        """Carry the series forward, never further from where it has been than it has ranged."""
        last, low, high = self.values[-1], self.values.min(), self.values.max()
        window = (self.values[-len(coefficients) :] - last) / self.change
        return self.value(np.clip(last + self.change * (window @ coefficients), 2 * low - high, 2 * high - low))


def _ridged(gram: np.ndarray, ridge: float) -> np.ndarray:
    return gram + max(ridge * np.trace(gram) / len(gram), LEAST) * np.eye(len(gram))
