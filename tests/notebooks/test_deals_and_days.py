"""Do pages stand, and say it, for a company with credits, merges, splits, pipelines, a CRM's own chances and working days?"""

import numpy as np
import pandas as pd
import pytest

import looked_at
from quarterdeck.analysis.sales import margin, prices, revenue
from quarterdeck.analysis.team import performance
from quarterdeck.data import contract, demo, snapshot
from quarterdeck.data.calendar import Calendar

SAID = {  # by page, what it says of it
    "executive_brief": [
        "Refit of D",
        "next: Send the offer",
        "CRM: 50 %, commit",
        "rows that were merged into another are set aside",
        "rows that the source has deleted are set aside",
        "deals with overlay credit count once",
        "credits without a quantity count in revenue and margin",
    ],
    "forecasting": ["the CRM's probabilities were", "CRM's category", "won at all"],
    "team_performance": [
        "of the quarter's working days are gone",
        "the public holidays of DE",
        "Renewals: ",
        "deals that were closed and opened again count once",
    ],
    "targets": ["price credits €"],
} | dict.fromkeys(("market_research", "competitor_analysis", "customers", "initiatives"), [])


def with_pipelines(tables):
    """Let each third deal be a renewal, whose stages bear other names; let the CRM have its say of each state."""
    deals, past = tables["opportunities"], tables["opportunity_history"]
    renewal = deals["opportunity_id"].str[-1].isin(list("036"))
    deals = deals.assign(pipeline=np.where(renewal, "Renewals", "Sales"))
    own = past["opportunity_id"].isin(deals.loc[renewal, "opportunity_id"]) & past["status"].eq("open")
    past = past.assign(stage=past["stage"].mask(own, "R " + past["stage"]))
    chance = {"open": 0.5, "won": 1.0, "lost": 0.0}
    deals = deals.assign(
        name="Refit of " + deals["opportunity_id"],
        next_step="Send the offer",
        stage=deals["stage"].mask(renewal & deals["status"].eq("open"), "R " + deals["stage"]),
        deleted=np.where(deals["opportunity_id"].str.endswith("77"), "true", "false"),
    )
    said = [t.assign(probability=t["status"].map(chance), forecast_category="commit") for t in (deals, past)]
    return tables | {"opportunities": said[0], "opportunity_history": said[1]}


def with_credits(tables):
    """Give back a twentieth of each hundredth line thirty days later, without a quantity."""
    lines = tables["orders"]
    back = lines[lines["quantity"] > 0].iloc[::100]
    day = (back["order_date"] + pd.Timedelta(days=30)).clip(upper=lines["order_date"].max())
    none = {"quantity": 0.0, "list_amount": None, "cost": None}
    given = back.assign(order_id="K" + back["order_id"], order_date=day, revenue=-back["revenue"] / 20, **none)
    return tables | {"orders": pd.concat([lines, given], ignore_index=True)}


def with_splits(tables):
    """Let a deal in ten be shared with another seller of its region; of the first, a third has an overlay."""
    deals = tables["opportunities"].iloc[::10]
    first = tables["reps"].groupby("region")["rep_id"].agg(["first", "last"])
    other = (
        deals["region"]
        .map(first["first"])
        .where(lambda rep: rep != deals["rep_id"], deals["region"].map(first["last"]))
    )
    half = pd.DataFrame({"opportunity_id": deals["opportunity_id"], "rep_id": other, "share": 0.4, "credit": "revenue"})
    beside = half.head(1).assign(rep_id=tables["reps"]["rep_id"].iloc[2], share=1.0, credit="overlay")
    return tables | {"deal_splits": pd.concat([half, beside], ignore_index=True)}


def with_merges_and_reopened(tables):
    """Merge a deal and a customer into others, and open one deal that was lost again."""
    deals, past = tables["opportunities"], tables["opportunity_history"]
    ids, accounts = deals["opportunity_id"], tables["customers"]["customer_id"]
    merges = pd.DataFrame(
        {
            "kind": ["deal", "customer"],
            "old_id": [ids.iloc[1], accounts.iloc[1]],
            "surviving_id": [ids.iloc[2], accounts.iloc[2]],
        }
    )
    lost = deals[deals["status"].eq("lost") & (deals["closed_on"] < "2026-09-01")].iloc[-1]
    again = past[past["opportunity_id"] == lost["opportunity_id"]].iloc[:1]
    again = again.assign(changed_on=pd.Timestamp("2026-10-10"), status="open", amount=lost["amount"])
    here = ids == lost["opportunity_id"]
    deals = deals.assign(
        status=deals["status"].mask(here, "open"), stage=deals["stage"].mask(here, again["stage"].iloc[0])
    )
    return tables | {
        "merges": merges,
        "opportunities": deals,
        "opportunity_history": pd.concat([past, again], ignore_index=True),
    }


@pytest.fixture(scope="module")
def given():
    tables = dict(contract.check(demo.generate(7, 0.1, "2026-11-15")[0]))
    return with_merges_and_reopened(with_splits(with_credits(with_pipelines(tables))))


@pytest.fixture(scope="module")
def folder(given, tmp_path_factory):
    made = tmp_path_factory.mktemp("deals") / "data"
    checked = contract.check(given, calendar=Calendar(country="DE"))
    snapshot.freeze(checked, made, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    return made


def test_money_adds_up_to_what_the_source_holds(given, folder):
    """Orders: all of them, credits and those of the merged customer among them. Deals: all but the deleted and the merged one."""
    desk = snapshot.open_desk("demo", data=str(folder))
    assert desk.tables["orders"]["revenue"].sum() == pytest.approx(given["orders"]["revenue"].sum())
    deals = given["opportunities"]
    gone = deals["deleted"].eq("true") | deals["opportunity_id"].isin(given["merges"]["old_id"])
    assert desk.tables["opportunities"]["amount"].sum() == pytest.approx(deals.loc[~gone, "amount"].sum())
    booked = desk.ask(performance.bookings)["amount"].sum()
    assert booked == pytest.approx(desk.ask(revenue.bookings)["value"].item())
    for bridge in (desk.ask(prices.price_bridge), desk.ask(margin.margin_bridge)):
        amount = bridge.set_index("step")["amount"]
        assert amount["credits"] != 0 and amount.iloc[:-1].sum() == pytest.approx(amount["now"])


@pytest.mark.slow
@pytest.mark.parametrize("region", ["company", "North Sea"])
@pytest.mark.parametrize("page", SAID)
def test_pages_stand_and_say_it(folder, page, region, monkeypatch, answers):
    looked_at.quicken(monkeypatch, answers)
    found, said = looked_at.read(page, folder, region)
    assert not found + looked_at.oddities(said)
    if region == "company":
        assert not [words for words in SAID[page] if not any(words in text for text in said)]
