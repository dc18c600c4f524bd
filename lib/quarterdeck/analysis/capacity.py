"""Can the sellers there are carry the plan, and by when would new ones have to be hired?"""

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.goals import goal
from quarterdeck.analysis.rates import ratio
from quarterdeck.analysis.team import attained_in, bookings
from quarterdeck.data.periods import Period, last_quarters, quarter

MONTH = 30.44  # days
RAMPED = 18  # months in the job after which a seller counts as a usual one, where no ramp was found
AHEAD, LEARNT, FEWEST = 3, 8, 4  # quarters ahead; past ones that the attainment factor is learnt from, and needed
RAMP = ["months", "start", "low", "high", "n"]
RAMPING = ["quarter", "whole", "sellers", "own", "eased", "low", "high", "asked", "come", "others"]
CAPACITY = [
    "quarter", "start", "sellers", "ramped", "factor", "capacity", "low", "high", "plan", "assumed", "quota", "gap",
    "hires", "hire_by", "late", "hires_now", "quarters",
]  # fmt: skip


def newcomers(
    opportunities: pd.DataFrame, reps: pd.DataFrame, period: Period, ramp: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Which share of a usual seller's bookings a new one brings at first, and how many months it takes to bring them all.

    The length is that of the win rate's ramp (`skill.ramp_length`); the share on the first day is fitted to bookings by least
    squares: share(month) = 1 − (1 − start) × (1 − month ÷ length) until then. Usual sellers are those in the job for a year and
    a half. Bookings count whatever open deals a newcomer takes over. The interval is a jackknife's over newcomers (Student t
    80 %).

    Returns
    -------
    DataFrame
        One row: `months`, `start`, `low`, `high` (ratios), `n` (newcomers seen); no row below three, or without a ramp.
    """
    if ramp is None or ramp.empty or not ramp["clear"].iloc[0]:
        return pd.DataFrame(columns=RAMP)
    months = float(ramp["months"].iloc[0])
    cells = _by_month(opportunities, reps, period)
    usual = cells[cells["month"] >= RAMPED]
    early = cells[(cells["month"] < months) & cells["watched"]]
    if early["rep_id"].nunique() < 3 or not usual["amount"].sum() > 0:
        return pd.DataFrame(columns=RAMP)
    early = early.assign(left=1 - (early["month"] + 0.5) / months, part=early["amount"] / usual["amount"].mean())
    early = early.assign(over=early["left"] * (1 - early["part"]), under=early["left"] ** 2)
    sums = early.groupby("rep_id")[["over", "under"]].sum()
    others = sums.sum() - sums
    found, tried = 1 - sums["over"].sum() / sums["under"].sum(), 1 - others["over"] / others["under"]
    n = len(sums)
    reach = t.ppf(0.9, n - 1) * np.sqrt((n - 1) / n * ((tried - tried.mean()) ** 2).sum())
    ends = np.clip([found, found - reach, found + reach], 0, 1)
    return pd.DataFrame([[months, *ends, n]], columns=RAMP)


def share(months: pd.Series, newcomers: pd.DataFrame) -> pd.Series:
    """Share of a usual seller's bookings after so many months in the job (ratio); one where no ramp is known.

    >>> ramp = pd.DataFrame({"months": [10.0], "start": [0.6]})
    >>> share(pd.Series([0.0, 5.0, 30.0]), ramp).round(2).tolist()
    [0.6, 0.8, 1.0]
    """
    if newcomers.empty:
        return months * 0.0 + 1.0
    length, start = newcomers["months"].iloc[0], newcomers["start"].iloc[0]
    return 1 - (1 - start) * (1 - months / length).clip(0, 1)


def ramping(
    reps: pd.DataFrame,
    period: Period,
    newcomers: pd.DataFrame | None = None,
    quotas: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    level: float = 0.9,
) -> pd.DataFrame:
    """What the sellers who are still on the ramp attained, of the quotas set for them and of a ramp-adjusted full one.

    Ramp-adjusted: a full quota (the mean of the region's ramped sellers, for a newcomer's own may be eased already) × part of the
    quarter in the job × `share` in the middle of it. Where they attain as much of that as the others of theirs, they are where
    newcomers usually are.

    Returns
    -------
    DataFrame
        The last whole quarter and the open one, where a seller with a quota is on the ramp: `quarter`, `whole`, `sellers` (on the
        ramp), `own` (attainment of their own quotas), `eased` (of the ramp-adjusted ones), `low`, `high` (of this, over sellers by
        `rates.ratio`, Student t; missing for one), `asked` (their own quotas over full ones), `come` (ramp-adjusted over full
        ones), `others` (attainment of the ramped sellers; ratios); no rows without quotas or a ramp.
    """
    if quotas is None or newcomers is None or newcomers.empty:
        return pd.DataFrame(columns=RAMPING)
    rows = []
    for span in [*last_quarters(period.start, 1), period]:
        seats = _seats(span.whole(), quotas, reps, newcomers).rename(columns={"quota": "usual"})
        held = (
            attained_in(span, quotas, bookings(span, orders, opportunities))
            .merge(seats, on="rep_id")
            .dropna(subset=["full"])
        )
        new, old = held[held["ramp"] < 1], held[held["ramp"] >= 1]
        whole, n = (new["there"] * new["usual"]).sum(), len(new)
        if n:
            eased = new["booked"].sum() / new["full"].sum()
            reach = t.ppf(0.5 + level / 2, max(n - 1, 1)) * ratio(new["booked"], new["full"])[1]
            low = max(eased - reach, 0.0) if n > 1 else np.nan
            row = [
                span.label,
                span.through == span.end,
                n,
                new["booked"].sum() / new["quota"].sum(),
                eased,
                low,
                eased + reach,
            ]
            others = old["booked"].sum() / old["quota"].sum() if len(old) else np.nan
            rows.append([*row, new["quota"].sum() / whole, new["full"].sum() / whole, others])
    return pd.DataFrame(rows, columns=RAMPING)


def brings(span: Period, period: Period, lag: float, newcomers: pd.DataFrame) -> float:
    """Share of a usual seller's bookings of a quarter that one who begins today brings, with all deals still to be found.

    Nothing before the `lag` (days that a deal takes to win), then `share` by months in the job.
    """
    days = pd.Series(pd.date_range(max(span.start, period.through), span.end))
    seat = (days - period.through).dt.days
    left = len(days) if span.start <= period.start else (span.end - span.start).days + 1
    return float(share(seat / MONTH, newcomers)[seat >= lag].sum() / left)


def capacity(
    period: Period,
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    opportunities: pd.DataFrame,
    newcomers: pd.DataFrame,
    targets: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    level: float = 0.8,
) -> pd.DataFrame:
    """What the sellers would book at past attainment, against the plan, in this quarter and the next three.

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
        `hires_now` (sellers that would have to begin today), `quarters` (learnt from); no rows with fewer than four of these.
    """
    spans = [quarter(period.start + pd.DateOffset(months=3 * k)).whole() for k in range(AHEAD + 1)]
    past = [_seats(span, quotas, reps, newcomers) for span in last_quarters(period.start, LEARNT)]
    booked = [_booked(span, opportunities) for span in last_quarters(period.start, LEARNT)]
    known = [(b, s["full"].sum()) for b, s in zip(booked, past, strict=True) if b > 0 and s["full"].sum() > 0]
    if len(known) < FEWEST:
        return pd.DataFrame(columns=CAPACITY)
    sold, full = np.array(known).T
    factor, spread = sold.sum() / full.sum(), (sold / full).std(ddof=1)
    reach = t.ppf(0.5 + level / 2, len(known) - 1) * spread * np.sqrt(1 + 1 / len(known))
    rows = []
    for span in spans:
        seats = _seats(span, quotas, reps, newcomers)
        plan, assumed = _plan(span, period, (opportunities, quotas, targets, orders))
        each = seats.loc[seats["ramp"] >= 1, "quota"].mean()
        handed = _handed(span, quotas)
        whole = seats["full"].sum()
        row = [seats["there"].sum(), (seats["there"] * seats["ramp"]).sum(), factor, whole * factor]
        row += [whole * max(factor - reach, 0), whole * (factor + reach), plan, assumed, handed]
        wanted = _hires(plan - row[3], each * factor, span, period, newcomers, _lag(opportunities, period))
        rows.append([span.label, span.start, *row, *wanted, len(known)])
    return pd.DataFrame(rows, columns=CAPACITY)


def _seats(span: Period, quotas: pd.DataFrame, reps: pd.DataFrame, newcomers: pd.DataFrame) -> pd.DataFrame:
    """Give each seller's part of a quarter in the job, ramp share and full quota, and their product."""
    begin = reps["hired"].fillna(pd.Timestamp.min).clip(lower=span.start)
    end = reps["left_on"].fillna(span.end).clip(upper=span.end)
    there = (((end - begin).dt.days + 1) / ((span.end - span.start).days + 1)).clip(0, 1)
    middle = begin + (end - begin) / 2
    ramp = share(((middle - reps["hired"]).dt.days / MONTH).fillna(1e3).clip(lower=0), newcomers)
    own = _latest_quota(span, quotas).reindex(reps["rep_id"]).to_numpy()
    table = pd.DataFrame(
        {"rep_id": reps["rep_id"], "region": reps["region"], "there": there, "ramp": ramp, "quota": own}
    )
    table = table[table["there"] > 0]
    ramped = table[(table["ramp"] >= 1) & (table["quota"] > 0)]
    usual = table["region"].map(ramped.groupby("region")["quota"].mean()).fillna(ramped["quota"].mean())
    table["quota"] = table["quota"].where((table["ramp"] >= 1) & table["quota"].gt(0), usual)
    return table.assign(full=table["there"] * table["ramp"] * table["quota"])


