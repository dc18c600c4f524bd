"""Which tables hold orders, deals, customers and products, as far as their columns' names and values tell?

An export of an ERP or a shop has no schema that is known. Its columns are known by words (`words.yaml`), and its tables join where
the values of one column are found in another's key.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from quarterdeck.data.intake.draft import Draft
from quarterdeck.data.intake.look import Found, Place, quoted
from quarterdeck.data.intake.mappings import plain

WORDS = Path(__file__).parent / "words.yaml"
EXACT, ENDS, BEGINS, WITHIN = 4, 3, 2, 1  # how well a column's name fits a word
SHORTEST = 4  # letters of a word that may stand within a longer name
ORPHANS = 0.02  # share of values that may be missing from the key that they join
MOST_WAYS = 60  # to the tables that an order leads to
MOST_CATEGORIES = 100  # above which a column is no category
FURTHEST = 4  # joins from the orders to a table that says something of them
NET = re.compile(r"net|paid|invoiced|netto")  # an amount of such a name is after discount
KINDS = {
    **dict.fromkeys(
        ["order_date", "since", "launched", "hired", "left_on", "opened_on", "closed_on", "expected_close"],
        ("date", "text"),
    ),
    **dict.fromkeys(
        ["quantity", "revenue", "unit_price", "discount", "cost", "unit_cost", "list_price", "amount", "size"],
        ("number",),
    ),
    **dict.fromkeys(["region", "channel", "segment", "category", "stage", "manager", "name"], ("text",)),
}
NAMING = ["customer_id", "product_id", "rep_id", "order_id", "region"]  # what rows of another table are named by
ABOUT = {"customers": "customer_id", "products": "product_id", "reps": "rep_id"}
WANTED = {  # what is said of each, beside its name
    "customers": ["segment", "size", "since"],
    "products": ["category", "list_price", "unit_cost", "launched"],
    "reps": ["manager", "hired", "left_on"],
}
BEYOND = {"segment", "category"}  # what may stand in a table that theirs leads to
OF_ROWS = {"segment", "since", "category", "launched", "manager", "hired", "left_on"}  # what orders may say of them
SINGLE = re.compile(r"(ies|s)$")


@dataclass(frozen=True)
class Link:
    """A join from many rows to one: a column of a table, and the key in which its values are found."""

    table: str
    column: str
    to: str
    key: str


@dataclass
class Reached:
    """A table that the rows of another lead to: by which joins, and what it is called in the SELECT."""

    table: Found
    alias: str
    joins: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


@dataclass
class Picked:
    """A column that fills something: where it stands, and how well its name fits."""

    reached: Reached
    column: str
    fit: tuple[int, int, int]

    @property
    def sql(self) -> str:
        """Write it for SQL."""
        return f"{self.reached.alias}.{quoted(self.column)}"


@cache
def words() -> dict[str, list[str]]:
    """Read by which names columns are known."""
    return {
        role: [plain(w) for w in named] for role, named in yaml.safe_load(WORDS.read_text(encoding="utf-8")).items()
    }


def proposed(place: Place) -> Draft:
    """Draft the SELECTs of an order book and of a list of deals.

    Parameters
    ----------
    place : Place
        The tables.
    """
    links = _links(place)
    draft = Draft("", [], [], {})
    if lines := _lines(place, links):
        _orders(place, lines, draft)
    if deals := _deals(place, links):
        _opportunities(place, deals, draft)
    named = " ".join(draft.tables.values())
    draft.files = [t for t in place.tables if re.search(rf"(?<![\w.]){re.escape(t.sql)}(?!\w)", named)]
    return draft


# ---- which column is which ----


def _bare(table: Found) -> dict[str, str]:
    """Give the columns' names without what a table puts before all of them, such as l_ or its own name."""
    names = list(table.columns)
    parts = [n.split("_", 1) for n in names]
    prefixed = len(names) > 2 and all(len(p) == 2 for p in parts) and len({p[0].lower() for p in parts}) == 1
    return {n: plain(p[1] if prefixed else n) for n, p in zip(names, parts, strict=True)}


def _fit(name: str, role: str) -> tuple[int, int]:
    """Say how well a name fits a role: how, and how early the word stands in the list."""
    best = (0, 0)
    for place, word in enumerate(words()[role]):
        how = (
            EXACT
            if name == word
            else 0
            if len(word) < SHORTEST
            else ENDS
            if name.endswith(word)
            else BEGINS
            if name.startswith(word)
            else WITHIN
            if word in name
            else 0
        )
        best = max(best, (how, -place)) if how else best
    return best


