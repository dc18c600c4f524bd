"""How fast is a run against a plain papermill loop over the same notebooks and the same frozen tables?

`make bench NAME=batch`. Both sides execute the demo's notebooks for every region (or for those named as arguments); they take
turns, and the medians of three rounds are compared. Then a kernel's start and memory against the stock kernel's, an unchanged
run, and a thousand tiny notebooks. The last line is JSON.
"""

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import papermill
import psutil
from jupyter_client.manager import KernelManager

from quarterdeck.batch import kernels
from quarterdeck.batch.crew import Limits
from quarterdeck.batch.execute import run
from quarterdeck.batch.plan import plan, region_files
from quarterdeck.batch.preload import LIBRARIES

ROOT = Path(__file__).parent.parent
PARAMS, NOTEBOOKS = ROOT / "params" / "demo", ROOT / "notebooks"
REGIONS = sys.argv[1:] or list(region_files(PARAMS))
ROUNDS, TINY, MEGABYTE = 3, 1000, 1 << 20
Figure = dict[str, float | str]


def by_quarterdeck(out: Path, workers: int) -> tuple[float, float]:
    """Give the seconds of a whole run, and the share of it, per worker, that was the notebooks' own computing."""
    begun = time.perf_counter()
    folder, facts = run(PARAMS, out, NOTEBOOKS, REGIONS, limits=Limits(workers), force=True)
    took = time.perf_counter() - begun
    assert all(e["state"] == "done" for e in facts["notebooks"]), folder
    own = sum(computing(folder / e["region"] / f"{e['notebook']}.ipynb") for e in facts["notebooks"])
    return took, own / took / workers


def computing(notebook: Path) -> float:
    """Add up the seconds of a notebook's cells."""
    cells = nbformat.read(notebook, as_version=4).cells
    return sum(c.metadata.get("papermill", {}).get("duration") or 0.0 for c in cells)


def by_papermill(data: Path, work: Path) -> float:
    """Give the seconds of the loop that anybody would write: one notebook after the other, each in a kernel of its own."""
    begun = time.perf_counter()
    for job in plan(PARAMS, NOTEBOOKS, REGIONS, [], data=str(data)):
        target = work / f"{job.region}-{job.notebook}.ipynb"
        papermill.execute_notebook(job.file, target, job.parameters, kernel_name="python3", progress_bar=False)
    return time.perf_counter() - begun


def whole_runs(work: Path) -> dict[str, Figure]:
    """Compare runs of everything."""
    first, _ = run(PARAMS, work / "first", NOTEBOOKS, ["company"], ["executive_brief"])  # the demo company is generated
    shutil.copytree(work / "first" / "demo" / "source", work / "out" / "demo" / "source")
    loop, one, two = [], [], []
    for _ in range(ROUNDS):
        loop.append(by_papermill(first / "data", work))
        one.append(by_quarterdeck(work / "out", 1))
        two.append(by_quarterdeck(work / "out", 2))
    peer = statistics.median(loop)
    told = {}
    for name, took, goal in (("one worker", one, 10.0), ("two workers", two, 18.0)):
        seconds, share = (statistics.median(column) for column in zip(*took, strict=True))
        told[name] = figure(
            seconds, peer, peer / seconds, goal, "higher", "seconds; times faster than a papermill loop"
        )
        told[f"{name}: own computing"] = figure(share, 1.0, share, 0.7, "higher", "of a core's wall time")
    return told


def started(name: str, work: Path) -> tuple[float, float]:
    """Start a kernel with the libraries imported; give the seconds to its first answer, and its own memory in megabytes."""
    begun = time.perf_counter()
    given = {"transport": "ipc", "ip": str(work / f"k{time.monotonic_ns()}")}
    manager = KernelManager(kernel_name=name, **given)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.kernel_info()
        client.get_shell_msg(timeout=60)
        ready = time.perf_counter() - begun
        if name == "python3":  # the forked one has them already
            client.execute_interactive(
                f"import importlib\nfor m in {LIBRARIES!r}: importlib.import_module(m)", timeout=120
            )
            ready = time.perf_counter() - begun
        return ready, own_memory(manager.provisioner.pid)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def own_memory(pid: int) -> float:
    """Give the megabytes that no other process shares."""
    told = psutil.Process(pid).memory_full_info()
    return told.uss / MEGABYTE


