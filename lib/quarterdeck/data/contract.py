"""Which tables and columns may a workbook rely on?

The contract is one pandera schema per table. `check` holds a company's tables against it, makes the
types right, and names each thing that is wrong in one sentence: table, column, row, value, what was
expected and what to do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa

from quarterdeck.data import remarks
from quarterdeck.data.calendar import GREGORIAN, PUBLISHED, Calendar, of_table
from quarterdeck.data.convert import DAY, NUMBER, TEXT, advice, convert
from quarterdeck.data.remarks import Remark
from quarterdeck.errors import ContractError

KEYS = {
    "orders": ["order_id", "line_no"],
    "customers": ["customer_id"],
    "products": ["product_id"],
    "reps": ["rep_id"],
    "quotas": ["rep_id", "period_start"],
    "targets": ["region", "period_start"],
    "opportunities": ["opportunity_id"],
    "opportunity_history": ["opportunity_id", "changed_on"],
    "forecast_calls": ["called_on", "period_start", "region", "rep_id", "category"],
    "market": ["period_start", "region", "segment", "source"],
    "competitors": ["period_start", "region", "segment", "competitor"],
    "initiatives": ["initiative_id"],
    "costs": ["period_start", "region", "kind"],
    "exchange_rates": ["currency", "valid_from"],
    "calendar": ["period_start"],
}
DATED = [("orders", "order_date"), ("opportunities", "opened_on"), ("opportunities", "closed_on")]  # what has come
LINKS = [  # (table, column, the table whose key it must be found in)
    ("orders", "customer_id", "customers"),
    ("orders", "product_id", "products"),
    ("orders", "rep_id", "reps"),
    ("orders", "initiative_id", "initiatives"),
    ("quotas", "rep_id", "reps"),
    ("opportunities", "customer_id", "customers"),
    ("opportunities", "product_id", "products"),
    ("opportunities", "rep_id", "reps"),
    ("opportunity_history", "opportunity_id", "opportunities"),
    ("opportunity_history", "rep_id", "reps"),
    ("forecast_calls", "rep_id", "reps"),
]
ORDERED = [  # (table, the earlier date, the later date)
    ("reps", "hired", "left_on"),
    ("quotas", "period_start", "period_end"),
    ("targets", "period_start", "period_end"),
    ("market", "period_start", "period_end"),
    ("competitors", "period_start", "period_end"),
    ("costs", "period_start", "period_end"),
    ("forecast_calls", "period_start", "period_end"),
    ("calendar", "period_start", "period_end"),
    ("initiatives", "started_on", "ended_on"),
]
STATUSES = ["open", "won", "lost"]


def _text(what: str, required: bool = False, **options) -> pa.Column:
    return pa.Column(TEXT, nullable=not required, description=what, metadata={"type": TEXT}, **options)


def _day(what: str, required: bool = False) -> pa.Column:
    return pa.Column(DAY, nullable=not required, description=what + ", a date", metadata={"type": DAY})


def _amount(what: str, required: bool = False, least: float | None = None) -> pa.Column:
    checks = [] if least is None else [pa.Check.ge(least, error=f"at least {least:g}")]
    return pa.Column(NUMBER, checks=checks, nullable=not required, description=what, metadata={"type": NUMBER})


def _period() -> dict[str, pa.Column]:
    return {"period_start": _day("first day", True), "period_end": _day("last day", True)}


def _schema(table: str, grain: str, /, **columns: pa.Column) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(columns, name=table, description=f"One row is {grain}.")


TABLES: dict[str, pa.DataFrameSchema] = {
    schema.name: schema
    for schema in (
        _schema(
            "orders",
            "an order line",
            order_id=_text("order number", True),
            line_no=_amount("line within the order", True),
            order_date=_day("day of the order", True),
            customer_id=_text("who bought, where known"),
            product_id=_text("what was bought", True),
            rep_id=_text("who sold it"),
            region=_text("sales region", True),
            channel=_text("way of selling"),
            quantity=_amount("units; negative for a return, zero for money alone (a price credit)", True),
            list_amount=_amount("quantity at list price, reporting currency"),
            revenue=_amount("net of discount, reporting currency; negative for a return or a credit", True),
            cost=_amount("cost of the goods, reporting currency"),
            initiative_id=_text("the initiative behind the order"),
        ),
        _schema(
            "customers",
            "an account",
            customer_id=_text("account number", True),
            name=_text("account name", True),
            region=_text("sales region", True),
            segment=_text("vertical or industry"),
            size=_amount("employees", least=0),
            since=_day("first day as a customer"),
        ),
        _schema(
            "products",
            "a product",
            product_id=_text("product number", True),
            name=_text("product name", True),
            category=_text("product category", True),
            list_price=_amount("list price per unit, reporting currency", least=0),
            unit_cost=_amount("cost per unit, reporting currency", least=0),
            launched=_day("first day on sale"),
        ),
        _schema(
            "reps",
            "a seller",
            rep_id=_text("seller number", True),
            name=_text("seller name", True),
            region=_text("sales region", True),
            manager=_text("who leads the seller"),
            hired=_day("first day"),
            left_on=_day("last day"),
        ),
        _schema(
            "quotas",
            "a rep's quota for a period",
            rep_id=_text("seller number", True),
            **_period(),
            quota=_amount("amount to win in the period, reporting currency", True, least=0),
        ),
        _schema(
            "targets",
            "a region's target for a period",
            region=_text("sales region", True),
            **_period(),
            revenue_target=_amount("revenue to reach, reporting currency", True, least=0),
            margin_target=_amount("gross margin to reach, reporting currency"),
        ),
        _schema(
            "opportunities",
            "a deal",
            opportunity_id=_text("deal number", True),
            customer_id=_text("account, where known"),
            rep_id=_text("owner", True),
            product_id=_text("main product"),
            region=_text("sales region", True),
            segment=_text("vertical or industry"),
            channel=_text("way of selling"),
            opened_on=_day("day opened", True),
            closed_on=_day("day won or lost"),
            expected_close=_day("day it is expected to close"),
            stage=_text("stage of the sale", True),
            amount=_amount("value, reporting currency", least=0),
            status=_text("open, won or lost", True, checks=pa.Check.isin(STATUSES, error="one of open, won, lost")),
            competitor=_text("main rival in the deal"),
            loss_reason=_text("why it was lost"),
        ),
        _schema(
            "opportunity_history",
            "a deal's state from a day on",
            opportunity_id=_text("deal number", True),
            changed_on=_day("from this day on", True),
            stage=_text("stage of the sale", True),
            status=_text("open, won or lost", True, checks=pa.Check.isin(STATUSES, error="one of open, won, lost")),
            amount=_amount("value, reporting currency", least=0),
            expected_close=_day("day it is expected to close"),
            rep_id=_text("owner"),
        ),
        _schema(
            "forecast_calls",
            "a number somebody committed to",
            called_on=_day("day of the call", True),
            **_period(),
            region=_text("sales region", True),
            rep_id=_text("who called it, where one person did"),
            category=_text("commit, best or pipeline", True),
            amount=_amount("the number called, reporting currency", True),
        ),
        _schema(
            "market",
            "the market's size in a period",
            **_period(),
            region=_text("sales region", True),
            segment=_text("vertical or industry", True),
            market_revenue=_amount("all sellers' revenue, reporting currency", True, least=0),
            source=_text("where the figure comes from"),
        ),
        _schema(
            "competitors",
            "a rival's sales in a period",
            **_period(),
            region=_text("sales region", True),
            segment=_text("vertical or industry", True),
            competitor=_text("the rival", True),
            revenue=_amount("its revenue, reporting currency", True, least=0),
            price_index=_amount("its price level, own = 100", least=0),
        ),
        _schema(
            "initiatives",
            "a sales initiative",
            initiative_id=_text("initiative number", True),
            name=_text("initiative name", True),
            kind=_text("campaign, price, launch, training or territory"),
            hypothesis=_text("what it was expected to do"),
            region=_text("where, if not everywhere"),
            segment=_text("for which segment, if not all"),
            channel=_text("in which channel, if not all"),
            category=_text("for which product category, if not all"),
            recorded_on=_day("day it was put on record, if before its first"),
            started_on=_day("first day", True),
            ended_on=_day("last day"),
            spend=_amount("money spent, reporting currency", least=0),
            read_on=_day("day the result is to be read"),
            minimum_effect=_amount("smallest effect of interest, ratio"),
        ),
        _schema(
            "costs",
            "selling cost in a period",
            **_period(),
            region=_text("sales region", True),
            kind=_text("kind of cost", True),
            amount=_amount("money, reporting currency", True),
        ),
        _schema(
            "exchange_rates",
            "reporting currency per unit of a currency",
            currency=_text("ISO 4217 code", True),
            valid_from=_day("first day", True),
            rate=_amount("reporting currency per unit", True, least=0),
        ),
        _schema(
            "calendar",
            "a month of the company's own calendar, in place of `calendar` in source.yaml",
            **_period(),
            fiscal_year=_amount("fiscal year, such as 2026", True),
            quarter=_amount("quarter of it, 1 to 4", True),
            month=_amount("month of it, 1 to 12", True),
        ),
    )
}


def described() -> str:
    """Write the contract for people, in Markdown: each table with its columns, units, and what may be left out."""
    lines = _introduction()
    for name, schema in TABLES.items():
        lines += [
            "",
            f"## {name}",
            "",
            f"{schema.description} Key: {', '.join(KEYS[name])}.",
            "",
            "| column | type | what it is |",
            "| --- | --- | --- |",
        ]
        for column, spec in schema.columns.items():
            kind = {TEXT: "text", DAY: "date", NUMBER: "number"}[spec.metadata["type"]]
            lines.append(f"| {column if spec.nullable else f'**{column}**'} | {kind} | {spec.description} |")
    return "\n".join(lines) + "\n"


def _introduction() -> list[str]:
    """Say how values are read, which rows are set aside, and what stops a run."""
    return [
        "# The contract's tables",
        "",
        "A SELECT gives these columns. Bold ones are required; others may be left out, or empty.",
        "",
        "Text is read as it is written, without blanks at its ends. A number has a point and no currency sign; none is infinite.",
        "A date is written year first (2026-07-01, 2026/07/01, 20260701). A moment counts for the day that its own offset gives,",
        "or the company's `timezone`. What can be read in two ways is refused; the refusal says how to make it clear.",
        "",
        f"Some rows of `{'` and `'.join(sorted(SET_ASIDE))}` are set aside: kept out of every figure, counted, and shown with",
        f"their money, up to `set_aside_limit` ({remarks.LIMIT:.0%}) of a table's rows or money. They are rows that:",
        "",
        *(f"- {rule}" for rule, _ in FAULTS),
        "",
        "Everything else that breaks the contract stops the run.",
        "",
        "What is read, but not as it stands, is listed by `check`, by `run`, and on each page that reads the table: credits,",
        "repeated rows, rows without a customer, names spelled in two ways, targets, quotas and costs over more than one",
        "quarter (split by days), and tables that reach beyond the day of the run.",
    ]


def empty(name: str) -> pd.DataFrame:
    """Give table `name` without a row, every column of the contract in its type."""
    return pd.DataFrame({c: pd.Series(dtype=spec.metadata["type"]) for c, spec in TABLES[name].columns.items()})


class Checked(dict):
    """Tables that hold to the contract, by name, what is to be said of rows that are not read as they stood, and the calendar."""

    def __init__(self, tables: dict[str, pd.DataFrame], remarks: list[Remark], calendar: Calendar = GREGORIAN) -> None:
        super().__init__(tables)
        self.remarks, self.calendar = remarks, calendar


def check(tables: dict[str, pd.DataFrame], limit: float = remarks.LIMIT, calendar: Calendar = GREGORIAN) -> Checked:
    """Hold a company's tables against the contract.

    Parameters
    ----------
    tables : dict of name to DataFrame
        As read from the source: any subset of the contract's tables, in any types that convert.
    limit : float
        Share of a table's rows or money up to which faulty orders and deals are set aside.
    calendar : Calendar
        How days count to quarters; a table `calendar` goes before it.

    Returns
    -------
    Checked
        The same tables with the contract's columns, in its order and types; a column that may be null
        and was absent is all null. A table of which no row can be used is left out, and so is `calendar`, which becomes
        the attribute of that name. `remarks` says of which rows more is to be known.

    Raises
    ------
    ContractError
        Naming table, column, row and value of the first break of each type, range, key, link or date order.
    """
    said, faults = [], Faults()
    typed = {name: _typed(name, frame, said, faults) for name, frame in tables.items()}
    checked = {name: frame for name, frame in typed.items() if frame is not None}
    for name, frame in checked.items():
        checked[name] = _settled(name, frame, limit, said, faults)
        faults.held(_check_key, name, checked[name])
        faults.held(_check_periods, name, checked[name])
        if name == "opportunities" and "opportunity_history" in checked:
            gone = set(frame["opportunity_id"]) - set(checked[name]["opportunity_id"])
            past = checked["opportunity_history"]
            checked["opportunity_history"] = past[~past["opportunity_id"].isin(gone)].reset_index(drop=True)
    for table, earlier, later in ORDERED:
        if table in checked:
            faults.held(_check_order, checked[table], table, earlier, later)
    for table, column, home in LINKS:
        if table in checked:
            faults.held(_check_link, checked, table, column, home)
    for column, spellings in remarks.alike(checked):
        faults.held(remarks.refuse_alike_regions, checked, column, spellings)
        said.append(_alike(checked, column, spellings))
    if faults:
        raise ContractError(*faults)
    calendar = of_table(checked.pop("calendar")) if "calendar" in checked else calendar
    for table in remarks.SPANS:
        if table in checked:
            checked[table] = _within_quarters(table, checked[table], calendar, said)
    said += [*_odd_spans(checked, calendar), *_beyond(checked, calendar)]
    return Checked({name: frame for name, frame in checked.items() if len(frame)}, said, calendar)


class Faults(list[str]):
    """What breaks the contract, a sentence each."""

    def held(self, hold: Callable[..., None], *what: object) -> None:
        """Hold something to a rule, and note how it breaks it."""
        try:
            hold(*what)
        except ContractError as error:
            self.extend(error.faults)


def _settled(name: str, frame: pd.DataFrame, limit: float, said: list[Remark], faults: Faults) -> pd.DataFrame:
    """Set faulty rows aside, note as a fault where there are too many of them, and read rows that need a word."""
    for rule, rows_of in FAULTS:
        rows, sentence = rows_of(name, frame)
        if not rows.any():
            continue
        if name not in SET_ASIDE:
            faults.append(f"{sentence}.")
        elif remarks.share(name, frame, rows) > limit:
            faults.append(f"{sentence} ({int(rows.sum()):,} of {len(frame):,} rows; set_aside_limit is {limit:.0%}).")
        else:
            words, example = f"rows that {rule} are set aside", _place(name, frame, rows)
            said.append(remarks.remark(name, frame, rows, "set aside", words, example))
        frame = frame[~rows].reset_index(drop=True)
    for words, read in READ_AS.get(name, []):
        changed, rows = read(frame)
        if rows.any():
            said.append(remarks.remark(name, frame, rows, "note", words, _place(name, frame, rows)))
            frame = changed
    return frame


def _within_quarters(name: str, frame: pd.DataFrame, calendar: Calendar, said: list[Remark]) -> pd.DataFrame:
    """Split what runs over more than one quarter by days, set aside what runs over years, and say both."""
    long = remarks.endless(frame)
    across = remarks.across_quarters(frame, calendar) & ~long
    if long.any():
        words = f"rows that run over more than {remarks.LONGEST} years fit no quarter and are not used; give each its last day"
        said.append(remarks.remark(name, frame, long, "set aside", words, _span(frame[long])))
    if not across.any():
        return frame[~long].reset_index(drop=True)
    words = "rows that run over more than one quarter are split between them by days"
    said.append(remarks.remark(name, frame, across, "note", words, _span(frame[across])))
    parts = [frame[~long & ~across], remarks.by_quarter(name, frame[across], calendar)]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def _odd_spans(tables: dict[str, pd.DataFrame], calendar: Calendar) -> Iterator[Remark]:
    """Note calls for spans that are no quarter, and market rows that lie in several."""
    if "forecast_calls" in tables:
        calls = tables["forecast_calls"]
        ends = calendar.end(calls["period_start"])
        odd = (calendar.start(calls["period_start"]) != calls["period_start"]) | (ends != calls["period_end"])
        words = "calls for spans that are no quarter of the company's calendar are held against no result"
        yield from [remarks.remark("forecast_calls", calls, odd, "note", words, _span(calls[odd]))] if odd.any() else []
    for name in (n for n in ("market", "competitors") if n in tables):
        odd = remarks.across_quarters(tables[name], PUBLISHED)
        words = "rows that run over more than one calendar quarter count for the one in which they begin"
        yield from (
            [remarks.remark(name, tables[name], odd, "note", words, _span(tables[name][odd]))] if odd.any() else []
        )


def _beyond(tables: dict[str, pd.DataFrame], calendar: Calendar) -> Iterator[Remark]:
    """Note rows of days that a table of fiscal months does not reach."""
    for name, column in ((t, c) for t, c in DATED if t in tables and calendar.periods):
        days = tables[name][column]
        odd = (days < pd.Timestamp(calendar.periods[0][0])) | (days > pd.Timestamp(calendar.until))
        if odd.any():
            words = f"rows whose {column} the table calendar does not reach are counted as if its years went on"
            example = _place(name, tables[name], odd)
            yield remarks.remark(name, tables[name], odd, "note", words, example)


def _span(frame: pd.DataFrame) -> str:
    first = frame.iloc[0]
    return f"{_said(first['period_start'])} to {_said(first['period_end'])}"


def _alike(tables: dict[str, pd.DataFrame], column: str, spellings: list) -> Remark:
    (text, name, held), (other, *_) = spellings[0], spellings[-1]
    rows = held.reindex(tables[name].index, fill_value=False)
    words = f"names of {column} that are likely one are counted apart; if they are one, map them in the SELECT"
    example = f"{text!r}, where others hold {other!r}"  # apart, for names stay out of what pages repeat
    return remarks.remark(name, tables[name], rows, "note", words, example)


def _place(name: str, frame: pd.DataFrame, rows: pd.Series) -> str:
    return str(_Place(name, frame, int(rows.to_numpy().argmax()))).partition("(")[2].rstrip(")")


def dated_after(tables: dict[str, pd.DataFrame], day: pd.Timestamp, dates: list[tuple[str, str]]) -> str:
    """Name the row with the latest date after a day, and how many such rows its column has; nothing where there is none.

    Parameters
    ----------
    tables : dict of name to DataFrame
        As `check` gives them, in the source's order of rows.
    dates : list of tuple
        Tables and columns to look at, such as DATED.
    """
    found = [(t, c, tables[t][c]) for t, c in dates if t in tables and (tables[t][c] > day).any()]
    if not found:
        return ""
    table, column, days = max(found, key=lambda f: f[2].max())
    row, count = int(days.fillna(day).to_numpy().argmax()), int((days > day).sum())
    more = f" (the latest of {count:,} such rows)" if count > 1 else ""
    return f"table {table}: column {column}, {_Place(table, tables[table], row)} holds {_said(days.iloc[row])}{more}"


@dataclass(frozen=True)
class _Place:
    """Where something is wrong: a row of a table, named by its number and its key."""

    table: str
    frame: pd.DataFrame
    row: int

    def __str__(self) -> str:
        key = [k for k in KEYS[self.table] if k in self.frame]
        parts = ", ".join(f"{k} {_said(self.frame[k].iloc[self.row])}" for k in key)
        return f"row {self.row + 1}" + (f" ({parts})" if parts else "")


def _said(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return f"{value:g}" if isinstance(value, float) else repr(str(value))


def _typed(name: str, frame: pd.DataFrame, said: list[Remark], faults: Faults) -> pd.DataFrame | None:
    """Make a table's types right; nothing where one of its columns cannot be read."""
    if name not in TABLES:
        faults.append(f"table {name}: the contract has no such table; it has {', '.join(TABLES)}.")
        return None
    if frame.empty:
        faults.append(f"table {name}: it has no rows; leave its SELECT out of source.yaml or give it rows.")
        return None
    columns, before = {}, len(faults)
    for column, spec in TABLES[name].columns.items():
        if column in frame:
            faults.held(lambda c=column, s=spec: columns.update({c: _converted(name, frame, c, s)}))
        elif spec.nullable:
            columns[column] = pd.Series(None, index=range(len(frame)), dtype=spec.metadata["type"])
        else:
            faults.append(
                f"table {name}: column {column} is missing ({spec.description}); "
                f"its SELECT in source.yaml gives {', '.join(map(str, frame.columns))}."
            )
    if len(faults) > before:
        return None
    typed = pd.DataFrame(columns)
    for column in (c for c in remarks.NAMES if c in frame and c in columns):
        raw = frame[column].reset_index(drop=True)
        odd = raw.map(lambda value: isinstance(value, str)) & typed[column].notna() & (raw != typed[column])
        if odd.any():
            example = f"{raw[odd].iloc[0]!r}, read as {typed.loc[odd, column].iloc[0]!r}"
            words = f"{column} is read without blanks at its ends, and in one form of Unicode"
            said.append(remarks.remark(name, typed, odd, "note", words, example))
    return typed


