"""How does a plan become a run that appears whole or not at all?"""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from quarterdeck import __version__
from quarterdeck.batch import (
    company_wide,
    contradictions,
    facts,
    finished,
    folders,
    incremental,
    last_good,
    machine,
    record,
    unchanged,
)
from quarterdeck.batch.plan import Job, plan, refuse_unknown_regions, region_files
from quarterdeck.batch.reconcile import reconcile, untried
from quarterdeck.batch.workers import Limits, Step, WorkerPool
from quarterdeck.data import answers, source, tree
from quarterdeck.data.contract import check
from quarterdeck.data.snapshot import CompanyInfo, called, freeze, refuse_far
from quarterdeck.errors import ParamsError
from quarterdeck.present.numbers import counted


@dataclass(frozen=True)
class RunOptions:
    """What a run is made of: a company's folder, where runs are kept, and which notebooks of which regions.

    Parameters
    ----------
    company, out, notebooks : Path
        The folder `params/<company>`, the outputs folder and the folder of the notebooks.
    regions, only : list of str, optional
        Regions and notebooks to keep; all by default.
    as_of : str
        ISO date to look from; empty for the source's last day.
    data : Path, optional
        Folder of the company's files.
    force : bool
        Run every notebook again.
    """

    company: Path
    out: Path
    notebooks: Path
    regions: list[str] | None = None
    only: list[str] | None = None
    as_of: str = ""
    data: Path | None = None
    force: bool = False

    @property
    def runs(self) -> Path:
        """Give the company's folder of runs."""
        return self.out / self.company.name

    def jobs(self, known: list[str] | dict[str, str] | None = None) -> list[Job]:
        """List the jobs that these options ask for; `known` are the regions of the data, once these are read."""
        given = {"data": "data"} | ({"as_of": self.as_of} if self.as_of else {})
        return plan(self.company, self.notebooks, self.regions or [], self.only or [], known, **given)

    def asked(self) -> dict[str, Any]:
        """Say what is asked for, as a run notes it."""
        return unchanged.asked(self.company, self.regions, self.only, self.as_of, self.data)


def run(
    options: RunOptions,
    limits: Limits | None = None,
    progress: Callable[[Iterator, int, str], Iterator] = lambda steps, n, unit: steps,
) -> tuple[Path, dict]:
    """Read a company's source once, freeze it, and execute notebooks for regions in parallel.

    Where some of them fail the others are published, and the last good edition of each that failed stands in for it. A page
    that an earlier run made from the same is taken over. Where all of them are, from the run that `latest` points to and on
    the same snapshot, that run is the answer.

    Parameters
    ----------
    options : RunOptions
        What to run.
    limits : Limits, optional
        What the run may take.
    progress : callable
        Wraps the iterator over what has ended, how many there will be and what they are ("notebook"), to show progress.

    Returns
    -------
    tuple
        The run's folder, and what its `run.json` says.

    Raises
    ------
    QuarterdeckError
        On bad input; nothing is left in `out` then.
    """
    jobs, company, limits = options.jobs(), options.runs, limits or Limits()
    with folders.held(company), _pool(limits) as pool:
        noted = _noted(options)
        folder, frozen = _frozen(options, jobs)
        try:
            jobs = options.jobs(called(frozen))
            frozen = _answered(jobs, frozen, folder, limits, pool, options.force, progress)
            steps = _steps(jobs, frozen, company, options.force)
            if settled := _settled(steps, frozen, company):
                shutil.rmtree(folder)
                folder, facts = settled, finished.facts(settled) | {"unchanged": True}
                noted = noted if len(facts["notebooks"]) == len(steps) else None
            else:
                done = list(progress(_done(steps, frozen, folder, pool), len(steps), "notebook"))
                facts = _facts(folder, frozen, options.as_of, steps, done)
                facts = last_good.standing_in(
                    folder, facts | {"regions": list(region_files(options.company, called(frozen)))}
                )
            record.write(folder, facts, noted)
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(_left(folder)) from stop
        finally:
            _tidy(folder)
        folders.clear(company, folder)
        return folder, facts


