"""Which finished notebook does a request mean? The only place that turns a request into a path.

A name out of a URL is never joined to a path: it is looked for among the folders that exist and the notebooks that
`run.json` lists, and the path is then made of what was found.
"""

import errno
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from quarterdeck.batch import finished
from quarterdeck.data import COMPANY
from quarterdeck.data.tree import UNITS, below
from quarterdeck.errors import RunError
from quarterdeck.present.agreement import agreed

LATEST = "latest"
WHOLE = ("done", "fresh")  # states of a notebook that has a page
HEADLINE = ("revenue", "revenue_growth")  # figures of the company that a line on a run shows
OUT_OF_HANDLES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # the server's own want, not a run's
SETTLED = 1_000_000_000  # ns; a folder changed less long ago may change again without its time telling


class Record:
    """What a `run.json` says, with its notebooks and figures indexed."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.entries: dict[tuple[str, str], dict[str, Any]] = {}
        for entry in facts.get("notebooks", []):
            self.entries.setdefault((entry["region"], entry["notebook"]), entry)
        self.kpis: dict[str, list[dict[str, Any]]] = {}
        for kpi in facts.get("kpis", []):
            self.kpis.setdefault(kpi["region"], []).append(kpi)

    def of(self, regions: frozenset[str]) -> "Record":
        """Leave what speaks of these regions and all below them; what does not say of which region it speaks is left out."""
        regions = below(self.parents, regions)
        mine = [e for e in self.facts.get("notebooks", []) if region_name(e) in regions]
        spoken = {e["region"] for e in mine} | {region_name(e) for e in mine}  # the record has both
        facts = {k: v for k, v in self.facts.items() if not isinstance(v, list | dict)}
        lists = {k: v for k, v in self.facts.items() if isinstance(v, list)}
        spoken_of = {k: [x for x in v if isinstance(x, dict) and x.get("region") in spoken] for k, v in lists.items()}
        return Record(facts | self._tree(regions) | spoken_of | {"notebooks": mine, "in_part": True})

    @property
    def parents(self) -> dict[str, str]:
        """Give by region the one above it, or nothing, where regions are units of an organisation."""
        return self.facts.get(UNITS, {}).get("parents", {})

    def _tree(self, regions: frozenset[str] | None = None) -> dict[str, Any]:
        """Leave of the organisation what some regions, or all, are in each other; of others no name is left."""
        if not self.parents:
            return {}
        known = {k: v for k, v in self.parents.items() if regions is None or k in regions}
        seen = {k: v if regions is None or v in regions else "" for k, v in known.items()}
        return {UNITS: {"view": self.facts[UNITS]["view"], "parents": seen}}

    def outlined(self) -> "Record":
        """Leave what a line on the run says, which is little enough to stay in memory for every run."""
        entries = self.facts["notebooks"]
        facts = {k: v for k, v in self.facts.items() if not isinstance(v, list | dict)}
        facts["notebooks"] = [_line(e["region"], e["notebook"], e["state"], e["parameters"]["region"]) for e in entries]
        facts["kpis"] = [k for k in self.facts["kpis"] if k["region"] == COMPANY and k["metric"] in HEADLINE]
        return Record(
            facts
            | self._tree()
            | {"agreed": agreed(self.facts["reconciliation"], self.facts.get("not_reconciled", []))}
        )


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, and what its `run.json` says of some regions, or of all.

    `version` tells one state of that file from another.
    """

    company: str
    name: str
    folder: Path
    version: tuple[int, ...]
    regions: frozenset[str] | None = None

    @property
    def record(self) -> Record:
        """Give what `run.json` says, with its notebooks and figures indexed."""
        return _record(self.folder, self.version) if self.regions is None else _part(self)

    @property
    def outline(self) -> "Run":
        """Give the run with what a line on it says alone, which is in memory for every run."""
        return _Outline(**vars(self))

    @property
    def facts(self) -> dict[str, Any]:
        """Give what `run.json` says."""
        return self.record.facts

    def notebooks(self) -> list[dict[str, Any]]:
        """Give the run's entries, one per region and notebook, in the run's own order."""
        return self.facts.get("notebooks", [])

    def entry(self, region: str, notebook: str) -> dict[str, Any] | None:
        """Find what the run says of one notebook of one region."""
        return self.record.entries.get((region, notebook))

    def edition(self, region: str, notebook: str) -> dict[str, Any] | None:
        """Say which earlier edition stands in for a page that failed, where one does."""
        return (self.entry(region, notebook) or {}).get("edition")

    def made(self, region: str, notebook: str) -> dict[str, Any]:
        """Give what `run.json` says, for one page: an earlier edition is of another run, day and snapshot."""
        return {**self.facts, **(self.edition(region, notebook) or {})}

    def kpis(self, region: str, notebook: str | None = None) -> dict[str, dict[str, Any]]:
        """Give a region's figures by metric: those of one notebook, or the first that the run recorded of each."""
        edition = self.edition(region, notebook) if notebook else None
        figures = edition["kpis"] if edition else self.record.kpis.get(region, [])
        return {k["metric"]: k for k in reversed(figures) if notebook in (None, k["notebook"])}


