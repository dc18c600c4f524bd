"""What should a chief know first, and how much money is behind it?

A finding is kept only where its interval supports it; findings are ordered by the money behind them.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from quarterdeck.analysis.brief.status import stands
from quarterdeck.analysis.methods.claims import first
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline import movement
from quarterdeck.analysis.sales.constant_rates import STEP, at_constant_rates, effect, several_currencies
from quarterdeck.analysis.sales.revenue import due_targets
from quarterdeck.analysis.sales.territories import STEP as MOVED
from quarterdeck.analysis.sales.territories import moved
from quarterdeck.analysis.team import pace, performance
from quarterdeck.data import COMPANY
from quarterdeck.data.coverage import EVER, last_year, looks_back, this_quarter
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows
from quarterdeck.data.snapshot import Missing
from quarterdeck.errors import refuse_unknown

CENT = 0.005
PARTED_BY = ("segment", "region")  # of the customer, of the order


@no_rows(needs="a quarter with orders or deals won")
@looks_back(sales=this_quarter)
def quarterly(
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
    quarters: int = 8,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Revenue by quarter and the target it had; without orders, bookings (deals won, by closing day).

    Returns
    -------
    DataFrame
        One row per whole quarter with sales, oldest first, the open one last: `start` (day), `label`, `sold` (money so
        far), `target` (money, missing where none was set).
    """
    sales = _sales(orders, opportunities)
    begin = begins["opportunities" if orders is None else "orders"]
    spans = [*(s for s in last_quarters(period, quarters) if s.start >= begin), period]
    rows = [
        {
            "start": span.start,
            "label": span.name,
            "sold": sales.loc[span.contains(sales["day"]), "amount"].sum(),
            "target": _target(targets, span, orders),
        }
        for span in spans
    ]
    return pd.DataFrame(rows).astype({"target": "float64"}).query("sold != 0").reset_index(drop=True)


@no_rows(needs="an order in the same days a year before")
@looks_back(orders=last_year)
def revenue_bridge(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    period: Period,
    most: int = 6,
    by: str = "segment",
    region: str = COMPANY,
) -> pd.DataFrame | Missing:
    """Change of revenue against the same span a year before, by the customers' segment or by region; it adds up exactly.

    Where money of several currencies was converted, parts are at the rates of a year before, and what exchange rates did is a
    step of its own (`constant_rates`). So is what a region has by accounts that moved to or from it (`territories`): revenue now of
    those that came less that of a year before of those that went; the parts are then of accounts that stayed.

    Returns
    -------
    DataFrame
        `part`, `amount` (money), `kind` ("total" or "change"): last year first, then the `most` largest changes and
        all others together, "Moved between territories" where accounts did, "Exchange rates" where there are several currencies,
        this year last; no rows where there was no revenue a year before, a Missing where there is one region alone, or no
        customer's segment is known.

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    lines = with_part(orders, customers, by)
    several = several_currencies(orders, period, period.before())
    constant = at_constant_rates(orders, period) if several else orders
    away = moved(orders, period, region)
    table = sums_by_part(by, constant[~away], customers, period)
    if by == "region" and len(table) < 2:
        return Missing("Not shown by region: on this page there is one region alone.")
    if by == "segment" and len(customers) and customers["segment"].isna().all():
        return Missing("Not shown: it needs segment of customers, which the data leaves empty.")
    went = sums_by_part(by, constant[away], customers, period)[["before", "now"]].sum()
    before = table["before"].sum() + went["before"]
    if not before:
        return pd.DataFrame(columns=["part", "amount", "kind"])
    steps = _largest(table["now"] - table["before"], most)
    steps |= {MOVED.capitalize(): went["now"] - went["before"]} if away.any() else {}
    held = (frame.dropna(subset="part") for frame in (lines, with_part(constant, customers, by)))
    rates = effect(*held, period)
    steps |= {STEP.capitalize(): rates} if several else {}
    now = table["now"].sum() + went["now"] + (rates if several else 0.0)
    rows = [("A year before", before, "total"), *((part, amount, "change") for part, amount in steps.items())]
    return pd.DataFrame([*rows, ("Now", now, "total")], columns=["part", "amount", "kind"])


def _largest(changes: pd.Series, most: int) -> dict[str, float]:
    """Give the `most` largest changes, the largest gain first, and all others together."""
    ordered = changes.sort_values(key=abs, ascending=False)
    others = {"All others": ordered.iloc[most:].sum()} if len(ordered) > most else {}
    return ordered.head(most).sort_values(ascending=False).to_dict() | others


@no_rows(none="no target and no quota is set")
def aims(
    period: Period,
    landing: pd.DataFrame,
    ahead: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
    quotas: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    opportunity_history: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What each figure is held against, where something is: targets of the whole quarter, and the coverage that is needed.

    Parameters
    ----------
    landing : DataFrame
        As `quarter_end.landing` gives it.
    ahead : DataFrame, optional
        As `next_quarter.next_quarter` gives it.

    Returns
    -------
    DataFrame
        `metric`, `aim` ("target", or "quotas" where these stand in), `target` (in the metric's unit): the revenue
        target for `revenue`, `lead_commit` and `forecast_p50`, what is needed for
        `next_pipeline`, margin target over revenue target for `gross_margin`, one for attainments,
        and for `pipeline_coverage` what `pace.cover` needs, or one over the win rate by value where the past does not tell that.
    """
    found = dict.fromkeys(("forecast_p50", "lead_commit"), landing["target"].max())
    found |= {"target_attainment": 1.0, "quota_attainment": 1.0}
    found["next_pipeline"] = np.nan if ahead is None else ahead["needed"].max()
    if targets is not None:
        due = due_targets(targets, period, orders)
        found["revenue"] = due["revenue_target"].sum() or np.nan
        margins = due.dropna(subset=["margin_target"])
        if margins["revenue_target"].sum() > 0:
            found["gross_margin"] = margins["margin_target"].sum() / margins["revenue_target"].sum()
    if quotas is not None and opportunities is not None:
        found["pipeline_coverage"] = performance.coverage_total(quotas, opportunities, period, begins)["required"].max()
        if opportunity_history is not None:
            needed = pace.cover(quotas, opportunities, opportunity_history, period, begins=begins)["needed"]
            found["pipeline_coverage"] = next(iter(needed), found["pipeline_coverage"])
    found["target_probability"] = np.nan
    of_quotas = landing.get("of_quotas", pd.Series(dtype="float64")).eq(1).any()
    table = pd.DataFrame({"metric": list(found), "target": list(found.values())}).astype({"target": "float64"})
    return table.assign(
        aim=np.where(
            of_quotas & table["metric"].isin(["forecast_p50", "lead_commit", "target_probability"]), "quotas", "target"
        )
    )


