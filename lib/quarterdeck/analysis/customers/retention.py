"""Do customers stay, and do they buy more?"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from quarterdeck.analysis.methods.intervals import Z90, ratio, shrunk, shrunk_means, wilson
from quarterdeck.analysis.sales.constant_rates import STEP, at_constant_rates, effect, several_currencies
from quarterdeck.data.coverage import EVER, MONTH, looks_back, twelve_months, two_years
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows
from quarterdeck.data.snapshot import Missing
from quarterdeck.errors import refuse_unknown

YEAR, DAY = pd.DateOffset(years=1), pd.Timedelta(days=1)
LAG = pd.DateOffset(months=3)  # from what is spent on winning customers to their first order
KINDS = {"net": "now", "gross": "lesser", "logo": None}  # of retention, and the money that counts as kept
TWO_CUSTOMERS = Missing("Not shown: it needs two customers of a year ago, more than the data holds.")
STEPS = ["before", "new", "expansion", "won back", "contraction", "lost", "now"]
SIZES = {"micro (under 10)": 10, "small (under 50)": 50, "medium (under 250)": 250, "large": np.inf}  # employees


def yearly_revenue(orders: pd.DataFrame, through: pd.Timestamp) -> pd.DataFrame:
    """Each customer's revenue in the twelve months up to `through` and in the twelve before.

    Returns
    -------
    DataFrame
        Indexed by customer_id: `before`, `now` (money).
    """
    now = orders["order_date"].between(through - YEAR, through, inclusive="right")
    before = orders["order_date"].between(through - 2 * YEAR, through - YEAR, inclusive="right")
    spans = {"before": orders[before], "now": orders[now]}
    return pd.DataFrame({k: v.groupby("customer_id")["revenue"].sum() for k, v in spans.items()}).fillna(0.0)


def active(orders: pd.DataFrame, through: pd.Timestamp) -> pd.Index:
    """Customers with revenue in the twelve months to a day: every page that counts active customers counts these."""
    now = yearly_revenue(orders, through)["now"]
    return now.index[now > 0]


@no_rows(needs="a customer who bought in twelve months")
@looks_back(orders=twelve_months)
def customers_active(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Customers with revenue in the twelve months up to the period's last day seen.

    Returns
    -------
    DataFrame
        One row: `value` and `n` (customers).
    """
    n = len(active(orders, period.through))
    return pd.DataFrame({"value": [float(n)], "n": [n]})