class _Outline(Run):
    """A run of which only an outline is in memory."""

    @property
    def record(self) -> Record:
        """Give the outline."""
        outline = _outline(self.folder, self.version)
        return outline if self.regions is None else _part_of_outline(self)


@dataclass(frozen=True)
class Shelf:
    """The finished runs that a server may show: all of them, or those of one company, or one run alone."""

    outputs: Path
    company: str | None = None
    run: str = LATEST
    sees: frozenset[tuple[str, frozenset[str] | None]] | None = None  # regions by company; None: all of them
    shown: dict[str, str] = field(default_factory=dict, compare=False)  # the run that `latest` stays with, by company

    def seen_by(self, user: Any) -> "Shelf":
        """Give the shelf as a user sees it: pages, figures and checks of other regions are not on it."""
        return replace(self, sees=getattr(user, "rights", frozenset()))

    @cached_property
    def _root(self) -> str:
        return str(self.outputs)  # text is joined and compared faster than paths, and every request does that

    def companies(self) -> list[str]:
        """Name the companies that have a finished run, by the alphabet."""
        return [n for n in _folders(self._root) if self.company in (None, n) and self._has_run(n)]

    def _has_run(self, company: str) -> bool:
        names = reversed(_folders(f"{self._root}/{company}"))  # the newest first: it is enough, as a rule
        return any(self._read(company, name) for name in names if self.run in (LATEST, name))

    def runs(self, company: str) -> list[Run]:
        """Give a company's finished runs, the newest first."""
        if company not in _folders(self._root) or self.company not in (None, company):
            return []
        found = [self._read(company, name) for name in _folders(f"{self._root}/{company}")]
        shown = [r for r in found if r and self.run in (LATEST, r.name)]
        return sorted(shown, key=lambda r: (r.outline.facts["created_at"], r.name), reverse=True)

    def unreadable(self) -> Iterator[tuple[str, str, str]]:
        """Give the runs that are not on the shelf because their `run.json` cannot be read: company, run and why."""
        for company in _folders(self._root):
            for name in _folders(f"{self._root}/{company}") if self.company in (None, company) else []:
                folder = Path(self._root, company, name)
                if self.run in (LATEST, name) and (why := _unreadable(folder)):
                    yield company, name, why

    def find(self, company: str, run: str) -> Run | None:
        """Find one run by its name.

        `latest` is the one that is `shown`, or else the one that the company's link names; where that cannot be read, it is
        the newest of those before it.
        """
        if company not in _folders(self._root) or self.company not in (None, company):
            return None
        name = self._newest(company) if run == LATEST else run
        shown = self.run in (LATEST, name) and name in _folders(f"{self._root}/{company}")
        return self._read(company, name) if shown else None

    def before(self, run: Run, region: str, notebook: str) -> Run | None:
        """Find the newest run before this one, or before its edition of a page, that made the same page itself."""
        made = run.made(region, notebook)
        since = made["created_at"], made["run"]
        runs = [r for r in self.runs(run.company) if (r.outline.facts["created_at"], r.name) < since]
        earlier = (r for r in runs if not r.edition(region, notebook))  # one after the other: each is to be read
        return next((r for r in earlier if self.notebook(r.company, r.name, region, notebook)), None)

    def notebook(self, company: str, run: str, region: str, notebook: str) -> Path | None:
        """Resolve a request to the stored notebook that it may see, or to None."""
        found = self.find(company, run)
        entry = found and found.entry(region, notebook)
        if not entry or not shows(entry):
            return None
        folder = f"{found.folder}/{region}"
        path = f"{folder}/{notebook}.ipynb"
        plain = all(os.path.basename(name) == name and name.strip(".") for name in (region, notebook))
        return Path(path) if plain and _mode(folder, stat.S_ISDIR) and _mode(path, stat.S_ISREG) else None

    def _read(self, company: str, name: str) -> Run | None:
        """Read a run, if it is finished (`run.json` is the last file that a run writes) and has a page to be seen."""
        version = _version(f"{self._root}/{company}/{name}")
        if not version or _fault(Path(self._root, company, name), version):
            return None
        regions = None if self.sees is None else dict(self.sees).get(company, frozenset())
        run = _run(self._root, company, name, version, regions)
        return run if regions is None or run.outline.notebooks() else None

    def _newest(self, company: str) -> str | None:
        if self.run != LATEST:
            return self.run
        shown, linked = self.shown.get(company), self.linked(company)
        if found := next((name for name in (shown, linked) if name and self._read(company, name)), None):
            return found
        return next((r.name for r in self.runs(company) if linked and r.name < linked), None)

    def linked(self, company: str) -> str | None:
        """Name the run that a company's link leads to: a name like any other, to be looked for among its folders."""
        try:
            return os.readlink(f"{self._root}/{company}/{LATEST}")
        except OSError:
            return None


