"""How does a process start with everything imported already? It is forked from one that imported it and waits.

`python -m quarterdeck.batch.fork_server` imports the libraries, fits and draws once, and then forks a child for each request
that comes in by its socket. It has one thread and no connection to anything, for only such a process may be forked. It ends
when the pipe that its owner holds is closed. A child ends with the fork server and with the process that asked for the
child, even if those are killed.
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

try:
    import fcntl
except ImportError:  # Windows, where nothing is forked
    fcntl = None

ADDRESS = "QUARTERDECK_ZYGOTE"  # environment variable that names the socket of a fork server that already runs
FORKS = sys.platform == "linux"  # elsewhere system libraries start threads of their own, or there is no fork
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1") | {
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # Arrow's allocator
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else the debugger warns at each start
}
PR_SET_PDEATHSIG = 1
LONGEST = 40  # bytes of that folder's path: Jupyter adds as many again, and more
PLACES = ("/tmp", "/var/tmp", "/dev/shm")
REQUEST_SECONDS = 10  # within which a request must have arrived whole
ahead: list["ForkServer"] = []  # started before it was needed


def place() -> str:
    """Choose the folder in which to make a private one for sockets.

    A socket's path has at most some 100 bytes, so a long TMPDIR is passed over.
    """
    usual = tempfile.gettempdir()
    short = [p for p in (usual, *PLACES) if len(os.fsencode(p)) <= LONGEST and os.access(p, os.W_OK | os.X_OK)]
    return short[0] if short else usual


class ForkServer:
    """The owner's end of a fork server, which runs until `close` or until the owner ends."""

    def __init__(self) -> None:
        # If the owner is killed, the process itself removes the folder.
        self.folder = tempfile.mkdtemp(prefix="qd-", dir=place())
        self.address = str(Path(self.folder) / "forks")
        try:
            self.process = self._started()
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _started(self) -> subprocess.Popen:
        with _above_streams(socket.socket(socket.AF_UNIX)) as listening:
            listening.bind(self.address)
            listening.listen(64)
            return subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(listening.fileno())],
                stdin=subprocess.PIPE,  # never written to: it ends when the owner does
                stdout=subprocess.DEVNULL,
                env=os.environ | ONE_THREAD,
                pass_fds=[listening.fileno()],
                start_new_session=True,
            )

    def close(self) -> None:
        """End the process and everything that it has forked."""
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _above_streams(made: socket.socket) -> socket.socket:
    """Give a socket a descriptor above standard error's.

    Where the standard streams are closed, a new socket gets one of their numbers, which a child would overwrite.
    """
    return socket.socket(fileno=fcntl.fcntl(made.detach(), fcntl.F_DUPFD_CLOEXEC, 3)) if made.fileno() < 3 else made


def start_ahead() -> None:
    """Start a fork server where one will be needed: it imports the libraries while this process imports its own."""
    if FORKS and not os.environ.get(ADDRESS) and not ahead:
        with contextlib.suppress(OSError):  # the first one to need it tries again, and says why there is none
            ahead.append(ForkServer())
            atexit.register(ahead[0].close)


def alive(address: str) -> bool:
    """Tell whether a fork server answers at an address."""
    with socket.socket(socket.AF_UNIX) as knock:
        return knock.connect_ex(address) == 0


