"""Do the sliders redraw what stands below them, with nothing in them that keeps a page from being done?"""

import ipywidgets
import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.planning import scenarios
from quarterdeck.present import widgets

CHANCES = pd.DataFrame({"amount": np.linspace(1e4, 9e4, 800), "chance": np.linspace(0.05, 0.8, 800)})
OUTLOOK = pd.DataFrame(
    {
        "quarter": ["Q4 2026", "Q1 2027"],
        "booked": [3e6, 0.0],
        "to_come": [1e5, 9e6],
        "noise": [4e4, 8e5],
        "goal": [2e7, np.nan],
    }
).assign(newcomer=[0.0, 0.4], start=pd.to_datetime(["2026-10-01", "2027-01-01"]))
RESPONSE = pd.DataFrame({"value": [-1.2], "error": [0.1], "swing": [0.02]})


@pytest.fixture
def panel():
    return widgets.levers(OUTLOOK, CHANCES, scenarios.scenario, RESPONSE)


def test_a_move_redraws_the_sentence_and_the_picture_by_the_same_sums(panel):
    assert panel.drawn.value == b"" and "than as now" not in panel.said.value
    panel.sliders["win_rate"].value = 10
    moved = scenarios.scenario(OUTLOOK, CHANCES, RESPONSE, pd.DataFrame({"win_rate": [0.1]}))
    assert (
        bytes(panel.drawn.value).startswith(b"\x89PNG")
        and f"{moved['chance'].iloc[0]:.0%}".replace("%", " %") in panel.said.value
    )
    assert panel.said.value.startswith("<p><strong>Q4 2026 ends at") and "more than as now" in panel.said.value
    panel.sliders["win_rate"].value = 0
    assert "than as now" not in panel.said.value


def test_every_lever_has_a_slider_and_the_price_only_where_its_effect_is_known(panel):
    assert set(panel.sliders) == set(scenarios.LEVERS)
    assert "price" not in widgets.levers(OUTLOOK, CHANCES, scenarios.scenario, RESPONSE.iloc[:0]).sliders


def test_no_output_widget_is_in_it(panel):
    kinds = {type(w) for w in panel.children}
    assert kinds == {ipywidgets.IntSlider, ipywidgets.HTML, ipywidgets.Image}


def test_the_furthest_moves_of_all_levers_are_allowed(panel):
    for side in (-widgets.FURTHEST, widgets.FURTHEST):
        for slider in panel.sliders.values():
            slider.value = side
        assert "nan" not in panel.said.value and "–" not in panel.said.value


def test_its_text_form_is_short(panel):
    assert repr(panel) == "sliders: win_rate, average_won, cycle_days, sellers, price"
