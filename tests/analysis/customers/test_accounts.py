"""Do forecast chances come true, and are claims made only where the past confirms them?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.customers import accounts
from quarterdeck.analysis.methods.finding import FINDING
from quarterdeck.analysis.methods.finding import risk as chance_of_noise
from quarterdeck.analysis.methods.intervals import Z90
from quarterdeck.data import COMPANY, answers
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


def test_forecast_chances_come_true(track):
    bins, score = accounts.calibration(track), accounts.scores(track).iloc[0]
    assert ((bins["low"] - 0.05 <= bins["predicted"]) & (bins["predicted"] <= bins["high"] + 0.05)).mean() >= 0.8
    assert score["gain_low"] > 0 and score["ece"] < 0.08  # in ten bins of twenty, luck alone makes it about 0.05
    assert score["expected"] == pytest.approx(score["actual"], rel=0.15)
    assert bins["n"].sum() == len(track) == score["n"]


def test_a_forecast_of_a_year_ago_uses_nothing_of_the_year_since(orders, track):
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
    outlook, totals = accounts.account_outlook(orders, DAY), accounts.totals(orders, DAY).iloc[0]
    pd.testing.assert_frame_equal(orders, before)
    assert outlook["expected"].to_numpy() == pytest.approx((outlook["chance"] * outlook["kept"]).to_numpy())
    assert totals["at_stake"] == pytest.approx(outlook["at_stake"].sum()) and totals["n"] == len(outlook)
    assert totals["value"] == pytest.approx(outlook["value"].mean())
    assert totals["low"] < totals["value"] < totals["high"] and totals["stake_low"] < totals["at_stake"]
    states = accounts.states(outlook)
    assert states["accounts"].sum() == len(outlook) and states["at_stake"].sum() == pytest.approx(
        outlook["at_stake"].sum()
    )
    risky = states.set_index("state").loc["at risk"]
    assert totals["risky"] == risky["accounts"] and totals["risky_stake"] == pytest.approx(risky["at_stake"])


def test_a_customer_is_worth_its_margin_of_three_years_discounted():
    # Nobody leaves and all buy alike: a year brings the same as the last one, 40 % of it margin.
    orders = company(2, n=300, leave=0.0)
    totals = accounts.totals(orders, DAY).iloc[0]
    year = orders[orders["order_date"] > DAY - accounts.YEAR]["revenue"].sum() / totals["n"]
    discounted = 1.1**-0.5 + 1.1**-1.5 + 1.1**-2.5
    assert totals["value"] == pytest.approx(0.4 * year * discounted, rel=0.1)


def asking(orders):
    """Give what a company's desk asks by, where these are its orders, of one region."""
    lines = orders.assign(region="North")
    return lambda function, as_of: answers.cut(function, function(lines, as_of), COMPANY)


def test_regions_add_up_to_the_company_account_by_account(orders):
    halves = orders["customer_id"].lt("C100")
    lines = orders.assign(region=np.where(halves, "North", "South"))
    whole = accounts.accounts(lines, DAY)
    parts = {region: accounts.own_accounts(whole, region) for region in ("North", "South", COMPANY)}
    for name in ("outlook", "totals"):
        assert len(parts["North"][name]) and "South" not in str(parts["North"][name].get("region", ""))
    sums = {region: part["totals"].iloc[0] for region, part in parts.items()}
    for figure in ("n", "at_stake", "risky", "risky_stake", "gain"):
        assert sums["North"][figure] + sums["South"][figure] == pytest.approx(sums[COMPANY][figure]), figure
    for region, part in parts.items():
        assert part["outlook"]["at_stake"].sum() == pytest.approx(sums[region]["at_stake"])
    alone = accounts.totals(orders, DAY)
    pd.testing.assert_frame_equal(alone.drop(columns="region"), parts[COMPANY]["totals"])


def test_an_account_belongs_to_its_own_region_else_to_the_one_it_bought_most_in():
    orders = pd.DataFrame(
        {"customer_id": ["A", "A", "B", "C"], "region": ["N", "S", "S", "N"], "revenue": [1, 2, 5, 3]}
    )
    assert accounts.home_regions(orders).to_dict() == {"A": "S", "B": "S", "C": "N"}
    given = pd.DataFrame({"customer_id": ["A", "B", "C"], "region": ["N", None, "Atlantis"]})
    assert accounts.home_regions(orders, given).to_dict() == {"A": "N", "B": "S", "C": "N"}


