"""Does who sells larger deals or beats like quotas stand out, and nobody where all are alike?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.team import standing
from quarterdeck.data.coverage import EVER
from quarterdeck.data.periods import last_quarters, quarter

PERIOD = quarter(pd.Timestamp("2026-11-15"))
SPANS = last_quarters(PERIOD.start, 8)
SIZE, ATTAINMENT = standing.MEASURES


def company(seed, sellers=20, each=6, larger=1.0, busier=1):
    """Give won deals of sellers in two regions who differ by chance, but R00 sells `larger` deals and R01 `busier` often."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(each, (sellers, len(SPANS)))
    counts[1] *= busier
    owner, span = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    closed_on = pd.to_datetime([SPANS[k].start for k in span]) + pd.to_timedelta(
        rng.integers(0, 89, len(span)), unit="D"
    )
    ids = np.array([f"R{k:02d}" for k in range(sellers)])
    segment = rng.choice(["large", "small"], len(owner))
    amount = 100 * np.exp(rng.normal(0, 0.5, len(owner))) * np.where(segment == "large", 10, 1)
    amount = amount * np.where(owner == 0, larger, 1)
    deals = pd.DataFrame({"rep_id": ids[owner], "region": owner % 2, "segment": segment, "amount": amount})
    deals = deals.assign(
        opportunity_id=deals.index.astype(str), status="won", closed_on=closed_on, opened_on=closed_on, channel="c",
        competitor=None, region=deals["region"].map({0: "N", 1: "S"}),
    )  # fmt: skip
    quotas = [(rep, span.start, span.end, 3000.0) for rep in ids for span in SPANS]
    quotas = pd.DataFrame(quotas, columns=["rep_id", "period_start", "period_end", "quota"])
    reps = pd.DataFrame({"rep_id": ids, "name": ids, "manager": "M", "region": ["N", "S"] * (sellers // 2)})
    return reps, PERIOD, deals, quotas


def test_one_who_sells_twice_the_size_and_one_who_books_thrice_stand_out():
    table = standing.standing(*company(1, larger=2.0, busier=3))
    clear = table[table["place"] == "above"].set_index("measure")["name"]
    assert clear[SIZE] == "R00" and "R01" in np.atleast_1d(clear[ATTAINMENT])
    best = table[table["measure"] == SIZE].iloc[0]
    # twice the size; R00 has a tenth of the region's deals, so what is usual there lies 2^(1/10) higher: 2 ÷ 1.07 − 1 = 0.87
    assert best["value"] == pytest.approx(2 / 2 ** (1 / 10) - 1, abs=3 * 2 * 0.5 / np.sqrt(best["n"]))  # three errors
    assert best[["rank_low", "rank_high"]].tolist() == [1, 1]


def test_attainment_is_beyond_the_regions_by_hand():
    """Two sellers of a region with quotas of 100 a quarter book 150 and 50: it attains 1, they lie 0.5 above and below."""
    rows = [(rep, span.start, amount) for span in SPANS for rep, amount in (("A", 150.0), ("B", 50.0))]
    deals = pd.DataFrame(rows, columns=["rep_id", "closed_on", "amount"]).assign(status="won")
    quotas = pd.DataFrame([(r, s.start, s.end, 100.0) for s in SPANS for r in "AB"])
    quotas = quotas.set_axis(["rep_id", "period_start", "period_end", "quota"], axis=1)
    reps = pd.DataFrame({"rep_id": ["A", "B"], "region": "N"})
    table = standing._attainments(quotas, reps, PERIOD, None, deals, EVER).set_index("rep_id")
    assert table["value"].tolist() == pytest.approx([0.5, -0.5]) and table["n"].tolist() == [8, 8]


def test_a_rich_segment_makes_nobody_a_better_seller():
    """R00 sells to large accounts alone, ten times the amounts; with the mix out of it nothing is left to stand out."""
    reps, period, deals, quotas = company(2)
    rich = deals[(deals["rep_id"] != "R00") | (deals["segment"] == "large")]
    table = standing.standing(reps, period, rich)
    assert set(table["measure"]) == {SIZE}  # no quotas, no attainment
    assert (table["place"] == "like the others").all()
    raw = np.log(rich["amount"]).groupby(rich["rep_id"]).mean()
    assert raw.idxmax() == "R00" and raw.max() - raw.mean() > 1


@pytest.mark.slow
def test_sellers_who_are_alike_are_said_to_differ_in_one_company_of_twenty_at_most():
    claims = [standing.standing(*company(seed))["place"].ne("like the others").any() for seed in range(20)]
    assert sum(claims) <= 3, claims  # one of twenty is meant; four would happen once in sixty times


def test_attainment_stands_alone_where_a_company_keeps_orders_and_no_deals():
    reps, period, deals, quotas = company(1, busier=3)
    orders = deals.rename(columns={"closed_on": "order_date", "amount": "revenue"})
    alone, beside = (
        standing.standing(reps, period, None, quotas, orders),
        standing.standing(reps, period, deals, quotas),
    )
    same = beside[beside["measure"] == ATTAINMENT].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, same, check_dtype=False)


def test_two_sellers_have_no_standing():
    reps, period, deals, quotas = company(3, sellers=2)
    assert standing.standing(reps, period, deals, quotas).empty


def test_nobody_stands_out_whose_interval_holds_zero():
    """Seven sellers lie 0.2 below the region by little doubt, one 0.1 above it by more: apart from them, not surely from zero."""
    alike = pd.DataFrame({"value": -0.2 + 0.01 * np.arange(7), "error": 0.03})
    table = pd.concat([alike, pd.DataFrame({"value": [0.1], "error": [0.08]})], ignore_index=True)
    found = standing.placed(table.assign(rep_id=[f"R{k}" for k in range(8)], free=50, n=8)).set_index("rep_id")
    assert found.loc["R7", "low"] < 0 < found.loc["R7", "high"] and found.loc["R7", "place"] == "like the others"
    surely = standing.placed(table.assign(rep_id=table.index.astype(str), free=50, n=8, value=table["value"] * 3))
    assert surely.set_index("rep_id").loc["7", "place"] == "above"
