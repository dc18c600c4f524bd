"""What was sold, by day, month and quarter, cut by region, segment and channel?"""

from collections.abc import Mapping

import pandas as pd

from quarterdeck.analysis.methods.hierarchy import WHOLE, grid
from quarterdeck.analysis.methods.weeks import UNITS
from quarterdeck.data.calendar import GREGORIAN, Calendar, Unit
from quarterdeck.data.coverage import EVER, cadence, whole_since

SCOPE = ["region", "segment", "channel", "category"]


DIMENSIONS = ["region", "segment", "channel"]
WITHIN = "region"  # each of which is forecast like a company of its own
BLANK = "none named"


def cells(
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    season: int = 12,
    begins: Mapping[str, pd.Timestamp] = EVER,
    calendar: Calendar = GREGORIAN,
) -> pd.DataFrame:
    """Revenue (without orders, bookings) by region, segment and channel in each whole month or quarter.

    Parameters
    ----------
    season : int
        12 for months, 4 for quarters.

    Returns
    -------
    DataFrame
        One row per cell and period: `region`, `segment`, `channel`, `start` (first day), `value` (money), from a cell's first
        sale on; periods in between without any are zero. A dimension that has but one value is left out. No rows of months where
        orders come by the quarter: two of three would be zero.
    """
    unit = UNITS[season]
    sales = sold(orders, customers, opportunities)
    sales = sales[sales["day"] <= as_of]
    kept = [d for d in DIMENSIONS if d in sales and sales[d].nunique() > 1]
    first = sales["day"].min()
    by_quarter = orders is not None and season == 12 and cadence(orders["order_date"], calendar) == "quarterly"
    if pd.isna(first) or by_quarter:
        return pd.DataFrame(columns=["part", "start", "value"])
    whole = whole_since(begins["opportunities" if orders is None else "orders"], first, calendar, unit)
    periods = _ended(whole, as_of, calendar, unit)
    table = sales.assign(start=calendar.start(sales["day"], unit), part=WHOLE)
    table = table[table["start"].isin(periods)].fillna(dict.fromkeys(kept, BLANK))
    return grid(table, kept or ["part"], periods)


def sold(
    orders: pd.DataFrame | None, customers: pd.DataFrame | None, opportunities: pd.DataFrame | None
) -> pd.DataFrame:
    """What was sold and when, with the names it is cut by: order lines, or deals won where there are none.

    Returns
    -------
    DataFrame
        One row per order line or deal won with an amount: its other columns, `day` (of the order, or of winning) and `value`
        (money); order lines have the customer's `segment` where `customers` is given. No rows without either table.
    """
    if orders is not None:
        sales = orders.rename(columns={"order_date": "day", "revenue": "value"})
        if customers is not None:
            sales["segment"] = sales["customer_id"].map(customers.set_index("customer_id")["segment"])
        return sales
    if opportunities is None:
        return pd.DataFrame({"day": pd.DatetimeIndex([]), "value": []})
    won = opportunities[opportunities["status"].eq("won") & opportunities["amount"].notna()]
    return won.rename(columns={"closed_on": "day", "amount": "value"})


def daily(orders: pd.DataFrame | None = None, opportunities: pd.DataFrame | None = None) -> pd.Series:
    """Revenue by day of order; without orders, bookings by the day that a deal was won.

    Returns
    -------
    Series
        Money, on the days that had any.
    """
    if orders is not None:
        return orders.groupby("order_date")["revenue"].sum()
    if opportunities is not None:
        won = opportunities[opportunities["status"].eq("won")]
        return won.groupby("closed_on")["amount"].sum()
    return pd.Series(dtype="float64", index=pd.DatetimeIndex([]))


def monthly(
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
    calendar: Calendar = GREGORIAN,
) -> pd.DataFrame:
    """Revenue by month (without orders, bookings); whole months only, a month without any is zero.

    Returns
    -------
    DataFrame
        One row per month, oldest first: `start` (first day), `value` (money); no rows where orders come by the quarter.
    """
    sales = daily(orders, opportunities)
    sales = sales[sales.index <= as_of]
    by_quarter = orders is not None and cadence(orders["order_date"], calendar) == "quarterly"
    if sales.empty or by_quarter:
        return pd.DataFrame({"start": pd.DatetimeIndex([]), "value": []})
    first = whole_since(begins["opportunities" if orders is None else "orders"], sales.index.min(), calendar, "month")
    months = _ended(first, as_of, calendar, "month")
    value = sales.groupby(calendar.start(sales.index, "month")).sum().reindex(months, fill_value=0.0)
    return pd.DataFrame({"start": months, "value": value.to_numpy(float)})


def _ended(first: pd.Timestamp, as_of: pd.Timestamp, calendar: Calendar, unit: Unit) -> pd.DatetimeIndex:
    """Give the first days of the periods from that of `first` on that have ended by `as_of`."""
    return calendar.between(first, calendar.start(as_of + pd.Timedelta(days=1), unit) - pd.Timedelta(days=1), unit)
