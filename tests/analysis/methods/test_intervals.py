"""Do the intervals hold what they promise, and does shrinkage draw by the right amount?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.analysis.methods.intervals import median_interval, prior, shrunk, shrunk_means, wilson


@pytest.mark.parametrize(
    ("won", "n", "low", "high"),
    [  # Newcombe 1998, table I, method 3, at 95 %
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_intervals_that_newcombe_printed(won, n, low, high):
    assert wilson(won, n, level=0.95) == pytest.approx((low, high), abs=6e-5)


def test_wilson_takes_series_and_knows_nothing_where_nothing_was_tried():
    low, high = wilson(pd.Series([0, 5], index=["a", "b"]), pd.Series([0, 10], index=["a", "b"]))
    assert (low["a"], high["a"]) == (0, 1)
    # z = 1.6449, z² = 2.7055; centre 0.5; half = √(2.7055 × (5·5/10 + 0.6764)) / 12.7055 = 2.9315 / 12.7055
    assert (low["b"], high["b"]) == pytest.approx((0.2693, 0.7307), abs=1e-4)


def test_shrinkage_draws_small_groups_further_than_large_ones():
    rng = np.random.default_rng(1)
    n = pd.Series([5, 400, *[60] * 30])
    won = pd.Series(rng.binomial(n, rng.beta(30, 70, len(n))))
    won[0], won[1] = 4, 320  # both at 80 %
    rates = shrunk(won, n)["rate"]
    assert won.sum() / n.sum() < rates[0] < rates[1] < 0.8
    assert 0.8 - rates[1] < (0.8 - rates[0]) / 3


def test_the_prior_finds_the_beta_distribution_the_groups_were_drawn_from():
    rng = np.random.default_rng(2)
    n = pd.Series([80] * 400)
    won = pd.Series(rng.binomial(n, rng.beta(12, 28, len(n))))
    mean, strengths, weights = prior(won, n)  # planted: 12 / (12 + 28) = 0.3 and 12 + 28 = 40 rows
    assert mean == pytest.approx(0.3, abs=0.01)
    assert np.exp(np.log(strengths) @ weights) == pytest.approx(40, rel=0.25)


def test_two_groups_are_not_shrunk_beyond_jeffreys_prior():
    # (3 + ½) / (10 + 1) = 0.3182 and (8 + ½) / (10 + 1) = 0.7727
    assert shrunk(pd.Series([3, 8]), pd.Series([10, 10]))["rate"].tolist() == pytest.approx([3.5 / 11, 8.5 / 11])


def test_groups_that_look_alike_still_have_an_interval_of_honest_width():
    found = shrunk(pd.Series([30] * 12), pd.Series([60] * 12))
    assert (found["high"] - found["low"]).min() > 0.05


@pytest.mark.parametrize("won", [[0, 0, 0, 0], [10, 10, 10, 10]])
def test_rates_stay_within_zero_and_one_where_all_or_none_succeed(won):
    found = shrunk(pd.Series(won), pd.Series([10] * 4))
    assert found["rate"].between(0, 1, inclusive="neither").all() and ((found >= 0) & (found <= 1)).all(axis=None)


def test_intervals_of_shrunk_rates_cover_the_true_rates_as_often_as_they_say():
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(20):
        truth = rng.beta(20, 40, 60)
        n = pd.Series(rng.integers(15, 120, 60))
        found = shrunk(pd.Series(rng.binomial(n, truth)), n)
        covered.append(found["low"].le(truth).to_numpy() & found["high"].ge(truth).to_numpy())
    assert 0.86 < np.mean(covered) < 0.94


def test_the_interval_of_a_median_is_made_of_order_statistics():
    # n = 10: P(at most 1 below the median) = 11/1024 ≤ 2.5 %, P(at most 2) = 56/1024 > 2.5 %: 2nd and 9th value
    assert median_interval(pd.Series([10, 9, 8, 7, 6, 5, 4, 3, 2, 1.0]), level=0.95) == (5.5, 2.0, 9.0)


def test_a_median_of_too_few_values_has_no_interval():
    # n = 3: even the smallest and the largest enclose the median in 1 − 2/8 = 75 % only
    median, low, high = median_interval(pd.Series([1.0, 2.0, 6.0]))
    assert median == 2 and np.isnan(low) and np.isnan(high)


@pytest.mark.parametrize("error", [np.zeros(4), np.zeros((4, 4)), np.ones((4, 4)), np.diag([0.0, 0.1, 0.1, 0.1])])
@pytest.mark.parametrize("estimate", [[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]])
def test_estimates_without_any_doubt_are_drawn_too(estimate, error):
    found = shrunk_means(pd.Series(estimate), error)
    assert np.isfinite(found).all(axis=None) and (found["low"] <= found["high"]).all()
    if not error.any():
        assert found["value"].tolist() == pytest.approx(estimate, abs=1e-3)


@given(st.lists(st.integers(0, 90), min_size=1, max_size=6), st.booleans(), st.floats(0.5, 0.999))
def test_where_all_or_none_succeeded_no_group_stands_apart_from_all(trials, succeeded, level):
    n = pd.Series(trials)
    found = shrunk(n if succeeded else 0 * n, n, level)
    assert (found["low"] == 0.0).all() if not (succeeded and n.sum()) else (found["high"] == 1.0).all()
    assert found["rate"].between(found["low"], found["high"]).all()
