"""Are kinds of deals and pipelines kept apart where there are enough of both, and by the same figures as all deals?"""

import pandas as pd
import pytest

from quarterdeck.analysis.pipeline import kinds, movement, stages
from quarterdeck.data.periods import quarter
from quarterdeck.present.tables.team import by_part

NOW = quarter(pd.Timestamp("2026-11-15"))


def closed(kind, won, lost, days, amount):
    """Give deals of a kind that closed on 1 October, so many days after they were opened."""
    frame = pd.DataFrame({"kind": kind, "status": ["won"] * won + ["lost"] * lost, "amount": amount})
    day = pd.Timestamp("2026-10-01")
    return frame.assign(closed_on=day, opened_on=day - pd.Timedelta(days=days), expected_close=pd.NaT, stage="x")


OPEN = pd.DataFrame(
    {
        "kind": ["new", "new", "Renewal", "Renewal"],
        "status": "open",
        "amount": [0.0, 50.0, 0.0, None],
        "opened_on": pd.Timestamp("2026-10-05"),
        "closed_on": pd.NaT,
        "expected_close": pd.Timestamp("2026-12-01"),
        "stage": "x",
    }
)
DEALS = pd.concat(
    [closed("new", 10, 30, 90, 100.0), closed("Renewal", 18, 2, 30, 40.0), closed("upsell", 5, 5, 9, 7.0), OPEN],
    ignore_index=True,
).assign(opportunity_id=lambda t: t.index.astype(str))


def test_each_kind_has_its_own_rate_cycle_and_velocity():
    """New: 10 of 40 are won, in 90 days, at 100; two are open: 2 × 0.25 × 100 ÷ 90 = 0.56 a day. Ten upsells are too few."""
    table = kinds.by_part(DEALS, NOW).set_index("part")
    assert table.index.tolist() == ["new", "Renewal"]
    assert table.loc["new", ["closed", "won", "win_rate", "cycle_days", "average_won"]].tolist() == [
        40,
        10,
        0.25,
        90,
        100,
    ]
    assert table.loc["new", "velocity"] == pytest.approx(2 * 0.25 * 100 / 90)
    # Renewals: 18 of 20, in 30 days, at 40; two are open: 2 × 0.9 × 40 ÷ 30 = 2.4 a day.
    assert table.loc["Renewal", "velocity"] == pytest.approx(2.4)
    assert (table["low"] < table["win_rate"]).all() and (table["win_rate"] < table["high"]).all()


def test_the_parts_are_figures_of_the_whole_cut_to_them():
    own = stages.factors(DEALS[DEALS["kind"] == "new"], NOW)
    row = kinds.by_part(DEALS, NOW).iloc[0]
    assert row[list(own.index)].astype(float).tolist() == pytest.approx(own.tolist())


@pytest.mark.parametrize(
    "deals",
    [DEALS.drop(columns="kind"), DEALS.assign(kind=None), DEALS[DEALS["kind"] == "new"]],
    ids=["none", "empty", "one"],
)
def test_deals_of_one_kind_are_not_kept_apart(deals):
    found = kinds.by_part(deals, NOW)
    assert found.empty and by_part("EUR", kinds=found, pipelines=found) is None


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="pipeline"):
        kinds.by_part(DEALS, NOW, by="pipelines")


def test_a_renewal_at_zero_is_no_fault_and_a_new_deal_at_zero_is():
    """Of four open deals lack an amount: a new one at zero, and a renewal of which nothing is known."""
    faults = movement.hygiene(DEALS, NOW.through).set_index("fault")
    assert faults.loc["no amount", "deals"] == 2
    without = movement.hygiene(DEALS.drop(columns="kind"), NOW.through).set_index("fault")
    assert without.loc["no amount", "deals"] == 3


def test_kinds_and_pipelines_stand_in_one_table():
    several = kinds.by_part(DEALS.assign(pipeline=DEALS["kind"]), NOW, "pipeline")
    made = by_part("EUR", kinds=kinds.by_part(DEALS, NOW), pipelines=several)
    shown = made.as_raw_html()
    assert all(text in shown for text in ("Kind of deal", "Pipeline", "Renewal", "90.0 %", "€100"))
