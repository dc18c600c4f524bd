"""Which tables and columns may a workbook rely on?

The contract is one pandera schema per table. `check` holds a company's tables against it, makes the
types right, and names each thing that is wrong in one sentence: table, column, row, value, what was
expected and what to do.
"""

from collections.abc import Callable, Iterable, Mapping

import pandas as pd
import pandera.pandas as pa

from quarterdeck.data import merges, remarks, splits
from quarterdeck.data.calendar import GREGORIAN, PUBLISHED, Calendar, of_table
from quarterdeck.data.convert import DAY, NUMBER, TEXT, advice, convert, maybe_written_otherwise
from quarterdeck.data.exchange import EURO, Reporting, exchange, hold_codes, with_rates_before
from quarterdeck.data.organisation import EVER, NEVER, WAY, Units, known, ways
from quarterdeck.data.remarks import Remark
from quarterdeck.data.rules import ASIDE, FOLLOWS, RULES, STOP, Broken, Held, Place, Rule, said, severity
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
    "deal_splits": ["opportunity_id", "rep_id", "credit"],
    "forecast_calls": ["called_on", "period_start", "region", "rep_id", "category"],
    "market": ["period_start", "region", "segment", "source"],
    "competitors": ["period_start", "region", "segment", "competitor"],
    "initiatives": ["initiative_id"],
    "costs": ["period_start", "region", "kind"],
    "exchange_rates": ["currency", "to_currency", "kind", "valid_from"],
    "calendar": ["period_start"],
    "merges": ["kind", "old_id"],
    "organisation": ["unit_id", "valid_from"],
    "assignments": ["kind", "id", "valid_from"],
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
    ("deal_splits", "opportunity_id", "opportunities"),
    ("deal_splits", "rep_id", "reps"),
    ("forecast_calls", "rep_id", "reps"),
    ("organisation", "parent_id", "organisation"),
    ("assignments", "unit_id", "organisation"),
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
    ("organisation", "valid_from", "valid_to"),
    ("assignments", "valid_from", "valid_to"),
]
STATUSES = ["open", "won", "lost"]
RATES, TREE = "exchange_rates", ("organisation", "assignments")
USED_UP = ("calendar", merges.TABLE, splits.TABLE)  # tables that `check` reads into others, and a desk holds as none
SET, VERSIONED = "recorded_on", ("quotas", "targets")  # tables whose figures may be set again, and the day on which


def _text(what: str, required: bool = False, **options) -> pa.Column:
    return pa.Column(TEXT, nullable=not required, description=what, metadata={"type": TEXT}, **options)


def _day(what: str, required: bool = False) -> pa.Column:
    return pa.Column(DAY, nullable=not required, description=what + ", a date", metadata={"type": DAY})


def _amount(what: str, required: bool = False, least: float | None = None, above: float | None = None) -> pa.Column:
    checks = [] if least is None else [pa.Check.ge(least, error=f"at least {least:g}")]
    checks += [] if above is None else [pa.Check.gt(above, error=f"more than {above:g}")]
    return pa.Column(NUMBER, checks=checks, nullable=not required, description=what, metadata={"type": NUMBER})


def _if_there(what: str) -> pa.Column:
    """Give a column of text that a table has only where the source gives it."""
    return pa.Column(TEXT, nullable=True, required=False, description=what, metadata={"type": TEXT})


def _ratio_if_there(what: str) -> pa.Column:
    """Give the column of a ratio that a table has only where the source gives it."""
    check = pa.Check.in_range(0, 1, error="a ratio from 0 to 1 (of per cents, divide by 100 in the SELECT)")
    return pa.Column(NUMBER, checks=check, nullable=True, required=False, description=what, metadata={"type": NUMBER})


def _of_crm() -> dict[str, pa.Column]:
    """Give the columns of what a CRM itself forecasts of a deal."""
    return {
        "probability": _ratio_if_there("chance to be won as the CRM has it, ratio"),
        "forecast_category": _if_there("forecast category as the CRM has it, such as commit"),
    }