def _latest_quota(span: Period, quotas: pd.DataFrame) -> pd.Series:
    """Give each seller's quota of a quarter; where none is set yet, of the last one for which any is."""
    starts = quotas["period_start"].dt.to_period("Q").dt.start_time
    known = starts[starts <= span.start]
    return quotas[starts == known.max()].groupby("rep_id")["quota"].sum() if len(known) else pd.Series(dtype="float64")


def _handed(span: Period, quotas: pd.DataFrame) -> float:
    due = quotas[quotas["period_start"].ge(span.start) & quotas["period_end"].le(span.end)]["quota"]
    return float(due.sum()) if len(due) else np.nan


def _booked(span: Period, opportunities: pd.DataFrame) -> float:
    won = opportunities["status"].eq("won") & opportunities["closed_on"].between(span.start, span.end)
    return float(opportunities.loc[won, "amount"].sum())


def _plan(span: Period, period: Period, tables: tuple) -> tuple[float, bool]:
    """Give a quarter's plan, and whether it had to be carried on from a year before."""
    if len(found := goal(span, *tables)):
        return float(found["goal"].iloc[0]), False
    years = [goal(p, *tables) for p in (span.before().whole(), period.whole(), period.before().whole())]
    if any(y.empty for y in years):
        return np.nan, False
    before, now, then = (y["goal"].iloc[0] for y in years)
    return float(before * now / then), True