def _converted(name: str, frame: pd.DataFrame, column: str, spec: pa.Column) -> pd.Series:
    raw, kind = frame[column].reset_index(drop=True), spec.metadata["type"]
    values = convert(raw, kind)
    lost = (values.isna() & raw.notna() & (raw.astype(str).str.strip() != "")).to_numpy().nonzero()[0]
    if len(lost):
        row = _odd(raw, lost, kind)
        expected = {TEXT: "text", DAY: "a date (YYYY-MM-DD)", NUMBER: "a number"}[kind]
        raise ContractError(
            f"table {name}: column {column}, {_Place(name, frame, row)} holds {str(raw.iloc[row])!r}, "
            f"expected {expected}; {advice(raw, row, kind)}."
        )
    return values


def _odd(raw: pd.Series, lost: np.ndarray, kind: str) -> int:
    """Give the row to name: where the column is written as another country does, the first that is not even that."""
    text = raw.astype(str)
    if kind == NUMBER:
        read = pd.to_numeric(text.str.replace(".", "").str.replace(",", "."), errors="coerce")
    elif kind == DAY:
        read = pd.to_datetime(text, errors="coerce", dayfirst=True, format="mixed")
    else:
        return int(lost[0])
    odd = (read.isna() & raw.notna()).to_numpy().nonzero()[0]
    return int(odd[0] if 0 < len(odd) < len(lost) else lost[0])