def _deleted() -> pa.Column:
    """Give the column by which a source that keeps deleted rows says so."""
    checks = pa.Check.str_matches(merges.YES_OR_NO, error="true or false")
    what = "true where the source has deleted the row"
    return pa.Column(TEXT, checks=checks, nullable=True, required=False, description=what, metadata={"type": TEXT})


def _recorded() -> pa.Column:
    """Give the column of the day a figure was set, where several rows say what it was when."""
    what = "day it was set; of several rows for a period the last one set counts, a date"
    return pa.Column(DAY, nullable=True, required=False, description=what, metadata={"type": DAY})


def key(name: str, frame: pd.DataFrame) -> list[str]:
    """Give the columns that tell a table's rows apart: its key, and where there is one the day on which a figure was set.

    Parameters
    ----------
    name : str
        The table.
    frame : DataFrame
        Its rows, or those of an earlier snapshot: a column of the key that it lacks is left out.
    """
    return [column for column in (*KEYS[name], *((SET,) if name in VERSIONED else ())) if column in frame]


def _currency() -> dict[str, pa.Column]:
    """Give the column beside a table's money; a table has it only where the source names another currency than the company's."""
    return {"currency": _if_there("ISO 4217 code of the row's money, where that is not in the reporting currency")}


def _one_of(*words: str) -> pa.Check:
    return pa.Check.isin(words, error=f"one of {', '.join(words)}")


def _period() -> dict[str, pa.Column]:
    return {"period_start": _day("first day", True), "period_end": _day("last day", True)}


def _valid() -> dict[str, pa.Column]:
    return {"valid_from": _day("first day, empty for ever since"), "valid_to": _day("last day, empty for no end")}


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
            deleted=_deleted(),
            **_currency(),
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
            **_currency(),
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
            recorded_on=_recorded(),
            **_currency(),
        ),
        _schema(
            "targets",
            "a region's target for a period",
            region=_text("sales region", True),
            **_period(),
            revenue_target=_amount("revenue to reach, reporting currency", True, least=0),
            margin_target=_amount("gross margin to reach, reporting currency"),
            recorded_on=_recorded(),
            **_currency(),
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
            status=_text("open, won or lost", True, checks=_one_of(*STATUSES)),
            competitor=_text("main rival in the deal"),
            loss_reason=_text("why it was lost"),
            kind=_if_there("new, expansion, renewal, or another kind of deal"),
            pipeline=_if_there("which sales process, where there are several"),
            name=_if_there("what the deal is called"),
            next_step=_if_there("what is to be done next"),
            **_of_crm(),
            deleted=_deleted(),
            **_currency(),
        ),
        _schema(
            "opportunity_history",
            "a deal's state from a day on",
            opportunity_id=_text("deal number", True),
            changed_on=_day("from this day on", True),
            stage=_text("stage of the sale", True),
            status=_text("open, won or lost", True, checks=_one_of(*STATUSES)),
            amount=_amount("value, reporting currency", least=0),
            expected_close=_day("day it is expected to close"),
            rep_id=_text("owner"),
            **_of_crm(),
            **_currency(),
        ),
        _schema(
            "deal_splits",
            "a seller's credit for a deal, where several have some",
            opportunity_id=_text("deal number", True),
            rep_id=_text("who gets the credit", True),
            share=_amount("part of the deal, ratio; what the shares leave is the owner's", True, above=0),
            credit=_text("overlay for credit beside the deal's whole; empty or another word for a part of it"),
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
            **_currency(),
        ),
        _schema(
            "market",
            "the market's size in a period",
            **_period(),
            region=_text("sales region", True),
            segment=_text("vertical or industry", True),
            market_revenue=_amount("all sellers' revenue, reporting currency", True, least=0),
            source=_text("where the figure comes from"),
            **_currency(),
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
            **_currency(),
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
            **_currency(),
        ),
        _schema(
            "costs",
            "selling cost in a period",
            **_period(),
            region=_text("sales region", True),
            kind=_text("kind of cost", True),
            amount=_amount("money, reporting currency", True),
            **_currency(),
        ),
        _schema(
            "exchange_rates",
            "what one unit of a currency is in another from a day on",
            currency=_text("ISO 4217 code", True),
            valid_from=_day("first day", True),
            rate=_amount("how much of it one unit is", True, above=0),
            to_currency=_text("ISO 4217 code of what one unit is counted in, if not the reporting currency"),
            kind=_text("day for a rate of that day, where empty; plan for the plan's", checks=_one_of("day", "plan")),
        ),
        _schema(
            "calendar",
            "a month of the company's own calendar, in place of `calendar` in source.yaml",
            **_period(),
            fiscal_year=_amount("fiscal year, such as 2026", True),
            quarter=_amount("quarter of it, 1 to 4", True),
            month=_amount("month of it, 1 to 12", True),
        ),
        _schema(
            "merges",
            "a customer, deal or seller that was merged into another",
            kind=_text("customer, deal or seller", True, checks=_one_of(*merges.HOMES)),
            old_id=_text("number that was merged", True),
            surviving_id=_text("number that is left, or was merged in turn", True),
        ),
        _schema(
            "organisation",
            "a unit of the organisation, such as a sales region or a team, as it was from a day on",
            unit_id=_text("unit number", True),
            parent_id=_text("the unit above it; empty at the top"),
            name=_text("unit name", True),
            level=_text("what such a unit is called, such as area or team"),
            **_valid(),
        ),
        _schema(
            "assignments",
            "where an account or a seller belonged from a day on",
            kind=_text("account or rep", True, checks=_one_of("account", "rep")),
            id=_text("customer_id or rep_id", True),
            unit_id=_text("unit number", True),
            **_valid(),
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
        "Each row is held to rules. A rule that is broken stops the run, sets the row aside, or notes it. Rows set aside are kept",
        "out of every figure, counted, shown with their money on each page that reads the table, and stored in",
        f"`data/aside` of the run. Above `set_aside_limit` ({remarks.LIMIT:.0%}) of a table's rows or money the run stops;",
        "rows that fit no quarter, and those that the source merged or deleted, do not count toward it.",
        "`rules` in source.yaml changes how grave a rule is: `orphan: stop`, or `orders.orphan: stop` in one table.",
        "",
        "| rule | rows that | default | may be |",
        "| --- | --- | --- | --- |",
        *(_rule_row(name, rule) for name, rule in RULES.items()),
        "",
        "What is noted is read, but not as it stands. `check`, `run`, and each page that reads the table list it, and tables that",
        "reach beyond the day of the run.",
    ]


