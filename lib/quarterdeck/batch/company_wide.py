"""How does a run come by the answers that are the whole company's, before it executes its notebooks?

Each is computed by a process of its own, from the snapshot alone, and stored beside it. One that an earlier run made of the
same code, day and rows is taken over, also from a run that was killed.
"""

import hashlib
import importlib
import json
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from quarterdeck.analysis.brief.company_wide import QUESTIONS, Question
from quarterdeck.batch import incremental
from quarterdeck.batch.folders import runs, shared
from quarterdeck.batch.plan import Job
from quarterdeck.batch.unchanged import packages
from quarterdeck.data import COMPANY, answers
from quarterdeck.data.calendar import Calendar
from quarterdeck.data.periods import quarter
from quarterdeck.data.tree import level

EXECUTE = "quarterdeck.batch.company_wide"


@dataclass(frozen=True)
class Task:
    """An answer that a run needs: its question and options, what it would be made of, and an earlier run's, if it is the same.

    `why` says why it has to be computed; it is empty where the earlier one stands.
    """

    name: str
    question: Question
    options: dict[str, Any]
    day: str
    made_of: dict[str, Any]
    earlier: Path | None
    why: str
    region: str = COMPANY  # on whose level of the organisation's tree regions are those of the answer


def tasks(jobs: list[Job], frozen: dict[str, Any], company: Path, force: bool = False) -> list[Task]:
    """List the company-wide answers that the pages of these jobs may ask for, each after those that it asks for itself.

    Parameters
    ----------
    jobs : list of Job
        What is to run.
    frozen : dict
        What `snapshot.json` says.
    company : Path
        The company's folder of runs.
    force : bool
        Take none over.
    """
    found: dict[str, Task] = {}
    for question in QUESTIONS:
        for job in jobs:
            asking = {*question.options.values()} <= job.parameters.keys()
            if asking and question.function.__module__ in _reached(job.file):
                options = {option: job.parameters[given] for option, given in question.options.items()}
                region = job.parameters["region"]
                day = job.parameters.get("as_of") or frozen["as_of"]
                for asked in ({}, {"as_of": _year_before(day, frozen)}) if question.before else ({},):
                    name = answers.named(question.function, {"as_of": day} | options | asked, level(frozen, region))
                    if name not in found:
                        task = _task(name, question, options | asked, day, frozen, company, force)
                        found[name] = replace(task, region=region)
    return list(found.values())


def expected(tasks: list[Task], frozen: dict[str, Any]) -> dict[str, Any]:
    """Give what `snapshot.json` says with the hashes of each region's part of the answers that stand; of others, nothing."""
    return _with_parts(frozen, {task.name: None if task.why else task.earlier for task in tasks})


def answered(tasks: list[Task], frozen: dict[str, Any], data: Path, pool: Any, count: int) -> Iterator[Task]:
    """Put every answer beside the snapshot, and give each task as it ends.

    Parameters
    ----------
    tasks : list of Task
        As `tasks` gives them.
    frozen : dict
        What `snapshot.json` says.
    data : Path
        The snapshot's folder.
    pool : WorkerPool
        What starts processes.
    count : int
        How many at a time.
    """
    ahead: dict[str, Future] = {}
    with ThreadPoolExecutor(count) as threads:
        for task in tasks:
            first = [ahead[t.name] for t in tasks if t.question.function in task.question.after and t.name in ahead]
            ahead[task.name] = threads.submit(_settled, task, frozen, data, pool, first)
        try:
            for future in as_completed(ahead.values()):
                yield future.result()
        except BaseException:  # Ctrl-C, or nobody takes the outcomes any more
            pool.end()
            raise
        finally:
            threads.shutdown(cancel_futures=True)


def known(tasks: list[Task], frozen: dict[str, Any], data: Path) -> dict[str, Any]:
    """Give what `snapshot.json` says with the hashes of each region's part of the answers beside it."""
    return _with_parts(frozen, {task.name: data / answers.FOLDER / task.name for task in tasks})


