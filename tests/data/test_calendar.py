"""Does every calendar count each day to one month, quarter and year, and does the U.S. retail calendar follow its rule?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.data.calendar import GREGORIAN, Calendar, of_table
from quarterdeck.data.periods import last_quarters, quarter
from quarterdeck.errors import ContractError

DAY = pd.Timestamp
NRF = Calendar(first_month=2, weeks="4-5-4", ends_on="saturday", ends="nearest", named="start")
# First days of fiscal years by the National Retail Federation's rule: years end on the Saturday nearest to 31 January. A 53rd week
# in the years that it names, 2017 and 2023, and by the rule in 2028.
NRF_STARTS = {
    2015: "2015-02-01", 2016: "2016-01-31", 2017: "2017-01-29", 2018: "2018-02-04", 2019: "2019-02-03",
    2020: "2020-02-02", 2021: "2021-01-31", 2022: "2022-01-30", 2023: "2023-01-29", 2024: "2024-02-04",
    2025: "2025-02-02", 2026: "2026-02-01", 2027: "2027-01-31", 2028: "2028-01-30", 2029: "2029-02-04",
    2030: "2030-02-03",
}  # fmt: skip
LONG = {2017, 2023, 2028}
CALENDARS = {
    "calendar months": GREGORIAN,
    "from November": Calendar(first_month=11),
    "retail": NRF,
    "last Friday of September": Calendar(first_month=10, weeks="5-4-4", ends_on="friday"),
}


def of_rows(starts, until, first_year=2025, first_month=1):
    starts = pd.DatetimeIndex(starts)
    months = np.arange(first_month - 1, first_month - 1 + len(starts))
    return pd.DataFrame(
        {
            "period_start": starts,
            "period_end": [*(starts[1:] - pd.Timedelta(days=1)), DAY(until)],
            "fiscal_year": first_year + months // 12,
            "quarter": months % 12 // 3 + 1,
            "month": months % 12 + 1,
        }
    )


@pytest.mark.parametrize("year", NRF_STARTS)
def test_the_retail_year_begins_after_the_saturday_nearest_to_the_end_of_january(year):
    start = DAY(NRF_STARTS[year])
    assert (NRF.start(start, "year"), NRF.number(start, "year"), NRF.week(start)) == (start, year, 1)
    assert NRF.number(start - pd.Timedelta(days=1), "year") == year - 1
    assert NRF.week(NRF.end(start, "year")) == (53 if year in LONG else 52)


def test_the_retail_year_has_months_of_four_five_and_four_weeks_and_the_53rd_in_january():
    weeks = lambda year: [d // 7 for d in NRF.days(NRF.starts(DAY(NRF_STARTS[year]), 12), "month")]  # noqa: E731
    assert weeks(2022) == [4, 5, 4] * 4
    assert weeks(2023) == [4, 5, 4] * 3 + [4, 5, 5]
    # Fiscal October 2015, 35 weeks after 1 February 2015, has four weeks.
    assert (NRF.start(DAY("2015-10-20"), "month"), NRF.end(DAY("2015-10-20"), "month")) == (
        DAY("2015-10-04"),
        DAY("2015-10-31"),
    )
    assert NRF.month_names() == "Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Jan".split()


@pytest.mark.parametrize("calendar", CALENDARS.values(), ids=CALENDARS)
def test_every_day_lies_in_one_period_of_each_unit(calendar):
    days = pd.Series(pd.date_range("2014-12-20", "2031-02-10"))
    for unit, most in (("month", 42), ("quarter", 98), ("year", 371)):
        start, end = calendar.start(days, unit), calendar.end(days, unit)
        assert ((start <= days) & (days <= end)).all()
        assert (
            start.drop_duplicates().iloc[1:].to_numpy() == (end.drop_duplicates() + pd.Timedelta(days=1))[:-1]
        ).all()
        assert (end - start).dt.days.max() < most
        assert calendar.place(days, unit).diff().dropna().isin([0, 1]).all()
        assert calendar.start(days.iloc[77], unit) == start.iloc[77]
        assert (calendar.start(pd.DatetimeIndex(days), unit) == start).all()


@pytest.mark.parametrize("calendar", CALENDARS.values(), ids=CALENDARS)
def test_months_are_never_named_twice_in_a_year(calendar):
    for start in calendar.starts(DAY("2015-06-01"), 15, "year"):
        assert len(set(calendar.labels(calendar.starts(start, 12), "month"))) == 12


def test_calendar_quarters_are_pandas_own():
    days = pd.Series(pd.date_range("1999-12-01", "2032-01-05", freq="11D"))
    assert (GREGORIAN.start(days) == days.dt.to_period("Q").dt.start_time).all()
    assert (GREGORIAN.end(days, "month") == days.dt.to_period("M").dt.end_time.dt.normalize()).all()


def test_a_missing_day_has_a_missing_start():
    days = pd.Series([DAY("2026-05-05"), pd.NaT], index=[7, 9])
    assert GREGORIAN.start(days).isna().tolist() == [False, True]
    assert GREGORIAN.start(days).index.tolist() == [7, 9]


def test_always_and_never_have_quarters():
    assert [GREGORIAN.start(day).year for day in (pd.Timestamp.min, pd.Timestamp.max)] == [1677, 2262]


def test_a_fiscal_year_from_november_is_named_after_the_year_it_ends_in_or_starts_in():
    ends, starts = (quarter(DAY("2026-11-15"), Calendar(first_month=11, named=n)) for n in ("end", "start"))
    assert (ends.label, starts.label, ends.end) == ("FY27 Q1 to 15 Nov", "FY26 Q1 to 15 Nov", DAY("2027-01-31"))
    assert [span.label for span in last_quarters(ends, 2)] == ["FY26 Q3", "FY26 Q4"]
    assert ends.before().through == DAY("2025-11-15")


def test_weeks_are_compared_with_the_same_weeks():
    now = quarter(DAY("2024-02-24"), NRF)  # the third week's last day
    assert (now.before().start, now.before().through) == (DAY("2023-01-29"), DAY("2023-02-18"))
    assert (now.before().through.day_name(), NRF.week(now.before().through)) == ("Saturday", 3)


def test_a_fourteenth_week_is_left_out_of_the_comparison_and_said():
    after, long = quarter(DAY("2025-02-01"), NRF), quarter(DAY("2024-02-03"), NRF)
    assert (long.label, after.label) == ("FY23 Q4", "FY24 Q4")
    assert (after.before().through, after.before().end) == (DAY("2024-01-27"), DAY("2024-02-03"))
    assert (long.before().through, long.before().end) == (DAY("2023-01-28"), DAY("2023-01-28"))
    for day in ("2024-02-03", "2025-02-01", "2026-01-31"):
        assert NRF.extra_week(DAY(day)).startswith(
            "FY23 Q4 has 14 weeks, for its fiscal year has a 53rd week; the same quarter"
        )
    assert NRF.extra_week(DAY("2026-05-05")) == GREGORIAN.extra_week(DAY("2024-02-03")) == ""
    assert (NRF.week_start(long.through), NRF.week(long.through)) == (DAY("2024-01-28"), 53)


def test_the_same_day_of_another_quarter_counts_whole_months_across_new_year():
    fiscal = Calendar(first_month=11)
    now, other = quarter(DAY("2026-12-31"), fiscal), quarter(DAY("2026-03-01"), fiscal)
    assert now.same_day(other) == DAY("2026-03-31")


def test_a_table_of_weeks_goes_on_with_years_of_52_weeks():
    table = of_rows(NRF.starts(DAY("2023-01-29"), 24), "2025-02-01", first_year=2023)
    calendar = of_table(table)
    days = pd.Series(pd.date_range("2023-01-29", "2026-01-31"))
    for unit in ("month", "quarter", "year"):
        assert (calendar.start(days, unit) == NRF.start(days, unit)).all()
        assert (calendar.number(days, unit) == NRF.number(days, unit)).all()
    assert calendar.start(DAY("2023-01-28"), "year") == DAY("2022-01-30")
    assert calendar.label(DAY("2024-02-03")) == "FY23 Q4"


def test_a_table_of_months_from_the_26th_goes_on_so():
    table = of_rows(pd.date_range("2024-12-26", periods=14, freq="MS") + pd.Timedelta(days=25), "2026-03-25", 2025)
    calendar = of_table(table.assign(period_start=table["period_start"]))
    assert calendar.start(DAY("2030-05-27"), "month") == DAY("2030-05-26")
    assert calendar.start(DAY("2019-05-02"), "month") == DAY("2019-04-26")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"month": 13}, "has month 13, expected 1 to 12"),
        ({"quarter": 4}, "has quarter 4 and month 3, expected quarter 1"),
        ({"fiscal_year": 26}, "has fiscal year 26, expected a year such as 2026"),
        ({"fiscal_year": 2026}, "is month 3 of 2026, expected month 3 of 2025"),
        ({"period_end": DAY("2025-03-30")}, "does not follow the one before, which ends 2025-03-30"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_its_month(change, said):
    table = of_rows(pd.date_range("2025-01-01", periods=12, freq="MS"), "2025-12-31")
    for column, value in change.items():
        table.loc[2, column] = value
    with pytest.raises(ContractError, match=said):
        of_table(table)


def test_a_calendar_survives_the_snapshot():
    for calendar in (*CALENDARS.values(), of_table(of_rows(NRF.starts(DAY("2023-01-29"), 24), "2025-02-01", 2023))):
        assert Calendar.model_validate(calendar.facts()) == calendar
