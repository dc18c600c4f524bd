"""Does each member count as much as others' experience and a series' own past say?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.methods import worth
from quarterdeck.analysis.methods.members import MEMBERS, POOLED

NAMES = [f"S{k}" for k in range(5)]


def believed(value=0.0):
    return pd.DataFrame(value, NAMES, MEMBERS)


def tried(origins=4, good=MEMBERS[0]):
    """Past forecasts of five series, where one member is off by two and all others by ten."""
    keys = pd.MultiIndex.from_product([NAMES, range(origins), range(1, 7)], names=["series", "origin", "step"])
    rows = keys.to_frame(False).assign(actual=100.0)
    return rows.assign(**{member: 102.0 if member == good else 90.0 for member in MEMBERS})


def test_without_a_belief_or_a_past_it_is_the_plain_mean():
    found = worth.weights(tried().head(0), believed())
    assert found.to_numpy() == pytest.approx(1 / len(MEMBERS))


def test_the_better_member_counts_more_and_the_more_so_the_more_often_it_was_tried():
    once, often = (worth.weights(tried(n), believed())[MEMBERS[0]] for n in (1, 4))
    assert (once > 1 / len(MEMBERS)).all() and (often > once).all() and (often < 0.6).all()
    # errors 2 and four times 10: their mean is 8.4; the good one was 1 - 2 ÷ 8.4 = 0.762 better, others 0.190 worse;
    # of four origins 4 ÷ (4 + 2) is believed: 0.508 and -0.127, times 2.19: 1.112 and -0.278
    assert often.iloc[0] == pytest.approx(np.exp(1.112) / (np.exp(1.112) + 4 * np.exp(-0.278)), rel=1e-3)


def test_each_series_has_weights_of_its_own():
    rows = tried()
    rows.loc[rows["series"].eq("S1"), MEMBERS[:2]] = [90.0, 102.0]
    found = worth.weights(rows, believed())
    assert found.loc["S1", MEMBERS[1]] == pytest.approx(found.loc["S0", MEMBERS[0]])
    assert found.sum(axis=1).to_numpy() == pytest.approx(1)


def test_a_member_that_says_nothing_has_no_part_in_the_join():
    forecasts = pd.DataFrame([[3.0, 1.0, 5.0, 7.0, 4.0], [3.0, 1.0, 5.0, 7.0, np.nan]], columns=MEMBERS)
    even = pd.DataFrame(0.2, ["A"], MEMBERS)
    assert worth.joined(forecasts.assign(series="A"), even).tolist() == pytest.approx([4.0, 4.0])
    uneven = even.assign(**{MEMBERS[0]: 0.6, POOLED: 0.0})
    assert worth.joined(forecasts.assign(series="A"), uneven).tolist() == pytest.approx([(1.8 + 2.6) / 1.2] * 2)


def test_the_pool_is_believed_the_more_the_more_it_has_to_learn_from():
    short, long = (worth.believed(pd.Series(length, NAMES), 12, 12) for length in (40, 200))
    pool = [worth.weights(tried().head(0), b)[POOLED].iloc[0] for b in (short, long)]
    assert 1 / len(MEMBERS) < pool[0] < pool[1] < 0.6
