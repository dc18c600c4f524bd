import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.analysis.sales import revenue
from quarterdeck.data.periods import quarter

PERIOD = quarter(pd.Timestamp("2026-05-15"))  # 1 April to 15 May 2026
ORDERS = pd.DataFrame(
    {
        "order_date": pd.to_datetime(
            ["2026-03-31", "2026-04-01", "2026-05-15", "2026-05-16", "2025-04-10", "2025-06-01"]
        ),
        "order_id": list("ABCDEF"),
        "revenue": [100.0, 60.0, -10.0, 70.0, 40.0, 90.0],
        "cost": [50.0, 30.0, -4.0, 30.0, None, 45.0],
    }
)
TARGETS = pd.DataFrame(
    {
        "region": ["North", "South", "North"],
        "period_start": pd.to_datetime(["2026-04-01", "2026-04-01", "2026-07-01"]),
        "period_end": pd.to_datetime(["2026-06-30", "2026-06-30", "2026-09-30"]),
        "revenue_target": [150.0, 50.0, 999.0],
    }
)
DEALS = pd.DataFrame(
    {
        "status": ["won", "won", "lost", "open", "open"],
        "closed_on": pd.to_datetime(["2026-04-03", "2026-03-03", "2026-04-03", None, None]),
        "amount": [5.0, 7.0, 11.0, 13.0, None],
    }
)


def test_revenue_is_what_was_ordered_in_the_period_so_far_less_returns():
    row = revenue.revenue(ORDERS, PERIOD).iloc[0]
    assert (row["value"], row["n"]) == (50.0, 2)  # 60 − 10; the 16 May is not seen yet


def test_growth_compares_with_the_same_days_a_year_before():
    row = revenue.revenue_growth(ORDERS, PERIOD).iloc[0]
    assert row["value"] == pytest.approx(0.25)  # 50 ÷ 40 − 1; June 2025 is not compared
    assert pd.isna(revenue.revenue_growth(ORDERS, PERIOD.before()).iloc[0]["value"])  # nothing was sold in 2024


def test_growth_and_margin_are_as_sure_as_their_orders_are_many_and_alike():
    days = {"order_date": [pd.Timestamp("2026-04-02")] * 4 + [pd.Timestamp("2025-04-02")] * 4}
    orders = pd.DataFrame(days | {"order_id": list("abcdefgh"), "revenue": [30.0] * 4 + [20.0] * 4})
    orders = orders.assign(cost=[10.0, 20.0, 10.0, 20.0, 9.0, 9.0, 9.0, 9.0], list_amount=40.0)
    row = revenue.revenue_growth(orders, PERIOD).iloc[0]
    # 120 ÷ 80 − 1; √(4 × 30² + 1.5² × 4 × 20²) ÷ 80 = √7200 ÷ 80, times 1.6449
    assert row["value"] == 0.5 and row["high"] - 0.5 == pytest.approx(1.6449 * 7200**0.5 / 80, rel=1e-4)
    row = revenue.gross_margin(orders, PERIOD).iloc[0]
    # 60 ÷ 120; each order's margin is 5 off its half of 30: √(4 ÷ 3 × 4 × 5²) ÷ 120, times 1.6449
    assert row["value"] == 0.5 and 0.5 - row["low"] == pytest.approx(1.6449 * (400 / 3) ** 0.5 / 120, rel=1e-4)
    row = revenue.discount_rate(orders, PERIOD).iloc[0]
    assert row["low"] == row["value"] == row["high"] == 0.25  # all alike


def test_gross_margin_leaves_lines_of_unknown_cost_out():
    row = revenue.gross_margin(ORDERS, PERIOD).iloc[0]
    assert row["value"] == pytest.approx(0.48)  # (50 − 26) ÷ 50
    assert revenue.gross_margin(ORDERS, PERIOD.before()).empty


def test_target_attainment_is_of_the_whole_quarters_target():
    row = revenue.target_attainment(ORDERS, TARGETS, PERIOD).iloc[0]
    assert row["value"] == pytest.approx(0.25)  # 50 ÷ (150 + 50)
    assert revenue.target_attainment(ORDERS, TARGETS, PERIOD.before()).empty


def test_bookings_are_deals_won_and_pipeline_is_what_is_still_open():
    assert revenue.bookings(DEALS, PERIOD).iloc[0].tolist() == [5.0, 1.0, 1.0]
    assert revenue.pipeline_open(DEALS).iloc[0].tolist() == [13.0, 1.0, 2.0]


def test_discount_is_of_lines_whose_list_amount_is_known():
    orders = ORDERS.assign(list_amount=[120.0, 80.0, -10.0, 100.0, None, None])
    row = revenue.discount_rate(orders, PERIOD).iloc[0]
    assert row["value"] == pytest.approx(20 / 70) and row["n"] == 2  # list 80 − 10, revenue 60 − 10
    assert revenue.discount_rate(orders, PERIOD.before()).empty


def test_margin_target_attainment_is_money_over_money():
    due = TARGETS.assign(margin_target=[60.0, 20.0, 99.0])
    row = revenue.margin_target_attainment(ORDERS, due, PERIOD).iloc[0]
    assert row["value"] == pytest.approx(0.3)  # (50 − 26) ÷ (60 + 20)
    assert revenue.margin_target_attainment(ORDERS, due.assign(margin_target=None), PERIOD).empty


def test_selling_cost_is_held_against_revenue_of_the_same_quarters():
    costs = pd.DataFrame(
        {"period_start": pd.to_datetime(["2025-04-01", "2026-01-01", "2026-04-01"]), "amount": [3.0, 20.0, 500.0],
         "period_end": pd.to_datetime(["2025-06-30", "2026-03-31", "2026-06-30"])}
    )  # fmt: skip
    row = revenue.selling_expense_ratio(ORDERS, costs, PERIOD).iloc[0]
    assert row["value"] == pytest.approx(23 / 230)  # (3 + 20) ÷ (40 + 90 + 100): April 2025 to March 2026
    assert revenue.selling_expense_ratio(ORDERS, costs.tail(1), PERIOD).empty


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 1.0, 4.0, 6.0, 50.0, 100.0]), st.booleans()), min_size=1, max_size=5
    ).filter(lambda regions: any(sold for sold, _ in regions))
)
def test_targets_of_some_regions_are_no_target_of_all(regions):
    day, period = pd.Timestamp("2026-11-01"), quarter(pd.Timestamp("2026-11-15"))
    names = [f"R{i}" for i in range(len(regions))]
    orders = pd.DataFrame({"region": names, "order_date": day, "revenue": [sold for sold, _ in regions]})
    targets = pd.DataFrame(
        {"region": names, "revenue_target": 10.0, "period_start": period.start, "period_end": period.end}
    )
    targets = targets[[has for _, has in regions]]
    due = revenue.due_targets(targets, period, orders)
    without = sum(sold for sold, has in regions if not has)
    if without > 0.05 * sum(sold for sold, _ in regions):
        assert due.empty
    else:
        assert due["revenue_target"].sum() == 10.0 * len(targets)
    for name in targets["region"]:  # a region's own page knows its own target
        own, sold = (table[table["region"] == name] for table in (targets, orders))
        assert len(revenue.due_targets(own, period, sold)) == 1