def _rule_row(name: str, rule: Rule) -> str:
    """Write a rule as a row of a table in Markdown."""
    apart = [
        f"{grave} in {_listed(t for t, g in rule.tables.items() if g == grave)}" for grave in {*rule.tables.values()}
    ]
    return f"| `{name}` | {rule.words} | {'; '.join([rule.severity, *apart])} | {' or '.join(rule.may)} |"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def empty(name: str) -> pd.DataFrame:
    """Give table `name` without a row, every column in its type that each company's has."""
    held = {c: spec for c, spec in TABLES[name].columns.items() if spec.required}
    return pd.DataFrame({c: pd.Series(dtype=spec.metadata["type"]) for c, spec in held.items()})


class Checked(dict):
    """Tables that hold to the contract, by name.

    Beside them: what is to be said of rows that are not read as they stood, rows set aside, and the company's calendar.
    """

    def __init__(
        self,
        tables: dict[str, pd.DataFrame],
        remarks: list[Remark],
        aside: Mapping[str, pd.DataFrame] | None = None,
        calendar: Calendar = GREGORIAN,
    ) -> None:
        super().__init__(tables)
        self.remarks, self.aside, self.calendar = remarks, aside or {}, calendar


def check(
    tables: dict[str, pd.DataFrame],
    limit: float = remarks.LIMIT,
    rules: Mapping[str, str] | None = None,
    calendar: Calendar = GREGORIAN,
    reporting: Reporting = EURO,
) -> Checked:
    """Hold a company's tables against the contract.

    Parameters
    ----------
    tables : dict of name to DataFrame
        As read from the source: any subset of the contract's tables, in any types that convert.
    limit : float
        Share of a table's rows or money up to which faulty rows are set aside.
    rules : mapping, optional
        Severities of rules that differ from those of `data/rules.py`, by rule or "table.rule".
    calendar : Calendar
        How days count to quarters; a table `calendar` goes before it.
    reporting : Reporting
        The currency into which money of other currencies is converted, and how long a rate holds.

    Returns
    -------
    Checked
        The same tables with the contract's columns, in its order and types; a column that may be null
        and was absent is all null. Money is in the reporting currency; where rows had another, the table has beside it what
        `exchange.exchange` and `exchange.with_rates_before` say. A table of which no row can be used is left out, and so is
        `calendar`, which becomes the attribute of that name. `remarks` says of which rows more is to be known; `aside` holds the
        rows that are set aside, as `rules.Held.set_aside` gives them. Every row of the others is in one of the two, whole or
        split by quarters.

    Raises
    ------
    ContractError
        Naming table, column, row and value of the first break of each rule; `remarks` has the counts.
    """
    held = Held(KEYS, limit, rules)
    for name, frame in tables.items():
        _take_up(held, name, frame)
    _organise(held)
    _exchange(held, reporting)
    _hold_gone(held)
    _hold_rows(held)
    _hold_orders_and_links(held)
    splits.hold_splits(held)
    held.too_many()
    for column, spellings in remarks.alike(held.tables):
        _hold_alike(held, column, spellings)
    if counts := _calendar(held, calendar):
        _hold_spans(held, counts)
    if held.faults:
        raise ContractError(*held.faults, remarks=held.remarks)
    left = {name: frame.reset_index(drop=True) for name, frame in _without_ways(held.tables).items() if len(frame)}
    left = with_rates_before(left, reporting, counts)
    return Checked(left, held.remarks, _without_ways(held.set_aside()), counts)


