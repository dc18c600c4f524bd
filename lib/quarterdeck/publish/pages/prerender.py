"""When is a page rendered? Once, before its first reader comes, by a process of its own; it then stays on the disk.

A rendered page is named by the hash of its notebook's content, so one that a later run took over is not rendered again.
Who may see it is not decided here: readers come by way of the shelf.
`python -m quarterdeck.publish.pages.prerender OUTPUTS` renders
what is missing, the newest runs first, and then what a run under way has finished.
"""

import argparse
import asyncio
import atexit
import contextlib
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from quarterdeck import __version__
from quarterdeck.batch import finished
from quarterdeck.data import durable
from quarterdeck.errors import QuarterdeckError, RunError
from quarterdeck.publish.access.shelf import Run, Shelf, shows
from quarterdeck.publish.pages import render

FOLDER = ".pages"
DRAFT = ".draft-"
BODY, SAID = "body.html.gz", "said.json"
FAILED = "failed"  # where a run keeps what is no page
PICTURE = re.compile(r"[0-9a-f]{20}\.(webp|png|svg|jpeg)")
MOST_SAID = 16 << 20  # bytes of what a page says
AGAIN = 20.0  # seconds for which a page that could not be rendered is not tried again
# How the process that renders one page ends, and what its readers then see.
DAMAGED, FULL, FAULT = 3, 4, 5
REASONS = {
    DAMAGED: "Its stored notebook is damaged; the next run makes it again.",
    FULL: "The server's disk is full or cannot be written; the page is here again once there is room.",
    FAULT: "It could not be rendered; the server's log says why.",
}


class Unrendered(QuarterdeckError):
    """Raised when a page cannot be shown now; its text is one sentence for the reader."""


class Section(TypedDict):
    """What a page says under one heading."""

    id: str
    name: str
    sentences: list[str]
    names: list[list[str]]  # kind and name of each that it names


class Said(TypedDict):
    """What a page says."""

    sections: list[Section]
    titles: dict[str, str]


class Prerenderer:
    """Renders pages ahead of their readers, each into a folder named by its notebook's content."""

    def __init__(self, outputs: Path) -> None:
        self.outputs, self.folder = outputs, _writable(outputs / FOLDER)
        self.at_work: subprocess.Popen | None = None
        self.wanted = False
        self.failed: dict[Path, tuple[float, str]] = {}  # pages that could not be rendered: until when, and why
        self.waited_for: dict[Path, asyncio.Future] = {}
        self.executor = ThreadPoolExecutor(2, "prerender")

    def find(self, path: Path) -> Path | None:
        """Find the folder of a notebook's rendered page; None where it is not rendered yet."""
        folder = self.place(path)
        return folder if folder.is_dir() else None

    def all_rendered(self, shelf: Shelf, run: Run) -> bool:
        """Tell whether all pages of a run are rendered."""
        return all(self.find(path) for path in pages(shelf, run))

    async def render_now(self, path: Path) -> Path:
        """Render a page that readers wait for: once for all of them, and by another process.

        Raises
        ------
        Unrendered
            Where it cannot be rendered, or could not be a moment ago.
        """
        folder = self.place(path)
        until, why = self.failed.get(folder, (0.0, ""))
        if time.monotonic() < until:
            raise Unrendered(why)
        if folder not in self.waited_for:
            making = asyncio.wrap_future(
                self.executor.submit(subprocess.run, self._command(path), stdin=subprocess.DEVNULL)
            )
            self.waited_for[folder] = making
            making.add_done_callback(lambda _: self.waited_for.pop(folder))
        ended = await asyncio.shield(self.waited_for[folder])
        if not folder.is_dir():
            why = REASONS.get(ended.returncode, REASONS[FAULT])
            self.failed = {f: (end, said) for f, (end, said) in self.failed.items() if end > time.monotonic()}
            self.failed[folder] = time.monotonic() + AGAIN, why
            raise Unrendered(why)
        return folder

    def _command(self, *path: Path) -> list[str]:
        return [
            sys.executable,
            "-m",
            "quarterdeck.publish.pages.prerender",
            *map(str, (self.outputs, self.folder, *path)),
        ]

    def make(self, path: Path) -> Path:
        """Render a notebook, unless it has been; the page appears whole or not at all."""
        folder = self.place(path)
        if not folder.is_dir():
            _refuse_damaged(path)
            page = render.render(path)
            draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=self.folder))
            try:
                _write(page, draft)
                _put(draft, folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return folder

    def forget(self, rendered: Path) -> None:
        """Remove a rendered page that cannot be read, so that it is rendered again."""
        with contextlib.suppress(OSError):  # another was faster, or nothing can be changed there
            _remove(rendered)

    def picture(self, path: Path, name: str) -> Path | None:
        """Find a picture of a notebook's page."""
        file = self.place(path) / name
        return file if PICTURE.fullmatch(name) and file.is_file() else None

    def look(self, changed: bool) -> None:
        """Start a process that renders missing pages where runs have changed; one at a time, then once more."""
        self.wanted |= changed
        if not self.busy() and self.wanted:
            self.at_work, self.wanted = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL), False

    def busy(self) -> bool:
        """Tell whether that process runs."""
        return self.at_work is not None and self.at_work.poll() is None

    def stop(self) -> None:
        """End that process."""
        if self.at_work is not None:
            self.at_work.terminate()
            self.at_work.wait()

    def place(self, path: Path) -> Path:
        """Name the folder of a notebook's page, rendered or not."""
        status = os.stat(path)
        return _place(self.folder, path, status.st_mtime_ns, status.st_size)


