"""Are published forecasts scored as the books say, and is the plain guess truly one of its day?"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from quarterdeck.analysis.forecasting import ledger
from quarterdeck.data.periods import quarter

PERIOD = quarter(pd.Timestamp("2026-02-14"))
CREATED = pd.Timestamp("2026-02-15 06:00")
# One order on the first day of each quarter of 2024 and 2025, and of the first two of 2026.
SOLD = {
    "2024-01-01": 100.0, "2024-04-01": 200.0, "2024-07-01": 100.0, "2024-10-01": 100.0, "2025-01-01": 110.0,
    "2025-04-01": 180.0, "2025-07-01": 100.0, "2025-10-01": 100.0, "2026-01-01": 150.0, "2026-04-01": 160.0,
}  # fmt: skip


def orders(until="2026-12-31"):
    days = [d for d in SOLD if d <= until]
    return pd.DataFrame({"order_date": pd.to_datetime(days), "revenue": [SOLD[d] for d in days]})


def forecasts(*rows):
    columns = ["period_start", "period_end", "made_on", "p10", "p50", "p90", "naive"]
    frame = pd.DataFrame(rows, columns=columns).assign(metric="revenue", created_at=CREATED)
    return frame.assign(**{c: pd.to_datetime(frame[c]) for c in columns[:3]})


Q1 = ("2026-01-01", "2026-03-31", "2026-02-14", 120.0, 140.0, 145.0, 110.0)  # 150 came
Q2 = ("2026-04-01", "2026-06-30", "2026-05-15", 150.0, 170.0, 200.0, 180.0)  # 160 came
LATE = ("2026-04-01", "2026-06-30", "2026-06-12", 150.0, 165.0, 170.0, 180.0)
AFTER = pd.Timestamp("2026-07-01")


def test_the_open_quarters_forecasts_are_laid_out_once_per_metric():
    landing = pd.DataFrame({"p10": [1.0], "p50": [2.0], "p90": [3.0]})
    ahead = pd.DataFrame({"commit": [4.0], "best": [5.0], "pipeline": [6.0]})
    table = ledger.open_quarter(PERIOD, landing, ahead, orders())
    assert table[["metric", "p10", "p50", "p90"]].to_numpy().tolist() == [["revenue", 1, 2, 3], ["bookings", 4, 5, 6]]
    assert (table["period_end"] == pd.Timestamp("2026-03-31")).all()
    assert ledger.open_quarter(PERIOD, landing, ahead)["p50"].tolist() == [
        2
    ]  # without orders the landing is of bookings
    assert ledger.open_quarter(PERIOD, landing * np.nan, None, orders()).empty  # too few quarters for a forecast


def test_the_plain_guess_is_last_years_span_as_known_on_the_day():
    ahead = pd.DataFrame({"metric": "revenue", "p10": 1.0, "p50": 2.0, "p90": 3.0}, index=range(3)).assign(
        period_start=pd.to_datetime(["2026-01-01", "2026-10-01", "2027-01-01"]),
        period_end=pd.to_datetime(["2026-03-31", "2026-12-31", "2027-03-31"]),
    )
    known = orders("2026-02-14")
    table = ledger.published(ahead, pd.Timestamp("2026-02-14"), known)
    # Q1 2026 from Q1 2025, Q4 2026 from Q4 2025; Q1 2026 has not ended, so Q1 2027 is guessed from Q1 2025 too
    assert table["naive"].tolist() == [110, 100, 110]
    assert ledger.published(ahead, pd.Timestamp("2027-01-01"), known)["period_end"].tolist() == [
        pd.Timestamp("2027-03-31")
    ]


def test_quarters_further_ahead_are_kept_beside_the_open_one():
    starts = pd.to_datetime(["2026-01-01", "2026-04-01", "2026-07-01"])
    rest = pd.DataFrame({"start": starts, "p10": [1.0, 2.0, np.nan], "p50": 3.0, "p90": 4.0})
    later = ledger.of_quarters(rest, "revenue", orders("2026-02-14"))
    assert later["period_end"].tolist() == [pd.Timestamp("2026-03-31"), pd.Timestamp("2026-06-30")]  # one has no range
    first = later.iloc[:1].assign(p50=9.0)
    table = ledger.published(first, pd.Timestamp("2026-02-14"), orders("2026-02-14"), later=later)
    assert table["p50"].tolist() == [9, 3] and table["naive"].tolist() == [110, 180]  # Q1 and Q2 of 2025


def test_a_guess_for_which_there_is_no_year_is_missing():
    first = pd.DataFrame({"metric": ["revenue"], "p10": [1.0], "p50": [2.0], "p90": [3.0]})
    first = first.assign(period_start=pd.Timestamp("2024-04-01"), period_end=pd.Timestamp("2024-06-30"))
    assert ledger.published(first, pd.Timestamp("2024-05-01"), orders("2024-05-01"))["naive"].isna().all()


def test_only_what_has_come_due_is_scored_against_what_came():
    due = forecasts(Q1, Q2, ("2026-07-01", "2026-09-30", "2026-05-15", 1.0, 2.0, 3.0, 4.0))
    table = ledger.scored(due, AFTER, orders())
    assert table["actual"].tolist() == [150, 160]
    assert table["weeks_left"].round(2).tolist() == [6.43, 6.57]  # 45 and 46 days
    assert table["afterwards"].tolist() == [False, False]
    # MASE's scale, by 14 Feb 2026: the last year's quarters against the year before: |10|, |20|, 0, 0 over 4 = 7.5;
    # by 15 May 2026 there is Q1 2026 as well: |150 − 110| = 40, so (10 + 20 + 0 + 0 + 40) / 5 = 14
    assert table["scale"].tolist() == [7.5, 14]


def test_the_scores_are_those_worked_by_hand():
    row = ledger.scores(ledger.scored(forecasts(Q1, Q2), AFTER, orders())).iloc[0]
    assert row["wape"] == pytest.approx((10 + 10) / 310)
    assert row["naive_wape"] == pytest.approx((40 + 20) / 310)
    assert row["added"] == pytest.approx(40 / 310) and np.isnan(row["added_low"])  # two spans: no interval
    assert row["bias"] == pytest.approx((-10 + 10) / 310)
    assert row["mase"] == pytest.approx((10 / 7.5 + 10 / 14) / 2)
    assert (row["coverage"], row["n"], row["spans"]) == (0.5, 2, 2)  # 150 is above 145, 160 within 150 to 200
    # pinball: Q1 at 0.1: 0.1·30 = 3, at 0.5: 5, at 0.9: 0.9·5 = 4.5; Q2 at 0.1: 0.1·10 = 1, at 0.5: 5, at 0.9: 0.1·40 = 4
    assert row["crps"] == pytest.approx(2 * np.mean([2, 5, 4.25]) / 155)


def test_the_interval_of_value_added_counts_spans_not_forecasts():
    rows = [
        (start, end, made, 90.0, 100.0 + k, 110.0, 130.0)
        for k, (start, end) in enumerate([("2025-07-01", "2025-09-30"), ("2025-10-01", "2025-12-31")])
        for made in (start, end[:8] + "15")
    ] + [Q1]
    row = ledger.scores(ledger.scored(forecasts(*rows), AFTER, orders())).iloc[0]
    assert (row["n"], row["spans"]) == (5, 3)
    part, actual = np.array([60.0, 58.0, 30.0]), np.array([200.0, 200.0, 150.0])  # naive error − error, summed by span
    middle = part.sum() / actual.sum()
    reach = t.ppf(0.95, 2) * np.sqrt(3 / 2 * ((part - middle * actual) ** 2).sum()) / actual.sum()
    assert [row["added"], row["added_low"], row["added_high"]] == pytest.approx(
        [middle, middle - reach, middle + reach]
    )


def test_forecasts_are_scored_by_how_early_they_were_made():
    table = ledger.scores(ledger.scored(forecasts(Q1, Q2, LATE), AFTER, orders())).set_index("lead")
    assert list(table.index) == ["all", "up to 4 weeks", "4 to 8 weeks"]
    assert table.loc["up to 4 weeks", "wape"] == pytest.approx(5 / 160) and table.loc["all", "n"] == 3
    assert list(ledger.scores(ledger.scored(forecasts(Q1, Q2), AFTER, orders()))["lead"]) == [
        "all"
    ]  # one lead tells nothing more


def test_what_was_computed_after_the_event_is_counted():
    late = forecasts(Q1, Q2).assign(created_at=[pd.Timestamp("2026-11-24"), CREATED])
    assert ledger.scores(ledger.scored(late, AFTER, orders()))["afterwards"].iloc[0] == 1


@pytest.mark.slow
def test_ranges_as_wide_as_the_truth_hold_eight_of_ten_and_the_true_median_beats_the_guess():
    rng = np.random.default_rng(3)
    starts = pd.date_range("1976-01-01", "2025-12-31", freq="QS")
    came = 100 * np.exp(rng.normal(0, 0.1, len(starts)))
    sold = pd.DataFrame({"order_date": starts, "revenue": came})
    p10, p90 = 100 * np.exp(-0.1 * 1.2816), 100 * np.exp(0.1 * 1.2816)
    frame = forecasts(
        *[(s, s + pd.offsets.QuarterEnd(0), s, p10, 100.0, p90, g) for s, g in zip(starts[4:], came, strict=False)]
    )
    row = ledger.scores(ledger.scored(frame, AFTER, sold)).iloc[0]
    assert row["low"] < 0.8 < row["high"] and row["added_low"] > 0
    assert row["crps"] < row["wape"] < row["naive_wape"]