def _exchange(held: Held, reporting: Reporting) -> None:
    """Convert money of other currencies, by rates that have been held to the rules themselves."""
    if RATES in held.tables:
        for column in ("currency", "to_currency"):
            hold_codes(held, RATES, column)
        _hold_rows(held, [RATES])
    exchange(held, reporting)


def _hold_gone(held: Held) -> None:
    """Hold what the source has deleted, merged or opened again to the rules, before rows are held to them by themselves."""
    merges.hold_deleted(held)
    if merges.TABLE in held.tables:
        _hold_rows(held, [merges.TABLE])
        merges.hold_merges(held)
    merges.hold_reopened(held)


def _organise(held: Held) -> None:
    """Hold the tree of units to its rules, then put beside each row the way down to its unit, by which remarks are counted."""
    tree = [name for name in TREE if name in held.tables]
    _hold_rows(held, tree) if tree else None
    _hold_orders_and_links(held, tree)
    if TREE[0] in held.tables:
        held.hold(TREE[0], "circle", _circles(held.tables[TREE[0]]))
    elif TREE[1] in held.tables and TREE[0] not in held.whole:
        held.faults.append("table assignments: it names units, and there is no table organisation; bring it too.")
    if TREE[0] not in held.tables or held.faults:
        return
    units = Units(held.tables[TREE[0]], _last_day(held.tables))
    for frames in (held.whole, held.tables):
        for name, way in ways(frames, units, held.tables.get(TREE[1])).items():
            frames[name] = frames[name].assign(**{WAY: way})
    for name in (n for n in held.tables if WAY in held.tables[n]):
        held.hold(name, "no_unit", _of_no_unit(held.tables[name], units))


def _last_day(tables: Mapping[str, pd.DataFrame]) -> pd.Timestamp:
    """Give the last day of an order, or of a deal that was opened or closed; the beginning where there is none."""
    days = [tables[t][c].max() for t, c in DATED if t in tables]
    return pd.Series(days, dtype=DAY).max() if days else EVER


def _of_no_unit(frame: pd.DataFrame, units: Units) -> Broken:
    def wrong(row: int) -> tuple[str, str]:
        return "region", f"holds {said(frame.at[row, 'region'])}, expected a unit_id or name of table organisation"

    return Broken(frame[WAY].notna() & ~known(frame[WAY], units), wrong, "name a unit, or assign its account or seller")


