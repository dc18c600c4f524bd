"""Does a page that fails hold back no other, and does its last good edition stand in for it, marked and counted nowhere?"""

import json
import shutil

import pandas as pd
import pytest

from acme import Acme
from fake_runs import serving
from quarterdeck import cli
from reader import Reader

NAMES = {"company": "company", "north": "North", "south": "South"}
TWO = ["executive_brief", "market_research"]
ALL = {(region, notebook) for region in NAMES for notebook in TWO}
SHOW = 'show(tables.kpi_tiles, measure(desk, "revenue", "customers_active"))'
FORECAST = """from quarterdeck.analysis.forecasting import ledger
import pandas as pd
row = {"metric": ["revenue"], "p10": [300.0], "p50": [400.0], "p90": [500.0]}
spans = {"period_start": [desk.period.start], "period_end": [desk.period.end]}
show(tables.published, desk.ask(ledger.published, forecasts=pd.DataFrame(row | spans)))"""


class Company(Acme):
    """A company whose pages fail on demand, with their code and their data as they were."""

    def __init__(self, root):
        super().__init__(root)
        self.sold = 310
        for notebook in TWO:
            fails = f"if f'{{region}}/{notebook}' in open({str(root / 'broken')!r}).read(): raise ValueError('SECRET')"
            self.write_notebook(notebook, fails, SHOW, FORECAST)
        self.break_down(set())

    def break_down(self, pages):
        """Let these pages fail, and no others."""
        (self.root / "broken").write_text(" ".join(f"{NAMES[region]}/{notebook}" for region, notebook in pages))

    def run(self, *more, notebooks=TWO[1:]):
        return cli.main(self.command("--notebook", *notebooks, *more))

    def sell(self):
        """Change what South sold, so that its pages and the company's are to run again."""
        self.replace("invoices.csv", f",{self.sold}.00", f",{self.sold + 10}.00")
        self.sold += 10

    def facts(self, run="latest"):
        return json.loads((self.out / "acme" / run / "run.json").read_text())

    def entries(self, run="latest"):
        return {(e["region"], e["notebook"]): e for e in self.facts(run)["notebooks"]}

    def table(self, name):
        return pd.read_parquet(self.out / "acme" / f"{name}.parquet")

    def page(self, run, region, notebook):
        return self.out / "acme" / run / region / f"{notebook}.ipynb"


@pytest.fixture(scope="module")
def once(tmp_path_factory, forking_process):
    """A company of which one notebook has run, and beside its folder a copy of it."""
    company = Company(tmp_path_factory.mktemp("editions") / "acme")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
        patch.chdir(company.root)
        assert company.run() == 0
    shutil.copytree(company.root, company.root.with_name("copy"), symlinks=True)
    return company


@pytest.fixture
def company(once, monkeypatch, forking_process):
    """The company as that run left it, which is the working directory."""
    shutil.rmtree(once.root)
    shutil.copytree(once.root.with_name("copy"), once.root, symlinks=True)
    once.sold = 310
    monkeypatch.chdir(once.root)
    monkeypatch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
    return once


def test_an_edition_keeps_its_own_age_through_failing_runs_and_gives_way_to_the_next_whole_page(company, capsys):
    first, south = company.facts(), ("south", "market_research")
    company.break_down([south])
    for changed in (True, True, False):  # the last time nothing but the failure speaks for another run
        if changed:
            company.sell()
        before = company.facts()["run"]
        assert company.run() == 1
        entry, recorded = company.entries()[south], company.facts()
        assert recorded["run"] != before  # `latest` has moved on
        assert entry["state"] == "failed" and "SECRET" in entry["error"]
        edition = {k: first[k] for k in ("run", "as_of", "created_at", "snapshot", "library")}
        assert {k: v for k, v in entry["edition"].items() if k != "kpis"} == edition
        assert company.page(recorded["run"], *south).samefile(company.page(first["run"], *south))
        assert [e for e in company.entries().values() if "edition" in e] == [entry]
        printed = capsys.readouterr().out
        assert "SECRET; its page of 2026-08-20 (run" in printed and "nothing has changed" not in printed
        assert "could not be reconciled: revenue over the regions: south/market_research failed" in printed
        assert "does not reconcile" not in printed
        counted_nowhere(company, "South", "south")
    company.break_down([])
    assert company.run() == 0
    assert {key for key, e in company.entries().items() if e["state"] == "done"} == {south}
    assert not [e for e in company.entries().values() if "edition" in e]


