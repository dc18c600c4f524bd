"""Do the steps of the pipeline add up, whatever happened to the deals, and are faults the ones that are there?"""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.analysis.pipeline import movement
from quarterdeck.data.periods import quarter

PERIOD = quarter(pd.Timestamp("2026-05-20"))
BEFORE, WITHIN, LATER = "2026-03-20", "2026-04-20", "2026-05-10"
IN, OUT = "2026-06-15", "2026-09-15"


def history(*rows):
    columns = ["opportunity_id", "changed_on", "status", "amount", "expected_close"]
    frame = pd.DataFrame(rows, columns=columns).assign(stage="A", rep_id="R")
    return frame.assign(
        changed_on=pd.to_datetime(frame["changed_on"]), expected_close=pd.to_datetime(frame["expected_close"])
    )


def test_a_history_without_amounts_is_no_pipeline_of_nothing():
    record = history(("stays", BEFORE, "open", None, IN), ("stays", WITHIN, "open", None, IN))
    assert movement.waterfall(record.assign(amount=record["amount"].astype("float64")), PERIOD).empty


def test_where_no_deal_was_due_nothing_is_said_of_the_quarters_pipeline():
    record = history(("elsewhere", BEFORE, "open", 100, OUT), ("elsewhere", WITHIN, "open", 130, OUT))
    assert movement.waterfall(record, PERIOD).empty


def test_each_way_in_and_out_by_hand():
    record = history(
        ("stays", BEFORE, "open", 100, IN), ("stays", WITHIN, "open", 130, IN),
        ("cut", BEFORE, "open", 50, IN), ("cut", WITHIN, "open", 40, IN),
        ("won", BEFORE, "open", 70, IN), ("won", WITHIN, "won", 80, WITHIN),
        ("lost", BEFORE, "open", 60, IN), ("lost", WITHIN, "lost", 60, WITHIN),
        ("pushed", BEFORE, "open", 30, IN), ("pushed", WITHIN, "open", 30, OUT),
        ("pulled", BEFORE, "open", 20, OUT), ("pulled", WITHIN, "open", 25, IN),
        ("new", WITHIN, "open", 10, IN),
        ("flash", WITHIN, "open", 5, IN), ("flash", LATER, "won", 7, LATER),
        ("again", BEFORE, "lost", 9, BEFORE), ("again", WITHIN, "open", 9, IN),
        ("elsewhere", BEFORE, "open", 1000, OUT),
    )  # fmt: skip
    amount = movement.waterfall(record, PERIOD).set_index("step")["amount"]
    assert amount.to_dict() == {
        "opening": 310, "created": 17, "pulled in": 25, "reopened": 9, "raised": 40, "cut": -10, "moved out": -30,
        "won": -87, "lost": -60, "closing": 214,
    }  # fmt: skip


STATE = st.tuples(
    st.sampled_from(["open", "won", "lost"]), st.integers(0, 500), st.sampled_from([IN, OUT, "2026-01-05"])
)
DEAL = st.lists(
    st.tuples(st.dates(pd.Timestamp("2026-02-01").date(), pd.Timestamp("2026-05-20").date()), STATE),
    min_size=1,
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(DEAL, min_size=1, max_size=8), st.booleans())
def test_the_steps_add_up(deals, later):
    rows = [(f"D{i}", day, *state) for i, deal in enumerate(deals) for day, state in sorted(dict(deal).items())]
    since = pd.Timestamp("2026-04-15") if later else None
    amount = movement.waterfall(history(*rows), PERIOD, since)["amount"]
    if len(amount):
        assert abs(amount.iloc[:-1].sum() - amount.iloc[-1]) <= 1e-9 * max(amount.abs().max(), 1)
        assert (amount.iloc[5:9] <= 0).all() and (amount.iloc[:5] >= 0).all()


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(DEAL, st.booleans()), min_size=1, max_size=8))
def test_deals_of_unknown_amount_are_counted_and_no_money(deals):
    rows = [
        (f"D{i}", day, status, amount if known else None, close)
        for i, (deal, known) in enumerate(deals)
        for day, (status, amount, close) in sorted(dict(deal).items())
    ]
    steps = movement.waterfall(history(*rows).astype({"amount": float}), PERIOD)
    alone = movement.waterfall(history(*(row for row in rows if row[3] is not None)), PERIOD)
    if len(steps) and len(alone):
        assert steps["amount"].tolist() == alone["amount"].tolist()
        assert (steps["deals"] - steps["unknown"]).tolist() == alone["deals"].tolist()
        assert steps["without"].iloc[0] >= steps["unknown"].max() and (alone["without"] == 0).all()


