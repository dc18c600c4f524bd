"""What should each region, segment and seller be asked for, so that all have the same chance of reaching it?

A plan is split so that the chances are as equal as floors and caps allow. The same split has the least expected
shortfall of all that add up to the plan (the newsvendor's condition; Arrow, Harris and Marschak 1951, Econometrica 19): a
unit's shortfall grows with its target at the rate of its chance of missing it, so at the least sum these chances are equal.
"""

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from quarterdeck.analysis.methods.intervals import growth
from quarterdeck.analysis.methods.series import JOINED
from quarterdeck.analysis.planning.prospects import EDGE, UNITS, below, reached
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.reasons import no_rows

SPLIT = [
    *UNITS, "target", "chance", "bound", "even", "flat", "flat_chance", "growth", "change", "plan", "left",
]  # fmt: skip
WAYS = ["way", "lowest", "highest", "unlikely", "short", "n"]
RECORD = ["way", "missed", "worst", "quarters", "n"]
UNLIKELY = 0.25  # chance below which a target is out of reach in all likelihood
STEPS = 400  # of the integral that gives an expected shortfall
SLACK = 1e-9  # part of the plan that may be left over by rounding


def bounded(
    units: pd.DataFrame,
    plan: pd.DataFrame,
    cells: pd.DataFrame | None = None,
    carried: pd.DataFrame | None = None,
    floor: float = 0.8,
) -> pd.DataFrame:
    """Bounds for what a unit may be asked for: a floor from history, caps from the market and from capacity.

    The floor is a part of what last year plus x per cent would ask, with the x that gives the plan. The market's cap grows last
    year's quarter by as much as a year's revenue would grow if the unit reached our best share nearby (`sizing.cells`) while its
    market grew as it did; a unit that holds the best share nearby itself has none, for nothing shows where its share would end.
    The capacity's is what its sellers can carry at best (`prospects.carried`). The lower one holds; a cap below the floor gives
    way.

    Parameters
    ----------
    units : DataFrame
        As `prospects.units` gives it.
    plan : DataFrame
        As `prospects.next_plan` gives it.
    cells : DataFrame, optional
        As `sizing.cells` gives it.
    carried : DataFrame, optional
        `unit` and `carried` (money, in the plan's measure).

    Returns
    -------
    DataFrame
        `units` with `floor`, `cap` and `cap_from` ("market", "capacity", "own best", or empty where there is none).
    """
    if units.empty:
        return units
    dimension, before = units["dimension"].iloc[0], units["last_year"].clip(lower=0)
    caps = pd.DataFrame({"own best": units["cap"]})
    if cells is not None and dimension in cells and len(cells):
        caps["market"] = before * units["unit"].map(_room(cells, dimension)).where(before > 0)
    if carried is not None and len(carried):
        caps["capacity"] = units["unit"].map(carried.set_index("unit")["carried"])
    caps = caps.astype(float).fillna(np.inf)
    held, least = caps.min(axis=1), floor * _flat(units, plan["revenue_target"].sum()).fillna(0.0)
    whose = caps.idxmin(axis=1).where(np.isfinite(held), "")
    return units.assign(floor=least, cap=np.maximum(held, least), cap_from=whose)


@no_rows(needs="two units with past sales")
def split(units: pd.DataFrame, plan: float) -> pd.DataFrame:
    """Ask each unit for the amount that it reaches with the same chance as the others, as far as its floor and cap allow.

    Of all targets within the bounds that add up to the plan, these have the least sum of expected shortfalls, and the least chance
    among them is as high as it can be. Beside them stands last year plus x per cent, with the x that gives the same plan.

    Parameters
    ----------
    units : DataFrame
        As `bounded` gives it.
    plan : float
        Money to be split.

    Returns
    -------
    DataFrame
        `units` with `target` (money), `chance` (of reaching it, ratio), `bound` ("floor", "cap" or empty), `even` (the chance of
        the unbounded ones), `flat`, `flat_chance` (last year plus x), `growth` (that x, ratio), `change` (target over last year,
        less one), `plan`, `left` (money of the plan that the bounds keep from being split; negative where the floors ask for more).
    """
    if units.empty:
        return pd.DataFrame(columns=SPLIT)
    share = _level(units, plan)
    target = _asked(units, share)
    edge = SLACK * max(plan, 1.0)
    bound = np.select([target <= units["floor"] + edge, target >= units["cap"] - edge], ["floor", "cap"], "")
    before = units["last_year"].clip(lower=0)
    flat = _flat(units, plan)
    left = plan - target.sum()
    return units.assign(
        target=target,
        chance=1 - below(target, units),
        bound=np.where((bound == "floor") & (units["floor"] <= edge), "", bound),
        even=1 - share,
        flat=flat,
        flat_chance=1 - below(flat.to_numpy(float), units),
        growth=growth(plan, before.sum()),
        change=growth(pd.Series(target, before.index), before),
        plan=plan,
        left=left if abs(left) > edge else 0.0,
    )


def asked_total(split: pd.DataFrame) -> pd.Series:
    """What units are asked for together, and the plan that it is held against.

    Parameters
    ----------
    split : DataFrame
        As `split` gives it, with a row at least.

    Returns
    -------
    Series
        `asked`, `plan` (money).
    """
    asked = split["target"].sum()
    return pd.Series({"asked": asked, "plan": asked + split["left"].iloc[0]})