def _without_ways(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: frame.drop(columns=WAY, errors="ignore") for name, frame in tables.items()}


def _circles(organisation: pd.DataFrame) -> Broken:
    """Find units that lie below themselves."""
    units = Units(organisation, organisation["valid_from"].max())
    found = {unit: way for unit in organisation["unit_id"].unique() if (way := units.circle(unit))}

    def wrong(row: int) -> tuple[str, str]:
        way = " in ".join(map(repr, found[organisation.at[row, "unit_id"]]))
        return "parent_id", f"puts a unit below itself ({way})"

    return Broken(organisation["unit_id"].isin([*found]), wrong, "give one of them another parent_id")


def _hold_rows(held: Held, names: Iterable[str] = ()) -> None:
    """Hold the rows of each table, by themselves and against each other, to the rules."""
    for name in names or [name for name in held.tables if name not in (RATES, *TREE)]:
        for rule, broken in FAULTS:
            held.hold(name, rule, broken(name, held.tables[name]))
        for rule, read in READ_AS.get(name, []):
            changed, rows = read(held.tables[name])
            held.hold(
                name, rule, Broken(rows, lambda _, words=RULES[rule].words: ("", f"is of those that {words}")), changed
            )
        for rule, broken in REPEATS:
            held.hold(name, rule, broken(name, held.tables[name]))


def _hold_orders_and_links(held: Held, names: Iterable[str] | None = None) -> None:
    """Hold the dates of a row, and what it names in other tables, to the rules."""
    known = held.tables.keys() if names is None else names
    for table, earlier, later in ORDERED:
        if table in known:
            held.hold(table, "date_order", _out_of_order(held.tables[table], earlier, later))
    for table, column, home in LINKS:
        if table in known and home in held.tables:
            held.hold(table, FOLLOWS, _following(held, table, column, home))
            held.hold(table, "orphan", _orphans(held, table, column, home))


def _hold_alike(held: Held, column: str, spellings: list) -> None:
    rule = "alike_regions" if column == "region" else "alike_names"
    (text, name, rows), (other, *_) = spellings[0], spellings[-1]
    if severity(rule, name, held.given) == STOP:
        held.faults.append(remarks.said_alike(held.tables, column, spellings))
        words, example = held.faults[-1].rstrip("."), ""
    else:
        words = f"names of {column} that are likely one are counted apart; if they are one, map them in the SELECT"
        example = f"{text!r}, where others hold {other!r}"  # apart, for names stay out of what pages repeat
    held.note(name, rule, rows, words, example)


def _calendar(held: Held, given: Calendar) -> Calendar | None:
    """Give the calendar that counts: a table goes before the one given; None where it is wrong, which is noted as a fault."""
    if "calendar" not in held.whole:
        return given
    table = held.tables.pop("calendar", None)
    if table is None or any(r.severity == STOP for r in held.remarks if r.table == "calendar"):
        return None
    try:
        return of_table(table).model_copy(update={"weekend": given.weekend, "country": given.country})
    except ContractError as error:
        held.faults.extend(error.faults)
    return None


def _hold_spans(held: Held, calendar: Calendar) -> None:
    """Hold spans to quarters: rows over more than one are split; and days to the table of fiscal months."""
    for name in (n for n in remarks.SPANS if n in held.tables):
        held.hold(name, "endless", _spanning(held, name, remarks.endless(held.tables[name]), "give it its last day"))
        frame, published = held.tables[name], name in ("market", "competitors")
        by = PUBLISHED if published else calendar
        rows = remarks.across_quarters(frame, by)
        split = _split(name, frame, rows, by) if rows.any() else frame
        rule = "across_calendar_quarters" if published else "across_quarters"
        held.hold(name, rule, _spanning(held, name, rows), split)
    if "forecast_calls" in held.tables:
        rows = remarks.no_quarter(held.tables["forecast_calls"], calendar)
        held.hold("forecast_calls", "no_quarter", _spanning(held, "forecast_calls", rows))
    for name in (n for n in dict(DATED) if n in held.tables and calendar.periods):
        held.hold(name, "beyond_calendar", _beyond(name, held.tables[name], calendar))


