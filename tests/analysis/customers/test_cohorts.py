import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.customers import cohorts
from quarterdeck.data.calendar import GREGORIAN

DAY = pd.Timestamp("2026-06-30")


def bought(who: str, *days: str, revenue: float = 10.0) -> list[dict]:
    return [{"customer_id": who, "order_date": pd.Timestamp(d), "quantity": 1.0, "revenue": revenue} for d in days]


@pytest.fixture
def orders():
    """Five customers there from the start; five won in 2024, of whom three bought again a year later."""
    rows = [r for k in range(5) for r in bought(f"O{k}", "2023-01-02")]
    rows += [r for k in range(3) for r in bought(f"N{k}", "2024-02-01", "2025-03-01")]
    rows += [r for k in range(3, 5) for r in bought(f"N{k}", "2024-02-01")]
    return pd.DataFrame(rows)


def test_a_cohort_by_hand(orders):
    table = cohorts.cohorts(orders, DAY).set_index(["cohort", "span"])
    assert table.loc[("2024", 2), "logos"] == pytest.approx(3 / 5)  # N0, N1 and N2 bought in their second year
    assert table.loc[("2024", 2), "revenue"] == pytest.approx(30 / 50)
    assert table.loc[(cohorts.BEFORE, 1), "logos"] == 1 and table.loc[(cohorts.BEFORE, 2), "logos"] == 0
    assert ("2024", 3) not in table.index  # nobody of 2024 has lived through a third year


def test_only_customers_who_lived_through_a_span_count_in_it(orders):
    late = pd.DataFrame([r for k in range(3) for r in bought(f"L{k}", "2024-12-01")])
    table = cohorts.cohorts(pd.concat([orders, late]), DAY).set_index(["cohort", "span"])
    assert table.loc[("2024", 1), ["n", "whole"]].tolist() == [8, True]
    assert table.loc[("2024", 2), ["n", "whole"]].tolist() == [
        5,
        False,
    ]  # those of December have not had their second year
    assert table.loc[("2024", 2), "logos"] == pytest.approx(3 / 5)


def test_who_was_there_before_the_data_begin_is_known_by_since(orders):
    known = pd.DataFrame({"customer_id": [f"N{k}" for k in range(5)], "since": pd.Timestamp("2019-05-05")})
    assert set(cohorts.cohorts(orders, DAY, known)["cohort"]) == {cohorts.BEFORE}


@pytest.mark.parametrize("day", ["2022-03-01", "2023-06-01", "2024-05-01"])
def test_hardly_any_customer_is_new_who_bought_before_the_data_begin(demo_company, day):
    orders, start = demo_company[0]["orders"], pd.Timestamp(day)
    early = orders["order_date"] < start
    seen = orders.loc[early & (orders["quantity"] > 0), "customer_id"]
    lives = cohorts._lives(orders[~early], None, GREGORIAN.labels, seen.iloc[:0])
    new = lives.index[lives["cohort"] != cohorts.BEFORE]
    assert len(new) > 20 and new.isin(seen).mean() <= 0.15  # by the first quarter alone it would be up to a third
    begun = cohorts._lives(orders[~early], None, GREGORIAN.labels, seen)
    assert not begun.index[begun["cohort"] != cohorts.BEFORE].isin(seen).any()  # what stray rows tell is known


def test_quarters_are_spans_too_and_later_orders_are_not_seen(orders):
    table = cohorts.cohorts(orders, DAY, cohort="quarter").set_index(["cohort", "span"])
    assert table.loc[("Q1 2024", 5), "logos"] == pytest.approx(3 / 5)  # 1 March 2025 is in the fifth quarter of life
    early = cohorts.cohorts(orders, pd.Timestamp("2025-02-15"))
    assert early[early["cohort"] == "2024"]["span"].tolist() == [1] and np.isclose(early["logos"].iloc[0], 1)
