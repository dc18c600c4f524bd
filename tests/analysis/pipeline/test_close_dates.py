"""Is the day of closing read off deals in the same state, and are waits that are not over yet allowed for?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.pipeline import close_dates

DAY = pd.Timestamp("2026-02-15")


def stood(days: np.ndarray, stage: str = "open", seen: int = 1_000) -> pd.DataFrame:
    """Deals looked at on one day that were won so many days later."""
    row = {"stage": stage, "segment": "x", "opened_on": DAY, "entered": DAY, "amount": 1.0, "expected_close": pd.NaT}
    return pd.DataFrame({"days": days, "seen": seen, "day": DAY, **row}).astype({"expected_close": "datetime64[ns]"})


def test_days_are_the_quantiles_of_deals_of_the_same_stage():
    known = pd.concat([stood(np.arange(1, 101), "late"), stood(np.arange(201, 301), "early")], ignore_index=True)
    asked = stood(np.array([0, 0]), "late").assign(stage=["late", "early"])
    waits = close_dates.waits(known, asked)
    # Of 1 to 100 days the 10 %, 50 % and 90 % quantiles are: 10, 50, 90.
    assert waits.to_numpy().tolist() == [[10, 50, 90], [210, 250, 290]]


def test_too_few_deals_won_tell_no_day():
    waits = close_dates.waits(stood(np.arange(1, 50)), stood(np.array([0])))
    assert list(waits) == close_dates.WAITS and waits.isna().all(axis=None)


def test_a_slow_win_counts_for_those_that_the_record_did_not_live_to_see():
    seen = np.array([9, 9, 9, 2])
    # A wait of two days shows of the three that stood nine days before the end, not of the one that stood two.
    assert close_dates._shown(seen, np.array([1, 2, 8])) == pytest.approx([1, 3 / 4, 3 / 4])


def test_waits_cut_off_by_the_end_of_the_record_do_not_shorten_the_day():
    days = np.tile(np.arange(1, 201), 10)
    known = stood(days, seen=np.repeat(np.arange(25, 275, 25), 200))
    waits = close_dates.waits(known, stood(np.array([0])))
    # Waits of 1 to 200 days are all as likely, so the middle is 100; of those that the record shows it is 72.
    assert known.loc[known["days"] < known["seen"], "days"].median() == 72
    assert waits["likely_close"][0] == pytest.approx(100, abs=8)


def test_what_is_asked_is_left_unchanged():
    known, asked = stood(np.arange(1, 101)), stood(np.array([0]))
    before = known.copy(), asked.copy()
    close_dates.waits(known, asked)
    pd.testing.assert_frame_equal(known, before[0])
    pd.testing.assert_frame_equal(asked, before[1])
