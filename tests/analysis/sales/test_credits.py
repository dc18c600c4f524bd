"""Is money that is given back without goods taken for no sale: no unit, price, discount, order or buyer?"""

import pandas as pd
import pytest

from quarterdeck.analysis.customers import buyers, retention
from quarterdeck.analysis.methods import lifetimes
from quarterdeck.analysis.planning import profit
from quarterdeck.analysis.sales import launches, margin, prices, revenue
from quarterdeck.data import contract
from quarterdeck.data.periods import Period, quarter
from quarterdeck.present.narrative import targets as say

NOW = quarter(pd.Timestamp("2026-03-31"))
DAY = pd.Timestamp
COLUMNS = ["order_id", "order_date", "customer_id", "product_id", "quantity", "list_amount", "revenue", "cost"]


def lines(*rows):
    """Give checked orders of North, a line each."""
    frame = pd.DataFrame(rows, columns=COLUMNS).assign(line_no=1, region="North", channel="Direct", rep_id="R1")
    return contract.check({"orders": frame}, 1.0)


@pytest.fixture
def orders():
    """In February 2025 ten units for 90 (list 100, cost 60); a year later ten for 90, and credits of 5, 3 and 2: one as the
    source books it with a quantity of one and a cost, one without a quantity and one without a list amount or cost either."""
    return lines(
        ("S0", "2025-02-01", "C1", "a", 10, 100, 90, 60),
        ("S1", "2026-02-01", "C1", "a", 10, 100, 90, 60),
        ("K1", "2026-02-20", "C1", "a", 1, 10, -5, 6),
        ("K2", "2026-02-21", "C2", "a", 0, 0, -3, 0),
        ("K3", "2026-02-22", "C2", "rebate", 0, None, -2, None),
    )["orders"]


def test_a_credit_has_neither_units_nor_list_price_nor_cost(orders):
    back = orders[orders["revenue"] < 0]
    assert back[["quantity", "list_amount", "cost"]].eq(0).all(axis=None) and orders["revenue"].sum() == 170


def test_where_no_list_price_or_cost_is_known_a_credit_brings_none():
    orders = lines(("S", "2026-02-01", "C1", "a", 1, None, 9, None), ("K", "2026-02-02", "C1", "a", 0, None, -1, None))
    assert orders["orders"][["list_amount", "cost"]].isna().all(axis=None)


def test_the_page_says_how_much_was_given_back():
    rows = [("S", "2026-02-01", "C1", "a", 1, None, 90, None), ("K", "2026-02-02", "C1", "a", 0, None, -10, None)]
    (said,) = lines(*rows).remarks
    assert said.sentence() == (
        "orders: credits without a quantity count in revenue and margin, not in units, prices, discounts, orders or buyers: "
        "1 of 2 rows (revenue -10.00), such as order_id 'K', line_no 1"
    )


def test_the_bridge_has_a_step_of_credits_and_prices_stay_what_they_were(orders):
    """Ten units at 9 in both years: no price, volume or mix. Credits of 5 + 3 + 2 lead to 80; "rebate" is not new."""
    amount = prices.price_bridge(orders, NOW).set_index("step")["amount"]
    assert amount.to_dict() == {
        "before": 90, "price": 0, "volume": 0, "mix": 0, "new": 0, "lost": 0, "credits": -10, "now": 80,
    }  # fmt: skip
    assert "credits" not in prices.price_bridge(orders[orders["revenue"] > 0], NOW)["step"].to_numpy()


def test_the_margin_bridge_takes_the_same_lines_for_credits(orders):
    """Margin 90 − 60 = 30 a year ago, 80 − 60 = 20 now; a fee of 3 without units that costs 9 is a product, and no credit."""
    fee = lines(("F", "2026-02-03", "C1", "fee", 0, 3, 3, 9))["orders"]
    amount = margin.margin_bridge(pd.concat([orders, fee], ignore_index=True), NOW, NOW.before()).set_index("step")[
        "amount"
    ]
    assert amount[["before", "credits", "new", "now"]].tolist() == [30, -10, -6, 14]
    assert amount.iloc[:-1].sum() == amount["now"]


def test_the_waterfall_tells_credits_from_discounts(orders):
    """List 100, discount 10, credits 10, net 80, goods 60, margin 20: discounts are 10 % of list price, not 20 %."""
    steps = margin.waterfall(orders, quarter(DAY("2026-04-15")))
    assert dict(zip(steps["step"], steps["amount"], strict=True)) == {
        "list": 100, "discount": -10, "credits": -10, "net": 80, "goods": -60, "margin": 20,
    }  # fmt: skip
    assert steps["after"].tolist() == [100, 90, 80, 80, 20, 20]
    assert (
        margin.price_rates(steps)["discount"] == pytest.approx(0.1)
        and steps.set_index("step")["kind"]["credits"] == "change"
    )
    said = str(say.waterfall_takeaway(steps))
    assert said.startswith(
        "**Discounts take €10, 10.0 % of list price**, price credits €10 more; gross margin is €20, 25.0 %"
    )


def test_discounts_are_what_was_given_when_sold(orders):
    row = revenue.discount_rate(orders, NOW).iloc[0]
    assert row[["value", "numerator", "denominator", "n"]].tolist() == [0.1, 10, 100, 1]
    assert revenue.gross_margin(orders, NOW)["value"].item() == pytest.approx(20 / 80)  # net of credits


def test_who_only_got_money_back_bought_nothing(orders):
    """C2 has two credits and no purchase."""
    assert retention.active(orders, NOW.through).tolist() == ["C1"]
    assert lifetimes.histories(orders, NOW.through).index.tolist() == ["C1"]
    habits = buyers.habits(orders, pd.DataFrame({"product_id": ["a"], "category": ["A"]}), NOW.through)
    assert habits[["customer_id", "orders", "spend"]].values.tolist() == [["C1", 1, 85]]
    new = pd.DataFrame({"product_id": ["a"], "name": "A", "category": "K", "launched": DAY("2025-12-31")})
    assert launches.uptake(orders, new, DAY("2026-05-30"))["buyers"].sum() == 1


def test_an_order_of_credits_alone_is_no_order():
    """Two sales and a credit note; selling cost of 30 is that of two orders, 15 each, and margin rates are of two orders."""
    orders = lines(
        ("S1", "2026-02-01", "C1", "a", 1, 10, 10, 6),
        ("S2", "2026-02-02", "C2", "a", 1, 10, 10, 6),
        ("K1", "2026-02-03", "C2", "a", 0, 0, -4, 0),
    )["orders"]
    span = Period(DAY("2026-01-01"), DAY("2026-03-31"), DAY("2026-03-31"))
    costs = pd.DataFrame({"period_start": [span.start], "period_end": [span.end], "region": "North", "amount": 30.0})
    table = profit._profits(orders, span, costs)
    assert table.loc["C1", ["margin", "serving"]].tolist() == [4, 15]
    assert table.loc["C2", ["margin", "serving"]].tolist() == [0, 15]
    assert margin.rates(margin.labelled(orders), "region")["n"].tolist() == [2]
