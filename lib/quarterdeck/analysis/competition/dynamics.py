"""Who gains on whom, from whom does it come, and how do sellers differ in price and place?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.competition.competitors import OTHERS, US
from quarterdeck.analysis.market.cells import YEAR, by_whole_quarter, first_quarter, market_cells, until
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.data.calendar import PUBLISHED
from quarterdeck.data.coverage import EVER
from quarterdeck.data.reasons import no_rows

CELL = ["region", "segment"]
FEWEST_QUARTERS = 6
GUIDELINES = {2023: (1000, 1800, 100), 2010: (1500, 2500, 100)}  # HHI: moderately, highly concentrated; change of note
MOMENTUM = ["competitor", "momentum", "low", "high", "cells", "n"]
PRICES = ["start", "label", "competitor", "segment", "price_index", "revenue"]


def band(value: float, before: float, year: int = 2023) -> str:
    """Read a Herfindahl-Hirschman index as the US merger guidelines of 2023 or 2010 do.

    >>> band(1857, 1801), band(2100, 1950), band(900, 890), band(1857, 1801, 2010)
    ('highly concentrated', 'highly concentrated, and rising by more than 100', 'not concentrated', 'moderately concentrated')
    """
    moderate, high, note = GUIDELINES[year]
    said = (
        "highly concentrated"
        if value > high
        else "moderately concentrated"
        if value >= moderate
        else "not concentrated"
    )
    return f"{said}, and rising by more than {note}" if value > moderate and value - before > note else said


@no_rows(needs="two rivals in six quarters")
def momentum(competitors: pd.DataFrame, as_of: pd.Timestamp, level: float = 0.9) -> pd.DataFrame:
    """How fast each rival grows a year against the average rival in the same cells of region and segment.

    Slope of log revenue less the rivals' mean of it, by quarter and cell, with an effect of each cell; errors clustered
    by cell. It is a growth of odds, not of share: 0.05 means that its revenue grows by 5 per cent a year against the
    geometric mean of all named rivals.

    Returns
    -------
    DataFrame
        One row per rival, the fastest first: `competitor`, `momentum` (log growth a year), `low`, `high` (Student t over
        cells, 90 %), `cells`, `n` (quarters × cells); no rows with fewer than two rivals or six quarters.
    """
    table = until(competitors, as_of).assign(start=lambda x: PUBLISHED.start(x["period_start"]))
    wide = table.pivot_table(index=[*CELL, "start"], columns="competitor", values="revenue", aggfunc="sum")
    wide = np.log(wide.where(wide > 0)).dropna()
    if wide.shape[1] < 2 or wide.index.get_level_values("start").nunique() < FEWEST_QUARTERS:
        return pd.DataFrame(columns=MOMENTUM)
    gap = wide.sub(wide.mean(axis=1), axis=0)
    start = wide.index.get_level_values("start")
    years = pd.Series((start - start.min()).days / 365.25, index=wide.index)
    cell = [wide.index.get_level_values(k) for k in CELL]
    x = years - years.groupby(cell).transform("mean")
    y = gap - gap.groupby(cell).transform("mean")
    slope = y.mul(x, axis=0).sum() / (x**2).sum()
    left = y - np.outer(x, slope)
    score = left.mul(x, axis=0).groupby(cell).sum()
    cells = len(score)
    error = np.sqrt((score**2).sum() * cells / max(cells - 1, 1)) / (x**2).sum()
    if cells < 2:
        error = np.sqrt((left**2).sum() / (len(x) - 2) / (x**2).sum())
    reach = t.ppf(0.5 + level / 2, (cells if cells > 1 else len(x) - 1) - 1) * error
    rows = pd.DataFrame({"momentum": slope, "low": slope - reach, "high": slope + reach, "cells": cells, "n": len(x)})
    return rows.sort_values("momentum", ascending=False).rename_axis("competitor").reset_index()[MOMENTUM]


@no_rows(needs="four whole quarters that orders, market and competitors cover")
def structure(shares: pd.DataFrame, moves: pd.DataFrame, momentum: pd.DataFrame) -> pd.DataFrame:
    """Every seller's place in the market: share, relative share, change and momentum.

    Relative share is over the largest other seller known by name (Buzzell and Gale 1987).

    Parameters
    ----------
    shares, moves, momentum : DataFrame
        As `competitors.shares`, `competitors.share_moves` and `momentum` give them.

    Returns
    -------
    DataFrame
        One row per seller, largest first: `seller`, `revenue` (money, four quarters), `share`, `relative` (ratios),
        `change` (difference of ratios), `momentum`, `low`, `high` (log growth a year; missing for us and all others).
    """
    quarters = np.sort(shares["start"].unique())[-YEAR:]
    revenue = shares[shares["start"].isin(quarters)].groupby("seller")["revenue"].sum()
    named = revenue.drop(OTHERS, errors="ignore")
    table = pd.DataFrame({"revenue": revenue, "share": revenue / revenue.sum()})
    table["relative"] = [r / named.drop(s, errors="ignore").max() for s, r in revenue.items()]
    table["change"] = moves.set_index("seller")["change"].reindex(table.index)
    table = table.join(momentum.set_index("competitor")[["momentum", "low", "high"]].astype(float))
    return table.sort_values("revenue", ascending=False).rename_axis("seller").reset_index()


@no_rows("customers.segment", needs="eight whole quarters that orders, market and competitors cover")
def share_flow(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    market: pd.DataFrame,
    competitors: pd.DataFrame,
    as_of: pd.Timestamp,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Who takes share from whom, as the least movement that explains the shares of each cell of region and segment.

    An estimate under constraints, because the data do not say who left whom. In each cell nobody both gains and loses, what
    losers lose goes to gainers in proportion to their gains, and this year's market weighs the cells. The flows into a
    seller less those out of it are exactly its changes of share in the cells, so weighted; those between two sellers
    are as small as they can be, and the true ones are larger.

    Returns
    -------
    DataFrame
        One row per pair with any flow, the largest first: `source`, `target` (sellers), `amount` (money of this year's
        market), `share` (of the market, ratio); no rows before eight quarters, or where no customer's segment is known.
    """
    cells = _sellers(orders, customers, until(market, as_of), until(competitors, as_of), begins)
    quarters = np.sort(cells.index.get_level_values("start").unique())
    columns = ["source", "target", "amount", "share"]
    if len(quarters) < 2 * YEAR:
        return pd.DataFrame(columns=columns)
    start = cells.index.get_level_values("start")
    now, before = (cells[start.isin(q)].groupby(CELL).sum() for q in (quarters[-YEAR:], quarters[-2 * YEAR : -YEAR]))
    return flows(before.reindex(now.index).fillna(0.0), now)


