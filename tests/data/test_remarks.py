"""Are rows that are faulty, repeated or oddly spelled counted and said, or refused; and never read in silence?"""

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.analysis.brief.metrics import measure
from quarterdeck.data import contract, snapshot
from quarterdeck.data.calendar import Calendar
from quarterdeck.errors import ContractError
from quarterdeck.present import tables as shown


def orders(count=100, **columns):
    """Give a table of orders of 10 each."""
    frame = pd.DataFrame(
        {
            "order_id": [f"O{k}" for k in range(count)],
            "line_no": 1,
            "order_date": pd.Timestamp("2026-07-01") + pd.to_timedelta([k % 90 for k in range(count)], "D"),
            "customer_id": [f"C{k % 7}" for k in range(count)],
            "product_id": "P1",
            "region": ["North", "South"] * (count // 2),
            "channel": "Direct",
            "quantity": 1.0,
            "list_amount": 12.0,
            "revenue": 10.0,
        }
    )
    return frame.assign(**columns)


def deals(count=100):
    opened = pd.Timestamp("2026-01-01") + pd.to_timedelta(range(count), "D")
    won = {
        "status": "won",
        "stage": "won",
        "opened_on": opened,
        "closed_on": opened + pd.Timedelta(days=30),
        "amount": 50.0,
    }
    return pd.DataFrame({"opportunity_id": [f"D{k}" for k in range(count)], "rep_id": "R1", "region": "North"}).assign(
        **won
    )


def spoiled(table, **values):
    """Give a table with other values in its fourth row."""
    table = table.astype(object)
    for column, value in values.items():
        table.loc[3, column] = value
    return table


FAULTY = [
    ("orders", {"revenue": None}),
    ("orders", {"order_date": None}),
    ("orders", {"quantity": -1, "revenue": 5}),
    ("opportunities", {"closed_on": None}),
    ("opportunities", {"status": "open"}),
    ("opportunities", {"status": "maybe"}),
    ("opportunities", {"amount": -5}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "values"), FAULTY)
def test_a_faulty_row_is_set_aside_with_its_count_and_above_the_limit_the_source_is_refused(name, values):
    given = spoiled({"orders": orders, "opportunities": deals}[name](), **values)
    checked = contract.check({name: given})
    (said,) = checked.remarks
    assert len(checked[name]) == 99 and said.severity == "set aside" and said.parts["company"][:2] == [1, 100]
    assert "1 of 100 rows" in said.sentence() and given.iloc[3, 0] in said.sentence()
    with pytest.raises(ContractError, match=r"\(1 of 100 rows; set_aside_limit is 0%\)\.$"):
        contract.check({name: given}, 0.001)


def test_one_row_with_much_of_the_money_is_not_set_aside():
    with pytest.raises(ContractError, match="1 of 100 rows"):
        contract.check({"opportunities": spoiled(deals(), amount=900.0, closed_on=None)})


def test_the_history_of_a_deal_that_is_set_aside_goes_with_it():
    past = pd.DataFrame({"opportunity_id": ["D3", "D4"], "changed_on": "2026-02-01", "stage": "x", "status": "open"})
    checked = contract.check({"opportunities": spoiled(deals(), closed_on=None), "opportunity_history": past})
    assert checked["opportunity_history"]["opportunity_id"].tolist() == ["D4"]


def test_a_credit_is_money_without_units():
    checked = contract.check({"orders": spoiled(orders(), revenue=-500.0)})
    row = checked["orders"].iloc[3]
    assert (row["quantity"], row["list_amount"], row["revenue"]) == (0, 0, -500)
    assert checked["orders"]["revenue"].sum() == 990 - 500
    (said,) = checked.remarks
    assert said.sentence() == (
        "orders: credits (negative revenue with a positive quantity) are read as money without units: 1 of 100 rows "
        "(revenue -500.00), such as order_id 'O3', line_no 1"
    )
    assert said.sentence("South").endswith("1 of 50 rows (revenue -500.00), such as order_id 'O3', line_no 1")
    assert said.sentence("North") == ""


def test_a_deal_that_was_entered_after_it_had_closed_keeps_its_money():
    checked = contract.check({"opportunities": spoiled(deals(), opened_on="2026-12-01")})
    row = checked["opportunities"].iloc[3]
    assert row["opened_on"] == row["closed_on"] == pd.Timestamp("2026-02-03") and row["amount"] == 50
    assert "opened on the day they closed: 1 of 100 rows (amount 50.00, 1.0 % of all)" in checked.remarks[0].sentence()


@pytest.mark.parametrize("count", [1, 12])
def test_lines_that_are_repeated_in_all_columns_are_counted_with_their_money(count):
    given = pd.concat([orders(), orders().iloc[:count].assign(line_no=2)])
    (said,) = contract.check({"orders": given}).remarks
    assert (
        f"{count} of {100 + count} rows (revenue {10 * count}.00, " in said.sentence()
        and "SELECT DISTINCT" in said.said
    )
    assert not contract.check({"orders": given.assign(quantity=range(1, 101 + count))}).remarks


BLANKS = st.sampled_from(["{} ", " {}", "{}\u00a0", "\u2003{}", "{}\t", "\ufeff{}", "{}\u200b"])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(way=BLANKS, column=st.sampled_from(["region", "channel"]))
def test_blanks_at_the_ends_of_a_name_are_dropped_and_said(way, column):
    name = orders()[column].iloc[3]
    checked = contract.check({"orders": spoiled(orders(), **{column: way.format(name)})})
    assert checked["orders"][column].equals(contract.check({"orders": orders()})["orders"][column])
    (said,) = checked.remarks
    assert (
        f"{way.format(name)!r}, read as {name!r}" in said.sentence()
        and "1 of 100 rows (revenue 10.00, 1.0 % of all)" in said.sentence()
    )


ALIKE = st.sampled_from(
    [str.upper, str.lower, str.swapcase, lambda s: s.replace(" ", "  "), lambda s: s.replace(" ", "\u00a0")]
)


@settings(max_examples=25, deadline=None)
@given(spell=ALIKE, column=st.sampled_from(["region", "channel"]))
def test_names_that_are_likely_one_are_said_with_counts_and_money_and_regions_refused(spell, column):
    given = orders(**{column: ["Côte Nord", "South"] * 50})
    other = spell(given[column].iloc[0])
    given.loc[2, column] = other
    if column == "region":
        with pytest.raises(ContractError) as caught:
            contract.check({"orders": given})
        assert f"{other!r} (1 row of orders, revenue 10.00) and 'Côte Nord' (49 rows of orders, revenue 490.00)" in str(
            caught.value
        )
        assert f"CASE region WHEN '{other}' THEN 'Côte Nord'" in str(caught.value)
    else:
        (said,) = contract.check({"orders": given}).remarks
        assert "names of channel that are likely one are counted apart" in said.sentence(example=False)
        assert said.sentence().endswith(f"such as {other!r}, where others hold 'Côte Nord'")
        assert "1 of 100 rows (revenue 10.00, 1.0 % of all)" in said.sentence()


def test_two_ways_of_writing_an_accent_are_one_name():
    given = spoiled(orders(region="Köln"), region="Ko\u0308ln")
    assert set(contract.check({"orders": given})["orders"]["region"]) == {"Köln"}


def test_regions_of_two_tables_are_held_against_each_other():
    target = pd.DataFrame(
        {"region": ["NORTH"], "period_start": "2026-07-01", "period_end": "2026-09-30", "revenue_target": 9}
    )
    with pytest.raises(
        ContractError, match=r"'NORTH' \(1 row of targets, revenue target 9.00\) and 'North' \(50 rows of orders"
    ):
        contract.check({"orders": orders(), "targets": target})


def frozen(tmp_path, tables, region="company"):
    facts = snapshot.freeze(tables, tmp_path / "data", snapshot.CompanyInfo("acme", "Acme", "EUR"))
    return facts, snapshot.open_desk("acme", region, data=str(tmp_path / "data"))


@pytest.mark.parametrize(("first", "months"), [(2, 3), (11, 3), (1, 12), (3, 2)])
def test_targets_over_more_than_one_quarter_are_split_by_days_and_said(tmp_path, first, months):
    start = pd.Timestamp(2026, first, 1)
    end = start + pd.DateOffset(months=months) - pd.Timedelta(days=1)
    target = pd.DataFrame(
        {"region": ["North", "South"], "period_start": start, "period_end": end, "revenue_target": 500.0}
    )
    facts, desk = frozen(tmp_path, {"orders": orders(), "targets": target})
    (said,) = facts["remarks"]
    assert said["severity"] == "note" and said["parts"]["company"] == [2, 2, 1000.0, 1000.0]
    held = desk.tables["targets"]
    assert held["revenue_target"].sum() == pytest.approx(1000.0, abs=1e-9)
    assert (held["period_start"].dt.quarter == held["period_end"].dt.quarter).all()
    north = held[held["region"].eq("North")].sort_values("period_start")
    assert (north["period_start"].iloc[0], north["period_end"].iloc[-1]) == (start, end)
    days = (north["period_end"] - north["period_start"]).dt.days + 1
    assert (north["revenue_target"] / days).round(9).nunique() == 1
    assert desk.remarked() == [
        "targets: rows that run over more than one quarter are split between them by days: 2 of 2 rows (revenue target 1,000.00)"
    ]


def test_calls_and_markets_that_fit_no_quarter_are_said():
    span = {"period_start": "2026-08-01", "period_end": "2026-10-31", "region": "North"}
    tables = {
        "forecast_calls": [{**span, "called_on": "2026-09-01", "category": "commit", "amount": 5.0}],
        "market": [{**span, "segment": "All", "market_revenue": 9.0}],
    }
    given = {"orders": orders()} | {name: pd.DataFrame(rows) for name, rows in tables.items()}
    said = {r.table: r.said for r in contract.check(given).remarks}
    assert "held against no result" in said["forecast_calls"] and "split between them by days" in said["market"]
    fiscal = {r.table for r in contract.check(given, calendar=Calendar(first_month=11)).remarks}
    assert fiscal == {"market"}


def test_a_quota_without_an_end_fits_no_quarter_and_is_said():
    target = pd.DataFrame(
        {"region": ["North"], "period_start": "2026-01-01", "period_end": "2199-12-31", "revenue_target": 500.0}
    )
    checked = contract.check({"orders": orders(), "targets": target})
    assert "targets" not in checked
    assert checked.remarks[0].said == "rows that run over more than 10 years and so fit no quarter are set aside"
    aside = checked.aside["targets"]
    assert aside[["rule", "reason", "money"]].values.tolist() == [
        ["endless", "runs from 2026-01-01 to 2199-12-31, expected one quarter", 500.0]
    ]
    with pytest.raises(ContractError, match=r"2199-12-31, expected one quarter; give it its last day\.$"):
        contract.check({"orders": orders(), "targets": target}, rules={"endless": "stop"})


def test_a_table_that_lies_after_the_day_looked_from_gives_that_reason(tmp_path):
    past = pd.DataFrame({"opportunity_id": ["D3", "D4"], "changed_on": "2029-02-01", "stage": "x", "status": "open"})
    facts, desk = frozen(tmp_path, {"opportunities": deals(), "opportunity_history": past})
    words = "rows later than 10 May 2026, the day looked from, cannot be used: 2 of 2 rows"
    assert facts["later"][0]["table"] == "opportunity_history" and facts["remarks"] == []
    assert f"it needs opportunity history, and {words}" in desk.ask(lambda opportunity_history: 0).sentence


def test_a_page_says_what_was_set_aside_of_the_tables_that_it_read_and_of_its_own_region(tmp_path):
    given = spoiled(spoiled(orders(), revenue=-500.0, region="North"), channel="Direct ")
    facts, desk = frozen(tmp_path, {"orders": given, "opportunities": spoiled(deals(), closed_on=None)}, "North")
    assert "credits" not in shown.provenance(desk)
    measure(desk, "revenue")
    said = shown.provenance(desk)
    assert (
        "Orders: credits (negative revenue with a positive quantity) are read as money without units: 1 of 51 rows"
        in said
    )
    assert "set aside" not in said  # a deal, and the page reads no deals
    assert json.dumps(facts["remarks"]) and {r["table"] for r in facts["remarks"]} == {"orders", "opportunities"}


def test_a_page_is_made_again_where_what_it_says_of_its_rows_has_changed(tmp_path):
    given = orders()
    first = snapshot.freeze(
        {"orders": spoiled(given, channel="Direct ")}, tmp_path / "a", snapshot.CompanyInfo("acme", "Acme", "EUR")
    )["parts"]
    second = snapshot.freeze({"orders": given}, tmp_path / "b", snapshot.CompanyInfo("acme", "Acme", "EUR"))["parts"]
    changed = {region for region in first if first[region]["orders"] != second[region]["orders"]}
    assert changed == {"company", "South"}
