"""Which days does a figure speak of?"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from quarterdeck.data.calendar import GREGORIAN, Calendar

WEEK = pd.Timedelta(days=7)  # of holidays, which is no sign that the beginning of a quarter is missing


@dataclass(frozen=True)
class Period:
    """A span of days: `start` to `end` is the whole of it, `through` the last day seen so far, by a company's `calendar`."""

    start: pd.Timestamp
    end: pd.Timestamp
    through: pd.Timestamp
    calendar: Calendar = GREGORIAN

    def before(self, years: int = 1) -> "Period":
        """Give the same span `years` earlier, seen through the same day of the year; the end of a month stays one.

        Where months are of weeks, it is seen through the same week of the same quarter (`Calendar.year_before`).
        """
        start, end, through = (self.calendar.year_before(day, years) for day in (self.start, self.end, self.through))
        if not self.calendar.by_months:
            return replace(self, start=start, end=max(end, self._quarter_end(years)), through=through)
        whole = through + pd.offsets.MonthEnd(0) if self.through.is_month_end else through
        return replace(self, start=start, end=end + pd.offsets.MonthEnd(0), through=whole)

    def _quarter_end(self, years: int) -> pd.Timestamp:
        """Give the end of the quarter that the span's end has `years` earlier, where the span ends with its own."""
        if self.end != self.calendar.end(self.end):
            return self.calendar.year_before(self.end, years)
        return self.calendar.shifted(self.end, 1 - 4 * years) - pd.Timedelta(days=1)

    def contains(self, dates: pd.Series) -> pd.Series:
        """Tell for each date whether it lies in the part seen so far."""
        return dates.between(self.start, self.through)

    def same_day(self, span: "Period") -> pd.Timestamp:
        """Give the day of another quarter that `through` is in this one: as many days in, or as many whole months.

        Where the company has said which days are worked, it is the one by which the same part of the working days is gone.

        >>> quarter(pd.Timestamp("2026-05-31")).same_day(quarter(pd.Timestamp("2026-09-30"))).date().isoformat()
        '2026-08-31'
        """
        if self.calendar.knows_work and self.through < self.end:
            return self._as_worked(span)
        if self.through == self.calendar.end(self.through, "month"):
            months = self.calendar.place(self.through, "month") - self.calendar.place(self.start, "month")
            return self.calendar.same_month(span.start, months)
        return min(span.start + (self.through - self.start), span.end)

    def _as_worked(self, span: "Period") -> pd.Timestamp:
        """Give the day of another quarter by which the same part of its working days is gone; on a day off, the last such day."""
        here, there = (self.calendar.worked(s.start, s.end) for s in (self, span))
        day = (self.through - self.start).days
        gone = round(here[: day + 1].sum() / max(here.sum(), 1) * there.sum())
        reached = np.flatnonzero(np.cumsum(there) == gone)
        place = 0 if not len(reached) else reached[0] if here[day] else reached[-1]
        return span.start + pd.Timedelta(days=int(place))

    def seen(self, through: pd.Timestamp) -> "Period":
        """Give the span as it is seen through another day."""
        return replace(self, through=through)

    def whole(self) -> "Period":
        """Give the span with all of its days."""
        return self.seen(self.end)

    def shifted(self, quarters: int) -> "Period":
        """Give the whole quarter that comes so many after this one; before it, where the number is below zero.

        >>> quarter(pd.Timestamp("2026-11-15")).shifted(1).label
        'Q1 2027'
        """
        return quarter(self.calendar.shifted(self.start, quarters), self.calendar).whole()

    @property
    def name(self) -> str:
        """Name the quarter in short, whichever day it is seen through.

        >>> quarter(pd.Timestamp("2026-11-15")).name
        'Q4 26'
        """
        return self.calendar.label(self.start, short=True)

    @property
    def label(self) -> str:
        """Name the period for people.

        >>> quarter(pd.Timestamp("2026-11-15")).label
        'Q4 2026 to 15 Nov'
        >>> quarter(pd.Timestamp("2026-12-31")).label
        'Q4 2026'
        >>> quarter(pd.Timestamp("2026-11-15"), Calendar(first_month=11)).label
        'FY27 Q1 to 15 Nov'
        """
        name = self.calendar.label(self.start)
        return name if self.through == self.end else f"{name} to {self.through.day} {self.through:%b}"


def quarter(as_of: pd.Timestamp, calendar: Calendar = GREGORIAN) -> Period:
    """Give the quarter that `as_of` lies in, seen through that day."""
    return Period(calendar.start(as_of), calendar.end(as_of), as_of.normalize(), calendar)


def last_quarters(as_of: pd.Timestamp | Period, n: int, since: pd.Timestamp = pd.Timestamp.min) -> list[Period]:
    """Give the `n` whole quarters that ended before the quarter of `as_of`, oldest first; of them those that a table holds.

    Parameters
    ----------
    as_of : Timestamp or Period
        A day, of whose calendar quarter those before are given; or a period, which brings a company's own calendar.
    since : Timestamp
        The day from which the table is whole (`data.coverage`); a quarter that began up to a week before is taken.
    """
    now = as_of if isinstance(as_of, Period) else quarter(as_of)
    spans = [now.shifted(-k) for k in range(n, 0, -1)]
    return [span for span in spans if since == pd.Timestamp.min or span.start >= since - WEEK]
