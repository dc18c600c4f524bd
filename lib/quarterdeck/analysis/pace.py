"""Who will end the quarter at quota, is enough in the pipeline for it, and how much hangs on few?"""

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import t as student

from quarterdeck.analysis.forecast import due_deals, pipeline_chances, spells
from quarterdeck.analysis.pipeline import named
from quarterdeck.analysis.rates import discovered, ratio, shrunk_means
from quarterdeck.analysis.team import attained_in, bookings, coverage_total
from quarterdeck.data.periods import Period, last_quarters

DAY = pd.Timedelta(days=1)
LEARNT = 8  # past quarters that a pace and a chance are learnt from
FEWEST = 60  # sellers × quarters below which no chance is told
FEWEST_QUARTERS = 4  # below which no conversion is told
COVER = ["coverage", "due", "gap", "part", "low", "high", "needed", "needed_low", "needed_high", "by_win_rate", "n"]
RATE = ["gap", "left", "needed", "gone", "so_far", "low", "middle", "high", "reached", "n"]
CHANCES = ["rep_id", "name", "attainment", "pipeline", "chance", "expected", "n", "brier", "brier_base"]


def pace(period: Period, orders: pd.DataFrame | None = None, opportunities: pd.DataFrame | None = None) -> pd.DataFrame:
    """How much of a quarter's bookings is usually in by this day of it: the seasonal pace, not the days gone.

    Returns
    -------
    DataFrame
        One row per past quarter, oldest first: `label`, `part` (by the same day, ratio), and in every row `low`, `middle`,
        `high` (the tenth, the half and the nine tenths of them), `n` (quarters); no rows before four quarters.
    """
    elapsed, rows = period.through - period.start, []
    for span in last_quarters(period.start, LEARNT):
        sold = bookings(span, orders, opportunities)
        if sold["amount"].sum() > 0:
            early = sold["day"] <= min(span.start + elapsed, span.end)
            rows.append([span.label, sold.loc[early, "amount"].sum() / sold["amount"].sum()])
    table = pd.DataFrame(rows, columns=["label", "part"])
    ends = dict(zip(("low", "middle", "high"), table["part"].quantile([0.1, 0.5, 0.9]), strict=True))
    return (table if len(table) >= 4 else table.iloc[:0]).assign(**ends, n=len(table))


