"""Does a scenario follow velocity, and does a tornado rank what its levers do?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from scipy.stats import t

from quarterdeck.analysis.pipeline import win_chances
from quarterdeck.analysis.planning import goal_seek, scenarios
from quarterdeck.data.periods import last_quarters, quarter

PERIOD = quarter(pd.Timestamp("2026-11-15"))
CHANCES = pd.DataFrame({"amount": [100.0, 200.0], "chance": [0.5, 0.9], "swing": [50.0, 60.0]})
OUTLOOK = pd.DataFrame(
    {
        "quarter": ["Q4 2026", "Q1 2027"],
        "start": pd.to_datetime(["2026-10-01", "2027-01-01"]),
        "booked": [300.0, 0.0],
        "to_come": [40.0, 500.0],
        "noise": [30.0, 100.0],
        "goal": [600.0, np.nan],
        "newcomer": [0.0, 0.5],
        "n": [8, 9],
    }
)
RESPONSE = pd.DataFrame({"value": [-1.5], "error": [0.2], "swing": [0.02], "n": [3]})


def moved(**levers):
    return scenarios.scenario(OUTLOOK, CHANCES, RESPONSE, pd.DataFrame(levers, index=["so moved"]))


def test_at_rest_the_sums_are_those_of_the_forecast():
    now, later = scenarios.scenario(OUTLOOK, CHANCES).itertuples()
    # 300 + 0.5·100 + 0.9·200 + 40 = 570; variance 30² + 0.25·100² + 0.09·200² = 900 + 2500 + 3600 = 7000
    assert now.p50 == 570 and now.p90 == pytest.approx(570 + ndtri(0.9) * 7000**0.5)
    assert now.chance == pytest.approx(ndtr(-30 / 7000**0.5))
    assert later.p50 == 500 and later.p10 == pytest.approx(500 - ndtri(0.9) * 100) and np.isnan(later.chance)


def test_velocity_moves_open_deals_and_what_is_to_come():
    now, later = moved(win_rate=[0.2], average_won=[0.1], cycle_days=[-0.2]).itertuples()
    # w/c = 1.2 / 0.8 = 1.5: chances 0.75 and, capped, 1; sizes 110 and 220; to come 40 · 1.5 · 1.1 = 66
    assert now.p50 == pytest.approx(300 + 0.75 * 110 + 220 + 66)
    assert later.p50 == pytest.approx(500 * 1.5 * 1.1)
    spread = np.sqrt((30 * 1.65) ** 2 + 0.75 * 0.25 * 110**2)  # the deal that is sure adds no doubt
    assert now.p90 - now.p50 == pytest.approx(ndtri(0.9) * spread)


def test_sellers_who_come_count_as_newcomers_and_who_go_in_full():
    more, fewer = moved(sellers=[0.1])["p50"].tolist(), moved(sellers=[-0.1])["p50"].tolist()
    assert more == pytest.approx([570, 500 * 1.05])  # nothing this quarter, half of a tenth in the next
    assert fewer == pytest.approx([570 - 4, 450])  # open deals are kept


def test_a_price_moves_quantities_too_and_its_doubt_widens_the_range():
    now = moved(price=[0.1]).iloc[0]
    factor = 1.1 ** (1 - 1.5)
    assert now["p50"] == pytest.approx(300 + 270 * factor)
    doubt = 270 * factor * np.log(1.1) * 0.2
    assert now["p90"] - now["p50"] == pytest.approx(ndtri(0.9) * np.sqrt(7000 * factor**2 + doubt**2))


def test_a_goal_that_is_booked_is_sure():
    outcome = scenarios.scenario(
        OUTLOOK.assign(goal=[250.0, np.nan]), CHANCES, None, pd.DataFrame({"win_rate": [-0.9]})
    )
    assert outcome["chance"].iloc[0] == 1 and outcome["p10"].iloc[0] == 300  # what is booked cannot be lost


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"winrate": [0.1]}, "'winrate' is not a lever"), ({"sellers": [-1.0]}, "above −1"), ({"price": [0.1]}, "price")],
)
def test_a_change_that_cannot_be_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        scenarios.scenario(OUTLOOK, CHANCES, None, pd.DataFrame(changes))


@settings(max_examples=60, deadline=None)
@given(st.floats(-0.5, 1), st.floats(-0.5, 1), st.floats(-0.4, 1), st.floats(-0.5, 1))
def test_later_quarters_are_proportional_to_velocity(win, size, cycle, heads):
    later = moved(win_rate=[win], average_won=[size], cycle_days=[cycle], sellers=[heads]).iloc[1]
    assert later["p50"] == pytest.approx(
        500 * (1 + win) * (1 + size) / (1 + cycle) * (1 + heads * (0.5 if heads > 0 else 1))
    )
    assert later["p10"] <= later["p50"] <= later["p90"]


def record(n=8):
    even = np.resize([1.0, -1.0], n)
    spread = {"open_deals": 0.5, "win_rate": 0.02, "average_won": 0.1, "cycle_days": 0.05, "sellers": 0.2}
    return pd.DataFrame({k: 100 * np.exp(v * even) for k, v in spread.items()})


def test_a_tornado_ranks_the_levers_by_what_one_swing_of_each_does():
    table = scenarios.tornado(OUTLOOK, CHANCES, record(), RESPONSE)
    assert table["lever"].iloc[0] == "average_won" and set(table["lever"]) == set(scenarios.LEVERS)
    assert table["width"].is_monotonic_decreasing and (table["base"] == 570).all()
    row = table.set_index("lever").loc["average_won"]
    swing = 0.1 * np.sqrt(8 / 7)
    assert row["swing"] == pytest.approx(swing)
    assert [row["less"], row["more"]] == pytest.approx([300 + 270 * np.exp(-swing), 300 + 270 * np.exp(swing)])
    assert row["later_more"] == pytest.approx(500 * np.exp(swing)) and row["later_base"] == 500
    days = table.set_index("lever").loc["cycle_days"]
    assert days["more"] < 570 < days["less"]  # fewer days are more bookings
    assert "price" not in set(scenarios.tornado(OUTLOOK, CHANCES, record())["lever"])
    assert scenarios.tornado(OUTLOOK, CHANCES, record(2)).empty


@pytest.mark.parametrize(("base", "change"), [([9.0, 4.0, 6.0], 0.2), ([9.0, 0.0], None), ([9.0, -4.0], None)])
def test_what_comes_after_is_no_change_on_nothing(base, change):
    then, now = (pd.DataFrame({"p50": [9.0, *([v] * (len(base) - 1))]}) for v in (5.0, 6.0))
    later = scenarios.after(now, pd.DataFrame({"p50": base})).iloc[0]
    assert later["n"] == len(base) - 1 and later["now"] == 6 * later["n"]
    assert pd.isna(later["change"]) if change is None else later["change"] == pytest.approx(change)
    assert scenarios.after(then.head(1), then.head(1)).empty


def test_where_nothing_is_to_come_no_lever_moves_it():
    nothing = OUTLOOK.assign(booked=0.0, to_come=0.0)
    assert scenarios.tornado(nothing, CHANCES.assign(amount=0.0), record()).empty


def test_a_quarter_ahead_is_last_years_times_the_growth():
    spans = last_quarters(PERIOD.start, 16)
    amounts = [100.0 * 1.1 ** (k // 4) * (1 + 0.2 * (k % 4)) for k in range(16)]
    won = pd.DataFrame({"closed_on": [s.end for s in spans], "amount": amounts, "status": "won", "opportunity_id": "D"})
    won = won.assign(opened_on=won["closed_on"] - pd.Timedelta(days=30))
    ahead = pd.DataFrame({"booked": [0.0], "to_come": [0.0], "best": [0.0], "pipeline": [0.0]})
    history = pd.DataFrame({"cycle_days": [30.0]})
    table = scenarios.basis(PERIOD, won, CHANCES.assign(swing=0.0), ahead, history)
    # the last whole quarter is k = 15; Q1 2027 is k = 17: that of k = 13 grown by a year's 1.1, and so on
    assert table["quarter"].tolist() == ["Q4 2026", "Q1 2027", "Q2 2027", "Q3 2027"]
    assert table["to_come"].iloc[1:].tolist() == pytest.approx(
        [amounts[13] * 1.1, amounts[14] * 1.1, amounts[15] * 1.1]
    )


def test_the_noise_ahead_is_that_of_past_errors():
    sums = np.array([100.0, 110, 90, 120, 100, 130, 95, 125, 120, 118, 111, 140, 133])
    errors = [np.log(sums[j] / scenarios._grown(sums[: j - 1], 1)) for j in range(9, 13)]
    spans = last_quarters(PERIOD.start, 14)
    won = pd.DataFrame({"closed_on": [s.end for s in spans], "amount": [50.0, *sums]})
    later = scenarios._later(PERIOD, won, PERIOD, 1, pd.Timestamp.min)
    assert later.n == 4 and later.to_come == pytest.approx(sums[-3] * sums[-4:].sum() / sums[-8:-4].sum())
    assert later.noise == pytest.approx(
        later.to_come * np.sqrt(np.mean(np.square(errors))) * t.ppf(0.9, 4) / ndtri(0.9)
    )


def test_the_companys_elasticity_is_weighted_by_revenue():
    found = pd.DataFrame({"category": ["x", "y"], "value": [-1.0, -2.0], "low": [-1.2, -2.4], "high": [-0.8, -1.6]})
    day = pd.Timestamp("2026-05-01")
    orders = pd.DataFrame(
        {"order_date": [day] * 2, "product_id": ["a", "b"], "revenue": [300.0, 100.0], "quantity": [3.0, 1.0]}
    )
    products = pd.DataFrame({"product_id": ["a", "b"], "category": ["x", "y"]})
    row = scenarios.response(found, orders, products, PERIOD).iloc[0]
    assert row["value"] == pytest.approx(-1.25)  # 0.75 · −1 + 0.25 · −2
    assert row["error"] == pytest.approx(np.hypot(0.75 * 0.2, 0.25 * 0.4) / ndtri(0.95))
    assert scenarios.response(found.iloc[:0], orders, products, PERIOD).empty


def test_at_rest_the_demo_company_ends_where_its_pipeline_does(demo_company):
    tables, _ = demo_company
    parts = tables["opportunities"], tables["opportunity_history"], PERIOD
    chances = win_chances.chances(*parts)
    ahead = win_chances.bookings_ahead(*parts, chances)
    history = goal_seek.lever_record(tables["opportunities"], tables["reps"], PERIOD)
    outlook = scenarios.basis(PERIOD, tables["opportunities"], chances, ahead, history)
    outcome = scenarios.scenario(outlook, chances).iloc[0]
    assert outcome[["p10", "p50", "p90"]].tolist() == pytest.approx(
        ahead.iloc[0][["commit", "best", "pipeline"]].tolist()
    )
    assert outlook["to_come"].notna().all() and len(outlook) == 4


@pytest.mark.parametrize("odd", [0.0, np.nan])
def test_a_lever_that_was_zero_or_unknown_in_a_quarter_still_has_a_swing(odd):
    record = pd.DataFrame({v: np.linspace(1, 2, 6) for v in ("win_rate", "average_won", "cycle_days", "sellers")})
    record.loc[2, "win_rate"] = odd
    record["sellers"] = odd
    swings = scenarios.tornado(OUTLOOK, CHANCES, record).set_index("lever")
    assert set(swings.index) == {"win_rate", "average_won", "cycle_days"} and np.isfinite(swings["width"]).all()
    assert swings.loc["win_rate", "n"] == 5 and swings.loc["cycle_days", "n"] == 6
