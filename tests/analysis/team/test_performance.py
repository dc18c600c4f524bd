"""Do attainment and win rates count what they say, and claim a difference only where there is one?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.team import performance
from quarterdeck.data.contract import TABLES
from quarterdeck.data.periods import Period, last_quarters, quarter

DAY = pd.Timestamp("2026-05-15")
NOW = quarter(DAY)  # 1 Apr to 30 Jun 2026, 45 of 91 days seen


def table(name: str, rows: list[dict]) -> pd.DataFrame:
    """Give rows as the contract's table `name`."""
    columns = TABLES[name].columns
    frame = pd.DataFrame(rows).reindex(columns=list(columns))
    return frame.astype({c: spec.metadata["type"] for c, spec in columns.items()})


def deal(number: int, rep: str, status: str, amount: float, opened: str, closed: str | None = None, due=None) -> dict:
    known = {"opportunity_id": f"D{number}", "rep_id": rep, "region": "North", "stage": "x", "status": status}
    return known | {"amount": amount, "opened_on": opened, "closed_on": closed, "expected_close": due}


@pytest.fixture
def reps() -> pd.DataFrame:
    names = [("R1", "Ann", "Mo"), ("R2", "Bob", "Mo"), ("R3", "Cy", "Zoe")]
    return table("reps", [{"rep_id": i, "name": n, "region": "North", "manager": m} for i, n, m in names])


@pytest.fixture
def quotas() -> pd.DataFrame:
    months = pd.date_range("2026-01-01", periods=6, freq="MS")
    rows = [
        {"rep_id": rep, "period_start": m, "period_end": m + pd.offsets.MonthEnd(0), "quota": 100.0}
        for rep in ("R1", "R2", "R3")
        for m in months
    ]
    return table("quotas", rows)


@pytest.fixture
def opportunities() -> pd.DataFrame:
    return table(
        "opportunities",
        [
            deal(1, "R1", "won", 200, "2026-01-05", "2026-02-04"),  # 30 days
            deal(2, "R1", "won", 250, "2026-01-05", "2026-03-31"),  # 85 days, the last day of Q1
            deal(3, "R2", "won", 150, "2026-03-22", "2026-04-01"),  # 10 days, the first day of Q2
            deal(4, "R2", "lost", 400, "2026-02-01", "2026-05-01"),
            deal(5, "R3", "open", 300, "2026-02-01", None, "2026-05-05"),  # 10 days late
            deal(6, "R3", "open", 500, "2026-02-01", None, "2026-06-20"),
            deal(7, "R1", "won", 999, "2025-01-01", "2025-05-15"),  # a day too long ago for the twelve months
            deal(8, "R1", "open", 70, "2026-05-01", None, "2026-07-02"),  # next quarter
        ],
    )


def test_attainment_is_deals_won_over_the_sum_of_the_quarters_monthly_quotas(quotas, reps, opportunities):
    found = performance.attainment(quotas, reps, NOW, opportunities=opportunities).set_index(["quarter", "rep_id"])
    # Q1: R1 (200 + 250) / (3 × 100) = 1.5, the others 0; Q2 to 15 May: R2 150 / 300 = 0.5
    assert found.loc[("Q1 2026", "R1"), "attainment"] == 1.5
    assert found.loc[("Q1 2026", "R2"), "attainment"] == 0
    assert found.loc[("Q2 2026 to 15 May", "R2"), "attainment"] == 0.5
    assert found.loc["Q2 2026 to 15 May", "elapsed"].unique() == pytest.approx([45 / 91])  # 30 April + 15 May days


def test_a_company_without_deals_attains_by_its_orders(quotas, reps):
    line = {"order_id": "O1", "line_no": 1, "customer_id": "C", "product_id": "P", "region": "North", "quantity": 1}
    orders = table(
        "orders",
        [
            line | {"order_date": "2026-04-02", "rep_id": "R1", "revenue": 90.0},
            line | {"order_date": "2026-05-15", "rep_id": "R1", "revenue": -30.0, "line_no": 2, "quantity": -1},
            line | {"order_date": "2026-05-01", "rep_id": None, "revenue": 50.0, "line_no": 3},
        ],
    )
    found = performance.attainment_total(quotas, NOW, orders=orders).iloc[0]
    # R1: 90 − 30 = 60, nobody's 50 counts for no quota; 60 / (3 sellers × 3 months × 100)
    assert (found["numerator"], found["denominator"], found["n"]) == (60, 900, 3)
    assert found["value"] == pytest.approx(1 / 15)
    # Quotas of 300 each: √(3 ÷ 2 × (40² + 20² + 20²)) ÷ 900 = 60 ÷ 900, times 1.6449; nobody attains less than zero.
    assert found["low"] == 0 and found["high"] == pytest.approx((1 + 1.6449) / 15, rel=1e-4)


