"""Are new products measured by their own age, and their siblings' loss by what others did?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.sales import launches

DAY = pd.Timestamp("2026-01-15")
MONTHS = pd.date_range("2024-01-01", "2026-01-01", freq="MS")


def sales(product, amounts, start=MONTHS):
    return pd.DataFrame(
        {
            "order_date": start,
            "product_id": product,
            "customer_id": "C",
            "revenue": np.broadcast_to(amounts, len(start)).astype(float),
        }
    )


PRODUCTS = pd.DataFrame(
    {"product_id": ["old", "new", "other"], "name": ["Old", "New", "Other"], "category": ["x", "x", "y"],
     "launched": pd.to_datetime(["2020-01-01", "2025-01-01", "2020-01-01"])}
)  # fmt: skip


def test_siblings_lose_what_others_growth_would_have_given_them():
    late = MONTHS >= "2025-01-01"
    orders = pd.concat(
        [
            sales("old", np.where(late, 70, 100)),
            sales("other", np.where(late, 110, 100)),
            sales("new", 50, MONTHS[late]),
        ]
    )
    row = launches.cannibalisation(orders, PRODUCTS, DAY).iloc[0]
    # Six months before: 600 of siblings. After, others grew by a tenth: 660 expected, 7 × 70 = 490 came, 350 of the new.
    assert row[["expected", "siblings", "lost", "sold"]].tolist() == pytest.approx([770, 490, 280, 350])
    assert row["rate"] == pytest.approx(0.8)


def test_a_launch_without_a_half_year_on_both_sides_is_left_out():
    orders = pd.concat([sales("old", 100), sales("other", 100), sales("new", 50, MONTHS[-3:])])
    late = PRODUCTS.assign(launched=pd.to_datetime(["2020-01-01", "2025-11-01", "2020-01-01"]))
    assert launches.cannibalisation(orders, late, DAY).empty
    assert launches.cannibalised(launches.cannibalisation(orders, late, DAY)).empty


def test_uptake_counts_whole_months_since_the_launch_and_first_buyers_once():
    orders = pd.concat(
        [sales("old", 100), sales("new", 50, pd.to_datetime(["2025-01-05", "2025-01-20", "2025-04-15"]))]
    )
    table = launches.uptake(orders, PRODUCTS, DAY)
    assert table["name"].unique().tolist() == ["New"] and table["month"].tolist() == [0, 1, 2, 3]
    assert table["revenue"].tolist() == [100, 0, 0, 50] and table["buyers"].tolist() == [1, 0, 0, 0]
    assert table["to_date"].iloc[-1] == 150


def test_the_bass_curve_of_a_known_diffusion_is_found():
    """Bass (1969): with p 0.03 and q 0.38 a period and 1,000 buyers in the end."""
    p, q, m = 0.03, 0.38, 1000
    edges = np.arange(21)
    reached = (1 - np.exp(-(p + q) * edges)) / (1 + q / p * np.exp(-(p + q) * edges))
    noise = np.random.default_rng(1).normal(0, 1.5, 20)
    uptake = pd.DataFrame({"product_id": "P", "name": "N", "month": range(20), "buyers": m * np.diff(reached) + noise})
    row = launches.bass(uptake).iloc[0]
    assert row["m_low"] < m < row["m_high"] and row["p_low"] < p < row["p_high"] and row["q_low"] < q < row["q_high"]
    assert launches.bass(uptake[uptake["month"] < 7]).empty
