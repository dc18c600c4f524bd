"""What every test may lean on: a small demo company, and other people's data where it is available."""

import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
sys.path += [
    str(ROOT / "tests" / room) for room in ("", "batch", "data", "publish", "notebooks")
]  # acme.py and others, for tests run alone
for threads in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
):  # before numpy; tests run side by side already
    os.environ.setdefault(threads, "1")
PATIENCE = 300  # seconds that a test waits for what has to come: the machine may be busy with other things
SMALL = {"seed": 7, "scale": 0.2, "as_of": "2026-11-15"}


def pytest_collection_finish(session):
    """Freeze the snapshot that the golden runs stand on, where one of them is to run."""
    if any(item.path.parent == GOLDEN for item in session.items) and not hasattr(session.config, "workerinput"):
        freeze_golden()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config, specs):
    """Freeze it once, before several processes of tests begin."""
    freeze_golden()


def pytest_itemcollected(item):
    """Compare no facts of golden runs, which repeat as data what is compared as tables, and figures as `Near` does."""
    if hasattr(item.parent, "skip_compare"):
        from quarterdeck.present.stated import FACTS_MIME

        item.parent.skip_compare = tuple({*item.parent.skip_compare, FACTS_MIME})
        item.sanitize = lambda output, plain=item.sanitize: nearly(plain(output))


class Near(float):
    """A figure of a golden run: the last digits of a fit differ from processor to processor."""

    __hash__ = float.__hash__

    def __eq__(self, other):
        return isinstance(other, float) and math.isclose(float(self), float(other), rel_tol=1e-5, abs_tol=1e-9)

    def __ne__(self, other):
        return not self == other


def nearly(data):
    """Give an output with its figures compared as `Near` does."""
    if isinstance(data, float):
        return Near(data)
    if isinstance(data, dict):
        return {key: nearly(value) for key, value in data.items()}
    return [nearly(value) for value in data] if isinstance(data, list) else data


def freeze_golden():
    """Freeze a fifth of the demo company beside the golden runs."""
    from quarterdeck.data import demo, snapshot

    shutil.rmtree(GOLDEN / "snapshot", ignore_errors=True)
    frozen = snapshot.freeze(
        demo.generate(**SMALL)[0], GOLDEN / "snapshot", snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR")
    )
    answer_company_wide(frozen, GOLDEN / "snapshot")


def answer_company_wide(frozen, data):
    """Put the company-wide answers beside a snapshot, as a run does before its pages."""
    from quarterdeck.batch import company_wide, plan, workers

    jobs = plan.plan(ROOT / "params" / "demo", ROOT / "notebooks", ["company"], [])
    tasks = company_wide.tasks(jobs, frozen, data.parent / "none")
    with workers.WorkerPool(workers.Limits()) as pool:
        done = list(company_wide.answered(tasks, frozen, data, pool, 2))
    assert all((data / "answers" / task.name).is_dir() for task in done)


def until(true, pause=0.05, patience=PATIENCE):
    """Wait until something is true, and give it."""
    end = time.monotonic() + patience
    while not (found := true()):
        assert time.monotonic() < end, "what has to come did not"
        time.sleep(pause)
    return found


@pytest.fixture(scope="session")
def demo_company():
    """A fifth of the demo company: its tables, checked, and the truths planted in it."""
    from quarterdeck.data import contract, demo

    tables, truths = demo.generate(**SMALL)
    return contract.check(tables), truths


@pytest.fixture(scope="session")
def common(tmp_path_factory):
    """A folder that all processes of this session of tests share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "common"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def answers(common):
    """A folder of what desks have computed in this session of tests (`looked_at.remember`)."""
    (common / "answers").mkdir(exist_ok=True)
    return common / "answers"


@pytest.fixture(scope="module")
def remembered(answers):
    """Let desks compute nothing that a test of this session has computed before."""
    from looked_at import remember

    with pytest.MonkeyPatch.context() as patch:
        remember(patch, answers)
        yield


@pytest.fixture(scope="session")
def demo_runs(common):
    """The folder of a fifth of the demo company, run by the command line once for all tests; they copy it, or only read.

    It has two runs of the company and of North Sea: of the brief a week before, and of all pages.
    """
    root = common / "demo"
    try:
        root.mkdir()
    except FileExistsError:  # another process of tests makes it, which takes minutes on a busy machine
        until((root / "ended").exists, patience=4 * PATIENCE)
    else:
        try:
            _run_demo(root)
        finally:
            (root / "ended").touch()
    assert (root / "outputs" / "demo" / "latest").exists(), "the process of tests that ran the demo company failed"
    return root


def _run_demo(root):
    shutil.copytree(ROOT / "params" / "demo", root / "params" / "demo", ignore=lambda *_: ["adriatic.yaml"])
    source = root / "params" / "demo" / "source.yaml"
    source.write_text(source.read_text().replace("scale: 1,", "scale: 0.2,"))
    (root / "notebooks").symlink_to(ROOT / "notebooks")
    command = [sys.executable, "-m", "quarterdeck.cli", "run", "params/demo", "--region", "company", "North Sea"]
    for more in (["--notebook", "executive_brief", "--as-of", "2026-11-08"], []):
        done = subprocess.run([*command, *more], cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def others_data():
    """Give the folder with other people's data, or skip in one plain line."""
    folder = Path(os.environ.get("QUARTERDECK_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"other people's data is not at {folder}; name its folder in QUARTERDECK_DATA")
    return folder


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A real browser, or a skip in one plain line."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        pytest.skip("Chromium or its driver is not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    quiet = (
        "headless=new hide-scrollbars no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    )
    for flag in (*quiet.split(), "disable-component-update", "disable-sync", "force-device-scale-factor=1"):
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def forking_process():
    """A process that forks kernels for all tests: its start takes longer than most of them."""
    from quarterdeck.batch import fork_server

    if not fork_server.FORKS:
        pytest.skip("kernels are forked on Linux alone")
    forking = fork_server.ForkServer()
    yield forking
    forking.close()


@pytest.fixture
def acme(tmp_path, monkeypatch, forking_process):
    """A company of two regions with tiny notebooks, in a folder of its own, which is the working directory."""
    from acme import Acme

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACME_DATA", "")
    monkeypatch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
    return Acme(tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a few megabytes, or a skip in one plain line."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True).returncode
    ):
        pytest.skip("a small disk can be mounted by root alone")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)
