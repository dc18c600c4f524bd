"""Is the pace that of past quarters, and are chances of reaching quota better than none?"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from quarterdeck.analysis.brief import gaps, scorecard
from quarterdeck.analysis.team import concentration, discounts, pace
from quarterdeck.data.periods import Period, quarter

PERIOD = quarter(pd.Timestamp("2026-11-15"))


def test_pace_is_the_part_that_was_in_by_the_same_day():
    rows = []
    for start in pd.date_range("2024-10-01", "2026-07-01", freq="QS"):
        rows += [("R", start + pd.Timedelta(days=10), "won", 30.0), ("R", start + pd.Timedelta(days=80), "won", 70.0)]
    deals = pd.DataFrame(rows, columns=["rep_id", "closed_on", "status", "amount"])
    table = pace.pace(PERIOD, opportunities=deals)
    assert table["part"].tolist() == pytest.approx([0.3] * 8) and table["middle"].iloc[0] == pytest.approx(0.3)
    assert pace.pace(PERIOD, opportunities=deals.tail(6)).empty


def booked_daily(each, quarters=8):
    """Give deals of one seller: so much won on every working day of past quarters and of the open one to 15 November."""
    days = pd.bdate_range(PERIOD.start - pd.DateOffset(months=3 * quarters), PERIOD.through)
    deals = pd.DataFrame({"rep_id": "R", "closed_on": days, "status": "won", "amount": each})
    starts = pd.date_range(PERIOD.start - pd.DateOffset(months=3 * quarters), periods=quarters + 1, freq="QS")
    quotas = pd.DataFrame(
        {"rep_id": "R", "period_start": starts, "period_end": starts + pd.offsets.QuarterEnd(0), "quota": 490.0}
    )
    return quotas, deals


def test_the_run_rate_is_what_is_missing_over_the_working_days_left():
    quotas, deals = booked_daily(10.0)
    row = pace.run_rate(quotas, PERIOD, opportunities=deals).iloc[0]
    # October has 22 working days and November 10 to Sunday the 15th; 11 of November and 23 of December are left
    assert row[["gone", "left"]].tolist() == [32, 34]
    assert row[["gap", "needed", "so_far"]].tolist() == pytest.approx([490 - 320, 5, 10])
    assert row[["low", "middle", "high"]].tolist() == pytest.approx([10] * 3) and row[["reached", "n"]].tolist() == [
        8,
        8,
    ]
    others = deals.assign(rep_id="of another region")  # who has no quota does not count for it
    same = pace.run_rate(quotas, PERIOD, opportunities=pd.concat([deals, others])).iloc[0]
    assert same.equals(row)


def test_the_run_rate_knows_what_it_lacks():
    quotas, deals = booked_daily(10.0, quarters=3)
    row = pace.run_rate(quotas, PERIOD, opportunities=deals).iloc[0]
    assert row["n"] == 3 and np.isnan(row["middle"]) and row["needed"] == pytest.approx(5)
    last = Period(PERIOD.start, PERIOD.end, PERIOD.end)
    assert (
        pace.run_rate(quotas, last, opportunities=deals).empty
        and pace.run_rate(quotas.iloc[:0], PERIOD, opportunities=deals).empty
    )
    assert pace.run_rate(quotas.assign(quota=100.0), PERIOD, opportunities=deals)["gap"].tolist() == [-220]


def test_chances_of_quota_are_better_than_the_plain_share(demo_company):
    tables, _ = demo_company
    table = pace.quota_chances(*(tables[t] for t in ("quotas", "reps", "opportunities", "opportunity_history")), PERIOD)
    assert len(table) >= 5 and table["brier"].iloc[0] < table["brier_base"].iloc[0]
    assert table["chance"].between(0, 1).all() and (table.loc[table["attainment"] >= 1, "chance"] == 1).all()


def test_chances_do_not_see_what_came_later(demo_company):
    """What happens after the day of a past quarter must not move what was known on it."""
    tables, _ = demo_company
    asked = [tables[t] for t in ("quotas", "opportunities", "opportunity_history")]
    early = quarter(pd.Timestamp("2026-05-15"))
    known = pace._standing(*asked[:2], pace.spells(asked[2]), early)
    later = tables["opportunities"].assign(
        amount=lambda t: t["amount"].where(t["closed_on"] <= early.through, t["amount"] * 9)
    )
    past = tables["opportunity_history"].query("changed_on <= '2026-05-15'")
    pd.testing.assert_frame_equal(known, pace._standing(asked[0], later, pace.spells(past), early))


def test_a_generous_seller_is_found_within_like_lines():
    rng = np.random.default_rng(3)
    n = 400
    orders = pd.DataFrame(
        {"order_id": [f"O{i}" for i in range(n)], "order_date": PERIOD.through - pd.Timedelta(days=20), "product_id": "P",
         "rep_id": np.repeat(["A", "B", "C", "D"], n // 4), "channel": rng.choice(["x", "y"], n), "list_amount": 100.0}
    )  # fmt: skip
    usual = (
        np.where(orders["channel"] == "x", 0.1, 0.2)
        + np.where(orders["rep_id"] == "A", 0.08, 0)
        + rng.normal(0, 0.02, n)
    )
    reps = pd.DataFrame({"rep_id": list("ABCD"), "name": list("ABCD"), "manager": "M"})
    products = pd.DataFrame({"product_id": ["P"], "category": ["c"]})
    table = discounts.discounts(orders.assign(revenue=100 * (1 - usual)), reps, products, PERIOD)
    first = table.iloc[0]
    assert first["name"] == "A" and first["clear"] and first["excess"] == pytest.approx(0.06, abs=0.01)
    assert first["cost"] == pytest.approx(first["excess"] * 10_000)
    assert discounts.discounts(orders.assign(revenue=90.0, list_amount=np.nan), reps, products, PERIOD).empty


def test_how_much_hangs_on_the_best_tenth():
    deals = pd.DataFrame(
        {
            "rep_id": [f"R{i}" for i in range(20)],
            "closed_on": PERIOD.through,
            "status": "won",
            "amount": [50.0, 30.0] + [20.0] * 18,
        }
    )
    reps = pd.DataFrame({"rep_id": [f"R{i}" for i in range(20)], "left_on": [PERIOD.through] + [pd.NaT] * 19})
    row = concentration.seller_concentration(reps, PERIOD, opportunities=deals).iloc[0]
    assert row[["top", "sellers", "n", "median", "largest", "gone"]].tolist() == pytest.approx(
        [80 / 440, 2, 20, 20, 50 / 440, 50 / 440]
    )
    assert concentration.seller_concentration(reps, PERIOD, opportunities=deals.head(4)).empty


@pytest.fixture
def slipping() -> dict[str, pd.DataFrame]:
    """Each past quarter had 100 due and won in time, and 200 due that was won a month too late: a third came true."""
    starts = [*pd.date_range("2024-10-01", "2026-07-01", freq="QS"), PERIOD.start]
    deals, past = [], []
    for k, start in enumerate(starts):
        for name, amount, won_on in (("in time", 100.0, 80), ("late", 200.0, 120)):
            due, end = start + pd.Timedelta(days=70), start + pd.Timedelta(days=won_on)
            over = end <= PERIOD.through
            deals.append((f"{name} {k}", start, end if over else pd.NaT, due, "won" if over else "open", amount))
            past.append((f"{name} {k}", start, "open", due, amount))
            past += [(f"{name} {k}", end, "won", due, amount)] if over else []
    columns = ["opportunity_id", "opened_on", "closed_on", "expected_close", "status", "amount"]
    deals = pd.DataFrame(deals, columns=columns).assign(rep_id="R")
    history = pd.DataFrame(past, columns=["opportunity_id", "changed_on", "status", "expected_close", "amount"])
    quotas = pd.DataFrame({"rep_id": ["R"], "period_start": PERIOD.start, "period_end": PERIOD.end, "quota": [350.0]})
    history = history.assign(stage="A", rep_id="R")
    return {"quotas": quotas, "opportunities": deals, "opportunity_history": history, "period": PERIOD}


def test_cover_is_held_against_what_such_money_brought_in_time(slipping):
    row = pace.cover(**slipping).iloc[0]
    # the late one of Q3 was won on 29 October: 350 − 200 = 150 are left, 300 are due
    assert row[["coverage", "due", "gap", "part", "needed", "n"]].tolist() == pytest.approx([2, 300, 150, 1 / 3, 3, 8])
    assert row[["low", "high"]].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert pd.isna(row["by_win_rate"])  # no loss is recorded
    recent = slipping["opportunity_history"].tail(6)
    assert pace.cover(**slipping | {"opportunity_history": recent}).empty


def ahead(low, middle, high):
    """Give bookings ahead of which 200 are booked."""
    row = {"booked": 200.0, "open_worth": middle - 200, "commit": low, "best": middle, "pipeline": high}
    return pd.DataFrame([row])


def test_where_bookings_end_has_one_answer(slipping):
    quotas, deals = slipping["quotas"], slipping["opportunities"]
    row = pace.ending(quotas, PERIOD, None, deals, ahead(280.0, 300.0, 320.0)).iloc[0]
    assert row[["value", "low", "high", "quota", "by"]].tolist() == [300, 280, 320, 350, "open deals"]
    assert row["attainment"] == pytest.approx(300 / 350)
    assert row["chance"] == pytest.approx(norm.sf(50 / (20 / norm.ppf(0.9))))  # 20 is the reach of an 80 % range
    usual = pd.DataFrame({"low": [0.4], "middle": [0.5], "high": [0.8]})
    row = pace.ending(quotas, PERIOD, None, deals, ahead(1.0, 2.0, 3.0).iloc[:0], usual).iloc[0]
    assert row[["value", "low", "high", "by"]].tolist() == [400, 250, 500, "pace"]  # 200 booked
    assert pace.ending(quotas, PERIOD, None, deals).empty and pace.ending(quotas.iloc[:0], PERIOD, pace=usual).empty


def test_open_deals_that_do_not_cover_what_is_left_are_a_finding(slipping):
    found = gaps.coverage_gap(**slipping, ahead=ahead(280.0, 300.0, 320.0)).iloc[0]
    assert found[["worth", "low", "high"]].tolist() == pytest.approx([-50, -70, -30])  # off a quota of 350
    assert found["compared"] == pytest.approx(3) and found["risk"] < 0.01
    assert gaps.coverage_gap(**slipping, ahead=ahead(280.0, 330.0, 380.0)).empty  # it may be reached
    needed = scorecard.aims(landing=pd.DataFrame({"target": [1.0]}), **slipping).set_index("metric")["target"]
    assert needed["pipeline_coverage"] == pytest.approx(3)
