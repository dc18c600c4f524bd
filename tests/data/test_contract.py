import pandas as pd
import pytest

from quarterdeck.data import contract
from quarterdeck.errors import ContractError


def tables() -> dict[str, pd.DataFrame]:
    """Give a company of two sellers, one customer and one product, as a source might: everything is text."""
    return {
        "customers": pd.DataFrame({"customer_id": ["C1"], "name": ["Acme"], "region": ["North"]}),
        "products": pd.DataFrame({"product_id": ["P1"], "name": ["Anchor"], "category": ["Deck"]}),
        "reps": pd.DataFrame({"rep_id": ["R1", "R2"], "name": ["Ann", "Bo"], "region": ["North", "South"]}),
        "quotas": pd.DataFrame(
            {"rep_id": ["R1"], "period_start": ["2026-01-01"], "period_end": ["2026-03-31"], "quota": ["500"]}
        ),
        "orders": pd.DataFrame(
            {
                "order_id": ["O1", "O1"],
                "line_no": ["1", "2"],
                "order_date": ["2026-01-05", "2026-01-05"],
                "customer_id": ["C1", "C1"],
                "product_id": ["P1", "P1"],
                "rep_id": ["R1", None],
                "region": ["North", "North"],
                "quantity": ["2", "-1"],
                "revenue": ["20.5", "-10"],
            }
        ),
        "opportunities": pd.DataFrame(
            {
                "opportunity_id": ["D1", "D2"],
                "rep_id": ["R1", "R2"],
                "region": ["North", "South"],
                "opened_on": ["2026-01-01", "2026-01-02"],
                "closed_on": ["2026-02-01", None],
                "stage": ["won", "proposal"],
                "status": ["won", "open"],
                "amount": ["100", None],
            }
        ),
    }


def broken(table: str, column: str, row: int, value: object) -> dict[str, pd.DataFrame]:
    given = tables()
    given[table] = given[table].astype(object)
    given[table].loc[row, column] = value
    return given


def test_text_becomes_the_contracts_types_and_absent_columns_become_null():
    checked = contract.check(tables())
    orders = checked["orders"]
    assert orders["revenue"].tolist() == [20.5, -10.0]
    assert orders["order_date"].dtype == "datetime64[us]"
    assert list(orders.columns) == of_every_company("orders")
    assert orders["cost"].isna().all() and orders["cost"].dtype == "float64"
    assert orders["rep_id"].isna().tolist() == [False, True]


def of_every_company(name):
    """Name the columns of a table, without those that it has only where the source gives them."""
    return [column for column, spec in contract.TABLES[name].columns.items() if spec.required]


def test_check_leaves_its_input_as_it_was():
    given = tables()
    contract.check(given)
    assert given["orders"].equals(tables()["orders"])


@pytest.mark.parametrize("name", contract.TABLES)
def test_an_empty_table_has_every_column_in_its_type(name):
    frame = contract.empty(name)
    assert list(frame.columns) == of_every_company(name) and frame.empty
    assert set(map(str, frame.dtypes)) <= {"str", "float64", "datetime64[us]"}


@pytest.mark.parametrize("name", contract.TABLES)
def test_every_column_is_described_and_every_key_is_a_column(name):
    schema = contract.TABLES[name]
    assert schema.description and all(c.description for c in schema.columns.values())
    assert set(contract.KEYS[name]) <= set(schema.columns)


CASES = [
    (
        broken("orders", "quantity", 1, "two"),
        "table orders: column quantity, row 2 (order_id 'O1', line_no 2) holds 'two', expected a number; "
        "fix the source, convert it in the SELECT, or say how the file writes it under files (1 of 2 rows; "
        "set_aside_limit is 2%).",
    ),
    (
        broken("orders", "order_date", 0, "2026-13-01"),
        "table orders: column order_date, row 1 (order_id 'O1', line_no 1) holds '2026-13-01', expected a date "
        "(YYYY-MM-DD); fix the source, convert it in the SELECT, or say how the file writes it under files (1 of 2 rows; "
        "set_aside_limit is 2%).",
    ),
    (
        broken("orders", "revenue", 0, None),
        "table orders: column revenue, row 1 (order_id 'O1', line_no 1) holds nothing, expected a value; "
        "fix the source or leave the row out in the SELECT (1 of 2 rows; set_aside_limit is 2%).",
    ),
    (
        broken("quotas", "quota", 0, "-5"),
        "table quotas: column quota, row 1 (rep_id 'R1', period_start 2026-01-01) holds -5, expected at least 0; "
        "fix the source or leave the row out in the SELECT.",
    ),
    (
        broken("opportunities", "status", 1, "maybe"),
        "table opportunities: column status, row 2 (opportunity_id 'D2') holds 'maybe', expected one of open, won, "
        "lost; fix the source or leave the row out in the SELECT (1 of 2 rows; set_aside_limit is 2%).",
    ),
    (
        broken("orders", "line_no", 1, "1"),
        "table orders: row 2 (order_id 'O1', line_no 1) has the same key as an earlier row, expected one row per "
        "order_id, line_no; look for a join that repeats rows.",
    ),
    (
        broken("orders", "product_id", 1, "P9"),
        "table orders: column product_id, row 2 (order_id 'O1', line_no 2) holds 'P9', expected a product_id of table "
        "products; add it there or map it in the SELECT (1 of 2 rows; set_aside_limit is 2%).",
    ),
    (
        broken("opportunities", "closed_on", 1, "2026-03-01"),
        "table opportunities: column closed_on, row 2 (opportunity_id 'D2') holds 2026-03-01 with status 'open', "
        "expected a date exactly where a deal is won or lost; fix the source (1 of 2 rows; set_aside_limit is 2%).",
    ),
    (
        broken("orders", "revenue", 1, "10"),
        "table orders: column revenue, row 2 (order_id 'O1', line_no 2) holds 10 with a quantity of -1, expected both "
        "negative (a return), or a quantity of zero or more; fix the source (1 of 2 rows; set_aside_limit is 2%).",
    ),
    (
        tables() | {"orders": tables()["orders"].drop(columns="revenue")},
        "table orders: column revenue is missing (net of discount, reporting currency; negative for a return or a credit); its "
        "SELECT in source.yaml gives order_id, line_no, order_date, customer_id, product_id, rep_id, region, quantity.",
    ),
    (
        tables() | {"quotas": tables()["quotas"].iloc[:0]},
        "table quotas: it has no rows; leave its SELECT out of source.yaml or give it rows.",
    ),
    (
        tables() | {"quotas": pd.concat([tables()["quotas"], tables()["quotas"].assign(period_start="2026-03-01")])},
        "table quotas: row 2 (rep_id 'R1', period_start 2026-03-01) starts before the period ahead of it (row 1, "
        "2026-01-01 to 2026-03-31) has ended, expected periods that do not overlap per rep_id; fix the source.",
    ),
]


