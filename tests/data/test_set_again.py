"""Is a quota or target that was set again the one that was known on the day, and are two that overlap refused together?"""

import pandas as pd
import pytest

from quarterdeck.analysis.sales.revenue import target_attainment
from quarterdeck.data import contract, snapshot
from quarterdeck.data.periods import quarter
from quarterdeck.errors import ContractError
from test_remarks import orders

TARGETS = pd.DataFrame(
    {
        "region": "North",
        "period_start": "2026-07-01",
        "period_end": "2026-09-30",
        "revenue_target": [1000.0, 800.0, 500.0],
        "recorded_on": [None, "2026-08-10", "2026-09-20"],
    }
)


@pytest.mark.parametrize(("day", "target"), [("2026-08-09", 1000), ("2026-08-10", 800), ("2026-09-28", 500)])
def test_looking_back_sees_the_target_that_was_known_then(day, target):
    """Orders of 10 each, one a day from 1 July, half of them of North: the target of the day is what they are held against."""
    tables = snapshot.cut(contract.check({"orders": orders(), "targets": TARGETS}), pd.Timestamp(day))
    own = tables["orders"].query("region == 'North'")
    assert tables["targets"]["revenue_target"].tolist() == [target]
    row = target_attainment(own, tables["targets"], quarter(pd.Timestamp(day))).iloc[0]
    assert row["denominator"] == target and row["value"] == pytest.approx(row["numerator"] / target)


def test_the_page_says_that_rows_were_replaced():
    (said,) = contract.check({"orders": orders(), "targets": TARGETS}).remarks
    assert said.sentence("North") == (
        "targets: rows that a row set later replaces count for the days before it alone: 2 of 3 rows (revenue target 1,800.00, "
        "78.3 % of all), such as region 'North', period_start 2026-07-01"
    )


def test_versions_over_several_quarters_are_split_each_and_the_last_counts():
    """Half a year of 184 days: the last version of 500 is 250.00 and 250.00 in its two quarters of 92 days."""
    tables = contract.check({"orders": orders(), "targets": TARGETS.assign(period_end="2026-12-31")})
    seen = snapshot.cut(tables, pd.Timestamp("2026-09-28"))["targets"]
    assert seen["revenue_target"].tolist() == pytest.approx([250.0, 250.0])


def test_two_versions_of_one_day_are_one_too_many():
    with pytest.raises(ContractError, match="expected one row per region, period_start, recorded_on"):
        contract.check({"orders": orders(), "targets": TARGETS.assign(recorded_on="2026-08-10")})


def test_overlapping_targets_are_refused_with_both_rows():
    other = TARGETS.iloc[:1].assign(period_start="2026-08-01", recorded_on="2026-08-10")
    with pytest.raises(ContractError) as caught:
        contract.check({"orders": orders(), "targets": pd.concat([TARGETS, other])})
    assert str(caught.value) == (
        "table targets: row 4 (region 'North', period_start 2026-08-01) starts before the period ahead of it (row 3, 2026-07-01 "
        "to 2026-09-30) has ended, expected periods that do not overlap per region; fix the source."
    )


def test_targets_that_were_never_set_again_read_as_before(tmp_path):
    plain = TARGETS.iloc[:1].drop(columns="recorded_on")
    frame = contract.check({"orders": orders(), "targets": plain})["targets"]
    assert list(frame) == ["region", "period_start", "period_end", "revenue_target", "margin_target"]