def test_where_silence_tells_nothing_no_account_is_named():
    rng = np.random.default_rng(6)
    days = pd.date_range(end=DAY, periods=16, freq="91D")  # all buy each quarter, by the toss of a coin
    rows = [[f"C{k}", day] for k in range(80) for day in days if rng.random() < 0.5]
    orders = pd.DataFrame(rows, columns=["customer_id", "order_date"]).assign(quantity=1.0, revenue=100.0, cost=60.0)
    track = accounts.track_record(orders, DAY)
    scores = accounts.scores(track)
    assert not accounts.proven(scores)
    named = pd.DataFrame({"customer_id": orders["customer_id"].unique(), "name": "x", "segment": "y"})
    assert accounts.at_risk(accounts.account_outlook(orders, DAY), scores, named) == accounts.UNPROVEN
    assert pd.isna(accounts.totals(orders, DAY)["at_stake"].iloc[0])
    assert "at risk" not in set(accounts.findings(asking(orders), orders, quarter(DAY), DAY)["kind"])


def test_few_customers_are_not_spoken_of(orders):
    few = orders[orders["customer_id"] < "C040"]
    for function in (accounts.account_outlook, accounts.totals, accounts.parameters, accounts.track_record):
        assert isinstance(function(few, DAY), Missing)


def test_findings_are_in_the_briefs_columns_and_carry_money(orders):
    found = accounts.findings(asking(orders), orders, quarter(DAY), DAY).set_index("kind")
    assert found.reset_index().columns.tolist() == FINDING
    row = found.loc["retention"]  # customers leave and nobody grows
    assert row["high"] < row["compared"] == 1 and row["worth"] < 0
    risk = found.loc["at risk"]
    assert risk["worth"] == -risk["value"] < 0 and 0 < risk["low"] < risk["value"] < risk["high"]
    outlook = accounts.states(accounts.account_outlook(orders, DAY)).set_index("state")
    assert (
        risk["value"] == pytest.approx(outlook.loc["at risk", "at_stake"])
        and risk["n"] == outlook.loc["at risk", "accounts"]
    )
    assert risk["compared"] == pytest.approx(outlook["at_stake"].sum()) and outlook.loc["almost gone", "accounts"] > 0
    assert risk["gain"] < risk["value"]  # nobody brings more than is at stake, and who is gone brings nothing
    assert (
        row["gain"] == pytest.approx(-row["worth"])
        and row["gain_low"] < row["gain"] < row["gain_high"]
        and row["risk"] == pytest.approx(chance_of_noise(row["value"] - 1, (row["high"] - row["low"]) / 2 / Z90)[0])
    )


def test_what_calling_may_bring_is_what_those_at_risk_lack_of_those_who_are_kept(orders):
    totals, track = accounts.totals(orders, DAY).iloc[0], accounts.track_record(orders, DAY)
    own = accounts.account_outlook(orders, DAY).query("0.1 <= chance < 0.8")
    kept = track[track["chance"] >= 0.8]["came"].mean()
    assert totals["gain"] == pytest.approx(((kept - own["chance"]) * own["kept"]).sum(), rel=1e-9)
    assert 0 < totals["gain_low"] < totals["gain"] < totals["gain_high"] and totals["gain"] < own["kept"].sum()
    assert totals["unproven"] < 0.05 and totals["risky"] == len(own)


def test_rare_buyers_silent_ones_and_those_that_cost_more_than_they_bring_are_distinguished(orders):
    outlook = accounts.account_outlook(orders, DAY)
    risky = outlook[outlook["state"] == "at risk"]
    silent = risky["why"] == accounts.SILENT
    assert silent.any() and not silent.all() and risky[silent].eval("silent > usual").all()  # not within its own habit
    assert risky.loc[silent, "usual"].median() < risky.loc[~silent, "usual"].median()
    assert accounts.states(outlook).set_index("state").loc["at risk", "rarely"] == (~silent).sum()
    who = outlook["customer_id"]
    named, sure = pd.DataFrame({"customer_id": who, "name": who, "segment": "x"}), pd.DataFrame({"gain_low": [0.1]})
    profit = pd.DataFrame({"customer_id": who[outlook["state"] == "at risk"].head(1), "profit": [-5.0]})
    risk = accounts.at_risk(outlook, sure, named, whale=profit)
    assert risk["profit"].iloc[0] == -5 and risk["profit"].iloc[1:].isna().all()
    assert accounts.at_risk(outlook, sure, named)["profit"].isna().all()


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
    outlook = pd.DataFrame({"customer_id": names, "spend": [150.0] * 15 + [100] * 5, "chance": [0.9] * 19 + [0.5]})
    room = accounts.to_grow(orders, who, goods, DAY, outlook)
    # C15 to C18 lack sonar and are likely to stay: 15 of 20 peers buy it, for half of all else: 0.75 × ½ × 100 × 0.9
    assert room["customer_id"].tolist() == names[15:19] and room["room"].tolist() == pytest.approx([33.75] * 4)
    assert set(room["category"]) == {"Sonar"} and set(room["n"]) == {20}
