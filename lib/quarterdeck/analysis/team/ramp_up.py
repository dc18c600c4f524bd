"""How much does a new seller bring at first, and how long until it is all?"""

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.methods.intervals import ratio
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.team.performance import attained_in, bookings
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows

MONTH = 30.44  # days
RAMPED = 18  # months in the job after which a seller counts as a usual one, where no ramp was found
RAMP = ["months", "start", "low", "high", "n"]
RAMPING = ["quarter", "whole", "sellers", "own", "eased", "low", "high", "asked", "come", "others"]


@no_rows("reps.hired", needs="three sellers hired since deals are on record")
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
    start, low, high = np.clip([found, found - reach, found + reach], 0, 1)
    return pd.DataFrame([{"months": months, "start": start, "low": low, "high": high, "n": n}], columns=RAMP)


def share(months: pd.Series, newcomers: pd.DataFrame) -> pd.Series:
    """Share of a usual seller's bookings after so many months in the job; one where no ramp is known.

    Parameters
    ----------
    months : Series
        Months in the job, zero or more.
    newcomers : DataFrame
        As `newcomers` gives it: `months` (length of the ramp), `start` (share on the first day, ratio), or no rows.

    Returns
    -------
    Series
        Ratios, as `months` is indexed; from `start` to one in a straight line.

    >>> ramp = pd.DataFrame({"months": [10.0], "start": [0.6]})
    >>> share(pd.Series([0.0, 5.0, 30.0]), ramp).round(2).tolist()
    [0.6, 0.8, 1.0]
    """
    if newcomers.empty:
        return months * 0.0 + 1.0
    length, start = newcomers["months"].iloc[0], newcomers["start"].iloc[0]
    return 1 - (1 - start) * (1 - months / length).clip(0, 1)


@no_rows("reps.hired", none="no seller is still on the ramp")
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
    quarter in the job × `share` at its midpoint. Where they attain as much of that as the others of theirs, they are where
    newcomers usually are.

    Returns
    -------
    DataFrame
        The last whole quarter and the open one, where a seller with a quota is on the ramp: `quarter`, `whole`, `sellers` (on the
        ramp), `own` (attainment of their own quotas), `eased` (of the ramp-adjusted ones), `low`, `high` (of this, over sellers by
        `intervals.ratio`, Student t; missing for one), `asked` (their own quotas over full ones), `come` (ramp-adjusted over full
        ones), `others` (attainment of the ramped sellers; ratios); no rows without quotas or a ramp.
    """
    if quotas is None or newcomers is None or newcomers.empty:
        return pd.DataFrame(columns=RAMPING)
    rows = []
    for span in [*last_quarters(period, 1), period]:
        seats = seats_in(span.whole(), quotas, reps, newcomers).rename(columns={"quota": "usual"})
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
            row = {"quarter": span.label, "whole": span.through == span.end, "sellers": n}
            row |= {"own": new["booked"].sum() / new["quota"].sum(), "eased": eased, "low": low, "high": eased + reach}
            row |= {"asked": new["quota"].sum() / whole, "come": new["full"].sum() / whole}
            rows.append(row | {"others": old["booked"].sum() / old["quota"].sum() if len(old) else np.nan})
    return pd.DataFrame(rows, columns=RAMPING)


def seats_in(span: Period, quotas: pd.DataFrame, reps: pd.DataFrame, newcomers: pd.DataFrame) -> pd.DataFrame:
    """Give each seller's part of a quarter in the job, ramp share and full quota, and their product.

    Parameters
    ----------
    newcomers : DataFrame
        As `newcomers` gives it.

    Returns
    -------
    DataFrame
        One row per seller in the job on any day of the quarter: `rep_id`, `region`, `there` (part of its days, ratio), `ramp`
        (`share` at the midpoint of those days, ratio), `quota` (full; of one on the ramp or without a quota, the mean of the
        region's ramped sellers, money), `full` (the three multiplied, money).
    """
    begin = reps["hired"].fillna(span.start).clip(lower=span.start)
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
    usual = looked_up(table["region"], ramped.groupby("region")["quota"].mean()).fillna(ramped["quota"].mean())
    table["quota"] = table["quota"].where((table["ramp"] >= 1) & table["quota"].gt(0), usual)
    return table.assign(full=table["there"] * table["ramp"] * table["quota"])


def _latest_quota(span: Period, quotas: pd.DataFrame) -> pd.Series:
    """Give each seller's quota of a quarter; where none is set yet, of the last one for which any is."""
    starts = span.calendar.start(quotas["period_start"])
    known = starts[starts <= span.start]
    return quotas[starts == known.max()].groupby("rep_id")["quota"].sum() if len(known) else pd.Series(dtype="float64")


def _by_month(opportunities: pd.DataFrame, reps: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Give bookings by seller and whole month in the job; `watched`: the deals of the first month are in the tables."""
    known = reps[reps["hired"].notna()].set_index("rep_id")
    first, last = opportunities["opened_on"].min(), known["left_on"].fillna(period.through).clip(upper=period.through)
    length = ((last - known["hired"]).dt.days // MONTH).clip(lower=0).astype(int)
    skipped = ((first - known["hired"]).dt.days / MONTH).clip(lower=0).apply(np.ceil).astype(int)
    cells = [(rep, m, known["hired"][rep] >= first) for rep in known.index for m in range(skipped[rep], length[rep])]
    table = pd.DataFrame(cells, columns=["rep_id", "month", "watched"])
    won = opportunities[opportunities["status"].eq("won") & opportunities["rep_id"].isin(known.index)]
    month = ((won["closed_on"] - looked_up(won["rep_id"], known["hired"])).dt.days // MONTH).rename("month")
    sums = won.groupby([won["rep_id"], month])["amount"].sum().reset_index()
    return table.merge(sums, "left", on=["rep_id", "month"]).fillna({"amount": 0.0})
