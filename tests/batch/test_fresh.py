"""Does a notebook run again when, and only when, what it is made of has changed?"""

import json
import os
import shutil

import pytest

from acme import Acme
from quarterdeck import cli
from quarterdeck.batch import fresh, unchanged

TWO = ["--notebook", "executive_brief", "market_research"]


@pytest.fixture(scope="module")
def once(tmp_path_factory, forking_process):
    """A company whose two notebooks have run for its regions, and beside its folder a copy of it, `kept`."""
    acme = Acme(tmp_path_factory.mktemp("fresh") / "acme")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
        patch.chdir(acme.root)
        assert cli.main(acme.command(*TWO)) == 0
    shutil.copytree(acme.root, acme.root.with_name("kept"), symlinks=True)
    return acme


@pytest.fixture
def ran(once, monkeypatch, forking_process):
    """The company as that run left it, which is the working directory."""
    shutil.rmtree(once.root)
    shutil.copytree(once.root.with_name("kept"), once.root, symlinks=True)
    monkeypatch.chdir(once.root)
    monkeypatch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
    return once


def states(acme, run="latest"):
    told = json.loads((acme.out / "acme" / run / "run.json").read_text())
    return {(e["region"], e["notebook"]): e["state"] for e in told["notebooks"]}


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
    told = json.loads((ran.out / "acme" / "latest" / "run.json").read_text())
    sold = {k["region"]: k["value"] for k in told["kpis"] if k["metric"] == "revenue"}
    assert sold == {"company": 460.75, "north": 240.75, "south": 220.0}  # 320 − 100 for South
    assert all(c["ok"] for c in told["reconciliation"])


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
    told = json.loads((ran.out / "acme" / "latest" / "run.json").read_text())["notebooks"]
    assert {e["made_in"] for e in told if e["region"] == "north"} == {first.name}


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
    acme.write_notebook("forecasting", "from quarterdeck.analysis import forecast")
    reached = fresh.reached(acme.notebooks / "forecasting.ipynb")
    assert {"quarterdeck.analysis.forecast", "quarterdeck.data.contract", "quarterdeck.present.style"} <= reached
    assert not {n for n in reached if n.startswith(("quarterdeck.batch", "quarterdeck.publish", "quarterdeck.cli"))}
    assert "quarterdeck.present.charts.market" not in reached


def test_library_code_that_is_used_is_a_reason_and_other_code_is_none(ran, capsys, monkeypatch):
    text = fresh._text
    for module, reason in (("quarterdeck.data.contract", True), ("quarterdeck.present.charts.market", False)):
        with monkeypatch.context() as patch:  # in place of an edit of the library that is under test
            patch.setattr(fresh, "_text", lambda name, module=module: text(name) + "# edited" * (name == module))
            patch.setattr(unchanged, "since", lambda *_: None)
            assert cli.main(ran.command(*TWO, "--dry-run")) == 0
        assert ("library code that it uses has changed" in capsys.readouterr().out) == reason
