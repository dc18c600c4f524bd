"""Where does each of many series go from here, and how sure is that?

A panel is forecast by four members of different kinds, joined by weights that past forecasts earned; the spread is what was left
of their errors. Any frequency will do: a season is a number of periods.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import softmax
from scipy.stats import norm, t

from quarterdeck.analysis import members, pooled, regressors
from quarterdeck.analysis.members import CLAIMED, MEMBERS, NAIVE, POOLED
from quarterdeck.analysis.pooled import Scaled

QUANTILES = (0.1, 0.5, 0.9)
JOINED = "Joined"
SPARSE = 0.4  # part of noughts in the last two seasons from which a series is intermittent
LOCAL_PARTS = {
    "ETS": 3,
    "Theta": 1,
    "STL and Theta": 2,
}  # what local members are believed to be worth against each other
POOL_PART, TRUSTED = 0.6, 10.0  # the pool's full part, and the windows per coefficient at which it is trusted half
STEADY, FEW = 0.3, 100  # how strongly weights are held to what is believed beforehand; series below which twice as much
OWN = 10.0  # origins of its own at which a series' spread counts as much as the panel's
EVENLY = [(k + 0.5) / 50 for k in range(50)]  # quantiles whose mean is the distribution's
CLAIM = 0.75  # how far the unit of errors follows what the members claim, on the scale of logarithms
ODD = 30.0  # usual changes above, and parts of one below, which a claim is not followed
FADE = 0.5  # what an origin counts for against the one after it
MANY = 100  # series × origins from which the errors' own distribution is taken
OUTER = np.linspace(0.55, 0.999, 450)  # quantiles above the middle at which it is drawn out


def forecast(
    panel: pd.DataFrame,
    ahead: int,
    season: int,
    quantiles: Sequence[float] = QUANTILES,
    tested: pd.DataFrame | None = None,
    jobs: int = 1,
    plans: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Forecast each series of a panel as a distribution.

    Regular series: exponential smoothing (Hyndman et al. 2002), dynamic optimised Theta (Fiorucci et al. 2016), Theta on an STL
    decomposition, and an autoregression pooled over the panel (`pooled.paths`), joined by `weights`: half by their mean, half by
    their median. Quantiles are conformal: those of past errors at the same distance (`spread`), in units of what the members say
    of their own spread (normalised conformal prediction: Lei et al. 2018, Journal of the American Statistical Association 113,
    1094, 5.2). Others: a *dead* series, nought for a season, stays at nought; an *intermittent* one, two fifths noughts or more
    in its last two seasons, is forecast by IMAPA (Petropoulos and Kourentzes 2015) with the quantiles of those two seasons; a
    *new* one, too short for any of this, moves from its own level as the middle one of the others does. Of months and quarters
    that are given as dates, what the calendar and initiatives move is taken out before and put back after, where the past says
    that this helps (`regressors.gains`).

    Parameters
    ----------
    panel : DataFrame
        One row per series and period, `series` (name), `start` (first day, or a number), `value`; no gaps.
    ahead, season : int
        Periods to forecast, and in a season (12 for months of a year, 52 for weeks, 1 for none).
    quantiles : sequence of float
        Which quantiles to give.
    tested : DataFrame, optional
        As `backtest` gives it for this panel, to save doing it again.
    jobs : int
        Processes to fit in.
    plans : DataFrame, optional
        What initiatives cover, as `plans.plans` gives it.

    Returns
    -------
    DataFrame
        One row per series and period ahead: `series`, `start`, `step` (1 is the next period), `kind` (regular, intermittent, new or
        dead), `mean`, and a column per quantile, `p10`, `p50`, `p97.5` …, in the unit of `value`.

    Raises
    ------
    ValueError
        Where a value is missing, or a series has a period twice or a gap; names the series. Where a column is text, or a
        quantile is not between nought and one.
    """
    panel, starts = _checked(panel, ahead)
    if odd := [q for q in quantiles if not 0 < q < 1]:
        raise ValueError(f"{odd[0]!r} is no quantile; each lies between 0 and 1.")
    kind = kinds(panel, ahead, season)
    moved = regressors.factors(panel, ahead, season, plans)
    past, panel = panel, panel.assign(value=panel["value"] / regressors.at(moved, panel))
    regular = panel[panel["series"].map(kind).eq("regular")]
    parts = [_dead(kind, ahead, quantiles), _intermittent(panel, kind, ahead, season, quantiles)]
    if len(regular):
        tested = backtest(past, ahead, season, jobs, plans) if tested is None else tested
        told = members.ahead(regular, ahead, season, jobs)
        told[JOINED] = _join(told, weights(tested, _beliefs(regular, ahead, season)))
        parts.append(_spread_out(told, regular, spread(tested, ahead), season, quantiles))
    parts.append(_new(panel, kind, parts[-1], ahead, season, quantiles))
    table = pd.concat([part for part in parts if len(part)])
    table = table.merge(starts, on=["series", "step"]).assign(kind=lambda x: x["series"].map(kind))
    told = ["mean", *map(column, quantiles)]
    table[told] = table[told].mul(regressors.at(moved, table), axis=0)
    columns = ["series", "start", "step", "kind", *told]
    return table.sort_values(["series", "step"], ignore_index=True)[columns]


