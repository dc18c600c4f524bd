"""Which days does a figure speak of?"""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Period:
    """A span of days: `start` to `end` is the whole of it, `through` the last day seen so far."""

    start: pd.Timestamp
    end: pd.Timestamp
    through: pd.Timestamp

    def before(self, years: int = 1) -> "Period":
        """Give the same span `years` earlier, seen through the same day of the year."""
        shift = pd.DateOffset(years=years)
        end = self.end - shift + pd.offsets.MonthEnd(0)
        through = end if self.through == self.end else self.through - shift
        return Period(self.start - shift, end, through)

    def contains(self, dates: pd.Series) -> pd.Series:
        """Tell for each date whether it lies in the part seen so far."""
        return dates.between(self.start, self.through)

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


def last_quarters(as_of: pd.Timestamp, n: int) -> list[Period]:
    """Give the `n` whole quarters that ended before the quarter of `as_of`, oldest first."""
    first = quarter(as_of).start
    return [quarter(first - pd.DateOffset(months=3 * k)).whole() for k in range(n, 0, -1)]