def flows(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """The flows of `share_flow` from two tables of revenue.

    Parameters
    ----------
    before, now : DataFrame
        A row per cell, the same in both, and a column per seller: revenue (money) of a year before and of this year. A cell
        without revenue in either year is left out.

    Returns
    -------
    DataFrame
        One row per pair with any flow, the largest first: `source`, `target` (sellers), `amount` (money of this year), `share`
        (of the whole, ratio).
    """
    size = now.sum(axis=1)
    change = now.div(size.where(size > 0), axis=0) - before.div(before.sum(axis=1).where(lambda s: s > 0), axis=0)
    change = change.dropna().to_numpy()
    worth = size[(size > 0) & (before.sum(axis=1) > 0)].to_numpy()
    gain, loss = change.clip(min=0), (-change).clip(min=0)
    moved = gain.sum(axis=1)
    part = worth / np.where(moved > 0, moved, 1.0)
    amounts = np.einsum("cl,cg,c->lg", loss, gain, part)
    table = pd.DataFrame(amounts, index=now.columns, columns=now.columns).rename_axis(index="source", columns="target")
    table = table.stack().rename("amount").reset_index().query("amount > 0")
    table["share"] = table["amount"] / size.sum()
    return table.sort_values("amount", ascending=False, ignore_index=True)


@no_rows("competitors.price_index", needs="a price level of a rival")
def price_lines(competitors: pd.DataFrame, as_of: pd.Timestamp, by_segment: bool = False) -> pd.DataFrame:
    """Each rival's price level against ours by quarter, weighted by its revenue; by segment on demand.

    Returns
    -------
    DataFrame
        One row per quarter and rival (and segment), oldest first: `start`, `label`, `competitor`, `segment` ("All" where
        not split), `price_index` (own = 100), `revenue` (money); no rows where no price level is known.
    """
    known = until(competitors, as_of).dropna(subset=["price_index"])
    known = known.assign(start=PUBLISHED.start(known["period_start"]), weighted=known["price_index"] * known["revenue"])
    known = known if by_segment else known.assign(segment="All")
    sums = (
        known.groupby(["start", "competitor", "segment"])[["weighted", "revenue"]]
        .sum()
        .query("revenue > 0")
        .reset_index()
    )
    label = PUBLISHED.labels(sums["start"])
    return sums.assign(price_index=sums["weighted"] / sums["revenue"], label=label)[PRICES]


def price_moves(prices: pd.DataFrame) -> pd.Series:
    """How far each rival's price index moved in a year, of the price levels by quarter of `price_lines`.

    Returns
    -------
    Series
        Index points by competitor, of those known in both quarters; empty before five quarters.
    """
    wide = prices.pivot(index="start", columns="competitor", values="price_index")
    return (wide.iloc[-1] - wide.iloc[-5]).dropna() if len(wide) > 4 else pd.Series(dtype=float)


@no_rows("customers.segment", needs="three sellers, us among them, and three segments in the last four quarters")
def position_map(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    market: pd.DataFrame,
    competitors: pd.DataFrame,
    as_of: pd.Timestamp,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Sellers and segments on two axes, by who sells more than its part where: correspondence analysis.

    Of the revenue of four quarters by segment and seller; principal coordinates of both (Greenacre 2017, Correspondence
    Analysis in Practice, 3rd ed., ch. 8). A seller lies towards the segments that make up more of its sales than of
    the whole market's.

    Returns
    -------
    DataFrame
        One row per seller and segment: `name`, `kind` ("seller" or "segment"), `x`, `y` (principal coordinates), `mass`
        (ratio), and in every row `inertia_x`, `inertia_y` (parts of the whole inertia, ratios) and `inertia`; no rows
        where there are fewer than four quarters, or three sellers or segments, or where we sold in no segment that is known.
    """
    cells = _sellers(orders, customers, until(market, as_of), until(competitors, as_of), begins).drop(
        columns=OTHERS, errors="ignore"
    )
    quarters = np.sort(cells.index.get_level_values("start").unique())[-YEAR:]
    cells = cells if len(quarters) == YEAR else cells.iloc[:0]
    counts = cells[cells.index.get_level_values("start").isin(quarters)].clip(lower=0).groupby("segment").sum()
    return correspondence(counts if counts[US].any() else counts.iloc[:0])


def distances(places: pd.DataFrame) -> pd.Series:
    """How far each rival lies from us on `position_map`: alike in the segments that they sell to where that is little.

    Returns
    -------
    Series
        Distances by seller, without us.
    """
    sellers = places[places["kind"] == "seller"].set_index("name")[["x", "y"]]
    apart = sellers - sellers.loc[US]
    return np.hypot(apart["x"], apart["y"]).drop(US)


def correspondence(counts: pd.DataFrame) -> pd.DataFrame:
    """The map of `position_map` from a table of amounts.

    Parameters
    ----------
    counts : DataFrame
        A row per segment and a column per seller: amounts, zero or more. Rows and columns without any are left out.

    Returns
    -------
    DataFrame
        As `position_map` gives it; no rows with fewer than three segments or sellers.
    """
    counts = counts.loc[counts.sum(axis=1) > 0, counts.sum(axis=0) > 0]
    columns = ["name", "kind", "x", "y", "mass", "inertia_x", "inertia_y", "inertia"]
    if min(counts.shape) < 3:
        return pd.DataFrame(columns=columns)
    part = counts.to_numpy(float) / counts.to_numpy().sum()
    r, c = part.sum(axis=1), part.sum(axis=0)
    left, values, right = np.linalg.svd((part - np.outer(r, c)) / np.sqrt(np.outer(r, c)), full_matrices=False)
    left = left * np.sign(left[np.abs(left).argmax(axis=0), range(left.shape[1])])
    right = ((part - np.outer(r, c)) / np.sqrt(np.outer(r, c))).T @ left / np.where(values > 0, values, 1)
    sides = [("segment", counts.index, left, r), ("seller", counts.columns, right, c)]
    rows = [
        pd.DataFrame(
            {
                "name": names,
                "kind": kind,
                "mass": mass,
                "x": s[:, 0] * values[0] / np.sqrt(mass),
                "y": s[:, 1] * values[1] / np.sqrt(mass),
            }
        )
        for kind, names, s, mass in sides
    ]
    inertia = values**2
    parts = {"inertia_x": inertia[0] / inertia.sum(), "inertia_y": inertia[1] / inertia.sum(), "inertia": inertia.sum()}
    return pd.concat(rows, ignore_index=True).assign(**parts)[columns]


def _sellers(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    market: pd.DataFrame,
    competitors: pd.DataFrame,
    begins: Mapping[str, pd.Timestamp],
) -> pd.DataFrame:
    """Give revenue by quarter, region and segment (rows) and seller (columns), of the quarters that all tables know whole.

    No rows where no customer's segment is known: what we sell in one is then unknown, and not zero.
    """
    keys = ["start", *CELL]
    segment = looked_up(orders["customer_id"], customers.set_index("customer_id")["segment"])
    own = orders.assign(segment=segment, start=PUBLISHED.start(orders["order_date"])).groupby(keys)["revenue"].sum()
    sold = by_whole_quarter(competitors)
    sold = sold[sold["start"] >= first_quarter(begins["orders"], orders["order_date"].min())]
    rivals = sold.groupby([*keys, "competitor"])["revenue"].sum().unstack(fill_value=0.0)
    whole = market_cells(market).set_index(keys)["market"]
    table = rivals.loc[rivals.index.isin(whole.index)].copy()
    table[US] = own.reindex(table.index).fillna(0.0).clip(lower=0)
    rest = (whole.reindex(table.index) - table.sum(axis=1)).clip(lower=0)
    if rest.sum() > 0.005 * whole.sum():
        table[OTHERS] = rest
    return table if customers["segment"].notna().any() else table.iloc[:0]
