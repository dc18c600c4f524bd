"""Which finished notebook does a request mean? The only place that turns a request into a path.

A name out of a URL is never joined to a path: it is looked for among the folders that exist and the notebooks that
`run.json` lists, and the path is then made of what was found.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from quarterdeck.data.snapshot import COMPANY

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
    sees: Mapping[str, frozenset[str] | None] | None = None  # regions by company; None: all of them

    def seen_by(self, user: Any) -> "Shelf":
        """Give the shelf as a user sees it: pages, figures and checks of other regions are not on it."""
        return replace(self, sees=getattr(user, "sees", {}))

    def companies(self) -> list[str]:
        """Name the companies that have a finished run, by the alphabet."""
        names = _folders(self.outputs)
        return [n for n in names if self.company in (None, n) and self.runs(n)]

    def runs(self, company: str) -> list[Run]:
        """Give a company's finished runs, the newest first."""
        if company not in _folders(self.outputs) or self.company not in (None, company):
            return []
        found = [_read(self.outputs / company / name) for name in _folders(self.outputs / company)]
        regions = None if self.sees is None else self.sees.get(company, frozenset())
        cut = [r if regions is None else _cut(r, regions) for r in found if r and self.run in (LATEST, r.name)]
        shown = [r for r in cut if regions is None or r.notebooks()]
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


def region_name(entry: dict[str, Any]) -> str:
    """Give the name that an entry's region has in the company's data, or `company`."""
    if entry["region"] == COMPANY:
        return COMPANY
    return str(entry.get("parameters", {}).get("region") or entry["region"])


def _cut(run: Run, regions: frozenset[str]) -> Run:
    """Leave of a run what speaks of these regions; what does not say of which region it speaks is left out."""
    mine = [e for e in run.notebooks() if region_name(e) in regions]
    spoken = {e["region"] for e in mine} | {region_name(e) for e in mine}  # the record has both
    facts = {k: v for k, v in run.facts.items() if not isinstance(v, list | dict)}
    lists = {k: v for k, v in run.facts.items() if isinstance(v, list)}
    told = {k: [x for x in v if isinstance(x, dict) and x.get("region") in spoken] for k, v in lists.items()}
    return replace(run, facts=facts | told | {"notebooks": mine, "in_part": True})


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