def _pick(reached: list[Reached], role: str, about: str = "", but: set[str] = frozenset()) -> Picked | None:
    """Find the column that fits a role best; in a table `about` something, its name may stand before the word."""
    found = []
    for near, at in enumerate(reached):
        for column, bare in _bare(at.table).items():
            if at.table.columns[column] not in KINDS.get(role, ("text", "number", "date")) or column in but:
                continue
            names = {bare, bare.removeprefix(about), bare.removeprefix(_single(plain(at.table.title)))} - {""}
            how, place = max(_fit(name, role) for name in names)
            if how:
                found.append(Picked(at, column, (how, place, -near)))
    return max(found, key=lambda p: p.fit, default=None)


def _single(word: str) -> str:
    return SINGLE.sub(lambda m: "y" if m[1] == "ies" else "", word)


# ---- which tables join ----


def _links(place: Place) -> list[Link]:
    unique: dict[tuple[str, str], bool] = {}
    links = []
    for to in place.tables:
        for key, bare_key in _bare(to).items():
            for table in place.tables:
                for column, bare in _bare(table).items():
                    if table.name == to.name or not _same_name(bare, bare_key, to):
                        continue
                    if (to.name, key) not in unique:
                        unique[to.name, key] = _is_key(place, to, key)
                    if unique[to.name, key] and _contained(place, table, column, to, key):
                        links.append(Link(table.name, column, to.name, key))
    return links


def _same_name(column: str, key: str, to: Found) -> bool:
    """Tell whether a column may name a key: they are called alike, or both are a word for the same."""
    single = _single(plain(to.title))
    general = key in ("id", "key", "code", "no", "number", "nr", "name", single)
    own = {single + key, single} if general else {key, single + key}
    ends = general and any(column.endswith(single + k) for k in ("id", "key", "code", "no", "number", "nr"))
    return column in own or ends or any(_fit(column, r)[0] == _fit(key, r)[0] == EXACT for r in NAMING)


def _is_key(place: Place, table: Found, column: str) -> bool:
    name = quoted(column)
    seen = place.row(f"SELECT count(*) AS n, count({name}) AS held, count(DISTINCT {name}) AS apart FROM {table.sql}")
    return seen["n"] > 0 and seen["n"] == seen["held"] == seen["apart"]


def _contained(place: Place, table: Found, column: str, to: Found, key: str) -> bool:
    sql = (
        f"SELECT count(*) AS n, count(CASE WHEN k.v IS NULL THEN 1 END) AS orphans FROM "
        f"(SELECT DISTINCT CAST({quoted(column)} AS VARCHAR) AS v FROM {table.sql} WHERE {quoted(column)} IS NOT NULL) c "
        f"LEFT JOIN (SELECT CAST({quoted(key)} AS VARCHAR) AS v FROM {to.sql}) k ON k.v = c.v"
    )
    seen = place.row(sql)
    return seen["n"] > 0 and seen["orphans"] <= ORPHANS * seen["n"]


def _reach(place: Place, links: list[Link], start: Found, alias: str) -> list[Reached]:
    """List the tables that a table's rows lead to, by every way, the nearest first; and itself."""
    tables = {t.name: t for t in place.tables}
    reached = [Reached(start, alias)]
    for at in reached:
        passed = {start.name, *(link.to for link in at.links)}
        ahead = [link for link in links if link.table == at.table.name and link.to not in passed]
        if len(at.links) == FURTHEST or len(reached) > MOST_WAYS:
            continue
        for link in ahead:
            to, by = tables[link.to], "_".join([*(x.to for x in at.links), link.to, ""])
            by = by if by not in {r.alias for r in reached} else f"{by}{plain(link.column)}_"
            join = f"LEFT JOIN {to.sql} {by} ON {by}.{quoted(link.key)} = {at.alias}.{quoted(link.column)}"
            reached.append(Reached(to, by, [*at.joins, join], [*at.links, link]))
    return reached


# ---- orders ----


