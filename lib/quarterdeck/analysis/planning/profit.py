"""Which customers pay, what does the best split of a revenue target earn, and what should a chief know of it?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.stats import norm, t

from quarterdeck.analysis.methods.finding import FINDING, FOUND, Finding, chance_below
from quarterdeck.analysis.methods.intervals import Z90, discovered, ratio, shrunk_means
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.planning import prospects
from quarterdeck.analysis.planning.target_split import UNLIKELY, split
from quarterdeck.analysis.sales import margin
from quarterdeck.analysis.sales.credits import credited
from quarterdeck.data.coverage import EVER, eight_quarters, four_quarters, looks_back
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows

WHALE = [
    "rank", "customer_id", "name", "segment", "revenue", "margin", "serving", "profit", "error", "clear", "risk", "part",
    "cumulative", "n",
]  # fmt: skip
PEAK = [
    "customers", "total", "peak", "ratio", "at", "losing", "lost", "clear", "clear_lost", "again", "before", "served",
    "stays", "stays_error",
]  # fmt: skip
FRONTIER = ["revenue", "most", "least", "fair"]
REACH = 0.25  # no part is asked for less than what it misses, or more than what it reaches, so often
POINTS = 21


@no_rows("orders.cost", needs="customers with order lines of known cost in four whole quarters")
@looks_back(orders=four_quarters, costs=four_quarters)
def whale(
    orders: pd.DataFrame, customers: pd.DataFrame, period: Period, costs: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Profit of each customer of the last four whole quarters, the best first, and added up.

    Profit = gross margin less, where selling costs are known, the customer's part of its region's by orders (an assumption: each
    order costs a region alike; Kaplan and Narayanan 2001, Journal of Cost Management 15, on the whale curve). The error is that
    of the sum by how the customer's orders differ (Student t, three orders or more). A loss is clear at a false discovery rate of
    one in ten.

    Returns
    -------
    DataFrame
        One row per customer with an order, most profit first: `rank` (from one), `customer_id`, `name`, `segment`, `revenue`,
        `margin`, `serving`, `profit`, `error` (money), `clear` (bool: a loss beyond chance), `risk` (the chance that it is none,
        by the profit rates of all customers: `finding.chance_below`; ratio), `part` (of customers), `cumulative` (profit of these
        and all better ones, money), `n` (orders); no rows without known cost.
    """
    table = _profits(orders, margin.year(period), costs).sort_values("profit", ascending=False).reset_index()
    if table.empty:
        return pd.DataFrame(columns=WHALE)
    accounts, sold = customers.set_index("customer_id"), table["revenue"].where(table["revenue"] > 0)
    few = t.ppf(0.95, table["n"] - 1) / Z90  # by how much the error of few orders is wider than a normal's
    table = table.assign(
        rank=np.arange(1, len(table) + 1),
        part=np.arange(1, len(table) + 1) / len(table),
        cumulative=table["profit"].cumsum(),
        clear=_clear(table),
        risk=1 - chance_below(table["profit"] / sold, few * table["error"] / sold),
        name=looked_up(table["customer_id"], accounts["name"]),
        segment=looked_up(table["customer_id"], accounts["segment"]),
    )
    return table[WHALE]


