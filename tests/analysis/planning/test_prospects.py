"""What is a plan, what does each bring to it, and what does it need?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.planning import prospects
from quarterdeck.data.periods import quarter
from quarterdeck.data.snapshot import Missing

NOW = quarter(pd.Timestamp("2026-05-15"))
NEXT = pd.Timestamp("2026-07-01")
STARTS = pd.date_range("2024-01-01", "2026-01-01", freq="QS")


def panel(**values):
    """Quarters of the regions given, and of all together."""
    wide = pd.DataFrame({name: [v] * len(STARTS) if np.isscalar(v) else v for name, v in values.items()}, index=STARTS)
    table = (
        wide.assign(all=wide.sum(axis=1)).rename_axis("start").melt(ignore_index=False, var_name="series").reset_index()
    )
    return table.assign(region=table["series"].where(table["series"] != "all", ""))


def ahead(**middles):
    rows = [(name, NEXT, 2, 0.8 * m, m, 1.25 * m) for name, m in middles.items()]
    return pd.DataFrame(rows, columns=["series", "start", "step", "low", "middle", "high"])


def test_the_plan_is_as_asked_else_the_targets_else_the_forecast():
    table, forecast = panel(North=60.0, South=40.0), ahead(all=110.0, North=66.0, South=44.0)
    due = pd.DataFrame(
        {
            "region": ["North", "South"],
            "period_start": NEXT,
            "period_end": pd.Timestamp("2026-09-30"),
            "revenue_target": [70.0, 50.0],
        }
    )
    row = prospects.next_plan(NOW, "company", forecast, table).iloc[0]
    assert (row["label"], row["from_what"], row["revenue_target"]) == ("Q3 2026", "forecast", 110.0)
    assert row["chance"] == pytest.approx(0.5) and row["last_year"] == 100.0 and row["measure"] == "bookings"
    row = prospects.next_plan(NOW, "company", forecast, table, targets=due).iloc[0]
    assert (row["from_what"], row["revenue_target"]) == ("targets", 120.0)
    row = prospects.next_plan(NOW, "company", forecast, table, asked=137.5, targets=due).iloc[0]
    assert row["from_what"] == "asked" and row["chance"] == pytest.approx(0.1)  # 137.5 is the upper end, 1.25 × 110


def test_units_are_those_of_the_forecast_and_one_alone_is_none():
    table, forecast = panel(North=60.0, South=40.0), ahead(all=110.0, North=66.0, South=44.0)
    plan = prospects.next_plan(NOW, "company", forecast, table)
    units = prospects.units(plan, forecast, table, "region")
    assert units["unit"].tolist() == ["North", "South"] and units["middle"].tolist() == [66.0, 44.0]
    assert units["last_year"].tolist() == [60.0, 40.0] and units["basis"].eq("forecast").all()
    assert isinstance(prospects.units(plan, forecast, table, "segment"), Missing)


@pytest.mark.parametrize("asleep", [0.0, np.nan])
def test_a_unit_without_sales_takes_no_forecast_from_the_others(asleep):
    table = panel(North=60.0, South=40.0, West=[9.0] * 4 + [asleep] * 5).dropna()
    forecast = ahead(all=110.0, North=66.0, South=44.0, West=0.0)
    units = prospects.units(prospects.next_plan(NOW, "company", forecast, table), forecast, table, "region")
    assert units["unit"].tolist() == ["North", "South"] and units["middle"].tolist() == [66.0, 44.0]


def test_without_a_whole_quarter_there_is_no_plan_and_no_unit():
    table = panel(North=60.0)[:0]
    assert isinstance(plan := prospects.next_plan(NOW, "company", ahead(), table, asked=50.0), Missing)
    assert plan.sentence == prospects.NO_PLAN


def test_where_all_but_one_unit_sleep_there_is_nothing_to_split():
    table, forecast = panel(North=60.0, West=[9.0] * 4 + [0.0] * 5), ahead(all=66.0, North=66.0, West=0.0)
    units = prospects.units(prospects.next_plan(NOW, "company", forecast, table), forecast, table, "region")
    assert units.sentence == "Not shown: it needs two regions to tell apart, more than this page has."


@pytest.mark.parametrize("forecast", [ahead(all=110.0, North=66.0, South=44.0), ahead()])
def test_a_last_year_before_the_data_is_missing_and_not_zero(forecast):
    table = panel(North=60.0, South=40.0)
    table = table[table["start"] >= "2025-10-01"]
    plan = prospects.next_plan(NOW, "company", forecast, table, asked=100.0)
    units = prospects.units(plan, forecast, table, "region")
    assert plan["last_year"].isna().all() and units["last_year"].isna().all() and len(units) == 2


@pytest.mark.slow
def test_without_a_forecast_history_is_taken_and_its_spread_is_what_it_was():
    rng = np.random.default_rng(3)
    held = []
    for _ in range(25):
        wide = pd.DataFrame(100 * rng.lognormal(0, 0.3, (9, 8)), STARTS).rename_axis("start")
        cells = wide.melt(ignore_index=False, var_name="series").reset_index()
        record = prospects.from_history(cells, quarter(NEXT))
        came = 100 * rng.lognormal(0, 0.3, 8)
        held += [(came >= record["low"]).mean() - (came > record["high"]).mean()]
    assert np.mean(held) == pytest.approx(0.8, abs=0.05)  # eight of ten


def test_sellers_are_drawn_together_and_add_up_to_their_part_of_the_plan():
    days = STARTS + pd.Timedelta(days=40)
    sold = pd.concat(
        [
            pd.DataFrame({"rep_id": rep, "closed_on": days, "amount": amount})
            for rep, amount in (("A", 30.0), ("B", 20.0), ("C", 10.0))
        ]
    )
    deals = sold.assign(status="won", opened_on=sold["closed_on"], region="North")
    early = pd.DataFrame(
        {"rep_id": ["A", "B", "C"], "closed_on": pd.Timestamp("2024-01-02"), "amount": 0.0, "status": "won"}
    )
    deals = pd.concat([early, deals], ignore_index=True)
    reps = pd.DataFrame(
        {"rep_id": list("ABC"), "name": ["Ann", "Bo", "Cy"], "hired": pd.Timestamp("2020-01-01"), "left_on": pd.NaT}
    )
    table = panel(North=60.0)
    plan = prospects.next_plan(NOW, "North", ahead(all=90.0), table)
    units = prospects.sellers(plan, reps, NOW, "North", opportunities=deals)
    assert units["unit"].tolist() == ["Ann", "Bo", "Cy"]
    assert units["cap"].tolist() == [30.0, 20.0, 10.0] and units["cap_from"].eq("own best").all()
    assert units["middle"].sum() == pytest.approx(
        90.0, rel=0.05
    )  # the middle of a skewed whole lies a little below its mean
    assert prospects.asked_of_sellers(plan, NOW, opportunities=deals) == pytest.approx(90.0)
    assert isinstance(prospects.sellers(plan, reps, NOW, "company", opportunities=deals), Missing)


def test_needs_are_the_goal_over_the_win_rate_by_value():
    plan = pd.DataFrame({"period_start": [NEXT], "period_end": pd.Timestamp("2026-09-30"), "revenue_target": 100.0})
    deals = pd.DataFrame(
        {"status": ["won", "lost", "open"], "amount": [40.0, 60.0, 30.0], "opened_on": pd.Timestamp("2026-01-02"),
         "closed_on": pd.to_datetime(["2026-02-03", "2026-02-04", None]),
         "expected_close": pd.to_datetime([None, None, "2026-08-01"])}
    )  # fmt: skip
    seek = pd.DataFrame({"lever": ["win_rate"], "usual": [0.5], "needed": [0.6], "reached": [3], "quarters": [9]})
    goal = prospects.next_goal(plan, deals)
    found = prospects.needs(plan, goal, seek, deals, NOW).set_index("what")
    assert found.loc["pipeline", "needed"] == pytest.approx(250.0)  # 100 ÷ (40 ÷ 100)
    assert found.loc["pipeline", ["there", "gap"]].tolist() == [30.0, 220.0]
    assert found.loc["pipeline", ["reached", "quarters"]].tolist() == [0, 1]  # Q1 decided 100
    assert found.loc["win rate", "gap"] == pytest.approx(0.1)
