"""Are company-wide answers computed once a run, before its pages, and only where something they are made of has changed?"""

import json
import shutil

import pytest

from acme import put_back, run_once
from conftest import ROOT
from quarterdeck import cli
from quarterdeck.analysis.brief.company_wide import QUESTIONS
from quarterdeck.batch import incremental
from quarterdeck.batch.params import WORKBOOKS
from quarterdeck.data import answers

ONE = ["--notebook", "customers"]
ASKS = """from quarterdeck.analysis.customers import accounts
from quarterdeck.analysis.forecasting import landings
from quarterdeck.data.snapshot import open_desk
desk = open_desk(company, region, as_of, data)
known = desk.ask(accounts.accounts)
print(desk.ask(landings.landing)["seen"].tolist())
print(desk.region, desk.rows_read, sorted(known))"""


@pytest.fixture(scope="module")
def once(tmp_path_factory, forking_process):
    """A company whose customers' page asks for a company-wide answer."""
    return run_once(tmp_path_factory.mktemp("wide") / "acme", forking_process.address, *ONE, customers=ASKS)


@pytest.fixture
def ran(once, monkeypatch, forking_process):
    return put_back(once, monkeypatch, forking_process.address)


def kept(acme, run="latest"):
    return sorted((acme.out / "acme" / run / "data" / answers.FOLDER).iterdir())


def facts(acme):
    return json.loads((acme.out / "acme" / "latest" / "run.json").read_text())


def states(acme):
    return {e["region"]: e["state"] for e in facts(acme)["notebooks"]}


def test_an_answer_stands_beside_the_snapshot_and_each_page_notes_its_part(ran):
    names = [place.name for place in kept(ran)]
    assert [n for n in names if n.startswith("customers.accounts.accounts-")] and not any("months" in n for n in names)
    (entry,) = [e for e in facts(ran)["notebooks"] if e["region"] == "south"]
    rows = entry["made_of"]["rows"]
    held = {name for name in rows if answers.PREFIX in name}
    assert held and all(name.startswith("South ") and rows[name] for name in held)
    assert "South orders" not in rows and "company orders" not in rows  # the page has read no table itself
    record = answers.record(kept(ran)[0])
    assert {"orders", "customers"} <= set(record["rows"]) and set(record["parts"]) == {"company", "North", "South"}


def test_what_is_stored_is_the_whole_answer_and_a_page_shows_its_part(ran):
    (place,) = [p for p in kept(ran) if "landings.landing" in p.name]
    whole, tables = answers.load(place)
    assert whole.set_index("region")["seen"].to_dict() == {"company": 450.75, "North": 240.75, "South": 210.0}
    assert "orders" in tables
    page = (ran.out / "acme" / "latest" / "south" / "customers.ipynb").read_text()
    assert "[210.0]" in page and "240.75" not in page


def test_new_rows_compute_it_again_and_pages_whose_part_stays_are_taken_over(ran, capsys):
    ran.replace("invoices.csv", "310.00", "320.00")
    assert cli.main(ran.command(*ONE, "--dry-run")) == 0
    said = capsys.readouterr().out
    assert "would run north/customers: the company's answer to accounts, accounts has changed" in said
    before = [p.stat().st_ino for p in kept(ran)]
    assert cli.main(ran.command(*ONE)) == 0
    assert before != [p.stat().st_ino for p in kept(ran)]
    assert states(ran) == {"company": "done", "north": "fresh", "south": "done"}  # North's part is what it was


def test_rows_of_another_table_leave_it_as_it_is(ran):
    first = [p / answers.RECORD for p in kept(ran, (ran.out / "acme" / "latest").resolve().name)]
    ran.replace("sellers.csv", "Ada Dahl", "Ada Dahle")
    assert cli.main(ran.command(*ONE)) == 0
    assert all(a.samefile(b / answers.RECORD) for a, b in zip(first, kept(ran), strict=True))
    assert set(states(ran).values()) == {"fresh"}


def test_a_killed_run_leaves_its_answers_to_the_next(ran):
    run = (ran.out / "acme" / "latest").resolve()
    (run / "run.json").unlink()
    for region in ("company", "north", "south"):
        shutil.rmtree(run / region)
    files = {p.name: (p / answers.RECORD).stat().st_ino for p in kept(ran, run.name)}
    assert cli.main(ran.command(*ONE)) == 0
    assert {p.name: (p / answers.RECORD).stat().st_ino for p in kept(ran)} == files
    assert set(states(ran).values()) == {"done"}


def test_force_and_changed_code_compute_it_again(ran, monkeypatch, capsys):
    before = [(p / answers.RECORD).stat().st_ino for p in kept(ran)]
    assert cli.main(ran.command(*ONE, "--force")) == 0
    after = [(p / answers.RECORD).stat().st_ino for p in kept(ran)]
    assert not set(before) & set(after)
    for place in kept(ran):  # in place of an edit of the library that is under test
        record = json.loads((place / answers.RECORD).read_text())
        record["code"]["analysis/customers/accounts.py"] = "of before"
        (place / answers.RECORD).write_text(json.dumps(record))
    ran.replace("quotas.csv", "2026-09-30,400", "2026-09-30,460")
    assert cli.main(ran.command(*ONE)) == 0
    assert not {(p / answers.RECORD).stat().st_ino for p in kept(ran)} & set(after)


def test_every_question_comes_after_those_that_it_asks():
    place = {question.function: k for k, question in enumerate(QUESTIONS)}
    assert all(place[first] < place[q.function] for q in QUESTIONS for first in q.after)
    assert all(hasattr(q.function, "company_wide") for q in QUESTIONS)


def test_every_question_is_asked_by_a_notebook_with_parameters_that_it_has():
    pages = {name: incremental.reached(ROOT / "notebooks" / f"{name}.ipynb") for name in WORKBOOKS}
    for question in QUESTIONS:
        asking = [name for name, modules in pages.items() if question.function.__module__ in modules]
        assert asking, question.title
        for given in question.options.values():
            assert [name for name in asking if given in WORKBOOKS[name].model_fields], (question.title, given)
