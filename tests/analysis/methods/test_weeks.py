"""Does the engine take months of four and five weeks by their days, also over a 53rd week?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.methods import series, weeks
from quarterdeck.analysis.sales import by_period, season
from quarterdeck.data.calendar import GREGORIAN, Calendar

pytestmark = pytest.mark.slow

RETAIL = Calendar(first_month=2, weeks="4-5-4", ends="nearest", named="start")
DAYS = pd.date_range("2018-02-04", "2026-01-31")  # eight retail years, of which 2023 has 53 weeks
SEASON = 1 + 0.4 * np.sin(2 * np.pi * DAYS.day_of_year / 365.25)


def orders(values):
    return pd.DataFrame({"order_date": DAYS, "revenue": values})


def panel(values, units=12):
    cells = by_period.cells(DAYS[-1], orders(values), season=units, calendar=RETAIL)
    return cells.rename(columns={"part": "series"})


def test_a_panel_of_weeks_holds_every_day_once():
    months, quarters = panel(np.ones(len(DAYS))), panel(np.ones(len(DAYS)), 4)
    assert months["value"].sum() == quarters["value"].sum() == len(DAYS)
    assert set(months["value"]) == {28.0, 35.0} and set(quarters["value"]) == {91.0, 98.0}


@pytest.mark.parametrize("units", [12, 4])
def test_a_steady_rate_is_forecast_by_the_days_of_each_period(units):
    ahead = series.forecast(panel(np.full(len(DAYS), 10.0), units), units, units, calendar=RETAIL)
    days = RETAIL.days(ahead["start"], weeks.UNITS[units])
    assert ahead["start"].tolist() == list(RETAIL.starts(pd.Timestamp("2026-02-01"), units, weeks.UNITS[units]))
    assert ahead["p50"].to_numpy() == pytest.approx(10.0 * days, rel=1e-3)


def test_seasons_stay_where_they_are_over_a_53rd_week():
    months = panel(100 * SEASON)
    known = months[months["start"] < "2024-02-04"]  # the 53rd week is the last that is seen
    ahead = series.forecast(known, 12, 12, calendar=RETAIL).set_index("start")["p50"]
    came = months.set_index("start")["value"].reindex(ahead.index)
    assert (ahead / came - 1).abs().mean() < 0.03


def test_without_the_calendar_such_months_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"all are to be as long as most of them are|without a gap"):
        series.forecast(panel(np.ones(len(DAYS))), 3, 12)


def test_calendar_months_are_left_alone():
    starts = pd.DataFrame({"series": "a", "start": pd.date_range("2024-01-01", periods=12, freq="MS")})
    assert weeks.factors(starts, 12, GREGORIAN).empty
    assert weeks.factors(starts, 12, RETAIL).empty


def test_the_season_of_months_of_weeks_is_of_days():
    found = season.month_index(orders(np.full(len(DAYS), 5.0)), DAYS[-1], calendar=RETAIL)
    assert found["index"].to_numpy() == pytest.approx(1.0)
    assert found["month"].tolist() == RETAIL.month_names()
