"""What is earned where, what moved it, and what is given away before it is earned?

All figures are of the last four whole quarters, against the four before, of order lines whose cost is known.
"""

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods.intervals import Z90
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.sales import credits, prices
from quarterdeck.analysis.sales.constant_rates import STEP
from quarterdeck.data.coverage import eight_quarters, four_quarters, looks_back
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows

PARTS = [
    "dimension", "part", "revenue", "margin", "rate", "low", "high", "rate_before", "mix", "rate_effect", "change", "n",
]  # fmt: skip
STEPS = ["before", "price", "cost", "volume", "mix", "new", "lost", "now"]
WATERFALL = ["step", "amount", "kind", "covered", "share", "after"]
BANDS = ["band", "discount", "revenue", "share", "rate", "low", "high", "n"]
BOTH = [
    "name",
    "revenue",
    "revenue_target",
    "margin",
    "margin_target",
    "revenue_attained",
    "margin_attained",
    "wanted",
    "earned",
]
EDGES = [-np.inf, 0.025, 0.075, 0.125, 0.175, 0.25, np.inf]  # of discounts
NAMES = ["none", "5 %", "10 %", "15 %", "20 %", "over 25 %"]
YEAR = 4  # quarters


def year(period: Period) -> Period:
    """The last four whole quarters.

    >>> from quarterdeck.data.periods import quarter
    >>> year(quarter(pd.Timestamp("2026-11-15"))).start.date().isoformat()
    '2025-10-01'
    """
    spans = last_quarters(period, YEAR)
    return Period(spans[0].start, spans[-1].end, spans[-1].end, period.calendar)


@no_rows("orders.cost", needs="order lines of known cost in eight whole quarters")
@looks_back(orders=eight_quarters)
def parts(
    orders: pd.DataFrame,
    period: Period,
    customers: pd.DataFrame | None = None,
    products: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Gross margin of each region, segment, channel and product category, and what it did to the whole's.

    The change of the whole's rate is, exactly, a sum over the parts of any one dimension of mix (a part's share of revenue grew,
    times how far its rate lay from the whole's) and rate (its own rate moved, at today's share): `mix_and_rate`.

    Returns
    -------
    DataFrame
        One row per part of a dimension with more than one, largest first within it: `dimension`, `part`, `revenue`, `margin`
        (money), `rate`, `low`, `high` (90 %, from how orders differ), `rate_before` (ratios), `mix`, `rate_effect` (of the whole's
        rate), `change` (their sum, differences of ratios), `n` (orders); no rows before eight quarters, or without known cost.
    """
    spans = {"0": year(period).before(), "1": year(period)}
    lines = labelled(orders, customers, products)
    lines = lines.fillna({d: "none named" for d in DIMENSIONS if d in lines and lines[d].notna().any()})
    tables = {k: lines[s.contains(lines["order_date"])] for k, s in spans.items()}
    if any(t["revenue"].sum() <= 0 for t in tables.values()):
        return pd.DataFrame(columns=PARTS)
    found = [_parts(tables, d) for d in DIMENSIONS if d in lines and tables["1"][d].nunique() > 1]
    return pd.concat(found, ignore_index=True)[PARTS] if found else pd.DataFrame(columns=PARTS)


def margin_total(parts: pd.DataFrame) -> pd.Series:
    """The whole's gross margin, from the parts of one dimension, which add up to it.

    Parameters
    ----------
    parts : DataFrame
        As `parts` gives it, with a row at least.

    Returns
    -------
    Series
        `rate` (margin ÷ revenue), `change` (on the four quarters before, difference of ratios).
    """
    own = parts[parts["dimension"] == parts["dimension"].iloc[0]]
    return pd.Series({"rate": own["margin"].sum() / own["revenue"].sum(), "change": own["change"].sum()})


DIMENSIONS = ["region", "segment", "channel", "category"]


def labelled(
    orders: pd.DataFrame, customers: pd.DataFrame | None = None, products: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Order lines whose cost is known, with their margin and what they are cut by.

    Returns
    -------
    DataFrame
        The rows of `orders` that have a `cost`, with `margin` (revenue − cost, money); and `segment` and `category` where
        `customers` and `products` are given, missing where these lack the key.
    """
    lines = orders[orders["cost"].notna()].assign(margin=lambda t: t["revenue"] - t["cost"])
    if customers is not None:
        lines["segment"] = looked_up(lines["customer_id"], customers.set_index("customer_id")["segment"])
    if products is not None:
        lines["category"] = looked_up(lines["product_id"], products.set_index("product_id")["category"])
    return lines


