"""How does a plan become a run that appears whole or not at all?"""

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from pathlib import Path

from quarterdeck import __version__
from quarterdeck.batch import record
from quarterdeck.batch.plan import Job, plan, refuse_unknown_regions
from quarterdeck.batch.reconcile import reconcile
from quarterdeck.data import source
from quarterdeck.data.ledger import TABLE as LEDGER
from quarterdeck.data.snapshot import freeze

CELL_SECONDS = 600  # a cell that takes longer has failed


def run(
    company: Path,
    out: Path,
    notebooks: Path,
    regions: list[str] | None = None,
    only: list[str] | None = None,
    workers: int | None = None,
    as_of: str = "",
    data: Path | None = None,
    tell: Callable[[Iterator, int], Iterator] = lambda steps, n: steps,
) -> tuple[Path, dict]:
    """Read a company's source once, freeze it, and execute notebooks for regions in parallel.

    Parameters
    ----------
    company, out, notebooks : Path
        The folder `params/<company>`, the outputs folder and the folder of the notebooks.
    regions, only : list of str, optional
        Regions and notebooks to keep; all by default.
    workers : int, optional
        Notebooks at a time; by default one per core.
    as_of : str
        ISO date to look from; empty for the source's last day.
    data : Path, optional
        Folder of the company's files.
    tell : callable
        Wraps the iterator over finished notebooks (and how many there will be), to show progress.

    Returns
    -------
    tuple
        The run's folder, and what its `run.json` says.

    Raises
    ------
    QuarterdeckError
        On bad input; nothing is left in `out` then.
    """
    given = {"data": "data"} | ({"as_of": as_of} if as_of else {})
    jobs = plan(company, notebooks, regions or [], only or [], **given)
    described = source.load(company)
    tables = source.read(company, out, data)
    folder = _new_folder(out / company.name)
    try:
        told = (folder.parent / f"{LEDGER}.parquet", as_of)
        frozen = freeze(tables, folder / "data", company.name, described.title, described.currency, *told)
        refuse_unknown_regions({j.region: j.parameters for j in jobs}, frozen["regions"], company)
        del tables
        done = list(tell(_executed(jobs, folder, workers), len(jobs)))
        facts = _facts(folder, frozen, as_of, jobs, done)
        record.write(folder, facts)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        record.remove_if_empty(folder.parent)
        raise
    return folder, facts


def _new_folder(company: Path) -> Path:
    """Make the run's folder, named by the second at which it began."""
    while True:
        folder = company / f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            time.sleep(0.2)


def _executed(jobs: list[Job], folder: Path, workers: int | None) -> Iterator[dict]:
    """Give each job's outcome as it ends."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="qd-") as sockets:
        count = min(workers or os.cpu_count() or 1, len(jobs))
        pool = ProcessPoolExecutor(count, mp_context=context, initializer=_settle, initargs=(sockets,))
        try:
            futures = {pool.submit(execute, job, folder, sockets): job for job in jobs}
            for future in as_completed(futures):
                yield _outcome(future, futures[future])
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    shutil.rmtree(folder / ".drafts", ignore_errors=True)


def _settle(sockets: str) -> None:
    """Prepare a worker: Ctrl-C is the runner's affair, one thread each, this environment's own kernel."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    os.environ |= {
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_RUNTIME_DIR": sockets,
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def execute(job: Job, folder: Path, sockets: str) -> dict:
    """Execute one notebook by papermill; it moves to its place in the run only when whole.

    Returns
    -------
    dict
        `state`, `seconds`, `error` (one line, or None), `kpis` and `forecasts` as the notebook recorded them.
    """
    import papermill
    from traitlets.config import Config

    begun = time.monotonic()
    draft = folder / ".drafts" / job.region / f"{job.notebook}.ipynb"
    draft.parent.mkdir(parents=True, exist_ok=True)
    # Sockets by path: many kernels over TCP race for ports.
    link = Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/{job.region}-{job.notebook}"})
    how = {
        "kernel_name": "python3",
        "cwd": folder,
        "progress_bar": False,
        "execution_timeout": CELL_SECONDS,
        "config": link,
    }
    how["extra_arguments"] = ["--IPKernelApp.log_level=CRITICAL"]  # it calls being told to stop an error
    error = None
    try:
        papermill.execute_notebook(job.file, draft, job.parameters, **how)
    except Exception as fault:  # whatever stops a notebook is its own failure and nobody else's
        error = record.reason(fault, draft)
    place = (folder if error is None else folder / "failed") / job.region / draft.name
    place.parent.mkdir(parents=True, exist_ok=True)
    if draft.is_file():
        os.replace(draft, place)
    said = record.recorded(place) if error is None else dict.fromkeys(record.RECORDED, [])
    state = "failed" if error else "done"
    return {"state": state, "seconds": round(time.monotonic() - begun, 2), "error": error, **said}


def _outcome(future: Future, job: Job) -> dict:
    try:
        found = future.result()
    except BrokenProcessPool:
        error = "the process that ran it was killed"
        found = {"state": "failed", "seconds": 0.0, "error": error, "kpis": [], "forecasts": []}
    return {"region": job.region, "notebook": job.notebook, **found}


def _facts(folder: Path, frozen: dict, as_of: str, jobs: list[Job], done: list[dict]) -> dict:
    """Give what `run.json` says, in the order of the plan."""
    found = {(d["region"], d["notebook"]): d for d in done}
    entries, kpis, forecasts = [], [], []
    for job in jobs:
        outcome = found[job.region, job.notebook]
        whose = {"region": job.region, "notebook": job.notebook}
        told = {k: outcome[k] for k in ("state", "seconds", "error")}
        entries.append(whose | told | {"parameters": job.parameters, "notebook_hash": job.notebook_hash})
        kpis += [whose | kpi for kpi in outcome["kpis"]]
        forecasts += [{"region": job.parameters["region"]} | told for told in outcome["forecasts"]]
    return {
        "company": frozen["company"],
        "title": frozen["title"],
        "currency": frozen["currency"],
        "run": folder.name,
        "as_of": as_of or frozen["as_of"],
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "library": __version__,
        "snapshot": frozen["hash"],
        "notebooks": entries,
        "kpis": kpis,
        "forecasts": forecasts,
        "reconciliation": reconcile(kpis, [j.region for j in jobs], len(frozen["regions"])),
    }
