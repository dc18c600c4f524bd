"""How large is the market, what part of it is ours, and where is there room?

Market tables come by the quarter and late: figures cover the quarters that the market table knows.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from quarterdeck.analysis.market.cells import CELL, YEAR, first_quarter, market_cells, until
from quarterdeck.analysis.methods.finding import risk
from quarterdeck.analysis.methods.intervals import growth, wilson
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.sales.constant_rates import STEP, at_constant_rates, effect, several_currencies
from quarterdeck.analysis.sales.credits import sales
from quarterdeck.data.calendar import PUBLISHED
from quarterdeck.data.coverage import EVER, begun, looks_back, twelve_months
from quarterdeck.data.exchange import RATE_BEFORE
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import looked, no_rows

FEWEST = 20  # accounts of a segment below which room in it is not reported
WHITESPACE = [
    "segment", "category", "buyers", "n", "rate", "low", "high", "elsewhere", "gap", "spend", "potential", "risk",
]  # fmt: skip


@no_rows(needs="a quarter of the market")
def market_size(market: pd.DataFrame) -> pd.DataFrame:
    """Size of the market by quarter; where sources differ, their mean, with the lowest and the highest beside it.

    Returns
    -------
    DataFrame
        One row per quarter, oldest first: `start` (day), `label`, `market`, `low`, `high` (money), `trailing` (money,
        four quarters; missing before), `growth` (of it on a year before, ratio), `apart` (how far the highest source lies above the
        lowest, ratio; missing where `intervals.growth` gives none).
    """
    cells = market_cells(market)
    table = cells.groupby("start")[["market", "low", "high"]].sum().reset_index()
    table["trailing"] = table["market"].rolling(YEAR).sum()
    table["growth"] = growth(table["trailing"], table["trailing"].shift(YEAR))
    table = table.assign(label=_labels(table["start"]), apart=growth(table["high"], table["low"]))
    return table[["start", "label", "market", "low", "high", "trailing", "growth", "apart"]]


@no_rows(needs="a quarter that both orders and market cover")
def market_share(orders: pd.DataFrame, market: pd.DataFrame, begins: Mapping[str, pd.Timestamp] = EVER) -> pd.DataFrame:
    """Own revenue over the market's, by quarter (Farris et al., Marketing Metrics, 4th ed., 2.1: revenue share).

    Returns
    -------
    DataFrame
        One row per quarter that both know whole, oldest first: `start`, `label`, `own`, `market` (money), `share` (ratio),
        `trailing_share` (four quarters together; missing before).
    """
    size = market_size(market).set_index("start")["market"]
    own = _own(orders).groupby("start")["own"].sum().reindex(size.index).fillna(0.0)
    table = pd.DataFrame({"own": own, "market": size})
    table = table[table.index >= first_quarter(begins["orders"], orders["order_date"].min())]
    rolled = table.rolling(YEAR).sum()
    table = table.assign(share=table["own"] / table["market"], trailing_share=rolled["own"] / rolled["market"])
    return table.reset_index().assign(label=lambda x: _labels(x["start"]))


@no_rows(needs="four whole quarters that both orders and market cover")
def trailing_share(
    orders: pd.DataFrame, market: pd.DataFrame, as_of: pd.Timestamp, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """Own revenue over the market's, in the last four quarters that ended and that the market table knows.

    Returns
    -------
    DataFrame
        One row: `own`, `market` (money), `share` (ratio), `n` (cells of quarter, region and segment); no row with fewer
        than four quarters.
    """
    table = market_share(orders, until(market, as_of), begins).tail(YEAR)
    cells = market_cells(market)
    n = int(cells["start"].isin(table["start"]).sum())
    own, size = table["own"].sum(), table["market"].sum()
    row = {"own": own, "market": size, "share": own / size if size else np.nan, "n": n}
    return pd.DataFrame([row] if len(table) == YEAR else [], columns=[*row])


def share_of_a_year(shares: pd.Series) -> pd.Series:
    """The share of four quarters together, now and a year before.

    Parameters
    ----------
    shares : Series
        Ratios by quarter, oldest first, such as `trailing_share` gives them, five at least.

    Returns
    -------
    Series
        `now`, `before` (ratios), `change` (their difference).
    """
    now, before = shares.iloc[-1], shares.iloc[-1 - YEAR]
    return pd.Series({"now": now, "before": before, "change": now - before})


@no_rows(needs="eight whole quarters of the market")
def trailing_growth(market: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """The market in the last four quarters that ended against the four before.

    Returns
    -------
    DataFrame
        One row: `now`, `before` (money), `growth` (ratio), `n` (quarters); no row with fewer than eight quarters.
    """
    sizes = market_size(until(market, as_of))["market"].tail(2 * YEAR)
    now, before = sizes.tail(YEAR).sum(), sizes.head(YEAR).sum()
    row = {"now": now, "before": before, "growth": growth(now, before), "n": 2 * YEAR}
    return pd.DataFrame([row] if len(sizes) == 2 * YEAR else [], columns=[*row])


@no_rows("customers.segment", needs="eight whole quarters that both orders and market cover")
def shift_share(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    market: pd.DataFrame,
    as_of: pd.Timestamp,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """How much of our change came with the market, with our mix of segments and regions, and by taking share.

    The last four quarters against the four before, in every cell of region and segment: what we would have gained by
    growing as the whole market did (market), what the growth of our own cells adds to that (mix), and the rest
    (share). The parts add up exactly (Dunn 1960, classical shift-share). Where both the market's money and ours were converted,
    these are at the rates of a year before, and what exchange rates did to ours is a step of its own (`constant_rates`).

    Returns
    -------
    DataFrame
        One row per part, in order: `part` ("before", "market", "mix", "share", "exchange rates" where both were converted, "now"),
        `amount` (money); no rows before eight quarters of the market or where no customer's segment is known.
    """
    cells = market_cells(until(market, as_of))
    quarters = np.sort(cells["start"].unique())[-2 * YEAR :]
    segment = looked_up(orders["customer_id"], customers.set_index("customer_id")["segment"])
    late = len(quarters) < 2 * YEAR or first_quarter(begins["orders"], orders["order_date"].min()) > quarters[0]
    if late or segment.isna().all():
        return pd.DataFrame(columns=["part", "amount"])
    lines = orders.assign(segment=segment)
    end = PUBLISHED.end(pd.Timestamp(quarters[-1]))
    last = Period(pd.Timestamp(quarters[YEAR]), end, end, PUBLISHED)
    if RATE_BEFORE not in market or not several_currencies(orders, last, last.before()):
        return shift(_two_years(cells, _own(lines, CELL[1:]), quarters))
    sold = at_constant_rates(lines, last)
    cells = market_cells(at_constant_rates(until(market, as_of), last, "period_end"))
    steps = shift(_two_years(cells, _own(sold, CELL[1:]), quarters)).set_index("part")["amount"]
    moved = effect(lines.dropna(subset=CELL[1:]), sold, last)
    steps = pd.concat([steps.iloc[:-1], pd.Series({STEP: moved, "now": steps["now"] + moved})])
    return steps.rename_axis("part").reset_index(name="amount")


def _two_years(cells: pd.DataFrame, own: pd.DataFrame, quarters: np.ndarray) -> pd.DataFrame:
    """Give what the market and we sold in each cell in the first four of eight quarters, and in the last."""
    sums = {
        f"{what}{when}": frame[frame["start"].isin(span)].groupby(CELL[1:])[what].sum()
        for what, frame in (("market", cells), ("own", own))
        for when, span in ((0, quarters[:YEAR]), (1, quarters[YEAR:]))
    }
    return pd.DataFrame(sums).fillna(0.0)


def shift(cells: pd.DataFrame) -> pd.DataFrame:
    """The parts of `shift_share`, from what we and the market sold in two years.

    A cell that had no market before counts as having grown with the whole. These are factors of sums that add up, and not rates
    that anybody reports: they stand however large they are.

    Parameters
    ----------
    cells : DataFrame
        One row per cell: `own0`, `own1` (our revenue before and now), `market0`, `market1` (the market's; money).

    Returns
    -------
    DataFrame
        Five rows: `part` ("before", "market", "mix", "share", "now"), `amount` (money); the middle three add up to the change.
    """
    whole = cells["market1"].sum() / cells["market0"].sum() - 1
    grown = (cells["market1"] / cells["market0"].where(cells["market0"] > 0) - 1).fillna(whole)
    before, now = cells["own0"].sum(), cells["own1"].sum()
    with_market, with_mix = before * whole, (cells["own0"] * (grown - whole)).sum()
    amounts = [before, with_market, with_mix, now - before - with_market - with_mix, now]
    return pd.DataFrame({"part": ["before", "market", "mix", "share", "now"], "amount": amounts})


@no_rows(needs="eight whole quarters of the market")
def segment_growth(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    market: pd.DataFrame,
    as_of: pd.Timestamp,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Market and own revenue by segment, the last four quarters against the four before: do we grow where it grows?

    Returns
    -------
    DataFrame
        One row per segment, largest market first: `segment`, `market`, `own` (money), `growth`, `own_growth`, `share`
        (ratio), `share_change` (difference of ratios; both missing of a segment in which our orders do not reach back eight
        quarters, and all of ours where no customer's segment is known); no rows before eight quarters.
    """
    cells = market_cells(until(market, as_of))
    quarters = np.sort(cells["start"].unique())[-2 * YEAR :]
    if len(quarters) < 2 * YEAR or begins["orders"] > quarters[YEAR]:
        return pd.DataFrame(columns=["segment", "market", "own", "growth", "own_growth", "share", "share_change"])
    lines = orders.assign(segment=looked_up(orders["customer_id"], customers.set_index("customer_id")["segment"]))
    own = _own(lines, ["segment"]).rename(columns={"own": "amount"})
    whole = cells.rename(columns={"market": "amount"})[["start", "segment", "amount"]]
    table = pd.DataFrame(
        {
            f"{what}_{when}": frame[frame["start"].isin(span)].groupby("segment")["amount"].sum()
            for what, frame in (("market", whole), ("own", own))
            for when, span in (("now", quarters[YEAR:]), ("before", quarters[:YEAR]))
        }
    ).fillna(0.0)
    there = begun(lines["segment"], lines["order_date"], pd.Timestamp(quarters[0]), begins["orders"])
    whole = there.reindex(table.index, fill_value=False) & (begins["orders"] <= quarters[0])
    if lines["segment"].isna().all():
        table[["own_now", "own_before"]] = np.nan
    before = table["own_before"].where(whole)
    share = table["own_now"] / table["market_now"]
    result = pd.DataFrame(
        {
            "market": table["market_now"],
            "own": table["own_now"],
            "growth": growth(table["market_now"], table["market_before"]),
            "own_growth": growth(table["own_now"], before),
            "share": share,
            "share_change": share - before / table["market_before"],
        }
    )
    return result.sort_values("market", ascending=False).rename_axis("segment").reset_index()


@no_rows("customers.segment", needs="an account with a segment")
@looks_back(orders=twelve_months)
def penetration(orders: pd.DataFrame, customers: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Known accounts that bought in twelve months, by segment (Farris et al., Marketing Metrics, 4th ed., 2.4).

    Returns
    -------
    DataFrame
        One row per segment, most accounts first: `segment`, `buyers`, `n` (accounts), `rate`, `low`, `high` (Wilson 90 %),
        `spend` (money per buyer, twelve months, median).
    """
    spend = _spend(orders, as_of)
    accounts = customers.assign(spend=looked_up(customers["customer_id"], spend)).dropna(subset=["segment"])
    table = accounts.groupby("segment")["spend"].agg(["count", "size", "median"])
    table.columns = ["buyers", "n", "spend"]
    low, high = wilson(table["buyers"], table["n"])
    table = table.assign(rate=table["buyers"] / table["n"], low=low, high=high)
    ordered = table.sort_values("n", ascending=False).reset_index()
    return ordered[["segment", "buyers", "n", "rate", "low", "high", "spend"]]


def penetration_total(penetration: pd.DataFrame) -> float:
    """The part of all known accounts that bought in twelve months, from the segments of `penetration` (ratio)."""
    return float(penetration["buyers"].sum() / penetration["n"].sum())


@no_rows("customers.segment", needs="four quarters of the market, and accounts of its segments")
def share_parts(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    market: pd.DataFrame,
    as_of: pd.Timestamp,
    begins: Mapping[str, pd.Timestamp] = EVER,
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
    if len(quarters) < YEAR or first_quarter(begins["orders"], orders["order_date"].min()) > quarters[0]:
        return pd.DataFrame(columns=columns)
    segment = customers.set_index("customer_id")["segment"]
    sold = orders[PUBLISHED.start(orders["order_date"]).isin(quarters)]
    spend = sold.groupby("customer_id")["revenue"].sum().loc[lambda r: r > 0]
    table = pd.DataFrame({"market": sizes[sizes["start"].isin(quarters)].groupby("segment")["market"].sum()})
    table["own"] = spend.groupby(segment.reindex(spend.index).to_numpy()).sum().reindex(table.index).fillna(0.0)
    table["buyers"] = spend.groupby(segment.reindex(spend.index).to_numpy()).size().reindex(table.index).fillna(0)
    table["n"] = segment.value_counts().reindex(table.index)
    table = table[(table["market"] > 0) & (table["n"] > 0)].sort_values("market", ascending=False)
    share, accounts = table["own"] / table["market"], table["buyers"] / table["n"]
    found = table.assign(share=share, accounts=accounts, wallet=share / accounts.where(accounts > 0))
    return found.rename_axis("segment").reset_index()[columns]


@no_rows(
    "customers.segment",
    needs="a segment of 20 active customers, and others to hold it against",
    none="no category is surely bought less often in one segment of 20 or more active customers than in the others",
)
@looks_back(orders=twelve_months)
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
        `rate`, `low`, `high`, `elsewhere` (ratios), `gap` (customers), `spend` (money per buyer), `potential` (money), `risk` (the
        chance that they buy it no less often, `finding.risk` of all cells; ratio).
    """
    kind = products.set_index("product_id")["category"]
    recent = orders[orders["order_date"].between(as_of - pd.DateOffset(years=1), as_of, inclusive="right")]
    lines = recent.assign(
        category=looked_up(recent["product_id"], kind),
        segment=looked_up(recent["customer_id"], customers.set_index("customer_id")["segment"]),
    )
    active = sales(lines).groupby("segment")["customer_id"].nunique()
    each = lines.groupby(["segment", "category", "customer_id"])["revenue"].sum().loc[lambda r: r > 0]
    cells = (
        each.groupby(["segment", "category"])
        .agg(["size", "median"])
        .set_axis(["buyers", "spend"], axis=1)
        .reset_index()
    )
    cells["n"] = looked_up(cells["segment"], active)
    bought = cells.groupby("category")["buyers"].transform("sum") - cells["buyers"]
    cells["elsewhere"] = bought / (active.sum() - cells["n"]).where(lambda others: others > 0)
    cells["low"], cells["high"] = wilson(cells["buyers"], cells["n"], level=1 - 0.1 / max(len(cells), 1))
    cells = cells.assign(rate=cells["buyers"] / cells["n"], gap=cells["elsewhere"] * cells["n"] - cells["buyers"])
    cells["potential"] = cells["gap"] * cells["spend"]
    error = np.sqrt((cells["elsewhere"] * (1 - cells["elsewhere"]) / cells["n"]).where(cells["n"] >= FEWEST))
    cells["risk"] = risk(cells["rate"] - cells["elsewhere"], error)
    sure = cells[(cells["n"] >= FEWEST) & (cells["high"] < cells["elsewhere"])]
    among = ((cells["n"] >= FEWEST) & cells["elsewhere"].notna()).sum()
    return looked(sure.sort_values("potential", ascending=False, ignore_index=True)[WHITESPACE], among)


def _own(orders: pd.DataFrame, keys: list[str] | None = None) -> pd.DataFrame:
    keyed = orders.assign(start=PUBLISHED.start(orders["order_date"]))
    return keyed.groupby(["start", *(keys or [])])["revenue"].sum().rename("own").reset_index()


def _spend(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    recent = orders[orders["order_date"].between(as_of - pd.DateOffset(years=1), as_of, inclusive="right")]
    return recent.groupby("customer_id")["revenue"].sum().loc[lambda r: r > 0]


def _labels(starts: pd.Series) -> pd.Series:
    return pd.Series(PUBLISHED.labels(starts), starts.index, dtype="str")
