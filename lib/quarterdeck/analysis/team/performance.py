"""Do the sellers reach their quotas, and do they win what they close?

Rates cover the twelve months to `period.through`, attainment of a quarter.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import mannwhitneyu
from scipy.stats import t as student

from quarterdeck.analysis.methods.intervals import discovered, median_interval, ratio, shrunk, wilson
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline.credit import credited
from quarterdeck.analysis.pipeline.stages import closed, cycle, factors, named
from quarterdeck.data.coverage import EVER, eight_quarters, four_quarters, looks_back, this_quarter, twelve_months
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows
from quarterdeck.errors import refuse_unknown

QUARTER = ["quarter", "whole", "elapsed"]
CLAIMS = 0.05  # companies whose groups do not differ in which one may be said to
TOGETHER = "no clear difference from the team"
ATTAINED_BY = [*QUARTER, "dimension", "part", "reps", "at_quota", "booked", "quota", "attainment", "low", "high"]


@no_rows(needs="a seller")
def roster(reps: pd.DataFrame, anonymise: bool = False) -> pd.DataFrame:
    """Sellers and who leads them; their names and their managers' replaced by numbers if `anonymise`.

    Returns
    -------
    DataFrame
        One row per seller, by number: `rep_id`, `name`, `manager` (missing where unknown), `region`, `hired`, `left_on`.
    """
    people = reps[["rep_id", "name", "manager", "region", "hired", "left_on"]].sort_values("rep_id", ignore_index=True)
    if not anonymise:
        return people
    teams, _ = pd.factorize(people["manager"], sort=True)
    return people.assign(
        name=[f"Seller {i:02d}" for i in range(1, len(people) + 1)],
        manager=people["manager"].where(people["manager"].isna(), [f"Team {t + 1:02d}" for t in teams]),
    )


def bookings(
    period: Period, orders: pd.DataFrame | None = None, opportunities: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What was sold in the period so far: deals won by the day they closed if the company keeps deals, else orders.

    A deal that several sellers share is a row for each of them, with its part of the amount (`pipeline.credit`).
    Recognised revenue would be the rival definition; quotas are set on bookings.

    Returns
    -------
    DataFrame
        One row per deal or order line: `rep_id`, `day`, `amount` (money).
    """
    columns = ["rep_id", "day", "amount"]
    if opportunities is not None:
        own = opportunities["status"].eq("won") & period.contains(opportunities["closed_on"])
        sold = credited(opportunities[own])[["rep_id", "closed_on", "amount"]]
    elif orders is not None:
        sold = orders.loc[period.contains(orders["order_date"]), ["rep_id", "order_date", "revenue"]]
    else:
        return pd.DataFrame({"rep_id": pd.Series(dtype="str"), "day": pd.NaT, "amount": pd.Series(dtype="float64")})
    return sold.set_axis(columns, axis=1).reset_index(drop=True)


