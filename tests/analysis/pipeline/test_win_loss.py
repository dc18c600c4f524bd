"""Are win rates, odds and the cost of rivals given with their uncertainty, and are planted strengths found?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.competition import alarms, battlecards, competitors
from quarterdeck.analysis.pipeline import win_loss
from quarterdeck.data.periods import quarter

DAY = pd.Timestamp("2026-11-15")
PERIOD = quarter(DAY)


def deals(n, **columns):
    base = {
        "opportunity_id": [f"D{i:04d}" for i in range(n)], "customer_id": "C", "product_id": "P", "region": "N", "segment": "s",
        "channel": "Direct", "amount": 100.0, "competitor": "A", "loss_reason": None, "status": "won",
        "closed_on": pd.date_range(DAY - pd.Timedelta(days=300), periods=n, freq="h").normalize(),
    }  # fmt: skip
    frame = pd.DataFrame(base | columns)
    return frame.assign(opened_on=frame["closed_on"] - pd.Timedelta(days=50), expected_close=frame["closed_on"])


def test_coverage_tells_what_is_written_down():
    frame = deals(
        4,
        competitor=["A", None, None, None],
        status=["won", "lost", "lost", "won"],
        loss_reason=[None, "Price", None, None],
        amount=[10.0, 20.0, 30.0, 40.0],
    )
    table = win_loss.coverage(frame, PERIOD).set_index("what")
    assert table.loc["closed deals with a rival", ["known", "n", "share", "share_amount"]].tolist() == [1, 4, 0.25, 0.1]
    assert table.loc["lost deals with a reason", ["known", "n", "share_amount"]].tolist() == [1, 2, 0.4]


def test_win_rates_by_size_take_quarters_of_the_amounts():
    frame = deals(40, amount=np.arange(1.0, 41.0), status=["won"] * 20 + ["lost"] * 20)
    table = win_loss.win_rate_by(frame, PERIOD, by="size").set_index("group")
    assert table["n"].tolist() == [10] * 4 and table.loc["small", "raw"] == 1 and table.loc["largest", "raw"] == 0
    assert table.loc["largest", "rate"] > 0 and table.loc["small", "rate"] < 1


def test_what_is_at_stake_is_the_gap_to_our_rate_on_what_was_closed():
    rates = pd.DataFrame(
        {
            "competitor": ["A"],
            "n": [10],
            "rate": [0.2],
            "low": [0.1],
            "high": [0.4],
            "raw": [0.25],
            "all": [0.3],
            "lost": [750.0],
        }
    )
    row = win_loss.stake(rates).iloc[0]
    assert row[["value", "low", "high"]].tolist() == pytest.approx([100, -100, 200])  # of 1,000 closed


def test_open_deals_are_at_risk_by_the_rate_of_past_ones():
    frame = deals(3, status=["open", "open", "won"], competitor=["A", "A", "B"])
    rates = pd.DataFrame({"competitor": ["A", "B"], "rate": [0.4, 0.5], "low": [0.3, 0.4], "high": [0.6, 0.6]})
    table = win_loss.at_risk(frame, rates)
    assert table.to_dict("records") == [
        {
            "competitor": "A",
            "deals": 2,
            "amount": 200,
            "risk": pytest.approx(120),
            "low": pytest.approx(80),
            "high": pytest.approx(140),
        }
    ]


def test_planted_strengths_of_rivals_are_covered(demo_company):
    tables, truths = demo_company
    table = win_loss.odds(tables["opportunities"], PERIOD).query("condition == 'competitor'").set_index("level")
    truth = -pd.Series(truths["rival_strength"] | {win_loss.NONE: 0.0})
    truth = (truth - (truth * table["n"]).sum() / table["n"].sum()).reindex(table.index)
    assert truth.between(table["low"], table["high"]).sum() >= 4  # of six 90 % intervals
    assert table["log_odds"].idxmin() == "Borealis Nautic"


def test_conditions_that_do_nothing_are_rarely_called_clear():
    rng = np.random.default_rng(8)
    n = 400
    kinds = {k: rng.choice([f"{k}{i}" for i in range(4)], n) for k in ("competitor", "segment", "region", "channel")}
    called = sum(
        win_loss.odds(deals(n, amount=rng.lognormal(5, 1, n), status=rng.choice(["won", "lost"], n), **kinds), PERIOD)[
            "clear"
        ].any()
        for _ in range(20)
    )
    assert called <= 6  # one in ten is meant; seven of twenty would happen once in four hundred times


def test_chances_come_true_where_the_world_is_as_the_model_says(demo_company):
    table = win_loss.calibration(demo_company[0]["opportunities"], PERIOD)
    assert (
        table["n"].sum() > 1000
        and table["error"].iloc[0] < 0.05
        and table["brier"].iloc[0] < table["brier_base"].iloc[0]
    )
    assert win_loss.calibration(deals(50), PERIOD).empty


def test_a_rivals_cost_is_given_within_segment_and_size():
    frame = deals(80, competitor=["A", None] * 40, segment=["s"] * 40 + ["t"] * 40)
    slow = (
        np.where(frame["competitor"].notna(), 70, 50)
        + np.where(frame["segment"] == "t", 30, 0)
        + np.tile([-1, -1, 1, 1], 20)
    )
    frame["opened_on"] = frame["closed_on"] - pd.to_timedelta(slow, unit="D")
    row = win_loss.cost_of_rivalry(frame, PERIOD).set_index("measure").loc["cycle_days"]
    assert row["difference"] == pytest.approx(20) and row["low"] > 19 and row["n"] == 40


def test_discounts_are_those_of_the_order_on_the_day_of_winning():
    frame = deals(
        24,
        competitor=["A", None] * 12,
        opportunity_id=[f"D{i}" for i in range(24)],
        customer_id=[f"C{i}" for i in range(24)],
    )
    orders = pd.DataFrame(
        {"order_date": frame["closed_on"], "customer_id": frame["customer_id"], "product_id": "P", "list_amount": 100.0,
         "revenue": np.where(frame["competitor"].notna(), 80.0, 90.0), "cost": 60.0}
    )  # fmt: skip
    table = win_loss.discount_to_win(frame, PERIOD, orders).set_index("competitor")["discount"]
    assert table.to_dict() == pytest.approx({"A": 0.2, win_loss.NONE: 0.1})
    cost = win_loss.cost_of_rivalry(frame, PERIOD, orders).set_index("measure")
    assert cost.loc["margin", "difference"] == pytest.approx(0.25 - 1 / 3)


def test_notable_deals_are_the_largest_of_each_kind():
    frame = deals(8, amount=np.arange(1.0, 9.0), status=["won", "lost"] * 4)
    table = win_loss.notable(frame, PERIOD, each=1)
    assert table["amount"].tolist() == [8, 7] and table["won"].tolist() == [False, True]


def test_a_change_of_the_win_rate_raises_an_alarm_and_noise_rarely():
    changed = deals(400, status=["lost", "won"] * 100 + ["lost"] * 4 * 50)
    row = alarms.win_rate_alarms(changed, DAY).iloc[0]
    assert row["alarm"] and row["before"] == pytest.approx(0.5) and row["now"] == 0
    rng = np.random.default_rng(4)
    raised = sum(
        alarms.win_rate_alarms(
            deals(600, competitor=rng.choice(list("ABC"), 600), status=rng.choice(["won", "lost"], 600)), DAY
        )["alarm"].any()
        for _ in range(60)
    )
    assert raised <= 8  # one in twenty is meant; nine of sixty would happen twice in a thousand times


def test_a_card_says_only_what_is_clear(demo_company):
    tables, _ = demo_company
    ask = {"opportunities": tables["opportunities"], "period": PERIOD}
    rates = competitors.win_rate_by_rival(**ask)
    cells = win_loss.win_rate_by(**ask, by="segment")
    cards = battlecards.cards(
        rates,
        cells,
        win_loss.stake(rates),
        win_loss.at_risk(tables["opportunities"], rates),
        competitors.reasons_by_rival(**ask),
    )
    assert cards["competitor"].iloc[0] == "Borealis Nautic" and cards["stake"].is_monotonic_decreasing
    prices = pd.DataFrame({"competitor": ["Borealis Nautic"], "now": [90.0]})
    none = [
        frame.iloc[:0]
        for frame in (rates, cells, win_loss.stake(rates), win_loss.at_risk(tables["opportunities"], rates))
    ]
    assert battlecards.cards(*none, competitors.reasons_by_rival(**ask), prices=prices).empty
    named = cards.dropna(subset=["worst"])
    assert (named["worst_rate"] < named["all"]).all() and cards["share"].isna().all()


def test_a_share_that_changes_its_pace_raises_an_alarm():
    starts = pd.date_range("2021-01-01", periods=20, freq="QS")
    rng = np.random.default_rng(2)
    steps = np.r_[np.full(10, -0.002), np.full(10, 0.006)] + rng.normal(0, 0.0008, 20)
    own = 0.3 + steps.cumsum()
    shares = pd.concat(
        [pd.DataFrame({"start": starts, "seller": s, "share": v}) for s, v in (("Us", own), ("A", 1 - own))]
    )
    table = alarms.share_alarms(shares).set_index("name")
    assert table["alarm"].all() and abs((table.loc["Us", "since"] - starts[10]).days) < 120


def test_an_amount_that_is_written_down_on_winning_is_no_condition():
    rng = np.random.default_rng(3)
    won = rng.random(300) < 0.5
    frame = deals(
        300, status=np.where(won, "won", "lost"), amount=np.where(won, 100.0, 0.0), region=rng.choice(["N", "S"], 300)
    )
    assert "size" not in set(win_loss.odds(frame, PERIOD)["condition"])
    assert win_loss.win_rate_by(frame, PERIOD, by="size").empty
