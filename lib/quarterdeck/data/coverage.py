"""From which day on do the tables hold everything, and may a figure that looks back be shown?

A table is whole from its first row, and for a region from the region's first row: before that, nothing separates "no sales" from
"not in the data". Two spans before it are whole as well: days on which such a table never has rows (weekends, New Year's Day), and
the rest of the first month or quarter of a table that comes by these. A region whose first row follows the company's within its
usual wait between rows counts from the company's first row. For a table that fills in gradually, or that holds stray earlier
rows, `whole_from` in `source.yaml` says it.
"""

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from quarterdeck.data.calendar import GREGORIAN, Calendar, Unit
from quarterdeck.data.periods import WEEK, Period, last_quarters, quarter

DATED = {
    "orders": "order_date",
    "quotas": "period_start",
    "targets": "period_start",
    "opportunity_history": "changed_on",
    "forecast_calls": "called_on",
    "market": "period_start",
    "competitors": "period_start",
    "costs": "period_start",
}  # the day by which a table's rows begin; deals are whole once they hold both what was opened and what was closed
CADENCES: dict[str, Unit] = {"monthly": "month", "quarterly": "quarter"}
FEWEST_DATES = 4  # of a table, from which its cadence is read
FEWEST_DAYS = 20  # with rows, from which one sees on which weekdays there are none: by chance (6 ÷ 7) ** 20, 5 %
EITHER = {
    "bookings": ("opportunities", "orders"),
    "sales": ("orders", "opportunities"),
}  # the first that the company keeps
NEVER, FAR = pd.Timestamp.max, pd.Timestamp("2200-01-01")
UNLIKELY = 0.05  # chance of no loss among a region's closed deals below which its losses are not recorded
DAY, YEAR = pd.Timedelta(days=1), pd.DateOffset(years=1)
LONGEST_WAIT = 92 * DAY  # between rows, that counts as usual
MONTH = 30.4375  # days


class Begins(Mapping):
    """The day from which each table is whole: of the `tables` given, and by `declared` (ISO dates) for the company `whole`."""

    def __init__(
        self,
        tables: Mapping[str, pd.DataFrame],
        whole: Mapping[str, pd.DataFrame],
        declared: Mapping[str, str],
        calendar: Calendar = GREGORIAN,
    ) -> None:
        self._tables, self._whole, self._declared, self._calendar, self._known = tables, whole, declared, calendar, {}

    def __getitem__(self, table: str) -> pd.Timestamp:
        if table not in self._known:
            self._known[table] = self._found(table)
        return self._known[table]

    def __iter__(self) -> Iterator[str]:
        return iter((*DATED, "opportunities", "losses"))

    def __len__(self) -> int:
        return len(DATED) + 2

    def _found(self, table: str) -> pd.Timestamp:
        if table == "losses":
            return self._losses()
        if table not in self._tables:
            return pd.Timestamp.min
        known = self._whole if table in self._whole else self._tables
        if known[table].empty:  # where there is no row, the reason is that, and no date
            return pd.Timestamp.min
        own, every = (first_whole(table, tables, self._calendar) for tables in (self._tables, known))
        whole = pd.Timestamp(self._declared.get(table, every))
        late = max(every, whole) + max(usual_wait(table, tables[table]) for tables in (self._tables, known))
        return own if own > late else whole  # one that has no row here is whole where the company's is

    def _losses(self) -> pd.Timestamp:
        """Give the day from which losses are recorded: the company's, where so few closed here that chance explains no loss yet."""
        deals, company = self._tables.get("opportunities"), self._whole.get("opportunities")
        begin = self["opportunities"]
        own = first_loss(deals, begin)
        if own <= begin or deals is None or company is None:
            return own
        start = max(begin, first_loss(company, first_whole("opportunities", {"opportunities": company})))
        closed, others = (f.loc[f["closed_on"].ge(start), ["status", "closed_on"]] for f in (deals, company))
        before = closed["closed_on"].lt(own).sum()
        return start if len(others) and others["status"].eq("won").mean() ** before >= UNLIKELY else own


class _Ever(dict):
    """Begins of tables that hold all that there ever was."""

    def __missing__(self, table: str) -> pd.Timestamp:
        return pd.Timestamp.min


EVER: Mapping[str, pd.Timestamp] = _Ever()  # for frames that nothing is known of but themselves


