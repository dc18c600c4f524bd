"""Which units should a test treat, for how long and at what cost, so that the effect of interest is found? Simulated on the past.

A panel has a row per unit and period: `unit`, `start`, `value`, all untreated, of any frequency and balanced.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods import designs, panels, several_units
from quarterdeck.analysis.methods.several_units import Tried

POWER = several_units.POWER
PLAN = (
    "units treated periods controls design detectable power cost correlation part enough chosen before windows".split()
)


@dataclass(frozen=True)
class _Past:
    """A company's past as a matrix, units × periods, on the scale on which effects add up; `usual` a unit's mean value."""

    units: np.ndarray
    values: np.ndarray
    usual: np.ndarray
    scale: str


def plan(
    panel: pd.DataFrame,
    effect: float = 0.05,
    lengths: Sequence[int] = (4, 8, 13),
    sizes: Sequence[int] = (1, 2, 5),
    rate: float = np.nan,
    budget: float = np.inf,
) -> pd.DataFrame:
    """Which units to treat and for how long: for each number of units and length, the set that shows the smallest effect.

    Sets are tried in windows of the panel's own past, in which nothing was done, by the very choice and test that will judge the
    experiment (`several_units`): what they find there is what chance finds. An effect counts as found where the 90 % interval
    leaves zero out; all units that are not treated are held back as controls. Of the choices with a power of 80 % or more
    within the budget the cheapest is chosen, of equal ones the shortest; where there is none, none is.

    Parameters
    ----------
    panel : DataFrame
        `unit`, `start`, `value` (positive sums, such as sales), and maybe `weight`; balanced.
    effect : float
        Smallest effect of interest, over what would have been; ratio.
    lengths, sizes : sequence of int
        Periods that the test may last, and numbers of units that it may treat.
    rate : float
        What treating costs, over what is usually sold where it is done; missing where not known.
    budget : float
        Most that may be spent, in the value's unit.

    Returns
    -------
    DataFrame
        One row per size and length that the panel holds enough for, in their order: `units` (names, "A + B"), `treated`,
        `periods`, `controls` (count), `design` (which would judge it), `detectable` (smallest effect found in 80 % of cases,
        ratio), `power` (share of cases in which `effect` is found), `cost` (value's unit; missing without a rate),
        `correlation` (of the set with its mix, before), `part` (share of all units' value that is treated, ratio), `enough`
        (power of 80 % within the budget), `chosen`, `before` (periods), `windows` (in which sets were tried). No rows where no
        choice is possible, which `lacking` explains.

    Raises
    ------
    ValueError
        In one sentence, where the panel is not fit (`panels.ordered`), or an option is no number above zero.
    """
    if not effect > 0:
        raise ValueError(f"effect holds {effect}, expected a number above zero, such as 0.05.")
    lengths, sizes = (
        [panels.whole(name, n) for n in asked] for name, asked in (("lengths", lengths), ("sizes", sizes))
    )
    past = _past(panel)
    cost = past.usual * (rate if pd.notna(rate) else np.nan)
    rows = [_choice(past, size, length, effect) for size, length in _possible(past.values.shape, sizes, lengths)]
    table = pd.DataFrame(rows, columns=[c for c in [*PLAN, "members"] if c not in ("cost", "enough", "chosen")])
    table["cost"] = [cost[m].sum() * n for m, n in zip(table["members"], table["periods"], strict=True)]
    within = table["cost"].le(budget) | (table["cost"].isna() & np.isinf(budget))
    table["enough"] = (table["power"].ge(POWER) & within).astype(bool)
    first = table[table["enough"]].sort_values(["cost", "periods", "part"]).index[:1]
    return table.assign(chosen=table.index.isin(first))[PLAN]


def lacking(panel: pd.DataFrame, lengths: Sequence[int] = (4, 8, 13), sizes: Sequence[int] = (1, 2, 5)) -> str:
    """Say in one sentence what a panel lacks for any test of these lengths and sizes; empty where it holds enough for one.

    >>> few = pd.DataFrame({"unit": ["A", "A", "B", "B"], "start": [1, 2, 1, 2], "value": 1.0})
    >>> lacking(few, lengths=(4, 8), sizes=(1,))
    'too little: 2 units and 2 periods; a test needs 11 units and 24 periods.'
    """
    units, periods = _past(panel).values.shape
    if list(_possible((units, periods), sizes, lengths)):
        return ""
    most, long = needed(lengths, sizes)
    return f"too little: {units} units and {periods} periods; a test needs {most} units and {long} periods."


def needed(lengths: Sequence[int] = (4, 8, 13), sizes: Sequence[int] = (1, 2, 5)) -> tuple[int, int]:
    """Give the units and the periods that a panel needs for the smallest and shortest test of these lengths and sizes.

    >>> needed(lengths=(4, 8), sizes=(1,))
    (11, 24)
    """
    size, length = min(sizes), min(lengths)
    units = size + max(several_units.DONORS, 2 * size)
    return units, length + max(several_units.FIT, several_units.ROOM * length)


def _past(panel: pd.DataFrame) -> _Past:
    """Lay out the past, units of alike size beside each other, so that placebo sets mix large and small ones."""
    whole = panels.ordered(panel, "unit")
    wide = whole.pivot(index="unit", columns="start", values="value")
    if wide.isna().any(axis=None):
        unit, start = wide.isna().stack().loc[lambda gone: gone].index[0]
        raise ValueError(
            f"unit {unit!r} has no row for {panels.said(start)}; the panel must have every unit in every period."
        )
    wide = wide.loc[wide.mean(axis=1).sort_values(kind="stable").index]
    values, starts = wide.to_numpy(), wide.columns.to_numpy()
    scale = designs.scale_of(values)
    return _Past(
        wide.index.to_numpy(), designs.on_scale(values, starts, scale, len(starts)), values.mean(axis=1), scale
    )


def _possible(shape: tuple[int, int], sizes: Sequence[int], lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give the sizes and lengths that a panel holds enough for, as the design would choose among courses."""
    for size in sizes:
        for length in lengths:
            treated = np.arange(shape[0]) < size
            if size < shape[0] and several_units.suits(treated, shape[1] - length, length):
                yield size, length


def _choice(past: _Past, size: int, length: int, effect: float) -> dict:
    """Try all sets of a size in windows of a length, and give the one that shows the smallest effect."""
    nobody = np.zeros(len(past.units), dtype=bool)
    trial = several_units.Trial(past.values, nobody, np.ones(len(nobody)), past.values.shape[1] - length, size)
    tried = several_units.tried(trial, sets=several_units.placebo_sets(trial)[:-1])
    noise = tried.noise if past.scale != designs.LEVELS else tried.noise / (tried.sets @ past.usual) * size
    best = int(np.nanargmin(noise))
    beyond, reach = _chance(tried)
    wanted = np.log1p(effect) if past.scale == designs.LOGS else effect
    signed = np.r_[beyond, -beyond]
    least = noise[best] * (reach + np.quantile(signed, POWER))
    own = tried.sets[best]
    mix = past.values[own].mean(axis=0) - tried.gaps[best]
    return {
        "units": " + ".join(map(str, past.units[own])),
        "treated": size,
        "periods": length,
        "controls": int((~own).sum()),
        "design": tried.course.design,
        "detectable": float(np.expm1(least) if past.scale == designs.LOGS else least),
        "power": float((signed + wanted / noise[best] >= reach).mean()),
        "correlation": float(np.corrcoef(past.values[own].mean(axis=0), mix)[0, 1]),
        "part": float(past.usual[own].sum() / past.usual.sum()),
        "before": trial.before,
        "windows": len(tried.effects),
        "members": own,
    }


def _chance(tried: Tried) -> tuple[np.ndarray, float]:
    """Give what chance found over noise in all windows, and the bound that one in ten lie beyond (either way)."""
    found = tried.z[np.isfinite(tried.z)]
    return found, float(np.quantile(np.abs(found), designs.LEVEL))
