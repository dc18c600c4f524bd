"""Which finished notebook does a request mean? The only place that turns a request into a path.

A name out of a URL is never joined to a path: it is looked for among the folders that exist and the notebooks that
`run.json` lists, and the path is then made of what was found.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

LATEST = "latest"
WHOLE = ("done", "fresh")  # states of a notebook that has a page


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, and what its `run.json` says."""

    company: str
    name: str
    folder: Path
    facts: dict[str, Any]

    def notebooks(self) -> list[dict[str, Any]]:
        """Give the run's entries, one per region and notebook, in the run's own order."""
        return self.facts.get("notebooks", [])

    def entry(self, region: str, notebook: str) -> dict[str, Any] | None:
        """Find what the run says of one notebook of one region."""
        return next((e for e in self.notebooks() if (e["region"], e["notebook"]) == (region, notebook)), None)


@dataclass(frozen=True)
class Shelf:
    """The finished runs that a server may show: all of them, or those of one company, or one run alone."""

    outputs: Path
    company: str | None = None
    run: str = LATEST

    def companies(self) -> list[str]:
        """Name the companies that have a finished run, by the alphabet."""
        names = _folders(self.outputs)
        return [n for n in names if self.company in (None, n) and self.runs(n)]

    def runs(self, company: str) -> list[Run]:
        """Give a company's finished runs, the newest first."""
        if company not in _folders(self.outputs) or self.company not in (None, company):
            return []
        found = [_read(self.outputs / company / name) for name in _folders(self.outputs / company)]
        shown = [r for r in found if r and self.run in (LATEST, r.name)]
        return sorted(shown, key=lambda r: (str(r.facts.get("created_at", "")), r.name), reverse=True)

    def find(self, company: str, run: str) -> Run | None:
        """Find one run by its name; `latest` is the newest that the company's own link points to."""
        runs = self.runs(company)
        name = self._newest(company) if runs and run == LATEST else run
        return next((r for r in runs if r.name == name), None)

    def notebook(self, company: str, run: str, region: str, notebook: str) -> Path | None:
        """Resolve a request to the stored notebook that it may see, or to None."""
        found = self.find(company, run)
        entry = found and found.entry(region, notebook)
        if not entry or entry["state"] not in WHOLE:
            return None
        path = found.folder / entry["region"] / f"{entry['notebook']}.ipynb"
        return path if path.is_file() and path.resolve() == path else None  # a link out of the run is not followed

    def _newest(self, company: str) -> str | None:
        if self.run != LATEST:
            return self.run
        link = self.outputs / company / LATEST
        target = link.resolve()
        return target.name if link.is_symlink() and target.parent == link.parent.resolve() else None


def _folders(parent: Path) -> list[str]:
    """Name the real, visible folders in `parent`; a symbolic link is not one."""
    if not parent.is_dir():
        return []
    return sorted(p.name for p in parent.iterdir() if p.is_dir() and not p.is_symlink() and p.name[0] != ".")


def _read(folder: Path) -> Run | None:
    """Read a run, if it is finished: `run.json` is the last file that a run writes."""
    file = folder.resolve() / "run.json"
    if file.is_symlink() or not file.is_file():
        return None
    stamp = file.stat()
    facts = _parse(file, stamp.st_mtime_ns, stamp.st_size)
    return Run(folder.parent.name, folder.name, file.parent, facts)


@lru_cache(maxsize=256)
def _parse(file: Path, changed: int, size: int) -> dict[str, Any]:
    """Parse a `run.json`; `changed` and `size` are the cache's key to one version of it."""
    return json.loads(file.read_text(encoding="utf-8"))
