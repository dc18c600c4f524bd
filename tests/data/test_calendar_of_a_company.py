"""Does a company's own calendar reach its snapshot, and is a wrong one refused in a sentence?"""

import re

import pandas as pd
import pytest

from conftest import ROOT
from quarterdeck.data import contract, snapshot, source
from quarterdeck.data.calendar import Calendar
from quarterdeck.errors import SourceError

RETAIL = "{first_month: 2, weeks: 4-5-4, ends_on: Saturday, ends: nearest, named: start}"
ORDERS = """SELECT '1' AS order_id, i AS line_no, DATE '2025-01-01' + i::INT AS order_date, 'p' AS product_id, 'N' AS region,
  1 AS quantity, 10 AS revenue FROM range(0, 640) AS t(i)"""
TABLE = """SELECT s AS period_start, (s + INTERVAL 1 MONTH - INTERVAL 1 DAY)::DATE AS period_end, 2025 + i // 12 AS fiscal_year,
  (i % 12) // 3 + 1 AS quarter, i % 12 + 1 AS month
  FROM (SELECT i, DATE '2024-04-01' + to_months(i::INT) AS s FROM range(0, 36) AS t(i))"""


def one_line(sql):
    return " ".join(sql.split())


def described(folder, calendar="", table=""):
    lines = ["title: Acme", "folder_variable: ACME_DATA", *([f"calendar: {calendar}"] if calendar else []), "tables:"]
    lines += [f"  orders: |\n    {one_line(ORDERS)}", *([f"  calendar: |\n    {one_line(table)}"] if table else [])]
    (folder / "acme").mkdir()
    (folder / "acme" / "source.yaml").write_text("\n".join(lines), encoding="utf-8")
    return folder / "acme"


def frozen(folder, name="data", **said):
    company = described(folder, **said)
    about = source.load(company)
    tables = contract.check(source.read(company, folder, folder), calendar=about.calendar)
    return snapshot.freeze(tables, folder / name, snapshot.CompanyInfo.of("acme", about))


@pytest.mark.parametrize(
    ("said", "label", "start"),
    [
        ({}, "Q4 2026 to 2 Oct", "2026-10-01"),
        ({"calendar": "{first_month: 11}"}, "FY26 Q4 to 2 Oct", "2026-08-01"),
        ({"calendar": RETAIL}, "FY26 Q3 to 2 Oct", "2026-08-02"),
        ({"table": TABLE}, "FY27 Q3 to 2 Oct", "2026-10-01"),
        ({"table": TABLE, "calendar": RETAIL}, "FY27 Q3 to 2 Oct", "2026-10-01"),
    ],
    ids=["none", "months", "weeks", "a table", "a table wins"],
)
def test_the_desk_of_a_snapshot_counts_by_the_company_s_calendar(tmp_path, said, label, start):
    frozen(tmp_path, **said)
    desk = snapshot.open_desk("acme", data=str(tmp_path / "data"))
    assert (desk.period.label, desk.period.start) == (label, pd.Timestamp(start))
    assert "calendar" not in desk.tables


def test_another_calendar_is_another_snapshot(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain, fiscal = frozen(tmp_path / "a"), frozen(tmp_path / "b", calendar="{first_month: 11}")
    assert plain["hash"] != fiscal["hash"]
    assert "calendar" not in plain
    assert Calendar.model_validate(fiscal["calendar"]) == Calendar(first_month=11)


def test_days_that_the_table_does_not_reach_are_said(tmp_path):
    short = TABLE.replace("range(0, 36)", "range(0, 24)")  # to 31 March 2026
    words = "rows of days that the table calendar does not reach are counted as if its years went on"
    (said,) = [said for said in frozen(tmp_path, table=short)["remarks"] if said["said"] == words]
    assert said["parts"]["company"][0] == 185  # the days from 1 April to 2 October 2026
    assert snapshot.open_desk("acme", data=str(tmp_path / "data")).period.label == "FY27 Q3 to 2 Oct"


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        (
            "{first_month: 13}",
            "calendar.first_month: input should be less than or equal to 12; calendar may hold first_month, ",
        ),
        ("{weeks: 4-4-4}", "calendar.weeks: input should be '4-4-5', '4-5-4' or '5-4-4'; calendar may hold"),
        ("{ends_on: friday}", "calendar: ends_on is for fiscal years of weeks; add weeks: 4-4-5, 4-5-4 or 5-4-4"),
        (
            "{begins: 3}",
            "calendar.begins: extra inputs are not permitted; calendar may hold first_month, weeks, ends_on",
        ),
        ("{until: 2026-01-01}", "calendar: until cannot be given here; bring a table calendar, or say first_month"),
        ("November", "calendar: input should be a valid dictionary or instance of Calendar; calendar may hold"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused_by_its_name(tmp_path, calendar, said):
    with pytest.raises(SourceError, match=re.escape(said)):
        source.load(described(tmp_path, calendar))


def test_the_calendars_that_the_guide_shows_are_read_as_it_says(tmp_path):
    guide = (ROOT / "docs" / "your-data.md").read_text(encoding="utf-8")
    shown = re.findall(r"^calendar: (\{[^}]*\})", guide, re.MULTILINE)
    labels = []
    for place, calendar in enumerate(shown):
        (tmp_path / str(place)).mkdir()
        about = source.load(described(tmp_path / str(place), calendar))
        labels.append(about.calendar.label(pd.Timestamp("2026-11-15")))
    assert labels == ["FY27 Q1", "FY26 Q4"]
    assert "15 November 2026 lies in FY27 Q1" in guide
