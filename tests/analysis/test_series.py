"""Are forecasts of many series honest, and does each kind of series get what is said of it?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis import members, series
from quarterdeck.analysis.members import MEMBERS, NAIVE


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
def told(panel, tested):
    return series.forecast(panel, 6, 12, (0.1, 0.5, 0.9), tested)


def test_a_forecast_goes_on_where_each_series_ends(panel, told):
    assert told["series"].nunique() == 25 and (told.groupby("series")["step"].max() == 6).all()
    assert told.groupby("series")["start"].first().eq(pd.Timestamp("2026-01-01")).all()
    assert (told["p10"] < told["p50"]).all() and (told["p50"] < told["p90"]).all() and told["kind"].eq("regular").all()


def test_the_joined_forecast_beats_repeating_last_year(tested):
    scaled = tested[["Joined", NAIVE]].sub(tested["actual"], axis=0).abs().div(tested["scale"], axis=0).mean()
    assert scaled["Joined"] < 0.85 * scaled[NAIVE]


def test_members_are_joined_half_by_their_mean_and_half_by_their_median():
    even = pd.Series(0.25, MEMBERS)
    told = pd.DataFrame(
        [[3.0, 1.0, 100.0, 2.0], [3.0, 1.0, np.nan, 2.0], [7.0, np.nan, np.nan, np.nan]], columns=MEMBERS
    )
    # Means 26.5, 2 and 7, medians 2.5, 2 and 7.
    assert series._join(told, even).tolist() == pytest.approx([14.5, 2.0, 7.0])
    # Of 1, 2, 3, 100 with 0.1, 0.2, 0.6, 0.1 the middle lies between 2 (at 0.2) and 3 (at 0.6): 2.75; the mean is 12.3.
    uneven = pd.Series([0.6, 0.1, 0.1, 0.2], MEMBERS)
    assert series._join(told.head(1), uneven).tolist() == pytest.approx([(2.75 + 12.3) / 2])


def test_intervals_hold_as_often_as_they_promise():
    whole = invented(60, 90, seed=5)
    back = whole.groupby("series").cumcount(ascending=False)
    told = series.forecast(whole[back >= 6], 6, 12, (0.1, 0.5, 0.9))
    came = told.merge(whole, on=["series", "start"])
    assert 0.7 < came["value"].between(came["p10"], came["p90"]).mean() < 0.9
    assert abs(series.coverage(series.backtest(whole, 6, 12), 0.8) - 0.8) < 0.06


def test_intervals_fit_series_that_swing_alike_but_are_not_alike_to_foresee():
    rng, length, each = np.random.default_rng(11), 108, 24
    walks = np.cumsum(rng.normal(0, 0.05, (each, length)), axis=1)
    noises = rng.normal(0, 0.05 * np.sqrt(6), (each, length))  # a year apart they differ as much as the walks do
    whole = pd.concat([monthly(100 * np.exp(v), f"{kind}{k}") for kind, values in (("walk", walks), ("noise", noises))
                       for k, v in enumerate(values)])  # fmt: skip
    late = whole.groupby("series").cumcount(ascending=False) < 6
    told = series.forecast(whole[~late], 6, 12).merge(whole[late], on=["series", "start"])
    kind, held = told["series"].str[:4], told["value"].between(told["p10"], told["p90"])
    assert held.groupby(kind).mean().between(0.7, 0.9).all()
    width = np.log(told["p90"] / told["p10"]).groupby([kind, told["step"]]).mean()
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
    wide, narrow = (replace(alone, worth=told.worth).reach([0.9])[0] for told in (together, alone))
    assert wide == pytest.approx(
        1.55 * narrow, rel=0.05
    )  # t(2.65) at 0.9 over the normal's, 1.32, × √(1 + 1 ÷ 2.65), 1.17


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


def test_a_dead_series_stays_at_nought(panel):
    dead = monthly(np.r_[np.full(60, 50.0), np.zeros(12)], "dead")
    told = series.forecast(pd.concat([panel, dead]), 6, 12).query("series == 'dead'")
    assert told["kind"].eq("dead").all() and told[["mean", "p10", "p50", "p90"]].eq(0).all().all()


def test_an_intermittent_series_is_told_as_its_last_two_seasons_were(panel):
    values = np.tile([0, 0, 0, 8.0], 18)
    told = series.forecast(pd.concat([panel, monthly(values, "rare")]), 6, 12).query("series == 'rare'")
    # three of four months without any: the middle is nought, one in four is eight
    assert told["kind"].eq("intermittent").all() and told["p50"].eq(0).all() and (told["p90"] > 0).all()
    assert told["mean"].iloc[0] == pytest.approx(2.0, rel=0.3)


def test_a_new_series_moves_as_the_others_do(panel):
    new = monthly([10, 11, 9.0], "new", "2025-10-01")
    told = series.forecast(pd.concat([panel, new]), 6, 12)
    own = told.query("series == 'new'").set_index("step")
    others = told.query("kind == 'regular'").set_index(["series", "step"])["p50"]
    level = panel.groupby("series")["value"].apply(lambda v: v.tail(3).mean())
    moved = others.div(level, level="series").groupby("step").median()
    assert own["kind"].eq("new").all() and own["p50"].to_numpy() == pytest.approx(10 * moved.to_numpy())
    assert (own["p90"] / own["p50"] > 1).all()


def test_a_panel_of_new_series_only_gets_a_level_and_its_spread():
    told = series.forecast(monthly([10, 12, 8, 10.0]), 2, 12)
    assert told["p50"].tolist() == [10, 10] and (told["p90"] - told["p50"]).gt(1.6).all()


def test_weights_follow_the_better_member_but_not_far_from_the_belief():
    rng = np.random.default_rng(6)
    rows = pd.DataFrame(
        {"series": np.repeat([f"S{k}" for k in range(200)], 6), "origin": 0, "step": np.tile(range(1, 7), 200)}
    )
    rows = rows.assign(actual=100.0, scale=10.0)
    for member in MEMBERS:
        rows[member] = 100 + rng.normal(0, 2 if member == "ETS" else 10, len(rows))
    belief = pd.Series(0.25, MEMBERS)
    found = series.weights(rows, belief)
    assert found.sum() == pytest.approx(1) and 0.4 < found["ETS"] < 0.9
    assert series.weights(rows.head(6), belief)["ETS"] < found["ETS"]  # one series says less
    assert series.weights(rows.head(0), belief).equals(belief)


def test_another_frequency_and_a_single_series_will_do():
    weeks = pd.date_range("2022-01-02", periods=130, freq="W")
    values = 100 + 20 * np.sin(2 * np.pi * np.arange(130) / 52) + np.random.default_rng(7).normal(0, 2, 130)
    told = series.forecast(pd.DataFrame({"series": "W", "start": weeks, "value": values}), 4, 52, (0.025, 0.5))
    assert told["start"].iloc[0] == weeks[-1] + pd.Timedelta(days=7) and list(told)[-2:] == ["p2.5", "p50"]
    yearly = series.forecast(
        pd.DataFrame({"series": "Y", "start": range(1990, 2020), "value": np.arange(30.0) + 50}), 3, 1
    )
    assert yearly["start"].tolist() == [2020, 2021, 2022] and yearly["p50"].between(78, 84).all()


def test_a_gap_or_a_missing_value_is_refused_by_name(panel):
    with pytest.raises(ValueError, match="series 'S03' has a gap or a period twice; give each period once."):
        series.forecast(panel.drop(panel.index[panel["series"].eq("S03")][10]), 6, 12)
    with pytest.raises(ValueError, match="series 'S04' has a period without a value."):
        series.forecast(panel.assign(value=panel["value"].where(panel["series"].ne("S04"))), 6, 12)
    with pytest.raises(ValueError, match="start is text; make it dates or numbers"):
        series.forecast(panel.assign(start=panel["start"].astype(str)), 6, 12)
    with pytest.raises(ValueError, match="10 is no quantile; each lies between 0 and 1."):
        series.forecast(panel, 6, 12, (10, 50, 90))


def test_the_panel_is_left_as_it_was(panel):
    before = panel.copy()
    series.backtest(panel.query("series < 'S03'"), 3, 12)
    pd.testing.assert_frame_equal(panel, before)
