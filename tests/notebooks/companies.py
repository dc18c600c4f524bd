"""Which companies may come? The demo company cut small, and what a variant takes away from it or does to it."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator

import pandas as pd

from quarterdeck import analysis
from quarterdeck.data import contract, demo
from quarterdeck.data.snapshot import DESKS

Company = dict[str, pd.DataFrame]
Change = Callable[[Company], Company]

SHOWN = "Baltic"  # the region that pages are made of; variants of one region speak of it
FIRST, LAST = pd.Timestamp("2023-07-01"), pd.Timestamp("2026-11-15")
EITHER = ("orders", "opportunities")  # one of them there must be
EVENTS = {"orders": "order_date", "opportunities": "opened_on", "opportunity_history": "changed_on"}
SPANS = dict.fromkeys(("targets", "quotas", "market", "competitors", "costs", "forecast_calls"), "period_end")
MONEY = {
    "orders": ["revenue", "list_amount", "cost"],
    "products": ["list_price", "unit_cost"],
    "quotas": ["quota"],
    "targets": ["revenue_target", "margin_target"],
    "opportunities": ["amount"],
    "opportunity_history": ["amount"],
    "forecast_calls": ["amount"],
    "market": ["market_revenue"],
    "competitors": ["revenue"],
    "initiatives": ["spend"],
    "costs": ["amount"],
}
DEALS = ("opportunities", "opportunity_history", "forecast_calls", "quotas")
PLANS = ("reps", "targets", "market", "competitors", "initiatives", "costs", "exchange_rates")


def small() -> Company:
    """Give three regions of a fiftieth of the demo company, of a little more than three years."""
    tables = contract.check(demo.generate(7, 0.02, f"{LAST:%Y-%m-%d}")[0])
    return chain(only("North Sea", SHOWN, "Adriatic"), since(FIRST))(tables)


def figures() -> Iterator[Callable]:
    """Give the public functions of `analysis` that need tables of the contract and what the desk knows, and nothing else."""
    for module in pkgutil.walk_packages(analysis.__path__, "quarterdeck.analysis."):
        for name, function in list(vars(importlib.import_module(module.name)).items()):
            if inspect.isfunction(function) and not name.startswith("_") and function.__module__ == module.name:
                takes = inspect.signature(function).parameters
                needs = {p for p, spec in takes.items() if spec.default is spec.empty}
                if {*takes} & {*contract.TABLES} and needs <= {*contract.TABLES, *DESKS}:
                    yield function


def linked(tables: Company) -> Company:
    """Leave out rows that lead to a row that is gone, and tables without a row."""
    for table, column, home in contract.LINKS:
        if {table, home} <= set(tables):
            frame, key = tables[table], contract.KEYS[home][0]
            tables = tables | {table: frame[frame[column].isna() | frame[column].isin(tables[home][key])]}
    return {name: frame.reset_index(drop=True) for name, frame in tables.items() if len(frame)}


def chain(*changes: Change) -> Change:
    def changed(tables: Company) -> Company:
        for change in changes:
            tables = change(tables)
        return tables

    return changed


def without(*names: str) -> Change:
    return lambda tables: {k: v for k, v in tables.items() if k not in names}


def where(table: str, part: Callable[[pd.DataFrame], pd.Series]) -> Change:
    """Keep the rows of a table of which `part` holds, and what they lead to."""
    return lambda tables: linked(tables | {table: tables[table][part(tables[table])]}) if table in tables else tables


def put(table: str, **values) -> Change:
    """Put values, or what functions of the frame give, into columns of a table."""
    return lambda tables: tables | {table: tables[table].assign(**values)} if table in tables else tables


def void(table: str, *columns: str) -> Change:
    """Leave columns of a table empty, in their types."""
    kinds = {c: contract.TABLES[table].columns[c].metadata["type"] for c in columns}
    return put(table, **{c: lambda f, k=k: pd.Series(None, f.index, dtype=k) for c, k in kinds.items()})


def optional(table: str) -> list[str]:
    """Name the columns of a table that may be empty whatever the row."""
    return [c for c, spec in contract.TABLES[table].columns.items() if spec.nullable and c != "closed_on"]


def only(*regions: str) -> Change:
    def change(tables: Company) -> Company:
        own = {k: v[v["region"].isin(regions)] for k, v in tables.items() if "region" in v and k != "initiatives"}
        return linked(tables | own)

    return change


def since(first: pd.Timestamp, *names: str) -> Change:
    """Keep what is dated from a day on (of deals, those opened from then on)."""
    spans = {k: c for k, c in (EVENTS | SPANS).items() if not names or k in names}
    return chain(*(where(table, lambda f, c=column: f[c] >= first) for table, column in spans.items()))


def away(first: pd.Timestamp, last: pd.Timestamp) -> Change:
    """Take away the shown region's orders and deals of a span."""

    def outside(column: str) -> Callable:
        return lambda f: ~(f["region"].eq(SHOWN) & f[column].between(first, last))

    dated = [("orders", "order_date"), ("opportunities", "opened_on"), ("opportunities", "closed_on")]
    return chain(*(where(table, outside(column)) for table, column in dated))


