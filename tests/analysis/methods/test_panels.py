"""Does any panel give either a forecast, or an effect, that holds together, or one sentence that says what is wrong with it?"""

import datetime
import decimal
import traceback

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.analysis.methods import designs, series

PERIODS = ["MS", "ME", "W", "D", "B", "h", "QS", "QE-NOV", "YS", "YE"]
CLOCK = {
    "dates": lambda days: days,
    "months from the 15th": lambda days: days + pd.Timedelta(days=14),
    "time zone": lambda days: days.tz_localize("Europe/Berlin", nonexistent="shift_forward", ambiguous=True),
    "UTC": lambda days: days.tz_localize("UTC"),
    "date objects": lambda days: [d.date() for d in days],
    "periods": lambda days: days.to_period("M"),
    "period objects": lambda days: list(days.to_period("D")),
    "texts": lambda days: days.strftime("%Y-%m-%d"),
    "mixed": lambda days: [d if k % 2 else str(d) for k, d in enumerate(days)],
    "mixed zones": lambda days: [d.tz_localize("UTC") if k % 2 else d for k, d in enumerate(days)],
    "a date too early": lambda days: [datetime.date(1, 1, 1), *(d.date() for d in days[1:])],
    "whole numbers": lambda days: range(1990, 1990 + len(days)),
    "whole floats": lambda days: np.arange(len(days)) * 3.0,
    "fractions": lambda days: np.arange(len(days)) / 4,
    "categories": lambda days: pd.Categorical(days),
    "spans": lambda days: days - days[0],
    "a missing one": lambda days: days.where(np.arange(len(days)) != len(days) // 2),
}
NUMBERS = {
    "noise": lambda v: v,
    "constant": lambda v: np.full(len(v), 50.0),
    "zeros": lambda v: np.zeros(len(v)),
    "rarely any": lambda v: np.where(np.arange(len(v)) % 5 == 0, v, 0.0),
    "debts": lambda v: -v,
    "either side": lambda v: v - 100,
    "refunds": lambda v: np.where(np.arange(len(v)) % 3 == 0, -v, 0.0),
    "integers": lambda v: v.astype(int),
    "Int64": lambda v: pd.array(v.astype(int), dtype="Int64"),
    "decimals": lambda v: [decimal.Decimal(str(round(x, 2))) for x in v],
    "true or not": lambda v: v > 100,
    "texts": lambda v: [f"{x:.2f} EUR" for x in v],
    "lists": lambda v: [[x] for x in v],
    "dates": lambda v: pd.Timestamp("2020-01-01") + pd.to_timedelta(v, "D"),
    "complex": lambda v: v + 1j,
    "a missing one": lambda v: np.where(np.arange(len(v)) == len(v) // 2, np.nan, v),
    "None": lambda v: [None, *v[1:]],
    "infinite": lambda v: np.r_[v[:-1], np.inf],
    "huge": lambda v: v * 1e300,
    "beyond floats": lambda v: [10**400, *v[1:]],
    "large": lambda v: v * 1e25,
    "tiny": lambda v: v * 1e-300,
    "a peak": lambda v: np.where(np.arange(len(v)) == len(v) // 2, 1e9, v),
}
CHANGES = {
    "nothing": lambda p: p,
    "shuffled": lambda p: p.sample(frac=1, random_state=1),
    "a row missing": lambda p: p.drop(index=p.index[len(p) // 2]),
    "a row twice": lambda p: pd.concat([p, p.iloc[-1:]]),
    "no rows": lambda p: p.iloc[:0],
    "one row": lambda p: p.iloc[:1],
    "a column missing": lambda p: p.drop(columns="value"),
    "no start": lambda p: p.drop(columns="start"),
    "a column twice": lambda p: pd.concat([p, p[["value"]]], axis=1),
    "an index of dates": lambda p: p.set_index(pd.date_range("1999-01-01", periods=len(p))),
    "a list": lambda p: p.values.tolist(),
    "numbers for names": lambda p: p.assign(**{p.columns[0]: pd.factorize(p.iloc[:, 0])[0]}),
    "categories for names": lambda p: p.astype({p.columns[0]: pd.CategoricalDtype([f"x{k}" for k in range(20)])}),
    "a name missing": lambda p: p.assign(**{p.columns[0]: p.iloc[:, 0].where(np.arange(len(p)) > 0)}),
    "names of two kinds": lambda p: p.assign(**{p.columns[0]: [7, *p.iloc[1:, 0]]}),
    "a list for a name": lambda p: p.assign(**{p.columns[0]: [[1]] * len(p)}),
}  # fmt: skip


def laid_out(draw, name, lengths):
    """Draw a panel that is in order but for one thing, or two."""
    frequency, parts = draw(st.sampled_from(PERIODS)), []
    plain = draw(st.booleans())
    clock = CLOCK[draw(st.sampled_from(sorted(CLOCK)))] if plain else CLOCK["dates"]
    numbers = NUMBERS[draw(st.sampled_from(sorted(NUMBERS)))]
    for k, length in enumerate(lengths):
        noise = np.random.default_rng(draw(st.integers(0, 9))).lognormal(4.6, 0.1, length)
        days = pd.date_range("2020-03-04", periods=length, freq=frequency)
        columns = {name: f"x{k}", "start": clock(days), "value": numbers(noise)}
        parts.append(pd.DataFrame(columns, index=range(length)))
    return pd.concat(parts, ignore_index=True)


@st.composite
def panels_of_series(draw):
    lengths = draw(st.lists(st.sampled_from([1, 2, 3, 5, 14, 30, 60]), min_size=1, max_size=3))
    return CHANGES[draw(st.sampled_from(sorted(CHANGES)))](laid_out(draw, "series", lengths))


@st.composite
def panels_of_units(draw):
    count, length = draw(st.sampled_from([1, 2, 4, 13])), draw(st.sampled_from([1, 2, 5, 14, 30]))
    panel = laid_out(draw, "unit", [count and length] * count)
    begun = draw(st.sampled_from([0, length // 2, length - 1]))
    first = panel["start"].iloc[begun]
    if draw(st.booleans()) and isinstance(first, pd.Timestamp):
        first = first.tz_localize(None)
    treated = panel["unit"].isin([f"x{k}" for k in range(draw(st.sampled_from([0, 1, 2, 13])))])
    panel["treated_from"] = [first if on else None for on in treated]
    weights = {
        "none": None,
        "alike": 2.0,
        "zero": 0.0,
        "below": -1.0,
        "text": "much",
        "missing": np.nan,
        "infinite": np.inf,
    }
    weight = weights[draw(st.sampled_from(["none", "none", *weights]))]
    panel = panel if weight is None else panel.assign(weight=weight)
    return CHANGES[draw(st.sampled_from(sorted(CHANGES)))](panel)


def refused_in_one_sentence(error):
    """Hold that a refusal is ours, and one sentence."""
    said, raised = str(error), traceback.extract_tb(error.__traceback__)[-1]
    assert "quarterdeck/analysis" in raised.filename.replace("\\", "/"), f"{raised.filename}: {said}"
    assert said.endswith(".") and "\n" not in said and ". " not in said.replace(" …", "") and len(said) < 250, said


COUNTS = st.sampled_from([1, 3, 12, 3, 12, 0, -1, 2.5, "12", None, True, np.int64(4), 10**9])
QUANTILES = st.sampled_from(
    [(0.1, 0.5, 0.9)] * 4 + [(0.9, 0.1), (0.025,), (), (0.0,), (1,), (np.nan,), ("p10",), (0.5, 0.5)]
)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@given(panels_of_series(), COUNTS, COUNTS, QUANTILES)
@settings(max_examples=100, deadline=None)
def test_any_panel_of_series_is_forecast_or_refused_in_one_sentence(panel, ahead, season, quantiles):
    try:
        forecast = series.forecast(panel, ahead, season, quantiles)
    except ValueError as error:
        return refused_in_one_sentence(error)
    assert len(forecast) == ahead * panel["series"].nunique() and not forecast.duplicated(["series", "start"]).any()
    asked = forecast[[series.column(q) for q in sorted(quantiles)]].to_numpy(float)
    assert np.isfinite(forecast["mean"]).all() and np.isfinite(asked).all()
    assert (np.diff(asked, axis=1) >= -1e-9 * np.abs(asked).max(initial=0)).all()


@pytest.mark.filterwarnings("error::RuntimeWarning")
@given(panels_of_units(), st.sampled_from(["", "", "", designs.SYNTHETIC, designs.INTERRUPTED, "guess"]))
@settings(max_examples=100, deadline=None)
def test_any_panel_of_units_gives_an_effect_or_one_sentence(panel, by):
    try:
        estimate = designs.estimate(panel, by).iloc[0]
    except ValueError as error:
        return refused_in_one_sentence(error)
    assert np.isfinite(estimate["effect"]) and np.isfinite(estimate["counterfactual"])
    if np.isfinite(estimate["error"]):
        assert estimate["low"] <= estimate["effect"] <= estimate["high"]
    assert designs.path(panel, by)["gap"].notna().all()
