"""Where does each of many series go from here, and how sure is that?

A panel is forecast by members of different kinds, joined by weights that other collections taught and past forecasts earned; the
spread is what was left of their errors. Any frequency will do: a season is a number of periods.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from quarterdeck.analysis.methods import long_seasons, members, panels, peaks, regressors, weeks, worth
from quarterdeck.analysis.methods.members import CLAIMED, MEMBERS, NAIVE
from quarterdeck.analysis.methods.pooled import Scaled

QUANTILES = (0.1, 0.5, 0.9)
JOINED = "Joined"

# Where the constants come from. The four collections are those of benchmarks/forecasting.py: the series of R's forecasting
# books, Australian retail, M4 weekly and the hierarchies of two companies. docs/decisions has what the choices changed.
# "Set by judgement" means that no trial of other values is on record.
SPARSE = 0.4  # part of zeros in the last two seasons from which a series is intermittent; set by judgement

# The spread. CLAIM was chosen on the four collections by CRPS, where 0.6 to 1.0 lie within half a per cent (decision 0087); OWN
# went from 5 to 10 with it. Other values of OWN and FADE moved the coverage of all collections together, or by under half a
# point (decision 0088).
CLAIM = 0.75  # how far the unit of errors follows what the members claim, on the scale of logarithms
OWN = 10.0  # origins of its own at which a series' spread counts as much as the panel's
FADE = 0.5  # what an origin counts for against the one after it
ODD = 30.0  # usual changes above, and parts of one below, which a claim is not followed: a guard, set by judgement
MANY = 100  # series × origins from which the errors' own distribution is taken; set by judgement

# What is given as the mean. The distribution's own mean is drawn far up by the outer quantiles of a wild series: its absolute
# errors were 5 to 9 % above the median's on two of six collections (decision 0101).
MIDDLE = [0.2 + 0.6 * (k + 0.5) / 30 for k in range(30)]  # quantiles that it is the mean of: a mean trimmed by a fifth
MOST = 0.05  # part of the median by which it is off that at most

# Grid of an interpolation; set by judgement.
OUTER = np.linspace(0.55, 0.999, 450)  # quantiles above the median at which it is drawn out


def forecast(
    panel: pd.DataFrame,
    ahead: int,
    season: int | Sequence[int],
    quantiles: Sequence[float] = QUANTILES,
    *,
    tested: pd.DataFrame | None = None,
    jobs: int = 1,
    plans: pd.DataFrame | None = None,
    calendar: weeks.Calendar | None = None,
) -> pd.DataFrame:
    """Forecast each series of a panel as a distribution.

    Regular series: exponential smoothing in three forms and Theta, each averaged over a grid of parameters (`smoothing.paths`), and
    an autoregression pooled over the panel (`pooled.paths`), joined by their weighted mean (`worth.weights`). Quantiles are
    conformal: those of past errors at the same distance (`spread`), in units of what the members say of their own spread
    (normalised conformal prediction: Lei et al. 2018, Journal of the American Statistical Association 113, 1094, 5.2). The mean is
    that of the middle quantiles, near the median (`MIDDLE`, `MOST`).

    Others: a *dead* series, zero for a season, stays at zero; an *intermittent* one, two fifths zeros or more in its last two
    seasons, is forecast by IMAPA (Petropoulos and Kourentzes 2015) with the quantiles of those two seasons; a *new* one, too short
    for any of this, moves from its own level as the middle one of the others does. Of months and quarters that are given as dates,
    what the calendar and initiatives move is taken out before and put back after, where the past says that this helps
    (`regressors.gains`). Single peaks and dips of regular series (`peaks.single`) are taken for their usual figure; where that is
    the last period, the intervals also hold the case that it stays.

    Parameters
    ----------
    panel : DataFrame
        One row per series and period, `series` (name), `start`, `value`; no gaps, in any order. Starts are dates (months,
        quarters and years by their first or last day; a time zone is dropped), periods, or whole numbers.
    ahead : int
        Periods to forecast.
    season : int or sequence of int
        Periods in a season: 12 for months of a year, 52 for weeks, 1 for none. Several are followed together, such as (7, 365) for
        days or (24, 168) for hours: the longer ones as `long_seasons.factors` says.
    quantiles : sequence of float
        Which quantiles to give.
    tested : DataFrame, optional
        As `backtest` gives it for this panel, to save doing it again.
    jobs : int
        Processes to fit in.
    plans : DataFrame, optional
        What initiatives cover, as `initiative_plans.initiative_plans` gives it.
    calendar : Calendar, optional
        The company's: where its months are of weeks, they are forecast by the day (`weeks.factors`).

    Returns
    -------
    DataFrame
        One row per series and period ahead: `series`, `start`, `step` (1 is the next period), `kind` (regular, intermittent, new or
        dead), `mean`, and a column per quantile, `p10`, `p50`, `p97.5` …, in the unit of `value`.

    Raises
    ------
    ValueError
        In one sentence that names column, series and value: where a column or a value is missing, no number or no date, a
        series has a period twice or a gap, `ahead` or `season` is no whole number from one, or a quantile not between zero and one.
    """
    ahead, whole, (season, longer) = panels.whole("ahead", ahead), season, long_seasons.parted(season)
    panel, starts = _checked(panel, ahead, season, calendar)
    _refuse_odd(quantiles)
    kind = kinds(panel, ahead, season)
    rows = pd.concat([panel[["series", "start"]], starts]).sort_values(["series", "start"])
    moved = regressors.together(
        regressors.factors(panel, ahead, season, plans),
        long_seasons.factors(panel, rows, season, longer),
        weeks.factors(rows, season, calendar),
    )
    past, panel = panel, panel.assign(value=panel["value"] / regressors.at(moved, panel))
    as_seen = panel[panel["series"].map(kind).eq("regular")]
    regular = peaks.taken_out(as_seen, season)
    parts = [_dead(kind, ahead, quantiles), _intermittent(panel, kind, ahead, season, quantiles)]
    if len(regular):
        tested = backtest(past, ahead, whole, jobs=jobs, plans=plans, calendar=calendar) if tested is None else tested
        usual = tested.dropna(subset=["error"])
        believed = worth.believed(regular["series"].value_counts(), ahead, season)
        how = _Joining(worth.weights(usual, believed), spread(tested, ahead), quantiles)
        parts.append(_regular(regular, how, ahead, season, jobs))
        odd = regular.groupby("series")["single"].last()
        if odd.any():
            stays = as_seen[as_seen["series"].map(odd)]
            parts[-1] = _either(parts[-1], _regular(stays, how, ahead, season, jobs), quantiles)
    parts.append(_new(panel, kind, parts[-1], ahead, season, quantiles))
    table = pd.concat([part for part in parts if len(part)])
    table = table.merge(starts, on=["series", "step"]).assign(kind=lambda x: x["series"].map(kind))
    figures = ["mean", *map(column, quantiles)]
    table[figures] = table[figures].mul(regressors.at(moved, table), axis=0)
    columns = ["series", "start", "step", "kind", *figures]
    return table.sort_values(["series", "step"], ignore_index=True)[columns]


def backtest(
    panel: pd.DataFrame,
    ahead: int,
    season: int | Sequence[int],
    *,
    jobs: int = 1,
    plans: pd.DataFrame | None = None,
    calendar: weeks.Calendar | None = None,
) -> pd.DataFrame:
    """What each member, and all of them joined, would have said of the regular series from past origins.

    The weights at an origin are those that follow from what had come by then; at the oldest they are what is believed. What
    calendar and initiatives move is learned, and whether to take it decided, from what was known at the oldest origin.

    Parameters
    ----------
    panel, ahead, season, jobs, plans, calendar
        As for `forecast`.

    Returns
    -------
    DataFrame
        One row per series, origin and step: `series`, `origin` (zero is the latest), `step`, `start`, `actual`, a column per
        member, `Seasonal naive`, `Joined` (unit of `value`), `scale` (mean absolute error of the seasonal naive within what was
        seen, for MASE) and `error` (of `Joined`, on the scale of `pooled.Scaled`, in units of how far off it was
        to be expected; missing where a single peak or dip came); no rows of series too short.
    """
    if isinstance(panel, pd.DataFrame) and panel.empty:
        return pd.DataFrame(
            columns=["series", "origin", "step", "start", "actual", *MEMBERS, NAIVE, JOINED, "scale", "error"]
        )
    ahead, (season, longer) = panels.whole("ahead", ahead), long_seasons.parted(season)
    panel, _ = _checked(panel, ahead, season, calendar)
    regular = panel[panel["series"].map(kinds(panel, ahead, season)).eq("regular")]
    how = members.trial(regular["series"].value_counts().to_numpy(), ahead, season)
    unseen, back = how.cut(how.origins - 1), regular.groupby("series").cumcount(ascending=False)
    known = regular[back >= unseen]
    moved = regressors.together(
        regressors.factors(known, unseen, season, plans),
        long_seasons.factors(known, regular, season, longer),
        weeks.factors(regular, season, calendar),
    )
    past, regular = regular, regular.assign(value=regular["value"] / regressors.at(moved, regular))
    regular = peaks.taken_out(regular, season, [how.cut(k) for k in reversed(range(how.origins))] + [0])
    tested = members.tried(regular, how, season, jobs)
    tested["scale"] = _scales(tested, past, how, season)
    place = regular[["series", "start", "single"]].assign(back=back, value=past["value"]).astype({"single": bool})
    tested["back"] = how.cut(0) + tested["origin"] * how.stride - tested["step"]
    tested = tested.merge(place, on=["series", "back"], how="left")
    single = tested["single"].eq(True)
    tested[JOINED] = _joined(
        tested, tested[~single], worth.believed(regular["series"].value_counts(), ahead, season), how
    )
    tested["error"] = _errors(tested, regular, how, season).where(~single)
    tested["actual"] = tested["value"]
    models = [*MEMBERS, NAIVE, JOINED]
    tested[models] = tested[models].mul(regressors.at(moved, tested), axis=0)
    return tested.drop(columns=["back", "value", "single", CLAIMED])


def _joined(tested: pd.DataFrame, usual: pd.DataFrame, believed: pd.DataFrame, how: members.Trial) -> np.ndarray:
    """Join members at each origin by the weights that what had come by then gives."""
    found = np.full(len(tested), np.nan)
    for origin in tested["origin"].unique():
        known, now = usual[usual["back"] >= how.cut(origin)], (tested["origin"] == origin).to_numpy()
        found[now] = worth.joined(tested[now], worth.weights(known, believed))
    return found


@dataclass(frozen=True)
class Spread:
    """How far off past forecasts were: `by_step`, by series (`own`, a factor), and the `errors` in units of both, with weights.

    `worth` is how many independent forecasts the past ones are worth.
    """

    by_step: np.ndarray
    own: pd.Series
    errors: np.ndarray
    heard: np.ndarray
    worth: float

    def reach(self, quantiles: Sequence[float]) -> np.ndarray:
        """Give the quantiles of errors in units of their spread: their own, or a Student t's where there are few.

        Their own are drawn out from the middle as the next value's are from a sample's of this worth (a Student t over a normal
        distribution, and the mean's own error; Geisser 1993, Predictive Inference, 2.2).
        """
        blocks = len(self.own) * members.ORIGINS
        if blocks >= MANY:
            options = {"weights": self.heard, "method": "inverted_cdf"}
            out = t.ppf(OUTER, self.worth) / norm.ppf(OUTER) * np.sqrt(1 + 1 / self.worth)
            drawn = np.interp(np.abs(np.asarray(quantiles) - 0.5), OUTER - 0.5, out)
            return drawn * (np.quantile(self.errors, quantiles, **options) - np.quantile(self.errors, 0.5, **options))
        size = np.sqrt(np.average(self.errors**2, weights=self.heard)) if blocks else np.sqrt(np.pi / 2)
        return t.ppf(quantiles, max(blocks, 2)) * size

    def factor(self, name: str) -> float:
        """Give the factor of a series; the usual one where it was not tried."""
        return float(self.own.get(name, self.own.mean() if len(self.own) else 1.0))


class _Joining(NamedTuple):
    """How members are joined: their weights, how far off past forecasts were, and which quantiles to give."""

    weight: pd.DataFrame
    spread: Spread
    quantiles: Sequence[float]


def spread(tested: pd.DataFrame, ahead: int) -> Spread:
    """How far off past forecasts were.

    By step: the mean absolute error there, never less than nearer by; beyond what was tried it grows with the root of the distance,
    as far as claims, which grow themselves, are not followed. A series' own factor is its errors against that, shrunk to the
    panel's one. The errors of an origin are judged by what the other origins tell of the series, as tomorrow's will be. An origin
    counts half as much as the one after it.

    Parameters
    ----------
    tested : DataFrame
        `series`, `origin`, `step`, `error`.
    """
    steps = np.arange(1, ahead + 1)
    errors = tested.dropna(subset=["error"])
    if errors.empty:
        return Spread(steps ** ((1 - CLAIM) / 2), pd.Series(dtype="float64"), np.array([]), np.array([]), 1.0)
    heard = FADE ** errors["origin"]
    near = (errors["error"].abs() * heard).groupby(errors["step"]).sum() / heard.groupby(errors["step"]).sum()
    near = np.maximum(np.maximum.accumulate(near.to_numpy()), 1e-9)
    far = near[np.minimum(steps, len(near)) - 1] * np.maximum(steps / len(near), 1) ** ((1 - CLAIM) / 2)
    unit = errors["error"] / far[errors["step"] - 1]
    by = unit.abs().groupby([errors["series"], errors["origin"]]).mean().rename("size").reset_index()
    by["heard"] = FADE ** by["origin"]
    by["mass"] = by["size"] * by["heard"]
    own = by.groupby("series")[["mass", "heard"]].sum()
    rest = own.loc[by["series"]].reset_index(drop=True) - by[["mass", "heard"]]
    by["others"] = (rest["mass"] + OWN) / (rest["heard"] + OWN)
    others = errors[["series", "origin"]].merge(by, on=["series", "origin"], how="left")["others"]
    factor = (own["mass"] + OWN) / (own["heard"] + OWN)
    return Spread(far, factor, unit.to_numpy() / others.to_numpy(), heard.to_numpy(), _independent(errors))


def coverage(tested: pd.DataFrame, level: float, name: str | None = None) -> float:
    """How often would the interval have held: each origin's errors against what the other origins' would have given.

    Parameters
    ----------
    tested : DataFrame
        As `backtest` gives it.
    level : float
        What the interval promises.
    name : str, optional
        Of one series; of all alike by default.

    Returns
    -------
    float
        Share of forecasts within the interval, ratio; missing with fewer than two origins.
    """
    held = []
    for origin, rows in tested.groupby("origin"):
        others = tested[tested["origin"] != origin]
        asked = rows if name is None else rows[rows["series"] == name]
        if others["error"].notna().any():
            width = spread(others, int(tested["step"].max()))
            low, high = width.reach([(1 - level) / 2, (1 + level) / 2])
            unit = asked["error"] / width.by_step[asked["step"] - 1] / asked["series"].map(width.factor)
            held.append(unit.dropna().between(low, high))
    return float(pd.concat(held).mean()) if held else np.nan


def kinds(panel: pd.DataFrame, ahead: int, season: int) -> pd.Series:
    """Tell for each series whether it is regular, intermittent, new or dead (`forecast` says what these are).

    Returns
    -------
    Series
        Kind by name of series.
    """
    short = max(min(2 * season + 1, season + ahead + 1), 4)
    rows = {}
    for name, values in members.histories(panel).items():
        if not values[-max(season, 4) :].any():
            rows[name] = "dead"
        elif len(values) < short:
            rows[name] = "new"
        else:
            rows[name] = "intermittent" if np.mean(values[-2 * season :] == 0) >= SPARSE else "regular"
    return pd.Series(rows, dtype=object)


def column(quantile: float) -> str:
    """Name the column of a quantile.

    >>> column(0.1), column(0.975)
    ('p10', 'p97.5')
    """
    return f"p{100 * quantile:g}"


def _independent(errors: pd.DataFrame) -> float:
    """Give how many independent forecasts the past ones are worth: where series err together, many say little more than one.

    Series count by the design effect of a cluster, 1 + (n − 1) × the correlation of two series' errors from the same origin (Kish
    1965, Survey Sampling, 5.4), origins by their weights.
    """
    mean = errors.groupby(["series", "origin"])["error"].mean().unstack()
    mean = mean.div(np.sqrt((mean**2).mean(axis=1)), axis=0).dropna(how="all")
    count, square = mean.notna().sum(), (mean**2).sum()
    together = (mean.sum() ** 2 - square) / (count * (count - 1)).clip(lower=1)
    alike = float(np.clip(together.mean() / (square / count).mean(), 0, 1)) if len(mean) > 1 else 0.0
    heard = FADE ** mean.columns.to_numpy(float)
    return max(len(mean) / (1 + (len(mean) - 1) * alike) * heard.sum() ** 2 / (heard**2).sum(), 2.0)


def _scales(tested: pd.DataFrame, regular: pd.DataFrame, how: members.Trial, season: int) -> pd.Series:
    held, found = members.histories(regular), {}
    for name, origin in tested[["series", "origin"]].drop_duplicates().itertuples(index=False):
        seen = held[name][: -how.cut(origin)]
        span = season if len(seen) > season else 1
        found[name, origin] = np.abs(seen[span:] - seen[:-span]).mean()
    return pd.Series(
        [found[k] for k in zip(tested["series"], tested["origin"], strict=True)], tested.index, dtype=float
    )


class _Units(NamedTuple):
    """The units of rows' series, as `pooled.Scaled` has them, one figure each per row."""

    logarithmic: np.ndarray
    unit: np.ndarray
    floor: np.ndarray
    ceiling: np.ndarray
    change: np.ndarray

    def level(self, values: np.ndarray) -> np.ndarray:
        """Give values on the scale on which changes are measured."""
        logarithms = np.log(
            np.maximum(values, np.where(self.logarithmic, self.floor, 1.0)),
            where=self.logarithmic,
            out=np.zeros_like(values),
        )
        return np.where(self.logarithmic, logarithms, values / self.unit)

    def value(self, levels: np.ndarray) -> np.ndarray:
        """Give rows of levels as values again."""
        logarithmic, unit, ceiling = (a[:, None] for a in (self.logarithmic, self.unit, self.ceiling))
        values = np.where(logarithmic, np.exp(np.where(logarithmic, np.minimum(levels, 700.0), 0.0)), levels * unit)
        return np.minimum(values, ceiling)

    def error(self, claimed: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Give what errors are measured in: the series' usual change, drawn towards what its members claim of their spread."""
        half = np.where(
            self.logarithmic, claimed / np.maximum(at, np.where(self.logarithmic, self.floor, 1.0)), claimed / self.unit
        )
        return self.change * np.nan_to_num(half / self.change, nan=1.0).clip(1 / ODD, ODD) ** CLAIM


def _units(rows: pd.DataFrame, seen: Callable[[str, int], np.ndarray], season: int) -> _Units:
    """Give the units of each row's series as of its origin: `seen` gives what had come by then."""
    keys = rows[["series", "origin"]].drop_duplicates()
    places = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(rows[["series", "origin"]]))
    scaled = [Scaled(seen(name, origin), season) for name, origin in keys.itertuples(index=False)]
    fields = ([getattr(s, field) for s in scaled] for field in _Units._fields)
    return _Units(*(np.array(f, bool if k == 0 else float)[places] for k, f in enumerate(fields)))


