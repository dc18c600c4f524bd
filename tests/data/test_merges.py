"""Are rows that were merged, deleted or opened again counted once, and said with their money; never refused?"""

import pandas as pd
import pytest

from quarterdeck.analysis.sales.revenue import bookings, pipeline_open
from quarterdeck.data import contract, snapshot
from quarterdeck.data.periods import quarter
from quarterdeck.errors import ContractError
from test_remarks import deals, orders, spoiled

ACCOUNTS = pd.DataFrame({"customer_id": [f"C{k}" for k in range(7)], "name": [*"ABCDEFG"], "region": "North"})
STEPS = pd.DataFrame({"kind": "customer", "old_id": ["C1", "C2"], "surviving_id": ["C2", "C3"]})


def merged(kind="deal", **pairs):
    return pd.DataFrame({"kind": kind, "old_id": [*pairs], "surviving_id": [*pairs.values()]})


def test_a_merged_customer_is_one_with_all_that_it_bought():
    """100 orders of 10 by seven customers in turn: C1, C2 and C3 have 15, 14 and 14 of them, so 43 and 430 together."""
    checked = contract.check({"customers": ACCOUNTS, "orders": orders(), "merges": STEPS})
    by = checked["orders"].groupby("customer_id")["revenue"].agg(["size", "sum"])
    assert by.loc["C3"].tolist() == [43, 430] and len(by) == 5 and by["sum"].sum() == 1000
    assert checked["customers"]["customer_id"].tolist() == ["C0", "C3", "C4", "C5", "C6"] and "merges" not in checked
    assert [said.sentence() for said in checked.remarks] == [
        "orders: rows that name a customer or seller that was merged count for the one that is left: 29 of 100 rows "
        "(revenue 290.00, 29.0 % of all), such as order_id 'O1', line_no 1",
        "customers: rows that were merged into another are set aside: 2 of 7 rows, such as customer_id 'C1'",
    ]
    assert checked.aside["customers"]["reason"].tolist() == [
        "customer_id holds 'C1', which was merged into 'C3'",
        "customer_id holds 'C2', which was merged into 'C3'",
    ]


def test_a_merged_deal_counts_once_however_many_there_are_and_its_past_goes_with_it():
    """100 deals of 50 each; 40 of them are copies of D99: 60 are left, with 3,000; no limit holds for what is no fault."""
    copies = {f"D{k}": "D99" for k in range(40)}
    past = pd.DataFrame({"opportunity_id": ["D3", "D99"], "changed_on": "2026-02-01", "stage": "x", "status": "open"})
    checked = contract.check({"opportunities": deals(), "opportunity_history": past, "merges": merged(**copies)})
    assert checked["opportunities"]["amount"].sum() == 3000 and len(checked["opportunity_history"]) == 1
    assert checked.remarks[0].sentence("North") == (
        "opportunities: rows that were merged into another are set aside: 40 of 100 rows (amount 2,000.00, 40.0 % of all), "
        "such as opportunity_id 'D0'"
    )


def test_a_merge_that_leads_nowhere_merges_nothing_and_a_circle_stops_the_run():
    checked = contract.check({"opportunities": deals(), "merges": merged(D1="gone", D2="D3")}, 0.6)
    assert len(checked["opportunities"]) == 99 and checked.aside["merges"]["reason"].tolist() == [
        "surviving_id holds 'gone', expected a number that its table holds"
    ]
    with pytest.raises(ContractError) as caught:
        contract.check({"opportunities": deals(), "merges": merged(D1="D2", D2="D1")})
    assert str(caught.value) == (
        "table merges: column surviving_id, row 1 (kind 'deal', old_id 'D1') holds 'D2', expected a number that is not merged "
        "into the old one again; fix the source (2 such rows)."
    )


