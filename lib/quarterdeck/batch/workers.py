"""Which processes execute a run's notebooks, and what happens when one of them is killed?

There is one process that forks, one that has read the snapshot, one for each region at work that has cut it to the region,
and for each notebook at a time one that executes it by papermill and one that is its kernel, forked from its region's. Each
may be killed at any moment: that of a notebook takes this notebook down and no other; one that others are forked from is
replaced, and the notebooks begin again.
"""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from quarterdeck.batch import folders, fork_server, incremental, kernels, machine
from quarterdeck.batch.params import WORKBOOKS
from quarterdeck.batch.plan import Job
from quarterdeck.batch.record import RECORDED
from quarterdeck.batch.shared_start import RunStarts

SECONDS = 1800.0  # that a notebook may take by default
GRACE = 30  # seconds more, after which the process that executes it is taken for hung as well
ATTEMPTS = 3  # at a notebook whose forking process was killed
EXECUTE = "quarterdeck.batch.notebook"
ANALYSIS, PRESENT, STYLE = "quarterdeck.analysis", "quarterdeck.present", "quarterdeck.present.style"
SPECS = Path(__file__).parent / "jupyter"


@dataclass(frozen=True)
class Limits:
    """What a run may take: notebooks at a time (by default as the machine can), seconds and bytes for each.

    `cluster` is the address of the Dask scheduler whose workers are to execute; empty for this machine.
    """

    workers: int | None = None
    seconds: float = SECONDS
    memory: int = 0
    cluster: str = ""


@dataclass(frozen=True)
class Step:
    """A job, what its page would be made of, why it has to run (nothing where it has not) and its earlier page."""

    job: Job
    made_of: dict[str, Any]
    why: str
    page: incremental.Page | None
    seconds: float  # that it took the last time

    def labels(self) -> dict[str, str]:
        """Name its region and notebook, as each record of a run does."""
        return {"region": self.job.region, "notebook": self.job.notebook}


class WorkerPool:
    """The processes of a run: one that forks, and one for each notebook at a time."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.ended = limits, False
        self.lock, self.running = threading.Lock(), set()
        self.fork_servers: list[fork_server.ForkServer] = []  # the last of them at work
        self.address = os.environ.get(fork_server.ADDRESS) or self._new_fork_server()
        near = (
            os.path.dirname(self.address) or fork_server.place()
        )  # what is left of a killed run goes with its fork server
        self.sockets = tempfile.mkdtemp(prefix="qd-", dir=near)
        self.numbers = itertools.count()  # of sockets: a region's name may be long
        self.starts = RunStarts()

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """End every process and remove the folder of sockets."""
        self.end()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def end(self) -> None:
        """End every process, and start no more."""
        with self.lock:
            self.ended = True
            for process in self.running:
                process.kill()
            for process in self.running:  # before the fork server: one that sees it end would start another
                with contextlib.suppress(TimeoutError, subprocess.TimeoutExpired):
                    process.wait(1)
            self.starts.end()
            while self.fork_servers:
                self.fork_servers.pop().close()

    def executed(self, steps: list[Step], frozen: dict, folder: Path) -> Iterator[dict]:
        """Give each step's outcome as it ends.

        Parameters
        ----------
        steps : list of Step
            What to execute, in the order in which to start.
        frozen : dict
            What the snapshot says of itself (`snapshot.json`).
        folder : Path
            The run's folder.

        Yields
        ------
        dict
            region, notebook, state ("done" or "failed"), made_in, error, seconds, made_of, and by kind what was recorded.
        """
        count = min(self.limits.workers or machine.workers(), len(steps))
        pool = ThreadPoolExecutor(count)
        ordered = by_region(steps)
        try:
            for future in as_completed([pool.submit(self.execute, step, frozen, folder) for step in ordered]):
                yield future.result()
        except BaseException:  # Ctrl-C, or nobody takes the outcomes any more
            self.end()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def execute(self, step: Step, frozen: dict, folder: Path) -> dict:
        """Execute one notebook in a process of its own.

        Returns
        -------
        dict
            Its outcome, as in `executed`; where the process was lost, a failed one that says so.
        """
        request = _request(step, frozen, folder, f"{self.sockets}/{next(self.numbers)}", self.limits.seconds)
        outcome, error = Path(request["outcome"]), ""
        outcome.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(ATTEMPTS):
            for left in (outcome, Path(request["aside"])):
                left.unlink(missing_ok=True)
            error, again = self._watched(EXECUTE, request)
            if not again or _succeeded(outcome):
                break
        if not outcome.is_file():
            return lost(step, folder, error)
        result = json.loads(outcome.read_text(encoding="utf-8"))
        state = "failed" if result["error"] else "done"
        return step.labels() | {"state": state, "made_in": folder.name} | result

    def called(self, module: str, request: dict) -> None:
        """Have a module's `work` done in a process of its own; once more where the process that forks them was killed."""
        for _ in range(ATTEMPTS):
            if not self._watched(module, request)[1]:
                return

    def _watched(self, module: str, request: dict) -> tuple[str, bool]:
        """Start a process and wait for its end; say what happened to it, and whether one that forks was killed meanwhile."""
        process = None
        try:
            process, forking = self._start(module, request)
            process.wait(self.limits.seconds + GRACE)
            killed = not self.ended and not all(map(fork_server.alive, forking))
            return _why_lost(process.returncode), killed
        except (subprocess.TimeoutExpired, TimeoutError):
            if process:
                process.kill()
            return f"it took longer than the {self.limits.seconds:g} seconds it is given", False
        except OSError as error:
            return f"no process could be started for it ({error})", True
        finally:
            if module == EXECUTE:
                self.starts.left(request)
            with self.lock:
                self.running.discard(process)

    def _start(self, module: str, request: dict) -> tuple[Any, list[str]]:
        """Start a process; give also the addresses of the processes that it, and a notebook's kernel, are forked from."""
        with self.lock:
            if self.ended:
                raise OSError("the run has been stopped")
            if self.address and not fork_server.alive(self.address):  # it was killed
                self.address = self._new_fork_server()
            environment = self._environment()
        process, forking = self._begun(module, request, environment)  # without the lock: it may take seconds
        with self.lock:
            self.running.add(process)
            if self.ended:
                process.kill()
        return process, forking

    def _begun(self, module: str, request: dict, environment: dict[str, str]) -> tuple[Any, list[str]]:
        address = near = environment[fork_server.ADDRESS]
        if not address:
            return _spawned(module, request, environment), []
        if module == EXECUTE:
            near = self.starts.taken(request, _modules(Path(request["file"]).parent), environment) or address
        return _forked(address, module, request, environment | {fork_server.ADDRESS: near}), [address, near]

    def _new_fork_server(self) -> str:
        if kernels.cannot_fork():
            return ""
        try:
            self.fork_servers.append(fork_server.ahead.pop() if fork_server.ahead else fork_server.ForkServer())
        except OSError as error:
            kernels.warn_once(f"the process that forks them could not be started ({error})")
            return ""
        return self.fork_servers[-1].address

    def _environment(self) -> dict[str, str]:
        paths = [str(SPECS), os.environ.get("JUPYTER_PATH")]
        return os.environ | fork_server.ONE_THREAD | {
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_PATH": os.pathsep.join(p for p in paths if p),
            "JUPYTER_RUNTIME_DIR": self.sockets,
            fork_server.ADDRESS: self.address,
            kernels.MEMORY_LIMIT: str(self.limits.memory),
        }  # fmt: skip