class Unreadable(Exception):
    """Raised when a rendered page is gone, or is not as it was written: it is to be rendered again."""


def said(rendered: Path) -> dict[str, Any]:
    """Give what a rendered page says: its `sections`, and the `titles` of its metrics."""
    try:
        return finished.read(rendered / SAID, Said, MOST_SAID)
    except (RunError, OSError) as error:
        raise Unreadable(f"{rendered}: {error}") from error


def body(rendered: Path) -> str:
    """Give the HTML of a rendered page, in which `render.HERE` stands for its region's address."""
    try:
        if text := gzip.decompress((rendered / BODY).read_bytes()).decode():
            return text
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise Unreadable(f"{rendered}: {error}") from error
    raise Unreadable(f"{rendered}: its body is empty")


@lru_cache(maxsize=8192)
def _place(pages: Path, path: Path, changed: int, size: int) -> Path:
    """Name a page by what it follows from: its notebook's content and name, and what renders it."""
    large = size > finished.MOST_NOTEBOOK  # it is no page, and no reader is to wait until it is read
    content = hashlib.sha256(f"{path} {changed} {size}".encode() if large else path.read_bytes())
    content.update(f"{path.stem}\n{__version__}\n{_renderer()}".encode())
    return pages / content.hexdigest()[:32]


@lru_cache(maxsize=1)
def _renderer() -> str:
    template = render.TEMPLATES / render.TEMPLATE / "index.html.j2"
    return hashlib.sha256(Path(render.__file__).read_bytes() + template.read_bytes()).hexdigest()


def whole(rendered: Path) -> bool:
    """Tell whether a rendered page is as it was written, and there at all."""
    try:
        return _whole(rendered, *(os.stat(rendered / name).st_mtime_ns for name in (BODY, SAID)))
    except OSError:
        return False


@lru_cache(maxsize=8192)
def _whole(rendered: Path, *changed: int) -> bool:
    try:
        return bool(body(rendered)) and bool(said(rendered))
    except Unreadable:
        return False


def _refuse_damaged(notebook: Path) -> None:
    """Say in one sentence what is wrong with a notebook that was cut short, say."""
    try:
        finished.notebook(notebook)
    except OSError as error:
        raise RunError(f"{notebook} cannot be read ({error.strerror}).") from error


def _write(page: render.Page, draft: Path) -> None:
    (draft / BODY).write_bytes(gzip.compress(page.body.encode(), 6, mtime=0))
    (draft / SAID).write_text(json.dumps({"sections": page.said, "titles": page.titles}))
    for name, content in page.pictures.items():
        (draft / name).write_bytes(content)


def _put(draft: Path, folder: Path) -> None:
    """Give a page its name; where another process was faster, its page stands."""
    try:
        draft.chmod(0o755)
        durable.settle(draft, folder)
    except OSError:
        if not folder.is_dir():
            raise


