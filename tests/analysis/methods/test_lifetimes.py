"""Are the models of buying right, and do their intervals hold what was planted?"""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import beta

from quarterdeck.analysis.methods import lifetimes

PLANTED = pd.Series({"r": 0.8, "alpha": 6.0, "a": 0.7, "b": 4.0})
CASES = [  # few and many purchases, no spread in buying, nearly nobody leaves, and a = 1, where the formula has a limit
    pd.Series(v, lifetimes.BUYING)
    for v in ([0.243, 4.414, 0.793, 2.426], [1.9, 8.3, 0.36, 24.0], [490, 8103, 2.6, 55], [1.0, 5.0, 1.0, 3.0])
]
HISTORIES = pd.DataFrame({"x": [0.0, 2, 29, 300], "t_x": [0.0, 30.43, 30, 400], "T": [38.86, 38.86, 39, 401]})


def simulated(rng: np.random.Generator, n: int, planted: pd.Series = PLANTED) -> pd.DataFrame:
    """Draw customers as BG/NBD says they buy, each seen for one to three years."""
    rate = rng.gamma(planted["r"], 1 / planted["alpha"], n)
    leaves = rng.beta(planted["a"], planted["b"], n)
    rows = []
    for speed, chance, whole in zip(rate, leaves, rng.uniform(52, 156, n), strict=True):
        x, last, day = 0, 0.0, 0.0
        while (day := day + rng.exponential(1 / speed)) < whole:
            x, last = x + 1, day
            if rng.random() < chance:
                break
        rows.append([x, last, whole])
    return pd.DataFrame(rows, columns=["x", "t_x", "T"])


def test_a_history_counts_days_with_orders_and_nets_returns():
    orders = pd.DataFrame(
        {
            "customer_id": list("AAAAA"),
            "order_date": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-15", "2026-01-20", "2026-03-01"]),
            "quantity": [1.0, 1, 1, -1, 1],
            "revenue": [100.0, 50, 30, -20, 999],
        }
    )
    row = lifetimes.histories(orders, pd.Timestamp("2026-02-05")).loc["A"]
    assert (row["x"], row["t_x"], row["T"]) == (1, 2, 5)  # 1 and 15 January; two weeks; five weeks; March is not seen
    assert row["worth"] == pytest.approx(80)  # (100 + 50 + 30 − 20) ÷ 2
    assert row["sold"] == pytest.approx(90)  # (150 + 30) ÷ 2
    assert row["logs"] == pytest.approx((np.log(150) + np.log(30)) / 2)


@pytest.mark.parametrize("value", CASES, ids=lambda v: f"a={v['a']:g}")
def test_expected_purchases_are_the_mean_over_rates_and_chances_of_leaving(value):
    def direct(x: float, whole: float) -> float:  # while alive: rate gamma(r + x, α + T), leaving beta(a, b + x)
        still = value["alpha"] + whole
        grows = lambda p: -np.expm1(-(value["r"] + x) * np.log1p(39 * p / still)) / p  # noqa: E731
        return quad(lambda p: grows(p) * beta.pdf(p, value["a"], value["b"] + x), 0, 1, limit=500)[0]

    purchases = lifetimes.purchases(value, HISTORIES, 39) / lifetimes.alive(value, HISTORIES)
    assert purchases == pytest.approx([direct(h.x, h.T) for h in HISTORIES.itertuples()], rel=1e-5)


def test_p_alive_by_hand():
    value = pd.Series([1.0, 10.0, 1.0, 2.0], lifetimes.BUYING)
    row = pd.DataFrame({"x": [1.0], "t_x": [10.0], "T": [30.0]})
    # 1 ÷ (1 + a ÷ (b + x − 1) × ((α + T) ÷ (α + t_x))^(r + x)) = 1 ÷ (1 + ½ × (40 ÷ 20)²) = ⅓
    assert lifetimes.alive(value, row) == pytest.approx([1 / 3])
    # buys in 40 weeks: ⅓ × (1 − (40 ÷ 80)²) = ¼
    assert lifetimes.buys(value, row, 40) == pytest.approx([1 / 4])