def kernel_starts(work: Path) -> dict[str, Figure]:
    """Compare a kernel's start, and what it holds when idle."""
    started(kernels.KERNEL, work)  # the forking process itself
    stock, forked = [], []
    for _ in range(5):
        stock.append(started("python3", work))
        forked.append(started(kernels.KERNEL, work))
    (slow, large), (quick, small) = ([statistics.median(c) for c in zip(*x, strict=True)] for x in (stock, forked))
    return {
        "start to ready": figure(quick, slow, slow / quick, 0.25, "lower", "seconds, libraries imported"),
        "memory of an idle kernel": figure(small, large, large / small, 40.0, "lower", "MB of its own"),
    }


def unchanged(work: Path) -> dict[str, Figure]:
    """Time the command where nothing has changed, from its start to its end."""
    command = [sys.executable, "-m", "quarterdeck.cli", "run", str(PARAMS), "--out", str(work / "again")]
    command += ["--notebook", "executive_brief"]
    psutil.Popen(command, stdout=-3).wait()
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        psutil.Popen(command, stdout=-3).wait()
        took.append(time.perf_counter() - begun)
    return {"unchanged": figure(statistics.median(took), 1.0, 1.0 / statistics.median(took), 1.0, "lower", "seconds")}


def tiny_notebooks(work: Path) -> dict[str, Figure]:
    """Run a thousand notebooks that do nothing; give the seconds for each, and by how much the runner grew."""
    folder = work / "tiny" / "params" / "demo"
    folder.mkdir(parents=True)
    shutil.copy(PARAMS / "source.yaml", folder)
    for number in range(TINY):
        (folder / f"page{number}.yaml").write_text("company: demo\nregion: company\n")
    notebooks = work / "tiny" / "notebooks"
    notebooks.mkdir()
    cell = nbformat.v4.new_code_cell(
        "company = ''\nregion = ''\nas_of = ''\ndata = ''", metadata={"tags": ["parameters"]}
    )
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), notebooks / "executive_brief.ipynb")
    shutil.copytree(work / "first" / "demo" / "source", work / "tiny" / "out" / "demo" / "source")
    sizes = []
    begun = time.perf_counter()
    run(folder, work / "tiny" / "out", notebooks, [], ["executive_brief"], tell=lambda steps, _: watched(steps, sizes))
    each = (time.perf_counter() - begun) / TINY
    early, late = statistics.median(sizes[50:150]), statistics.median(sizes[-100:])
    return {
        "a tiny notebook": figure(
            each, 0.3, 0.3 / each, 0.3, "lower", "seconds of wall time, as many at a time as cores"
        ),
        "growth of the runner": figure(late - early, early, late / early, 10.0, "lower", f"MB over {TINY} notebooks"),
    }


def watched(steps, sizes: list[float]):
    """Pass on what ends, and note the runner's memory each time."""
    for step in steps:
        assert step["state"] == "done", step
        sizes.append(psutil.Process().memory_info().rss / MEGABYTE)
        yield step


def figure(value: float, peer: float, ratio: float, goal: float, better: str, unit: str) -> Figure:
    """Say a figure, as every benchmark says it."""
    rounded = {"value": round(value, 3), "peer": round(peer, 3), "ratio": round(ratio, 2)}
    return rounded | {"goal": goal, "better": better, "unit": unit}


def main() -> None:
    """Measure, print a table, and the JSON."""
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory(prefix="qb-") as name:
        for measure in (whole_runs, kernel_starts, unchanged, tiny_notebooks):
            for title, told in measure(Path(name)).items():
                figures[title] = told
                against = f"{told['value']:9.3f} against {told['peer']:9.3f}: {told['ratio']:7.2f} ×"
                print(f"{title:32} {against} (goal {told['goal']:g}; {told['unit']})", flush=True)
    print(json.dumps({"benchmark": "batch", "figures": figures}))


if __name__ == "__main__":
    main()
