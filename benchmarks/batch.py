"""How fast is a run against a plain papermill loop over the same notebooks and the same frozen tables?

`make bench NAME=batch`. Both sides execute the demo's notebooks for the company and one region; they take turns, and
the medians of three rounds are compared. The last line is JSON.
"""

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import papermill

from quarterdeck.batch.crew import Limits
from quarterdeck.batch.execute import run
from quarterdeck.batch.plan import plan

ROOT = Path(__file__).parent.parent
PARAMS, NOTEBOOKS, REGIONS = ROOT / "params" / "demo", ROOT / "notebooks", ["company", "north_sea"]
ROUNDS, GOAL = 3, {"one worker": 10.0, "two workers": 18.0}


def by_quarterdeck(out: Path, workers: int) -> float:
    """Seconds of a whole run."""
    begun = time.perf_counter()
    folder, facts = run(PARAMS, out, NOTEBOOKS, REGIONS, limits=Limits(workers), force=True)
    assert all(e["state"] == "done" for e in facts["notebooks"]), folder
    return time.perf_counter() - begun


def by_papermill(data: Path, work: Path) -> float:
    """Seconds of the loop that anybody would write: one notebook after the other, each in a kernel of its own."""
    begun = time.perf_counter()
    for job in plan(PARAMS, NOTEBOOKS, REGIONS, [], data=str(data)):
        target = work / f"{job.region}-{job.notebook}.ipynb"
        papermill.execute_notebook(job.file, target, job.parameters, kernel_name="python3", progress_bar=False)
    return time.perf_counter() - begun


def main() -> None:
    """Take turns, print the medians and the ratios."""
    seconds: dict[str, list[float]] = {"peer": [], "one worker": [], "two workers": []}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        first, _ = run(
            PARAMS, work / "first", NOTEBOOKS, ["company"], ["executive_brief"]
        )  # the demo company is generated
        shutil.copytree(work / "first" / "demo" / "source", work / "out" / "demo" / "source")
        for _ in range(ROUNDS):
            seconds["peer"].append(by_papermill(first / "data", work))
            seconds["one worker"].append(by_quarterdeck(work / "out", 1))
            seconds["two workers"].append(by_quarterdeck(work / "out", 2))
    medians = {side: statistics.median(took) for side, took in seconds.items()}
    figures = {
        side: {
            "value": round(medians[side], 2),
            "peer": round(medians["peer"], 2),
            "ratio": round(medians["peer"] / medians[side], 2),
            "goal": goal,
            "better": "higher",
            "unit": "times faster than a papermill loop",
        }
        for side, goal in GOAL.items()
    }
    for side, told in figures.items():
        print(
            f"{side:12} {told['value']:7.1f} s, papermill loop {told['peer']:7.1f} s: {told['ratio']:.2f} × (goal {told['goal']:g})"
        )
    print(json.dumps({"benchmark": "batch", "figures": figures}))


if __name__ == "__main__":
    main()
