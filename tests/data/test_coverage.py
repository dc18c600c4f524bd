"""Whatever looks back tells the same as with the whole past, or nothing."""

import dataclasses
import functools
import inspect

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.analysis.brief import gaps, scorecard
from quarterdeck.analysis.brief.metrics import METRICS, measure, trail
from quarterdeck.analysis.competition import alarms
from quarterdeck.analysis.customers import buyers, retention
from quarterdeck.analysis.market import market_share
from quarterdeck.analysis.methods.intervals import growth
from quarterdeck.analysis.pipeline import stages, win_loss
from quarterdeck.analysis.sales import by_period, margin, prices, season
from quarterdeck.analysis.team import performance, skill, standing
from quarterdeck.data import coverage, snapshot
from quarterdeck.data.periods import last_quarters, quarter
from quarterdeck.data.snapshot import Desk, Missing

DAYS = ["2021-10-20", "2023-10-01", "2024-11-16", "2024-11-17", "2025-08-05", "2025-11-17", "2026-10-14"]
CASES = [(table, day) for table in ("orders", "opportunities") for day in DAYS]
CASES += [(table, day) for table in ("market", "competitors", "costs", "quotas") for day in DAYS[2:5:2]]
LEARNED = {  # by design from as much past as there is: the figures of fewer past quarters are others
    m for m in METRICS if m.startswith(("forecast", "target_probability", "initiative"))
} | {"customer_lifetime_value", "revenue_at_risk", "pipeline_coverage"}
ASKED = [  # what pages show besides the catalogue and that is no estimate
    scorecard.revenue_bridge, scorecard.quarterly, gaps.segment_moves, gaps.lapsed_customers, gaps.rival_losses,
    buyers.customer_concentration,
    retention.retention_lines, margin.parts, margin.margin_bridge, margin.waterfall, market_share.market_share,
    market_share.segment_growth,
    market_share.shift_share, market_share.penetration, prices.price_bridge, stages.funnel, stages.velocity,
    performance.growth_and_attainment,
    performance.win_rates,
]  # fmt: skip
amounts = st.floats(-1e9, 1e9) | st.sampled_from([0.0, -0.0, 1e-9, -1e-9])


def begun(tables: dict, day: str, only: list[str], region: str = "") -> dict:
    """Give the tables without what lies before a day: of some of them, or of one region's rows alone."""
    start = pd.Timestamp(day)
    return {k: t[~_before(k, t, start, region)] if k in only else t for k, t in tables.items()}


def _before(name: str, frame: pd.DataFrame, day: pd.Timestamp, region: str) -> pd.Series:
    when = frame["closed_on"] if name == "opportunities" else frame[coverage.DATED[name]]
    own = frame["region"].eq(region) if region and "region" in frame else pd.Series(not region, frame.index)
    return when.lt(day) & own


def desk(tables: dict, region: str = "company") -> Desk:
    as_of = pd.Timestamp("2026-11-15")
    cut = snapshot.cut(tables, as_of)
    own, whole = ({k: v for k, v in snapshot.within(cut, r).items() if len(v)} for r in (region, "company"))
    return Desk("demo", "Halcyon Marine", region, as_of, "EUR", "", snapshot.Tables(own), snapshot.Tables(whole))


@pytest.fixture(scope="module")
def uncut(demo_company):
    """What the uncut company tells of a table, computed once for each region that is asked for."""
    return functools.cache(lambda table, region="company": _figures(desk(demo_company[0], region), table))


def _figures(of: Desk, table: str) -> dict:
    """Give all that looks at a table: metrics, what they were a year before and on past days, and what else pages show."""
    looks = [m for m in METRICS if m not in LEARNED and table in inspect.signature(METRICS[m].function).parameters]
    kpis = measure(of, *looks)
    part = kpis["period"].str.contains(", from ")  # named as what it is
    shown = {("kpi", m): value for m, value in kpis.loc[~part, ["metric", "value"]].itertuples(index=False)}
    shown |= {("previous", m): value for m, value in kpis[["metric", "previous"]].itertuples(index=False)}
    shown |= {("trail", r.metric, r.day): r.value for r in trail(of, *looks).itertuples()}
    asked = [f for f in ASKED if table in inspect.signature(f).parameters]
    return shown | {("asked", f.__module__, f.__name__): of.ask(f) for f in asked}


