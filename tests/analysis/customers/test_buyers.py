"""Are customers distinguished by what they do, and is concentration what the textbook says?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.customers import buyers

DAY = pd.Timestamp("2026-01-15")


def spent(amounts):
    return pd.DataFrame(
        {
            "order_date": DAY,
            "customer_id": [f"C{i}" for i in range(len(amounts))],
            "revenue": [float(a) for a in amounts],
        }
    )


def test_gini_of_alike_customers_is_zero_and_of_one_is_one():
    assert buyers.customer_concentration(spent([5] * 20), DAY)["gini"].iloc[0] == pytest.approx(0)
    almost = buyers.customer_concentration(spent([1e-9] * 19 + [100]), DAY).iloc[0]
    assert almost["gini"] == pytest.approx(1) and almost["largest"] == 100 and almost["top_tenth"] == pytest.approx(1)


def test_gini_by_hand():
    """Ten customers spending 1 to 10: mean difference 11/3 over twice the mean 5.5 is 1/3."""
    row = buyers.customer_concentration(spent(range(1, 11)), DAY).iloc[0]
    assert row["gini"] == pytest.approx(1 / 3) and row["top_ten"] == 1 and row["top_tenth"] == pytest.approx(10 / 55)
    assert buyers.customer_concentration(spent(range(1, 10)), DAY).empty


def test_the_lorenz_curve_runs_from_nothing_to_everything_below_the_diagonal():
    curve = buyers.lorenz(spent([1, 2, 7]), DAY)
    assert (
        curve["revenue"].tolist() == pytest.approx([0, 0.1, 0.3, 1])
        and (curve["revenue"] <= curve["customers"] + 1e-12).all()
    )


def made_habits(rows):
    return pd.DataFrame(rows, columns=["customer_id", "recency", "orders", "spend", "before", "categories"]).astype(
        {"spend": float, "before": float}
    )


def test_habits_know_the_last_order_and_two_years_apart():
    orders = pd.DataFrame(
        {"order_id": ["1", "1", "2", "3"], "order_date": pd.to_datetime(["2025-12-16", "2025-12-16", "2024-06-01", "2020-01-01"]),
         "customer_id": ["A", "A", "A", "B"], "product_id": ["p", "q", "p", "p"], "quantity": 1.0, "revenue": [10.0, 5.0, 7.0, 9.0]}
    )  # fmt: skip
    row = buyers.habits(orders, pd.DataFrame({"product_id": ["p", "q"], "category": ["x", "y"]}), DAY)
    assert row.to_dict("records") == [
        {"customer_id": "A", "recency": 30, "orders": 1, "spend": 15, "before": 7, "categories": 2}
    ]


def test_value_segments_name_the_best_and_the_quiet():
    rows = [(f"{i}", 10 * i, 20 - i, 1000 - 40 * i, 100, 3) for i in range(20)]  # the later, the smaller
    table = buyers.value_segments(made_habits(rows)).set_index("value")
    assert table.loc["Champions", "customers"] == 8 and table.loc["Gone quiet", "customers"] == 4
    assert table["share"].sum() == pytest.approx(1) and table["part"].sum() == pytest.approx(1)


def test_two_clear_kinds_are_found_and_stable():
    rng = np.random.default_rng(3)
    large = [(f"L{i}", rng.integers(1, 9), rng.integers(20, 30), rng.uniform(9e4, 2e5), 0, 6) for i in range(60)]
    small = [(f"S{i}", rng.integers(90, 200), rng.integers(1, 3), rng.uniform(500, 2e3), 0, 1) for i in range(60)]
    table = buyers.clusters(made_habits(large + small))
    assert table["k"].iloc[0] == 2 and table["customers"].tolist() == [60, 60] and table["stability"].iloc[0] > 0.95
    assert table["spend"].is_monotonic_decreasing and table["silhouette"].iloc[0] > 0.6
    assert buyers.clusters(made_habits(large)[:59]).empty
