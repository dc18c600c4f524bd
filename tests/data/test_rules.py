"""Does a rule do with rows what its severity says, and is every row either in the snapshot or set aside?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.data import contract, rules, snapshot, source
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.errors import ContractError, SourceError
from quarterdeck.present import tables as shown
from test_remarks import deals, orders, spoiled

CUSTOMERS = pd.DataFrame({"customer_id": [f"C{k}" for k in range(7)], "name": "A", "region": "North"})
REPS = pd.DataFrame({"rep_id": [f"R{k}" for k in range(60)], "name": "A", "region": ["North", "South"] * 30})
QUOTAS = pd.DataFrame(
    {"rep_id": REPS["rep_id"], "period_start": "2026-07-01", "period_end": "2026-09-30", "quota": 100.0}
)
CALLS = pd.DataFrame(
    {
        "called_on": pd.date_range("2026-07-02", periods=5),
        "period_start": "2026-07-01",
        "period_end": "2026-09-30",
        "region": "North",
        "category": "commit",
        "amount": 5.0,
    }
)
MARKET = pd.DataFrame(
    {
        "period_start": "2026-07-01",
        "period_end": "2026-09-30",
        "region": "North",
        "segment": [*"ABCDE"],
        "market_revenue": 9.0,
    }
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
    ("quotas", spoiled(QUOTAS, period_end="9999-12-31"), "endless", "set aside"),
    ("forecast_calls", spoiled(CALLS, period_end="2026-10-31"), "no_quarter", "note"),
    ("market", spoiled(MARKET, period_end="2026-10-31"), "across_calendar_quarters", "note"),
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
            split = rule == "across_calendar_quarters"  # one row gives two
            assert len(left) == len(frame) + split and aside.empty


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


QUARTERS = st.sampled_from([GREGORIAN, Calendar(first_month=11), Calendar(first_month=2, weeks="4-5-4")])
SPAN = st.tuples(st.integers(0, 900), st.integers(0, 5000), st.integers(-2, 10**9))


@settings(max_examples=60, deadline=None)
@given(QUARTERS, st.lists(SPAN, min_size=1, max_size=8), st.sampled_from(["note", "set aside"]))
def test_targets_of_any_span_are_kept_whole_split_or_set_aside_to_the_cent(calendar, spans, grave):
    starts = pd.to_datetime([pd.Timestamp("2024-01-01") + pd.Timedelta(days=first) for first, _, _ in spans])
    ends = [start + pd.Timedelta(days=days) for start, (_, days, _) in zip(starts, spans, strict=True)]
    columns = {"region": [f"R{k}" for k in range(len(spans))], "period_start": starts, "period_end": ends}
    given = pd.DataFrame(columns | {"revenue_target": [max(cents, 0) / 100 for *_, cents in spans]})
    checked = contract.check(
        {"orders": orders(), "targets": given}, rules={"across_quarters": grave}, calendar=calendar
    )
    left, aside = checked.get("targets", contract.empty("targets")), checked.aside.get("targets", given.head(0))
    assert sorted({*left["region"], *aside["region"]}) == sorted(given["region"])
    assert not {*left["region"]} & {*aside["region"]}
    money = pd.concat([left, aside]).groupby("region")["revenue_target"].sum()
    assert money.to_numpy() == pytest.approx(given.set_index("region")["revenue_target"][money.index], abs=0.001)
    assert (calendar.place(left["period_start"]) == calendar.place(left["period_end"])).all()
    said = {r.rule: r.parts["company"][0] for r in checked.remarks if r.table == "targets"}
    assert said.get("endless", 0) == (aside["rule"] == "endless").sum() if len(aside) else "endless" not in said
    whole = len(left.drop_duplicates("region")) + len(aside)
    assert whole == len(given) and (grave == "note" or len(left) + len(aside) == len(given))


@settings(max_examples=40, deadline=None)
@given(st.lists(SPAN, min_size=1, max_size=6), st.sampled_from(["market", "competitors"]))
def test_a_market_of_any_span_is_split_over_calendar_quarters_to_the_cent(spans, name):
    starts = pd.to_datetime([pd.Timestamp("2024-01-01") + pd.Timedelta(days=first) for first, _, _ in spans])
    ends = [start + pd.Timedelta(days=days % 1500) for start, (_, days, _) in zip(starts, spans, strict=True)]
    columns = {
        "region": [f"R{k}" for k in range(len(spans))],
        "segment": "s",
        "period_start": starts,
        "period_end": ends,
    }
    own = {"market": {}, "competitors": {"competitor": "Volt"}}[name]
    money = {"market": "market_revenue", "competitors": "revenue"}[name]
    given = pd.DataFrame(columns | own | {money: [max(cents, 0) / 100 for *_, cents in spans]})
    left = contract.check({"orders": orders(), name: given}, calendar=Calendar(first_month=11))[name]
    assert (GREGORIAN.place(left["period_start"]) == GREGORIAN.place(left["period_end"])).all()
    assert left.groupby("region")[money].sum().to_numpy() == pytest.approx(
        given.set_index("region")[money].sort_index(), abs=0.001
    )


def test_days_that_a_table_of_months_does_not_reach_are_noted_or_stop():
    starts = pd.date_range("2025-07-01", periods=12, freq="MS")
    months = pd.DataFrame({"period_start": starts, "period_end": starts + pd.offsets.MonthEnd(0), "fiscal_year": 2026})
    months = months.assign(quarter=[1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4], month=range(1, 13))
    tables = {"orders": orders().assign(order_date=pd.Timestamp("2026-06-30")), "calendar": months}
    assert contract.check(tables).remarks == []
    tables["orders"].loc[7, "order_date"] = pd.Timestamp("2026-07-01")
    (said,) = contract.check(tables).remarks
    assert (said.rule, said.severity, said.parts["company"][0]) == ("beyond_calendar", "note", 1)
    with pytest.raises(
        ContractError, match="column order_date, row 8 .* holds 2026-07-01, expected a day of table cal"
    ):
        contract.check(tables, rules={"beyond_calendar": "stop"})


def test_a_table_of_months_that_is_wrong_stops_with_its_own_fault_and_no_other():
    months = pd.DataFrame({"period_start": ["2026-01-01"], "period_end": "2026-01-31", "fiscal_year": 2026})
    tables = {"orders": orders(), "quotas": spoiled(QUOTAS, period_end="2027-03-31"), "reps": REPS}
    for wrong, words in (({"quarter": 1}, "column month is missing"), ({"quarter": 1, "month": 1}, "it has 1 rows")):
        with pytest.raises(ContractError, match=f"table calendar: {words}") as caught:
            contract.check(tables | {"calendar": months.assign(**wrong)}, rules={"across_quarters": "stop"})
        assert len(caught.value.faults) == 1


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
