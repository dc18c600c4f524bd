"""Which tables and columns may a workbook rely on?

The contract is one pandera schema per table. `check` holds a company's tables against it, makes the
types right, and names the first thing that is wrong in one sentence: table, column, row, value, what
was expected and what to do.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pa

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
    ("opportunities", "opened_on", "closed_on"),
    ("reps", "hired", "left_on"),
    ("quotas", "period_start", "period_end"),
    ("targets", "period_start", "period_end"),
    ("market", "period_start", "period_end"),
    ("competitors", "period_start", "period_end"),
    ("costs", "period_start", "period_end"),
    ("forecast_calls", "period_start", "period_end"),
    ("initiatives", "started_on", "ended_on"),
]
STATUSES = ["open", "won", "lost"]
TEXT, DAY, NUMBER = "str", "datetime64[us]", "float64"  # kept as metadata: pandera widens these names to others


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
            customer_id=_text("who bought", True),
            product_id=_text("what was bought", True),
            rep_id=_text("who sold it"),
            region=_text("sales region", True),
            channel=_text("way of selling"),
            quantity=_amount("units; negative for a return", True),
            list_amount=_amount("quantity at list price, reporting currency"),
            revenue=_amount("net of discount, reporting currency; negative for a return", True),
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
    )
}


def described() -> str:
    """Write the contract for people, in Markdown: each table with its columns, units, and what may be left out."""
    said = [
        "# The contract's tables",
        "",
        "A SELECT gives these columns. Bold ones are required; others may be left out, or empty.",
    ]
    for name, schema in TABLES.items():
        said += [
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
            said.append(f"| {column if spec.nullable else f'**{column}**'} | {kind} | {spec.description} |")
    return "\n".join(said) + "\n"


def empty(name: str) -> pd.DataFrame:
    """Give table `name` without a row, every column of the contract in its type."""
    return pd.DataFrame({c: pd.Series(dtype=spec.metadata["type"]) for c, spec in TABLES[name].columns.items()})


def check(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Hold a company's tables against the contract.

    Parameters
    ----------
    tables : dict of name to DataFrame
        As read from the source: any subset of the contract's tables, in any types that convert.

    Returns
    -------
    dict of name to DataFrame
        The same tables with the contract's columns, in its order and types; a column that may be null
        and was absent is all null.

    Raises
    ------
    ContractError
        Naming the first table, column, row and value that breaks a type, range, key, link or date order.
    """
    checked = {name: _typed(name, frame) for name, frame in tables.items()}
    for name, frame in checked.items():
        _check_ranges(name, frame)
        _check_key(name, frame)
        _check_periods(name, frame)
    for table, earlier, later in ORDERED:
        if table in checked:
            _check_order(checked[table], table, earlier, later)
    for table, column, home in LINKS:
        if table in checked:
            _check_link(checked, table, column, home)
    if "orders" in checked:
        _check_signs(checked["orders"])
    if "opportunities" in checked:
        _check_closed(checked["opportunities"])
    return checked


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
    """Where something is wrong: a row of a table, told by its number and its key."""

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


