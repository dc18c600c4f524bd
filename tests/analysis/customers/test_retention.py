import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.customers import retention
from quarterdeck.analysis.methods.intervals import wilson
from quarterdeck.data.periods import quarter
from quarterdeck.data.snapshot import Missing
from quarterdeck.present.narrative.customers import acquisition_takeaway, bridge_takeaway

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
    row = retention.net_revenue_retention(ORDERS, PERIOD).iloc[0]
    assert row["value"] == pytest.approx(0.95)  # (150 + 40 + 0) ÷ (100 + 80 + 20)
    assert row["n"] == 3


def test_gross_retention_counts_no_growth():
    assert retention.gross_revenue_retention(ORDERS, PERIOD).iloc[0]["value"] == pytest.approx(0.7)  # (100 + 40) ÷ 200


def test_the_lines_need_two_customers_of_a_year_ago():
    alone = ORDERS[ORDERS["customer_id"].isin(["A", "D"])]  # D is new
    assert retention.retention_lines(alone, PERIOD) == retention.TWO_CUSTOMERS
    assert retention.retention_lines(ORDERS, PERIOD, quarters=0)["n"].tolist() == [3, 3, 3]


def test_active_customers_bought_in_the_last_twelve_months():
    assert retention.customers_active(ORDERS, PERIOD).iloc[0]["value"] == 3  # A, B and D


def test_customers_kept_bought_before_and_now():
    row = retention.logo_retention(ORDERS, PERIOD).iloc[0]
    assert row["value"] == pytest.approx(2 / 3) and row["n"] == 3  # A and B of A, B and C
    assert (row["low"], row["high"]) == pytest.approx(wilson(2, 3))


def test_the_last_point_of_the_lines_is_what_the_tiles_say(demo_company):
    orders, period = demo_company[0]["orders"], quarter(pd.Timestamp("2026-11-15"))
    lines = retention.retention_lines(orders, period)
    last = lines[lines["day"] == period.through].set_index("kind")["value"]
    tiles = {
        "net": retention.net_revenue_retention,
        "gross": retention.gross_revenue_retention,
        "logo": retention.logo_retention,
    }
    assert last.to_dict() == pytest.approx({k: f(orders, period)["value"].iloc[0] for k, f in tiles.items()})
    assert (
        lines["day"].nunique() == 13
        and (lines["low"] <= lines["value"]).all()
        and (lines["value"] <= lines["high"]).all()
    )


def test_the_interval_of_net_retention_by_hand():
    net = retention.retention_lines(ORDERS, PERIOD, quarters=0).set_index("kind").loc["net"]
    # 190 ÷ 200 = 0.95; off by 150 − 95, 40 − 76, 0 − 19; √(3 ÷ 2 × (55² + 36² + 19²)) ÷ 200
    error = (1.5 * (55**2 + 36**2 + 19**2)) ** 0.5 / 200
    assert (net["low"], net["high"]) == pytest.approx((0.95 - 1.6449 * error, 0.95 + 1.6449 * error))


def test_nine_intervals_of_ten_hold_the_retention_that_was_planted():
    rng, held = np.random.default_rng(8), []
    for _ in range(300):
        before = rng.lognormal(3, 0.8, 150)
        now = before * 1.05 * rng.lognormal(-0.125, 0.5, 150)  # a mean factor of 1.05
        frame = pd.DataFrame({"before": before, "now": now, "lesser": np.minimum(before, now)})
        net = retention._kinds(frame).set_index("kind").loc["net"]
        held.append(net["low"] <= 1.05 <= net["high"])
    assert np.mean(held) == pytest.approx(0.9, abs=0.05)


def test_the_bridge_by_hand():
    late = {
        "customer_id": ["E", "E"],
        "order_date": pd.to_datetime(["2024-01-01", "2026-02-01"]),
        "revenue": [9.0, 7.0],
    }
    orders = pd.concat([ORDERS, pd.DataFrame(late)])
    table = retention.customer_bridge(orders, PERIOD).set_index("step")
    amounts = {"before": 200, "new": 500, "expansion": 50, "won back": 7, "contraction": -40, "lost": -20, "now": 697}
    assert table["amount"].to_dict() == pytest.approx(amounts)
    count = {"before": 3, "new": 1, "expansion": 1, "won back": 1, "contraction": 1, "lost": 1, "now": 4}
    assert table["customers"].to_dict() == count


