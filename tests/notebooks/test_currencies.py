"""Does a company of three currencies add up to plain SQL to the cent, and do its pages stand and say at which rates?"""

import duckdb
import pandas as pd
import pytest

import companies
import looked_at
from quarterdeck.analysis.brief.metrics import measure
from quarterdeck.analysis.brief.scorecard import revenue_bridge
from quarterdeck.analysis.customers.retention import customer_bridge
from quarterdeck.analysis.market.market_share import shift_share
from quarterdeck.analysis.sales.constant_rates import at_plan_rates, constant_growth
from quarterdeck.analysis.sales.margin import margin_bridge
from quarterdeck.analysis.sales.prices import price_bridge
from quarterdeck.data import contract, demo, snapshot

PAGES = ["executive_brief", "market_research", "targets", "customers"]
LOCAL = {
    "North Sea": ("GBP", 1.15),
    "Adriatic": ("NOK", 0.1),
}  # what a region sells in, and its rate in the first month
CURRENCIES = {"company": ["EUR", "GBP", "NOK"], "Baltic": ["EUR"], "North Sea": ["GBP"]}
COLUMNS = companies.MONEY  # by table
MONTHS = pd.date_range("2022-06-01", "2026-11-01", freq="MS")
BRIDGES = [  # (what gives it, the column that names a step)
    (revenue_bridge, "part"),
    (price_bridge, "step"),
    (margin_bridge, "step"),
    (customer_bridge, "step"),
    (shift_share, "part"),
]


def rates() -> pd.DataFrame:
    """Let the pound rise by half a per cent a month, and the krone fall by one; the plan has the rate of each January."""
    given = [
        {"currency": code, "valid_from": month, "rate": round(first * growth**k, 6), "kind": kind}
        for (code, first), growth in zip(LOCAL.values(), (1.005, 0.99), strict=True)
        for k, month in enumerate(MONTHS)
        for kind in ("day", "plan")
        if kind == "day" or month.month == 1
    ]
    return pd.DataFrame(given)


