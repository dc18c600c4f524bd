"""Which rows are not read as the source gives them, how many are there, and how much money is in them?

How grave it is to break a rule stands in `data/rules.py`. Here rows are found and counted, with their money, and a sentence is
made of them.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

import pandas as pd

from quarterdeck.data import COMPANY
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.organisation import WAY, among, depths

LIMIT = 0.02  # of a table's rows or money, up to which faulty rows are set aside
MONEY = {
    "orders": "revenue",
    "opportunities": "amount",
    "quotas": "quota",
    "targets": "revenue_target",
    "costs": "amount",
}
SPANS = {
    "targets": ["revenue_target", "margin_target"],
    "quotas": ["quota"],
    "costs": ["amount"],
    "market": ["market_revenue"],
    "competitors": ["revenue"],
}  # tables whose rows count for the quarter that they lie in, and their columns of money
LONGEST = 10  # years that such a row may run over
NAMES = [
    "region",
    "segment",
    "channel",
    "category",
    "competitor",
    "stage",
    "loss_reason",
    "kind",
    "pipeline",
    "forecast_category",
    "manager",
    "source",
]


@dataclass(frozen=True)
class Remark:
    """What is to be said of some rows of a table: how many there are, of how many, and how much money is in them."""

    table: str
    severity: str  # "stop", "set aside" or "note"
    said: str  # of which rows, and how they are read
    example: str
    parts: dict[str, list[float | None]] = field(default_factory=dict)  # by region: rows, of rows, money, of money
    rule: str = ""  # of data/rules.py
    everywhere: bool = False  # the table names no region, so it is said of all
    apart: dict[str, dict[str, float]] = field(default_factory=dict)  # by region and currency: money without a rate

    def of(self, region: str) -> list[float | None] | None:
        """Give a region's rows, of rows, money and of money; those of the company where the table names no region."""
        return self.parts.get(COMPANY if self.everywhere else region)

    def sentence(self, region: str = COMPANY, example: bool = True) -> str:
        """Say it of a region's rows, or of all; nothing where the region has none."""
        if not (counts := self.of(region)):
            return ""
        rows, of, money, whole = counts
        share = f", {100 * money / whole:.1f} % of all" if money is not None and 0 < money < whole else ""
        amount = f" ({MONEY[self.table].replace('_', ' ')} {money:,.2f}{share})" if money is not None else ""
        if without := self.apart.get(COMPANY if self.everywhere else region):
            sums = ", ".join(f"{v:,.2f} {code}" for code, v in sorted(without.items()))
            amount += f" ({MONEY[self.table].replace('_', ' ')} {sums})"
        such = f", such as {self.example}" if self.example and example else ""
        return f"{self.table.replace('_', ' ')}: {self.said}: {rows:,} of {of:,} rows{amount}{such}"


def remark(
    table: str, frame: pd.DataFrame, rows: pd.Series, severity: str, said: str, example: str = "", rule: str = ""
) -> Remark:
    """Count some rows of a table, and their money, by region.

    Parameters
    ----------
    table : str
        The table's name.
    frame : DataFrame
        All of its rows; `region` and the column of `MONEY` where it has them.
    rows : Series
        Bool: the rows that are meant; a row without a value here is not.
    severity, said, example, rule : str
        What the remark says of them, and the rule that they break.
    """
    rows = rows.reindex(frame.index, fill_value=False)
    parts, apart = {COMPANY: _counted(table, frame, rows)}, {COMPANY: _apart(table, frame[rows])}
    if "region" in frame:
        regions = frame[WAY if WAY in frame else "region"]
        for region in sorted(depths(regions[rows])):
            own = among(regions, region)
            parts[region], apart[region] = _counted(table, frame[own], rows), _apart(table, frame[rows & own])
    without = {region: sums for region, sums in apart.items() if sums}
    return Remark(table, severity, said, example, parts, rule, "region" not in frame, without)


