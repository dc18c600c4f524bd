"""Which gaps and moves may a brief report, and how much money is behind each?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri

from quarterdeck.analysis.brief.scorecard import sums_by_part, with_part
from quarterdeck.analysis.competition import competitors
from quarterdeck.analysis.customers import retention
from quarterdeck.analysis.market import market_share
from quarterdeck.analysis.methods.finding import FINDING, risk
from quarterdeck.analysis.pipeline import win_loss
from quarterdeck.analysis.team import pace
from quarterdeck.data.coverage import EVER, begun, last_year, looks_back, this_quarter, twelve_months, two_years
from quarterdeck.data.periods import Period, last_quarters

QUARTER, YEAR = pd.Timedelta(days=90), pd.DateOffset(years=1)
ENDS = {"worth": "value", "low": "low", "high": "high"}


def target_gap(landing: pd.DataFrame) -> pd.DataFrame:
    """The expected end of an open quarter against its target, kept where the target lies outside P10 to P90.

    What may be gained is the gap, where there is one to close; the risk is the chance that the quarter ends on the target's
    other side.

    Parameters
    ----------
    landing : DataFrame
        As `quarter_end.landing` gives it.

    Returns
    -------
    DataFrame
        At most one row, in the columns of `finding.FINDING`: `kind` "target", `subject` ("target" or "quotas"), `worth` (median
        less target), `value`, `low`, `high` (P50, P10, P90 of the quarter), `compared` (target; money all), `n` (past
        forecasts); no row without a target.
    """
    clear = landing.dropna(subset=["target", "p50"]).query(
        "target > 0 and p10 < p90 and (target < p10 or target > p90)"
    )
    short = clear["p50"] < clear["target"]
    gap = -clear[["p50", "p90", "p10"]].sub(clear["target"], axis=0).where(short)
    gap = gap.set_axis(["gain", "gain_low", "gain_high"], axis=1)
    reached = clear["probability"].fillna(0.5)
    return laid(
        "target",
        clear.join(gap).assign(
            subject=np.where(clear.get("of_quotas", clear["p50"] * 0).eq(1), "quotas", "target"),
            worth=clear["p50"] - clear["target"],
            risk=reached.where(short, 1 - reached),
        ),
        value="p50",
        compared="target",
        low="p10",
        high="p90",
        n="n_origins",
    )


@looks_back(opportunities=this_quarter)
def coverage_gap(
    quotas: pd.DataFrame,
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    ahead: pd.DataFrame,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What the quarter's bookings will fall short of the quotas by, where coverage is below what is needed.

    Kept where the whole 80 % range of the bookings lies below the quotas; the risk is the chance that they reach them.

    Parameters
    ----------
    ahead : DataFrame
        As `win_chances.bookings_ahead` gives it.

    Returns
    -------
    DataFrame
        At most one row, in the columns of `finding.FINDING`: `kind` and `subject` "coverage", `worth`, `low`, `high` (bookings
        ahead less quotas, money, negative), `value`, `compared` (coverage there is and needed, times: `pace.cover`), `n` (past
        quarters).
    """
    cover = pace.cover(quotas, opportunities, opportunity_history, period, begins=begins).query("gap > 0")
    end = pace.ending(quotas, period, opportunities=opportunities, ahead=ahead)
    if cover.empty or end.empty:
        return pd.DataFrame(columns=FINDING)
    table = cover[["n"]].assign(subject="coverage", value=cover["coverage"], compared=cover["needed"])
    table = table.assign(**{k: end[e].iloc[0] - end["quota"].iloc[0] for k, e in ENDS.items()})
    gains = {"gain": -table["worth"], "gain_low": -table["high"], "gain_high": -table["low"]}
    return laid("coverage", table.assign(risk=end["chance"].iloc[0], **gains)[table["high"] < 0])


