"""Is every break between the figures of a run found, and named with both places and both values?"""

import copy
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acme import Acme
from quarterdeck import cli
from quarterdeck.batch.reconcile import reconcile, say, untried
from quarterdeck.publish.access.shelf import Shelf
from quarterdeck.publish.pages import page_frame

# Two notebooks that say what they mean: the forecast is 600, of which 150 and the revenue make up the company's.
FORECAST = """from quarterdeck.analysis.forecasting import ledger
import pandas as pd
kpis = measure(desk, "revenue", "forecast_p50", "forecast_to_come")
end = kpis["value"].iloc[0] + 150
kpis["value"] = [kpis["value"].iloc[0], end, 150.0]
row = {"metric": ["revenue"], "p10": [end - 9], "p50": [end], "p90": [end + 9]}
spans = {"period_start": [desk.period.start], "period_end": [desk.period.end]}
show(tables.published, desk.ask(ledger.published, forecasts=pd.DataFrame(row | spans)))
show(tables.kpi_tiles, kpis)"""
TWO = ["--notebook", "executive_brief", "market_research"]
REGIONS = {"company": "company", "north": "North", "south": "South"}


@pytest.fixture(scope="module")
def acme_run(tmp_path_factory, forking_process):
    """A real run of three regions and two pages, and what its run.json says."""
    acme = Acme(tmp_path_factory.mktemp("reconcile"))
    acme.write_notebook("executive_brief", FORECAST)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(acme.root)
        patch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
        assert cli.main(acme.command(*TWO)) == 0
    return json.loads((acme.out / "acme/latest/run.json").read_text())


def apart(facts):
    checks = reconcile(facts["kpis"], REGIONS, 2, facts["forecasts"])
    return [say(c) for c in checks if not c["ok"]]


def broken(facts, region, notebook, metric, value):
    """Give the run with one recorded figure changed."""
    facts = copy.deepcopy(facts)
    (row,) = [k for k in facts["kpis"] if (k["region"], k["notebook"], k["metric"]) == (region, notebook, metric)]
    row["value"] = value
    return facts


def test_a_whole_run_holds_every_kind_of_check_and_none_is_broken(acme_run):
    checks = acme_run["reconciliation"]
    assert all(c["ok"] for c in checks) and not apart(acme_run)
    assert {c["check"] for c in checks} == {
        "same on every page",
        "one fact, one value",
        "regions add up",
        "what is in leads to the forecast",
        "the forecast is published as shown",
    }


def test_two_pages_that_differ_are_both_named(acme_run):
    found = apart(broken(acme_run, "north", "market_research", "customers_active", 7.0))
    assert not found  # only market_research shows it: nothing to compare, and it does not add up over regions
    found = apart(broken(acme_run, "north", "market_research", "revenue", 240.0))
    assert found == ["revenue of north: same on every page: market_research 240.00, executive_brief 240.75"]


def test_regions_that_do_not_add_up_are_named_with_both_sums(acme_run):
    both = broken(acme_run, "north", "market_research", "revenue", 241.75)
    both = broken(both, "north", "executive_brief", "revenue", 241.75)
    # 241.75 + 210 = 451.75, and North's forecast is still 240.75 + 150 = 390.75 where 391.75 would follow
    assert apart(both) == [
        "revenue of company: regions add up: the regions together 451.75, company 450.75",
        "forecast_p50 of north: what is in leads to the forecast: revenue and what is to come, on executive_brief, 391.75, "
        "executive_brief 390.75",
    ]


def test_a_remainder_that_does_not_lead_to_the_forecast_is_named(acme_run):
    found = apart(broken(acme_run, "company", "executive_brief", "forecast_to_come", 151.0))
    assert found == [
        "forecast_p50 of company: what is in leads to the forecast: revenue and what is to come, on executive_brief, 601.75, "
        "executive_brief 600.75"
    ]


def test_a_forecast_published_otherwise_than_shown_is_named(acme_run):
    facts = copy.deepcopy(acme_run)
    (forecast,) = [f for f in facts["forecasts"] if f["region"] == "South"]
    forecast["p50"] = 333.0
    assert apart(facts) == [
        "forecast_p50 of south: the forecast is published as shown: executive_brief 360.00, the forecasts of executive_brief "
        "333.00"
    ]


def test_a_break_fails_the_run_in_one_line(acme, capsys):
    acme.write_notebook("executive_brief", FORECAST.replace("end, 150.0]", "end, 155.0]"))
    assert cli.main(acme.command("--notebook", "executive_brief", "--region", "North")) == 1
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("does not reconcile")]
    assert said == [
        "does not reconcile: forecast_p50 of north: what is in leads to the forecast: revenue and what is to come, on "
        "executive_brief, 395.75, executive_brief 390.75"
    ]


