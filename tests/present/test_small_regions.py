"""Do sentences and pictures say what is so where a region has one seller, one team or next to no past?"""

import math

import pandas as pd

from quarterdeck.analysis.team import performance
from quarterdeck.present import style
from quarterdeck.present.charts import forecast as forecast_chart
from quarterdeck.present.charts import rivalry as rivalry_chart
from quarterdeck.present.charts import steps as steps_chart
from quarterdeck.present.charts import team as chart
from quarterdeck.present.narrative import market as market_say
from quarterdeck.present.narrative import team as say
from quarterdeck.present.tables import forecast as forecast_table
from quarterdeck.present.tables import team as table

QUARTER = {"whole": True, "elapsed": 1.0, "low": 0.0, "high": 0.5, "p10": 0.3, "p90": 0.9, "median": 0.56}


def quarters(*counts):
    """Give the spread of whole quarters, then of an open one, each with so many sellers of whom so many reached their quota."""
    rows = [
        QUARTER | {"quarter": f"Q{k} 2020", "reps": reps, "at_quota": at, "share": at / reps, "together": 0.56}
        for k, (at, reps) in enumerate(counts, 1)
    ]
    rows[-1] |= {"whole": False, "elapsed": 0.67, "together": 0.23}
    return pd.DataFrame(rows)


def heading(ax):
    return ax.get_title(loc="left")


def test_one_seller_is_no_team():
    spread = quarters((0, 1), (0, 1), (0, 1))
    assert say.attainment_takeaway(spread.iloc[1:]) == (
        "**The one seller attained 56 % of quota in Q2 2020.** In Q3 2020 the one seller stands at 23 % of quota with 67 % of the "
        "days gone: behind an even pace."
    )
    ax = chart.attainment_course(spread)
    assert heading(ax) == "The one seller reached the quota in none of 2 quarters"
    assert "the median seller" not in [text.get_text() for text in ax.get_legend().get_texts()]
    pace = pd.DataFrame({"middle": [0.5], "low": [0.4], "high": [0.6], "n": [7]})
    end = pd.DataFrame({"value": [46.0], "low": [38.0], "high": [58.0], "attainment": [0.46], "by": ["pace"]})
    assert "At that pace, the one seller ends at €46 (80 % range €38 to €58), 46 % of quota." in (
        say.pace_takeaway(pace, spread, end=end)
    )


def test_where_no_quarter_is_whole_none_is_counted():
    assert heading(chart.attainment_course(quarters((0, 3)))) == "No whole quarter with quotas is on record yet"


def test_a_rank_is_one_among_all_who_are_ranked_and_not_those_of_the_page_alone():
    row = {
        "rep_id": "R",
        "name": "A",
        "region": "North",
        "low": -0.1,
        "high": 0.2,
        "points": 0.01,
        "n": 10,
        "months": 36,
    }
    skills = pd.DataFrame([row | {"rank_low": 1, "rank_high": 9, "place": "like the others", "of": 9}] * 3)
    assert "A rank is known to within 8 of 9 places" in say.skill_takeaway(skills)


def test_a_price_that_did_not_move_did_not_move_most():
    starts = pd.date_range("2025-01-01", periods=5, freq="QS")
    prices = pd.DataFrame({"start": starts, "label": [str(s.date()) for s in starts], "competitor": "Makeo"})
    flat = rivalry_chart.price_lines(prices.assign(price_index=[95.0, 95.0, 95.0, 95.0, 95.01]))
    assert heading(flat) == "No rival's price moved against ours in a year"
    moved = rivalry_chart.price_lines(prices.assign(price_index=[95.0, 95.0, 95.0, 95.0, 94.0]))
    assert heading(moved) == "Makeo moved most in a year: −1.0 points against us"


