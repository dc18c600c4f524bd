"""Are working days counted as the company says, and a quarter's pace by them?"""

import pandas as pd
import pytest

from quarterdeck.analysis.team import pace
from quarterdeck.data import contract, snapshot, source
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.periods import quarter
from quarterdeck.errors import SourceError
from quarterdeck.present.narrative import team as say
from test_remarks import orders

DAY = pd.Timestamp
GERMAN = Calendar(country="DE")
GULF = Calendar(weekend=["Friday", "Saturday"], country="AE")


def test_the_working_days_of_a_quarter_by_hand():
    """October to December 2026 has 66 days from Monday to Friday. 3 October is a Saturday; Christmas is a Friday, the 26th a
    Saturday: 65 in Germany. Bavaria keeps All Saints on 1 November, a Sunday: 65 as well; in 2027 it is a Monday."""
    span = (DAY("2026-10-01"), DAY("2026-12-31"))
    assert GREGORIAN.working_days(*span) == 66 and GERMAN.working_days(*span) == 65
    bavaria, november = Calendar(country="DE-BY"), (DAY("2027-11-01"), DAY("2027-11-30"))
    assert bavaria.working_days(*span) == 65 and GERMAN.working_days(*november) - bavaria.working_days(*november) == 1


def test_a_week_may_begin_on_sunday():
    week = Calendar(weekend=["friday", "saturday"]).worked(DAY("2026-11-01"), DAY("2026-11-07"))
    assert week.tolist() == [True] * 5 + [False] * 2  # 1 November 2026 is a Sunday


@pytest.mark.parametrize(
    ("through", "same"), [("2026-11-02", "2025-10-31"), ("2026-11-15", "2025-11-13"), ("2026-12-31", "2025-12-31")]
)
def test_the_same_day_of_another_quarter_is_the_one_with_the_same_part_of_its_working_days(through, same):
    """By Monday 2 November 2026 23 of 65 days are gone, 22 of them of October. The fourth quarter of 2025 has 66 from Monday to
    Friday, less 3 October and 25 and 26 December: 63. 23 ÷ 65 × 63 = 22.3: the 22nd is Friday 31 October, and not 2 November, a
    Sunday. By Sunday 15 November 32 are gone; 32 ÷ 65 × 63 = 31.0: after 22 of October the ninth, Thursday 13 November."""
    now, before = quarter(DAY(through), GERMAN), quarter(DAY("2025-12-31"), GERMAN)
    assert now.same_day(before) == DAY(same)


@pytest.mark.parametrize("calendar", [GERMAN, GULF])
def test_the_same_day_of_the_same_quarter_is_that_day(calendar):
    for day in pd.date_range("2026-10-01", "2026-12-31"):
        now = quarter(day, calendar)
        found = now.same_day(now)
        assert calendar.working_days(now.start, found) == calendar.working_days(now.start, day)
        assert found == day or not calendar.worked(day, day)[0] or now.start == found


def test_the_pace_asks_of_working_days_and_says_how_many_are_gone():
    """Quota 6,500 for the 65 days; 10 a day, seven days a week: by 15 November 46 days, 460. 33 days are left: 6,040 ÷ 33 = 183."""
    days = pd.date_range("2024-10-01", "2026-11-15")
    lines = orders(len(days) // 2 * 2).assign(order_date=days[: len(days) // 2 * 2], rep_id="R1")
    quotas = pd.DataFrame(
        {"rep_id": ["R1"], "period_start": DAY("2026-10-01"), "period_end": DAY("2026-12-31"), "quota": 6500.0}
    )
    row = pace.run_rate(quotas, quarter(DAY("2026-11-15"), GERMAN), lines).iloc[0]
    assert row[["gone", "left", "needed"]].tolist() == [32, 33, pytest.approx((6500 - row["so_far"] * 32) / 33)]
    assert row["part"] == 32 / 65
    said = say._rate(row, "EUR")
    assert said.startswith(
        "49 % of the quarter's working days are gone. The quota asks €183 of each of the 33 working days left (all "
    )
    assert "(all days but Saturday, Sunday and the public holidays of DE)" in said
    plain = say._rate(pace.run_rate(quotas, quarter(DAY("2026-11-15")), lines).iloc[0], "EUR")
    assert plain.startswith(
        "The quota asks €178 of each of the 34 working days left (Monday to Friday; holidays are not known), "
    )


def test_the_snapshot_keeps_what_source_yaml_says_and_a_table_of_months_takes_it_over(tmp_path):
    checked = contract.check({"orders": orders()}, calendar=GULF)
    snapshot.freeze(checked, tmp_path / "data", snapshot.CompanyInfo("acme", "Acme", "EUR"))
    assert snapshot.open_desk("acme", data=str(tmp_path / "data")).period.calendar == GULF
    starts = pd.date_range("2026-01-01", periods=12, freq="MS")
    months = pd.DataFrame({"period_start": starts, "period_end": starts + pd.offsets.MonthEnd(0), "fiscal_year": 2026})
    months = months.assign(month=range(1, 13), quarter=[(m + 2) // 3 for m in range(1, 13)])
    table = contract.check({"orders": orders(), "calendar": months}, calendar=GULF).calendar
    assert (table.weekend, table.country) == (("friday", "saturday"), "AE") and table.periods


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "{country: Utopia}",
            "no public holidays are known of 'Utopia'; give an ISO 3166 code such as DE, or with a state such as DE-BY",
        ),
        ("{weekend: [caturday]}", "calendar.weekend.0: input should be 'monday', 'tuesday'"),
    ],
)
def test_a_place_or_weekday_that_is_none_is_refused(tmp_path, said, reason):
    (tmp_path / "source.yaml").write_text(f"title: Acme\ncalendar: {said}\ntables: {{orders: SELECT 1}}\n")
    with pytest.raises(SourceError) as caught:
        source.load(tmp_path)
    assert reason in str(caught.value)