@dataclass
class Base:
    """The table whose rows are the orders' lines, or the deals; what its rows lead to; and which column fills what."""

    reached: list[Reached]
    picked: dict[str, Picked] = field(default_factory=dict)

    def has(self, *roles: str) -> bool:
        """Tell whether all of these are there."""
        return all(role in self.picked for role in roles)

    def sql(self, role: str, otherwise: str = "NULL") -> str:
        """Write the column that fills a role."""
        return self.picked[role].sql if role in self.picked else otherwise

    def source(self, *roles: str) -> str:
        """Write FROM, with the joins that these roles need."""
        joins: list[str] = []
        for role in roles:
            if role in self.picked:
                joins += [j for j in self.picked[role].reached.joins if j not in joins]
        return "\n".join([f"FROM {self.reached[0].table.sql} {self.reached[0].alias}", *joins])

    def table(self, role: str) -> Reached | None:
        """Give the table whose key a role's column is found in."""
        if role not in self.picked:
            return None
        at = self.picked[role]
        for other in self.reached:
            if other.links and other.links[-1].table == at.reached.table.name and other.links[-1].column == at.column:
                return other
        return at.reached if at.reached.links and at.reached.links[-1].key == at.column else None


def _lines(place: Place, links: list[Link]) -> Base | None:
    """Find the table of order lines: the largest with money, and a product or an order."""
    found = []
    for table in place.tables:
        base = Base(_reach(place, links, table, "line"))
        own = base.reached[:1]
        money = _pick(own, "revenue") or (_pick(own, "unit_price") and _pick(own, "quantity"))
        if not money or not table.rows or _is_of_deals(own):
            continue
        taken = {money.column} if _pick(own, "revenue") else set()
        for role in ("quantity", "unit_price", "revenue", "discount", "cost", "line_no", "channel"):
            where = own if role != "channel" else base.reached
            if got := _pick(where, role, but=taken if role != "revenue" else set()):
                base.picked[role] = got
                taken |= {got.column} if role in ("quantity", "discount") else set()
        for role in ("order_id", "order_date", "customer_id", "product_id", "rep_id"):
            near = [r for r in base.reached if len(r.links) < 2]
            if got := _pick(near, role):
                base.picked[role] = got
        if (
            base.has("unit_price")
            and base.has("revenue")
            and base.picked["unit_price"].column == base.picked["revenue"].column
        ):
            base.picked.pop("unit_price")
        if base.has("order_date") and (base.has("product_id") or base.has("order_id") or base.has("customer_id")):
            found.append((base.has("product_id") + base.has("order_id"), base.has("quantity"), table.rows, base))
    best = max(found, key=lambda f: f[:3], default=None)
    return best and _with_region(best[3])


def _is_of_deals(own: list[Reached]) -> bool:
    stage = _pick(own, "stage")
    return bool(stage and stage.fit[0] >= ENDS and _pick(own, "opportunity_id") and _pick(own, "closed_on"))


def _with_region(base: Base) -> Base:
    """Find the region: of the row itself, of its order's head, or of its customer, by the tables that these lead to."""
    about, tables = base.table("customer_id"), {r.table.name: r.table for r in base.reached}
    by_customer = [r for r in base.reached if about and (r is about or about.links[-1] in r.links)]
    leads = {base.picked[role].reached.table.name for role in ("order_date", "customer_id") if base.has(role)}
    leads |= {about.table.name} if about else set()
    near = [r for r in base.reached if all(link.to in leads or _is_area(tables[link.to]) for link in r.links)]
    if picked := _region(near):
        base.picked["region"] = picked
    if about and (segment := _pick([about], "segment", "customer") or _pick(by_customer, "segment", "customer")):
        base.picked["segment"] = segment
    return base


def _is_area(table: Found) -> bool:
    return _fit(_single(plain(table.title)), "region")[0] == EXACT


def _region(near: list[Reached]) -> Picked | None:
    """Find a region's name: in a table of regions the name, elsewhere the column that is called so."""
    areas = []
    for at in near:
        how, place = _fit(_single(plain(at.table.title)), "region")
        if how == EXACT and (name := _pick([at], "name") or _pick([at], "region")):
            areas.append(Picked(at, name.column, (EXACT, place, 0)))
    own = _pick(near, "region")
    return max([*areas, *([own] if own else [])], key=lambda p: p.fit[:2], default=None)