def _remove(folder: Path) -> None:
    """Remove a page, of which no reader sees half: it loses its name first."""
    gone = Path(tempfile.mkdtemp(prefix=DRAFT, dir=folder.parent))
    os.replace(folder, gone)
    shutil.rmtree(gone)


def _writable(folder: Path) -> Path:
    """Give a folder for rendered pages: beside the outputs, or, where nothing can be written there, one that goes again."""
    if folder.parent.is_dir() and os.access(folder if folder.is_dir() else folder.parent, os.W_OK):
        with contextlib.suppress(OSError):  # a file of that name, or a full disk
            folder.mkdir(exist_ok=True)
            return folder
    given = Path(tempfile.mkdtemp(prefix="quarterdeck-pages-"))
    atexit.register(shutil.rmtree, given, ignore_errors=True)
    return given


def notebooks(shelf: Shelf) -> Iterator[Path]:
    """Give the notebooks of every finished run, those of the newest run first."""
    runs = [r for company in shelf.companies() for r in shelf.runs(company)]
    for run in sorted(runs, key=lambda r: str(r.facts.get("created_at", "")), reverse=True):
        yield from pages(shelf, run)


def pages(shelf: Shelf, run: Run) -> Iterator[Path]:
    """Give the notebooks of a run that have a page."""
    for entry in run.notebooks():
        if shows(entry):
            path = shelf.notebook(run.company, run.name, entry["region"], entry["notebook"])
            yield from [path] if path else []


def under_way(shelf: Shelf) -> list[Path]:
    """Give the pages that are whole in a run that is not: the newest folder of a company, where it has no record yet."""
    found: list[Path] = []
    for company in shelf.companies():
        newest = max(p for p in (shelf.outputs / company).iterdir() if p.is_dir() and not p.is_symlink())
        if not os.path.lexists(newest / finished.RECORD):
            found += sorted(p for p in newest.glob("*/[!.]*.ipynb") if p.parent.name != FAILED)
    return found


def main(outputs: Path, folder: Path, page: Path | None = None) -> None:
    """Render every page that is missing, or one; then forget those whose notebooks are gone."""
    prerenderer = Prerenderer(outputs)
    prerenderer.folder = folder
    if page:
        sys.exit(_made(prerenderer, page))
    begun, needed, shelf = time.time(), set(), Shelf(outputs)
    for path in chain(notebooks(shelf), under_way(shelf)):
        _made(prerenderer, path)
        with contextlib.suppress(OSError):  # the run has been removed meanwhile
            needed.add(prerenderer.place(path).name)
    _forget(folder, needed, begun)


def _made(prerenderer: Prerenderer, path: Path) -> int:
    """Render a page; say why it could not be, in the log and, as one of `REASONS`, to readers who wait for it.

    One page that cannot be rendered keeps no other from it.
    """
    try:
        prerenderer.make(path)
        return 0
    except RunError as error:
        reason, said = DAMAGED, str(error).removeprefix(f"{path} ")
    except OSError as error:
        reason, said = FULL, str(error)
    except Exception as error:  # whatever a notebook holds, no other page fails with it
        reason, said = FAULT, f"{type(error).__name__}: {error}"
    print(f"{path} could not be rendered: {said[:500]}", file=sys.stderr)
    return reason


def _forget(folder: Path, needed: set[str], begun: float) -> None:
    """Remove pages that no run has any more, and drafts of an hour ago, whose maker was killed.

    A page made since this process began to look belongs to a run that has come since. What is no folder is no page, and stays.
    """
    for kept in (entry for entry in folder.iterdir() if entry.is_dir()):
        with contextlib.suppress(FileNotFoundError):  # another process has removed it
            changed = kept.stat().st_mtime
            if kept.name[0] == "." and begun - changed > 3600:
                shutil.rmtree(kept)
            elif kept.name[0] != "." and kept.name not in needed and changed < begun:
                _remove(kept)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Render the pages of the finished runs that are not rendered yet.")
    parser.add_argument("outputs", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path, nargs="?", help="render this one alone")
    asked = parser.parse_args()
    if not asked.page:
        os.nice(5)  # no lower: on a busy machine `latest` would have to go on before they are rendered
    main(asked.outputs, asked.folder, asked.page)