@no_rows(needs="two units with past sales")
def fairness(split: pd.DataFrame) -> pd.DataFrame:
    """How equal are the chances under each way of splitting the plan, and how much would be missed?

    Returns
    -------
    DataFrame
        Two rows, "equal chance" and "last year plus": `way`, `lowest`, `highest` (chance, ratio), `unlikely` (money asked of units
        with less than one chance in four), `short` (expected shortfall of all units, money), `n` (units); no rows where a way has
        no targets.
    """
    rows = []
    for way, target, chance in (("equal chance", "target", "chance"), ("last year plus", "flat", "flat_chance")):
        if len(split) and split[target].notna().all():
            missed = shortfall(split[target].to_numpy(float), split).sum()
            unlikely = split.loc[split[chance] < UNLIKELY, target].sum()
            ends = {"lowest": split[chance].min(), "highest": split[chance].max()}
            rows.append({"way": way, **ends, "unlikely": unlikely, "short": missed, "n": len(split)})
    return pd.DataFrame(rows, columns=WAYS)


@no_rows(needs="two units whose past quarters were forecast")
def record(tested: pd.DataFrame, panel: pd.DataFrame, dimension: str, calendar: Calendar = GREGORIAN) -> pd.DataFrame:
    """Which split was nearer to what came, in the quarters that were forecast from two quarters before?

    Both ways split what all units together came to sell, so that only the split is judged: by forecast, and by the same quarter of
    the year before. (Equal chances ask in proportion to forecasts, but for how sure each is.)

    Returns
    -------
    DataFrame
        One row per way, "forecast" and "last year": `way`, `missed` (Σ |actual − asked| ÷ Σ actual), `worst` (least actual over
        asked), `quarters`, `n` (units × quarters); no rows where nothing was tried.
    """
    names = [c for c in panel if c not in ("series", "start", "value", "part")]
    if tested.empty or dimension not in names:
        return pd.DataFrame(columns=RECORD)
    single = panel[panel[dimension].ne("") & panel[[c for c in names if c != dimension]].eq("").all(axis=1)]
    tried = tested[tested["series"].isin(single["series"]) & tested["step"].eq(2)]
    past = single.assign(start=calendar.shifted(single["start"], 4))[["series", "start", "value"]]
    tried = tried.merge(past.rename(columns={"value": "before"}), on=["series", "start"])
    tried = tried[(tried[["actual", "before", JOINED]] > 0).all(axis=1)]
    if tried.empty:
        return pd.DataFrame(columns=RECORD)
    rows = []
    for way, column in (("forecast", JOINED), ("last year", "before")):
        sums = tried.groupby("start")[["actual", column]].transform("sum")
        asked = tried[column] * sums["actual"] / sums[column]
        missed = (tried["actual"] - asked).abs().sum() / tried["actual"].sum()
        row = {"way": way, "missed": missed, "worst": (tried["actual"] / asked).min()}
        rows.append(row | {"quarters": tried["start"].nunique(), "n": len(tried)})
    return pd.DataFrame(rows, columns=RECORD)


def shortfall(target: np.ndarray, units: pd.DataFrame) -> np.ndarray:
    """Expected amount by which each unit misses its target: the integral of `prospects.below` from zero to it.

    Parameters
    ----------
    target : ndarray
        Money, one per unit.
    units : DataFrame
        `low`, `middle`, `high` of each unit (P10, P50 and P90, money).

    Returns
    -------
    ndarray
        Money, one per unit, by the trapezoid rule in STEPS steps.
    """
    goal, steps = np.asarray(target, float), np.linspace(0, 1, STEPS + 1)
    return np.trapezoid(below(steps[:, None] * goal, units), steps, axis=0) * goal


def _flat(units: pd.DataFrame, plan: float) -> pd.Series:
    """Give what last year plus x per cent asks, where it adds up to the plan; missing without a last year."""
    before = units["last_year"].clip(lower=0)
    return before * plan / before.sum() if before.sum() > 0 else pd.Series(np.nan, units.index)


def _room(cells: pd.DataFrame, dimension: str) -> pd.Series:
    """Give what each unit could sell at our best share nearby, its market grown, over what it sells; missing for the best."""
    full = (cells["own"] + cells["headroom"]) * (1 + cells["growth"].fillna(0.0))
    sums = cells.assign(full=full).groupby(dimension)[["own", "headroom", "full"]].sum()
    return sums["full"] / sums["own"].where((sums["own"] > 0) & (sums["headroom"] > 0))


def _asked(units: pd.DataFrame, share: float) -> np.ndarray:
    return np.fmin(np.fmax(reached(share, units), units["floor"].to_numpy(float)), units["cap"].to_numpy(float))


def _level(units: pd.DataFrame, plan: float) -> float:
    """Give the chance of missing that all unbounded units have in common, at which the targets add up to the plan."""
    if _over(EDGE, units, plan) >= 0:
        return EDGE
    if _over(1 - EDGE, units, plan) <= 0:
        return 1 - EDGE
    return brentq(_over, EDGE, 1 - EDGE, args=(units, plan), xtol=1e-15, rtol=1e-14)


def _over(share: float, units: pd.DataFrame, plan: float) -> float:
    return _asked(units, share).sum() - plan