def _split(name: str, frame: pd.DataFrame, rows: pd.Series, calendar: Calendar) -> pd.DataFrame:
    """Give a table of which some rows are split over quarters; each part bears the label of its row."""
    parts = [frame[~rows], remarks.by_quarter(name, frame[rows], calendar)]
    return pd.concat([part for part in parts if len(part)])


def _spanning(held: Held, name: str, rows: pd.Series, todo: str = "give each quarter its row") -> Broken:
    def span(row: int) -> tuple[str, str]:
        first, last = held.whole[name].loc[row, ["period_start", "period_end"]]
        return "", f"runs from {said(first)} to {said(last)}, expected one quarter"

    return Broken(rows, span, todo)


def _beyond(name: str, frame: pd.DataFrame, calendar: Calendar) -> Broken:
    """Find rows of days that a table of fiscal months does not reach."""
    first, last = pd.Timestamp(calendar.periods[0][0]), pd.Timestamp(calendar.until)
    columns = [column for table, column in DATED if table == name]
    odd = pd.DataFrame({column: (frame[column] < first) | (frame[column] > last) for column in columns})

    def wrong(row: int) -> tuple[str, str]:
        column = odd.loc[row].idxmax()
        return column, f"holds {said(frame.at[row, column])}, expected a day of table calendar"

    return Broken(odd.any(axis=1), wrong, "give the calendar its months")


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
    place = Place(KEYS[table], tables[table].reset_index(drop=True), row)
    return f"table {table}: column {column}, {place} holds {said(days.iloc[row])}{more}"


def _take_up(held: Held, name: str, frame: pd.DataFrame) -> None:
    """Make a table's types right and take it up; not where one of its columns is missing or cannot be read."""
    if name not in TABLES:
        held.faults.append(f"table {name}: the contract has no such table; it has {', '.join(TABLES)}.")
        return
    if frame.empty:
        held.faults.append(f"table {name}: it has no rows; leave its SELECT out of source.yaml or give it rows.")
        return
    columns, before = {}, len(held.faults)
    for column, spec in TABLES[name].columns.items():
        if column in frame:
            columns[column] = convert(frame[column].reset_index(drop=True), spec.metadata["type"])
        elif not spec.required:
            continue
        elif spec.nullable:
            columns[column] = pd.Series(None, index=range(len(frame)), dtype=spec.metadata["type"])
        else:
            held.faults.append(
                f"table {name}: column {column} is missing ({spec.description}); "
                f"its SELECT in source.yaml gives {', '.join(map(str, frame.columns))}."
            )
    held.add(name, pd.DataFrame(columns))
    _hold_readable(held, name, frame)
    if len(held.faults) > before:
        del held.tables[name]
    else:
        _note_trimmed(held, name, frame)


def _hold_readable(held: Held, name: str, frame: pd.DataFrame) -> None:
    """Hold each value that was lost on the way to its type to the rules."""
    for column in (c for c in held.whole[name] if c in frame):
        raw, kind = frame[column].reset_index(drop=True), TABLES[name].columns[column].metadata["type"]
        lost = held.whole[name][column].isna() & raw.notna()
        if not lost.any():
            continue
        lost[lost] = raw[lost].astype(str).str.strip() != ""
        rule = "ambiguous" if _written_otherwise(raw[lost], kind) else "unreadable"
        if severity(rule, name, held.given) == ASIDE:  # a row is set aside once; what stops names each column
            lost = lost & lost.index.isin(held.tables[name].index)
        held.hold(name, rule, _lost(raw, lost, kind))


def _written_otherwise(lost: pd.Series, kind: str) -> bool:
    """Tell whether one of the values may be a good one that is written in another way: then the whole column may be."""
    values = pd.Series(lost.astype(str).unique(), name=lost.name)
    return any(maybe_written_otherwise(values, row, kind) for row in range(len(values)))


