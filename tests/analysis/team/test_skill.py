"""Are skill and ramp the ones that were planted, and is nothing claimed where there is nothing?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.team import skill
from quarterdeck.data.periods import quarter

PERIOD = quarter(pd.Timestamp("2026-11-15"))


def shuffled(opportunities, seed):
    """The same deals with their sellers exchanged within each region: nobody is better than anybody."""
    rng = np.random.default_rng(seed)
    mixed = opportunities.groupby("region")["rep_id"].transform(lambda s: rng.permutation(s.to_numpy()))
    return opportunities.assign(rep_id=mixed)


def test_planted_skill_is_covered_and_found(demo_company):
    tables, truths = demo_company
    found = skill.skills(tables["opportunities"], tables["reps"], PERIOD).set_index("rep_id")
    truth = pd.Series(truths["rep_skill"]).reindex(found.index)
    truth = truth - np.average(truth, weights=found["n"])
    assert found["skill"].corr(truth) > 0.5
    assert truth.between(found["low"], found["high"]).mean() >= 0.7
    assert (found["rank_low"] <= found["rank"]).all() and (found["rank"] <= found["rank_high"]).all()
    assert found["rank"].mean() == pytest.approx((len(found) + 1) / 2)


@pytest.mark.slow
def test_equal_sellers_are_said_to_differ_in_one_company_of_twenty_at_most(demo_company):
    tables, _ = demo_company
    claims = [0, 0]
    for seed in range(40):
        deals = shuffled(tables["opportunities"], seed)
        skilled = skill.skills(deals, tables["reps"], PERIOD)
        claims[0] += skilled["place"].ne("like the others").any()
        assert (skilled["high"] - skilled["low"]).min() > 0.1  # sellers who look alike are not for that known exactly
        coached = skill.levers(deals, tables["reps"], PERIOD)
        claims[1] += coached.loc[coached["lever"] != "deals", "clear"].any()  # how many deals one has is not shuffled
    assert max(claims) <= 5, claims  # two of forty are meant; six would happen once in seventy times


def test_without_sellers_or_deals_there_is_no_ramp(demo_company):
    deals, reps = (demo_company[0][t] for t in ("opportunities", "reps"))
    assert skill.ramp(deals, reps.iloc[:0], PERIOD).empty and skill.ramp_length(deals, reps.iloc[:0], PERIOD).empty
    assert skill.ramp(deals.iloc[:0], reps, PERIOD).empty


def test_a_seller_who_wins_twice_as_often_stands_out():
    n = 150
    rng = np.random.default_rng(1)
    frames = [
        pd.DataFrame({"rep_id": f"R{k}", "status": np.where(rng.random(n) < (0.7 if k == 0 else 0.35), "won", "lost")})
        for k in range(8)
    ]
    deals = pd.concat(frames, ignore_index=True).assign(
        opportunity_id=lambda t: t.index.astype("str"), segment="s", region="N", channel="c", competitor=None, amount=100.0,
        closed_on=PERIOD.through - pd.Timedelta(days=30), opened_on=PERIOD.through - pd.Timedelta(days=90),
    )  # fmt: skip
    reps = pd.DataFrame(
        {
            "rep_id": [f"R{k}" for k in range(8)],
            "name": list("ABCDEFGH"),
            "manager": "M",
            "region": "N",
            "hired": pd.NaT,
        }
    )
    table = skill.skills(deals, reps, PERIOD)
    assert table["name"].iloc[0] == "A" and table["place"].iloc[0] == "above" and table["rank_high"].iloc[0] == 1
    assert skill.skills(deals.head(90), reps, PERIOD).empty


@pytest.mark.slow
def test_the_planted_ramp_is_covered():
    """Six months, from 0.9 log-odds below: over five invented companies of full size, four intervals at least."""
    from quarterdeck.data import contract, demo

    held = 0
    for seed in range(400, 405):
        tables, truths = demo.generate(seed=seed)
        checked = contract.check({k: tables[k] for k in ("opportunities", "reps", "customers", "products")})
        row = skill.ramp_length(checked["opportunities"], checked["reps"], PERIOD).iloc[0]
        held += row["low"] <= truths["ramp_up"]["months"] <= row["high"]
        assert row["clear"] and -1.8 < row["depth"] < -0.3
    assert held >= 3


def test_the_ramp_leaves_out_deals_opened_before_the_seller_came(demo_company):
    tables, _ = demo_company
    fresh = tables["reps"].assign(hired=pd.Timestamp("2023-01-15"))
    table = skill.ramp(tables["opportunities"], fresh, PERIOD)
    opened = tables["opportunities"].query(
        "opened_on >= '2023-01-15' and opened_on <= '2023-02-14' and status != 'open'"
    )
    assert table["n"].iloc[0] == len(opened) and table["month"].iloc[0] == 0
    assert table["month"].is_monotonic_increasing and (table["n"] >= 10).all() and table["usual"].nunique() == 1
    late = tables["reps"].assign(hired=pd.Timestamp("2027-01-01"))
    assert (
        skill.ramp(tables["opportunities"], late, PERIOD).empty
        and skill.ramp_length(tables["opportunities"], late, PERIOD).empty
    )


def test_a_slow_seller_is_named_and_what_half_of_it_is_worth():
    rng = np.random.default_rng(2)
    rows = []
    for k in range(6):
        for i in range(80):
            days = (200 if k == 0 else 100) * np.exp(rng.normal(0, 0.1))
            rows.append((f"R{k}", "won" if i % 2 else "lost", 1000 * np.exp(rng.normal(0, 0.1)), int(days)))
    deals = pd.DataFrame(rows, columns=["rep_id", "status", "amount", "days"])
    deals["closed_on"] = PERIOD.through - pd.to_timedelta(rng.integers(1, 1000, len(deals)), unit="D")
    deals["opened_on"] = deals["closed_on"] - pd.to_timedelta(deals["days"], unit="D")
    deals["opportunity_id"] = deals.index.astype("str")
    reps = pd.DataFrame({"rep_id": [f"R{k}" for k in range(6)], "name": list("ABCDEF"), "manager": "M", "region": "N"})
    row = skill.levers(deals, reps.assign(hired=pd.NaT, left_on=pd.NaT), PERIOD).set_index("name").loc["A"]
    assert row["lever"] == "cycle_days" and row["clear"]
    # Peers, the seller among them, take about 112 days: 112/200 − 1. Half of it in logs is worth the root of 200/112 less one.
    assert row["gap"] == pytest.approx(-0.44, abs=0.06) and row["worth"] > 0
