"""Do weekdays, leap years and Easter move the sales of a month or quarter, and does knowing them make forecasts truer?

What the calendar does is learnt from all series of a panel together, taken out before they are forecast and put back after; only
where past forecasts would have been truer for it.
"""

import numpy as np
import pandas as pd
from dateutil.easter import easter
from scipy.signal import lfilter
from scipy.stats import t

SEASONS = (4, 12)  # quarters and months: of a week, each weekday is there once
FEASTS, DAYS = ["length", "Easter"], ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
WAYS = {"leap years and Easter": FEASTS, "weekdays, leap years and Easter": [*FEASTS, *DAYS]}  # what is tried
EASTER = range(-7, 2)  # days from Easter Sunday in which people buy otherwise: the week before, and Easter Monday
SMOOTH = 0.6  # both moving averages of the airline model, which one-step errors are taken from
PULL, HELD = 200.0, 20.0  # periods' worth by which a series is drawn to the panel's effects, and these to nought
SEEN, TRIED = 3, 8  # seasons that effects are learnt from at least, and the last ones that they are tried on
WILD, SURE = (
    3.0,
    1 - 0.05 / len(WAYS),
)  # usual errors beyond which none counts more; how sure a gain must be (Bonferroni)
TRIAL = ["way", "gain", "low", "n", "taken"]


def factors(panel: pd.DataFrame, ahead: int, season: int) -> pd.Series:
    """By how much the calendar moves each period of each series, where the past says that knowing it helps (`trial`).

    Parameters
    ----------
    panel : DataFrame
        `series`, `start` (first day), `value`, in order and without gaps.
    ahead, season : int
        Periods to look ahead, and in a year.

    Returns
    -------
    Series
        Factor by `series` and `start`, over the past and `ahead` periods more; without a row where nothing is taken out.
    """
    told = trial(panel, season).query("taken")
    if told.empty:
        return pd.Series(dtype="float64")
    held, calendar = _histories(panel), _calendar(panel["start"], ahead, season)[WAYS[told["way"].iloc[0]]]
    pooled, own = _effects(_errors(held, calendar, season))
    parts = {}
    for name, values in held.items():
        begun = calendar.index.get_loc(values.index[0])
        rows = calendar.iloc[begun : begun + len(values) + ahead]
        parts[name] = np.exp(rows @ own.get(name, pooled))
    return pd.concat(parts, names=["series", "start"])


def at(factors: pd.Series, rows: pd.DataFrame) -> np.ndarray:
    """Give the factor of each row by its `series` and `start`; one where there is none."""
    if factors.empty:
        return np.ones(len(rows))
    return factors.reindex(pd.MultiIndex.from_frame(rows[["series", "start"]])).fillna(1.0).to_numpy()


def trial(panel: pd.DataFrame, season: int) -> pd.DataFrame:
    """How much smaller would one-step errors have been, had the calendar been known, learning from earlier seasons only?

    Errors are those of the airline model (Box and Jenkins 1976) with both moving averages at 0.6; what moves them is regressed on
    counts of weekdays against Sundays, the period's length and its part of Easter (Bell and Hillmer 1983, Journal of the American
    Statistical Association 78, 526). Effects are learnt anew before each of the last eight seasons. Series of one period err
    together, so the periods are what is counted.

    Returns
    -------
    DataFrame
        One row per way of knowing the calendar (`WAYS`): `way`, `gain` (share of the mean absolute error), `low` (95 % surely more
        than this for all ways together, Student t over periods), `n` (periods), `taken` (the one of most `low`, where that is above
        nought); no row where starts are not dates of months or quarters, or series too short.
    """
    if season not in SEASONS or not _dated(panel, season):
        return pd.DataFrame(columns=TRIAL)
    held, calendar = _histories(panel), _calendar(panel["start"], 0, season)
    rows = [(way, *_gain(_errors(held, calendar[names], season), season)) for way, names in WAYS.items()]
    table = pd.DataFrame(rows, columns=TRIAL[:-1]).dropna()
    return table.assign(taken=table["low"].gt(0) & table["low"].eq(table["low"].max()))