def _lost(raw: pd.Series, rows: pd.Series, kind: str) -> Broken:
    expected = {TEXT: "text", DAY: "a date (YYYY-MM-DD)", NUMBER: "a number"}[kind]
    first = _odd(raw[rows], kind) if rows.any() else 0
    return Broken(
        rows,
        lambda row: (raw.name, f"holds {str(raw[row])!r}, expected {expected}"),
        advice(raw, first, kind),
        first,
        f"hold {raw.name} in a way that cannot be read",
    )


def _odd(lost: pd.Series, kind: str) -> int:
    """Give the row to name: where the column is written as another country does, the first that is not even that."""
    text = lost.astype(str)
    if kind == NUMBER:
        read = pd.to_numeric(text.str.replace(".", "").str.replace(",", "."), errors="coerce")
    elif kind == DAY:
        read = pd.to_datetime(text, errors="coerce", dayfirst=True, format="mixed")
    else:
        return int(lost.index[0])
    odd = lost.index[read.isna()]
    return int(odd[0] if 0 < len(odd) < len(lost) else lost.index[0])


def _note_trimmed(held: Held, name: str, frame: pd.DataFrame) -> None:
    typed = held.whole[name]
    for column in (c for c in remarks.NAMES if c in frame and c in typed):
        raw = frame[column].reset_index(drop=True)
        odd = raw.map(lambda value: isinstance(value, str)) & typed[column].notna() & (raw != typed[column])
        if odd.any():
            example = f"{raw[odd].iloc[0]!r}, read as {typed.loc[odd, column].iloc[0]!r}"
            words = f"{column} is read without blanks at its ends, and in one form of Unicode"
            held.note(name, "trimmed", odd, words, example)


def _out_of_range(name: str, frame: pd.DataFrame) -> Broken:
    rows, cases = pd.Series(False, frame.index), pd.DataFrame()
    try:
        TABLES[name].validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.dropna(subset=["index"]).astype({"index": int}).drop_duplicates("index")
        cases = cases.set_index("index").sort_index()
        rows[cases.index] = True

    def wrong(row: int) -> tuple[str, str]:
        case = cases.loc[row]
        expected = "a value" if case["check"] == "not_nullable" else case["check"]
        return case["column"], f"holds {said(case['failure_case'])}, expected {expected}"

    return Broken(rows, wrong, "fix the source or leave the row out in the SELECT")


def _repeated_rows(name: str, frame: pd.DataFrame) -> Broken:
    rows = frame.duplicated(key(name, frame))
    if rows.any():
        rows = rows & frame.duplicated()
    return Broken(rows, lambda _: ("", "repeats an earlier row in all columns"), "look for a join that repeats rows")


def _repeated_keys(name: str, frame: pd.DataFrame) -> Broken:
    columns = key(name, frame)
    wrong = f"has the same key as an earlier row, expected one row per {', '.join(columns)}"
    return Broken(frame.duplicated(columns), lambda _: ("", wrong), "look for a join that repeats rows")


def _overlapping(name: str, frame: pd.DataFrame) -> Broken:
    first, last = ("valid_from", "valid_to") if name in TREE else ("period_start", "period_end")
    if last not in frame or name in ("forecast_calls", "calendar"):
        return Broken(pd.Series(False, frame.index), lambda _: ("", ""))
    others = [k for k in KEYS[name] if k != first]
    spans = frame.assign(row=frame.index, since=frame[first].fillna(EVER), until=frame[last].fillna(NEVER))
    ordered = spans[~replaced(name, frame)].sort_values([*others, "since"])
    ahead = ordered.groupby(others, dropna=False)[["row", "since", "until"]].shift()

    def wrong(row: int) -> tuple[str, str]:
        number, since, until = ahead.loc[row, ["row", "since", "until"]]
        span = f"row {int(number) + 1}, {said_end(since)} to {said_end(until)}"
        expected = f"expected periods that do not overlap per {', '.join(others)}"
        return "", f"starts before the period ahead of it ({span}) has ended, {expected}"

    overlap = ahead["until"] >= ordered["since"]
    return Broken(overlap.reindex(frame.index, fill_value=False), wrong)


