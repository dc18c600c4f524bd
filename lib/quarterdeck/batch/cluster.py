"""How does a plan run on several machines? On a Dask cluster, whose workers need see no folder of ours.

Each worker gets the run's snapshot and notebooks once, executes as one machine does, in a temporary folder, and sends the
finished page back. Only the runner writes into the run's folder: a worker that is killed leaves nothing there, and what it
had begun is executed by another.
"""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from distributed import Client, Worker, WorkerPlugin, get_worker

from quarterdeck.batch import incremental, workers
from quarterdeck.data import durable
from quarterdeck.errors import ParamsError, RunError

SECONDS = 10  # within which a scheduler answers and has a worker, and after which workers are counted again


class ClusterWorker(WorkerPlugin):
    """What a run has on each worker: snapshot and notebooks in a temporary folder, and a pool of processes to execute them.

    Dask hands it to workers that join later as well, and takes it away when the run ends.
    """

    def __init__(self, run: str, files: dict[str, bytes], limits: workers.Limits) -> None:
        self.run, self.files, self.limits = run, files, limits

    def setup(self, worker: Worker) -> None:
        """Write the files, and start what forks kernels."""
        self.folder = Path(tempfile.mkdtemp(prefix="qd-", dir=worker.local_directory)) / self.run
        for name, content in self.files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(content)
        self.address, self.pool = worker.address, workers.WorkerPool(self.limits)

    def teardown(self, worker: Worker) -> None:
        """End every process and remove the files."""
        self.pool.close()
        shutil.rmtree(self.folder.parent, ignore_errors=True)

    def execute(self, step: workers.Step, frozen: dict) -> tuple[dict, bytes]:
        """Execute one notebook; give its outcome, and the page as bytes (none where it left no draft)."""
        job = replace(step.job, file=self.folder / f"{step.job.notebook}.ipynb")
        if incremental.made_of(job, frozen) != step.made_of:
            raise RunError(
                f"the worker {self.address} has another version of Quarterdeck or of a package; install the same there"
            )
        outcome = self.pool.execute(replace(step, job=job), frozen, self.folder)
        page = workers.place(step.job, self.folder, outcome["state"])
        return outcome, page.read_bytes() if page.is_file() else b""


class Cluster:
    """The workers of a Dask cluster, in place of this machine's `WorkerPool`.

    Raises
    ------
    ParamsError
        Where no scheduler answers at `limits.cluster`, or it has no worker.
    """

    def __init__(self, limits: workers.Limits) -> None:
        self.limits = limits
        try:
            self.client = Client(limits.cluster, timeout=SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ParamsError(f"no Dask scheduler answers at {limits.cluster}; start one by: dask scheduler") from error
        try:
            self.client.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError as error:
            self.client.close()
            where = limits.cluster
            raise ParamsError(f"the scheduler at {where} has no worker; start one by: dask worker {where}") from error

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: Any) -> None:
        self.client.close()

    def executed(self, steps: list[workers.Step], frozen: dict, folder: Path) -> Iterator[dict]:
        """Give each step's outcome as it ends.

        No more is handed out than the workers can begin: Dask would queue a notebook behind a long one.
        """
        name = f"quarterdeck-{uuid.uuid4()}"
        self.client.register_plugin(ClusterWorker(folder.name, _files(steps, folder), self.limits), name)
        pool = self.client.get_executor(pure=False)
        ahead, handed = list(steps), {}
        try:
            while ahead or handed:
                while ahead and len(handed) < max(sum(self.client.nthreads().values()), 1):
                    step = ahead.pop(0)
                    handed[pool.submit(_execute, name, replace(step, page=None), frozen)] = step
                for future in wait(handed, SECONDS, FIRST_COMPLETED).done:
                    yield _stored(future, handed.pop(future), folder)
        finally:
            pool.shutdown(wait=False)
            self.client.unregister_worker_plugin(name)


def _execute(name: str, step: workers.Step, frozen: dict) -> tuple[dict, bytes]:
    """Execute one notebook on a worker."""
    return get_worker().plugins[name].execute(step, frozen)


def _files(steps: list[workers.Step], folder: Path) -> dict[str, bytes]:
    notebooks = {f"{s.job.notebook}.ipynb": s.job.file.read_bytes() for s in steps}
    data = (p for p in (folder / "data").rglob("*") if p.is_file())
    return notebooks | {p.relative_to(folder).as_posix(): p.read_bytes() for p in data}


def _stored(future: Future, step: workers.Step, folder: Path) -> dict:
    """Store a page that a worker sent back, and give its outcome."""
    try:
        outcome, page = future.result()
    except Exception as fault:  # a lost worker, or one that refuses: the failure of that notebook alone
        return workers.lost(step, folder, f"{type(fault).__name__}: {fault}")
    if page:
        place = workers.place(step.job, folder, outcome["state"])
        place.parent.mkdir(parents=True, exist_ok=True)
        durable.whole(place, lambda draft: draft.write_bytes(page))
    return outcome
