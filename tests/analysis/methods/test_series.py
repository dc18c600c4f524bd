"""Are forecasts of many series honest, and does each kind of series get what is said of it?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.methods import members, series
from quarterdeck.analysis.methods.members import MEMBERS, NAIVE


def monthly(values, name="S", first="2020-01-01"):
    start = pd.date_range(first, periods=len(values), freq="MS")
    return pd.DataFrame({"series": name, "start": start, "value": np.asarray(values, dtype=float)})


def invented(count, length, seed=4, noise=0.08):
    rng = np.random.default_rng(seed)
    months = np.arange(length)
    wave = np.exp(0.3 * np.sin(2 * np.pi * months / 12))
    paths = {
        f"S{k:02d}": 100 * (k + 1) * wave * np.exp(0.004 * months + rng.normal(0, noise, length)) for k in range(count)
    }
    return pd.concat([monthly(v, n) for n, v in paths.items()], ignore_index=True)


@pytest.fixture(scope="module")
def panel():
    return invented(25, 72)


@pytest.fixture(scope="module")
def tested(panel):
    return series.backtest(panel, 6, 12)


@pytest.fixture(scope="module")
def forecast(panel, tested):
    return series.forecast(panel, 6, 12, (0.1, 0.5, 0.9), tested=tested)


def test_a_forecast_goes_on_where_each_series_ends(panel, forecast):
    assert forecast["series"].nunique() == 25 and (forecast.groupby("series")["step"].max() == 6).all()
    assert forecast.groupby("series")["start"].first().eq(pd.Timestamp("2026-01-01")).all()
    assert (
        (forecast["p10"] < forecast["p50"]).all()
        and (forecast["p50"] < forecast["p90"]).all()
        and forecast["kind"].eq("regular").all()
    )


def test_the_joined_forecast_beats_repeating_last_year(tested):
    scaled = tested[["Joined", NAIVE]].sub(tested["actual"], axis=0).abs().div(tested["scale"], axis=0).mean()
    assert scaled["Joined"] < 0.85 * scaled[NAIVE]


def test_the_mean_is_near_the_median_even_of_a_wild_series():
    rng = np.random.default_rng(9)
    whole = pd.concat([monthly(rng.lognormal(3, 1.5, 60), f"S{k}") for k in range(20)])
    forecast = series.forecast(whole, 6, 12)
    assert (forecast["p90"] > 3 * forecast["p50"]).mean() > 0.5
    assert (forecast["mean"] / forecast["p50"] - 1).abs().max() <= series.MOST + 1e-9


def test_the_weights_of_an_origin_know_nothing_later():
    whole = invented(3, 72)
    tested = series.backtest(whole, 6, 12)
    late = whole["start"] > whole["start"].max() - pd.DateOffset(
        months=6
    )  # seen by no origin, and judged by the latest
    again = series.backtest(whole.assign(value=whole["value"].where(~late, 9.0)), 6, 12)
    assert again["Joined"].to_numpy() == pytest.approx(tested["Joined"].to_numpy())


@pytest.mark.slow
def test_intervals_hold_as_often_as_they_promise():
    whole = invented(60, 90, seed=5)
    back = whole.groupby("series").cumcount(ascending=False)
    forecast = series.forecast(whole[back >= 6], 6, 12, (0.1, 0.5, 0.9))
    came = forecast.merge(whole, on=["series", "start"])
    assert 0.7 < came["value"].between(came["p10"], came["p90"]).mean() < 0.9
    assert abs(series.coverage(series.backtest(whole, 6, 12), 0.8) - 0.8) < 0.06


@pytest.mark.slow
def test_intervals_fit_series_that_swing_alike_but_are_not_alike_to_foresee():
    rng, length, each = np.random.default_rng(11), 108, 24
    walks = np.cumsum(rng.normal(0, 0.05, (each, length)), axis=1)
    noises = rng.normal(0, 0.05 * np.sqrt(6), (each, length))  # a year apart they differ as much as the walks do
    whole = pd.concat([monthly(100 * np.exp(v), f"{kind}{k}") for kind, values in (("walk", walks), ("noise", noises))
                       for k, v in enumerate(values)])  # fmt: skip
    late = whole.groupby("series").cumcount(ascending=False) < 6
    forecast = series.forecast(whole[~late], 6, 12).merge(whole[late], on=["series", "start"])
    kind, held = forecast["series"].str[:4], forecast["value"].between(forecast["p10"], forecast["p90"])
    assert held.groupby(kind).mean().between(0.7, 0.9).all()
    width = np.log(forecast["p90"] / forecast["p10"]).groupby([kind, forecast["step"]]).mean()
    assert width["walk", 1] < 0.7 * width["nois", 1] and width["walk", 6] > 1.5 * width["walk", 1]


def test_intervals_are_wider_where_series_err_together():
    rng = np.random.default_rng(3)
    rows = pd.MultiIndex.from_product([range(40), range(4), [1, 2, 3]], names=["series", "origin", "step"]).to_frame(
        False
    )
    alone = series.spread(rows.assign(error=rng.normal(size=40 * 12)), 3)
    shock = rows["origin"].map(dict(enumerate([1.0, -1.0, 1.0, -1.0])))
    together = series.spread(rows.assign(error=shock + rng.normal(0, 0.1, 40 * 12)), 3)
    origins = 1.875**2 / (1 + 0.25 + 0.0625 + 0.015625)  # weights 1, ½, ¼, ⅛: 2.65 origins' worth
    assert alone.worth > 20 * origins
    assert together.worth == pytest.approx(origins, rel=0.05)  # forty series say what one says
    wide, narrow = (replace(alone, worth=spread.worth).reach([0.9])[0] for spread in (together, alone))
    assert wide == pytest.approx(
        1.55 * narrow, rel=0.05
    )  # t(2.65) at 0.9 over the normal's, 1.32, × √(1 + 1 ÷ 2.65), 1.17


@pytest.mark.slow
def test_a_back_test_sees_nothing_after_its_origin(panel, tested):
    last = panel["start"].max()
    changed = panel.assign(value=panel["value"].where(panel["start"] < last - pd.DateOffset(months=2), 7.0))
    again = series.backtest(changed, 6, 12)
    how = members.trial(panel["series"].value_counts().to_numpy(), 6, 12)
    early = tested["origin"] >= -(
        -3 // how.stride
    )  # the last three months lie after these origins and their horizons' start
    assert early.any()
    for column in [*MEMBERS, NAIVE]:
        assert tested.loc[early, column].to_numpy() == pytest.approx(again.loc[early, column].to_numpy(), nan_ok=True)


@pytest.mark.slow
def test_a_dead_series_stays_at_zero(panel):
    dead = monthly(np.r_[np.full(60, 50.0), np.zeros(12)], "dead")
    forecast = series.forecast(pd.concat([panel, dead]), 6, 12).query("series == 'dead'")
    assert forecast["kind"].eq("dead").all() and forecast[["mean", "p10", "p50", "p90"]].eq(0).all().all()


@pytest.mark.slow
def test_an_intermittent_series_is_forecast_as_its_last_two_seasons_were(panel):
    values = np.tile([0, 0, 0, 8.0], 18)
    forecast = series.forecast(pd.concat([panel, monthly(values, "rare")]), 6, 12).query("series == 'rare'")
    # three of four months without any: the middle is zero, one in four is eight
    assert forecast["kind"].eq("intermittent").all() and forecast["p50"].eq(0).all() and (forecast["p90"] > 0).all()
    assert forecast["mean"].iloc[0] == pytest.approx(2.0, rel=0.3)


@pytest.mark.slow
def test_a_new_series_moves_as_the_others_do(panel):
    new = monthly([10, 11, 9.0], "new", "2025-10-01")
    forecast = series.forecast(pd.concat([panel, new]), 6, 12)
    own = forecast.query("series == 'new'").set_index("step")
    others = forecast.query("kind == 'regular'").set_index(["series", "step"])["p50"]
    level = panel.groupby("series")["value"].apply(lambda v: v.tail(3).mean())
    moved = others.div(level, level="series").groupby("step").median()
    assert own["kind"].eq("new").all() and own["p50"].to_numpy() == pytest.approx(10 * moved.to_numpy())
    assert (own["p90"] / own["p50"] > 1).all()


def test_a_panel_of_new_series_only_gets_a_level_and_its_spread():
    forecast = series.forecast(monthly([10, 12, 8, 10.0]), 2, 12)
    assert forecast["p50"].tolist() == [10, 10] and (forecast["p90"] - forecast["p50"]).gt(1.6).all()


def test_another_frequency_and_a_single_series_will_do():
    weeks = pd.date_range("2022-01-02", periods=130, freq="W")
    values = 100 + 20 * np.sin(2 * np.pi * np.arange(130) / 52) + np.random.default_rng(7).normal(0, 2, 130)
    forecast = series.forecast(pd.DataFrame({"series": "W", "start": weeks, "value": values}), 4, 52, (0.025, 0.5))
    assert forecast["start"].iloc[0] == weeks[-1] + pd.Timedelta(days=7) and list(forecast)[-2:] == ["p2.5", "p50"]
    yearly = series.forecast(
        pd.DataFrame({"series": "Y", "start": range(1990, 2020), "value": np.arange(30.0) + 50}), 3, 1
    )
    assert yearly["start"].tolist() == [2020, 2021, 2022] and yearly["p50"].between(78, 84).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p.drop(p.index[p["series"].eq("S03")][10]),
         "series 'S03' has no row for 2020-11-01; give each period once, without a gap."),
        (lambda p: p.assign(value=p["value"].where(p["series"].ne("S04"))),
         "series 'S04' in 2020-01-01 has no value; fill it, or leave the series out."),
        (lambda p: p.assign(start=p["start"].astype(str)),
         "column start is text ('2020-01-01'); make it dates or numbers (pandas.to_datetime, pandas.to_numeric)."),
        (lambda p: p.assign(start=p["start"] + pd.Timedelta(days=14)),
         "series 'S00' in 2020-01-15 begins on a day that is not the first or last day of a month; date every period by one."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_panel_is_said_by_name(panel, change, said):
    with pytest.raises(ValueError) as error:
        series.forecast(change(panel), 6, 12)
    assert str(error.value) == said


@pytest.mark.parametrize("quantiles", [(10, 50, 90), (0.0,), (np.nan,), ("0.1",), (0.5, 0.5)])
def test_what_is_no_quantile_is_refused(panel, quantiles):
    with pytest.raises(ValueError, match="is no quantile; each lies between 0 and 1|is asked for twice"):
        series.forecast(panel, 6, 12, quantiles)


def test_the_panel_is_left_as_it_was(panel):
    before = panel.copy()
    series.backtest(panel.query("series < 'S03'"), 3, 12)
    pd.testing.assert_frame_equal(panel, before)