def same_or_none(cut: dict, whole: dict) -> list:
    """Give what the cut company tells otherwise than the whole one."""
    return [key for key, shown in cut.items() if not _held(shown, whole.get(key))]


def _held(shown, whole) -> bool:
    if isinstance(shown, Missing):
        return "begin" in shown.sentence or "needs" in shown.sentence or shown == whole
    if isinstance(shown, pd.DataFrame):
        return shown.empty or (isinstance(whole, pd.DataFrame) and _frame_held(shown, whole))
    return pd.isna(shown) or (whole is not None and np.isclose(shown, whole, rtol=1e-9))


def _frame_held(shown: pd.DataFrame, whole: pd.DataFrame) -> bool:
    names = [c for c in shown if not pd.api.types.is_numeric_dtype(shown[c]) and c not in ("label", "place")]
    shown, whole = (t.assign(row=0 if names else range(len(t))) for t in (shown, whole))
    both = shown.merge(whole, on=[*names, "row"], how="left", suffixes=("", "|whole"), indicator=True)
    numbers = [c for c in shown if pd.api.types.is_float_dtype(shown[c])]
    near = [both[c].isna() | np.isclose(both[c], both[f"{c}|whole"], rtol=1e-6, atol=1e-9) for c in numbers]
    return both["_merge"].eq("both").all() and all(n.all() for n in near)


@pytest.mark.slow
@pytest.mark.parametrize(("table", "day"), CASES)
def test_a_table_that_begins_later_tells_the_same_or_nothing(demo_company, uncut, table, day):
    cut = desk(begun(demo_company[0], day, [table]))
    assert same_or_none(_figures(cut, table), uncut(table)) == []


@pytest.mark.slow
@pytest.mark.parametrize("day", [DAYS[3], DAYS[5], DAYS[6]])
def test_a_region_that_begins_later_tells_the_same_or_nothing(demo_company, uncut, day):
    cut = desk(begun(demo_company[0], day, ["orders", "opportunities"], "North Sea"), "North Sea")
    for table in ("orders", "opportunities"):
        assert same_or_none(_figures(cut, table), uncut(table, "North Sea")) == []


def test_without_its_guard_the_past_that_is_not_there_is_shown(demo_company, uncut, monkeypatch):
    monkeypatch.setattr(coverage, "lacking", lambda *_: "")  # so that the tests above are known to be able to fail
    cut = desk(begun(demo_company[0], "2025-10-20", ["orders"]))
    assert {("kpi", "revenue_growth"), ("kpi", "net_revenue_retention")} <= set(
        same_or_none(_figures(cut, "orders"), uncut("orders"))
    )


def test_what_is_lacking_is_named_with_the_day(demo_company):
    cut = desk(begun(demo_company[0], "2026-10-14", ["orders"]))
    kpis = measure(cut, "revenue", "customers_active", "revenue_growth").set_index("metric")
    assert kpis.loc["revenue", "period"] == "Q4 2026 to 15 Nov, from 14 Oct on"
    assert kpis.loc["revenue", "uncompared"] == "needs orders from 1 Oct 2025; they begin 14 Oct 2026."
    assert kpis.loc["customers_active", "missing"] == (
        "Not shown: active customers needs orders from 16 Nov 2025; they begin 14 Oct 2026."
    )


def test_whole_from_stands_over_stray_earlier_rows(demo_company):
    of = desk(demo_company[0])
    late = dataclasses.replace(of, whole_from={"orders": "2025-11-20"})
    assert late.begins["orders"] == pd.Timestamp("2025-11-20") and of.begins["orders"] == pd.Timestamp("2021-10-01")
    assert measure(late, "customers_active")["missing"].iloc[0].endswith("they begin 20 Nov 2025.")
    assert measure(of, "customers_active")["missing"].iloc[0] == ""