def test_none_is_said_in_words_and_no_tenth_of_few_sellers():
    assert say.attainment_takeaway(quarters((0, 3), (0, 3)).iloc[:1]) == (
        "**None of 3 sellers reached their quota in Q1 2020** (0 %; 0 % to 50 %); the median attained 56 %."
    )
    many = say.attainment_takeaway(quarters((2, 14), (0, 14)).iloc[:1])
    assert many.startswith("**2 of 14 sellers reached") and many.endswith("(80 % range of sellers 30 % to 90 %).")
    assert heading(chart.attainment_course(quarters((0, 3), (3, 3), (0, 3)))).endswith(
        "in none of 2 quarters, the median seller in none"
    )


def test_who_is_ahead_and_grows_is_counted_in_words():
    names = ["A", "B", "C"]
    field = {"name": names, "attainment": [1.2, 1.1, 0.4], "growth": [0.3, 0.2, 0.1], "booked": [3.0, 2.0, 1.0]}
    growing = pd.DataFrame(field | {"clear": [True, False, False], "field": ["ahead and growing"] * 2 + ["behind"]})
    assert heading(chart.growth_map(growing)) == "2 of 3 sellers are ahead of quota and growing, 1 of these clearly"
    assert heading(chart.growth_map(growing.iloc[1:])) == "1 of 2 sellers is ahead of quota and growing, not clearly"
    assert heading(chart.growth_map(growing.iloc[[0]])) == "The one seller is ahead of quota and growing, clearly"
    behind = growing.assign(field="behind")
    assert heading(chart.growth_map(behind)) == "None of 3 sellers is ahead of quota and growing"
    assert heading(chart.growth_map(behind.iloc[[0]])) == "The one seller is not both ahead and growing"


def test_one_team_is_held_against_no_other():
    row = {
        "name": "T",
        "won": 93,
        "n": 226,
        "raw": 0.41,
        "rate": 0.41,
        "low": 0.36,
        "high": 0.47,
        "by_value": 0.4,
        "team": 0.41,
    }
    rates = pd.DataFrame([row | {"ranked": True, "place": performance.TOGETHER}])
    assert (
        say.manager_takeaway(rates) == "**There is one team here**: it wins 41.0 % of its deals (36 % to 47 %, n 226)."
    )
    assert "like the others" not in table.manager_win_rates(rates).as_raw_html()
    two = pd.concat([rates, rates.assign(name="U")], ignore_index=True)
    assert "like the others" in table.manager_win_rates(two).as_raw_html()


def test_the_best_of_few_sellers_is_no_tenth():
    few = {"top": 0.34, "sellers": 1, "n": 5, "median": 6e5, "gone": 0.0}
    assert say.hanging_takeaway(pd.DataFrame([few])).startswith("The best of 5 sellers brings 34 % of bookings")
    many = say.hanging_takeaway(pd.DataFrame([few | {"sellers": 3, "n": 30}]))
    assert many.startswith("The best tenth of sellers, 3 of 30, brings 34 %")


def test_the_ramp_is_drawn_as_it_is_said():
    ramp = pd.DataFrame({"month": [0, 1, 5], "won": [5, 6, 9], "n": [30, 30, 30], "rate": [0.17, 0.2, 0.3]})
    ramp = ramp.assign(low=0.1, high=0.4, usual=0.38)
    clear, doubt = (pd.DataFrame({"clear": [is_clear]}) for is_clear in (True, False))
    assert heading(chart.ramp_line(ramp, clear)) == "In the first months a seller wins 18 %, less than the usual 38 %"
    assert (
        heading(chart.ramp_line(ramp, doubt))
        == "In the first months a seller wins 18 %, which may be chance beside the usual 38 %"
    )
    assert heading(chart.ramp_line(ramp.iloc[2:], doubt)).startswith("After 5 months a seller wins 30 %")


