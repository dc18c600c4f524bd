"""How do many kernels share what each of them would compute? They are forked from a process that has computed it once.

A stem is such a process: itself forked from the zygote, it executes code and then forks kernels that begin with the names
which the code has bound. They share its memory until they write to it.
"""

import gc
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from quarterdeck.batch import kernels, zygote

LIBRARY = Path(__file__).parent.parent
SPARE = 4  # stems that are kept without a kernel


class Stem:
    """The owner's end of a stem; `address` is empty where the code failed, or cannot be shared. It ends with its owner."""

    def __init__(self, code: tuple[str, ...], cwd: str, env: dict[str, str]) -> None:
        forking = env.get(zygote.ADDRESS, "")
        given = {"code": code, "folder": os.path.dirname(forking)}
        self.process = zygote.Forked(forking, f"{__name__}:grow", given, env, cwd, (1, 2))
        self.address: str = self.process.hear() or ""

    def alive(self) -> bool:
        """Tell whether kernels can be forked from it."""
        return bool(self.address) and self.process.poll() is None

    def close(self) -> None:
        """End it, and all kernels that were forked from it."""
        self.process.kill()
        self.process.wait()
        self.process.connection.close()


def grow(owner: socket.socket, code: list[str], folder: str) -> None:
    """Be a stem, in a process just forked: execute code, tell the owner where to ask for kernels, and fork them."""
    from quarterdeck.batch.preload import start_afresh

    start_afresh()
    kernels.limit_memory()
    kernels.begun["__name__"] = "__main__"
    for statement in code:
        exec(compile(statement, "<notebook>", "exec"), kernels.begun)
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("the notebook has started threads, so each kernel of its live page executes all of it")
    gc.collect()
    gc.freeze()  # else the collector of each kernel would touch, and so copy, every page
    address = str(Path(tempfile.mkdtemp(dir=folder)) / "stem")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        zygote.tell(owner, address)
        owner.close()  # the zygote holds it too, and ends this process with it
        zygote.Nursery(listening).serve()


def library() -> int:
    """Say when the library was last changed: a stem of older code is not used."""
    return max(f.stat().st_mtime_ns for f in LIBRARY.rglob("*.py"))


def killed(found: Stem | None) -> bool:
    """Tell whether to begin a stem anew: not where its code has failed before."""
    return found is None or (bool(found.address) and not found.alive())


def begin(code: tuple[str, ...], cwd: str, env: dict[str, Any]) -> Stem | None:
    """Begin a stem and wait until it is ready; None where there is none to be had."""
    try:
        return Stem(code, cwd, env)
    except OSError:
        return None
