"""What could be sold at all, what of it can we reach, and in which cell of region and segment is there room?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from quarterdeck.analysis.forecasting import months_ahead
from quarterdeck.analysis.market.cells import YEAR, market_cells, until
from quarterdeck.analysis.methods import intervals, series
from quarterdeck.analysis.methods.hierarchy import WHOLE, grid, sums
from quarterdeck.analysis.methods.intervals import shrunk_means
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.data import COMPANY
from quarterdeck.data.answers import company_wide, region_row
from quarterdeck.data.calendar import PUBLISHED
from quarterdeck.data.coverage import EVER
from quarterdeck.data.reasons import no_rows
from quarterdeck.errors import refuse_unknown

CELL = ["region", "segment"]
CELLS = [*CELL, "market", "own", "share", "low", "high", "growth", "reach", "headroom"]
FEWEST_QUARTERS = 2 * YEAR


@no_rows("customers.segment", needs="eight whole quarters that both orders and market cover, in which we sold")
def cells(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    market: pd.DataFrame,
    as_of: pd.Timestamp,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Each region's segments: the market of the last four quarters, our share, and the room up to our best share nearby.

    A cell's share is drawn to those of all cells by as much as its quarters leave it in doubt
    (`intervals.shrunk_means`). Within reach is the best such share of the cells that have the region or the segment in
    common; headroom is the market times what is missing to it, zero in the best cell.

    Returns
    -------
    DataFrame
        One row per region and segment, most headroom first: `region`, `segment`, `market`, `own` (money), `share`,
        `low`, `high` (shrunk, 90 %), `growth` (market, on the four quarters before), `reach` (ratio), `headroom`
        (money); no rows before eight quarters, or where no cell's share moved in the last four (nothing sold).
    """
    table = _by_quarter(orders, customers, until(market, as_of))
    quarters = np.sort(table["start"].unique())[-FEWEST_QUARTERS:]
    year = table[table["start"].isin(quarters[YEAR:])]
    error = _error(year)
    if len(quarters) < FEWEST_QUARTERS or begins["orders"] > quarters[YEAR] or not (error > 0).any():
        return pd.DataFrame(columns=CELLS)
    sums = year.groupby(CELL)[["market", "own"]].sum().loc[lambda t: t["market"] > 0]
    before = table[table["start"].isin(quarters[:YEAR])].groupby(CELL)["market"].sum().reindex(sums.index)
    sums["growth"] = intervals.growth(sums["market"], before)
    found = shrunk_means(sums["own"] / sums["market"], error.reindex(sums.index))
    sums = sums.join(found.rename(columns={"value": "share"})).reset_index()
    best = pd.concat([sums.groupby(key)["share"].transform("max") for key in CELL], axis=1)
    sums["reach"] = best.max(axis=1)
    sums["headroom"] = sums["market"] * (sums["reach"] - sums["share"]).clip(lower=0)
    return sums.sort_values("headroom", ascending=False, ignore_index=True)[CELLS]


def addressable(
    cells: pd.DataFrame, served_regions: list[str] | None = None, served_segments: list[str] | None = None
) -> pd.DataFrame:
    """TAM, SAM and SOM, a year's revenue, each with its definition.

    Total is what all sellers sold; serviceable the part of it in the regions and segments that are served; obtainable
    what we would hold of that if every cell reached our best share nearby (`cells`).

    Parameters
    ----------
    cells : DataFrame
        As `cells` gives it.
    served_regions, served_segments : list of str, optional
        What is served; all of it where nothing is named.

    Returns
    -------
    DataFrame
        One row each for TAM, SAM, SOM and Own: `level`, `amount` (money), `definition`; no rows without cells.
    """
    served = cells
    for key, names in (("region", served_regions), ("segment", served_segments)):
        served = served[served[key].isin(names)] if names else served
    said = " and ".join(", ".join(n) for n in (served_regions, served_segments) if n) or "all regions and segments"
    amounts = {
        "TAM": (cells["market"].sum(), "revenue of all sellers, four quarters"),
        "SAM": (served["market"].sum(), f"of it, what is served: {said}"),
        "SOM": ((served["market"] * served["reach"]).sum(), "of it, at our best share in a comparable cell"),
        "Own": (served["own"].sum(), "what we sold in it"),
    }
    rows = [(level, amount, what) for level, (amount, what) in amounts.items()] if len(cells) else []
    return pd.DataFrame(rows, columns=["level", "amount", "definition"])