def mix_and_rate(table: pd.DataFrame) -> pd.DataFrame:
    """Split the change of a whole's margin rate over its parts: mix and rate add up to it exactly.

    Of a part sold in both spans: rate = w₁(m₁ − m₀), mix = (w₁ − w₀)(m₀ − M₀), w being shares of revenue and m, M margin rates;
    of any other, all of it is mix. (The additive identity of price-volume-mix, for a ratio.)

    Parameters
    ----------
    table : DataFrame
        `revenue0`, `margin0`, `revenue1`, `margin1` (money), one row per part; both revenues add up to more than zero.

    Returns
    -------
    DataFrame
        On the same index: `mix`, `rate_effect`, `change` (differences of ratios).

    Examples
    --------
    >>> table = pd.DataFrame({"revenue0": [50.0, 50.0], "margin0": [30.0, 10.0], "revenue1": [80.0, 20.0], "margin1": [48.0, 6.0]})
    >>> mix_and_rate(table).round(3).to_numpy().tolist()  # 40 % to 54 %: 12 of mix, and the second part's rate
    [[0.06, 0.0, 0.06], [0.06, 0.02, 0.08]]
    """
    whole0, whole1 = table["revenue0"].sum(), table["revenue1"].sum()
    moved = table["revenue1"] / whole1 - table["revenue0"] / whole0
    base = table["margin0"].sum() / whole0
    change = table["margin1"] / whole1 - table["margin0"] / whole0 - moved * base
    both = (table["revenue0"] > 0) & (table["revenue1"] > 0)
    before = table["margin0"] / table["revenue0"].where(both)
    rate = (table["revenue1"] / whole1 * (table["margin1"] / table["revenue1"].where(both) - before)).fillna(0.0)
    return pd.DataFrame({"mix": change - rate, "rate_effect": rate, "change": change})


@no_rows("orders.cost", needs="order lines of known cost in eight whole quarters")
@looks_back(orders=eight_quarters)
def margin_bridge(orders: pd.DataFrame, period: Period, before: Period | None = None) -> pd.DataFrame:
    """Gross margin of one year to the next in steps that add up exactly: price, cost, volume, mix, new and lost products.

    `prices.price_bridge` of the margin, whose step of unit margin is taken apart: price = Σ (p₁ − p₀) q₁, cost = −Σ (c₁ − c₀) q₁.

    Returns
    -------
    DataFrame
        One row per step of STEPS, before the last one "credits" where there are any, and "exchange rates" where money of several
        currencies was converted: `step`, `amount` (money); no rows where one of the years has no orders of known cost.
    """
    now = year(period) if before is None else period
    lines = labelled(orders)
    back = credits.credited(lines)
    revenue = prices.price_bridge(lines, now, before, back)
    if revenue.empty:
        return pd.DataFrame(columns=["step", "amount"])
    amount = prices.price_bridge(lines.assign(revenue=lines["margin"]), now, before, back).set_index("step")["amount"]
    price = revenue.set_index("step")["amount"]["price"]
    amount["cost"], amount["price"] = amount["price"] - price, price
    names = [*STEPS[:-1], *(step for step in (credits.STEP, STEP) if step in amount), STEPS[-1]]
    return amount.reindex(names).rename_axis("step").reset_index()


