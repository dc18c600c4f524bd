"""Does a company of three levels, reorganised once, add up on each of them to plain SQL, and do its pages stand and agree?"""

import duckdb
import pandas as pd
import pytest

import looked_at
import organised
from quarterdeck.analysis.brief.metrics import measure
from quarterdeck.analysis.brief.scorecard import revenue_bridge
from quarterdeck.analysis.team.skill import skills
from quarterdeck.data import contract, snapshot
from quarterdeck.data.tree import AS_IT_WAS, TODAY

SUMS = ["revenue", "bookings", "pipeline_open", "next_pipeline"]
BY_SQL = """
WITH dated AS (SELECT *, {day} AS day FROM orders WHERE order_date BETWEEN '2025-11-16' AND '2026-11-15'),
on_day AS (
    SELECT d.order_id, d.line_no, a.kind, a.unit_id FROM dated d JOIN assignments a
    ON a.id = CASE a.kind WHEN 'account' THEN d.customer_id ELSE d.rep_id END
    AND coalesce(a.valid_from, d.day) <= d.day AND coalesce(a.valid_to, d.day) >= d.day
),
held AS (
    SELECT d.revenue, d.day, coalesce(c.unit_id, r.unit_id, d.region) AS unit FROM dated d
    LEFT JOIN on_day c ON (c.order_id, c.line_no, c.kind) = (d.order_id, d.line_no, 'account')
    LEFT JOIN on_day r ON (r.order_id, r.line_no, r.kind) = (d.order_id, d.line_no, 'rep')
)
SELECT unit, rtrim(unit, ' 12') AS region, sum(revenue) AS revenue,
       CASE WHEN region = 'Adriatic' OR region = 'Baltic' AND day >= '2026-04-01' THEN 'Southern' ELSE 'Northern' END AS area
FROM held GROUP BY ALL
"""


@pytest.fixture(scope="module")
def source():
    return organised.company()


@pytest.fixture(scope="module", params=[AS_IT_WAS, TODAY])
def frozen(request, source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("organised") / "data"
    about = snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR", view=request.param)
    return folder, snapshot.freeze(contract.check(source), folder, about), request.param


def desk(frozen, region):
    return snapshot.open_desk("demo", region, data=str(frozen[0]))


def test_a_years_revenue_of_every_unit_is_that_of_plain_sql_to_the_cent(source, frozen):
    """As it was, by who held the account on the day of the order, under the units of that day; today, by those of 15 November."""
    engine = duckdb.connect()
    for name in ("orders", "assignments"):
        days = {c: "datetime64[us]" for c in source[name] if c.startswith("valid_")}
        engine.register(name, source[name].astype(days))
    sums = engine.sql(BY_SQL.format(day="DATE '2026-11-15'" if frozen[2] == TODAY else "order_date")).df()
    wanted = pd.concat([sums.groupby(level)["revenue"].sum() for level in ("area", "region", "unit")])
    wanted = wanted[~wanted.index.duplicated()]
    assert set(wanted.index) >= {"Northern", "Southern", "Baltic", "Baltic 1", "North Sea 2"}
    for unit, revenue in wanted.items():
        orders = desk(frozen, unit).tables["orders"]
        found = orders.loc[orders["order_date"].between("2025-11-16", "2026-11-15"), "revenue"].sum()
        assert round(found * 100) == round(revenue * 100), unit


def test_sums_of_orders_and_deals_add_up_on_each_level(frozen):
    folder, facts, _ = frozen
    sums = facts["organisation"]["sums"]
    assert [whole for whole, _ in sums].count("company") >= 2 and {"Northern", "Southern", "Baltic"} <= {
        w for w, _ in sums
    }
    values = {}
    for unit in ["company", *facts["regions"]]:
        found = measure(desk(frozen, unit), *SUMS).set_index("metric")["value"]
        values[unit] = found.reindex(SUMS).fillna(0.0)
    for whole, parts in sums:
        assert (values[whole] - sum(values[part] for part in parts)).abs().max() < 0.005, (whole, parts)
    assert (values["company"][["revenue", "bookings"]] > 0).all()


def test_a_sellers_skill_is_the_same_on_each_level(frozen):
    low, high = (desk(frozen, unit).everywhere().ask(skills) for unit in ("Northern", "Baltic 1"))
    low, high = (f.set_index("rep_id")["skill"] if len(f) else f["skill"] for f in (low, high))
    assert low.index.intersection(high.index).size == 0 or (low - high).abs().max() < 1e-9


def test_every_bridge_adds_up_and_accounts_move_as_it_was_alone(frozen):
    steps = {}
    for unit in ("company", "Northern", "Southern", "Baltic", "North Sea 2", "Adriatic"):
        bridge = desk(frozen, unit).ask(revenue_bridge).set_index("part")["amount"]
        assert abs(bridge.iloc[:-1].sum() - bridge.iloc[-1]) < 0.005
        steps[unit] = bridge.get("Moved between territories")
    moved = {unit for unit, step in steps.items() if step is not None}
    assert moved - {"Baltic"} == (set() if frozen[2] == TODAY else {"Northern", "Southern", "North Sea 2"})


PAGES = ["executive_brief", "team_performance", "forecasting", "targets", "customers"]


@pytest.mark.slow
@pytest.mark.parametrize("region", ["Southern", "Baltic 1"])
@pytest.mark.parametrize(("frozen", "page"), [*((AS_IT_WAS, p) for p in PAGES), (TODAY, PAGES[0])], indirect=["frozen"])
def test_pages_stand_and_say_their_view(frozen, page, region, monkeypatch, answers):
    looked_at.quicken(monkeypatch, answers)
    found, said = looked_at.read(page, frozen[0], region)
    assert not found + looked_at.oddities(said)
    words = "as it is today" if frozen[2] == TODAY else "as it was"
    assert any(f"Regions are units of the organisation {words}" in text for text in said)
