"""Does the pooled autoregression learn from all series what each is too short to tell?"""

import numpy as np
import pytest

from quarterdeck.analysis.methods import pooled


def seasonal(count, length, noise=0.03, seed=1):
    """Invent monthly series of one season, each with a level and a growth of its own."""
    rng = np.random.default_rng(seed)
    months = np.arange(length)
    wave = np.exp(0.4 * np.sin(2 * np.pi * months / 12))
    growth = rng.normal(0.004, 0.002, count)
    return {
        f"S{k}": rng.uniform(10, 1000) * wave * np.exp(growth[k] * months + rng.normal(0, noise, length))
        for k in range(count)
    }


def test_the_season_of_all_is_learned_and_carried_on():
    whole = seasonal(40, 72)
    seen = {name: values[:60] for name, values in whole.items()}
    paths = pooled.paths(seen, 12, 12)
    off = [np.abs(paths[n] / whole[n][60:] - 1).mean() for n in seen]
    naive = [np.abs(seen[n][48:] / whole[n][60:] - 1).mean() for n in seen]
    assert np.mean(off) < 0.75 * np.mean(
        naive
    )  # a year's growth of 5 % and the noise of both years against one year's noise


def test_scale_does_not_matter():
    seen = seasonal(10, 60)
    larger = {name: 1000 * values for name, values in seen.items()}
    for name, path in pooled.paths(seen, 6, 12).items():
        assert pooled.paths(larger, 6, 12)[name] == pytest.approx(1000 * path)


def test_a_series_of_its_own_kind_is_bent_away_from_the_pool():
    seen = seasonal(30, 120)
    months = np.arange(300)
    seen["odd"] = 100 * np.exp(0.4 * np.cos(2 * np.pi * months / 5))  # a cycle that no other series has
    path = pooled.paths(seen, 12, 12)["odd"]
    true = 100 * np.exp(0.4 * np.cos(2 * np.pi * np.arange(300, 312) / 5))
    assert np.abs(path / true - 1).mean() < 0.1


def test_zeros_and_losses_are_taken_as_they_are():
    rng = np.random.default_rng(2)
    seen = {f"S{k}": rng.normal(0, 5, 60) + 3 * np.sin(2 * np.pi * np.arange(60) / 12) for k in range(10)}
    paths = pooled.paths(seen, 6, 12)
    assert all(np.isfinite(path).all() and np.abs(path).max() < 60 for path in paths.values())


def test_a_path_stays_within_what_a_series_has_ranged():
    seen = seasonal(5, 60) | {"jump": np.r_[np.full(59, 1.0), 100.0]}
    path = pooled.paths(seen, 12, 12)["jump"]
    assert path.max() <= 100.0**2 and path.min() >= 1 / 100  # once more the whole range, in logarithms


def test_the_longer_a_panel_the_more_evidence():
    # memory 25: 60 - 25 - 12 + 1 = 24 windows of each of ten series over 25 coefficients
    assert pooled.evidence(np.full(10, 60), 12, 12) == pytest.approx(240 / 25)
    assert pooled.evidence(np.full(10, 30), 12, 12) == 0


def test_series_shorter_than_the_memory_have_no_forecast():
    assert pooled.paths({"short": np.arange(1.0, 20.0)}, 12, 12) == {}
    assert pooled.paths({}, 12, 12) == {}
