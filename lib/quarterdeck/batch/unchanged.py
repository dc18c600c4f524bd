"""Is there anything to run at all?

A run notes which files it depends on. While none of them has changed and the same is asked for, the latest run is up to
date, and nothing has to be read or imported to know that.
"""

import hashlib
import json
import os
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from quarterdeck.batch import finished
from quarterdeck.errors import RunError

LIBRARY = Path(__file__).parent.parent
NOTE = "inputs.json"


class Noted(TypedDict):
    """What a run noted of what it depends on: files by size, time and hash."""

    asked: dict[str, Any]
    environment: dict[str, str | None]
    packages: str
    files: dict[str, tuple[int, int, str]]
    sources: list[str]


def asked(
    company: Path, regions: list[str] | None, only: list[str] | None, as_of: str, data: Path | None
) -> dict[str, Any]:
    """Say what is asked for, in values that JSON can hold: company, regions, only, as_of and data."""
    folder = str(data.resolve()) if data else None
    return {
        "company": str(company.resolve()),
        "regions": regions or [],
        "only": only or [],
        "as_of": as_of,
        "data": folder,
    }


def stamps(files: list[Path]) -> dict[str, list]:
    """Stamp files, so that a later run can see whether they have changed.

    Returns
    -------
    dict
        By absolute path: size (bytes), time of the last change (ns) and SHA-256 of the content.
    """
    return {str(p.resolve()): [*_stamp(p), _content(p)] for p in files if p.is_file()}


def note(
    asked: dict[str, Any], params: Path, notebooks: Path, sources: list[Path], variables: list[str]
) -> dict[str, Any]:
    """Note what a run depends on: what was asked for, the files, the environment and the packages."""
    files = stamps([*_files(params, notebooks), *sources])
    return {
        "asked": asked,
        "environment": {name: os.environ.get(name) for name in variables if name},
        "packages": packages(),
        "files": files,
        "sources": [str(p.resolve()) for p in sources],
    }


def with_files(noted: dict[str, Any], files: list[Path]) -> dict[str, Any]:
    """Add files that the run depends on to a note, where they exist."""
    more = stamps(files)
    return noted | {"files": noted["files"] | more, "sources": [*noted["sources"], *more]}


def since(company: Path, asked: dict[str, Any], params: Path, notebooks: Path) -> Path | None:
    """Give the latest run's folder, where the same was asked for then and nothing has changed since; else None.

    Parameters
    ----------
    company : Path
        The company's folder of runs.
    asked : dict
        What was asked for, as `note` took it.
    params, notebooks : Path
        The folder `params/<company>` and the folder of the notebooks.
    """
    latest = (company / "latest").resolve()
    noted = _noted(latest)
    if not noted:
        return None
    here = {str(p.resolve()) for p in _files(params, notebooks)}
    same = noted["asked"] == asked and noted["packages"] == packages()
    same = same and all(os.environ.get(k) == v for k, v in noted["environment"].items())
    same = same and here | set(noted["sources"]) == set(noted["files"])
    same = same and all(_is_as_it_was(Path(path), *stamp) for path, stamp in noted["files"].items())
    return latest if same and _stands(latest) else None


def _noted(run: Path) -> dict[str, Any]:
    """Read what a run noted; nothing where it cannot be read, for then everything is looked at again."""
    try:
        return finished.read(run / NOTE, Noted, finished.MOST)
    except (RunError, OSError):
        return {}


@cache
def packages() -> str:
    """Hash the versions of Python and of the packages that Quarterdeck names as its own needs."""
    needs = [line for line in metadata.requires("quarterdeck") or [] if "extra ==" not in line]
    names = ["".join(c if c.isalnum() or c in "-_." else " " for c in line).split()[0] for line in needs]
    return hashlib.sha256(json.dumps([sys.version, [metadata.version(n) for n in names]]).encode()).hexdigest()[:16]


def _files(params: Path, notebooks: Path) -> list[Path]:
    return [*sorted(params.glob("*.yaml")), *sorted(notebooks.glob("*.ipynb")), *sorted(LIBRARY.rglob("*.py"))]


def _is_as_it_was(path: Path, size: int, changed: int, content: str) -> bool:
    if not path.is_file():
        return False
    return _stamp(path) == (size, changed) or (path.stat().st_size == size and _content(path) == content)


def _stands(run: Path) -> bool:
    """Tell whether every page of a run is whole and there, and its figures agree."""
    if not (facts := finished.facts(run)):
        return False
    pages = [(e["state"] != "failed", run / e["region"] / f"{e['notebook']}.ipynb") for e in facts["notebooks"]]
    whole = all(made and _ends(page) for made, page in pages)
    return whole and all(c["ok"] for c in facts["reconciliation"])


def _ends(page: Path) -> bool:
    """Tell whether a page is there and was not cut short; to read all of them would take longer than the rest."""
    try:
        with page.open("rb") as file:
            file.seek(-min(8, page.stat().st_size), os.SEEK_END)
            return file.read().rstrip().endswith(b"}")
    except OSError:
        return False


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
