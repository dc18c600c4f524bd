"""Who takes what from whom, and why do we lose?

Shares cover the quarters that both the market's and the rivals' tables know; deals of twelve months.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from quarterdeck.analysis.market.cells import YEAR, by_whole_quarter
from quarterdeck.analysis.market.market_share import market_share
from quarterdeck.analysis.methods.intervals import discovered, shrunk, wilson
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline.stages import closed
from quarterdeck.data.calendar import PUBLISHED
from quarterdeck.data.coverage import EVER, looks_back, twelve_months
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import looked, no_rows

US, OTHERS = "Us", "All others"
FEWEST = 10  # deals of a cell below which nothing is reported
ALIKE = "no clear difference"


@no_rows(needs="a quarter that orders, market and competitors cover")
def shares(
    orders: pd.DataFrame,
    market: pd.DataFrame,
    competitors: pd.DataFrame,
    as_of: pd.Timestamp,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Revenue and share of every seller by quarter; what neither we nor a named rival sold is "All others".

    Returns
    -------
    DataFrame
        One row per quarter and seller, oldest first: `start` (day), `label`, `seller`, `revenue` (money), `share`,
        `trailing_share` (ratio; of four quarters, missing before). The shares of a quarter add up to one.
    """
    own = market_share(orders, market[market["period_end"] <= as_of], begins).set_index("start")
    rivals = by_whole_quarter(competitors).groupby(["start", "competitor"])["revenue"].sum().unstack()
    rivals = rivals.reindex(own.index).dropna(how="all").fillna(0.0)
    table = rivals.assign(**{US: own["own"].reindex(rivals.index)})
    whole = own["market"].reindex(rivals.index)
    rest = (whole - table.sum(axis=1)).clip(lower=0)
    if (rest > 0.005 * whole).any():
        table[OTHERS] = rest
    total = table.sum(axis=1)
    rolled = table.rolling(YEAR).sum().div(total.rolling(YEAR).sum(), axis=0)
    parts = {"revenue": table, "share": table.div(total, axis=0), "trailing_share": rolled}
    long = pd.concat({k: v.rename_axis("seller", axis=1).stack(future_stack=True) for k, v in parts.items()}, axis=1)
    label = PUBLISHED.labels(own.index)
    named = long.reset_index().assign(label=lambda x: x["start"].map(dict(zip(own.index, label, strict=True))))
    return named[["start", "label", "seller", "revenue", "share", "trailing_share"]]


@no_rows(needs="four whole quarters that orders, market and competitors cover")
def of_a_year(shares: pd.DataFrame) -> pd.DataFrame:
    """The rows of `shares` that have a share of four quarters together.

    Parameters
    ----------
    shares : DataFrame
        As `shares` gives it.

    Returns
    -------
    DataFrame
        The same columns, without rows whose `trailing_share` is missing; no rows with fewer than four quarters.
    """
    return shares.dropna(subset=["trailing_share"])


