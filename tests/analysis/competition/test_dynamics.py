"""Do flows, momentum and the map say what the tables say, and is the planted momentum found?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.competition import competitors, dynamics
from quarterdeck.analysis.market import demand

DAY = pd.Timestamp("2026-11-15")


def test_flows_go_from_losers_to_gainers_in_proportion():
    before = pd.DataFrame([[50.0, 30.0, 20.0]], columns=["Us", "A", "B"])
    now = pd.DataFrame([[40.0, 33.0, 27.0]], columns=["Us", "A", "B"])
    table = dynamics.flows(before, now)
    assert table.to_dict("records") == [
        {"source": "Us", "target": "B", "amount": pytest.approx(7), "share": pytest.approx(0.07)},
        {"source": "Us", "target": "A", "amount": pytest.approx(3), "share": pytest.approx(0.03)},
    ]


def test_a_seller_may_lose_in_one_cell_and_gain_in_another():
    before = pd.DataFrame([[50.0, 50.0], [50.0, 50.0]], columns=["Us", "A"])
    now = pd.DataFrame([[60.0, 40.0], [30.0, 70.0]], columns=["Us", "A"])
    table = dynamics.flows(before, now).set_index(["source", "target"])["amount"]
    assert table.to_dict() == pytest.approx({("Us", "A"): 20, ("A", "Us"): 10})


def test_planted_momentum_is_found(demo_company):
    tables, truths = demo_company
    found = dynamics.momentum(tables["competitors"], DAY).set_index("competitor")
    wanted = pd.Series(truths["rival_momentum"])
    wanted = (wanted - wanted.mean()).reindex(found.index)
    assert (found["momentum"] - wanted).abs().max() < 0.01
    assert wanted.between(found["low"], found["high"]).sum() >= 3  # of five 90 % intervals


def test_momentum_does_not_take_a_growing_segment_for_strength():
    quarters = pd.date_range("2024-01-01", periods=8, freq="QS")
    rows = [
        (q, "N", s, c, 100 * (1.2 if s == "fast" else 0.9) ** k * np.exp(0.001 * (-1) ** k))
        for k, q in enumerate(quarters) for s in ("fast", "slow") for c in ("A", "B") if (s, c) != ("slow", "B") or k >= 0
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["period_start", "region", "segment", "competitor", "revenue"])
    table = dynamics.momentum(frame.assign(period_end=frame["period_start"] + pd.offsets.QuarterEnd(0)), DAY)
    assert table["momentum"].abs().max() < 1e-9
    assert dynamics.momentum(frame[frame["competitor"] == "A"].assign(period_end=frame["period_start"]), DAY).empty


def test_structure_sets_each_seller_beside_the_largest_other(demo_company):
    tables, _ = demo_company
    shares = competitors.shares(*(tables[t] for t in ("orders", "market", "competitors")), DAY)
    moves = competitors.share_moves(shares)
    table = dynamics.structure(shares, moves, dynamics.momentum(tables["competitors"], DAY))
    first, second = table.iloc[0], table.iloc[1]
    assert first["relative"] == pytest.approx(first["revenue"] / second["revenue"]) and first["relative"] >= 1
    assert second["relative"] == pytest.approx(1 / first["relative"]) and table["share"].sum() == pytest.approx(1)


def test_the_map_of_a_published_table():
    """Greenacre (2017), exhibit 2.1 and chapter 8 onwards: smoking by staff group; inertia 0.08519, axes 87.8 % and 11.8 %."""
    counts = pd.DataFrame(
        [[4, 2, 3, 2], [4, 3, 7, 4], [25, 10, 12, 4], [18, 24, 33, 13], [10, 6, 7, 2]],
        index=["SM", "JM", "SE", "JE", "SC"], columns=["none", "light", "medium", "heavy"],
    )  # fmt: skip
    found = dynamics.correspondence(counts)
    assert found["inertia"].iloc[0] == pytest.approx(0.08519, abs=5e-6)
    assert found["inertia_x"].iloc[0] == pytest.approx(0.878, abs=5e-4) and found["inertia_y"].iloc[0] == pytest.approx(
        0.118, abs=5e-4
    )
    x = found.set_index("name")["x"].abs()
    assert x["none"] == pytest.approx(0.393, abs=5e-4) and x["SE"] == pytest.approx(0.381, abs=5e-4)
    assert dynamics.correspondence(counts.iloc[:2]).empty


def test_what_we_sell_in_segments_that_nobody_knows_is_not_nothing(demo_company):
    tables, _ = demo_company
    orders, customers, market, rivals = (tables[t] for t in ("orders", "customers", "market", "competitors"))
    unknown = customers.assign(segment=pd.Series(None, customers.index, dtype="str"))
    assert dynamics.share_flow(orders, unknown, market, rivals, DAY).empty
    assert dynamics.position_map(orders, unknown, market, rivals, DAY).empty
    assert dynamics.position_map(orders[orders["order_date"] < "2024"], customers, market, rivals, DAY).empty


def test_prices_are_weighted_by_revenue_and_split_on_demand():
    frame = pd.DataFrame(
        {"period_start": pd.Timestamp("2026-01-01"), "period_end": pd.Timestamp("2026-03-31"), "region": "N", "segment": ["s", "t"],
         "competitor": "A", "revenue": [300.0, 100.0], "price_index": [90.0, 110.0]}
    )  # fmt: skip
    assert dynamics.price_lines(frame, DAY)["price_index"].tolist() == [95]
    assert dynamics.price_lines(frame, DAY, by_segment=True)["price_index"].tolist() == [90, 110]


def test_a_price_that_moves_sales_is_found_and_one_that_does_not_is_not(demo_company):
    tables, _ = demo_company
    known = [tables[t] for t in ("orders", "customers", "market")]
    quiet = demand.price_response(*known, tables["competitors"], DAY).iloc[0]
    assert quiet["low"] < 0.003 and quiet["high"] > -0.003  # no price moves any sales in the demo company
    late = (
        tables["orders"]["order_date"] >= "2023-05-20"
    )  # in the midst of a quarter, of which less would seem to be sold
    cut = [tables["orders"][late], *known[1:], tables["competitors"], DAY]
    whole = [tables["orders"][tables["orders"]["order_date"] >= "2023-07-01"], *cut[1:]]
    begins = {"orders": pd.Timestamp("2023-05-20")} | dict.fromkeys(("market", "competitors"), pd.Timestamp.min)
    assert demand.price_response(*cut, begins=begins).equals(demand.price_response(*whole))
    moved = tables["competitors"].assign(revenue=lambda t: t["revenue"] * np.exp(-0.05 * (t["price_index"] - 100)))
    loud = demand.price_response(*known, moved, DAY).iloc[0]
    assert loud["response"] == pytest.approx(quiet["response"] - 0.05, abs=1e-6)