def _money(place: Place, base: Base) -> tuple[str, str, str]:
    """Write the revenue, the amount at list price, and why."""
    off = _rate(place, base)
    if base.has("revenue"):
        column = base.picked["revenue"].column
        if off and not NET.search(plain(column)) and base.picked["discount"].fit[0] >= ENDS:
            name = base.picked["discount"].column
            return f"{base.sql('revenue')} * (1 - {off})", base.sql("revenue"), f"{column} less {name}, a share of it"
        return base.sql("revenue"), "", column
    each = f"{base.sql('quantity')} * {base.sql('unit_price')}"
    said = f"{base.picked['quantity'].column} times {base.picked['unit_price'].column}"
    return (
        (f"{each} * (1 - {off})", each, f"{said}, less {base.picked['discount'].column}") if off else (each, "", said)
    )


def _rate(place: Place, base: Base) -> str:
    """Write the discount as a share, where its values are shares or percentages; nothing where they are amounts."""
    if not base.has("discount"):
        return ""
    at = base.picked["discount"]
    seen = place.row(
        f"SELECT min({quoted(at.column)}) AS least, max({quoted(at.column)}) AS most FROM {at.reached.table.sql}"
    )
    if seen["least"] is None or seen["least"] < 0:
        return ""
    if seen["most"] <= 1:
        return f"coalesce({at.sql}, 0)"
    percent = "percent" in plain(at.column) or "pct" in plain(at.column)
    return f"coalesce({at.sql}, 0) / 100" if percent and seen["most"] <= 100 else ""


def _orders(place: Place, base: Base, draft: Draft) -> None:
    revenue, listed, why = _money(place, base)
    draft.reasons += [f"Read as an order book: {base.reached[0].table.title} has {_columns_said(base)}."]
    draft.reasons += [f"Revenue is {why}. Check that it is net of discount and tax."]
    draft.reasons += [] if base.has("region") else ["Nothing says the region: all rows are of one, 'All'."]
    draft.reasons += [] if base.has("order_id") else ["Nothing numbers the orders: each row is one."]
    columns = [
        ("order_id", base.sql("order_id", "row_number() OVER ()")),
        ("line_no", _line_number(place, base, revenue)),
        ("order_date", base.sql("order_date")),
        ("customer_id", base.sql("customer_id", "")),
        ("product_id", base.sql("product_id", "'Everything'")),
        ("rep_id", base.sql("rep_id", "")),
        ("region", _region_sql(base)),
        ("channel", base.sql("channel", "")),
        ("quantity", base.sql("quantity", "1")),
        ("list_amount", listed),
        ("revenue", revenue),
        ("cost", base.sql("cost", "")),
    ]
    names = ["order_id", "order_date", "customer_id", "product_id", "rep_id", "region", "channel"]
    draft.tables["orders"] = _select(columns, base.source(*names))
    _others(place, base, draft)
    if not base.has("product_id"):
        draft.tables["products"] = "SELECT 'Everything' AS product_id, 'Everything' AS name, 'Everything' AS category"


def _others(place: Place, base: Base, draft: Draft) -> None:
    """Add customers, products and sellers, where they are named and no table holds them yet."""
    for table, role in ABOUT.items():
        if base.has(role) and table not in draft.tables:
            draft.tables[table] = _about(place, base, table, role)


def _columns_said(base: Base) -> str:
    return ", ".join(f"{p.column} ({role})" for role, p in base.picked.items())


def _region_sql(base: Base) -> str:
    return f"coalesce({base.sql('region')}, 'No region')" if base.has("region") else "'All'"


def _line_number(place: Place, base: Base, revenue: str) -> str:
    if not base.has("order_id"):
        return "1"
    if base.has("line_no") and _tells_apart(place, base):
        return base.sql("line_no")
    return f"row_number() OVER (PARTITION BY {base.sql('order_id')} ORDER BY {base.sql('product_id', '1')}, {revenue})"


def _tells_apart(place: Place, base: Base) -> bool:
    order, line = base.picked["order_id"], base.picked["line_no"]
    if order.reached is not base.reached[0]:
        return False
    sql = f"SELECT count(*) AS n FROM (SELECT DISTINCT {order.sql}, {line.sql} FROM {base.reached[0].table.sql} line) d"
    return place.value(sql) == base.reached[0].table.rows