@pytest.mark.parametrize("region", ["company", "Baltic"])
def test_without_a_recorded_loss_there_is_no_win_rate(demo_company, region):
    deals = demo_company[0]["opportunities"].query("status != 'lost'")
    of = desk(demo_company[0] | {"opportunities": deals}, region)
    kpis = measure(of, "win_rate", "sales_velocity", "bookings").set_index("metric")
    assert kpis.loc["win_rate", "missing"] == "Not shown: win rate needs deals that are recorded as lost, and none is."
    assert kpis.loc["sales_velocity", "missing"].endswith("needs deals that are recorded as lost, and none is.")
    assert kpis.loc["bookings", "value"] > 0
    late = demo_company[0]["opportunities"].query("status != 'lost' or closed_on > '2026-05-01'")
    shown = measure(desk(demo_company[0] | {"opportunities": late}, region), "win_rate")["missing"].iloc[0]
    assert "needs deals that are recorded as lost from 16 Nov 2025; they begin" in shown


@pytest.mark.parametrize("known", [0.0, 0.4, 1.0])
def test_an_amount_that_is_not_kept_is_not_nothing(demo_company, known):
    tables = {k: t for k, t in demo_company[0].items() if k != "opportunity_history"}
    deals = tables["opportunities"]
    still = deals["status"].eq("open")
    rank = still.cumsum() / still.sum()
    turned = tables | {"opportunities": deals.assign(amount=deals["amount"].where(~still | (rank <= known)))}
    kpi = measure(desk(turned), "pipeline_open").iloc[0]
    assert pd.isna(kpi["value"]) == (known == 0) and ("amount known of" in kpi["period"]) == (0 < known < 1)


@pytest.mark.parametrize("unit", ["M", "Q"])
@pytest.mark.parametrize("end", [True, False])
def test_a_month_or_quarter_that_is_in_is_in(unit, end):
    months = pd.period_range("2022-01", "2025-11" if unit == "M" else "2025-12", freq="M")
    starts = months[2::3] if unit == "Q" else months
    days = starts.to_timestamp(how="end" if end else "start").normalize()
    orders = pd.DataFrame({"order_date": days, "revenue": np.arange(len(days)) + 100.0})
    shown = coverage.at_ends({"orders": orders})["orders"]
    assert shown["order_date"].dt.is_month_end.all() and coverage.first_whole("orders", {"orders": shown}).month == 1
    now = quarter(shown["order_date"].max())
    before = now.before()
    assert before.contains(shown["order_date"]).sum() == now.contains(shown["order_date"]).sum()
    for span in last_quarters(now.start, 8):
        seen = shown["order_date"].between(span.start, now.same_day(span)).sum()
        assert seen == now.contains(shown["order_date"]).sum()


@pytest.mark.parametrize("day", ["MON", "WED", "SUN"])
@pytest.mark.parametrize("missing_days", [False, True])
def test_orders_by_the_week_say_nothing_of_weekdays_and_are_in_at_its_end_where_declared(day, missing_days):
    days = pd.date_range("2022-01-01", "2025-11-20", freq=f"W-{day}")
    days = days.delete([9, 30, 31]) if missing_days else days
    orders = pd.DataFrame({"order_date": days, "revenue": np.arange(len(days)) + 100.0})
    assert coverage.cadence(orders["order_date"]) == "weekly"
    assert season.weekday_index(orders, days.max()).empty and season.holiday_effect(orders, days.max(), "DE").empty
    assert coverage.at_ends({"orders": orders})["orders"] is orders
    shown = coverage.at_ends({"orders": orders}, "weekly")["orders"]["order_date"]
    assert shown.dt.day_of_week.eq(6).all() and (shown - orders["order_date"]).dt.days.between(0, 6).all()


@pytest.mark.parametrize("years", [4, 9])
def test_orders_by_the_quarter_have_no_months(years):
    days = pd.date_range(end="2025-12-31", periods=4 * years, freq="QE")
    orders = pd.DataFrame({"order_date": days, "revenue": 100.0, "region": "North", "channel": None})
    assert by_period.cells(days.max(), orders).empty
    assert len(by_period.cells(days.max(), orders, season=4)) == 4 * years - 1  # the first is not known to be whole


def test_daily_orders_keep_their_days(demo_company):
    assert coverage.at_ends(demo_company[0])["orders"] is demo_company[0]["orders"]


