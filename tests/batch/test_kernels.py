"""Does a forked kernel do all that a kernel does, and share nothing with its siblings?"""

import json
import os
import signal
import subprocess
import sys
import time
import warnings

import psutil
import pytest
from jupyter_client.manager import KernelManager

from conftest import PATIENCE, ROOT
from quarterdeck.batch import fork_server, kernels

pytestmark = pytest.mark.skipif(not fork_server.FORKS, reason="kernels are forked on Linux alone")


class Kernel:
    """A kernel by the kernelspec `quarterdeck`, and a client of it."""

    def __init__(self, folder, name="quarterdeck", **kwargs):
        self.manager = KernelManager(kernel_name=name, transport="ipc", ip=str(folder / f"k{time.monotonic_ns()}"))
        self.manager.start_kernel(**kwargs)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)

    @property
    def process(self):
        return self.manager.provisioner.process

    def run(self, code):
        """Run code; give all that it put out, as messages."""
        heard = []
        self.client.execute_interactive(code, output_hook=heard.append, timeout=PATIENCE)
        return [m for m in heard if m["msg_type"] in ("stream", "display_data", "execute_result", "error")]

    def ask(self, expression):
        """Give the value of an expression, by way of JSON."""
        (output,) = self.run(f"import json; print(json.dumps({expression}))")
        return json.loads(output["content"]["text"])

    def stop(self):
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start kernels that are stopped when the test ends."""
    monkeypatch.setenv("JUPYTER_PATH", str(ROOT / "lib" / "quarterdeck" / "batch" / "jupyter"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    started = []

    def begin(**kwargs):
        started.append(Kernel(tmp_path, **kwargs))
        return started[-1]

    yield begin
    for kernel in started:
        kernel.stop()


def ends(process, seconds=PATIENCE):
    """Tell whether a process ends within so many seconds."""
    gone, _ = psutil.wait_procs([process], timeout=seconds)
    return bool(gone) or process.status() == psutil.STATUS_ZOMBIE


def test_two_kernels_share_nothing(start):
    one, other = start(), start()
    assert isinstance(one.process, fork_server.ForkedProcess) and one.process.pid != other.process.pid
    one.run("""
import random, numpy as np, pandas as pd, matplotlib as mpl, matplotlib.pyplot as plt
from quarterdeck.data import contract, snapshot
np.random.seed(1), random.seed(1)
mpl.rcParams["lines.linewidth"] = 99; plt.figure(); pd.options.display.max_rows = 3
contract.TABLES.clear(); snapshot.COMPANY = "mine"; left = 1; import os; os.environ["LEFT"] = "1"; os.chdir("/")""")
    other.run("import random, numpy as np, pandas as pd, matplotlib as mpl, matplotlib.pyplot as plt, os")
    other.run("from quarterdeck.data import contract, snapshot")
    assert other.ask("'left' in globals() or 'LEFT' in os.environ or os.getcwd() == '/'") is False
    assert other.ask("[mpl.rcParams['lines.linewidth'], plt.get_fignums(), pd.options.display.max_rows]") == [
        1.5,
        [],
        60,
    ]
    assert other.ask("[len(contract.TABLES) > 5, snapshot.COMPANY]") == [True, "company"]


def test_random_numbers_differ_between_kernels(start):
    code = "[float(__import__('numpy').random.random()), __import__('random').random(), __import__('uuid').uuid4().hex]"
    first, second = (start().ask(code) for _ in range(2))
    assert not set(first) & set(second)


def test_figures_arrive_by_pyplot_and_by_show(start, tmp_path):
    kernel = start()
    by_pyplot = kernel.run("import matplotlib.pyplot as plt; plt.plot([1, 2]); None")
    by_seaborn = kernel.run("import seaborn as sns; sns.lineplot(x=[1, 2], y=[1, 2]); None")
    by_show = kernel.run("""
import pandas as pd
from quarterdeck.present import style
from quarterdeck.present.page import show
def draw(frame):
    ax = style.axes()
    ax.plot(frame["a"])
    return ax
show(draw, pd.DataFrame({"a": [1, 2]}))""")
    for heard in (by_pyplot, by_seaborn, by_show):
        assert ["image/png" in m["content"].get("data", {}) for m in heard] == [True], heard


def test_a_notebook_that_does_not_ask_for_the_house_style_does_not_get_it(start):
    kernel = start()
    kernel.run("import matplotlib as mpl")
    assert kernel.ask("mpl.rcParams['axes.spines.top']") is True
    kernel.run("from quarterdeck.present import style")
    assert kernel.ask("mpl.rcParams['axes.spines.top']") is False


def test_environment_and_working_directory_are_passed_on(start, tmp_path):
    (tmp_path / "mine.py").write_text("said = 5")
    env = os.environ | {"SAID": "yes", "PYTHONPATH": str(tmp_path)}
    kernel = start(env=env, cwd=str(tmp_path))
    assert kernel.ask("[__import__('os').environ['SAID'], __import__('os').getcwd(), __import__('mine').said]") == [
        "yes", str(tmp_path), 5]  # fmt: skip


def test_interrupt_restart_and_shutdown(start):
    kernel = start()
    kernel.run("x = 1")
    asked = kernel.client.execute("import time; print('begun'); time.sleep(600)")
    while kernel.client.get_iopub_msg(timeout=PATIENCE)["content"].get("text") != "begun\n":
        pass
    kernel.manager.interrupt_kernel()
    assert kernel.client.get_shell_msg(timeout=PATIENCE)["content"]["ename"] == "KeyboardInterrupt" and asked
    before = kernel.process.pid
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=PATIENCE)
    assert kernel.process.pid != before and kernel.ask("'x' in globals()") is False
    process = psutil.Process(kernel.process.pid)
    kernel.manager.shutdown_kernel()
    assert ends(process) and not kernel.manager.has_kernel


def test_what_a_kernel_has_started_ends_with_it(start):
    kernel = start()
    child = psutil.Process(kernel.ask("__import__('subprocess').Popen(['sleep', '60']).pid"))
    kernel.manager.shutdown_kernel(now=True)
    assert ends(child)


def test_a_kernel_that_is_killed_is_known_to_be_dead(start):
    kernel = start()
    os.kill(kernel.process.pid, signal.SIGKILL)
    assert kernel.process.wait(PATIENCE) == -signal.SIGKILL and not kernel.manager.is_alive()


def test_the_forking_process_killed_takes_its_kernels_along_and_the_next_one_starts_again(start):
    kernel = start()
    forking = psutil.Process(kernel.process.pid).parent()
    os.kill(forking.pid, signal.SIGKILL)
    assert kernel.process.wait(PATIENCE) == -signal.SIGKILL
    assert isinstance(start().process, fork_server.ForkedProcess)


def test_nothing_outlives_an_owner_who_was_killed(tmp_path, start):
    program = """
