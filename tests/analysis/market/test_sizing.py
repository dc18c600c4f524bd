"""Is room estimated from cells that are comparable, and growth by what grew?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.market import sizing
from quarterdeck.data.answers import region_row

DAY = pd.Timestamp("2026-01-15")
STARTS = pd.date_range("2024-01-01", periods=8, freq="QS")


def tables(own, whole=100.0):
    """Eight quarters; `own` and `whole` by (region, segment): a number, or one for each quarter."""
    sold, sizes, people = [], [], []
    for (region, segment), amounts in own.items():
        name = f"{region} {segment}"
        people.append((name, segment))
        sold += [
            (day + pd.Timedelta(days=9), name, region, a)
            for day, a in zip(STARTS, np.broadcast_to(amounts, 8), strict=True)
        ]
        sizes += [(day, region, segment, w) for day, w in zip(STARTS, np.broadcast_to(whole, 8), strict=True)]
    orders = pd.DataFrame(sold, columns=["order_date", "customer_id", "region", "revenue"])
    market = pd.DataFrame(sizes, columns=["period_start", "region", "segment", "market_revenue"])
    market = market.assign(period_end=market["period_start"] + pd.offsets.QuarterEnd(0), source="A")
    return orders, pd.DataFrame(people, columns=["customer_id", "segment"]), market


WOBBLE = np.array([-0.1, 0.1, 0.1, -0.1, -0.1, 0.1, 0.1, -0.1])


def test_headroom_is_the_market_up_to_the_best_share_that_has_region_or_segment_in_common():
    own = {("N", "s"): 10 + WOBBLE, ("N", "t"): 20 + WOBBLE, ("S", "s"): 30 + WOBBLE, ("S", "t"): 25 + WOBBLE}
    cells = sizing.cells(*tables(own), DAY).set_index(["region", "segment"])
    # N s has the region in common with N t (20 %) and the segment with S s (30 %): 400 × (30 % − 10 %).
    assert cells.loc[("N", "s"), "reach"] == pytest.approx(0.3, abs=2e-3)
    assert cells.loc[("N", "s"), "headroom"] == pytest.approx(80, abs=1)
    assert cells.loc[("S", "s"), "headroom"] == 0
    assert (cells["low"] < cells["share"]).all() and (cells["share"] < cells["high"]).all()


def test_a_cell_in_which_nothing_was_sold_is_in_doubt_like_the_others_and_without_any_sale_there_are_no_cells():
    own = {("N", "s"): 10 + WOBBLE, ("N", "t"): 0.0, ("S", "s"): 0.0, ("S", "t"): 0.0}
    cells = sizing.cells(*tables(own), DAY).set_index(["region", "segment"])
    assert cells.loc[("N", "s"), "share"] == pytest.approx(0.1, abs=2e-3)
    assert (cells["low"] < cells["share"]).all() and (cells["share"] < cells["high"]).all()  # zero is no certainty
    assert cells.loc[("S", "s"), "headroom"] == pytest.approx(40, abs=1)  # 400 × (10 % − 0 %)
    assert sizing.cells(*tables(dict.fromkeys(own, 0.0)), DAY).empty


def test_addressable_levels_nest_and_say_what_is_served():
    cells = sizing.cells(*tables({("N", "s"): 10 + WOBBLE, ("N", "t"): 20 + WOBBLE, ("S", "s"): 30 + WOBBLE}), DAY)
    levels = sizing.addressable(cells, served_regions=["N"]).set_index("level")
    assert levels.loc["TAM", "amount"] == 1200 and levels.loc["SAM", "amount"] == 800
    assert levels["amount"].is_monotonic_decreasing and "served: N" in levels.loc["SAM", "definition"]
    assert levels.loc["SOM", "amount"] == pytest.approx(400 * (0.3 + 0.2), rel=0.01)


def test_growth_is_on_the_year_before_since_the_start_and_now():
    quarters = pd.date_range("2022-01-01", periods=16, freq="QS")
    season = np.tile([0.8, 1.0, 1.2, 1.0], 4)
    size = 100 * 1.1 ** (np.arange(16) / 4) * season
    market = pd.DataFrame(
        {"period_start": quarters, "period_end": quarters + pd.offsets.QuarterEnd(0), "region": "N", "segment": "s"}
    )
    table = sizing.growth(market.assign(market_revenue=size, source="A"), DAY).set_index("name").loc["s"]
    assert table["growth"] == pytest.approx(0.1) and table["cagr"] == pytest.approx(0.1) and table["years"] == 3
    assert table["trend"] == pytest.approx(0.1, abs=0.005)  # STL takes the season out


@pytest.mark.slow
def test_the_markets_forecast_covers_what_came(demo_company):
    market = demo_company[0]["market"]
    ahead = region_row(sizing.ahead(market, pd.Timestamp("2025-10-15")), "company").dropna(subset=["middle"])
    came = market.groupby("period_start")["market_revenue"].sum().reindex(ahead["start"]).dropna()
    inside = came.between(
        ahead.set_index("start")["low"].reindex(came.index), ahead.set_index("start")["high"].reindex(came.index)
    )
    assert len(ahead) == 4 and len(came) >= 3 and inside.sum() >= len(came) - 1


def test_planted_growth_of_segments_is_found(demo_company):
    tables, truths = demo_company
    found = sizing.growth(
        tables["competitors"].rename(columns={"revenue": "market_revenue"}).assign(source="A"),
        pd.Timestamp(truths["as_of"]),
    )
    cagr = found.set_index("name")["cagr"].drop("All")
    wanted = np.exp(pd.Series(truths["segment_growth"])) - 1
    gap = (cagr - cagr.mean()) - (wanted - wanted.mean())  # our own season and growth swing the whole market alike
    assert gap.abs().max() < 0.03


def test_too_few_quarters_give_no_rows():
    orders, customers, market = tables({("N", "s"): 10.0})
    assert sizing.cells(orders, customers, market, pd.Timestamp("2025-10-15")).empty
    assert sizing.growth(market, pd.Timestamp("2025-10-15")).empty
    assert sizing.ahead(market, DAY).empty
