"""How does a plan become a run that appears whole or not at all?"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from quarterdeck import __version__
from quarterdeck.batch import folders, fresh, record, unchanged
from quarterdeck.batch.crew import Crew, Limits, Step
from quarterdeck.batch.plan import Job, plan, refuse_unknown_regions
from quarterdeck.batch.reconcile import reconcile
from quarterdeck.data import source
from quarterdeck.data.contract import check
from quarterdeck.data.snapshot import freeze, refuse_far
from quarterdeck.errors import ParamsError
from quarterdeck.present.written import counted


def run(
    company: Path,
    out: Path,
    notebooks: Path,
    regions: list[str] | None = None,
    only: list[str] | None = None,
    limits: Limits | None = None,
    as_of: str = "",
    data: Path | None = None,
    force: bool = False,
    tell: Callable[[Iterator, int], Iterator] = lambda steps, n: steps,
) -> tuple[Path, dict]:
    """Read a company's source once, freeze it, and execute notebooks for regions in parallel.

    A page that an earlier run made from the same is taken over. Where all of them are, from the run that `latest` points to
    and on the same snapshot, that run is the answer.

    Parameters
    ----------
    company, out, notebooks : Path
        The folder `params/<company>`, the outputs folder and the folder of the notebooks.
    regions, only : list of str, optional
        Regions and notebooks to keep; all by default.
    limits : Limits, optional
        What the run may take.
    as_of : str
        ISO date to look from; empty for the source's last day.
    data : Path, optional
        Folder of the company's files.
    force : bool
        Run every notebook again.
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
    jobs = _jobs(company, notebooks, regions, only, as_of)
    with folders.held(out / company.name), _crew(limits or Limits()) as crew:
        noted = _noted(company, out, notebooks, unchanged.asked(company, regions, only, as_of, data), data)
        folder, frozen = _frozen(company, out, jobs, data)
        try:
            steps = _steps(jobs, frozen, out / company.name, force)
            if settled := _settled(steps, frozen, out / company.name):
                shutil.rmtree(folder)
                folder, facts = settled, folders.facts(settled) | {"unchanged": True}
                noted = noted if len(facts["notebooks"]) == len(steps) else None
            else:
                done = list(tell(_done(steps, frozen, folder, crew), len(steps)))
                facts = _facts(folder, frozen, as_of, steps, done)
            record.write(folder, facts, noted)
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(_left(folder)) from stop
        finally:
            _tidy(folder)
        folders.clear(out / company.name, folder)
        return folder, facts


def _crew(limits: Limits) -> AbstractContextManager:
    """Give what is to execute: processes of this machine, or a cluster's workers."""
    if not limits.cluster:
        return Crew(limits)
    try:
        from quarterdeck.batch.cluster import Cluster
    except ModuleNotFoundError as error:
        raise ParamsError(
            f"--cluster needs the package {error.name}; install it by: pip install distributed"
        ) from error
    return Cluster(limits)


def foresee(
    company: Path,
    out: Path,
    notebooks: Path,
    regions: list[str],
    only: list[str],
    as_of: str,
    data: Path | None,
    force: bool,
) -> list[Step]:
    """Say what `run` would do with the same parameters, and why; no run is left in `out`."""
    jobs = _jobs(company, notebooks, regions, only, as_of)
    with folders.held(out / company.name):
        folder, frozen = _frozen(company, out, jobs, data)
        shutil.rmtree(folder)
        return _steps(jobs, frozen, out / company.name, force)


def _noted(company: Path, out: Path, notebooks: Path, asked: dict, data: Path | None) -> dict | None:
    """Note the files that the run is going to stand on; None where it stands on a database."""
    described, sources = source.load(company), source.files(company, out, data)
    if sources is None:
        return None
    return unchanged.note(asked, company, notebooks, sources, [described.folder_variable])


def _left(folder: Path) -> str:
    """Say what a run that was stopped leaves."""
    count = len(folders.pages(folder))
    pages = counted(count, "finished page is", "finished pages are")
    kept = f"; {pages} kept in {folder} for the next run to take over" if count else ""
    return f"stopped{kept}."


