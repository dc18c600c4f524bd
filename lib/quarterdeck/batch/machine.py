"""How many notebooks can this machine run at a time?

The machine is what is left of it to us: a container, or a service, may be held to a part of the cores and of the memory by a
control group of the kernel, and each group lies within another.
"""

import os
from collections.abc import Iterator
from pathlib import Path

NEED = 400 << 20  # bytes of memory to allow for each notebook


def workers(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Give how many notebooks the cores and the free memory allow at a time, at least one.

    Parameters
    ----------
    proc, groups : Path
        Where the kernel reports on processes and on control groups (version 2); what it does not report limits nothing.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    report = proc / "meminfo"
    lines = report.read_text(encoding="ascii").splitlines() if report.is_file() else []
    free = [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable")]
    allowed, left = [], []
    for group in _groups(proc, groups):
        allowed += _cores(group)
        left += _left(group)
    return max(1, min(cores, *allowed, *(memory // NEED for memory in (*free, *left))))


def _groups(proc: Path, groups: Path) -> Iterator[Path]:
    """Give the folder of our control group, and of each that it lies in."""
    report = proc / "self" / "cgroup"
    lines = report.read_text(encoding="utf-8").splitlines() if report.is_file() else []
    for own in (line.removeprefix("0::/") for line in lines if line.startswith("0::/")):
        path = groups / own
        yield from (p for p in (path, *path.parents) if p.is_relative_to(groups))


def _cores(group: Path) -> list[int]:
    """Read `cpu.max`, microseconds of each so many: "150000 100000" are one core and a half, of which one is whole."""
    quota = _words(group / "cpu.max")
    return [int(quota[0]) // int(quota[1])] if quota and quota[0] != "max" else []


def _left(group: Path) -> list[int]:
    """Read the bytes that a group may still take: what files keep in memory for no process gives way."""
    most, now = _words(group / "memory.max"), _words(group / "memory.current")
    if not most or most[0] == "max":
        return []
    statistics = dict(zip(*[iter(_words(group / "memory.stat"))] * 2, strict=False))
    return [int(most[0]) - int(now[0] if now else 0) + int(statistics.get("inactive_file", 0))]


def _words(file: Path) -> list[str]:
    return file.read_text(encoding="ascii").split() if file.is_file() else []
