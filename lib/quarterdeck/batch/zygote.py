"""How does a process begin with everything imported already? It is forked from one that has done so and waits.

`python -m quarterdeck.batch.zygote` imports the libraries, fits and draws once, and then forks a child for each request
that comes in by its socket. It has one thread and no connection to anything, for only such a process may be forked. Its
life hangs on a pipe that its owner holds, and each child's life hangs on the zygote and on whoever asked for the child:
when one of them is killed, however hard, the child is too.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ADDRESS = "QUARTERDECK_ZYGOTE"  # environment variable that names the socket of a zygote already there
FORKS = sys.platform == "linux"  # elsewhere system libraries start threads of their own, or there is no fork
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1") | {
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # Arrow's allocator
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else the debugger warns at each start
}
PR_SET_PDEATHSIG = 1
REQUEST_SECONDS = 10  # within which a request must have arrived whole
ahead: list["Zygote"] = []  # begun before it was needed


class Zygote:
    """The owner's end of a forking process; it lives until `close`, or until the owner dies."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="qd-")  # where the owner is killed, the process itself removes it
        self.address = str(Path(self.folder) / "zygote")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.address)
            listening.listen(64)
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(listening.fileno())],
                stdin=subprocess.PIPE,  # never written to: it ends when the owner does
                stdout=subprocess.DEVNULL,
                env=os.environ | ONE_THREAD,
                pass_fds=[listening.fileno()],
                start_new_session=True,
            )

    def close(self) -> None:
        """End the process, and with it all that it has forked."""
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def begin_ahead() -> None:
    """Begin a zygote, where one will be needed: it imports the libraries while this process imports them itself."""
    if FORKS and not os.environ.get(ADDRESS) and not ahead:
        ahead.append(Zygote())
        atexit.register(ahead[0].close)


def alive(address: str) -> bool:
    """Tell whether there is a zygote at an address."""
    with socket.socket(socket.AF_UNIX) as knock:
        return knock.connect_ex(address) == 0


