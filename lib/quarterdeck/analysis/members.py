"""What does each single way of forecasting say of a series, today and from past days?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from quarterdeck.analysis import pooled

LOCAL = ["ETS", "Theta", "STL and Theta"]
POOLED, NAIVE = "Pooled", "Seasonal naive"
CLAIMED = "Claimed spread"
MEMBERS = [*LOCAL, POOLED]
ORIGINS = 4  # past days that members are tried from
SHORTEST = 8  # periods that a model must have seen
LEVEL = 68  # of the interval that reaches a normal distribution's standard deviation either way, per cent
LONGEST_SEASON = 24  # periods in a season that exponential smoothing can follow


@dataclass(frozen=True)
class Trial:
    """From where and how far members are tried: `origins` days, `stride` periods apart, the last `reach` periods ago."""

    reach: int
    origins: int
    stride: int

    def cut(self, origin: int) -> int:
        """Give how many of the last periods are not seen from an origin; the latest origin is nought."""
        return self.reach + origin * self.stride

    def count(self, length: int, season: int) -> int:
        """Give from how many origins a series of this length can be tried."""
        room = length - _needed(length - self.reach, season) - self.reach
        return 0 if room < 0 else min(self.origins, room // self.stride + 1)


def trial(lengths: np.ndarray, ahead: int, season: int) -> Trial:
    """Choose origins that a middling series of these lengths has room for.

    >>> trial(np.array([60]), 12, 12), trial(np.array([34]), 12, 12)
    (Trial(reach=12, origins=4, stride=6), Trial(reach=7, origins=3, stride=1))
    """
    length = int(np.median(lengths)) if len(lengths) else 0
    room = length - _needed(length, season)
    reach = max(min(ahead, room - 2), 1)
    origins = max(min(ORIGINS, room - reach + 1), 1)
    stride = max(min((reach + 1) // 2, (room - reach) // max(origins - 1, 1)), 1)
    return Trial(reach, origins, stride)


def ahead(panel: pd.DataFrame, steps: int, season: int, jobs: int = 1) -> pd.DataFrame:
    """Carry each series of a panel forward by every member.

    Parameters
    ----------
    panel : DataFrame
        `series`, `value`, oldest first within a series.

    Returns
    -------
    DataFrame
        One row per series and step: `series`, `step`, a column per member (missing for the pool where a series is shorter than its
        memory), `Seasonal naive`, and `Claimed spread`, how far off the local members take themselves to be (geometric mean of the
        standard deviations that they tell, in the unit of `value`; missing where none does).
    """
    held = histories(panel)
    parts = []
    for own, names in _by_season({n: len(v) for n, v in held.items()}, season).items():
        with np.errstate(divide="ignore", invalid="ignore"):  # of a model with as many parameters as there are periods
            told = engine(own, jobs).forecast(df=_long(held, names), h=steps, level=[LEVEL])
        parts.append(_numbered(_claimed(told), ["unique_id"]))
    return _with_pool(pd.concat(parts), {0: held}, steps, season).drop(columns="origin")


def tried(panel: pd.DataFrame, how: Trial, season: int, jobs: int = 1) -> pd.DataFrame:
    """Say what every member would have said from past origins, seeing nothing later; series are aligned at their ends.

    A local member keeps the parameters that it was given at a series' first origin; the pool is learnt anew at each.

    Returns
    -------
    DataFrame
        One row per series, origin and step: `series`, `origin` (nought is the latest), `step`, `actual`, a column per member,
        `Seasonal naive` and `Claimed spread` (see `ahead`); no rows of a series that is too short.
    """
    held = histories(panel)
    counts = {name: how.count(len(values), season) for name, values in held.items()}
    parts = []
    for origins in sorted({c for c in counts.values() if c}):
        lengths = {n: len(held[n]) - how.cut(origins - 1) for n, c in counts.items() if c == origins}
        for own, names in _by_season(lengths, season).items():
            sought = {"h": how.reach, "step_size": how.stride, "n_windows": origins, "refit": False, "level": [LEVEL]}
            with np.errstate(divide="ignore", invalid="ignore"):
                told = engine(own, jobs).cross_validation(df=_long(held, names), **sought)
            told["origin"] = (told.groupby("unique_id")["cutoff"].transform("max") - told["cutoff"]) // how.stride
            parts.append(_numbered(_claimed(told.drop(columns="cutoff")), ["unique_id", "origin"]))
    if not parts:
        return pd.DataFrame(columns=["series", "origin", "step", "actual", *MEMBERS, NAIVE, CLAIMED])
    seen = {o: {n: v[: len(v) - how.cut(o)] for n, v in held.items() if counts[n] > o} for o in range(how.origins)}
    return _with_pool(pd.concat(parts).rename(columns={"y": "actual"}), seen, how.reach, season)


def _needed(length: int, season: int) -> int:
    """Give how many periods a model must have seen: two seasons and one, where that leaves anything."""
    return 2 * season + 1 if length > 2 * season + 1 else SHORTEST


def _by_season(lengths: dict[str, int], season: int) -> dict[int, list[str]]:
    """Group series by the season that they are long enough to show; one for none."""
    groups: dict[int, list[str]] = {}
    for name, length in lengths.items():
        groups.setdefault(season if length >= 2 * season + 1 else 1, []).append(name)
    return groups


def engine(season: int, jobs: int = 1):
    """Give the local members as statsforecast runs them, and the seasonal naive."""
    from statsforecast import StatsForecast  # here, for it is slow to import and only a forecast needs it
    from statsforecast.models import MSTL, AutoETS, DynamicOptimizedTheta, SeasonalNaive, Theta

    shown = season if season <= LONGEST_SEASON else 1
    local = [
        AutoETS(season_length=shown),
        DynamicOptimizedTheta(season_length=season),
        MSTL(season_length=season, trend_forecaster=Theta()) if season > 1 else Theta(),
    ]
    for model, name in zip(local, LOCAL, strict=True):
        model.alias = name
    naive = SeasonalNaive(season_length=season)
    return StatsForecast(
        [*local, SeasonalNaive(season_length=season, alias=NAIVE)], freq=1, n_jobs=jobs, fallback_model=naive
    )


def histories(panel: pd.DataFrame) -> dict[str, np.ndarray]:
    """Give the values of each series, oldest first."""
    return {name: values.to_numpy(float) for name, values in panel.groupby("series", sort=True)["value"]}


def _long(histories: dict[str, np.ndarray], names: list[str]) -> pd.DataFrame:
    """Give histories as statsforecast takes them; periods are numbered, for their length does not matter to it."""
    lengths = [len(histories[n]) for n in names]
    return pd.DataFrame(
        {
            "unique_id": np.repeat(names, lengths),
            "ds": np.concatenate([np.arange(n) for n in lengths]),
            "y": np.concatenate([histories[n] for n in names]),
        }
    )


def _claimed(told: pd.DataFrame) -> pd.DataFrame:
    """Put one spread in the place of the members' intervals."""
    low, high = (told[[f"{name}-{end}-{LEVEL}" for name in LOCAL]].to_numpy(float) for end in ("lo", "hi"))
    half = pd.DataFrame((high - low) / 2, told.index)
    sure = np.log(half.where(np.isfinite(half) & half.gt(0)))
    return told.drop(columns=told.filter(regex="-(lo|hi)-").columns).assign(**{CLAIMED: np.exp(sure.mean(axis=1))})


def _numbered(told: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    table = told.drop(columns="ds").assign(step=told.groupby(keys)["ds"].rank().astype(int))
    return table.rename(columns={"unique_id": "series"})


def _with_pool(told: pd.DataFrame, seen: dict[int, dict[str, np.ndarray]], steps: int, season: int) -> pd.DataFrame:
    """Add what the pool says from each origin; where a local member says nothing finite, the seasonal naive stands in."""
    rows = [
        (name, origin, step, value)
        for origin, histories in seen.items()
        for name, path in pooled.paths(histories, steps, season).items()
        for step, value in enumerate(path, start=1)
    ]
    pool = pd.DataFrame(rows, columns=["series", "origin", "step", POOLED]).astype(
        {"origin": int, "step": int, POOLED: float}
    )
    told = told if "origin" in told else told.assign(origin=0)
    table = told.astype({"origin": "int64"}).merge(pool, on=["series", "origin", "step"], how="left")
    finite = table[LOCAL].where(np.isfinite(table[LOCAL]))
    table[LOCAL] = finite.apply(lambda column: column.fillna(table[NAIVE]))
    return table.sort_values(["series", "origin", "step"], ignore_index=True)
