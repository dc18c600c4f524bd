"""Does knowing the calendar and the initiatives make forecasts of months and quarters more accurate?

What each moves is learned from all series of a panel together, taken out before they are forecast and put back after; only where
past forecasts would have been more accurate with it.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.signal import lfilter
from scipy.stats import t

from quarterdeck.analysis.methods import trading_days
from quarterdeck.analysis.methods.trading_days import CALENDAR

UNDERTAKEN = "initiatives"
SMOOTH = 0.6  # both moving averages of the airline model, which one-step errors are taken from
PULL = 200.0  # periods' worth by which a series is drawn to the panel's effects
HELD = 20.0  # the same, of the calendar's effects to zero
USUAL = 0.1  # by how much an initiative is believed to move what it covers, as a logarithm; half of the square is its kind's
SEEN, TRIED = 3, 8  # seasons that effects are learned from at least, and the last ones that they are tried on
WILD, RISK = 3.0, 0.05  # usual errors beyond which none counts more; how often chance may look like a gain
GAINS = ["way", "gain", "low", "n", "taken"]


class Errors(NamedTuple):
    """The one-step errors of a series, in usual ones, and what moves them, as seen after and as known before each."""

    rows: pd.Series
    after: np.ndarray
    before: np.ndarray


def factors(panel: pd.DataFrame, ahead: int, season: int, plans: pd.DataFrame | None = None) -> pd.Series:
    """By how much calendar and initiatives move each period of each series, where the past says that knowing it helps (`gains`).

    Parameters
    ----------
    panel : DataFrame
        `series`, `start` (first day), `value`, in order and without gaps.
    ahead, season : int
        Periods to look ahead, and in a year.
    plans : DataFrame, optional
        As `initiative_plans.initiative_plans` gives it, over the past and what lies ahead; what was not on record by the end of the
        panel is left out.

    Returns
    -------
    Series
        Factor by `series` and `start`, over the past and `ahead` periods more; without a row where nothing is taken out.
    """
    taken = gains(panel, season, plans).query("taken")
    if taken.empty:
        return pd.Series(dtype="float64")
    known = _known(panel, ahead, season, plans)
    places = [place for way in taken["way"] for place in _ways(known.columns)[way]]
    pooled, own = _effects(_errors(panel, known, known, season), known.columns, places)
    parts = [rows.iloc[:, places] @ own.get(name, pooled) for name, rows in known.groupby(level="series")]
    return np.exp(pd.concat(parts))


def together(*factors: pd.Series) -> pd.Series:
    """Multiply factors by `series` and `start`; where one has no row, it is one."""
    some = [f for f in factors if len(f)]
    if len(some) < 2:
        return some[0] if some else factors[0]
    return pd.concat(some, axis=1).fillna(1.0).prod(axis=1)


def at(factors: pd.Series, rows: pd.DataFrame) -> np.ndarray:
    """Give the factor of each row by its `series` and `start`; one where there is none.

    Parameters
    ----------
    factors : Series
        As `factors` gives it: by `series` and `start`.
    rows : DataFrame
        `series` and `start`.

    Returns
    -------
    ndarray
        One factor (ratio) per row of `rows`.
    """
    if factors.empty:
        return np.ones(len(rows))
    return factors.reindex(pd.MultiIndex.from_frame(rows[["series", "start"]])).fillna(1.0).to_numpy()


def gains(panel: pd.DataFrame, season: int, plans: pd.DataFrame | None = None) -> pd.DataFrame:
    """How much smaller would one-step errors have been, had this been known, learning from earlier seasons only?

    Errors are those of the airline model (Box and Jenkins 1976) with both moving averages at 0.6; what moves them is regressed on
    counts of weekdays against Sundays, the period's length and its part of Easter (Bell and Hillmer 1983, Journal of the American
    Statistical Association 78, 526), and on the part of a series that each initiative covered (Box and Tiao 1975, ibid. 70, 70),
    whose effects are drawn to their kind's and to zero. Effects are learned again before each of the last eight seasons; an
    initiative counts in a period only where it was on record before that began. Initiatives are tried on top of what is taken
    of the calendar. Series of one period err together, so the periods are what is counted.

    Returns
    -------
    DataFrame
        One row per way of knowing the calendar (`trading_days.WAYS`), and one for initiatives, where there were any: `way`, `gain`
        (share of the mean absolute error), `low` (95 % surely more than this, for all ways of the calendar together, Student t over
        periods), `n` (periods), `taken` (where `low` is above zero; of the calendar, the one where it is most); no row where
        starts are not dates of months or quarters, or series too short.
    """
    if not trading_days.dated(panel, season):
        return pd.DataFrame(columns=GAINS)
    known = _known(panel, 0, season, plans)
    errors, ways = _errors(panel, known, known - _surprises(known, plans), season), _ways(known.columns)
    parts, taken = [], []
    for asked in (list(trading_days.WAYS), [UNDERTAKEN] if UNDERTAKEN in ways else []):
        plain = _left(errors, known.columns, taken, season)
        left = {way: _left(errors, known.columns, taken + ways[way], season) for way in asked}
        rows = [(way, *_gain(plain, corrected, RISK / len(asked))) for way, corrected in left.items()]
        table = pd.DataFrame(rows, columns=GAINS[:-1]).dropna()
        parts.append(table.assign(taken=table["low"].gt(0) & table["low"].eq(table["low"].max())))
        taken = taken + [place for way in parts[-1].query("taken")["way"] for place in ways[way]]
    return pd.concat(parts, ignore_index=True)


def _known(panel: pd.DataFrame, ahead: int, season: int, plans: pd.DataFrame | None) -> pd.DataFrame:
    """Give what moves each period of each series, past and `ahead` more: the calendar, then a column per kind and initiative."""
    calendar, first = trading_days.calendar(panel["start"], ahead, season), panel.groupby("series")["start"]
    spans = zip(first.min().items(), first.size(), strict=True)
    parts = {name: calendar[calendar.index >= begun].head(size + ahead) for (name, begun), size in spans}
    table = pd.concat(parts, names=["series", "start"])
    table.columns = pd.MultiIndex.from_product([[""], table.columns], names=["kind", "initiative"])
    end = trading_days.periods(panel["start"], 0, season)[-1]
    return table if plans is None else table.join(_amounts(plans[plans["known"] < end], table.index))


def _amounts(plans: pd.DataFrame, index: pd.MultiIndex) -> pd.DataFrame:
    """Lay out plans: series and periods × kinds and initiatives; zero where nothing is covered."""
    keys, columns = ["series", "start"], ["kind", "initiative"]
    wide = plans.set_index([*keys, *columns])["amount"].unstack(columns)
    return wide.reindex(index).fillna(0.0)


def _surprises(known: pd.DataFrame, plans: pd.DataFrame | None) -> pd.DataFrame:
    """Give the part of what is known of each period that was not on record before it began."""
    nothing = pd.DataFrame(0.0, known.index, known.columns)
    if plans is None:
        return nothing
    late = _amounts(plans[plans["known"] >= plans["start"]], known.index)
    return nothing.add(late, fill_value=0.0)[known.columns]


def _ways(columns: pd.MultiIndex) -> dict[str, list[int]]:
    """Give the places of the columns that each way of knowing takes."""
    ways = {way: [CALENDAR.index(name) for name in names] for way, names in trading_days.WAYS.items()}
    undertaken = list(range(len(CALENDAR), len(columns)))
    return ways | ({UNDERTAKEN: undertaken} if undertaken else {})


def _errors(panel: pd.DataFrame, after: pd.DataFrame, before: pd.DataFrame, season: int) -> dict[str, Errors]:
    """Give the one-step errors of each series that is above zero and long enough, with what moves them."""
    found = {}
    for name, rows in panel.groupby("series"):
        values = rows.set_index("start")["value"]
        if len(values) > 2 * season + 1 and values.min() > 0:
            errors = _one_step(np.log(values.to_numpy(float)), season)
            usual = 1.4826 * float(np.median(np.abs(errors)))
            if usual > 1e-9:
                moved = after.loc[name].to_numpy()[: len(values)]
                late = (moved - before.loc[name].to_numpy()[: len(values)])[season + 1 :]
                known = _one_step(moved, season)
                off = pd.Series(np.clip(errors / usual, -WILD, WILD), values.index[season + 1 :])
                found[name] = Errors(off, known / usual, (known - late) / usual)
    return found


def _one_step(levels: np.ndarray, season: int) -> np.ndarray:
    moves = np.diff(levels[season:] - levels[:-season], axis=0)
    return lfilter([1.0], np.convolve([1, -SMOOTH], [1, *[0] * (season - 1), -SMOOTH]), moves, axis=0)


def _effects(
    errors: dict[str, Errors], columns: pd.MultiIndex, places: list[int], until: pd.Timestamp | None = None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Give the panel's effects, and each series' own, learned before a day: ridge regressions, drawn to what is believed."""
    heard = {name: (e.rows.index < until if until else np.full(len(e.rows), True)) for name, e in errors.items()}
    known = {name: errors[name].after[on][:, places] for name, on in heard.items() if on.any()}
    gram = {name: x.T @ x for name, x in known.items()}
    cross = {name: x.T @ errors[name].rows.to_numpy()[heard[name]] for name, x in known.items()}
    whole, floor = sum(gram.values()), 1e-9 * np.eye(len(places))
    usual = np.diag(np.diag(whole)) / sum(len(x) for x in known.values()) + floor
    pooled = np.linalg.solve(whole + _pull(columns[places], usual), sum(cross.values()))
    own = {}
    for name, x in known.items():
        pull = PULL * (gram[name] / len(x) + floor)
        own[name] = np.linalg.solve(gram[name] + pull, cross[name] + pull @ pooled)
    return pooled, own