def _out_of_range(name: str, frame: pd.DataFrame) -> tuple[pd.Series, str]:
    rows = pd.Series(False, frame.index)
    try:
        TABLES[name].validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.dropna(subset=["index"]).sort_values("index")
        rows[cases["index"].astype(int)] = True
        case = cases.iloc[0]
        held = "nothing" if pd.isna(case["failure_case"]) else _said(case["failure_case"])
        expected = "a value" if case["check"] == "not_nullable" else case["check"]
        return rows, (
            f"table {name}: column {case['column']}, {_Place(name, frame, int(case['index']))} holds {held}, "
            f"expected {expected}; fix the source or leave the row out in the SELECT"
        )
    return rows, ""


def _check_key(name: str, frame: pd.DataFrame) -> None:
    again = frame.duplicated(KEYS[name]).to_numpy().nonzero()[0]
    if len(again):
        raise ContractError(
            f"table {name}: {_Place(name, frame, int(again[0]))} has the same key as an earlier row, "
            f"expected one row per {', '.join(KEYS[name])}; look for a join that repeats rows."
        )


def _check_periods(name: str, frame: pd.DataFrame) -> None:
    if "period_end" not in frame or name in ("forecast_calls", "calendar"):
        return
    others = [k for k in KEYS[name] if k != "period_start"]
    ordered = frame.sort_values([*others, "period_start"])
    before = ordered.groupby(others, dropna=False)["period_end"].shift()
    overlap = ordered.index[(before >= ordered["period_start"]).to_numpy()]
    if len(overlap):
        raise ContractError(
            f"table {name}: {_Place(name, frame, int(overlap[0]))} starts before the period ahead of it has ended, "
            f"expected periods that do not overlap per {', '.join(others)}; fix the source."
        )


