"""How large is the market, what part of it is ours, and where is there room?

Market tables come by the quarter and late: figures speak of the quarters that the market table knows.
"""

import numpy as np
import pandas as pd

from quarterdeck.analysis.rates import wilson

YEAR = 4  # quarters
CELL = ["start", "region", "segment"]
FEWEST = 20  # accounts of a segment below which room in it is not told


def market_size(market: pd.DataFrame) -> pd.DataFrame:
    """Size of the market by quarter; where sources differ, their mean, with the lowest and the highest beside it.

    Returns
    -------
    DataFrame
        One row per quarter, oldest first: `start` (day), `label`, `market`, `low`, `high` (money), `trailing` (money,
        four quarters; missing before), `growth` (of it on a year before, ratio).
    """
    cells = market_cells(market)
    table = cells.groupby("start")[["market", "low", "high"]].sum().reset_index()
    table["trailing"] = table["market"].rolling(YEAR).sum()
    table["growth"] = table["trailing"] / table["trailing"].shift(YEAR) - 1
    return table.assign(label=_labels(table["start"]))[
        ["start", "label", "market", "low", "high", "trailing", "growth"]
    ]


def market_share(orders: pd.DataFrame, market: pd.DataFrame) -> pd.DataFrame:
    """Own revenue over the market's, by quarter (Farris et al., Marketing Metrics, 4th ed., 2.1: revenue share).

    Returns
    -------
    DataFrame
        One row per quarter that both know, oldest first: `start`, `label`, `own`, `market` (money), `share` (ratio),
        `trailing_share` (four quarters together; missing before).
    """
    size = market_size(market).set_index("start")["market"]
    own = _own(orders).groupby("start")["own"].sum().reindex(size.index).fillna(0.0)
    table = pd.DataFrame({"own": own, "market": size})
    table = table[table.index >= quarter_of(orders["order_date"].min())]
    rolled = table.rolling(YEAR).sum()
    table = table.assign(share=table["own"] / table["market"], trailing_share=rolled["own"] / rolled["market"])
    return table.reset_index().assign(label=lambda x: _labels(x["start"]))


