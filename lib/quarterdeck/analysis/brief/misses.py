"""Which regions, calls, deals, accounts and margins put the number at risk, and what may acting on them bring?

Each function gives candidates in the columns of `finding.FINDING`; `findings.RULES` says which of them are stated.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from quarterdeck.analysis.brief.call import called, silent
from quarterdeck.analysis.brief.gaps import laid
from quarterdeck.analysis.forecasting.next_quarter import next_quarter
from quarterdeck.analysis.methods.finding import FINDING, risk
from quarterdeck.analysis.methods.intervals import Z90
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.sales import revenue
from quarterdeck.data.coverage import EVER, last_year, looks_back, this_quarter
from quarterdeck.data.periods import Period

LARGE = 0.02  # part of the quarter's forecast from which a single deal is large


def region_gaps(regions: pd.DataFrame) -> pd.DataFrame:
    """Regions whose forecast ends short of their target, or of their quotas where these stand in, by name of who leads them.

    Parameters
    ----------
    regions : DataFrame
        As `call.regions` gives it.

    Returns
    -------
    DataFrame
        One row per such region, in the columns of `finding.FINDING`: `kind` ("region", or "quotas" where it is short of these),
        `subject` (the region), `worth` (median less target), `value`, `low`, `high` (P50, P10, P90), `compared` (target; money),
        `gain` (what ends as well as one in ten such quarters would add, at most the gap), `risk` (chance of the target), `owner`.
    """
    short = regions[regions["gap"] < 0]
    gain = np.minimum(short["p90"] - short["p50"], -short["gap"])
    names = {"subject": "region", "worth": "gap", "value": "p50", "compared": "target", "low": "p10", "high": "p90"}
    kind = np.where(short["of_quotas"].eq(1), "quotas", "region")
    return laid("region", short.assign(gain=gain, risk=short["chance"]), **names).assign(kind=kind)


def commit_gap(forecast_calls: pd.DataFrame, period: Period, landing: pd.DataFrame) -> pd.DataFrame:
    """The leads' commit below the target, while the forecast is not: they know something, or they play safe.

    Parameters
    ----------
    landing : DataFrame
        As `landings.landing` gives it.

    Returns
    -------
    DataFrame
        At most one row, in the columns of `finding.FINDING`: `kind` and `subject` "commit", `worth` (commit less target), `value`,
        `compared` (newest commit, target), `low` (first commit of the quarter; money), `n` (days on which they called).
    """
    calls, end = called(forecast_calls, period).dropna(subset=["commit"]), landing.iloc[0]
    if calls.empty or not calls["commit"].iloc[-1] < end["target"] <= end["p90"]:
        return pd.DataFrame(columns=FINDING)
    now, then = calls["commit"].iloc[-1], calls["commit"].iloc[0]
    row = {"subject": "commit", "worth": now - end["target"], "value": now, "compared": end["target"], "low": then}
    return laid("commit", pd.DataFrame([row | {"n": len(calls), "gain": end["target"] - now}]))


def next_gap(
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    quotas: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """The next quarter's pipeline where it is not likely to bring what is asked of that quarter (`next_quarter.next_quarter`).

    Returns
    -------
    DataFrame
        At most one row, in the columns of `finding.FINDING`: `kind` "next quarter", `subject` ("quotas" or "last year"), `worth`
        (bookings to expect less those asked), `value` (money open and due), `compared` (pipeline needed), `low`, `high`
        (bookings to expect, 80 %; money), `n` (past quarters), `risk` (chance of what is asked).
    """
    ahead = next_quarter(opportunities, opportunity_history, period, quotas, begins).dropna(subset=["asked"])
    short = ahead[ahead["brings"] < ahead["asked"]]
    more = {
        "worth": short["brings"] - short["asked"],
        "gain": short["asked"] - short["brings"],
        "risk": short["chance"],
    }
    return laid("next quarter", short.assign(**more), subject="asked_of", value="due", compared="needed")


def silent_accounts(
    outlook: pd.DataFrame, orders: pd.DataFrame, customers: pd.DataFrame, reps: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Large accounts that have been silent for longer than they usually are (`call.silent`), by name of their seller.

    Returns
    -------
    DataFrame
        One row per account, in the columns of `finding.FINDING`: `kind` "silent", `subject` (its name), `worth` (its twelve
        months' revenue, negative), `value`, `compared` (days silent, days from one order to the next), `gain` (at most that
        revenue: money at stake), `risk` (chance that it buys again anyway), `owner` (its seller).
    """
    quiet = silent(outlook, orders, customers, reps)
    quiet = quiet.assign(worth=-quiet["spend"], gain=quiet[["spend", "at_stake"]].min(axis=1), risk=quiet["chance"])
    names = {"subject": "name", "value": "silent", "compared": "usual", "owner": "seller"}
    return laid("silent", quiet, **names)


