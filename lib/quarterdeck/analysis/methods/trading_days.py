"""What does the calendar hold in each month or quarter: how many days, which weekdays, which part of Easter?"""

import numpy as np
import pandas as pd
from dateutil.easter import easter

SEASONS = (4, 12)  # quarters and months: of a week, each weekday is there once
FEASTS, DAYS = ["length", "Easter"], ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
CALENDAR = [*FEASTS, *DAYS]
WAYS = {"leap years and Easter": FEASTS, "weekdays, leap years and Easter": CALENDAR}  # of knowing it, which are tried
EASTER = range(-7, 2)  # days from Easter Sunday in which people buy otherwise: the week before, and Easter Monday


def dated(panel: pd.DataFrame, season: int) -> bool:
    """Tell whether every period of a panel begins a month, and they are as long as a season of months or quarters says.

    Parameters
    ----------
    panel : DataFrame
        Only `start` is read; periods that are not dates are none that a calendar knows.
    season : int
        Periods in a year: 12 or 4, else the answer is no.
    """
    if season not in SEASONS or panel.empty or not pd.api.types.is_datetime64_any_dtype(panel["start"]):
        return False
    apart = np.diff(np.unique(panel["start"].dt.to_period("M").astype("int64")))
    return bool(panel["start"].dt.is_month_start.all() and len(apart) and (apart == 12 // season).all())


def periods(starts: pd.Series, ahead: int, season: int) -> pd.DatetimeIndex:
    """Give the first days of the periods from the first to the last start, of `ahead` more, and of the one after them.

    Parameters
    ----------
    starts : Series
        First days of months or quarters, in any order.
    ahead, season : int
        Periods to add, and in a year (12 or 4).

    Returns
    -------
    DatetimeIndex
        Named `start`, oldest first. Each period ends the day before the next one begins.
    """
    months = pd.DateOffset(months=12 // season)
    count = len(pd.date_range(starts.min(), starts.max(), freq=months)) + ahead
    return pd.date_range(starts.min(), periods=count + 1, freq=months, name="start")


def calendar(starts: pd.Series, ahead: int, season: int) -> pd.DataFrame:
    """What the calendar holds in each period, less what the same period of a year holds in the mean.

    Returns
    -------
    DataFrame
        By first day: `length` (days), `Easter` (part of the days around it), and `Mon` to `Sat` (of each, more than Sundays).
    """
    days = periods(starts, ahead, season)
    first, after = days[:-1], days[1:]
    long, weekday = (after - first).days.to_numpy(), first.day_of_week.to_numpy()
    on = np.stack([long // 7 + ((day - weekday) % 7 < long % 7) for day in range(7)], axis=1)
    around = [
        pd.Timestamp(easter(year)) + pd.Timedelta(days=d)
        for year in range(first[0].year, after[-1].year + 1)
        for d in EASTER
    ]
    feast = np.diff(np.searchsorted(pd.DatetimeIndex(around), days)) / len(EASTER)
    table = pd.DataFrame(np.column_stack([long, feast, on[:, :6] - on[:, 6:]]), first, CALENDAR)
    return table - table.groupby(table.index.month).transform("mean")
