"""Does what is sought reach the goal, and is it said truly how often it has been reached?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.analysis.planning import goal_seek
from quarterdeck.data.periods import quarter

PERIOD = quarter(pd.Timestamp("2026-11-15"))


def record(n=12, seed=1):
    rng = np.random.default_rng(seed)
    levers = {
        "open_deals": 600.0,
        "opened": 500.0,
        "win_rate": 0.35,
        "average_won": 3e4,
        "cycle_days": 110.0,
        "sellers": 40.0,
    }
    table = pd.DataFrame({k: v * np.exp(rng.normal(0, 0.08, n)) for k, v in levers.items()})
    return table.assign(label=[f"Q{i}" for i in range(n)], bookings=9e6 * np.exp(rng.normal(0, 0.1, n)))


def wanted(amount):
    return pd.DataFrame({"goal": [amount], "from_what": ["quotas"]})


@settings(max_examples=100, deadline=None)
@given(st.floats(1e6, 5e7), st.integers(0, 500))
def test_each_lever_alone_and_the_four_together_reach_the_goal(amount, seed):
    past = record(seed=seed)
    table = goal_seek.seek(past, wanted(amount)).set_index("lever")
    usual = past["bookings"].tail(4).mean()
    for lever, row in table.iterrows():  # bookings are proportional to each lever, inversely to the days
        power = -1 if lever == "cycle_days" else 1
        assert usual * (row["needed"] / row["usual"]) ** power == pytest.approx(amount)
    best = past.drop(columns=["label", "bookings", "opened", "sellers"])
    best = (best / best.tail(4).mean()).assign(cycle_days=lambda x: 1 / x["cycle_days"]).max()
    if amount > usual * best.prod():  # even the best of all four falls short
        assert table["together"].isna().all()
        return
    four = table["together"].dropna() / table.loc[table["together"].notna(), "usual"]
    velocity = four["open_deals"] * four["win_rate"] * four["average_won"] / four["cycle_days"]
    assert usual * velocity == pytest.approx(amount)


def test_together_no_lever_is_better_than_it_has_ever_been_and_the_others_take_what_is_left():
    past = record().assign(win_rate=lambda t: 0.35 * np.exp(np.log(t["win_rate"] / 0.35) / 20))
    swings = np.log(past[["open_deals", "win_rate", "average_won", "cycle_days"]])
    usual = past.drop(columns="label").tail(4).mean()
    best = pd.concat([swings.iloc[:, :3].max(), swings.iloc[:, 3:].min()]) - np.log(usual[swings.columns])
    amount = usual["bookings"] * np.exp(0.9 * best.abs().sum())  # nearly all of what all at their best would bring
    table = goal_seek.seek(past, wanted(amount)).set_index("lever").loc[swings.columns]
    moved = np.log(table["together"] / table["usual"])
    assert (moved.abs() <= best.abs() + 1e-9).all() and (table["together_percentile"] < 1).all()
    at_best = (moved.abs() - best.abs()).abs() < 1e-9
    assert 1 <= at_best.sum() < 4
    left = moved[~at_best].abs() / swings.var()[~at_best]  # the rest move in proportion to the squares of their swings
    assert left.max() == pytest.approx(left.min())
    assert goal_seek.seek(past, wanted(amount * 1.2))["together"].isna().all()


def test_how_often_a_level_was_reached_is_a_straight_count():
    past = record()
    table = goal_seek.seek(past, wanted(9.5e6)).set_index("lever")
    rate, days = table.loc["win_rate"], table.loc["cycle_days"]
    assert rate["reached"] == (past["win_rate"] >= rate["needed"]).sum()
    assert days["reached"] == (past["cycle_days"] <= days["needed"]).sum()  # fewer days are better
    assert rate["percentile"] == pytest.approx((past["win_rate"] < rate["needed"]).mean())
    assert days["together_percentile"] == pytest.approx((past["cycle_days"] > days["together"]).mean())


def test_the_steadiest_lever_is_moved_least_of_the_four():
    past = record().assign(win_rate=lambda t: 0.35 * np.exp(np.log(t["win_rate"] / 0.35) / 20))
    moved = goal_seek.seek(past, wanted(1.0e7)).set_index("lever")
    change = np.log(moved["together"] / moved["usual"]).abs().dropna()
    assert change.idxmin() == "win_rate"


def test_the_pace_of_opening_moves_as_open_deals_do_and_is_not_counted_beside_them():
    past = record()
    table = goal_seek.seek(past, wanted(1.0e7)).set_index("lever")
    assert table.loc["opened", "change"] == pytest.approx(table.loc["open_deals", "change"])
    assert table["together"].isna()[["opened", "sellers"]].all() and table["together"].notna().sum() == 4
    without = goal_seek.seek(past.assign(opened=0.0), wanted(1.0e7)).set_index("lever")
    pd.testing.assert_frame_equal(without, table.drop("opened"))  # where no deal was opened there is no pace to raise


def test_a_quarters_opened_deals_are_those_opened_in_it():
    day = pd.to_datetime
    rows = pd.DataFrame(
        {
            "opened_on": day(["2026-03-31", "2026-04-01", "2026-06-30", "2026-07-01"]),
            "closed_on": day(["2026-05-01", "2026-06-30", None, None]),
            "status": ["won", "lost", "open", "open"],
            "amount": 100.0,
        }
    )
    reps = pd.DataFrame({"hired": [pd.NaT], "left_on": [pd.NaT]})
    row = goal_seek.lever_record(rows, reps, PERIOD).iloc[0]
    assert (row["label"], row["open_deals"], row["opened"], row["win_rate"]) == ("Q2 2026", 1, 2, 0.5)


def test_too_few_quarters_or_no_goal_give_no_rows():
    assert goal_seek.seek(record(5), wanted(1e7)).empty and goal_seek.seek(record(), wanted(1e7).iloc[:0]).empty


@pytest.mark.parametrize("booked", [0.0, -5.0, float("nan")])
def test_a_goal_has_no_distance_from_no_bookings(booked):
    assert goal_seek.seek(record().assign(bookings=booked), wanted(1e7)).empty


def test_the_goal_is_the_target_at_the_usual_part_of_bookings():
    orders = pd.DataFrame({"order_date": [pd.Timestamp("2026-03-01")], "revenue": [400.0]})
    won = pd.DataFrame({"status": ["won"], "closed_on": [pd.Timestamp("2026-03-01")], "amount": [100.0]})
    span = {"period_start": [PERIOD.start], "period_end": [PERIOD.end]}
    targets, quotas = pd.DataFrame(span | {"revenue_target": [800.0]}), pd.DataFrame(span | {"quota": [70.0]})
    assert goal_seek.quarter_goal(PERIOD, won, quotas, targets, orders).iloc[0].tolist() == [200, "revenue target"]
    assert goal_seek.quarter_goal(PERIOD, won, quotas).iloc[0].tolist() == [70, "quotas"]
    assert goal_seek.quarter_goal(PERIOD, won).empty


@pytest.mark.parametrize("amount", [np.nan, 0.0])
def test_no_bookings_that_are_known_are_no_record_and_no_measure_of_a_target(amount):
    day = pd.to_datetime
    deals = pd.DataFrame(
        {
            "opened_on": day(["2026-03-31", "2026-03-30"]),
            "closed_on": day(["2026-06-01", "2026-06-30"]),
            "status": ["won", "lost"],
            "amount": amount,
        }
    )
    assert goal_seek.lever_record(deals, pd.DataFrame({"hired": [pd.NaT], "left_on": [pd.NaT]}), PERIOD).empty
    orders = pd.DataFrame({"order_date": day(["2026-06-01"]), "revenue": [400.0]})
    span = {"period_start": [PERIOD.start], "period_end": [PERIOD.end]}
    targets, quotas = pd.DataFrame(span | {"revenue_target": [800.0]}), pd.DataFrame(span | {"quota": [70.0]})
    assert goal_seek.quarter_goal(PERIOD, deals, None, targets, orders).empty
    assert goal_seek.quarter_goal(PERIOD, deals, quotas, targets, orders).iloc[0].tolist() == [70, "quotas"]


def test_the_record_of_the_demo_company_is_whole(demo_company):
    tables, _ = demo_company
    table = goal_seek.lever_record(tables["opportunities"], tables["reps"], PERIOD)
    assert len(table) == 20 and table.notna().all().all() and table["win_rate"].between(0.1, 0.7).all()
    won = tables["opportunities"].query("status == 'won'")
    last = won["closed_on"].between("2026-07-01", "2026-09-30")
    assert table["bookings"].iloc[-1] == pytest.approx(won.loc[last, "amount"].sum())


@pytest.mark.parametrize(("silent", "rows"), [(0, 11), (1, 10), (3, 8), (4, 0), (6, 0)])
def test_what_was_usual_before_a_year_without_bookings_is_so_no_more(silent, rows):
    ends = pd.date_range("2024-01-01", periods=11 - silent, freq="QS") + pd.Timedelta(
        days=40
    )  # to Q3 2026, if none is silent
    deals = pd.concat(
        [
            pd.DataFrame(
                {"closed_on": ends, "status": status, "amount": 100.0, "opened_on": ends - pd.Timedelta(days=99)}
            )
            for status in ("won", "won", "lost")
        ]
    )
    reps = pd.DataFrame({"hired": [pd.Timestamp("2020-01-01")], "left_on": pd.Series([None], dtype="datetime64[us]")})
    found = goal_seek.lever_record(deals, reps, PERIOD)
    assert len(found) == rows and (found["bookings"] == 200.0).all()
