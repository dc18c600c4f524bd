"""Does the funnel count each deal once per stage, and does velocity's change add up?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.pipeline import stages
from quarterdeck.data.periods import quarter
from quarterdeck.present.charts import team as chart
from quarterdeck.present.narrative import team as say

DAY = pd.Timestamp
NOW = quarter(pd.Timestamp("2026-05-15"))


@pytest.fixture
def opportunities() -> pd.DataFrame:
    frame = pd.DataFrame(
        [
            ("D1", "R1", "won", 100.0, "2026-01-01", "2026-02-01", None),
            ("D2", "R1", "lost", 100.0, "2026-01-01", "2026-02-01", None),
            ("D3", "R2", "lost", 100.0, "2026-01-01", "2026-02-01", None),
            ("D4", "R2", "open", 80.0, "2026-01-01", None, "2026-05-05"),
            ("D5", "R2", "open", 20.0, "2026-01-01", None, "2026-05-15"),
            ("D6", "R1", "won", 50.0, "2025-01-01", "2025-03-02", None),
            ("D7", "R1", "lost", 50.0, "2025-01-01", "2025-03-02", None),
        ],
        columns=["opportunity_id", "rep_id", "status", "amount", "opened_on", "closed_on", "expected_close"],
    )
    days = ["opened_on", "closed_on", "expected_close"]
    return frame.assign(**{c: pd.to_datetime(frame[c]) for c in days})


@pytest.fixture
def history() -> pd.DataFrame:
    rows = [
        ("D1", 1, "lead", "open"),
        ("D1", 2, "offer", "open"),  # skipped the demo, and won
        ("D1", 3, "closed", "won"),
        ("D2", 1, "lead", "open"),
        ("D2", 2, "demo", "open"),
        ("D2", 3, "offer", "open"),
        ("D2", 4, "demo", "open"),  # back again: still reached the offer
        ("D2", 5, "closed", "lost"),
        ("D3", 1, "lead", "open"),
        ("D3", 2, "lead", "open"),  # only the amount changed
        ("D3", 3, "closed", "lost"),
        ("D4", 1, "lead", "open"),  # still open: has not run its course
        ("D4", 2, "demo", "open"),
    ]
    frame = pd.DataFrame(rows, columns=["opportunity_id", "day", "stage", "status"])
    return frame.assign(changed_on=pd.Timestamp("2026-01-01") + pd.to_timedelta(frame["day"], unit="D"))


@pytest.fixture
def reps() -> pd.DataFrame:
    return pd.DataFrame({"rep_id": ["R1", "R2"], "name": ["Ann", "Bob"], "manager": ["Mo", "Mo"]})


def test_the_funnel_counts_closed_deals_that_got_as_far_as_each_stage(opportunities, history):
    found = stages.funnel(opportunities, NOW, history).set_index("stage")
    # lead: D1, D2, D3; demo: D1 (went past it), D2; offer: D1, D2; won: D1
    assert found["reached"].to_dict() == {"lead": 3, "demo": 2, "offer": 2, "won": 1}
    assert found["conversion"].iloc[:3].tolist() == pytest.approx([2 / 3, 1, 1 / 2])
    assert np.isnan(found["conversion"].iloc[3])
    assert found["reached"].iloc[-1] / found["reached"].iloc[0] == pytest.approx(found["conversion"].prod())


def test_without_a_history_the_funnel_stands_on_todays_status(opportunities):
    found = stages.funnel(opportunities, NOW).set_index("stage")
    # opened 16 May 2025 to 15 May 2026: D1 to D5; three closed, one won
    assert found["reached"].to_dict() == {"opened": 5, "closed": 3, "won": 1}
    assert found["basis"].unique() == ["status"]


def test_an_empty_window_gives_an_empty_funnel(opportunities, history):
    long_ago = quarter(pd.Timestamp("2019-05-15"))
    assert stages.funnel(opportunities, long_ago, history).empty
    assert stages.funnel(opportunities, long_ago).empty


def test_there_is_no_velocity_where_a_factor_is_not_known(opportunities):
    assert stages.velocity(opportunities.assign(amount=np.nan), NOW).empty
    assert stages.velocity(opportunities[opportunities["status"] != "lost"], NOW).empty


def test_the_factors_log_changes_add_up_to_velocitys(opportunities):
    found = stages.velocity(opportunities, NOW).set_index("factor")
    # now: 2 open × 1/3 × 100 ÷ 31 days; a year before, on 15 May 2025, no deal was open: no comparison
    assert found.loc["velocity", "now"] == pytest.approx(2 / 3 * 100 / 31)
    assert np.isnan(found.loc["velocity", "log_change"])
    earlier = opportunities.iloc[[3]].assign(
        opened_on=pd.Timestamp("2025-02-01"), closed_on=pd.Timestamp("2025-12-01"), status="lost", opportunity_id="D8"
    )
    found = stages.velocity(pd.concat([opportunities, earlier], ignore_index=True), NOW).set_index("factor")
    assert found["before"].isna().all()  # the first deal was opened in 2025: the year to 15 May 2025 is not all there
    old = earlier.assign(opened_on=pd.Timestamp("2023-01-01"), closed_on=pd.Timestamp("2023-02-01"))
    found = stages.velocity(pd.concat([opportunities, earlier, old], ignore_index=True), NOW).set_index("factor")
    # now: 2 × 1/4 × 100 ÷ 31; before: 1 × 1/2 × 50 ÷ 60
    assert found["before"].tolist() == pytest.approx([1, 0.5, 50, 60, 25 / 60])
    assert found["log_change"].iloc[:4].sum() == pytest.approx(found.loc["velocity", "log_change"])
    assert found.loc["cycle_days", "share"] == pytest.approx(60 / 31 - 1)


def test_a_deal_is_overdue_from_the_day_after_its_expected_close(opportunities, reps):
    found = stages.overdue(opportunities, reps, pd.Timestamp("2026-05-15"))
    assert found.to_dict("records") == [
        {  # D4 was due on the 5th, D5 is due today
            "name": "Bob",
            "open_deals": 2,
            "overdue_deals": 1,
            "open_amount": 100.0,
            "overdue_amount": 80.0,
            "days_late": 10.0,
        }
    ]


def test_overdue_money_adds_up_over_the_sellers(opportunities, reps):
    total = stages.overdue_total(stages.overdue(opportunities, reps, pd.Timestamp("2026-05-20"))).iloc[0]
    assert (total["overdue_deals"], total["overdue_amount"], total["share"]) == (2, 100, 1)  # D4 80 + D5 20 of 100


def test_no_expected_close_at_all_means_no_table_of_overdue_deals(opportunities, reps):
    found = stages.overdue(opportunities.assign(expected_close=pd.NaT), reps, pd.Timestamp("2026-05-15"))
    assert found.empty and "overdue_amount" in found
    assert stages.overdue_total(found).empty


def test_cycle_days_are_counted_from_opening_to_closing(opportunities):
    assert stages.cycle(opportunities, NOW)["days"].tolist() == [31]


def passed(chances: np.ndarray, each: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Give closed deals, their history and sellers: of each seller's deals the part `chances` (by stage) goes on, by chance."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(chances)), each)
    through = np.cumprod(rng.random((len(owner), chances.shape[1])) < chances[owner], axis=1).sum(axis=1)
    ids = np.array([f"D{k:05d}" for k in range(len(owner))])
    rows = [(ids[through >= k], stage, k) for k, stage in enumerate(("lead", "demo", "offer"))]
    history = pd.concat([pd.DataFrame({"opportunity_id": i, "stage": s, "day": k}) for i, s, k in rows])
    history = history.assign(
        status="open", changed_on=pd.Timestamp("2026-01-01") + pd.to_timedelta(history["day"], unit="D")
    )
    deals = pd.DataFrame({"opportunity_id": ids, "rep_id": [f"R{k:02d}" for k in owner], "amount": 100.0})
    days = {"opened_on": pd.Timestamp("2026-01-01"), "closed_on": pd.Timestamp("2026-03-01")}
    deals = deals.assign(**days, status=np.where(through == 3, "won", "lost"))
    names = [f"R{k:02d}" for k in range(len(chances))]
    return deals, history, pd.DataFrame({"rep_id": names, "name": names, "manager": "M"})


def test_a_leak_is_the_conversion_lost_times_the_deals_times_what_one_that_goes_on_is_worth(
    opportunities, history, reps
):
    found = stages.leaks(opportunities, history, reps, NOW).set_index(["name", "stage"])
    # lead: 2 of Ann's 2 go on, none of Bob's 1; demo: 2 of 2; offer: 1 of 2, won at 100. One won of two that got to the demo.
    assert found["n"].to_dict() == {("Ann", "lead"): 2, ("Bob", "lead"): 1, ("Ann", "demo"): 2, ("Ann", "offer"): 2}
    row = found.loc[("Bob", "lead")]
    assert row[["onward", "team"]].tolist() == pytest.approx([0, 2 / 3])
    assert (
        row["leak"] == pytest.approx((2 / 3 - row["rate"]) * 1 * 100 * 1 / 2)
        and row["leak_low"] < row["leak"] < row["leak_high"]
    )
    assert found.loc[("Ann", "lead"), "leak"] < row["leak"] and not found["clear"].any()
    assert stages.leaks(opportunities.iloc[:0], history, reps, NOW).empty


@pytest.mark.slow
def test_sellers_who_are_alike_leak_in_one_company_of_twenty_at_most():
    chances = np.tile([0.8, 0.7, 0.5], (30, 1))
    claims = [stages.leaks(*passed(chances, 60, seed), NOW)["clear"].any() for seed in range(40)]
    assert sum(claims) <= 5  # two are meant; six would happen once in seventy times


def test_a_seller_who_loses_half_of_what_others_keep_at_one_stage_leaks_there():
    chances = np.tile([0.8, 0.7, 0.5], (30, 1))
    chances[4, 1] = 0.35
    found = stages.leaks(*passed(chances, 100, 2), NOW)
    first = found.iloc[0]
    assert (
        first[["name", "stage", "clear"]].tolist() == ["R04", "demo", True]
        and first["onward"] / first["n"] < first["low"]  # drawn
    )
    assert found["clear"].sum() == 1


@pytest.fixture
def two_pipelines():
    """Sales: 40 deals by Lead and Offer, of which 20 got to the offer and 10 were won. Renewals: 30, by Notice alone, 24 won; and
    five of a pipeline that is too small to be shown."""
    ways = [
        ("Sales", ["Lead", "Offer"], 10, "won"),
        ("Sales", ["Lead", "Offer"], 10, "lost"),
        ("Sales", ["Lead"], 20, "lost"),
    ]
    ways += [
        ("Renewals", ["Notice"], 24, "won"),
        ("Renewals", ["Notice"], 6, "lost"),
        ("Partners", ["Talk"], 5, "lost"),
    ]
    deals, past = [], []
    for way, (pipeline, passed, count, end) in enumerate(ways):
        for k in range(count):
            deal, opened = f"{way}-{k}", DAY("2026-02-01")
            deals.append((deal, f"R{k % 2}", pipeline, opened, DAY("2026-03-01"), end, 100.0))
            past += [(deal, opened + pd.Timedelta(days=d), stage, "open") for d, stage in enumerate(passed)]
            past.append((deal, DAY("2026-03-01"), end, end))
    columns = ["opportunity_id", "rep_id", "pipeline", "opened_on", "closed_on", "status", "amount"]
    return pd.DataFrame(deals, columns=columns), pd.DataFrame(
        past, columns=["opportunity_id", "changed_on", "stage", "status"]
    )


def test_each_pipeline_has_its_own_funnel(two_pipelines):
    """Sales 40, 20 of 40 to the offer, 10 of 20 won; renewals 30, 24 of 30 won: 70 came in, and 34 were won."""
    deals, past = two_pipelines
    found = stages.funnel(deals, NOW, past)
    assert found[["stage", "reached"]].values.tolist() == [
        ["Sales: Lead", 40], ["Sales: Offer", 20], ["Sales: won", 10], ["Renewals: Notice", 30], ["Renewals: won", 24],
    ]  # fmt: skip
    assert found["conversion"].tolist() == pytest.approx([0.5, 0.5, np.nan, 0.8, np.nan], nan_ok=True)
    assert stages.funnel_ends(found) == (70, 34) and set(found["pipeline"]) == {"Sales", "Renewals"}
    assert "after “Sales: Lead”" in say.funnel_takeaway(found)
    assert chart.funnel_bars(found).get_title(loc="left").strip() == "Of 70 deals that came in, 34 were won"
    without = stages.funnel(deals, NOW)
    assert without["stage"].tolist()[:3] == ["Sales: opened", "Sales: closed", "Sales: won"]


def test_one_pipeline_or_small_ones_are_one_funnel(two_pipelines):
    deals, past = two_pipelines
    alone = deals[deals["pipeline"] == "Sales"]
    assert stages.funnel(alone, NOW, past)["stage"].tolist() == ["Lead", "Offer", "won"]
    assert set(stages.by_pipeline(deals.groupby("pipeline").head(19))) == {""}


def test_leaks_are_those_of_a_pipeline(two_pipelines):
    """Each of the two sellers lost as many as the other: no leak, and no stage of a pipeline beside one of another."""
    deals, past = two_pipelines
    reps = pd.DataFrame({"rep_id": ["R0", "R1"], "name": ["Ann", "Bo"], "manager": "M"})
    table = stages.leaks(deals, past, reps, NOW)
    assert set(table["stage"]) == {"Sales: Lead", "Sales: Offer", "Renewals: Notice"} and not table["clear"].any()
    assert table.groupby("stage")["n"].sum().to_dict() == {
        "Sales: Lead": 40,
        "Sales: Offer": 20,
        "Renewals: Notice": 30,
    }
