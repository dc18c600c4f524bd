"""What a power cut or a bad disk leaves of a company's files: the next run goes on, and says what it did without."""

import json
import shutil

import pandas as pd
import pytest

import damages
from acme import put_back, run_once
from quarterdeck import cli
from quarterdeck.batch import finished, folders, record
from quarterdeck.commands import run
from test_ledger_kept import FORECAST

BRIEF = ["--notebook", "executive_brief"]


@pytest.fixture(scope="module")
def once(tmp_path_factory, forking_process):
    """A company that has run once, and whose notebook forecasts."""
    return run_once(tmp_path_factory.mktemp("cut") / "acme", forking_process.address, *BRIEF, executive_brief=FORECAST)


@pytest.fixture
def ran(once, monkeypatch, forking_process):
    """The company as that run left it, which is the working directory."""
    return put_back(once, monkeypatch, forking_process.address)


def states(acme):
    return {e["state"] for e in finished.record(acme.out / "acme" / "latest")["notebooks"]}


def test_a_record_that_cannot_be_read_costs_no_page_and_latest_moves_on(ran):
    first = (ran.out / "acme" / "latest").resolve()
    text = (first / "run.json").read_bytes()
    damages.of_any_json(text)["cut at 80 %"](first / "run.json")
    assert cli.main(ran.command(*BRIEF)) == 0
    assert (ran.out / "acme" / "latest").resolve() != first
    assert states(ran) == {"fresh"}  # what its pages are made of stands in themselves


def test_a_page_that_was_cut_short_is_made_again_and_the_others_are_taken_over(ran):
    page = (ran.out / "acme" / "latest").resolve() / "north" / "executive_brief.ipynb"
    page.write_bytes(page.read_bytes()[:500])
    assert cli.main(ran.command(*BRIEF)) == 0
    again = finished.record(ran.out / "acme" / "latest")["notebooks"]
    assert {e["region"]: e["state"] for e in again} == {"company": "fresh", "north": "done", "south": "fresh"}
    assert finished.notebook(ran.out / "acme" / "latest" / "north" / "executive_brief.ipynb")["cells"]


@pytest.mark.parametrize("note", [b"", b"[]", b'{"asked": 3}', b"\xff"])
def test_a_note_of_inputs_that_cannot_be_read_means_that_all_is_looked_at(ran, note):
    (ran.out / "acme" / "latest" / "inputs.json").write_bytes(note)
    args = cli.parser().parse_args(ran.command(*BRIEF))
    assert run.stands(args) is None


CUTS = {
    "nothing": lambda b: b"",
    "half": lambda b: b[: len(b) // 2],
    "zeroes": lambda b: bytes(len(b)),
    "text": lambda b: b"x",
}


@pytest.mark.parametrize("cut", CUTS)
def test_history_and_ledger_come_back_from_their_copies(ran, cut, capsys):
    company = ran.out / "acme"
    before = {name: pd.read_parquet(company / name) for name in record.TABLES}
    for name in record.TABLES:
        (company / name).write_bytes(CUTS[cut]((company / name).read_bytes()))
    run.restore(company)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and all("could not be read; its last good copy was taken" in line for line in lines)
    for name, rows in before.items():
        assert len(rows) and pd.read_parquet(company / name).equals(rows)
    run.restore(company)
    assert capsys.readouterr().out == ""


def test_a_run_says_in_one_line_that_it_took_the_copy_and_adds_to_it(ran, capsys):
    company = ran.out / "acme"
    rows = {name: len(pd.read_parquet(company / name)) for name in record.TABLES}
    (company / record.TABLES[1]).write_bytes(b"")
    assert cli.main(ran.command(*BRIEF, "--force")) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "last good copy" in line]
    assert len(said) == 1 and "forecast_ledger.parquet" in said[0]
    for name, count in rows.items():
        assert len(pd.read_parquet(company / name)) == 2 * count == len(pd.read_parquet(record._copy(company / name)))


def test_without_a_good_copy_the_file_stays_and_is_named(ran, capsys):
    ledger = ran.out / "acme" / record.TABLES[1]
    ledger.write_bytes(b"x")
    record._copy(ledger).write_bytes(b"")
    assert cli.main(ran.command(*BRIEF, "--force")) == 2
    assert (
        "forecast_ledger.parquet cannot be read as Parquet" in capsys.readouterr().err and ledger.read_bytes() == b"x"
    )


def test_whatever_the_latest_record_is_a_run_moves_latest_on(tmp_path, ran):
    latest = (ran.out / "acme" / "latest").resolve()
    facts = json.loads((latest / "run.json").read_text())
    for name, damage in damages.of_any_json((latest / "run.json").read_bytes()).items():
        damage(latest / "run.json")
        assert record._covers(ran.out / "acme" / "latest", facts), name
        assert not record._looks_back(latest, facts), name
        folders.clear(ran.out / "acme", tmp_path)
        assert latest.is_dir(), name  # nothing is removed for a record that cannot be read
        shutil.rmtree(latest / "run.json") if (latest / "run.json").is_dir() else (latest / "run.json").unlink()
        (latest / "run.json").write_text(json.dumps(facts))
