"""Are findings false as often as their risk says?"""

import numpy as np
import pytest

from quarterdeck.analysis.methods.finding import chance_above, chance_below, risk


def compared(draw, count):
    """Draw errors, true values (nothing in any part of them, elsewhere of half an error to ten) and their estimates."""
    error, size = np.exp(draw.normal(0, 0.3, count)), np.exp(draw.uniform(np.log(0.5), np.log(10)))
    true = np.where(draw.uniform(size=count) < draw.uniform(), 0.0, draw.normal(0, size, count))
    return error, true, true + error * draw.normal(size=count)


@pytest.mark.parametrize("count", [1, 6, 36])
def test_of_findings_with_a_risk_about_as_many_are_false(count):
    draw, rows = np.random.default_rng(4), []
    for _ in range(9000 // count if count < 36 else 400):
        error, true, estimate = compared(draw, count)
        rows.append(np.c_[risk(estimate, error), true * np.sign(estimate) <= 0])
    said, false = np.concatenate(rows).T
    for low, high in ((0.0, 0.02), (0.02, 0.08), (0.08, 0.2), (0.2, 0.4)):
        among = (said > low) & (said <= high)
        wrong, of = false[among].sum(), among.sum()
        assert of > 100 and abs(wrong / of - said[among].mean()) < 0.02 + 3 * np.sqrt(said[among].mean() / of)


def test_noise_alone_is_believed_less_the_more_of_it_is_looked_at():
    few, many = (risk([3.0, *np.linspace(-1, 1, n)], np.ones(n + 1))[0] for n in (2, 40))
    assert few < many and risk([9.0], [1.0])[0] < 1e-6


def test_a_bound_of_interest_is_harder_to_reach_than_zero():
    above = [chance_above([2.0, 4.0, -3.0], [1.0, 1.0, 1.0], bound)[1] for bound in (0.0, 2.0, 6.0)]
    assert above == sorted(above, reverse=True) and above[0] > 0.95 and above[2] < 0.1


def test_what_is_not_known_has_no_risk():
    assert np.isnan(risk([1.0, np.nan, 2.0], [1.0, 1.0, 0.0])).tolist() == [False, True, True]


def test_a_loss_is_judged_among_those_who_earn():
    """Rates about a mean well above zero: of losses so judged as many are none as is said."""
    draw = np.random.default_rng(5)
    true, error = draw.normal(0.15, 0.12, 4000), draw.uniform(0.03, 0.15, 4000)
    said = chance_below(true + error * draw.normal(size=4000), error)
    for low, high in ((0.5, 0.8), (0.8, 0.95), (0.95, 1.0)):
        among = (said > low) & (said <= high)
        assert among.sum() > 30 and (true[among] < 0).mean() == pytest.approx(said[among].mean(), abs=0.12)
