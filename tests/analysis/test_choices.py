"""Is a word that a function does not know refused, with the words that it knows?"""

import importlib
import inspect
import pkgutil

import pytest

from quarterdeck import analysis
from quarterdeck.analysis.customers import cohorts
from quarterdeck.analysis.forecasting import ledger
from quarterdeck.analysis.team import performance

OWN_WORDS = {
    "rates",
    "estimate",
    "path",
    "placebos",
    "continued",
}  # columns of any frame, designs, which test_designs.py asks for, and a function


def takes_by() -> list:
    """Give the public functions of all subjects that take `by`."""
    modules = [
        importlib.import_module(m.name) for m in pkgutil.walk_packages(analysis.__path__, "quarterdeck.analysis.")
    ]
    functions = {f for module in modules for _, f in inspect.getmembers(module, inspect.isfunction)}
    known = [f for f in functions if "by" in inspect.signature(f).parameters and not f.__name__.startswith("_")]
    return sorted((f for f in known if f.__name__ not in OWN_WORDS), key=lambda f: (f.__module__, f.__name__))


@pytest.mark.parametrize("function", takes_by(), ids=lambda f: f"{f.__module__.split('.')[-1]}.{f.__name__}")
def test_an_unknown_by_is_refused(function):
    given = dict.fromkeys(inspect.signature(function).parameters) | {"by": "colour"}
    with pytest.raises(ValueError, match=r"^by holds 'colour'; possible are '\w+', .*'\w+'\.$"):
        function(**given)


def test_the_sentence_names_what_was_given_and_all_that_is_possible():
    with pytest.raises(ValueError) as error:
        performance.win_rates(None, None, None, by="colour")
    assert str(error.value) == "by holds 'colour'; possible are 'rep_id', 'manager'."


def test_an_unknown_cohort_or_metric_is_refused():
    with pytest.raises(ValueError, match="^cohort holds 'month'; possible are 'year', 'quarter'.$"):
        cohorts.cohorts(None, None, cohort="month")
    with pytest.raises(ValueError, match="^metric holds 'profit'; possible are 'revenue', 'bookings'.$"):
        ledger.of_quarters(None, "profit")