@pytest.mark.parametrize(("day", "knows"), [("2023-07-01", True), ("2023-07-02", False), ("2024-06-30", False)])
def test_who_is_new_is_known_only_with_a_year_before_the_two(day, knows):
    late = {"customer_id": "A", "order_date": pd.to_datetime(["2022-01-01"]), "revenue": 9.0}
    orders = pd.concat([ORDERS, pd.DataFrame(late)])
    bridge = retention.customer_bridge(orders, PERIOD, {"orders": pd.Timestamp(day)})
    assert (bridge["knows"] == knows).all()
    said = bridge_takeaway(bridge)
    assert ("new or won back (the data begin" in said) != knows and ("new one brought" in said) == knows


@pytest.mark.parametrize(
    ("begin", "said"), [("2023-06-01", None), ("2024-06-30", "in the 12 months before, where the data begin")]
)
def test_what_a_new_customer_cost_says_how_far_back_new_is_known(begin, said):
    costs = pd.DataFrame({"period_end": pd.to_datetime(["2025-06-30"]), "kind": ["Marketing"], "amount": [7.0]})
    early = {"customer_id": "A", "order_date": pd.to_datetime(["2022-01-01"]), "revenue": 9.0}
    orders = pd.concat([ORDERS, pd.DataFrame(early)]).assign(cost=1.0)
    cost = retention.acquisition(orders, costs, PERIOD, begins={"orders": pd.Timestamp(begin)})
    text = acquisition_takeaway(cost)
    assert said in text if said else "without an order" not in text


def many(rng: np.random.Generator, lost: dict[str, float], each: int = 80) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw customers of segments that lose so many of them in a year."""
    who = pd.DataFrame({"segment": np.repeat(list(lost), each)})
    who = who.assign(customer_id=[f"C{i}" for i in who.index], size=float(50))
    spend = rng.lognormal(4, 0.7, len(who))
    stays = rng.random(len(who)) > who["segment"].map(lost)
    then = who.assign(order_date=pd.Timestamp("2024-07-01"), revenue=spend)
    now = who[stays].assign(
        order_date=pd.Timestamp("2026-01-01"), revenue=(spend * rng.lognormal(0, 0.4, len(who)))[stays]
    )
    return pd.concat([then, now]), who


@pytest.mark.slow
def test_where_segments_do_not_differ_hardly_ever_is_one_said_to():
    rng, said = np.random.default_rng(4), 0
    for _ in range(25):
        orders, who = many(rng, dict.fromkeys("abcd", 0.2), each=50)
        said += (retention.retention_by(orders, who, PERIOD)["place"] != "").any()
    assert said <= 4  # one company in twenty is promised; five of twenty-five would be one case in a hundred


def test_a_segment_that_loses_many_is_found_and_small_ones_are_left_out():
    orders, who = many(np.random.default_rng(4), {"a": 0.1, "b": 0.1, "c": 0.6})
    few = who.assign(segment=who["segment"].where(who.index >= 70, "tiny").where(who.index < 230, "c"))
    table = retention.retention_by(orders, who, PERIOD).query("kind == 'logo'").set_index("group")
    assert table.loc["c", "place"] == "below" and table.loc["c", "raw"] < table.loc["c", "value"] < table["all"].iloc[0]
    assert set(retention.retention_by(orders, few, PERIOD, fewest=60)["group"]) == {"tiny", "b", "c"}
    assert isinstance(retention.retention_by(orders, who, PERIOD, fewest=900), Missing)
    assert "size of customers" in retention.retention_by(orders, who.assign(size=np.nan), PERIOD, by="size").sentence
    assert set(retention.retention_by(orders, who, PERIOD, by="size")["group"]) == {"medium (under 250)"}


def test_what_a_new_customer_costs_by_hand():
    orders = ORDERS.assign(cost=[50.0, 90, 40, 20, 10, 200])
    costs = pd.DataFrame(
        {
            "period_end": pd.to_datetime(["2025-03-31", "2025-06-30", "2026-03-31", "2026-06-30"]),
            "kind": ["Marketing", "Marketing", "Travel", "Marketing"],
            "amount": [7.0, 100.0, 50.0, 1000.0],
        }
    )
    table = retention.acquisition(orders, costs, PERIOD).set_index("kind")
    # D is new; of the four quarters to 31 March 2026 the table holds June 2025 and March 2026
    assert table["cost"].to_dict() == {"Marketing": 100, "Travel": 50, "all": 150}
    months = 180 / 30.4375  # 1 January to 30 June
    assert table.loc["all", "margin"] == pytest.approx(300 / months)  # (500 − 200) a month
    assert table.loc["all", "months"] == pytest.approx(150 / (300 / months))
    assert retention.acquisition(orders, costs, PERIOD, kinds=["Travel"])["kind"].tolist() == ["Travel", "all"]
    assert table.loc["all", "low"] < 150 < table.loc["all", "high"]
