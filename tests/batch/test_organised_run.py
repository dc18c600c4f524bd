"""Does a run of an organisation find its units, make their pages, hold their sums to the cent, and run again what moved?"""

import json

import pytest

from quarterdeck import cli
from quarterdeck.batch.plan import plan, region_files

TREE = """  organisation: |
    SELECT * FROM (VALUES ('all', NULL, 'Acme'), ('E', 'all', 'Europe'), ('N', 'E', 'North'), ('S', 'E', 'South'),
                          ('O', 'N', 'Oslo')) t(unit_id, parent_id, name)
  assignments: |
    SELECT * FROM (VALUES ('account', 'C1', 'O', NULL, NULL), ('rep', 'R2', 'S', NULL, NULL))
    t(kind, id, unit_id, valid_from, valid_to)
"""
# North: 200.50 + 40.25 = 240.75, all of it Oslo's; South: 310 - 100 = 210; Europe, and the company: 450.75.
SUMS = {"company": 450.75, "europe": 450.75, "north": 240.75, "oslo": 240.75, "south": 210.0}
ONLY = ["--notebook", "executive_brief"]


@pytest.fixture
def organised(acme, monkeypatch):
    """The company with a tree of three levels, and a file that names a unit by its id."""
    for stem in ("company", "south"):
        (acme.params / f"{stem}.yaml").unlink()
    acme.replace("source.yaml", "title: Acme\n", "title: Acme\nregions: all\n")
    acme.replace("source.yaml", "tables:\n", f"tables:\n{TREE}")
    acme.replace("north.yaml", "region: North\n", "region: N\n")
    monkeypatch.chdir(acme.root)
    return acme


def facts(acme):
    return json.loads((acme.out / "acme" / "latest" / "run.json").read_text())


def revenue(run):
    return {k["region"]: k["value"] for k in run["kpis"] if k["metric"] == "revenue"}


def test_a_run_makes_pages_of_every_unit_and_holds_each_level_to_the_cent(organised, capsys):
    assert cli.main(organised.command(*ONLY)) == 0, capsys.readouterr()
    run = facts(organised)
    assert revenue(run) == SUMS
    sums = [c for c in run["reconciliation"] if c["check"] == "regions add up" and c["metric"] == "revenue"]
    assert all(c["ok"] for c in run["reconciliation"]) and {c["region"] for c in sums} == {"company", "europe", "north"}
    assert run["organisation"]["view"] == "as it was" and run["organisation"]["parents"]["Oslo"] == "North"
    named = {e["region"]: e["parameters"]["region"] for e in run["notebooks"]}
    assert named["north"] == "North"  # its file says N
    assert "no file" not in capsys.readouterr().out


def test_what_moved_runs_again_and_nothing_else(organised, capsys):
    """C1 goes from Oslo to South on 1 August, after its order: as it was only the accounts change, today all of it is South's."""
    assert cli.main(organised.command(*ONLY)) == 0
    capsys.readouterr()
    assert cli.main(organised.command("--dry-run", *ONLY)) == 0
    assert "would run" not in capsys.readouterr().out
    organised.replace("source.yaml", "('account', 'C1', 'O', NULL, NULL)", MOVED)
    assert cli.main(organised.command(*ONLY)) == 0, capsys.readouterr()
    assert revenue(facts(organised)) == SUMS
    organised.replace("source.yaml", "title: Acme\n", "title: Acme\nview: today\n")
    assert cli.main(organised.command(*ONLY)) == 0, capsys.readouterr()
    run = facts(organised)
    # Oslo and North have nothing left but what names them itself: South has all, 450.75.
    assert run["organisation"]["view"] == "today" and revenue(run)["south"] == revenue(run)["company"] == 450.75


MOVED = "('account', 'C1', 'O', NULL, DATE '2026-07-31'), ('account', 'C1', 'S', DATE '2026-08-01', NULL)"


@pytest.mark.parametrize("asked", ["N", "North", "north"])
def test_a_unit_may_be_asked_for_by_its_id_name_or_file(organised, asked):
    known = {"N": "North", "North": "North", "Oslo": "Oslo", "O": "Oslo"}
    (job,) = plan(organised.params, organised.notebooks, [asked], ["executive_brief"], known)
    assert (job.region, job.parameters["region"]) == ("north", "North")
    assert set(region_files(organised.params, known)) == {"company", "north", "oslo"}


def test_a_unit_that_is_not_there_is_refused_with_those_that_are(organised, capsys):
    organised.replace("north.yaml", "region: N\n", "region: Nord\n")
    assert cli.main(organised.command(*ONLY)) == 2
    assert "there is no region 'Nord' in the data; it has Europe, North, Oslo, South." in capsys.readouterr().err