@no_rows(
    "opportunities.amount",
    needs="a quota of this quarter or the one before, and that quarter's bookings from its first day on",
)
def attainment(
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    quarters: int = 1,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Bookings over quota per seller, in the last whole `quarters` and in the open one to date.

    The open quarter's quota is the whole quarter's; compare its attainment with `elapsed`. A quarter's quota is the
    sum of the quotas that lie within it, monthly or quarterly. Quarters that bookings do not hold whole, or in which no
    amount of what was sold is known, are left out.

    Returns
    -------
    DataFrame
        One row per quarter, oldest first, and seller with a quota above zero, lowest attainment first: `quarter` (label),
        `whole` (is the quarter over?), `elapsed` (ratio of its days), `rep_id`, `name`, `manager`, `region`, `booked`, `quota`
        (money), `attainment` (ratio).
    """
    sold = bookings(Period(pd.Timestamp.min, period.end, period.through), orders, opportunities)
    begin = begins["orders" if opportunities is None else "opportunities"]
    known = [*last_quarters(period, quarters), period]
    known = [span for span in known if span.start >= begin and span.end >= sold["day"].min()]
    parts = [attained_in(span, quotas, sold[span.contains(sold["day"])]) for span in known] or [
        attained_in(period, quotas.iloc[:0], sold)
    ]
    frame = named(pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True), reps)
    frame["region"] = looked_up(frame["rep_id"], reps.set_index("rep_id")["region"])
    return frame[[*QUARTER, "rep_id", "name", "manager", "region", "booked", "quota", "attainment"]]


@no_rows(needs="a quota of this quarter or the one before")
def attainment_spread(attained: pd.DataFrame) -> pd.DataFrame:
    """How attainment is spread over the sellers.

    Parameters
    ----------
    attained : DataFrame
        As `attainment` gives it.

    Returns
    -------
    DataFrame
        One row per quarter: `quarter`, `whole`, `elapsed`, `reps`, `at_quota` (count), `share`, `low`, `high` (Wilson
        90 %), `p10`, `median`, `p90`, `together` (all bookings over all quota), ratios.
    """
    if attained.empty:
        return pd.DataFrame(
            columns=[*QUARTER, "reps", "at_quota", "share", "low", "high", "together", "p10", "median", "p90"]
        )
    table = attained.assign(reached=attained["attainment"] >= 1).groupby(QUARTER, sort=False)
    spread = table.agg(
        reps=("rep_id", "size"), at_quota=("reached", "sum"), booked=("booked", "sum"), quota=("quota", "sum")
    )
    low, high = wilson(spread["at_quota"], spread["reps"])
    quantiles = table["attainment"].quantile([0.1, 0.5, 0.9]).unstack().set_axis(["p10", "median", "p90"], axis=1)
    rates = spread.assign(
        share=spread["at_quota"] / spread["reps"], low=low, high=high, together=spread["booked"] / spread["quota"]
    )
    return rates.drop(columns=["booked", "quota"]).join(quantiles).reset_index()


@no_rows("opportunities.amount", needs="quotas of four whole quarters, and bookings in the four before")
@looks_back(bookings=eight_quarters, quotas=four_quarters)
def growth_and_attainment(
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Each seller's attainment of four whole quarters, and the growth of bookings on the four before.

    The interval of growth treats a seller's deals or lines as independent: the logarithm of a sum has about the variance
    Σ amount² ÷ (Σ amount)².

    Returns
    -------
    DataFrame
        One row per seller with quotas and bookings in both years, by `rep_id`: `rep_id`, `name`, `attainment`, `growth`, `low`,
        `high` (ratios, 90 %), `field` ("ahead and growing", "ahead and shrinking", "behind and growing", "behind and
        shrinking"), `clear` (bool: growth at a false discovery rate of one in twenty), `booked` (money).
    """
    spans = last_quarters(period, 8)
    years = [Period(part[0].start, part[-1].end, part[-1].end) for part in (spans[4:], spans[:4])]
    sums = [_sums(bookings(year, orders, opportunities)) for year in years]
    due = quotas[quotas["period_start"].ge(years[0].start) & quotas["period_end"].le(years[0].end)]
    quota = due.groupby("rep_id")["quota"].sum()
    table = sums[0].join(sums[1].add_suffix("_before"), how="inner").join(quota, how="inner")
    table = table[(table["quota"] > 0) & (table["booked"] > 0) & (table["booked_before"] > 0)]
    error = np.sqrt(table["square"] / table["booked"] ** 2 + table["square_before"] / table["booked_before"] ** 2)
    log = np.log(table["booked"] / table["booked_before"])
    ends = {k: np.expm1(log + side * 1.645 * error) for k, side in (("growth", 0), ("low", -1), ("high", 1))}
    table = table.assign(**ends, attainment=table["booked"] / table["quota"]).reset_index()
    ahead, growing = table["attainment"] >= 1, table["growth"] >= 0
    fields = [ahead & growing, ahead, growing]
    table["field"] = np.select(
        fields, ["ahead and growing", "ahead and shrinking", "behind and growing"], "behind and shrinking"
    )
    table["clear"] = discovered(pd.Series((log / error).to_numpy()), CLAIMS).to_numpy()
    columns = ["rep_id", "name", "attainment", "growth", "low", "high", "field", "clear", "booked"]
    return named(table, reps).sort_values("rep_id", ignore_index=True)[columns]


@no_rows(needs="a quota of this quarter or the one before")
def attainment_by(attained: pd.DataFrame) -> pd.DataFrame:
    """Attainment of the sellers of each region together, and of each manager, and who stands out from the others.

    Low and high are a ratio's over sellers (`intervals.ratio`, Student t). A part stands out where its sellers attain
    otherwise than
    all others of the quarter by rank (Mann and Whitney 1947, Annals of Mathematical Statistics 18: few sellers attain many times
    their quota), at a false discovery rate of one in twenty over the whole table.

    Parameters
    ----------
    attained : DataFrame
        As `attainment` gives it.

    Returns
    -------
    DataFrame
        One row per quarter and part of a dimension with more than one, the latest whole quarter and regions first, then by
        attainment: `quarter`, `whole`, `elapsed`, `dimension` ("region" or "manager"), `part` (its name), `reps`, `at_quota`
        (count), `booked`, `quota` (money), `attainment`, `low`, `high` (ratios, 90 %; missing for one seller), `place` ("above",
        "below" or "like the others").
    """
    rows = [
        {**dict(zip(QUARTER, quarter, strict=True)), "dimension": dimension, "part": part, **_part(own, whole)}
        for quarter, whole in attained.groupby(QUARTER, sort=False)
        for dimension in ("region", "manager")
        for part, own in whole.groupby(dimension)
        if len(own) < len(whole)
    ]
    table = pd.DataFrame(rows, columns=[*ATTAINED_BY, "z"])
    clear, side = discovered(table["z"].astype(float), CLAIMS), np.where(table["z"] > 0, "above", "below")
    table = table.assign(place=np.where(clear, side, "like the others"), late=pd.factorize(table["quarter"])[0])
    order = ["whole", "late", "dimension", "attainment"]
    return table.sort_values(order, ascending=False, kind="stable", ignore_index=True)[[*ATTAINED_BY, "place"]]


@no_rows(needs="a deal that closed in twelve months")
@looks_back(losses=twelve_months, opportunities=twelve_months)
def win_rates(
    opportunities: pd.DataFrame, reps: pd.DataFrame, period: Period, by: str = "rep_id", min_deals: int = 20
) -> pd.DataFrame:
    """Deals won over deals closed, by count, per seller or per manager, and who stands out from the team.

    Won over all deals opened would be the rival definition; it sinks with every new deal. Ranked by the shrunk
    rate. A group is above or below the team where an interval wide enough for all groups together (Bonferroni, one
    company in twenty) leaves the team's rate out.

    Returns
    -------
    DataFrame
        One row per group with a closed deal, ranked groups by `rate`, then those with fewer than `min_deals`: `name`,
        `won`, `n` (count), `raw`, `raw_low`, `raw_high` (Wilson 90 %), `by_value` (amount won over amount closed;
        missing where no deal that the group lost has an amount), `rate`, `low`, `high` (shrunk, 90 %), `team`,
        ratios; `ranked`, `place` ("above", "below" or TOGETHER).

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    refuse_unknown("by", by, ("rep_id", "manager"))
    deals = named(closed(opportunities, period), reps)
    deals = deals.assign(
        won_amount=deals["amount"].where(deals["won"], 0), lost_amount=deals["amount"].where(~deals["won"], 0)
    )
    groups = deals.groupby("manager" if by == "manager" else ["rep_id", "name"], observed=True)
    found = (
        groups.agg(
            won=("won", "sum"),
            n=("won", "size"),
            won_amount=("won_amount", "sum"),
            lost_amount=("lost_amount", "sum"),
            amount=("amount", "sum"),
        )
        .reset_index()
        .rename(columns={"manager": "name"})
    )
    raw_low, raw_high = wilson(found["won"], found["n"])
    by_value = found["won_amount"] / found["amount"].where(
        found["lost_amount"] > 0
    )  # else it would be all, and no doubt
    found = found.assign(raw=found["won"] / found["n"], raw_low=raw_low, raw_high=raw_high, by_value=by_value)
    found = found.join(shrunk(found["won"], found["n"])).assign(team=deals["won"].mean())
    apart = shrunk(found["won"], found["n"], level=1 - CLAIMS / max(len(found), 1))
    place = np.select([apart["low"] > found["team"], apart["high"] < found["team"]], ["above", "below"], TOGETHER)
    found = found.assign(ranked=found["n"] >= min_deals, place=place).drop(
        columns=["won_amount", "lost_amount", "amount", "rep_id"], errors="ignore"
    )
    return found.sort_values(["ranked", "rate"], ascending=False, kind="stable", ignore_index=True)


@no_rows(needs="a deal that closed in twelve months")
@looks_back(losses=twelve_months, opportunities=twelve_months)
def win_rate_total(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Deals won over deals closed, by count, in the twelve months to `period.through`.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `numerator`, `denominator`, `n` (deals), `low`, `high` (Wilson 90 %), `by_value`
        (amount won over amount closed; missing where no deal lost has an amount); no row where nothing is recorded as lost:
        the rate would be of what was written down.
    """
    deals = closed(opportunities, period)
    won, n = int(deals["won"].sum()), len(deals)
    low, high = wilson(won, n)
    amount = deals["amount"].sum()
    by_value = deals.loc[deals["won"], "amount"].sum() / amount if amount and _value_known(deals) else np.nan
    row = {"value": won / max(n, 1), "numerator": won, "denominator": n, "n": n, "low": low, "high": high}
    return pd.DataFrame([row | {"by_value": by_value}] if won < n else [], columns=[*row, "by_value"])


def _value_known(deals: pd.DataFrame) -> bool:
    """Tell whether a win rate by value can be given: it would be 1 where the amounts of deals lost are not kept."""
    lost = deals.loc[~deals["won"], "amount"]
    return lost.empty or lost.sum() > 0


@no_rows(needs="a deal that was won in twelve months")
@looks_back(opportunities=twelve_months)
def cycle_days_total(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Median days from opening to closing of the deals won in the twelve months to `period.through`.

    Returns
    -------
    DataFrame
        One row: `value` (days), `n` (deals), `low`, `high` (order statistics, 90 %); no row where nothing was won.
    """
    days = cycle(opportunities, period)["days"]
    median, low, high = median_interval(days)
    row = {"value": median, "n": len(days), "low": low, "high": high}
    return pd.DataFrame([row] if len(days) else [], columns=[*row])


@no_rows("opportunities.amount", needs="an open deal, and one won and one lost in twelve months")
@looks_back(losses=twelve_months, opportunities=twelve_months)
def velocity_total(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Open deals × win rate × average won deal ÷ median cycle days: money that the pipeline turns out per day.

    Returns
    -------
    DataFrame
        One row: `value` (money/day), `numerator` (money), `denominator` (days), `n` (deals won), `low`, `high` (90 %; the relative
        half widths of win rate, average and median add up as squares, on the logarithm); no row where a factor is missing.
    """
    four = factors(opportunities, period)
    row = {
        "value": four["velocity"],
        "numerator": four["open_deals"] * four["win_rate"] * four["average_won"],
        "denominator": four["cycle_days"],
        "n": len(cycle(opportunities, period)),
    }
    deals, days = closed(opportunities, period), cycle_days_total(opportunities, period)
    won, rate = deals.loc[deals["won"], "amount"], win_rate_total(opportunities, period)
    average = ndtri(0.95) * won.sem() / won.mean() if len(won) > 1 else np.nan
    wide = [((t["high"] - t["low"]) / 2 / t["value"]).sum(min_count=1) for t in (rate, days)]
    reach = np.exp(np.sqrt(wide[0] ** 2 + wide[1] ** 2 + average**2))
    row |= {"low": row["value"] / reach, "high": row["value"] * reach}
    return pd.DataFrame([row] if pd.notna(row["value"]) else [], columns=[*row])


@no_rows("opportunities.amount", "quotas.quota", needs="a quota of this quarter")
@looks_back(bookings=this_quarter)
def attainment_total(
    quotas: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Bookings so far of the sellers with a quota, over their quota of the whole quarter.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `numerator`, `denominator` (money), `n` (sellers), `low`, `high` (90 %, were the sellers a sample
        of many: `intervals.ratio`); no row where no quota is set, or no amount of
        what was sold is known.
    """
    attained = attained_in(period, quotas, bookings(period, orders, opportunities))
    booked, quota = attained["booked"].sum(), attained["quota"].sum()
    value, reach = booked / quota if quota else np.nan, ndtri(0.95) * ratio(attained["booked"], attained["quota"])[1]
    row = {"value": value, "numerator": booked, "denominator": quota, "n": len(attained)}
    row |= {"low": max(value - reach, 0.0) if reach == reach else np.nan, "high": value + reach}
    return pd.DataFrame([row] if len(attained) else [], columns=[*row])


@no_rows(
    "opportunities.amount",
    "opportunities.expected_close",
    needs="a quota of this quarter that is not met yet, and open deals with expected closing days",
)
@looks_back(opportunities=this_quarter)
def coverage_total(
    quotas: pd.DataFrame, opportunities: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """Open amount expected to close in the quarter, over what is still to be won of its quota.

    Open amount over the whole quota would be the rival definition; it falls as deals are won. What coverage has to
    be follows from the win rate by value, not from a rule of thumb. Knows only today's pipeline.

    Returns
    -------
    DataFrame
        One row: `value` (times; missing where the quota is met), `numerator`, `denominator` (money), `n` (open deals
        expected to close), `required` (times), `met` (bool); no row without a quota or an expected close.
    """
    goal = attainment_total(quotas, period, opportunities=opportunities)
    still_open = opportunities[opportunities["status"].eq("open")]
    due = still_open[still_open["expected_close"].between(period.start, period.end)]
    gap = max((goal["denominator"] - goal["numerator"]).sum(), 0)
    whole_year = max(begins["opportunities"], begins["losses"]) <= twelve_months(period)
    rate = win_rate_total(opportunities, period)["by_value"].sum() if whole_year else 0.0
    row = {
        "value": due["amount"].sum(min_count=len(due) > 0) / gap if gap else np.nan,
        "numerator": due["amount"].sum(),
        "denominator": gap,
        "n": len(due),
        "required": 1 / rate if rate else np.nan,
        "met": not gap,
    }
    known = len(goal) and still_open["expected_close"].notna().any()
    return pd.DataFrame([row] if known else [], columns=[*row])


def attained_in(span: Period, quotas: pd.DataFrame, sold: pd.DataFrame) -> pd.DataFrame:
    """Each seller's attainment in a quarter, of those with a quota.

    Parameters
    ----------
    sold : DataFrame
        As `bookings` gives it for the quarter: `rep_id`, `amount` (money).

    Returns
    -------
    DataFrame
        One row per seller, lowest first: `rep_id`, `booked`, `quota` (money), `attainment` (ratio), `quarter` (label), `whole`
        (bool: it has ended), `elapsed` (part of its days, ratio); no rows where no amount of what was sold is known.
    """
    within = quotas["period_start"].ge(span.start) & quotas["period_end"].le(span.end)
    quota = quotas[within].groupby("rep_id")["quota"].sum().loc[lambda q: q > 0]
    quota = quota.iloc[:0] if len(sold) and sold["amount"].isna().all() else quota
    booked = sold.groupby("rep_id")["amount"].sum().reindex(quota.index, fill_value=0.0)
    frame = pd.DataFrame({"booked": booked, "quota": quota, "attainment": booked / quota}).reset_index()
    elapsed = ((span.through - span.start).days + 1) / ((span.end - span.start).days + 1)
    frame = frame.assign(quarter=span.label, whole=span.through == span.end, elapsed=elapsed)
    return frame.sort_values("attainment", kind="stable", ignore_index=True)


def _part(own: pd.DataFrame, whole: pd.DataFrame) -> dict[str, float]:
    """Give a part's sellers, those at quota, money, attainment with its interval, and its distance from the others in errors."""
    booked, quota, n = own["booked"].sum(), own["quota"].sum(), len(own)
    reach = student.ppf(0.95, max(n - 1, 1)) * ratio(own["booked"], own["quota"])[1]
    low = max(booked / quota - reach, 0.0) if n > 1 else np.nan
    others = whole.drop(own.index)
    test = mannwhitneyu(own["attainment"], others["attainment"])
    side = np.sign(booked / quota - others["booked"].sum() / others["quota"].sum())
    agree = side == np.sign(test.statistic - n * len(others) / 2)  # sums and sellers point the same way
    z = side * -ndtri(test.pvalue / 2) * agree
    row = {"reps": n, "at_quota": int((own["attainment"] >= 1).sum()), "booked": booked, "quota": quota}
    return row | {"attainment": booked / quota, "low": low, "high": booked / quota + reach, "z": z}


def _sums(sold: pd.DataFrame) -> pd.DataFrame:
    return (
        sold.assign(square=sold["amount"] ** 2)
        .groupby("rep_id")
        .agg(booked=("amount", "sum"), square=("square", "sum"))
    )