import sys, time
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="quarterdeck", transport="ipc", ip=sys.argv[1])
manager.start_kernel()
print(manager.provisioner.process.pid, flush=True)
time.sleep(60)"""
    owner = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "k")], stdout=subprocess.PIPE, text=True)
    kernel = psutil.Process(int(owner.stdout.readline()))
    forking = kernel.parent()
    owner.kill()
    owner.wait()
    assert ends(kernel) and ends(forking)


def test_a_child_forked_in_the_moment_before_its_forking_process_dies_dies_too(tmp_path):
    program = """
import os, signal, sys
from quarterdeck.batch import fork_server
fork = os.fork
def fork_and_die():  # nobody outside can hit the moment between a fork and the child's first step
    pid, own = fork(), os.getpid()
    if pid:
        os.kill(own, signal.SIGKILL)
    print(own, flush=True)
    while os.getppid() == nursery: pass
    return pid
nursery, os.fork = os.getpid(), fork_and_die
fork_server.main(lambda: None)"""
    (tmp_path / "mark.py").write_text("import pathlib\ndef leave(owner, path): pathlib.Path(path).touch()")
    mark, address = tmp_path / "mark", str(tmp_path / "forks")
    with fork_server.socket.socket(fork_server.socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        held = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "pass_fds": [listening.fileno()], "text": True}
        forking = subprocess.Popen([sys.executable, "-c", program, str(listening.fileno())], **held)
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    with pytest.raises(ConnectionResetError):
        fork_server.ForkedProcess(address, "mark:leave", {"path": str(mark)}, env, str(tmp_path), (1, 2))
    child = int(forking.stdout.readline())
    forking.communicate()
    assert forking.returncode == -signal.SIGKILL and not mark.exists()
    assert not psutil.pid_exists(child) or ends(psutil.Process(child))


def test_where_nothing_can_be_forked_an_ordinary_kernel_starts_with_one_warning(start, monkeypatch):
    monkeypatch.setattr(fork_server, "FORKS", False)
    monkeypatch.setattr(kernels, "_reasons", [])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        kernel = start()
        other = start()
    assert [str(w.message) for w in said if "kernels start slowly here" in str(w.message)] == [
        "kernels start slowly here, for this system cannot fork a process safely; they work as they would otherwise"
    ]
    assert isinstance(kernel.process, subprocess.Popen) and other.ask("1 + 1") == 2


def test_where_the_forking_process_dies_at_once_an_ordinary_kernel_starts_with_a_warning(start, monkeypatch):
    monkeypatch.delenv(fork_server.ADDRESS, raising=False)
    sound = dict(os.environ)
    monkeypatch.setattr(kernels, "_own", [])
    monkeypatch.setattr(kernels, "_reasons", [])
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # it finds no library to import
    with pytest.warns(UserWarning, match="kernels start slowly here, for the process that forks them does not answer"):
        kernel = start(env=sound)
    kernels._own.pop().close()
    assert isinstance(kernel.process, subprocess.Popen) and kernel.ask("1 + 1") == 2


def test_setup_has_installed_the_kernelspec_where_every_client_of_this_environment_finds_it():
    env = {k: v for k, v in os.environ.items() if k != "JUPYTER_PATH"}
    command = [sys.executable, "-m", "jupyter", "kernelspec", "list", "--json"]
    output = json.loads(subprocess.run(command, env=env, check=True, capture_output=True).stdout)
    spec = ROOT / "lib/quarterdeck/batch/jupyter/kernels/quarterdeck/kernel.json"
    found = output["kernelspecs"]["quarterdeck"]["spec"]["metadata"]["kernel_provisioner"]["provisioner_name"]
    assert found == json.loads(spec.read_text())["metadata"]["kernel_provisioner"]["provisioner_name"]


def test_a_kernel_is_held_to_its_memory(start):
    kernel = start(env=os.environ | {kernels.MEMORY_LIMIT: str(1 << 30)})
    (output,) = kernel.run("x = bytearray(2 << 30)")
    assert output["content"]["ename"] == "MemoryError" and kernel.ask("1") == 1


def test_the_process_that_forks_has_one_thread(start):
    forking = psutil.Process(start().process.pid).parent()
    assert forking.num_threads() == 1 and not forking.net_connections("inet")
