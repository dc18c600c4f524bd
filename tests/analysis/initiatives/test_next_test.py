"""Is the next test planned on the places that the company has, and is it said where they are too few?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.initiatives import next_test, results
from quarterdeck.data.answers import Missing
from quarterdeck.present.charts import initiatives as chart
from quarterdeck.present.narrative import initiatives as say
from quarterdeck.present.tables import initiatives as table

DAY = pd.Timestamp("2026-06-30")


def sold(regions, segments, weeks=60, noise=0.1):
    """Give one line of sales for each place and week, places of different size."""
    rng, rows = np.random.default_rng(1), []
    for r in range(regions):
        for s in range(segments):
            size = rng.uniform(500, 5000)
            for w in range(weeks):
                revenue = size * np.exp(rng.normal(0, noise))
                rows.append(
                    (
                        DAY - pd.Timedelta(days=7 * w + 6),
                        f"R{r:02d}",
                        f"S{s}",
                        "Direct",
                        "A",
                        revenue,
                        revenue,
                        revenue / 2,
                    )
                )
    names = ["day", "region", "segment", "channel", "category", "revenue", "volume", "margin"]
    return pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[1:5], "category"))


def planned(orders, spend=100.0, least=0.1):
    """Plan the next test after one initiative of the past."""
    row = {
        "name": "Push",
        "metric": "revenue",
        "lift": np.nan,
        "spend": spend,
        "minimum_effect": least,
        "region": "R00",
    }
    row |= {"segment": None, "channel": None, "category": None, "started_on": DAY - pd.Timedelta(days=69), "until": DAY}
    effects = pd.DataFrame([row])
    answers = {results.together: {"effects": effects}, results.sales: {"orders": orders}}
    return next_test.choices(answers.get, effects[["name", "minimum_effect"]], DAY)


def test_regions_are_the_places_where_there_are_enough_and_segments_of_them_where_not():
    many = planned(sold(12, 1))["summary"].iloc[0]
    assert many["of"] == "regions" and (many["places"], many["weeks"], many["lacks"]) == (12, 60, "")
    few = planned(sold(4, 4))
    assert few["summary"]["of"].iloc[0] == "segments of regions" and few["summary"]["places"].iloc[0] == 16
    assert few["choices"]["units"].str.match(r"R\d\d · S\d").all()


def test_cost_is_what_past_initiatives_cost_over_the_sales_they_touched():
    orders = sold(12, 1)
    found = planned(orders, spend=100.0)
    touched = orders[(orders["region"] == "R00") & (orders["day"] >= DAY - pd.Timedelta(days=69))]["revenue"].sum()
    assert found["summary"]["rate"].iloc[0] == pytest.approx(100 / touched)
    row = found["choices"].iloc[0]
    usual = orders[orders["region"] == row["units"]]["revenue"].sum() / 60
    assert row["cost"] == pytest.approx(100 / touched * usual * row["periods"])


def test_what_would_find_the_effect_is_said_drawn_and_laid_out():
    found = planned(sold(14, 1, noise=0.02))
    said = say.plan_takeaway(found["summary"], found["choices"])
    chosen = next_test.best(found["choices"])
    assert chosen["chosen"] and chosen["units"] in said and "is found with a power of 80 %" in said
    assert f"{chosen['periods']} weeks" in chart.plan_lines(found["choices"], found["summary"]).get_title(loc="left")
    assert "cheapest that finds it" in table.plan_choices(found["choices"]).as_raw_html()


def test_a_test_that_finds_too_little_says_what_it_would_need():
    found = planned(sold(12, 1, noise=0.5), least=0.02)
    choice = next_test.best(found["choices"])
    assert not found["choices"]["chosen"].any() and choice["detectable"] == found["choices"]["detectable"].min()
    said = say.plan_takeaway(found["summary"], found["choices"])
    assert "Too little for an effect of 2 %" in said and "times as many weeks or places" in said
    assert next_test.times_as_much(pd.Series({"detectable": 0.1}), 0.05) == 4


def test_too_few_places_or_weeks_are_said_with_what_is_needed():
    for orders in (sold(3, 2), sold(12, 1, weeks=20)):
        found = planned(orders)
        assert found["choices"].empty
        said = say.plan_takeaway(found["summary"], found["choices"])
        assert "No test can be planned yet" in said and "a test needs 11 units and 32 periods" in said
    gone = Missing("Not shown: it needs initiatives.")
    assert next_test.choices(lambda what: gone, pd.DataFrame({"minimum_effect": [0.1]}), DAY) is gone