def _about(place: Place, base: Base, table: str, role: str) -> str:
    """Write the SELECT of customers, products or sellers: of their own table, or of what the rows say of them."""
    at, single = base.table(role), table[:-1]
    if at is None:
        return _grouped(base, role, table, _said_of(base, table, single), _region_sql(base))
    key = f"{at.alias}.{quoted(at.links[-1].key)}"
    inner = _reach_from(base, at)
    name = _pick([at], "name", single) or _pick([at], "name")
    columns = [(role, key), ("name", f"coalesce(CAST({name.sql} AS VARCHAR), CAST({key} AS VARCHAR))" if name else key)]
    joins: list[str] = []
    for extra in WANTED[table]:
        odd = _too_many(place, at) if extra == "category" else set()
        got = _pick([at], extra, single, odd) or (_pick(inner, extra, single) if extra in BEYOND else None)
        if got and got.column not in (at.links[-1].key, name and name.column):
            columns.append((extra, got.sql))
            joins += [j for j in _beyond(at, got.reached) if j not in joins]
    if table == "products":
        columns += [] if any(c == "category" for c, _ in columns) else [("category", "'No category'")]
    elif own := _region(inner):
        columns.append(("region", f"coalesce({own.sql}, 'No region')"))
        joins += [j for j in _beyond(at, own.reached) if j not in joins]
    else:
        columns.append(("region", "coalesce(most.region, 'No region')" if base.has("region") else "'All'"))
        joins += [_most(base, role, _region_sql(base), key)] if base.has("region") else []
    return _select(columns, "\n".join([f"FROM {at.table.sql} {at.alias}", *joins]))


def _said_of(base: Base, table: str, single: str) -> dict[str, str]:
    """Find the columns of the rows themselves that say something of whom they name."""
    own = base.reached[:1]
    found = {r: p.sql for r in WANTED[table] if r in OF_ROWS and (p := _pick(own, r, single))}
    name = _pick(own, "name", single)
    if name and name.fit[0] == EXACT and plain(name.column).startswith(single):
        found["name"] = name.sql
    return found


def _too_many(place: Place, at: Reached) -> set[str]:
    """Name the columns of a table that hold too many values to be categories."""
    named = [c for c, kind in at.table.columns.items() if kind == "text"]
    counts = ", ".join(f"count(DISTINCT {quoted(c)}) AS c{i}" for i, c in enumerate(named))
    seen = place.row(f"SELECT {counts} FROM {at.table.sql}").values() if named else []
    return {c for c, count in zip(named, seen, strict=True) if count > MOST_CATEGORIES}


def _reach_from(base: Base, at: Reached) -> list[Reached]:
    return [
        at,
        *(
            r
            for r in base.reached
            if r is not at and len(r.links) > len(at.links) and r.links[: len(at.links)] == at.links
        ),
    ]


def _beyond(at: Reached, other: Reached) -> list[str]:
    return other.joins[len(at.joins) :]


def _most(base: Base, role: str, region: str, key: str) -> str:
    """Join the region in which somebody's sales are largest."""
    source = _indented(base.source(role, "region"), 4)
    rows = f"SELECT {base.sql(role)} AS id, {region} AS region, count(*) AS lines\n    {source}\n    GROUP BY 1, 2"
    place = "row_number() OVER (PARTITION BY id ORDER BY lines DESC, region) AS place"
    ranked = f"SELECT id, region, {place} FROM (\n    {rows}\n  ) counted"
    return f"LEFT JOIN (  -- the region of most of their order lines\n  {ranked}\n) most ON most.id = {key} AND most.place = 1"


def _grouped(base: Base, role: str, table: str, found: dict[str, str], region: str) -> str:
    """Write the SELECT of those whom the orders alone name."""
    key = base.sql(role)
    columns = [
        (role, key),
        ("name", f"coalesce(max(CAST({found.pop('name', key)} AS VARCHAR)), CAST({key} AS VARCHAR))"),
    ]
    columns += [(r, f"max({sql})") for r, sql in found.items()]
    if table == "products" and "category" not in found:
        columns.append(("category", "'No category'"))
    source = f"{base.source(role)}\nWHERE {key} IS NOT NULL"
    if table == "products":
        return _select(columns, f"{source}\nGROUP BY {key}")
    columns.append(("region", "max(most.region)" if base.has("region") else "'All'"))
    joined = f"{base.source(role)}\n{_most(base, role, region, key)}" if base.has("region") else base.source(role)
    return _select(columns, f"{joined}\nWHERE {key} IS NOT NULL\nGROUP BY {key}")


