"""Do the designs find what was planted in a panel, and nothing where nothing was?"""

import time

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.methods import designs
from quarterdeck.analysis.methods.designs import DIFFERENCE, INTERRUPTED, SYNTHETIC


def panel(values, treated, begun, freq="W-MON"):
    """Lay out a matrix of units × periods, the first `treated` of them treated from period `begun`."""
    starts = pd.date_range("2023-01-02", periods=values.shape[1], freq=freq)
    units = [f"u{k:03d}" for k in range(len(values))]
    frame = pd.DataFrame(values, units, starts).rename_axis("unit").rename_axis(columns="start").stack()
    frame = frame.rename("value").reset_index()
    since = pd.Series(starts[begun], frame.index)
    return frame.assign(treated_from=since.where(frame["unit"].isin(units[:treated])))


def drawn(seed, units, periods, lasting=0.0):
    """Draw units with levels of their own, a common course, and noise that lasts from period to period."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, (units, periods))
    for k in range(1, periods):
        noise[:, k] += lasting * noise[:, k - 1]
    return 20 + rng.normal(0, 3, (units, 1)) + rng.normal(0, 1, periods).cumsum() + noise


def test_the_difference_of_differences_is_what_one_works_out_by_hand():
    table = panel(np.array([[10, 12, 20, 22.0], [5, 7, 8, 10], [7, 9, 10, 12]]), 1, 2)
    row = designs.estimate(table, DIFFERENCE).iloc[0]
    # Treated: (20 + 22) / 2 − (10 + 12) / 2 = 10; control: mean of 8 − 6 = … (9 + 11) / 2 − (6 + 8) / 2 = 3; 10 − 3 = 7.
    assert row["effect"] == pytest.approx(7) and row["counterfactual"] == pytest.approx(14)
    assert row["relative"] == pytest.approx(0.5) and row["total"] == pytest.approx(14)
    assert (row["treated"], row["controls"], row["before"], row["after"]) == (1, 2, 2, 2)


def test_a_larger_unit_counts_for_more_where_weights_say_so():
    table = panel(np.array([[10, 10, 20.0], [10, 10, 10], [10, 10, 14]]), 1, 2)
    heavy = table.assign(weight=table["unit"].map({"u000": 1, "u001": 3, "u002": 1}))
    # The control moves by (0 + 4) / 2 = 2, or by (3 × 0 + 4) / 4 = 1 weighted.
    assert designs.estimate(table, DIFFERENCE)["effect"].iloc[0] == pytest.approx(8)
    assert designs.estimate(heavy, DIFFERENCE)["effect"].iloc[0] == pytest.approx(9)


def test_staggered_starts_are_not_held_against_each_other():
    """Two-way fixed effects over all rows would be biased here (Goodman-Bacon 2021): effects grow with time."""
    flat = np.tile(np.arange(8.0), (4, 1))
    flat[0, 2:] += np.arange(1, 7)
    flat[1, 5:] += np.arange(1, 4)
    table = panel(flat, 2, 2)
    late = table["unit"].eq("u001")
    table.loc[late, "treated_from"] = table["start"].unique()[5]
    # (1 + 2 + … + 6 + 1 + 2 + 3) / 9 = 27 / 9
    assert designs.estimate(table, DIFFERENCE)["effect"].iloc[0] == pytest.approx(3)
    assert designs.path(table, DIFFERENCE).set_index("since")["gap"].loc[[-1, 0, 2]].tolist() == pytest.approx(
        [0, 1, 3]
    )


def test_the_design_follows_from_units_and_the_time_before():
    assert designs.design(panel(drawn(1, 3, 30), 3, 20)) == INTERRUPTED
    assert designs.design(panel(drawn(1, 6, 30), 1, 20)) == DIFFERENCE  # five others are too few for a mix
    assert designs.design(panel(drawn(1, 30, 30), 1, 6)) == DIFFERENCE  # six periods before are too few
    assert designs.design(panel(drawn(1, 30, 30), 4, 20)) == DIFFERENCE  # more than one is treated
    rng = np.random.default_rng(1)
    waves = rng.normal(0, 1, (3, 60)).cumsum(axis=1)
    mixed = 50 + np.r_[[[0.5, 0.5, 0]], rng.dirichlet(np.ones(3), 25)] @ (5 * waves) + rng.normal(0, 0.5, (26, 60))
    assert designs.design(panel(mixed, 1, 40)) == SYNTHETIC
    far = mixed.copy()
    far[0] += 400  # no mix of the others comes near
    assert designs.design(panel(far, 1, 40)) == DIFFERENCE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("units", "treated", "periods", "begun", "freq"),
    [
        (40, 14, 24, 12, "MS"),
        (6, 1, 60, 40, "W-MON"),
        (26, 1, 40, 28, "MS"),
        (5, 2, 120, 90, "D"),
        (1, 1, 60, 40, "W-MON"),
    ],
)
def test_nine_in_ten_intervals_hold_the_effect_and_one_in_twenty_nulls_is_taken_for_a_rise(
    units, treated, periods, begun, freq
):
    held, risen, n = 0, 0, 40
    for seed in range(n):
        values = drawn(seed, units, periods, lasting=0.3)
        if units == 1:  # without a control a common course cannot be separated from an effect: noise alone
            values = 20 + np.random.default_rng(seed).normal(0, 1, (1, periods))
        nothing = designs.estimate(panel(values, treated, begun, freq)).iloc[0]
        risen += nothing["low"] > 0
        values[:treated, begun:] += 1.5
        row = designs.estimate(panel(values, treated, begun, freq)).iloc[0]
        held += row["low"] <= 1.5 <= row["high"]
    # 40 draws at 0.9: 30 or fewer come up once in 200; at 0.05: 6 or more once in 70.
    assert held > 30 and risen < 6, (held, risen)


@pytest.mark.slow
def test_power_is_what_it_says():
    """An effect as large as `detectable` is found in 80 % of cases."""
    found, n = 0, 60
    for seed in range(n):
        values = drawn(seed, 30, 24)
        least = designs.estimate(panel(values, 12, 12)).iloc[0]["detectable"]
        values[:12, 12:] += least
        found += designs.estimate(panel(values, 12, 12)).iloc[0]["low"] > 0
    assert 0.65 < found / n < 0.95


@pytest.mark.slow
def test_a_drift_before_the_start_is_seen_and_rarely_where_there_is_none():
    alarms, seen = 0, 0
    for seed in range(40):
        values = drawn(seed, 30, 24)
        alarms += designs.estimate(panel(values, 12, 18))["p_trend"].iloc[0] < 0.05
        values[:12] += 0.2 * np.arange(24)
        seen += designs.estimate(panel(values, 12, 18))["p_trend"].iloc[0] < 0.05
    assert alarms <= 6 and seen == 40, (alarms, seen)


def test_an_interrupted_series_knows_its_slope_and_its_season():
    starts = pd.date_range("2020-01-06", periods=200, freq="W-MON")
    season = 5 * np.sin(2 * np.pi * np.arange(200) * 7 / 365.25)
    values = 100 + 0.2 * np.arange(200) + season + np.random.default_rng(2).normal(0, 1, 200)
    values[150:] += 6
    table = pd.DataFrame({"unit": "all", "start": starts, "value": values, "treated_from": starts[150]})
    row = designs.estimate(table).iloc[0]
    assert row["design"] == INTERRUPTED and row["low"] < 6 < row["high"] and row["high"] - row["low"] < 3
    assert np.isnan(row["p_trend"])


def test_the_weights_of_a_synthetic_control_are_the_librarys():
    """pysyncon (Abadie, Diamond and Hainmueller 2010) solves the same problem with a general solver."""
    from pysyncon import Synth

    values = 50 + 5 * np.random.default_rng(4).normal(0, 1, (13, 30)).cumsum(axis=1)
    values[0] = 0.6 * values[1] + 0.4 * values[2]
    table = panel(values, 1, 20)
    mix, _ = Synth.w_optimize(np.eye(20) / 20, values[1:, :20].T, values[0, :20])
    theirs = mix @ values[1:]
    ours = designs.path(table, SYNTHETIC)["counterfactual"].to_numpy()
    assert np.abs(ours - theirs).max() < 0.02 * values.std()


def test_placebos_of_a_weekly_panel_take_seconds():
    """Four years of weeks, sixty units: each is a placebo, with five mixes; a second here, a tenth of the bound."""
    table = panel(drawn(5, 60, 208, lasting=0.5), 1, 156)
    begun = time.perf_counter()
    assert len(designs.placebos(table, SYNTHETIC)) == 60
    assert time.perf_counter() - begun < 10


def test_the_wait_for_an_effect_follows_from_the_error():
    row = pd.Series({"counterfactual": 1.0, "detectable": 0.10, "after": 4, "before": 12})
    # 0.10 at 1/4 + 1/12 = 1/3. For 0.08: (0.8)² / 3 = 0.2133; less 1/12: 0.13; 1 / 0.13 = 7.7, so 8 periods.
    assert designs.periods_needed(row, 0.08) == 8
    assert designs.periods_needed(row, 0.05) == np.inf  # 0.25 / 3 is all of the 1/12


GOOD = panel(drawn(1, 4, 12), 1, 8)
FIRST = GOOD["start"].min()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (GOOD.drop(columns="treated_from"), "the panel has no column 'treated_from'; it wants unit, start, value "
         "and treated_from."),
        (GOOD.iloc[:0], "the panel has no rows."),
        (GOOD.drop(index=15), "unit 'u001' has no row for 2023-01-23; the panel must have every unit in every period."),
        (GOOD.assign(value=GOOD["value"].where(GOOD.index != 3)),
         "unit 'u000' in 2023-01-23 has no value; fill it, or leave the unit out."),
        (GOOD.assign(value=GOOD["value"].where(GOOD.index != 3, np.inf)),
         "unit 'u000' in 2023-01-23 holds inf, which is too large to compute with."),
        (pd.concat([GOOD, GOOD.iloc[:1]]), "unit 'u000' in 2023-01-02 is there twice; give each unit and period once."),
        (GOOD.assign(value="much"), "column value holds 'much', expected numbers."),
        (GOOD.assign(treated_from=pd.NaT),
         "no unit is treated within the panel: treated_from is missing, or after its last period."),
        (GOOD.assign(treated_from=GOOD["treated_from"].where(GOOD["unit"] != "u000", FIRST)),
         "unit 'u000' has no period before its treatment starts; begin earlier."),
        (GOOD.assign(treated_from=GOOD["treated_from"].where(GOOD.index != 2, FIRST)),
         "unit 'u000' has more than one treated_from; give one to all its rows."),
    ],
)  # fmt: skip
def test_a_bad_panel_gets_one_clear_sentence(table, said):
    with pytest.raises(ValueError) as error:
        designs.estimate(table)
    assert str(error.value) == said


def test_a_design_that_the_panel_cannot_bear_is_refused():
    whole = panel(drawn(1, 4, 12), 4, 8)
    with pytest.raises(ValueError, match="every unit is treated: difference in differences needs one that is not"):
        designs.estimate(whole, DIFFERENCE)
    with pytest.raises(ValueError, match="a synthetic control is made for one treated unit"):
        designs.estimate(panel(drawn(1, 14, 30), 2, 20), SYNTHETIC)
    with pytest.raises(ValueError, match="an interrupted time series needs 8 periods before the start, there are 4"):
        designs.estimate(panel(drawn(1, 2, 12), 2, 4))
    with pytest.raises(ValueError, match="there is no design 'guess'; there are difference in differences, "):
        designs.estimate(GOOD, "guess")


def test_one_period_before_gives_an_effect_and_no_interval():
    row = designs.estimate(panel(np.array([[1, 4.0], [2, 3.0], [3, 4.0]]), 1, 1)).iloc[0]
    assert row["effect"] == pytest.approx(2) and np.isnan(row["low"]) and np.isnan(row["p"])


def test_the_panel_is_left_as_it_was_and_its_order_does_not_matter():
    before = GOOD.copy()
    estimate = designs.estimate(GOOD)
    pd.testing.assert_frame_equal(GOOD, before)
    pd.testing.assert_frame_equal(designs.estimate(GOOD.sample(frac=1, random_state=1)), estimate)


def test_what_an_estimate_must_be_read_with_is_said_with_what_is_needed():
    def said(values, treated, begun):
        return " ".join(designs.limits(panel(values, treated, begun)))

    assert said(drawn(1, 40, 60), 2, 48) == ""
    assert "no unit is untreated" in said(drawn(1, 2, 60), 2, 48)
    assert said(drawn(1, 2, 60), 1, 48).startswith("one unit alone is untreated") and "ten are needed" in said(
        drawn(1, 5, 60), 1, 48
    )
    assert "12 periods lie before the start and 8 since; 24 before are needed" in said(drawn(1, 40, 20), 1, 12)
    apart = drawn(1, 40, 60)
    apart[0] = 20 + 15 * np.sin(np.arange(60))
    assert "of the periods before it lay above or below all untreated units" in said(apart, 1, 48)