def test_chances_and_purchases_are_those_of_simulated_customers():
    rng = np.random.default_rng(5)
    # A year is seen; who buys in the second one, in truth?
    rate, leaves = rng.gamma(0.8, 1 / 6, 20_000), rng.beta(0.7, 4, 20_000)
    rows = []
    for speed, chance in zip(rate, leaves, strict=True):
        x, last, day, later, here = 0, 0.0, 0.0, 0, True
        while here and (day := day + rng.exponential(1 / speed)) < 104:
            x, last, later = (x + 1, day, 0) if day < 52 else (x, last, later + 1)
            here = rng.random() >= chance
        rows.append([x, last, 52.0, later])
    seen = pd.DataFrame(rows, columns=["x", "t_x", "T", "later"])
    assert lifetimes.buys(PLANTED, seen, 52).mean() == pytest.approx((seen["later"] > 0).mean(), abs=0.01)
    assert lifetimes.purchases(PLANTED, seen, 52).mean() == pytest.approx(seen["later"].mean(), rel=0.03)


def test_intervals_of_the_parameters_hold_the_planted_ones_nine_times_in_ten():
    rng, planted = np.random.default_rng(11), PLANTED.to_numpy()
    tables = [lifetimes.bg_nbd(simulated(rng, 400)).table() for _ in range(40)]
    held = np.mean([(t["low"] <= planted) & (planted <= t["high"]) for t in tables], axis=0)
    # 40 × 0.9 = 36; fewer than 30 for one of them would be one case in two hundred
    assert (held >= 30 / 40).all() and held.mean() == pytest.approx(0.9, abs=0.07), held


def test_gamma_gamma_finds_what_was_planted():
    rng, n = np.random.default_rng(3), 800
    mean = 40.0 / rng.gamma(3.0, 1.0, n)  # ν is gamma(q, γ): a purchase is gamma with shape p and mean p ÷ ν
    times = rng.integers(1, 9, n)
    spent = [rng.gamma(2.0, m, k) for m, k in zip(mean, times, strict=True)]
    seen = pd.DataFrame(
        {"x": times - 1.0, "sold": [s.mean() for s in spent], "logs": [np.log(s).mean() for s in spent]}
    )
    table = lifetimes.gamma_gamma(seen).table().set_index("parameter")
    for name, truth in {"p": 2.0, "q": 3.0, "gamma": 40.0}.items():
        assert table.loc[name, "low"] < truth < table.loc[name, "high"], name
    value = table["value"]
    worth = lifetimes.worth(value, seen.assign(worth=seen["sold"]))
    assert np.abs(worth - 2 * mean).mean() < np.abs(seen["sold"] - 2 * mean).mean()  # nearer the truth than raw means


def test_one_purchase_says_less_than_many():
    value = pd.Series([2.0, 3.0, 40.0], lifetimes.WORTH)  # the mean purchase is 2 × 40 ÷ 2 = 40
    seen = pd.DataFrame({"x": [0.0, 99.0], "worth": [400.0, 400.0]})
    # one: 2 (40 + 400) ÷ (2 + 2) = 220; a hundred: 2 (40 + 40000) ÷ (200 + 2) = 396.4
    assert lifetimes.worth(value, seen) == pytest.approx([220, 80080 / 202])


def test_where_all_buy_alike_no_interval_is_claimed():
    rng = np.random.default_rng(2)
    x = rng.poisson(6, 300).astype(float)
    seen = pd.DataFrame({"x": x, "t_x": np.where(x > 0, 99.0, 0), "T": 100.0})
    fit = lifetimes.bg_nbd(seen)
    assert fit.table()[["low", "high"]].isna().any(axis=None) and np.isfinite(fit.covariance).all()
    assert fit.value["r"] / fit.value["alpha"] == pytest.approx(x.mean() / 100, rel=0.05)


def test_the_delta_method_gives_what_calculus_gives():
    fit = lifetimes.Fit(pd.Series([2.0, 8.0], ["r", "alpha"]), np.diag([0.04, 0.01]), np.array([True, True]))
    # r ÷ α = ¼; the error of its logarithm is √(0.04 + 0.01), so its own is ¼ × 0.2236
    assert lifetimes.delta([fit], lambda v: v["r"] / v["alpha"]) == pytest.approx(0.25 * 0.05**0.5, rel=1e-5)