@pytest.mark.parametrize(("given", "sentence"), CASES)
def test_each_breach_is_one_sentence_with_table_column_row_and_value(given, sentence):
    with pytest.raises(ContractError) as caught:
        contract.check(given)
    assert str(caught.value) == sentence


def test_links_hold_over_the_tables_that_are_there():
    given = tables()
    del given["products"]
    assert "orders" in contract.check(given)


def test_a_date_that_may_be_read_two_ways_is_refused():
    frame = pd.DataFrame({"currency": ["USD", "USD"], "valid_from": ["2026-01-05", "11.06.2026"], "rate": [0.9, 0.9]})
    with pytest.raises(
        ContractError, match=r"column valid_from, row 2 .* holds '11.06.2026', expected a date \(YYYY-MM-DD\)"
    ):
        contract.check({"exchange_rates": frame})
    days = contract.check({"exchange_rates": frame.assign(valid_from=["2026-01-05", "2026-06-11T00:00:00"])})[
        "exchange_rates"
    ]
    assert days["valid_from"].dt.month.tolist() == [1, 6]


@pytest.mark.parametrize(
    ("column", "usual", "odd"),
    [
        ("revenue", "1.194,33", "12oo,50"),
        ("order_date", "05.08.2026", "31.02.2026"),
        ("order_date", "05.08.2026", "soon"),
    ],
)
def test_where_a_column_is_written_another_way_the_row_that_is_not_even_that_is_named(column, usual, odd):
    given = tables()
    lines = given["orders"].loc[[0] * 30].assign(line_no=[str(k) for k in range(30)]).reset_index(drop=True)
    lines[column] = [odd if k == 20 else usual for k in range(30)]
    with pytest.raises(ContractError, match=f"column {column}, row 21 .* holds '{odd}'"):
        contract.check(given | {"orders": lines})


def test_the_latest_date_after_a_day_is_named_with_its_row_and_how_many_there_are():
    dates = pd.to_datetime(["2026-01-05", "2203-08-20", None, "2040-01-01"])
    tables = {"orders": pd.DataFrame({"order_id": list("abcd"), "line_no": 1, "order_date": dates})}
    said = contract.dated_after(tables, pd.Timestamp("2026-02-01"), contract.DATED)
    assert said == (
        "table orders: column order_date, row 2 (order_id 'b', line_no '1') holds 2203-08-20 (the latest of 2 such rows)"
    )
    assert contract.dated_after(tables, pd.Timestamp("2203-08-20"), contract.DATED) == ""


def test_every_fault_is_named_at_once_and_none_twice(demo_company):
    tables = {
        name: frame.copy()
        for name, frame in demo_company[0].items()
        if name in ("orders", "customers", "reps", "quotas")
    }
    tables["customers"] = tables["customers"].assign(since="yesterday", size="many")
    tables["reps"] = pd.concat([tables["reps"], tables["reps"].head(1)])
    tables["quotas"] = tables["quotas"].assign(quota=-1.0).drop(columns="period_end")
    tables["orders"] = tables["orders"].assign(rep_id="R-nobody")
    with pytest.raises(ContractError) as caught:
        contract.check(tables)
    places = [said.partition(" holds ")[0].partition(" (")[0] for said in caught.value.faults]
    assert sorted(places) == [
        "table customers: column since, row 1",
        "table customers: column size, row 1",
        "table orders: column rep_id, row 1",
        "table quotas: column period_end is missing",
        f"table reps: row {len(tables['reps'])}",
    ]
    assert str(caught.value) == f"{caught.value.faults[0]} (and 4 more: quarterdeck check lists them)"
