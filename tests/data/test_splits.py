"""Does the credit of a deal that several sellers share add up to the deal once, and is what counts beside it said?"""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.analysis.brief import call
from quarterdeck.analysis.pipeline.credit import credited
from quarterdeck.analysis.sales import revenue
from quarterdeck.analysis.team import performance
from quarterdeck.data import contract, splits
from quarterdeck.data.periods import quarter
from test_remarks import deals

NOW = quarter(pd.Timestamp("2026-03-31"))
REPS = pd.DataFrame({"rep_id": ["R1", "R2", "R3"], "name": [*"ABC"], "manager": ["M", "M", "N"], "region": "North"})


def shared(*rows):
    return pd.DataFrame(rows, columns=["opportunity_id", "rep_id", "share", "credit"])


def checked(*rows, **more):
    return contract.check({"opportunities": deals(), "reps": REPS, "deal_splits": shared(*rows)} | more)


def test_shares_rest_and_overlay_by_hand():
    """Deals of 50, all R1's. D0: 60 % R1 and 40 % R2, 30 and 20. D1: 30 % R3, so 70 % are the owner's: 35 and 15. D2: R1 and R2
    with all of it each, halved: 25 and 25. D3: an overlay of all of it for R3, which is in no figure: 50 of R1."""
    tables = checked(
        ("D0", "R1", 0.6, "revenue"), ("D0", "R2", 0.4, "revenue"), ("D1", "R3", 0.3, None),
        ("D2", "R1", 1.0, None), ("D2", "R2", 1.0, None), ("D3", "R3", 1.0, "Overlay"),
    )  # fmt: skip
    own = credited(tables["opportunities"]).groupby(["opportunity_id", "rep_id"])["amount"].sum()
    assert own.loc["D0":"D0"].tolist() == pytest.approx([30, 20]) and own.loc["D1":"D1"].tolist() == pytest.approx(
        [35, 15]
    )
    assert own.loc["D2":"D2"].tolist() == [25, 25] and own.loc["D3":"D3"].to_dict() == {("D3", "R1"): 50}
    assert [said.sentence("North", example=False) for said in tables.remarks] == [
        "opportunities: deals with overlay credit count once in sellers' bookings, by the other shares; the overlay is in no "
        "figure: 1 of 100 rows (amount 50.00, 1.0 % of all)",
        "opportunities: deals whose shares add up to more than one count once: the shares are scaled: 1 of 100 rows "
        "(amount 50.00, 1.0 % of all)",
    ]


def test_sellers_bookings_add_up_to_the_company_s():
    """60 deals of 50 closed from 31 January to 31 March 2026: 3,000. R2 has two fifths of the first of them, D0."""
    tables = checked(("D0", "R1", 0.6, None), ("D0", "R2", 0.4, None))
    sold = performance.bookings(NOW, opportunities=tables["opportunities"])
    assert sold.groupby("rep_id")["amount"].sum().to_dict() == pytest.approx({"R1": 2980, "R2": 20})
    assert sold["amount"].sum() == pytest.approx(revenue.bookings(tables["opportunities"], NOW)["value"].item()) == 3000
    quotas = pd.DataFrame(
        {"rep_id": ["R1", "R2"], "period_start": NOW.start, "period_end": NOW.end, "quota": [2980.0, 40.0]}
    )
    attained = performance.attainment(quotas, REPS, NOW, opportunities=tables["opportunities"]).set_index("rep_id")
    assert attained["attainment"].to_dict() == pytest.approx({"R1": 1.0, "R2": 0.5})
    chances = pd.DataFrame({"opportunity_id": ["D0"], "worth": [10.0]})
    rows = call.teams(chances, quotas.assign(rep_id=["R1", "R3"]), REPS, tables["opportunities"], NOW)
    assert rows.set_index("manager")["open_worth"].to_dict() == {"M": 10, "N": 0}


def test_a_share_of_nobody_s_deal_or_of_an_unknown_seller_is_set_aside_and_the_owner_keeps_it():
    many = ((f"D{k}", "R2", 0.5, None) for k in range(1, 100))
    tables = checked(("D0", "R9", 0.5, None), ("none", "R1", 0.5, None), *many)
    assert len(tables.aside["deal_splits"]) == 2 and "deal_splits" not in tables
    assert credited(tables["opportunities"]).query("opportunity_id == 'D0'")["rep_id"].tolist() == ["R1"]


def test_a_merged_seller_s_share_is_the_other_s():
    merges = pd.DataFrame({"kind": "seller", "old_id": ["R2"], "surviving_id": ["R3"]})
    tables = checked(("D0", "R1", 0.5, None), ("D0", "R2", 0.5, None), merges=merges)
    assert credited(tables["opportunities"]).head(2)["rep_id"].tolist() == ["R1", "R3"]


def test_without_splits_nothing_is_changed():
    plain = contract.check({"opportunities": deals(), "reps": REPS})["opportunities"]
    assert splits.CREDIT not in plain and credited(plain) is plain


SHARE = st.tuples(st.sampled_from(["D0", "D1", "D2"]), st.sampled_from(["R1", "R2", "R3"]), st.floats(0.01, 1.5))


@settings(max_examples=80, deadline=None)
@given(st.lists(SHARE, max_size=9, unique_by=lambda share: share[:2]))
def test_whatever_the_shares_a_deal_counts_once(shares):
    given = pd.DataFrame(shares, columns=["opportunity_id", "rep_id", "share"])
    own = deals(4).assign(amount=[100.0, 0.0, 7.77, 1.0])
    parts = own.assign(credit=own["opportunity_id"].map(splits.shares(given, own)) if len(given) else None)
    found = credited(parts).groupby("opportunity_id")["amount"].sum()
    assert found.to_dict() == pytest.approx(own.set_index("opportunity_id")["amount"].to_dict(), abs=1e-9)
