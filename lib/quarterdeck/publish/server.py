"""What is the server of read-only pages made of? Voilà, with every one of its own routes taken away.

Voilà's stock handler starts a kernel for a view and runs the notebook again. The handlers here show the outputs that
papermill stored; no route leads to a kernel, and the server's kernel manager refuses to start one.
"""

import gc
import hashlib
import logging
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.netutil import ssl_options_to_context
from traitlets import Any as Anything
from traitlets import Instance, Int, Unicode
from traitlets.config import Config
from voila.app import Voila

from quarterdeck.batch import fork_server
from quarterdeck.errors import RunError
from quarterdeck.publish import connections, log_limit
from quarterdeck.publish.access import logins
from quarterdeck.publish.access.audit import OFTEN, Audit
from quarterdeck.publish.access.shelf import Shelf
from quarterdeck.publish.access.users import AccessOptions, cookie
from quarterdeck.publish.exports import formats, jobs
from quarterdeck.publish.pages import prerender, render
from quarterdeck.publish.pages.handler import HEADERS, SECURED, STYLESHEET, is_here
from quarterdeck.publish.pages.handlers import (
    ComparePage,
    ExportFile,
    Health,
    LandingPage,
    NotebookPage,
    NotFound,
    Picture,
    RunPage,
    SearchPage,
    Stylesheet,
)
from quarterdeck.publish.pages.response_cache import CachedResponses, ResponseCache
from quarterdeck.publish.run_watch import RunWatch

BACKLOG = 1024  # connections that may wait to be taken up: a company comes at nine
LOOK = 2000  # ms between looks for a new run
PINGS = {
    "ws_ping_interval": 10_000,
    "ws_ping_timeout": 30_000,
}  # ms; the first pong comes an interval after the opening
PATIENCE = {  # with clients: seconds for a request's headers and for its body, and how large they may be
    "idle_connection_timeout": 30.0,
    "body_timeout": 10.0,
    "max_header_size": 16 << 10,
    "max_body_size": 64 << 10,
}


class NoKernels(AsyncMappingKernelManager):
    """A kernel manager that starts no kernel."""

    async def start_kernel(self, **_: Any) -> str:  # type: ignore[override]
        """Refuse to start a kernel."""
        raise RunError("A page shows what a run stored; it starts no kernel.")


