"""Which customers pay, and is the best split of a target the best?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.analysis.methods import finding
from quarterdeck.analysis.planning import profit
from quarterdeck.data.periods import quarter

NOW = quarter(pd.Timestamp("2026-02-15"))


def lines(*rows):
    """Order lines of (customer, margin) in 2025, each an order of 100."""
    frame = pd.DataFrame(rows, columns=["customer_id", "margin"])
    return frame.assign(
        order_id=[f"O{k}" for k in range(len(frame))], order_date=pd.Timestamp("2025-05-05"), region="North", product_id="P",
        revenue=100.0, cost=100.0 - frame["margin"],
    )  # fmt: skip


CUSTOMERS = pd.DataFrame({"customer_id": ["A", "B", "C"], "name": ["Alpha", "Beta", "Gamma"], "segment": "x"})
COSTS = pd.DataFrame(
    {
        "region": ["North"],
        "period_start": pd.Timestamp("2025-01-01"),
        "period_end": pd.Timestamp("2025-03-31"),
        "amount": 120.0,
    }
)


def test_the_whale_curve_peaks_where_losses_begin():
    profits = lines(("A", 50), ("A", 30), ("B", 20), ("C", -10))
    whale = profit.whale(profits, CUSTOMERS, NOW)
    assert whale["customer_id"].tolist() == ["A", "B", "C"]
    assert whale["cumulative"].tolist() == pytest.approx([80, 100, 90])
    row = profit.peak(whale, profits, NOW).iloc[0]
    assert (row["losing"], row["lost"], row["peak"], row["served"]) == (1, -10, 100, False)
    assert row["ratio"] == pytest.approx(100 / 90)


def test_serving_costs_an_order_of_a_region_alike():
    whale = profit.whale(lines(("A", 50), ("A", 30), ("B", 20), ("C", -10)), CUSTOMERS, NOW, COSTS)
    assert whale.set_index("customer_id")["serving"].to_dict() == {"A": 60, "B": 30, "C": 30}  # 120 ÷ 4 orders
    assert whale["profit"].sum() == pytest.approx(90 - 120)


def test_a_loss_of_few_orders_is_not_beyond_chance_and_one_of_many_alike_is():
    few, many = [("B", -50), ("B", 40)], [("C", -5.0 - 0.1 * (k % 3)) for k in range(12)]
    whale = profit.whale(lines(("A", 500), *few, *many), CUSTOMERS, NOW).set_index("customer_id")
    assert whale.loc["C", "clear"] and not whale.loc["B", "clear"]
    found = profit.findings(
        peak=profit.peak(whale.reset_index(), lines(("A", 500), *few, *many), NOW), whale=whale.reset_index()
    )
    assert found["kind"].tolist() == ["unprofitable"] and found["worth"].iloc[0] == pytest.approx(-12 * 5.1)
    assert found["low"].iloc[0] < found["worth"].iloc[0] < found["high"].iloc[0] < 0


def test_breaking_even_is_worth_what_of_such_losses_came_again():
    before = [("C", -5.0 - 0.1 * (k % 3)) for k in range(12)] + [("B", -9.0 - 0.1 * (k % 3)) for k in range(12)]
    now = [("C", -5.0 - 0.1 * (k % 3)) for k in range(12)] + [("B", 2.0), ("A", 500.0)]
    earlier = lines(("A", 500), *before).assign(
        order_date=pd.Timestamp("2024-05-05"), order_id=lambda t: t["order_id"] + "x"
    )
    profits = pd.concat([earlier, lines(*now)], ignore_index=True)
    row = profit.losses(profits, CUSTOMERS, NOW).iloc[0]
    # Of 12 × 5.1 + 12 × 9.1 lost in 2024 beyond chance, 12 × 5.1 was lost again.
    stays = 61.2 / (61.2 + 109.2)
    assert row["worth"] == pytest.approx(-61.2) and row["gain"] == pytest.approx(61.2 * stays) and row["risk"] < 0.01
    assert row["gain_low"] < row["gain"] < row["gain_high"]
    young = profit.losses(lines(*now), CUSTOMERS, NOW).iloc[0]
    assert young["worth"] == pytest.approx(-61.2) and pd.isna(young["gain"])  # no year to learn from


def test_customers_who_all_lose_by_chance_are_rarely_named():
    rng = np.random.default_rng(5)
    rows = [(f"C{k}", m) for k in range(100) for m in rng.normal(0, 30, 10)]
    named = pd.DataFrame({"customer_id": [f"C{k}" for k in range(100)], "name": "n", "segment": "x"})
    assert profit.whale(lines(*rows), named, NOW)["clear"].sum() <= 3


PARTS = st.lists(st.tuples(st.floats(1, 100), st.floats(0, 100), st.floats(-0.5, 0.9)), min_size=2, max_size=6)


@settings(max_examples=100, deadline=None)
@given(PARTS, st.floats(0.01, 0.99))
def test_the_best_split_fills_the_parts_by_their_margin(parts, where):
    table = pd.DataFrame(parts, columns=["least", "width", "rate"])
    table["most"] = table["least"] + table["width"]
    revenue = table["least"].sum() + where * table["width"].sum()
    found = profit.best(table, revenue)
    left, earned = revenue - table["least"].sum(), table["least"] @ table["rate"]
    for row in table.sort_values("rate", ascending=False).itertuples():  # the greedy answer of a knapsack of parts
        taken = min(left, row.width)
        left, earned = left - taken, earned + taken * row.rate
    assert found @ table["rate"] == pytest.approx(earned, rel=1e-7, abs=1e-6)  # the solver's own tolerance
    assert found.sum() == pytest.approx(revenue)


def channels():
    return pd.DataFrame(
        {"dimension": "channel", "unit": ["shop", "web"], "low": [80.0, 80.0], "middle": [100.0, 100.0], "high": [125.0, 125.0],
         "least": [85.0, 85.0], "most": [115.0, 115.0], "rate": [0.2, 0.5], "rate_low": [0.18, 0.48], "rate_high": [0.22, 0.52],
         "error": [0.01, 0.01], "n": [50, 50]}
    )  # fmt: skip


def test_moves_go_to_the_better_margin_and_their_gains_add_up():
    moves = profit.moves(channels(), 200.0)
    assert moves["unit"].tolist() == ["web", "shop"] and moves["best"].tolist() == pytest.approx([115, 85])
    assert moves["gain"].sum() == pytest.approx(4.5) == pytest.approx(moves["total"].iloc[0])  # 15 × (0.5 − 0.2)
    found = profit.findings(moved=moves)
    assert found["kind"].tolist() == ["margin"] and found["subject"].tolist() == ["channels"]
    assert profit.findings(
        moved=profit.moves(channels().assign(error=0.5), 200.0)
    ).empty  # rates so doubtful say nothing
    assert profit.moves(channels(), 400.0).empty  # beyond what the bounds allow


def test_the_frontier_holds_every_fair_split_between_its_ends():
    frontier = profit.frontier(channels())
    assert (frontier["least"] <= frontier["fair"] + 1e-9).all() and (frontier["fair"] <= frontier["most"] + 1e-9).all()


def test_sellers_who_give_away_more_are_a_finding_and_unlike_targets_too():
    discounts = pd.DataFrame(
        {"discount": [0.3, 0.1], "excess": [0.1, 0.0], "low": [0.05, -0.02], "high": [0.15, 0.02], "clear": [True, False],
         "cost": [1000.0, 0.0], "n": [40, 50]}
    )  # fmt: skip
    row = profit.findings(discounts=discounts).iloc[0]
    assert row["worth"] == -1000 and row["value"] == pytest.approx(0.3) and row["compared"] == pytest.approx(0.2)
    assert (row["low"], row["high"]) == (pytest.approx(-1500), pytest.approx(-500))  # 10,000 of list × 0.15 and × 0.05
    ways = pd.DataFrame({"way": ["equal chance", "last year plus"]})
    split = pd.DataFrame(
        {"unit": ["a", "b"], "flat": [90.0, 200.0], "flat_chance": [0.6, 0.05], "low": [80.0, 80.0], "high": [125.0, 150.0],
         "target": [110.0, 120.0], "even": 0.4}
    )  # fmt: skip
    row = profit.findings(fairness=ways, targets=split).iloc[0]
    assert (row["subject"], row["worth"], row["low"], row["high"]) == ("b", -80, -120, -50)


def test_findings_have_the_columns_of_the_brief():
    assert list(profit.findings()) == finding.FOUND
