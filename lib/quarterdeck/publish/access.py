"""Which finished notebook does a request mean? The only place that turns a request into a path.

A name out of a URL is never joined to a path: it is looked for among the folders that exist and the notebooks that
`run.json` lists, and the path is then made of what was found.
"""

import json
import os
import stat
import time
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from quarterdeck.data import COMPANY

LATEST = "latest"
WHOLE = ("done", "fresh")  # states of a notebook that has a page
SETTLED = 1_000_000_000  # ns; a folder changed less long ago may change again without its time telling


class Record:
    """What a `run.json` says, with its notebooks and figures at hand."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.entries: dict[tuple[str, str], dict[str, Any]] = {}
        for entry in facts.get("notebooks", []):
            self.entries.setdefault((entry["region"], entry["notebook"]), entry)
        self.kpis: dict[str, list[dict[str, Any]]] = {}
        for kpi in facts.get("kpis", []):
            self.kpis.setdefault(kpi["region"], []).append(kpi)

    def of(self, regions: frozenset[str]) -> "Record":
        """Leave what speaks of these regions; what does not say of which region it speaks is left out."""
        mine = [e for e in self.facts.get("notebooks", []) if region_name(e) in regions]
        spoken = {e["region"] for e in mine} | {region_name(e) for e in mine}  # the record has both
        facts = {k: v for k, v in self.facts.items() if not isinstance(v, list | dict)}
        lists = {k: v for k, v in self.facts.items() if isinstance(v, list)}
        told = {k: [x for x in v if isinstance(x, dict) and x.get("region") in spoken] for k, v in lists.items()}
        return Record(facts | told | {"notebooks": mine, "in_part": True})


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, and what its `run.json` says of some regions, or of all.

    `version` tells one state of that file from another.
    """

    company: str
    name: str
    folder: Path
    version: tuple[int, int]
    regions: frozenset[str] | None = None

    @property
    def record(self) -> Record:
        """Give what `run.json` says, with its parts at hand."""
        return _record(self.folder, self.version) if self.regions is None else _part(self)

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

    def kpis(self, region: str, notebook: str | None = None) -> dict[str, dict[str, Any]]:
        """Give a region's figures by metric: those of one notebook, or the first that the run recorded of each."""
        told = self.record.kpis.get(region, [])
        return {k["metric"]: k for k in reversed(told) if notebook in (None, k["notebook"])}


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
        names = _folders(self._root)
        return [n for n in names if self.company in (None, n) and self.runs(n)]

    def runs(self, company: str) -> list[Run]:
        """Give a company's finished runs, the newest first."""
        if company not in _folders(self._root) or self.company not in (None, company):
            return []
        found = [self._read(company, name) for name in _folders(f"{self._root}/{company}")]
        shown = [r for r in found if r and self.run in (LATEST, r.name)]
        return sorted(shown, key=lambda r: (_created(r), r.name), reverse=True)

    def find(self, company: str, run: str) -> Run | None:
        """Find one run by its name; `latest` is the one that is `shown`, or else the one that the company's link names."""
        if company not in _folders(self._root) or self.company not in (None, company):
            return None
        name = self._newest(company) if run == LATEST else run
        shown = self.run in (LATEST, name) and name in _folders(f"{self._root}/{company}")
        return self._read(company, name) if shown else None

    def before(self, run: Run, region: str, notebook: str) -> Run | None:
        """Find the newest run before this one that has the same page."""
        runs = self.runs(run.company)
        earlier = runs[runs.index(run) + 1 :] if run in runs else []
        return next((r for r in earlier if self.notebook(r.company, r.name, region, notebook)), None)

    def notebook(self, company: str, run: str, region: str, notebook: str) -> Path | None:
        """Resolve a request to the stored notebook that it may see, or to None."""
        found = self.find(company, run)
        entry = found and found.entry(region, notebook)
        if not entry or entry["state"] not in WHOLE:
            return None
        folder = f"{found.folder}/{region}"
        path = f"{folder}/{notebook}.ipynb"
        plain = all(os.path.basename(name) == name and name.strip(".") for name in (region, notebook))
        return Path(path) if plain and _mode(folder, stat.S_ISDIR) and _mode(path, stat.S_ISREG) else None

    def _read(self, company: str, name: str) -> Run | None:
        """Read a run, if it is finished (`run.json` is the last file that a run writes) and has a page to be seen."""
        told = _mode(f"{self._root}/{company}/{name}/run.json", stat.S_ISREG)
        regions = None if self.sees is None else dict(self.sees).get(company, frozenset())
        run = _run(self._root, company, name, (told.st_mtime_ns, told.st_size), regions) if told else None
        return run if run and (regions is None or run.notebooks()) else None

    def _newest(self, company: str) -> str | None:
        if self.run != LATEST:
            return self.run
        shown = self.shown.get(company)
        return shown if shown and self._read(company, shown) else self.linked(company)

    def linked(self, company: str) -> str | None:
        """Name the run that a company's link leads to: a name like any other, to be looked for among its folders."""
        try:
            return os.readlink(f"{self._root}/{company}/{LATEST}")
        except OSError:
            return None


def region_name(entry: dict[str, Any]) -> str:
    """Give the name that an entry's region has in the company's data, or `company`."""
    if entry["region"] == COMPANY:
        return COMPANY
    return str(entry.get("parameters", {}).get("region") or entry["region"])


def _mode(path: str, kind: Any) -> os.stat_result | None:
    """Give what the system says of a path that is itself of a kind; a link out of the run is not followed."""
    try:
        told = os.lstat(path)
    except (OSError, ValueError):
        return None
    return told if kind(told.st_mode) else None


def _folders(parent: str) -> list[str]:
    """Name the real, visible folders in `parent`; a symbolic link is not one."""
    told = _mode(parent, stat.S_ISDIR)
    if not told:
        return []
    settled = time.time_ns() - told.st_mtime_ns > SETTLED
    return _listed(parent, told.st_mtime_ns) if settled else _listed.__wrapped__(parent, 0)


@lru_cache(maxsize=256)
def _listed(parent: str, changed: int) -> list[str]:
    """List a folder; `changed` is the cache's key to one version of it."""
    with os.scandir(parent) as found:
        return sorted(e.name for e in found if e.is_dir(follow_symlinks=False) and e.name[0] != ".")


@lru_cache(maxsize=4096)
def _run(root: str, company: str, name: str, version: tuple[int, int], regions: frozenset[str] | None) -> Run:
    return Run(company, name, Path(root, company, name), version, regions)


@lru_cache(maxsize=8)
def _record(folder: Path, version: tuple[int, int]) -> Record:
    """Parse a `run.json`, without what no page shows; `version` is the cache's key to one state of it."""
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    facts.pop("forecasts", None)
    for entry in facts.get("notebooks", []):
        entry.pop("made_of", None)
    return Record(facts)


@lru_cache(maxsize=256)
def _part(run: Run) -> Record:
    return _record(run.folder, run.version).of(run.regions)


@lru_cache(maxsize=4096)
def _created(run: Run) -> str:
    return str(run.facts.get("created_at", ""))