class Pages(Voila):
    """Voilà as a server of finished runs."""

    name = "quarterdeck"
    shelf = Instance(Shelf)
    access = Instance(AccessOptions, ())
    audit = Instance(Audit, ())
    live = Int(0)
    idle = Int(900)
    operators = Unicode()  # their token, which opens the details of readiness from elsewhere
    forking = Anything(None)  # the process that kernels are forked from

    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"open_browser": False, "port_retries": 0, "config_file_paths": [], **kwargs}
        super().__init__(log_level=logging.WARNING, **kwargs)
        self.identity_provider_class = self.access.provider
        closed = {"template": render.TEMPLATE, "allow_template_override": "NO", "allow_theme_override": "NO"}
        self.prerenderer, self.cache = prerender.Prerenderer(self.shelf.outputs), ResponseCache()
        self.watch = RunWatch(self.shelf, self.prerenderer, self.cache, self.start_ahead, self.log)
        self.update_config(Config(VoilaConfiguration={**closed, "multi_kernel_manager_class": NoKernels}))
        if self.live:
            from quarterdeck.publish.live import routes

            self.update_config(routes.settings(self.live, self.idle))
            self.root_dir = str(self.shelf.outputs)
            self.connection_dir_root = fork_server.place()

    def setup_template_dirs(self) -> None:
        """Use the package's own template, so that nothing installed on the machine replaces it."""
        self.template_paths = [str(render.TEMPLATES / render.TEMPLATE)]
        self.static_paths = [str(STYLESHEET.parent)]

    def init_settings(self) -> dict[str, Any]:
        """Refuse a foreign Host, compress answers, and name the stylesheet by its content."""
        from quarterdeck.publish import readiness

        version = hashlib.sha256(STYLESHEET.read_bytes()).hexdigest()[:12]
        settings = super().init_settings()
        self.access.set_up(self.identity_provider, self.shelf.outputs / logins.FOLDER)
        self.audit.client_address = self.identity_provider.client_address
        self.contents_manager.log = logging.getLogger("quarterdeck.contents")
        self.contents_manager.log.setLevel(logging.ERROR)  # it warns of each notebook that nobody has signed
        return {
            **settings,
            # Where nobody is asked who they are, a page elsewhere must not reach this server through a name of its own.
            "allow_remote_access": self.access.known or self.access.open_to_all,
            "xsrf_cookies": True,
            "xsrf_cookie_kwargs": cookie(bool(self.access.certfile)),
            "log_function": self.audit.note,
            "audit": self.audit,
            "headers": HEADERS | (SECURED if self.access.certfile else {}),
            "exports": jobs.ExportJobs(),
            "readiness": readiness.Readiness(self),
            "token": self.operators,
            "proxied": bool(self.access.proxy_header),
            "explorable": self.explorable(),
            "websocket_max_message_size": PATIENCE["max_header_size"],
            **PINGS,
            "compress_response": True,
            "stylesheet": f"/static/{STYLESHEET.name}?v={version}",
        }

    def init_handlers(self) -> list[tuple]:
        """Give the only routes there are; none of Voilà's own is among them."""
        from quarterdeck.publish.access.sign_in import Login, Logout
        from quarterdeck.publish.readiness import Metrics, Ready

        here = {
            "shelf": self.shelf,
            "prerenderer": self.prerenderer,
            "cache": self.cache,
            "voila_configuration": self.voila_configuration,
        }
        sign_in = [(r"/login", Login, here), (r"/logout", Logout, here)] if self.identity_provider.signs_in else []
        page = r"/([^/]+)/([^/]+)/([^/]+)/([^/]+)"
        return [
            *sign_in,
            *self.live_routes(here),
            (page, NotebookPage, here),
            (r"/", LandingPage, here),
            (r"/search", SearchPage, here),
            (r"/healthz", Health, here),
            (r"/readyz", Ready, here),
            (r"/metrics", Metrics, here),
            (rf"/static/({STYLESHEET.name}|Inter-\w+\.woff2)", Stylesheet, {"paths": self.static_paths}),
            (r"/([^/]+)/([^/]+)", RunPage, here),
            (rf"{page}/compare", ComparePage, here),
            (
                rf"/([^/]+)/([^/]+)/([^/]+)/{formats.BRIEF}/({'|'.join(map(re.escape, formats.EXPORTS))})",
                ExportFile,
                here,
            ),
            (rf"{page}/([^/]+)", Picture, here),
            (r".*", NotFound, here),
        ]

    def _url(self, ip: str) -> str:
        """Give the address, which is Voilà's but for TLS."""
        return super()._url(ip).replace("http://", "https://" if self.access.certfile else "http://", 1)

    def listen(self) -> None:
        """Say where the pages are, then serve them until stopped, by Ctrl-C or SIGTERM."""
        access = self.access
        self.forking = self.start_fork_server()
        self.app.listen = self.open
        if access.users and not access.proxy_header and not access.certfile and not is_here(self.ip):
            print("note: without --certfile passwords travel as plain text", flush=True)
        print(f"Quarterdeck's pages are at {self.display_url} (stop with Ctrl-C)", flush=True)
        if not self.shelf.companies():
            print(
                f"There is no finished run in {self.shelf.outputs} yet; run one from the project's folder.", flush=True
            )
        loop = IOLoop.current()
        loop.asyncio_loop.add_signal_handler(signal.SIGTERM, loop.stop)
        PeriodicCallback(self.watch.look, LOOK).start()
        PeriodicCallback(self.audit.flush, OFTEN).start()
        loop.add_callback(self.watch.look)
        try:
            super().listen()
        finally:
            self.prerenderer.stop()
            self.audit.close()
            if self.forking:
                self.forking.close()

    def open(self, port: int, ip: str) -> None:
        """Listen, with limits on slow and large requests; finished answers are handed out first."""
        access = self.access
        files = {"certfile": str(access.certfile), "keyfile": str(access.keyfile or access.certfile)}
        secured = {"ssl_options": ssl_options_to_context(files, server_side=True)} if access.certfile else {}
        most = min(connections.MOST, connections.raise_limit() // 2)
        bounds = {"most": most, "unbounded": access.is_proxy}
        self.connections = connections.LimitedServer(
            CachedResponses(self.app, self.cache, self.audit), **secured, **bounds, **PATIENCE
        )
        log_limit.limit_repeats(*self.log.handlers)
        gc.collect()
        gc.freeze()  # later collections, during which nobody is served, skip what the server is made of
        self.connections.listen(port, ip, backlog=BACKLOG)

    def explorable(self) -> Callable[[Path], bool]:
        """Give what says of a page's notebook whether it may come alive."""
        if not self.live:
            return lambda _: False
        from quarterdeck.publish.live import program

        return program.explorable

    def live_routes(self, here: dict[str, Any]) -> list[tuple]:
        """Give the routes of live pages, where there may be any; their modules import much that stored pages do without."""
        if not self.live:
            return []
        from quarterdeck.publish.live import routes

        return routes.routes(here, self.config)

    def start_fork_server(self) -> Any:
        """Start the process that live pages' kernels are forked from, where there may be any."""
        if not self.live:
            return None
        from quarterdeck.publish.live import kernels

        return kernels.start_fork_server()

    def start_ahead(self) -> None:
        """Have the shared starts of new runs' first live pages begin before a viewer asks for them."""
        if self.live:
            from quarterdeck.publish.live import kernels

            IOLoop.current().add_callback(kernels.begin_ahead, self.kernel_manager, self.shelf)