def _pool(limits: Limits) -> AbstractContextManager:
    """Give what is to execute: processes of this machine, or a cluster's workers."""
    if not limits.cluster:
        return WorkerPool(limits)
    try:
        from quarterdeck.batch.cluster import Cluster
    except ModuleNotFoundError as error:
        raise ParamsError(
            f"--cluster needs the package {error.name}; install it by: pip install distributed"
        ) from error
    return Cluster(limits)


def preview(options: RunOptions) -> list[Step]:
    """Say what `run` would do with the same options, and why; no run is left in `out`.

    Returns
    -------
    list of Step
        In the order of the plan; `why` is empty for a page that would be taken over.

    Raises
    ------
    QuarterdeckError
        On bad input.
    """
    jobs = options.jobs()
    with folders.held(options.runs):
        folder, frozen = _frozen(options, jobs)
        shutil.rmtree(folder)
        jobs = options.jobs(called(frozen))
        ahead = company_wide.tasks(jobs, frozen, options.runs, options.force)
        return _steps(jobs, company_wide.expected(ahead, frozen), options.runs, options.force)


def _noted(options: RunOptions) -> dict | None:
    """Note the files that the run is going to depend on; None where it reads a database."""
    described, sources = source.load(options.company), source.files(options.company, options.out, options.data)
    if sources is None:
        return None
    return unchanged.note(options.asked(), options.company, options.notebooks, sources, [described.folder_variable])


def _left(folder: Path) -> str:
    """Say what a run that was stopped leaves."""
    count = len(folders.pages(folder))
    pages = counted(count, "finished page is", "finished pages are")
    kept = f"; {pages} kept in {folder} for the next run to take over" if count else ""
    return f"stopped{kept}."


def _tidy(folder: Path) -> None:
    """Remove a run's drafts, and the run itself where there is nothing in it to be taken up."""
    shutil.rmtree(folder / ".drafts", ignore_errors=True)
    held = folders.pages(folder) or [*(folder / "data").glob(f"{answers.FOLDER}/*/{answers.RECORD}")]
    if folder.is_dir() and not held and not (folder / "run.json").is_file():
        shutil.rmtree(folder)


def _frozen(options: RunOptions, jobs: list[Job]) -> tuple[Path, dict]:
    """Read the source and freeze it in a new run's folder."""
    company, described = options.company, source.load(options.company)
    read = source.read(company, options.out, options.data)
    tables = check(read, **described.for_check)
    folder = folders.new(options.runs)
    try:
        about = CompanyInfo.of(company.name, described)
        frozen = freeze(tables, folder / "data", about, folder.parent, jobs[0].parameters["as_of"])
        refuse_unknown_regions({j.region: j.parameters for j in jobs}, called(frozen), company)
        today = pd.Timestamp.now()
        if not jobs[0].parameters["as_of"] and pd.Timestamp(frozen["as_of"]) > today:
            refuse_far(tables, today)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder, frozen


def _answered(
    jobs: list[Job], frozen: dict, folder: Path, limits: Limits, pool: Any, force: bool, progress: Callable
) -> dict:
    """Put the company-wide answers beside the snapshot; give what it says with the hashes of each region's part of them."""
    ahead = company_wide.tasks(jobs, frozen, folder.parent, force)
    count = limits.workers or machine.workers()
    with contextlib.nullcontext(pool) if isinstance(pool, WorkerPool) else WorkerPool(limits) as here:
        done = company_wide.answered(ahead, frozen, folder / "data", here, count)
        list(progress(done, len(ahead), "company-wide answer"))
    return company_wide.known(ahead, frozen, folder / "data")


