"""Do pictures head themselves with a finding, and do sentences say what the frame says?"""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.axes import Axes

from quarterdeck.analysis.brief import scorecard
from quarterdeck.analysis.competition import alarms, battlecards, competitors, dynamics
from quarterdeck.analysis.customers import accounts, buyers, cohorts, retention
from quarterdeck.analysis.forecasting import ledger, months_ahead, quarter_end
from quarterdeck.analysis.market import demand, market_share, portfolio, sizing
from quarterdeck.analysis.methods import hierarchy, series
from quarterdeck.analysis.pipeline import durations, movement, stages, win_chances, win_loss
from quarterdeck.analysis.planning import capacity, goal_seek, scenarios
from quarterdeck.analysis.sales import by_period, launches, prices, season
from quarterdeck.analysis.team import discounts, pace, performance, productivity, ramp_up, skill, standing
from quarterdeck.data import snapshot
from quarterdeck.present import style
from quarterdeck.present.charts import brief as brief_chart
from quarterdeck.present.charts import buyers as buyer_chart
from quarterdeck.present.charts import competitors as rival_chart
from quarterdeck.present.charts import customers as customer_chart
from quarterdeck.present.charts import forecast as forecast_chart
from quarterdeck.present.charts import market as market_chart
from quarterdeck.present.charts import portfolio as portfolio_chart
from quarterdeck.present.charts import rivalry as seller_chart
from quarterdeck.present.charts import sizing as sizing_chart
from quarterdeck.present.charts import team as team_chart
from quarterdeck.present.charts import winloss as duel_chart
from quarterdeck.present.facts import team
from quarterdeck.present.narrative import competitors as rival_say
from quarterdeck.present.narrative import customers as customer_say
from quarterdeck.present.narrative import forecast as forecast_say
from quarterdeck.present.narrative import market as market_say
from quarterdeck.present.narrative import team as team_say
from quarterdeck.present.tables import competitors as rival_table
from quarterdeck.present.tables import customers as customer_table


