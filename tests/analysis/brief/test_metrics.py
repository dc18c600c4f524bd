"""Is there one definition a metric, and does every page get the same figure from it?"""

import dataclasses

import pandas as pd
import pytest

from quarterdeck.analysis.brief.metrics import METRICS, measure
from quarterdeck.data import periods, snapshot
from quarterdeck.data.contract import TABLES
from quarterdeck.errors import ParamsError

REQUIRED = (
    "revenue revenue_growth gross_margin quota_attainment target_attainment win_rate sales_velocity sales_cycle_days "
    "pipeline_open pipeline_coverage forecast_p50 forecast_p10 forecast_p90 target_probability market_share market_growth "
    "hhi net_revenue_retention gross_revenue_retention customers_active"
).split()


@pytest.fixture(scope="module")
def desk(demo_company, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk") / "data"
    snapshot.freeze(demo_company[0], folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    return snapshot.open_desk("demo", data=str(folder))


def test_the_registry_has_every_metric_that_pages_rely_on():
    assert set(REQUIRED) <= set(METRICS)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda m: m.id)
def test_a_metric_is_fully_defined(metric):
    assert metric.title and metric.formula and metric.source
    for need in metric.needs:
        table, column = need.split(".")
        assert column in TABLES[table].columns


@pytest.mark.slow
def test_every_metric_has_a_value_in_the_demo_company(desk):
    constant = measure(desk, "revenue_growth_constant").iloc[0]
    assert pd.isna(constant["value"]) and constant["missing"]  # the demo company has one currency
    kpis = measure(desk, *(m for m in METRICS if m != "revenue_growth_constant")).set_index("metric")
    assert kpis["value"].notna().all(), kpis[kpis["value"].isna()]["missing"].tolist()
    assert (kpis["n"] > 0).all() and (kpis["missing"] == "").all()
    within = kpis.dropna(subset=["low"])
    assert (within["low"] <= within["value"]).all() and (within["value"] <= within["high"]).all()
    assert {"win_rate", "sales_cycle_days", "forecast_p50"} <= set(within.index)


def test_previous_is_what_was_measured_a_year_before(desk):
    now = measure(desk, "revenue", "win_rate", "market_share").set_index("metric")["previous"]
    earlier = dataclasses.replace(
        desk, as_of=pd.Timestamp("2025-11-15"), tables=snapshot.cut(desk.tables, pd.Timestamp("2025-11-15"))
    )
    then = measure(earlier, "revenue", "win_rate", "market_share").set_index("metric")["value"]
    assert now.to_dict() == pytest.approx(then.to_dict())


def test_a_quarter_without_an_order_attained_nothing_of_its_target(desk):
    orders = desk.tables["orders"]
    dormant = dataclasses.replace(
        desk, tables=desk.tables | {"orders": orders[orders["order_date"] < desk.period.start]}
    )
    row = measure(dormant, "target_attainment").iloc[0]
    assert (row["value"], row["missing"]) == (0, "")


def test_an_absent_table_is_named_and_the_others_are_measured(desk):
    bare = dataclasses.replace(
        desk, tables={k: v for k, v in desk.tables.items() if k not in ("market", "opportunities")}
    )
    kpis = measure(bare, "market_share", "win_rate", "revenue").set_index("metric")
    assert (
        "needs market" in kpis.loc["market_share", "missing"]
        and "needs opportunities" in kpis.loc["win_rate", "missing"]
    )
    assert kpis.loc["revenue", "value"] > 0


def test_an_unknown_metric_is_named_with_the_nearest_real_one(desk):
    with pytest.raises(ParamsError, match="there is no metric 'discount'; did you mean 'discount_rate'"):
        measure(desk, "discount")


def test_too_few_rows_give_no_value(desk):
    done = desk.tables["opportunities"].query("status != 'open'")
    few = pd.concat([done.query("closed_on > '2026-10-01'").head(4), done.query("closed_on < '2025-01-01'")])
    kpi = measure(dataclasses.replace(desk, tables=desk.tables | {"opportunities": few}), "win_rate").iloc[0]
    assert pd.isna(kpi["value"]) and "rows behind it, of 5 needed" in kpi["missing"]


def test_an_additive_metric_of_the_regions_adds_up_to_the_company(desk, tmp_path):
    additive = [m.id for m in METRICS.values() if m.additive]
    whole = measure(desk, *additive).set_index("metric")["value"]
    parts = [
        measure(dataclasses.replace(desk, region=r, tables=snapshot.within(desk.tables, r)), *additive).set_index(
            "metric"
        )["value"]
        for r in snapshot.regions(desk.tables)
    ]
    assert sum(parts).to_dict() == pytest.approx(whole.to_dict())


def test_an_empty_column_is_named(desk):
    orders = desk.tables["orders"].assign(cost=float("nan"))
    kpis = measure(dataclasses.replace(desk, tables=desk.tables | {"orders": orders}), "gross_margin")
    assert (
        kpis["missing"].iloc[0]
        == "Not shown: gross margin needs cost of orders, which the data of Halcyon Marine leaves empty."
    )


def test_a_metric_in_no_known_unit_is_refused():
    with pytest.raises(ValueError, match="metric revenue: unit is one of money, "):
        dataclasses.replace(METRICS["revenue"], unit="orders")


PAST = ["revenue", "gross_margin", "win_rate", "market_share", "net_revenue_retention"]


@pytest.mark.parametrize("back", [1, 3, 7])
def test_a_past_quarter_has_its_own_value_label_and_comparison(desk, back):
    quarters = periods.last_quarters(desk.as_of, 12)
    measured = measure(desk, *PAST, period=quarters[-back]).set_index("metric")
    year_ago = measure(desk, *PAST, period=quarters[-back - 4]).set_index("metric")
    then = dataclasses.replace(desk, as_of=quarters[-back].end, tables=snapshot.cut(desk.tables, quarters[-back].end))
    alike = measure(then, *PAST).set_index("metric")
    assert measured["value"].to_dict() == pytest.approx(alike["value"].to_dict())
    assert measured["previous"].to_dict() == pytest.approx(year_ago["value"].to_dict())
    assert measured.loc["revenue", "period"] == quarters[-back].label
    assert measured.loc["win_rate", "period"] == f"trailing twelve months, from {quarters[-back].end:%d %b %Y}"


def test_what_knows_only_today_has_no_value_for_a_past_quarter(desk):
    measured = measure(desk, "pipeline_open", "forecast_p50", period=periods.last_quarters(desk.as_of, 2)[0])
    assert measured[["value", "previous"]].isna().all(axis=None)
    assert (
        measured["missing"]
        .str.endswith("is known as of 15 Nov 2026 alone; open the desk with as_of for another day.")
        .all()
    )


def test_what_no_metric_takes_is_refused_with_what_it_takes(desk):
    for given in ({"by": "channel"}, {"region": "Iberia"}, {"as_of": "2026-06-30"}, {"perod": desk.period}):
        name = next(iter(given))
        with pytest.raises(ParamsError, match=f"measure takes no '{name}' for revenue; .*here are orders, period."):
            measure(desk, "revenue", "customers_active", **given)
    with pytest.raises(ParamsError, match="measure takes no 'together' for revenue"):
        measure(desk, "revenue", "initiatives_worked", together=3)
    tomorrow = dataclasses.replace(desk.period, through=desk.as_of + pd.Timedelta(days=1))
    for period in ("Q3 2026", 3, pd.Period("2026Q3"), tomorrow):
        with pytest.raises(ParamsError, match="period holds .*, expected a Period seen through 2026-11-15 or before."):
            measure(desk, "revenue", period=period)
    for odd in (["revenue"], None, 7, "Revenue", ""):
        with pytest.raises(ParamsError, match="there is no metric .* there are|There are"):
            measure(desk, odd)