def backtest(
    panel: pd.DataFrame, ahead: int, season: int, jobs: int = 1, plans: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What each member, and all of them joined, would have said of the regular series from past origins.

    The weights are those that the oldest origin asks for, so the later ones judge them; there the belief itself is judged. What
    calendar and initiatives move is learnt, and whether to take it decided, from what was known at the oldest origin.

    Parameters
    ----------
    panel, ahead, season, jobs, plans
        As for `forecast`.

    Returns
    -------
    DataFrame
        One row per series, origin and step: `series`, `origin` (nought is the latest), `step`, `start`, `actual`, a column per
        member, `Seasonal naive`, `Joined` (unit of `value`), `scale` (mean absolute error of the seasonal naive within what was
        seen, for MASE) and `error` (of `Joined`, on the scale of `pooled.Scaled`, in units of how far off it was
        to be expected); no rows of series too short.
    """
    if panel.empty:
        return pd.DataFrame(
            columns=["series", "origin", "step", "start", "actual", *MEMBERS, NAIVE, JOINED, "scale", "error"]
        )
    panel, _ = _checked(panel, ahead)
    regular = panel[panel["series"].map(kinds(panel, ahead, season)).eq("regular")]
    how = members.trial(regular["series"].value_counts().to_numpy(), ahead, season)
    unseen, back = how.cut(how.origins - 1), regular.groupby("series").cumcount(ascending=False)
    moved = regressors.factors(regular[back >= unseen], unseen, season, plans)
    past, regular = regular, regular.assign(value=regular["value"] / regressors.at(moved, regular))
    tested = members.tried(regular, how, season, jobs)
    believed = _beliefs(regular, ahead, season)
    tested["scale"] = _scales(tested, past, how, season)
    oldest = tested["origin"].eq(tested.groupby("series")["origin"].transform("max"))
    tested[JOINED] = np.where(oldest, _join(tested, believed), _join(tested, weights(tested, believed)))
    tested["error"] = _errors(tested, regular, how, season)
    place = regular[["series", "start"]].assign(back=back)
    tested["back"] = how.cut(0) + tested["origin"] * how.stride - tested["step"]
    tested = tested.merge(place, on=["series", "back"], how="left").drop(columns=["back", CLAIMED])
    told = ["actual", *MEMBERS, NAIVE, JOINED]
    tested[told] = tested[told].mul(regressors.at(moved, tested), axis=0)
    return tested


def weights(tested: pd.DataFrame, believed: pd.Series) -> pd.Series:
    """How much each member is to count: what would have made past errors least, held to what is believed beforehand.

    Least mean absolute scaled error (MASE) over all series alike, plus the squared distance from the belief. Errors are those from
    the oldest origin of each series: there every member is fresh, while from later ones the local members' parameters have aged.

    Parameters
    ----------
    tested : DataFrame
        `series`, `origin`, `step`, `actual`, `scale` and a column per member.
    believed : Series
        Weight by member, adding up to one.

    Returns
    -------
    Series
        Weight by member, none below nought, adding up to one; the belief itself where nothing was tried.
    """
    oldest = tested["origin"].eq(tested.groupby("series")["origin"].transform("max"))
    whole = tested[oldest & tested["scale"].gt(0)].dropna(subset=MEMBERS)
    if whole.empty:
        return believed
    heard = 1 / whole.groupby("series")["step"].transform("size")
    errors = (whole[MEMBERS].sub(whole["actual"], axis=0)).div(whole["scale"], axis=0).to_numpy()
    mean = heard.to_numpy() / heard.sum()
    usual = float(mean @ np.abs(errors @ believed.to_numpy())) or 1.0
    held = STEADY * (1 + FEW / whole["series"].nunique())

    def loss(logits: np.ndarray) -> float:
        part = softmax(logits)
        off = np.sqrt((errors @ part) ** 2 + 1e-6)
        return float(mean @ off) / usual + held * float(((part - believed) ** 2).sum())

    return pd.Series(softmax(minimize(loss, np.log(believed.to_numpy()), method="L-BFGS-B").x), index=MEMBERS)


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
            weigh = {"weights": self.heard, "method": "inverted_cdf"}
            out = t.ppf(OUTER, self.worth) / norm.ppf(OUTER) * np.sqrt(1 + 1 / self.worth)
            drawn = np.interp(np.abs(np.asarray(quantiles) - 0.5), OUTER - 0.5, out)
            return drawn * (np.quantile(self.errors, quantiles, **weigh) - np.quantile(self.errors, 0.5, **weigh))
        size = np.sqrt(np.average(self.errors**2, weights=self.heard)) if blocks else np.sqrt(np.pi / 2)
        return t.ppf(quantiles, max(blocks, 2)) * size

    def factor(self, name: str) -> float:
        """Give the factor of a series; the usual one where it was not tried."""
        return float(self.own.get(name, self.own.mean() if len(self.own) else 1.0))


def spread(tested: pd.DataFrame, ahead: int) -> Spread:
    """How far off past forecasts were.

    By step: the mean absolute error there, never less than nearer by; beyond what was tried it grows with the root of the distance,
    as far as claims, which grow themselves, are not followed. A series' own factor is its errors against that, shrunken to the
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
    return Spread(far, factor, unit.to_numpy() / others.to_numpy(), heard.to_numpy(), _worth(errors))


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
            told = spread(others, int(tested["step"].max()))
            low, high = told.reach([(1 - level) / 2, (1 + level) / 2])
            unit = asked["error"] / told.by_step[asked["step"] - 1] / asked["series"].map(told.factor)
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


def _beliefs(regular: pd.DataFrame, ahead: int, season: int) -> pd.Series:
    """Give the weights believed in beforehand: the more windows the pool has to learn from, the more of it."""
    told = pooled.evidence(regular["series"].value_counts().to_numpy(), ahead, season)
    pool = max(POOL_PART * told / (told + TRUSTED), 0.01)
    whole = sum(LOCAL_PARTS.values())
    return pd.Series({name: (1 - pool) * part / whole for name, part in LOCAL_PARTS.items()} | {POOLED: pool})


def _join(told: pd.DataFrame, weight: pd.Series) -> np.ndarray:
    """Give half the weighted mean and half the weighted median of the members that say something: no stray one drags it far."""
    values = told[MEMBERS].to_numpy(float)
    order = np.argsort(values, axis=1)  # those that say nothing come last
    values = np.take_along_axis(values, order, axis=1)
    said = np.where(np.isnan(values), 0.0, weight.to_numpy()[order])
    values, said = np.nan_to_num(values), said / said.sum(axis=1, keepdims=True)
    middle = np.cumsum(said, axis=1) - said / 2  # where each member lies in the distribution
    after = np.clip((middle < 0.5).sum(axis=1), 1, np.maximum((said > 0).sum(axis=1) - 1, 1))
    rows = np.arange(len(values))
    low, high, gap = values[rows, after - 1], values[rows, after], middle[rows, after] - middle[rows, after - 1]
    median = low + (high - low) * np.clip((0.5 - middle[rows, after - 1]) / np.maximum(gap, 1e-12), 0, 1)
    return ((values * said).sum(axis=1) + median) / 2


def _worth(errors: pd.DataFrame) -> float:
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


def _errors(tested: pd.DataFrame, regular: pd.DataFrame, how: members.Trial, season: int) -> pd.Series:
    held, errors = members.histories(regular), pd.Series(np.nan, tested.index)
    for (name, origin), rows in tested.groupby(["series", "origin"]):
        scaled = Scaled(held[name][: -how.cut(origin)], season)
        gap = scaled.level(rows["actual"].to_numpy()) - scaled.level(rows[JOINED].to_numpy())
        errors[rows.index] = gap / _unit(rows, scaled)
    return errors


def _unit(rows: pd.DataFrame, scaled: Scaled) -> np.ndarray:
    """Give what errors are measured in: the series' usual change, drawn towards what its members claim of their spread."""
    claimed = scaled.width(rows[CLAIMED].to_numpy(), rows[JOINED].to_numpy()) / scaled.change
    return scaled.change * np.nan_to_num(claimed, nan=1.0).clip(1 / ODD, ODD) ** CLAIM


def _spread_out(
    told: pd.DataFrame, regular: pd.DataFrame, spread: Spread, season: int, quantiles: Sequence[float]
) -> pd.DataFrame:
    reach, held, parts = spread.reach([*quantiles, *EVENLY]), members.histories(regular), []
    for name, rows in told.groupby("series"):
        scaled = Scaled(held[name], season)
        width = _unit(rows, scaled) * spread.by_step * spread.factor(name)
        values = scaled.value(scaled.level(rows[JOINED].to_numpy())[:, None] + np.outer(width, reach))
        values = values.clip(min=0) if held[name].min() >= 0 else values
        table = pd.DataFrame(values[:, : len(quantiles)], columns=list(map(column, quantiles)))
        mean = values[:, len(quantiles) :].mean(axis=1)
        parts.append(table.assign(series=name, step=rows["step"].to_numpy(), mean=mean))
    return pd.concat(parts)


def _dead(kind: pd.Series, ahead: int, quantiles: Sequence[float]) -> pd.DataFrame:
    names = kind.index[kind.eq("dead")]
    table = pd.DataFrame({"series": np.repeat(names, ahead), "step": np.tile(np.arange(1, ahead + 1), len(names))})
    return table.assign(mean=0.0, **{column(q): 0.0 for q in quantiles})


def _intermittent(
    panel: pd.DataFrame, kind: pd.Series, ahead: int, season: int, quantiles: Sequence[float]
) -> pd.DataFrame:
    from statsforecast.models import IMAPA  # here, for it is slow to import

    parts = []
    for name, values in members.histories(panel[panel["series"].map(kind).eq("intermittent")]).items():
        recent = values[-2 * max(season, 4) :]
        level = float(np.ravel(IMAPA().forecast(values.copy(), h=1)["mean"])[0])
        grown = np.quantile(recent, quantiles) * (level / recent.mean() if recent.mean() else 1.0)
        told = pd.DataFrame([grown] * ahead, columns=list(map(column, quantiles)))
        parts.append(told.assign(series=name, step=np.arange(1, ahead + 1), mean=level))
    return pd.concat(parts) if parts else pd.DataFrame()


def _new(
    panel: pd.DataFrame, kind: pd.Series, others: pd.DataFrame, ahead: int, season: int, quantiles: Sequence[float]
) -> pd.DataFrame:
    """Move new series as the middle of the regular ones moves, as wide as nine of ten of them are."""
    held, parts = members.histories(panel), []
    sought = {"mean": 0.5} | {column(q): q for q in quantiles}
    for name in kind.index[kind.eq("new")]:
        span = min(len(held[name]), season)
        level = held[name][-span:].mean()
        levels = {n: held[n][-span:].mean() for n in kind.index[kind.eq("regular")]}
        usual = others[others["series"].map(levels).gt(0)] if len(levels) else pd.DataFrame()
        if len(usual) and level > 0:
            moved = usual[list(sought)].div(usual["series"].map(levels), axis=0).groupby(usual["step"])
            told = pd.DataFrame({c: level * moved[c].quantile(_outer(q)) for c, q in sought.items()})
        else:
            wide = np.std(held[name]) * np.sqrt(1 + 1 / span)
            told = pd.DataFrame(
                [level + t.ppf(list(sought.values()), max(span - 1, 1)) * wide] * ahead, columns=list(sought)
            )
        parts.append(told.assign(series=name, step=np.arange(1, ahead + 1)))
    return pd.concat(parts) if parts else pd.DataFrame()


def _outer(quantile: float) -> float:
    return 0.1 if quantile < 0.5 else 0.9 if quantile > 0.5 else 0.5


def _checked(panel: pd.DataFrame, ahead: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Refuse a panel with gaps; give it in order, and the first day of each period ahead."""
    panel = panel[["series", "start", "value"]].sort_values(["series", "start"], ignore_index=True)
    for column in ("start", "value"):
        if pd.api.types.is_string_dtype(panel[column]):
            raise ValueError(f"{column} is text; make it dates or numbers (pandas.to_datetime, pandas.to_numeric).")
    if (odd := ~np.isfinite(panel["value"].astype(float))).any():
        raise ValueError(f"series {panel.loc[odd, 'series'].iloc[0]!r} has a period without a value.")
    longest = panel["series"].value_counts().idxmax()
    offset = _offset(panel.loc[panel["series"] == longest, "start"], longest)
    parts = []
    for name, starts in panel.groupby("series")["start"]:
        expected = _periods(starts.iloc[0], len(starts) + ahead, offset)
        if (starts.to_numpy() != expected[: len(starts)].to_numpy()).any():
            raise ValueError(f"series {name!r} has a gap or a period twice; give each period once.")
        parts.append(pd.DataFrame({"series": name, "start": expected[-ahead:], "step": np.arange(1, ahead + 1)}))
    return panel, pd.concat(parts)


def _offset(starts: pd.Series, name: str) -> object:
    if not pd.api.types.is_datetime64_any_dtype(starts):
        return int(np.median(np.diff(starts))) if len(starts) > 1 else 1
    if len(starts) < 3:  # too few to forecast, and to tell more than months by
        months = starts.dt.to_period("M").astype("int64").diff().max()
        return pd.DateOffset(months=int(months) if months > 0 else 1)
    with pd.option_context("future.infer_freq_returns_offset", True):
        found = pd.infer_freq(starts)
    if found is None:
        raise ValueError(f"series {name!r} has a gap or a period twice; give each period once.")
    return found


def _periods(first: object, count: int, offset: object) -> pd.Index:
    if isinstance(offset, int):
        return pd.Index(range(first, first + count * offset, offset))
    return pd.date_range(first, periods=count, freq=offset)