class Forked:
    """A forked process, with the parts of `subprocess.Popen` that a kernel's owner uses.

    Raises
    ------
    OSError
        Where there is no zygote at the address, or it died before it forked.
    """

    stdin = stdout = stderr = None

    def __init__(
        self, address: str, target: str, arguments: dict[str, Any], env: dict[str, str], cwd: str, out: tuple[int, int]
    ) -> None:
        self.returncode: int | None = None
        self.told: Any = None
        self._heard, self._reading = b"", threading.Lock()  # one thread may wait and another kill
        self.connection = socket.socket(socket.AF_UNIX)
        try:
            self.connection.connect(address)
            wish = {"target": target, "arguments": arguments, "env": env, "cwd": cwd}
            body = json.dumps(wish).encode()
            socket.send_fds(self.connection, [len(body).to_bytes(4)], out)
            self.connection.sendall(body)
            self.pid = int.from_bytes(_exactly(self.connection, 4))
        except BaseException:
            self.connection.close()
            raise

    def hear(self) -> Any:
        """Wait for the first thing that it tells; None where it ends before."""
        while self.poll() is None and self.told is None:
            self._await()
        return self.told

    def poll(self) -> int | None:
        """Give the exit status, or None while it runs."""
        with self._reading, contextlib.suppress(BlockingIOError):
            while self.returncode is None:
                self._take(self._received())
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; raise `TimeoutError` where that takes longer than `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            self._await(left)
        return self.returncode

    def send_signal(self, signum: int) -> None:
        """Signal the process and all it has started; the zygote does it, which knows whether they are still there."""
        if self.poll() is None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has ended just now
                self.connection.sendall(bytes([signum]))

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def _await(self, seconds: float | None = None) -> None:
        heard = select.poll()
        heard.register(self.connection, select.POLLIN)
        heard.poll(None if seconds is None else seconds * 1000)

    def _received(self) -> bytes:
        try:
            return self.connection.recv(65536, socket.MSG_DONTWAIT)
        except ConnectionResetError:
            return b""

    def _take(self, data: bytes) -> None:
        """Take in a line of JSON at a time: what it tells, or its exit status; silence means that the zygote is dead."""
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in map(json.loads, lines):
            self.told = line.get("told", self.told)
            self.returncode = line.get("exit", self.returncode)
        if not data and self.returncode is None:
            self.returncode = -signal.SIGKILL


class Nursery:
    """The forking process's own loop."""

    def __init__(self, listening: socket.socket, life: int | None = None) -> None:
        """Take the socket of requests, and the pipe on which the owner's life is seen, if that is how it is seen."""
        self.listening, self.pid = listening, os.getpid()
        self.owners: dict[int, socket.socket] = {}  # by the child's process id
        self.woken, wakes = socket.socketpair()
        self.wakes = wakes
        for end in (self.woken, wakes):
            end.setblocking(False)
        signal.set_wakeup_fd(wakes.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the loop wakes
        self.loop = selectors.DefaultSelector()
        if life is not None:
            self.loop.register(life, selectors.EVENT_READ, self.end)
        self.loop.register(self.woken, selectors.EVENT_READ, self.reap)
        self.loop.register(listening, selectors.EVENT_READ, self.answer)

    def serve(self) -> None:
        """Answer until the owner is gone."""
        while True:
            for key, _ in self.loop.select():
                key.data()

    def answer(self) -> None:
        """Fork a child for the request that has come in."""
        owner, _ = self.listening.accept()
        out: list[int] = []
        try:
            owner.settimeout(REQUEST_SECONDS)
            size, out, *_ = socket.recv_fds(owner, 4, 2)
            wish = json.loads(_exactly(owner, int.from_bytes(size)))
        except (OSError, ValueError):  # whoever asked is gone, or only knocked
            for end in (owner.detach(), *out):
                os.close(end)
            return
        owner.settimeout(None)
        alone = len(os.listdir("/proc/self/task")) == 1
        named, names = os.pipe()
        pid = os.fork() if alone else self.end("it has more than one thread and cannot be forked")
        if not pid:
            os.close(names)
            os.read(
                named, 1
            )  # ends as the other end is closed: the owner has to hear the child's number before its words
            os.close(named)
            self.become(wish, owner, out)
        with contextlib.suppress(OSError):  # the child does the same; whichever is first, nobody signals it before
            os.setpgid(pid, pid)
        for end in out:
            os.close(end)
        self.owners[pid] = owner
        self.loop.register(owner, selectors.EVENT_READ, lambda: self.pass_on(pid))
        self.send(owner, pid.to_bytes(4))
        for end in (named, names):
            os.close(end)

    def become(self, wish: dict[str, Any], owner: socket.socket, out: list[int]) -> None:
        """Be the child: what the wish says, and nothing of the zygote's."""
        status = 1
        try:
            os.setpgid(0, 0)
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            for each, handler in ((signal.SIGCHLD, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
                signal.signal(each, handler)
            self.loop.close()
            for end in (self.listening, self.woken, self.wakes, *self.owners.values()):
                end.close()
            if self.pid != os.getppid():  # the zygote died before its death could end this process too
                os._exit(1)
            status = _do(wish, owner, out)
        except BaseException as fault:
            sys.excepthook(type(fault), fault, fault.__traceback__)
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def pass_on(self, pid: int) -> None:
        """Pass on the signals that the child's owner sends; an owner who is gone means the end of the child."""
        if pid not in self.owners:  # it has been reaped a moment ago, in the same round of the loop
            return
        try:
            signals = self.owners[pid].recv(64)
        except OSError:
            signals = b""
        if not signals:
            self.loop.unregister(self.owners[pid])
        for each in signals or bytes([signal.SIGKILL]):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, each)

    def reap(self) -> None:
        """Tell the owners of the children that have ended."""
        with contextlib.suppress(BlockingIOError):
            self.woken.recv(4096)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)  # whatever it has started and left behind
                owner = self.owners.pop(pid)
                with contextlib.suppress(KeyError):
                    self.loop.unregister(owner)
                self.send(owner, json.dumps({"exit": os.waitstatus_to_exitcode(status)}).encode() + b"\n")
                owner.close()

    def send(self, owner: socket.socket, words: bytes) -> None:
        """Send, to an owner who may be gone."""
        with contextlib.suppress(OSError):
            owner.sendall(words)

    def end(self, why: str = "") -> None:
        """End, and all children with it."""
        for pid in self.owners:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        shutil.rmtree(os.path.dirname(self.listening.getsockname()), ignore_errors=True)
        if why:
            print(f"quarterdeck: the forking process ends: {why}", file=sys.stderr)
        os._exit(0)


def _do(wish: dict[str, Any], owner: socket.socket, out: list[int]) -> int:
    for held, place in zip(out, (1, 2), strict=True):
        os.dup2(held, place)
        os.close(held)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    gone = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    os.environ.clear()
    os.environ.update(wish["env"])
    given = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    sys.path[:0] = [p for p in given if p not in gone]
    os.chdir(wish["cwd"])
    time.tzset()
    module, name = wish["target"].split(":")
    getattr(importlib.import_module(module), name)(owner, **wish["arguments"])
    return 0


def tell(owner: socket.socket, words: Any) -> None:
    """Tell the owner of this forked process something; where that one is gone, this one is about to be killed."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        owner.sendall(json.dumps({"told": words}).encode() + b"\n")


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionResetError("the other end is gone")
        data += part
    return data


def main(prepare: Callable[[], None]) -> None:
    """Prepare, forget every module of Quarterdeck, and fork children on request."""
    prepare()
    for name in [n for n in sys.modules if n.split(".")[0] == "quarterdeck"]:
        del sys.modules[name]  # a child imports them afresh: its own state, and the newest text of each
    gc.collect()
    gc.freeze()  # else the collector of each child would touch, and so copy, every page
    Nursery(socket.socket(fileno=int(sys.argv[1])), life=0).serve()


if __name__ == "__main__":
    from quarterdeck.batch.preload import preload

    main(preload)
