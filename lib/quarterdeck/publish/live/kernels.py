"""Which kernels do live pages have, whose are they, and when do they end?

The first viewer of a page begins its shared start (`batch/shared_start.py`), which executes once what all of its viewers need.
Each viewer's kernel is forked from that.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from jupyter_server.base.call_context import CallContext
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop
from traitlets import Int

from quarterdeck.batch import fork_server, kernels, shared_start
from quarterdeck.data import COMPANY
from quarterdeck.errors import RunError
from quarterdeck.publish.access.shelf import LATEST, Shelf
from quarterdeck.publish.access.user_file import Member
from quarterdeck.publish.live import program

ALONE_SECONDS = 20  # without a viewer: time enough to load a page again
MEMORY = 2 << 30  # bytes that a live kernel may take up
MOST_OWN = 2  # places of one user


def environment() -> dict[str, str]:
    """Give the environment of a live page's processes."""
    return dict(os.environ) | {kernels.MEMORY_LIMIT: str(MEMORY)}


class LiveKernels(AsyncMappingKernelManager):
    """The kernels of live pages.

    There are `most` at a time. Each belongs to one user, and ends after a while without a viewer or a move.
    """

    most = Int(0, config=True)
    cull_connected = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.owners: dict[str, str] = {}
        self.waiting: set[Any] = set()  # pages (`LivePage`) that have a place, and no kernel yet
        self.loading: set[str] = set()  # kernels whose page is not whole yet: Voilà would wait for an answer for good
        # The widgets that each kernel has shown, for a viewer may lose the connection.
        self.shown: dict[str, dict[str, str]] = {}
        self.shared_starts: dict[tuple, asyncio.Task] = {}  # by their code, folder and version of the library
        self.started_from: dict[str, shared_start.SharedStart | None] = {}  # by kernel

    def own(self, user: Member) -> int:
        """Give how many places a user may take: never all of several, unless the user stands for everybody."""
        return self.most if user.shared else max(1, min(MOST_OWN, self.most - 1))

    def held(self, user: Member) -> int:
        """Count the places that a user has."""
        holders = [*self.owners.values(), *(page.current_user.username for page in self.waiting)]
        return holders.count(user.username)

    def room(self, user: Member) -> bool:
        """Tell whether a place is free, and for this user."""
        taken = len(self.list_kernel_ids()) + len(self.waiting)
        return taken < self.most and self.held(user) < self.own(user)

    async def take(self, page: Any) -> bool:
        """Give a page a place, if need be that of the same user's kernel without a viewer; say whether it got one."""
        room, unused = self.room(page.current_user), self.unused(page.current_user)
        if room or unused:
            self.waiting.add(page)
        if unused and not room:
            await self.shutdown_kernel(unused)
        return page in self.waiting

    def unused(self, user: Member) -> str | None:
        """Name a kernel of a user's to end first: one that lost its viewer, or else the oldest that had none yet.

        Where one user stands for everybody, a kernel that had no viewer yet may belong to a page that is being loaded.
        """
        mine = [k for k, owner in self.owners.items() if owner == user.username]
        alone = [k for k in mine if k not in self.loading and not self._kernel_connections.get(k, 0)]
        left = [k for k in alone if k in self.shown]
        return next(iter(left or ([] if user.shared else alone)), None)

    async def start_kernel(self, *, kernel_name: str = "", **_: Any) -> str:  # type: ignore[override]
        """Start a kernel for a live page, in its run's folder; nothing else starts one.

        Raises
        ------
        RunError
            Where anything else asks.
        """
        page = CallContext.get(CallContext.JUPYTER_HANDLER)
        if page not in self.waiting:
            raise RunError("Only a live page starts a kernel.")
        forking = {fork_server.ADDRESS: page.shared_start.address} if page.shared_start else {}
        kernel = await super().start_kernel(kernel_name=kernel_name, path=page.folder, env=environment() | forking)
        self.owners[kernel], self.started_from[kernel] = page.current_user.username, page.shared_start
        self.waiting.discard(page)
        self.loading.add(kernel)
        page.kernel = kernel
        return kernel

    async def shared_start_for(self, code: tuple[str, ...], cwd: Path) -> shared_start.SharedStart | None:
        """Give the shared start that executed `code` in the folder `cwd`, or begin it; None where none is possible."""
        if not code or not fork_server.FORKS:
            return None
        key = (code, cwd, shared_start.library())
        begun = self.shared_starts.get(key)
        if not begun or (begun.done() and shared_start.needs_restart(begun.result())):
            given = ("execute", {"code": code}, str(cwd), environment())
            begun = self.shared_starts[key] = asyncio.create_task(asyncio.to_thread(shared_start.begin, *given))
        self.shared_starts[key] = self.shared_starts.pop(key)  # the last one used stands last
        found = await asyncio.shield(begun)
        return found if found and found.alive() else None

    def end_unused_starts(self) -> None:
        """End the shared starts that no kernel needs, but for the few that were used last."""
        taken = {*self.started_from.values(), *(page.shared_start for page in self.waiting)}
        idle = [k for k, s in self.shared_starts.items() if s.done() and s.result() not in taken]
        for key in idle[: -shared_start.SPARE]:
            if ended := self.shared_starts.pop(key).result():
                ended.close()

    async def shutdown_kernel(self, kernel_id: str, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """End a kernel at once: it has nothing to save."""
        self.owners.pop(kernel_id, None)
        self.started_from.pop(kernel_id, None)
        self.shown.pop(kernel_id, None)
        self.loading.discard(kernel_id)
        await super().shutdown_kernel(kernel_id, now=True)
        self.end_unused_starts()

    def notify_disconnect(self, kernel_id: str) -> None:
        """Give a viewer who has left a moment to come back."""
        super().notify_disconnect(kernel_id)
        IOLoop.current().call_later(ALONE_SECONDS, self.end_if_alone, kernel_id)

    async def end_if_alone(self, kernel_id: str) -> None:
        """End a kernel that nobody looks at."""
        if kernel_id in self and not self._kernel_connections.get(kernel_id, 0):
            await self.shutdown_kernel(kernel_id)

    async def end_those_of(self, username: str) -> None:
        """End all kernels of a user."""
        for kernel_id in [k for k, owner in self.owners.items() if owner == username]:
            await self.shutdown_kernel(kernel_id)

    async def alive(self, kernel_id: str, username: str) -> bool:
        """Tell whether a user has a kernel of this id that runs; one that has ended is removed."""
        if kernel_id not in self or self.owners.get(kernel_id) != username:
            return False
        living = await self.get_kernel(kernel_id).is_alive()
        if not living:
            await self.shutdown_kernel(kernel_id)
        return living


async def begin_ahead(many: LiveKernels, shelf: Shelf) -> None:
    """Begin the shared start of each company's first live page before anybody asks for it."""
    for company in shelf.companies()[: shared_start.SPARE]:
        if first := await asyncio.to_thread(first_live, shelf, company):
            await many.shared_start_for(program.read(first).once, first.parent.parent)


def first_live(shelf: Shelf, company: str) -> Path | None:
    """Find a company's first live page: that of all regions if there is one."""
    newest = shelf.find(company, LATEST)
    entries = sorted(newest.notebooks() if newest else [], key=lambda e: e["region"] != COMPANY)
    made = [(e["region"], e["notebook"]) for e in entries if not e.get("edition")]
    paths = (shelf.notebook(company, newest.name, *page) for page in made)
    return next((p for p in paths if p and program.explorable(p)), None)


def start_fork_server() -> fork_server.ForkServer | None:
    """Start the process that kernels are forked from; None where there can be none, or one already runs."""
    if not fork_server.FORKS or fork_server.alive(os.environ.get(fork_server.ADDRESS, "")):
        return None
    started = fork_server.ForkServer()
    os.environ[fork_server.ADDRESS] = started.address
    return started
