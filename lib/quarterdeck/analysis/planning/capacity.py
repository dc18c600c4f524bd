"""Can the sellers in place carry the plan, and by when would new ones have to be hired?"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.planning.goal_seek import quarter_goal
from quarterdeck.analysis.team.ramp_up import MONTH, seats_in, share
from quarterdeck.data.coverage import EVER
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows

AHEAD, LEARNED, FEWEST = 4, 8, 4  # quarters ahead; past ones that the attainment factor is learned from, and needed
CAPACITY = [
    "quarter", "start", "sellers", "ramped", "factor", "capacity", "low", "high", "plan", "assumed", "quota", "gap",
    "hires", "hire_by", "late", "hires_now", "quarters",
]  # fmt: skip


class _Hires(NamedTuple):
    """Ramped sellers that would close a gap, the last day to hire them, whether it has passed, and how many it takes today."""

    hires: float
    hire_by: pd.Timestamp
    late: bool
    hires_now: float


def brings(span: Period, period: Period, lag: float, newcomers: pd.DataFrame) -> float:
    """Share of a usual seller's bookings of a quarter that one who begins today brings, with all deals still to be found.

    Nothing before the `lag`, then `share` by months in the job.

    Parameters
    ----------
    span, period : Period
        The quarter asked for, and the open one, seen through today.
    lag : float
        Days that a deal takes to win.
    newcomers : DataFrame
        As `ramp_up.newcomers` gives it; without rows a newcomer counts in full once the lag is over.

    Returns
    -------
    float
        Ratio; of what is left of the open quarter, of the whole of a later one.
    """
    days = pd.Series(pd.date_range(max(span.start, period.through), span.end))
    seat = (days - period.through).dt.days
    left = len(days) if span.start <= period.start else (span.end - span.start).days + 1
    return float(share(seat / MONTH, newcomers)[seat >= lag].sum() / left)


@no_rows("opportunities.amount", needs="four past quarters with quotas")
def capacity(
    period: Period,
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    opportunities: pd.DataFrame,
    newcomers: pd.DataFrame,
    targets: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    level: float = 0.8,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What the sellers would book at past attainment, against the plan, in the next four quarters.

    Where the open quarter ends is no question of capacity: `pace.ending` answers it.

    Capacity = Σ over sellers of full quota × part of the quarter in the job × ramp share × attainment factor (the field's
    capacity model). Full quota is a seller's own, and for one on the ramp the mean of the region's ramped sellers; the factor
    is bookings over the same sum in the last eight quarters, and its interval how that varied from one to the next (prediction
    by Student t). New sellers find their own deals, so they are wanted a ramp and the days of a usual deal before a quarter
    begins. The plan is the bookings that the revenue target wants, else the quotas; where none is set yet, the plan of a
    year before times the last growth of the plan. Sellers stay unless their last day is known.

    Returns
    -------
    DataFrame
        One row per quarter: `quarter`, `start`, `sellers` (in full quarters), `ramped` (times ramp share), `factor` (ratio),
        `capacity`, `low`, `high`, `plan` (money, missing where there is none), `assumed` (bool: the plan is carried on),
        `quota` (money handed out, missing where none is), `gap` (plan less capacity), `hires` (ramped sellers that would close
        it), `hire_by` (last day to hire them, missing where the ramp is not known), `late` (bool: that day has passed),
        `hires_now` (sellers that would have to begin today), `quarters` (learned from), `of_plan` (quota ÷ plan) and
        `enough` (of the plan that quotas would have to be, 1 ÷ factor; ratios); no rows with fewer than four quarters.
    """
    spans = [period.shifted(k) for k in range(1, AHEAD + 1)]
    learned = last_quarters(period, LEARNED, begins["opportunities"])
    past = [seats_in(span, quotas, reps, newcomers) for span in learned]
    booked = [_booked(span, opportunities) for span in learned]
    known = [(b, s["full"].sum()) for b, s in zip(booked, past, strict=True) if b > 0 and s["full"].sum() > 0]
    if len(known) < FEWEST:
        return pd.DataFrame(columns=CAPACITY)
    sold, full = np.array(known).T
    factor, spread = sold.sum() / full.sum(), (sold / full).std(ddof=1)
    reach = t.ppf(0.5 + level / 2, len(known) - 1) * spread * np.sqrt(1 + 1 / len(known))
    tables = {"opportunities": opportunities, "quotas": quotas, "targets": targets, "orders": orders, "begins": begins}
    rows = []
    for span in spans:
        seats = seats_in(span, quotas, reps, newcomers)
        plan, assumed = _plan(span, period, tables)
        each = seats.loc[seats["ramp"] >= 1, "quota"].mean()
        whole = seats["full"].sum()
        gap = plan - whole * factor
        row = {"quarter": span.label, "start": span.start, "sellers": seats["there"].sum()}
        row |= {"ramped": (seats["there"] * seats["ramp"]).sum(), "factor": factor, "capacity": whole * factor}
        row |= {"low": whole * max(factor - reach, 0), "high": whole * (factor + reach), "quarters": len(known)}
        row |= {"plan": plan, "assumed": assumed, "quota": _handed(span, quotas), "gap": gap}
        wanted = _hires(gap, each * factor, span, period, newcomers, _lag(opportunities, period))
        rows.append(row | wanted._asdict())
    table = pd.DataFrame(rows, columns=CAPACITY)
    return table.assign(of_plan=table["quota"].astype(float) / table["plan"].astype(float), enough=1 / table["factor"])


def _handed(span: Period, quotas: pd.DataFrame) -> float:
    due = quotas[quotas["period_start"].ge(span.start) & quotas["period_end"].le(span.end)]["quota"]
    return float(due.sum()) if len(due) else np.nan


def _booked(span: Period, opportunities: pd.DataFrame) -> float:
    won = opportunities["status"].eq("won") & opportunities["closed_on"].between(span.start, span.end)
    return float(opportunities.loc[won, "amount"].sum())


def _plan(span: Period, period: Period, tables: dict) -> tuple[float, bool]:
    """Give a quarter's plan, and whether it had to be carried on from a year before."""
    if len(found := quarter_goal(span, **tables)):
        return float(found["goal"].iloc[0]), False
    years = [quarter_goal(p, **tables) for p in (span.before().whole(), period.whole(), period.before().whole())]
    if any(y.empty for y in years):
        return np.nan, False
    before, now, then = (y["goal"].iloc[0] for y in years)
    return float(before * now / then), True


def _hires(gap: float, each: float, span: Period, period: Period, newcomers: pd.DataFrame, lag: float) -> _Hires:
    """Give the hires that would close a gap (money), where each ramped seller brings `each` and deals take `lag` days to win."""
    if not (gap > 0 and each > 0):
        none = 0.0 if gap <= 0 else np.nan
        return _Hires(none, pd.NaT, False, none)
    if newcomers.empty:
        return _Hires(np.ceil(gap / each), pd.NaT, False, np.nan)
    by = span.start - pd.Timedelta(days=round(newcomers["months"].iloc[0] * MONTH + lag))
    part = brings(span, period, lag, newcomers)
    return _Hires(np.ceil(gap / each), by, by < period.through, np.ceil(gap / (each * part)) if part else np.nan)


def _lag(opportunities: pd.DataFrame, period: Period) -> float:
    """Give the median days from opening to winning, of the deals won in a year."""
    year = opportunities["closed_on"].between(period.start - pd.DateOffset(years=1), period.through)
    won = opportunities[opportunities["status"].eq("won") & year]
    return float((won["closed_on"] - won["opened_on"]).dt.days.median()) if len(won) else 0.0
