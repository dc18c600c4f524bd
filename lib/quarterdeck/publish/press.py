"""When is a page rendered? Once, before its first reader comes, by a process of its own; it is then kept on the disk.

A page is kept by the hash of its notebook's content, so a page that a later run took over is not rendered again, and who
may see it is no question here: readers come by way of the shelf. `python -m quarterdeck.publish.press OUTPUTS` renders
what is missing, the newest runs first, and then what a run under way has finished.
"""

import argparse
import asyncio
import atexit
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from quarterdeck import __version__
from quarterdeck.publish import stored
from quarterdeck.publish.access import WHOLE, Run, Shelf

FOLDER = ".pages"
FAILED = "failed"  # where a run keeps what is no page
PICTURE = re.compile(r"[0-9a-f]{20}\.(webp|png|svg|jpeg)")


class Press:
    """Rendered pages, each a folder named by its notebook's content."""

    def __init__(self, outputs: Path) -> None:
        self.outputs, self.folder = outputs, _writable(outputs / FOLDER)
        self.at_work: subprocess.Popen | None = None
        self.there: set[Path] = set()
        self.wanted = False
        self.waited_for: dict[Path, asyncio.Future] = {}
        self.hands = ThreadPoolExecutor(2, "press")

    def sheet(self, path: Path) -> Path | None:
        """Find the rendered page of a notebook, where there is one."""
        folder = self._place(path)
        if folder not in self.there and folder.is_dir():
            self.there.add(folder)  # it stays, as long as its notebook does
        return folder if folder in self.there else None

    def rendered(self, shelf: Shelf, run: Run) -> bool:
        """Tell whether all pages of a run are rendered."""
        return all(self.sheet(path) for path in pages(shelf, run))

    async def made(self, path: Path) -> Path:
        """Have a page rendered that readers wait for: once for all of them, and by another process, as ever."""
        folder = self._place(path)
        if folder not in self.waited_for:
            making = asyncio.wrap_future(
                self.hands.submit(subprocess.run, self._command(path), stdin=subprocess.DEVNULL)
            )
            self.waited_for[folder] = making
            making.add_done_callback(lambda _: self.waited_for.pop(folder))
        await asyncio.shield(self.waited_for[folder])
        if not folder.is_dir():
            raise OSError(f"{path} could not be rendered")
        return folder

    def _command(self, *path: Path) -> list[str]:
        return [sys.executable, "-m", "quarterdeck.publish.press", *map(str, (self.outputs, self.folder, *path))]

    def make(self, path: Path) -> Path:
        """Render a notebook, unless it has been; the page appears whole or not at all."""
        folder = self._place(path)
        if not folder.is_dir():
            page = stored.render(path)
            draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.folder))
            (draft / "body.html.gz").write_bytes(gzip.compress(page.body.encode(), 6, mtime=0))
            (draft / "said.json").write_text(json.dumps({"sections": page.said, "titles": page.titles}))
            for name, content in page.pictures.items():
                (draft / name).write_bytes(content)
            _put(draft, folder)
        return folder

    def picture(self, path: Path, name: str) -> Path | None:
        """Find a picture of a notebook's page."""
        file = self._place(path) / name
        return file if PICTURE.fullmatch(name) and file.is_file() else None

    def look(self, changed: bool) -> None:
        """Have missing pages rendered by another process where runs have changed; one at a time, then once more."""
        self.wanted |= changed
        idle = self.at_work is None or self.at_work.poll() is not None
        if idle and self.wanted:
            self.at_work, self.wanted = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL), False

    def stop(self) -> None:
        """End the other process."""
        if self.at_work is not None:
            self.at_work.terminate()
            self.at_work.wait()

    def _place(self, path: Path) -> Path:
        told = os.stat(path)
        return _place(self.folder, path, told.st_mtime_ns, told.st_size)


def said(sheet: Path) -> dict[str, Any]:
    """Give what a rendered page says: its `sections`, and the `titles` of its metrics."""
    return json.loads((sheet / "said.json").read_text())


def body(sheet: Path) -> str:
    """Give the HTML of a rendered page, in which `stored.HERE` stands for its region's address."""
    return gzip.decompress((sheet / "body.html.gz").read_bytes()).decode()


@lru_cache(maxsize=8192)
def _place(pages: Path, path: Path, changed: int, size: int) -> Path:
    """Name a page by what it follows from: its notebook's content and name, and what renders it."""
    content = hashlib.sha256(path.read_bytes())
    content.update(f"{path.stem}\n{__version__}\n{_renderer()}".encode())
    return pages / content.hexdigest()[:32]


@lru_cache(maxsize=1)
def _renderer() -> str:
    template = stored.TEMPLATES / stored.TEMPLATE / "index.html.j2"
    return hashlib.sha256(Path(stored.__file__).read_bytes() + template.read_bytes()).hexdigest()


def _put(draft: Path, folder: Path) -> None:
    """Give a page its name; where another process was faster, its page stands."""
    try:
        draft.chmod(0o755)
        os.replace(draft, folder)
    except OSError:
        shutil.rmtree(draft)
        if not folder.is_dir():
            raise


def _writable(folder: Path) -> Path:
    """Give a folder for rendered pages: beside the outputs, or, where nothing can be written there, one that goes again."""
    if folder.parent.is_dir() and os.access(folder if folder.is_dir() else folder.parent, os.W_OK):
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
        if entry["state"] in WHOLE:
            path = shelf.notebook(run.company, run.name, entry["region"], entry["notebook"])
            yield from [path] if path else []


def under_way(shelf: Shelf) -> list[Path]:
    """Give the pages that are whole in a run that is not: the newest folder of a company, where it has no record yet."""
    found: list[Path] = []
    for company in shelf.companies():
        newest = max(p for p in (shelf.outputs / company).iterdir() if p.is_dir() and not p.is_symlink())
        if not (newest / "run.json").is_file():
            found += sorted(p for p in newest.glob("*/[!.]*.ipynb") if p.parent.name != FAILED)
    return found


def main(outputs: Path, folder: Path, page: Path | None = None) -> None:
    """Render every page that is missing, or one; then forget those whose notebooks are gone."""
    press = Press(outputs)
    press.folder = folder
    if page:
        press.make(page)
        return
    needed, shelf = set(), Shelf(outputs)
    for path in chain(notebooks(shelf), under_way(shelf)):
        try:
            needed.add(press.make(path).name)
        except Exception as error:  # one page that cannot be rendered keeps no other from it; its reader is told
            print(f"{path} could not be rendered: {type(error).__name__}: {error}", file=sys.stderr)
    _forget(folder, needed)


def _forget(folder: Path, needed: set[str]) -> None:
    """Remove pages that no run has any more, and drafts of an hour ago, whose maker was killed."""
    for kept in folder.iterdir():
        left = kept.name[0] == "." and time.time() - kept.stat().st_mtime > 3600
        if left or (kept.name[0] != "." and kept.name not in needed):
            shutil.rmtree(kept)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Render the pages of the finished runs that are not rendered yet.")
    parser.add_argument("outputs", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path, nargs="?", help="render this one alone")
    asked = parser.parse_args()
    if not asked.page:
        os.nice(5)  # no lower: on a busy machine `latest` would have to go on before they are rendered
    main(asked.outputs, asked.folder, asked.page)
