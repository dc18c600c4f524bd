"""Is capacity the sum it is said to be, and does the day by which to hire leave time for the ramp?"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from quarterdeck.analysis.planning import capacity
from quarterdeck.analysis.team import ramp_up, skill
from quarterdeck.data.periods import last_quarters, quarter

PERIOD = quarter(pd.Timestamp("2026-11-15"))
RAMP = pd.DataFrame({"months": [10.0], "start": [0.4], "low": [0.3], "high": [0.5], "n": [9]})
NONE = RAMP.iloc[:0]
NEXT = quarter(pd.Timestamp("2027-02-15")).whole()
SPANS = [*last_quarters(PERIOD.start, 8), PERIOD, NEXT]
REPS = pd.DataFrame(
    {
        "rep_id": ["A", "B", "C"],
        "region": ["North", "North", "South"],
        "hired": pd.to_datetime(["2018-01-01", "2018-01-01", "2018-01-01"]),
        "left_on": pd.to_datetime([None, None, "2025-12-31"]),
    }
)


def quotas(amount=100.0, spans=SPANS):
    rows = [(rep, s.start, s.end, amount) for s in spans for rep in ("A", "B")]
    rows += [("C", s.start, s.end, amount) for s in spans if s.start.year < 2026]
    return pd.DataFrame(rows, columns=["rep_id", "period_start", "period_end", "quota"])


def deals(brought):
    """Give deals that bring, in the quarters before the open one, so much together: won after 40 days each."""
    days = [s.end for s in last_quarters(PERIOD.start, len(brought))]
    frame = pd.DataFrame({"closed_on": days, "amount": brought, "status": "won", "rep_id": "A"})
    return frame.assign(
        opened_on=frame["closed_on"] - pd.Timedelta(days=40), opportunity_id=[f"D{i}" for i in frame.index]
    )


def test_capacity_is_quotas_times_the_factor_that_past_quarters_brought():
    # five quarters of three sellers at 300 (Q4 2024 to Q4 2025), three of two at 200; each brought 90 %
    brought = [270.0] * 5 + [180.0] * 3
    table = capacity.capacity(PERIOD, quotas(), REPS, deals(brought), NONE)
    row = table.iloc[0]
    assert (row["sellers"], row["factor"], row["quarters"]) == (2, pytest.approx(0.9), 8)
    assert [row["capacity"], row["low"], row["high"]] == pytest.approx([180, 180, 180])  # it never varied
    assert (row["plan"], row["quota"], row["gap"]) == (
        200,
        200,
        pytest.approx(20),
    )  # without targets the quotas are the plan
    assert row["hires"] == 1 and pd.isna(row["hire_by"])  # 20 at 0.9 × 100 a head; the ramp is not known
    assert table["quarter"].tolist() == ["Q1 2027", "Q2 2027", "Q3 2027", "Q4 2027"]


def test_the_interval_is_how_the_factor_varied():
    brought = np.array([270.0, 300, 240, 330, 270, 180, 200, 160])
    row = capacity.capacity(PERIOD, quotas(), REPS, deals(brought), NONE).iloc[0]
    factors = brought / np.array([300.0] * 5 + [200.0] * 3)
    reach = t.ppf(0.9, 7) * factors.std(ddof=1) * np.sqrt(1 + 1 / 8)
    assert row["factor"] == pytest.approx(brought.sum() / 2100)
    assert [row["low"], row["high"]] == pytest.approx([200 * (row["factor"] - reach), 200 * (row["factor"] + reach)])


def test_a_newcomer_counts_by_time_and_ramp_at_the_quota_of_ramped_ones():
    new = pd.concat([REPS, REPS.iloc[:1].assign(rep_id="N", hired=NEXT.start)], ignore_index=True)
    own = pd.concat([quotas(), quotas(30.0, [NEXT]).iloc[:1].assign(rep_id="N")])  # a quota of 30 is a ramped-up one
    row = capacity.capacity(PERIOD, own, new, deals([270.0] * 5 + [180.0] * 3), RAMP).iloc[0]
    middle = 44.5 / 30.44  # months in the job half-way through the quarter, give or take the day that is rounded down
    part = 1 - 0.6 * (1 - middle / 10)
    assert row["ramped"] == pytest.approx(2 + part, abs=0.005)
    assert row["capacity"] == pytest.approx(0.9 * (200 + 100 * part), abs=0.5)


def test_who_is_on_the_ramp_is_held_against_a_full_quota_times_how_far_he_has_come():
    last = last_quarters(PERIOD.start, 1)[0]
    new = REPS.iloc[:2].assign(
        rep_id=["N", "S"], hired=[last.start, PERIOD.start + pd.Timedelta(days=1)], region=["North", "South"]
    )
    eased = quotas(30.0, [last, PERIOD]).iloc[[0, 2]].assign(rep_id="N")
    own = pd.concat([quotas(), eased, quotas(50.0, [PERIOD]).iloc[:1].assign(rep_id="S")])
    won = pd.DataFrame(
        {"rep_id": ["N", "A", "B"], "closed_on": last.end, "amount": [24.0, 90.0, 110.0], "status": "won"}
    )
    reps = pd.concat([REPS, new], ignore_index=True)
    table = ramp_up.ramping(reps, PERIOD, RAMP, own, opportunities=won)
    assert table["quarter"].tolist() == ["Q3 2026", "Q4 2026 to 15 Nov"] and table["sellers"].tolist() == [1, 2]
    row, come = table.iloc[0], 1 - 0.6 * (1 - 45 / 30.44 / 10)  # 45 days to the quarter's midpoint
    assert row[["own", "eased"]].tolist() == pytest.approx([0.8, 24 / (100 * come)])
    assert row[["asked", "come", "others"]].tolist() == pytest.approx([0.3, come, 1.0]) and pd.isna(row["low"])
    assert table.iloc[1][["own", "eased", "low", "high"]].tolist() == [0, 0, 0, 0]  # nothing is booked yet
    assert ramp_up.ramping(REPS, PERIOD, RAMP, own, opportunities=won).empty  # nobody is
    assert (
        ramp_up.ramping(reps, PERIOD, NONE, own, opportunities=won).empty and ramp_up.ramping(reps, PERIOD, RAMP).empty
    )


def test_a_plan_that_is_not_set_is_carried_on_as_it_last_grew():
    own = pd.concat([quotas(spans=SPANS[:8]), quotas(120.0, [PERIOD])])
    table = capacity.capacity(PERIOD, own, REPS, deals([270.0] * 5 + [180.0] * 3), NONE)
    # Q4: 3 × 100 a year before, 2 × 120 now; Q1 2027 = 200 of Q1 2026 × 240 ÷ 300, Q4 2027 = 240 × 240 ÷ 300
    assert table["plan"].tolist() == pytest.approx([160, 160, 160, 192])
    assert table["assumed"].all() and table["quota"].isna().all()


def test_the_last_day_to_hire_leaves_a_ramp_and_a_deal_before_the_quarter():
    ahead = [*SPANS, *[quarter(PERIOD.start + pd.DateOffset(months=3 * k)).whole() for k in (2, 3)]]
    own = pd.concat([quotas(spans=ahead[:-1]), quotas(300.0, ahead[-1:])])
    targets = pd.DataFrame(
        {"region": "all", "period_start": [s.start for s in ahead], "period_end": [s.end for s in ahead]}
    )
    targets = targets.assign(revenue_target=[100.0] * (len(ahead) - 1) + [400.0])
    orders = pd.DataFrame(
        {"order_date": [PERIOD.start - pd.Timedelta(days=1), PERIOD.through], "revenue": [810.0, 0.0]}
    )
    won = deals([270.0] * 5 + [180.0] * 3)
    table = capacity.capacity(PERIOD, own, REPS, won, RAMP, targets, orders)
    row = table.set_index("quarter").loc["Q3 2027"]
    # bookings of the year before are 270 + 3 × 180 = 810, as is revenue: the plan is 400; capacity 2 × 300 × 0.9 = 540
    assert row["gap"] == pytest.approx(400 - 540) and row["hires"] == 0
    more = targets.assign(revenue_target=[100.0] * (len(ahead) - 1) + [1000.0])
    table = capacity.capacity(PERIOD, own, REPS, won, RAMP, more, orders)
    row = table.set_index("quarter").loc["Q3 2027"]
    assert row["hires"] == 2  # 460 short, 270 a head
    assert row["hire_by"] == pd.Timestamp("2027-07-01") - pd.Timedelta(days=304 + 40) and row["late"]
    # one who begins on 15 November has been there 228 to 319 days by then: a share from 0.85 on to one, 0.95 on average
    days = np.arange(228, 320) / 30.44
    part = (1 - 0.6 * np.clip(1 - days / 10, 0, 1)).mean()
    assert row["hires_now"] == np.ceil(460 / (270 * part)) == 2


def test_who_begins_today_brings_nothing_before_a_deal_is_won():
    assert capacity.brings(PERIOD, PERIOD, 120, RAMP) == 0
    later = quarter(pd.Timestamp("2027-02-15")).whole()
    assert 0 < capacity.brings(later, PERIOD, 120, RAMP) < 0.2 < capacity.brings(later, PERIOD, 0, RAMP)
    assert capacity.brings(later, PERIOD, 0, NONE) == 1


def test_too_short_a_history_gives_no_rows():
    assert capacity.capacity(PERIOD, quotas(), REPS, deals([100.0] * 3), NONE).empty


def test_a_planted_ramp_of_bookings_is_found():
    rng = np.random.default_rng(2)
    hired = pd.date_range("2022-01-10", periods=24, freq="45D")
    reps = pd.DataFrame({"rep_id": [f"R{i}" for i in range(24)], "hired": hired, "left_on": pd.NaT})
    rows = []
    for rep, begin in zip(reps["rep_id"], hired, strict=True):
        for month in range(int((PERIOD.through - begin).days // 30.44)):
            part = 1 - 0.5 * max(1 - (month + 0.5) / 8, 0)
            day = begin + pd.Timedelta(days=month * 30.44 + 15)
            rows.append((rep, day, 100 * part * rng.lognormal(0, 0.3), "won", begin))
    won = pd.DataFrame(rows, columns=["rep_id", "closed_on", "amount", "status", "opened_on"])
    row = ramp_up.newcomers(won, reps, PERIOD, pd.DataFrame({"months": [8], "clear": [True]})).iloc[0]
    assert row["low"] < 0.5 < row["high"] and row["high"] - row["low"] < 0.3
    assert ramp_up.newcomers(won, reps, PERIOD, pd.DataFrame({"months": [8], "clear": [False]})).empty


def test_capacity_of_the_demo_companys_past_quarters_would_have_held_what_came(demo_company):
    tables, _ = demo_company
    held = []
    for span in last_quarters(PERIOD.start, 6):
        first = quarter(span.start - pd.Timedelta(days=10))
        known = tables["opportunities"][tables["opportunities"]["opened_on"] <= first.through]
        past = {"quotas": tables["quotas"], "reps": tables["reps"], "opportunities": known}
        ramp = skill.ramp_length(known, tables["reps"], first)
        row = capacity.capacity(first, **past, newcomers=ramp_up.newcomers(known, tables["reps"], first, ramp)).iloc[0]
        came = tables["opportunities"].query("status == 'won'")
        came = came.loc[came["closed_on"].between(span.start, span.end), "amount"].sum()
        held.append(row["low"] <= came <= row["high"])
    assert sum(held) >= 4  # eight of ten, of six
