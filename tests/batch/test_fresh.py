"""Does a notebook run again when, and only when, what it is made of has changed?"""

import json
import os

import pytest

from acme import Acme, put_back, run_once
from quarterdeck import cli
from quarterdeck.batch import incremental, unchanged

TWO = ["--notebook", "executive_brief", "market_research"]


@pytest.fixture(scope="module")
def once(tmp_path_factory, forking_process):
    """A company whose two notebooks have run for its regions."""
    return run_once(tmp_path_factory.mktemp("fresh") / "acme", forking_process.address, *TWO)


@pytest.fixture
def ran(once, monkeypatch, forking_process):
    """The company as that run left it, which is the working directory."""
    return put_back(once, monkeypatch, forking_process.address)


def states(acme, run="latest"):
    recorded = json.loads((acme.out / "acme" / run / "run.json").read_text())
    return {(e["region"], e["notebook"]): e["state"] for e in recorded["notebooks"]}


def ran_again(acme):
    return {key for key, state in states(acme).items() if state == "done"}


def pages(*regions):
    return {(r, n) for r in regions for n in ("executive_brief", "market_research")}


def touch(path):
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def test_an_unchanged_company_is_not_even_read_again(ran, capsys, monkeypatch):
    monkeypatch.setattr("quarterdeck.data.source.read", None)
    before = sorted(p.name for p in (ran.out / "acme").iterdir())
    assert cli.main(ran.command(*TWO)) == 0
    assert capsys.readouterr().out.startswith("nothing has changed since") and before == sorted(
        p.name for p in (ran.out / "acme").iterdir()
    )


def test_a_file_that_was_touched_but_holds_the_same_counts_as_unchanged(ran, monkeypatch):
    monkeypatch.setattr("quarterdeck.data.source.read", None)
    touch(ran.data / "invoices.csv")
    assert cli.main(ran.command(*TWO)) == 0


def test_rows_of_one_region_run_that_region_and_the_company_again(ran):
    ran.replace("invoices.csv", "310.00", "320.00")  # an invoice of South
    assert cli.main(ran.command(*TWO)) == 0
    assert ran_again(ran) == pages("company", "south")
    recorded = json.loads((ran.out / "acme" / "latest" / "run.json").read_text())
    sold = {k["region"]: k["value"] for k in recorded["kpis"] if k["metric"] == "revenue"}
    assert sold == {"company": 460.75, "north": 240.75, "south": 220.0}  # 320 − 100 for South
    assert all(c["ok"] for c in recorded["reconciliation"])


def test_a_table_that_no_notebook_reads_runs_nothing_again(ran):
    ran.replace("quotas.csv", "2026-09-30,400", "2026-09-30,450")
    assert cli.main(ran.command(*TWO)) == 0
    assert ran_again(ran) == set() and len(list((ran.out / "acme").glob("20*"))) == 2  # on the new snapshot


def test_a_changed_notebook_runs_again_for_every_region(ran):
    ran.write_notebook("market_research", 'show(tables.kpi_tiles, measure(desk, "revenue"))')
    assert cli.main(ran.command(*TWO)) == 0
    assert ran_again(ran) == {(r, "market_research") for r in ("company", "north", "south")}


def test_a_changed_parameter_runs_its_region_again(ran):
    (ran.params / "north.yaml").write_text(
        "company: acme\nregion: North\nguidelines: 2010\nserved_segments: [Navigation]\n"
    )
    assert cli.main(ran.command(*TWO)) == 0
    assert ran_again(ran) == {("north", "market_research")}  # the brief takes no such parameter


def test_force_runs_everything_again(ran):
    assert cli.main(ran.command(*TWO, "--force")) == 0
    assert ran_again(ran) == pages("company", "north", "south")


def test_a_page_that_was_taken_over_is_the_same_file_and_says_where_it_was_made(ran):
    first = (ran.out / "acme" / "latest").resolve()
    ran.replace("invoices.csv", "310.00", "320.00")
    assert cli.main(ran.command(*TWO)) == 0
    page = "north/executive_brief.ipynb"
    assert (first / page).samefile(ran.out / "acme" / "latest" / page)
    recorded = json.loads((ran.out / "acme" / "latest" / "run.json").read_text())["notebooks"]
    assert {e["made_in"] for e in recorded if e["region"] == "north"} == {first.name}


def test_a_dry_run_says_what_would_run_and_why_and_runs_nothing(ran, capsys):
    before = sorted(str(p) for p in ran.out.rglob("*"))
    ran.replace("invoices.csv", "310.00", "320.00")
    assert cli.main(ran.command(*TWO, "--dry-run")) == 0
    printed = capsys.readouterr().out
    assert "would run south/executive_brief: rows of orders have changed" in printed
    assert "4 notebooks would run, 2 pages would be taken over" in printed
    assert before == sorted(str(p) for p in ran.out.rglob("*"))


def test_another_day_to_look_from_is_a_reason(ran, capsys):
    assert cli.main(ran.command(*TWO, "--as-of", "2026-08-15", "--dry-run")) == 0
    assert "would run north/executive_brief: the day it looks from has changed" in capsys.readouterr().out


def test_the_modules_that_a_notebook_reaches_are_those_it_imports_and_what_they_import(tmp_path):
    acme = Acme(tmp_path)
    acme.write_notebook("forecasting", "from quarterdeck.analysis.forecasting import quarter_end")
    reached = incremental.reached(acme.notebooks / "forecasting.ipynb")
    assert {
        "quarterdeck.analysis.forecasting.quarter_end",
        "quarterdeck.data.contract",
        "quarterdeck.present.style",
    } <= reached
    assert not {
        n
        for n in reached
        if n.startswith(("quarterdeck.batch", "quarterdeck.publish", "quarterdeck.commands", "quarterdeck.cli"))
    }
    assert "quarterdeck.present.charts.market" not in reached