@pytest.fixture(scope="module")
def desk(demo_company, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk") / "data"
    snapshot.freeze(demo_company[0], folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    return snapshot.open_desk("demo", data=str(folder))


def past_forecasts():
    """Forecasts of six quarters, as if runs on their middle days had published them."""
    starts = pd.date_range("2025-01-01", periods=6, freq="QS").astype("datetime64[us]")
    frame = pd.DataFrame({"period_start": starts, "period_end": starts + pd.offsets.QuarterEnd(0), "metric": "revenue"})
    numbers = {"p10": 5.0e6, "p50": 5.4e6, "p90": 5.9e6, "naive": 4.9e6}
    return frame.assign(made_on=starts + pd.Timedelta(days=45), created_at=pd.Timestamp("2026-11-24"), **numbers)


@pytest.fixture(scope="module")
def months(desk):
    """The panel of two regions and their segments by month, and its forecast."""
    cells = desk.ask(by_period.cells).groupby(["region", "segment", "start"])["value"].sum().reset_index()
    panel = hierarchy.sums(cells[cells["region"].isin(["North Sea", "Baltic"])])
    return panel, months_ahead.ahead(panel, series.backtest(panel, 12, 12), 12, 12)


@pytest.fixture(scope="module")
def levers(desk):
    """What the pictures and sentences of scenarios and capacity stand on."""
    ask = desk.ask
    chances = ask(win_chances.chances)
    ahead, record = ask(win_chances.bookings_ahead, chances=chances), ask(goal_seek.lever_record)
    newcomers = ask(ramp_up.newcomers, ramp=ask(skill.ramp_length))
    basis = ask(scenarios.basis, chances=chances, ahead=ahead, record=record, newcomers=newcomers)
    response = ask(scenarios.response, elasticity=ask(prices.elasticity))
    return {
        "chances": chances,
        "basis": basis,
        "response": response,
        "newcomers": newcomers,
        "rest": ask(scenarios.scenario, basis=basis, chances=chances, response=response),
        "tornado": ask(scenarios.tornado, basis=basis, chances=chances, record=record, response=response),
        "capacity": ask(capacity.capacity, newcomers=newcomers),
        "scored": ask(ledger.scored, forecast_ledger=past_forecasts()),
    }


@pytest.fixture(scope="module")
def kept(desk):
    """What the pictures and sentences of customers stand on."""
    ask = desk.ask
    outlook, track = ask(accounts.account_outlook), ask(accounts.track_record)
    scores = ask(accounts.scores, track=track)
    return {
        "lines": ask(retention.retention_lines),
        "bridge": ask(retention.customer_bridge),
        "groups": ask(retention.retention_by),
        "won": ask(retention.acquisition),
        "cohorts": ask(cohorts.cohorts),
        "outlook": outlook,
        "scores": scores,
        "bins": ask(accounts.calibration, track=track),
        "risk": ask(accounts.at_risk, outlook=outlook, scores=scores),
        "states": ask(accounts.states, outlook=outlook),
        "totals": ask(accounts.totals),
        "room": ask(accounts.to_grow, outlook=outlook),
    }


class Made:
    """What pictures stand on, each answer asked for once, when a picture first needs it."""

    def __init__(self, desk, request):
        self.desk, self.ask, self.shared = desk, desk.ask, request.getfixturevalue

    def __getattr__(self, name):
        made = ANSWERS[name](self) if name in ANSWERS else self.shared(name)
        self.__dict__[name] = made
        return made


ANSWERS = {
    "landing": lambda m: m.ask(quarter_end.landing),
    "shares": lambda m: m.ask(market_share.market_share),
    "size": lambda m: m.ask(market_share.market_size),
    "rivals": lambda m: m.ask(competitors.shares),
    "attained": lambda m: m.ask(performance.attainment),
    "late": lambda m: m.ask(stages.overdue),
    "duels": lambda m: m.ask(competitors.win_rate_by_rival),
    "moves": lambda m: m.ask(competitors.share_moves, shares=m.rivals),
    "factors": lambda m: m.ask(portfolio.factors),
    "price": lambda m: m.ask(competitors.price_position),
    "sellers": lambda m: m.ask(dynamics.structure, shares=m.rivals, moves=m.moves, momentum=m.ask(dynamics.momentum)),
}

PICTURES = {
    "room by cell": lambda m: sizing_chart.room_map(m.ask(sizing.cells)),
    "shift": lambda m: sizing_chart.split_bars(m.ask(market_share.shift_share)),
    "market ahead": lambda m: sizing_chart.ahead_lines(m.ask(sizing.ahead)),
    "fields": lambda m: portfolio_chart.field_map(m.ask(portfolio.matrix, factors=m.factors)),
    "growth and share": lambda m: portfolio_chart.growth_share_map(m.ask(portfolio.growth_share, factors=m.factors)),
    "uptake": lambda m: portfolio_chart.uptake_lines(m.ask(launches.uptake)),
    "retention": lambda m: customer_chart.retention_lines(m.kept["lines"]),
    "customers' bridge": lambda m: customer_chart.bridge_bars(m.kept["bridge"]),
    "groups": lambda m: customer_chart.group_dots(m.kept["groups"]),
    "accounts at risk": lambda m: customer_chart.risk_bars(m.kept["risk"]),
    "chances of buying": lambda m: customer_chart.calibration_dots(m.kept["bins"], m.kept["scores"]),
    "cohorts": lambda m: customer_chart.cohort_map(m.kept["cohorts"]),
    "cohorts' revenue": lambda m: customer_chart.cohort_map(m.kept["cohorts"], of="revenue"),
    "lorenz": lambda m: buyer_chart.lorenz_curve(m.ask(buyers.lorenz), m.ask(buyers.customer_concentration)),
    "elasticity": lambda m: buyer_chart.elasticity_dots(m.ask(prices.elasticity)),
    "price bridge": lambda m: buyer_chart.price_bridge(m.ask(prices.price_bridge)),
    "months": lambda m: buyer_chart.month_bars(m.ask(season.month_index)),
    "flows": lambda m: seller_chart.flow_map(m.ask(dynamics.share_flow)),
    "price lines": lambda m: seller_chart.price_lines(m.ask(dynamics.price_lines)),
    "price and share": lambda m: seller_chart.price_share_map(m.price, m.sellers),
    "positions": lambda m: seller_chart.position_map(m.ask(dynamics.position_map)),
    "odds": lambda m: duel_chart.odds_dots(m.ask(win_loss.odds)),
    "calibration": lambda m: duel_chart.calibration_dots(m.ask(win_loss.calibration)),
    "trend": lambda m: duel_chart.trend_lines(m.ask(win_loss.trend)),
    "duel map": lambda m: duel_chart.duel_map(m.ask(win_loss.win_rate_by, by="size")),
    "risk": lambda m: duel_chart.risk_bars(m.ask(win_loss.at_risk, rates=m.duels)),
    "quarters": lambda m: brief_chart.quarterly_bars(m.ask(scorecard.quarterly), m.landing),
    "bridge": lambda m: brief_chart.bridge_bars(m.ask(scorecard.revenue_bridge)),
    "size": lambda m: market_chart.size_bars(m.size, m.shares),
    "share": lambda m: market_chart.share_lines(m.shares),
    "segments": lambda m: market_chart.segment_dumbbells(m.ask(market_share.segment_growth)),
    "penetration": lambda m: market_chart.penetration_dots(m.ask(market_share.penetration)),
    "room": lambda m: market_chart.whitespace_bars(m.ask(market_share.whitespace)),
    "rivals": lambda m: rival_chart.share_lines(competitors.of_a_year(m.rivals)),
    "moves": lambda m: rival_chart.move_bars(m.ask(competitors.share_moves, shares=m.rivals)),
    "duels": lambda m: rival_chart.win_rate_dots(m.ask(competitors.win_rate_by_rival)),
    "prices": lambda m: rival_chart.price_dots(m.ask(competitors.price_position)),
    "reasons": lambda m: rival_chart.reason_bars(m.ask(competitors.loss_reasons)),
    "attainment": lambda m: team_chart.attainment_dots(
        m.attained, m.ask(performance.attainment_spread, attained=m.attained)
    ),
    "course": lambda m: team_chart.attainment_course(
        m.ask(performance.attainment_spread, attained=m.ask(performance.attainment, quarters=8))
    ),
    "skills": lambda m: team_chart.skill_intervals(m.ask(skill.skills)),
    "growth map": lambda m: team_chart.growth_map(m.ask(performance.growth_and_attainment)),
    "chances": lambda m: team_chart.chance_bars(m.ask(pace.quota_chances)),
    "waterfall": lambda m: team_chart.waterfall_bars(m.ask(movement.waterfall)),
    "slips": lambda m: team_chart.slip_bars(m.ask(movement.slips)),
    "incidence": lambda m: team_chart.incidence_areas(m.ask(durations.incidence)),
    "ramp": lambda m: team_chart.ramp_line(
        m.ask(skill.ramp, reps=m.desk.tables["reps"].assign(hired=pd.Timestamp("2023-01-15"))),
        pd.DataFrame({"clear": [True]}),
    ),
    "funnel": lambda m: team_chart.funnel_bars(m.ask(stages.funnel)),
    "cycle": lambda m: team_chart.cycle_histogram(m.ask(stages.cycle), m.ask(performance.cycle_days_total)),
    "overdue": lambda m: team_chart.overdue_bars(m.late, m.ask(stages.overdue_total, overdue_deals=m.late)),
    "landing": lambda m: forecast_chart.landing_strip(m.landing),
    "origins": lambda m: forecast_chart.origin_dots(m.ask(quarter_end.origins), m.landing),
    "fan": lambda m: forecast_chart.fan_lines(months_ahead.fan(*m.months)),
    "parts": lambda m: forecast_chart.part_dots(months_ahead.parts(*m.months, season=12)),
    "bookings": lambda m: forecast_chart.bookings_bar(
        m.ask(win_chances.bookings_ahead, chances=m.ask(win_chances.chances)), m.ask(goal_seek.quarter_goal)
    ),
    "levers": lambda m: forecast_chart.lever_dots(
        m.ask(goal_seek.seek, record=m.ask(goal_seek.lever_record), goal=m.ask(goal_seek.quarter_goal)),
        m.ask(goal_seek.lever_record),
    ),
    "reliability": lambda m: forecast_chart.reliability_dots(
        m.ask(win_chances.reliability, tried=m.ask(win_chances.tried)),
        m.ask(win_chances.trial, tried=m.ask(win_chances.tried)),
    ),
    "pipeline": lambda m: forecast_chart.pipeline_bars(m.ask(win_chances.by_stage, chances=m.ask(win_chances.chances))),
    "calls": lambda m: forecast_chart.call_lines(m.ask(quarter_end.call_accuracy)),
    "ledger": lambda m: forecast_chart.ledger_rows(m.levers["scored"], ledger.scores(m.levers["scored"])),
    "rest": lambda m: forecast_chart.scenario_rows(m.levers["rest"]),
    "moved": lambda m: forecast_chart.scenario_rows(
        m.levers["rest"].assign(p50=lambda t: t["p50"] * 1.02), m.levers["rest"]
    ),
    "tornado": lambda m: forecast_chart.tornado_bars(m.levers["tornado"]),
    "capacity": lambda m: team_chart.capacity_bars(m.levers["capacity"]),
}


@pytest.fixture(scope="module")
def made(desk, request):
    return Made(desk, request)


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_states_its_finding_and_its_question(made, name):
    ax = PICTURES[name](made)
    assert isinstance(ax, Axes)
    (question,) = [t for t in ax.texts if t.get_gid() == style.QUESTION]
    finding = ax._left_title  # which has no getter
    assert finding.get_text() and "nan" not in finding.get_text() and "?" in question.get_text()
    ax.figure.draw_without_rendering()
    above, below = (head.get_window_extent() for head in (finding, question))
    assert not above.overlaps(below)
    assert max(above.x1, below.x1) <= ax.figure.bbox.width + 1
    assert not plt.get_fignums()  # no picture is kept alive by pyplot


def test_one_ink_means_one_seller_on_every_page():
    one, other = rival_chart.inks(pd.Series(["B", "A", "Us"])), rival_chart.inks(pd.Series(["Us", "A", "B"]))
    assert one == other and one["Us"] == style.US and one["A"] != one["B"]


def test_the_market_sentences():
    split = pd.DataFrame({"part": ["before", "market", "mix", "share", "now"], "amount": [80e6, 7e6, 1e6, -3e6, 85e6]})
    assert market_say.share_takeaway(split) == (
        "**We grew by €5.0m: €7.0m with the market, €1.0m by our mix of segments and regions, and −€3.0m by losing share** "
        "(four quarters on the four before)."
    )
    size = pd.DataFrame(
        {
            "label": ["Q3 26"],
            "market": [110e6],
            "low": [100e6],
            "high": [120e6],
            "trailing": [460e6],
            "growth": [0.058],
            "apart": [0.2],
        }
    )
    assert market_say.size_takeaway(size) == (
        "**The market was worth €460m in the four quarters to Q3 26**, +5.8 % on the four before. "
        "Sources differ by 20 % on the last quarter."
    )


def test_the_rival_sentences():
    moves = pd.DataFrame(
        {
            "seller": ["A", "B", "Us"],
            "before": 0.3,
            "now": [0.32, 0.3, 0.28],
            "change": [0.02, 0.0, -0.02],
            "worth": [8e6, 0, -8e6],
        }
    )
    assert rival_say.moves_takeaway(moves) == (
        "**We lost 2.0 pp of the market in a year, worth €8.0m**, and hold 28.0 %. A moved by +2.0 pp, B by 0.0 pp."
    )
    duel = {"won": 20, "n": 100, "rate": 0.22, "low": 0.17, "high": 0.28, "raw": 0.2, "all": 0.4, "lost": 1e6}
    harder = pd.DataFrame(
        [duel | {"competitor": "A"}, duel | {"competitor": "B", "rate": 0.5, "low": 0.41, "high": 0.6}]
    )
    assert rival_say.win_rate_takeaway(harder) == (
        "**We win 40.0 % of 200 deals with a rival: less often against A; more often against B.** €1.0m went in deals with A."
    )
    alike = harder.assign(low=0.3, high=0.5)
    assert "no rival stands apart" in rival_say.win_rate_takeaway(alike)


def test_the_sentences_of_the_months_ahead():
    row = {"wape": 0.2, "bias": -0.09, "value_added": 0.2, "near": 0.2, "far": 0.2, "n": 1200, "origins": 4}
    rows = [("Joined", 0.9, 0.79), ("ETS", 0.95, float("nan")), ("Seasonal naive", 1.1, float("nan"))]
    accuracy = pd.DataFrame([row | {"model": m, "mase": e, "coverage": c} for m, e, c in rows])
    assert forecast_say.accuracy_takeaway(accuracy) == (
        "**Joined, the forecasts missed by 20.0 % over 4 origins** (MASE 0.90; the best way alone, ETS, 0.95; repeating last year "
        "1.10), 9.0 % too low on the whole; the interval of 80 % would have held 79 % of 1,200 forecasts."
    )
    alike = forecast_say.accuracy_takeaway(accuracy.assign(wape=0.0, bias=-1e-9))
    assert "missed by 0.0 % over 4 origins" in alike and ", neither too high nor too low on the whole;" in alike
    parts = pd.DataFrame(
        {"dimension": "region", "part": ["A", "B"], "past": [1e6, 2e6], "middle": [1.5e6, 1.9e6], "change": [0.5, -0.05],
         "low": [1.2e6, 1.5e6], "high": [1.8e6, 2.3e6], "sure": [True, False]}
    )  # fmt: skip
    assert forecast_say.parts_takeaway(parts) == (
        "**The next twelve months bring surely more from A**; at the median, A adds most: €500k (+50.0 %)."
    )
    down = parts.assign(middle=parts["past"] - 1e5, sure=False)
    assert forecast_say.parts_takeaway(down) == (
        "**Of no part is it sure whether it grows**; at the median, no part adds anything."
    )


def test_the_sentence_on_what_is_known_beforehand():
    ways = ["leap years and Easter", "weekdays, leap years and Easter", "initiatives"]
    gains = pd.DataFrame({"way": ways, "gain": [0.001, -0.008, 0.05], "low": [-0.01, -0.02, 0.02], "n": 24})
    ahead = pd.DataFrame({"series": ["all"], "middle": [1.0]})
    said = forecast_say.regressors_takeaway(ahead, gains.assign(taken=[False, False, True]))
    assert said == (
        "**What initiatives moved is taken out before, and put back after**: known beforehand, they would have moved errors one "
        "month on by −0.1 % (leap years and Easter), +0.8 % (weekdays, leap years and Easter), −5.0 % (initiatives) over the "
        "last 24 months. Only what surely cuts them is taken out."
    )
    assert [c.predicate for c in said.claims[1::2]] == ["not clear", "not clear", "below"]
    none = forecast_say.regressors_takeaway(ahead, gains.assign(taken=False).head(2))
    assert none.startswith("**Calendar and initiatives are left in**") and "no initiatives are on record" in none
    assert "too short" in forecast_say.regressors_takeaway(ahead, gains.head(0))


def test_the_forecast_sentences():
    row = {
        "seen": 13.6e6,
        "p10": 29.9e6,
        "p50": 31.9e6,
        "p90": 34.0e6,
        "target": 30.3e6,
        "probability": 0.842,
        "n_origins": 16,
        "wape": 0.04,
    }
    landing = pd.DataFrame([row])
    assert forecast_say.landing_takeaway(landing) == (
        "**The quarter is heading for €31.9m (80 % range €29.9m to €34.0m)**; €13.6m is in so far. "
        "The target of €30.3m has a chance of 84 %; the forecast lies €1.6m above it."
    )
    quotas = landing.assign(of_quotas=1.0)
    assert (
        "The quotas of €30.3m have a chance of 84 %; the forecast lies €1.6m above them."
        in forecast_say.landing_takeaway(quotas)
    )
    over = landing.assign(p10=31.9e6, p90=31.9e6, seen=31.9e6, probability=1.0)
    assert forecast_say.landing_takeaway(over) == "**The quarter ended at €31.9m, and reached its target of €30.3m.**"
    short = forecast_chart.landing_strip(over.assign(target=40e6)).get_title(loc="left")
    assert short == "The quarter ended at €31.9m, short of its target of €40.0m"
    unknown = landing.assign(p50=float("nan"), wape=float("nan"), n_origins=2)
    assert "2 past quarters to learn from, too few" in forecast_say.landing_takeaway(unknown)
    for past, said in ((0, "no past quarter to learn from."), (1, "one past quarter to learn from, too few")):
        assert f"There is {said}" in forecast_say.landing_takeaway(unknown.assign(n_origins=past))
    assert "no past forecast" in forecast_say.origins_takeaway(unknown)
    assert "The quarter is over" in forecast_say.origins_takeaway(over.assign(wape=float("nan")))
    past = pd.DataFrame({"label": ["Q1 26"], "forecast": [1e6], "actual": [1e6]})
    drawn = forecast_chart.origin_dots(past, over.assign(wape=float("nan")))
    assert drawn.get_title(loc="left") == "These are past quarters, as they ended"


def test_the_ledger_sentences():
    row = {"metric": "revenue", "lead": "all", "n": 8, "spans": 8, "wape": 0.032, "naive_wape": 0.095, "added": 0.063}
    row |= {"added_low": 0.016, "added_high": 0.11, "mase": 0.4, "bias": -0.004, "crps": 0.02, "coverage": 0.875}
    scores = pd.DataFrame([row | {"low": 0.6, "high": 0.97, "afterwards": 3}])
    assert forecast_say.ledger_takeaway(scores) == (
        "**The 8 forecasts of revenue that came due missed by 3.2 %**, 0.4 % too low on the whole, and 80 % ranges "
        "held 88 % (60 % to 97 %) of the time. That is 6.3 pp closer than repeating last year (+1.6 pp to +11.0 pp), more than "
        "chance. 3 of them were computed after the event, from the tables cut back to the day they speak from."
    )
    worse = scores.assign(added=-0.02, added_low=-0.05, added_high=0.01, afterwards=0)
    assert forecast_say.ledger_takeaway(worse).endswith(
        "2.0 pp further off than repeating last year (−5.0 pp to +1.0 pp), which may be chance."
    )
    assert "too few quarters to be sure" in forecast_say.ledger_takeaway(scores.assign(added_low=float("nan")))


def test_one_sentence_joins_the_target_of_revenue_and_its_goal_in_bookings():
    landing = pd.DataFrame([{"p50": 32.0e6, "target": 30.0e6, "probability": 0.83}])
    rest = pd.DataFrame([{"quarter": "Q4 2026", "p50": 9.6e6, "goal": 10.5e6, "chance": 0.09}])
    goal = pd.DataFrame({"goal": [10.5e6], "from_what": ["revenue target"]})
    said = forecast_say.target_takeaway(landing, rest, goal)
    assert "€30.0m of revenue has a chance of 83 %, the €10.5m of bookings that usually go with it 9 %" in said
    assert "35 % of revenue in the last four quarters and come to 30 %" in said  # 10.5 ÷ 30 and 9.6 ÷ 32
    quotas = goal.assign(from_what="quotas")
    assert "No target of revenue" in forecast_say.target_takeaway(landing, rest, quotas)


def test_the_scenario_sentences():
    numbers = {"p10": 9.5e6, "p50": 10.0e6, "p90": 10.6e6, "goal": 10.6e6, "chance": 0.09}
    base = pd.DataFrame([{"quarter": "Q4 2026"} | numbers, {"quarter": "Q1 2027"} | numbers])
    assert forecast_say.scenario_takeaway(base, base) == (
        "**Q4 2026 ends at €10.0m of bookings (80 % range €9.5m to €10.6m)**; the goal of €10.6m has a "
        "chance of 9 %. The quarter after it brings €10.0m."
    )
    moved = base.assign(p50=[10.6e6, 11.0e6], chance=0.5)
    said = forecast_say.scenario_takeaway(moved, base)
    assert "€600k more than as now" in said and "chance of 50 % (as now 9 %)" in said and "+10.0 % on as now" in said
    assert "goal" not in forecast_say.scenario_takeaway(base.assign(goal=float("nan")), base)


def test_the_capacity_sentences():
    row = {
        "quarter": "Q4 2026",
        "sellers": 46.0,
        "ramped": 45.5,
        "factor": 0.8,
        "capacity": 9e6,
        "low": 8e6,
        "high": 10e6,
    }
    row |= {
        "plan": 10e6,
        "assumed": False,
        "quota": 11e6,
        "of_plan": 1.1,
        "enough": 1.25,
        "gap": 1e6,
        "hires": 5.0,
        "hires_now": 9.0,
    }
    short = pd.DataFrame([row | {"hire_by": pd.Timestamp("2026-01-05"), "late": True}])
    ramp = pd.DataFrame({"months": [10.0], "start": [0.43], "low": [0.3], "high": [0.56], "n": [28]})
    assert team_say.capacity_takeaway(short, ramp) == (
        "**At past attainment the 46 sellers' quotas carry €9.0m in Q4 2026** (80 % range €8.0m to €10.0m), "
        "against a plan of "
        "€10.0m. Quotas add up to 110 % of it; past quarters brought 80 % of full quotas, so 125 % would do. In the median case, "
        "Q4 2026 falls €1.0m short of the plan (still within reach), the worth of 5 sellers hired by 5 Jan 2026; that day has "
        "passed, and from today it takes 9 sellers. A newcomer begins at 43 % of a usual seller's bookings (30 % to 56 %, n 28) "
        "and is there after 10 months."
    )
    beyond = team_say.capacity_takeaway(short.assign(high=9.5e6), ramp)  # the whole 80 % range lies below the plan
    assert "falls €1.0m short of the plan, the worth" in beyond
    assert "No quarter ahead" in team_say.capacity_takeaway(short.assign(gap=-1.0), ramp)
    never = team_say.capacity_takeaway(short.assign(hires_now=float("nan")), ramp)
    assert "nobody who begins today would be in time" in never
    unknown = team_say.capacity_takeaway(short.assign(hire_by=pd.NaT), ramp.iloc[:0])
    assert unknown.endswith("5 sellers; how long a new one takes is not known.")
    assert "no plan is set" in team_say.capacity_takeaway(short.assign(plan=float("nan")), ramp)


def test_the_pages_own_forecast_is_not_called_commit_the_sales_leads_is():
    ahead = {"booked": 2e6, "open_worth": 1e6, "deals": 40, "commit": 2.5e6, "best": 3.1e6, "pipeline": 3.7e6}
    assert "By the deals' chances bookings end at €3.1m (80 % range €2.5m to €3.7m)." in (
        forecast_say.bookings_takeaway(pd.DataFrame([ahead]), pd.DataFrame(columns=["goal", "from_what"]))
    )
    call = {"category": "commit", "weeks_left": [9, 1], "error": [0.1, 0.02], "low": 0.01, "high": 0.2, "n": 8}
    assert forecast_say.calls_takeaway(pd.DataFrame(call)).startswith(
        "**What the sales leads called “commit” was off by +10"
    )


def test_sellers_expected_at_quota_and_likely_ones_are_both_defined():
    table = pd.DataFrame({"chance": [0.2, 0.4, 0.5, 0.9, 1.0], "brier": 0.1, "brier_base": 0.2, "n": 60})
    said = team_say.chances_takeaway(table)
    # 0.2 + 0.4 + 0.5 + 0.9 + 1 = 3; two of them lie above one half
    assert said.startswith(
        "**About 3 of 5 sellers can be expected to reach quota this quarter.** The odds favour 2 of them; "
    )
    chances = {tuple(c.figures.values()) for c in said.claims if c.metric == "quota_chance"}
    assert chances == {(3.0, 5), (2, 5)}
    assert team.likely_sellers(table).subject == "sellers have a chance above one half of ending at quota"


def test_a_leak_is_said_with_its_seller_its_stage_and_its_money():
    rows = [("R1", "Ann", "Proposal", 0.4, 0.6, 3.0e5, True), ("R2", "Bob", "Proposal", 0.6, 0.6, 0.0, False)]
    table = pd.DataFrame(rows, columns=["rep_id", "name", "stage", "rate", "team", "leak", "clear"])
    assert team_say.leaks_takeaway(table) == (
        "**At 1 step a seller clearly loses more deals than all do** (2 sellers at 1 stage), €300k in twelve months: "
        "Ann after “Proposal” (40 % go on, of all 60 %)."
    )
    better = table.assign(leak=-table["leak"])  # one who keeps more than all is no leak
    assert team_say.leaks_takeaway(better) == (
        "**No seller clearly loses more deals at a stage than all do** (2 sellers at 1 stage)."
    )


def test_what_a_seller_brings_says_more_or_less_only_where_that_is_clear():
    row = {
        "year": 2.2e6,
        "low": 1.8e6,
        "high": 2.6e6,
        "sellers": 48,
        "months": 576.0,
        "ramped": 570.0,
        "change": 0.14,
        "change_low": 0.03,
        "change_high": 0.26,
    }
    margin = row | {"measure": "margin", "year": 7.2e5, "low": 6.0e5, "high": 8.4e5, "change": -0.1, "change_low": -0.2}
    said = team_say.brought_takeaway(pd.DataFrame([row | {"measure": "revenue"}, margin]))
    assert said == (
        "**A ramped seller brought €2.2m of revenue and €720k of gross margin in twelve months** (€1.8m to €2.6m; €600k to €840k; "
        "n 48 sellers). That is more revenue than in the year before (+14.0 %; +3.0 % to +26.0 %). That is not surely more or less "
        "gross margin than in the year before (−10.0 %; −20.0 % to +26.0 %)."
    )
    new = {k: float("nan") for k in ("change", "change_low", "change_high")}
    said = team_say.brought_takeaway(pd.DataFrame([row | new | {"measure": "bookings", "ramped": 576.0}]))
    assert said.startswith("**A seller brought")
    assert said.endswith("(€1.8m to €2.6m; n 48 sellers). No costs are kept, so gross margin is not known.")


@pytest.mark.slow
def test_sentences_over_the_demo_company_have_no_hole(desk, levers):
    ask = desk.ask
    attained, chances, goal = ask(performance.attainment), ask(win_chances.chances), ask(goal_seek.quarter_goal)
    cells, habits = ask(sizing.cells), ask(buyers.habits)
    factors = ask(portfolio.factors)
    said = [
        market_say.share_takeaway(ask(market_share.shift_share)),
        market_say.room_takeaway(ask(sizing.addressable, cells=cells), cells),
        market_say.fields_takeaway(ask(portfolio.matrix, factors=factors)),
        market_say.launch_takeaway(ask(launches.cannibalised, launches=ask(launches.cannibalisation))),
        market_say.buyers_takeaway(ask(buyers.value_segments, habits=habits), ask(buyers.customer_concentration)),
        market_say.elasticity_takeaway(ask(prices.elasticity)),
        market_say.season_takeaway(
            ask(season.month_index), ask(season.weekday_index), ask(season.holiday_effect, country="NO")
        ),
        rival_say.structure_takeaway(ask(competitors.market_concentration)),
        rival_say.flow_takeaway(ask(dynamics.share_flow)),
        rival_say.alarm_takeaway(ask(alarms.win_rate_alarms)),
        rival_say.cost_takeaway(ask(win_loss.cost_of_rivalry)),
        rival_say.response_takeaway(ask(demand.price_response)),
        market_say.segment_takeaway(ask(market_share.segment_growth)),
        market_say.penetration_takeaway(ask(market_share.penetration)),
        market_say.whitespace_takeaway(ask(market_share.whitespace)),
        rival_say.price_takeaway(ask(competitors.price_position)),
        rival_say.reasons_takeaway(ask(competitors.loss_reasons)),
        forecast_say.bookings_takeaway(ask(win_chances.bookings_ahead, chances=chances), goal),
        forecast_say.trial_takeaway(ask(win_chances.trial, tried=ask(win_chances.tried))),
        forecast_say.seek_takeaway(ask(goal_seek.seek, record=ask(goal_seek.lever_record), goal=goal)),
        forecast_say.calls_takeaway(ask(quarter_end.call_accuracy)),
        forecast_say.ledger_takeaway(ledger.scores(levers["scored"])),
        forecast_say.scenario_takeaway(levers["rest"], levers["rest"]),
        forecast_say.tornado_takeaway(levers["tornado"]),
        team_say.capacity_takeaway(levers["capacity"], levers["newcomers"]),
        team_say.attainment_takeaway(ask(performance.attainment_spread, attained=attained)),
        team_say.brought_takeaway(ask(productivity.brought, sellers=ask(productivity.sellers))),
        team_say.sellers_takeaway(ask(productivity.ranked, sellers=ask(productivity.sellers))),
        team_say.parts_takeaway(ask(performance.attainment_by, attained=attained)),
        team_say.skill_takeaway(ask(skill.skills)),
        team_say.chances_takeaway(ask(pace.quota_chances)),
        team_say.waterfall_takeaway(ask(movement.waterfall)),
        team_say.hygiene_takeaway(ask(movement.hygiene)),
        team_say.cover_takeaway(ask(pace.cover)),
        team_say.standing_takeaway(ask(standing.standing)),
        team_say.levers_takeaway(ask(skill.levers)),
        team_say.discounts_takeaway(ask(discounts.discounts)),
        team_say.funnel_takeaway(ask(stages.funnel)),
        team_say.leaks_takeaway(ask(stages.leaks)),
    ]
    assert not [s for s in said if "nan" in s or "–" in s or not s.startswith(("**", "In "))]


def test_sentences_tell_a_finding_from_its_absence():
    eaten = {"n": 4, "rate": 0.3, "low": 0.1, "high": 0.5}
    assert market_say.launch_takeaway(pd.DataFrame([eaten])).startswith(
        "**New products ate their siblings:** these lost 30 %"
    )
    assert "cannot be shown" in market_say.launch_takeaway(pd.DataFrame([eaten | {"low": -0.1}]))
    stake = {"competitor": "A", "value": 2e6, "low": 1e6, "high": 3e6}
    assert "brought €2.0m in twelve months (€1.0m to €3.0m)" in rival_say.stake_takeaway(pd.DataFrame([stake]))
    assert "nothing clear of chance" in rival_say.stake_takeaway(pd.DataFrame([stake | {"low": -1e5}]))
    watched = {"name": "A", "since": pd.Timestamp("2026-03-01"), "before": 0.4, "now": 0.2, "alarm": True}
    watched["months"] = 36
    assert (
        rival_say.alarm_takeaway(pd.DataFrame([watched]))
        == "**Our win rate changed against A since 1 Mar 2026, from 40 % to 20 %.**"
    )
    calm = watched | {"alarm": False}
    assert "nothing in three years sets" in rival_say.alarm_takeaway(pd.DataFrame([calm]))
    assert "nothing in the 14 months there are sets" in rival_say.alarm_takeaway(pd.DataFrame([calm | {"months": 14}]))
    cost = pd.DataFrame({"measure": ["cycle_days", "margin"], "low": [2.0, -0.1], "high": [9.0, 0.1]})
    assert "changes the cycle of the deals we win" in rival_say.cost_takeaway(cost)


def test_cards_escape_what_a_table_holds(desk):
    duels = desk.ask(competitors.win_rate_by_rival).assign(competitor=lambda t: "<b>" + t["competitor"])
    none = desk.ask(competitors.reasons_by_rival).iloc[:0]
    cells = desk.ask(win_loss.win_rate_by, by="segment")
    cards = battlecards.cards(duels, cells, win_loss.stake(duels), desk.ask(win_loss.at_risk, rates=duels), none)
    page = rival_table.battlecards(cards, desk.ask(win_loss.notable)).data
    undated = rival_table.battlecards(cards.assign(share=0.2, change=float("nan")), desk.ask(win_loss.notable)).data
    assert "20.0 %" in undated and "in a year" not in undated
    assert page.count('class="card') == 6 and "<b>" not in page and "&lt;b&gt;Borealis" in page and "nan" not in page


def test_the_ramp_and_the_pace_in_words():
    length = {"months": 6.0, "low": 4.0, "high": 9.0, "depth": -0.9, "points": -0.18, "clear": True, "n": 900}
    assert team_say.ramp_takeaway(pd.DataFrame([length])) == (
        "**A new seller takes 6 months to win as often as the others (4 to 9)**, and starts 18.0 pp of win rate behind "
        "(n 900 deals of the first months)."
    )
    assert "cannot be shown" in team_say.ramp_takeaway(pd.DataFrame([length | {"clear": False}]))
    new = {
        "quarter": "Q3 2026",
        "sellers": 2,
        "own": 0.73,
        "eased": 0.67,
        "low": 0.1,
        "high": 1.69,
        "asked": 0.76,
        "come": 0.83,
    }
    said = team_say.ramp_takeaway(pd.DataFrame([length]), ramping=pd.DataFrame([new | {"others": 1.01}]))
    assert said.endswith(
        " In Q3 2026 the 2 sellers still on the ramp attained 73 % of the quotas set for them, at 76 % of full ones, and 67 % "
        "(10 % to 169 %) of ramp-adjusted ones, at the 83 % that such sellers have come to; the others attained 101 % of theirs."
    )
    alone = pd.DataFrame([new | {"sellers": 1, "low": float("nan"), "high": float("nan"), "others": float("nan")}])
    said = team_say.ramp_takeaway(pd.DataFrame([length]), ramping=alone)
    assert "the one seller still" in said and said.endswith(
        "67 % of ramp-adjusted ones, at the 83 % that such sellers have come to."
    )
    assert team_say.ramp_takeaway(pd.DataFrame([length]), ramping=alone.iloc[:0]).endswith("of the first months).")
    pace_rows = pd.DataFrame({"label": ["Q1"], "part": [0.3], "low": [0.25], "middle": [0.3], "high": [0.4], "n": [8]})
    spread = pd.DataFrame({"whole": [True, False], "together": [1.0, 0.36], "reps": [4, 4]})
    rate = {
        "gap": 7.0e6,
        "part": float("nan"),
        "counted": "Monday to Friday; holidays are not known",
        "left": 34,
        "needed": 2.1e5,
        "gone": 32,
        "so_far": 9.9e4,
        "low": 2.0e5,
        "middle": 2.1e5,
        "high": 2.2e5,
    }
    said = team_say.pace_takeaway(pace_rows, spread, rate=pd.DataFrame([rate | {"reached": 5, "n": 8}]))
    assert said.endswith(
        " The quota asks €210k of each of the 34 working days left (Monday to Friday; holidays are not known), more than the €99k "
        "of one so far; after this day past quarters brought €210k a working day (€200k to €220k), 5 of 8 as much."
    )
    short = pd.DataFrame([rate | {"needed": 9.0e4, "middle": float("nan"), "reached": 0, "n": 2}])
    assert team_say.pace_takeaway(pace_rows, spread, rate=short).endswith("less than the €99k of one so far.")
    met = pd.DataFrame([rate | {"gap": 0.0, "left": 1, "reached": 8, "n": 8}])
    assert team_say.pace_takeaway(pace_rows, spread, rate=met).endswith("The quota is met with 1 working day left.")
    never = pd.DataFrame([rate | {"reached": 0, "n": 8}])
    assert team_say.pace_takeaway(pace_rows, spread, rate=never).endswith("none of 8 as much.")
    end = {"value": 9.7e6, "low": 9.2e6, "high": 10.2e6, "attainment": 0.95, "by": "open deals"}
    assert team_say.pace_takeaway(pace_rows, spread, end=pd.DataFrame([end])) == (
        "By this day of a quarter, 30 % (25 % to 40 % in 8 quarters) of its bookings are usually in. By the open deals' chances, "
        "all together end at €9.7m (80 % range €9.2m to €10.2m), 95 % of quota."
    )


def test_customers_sentences_say_what_the_frames_say(desk, kept):
    net = kept["lines"].query("kind == 'net'").iloc[-1]
    assert f"bring {style.percent(net['value'], 0)} of what they brought" in customer_say.retention_takeaway(
        kept["lines"]
    )
    lost = kept["bridge"].set_index("step").loc["lost"]
    assert (
        f"{lost['customers']:,.0f} customers were lost with {style.money(-lost['amount'])}"
        in customer_say.bridge_takeaway(kept["bridge"])
    )
    said = customer_say.risk_takeaway(kept["states"], kept["totals"], kept["scores"])
    assert said.startswith(
        f"**{style.money(kept['totals']['at_stake'].iloc[0])} of the next twelve months is at stake**"
    )
    rare = customer_say.risk_takeaway(kept["states"].assign(rarely=3), kept["totals"], kept["scores"])
    assert ", 3 of them in doubt because they buy rarely, not because they fell silent; " in rare
    unsure = kept["scores"].assign(gain_low=-0.1)
    assert customer_say.risk_takeaway(kept["states"], kept["totals"], unsure).startswith(
        "**No account is named as at risk"
    )
    assert "are not surely better" in customer_say.trust_takeaway(unsure)
    assert f"{len(kept['room'])} accounts" in customer_say.growth_takeaway(kept["room"])
    assert "A new customer cost" in customer_say.acquisition_takeaway(kept["won"])
    apart = kept["groups"].assign(place=["below"] + [""] * (len(kept["groups"]) - 1))
    apart.loc[0, ["low", "value", "high", "all"]] = 0.5, 0.6, 0.7, 0.99
    assert f"{apart['group'].iloc[0]} is below in net retention" in customer_say.groups_takeaway(apart)


def test_customers_tables_hold_every_row(kept):
    for laid, frame in (
        (customer_table.accounts(kept["risk"]), kept["risk"]),
        (customer_table.growth(kept["room"]), kept["room"].head(customer_table.MOST_ROWS)),
    ):
        assert all(name.split()[0] in laid.as_raw_html() for name in frame["name"])


def test_no_name_under_a_bridge_is_torn():
    parts = ["A year before", "Mediterranean", "Ports and harbours", "Now"]
    bridge = pd.DataFrame(
        {"part": parts, "kind": ["total", "part", "part", "total"], "amount": [10.0, 2.0, -1.0, 11.0]}
    )
    labels = [label.get_text() for label in brief_chart.bridge_bars(bridge).get_xticklabels()]
    assert [label.replace("\n", " ") for label in labels] == parts and "Ports and\nharbours" in labels
