import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis import brief
from quarterdeck.data.periods import quarter

PERIOD = quarter(pd.Timestamp("2026-05-15"))
CUSTOMERS = pd.DataFrame({"customer_id": ["A", "B", "C"], "segment": ["Ports", "Ports", "Yards"]})
ORDERS = pd.DataFrame(
    {
        "order_id": ["1", "2", "3", "4", "5"],
        "customer_id": ["A", "C", "A", "B", "C"],
        "order_date": pd.to_datetime(["2025-04-02", "2025-05-02", "2026-04-02", "2026-04-03", "2026-05-02"]),
        "revenue": [100.0, 60.0, 90.0, 50.0, 30.0],
    }
)


def landing(p10=80.0, p50=90.0, p90=100.0, target=120.0):
    row = {"seen": 40.0, "p10": p10, "p50": p50, "p90": p90, "target": target, "probability": 0.02, "n_origins": 8}
    return pd.DataFrame([row])


def deals(against_x: tuple[int, int], against_rest: tuple[int, int]) -> pd.DataFrame:
    """Give closed deals of 1.0 each: (won, lost) against X and against the other rival."""
    won = [("X", "won")] * against_x[0] + [("Y", "won")] * against_rest[0]
    lost = [("X", "lost")] * against_x[1] + [("Y", "lost")] * against_rest[1]
    frame = pd.DataFrame(won + lost, columns=["competitor", "status"])
    return frame.assign(closed_on=pd.Timestamp("2026-03-01"), opened_on=pd.Timestamp("2026-01-01"), amount=1.0)


def test_the_bridge_adds_up_exactly():
    bridge = brief.bridge(ORDERS, CUSTOMERS, PERIOD)
    amounts = bridge.set_index("part")["amount"].to_dict()
    assert amounts == {"A year before": 160.0, "Ports": 40.0, "Yards": -30.0, "Now": 170.0}
    assert bridge["amount"].iloc[:-1].sum() == bridge["amount"].iloc[-1]


def test_the_bridge_gathers_small_changes_and_still_adds_up():
    bridge = brief.bridge(ORDERS, CUSTOMERS, PERIOD, most=1)
    assert bridge["part"].tolist() == ["A year before", "Ports", "All others", "Now"]
    assert bridge["amount"].iloc[:-1].sum() == 170.0


def test_there_is_no_bridge_from_nothing():
    assert brief.bridge(ORDERS, CUSTOMERS, PERIOD.before()).empty


def test_quarters_hold_sales_and_targets_oldest_first():
    targets = pd.DataFrame(
        {
            "period_start": [pd.Timestamp("2026-04-01")],
            "period_end": [pd.Timestamp("2026-06-30")],
            "revenue_target": [200.0],
        }
    )
    frame = brief.quarterly(PERIOD, orders=ORDERS, targets=targets)
    assert frame["label"].tolist() == ["Q2 25", "Q2 26"]  # quarters without sales are left out
    assert frame["sold"].tolist() == [160.0, 170.0]
    assert np.isnan(frame["target"].iloc[0]) and frame["target"].iloc[1] == 200.0


def test_a_target_inside_the_interval_is_no_finding():
    assert brief.target_gap(landing(target=95.0)).empty
    assert brief.target_gap(landing(target=120.0))["worth"].tolist() == [-30.0]  # 90 − 120


def test_a_rival_is_a_finding_only_where_the_interval_supports_it():
    found = brief.rival_losses(deals((20, 180), (120, 80)), PERIOD)  # 10 % of 200 against 60 % of 200
    assert found["subject"].tolist() == ["X"]
    assert found["worth"].iloc[0] == pytest.approx(-100.0)  # (0.6 − 0.1) × 200 deals of 1.0
    assert brief.rival_losses(deals((2, 4), (3, 3)), PERIOD).empty  # six deals each tell nothing


def test_equal_rivals_are_rarely_told_apart():
    rng = np.random.default_rng(3)
    wins = rng.binomial(100, 0.35, size=(200, 2))
    claimed = [len(brief.rival_losses(deals((a, 100 - a), (b, 100 - b)), PERIOD)) > 0 for a, b in wins]
    assert np.mean(claimed) <= 0.12  # a two-sided 90 % interval errs in one of ten


def test_segments_move_only_by_more_than_chance():
    assert brief.segment_moves(ORDERS, CUSTOMERS, PERIOD).empty  # five orders tell nothing
    many = pd.concat([ORDERS.assign(order_id=ORDERS["order_id"] + f"-{k}") for k in range(400)])
    found = brief.segment_moves(many, CUSTOMERS, PERIOD).set_index("subject")
    assert found["worth"].to_dict() == {"Ports": 16_000.0, "Yards": -12_000.0}  # 400 × (+40, −30)
    # 1.6449 × √(400 × (100² + 90² + 50²)) = 1.6449 × √8,240,000
    assert found.loc["Ports", "high"] - 16_000 == pytest.approx(1.6449 * np.sqrt(8_240_000))


def test_lapsed_customers_bought_then_and_not_now():
    orders = ORDERS.assign(
        order_date=ORDERS["order_date"].where(ORDERS["customer_id"] != "C", pd.Timestamp("2025-01-05"))
    )
    row = brief.lapsed_customers(orders, PERIOD).iloc[0]
    assert (row["n"], row["worth"]) == (1, -90.0)  # C: 60 + 30


def test_findings_are_the_best_of_each_kind_by_the_money_behind_them():
    found = brief.findings(PERIOD, landing(), ORDERS, CUSTOMERS, deals((20, 180), (120, 80)))
    assert found["kind"].tolist() == ["rival", "target"]
    assert brief.findings(PERIOD, landing(target=95.0)).empty
