"""Is the season that was put in the one that comes out?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.sales import season

DAY = pd.Timestamp("2025-12-31")
DAYS = pd.date_range("2021-01-01", DAY)


def test_the_month_index_finds_the_season_under_a_trend():
    wanted = np.array([0.8, 0.9, 1, 1.1, 1.2, 1, 1, 0.9, 1, 1.1, 1.2, 0.8])
    months = pd.date_range("2021-01-01", periods=60, freq="MS")
    orders = pd.DataFrame({"order_date": months, "revenue": wanted[months.month - 1] * (100 + np.arange(60))})
    table = season.month_index(orders, DAY)
    assert np.abs(table["index"] - wanted / wanted.mean()).max() < 0.02
    assert (table["low"] <= table["index"]).all() and table["index"].mean() == pytest.approx(1)
    assert season.month_index(orders[orders["order_date"] > "2024-06-01"], DAY).empty


def test_the_weekday_index_is_against_the_mean_day_of_its_week():
    orders = pd.DataFrame(
        {
            "order_date": DAYS,
            "revenue": np.where(DAYS.day_of_week == 0, 200.0, np.where(DAYS.day_of_week < 5, 125.0, 0.0)),
        }
    )
    table = season.weekday_index(orders, DAY).set_index("weekday")["index"]
    assert table["Monday"] == pytest.approx(2) and table["Friday"] == pytest.approx(1.25) and "Sunday" not in table


def test_a_holiday_is_held_against_like_days_around_it():
    closed = pd.to_datetime([f"{y}-{d}" for y in range(2021, 2026) for d in ("05-17", "12-25", "01-01", "05-01")])
    revenue = np.where(DAYS.isin(closed), 25.0, 100.0) + np.random.default_rng(5).normal(0, 5, len(DAYS))
    orders = pd.DataFrame({"order_date": DAYS, "revenue": revenue})
    row = season.holiday_effect(orders, DAY, "NO").iloc[0]
    assert (
        row["n"] > 40 and -0.6 < row["effect"] < -0.2 and row["high"] < 0
    )  # four of Norway's twelve, three quarters lost
    assert season.holiday_effect(orders, DAY, "").empty


def test_holiday_effects_are_rarely_claimed_where_there_are_none():
    """90 % of intervals should hold zero: of forty, more than nine misses happen once in a hundred times."""
    missed = 0
    for seed in range(40):
        orders = pd.DataFrame({"order_date": DAYS, "revenue": np.random.default_rng(seed).normal(100, 20, len(DAYS))})
        row = season.holiday_effect(orders, DAY, "NO").iloc[0]
        missed += not row["low"] < 0 < row["high"]
    assert missed <= 9