def _errors(tested: pd.DataFrame, regular: pd.DataFrame, how: members.Trial, season: int) -> pd.Series:
    held = members.histories(regular)
    units = _units(tested, lambda name, origin: held[name][: -how.cut(origin)], season)
    gap = units.level(tested["actual"].to_numpy(float)) - units.level(tested[JOINED].to_numpy(float))
    return pd.Series(gap / units.error(tested[CLAIMED].to_numpy(), tested[JOINED].to_numpy()), tested.index)


def _spread_out(
    forecasts: pd.DataFrame, regular: pd.DataFrame, spread: Spread, season: int, quantiles: Sequence[float]
) -> pd.DataFrame:
    reach, held = spread.reach([*quantiles, *MIDDLE]), members.histories(regular)
    units = _units(forecasts.assign(origin=0), lambda name, _: held[name], season)
    width = units.error(forecasts[CLAIMED].to_numpy(), forecasts[JOINED].to_numpy())
    width *= spread.by_step[forecasts["step"] - 1] * forecasts["series"].map({n: spread.factor(n) for n in held})
    values = units.value(units.level(forecasts[JOINED].to_numpy(float))[:, None] + np.outer(width, reach))
    least = forecasts["series"].map({n: 0.0 if v.min() >= 0 else -np.inf for n, v in held.items()})
    values = np.maximum(values, least.to_numpy()[:, None])
    table = pd.DataFrame(values[:, : len(quantiles)], columns=list(map(column, quantiles)))
    median = np.maximum(forecasts[JOINED].to_numpy(float), least.to_numpy())
    room = MOST * np.abs(median)
    mean = np.clip(values[:, len(quantiles) :].mean(axis=1), median - room, median + room)
    return table.assign(series=forecasts["series"].to_numpy(), step=forecasts["step"].to_numpy(), mean=mean)