def test_an_amount_that_is_written_down_late_is_no_rise():
    record = history(("late", BEFORE, "open", None, IN), ("late", WITHIN, "open", 40, IN))
    steps = movement.waterfall(record.astype({"amount": float}), PERIOD).set_index("step")
    assert steps.loc[["opening", "raised", "closing"], "amount"].tolist() == [40, 0, 40]


def test_no_deal_without_a_date_is_past_it():
    deals = pd.DataFrame({"opportunity_id": ["a", "b"], "status": "open", "amount": None, "expected_close": pd.NaT})
    faults = movement.hygiene(deals.astype({"amount": float}), PERIOD.through)
    assert "past its date" not in set(faults["fault"]) and faults["deals"].tolist() == [2, 2, 2]


def test_the_demo_companys_pipeline_adds_up_to_what_is_due(demo_company):
    tables, _ = demo_company
    now = quarter(pd.Timestamp("2026-11-15"))
    steps = movement.waterfall(tables["opportunity_history"], now).set_index("step")["amount"]
    due = tables["opportunities"].query("status == 'open'")
    assert steps["closing"] == pytest.approx(due.loc[due["expected_close"].between(now.start, now.end), "amount"].sum())


def test_slips_take_what_was_due_apart():
    record = history(
        ("won", "2025-12-01", "open", 100, "2026-02-01"), ("won", "2026-02-10", "won", 90, "2026-02-10"),
        ("late", "2025-12-01", "open", 50, "2026-02-01"), ("lost", "2025-12-01", "open", 50, "2026-03-01"),
        ("lost", "2026-03-30", "lost", 50, "2026-03-30"), ("new", "2026-01-10", "open", 999, "2026-03-01"),
    )  # fmt: skip
    row = movement.slips(record, PERIOD).iloc[-1]
    assert row[["label", "due", "deals", "won", "lost", "slipped"]].tolist() == ["Q1 2026", 200, 3, 0.5, 0.25, 0.25]


def test_faults_by_hand():
    day = pd.Timestamp("2026-05-20")
    deals = pd.DataFrame(
        {"opportunity_id": ["late", "stuck", "pushed", "void", "fine"], "status": "open", "amount": [10.0, 20.0, 30.0, None, 40.0],
         "expected_close": pd.to_datetime(["2026-05-01", IN, IN, None, IN])}
    )  # fmt: skip
    past = history(
        ("gone", "2026-01-01", "open", 1, IN), ("gone", "2026-01-11", "won", 1, "2026-01-11"),
        ("late", "2026-05-15", "open", 10, "2026-05-01"), ("stuck", "2026-04-20", "open", 20, IN),
        *[("pushed", f"2026-05-{10 + k}", "open", 30, f"2026-06-{10 + k}") for k in range(4)],
        ("void", "2026-05-15", "open", None, None), ("fine", "2026-05-15", "open", 40, IN),
    )  # fmt: skip
    table = movement.hygiene(deals, day, past).set_index("fault")
    assert table["deals"].to_dict() == {
        "past its date": 1, "stuck in its stage": 1, "pushed three times or more": 1, "no amount": 1, "no date": 1,
        "any of these": 4,
    }  # fmt: skip
    assert table.loc["any of these", "amount"] == 60 and table.loc["past its date", "part"] == pytest.approx(0.1)
    assert "stuck in its stage" not in set(movement.hygiene(deals, day)["fault"])
    assert movement.hygiene(deals.iloc[:0], day).empty


def test_stays_end_where_the_stage_changes():
    past = history(
        ("D", "2026-01-01", "open", 1, IN), ("D", "2026-01-05", "open", 2, IN), ("D", "2026-02-01", "lost", 2, IN)
    )
    stays = movement.stage_stays(past)
    assert stays[["entered_on", "left_on", "next"]].values.tolist() == [
        [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-02-01"), "lost"]
    ]