def last_rows(table: str, n: int = 1) -> Change:
    """Keep the last rows of a table, of the shown region where it has some."""

    def part(frame: pd.DataFrame) -> pd.Series:
        own = frame["region"].eq(SHOWN) if "region" in frame else pd.Series(True, frame.index)
        rows = frame[own] if own.any() else frame
        return pd.Series(frame.index.isin(rows.tail(n).index), frame.index)

    return where(table, part)


def times(factor: float) -> Change:
    return chain(*(put(t, **{c: lambda f, c=c: f[c] * factor for c in columns}) for t, columns in MONEY.items()))


def flat(tables: Company) -> Company:
    """One order a month and region, of the same amount."""
    orders = tables["orders"]
    first = orders.groupby([orders["region"], orders["order_date"].dt.to_period("M")]).head(1).reset_index(drop=True)
    return tables | {"orders": first.assign(quantity=1.0, revenue=1000.0, list_amount=1100.0, cost=600.0)}


def monthly(tables: Company) -> Company:
    """Orders are sums of a month, dated on its first day."""
    day = tables["orders"]["order_date"].dt.to_period("M").dt.start_time.astype(contract.DAY)
    return put("orders", order_date=day)(tables)


def ended(status: str) -> Change:
    """Let all deals that closed end alike."""

    def other(frame: pd.DataFrame) -> pd.Series:
        return frame["status"].where(frame["status"].eq("open"), status)

    return chain(put("opportunities", status=other), put("opportunity_history", status=other))


def no_loss(tables: Company) -> Company:
    """Nobody closes a deal that is lost, and open ones have no amount."""
    lost = tables["opportunities"]["status"].eq("lost")
    return chain(
        where("opportunity_history", lambda f: f["status"].ne("lost")),
        put(
            "opportunities",
            status=lambda f: f["status"].mask(lost, "open"),
            closed_on=lambda f: f["closed_on"].mask(lost),
        ),
        put("opportunities", amount=lambda f: f["amount"].where(f["status"].eq("won"))),
        void("opportunities", "loss_reason"),
    )(tables)


def one_day(tables: Company) -> Company:
    once = tables["opportunity_history"].drop_duplicates("opportunity_id", keep="last").assign(changed_on=LAST)
    deals = put("opportunities", opened_on=LAST, closed_on=lambda f: f["closed_on"].where(f["closed_on"].isna(), LAST))
    return chain(put("orders", order_date=LAST), deals)(tables) | {"opportunity_history": once}


def back(**span: int) -> pd.Timestamp:
    return LAST - pd.DateOffset(**span)


def long_ago(table: str) -> Change:
    return where(table, lambda f: f["period_end"] < back(years=2))


def shapes() -> dict[str, Change]:
    """What may be unusual about a company, by name."""
    return lengths() | parts() | amounts() | ones()


def lengths() -> dict[str, Change]:
    """A past that is short, or begins or ends earlier for some."""
    return {
        "three weeks": since(back(days=20)),
        "three weeks of orders alone": chain(without(*DEALS, *PLANS), since(back(days=20))),
        "no whole quarter": since(pd.Timestamp("2026-08-10")),
        "one whole quarter": since(pd.Timestamp("2026-07-01")),
        "seven months": since(back(months=7)),
        "thirteen months": since(back(months=13)),
        "two years": since(back(months=25)),
        "orders of three weeks, deals of years": since(back(days=20), "orders"),
        "deals of three weeks, orders of years": since(back(days=20), "opportunities", "opportunity_history"),
        "a region dormant for a year": away(back(years=1), LAST),
        "a region that began this quarter": away(FIRST, pd.Timestamp("2026-09-30")),
        "a region that sold nothing ever": away(FIRST, LAST),
        "everything in one day": one_day,
        "monthly sums": monthly,
        "market long ago": chain(long_ago("market"), long_ago("competitors")),
        "targets and quotas long ago": chain(long_ago("targets"), long_ago("quotas")),
        "sellers just hired": put("reps", hired=back(days=10)),
        "all sellers left": put("reps", left_on=back(days=100)),
        "initiatives today": put("initiatives", started_on=LAST, ended_on=LAST),
        "initiatives before all": put("initiatives", started_on=FIRST - pd.DateOffset(years=1), ended_on=FIRST),
    }