def _regular(regular: pd.DataFrame, how: _Joining, ahead: int, season: int, jobs: int) -> pd.DataFrame:
    """Carry regular series on by all members, joined and spread out as `how` says."""
    forecasts = members.ahead(regular, ahead, season, jobs)
    forecasts[JOINED] = worth.joined(forecasts, how.weight)
    return _spread_out(forecasts, regular, how.spread, season, how.quantiles)


def _either(once: pd.DataFrame, stays: pd.DataFrame, quantiles: Sequence[float]) -> pd.DataFrame:
    """Widen the intervals of series whose last period is far off: it may have come once, or be the first of more."""
    keys, columns = ["series", "step"], {column(q): q for q in quantiles}
    other = once[keys].merge(stays, on=keys, how="left").set_axis(once.index)
    for name, q in columns.items():
        ends = pd.concat([once[name], other[name]], axis=1)
        if q != 0.5:
            once = once.assign(**{name: ends.min(axis=1) if q < 0.5 else ends.max(axis=1)})
    return once


def _dead(kind: pd.Series, ahead: int, quantiles: Sequence[float]) -> pd.DataFrame:
    names = kind.index[kind.eq("dead")]
    table = pd.DataFrame({"series": np.repeat(names, ahead), "step": np.tile(np.arange(1, ahead + 1), len(names))})
    return table.assign(mean=0.0, **{column(q): 0.0 for q in quantiles})