def test_library_code_that_is_used_is_a_reason_and_other_code_is_none(ran, capsys, monkeypatch):
    text = incremental._text
    for module, reason in (("quarterdeck.data.contract", True), ("quarterdeck.present.charts.market", False)):
        with monkeypatch.context() as patch:  # in place of an edit of the library that is under test
            patch.setattr(incremental, "_text", lambda name, module=module: text(name) + "# edited" * (name == module))
            patch.setattr(unchanged, "since", lambda *_: None)
            assert cli.main(ran.command(*TWO, "--dry-run")) == 0
        assert ("library code that it uses has changed" in capsys.readouterr().out) == reason


ENTRY = '        Metric("{0}", "{1}", "Σ", "money", "higher", "s", ("orders.revenue",), targets.revenue),\n'
ASKS = {
    "plainly": 'measure(desk, "revenue", "customers_active")',
    "by a list": 'first = ["revenue"]\nfirst += ["customers_active"]\nmeasure(desk, *first)',
    "in the past": 'trail(desk, "revenue")\nmeasure(desk, "customers_active")',
}
HIDES = {
    "made up": 'measure(desk, f"rev{1}")',
    "given": "measure(desk, region)",
    "all": "from quarterdeck.analysis.brief.metrics import METRICS\nmeasure(desk, *METRICS)",
    "handed on": 'ask = measure\nask(desk, "hhi")',
    "listed elsewhere": "first = list(region)\nmeasure(desk, *first)",
    "by another name": 'from quarterdeck.analysis.brief.metrics import measure as m\nm(desk, "hhi")',
    "joined": 'measure(desk, *("reve" + "nue").split())',
    "a magic": "%time measure(desk, 'revenue')",
}


def changed_by(monkeypatch, notebook, old, new):
    """Tell whether an edit of the registry changes what a notebook is made of."""
    text, before = incremental._text(incremental.REGISTRY), incremental.library(notebook)
    assert old in text
    with monkeypatch.context() as patch:  # in place of an edit of the library that is under test
        real = incremental._text
        patch.setattr(
            incremental, "_text", lambda n: text.replace(old, new, 1) if n == incremental.REGISTRY else real(n)
        )
        return incremental.library(notebook) != before


@pytest.mark.parametrize("code", ASKS.values(), ids=ASKS)
def test_an_edit_of_a_metric_is_a_reason_for_the_pages_that_show_it(tmp_path, monkeypatch, code):
    acme = Acme(tmp_path)
    acme.write_notebook("market_research", "from quarterdeck.analysis.brief.metrics import measure, trail", code)
    page = acme.notebooks / "market_research.ipynb"
    for edited in (
        '"Revenue",',
        '"Active customers",',
        '"Forecast, low end",',
        "def _measured(desk: Desk, metric: Metric, known: dict, period: Period) -> dict:",
        "FIELDS = (",
    ):
        assert changed_by(monkeypatch, page, edited, f"{edited}  # edited\n"), edited
    for other in ('"Concentration (HHI)",', '"Win rate",', '"Open pipeline",'):
        assert not changed_by(monkeypatch, page, other, other.upper()), other
    first = '        Metric(\n            "revenue",'
    assert not changed_by(monkeypatch, page, first, ENTRY.format("new", "New") + first)


SHOWS = {  # the metrics that a page shows, the modules that compute them, and some that compute others
    "plain ids": (
        ["revenue", "market_share"],
        {"sales.revenue", "market.market_share"},
        {"customers.retention", "initiatives.results", "methods.lifetimes", "team.performance"},
    ),
    "part of an id": (
        ["forecast_p50"],
        {"forecasting.quarter_end"},
        {"customers.retention", "initiatives.results", "methods.lifetimes"},
    ),
    "no part of one": (
        ["initiative_roi"],
        {"initiatives.results"},
        {"customers.retention", "methods.lifetimes", "sales.revenue"},
    ),
}


@pytest.mark.parametrize(("ids", "used", "others"), SHOWS.values(), ids=SHOWS)
def test_an_edit_of_what_computes_a_metric_is_a_reason_for_the_pages_that_show_it(
    tmp_path, monkeypatch, ids, used, others
):
    acme = Acme(tmp_path)
    code = f"measure(desk, {', '.join(map(repr, ids))})"
    acme.write_notebook("market_research", "from quarterdeck.analysis.brief.metrics import measure", code)
    page = acme.notebooks / "market_research.ipynb"
    text, before = incremental._text, incremental.library(page)
    for module in used | others:
        edited = f"quarterdeck.analysis.{module}"
        with monkeypatch.context() as patch:  # in place of an edit of the library that is under test
            patch.setattr(incremental, "_text", lambda name, edited=edited: text(name) + "# edited" * (name == edited))
            assert (incremental.library(page) != before) is (module in used), module


@pytest.mark.parametrize("code", HIDES.values(), ids=HIDES)
def test_where_it_cannot_be_seen_which_metrics_are_shown_any_edit_is_a_reason(tmp_path, monkeypatch, code):
    acme = Acme(tmp_path)
    acme.write_notebook("market_research", code)
    assert changed_by(monkeypatch, acme.notebooks / "market_research.ipynb", '"Win rate",', '"Rate of wins",')