def said_end(day: pd.Timestamp) -> str:
    """Write an end of a span for people; one that is not given is the beginning, or no end."""
    return {EVER: "the beginning", NEVER: "no end"}.get(day) or said(day)


def replaced(name: str, frame: pd.DataFrame) -> pd.Series:
    """Tell which rows of a table a later row replaces: one for the same, set on a later day.

    Parameters
    ----------
    name : str
        The table.
    frame : DataFrame
        Its rows; `recorded_on` where they say when they were set.

    Returns
    -------
    Series
        Bool, by the frame's index; a row without a day was set before all others.
    """
    if name not in VERSIONED or SET not in frame:
        return pd.Series(False, frame.index)
    ordered = frame.sort_values(SET, kind="stable", na_position="first")
    return ordered.duplicated(KEYS[name], keep="last").reindex(frame.index)


def _out_of_order(frame: pd.DataFrame, earlier: str, later: str) -> Broken:
    def wrong(row: int) -> tuple[str, str]:
        return (
            later,
            f"holds {said(frame.at[row, later])}, expected {earlier} ({said(frame.at[row, earlier])}) or later",
        )

    return Broken(frame[later] < frame[earlier], wrong, words=f"have {later} before {earlier}")


def _following(held: Held, table: str, column: str, home: str) -> Broken:
    frame, key = held.tables[table], KEYS[home][0]
    gone = set(held.gone(home)[key].dropna()) - set(held.tables[home][key])
    words = f"name a row of {home.replace('_', ' ')} that is set aside"
    named = f"which is set aside in table {home}"
    return Broken(
        frame[column].isin(gone),
        lambda row: (column, f"holds {said(frame.at[row, column])}, {named}"),
        words=words,
        home=home,
    )


def _orphans(held: Held, table: str, column: str, home: str) -> Broken:
    frame, key = held.tables[table], KEYS[home][0]
    expected = f"expected a {key} of table {home}"
    return Broken(
        frame[column].notna() & ~frame[column].isin(held.tables[home][key]),
        lambda row: (column, f"holds {said(frame.at[row, column])}, {expected}"),
        "add it there or map it in the SELECT",
        words=f"name a {column} that table {home} does not hold",
    )


def _odd_signs(name: str, frame: pd.DataFrame) -> Broken:
    if name != "orders":
        return Broken(pd.Series(False, frame.index), lambda _: ("", ""))

    def wrong(row: int) -> tuple[str, str]:
        revenue, quantity = frame.loc[row, ["revenue", "quantity"]]
        return "revenue", (
            f"holds {revenue:g} with a quantity of {quantity:g}, expected both negative (a return), or a quantity of zero or more"
        )

    return Broken((frame["quantity"] < 0) & (frame["revenue"] > 0), wrong)


def _oddly_closed(name: str, frame: pd.DataFrame) -> Broken:
    if name != "opportunities":
        return Broken(pd.Series(False, frame.index), lambda _: ("", ""))

    def wrong(row: int) -> tuple[str, str]:
        return "closed_on", (
            f"holds {said(frame.at[row, 'closed_on'])} with status {frame.at[row, 'status']!r}, expected a date exactly where "
            "a deal is won or lost"
        )

    return Broken((frame["status"] != "open") != frame["closed_on"].notna(), wrong)


def _replaced(name: str) -> Callable:
    return lambda frame: (frame, replaced(name, frame))


def _without_customer(orders: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    return orders, orders["customer_id"].isna()


def _repeated(orders: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    return orders, remarks.repeated(orders)


FAULTS = [("out_of_range", _out_of_range), ("odd_sign", _odd_signs), ("oddly_closed", _oddly_closed)]
REPEATS = [("repeated_row", _repeated_rows), ("repeated_key", _repeated_keys), ("overlap", _overlapping)]
READ_AS = {
    "orders": [
        ("credit", remarks.credits_alone),
        ("price_credit", remarks.price_credits),
        ("repeated_line", _repeated),
        ("no_customer", _without_customer),
    ],
    "opportunities": [("back_dated", remarks.back_dated)],
    **{name: [("replaced", _replaced(name))] for name in VERSIONED},
}
