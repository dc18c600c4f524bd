"""Is what the calendar moves found where it is, and nowhere else?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis import series, trading_days
from quarterdeck.analysis.trading_days import DAYS


def invented(seed, count=6, months=168, friday=0.0, noise=0.03):
    """Series that grow and have a season; each Friday more than four, against Sundays, moves a month by `friday`."""
    rng = np.random.default_rng(seed)
    start = pd.date_range("2005-01-01", periods=months, freq="MS")
    fridays = [np.sum(pd.date_range(s, s + pd.offsets.MonthEnd(0)).day_of_week == 4) for s in start]
    sundays = [np.sum(pd.date_range(s, s + pd.offsets.MonthEnd(0)).day_of_week == 6) for s in start]
    planted = friday * (np.array(fridays) - np.array(sundays))
    wave = 0.2 * np.sin(2 * np.pi * np.arange(months) / 12)
    parts = []
    for k in range(count):
        level = 3 + wave + planted + np.cumsum(rng.normal(0.003, noise / 3, months)) + rng.normal(0, noise, months)
        parts.append(pd.DataFrame({"series": f"S{k}", "start": start, "value": np.exp(level)}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def planted():
    return invented(1, friday=0.05)


def test_where_the_calendar_moves_nothing_it_is_taken_in_at_most_one_of_twenty_panels():
    taken = [trading_days.trial(invented(seed, months=120), 12)["taken"].any() for seed in range(20)]
    assert sum(taken) <= 1


def test_a_planted_friday_is_found_and_cuts_errors(planted):
    told = trading_days.trial(planted, 12).set_index("way")
    assert told.loc["weekdays, leap years and Easter", "taken"] and told["taken"].sum() == 1
    assert told.loc["weekdays, leap years and Easter", "gain"] > 0.3
    factors = np.log(trading_days.factors(planted, 12, 12)["S0"])
    calendar = trading_days._calendar(planted["start"], 12, 12)
    effects = np.linalg.lstsq(calendar[DAYS].to_numpy(), factors.to_numpy(), rcond=None)[0]
    assert effects[DAYS.index("Fri")] == pytest.approx(0.05, abs=0.01)  # as planted
    assert np.abs(np.delete(effects, DAYS.index("Fri"))).max() < 0.02


def test_effects_and_trial_do_not_change_with_what_comes_later(planted):
    seen = planted[planted["start"] < "2017-01-01"]
    later = planted.assign(value=np.where(planted["start"] < "2017-01-01", planted["value"], 7.0))
    tested, other = (series.backtest(p, 12, 12) for p in (planted, later))
    oldest = [t[t["origin"] == 3].set_index(["series", "step"])[series.JOINED] for t in (tested, other)]
    assert tested.loc[tested["origin"] == 3, "start"].min() < pd.Timestamp("2017-01-01")
    assert other["start"].max() == seen["start"].max() + pd.DateOffset(months=24)
    pd.testing.assert_series_equal(*oldest)


def test_a_forecast_tells_the_months_of_five_fridays(planted):
    seen = planted[planted["start"] < "2018-01-01"]
    dated = series.forecast(seen, 12, 12, (0.1, 0.5, 0.9))
    numbered = series.forecast(seen.assign(start=seen.groupby("series").cumcount()), 12, 12, (0.1, 0.5, 0.9))
    came = planted[planted["start"] >= "2018-01-01"].sort_values(["series", "start"])["value"].to_numpy()
    off = [np.abs(np.log(told["p50"].to_numpy() / came)).mean() for told in (dated, numbered)]
    assert off[0] < 0.9 * off[1]


def test_numbered_periods_weeks_and_short_series_are_left_alone(planted):
    numbered = planted.assign(start=planted.groupby("series").cumcount())
    short = planted[
        planted["start"] < "2009-01-01"
    ]  # four years, of which one is lost to differences and three are learnt from
    assert trading_days.trial(numbered, 12).empty and trading_days.trial(planted, 52).empty
    assert trading_days.trial(short, 12).empty and trading_days.factors(short, 12, 12).empty


def test_a_leap_february_is_a_day_longer_and_easter_falls_in_march_or_april(planted):
    table = trading_days._calendar(planted["start"], 0, 12)
    length = table.loc[table.index.month == 2, "length"]
    assert length["2008-02-01"] - length["2009-02-01"] == pytest.approx(1)
    assert table.loc[~table.index.month.isin([3, 4, 5]), "Easter"].abs().max() == pytest.approx(0)
    assert table.loc["2008-03-01", "Easter"] > table.loc["2009-03-01", "Easter"]  # Easter of 2008: the 23rd of March