def _typed(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    if name not in TABLES:
        raise ContractError(f"table {name}: the contract has no such table; it has {', '.join(TABLES)}.")
    if frame.empty:
        raise ContractError(f"table {name}: it has no rows; leave its SELECT out of source.yaml or give it rows.")
    columns = {}
    for column, spec in TABLES[name].columns.items():
        if column in frame:
            columns[column] = _converted(name, frame, column, spec)
        elif spec.nullable:
            columns[column] = pd.Series(None, index=range(len(frame)), dtype=spec.metadata["type"])
        else:
            raise ContractError(
                f"table {name}: column {column} is missing ({spec.description}); "
                f"its SELECT in source.yaml gives {', '.join(map(str, frame.columns))}."
            )
    return pd.DataFrame(columns)


def _converted(name: str, frame: pd.DataFrame, column: str, spec: pa.Column) -> pd.Series:
    raw = frame[column].reset_index(drop=True)
    if spec.metadata["type"] == NUMBER:
        values, kind = pd.to_numeric(raw, errors="coerce").astype(NUMBER), "a number"
    elif spec.metadata["type"] == DAY:
        values, kind = _dates(raw), "a date (YYYY-MM-DD)"
    else:
        values, kind = raw.convert_dtypes().astype(TEXT), "text"
    lost = (values.isna() & raw.notna()).to_numpy().nonzero()[0]
    if len(lost):
        row = _odd(raw, lost, spec.metadata["type"])
        raise ContractError(
            f"table {name}: column {column}, {_Place(name, frame, row)} holds {str(raw.iloc[row])!r}, "
            f"expected {kind}; mend the source, convert it in the SELECT, or say how the file writes it under files."
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


def _dates(raw: pd.Series) -> pd.Series:
    """Convert dates; text must be ISO 8601, for nobody can tell whether 03.04.2026 is of March or of April."""
    written = "ISO8601" if raw.dtype == object or isinstance(raw.dtype, pd.StringDtype) else None
    days = pd.to_datetime(raw, errors="coerce", format=written)
    if getattr(days.dtype, "tz", None) is not None:
        days = days.dt.tz_localize(None)
    return days.dt.normalize().astype(DAY)


def _check_ranges(name: str, frame: pd.DataFrame) -> None:
    try:
        TABLES[name].validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        case = error.failure_cases.dropna(subset=["index"]).sort_values("index").iloc[0]
        row, column = int(case["index"]), case["column"]
        held = "nothing" if pd.isna(case["failure_case"]) else _said(case["failure_case"])
        expected = "a value" if case["check"] == "not_nullable" else case["check"]
        raise ContractError(
            f"table {name}: column {column}, {_Place(name, frame, row)} holds {held}, "
            f"expected {expected}; mend the source or leave the row out in the SELECT."
        ) from error


def _check_key(name: str, frame: pd.DataFrame) -> None:
    again = frame.duplicated(KEYS[name]).to_numpy().nonzero()[0]
    if len(again):
        raise ContractError(
            f"table {name}: {_Place(name, frame, int(again[0]))} has the same key as an earlier row, "
            f"expected one row per {', '.join(KEYS[name])}; look for a join that repeats rows."
        )


def _check_periods(name: str, frame: pd.DataFrame) -> None:
    if "period_end" not in frame or name == "forecast_calls":
        return
    others = [k for k in KEYS[name] if k != "period_start"]
    ordered = frame.sort_values([*others, "period_start"])
    before = ordered.groupby(others, dropna=False)["period_end"].shift()
    overlap = ordered.index[(before >= ordered["period_start"]).to_numpy()]
    if len(overlap):
        raise ContractError(
            f"table {name}: {_Place(name, frame, int(overlap[0]))} starts before the period ahead of it has ended, "
            f"expected periods that do not overlap per {', '.join(others)}; mend the source."
        )


def _check_order(frame: pd.DataFrame, table: str, earlier: str, later: str) -> None:
    wrong = (frame[later] < frame[earlier]).to_numpy().nonzero()[0]
    if len(wrong):
        row = int(wrong[0])
        raise ContractError(
            f"table {table}: column {later}, {_Place(table, frame, row)} holds {_said(frame[later].iloc[row])}, "
            f"expected {earlier} ({_said(frame[earlier].iloc[row])}) or later; mend the source."
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


def _check_signs(orders: pd.DataFrame) -> None:
    wrong = ((orders["quantity"] < 0) != (orders["revenue"] < 0)) & (orders["revenue"] != 0)
    rows = wrong.to_numpy().nonzero()[0]
    if len(rows):
        row = int(rows[0])
        raise ContractError(
            f"table orders: column revenue, {_Place('orders', orders, row)} holds {orders['revenue'].iloc[row]:g} with a "
            f"quantity of {orders['quantity'].iloc[row]:g}, expected both negative (a return) or neither; mend the source."
        )


def _check_closed(opportunities: pd.DataFrame) -> None:
    closed = opportunities["status"] != "open"
    rows = (closed != opportunities["closed_on"].notna()).to_numpy().nonzero()[0]
    if len(rows):
        row = int(rows[0])
        status = opportunities["status"].iloc[row]
        raise ContractError(
            f"table opportunities: column closed_on, {_Place('opportunities', opportunities, row)} holds "
            f"{_said(opportunities['closed_on'].iloc[row])} with status {status!r}, expected a date exactly where "
            f"a deal is won or lost; mend the source."
        )