def parts() -> dict[str, Change]:
    """Tables that are not there, for all or for a region."""
    return {
        "as it is": lambda tables: tables,
        "orders, customers and products alone": without(*DEALS, *PLANS),
        "no orders": without("orders", "customers", "products"),
        "no orders, but customers": without("orders"),
        "no deals": without(*DEALS),
        "no deals, no sellers": without(*DEALS, "reps"),
        "deals and sellers alone": lambda tables: {k: tables[k] for k in ("opportunities", "reps")},
        "deals alone": lambda tables: {"opportunities": tables["opportunities"]},
        "one region": only(SHOWN),
        "a region without orders": where("orders", lambda f: f["region"].ne(SHOWN)),
        "a region without deals": where("opportunities", lambda f: f["region"].ne(SHOWN)),
        "a region of open deals": where("opportunities", lambda f: f["region"].ne(SHOWN) | f["status"].eq("open")),
        "no loss recorded": no_loss,
        "all lost": ended("lost"),
        "all won": ended("won"),
        "none closed": where("opportunities", lambda f: f["status"].eq("open")),
        "none open": where("opportunities", lambda f: f["status"].ne("open")),
        "all that may be is empty": chain(*(void(t, *optional(t)) for t in contract.TABLES)),
    }


def amounts() -> dict[str, Change]:
    """Money that is huge, nothing, negative, or always the same."""
    sold = ("quantity", "revenue", "list_amount", "cost")
    return {
        "amounts of late": put("opportunities", amount=lambda f: f["amount"].where(f["opened_on"] > back(days=100))),
        "amounts of won deals": put("opportunities", amount=lambda f: f["amount"].where(f["status"].eq("won"))),
        "flat revenue": flat,
        "huge amounts": times(1e9),
        "tiny amounts": times(1e-7),
        "all amounts zero": times(0.0),
        "no revenue": put("orders", revenue=0.0),
        "no quantity": put("orders", quantity=0.0, revenue=lambda f: f["revenue"].abs()),
        "deals of zero": put("opportunities", amount=0.0),
        "only returns": put("orders", **{c: lambda f, c=c: -f[c].abs() for c in sold}),
        "no discount": put("orders", list_amount=lambda f: f["revenue"]),
        "no margin": put("orders", cost=lambda f: f["revenue"]),
        "one price": put("orders", revenue=lambda f: f["quantity"] * 10, list_amount=lambda f: f["quantity"] * 10),
        "targets of zero": put("targets", revenue_target=0.0, margin_target=0.0),
        "quotas of zero": put("quotas", quota=0.0),
        "a market of zero": chain(put("market", market_revenue=0.0), put("competitors", revenue=0.0)),
        "price levels of zero": put("competitors", price_index=0.0),
        "no spend": put("initiatives", spend=0.0),
    }


def ones() -> dict[str, Change]:
    """One of a kind."""
    segment = chain(*(put(t, segment="All") for t in ("customers", "opportunities")), without("market", "competitors"))
    return {
        "one product a category": put("products", category=lambda f: f["name"]),
        "one category": put("products", category="All"),
        "one segment": segment,
        "one channel": chain(*(put(t, channel="All") for t in ("orders", "opportunities"))),
        "one product": last_rows("products"),
        "one customer": last_rows("customers"),
        "one seller": last_rows("reps"),
        "one deal": last_rows("opportunities"),
        "one open deal": chain(where("opportunities", lambda f: f["status"].eq("open")), last_rows("opportunities")),
        "one order": last_rows("orders"),
        "two orders": last_rows("orders", 2),
        "one rival": where("competitors", lambda f: f["competitor"].eq(f["competitor"].iloc[0])),
        "one quarter of the market": where("market", lambda f: f["period_start"].eq(f["period_start"].max())),
        "one name for all": chain(*(put(t, name="Same") for t in ("customers", "reps", "products"))),
    } | {
        f"one row of {t}": last_rows(t)
        for t in contract.TABLES
        if t not in EVENTS and t not in ("customers", "products", "reps")
    }


def tables_away() -> dict[str, Change]:
    return {f"no {name}": without(name) for name in contract.TABLES if name not in EITHER}


def columns_away() -> dict[str, Change]:
    """Each column that may be empty, by "no table.column"."""
    return {f"no {table}.{c}": void(table, c) for table in contract.TABLES for c in optional(table)}


def all_variants() -> dict[str, Change]:
    return shapes() | tables_away() | columns_away()
