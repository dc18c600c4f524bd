"""Does the bridge add up, and does the elasticity find the one that was planted?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.sales import prices
from quarterdeck.data import contract, demo
from quarterdeck.data.periods import quarter

NOW = quarter(pd.Timestamp("2026-03-31"))


def lines(*rows):
    frame = pd.DataFrame(rows, columns=["order_date", "product_id", "quantity", "revenue"])
    return frame.assign(order_date=pd.to_datetime(frame["order_date"]))


def test_the_bridge_by_hand():
    orders = lines(
        ("2025-02-01", "a", 10, 100), ("2025-02-01", "b", 10, 200), ("2025-02-01", "gone", 1, 50),
        ("2026-02-01", "a", 20, 240), ("2026-02-01", "b", 10, 190), ("2026-02-01", "new", 2, 30),
    )  # fmt: skip
    amount = prices.price_bridge(orders, NOW).set_index("step")["amount"]
    # Of a and b: 300 for 20 units, then 30 units. Volume: 10 × 15. Price: (12 − 10)·20 + (19 − 20)·10.
    # Mix: 10·(20 − 15) + 20·(10 − 15).
    assert amount.to_dict() == pytest.approx(
        {"before": 350, "price": 30, "volume": 150, "mix": -50, "new": 30, "lost": -50, "now": 460}
    )


def test_a_bridge_needs_both_periods_and_may_name_its_own():
    orders = lines(("2026-02-01", "a", 1, 10), ("2025-12-01", "a", 1, 8))
    assert prices.price_bridge(orders, NOW).empty
    own = prices.price_bridge(orders, NOW, before=quarter(pd.Timestamp("2025-12-31"))).set_index("step")["amount"]
    assert own[["before", "price", "now"]].tolist() == [8, 2, 10]


def test_a_product_that_is_only_returned_counts_as_lost():
    orders = lines(("2025-02-01", "a", 2, 20), ("2026-02-01", "a", -1, -10), ("2026-02-01", "b", 1, 5))
    amount = prices.price_bridge(orders, NOW).set_index("step")["amount"]
    assert amount[["before", "new", "lost", "now"]].tolist() == [20, -5, -20, -5]


@pytest.mark.slow
def test_the_planted_elasticities_are_covered():
    """Over eight invented companies, 90 % of intervals should hold the truth; 34 of 48 is what 1 in 500 would miss."""
    held = tried = 0
    for seed in range(300, 308):
        tables, truths = demo.generate(seed=seed, scale=0.3)
        kept = {k: tables[k] for k in ("orders", "products", "initiatives")}
        checked = contract.check(kept | {k: tables[k] for k in ("customers", "reps")})
        table = prices.elasticity(checked["orders"], checked["products"], checked["initiatives"]).set_index("category")
        truth = pd.Series(truths["price_elasticity"]).reindex(table.index)
        held += int(truth.between(table["raw_low"], table["raw_high"]).sum())
        tried += len(table)
    assert tried == 48 and held >= 35, held


def test_prices_that_do_not_move_teach_nothing():
    days = pd.date_range("2023-01-15", periods=12, freq="91D")
    orders = pd.concat([lines(*[(d, p, 5.0, 50.0) for d in days]) for p in "abc"]).assign(list_amount=np.nan)
    assert prices.elasticity(orders, pd.DataFrame({"product_id": list("abc"), "category": "x"})).empty


def test_of_one_product_in_a_category_no_elasticity_is_claimed():
    days = pd.date_range("2023-01-15", periods=12, freq="91D")
    moved = [(d, p, 5.0 + (k % 3), 50.0 + 10 * ((k + i) % 4)) for i, p in enumerate("abcd") for k, d in enumerate(days)]
    orders = lines(*moved).assign(list_amount=lambda t: t["quantity"] * (9 + t.index % 5))
    alone = pd.DataFrame({"product_id": list("abcd"), "category": list("abcd")})
    assert prices.elasticity(orders, alone).empty
    pairs = alone.assign(category=["x", "x", "y", "y"])
    assert prices.elasticity(orders, pairs)["category"].tolist()
