"""Does a rule do with rows what its severity says, and is every row either in the snapshot or set aside?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.data import contract, rules, snapshot, source
from quarterdeck.errors import ContractError, SourceError
from quarterdeck.present import tables as shown
from test_remarks import deals, orders, spoiled

CUSTOMERS = pd.DataFrame({"customer_id": [f"C{k}" for k in range(7)], "name": "A", "region": "North"})
REPS = pd.DataFrame({"rep_id": [f"R{k}" for k in range(60)], "name": "A", "region": ["North", "South"] * 30})
QUOTAS = pd.DataFrame(
    {"rep_id": REPS["rep_id"], "period_start": "2026-07-01", "period_end": "2026-09-30", "quota": 100.0}
)
CASES = [  # what is wrong, the rule, and what it is by default
    ("orders", orders(100, customer_id=["C9", *["C1"] * 99]), "orphan", "set aside"),
    ("orders", spoiled(orders(), quantity="two"), "unreadable", "set aside"),
    ("orders", spoiled(orders(), revenue="1,234.50"), "ambiguous", "stop"),
    ("orders", spoiled(orders(), region=None), "out_of_range", "set aside"),
    ("orders", pd.concat([orders(), orders().tail(1)]), "repeated_row", "set aside"),
    ("orders", pd.concat([orders(), orders().tail(1).assign(revenue=9.0)]), "repeated_key", "stop"),
    ("orders", pd.concat([orders(), orders().tail(1).assign(line_no=2)]), "repeated_line", "note"),
    ("orders", spoiled(orders(), revenue=-5.0), "price_credit", "note"),
    ("orders", spoiled(orders(), customer_id=None), "no_customer", "note"),
    ("orders", spoiled(orders(), quantity=-1.0), "odd_sign", "set aside"),
    ("orders", spoiled(orders(), channel="direct"), "alike_names", "note"),
    ("orders", spoiled(orders(), region="SOUTH"), "alike_regions", "stop"),
    ("opportunities", spoiled(deals(), opened_on="2026-12-01"), "back_dated", "note"),
    ("opportunities", spoiled(deals(), closed_on=None), "oddly_closed", "set aside"),
    ("quotas", spoiled(QUOTAS, quota=-1.0), "out_of_range", "stop"),
    ("quotas", spoiled(QUOTAS, period_end="2026-06-30"), "date_order", "stop"),
    (
        "quotas",
        pd.concat([QUOTAS, QUOTAS.head(1).assign(period_start="2026-08-01", period_end="2026-09-30")]),
        "overlap",
        "stop",
    ),
    ("reps", spoiled(REPS, rep_id="R0"), "repeated_key", "stop"),
]


def company(name, frame):
    """Give the table with those that it leads to."""
    homes = {"orders": {"customers": CUSTOMERS}, "quotas": {"reps": REPS}}
    return homes.get(name, {}) | {name: frame}


def held(name, frame, given):
    """Hold a table to the rules: what was said, and the rows that are left and set aside; None where it stops."""
    try:
        checked = contract.check(company(name, frame), rules=given)
    except ContractError as error:
        return error.remarks, None, None
    return checked.remarks, checked[name], checked.aside.get(name, pd.DataFrame())


@pytest.mark.parametrize(("name", "frame", "rule", "usual"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_rule_stops_sets_aside_or_notes_as_it_does_by_default_and_as_source_yaml_says(name, frame, rule, usual):
    assert rules.severity(rule, name) == usual
    for changed, grave in (
        ({}, usual),
        *(({rule: g}, g) for g in rules.RULES[rule].may),
        *(({rule: "stop", f"{name}.{rule}": g}, g) for g in rules.RULES[rule].may),
    ):
        remarks, left, aside = held(name, frame, changed)
        found = next(r for r in remarks if r.rule == rule)
        assert (found.severity, found.table) == (grave, name) and found.parts["company"][:2] == [1, len(frame)]
        assert (left is None) == (grave == "stop")
        if grave == "set aside":
            assert len(left) + len(aside) == len(frame) and aside["rule"].tolist() == [rule]
        elif grave == "note":
            assert len(left) == len(frame) and aside.empty


def test_a_row_that_is_set_aside_is_kept_with_its_number_reason_and_money():
    given = spoiled(spoiled(orders(), quantity="two").set_axis(range(1, 101)), product_id=None).reset_index(drop=True)
    aside = contract.check({"orders": given}).aside["orders"]
    assert aside[["row", "rule", "money"]].values.tolist() == [[3, "out_of_range", 10.0], [4, "unreadable", 10.0]]
    assert aside["reason"].tolist() == [
        "product_id holds nothing, expected a value",
        "quantity holds 'two', expected a number",
    ]
    assert rules.counted({"orders": aside}) == {
        "orders": {"out_of_range": {"rows": 1, "money": 10.0}, "unreadable": {"rows": 1, "money": 10.0}}
    }


def test_the_limit_holds_for_all_rules_of_a_table_together():
    given = orders()
    given.loc[:1, "region"], given.loc[2, "quantity"] = None, -1.0
    with pytest.raises(ContractError) as caught:
        contract.check({"orders": given})
    assert [said.partition("(")[2].partition("(")[2] for said in caught.value.faults] == [
        "2 of 100 rows, 3 with those of other rules; set_aside_limit is 2%).",
        "a return), or a quantity of zero or more; fix the source "
        "(1 of 100 rows, 3 with those of other rules; set_aside_limit is 2%).",
    ]
    assert len(contract.check({"orders": given}, 0.03)["orders"]) == 97


def test_what_names_a_row_that_is_set_aside_follows_it_with_its_money():
    sellers = pd.concat([REPS, REPS.head(1).assign(rep_id="R60", name=None)])
    lines = orders(100, rep_id=["R60", *["R1"] * 99])
    with pytest.raises(ContractError, match="table reps: column name, row 61"):
        contract.check({"reps": sellers, "orders": lines})
    checked = contract.check({"reps": sellers, "orders": lines}, rules={"reps.out_of_range": "set aside"})
    (row,) = checked.aside["orders"].itertuples()
    assert (row.rule, row.money, row.reason) == (
        "follows",
        10.0,
        "rep_id holds 'R60', which is set aside in table reps",
    )
    assert [r.sentence(example=False) for r in checked.remarks] == [
        "reps: rows that lack a value or hold one out of range are set aside: 1 of 61 rows",
        "orders: rows that name a row of reps that is set aside are set aside: 1 of 100 rows (revenue 10.00, 1.0 % of all)",
    ]


def test_the_rows_are_written_beside_the_snapshot_and_a_page_of_any_region_says_so(tmp_path):
    past = pd.DataFrame({"opportunity_id": ["D1", "D3"], "changed_on": "2026-02-01", "stage": "x", "status": "open"})
    tables = {"opportunities": spoiled(deals(), closed_on=None, region="North"), "opportunity_history": past}
    facts = snapshot.freeze(contract.check(tables), tmp_path / "data", snapshot.CompanyInfo("acme", "Acme", "EUR"))
    assert facts["set_aside"] == {
        "opportunities": {"oddly_closed": {"rows": 1, "money": 50.0}},
        "opportunity_history": {"follows": {"rows": 1, "money": None}},
    }
    stored = {p.stem: pd.read_parquet(p) for p in (tmp_path / "data" / snapshot.ASIDE).iterdir()}
    assert stored["opportunities"]["opportunity_id"].tolist() == ["D3"]
    assert stored["opportunity_history"]["opportunity_id"].tolist() == ["D3"]
    desk = snapshot.open_desk("acme", "North", data=str(tmp_path / "data"))
    desk.ask(lambda opportunities, opportunity_history: 0)
    assert (
        "Opportunities: rows that are closed without a day, or open with one are set aside: 1 of 100 rows (amount 50.00, "
        "1.0 % of all). Opportunity history: rows that name a row of opportunities that is set aside are set aside: "
        "1 of 2 rows."
    ) in shown.provenance(desk)


SPOILS = {
    "orders": ["revenue", "quantity", "order_date", "region", "product_id", "customer_id", "order_id"],
    "opportunities": ["amount", "opened_on", "closed_on", "status", "rep_id"],
    "opportunity_history": ["changed_on", "opportunity_id"],
}
VALUES = st.sampled_from([None, "", "n/a", "two", "-5", "C9", "2026-13-01", "inf", "lost", " "])
SPOIL = st.sampled_from([(t, c) for t, columns in SPOILS.items() for c in columns])
EVERY = {rule: rules.ASIDE for rule, how in rules.RULES.items() if rules.ASIDE in how.may}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(SPOIL, st.integers(0, 99), VALUES), min_size=1, max_size=8), st.lists(st.integers(0, 99)))
def test_every_row_is_in_the_snapshot_or_set_aside_and_so_is_its_money(spoils, again):
    past = deals()[["opportunity_id", "rep_id", "status", "stage"]].assign(changed_on="2026-02-01")
    tables = {"customers": CUSTOMERS, "orders": orders(), "opportunities": deals(), "opportunity_history": past}
    tables = {name: frame.astype(object) for name, frame in tables.items()}
    for (name, column), row, value in spoils:
        tables[name].loc[row, column] = value
    tables["orders"] = pd.concat([tables["orders"], tables["orders"].iloc[again]])
    checked = contract.check(tables, 1.0, EVERY)
    for name, frame in tables.items():
        left, aside = checked.get(name, []), checked.aside.get(name, pd.DataFrame())
        assert len(left) + len(aside) == len(frame)
        assert sum(
            r.parts["company"][0] for r in checked.remarks if (r.table, r.severity) == (name, "set aside")
        ) == len(aside)
    money = pd.to_numeric(tables["orders"]["revenue"], errors="coerce").replace([np.inf, -np.inf], np.nan).sum()
    aside = checked.aside.get("orders", pd.DataFrame({"money": []}))
    assert money == pytest.approx(checked["orders"]["revenue"].sum() + aside["money"].sum())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{orfan: stop}", "rules: there is no rule 'orfan'; there are unreadable, ambiguous, "),
        ("{order.orphan: stop}", "rules: there is no rule 'order.orphan'"),
        ("{orders.orphan: note}", "rules: orders.orphan holds 'note'; it may be stop or set aside"),
    ],
)
def test_a_rule_or_severity_that_is_none_is_refused_in_one_sentence(tmp_path, written, said):
    (tmp_path / "source.yaml").write_text(f"title: Acme\ntables: {{orders: SELECT 1}}\nrules: {written}\n")
    with pytest.raises(SourceError) as caught:
        source.load(tmp_path)
    assert said in str(caught.value)


def test_each_rule_is_held_at_a_severity_that_it_may_have():
    for name, rule in rules.RULES.items():
        assert {rule.severity, *rule.tables.values()} <= set(rule.may), name
        assert rules.NOTE not in rule.may or rule.noted or name in ("trimmed", "alike_regions", "alike_names")