def in_their_currency(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Give what the source of such a company holds: each region's money in what the region sells in."""
    given = dict(tables) | {"exchange_rates": rates()}
    named = tables["reps"].set_index("rep_id")["region"]
    for table, columns in COLUMNS.items():
        frame = tables[table]
        if table == "quotas":
            frame = frame.assign(region=frame["rep_id"].map(named))
        if "region" not in frame or table == "initiatives":
            continue
        local = frame["region"].map(lambda region: LOCAL.get(region, ("EUR", 1.0)))
        money = {column: (frame[column] / local.str[1]).round(2) for column in columns}
        given[table] = frame.assign(currency=local.str[0], **money).drop(
            columns=["region"] if table == "quotas" else []
        )
    past, deals = given["opportunity_history"], given["opportunities"].set_index("opportunity_id")
    local = past["opportunity_id"].map(deals["region"]).map(lambda region: LOCAL.get(region, ("EUR", 1.0))[1])
    return given | {"opportunity_history": past.assign(amount=(past["amount"] / local).round(2))}


@pytest.fixture(scope="module")
def source():
    tables = contract.check(demo.generate(7, 0.02, "2026-11-15")[0])
    cut = companies.chain(companies.only("North Sea", companies.SHOWN, "Adriatic"), companies.since(companies.FIRST))
    return in_their_currency(cut(tables))


@pytest.fixture(scope="module")
def folder(source, tmp_path_factory):
    made = tmp_path_factory.mktemp("currencies") / "data"
    snapshot.freeze(contract.check(source), made, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    return made


def test_orders_add_up_to_plain_sql_to_the_cent(source, folder):
    """Each order at the last rate on or before its day, summed by DuckDB from the source's own rows."""
    orders = source["orders"]
    engine = duckdb.connect()
    for name in ("orders", "exchange_rates"):
        engine.register(name, source[name])
    summed = engine.sql("""
        SELECT o.region, sum(o.revenue * CASE o.currency WHEN 'EUR' THEN 1 ELSE (
            SELECT max_by(r.rate, r.valid_from) FROM exchange_rates r
            WHERE r.kind = 'day' AND r.currency = o.currency AND r.valid_from <= o.order_date) END) AS revenue
        FROM orders o GROUP BY o.region""").df()
    _, tables = snapshot.read_snapshot(folder)
    found = tables["orders"].groupby("region")["revenue"].sum()
    assert len(found) == 3
    for row in summed.itertuples():
        assert round(found[row.region] * 100) == round(row.revenue * 100)
    kept = tables["orders"].groupby("currency")["revenue_in_currency"].sum().round(2).to_dict()
    assert kept == orders.groupby("currency")["revenue"].sum().round(2).to_dict()


def test_targets_are_at_the_plans_rate(source, folder):
    """A target of a quarter of 2026 counts at the rate of January 2026: there is a plan's rate for each year."""
    _, tables = snapshot.read_snapshot(folder)
    given = source["exchange_rates"]
    planned = given[given["kind"].eq("plan") & given["valid_from"].eq(pd.Timestamp("2026-01-01"))]
    planned = planned.set_index("currency")["rate"].to_dict() | {"EUR": 1.0}
    given = source["targets"][source["targets"]["period_start"].dt.year == 2026]
    wanted = (given["revenue_target"] * given["currency"].map(planned)).groupby(given["region"]).sum()
    found = (
        tables["targets"][tables["targets"]["period_start"].dt.year == 2026].groupby("region")["revenue_target"].sum()
    )
    assert (found - wanted).abs().max() < 0.005


@pytest.mark.parametrize("region", CURRENCIES)
@pytest.mark.parametrize(("function", "names"), BRIDGES, ids=lambda v: getattr(v, "__name__", ""))
def test_every_bridge_has_exchange_rates_as_a_step_and_adds_up(folder, region, function, names):
    desk = snapshot.open_desk("demo", region, data=str(folder))
    bridge = desk.ask(function)
    amount = bridge.set_index(names)["amount"]
    assert abs(amount.iloc[:-1].sum() - amount.iloc[-1]) < 0.005
    assert (names == "part" or amount.index[-1] == "now") and amount.iloc[-1] > 0
    assert any(step.lower() == "exchange rates" for step in amount.index) == (CURRENCIES[region] != ["EUR"])


def test_the_pound_rose_by_half_a_per_cent_a_month(folder):
    """Twelve months of 0.5 % are 1.005^12 − 1 = 6.17 %: of 106.17 of revenue, 6.17 came by the rate alone."""
    desk = snapshot.open_desk("demo", "North Sea", data=str(folder))
    row = desk.ask(constant_growth).iloc[0]
    assert abs(row["now"] / row["constant"] - 1.005**12) < 1e-4
    assert abs(row["effect"] - row["now"] * (1 - 1.005**-12)) < row["now"] * 1e-4
    assert abs((1 + row["reported"]) / (1 + row["value"]) - 1.005**12) < 1e-4
    assert row["foreign"] == 1.0
    assert measure(desk, "revenue_growth_constant")["value"].iloc[0] == row["value"]
    assert 0 < desk.ask(at_plan_rates)["value"].iloc[0] < measure(desk, "target_attainment")["value"].iloc[0]


def test_a_region_of_one_currency_says_nothing_of_rates(folder):
    desk = snapshot.open_desk("demo", "Baltic", data=str(folder))
    assert desk.ask(constant_growth).empty
    assert not [said for said in desk.remarked() if "converted" in said]


@pytest.mark.slow
@pytest.mark.parametrize("region", ["company", "North Sea"])
@pytest.mark.parametrize("page", PAGES)
def test_pages_stand_and_say_at_which_rates(folder, page, region, monkeypatch, answers):
    looked_at.quicken(monkeypatch, answers)
    found, said = looked_at.read(page, folder, region)
    assert not found + looked_at.oddities(said)
    assert any("are converted at the last rate known on the day of the order" in text for text in said)
    if page in ("executive_brief", "market_research"):
        assert any("at constant rates" in text for text in said)