@no_rows("orders.cost", needs="order lines of known cost in four whole quarters")
@looks_back(orders=four_quarters, costs=four_quarters)
def waterfall(orders: pd.DataFrame, period: Period, costs: pd.DataFrame | None = None) -> pd.DataFrame:
    """From list price to what is left: discount, credits, cost of goods and, where it is known, the cost of selling.

    Of lines whose list amount and cost are known (without any list amount, from net revenue on). The regions' selling costs of
    the same quarters are taken at these lines' part of all revenue.

    Returns
    -------
    DataFrame
        In order: `step` ("list", "discount", "credits" where there are any, "net", "goods", "margin", "selling", "left"),
        `amount` (money; what is taken away is negative), `kind` ("total" or "change"), `covered` (part of revenue that is in
        it), `share` (of the first step, ratio), `after` (what is left once the step is taken, money);
        no rows without known cost.
    """
    span = year(period)
    lines = labelled(orders)
    lines = lines[span.contains(lines["order_date"])]
    listed = lines[lines["list_amount"].notna()]
    lines = listed if len(listed) else lines
    whole = orders.loc[span.contains(orders["order_date"]), "revenue"].sum()
    net = lines["revenue"].sum()
    if not net > 0:
        return pd.DataFrame(columns=WATERFALL)
    steps = _from_list(lines) if len(listed) else []
    steps += [("net", net), ("goods", -lines["cost"].sum()), ("margin", lines["margin"].sum())]
    spent = 0.0 if costs is None else _spent(costs, span)["amount"].sum() * net / whole
    if spent:
        steps += [("selling", -spent), ("left", lines["margin"].sum() - spent)]
    table = pd.DataFrame(steps, columns=["step", "amount"]).assign(
        covered=net / whole, share=lambda t: t["amount"] / t["amount"].iloc[0]
    )
    table["kind"] = np.where(table["step"].isin(["discount", credits.STEP, "goods", "selling"]), "change", "total")
    table["after"] = table["amount"].groupby(table["kind"].eq("total").cumsum()).cumsum()
    return table[WATERFALL]


def price_rates(waterfall: pd.DataFrame) -> pd.Series:
    """What of price is given away and kept, and what a point of discount saved would add, if quantities stayed.

    Parameters
    ----------
    waterfall : DataFrame
        As `waterfall` gives it, with a row at least.

    Returns
    -------
    Series
        `margin` (gross margin ÷ net revenue), `discount` (of list), `point` (one per cent of list, money), `point_share` (of
        gross margin); the last three missing without list prices.
    """
    amount = waterfall.set_index("step")["amount"]
    whole = amount.get("list", np.nan)
    return pd.Series(
        {
            "margin": amount["margin"] / amount["net"],
            "discount": -amount.get("discount", np.nan) / whole,
            "point": 0.01 * whole,
            "point_share": 0.01 * whole / amount["margin"],
        }
    )


