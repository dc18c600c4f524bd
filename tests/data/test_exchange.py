"""Is money of other currencies converted at the rate that the rule says, and set aside where there is none?"""

import pandas as pd
import pytest
from babel.core import get_global
from babel.numbers import get_currency_symbol

from quarterdeck.data import contract, snapshot, source
from quarterdeck.data.calendar import Calendar
from quarterdeck.data.exchange import Reporting
from quarterdeck.errors import ContractError, SourceError
from quarterdeck.present import numbers
from test_remarks import deals, orders

RATES = pd.DataFrame(
    [
        ("USD", None, "2026-06-01", 0.90, None),
        ("USD", None, "2026-07-01", 0.92, "day"),
        ("USD", None, "2026-08-01", 0.94, "day"),
        ("USD", None, "2026-01-01", 0.95, "plan"),
    ],
    columns=["currency", "to_currency", "valid_from", "rate", "kind"],
)


def sold(currency, day, rates=RATES, **more):
    """Give the first of a hundred orders, which alone is in another currency: 100 of it."""
    given = orders(currency=None, revenue=100.0, order_date="2026-07-15")
    given.loc[0, ["currency", "order_date"]] = [currency, day]
    tables = {"orders": given} if rates is None else {"orders": given, "exchange_rates": rates}
    return contract.check(tables, **more)


def rate(*rows):
    """Give rates of 1 July 2026: currency, into which, rate."""
    return pd.DataFrame(rows, columns=["currency", "to_currency", "rate"]).assign(valid_from="2026-07-01")


@pytest.mark.parametrize(
    ("day", "revenue"),
    [
        ("2026-07-01", 92.0),  # 100 × 0.92, the rate of that day
        ("2026-07-31", 92.0),  # the last one known: of 1 July, 30 days old
        ("2026-08-01", 94.0),  # 100 × 0.94
        ("2026-09-01", 94.0),  # 31 days old, the most that is taken
    ],
)
def test_an_order_counts_at_the_last_rate_on_or_before_its_day(day, revenue):
    frame = sold("USD", day)["orders"]
    assert frame.loc[0, "revenue"] == pytest.approx(revenue)
    assert frame.loc[0, ["currency", "revenue_in_currency"]].tolist() == ["USD", 100.0]
    assert frame.loc[1:, "revenue"].eq(100.0).all() and frame.loc[1:, "currency"].eq("EUR").all()


@pytest.mark.parametrize("day", ["2026-05-31", "2026-09-02"])  # before the first rate, and 32 days after the last
def test_an_order_without_a_rate_is_set_aside_with_its_money_and_never_taken_at_one(day):
    checked = sold("USD", day)
    assert len(checked["orders"]) == 99 and checked["orders"]["revenue"].sum() == 9900.0
    (row,) = checked.aside["orders"].to_dict("records")
    assert row["rule"] == "no_rate" and row["revenue_in_currency"] == 100.0 and pd.isna(row["revenue"])
    assert row["reason"] == (
        f"currency holds 'USD', and exchange_rates has no rate of USD into EUR of {day} or 31 days before"
    )
    (said,) = checked.remarks
    assert said.sentence(example=False) == (
        "orders: rows that are in a currency without a rate of their day (USD) are set aside: 1 of 100 rows "
        "(revenue 100.00 USD)"
    )
    assert "orders" in said.sentence("North") and not said.sentence("South")


def test_many_orders_without_a_rate_stop_the_run_with_one_sentence():
    given = orders(currency="USD")
    with pytest.raises(ContractError) as caught:
        contract.check({"orders": given})
    assert str(caught.value) == (
        "table orders: column currency, row 1 (order_id 'O0', line_no 1) holds 'USD', and exchange_rates has no rate of USD "
        "into EUR of 2026-07-01 or 31 days before; bring the rate, or say in source.yaml how long one holds (rate_days) "
        "(100 of 100 rows; set_aside_limit is 2%)."
    )


def test_how_long_a_rate_holds_may_be_said():
    assert len(sold("USD", "2026-09-02", reporting=Reporting("EUR", 32))["orders"]) == 100
    assert len(sold("USD", "2026-07-02", reporting=Reporting("EUR", 0))["orders"]) == 99


@pytest.mark.parametrize(
    ("rates", "currency", "revenue"),
    [
        (rate(("EUR", "USD", 1.25)), "USD", 80.0),  # one euro is 1.25 dollars: 100 ÷ 1.25
        (rate(("EUR", "USD", 1.25), ("USD", None, 0.79)), "USD", 79.0),  # one given into euros goes before it
        (rate(("GBP", "USD", 1.5), ("USD", "EUR", 0.8)), "GBP", 120.0),  # 100 × 1.5 dollars × 0.8
        (rate(("USD", "GBP", 0.8), ("EUR", "USD", 1.25)), "GBP", 100.0),  # 100 ÷ 0.8 = 125 dollars, ÷ 1.25
    ],
)
def test_rates_may_be_turned_round_or_by_way_of_a_third_currency(rates, currency, revenue):
    assert sold(currency, "2026-07-15", rates)["orders"].loc[0, "revenue"] == pytest.approx(revenue)


def test_the_bank_s_rates_of_the_euro_serve_a_company_that_reports_in_dollars():
    """One euro is 1.25 dollars and 0.8 pounds: 100 pounds are 125 euros, or 156.25 dollars; what names no currency is dollars."""
    rates = rate(("EUR", "USD", 1.25), ("EUR", "GBP", 0.8))
    frame = sold("GBP", "2026-07-15", rates, reporting=Reporting("USD"))["orders"]
    assert frame.loc[0, "revenue"] == pytest.approx(156.25) and frame.loc[1, "currency"] == "USD"


