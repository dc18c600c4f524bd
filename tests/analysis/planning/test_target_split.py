"""Is the split the fairest there is, within its bounds, and does it add up to the plan?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from quarterdeck.analysis.planning import prospects, target_split


def units(rows):
    """Units of (low, middle, high, last year, floor, cap)."""
    table = pd.DataFrame(rows, columns=["low", "middle", "high", "last_year", "floor", "cap"])
    return table.assign(dimension="region", unit=[f"R{k}" for k in range(len(table))], cap_from="", basis="forecast")


UNIT = st.tuples(
    st.floats(1, 1e6),
    st.floats(0.05, 0.9),
    st.floats(1.1, 6.0),
    st.floats(0, 1e6),
    st.floats(0, 0.9),
    st.floats(1.0, 3.0),
).map(lambda v: (v[0] * v[1], v[0], v[0] * v[2], v[3], v[0] * v[4], v[0] * v[5]))


def test_two_alike_get_half_each():
    split = target_split.split(units([(80, 100, 125, 90, 0, np.inf)] * 2), 200.0)
    assert split["target"].tolist() == pytest.approx(
        [100, 100]
    )  # the middle of both, which is reached every other time
    assert split["chance"].tolist() == pytest.approx([0.5, 0.5])


def test_with_one_spread_targets_are_in_proportion_to_the_middle():
    # Both have a P10 of 0.8 and a P90 of 1.25 times the middle: a plan of 1.25 times both middles is each one's P90.
    split = target_split.split(units([(80, 100, 125, 0, 0, np.inf), (240, 300, 375, 0, 0, np.inf)]), 500.0)
    assert split["target"].tolist() == pytest.approx([125, 375])
    assert split["chance"].tolist() == pytest.approx([0.1, 0.1])
    assert split["flat"].isna().all() and split["growth"].isna().all()  # no last year


def test_a_floor_that_binds_takes_from_the_others():
    # Without bounds 100 each; the floor of 120 leaves 80 for the other.
    split = target_split.split(units([(80, 100, 125, 0, 120, np.inf), (80, 100, 125, 0, 0, np.inf)]), 200.0)
    assert split["target"].tolist() == pytest.approx([120, 80])
    assert split["bound"].tolist() == ["floor", ""]
    assert split["even"].iloc[0] == pytest.approx(split["chance"].iloc[1])


@pytest.mark.parametrize("plan, total, left", [(500.0, 300.0, 200.0), (50.0, 100.0, -50.0)])
def test_a_plan_that_the_bounds_do_not_allow_is_split_as_far_as_they_go(plan, total, left):
    split = target_split.split(units([(80, 100, 125, 0, 50, 150)] * 2), plan)
    assert split["target"].sum() == pytest.approx(total) and split["left"].iloc[0] == pytest.approx(left)


@settings(max_examples=60, deadline=None)
@given(st.lists(UNIT, min_size=1, max_size=7), st.floats(0, 1))
def test_bounds_hold_the_plan_is_met_and_the_free_have_one_chance(rows, where):
    table = units(rows)
    # Any plan that extreme chances allow: beyond one in a thousand million nothing is asked.
    ends = [target_split._asked(table, e).sum() for e in (prospects.EDGE, 1 - prospects.EDGE)]
    plan = ends[0] + where * (ends[1] - ends[0])
    split = target_split.split(table, plan)
    assert split["target"].sum() == pytest.approx(plan, rel=1e-6)
    assert (split["target"] >= split["floor"] * (1 - 1e-12)).all() and (
        split["target"] <= split["cap"] * (1 + 1e-12)
    ).all()
    at_floor = split["target"] <= split["floor"] * (1 + 1e-9)
    at_cap = split["target"] >= split["cap"] * (1 - 1e-9)
    free = split[~at_floor & ~at_cap]
    assert np.ptp(free["chance"]) <= 1e-6 if len(free) else True
    # Who is at the floor has less of a chance than the free, who is at the cap more: no move can make it fairer.
    assert (split.loc[at_floor & ~at_cap, "chance"] <= split["even"].iloc[0] + 1e-6).all()
    assert (split.loc[at_cap & ~at_floor, "chance"] >= split["even"].iloc[0] - 1e-6).all()


@settings(max_examples=15, deadline=None)
@given(st.lists(UNIT, min_size=2, max_size=4), st.floats(0.1, 0.9))
def test_no_other_split_within_the_bounds_falls_short_by_less(rows, where):
    table = units(rows)
    plan = table["floor"].sum() + where * (table["cap"].sum() - table["floor"].sum())
    ours = target_split.split(table, plan)
    if abs(ours["left"].iloc[0]) > 1e-6 * plan:
        return
    scale = table["middle"].sum()
    found = minimize(
        lambda x: target_split.shortfall(x * scale, table).sum() / scale,
        np.clip(table["middle"], table["floor"], table["cap"]) / scale,
        bounds=list(zip(table["floor"] / scale, table["cap"] / scale, strict=True)),
        constraints={"type": "eq", "fun": lambda x: x.sum() - plan / scale},
        method="SLSQP",
    )
    if found.success:
        assert target_split.shortfall(ours["target"], table).sum() / scale <= found.fun + 2e-4


def test_the_chance_and_the_amount_are_each_others_inverse():
    table = units([(50, 100, 400, 0, 0, np.inf), (90, 100, 110, 0, 0, np.inf)])
    for share in (0.05, 0.1, 0.5, 0.9, 0.99):
        assert prospects.below(prospects.reached(share, table), table) == pytest.approx([share, share])
    assert prospects.reached(0.1, table) == pytest.approx([50, 90])


def test_expected_shortfall_is_that_of_a_simulation():
    table = units([(70, 100, 160, 0, 0, np.inf)])
    draws = np.array([prospects.reached((k + 0.5) / 1000, table)[0] for k in range(1000)])
    assert target_split.shortfall(np.array([120.0]), table)[0] == pytest.approx(
        np.maximum(120 - draws, 0).mean(), rel=1e-3
    )


def test_last_year_plus_x_adds_up_and_its_chances_are_less_equal():
    table = units([(80, 100, 125, 60, 0, np.inf), (80, 100, 125, 140, 0, np.inf)])
    split = target_split.split(table, 210.0)
    assert split["growth"].iloc[0] == pytest.approx(0.05)  # 210 ÷ 200 − 1
    assert split["flat"].tolist() == pytest.approx([63, 147])  # 60 × 1.05, 140 × 1.05
    ways = target_split.fairness(split).set_index("way")
    assert ways.loc["equal chance", "short"] < ways.loc["last year plus", "short"]
    assert ways.loc["last year plus", "unlikely"] == pytest.approx(147)


def test_bounds_come_from_last_year_the_market_and_capacity():
    table = units([(80, 100, 125, 100, 0, np.inf)] * 3)
    plan = pd.DataFrame({"revenue_target": [330.0]})
    cells = pd.DataFrame({"region": ["R0", "R1", "R2"], "own": 400.0, "headroom": [80.0, 400.0, 0.0]})
    cells["growth"] = [0.1, np.nan, 0.1]
    carried = pd.DataFrame({"unit": ["R1"], "carried": [150.0]})
    found = target_split.bounded(table, plan, cells, carried, floor=0.5)
    assert found["floor"].tolist() == pytest.approx([55, 55, 55])  # half of 100 × 330 ÷ 300
    # 100 × (1 + 80 ÷ 400) × 1.1; 150 is below 100 × (1 + 400 ÷ 400); R2 holds the best share itself: no cap
    assert found["cap"].tolist() == pytest.approx([132, 150, np.inf])
    assert found["cap_from"].tolist() == ["market", "capacity", ""]


def test_a_record_judges_the_split_alone():
    panel = pd.DataFrame(
        {"series": ["a", "b", "a", "b"], "region": ["a", "b", "a", "b"], "value": [50.0, 50.0, 60.0, 40.0],
         "start": pd.to_datetime(["2024-01-01", "2024-01-01", "2025-01-01", "2025-01-01"])}
    )  # fmt: skip
    tested = pd.DataFrame(
        {
            "series": ["a", "b"],
            "step": 2,
            "start": pd.Timestamp("2025-01-01"),
            "actual": [60.0, 40.0],
            "Joined": [120.0, 80.0],
        }
    )
    found = target_split.record(tested, panel, "region").set_index("way")
    assert found.loc["forecast", "missed"] == pytest.approx(0.0)  # 120 : 80 is 60 : 40
    assert found.loc["last year", "missed"] == pytest.approx(0.2)  # 50 : 50 of 100 misses by 10 and 10