# ---- deals ----


def _deals(place: Place, links: list[Link]) -> Base | None:
    for table in sorted(place.tables, key=lambda t: -t.rows):
        base = Base(_reach(place, links, table, "deal"))
        own = base.reached[:1]
        if not table.rows or not _is_of_deals(own):
            continue
        for role in (
            "opportunity_id",
            "stage",
            "amount",
            "opened_on",
            "closed_on",
            "expected_close",
            "competitor",
            "loss_reason",
        ):
            if got := _pick(own, role, "deal"):
                base.picked[role] = got
        for role in ("customer_id", "product_id", "rep_id", "channel"):
            if got := _pick(own, role):
                base.picked[role] = got
        if (
            base.has("closed_on", "expected_close")
            and base.picked["closed_on"].column == base.picked["expected_close"].column
        ):
            base.picked.pop("expected_close")
        if base.has("opportunity_id", "stage", "opened_on"):
            return _with_region(base)
    return None


def _opportunities(place: Place, base: Base, draft: Draft) -> None:
    status, said = _status(place, base)
    title = base.reached[0].table.title
    if not status:
        draft.notes.append(f"{title} looks like deals, but no stage says that one was won; write its SELECT by hand.")
        return
    draft.reasons.append(f"Read as deals: {title} has {_columns_said(base)}; {said}.")
    columns = [
        ("opportunity_id", base.sql("opportunity_id")),
        ("customer_id", base.sql("customer_id", "")),
        ("rep_id", f"coalesce(CAST({base.sql('rep_id')} AS VARCHAR), 'Nobody')" if base.has("rep_id") else "'Nobody'"),
        ("product_id", base.sql("product_id", "")),
        ("region", _region_sql(base)),
        ("segment", base.sql("segment", "")),
        ("channel", base.sql("channel", "")),
        ("opened_on", base.sql("opened_on")),
        ("closed_on", f"CASE WHEN {status} <> 'open' THEN {base.sql('closed_on')} END"),
        ("expected_close", base.sql("expected_close", base.sql("closed_on"))),
        ("stage", base.sql("stage")),
        ("amount", base.sql("amount", "")),
        ("status", status),
        ("competitor", base.sql("competitor", "")),
        ("loss_reason", base.sql("loss_reason", "")),
    ]
    draft.tables["opportunities"] = _select(columns, base.source("region", "segment", "channel"))
    _others(place, base, draft)
    if "reps" not in draft.tables:
        draft.tables["reps"] = f"SELECT 'Nobody' AS rep_id, 'Nobody' AS name, {_first_region(base)} AS region"
    elif base.has("rep_id"):
        draft.notes.append("A deal without an owner counts for 'Nobody': add such a row to reps where there are any.")


def _status(place: Place, base: Base) -> tuple[str, str]:
    """Write which stages are won and which are lost, by their words, and say so; nothing where none is won."""
    stage = base.picked["stage"]
    seen = place.rows(f"SELECT DISTINCT {quoted(stage.column)} AS v FROM {base.reached[0].table.sql}")
    values = sorted(row["v"] for row in seen if isinstance(row["v"], str))
    won, lost = ([v for v in values if plain(v) in words()[end] or plain(v).endswith(end)] for end in ("won", "lost"))
    if not won:
        return "", ""
    lost_sql = f" WHEN {stage.sql} IN ({_texts(lost)}) THEN 'lost'" if lost else ""
    status = f"CASE WHEN {stage.sql} IN ({_texts(won)}) THEN 'won'{lost_sql} ELSE 'open' END"
    return status, f"won is {', '.join(won)}, lost is {', '.join(lost) or 'never said'}"


def _first_region(base: Base) -> str:
    if not base.has("region"):
        return "'All'"
    return f"(SELECT min({base.sql('region')})\n{base.source('region')})"


def _texts(values: list[str]) -> str:
    return ", ".join("'" + v.replace("'", "''") + "'" for v in values)


def _select(columns: list[tuple[str, str]], source: str) -> str:
    shown = [f"{sql} AS {name}" if sql != name else name for name, sql in columns if sql]
    return f"SELECT {f',{chr(10)}       '.join(shown)}\n{source}"


def _indented(text: str, by: int) -> str:
    return text.replace("\n", "\n" + " " * by)