def test_a_table_says_of_what_it_shows_a_part():
    coached = pd.DataFrame(
        {"name": [f"S{k}" for k in range(14)], "lever": "win_rate", "gap": -0.2, "low": -0.3, "high": -0.1}
    )
    coached = coached.assign(clear=True, worth=1e5, n=50, months=14)
    assert "The 12 of 14 whose gap is worth most." in table.levers(coached).as_raw_html()
    assert "of 14" not in table.levers(coached.head(12)).as_raw_html()
    assert "the 14 months there are" in table.levers(coached).as_raw_html()
    faults = pd.DataFrame(
        {"fault": ["no date", "any of these"], "deals": 9, "open_deals": 9, "amount": 1e6, "part": 1.0}
    )
    assert "Stuck" not in table.hygiene(faults).as_raw_html()
    assert "all of it is “no date” (€1.0m in 9 deals)" in say.hygiene_takeaway(faults)
    ahead = {
        "start": pd.Timestamp("2020-07-01"),
        "label": "Q3 2020",
        "before": 1e6,
        "p10": 9e5,
        "p50": 1e6,
        "p90": 2e6,
        "change": 0.0,
        "alone": 1e6,
        "moved": 0.0,
        "series": 1e6,
        "series_weight": 0.25,
        "pace_weight": 0.0,
        "growth_weight": 0.75,
        "pipeline_weight": 0.0,
    }
    none = {"growth": 1.1e6, "pace": float("nan"), "pipeline": float("nan")}
    alone = forecast_table.quarters_ahead(pd.DataFrame([ahead | none])).as_raw_html()
    assert "last year grown on." in alone and "the open deals" not in alone
    assert "€1.0m, 25 %" in alone and "€1.1m, 75 %" in alone


def test_sellers_of_a_company_without_orders_bring_bookings():
    row = {
        "name": "A",
        "revenue": 4e5,
        "revenue_before": 3e5,
        "margin": float("nan"),
        "ramped": 12.0,
        "each": 3e4,
        "value": 0.1,
    }
    row |= {"low": -0.1, "high": 0.3, "rank_low": 1, "rank_high": 3, "place": "like the others"}
    sold = table.sellers(pd.DataFrame([row | {"measure": "bookings"}] * 3)).as_raw_html()
    assert ">Bookings<" in sold and ">Revenue<" not in sold and "at each end" not in sold
    assert "The 4 at each end." in table.sellers(pd.DataFrame([row | {"measure": "revenue"}] * 9)).as_raw_html()


def test_what_is_won_is_not_drawn_as_lost():
    named = ["opening", "created", "won", "lost", "moved out", "closing"]
    waterfall = pd.DataFrame({"step": named, "amount": [10.0, 4.0, -3.0, -2.0, -1.0, 8.0]})
    inks = [ink_of(bar) for bar in steps_chart.pipeline(waterfall).patches[2:]]
    assert inks[1:] == [style.US, style.LOSS, style.WARN]


def test_a_step_of_zero_is_not_drawn():
    ax = steps_chart.steps([10.0, 4.0, 0.0, -0.2, -3.0, 10.8], ["from", "up", "none", "hardly", "down", "to"])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["from", "up", "down", "to"]
    assert [bar.get_height() for bar in ax.patches] == [10.0, 10.8, 4.0, 3.0]


def ink_of(bar):
    return "#" + "".join(f"{round(255 * part):02x}" for part in bar.get_facecolor()[:3])


def test_a_quarter_that_is_over_is_no_forecast():
    over = dict.fromkeys(("seen", "p10", "p50", "p90"), 2.8e6) | {"target": float("nan"), "probability": float("nan")}
    ax = forecast_chart.landing_strip(pd.DataFrame([over]))
    said = " ".join(text.get_text() for text in ax.texts)
    assert (
        heading(ax) == "The quarter ended at €2.8m" and "in all €2.8m" in said and "Where did the quarter end?" in said
    )
    assert "forecast" not in said


