"""Does each initiative cover what it names, while it runs, from the day it was on record?"""

import pandas as pd
import pytest

from quarterdeck.analysis.forecasting import months_ahead
from quarterdeck.analysis.forecasting.initiative_plans import PLANS, initiative_plans
from quarterdeck.analysis.methods import hierarchy
from quarterdeck.analysis.sales import by_period

DAY = pd.Timestamp("2026-06-30")


def company(**initiative):
    """Two regions that sell wares A and B each month; of three euros, North brings two, and of its two, B brings a half."""
    days = pd.date_range("2024-01-15", DAY, freq="MS") + pd.Timedelta(days=14)
    lines = [
        (day, region, ware, value)
        for day in days
        for region, ware, value in (("North", "a", 1.0), ("North", "b", 1.0), ("South", "a", 1.0))
    ]
    orders = pd.DataFrame(lines, columns=["order_date", "region", "product_id", "revenue"]).assign(channel="shop")
    products = pd.DataFrame({"product_id": ["a", "b"], "category": ["A", "B"]})
    row = dict.fromkeys(("region", "segment", "channel", "category", "ended_on", "recorded_on"))
    row |= {"initiative_id": "I", "kind": "campaign", "started_on": "2026-05-16", **initiative}
    dates = dict.fromkeys(("started_on", "ended_on", "recorded_on"), "datetime64[us]")
    table = pd.DataFrame([row]).astype(dates)
    return months_ahead.panel(DAY, orders), table, orders, products


def covered(ahead=3, **initiative):
    panel, initiatives, orders, products = company(**initiative)
    return initiative_plans(panel, initiatives, ahead, 12, orders=orders, products=products).set_index(
        ["series", "start"]
    )["amount"]


def test_a_category_covers_its_share_of_each_region_for_its_part_of_each_month():
    amounts = covered(category="B", ended_on="2026-07-31")
    may, june, august = (pd.Timestamp(f"2026-{m}-01") for m in ("05", "06", "08"))
    # Half of North is B, a third of the whole; of May's 31 days 16 are within.
    assert amounts["North", june] == pytest.approx(1 / 2) and amounts["all", june] == pytest.approx(1 / 3)
    assert amounts["North", may] == pytest.approx(16 / 31 / 2)
    assert ("South", june) not in amounts.index and ("North", august) not in amounts.index
    assert ("North", pd.Timestamp("2026-07-01")) in amounts.index  # ahead of us


def test_one_that_names_nothing_covers_all_and_goes_on_where_no_end_is_known():
    amounts = covered()
    assert (
        amounts["South", pd.Timestamp("2026-09-01")] == 1 and ("South", pd.Timestamp("2026-10-01")) not in amounts.index
    )


def test_what_was_not_sold_before_or_is_not_known_covers_nothing():
    assert covered(category="C").empty and covered(segment="Ports").empty
    assert covered(category="B", started_on="2024-01-01").empty  # there is no year before


def test_it_is_known_from_the_day_it_was_on_record_and_no_later_than_its_first():
    for recorded, known in (("2026-03-01", "2026-03-01"), (None, "2026-05-16"), ("2026-06-20", "2026-05-16")):
        panel, initiatives, orders, products = company(recorded_on=recorded)
        table = initiative_plans(panel, initiatives, 3, 12, orders=orders, products=products)
        assert table["known"].eq(pd.Timestamp(known)).all() and list(table) == PLANS


def test_without_initiatives_or_dates_there_are_none():
    panel, initiatives, orders, products = company()
    assert initiative_plans(panel, initiatives.head(0), 3, 12, orders=orders, products=products).empty
    assert initiative_plans(hierarchy.sums(by_period.cells(DAY)), initiatives, 3, 12).empty
