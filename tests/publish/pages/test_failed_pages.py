"""What does a reader see where a page failed? Its last good edition, of its own day, or a plain sentence; never an error."""

import json
import shutil

import pytest
from jupyter_server.auth.security import passwd

from fake_runs import ERROR, make_outputs, make_run, serving
from quarterdeck.publish.access.shelf import Shelf
from quarterdeck.publish.pages import page_frame, prerender, search
from reader import Reader

FIRST, LAST = "2026-10-01", "2026-11-15"
OLD = ("united_kingdom", "market_research")  # its page of the first run stands in; north's forecast has no page
REVENUE = {
    "metric": "revenue",
    "period": "Q3 2026",
    "value": 900_000.0,
    "n": 9,
    "low": None,
    "high": None,
    "unit": "money",
}
LINKS = "".join(f'<a href="{page}#main">See it in {page} →</a>' for page in ("market_research", "forecasting"))


def fail_with_edition(outputs):
    """Let the first run's page of `OLD` stand in for it in the last one, as a run does that follows a failure."""
    company = outputs / "demo"
    earlier, facts = (json.loads((company / run / "run.json").read_text()) for run in (FIRST, LAST))
    from_run = {k: earlier[k] for k in ("run", "as_of", "created_at", "snapshot", "library")}
    kpis = [REVENUE | {"region": OLD[0], "notebook": OLD[1]}]
    for entry in facts["notebooks"]:
        if (entry["region"], entry["notebook"]) == OLD:
            entry |= {"state": "failed", "error": ERROR, "edition": from_run | {"kpis": kpis}}
    page, at = (company / run / OLD[0] / f"{OLD[1]}.ipynb" for run in (FIRST, LAST))
    page.write_text(page.read_text().replace("Revenue rose", "Old revenue rose"))
    shutil.copy(page, at)
    (company / LAST / "run.json").write_text(json.dumps(facts))
    earlier["kpis"] += kpis
    (company / FIRST / "run.json").write_text(json.dumps(earlier))
    brief = company / LAST / "north" / "executive_brief.ipynb"
    brief.write_text(brief.read_text().replace("Revenue rose", f"{LINKS} Revenue rose".replace('"', '\\"')))
    return outputs


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server over the runs, for somebody who sees everything and somebody who sees North alone."""
    root, hashed = tmp_path_factory.mktemp("failed"), passwd("correct horse battery")
    outputs = fail_with_edition(make_outputs(root, rendered=True))
    make_run(outputs / "demo" / "2026-09-01", "2026-09-01", "2026-09-01T06:00:00+00:00", failing=False)
    users = {"boss": "all", "north": "{demo: [North]}"}
    lines = [f"  {name}: {{password: '{hashed}', sees: {sees}}}" for name, sees in users.items()]
    (root / "users.yaml").write_text("\n".join(["users:", *lines]))
    with serving(outputs, root / "log.txt", "--users", str(root / "users.yaml")) as (address, _):
        readers = {name: Reader(address) for name in users}
        for name in users:
            assert readers[name].log_in(name, "correct horse battery")[0] == 303
        yield readers, root / "log.txt", outputs


EDITION = f"/demo/latest/{'/'.join(OLD)}"
ABSENT = "/demo/latest/north/forecasting"


def test_an_edition_is_shown_with_its_day_in_place_of_the_page(served):
    status, _, page = served[0]["boss"].ask(EDITION)
    assert status == 200 and "This page is of 1 Oct 2026: its update failed." in page and "Old revenue rose" in page
    assert "as of <b>1 Oct 2026</b>" in page and "as of <b>15 Nov 2026</b>" not in page
    digest = page_frame.digest([REVENUE])
    assert f"figures {digest}" in page and ">Explore<" not in page
    assert "of 1 Oct 2026</small>" in served[0]["boss"].ask("/demo/latest")[2]


def test_a_page_without_an_earlier_one_is_absent_with_a_plain_sentence(served):
    boss = served[0]["boss"]
    status, _, card = boss.ask(ABSENT)
    assert status == 404 and "Forecasting has no page for North in this run" in card and page_frame.NO_PAGE in card
    assert page_frame.NO_PAGE in boss.ask("/demo/latest")[2] and page_frame.NO_PAGE in boss.ask("/")[2]
    assert "Forecasting <small>no page</small>" in boss.ask("/demo/latest/north/executive_brief")[2]


def test_no_reader_is_shown_the_error_and_the_operators_log_has_it(served):
    readers, log, outputs = served
    for path in ("/", "/demo/latest", f"/demo/{LAST}", EDITION, f"{EDITION}/compare", ABSENT, "/search?q=revenue"):
        assert ERROR not in readers["boss"].ask(path)[2] and "ValueError" not in readers["boss"].ask(path)[2], path
    assert f"demo/{LAST}: north/forecasting failed: {ERROR}; it has no page" in log.read_text()
    assert f"{'/'.join(OLD)} failed: {ERROR}; its page of {FIRST} stands in" in log.read_text()


def test_who_may_not_see_a_region_sees_no_edition_of_it(served):
    north = served[0]["north"]
    for path in (EDITION, f"{EDITION}/compare", f"/demo/{LAST}/{'/'.join(OLD)}"):
        assert north.ask(path)[0] == 404
    assert "United Kingdom" not in north.ask("/demo/latest")[2] and "1 Oct" not in north.ask("/demo/latest")[2]


def test_an_edition_is_compared_with_the_run_before_its_own(served):
    page = served[0]["boss"].ask(f"{EDITION}/compare")[2]
    assert "This run looks from 1 Oct 2026, the one before from 1 Sep 2026" in page
    shelf = Shelf(served[2])
    assert shelf.before(shelf.find("demo", LAST), *OLD).name == "2026-09-01"


def test_what_a_search_finds_on_an_edition_says_of_which_day_it_is(served):
    shelf, kept = Shelf(served[2]), prerender.Prerenderer(served[2])
    kept.make(shelf.notebook("demo", LAST, *OLD))
    hits = search.find(shelf, kept, "old revenue")["hits"]
    assert {hit["page"] for hit in hits} == {"Market research of 1 Oct 2026"}
    run = shelf.find("demo", LAST)
    assert run.kpis(*OLD)["revenue"]["value"] == 900_000  # the edition's own, of which the run's figures hold nothing
    assert not run.kpis(OLD[0]) and run.kpis("company")["revenue"]["value"] == 1_100_000


def test_a_link_to_a_page_that_the_run_does_not_have_is_a_plain_word(served):
    page = served[0]["boss"].ask("/demo/latest/north/executive_brief")[2]
    assert f'href="/demo/{LAST}/north/market_research#main">See it in market_research →' in page
    assert "See it in forecasting (no page in this run)" in page
    assert f"{LAST}/north/forecasting" not in page


def test_an_older_page_leads_to_no_edition_of_itself(served):
    boss = served[0]["boss"]
    assert "This is an older run" not in boss.ask(f"/demo/{FIRST}/{'/'.join(OLD)}")[2]
    assert "This is an older run" in boss.ask(f"/demo/2026-09-01/{'/'.join(OLD)}")[2]
