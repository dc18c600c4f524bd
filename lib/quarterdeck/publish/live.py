"""How does a page come alive? Voilà's own handler, on a kernel that has executed what the page's sliders stand on.

The page is there at once, as the run stored it. Below it, in the same answer, come the sliders, of a kernel that executes
the run's own notebook file from the run's own folder: not all of it, but what the KPIs and the cells tagged `live` need
(`program.py`). The first viewer of a page begins its stem (`batch/stem.py`), which executes once what all of them need; each
viewer's kernel is forked from that. What a viewer may say to the kernel is in `gate.py`.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path
from jupyter_server.base.call_context import CallContext
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from nbformat import NotebookNode
from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from traitlets import Int
from traitlets.config import Config
from voila.paths import collect_static_paths
from voila.static_file_handler import MultiStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from quarterdeck.batch import kernels, stem, zygote
from quarterdeck.data import COMPANY
from quarterdeck.errors import RunError
from quarterdeck.present.tables import KPI_MIME
from quarterdeck.publish import program, stored, view
from quarterdeck.publish.access import LATEST, Shelf
from quarterdeck.publish.gate import Gate
from quarterdeck.publish.serve import Frame, Page, notebook_facts

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
ALONE_SECONDS = 20  # without a viewer: time enough to load a page again
MEMORY = 2 << 30  # bytes that a live kernel may take up
MOST_MESSAGE = 16 << 10  # bytes of what a viewer says at a time
WIDGETS = (
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
)  # what draws them, what loads them


def explorable(path: Path) -> bool:
    """Tell whether a page has something to move, and its file is one that only the run's own user could have written."""
    if (path.stat().st_mode | path.parent.stat().st_mode) & 0o002:
        return False
    return program.read(path) is not None


def prepare(handler: "LivePage", notebook: NotebookNode, cwd: str) -> NotebookNode:
    """Make of a run's notebook what the kernel is to execute; Voilà calls it before it starts one (`prelaunch_hook`)."""
    notebook.cells = handler.program.cells(after_once=bool(handler.stem))
    spec = {"name": kernels.KERNEL if zygote.FORKS else "python3", "display_name": "Python", "language": "python"}
    page = {"closing": handler.closing, "digest": handler.digest, "mime": KPI_MIME}
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(spec), page=NotebookNode(page))
    return notebook


def failure(output: dict[str, Any]) -> str:
    """Log why a cell failed; a viewer is told no more than that it did."""
    logging.getLogger("quarterdeck").warning("a live page's cell failed: %s: %s", output["ename"], output["evalue"])
    return "The sliders could not be made: a cell of the notebook failed. The page is as the run stored it."