@no_rows(needs="eight whole quarters of the market")
def growth(market: pd.DataFrame, as_of: pd.Timestamp, by: str = "segment") -> pd.DataFrame:
    """Growth of the market by segment or region: on the year before, a year since the start, and now.

    Growth now is that of the trend which STL leaves when the season is taken out (Cleveland et al. 1990, Journal of
    Official Statistics 6), over the last two quarters, a year.

    Returns
    -------
    DataFrame
        One row per segment or region and one for "All", largest first: `name`, `market` (money, four quarters),
        `growth`, `cagr`, `trend` (ratios a year; `trend` is missing before twelve quarters), `years` (span of `cagr`);
        no rows before eight quarters.

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    refuse_unknown("by", by, ("segment", "region"))
    wide = market_cells(until(market, as_of)).pivot_table(index="start", columns=by, values="market", aggfunc="sum")
    wide = wide.assign(All=wide.sum(axis=1))
    columns = ["name", "market", "growth", "cagr", "trend", "years"]
    if len(wide) < FEWEST_QUARTERS:
        return pd.DataFrame(columns=columns)
    now, before, first = wide.iloc[-YEAR:].sum(), wide.iloc[-2 * YEAR : -YEAR].sum(), wide.iloc[:YEAR].sum()
    years = (len(wide) - YEAR) / YEAR
    table = pd.DataFrame(
        {
            "market": now,
            "growth": intervals.growth(now, before),
            "cagr": (1 + intervals.growth(now, first)) ** (1 / years) - 1,
            "trend": wide.apply(_trend),
            "years": years,
        }
    )
    return table.sort_values("market", ascending=False).rename_axis("name").reset_index()[columns]


@no_rows(needs="twelve quarters of the market")
@company_wide(region_row)
def ahead(market: pd.DataFrame, as_of: pd.Timestamp, quarters: int = YEAR) -> pd.DataFrame:
    """Forecast of the whole market by quarter, out of its regions and segments, and of each region's.

    Returns
    -------
    DataFrame
        As `months_ahead.fan` gives it, for each `region` and "company": `start`, `actual`, `low`, `middle`, `high` (money, 80 %);
        no rows where the market table is too short for a back-test.
    """
    cells = market_cells(until(market, as_of)).rename(columns={"market": "value"})
    none = pd.DataFrame(columns=["region", *months_ahead.FAN])
    if cells.empty:
        return none
    panel = sums(grid(cells, CELL))
    tested = series.backtest(panel, quarters, YEAR)
    forecast = months_ahead.ahead(panel, tested, quarters, YEAR)
    single = panel[panel["region"].ne("") & panel["segment"].eq("")].drop_duplicates("series")
    named = {COMPANY: WHOLE} | dict(zip(single["region"], single["series"], strict=True))
    fans = [months_ahead.fan(panel, forecast, name).assign(region=region) for region, name in named.items()]
    return pd.concat([f for f in fans if len(f)] or [none], ignore_index=True)[["region", *months_ahead.FAN]]


def _by_quarter(orders: pd.DataFrame, customers: pd.DataFrame, market: pd.DataFrame) -> pd.DataFrame:
    segment = looked_up(orders["customer_id"], customers.set_index("customer_id")["segment"])
    lines = orders.assign(segment=segment, start=PUBLISHED.start(orders["order_date"]))
    own = lines.groupby(["start", *CELL])["revenue"].sum().rename("own")
    sizes = market_cells(market)[["start", *CELL, "market"]]
    return sizes.join(own, on=["start", *CELL]).fillna({"own": 0.0})


def _error(year: pd.DataFrame) -> pd.Series:
    """Give the standard error of each cell's share, from how its quarters differ; pooled where there is no market."""
    share = year["own"] / year["market"].where(year["market"] > 0)
    spread = share.groupby([year[k] for k in CELL]).std() / np.sqrt(YEAR)
    typical = spread[spread > 0].median()  # of the cells in which we sell: an error of zero would be a certainty
    return spread.clip(lower=typical / 4).fillna(typical)


def _trend(series: pd.Series) -> float:
    from statsmodels.tsa.seasonal import STL  # here, because it is slow to import

    if len(series) < 3 * YEAR or (series <= 0).any():
        return np.nan
    level = STL(np.log(series.to_numpy()), period=YEAR, robust=True).fit().trend
    return float(np.exp(2 * (level[-1] - level[-3])) - 1)
