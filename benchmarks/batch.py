"""How fast is a run against a plain papermill loop over the same notebooks and the same frozen tables?

`make bench NAME=batch ARGS="whole"`: the parts that are named as arguments, or all but `whole` and `regions`.

- `region`: all notebooks for one region; `whole`: for every region. Both sides take turns, and the medians of three rounds are
  compared, in wall time and in processor time, which other work on the machine disturbs less. There are two loops: over the
  notebooks as they were at the commit `BEFORE`, by the library of that commit (taken from git; the packages are today's), and
  over the notebooks and the library as they are now.
- `regions`: what a region more costs, in a company of 7 regions and in one of 77, of which three are run; the first page of a
  run of 200.
- `typical`: the same for a notebook whose own work takes half a second: a query, a fit and three pictures.
- `starts`: a kernel's start and memory against the stock kernel's.
- `unchanged`: the command where nothing has changed. `stopped`: Ctrl-C during a run.
- `tiny`: a thousand notebooks that do nothing.

The last line is JSON.
"""

import contextlib
import io
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from jupyter_client.manager import KernelManager
from serving import OURS, lay_out, seconds, serving

from companies import of_regions
from quarterdeck.batch import fork_server, kernels
from quarterdeck.batch.execute import RunOptions, run
from quarterdeck.batch.plan import region_files
from quarterdeck.batch.preload import LIBRARIES
from quarterdeck.batch.workers import Limits

ROOT = Path(__file__).parent.parent
PARAMS, NOTEBOOKS = ROOT / "params" / "demo", ROOT / "notebooks"
ROUNDS, TINY, TYPICAL, MEGABYTE = 3, 1000, 12, 1 << 20
BEFORE = "868d519"  # the notebooks and the library that a run's speed is held against
SAMPLE = 3  # regions of a large company that are run
LOOP = """import json, sys, papermill
from pathlib import Path
from quarterdeck.batch.plan import plan
params, notebooks, regions, names, data, work = json.loads(sys.argv[1])
for job in plan(Path(params), Path(notebooks), regions, names, data=data):
    target = f"{work}/{job.region}-{job.notebook}.ipynb"
    papermill.execute_notebook(job.file, target, job.parameters, kernel_name="python3", progress_bar=False)
"""  # what anybody would write: one notebook after the other, each in a kernel of its own
ONE, NAME = "north_sea", "executive_brief"
COMMAND = [sys.executable, "-m", "quarterdeck.cli", "run", str(PARAMS)]
WORK = [
    """import duckdb, numpy as np, pandas as pd, seaborn as sns
from matplotlib import pyplot as plt
from statsforecast.models import AutoETS
sales = duckdb.sql('''select date_trunc('month', date '2019-01-01' + interval (i) day) as month,
    sum(100 + 20 * sin(i / 58)) as value from range(2557) as t(i) group by 1 order by 1''').df()""",
    "ahead = AutoETS(season_length=12).forecast(sales['value'].to_numpy(), h=12, level=[80])",
    "sns.lineplot(sales, x='month', y='value'); plt.plot([])",
    "plt.figure(); sns.histplot(sales['value']); plt.plot([])",
    "plt.figure(); plt.fill_between(range(12), ahead['lo-80'], ahead['hi-80']); plt.plot(ahead['mean'])",
]  # what the notebook does for which the loop's time was first measured
Figure = dict[str, float | str]


@dataclass(frozen=True)
class Batch:
    """Which notebooks are run for which regions (none named: for all), on which frozen tables."""

    what: str
    params: Path
    notebooks: Path
    regions: list[str]
    names: list[str]
    data: Path


def by_quarterdeck(batch: Batch, out: Path, workers: int) -> tuple[float, float, float]:
    """Give a run's seconds, of wall and of processors, and the share per worker that was the notebooks' own computing."""
    begun = spent()
    asked = batch.params, out, batch.notebooks, batch.regions, batch.names
    folder, facts = run(RunOptions(*asked, force=True), Limits(workers))
    wall, busy = (now - then for now, then in zip(spent(), begun, strict=True))
    assert all(e["state"] == "done" for e in facts["notebooks"]), folder
    own = sum(computing(folder / e["region"] / f"{e['notebook']}.ipynb") for e in facts["notebooks"])
    return wall, busy, own / wall / workers


