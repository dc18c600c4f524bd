"""Does every figure stand on tables without rows, of one row, and with nothing in what may be empty?"""

import inspect

import pandas as pd
import pytest

import companies
from quarterdeck.data import contract
from quarterdeck.data.snapshot import COMPANY, Desk, Missing, Tables

pytestmark = pytest.mark.slow  # its pages are made once, which takes most of its time

NO_FRAMES = ("results.sales", "stages.stage_order")  # a dictionary of frames, a list


FIGURES = list(companies.figures())
NO_TABLES = (*contract.USED_UP, *contract.TREE)  # which figures are not given: a desk reads them into others
NONE = {name: contract.empty(name) for name in contract.TABLES if name not in NO_TABLES}


@pytest.fixture(scope="module")
def company():
    return companies.small()


def wrong(tables, of: str = "") -> list[str]:
    """Ask all figures (that take table `of`) of these tables; tell which raise, and which give neither frame nor `Missing`."""
    held = Tables(tables)
    desk, found = Desk("demo", "Acme", COMPANY, companies.LAST, "EUR", "", held, held), []
    for function in (f for f in FIGURES if not of or of in inspect.signature(f).parameters):
        name = f"{function.__module__.split('.')[-1]}.{function.__name__}"
        try:
            answer = desk.ask(function)
        except Exception as error:  # whatever it is, it is what the test looks for
            found.append(f"{name}: {type(error).__name__}: {error}")
            continue
        for part in answer.values() if isinstance(answer, dict) else [answer]:
            if not isinstance(part, pd.DataFrame | pd.Series | Missing) and name not in NO_FRAMES:
                found.append(f"{name} gives {type(part).__name__}")
    return found


def test_there_are_figures():
    assert len(FIGURES) > 120


@pytest.mark.parametrize("table", [None, *NONE])
def test_figures_stand_on_one_table_with_rows_and_the_others_without(company, table):
    assert not wrong(NONE | ({table: company[table]} if table else {}), of=table or "")


@pytest.mark.parametrize("end", ["head", "tail"])
def test_figures_stand_on_one_row_of_each_table(company, end):
    assert not wrong({name: getattr(frame, end)(1) for name, frame in company.items()})


def test_figures_stand_where_all_that_may_be_is_empty(company):
    assert not wrong(companies.shapes()["all that may be is empty"](company))
