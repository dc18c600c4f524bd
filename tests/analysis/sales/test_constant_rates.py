"""What did exchange rates do, worked out by hand?"""

import pandas as pd
import pytest

from quarterdeck.analysis.sales import constant_rates, prices
from quarterdeck.analysis.sales.revenue import target_attainment
from quarterdeck.data.periods import quarter

NOW = quarter(pd.Timestamp("2026-12-31"))
# A year before, 100 dollars at 0.80 and 50 euros: 130. Now 120 dollars at 0.90 (108) and 60 euros: 168.
ORDERS = pd.DataFrame(
    {
        "order_id": ["1", "2", "3", "4"],
        "order_date": pd.to_datetime(["2025-11-01", "2025-11-02", "2026-11-01", "2026-11-02"]),
        "product_id": "P",
        "quantity": [10.0, 5.0, 12.0, 6.0],
        "revenue": [80.0, 50.0, 108.0, 60.0],
        "cost": [40.0, 25.0, 54.0, 30.0],
        "exchange_rate": [0.8, 1.0, 0.9, 1.0],
        "rate_a_year_before": [float("nan"), 1.0, 0.8, 1.0],
        "plan_rate": [0.85, 1.0, 0.85, 1.0],
    }
)
TARGETS = pd.DataFrame({"period_start": [NOW.start], "period_end": [NOW.end], "revenue_target": [200.0]})


def test_growth_at_constant_rates_by_hand():
    """At last year's 0.80 the 120 dollars are 96 euros: 156 in all, 20 % above 130; as reported 168, 29.2 % above. Rates: 12."""
    row = constant_rates.constant_growth(ORDERS, NOW).iloc[0]
    assert row[["now", "constant", "before", "effect"]].tolist() == pytest.approx([168.0, 156.0, 130.0, 12.0])
    assert row[["value", "reported", "by_rates"]].tolist() == pytest.approx([0.2, 38 / 130, 12 / 130])
    assert row["foreign"] == pytest.approx(108 / 168)


def test_a_price_that_nobody_changed_is_no_step_of_price():
    """A unit cost 8.67 euros a year before, and at constant rates still does: 130 ÷ 15 = 156 ÷ 18. Volume 3 × 8.67, rates 12."""
    amount = prices.price_bridge(ORDERS, NOW).set_index("step")["amount"]
    assert amount[["price", "volume", "exchange rates"]].tolist() == pytest.approx([0.0, 26.0, 12.0], abs=1e-9)
    assert amount["before"] + amount.iloc[1:-1].sum() == pytest.approx(amount["now"]) and amount["now"] == 168.0


def test_what_the_target_was_planned_at():
    """At the plan's 0.85 the 120 dollars are 102 euros: 162 of 200, where 168 are reported."""
    assert constant_rates.at_plan_rates(ORDERS, TARGETS, NOW)["value"].tolist() == pytest.approx([0.81])
    assert target_attainment(ORDERS, TARGETS, NOW)["value"].tolist() == pytest.approx([0.84])


def test_a_currency_without_a_rate_a_year_before_has_no_effect():
    row = constant_rates.constant_growth(ORDERS.assign(rate_a_year_before=float("nan")), NOW).iloc[0]
    assert row["effect"] == 0.0 and row["value"] == row["reported"]


@pytest.mark.parametrize(
    "orders", [ORDERS.drop(columns=["exchange_rate", "rate_a_year_before", "plan_rate"]), ORDERS[1::2]]
)
def test_one_currency_says_nothing(orders):
    assert constant_rates.constant_growth(orders, NOW).empty
    assert constant_rates.at_plan_rates(orders, TARGETS, NOW).empty
    assert "exchange rates" not in set(prices.price_bridge(orders, NOW)["step"])
