"""Does a company read by any calendar add up to its rows to the cent, and do its pages stand and speak in that calendar?"""

import re

import duckdb
import pytest

import companies
import looked_at
from quarterdeck.analysis.brief.metrics import measure
from quarterdeck.analysis.brief.scorecard import quarterly
from quarterdeck.analysis.sales.by_period import cells
from quarterdeck.data import contract, demo, snapshot
from quarterdeck.data.calendar import GREGORIAN, Calendar

CALENDARS = {
    "calendar months": GREGORIAN,
    "months from November": Calendar(first_month=11),
    "4-4-5 from February": Calendar(first_month=2, weeks="4-4-5"),
}
OPEN = {  # the quarter of 15 November 2026: its first and last day and its name, worked out by hand
    "calendar months": ("2026-10-01", "2026-12-31", "Q4 2026"),
    "months from November": ("2026-11-01", "2027-01-31", "FY27 Q1"),
    "4-4-5 from February": ("2026-11-01", "2027-01-30", "FY27 Q4"),
}
PAGES = ["executive_brief", "forecasting", "targets", "team_performance"]
LABEL = re.compile(r"\bQ[1-4] (?:20)?2\d\b")


@pytest.fixture(scope="module")
def rows():
    tables, _ = demo.generate(7, 0.02, "2026-11-15")
    return companies.chain(companies.only("North Sea", companies.SHOWN), companies.since(companies.FIRST))(
        contract.check(tables)
    )


@pytest.fixture(scope="module", params=CALENDARS)
def read(request, rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("calendar") / "data"
    tables = contract.check(rows, calendar=CALENDARS[request.param])
    snapshot.freeze(tables, folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    return request.param, folder


def summed(frame, column, day, first, last):
    """Sum in SQL, in cents."""
    return duckdb.execute(
        f"SELECT coalesce(sum(round({column} * 100)), 0) FROM frame WHERE {day} BETWEEN ? AND ?", [first, last]
    ).fetchone()[0]


@pytest.mark.parametrize("region", ["company", companies.SHOWN])
def test_quarters_and_months_add_up_to_the_cent(read, rows, region):
    name, folder = read
    desk = snapshot.open_desk("demo", region, data=str(folder))
    first, last, label = OPEN[name]
    assert (f"{desk.period.start:%Y-%m-%d}", f"{desk.period.end:%Y-%m-%d}") == (first, last)
    assert desk.period.label == f"{label} to 15 Nov"
    orders = rows["orders"] if region == "company" else rows["orders"][rows["orders"]["region"] == region]
    assert round(measure(desk, "revenue")["value"].iloc[0] * 100) == summed(
        orders, "revenue", "order_date", first, "2026-11-15"
    )
    for row in desk.ask(quarterly).itertuples():
        end = min(desk.calendar.end(row.start), desk.as_of)
        assert round(row.sold * 100) == summed(orders, "revenue", "order_date", row.start, end)
    for season, unit in ((12, "month"), (4, "quarter")):
        panel = desk.ask(cells, season=season).groupby("start")["value"].sum()
        assert len(panel) > 8
        for start, value in panel.items():
            assert round(value * 100) == summed(orders, "revenue", "order_date", start, desk.calendar.end(start, unit))


def test_split_targets_and_quotas_add_up_to_the_cent(read, rows):
    name, folder = read
    desk = snapshot.open_desk("demo", data=str(folder))
    for table, money in (("targets", "revenue_target"), ("quotas", "quota")):
        assert round(desk.tables[table][money].sum() * 100) == round(rows[table][money].sum() * 100)
    split = [
        said for said in snapshot.read_snapshot(folder)[0]["remarks"] if "split between them by days" in said["said"]
    ]
    assert {said["table"] for said in split} == ({"targets", "quotas", "costs"} if name != "calendar months" else set())


@pytest.mark.slow
@pytest.mark.parametrize("read", [*CALENDARS][1:], indirect=True)  # the first is that of the golden runs
@pytest.mark.parametrize("region", ["company", companies.SHOWN])
@pytest.mark.parametrize("page", PAGES)
def test_pages_stand_and_speak_in_the_calendar(read, page, region, monkeypatch, answers):
    name, folder = read
    looked_at.quicken(monkeypatch, answers)
    found, said = looked_at.read(page, folder, region)
    assert not found + looked_at.oddities(said)
    assert any(OPEN[name][2] in text for text in said)
    assert not [text for text in said if LABEL.search(text) and "market" not in text.lower()]