@pytest.mark.parametrize("word", ["true", "TRUE", "t", "yes", "1", True, 1])
def test_a_deleted_row_is_set_aside_with_its_money(word):
    """Of 100 deals of 50 three are deleted: 97 are left, with 4,850."""
    given = deals().assign(deleted=[word] * 3 + ["false"] * 97 if isinstance(word, str) else [word] * 3 + [None] * 97)
    checked = contract.check({"opportunities": given})
    assert checked["opportunities"]["amount"].sum() == 4850
    (said,) = checked.remarks
    assert said.sentence(example=False) == (
        "opportunities: rows that the source has deleted are set aside: 3 of 100 rows (amount 150.00, 3.0 % of all)"
    )
    assert len(contract.check({"opportunities": given}, rules={"deleted": "note"})["opportunities"]) == 100


def test_a_word_that_is_neither_is_said_as_any_other_fault():
    checked = contract.check({"orders": spoiled(orders().assign(deleted="no"), deleted="perhaps")})
    assert checked.aside["orders"]["reason"].tolist() == ["deleted holds 'perhaps', expected true or false"]


@pytest.fixture
def again():
    """Deal A was lost on 10 February, opened again on 5 April and won on 20 May; B was lost on 1 March and is open again."""
    past = {
        "A": [("01-10", "open", 80), ("02-10", "lost", 80), ("04-05", "open", 90), ("05-20", "won", 100)],
        "B": [("01-20", "open", 40), ("03-01", "lost", 40), ("05-02", "open", 45)],
        "C": [("01-05", "open", 10)],
    }
    history = pd.DataFrame(
        [(deal, f"2026-{day}", status, status, amount) for deal, rows in past.items() for day, status, amount in rows],
        columns=["opportunity_id", "changed_on", "stage", "status", "amount"],
    )
    now = pd.DataFrame(
        {
            "opportunity_id": ["A", "B", "C"],
            "rep_id": "R1",
            "region": "North",
            "opened_on": ["2026-01-10", "2026-01-20", "2026-01-05"],
            "closed_on": ["2026-05-20", "2026-03-01", None],  # B keeps the day on which it was lost
            "stage": ["won", "open", "open"],
            "status": ["won", "open", "open"],
            "amount": [100.0, 45.0, 10.0],
        }
    )
    return contract.check({"opportunities": now, "opportunity_history": history})


def test_a_deal_that_was_opened_again_counts_once_as_it_stands(again):
    """Won in the second quarter: 100 of A; open: 45 of B, which still had its old day of closing, and 10 of C."""
    day = pd.Timestamp("2026-05-31")
    seen = snapshot.cut(again, day)["opportunities"]
    assert bookings(seen, quarter(day))["value"].item() == 100 and pipeline_open(seen)["value"].item() == 55
    assert again.remarks[0].sentence() == (
        "opportunities: deals that were closed and opened again count once, as they stand; one that is open has no day of "
        "closing: 2 of 3 rows (amount 145.00, 93.5 % of all), such as opportunity_id 'A'"
    )


@pytest.mark.parametrize(
    ("day", "states"),
    [
        ("2026-02-09", {"A": ("open", 80), "B": ("open", 40), "C": ("open", 10)}),
        ("2026-02-10", {"A": ("lost", 80), "B": ("open", 40), "C": ("open", 10)}),
        ("2026-04-04", {"A": ("lost", 80), "B": ("lost", 40), "C": ("open", 10)}),
        ("2026-04-05", {"A": ("open", 90), "B": ("lost", 40), "C": ("open", 10)}),
        ("2026-05-20", {"A": ("won", 100), "B": ("open", 45), "C": ("open", 10)}),
    ],
)
def test_looking_back_a_deal_is_closed_for_as_long_as_it_was(again, day, states):
    seen = snapshot.cut(again, pd.Timestamp(day))["opportunities"].set_index("opportunity_id")
    assert {deal: (row["status"], row["amount"]) for deal, row in seen.iterrows()} == states
    assert seen["closed_on"].notna().tolist() == [status != "open" for status, _ in states.values()]
    if states["A"][0] == "lost":
        assert seen.loc["A", "closed_on"] == pd.Timestamp("2026-02-10")
