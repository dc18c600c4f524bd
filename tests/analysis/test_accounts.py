"""Are chances told as they come true, and are claims made only where the past bears them out?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis import accounts
from quarterdeck.analysis.brief import FINDING
from quarterdeck.data.periods import quarter
from quarterdeck.data.snapshot import Missing

DAY = pd.Timestamp("2026-06-30")


def company(seed: int, n: int = 500, leave: float = 0.12) -> pd.DataFrame:
    """Draw orders of customers who buy at rates of their own and may leave after each, or never do."""
    rng, rows = np.random.default_rng(seed), []
    for k in range(n):
        start = DAY - pd.Timedelta(days=int(rng.integers(800, 2000)))
        gap, chance, mean = (
            7 / rng.gamma(2.0, 0.08),
            rng.beta(1.2, 1.2 / leave) if leave else 0.0,
            rng.lognormal(6, 0.6),
        )
        day = start
        while day <= DAY:
            rows.append([f"C{k:03d}", day, 1.0, rng.gamma(3, mean / 3)])
            if rng.random() < chance:
                break
            day += pd.Timedelta(days=1 + int(rng.exponential(gap)))
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "quantity", "revenue"])
    return frame.assign(order_id=frame.index.astype(str), product_id="P1", cost=0.6 * frame["revenue"])


@pytest.fixture(scope="module")
def orders():
    return company(1)


@pytest.fixture(scope="module")
def track(orders):
    return accounts.track_record(orders, DAY)


def test_chances_told_come_true(track):
    bins, score = accounts.calibration(track), accounts.scores(track).iloc[0]
    assert ((bins["low"] - 0.05 <= bins["predicted"]) & (bins["predicted"] <= bins["high"] + 0.05)).mean() >= 0.8
    assert score["gain_low"] > 0 and score["ece"] < 0.08  # in ten bins of twenty, luck alone makes it about 0.05
    assert score["expected"] == pytest.approx(score["actual"], rel=0.15)
    assert bins["n"].sum() == len(track) == score["n"]


def test_what_is_told_of_a_year_ago_knows_nothing_of_the_year_since(orders, track):
    later = orders["order_date"] > DAY - accounts.YEAR
    other = orders.assign(revenue=orders["revenue"].where(~later, 1e6))
    other = pd.concat([other[~later], other[later].iloc[::7]])
    again = accounts.track_record(other, DAY)
    columns = ["customer_id", "raw", "chance", "expected"]
    pd.testing.assert_frame_equal(again[columns], track[columns])
    assert not again["came"].equals(track["came"])


def test_brier_and_calibration_error_by_hand():
    track = pd.DataFrame(
        {
            "chance": [0.2, 0.8], "raw": [0.5, 0.5], "came": [False, True], "expected": [1.0, 2.0], "actual": [2.0, 2.0],
            "corrected": True,
        }
    )  # fmt: skip
    row = accounts.scores(track).iloc[0]
    assert row["brier"] == pytest.approx(0.04)  # (0.2² + 0.2²) ÷ 2
    assert row["base"] == pytest.approx(0.25) and row["raw_brier"] == pytest.approx(0.25)
    assert row["ece"] == pytest.approx(0)  # one bin: a mean chance of 0.5, and one of two came


def test_sums_hang_together_and_the_tables_are_left_as_they_were(orders):
    before = orders.copy()
    told, totals = accounts.outlook(orders, DAY), accounts.totals(orders, DAY).iloc[0]
    pd.testing.assert_frame_equal(orders, before)
    assert told["expected"].to_numpy() == pytest.approx((told["chance"] * told["kept"]).to_numpy())
    assert totals["at_stake"] == pytest.approx(told["at_stake"].sum()) and totals["n"] == len(told)
    assert totals["value"] == pytest.approx(told["value"].mean())
    assert totals["low"] < totals["value"] < totals["high"] and totals["stake_low"] < totals["at_stake"]
    states = accounts.states(told)
    assert states["accounts"].sum() == len(told) and states["at_stake"].sum() == pytest.approx(told["at_stake"].sum())
    risky = states.set_index("state").loc["at risk"]
    assert totals["risky"] == risky["accounts"] and totals["risky_stake"] == pytest.approx(risky["at_stake"])


def test_a_customer_is_worth_its_margin_of_three_years_discounted():
    # Nobody leaves and all buy alike: a year brings the same as the last one, 40 % of it margin.
    orders = company(2, n=300, leave=0.0)
    told = accounts.totals(orders, DAY).iloc[0]
    year = orders[orders["order_date"] > DAY - accounts.YEAR]["revenue"].sum() / told["n"]
    discounted = 1.1**-0.5 + 1.1**-1.5 + 1.1**-2.5
    assert told["value"] == pytest.approx(0.4 * year * discounted, rel=0.1)


def test_where_silence_tells_nothing_no_account_is_named():
    rng = np.random.default_rng(6)
    days = pd.date_range(end=DAY, periods=16, freq="91D")  # all buy each quarter, by the toss of a coin
    rows = [[f"C{k}", day] for k in range(80) for day in days if rng.random() < 0.5]
    orders = pd.DataFrame(rows, columns=["customer_id", "order_date"]).assign(quantity=1.0, revenue=100.0, cost=60.0)
    track = accounts.track_record(orders, DAY)
    scores = accounts.scores(track)
    assert not accounts.proven(scores)
    named = pd.DataFrame({"customer_id": orders["customer_id"].unique(), "name": "x", "segment": "y"})
    assert accounts.at_risk(accounts.outlook(orders, DAY), scores, named) == accounts.UNPROVEN
    assert pd.isna(accounts.totals(orders, DAY)["at_stake"].iloc[0])
    assert "at risk" not in set(accounts.findings(orders, quarter(DAY), DAY)["kind"])


def test_few_customers_are_not_spoken_of(orders):
    few = orders[orders["customer_id"] < "C040"]
    for function in (accounts.outlook, accounts.totals, accounts.parameters, accounts.track_record):
        assert isinstance(function(few, DAY), Missing)


def test_findings_are_in_the_briefs_columns_and_carry_money(orders):
    found = accounts.findings(orders, quarter(DAY), DAY).set_index("kind")
    assert found.reset_index().columns.tolist() == FINDING
    row = found.loc["retention"]  # customers leave and nobody grows
    assert row["high"] < row["compared"] == 1 and row["worth"] < 0
    risk = found.loc["at risk"]
    assert risk["worth"] == -risk["value"] < 0 and 0 < risk["low"] < risk["value"] < risk["high"]
    told = accounts.states(accounts.outlook(orders, DAY)).set_index("state")
    assert (
        risk["value"] == pytest.approx(told.loc["at risk", "at_stake"]) and risk["n"] == told.loc["at risk", "accounts"]
    )
    assert risk["compared"] == pytest.approx(told["at_stake"].sum()) and told.loc["as good as gone", "accounts"] > 0
    assert risk["gain"] < risk["value"]  # nobody brings more than is at stake, and who is gone brings nothing
    assert (
        row["gain"] == pytest.approx(-row["worth"])
        and row["gain_low"] < row["gain"] < row["gain_high"]
        and row["risk"] < 0.05
    )


def test_what_calling_may_bring_is_what_those_at_risk_lack_of_those_who_are_kept(orders):
    told, track = accounts.totals(orders, DAY).iloc[0], accounts.track_record(orders, DAY)
    own = accounts.outlook(orders, DAY).query("0.1 <= chance < 0.8")
    kept = track[track["chance"] >= 0.8]["came"].mean()
    assert told["gain"] == pytest.approx(((kept - own["chance"]) * own["kept"]).sum(), rel=1e-9)
    assert 0 < told["gain_low"] < told["gain"] < told["gain_high"] and told["gain"] < own["kept"].sum()
    before = track[track["chance"].between(0.1, 0.8, inclusive="left")]
    assert told["anyway"] == before["came"].mean() and told["risky"] == len(own)


def test_who_buys_seldom_is_told_from_who_fell_silent_and_who_costs_more_than_it_brings(orders):
    told = accounts.outlook(orders, DAY)
    risky = told[told["state"] == "at risk"]
    silent = risky["why"] == accounts.SILENT
    assert silent.any() and not silent.all() and risky[silent].eval("silent > usual").all()  # not within its own habit
    assert risky.loc[silent, "usual"].median() < risky.loc[~silent, "usual"].median()
    assert accounts.states(told).set_index("state").loc["at risk", "seldom"] == (~silent).sum()
    who = told["customer_id"]
    named, sure = pd.DataFrame({"customer_id": who, "name": who, "segment": "x"}), pd.DataFrame({"gain_low": [0.1]})
    profit = pd.DataFrame({"customer_id": who[told["state"] == "at risk"].head(1), "profit": [-5.0]})
    risk = accounts.at_risk(told, sure, named, whale=profit)
    assert risk["profit"].iloc[0] == -5 and risk["profit"].iloc[1:].isna().all()
    assert accounts.at_risk(told, sure, named)["profit"].isna().all()


def test_what_calling_may_bring_was_to_be_had_a_year_ago(orders):
    """What was then said of those at risk, held against what they did bring: it is what they lacked of those who are kept."""
    then = accounts.totals(
        orders[orders["order_date"] <= DAY - pd.DateOffset(years=1)], DAY - pd.DateOffset(years=1)
    ).iloc[0]
    track = accounts.track_record(orders, DAY)
    lost = track["chance"].between(0.1, 0.8, inclusive="left")
    came = track.assign(kept=track["expected"] / track["chance"], lost=lost)
    bar = came.loc[came["chance"] >= 0.8, "came"].mean()
    short = ((bar - came["came"]) * came["kept"])[came["lost"]].sum()
    assert then["gain_low"] <= short <= then["gain_high"]


def test_room_by_hand():
    names = [f"C{k:02d}" for k in range(20)]
    who = pd.DataFrame({"customer_id": names, "name": names, "segment": "Ports"})
    goods = pd.DataFrame({"product_id": ["P1", "P2"], "category": ["Radar", "Sonar"]})
    lines = [{"customer_id": n, "product_id": "P1", "revenue": 100.0} for n in names]
    lines += [{"customer_id": n, "product_id": "P2", "revenue": 50.0} for n in names[:15]]
    orders = pd.DataFrame(lines).assign(order_date=DAY)
    told = pd.DataFrame({"customer_id": names, "spend": [150.0] * 15 + [100] * 5, "chance": [0.9] * 19 + [0.5]})
    room = accounts.to_grow(orders, who, goods, DAY, told)
    # C15 to C18 lack sonar and are likely to stay: 15 of 20 peers buy it, for half of all else: 0.75 × ½ × 100 × 0.9
    assert room["customer_id"].tolist() == names[15:19] and room["room"].tolist() == pytest.approx([33.75] * 4)
    assert set(room["category"]) == {"Sonar"} and set(room["n"]) == {20}
