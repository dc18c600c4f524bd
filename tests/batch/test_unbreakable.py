"""What is left when processes are killed, disks fill up and notebooks run wild? Each is tried with real processes."""

import contextlib
import itertools
import json
import signal
import subprocess
import sys

import nbformat
import pandas as pd
import psutil
import pytest

from conftest import PATIENCE, until
from fake_runs import make_facts
from quarterdeck import cli
from quarterdeck.batch import execute, folders, fork_server
from quarterdeck.batch.finished import facts

TWO = ["--notebook", "executive_brief", "market_research"]
BEGUN: list[subprocess.Popen] = []
TINY = 'show(tables.kpi_tiles, measure(desk, "revenue"))'


@pytest.fixture(autouse=True)
def nothing_left():
    """End what a test that failed has left of the commands it began."""
    yield
    while BEGUN:
        with contextlib.suppress(psutil.NoSuchProcess):
            runner = psutil.Process(BEGUN.pop().pid)
            for process in [*runner.children(recursive=True), runner]:
                process.kill()


def begin(acme, *more):
    """Start the command as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "quarterdeck.cli", *acme.command(*TWO, *more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job would ignore it
    )
    BEGUN.append(process)
    return process


def runs(acme):
    return sorted(p for p in (acme.out / "acme").glob("20*"))


def finished(acme):
    """Name the pages that are in their place, each of which must be a whole notebook."""
    found = set()
    for run in runs(acme):
        for region, notebook in folders.pages(run):
            whole = nbformat.read(run / region / f"{notebook}.ipynb", 4)
            assert whole.cells[-1].execution_count and whole.metadata["quarterdeck"]["made_of"]
            found.add((region, notebook))
    return found


def all_but_the_slow_one(acme):
    return runs(acme) and not facts(runs(acme)[-1]) and len(folders.pages(runs(acme)[-1])) == 5


def entries(acme):
    return {
        (e["region"], e["notebook"]): e
        for e in json.loads((acme.out / "acme/latest/run.json").read_text())["notebooks"]
    }


def takes_up(acme):
    """Run again, now that nothing hangs for long; tell what ran, and what was taken over."""
    assert cli.main(acme.command(*TWO)) == 0
    states = {key: e["state"] for key, e in entries(acme).items()}
    assert len(runs(acme)) == 1 and len(states) == 6  # the interrupted run is gone, for all of it was taken over
    return {k for k, s in states.items() if s == "done"}, {k for k, s in states.items() if s == "fresh"}


@pytest.fixture
def waits(acme):
    """A company whose second notebook waits, for South, until a file is there; and that file. Its kernel tells its number."""
    gate, pid_file = acme.root / "gate", acme.root / "kernel"
    write_pid = (
        f"import os, time\nif region == 'South': print(os.getpid(), file=open({str(pid_file)!r}, 'w'), flush=True)"
    )
    wait = f"while region == 'South' and not os.path.exists({str(gate)!r}): time.sleep(0.05)"
    acme.write_notebook("market_research", TINY, f"{write_pid}\n{wait}")
    return gate


def waiting(acme, forking):
    """Give the process of the notebook that waits, and its kernel, when no other is left.

    The kernel is known by its word. It is forked from its region's process, which is not forked for the notebook alone, and
    that from the one that has read the snapshot.
    """
    pid_file = acme.root / "kernel"
    kernel = psutil.Process(int(until(lambda: pid_file.is_file() and pid_file.read_text().strip())))
    assert kernel.parent().parent().ppid() == forking
    region, snapshot = kernel.parent(), kernel.parent().parent()
    others = until(lambda: len(found := set(psutil.Process(forking).children()) - {snapshot}) == 1 and found)
    until(lambda: region.children() == [kernel])
    return [*others, kernel]


def test_ctrl_c_stops_at_once_and_the_next_run_takes_up_what_is_finished(acme, waits, monkeypatch):
    with monkeypatch.context() as patch:
        patch.delenv("QUARTERDECK_ZYGOTE")  # its own one has to end as well
        process = begin(acme)
    until(lambda: all_but_the_slow_one(acme))
    (forking,) = psutil.Process(process.pid).children()
    at_work = [forking, *waiting(acme, forking.pid)]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "stopped; 5 finished pages are kept in" in said and "Traceback" not in said
    assert not psutil.wait_procs(at_work, timeout=PATIENCE)[1]
    assert not (acme.out / "acme/latest").exists() and not list(acme.out.rglob("run.json"))
    waits.touch()
    ran, taken = takes_up(acme)
    assert ran == {("south", "market_research")} and len(taken) == 5


def test_ctrl_c_stops_a_run_whose_forking_process_has_not_answered_yet(acme, monkeypatch):
    monkeypatch.delenv("QUARTERDECK_ZYGOTE")
    process = begin(acme)
    forks = "quarterdeck.batch.fork_server"
    (forking,) = until(lambda: [p for p in psutil.Process(process.pid).children() if forks in p.cmdline()])
    forking.suspend()  # as if its imports took for ever
    until(lambda: list(acme.out.glob("acme/20*/.drafts")))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and said.endswith("quarterdeck: stopped.\n") and "Traceback" not in said
    assert not psutil.wait_procs([forking], timeout=PATIENCE)[1] and not runs(acme)


def test_a_run_that_is_stopped_ends_its_notebooks_before_the_process_that_forks(acme, waits, monkeypatch):
    """A notebook that saw the forking process die first would be begun again by another one."""
    monkeypatch.delenv("QUARTERDECK_ZYGOTE")
    at_work, seen, close = [], [], fork_server.ForkServer.close
    there = set(psutil.Process().children())

    def stopped(steps, count, unit):
        if unit != "notebook":
            yield from steps
            return
        with contextlib.closing(steps):
            yield from itertools.islice(steps, count - 1)
            (forking,) = set(psutil.Process().children()) - there
            at_work.extend(waiting(acme, forking.pid))
            raise KeyboardInterrupt

    def looked(own):
        seen.append(at_work[0].is_running())  # the process that executes; its kernel dies by the forking one's hand
        close(own)

    monkeypatch.setattr(fork_server.ForkServer, "close", looked)
    with pytest.raises(KeyboardInterrupt, match="^stopped; 5 finished pages are kept in "):
        execute.run(
            execute.RunOptions(acme.params, acme.out, acme.notebooks, only=TWO[1:], data=acme.data), progress=stopped
        )
    assert seen == [False] and not psutil.wait_procs(at_work, timeout=PATIENCE)[1]
    assert set(psutil.Process().children()) == there  # and no other was begun


def test_a_killed_runner_leaves_nothing_running_and_the_next_run_finishes_the_rest(acme, waits, forking_process):
    process = begin(acme)
    until(lambda: all_but_the_slow_one(acme))
    at_work = waiting(acme, forking_process.process.pid)
    process.kill()
    process.communicate()
    assert not psutil.wait_procs(at_work, timeout=PATIENCE)[1]
    waits.touch()
    assert takes_up(acme)[0] == {("south", "market_research")}


@pytest.mark.parametrize(("which", "said"), [(0, "the process that ran it was killed"), (1, "DeadKernelError")])
def test_a_killed_worker_or_kernel_takes_its_own_notebook_down_and_no_other(acme, waits, forking_process, which, said):
    process = begin(acme)
    until(lambda: all_but_the_slow_one(acme))
    at_work = waiting(acme, forking_process.process.pid)
    at_work[which].kill()
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1 and printed.count("failed: ") == 1
    assert f"failed: south/market_research: {said}" in printed
    assert not psutil.wait_procs(at_work, timeout=PATIENCE)[1]
    assert [k for k, e in entries(acme).items() if e["state"] == "failed"] == [("south", "market_research")]
    waits.touch()
    assert cli.main(acme.command(*TWO)) == 0
    assert {k for k, e in entries(acme).items() if e["state"] == "done"} == {("south", "market_research")}


def test_a_killed_forking_process_is_replaced_and_the_run_goes_on(acme, waits, monkeypatch):
    with monkeypatch.context() as patch:
        patch.delenv("QUARTERDECK_ZYGOTE")
        process = begin(acme)
    until(lambda: all_but_the_slow_one(acme))
    (forking,) = psutil.Process(process.pid).children()
    forking.kill()
    waits.touch()
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "failed" not in said
    assert len(entries(acme)) == 6


@pytest.mark.parametrize("level", ["region", "snapshot"])
def test_a_process_that_kernels_are_forked_from_is_replaced_and_its_notebook_begins_again(
    acme, waits, forking_process, level
):
    process = begin(acme)
    until(lambda: all_but_the_slow_one(acme))
    _, kernel = waiting(acme, forking_process.process.pid)
    (kernel.parent() if level == "region" else kernel.parent().parent()).kill()
    assert not psutil.wait_procs([kernel], timeout=PATIENCE)[1]
    waits.touch()
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "failed" not in said
    assert len(entries(acme)) == 6 and not list(acme.out.glob("acme/20*/failed/*/*"))


def test_a_second_run_on_the_same_folder_is_refused_in_one_sentence(acme, waits, capsys):
    process = begin(acme)
    until(lambda: runs(acme))
    assert cli.main(acme.command(*TWO)) == 2
    assert (
        capsys.readouterr().err
        == f"quarterdeck: another run is writing to {acme.out / 'acme'}; wait until it ends, or stop it.\n"
    )
    waits.touch()
    assert process.wait(PATIENCE) == 0
    process.communicate()


def test_a_notebook_that_hangs_is_stopped_in_its_time(acme, waits, capsys):
    assert cli.main(acme.command(*TWO, "--timeout", "20")) == 1
    assert "failed: south/market_research: it took longer than the 20 seconds it is given" in capsys.readouterr().out
    (run,) = runs(acme)
    assert len(finished(acme)) == 5 and (run / "failed/south/market_research.ipynb").is_file()


def test_a_notebook_that_prints_without_end_is_stopped(acme, capsys):
    acme.write_notebook("market_research", "for i in range(1000 if region == 'South' else 0): print('x' * 100_000)")
    assert cli.main(acme.command(*TWO)) == 1
    assert "failed: south/market_research: it put out more than 16 MB" in capsys.readouterr().out
    (aside,) = runs(acme)[0].glob("failed/south/*")
    assert aside.stat().st_size < 20 << 20 and len(finished(acme)) == 5


def test_a_notebook_that_eats_memory_is_stopped(acme, capsys):
    acme.write_notebook("market_research", "x = [bytearray(10 << 20) for _ in range(200 if region == 'South' else 1)]")
    assert cli.main(acme.command(*TWO, "--memory-limit", "500M")) == 1
    assert "failed: south/market_research: cell 4 under “How much?”: MemoryError" in capsys.readouterr().out
    assert len(finished(acme)) == 5


def test_a_full_disk_is_named_and_what_was_finished_is_taken_over_when_there_is_room(acme, small_disk, capfd):
    acme.out = small_disk / "outputs"
    ballast = small_disk / "ballast"
    big = "from IPython.display import HTML, display\ndisplay(HTML('x' * 400_000))"
    acme.write_notebook("market_research", TINY, big)
    ballast.write_bytes(b"x" * 2_200_000)
    assert cli.main(acme.command(*TWO)) == 1
    printed = "".join(capfd.readouterr())
    assert "No space left on device" in printed and "Traceback" not in printed
    kept = finished(acme)
    if (acme.out / "acme/latest").exists():  # there was room for the record of what is whole
        assert {k for k, e in entries(acme).items() if e["state"] == "done"} == kept
    assert 0 < len(kept) < 6
    ballast.unlink()
    assert cli.main(acme.command(*TWO)) == 0
    assert {k for k, e in entries(acme).items() if e["state"] == "fresh"} == kept


def test_an_output_folder_that_cannot_be_written_is_named(acme, small_disk, capsys):
    acme.out = small_disk / "outputs"
    acme.out.mkdir()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert cli.main(acme.command(*TWO)) == 2
    said = capsys.readouterr().err
    assert (
        said
        == f"quarterdeck: {acme.out / 'acme'} cannot be made or read (Read-only file system); choose another folder by --out.\n"
    )


def test_a_clock_that_jumps_back_makes_neither_two_runs_of_one_name_nor_durations_below_zero(acme, monkeypatch):
    class Jumps(folders.datetime):
        days = iter((3, 3, 1, 1))

        @classmethod
        def now(cls, zone=None):
            return cls(2026, 1, next(cls.days), tzinfo=zone)

    monkeypatch.setattr(folders, "datetime", Jumps)  # nobody but root may set the machine's own clock
    company, brief = acme.out / "acme", ["--region", "North", "--notebook", "executive_brief", "--force"]
    for number in range(1, 5):
        assert cli.main(acme.command(*brief)) == 0
        assert (company / "latest").resolve() == folders.runs(company)[0] and len(runs(acme)) == number
    assert [p.name for p in runs(acme)] == [f"2026-01-03T000000Z{end}" for end in ("", "-2", "-3", "-4")]
    assert all(e["seconds"] > 0 for e in entries(acme).values())


def test_runs_of_one_second_are_in_the_order_of_their_numbers(tmp_path):
    names = [f"2026-01-03T000000Z{end}" for end in ("", *(f"-{n}" for n in range(2, 12)))]
    for name in ("2026-01-02T000000Z", *names):
        (tmp_path / name).mkdir()
    assert [p.name for p in folders.runs(tmp_path)] == [*reversed(names), "2026-01-02T000000Z"]
    assert folders.prune(tmp_path, 1) == []  # none of them is finished


def test_prune_keeps_the_newest_runs_and_what_latest_points_to(acme, capsys):
    brief = ["--notebook", "executive_brief", "--region", "North", "--force"]
    for _ in range(4):
        assert cli.main(acme.command(*brief)) == 0
    first, second, third, last = runs(acme)
    (acme.out / "acme/latest").unlink()
    (acme.out / "acme/latest").symlink_to(first.name)
    ledger = acme.out / "acme/forecast_ledger.parquet"  # these notebooks forecast nothing
    ledger.write_bytes(b"kept")
    history = pd.read_parquet(acme.out / "acme/kpi_history.parquet")
    prune = ["prune", str(acme.params), "--out", str(acme.out), "--keep", "1"]
    assert cli.main(prune) == 0 and "removed 2 runs of acme, kept 2" in capsys.readouterr().out
    assert runs(acme) == [first, last]
    assert ledger.read_bytes() == b"kept"
    assert pd.read_parquet(acme.out / "acme/kpi_history.parquet").equals(history)
    assert nbformat.read(first / "north/executive_brief.ipynb", 4)


def test_prune_leaves_an_interrupted_run_that_can_still_be_taken_up(acme):
    company = acme.out / "acme"
    for name in ("2026-01-01T000000Z", "2026-01-02T000000Z", "2026-01-03T000000Z"):
        (company / name / "north").mkdir(parents=True)
    (company / "2026-01-02T000000Z" / "run.json").write_text(json.dumps(make_facts("2026-01-02", "2026-01-02", [])))
    assert folders.prune(company, 1) == ["2026-01-01T000000Z"]
    assert [p.name for p in runs(acme)] == ["2026-01-02T000000Z", "2026-01-03T000000Z"]