def configuration(page_config: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Leave of the front end's parts the one that shows widgets (`page_config_hook`): no other host is asked for more."""
    parts = [e for e in page_config["federated_extensions"] if e["name"] in WIDGETS]
    return page_config | {"federated_extensions": parts, "disabledExtensions": ["@jupyterlab/mathjax2-extension"]}


def environment() -> dict[str, str]:
    """Give the environment of a live page's processes."""
    return dict(os.environ) | {kernels.MEMORY_LIMIT: str(MEMORY)}


class LiveKernels(AsyncMappingKernelManager):
    """The kernels of live pages: so many at a time, each of one user's, none for long without a viewer or a move."""

    most = Int(0, config=True)
    cull_connected = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.owners: dict[str, str] = {}
        self.waiting: set[LivePage] = set()  # pages that have a place, and no kernel yet
        self.shown: dict[
            str, dict[str, str]
        ] = {}  # the widgets that each kernel has shown: a viewer may lose the connection
        self.stems: dict[tuple, asyncio.Task] = {}  # by what they have executed, where, and by which library
        self.stem_of: dict[str, stem.Stem | None] = {}  # the one that a kernel was forked from

    def full(self) -> bool:
        """Tell whether all places are taken."""
        return len(self.list_kernel_ids()) + len(self.waiting) >= self.most

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
        forking = {zygote.ADDRESS: page.stem.address} if page.stem else {}
        kernel = await super().start_kernel(kernel_name=kernel_name, path=page.folder, env=environment() | forking)
        self.owners[kernel], self.stem_of[kernel] = page.current_user.username, page.stem
        self.waiting.discard(page)
        page.kernel = kernel
        return kernel

    async def stem_for(self, code: tuple[str, ...], cwd: Path) -> stem.Stem | None:
        """Give the stem that has executed some code in a folder; None where there can be none."""
        if not code or not zygote.FORKS:
            return None
        key = (code, cwd, stem.library())
        begun = self.stems.get(key)
        if not begun or (begun.done() and stem.killed(begun.result())):
            given = (code, str(cwd), environment())
            begun = self.stems[key] = asyncio.create_task(asyncio.to_thread(stem.begin, *given))
        self.stems[key] = self.stems.pop(key)  # the last one used stands last
        found = await asyncio.shield(begun)
        return found if found and found.alive() else None

    def end_spare_stems(self) -> None:
        """End the stems that no kernel needs, but for the few that were used last."""
        taken = {*self.stem_of.values(), *(page.stem for page in self.waiting)}
        idle = [k for k, s in self.stems.items() if s.done() and s.result() not in taken]
        for key in idle[: -stem.SPARE]:
            if ended := self.stems.pop(key).result():
                ended.close()

    async def shutdown_kernel(self, kernel_id: str, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """End a kernel at once: it has nothing to save."""
        self.owners.pop(kernel_id, None)
        self.stem_of.pop(kernel_id, None)
        self.shown.pop(kernel_id, None)
        await super().shutdown_kernel(kernel_id, now=True)
        self.end_spare_stems()

    def notify_disconnect(self, kernel_id: str) -> None:
        """Give a viewer who has gone a moment to come back."""
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
        """Tell whether a user has a kernel of this id, and it lives; one found dead is put away."""
        if kernel_id not in self or self.owners.get(kernel_id) != username:
            return False
        living = await self.get_kernel(kernel_id).is_alive()
        if not living:
            await self.shutdown_kernel(kernel_id)
        return living


async def begin_ahead(many: LiveKernels, shelf: Shelf) -> None:
    """Begin the stem of each company's first live page before anybody asks for it."""
    for company in shelf.companies()[: stem.SPARE]:
        if first := await asyncio.to_thread(first_live, shelf, company):
            await many.stem_for(program.read(first).once, first.parent.parent)


def first_live(shelf: Shelf, company: str) -> Path | None:
    """Find a company's first live page: that of all regions if there is one."""
    newest = shelf.find(company, LATEST)
    entries = sorted(newest.notebooks() if newest else [], key=lambda e: e["region"] != COMPANY)
    paths = (shelf.notebook(company, newest.name, e["region"], e["notebook"]) for e in entries)
    return next((p for p in paths if p and explorable(p)), None)


class LivePage(Page, TornadoVoilaHandler):
    """`/live/<company>/<run>/<region>/<notebook>`: the page, then its sliders."""

    kernel = ""  # once it has one

    def set_default_headers(self) -> None:
        """Set the security headers: scripts of this server's own run here, and no others."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", POLICY)

    async def get(self, company: str, run: str, region: str, notebook: str) -> None:
        """Show the page with a kernel, or say why there is none."""
        path = self.shelf.notebook(company, run, region, notebook)
        if not path:
            raise HTTPError(404)
        if not explorable(path) or not self.current_user.explores:
            return self.redirect(self.request.path.removeprefix("/live"))
        within = path.relative_to(self.shelf.outputs)
        found, self.folder = self.find(company, run), str(within.parent.parent)
        facts = notebook_facts(self, found, run, region, notebook, path)
        if self.kernel_manager.full():
            return self.say_wait(facts)
        self.digest, self.program, self.stem = facts["digest"], program.read(path), None
        body = self.body(await self.sheet(path), facts)
        page = self.fill("page.html.j2", body=body, live=True, **facts)
        opening, _, self.closing = page.rpartition("</main>")
        self.kernel_manager.waiting.add(self)
        try:
            self.html()
            self.write(opening)
            self.flush()
            self.stem = await self.kernel_manager.stem_for(self.program.once, path.parent.parent)
            await super().get(path=str(within))
        finally:
            self.kernel_manager.waiting.discard(self)
            self.wait_for_viewer(3 * ALONE_SECONDS)  # the page is whole: its scripts are now to load, and to connect

    def on_connection_close(self) -> None:
        """Keep no kernel for a viewer who left before the page was whole."""
        self.wait_for_viewer(ALONE_SECONDS)

    def wait_for_viewer(self, seconds: float) -> None:
        """End the page's kernel, if it has one, unless a viewer is connected to it by then."""
        if self.kernel:
            IOLoop.current().call_later(seconds, self.kernel_manager.end_if_alone, self.kernel)

    def head(self, *_: str) -> None:
        """Refuse: a question costs no kernel."""
        raise HTTPError(405)

    def say_wait(self, facts: dict[str, Any]) -> None:
        """Say that all kernels are taken; the page asks again by itself."""
        self.set_status(503)
        self.set_header("Retry-After", "15")
        kernels_of = self.kernel_manager
        self.draw("waiting.html.j2", most=kernels_of.most, idle=kernels_of.cull_idle_timeout // 60, **facts)


class Kernel(Page):
    """`/api/kernels/<id>`: does the kernel of this viewer's page live?"""

    def names(self) -> None:
        """Leave it out of the audit log: a page asks every few seconds."""

    async def get(self, kernel_id: str) -> None:
        """Say so, or 404."""
        if not await self.kernel_manager.alive(kernel_id, self.current_user.username):
            raise HTTPError(404)
        self.finish(
            {"id": kernel_id, "name": kernels.KERNEL, "execution_state": "idle", "last_activity": "", "connections": 1}
        )


class Leave(Page):
    """`/voila/api/shutdown/<id>`: a viewer leaves a live page, as the front end says of its own accord; the kernel ends."""

    def names(self) -> dict[str, str]:
        """Name nothing: the address holds a kernel's id alone."""
        return {}

    def check_xsrf_cookie(self) -> None:
        """Take the browser's word that a page of this server asks, not another site's, nor a neighbour's.

        The front end looks for a token in a cookie that scripts cannot read here. Without TLS, browsers say nothing of it
        to other machines: there a kernel ends a moment later, when it is alone.
        """
        if self.request.headers.get("Sec-Fetch-Site") != "same-origin":
            raise HTTPError(403)

    async def post(self, kernel_id: str) -> None:
        """End the viewer's own kernel, or answer 404."""
        if not await self.kernel_manager.alive(kernel_id, self.current_user.username):
            raise HTTPError(404)
        await self.kernel_manager.shutdown_kernel(kernel_id)
        self.set_status(204)


class Channels(VoilaKernelWebsocketHandler):
    """`/api/kernels/<id>/channels`: between a viewer's sliders and their kernel, through the gate."""

    @property
    def ping_timeout(self) -> int:
        """Give Jupyter's patience in milliseconds; Tornado, who asks before the opening, takes no more than the interval."""
        return super().ping_timeout if self.last_ping else self.ping_interval

    def get(self, kernel_id: str) -> Awaitable[None]:
        """Open the connection, to the viewer's own kernel alone."""
        if kernel_id not in self.kernel_manager or (
            self.kernel_manager.owners.get(kernel_id) != self.current_user.username
        ):
            raise HTTPError(404)
        self.gate = Gate(widgets=self.kernel_manager.shown.setdefault(kernel_id, {}))
        return super().get(kernel_id)

    def on_message(self, ws_message: bytes | str) -> None:
        """Pass on what a viewer may say, made anew; log what else was tried."""
        user = self.identity_provider.get_user(self)
        if user is None or user.username != self.current_user.username:
            return self.close(1008, "logged out")
        message, kind = self.gate.let_in(ws_message)
        if not message:
            self.settings["audit"].note(self, status=403, refused=kind)
        self.send_kernel(self.gate.turn(message))
        if self.gate.weary():
            self.close(1008, "too much was said")

    def send_kernel(self, message: dict[str, Any] | None) -> None:
        """Send the kernel a message, if there is one."""
        if message and self.connection.channels:
            self.connection.session.send(self.connection.channels["shell"], message)

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Send the viewer what widgets need, and nothing else that a kernel says."""
        if not isinstance(message, bytes) or not self.gate.let_out(message):
            return None
        self.send_kernel(self.gate.next_move())
        return super().write_message(message, binary)


class Assets(Frame, MultiStaticFileHandler):
    """The scripts of Voilà's front end, from this server."""


def handlers(here: dict[str, Any], config: Config) -> list[tuple]:
    """Give the routes of live pages."""
    voila = {"template_paths": [str(stored.TEMPLATES / stored.TEMPLATE)], "config": config}
    statics = [p for p in collect_static_paths(["voila"], "base") if (Path(p) / "voila.js").is_file()]
    extensions = jupyter_path("labextensions") + jupyter_path("voila", "labextensions")
    named = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    kernel = f"/api/kernels/{named}"
    return [
        (r"/live/([^/]+)/([^/]+)/([^/]+)/([^/]+)", LivePage, here | voila),
        (kernel, Kernel, here),
        (kernel + "/channels", Channels),
        (f"/voila/api/shutdown/{named}", Leave, here),
        (r"/static/(live\.js)", Assets, {"paths": [str(stored.TEMPLATES / stored.TEMPLATE / "static")]}),
        (r"/voila/static/([\w.-]+)", Assets, {"paths": statics}),
        (
            rf"/voila/labextensions/((?:{'|'.join(WIDGETS)})/static/[\w.-]+)",
            Assets,
            {"paths": extensions},
        ),
    ]


def settings(most: int, idle: int) -> Config:
    """Give the configuration of Voilà by which pages come alive."""
    link = {"transport": "ipc", "autorestart": False, "client_factory": "quarterdeck.batch.kernels.PromptClient"}
    hooks = {"prelaunch_hook": prepare, "page_config_hook": configuration, "multi_kernel_manager_class": LiveKernels}
    return Config(
        VoilaConfiguration=hooks | {"show_tracebacks": True},
        LiveKernels={"most": most, "cull_idle_timeout": idle, "cull_interval": max(1, min(15, idle // 4))},
        KernelManager=link,
        AsyncKernelManager=link,
        VoilaExporter={"template_file": "live.html.j2", "filters": {"digest": view.digest, "failure": failure}},
    )


def warm() -> zygote.Zygote | None:
    """Begin the process that kernels are forked from, where they can be."""
    if not zygote.FORKS or zygote.alive(os.environ.get(zygote.ADDRESS, "")):
        return None
    begun = zygote.Zygote()
    os.environ[zygote.ADDRESS] = begun.address
    return begun