def test_levers_of_a_goal_that_is_met_are_not_near_to_hand():
    lever = {
        "lever": "win_rate",
        "usual": 0.4,
        "needed": 0.35,
        "change": -0.12,
        "reached": 15,
        "quarters": 20,
        "together": 0.38,
    }
    seek, record = pd.DataFrame([lever | {"gap": -0.12}]), pd.DataFrame({"win_rate": [0.3, 0.4, 0.5]})
    assert heading(forecast_chart.lever_dots(seek, record)) == "A usual quarter meets the goal, with 12 % to spare"
    short = heading(forecast_chart.lever_dots(seek.assign(gap=0.1), record))
    assert short == "Nearest: win rate, so good in 15 of 20 quarters"


def test_ticks_of_a_narrow_axis_all_differ():
    ax = style.axes()
    for limits, fewest in (((0.98, 1.0), 5), ((0.0, 1.0), 5)):
        ax.set_ylim(*limits)
        style.percent_axis(ax.yaxis)
        written = [label.get_text() for label in ax.get_yticklabels()]
        assert len(written) == len(set(written)) >= fewest


def test_who_is_all_but_at_quota_does_not_look_far_from_it():
    one = {"name": "A", "attainment": 0.984, "growth": -0.036, "booked": 1.0, "clear": False, "field": "behind"}
    ax = chart.growth_map(pd.DataFrame([one]))
    assert ax.get_xlim()[1] - ax.get_xlim()[0] >= 0.39 and ax.get_ylim()[1] - ax.get_ylim()[0] >= 0.39
    assert "A" in [text.get_text() for text in ax.texts]


def test_what_raised_velocity_is_not_what_lowered_it():
    logs = {"open_deals": -0.2, "win_rate": 0.18, "average_won": 0.05, "cycle_days": 0.11}
    rows = [{"factor": k, "log_change": v, "now": 1.0, "before": 1.0, "share": math.expm1(v)} for k, v in logs.items()]
    rows.append({"factor": "velocity", "log_change": 0.14, "now": 6100.0, "before": 5300.0, "share": math.expm1(0.14)})
    days = pd.DataFrame([{"value": 111.0, "low": 100.0, "high": 121.0, "n": 93}])
    said = say.velocity_takeaway(pd.DataFrame(rows), days)
    assert ", +15.0 % on a year before; the win rate raised it most (+19.7 %)." in said
    fell = pd.DataFrame(rows).assign(before=lambda t: t["before"].where(t["factor"] != "velocity", 9000.0))
    fell.loc[4, ["log_change", "share"]] = -0.14, math.expm1(-0.14)
    assert "the number of open deals lowered it most (−18.1 %)" in say.velocity_takeaway(fell, days)


def test_a_name_stands_on_a_side_where_no_point_and_no_name_is():
    ax = style.axes()
    ax.set(xlim=(0, 10), ylim=(0, 10))
    style.name_points(ax, [5.0, 5.6, 9.0], [5.0, 5.1, 5.0], ["left of two", "right of two", "alone"], [100.0] * 3)
    assert [text.get_ha() for text in ax.texts] == ["right", "left", "left"]
    crowd = style.axes()
    crowd.set(xlim=(0, 10), ylim=(0, 10))
    style.name_points(crowd, [5.0] * 6, [5.0] * 6, list("abcdef"), [100.0] * 6)
    assert 1 <= len(crowd.texts) < 6


def test_of_a_segment_where_nobody_buys_it_is_not_said_what_a_buyer_spends():
    row = {"segment": "A", "n": 4, "buyers": 0, "rate": 0.0, "low": 0.0, "high": 0.4, "spend": math.nan}
    known = pd.DataFrame([row, row | {"segment": "B", "buyers": 3, "rate": 0.75, "spend": 900.0}])
    assert market_say.penetration_takeaway(known) == (
        "**38 % of 8 known accounts bought in twelve months**, the fewest in A: 0 % (0 % to 40 %, n 4)."
    )