@looks_back(orders=last_year)
def segment_moves(
    orders: pd.DataFrame, customers: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """Segments whose revenue moved against the same span a year before by more than chance.

    Revenue is a sum over orders; were it a compound Poisson sum, its variance would be the sum of squared order
    values (Cramér–Lundberg), which gives the interval of the change, widened to the number of segments (Bonferroni). A
    segment whose first order came later than those days began is left out: it did not grow, it began.

    Returns
    -------
    DataFrame
        One row per such segment, in the columns of `finding.FINDING`: `kind` "segment", `subject` (the segment), `worth`, `low`,
        `high` (change), `value`, `compared` (revenue now and a year before; money all), `n` (orders of both spans).
    """
    table = sums_by_part("segment", orders, customers, period)
    moved, error = table["now"] - table["before"], np.sqrt(table["noise"])
    margin = _bonferroni(len(table)) * error
    ends = moved.abs() - margin, moved.abs() + margin
    frame = table.rename_axis("subject").reset_index().set_index(table.index)
    frame = frame.assign(worth=moved, low=moved - margin, high=moved + margin, gain=moved.abs())
    frame = frame.assign(gain_low=ends[0], gain_high=ends[1], risk=risk(moved, error))
    lines = with_part(orders, customers, "segment")
    there = begun(lines["part"], lines["order_date"], period.before().start, begins["orders"])
    sure = (moved.abs() > margin) & (table["before"] > 0) & there.reindex(table.index, fill_value=False)
    return laid("segment", frame[sure], value="now", compared="before", n="orders")


@looks_back(losses=twelve_months, opportunities=twelve_months)
def rival_losses(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Rivals against whom we win less often than against all rivals, and what winning as often would have brought.

    Those that `competitors.win_rate_by_rival` calls harder, with its rates, and the money of `win_loss.stake`. The risk is that of
    the difference of the plain rates among all rivals (`finding.risk`); where none or all were won, as if one more had been and
    one not.

    Returns
    -------
    DataFrame
        One row per such rival, in the columns of `finding.FINDING`: `kind` "rival", `subject` (the rival), `worth` (money,
        negative), `value`, `compared` (win rate against it and against all rivals, ratios), `low`, `high` (of their difference),
        `n` (closed deals against it).
    """
    rates = competitors.win_rate_by_rival(opportunities, period)
    less = rates["raw"] - rates["all"]
    stakes = win_loss.stake(rates).set_index("competitor").reindex(rates["competitor"]).set_index(rates.index)
    table = rates.assign(
        worth=-stakes["value"],
        low=rates["low"] - rates["all"],
        high=rates["high"] - rates["all"],
        gain=stakes["value"],
        gain_low=stakes["low"],
        gain_high=stakes["high"],
        risk=risk(less, np.sqrt(_doubt(rates["won"], rates["n"]))),
    )
    return laid("rival", table[rates["place"].eq("harder")], subject="competitor", value="rate", compared="all")


@looks_back(orders=two_years)
def lapsed_customers(orders: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp] = EVER) -> pd.DataFrame:
    """Customers lost in twelve months (`retention.lost`), and the revenue that went with them: a count, not a sample.

    What may come back is the part that did of those who had been lost a year earlier (ratio estimate, 90 %; Cochran 1977,
    Sampling Techniques, 6.3); missing where the orders do not reach back three years. A count is so: it has no risk.

    Returns
    -------
    DataFrame
        At most one row, in the columns of `finding.FINDING`: `kind` "lapsed", `subject` "customers", `worth` (their revenue of the
        last twelve months less that of the twelve before, money, negative), `value` (the latter's part of all revenue of those
        months, ratio), `compared` (zero), `n` (customers); `low` and `high` are missing.
    """
    gone = retention.lost(orders, period.through)
    if gone.empty:
        return pd.DataFrame(columns=FINDING)
    past, spent = retention.lost(orders, period.through - YEAR)["before"], gone["before"].sum()
    both = retention.yearly_revenue(orders, period.through)
    again = both["now"].reindex(past.index).fillna(0.0).clip(lower=0.0)
    known = begins["orders"] <= two_years(period) - YEAR
    part = again.sum() / past.sum() if past.sum() and known else np.nan
    error = np.sqrt(len(past) * (again - part * past).var(ddof=1)) / past.sum() if len(past) > 1 and known else np.nan
    ends = {"gain": part, "gain_low": max(part - ndtri(0.95) * error, 0.0), "gain_high": part + ndtri(0.95) * error}
    row = {"subject": "customers", "worth": (gone["now"] - gone["before"]).sum(), "compared": 0.0, "n": len(gone)}
    row |= {"value": spent / both["before"].sum()} | {name: spent * end for name, end in ends.items()}
    return laid("lapsed", pd.DataFrame([row], columns=FINDING))


def overdue_deals(
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Open deals past their expected close: how often such deals were won within a quarter, against the others.

    Learned on the same day of eight past quarters, each deal counted once. Worth is what the open amount loses by it. Kept
    where the 90 % interval of the difference of the two rates (Wald) lies below zero.

    Returns
    -------
    DataFrame
        At most one row, in the columns of `finding.FINDING`: `kind` "overdue", `subject` "deals", `worth` (money, negative),
        `value`, `compared` (win rate of overdue deals and of the others, ratios), `low`, `high` (of their difference), `n`
        (overdue deals learned from); no row without a past quarter that has ended, or an open deal that is overdue.
    """
    won_on = opportunities.set_index("opportunity_id").query("status == 'won'")["closed_on"]
    spans = last_quarters(period, 8, max(begins["opportunity_history"], begins["opportunities"]))
    seen = [_open_on(opportunity_history, period.same_day(s)) for s in spans]
    seen = [s for s in seen if len(s) and s["day"].iloc[0] + QUARTER <= period.through]
    if not seen:
        return pd.DataFrame(columns=FINDING)
    past = pd.concat(seen)
    past = past.drop_duplicates(["opportunity_id", "late"])
    days = won_on.reindex(past["opportunity_id"]).to_numpy() - past["day"]
    table = past.assign(won=days.between(pd.Timedelta(0), QUARTER)).groupby("late")["won"].agg(["mean", "size"])
    now = opportunities.query("status == 'open' and expected_close < @period.through")
    if len(table) < 2 or now.empty:
        return pd.DataFrame(columns=FINDING)
    (other, n_other), (rate, n) = table.to_numpy()
    spread = np.sqrt(_doubt(rate * n, n) + _doubt(other * n_other, n_other))
    ends = [rate - other, rate - other - ndtri(0.95) * spread, rate - other + ndtri(0.95) * spread]
    amount = now["amount"].sum()
    row = {
        "subject": "deals",
        "worth": ends[0] * amount,
        "value": rate,
        "compared": other,
        "low": ends[1],
        "high": ends[2],
    }
    row |= {"n": n, "gain": -ends[0] * amount, "gain_low": -ends[2] * amount, "gain_high": -ends[1] * amount}
    row["risk"] = risk(rate - other, spread)[0]
    return laid("overdue", pd.DataFrame([row])[[ends[2] < 0]])


@looks_back(orders=twelve_months)
def room(orders: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """What customers of a segment would add if they bought a category as those of other segments do (`market_share.whitespace`).

    Returns
    -------
    DataFrame
        One row per category and segment with room, in the columns of `finding.FINDING`: `kind` "room", `subject` ("category to
        segment"), `worth` (money a year), `value`, `compared` (share of customers that buy it there and elsewhere, ratios),
        `low`, `high` (of their difference; Wilson, widened to all cells by Bonferroni), `n` (active customers of the segment).
    """
    gaps = market_share.whitespace(orders, customers, products, as_of)
    per_rate = gaps["n"] * gaps["spend"]
    ends = {"gain": gaps["potential"], "gain_low": (gaps["elsewhere"] - gaps["high"]) * per_rate}
    ends["gain_high"] = (gaps["elsewhere"] - gaps["low"]) * per_rate
    apart = {end: gaps[end] - gaps["elsewhere"] for end in ("low", "high")}
    table = gaps.assign(subject=gaps["category"] + " to " + gaps["segment"], worth=gaps["potential"], **ends | apart)
    return laid("room", table, value="rate", compared="elsewhere")


def laid(kind: str, frame: pd.DataFrame, **columns: str) -> pd.DataFrame:
    """Give findings of a kind the columns of FINDING; `columns` names those that a frame calls otherwise, others are missing."""
    table = pd.DataFrame(
        {c: frame[columns.get(c, c)] for c in FINDING if columns.get(c, c) in frame}, index=frame.index
    )
    return table.reindex(columns=FINDING).assign(kind=kind)


def _open_on(history: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Give the deals that were open on a day, and whether their expected close had passed: opportunity_id, day, late."""
    known = history[history["changed_on"] <= day].sort_values("changed_on", kind="stable")
    state = known.drop_duplicates("opportunity_id", keep="last").query("status == 'open'")
    return state[["opportunity_id"]].assign(day=day, late=state["expected_close"] < day)


def _doubt(won, n):
    """Give the variance of a rate; where none or all of the deals were won, as if one more had been and one not."""
    extreme = (won <= 0) | (won >= n)
    n = n + 2 * extreme
    rate = (won + extreme) / n
    return rate * (1 - rate) / n


def _bonferroni(comparisons: int) -> float:
    return float(ndtri(1 - 0.05 / max(comparisons, 1)))