def _intermittent(
    panel: pd.DataFrame, kind: pd.Series, ahead: int, season: int, quantiles: Sequence[float]
) -> pd.DataFrame:
    from statsforecast.models import IMAPA  # here, because it is slow to import

    parts = []
    for name, values in members.histories(panel[panel["series"].map(kind).eq("intermittent")]).items():
        recent = values[-2 * max(season, 4) :]
        level = float(np.ravel(IMAPA().forecast(values.copy(), h=1)["mean"])[0])
        grown = np.quantile(recent, quantiles) * (level / recent.mean() if recent.mean() else 1.0)
        rows = pd.DataFrame([grown] * ahead, columns=list(map(column, quantiles)))
        parts.append(rows.assign(series=name, step=np.arange(1, ahead + 1), mean=level))
    return pd.concat(parts) if parts else pd.DataFrame()


def _new(
    panel: pd.DataFrame, kind: pd.Series, others: pd.DataFrame, ahead: int, season: int, quantiles: Sequence[float]
) -> pd.DataFrame:
    """Move new series as the median of the regular ones moves, with outer quantiles of how they move (`_outer`)."""
    held, parts = members.histories(panel), []
    sought = {"mean": 0.5} | {column(q): q for q in quantiles}
    for name in kind.index[kind.eq("new")]:
        span = min(len(held[name]), season)
        level = held[name][-span:].mean()
        levels = {n: held[n][-span:].mean() for n in kind.index[kind.eq("regular")]}
        usual = others[others["series"].map(levels).gt(0)] if len(levels) else pd.DataFrame()
        if len(usual) and level > 0:
            moved = usual[list(sought)].div(usual["series"].map(levels), axis=0).groupby(usual["step"])
            rows = pd.DataFrame({c: level * moved[c].quantile(_outer(q)) for c, q in sought.items()})
        else:
            wide = np.std(held[name]) * np.sqrt(1 + 1 / span)
            rows = pd.DataFrame(
                [level + t.ppf(list(sought.values()), max(span - 1, 1)) * wide] * ahead, columns=list(sought)
            )
        parts.append(rows.assign(series=name, step=np.arange(1, ahead + 1)))
    return pd.concat(parts) if parts else pd.DataFrame()


def _outer(quantile: float) -> float:
    return 0.1 if quantile < 0.5 else 0.9 if quantile > 0.5 else 0.5


def _checked(
    panel: pd.DataFrame, ahead: int, season: int, calendar: weeks.Calendar | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give a panel in order, and the first day of each period ahead; or refuse it (`panels.ordered`, `panels.continued`)."""
    panel = panels.ordered(panel, "series")[["series", "start", "value"]]
    by = weeks.periods(season, calendar) if weeks.follows(panel, season, calendar) else None
    return panel, panels.continued(panel, "series", ahead, by)


def _refuse_odd(quantiles: Sequence[float]) -> None:
    if odd := [q for q in quantiles if not (isinstance(q, Real) and 0 < q < 1)]:
        raise ValueError(f"{odd[0]!r} is no quantile; each lies between 0 and 1.")
    if twice := [q for q in quantiles if list(map(column, quantiles)).count(column(q)) > 1]:
        raise ValueError(f"quantile {twice[0]!r} is asked for twice, as {column(twice[0])}; give each once.")
