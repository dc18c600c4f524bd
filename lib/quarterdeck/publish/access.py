"""Which finished notebook does a request mean? The only place that turns a request into a path.

A name out of a URL is never joined to a path: it is looked for among the folders that exist and the notebooks that
`run.json` lists, and the path is then made of what was found.
"""

import json
import os
import stat
import time
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

LATEST = "latest"
WHOLE = ("done", "fresh")  # states of a notebook that has a page
SETTLED = 1_000_000_000  # ns; a folder changed less long ago may change again without its time telling


class Record:
    """What a `run.json` says, with its notebooks and figures at hand; what no page shows is not kept."""

    def __init__(self, file: Path) -> None:
        self.facts = json.loads(file.read_text(encoding="utf-8"))
        self.facts.pop("forecasts", None)
        self.entries: dict[tuple[str, str], dict[str, Any]] = {}
        for entry in self.facts.get("notebooks", []):
            entry.pop("made_of", None)
            self.entries.setdefault((entry["region"], entry["notebook"]), entry)
        self.kpis: dict[str, list[dict[str, Any]]] = {}
        for kpi in self.facts.get("kpis", []):
            self.kpis.setdefault(kpi["region"], []).append(kpi)


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, and what its `run.json` says; `version` tells one state of that file from another."""

    company: str
    name: str
    folder: Path
    version: tuple[int, int]

    @property
    def facts(self) -> dict[str, Any]:
        """Give what `run.json` says."""
        return _record(self.folder, self.version).facts

    def notebooks(self) -> list[dict[str, Any]]:
        """Give the run's entries, one per region and notebook, in the run's own order."""
        return self.facts.get("notebooks", [])

    def entry(self, region: str, notebook: str) -> dict[str, Any] | None:
        """Find what the run says of one notebook of one region."""
        return _record(self.folder, self.version).entries.get((region, notebook))

    def kpis(self, region: str, notebook: str | None = None) -> dict[str, dict[str, Any]]:
        """Give a region's figures by metric: those of one notebook, or the first that the run recorded of each."""
        told = _record(self.folder, self.version).kpis.get(region, [])
        return {k["metric"]: k for k in reversed(told) if notebook in (None, k["notebook"])}


@dataclass(frozen=True)
class Shelf:
    """The finished runs that a server may show: all of them, or those of one company, or one run alone."""

    outputs: Path
    company: str | None = None
    run: str = LATEST

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
        found = [_read(self._root, company, name) for name in _folders(f"{self._root}/{company}")]
        shown = [r for r in found if r and self.run in (LATEST, r.name)]
        return sorted(shown, key=lambda r: (_created(r), r.name), reverse=True)

    def find(self, company: str, run: str) -> Run | None:
        """Find one run by its name; `latest` is the newest that the company's own link points to."""
        if company not in _folders(self._root) or self.company not in (None, company):
            return None
        name = self._newest(company) if run == LATEST else run
        shown = self.run in (LATEST, name) and name in _folders(f"{self._root}/{company}")
        return _read(self._root, company, name) if shown else None

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

    def _newest(self, company: str) -> str | None:
        if self.run != LATEST:
            return self.run
        try:
            return os.readlink(
                f"{self._root}/{company}/{LATEST}"
            )  # looked for among the company's folders like any name
        except OSError:
            return None


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


def _read(root: str, company: str, name: str) -> Run | None:
    """Read a run, if it is finished: `run.json` is the last file that a run writes."""
    told = _mode(f"{root}/{company}/{name}/run.json", stat.S_ISREG)
    return _run(root, company, name, (told.st_mtime_ns, told.st_size)) if told else None


@lru_cache(maxsize=4096)
def _run(root: str, company: str, name: str, version: tuple[int, int]) -> Run:
    return Run(company, name, Path(root, company, name), version)


@lru_cache(maxsize=8)
def _record(folder: Path, version: tuple[int, int]) -> Record:
    """Parse a `run.json`; `version` is the cache's key to one state of it."""
    return Record(folder / "run.json")


@lru_cache(maxsize=4096)
def _created(run: Run) -> str:
    return str(run.facts.get("created_at", ""))
