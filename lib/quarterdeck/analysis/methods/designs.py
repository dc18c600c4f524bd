"""What would have happened without it? Effects of what some units of a panel underwent, and how sure one can be of them.

A panel has a row per unit and period: `unit`, `start` (a day, or a number of the period), `value`, `treated_from` (the first
`start` under treatment, the same in all rows of a unit; missing for a unit that never is). A column `weight`, constant in a
unit, says how much a unit counts; without it all count alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import solve
from scipy.optimize import nnls
from scipy.stats import t as student
from statsmodels.api import OLS

from quarterdeck.analysis.methods import panels, several_units
from quarterdeck.analysis.methods.several_units import AUGMENTED, DIFFERENCE, POWER, SYNTHETIC_DIFFERENCE

SYNTHETIC, INTERRUPTED = "synthetic control", "interrupted time series"
LEVELS, LOGS, INDEX = "levels", "logs", "index"  # scales on which effects add up; an index is over a unit's mean before
GROWS, ALIKE = (
    0.5,
    0.1,
)  # how scatter grows with level, from which effects multiply; units' levels that hardly differ (log)
OUTSIDE = 0.1  # part of the time before outside of all controls, above which no mix is said to follow
WEEKDAYS = 28  # days before from which each unit's pattern of weekdays is taken out
LEVEL = 0.9
FEW = 10  # units, treated or not, below which errors clustered by unit cannot be trusted
DONORS, FIT = 10, 10  # untreated units, and periods before, from which a synthetic control is sought
TREND = 8  # periods before from which a series without a control is carried on
FOLDS = 4  # parts of the time before, each forecast by a mix that did not see it
PLACEBOS = ["unit", "effect", "z", "ratio", "treated"]
COLUMNS = (
    "design inference effect low high error df p counterfactual relative relative_low relative_high total total_low "
    "total_high detectable p_trend fit treated controls before after"
).split()


@dataclass(frozen=True)
class _Grid:
    """A panel as matrices, units × periods; `on` tells where treatment is."""

    units: np.ndarray
    starts: np.ndarray
    values: np.ndarray
    on: np.ndarray
    weight: np.ndarray

    @property
    def treated(self) -> np.ndarray:
        return self.on.any(axis=1)

    @property
    def before(self) -> int:
        """Periods before the first treatment."""
        return int(np.argmax(self.on.any(axis=0)))

    def keep(self, rows: np.ndarray) -> "_Grid":
        return replace(
            self, units=self.units[rows], values=self.values[rows], on=self.on[rows], weight=self.weight[rows]
        )


@dataclass(frozen=True)
class _Fit:
    """What a design says: by treated unit and period the gap to what would have been.

    `noise` is how much one period's gap scatters where nothing was done, `error` that of the mean effect.
    """

    design: str
    gaps: np.ndarray
    counterfactual: np.ndarray
    noise: float
    error: float
    df: float
    inference: str
    placebos: pd.DataFrame
    ends: tuple[float, float, float] | None = None  # effect, low and high, where they come from permutations
    p: float = np.nan
    detectable: float = np.nan


class _Placebo(NamedTuple):
    """One unit tried as if treated in a window: its effect, that over its noise, and the ratio of its errors after and before."""

    unit: object
    effect: float
    z: float
    ratio: float
    treated: bool  # whether the window is the real one of a treated unit
    noise: float  # expected from the scatter of the unit's gaps


def design(panel: pd.DataFrame) -> str:
    """Choose the design: by how many units are untreated, how many are treated, and how long the time before is.

    1. Without an untreated unit: interrupted time series.
    2. One start for all treated units, ten untreated units and twice as many as treated ones, twenty periods before and three
       for each one after: difference in differences, synthetic difference in differences or augmented synthetic control,
       the treated units each with weights of its own or with joint ones, whichever strays least in earlier windows where
       nothing was done, over treated and untreated units alike (`several_units.tried`).
    3. One treated unit, ten untreated ones and ten periods before or more, and a mix of the others that follows the unit
       before the start better than their mean moved to its level does: synthetic control.
    4. All else: difference in differences.

    Raises
    ------
    ValueError
        As `estimate`.
    """
    grid = _grid(panel)
    return _several(grid).design if _suits(grid) else _chosen(grid)


def estimate(panel: pd.DataFrame, by: str = "", scale: str = "") -> pd.DataFrame:
    """The effect of the treatment by the design that fits the panel, or by the one named.

    - Difference in differences: two-way fixed effects, fitted to what was untreated alone and carried on to what was treated
      (Borusyak, Jaravel and Spiess 2024), so that staggered starts are not compared with each other; with one start it is the
      plain difference of differences. Ten or more units on both sides: error by the jackknife over units (CV3; MacKinnon, Nielsen
      and Webb 2023), Student t with the smaller side's units − 1. Fewer: placebos in units and time (below).
    - Synthetic difference in differences (Arkhangelsky et al. 2021) and augmented synthetic control with a ridge (Ben-Michael,
      Feller and Rothstein 2021), of one or several units with one start: p by permutations over sets of as many untreated
      units, in the window after and in earlier ones; the interval by inverting that test (`several_units.judge`).
    - Synthetic control: the mix of untreated units nearest to the treated one in all periods before the start (Abadie, Diamond
      and Hainmueller 2010, without other predictors); every untreated unit in turn is the placebo. Noise before is that on
      quarters of the time before which the mix did not see: within what it saw, many units fit as well as one likes.
    - Interrupted time series: level and slope before and after (Wagner et al. 2002), with the season where there are two years
      of it, Newey-West errors, Student t.

    Placebo errors are the root mean square of the placebo effects, each over its own unit's noise before, times the treated
    unit's noise before (studentised as in the ratio of Abadie et al.); Student t, degrees by Satterthwaite from the number of
    placebos and of periods before. Where effects are found by permutations, `error` is that with which Student's t gives the same
    interval.

    Parameters
    ----------
    panel : DataFrame
        `unit`, `start`, `value`, `treated_from`, and maybe `weight`; of any frequency, balanced.
    by : str
        One of the five designs; empty for what `design` chooses.
    scale : str
        On which effects add up: "levels", "logs" or "index" (over a unit's mean before). Empty: levels where a design is named;
        else logs, or an index where a value is not above zero, where units' scatter grows with their level, and levels where not.
        By day, each unit's pattern of weekdays is taken out where four weeks or more are before the start and a scale is used.

    Returns
    -------
    DataFrame
        One row: `design`, `inference`, `effect` (in the value's unit, a unit and period), `low`, `high` (90 %; missing where
        there is nothing to take it from), `error`, `df`, `p`, `counterfactual` (mean of what would have been), `relative`
        (effect over it, ratio, with `relative_low`, `relative_high`), `total` (over all treated units and periods, with ends),
        `detectable` (smallest effect found in 80 % of cases), `p_trend` (of a trend before the start; missing without
        a control), `fit` (root mean square of the gaps before), `treated`, `controls` (units), `before`, `after` (periods).

    Raises
    ------
    ValueError
        In one sentence, where a column, a value or a period is missing, doubled or of another type (`panels.ordered`), a weight
        is not above zero, nothing is treated, nothing is untreated though the design needs it, or no period is before the start.
    """
    grid = _grid(panel)
    return pd.DataFrame([_row(grid, _fitted(grid, by, scale))], columns=COLUMNS)


def path(panel: pd.DataFrame, by: str = "", scale: str = "") -> pd.DataFrame:
    """What was seen and what would have been, period by period around the start: the event study.

    Returns
    -------
    DataFrame
        One row per period since the start (0 is the first treated one), treated units together (weighted mean): `since`,
        `observed`, `counterfactual`, `gap`, `low`, `high` (90 %, of one period's gap by the noise before; value's unit).
    """
    grid = _grid(panel)
    fit = _fitted(grid, by, scale)
    rows = _aligned(grid, fit)
    reach = student.ppf(0.5 + LEVEL / 2, max(grid.before - 1, 1)) * fit.noise
    return rows.assign(low=rows["gap"] - reach, high=rows["gap"] + reach)


def placebos(panel: pd.DataFrame, by: str = "", scale: str = "") -> pd.DataFrame:
    """The same estimate for units that underwent nothing, beside the treated one.

    Returns
    -------
    DataFrame
        One row per placebo and the treated unit last (several as "A + B"): `unit`, `effect` (value's unit; ratio in logs and
        of an index), `z` (over the noise before), `ratio`
        (root mean square of the gaps after over the noise before: Abadie et al. 2010), `treated`; no rows where the errors
        do not come from placebos.
    """
    return _fitted(_grid(panel), by, scale).placebos


def limits(panel: pd.DataFrame) -> list[str]:
    """Say what an estimate from a panel must be read with, a sentence each, and what would be needed; empty where nothing is.

    One control or few; few periods before, or too few for each one after; and a course before that lies outside of its
    controls' in more than one period of ten, each unit over its own mean: no mix of them follows it there.

    >>> start = pd.date_range("2026-01-05", periods=12, freq="W-MON")
    >>> pair = pd.DataFrame({"unit": "A", "start": start, "value": 1.0, "treated_from": start[8]})
    >>> limits(pd.concat([pair, pair.assign(unit="B", treated_from=pd.NaT)]))[0]
    'one unit alone is untreated, so what befell it cannot be separated from the effect; ten are needed'

    Raises
    ------
    ValueError
        As `estimate`.
    """
    grid = _grid(panel)
    others, after = int((~grid.treated).sum()), grid.on.shape[1] - grid.before
    long = max(several_units.FIT, several_units.ROOM * after)
    said = []
    if others == 0:
        said.append("no unit is untreated, so all that changed since the start counts as the effect; ten are needed")
    elif others == 1:
        said.append(
            "one unit alone is untreated, so what befell it cannot be separated from the effect; ten are needed"
        )
    elif others < DONORS:
        said.append(f"{others} units are untreated; ten are needed for a mix of them that follows its course")
    if grid.before < long:
        said.append(
            f"{_periods(grid.before)} before the start and {after} since; {long} before are needed to try a mix on"
        )
    if others and (part := _outside(grid)) > OUTSIDE:
        where = f"in {part:.0%} of the periods before it lay above or below all untreated units"
        said.append(f"{where}, where no mix follows it; untreated units that move as it does are needed")
    return said


def _periods(count: int) -> str:
    return "one period lies" if count == 1 else f"{count} periods lie"


def _outside(grid: _Grid) -> float:
    """Give the part of the time before in which the treated units' mean lies outside all others, each over its own mean."""
    past = grid.values[:, : grid.before]
    level = past.mean(axis=1, keepdims=True)
    if not (level > 0).all():
        return 0.0
    course = past / level
    own, others = np.average(course[grid.treated], axis=0, weights=grid.weight[grid.treated]), course[~grid.treated]
    if len(others) < DONORS:  # few lie close together by chance, which is said already
        return 0.0
    return float(((own > others.max(axis=0)) | (own < others.min(axis=0))).mean())


def periods_needed(row: pd.Series, least: float) -> float:
    """How many periods after the start until a relative effect of `least` would be found in 80 % of cases.

    The error falls as √(1/after + 1/before); infinite where not even an endless time after would do.

    Parameters
    ----------
    row : Series
        Of an estimate: `counterfactual`, `detectable` (in the same unit), `before`, `after` (periods).
    least : float
        Effect over what would have been, ratio.

    Returns
    -------
    float
        Whole periods, rounded up; infinite where no number will do.
    """
    wanted = least * row["counterfactual"] / (row["detectable"] * (1 / row["after"] + 1 / row["before"]) ** -0.5)
    left = wanted**2 - 1 / row["before"]
    return float(np.ceil(1 / left)) if left > 0 else np.inf


def scale_of(past: np.ndarray) -> str:
    """Choose the scale on which effects add up, by the time before: by how units' scatter grows with their level.

    Parameters
    ----------
    past : ndarray
        Units × periods before the start.

    Returns
    -------
    str
        Logs where scatter grows about as level does; an index where it does and a value is not above zero; levels otherwise.
    """
    level, scatter = past.mean(axis=1), past.std(axis=1)
    if not ((level > 0) & (scatter > 0)).all() or np.log(level).std() < ALIKE:
        return LEVELS
    grows = np.polyfit(np.log(level), np.log(scatter), 1)[0]
    return LEVELS if grows < GROWS else LOGS if (past > 0).all() else INDEX


def on_scale(values: np.ndarray, starts: np.ndarray, scale: str, before: int) -> np.ndarray:
    """Give values on a scale, by day without each unit's pattern of weekdays.

    Parameters
    ----------
    values, starts : ndarray
        Units × periods, above zero for logs; and the periods' first days, or numbers.
    scale : str
        LEVELS, LOGS or INDEX.
    before : int
        Periods from the first on that means and patterns are taken from.
    """
    size = values[:, :before].mean(axis=1, keepdims=True) if scale == INDEX else 1.0
    values = np.log(values) if scale == LOGS else values / size
    if not np.issubdtype(starts.dtype, np.datetime64) or before < WEEKDAYS:
        return values
    if (np.diff(starts) != np.timedelta64(1, "D")).any():
        return values
    day, past = np.arange(len(starts)) % 7, values[:, :before]
    usual = np.stack([past[:, day[:before] == k].mean(axis=1) for k in range(7)], axis=1)
    return values - (usual - usual.mean(axis=1, keepdims=True))[:, day]


def _grid(panel: pd.DataFrame) -> _Grid:
    """Lay out a panel as matrices, or say in one sentence what is wrong with it."""
    panel = panels.ordered(panel, "unit", ("treated_from",))
    wide = panel.pivot(index="unit", columns="start", values="value")
    if wide.isna().any(axis=None):
        unit, start = wide.isna().stack().loc[lambda gone: gone].index[0]
        raise ValueError(
            f"unit {unit!r} has no row for {panels.said(start)}; the panel must have every unit in every period."
        )
    on = wide.columns.to_numpy()[None, :] >= _first(panel).to_numpy()[:, None]  # a missing day is never reached
    if not on.any():
        raise ValueError("no unit is treated within the panel: treated_from is missing, or after its last period.")
    if (always := on[:, 0]).any():
        raise ValueError(f"unit {wide.index[always][0]!r} has no period before its treatment starts; begin earlier.")
    return _Grid(wide.index.to_numpy(), wide.columns.to_numpy(), wide.to_numpy(), on, _weights(panel))


def _first(panel: pd.DataFrame) -> pd.Series:
    """Give each unit's first day, or period, under treatment, in the type of `start`."""
    first = panels.days(panel["treated_from"], missing=True)
    dates = pd.api.types.is_datetime64_any_dtype(panel["start"])
    if first.notna().any() and pd.api.types.is_datetime64_any_dtype(first) != dates:
        are = "dates, and start numbers" if not dates else "numbers, and start dates"
        raise ValueError(f"column treated_from holds {are}; make them alike.")
    if first.isna().all():
        first = pd.Series(np.nan, panel.index) if not dates else first
    return _of_units(panel.assign(treated_from=first.astype(panel["start"].dtype if dates else float)), "treated_from")


def _weights(panel: pd.DataFrame) -> np.ndarray:
    if "weight" not in panel:
        return np.ones(panel["unit"].nunique())
    weight = _of_units(panel.assign(weight=panels.numbers(panel["weight"], "numbers above zero")), "weight")
    if (odd := ~(weight > 0) | (weight > panels.LARGEST)).any():
        raise ValueError(
            f"unit {weight.index[odd][0]!r} has weight {weight[odd].iloc[0]:g}; expected a number above zero, or leave it out."
        )
    return weight.to_numpy()


def _of_units(panel: pd.DataFrame, column: str) -> pd.Series:
    """Give what is one for all rows of a unit, by unit."""
    each = panel.drop_duplicates(["unit", column]).set_index("unit")[column]
    if (mixed := each.index.duplicated()).any():
        raise ValueError(f"unit {each.index[mixed][0]!r} has more than one {column}; give one to all its rows.")
    return each


def _chosen(grid: _Grid) -> str:
    treated = grid.treated
    if treated.all():
        return INTERRUPTED
    if treated.sum() > 1 or (~treated).sum() < DONORS or grid.before < FIT:
        return DIFFERENCE
    k = int(np.argmax(treated))
    return SYNTHETIC if _held_out(grid, k) <= _moved(grid, k)[: grid.before].std(ddof=1) else DIFFERENCE


def _fitted(grid: _Grid, by: str, scale: str = "") -> _Fit:
    designs = {DIFFERENCE: _difference, SYNTHETIC: _synthetic, INTERRUPTED: _interrupted}
    known = [*designs, SYNTHETIC_DIFFERENCE, AUGMENTED]
    if by and by not in known:
        raise ValueError(f"there is no design {by!r}; there are {', '.join(known)}.")
    if scale and scale not in (LEVELS, LOGS, INDEX):
        raise ValueError(f"there is no scale {scale!r}; there are {LEVELS}, {LOGS}, {INDEX}.")
    if by and by != INTERRUPTED and grid.treated.all():
        raise ValueError(f"every unit is treated: {by} needs one that is not; without any, use {INTERRUPTED}.")
    if by == SYNTHETIC and grid.treated.sum() > 1:
        raise ValueError("a synthetic control is made for one treated unit; add the treated ones up first.")
    if scale and by in (SYNTHETIC, INTERRUPTED):
        raise ValueError(f"{by.capitalize()} has no other scale than levels; leave scale out, or name another design.")
    if by in (SYNTHETIC_DIFFERENCE, AUGMENTED) or (by == DIFFERENCE and scale):
        return _several(grid, by, scale or LEVELS)
    return _several(grid, "", scale) if not by and _suits(grid) else designs[by or _chosen(grid)](grid)


def _row(grid: _Grid, fit: _Fit) -> dict:
    """Give the columns of `estimate`, by name."""
    on, weight = grid.on[grid.treated], grid.weight[grid.treated]
    share = on * weight[:, None] * np.isfinite(fit.gaps)
    share = share / share.sum()
    effect, low, high = fit.ends or _by_t(np.nansum(share * fit.gaps), fit)
    base = (share * grid.values[grid.treated]).sum() - effect
    ends = {"": effect, "_low": low, "_high": high}
    power = (student.ppf(0.5 + LEVEL / 2, fit.df) + student.ppf(POWER, fit.df)) * fit.error
    path = _aligned(grid, fit).set_index("since").loc[:-1, "gap"].to_numpy()
    trend = np.nan if fit.design == INTERRUPTED else _trend(path)
    p = fit.p if fit.ends else 2 * student.sf(abs(effect / fit.error), fit.df) if fit.error > 0 else np.nan
    row = {"design": fit.design, "inference": fit.inference, "error": fit.error, "df": fit.df, "p": p}
    row |= {"effect": effect, "low": low, "high": high, "counterfactual": base}
    row |= {f"relative{end}": e / base if base > 0 else np.nan for end, e in ends.items()}
    row |= {f"total{end}": e * on.sum() for end, e in ends.items()}
    row |= {
        "detectable": fit.detectable if fit.ends else power,
        "p_trend": trend,
        "fit": _rms(path),
        "treated": len(on),
    }
    row |= {"controls": len(grid.on) - len(on), "before": grid.before, "after": int(grid.on.any(axis=0).sum())}
    return row


def _by_t(effect: float, fit: _Fit) -> tuple[float, float, float]:
    reach = student.ppf(0.5 + LEVEL / 2, fit.df) * fit.error
    return effect, effect - reach, effect + reach


def _aligned(grid: _Grid, fit: _Fit) -> pd.DataFrame:
    """Give the treated units' weighted mean by periods since each one's start."""
    on, weight = grid.on[grid.treated], grid.weight[grid.treated]
    since = np.arange(on.shape[1]) - np.argmax(on, axis=1)[:, None]
    known = np.isfinite(fit.gaps)
    weight = np.broadcast_to(weight[:, None], on.shape)[known]
    frame = pd.DataFrame({"counterfactual": fit.counterfactual[known] * weight, "gap": fit.gaps[known] * weight})
    sums = frame.assign(weight=weight).groupby(since[known]).sum()
    means = sums[["counterfactual", "gap"]].div(sums["weight"], axis=0).rename_axis("since")
    return means.assign(observed=means["counterfactual"] + means["gap"]).reset_index()


def _trend(gaps: np.ndarray) -> float:
    """Give p of a straight line through the gaps before the start (Newey-West errors); missing before four of them."""
    if len(gaps) < 4 or _rms(gaps) == 0:
        return np.nan
    steps = np.column_stack([np.ones(len(gaps)), np.arange(len(gaps))])
    return float(_newey_west(gaps, steps).pvalues[1])


def _difference(grid: _Grid) -> _Fit:
    fitted = _two_way(grid)
    rows = grid.treated
    gaps = (grid.values - fitted)[rows]
    past = np.average(gaps[:, : grid.before], axis=0, weights=grid.weight[rows])
    noise = past.std(ddof=1) if len(past) > 1 else np.nan
    if min(rows.sum(), (~rows).sum()) >= FEW:
        without = np.array([_mean_gap(grid.keep(np.arange(len(rows)) != k)) for k in range(len(rows))])
        spread = (len(rows) - 1) / len(rows) * ((without - without.mean()) ** 2).sum()
        df = min(rows.sum(), (~rows).sum()) - 1
        return _Fit(DIFFERENCE, gaps, fitted[rows], noise, np.sqrt(spread), df, "clustered by unit", _none())
    windows = [window for k in range(len(rows)) for window in _windows(grid, k)]
    table = pd.DataFrame(windows, columns=list(_Placebo._fields)).astype({"treated": bool})
    tried = table[~table["treated"]]
    wide = np.sqrt((tried["z"] ** 2).mean()) if len(tried) else np.nan
    share = grid.weight[rows] * grid.on[rows].sum(axis=1)
    own = table[table["treated"]]["noise"].to_numpy() * share / share.sum()
    error = float(np.sqrt((own**2).sum()) * wide)
    shown = table.drop(columns="noise")
    return _Fit(DIFFERENCE, gaps, fitted[rows], noise, error, _df(grid, len(tried)), f"{len(tried)} placebos", shown)


def _two_way(grid: _Grid) -> np.ndarray:
    """Fit unit and period effects to what is untreated, and carry them on to all; missing where a period has nothing untreated."""
    known = ~grid.on * grid.weight[:, None]
    units, periods = known.sum(axis=1), known.sum(axis=0)
    seen = known * grid.values
    normal = np.diag(periods) - known.T @ (known / units[:, None])
    moment = seen.sum(axis=0) - known.T @ (seen.sum(axis=1) / units)
    free = np.flatnonzero(periods > 0)[1:]  # the first period, in which nothing is treated, stands for zero
    time = np.zeros(len(periods))
    time[free] = solve(normal[np.ix_(free, free)], moment[free], assume_a="pos")
    unit = (known * (grid.values - time)).sum(axis=1) / units
    return np.where(periods > 0, unit[:, None] + time, np.nan)


def _mean_gap(grid: _Grid) -> float:
    share = grid.on * grid.weight[:, None]
    gaps = grid.values - _two_way(grid)
    share = share * np.isfinite(gaps)
    return np.nansum(share * gaps) / share.sum()


def _moved(grid: _Grid, k: int) -> np.ndarray:
    """Give a unit's gaps to the untreated others' mean, moved to its level of before."""
    others = ~grid.treated & (np.arange(len(grid.on)) != k)
    apart = grid.values[k] - np.average(grid.values[others], axis=0, weights=grid.weight[others])
    return apart - apart[: grid.before].mean()


def _windows(grid: _Grid, k: int) -> list[_Placebo]:
    """Try a unit against the untreated others: the real window, and as many earlier ones as leave half of the time before.

    A treated unit's own real window comes last and is marked.
    """
    own = grid.on[k].any()
    begun = int(np.argmax(grid.on[k])) if own else grid.before
    length = int(grid.on.any(axis=0).sum())
    if (~grid.treated).sum() < 2 and not own:
        return []
    apart = _moved(grid, k)
    rows = []
    for cut in range(begun, min(begun // 2, begun - 1), -length):
        past, then = apart[:cut], apart[cut : cut + length]
        noise = (past.std(ddof=1) if cut > 1 else np.nan) * np.sqrt(1 / len(then) + 1 / cut) or np.nan
        ratio = _rms(then - past.mean()) / (_rms(past - past.mean()) or np.nan)
        effect, real = then.mean() - past.mean(), own and cut == begun
        if real or noise > 0:
            rows.append(_Placebo(grid.units[k], effect, effect / noise, ratio, real, noise))
    return rows[::-1]


def _suits(grid: _Grid) -> bool:
    """Tell whether the treated units begin together, with enough beside and before them for a choice among courses."""
    begun = np.argmax(grid.on[grid.treated], axis=1)
    return bool(
        (begun == grid.before).all() and several_units.suits(grid.treated, grid.before, grid.on.shape[1] - grid.before)
    )


def _several(grid: _Grid, by: str = "", scale: str = "") -> _Fit:
    """Follow the treated units, all from one period on, by a mix of others (`several_units`), on a scale."""
    if (np.argmax(grid.on[grid.treated], axis=1) > grid.before).any():
        raise ValueError(f"{by} wants one start for all treated units; estimate those of each start on their own.")
    if (~grid.treated).sum() < 2:
        raise ValueError(f"{by} needs two units or more that nothing happened to.")
    scale = scale or scale_of(grid.values[:, : grid.before])
    if scale == LOGS and (low := (grid.values <= 0).any(axis=1)).any():
        said = f"unit {grid.units[low][0]!r} has a value that is not above zero, which has no logarithm"
        raise ValueError(f"{said}; use the scale {INDEX!r}.")
    size = (
        grid.values[:, : grid.before].mean(axis=1, keepdims=True) if scale == INDEX else np.ones((len(grid.values), 1))
    )
    values = on_scale(grid.values, grid.starts, scale, grid.before)
    trial = several_units.Trial(values, grid.treated, grid.weight, grid.before, int(grid.treated.sum()))
    tried = several_units.tried(trial, (by,) if by else (), several_units.EXACT if by else several_units.CLOSE)
    judged = several_units.judge(tried, grid.before, LEVEL)
    rows, after = grid.treated, slice(grid.before, None)
    own, each = grid.values[rows], grid.weight[rows] / grid.weight[rows].sum()
    gaps = own * -np.expm1(-tried.gaps[-1]) if scale == LOGS else size[rows] * tried.gaps[-1]
    unit = float(each @ size[rows, 0])
    if scale == LOGS:
        unit = float(each @ own[:, after].mean(axis=1) * np.exp(-judged.effect))
    grown = np.expm1 if scale == LOGS else np.asarray
    ends = tuple(unit * float(grown(judged.effect + far)) for far in (0.0, -judged.reach, judged.reach))
    said = f"{len(tried.placebos)} placebos" if len(tried.placebos) else "no placebos"
    return _Fit(
        tried.course.design, gaps, own - gaps, unit * float(tried.noise[-1]), unit * judged.error, judged.df, said,
        _sets_tried(grid, tried), ends, judged.p, unit * float(grown(judged.detectable)),
    )  # fmt: skip


def _sets_tried(grid: _Grid, tried: several_units.Tried) -> pd.DataFrame:
    """Give the placebo sets in all windows, and the treated set last, as `placebos` does."""
    names = [" + ".join(map(str, grid.units[members])) for members in tried.sets]
    windows = len(tried.effects)
    columns = {"effect": tried.effects, "z": tried.z, "ratio": tried.spread / tried.noise}
    table = pd.DataFrame({"unit": names * windows} | {name: found.ravel() for name, found in columns.items()})
    return table.assign(treated=table.index == len(table) - 1)[PLACEBOS].dropna(ignore_index=True)


def _synthetic(grid: _Grid) -> _Fit:
    k = int(np.argmax(grid.treated))
    if (~grid.treated).sum() < 2:
        raise ValueError("a synthetic control needs two units or more that nothing happened to.")
    rows = [_tried(grid, unit) for unit in (*np.flatnonzero(~grid.treated), k)]
    table = pd.DataFrame(rows, columns=list(_Placebo._fields))
    gap, noise = _mixed(grid, k, slice(0, grid.before)), table["noise"].iloc[-1]
    tried = table[~table["treated"]]["z"].dropna()
    error = float(np.sqrt((tried**2).mean()) * noise)
    shown = table.drop(columns="noise")
    counterfactual = (grid.values[k] - gap)[None]
    df = _df(grid, len(tried))
    return _Fit(SYNTHETIC, gap[None], counterfactual, noise, error, df, f"{len(tried)} placebos", shown)


def _df(grid: _Grid, placebos: int) -> float:
    """Give the degrees of freedom of a product of two variances, from placebos and from the time before (Satterthwaite)."""
    return 1 / (1 / max(placebos, 1) + 1 / max(grid.before - 1, 1))


def _mixed(grid: _Grid, k: int, seen: slice | np.ndarray) -> np.ndarray:
    """Give a unit's gaps to the mix of untreated others that is nearest to it in the periods `seen`.

    The weights are not below zero and add up to one: non-negative least squares with a heavy last row.
    """
    donors = grid.values[~grid.treated & (np.arange(len(grid.on)) != k)]
    heavy = 1e3 * np.abs(donors).max()
    mix, _ = nnls(np.vstack([donors[:, seen].T, np.full(len(donors), heavy)]), np.r_[grid.values[k, seen], heavy])
    return grid.values[k] - mix / mix.sum() @ donors


def _held_out(grid: _Grid, k: int) -> float:
    """Give the root mean square of a unit's gaps before the start, each quarter of them to a mix that did not see it."""
    past = np.arange(grid.before)
    unseen = [_mixed(grid, k, np.setdiff1d(past, part))[part] for part in np.array_split(past, FOLDS)]
    return _rms(np.concatenate(unseen))


def _tried(grid: _Grid, k: int) -> _Placebo:
    then, noise = _mixed(grid, k, slice(0, grid.before))[grid.before :], _held_out(grid, k) or np.nan
    effect, treated = then.mean(), bool(grid.treated[k])
    return _Placebo(grid.units[k], effect, effect / noise, _rms(then) / noise, treated, noise)


def _interrupted(grid: _Grid) -> _Fit:
    """Carry on the level, the slope and the season of the time before; all units together."""
    if grid.before < TREND:
        raise ValueError(f"an interrupted time series needs {TREND} periods before the start, there are {grid.before}.")
    series = np.average(grid.values, axis=0, weights=grid.weight)
    on = grid.on.any(axis=0)
    since = np.arange(len(series)) - grid.before
    steps = np.column_stack([np.ones(len(series)), since, *_season(grid)])
    moved = np.column_stack([on, on * since]) if on.sum() > 3 else on[:, None].astype(float)
    fit = _newey_west(series, np.column_stack([steps, moved]))
    mean = np.zeros(len(fit.params))
    mean[steps.shape[1] :] = moved[on].mean(axis=0)
    carried = steps @ fit.params[: steps.shape[1]]
    error = float(np.sqrt(mean @ fit.cov_params() @ mean))
    each, noise = np.ones((len(grid.on), 1)), float(fit.resid.std(ddof=1))
    gaps = series - carried
    return _Fit(INTERRUPTED, each * gaps, each * carried, noise, error, fit.df_resid, "Newey-West", _none())


def _season(grid: _Grid) -> Iterator[np.ndarray]:
    """Give a wave and its half for each year, where there are two years of days before the start."""
    if not np.issubdtype(grid.starts.dtype, np.datetime64):
        return
    years = (grid.starts - grid.starts[0]) / np.timedelta64(1, "D") / 365.25
    if years[grid.before] >= 2 and np.diff(years).max() < 0.2:
        for wave in (1, 2):
            yield np.sin(2 * np.pi * wave * years)
            yield np.cos(2 * np.pi * wave * years)


def _newey_west(values: np.ndarray, steps: np.ndarray):
    lags = int(4 * (len(values) / 100) ** (2 / 9))
    return OLS(values, steps).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _none() -> pd.DataFrame:
    return pd.DataFrame(columns=PLACEBOS).astype({"treated": bool})
