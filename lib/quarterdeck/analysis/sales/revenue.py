"""How much was sold, at what margin, and against what target?

Each function gives one row: `value`, its `numerator` and `denominator` where it has them, and `n`, the rows behind it.
"""

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods.intervals import Z90, growth, ratio
from quarterdeck.analysis.sales.credits import sales
from quarterdeck.data import COMPANY
from quarterdeck.data.coverage import four_quarters, last_year, looks_back, this_quarter
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows

BARE = 0.05  # part of revenue that regions without a target may bring, and the others' targets still be the company's


def revenue(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue booked by order date in the period so far, net of discounts and returns.

    Returns
    -------
    DataFrame
        One row: `value` (money), `n` (order lines).
    """
    lines = orders[period.contains(orders["order_date"])]
    return pd.DataFrame({"value": [lines["revenue"].sum()], "n": [len(lines)]})


def bookings(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Amount of the deals won in the period so far, by the day they closed.

    Returns
    -------
    DataFrame
        One row: `value` (money), `n` (deals won whose amount is known), `of` (deals won); no row where of none it is.
    """
    return _amounts(opportunities[opportunities["status"].eq("won") & period.contains(opportunities["closed_on"])])


@no_rows(needs="revenue above zero in the same days a year before")
@looks_back(orders=last_year)
def revenue_growth(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue of the period so far against the same span a year before, less one.

    Returns
    -------
    DataFrame
        One row: `value` (ratio; missing where there was no revenue then), `numerator`, `denominator` (money), `n`, `low`, `high`
        (90 %, by the number and size of orders: both spans as compound Poisson sums).
    """
    now, before = revenue(orders, period), revenue(orders, period.before())
    base = before["value"].where(before["value"] > 0)
    times = growth(now["value"], before["value"]) + 1
    noise = [_squares(orders[span.contains(orders["order_date"])]) for span in (period, period.before())]
    reach = Z90 * np.sqrt(noise[0] + times**2 * noise[1]) / base
    return now.assign(
        numerator=now["value"], denominator=base, value=times - 1, low=times - 1 - reach, high=times - 1 + reach
    )


@no_rows("orders.cost", needs="an order line of known cost in the quarter")
def gross_margin(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue less cost of goods, over revenue, of the order lines whose cost is known.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `numerator`, `denominator` (money), `n` (order lines), `low`, `high` (90 %, by how orders differ:
        `intervals.ratio`); no row where no cost is known.
    """
    lines = orders[period.contains(orders["order_date"]) & orders["cost"].notna()]
    return _part(lines, lines["revenue"] - lines["cost"], lines["revenue"])


def due_targets(targets: pd.DataFrame, span: Period, orders: pd.DataFrame | None = None) -> pd.DataFrame:
    """Targets of a span; none where regions that bring more than a twentieth of a year's revenue have no target in it.

    What all regions sell is not held against the targets of some.

    Parameters
    ----------
    targets : DataFrame
        region, period_start, period_end, and what else there is.
    orders : DataFrame, optional
        region, order_date, revenue; without its regions nothing is known of those without a target.

    Returns
    -------
    DataFrame
        Rows of `targets`.
    """
    due = targets[targets["period_start"].ge(span.start) & targets["period_end"].le(span.end)]
    known = orders is not None and "region" in orders and "region" in due
    if not known or due.empty or due["region"].eq(COMPANY).any():  # a plan's is that of all
        return due
    last = min(span.through, orders["order_date"].max())
    year = orders[orders["order_date"].between(last - pd.DateOffset(years=1), last)]
    sold = year.groupby("region")["revenue"].sum().clip(lower=0.0)
    without = sold[~sold.index.isin(due["region"])].sum()
    return due if without <= BARE * sold.sum() else due.iloc[:0]


@no_rows(needs="a revenue target of this quarter for every region that sells")
@looks_back(orders=this_quarter)
def target_attainment(orders: pd.DataFrame, targets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue of the period so far over the target of the whole period.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `numerator`, `denominator` (money), `n` (order lines); no row where no target is set.
    """
    goal = due_targets(targets, period, orders)["revenue_target"].sum()
    sold = revenue(orders, period)
    return sold.assign(numerator=sold["value"], denominator=goal, value=sold["value"] / goal) if goal else sold.iloc[:0]


@no_rows("orders.list_amount", needs="an order line with its list amount in the quarter")
def discount_rate(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """List amount less revenue, over list amount, of the order lines whose list amount is known; price credits are no discount.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `numerator`, `denominator` (money), `n` (order lines), `low`, `high` (90 %, by how orders differ:
        `intervals.ratio`); no row where no list amount is known.
    """
    lines = sales(orders[period.contains(orders["order_date"]) & orders["list_amount"].notna()])
    return _part(lines, lines["list_amount"] - lines["revenue"], lines["list_amount"])


@no_rows(
    "targets.margin_target",
    "orders.cost",
    needs="a margin target of this quarter, and an order line of known cost in it",
)
@looks_back(orders=this_quarter)
def margin_target_attainment(orders: pd.DataFrame, targets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Gross margin of the period so far (in money, of lines whose cost is known) over the margin target of the whole period.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `numerator`, `denominator` (money), `n` (order lines); no row where no margin target is set.
    """
    goal = due_targets(targets, period, orders)["margin_target"].sum()
    earned = gross_margin(orders, period)
    table = earned.assign(denominator=goal, value=earned["numerator"] / goal) if goal else earned.iloc[:0]
    return table[["value", "numerator", "denominator", "n"]]


@no_rows(needs="selling costs and revenue of four whole quarters")
@looks_back(orders=four_quarters, costs=four_quarters)
def selling_expense_ratio(orders: pd.DataFrame, costs: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Selling cost over revenue, of the last four whole quarters.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `numerator`, `denominator` (money), `n` (order lines); no row where no cost of these quarters, or
        no revenue, is known.
    """
    spans = last_quarters(period, 4)
    start, end = spans[0].start, spans[-1].end
    spent = costs.loc[costs["period_start"].ge(start) & costs["period_end"].le(end), "amount"]
    sold = orders.loc[orders["order_date"].between(start, end), "revenue"]
    row = [spent.sum() / sold.sum() if sold.sum() > 0 else None, spent.sum(), sold.sum(), len(sold)]
    table = pd.DataFrame([row], columns=["value", "numerator", "denominator", "n"])
    return table if len(spent) and sold.sum() > 0 else table.iloc[:0]


def pipeline_open(opportunities: pd.DataFrame) -> pd.DataFrame:
    """Amount of all open deals, unweighted.

    Returns
    -------
    DataFrame
        One row: `value` (money), `n` (open deals whose amount is known), `of` (open deals); no row where of none it is.
    """
    return _amounts(opportunities[opportunities["status"].eq("open")])


def _amounts(deals: pd.DataFrame) -> pd.DataFrame:
    """Add up the amounts of deals: what is not known is not nothing."""
    known = int(deals["amount"].notna().sum())
    row = {"value": deals["amount"].sum(), "n": known, "of": len(deals)}
    return pd.DataFrame([row] if known or deals.empty else [], columns=[*row])


def _part(lines: pd.DataFrame, part: pd.Series, whole: pd.Series) -> pd.DataFrame:
    """Give Σ part ÷ Σ whole over order lines, with the interval that the differences of orders give; no row without lines."""
    top, base = part.sum(), whole.sum()
    by_order = pd.DataFrame({"part": part, "whole": whole}).groupby(lines["order_id"]).sum()
    reach = Z90 * ratio(by_order["part"], by_order["whole"])[1]
    value = top / base if base else np.nan
    row = {
        "value": value,
        "numerator": top,
        "denominator": base,
        "n": len(lines),
        "low": value - reach,
        "high": value + reach,
    }
    return pd.DataFrame([row] if len(lines) else [], columns=[*row])


def _squares(lines: pd.DataFrame) -> float:
    """Give the variance of the revenue of order lines, were orders a compound Poisson sum: Σ squared order values."""
    return float((lines.groupby("order_id")["revenue"].sum() ** 2).sum())
