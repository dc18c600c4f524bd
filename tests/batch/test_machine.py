"""Does a run take what a container is given, and not what the machine around it has?"""

import os

import pytest

from quarterdeck.batch import machine

GB = 1 << 30


@pytest.fixture
def allowed(tmp_path, monkeypatch):
    """What the kernel tells of a machine of 8 cores and 64 GB, on which we are in the group pod/quarterdeck."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)  # this machine has what it has
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    (proc / "self").mkdir(parents=True)
    (groups / "pod" / "quarterdeck").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text("0::/pod/quarterdeck\n")
    (proc / "meminfo").write_text(f"MemTotal: {128 * GB >> 10} kB\nMemAvailable: {64 * GB >> 10} kB\n")

    def tell(group="", **files):
        for name, text in files.items():
            (groups / group / name.replace("_", ".")).write_text(text)
        return machine.workers(proc, groups)

    return tell


def test_without_limits_the_cores_decide(allowed):
    assert allowed() == 8
    assert allowed("pod/quarterdeck", cpu_max="max 100000\n", memory_max="max\n", memory_current=str(9 * GB)) == 8


@pytest.mark.parametrize(("limit", "count"), [("300000 100000", 3), ("150000 100000", 1), ("20000 100000", 1)])
def test_a_limit_on_cores_counts_by_whole_ones_and_leaves_one(allowed, limit, count):
    assert allowed("pod/quarterdeck", cpu_max=limit) == count


def test_a_limit_on_a_group_around_ours_counts(allowed):
    assert allowed("pod/quarterdeck", cpu_max="600000 100000") == 6
    assert allowed("pod", cpu_max="200000 100000") == 2


def test_memory_that_is_left_counts_and_what_files_keep_gives_way(allowed):
    files = {"memory_max": str(3 * GB), "memory_current": str(2 * GB)}
    assert allowed("pod/quarterdeck", **files) == 2  # (3 − 2) GB ÷ 400 MB = 2.56
    assert (
        allowed("pod/quarterdeck", memory_stat=f"anon 5\ninactive_file {GB}\n") == 5
    )  # (3 − 2 + 1) GB ÷ 400 MB = 5.12
    assert allowed("pod/quarterdeck", memory_current=str(4 * GB)) == 1
