"""Who will end the quarter at quota, is enough in the pipeline for it, and how much depends on few?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr, ndtri
from scipy.stats import t as student

from quarterdeck.analysis.forecasting.quarter_end import due_deals, pipeline_chances, spells
from quarterdeck.analysis.methods.intervals import ratio
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline.credit import credited, with_owners
from quarterdeck.analysis.pipeline.stages import named
from quarterdeck.analysis.team.performance import attained_in, bookings, coverage_total
from quarterdeck.data.answers import company_wide, own_rows
from quarterdeck.data.coverage import EVER, looks_back, this_quarter
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows

DAY = pd.Timedelta(days=1)
LEARNED = 8  # past quarters that a pace and a chance are learned from
FEWEST = 60  # sellers × quarters below which no chance is given
FEWEST_QUARTERS = 4  # below which no conversion is given
COVER = [
    "coverage",
    "due",
    "gap",
    "part",
    "low",
    "high",
    "needed",
    "needed_low",
    "needed_high",
    "by_win_rate",
    "n",
    "brings",
]
RATE = ["gap", "left", "needed", "gone", "so_far", "low", "middle", "high", "reached", "n", "part", "counted"]
ENDING = ["value", "low", "high", "quota", "attainment", "attainment_low", "attainment_high", "chance", "by"]
CHANCES = ["rep_id", "name", "region", "attainment", "pipeline", "chance", "expected", "n", "brier", "brier_base"]


@no_rows("opportunities.amount", needs="four whole quarters of bookings")
def pace(
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """How much of a quarter's bookings is usually in by this day of it: the seasonal pace, not the days gone.

    Returns
    -------
    DataFrame
        One row per past quarter, oldest first: `label`, `part` (by the same day, ratio), and in every row `low`, `middle`,
        `high` (the tenth, the half and the nine tenths of them), `n` (quarters); no rows before four quarters.
    """
    rows = []
    for span in last_quarters(period, LEARNED, _begin(begins, opportunities)):
        sold = bookings(span, orders, opportunities)
        if sold["amount"].sum() > 0:
            early = sold["day"] <= period.same_day(span)
            rows.append([span.label, sold.loc[early, "amount"].sum() / sold["amount"].sum()])
    table = pd.DataFrame(rows, columns=["label", "part"])
    ends = dict(zip(("low", "middle", "high"), table["part"].quantile([0.1, 0.5, 0.9]), strict=True))
    return (table if len(table) >= 4 else table.iloc[:0]).assign(**ends, n=len(table))


@no_rows(
    needs="a quota of this quarter, and three hundred looks at deals open in past quarters or four whole quarters of bookings"
)
def ending(
    quotas: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    ahead: pd.DataFrame | None = None,
    pace: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What the quarter's bookings will end at, held against all quotas: the one answer of every page.

    It is `win_chances.bookings_ahead`, which knows the open deals; where there are too few of these, what is booked over the part
    that is usually in by this day. On eight past quarters of the demo company the former was off by 3.3 % on average, the latter
    by 6.7 % (a region of it: 5.6 % and 26.8 %).

    Parameters
    ----------
    ahead, pace : DataFrame, optional
        As `win_chances.bookings_ahead` and `pace` give them.

    Returns
    -------
    DataFrame
        One row: `value`, `low`, `high` (80 % range), `quota` (money), `attainment`, `attainment_low`, `attainment_high` (of all
        quotas, ratios), `chance` (that bookings reach them; missing by the pace), `by` ("open deals" or "pace"); no row without a
        quota or either of the two.
    """
    sold = bookings(period, orders, opportunities)
    quota = attained_in(period, quotas, sold)["quota"].sum()
    if not quota > 0 or all(frame is None or frame.empty for frame in (ahead, pace)):
        return pd.DataFrame(columns=ENDING)
    if ahead is not None and len(ahead):
        low, value, high = ahead[["commit", "best", "pipeline"]].iloc[0]
        spread, sure = (high - value) / ndtri(0.9), ahead["booked"].iloc[0] >= quota
        by, chance = "open deals", 1.0 if sure or not spread else ndtr((value - quota) / spread)
    else:
        low, value, high = (sold["amount"].sum() / pace[end].iloc[0] for end in ("high", "middle", "low"))
        by, chance = "pace", np.nan
    row = [value, low, high, quota, value / quota, low / quota, high / quota, chance, by]
    return pd.DataFrame([row], columns=ENDING)


