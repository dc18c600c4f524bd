"""Does an order whose customer is not known count in every total, and in no figure of customers?"""

import inspect
import pkgutil
from importlib import import_module

import pandas as pd
import pytest

from quarterdeck import analysis
from quarterdeck.data import contract, snapshot

OF_CUSTOMERS = {  # they speak of customers, and are those of the company without the lines that name none
    "brief.gaps": ["lapsed_customers", "room"],
    "brief.scorecard": ["revenue_bridge"],
    "customers.accounts": ["account_outlook", "totals", "track_record", "findings"],
    "customers.buyers": ["habits", "customer_concentration", "lorenz"],
    "customers.cohorts": ["cohorts"],
    "customers.retention": [
        "customer_bridge",
        "customers_active",
        "acquisition",
        "logo_retention",
        "net_revenue_retention",
    ],
    "market.market_share": ["whitespace", "penetration"],
    "pipeline.win_loss": ["cost_of_rivalry"],
    "planning.profit": ["whale", "losses"],
}
OF_ALL = {  # they do not, and are those of the company whose customers are all known
    "forecasting.quarter_end": ["landing"],
    "market.market_share": ["market_share", "trailing_share"],
    "sales.by_period": ["daily", "monthly"],
    "sales.margin": ["waterfall", "bands"],
    "sales.prices": ["price_bridge"],
    "sales.revenue": ["revenue", "revenue_growth", "gross_margin", "target_attainment"],
    "team.pace": ["pace", "run_rate"],
}
SLOW = {
    "summary",
    "judged",
    "whitespace",
    "room",
}  # the first two ask nothing of customers; others' tests empty the last two


@pytest.fixture(scope="module")
def desks(demo_company, tmp_path_factory):
    """A company a quarter of whose orders name no customer, the same without these orders, and with all known."""
    tables = dict(demo_company[0])
    orders = tables["orders"]
    rows = pd.util.hash_pandas_object(orders["order_id"], index=False).to_numpy() % 4 == 0
    unknown = orders.assign(customer_id=orders["customer_id"].mask(rows))
    given = {"unknown": unknown, "without": orders[~rows], "known": orders}
    given["none"] = orders.assign(customer_id=pd.Series(None, index=orders.index, dtype="str"))
    found = {}
    for name, lines in given.items():
        folder = tmp_path_factory.mktemp(name) / "data"
        snapshot.freeze(
            contract.check(tables | {"orders": lines}), folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR")
        )
        found[name] = snapshot.open_desk("demo", data=str(folder))
    return found


def same(one, other):
    assert type(one) is type(other)
    if isinstance(one, pd.DataFrame | pd.Series):
        pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other))
    else:
        assert one == other


@pytest.mark.slow
@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in OF_CUSTOMERS.items() for n in names])
def test_a_figure_of_customers_is_that_of_the_company_without_these_lines(desks, module, name):
    function = getattr(import_module(f"quarterdeck.analysis.{module}"), name)
    same(desks["unknown"].ask(function), desks["without"].ask(function))


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in OF_ALL.items() for n in names])
def test_a_total_is_what_it_was(desks, module, name):
    function = getattr(import_module(f"quarterdeck.analysis.{module}"), name)
    same(desks["unknown"].ask(function), desks["known"].ask(function))


def test_parts_still_add_up_to_the_whole(desks):
    from quarterdeck.analysis.sales import by_period, launches, margin
    from quarterdeck.analysis.team import productivity

    cells = [desks[k].ask(by_period.cells)["value"].sum() for k in ("unknown", "known")]
    assert cells[0] == pytest.approx(cells[1])
    parts = desks["unknown"].ask(margin.parts).groupby("dimension")["revenue"].sum()
    assert parts.nunique() == 1 or parts.max() == pytest.approx(parts.min())
    uptake = {k: desks[k].ask(launches.uptake) for k in ("unknown", "without", "known")}
    assert uptake["unknown"]["revenue"].sum() == pytest.approx(uptake["known"]["revenue"].sum())
    assert uptake["unknown"]["buyers"].sum() == uptake["without"]["buyers"].sum()
    sellers = [desks[k].ask(productivity.sellers)["revenue"] for k in ("unknown", "known")]
    pd.testing.assert_series_equal(*sellers)


def asked():
    """Every public function that the tables alone, one of them orders, answer."""
    known = {*contract.TABLES, "as_of", "period", "region", "currency"}
    for module in pkgutil.walk_packages(analysis.__path__, "quarterdeck.analysis."):
        for name, function in inspect.getmembers(import_module(module.name), inspect.isfunction):
            parameters = inspect.signature(function).parameters
            needed = {k for k, p in parameters.items() if p.default is p.empty}
            if name not in SLOW and not name.startswith("_") and "orders" in parameters and needed <= known:
                yield function


@pytest.mark.slow
@pytest.mark.parametrize(
    "function", dict.fromkeys(asked()), ids=lambda f: f"{f.__module__.rpartition('.')[2]}.{f.__name__}"
)
def test_a_company_that_knows_no_customer_at_all_gets_an_answer(desks, function):
    desks["none"].ask(function)


def test_the_page_says_how_much_of_the_revenue_that_is(desks):
    (said,) = [s for s in desks["unknown"].remarks if "name no customer" in s.said]
    lines = desks["unknown"].tables["orders"]
    part = lines.loc[lines["customer_id"].isna(), "revenue"].sum() / lines["revenue"].sum()
    assert f"{100 * part:.1f} % of all)" in said.sentence()
