"""At which rate does money in another currency count, and what happens where there is none?

Each table of money may name a row's `currency`. Its money is converted once, here, by the table `exchange_rates`; what was there
stays beside it. A row without a rate is set aside with its money: no amount is ever taken at 1.0 for want of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pandas as pd
from babel.core import get_global

from quarterdeck.data.calendar import Calendar
from quarterdeck.data.rules import Broken, Held, said

CODES = frozenset(get_global("all_currencies"))  # of ISO 4217, today's and former ones, as CLDR has them
DAYS = 31  # a rate of a day holds so long, where source.yaml does not say: a month's rate lasts the month
ORIGINAL = "_in_currency"  # after the name of a column: the same money as the source has it
RATE, PLAN_RATE, RATE_BEFORE = "exchange_rate", "plan_rate", "rate_a_year_before"
WITHOUT_END = 10**6  # days that a plan's rate holds


@dataclass(frozen=True)
class Reporting:
    """The currency that a company reports in, and for how many days a rate of a day holds."""

    currency: str = "EUR"
    rate_days: int = DAYS


EURO = Reporting()


@dataclass(frozen=True)
class Valued:
    """How a table's money is valued: its columns, the column of the day whose rate counts, and what that day is called."""

    money: tuple[str, ...]
    day: str
    named: str
    plan: bool = True  # a plan's rate in force on that day goes first


VALUED = {
    "opportunities": Valued(("amount",), "closed_on", "the day a deal closed, of open deals the newest"),
    "opportunity_history": Valued(("amount",), "closed_on", "the day a deal closed, of open deals the newest"),
    "orders": Valued(("list_amount", "revenue", "cost"), "order_date", "the day of the order", plan=False),
    "products": Valued(("list_price", "unit_cost"), "", "the last day"),
    "quotas": Valued(("quota",), "period_start", "the period's first day"),
    "targets": Valued(("revenue_target", "margin_target"), "period_start", "the period's first day"),
    "forecast_calls": Valued(("amount",), "called_on", "the day of the call"),
    "costs": Valued(("amount",), "period_end", "the period's last day", plan=False),
    "market": Valued(("market_revenue",), "period_end", "the period's last day", plan=False),
    "competitors": Valued(("revenue",), "period_end", "the period's last day", plan=False),
    "initiatives": Valued(("spend",), "started_on", "the first day", plan=False),
}

KNOWN = """
WITH given AS (
    SELECT currency, coalesce(to_currency, $reporting) AS into_one, valid_from, rate FROM exchange_rates
    WHERE coalesce(kind, 'day') = $kind AND currency <> coalesce(to_currency, $reporting)
), own AS (
    SELECT currency, valid_from, rate, 0 AS turned FROM given WHERE into_one = $reporting
    UNION ALL SELECT into_one, valid_from, 1 / rate, 1 FROM given WHERE currency = $reporting
), direct AS (
    SELECT currency, valid_from, arg_min(rate, turned) AS rate FROM own GROUP BY currency, valid_from
), legs AS (
    SELECT currency, into_one AS other, valid_from, rate FROM given WHERE $reporting NOT IN (currency, into_one)
    UNION ALL SELECT into_one, currency, valid_from, 1 / rate FROM given WHERE $reporting NOT IN (currency, into_one)
), crossed AS (
    SELECT l.currency, l.valid_from, l.rate * d.rate AS rate, l.other
    FROM legs l ASOF JOIN direct d ON l.other = d.currency AND l.valid_from >= d.valid_from
    WHERE date_diff('day', d.valid_from, l.valid_from) <= $days AND l.currency NOT IN (SELECT currency FROM direct)
)
SELECT currency, valid_from, rate FROM direct
UNION ALL SELECT currency, valid_from, arg_min(rate, other) FROM crossed GROUP BY currency, valid_from
"""
RATES = """
SELECT CASE WHEN m.currency = $reporting THEN 1.0 WHEN date_diff('day', d.valid_from, m.day) <= $days THEN d.rate END AS day,
       CASE WHEN m.currency = $reporting THEN 1.0 ELSE p.rate END AS plan
FROM money m
ASOF LEFT JOIN day_rates d ON m.currency = d.currency AND m.day >= d.valid_from
ASOF LEFT JOIN plan_rates p ON m.currency = p.currency AND m.day >= p.valid_from
ORDER BY m.row
"""
CONVERTED = "SELECT {} FROM original m POSITIONAL JOIN rates r"


