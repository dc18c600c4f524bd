"""How does a kernel start in a fraction of a second, for papermill, JupyterLab and Voilà alike?

The kernelspec `quarterdeck` names a provisioner, which is Jupyter's own way to start kernels otherwise. This one has each
kernel forked by a fork server. Where that is not possible, the kernel starts as any other does.
"""

import asyncio
import contextlib
import os
import queue
import socket
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

from quarterdeck.batch import fork_server

KERNEL = "quarterdeck"
MEMORY_LIMIT = "QUARTERDECK_MEMORY_LIMIT"  # environment variable: bytes that a kernel may take up
START_SECONDS = 60  # within which a kernel answers, or is given up
INLINE = "module://matplotlib_inline.backend_inline"
namespace: dict[str, Any] = {}  # the names that a kernel forked from this process starts with
_own: list[fork_server.ForkServer] = []  # this process's fork server, once it needed one
_one_at_a_time = threading.Lock()  # a server starts kernels from several threads
_reasons: list[str] = []  # why kernels are not forked here, once that is known


class ForkedProvisioner(LocalProvisioner):
    """Starts kernels by fork, and as Jupyter does where they cannot be forked."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Have the kernel forked; where that fails, say so once and start an ordinary one."""
        if kwargs.get("independent") or cmd[1:3] != ["-m", "ipykernel_launcher"] or cannot_fork():
            return await super().launch_kernel(cmd, **kwargs)
        try:
            self.process = await asyncio.to_thread(_fork, cmd[3:], kwargs)
        except OSError as error:
            warn_once(f"the process that forks them does not answer ({error})")
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.pgid = self.process.pid
        self.cwd = kwargs.get("cwd") or os.getcwd()
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        """Signal the kernel and all that it has started."""
        if isinstance(self.process, fork_server.ForkedProcess):
            self.process.send_signal(signum)
        else:
            await super().send_signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel and wait the few milliseconds until it has ended, so that a caller who polls need not poll twice."""
        if not isinstance(self.process, fork_server.ForkedProcess):
            return await super().kill(restart)
        self.process.kill()
        for _ in range(100):
            if self.process.poll() is not None:
                break
            await asyncio.sleep(0.002)

    async def wait(self) -> int | None:
        """Wait until the kernel has ended."""
        if not isinstance(self.process, fork_server.ForkedProcess):
            return await super().wait()
        while (status := self.process.poll()) is None:
            await asyncio.sleep(0.005)
        self.process = None
        return status


class PromptClient(AsyncKernelClient):
    """A client that takes a kernel's first answer for ready; Jupyter's own then listens a fifth of a second longer."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:  # type: ignore[override]
        """Wait until the kernel answers and its outputs arrive.

        Raises
        ------
        RuntimeError
            Where that takes longer than `timeout` seconds, or the kernel is dead.
        """
        until = time.monotonic() + (timeout or START_SECONDS)
        answered = heard = False
        self.kernel_info()
        while not (answered and heard):
            if time.monotonic() > until or not await self._async_is_alive():
                limit = int(os.environ.get(MEMORY_LIMIT, 0)) >> 20
                raise RuntimeError(
                    "the kernel did not answer"
                    + (f"; the memory limit of {limit} MB may be too little" if limit else "")
                )
            with contextlib.suppress(queue.Empty):
                answered = answered or bool(await self.get_shell_msg(timeout=1))
                heard = heard or bool(await self.get_iopub_msg(timeout=1))


def run_kernel(owner: socket.socket, argv: list[str]) -> None:
    """Run a kernel in a process just forked; send the owner a message when a client can connect."""
    from ipykernel.kernelapp import IPKernelApp

    from quarterdeck.batch.preload import start_again

    start_again()
    limit_memory()
    app = IPKernelApp.instance(user_ns=namespace or None)
    app.initialize([*argv, f"--IPKernelApp.parent_handle={os.getppid()}"])
    if os.environ.get("MPLBACKEND", INLINE) == INLINE:  # pyplot is there before the shell, and would draw for nobody
        app.shell.enable_matplotlib("inline")
    if widgets := sys.modules.get("ipywidgets"):  # imported before there was a kernel, it has not registered with it
        widgets.register_comm_target()
    fork_server.send(owner, "bound")
    owner.close()
    app.start()


def limit_memory() -> None:
    """Limit this process to the memory that its environment allows, if any, beyond what it starts with."""
    import resource

    if allowed := int(os.environ.get(MEMORY_LIMIT, 0)):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        (held,) = (int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData"))
        resource.setrlimit(resource.RLIMIT_DATA, (held + allowed, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def cannot_fork() -> bool:
    """Tell whether kernels cannot be forked here, and say so once."""
    if not fork_server.FORKS:
        warn_once("this system cannot fork a process safely")
    return bool(_reasons)


def warn_once(why: str) -> None:
    """Warn once why kernels start as any others do."""
    if not _reasons:
        _reasons.append(why)
        warnings.warn(f"kernels start slowly here, for {why}; they work as they would otherwise", stacklevel=2)


def _fork(argv: list[str], kwargs: dict[str, Any]) -> fork_server.ForkedProcess:
    env = kwargs.get("env") or dict(os.environ)
    out = tuple(_descriptor(kwargs.get(name), place) for place, name in ((1, "stdout"), (2, "stderr")))
    request = (f"{__name__}:run_kernel", {"argv": argv}, env, str(kwargs.get("cwd") or os.getcwd()), out)
    try:
        kernel = fork_server.ForkedProcess(env.get(fork_server.ADDRESS) or _own_fork_server(), *request)
    except OSError:  # the fork server was killed: once more, with a new one of our own
        while _own:
            _own.pop().close()
        kernel = fork_server.ForkedProcess(_own_fork_server(), *request)
    kernel.receive()  # a client that connects sooner would try again a tenth of a second later
    return kernel


def _descriptor(given: Any, place: int) -> int:
    if hasattr(given, "fileno"):
        return given.fileno()
    return given if isinstance(given, int) and given >= 0 else place


def _own_fork_server() -> str:
    with _one_at_a_time:
        if not _own:
            _own.append(fork_server.ForkServer())
        return _own[0].address