def _pull(columns: pd.MultiIndex, usual: np.ndarray) -> np.ndarray:
    """Give how strongly effects are drawn: the calendar's by periods' worth, initiatives' as normal, those of a kind alike."""
    kinds = columns.get_level_values("kind").to_numpy()
    pull, undertaken = HELD * usual, np.flatnonzero(kinds != "")
    alike = kinds[undertaken][:, None] == kinds[undertaken]
    pull[np.ix_(undertaken, undertaken)] = np.linalg.inv(USUAL**2 * (np.eye(len(undertaken)) + alike) / 2)
    return pull


def _left(errors: dict[str, Errors], columns: pd.MultiIndex, places: list[int], season: int) -> pd.Series:
    """Give what is left of the mean absolute errors of the last seasons' periods, each season with effects learned before it."""
    days = pd.DatetimeIndex(sorted({day for e in errors.values() for day in e.rows.index}))
    count, parts = min(TRIED, len(days) // season - SEEN), []
    for begun in range(len(days) - max(count, 0) * season, len(days), season):
        _, own = _effects(errors, columns, places, until=days[begun])
        for name, effects in own.items():
            now = errors[name].rows.index.isin(days[begun : begun + season])
            parts.append((errors[name].rows[now] - errors[name].before[now][:, places] @ effects).abs())
    return pd.concat(parts).groupby(level=0).mean() if parts else pd.Series(dtype="float64")


def _gain(plain: pd.Series, known: pd.Series, risk: float) -> tuple[float, float, int]:
    """Give the gain in parts of the plain errors, what it surely is more than, and the periods; missing where there are none."""
    saved, usual, n = plain - known, plain.mean(), len(plain)
    if not usual > 0:
        return np.nan, np.nan, n
    return saved.mean() / usual, (saved.mean() - t.ppf(1 - risk, n - 1) * saved.std() / np.sqrt(n)) / usual, n
