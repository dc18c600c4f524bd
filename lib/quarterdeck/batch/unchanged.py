"""Is there anything to run at all?

A run notes which files it stands on. While every one of them is as it was, and the same is asked for, the latest run stands,
and nothing need be read or even imported to know it.
"""

import hashlib
import json
import os
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).parent.parent
NOTE = "inputs.json"


def asked(
    company: Path, regions: list[str] | None, only: list[str] | None, as_of: str, data: Path | None
) -> dict[str, Any]:
    """Say what was asked for, in words that go through JSON."""
    folder = str(data.resolve()) if data else None
    return {
        "company": str(company.resolve()),
        "regions": regions or [],
        "only": only or [],
        "as_of": as_of,
        "data": folder,
    }


def stamps(files: list[Path]) -> dict[str, list]:
    """Stamp files: by path the size, the time of the last change, and the hash of the content."""
    return {str(p.resolve()): [*_stamp(p), _content(p)] for p in files if p.is_file()}


def note(
    asked: dict[str, Any], params: Path, notebooks: Path, sources: list[Path], variables: list[str]
) -> dict[str, Any]:
    """Note what a run stands on: what was asked for, the files, the environment and the packages."""
    files = stamps([*_files(params, notebooks), *sources])
    return {
        "asked": asked,
        "environment": {name: os.environ.get(name) for name in variables if name},
        "packages": packages(),
        "files": files,
        "sources": [str(p.resolve()) for p in sources],
    }


def with_files(noted: dict[str, Any], files: list[Path]) -> dict[str, Any]:
    """Give a note with more files that the run stands on, where they are there."""
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
    if not (latest / NOTE).is_file() or not (latest / "run.json").is_file():
        return None
    noted = json.loads((latest / NOTE).read_text(encoding="utf-8"))
    here = {str(p.resolve()) for p in _files(params, notebooks)}
    same = noted["asked"] == asked and noted["packages"] == packages()
    same = same and all(os.environ.get(k) == v for k, v in noted["environment"].items())
    same = same and here | set(noted["sources"]) == set(noted["files"])
    same = same and all(_is_as_it_was(Path(path), *stamp) for path, stamp in noted["files"].items())
    return latest if same and _stands(latest) else None


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
    """Tell whether every page of a run is there, and its figures agree."""
    told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    whole = all((run / e["region"] / f"{e['notebook']}.ipynb").is_file() for e in told["notebooks"])
    return whole and all(c["ok"] for c in told["reconciliation"])


def _stamp(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_size, told.st_mtime_ns


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