@no_rows("orders.cost", needs="customers with order lines of known cost in four whole quarters")
def peak(
    whale: pd.DataFrame,
    orders: pd.DataFrame,
    period: Period,
    costs: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """How high the whale curve goes over what is kept in the end, and who takes it down again.

    Returns
    -------
    DataFrame
        One row: `customers`, `total` (profit), `peak` (profit of those who earn any; money), `ratio` (peak over total, missing
        where that is a loss), `at` (part of customers at the peak), `losing`, `lost` (customers with a loss, and its sum),
        `clear`, `clear_lost` (of these, beyond chance), `again`, `before` (of `before` who made a loss in the year before and
        still buy, how many did again), `served` (bool: the cost of serving is in it); `stays` (of the losses beyond chance of
        the year before, the part that the same customers lost again: a loss picked for its size is partly bad luck; ratio, with
        `stays_error`, `intervals.ratio`); no row without customers.
    """
    if whale.empty:
        return pd.DataFrame(columns=PEAK)
    total, best = whale["profit"].sum(), whale["profit"].clip(lower=0).sum()
    losing, clear = whale[whale["profit"] < 0], whale[whale["clear"]]
    earlier, now = _profits(orders, margin.year(period).before(), costs), whale.set_index("customer_id")["profit"]
    if max(begins["orders"], begins["costs"] if costs is not None else pd.Timestamp.min) > eight_quarters(period):
        earlier = earlier.iloc[:0]  # the year before is not on record
    still = earlier[(earlier["profit"] < 0) & earlier.index.isin(now.index)].index
    row = {"customers": len(whale), "total": total, "peak": best, "ratio": best / total if total > 0 else np.nan}
    row |= {"at": (whale["profit"] > 0).mean(), "losing": len(losing), "lost": losing["profit"].sum()}
    row |= {"clear": len(clear), "clear_lost": clear["profit"].sum()}
    row |= {"again": losing["customer_id"].isin(still).sum(), "before": len(still)}
    losses = earlier[_clear(earlier)]["profit"]
    since = now.reindex(losses.index)
    stays, error = ratio(-since.clip(upper=0).fillna(0.0), -losses)
    row |= {"served": bool(whale["serving"].sum() > 0), "stays": stays, "stays_error": error}
    return pd.DataFrame([row], columns=PEAK)


@no_rows("orders.cost", needs="order lines of known cost in four whole quarters")
def earning(
    units: pd.DataFrame, orders: pd.DataFrame, period: Period, customers: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What each part earns, and between which amounts its target could be set.

    Bounds are the amounts that the part reaches with chances of 75 % and 25 %; margin rates those of four quarters, drawn
    to each other (`intervals.shrunk_means`).

    Parameters
    ----------
    units : DataFrame
        As `prospects.units` gives it, of segments or channels.

    Returns
    -------
    DataFrame
        Of each unit that has a margin rate: `dimension`, `unit`, `low`, `middle`, `high` (80 % range), `least`, `most` (bounds;
        money), `rate`, `rate_low`, `rate_high`, `error` (ratios), `n` (orders).
    """
    columns = [*units.columns[:5], "least", "most", "rate", "rate_low", "rate_high", "error", "n"]
    lines = margin.labelled(orders, customers)
    lines = lines[margin.year(period).contains(lines["order_date"])]
    if units.empty or lines.empty:
        return pd.DataFrame(columns=columns)
    found = margin.rates(lines, units["dimension"].iloc[0])[["rate", "error", "n"]]
    table = units[units.columns[:5]].join(found, on="unit")
    table = table[(table["error"] > 0) & (table["n"] > 1)].reset_index(drop=True)
    drawn = shrunk_means(table["rate"], table["error"])
    table = table.assign(rate=drawn["value"], rate_low=drawn["low"], rate_high=drawn["high"])
    table = table.assign(least=prospects.reached(REACH, table), most=prospects.reached(1 - REACH, table))
    return table[columns]


def best(earning: pd.DataFrame, revenue: float) -> np.ndarray:
    """The split of a revenue target over parts, within their bounds, that earns the most margin (linear programme, HiGHS).

    Parameters
    ----------
    earning : DataFrame
        As `earning` gives it: `least`, `most` (money), `rate` (ratio).
    revenue : float
        The target, money.

    Returns
    -------
    ndarray
        Money, one per part; empty where the bounds do not allow that revenue.

    >>> two = pd.DataFrame({"least": [10.0, 10.0], "most": [30.0, 30.0], "rate": [0.2, 0.5]})
    >>> best(two, 45.0).tolist()
    [15.0, 30.0]
    """
    bounds = list(zip(earning["least"], earning["most"], strict=True))
    fit = linprog(-earning["rate"], A_eq=np.ones((1, len(earning))), b_eq=[revenue], bounds=bounds, method="highs")
    return fit.x if fit.success else np.array([])


@no_rows("orders.cost", needs="two parts whose margins are known")
def frontier(earning: pd.DataFrame) -> pd.DataFrame:
    """How much margin a revenue target can bring: at best, at worst, and split so that every part has the same chance.

    Assumes that the next euro of a part earns what its last ones did, and that parts do not take from one another.

    Returns
    -------
    DataFrame
        One row per revenue target from the least to the most that the bounds allow: `revenue`, `most`, `least`, `fair` (margin,
        money); no rows below two parts.
    """
    if len(earning) < 2:
        return pd.DataFrame(columns=FRONTIER)
    worst = earning.assign(rate=-earning["rate"])
    rows = []
    for revenue in np.linspace(earning["least"].sum() * (1 + 1e-9), earning["most"].sum() * (1 - 1e-9), POINTS):
        splits = {"most": best(earning, revenue), "least": best(worst, revenue), "fair": _fair(earning, revenue)}
        rows.append({"revenue": revenue} | {name: split @ earning["rate"] for name, split in splits.items()})
    return pd.DataFrame(rows, columns=FRONTIER)


def frontier_rates(frontier: pd.DataFrame) -> pd.DataFrame:
    """The margins of `frontier` as parts of the revenue that they are earned on.

    Returns
    -------
    DataFrame
        As `frontier`, with `most`, `least`, `fair` as ratios.
    """
    return frontier.assign(**{name: frontier[name] / frontier["revenue"] for name in FRONTIER[1:]})


@no_rows("orders.cost", needs="two parts whose margins are known")
def moves(earning: pd.DataFrame, plan: float) -> pd.DataFrame:
    """Where the plan would be moved, from equal chances to the most margin, and what each move earns.

    Returns
    -------
    DataFrame
        One row per part, the largest move up first: `dimension`, `unit`, `fair`, `best`, `move` (money), `rate`, `low`, `high`
        (margin, ratios), `gain` (move × how far the rate lies from that of all moved, money; they add up to the margin gained),
        `error` (of the gain, from the rates'), `chance` (of reaching `best`), `total`, `margin` (gain and fair margin of all), `n`;
        no rows where the bounds do not allow the plan.
    """
    found = best(earning, plan) if len(earning) > 1 else np.array([])
    if not len(found):
        return pd.DataFrame(columns=["dimension", "unit", "fair", "best", "move", "rate", "gain", "total", "margin"])
    fair = _fair(earning, plan)
    move = found - fair
    pivot = earning["rate"][move > 0].min() if (move > 0).any() else earning["rate"].mean()
    table = earning.assign(fair=fair, best=found, move=move, gain=move * (earning["rate"] - pivot))
    table = table.assign(low=earning["rate_low"], high=earning["rate_high"], error=np.abs(move) * earning["error"])
    table = table.assign(
        chance=1 - prospects.below(found, earning), total=move @ earning["rate"], margin=fair @ earning["rate"]
    )
    return table.sort_values("move", ascending=False, ignore_index=True)


def gain_total(moves: pd.DataFrame) -> pd.Series:
    """The margin that the best split earns over equal chances, all moves together, with its 90 % interval.

    Parameters
    ----------
    moves : DataFrame
        As `moves` gives it, with a row at least.

    Returns
    -------
    Series
        `total`, `low`, `high`, `plan` (money), `share` (of the margin of equal chances, missing where that is none), `fair_rate`,
        `best_rate` (margin ÷ plan of either split; ratios).
    """
    row, plan, reach = moves.iloc[0], moves["fair"].sum(), Z90 * (moves["error"] ** 2).sum() ** 0.5
    total, whole = row["total"], row["margin"]
    rates = {"fair_rate": whole / plan, "best_rate": (whole + total) / plan}
    ends = {"total": total, "low": total - reach, "high": total + reach, "plan": plan}
    return pd.Series(ends | {"share": total / whole if whole > 0 else np.nan} | rates)


@no_rows(none="of customers' losses, discounts, margin and targets, none stands out beyond its interval")
def findings(
    peak: pd.DataFrame | None = None,
    whale: pd.DataFrame | None = None,
    discounts: pd.DataFrame | None = None,
    moved: pd.DataFrame | None = None,
    fairness: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What a chief should know first of targets and profit, each with the money behind it, where its interval supports it.

    Parameters
    ----------
    peak, whale, moved : DataFrame, optional
        As the functions of this module give them (`moves`).
    discounts : DataFrame, optional
        As `discounts.discounts` gives it.
    fairness, targets : DataFrame, optional
        As `target_split.fairness` and `target_split.split` give them.

    Returns
    -------
    DataFrame
        One row per finding, the most money first, as `finding.FOUND`: `kind` ("unprofitable", "discount", "margin" or "targets"),
        `subject`, `worth` (money, a loss is negative), `value`, `compared`, `low`, `high` (in the finding's own unit), `n`.
    """
    pairs = [
        (_unprofitable, (whale, peak)),
        (_discount, (discounts,)),
        (_margin, (moved,)),
        (_targets, (fairness, targets)),
    ]
    found = [make(*frames) for make, frames in pairs if all(part is not None and len(part) for part in frames)]
    found = [row for row in found if row]
    return pd.DataFrame(found, columns=FINDING)[FOUND].sort_values("worth", key=abs, ascending=False, ignore_index=True)


def losses(
    orders: pd.DataFrame, customers: pd.DataFrame, period: Period, costs: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Customers whose loss is beyond chance, together.

    What breaking even may bring is the part of the loss that would come again by itself, as it did of those who lost beyond
    chance a year before. The risk is the chance that one of them makes no loss, their mean (a false discovery rate).

    Returns
    -------
    DataFrame
        At most one row, in the columns of `finding.FINDING`: `kind` "unprofitable", `subject` "customers", `worth`, `low`,
        `high` (their loss together, money, negative), `value` (loss over the profit of those who earn, ratio), `compared`
        (zero), `n` (customers); no row where no loss is beyond chance.
    """
    each = whale(orders, customers, period, costs)
    top = peak(each, orders, period, costs)
    found = findings(whale=each, peak=top).reindex(columns=FINDING)
    if found.empty:
        return found
    lost, stays, error = -found["worth"], top["stays"].iloc[0], top["stays_error"].iloc[0]
    reach = Z90 * np.hypot(lost * error, stays * (found["high"] - found["low"]) / 2 / Z90)
    ends = {"gain": lost * stays, "gain_low": (lost * stays - reach).clip(lower=0), "gain_high": lost * stays + reach}
    return found.assign(**ends, risk=each.loc[each["clear"], "risk"].mean())


def _unprofitable(whale: pd.DataFrame, peak: pd.DataFrame) -> Finding | None:
    """Customers whose loss is beyond chance; the interval is of their loss together."""
    clear = whale[whale["clear"]]
    reach = Z90 * np.sqrt((clear["error"] ** 2).sum())
    lost = clear["profit"].sum()
    if clear.empty or lost + reach >= 0:
        return None
    share = -lost / peak["peak"].iloc[0] if peak["peak"].iloc[0] > 0 else np.nan  # there may be none who earn
    ends = {"low": lost - reach, "high": lost + reach}
    return Finding("unprofitable", "customers", worth=lost, value=share, compared=0.0, **ends, n=len(clear))


def _discount(discounts: pd.DataFrame) -> Finding | None:
    """Sellers who clearly give more than others do on the same goods and channel; the ends are those of all at once."""
    clear = discounts[discounts["clear"] & (discounts["low"] > 0)]
    if clear.empty:
        return None
    listed = clear["cost"] / clear["excess"]
    ends = {"low": -(clear["high"] * listed).sum(), "high": -(clear["low"] * listed).sum()}
    given = (clear["discount"] * listed).sum() / listed.sum()
    usual = given - clear["cost"].sum() / listed.sum()
    return Finding(
        "discount", "sellers", worth=-clear["cost"].sum(), value=given, compared=usual, **ends, n=clear["n"].sum()
    )


def _margin(moved: pd.DataFrame) -> Finding | None:
    """Margin that the best split of the same revenue would add, where the rates' doubt does not undo it."""
    gain, reach = moved["total"].iloc[0], Z90 * np.sqrt((moved["error"] ** 2).sum())
    if gain - reach <= 0:
        return None
    before = moved["margin"].iloc[0] / moved["fair"].sum()
    value, ends = before + gain / moved["fair"].sum(), {"low": gain - reach, "high": gain + reach}
    subject = f"{moved['dimension'].iloc[0]}s"
    return Finding("margin", subject, worth=gain, value=value, compared=before, **ends, n=len(moved))


def _targets(fairness: pd.DataFrame, targets: pd.DataFrame) -> Finding | None:
    """Targets by last year that are out of reach for some: the money asked there beyond what an equal chance would ask."""
    flat = fairness[fairness["way"] == "last year plus"]
    unlikely = targets[(targets["flat_chance"] < UNLIKELY) & (targets["flat"] > targets["high"])]
    if flat.empty or unlikely.empty:
        return None
    over = (unlikely["flat"] - unlikely["target"]).sum()
    worst = unlikely.loc[unlikely["flat_chance"].idxmin()]
    ends = {end: -(unlikely["flat"] - unlikely[end]).sum() for end in ("low", "high")}
    asked = {"value": worst["flat_chance"], "compared": worst["even"]}
    return Finding("targets", worst["unit"], worth=-over, **asked, **ends, n=len(unlikely))


def _fair(earning: pd.DataFrame, revenue: float) -> np.ndarray:
    """Give the split with equal chances within the same bounds."""
    units = earning.assign(floor=earning["least"], cap=earning["most"], last_year=0.0)
    return split(units, revenue)["target"].to_numpy(float)


def _clear(table: pd.DataFrame) -> pd.Series:
    """Tell which customers' losses (`profit`, `error`, `n`) are beyond chance at a false discovery rate of one in ten."""
    z = t.cdf(table["profit"] / table["error"].where(table["error"] > 0), table["n"] - 1)
    return discovered(pd.Series(norm.ppf(np.clip(z, 1e-12, 1 - 1e-12)), table.index)) & (table["profit"] < 0)


def _profits(orders: pd.DataFrame, span: Period, costs: pd.DataFrame | None) -> pd.DataFrame:
    """Give revenue, margin, serving cost and profit of each customer in a span, and the margin's error."""
    lines = margin.labelled(orders)
    lines = lines.assign(sale=~credited(lines))[span.contains(lines["order_date"])]
    by_order = lines.groupby(["customer_id", "region", "order_id"])
    each = by_order.agg({"revenue": "sum", "margin": "sum", "sale": "any"}).reset_index().assign(serving=0.0)
    if costs is not None:
        spent = costs[costs["period_start"].ge(span.start) & costs["period_end"].le(span.end)]
        an_order = spent.groupby("region")["amount"].sum() / each[each["sale"]].groupby("region").size()
        each["serving"] = an_order.reindex(each["region"]).fillna(0.0).where(each["sale"].to_numpy(), 0.0).to_numpy()
    each = each.assign(profit=each["margin"] - each["serving"])
    by = each.groupby("customer_id")
    table = by[["revenue", "margin", "serving", "profit"]].sum().assign(n=by.size())
    return table.assign(error=by["profit"].std().where(table["n"] > 2) * np.sqrt(table["n"]))