@no_rows(needs="four whole quarters that orders, market and competitors cover")
def market_concentration(
    orders: pd.DataFrame,
    market: pd.DataFrame,
    competitors: pd.DataFrame,
    as_of: pd.Timestamp,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Herfindahl-Hirschman index of the last four quarters: Σ squared shares in percent (US Merger Guidelines 2023, 2.1).

    Below 1,000 a market counts as unconcentrated, above 1,800 as highly concentrated. All others, who are not known by
    name, are left out of the sum: it is the least that the index can be.

    Returns
    -------
    DataFrame
        One row: `value` (0 to 10,000), `cr4` (share of the four largest, ratio), `before` (the index a year earlier), `n`
        (sellers); no row with fewer than four quarters.
    """
    yearly = of_a_year(shares(orders, market, competitors, as_of, begins))
    wide = yearly[yearly["seller"] != OTHERS].pivot(index="start", columns="seller", values="trailing_share")
    index = (100 * wide).pow(2).sum(axis=1)
    columns = ["value", "cr4", "before", "n"]
    if wide.empty:
        return pd.DataFrame(columns=columns)
    before = index.iloc[-1 - YEAR] if len(index) > YEAR else np.nan
    row = [index.iloc[-1], wide.iloc[-1].nlargest(4).sum(), before, wide.shape[1]]
    return pd.DataFrame([row], columns=columns)


@no_rows(needs="eight whole quarters that orders, market and competitors cover")
def share_moves(shares: pd.DataFrame) -> pd.DataFrame:
    """Each seller's share in the last four quarters against the four before: what one gains, others lose.

    Parameters
    ----------
    shares : DataFrame
        As `shares` gives it.

    Returns
    -------
    DataFrame
        One row per seller, the largest gain first: `seller`, `before`, `now` (ratio), `change` (difference of ratios,
        adding up to zero), `worth` (money: the change of this year's market); no rows before eight quarters.
    """
    wide = shares.pivot(index="start", columns="seller", values="trailing_share").dropna(how="all")
    if len(wide) <= YEAR:
        return pd.DataFrame(columns=["seller", "before", "now", "change", "worth"])
    size = shares[shares["start"].isin(wide.index[-YEAR:])]["revenue"].sum()
    table = pd.DataFrame({"before": wide.iloc[-1 - YEAR], "now": wide.iloc[-1]})
    table["change"] = table["now"] - table["before"]
    return table.assign(worth=table["change"] * size).sort_values("change", ascending=False).reset_index()


@no_rows("opportunities.competitor", needs="a deal with a rival that closed in twelve months")
@looks_back(losses=twelve_months, opportunities=twelve_months)
def win_rate_by_rival(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Deals won over deals closed in twelve months, by the main rival in them, against the rate of all with a rival.

    Rates are drawn towards that of all rivals by as much as their own deals leave them in doubt; a rival whose interval
    holds the rate of all is not clearly different from the others.

    Returns
    -------
    DataFrame
        One row per rival, hardest first: `competitor`, `won`, `n` (deals), `raw`, `raw_low`, `raw_high` (Wilson 90 %),
        `rate`, `low`, `high` (shrunk, 90 %), `all` (ratio), `lost` (money lost in its deals), `place` ("harder",
        "easier" or "no clear difference").
    """
    deals = closed(opportunities, period).dropna(subset=["competitor"])
    return _rates(deals, "competitor").sort_values("rate", ignore_index=True)


@no_rows(
    "opportunities.competitor",
    "opportunities.segment",
    needs="ten deals against a rival in a segment that closed in twelve months",
    none="in no segment do we surely win less than on the whole against a rival, of ten deals or more",
)
@looks_back(losses=twelve_months, opportunities=twelve_months)
def where_we_lose(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Segments and rivals in which we win less than on the whole, and the money between.

    Returns
    -------
    DataFrame
        One row per segment and rival with at least ten deals that is harder than all, most money first: `segment`,
        `competitor`, and the columns of `win_rate_by_rival`, and `shortfall` (money: what winning at the rate of all
        would have added).
    """
    deals = closed(opportunities, period).dropna(subset=["competitor", "segment"])
    cell = deals["segment"] + "\0" + deals["competitor"]
    table = _rates(deals.assign(cell=cell), "cell")
    among = (table["n"] >= FEWEST).sum()
    table = table[(table["n"] >= FEWEST) & (table["place"] == "harder")]
    table["shortfall"] = (table["all"] - table["rate"]) * table["closed"]
    table[["segment", "competitor"]] = table["cell"].str.split("\0", n=1, expand=True).reindex(columns=[0, 1])
    found = table.drop(columns="cell").sort_values("shortfall", ascending=False, ignore_index=True)
    return looked(found, among)


@no_rows("opportunities.loss_reason", needs="a deal lost in twelve months with its reason")
@looks_back(opportunities=twelve_months)
def loss_reasons(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Why deals were lost in twelve months, of those with a reason written down.

    Returns
    -------
    DataFrame
        One row per reason, most deals first: `reason`, `deals`, `share`, `low`, `high` (Wilson 90 %), `amount` (money),
        `n` (lost deals with a reason), `silent` (lost deals without one).
    """
    lost = closed(opportunities, period).query("not won")
    stated = lost.dropna(subset=["loss_reason"])
    table = stated.groupby("loss_reason").agg(deals=("amount", "size"), amount=("amount", "sum"))
    low, high = wilson(table["deals"], len(stated))
    table = table.assign(share=table["deals"] / len(stated), low=low, high=high) if len(stated) else table
    table = table.assign(n=len(stated), silent=len(lost) - len(stated)).rename_axis("reason").reset_index()
    columns = ["reason", "deals", "share", "low", "high", "amount", "n", "silent"]
    return table.reindex(columns=columns).sort_values("deals", ascending=False, ignore_index=True)


@no_rows(
    "opportunities.loss_reason",
    "opportunities.competitor",
    needs="ten deals lost against a rival in twelve months with their reasons",
    none="no reason is named more or less often against one rival than against the others",
)
@looks_back(opportunities=twelve_months)
def reasons_by_rival(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Reasons that are named more or less often against a rival than against the others.

    Kept where a two-sided test of two shares says so at a false discovery rate of one in ten over all rivals and reasons
    (Benjamini and Hochberg 1995).

    Returns
    -------
    DataFrame
        One row per rival and reason that stands out, largest difference first: `competitor`, `reason`, `deals`, `n`,
        `share`, `others` (ratio), `difference` (of ratios).
    """
    columns = ["competitor", "reason", "deals", "n", "share", "others", "difference"]
    lost = closed(opportunities, period).query("not won").dropna(subset=["loss_reason", "competitor"])
    if lost.empty:
        return pd.DataFrame(columns=columns)
    counts = lost.groupby(["competitor", "loss_reason"]).size().unstack(fill_value=0).rename_axis("reason", axis=1)
    table = counts.stack().rename("deals").reset_index()
    n, named = counts.sum(axis=1), counts.sum(axis=0)
    table["n"], whole = looked_up(table["competitor"], n), n.sum()
    table["share"] = table["deals"] / table["n"]
    table["others"] = (looked_up(table["reason"], named) - table["deals"]) / (whole - table["n"]).where(lambda r: r > 0)
    pooled = looked_up(table["reason"], named) / max(whole, 1)
    error = np.sqrt(pooled * (1 - pooled) * (1 / table["n"] + 1 / (whole - table["n"]).clip(lower=1)))
    table["difference"] = table["share"] - table["others"]
    large = table["n"] >= FEWEST
    found = table[large & discovered(table["difference"] / error.where(error > 0))]
    return looked(found.sort_values("difference", key=abs, ascending=False, ignore_index=True)[columns], large.sum())


@no_rows("competitors.price_index", needs="a price level of a rival")
def price_position(competitors: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Each rival's price level against ours, weighted by its revenue, in the last four quarters and the four before.

    Returns
    -------
    DataFrame
        One row per rival, cheapest first: `competitor`, `now`, `before` (index, own = 100; before may be missing),
        `revenue` (money, the last four quarters); no rows where no price level is known.
    """
    known = competitors[competitors["period_end"].le(as_of) & competitors["price_index"].notna()]
    start = PUBLISHED.start(known["period_start"])
    quarters = sorted(start.unique())
    weighted = known.assign(product=known["price_index"] * known["revenue"])
    spans = {"now": quarters[-YEAR:], "before": quarters[-2 * YEAR : -YEAR]}
    sums = {k: weighted[start.isin(v)].groupby("competitor")[["product", "revenue"]].sum() for k, v in spans.items()}
    table = pd.DataFrame({k: v["product"] / v["revenue"].where(v["revenue"] > 0) for k, v in sums.items()})
    table["revenue"] = sums["now"]["revenue"]
    ordered = table.rename_axis("competitor").reset_index().sort_values("now", ignore_index=True)
    return ordered[["competitor", "now", "before", "revenue"]]


def _rates(deals: pd.DataFrame, by: str) -> pd.DataFrame:
    lost = deals["amount"].where(~deals["won"])
    found = deals.assign(lost=lost).groupby(by).agg(
        won=("won", "sum"), n=("won", "size"), lost=("lost", "sum"), closed=("amount", "sum")
    )  # fmt: skip
    raw_low, raw_high = wilson(found["won"], found["n"])
    table = found.join(shrunk(found["won"], found["n"])).assign(
        raw=found["won"] / found["n"], raw_low=raw_low, raw_high=raw_high, all=deals["won"].mean()
    )
    table["place"] = np.select([table["high"] < table["all"], table["low"] > table["all"]], ["harder", "easier"], ALIKE)
    return table.reset_index()
