"""What should a chief know first, and how much money is behind it?

A finding is kept only where its interval supports it; findings are ordered by the money behind them.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from quarterdeck.analysis import competitors, market, movement, pace, team
from quarterdeck.analysis.claims import AGAINST_BEFORE, AGAINST_TARGET, ODDS, Claim, first
from quarterdeck.analysis.rates import wilson
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.snapshot import Missing
from quarterdeck.errors import refuse_unknown

# A finding: the money behind it, its figure and what that is held against, the interval, and what acting on it may bring
# (money, with its interval) with the chance that it is wrong.
FOUND = ["kind", "subject", "worth", "value", "compared", "low", "high", "n"]
FINDING = [*FOUND, "gain", "gain_low", "gain_high", "risk"]  # the last four may be missing
CENT = 0.005
PARTED_BY = ("segment", "region")  # of the customer, of the order
QUARTER = pd.Timedelta(days=90)


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


def bridge(
    orders: pd.DataFrame, customers: pd.DataFrame, period: Period, most: int = 6, by: str = "segment"
) -> pd.DataFrame | Missing:
    """Change of revenue against the same span a year before, by the customers' segment or by region; it adds up exactly.

    Returns
    -------
    DataFrame
        `part`, `amount` (money), `kind` ("total" or "change"): last year first, then the `most` largest changes and
        all others together, this year last; no rows where there was no revenue a year before, a Missing where there is one
        region alone.

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    refuse_unknown("by", by, PARTED_BY)
    table = _by(by, orders, customers, period)
    if by == "region" and len(table) < 2:
        return Missing("Not shown by region: on this page there is one region alone.")
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