def _tidy(folder: Path) -> None:
    """Remove a run's drafts, and the run itself where there is nothing in it to be taken up."""
    shutil.rmtree(folder / ".drafts", ignore_errors=True)
    if folder.is_dir() and not folders.pages(folder) and not (folder / "run.json").is_file():
        shutil.rmtree(folder)


def _jobs(company: Path, notebooks: Path, regions: list[str] | None, only: list[str] | None, as_of: str) -> list[Job]:
    given = {"data": "data"} | ({"as_of": as_of} if as_of else {})
    return plan(company, notebooks, regions or [], only or [], **given)


def _frozen(company: Path, out: Path, jobs: list[Job], data: Path | None) -> tuple[Path, dict]:
    """Read the source and freeze it in a new run's folder."""
    described = source.load(company)
    tables = source.read(company, out, data)
    folder = folders.new(out / company.name)
    try:
        kept = (folder.parent, jobs[0].parameters["as_of"])
        frozen = freeze(tables, folder / "data", company.name, described.title, described.currency, *kept)
        refuse_unknown_regions({j.region: j.parameters for j in jobs}, frozen["regions"], company)
        today = pd.Timestamp.now()
        if not jobs[0].parameters["as_of"] and pd.Timestamp(frozen["as_of"]) > today:
            refuse_far(check(tables), today)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder, frozen


def _steps(jobs: list[Job], frozen: dict, company: Path, force: bool) -> list[Step]:
    """Say of each job whether it has to run, and why."""
    known, steps = fresh.earlier(company), []
    for job in jobs:
        made_of, found = fresh.made_of(job, frozen), known.get((job.region, job.notebook), [])
        reasons = [(fresh.why(made_of, page, frozen["parts"]), page) for page in found] or [
            (fresh.why(made_of, None, {}), None)
        ]
        why, page = next((r for r in reasons if not r[0]), reasons[0])
        usual = [p.seconds for n, pages in known.items() for p in pages if n[1] == job.notebook]
        seconds = page.seconds if page else max(usual, default=0.0)
        steps.append(Step(job, made_of, "it was asked for by --force" if force else why, page, seconds))
    return steps


def _settled(steps: list[Step], frozen: dict, company: Path) -> Path | None:
    """Give the latest run, where it has every page as it would be made now."""
    latest = (company / "latest").resolve()
    told = folders.facts(latest)
    same = told.get("snapshot") == frozen["hash"] and all(
        s.page.file.parent.parent.resolve() == latest for s in steps if s.page
    )
    return latest if same and not any(s.why for s in steps) else None


def _done(steps: list[Step], frozen: dict, folder: Path, crew: Any) -> Iterator[dict]:
    """Give each step's outcome as it ends: first what is taken over, then the rest, the longest first."""
    for step in steps:
        if not step.why:
            folders.shared(step.page.file, folder / step.job.region / f"{step.job.notebook}.ipynb")
            told = {"made_in": step.page.run, "made_of": step.page.made_of} | step.page.said
            yield step.whose() | {"state": "fresh", "seconds": step.page.seconds, "error": None} | told
    ahead = sorted((s for s in steps if s.why), key=lambda s: -s.seconds)
    if ahead:
        yield from crew.executed(ahead, frozen, folder)


def _facts(folder: Path, frozen: dict, as_of: str, steps: list[Step], done: list[dict]) -> dict:
    """Give what `run.json` says, in the order of the plan."""
    found = {(d["region"], d["notebook"]): d for d in done}
    entries, kpis, forecasts = [], [], []
    for step in steps:
        job = step.job
        outcome = found[job.region, job.notebook]
        told = {k: outcome[k] for k in ("state", "seconds", "error", "made_in", "made_of")}
        entries.append(step.whose() | told | {"parameters": job.parameters, "notebook_hash": job.notebook_hash})
        kpis += [step.whose() | kpi for kpi in outcome["kpis"]]
        whose = {"region": job.parameters["region"], "notebook": job.notebook}
        forecasts += [whose | told for told in outcome["forecasts"]]
    regions = {s.job.region: s.job.parameters["region"] for s in steps}
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
        "reconciliation": reconcile(kpis, regions, len(frozen["regions"]), forecasts),
    }
