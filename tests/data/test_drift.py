"""Is each change since the last snapshot said, and nothing where nothing has changed?"""

import pandas as pd

from quarterdeck.data import contract
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.drift import another_calendar, drift
from test_remarks import deals, orders

DAY = pd.Timestamp("2026-10-05")


def said(before, now, as_of=DAY, calendar=GREGORIAN):
    given = ({name: contract.check({name: f})[name] for name, f in frames.items()} for frames in (before, now))
    return [change["said"] for change in drift(*given, as_of, calendar)]


def test_newer_rows_alone_are_no_drift():
    newer = orders(2).assign(order_id=["N1", "N2"], order_date=pd.Timestamp("2026-10-06"))
    assert said({"orders": orders()}, {"orders": pd.concat([orders(), newer])}) == []


def test_rows_gone_and_a_restated_quarter_are_said_with_their_money():
    now = orders().iloc[2:].assign(revenue=[11.0, *[10.0] * 97])
    newer = orders(2).assign(order_id=["N1", "N2"], order_date=pd.Timestamp("2026-10-06"))
    assert said({"orders": orders()}, {"orders": pd.concat([now, newer])}) == [
        "orders: 2 of 100 rows of the last snapshot are no longer there (revenue 20.00)",
        "orders: Q3 2026 revenue changed from 1,000.00 to 981.00",
    ]


def test_exchange_rates_that_are_others_now_are_said_by_currency():
    """A rate that is new is no drift; of the two of USD, the second moved from 0.92 to 0.93."""
    rates = pd.DataFrame({"currency": ["USD", "USD", "GBP"], "valid_from": ["2026-07-01", "2026-08-01", "2026-07-01"]})
    before = {"exchange_rates": rates.assign(rate=[0.91, 0.92, 1.15])}
    now = pd.concat([rates, pd.DataFrame({"currency": ["USD"], "valid_from": ["2026-09-01"]})])
    assert said(before, {"exchange_rates": now.assign(rate=[0.91, 0.93, 1.15, 0.94])}) == [
        "exchange rates: 1 rate of USD changed, the last that of 2026-08-01 from 0.92 to 0.93"
    ]


def test_the_quarter_that_is_not_over_may_change():
    found = said({"orders": orders()}, {"orders": orders(revenue=11.0)}, pd.Timestamp("2026-09-29"))
    assert found == ["orders: nothing is newer than 28 Sep 2026, as in the last snapshot"]


def test_a_restated_quarter_is_one_of_the_company_s_calendar():
    days = pd.date_range("2026-05-01", periods=100)
    before = orders(order_date=days)
    now = before.assign(revenue=[*[10.0] * 91, 12.0, *[10.0] * 7, 15.0])
    found = said({"orders": before}, {"orders": now}, pd.Timestamp("2026-11-05"), Calendar(first_month=2))
    assert "orders: FY27 Q2 revenue changed from 920.00 to 922.00" in found
    assert "orders: FY27 Q3 revenue changed from 80.00 to 85.00" in found


def test_another_calendar_is_said_and_one_that_only_goes_on_or_has_another_name_is_the_same():
    (found,) = another_calendar(GREGORIAN, Calendar(first_month=11), DAY)
    assert (found["table"], found["kind"]) == ("calendar", "another calendar")
    assert another_calendar(Calendar(first_month=4), Calendar(first_month=4, named="start"), DAY) == []


def test_won_deals_are_restated_by_the_quarter_that_they_closed_in():
    newer = deals(1).assign(
        opportunity_id="N1", opened_on=pd.Timestamp("2026-10-06"), closed_on=pd.Timestamp("2026-10-07")
    )
    now = pd.concat([deals().assign(amount=[60.0, *[50.0] * 99]), newer])
    assert said({"opportunities": deals()}, {"opportunities": now}) == [
        "opportunities: Q1 2026 amount won changed from 3,000.00 to 3,010.00"
    ]


def test_a_table_a_name_and_the_values_of_a_column_that_are_gone_are_said():
    now = orders(customer_id=None, channel=["Direct", "Web"] * 50)
    before = orders(channel=["Direct", "Partner"] * 50)
    assert said({"orders": before, "opportunities": deals()}, {"orders": now}) == [
        "opportunities: the table is gone",
        "orders: nothing is newer than 28 Sep 2026, as in the last snapshot",
        "orders: customer_id is empty in 100% of rows, before in 0%",
        "orders: no row has channel 'Partner' any more",
    ]