def scorecard(kpis: pd.DataFrame, aims: pd.DataFrame) -> pd.DataFrame:
    """Measured metrics with their targets, and the first predicate of each that holds.

    A forecast is held against its target by its interval, margin and coverage by their value, a chance by its size, all
    others against last year, where there was something then: an estimate by its interval, a count by its value.

    Parameters
    ----------
    kpis, aims : DataFrame
        As `metrics.measure` and `aims` give them.

    Returns
    -------
    DataFrame
        `kpis` with `target`, `aim`, `claim` (a `claims.Claim` or None) and `state` ("good", "warn", "bad" or "").
    """
    table = kpis.merge(aims, on="metric", how="left").fillna({"aim": "target"})
    table["previous"] = table["previous"].where(table["previous"] != 0)  # nothing then is no measure of now
    return stands(table)


@no_rows(none="no run of this quarter came before")
def since_last(kpis: pd.DataFrame, kpi_history: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Which figures moved since the last run of an earlier day, as that run reported them?

    Figures of a quarter are compared within it alone.

    Returns
    -------
    DataFrame
        One row per metric that both runs reported: `metric`, `title`, `unit`, `better`, `then_on` (day), `then`, `now`, `moved`
        (now less then), `claim` (a `claims.Claim`); no rows where there was no run before in the quarter.
    """
    last = kpi_history["as_of"].where(kpi_history["as_of"] < period.through).max()
    recorded = kpi_history[kpi_history["as_of"].eq(last) & kpi_history["value"].notna()]
    then = recorded.set_index("metric")["value"]
    both = kpis[kpis["metric"].isin(then.index) & kpis["value"].notna()]
    if last < period.start:
        both = both[both["period"].isin(["trailing twelve months", "last four whole quarters", "open today"])]
    table = both[["metric", "title", "unit", "better"]].assign(
        then_on=last, then=both["metric"].map(then).astype("float64"), now=both["value"]
    )
    claims = [
        first(metric, ("rose", "fell", "stood still"), {"now": now, "before": then}, "since the last run")
        for metric, now, then in table[["metric", "now", "then"]].to_numpy()
    ]
    return table.assign(moved=table["now"] - table["then"], claim=claims).reset_index(drop=True)


@no_rows(none="no run of this quarter came before")
def came_in(
    orders: pd.DataFrame, customers: pd.DataFrame, since: pd.DataFrame, period: Period, by: str = "segment"
) -> pd.DataFrame:
    """From the revenue that the last run reported to this one's, by what was sold since; it adds up exactly.

    Parameters
    ----------
    since : DataFrame
        As `since_last` gives it.
    by : str
        "segment" of the customer, or "region".

    Returns
    -------
    DataFrame
        As `bridge` gives it; "Corrected" is what has changed of the days that the last run spoke of. No rows where the last
        run was not of this quarter.

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    refuse_unknown("by", by, PARTED_BY)
    revenue = since[since["metric"].eq("revenue")]
    columns = ["part", "amount", "kind"]
    if revenue.empty:
        return pd.DataFrame(columns=columns)
    day, then, now = revenue[["then_on", "then", "now"]].iloc[0]
    lines = with_part(orders[period.contains(orders["order_date"])], customers, by)
    parts = lines[lines["order_date"] > day].groupby("part")["revenue"].sum().sort_values(ascending=False)
    corrected = lines.loc[lines["order_date"] <= day, "revenue"].sum() - then
    rows = [(f"Reported on\n{day.day} {day:%b}", then, "total"), *((k, v, "change") for k, v in parts.items())]
    rows += [("Corrected", corrected, "change")] if abs(corrected) >= CENT else []
    return pd.DataFrame([*rows, ("Now", now, "total")], columns=columns)


@no_rows(needs="a deal due in this quarter that was open a week ago or since")
def pipeline_since(
    opportunity_history: pd.DataFrame, period: Period, since: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What became of the pipeline due in the quarter since the last run, or in the last week where there was none.

    Parameters
    ----------
    since : DataFrame, optional
        As `since_last` gives it.

    Returns
    -------
    DataFrame
        As `movement.waterfall` gives it, with `since` (day).
    """
    week = period.through - pd.Timedelta(days=7)
    begin = since["then_on"].iloc[0] if since is not None and len(since) else week
    return movement.waterfall(opportunity_history, period, begin).assign(since=begin)


def _sales(orders: pd.DataFrame | None, opportunities: pd.DataFrame | None) -> pd.DataFrame:
    if orders is not None:
        return orders.rename(columns={"order_date": "day", "revenue": "amount"})[["day", "amount"]]
    if opportunities is not None:
        won = opportunities[opportunities["status"].eq("won")]
        return won.rename(columns={"closed_on": "day"})[["day", "amount"]]
    return pd.DataFrame({"day": pd.Series(dtype="datetime64[us]"), "amount": pd.Series(dtype="float64")})


def _target(targets: pd.DataFrame | None, span: Period, orders: pd.DataFrame | None) -> float | None:
    if targets is None:
        return None
    due = due_targets(targets, span, orders)
    return due["revenue_target"].sum() if len(due) else None


def with_part(orders: pd.DataFrame, customers: pd.DataFrame, by: str) -> pd.DataFrame:
    """Order lines with their `part`: the region, or the customer's segment.

    Parameters
    ----------
    by : str
        "region" or "segment".

    Returns
    -------
    DataFrame
        The rows and columns of `orders`, and `part`; it is missing where the customer or its segment is not known.

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    refuse_unknown("by", by, PARTED_BY)
    if by == "region":
        return orders.assign(part=orders["region"])
    return orders.assign(part=looked_up(orders["customer_id"], customers.set_index("customer_id")["segment"]))


def sums_by_part(by: str, orders: pd.DataFrame, customers: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue of each region or segment now and in the same span a year before, with the noise of its orders.

    Parameters
    ----------
    by : str
        "region" or "segment".

    Returns
    -------
    DataFrame
        One row per part, indexed by `part`: `now`, `before` (money), `noise` (Σ squared values of the orders of both spans: the
        variance of a compound Poisson sum, money²), `orders` (of both spans); zero where a span has none.

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    lines = with_part(orders, customers, by)
    spans = {"now": lines[period.contains(lines["order_date"])]}
    spans["before"] = lines[period.before().contains(lines["order_date"])]
    table = pd.DataFrame({k: v.groupby("part")["revenue"].sum() for k, v in spans.items()})
    sums = pd.concat([v.groupby(["part", "order_id"])["revenue"].sum() for v in spans.values()])
    table["noise"] = sums.pow(2).groupby("part").sum()
    table["orders"] = sums.groupby("part").size()
    return table.fillna(0.0)
