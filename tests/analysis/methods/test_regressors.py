"""Is what the calendar and initiatives move found where it is, and nowhere else?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.forecasting.initiative_plans import PLANS
from quarterdeck.analysis.methods import regressors, series, trading_days
from quarterdeck.analysis.methods.regressors import UNDERTAKEN
from quarterdeck.analysis.methods.trading_days import DAYS


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


@pytest.mark.slow
def test_where_the_calendar_moves_nothing_it_is_taken_in_at_most_one_of_twenty_panels():
    taken = [regressors.gains(invented(seed, months=120), 12)["taken"].any() for seed in range(20)]
    assert sum(taken) <= 1


def test_a_planted_friday_is_found_and_cuts_errors(planted):
    gains = regressors.gains(planted, 12).set_index("way")
    assert gains.loc["weekdays, leap years and Easter", "taken"] and gains["taken"].sum() == 1
    assert gains.loc["weekdays, leap years and Easter", "gain"] > 0.3
    factors = np.log(regressors.factors(planted, 12, 12)["S0"])
    calendar = trading_days.calendar(planted["start"], 12, 12)
    effects = np.linalg.lstsq(calendar[DAYS].to_numpy(), factors.to_numpy(), rcond=None)[0]
    assert effects[DAYS.index("Fri")] == pytest.approx(0.05, abs=0.01)  # as planted
    assert np.abs(np.delete(effects, DAYS.index("Fri"))).max() < 0.02


@pytest.mark.slow
def test_effects_and_trial_do_not_change_with_what_comes_later(planted):
    seen = planted[planted["start"] < "2017-01-01"]
    later = planted.assign(value=np.where(planted["start"] < "2017-01-01", planted["value"], 7.0))
    tested, other = (series.backtest(p, 12, 12) for p in (planted, later))
    oldest = [t[t["origin"] == 3].set_index(["series", "step"])[series.JOINED] for t in (tested, other)]
    assert tested.loc[tested["origin"] == 3, "start"].min() < pd.Timestamp("2017-01-01")
    assert other["start"].max() == seen["start"].max() + pd.DateOffset(months=24)
    pd.testing.assert_series_equal(*oldest)


@pytest.mark.slow
def test_a_forecast_tells_the_months_of_five_fridays(planted):
    seen = planted[planted["start"] < "2018-01-01"]
    dated = series.forecast(seen, 12, 12, (0.1, 0.5, 0.9))
    numbered = series.forecast(seen.assign(start=seen.groupby("series").cumcount()), 12, 12, (0.1, 0.5, 0.9))
    came = planted[planted["start"] >= "2018-01-01"].sort_values(["series", "start"])["value"].to_numpy()
    off = [np.abs(np.log(forecast["p50"].to_numpy() / came)).mean() for forecast in (dated, numbered)]
    assert off[0] < 0.9 * off[1]


def test_numbered_periods_weeks_and_short_series_are_left_alone(planted):
    numbered = planted.assign(start=planted.groupby("series").cumcount())
    short = planted[
        planted["start"] < "2009-01-01"
    ]  # four years, of which one is lost to differences and three are learned from
    assert regressors.gains(numbered, 12).empty and regressors.gains(planted, 52).empty
    assert regressors.gains(short, 12).empty and regressors.factors(short, 12, 12).empty


def test_a_leap_february_is_a_day_longer_and_easter_falls_in_march_or_april(planted):
    table = trading_days.calendar(planted["start"], 0, 12)
    length = table.loc[table.index.month == 2, "length"]
    assert length["2008-02-01"] - length["2009-02-01"] == pytest.approx(1)
    assert table.loc[~table.index.month.isin([3, 4, 5]), "Easter"].abs().max() == pytest.approx(0)
    assert table.loc["2008-03-01", "Easter"] > table.loc["2009-03-01", "Easter"]  # Easter of 2008: the 23rd of March


CUT = pd.Timestamp("2023-01-01")


def undertaken(seed, effect, count=6, months=96, recorded=-60):
    """Series, halves of which twelve initiatives cover: campaigns move them by `effect`, prices by nothing; two lie ahead."""
    rng, start = (
        np.random.default_rng(seed),
        pd.date_range(end=CUT + pd.DateOffset(months=11), periods=months + 12, freq="MS"),
    )
    moved, rows = np.zeros((count, len(start))), []
    for number in range(12):
        begun, long = (rng.integers(14, months), rng.integers(3, 8)) if number < 10 else (months + 1, 9)
        kind, size = ("campaign", effect) if number % 2 else ("price", 0.0)
        for k in rng.choice(count, count // 2, replace=False):
            for day in start[begun : begun + long]:
                moved[k, start.get_loc(day)] += size
                known = start[begun] + pd.Timedelta(days=recorded)
                rows.append([f"S{k}", day, kind, f"I{number}", 1.0, known])
    wave, common = 0.2 * np.sin(2 * np.pi * np.arange(len(start)) / 12), np.cumsum(rng.normal(0, 0.006, len(start)))
    parts = []
    for k in range(count):
        own = np.cumsum(rng.normal(0.003, 0.012, len(start))) + rng.normal(0, 0.04, len(start))
        parts.append(
            pd.DataFrame({"series": f"S{k}", "start": start, "value": np.exp(3 + wave + common + own + moved[k])})
        )
    return pd.concat(parts, ignore_index=True), pd.DataFrame(rows, columns=PLANS)


def of_initiatives(panel, plans):
    return regressors.gains(panel[panel["start"] < CUT], 12, plans).set_index("way").loc[UNDERTAKEN]


@pytest.mark.slow
def test_where_initiatives_move_nothing_they_are_taken_in_at_most_one_of_twenty_panels():
    assert sum(of_initiatives(*undertaken(seed, 0.0))["taken"] for seed in range(20)) <= 1


@pytest.mark.slow
def test_planted_campaigns_are_found_and_those_ahead_are_forecast_better():
    panel, plans = undertaken(1, 0.15)
    seen = panel[panel["start"] < CUT]
    gains = of_initiatives(panel, plans)
    assert gains["taken"] and gains["gain"] > 0.05
    came = panel[panel["start"] >= CUT].sort_values(["series", "start"])
    known, blind = (series.forecast(seen, 12, 12, plans=p) for p in (plans, None))
    off = [np.abs(np.log(f["p50"].to_numpy() / came["value"].to_numpy())).mean() for f in (known, blind)]
    assert off[0] < 0.8 * off[1]
    factors = regressors.factors(seen, 12, 12, plans)
    ahead = plans[plans["start"] >= CUT].drop_duplicates(["series", "start"], keep=False)
    lifts = np.log(regressors.at(factors, ahead))
    assert lifts[ahead["kind"].eq("campaign")].mean() == pytest.approx(0.15, abs=0.04)  # as planted
    assert abs(lifts[ahead["kind"].eq("price")].mean()) < 0.04


def test_an_initiative_ahead_that_is_not_on_record_yet_is_not_known():
    panel, plans = undertaken(1, 0.15)
    seen, late = panel[panel["start"] < CUT], undertaken(1, 0.15, recorded=0)[1]
    known, unknown = (regressors.factors(seen, 12, 12, p) for p in (plans, late))
    assert not np.allclose(known.loc[pd.IndexSlice[:, CUT:]], 1)
    planned = plans.loc[plans["known"] < CUT, "initiative"].unique()
    begun = late[late["known"] < CUT]
    assert set(planned) - set(begun["initiative"]) == {"I10", "I11"}
    pd.testing.assert_series_equal(unknown, regressors.factors(seen, 12, 12, begun))


def test_a_surprise_is_counted_as_one_in_the_trial():
    early, late = (of_initiatives(*undertaken(3, 0.15, recorded=days)) for days in (-60, 40))
    assert early["gain"] > late["gain"] > 0  # what is on record late is still taken out of the past


@pytest.mark.slow
def test_initiatives_do_not_change_a_back_test_by_what_comes_later():
    panel, plans = undertaken(2, 0.15)
    seen = panel[panel["start"] < CUT]
    later = plans.assign(amount=plans["amount"].where(plans["known"] < pd.Timestamp("2020-06-01"), 0.3))
    tested, other = (series.backtest(seen, 12, 12, plans=p) for p in (plans, later))
    oldest = [t[t["origin"] == 3].set_index(["series", "step"])[series.JOINED] for t in (tested, other)]
    assert tested.loc[tested["origin"] == 3, "start"].min() > pd.Timestamp("2020-06-01")
    pd.testing.assert_series_equal(*oldest)


def test_no_plans_are_as_none():
    panel, plans = undertaken(4, 0.15)
    pd.testing.assert_frame_equal(regressors.gains(panel, 12, plans.head(0)), regressors.gains(panel, 12))