def exchange(held: Held, reporting: Reporting) -> None:
    """Convert the money of all tables that name a currency into the one reported in, and hold what has no rate to the rules.

    A converted table has beside the contract's columns `currency` (of every row), `exchange_rate` (reporting currency per unit),
    the money as the source has it (`revenue_in_currency`), and of orders `plan_rate` (missing where there is none). A table
    whose rows are all in the reporting currency is left as it was, without `currency`.

    Parameters
    ----------
    held : Held
        The tables, in the contract's types.
    reporting : Reporting
        What to convert into.
    """
    foreign = [name for name in VALUED if _names_currencies(held, name, reporting)]
    if not foreign:
        return
    rates = Rates(held.tables.get("exchange_rates"), reporting)
    latest = rates.latest(_last_day(held.tables))
    for name in foreign:
        _hold_known(held, name)
        converted = _converted(held.whole[name], VALUED[name], rates, _days(held, name, latest))
        held.whole[name], held.tables[name] = converted, converted.loc[held.tables[name].index]
        _hold_rates(held, name, rates, latest)


def with_rates_before(tables: Mapping[str, pd.DataFrame], reporting: Reporting, calendar: Calendar) -> dict:
    """Give the tables with the rate of the same day a year before beside each order, and each market, that was converted.

    Parameters
    ----------
    tables : mapping of DataFrame
        As `exchange` left them; a table that was not converted stays as it is.
    reporting : Reporting
        As `exchange` was given it.
    calendar : Calendar
        By which a day has one a year before.

    Returns
    -------
    dict
        The same tables; these with `rate_a_year_before` (reporting currency per unit; missing where it is not known).
    """
    held = dict(tables)
    for name in (n for n in ("orders", "market") if n in tables and RATE in tables[n]):
        days = calendar.year_before(tables[name][VALUED[name].day])
        found = Rates(tables.get("exchange_rates"), reporting).on(tables[name]["currency"], days)
        held[name] = tables[name].assign(**{RATE_BEFORE: found["day"].to_numpy()})
    return held


class Rates:
    """The rates of the table `exchange_rates` into one currency: given so, turned round, or by way of a third currency.

    A rate given for a currency goes before the inverse of one given the other way; only where a currency has neither, its rate is
    that into a third currency times that one's own.

    Parameters
    ----------
    table : DataFrame, optional
        currency, to_currency (empty for the reporting currency), valid_from, rate, kind ("day", where empty, or "plan").
    reporting : Reporting
        What the rates are into, and how many days a day's rate holds.
    """

    def __init__(self, table: pd.DataFrame | None, reporting: Reporting) -> None:
        self.reporting = reporting
        self._engine = duckdb.connect()
        given = NONE_GIVEN if table is None else table
        self._engine.register("exchange_rates", given)
        self.newest = given.loc[given["kind"].fillna("day").eq("day"), "valid_from"].max()
        for kind, days in (("day", reporting.rate_days), ("plan", WITHOUT_END)):
            wanted = {"reporting": reporting.currency, "kind": kind, "days": days}
            self._engine.register(f"{kind}_rates", self._engine.execute(KNOWN, wanted).df())

    def latest(self, last: pd.Timestamp) -> pd.Timestamp:
        """Give the day at whose rates what has no day of its own is valued: `last`, or the newest rate's where that is earlier."""
        return min((day for day in (last, self.newest) if pd.notna(day)), default=last)

    def on(self, currency: pd.Series, days: pd.Series) -> pd.DataFrame:
        """Give the rates of currencies on days: `day` and `plan`, missing where there is none; one row each, in their order."""
        asked = {"row": range(len(days)), "currency": currency.to_numpy(), "day": days.to_numpy()}
        self._engine.register("money", pd.DataFrame(asked))
        wanted = {"reporting": self.reporting.currency, "days": self.reporting.rate_days}
        return self._engine.execute(RATES, wanted).df().set_axis(days.index).astype("float64")

    def applied(self, money: pd.DataFrame, rates: pd.Series) -> pd.DataFrame:
        """Give columns of money times a rate each; missing where the rate is."""
        self._engine.register("original", money.astype("float64"))
        self._engine.register("rates", rates.to_frame("rate"))
        times = ", ".join(f'm."{column}" * r.rate AS "{column}"' for column in money)
        return self._engine.execute(CONVERTED.format(times)).df().set_axis(money.index)


NONE_GIVEN = pd.DataFrame(
    {
        "currency": pd.Series(dtype="str"),
        "to_currency": pd.Series(dtype="str"),
        "valid_from": pd.Series(dtype="datetime64[us]"),
        "rate": pd.Series(dtype="float64"),
        "kind": pd.Series(dtype="str"),
    }
)