def test_the_command_and_the_page_say_the_same_of_a_run_in_part(acme, capsys):
    assert cli.main(acme.command("--region", "company", *TWO)) == 0
    run = Shelf(acme.out).find("acme", "latest") or Shelf(acme.out).runs("acme")[0]
    foot = page_frame.summary(run, run.name, datetime.now(UTC))["reconciled"]
    assert foot.startswith("reconciled in part: ") and foot.endswith("; the regions were not held against the company")
    assert foot in capsys.readouterr().out.splitlines()


PAGES = ["executive_brief", "market_research", "customers"]
WHERE = {"revenue": PAGES[:2], "pipeline_open": PAGES[1:], "bookings": PAGES[2:]}
WORTH = {"company": 10.0, "north": 4.0, "south": 6.0}


@settings(max_examples=60, deadline=None)
@given(st.sets(st.tuples(st.sampled_from(list(WORTH)), st.sampled_from(PAGES))))
def test_whichever_pages_fail_no_sum_is_said_to_differ_and_every_one_is_checked_or_named(failed):
    rows = [
        {"region": region, "notebook": page, "metric": metric, "value": WORTH[region]}
        for metric, pages in WHERE.items()
        for page in pages
        for region in WORTH
        if (region, page) not in failed
    ]
    checks = reconcile(rows, REGIONS, 2, failed=sorted(failed))
    left = {c["metric"]: c["failed"] for c in untried(rows, REGIONS, 2, sorted(failed))}
    sums = {c["metric"] for c in checks if c["check"] == "regions add up"}
    assert all(c["ok"] for c in checks)
    shown = {metric: {r["region"] for r in rows if r["metric"] == metric} for metric in WHERE}
    assert sums == {m for m, regions in shown.items() if regions == set(WORTH)} and sums.isdisjoint(left)
    assert set(left) == {m for m, regions in shown.items() if regions and regions != set(WORTH)}
    assert all(tuple(page.split("/")) in failed for pages in left.values() for page in pages)


UNITS = {"company": "company", "north": "North", "oslo": "Oslo", "bergen": "Bergen", "south": "South"}
TREE = [["company", ["North", "South"]], ["company", ["Bergen", "Oslo", "South"]], ["North", ["Bergen", "Oslo"]]]
OF_UNITS = {"company": 10.0, "north": 4.0, "south": 6.0, "oslo": 1.25, "bergen": 2.75}  # 1.25 + 2.75 = 4; 4 + 6 = 10


def of_units(metric="revenue", **changed):
    rows = [{"region": r, "notebook": "executive_brief", "metric": metric, "value": v} for r, v in OF_UNITS.items()]
    return [row | {"value": changed.get(row["region"], row["value"])} for row in rows]


def test_units_of_each_level_are_held_to_the_company_and_to_the_unit_above():
    checks = reconcile(of_units(), UNITS, 4, tree=TREE)
    assert [(c["region"], c["ok"]) for c in checks] == [("company", True), ("company", True), ("north", True)]
    wrong = [say(c) for c in reconcile(of_units(oslo=1.2), UNITS, 4, tree=TREE) if not c["ok"]]
    assert wrong == [
        "revenue of company: regions add up: the regions together 9.95, company 10.00",
        "revenue of north: regions add up: the regions together 3.95, north 4.00",
    ]


def test_what_a_unit_may_have_of_its_own_is_held_to_the_company_alone():
    """North's lead commits to 4 though its teams commit to 3: of a call, a unit's own goes first."""
    assert all(c["ok"] for c in reconcile(of_units("lead_commit", bergen=1.75), UNITS, 4, tree=TREE))
    assert not all(c["ok"] for c in reconcile(of_units("lead_commit", north=3.0), UNITS, 4, tree=TREE))


def test_a_unit_that_was_not_run_or_failed_leaves_the_sums_that_need_it_untried():
    some = {file: name for file, name in UNITS.items() if file != "bergen"}
    assert len(reconcile([r for r in of_units() if r["region"] != "bergen"], some, 4, tree=TREE)) == 1
    rows, failed = [r for r in of_units() if r["region"] != "oslo"], [("oslo", "executive_brief")]
    left = untried(rows, UNITS, 4, failed, TREE)
    assert [(c["region"], c["failed"]) for c in left] == [
        ("company", ["oslo/executive_brief"]),
        ("north", ["oslo/executive_brief"]),
    ]
    assert [c["region"] for c in reconcile(rows, UNITS, 4, failed=failed, tree=TREE)] == ["company"]
