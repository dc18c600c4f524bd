"""Do margins add up, and does each step say what it is called?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.analysis.sales import margin
from quarterdeck.analysis.sales import revenue as totals
from quarterdeck.data.periods import quarter

NOW = quarter(pd.Timestamp("2026-02-15"))  # the last four whole quarters are those of 2025
LINE = st.tuples(
    st.sampled_from("abc"),
    st.booleans(),
    st.integers(-3, 20).filter(bool),
    st.floats(0.1, 1e5),
    st.floats(0, 1.5),
    st.floats(1, 2),
)


def orders(rows):
    frame = pd.DataFrame(rows, columns=["product_id", "late", "quantity", "price", "costs", "over"])
    revenue = frame["quantity"] * frame["price"]
    days = pd.to_datetime(np.where(frame["late"], "2025-02-01", "2024-02-01"))
    return frame.assign(
        order_id=[f"O{k}" for k in range(len(frame))],
        customer_id="C1",
        region="North",
        channel=frame["product_id"].str.upper(),
        order_date=days,
        revenue=revenue,
        cost=revenue * frame["costs"],
        list_amount=revenue * frame["over"],
    )


AMOUNT = st.one_of(st.just(0.0), st.floats(0.01, 1e6), st.floats(-1e6, -0.01))  # returns may outweigh sales


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT), min_size=1, max_size=8))
def test_mix_and_rate_add_up_to_the_change_of_the_margin_rate(rows):
    table = pd.DataFrame(rows, columns=["revenue0", "margin0", "revenue1", "margin1"])
    whole = table.sum()
    # Sums that all but cancel would make the rate itself a matter of rounding.
    if min(whole["revenue0"], whole["revenue1"]) > 1e-3 * table.abs().to_numpy().sum():
        found = margin.mix_and_rate(table)
        change = whole["margin1"] / whole["revenue1"] - whole["margin0"] / whole["revenue0"]
        size = max(
            (table["margin1"] / whole["revenue1"]).abs().sum(), (table["margin0"] / whole["revenue0"]).abs().sum(), 1
        )
        assert abs(found["change"].sum() - change) <= 1e-9 * size
        parts = found["mix"] + found["rate_effect"]
        scale = found.abs().to_numpy().max()
        assert parts.to_numpy() == pytest.approx(found["change"].to_numpy(), rel=1e-9, abs=1e-9 * scale)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=12))
def test_the_margin_bridge_adds_up(rows):
    lines = orders(rows)
    amount = margin.margin_bridge(lines, NOW).set_index("step")["amount"]
    if len(amount):
        size = max(lines[["revenue", "cost"]].abs().sum().max(), amount.abs().max())
        assert abs(amount[margin.STEPS[:-1]].sum() - amount["now"]) <= 1e-9 * size
        late = lines[lines["late"]]
        assert amount["now"] == pytest.approx((late["revenue"] - late["cost"]).sum(), rel=1e-9, abs=1e-9 * size)


@settings(max_examples=80, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=12), st.floats(0, 1e6))
def test_the_waterfall_adds_up(rows, spent):
    lines = orders(rows)
    costs = pd.DataFrame(
        {
            "period_start": [pd.Timestamp("2025-01-01")],
            "period_end": pd.Timestamp("2025-03-31"),
            "region": "North",
            "amount": spent,
        }
    )
    amount = margin.waterfall(lines, NOW, costs).set_index("step")["amount"]
    if len(amount):
        size = amount.abs().max()
        assert abs(amount["list"] + amount["discount"] - amount["net"]) <= 1e-9 * size
        assert abs(amount["net"] + amount["goods"] - amount["margin"]) <= 1e-9 * size
        if "left" in amount:
            assert abs(amount["margin"] + amount["selling"] - amount["left"]) <= 1e-9 * size


def test_price_and_cost_of_the_bridge_are_what_moved_per_unit():
    # One product, 10 units at 5 costing 3, then 20 units at 6 costing 3.5.
    lines = orders([("a", False, 10, 5.0, 0.6, 1), ("a", True, 20, 6.0, 3.5 / 6, 1)])
    amount = margin.margin_bridge(lines, NOW).set_index("step")["amount"]
    assert amount["price"] == pytest.approx(20)  # (6 − 5) × 20
    assert amount["cost"] == pytest.approx(-10)  # −(3.5 − 3) × 20
    assert amount["volume"] == pytest.approx(20)  # (20 − 10) × (5 − 3)
    assert amount["now"] == pytest.approx(50)  # 20 × (6 − 3.5)


def test_a_year_s_gross_margin_is_that_of_the_one_definition():
    lines = orders([("a", False, 10, 5.0, 0.6, 1), ("a", True, 20, 6.0, 0.5, 1), ("b", True, 5, 8.0, 0.25, 1)])
    parts = margin.parts(lines, NOW)
    assert parts["dimension"].unique().tolist() == ["channel"]  # there is but one region
    whole = totals.gross_margin(lines, margin.year(NOW)).iloc[0]
    assert parts["margin"].sum() / parts["revenue"].sum() == pytest.approx(whole["value"])  # (60 + 30) ÷ (120 + 40)
    assert parts["change"].sum() == pytest.approx(whole["value"] - 0.4)


def test_waterfall_without_list_prices_begins_with_net_revenue():
    lines = orders([("a", True, 10, 5.0, 0.6, 1)]).assign(list_amount=np.nan)
    assert margin.waterfall(lines, NOW)["step"].tolist() == ["net", "goods", "margin"]
    assert margin.bands(lines, NOW).empty


def test_bands_part_sales_by_their_discount():
    # 100 at list for 100 (none), 125 at list for 100 (20 % off), both costing 60.
    lines = orders([("a", True, 10, 10.0, 0.6, 1.0), ("a", True, 10, 10.0, 0.6, 1.25)])
    found = margin.bands(lines, NOW).set_index("band")
    assert found["share"].to_dict() == pytest.approx({"none": 0.5, "20 %": 0.5})
    assert found["discount"].to_dict() == pytest.approx({"none": 0.0, "20 %": 0.2})
    assert found["rate"].tolist() == pytest.approx([0.4, 0.4])


def test_revenue_and_margin_are_held_against_their_targets_by_region_or_by_quarter():
    lines = orders([("a", True, 10, 10.0, 0.6, 1)])
    due = pd.DataFrame(
        {"region": "North", "period_start": pd.to_datetime(["2025-01-01", "2025-04-01"]),
         "period_end": pd.to_datetime(["2025-03-31", "2025-06-30"]), "revenue_target": 80.0, "margin_target": 50.0}
    )  # fmt: skip
    row = margin.against_targets(lines, due, NOW).iloc[0]
    assert row["name"] == "Q1 2025" and row["revenue_attained"] == pytest.approx(1.25)  # 100 ÷ 80
    assert row["margin_attained"] == pytest.approx(0.8) and row["wanted"] == pytest.approx(0.625)  # 40 ÷ 50, 50 ÷ 80