def _gain(errors: dict[str, tuple[pd.Series, np.ndarray]], season: int) -> tuple[float, float, int]:
    """Give the gain of the last seasons, what it surely is more than, and their periods; missing where there are too few."""
    days = pd.DatetimeIndex(sorted({day for rows, _ in errors.values() for day in rows.index}))
    count = min(TRIED, len(days) // season - SEEN)
    begun = range(len(days) - count * season, len(days), season)
    parts = [_season(errors, days[k : k + season]) for k in begun] if count > 0 else []
    told = pd.concat(parts) if parts else pd.DataFrame(columns=["plain", "known"])
    saved, usual, n = told["plain"] - told["known"], told["plain"].mean(), len(told)
    if not usual > 0:
        return np.nan, np.nan, n
    return saved.mean() / usual, (saved.mean() - t.ppf(SURE, n - 1) * saved.std() / np.sqrt(n)) / usual, n


def _dated(panel: pd.DataFrame, season: int) -> bool:
    """Tell whether every period begins a month, and they are as long as a season says."""
    if panel.empty or not pd.api.types.is_datetime64_any_dtype(panel["start"]):
        return False
    apart = np.diff(np.unique(panel["start"].dt.to_period("M").astype("int64")))
    return bool(panel["start"].dt.is_month_start.all() and len(apart) and (apart == 12 // season).all())


def _histories(panel: pd.DataFrame) -> dict[str, pd.Series]:
    return {name: rows.set_index("start")["value"] for name, rows in panel.groupby("series")}


def _calendar(starts: pd.Series, ahead: int, season: int) -> pd.DataFrame:
    """Give what the calendar holds in each period, less what the same period of a year holds in the mean."""
    months = pd.DateOffset(months=12 // season)
    count = len(pd.date_range(starts.min(), starts.max(), freq=months)) + ahead
    days = pd.date_range(starts.min(), periods=count + 1, freq=months)
    first, after = days[:-1], days[1:]
    long, weekday = (after - first).days.to_numpy(), first.day_of_week.to_numpy()
    on = np.stack([long // 7 + ((day - weekday) % 7 < long % 7) for day in range(7)], axis=1)
    around = [
        pd.Timestamp(easter(year)) + pd.Timedelta(days=d)
        for year in range(first[0].year, after[-1].year + 1)
        for d in EASTER
    ]
    feast = np.diff(np.searchsorted(pd.DatetimeIndex(around), days)) / len(EASTER)
    table = pd.DataFrame(np.column_stack([long, feast, on[:, :6] - on[:, 6:]]), first.rename("start"), [*FEASTS, *DAYS])
    return table - table.groupby(table.index.month).transform("mean")


def _errors(held: dict[str, pd.Series], calendar: pd.DataFrame, season: int) -> dict[str, tuple[pd.Series, np.ndarray]]:
    """Give the one-step errors of each series that is above nought and long enough, in usual errors, and the calendar's of them."""
    found = {}
    for name, values in held.items():
        if len(values) > 2 * season + 1 and values.min() > 0:
            errors = _one_step(np.log(values.to_numpy(float)), season)
            usual = 1.4826 * float(np.median(np.abs(errors)))
            if usual > 1e-9:
                rows = pd.Series(np.clip(errors / usual, -WILD, WILD), values.index[season + 1 :])
                known = _one_step(calendar.loc[values.index].to_numpy(), season)
                found[name] = rows, known / usual
    return found


def _one_step(levels: np.ndarray, season: int) -> np.ndarray:
    moves = np.diff(levels[season:] - levels[:-season], axis=0)
    return lfilter([1.0], np.convolve([1, -SMOOTH], [1, *[0] * (season - 1), -SMOOTH]), moves, axis=0)


def _effects(errors: dict[str, tuple[pd.Series, np.ndarray]]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Give the panel's effects, and each series' own: ridge regressions, drawn to nought and to the panel's."""
    gram = {name: known.T @ known for name, (_, known) in errors.items()}
    cross = {name: known.T @ rows.to_numpy() for name, (rows, known) in errors.items()}
    whole = sum(gram.values())
    usual = np.diag(np.diag(whole)) / sum(len(rows) for rows, _ in errors.values()) + 1e-9 * np.eye(len(whole))
    pooled = np.linalg.solve(whole + HELD * usual, sum(cross.values()))
    own = {}
    for name, (rows, _) in errors.items():
        pull = PULL * (gram[name] / len(rows) + 1e-9 * usual)
        own[name] = np.linalg.solve(gram[name] + pull, cross[name] + pull @ pooled)
    return pooled, own


def _season(errors: dict[str, tuple[pd.Series, np.ndarray]], days: pd.DatetimeIndex) -> pd.DataFrame:
    """Give the mean absolute errors of a season's periods without and with effects that were learnt before it."""
    before = {name: (rows[rows.index < days[0]], known[rows.index < days[0]]) for name, (rows, known) in errors.items()}
    _, own = _effects({name: pair for name, pair in before.items() if len(pair[0])})
    parts = []
    for name, effects in own.items():
        rows, known = errors[name]
        now = rows.index.isin(days)
        told = {"plain": rows[now].abs(), "known": (rows[now] - known[now] @ effects).abs()}
        parts.append(pd.DataFrame(told))
    return pd.concat(parts).groupby(level=0).mean()
