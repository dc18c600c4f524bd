"""How do many kernels share what each of them would compute? They are forked from a process that computed it once.

A shared start is such a process. It is forked from the fork server, prepares something, and then forks kernels, which share
its memory until they write to it. That of a live page executes code, and its kernels start with the names that the code has
bound. That of a run imports what its notebooks import and reads the snapshot; from it are forked those of its regions, each
of which cuts the snapshot to its region, and from these the kernels of the region's notebooks.
"""

import gc
import importlib
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quarterdeck.batch import fork_server, kernels

LIBRARY = Path(__file__).parent.parent
SPARE = 4  # shared starts that are kept without a kernel
IDLE = 2  # regions of a run whose shared start is kept without a notebook at work
SNAPSHOT = "quarterdeck.data.snapshot"  # imported where it is needed: a server does without pandas


class SharedStart:
    """The owner's end of a shared start, which ends with its owner.

    `address` is empty where it could not prepare what it was to, or that cannot be shared.

    Parameters
    ----------
    prepare : str
        The function of this module that prepares: "execute", "open_snapshot" or "open_region".
    given : dict
        Its arguments, in values that JSON can hold.
    cwd, env
        The working directory and environment, which names the process to fork from (`fork_server.ADDRESS`).
    """

    def __init__(self, prepare: str, given: dict[str, Any], cwd: str, env: dict[str, str]) -> None:
        forking = env.get(fork_server.ADDRESS, "")
        arguments = {"prepare": prepare, "given": given, "folder": os.path.dirname(forking)}
        self.process = fork_server.ForkedProcess(forking, f"{__name__}:run", arguments, env, cwd, (1, 2))
        self.address: str = self.process.receive() or ""

    def alive(self) -> bool:
        """Tell whether kernels can be forked from this process."""
        return bool(self.address) and self.process.poll() is None

    def close(self) -> None:
        """End the process and all kernels that were forked from it."""
        self.process.kill()
        self.process.wait()
        self.process.connection.close()


def run(owner: socket.socket, prepare: str, given: dict[str, Any], folder: str) -> None:
    """Run a shared start in a process just forked: prepare, then fork on request.

    Parameters
    ----------
    owner : socket.socket
        The connection to the process that asked for this one; it is sent the address at which to ask for kernels.
    prepare, given
        As `SharedStart` has them.
    folder : str
        The folder in which to make a private one for the socket.

    Raises
    ------
    RuntimeError
        Where what it prepared has started threads: a process that has them cannot be forked safely.
    """
    from quarterdeck.batch.preload import start_again

    start_again()
    prepared: dict[str, Callable] = {f.__name__: f for f in (execute, open_snapshot, open_region)}
    prepared[prepare](**given)
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("what was to be shared has started threads, so each kernel begins by itself")
    gc.collect()
    gc.freeze()  # else the collector of each kernel would touch, and so copy, every page
    address = str(Path(tempfile.mkdtemp(dir=folder)) / "start")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        fork_server.send(owner, address)
        owner.close()  # the fork server holds it too, and ends this process with it
        fork_server.ForkLoop(listening).serve()


def execute(code: list[str]) -> None:
    """Execute statements, in order, within the memory that a kernel may take up; kernels get the names that they bind."""
    kernels.limit_memory()
    kernels.namespace["__name__"] = "__main__"
    for statement in code:
        exec(compile(statement, "<notebook>", "exec"), kernels.namespace)


def open_snapshot(modules: list[str], data: str, as_of: str) -> None:
    """Import modules, and read the snapshot in the folder `data`."""
    for module in (*modules, SNAPSHOT):
        importlib.import_module(module)
    sys.modules[SNAPSHOT].read_ahead(data, as_of)


def open_region(data: str, as_of: str, region: str) -> None:
    """Cut the snapshot to a region."""
    sys.modules[SNAPSHOT].read_ahead(data, as_of, region)


def library() -> int:
    """Give the time (ns) when the library was last changed: a shared start of older code is not used."""
    return max(f.stat().st_mtime_ns for f in LIBRARY.rglob("*.py"))


def needs_restart(found: SharedStart | None) -> bool:
    """Tell whether to begin a shared start again: it was killed, and its code had not failed."""
    return found is None or (bool(found.address) and not found.alive())


def begin(prepare: str, given: dict[str, Any], cwd: str, env: dict[str, Any]) -> SharedStart | None:
    """Begin a shared start and wait until it is ready; None where no process could be forked."""
    try:
        return SharedStart(prepare, given, cwd, env)
    except OSError:
        return None


class RunStarts:
    """The shared starts of runs: for each snapshot one that has read it, and from it one for each region at work."""

    def __init__(self) -> None:
        self.ended, self.one_at_a_time = False, threading.Lock()
        self.begun: dict[tuple, SharedStart | None] = {}  # by what they have opened; the last one used stands last
        self.at_work: dict[str, tuple] = {}  # by a job's outcome, what its region's has opened

    def taken(self, job: dict[str, Any], modules: list[str], env: dict[str, str]) -> str:
        """Give the address at which to ask for a job's kernel, until it is `left`.

        Parameters
        ----------
        job : dict
            As `notebook.work` takes it.
        modules : list of str
            What to import, if its snapshot has not been read yet.
        env : dict
            The environment, which names the fork server.

        Returns
        -------
        str
            Empty where its region cannot be opened ahead: the notebook opens it, or says in its own cell why it cannot.
        """
        opened = {name: job["parameters"][name] for name in ("data", "as_of")}
        key = _key(job)
        with self.one_at_a_time:
            whole = self._alive(key[:-1], "open_snapshot", opened | {"modules": modules}, job["cwd"], env)
            if not whole:
                return ""
            forking = env | {fork_server.ADDRESS: whole}
            address = self._alive(key, "open_region", opened | {"region": key[-1]}, job["cwd"], forking)
            self.at_work[job["outcome"]] = key
        return address

    def left(self, job: dict[str, Any]) -> None:
        """Say that a job has ended, or not begun; end what no job has used for longest, but for a few."""
        with self.one_at_a_time:
            self.at_work.pop(job["outcome"], None)
            used = set(self.at_work.values())
            idle = [key for key in self.begun if len(key) == len(_key(job)) and key not in used]
            for key in idle[:-IDLE]:
                if start := self.begun.pop(key):
                    start.close()

    def end(self) -> None:
        """End them all, and begin no more."""
        self.ended = True
        for key in sorted(self.begun, key=len, reverse=True):  # a region's before the one that it was forked from
            if start := self.begun[key]:
                start.close()

    def _alive(self, key: tuple, *how: Any) -> str:
        """Give the address of a shared start, begun now where there is none or it was killed; empty where there can be none."""
        start = self.begun.pop(key, None)
        if needs_restart(start):
            start = begin(*how)
        self.begun[key] = start
        if self.ended and start:
            start.close()
        return start.address if start and start.alive() else ""


def _key(job: dict[str, Any]) -> tuple:
    """Tell by what is opened ahead whether two jobs share it."""
    return job["cwd"], *(job["parameters"][name] for name in ("data", "as_of", "region"))
