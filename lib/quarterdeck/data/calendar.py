"""Which month, quarter and year does a company count a day to?

A fiscal year begins in any month. It is counted by months, or by weeks (4-4-5, 4-5-4 or 5-4-4 weeks in the months of a
quarter, with a 53rd week in the last month of some years), or as a table of periods says. All that asks for a quarter, a month of
the year, the same days a year before or a label asks a `Calendar`; `GREGORIAN` is that of a company that has named none.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from quarterdeck.data import holiday_dates
from quarterdeck.errors import ContractError

Days = TypeVar("Days", pd.Timestamp, pd.Series, pd.DatetimeIndex)
Unit = Literal["month", "quarter", "year"]

MONTHS = {"month": 1, "quarter": 3, "year": 12}  # in each unit
IN_SOURCE = [
    "first_month",
    "weeks",
    "ends_on",
    "ends",
    "named",
    "weekend",
    "country",
]  # what source.yaml may say; a table says the rest
FIRST, LAST = 1600, 2300  # fiscal years that are laid out: beyond the days that stand for "always" and "never"
WEEK, DAY = np.timedelta64(7, "D"), np.timedelta64(1, "D")
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKEND = ("saturday", "sunday")  # where none is given
AROUND = 400  # years on either side of a table of periods
LONG = 98  # days of a quarter with a 53rd week


class Calendar(BaseModel):
    """How a company counts days to months, quarters and years.

    >>> fiscal = Calendar(first_month=11)
    >>> day = pd.Timestamp("2026-11-15")
    >>> fiscal.label(day), fiscal.start(day, "year").date().isoformat(), fiscal.end(day).date().isoformat()
    ('FY27 Q1', '2026-11-01', '2027-01-31')
    >>> GREGORIAN.label(day), GREGORIAN.shifted(day, -4).date().isoformat()
    ('Q4 2026', '2025-10-01')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    first_month: int = Field(1, ge=1, le=12, description="month (1 to 12) in which the fiscal year begins")
    weeks: Literal["4-4-5", "4-5-4", "5-4-4"] | None = Field(None, description="weeks in the months of a quarter")
    ends_on: Literal[tuple(WEEKDAYS)] = Field("saturday", description="weekday on which a fiscal year of weeks ends")
    ends: Literal["last", "nearest"] = Field(
        "last", description="that weekday: the last one of the fiscal year's last month, or the one nearest to its end"
    )
    named: Literal["end", "start"] = Field("end", description="the calendar year that names a fiscal year")
    periods: tuple[tuple[str, int, int], ...] = Field((), description="first day, fiscal year and month of each period")
    until: str = Field("", description="last day of the last of `periods`")
    weekend: tuple[Literal[tuple(WEEKDAYS)], ...] = Field((), max_length=6, description="weekdays without work")
    country: str = Field(
        "", description="ISO 3166 code (DE), with or without a state (DE-BY), whose public holidays count"
    )

    @field_validator("ends_on", mode="before")
    @classmethod
    def _in_small_letters(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("weekend", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        given = (value,) if isinstance(value, str) else value
        return tuple(str(day).lower() for day in given) if isinstance(given, list | tuple) else given

    @field_validator("country")
    @classmethod
    def _is_a_country(cls, value: str) -> str:
        if value and not holiday_dates.known(value):
            raise ValueError(
                f"no public holidays are known of {value!r}; give an ISO 3166 code such as DE, or with a state such as DE-BY"
            )
        return value

    @model_validator(mode="after")
    def _fits(self) -> "Calendar":
        given = self.model_fields_set & {"ends_on", "ends"}
        if given and not self.weeks:
            raise ValueError(f"{min(given)} is for fiscal years of weeks; add weeks: 4-4-5, 4-5-4 or 5-4-4")
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Calendar) and self._said == other._said

    def __hash__(self) -> int:
        return hash(self._said)

    @property
    def _said(self) -> tuple:
        return tuple(getattr(self, name) for name in Calendar.model_fields)

    @property
    def by_months(self) -> bool:
        """Tell whether every period begins on the first day of a month."""
        return not self.weeks and not self.periods

    @property
    def plain(self) -> bool:
        """Tell whether fiscal years are calendar years."""
        return self.by_months and self.first_month == 1

    @property
    def knows_work(self) -> bool:
        """Tell whether the company has said which days are worked."""
        return bool(self.weekend or self.country)

    def worked(self, first: pd.Timestamp, last: pd.Timestamp) -> np.ndarray:
        """Tell of each day from the first to the last one whether it is worked: not on the weekend, nor on a public holiday.

        >>> Calendar(country="DE").worked(pd.Timestamp("2026-12-23"), pd.Timestamp("2026-12-28")).tolist()
        [True, True, False, False, False, True]
        """
        days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + DAY)
        off = [WEEKDAYS.index(day) for day in self.weekend or WEEKEND]
        mask = [day not in off for day in range(len(WEEKDAYS))]
        return np.is_busday(days, mask, holiday_dates.between(self.country, first.year, last.year))

    def working_days(self, first: pd.Timestamp, last: pd.Timestamp) -> int:
        """Count the days that are worked, from the first to the last one; from Monday to Friday where nothing is said."""
        return int(self.worked(first, last).sum())

    def said_work(self) -> str:
        """Say which days are counted as worked.

        >>> GREGORIAN.said_work(), Calendar(weekend=["friday", "saturday"], country="EG").said_work()
        ('Monday to Friday; holidays are not known', 'all days but Friday, Saturday and the public holidays of EG')
        """
        if not self.knows_work:
            return "Monday to Friday; holidays are not known"
        off = [day.capitalize() for day in self.weekend or WEEKEND]
        if self.country:
            return f"all days but {', '.join(off)} and the public holidays of {self.country}"
        return f"all days but {' and '.join(off)}; holidays are not known"

    def start(self, days: Days, unit: Unit = "quarter") -> Days:
        """Give the first day of the month, quarter or year that each day lies in; missing for missing days."""
        return self.shifted(days, 0, unit)

    def end(self, days: Days, unit: Unit = "quarter") -> Days:
        """Give the last day of the month, quarter or year that each day lies in."""
        return self.shifted(days, 1, unit) - pd.Timedelta(days=1)

    def shifted(self, days: Days, count: int, unit: Unit = "quarter") -> Days:
        """Give the first day of the period that comes `count` after the one of each day (before it, where below zero)."""
        step = MONTHS[unit]
        return self._at(days, lambda months: months - months % step + step * count)

    def place(self, days: Days, unit: Unit = "quarter") -> Any:
        """Number the periods since 1600: the difference of two days' is how many lie between them; below zero where missing.

        >>> GREGORIAN.place(pd.Timestamp("2026-11-15")) - GREGORIAN.place(pd.Timestamp("2025-12-31"))
        4
        """
        months = np.where(np.isnat(_array(days)), -1, self._months(days)) // MONTHS[unit]
        return int(months[0]) if isinstance(days, pd.Timestamp) else pd.Series(months, getattr(days, "index", None))

    def number(self, days: Days, unit: Unit = "quarter") -> Any:
        """Give the number of each day's month (1 to 12) or quarter (1 to 4) in its fiscal year, or of its year."""
        place = self.place(days, unit)
        return self._grid[1] + place if unit == "year" else place % (12 // MONTHS[unit]) + 1

    def week(self, day: pd.Timestamp) -> int:
        """Give the number of a day's week in its fiscal year: the first one begins with the year.

        >>> Calendar(first_month=2, weeks="4-5-4", ends="nearest", named="start").week(pd.Timestamp("2024-02-03"))
        53
        """
        return (day - self.start(day, "year")).days // 7 + 1

    def week_start(self, day: pd.Timestamp) -> pd.Timestamp:
        """Give the first day of the week that a day lies in, as `week` counts them."""
        return self.start(day, "year") + pd.Timedelta(weeks=self.week(day) - 1)

    def starts(self, first: pd.Timestamp, count: int, unit: Unit = "month") -> pd.DatetimeIndex:
        """Give the first days of `count` periods, the first of them the one that `first` lies in."""
        step = MONTHS[unit]
        begin = self.place(first, unit) * step
        return pd.DatetimeIndex(self._grid[0][begin : begin + max(count, 0) * step : step])

    def between(self, first: pd.Timestamp, last: pd.Timestamp, unit: Unit = "month") -> pd.DatetimeIndex:
        """Give the first days of the periods from that of one day to that of another, both among them."""
        return self.starts(first, self.place(last, unit) - self.place(first, unit) + 1, unit)

    def days(self, starts: Sequence | pd.Series, unit: Unit = "quarter") -> np.ndarray:
        """Count the days of the periods that some days lie in."""
        known = pd.Series(starts)
        return (self.shifted(known, 1, unit) - self.start(known, unit)).dt.days.to_numpy()

    def year_before(self, days: Days, years: int = 1) -> Days:
        """Give the same day `years` earlier: of a month; where months are of weeks, of a week of the same quarter.

        What a quarter of fourteen weeks has beyond one of thirteen falls on the last day of that.

        >>> retail = Calendar(first_month=2, weeks="4-5-4", ends="nearest", named="start")
        >>> [retail.year_before(pd.Timestamp(day)).date().isoformat() for day in ("2024-02-04", "2024-02-03")]
        ['2023-01-29', '2023-01-28']
        """
        if self.by_months:
            return days - pd.DateOffset(years=years)
        start, end = self.shifted(days, -4 * years), self.shifted(days, 1 - 4 * years) - pd.Timedelta(days=1)
        moved = start + (days - self.start(days))
        return min(moved, end) if isinstance(days, pd.Timestamp) else moved.where(moved <= end, end)

    def label(self, day: pd.Timestamp, unit: Unit = "quarter", short: bool = False) -> str:
        """Name the period of a day for people; a month by the one in which its middle lies.

        >>> day = pd.Timestamp("2026-11-15")
        >>> GREGORIAN.label(day, short=True), GREGORIAN.label(day, "month"), GREGORIAN.label(day, "year")
        ('Q4 26', 'Nov 2026', '2026')
        >>> Calendar(first_month=2, weeks="4-4-5").label(pd.Timestamp("2026-03-31"), "month")
        'Apr 2026'
        """
        if unit == "month":
            return month_name(self.start(day, "month"), short)
        year, quarter = self.number(day, "year"), self.number(day)
        name = f"{year % 100:02d}" if short and self.plain else f"{year}" if self.plain else f"FY{year % 100:02d}"
        return name if unit == "year" else f"Q{quarter} {name}" if self.plain else f"{name} Q{quarter}"

    def labels(self, days: Sequence | pd.Series, unit: Unit = "quarter", short: bool = True) -> list[str]:
        """Name the periods of several days, in short."""
        starts = self.start(pd.Series(pd.DatetimeIndex(days)), unit)
        names = {start: self.label(start, unit, short) for start in starts.unique()}
        return [names[start] for start in starts]

    def month_names(self) -> list[str]:
        """Name the months of a fiscal year, first to last."""
        middle = self.starts(pd.Timestamp(2026, 6, 1), 1, "year")[0]
        return [self.label(day, "month")[:3] for day in self.starts(middle, 12)]

    def same_month(self, span: pd.Timestamp, months: int) -> pd.Timestamp:
        """Give the last day of the month that comes `months` after the one of a day."""
        return self.shifted(span, months + 1, "month") - pd.Timedelta(days=1)

    def lies(self, day: pd.Timestamp) -> str:
        """Say in which quarter a day lies, so that people see whether the calendar is theirs; empty for calendar quarters.

        >>> Calendar(first_month=11).lies(pd.Timestamp("2026-11-15"))
        '2026-11-15 lies in FY27 Q1, 2026-11-01 to 2027-01-31'
        """
        span = f"{self.start(day):%Y-%m-%d} to {self.end(day):%Y-%m-%d}"
        return "" if self.plain else f"{day:%Y-%m-%d} lies in {self.label(day)}, {span}"

    def extra_week(self, day: pd.Timestamp) -> str:
        """Say which quarter has a 53rd week, of the one of a day and the eight before it; empty where none has."""
        if self.by_months:
            return ""
        starts = self.between(self.shifted(day, -8), day, "quarter")
        long = [self.label(start) for start in starts[self.days(starts) == LONG]]
        if not long:
            return ""
        return (
            f"{' and '.join(long)} has 14 weeks, for its fiscal year has a 53rd week; the same quarter of two years is compared "
            "week for week, and the 14th week counts in its own quarter alone"
        )

    def facts(self) -> dict[str, Any]:
        """Give what a snapshot keeps of it, in values that JSON can hold; nothing of `GREGORIAN`."""
        return {} if self.plain and not self.knows_work else self.model_dump(exclude_defaults=True)

    def _at(self, days: Days, move: Any) -> Days:
        """Give the first days of the months that `move` gives for the months of days, in the kind that the days are of."""
        starts, array = self._grid[0], _array(days)
        moved = starts[np.clip(move(self._months(days)), 0, len(starts) - 1)]
        moved = np.where(np.isnat(array), np.datetime64("NaT"), moved)
        if isinstance(days, pd.Series):
            return pd.Series(moved, days.index, name=days.name)
        return pd.Timestamp(moved[0]) if isinstance(days, pd.Timestamp) else pd.DatetimeIndex(moved, name=days.name)

    def _months(self, days: Any) -> np.ndarray:
        return np.clip(np.searchsorted(self._grid[0], _array(days), side="right") - 1, 0, len(self._grid[0]) - 1)

    @cached_property
    def _grid(self) -> tuple[np.ndarray, int]:
        """Lay out the first days of all months from the first of a fiscal year on, and name that year."""
        if self.periods:
            return self._of_table()
        years = np.arange(FIRST, LAST)
        if self.by_months:
            first = np.datetime64(f"{FIRST}-{self.first_month:02d}")
            starts = np.arange(first, first + np.timedelta64(12 * len(years), "M")).astype("datetime64[us]")
        else:
            starts = np.concatenate([self._year_of_weeks(year) for year in years])
        return starts, FIRST + int(self.named == "end" and self.first_month > 1)

    def _year_of_weeks(self, year: int) -> np.ndarray:
        lengths = [int(weeks) for weeks in 4 * self.weeks.split("-")]
        return (self._ended(year) + DAY + np.cumsum([0, *lengths[:-1]]) * WEEK).astype("datetime64[us]")

    def _ended(self, year: int) -> np.datetime64:
        """Give the last day of the fiscal year before the one that begins in a calendar year."""
        last = np.datetime64(f"{year}-{self.first_month:02d}", "M").astype("datetime64[D]") - DAY
        back = int((last.astype("int64") + 3 - WEEKDAYS.index(self.ends_on)) % 7)  # 1 January 1970 was a Thursday
        return last - back * DAY + (WEEK if self.ends == "nearest" and back > 3 else 0 * DAY)

    def _of_table(self) -> tuple[np.ndarray, int]:
        """Lay out a table's months; years before and after it are of calendar months, or of 52 weeks, as the table's are."""
        days = np.array([*(period[0] for period in self.periods), self.until], "datetime64[D]")
        days[-1] += DAY
        (_, year, month), lengths = self.periods[0], np.diff(days)
        before, after = AROUND * 12 + month - 1, AROUND * 12 + 12 - self.periods[-1][2]
        firsts = days.astype("datetime64[M]")
        if len({*(days - firsts)}) == 1 and (np.diff(firsts).astype(int) == 1).all():
            months = np.arange(firsts[0] - before, firsts[-1] + after)
            return (months + (days[0] - firsts[0])).astype("datetime64[us]"), year - AROUND
        numbers = np.array([period[2] for period in self.periods])
        usual = np.array([lengths[numbers == number].min() for number in range(1, 13)])
        earlier = days[0] - np.cumsum(usual[(month - 2 - np.arange(before)) % 12])[::-1]
        later = days[-1] + np.cumsum(np.insert(usual[(numbers[-1] + np.arange(after)) % 12], 0, 0 * DAY))[:-1]
        return np.concatenate([earlier, days[:-1], later]).astype("datetime64[us]"), year - AROUND


GREGORIAN = Calendar()
PUBLISHED = GREGORIAN  # in whose quarters markets and rivals' sales are published, whichever year a company has


def month_name(start: pd.Timestamp, short: bool = False) -> str:
    """Name a month for people by its first day: by the calendar month in which its middle lies."""
    return f"{start + pd.Timedelta(days=14):{'%b %y' if short else '%b %Y'}}"


def of_table(table: pd.DataFrame) -> Calendar:
    """Give the calendar that a table of fiscal months says.

    Parameters
    ----------
    table : DataFrame
        One row per month: `period_start`, `period_end` (days), `fiscal_year`, `quarter` (1 to 4), `month` (1 to 12).

    Raises
    ------
    ContractError
        Naming the row where a month is missing, out of order or numbered otherwise than its place says.
    """
    table = table.sort_values("period_start", ignore_index=True)
    if len(table) < 12:
        raise ContractError(
            f"table calendar: it has {len(table)} rows, expected a row for each month of one year at least."
        )
    for row, before in zip(table.itertuples(), [None, *table.itertuples()], strict=False):
        if fault := _fault(row, before):
            raise ContractError(
                f"table calendar: the month that starts {row.period_start:%Y-%m-%d} {fault}; fix the source."
            )
    periods = [(f"{r.period_start:%Y-%m-%d}", int(r.fiscal_year), int(r.month)) for r in table.itertuples()]
    return Calendar(periods=tuple(periods), until=f"{table['period_end'].iloc[-1]:%Y-%m-%d}")


def _fault(row: Any, before: Any) -> str:
    """Say what is wrong with a month of a table; `before` is the month ahead of it, or None."""
    if row.month not in range(1, 13):
        return f"has month {row.month:g}, expected 1 to 12"
    if row.quarter != (row.month + 2) // 3:
        return f"has quarter {row.quarter:g} and month {row.month:g}, expected quarter {(row.month + 2) // 3:g}"
    if row.fiscal_year not in range(FIRST, LAST):
        return f"has fiscal year {row.fiscal_year:g}, expected a year such as 2026"
    if before is None:
        return ""
    if row.period_start != before.period_end + pd.Timedelta(days=1):
        return f"does not follow the one before, which ends {before.period_end:%Y-%m-%d}"
    year, month = (before.fiscal_year, before.month + 1) if before.month < 12 else (before.fiscal_year + 1, 1)
    found = f"is month {row.month:g} of {row.fiscal_year:g}"
    return "" if (row.fiscal_year, row.month) == (year, month) else f"{found}, expected month {month:g} of {year:g}"


def _array(days: Any) -> np.ndarray:
    """Give days, or one of them, as an array of moments."""
    return np.atleast_1d(np.asarray(days.to_datetime64() if isinstance(days, pd.Timestamp) else days, "datetime64[us]"))
