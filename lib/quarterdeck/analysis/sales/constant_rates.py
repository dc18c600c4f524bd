"""What would have been sold at the exchange rates of a year before, and what did rates alone do?

Constant rates are those of the same days a year before: money of this period in another currency counts as it would have then, so
growth at constant rates is that of the business, and what is left of reported growth is the effect of exchange rates.
"""

import pandas as pd

from quarterdeck.analysis.methods.intervals import growth
from quarterdeck.analysis.sales.revenue import due_targets
from quarterdeck.data.coverage import last_year, looks_back
from quarterdeck.data.exchange import PLAN_RATE, RATE, RATE_BEFORE
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows

MONEY = ["list_amount", "revenue", "cost", "market_revenue"]
STEP = "exchange rates"  # of a bridge
ONE_CURRENCY = "all is sold in one currency"


def at_constant_rates(orders: pd.DataFrame, span: Period, day: str = "order_date") -> pd.DataFrame:
    """Value the rows of a span at the rates of the same days a year before; all others stay as they were reported.

    A row whose rate a year before is not known stays as reported: its currency had no sales that could be compared.

    Parameters
    ----------
    orders : DataFrame
        Orders, or another table of money: its day, money, and exchange_rate and rate_a_year_before where money was converted.
    span : Period
        Its days through `through`.
    day : str
        The column of the day by which a row lies in the span.

    Returns
    -------
    DataFrame
        The same rows and columns, the money of the span's rows at constant rates.
    """
    if RATE_BEFORE not in orders:
        return orders
    return _valued(orders, orders[RATE_BEFORE], span.contains(orders[day]))


def several_currencies(orders: pd.DataFrame, *spans: Period) -> bool:
    """Tell whether any line of some spans was sold in another currency than the one reported in."""
    if RATE_BEFORE not in orders:
        return False
    return any((orders[RATE].ne(1.0) & span.contains(orders["order_date"])).any() for span in spans)


def effect(orders: pd.DataFrame, constant: pd.DataFrame, span: Period, column: str = "revenue") -> float:
    """What exchange rates alone did to a span's money: as reported less at constant rates, to the cent of a bridge.

    Parameters
    ----------
    orders, constant : DataFrame
        Order lines as reported, or some of them, and as `at_constant_rates` gives them.
    column : str
        Money of the lines.

    Returns
    -------
    float
        In the reporting currency; above zero where the other currencies have become more expensive.
    """
    here = span.contains(orders["order_date"])
    return float((orders.loc[here, column] - constant.loc[orders.index[here], column]).sum())


@no_rows(none=ONE_CURRENCY)
@looks_back(orders=last_year)
def constant_growth(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Growth as reported, at constant rates, and by exchange rates, of the period so far on the same days a year before.

    Returns
    -------
    DataFrame
        One row: `value` (growth at constant rates), `reported`, `by_rates` (their difference; ratios, missing where nothing was
        sold a year before), `now` (money reported), `constant` (money at constant rates), `before`, `effect` (money), `n` (order
        lines), `foreign` (share of revenue sold in other currencies); no row where all was sold in one currency.
    """
    year = period.before()
    if not several_currencies(orders, period, year):
        return pd.DataFrame(
            columns=["value", "reported", "by_rates", "now", "constant", "before", "effect", "n", "foreign"]
        )
    here = period.contains(orders["order_date"])
    constant = at_constant_rates(orders, period)
    now, then = orders.loc[here, "revenue"].sum(), orders.loc[year.contains(orders["order_date"]), "revenue"].sum()
    kept = constant.loc[here, "revenue"].sum()
    sold = pd.DataFrame({"now": [now], "constant": [kept], "before": [then]})
    table = sold.assign(value=growth(sold["constant"], sold["before"]), reported=growth(sold["now"], sold["before"]))
    foreign = orders.loc[here & orders[RATE].ne(1.0), "revenue"].sum()
    return table.assign(
        by_rates=table["reported"] - table["value"],
        effect=effect(orders, constant, period),
        n=int(here.sum()),
        foreign=foreign / now if now else None,
    )


@no_rows(none=f"{ONE_CURRENCY}, or no order has a plan's rate")
def at_plan_rates(orders: pd.DataFrame, targets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue of the period so far at the plan's rates, which the target was converted by, over the target of the whole period.

    Lines whose currency has no plan's rate count as reported.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `numerator`, `denominator` (money), `n` (order lines); no row where no target is set, all was sold
        in one currency or no line has a plan's rate.
    """
    goal, here = due_targets(targets, period, orders)["revenue_target"].sum(), period.contains(orders["order_date"])
    planned = PLAN_RATE in orders and (orders[RATE].ne(1.0) & orders[PLAN_RATE].notna() & here).any()
    sold = _valued(orders, orders[PLAN_RATE], here).loc[here, "revenue"].sum() if planned else 0.0
    row = {"value": sold / goal if goal else None, "numerator": sold, "denominator": goal, "n": int(here.sum())}
    return pd.DataFrame([row] if planned and goal else [], columns=[*row])


def _valued(orders: pd.DataFrame, rates: pd.Series, rows: pd.Series) -> pd.DataFrame:
    """Value some rows at other rates, where these are known."""
    times = (rates / orders[RATE]).fillna(1.0).where(rows & orders[RATE].ne(1.0), 1.0)
    return orders.assign(**{column: orders[column] * times for column in MONEY if column in orders})
