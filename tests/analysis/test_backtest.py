"""Does a back-test see only the past, and does it measure errors as the books do?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis import backtest

DAY = pd.Timestamp("2026-11-15")


@pytest.fixture(scope="module")
def series():
    start = pd.date_range("2021-11-01", periods=60, freq="MS")
    season = 1 + 0.3 * np.sin(2 * np.pi * start.month / 12)
    noise = np.exp(np.random.default_rng(3).normal(0, 0.05, 60))
    return pd.DataFrame({"start": start, "value": 100 * season * 1.01 ** np.arange(60) * noise})


@pytest.fixture(scope="module")
def tested(series):
    return backtest.backtest(series)


def test_an_open_month_is_not_counted():
    orders = pd.DataFrame(
        {"order_date": pd.to_datetime(["2026-08-01", "2026-10-31", "2026-11-15"]), "revenue": [5.0, 7.0, 9.0]}
    )
    series = backtest.monthly(DAY, orders)
    assert series["start"].dt.month.tolist() == [8, 9, 10] and series["value"].tolist() == [5, 0, 7]
    assert backtest.monthly(pd.Timestamp("2026-11-30"), orders)["value"].tolist() == [5, 0, 7, 9]


def test_a_month_that_began_before_the_data_is_not_counted():
    orders = pd.DataFrame(
        {"order_date": pd.to_datetime(["2026-08-20", "2026-09-10", "2026-10-01"]), "revenue": [5.0, 7.0, 9.0]}
    )
    assert backtest.monthly(DAY, orders)["start"].dt.month.tolist() == [9, 10]


def test_nothing_after_an_origin_changes_its_forecasts(series, tested):
    changed = series.assign(value=series["value"].where(series["start"] < "2026-02-01", 999.0))
    again = backtest.backtest(changed)
    early = tested["origin"] < "2026-02-01"
    pd.testing.assert_series_equal(tested[early]["forecast"], again[early]["forecast"])
    assert (tested["start"] > tested["origin"]).all()


def test_the_season_is_learnt(tested):
    table = backtest.accuracy(tested).set_index("model")
    assert table["mase"].min() < table.loc[backtest.NAIVE, "mase"] and table["mase"].min() < 0.8


def test_errors_are_measured_as_the_books_do():
    frame = pd.DataFrame(
        {"model": "M", "origin": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-04-01", "2026-04-01"]), "horizon": [1, 4, 1, 4],
         "start": pd.to_datetime(["2026-02-01", "2026-05-01", "2026-05-01", "2026-08-01"]), "forecast": [110.0, 90.0, 100.0, 120.0],
         "actual": [100.0, 100.0, 100.0, 100.0], "scale": [20.0] * 4}
    )  # fmt: skip
    row = backtest.accuracy(frame).iloc[0]
    # Misses of 10, 10, 0 and 20 on 400; a scale of 20; over by 10 + 20 and under by 10.
    assert row[["wape", "mase", "bias"]].tolist() == pytest.approx([0.1, 0.5, 0.05])
    assert row[["near", "far"]].tolist() == pytest.approx([0.05, 0.15]) and row["n"] == 4 and row["origins"] == 2


def test_intervals_hold_about_as_often_as_they_promise(tested):
    held = backtest.accuracy(tested, level=0.8).set_index("model")["coverage"]
    assert held.between(0.6, 0.97).all()


def test_the_fan_opens_and_goes_on_where_the_months_end(series, tested):
    fan = backtest.fan(series, tested, months=18)
    future = fan[fan["middle"].notna()]
    assert len(future) == 18 and future["start"].iloc[0] == pd.Timestamp("2026-11-01")
    width = np.log(future["high"] / future["low"])
    assert (width.diff().dropna() >= -1e-9).all() and (future["low"] < future["middle"]).all()
    assert (
        backtest.fan(series, tested, months=6, level=0.95)["high"].iloc[-1]
        > backtest.fan(series, tested, months=6)["high"].iloc[-1]
    )


def test_too_short_a_history_is_not_tested(series):
    short = series.tail(30)
    assert backtest.backtest(short).empty
    assert backtest.accuracy(backtest.backtest(short)).empty and backtest.fan(short, backtest.backtest(short)).empty


def test_the_planted_season_is_in_the_forecast(demo_company):
    tables, truths = demo_company
    lines = tables["orders"][tables["orders"]["order_id"].str.startswith("O")]
    series = backtest.monthly(DAY, lines)
    future = backtest.fan(series, backtest.backtest(series))["middle"].dropna()
    months = [str(m) for m in pd.date_range("2026-11-01", periods=12, freq="MS").month]
    assert np.corrcoef(future, [truths["seasonality"][m] for m in months])[0, 1] > 0.6
