"""Which notebooks run for which regions?"""

import pytest

from quarterdeck.batch.plan import plan
from quarterdeck.errors import ParamsError, RunError


def names(jobs):
    return [(j.region, j.notebook) for j in jobs]


def test_the_company_comes_first_then_the_regions(acme):
    jobs = plan(acme.params, acme.notebooks, [], ["executive_brief"])
    assert names(jobs) == [("company", "executive_brief"), ("north", "executive_brief"), ("south", "executive_brief")]


@pytest.mark.parametrize("region", ["north", "North"])
def test_a_region_goes_by_its_name_or_its_files(acme, region):
    (job,) = plan(acme.params, acme.notebooks, [region, region], ["executive_brief"])
    assert (job.region, job.parameters["region"]) == ("north", "North")


def test_the_command_line_goes_before_the_file(acme):
    (acme.params / "north.yaml").write_text("company: acme\nregion: North\nas_of: 2026-07-31\n")
    (job,) = plan(acme.params, acme.notebooks, ["North"], ["executive_brief"])
    assert job.parameters["as_of"] == "2026-07-31"
    (job,) = plan(acme.params, acme.notebooks, ["North"], ["executive_brief"], as_of="2026-08-01")
    assert job.parameters["as_of"] == "2026-08-01"


def test_a_notebook_that_is_not_in_the_folder_is_named(acme):
    with pytest.raises(RunError, match="holds no forecasting.ipynb"):
        plan(acme.params, acme.notebooks, [], ["forecasting"])


@pytest.mark.parametrize(
    "written", ["NO", "off", "on", "Yes", "1", "0", "1.10", "010", "1.0e+3", "0x1F", "1_000", "12:30"]
)
def test_a_region_that_yaml_reads_as_another_thing_is_refused_with_the_way_to_write_it(acme, written):
    for line in (f"region: {written}", f"region: North\nserved_regions: [South, {written}]"):
        (acme.params / "north.yaml").write_text(f"company: acme\n{line}\n")
        with pytest.raises(ParamsError, match=r"north\.yaml: .*region.* put it in quotes, as in 'NO'\.$"):
            plan(acme.params, acme.notebooks, [], ["executive_brief"])
    (acme.params / "north.yaml").write_text(f"company: acme\nregion: '{written}'\n")
    assert written in {j.parameters["region"] for j in plan(acme.params, acme.notebooks, [], ["executive_brief"])}


@pytest.fixture
def without_files(acme):
    """The company with `regions: all`, and a file for one of its regions alone."""
    for stem in ("company", "south"):
        (acme.params / f"{stem}.yaml").unlink()
    acme.replace("source.yaml", "title: Acme\n", "title: Acme\nregions: all\n")
    acme.replace("north.yaml", "region: North\n", "region: North\nas_of: 2026-08-31\n")
    return acme


def test_regions_without_a_file_have_pages_where_the_source_says_all(without_files):
    jobs = plan(without_files.params, without_files.notebooks, [], ["executive_brief"], ["North", "South", "Süd-West"])
    assert [(j.region, j.parameters["region"], j.parameters["as_of"]) for j in jobs] == [
        ("company", "company", ""),
        ("north", "North", "2026-08-31"),
        ("south", "South", ""),
        ("süd_west", "Süd-West", ""),
    ]
    (job,) = plan(without_files.params, without_files.notebooks, ["South"], ["executive_brief"], ["North", "South"])
    assert job.region == "south"
    with pytest.raises(ParamsError, match="there is no region 'Sud'; there are company, north, south"):
        plan(without_files.params, without_files.notebooks, ["Sud"], ["executive_brief"], ["North", "South"])


def test_a_run_finds_the_regions_in_the_data(without_files, monkeypatch, capsys):
    from quarterdeck import cli

    monkeypatch.chdir(without_files.root)
    only = ["--notebook", "executive_brief"]
    assert cli.main(without_files.command("--dry-run", "--region", "South", *only)) == 0
    assert "would run south/executive_brief" in capsys.readouterr().out
    assert cli.main(without_files.command(*only)) == 0, capsys.readouterr()
    made = {p.parent.name for p in (without_files.out / "acme" / "latest").glob("*/executive_brief.ipynb")}
    assert made == {"company", "north", "south"}
    assert "has no file for" not in capsys.readouterr().out
    assert cli.main(without_files.command("--region", "Sud", *only)) == 2
    assert "there is no region 'Sud'" in capsys.readouterr().err
