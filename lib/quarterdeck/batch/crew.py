"""Which processes execute a run's notebooks, and what becomes of them?

There is one process that forks, and for each notebook at a time one that executes it by papermill and one that is its
kernel. Each may be killed at any moment: it takes its own notebook down and no other, and where it was the forking one,
another takes its place and the notebooks begin again.
"""

import contextlib
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
from pathlib import Path
from typing import Any

from quarterdeck.batch import folders, fresh, kernels, machine, zygote
from quarterdeck.batch.plan import Job
from quarterdeck.batch.record import RECORDED

SECONDS = 1800.0  # that a notebook may take, unless told
GRACE = 30  # seconds more, after which the process that executes it is taken for hung as well
ATTEMPTS = 3  # at a notebook whose forking process was killed
EXECUTE = "quarterdeck.batch.notebook"
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
    page: fresh.Page | None
    seconds: float  # that it took the last time

    def whose(self) -> dict[str, str]:
        """Name its region and notebook."""
        return {"region": self.job.region, "notebook": self.job.notebook}


class Crew:
    """The processes of a run: one that forks, and one for each notebook at a time."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.ended = limits, False
        self.lock, self.running = threading.Lock(), set()
        self.zygotes: list[zygote.Zygote] = []  # the last of them at work
        self.address = os.environ.get(zygote.ADDRESS) or self._new_zygote()
        near = os.path.dirname(self.address) or None  # what is left of a killed run goes with its zygote
        self.sockets = tempfile.mkdtemp(prefix="qd-", dir=near)

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """End, and leave nothing."""
        self.end()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def end(self) -> None:
        """End every process, and begin no more."""
        with self.lock:
            self.ended = True
            for process in self.running:
                process.kill()
            for process in self.running:  # ahead of the zygote: one that sees it die would begin another
                with contextlib.suppress(TimeoutError, subprocess.TimeoutExpired):
                    process.wait(1)
            while self.zygotes:
                self.zygotes.pop().close()

    def executed(self, steps: list[Step], frozen: dict, folder: Path) -> Iterator[dict]:
        """Give each step's outcome as it ends."""
        count = min(self.limits.workers or machine.workers(), len(steps))
        pool = ThreadPoolExecutor(count)
        try:
            for future in as_completed([pool.submit(self.execute, step, frozen, folder) for step in steps]):
                yield future.result()
        except BaseException:  # Ctrl-C, or nobody takes the outcomes any more
            self.end()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def execute(self, step: Step, frozen: dict, folder: Path) -> dict:
        """Execute one notebook in a process of its own, and give what came of it."""
        wish = _wish(step, frozen, folder, self.sockets, self.limits.seconds)
        outcome, error = Path(wish["outcome"]), ""
        outcome.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(ATTEMPTS):
            error, again = self._watched(wish)
            if outcome.is_file() or not again:
                break
        if not outcome.is_file():
            return lost(step, folder, error)
        told = json.loads(outcome.read_text(encoding="utf-8"))
        state = "failed" if told["error"] else "done"
        return step.whose() | {"state": state, "made_in": folder.name} | told

    def _watched(self, wish: dict) -> tuple[str, bool]:
        """Start a process and see it end; say what happened to it, and whether it was for nothing it did."""
        try:
            process, address = self._start(wish)
        except OSError as error:
            return f"no process could be started for it ({error})", True
        try:
            process.wait(self.limits.seconds + GRACE)
        except (subprocess.TimeoutExpired, TimeoutError):
            process.kill()
            return f"it took longer than the {self.limits.seconds:g} seconds it is given", False
        finally:
            with self.lock:
                self.running.discard(process)
        killed = bool(address) and not self.ended and not zygote.alive(address)
        return _why_lost(process.returncode), killed

    def _start(self, wish: dict) -> tuple[Any, str]:
        with self.lock:
            if self.ended:
                raise OSError("the run has been stopped")
            if self.address and not zygote.alive(self.address):  # it was killed
                self.address = self._new_zygote()
            environment = self._environment()
        address = environment[zygote.ADDRESS]
        process = (_forked if address else _spawned)(wish, environment)  # without the lock: it may take seconds
        with self.lock:
            self.running.add(process)
            if self.ended:
                process.kill()
        return process, address

    def _new_zygote(self) -> str:
        if kernels.cannot_fork():
            return ""
        self.zygotes.append(zygote.ahead.pop() if zygote.ahead else zygote.Zygote())
        return self.zygotes[-1].address

    def _environment(self) -> dict[str, str]:
        paths = [str(SPECS), os.environ.get("JUPYTER_PATH")]
        return os.environ | zygote.ONE_THREAD | {
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_PATH": os.pathsep.join(p for p in paths if p),
            "JUPYTER_RUNTIME_DIR": self.sockets,
            zygote.ADDRESS: self.address,
            kernels.MEMORY_LIMIT: str(self.limits.memory),
        }  # fmt: skip


def place(job: Job, folder: Path, state: str) -> Path:
    """Give the place of a page in a run's folder, or, where its notebook failed, beside the pages."""
    return (folder / folders.ASIDE if state == "failed" else folder) / job.region / f"{job.notebook}.ipynb"


def lost(step: Step, folder: Path, error: str) -> dict:
    """Give the outcome of a notebook that left no word itself."""
    told = {"state": "failed", "made_in": folder.name, "error": error, "seconds": 0.0, "made_of": step.made_of}
    return step.whose() | told | {kind: [] for kind in RECORDED}


def _why_lost(status: int) -> str:
    """Say what may have happened to a process that left no word of its notebook."""
    return "the process that ran it was killed" if status < 0 else "its outcome could not be written: is the disk full?"


def _wish(step: Step, frozen: dict, folder: Path, sockets: str, seconds: float) -> dict[str, Any]:
    """Say what the process of one notebook is to do, in words that go through JSON."""
    job, drafts = step.job, folder / ".drafts" / step.job.region
    return {
        "file": str(job.file),
        "draft": str(drafts / f"{job.notebook}.ipynb"),
        "place": str(place(job, folder, "done")),
        "aside": str(place(job, folder, "failed")),
        "outcome": str(drafts / f"{job.notebook}.json"),
        "parameters": job.parameters,
        "cwd": str(folder.resolve()),
        "sockets": f"{sockets}/{job.region}-{job.notebook}",
        "seconds": seconds,
        "made_of": step.made_of,
        "parts": frozen["parts"],
        "recorded": RECORDED,
    }


def _forked(wish: dict, environment: dict[str, str]) -> zygote.Forked:
    address = environment[zygote.ADDRESS]
    return zygote.Forked(address, f"{EXECUTE}:work", {"job": wish}, environment, os.getcwd(), (1, 2))


def _spawned(wish: dict, environment: dict[str, str]) -> subprocess.Popen:
    given = {"stdin": subprocess.PIPE, "env": environment, "text": True, "start_new_session": True}
    process = subprocess.Popen([sys.executable, "-m", EXECUTE], **given)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(wish))
    process.stdin.close()
    return process
