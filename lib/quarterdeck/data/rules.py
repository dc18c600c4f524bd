"""Which rules are a company's tables held to, how grave is it to break one, and where do the rows go that do?

A rule stops the run, sets rows aside, or notes them. `source.yaml` may change the severity of a rule, for all tables or for one.
Rows that are set aside are kept out of every figure, counted, and stored with the rule, the reason and their money.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from quarterdeck.data.remarks import LIMIT, LONGEST, MONEY, Remark, remark, share

STOP, ASIDE, NOTE = "stop", "set aside", "note"
EVENTS = dict.fromkeys(("orders", "opportunities"), ASIDE)  # tables of which a faulty row says nothing of the others
FOLLOWS = "follows"
BESIDE = ["row", "rule", "reason", "money"]  # columns that a row set aside has beside the contract's


@dataclass(frozen=True)
class Rule:
    """What rows must not be or hold, how grave it is, and how grave `source.yaml` may make it."""

    words: str  # which rows break it, after "rows that"
    severity: str
    may: tuple[str, ...]
    tables: Mapping[str, str] = field(default_factory=dict)  # the severity in some tables, where it differs
    noted: str = ""  # how rows that are noted are read
    counts: bool = True  # toward the share of a table that may be set aside; not where such rows are no fault


RULES = {
    "unreadable": Rule("hold a value that cannot be read", STOP, (STOP, ASIDE), EVENTS),
    "ambiguous": Rule("hold a value that is written in another way than the contract's", STOP, (STOP, ASIDE)),
    "trimmed": Rule("hold a name with blanks at its ends", NOTE, (NOTE,)),
    "out_of_range": Rule("lack a value or hold one out of range", STOP, (STOP, ASIDE), EVENTS),
    "unknown_currency": Rule("name a currency that is none", STOP, (STOP, ASIDE), EVENTS),
    "no_rate": Rule(
        "are in a currency without a rate of their day",
        ASIDE,
        (STOP, ASIDE, NOTE),
        {"products": NOTE},
        noted="money in a currency without a rate of its day is left empty",
    ),
    "exchanged": Rule(
        "are in another currency than the company's", NOTE, (NOTE,), noted="money in another currency is converted"
    ),
    "odd_sign": Rule("have a negative quantity with positive revenue", ASIDE, (STOP, ASIDE)),
    "oddly_closed": Rule("are closed without a day, or open with one", ASIDE, (STOP, ASIDE)),
    "repeated_row": Rule("repeat an earlier row in all columns", ASIDE, (STOP, ASIDE)),
    "repeated_key": Rule("have the same key as an earlier row", STOP, (STOP, ASIDE)),
    "repeated_line": Rule(
        "repeat an earlier row in all columns but line_no",
        NOTE,
        (STOP, ASIDE, NOTE),
        noted="rows repeat an earlier one in all columns but line_no; if the source repeats them, SELECT DISTINCT",
    ),
    "credit": Rule(
        "give money back without a quantity (a price credit or rebate)",
        NOTE,
        (STOP, ASIDE, NOTE),
        noted="credits without a quantity count in revenue and margin, not in units, prices, discounts, orders or buyers",
    ),
    "price_credit": Rule(
        "are credits (negative revenue with a positive quantity)",
        NOTE,
        (STOP, ASIDE, NOTE),
        noted="credits (negative revenue with a positive quantity) are read as money without units",
    ),
    "no_customer": Rule(
        "name no customer",
        NOTE,
        (STOP, ASIDE, NOTE),
        noted="rows that name no customer are left out of what speaks of customers",
    ),
    "back_dated": Rule(
        "closed before they were opened",
        NOTE,
        (STOP, ASIDE, NOTE),
        noted="deals that closed before they were opened are read as opened on the day they closed",
    ),
    "deleted": Rule(
        "the source has deleted",
        ASIDE,
        (ASIDE, NOTE),
        noted="rows that the source has deleted are read like all others",
        counts=False,
    ),
    "merged": Rule("were merged into another", ASIDE, (ASIDE,), counts=False),
    "names_merged": Rule(
        "name a customer or seller that was merged into another",
        NOTE,
        (NOTE,),
        noted="rows that name a customer or seller that was merged count for the one that is left",
    ),
    "merge_circle": Rule("merge in a circle", STOP, (STOP, ASIDE)),
    "reopened": Rule(
        "were closed and opened again",
        NOTE,
        (STOP, ASIDE, NOTE),
        noted="deals that were closed and opened again count once, as they stand; one that is open has no day of closing",
    ),
    "overlay": Rule(
        "are credited to sellers beside the shares of the deal (overlay)",
        NOTE,
        (NOTE,),
        noted="deals with overlay credit count once in sellers' bookings, by the other shares; the overlay is in no figure",
    ),
    "split_over": Rule(
        "have shares that add up to more than one",
        NOTE,
        (NOTE,),
        noted="deals whose shares add up to more than one count once: the shares are scaled",
    ),
    "replaced": Rule(
        "are replaced by a row that was set later",
        NOTE,
        (NOTE,),
        noted="rows that a row set later replaces count for the days before it alone",
    ),
    "overlap": Rule("start before the period ahead of them has ended", STOP, (STOP, ASIDE)),
    "date_order": Rule("end before they begin", STOP, (STOP, ASIDE)),
    "orphan": Rule(
        "name what its table does not hold",
        STOP,
        (STOP, ASIDE),
        EVENTS | dict.fromkeys(("opportunity_history", "deal_splits", "merges"), ASIDE),
    ),
    FOLLOWS: Rule("belong to a row that is set aside", ASIDE, (ASIDE,)),
    "alike_regions": Rule("hold a region in two spellings", STOP, (STOP, NOTE)),
    "alike_names": Rule("hold a name in two spellings", NOTE, (STOP, NOTE)),
    "circle": Rule("put a unit of the organisation below itself", STOP, (STOP,)),
    "no_unit": Rule(
        "name no unit of the organisation, and no assignment puts them in one",
        NOTE,
        (STOP, ASIDE, NOTE),
        noted="rows of no unit of the organisation count for the region that they name",
    ),
    "endless": Rule(f"run over more than {LONGEST} years and so fit no quarter", ASIDE, (STOP, ASIDE)),
    "across_quarters": Rule(
        "run over more than one quarter of the company's calendar",
        NOTE,
        (STOP, ASIDE, NOTE),
        noted="rows that run over more than one quarter are split between them by days",
    ),
    "no_quarter": Rule(
        "call a span that is no quarter of the company's calendar",
        NOTE,
        (STOP, ASIDE, NOTE),
        noted="calls for spans that are no quarter of the company's calendar are held against no result",
    ),
    "across_calendar_quarters": Rule(
        "tell of a market or rival over more than one calendar quarter",
        NOTE,
        (STOP, ASIDE, NOTE),
        noted="rows that run over more than one calendar quarter are split between them by days",
    ),
    "beyond_calendar": Rule(
        "hold a day that the table calendar does not reach",
        NOTE,
        (STOP, NOTE),
        noted="rows of days that the table calendar does not reach are counted as if its years went on",
    ),
}


def severity(rule: str, table: str, given: Mapping[str, str] | None = None) -> str:
    """Give how grave it is that a table breaks a rule: as `source.yaml` says of the table, or of the rule, else by default.

    >>> severity("orphan", "orders"), severity("orphan", "quotas")
    ('set aside', 'stop')
    >>> severity("orphan", "orders", {"orphan": "set aside", "orders.orphan": "stop"})
    'stop'
    """
    known, usual = given or {}, RULES[rule]
    return known.get(f"{table}.{rule}") or known.get(rule) or usual.tables.get(table, usual.severity)


def refuse_unknown_rules(given: Mapping[str, str], tables: list[str]) -> None:
    """Refuse what `rules` of source.yaml cannot mean.

    Raises
    ------
    ValueError
        With the name or the severity that is none, and those that there are.

    >>> refuse_unknown_rules({"orders.orphan": "note"}, ["orders"])
    Traceback (most recent call last):
    ValueError: orders.orphan holds 'note'; it may be stop or set aside
    """
    for name, grave in given.items():
        table, _, rule = name.rpartition(".")
        if rule not in RULES or (table and table not in tables):
            raise ValueError(f"there is no rule {name!r}; there are {', '.join(RULES)}, and each as TABLE.RULE")
        if grave not in RULES[rule].may:
            raise ValueError(f"{name} holds {grave!r}; it may be {' or '.join(RULES[rule].may)}")


@dataclass(frozen=True)
class Broken:
    """Rows of a table that break a rule.

    `said` gives of a row, by its label, the column that is wrong (or "") and what is wrong with it.
    """

    rows: pd.Series  # bool, by the labels of the table's rows
    said: Callable[[int], tuple[str, str]]
    todo: str = "fix the source"
    first: int | None = None  # the row to name, where it is not the first
    words: str = ""  # which rows they are, where that is more than the rule says
    home: str = ""  # the table whose row is set aside, where the rows follow it

    def named(self) -> int:
        """Give the label of the row to name."""
        return int(self.rows.idxmax()) if self.first is None else self.first

    def reason(self, row: int) -> str:
        """Say of a row what is wrong with it."""
        return " ".join(filter(None, self.said(row)))


@dataclass(frozen=True)
class Place:
    """Where something is wrong: a row of a table, named by its number in the SELECT and its key."""

    key: list[str]
    frame: pd.DataFrame
    row: int

    def named(self) -> str:
        """Name the row's key."""
        return ", ".join(f"{k} {said(self.frame.at[self.row, k])}" for k in self.key if k in self.frame)

    def __str__(self) -> str:
        return f"row {self.row + 1}" + (f" ({parts})" if (parts := self.named()) else "")


