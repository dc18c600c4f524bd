"""Are the CRM's own chances scored against what came, on what was on record while a deal was open, and shown beside ours?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.brief import call
from quarterdeck.analysis.pipeline import crm_chances, win_chances
from quarterdeck.analysis.team import performance
from quarterdeck.data import contract, snapshot
from quarterdeck.data.periods import quarter
from quarterdeck.errors import ContractError
from quarterdeck.present.narrative import forecast as say
from quarterdeck.present.tables import call as rows
from quarterdeck.present.tables import forecast as table

DAY = pd.Timestamp
NOW = quarter(DAY("2026-11-15"))


def tried(count=100, **columns):
    """Looks at deals of which half were won in time: our chance 0.6 of these and 0.3 of the others."""
    won = pd.Series([1.0, 0.0] * (count // 2))
    return pd.DataFrame({"region": "North", "won": won, "model": np.where(won, 0.6, 0.3)}).assign(**columns)


def test_both_are_scored_on_the_same_deals_and_the_crm_also_on_what_it_speaks_of():
    """Ours: (0.4² + 0.3²) ÷ 2 = 0.125. The CRM says 0.7 of all: (0.3² + 0.7²) ÷ 2 = 0.29 by the quarter's end; all were won in the
    end but one in four, which is open yet, so 0.3² = 0.09. Its mean distance: 0.7 − 0.5 = 0.2, and 1 − 0.7 = 0.3."""
    looked = tried(400, crm=0.7, ever=[1.0, 1.0, 1.0, np.nan] * 100)
    found = crm_chances.scores(looked).set_index(["who", "event"])
    assert found["brier"].tolist() == pytest.approx([0.125, 0.29, 0.09])
    assert found["error"].tolist() == pytest.approx([0.35, 0.2, 0.3]) and found["n"].tolist() == [400, 400, 300]
    said = say.crm_takeaway("Acme", crm_chances.scores(looked))
    assert said == (
        "**Acme: the CRM's probabilities were farther from what came by the quarter's end than this page's chances**: Brier score "
        "0.290 against 0.125 (n 400). Of being won at all, which they speak of, theirs is 0.090 (n 300)."
    )
    assert [claim.predicate for claim in said.claims][0] == "more than"
    assert "The CRM&#x27;s probability" in table.crm_scores("Acme", crm_chances.scores(looked)).as_raw_html()


def test_looks_without_the_crm_s_word_and_too_few_of_them_give_nothing():
    assert crm_chances.scores(tried()).empty and crm_chances.by_category(tried()).empty
    few = tried(crm=[0.5] * 99 + [np.nan], ever=1.0, category="commit")
    assert crm_chances.scores(few).empty and len(crm_chances.by_category(few)) == 1
    assert say.crm_takeaway("Acme", crm_chances.scores(few)) is None and table.crm_scores("Acme", None) is None


def test_what_came_of_each_category():
    """Commit: 40 of 50 won; pipeline: 10 of 50."""
    looked = tried(category=["commit"] * 50 + ["pipeline"] * 50).assign(
        won=[1.0] * 40 + [0.0] * 10 + [1.0] * 10 + [0.0] * 40
    )
    found = crm_chances.by_category(looked)
    assert found[["category", "won", "n", "rate"]].values.tolist() == [
        ["commit", 40, 50, 0.8],
        ["pipeline", 10, 50, 0.2],
    ]
    assert (found["low"] < found["rate"]).all() and (found["high"] > found["rate"]).all()


@pytest.fixture(scope="module")
def with_crm(demo_company):
    """The demo company, whose CRM says 60 % and commit while a deal is open, and sets all or nothing when it closes."""
    tables = dict(demo_company[0])
    past, deals = tables["opportunity_history"], tables["opportunities"]
    states = past["status"].map({"open": 0.6, "won": 1.0, "lost": 0.0})
    tables["opportunity_history"] = past.assign(probability=states, forecast_category="commit")
    own = deals["status"].map({"open": 0.6, "won": 1.0, "lost": 0.0})
    return tables | {
        "opportunities": deals.assign(probability=own, name="Refit <b>2027</b>", next_step="Send the offer " * 9)
    }


def test_only_what_stood_while_a_deal_was_open_is_scored(with_crm):
    looked = win_chances.tried(with_crm["opportunities"], with_crm["opportunity_history"], NOW)
    assert looked["crm"].unique().tolist() == [0.6] and looked["ever"].dropna().isin([0, 1]).all()
    plain = with_crm["opportunity_history"].drop(columns=["probability", "forecast_category"])
    before = win_chances.tried(with_crm["opportunities"], plain, NOW)
    pd.testing.assert_frame_equal(looked[list(before)], before)


def test_looking_back_the_crm_does_not_yet_know_the_end(with_crm):
    seen = snapshot.cut(with_crm, DAY("2026-06-30"))["opportunities"]
    again = seen[seen["status"].eq("open")]
    assert again["probability"].eq(0.6).all() and len(again) > 20
    without = with_crm | {"opportunity_history": with_crm["opportunity_history"].drop(columns="probability")}
    closed_since = with_crm["opportunities"].set_index("opportunity_id")["closed_on"] > DAY("2026-06-30")
    blind = snapshot.cut(without, DAY("2026-06-30"))["opportunities"].set_index("opportunity_id")
    assert blind.loc[closed_since.reindex(blind.index), ["probability", "next_step"]].isna().all(axis=None)


def test_the_deals_that_decide_are_named_with_the_crm_s_chance_and_the_next_step(with_crm):
    deals, past = with_crm["opportunities"], with_crm["opportunity_history"]
    chances = win_chances.chances(deals, past, NOW)
    given = (chances, deals, NOW, past, with_crm["customers"], with_crm["reps"])
    named = call.deciding(*given)
    assert named["deal"].eq("Refit <b>2027</b>").all() and named["customer"].ne("").all()
    assert named["crm_chance"].eq(0.6).all() and named["seller"].ne("Refit <b>2027</b>").all()
    markup = rows.deals(named)
    assert "Refit &lt;b&gt;2027&lt;/b&gt;" in markup.data and "<b>2027" not in markup.data
    assert "CRM: 60 %" in markup.text and "next: Send the offer Send the offer Send the offer Send the …" in markup.text
    hidden = call.deciding(*given, anonymise=True)
    assert hidden["deal"].eq(hidden["opportunity_id"]).all() and hidden[["customer", "next_step"]].eq("").all(axis=None)


def test_a_deal_s_name_is_not_its_seller_s(with_crm):
    rates = performance.win_rates(with_crm["opportunities"], with_crm["reps"], NOW)
    assert set(rates["name"]) <= {*with_crm["reps"]["name"], "a seller of another region"}


def test_per_cents_are_refused_with_the_way_out():
    deals = pd.DataFrame(
        {
            "opportunity_id": ["D1"],
            "rep_id": "R",
            "region": "North",
            "opened_on": "2026-01-01",
            "stage": "x",
            "status": "open",
        }
    )
    with pytest.raises(
        ContractError, match=r"probability, row 1 .* holds 60, expected a ratio from 0 to 1 \(of per cents, divide by"
    ):
        contract.check({"opportunities": deals.assign(probability=60)})