def _check_order(frame: pd.DataFrame, table: str, earlier: str, later: str) -> None:
    wrong = (frame[later] < frame[earlier]).to_numpy().nonzero()[0]
    if len(wrong):
        row = int(wrong[0])
        raise ContractError(
            f"table {table}: column {later}, {_Place(table, frame, row)} holds {_said(frame[later].iloc[row])}, "
            f"expected {earlier} ({_said(frame[earlier].iloc[row])}) or later; fix the source."
        )


def _check_link(tables: dict[str, pd.DataFrame], table: str, column: str, home: str) -> None:
    if home not in tables:
        return
    frame, key = tables[table], KEYS[home][0]
    orphan = (frame[column].notna() & ~frame[column].isin(tables[home][key])).to_numpy().nonzero()[0]
    if len(orphan):
        row = int(orphan[0])
        raise ContractError(
            f"table {table}: column {column}, {_Place(table, frame, row)} holds {_said(frame[column].iloc[row])}, "
            f"expected a {key} of table {home} ({len(orphan):,} such rows); add it there or map it in the SELECT."
        )


def _odd_signs(name: str, frame: pd.DataFrame) -> tuple[pd.Series, str]:
    if name != "orders":
        return pd.Series(False, frame.index), ""
    rows = (frame["quantity"] < 0) & (frame["revenue"] > 0)
    row = int(rows.to_numpy().argmax())
    return rows, (
        f"table orders: column revenue, {_Place(name, frame, row)} holds {frame['revenue'].iloc[row]:g} with a "
        f"quantity of {frame['quantity'].iloc[row]:g}, expected both negative (a return), or a quantity of zero or more; "
        "fix the source"
    )