def work(owner: Any, job: dict[str, Any]) -> None:
    """Compute one answer and store it, in a process of its own.

    Parameters
    ----------
    owner : socket or None
        The connection to the process that asked for this one, where it was forked; nothing is sent.
    job : dict
        name, function ("module:name"), options, company, day, data (the snapshot's folder), code and made_of (what it is made
        of), parts (the hashes of rows, by region and table), region (one of those that it is of) and level (all of these).
    """
    from quarterdeck.batch import kernels
    from quarterdeck.data.snapshot import open_desk, tables_read

    kernels.limit_memory()
    module, _, name = job["function"].partition(":")
    function, data = getattr(importlib.import_module(module), name), Path(job["data"])
    desk = open_desk(job["company"], job["region"], job["day"], str(data))
    try:
        day = {k: pd.Timestamp(v) for k, v in job["options"].items() if k == "as_of"}
        desk.ask(function, **job["options"] | day)
        answer = desk.found.answers[job["name"]]  # all of it, of which asking gives the company's part
        read = {table for _, _, tables in tables_read() for table in tables}
        rows = {table: job["parts"][COMPANY].get(table, "") for table in read if not table.startswith(answers.PREFIX)}
        for other in (t.removeprefix(answers.PREFIX) for t in read if t.startswith(answers.PREFIX)):
            rows |= answers.record(data / answers.FOLDER / other)["rows"]
        parts = {region: answers.hashed(answers.cut(function, answer, region)) for region in job["level"]}
        about = {"code": job["code"], "made_of": job["made_of"], "rows": rows, "parts": parts}
        answers.store(answer, data / answers.FOLDER / job["name"], about)
    except Exception as fault:  # the pages that ask for it compute it themselves, and say what is wrong
        print(f"note: {job['title']} could not be computed for all regions at once: {fault}", file=sys.stderr)


def _with_parts(frozen: dict[str, Any], places: dict[str, Path | None]) -> dict[str, Any]:
    """Add the hashes of each region's part of answers, by name and place; none where there is no place or no answer in it."""
    held = {name: answers.record(place).get("parts", {}) if place else {} for name, place in places.items()}
    added = {
        region: {f"{answers.PREFIX}{name}": parts.get(region) for name, parts in held.items()}
        for region in frozen["parts"]
    }
    return frozen | {"parts": {region: tables | added[region] for region, tables in frozen["parts"].items()}}


def _task(
    name: str, question: Question, options: dict, day: str, frozen: dict[str, Any], company: Path, force: bool
) -> Task:
    facts = hashlib.sha256(json.dumps([incremental.described(frozen), day], sort_keys=True).encode()).hexdigest()[:16]
    made_of = {"facts": facts, "packages": packages()}
    why, earlier = "it was asked for by --force", None
    if not force:
        why, earlier = _found(name, question, made_of, frozen["parts"][COMPANY], company)
    return Task(name, question, options, day, made_of, earlier, why)


def _found(
    name: str, question: Question, made_of: dict, rows: dict[str, str], company: Path
) -> tuple[str, Path | None]:
    """Find an earlier answer that stands; else say why it has to be computed, by the newest one."""
    places = [run / "data" / answers.FOLDER / name for run in runs(company)[: incremental.LOOK_BACK]]
    reasons = []
    for place in (p for p in places if p.is_dir()):
        held = answers.record(place)
        changed = [table for table, value in held.get("rows", {}).items() if rows.get(table, "") != value]
        if not held or held.get("made_of") != made_of:
            reasons.append("the day it looks from, the company's description or packages have changed")
        elif held["code"] != _code(question.function.__module__):
            reasons.append("library code that it uses has changed")
        elif changed:
            reasons.append(f"rows of {', '.join(changed)} have changed")
        else:
            return "", place
    return (reasons or ["it has not been computed"])[0], None


def _settled(task: Task, frozen: dict[str, Any], data: Path, pool: Any, first: list[Future]) -> Task:
    """Take an answer over, or have it computed once those that it asks for are there."""
    for future in first:
        future.result()
    place = data / answers.FOLDER / task.name
    if not task.why:
        for file in task.earlier.iterdir():
            if file.name != answers.RECORD:
                shared(file, place / file.name)
        shared(task.earlier / answers.RECORD, place / answers.RECORD)  # last: without it nobody reads the others
        return task
    function = task.question.function
    pool.called(EXECUTE, {
        "name": task.name,
        "title": task.question.title,
        "function": f"{function.__module__}:{function.__qualname__}",
        "options": task.options,
        "company": frozen["company"],
        "day": task.day,
        "data": str(data.resolve()),
        "code": _code(function.__module__),
        "made_of": task.made_of,
        "parts": frozen["parts"],
        "region": task.region,
        "level": [r for r in frozen["parts"] if level(frozen, r) == level(frozen, task.region)],
    })  # fmt: skip
    return task


def _year_before(day: str, frozen: dict[str, Any]) -> str:
    calendar = Calendar.model_validate(frozen.get("calendar", {}))
    return f"{quarter(pd.Timestamp(day), calendar).before().through:%Y-%m-%d}"


@cache
def _code(module: str) -> dict[str, str]:
    return answers.code(incremental.reached_from({module}))


@cache
def _reached(notebook: Path) -> set[str]:
    return incremental.reached(notebook, incremental.asked_for(notebook))


if __name__ == "__main__":
    work(None, json.load(sys.stdin))
