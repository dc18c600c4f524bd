"""Which papers go with a brief? A deck and a letter, each made once, by a process of its own, and kept with the page.

A paper is kept by the content that it follows from: what the run recorded, and the stored pages of its region. Who may see
the brief may have them: readers come by way of the shelf. `python -m quarterdeck.publish.papers RUN REGION FILE` makes one.
"""

import asyncio
import hashlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from functools import lru_cache
from pathlib import Path

from quarterdeck import __version__
from quarterdeck.errors import QuarterdeckError, RunError

BRIEF = "executive_brief"
PAPERS = {"deck.pptx": "Deck (PowerPoint)", "letter.html": "Letter"}
MADE_BY = ("deck.py", "letter.py", "told.py")
PATIENCE = 120  # seconds that one may take


class Papers:
    """The papers of finished runs, made one at a time: they are for few readers, and pages are for many."""

    def __init__(self) -> None:
        self.one = asyncio.Semaphore(1)

    async def find(self, run: Path, region: str, name: str, sheet: Path) -> Path:
        """Find a paper of a run's region beside the rendered page of its brief, or make it.

        Raises
        ------
        RunError
            Where the run did not record what a paper says.
        """
        content = await asyncio.to_thread(_content, run, region)
        file = sheet / f"{content}-{name}"
        async with self.one:
            if not file.is_file():
                await _make(run, region, file)
        return file


async def _make(run: Path, region: str, file: Path) -> None:
    command = [sys.executable, "-m", "quarterdeck.publish.papers", str(run), region, str(file)]
    making = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
    try:
        _, said = await asyncio.wait_for(making.communicate(), PATIENCE)
    except TimeoutError as error:
        making.kill()
        await making.wait()
        raise OSError(f"{file.name} of {run.name}/{region} took longer than {PATIENCE} seconds") from error
    if making.returncode == 2:
        raise RunError(said.decode().strip())
    if making.returncode:
        raise OSError(f"{file.name} of {run.name}/{region} could not be made: {said.decode()[-2000:]}")


def _content(run: Path, region: str) -> str:
    """Name what a paper follows from."""
    files = [run / "run.json", *sorted((run / region).glob("*.ipynb"))]
    made_of = [*files, *(Path(__file__).with_name(name) for name in MADE_BY)]
    hashes = [_hash(file, told.st_mtime_ns, told.st_size) for file in made_of if (told := file.stat())]
    return hashlib.sha256("\n".join([__version__, *hashes]).encode()).hexdigest()[:20]


@lru_cache(maxsize=2048)
def _hash(file: Path, changed: int, size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def make(run: Path, region: str, file: Path) -> None:
    """Make a paper, whole or not at all."""
    from quarterdeck.publish import deck, letter, told

    facts = told.tell(str(run), run, region)
    if file.suffix == ".pptx":
        deck.write(facts, file)
    else:
        letter.put(facts, file)


if __name__ == "__main__":
    os.nice(5)  # below the pages that are read
    try:
        make(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    except QuarterdeckError as error:
        sys.exit(print(error, file=sys.stderr) or 2)
