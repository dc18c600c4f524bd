"""What would have to be true to reach the target, and has it ever been?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from quarterdeck.analysis.sales.revenue import due_targets
from quarterdeck.data.coverage import EVER
from quarterdeck.data.periods import WEEK, Period, last_quarters
from quarterdeck.data.reasons import no_rows

LEVERS = ["open_deals", "opened", "win_rate", "average_won", "cycle_days", "sellers"]
BEHIND = {"opened", "sellers"}  # what stands behind velocity's four levers, and is none of its own
SLOWER = {"cycle_days"}  # less of it is more
SEEK = [
    "lever", "usual", "needed", "change", "reached", "quarters", "percentile", "together", "together_percentile", "gap",
]  # fmt: skip
SAME = 1e-9  # part by which two levels may differ and still be one
HISTORY, FEWEST, USUAL = 20, 6, 4  # quarters looked at, needed, and taken as usual


@no_rows(
    "opportunities.amount",
    needs="a quarter, of the last four whole ones, in which deals were won for an amount above zero, and others lost",
)
def lever_record(
    opportunities: pd.DataFrame, reps: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """Velocity's levers and the bookings of past quarters, as they were.

    Returns
    -------
    DataFrame
        One row per whole quarter, oldest first: `label`, `open_deals` (when it began), `opened` (deals opened in it), `win_rate`
        (of deals closed in it, ratio), `average_won` (money), `cycle_days` (mean of deals won), `sellers` (there when it began),
        `bookings` (money); quarters without bookings, or without a deal recorded as lost, are left out. No rows where all of the
        last four are: what was usual before them is so no more.
    """
    rows, recent = [], {span.label for span in last_quarters(period, USUAL)}
    for span in last_quarters(period, HISTORY, begins["opportunities"]):
        done = opportunities[opportunities["closed_on"].between(span.start, span.end)]
        won = done[done["status"].eq("won")]
        there = opportunities["opened_on"].lt(span.start) & ~(opportunities["closed_on"] < span.start)
        known = reps["hired"].isna() | (reps["hired"] < span.start)
        sellers = (known & ~(reps["left_on"] < span.start)).sum()
        if won["amount"].sum() > 0 and len(won) < len(done) and opportunities["opened_on"].min() < span.start:
            days = (won["closed_on"] - won["opened_on"]).dt.days.mean()
            rows.append(
                [
                    span.label,
                    there.sum(),
                    opportunities["opened_on"].between(span.start, span.end).sum(),
                    len(won) / len(done),
                    won["amount"].mean(),
                    max(days, 1.0),
                    sellers,
                    won["amount"].sum(),
                ]
            )
    rows = rows if rows and rows[-1][0] in recent else []
    return pd.DataFrame(rows, columns=["label", *LEVERS, "bookings"]).astype(
        dict.fromkeys([*LEVERS, "bookings"], "float64")
    )


@no_rows(needs="a revenue target of this quarter and a year of orders and bookings behind it, or a quota of it")
def quarter_goal(
    period: Period,
    opportunities: pd.DataFrame,
    quotas: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """The bookings that the quarter wants: its revenue target at the usual part of bookings in revenue, else its quotas.

    Returns
    -------
    DataFrame
        One row: `goal` (money), `from_what` ("revenue target" or "quotas"); no row where neither is set and above zero. Where no
        bookings of the year before are known, a revenue target says nothing of them.
    """
    columns = ["goal", "from_what"]
    if targets is not None and orders is not None:
        due = due_targets(targets, period, orders)["revenue_target"].sum()
        until = min(
            period.start, orders["order_date"].max() + pd.Timedelta(days=1)
        )  # a whole year, also for a later quarter
        begin = until - pd.DateOffset(years=1)
        won = opportunities[
            opportunities["status"].eq("won")
            & opportunities["closed_on"].ge(begin)
            & opportunities["closed_on"].lt(until)
        ]
        booked = won["amount"].sum()
        sold = orders.loc[orders["order_date"].ge(begin) & orders["order_date"].lt(until), "revenue"].sum()
        whole = begin + WEEK >= max(begins["orders"], begins["opportunities"])
        if due > 0 and sold > 0 and booked > 0 and whole:
            return pd.DataFrame([[due * booked / sold, "revenue target"]], columns=columns)
    if quotas is not None:
        due = quotas[quotas["period_start"].ge(period.start) & quotas["period_end"].le(period.end)]["quota"].sum()
        return pd.DataFrame([[due, "quotas"]] if due > 0 else [], columns=columns)
    return pd.DataFrame(columns=columns)


@no_rows(needs="six whole quarters of deals")
def seek(record: pd.DataFrame, goal: pd.DataFrame) -> pd.DataFrame:
    """What each lever alone would have to be for a quarter to reach its goal, and how often it has been.

    Bookings are proportional to open deals × win rate × size ÷ cycle days (velocity), and to sellers at what one brings; the
    usual level is the mean of four quarters. In a steady state, open deals are those opened a day × the mean days that one is open
    (Little 1961, Operations Research 9, 383), so at the usual days the pace of opening moves open deals in proportion, and no
    sooner: it is another hold on the same lever, and not counted beside it. Together is the cheapest feasible way, where cost is
    how unusual a move is, because what one costs in money is not on record. Of all moves of velocity's four levers that reach
    the goal with none better than it has ever been, it is the one with the least sum of squares of usual swings (standard
    deviation of logs).

    Parameters
    ----------
    record, goal : DataFrame
        As `record` and `goal` give them.

    Returns
    -------
    DataFrame
        One row per lever: `lever`, `usual`, `needed` (alone, in the lever's unit), `change` (needed over usual, less one),
        `reached` (quarters in which it was so good), `quarters`, `percentile` (part of quarters that were worse, ratio),
        `together` (needed if the four levers move at once; missing for the pace of opening and sellers, which stand behind them,
        and for all where even their best together falls short), `together_percentile`, and in every row `gap`
        (goal over usual bookings, less one); no rows with fewer than six quarters or without a goal.
    """
    if len(record) < FEWEST or goal.empty:
        return pd.DataFrame(columns=SEEK)
    usual = record[[*LEVERS, "bookings"]].tail(USUAL).mean()
    if not usual["bookings"] > 0:  # a goal has no distance from nothing
        return pd.DataFrame(columns=SEEK)
    wanted = np.log(goal["goal"].iloc[0] / usual["bookings"])
    shared = _shared(record, usual, wanted)
    rows = []
    for lever in (lever for lever in LEVERS if usual[lever] > 0):
        sign = -1.0 if lever in SLOWER else 1.0
        past = sign * record[lever]
        needed, both = (usual[lever] * np.exp(sign * move) for move in (wanted, shared.get(lever, np.nan)))
        reached = int((past >= sign * needed - SAME * needed).sum())
        part = (past < sign * both - SAME * both).mean() if lever in shared else np.nan
        row = {"lever": lever, "usual": usual[lever], "needed": needed, "change": needed / usual[lever] - 1}
        row |= {"reached": reached, "quarters": len(record), "percentile": 1 - reached / len(record)}
        rows.append(row | {"together": both, "together_percentile": part, "gap": np.expm1(wanted)})
    return pd.DataFrame(rows, columns=SEEK)


def _shared(record: pd.DataFrame, usual: pd.Series, wanted: float) -> pd.Series:
    """Split the move that is wanted (in logs) over velocity's four levers, by the squares of their usual swings.

    A lever that would have to be better than ever stays at its best, and the others take what is left of the move: the least sum
    of squares under bounds. Missing where all at their best fall short.
    """
    four = [lever for lever in LEVERS if lever not in BEHIND]
    signs = pd.Series([-1.0 if lever in SLOWER else 1.0 for lever in four], four)
    logs = np.log(record[four])
    best = ((logs - np.log(usual[four])) * signs).max()
    squares = logs.var() if logs.var().sum() > 0 else pd.Series(1.0, four)
    if wanted > best.sum():
        return pd.Series(np.nan, four)
    moves, free = wanted * squares / squares.sum(), squares > 0
    while (over := free & (moves > best)).any() and wanted > 0:
        free &= ~over
        moves[over] = best[over]
        moves[free] = (wanted - moves[~free].sum()) * squares[free] / squares[free].sum()
    return moves