def said(value: object) -> str:
    """Write a value of a table for people."""
    if pd.isna(value):
        return "nothing"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return f"{value:g}" if isinstance(value, float) else repr(str(value))


class Held:
    """Tables while they are held to the rules.

    Parameters
    ----------
    keys : mapping
        Per table, the columns of its key.
    limit : float
        Share of a table's rows or money up to which rows are set aside.
    given : mapping
        The severities that `source.yaml` sets.
    """

    def __init__(
        self, keys: Mapping[str, list[str]], limit: float = LIMIT, given: Mapping[str, str] | None = None
    ) -> None:
        self.keys, self.limit, self.given = keys, limit, given or {}
        self.whole: dict[str, pd.DataFrame] = {}  # all rows, labelled by their place in the SELECT's answer
        self.tables: dict[str, pd.DataFrame] = {}  # those that are not set aside
        self.faults: list[str] = []
        self.remarks: list[Remark] = []
        self._aside: list[tuple[str, str, Broken, int]] = []  # with the place of its remark

    def add(self, name: str, frame: pd.DataFrame) -> None:
        """Take up a table, in the contract's columns and types, its rows numbered from 0."""
        self.whole[name] = self.tables[name] = frame

    def place(self, name: str, row: int) -> Place:
        """Give the place of a row by its label."""
        return Place(self.keys[name], self.whole[name], row)

    def hold(self, name: str, rule: str, broken: Broken, read: pd.DataFrame | None = None) -> str:
        """Do with rows that break a rule what its severity says.

        Parameters
        ----------
        name, rule : str
            The table, and a rule of RULES.
        broken : Broken
            The rows.
        read : DataFrame, optional
            The table as it is read where such rows are noted.

        Returns
        -------
        str
            The severity; empty where no row breaks the rule.
        """
        if not broken.rows.any():
            return ""
        grave = severity(rule, name, self.given)
        if grave == STOP:
            self.faults.append(self._sentence(name, broken))
        elif grave == ASIDE:
            self._aside.append((name, rule, broken, len(self.remarks)))
        if grave == NOTE:
            self.tables[name] = self.tables[name] if read is None else read
        else:  # rows that stop the run are taken out as well, so that no other rule names them again
            self.tables[name] = self.tables[name].drop(broken.rows.index[broken.rows], errors="ignore")
        self.remarks.append(self._remark(name, rule, grave, broken))
        return grave

    def note(self, name: str, rule: str, rows: pd.Series, words: str, example: str) -> None:
        """Note rows that are read, but not as they stand."""
        self.remarks.append(
            remark(name, self.whole[name], rows, severity(rule, name, self.given), words, example, rule)
        )

    def too_many(self) -> None:
        """Note as a fault each rule by which more rows of a table were set aside than the limit lets pass."""
        stopped = {r.table for r in self.remarks if r.severity == STOP}
        for name in self.whole:
            own = [a for a in self._aside if a[0] == name and (not a[2].home or name in MONEY)]
            own = [a for a in own if a[2].home not in stopped and RULES[a[1]].counts]
            labels = [a[2].rows.index[a[2].rows] for a in own]
            rows = pd.Series(False, self.whole[name].index)
            for found in labels:
                rows[found] = True
            if not rows.any() or share(name, self.whole[name], rows) <= self.limit:
                continue
            stopped.add(name)
            for _, _, broken, at in own:
                self.faults.append(self._sentence(name, broken, int(rows.sum())))
                self.remarks[at] = replace(self.remarks[at], severity=STOP, said=self.faults[-1].rstrip("."))

    def set_aside(self) -> dict[str, pd.DataFrame]:
        """Give the rows that were set aside, by table.

        Returns
        -------
        dict of DataFrame
            The contract's columns, and `row` (its number in the SELECT's answer, from 1), `rule`, `reason`, `money` (in the
            company's currency; missing where the table has none or it cannot be read).
        """
        found: dict[str, list[pd.DataFrame]] = {}
        for name, rule, broken, _ in self._aside:
            rows = self.whole[name].loc[broken.rows.index[broken.rows]]
            reasons = pd.Series([broken.reason(row) for row in rows.index], rows.index, dtype="str")
            money = rows[MONEY[name]] if name in MONEY else pd.Series(float("nan"), rows.index)
            beside = zip(BESIDE, (rows.index + 1, rule, reasons, money), strict=True)
            found.setdefault(name, []).append(rows.assign(**dict(beside)))
        return {name: pd.concat(parts).sort_values("row").reset_index(drop=True) for name, parts in found.items()}

    def gone(self, name: str) -> pd.DataFrame:
        """Give the rows of a table that are no longer in it."""
        return self.whole[name].drop(self.tables[name].index)

    def _sentence(self, name: str, broken: Broken, of_table: int = 0) -> str:
        row, count = broken.named(), int(broken.rows.sum())
        column, wrong = broken.said(row)
        where = f"table {name}: {f'column {column}, ' if column else ''}{self.place(name, row)}"
        more = f" ({count:,} such rows)" if count > 1 else ""
        if of_table:
            all_of = f", {of_table:,} with those of other rules" if of_table > count else ""
            more = f" ({count:,} of {len(self.whole[name]):,} rows{all_of}; set_aside_limit is {self.limit:.0%})"
        return f"{where} {wrong}; {broken.todo}{more}."

    def _remark(self, name: str, rule: str, grave: str, broken: Broken) -> Remark:
        words = broken.words or RULES[rule].words
        if grave == STOP:
            text, example = self.faults[-1].rstrip("."), ""
        else:
            text = RULES[rule].noted if grave == NOTE else f"rows that {words} are set aside"
            example = self.place(name, broken.named()).named()
        return remark(name, self.whole[name], broken.rows, grave, text, example, rule)


def counted(aside: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, dict]]:
    """Count the rows that were set aside.

    Parameters
    ----------
    aside : mapping of DataFrame
        As `Held.set_aside` gives them.

    Returns
    -------
    dict
        By table and rule, `rows` and `money` (None where it is not known).
    """
    return {
        name: {
            rule: {"rows": len(rows), "money": None if rows["money"].isna().all() else float(rows["money"].sum())}
            for rule, rows in frame.groupby("rule")
        }
        for name, frame in aside.items()
    }
