"""How long is each period of a panel, where a company's months are of four and five weeks?

A month of five weeks sells more than one of four, and a year of 53 weeks more than one of 52: that is taken out of a panel before
it is forecast, as money a day, and put back by the days of each period ahead.
"""

from functools import partial
from typing import Protocol

import numpy as np
import pandas as pd

UNITS = {12: "month", 4: "quarter", 1: "year"}  # by how many there are in a year
YEAR = 365.25  # days


class Calendar(Protocol):
    """What is asked of a calendar: the first days of its periods, and how long these are."""

    by_months: bool

    def start(self, days: pd.Series, unit: str) -> pd.Series:
        """Give the first day of the period that each day lies in."""

    def starts(self, first: pd.Timestamp, count: int, unit: str) -> pd.DatetimeIndex:
        """Give the first days of so many periods, from that of a day on."""

    def days(self, starts: pd.Series, unit: str) -> np.ndarray:
        """Count the days of the periods that some days lie in."""


def follows(panel: pd.DataFrame, season: int, calendar: Calendar | None) -> bool:
    """Tell whether a panel's periods are months, quarters or years of a calendar of weeks.

    Parameters
    ----------
    panel : DataFrame
        Only `start` is read.
    season : int
        Periods in a year.
    calendar : Calendar, optional
        The company's; of one of months the answer is no.
    """
    if (
        calendar is None
        or calendar.by_months
        or season not in UNITS
        or not pd.api.types.is_datetime64_any_dtype(panel["start"])
    ):
        return False
    starts = panel["start"].drop_duplicates()
    return bool((calendar.start(starts, UNITS[season]) == starts).all())


def periods(season: int, calendar: Calendar) -> partial:
    """Give what lists a calendar's months, quarters or years from a first one on (`panels.continued`)."""
    return partial(calendar.starts, unit=UNITS[season])


def factors(rows: pd.DataFrame, season: int, calendar: Calendar | None) -> pd.Series:
    """Give the days of each period of each series over those of a mean one.

    Parameters
    ----------
    rows : DataFrame
        `series` and `start`, of the past and of what lies ahead.
    season : int
        Periods in a year.
    calendar : Calendar, optional
        The company's.

    Returns
    -------
    Series
        Ratio by `series` and `start`; without a row where the periods are none of a calendar of weeks (`follows`).
    """
    if not follows(rows, season, calendar):
        return pd.Series(dtype="float64")
    days = calendar.days(rows["start"], UNITS[season])
    return pd.Series(days * season / YEAR, pd.MultiIndex.from_frame(rows[["series", "start"]]))
