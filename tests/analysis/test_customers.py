import pandas as pd
import pytest

from quarterdeck.analysis import customers
from quarterdeck.data.periods import quarter

PERIOD = quarter(pd.Timestamp("2026-06-30"))
# Twelve months to 30 June 2026 and the twelve before; A grew, B shrank, C left, D is new.
ORDERS = pd.DataFrame(
    {
        "customer_id": ["A", "A", "B", "B", "C", "D"],
        "order_date": pd.to_datetime(
            ["2024-07-01", "2025-07-01", "2025-06-30", "2026-06-30", "2025-01-01", "2026-01-01"]
        ),
        "revenue": [100.0, 150.0, 80.0, 40.0, 20.0, 500.0],
    }
)


def test_net_retention_leaves_new_customers_out():
    row = customers.net_revenue_retention(ORDERS, PERIOD).iloc[0]
    assert row["value"] == pytest.approx(0.95)  # (150 + 40 + 0) ÷ (100 + 80 + 20)
    assert row["n"] == 3


def test_gross_retention_counts_no_growth():
    assert customers.gross_revenue_retention(ORDERS, PERIOD).iloc[0]["value"] == pytest.approx(0.7)  # (100 + 40) ÷ 200


def test_retention_needs_two_years_of_orders():
    assert customers.net_revenue_retention(ORDERS.iloc[1:], PERIOD).empty


def test_active_customers_bought_in_the_last_twelve_months():
    assert customers.customers_active(ORDERS, PERIOD).iloc[0]["value"] == 3  # A, B and D
