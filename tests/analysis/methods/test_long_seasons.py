"""Are a week within the year, and a day within the week, followed together?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.methods import long_seasons, series
from quarterdeck.data import contract, demo


def off(panel, ahead, season, late):
    """Mean absolute error of a forecast made `late` periods ago, and of the last whole longest season repeated."""
    back = panel.groupby("series").cumcount(ascending=False)
    forecast = series.forecast(panel[back >= late], ahead, season).merge(panel, on=["series", "start"])
    return float((forecast["p50"] - forecast["value"]).abs().mean()), forecast


def hours(weeks=6, seed=3):
    rng, t = np.random.default_rng(seed), np.arange(weeks * 168)
    day = 0.5 * np.sin(2 * np.pi * t / 24)
    weekend = np.where(t % 168 >= 120, -0.6, 0.0)
    return pd.DataFrame({"series": "A", "start": t, "value": 100 * np.exp(day + weekend + rng.normal(0, 0.05, len(t)))})


def test_hours_of_the_week_are_seen_beside_those_of_the_day():
    panel = hours()
    both, _ = off(panel, 48, (24, 168), 72)  # from a Thursday's end over Friday into the weekend
    alone, _ = off(panel, 48, 24, 72)
    assert both < 0.4 * alone


def test_a_year_of_days_is_followed_by_waves():
    rng, t = np.random.default_rng(4), np.arange(760)
    moved = 0.3 * np.cos(2 * np.pi * t / 365) + np.where(t % 7 >= 5, -0.5, 0.0)
    values = 100 * np.exp(moved + rng.normal(0, 0.1, len(t)))
    panel = pd.DataFrame({"series": "A", "start": pd.date_range("2024-01-01", periods=len(t)), "value": values})
    found = long_seasons.factors(panel[:730], panel, 7, [365])
    assert np.log(found.to_numpy()) == pytest.approx(0.3 * np.cos(2 * np.pi * t / 365), abs=0.06)
    noise = panel.assign(value=100 * np.exp(rng.normal(0, 0.1, len(t))))
    assert np.log(long_seasons.factors(noise, noise, 7, [365])).abs().max() < 0.03
    assert (long_seasons.factors(panel[:500], panel[:500], 7, [365]) == 1).all()  # less than a year and a half


@pytest.mark.slow
def test_daily_sales_are_forecast_better_by_both_seasons():
    from statsforecast.models import MSTL, AutoETS

    orders = contract.check(demo.generate()[0])["orders"]
    daily = orders.groupby(["region", "order_date"])["revenue"].sum().unstack(0).asfreq("D").fillna(0.0)
    daily = daily.loc["2024-11-01":"2026-11-10"].rename_axis(index="start", columns="series")
    panel = daily.melt(ignore_index=False, value_name="value").reset_index()
    errors = []
    for late in (28, 56, 120):
        both, forecast = off(panel, 28, (7, 365), late)
        came, seen = daily.iloc[len(daily) - late :].head(28), daily.iloc[: len(daily) - late]
        naive = np.abs(np.tile(seen.tail(7).to_numpy(), (4, 1)) - came.to_numpy()).mean()
        model = MSTL(season_length=[7, 365], trend_forecaster=AutoETS(model="ZZN"))
        peers = [model.forecast(y=seen[name].to_numpy(float).copy(), h=28)["mean"] for name in seen]
        errors.append([both, naive, np.abs(np.stack(peers, axis=1) - came.to_numpy()).mean()])
    own, naive, peer = np.mean(errors, axis=0)
    assert own < naive and own < peer


def test_a_list_of_one_season_is_that_season():
    panel = hours(3)
    one, several = (series.forecast(panel, 6, season) for season in (24, [24]))
    pd.testing.assert_frame_equal(one, several)
    with pytest.raises(ValueError, match="season holds no number"):
        series.forecast(panel, 6, [])
    with pytest.raises(ValueError, match="season holds 0"):
        series.forecast(panel, 6, (24, 0))


def test_a_back_test_learns_the_longer_season_from_what_it_had_seen():
    panel = hours()
    tested = series.backtest(panel, 24, (24, 168))
    assert tested["origin"].nunique() > 1
    changed = panel.assign(value=panel["value"].where(panel["start"] < len(panel) - 24, 5.0))
    again = series.backtest(changed, 24, (24, 168))
    assert again["Joined"].to_numpy() == pytest.approx(tested["Joined"].to_numpy())