def counted_nowhere(company, region, stem):
    """Hold that a region whose only page failed is in neither history nor ledger nor the checks of the latest run."""
    recorded = company.facts()
    for name in ("kpi_history", "forecast_ledger"):
        rows = company.table(name)
        assert set(rows[rows["run"] == recorded["run"]]["region"]) == set(NAMES.values()) - {region}, name
    assert {k["region"] for k in recorded["kpis"]} == set(NAMES) - {stem}
    assert all(c["ok"] and c["region"] != stem for c in recorded["reconciliation"])


def test_what_is_whole_is_published_and_a_run_of_which_nothing_is_moves_nothing(tmp_path, monkeypatch, forking_process):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
    company = Company(tmp_path)
    company.break_down(
        broken := {("south", "executive_brief"), ("north", "executive_brief"), ("north", "market_research")}
    )
    assert company.run(notebooks=TWO) == 1
    recorded, entries = company.facts(), company.entries()
    assert {key for key, e in entries.items() if e["state"] == "done"} == ALL - broken
    assert {key for key in ALL if company.page("latest", *key).exists()} == ALL - broken  # nothing can stand in
    assert {n["metric"]: n["failed"] for n in recorded["not_reconciled"]}["revenue"] == [
        "north/executive_brief",
        "north/market_research",
    ]
    company.break_down(ALL)
    assert company.run("--force", notebooks=TWO) == 1
    assert company.facts() == recorded and len(list((company.out / "acme").glob("20*"))) == 2


def test_an_edition_outlives_neither_its_region_nor_the_day_that_is_looked_from(company):
    first = company.facts()["run"]
    company.break_down([("north", "market_research"), ("south", "market_research")])
    assert company.run("--as-of", "2026-08-11") == 1
    (back,) = {p.name for p in (company.out / "acme").glob("20*")} - {first}
    assert not [e for e in company.entries(back).values() if "edition" in e]  # none from after that day
    for file in ("invoices.csv", "clients.csv", "sellers.csv"):
        text = (company.data / file).read_text()
        (company.data / file).write_text(text.replace("South", "West").replace("200.50", "201.50"))
    south = company.params / "south.yaml"
    south.write_text("company: acme\nregion: West\n")  # the file stands for another region from now on
    (company.root / "broken").write_text("North/market_research West/market_research")
    assert company.run() == 1
    entries = company.entries()
    assert "edition" in entries["north", "market_research"] and "edition" not in entries["south", "market_research"]
    assert not company.page("latest", "south", "market_research").exists()
    south.unlink()
    assert company.run() == 1
    assert {region for region, _ in company.entries()} == {"company", "north"}
    assert not (company.out / "acme/latest/south").exists()


def test_a_run_in_part_prints_the_address_of_each_page_and_readers_find_it(company, capsys, tmp_path):
    whole = company.facts()["run"]
    capsys.readouterr()
    assert company.run("--region", "North", "company", notebooks=TWO[:1]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  http")]
    (run,) = {p.name for p in (company.out / "acme").glob("20*")} - {whole}
    paths = [f"/acme/{run}/{region}/executive_brief" for region in ("north", "company")]
    assert lines == [f"http://127.0.0.1:8866{path}" for path in paths] and company.facts()["run"] == whole
    with serving(company.out, tmp_path / "log.txt") as (address, _):
        reader = Reader(address)
        assert f'<a href="/acme/{run}">' in reader.ask("/")[2]
        shown = reader.ask(f"/acme/{run}")[2]
        for path in paths:
            assert f'href="{path}"' in shown and reader.ask(path)[0] == 200
