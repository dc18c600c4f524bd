"""Does the forecast see only what was known, and are its intervals true?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.forecasting import from_deals, one_number, quarter_end
from quarterdeck.analysis.sales import by_period
from quarterdeck.data import snapshot
from quarterdeck.data.periods import Period, last_quarters, quarter

DAY = pd.Timestamp("2026-05-15")
PERIOD = quarter(DAY)


def orders_of(amounts, first="2023-01-01"):
    """Two orders a quarter, a third of its amount in the first month and the rest in the third."""
    starts = pd.date_range(first, periods=len(amounts), freq="QS")
    early = pd.DataFrame({"order_date": starts + pd.Timedelta(days=9), "revenue": [a / 3 for a in amounts]})
    late = pd.DataFrame({"order_date": starts + pd.Timedelta(days=79), "revenue": [a * 2 / 3 for a in amounts]})
    return pd.concat([early, late], ignore_index=True)


def noisy(seed=5, quarters=13):
    amounts = 100 * 1.02 ** np.arange(quarters) * np.exp(np.random.default_rng(seed).normal(0, 0.08, quarters))
    orders = orders_of(amounts, "2023-04-01")
    return orders[orders["order_date"] <= DAY]


def same_day_now(then):
    start = pd.Timestamp("2026-10-01")
    return Period(start, pd.Timestamp("2026-12-31"), start + (then.through - then.start))


def targets_of(amount):
    return pd.DataFrame({"period_start": [PERIOD.start], "period_end": [PERIOD.end], "revenue_target": [float(amount)]})


def test_a_steady_company_ends_where_its_pace_leads():
    orders = orders_of([90.0] * 14)  # to the second quarter of 2026, of which a third is in by 15 May
    row = quarter_end.landing(PERIOD, DAY, orders[orders["order_date"] <= DAY]).iloc[0]
    assert row["seen"] == pytest.approx(30) and row["p50"] == pytest.approx(90) and row["wape"] == pytest.approx(0)


def test_nothing_after_the_day_is_seen():
    orders = noisy()
    later = pd.DataFrame({"order_date": [DAY + pd.Timedelta(days=3)], "revenue": [1e6]})
    landing = quarter_end.landing(PERIOD, DAY, pd.concat([orders, later]))
    pd.testing.assert_frame_equal(landing, quarter_end.landing(PERIOD, DAY, orders))


def test_a_past_forecast_is_not_changed_by_what_came_after_it():
    orders = noisy()
    past = one_number.origins(by_period.daily(orders), PERIOD)
    changed = orders.assign(revenue=orders["revenue"].where(orders["order_date"] < "2025-10-01", orders["revenue"] * 3))
    again = one_number.origins(by_period.daily(changed), PERIOD)
    early = past["start"] < "2025-10-01"
    pd.testing.assert_frame_equal(past[early], again[early])
    assert not np.allclose(past[~early]["forecast"], again[~early]["forecast"])


def test_a_past_forecast_is_the_one_that_would_have_been_made():
    orders = noisy()
    past = one_number.origins(by_period.daily(orders), PERIOD).set_index("start")
    span = last_quarters(PERIOD.start, 2)[0]
    then = Period(span.start, span.end, span.start + (PERIOD.through - PERIOD.start))
    known = orders[orders["order_date"] <= then.through]
    made = one_number.origins(by_period.daily(known), then).set_index("start")
    assert made.loc[span.start, "forecast"] == pytest.approx(past.loc[span.start, "forecast"])


def test_the_chance_falls_as_the_target_rises_and_is_half_at_the_middle():
    orders = noisy()
    middle = quarter_end.landing(PERIOD, DAY, orders)["p50"].iloc[0]
    chances = [
        quarter_end.landing(PERIOD, DAY, orders, targets=targets_of(t))["probability"].iloc[0]
        for t in middle * np.array([0.8, 1, 1.2])
    ]
    assert chances[0] > 0.9 > chances[1] > 0.1 > chances[2] and chances[1] == pytest.approx(0.5)


def test_the_target_is_the_quotas_where_there_are_no_targets():
    quotas = pd.DataFrame(
        {"period_start": pd.date_range(PERIOD.start, periods=3, freq="MS"), "quota": [10.0, 20.0, 30.0]}
    )
    quotas["period_end"] = quotas["period_start"] + pd.offsets.MonthEnd(0)
    row = quarter_end.landing(PERIOD, DAY, noisy(), quotas=quotas).iloc[0]
    assert row["target"] == 60 and row["of_quotas"] == 1


def test_a_quarter_that_is_over_has_no_doubt_left():
    whole = quarter(pd.Timestamp("2026-03-31"))
    row = quarter_end.landing(
        whole,
        whole.through,
        orders_of([90.0] * 13),
        targets=targets_of(90).assign(period_start=whole.start, period_end=whole.end),
    )
    assert (
        row[["seen", "p10", "p50", "p90"]].iloc[0].tolist() == pytest.approx([90] * 4)
        and row["probability"].iloc[0] == 1
    )


def test_too_few_quarters_give_no_forecast_but_what_is_in():
    row = quarter_end.landing(
        PERIOD, DAY, orders_of([90.0, 90.0, 90.0], "2025-10-01").query("order_date <= @DAY")
    ).iloc[0]
    assert row["seen"] == pytest.approx(30) and pd.isna(row["p50"]) and row["n_origins"] < one_number.FEWEST


def test_a_company_without_sales_gets_a_row_that_says_nothing():
    row = quarter_end.landing(PERIOD, DAY).iloc[0]
    assert row["seen"] == 0 and pd.isna(row["p50"])


def test_deals_of_which_none_was_won_tell_nothing():
    lost = pd.DataFrame(
        {"opportunity_id": ["D"], "status": "lost", "closed_on": [DAY - pd.DateOffset(years=1)], "amount": 9.0}
    )
    history = lost.assign(changed_on=lost["closed_on"] - pd.DateOffset(years=2), stage="Offer", status="open")
    assert from_deals.expected(by_period.daily(noisy()), lost, history, PERIOD).empty
    row = quarter_end.landing(PERIOD, DAY, noisy(), lost, history).iloc[0]
    assert row["p50"] == quarter_end.landing(PERIOD, DAY, noisy()).iloc[0]["p50"]


def test_without_a_deal_no_stage_has_a_chance(demo_company):
    none = [demo_company[0][t].iloc[:0] for t in ("opportunities", "opportunity_history")]
    assert quarter_end.pipeline_chances(*none, PERIOD).empty


@pytest.mark.slow
def test_intervals_hold_as_often_as_they_promise(demo_company):
    tables, _ = demo_company
    deals, history = tables["opportunities"], tables["opportunity_history"]
    sales = by_period.daily(tables["orders"])
    held = []
    for span in last_quarters(pd.Timestamp("2026-10-01"), 8):
        for days in (20, 45, 70):
            then = Period(span.start, span.end, span.start + pd.Timedelta(days=days))
            known = tables["orders"][tables["orders"]["order_date"] <= then.through]
            row = quarter_end.landing(then, then.through, known, deals, history).iloc[0]
            ended = sales[(sales.index >= span.start) & (sales.index <= span.end)].sum()
            held.append(row["p10"] <= ended <= row["p90"])
    assert 0.6 <= np.mean(held) <= 0.97  # 24 forecasts of eight quarters at 80 %


def test_the_pipeline_tells_only_what_was_known_on_the_day(demo_company):
    tables, _ = demo_company
    asked = {t: tables[t] for t in ("opportunities", "opportunity_history")}
    then = quarter(pd.Timestamp("2025-05-20"))
    known = snapshot.cut(asked, then.through)
    sales = by_period.daily(tables["orders"])
    for later in (0, 2):
        expected = from_deals.expected(sales[sales.index <= then.through], **known, period=then, later=later)
        full = from_deals.expected(sales, **asked, period=same_day_now(then), later=later)
        pd.testing.assert_series_equal(expected, full[full.index <= expected.index[-1]])


def test_a_view_counts_the_more_the_less_wrong_it_was():
    history = pd.DataFrame(
        {"pace": [90.0, 110, 90, 110], "growth": [99.0, 101, 99, 101], "pipeline": np.nan, "actual": [100.0] * 4}
    )
    rows = pd.concat([history, pd.DataFrame({"pace": [120.0], "growth": [100.0]})], ignore_index=True)
    weight = one_number.weights(rows)
    squares = [np.mean(np.log([0.9, 1.1, 0.9, 1.1]) ** 2), np.mean(np.log([0.99, 1.01, 0.99, 1.01]) ** 2)]
    assert weight["pace"] / weight["growth"] == pytest.approx(
        squares[1] / squares[0], rel=0.02
    )  # a millionth is added to both
    fresh = rows.assign(pipeline=[np.nan, np.nan, np.nan, 100.0, 100.0])
    assert "pipeline" not in one_number.weights(fresh)  # tried once only


def test_series_and_pipeline_joined_beat_each_alone_on_the_demo(demo_company):
    tables, _ = demo_company
    asked = {t: tables[t] for t in ("orders", "opportunities", "opportunity_history")}
    day = pd.Timestamp("2026-11-15")
    for later in (0, 1):
        past = quarter_end.origins(quarter(day), day, **asked, later=later).dropna(
            subset=["growth", "pipeline", "actual"]
        )
        off = {v: np.log(past["actual"] / past[v]).abs().mean() for v in ("growth", "pipeline", "forecast")}
        assert len(past) >= 8 and off["forecast"] < min(off["growth"], off["pipeline"])


def test_the_chance_of_a_stage_is_what_became_of_deals_due_in_time():
    rows, history = [], []
    for k, span in enumerate(last_quarters(PERIOD.start, 8)):
        for i in range(10):  # four of ten are won in time, one after the end
            closed = span.end - pd.Timedelta(days=2) if i < 4 else span.end + pd.Timedelta(days=9)
            rows.append([f"D{k}-{i}", "won" if i < 5 else "lost", closed, 100.0, span.end])
            history.append([f"D{k}-{i}", span.start, "Proposal", "open", span.end])
    opportunities = pd.DataFrame(
        rows, columns=["opportunity_id", "status", "closed_on", "amount", "expected_close"]
    ).assign(stage="Proposal")
    past = pd.DataFrame(history, columns=["opportunity_id", "changed_on", "stage", "status", "expected_close"])
    past = past.assign(amount=100.0, rep_id="R")
    row = quarter_end.pipeline_chances(opportunities, past, PERIOD).iloc[0]
    assert row["chance"] == pytest.approx(0.4) and row["n"] == 80 and row["low"] < 0.4 < row["high"]


def test_calls_are_held_against_what_came():
    spans = last_quarters(PERIOD.start, 4)
    calls = pd.DataFrame(
        {"called_on": [s.end - pd.Timedelta(weeks=4) for s in spans], "period_start": [s.start for s in spans],
         "period_end": [s.end for s in spans], "category": "commit", "amount": [110.0, 120.0, 110.0, 120.0]}
    )  # fmt: skip
    row = quarter_end.call_accuracy(calls, orders_of([100.0] * 14), PERIOD).iloc[0]
    assert row["error"] == pytest.approx(0.15) and row["weeks_left"] == 4 and row["n"] == 4
    assert row["low"] < 0.15 < row["high"]


def test_a_call_that_is_what_came_is_worth_the_whole_error_of_the_forecast():
    spans = [*last_quarters(PERIOD.start, 8), PERIOD]
    orders = orders_of([100.0, 140.0, 90.0, 160.0, 100.0, 150.0, 80.0, 170.0, 120.0, 150.0, 90.0, 140.0, 110.0, 60.0])
    sold = orders.groupby(orders["order_date"].dt.to_period("Q").dt.start_time)["revenue"].sum()
    call = {"called_on": [s.start + pd.Timedelta(weeks=2) for s in spans], "period_start": [s.start for s in spans]}
    came = [sold.get(s.start, 0.0) for s in spans]
    best = pd.DataFrame(call | {"category": "best", "amount": [1.5 * c for c in came]})
    calls = pd.concat([pd.DataFrame(call | {"category": "commit", "amount": came}), best])
    late = pd.DataFrame(call | {"category": "commit", "amount": 1.0}).assign(  # after the day: not to be looked at
        called_on=lambda f: f["called_on"] + pd.Timedelta(weeks=9)
    )
    period = PERIOD if PERIOD.through > spans[-1].start + pd.Timedelta(weeks=3) else PERIOD.whole()
    table = quarter_end.call_values(pd.concat([calls, late.iloc[:-1]]), orders, period).set_index("category")
    origins = quarter_end.origins(
        Period(period.start, period.end, call["called_on"][-1]), call["called_on"][-1], orders
    )
    origins = origins[origins["start"].isin(call["period_start"])].dropna(subset=["actual", "error"])
    error = (origins["forecast"] / origins["actual"] - 1).abs()
    assert table.loc["commit", "gain"] == pytest.approx(error.mean()) and table.loc["commit", "call_wape"] == 0
    assert table.loc["best", "gain"] == pytest.approx(error.mean() - 0.5) and table["n"].eq(len(origins)).all()
    assert table.loc["best", "high"] < 0 and table["day"].eq(14).all()
    assert quarter_end.call_values(
        calls[calls["period_start"] < period.start], orders, period
    ).empty  # nothing called yet


def test_the_planted_bias_of_calls_is_found(demo_company):
    tables, truths = demo_company
    found = quarter_end.call_accuracy(tables["forecast_calls"], tables["orders"], quarter(pd.Timestamp("2026-11-15")))
    far = found[found["weeks_left"] == found["weeks_left"].max()].set_index("category")["error"]
    assert far.sort_values().index.tolist() == sorted(truths["call_bias"], key=truths["call_bias"].get)
