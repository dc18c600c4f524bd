"""Does the brief name what money says should be there? Troubles are planted in two demo companies; each is among the first."""

import pandas as pd
import pytest

from quarterdeck.analysis.brief import findings
from quarterdeck.analysis.forecasting import landings
from quarterdeck.data import snapshot

pytestmark = pytest.mark.slow  # each company is frozen and forecast


def found(tables, folder):
    """Give the first five findings of a company, and its desk."""
    snapshot.freeze(tables, folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    desk = snapshot.open_desk("demo", data=str(folder))
    return findings.found(desk, desk.ask(landings.landing)), desk


def scaled(table, column, mask, factor):
    return table.assign(**{column: table[column].where(~mask, table[column] * factor)})


def higher_target(tables):
    """Ask for a third more of one region."""
    mask = tables["targets"]["region"].eq("Baltic") & tables["targets"]["period_start"].eq("2026-10-01")
    return tables | {"targets": scaled(tables["targets"], "revenue_target", mask, 1.33)}


def lower_commit(tables):
    """Let the leads' newest commit be half of what it was."""
    calls = tables["forecast_calls"]
    mask = calls["period_start"].eq("2026-10-01") & calls["called_on"].eq(calls["called_on"].max())
    return tables | {"forecast_calls": scaled(calls, "amount", mask & calls["category"].eq("commit"), 0.5)}


def giant_slipped(tables):
    """Let an open deal be of two million, and put it off to the next quarter the day before."""
    deals, history = tables["opportunities"], tables["opportunity_history"]
    due = deals["status"].eq("open") & deals["expected_close"].between("2026-11-20", "2026-12-31")
    who, later = deals.loc[due, "opportunity_id"].iloc[0], pd.Timestamp("2027-02-20")
    mine, own = deals["opportunity_id"].eq(who), history["opportunity_id"].eq(who)
    giant = deals.assign(
        amount=deals["amount"].mask(mine, 2e6), expected_close=deals["expected_close"].mask(mine, later)
    )
    moved = history[own].sort_values("changed_on").tail(1)
    moved = moved.assign(changed_on=pd.Timestamp("2026-11-14"), expected_close=later)
    past = pd.concat([history, moved], ignore_index=True)
    amounts = past["amount"].mask(past["opportunity_id"].eq(who), 2e6)
    return tables | {"opportunities": giant, "opportunity_history": past.assign(amount=amounts)}


def silenced(tables):
    """Let the customer who buys most often buy for forty times as much, and stop in June."""
    orders = tables["orders"]
    by = orders[orders["order_date"] >= "2025-11-16"].groupby("customer_id")["order_id"].nunique()
    mine = orders["customer_id"].eq(by.idxmax())
    larger = scaled(orders, "revenue", mine, 40.0)
    return tables | {"orders": larger[~(mine & (orders["order_date"] >= "2026-06-01"))]}


def costlier(tables):
    """Let what is sold this quarter cost a quarter more."""
    orders = tables["orders"]
    return tables | {"orders": scaled(orders, "cost", orders["order_date"] >= "2026-10-01", 1.25)}


def pulled(tables):
    """Take three quarters of the deals that are due after this quarter away."""
    deals, history = tables["opportunities"], tables["opportunity_history"]
    late = deals.loc[deals["status"].eq("open") & (deals["expected_close"] > "2026-12-31"), "opportunity_id"]
    gone = {*late.iloc[::2], *late.iloc[1::4]}
    frames = {"opportunities": deals, "opportunity_history": history}
    return tables | {name: frame[~frame["opportunity_id"].isin(gone)] for name, frame in frames.items()}


def beaten(tables):
    """Let every deal of the year that one rival was in be lost."""
    deals = tables["opportunities"]
    mask = deals["competitor"].eq("Tidewater") & (deals["closed_on"] >= "2025-11-16") & deals["status"].eq("won")
    return tables | {"opportunities": deals.assign(status=deals["status"].mask(mask, "lost"))}


@pytest.fixture(scope="module")
def ahead(demo_company, tmp_path_factory):
    tables = giant_slipped(lower_commit(higher_target(dict(demo_company[0]))))
    return found(tables, tmp_path_factory.mktemp("ahead") / "data")


@pytest.fixture(scope="module")
def behind(demo_company, tmp_path_factory):
    tables = beaten(pulled(costlier(silenced(dict(demo_company[0])))))
    return found(tables, tmp_path_factory.mktemp("behind") / "data")


def test_a_region_far_off_its_target_is_named_with_who_leads_it(ahead):
    table, desk = ahead
    (row,) = table[table["rule"].eq("region_below") & table["subject"].eq("Baltic")].to_dict("records")
    assert row["owner"] in set(desk.tables["reps"].query("region == 'Baltic'")["manager"])
    assert row["worth"] < 0 and 0 < row["gain"] <= -row["worth"]


def test_a_commit_that_fell_below_the_target_is_named(ahead):
    (row,) = ahead[0][ahead[0]["rule"].eq("commit_short")].to_dict("records")
    assert row["value"] < row["low"] and row["value"] < row["compared"]


def test_a_giant_deal_that_slipped_is_named_with_its_seller(ahead):
    table, desk = ahead
    (row,) = table[table["rule"].eq("slipped")].to_dict("records")
    assert row["worth"] == -2e6 and row["owner"] in set(desk.tables["reps"]["name"])


def test_a_large_account_gone_silent_is_named_with_its_seller(behind):
    table, desk = behind
    row = table[table["rule"].eq("silent")].iloc[0]
    assert row["subject"] in set(desk.tables["customers"]["name"]) and row["owner"] in set(desk.tables["reps"]["name"])


@pytest.mark.parametrize("rules", [["margin_short", "margin_fell"], ["next_quarter_short"], ["rival"]], ids=" or ".join)
def test_a_margin_the_next_quarter_and_a_rival_are_named(behind, rules):
    assert behind[0]["rule"].isin(rules).any()