def place(job: Job, folder: Path, state: str) -> Path:
    """Give the path of a page in a run's folder.

    Parameters
    ----------
    job : Job
        The notebook and its region.
    folder : Path
        The run's folder.
    state : str
        Where it is "failed", the path is below the folder of failed notebooks.
    """
    return (folder / folders.ASIDE if state == "failed" else folder) / job.region / f"{job.notebook}.ipynb"


def lost(step: Step, folder: Path, error: str) -> dict:
    """Give the outcome of a notebook whose process left none: failed, with no figures."""
    failed = {"state": "failed", "made_in": folder.name, "error": error, "seconds": 0.0, "made_of": step.made_of}
    return step.labels() | failed | {kind: [] for kind in RECORDED}


def _why_lost(status: int) -> str:
    """Say what may have happened to a process that left no outcome of its notebook."""
    return "the process that ran it was killed" if status < 0 else "its outcome could not be written: is the disk full?"


def _request(step: Step, frozen: dict, folder: Path, sockets: str, seconds: float) -> dict[str, Any]:
    """Describe for the process of one notebook what to do, in values that JSON can hold."""
    job, drafts = step.job, folder / ".drafts" / step.job.region
    return {
        "file": str(job.file),
        "draft": str(drafts / f"{job.notebook}.ipynb"),
        "place": str(place(job, folder, "done")),
        "aside": str(place(job, folder, "failed")),
        "outcome": str(drafts / f"{job.notebook}.json"),
        "parameters": job.parameters,
        "cwd": str(folder.resolve()),
        "sockets": sockets,
        "seconds": seconds,
        "made_of": step.made_of,
        "parts": frozen["parts"],
        "recorded": RECORDED,
    }


def by_region(steps: list[Step]) -> list[Step]:
    """Order steps such that those of a region follow one another, the regions in the order of the first step of each."""
    regions = {step.job.region: number for number, step in reversed(list(enumerate(steps)))}
    return sorted(steps, key=lambda step: regions[step.job.region])


def _succeeded(outcome: Path) -> bool:
    return outcome.is_file() and not json.loads(outcome.read_text(encoding="utf-8"))["error"]


@cache
def _modules(notebooks: Path) -> list[str]:
    """List the modules that the notebooks of a folder reach.

    Those of `present` change how every picture looks, so they are listed only where each of the notebooks reaches its style.
    """
    reached = [incremental.reached(file) for name in WORKBOOKS if (file := notebooks / f"{name}.ipynb").is_file()]
    rooms = [ANALYSIS, PRESENT] if all(STYLE in names for names in reached) else [ANALYSIS]
    return sorted(name for name in set().union(*reached) if name.startswith(tuple(rooms)))


def _forked(address: str, module: str, request: dict, environment: dict[str, str]) -> fork_server.ForkedProcess:
    return fork_server.ForkedProcess(address, f"{module}:work", {"job": request}, environment, os.getcwd(), (1, 2))


def _spawned(module: str, request: dict, environment: dict[str, str]) -> subprocess.Popen:
    given = {"stdin": subprocess.PIPE, "env": environment, "text": True, "start_new_session": True}
    process = subprocess.Popen([sys.executable, "-m", module], **given)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(request))
    process.stdin.close()
    return process