def first_loss(deals: pd.DataFrame | None, begin: pd.Timestamp) -> pd.Timestamp:
    """Give the day from which lost deals are recorded.

    Parameters
    ----------
    deals : DataFrame or None
        status, closed_on.
    begin : Timestamp
        The day from which deals are whole.

    Returns
    -------
    Timestamp
        `begin` where the first loss follows within the usual wait, else the day of the first loss; `NEVER` without one.
    """
    lost = pd.Series(dtype="datetime64[us]") if deals is None else deals.loc[deals["status"].eq("lost"), "closed_on"]
    if lost.empty:
        return NEVER
    return begin if lost.min() <= begin + _wait(lost) else lost.min()


def first_whole(table: str, tables: Mapping[str, pd.DataFrame], calendar: Calendar = GREGORIAN) -> pd.Timestamp:
    """Give the first day from which a table's rows are whole, by the rows themselves.

    Deals are whole from the later of the first opening and the first closing. Their history is whole once it knows the state
    of every deal that was open when it began.
    """
    frame = tables[table]
    if table == "opportunities":
        return max(
            frame["opened_on"].min(), frame["closed_on"].min() if frame["closed_on"].notna().any() else pd.Timestamp.min
        )
    first = _first_day(frame[DATED[table]].dropna(), calendar)
    return first if table != "opportunity_history" else _states_known(frame, tables.get("opportunities"), first)


def firsts(tables: Mapping[str, pd.DataFrame], calendar: Calendar = GREGORIAN) -> dict[str, pd.Timestamp]:
    """Give `first_whole` of each table that has rows, by the table's name."""
    return {
        name: first_whole(name, tables, calendar)
        for name in (*DATED, "opportunities")
        if name in tables and len(tables[name])
    }


def usual_wait(table: str, frame: pd.DataFrame) -> pd.Timedelta:
    """Give the wait between a table's rows that 95 % of waits do not exceed; 92 days at most.

    A region whose first row comes so soon after the company's was there from the start, and had sold nothing yet.
    """
    return _wait(frame[DATED.get(table, "closed_on")])


def begun(parts: pd.Series, days: pd.Series, day: pd.Timestamp, begin: pd.Timestamp) -> pd.Series:
    """Tell of each part of a table (a segment, say) whether it was there on a day, by the days of its rows.

    It was where its first row comes no later than it usually lets one wait; where of the table itself nothing is known (`begin`, as
    `EVER` has it), all were.

    Returns
    -------
    Series
        Bool, by part.
    """
    first = days.groupby(parts).min()
    known = pd.DataFrame({"part": parts, "day": days}).dropna().drop_duplicates().sort_values("day")
    apart = known.groupby("part")["day"].diff().groupby(known["part"])
    waits = apart.quantile(0.95).clip(upper=LONGEST_WAIT).where(apart.size() > 2, pd.Timedelta(0)).reindex(first.index)
    return first <= (day + waits if begin > pd.Timestamp.min else pd.Timestamp.max)


def cadence(days: pd.Series, calendar: Calendar = GREGORIAN) -> str:
    """Tell how a table's rows come, by their days: "weekly", "monthly", "quarterly", else "daily".

    By the month (or quarter) are rows that bear one date in each, the first of a month or the last, by the company's calendar or
    the one of calendar months; by the week such as all bear one day of the week.

    >>> cadence(pd.Series(pd.to_datetime(["2025-03-01", "2025-06-01", "2025-09-01", "2025-12-01", "2025-12-01"])))
    'quarterly'
    >>> cadence(pd.Series(pd.date_range("2025-01-31", periods=6, freq="ME")))
    'monthly'
    >>> cadence(pd.Series(pd.date_range("2025-01-31", periods=90)))
    'daily'
    >>> cadence(pd.Series(pd.date_range("2025-01-31", periods=9, freq="W-MON")))
    'weekly'
    """
    dates = pd.Series(days.dropna().unique())
    if len(dates) < FEWEST_DATES:
        return "daily"
    even = any(_even(dates, by) for by in {calendar, GREGORIAN})
    alike = [name for name, unit in CADENCES.items() if even and calendar.start(dates, unit).is_unique]
    return alike[-1] if alike else "weekly" if dates.dt.day_of_week.nunique() == 1 else "daily"


