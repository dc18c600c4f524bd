"""Where does a company keep its runs, who may write there, and which of them may go?"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quarterdeck.batch import finished
from quarterdeck.data import durable
from quarterdeck.errors import RunError

try:
    import fcntl
except ImportError:  # Windows has no such locks; there two runs at once are left to the operator
    fcntl = None

RUN = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?")
ASIDE = "failed"  # the folder in a run for notebooks that failed


@contextlib.contextmanager
def held(company: Path) -> Iterator[None]:
    """Hold a company's folder of runs, which is made where there is none: two runs at once would be in each other's way.

    The lock is on the folder itself; it ends with the process, however that ends.

    Raises
    ------
    RunError
        Where another run holds it, or it cannot be written.
    """
    lock = _locked(company)
    try:
        yield
    finally:
        os.close(lock)
        with contextlib.suppress(OSError):
            company.rmdir()  # where it is empty


def _locked(company: Path) -> int:
    try:
        company.mkdir(parents=True, exist_ok=True)
        lock = os.open(company, os.O_RDONLY)
    except OSError as error:
        raise RunError(
            f"{company} cannot be made or read ({error.strerror}); choose another folder by --out."
        ) from error
    try:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise RunError(f"another run is writing to {company}; wait until it ends, or stop it.") from error
    if not os.access(company, os.W_OK):
        os.close(lock)
        raise RunError(f"{company} cannot be written; choose another folder by --out.")
    return lock


def new(company: Path) -> Path:
    """Make a run's folder, named by the second at which it began.

    Runs are in the order of their names: where a clock was set back, it has the last one's second, and a number.
    """
    last = [_order(run)[0] for run in runs(company)[:1]]
    name = f"{max([f'{datetime.now(UTC):%Y-%m-%dT%H%M%S}', *last])}Z"
    taken = {path.name for path in company.iterdir()}
    numbered = (f"{name}-{i}" for i in range(2, len(taken) + 3))
    folder = company / (name if name not in taken else next(n for n in numbered if n not in taken))
    folder.mkdir()
    return folder


def runs(company: Path) -> list[Path]:
    """List a company's runs, finished or not, the newest first."""
    found = [p for p in company.iterdir() if RUN.fullmatch(p.name) and p.is_dir()] if company.is_dir() else []
    return sorted(found, key=_order, reverse=True)


def _order(run: Path) -> tuple[str, int]:
    """Give the second in a run's name, and its number, by which runs come one after the other."""
    second, _, number = run.name.partition("Z")
    return second, int(number.lstrip("-") or 1)


def point(company: Path, run: str) -> None:
    """Let `latest` point to a run, or to none."""
    if not run:
        (company / "latest").unlink(missing_ok=True)
        return
    link = company / f".latest-{run}"
    link.symlink_to(run)
    os.replace(link, company / "latest")
    durable.flush(company)


def pages(run: Path) -> set[tuple[str, str]]:
    """Name the pages in a run's folder that are complete.

    Returns
    -------
    set of tuple
        Region and notebook, as the files are named.
    """
    return {(p.parent.name, p.stem) for p in run.glob("[!.]*/*.ipynb") if p.parent.name != ASIDE}


def clear(company: Path, whole: Path) -> None:
    """Remove the interrupted runs that hold no page which the run `whole` does not have."""
    for run in runs(company):
        if run != whole and not (run / finished.RECORD).exists() and pages(run) <= pages(whole):
            shutil.rmtree(run)


def prune(company: Path, keep: int) -> list[str]:
    """Remove all but the newest `keep` finished runs; `latest` and what runs have stored beside them stay.

    A forecast's ledger and the history of figures are complete without the runs, and are not touched. An interrupted run
    stays while it is newer than every finished one, for it can be taken up; so does one whose `run.json` cannot be read.

    Returns
    -------
    list of str
        The names of the runs that were removed.
    """
    latest = (company / "latest").resolve()
    found = runs(company)
    whole = [r for r in found if finished.facts(r)]
    ahead = found[: found.index(whole[0])] if whole else found
    gone = [r for r in found if r not in (*whole[:keep], *ahead) and r.resolve() != latest]
    for run in gone:
        if (run / finished.RECORD).is_file():
            (run / finished.RECORD).unlink()  # first, so that no reader sees half of it
        shutil.rmtree(run)
    return sorted(r.name for r in gone)


def shared(file: Path, place: Path) -> None:
    """Put a finished file at another place too: as a second name of it where the disk can, else as a copy."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, place)
    except OSError:
        durable.copy(file, place)


def recorded(notebook: dict[str, Any], kinds: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Collect what an executed notebook recorded.

    Parameters
    ----------
    notebook : dict
        As nbformat has it.
    kinds : dict
        By kind, the MIME type under which it is recorded.

    Returns
    -------
    dict
        By kind, the recorded rows in the order of the page.
    """
    outputs = [o.get("data", {}) for cell in notebook["cells"] for o in cell.get("outputs", [])]
    return {kind: [row for data in outputs for row in data.get(mime, [])] for kind, mime in kinds.items()}