def test_a_quarter_in_which_no_amount_is_known_has_no_attainment(quotas, reps, opportunities):
    unknown = opportunities.assign(amount=np.nan)
    assert performance.attainment(quotas, reps, NOW, opportunities=unknown).empty
    assert performance.attainment_total(quotas, NOW, opportunities=unknown).empty
    assert performance.coverage_total(quotas, unknown, NOW).empty
    late = opportunities.assign(amount=opportunities["amount"].where(opportunities["closed_on"] >= NOW.start))
    assert performance.attainment(quotas, reps, NOW, opportunities=late)["quarter"].unique().tolist() == [NOW.label]


def test_deals_come_before_orders_where_a_company_has_both(opportunities):
    orders = table("orders", [{"rep_id": "R1", "order_date": "2026-04-02", "revenue": 1e9}])
    assert performance.bookings(NOW, orders, opportunities)["amount"].tolist() == [150]
    assert performance.bookings(NOW).empty


def test_spread_regions_and_managers_add_up_to_the_sellers(quotas, reps, opportunities):
    reps = reps.assign(region=["North", "South", "South"])
    attained = performance.attainment(quotas, reps, NOW, opportunities=opportunities)
    spread = performance.attainment_spread(attained).set_index("quarter").loc["Q1 2026"]
    assert (spread["reps"], spread["at_quota"], spread["share"]) == (3, 1, pytest.approx(1 / 3))
    assert spread["together"] == pytest.approx(450 / 900)
    parts = performance.attainment_by(attained).query("whole").set_index("part")
    assert parts["attainment"].to_dict() == {"North": 1.5, "South": 0, "Mo": 450 / 600, "Zoe": 0}  # regions first
    assert parts.groupby("dimension")["booked"].sum().tolist() == [attained.query("whole")["booked"].sum()] * 2
    assert parts["at_quota"].tolist() == [1, 0, 1, 0] and parts["place"].eq("like the others").all()
    # Mo's two book 450 and 0 of 300 each: √(2 ÷ 1 × (225² + 225²)) ÷ 600 = 0.75, and Student t of one degree is 6.31.
    assert parts.loc["Mo", "high"] == pytest.approx(0.75 + 6.314 * 0.75, rel=1e-3)
    assert parts.loc[["North", "Zoe"], ["low", "high"]].isna().all(axis=None)  # one seller has no interval


def test_no_manager_known_means_no_table_of_managers(quotas, reps, opportunities):
    reps = reps.assign(manager=pd.Series([None] * 3, dtype="str"))
    attained = performance.attainment(quotas, reps, NOW, opportunities=opportunities)
    assert performance.attainment_by(attained).empty  # and there is one region only
    assert performance.win_rates(opportunities, reps, NOW, by="manager").empty


def test_the_course_of_attainment_begins_with_the_first_booking_on_record(quotas, reps, opportunities):
    back = [
        quotas.assign(**{c: quotas[c] - pd.DateOffset(years=k) for c in ("period_start", "period_end")}) for k in (1, 2)
    ]
    attained = performance.attainment(pd.concat([*back, quotas]), reps, NOW, opportunities=opportunities, quarters=8)
    # Quotas are of the first halves of 2024 to 2026; the first booking is of May 2025, so that of Q2 2024 is not held against them.
    assert attained["quarter"].unique().tolist() == ["Q2 2025", "Q1 2026", "Q2 2026 to 15 May"]
    assert performance.attainment_spread(attained)["together"].tolist() == pytest.approx(
        [999 / 900, 450 / 900, 150 / 900]
    )
    parts = performance.attainment_by(attained)
    assert parts["quarter"].drop_duplicates().tolist() == ["Q1 2026", "Q2 2025", "Q2 2026 to 15 May"]
    early = performance.attainment(
        quotas, reps, NOW, opportunities=opportunities[opportunities["closed_on"] >= "2026-04-01"]
    )
    assert early["quarter"].unique().tolist() == ["Q2 2026 to 15 May"]