def _steps(jobs: list[Job], frozen: dict, company: Path, force: bool) -> list[Step]:
    """Say of each job whether it has to run, and why."""
    known, steps = incremental.earlier(company), []
    for job in jobs:
        made_of, found = incremental.made_of(job, frozen), known.get((job.region, job.notebook), [])
        why, page = incremental.chosen(made_of, found, frozen["parts"])
        usual = [p.seconds for n, pages in known.items() for p in pages if n[1] == job.notebook]
        seconds = page.seconds if page else max(usual, default=0.0)
        steps.append(Step(job, made_of, "it was asked for by --force" if force else why, page, seconds))
    return steps


def _settled(steps: list[Step], frozen: dict, company: Path) -> Path | None:
    """Give the latest run, where it has every page as it would be made now."""
    latest = (company / "latest").resolve()
    facts = finished.facts(latest)
    same = facts.get("snapshot") == frozen["hash"] and all(
        s.page.file.parent.parent.resolve() == latest for s in steps if s.page
    )
    return latest if same and not any(s.why for s in steps) else None


def _done(steps: list[Step], frozen: dict, folder: Path, pool: Any) -> Iterator[dict]:
    """Give each step's outcome as it ends: first what is taken over, then the rest, the longest first."""
    for step in steps:
        if not step.why:
            folders.shared(step.page.file, folder / step.job.region / f"{step.job.notebook}.ipynb")
            page = {"made_in": step.page.run, "made_of": step.page.made_of} | step.page.said
            yield step.labels() | {"state": "fresh", "seconds": step.page.seconds, "error": None} | page
    ahead = sorted((s for s in steps if s.why), key=lambda s: -s.seconds)
    if ahead:
        yield from pool.executed(ahead, frozen, folder)


def _stated(folder: Path, steps: list[Step], entries: list[dict]) -> pd.DataFrame:
    """Write the facts that the pages state beside them."""
    taken = {(s.job.region, s.job.notebook): s.page.file.parent.parent for s in steps if s.page and not s.why}
    stated = facts.gathered(folder, [e for e in entries if e["state"] != "failed"], taken)
    facts.write(folder, stated)
    return stated


def _facts(folder: Path, frozen: dict, as_of: str, steps: list[Step], done: list[dict]) -> dict:
    """Give what `run.json` says, in the order of the plan."""
    found = {(d["region"], d["notebook"]): d for d in done}
    entries, kpis, forecasts = [], [], []
    for step in steps:
        job, outcome = step.job, found[step.job.region, step.job.notebook]
        state = {k: outcome[k] for k in ("state", "seconds", "error", "made_in", "made_of")}
        entries.append(step.labels() | state | {"parameters": job.parameters, "notebook_hash": job.notebook_hash})
        kpis += [step.labels() | kpi for kpi in outcome["kpis"]]
        labels = {"region": job.parameters["region"], "notebook": job.notebook}
        forecasts += [labels | forecast for forecast in outcome["forecasts"]]
    regions = {s.job.region: s.job.parameters["region"] for s in steps}
    sums = {"regions": regions, "expected": len(frozen["regions"]), "tree": tree.sums(frozen)}
    held, per_page = contradictions.held(_stated(folder, steps, entries), **sums)
    failed = [(e["region"], e["notebook"]) for e in entries if e["state"] == "failed"]
    return {
        "company": frozen["company"],
        "title": frozen["title"],
        "currency": frozen["currency"],
        "run": folder.name,
        "as_of": as_of or frozen["as_of"],
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "library": __version__,
        "snapshot": frozen["hash"],
        "remarks": [*frozen["remarks"], *frozen["later"]],
        "set_aside": frozen["set_aside"],
        **tree.noted(frozen),
        "notebooks": entries,
        "kpis": kpis,
        "forecasts": forecasts,
        "reconciliation": reconcile(kpis, forecasts=forecasts, failed=failed, **sums) + held,
        "computed_per_page": per_page,
        "not_reconciled": untried(kpis, failed=failed, **sums),
    }