def uneven_weeks(days: pd.Series, period: Period) -> str:
    """Say where rows that come by the week have another number of weeks in a period so far than a year before; empty elsewhere.

    >>> fridays = pd.Series(pd.date_range("2025-01-03", "2026-09-18", freq="W-FRI"))
    >>> uneven_weeks(fridays, quarter(pd.Timestamp("2026-09-18")))
    'orders come by the week: the quarter so far has 12 weeks of them, the same days of last year 11, and growth is of these'
    >>> uneven_weeks(fridays, quarter(pd.Timestamp("2026-09-19")))
    ''
    """
    if cadence(days, period.calendar) != "weekly":
        return ""
    now, before = (days[span.contains(days)].nunique() for span in (period, period.before()))
    if now == before or not before:
        return ""
    return (
        f"orders come by the week: the quarter so far has {now} weeks of them, the same days of last year {before}, and growth is "
        "of these"
    )


def _even(days: pd.Series, calendar: Calendar) -> bool:
    """Tell whether all days begin a month, or all end one."""
    return any((edge(days, "month") == days).all() for edge in (calendar.start, calendar.end))


def at_ends(
    tables: dict[str, pd.DataFrame], declared: str = "", calendar: Calendar = GREGORIAN
) -> dict[str, pd.DataFrame]:
    """Give tables whose orders, where they come by the month or the quarter, are dated on its last day.

    Such a row speaks of all of its month, whichever day it bears: on its last day all that it speaks of is in, and so it is on
    the same day of earlier quarters and years. Orders that come by the week are dated on its Sunday where that is declared: a shop
    that opens on Mondays alone looks the same.

    Parameters
    ----------
    declared : str
        How orders come ("daily", "weekly", "monthly", "quarterly"); by their dates where it is empty.
    calendar : Calendar
        Whose months and quarters these are.
    """
    orders = tables.get("orders")
    if orders is None:
        return tables
    days, comes = orders["order_date"], declared or cadence(orders["order_date"], calendar)
    if comes in CADENCES:
        ends = calendar.end(days, CADENCES[comes])
    elif declared == "weekly":
        ends = days + pd.to_timedelta(6 - days.dt.day_of_week, unit="D")
    else:
        return tables
    return tables | {"orders": orders.assign(order_date=ends.astype(orders["order_date"].dtype))}


