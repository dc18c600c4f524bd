"""How do runs get to a URL? They are made in a folder of this machine, and published when they are finished.

Any store that fsspec speaks to will do: it needs no links, no locks and no folders. Its `latest` is a file that holds the
name of a run.
"""

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from quarterdeck.batch import finished, folders
from quarterdeck.batch.record import KEPT
from quarterdeck.data import durable
from quarterdeck.errors import ParamsError, QuarterdeckError, RunError

LATEST = "latest"
COPIES = Path("outputs", ".copies")
KEEP = 2  # finished runs in the folder of this machine


def _asking(method: Callable) -> Callable:
    """Have a method say which store does not answer; each kind of store has errors of its own."""

    @functools.wraps(method)
    def asking(self: "Mirror") -> Any:
        try:
            return method(self)
        except (QuarterdeckError, OSError):
            raise
        except Exception as fault:
            raise OSError(f"{self.url} does not answer ({type(fault).__name__}: {fault})") from fault

    return asking


@dataclass
class Mirror:
    """A company's runs at a URL, and the folder of this machine in which they are made."""

    url: str
    out: Path
    company: Path
    store: Any  # fsspec's
    root: str
    latest: str = ""  # at the URL, when it was fetched

    @_asking
    def fetch(self) -> None:
        """Fetch what a run compares itself with: the history, the ledger, and the run that `latest` names.

        Raises
        ------
        RunError
            Where the file `latest` names no finished run there.
        OSError
            Where the store does not answer.
        """
        self.latest = (self._read(LATEST) or b"").decode()
        if self.latest and not (folders.RUN.fullmatch(self.latest) and self._read(f"{self.latest}/{finished.RECORD}")):
            where = f"{self.url}/{self.company.name}/{LATEST}"
            raise RunError(
                f"{where} names {self.latest[:40]!r}, which is no finished run there; fix or remove that file."
            )
        self.company.mkdir(exist_ok=True)
        for name in KEPT:
            content, place = self._read(name), self.company / name
            if content is None:
                place.unlink(missing_ok=True)
            else:
                durable.whole(place, lambda draft, content=content: draft.write_bytes(content))
        if self.latest and not finished.facts(self.company / self.latest):
            self._bring(self.latest)
        folders.point(self.company, self.latest)

    @_asking
    def publish(self) -> str:
        """Put the newest finished run at the URL, its `run.json` last, then `latest`; give its name, or nothing where it is there.

        Raises
        ------
        RunError
            Where another run has been published since `fetch`.
        """
        run = next((r for r in folders.runs(self.company) if finished.facts(r)), None)
        self.store.invalidate_cache()
        if run is None or self.store.exists(self._at(run.name, finished.RECORD)):
            return ""
        if (self._read(LATEST) or b"").decode() != self.latest:
            raise RunError(
                f"another run has been published to {self.url} meanwhile; run again: what was finished is taken over."
            )
        self._put(run)
        for name in (f"{run.name}/{finished.RECORD}", *(n for n in KEPT if (self.company / n).is_file())):
            self._write(name, (self.company / name).read_bytes())
        if (self.company / LATEST).resolve() == run.resolve():
            self._write(LATEST, run.name.encode())
        folders.prune(self.company, KEEP)
        return run.name

    def _bring(self, run: str) -> None:
        """Fetch a run, `run.json` last: an interrupted one is then no finished one here either."""
        far = [f for f in self.store.find(self._at(run)) if not f.endswith(f"/{finished.RECORD}")]
        near = [self.company / run / f.split(f"/{run}/", 1)[1] for f in far]
        for place in near:
            place.parent.mkdir(parents=True, exist_ok=True)
        self.store.get(far, [str(p) for p in near])
        record = self._read(f"{run}/{finished.RECORD}")
        durable.whole(self.company / run / finished.RECORD, lambda draft: draft.write_bytes(record))

    def _put(self, run: Path) -> None:
        near = [p for p in sorted(run.rglob("*")) if p.is_file() and p != run / finished.RECORD]
        far = [self._at(p.relative_to(self.company).as_posix()) for p in near]
        for folder in {f.rpartition("/")[0] for f in far}:
            self.store.makedirs(folder, exist_ok=True)
        self.store.put([str(p) for p in near], far)

    def _read(self, name: str) -> bytes | None:
        try:
            return self.store.cat_file(self._at(name))
        except FileNotFoundError:
            return None

    def _write(self, name: str, content: bytes) -> None:
        """Write one file whole: where a store has folders, by a rename, and where it has none, by a copy within it."""
        draft = self._at(f"{name}-draft")
        self.store.pipe_file(draft, content)
        self.store.mv(draft, self._at(name))

    def _at(self, *names: str) -> str:
        return "/".join(n for n in (self.root, self.company.name, *names) if n)


@contextlib.contextmanager
def mirrored(url: str, company: str) -> Iterator[Mirror]:
    """Hold the folder of this machine that belongs to a URL, with what a run of the company needs of earlier ones.

    Raises
    ------
    ParamsError
        Where nothing is known that speaks to such a store.
    OSError
        Where the store does not answer, then or later.
    """
    try:
        store, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise ParamsError(f"--out {url}: {str(error).rstrip('.')}.") from error
    out = COPIES / hashlib.sha256(url.encode()).hexdigest()[:12]
    with folders.held(out):
        mirror = Mirror(url, out, out / company, store, root.rstrip("/"))
        mirror.fetch()
        yield mirror