def _names_currencies(held: Held, name: str, reporting: Reporting) -> bool:
    """Fill in the currency of each row of a table; tell whether there is another than the reporting one, else drop the column."""
    whole = held.whole.get(name)
    if whole is None or name not in held.tables:
        return False
    deals = held.whole.get("opportunities", pd.DataFrame())
    named = whole["currency"] if "currency" in whole else pd.Series(None, whole.index, dtype="str")
    if name == "opportunity_history" and "currency" in deals:
        named = named.fillna(whole["opportunity_id"].map(_by_deal(deals)["currency"]))
    codes = named.str.upper().fillna(reporting.currency)
    foreign = codes.ne(reporting.currency).any()
    for frames in (held.whole, held.tables):
        frame = frames[name].drop(columns="currency", errors="ignore")
        frames[name] = frame.assign(currency=codes.reindex(frame.index)) if foreign else frame
    return bool(foreign)


def _by_deal(deals: pd.DataFrame) -> pd.DataFrame:
    return deals.drop_duplicates("opportunity_id").set_index("opportunity_id")


def _last_day(tables: Mapping[str, pd.DataFrame]) -> pd.Timestamp:
    """Give the last day of an order or of a deal that was opened."""
    dated = (("orders", "order_date"), ("opportunities", "opened_on"))
    return pd.Series([tables[t][c].max() for t, c in dated if t in tables], dtype="datetime64[us]").max()


def _days(held: Held, name: str, latest: pd.Timestamp) -> pd.Series:
    """Give the day whose rate counts for each row: one that has not come, or of which nothing is known, counts as the latest."""
    frame, column = held.whole[name], VALUED[name].day
    if name == "opportunity_history":
        deals = held.whole.get("opportunities", pd.DataFrame({"opportunity_id": [], "closed_on": []}))
        days = frame["opportunity_id"].map(_by_deal(deals)["closed_on"])
    else:
        days = frame[column] if column else pd.Series(pd.NaT, frame.index)
    days = days.astype("datetime64[us]")
    return days if name == "orders" else days.where(days < latest, latest)


def _converted(frame: pd.DataFrame, how: Valued, rates: Rates, days: pd.Series) -> pd.DataFrame:
    found = rates.on(frame["currency"], days)
    rate = found["plan"].fillna(found["day"]) if how.plan else found["day"]
    money = frame[list(how.money)]
    beside = {RATE: rate} | ({} if how.plan or how.day != "order_date" else {PLAN_RATE: found["plan"]})
    return frame.assign(**rates.applied(money, rate), **beside, **money.add_suffix(ORIGINAL))


def hold_codes(held: Held, name: str, column: str) -> None:
    """Hold a column of currencies to being codes of ISO 4217."""
    frame = held.tables[name]
    codes = frame[column].str.upper()
    held.whole[name] = held.whole[name].assign(**{column: held.whole[name][column].str.upper()})
    held.tables[name] = frame.assign(**{column: codes})
    held.hold(
        name,
        "unknown_currency",
        Broken(
            codes.notna() & ~codes.isin(CODES),
            lambda row: (column, f"holds {said(frame.at[row, column])}, expected a code of ISO 4217 such as USD"),
            "write the code in the SELECT",
        ),
    )


def _hold_known(held: Held, name: str) -> None:
    hold_codes(held, name, "currency")


def _hold_rates(held: Held, name: str, rates: Rates, latest: pd.Timestamp) -> None:
    """Hold rows whose money has no rate to the rules, and note those that were converted."""
    frame, how = held.tables[name], VALUED[name]
    money = frame[[f"{column}{ORIGINAL}" for column in how.money]].notna().any(axis=1)
    lacks = frame[RATE].isna() & money
    days, into = _days(held, name, latest), rates.reporting

    def wrong(row: int) -> tuple[str, str]:
        code = frame.at[row, "currency"]
        reach = f"of {said(days[row])} or {into.rate_days} days before"
        return "currency", f"holds {said(code)}, and exchange_rates has no rate of {code} into {into.currency} {reach}"

    todo = "bring the rate, or say in source.yaml how long one holds (rate_days)"
    codes = ", ".join(sorted(frame.loc[lacks, "currency"].unique()))
    words = f"are in a currency without a rate of their day ({codes})"
    held.hold(name, "no_rate", Broken(lacks, wrong, todo, words=words))
    rows = frame["currency"].ne(into.currency) & frame[RATE].notna() & money
    if rows.any():
        held.note(name, "exchanged", rows, _how(frame.loc[rows, "currency"], how, rates, days), "")


def _how(currency: pd.Series, how: Valued, rates: Rates, days: pd.Series) -> str:
    """Say at which rates the money of some rows was converted."""
    *others, last = sorted(currency.unique())
    named = f"{', '.join(others)} and {last}" if others else last
    planned = how.plan & rates.on(currency, days[currency.index])["plan"].notna()
    if planned.all():
        return f"amounts in {named} are converted at the plan's rates"
    newest = "" if pd.isna(rates.newest) else f" (the newest is of {rates.newest.day} {rates.newest:%b %Y})"
    first = "at the plan's rates where there are any, else " if planned.any() else ""
    return f"amounts in {named} are converted {first}at the last rate known on {how.named}{newest}"