def trimmed(tables: dict[str, pd.DataFrame], whole_from: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Leave out the periods before the day from which their table is whole; tables without periods stay as they are.

    Parameters
    ----------
    tables : dict of DataFrame
        The tables of the contract, by name.
    whole_from : mapping
        By table, the ISO date from which it is whole.
    """
    return {
        name: frame[~(frame["period_start"] < pd.Timestamp(whole_from[name]))].reset_index(drop=True)
        if name in whole_from and "period_start" in frame and name != "forecast_calls"
        else frame
        for name, frame in tables.items()
    }


def looks_back(**spans: Callable[[Period], pd.Timestamp]) -> Callable:
    """Say of an analysis function from which day on it needs each table whole; a desk answers it only where that is so.

    `bookings` are the deals, else the orders; `sales` are the orders, else the deals; `losses` are the deals recorded as lost,
    without which a win rate would be of what was written down.

    >>> @looks_back(orders=twelve_months)
    ... def buyers(orders, period): ...
    >>> buyers.looks_back["orders"](quarter(pd.Timestamp("2026-11-15"))).date().isoformat()
    '2025-11-16'
    """

    def marked(function: Callable) -> Callable:
        function.looks_back = spans
        return function

    return marked


def lacking(function: Callable, asked: Mapping, begins: Mapping[str, pd.Timestamp], given: Mapping) -> str:
    """Say which past an analysis function needs that the tables do not hold; empty where they do.

    Parameters
    ----------
    asked : Mapping
        Holds the `period` and the `as_of` that are looked from.
    given : Mapping
        The function's arguments by name; of a table that is not among them nothing is needed.
    """
    spans = getattr(function, "looks_back", {})
    period = asked["period"] if "period" in given else quarter(asked["as_of"], asked["period"].calendar)
    for name, since in spans.items():
        table = next((t for t in EITHER.get(name, ()) if given.get(t) is not None), name)
        rows = given.get("opportunities" if table == "losses" else table)
        if rows is not None and begins[table] > (day := since(period)):
            return needs(table, day, begins[table])
    return ""


def needs(table: str, day: pd.Timestamp, begin: pd.Timestamp) -> str:
    """Say that a table is needed from a day on, and from which day on it is there.

    >>> needs("orders", pd.Timestamp("2022-12-10"), pd.Timestamp("2023-12-01"))
    'needs orders from 10 Dec 2022; they begin 1 Dec 2023.'
    """
    if begin == NEVER:
        return "needs deals that are recorded as lost, and none is."
    name = {
        "losses": "deals that are recorded as lost",
        "market": "the market",
        "opportunity_history": "the history of deals",
        "opportunities": "deals",
    }.get(table, table.replace("_", " "))
    they = "it begins" if table in ("market", "opportunity_history") else "they begin"
    return f"needs {name} from {_day(day)}; {they} {_day(begin)}."


def this_quarter(period: Period) -> pd.Timestamp:
    """Give the first day of the period."""
    return period.start


def last_year(period: Period) -> pd.Timestamp:
    """Give the first of the same days a year before."""
    return period.before().start


def twelve_months(period: Period) -> pd.Timestamp:
    """Give the first of the twelve months' days that end with the last day seen."""
    return period.through - YEAR + DAY


def two_years(period: Period) -> pd.Timestamp:
    """Give the first of the twenty-four months' days that end with the last day seen."""
    return period.through - 2 * YEAR + DAY


def four_quarters(period: Period) -> pd.Timestamp:
    """Give the first day of the four whole quarters before the period's."""
    return last_quarters(period, 4)[0].start


def eight_quarters(period: Period) -> pd.Timestamp:
    """Give the first day of the eight whole quarters before the period's."""
    return last_quarters(period, 8)[0].start


def months_of(years: int, through: pd.Timestamp, begin: pd.Timestamp) -> int:
    """Give how many months of the last years a table that is whole from `begin` on holds; all of them, where that is not known.

    >>> through = pd.Timestamp("2026-11-15")
    >>> months_of(3, through, pd.Timestamp("2025-09-12")), months_of(3, through, EVER["orders"])
    (14, 36)
    """
    first = max(begin, through - years * YEAR + DAY)
    return min(round((through - first) / DAY / MONTH), 12 * years) if first <= through else 0


def already(period: Period) -> pd.Timestamp:
    """Give the last day seen: the table only has to have begun by then."""
    return period.through


def whole_since(
    begin: pd.Timestamp, first: pd.Timestamp, calendar: Calendar = GREGORIAN, unit: Unit = "quarter"
) -> pd.Timestamp:
    """Give the first day of the first period to learn from: `begin` is when the table is whole, else `first` its first row.

    >>> first = pd.Timestamp("2025-10-03")
    >>> [whole_since(begin, first).date().isoformat() for begin in (pd.Timestamp("2025-10-20"), EVER["orders"])]
    ['2026-01-01', '2025-10-01']
    """
    day = first if begin == pd.Timestamp.min else begin
    if pd.isna(day):  # there is no row
        return FAR
    return calendar.shifted(day, int(day > calendar.start(day, unit) + WEEK), unit)


def _wait(days: pd.Series) -> pd.Timedelta:
    known = days.dropna().drop_duplicates().sort_values()
    return min(known.diff().quantile(0.95), LONGEST_WAIT) if len(known) > 2 else pd.Timedelta(0)


def _first_day(days: pd.Series, calendar: Calendar) -> pd.Timestamp:
    """Give the first day of a table, and what lies before it that would have no rows in any case."""
    first = days.min()
    if pd.isna(first):  # the table has no rows
        return first
    if (unit := CADENCES.get(cadence(days, calendar))) is not None:
        return calendar.start(first, unit)
    if days.nunique() < FEWEST_DAYS:
        return first
    weekdays, new_year = set(days.dt.day_of_week), (days.dt.day_of_year == 1).any()
    while (day := first - DAY).day_of_week not in weekdays or (day.day_of_year == 1 and not new_year):
        first = day
    return first


def _states_known(history: pd.DataFrame, deals: pd.DataFrame | None, first: pd.Timestamp) -> pd.Timestamp:
    """Give the day from which a history that begins on `first` knows all deals that were open then."""
    if deals is None:
        return first
    seen = deals["opportunity_id"].map(history.groupby("opportunity_id")["changed_on"].min())
    unseen = seen.fillna(FAR).where(~(deals["closed_on"] < seen), deals["closed_on"])
    late = unseen[(deals["opened_on"] < first) & (unseen > first)]
    return max(first, late.max()) if len(late) else first


def _day(day: pd.Timestamp) -> str:
    return f"{day.day} {day:%b %Y}"
