"""Are calls added up, regions and teams ranked, and deals and accounts named as they stand?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.brief import call, misses
from quarterdeck.analysis.brief.findings import RULES
from quarterdeck.analysis.forecasting import landings, next_quarter, quarter_end
from quarterdeck.analysis.pipeline import win_chances
from quarterdeck.data import snapshot
from quarterdeck.data.periods import Period
from quarterdeck.present.narrative import call as say
from quarterdeck.present.tables import call as rows

DAY = pd.Timestamp
QUARTER = Period(DAY("2026-10-01"), DAY("2026-12-31"), DAY("2026-11-15"))


@pytest.fixture(scope="module")
def desk(demo_company, tmp_path_factory):
    folder = tmp_path_factory.mktemp("call") / "data"
    snapshot.freeze(demo_company[0], folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    return snapshot.open_desk("demo", data=str(folder))


def calls(*rows):
    columns = ["called_on", "region", "rep_id", "category", "amount"]
    table = pd.DataFrame(rows, columns=columns).assign(period_start=QUARTER.start, period_end=QUARTER.end)
    return table.assign(called_on=pd.to_datetime(table["called_on"]))


def test_calls_are_added_up_once_all_have_called():
    given = calls(
        ("2026-10-08", "North", None, "Commit", 10.0),
        ("2026-10-10", "South", None, "commit", 5.0),  # 10 + 5
        ("2026-10-22", "North", None, "commit", 7.0),  # 7 + 5: South's last call still stands
        ("2026-11-20", "North", None, "commit", 1.0),  # after the day that is looked from
    )
    table = call.called(given, QUARTER)
    assert table["day"].tolist() == [DAY("2026-10-10"), DAY("2026-10-22")]
    assert table["commit"].tolist() == [15.0, 12.0] and table["best"].isna().all()
    assert call.commit(given, QUARTER)[["value", "n"]].iloc[0].tolist() == [12.0, 2]
    assert call.commits(given, QUARTER).to_dict() == {"North": 7.0, "South": 5.0}


def test_several_who_call_in_one_region_are_added_up():
    given = calls(("2026-10-08", "North", "A", "commit", 3.0), ("2026-10-08", "North", "B", "commit", 4.0))
    assert call.commits(given, QUARTER).to_dict() == {"North": 7.0}


def test_who_has_most_sellers_in_the_job_leads_a_region():
    rows = [("North", "Ada", None), ("North", "Ben", None), ("North", "Ben", None), ("North", "Cy", DAY("2025-01-01"))]
    reps = pd.DataFrame(rows, columns=["region", "manager", "left_on"])
    assert call.leads(reps).to_dict() == {"North": "Ben"}


def test_regions_stand_by_their_gap_and_one_alone_is_no_list():
    course = pd.DataFrame(
        {
            "region": ["company", "North", "South", "West"],
            "day": QUARTER.through,
            "seen": 1.0,
            "p10": [10.0, 3.0, 4.0, 2.0],
            "p50": [12.0, 4.0, 5.0, 3.0],
            "p90": [14.0, 5.0, 6.0, 4.0],
            "target": [12.0, 4.5, 4.0, np.nan],
            "probability": [0.5, 0.3, 0.9, np.nan],
            "week_before": [0.4, 0.4, np.nan, np.nan],
        }
    )
    table = call.regions(course, QUARTER)
    assert table["region"].tolist() == ["North", "South", "West"]  # 4 - 4.5, 5 - 4, no target
    assert table["gap"].tolist()[:2] == [-0.5, 1.0] and table["moved"].iloc[0] == pytest.approx(-0.1)
    assert call.regions(course[course["region"].isin(["company", "North"])], QUARTER).empty
    unknown = course.assign(p10=np.nan, p50=np.nan, p90=np.nan)
    assert call.regions(unknown, QUARTER).empty  # where nothing is forecast, there is no gap
    one = course.assign(**{c: course[c].where(course["region"] != "South") for c in ("p10", "p50", "p90")})
    said = rows.regions(call.regions(one, QUARTER))
    assert "to €" in said.text and "– to" not in said.text and said.data.count("<circle") == 2  # of three regions


@pytest.mark.slow
def test_the_course_ends_at_the_landing_and_its_past_knows_of_no_later_day(desk):
    course, now = desk.ask(landings.course), desk.ask(landings.landing)
    own = course[course["region"] == "company"]
    assert own["p50"].iloc[-1] == now["p50"].iloc[0] and own["probability"].iloc[-1] == now["probability"].iloc[0]
    day = own["day"].iloc[-2]
    cut = snapshot.cut({name: desk.tables[name] for name in desk.tables}, day)
    earlier = snapshot.Desk("demo", "x", "company", day, "EUR", "", cut, whole=cut)
    assert own["p50"].iloc[-2] == pytest.approx(earlier.ask(landings.landing)["p50"].iloc[0])
    by_day = course[course["region"] != "company"].groupby("day")["p50"].sum()
    assert np.allclose(by_day.to_numpy(), own["p50"].to_numpy())  # regions add up in each week


@pytest.mark.slow
def test_deals_and_accounts_are_named(desk):
    chances = desk.ask(win_chances.chances)
    deals = desk.ask(call.deciding, chances=chances)
    assert len(deals) == 5 and deals["seller"].ne("").all() and not deals["deal"].str.match(r"D\d+$").any()
    assert deals["opportunity_id"].tolist() == chances["opportunity_id"].head(5).tolist()
    teams = desk.ask(call.teams, chances=chances)
    assert np.allclose(teams["end"], teams["booked"] + teams["open_worth"]) and teams["gap"].is_monotonic_increasing


def test_an_account_is_silent_beyond_its_usual_gap():
    days = {"last": QUARTER.through, "state": "at risk", "chance": 0.2, "spend": 100.0}
    outlook = pd.DataFrame(
        [
            {"customer_id": "A", "why": "silent", "silent": 90, "usual": 20.0, "at_stake": 50.0} | days,
            {"customer_id": "B", "why": "silent", "silent": 10, "usual": 20.0, "at_stake": 70.0} | days,
            {"customer_id": "C", "why": "buys rarely", "silent": 90, "usual": 20.0, "at_stake": 90.0} | days,
        ]
    )
    orders = pd.DataFrame({"customer_id": ["A", "A"], "order_date": pd.to_datetime(["2026-01-01", "2026-02-01"])})
    orders["rep_id"] = ["R1", "R2"]
    customers = pd.DataFrame({"customer_id": ["A", "B", "C"], "name": ["Ann", "Bob", "Cy"]})
    reps = pd.DataFrame({"rep_id": ["R1", "R2"], "name": ["Old", "New"]})
    (row,) = call.silent(outlook, orders, customers, reps).to_dict("records")
    assert (row["name"], row["seller"]) == ("Ann", "New")


@pytest.mark.slow
def test_the_next_quarters_pipeline_is_held_against_what_such_pipeline_brought(desk):
    (row,) = desk.ask(next_quarter.next_quarter).to_dict("records")
    assert row["n"] == 8 and row["low"] < row["brings"] < row["high"] and 0 < row["chance"] < 1
    assert row["needed"] / row["due"] == pytest.approx(row["asked"] / row["brings"])
    assert row["due"] == desk.ask(next_quarter.open_for_next)["value"].iloc[0]


def test_a_quarter_that_has_just_begun_has_a_course_of_one_day(demo_company):
    tables = {name: demo_company[0][name] for name in ("orders", "targets")}
    period = Period(QUARTER.start, QUARTER.end, DAY("2026-10-02"))
    course = quarter_end.course(period, **snapshot.cut(tables, period.through))
    assert course["day"].tolist() == [period.through]


@pytest.mark.parametrize(("of_quotas", "aim"), [(0.0, "target"), (1.0, "quotas")])
def test_a_region_is_short_of_what_it_is_held_against(of_quotas, aim):
    """100 is forecast where 130 is asked for: 30 short, of a target or, where these stand in, of quotas."""
    row = {"region": "North", "p10": 90.0, "p50": 100.0, "p90": 115.0, "target": 130.0, "gap": -30.0, "chance": 0.05}
    regions = pd.DataFrame(
        [row | {"of_quotas": of_quotas, "seen": 50.0, "owner": "", "moved": np.nan, "commit": np.nan}]
    )
    assert f"ends short of its {aim}" in say.regions_takeaway(regions)
    assert f"<th>{aim.capitalize()}</th>" in rows.regions(regions).data
    (found,) = misses.region_gaps(regions).to_dict("records")
    (rule,) = [r for r in RULES.values() if r.id.startswith("region_below") and r.supports(pd.Series(found))]
    assert rule.head.endswith(f"short of its {aim}") and (found["gain"], found["risk"]) == (15.0, 0.05)