def spent() -> tuple[float, float]:
    """Give a clock's seconds, and those that processors gave to this process and to those that it has seen end."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(u.ru_utime + u.ru_stime for u in used)


def computing(notebook: Path) -> float:
    """Add up the seconds of a notebook's cells."""
    cells = nbformat.read(notebook, as_version=4).cells
    return sum(c.metadata.get("papermill", {}).get("duration") or 0.0 for c in cells)


def by_papermill(batch: Batch, work: Path, library: Path = ROOT / "lib") -> tuple[float, float]:
    """Give the seconds of the loop that anybody would write, with a library of Quarterdeck."""
    begun = spent()
    given = [str(batch.params), str(batch.notebooks), batch.regions, batch.names, str(batch.data), str(work)]
    subprocess.run(
        [sys.executable, "-c", LOOP, json.dumps(given)], env=with_library(library), check=True, capture_output=True
    )
    return tuple(now - then for now, then in zip(spent(), begun, strict=True))


def with_library(library: Path) -> dict[str, str]:
    """Give an environment whose processes, and the kernels that they start, import Quarterdeck from a folder."""
    return os.environ | {"PYTHONPATH": str(library)}


def before(batch: Batch, work: Path) -> tuple[Batch, Path]:
    """Give a batch over the notebooks of the commit `BEFORE`, on tables frozen by its library; and that library."""
    folder = work / "before"
    if not folder.is_dir():
        command = ["git", "-C", str(ROOT), "archive", BEFORE, "lib", "notebooks", "params/demo"]
        content = subprocess.run(command, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(folder, filter="data")
        shutil.copytree(work / "out" / "demo" / "source", folder / "out" / "demo" / "source")
        asked = ["--region", "company", "--notebook", NAME, "--out", str(folder / "out")]
        run_once = [sys.executable, "-m", "quarterdeck.cli", "run", str(folder / "params/demo"), *asked]
        subprocess.run(run_once, env=with_library(folder / "lib"), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    data = folder / "out" / "demo" / "latest" / "data"
    earlier = Batch(batch.what, folder / "params/demo", folder / "notebooks", batch.regions, batch.names, data)
    return earlier, folder / "lib"


def one_region(work: Path) -> dict[str, Figure]:
    """Compare runs of all notebooks for one region."""
    return held_against_both(Batch(ONE, PARAMS, NOTEBOOKS, [ONE], [], generated(work)), work)


def whole_runs(work: Path) -> dict[str, Figure]:
    """Compare runs of everything."""
    regions = region_files(PARAMS)
    return held_against_both(
        Batch(f"{len(regions)} regions", PARAMS, NOTEBOOKS, list(regions), [], generated(work)), work
    )


def typical_notebooks(work: Path) -> dict[str, Figure]:
    """Compare runs of a notebook whose own work is a query, a fit and three pictures."""
    folder, data = work / "typical", generated(work)
    shutil.copytree(work / "out" / "demo" / "source", folder / "out" / "demo" / "source")
    return compared(Batch(f"{TYPICAL} typical notebooks", *made_up(folder, TYPICAL, WORK), [], [NAME], data), folder)


def held_against_both(batch: Batch, work: Path) -> dict[str, Figure]:
    """Compare runs of a batch against the loop over today's notebooks, and over those of `BEFORE`."""
    return compared(batch, work, {"": (batch, ROOT / "lib"), f", loop of {BEFORE}": before(batch, work)})


def compared(batch: Batch, work: Path, peers: dict[str, tuple[Batch, Path]] | None = None) -> dict[str, Figure]:
    """Compare runs of a batch, one worker and two, against loops: by name, what each runs and with which library."""
    peers = peers or {"": (batch, ROOT / "lib")}
    loops, runs = {name: [] for name in peers}, {"one worker": [], "two workers": []}
    for _ in range(ROUNDS):
        for name, (asked, library) in peers.items():
            loops[name].append(by_papermill(asked, work, library))
        for count, took in enumerate(runs.values(), 1):
            took.append(by_quarterdeck(batch, work / "out", count))
    figures = {}
    for (workers, took), goal in zip(runs.items(), (4.0, 7.0), strict=True):
        wall, busy, share = (statistics.median(column) for column in zip(*took, strict=True))
        for name, loop in loops.items():
            peer, peer_busy = (statistics.median(column) for column in zip(*loop, strict=True))
            title, unit = f"{batch.what}, {workers}{name}", "seconds; times faster than a papermill loop"
            figures[title] = figure(wall, peer, peer / wall, goal, "higher", unit)
            figures[f"{title}: processors"] = figure(busy, peer_busy, peer_busy / busy, goal, "higher", unit)
        figures[f"{batch.what}, {workers}: own computing"] = figure(share, 1.0, share, 0.7, "higher", "of wall time")
    return figures


def many_regions(work: Path) -> dict[str, Figure]:
    """Compare what a region costs in a company of seven regions and in one of 77, and time the first page of a large run."""
    took, figures = {}, {}
    for count in (7, 77):
        params, data = of_regions(count, work / f"of{count}", PARAMS, scale=1.0)
        took[count] = each_region(params, data, work / f"of{count}" / "out")
    (few, small), (many, large) = took[7], took[77]
    figures["a region of 77"] = figure(many, few, many / few, 1.15, "lower", "processor seconds, against one of 7")
    figures["memory of its notebooks"] = figure(
        large, small, large / small, 1.15, "lower", "MB of one process, at most"
    )
    outputs = work / "served"
    run(RunOptions(PARAMS, outputs, NOTEBOOKS, ["company"], ["executive_brief", "market_research"]))
    lay_out(outputs)
    with serving([*OURS, str(outputs)], "/") as (port, _):
        first = statistics.median(seconds(port, "/") for _ in range(20)) * 1e3
    return figures | {"first page of 200 regions": figure(first, 100.0, 100.0 / first, 100.0, "lower", "ms")}


def each_region(params: Path, data: Path, out: Path) -> tuple[float, float]:
    """Run some regions of a company; give the processor seconds of one, and the megabytes of the largest process."""
    regions = [f"region_{number:02d}" for number in range(1, SAMPLE + 1)]
    begun: list[float] = []

    def noted(steps: Iterator, _: int, unit: str) -> Iterator:
        begun.append(of_children(server.process.pid))
        return steps

    with forking() as server, largest(server.process.pid) as sizes:
        run(RunOptions(params, out, NOTEBOOKS, regions, data=data, force=True), Limits(1), noted)
        spent_on = of_children(server.process.pid) - begun[-1]  # without the company-wide answers
    return spent_on / SAMPLE, max(sizes)


@contextlib.contextmanager
def forking() -> Iterator[fork_server.ForkServer]:
    """Have runs use a fork server of our own, whose children we can count."""
    server = fork_server.ForkServer()
    os.environ[fork_server.ADDRESS] = server.address
    try:
        yield server
    finally:
        del os.environ[fork_server.ADDRESS]
        server.close()


def of_children(pid: int) -> float:
    """Give the processor seconds of a process's children that have ended."""
    times = psutil.Process(pid).cpu_times()
    return times.children_user + times.children_system


@contextlib.contextmanager
def largest(pid: int) -> Iterator[list[float]]:
    """Note, five times a second, the most megabytes that a descendant of a process has by itself."""
    sizes, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            for process in psutil.Process(pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    sizes.append(own_memory(process.pid))

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield sizes
    finally:
        over.set()
        watching.join()


def generated(work: Path) -> Path:
    """Have the demo company generated, once; give the folder of a snapshot of it, and leave its source where runs look for it."""
    source = work / "out" / "demo" / "source"
    if not source.is_dir():
        run(RunOptions(PARAMS, work / "first", NOTEBOOKS, ["company"], ["executive_brief"]))
        shutil.copytree(work / "first" / "demo" / "source", source)
    return work / "first" / "demo" / "latest" / "data"


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
    memory = psutil.Process(pid).memory_full_info()
    return memory.uss / MEGABYTE


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
    command = [*COMMAND, "--out", str(work / "again"), "--notebook", "executive_brief"]
    assert psutil.Popen(command, stdout=-3).wait() == 0
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        assert psutil.Popen(command, stdout=-3).wait() == 0
        took.append(time.perf_counter() - begun)
    return {"unchanged": figure(statistics.median(took), 1.0, 1.0 / statistics.median(took), 1.0, "lower", "seconds")}


def stopped(work: Path) -> dict[str, Figure]:
    """Prerenderer Ctrl-C while a run's notebooks are at work; give the seconds until the command has ended."""
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job ignores it, and what it starts does too
    generated(work)
    company, took = work / "out" / "demo", []
    for _ in range(5):
        earlier = set(company.glob("20*"))
        runner = psutil.Popen([*COMMAND, "--out", str(work / "out"), "--region", ONE, "--force"], stdout=-3, stderr=-3)
        while not any(list(f.glob(".drafts/*")) for f in set(company.glob("20*")) - earlier):
            time.sleep(0.05)
        time.sleep(3)  # now kernels compute
        begun = time.perf_counter()
        runner.send_signal(signal.SIGINT)
        assert runner.wait() == 130
        took.append(time.perf_counter() - begun)
    return {"stopped": figure(statistics.median(took), 2.0, 2.0 / statistics.median(took), 2.0, "lower", "seconds")}


def tiny_notebooks(work: Path) -> dict[str, Figure]:
    """Run a thousand notebooks that do nothing; give the seconds for each, and by how much the runner grew."""
    params, notebooks = made_up(work / "tiny", TINY, [])
    generated(work)
    shutil.copytree(work / "out" / "demo" / "source", work / "tiny" / "out" / "demo" / "source")
    sizes = []
    begun = time.perf_counter()
    options = RunOptions(params, work / "tiny" / "out", notebooks, only=[NAME])
    run(options, progress=lambda steps, _, unit: watched(steps, sizes) if unit == "notebook" else steps)
    each = (time.perf_counter() - begun) / TINY
    early, late = statistics.median(sizes[50:150]), statistics.median(sizes[-100:])
    return {
        "a tiny notebook": figure(
            each, 0.3, 0.3 / each, 0.3, "lower", "seconds of wall time, as many at a time as cores"
        ),
        "growth of the runner": figure(late - early, early, late / early, 10.0, "lower", f"MB over {TINY} notebooks"),
    }


def made_up(work: Path, count: int, cells: list[str]) -> tuple[Path, Path]:
    """Lay out a notebook of these cells, and so many parameter files that each ask for it once; give both folders."""
    params, notebooks = work / "params" / "demo", work / "notebooks"
    params.mkdir(parents=True)
    shutil.copy(PARAMS / "source.yaml", params)
    for number in range(count):
        (params / f"page{number}.yaml").write_text("company: demo\nregion: company\n")
    notebooks.mkdir()
    first = nbformat.v4.new_code_cell(
        "company = ''\nregion = ''\nas_of = ''\ndata = ''", metadata={"tags": ["parameters"]}
    )
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    rest = [nbformat.v4.new_code_cell(text) for text in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=[first, *rest], metadata=kernel), notebooks / f"{NAME}.ipynb")
    return params, notebooks


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


PARTS = {
    "region": one_region,
    "whole": whole_runs,
    "regions": many_regions,
    "starts": kernel_starts,
    "unchanged": unchanged,
    "stopped": stopped,
    "tiny": tiny_notebooks,
    "typical": typical_notebooks,
}


def main() -> None:
    """Measure, print a table, and the JSON."""
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory(prefix="qb-") as name:
        for part in sys.argv[1:] or [part for part in PARTS if part not in ("whole", "regions")]:
            for title, row in PARTS[part](Path(name)).items():
                figures[title] = row
                against = f"{row['value']:9.3f} against {row['peer']:9.3f}: {row['ratio']:7.2f} ×"
                print(f"{title:42} {against} (goal {row['goal']:g}; {row['unit']})", flush=True)
    print(json.dumps({"benchmark": "batch", "figures": figures}))


if __name__ == "__main__":
    main()
