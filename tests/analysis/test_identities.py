"""Parts add up to their whole, whatever the tables hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.analysis.competition import dynamics
from quarterdeck.analysis.customers import retention
from quarterdeck.analysis.market import market_share
from quarterdeck.analysis.sales import prices
from quarterdeck.data.periods import quarter

AMOUNT = st.one_of(st.just(0.0), st.floats(0.01, 1e7))
NOW = quarter(pd.Timestamp("2026-03-31"))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT), min_size=1, max_size=8))
def test_shift_share_adds_up(rows):
    cells = pd.DataFrame(rows, columns=["own0", "own1", "market0", "market1"])
    cells["market0"] += cells["own0"]
    cells["market1"] += cells["own1"]
    if cells["market0"].sum() > 0:
        part = market_share.shift(cells).set_index("part")["amount"]
        whole = cells[["own0", "own1", "market0", "market1"]].to_numpy().max()
        assert abs(part[["before", "market", "mix", "share"]].sum() - part["now"]) <= 1e-9 * max(whole, 1)


LINES = st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(-3, 20).filter(bool), st.floats(0.1, 1e5))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=12))
def test_the_price_bridge_adds_up(rows):
    frame = pd.DataFrame(rows, columns=["product_id", "late", "quantity", "price"])
    frame["revenue"] = frame["quantity"] * frame["price"]
    frame["order_date"] = np.where(frame["late"], pd.Timestamp("2026-02-01"), pd.Timestamp("2025-02-01"))
    frame["order_date"] = pd.to_datetime(frame["order_date"])
    amount = prices.price_bridge(frame, NOW).set_index("step")["amount"]
    if len(amount):
        steps = amount[["before", "price", "volume", "mix", "new", "lost"]]
        assert abs(steps.sum() - amount["now"]) <= 1e-9 * max(steps.abs().max(), 1)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(st.tuples(AMOUNT, AMOUNT), min_size=n, max_size=n), min_size=1, max_size=6)
    )
)
def test_share_flows_add_up_to_the_changes_of_share(cells):
    before, now = (pd.DataFrame([[pair[k] for pair in row] for row in cells]) for k in (0, 1))
    table = dynamics.flows(before, now)
    known = (before.sum(axis=1) > 0) & (now.sum(axis=1) > 0)
    size = now.sum(axis=1)
    change = (now.div(size, axis=0) - before.div(before.sum(axis=1), axis=0))[known].mul(size[known], axis=0).sum()
    net = table.groupby("target")["amount"].sum().reindex(now.columns).fillna(0) - table.groupby("source")[
        "amount"
    ].sum().reindex(now.columns).fillna(0)
    assert (net - change).abs().max() <= 1e-9 * max(size.sum(), 1)
    assert (table["amount"] > 0).all() and not (table["source"] == table["target"]).any()


CENTS = st.integers(-10_000_000, 100_000_000).map(lambda cents: cents / 100)
BOUGHT = st.tuples(st.sampled_from("abcde"), st.integers(0, 1800), CENTS)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(BOUGHT, max_size=20))
def test_the_bridge_of_customers_adds_up_to_the_cent(rows):
    frame = pd.DataFrame([("a", 1900, 0.01), *rows], columns=["customer_id", "back", "revenue"])
    frame["order_date"] = NOW.through - pd.to_timedelta(frame["back"], "D")
    amount = retention.customer_bridge(frame, NOW)
    if len(amount):  # somebody bought in the last twenty-four months
        part = amount.set_index("step")["amount"]
        assert round(part.drop("now").sum() - part["now"], 2) == 0
        recent = frame["back"] < 365  # 2025-04-01 to 2026-03-31
        assert round(part["now"] - frame.loc[recent, "revenue"].sum(), 2) == 0
        assert (part[["new", "won back"]] >= 0).all() and (part[["lost"]] <= 0).all()
