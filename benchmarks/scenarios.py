"""How long does one move of a slider take, against computing the same scenario again from the tables?

`make bench NAME=scenarios`. A move changes one lever of the demo company: the sums alone, and the whole move with its
sentence and its picture. The peer asks the plain functions for everything that the scenario stands on, from the tables.
All take turns; medians of seven. The last line is JSON.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from quarterdeck.analysis.pipeline import win_chances
from quarterdeck.analysis.planning import goal_seek, scenarios
from quarterdeck.analysis.sales import prices
from quarterdeck.analysis.team import ramp_up, skill
from quarterdeck.data import demo, snapshot
from quarterdeck.data.snapshot import Desk
from quarterdeck.present import widgets

ROUNDS, GOAL = 7, 200.0  # milliseconds


def grounds(desk: Desk) -> dict[str, pd.DataFrame]:
    """Compute from the tables what a scenario stands on."""
    chances, record = desk.ask(win_chances.chances), desk.ask(goal_seek.lever_record)
    ahead = desk.ask(win_chances.bookings_ahead, chances=chances)
    newcomers = desk.ask(ramp_up.newcomers, ramp=desk.ask(skill.ramp_length))
    outlook = desk.ask(scenarios.basis, chances=chances, ahead=ahead, record=record, newcomers=newcomers)
    response = desk.ask(scenarios.response, elasticity=desk.ask(prices.elasticity))
    return {"outlook": outlook, "chances": chances, "response": response}


def milliseconds(work: Callable[[], object]) -> float:
    """Time one piece of work."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


def main() -> None:
    """Take turns, print the medians and the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        snapshot.freeze(demo.generate()[0], folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
        desk = snapshot.open_desk("demo", data=str(folder))
    given = grounds(desk)
    panel = widgets.levers(**given, recompute=scenarios.scenario)
    took: dict[str, list[float]] = {"sums": [], "whole move": [], "peer": []}
    for k in range(1, ROUNDS + 1):
        moved = pd.DataFrame({"win_rate": [k / 100], "price": [-k / 100]})
        took["sums"].append(milliseconds(lambda m=moved: scenarios.scenario(**given, changes=m)))
        took["whole move"].append(milliseconds(lambda n=k: setattr(panel.sliders["win_rate"], "value", n)))
        took["peer"].append(milliseconds(lambda m=moved: scenarios.scenario(**grounds(desk), changes=m)))
    medians = {side: statistics.median(times) for side, times in took.items()}
    figures = {
        side: {
            "value": round(medians[side], 1),
            "peer": round(medians["peer"], 1),
            "ratio": round(medians[side] / medians["peer"], 4),
            "goal": GOAL,
            "better": "lower",
            "unit": "ms per move",
        }
        for side in ("sums", "whole move")
    }
    for side, row in figures.items():
        print(f"{side:11} {row['value']:8.1f} ms, from the tables {row['peer']:8.1f} ms (goal below {GOAL:g} ms)")
    print(json.dumps({"benchmark": "scenarios", "figures": figures}))


if __name__ == "__main__":
    main()
