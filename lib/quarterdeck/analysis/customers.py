"""Do customers stay, and do they buy more?"""

from collections.abc import Callable

import pandas as pd

from quarterdeck.data.periods import Period

YEAR = pd.DateOffset(years=1)


def yearly_revenue(orders: pd.DataFrame, through: pd.Timestamp) -> pd.DataFrame:
    """Each customer's revenue in the twelve months up to `through` and in the twelve before.

    Returns
    -------
    DataFrame
        Indexed by customer_id: `before`, `now` (money).
    """
    now = orders["order_date"].between(through - YEAR, through, inclusive="right")
    before = orders["order_date"].between(through - 2 * YEAR, through - YEAR, inclusive="right")
    spans = {"before": orders[before], "now": orders[now]}
    return pd.DataFrame({k: v.groupby("customer_id")["revenue"].sum() for k, v in spans.items()}).fillna(0.0)


def customers_active(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Customers with revenue in the twelve months up to the period's last day seen.

    Returns
    -------
    DataFrame
        One row: `value` and `n` (customers).
    """
    active = int((yearly_revenue(orders, period.through)["now"] > 0).sum())
    return pd.DataFrame({"value": [float(active)], "n": [active]})


def net_revenue_retention(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue now of the customers of a year ago, over their revenue then; new and won-back customers left out.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `numerator`, `denominator` (money), `n` (customers then); no row within two years of the start.
    """
    return _retention(orders, period, lambda t: t["now"])


def gross_revenue_retention(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """As `net_revenue_retention`, but no customer counts for more than it bought then: Σ min(now, before) ÷ Σ before.

    Returns
    -------
    DataFrame
        One row: `value` (ratio, at most 1), `numerator`, `denominator` (money), `n` (customers then).
    """
    return _retention(orders, period, lambda t: t[["now", "before"]].min(axis=1))


def _retention(orders: pd.DataFrame, period: Period, kept: Callable) -> pd.DataFrame:
    base = yearly_revenue(orders, period.through).query("before > 0")
    covered = orders["order_date"].min() <= period.through - 2 * YEAR + pd.DateOffset(months=1)
    then, now = base["before"].sum(), kept(base).clip(lower=0).sum()
    row = pd.DataFrame(
        {"value": [now / then if then else None], "numerator": [now], "denominator": [then], "n": [len(base)]}
    )
    return row if covered and len(base) else row.iloc[:0]
