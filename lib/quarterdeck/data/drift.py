"""What has changed in a company's tables since its last snapshot: rows gone, a restated past, freshness, emptiness?"""

from collections.abc import Iterator, Mapping

import pandas as pd

from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.contract import TABLES, key
from quarterdeck.data.periods import quarter
from quarterdeck.data.remarks import MONEY, NAMES

DATES = {"orders": "order_date", "opportunities": "closed_on"}  # by which a table's money is dated
LATEST = {"orders": "order_date", "opportunities": "opened_on", "opportunity_history": "changed_on"}
SAME_RATE = 1e-9  # part of a rate, below which it has not changed
CENT = 0.005  # of money, below which nothing has changed
EMPTIER = 0.05  # of a column's rows, from which it is said that more of them are empty
YEARS = 10  # before the last snapshot's day, over which two calendars must have the same quarters
FEW = 50  # names of a column, up to which each that is gone is said

Tables = Mapping[str, pd.DataFrame]


def drift(before: Tables, now: Tables, as_of: pd.Timestamp, calendar: Calendar = GREGORIAN) -> list[dict]:
    """Compare a company's tables with those of its last snapshot.

    Parameters
    ----------
    before, now : mapping of DataFrame
        The tables of the contract, checked.
    as_of : Timestamp
        The day that the last snapshot was looked at from; quarters that had ended by then are past.
    calendar : Calendar
        Whose quarters these are; both have it.

    Returns
    -------
    list of dict
        Per change `table`, `kind` (gone, restated, stale, emptier, name gone, other rates), `said` (a sentence), and for what is
        restated `period`, `before` and `now` (in the company's currency).
    """
    found = [
        _said(t, "gone", f"{t.replace('_', ' ')}: the table is gone") for t in before if t in TABLES and t not in now
    ]
    for name in (t for t in now if t in before):
        found += _gone(name, before[name], now[name])
        found += _restated(name, before[name], now[name], as_of, calendar)
        found += _stale(name, before[name], now[name])
        found += _emptier(name, before[name], now[name])
        found += _names_gone(name, before[name], now[name])
    return found + [*_other_rates(before, now)]


def another_calendar(before: Calendar, now: Calendar, as_of: pd.Timestamp) -> list[dict]:
    """Say so where the quarters of the years before a day are not those of the last snapshot: it then compares with nothing.

    Parameters
    ----------
    before, now : Calendar
        The company's, then and now.
    as_of : Timestamp
        The day that the last snapshot was looked at from.

    Returns
    -------
    list of dict
        Empty, or a change as `drift` gives it, of the kind "another calendar".
    """
    then, today = (c.between(as_of - pd.DateOffset(years=YEARS), as_of, "quarter") for c in (before, now))
    words = "its quarters are not those of the last snapshot, so nothing is compared with it"
    return [] if then.equals(today) else [_said("calendar", "another calendar", f"calendar: {words}")]


def _said(table: str, kind: str, sentence: str, **more: object) -> dict:
    return {"table": table, "kind": kind, "said": sentence, **more}


def _gone(name: str, before: pd.DataFrame, now: pd.DataFrame) -> Iterator[dict]:
    keys = [column for column in key(name, before) if column in now]
    gone = ~pd.MultiIndex.from_frame(before[keys]).isin(pd.MultiIndex.from_frame(now[keys]))
    if gone.any():
        money = before.loc[gone, MONEY[name]].sum() if name in MONEY else 0.0
        worth = f" ({MONEY[name].replace('_', ' ')} {money:,.2f})" if money else ""
        words = f"{gone.sum():,} of {len(before):,} rows of the last snapshot are no longer there{worth}"
        yield _said(name, "gone", f"{name.replace('_', ' ')}: {words}", rows=int(gone.sum()))


def _restated(
    name: str, before: pd.DataFrame, now: pd.DataFrame, as_of: pd.Timestamp, calendar: Calendar
) -> Iterator[dict]:
    if name not in DATES:
        return
    both = [_by_quarter(name, frame, calendar) for frame in (before, now)]
    sums = pd.concat(both, axis=1, keys=["before", "now"]).fillna(0.0)
    for start, row in sums[(sums["before"] - sums["now"]).abs() > CENT].sort_index().iterrows():
        span = quarter(start, calendar).whole()
        if span.end > as_of:
            continue
        what = "revenue" if name == "orders" else "amount won"
        words = f"{span.label} {what} changed from {row['before']:,.2f} to {row['now']:,.2f}"
        money = {"before": float(row["before"]), "now": float(row["now"])}
        yield _said(name, "restated", f"{name}: {words}", period=span.label, **money)


def _other_rates(before: Tables, now: Tables) -> Iterator[dict]:
    """Say which exchange rates of days that the last snapshot knew are others now, one sentence a currency."""
    if "exchange_rates" not in before or "exchange_rates" not in now:
        return
    keys = key("exchange_rates", before["exchange_rates"])
    both = before["exchange_rates"].merge(now["exchange_rates"], on=keys, suffixes=("_before", "_now"))
    moved = both[(both["rate_now"] / both["rate_before"] - 1).abs() > SAME_RATE].sort_values("valid_from")
    for currency, rows in moved.groupby("currency"):
        last = rows.iloc[-1]
        words = f"{len(rows):,} rate{'s' if len(rows) > 1 else ''} of {currency} changed, the last that of "
        words += f"{last['valid_from']:%Y-%m-%d} from {last['rate_before']:g} to {last['rate_now']:g}"
        yield _said("exchange_rates", "other rates", f"exchange rates: {words}", currency=currency)


def _by_quarter(name: str, frame: pd.DataFrame, calendar: Calendar) -> pd.Series:
    kept = frame[frame["status"] == "won"] if name == "opportunities" else frame
    kept = kept[kept[DATES[name]].notna()]
    return kept.groupby(calendar.start(kept[DATES[name]]))[MONEY[name]].sum()


def _stale(name: str, before: pd.DataFrame, now: pd.DataFrame) -> Iterator[dict]:
    if name in LATEST and (last := now[LATEST[name]].max()) <= before[LATEST[name]].max():
        words = f"nothing is newer than {last.day} {last:%b %Y}, as in the last snapshot"
        yield _said(name, "stale", f"{name.replace('_', ' ')}: {words}", last=f"{last:%Y-%m-%d}")


def _emptier(name: str, before: pd.DataFrame, now: pd.DataFrame) -> Iterator[dict]:
    was, is_now = before.isna().mean(), now.isna().mean()
    for column in (c for c in now if c in was and is_now[c] - was[c] > EMPTIER):
        words = f"{column} is empty in {is_now[column]:.0%} of rows, before in {was[column]:.0%}"
        yield _said(name, "emptier", f"{name.replace('_', ' ')}: {words}", column=column)


def _names_gone(name: str, before: pd.DataFrame, now: pd.DataFrame) -> Iterator[dict]:
    for column in (c for c in NAMES if c in before and c in now and before[c].nunique() <= FEW):
        for text in sorted(set(before[column].dropna()) - set(now[column].dropna())):
            words = f"no row has {column} {text!r} any more"
            yield _said(name, "name gone", f"{name.replace('_', ' ')}: {words}", column=column)