def _hires(gap: float, each: float, span: Period, period: Period, newcomers: pd.DataFrame, lag: float) -> list:
    """Give the gap, the ramped sellers that would close it, the last day to hire them (late?), and how many it takes today."""
    if not (gap > 0 and each > 0):
        none = 0.0 if gap <= 0 else np.nan
        return [gap, none, pd.NaT, False, none]
    if newcomers.empty:
        return [gap, np.ceil(gap / each), pd.NaT, False, np.nan]
    by = span.start - pd.Timedelta(days=round(newcomers["months"].iloc[0] * MONTH + lag))
    part = brings(span, period, lag, newcomers)
    return [gap, np.ceil(gap / each), by, by < period.through, np.ceil(gap / (each * part)) if part else np.nan]


def _lag(opportunities: pd.DataFrame, period: Period) -> float:
    """Give the median days from opening to winning, of the deals won in a year."""
    year = opportunities["closed_on"].between(period.start - pd.DateOffset(years=1), period.through)
    won = opportunities[opportunities["status"].eq("won") & year]
    return float((won["closed_on"] - won["opened_on"]).dt.days.median()) if len(won) else 0.0


def _by_month(opportunities: pd.DataFrame, reps: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Give bookings by seller and whole month in the job; `watched`: the deals of the first month are in the tables."""
    known = reps[reps["hired"].notna()].set_index("rep_id")
    first, last = opportunities["opened_on"].min(), known["left_on"].fillna(period.through).clip(upper=period.through)
    length = ((last - known["hired"]).dt.days // MONTH).clip(lower=0).astype(int)
    skipped = ((first - known["hired"]).dt.days / MONTH).clip(lower=0).apply(np.ceil).astype(int)
    cells = [(rep, m, known["hired"][rep] >= first) for rep in known.index for m in range(skipped[rep], length[rep])]
    table = pd.DataFrame(cells, columns=["rep_id", "month", "watched"])
    won = opportunities[opportunities["status"].eq("won") & opportunities["rep_id"].isin(known.index)]
    month = ((won["closed_on"] - won["rep_id"].map(known["hired"])).dt.days // MONTH).rename("month")
    sums = won.groupby([won["rep_id"], month])["amount"].sum().reset_index()
    return table.merge(sums, "left", on=["rep_id", "month"]).fillna({"amount": 0.0})