def share(table: str, frame: pd.DataFrame, rows: pd.Series) -> float:
    """Give the share of some rows in a table: by count, or by money where that is more.

    Parameters
    ----------
    table : str
        Its name; of one that is not in `MONEY` rows alone are counted.
    frame : DataFrame
        All of its rows.
    rows : Series
        Bool: the rows that are meant.

    Returns
    -------
    float
        Between 0 and 1.
    """
    if table not in MONEY:
        return rows.mean()
    money = frame[MONEY[table]].abs()
    return max(rows.mean(), money[rows].sum() / (money.sum() or 1.0))


def price_credits(orders: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Read order lines of money alone: negative revenue with a positive quantity returns no goods, so it counts no units.

    Parameters
    ----------
    orders : DataFrame
        quantity, revenue, list_amount, cost.

    Returns
    -------
    tuple
        The orders with quantity, list_amount and cost 0 in such lines, and which lines they are (bool).
    """
    rows = (orders["quantity"] > 0) & (orders["revenue"] < 0)
    return _without_goods(orders, rows), rows


def credits_alone(orders: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Read order lines that give money back without a quantity: no goods, so no cost and no list price either.

    Parameters
    ----------
    orders : DataFrame
        quantity, revenue, list_amount, cost.

    Returns
    -------
    tuple
        The orders with list_amount and cost 0 in such lines, and which lines they are (bool).
    """
    rows = orders["quantity"].eq(0) & (orders["revenue"] < 0)
    return _without_goods(orders, rows), rows


def _without_goods(orders: pd.DataFrame, rows: pd.Series) -> pd.DataFrame:
    """Give orders in which some lines hold no units, no list amount and no cost, where the company knows these at all."""
    if not rows.any():
        return orders
    money = [column for column in ("list_amount", "cost") if orders[column].notna().any()]
    none = {column: orders[column].mask(rows & ~(orders[column] < 0), 0.0) for column in money}
    return orders.assign(quantity=orders["quantity"].mask(rows, 0.0), **none)


def back_dated(deals: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Read deals that were entered after they had closed: such a deal counts as opened on the day it closed.

    Parameters
    ----------
    deals : DataFrame
        opened_on, closed_on.

    Returns
    -------
    tuple
        The deals with opened_on moved to closed_on where it was later, and which deals they are (bool).
    """
    rows = deals["closed_on"] < deals["opened_on"]
    return deals.assign(opened_on=deals["opened_on"].mask(rows, deals["closed_on"])), rows


def repeated(orders: pd.DataFrame) -> pd.Series:
    """Tell which order lines repeat an earlier one in all columns but `line_no`.

    Returns
    -------
    Series
        Bool, by the frame's index.
    """
    return orders.duplicated([c for c in orders if c != "line_no"])


def across_quarters(frame: pd.DataFrame, calendar: Calendar = GREGORIAN) -> pd.Series:
    """Tell which rows span more than one quarter.

    Parameters
    ----------
    frame : DataFrame
        period_start, period_end.

    Returns
    -------
    Series
        Bool, by the frame's index.
    """
    return calendar.place(frame["period_start"]) != calendar.place(frame["period_end"])


def endless(frame: pd.DataFrame) -> pd.Series:
    """Tell which rows span more than ten years, such as those that end on 9999-12-31: they say nothing of a quarter.

    Parameters
    ----------
    frame : DataFrame
        period_start, period_end.

    Returns
    -------
    Series
        Bool, by the frame's index.
    """
    return frame["period_end"] > frame["period_start"] + pd.DateOffset(years=LONGEST)


def no_quarter(frame: pd.DataFrame, calendar: Calendar = GREGORIAN) -> pd.Series:
    """Tell which rows do not span a quarter from its first day to its last.

    Parameters
    ----------
    frame : DataFrame
        period_start, period_end.

    Returns
    -------
    Series
        Bool, by the frame's index.
    """
    first = frame["period_start"]
    return (calendar.start(first) != first) | (calendar.end(first) != frame["period_end"])


def by_quarter(name: str, frame: pd.DataFrame, calendar: Calendar = GREGORIAN) -> pd.DataFrame:
    """Split rows over quarters by days: each gets the part of the money that its days are of the row's.

    Parameters
    ----------
    name : str
        One of `SPANS`.
    frame : DataFrame
        period_start, period_end, and what else the table has; no row is `endless`.

    Returns
    -------
    DataFrame
        The same columns, each row within one quarter, labelled as the row that it is a part of; the money of a row's parts
        adds up to it.
    """
    ends = zip(frame["period_start"], frame["period_end"], strict=True)
    quarters = [list(calendar.between(first, last, "quarter")) for first, last in ends]
    parts = frame.assign(within=quarters, days=_days(frame)).explode("within")
    within = pd.to_datetime(parts.pop("within"))
    parts["period_start"] = parts["period_start"].where(parts["period_start"] > within, within)
    ended = calendar.end(within)
    parts["period_end"] = parts["period_end"].where(parts["period_end"] < ended, ended)
    share = _days(parts) / parts.pop("days")
    return parts.assign(**{column: parts[column] * share for column in SPANS[name]})[frame.columns]


def _days(frame: pd.DataFrame) -> pd.Series:
    return (frame["period_end"] - frame["period_start"]).dt.days + 1


def alike(tables: dict[str, pd.DataFrame]) -> Iterator[tuple[str, list[tuple[str, str, pd.Series]]]]:
    """Give names that are likely one: the column, and per spelling its text, its table and the rows that hold it.

    Two names are alike where only capitals, blanks within, or the way of writing a letter in Unicode tell them apart.
    """
    for column in NAMES:
        held = [(name, frame[column].dropna()) for name, frame in tables.items() if column in frame]
        spelled = {text for _, values in held for text in values.unique()}
        folded: dict[str, set[str]] = {}
        for text in spelled:
            folded.setdefault(" ".join(unicodedata.normalize("NFKC", text).casefold().split()), set()).add(text)
        for texts in (sorted(texts) for texts in folded.values() if len(texts) > 1):
            rows = [(text, *next((n, v == text) for n, v in held if (v == text).any())) for text in texts]
            yield column, sorted(rows, key=lambda spelling: spelling[2].sum())  # the usual one last


def said_alike(tables: dict[str, pd.DataFrame], column: str, spellings: list) -> str:
    """Say that two names are likely one.

    Parameters
    ----------
    tables : dict of DataFrame
        The tables of the contract, by name.
    column : str
        The column that holds both spellings.
    spellings : list
        As `alike` gives them.

    Returns
    -------
    str
        Both spellings, their rows and money, and how to write them alike.
    """
    said = []
    for text, table, rows in spellings:
        count, _, money, _ = _counted(table, tables[table], rows.reindex(tables[table].index, fill_value=False))
        amount = f", {MONEY[table].replace('_', ' ')} {money:,.2f}" if money is not None else ""
        said.append(f"{text!r} ({count:,} {'row' if count == 1 else 'rows'} of {table}{amount})")
    odd, usual = spellings[0][0], spellings[-1][0]
    return (
        f"column {column} holds {' and '.join(said)}, which are likely the same; write them alike in the SELECT, such as "
        f"CASE {column} WHEN '{odd}' THEN '{usual}' ELSE {column} END AS {column}."
    )


def _apart(table: str, rows: pd.DataFrame) -> dict[str, float]:
    """Add up by currency the money of rows that could not be converted (`exchange.exchange`)."""
    column = f"{MONEY.get(table)}_in_currency"
    if column not in rows:
        return {}
    without = rows[rows[MONEY[table]].isna() & rows[column].notna()]
    return {code: float(part.sum()) for code, part in without.groupby("currency")[column]}


def _counted(table: str, frame: pd.DataFrame, rows: pd.Series) -> list[float | None]:
    chosen = frame[rows.reindex(frame.index)]
    counts: list[float | None] = [len(chosen), len(frame)]
    if table not in MONEY or chosen[MONEY[table]].isna().all():
        return [*counts, None, None]
    return [*counts, float(chosen[MONEY[table]].sum()), float(frame[MONEY[table]].sum())]
