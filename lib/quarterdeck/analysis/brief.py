"""What should a chief know first, and how much money is behind it?

A finding is kept only where its interval supports it; findings are ordered by the money behind them.
"""

import numpy as np
import pandas as pd

from quarterdeck.data.periods import Period, last_quarters

Z90 = 1.6449  # two-sided 90 % of the normal distribution
FINDING = ["kind", "subject", "worth", "value", "compared", "low", "high", "n"]


def quarterly(
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
    quarters: int = 8,
) -> pd.DataFrame:
    """Revenue by quarter and the target it had; without orders, bookings (deals won, by closing day).

    Returns
    -------
    DataFrame
        One row per quarter with sales, oldest first, the open one last: `start` (day), `label`, `sold` (money so
        far), `target` (money, missing where none was set).
    """
    sales = _sales(orders, opportunities)
    spans = [*last_quarters(period.start, quarters), period]
    rows = [
        {
            "start": span.start,
            "label": f"Q{span.start.quarter} {span.start:%y}",
            "sold": sales.loc[span.contains(sales["day"]), "amount"].sum(),
            "target": _target(targets, span),
        }
        for span in spans
    ]
    return pd.DataFrame(rows).astype({"target": "float64"}).query("sold != 0").reset_index(drop=True)


def bridge(orders: pd.DataFrame, customers: pd.DataFrame, period: Period, most: int = 6) -> pd.DataFrame:
    """Change of revenue against the same span a year before, by the customers' segment; it adds up exactly.

    Returns
    -------
    DataFrame
        `part`, `amount` (money), `kind` ("total" or "change"): last year first, then the `most` largest changes and
        all others together, this year last; no rows where there was no revenue a year before.
    """
    table = _by_segment(orders, customers, period)
    if not table["before"].sum():
        return pd.DataFrame(columns=["part", "amount", "kind"])
    moved = (table["now"] - table["before"]).sort_values(key=abs, ascending=False)
    parts = moved.head(most).sort_values(ascending=False)
    if len(moved) > most:
        parts["All others"] = moved.iloc[most:].sum()
    frame = parts.rename_axis("part").reset_index(name="amount").assign(kind="change")
    ends = [["A year before", table["before"].sum(), "total"], ["Now", table["now"].sum(), "total"]]
    ends = pd.DataFrame(ends, columns=frame.columns)
    return pd.concat([ends.iloc[:1], frame, ends.iloc[1:]], ignore_index=True)


def findings(
    period: Period,
    landing: pd.DataFrame,
    orders: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    most: int = 3,
) -> pd.DataFrame:
    """The `most` findings with the most money behind them, of those that their interval supports.

    Parameters
    ----------
    landing : DataFrame
        As `forecast.landing` gives it.

    Returns
    -------
    DataFrame
        One row per finding, the most money first: kind ("target", "segment", "rival" or "lapsed"), subject, worth
        (money, signed: a loss is negative), value, compared, low, high (in the finding's own unit), n.
    """
    found = [target_gap(landing)]
    if orders is not None:
        found.append(lapsed_customers(orders, period))
        if customers is not None:
            found.append(segment_moves(orders, customers, period))
    if opportunities is not None:
        found.append(rival_losses(opportunities, period))
    # The best of each kind first, so that three findings are three subjects.
    best = [f.sort_values("worth", key=abs, ascending=False).head(1) for f in found if len(f)]
    if not best:
        return pd.DataFrame(columns=FINDING)
    return pd.concat(best).sort_values("worth", key=abs, ascending=False).head(most).reset_index(drop=True)


def target_gap(landing: pd.DataFrame) -> pd.DataFrame:
    """The expected end of the quarter against its target, kept where the target lies outside P10 to P90."""
    told = landing.dropna(subset=["target", "p50"]).query("target > 0 and (target < p10 or target > p90)")
    return pd.DataFrame(
        {
            "kind": "target",
            "subject": "target",
            "worth": told["p50"] - told["target"],
            "value": told["p50"],
            "compared": told["target"],
            "low": told["p10"],
            "high": told["p90"],
            "n": told["n_origins"],
        },
        columns=FINDING,
    )


