"""What does each single way of forecasting say of a series, today and from past days?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods import pooled, smoothing

LOCAL = list(smoothing.FORMS)
POOLED, NAIVE = "Pooled", "Seasonal naive"
CLAIMED = "Claimed spread"
MEMBERS = [*LOCAL, POOLED]

# Set by judgement, without a trial of other values on record.
ORIGINS = 4  # past days that members are tried from
SHORTEST = 8  # periods that a model must have seen


@dataclass(frozen=True)
class Trial:
    """From where and how far members are tried: `origins` days, `stride` periods apart, the last `reach` periods ago."""

    reach: int
    origins: int
    stride: int

    def cut(self, origin: int) -> int:
        """Give how many of the last periods are not seen from an origin; the latest origin is zero."""
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
        memory), `Seasonal naive`, `Claimed spread`, how far off the local members take themselves to be (geometric mean of the
        standard deviations that they tell, in the unit of `value`).
    """
    held = histories(panel)
    table = _local(held, dict.fromkeys(held, [0]), steps, season, jobs)
    return _with_pool(table, [pooled.paths(held, steps, season)]).drop(columns="origin")


def tried(panel: pd.DataFrame, how: Trial, season: int, jobs: int = 1) -> pd.DataFrame:
    """Say what every member would have said from past origins, seeing nothing later; series are aligned at their ends.

    A local member keeps the season that it began with at a series' first origin, and chooses its parameters again at each; the pool
    is learned again at each.

    Returns
    -------
    DataFrame
        One row per series, origin and step: `series`, `origin` (zero is the latest), `step`, `actual`, and the columns of `ahead`;
        no rows of a series that is too short.
    """
    held = histories(panel)
    counts = {name: how.count(len(values), season) for name, values in held.items()}
    unseen = {name: [how.cut(o) for o in reversed(range(count))] for name, count in counts.items() if count}
    if not unseen:
        return pd.DataFrame(columns=["series", "origin", "step", "actual", *MEMBERS, NAIVE, CLAIMED])
    table = _local(held, unseen, how.reach, season, jobs)
    table["actual"] = np.concatenate(
        [held[n][len(held[n]) - c :][: how.reach] for n, days in unseen.items() for c in days]
    )
    there = [{n: held[n] for n in unseen if counts[n] > o} for o in range(how.origins)]
    return _with_pool(table, [pooled.paths(_seen(h, how.cut(o)), how.reach, season) for o, h in enumerate(there)])


def _seen(held: dict[str, np.ndarray], late: int) -> dict[str, np.ndarray]:
    """Give what had been seen of each series so many periods ago; nothing of a series that had not begun."""
    return {name: values[: len(values) - late] for name, values in held.items() if len(values) > late}


def _needed(length: int, season: int) -> int:
    """Give how many periods a model must have seen: two seasons and one, where that leaves anything."""
    return 2 * season + 1 if length > 2 * season + 1 else SHORTEST


def _by_season(lengths: dict[str, int], season: int) -> dict[int, list[str]]:
    """Group series by the season that they are long enough to show; one for none."""
    groups: dict[int, list[str]] = {}
    for name, length in lengths.items():
        groups.setdefault(season if length >= 2 * season + 1 else 1, []).append(name)
    return groups


def _local(
    held: dict[str, np.ndarray], unseen: dict[str, list[int]], steps: int, season: int, jobs: int
) -> pd.DataFrame:
    """Give what the local members and the seasonal naive say from each day, the oldest first; days by their place from the last."""
    parts = []
    for own, names in _by_season({n: len(held[n]) - days[0] for n, days in unseen.items()}, season).items():
        days = [(n, len(held[n]) - late, len(unseen[n]) - 1 - k) for n in names for k, late in enumerate(unseen[n])]
        paths = smoothing.paths([held[n] for n in names], [unseen[n] for n in names], own, steps, jobs)
        table = pd.DataFrame({"series": np.repeat([n for n, _, _ in days], steps)})
        table["origin"] = np.repeat([origin for _, _, origin in days], steps)
        table["step"] = np.tile(np.arange(1, steps + 1), len(days))
        table[LOCAL] = paths.said.reshape(len(LOCAL), -1).T
        table[NAIVE] = np.concatenate([_naive(held[n][:end], own, steps) for n, end, _ in days])
        table[CLAIMED] = np.exp(np.log(np.maximum(paths.claimed, 1e-300)).mean(axis=0)).ravel()
        parts.append(table)
    order = {name: k for k, name in enumerate(unseen)}
    return pd.concat(parts).sort_values(
        ["series", "origin"], key=lambda c: c.map(order) if c.name == "series" else -c, kind="stable", ignore_index=True
    )


def _naive(seen: np.ndarray, season: int, steps: int) -> np.ndarray:
    """Repeat the last season; the last value where there is no whole one.

    >>> _naive(np.array([1.0, 2, 3, 4]), 3, 5).tolist()
    [2.0, 3.0, 4.0, 2.0, 3.0]
    """
    return np.resize(seen[-season:] if len(seen) >= season else seen[-1:], steps)


def histories(panel: pd.DataFrame) -> dict[str, np.ndarray]:
    """Give the values of each series, oldest first.

    Parameters
    ----------
    panel : DataFrame
        `series`, `value`, oldest first within a series.

    Returns
    -------
    dict of str to ndarray
        By name of series, in the names' order.
    """
    return {name: values.to_numpy(float) for name, values in panel.groupby("series", sort=True)["value"]}


def _with_pool(table: pd.DataFrame, pools: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    """Add what the pool says from each origin, the latest first."""
    rows = [
        (name, origin, step, value)
        for origin, paths in enumerate(pools)
        for name, path in paths.items()
        for step, value in enumerate(path, start=1)
    ]
    pool = pd.DataFrame(rows, columns=["series", "origin", "step", POOLED]).astype(
        {"origin": int, "step": int, POOLED: float}
    )
    table = table.astype({"origin": "int64"}).merge(pool, on=["series", "origin", "step"], how="left")
    return table.sort_values(["series", "origin", "step"], ignore_index=True)
