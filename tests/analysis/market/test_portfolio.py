"""Do segments land in the field that their figures say, and is it shown how much depends on the weights?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.market import portfolio


def factors(**columns):
    base = {"segment": ["a", "b", "c"], "own": [1.0, 2.0, 3.0], "size": [10.0, 20.0, 30.0], "growth": [0.0, 0.1, 0.2]}
    return pd.DataFrame(
        base | {"openness": np.nan, "share": [0.1, 0.2, 0.3], "share_change": 0.0, "margin": np.nan} | columns
    )


def test_scores_run_from_one_to_nine_and_unknown_factors_are_left_out():
    table = portfolio.matrix(factors()).set_index("segment")
    assert table.loc["a", "attractiveness"] == 1 and table.loc["c", "attractiveness"] == 9
    assert table.loc["b", "attractiveness"] == 5
    # A share change that is alike everywhere counts as the middle: share has 0.4 of 0.7, so 1 and 9 are drawn towards 5.
    assert table.loc["c", "strength"] == pytest.approx((0.4 * 9 + 0.3 * 5) / 0.7)
    assert table.loc["c", "field"] == "high / high"


def test_a_field_that_every_factor_agrees_on_stays_under_all_weights():
    table = portfolio.matrix(factors(share_change=[0.0, 0.1, 0.2])).set_index("segment")
    assert table["stays"].tolist() == [1, 1, 1]


def test_where_factors_disagree_the_field_hangs_on_the_weights():
    table = portfolio.matrix(factors(growth=[0.2, 0.1, 0.0])).set_index("segment")
    # Size and growth contradict each other: with the weight w on growth, a scores 1 + 8w. Equal weights put it into the
    # middle band, where 3.67 ≤ 1 + 8w < 6.33 holds: of the 21 weights 0, 0.05 … 1 those from 0.35 to 0.65.
    assert table.loc["a", "field"].startswith("medium")
    share = portfolio.matrix(factors(growth=[0.2, 0.1, 0.0]), strength={"share": 1.0}).set_index("segment")
    assert share.loc["a", "stays"] == pytest.approx(7 / 21)


def test_growth_share_divides_at_the_growth_of_all_and_at_parity():
    table = portfolio.growth_share(
        factors(relative=[2.0, 0.5, 0.8], size=[110.0, 110.0, 105.0], growth=[0.1, 0.1, 0.05])
    )
    assert table["divide"].iloc[0] == pytest.approx(325 / 300 - 1)
    assert table["kind"].tolist() == ["star", "question mark", "dog"]


def test_factors_of_the_demo_company_are_whole(demo_company):
    tables, truths = demo_company
    found = portfolio.factors(
        *(tables[t] for t in ("orders", "customers", "market")), pd.Timestamp(truths["as_of"]), tables["competitors"]
    )
    assert found.notna().all().all() and len(found) == 6 and found["margin"].between(0.2, 0.5).all()