def slipped_deals(
    chances: pd.DataFrame,
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    landing: pd.DataFrame,
    customers: pd.DataFrame | None = None,
    reps: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Large open deals that were due in the quarter and have been put off beyond it, by name of their seller.

    Parameters
    ----------
    chances, landing : DataFrame
        As `win_chances.chances` and `landings.landing` give them.

    Returns
    -------
    DataFrame
        One row per deal of LARGE or more of the quarter's forecast, in the columns of `finding.FINDING`: `kind` "slipped",
        `subject` (customer's name, else the deal's number), `worth` (its amount, negative), `value`, `compared` (chance of being
        won by the quarter's end, and by that of the next), `n` (times put off in the quarter), `gain` (its amount: the
        most it could), `owner` (its seller).
    """
    late = opportunity_history[opportunity_history["expected_close"].between(period.start, period.end)]
    due = late.loc[late["changed_on"] <= period.through, "opportunity_id"].unique()
    large = chances["amount"] >= LARGE * landing["p50"].iloc[0]
    out = chances[large & (chances["expected_close"] > period.end) & chances["opportunity_id"].isin(due)]
    deals = opportunities.set_index("opportunity_id")
    names = pd.Series(dtype="str") if customers is None else customers.set_index("customer_id")["name"]
    sellers = pd.Series(dtype="str") if reps is None else reps.set_index("rep_id")["name"]
    moved = opportunity_history[opportunity_history["changed_on"].between(period.start, period.through)]
    out = out.assign(
        subject=looked_up(looked_up(out["opportunity_id"], deals["customer_id"]), names).fillna(out["opportunity_id"]),
        owner=looked_up(looked_up(out["opportunity_id"], deals["rep_id"]), sellers).fillna(""),
        n=looked_up(out["opportunity_id"], moved.groupby("opportunity_id")["expected_close"].nunique()).fillna(1),
        worth=-out["amount"],
        gain=out["amount"],
    )
    return laid("slipped", out, value="chance", compared="next_chance")


@looks_back(orders=this_quarter)
def margin_short(orders: pd.DataFrame, targets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Gross margin below what the quarter's targets ask for, by more than how orders differ.

    Returns
    -------
    DataFrame
        At most one row, in the columns of `finding.FINDING`: `kind` "margin target", `subject` "margin", `worth` (margin less that
        at the rate asked for, money so far), `value`, `low`, `high` (gross margin, 90 %), `compared` (asked for; ratios), `n`
        (order lines).
    """
    due = revenue.due_targets(targets, period, orders)
    due, now = due.dropna(subset=["margin_target"]), revenue.gross_margin(orders, period)
    if now.empty or not due["revenue_target"].sum() > 0:
        return pd.DataFrame(columns=FINDING)
    asked = due["margin_target"].sum() / due["revenue_target"].sum()
    return _margin("margin target", now, asked, (now["high"] - now["low"]) / 2 / Z90)


@looks_back(orders=last_year)
def margin_fall(orders: pd.DataFrame, period: Period, targets: pd.DataFrame | None = None) -> pd.DataFrame:
    """Gross margin below that of the same days last year, by more than how orders differ; columns as of `margin_short`.

    Nothing where it is short of its target: one margin is one finding.
    """
    now, before = revenue.gross_margin(orders, period), revenue.gross_margin(orders, period.before())
    if now.empty or before.empty or (targets is not None and len(margin_short(orders, targets, period))):
        return pd.DataFrame(columns=FINDING)
    error = np.hypot(now["high"] - now["low"], before["high"] - before["low"]) / 2 / Z90
    return _margin("margin", now, before["value"].iloc[0], error)


def _margin(kind: str, now: pd.DataFrame, than: float, error: pd.Series) -> pd.DataFrame:
    """Lay out a margin against another; what closing it would bring is for what has been sold so far."""
    less = now["value"] - than
    worth, reach = less * now["denominator"], Z90 * error * now["denominator"]
    ends = {"gain": -worth, "gain_low": -worth - reach, "gain_high": -worth + reach}
    row = now.assign(subject="margin", compared=than, worth=worth, risk=risk(less, error), **ends)
    return laid(kind, row[less < 0])