@no_rows("orders.list_amount", "orders.cost", needs="order lines with list amount and cost in four whole quarters")
@looks_back(orders=four_quarters)
def bands(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Gross margin by how much discount was given.

    Returns
    -------
    DataFrame
        One row per band of discount, none first: `band`, `discount` (over list), `revenue` (money), `share` (of revenue), `rate`,
        `low`, `high` (margin, 90 %; ratios), `n` (orders); no rows without list amounts.
    """
    lines = labelled(orders)
    lines = lines[year(period).contains(lines["order_date"]) & (lines["list_amount"] > 0) & (lines["revenue"] > 0)]
    given = 1 - lines["revenue"] / lines["list_amount"]
    table = rates(lines.assign(band=pd.cut(given, EDGES, labels=NAMES).astype(str)), "band")
    off = lines["list_amount"].groupby(pd.cut(given, EDGES, labels=NAMES).astype(str)).sum()
    table = table.assign(discount=1 - table["revenue"] / off, share=table["revenue"] / table["revenue"].sum())
    return table.reindex([b for b in NAMES if b in table.index]).rename_axis("band").reset_index()[BANDS]


def rates(lines: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    """Margin rate of groups of lines, with the interval that the differences of orders give.

    Returns
    -------
    DataFrame
        By group: `revenue`, `margin` (money), `rate`, `error`, `low`, `high` (90 %; ratios; missing without revenue), `n` (orders).
    """
    keys = [by] if isinstance(by, str) else by
    each = lines.groupby([*keys, "order_id"], observed=True)[["revenue", "margin"]].sum()
    sums = each.groupby(level=keys).agg(revenue=("revenue", "sum"), margin=("margin", "sum"), n=("revenue", "size"))
    sums["rate"] = sums["margin"] / sums["revenue"].where(sums["revenue"] > 0)
    own = sums["rate"].reindex(each.index.droplevel("order_id")).to_numpy()
    left = (each["margin"] - own * each["revenue"]) ** 2
    error = np.sqrt(left.groupby(level=keys).sum()) / sums["revenue"].where(sums["revenue"] > 0)
    sums["n"] = credits.sales(lines).groupby(keys, observed=True)["order_id"].nunique().reindex(sums.index).fillna(0)
    return sums.assign(error=error, low=sums["rate"] - Z90 * error, high=sums["rate"] + Z90 * error)


@no_rows("targets.margin_target", "orders.cost", needs="targets of the last four whole quarters with their margin")
@looks_back(orders=four_quarters, targets=four_quarters)
def against_targets(orders: pd.DataFrame, targets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue and gross margin against their targets in the last four whole quarters: of each region, of one by quarter.

    Returns
    -------
    DataFrame
        One row per region (or quarter): `name`, `revenue`, `revenue_target`, `margin`, `margin_target` (money), `revenue_attained`,
        `margin_attained`, `wanted`, `earned` (margin rate of the targets, and of what was sold; ratios); no rows without margin
        targets.
    """
    span = year(period)
    due = targets[targets["period_start"].ge(span.start) & targets["period_end"].le(span.end)]
    due = due[due["margin_target"].notna() & (due["revenue_target"] > 0)]
    by = "region" if due["region"].nunique() > 1 else "quarter"
    due = due.assign(quarter=period.calendar.start(due["period_start"]))
    lines = labelled(orders)
    lines = lines[span.contains(lines["order_date"])].assign(quarter=lambda t: period.calendar.start(t["order_date"]))
    sums = lines.groupby(by)[["revenue", "margin"]].sum()
    table = due.groupby(by)[["revenue_target", "margin_target"]].sum().join(sums, how="inner").rename_axis("name")
    table = (
        table
        if by == "region"
        else table.set_axis(period.calendar.labels(table.index, short=False)).rename_axis("name")
    )
    return table.assign(
        revenue_attained=table["revenue"] / table["revenue_target"],
        margin_attained=table["margin"] / table["margin_target"].where(table["margin_target"] > 0),
        wanted=table["margin_target"] / table["revenue_target"],
        earned=table["margin"] / table["revenue"].where(table["revenue"] > 0),
    ).reset_index()[BOTH]


def attained_total(against: pd.DataFrame) -> pd.Series:
    """Revenue and gross margin of all parts together against their targets.

    Parameters
    ----------
    against : DataFrame
        As `against_targets` gives it, with a row at least.

    Returns
    -------
    Series
        `revenue`, `revenue_target`, `margin`, `margin_target` (money), `revenue_attained`, `margin_attained` (ratios), `wanted`,
        `earned` (margin rate of the targets, and of what was sold; ratios).
    """
    sums = against[["revenue", "revenue_target", "margin", "margin_target"]].sum()
    rates = {
        "revenue_attained": sums["revenue"] / sums["revenue_target"],
        "margin_attained": sums["margin"] / sums["margin_target"],
        "wanted": sums["margin_target"] / sums["revenue_target"],
        "earned": sums["margin"] / sums["revenue"],
    }
    return pd.concat([sums, pd.Series(rates)])


def _parts(tables: dict[str, pd.DataFrame], dimension: str) -> pd.DataFrame:
    """Give the parts of one dimension; lines without a name are a part of their own."""
    named = {k: t.assign(**{dimension: t[dimension].fillna("none named")}) for k, t in tables.items()}
    now = rates(named["1"], dimension)
    before = named["0"].groupby(dimension)[["revenue", "margin"]].sum()
    every = now.index.union(before.index)
    sums = now[["revenue", "margin"]].reindex(every, fill_value=0.0).add_suffix("1")
    sums = sums.join(before.reindex(every, fill_value=0.0).add_suffix("0"))
    table = now.reindex(every).join(mix_and_rate(sums)).assign(dimension=dimension, n=now["n"].reindex(every).fillna(0))
    table["rate_before"] = sums["margin0"] / sums["revenue0"].where(sums["revenue0"] > 0)
    table[["revenue", "margin"]] = sums[["revenue1", "margin1"]].to_numpy()
    return table.rename_axis("part").reset_index().sort_values("revenue", ascending=False)


def _from_list(lines: pd.DataFrame) -> list[tuple[str, float]]:
    """Give the steps from list price to net revenue; what was given back later is a step of its own."""
    gross, back = lines["list_amount"].sum(), lines.loc[credits.credited(lines), "revenue"].sum()
    given = [(credits.STEP, back)] if back else []
    return [("list", gross), ("discount", lines["revenue"].sum() - gross - back), *given]


def _spent(costs: pd.DataFrame, span: Period) -> pd.DataFrame:
    """Give the selling costs whose period lies within a span."""
    return costs[costs["period_start"].ge(span.start) & costs["period_end"].le(span.end)]
