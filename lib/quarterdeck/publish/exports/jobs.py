"""Which files are exported of a brief? A deck and a letter, each made once, by a process of its own, and stored with the page.

An export is named by the content that it is made from: what the run recorded, and the stored pages of its region. Readers
who may see the brief may have it: requests come by way of the shelf.
`python -m quarterdeck.publish.exports.jobs RUN REGION FILE` makes one.
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

MADE_BY = ("content.py", "deck.py", "letter.py", "measure.py", "native.py", "run_reader.py", "story.py", "titles.py")
PATIENCE = 120  # seconds that one may take


class ExportJobs:
    """Makes the exports of finished runs, one at a time: they have few readers, and pages have many."""

    def __init__(self) -> None:
        self.one_at_a_time = asyncio.Semaphore(1)

    async def find(self, run: Path, region: str, name: str, rendered: Path) -> Path:
        """Find an export of a run's region beside the rendered page of its brief, or make it.

        Parameters
        ----------
        run : Path
            The run's folder.
        region, name : str
            The region as its folder is named, and one of `formats.EXPORTS`.
        rendered : Path
            The folder of the brief's rendered page.

        Raises
        ------
        RunError
            Where the run did not record what an export says.
        OSError
            Where it could not be made, or took too long.
        """
        content = await asyncio.to_thread(_content, run, region)
        file = rendered / f"{content}-{name}"
        async with self.one_at_a_time:
            if not file.is_file():
                await _make(run, region, file)
        return file


async def _make(run: Path, region: str, file: Path) -> None:
    command = [sys.executable, "-m", "quarterdeck.publish.exports.jobs", str(run), region, str(file)]
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
    """Hash what an export is made from."""
    files = [run / "run.json", *sorted((run / region).glob("*.ipynb"))]
    made_of = [*files, *(Path(__file__).with_name(name) for name in MADE_BY)]
    hashes = [_hash(file, status.st_mtime_ns, status.st_size) for file in made_of if (status := file.stat())]
    return hashlib.sha256("\n".join([__version__, *hashes]).encode()).hexdigest()[:20]


@lru_cache(maxsize=2048)
def _hash(file: Path, changed: int, size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def make(run: Path, region: str, file: Path) -> None:
    """Make an export of a run's region, whole or not at all: a deck where `file` ends in .pptx, else a letter.

    Raises
    ------
    RunError
        As `run_reader.open_run`.
    """
    from quarterdeck.publish.exports import deck, letter, run_reader

    facts = run_reader.open_run(str(run), run, region)
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
