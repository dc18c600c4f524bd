"""What does the command need of the process that it was started as? Schedulers, pipes and containers leave some of it out."""

import atexit
import io
import os
import sys

OWN = 0o077  # what a umask may take from files that are made here: never the owner's own right to them


def settle() -> None:
    """Give this process standard streams that may be closed at any time, UTF-8, and files that it can itself read.

    Where the locale's text is not UTF-8 the process begins once more in Python's UTF-8 mode: names of regions, accounts and
    files are text in any language, here and in everything that is started from here.
    """
    _open_streams()
    os.umask(os.umask(OWN) & OWN)
    if os.name == "posix" and sys.getfilesystemencoding() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    sys.stdout, sys.stderr = _outlived(1, sys.stdout), _outlived(2, sys.stderr)
    if not os.access(os.path.expanduser("~"), os.W_OK):
        _settle_elsewhere()


class _Outlived(io.FileIO):
    """A stream whose reader may go away, as `head` does: what is written then is lost, and nothing else."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return len(data)


def _outlived(place: int, given: io.TextIOWrapper | None) -> io.TextIOWrapper:
    """Open a stream again, in its own encoding; what that cannot write is written as an escape."""
    encoding = given.encoding if given else "utf-8"
    raw = _Outlived(place, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=True)


def _settle_elsewhere() -> None:
    """Let libraries that write into the home folder write into one that goes again: there is none, or it is read-only."""
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="qd-home-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("IPYTHONDIR", "MPLCONFIGDIR"):
        os.environ.setdefault(name, folder)


def _open_streams() -> None:
    """Open what was closed of standard input, output and error: whatever is opened next would take its number."""
    for place in range(3):
        try:
            os.fstat(place)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            os.set_inheritable(place, True)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
