import pandas as pd

from quarterdeck.data.periods import last_quarters, quarter

DAY = pd.Timestamp


def test_a_quarter_to_date_ends_with_the_last_day_seen():
    period = quarter(DAY("2026-11-15"))
    seen = period.contains(pd.Series(pd.to_datetime(["2026-09-30", "2026-10-01", "2026-11-15", "2026-11-16"])))
    assert seen.tolist() == [False, True, True, False]
    assert period.whole().contains(pd.Series([DAY("2026-12-31")])).all()


def test_the_same_span_a_year_before_keeps_its_length():
    before = quarter(DAY("2026-11-15")).before()
    assert (before.start, before.end, before.through) == (DAY("2025-10-01"), DAY("2025-12-31"), DAY("2025-11-15"))


def test_a_leap_day_has_a_year_before():
    before = quarter(DAY("2024-02-29")).before()
    assert (before.through, before.end) == (DAY("2023-02-28"), DAY("2023-03-31"))


def test_a_whole_quarter_is_compared_with_a_whole_quarter():
    assert quarter(DAY("2026-12-31")).before().label == "Q4 2025"


def test_last_quarters_end_before_the_open_one_oldest_first():
    assert [p.label for p in last_quarters(DAY("2026-02-03"), 3)] == ["Q2 2025", "Q3 2025", "Q4 2025"]