def attained_by_chance(seed: int, North: float = 1.0) -> pd.DataFrame:
    """Give the attainment of 46 sellers of six regions and twelve teams in two quarters; few attain many times their quota."""
    rng = np.random.default_rng(seed)
    region, quota = rng.integers(0, 6, 46), 200 * np.exp(rng.normal(0, 0.4, 46))
    frame = pd.DataFrame({"rep_id": np.arange(46), "quota": quota, "elapsed": 1.0})
    frame = frame.assign(region=[f"R{r}" for r in region], manager=[f"M{r}{k % 2}" for k, r in enumerate(region)])
    spread = {q: rng.lognormal(-0.32, 0.8, 46) * np.where(region == 0, North, 1) for q in ("Q1", "Q2")}
    parts = [frame.assign(quarter=q, whole=q == "Q1", attainment=a, booked=a * quota) for q, a in spread.items()]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.slow
def test_regions_and_teams_that_are_alike_are_said_to_differ_in_one_company_of_twenty_at_most():
    claims = [performance.attainment_by(attained_by_chance(k))["place"].ne("like the others").any() for k in range(60)]
    assert sum(claims) <= 6  # three are meant; seven would happen once in thirty times


def test_a_region_that_attains_four_times_the_others_stands_out():
    parts = performance.attainment_by(attained_by_chance(1, North=4.0)).query("whole and dimension == 'region'")
    assert parts["part"].iloc[0] == "R0" and parts["place"].tolist() == ["above"] + ["like the others"] * 5


def test_the_win_rate_is_won_over_closed_in_twelve_months(opportunities):
    found = performance.win_rate_total(opportunities, NOW).iloc[0]
    # closed 16 May 2025 to 15 May 2026: D1, D2, D3 won, D4 lost; by value 600 / 1000
    assert (found["numerator"], found["denominator"], found["value"]) == (3, 4, 0.75)
    assert found["by_value"] == pytest.approx(0.6)
    assert found["low"] < 0.75 < found["high"]


def test_a_win_rate_by_value_is_missing_where_the_amounts_of_deals_lost_are_not_kept(opportunities, reps):
    unkept = opportunities.assign(amount=opportunities["amount"].where(opportunities["status"] != "lost"))
    assert np.isnan(performance.win_rate_total(unkept, NOW)["by_value"].iloc[0])  # it would be 600 / 600
    assert performance.win_rates(unkept, reps, NOW)["by_value"].isna().all()
    kept = performance.win_rates(opportunities, reps, NOW)
    assert (
        kept["by_value"].notna().tolist() == kept["won"].lt(kept["n"]).tolist()
    )  # one seller has lost nothing: no value


def test_the_sales_cycle_is_the_median_of_the_deals_won(opportunities):
    found = performance.cycle_days_total(opportunities, NOW).iloc[0]
    assert (found["value"], found["n"]) == (30, 3)  # 10, 30, 85
    assert np.isnan(found["low"])  # three values cannot enclose a median in 90 % of cases


def test_velocity_is_the_product_of_its_factors(opportunities):
    found = performance.velocity_total(opportunities, NOW).iloc[0]
    # 3 open × 0.75 × (600 / 3 = 200) ÷ 30 days = 15 a day
    assert found["value"] == pytest.approx(15)
    assert found["numerator"] / found["denominator"] == pytest.approx(15)
    assert np.isnan(found["low"])  # three deals do not tell how far off their median is