def segment_moves(orders: pd.DataFrame, customers: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Segments whose revenue moved against the same span a year before by more than chance.

    Revenue is a sum over orders; were it a compound Poisson sum, its variance would be the sum of squared order
    values (Cramér–Lundberg), which gives the 90 % interval of the change.
    """
    table = _by_segment(orders, customers, period)
    moved = table["now"] - table["before"]
    margin = Z90 * np.sqrt(table["noise"])
    return pd.DataFrame(
        {
            "kind": "segment",
            "subject": table.index,
            "worth": moved,
            "value": table["now"],
            "compared": table["before"],
            "low": moved - margin,
            "high": moved + margin,
            "n": table["orders"],
        }
    ).loc[(moved.abs() > margin) & (table["before"] > 0)]


def rival_losses(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Rivals against whom we win less often than against the others: twelve months of closed deals.

    Worth is the amount that winning at our rate against the others would have added. Kept where the 90 % interval
    of the difference of the two rates (Wald) lies below zero, widened to the number of rivals compared (Bonferroni).
    """
    recent = opportunities["closed_on"].between(period.through - pd.DateOffset(years=1), period.through)
    closed = opportunities[recent & opportunities["status"].ne("open") & opportunities["competitor"].notna()]
    rivals = (
        closed.assign(won=closed["status"].eq("won"))
        .groupby("competitor")
        .agg(won=("won", "sum"), n=("won", "size"), amount=("amount", "sum"))
    )
    rest = rivals[["won", "n"]].sum() - rivals[["won", "n"]]
    rate, other = rivals["won"] / rivals["n"], rest["won"] / rest["n"]
    spread = np.sqrt(rate * (1 - rate) / rivals["n"] + other * (1 - other) / rest["n"])
    margin = _bonferroni(len(rivals)) * spread
    return pd.DataFrame(
        {
            "kind": "rival",
            "subject": rivals.index,
            "worth": -(other - rate) * rivals["amount"],
            "value": rate,
            "compared": other,
            "low": rate - other - margin,
            "high": rate - other + margin,
            "n": rivals["n"],
        }
    ).loc[(rate - other + margin < 0) & (rest["n"] > 0)]


def lapsed_customers(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue of the year before last from customers who bought nothing in the last twelve months: a count, not a sample."""
    year = pd.DateOffset(years=1)
    last = orders["order_date"].between(period.through - year, period.through, inclusive="right")
    before = orders["order_date"].between(period.through - 2 * year, period.through - year, inclusive="right")
    then = orders[before].groupby("customer_id")["revenue"].sum()
    gone = then[~then.index.isin(orders.loc[last, "customer_id"]) & (then > 0)]
    row = [
        "lapsed",
        "customers",
        -gone.sum(),
        gone.sum() / then.sum() if then.sum() else 0.0,
        0.0,
        None,
        None,
        len(gone),
    ]
    return pd.DataFrame([row] if len(gone) else [], columns=FINDING)


def _sales(orders: pd.DataFrame | None, opportunities: pd.DataFrame | None) -> pd.DataFrame:
    if orders is not None:
        return orders.rename(columns={"order_date": "day", "revenue": "amount"})[["day", "amount"]]
    if opportunities is not None:
        won = opportunities[opportunities["status"].eq("won")]
        return won.rename(columns={"closed_on": "day"})[["day", "amount"]]
    return pd.DataFrame({"day": pd.Series(dtype="datetime64[us]"), "amount": pd.Series(dtype="float64")})


def _target(targets: pd.DataFrame | None, span: Period) -> float | None:
    if targets is None:
        return None
    due = targets[targets["period_start"].ge(span.start) & targets["period_end"].le(span.end)]
    return due["revenue_target"].sum() if len(due) else None


def _by_segment(orders: pd.DataFrame, customers: pd.DataFrame, period: Period) -> pd.DataFrame:
    segment = customers.set_index("customer_id")["segment"]
    lines = orders.assign(segment=orders["customer_id"].map(segment))
    spans = {"now": lines[period.contains(lines["order_date"])]}
    spans["before"] = lines[period.before().contains(lines["order_date"])]
    table = pd.DataFrame({k: v.groupby("segment")["revenue"].sum() for k, v in spans.items()})
    sums = pd.concat([v.groupby(["segment", "order_id"])["revenue"].sum() for v in spans.values()])
    table["noise"] = sums.pow(2).groupby("segment").sum()
    table["orders"] = sums.groupby("segment").size()
    return table.fillna(0.0)


def _bonferroni(comparisons: int) -> float:
    from scipy.stats import norm  # here, for it is slow to import and only this line needs it

    return float(norm.ppf(1 - 0.05 / max(comparisons, 1)))