@no_rows(needs="a customer who bought in the twelve months before the last twelve")
@looks_back(orders=two_years)
def net_revenue_retention(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue now of the customers of a year ago, over their revenue then; new and won-back customers left out.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `numerator`, `denominator` (money), `low`, `high` (90 %, were the customers a sample of many:
        `intervals.ratio`), `n` (customers then); no row within two years of the start.
    """
    return _retention(orders, period, lambda t: t["now"])


@no_rows(needs="a customer who bought in the twelve months before the last twelve")
@looks_back(orders=two_years)
def gross_revenue_retention(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """As `net_revenue_retention`, but no customer counts for more than it bought then: Σ min(now, before) ÷ Σ before.

    Returns
    -------
    DataFrame
        One row: `value` (ratio, at most 1), `numerator`, `denominator` (money), `low`, `high` (90 %), `n` (customers then).
    """
    table = _retention(orders, period, lambda t: t[["now", "before"]].min(axis=1))
    return table.assign(high=table["high"].clip(upper=1.0))


@no_rows(needs="a customer who bought in the twelve months before the last twelve")
@looks_back(orders=two_years)
def logo_retention(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Customers of a year ago that still are, over all of them: with revenue in the twelve months before, and in these.

    Returns
    -------
    DataFrame
        One row: `value` (ratio), `low`, `high` (Wilson 90 %), `n` (customers then); no row within two years of the start.
    """
    base = _base(orders, period.through)
    kept, n = int((base["now"] > 0).sum()), len(base)
    low, high = wilson(kept, n)
    rows = [[kept / n, low, high, n]] if n else []
    return pd.DataFrame(rows, columns=["value", "low", "high", "n"])


@looks_back(orders=two_years)
def retention_lines(
    orders: pd.DataFrame, period: Period, quarters: int = 12, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame | Missing:
    """Net, gross and logo retention of twelve months, as of the end of each of the last quarters and of the last day seen.

    Returns
    -------
    DataFrame
        One row per day and kind, oldest first: `day`, `kind` ("net", "gross", "logo"), `value`, `low`, `high` (ratios; 90 %, were
        the customers a sample of many: `intervals.ratio`, Wilson for logos), `n` (customers of a year before), `before` (money),
        `quarter` (that ends on the day, else empty); of days a year before which two customers or more had bought.
    """
    days = [*(q.end for q in last_quarters(period, quarters)), period.through]
    begin = max(begins["orders"], orders["order_date"].min())
    bases = {day: _base(orders, day) for day in days if begin <= day - 2 * YEAR + DAY or day == period.through}
    ends = {day: period.calendar.label(day, short=True) for day in days if day == period.calendar.end(day)}
    parts = [_kinds(base).assign(day=day, quarter=ends.get(day, "")) for day, base in bases.items() if len(base) > 1]
    columns = ["day", "kind", "value", "low", "high", "n", "before", "quarter"]
    return pd.concat(parts, ignore_index=True)[columns] if len(bases[period.through]) > 1 else TWO_CUSTOMERS


@looks_back(orders=two_years)
def retention_by(
    orders: pd.DataFrame, customers: pd.DataFrame, period: Period, by: str = "segment", fewest: int = 20
) -> pd.DataFrame | Missing:
    """Retention of groups of customers, each drawn to that of all by as much as its own customers leave it in doubt.

    Parameters
    ----------
    by : str
        "segment", or "size": bands of employees (European Commission, recommendation 2003/361).
    fewest : int
        Customers below which a group is left out.

    Returns
    -------
    DataFrame
        One row per group and kind ("net", "gross", "logo"), best net retention first: `group`, `kind`, `raw`, `value` (shrunk),
        `low`, `high` (90 %), `all` (of the groups together), ratios, `place` ("above" or "below" where an interval for all groups
        and kinds together says so, else ""), `n` (customers), `before` (money of the year before).

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    refuse_unknown("by", by, ("segment", "region", "size"))
    columns = ["group", "kind", "raw", "value", "low", "high", "all", "place", "n", "before"]
    if by not in customers or customers[by].isna().all():
        return Missing(f"Not shown: it needs {by} of customers, which the data leaves empty.")
    base = _base(orders, period.through).assign(group=lambda t: t.index.map(_groups(customers, by))).dropna()
    sizes = base["group"].value_counts()
    base = base[base["group"].isin(sizes[sizes >= fewest].index)]
    if base.empty:
        return Missing(f"Not shown: it needs a {by} of {fewest} customers a year ago, more than the data holds.")
    raw = pd.concat([_kinds(part).assign(group=name) for name, part in base.groupby("group")])
    whole = _kinds(base).set_index("kind")["value"]
    parts = [_shrunk(raw[raw["kind"] == kind].set_index("group"), kind, whole[kind]) for kind in KINDS]
    best = parts[0].sort_values("value", ascending=False)["group"].tolist()
    table = pd.concat(parts)
    return table.sort_values(["kind", "group"], key=lambda c: c.map({v: i for i, v in enumerate([*KINDS, *best])}))[
        columns
    ].reset_index(drop=True)


def lost(orders: pd.DataFrame, through: pd.Timestamp) -> pd.DataFrame:
    """Customers with revenue in the twelve months before the last twelve, and with none in these: who sends back more than it buys
    has none.

    Every page and finding that counts customers lost counts these.

    Returns
    -------
    DataFrame
        Indexed by customer_id: `before`, `now` (money, the latter zero or less).
    """
    table = yearly_revenue(orders, through)
    return table[(table["before"] > 0) & (table["now"] <= 0)]


@no_rows(needs="two years of orders of known customers")
@looks_back(orders=two_years)
def customer_bridge(orders: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp] = EVER) -> pd.DataFrame:
    """Revenue of the twelve months a year ago to that of the last twelve, customer by customer; it adds up exactly.

    Expansion and contraction are of customers of both spans, lost of those with no revenue in the last (`lost`), new of those with
    none ever before, won back of those who had some only earlier. A customer whose returns outweigh what it bought counts with
    them. Whether one is new can be known only where the data hold a year before these two. Where money of several currencies was
    converted, customers' steps are at the rates of a year before, and what rates did is a step of its own (`constant_rates`).

    Returns
    -------
    DataFrame
        `step` ("before", "new", "expansion", "won back", "contraction", "lost", "exchange rates" where there are several
        currencies, "now"), `amount` (money, signed), `customers`, and in every row `begin` (day from which orders are whole) and
        `knows` (bool: whether new customers can be kept apart from those won back); nothing within two years of the start.
    """
    last = Period(period.through - YEAR + DAY, period.through, period.through, period.calendar)
    several = several_currencies(orders, last, last.before())
    constant = at_constant_rates(orders, last) if several else orders
    table = yearly_revenue(constant, period.through)
    if table.empty:
        return pd.DataFrame(columns=["step", "amount", "customers", "begin", "knows"])
    earlier = orders[(orders["order_date"] <= period.through - 2 * YEAR) & (orders["revenue"] > 0)]
    known = table.index.isin(earlier["customer_id"].unique())
    here, gone, moved = table["before"] > 0, table["now"] <= 0, table["now"] - table["before"]
    left, arrived = table.index.isin(lost(orders, period.through).index), np.where(known, "won back", "new")
    named = np.where(left, "lost", np.where(~here & ~gone, arrived, np.where(moved < 0, "contraction", "expansion")))
    sums = moved.groupby(named).agg(["sum", "size"]).reindex(STEPS[1:-1]).fillna(0)
    sums["size"] = (moved != 0).groupby(named).sum().reindex(sums.index).fillna(0)
    ends = pd.DataFrame({"sum": table[["before", "now"]].sum(), "size": (table[["before", "now"]] > 0).sum()})
    whole = pd.concat([sums, ends]).reindex(STEPS).set_axis(["amount", "customers"], axis=1)
    if several:
        whole = _with_rates(whole, effect(orders[orders["customer_id"].notna()], constant, last))
    begin = max(begins["orders"], orders["order_date"].min())
    steps = whole.rename_axis("step").reset_index().astype({"customers": int})
    return steps.assign(begin=begin, knows=begin <= period.through - 3 * YEAR + DAY)


def _with_rates(whole: pd.DataFrame, moved: float) -> pd.DataFrame:
    """Put what exchange rates did before the last step of a bridge at constant rates, which then is as reported."""
    rates = pd.DataFrame({"amount": [moved], "customers": [whole.loc["now", "customers"]]}, index=[STEP])
    now = whole.loc[["now"]].assign(amount=whole.loc["now", "amount"] + moved)
    return pd.concat([whole.iloc[:-1], rates, now])


def flow(bridge: pd.DataFrame) -> pd.Series:
    """What came in and what went between the two years of `customer_bridge`.

    Returns
    -------
    Series
        `gained` (new, more and won back), `gone` (less and lost; money), `ratio` (gained ÷ gone, missing where nothing went).
    """
    amount = bridge.set_index("step")["amount"]
    gained, gone = amount[["new", "expansion", "won back"]].sum(), -amount[["contraction", "lost"]].sum()
    return pd.Series({"gained": gained, "gone": gone, "ratio": gained / gone if gone > 0 else np.nan})


@looks_back(orders=two_years)
def acquisition(
    orders: pd.DataFrame,
    costs: pd.DataFrame,
    period: Period,
    kinds: list[str] | tuple[str, ...] = (),
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame | Missing:
    """What a new customer cost, and after how many months its margin has paid for that.

    Cost = spend of the four quarters to three months ago ÷ customers new in the last twelve months: selling comes before the sale.
    Payback = cost ÷ a new customer's gross margin a month since its first order (net revenue where no cost of goods is known).

    Parameters
    ----------
    kinds : list of str
        Kinds of cost that win customers; empty for all there are.

    Returns
    -------
    DataFrame
        One row per kind, most first, and one for "all": `kind`, `amount`, `cost` (money per new customer), `low`, `high` (90 %,
        were newcomers a Poisson count), `n` (new customers), `margin` (money a month of one), `months`, and in every row
        `unseen` (months before the last twelve in which the data hold no order of a newcomer); nothing without newcomers.
    """
    end = period.through - LAG + pd.offsets.MonthEnd(0)
    due = costs["period_end"].between(end - YEAR, end, inclusive="right") & (costs["kind"].isin(kinds) | (not kinds))
    spent = costs[due].groupby("kind")["amount"].sum().sort_values(ascending=False)
    sold = orders[orders["order_date"] <= period.through]
    first = sold[sold["revenue"] > 0].groupby("customer_id")["order_date"].min()
    new = first[first > period.through - YEAR]
    columns = ["kind", "amount", "cost", "low", "high", "n", "margin", "months", "unseen"]
    if new.empty or spent.empty:
        need = "a new customer, and a cost in the four quarters to three months ago"
        return Missing(f"Not shown: it needs {need}, more than the data holds.")
    lines = sold[sold["customer_id"].isin(new.index)]
    lived = ((period.through - new).dt.days / MONTH).clip(lower=1).sum()
    margin = float((lines["revenue"] - lines["cost"].fillna(0)).sum() / lived)
    table = pd.concat([spent, pd.Series({"all": spent.sum()})]).rename_axis("kind").reset_index(name="amount")
    few, many = gammaincinv(len(new), 0.05), gammaincinv(len(new) + 1, 0.95)
    table = table.assign(cost=table["amount"] / len(new), low=table["amount"] / many, high=table["amount"] / few)
    months = table["cost"] / margin if margin > 0 else np.nan
    begin = max(begins["orders"], orders["order_date"].min())
    unseen = round((period.through - YEAR - begin).days / MONTH)
    return table.assign(n=len(new), margin=margin, months=months, unseen=unseen)[columns]


def _retention(orders: pd.DataFrame, period: Period, kept: Callable) -> pd.DataFrame:
    base = yearly_revenue(orders, period.through).query("before > 0")
    part = kept(base).clip(lower=0)
    value, error = ratio(part, base["before"])
    row = {"value": part.sum() / base["before"].sum() if len(base) else None, "numerator": part.sum()}
    row |= {
        "denominator": base["before"].sum(),
        "low": value - Z90 * error,
        "high": value + Z90 * error,
        "n": len(base),
    }
    table = pd.DataFrame([row])
    return table if len(base) else table.iloc[:0]


def _base(orders: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Give the customers of a year ago: `before` and `now` (money, not below zero), and the `lesser` of the two."""
    base = yearly_revenue(orders, day).query("before > 0")
    return base.assign(now=base["now"].clip(lower=0), lesser=base[["now", "before"]].min(axis=1).clip(lower=0))


def _kinds(base: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for kind, column in KINDS.items():
        part = (base["now"] > 0).astype(float) if column is None else base[column]
        value, error = ratio(part, base["before"] if column else part * 0 + 1)
        low, high = wilson(part.sum(), len(base)) if column is None else (value - Z90 * error, value + Z90 * error)
        ends = {"low": max(low, 0), "high": min(high, 1) if kind != "net" else high}
        rows.append({"kind": kind, "value": value, "error": error, **ends})
    table = pd.DataFrame(rows, columns=["kind", "value", "error", "low", "high"])
    return table.assign(n=len(base), kept=int((base["now"] > 0).sum()), before=base["before"].sum())


def _shrunk(raw: pd.DataFrame, kind: str, whole: float) -> pd.DataFrame:
    """Draw the groups' retention of one kind to that of all, and say which stand apart from it for all groups together."""
    wide = 1 - 0.05 / (len(KINDS) * max(len(raw), 1))  # Bonferroni: one company in twenty
    ranges = (
        [shrunk(raw["kept"], raw["n"], level) for level in (0.9, wide)]
        if kind == "logo"
        else [shrunk_means(raw["value"], raw["error"].clip(lower=1e-3), level) for level in (0.9, wide)]
    )
    near, far = (t.set_axis(["value", "low", "high"], axis=1) for t in ranges)
    place = np.where(far["low"] > whole, "above", np.where(far["high"] < whole, "below", ""))
    kept = raw[["kind", "n", "before"]].assign(raw=raw["value"], all=whole, place=place)
    return kept.join(near).reset_index()


def _groups(customers: pd.DataFrame, by: str) -> pd.Series:
    column = customers.set_index("customer_id")[by]
    if by != "size":
        return column
    return pd.cut(column.astype(float), [0, *(b for b in SIZES.values())], right=False, labels=list(SIZES)).astype(
        object
    )
