"""When in the year and in the week do customers buy, and do holidays matter?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.sales.by_period import monthly
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.coverage import EVER, cadence
from quarterdeck.data.holiday_dates import between
from quarterdeck.data.reasons import no_rows

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
FEWEST_YEARS = 2
NEAR = 28  # days on either side of a holiday that it is held against


@no_rows(needs="every month of the year in two years of orders, dated by the month or finer")
def month_index(
    orders: pd.DataFrame,
    as_of: pd.Timestamp,
    level: float = 0.9,
    begins: Mapping[str, pd.Timestamp] = EVER,
    calendar: Calendar = GREGORIAN,
) -> pd.DataFrame:
    """A usual month against the mean of a year: the ratio to the centred mean of twelve months (Macaulay 1931).

    Months of four and five weeks are compared by their revenue a day.

    Returns
    -------
    DataFrame
        One row per month of the fiscal year, in order: `month`, `index` (1 is a mean month; the twelve have a mean of one), `low`,
        `high` (Student t over the years; missing with fewer than three), `n` (years); no rows before every month has been
        seen in two years.
    """
    series = monthly(as_of, orders, begins=begins, calendar=calendar).set_index("start")["value"]
    series = series if calendar.by_months else series / calendar.days(series.index, "month")
    mean = series.rolling(12).mean()
    centred = ((mean + mean.shift(1)) / 2).shift(-6)  # the span of thirteen months, its ends counted half
    ratio = (series / centred.where(centred > 0)).dropna()
    by = ratio.groupby(calendar.number(ratio.index, "month").to_numpy()).agg(["mean", "std", "count"])
    columns = ["month", "index", "low", "high", "n"]
    if len(by) < 12 or by["count"].min() < FEWEST_YEARS:
        return pd.DataFrame(columns=columns)
    n = by["count"]
    reach = (t.ppf(0.5 + level / 2, n - 1) * by["std"] / np.sqrt(n)).where(n > 2)
    middle, scale = by["mean"], by["mean"].mean()
    rows = {
        "month": calendar.month_names(),
        "index": middle / scale,
        "low": (middle - reach) / scale,
        "high": (middle + reach) / scale,
        "n": n,
    }
    return pd.DataFrame(rows).reset_index(drop=True)[columns]


def season_range(months: pd.DataFrame) -> pd.Series:
    """How far the largest month lies above the least one.

    Parameters
    ----------
    months : DataFrame
        As `month_index` gives it, with its rows.

    Returns
    -------
    Series
        `times` (largest ÷ least), `low`, `high` (of their difference: the widest that their two intervals allow).
    """
    high, low = months.loc[months["index"].idxmax()], months.loc[months["index"].idxmin()]
    ends = {"low": high["low"] - low["high"], "high": high["high"] - low["low"]}
    return pd.Series({"times": high["index"] / low["index"]} | ends)


@no_rows(needs="two years of orders, dated by the day")
def weekday_index(orders: pd.DataFrame, as_of: pd.Timestamp, level: float = 0.9) -> pd.DataFrame:
    """A usual weekday against the mean day of its week, over the whole weeks of two years.

    Returns
    -------
    DataFrame
        One row per weekday with any revenue, Monday first: `weekday`, `index` (1 is a mean day of seven), `low`, `high`
        (Student t over the weeks), `n` (weeks); no rows where orders come by the month or quarter.
    """
    days = _daily(orders, as_of, years=2)
    weeks = days.groupby(days.index - pd.to_timedelta(days.index.day_of_week, unit="D"))
    whole = weeks.transform("size").eq(7) & weeks.transform("sum").gt(0)
    ratio = (days / (weeks.transform("sum") / 7))[whole]
    by = ratio.groupby(ratio.index.day_of_week).agg(["mean", "std", "count"])
    by = by[by["mean"].abs() > 1e-9]
    reach = t.ppf(0.5 + level / 2, (by["count"] - 1).clip(lower=1)) * by["std"] / np.sqrt(by["count"])
    table = pd.DataFrame({"index": by["mean"], "low": by["mean"] - reach, "high": by["mean"] + reach, "n": by["count"]})
    return table.assign(weekday=[WEEKDAYS[d] for d in by.index]).reset_index(drop=True)[
        ["weekday", "index", "low", "high", "n"]
    ]


@no_rows(needs="a country (the parameter), and five public holidays in the orders")
def holiday_effect(orders: pd.DataFrame, as_of: pd.Timestamp, country: str, level: float = 0.9) -> pd.DataFrame:
    """Revenue on public holidays against the same weekdays of the four weeks around them.

    Parameters
    ----------
    country : str
        ISO 3166 code, as the package `holidays` knows it; empty where the region is not one country.

    Returns
    -------
    DataFrame
        One row: `effect` (ratio of the means, less one), `low`, `high` (Student t over the holidays), `n` (holidays that
        fell on a weekday with business); no row without a country, or with fewer than five holidays.
    """
    columns = ["effect", "low", "high", "n"]
    days = _daily(orders, as_of, years=10)
    if not country or days.empty:
        return pd.DataFrame(columns=columns)
    found = [pd.Timestamp(day) for day in between(country, days.index[0].year, days.index[-1].year)]
    pairs = [(days[h], _like(days, h, found)) for h in found if h in days.index]
    table = pd.DataFrame(pairs, columns=["on", "off"]).query("off > 0")
    n = len(table)
    if n < 5:
        return pd.DataFrame(columns=columns)
    effect = table["on"].sum() / table["off"].sum()
    error = (table["on"] - effect * table["off"]).std() / np.sqrt(n) / table["off"].mean()
    reach = t.ppf(0.5 + level / 2, n - 1) * error
    row = {"effect": effect - 1, "low": effect - 1 - reach, "high": effect - 1 + reach, "n": n}
    return pd.DataFrame([row], columns=columns)


def _daily(orders: pd.DataFrame, as_of: pd.Timestamp, years: int) -> pd.Series:
    recent = orders[orders["order_date"].between(as_of - pd.DateOffset(years=years), as_of, inclusive="right")]
    if recent.empty or cadence(orders["order_date"]) != "daily":
        return pd.Series(dtype="float64", index=pd.DatetimeIndex([]))
    days = pd.date_range(recent["order_date"].min(), as_of)
    return recent.groupby("order_date")["revenue"].sum().reindex(days, fill_value=0.0)


def _like(days: pd.Series, holiday: pd.Timestamp, holidays: list[pd.Timestamp]) -> float:
    """Give the mean revenue of the same weekday in the weeks around a holiday, other holidays left out."""
    around = [holiday + pd.Timedelta(days=d) for d in range(-NEAR, NEAR + 1, 7)]
    return float(days.reindex([d for d in around if d not in holidays]).mean())