@no_rows("opportunities.amount", needs="a quota of this quarter, and a working day on both sides of today")
@looks_back(bookings=this_quarter)
def run_rate(
    quotas: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What must be booked on each working day that is left, for all quotas together to be reached, and what has been.

    Needed = (Σ quota − Σ bookings of the sellers who have one) ÷ working days left, as the company's calendar counts them (Monday
    to Friday where it says nothing).
    The past: what those with a quota booked a working day after the same day of each of eight past quarters, to its end.

    Returns
    -------
    DataFrame
        One row: `gap` (money; zero or less where the quota is met), `left` (working days), `needed` (money a working day),
        `gone` (working days), `so_far` (booked on each, money), `low`, `middle`, `high` (the tenth, half and nine tenths of past
        quarters, money a working day; missing below four), `reached` (past quarters that booked as much as is needed now), `n`
        (past quarters), `part` (of the quarter's working days that is gone, ratio; missing where the calendar says nothing of
        them), `counted` (which days these are, in words); no row without a quota or a working day on both sides of today.
    """
    now = attained_in(period, quotas, bookings(period, orders, opportunities))
    worked = period.calendar.working_days
    gone, left = worked(period.start, period.through), worked(period.through + DAY, period.end)
    if now.empty or not gone or not left:
        return pd.DataFrame(columns=RATE)
    gap = now["quota"].sum() - now["booked"].sum()
    past = []
    for span in last_quarters(period, LEARNED, _begin(begins, opportunities)):
        sold = bookings(span, orders, opportunities)
        after = period.same_day(span)
        late = attained_in(span, quotas, sold[sold["day"] > after])
        if sold["amount"].sum() > 0 and len(late) and (days := worked(after + DAY, span.end)):
            past.append(late["booked"].sum() / days)
    rates = pd.Series(past, dtype="float64")
    ends = rates.quantile([0.1, 0.5, 0.9]) if len(rates) >= FEWEST_QUARTERS else [np.nan] * 3
    row = [gap, left, gap / left, gone, now["booked"].sum() / gone, *ends, (rates >= gap / left).sum(), len(rates)]
    row += [gone / (gone + left) if period.calendar.knows_work else np.nan, period.calendar.said_work()]
    return pd.DataFrame([row], columns=RATE)


@no_rows("opportunities.amount", needs="quotas of sixty sellers and quarters that have ended")
@looks_back(opportunities=this_quarter)
@company_wide(own_rows)
def quota_chances(
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """The chance that each seller ends the open quarter at quota.

    Logistic regression, over sellers and eight past quarters, of reaching quota on what was attained by the same day and on
    the open deals due, each weighted with the chance that deals of its stage had (`quarter_end.pipeline_chances` of quarters
    before); a ridge of one keeps few quarters from saying too much. The Brier score is that of each quarter predicted from
    the others, beside the one of the plain share that reached quota.

    Returns
    -------
    DataFrame
        One row per seller with a quota, least likely first: `rep_id`, `name`, `attainment`, `pipeline` (weighted, over quota),
        `chance` (ratios), `expected` (attainment and weighted pipeline together), and in every row `n` (sellers × past
        quarters), `brier`, `brier_base`; no rows with fewer than sixty of these.
    """
    spans = last_quarters(period, LEARNED, max(begins["opportunities"], begins["opportunity_history"]))
    past, states = [], spells(opportunity_history)
    for k, span in enumerate(spans):
        early = span.seen(period.same_day(span))
        seen = _standing(quotas, opportunities, states, early, begins)
        final = attained_in(span, quotas, bookings(span, None, opportunities)).set_index("rep_id")["attainment"]
        past.append(seen.assign(reached=(looked_up(seen["rep_id"], final) >= 1).astype(float), quarter=k))
    known = pd.concat(past, ignore_index=True) if past else pd.DataFrame(columns=["reached"])
    now = _standing(quotas, opportunities, states, period, begins)
    if len(known) < FEWEST or known["reached"].nunique() < 2 or now.empty:
        return pd.DataFrame(columns=CHANCES)
    fold = [_predict(known[known["quarter"] != k], known[known["quarter"] == k]) for k in known["quarter"].unique()]
    tested = pd.concat(fold)
    base = np.concatenate(
        [
            np.full((known["quarter"] == k).sum(), known.loc[known["quarter"] != k, "reached"].mean())
            for k in known["quarter"].unique()
        ]
    )
    table = _predict(known, now).assign(
        chance=lambda t: t["chance"].where(t["attainment"] < 1, 1.0),
        expected=lambda t: t["attainment"] + t["pipeline"],
        n=len(known),
        brier=((tested["chance"] - tested["reached"]) ** 2).mean(),
        brier_base=((base - tested["reached"].to_numpy()) ** 2).mean(),
    )
    table = table.assign(region=looked_up(table["rep_id"], reps.set_index("rep_id")["region"]))
    return named(table, reps).sort_values("chance", ignore_index=True)[CHANCES]


@no_rows("opportunities.amount", needs="quotas of sixty sellers and quarters that have ended")
def by_own_deals(
    table: pd.DataFrame,
    quotas: pd.DataFrame,
    opportunities: pd.DataFrame,
    period: Period,
    chances: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The sellers of `quota_chances` with what their own open deals are worth, so that they add up to what all deals are worth.

    Parameters
    ----------
    table : DataFrame
        As `quota_chances` gives it.
    chances : DataFrame, optional
        As `win_chances.chances` gives it; without it the table stays as it is.

    Returns
    -------
    DataFrame
        The same rows with `pipeline` (Σ worth of the seller's open deals ÷ quota) and `expected` (ratios) by these.
    """
    if chances is None or chances.empty or table.empty:
        return table
    parts = credited(with_owners(chances, opportunities), "worth")
    worth = looked_up(table["rep_id"], parts.groupby("rep_id")["worth"].sum()).fillna(0.0)
    quota = attained_in(period, quotas, bookings(period, None, opportunities)).set_index("rep_id")["quota"]
    pipeline = worth / looked_up(table["rep_id"], quota)
    return table.assign(pipeline=pipeline, expected=table["attainment"] + pipeline)


