"""Are open deals counted as open, and do the estimators give textbook figures?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.pipeline import durations

DAY = pd.Timestamp("2026-06-30")


def test_incidence_without_open_deals_is_the_share_that_ended_so():
    days = np.r_[np.full(30, 10), np.full(70, 20)]
    deals = pd.DataFrame({"opened_on": DAY - pd.Timedelta(days=100), "status": ["won"] * 30 + ["lost"] * 70})
    table = durations.incidence(deals.assign(closed_on=deals["opened_on"] + pd.to_timedelta(days, unit="D")), DAY)
    assert table["days"].tolist() == [10, 20] and table["won"].tolist() == pytest.approx([0.3, 0.3])
    assert table["lost"].tolist() == pytest.approx([0, 0.7]) and table["open"].iloc[-1] == pytest.approx(0, abs=1e-12)


def test_open_deals_do_not_bend_the_win_rate_of_a_cohort():
    """Wins take twice as long as losses: of deals opened lately, won over closed is below the true 0.4; the incidence is not."""
    rng = np.random.default_rng(5)
    n = 4000
    opened = DAY - pd.to_timedelta(rng.integers(0, 360, n), unit="D")
    won = rng.random(n) < 0.4
    closed = opened + pd.to_timedelta(
        np.where(won, rng.exponential(160, n), rng.exponential(60, n)).astype(int), unit="D"
    )
    done = closed <= DAY
    deals = pd.DataFrame({"opened_on": opened, "closed_on": pd.Series(closed).where(done)})
    deals["status"] = np.where(~done, "open", np.where(won, "won", "lost"))
    naive = (deals["status"] == "won").sum() / done.sum()
    row = durations.incidence(deals, DAY).query("days <= 300").iloc[-1]
    truth = 0.4 * (1 - np.exp(-300 / 160))
    assert row["won_low"] < truth < row["won_high"] and naive < 0.35


def test_stays_that_last_are_censored():
    rows = [(f"D{i}", DAY - pd.Timedelta(days=100), "open", "A") for i in range(60)]
    rows += [(f"D{i}", DAY - pd.Timedelta(days=100 - 10 - i), "won" if i % 2 else "lost", "A") for i in range(40)]
    past = pd.DataFrame(rows, columns=["opportunity_id", "changed_on", "status", "stage"])
    row = durations.stage_times(past, DAY).iloc[0]
    # Days 10, 11 … 49 end; sixty stays: half of them have ended with the thirtieth, on day 39.
    assert row["median"] == 39 and row["low"] < 39 < row["high"]
    assert row["lasting"] == 20 and row["onward"] == pytest.approx(0.5) and row["n"] == 60


def test_too_few_ends_tell_nothing():
    deals = pd.DataFrame({"opened_on": [DAY], "closed_on": [DAY], "status": ["won"]})
    assert durations.incidence(deals, DAY).empty
