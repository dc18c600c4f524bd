"""How does a file appear whole or not at all, even if the power fails?

It is written beside its place, flushed to the disk, and only then given its name: after a power cut there is the file from
before, or the whole new one, and never an empty one.
"""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def whole(place: Path, write: Callable[[Path], Any]) -> None:
    """Write a file beside its place, and move it there when it is whole; a failure leaves no draft.

    Parameters
    ----------
    place : Path
        Where the file is to be.
    write : callable
        Writes it at the path that it is given.
    """
    draft = place.with_name(f".{place.name}-draft")
    try:
        write(draft)
        settle(draft, place)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def settle(draft: Path, place: Path) -> None:
    """Flush a file, or a folder of files, to the disk, and then rename it to `place`."""
    for path in [*draft.iterdir(), draft] if draft.is_dir() else [draft]:
        flush(path)
    os.replace(draft, place)
    flush(place.parent)


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    # Not every system opens a folder, and not every file system flushes one: its files are flushed all the same.
    with contextlib.suppress(OSError) if path.is_dir() else contextlib.nullcontext():
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def copy(file: Path, place: Path) -> None:
    """Put a copy of a file at another place, whole or not at all."""
    whole(place, lambda draft: shutil.copyfile(file, draft))
