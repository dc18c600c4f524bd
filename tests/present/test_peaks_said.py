"""Does the page say which peaks it saw, and does it stand where nothing ever varied?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.forecasting import months_ahead
from quarterdeck.analysis.methods import peaks, series
from quarterdeck.present import style
from quarterdeck.present.narrative import forecast as say


def panel(values, name="all"):
    starts = pd.date_range("2021-01-01", periods=len(values), freq="MS")
    return pd.DataFrame({"series": name, "start": starts, "value": values})


@pytest.mark.parametrize(
    ("back", "times", "ends"),
    [(6, 50, "peaks and dips."), (6, 0, "peaks and dips."), (1, 50, "the interval holds both.")],
)
def test_a_peak_is_said_with_when_how_large_and_how_it_was_taken(back, times, ends):
    values = 1000 * np.random.default_rng(1).lognormal(0, 0.03, 60)
    values[-back] *= times
    whole = panel(values)
    said = say.peaks_takeaway(whole, peaks.single(pd.concat([whole, panel(values, "part")]), 12), "EUR")
    (claim,) = said.claims
    assert claim.figures["now"] == values[-back] and claim.figures["usual"] == pytest.approx(1000, rel=0.1)
    assert (
        f"{whole['start'].iloc[-back]:%b %Y}, {style.money(values[-back])} where {style.money(claim.figures['usual'])}"
        in said
    )
    assert "part" not in said and said.endswith(ends)


def test_where_none_is_seen_nothing_is_said():
    flat = panel(np.full(60, 1000.0))
    assert say.peaks_takeaway(flat, peaks.single(flat, 12)) is None


def test_a_past_in_which_nothing_varied_has_no_mase_and_says_so():
    accuracy = months_ahead.accuracy(series.backtest(panel(np.full(60, 1000.0)), 12, 12), 12)
    said = say.accuracy_takeaway(accuracy)
    assert "no MASE, for nothing differs from a year before" in said and "nan" not in said
