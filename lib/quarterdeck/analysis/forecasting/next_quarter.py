"""Is enough open for the next quarter, by what such deals brought before?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t as student

from quarterdeck.analysis.forecasting.quarter_end import due_deals, spells
from quarterdeck.analysis.methods.intervals import ratio
from quarterdeck.data.coverage import EVER
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows

LEARNED, FEWEST = 8, 4  # past quarters learned from: the most, and the fewest
COLUMNS = ["start", "due", "deals", "brings", "low", "high", "asked", "asked_of", "needed", "chance", "n"]


@no_rows(needs="an open deal due in the next quarter")
def open_for_next(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Money of open deals that are due in the next quarter.

    Returns
    -------
    DataFrame
        One row: `value` (money), `n` (deals).
    """
    after = period.shifted(1)
    due = opportunities["status"].eq("open") & opportunities["expected_close"].between(after.start, after.end)
    return pd.DataFrame({"value": [opportunities.loc[due, "amount"].sum()], "n": [due.sum()]})[[due.any()]]


@no_rows("opportunities.amount", needs="four past quarters with deals open on the same day of the quarter before")
def next_quarter(
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    quotas: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What the deals due in the next quarter will bring with those still to be opened, against what is asked of it.

    On the same day of the quarter before each of eight past quarters, deals were open and due in it; what was won in it, over
    their money, is what a unit of such pipeline brings (ratio over quarters, Student t 80 %: Cochran 1977, 6.4). Asked are the
    quotas of the next quarter, else what was won in the same quarter a year before.

    Returns
    -------
    DataFrame
        One row: `start` (day), `due` (money open and due in it), `deals`, `brings`, `low`, `high` (bookings to expect, money,
        80 %), `asked` (money; missing where it is not known), `asked_of` ("quotas" or "last year"), `needed` (pipeline for it,
        money), `chance` (that it brings as much), `n` (past quarters).
    """
    after = period.shifted(1).whole()
    states = spells(opportunity_history[opportunity_history["changed_on"] <= period.through])
    now = due_deals(states, after.seen(period.through))
    past = pd.DataFrame(_past(opportunities, states, period, begins), columns=["due", "won"]).query("due > 0")
    part, error = ratio(past["won"], past["due"])
    due = float(now["amount"].sum())
    if len(past) < FEWEST or not part > 0 or not due > 0:
        return pd.DataFrame(columns=COLUMNS)
    asked, asked_of = _asked(opportunities, after, quotas, begins)
    error = error * np.sqrt(1 + len(past))  # of one quarter to come, not of their mean
    reach = student.ppf(0.9, len(past) - 1) * error
    row = {"start": after.start, "due": due, "deals": len(now), "brings": part * due}
    row |= {"low": max(part - reach, 0.0) * due, "high": (part + reach) * due, "n": len(past)}
    row |= {"asked": asked, "asked_of": asked_of, "needed": asked / part}
    row["chance"] = float(student.sf((asked / due - part) / error, len(past) - 1)) if error > 0 else np.nan
    return pd.DataFrame([row], columns=COLUMNS)


def _past(
    opportunities: pd.DataFrame, states: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp]
) -> list[tuple[float, float]]:
    """Give for each past quarter the money open and due in it on this day of the quarter before, and all that was won in it."""
    spans = last_quarters(period, LEARNED + 1, max(begins["opportunities"], begins["opportunity_history"]))
    sums = []
    for before, span in zip(spans[:-1], spans[1:], strict=True):
        due = due_deals(states, span.seen(period.same_day(before)))
        sums.append((float(due["amount"].sum()), _won(opportunities, span)))
    return sums


def _won(opportunities: pd.DataFrame, span: Period) -> float:
    won = opportunities["status"].eq("won") & opportunities["closed_on"].between(span.start, span.end)
    return float(opportunities.loc[won, "amount"].sum())


def _asked(
    opportunities: pd.DataFrame, after: Period, quotas: pd.DataFrame | None, begins: Mapping[str, pd.Timestamp]
) -> tuple[float, str]:
    """Give what is asked of a quarter: its quotas, else what was won a year before, where that is on record whole."""
    if quotas is not None:
        due = quotas[quotas["period_start"].ge(after.start) & quotas["period_end"].le(after.end)]
        if len(due):
            return float(due["quota"].sum()), "quotas"
    before = after.before()
    whole = before.start >= begins["opportunities"]
    return (_won(opportunities, before) or np.nan, "last year") if whole else (np.nan, "last year")