def run_rate(
    quotas: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What must be booked on each working day that is left, for all quotas together to be reached, and what has been.

    Needed = (Σ quota − Σ bookings of the sellers who have one) ÷ working days left, Monday to Friday; holidays are not known.
    The past: what those with a quota booked a working day after the same day of each of eight past quarters, to its end.

    Returns
    -------
    DataFrame
        One row: `gap` (money; nought or less where the quota is met), `left` (working days), `needed` (money a working day),
        `gone` (working days), `so_far` (booked on each, money), `low`, `middle`, `high` (the tenth, half and nine tenths of past
        quarters, money a working day; missing below four), `reached` (past quarters that booked as much as is needed now), `n`
        (past quarters); no row without a quota or a working day on both sides of today.
    """
    now = attained_in(period, quotas, bookings(period, orders, opportunities))
    gone, left = _working(period.start, period.through), _working(period.through + DAY, period.end)
    if now.empty or not gone or not left:
        return pd.DataFrame(columns=RATE)
    gap = now["quota"].sum() - now["booked"].sum()
    past = []
    for span in last_quarters(period.start, LEARNT):
        sold = bookings(span, orders, opportunities)
        after = min(span.start + (period.through - period.start), span.end)
        late = attained_in(span, quotas, sold[sold["day"] > after])
        if sold["amount"].sum() > 0 and len(late) and (days := _working(after + DAY, span.end)):
            past.append(late["booked"].sum() / days)
    rates = pd.Series(past, dtype="float64")
    ends = rates.quantile([0.1, 0.5, 0.9]) if len(rates) >= FEWEST_QUARTERS else [np.nan] * 3
    row = [gap, left, gap / left, gone, now["booked"].sum() / gone, *ends, (rates >= gap / left).sum(), len(rates)]
    return pd.DataFrame([row], columns=RATE)


def quota_chances(
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
) -> pd.DataFrame:
    """The chance that each seller ends the open quarter at quota.

    Logistic regression, over sellers and eight past quarters, of reaching quota on what was attained by the same day and on
    the open deals due, each weighed with the chance that deals of its stage had (`forecast.pipeline_chances` of quarters
    before); a ridge of one keeps few quarters from saying too much. The Brier score is that of each quarter predicted from
    the others, beside the one of the plain share that reached quota.

    Returns
    -------
    DataFrame
        One row per seller with a quota, least likely first: `rep_id`, `name`, `attainment`, `pipeline` (weighted, over quota),
        `chance` (ratios), `expected` (attainment and weighted pipeline together), and in every row `n` (sellers × past
        quarters), `brier`, `brier_base`; no rows with fewer than sixty of these.
    """
    spans = last_quarters(period.start, LEARNT)
    elapsed = period.through - period.start
    past, states = [], spells(opportunity_history)
    for k, span in enumerate(spans):
        early = Period(span.start, span.end, min(span.start + elapsed, span.end))
        seen = _standing(quotas, opportunities, states, early)
        final = attained_in(span, quotas, bookings(span, None, opportunities)).set_index("rep_id")["attainment"]
        past.append(seen.assign(reached=(seen["rep_id"].map(final) >= 1).astype(float), quarter=k))
    known = pd.concat(past, ignore_index=True)
    now = _standing(quotas, opportunities, states, period)
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
    told = _predict(known, now).assign(
        chance=lambda t: t["chance"].where(t["attainment"] < 1, 1.0),
        expected=lambda t: t["attainment"] + t["pipeline"],
        n=len(known),
        brier=((tested["chance"] - tested["reached"]) ** 2).mean(),
        brier_base=((base - tested["reached"].to_numpy()) ** 2).mean(),
    )
    return named(told, reps).sort_values("chance", ignore_index=True)[CHANCES]


def cover(
    quotas: pd.DataFrame, opportunities: pd.DataFrame, opportunity_history: pd.DataFrame, period: Period
) -> pd.DataFrame:
    """Whether what is due in the quarter covers what is still to be won of its quota, at the conversion of the past.

    Conversion: of the money that on the same day of eight past quarters was open and due in them, the part that was won by
    their end; its interval over quarters (a ratio's, Student t 90 %). Coverage needed is one over it: no rule of thumb, and
    more than one over the win rate by value, for dates slip. Deals that are opened and won within the quarter come on top.

    Returns
    -------
    DataFrame
        One row: `coverage` (times; missing where the quota is met), `due`, `gap` (money), `part`, `low`, `high` (conversion,
        ratios), `needed`, `needed_low`, `needed_high`, `by_win_rate` (times), `n` (quarters); no row without a quota, or with
        fewer than four past quarters that had money due.
    """
    now = coverage_total(quotas, opportunities, period)
    past = pd.DataFrame(_came_true(opportunities, opportunity_history, period), columns=["won", "due"])
    past = past[past["due"] > 0]
    part, error = ratio(past["won"], past["due"])
    if now.empty or len(past) < FEWEST_QUARTERS or not part > 0:
        return pd.DataFrame(columns=COVER, dtype="float64")
    reach = student.ppf(0.95, len(past) - 1) * error
    low, high = max(part - reach, 0.0), min(part + reach, 1.0)
    value, due, gap = now[["value", "numerator", "denominator"]].iloc[0]
    needed = [1 / part, 1 / high, 1 / low if low else np.inf]
    return pd.DataFrame(
        [[value, due, gap, part, low, high, *needed, now["required"].iloc[0], len(past)]], columns=COVER
    )


def discounts(orders: pd.DataFrame, reps: pd.DataFrame, products: pd.DataFrame, period: Period) -> pd.DataFrame:
    """How much more discount each seller gives than others do on the same category and channel, and what it costs.

    Over twelve months; the excess is the mean of a seller's discounts less those usual for each line's category and channel,
    weighed by list amount, with the error over orders, then shrunken (`rates.shrunk_means`).

    Returns
    -------
    DataFrame
        One row per seller with at least thirty orders, the most generous first: `rep_id`, `name`, `discount` (ratio),
        `excess`, `low`, `high` (difference of ratios, 90 %), `clear` (bool: at a false discovery rate of one in ten), `cost`
        (money of the excess), `n` (orders); no rows where list amounts are not known.
    """
    begin = period.through - pd.DateOffset(years=1)
    lines = orders[orders["order_date"].between(begin, period.through, inclusive="right") & (orders["list_amount"] > 0)]
    lines = lines.dropna(subset=["rep_id"]).assign(
        category=lambda t: t["product_id"].map(products.set_index("product_id")["category"])
    )
    lines = lines.assign(off=lines["list_amount"] - lines["revenue"], channel=lines["channel"].fillna("–"))
    cells = lines.groupby(["category", "channel"])[["off", "list_amount"]].transform("sum")
    lines["more"] = lines["off"] - lines["list_amount"] * cells["off"] / cells["list_amount"]
    by_order = lines.groupby(["rep_id", "order_id"])[["off", "more", "list_amount"]].sum()
    table = by_order.groupby("rep_id").agg(
        off=("off", "sum"), more=("more", "sum"), listed=("list_amount", "sum"), n=("off", "size")
    )
    raw = table["more"] / table["listed"]
    left = by_order["more"] - by_order["list_amount"] * raw.reindex(by_order.index.get_level_values(0)).to_numpy()
    table["error"] = np.sqrt((left**2).groupby("rep_id").sum()) / table["listed"]
    table = table.assign(raw=raw)[(table["n"] >= 30) & (table["error"] > 0)]
    columns = ["rep_id", "name", "discount", "excess", "low", "high", "clear", "cost", "n"]
    if table.empty:
        return pd.DataFrame(columns=columns)
    table = table.join(shrunk_means(table["raw"], table["error"]).rename(columns={"value": "excess"}))
    table["clear"] = discovered(table["raw"] / table["error"])
    table = table.assign(discount=table["off"] / table["listed"], cost=table["excess"] * table["listed"]).reset_index()
    return named(table, reps).sort_values("excess", ascending=False, ignore_index=True)[columns]


def hanging(
    reps: pd.DataFrame, period: Period, orders: pd.DataFrame | None = None, opportunities: pd.DataFrame | None = None
) -> pd.DataFrame:
    """How much of twelve months' bookings hangs on the best tenth of sellers, and what a seller brings.

    Returns
    -------
    DataFrame
        One row: `top` (share of the best tenth, at least one seller), `sellers` (of that tenth), `n` (sellers with any),
        `median` (money a seller), `largest` (share of the best), `gone` (share of those who have left since); no row below
        five sellers.
    """
    year = Period(period.through - pd.DateOffset(years=1) + pd.Timedelta(days=1), period.through, period.through)
    sold = (
        bookings(year, orders, opportunities)
        .groupby("rep_id")["amount"]
        .sum()
        .loc[lambda a: a > 0]
        .sort_values(ascending=False)
    )
    columns = ["top", "sellers", "n", "median", "largest", "gone"]
    if len(sold) < 5:
        return pd.DataFrame(columns=columns)
    tenth = max(len(sold) // 10, 1)
    left = sold.index.isin(reps.loc[reps["left_on"].notna(), "rep_id"])
    row = [
        sold.iloc[:tenth].sum() / sold.sum(),
        tenth,
        len(sold),
        sold.median(),
        sold.iloc[0] / sold.sum(),
        sold[left].sum() / sold.sum(),
    ]
    return pd.DataFrame([row], columns=columns)


def _working(first: pd.Timestamp, last: pd.Timestamp) -> int:
    """Count the days from Monday to Friday from the first day to the last one."""
    return int(np.busday_count(first.date(), (last + DAY).date()))


def _came_true(opportunities: pd.DataFrame, history: pd.DataFrame, period: Period) -> list[tuple[float, float]]:
    """Give for each past quarter the money won by its end, of that due in it on this day of it, and the money due."""
    won = opportunities[opportunities["status"].eq("won")].set_index("opportunity_id")["closed_on"]
    states, elapsed, sums = spells(history), period.through - period.start, []
    for span in last_quarters(period.start, LEARNT):
        due = due_deals(states, Period(span.start, span.end, min(span.start + elapsed, span.end)))
        in_time = (won.reindex(due["opportunity_id"]) <= span.end).to_numpy()
        sums.append((due.loc[in_time, "amount"].sum(), due["amount"].sum()))
    return sums


def _standing(quotas: pd.DataFrame, opportunities: pd.DataFrame, states: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Give each seller's attainment and weighted open deals over quota, as they stood at `period.through`."""
    table = attained_in(period, quotas, bookings(period, None, opportunities))[["rep_id", "attainment", "quota"]]
    due = due_deals(states, period)
    before = opportunities[opportunities["opened_on"] <= period.start]
    chance = pipeline_chances(before, states[states["changed_on"] < period.start], period).set_index("stage")["chance"]
    worth = (due["amount"] * due["stage"].map(chance).astype(float).fillna(0)).groupby(due["rep_id"]).sum()
    return table.assign(pipeline=worth.reindex(table["rep_id"]).fillna(0.0).to_numpy() / table["quota"])


def _predict(known: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    from sklearn.linear_model import LogisticRegression  # here, for it is slow to import

    features = [
        np.column_stack([t["attainment"], np.sqrt(t["pipeline"]), t["attainment"] + t["pipeline"]])
        for t in (known, asked)
    ]
    fit = LogisticRegression(C=1.0, solver="newton-cholesky").fit(features[0], known["reached"])
    return asked.assign(chance=expit(features[1] @ fit.coef_[0] + fit.intercept_[0]))