@given(now=amounts, before=amounts)
def test_growth_is_shown_on_a_sound_base_alone(now, before):
    rate = growth(now, before)
    assert pd.notna(rate) == (before > 0 and abs(now) <= 100 * before)
    assert pd.isna(rate) or (rate > 0) == (now / before > 1)


OF_LOSSES = [win_loss.odds, win_loss.calibration, skill.skills, skill.levers, skill.ramp, alarms.win_rate_alarms]
OF_WINS = [win_loss.cost_of_rivalry, win_loss.discount_to_win, standing.standing]


@pytest.mark.slow
@pytest.mark.parametrize("function", OF_LOSSES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("day", [None, "2025-01-10"])
def test_deals_won_before_losses_were_recorded_say_nothing_of_who_wins(demo_company, function, day):
    tables, start = demo_company[0], pd.Timestamp(day or "2030-01-01")
    deals = tables["opportunities"]
    early = deals["closed_on"] < start
    alone = desk(tables | {"opportunities": deals[~(early & deals["status"].eq("lost"))]}).ask(function)
    if day is None:
        assert "recorded as lost" in alone.sentence
    else:
        since = desk(tables | {"opportunities": deals[~early]}).ask(function)
        assert since.drop(columns="months", errors="ignore").equals(alone.drop(columns="months", errors="ignore"))


@pytest.mark.slow
@pytest.mark.parametrize("function", OF_LOSSES + OF_WINS, ids=lambda f: f.__name__)
def test_a_figure_of_three_years_says_how_much_of_them_there_is(demo_company, function):
    shown = desk(begun(demo_company[0], "2025-09-12", ["opportunities"])).ask(function)
    if "months" in shown:
        assert (shown["months"] == 14).all()
        assert (desk(demo_company[0]).ask(function)["months"] == 36).all()


@given(wins=st.integers(1, 30), lost=st.booleans())
def test_a_region_of_few_deals_without_a_loss_records_them_where_the_company_does(wins, lost):
    days = pd.Series(pd.date_range("2025-01-01", periods=80, freq="D"))
    others = pd.DataFrame({"opened_on": days, "closed_on": days, "status": ["won", "lost"] * 40, "region": "South"})
    own = others.head(wins).assign(region="North", status="won")
    if lost:
        own = pd.concat([own, others.tail(1).assign(region="North", status="lost")])
    whole = {"opportunities": pd.concat([others, own], ignore_index=True)}
    begins = coverage.Begins({"opportunities": own}, whole, {})
    share = (40 + wins) / (80 + wins + lost)  # of all that closed, those won
    if share**wins >= 0.05:
        assert begins["losses"] == pd.Timestamp("2025-01-01")
    else:  # so many wins in a row are no chance: nobody wrote down what was lost
        assert begins["losses"] == (days.iloc[-1] if lost else coverage.NEVER)


@pytest.mark.parametrize(("weeks", "first"), [(2, "2025-01-06"), (6, "2025-01-04")])
def test_weekends_before_the_first_row_are_whole_once_weekends_are_known_to_have_no_rows(weeks, first):
    days = pd.date_range("2025-01-06", periods=5 * weeks, freq="B")  # a Monday; 10 days with rows, and 30
    orders = pd.DataFrame({"order_date": days})
    assert coverage.Begins({"orders": orders}, {"orders": orders}, {})["orders"] == pd.Timestamp(first)


@pytest.mark.parametrize(("day", "said"), [("2026-09-18", True), ("2026-09-19", False)])
def test_a_page_of_weekly_orders_says_where_last_year_has_fewer_weeks(day, said):
    orders = pd.DataFrame({"order_date": pd.date_range("2025-01-03", day, freq="W-FRI"), "region": "North"})
    tables = snapshot.Tables({"orders": orders})
    page = Desk(
        "demo", "Halcyon Marine", "company", pd.Timestamp(day), "EUR", "", tables, snapshot.Tables({"orders": orders})
    )
    assert not page.remarked()  # of orders that nobody asked for there is nothing to say
    page.ask(lambda orders: len(orders))
    assert any("12 weeks of them, the same days of last year 11" in s for s in page.remarked()) == said
