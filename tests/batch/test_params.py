"""Is a parameter one that a notebook takes?"""

import ast

import nbformat
import pytest

from conftest import ROOT
from quarterdeck.batch.params import WORKBOOKS, parameters
from quarterdeck.errors import ParamsError


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_notebook_takes_exactly_its_models_parameters_with_the_same_defaults(name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    written = {n.target.id: ast.literal_eval(n.value) for n in ast.parse(cell.source).body}
    assert written == WORKBOOKS[name]().model_dump()
    for field, spec in WORKBOOKS[name].model_fields.items():
        assert f"{field}: {spec.annotation.__name__} = " in cell.source and f"  # {spec.description}" in cell.source


def test_every_notebook_has_a_model():
    assert set(WORKBOOKS) == {p.stem for p in (ROOT / "notebooks").glob("*.ipynb")}


def test_a_regions_file_serves_all_notebooks():
    given = {"region": "North", "months": 6}
    assert parameters("forecasting", given, "x.yaml")["months"] == 6
    assert "months" not in parameters("market_research", given, "x.yaml")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"regoin": "North"}, "x.yaml: there is no parameter 'regoin'; did you mean 'region'?"),
        ({"months": "many"}, "x.yaml: parameter months holds 'many': should be a valid integer"),
        ({"months": 0}, "parameter months holds 0: should be greater than or equal to 1"),
        ({"as_of": "15.11.2026"}, "parameter as_of holds '15.11.2026': Invalid isoformat string"),
    ],
)
def test_a_wrong_parameter_gets_one_sentence(given, said):
    with pytest.raises(ParamsError) as error:
        parameters("forecasting", given, "x.yaml")
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_cohort_is_a_year_or_a_quarter():
    assert parameters("customers", {"cohort": "quarter"}, "x.yaml")["cohort"] == "quarter"
    with pytest.raises(ParamsError, match="parameter cohort holds 'month': not a span; give one of year, quarter"):
        parameters("customers", {"cohort": "month"}, "x.yaml")