def trailing_share(orders: pd.DataFrame, market: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Own revenue over the market's, in the last four quarters that ended and that the market table knows.

    Returns
    -------
    DataFrame
        One row: `own`, `market` (money), `share` (ratio), `n` (cells of quarter, region and segment); no row with fewer
        than four quarters.
    """
    table = market_share(orders, until(market, as_of)).tail(YEAR)
    cells = market_cells(market)
    n = int(cells["start"].isin(table["start"]).sum())
    own, size = table["own"].sum(), table["market"].sum()
    row = {"own": own, "market": size, "share": own / size if size else np.nan, "n": n}
    return pd.DataFrame([row] if len(table) == YEAR else [], columns=[*row])


def trailing_growth(market: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """The market in the last four quarters that ended against the four before.

    Returns
    -------
    DataFrame
        One row: `now`, `before` (money), `growth` (ratio), `n` (quarters); no row with fewer than eight quarters.
    """
    sizes = market_size(until(market, as_of))["market"].tail(2 * YEAR)
    now, before = sizes.tail(YEAR).sum(), sizes.head(YEAR).sum()
    row = {"now": now, "before": before, "growth": now / before - 1 if before else np.nan, "n": 2 * YEAR}
    return pd.DataFrame([row] if len(sizes) == 2 * YEAR else [], columns=[*row])


def shift_share(
    orders: pd.DataFrame, customers: pd.DataFrame, market: pd.DataFrame, as_of: pd.Timestamp
) -> pd.DataFrame:
    """How much of our change came with the market, with our mix of segments and regions, and by taking share.

    The last four quarters against the four before, in every cell of region and segment: what we would have gained by
    growing as the whole market did (market), what the growth of our own cells adds to that (mix), and the rest
    (share). The parts add up exactly (Dunn 1960, classical shift-share).

    Returns
    -------
    DataFrame
        One row per part, in order: `part` ("before", "market", "mix", "share", "now"), `amount` (money); no rows before
        eight quarters of the market or where we sold nothing before.
    """
    cells = market_cells(until(market, as_of))
    quarters = np.sort(cells["start"].unique())[-2 * YEAR :]
    segment = orders["customer_id"].map(customers.set_index("customer_id")["segment"])
    own = _own(orders.assign(segment=segment), ["region", "segment"])
    if len(quarters) < 2 * YEAR or orders["order_date"].min() > quarters[0] + pd.Timedelta(days=31):
        return pd.DataFrame(columns=["part", "amount"])
    sums = {
        f"{what}{when}": frame[frame["start"].isin(span)].groupby(CELL[1:])[column].sum()
        for what, frame, column in (("market", cells, "market"), ("own", own, "own"))
        for when, span in ((0, quarters[:YEAR]), (1, quarters[YEAR:]))
    }
    return shift(pd.DataFrame(sums).fillna(0.0))


def shift(cells: pd.DataFrame) -> pd.DataFrame:
    """The parts of `shift_share` from `own0`, `own1`, `market0` and `market1`, a row per cell.

    A cell that had no market before counts as having grown with the whole.
    """
    whole = cells["market1"].sum() / cells["market0"].sum() - 1
    growth = (cells["market1"] / cells["market0"].where(cells["market0"] > 0) - 1).fillna(whole)
    before, now = cells["own0"].sum(), cells["own1"].sum()
    with_market, with_mix = before * whole, (cells["own0"] * (growth - whole)).sum()
    amounts = [before, with_market, with_mix, now - before - with_market - with_mix, now]
    return pd.DataFrame({"part": ["before", "market", "mix", "share", "now"], "amount": amounts})


def segment_growth(
    orders: pd.DataFrame, customers: pd.DataFrame, market: pd.DataFrame, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Market and own revenue by segment, the last four quarters against the four before: do we grow where it grows?

    Returns
    -------
    DataFrame
        One row per segment, largest market first: `segment`, `market`, `own` (money), `growth`, `own_growth`, `share`
        (ratio), `share_change` (difference of ratios); no rows before eight quarters.
    """
    cells = market_cells(until(market, as_of))
    quarters = np.sort(cells["start"].unique())[-2 * YEAR :]
    if len(quarters) < 2 * YEAR:
        return pd.DataFrame(columns=["segment", "market", "own", "growth", "own_growth", "share", "share_change"])
    lines = orders.assign(segment=orders["customer_id"].map(customers.set_index("customer_id")["segment"]))
    own = _own(lines, ["segment"]).rename(columns={"own": "amount"})
    whole = cells.rename(columns={"market": "amount"})[["start", "segment", "amount"]]
    table = pd.DataFrame(
        {
            f"{what}_{when}": frame[frame["start"].isin(span)].groupby("segment")["amount"].sum()
            for what, frame in (("market", whole), ("own", own))
            for when, span in (("now", quarters[YEAR:]), ("before", quarters[:YEAR]))
        }
    ).fillna(0.0)
    share = table["own_now"] / table["market_now"]
    result = pd.DataFrame(
        {
            "market": table["market_now"],
            "own": table["own_now"],
            "growth": table["market_now"] / table["market_before"] - 1,
            "own_growth": table["own_now"] / table["own_before"].where(table["own_before"] > 0) - 1,
            "share": share,
            "share_change": share - table["own_before"] / table["market_before"],
        }
    )
    return result.sort_values("market", ascending=False).rename_axis("segment").reset_index()


def penetration(orders: pd.DataFrame, customers: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Known accounts that bought in twelve months, by segment (Farris et al., Marketing Metrics, 4th ed., 2.4).

    Returns
    -------
    DataFrame
        One row per segment, most accounts first: `segment`, `buyers`, `n` (accounts), `rate`, `low`, `high` (Wilson 90 %),
        `spend` (money per buyer, twelve months, median).
    """
    spend = _spend(orders, as_of)
    accounts = customers.assign(spend=customers["customer_id"].map(spend)).dropna(subset=["segment"])
    table = accounts.groupby("segment")["spend"].agg(["count", "size", "median"])
    table.columns = ["buyers", "n", "spend"]
    low, high = wilson(table["buyers"], table["n"])
    table = table.assign(rate=table["buyers"] / table["n"], low=low, high=high)
    ordered = table.sort_values("n", ascending=False).reset_index()
    return ordered[["segment", "buyers", "n", "rate", "low", "high", "spend"]]


def share_parts(
    orders: pd.DataFrame, customers: pd.DataFrame, market: pd.DataFrame, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Revenue share as the share of accounts that buy times our part of what they spend; the parts multiply to it exactly.

    Farris et al. (Marketing Metrics, 4th ed., 2.3) split share into penetration, share of requirements and usage. Who
    buys how much from others is not in the tables: an account is taken to spend what the mean known account of its
    segment does, so that share of wallet holds usage too.

    Returns
    -------
    DataFrame
        One row per segment, largest market first: `segment`, `share` (of the last four quarters known), `accounts` (share of
        known accounts that bought in them), `wallet` (share of their spending, above one where they buy more than the mean
        account), ratios, `n` (accounts); no rows before four quarters.
    """
    sizes = market_cells(until(market, as_of))
    quarters = np.sort(sizes["start"].unique())[-YEAR:]
    columns = ["segment", "share", "accounts", "wallet", "n"]
    if len(quarters) < YEAR:
        return pd.DataFrame(columns=columns)
    segment = customers.set_index("customer_id")["segment"]
    sold = orders[quarter_of(orders["order_date"]).isin(quarters)]
    spend = sold.groupby("customer_id")["revenue"].sum().loc[lambda r: r > 0]
    table = pd.DataFrame({"market": sizes[sizes["start"].isin(quarters)].groupby("segment")["market"].sum()})
    table["own"] = spend.groupby(segment.reindex(spend.index).to_numpy()).sum().reindex(table.index).fillna(0.0)
    table["buyers"] = spend.groupby(segment.reindex(spend.index).to_numpy()).size().reindex(table.index).fillna(0)
    table["n"] = segment.value_counts().reindex(table.index)
    table = table[(table["market"] > 0) & (table["n"] > 0)].sort_values("market", ascending=False)
    share, accounts = table["own"] / table["market"], table["buyers"] / table["n"]
    found = table.assign(share=share, accounts=accounts, wallet=share / accounts.where(accounts > 0))
    return found.rename_axis("segment").reset_index()[columns]


def whitespace(
    orders: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Segments whose customers buy a category less often than customers of the other segments do, and what that is worth.

    Active customers of the segment that do not buy the category but would if it sold as it does elsewhere, times what a
    buying customer of the segment spends on it in a year (median). Kept where even the upper end of the segment's own
    rate (Wilson, 90 %, widened to the number of cells compared by Bonferroni) lies below that of the others.

    Returns
    -------
    DataFrame
        One row per segment and category, most money first: `segment`, `category`, `buyers`, `n` (active customers),
        `rate`, `high` (ratio), `elsewhere` (ratio), `gap` (customers), `spend` (money per buyer), `potential` (money).
    """
    kind = products.set_index("product_id")["category"]
    recent = orders[orders["order_date"].between(as_of - pd.DateOffset(years=1), as_of, inclusive="right")]
    lines = recent.assign(
        category=recent["product_id"].map(kind),
        segment=recent["customer_id"].map(customers.set_index("customer_id")["segment"]),
    )
    active = lines.groupby("segment")["customer_id"].nunique()
    each = lines.groupby(["segment", "category", "customer_id"])["revenue"].sum().loc[lambda r: r > 0]
    cells = (
        each.groupby(["segment", "category"])
        .agg(["size", "median"])
        .set_axis(["buyers", "spend"], axis=1)
        .reset_index()
    )
    cells["n"] = cells["segment"].map(active)
    bought = cells.groupby("category")["buyers"].transform("sum") - cells["buyers"]
    cells["elsewhere"] = bought / (active.sum() - cells["n"]).where(lambda others: others > 0)
    _, cells["high"] = wilson(cells["buyers"], cells["n"], level=1 - 0.1 / max(len(cells), 1))
    cells = cells.assign(rate=cells["buyers"] / cells["n"], gap=cells["elsewhere"] * cells["n"] - cells["buyers"])
    cells["potential"] = cells["gap"] * cells["spend"]
    sure = cells[(cells["n"] >= FEWEST) & (cells["high"] < cells["elsewhere"])]
    columns = ["segment", "category", "buyers", "n", "rate", "high", "elsewhere", "gap", "spend", "potential"]
    return sure.sort_values("potential", ascending=False, ignore_index=True)[columns]


def market_cells(market: pd.DataFrame) -> pd.DataFrame:
    """The market by quarter, region and segment: `start`, `region`, `segment`, and the sources' mean `market`, `low`, `high`."""
    keyed = market.assign(start=quarter_of(market["period_start"]))
    # A source may come by month: it is summed within the quarter first.
    one = keyed.assign(source=keyed["source"].fillna("")).groupby([*CELL, "source"])["market_revenue"].sum()
    spread = one.groupby(CELL).agg(["mean", "min", "max"])
    return spread.set_axis(["market", "low", "high"], axis=1).reset_index()


def _own(orders: pd.DataFrame, keys: list[str] | None = None) -> pd.DataFrame:
    keyed = orders.assign(start=quarter_of(orders["order_date"]))
    return keyed.groupby(["start", *(keys or [])])["revenue"].sum().rename("own").reset_index()


def until(market: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Rows of the periods that had ended by `as_of`."""
    return market[market["period_end"] <= as_of]


def _spend(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    recent = orders[orders["order_date"].between(as_of - pd.DateOffset(years=1), as_of, inclusive="right")]
    return recent.groupby("customer_id")["revenue"].sum().loc[lambda r: r > 0]


def quarter_of(days):
    """First day of the quarter of a day, or of each day of a column."""
    if isinstance(days, pd.Timestamp):
        return days.to_period("Q").start_time
    return days.dt.to_period("Q").dt.start_time


def _labels(starts: pd.Series) -> pd.Series:
    return "Q" + starts.dt.quarter.astype("str") + " " + starts.dt.strftime("%y")
