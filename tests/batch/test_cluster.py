"""Does a Dask cluster execute the same plan? With a real scheduler and real workers, one of which is killed."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from conftest import PATIENCE, until
from quarterdeck import cli
from quarterdeck.batch import folders
from test_execute import entries, facts

TWO = ["--notebook", "executive_brief", "market_research"]
SLOW = """import os, time
while region == 'South' and not os.path.exists({gate!r}): time.sleep(0.05)"""
TINY = 'show(tables.kpi_tiles, measure(desk, "revenue"))'


def dask(root, *command):
    """Start a command of Dask's in a folder of its own; a kernel there is forked by the worker's own process."""
    env = {k: v for k, v in os.environ.items() if k not in ("QUARTERDECK_ZYGOTE", "ACME_DATA")}
    return subprocess.Popen([sys.executable, "-m", "dask", *command], cwd=root, env=env, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers that see nothing of the company's folder: its address, and their processes."""
    root = tmp_path_factory.mktemp("cluster")
    connection_file = root / "scheduler.json"
    known = ["--scheduler-file", str(connection_file)]
    scheduler = dask(root, "scheduler", *known, "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    until(connection_file.is_file)
    one = ["worker", *known, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
    workers = [dask(root, *one, "--local-directory", str(root / f"worker{i}")) for i in (1, 2)]
    address = until(lambda: json.loads(connection_file.read_text())["address"])
    yield address, workers
    for process in (*workers, scheduler):
        process.terminate()
        process.wait(PATIENCE)


def test_a_cluster_gives_the_figures_that_this_machine_gives(acme, cluster):
    address, _ = cluster
    assert cli.main(acme.command(*TWO, "--cluster", address)) == 0
    there = facts(acme)
    assert {e["state"] for e in there["notebooks"]} == {"done"} and len(there["notebooks"]) == 6
    assert cli.main(acme.command(*TWO, "--force")) == 0
    here = facts(acme)
    assert here["run"] != there["run"]
    assert [here[k] for k in ("kpis", "snapshot", "reconciliation")] == [
        there[k] for k in ("kpis", "snapshot", "reconciliation")
    ]
    assert cli.main(acme.command(*TWO, "--cluster", address)) == 0  # what the cluster made is taken over, as made here
    assert facts(acme)["run"] == here["run"]


def test_a_notebook_that_fails_on_a_worker_is_kept_aside(acme, cluster):
    address, workers = cluster
    acme.write_notebook("market_research", "1 / len(region.replace('South', ''))")
    assert cli.main(acme.command(*TWO, "--cluster", address)) == 1
    (run,) = folders.runs(acme.out / "acme")
    failed = {k: e["error"] for k, e in entries(acme, run.name).items() if e["state"] == "failed"}
    assert failed == {("south", "market_research"): "cell 4 under “How much?”: ZeroDivisionError: division by zero"}
    assert (run / "failed/south/market_research.ipynb").is_file()
    until(lambda: not any(p.children() for p in map(psutil.Process, (w.pid for w in workers))))  # nothing is left there


def test_a_killed_worker_takes_no_notebook_down(acme, cluster):  # the last of those that want two workers
    address, workers = cluster
    gate, begun = acme.root / "gate", acme.root / "begun"
    says = f"import os, pathlib\nif region == 'South': pathlib.Path({str(begun)!r}).write_text(str(os.getpid()))"
    acme.write_notebook("market_research", TINY, says, SLOW.format(gate=str(gate)))
    command = [sys.executable, "-m", "quarterdeck.cli", *acme.command(*TWO, "--cluster", address)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: (runs := folders.runs(acme.out / "acme")) and len(folders.pages(runs[0])) == 5)
    until(lambda: begun.is_file() and begun.read_text())
    kernel = psutil.Process(int(begun.read_text()))
    (busy,) = [w for w in workers if w.pid in [p.pid for p in kernel.parents()]]
    at_work = psutil.Process(busy.pid).children(recursive=True)
    assert kernel in at_work
    os.kill(busy.pid, signal.SIGKILL)
    assert not psutil.wait_procs(at_work, timeout=PATIENCE)[1]
    gate.touch()
    said, complained = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "Traceback" not in complained
    assert {e["state"] for e in entries(acme, "latest").values()} == {"done"} and len(entries(acme, "latest")) == 6
    assert "reconciled" in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ["--cluster", "tcp://127.0.0.1:1"],
            "no Dask scheduler answers at tcp://127.0.0.1:1; start one by: dask scheduler",
        ),
        (
            ["--cluster", "tcp://127.0.0.1:1", "--workers", "2"],
            "--workers counts notebooks on this machine; a Dask worker has its own --nthreads.",
        ),
    ],
)
def test_a_cluster_that_is_not_there_is_said_in_one_sentence(acme, capfd, more, said):
    assert cli.main(acme.command(*TWO, *more)) == 2
    assert capfd.readouterr().err == f"quarterdeck: {said}\n"
    assert not folders.runs(acme.out / "acme")


def test_without_the_package_one_sentence_says_what_to_install(acme, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)  # it is installed here: as Python marks a package that is not
    monkeypatch.delitem(sys.modules, "quarterdeck.batch.cluster", raising=False)
    assert cli.main(acme.command(*TWO, "--cluster", "tcp://127.0.0.1:1")) == 2
    assert capsys.readouterr().err == (
        "quarterdeck: --cluster needs the package distributed; install it by: pip install distributed\n"
    )
