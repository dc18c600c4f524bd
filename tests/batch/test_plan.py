"""Which notebooks run for which regions?"""

import pytest

from quarterdeck.batch.plan import plan
from quarterdeck.errors import RunError


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
