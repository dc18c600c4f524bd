"""How does a reader with a kernel move the levers? Sliders whose moves redraw a sentence and a picture.

No `Output` and no `interact`: they can keep a page from ever being done.
"""

from collections.abc import Callable

import ipywidgets
import pandas as pd

from quarterdeck.present.charts.forecast import scenario_rows
from quarterdeck.present.facts.forecast import LEVER_WORDS
from quarterdeck.present.narrative.forecast import scenario_takeaway
from quarterdeck.present.page import png
from quarterdeck.present.sentences import marked_up

FURTHEST = 30  # per cent, either way
DPI = 110  # a picture that is drawn again at each move


class Levers(ipywidgets.VBox):
    """Sliders, a sentence and a picture; `sliders` by lever."""

    def __init__(
        self, sliders: dict[str, ipywidgets.IntSlider], said: ipywidgets.HTML, drawn: ipywidgets.Image
    ) -> None:
        self.sliders, self.said, self.drawn = sliders, said, drawn
        super().__init__([*sliders.values(), said, drawn])

    def __repr__(self) -> str:
        return f"sliders: {', '.join(self.sliders)}"


def levers(
    basis: pd.DataFrame,
    chances: pd.DataFrame,
    recompute: Callable[..., pd.DataFrame],
    response: pd.DataFrame | None = None,
    currency: str = "EUR",
) -> Levers:
    """Give sliders that recompute the quarters' bookings at each move.

    Parameters
    ----------
    basis, chances, response : DataFrame
        As `analysis.scenarios` gives and takes them; without a response there is no slider for the price.
    recompute : callable
        `analysis.planning.scenarios.scenario`.
    """
    known = isinstance(response, pd.DataFrame) and len(response) > 0
    given = {"basis": basis, "chances": chances, "response": response if known else None}
    names = [lever for lever in LEVER_WORDS if lever in ("win_rate", "cycle_days", "average_won", "sellers")]
    sliders = {name: _slider(LEVER_WORDS[name]) for name in [*names, *(["price"] if known else [])]}
    panel = Levers(sliders, ipywidgets.HTML(), ipywidgets.Image(value=b"", format="png", layout={"display": "none"}))
    base = recompute(**given)

    def redraw(_: dict | None = None) -> None:
        moved = pd.DataFrame({name: [slider.value / 100] for name, slider in sliders.items()}, index=["so moved"])
        scenario = recompute(**given, changes=moved)
        panel.said.value = marked_up(scenario_takeaway(scenario, base, currency))
        panel.drawn.value, width = png(scenario_rows(scenario, base, currency=currency), DPI)
        panel.drawn.layout = {"width": f"{width}px", "max_width": "100%"}

    for slider in sliders.values():
        slider.observe(redraw, "value")
    panel.said.value = marked_up(scenario_takeaway(base, base, currency))
    return panel


def _slider(words: str) -> ipywidgets.IntSlider:
    wide = {"description_width": "10em"}
    text = {"description": words, "readout_format": "+d", "style": wide, "layout": {"width": "min(100%, 34em)"}}
    return ipywidgets.IntSlider(0, -FURTHEST, FURTHEST, continuous_update=False, **text)