def _oddly_closed(name: str, frame: pd.DataFrame) -> tuple[pd.Series, str]:
    if name != "opportunities":
        return pd.Series(False, frame.index), ""
    rows = (frame["status"] != "open") != frame["closed_on"].notna()
    row = int(rows.to_numpy().argmax())
    return rows, (
        f"table opportunities: column closed_on, {_Place(name, frame, row)} holds "
        f"{_said(frame['closed_on'].iloc[row])} with status {frame['status'].iloc[row]!r}, expected a date exactly where "
        f"a deal is won or lost; fix the source"
    )


def _without_customer(orders: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    return orders, orders["customer_id"].isna()


def _repeated(orders: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    return orders, remarks.repeated(orders)


SET_ASIDE = {"orders", "opportunities"}  # tables of which a faulty row says nothing of the others
FAULTS = [
    ("lack a value or hold one out of range", _out_of_range),
    ("have a negative quantity with positive revenue", _odd_signs),
    ("are closed without a day, or open with one", _oddly_closed),
]
READ_AS = {
    "orders": [
        ("credits (negative revenue with a positive quantity) are read as money without units", remarks.price_credits),
        (
            "rows repeat an earlier one in all columns but line_no; if the source repeats them, SELECT DISTINCT",
            _repeated,
        ),
        ("rows that name no customer are left out of what speaks of customers", _without_customer),
    ],
    "opportunities": [
        ("deals that closed before they were opened are read as opened on the day they closed", remarks.back_dated)
    ],
}
