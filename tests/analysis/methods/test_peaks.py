"""Is what came once taken for once, and what comes again for a season?"""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.forecasting import one_number
from quarterdeck.analysis.methods import peaks, series
from quarterdeck.data.periods import quarter

KINDS = {"months": ("MS", 12, 60, 12), "weeks": ("W-MON", 52, 180, 8), "quarters": ("QS", 4, 36, 4)}


def shaped(kind, seed, noise=0.1):
    """A series with a season and some noise, and how it is to be forecast."""
    frequency, season, length, ahead = KINDS[kind]
    wave = np.exp(0.3 * np.sin(2 * np.pi * np.arange(length) / season))
    values = 100 * wave * np.exp(np.random.default_rng(seed).normal(0, noise, length))
    return (
        pd.date_range("2021-01-04" if kind == "weeks" else "2021-01-01", periods=length, freq=frequency),
        values,
        season,
        ahead,
    )


@cache
def as_usual(kind, seed):
    return forecast(*shaped(kind, seed))


def forecast(starts, values, season, ahead):
    return series.forecast(pd.DataFrame({"series": "A", "start": starts, "value": values}), ahead, season)


@pytest.mark.slow
@pytest.mark.parametrize("times", [0.0, 5.0, 50.0])
@pytest.mark.parametrize("back", ["early", "a year before what is forecast", "lately"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_came_once_does_not_come_again(kind, back, times):
    starts, values, season, ahead = shaped(kind, seed=3)
    odd = values.copy()
    place = {"early": season + 2, "lately": len(values) - 2}.get(back, len(values) - season + 1)
    odd[place] *= times
    found = peaks.single(pd.DataFrame({"series": "A", "start": starts, "value": odd}), season)
    assert found["start"].tolist() == [starts[place]] and not found["last"].any()
    assert found["usual"].iloc[0] == pytest.approx(values[place], rel=0.5)
    if kind == "weeks" and (times != 50 or back == "early"):
        return  # long to fit, and as the others
    now, usual = forecast(starts, odd, season, ahead), as_usual(kind, 3)
    assert now[["mean", "p10", "p50", "p90"]].to_numpy() == pytest.approx(
        usual[["mean", "p10", "p50", "p90"]].to_numpy(), rel=0.3
    )


@pytest.mark.slow
@pytest.mark.parametrize("times", [0.0, 50.0])
@pytest.mark.parametrize("kind", ["months", "quarters"])
def test_what_came_last_may_be_the_first_of_more(kind, times):
    starts, values, season, ahead = shaped(kind, seed=3)
    usual, odd = as_usual(kind, 3), values.copy()
    odd[-1] *= times
    now = forecast(starts, odd, season, ahead)
    assert now["p50"].to_numpy() == pytest.approx(usual["p50"].to_numpy(), rel=0.3)
    end, wider = ("p90", now["p90"] > 3 * usual["p90"]) if times else ("p10", now["p10"] < 0.95 * usual["p10"])
    assert wider.any(), end
    assert (now["p10"] <= now["p50"]).all() and (now["p50"] <= now["p90"]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_again_at_its_place_in_the_year_is_a_season(kind):
    starts, values, season, ahead = shaped(kind, seed=5)
    for back in (1, 2):
        values[len(values) - back * season + 1] *= 20
    assert peaks.single(pd.DataFrame({"series": "A", "start": starts, "value": values}), season).empty
    if kind != "weeks":
        assert forecast(starts, values, season, ahead)["p90"].iloc[1] > 500


@pytest.mark.parametrize("kind", KINDS)
def test_a_level_that_stays_is_none(kind):
    starts, values, season, ahead = shaped(kind, seed=6)
    values[-max(season // 3, 2) :] *= 8
    assert peaks.single(pd.DataFrame({"series": "A", "start": starts, "value": values}), season).empty
    if kind != "weeks":
        assert forecast(starts, values, season, ahead)["p90"].median() > 300


def test_what_is_wild_by_nature_or_has_no_level_is_left_as_it_is():
    rng = np.random.default_rng(0)
    for values in (
        rng.lognormal(0, 1.5, 60),
        rng.normal(0, 1, 60),
        np.where(rng.random(60) < 0.5, 0, 1.0),
        np.zeros(60),
    ):
        assert np.isnan(peaks.usual_at(values, 12)).all()


def test_a_past_day_judges_by_what_it_had_seen():
    starts, values, season, _ = shaped("months", seed=7)
    for back in (1, 2):
        values[40 - back * season + 12] *= 20  # at 40 and at 28
    panel = pd.DataFrame({"series": "A", "start": starts, "value": values})
    assert not peaks.taken_out(panel, season)["single"].any()
    assert peaks.taken_out(panel, season, [24, 0])["single"].to_numpy().nonzero()[0].tolist() == [28]


def test_errors_where_a_peak_came_are_not_the_intervals():
    starts, values, season, ahead = shaped("months", seed=8)
    odd = values.copy()
    odd[-6] *= 50
    frames = [pd.DataFrame({"series": "A", "start": starts, "value": v}) for v in (values, odd)]
    plain, tested = (series.backtest(f, ahead, season) for f in frames)
    hit = tested["start"].eq(starts[-6])
    assert hit.any() and tested.loc[hit, "error"].isna().all() and tested.loc[hit, "actual"].eq(odd[-6]).all()
    assert tested.loc[~hit, "error"].to_numpy() == pytest.approx(plain.loc[~hit, "error"].to_numpy(), abs=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("times", [0.0, 50.0])
@pytest.mark.parametrize("back", [2, 5, 9])
def test_a_quarter_that_came_once_is_not_carried_on_by_the_views(back, times):
    months = pd.date_range("2020-01-10", "2026-10-10", freq="MS") + pd.Timedelta(days=9)
    sold = pd.Series(1000 * np.random.default_rng(2).lognormal(0, 0.05, len(months)), months)
    period, odd = quarter(pd.Timestamp("2026-10-20")), sold.copy()
    odd.iloc[-1 - 3 * back : 2 - 3 * back] *= times  # a whole quarter
    for later in (0, 1, 3):
        plain, peaked = (one_number.origins(s, period, later=later) for s in (sold, odd))
        assert peaked["forecast"].iloc[-1] == pytest.approx(plain["forecast"].iloc[-1], rel=0.1)
        ends = [one_number.quantiles(o, (0.1, 0.9)) for o in (plain, peaked)]
        assert ends[1] == pytest.approx(ends[0], rel=0.15)