class ForkedProcess:
    """A forked process, with the parts of `subprocess.Popen` that a kernel's owner uses.

    Raises
    ------
    OSError
        Where there is no fork server at the address, or it ended before it forked.
    """

    stdin = stdout = stderr = None

    def __init__(
        self, address: str, target: str, arguments: dict[str, Any], env: dict[str, str], cwd: str, out: tuple[int, int]
    ) -> None:
        self.returncode: int | None = None
        self.message: Any = None
        self._buffer, self._reading = b"", threading.Lock()  # one thread may wait and another kill
        self.connection = socket.socket(socket.AF_UNIX)
        try:
            self.connection.connect(address)
            request = {"target": target, "arguments": arguments, "env": env, "cwd": cwd}
            body = json.dumps(request).encode()
            socket.send_fds(self.connection, [len(body).to_bytes(4)], out)
            self.connection.sendall(body)
            self.pid = int.from_bytes(_exactly(self.connection, 4))
        except BaseException:
            self.connection.close()
            raise

    def receive(self) -> Any:
        """Wait for the first message that the process sends; None where it ends without one."""
        while self.poll() is None and self.message is None:
            self._await()
        return self.message

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
        """Signal the process and all it has started; the fork server does it, for it knows whether they still run."""
        if self.poll() is None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has ended just now
                self.connection.sendall(bytes([signum]))

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def _await(self, seconds: float | None = None) -> None:
        waiting = select.poll()
        waiting.register(self.connection, select.POLLIN)
        waiting.poll(None if seconds is None else seconds * 1000)

    def _received(self) -> bytes:
        try:
            return self.connection.recv(65536, socket.MSG_DONTWAIT)
        except ConnectionResetError:
            return b""

    def _take(self, data: bytes) -> None:
        """Take in a line of JSON at a time: a message, or the exit status; an empty read means that the fork server has ended."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in map(json.loads, lines):
            self.message = line.get("message", self.message)
            self.returncode = line.get("exit", self.returncode)
        if not data and self.returncode is None:
            self.returncode = -signal.SIGKILL


class ForkLoop:
    """The forking process's own loop."""

    def __init__(self, listening: socket.socket, life: int | None = None) -> None:
        """Take the socket of requests and, if the owner holds one, the pipe whose end shows that the owner is gone."""
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
            request = json.loads(_exactly(owner, int.from_bytes(size)))
        except (OSError, ValueError):  # the one who asked is gone, or only checked that this server is there
            for end in (owner.detach(), *out):
                os.close(end)
            return
        owner.settimeout(None)
        alone = len(os.listdir("/proc/self/task")) == 1
        named, names = os.pipe()
        pid = os.fork() if alone else self.end("it has more than one thread and cannot be forked")
        if not pid:
            os.close(names)
            # This returns when the other end is closed: the owner must get the child's number before its messages.
            os.read(named, 1)
            os.close(named)
            self.become(request, owner, out)
        with contextlib.suppress(OSError):  # the child does the same; whichever is first, nobody signals it before
            os.setpgid(pid, pid)
        for end in out:
            os.close(end)
        self.owners[pid] = owner
        self.loop.register(owner, selectors.EVENT_READ, lambda: self.pass_on(pid))
        self.send(owner, pid.to_bytes(4))
        for end in (named, names):
            os.close(end)

    def become(self, request: dict[str, Any], owner: socket.socket, out: list[int]) -> None:
        """Do what the request says as the child, and keep nothing of the fork server's."""
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
            if self.pid != os.getppid():  # the fork server ended before its end could end this process too
                os._exit(1)
            status = _do(request, owner, out)
        except BaseException as fault:
            sys.excepthook(type(fault), fault, fault.__traceback__)
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def pass_on(self, pid: int) -> None:
        """Pass on the signals that the child's owner sends; an owner who is gone means the end of the child."""
        if pid not in self.owners:  # it was reaped a moment ago, in the same round of the loop
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
        """Report each child that has ended to its owner, with its exit status."""
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
        """End this process and all of its children."""
        for pid in self.owners:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        shutil.rmtree(os.path.dirname(self.listening.getsockname()), ignore_errors=True)
        if why:
            print(f"quarterdeck: the forking process ends: {why}", file=sys.stderr)
        os._exit(0)


def _do(request: dict[str, Any], owner: socket.socket, out: list[int]) -> int:
    for held, place in zip(out, (1, 2), strict=True):
        os.dup2(held, place)
        os.close(held)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    gone = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    os.environ.clear()
    os.environ.update(request["env"])
    given = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    sys.path[:0] = [p for p in given if p not in gone]
    os.chdir(request["cwd"])
    time.tzset()
    module, name = request["target"].split(":")
    getattr(importlib.import_module(module), name)(owner, **request["arguments"])
    return 0


def send(owner: socket.socket, message: Any) -> None:
    """Send the owner of this forked process a message; where the owner is gone, this process is about to be killed."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        owner.sendall(json.dumps({"message": message}).encode() + b"\n")


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionResetError("the other end is gone")
        data += part
    return data


def main(prepare: Callable[[], None]) -> None:
    """Prepare, drop every module of Quarterdeck, and fork children on request.

    A child imports Quarterdeck again: its own state, and the newest text of each module.
    """
    prepare()
    for name in [n for n in sys.modules if n.split(".")[0] == "quarterdeck"]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()  # else the collector of each child would touch, and so copy, every page
    ForkLoop(socket.socket(fileno=int(sys.argv[1])), life=0).serve()


if __name__ == "__main__":
    from quarterdeck.batch.preload import preload

    main(preload)
