"""Do the golden runs belong to the notebooks as they are?"""

import nbformat
import pytest

import make_goldens
from conftest import GOLDEN, ROOT, nearly
from quarterdeck.batch.params import WORKBOOKS


def golden(name):
    """Give the file of a golden run, or say how it is made."""
    path = GOLDEN / f"{name}.ipynb"
    assert path.is_file(), f"{name} has no golden run; make it with: make goldens NAME={name}"
    return path


def sources(path):
    cells = nbformat.read(path, as_version=4).cells
    return [c.source for c in cells if "injected-parameters" not in c.metadata.get("tags", [])]


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_golden_run_is_of_the_notebook_as_it_is(name):
    same = sources(golden(name)) == sources(ROOT / "notebooks" / f"{name}.ipynb")
    assert same, f"the golden run of {name} is of another notebook; make it with: make goldens NAME={name}"


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_golden_run_holds_no_warning_and_no_path(name):
    cells = nbformat.read(golden(name), as_version=4).cells
    outputs = [o for c in cells if c.cell_type == "code" for o in c.outputs]
    assert not [o for o in outputs if o.output_type in ("stream", "error")]


def test_a_missing_golden_run_is_named_with_the_command_that_makes_it():
    with pytest.raises(AssertionError, match="no_such has no golden run; make it with: make goldens NAME=no_such"):
        golden("no_such")
    with pytest.raises(SystemExit, match="there is no notebook 'forcasting'; did you mean 'forecasting'?"):
        make_goldens.main("forcasting")


def test_figures_of_a_golden_run_are_compared_but_for_their_last_digits():
    said = [{"text": "€2.0m", "figures": {"now": 2.0, "high": None}}]
    assert nearly(said) == nearly([{"text": "€2.0m", "figures": {"now": 2.0 * (1 + 1e-7), "high": None}}])
    assert nearly(said) != nearly([{"text": "€2.0m", "figures": {"now": 2.0 * (1 + 1e-4), "high": None}}])
    assert nearly(said) != nearly([{"text": "€2.1m", "figures": {"now": 2.0, "high": None}}])
