"""Is the reason why a figure has no rows the true one: an empty column, too little, or none of it?"""

import ast
import importlib
import inspect
import re

import nbformat
import numpy as np
import pandas as pd
import pytest

import companies
from conftest import ROOT
from quarterdeck.data import contract
from quarterdeck.data.reasons import LACKING, looked, no_rows
from quarterdeck.data.snapshot import COMPANY, DESKS, Desk, Missing, Tables

ORDERS = contract.empty("orders").reindex(range(2)).assign(revenue=[1.0, 2.0])


@no_rows("orders.cost", needs="three orders of known cost")
def short(orders):
    return orders.iloc[:0]


@no_rows(none="no order is late")
def late(orders):
    return orders.iloc[:0]


@no_rows(needs="two orders", none="no order is there twice")
def doubled(orders):
    return looked(orders.iloc[:0], len(orders) if len(orders) > 1 else 0)


def of(short):
    return short


def desk(orders, region=COMPANY):
    held = Tables({"orders": orders})
    return Desk("acme", "Acme", region, pd.Timestamp("2026-03-31"), "EUR", "", held, held)


@pytest.mark.parametrize(
    ("orders", "region", "function", "said"),
    [
        (ORDERS, COMPANY, short, "it needs cost of orders, which the data of Acme leaves empty."),
        (ORDERS, "North", short, "it needs cost of orders, which the data of Acme for North leaves empty."),
        (
            ORDERS.assign(cost=1.0),
            COMPANY,
            short,
            "it needs three orders of known cost, more than the data of Acme holds.",
        ),
        (ORDERS.head(1), COMPANY, doubled, "it needs two orders, more than the data of Acme holds."),
    ],
)
def test_an_answer_without_rows_has_its_reason_beside_it(orders, region, function, said):
    asked = desk(orders, region)
    empty = asked.ask(function)
    assert empty.empty and empty.attrs[LACKING] == f"Not shown: {said}"
    assert asked.ask(of, short=empty).attrs[LACKING] == f"Not shown: {said}"  # what stands on it has the same reason
    assert LACKING not in orders.attrs


@pytest.mark.parametrize(("function", "said"), [(late, "no order is late."), (doubled, "no order is there twice.")])
def test_what_was_looked_for_and_not_found_is_no_lack(function, said):
    empty = desk(ORDERS).ask(function)
    assert empty.empty and empty.attrs[LACKING] == f"Nothing to show: {said}"


# Kinds of reasons by their words, and what gives none but by what is there: no amount of rows would give it some.
MISSING, TOO_LITTLE, NOTHING = (
    re.compile("which the data of|begin|none is"),
    re.compile("more than"),
    "Nothing to show: ",
)
AMOUNT = re.compile(
    r"\b(an?|one|two|three|four|five|six|eight|ten|twelve|thirteen|fifteen|twenty|thirty|forty|fifty|sixty|hundred|every|\d+)\b"
)


def reasons_of(tables, functions=None, day=companies.LAST):
    """Ask of a company each figure that says what it lacks; give, by function, why those without rows have none."""
    held, said = Tables(tables), {}
    asked = Desk("acme", "Acme", COMPANY, day, "EUR", "", held, held)
    for function in functions or (f for f in companies.figures() if hasattr(f, "no_rows")):
        answer = asked.ask(function)
        if isinstance(answer, Missing):
            said[function] = answer.sentence
        elif isinstance(answer, pd.DataFrame) and answer.empty:
            said[function] = answer.attrs[LACKING]
    return said


def test_what_is_needed_has_its_amount():
    needs = {
        f.__name__: f.no_rows.needs for f in companies.figures() if getattr(f, "no_rows", None) and f.no_rows.needs
    }
    assert len(needs) > 60 and {name: said for name, said in needs.items() if not AMOUNT.search(said)} == {}


@pytest.mark.slow
def test_without_a_table_it_is_the_table_that_is_missing():
    for function, said in reasons_of({"products": companies.small()["products"]}).items():
        frames = all(
            p.default is None for p in inspect.signature(function).parameters.values()
        )  # it takes answers, not tables
        assert frames or "does not hold" in said, (function.__name__, said)


@pytest.mark.slow
def test_of_next_to_no_rows_there_is_too_little():
    tiny = {name: frame.head(2) for name, frame in companies.small().items()}
    for function, said in reasons_of(tiny).items():
        facts = function.no_rows.none and not function.no_rows.needs  # of which one row may be enough to know
        kind = said.startswith(NOTHING) if facts else TOO_LITTLE.search(said)
        assert kind or MISSING.search(said), (function.__name__, said)


@pytest.mark.slow
def test_of_a_company_in_which_nothing_differs_it_is_said_what_was_looked_for(demo_company):
    """Deals are won and lost by lot, reasons and segments given by lot."""
    tables, draw = dict(demo_company[0]), np.random.default_rng(1)
    deals = tables["opportunities"]
    lot = pd.Series(np.where(draw.uniform(size=len(deals)) < 0.4, "won", "lost"), deals.index)
    status = deals["status"].mask(deals["status"].ne("open"), lot)
    why = pd.Series(draw.choice(["Price", "Fit"], len(deals)), deals.index).where(status.eq("lost"))
    tables["opportunities"] = deals.assign(status=status, loss_reason=why)
    tables["customers"] = tables["customers"].assign(segment=lambda t: draw.permutation(t["segment"].to_numpy()))
    search = [f for f in companies.figures() if getattr(f, "no_rows", None) and f.no_rows.none and f.no_rows.needs]
    said = reasons_of(tables, search, pd.Timestamp("2026-11-15"))
    assert len(search) > 2 and {f.__name__ for f in said} >= {"whitespace", "reasons_by_rival"}
    assert all(sentence.startswith(NOTHING) for sentence in said.values()), said


def asked_of_notebooks():
    """Give the analysis functions that notebooks ask the desk for, by module and name."""
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        tree = ast.parse("\n".join(cells))
        homes = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("quarterdeck.analysis"):
                homes |= {a.name: f"{node.module}.{a.name}" for a in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "ask":
                module, _, name = ast.unparse(node.args[0]).rpartition(".")
                yield (homes[module], name) if module else tuple(homes[name].rsplit(".", 1))


def test_each_figure_of_a_notebook_says_what_it_gives_no_rows_without():
    functions = {getattr(importlib.import_module(module), name) for module, name in asked_of_notebooks()}
    assert len(functions) > 120
    first = [
        f for f in functions if {*inspect.signature(f).parameters} <= {*contract.TABLES, *DESKS}
    ]  # none to inherit
    plain = [f for f in first if f.__annotations__["return"] is pd.DataFrame]  # others give their own `Missing`
    assert len(plain) > 40 and sorted(f.__name__ for f in plain if not hasattr(f, "no_rows")) == []
