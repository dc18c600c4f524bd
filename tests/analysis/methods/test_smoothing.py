"""Do the smoothed paths follow level, trend and season, and see nothing of what comes later?"""

import numpy as np
import pytest

from quarterdeck.analysis.methods import smoothing
from quarterdeck.analysis.methods.smoothing import FORMS

RNG = np.random.default_rng(5)
WAVE = np.sin(2 * np.pi * np.arange(96) / 12)
SEASONAL = 100 * np.exp(0.3 * WAVE + 0.004 * np.arange(96) + RNG.normal(0, 0.03, 96))


def said(values, unseen=(0,), season=12, steps=12):
    return smoothing.paths([values], [list(unseen)], season, steps).said


def test_every_form_carries_level_growth_and_season_on():
    found = said(SEASONAL[:84])[:, 0]
    naive = np.abs(SEASONAL[72:84] - SEASONAL[84:]).mean()
    assert found.shape == (len(FORMS), 12)
    for path in found:
        assert np.abs(path - SEASONAL[84:]).mean() < naive
    assert np.abs(found.mean(axis=0) - SEASONAL[84:]).mean() < 0.9 * naive


def test_a_line_is_gone_along_and_a_constant_stays():
    line = said(np.arange(20.0, 60.0), season=1, steps=5)[:, 0]
    for name, path in zip(FORMS, line, strict=True):
        assert path[-1] == pytest.approx(64, rel=0.04), name
    assert said(np.full(30, 7.0), steps=3) == pytest.approx(7.0)


def test_several_days_in_one_pass_see_nothing_later():
    found = said(SEASONAL, (36, 24, 12))
    changed = np.r_[SEASONAL[:72], SEASONAL[72:] * RNG.uniform(0.3, 3, 24)]  # after the second of the days
    assert said(changed, (36, 24, 12))[:, :2] == pytest.approx(found[:, :2])
    assert found[:, 0] == pytest.approx(said(SEASONAL[:60])[:, 0], rel=1e-5)  # the first day is as if it were today


def test_each_series_is_as_if_it_were_alone():
    rows = [SEASONAL[: 30 + 3 * k] * 10.0**k for k in range(6)] + [SEASONAL - 100, np.zeros(40)]
    together = smoothing.paths(rows, [[0]] * len(rows), 12, 6).said
    for k, values in enumerate(rows):
        assert together[:, k] == pytest.approx(said(values, steps=6)[:, 0], rel=1e-4, abs=1e-4)
    assert np.isfinite(together).all()


def test_what_is_claimed_grows_with_distance_and_with_noise():
    rough = 100 * np.exp(RNG.normal(0, 0.2, 60))
    calm = 100 * np.exp(RNG.normal(0, 0.02, 60))
    claimed = smoothing.paths([rough, calm], [[0], [0]], 1, 6).claimed
    assert (np.diff(claimed, axis=2) > -1e-6).all() and (claimed[:, 0] > 5 * claimed[:, 1]).all()


def test_a_season_is_shrunk_to_none_where_it_is_noise():
    noise = RNG.normal(0, 1, (200, 60))
    wave = noise + 2 * WAVE[:60]
    sizes = [np.abs(smoothing.seasons(v, np.full(200, 60), 12)).mean() for v in (noise, wave)]
    plain = np.abs(noise.reshape(200, 5, 12).mean(axis=1)).mean()
    assert sizes[0] < 0.4 * plain and sizes[1] > 1.0


def test_threads_change_nothing():
    rows = [SEASONAL * k for k in range(1, 30)]
    one, two = (smoothing.paths(rows, [[0]] * len(rows), 12, 6, jobs) for jobs in (1, 2))
    assert (one.said == two.said).all() and (one.claimed == two.claimed).all()