def aims(
    period: Period,
    landing: pd.DataFrame,
    targets: pd.DataFrame | None = None,
    quotas: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    opportunity_history: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What each figure is held against, where something is: targets of the whole quarter, and the coverage that is needed.

    Parameters
    ----------
    landing : DataFrame
        As `forecast.landing` gives it.

    Returns
    -------
    DataFrame
        `metric`, `target` (in the metric's unit): the revenue target for `revenue` and `forecast_p50`, margin target over
        revenue target for `gross_margin`, one for attainments, and for `pipeline_coverage` what `pace.cover` needs,
        or one over the win rate by value where the past does not tell that.
    """
    found = {"forecast_p50": landing["target"].max(), "target_attainment": 1.0, "quota_attainment": 1.0}
    if targets is not None:
        due = targets[targets["period_start"].ge(period.start) & targets["period_end"].le(period.end)]
        found["revenue"] = due["revenue_target"].sum() or np.nan
        margins = due.dropna(subset=["margin_target"])
        if margins["revenue_target"].sum() > 0:
            found["gross_margin"] = margins["margin_target"].sum() / margins["revenue_target"].sum()
    if quotas is not None and opportunities is not None:
        found["pipeline_coverage"] = team.coverage_total(quotas, opportunities, period)["required"].max()
        if opportunity_history is not None:
            needed = pace.cover(quotas, opportunities, opportunity_history, period)["needed"]
            found["pipeline_coverage"] = next(iter(needed), found["pipeline_coverage"])
    return pd.DataFrame({"metric": list(found), "target": list(found.values())}).astype({"target": "float64"})


def scorecard(kpis: pd.DataFrame, aims: pd.DataFrame) -> pd.DataFrame:
    """Measured metrics with their targets, and the first predicate of each that holds.

    A forecast is held against its target by its interval, margin and coverage by their value, a chance by its size, all
    others against last year, where there was something then: an estimate by its interval, a count by its value.

    Parameters
    ----------
    kpis, aims : DataFrame
        As `catalogue.measure` and `aims` give them.

    Returns
    -------
    DataFrame
        `kpis` with `target`, `claim` (a `claims.Claim` or None) and `state` ("good", "warn", "bad" or "").
    """
    table = kpis.merge(aims, on="metric", how="left")
    table["previous"] = table["previous"].where(table["previous"] != 0)  # nothing then is no measure of now
    table["claim"] = [_claim(row) for row in table.itertuples()]
    table["state"] = [_state(c, better) for c, better in zip(table["claim"], table["better"], strict=True)]
    return table


def since_last(kpis: pd.DataFrame, kpi_history: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Which figures moved since the last run of an earlier day, as that run told them?

    Figures of a quarter are compared within it alone.

    Returns
    -------
    DataFrame
        One row per metric that both runs told: `metric`, `title`, `unit`, `better`, `then_on` (day), `then`, `now`, `moved` (now
        less then), `claim` (a `claims.Claim`); no rows where there was no run before in the quarter.
    """
    last = kpi_history["as_of"].where(kpi_history["as_of"] < period.through).max()
    told = kpi_history[kpi_history["as_of"].eq(last) & kpi_history["value"].notna()]
    then = told.set_index("metric")["value"]
    both = kpis[kpis["metric"].isin(then.index) & kpis["value"].notna()]
    if last < period.start:
        both = both[both["period"].isin(["trailing twelve months", "last four whole quarters", "open today"])]
    table = both[["metric", "title", "unit", "better"]].assign(
        then_on=last, then=both["metric"].map(then).astype("float64"), now=both["value"]
    )
    told_so = [
        first(metric, ("rose", "fell", "stood still"), {"now": now, "before": then}, "since the last run")
        for metric, now, then in table[["metric", "now", "then"]].to_numpy()
    ]
    return table.assign(moved=table["now"] - table["then"], claim=told_so).reset_index(drop=True)


def came_in(
    orders: pd.DataFrame, customers: pd.DataFrame, since: pd.DataFrame, period: Period, by: str = "segment"
) -> pd.DataFrame:
    """From the revenue that the last run told to this one's, by what was sold since; it adds up exactly.

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
    told = since[since["metric"].eq("revenue")]
    columns = ["part", "amount", "kind"]
    if told.empty:
        return pd.DataFrame(columns=columns)
    day, then, now = told[["then_on", "then", "now"]].iloc[0]
    lines = _parted(orders[period.contains(orders["order_date"])], customers, by)
    parts = lines[lines["order_date"] > day].groupby("part")["revenue"].sum().sort_values(ascending=False)
    corrected = lines.loc[lines["order_date"] <= day, "revenue"].sum() - then
    rows = [(f"Told on\n{day.day} {day:%b}", then, "total"), *((k, v, "change") for k, v in parts.items())]
    rows += [("Corrected", corrected, "change")] if abs(corrected) >= CENT else []
    return pd.DataFrame([*rows, ("Now", now, "total")], columns=columns)


def pipeline_since(opportunity_history: pd.DataFrame, period: Period, since: pd.DataFrame) -> pd.DataFrame:
    """What became of the pipeline due in the quarter since the last run: `movement.waterfall` from that day on.

    Parameters
    ----------
    since : DataFrame
        As `since_last` gives it.
    """
    if since.empty:
        return pd.DataFrame(columns=["step", "amount", "deals"])
    return movement.waterfall(opportunity_history, period, since["then_on"].iloc[0])


def target_gap(landing: pd.DataFrame) -> pd.DataFrame:
    """The expected end of an open quarter against its target, kept where the target lies outside P10 to P90.

    What may be gained is the gap, where there is one to close; the risk is the chance that the quarter ends on the target's
    other side.
    """
    told = landing.dropna(subset=["target", "p50"]).query("target > 0 and p10 < p90 and (target < p10 or target > p90)")
    short = told["p50"] < told["target"]
    gap = -told[["p50", "p90", "p10"]].sub(told["target"], axis=0).where(short)
    gap = gap.set_axis(["gain", "gain_low", "gain_high"], axis=1)
    reached = told["probability"].fillna(0.5)
    return _laid(
        "target",
        told.join(gap).assign(
            subject="target", worth=told["p50"] - told["target"], risk=reached.where(short, 1 - reached)
        ),
        value="p50",
        compared="target",
        low="p10",
        high="p90",
        n="n_origins",
    )


def coverage_gap(
    quotas: pd.DataFrame, opportunities: pd.DataFrame, opportunity_history: pd.DataFrame, period: Period
) -> pd.DataFrame:
    """What is still to be won of the quota and would not be, were as much of the money due won in time as before (`pace.cover`).

    Kept where it would not be even at the upper end of that conversion. Worth is that shortfall; deals that have yet to be
    opened are not in it.
    """
    cover = pace.cover(quotas, opportunities, opportunity_history, period).query("gap > 0")
    table = cover[["n"]].assign(subject="coverage", value=cover["coverage"], compared=cover["needed"])
    for name, end in (("worth", "part"), ("low", "low"), ("high", "high")):
        table[name] = cover["due"] * cover[end] - cover["gap"]
    spread = ((table["high"] - table["low"]) / 2 / ndtri(0.95)).clip(lower=1e-9)
    gains = {"gain": -table["worth"], "gain_low": -table["high"], "gain_high": -table["low"]}
    return _laid("coverage", table.assign(risk=ndtr(table["worth"] / spread), **gains)[table["high"] < 0])


def segment_moves(orders: pd.DataFrame, customers: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Segments whose revenue moved against the same span a year before by more than chance.

    Revenue is a sum over orders; were it a compound Poisson sum, its variance would be the sum of squared order
    values (Cramér–Lundberg), which gives the interval of the change, widened to the number of segments (Bonferroni).
    """
    table = _by("segment", orders, customers, period)
    moved, error = table["now"] - table["before"], np.sqrt(table["noise"])
    margin = _bonferroni(len(table)) * error
    ends = moved.abs() - margin, moved.abs() + margin
    frame = table.rename_axis("subject").reset_index().set_index(table.index)
    frame = frame.assign(worth=moved, low=moved - margin, high=moved + margin, gain=moved.abs())
    frame = frame.assign(gain_low=ends[0], gain_high=ends[1], risk=doubt(moved.abs() / error, len(table)))
    sure = (moved.abs() > margin) & (table["before"] > 0)
    return _laid("segment", frame[sure], value="now", compared="before", n="orders")


def rival_losses(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Rivals against whom we win less often than against the others: twelve months of closed deals.

    Worth is the amount that winning at our rate against the others would have added. Kept where the 90 % interval
    of the difference of the two rates (Wald) lies below zero, widened to the number of rivals compared (Bonferroni), and the
    rival's shrunken rate is below that of all as well (`competitors.win_rate_by_rival`).
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
    frame = rivals.assign(value=rate, compared=other, low=rate - other - margin, high=rate - other + margin)
    frame = frame.assign(subject=rivals.index, worth=(rate - other) * rivals["amount"])
    gains = {"gain": other - rate, "gain_low": -frame["high"], "gain_high": -frame["low"]}
    frame = frame.assign(**{name: rivals["amount"] * part for name, part in gains.items()})
    frame["risk"] = doubt((other - rate) / spread, len(rivals))
    places = competitors.win_rate_by_rival(opportunities, period).set_index("competitor")["place"]
    harder = frame["subject"].map(places).eq("harder")
    return _laid("rival", frame[(frame["high"] < 0) & (rest["n"] > 0) & harder])


def lapsed_customers(orders: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Revenue of the year before last from customers who bought nothing in the last twelve months: a count, not a sample.

    What may come back is the part that did of those who had lapsed a year earlier (ratio estimate, 90 %; Cochran 1977,
    Sampling Techniques, 6.3); the risk, that one has not left at all, is the share of those who bought again.
    """
    gone, before, _ = _lapsed(orders, period.through)
    past, _, later = _lapsed(orders, period.through - pd.DateOffset(years=1))
    again = later.reindex(past.index).fillna(0.0).clip(lower=0.0)
    part = again.sum() / past.sum() if past.sum() else np.nan
    error = np.sqrt(len(past) * (again - part * past).var(ddof=1)) / past.sum() if len(past) > 1 else np.nan
    ends = {"gain": part, "gain_low": max(part - ndtri(0.95) * error, 0.0), "gain_high": part + ndtri(0.95) * error}
    row = {"subject": "customers", "worth": -gone.sum(), "compared": 0.0, "low": np.nan, "high": np.nan, "n": len(gone)}
    row |= {"value": gone.sum() / before if before else 0.0, "risk": (again > 0).mean() if len(past) else np.nan}
    row |= {name: gone.sum() * end for name, end in ends.items()}
    return _laid("lapsed", pd.DataFrame([row] if len(gone) else [], columns=FINDING))


def overdue_deals(opportunities: pd.DataFrame, opportunity_history: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Open deals past their expected close: how often such deals were won within a quarter, against the others.

    Learnt on the same day of eight past quarters, each deal counted once. Worth is what the open amount loses by it. Kept
    where the 90 % interval of the difference of the two rates (Wald) lies below zero.
    """
    elapsed = period.through - period.start
    won_on = opportunities.set_index("opportunity_id").query("status == 'won'")["closed_on"]
    seen = [_open_on(opportunity_history, s.start + elapsed) for s in last_quarters(period.start, 8)]
    past = pd.concat([s for s in seen if len(s) and s["day"].iloc[0] + QUARTER <= period.through] or seen[:1])
    past = past.drop_duplicates(["opportunity_id", "late"])
    days = won_on.reindex(past["opportunity_id"]).to_numpy() - past["day"]
    table = past.assign(won=days.between(pd.Timedelta(0), QUARTER)).groupby("late")["won"].agg(["mean", "size"])
    now = opportunities.query("status == 'open' and expected_close < @period.through")
    if len(table) < 2 or now.empty:
        return pd.DataFrame(columns=FINDING)
    (other, n_other), (rate, n) = table.to_numpy()
    spread = np.sqrt(rate * (1 - rate) / n + other * (1 - other) / n_other)
    ends = [rate - other, rate - other - ndtri(0.95) * spread, rate - other + ndtri(0.95) * spread]
    amount = now["amount"].sum()
    row = {
        "subject": "deals",
        "worth": ends[0] * amount,
        "value": rate,
        "compared": other,
        "low": ends[1],
        "high": ends[2],
    }
    row |= {"n": n, "gain": -ends[0] * amount, "gain_low": -ends[2] * amount, "gain_high": -ends[1] * amount}
    row["risk"] = float(doubt((other - rate) / max(spread, 1e-9), 1))
    return _laid("overdue", pd.DataFrame([row])[[ends[2] < 0]])


def room(orders: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """What customers of a segment would add if they bought a category as those of other segments do (`market.whitespace`)."""
    gaps = market.whitespace(orders, customers, products, as_of)
    cells = max(customers["segment"].nunique() * products["category"].nunique(), 1)
    least, _ = wilson(gaps["buyers"], gaps["n"], level=1 - 0.1 / cells)
    per_rate = gaps["n"] * gaps["spend"]
    ends = {"gain": gaps["potential"], "gain_low": (gaps["elsewhere"] - gaps["high"]) * per_rate}
    ends["gain_high"] = (gaps["elsewhere"] - least) * per_rate
    z = (gaps["elsewhere"] - gaps["rate"]) / np.sqrt(gaps["elsewhere"] * (1 - gaps["elsewhere"]) / gaps["n"])
    table = gaps.assign(subject=gaps["category"] + " to " + gaps["segment"], worth=gaps["potential"], **ends)
    table = table.assign(low=least - gaps["elsewhere"], high=gaps["high"] - gaps["elsewhere"], risk=doubt(z, cells))
    return _laid("room", table, value="rate", compared="elsewhere")


def doubt(z, comparisons: int):
    """The chance that noise alone is as far off as `z` in the same direction, in any of so many comparisons (Bonferroni)."""
    return np.minimum(ndtr(-z) * comparisons, 1.0)


def _laid(kind: str, frame: pd.DataFrame, **columns: str) -> pd.DataFrame:
    """Give findings their columns; `columns` names those that a frame calls otherwise."""
    return pd.DataFrame({c: frame[columns.get(c, c)] if c != "kind" else kind for c in FINDING}, index=frame.index)


def _claim(kpi) -> Claim | None:
    figures = {"now": kpi.value, "before": kpi.previous, "low": kpi.low, "high": kpi.high, "target": kpi.target}
    if kpi.metric == "target_probability":
        return first(kpi.metric, ODDS, {"chance": kpi.value})
    if kpi.metric == "forecast_p50":
        return first(kpi.metric, AGAINST_TARGET, figures)
    if kpi.metric in ("gross_margin", "pipeline_coverage") and pd.notna(kpi.target):
        return first(kpi.metric, ("reached", "short of"), figures)
    return first(kpi.metric, AGAINST_BEFORE, figures)


def _state(claim: Claim | None, better: str) -> str:
    if claim is None or better == "neither":
        return ""
    up = ("rose", "clearly rose", "reached", "heading above", "very likely", "likely")
    down = ("fell", "clearly fell", "short of", "heading below", "unlikely", "very unlikely")
    if claim.predicate in ("within reach of", "as likely as not"):
        return "warn"
    good, bad = (up, down) if better == "higher" else (down, up)
    return "good" if claim.predicate in good else "bad" if claim.predicate in bad else ""


def _lapsed(orders: pd.DataFrame, day: pd.Timestamp) -> tuple[pd.Series, float, pd.Series]:
    """Revenue by customer who had lapsed on a day, revenue of all in the year that those last bought in, and of the year after."""
    ends = [day + pd.DateOffset(years=k) for k in (-2, -1, 0, 1)]
    years = [
        orders[(orders["order_date"] > a) & (orders["order_date"] <= b)] for a, b in zip(ends, ends[1:], strict=False)
    ]
    then, last, after = (year.groupby("customer_id")["revenue"].sum() for year in years)
    return then[~then.index.isin(last.index) & (then > 0)], then.sum(), after


def _open_on(history: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Give the deals that were open on a day, and whether their expected close had passed: opportunity_id, day, late."""
    known = history[history["changed_on"] <= day].sort_values("changed_on", kind="stable")
    state = known.drop_duplicates("opportunity_id", keep="last").query("status == 'open'")
    return state[["opportunity_id"]].assign(day=day, late=state["expected_close"] < day)


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


def _parted(orders: pd.DataFrame, customers: pd.DataFrame, by: str) -> pd.DataFrame:
    """Give order lines with their `part`: the region, or the customer's segment."""
    if by == "region":
        return orders.assign(part=orders["region"])
    return orders.assign(part=orders["customer_id"].map(customers.set_index("customer_id")["segment"]))


def _by(by: str, orders: pd.DataFrame, customers: pd.DataFrame, period: Period) -> pd.DataFrame:
    lines = _parted(orders, customers, by)
    spans = {"now": lines[period.contains(lines["order_date"])]}
    spans["before"] = lines[period.before().contains(lines["order_date"])]
    table = pd.DataFrame({k: v.groupby("part")["revenue"].sum() for k, v in spans.items()})
    sums = pd.concat([v.groupby(["part", "order_id"])["revenue"].sum() for v in spans.values()])
    table["noise"] = sums.pow(2).groupby("part").sum()
    table["orders"] = sums.groupby("part").size()
    return table.fillna(0.0)


def _bonferroni(comparisons: int) -> float:
    return float(ndtri(1 - 0.05 / max(comparisons, 1)))