def shows(entry: dict[str, Any]) -> bool:
    """Tell whether a run has a page for one of its entries: a whole one, or an earlier edition of one that failed."""
    return entry["state"] in WHOLE or bool(entry.get("edition"))


def region_name(entry: dict[str, Any]) -> str:
    """Give the name that an entry's region has in the company's data, or `company`."""
    if entry["region"] == COMPANY:
        return COMPANY
    return str(entry.get("parameters", {}).get("region") or entry["region"])


@lru_cache(maxsize=8192)
def _line(region: str, notebook: str, state: str, name: str) -> dict[str, Any]:
    """Give what an outline says of a page; runs that say the same share it."""
    return {"region": region, "notebook": notebook, "state": state, "parameters": {"region": name}}


def _mode(path: str, kind: Any) -> os.stat_result | None:
    """Give what the system says of a path that is itself of a kind; a link out of the run is not followed."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return None
    return status if kind(status.st_mode) else None


def _folders(parent: str) -> list[str]:
    """Name the real, visible folders in `parent`; a symbolic link is not one."""
    status = _mode(parent, stat.S_ISDIR)
    if not status:
        return []
    settled = time.time_ns() - status.st_ctime_ns > SETTLED
    return _listed(parent, status.st_ctime_ns) if settled else _listed.__wrapped__(parent, 0)


@lru_cache(maxsize=256)
def _listed(parent: str, changed: int) -> list[str]:
    """List a folder; `changed` is the cache's key to one version of it."""
    try:
        with os.scandir(parent) as found:
            return sorted(e.name for e in found if e.is_dir(follow_symlinks=False) and e.name[0] != ".")
    except PermissionError:  # what may not be looked into holds no run
        return []


@lru_cache(maxsize=4096)
def _run(root: str, company: str, name: str, version: tuple[int, ...], regions: frozenset[str] | None) -> Run:
    return Run(company, name, Path(root, company, name), version, regions)


def _version(folder: str) -> tuple[int, ...] | None:
    """Tell one state of a run's `run.json` from another; None where there is no such file."""
    status = _mode(f"{folder}/{finished.RECORD}", stat.S_ISREG)
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino) if status else None


def _unreadable(folder: Path) -> str:
    """Say why a run that has a `run.json` cannot be read; nothing where it can, or has none."""
    if version := _version(str(folder)):
        return _fault(folder, version)
    return f"{folder / finished.RECORD} is not a file." if os.path.lexists(folder / finished.RECORD) else ""


def _fault(folder: Path, version: tuple[int, ...]) -> str:
    """Say why a `run.json` cannot be read; nothing where it can. What the system refuses now it may give a moment later."""
    try:
        found = _outline(folder, version)
    except OSError as error:
        if error.errno in OUT_OF_HANDLES:
            raise
        return f"{folder / finished.RECORD} cannot be read ({error.strerror})."
    return found if isinstance(found, str) else ""


@lru_cache(maxsize=4096)
def _outline(folder: Path, version: tuple[int, ...]) -> Record | str:
    try:
        return _record(folder, version).outlined()
    except RunError as error:
        return str(error)


@lru_cache(maxsize=8)
def _record(folder: Path, version: tuple[int, ...]) -> Record:
    """Read a `run.json`, without what no page shows; `version` is the cache's key to one state of it."""
    facts = finished.record(folder)
    facts.pop("forecasts", None)
    for entry in facts["notebooks"]:
        entry.pop("made_of", None)
    return Record(facts)


@lru_cache(maxsize=256)
def _part(run: Run) -> Record:
    return _record(run.folder, run.version).of(run.regions)


@lru_cache(maxsize=4096)
def _part_of_outline(run: Run) -> Record:
    return _outline(run.folder, run.version).of(run.regions)