def test_what_is_planned_counts_at_the_plan_s_rate_and_deals_at_one_rate_through_their_history():
    """The plan's rate is 0.95 for all of 2026; pounds have none: closed on 15 July at that day's 1.2, open at the newest, 1.3."""
    pounds = rate(("GBP", None, 1.2)).assign(kind="day")
    rates = pd.concat([RATES, pounds, pounds.assign(valid_from="2026-08-01", rate=1.3)])
    given = deals().assign(currency=None, amount=100.0, status=["won", "won", *["open"] * 98])
    given["closed_on"] = ["2026-07-15", "2026-07-15", *[None] * 98]
    given.loc[[0, 1, 2], "currency"] = ["usd", "GBP", "GBP"]
    past = given[["opportunity_id", "stage", "status", "amount"]].assign(changed_on="2026-03-01", status="open")
    quotas = pd.DataFrame({"rep_id": ["R1"], "period_start": "2027-01-01", "period_end": "2027-03-31", "quota": 10.0})
    tables = {"opportunities": given, "opportunity_history": past, "quotas": quotas.assign(currency="USD")}
    later = {"orders": orders(order_date="2026-08-20"), "exchange_rates": rates}
    checked = contract.check(tables | later)
    assert checked["opportunities"]["amount"].head(4).tolist() == pytest.approx([95.0, 120.0, 130.0, 100.0])
    assert checked["opportunity_history"]["amount"].head(4).tolist() == pytest.approx([95.0, 120.0, 130.0, 100.0])
    assert checked["quotas"]["quota"].tolist() == pytest.approx([9.5])
    said = {remark.table: remark.said for remark in checked.remarks}
    assert said["quotas"] == "amounts in USD are converted at the plan's rates"
    assert said["opportunities"] == (
        "amounts in GBP and USD are converted at the plan's rates where there are any, else at the last rate known on the day a "
        "deal closed, of open deals the newest (the newest is of 1 Aug 2026)"
    )


def test_a_list_price_without_a_rate_is_left_empty_and_its_product_stays():
    products = pd.DataFrame({"product_id": ["P1"], "name": "A", "category": "B", "list_price": 5.0, "currency": "GBP"})
    checked = contract.check({"orders": orders(), "products": products})
    assert checked["products"]["list_price"].isna().all() and len(checked["orders"]) == 100
    assert any(r.said == "money in a currency without a rate of its day is left empty" for r in checked.remarks)


@pytest.mark.parametrize("table", ["orders", "exchange_rates"])
def test_a_code_that_is_none_is_one_sentence(table):
    rates = RATES.assign(currency="$") if table == "exchange_rates" else RATES
    with pytest.raises(ContractError) as caught:
        sold("EURO", "2026-07-15", rates, rules={"unknown_currency": "stop"})
    text = "expected a code of ISO 4217 such as USD; write the code in the SELECT"
    assert any(f"holds 'EURO', {text}." in fault for fault in caught.value.faults)
    assert (table == "exchange_rates") == any(f"holds '$', {text} (4 such rows)." in f for f in caught.value.faults)


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"rate": -1.0}, {"kind": "average"}])
def test_a_rate_is_above_zero_and_of_a_day_or_the_plan(wrong):
    with pytest.raises(ContractError, match="expected (more than 0|one of day, plan)"):
        sold("USD", "2026-07-15", RATES.assign(**wrong))


@pytest.mark.parametrize("currency", [None, "EUR", "eur"])
def test_a_company_of_one_currency_reads_as_before(currency):
    plain = contract.check({"orders": orders()})["orders"]
    given = contract.check({"orders": orders(currency=currency), "exchange_rates": RATES})
    assert given["orders"].equals(plain) and not given.remarks


def test_the_rate_of_a_year_before_is_that_of_the_same_day_by_the_company_s_calendar():
    """1 August 2026 is a year after 1 August 2025 by months. It ends the 26th week of a year of 4-4-5 weeks from February; the year
    before began on 26 January 2025, so its 26th week ends on 26 July 2025."""
    rates = pd.DataFrame(
        {"currency": "USD", "valid_from": ["2025-07-01", "2025-08-01", "2026-08-01"], "rate": [2, 1, 3]}
    )
    for calendar, before in ((Calendar(), 1.0), (Calendar(first_month=2, weeks="4-4-5"), 2.0)):
        frame = sold("USD", "2026-08-01", rates, calendar=calendar)["orders"]
        assert frame.loc[0, ["exchange_rate", "rate_a_year_before"]].tolist() == [3.0, before]


def test_a_snapshot_keeps_what_was_there_and_tells_it_of_each_region(tmp_path):
    snapshot.freeze(sold("USD", "2026-09-02"), tmp_path / "data", snapshot.CompanyInfo("acme", "Acme", "EUR"))
    facts, tables = snapshot.read_snapshot(tmp_path / "data")
    assert facts["set_aside"] == {"orders": {"no_rate": {"rows": 1, "money": None}}}
    desk = snapshot.open_desk("acme", "North", data=str(tmp_path / "data"))
    desk.ask(lambda orders: 0)
    assert any("(revenue 100.00 USD)" in said for said in desk.remarked())


def test_a_company_that_reports_in_no_currency_is_refused(tmp_path):
    (tmp_path / "source.yaml").write_text("title: A\ncurrency: EUX\ntables: {}\n")
    with pytest.raises(SourceError, match="there is no currency 'EUX'; name one by its code of ISO 4217"):
        source.load(tmp_path)


def test_symbols_are_those_of_cldr():
    for code in get_global("all_currencies"):
        symbol = get_currency_symbol(code, "en")
        spaced = symbol if symbol[-1] in "$¥₩₪₫€₱₹£" else f"{symbol} "
        if code != "XXX":  # which stands for no currency
            assert numbers.money(5, code) == f"{spaced}5"
