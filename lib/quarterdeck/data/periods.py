"""Which days does a figure speak of?"""

from dataclasses import dataclass

import pandas as pd

WEEK = pd.Timedelta(days=7)  # of holidays, which is no sign that the beginning of a quarter is missing


@dataclass(frozen=True)
class Period:
    """A span of days: `start` to `end` is the whole of it, `through` the last day seen so far."""

    start: pd.Timestamp
    end: pd.Timestamp
    through: pd.Timestamp

    def before(self, years: int = 1) -> "Period":
        """Give the same span `years` earlier, seen through the same day of the year; the end of a month stays one."""
        shift = pd.DateOffset(years=years)
        end, through = self.end - shift + pd.offsets.MonthEnd(0), self.through - shift
        return Period(
            self.start - shift, end, through + pd.offsets.MonthEnd(0) if self.through.is_month_end else through
        )

    def contains(self, dates: pd.Series) -> pd.Series:
        """Tell for each date whether it lies in the part seen so far."""
        return dates.between(self.start, self.through)

    def same_day(self, span: "Period") -> pd.Timestamp:
        """Give the day of another quarter that `through` is in this one: as many days in, or as many whole months.

        >>> quarter(pd.Timestamp("2026-05-31")).same_day(quarter(pd.Timestamp("2026-09-30"))).date().isoformat()
        '2026-08-31'
        """
        if self.through.is_month_end:
            return span.start + pd.offsets.MonthEnd(self.through.month - self.start.month + 1)
        return min(span.start + (self.through - self.start), span.end)

    def whole(self) -> "Period":
        """Give the span with all of its days."""
        return Period(self.start, self.end, self.end)

    @property
    def label(self) -> str:
        """Name the period for people.

        >>> quarter(pd.Timestamp("2026-11-15")).label
        'Q4 2026 to 15 Nov'
        >>> quarter(pd.Timestamp("2026-12-31")).label
        'Q4 2026'
        """
        name = f"Q{self.start.quarter} {self.start.year}"
        return name if self.through == self.end else f"{name} to {self.through.day} {self.through:%b}"


def quarter(as_of: pd.Timestamp) -> Period:
    """Give the calendar quarter that `as_of` lies in, seen through that day."""
    start = as_of.to_period("Q").start_time.normalize()
    return Period(start, start + pd.offsets.QuarterEnd(0), as_of.normalize())


def last_quarters(as_of: pd.Timestamp, n: int, since: pd.Timestamp = pd.Timestamp.min) -> list[Period]:
    """Give the `n` whole quarters that ended before the quarter of `as_of`, oldest first; of them those that a table holds.

    Parameters
    ----------
    since : Timestamp
        The day from which the table is whole (`data.coverage`); a quarter that began up to a week before is taken.
    """
    first = quarter(as_of).start
    spans = [quarter(first - pd.DateOffset(months=3 * k)).whole() for k in range(n, 0, -1)]
    return [span for span in spans if since == pd.Timestamp.min or span.start >= since - WEEK]


def quarter_of(days: pd.Timestamp | pd.Series) -> pd.Timestamp | pd.Series:
    """First day of the quarter of a day, or of each day of a column."""
    if not isinstance(days, pd.Series):
        return days.to_period("Q").start_time
    return days.dt.to_period("Q").dt.start_time
