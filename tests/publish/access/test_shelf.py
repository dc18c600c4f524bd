"""A request reaches a stored notebook that the run lists as whole, and nothing else."""

import json
import os
from datetime import UTC, datetime

import pytest

from fake_runs import make_outputs
from quarterdeck.errors import QuarterdeckError, RunError
from quarterdeck.publish.access.shelf import Shelf
from quarterdeck.publish.pages import page_frame
from quarterdeck.publish.serve import ServeOptions, serve

NOW = datetime(2026, 11, 15, 13, 20, tzinfo=UTC)


@pytest.fixture
def outputs(tmp_path):
    return make_outputs(tmp_path)


def test_a_whole_notebook_is_found_by_run_and_by_latest(outputs):
    expected = outputs / "demo" / "2026-11-15" / "north" / "executive_brief.ipynb"
    assert Shelf(outputs).notebook("demo", "2026-11-15", "north", "executive_brief") == expected
    assert Shelf(outputs).notebook("demo", "latest", "north", "executive_brief") == expected


@pytest.mark.parametrize(
    "names",
    [
        ("demo", "latest", "north", "forecasting"),  # failed in this run
        ("demo", "2026-11-16", "north", "executive_brief"),  # not finished
        ("demo", "latest", "north", "executive_brief.ipynb"),
        ("demo", "latest", "..", "executive_brief"),
        ("demo", "..", "north", "executive_brief"),
        ("..", "outputs", "north", "executive_brief"),
        ("demo", "latest", "data", "orders"),
        ("demo/latest", "north", "x", "y"),
        ("", "", "", ""),
        (".", ".", ".", "."),
    ],
)
def test_nothing_else_is_found(outputs, names):
    assert Shelf(outputs).notebook(*names) is None


def test_a_run_that_lists_a_path_out_of_itself_gives_no_notebook(outputs):
    facts = json.loads((outputs / "demo" / "2026-11-15" / "run.json").read_text())
    facts["notebooks"][0] |= {"region": "../2026-10-01/north", "notebook": "executive_brief"}
    (outputs / "demo" / "2026-11-15" / "run.json").write_text(json.dumps(facts))
    assert Shelf(outputs).notebook("demo", "latest", "../2026-10-01/north", "executive_brief") is None


def test_a_notebook_that_is_a_link_out_of_the_run_is_not_followed(outputs, tmp_path):
    page = outputs / "demo" / "2026-11-15" / "north" / "executive_brief.ipynb"
    page.rename(tmp_path / "elsewhere.ipynb")
    page.symlink_to(tmp_path / "elsewhere.ipynb")
    assert Shelf(outputs).notebook("demo", "latest", "north", "executive_brief") is None


def test_a_company_or_a_run_that_is_a_link_is_not_one(outputs, tmp_path):
    os.rename(outputs / "demo" / "2026-10-01", tmp_path / "old")
    (outputs / "demo" / "2026-10-01").symlink_to(tmp_path / "old")
    (outputs / "other").symlink_to(outputs / "demo")
    assert [r.name for r in Shelf(outputs).runs("demo")] == ["2026-11-15"]
    assert Shelf(outputs).companies() == ["demo"]


def test_latest_does_not_lead_out_of_the_company(outputs, tmp_path):
    (outputs / "demo" / "latest").unlink()
    (outputs / "demo" / "latest").symlink_to(tmp_path)
    assert Shelf(outputs).find("demo", "latest") is None


def test_runs_come_newest_first_and_an_unfinished_one_is_not_shown(outputs):
    assert [r.name for r in Shelf(outputs).runs("demo")] == ["2026-11-15", "2026-10-01"]


def test_a_shelf_of_one_run_shows_that_run_alone(outputs):
    shelf = Shelf(outputs, "demo", "2026-10-01")
    assert [r.name for r in shelf.runs("demo")] == ["2026-10-01"]
    assert shelf.find("demo", "latest").name == "2026-10-01"


def test_the_frame_names_pages_in_reading_order_and_links_only_those_that_are_whole(outputs):
    shelf = Shelf(outputs)
    frame = page_frame.frame(shelf, shelf.find("demo", "latest"), "latest", "north", "market_research", NOW)
    assert [p["title"] for p in frame["pages"]] == ["Executive brief", "Market research", "Forecasting"]
    assert [bool(p["href"]) for p in frame["pages"]] == [True, True, False]  # north's forecast failed
    assert [r["title"] for r in frame["regions"]] == ["All regions", "North", "United Kingdom"]
    assert (frame["age"], frame["snapshot"]) == ("7 h old", "4f1c9e77")  # 06:00 to 13:20


def test_an_older_run_points_to_the_newest_where_the_page_is_whole_there(outputs):
    shelf = Shelf(outputs)
    old = shelf.find("demo", "2026-10-01")
    brief = page_frame.frame(shelf, old, "2026-10-01", "north", "executive_brief", NOW)
    assert brief["newer"] == "/demo/latest/north/executive_brief"
    assert page_frame.frame(shelf, old, "2026-10-01", "north", "forecasting", NOW)["newer"] == ""


def test_revenue_stands_against_a_year_before(outputs):
    run = Shelf(outputs).find("demo", "latest")
    said = page_frame.revenue(run, "company", "EUR")
    assert (said["amount"], said["change"], said["state"]) == ("€1.1m", "+10.0 %", "good")
    assert page_frame.revenue(run, "north", "EUR") is None


@pytest.mark.parametrize(
    ("created", "said"),
    [
        ("2026-11-15T13:15:00Z", "5 min old"),
        ("2026-11-14T12:20:00", "25 h old"),
        ("2026-11-05T13:00:00+00:00", "10 days old"),
    ],
)
def test_age_is_shown_in_minutes_hours_or_days(created, said):
    assert page_frame.age(created, NOW) == said


@pytest.mark.parametrize("ip", ["0.0.0.0", "192.168.1.4", "::", "", "example.org"])
def test_an_address_that_others_can_reach_is_refused(outputs, ip):
    with pytest.raises(QuarterdeckError, match="ask nobody who they are"):
        serve(outputs, ServeOptions(ip=ip))


def test_an_unknown_company_or_run_is_refused_with_those_that_exist(outputs):
    with pytest.raises(RunError, match="'demmo' has no finished run .* companies that have one: demo."):
        serve(outputs, ServeOptions(company="demmo"))
    with pytest.raises(RunError, match="no finished run '2025' .* finished runs: 2026-11-15, 2026-10-01."):
        serve(outputs, ServeOptions(run="2025"))
