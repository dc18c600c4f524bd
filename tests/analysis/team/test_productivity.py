"""Is what a seller brings counted by months in the job, and does nobody stand out where accounts fall by chance?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.team import productivity
from quarterdeck.data.periods import quarter

PERIOD = quarter(pd.Timestamp("2026-11-15"))
RAMP = pd.DataFrame({"months": [10.0], "start": [0.4], "low": [0.3], "high": [0.5], "n": [9]})
YEAR = 365 / 30.44  # months


def sellers(ids, hired=None, region="North"):
    reps = pd.DataFrame({"rep_id": list(ids), "name": list(ids), "manager": "M", "region": region})
    days = {"hired": pd.to_datetime(hired if hired is not None else [None] * len(reps)), "left_on": pd.NaT}
    return reps.assign(**days).astype({"left_on": "datetime64[us]"})


def lines(rows):
    """Give order lines of (seller, account, day, revenue, cost)."""
    frame = pd.DataFrame(rows, columns=["rep_id", "customer_id", "order_date", "revenue", "cost"])
    frame["order_date"] = pd.to_datetime(frame["order_date"])
    return frame.assign(order_id=frame.index.astype(str))


OLD = [
    (rep, "X", day, amount, amount / 2)
    for rep in "ABC"
    for day, amount in (("2024-11-20", 90.0), ("2026-01-10", 120.0))
]


def test_money_of_twelve_months_and_of_the_twelve_before_stand_side_by_side():
    table = productivity.sellers(sellers("ABC", ["2020-01-01"] * 3), PERIOD, lines(OLD))
    row = table.set_index("rep_id").loc["A"]
    assert row[["revenue", "margin", "revenue_before", "margin_before"]].tolist() == [120, 60, 90, 45]
    assert row[["months", "ramped", "months_before"]].tolist() == pytest.approx([YEAR] * 3)
    assert row["measure"] == "margin" and row["each"] == pytest.approx(60 / YEAR)
    assert pd.isna(row["place"]) and productivity.ranked(table).empty  # one account says nothing
    measures = productivity.brought(table).set_index("measure")
    assert measures.loc["revenue", ["year", "low", "high", "before"]].tolist() == pytest.approx(
        [12 * 120 / YEAR] * 3 + [12 * 90 / YEAR]
    )
    assert measures.loc["margin", ["change", "change_low", "change_high"]].tolist() == pytest.approx(
        [60 / 45 - 1] * 3
    )  # all alike


def test_a_newcomers_months_count_by_how_far_such_sellers_have_come():
    reps = sellers("ABC", ["2020-01-01", "2020-01-01", "2026-08-16"])
    table = productivity.sellers(reps, PERIOD, lines(OLD), newcomers=RAMP).set_index("rep_id")
    # 16 August to 15 November are 92 days, on which the share rises from 0.4 by 0.6 ÷ 10 a month
    assert table.loc["C", "months"] == pytest.approx(92 / 30.44)
    assert table.loc["C", "ramped"] == pytest.approx(92 / 30.44 * (0.4 + 0.06 * 91 / 2 / 30.44))
    assert table.loc["C", "months_before"] == 0 and table.loc["A", "ramped"] == pytest.approx(YEAR)
    assert productivity.sellers(reps, PERIOD, lines(OLD)).set_index("rep_id").loc["C", "ramped"] == pytest.approx(
        92 / 30.44
    )


def test_who_was_not_there_is_no_seller_of_the_year():
    reps = sellers("ABCDE", ["2020-01-01"] * 3 + [None, None]).assign(
        left_on=[pd.NaT] * 2 + [pd.Timestamp("2025-06-30")] + [pd.NaT] * 2
    )
    sold = lines(
        [*OLD[:-1], ("D", "X", "2026-02-01", 10.0, 5.0)]
    )  # C, who left, sold in the year before alone; E never
    table = productivity.sellers(reps, PERIOD, sold).set_index("rep_id")
    assert table["months"].to_dict() == pytest.approx({"A": YEAR, "B": YEAR, "C": 0, "D": YEAR})
    assert table.loc["C", "months_before"] == pytest.approx(227 / 30.44) and table.loc["D", "months_before"] == 0
    assert productivity.brought(table.reset_index())["sellers"].tolist() == [3, 3]


def test_without_costs_there_is_no_margin_and_without_orders_bookings_are_shown():
    alone = productivity.sellers(sellers("ABC"), PERIOD, lines(OLD).assign(cost=np.nan))
    assert alone["margin"].isna().all() and productivity.brought(alone)["measure"].tolist() == ["revenue"]
    partly = lines(OLD).assign(cost=lambda t: t["cost"].where(t["rep_id"] == "A"))  # two thirds of revenue have none
    assert productivity.sellers(sellers("ABC"), PERIOD, partly)["margin"].isna().all()
    deals = lines(OLD).rename(columns={"order_date": "closed_on", "revenue": "amount", "order_id": "opportunity_id"})
    deals = pd.concat([deals.assign(status="won"), deals.assign(status="lost")]).assign(customer_id=None)
    table = productivity.sellers(sellers("ABC"), PERIOD, opportunities=deals)
    assert table["revenue"].tolist() == [120] * 3 and productivity.brought(table)["measure"].tolist() == ["bookings"]
    assert productivity.sellers(sellers("ABC"), PERIOD).empty and productivity.brought(alone.iloc[:0]).empty


def test_a_year_that_the_record_does_not_hold_is_not_compared():
    table = productivity.sellers(sellers("ABC"), PERIOD, lines([r for r in OLD if r[2] > "2025-12"]))
    assert table["revenue_before"].isna().all()
    assert productivity.brought(table)[["before", "change", "change_low", "change_high"]].isna().all(axis=None)


def test_a_loss_is_shown_as_one_and_revenue_ranked_in_its_place():
    sold = [(rep, f"{rep}{k}", "2026-03-01", 100.0, 130.0 if rep == "A" else 80.0) for rep in "ABC" for k in range(8)]
    table = productivity.sellers(sellers("ABC"), PERIOD, lines(sold))
    assert (table["measure"] == "revenue").all() and productivity.ranked(table)["n"].tolist() == [8, 8, 8]
    assert productivity.brought(table).set_index("measure").loc["margin", "year"] == pytest.approx(
        12 * (160 + 160 - 240) / 3 / YEAR
    )


def company(seed, accounts=30, busier=1.0):
    """Give 24 sellers of two regions to whom accounts fall by chance, but R00's are worth `busier` times as much."""
    rng = np.random.default_rng(seed)
    count = rng.poisson(accounts * 24)
    owner, often = rng.integers(0, 24, count), 1 + rng.poisson(4, count)
    worth = 1e4 * np.exp(rng.normal(0, 1, count)) * np.where(owner == 0, busier, 1) / often
    line = np.repeat(np.arange(count), often)
    revenue, ids = worth[line] * rng.gamma(2, 0.5, len(line)), np.array([f"R{k:02d}" for k in range(24)])
    day = PERIOD.through - pd.to_timedelta(rng.integers(0, 730, len(line)), unit="D")
    rows = {"rep_id": ids[owner[line]], "customer_id": line.astype(str), "order_date": day, "revenue": revenue}
    orders = pd.DataFrame(
        rows | {"cost": revenue * rng.uniform(0.5, 0.8, len(line)), "order_id": np.arange(len(line)).astype(str)}
    )
    return sellers(ids, region=["North", "South"] * 12), PERIOD, orders


@pytest.mark.slow
def test_where_accounts_fall_by_chance_somebody_stands_out_in_one_company_of_twenty_at_most():
    claims = [productivity.sellers(*company(k))["place"].isin(["above", "below"]).any() for k in range(40)]
    assert sum(claims) <= 5  # two are meant; six would happen once in seventy times


def test_a_seller_whose_accounts_are_worth_six_times_as_much_stands_out():
    best = productivity.ranked(productivity.sellers(*company(3, busier=6.0))).iloc[0]
    assert best["rep_id"] == "R00" and best["place"] == "above" and best["low"] > 0 and best["rank_low"] == 1


@pytest.mark.slow
def test_the_change_of_what_a_seller_brings_holds_what_was_planted():
    held = []
    for seed in range(40):
        reps, period, orders = company(seed)
        late = orders["order_date"] > period.through - pd.DateOffset(years=1)
        grown = orders.assign(revenue=orders["revenue"].where(~late, 1.3 * orders["revenue"]))
        row = productivity.brought(productivity.sellers(reps, period, grown)).iloc[0]
        held.append(row["change_low"] <= 0.3 <= row["change_high"])
    assert sum(held) >= 32  # nine of ten are meant; 31 or fewer would happen once in seventy times