@no_rows("opportunity_history.amount", needs="a quota of this quarter, and four past quarters that had money due")
@looks_back(opportunities=this_quarter)
def cover(
    quotas: pd.DataFrame,
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    ahead: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Whether what is due in the quarter covers what is still to be won of its quota, at the conversion of the past.

    Conversion: of the money that on the same day of eight past quarters was open and due in them, the part that was won by
    their end; its interval over quarters (a ratio's, Student t 90 %). Coverage needed is one over it: no rule of thumb, and
    more than one over the win rate by value, for dates slip. Deals that are opened and won within the quarter come on top.

    Parameters
    ----------
    ahead : DataFrame, optional
        As `win_chances.bookings_ahead` gives it, which says what the open deals bring.

    Returns
    -------
    DataFrame
        One row: `coverage` (times; missing where the quota is met), `due`, `gap` (money), `part`, `low`, `high` (conversion,
        ratios), `needed`, `needed_low`, `needed_high`, `by_win_rate` (times), `n` (quarters), `brings` (worth of the open deals;
        where that is not known, conversion × due; money); no row without a quota, or with fewer than four past quarters that had
        money due.
    """
    now = coverage_total(quotas, opportunities, period, begins)
    past = pd.DataFrame(_came_true(opportunities, opportunity_history, period, begins), columns=["won", "due"])
    past = past[past["due"] > 0]
    part, error = ratio(past["won"], past["due"])
    if now.empty or len(past) < FEWEST_QUARTERS or not part > 0:
        return pd.DataFrame(columns=COVER, dtype="float64")
    reach = student.ppf(0.95, len(past) - 1) * error
    low, high = max(part - reach, 0.0), min(part + reach, 1.0)
    value, due, gap = now[["value", "numerator", "denominator"]].iloc[0]
    row = {"coverage": value, "due": due, "gap": gap, "part": part, "low": low, "high": high, "n": len(past)}
    row |= {"needed": 1 / part, "needed_low": 1 / high, "needed_high": 1 / low if low else np.inf}
    brings = part * due if ahead is None or ahead.empty else ahead["open_worth"].iloc[0]
    return pd.DataFrame([row | {"by_win_rate": now["required"].iloc[0], "brings": brings}], columns=COVER)


def _begin(begins: Mapping[str, pd.Timestamp], opportunities: pd.DataFrame | None) -> pd.Timestamp:
    """Give the day from which bookings are whole: deals where the company keeps them, else orders."""
    return begins["orders" if opportunities is None else "opportunities"]


def _came_true(
    opportunities: pd.DataFrame, history: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp]
) -> list[tuple[float, float]]:
    """Give for each past quarter the money won by its end, of that due in it on this day of it, and the money due."""
    won = opportunities[opportunities["status"].eq("won")].set_index("opportunity_id")["closed_on"]
    states, sums = spells(history), []
    for span in last_quarters(period, LEARNED, max(begins["opportunities"], begins["opportunity_history"])):
        due = due_deals(states, span.seen(period.same_day(span)))
        in_time = (won.reindex(due["opportunity_id"]) <= span.end).to_numpy()
        sums.append((due.loc[in_time, "amount"].sum(), due["amount"].sum()))
    return sums


def _standing(
    quotas: pd.DataFrame,
    opportunities: pd.DataFrame,
    states: pd.DataFrame,
    period: Period,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Give each seller's attainment and weighted open deals over quota, as they stood at `period.through`."""
    table = attained_in(period, quotas, bookings(period, None, opportunities))[["rep_id", "attainment", "quota"]]
    due = due_deals(states, period)
    before = opportunities[opportunities["opened_on"] <= period.start]
    chance = pipeline_chances(before, states[states["changed_on"] < period.start], period, begins=begins).set_index(
        "stage"
    )["chance"]
    worth = (due["amount"] * due["stage"].map(chance).astype(float).fillna(0)).groupby(due["rep_id"]).sum()
    return table.assign(pipeline=worth.reindex(table["rep_id"]).fillna(0.0).to_numpy() / table["quota"])


def _predict(known: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    from sklearn.linear_model import LogisticRegression  # here, because it is slow to import

    features = [
        np.column_stack([t["attainment"], np.sqrt(t["pipeline"]), t["attainment"] + t["pipeline"]])
        for t in (known, asked)
    ]
    fit = LogisticRegression(C=1.0, solver="newton-cholesky").fit(features[0], known["reached"])
    return asked.assign(chance=expit(features[1] @ fit.coef_[0] + fit.intercept_[0]))