def test_velocity_is_as_sure_as_its_factors():
    closed = pd.DataFrame({"status": ["won", "lost"] * 50, "amount": 100.0, "opened_on": pd.Timestamp("2026-01-01")})
    closed["closed_on"] = closed["opened_on"] + pd.to_timedelta(np.arange(100) // 2 + 30, "D")
    still = pd.DataFrame(
        {"status": ["open"], "amount": [100.0], "opened_on": pd.Timestamp("2026-04-01"), "closed_on": pd.NaT}
    )
    deals = pd.concat([closed, still], ignore_index=True).assign(
        opportunity_id=lambda t: t.index.astype(str), rep_id="R1"
    )
    row = performance.velocity_total(deals, NOW).iloc[0]
    rate, days = performance.win_rate_total(deals, NOW).iloc[0], performance.cycle_days_total(deals, NOW).iloc[0]
    parts = [(t["high"] - t["low"]) / 2 / t["value"] for t in (rate, days)]  # amounts are all alike
    assert np.log(row["high"] / row["value"]) == pytest.approx(np.hypot(*parts))
    assert np.log(row["value"] / row["low"]) == pytest.approx(np.hypot(*parts))


def test_coverage_is_what_closes_this_quarter_over_what_is_left_to_win(quotas, opportunities):
    found = performance.coverage_total(quotas, opportunities, NOW).iloc[0]
    # due by 30 June: 300 + 500; left: 900 − 150 = 750; required: 1 / 0.6
    assert found["value"] == pytest.approx(800 / 750)
    assert found["required"] == pytest.approx(1 / 0.6)
    assert not found["met"]


def test_a_quota_that_is_met_has_no_coverage_but_says_so(quotas, opportunities):
    found = performance.coverage_total(quotas.assign(quota=10.0), opportunities, NOW).iloc[0]
    assert found["met"] and np.isnan(found["value"])


def test_coverage_needs_an_expected_close(quotas, opportunities):
    assert performance.coverage_total(quotas, opportunities.assign(expected_close=pd.NaT), NOW).empty


def test_totals_have_no_row_where_nothing_closed(opportunities, quotas):
    long_ago = quarter(pd.Timestamp("2019-05-15"))
    for total in (performance.win_rate_total, performance.cycle_days_total, performance.velocity_total):
        assert total(opportunities, long_ago).empty
    assert performance.attainment_total(quotas, long_ago, opportunities=opportunities).empty


def test_names_can_be_hidden_from_the_page(reps, opportunities):
    hidden = performance.roster(reps, anonymise=True)
    assert hidden["name"].tolist() == ["Seller 01", "Seller 02", "Seller 03"]
    assert hidden["manager"].tolist() == ["Team 01", "Team 01", "Team 02"]
    shown = performance.win_rates(opportunities, hidden, NOW).to_string()
    assert not any(name in shown for name in ("Ann", "Bob", "Mo", "R1"))


def test_a_seller_of_another_region_keeps_his_deals(reps, opportunities):
    found = performance.win_rates(opportunities, reps.query("rep_id == 'R1'"), NOW)
    assert found["n"].sum() == 4  # R1's two and R2's two


def test_no_function_changes_its_input(quotas, reps, opportunities):
    before = [f.copy() for f in (quotas, reps, opportunities)]
    attained = performance.attainment(quotas, reps, NOW, opportunities=opportunities)
    (
        performance.attainment_spread(attained),
        performance.win_rates(opportunities, reps, NOW),
        performance.roster(reps, True),
    )
    performance.coverage_total(quotas, opportunities, NOW)
    for frame, copy in zip((quotas, reps, opportunities), before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


def closed_deals(rates: np.ndarray, counts: np.ndarray, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give closed deals of sellers whose true win rates are `rates`, and the sellers."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(rates)), counts)
    won = rng.random(len(owner)) < rates[owner]
    opportunities = pd.DataFrame(
        {
            "rep_id": [f"R{i:02d}" for i in owner],
            "status": np.where(won, "won", "lost"),
            "amount": 1.0,
            "closed_on": pd.Timestamp("2026-03-01"),
        }
    )
    ids = [f"R{i:02d}" for i in range(len(rates))]
    return opportunities, pd.DataFrame({"rep_id": ids, "name": ids, "manager": "M"})


@pytest.mark.slow
def test_equal_sellers_are_hardly_ever_said_to_differ():
    claims = []
    for seed in range(40):
        counts = np.random.default_rng(seed).integers(15, 90, 30)
        found = performance.win_rates(*closed_deals(np.full(30, 0.3), counts, seed), period=NOW)
        claims.append(found["place"].ne(performance.TOGETHER).any())
    assert np.mean(claims) <= 0.1  # one company in twenty is meant; five of forty would happen once in twenty times


@pytest.mark.parametrize("unpriced", [False, True])
@pytest.mark.parametrize("counts", [[5, 40, 40, 40], [1, 2, 300, 80], [30, 200, 50, 60]])
def test_who_never_lost_has_a_shrunk_rate_with_its_interval_and_none_by_value(counts, unpriced):
    deals, reps = closed_deals(np.array([1.0, 0.3, 0.4, 0.5]), np.array(counts), 2)
    if unpriced:  # the third seller writes no amount down of what is lost
        deals.loc[deals["rep_id"].eq("R02") & deals["status"].eq("lost"), "amount"] = np.nan
    found = performance.win_rates(deals, reps, NOW, min_deals=0).set_index("name")
    assert (
        (found["low"] < found["rate"]).all() and (found["rate"] < found["high"]).all() and found.loc["R00", "rate"] < 1
    )
    assert found.index[found["by_value"].notna() & found["won"].eq(found["n"])].empty
    assert found["by_value"].isna()["R02"] == unpriced


def test_sellers_of_different_skill_are_found_and_ranked_and_shrinkage_ranks_better():
    skill = np.random.default_rng(7).beta(8, 16, 40)
    counts = np.random.default_rng(8).integers(5, 120, 40)
    found = performance.win_rates(*closed_deals(skill, counts, 9), period=NOW, min_deals=0)
    truth = found["name"].str[1:].astype(int).map(pd.Series(skill))
    assert found["rate"].corr(truth, method="spearman") > 0.75
    assert ((found["rate"] - truth) ** 2).mean() < ((found["raw"] - truth) ** 2).mean()
    assert (found.loc[found["place"].eq("above"), "rate"].min()) > found["team"].iloc[0]
    assert found["place"].ne(performance.TOGETHER).sum() >= 2


def test_small_groups_stand_last_and_unranked():
    opportunities, reps = closed_deals(np.array([0.3, 0.3, 0.9, 0.2]), np.array([50, 60, 5, 40]), 1)
    found = performance.win_rates(opportunities, reps, NOW, min_deals=20)
    assert found["name"].iloc[-1] == "R02" and not found["ranked"].iloc[-1]
    assert found["n"].sum() == len(opportunities)
    assert found["rate"].iloc[:3].is_monotonic_decreasing


def test_the_year_before_is_measured_as_of_then(opportunities):
    then = Period(pd.Timestamp("2026-01-01"), pd.Timestamp("2026-03-31"), pd.Timestamp("2026-02-10"))
    # as of 10 Feb 2026: D1 and D7 won (15 May 2025 is within twelve months), D2, D4, D5, D6 open
    assert performance.velocity_total(opportunities, then).empty  # no loss is recorded by then
    lost = opportunities.iloc[[0]].assign(opportunity_id="D0", status="lost", closed_on=pd.Timestamp("2025-12-01"))
    found = performance.velocity_total(pd.concat([opportunities, lost]), then).iloc[0]
    assert found["n"] == 2
    # 4 open × 2 ÷ 3 × (1199 / 2) ÷ median(30, 134 days)
    assert found["value"] == pytest.approx(4 * 2 / 3 * 599.5 / 82)


def test_growth_and_attainment_of_a_year_against_the_one_before():
    end = last_quarters(NOW.start, 1)[0].end
    rows = [("R1", end - pd.Timedelta(days=30 * k), 10.0) for k in range(1, 10)]  # 90 in the year
    rows += [("R1", end - pd.Timedelta(days=380 + 30 * k), 10.0) for k in range(6)]  # 60 in the one before
    deals = pd.DataFrame(rows, columns=["rep_id", "closed_on", "amount"]).assign(status="won")
    spans = last_quarters(NOW.start, 4)
    quotas = pd.DataFrame(
        {"rep_id": "R1", "period_start": [s.start for s in spans], "period_end": [s.end for s in spans], "quota": 25.0}
    )
    reps = pd.DataFrame({"rep_id": ["R1"], "name": ["Ann"], "manager": ["Mo"]})
    row = performance.growth_and_attainment(quotas, reps, NOW, opportunities=deals).iloc[0]
    assert row["attainment"] == pytest.approx(0.9) and row["growth"] == pytest.approx(0.5)
    # The logs' variances are 1/9 and 1/6: e^(ln 1.5 ± 1.645·0.527) − 1.
    assert (row["low"], row["high"]) == (pytest.approx(-0.37, abs=0.01), pytest.approx(2.57, abs=0.01))
    assert row["field"] == "behind and growing" and not row["clear"]
