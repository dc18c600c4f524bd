"""How does an executive read the finished runs? Voilà, with every one of its own routes taken away.

Voilà's stock handler starts a kernel for a view and runs the notebook again. The handlers here show the outputs that
papermill stored; no route leads to a kernel, and the server's kernel manager refuses to start one.
"""

import asyncio
import gc
import gzip
import hashlib
import ipaddress
import logging
import re
import signal
import socket
import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.netutil import ssl_options_to_context
from tornado.web import HTTPError
from traitlets import Any as Anything
from traitlets import Instance, Int
from traitlets.config import Config
from voila.app import Voila
from voila.handler import BaseVoilaHandler
from voila.static_file_handler import MultiStaticFileHandler

from quarterdeck.errors import QuarterdeckError, RunError
from quarterdeck.present.written import counted
from quarterdeck.publish import logins, moved, papers, press, search, stored, view
from quarterdeck.publish.access import LATEST, Run, Shelf
from quarterdeck.publish.audit import NAMES, OFTEN, Audit
from quarterdeck.publish.kept import Counter, Kept, finished, place
from quarterdeck.publish.users import Entrance, cookie

STYLESHEET = stored.TEMPLATES / stored.TEMPLATE / "static" / "quarterdeck.css"
HEADERS = {
    # The icon is empty data, tables bring their own style; no script runs, and no other host is spoken to.
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGE = {  # headers of a page: it is asked for each time, and an unchanged one costs a 304
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "private, no-cache",
    "Vary": "Cookie",
}
BACKLOG = 1024  # connections that may wait to be taken up: a company comes at nine
LOOK = 2000  # ms between looks for a new run
HELD_BACK = 300.0  # seconds at most that `latest` stays with the run before, until the pages of a new one are rendered
NO_PAPER = "This run did not record what a deck or a letter says."
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
TYPES = {"webp": "image/webp", "png": "image/png", "jpeg": "image/jpeg", "svg": "image/svg+xml"}
PINGS = {
    "ws_ping_interval": 10_000,
    "ws_ping_timeout": 30_000,
}  # ms; the first pong comes an interval after the opening
PATIENCE = {  # with clients: seconds for a request's headers, and for its body, and how large they may be
    "idle_connection_timeout": 30.0,
    "body_timeout": 10.0,
    "max_header_size": 16 << 10,
    "max_body_size": 64 << 10,
}


def serve(
    outputs: Path,
    port: int = 8866,
    company: str | None = None,
    run: str = LATEST,
    ip: str = "127.0.0.1",
    entrance: Entrance | None = None,
    audit: Path | None = None,
    live: int = 0,
    idle: int = 900,
) -> None:
    """Show the finished runs in `outputs` as read-only pages, until stopped.

    Parameters
    ----------
    outputs : Path
        The folder of runs: `outputs/<company>/<run>/run.json`.
    port : int
        Where to listen.
    company, run : str, optional
        Show this company, or this one run, alone.
    ip : str
        The address to listen on.
    entrance : Entrance, optional
        Who may come in: anybody on this machine, unless it says otherwise.
    audit : Path, optional
        The file to which each view is added; standard error without it.
    live : int
        How many pages may be alive at a time, each with a kernel; none where it is 0.
    idle : int
        Seconds without a move after which such a kernel ends.

    Raises
    ------
    QuarterdeckError
        Where `ip` can be reached from other machines and nobody is asked who they are.
    RunError
        Where the company or the run does not exist, or the port is taken.
    """
    shelf = Shelf(Path(outputs).resolve(), company, run)
    entrance = entrance or Entrance()
    if not entrance.known and not entrance.open_to_all:
        _refuse_strangers(ip)
    _refuse_unknown(shelf)
    _refuse_taken(ip, port)
    app = Pages(shelf=shelf, ip=ip, port=port, entrance=entrance, audit=Audit(audit), live=live, idle=idle)
    app.initialize(argv=[])
    app.start()


def _refuse_strangers(ip: str) -> None:
    if not _is_here(ip):
        raise QuarterdeckError(
            f"The pages ask nobody who they are, so they are shown on this machine alone: use 127.0.0.1, not {ip!r}, or "
            "say by --users or --proxy-header who may read them. With --open-to-all everybody who can reach this "
            "machine reads everything."
        )


def _is_here(ip: str) -> bool:
    try:
        return ip == "localhost" or ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False


def _refuse_unknown(shelf: Shelf) -> None:
    everything = Shelf(shelf.outputs)
    if shelf.company and shelf.company not in everything.companies():
        known = ", ".join(everything.companies()) or "none"
        raise RunError(f"{shelf.company!r} has no finished run in {shelf.outputs}; companies that have one: {known}.")
    if shelf.run != LATEST and not shelf.companies():
        known = ", ".join(r.name for c in everything.companies() for r in everything.runs(c)) or "none"
        raise RunError(f"There is no finished run {shelf.run!r} in {shelf.outputs}; finished runs: {known}.")


def _refuse_taken(ip: str, port: int) -> None:
    """Voilà would take another port in silence."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError as error:
            raise RunError(f"Port {port} cannot be used on {ip} ({error.strerror}); choose another.") from error


class NoKernels(AsyncMappingKernelManager):
    """A kernel manager that starts no kernel."""

    async def start_kernel(self, **_: Any) -> str:  # type: ignore[override]
        """Refuse."""
        raise RunError("A page shows what a run stored; it starts no kernel.")


class Frame:
    """What every answer has in common: its headers, and a friendly card where there is no page."""

    def set_default_headers(self) -> None:
        """Set the security headers."""
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    @property
    def content_security_policy(self) -> str:
        """Give the policy to the code of jupyter_server that sets it itself."""
        return HEADERS["Content-Security-Policy"]

    def fill(self, template: str, **facts: Any) -> str:
        """Make a page from one of the house's templates."""
        page = self.settings["voila_jinja2_env"].get_template(template)
        return page.render(stylesheet=self.settings["stylesheet"], reader=self.reader(), counted=counted, **facts)

    def draw(self, template: str, **facts: Any) -> None:
        """Answer with a page made from one of the house's templates."""
        self.html()
        self.finish(self.fill(template, **facts))

    def html(self) -> None:
        """Say that the answer is a page."""
        for name, value in PAGE.items():
            self.set_header(name, value)

    def reader(self) -> str:
        """Name who reads, where there is a way to log out."""
        user = getattr(self, "_jupyter_current_user", None)
        return self.settings["identity_provider"].shown(user) if user else ""

    def names(self) -> dict[str, str] | None:
        """Say for the audit log what is looked at; None for what is no view."""
        return None

    def write_error(self, status_code: int, card: dict[str, str] | None = None, **_: Any) -> None:
        """Answer with a card in place of a page; it names nothing of the server's inside."""
        there = status_code < 500
        reason = "There is no such page." if there else "This page could not be made; the server's log says why."
        self.draw("card.html.j2", **(card or {"heading": reason, "reason": "", "back": "/"}))


class Page(Frame, BaseVoilaHandler):
    """A Voilà handler that reads the shelf."""

    def initialize(self, shelf: Shelf, press: press.Press, kept: Kept, **kwargs: Any) -> None:
        """Take the shelf, and where rendered pages are, besides what Voilà gives."""
        super().initialize(**kwargs)
        self.shelf, self.press, self.kept, self.now = shelf, press, kept, datetime.now(UTC)

    def keep(self, follows: Hashable, make: Callable[[], str], paths: list[str] | None = None) -> None:
        """Answer with a page that has been made before of the same facts, or make it.

        It is handed out from then on without asking, while the files and folders `paths` are as they are now.
        """
        here, follows = place(self.request, self.current_user, self.reader()), (type(self), follows)
        answer = self.kept.get(here)
        if answer is None or answer.follows != follows:
            answer = self.kept.put(here, finished(follows, self.names(), make(), {**HEADERS, **PAGE}))
        answer.watch(paths or [])
        self.html()
        self.set_header("Etag", answer.tag)
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
        elif "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(answer.body)
        else:
            self.finish(gzip.decompress(answer.body))

    async def prepare(self) -> None:
        """Ask who it is, and take from the shelf what is not for them: no handler can forget it."""
        await super().prepare()
        self.shelf = self.shelf.seen_by(self.current_user)

    def names(self) -> dict[str, str] | None:
        """Name the company, run, region and notebook that the address names."""
        return dict(zip(NAMES, self.path_args, strict=False))

    def find(self, company: str, run: str) -> Run:
        """Find a run, or answer 404."""
        found = self.shelf.find(company, run)
        if not found:
            raise HTTPError(404)
        return found

    def head(self, *names: str) -> Any:
        """Answer as GET does, without the body."""
        return self.get(*names)

    def body(self, sheet: Path, facts: dict[str, Any]) -> str:
        """Give a rendered page's body, its links and pictures below its own address."""
        return press.body(sheet).replace(stored.HERE, facts["here"].rpartition("/")[0])

    async def sheet(self, path: Path) -> Path:
        """Find a notebook's rendered page; who comes before it is made waits, and the others do not."""
        return self.press.sheet(path) or await self.press.made(path)


class LandingPage(Page):
    """`/`: the companies, their runs and the pages of the newest."""

    def get(self) -> None:
        """Show the shelf."""
        shown = [(self.shelf.find(c, LATEST), *self.shelf.runs(c)) for c in self.shelf.companies()]
        self.keep((tuple(shown), self.now.timestamp() // 60), self.page)

    def page(self) -> str:
        """Make the page."""
        return self.fill("landing.html.j2", companies=view.landing(self.shelf, self.now))


class RunPage(Page):
    """`/<company>/<run>`: one run, region by region."""

    def get(self, company: str, run: str) -> None:
        """Show a run."""
        found = self.find(company, run)
        facts = {**view.summary(found, run, self.now), "rows": view.rows(found, run), "others": []}
        self.draw("landing.html.j2", companies=[facts])


class SearchPage(Page):
    """`/search?q=…`: sentences and figures of the newest runs."""

    async def get(self) -> None:
        """Show what was found."""
        words = self.get_query_argument("q", "")[:200]
        found = await IOLoop.current().run_in_executor(None, search.find, self.shelf, self.press, words)
        self.draw("search.html.j2", **found)


def notebook_facts(page: Page, found: Run, run: str, region: str, notebook: str, path: Path) -> dict[str, Any]:
    """Describe what stands around a notebook's page, and where it comes alive, if it can for this user."""
    facts = view.frame(page.shelf, found, run, region, notebook, page.now)
    can = page.settings["explorable"]
    return facts | {"explore": f"/live{facts['here']}" if page.current_user.explores and can(path) else ""}


class NotebookPage(Page):
    """`/<company>/<run>/<region>/<notebook>`: the outputs that papermill stored."""

    async def get(self, company: str, run: str, region: str, notebook: str) -> None:
        """Show a page, or say why there is none."""
        found = self.find(company, run)
        path = self.shelf.notebook(company, run, region, notebook)
        if not path:
            return self.explain(found, run, region, notebook)
        sheet = await self.sheet(path)
        latest = found if run == LATEST else self.shelf.find(company, LATEST)
        follows = (found, latest, run, region, notebook, path, sheet)
        age = view.age(found.facts["created_at"], self.now)
        moved_on = self.shelf.find(company, run) != found  # while the page was being rendered
        paths = [] if moved_on else self.stands_on(found, latest, path)
        self.keep((*follows, age), lambda: self.page(*follows), paths)

    def stands_on(self, *parts: Run | Path | None) -> list[str]:
        """Name the files and folders whose state decides what this page says."""
        runs = [part for part in parts if isinstance(part, Run)]
        files = [part for part in parts if isinstance(part, Path)]
        return [str(path) for path in (*(r.folder / "run.json" for r in runs), runs[0].folder.parent, *files)]

    def page(
        self, found: Run, latest: Run | None, run: str, region: str, notebook: str, path: Path, sheet: Path
    ) -> str:
        """Make the page."""
        facts = notebook_facts(self, found, run, region, notebook, path)
        return self.fill("page.html.j2", body=self.body(sheet, facts), **facts)

    def explain(self, found: Run, run: str, region: str, notebook: str) -> None:
        """Say why a notebook that the run lists has no page; what it does not list is simply not there."""
        entry = found.entry(region, notebook)
        if not entry:
            raise HTTPError(404)
        heading = f"{stored.title(notebook)} has no page for {view.region_title(found, region)} in this run"
        back = view.address(found.company, run)
        self.send_error(404, card={"heading": heading, "reason": view.why(entry), "back": back})


class ComparePage(NotebookPage):
    """`/<company>/<run>/<region>/<notebook>/compare`: a page's figures beside those of the run before."""

    def stands_on(self, *parts: Run | Path | None) -> list[str]:
        """Name nothing: which run came before is asked each time."""
        return []

    def page(
        self, found: Run, latest: Run | None, run: str, region: str, notebook: str, path: Path, sheet: Path
    ) -> str:
        """Make the page."""
        before = self.shelf.before(found, region, notebook)
        facts = view.frame(self.shelf, found, run, region, notebook, self.now)
        titles = press.said(sheet)["titles"]
        figures = moved.compare(found, before, region, notebook, titles) if before else []
        then = view.summary(before, before.name, self.now) if before else None
        return self.fill("compare.html.j2", figures=figures, before=then, **facts)


class Picture(Page):
    """`/<company>/<run>/<region>/<notebook>/<hash>.webp`: a picture of a page, for whoever may see that page."""

    def get(self, company: str, run: str, region: str, notebook: str, name: str) -> None:
        """Send a picture; what its name stands for never changes."""
        path = self.shelf.notebook(company, run, region, notebook)
        file = path and self.press.picture(path, name)
        if not file:
            raise HTTPError(404)
        self.set_header("Content-Type", TYPES[file.suffix[1:]])
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.finish(file.read_bytes())


class Paper(Page):
    """`/<company>/<run>/<region>/executive_brief/deck.pptx`, or `letter.html`: for whoever may see that brief."""

    def names(self) -> dict[str, str]:
        """Name the page that it is a paper of."""
        return super().names() | {"notebook": papers.BRIEF}

    async def get(self, company: str, run: str, region: str, name: str) -> None:
        """Send a paper; who comes before it is made waits, and the others do not."""
        found, path = self.find(company, run), self.shelf.notebook(company, run, region, papers.BRIEF)
        if not path:
            raise HTTPError(404)
        try:
            file = await self.settings["papers"].find(found.folder, region, name, await self.sheet(path))
        except RunError as error:
            logging.getLogger("quarterdeck").warning("%s", error)
            return self.send_error(
                404, card={"heading": NO_PAPER, "reason": "", "back": self.request.path.rpartition("/")[0]}
            )
        self.html()
        if file.suffix == ".pptx":
            self.set_header("Content-Type", PPTX)
            self.set_attachment_header(f"{company}-{region}-{found.facts['as_of']}.pptx")
        self.finish(file.read_bytes())


class Health(Page):
    """`/healthz`: is the server there?"""

    def names(self) -> None:
        """Leave it out of the audit log."""

    async def prepare(self) -> None:
        """Ask nobody who it is."""

    def get(self) -> None:
        """Say so."""
        self.set_header("Content-Type", "text/plain")
        self.finish("ok\n")


class Lost(Page):
    """Everything else."""

    async def prepare(self) -> None:
        """Answer 404, whatever was asked."""
        raise HTTPError(404)


class Stylesheet(Frame, MultiStaticFileHandler):
    """The one file that pages load."""


def _live_pages() -> Any:
    """Give the module of live pages, which imports much that stored ones do without."""
    from quarterdeck.publish import live

    return live


class Pages(Voila):
    """Voilà as a reader of finished runs."""

    name = "quarterdeck"
    shelf = Instance(Shelf)
    entrance = Instance(Entrance, ())
    audit = Instance(Audit, ())
    live = Int(0)
    idle = Int(900)
    forking = Anything(None)  # the process that kernels are forked from

    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"open_browser": False, "port_retries": 0, "config_file_paths": [], **kwargs}
        super().__init__(log_level=logging.WARNING, **kwargs)
        alive = _live_pages() if self.live else None
        self.identity_provider_class = self.entrance.provider
        closed = {"template": stored.TEMPLATE, "allow_template_override": "NO", "allow_theme_override": "NO"}
        self.press, self.kept, self.seen = press.Press(self.shelf.outputs), Kept(), []
        self.landed: dict[Run, float] = {}
        self.update_config(Config(VoilaConfiguration={**closed, "multi_kernel_manager_class": NoKernels}))
        if self.live:
            self.update_config(alive.settings(self.live, self.idle))
            self.root_dir = str(self.shelf.outputs)

    def setup_template_dirs(self) -> None:
        """Use the package's own template: what happens to be installed on the machine cannot replace it."""
        self.template_paths = [str(stored.TEMPLATES / stored.TEMPLATE)]
        self.static_paths = [str(STYLESHEET.parent)]

    def init_settings(self) -> dict[str, Any]:
        """Refuse a foreign Host, compress answers, and name the stylesheet by its content."""
        version = hashlib.sha256(STYLESHEET.read_bytes()).hexdigest()[:12]
        settings = super().init_settings()
        self.entrance.furnish(self.identity_provider, self.shelf.outputs / logins.FOLDER)
        self.contents_manager.log = logging.getLogger("quarterdeck.contents")
        self.contents_manager.log.setLevel(logging.ERROR)  # it warns of each notebook that nobody has signed
        return {
            **settings,
            # Without names a page elsewhere must not reach this one through a name of its own.
            "allow_remote_access": self.entrance.known or self.entrance.open_to_all,
            "xsrf_cookies": True,
            "xsrf_cookie_kwargs": cookie(bool(self.entrance.certfile)),
            "log_function": self.audit.note,
            "audit": self.audit,
            "papers": papers.Papers(),
            "explorable": _live_pages().explorable if self.live else lambda _: False,
            "websocket_max_message_size": PATIENCE["max_header_size"],
            **PINGS,
            "compress_response": True,
            "stylesheet": f"/static/{STYLESHEET.name}?v={version}",
        }

    def init_handlers(self) -> list[tuple]:
        """Give the only routes there are; none of Voilà's own is among them."""
        from quarterdeck.publish.sign_in import Login, Logout

        here = {
            "shelf": self.shelf,
            "press": self.press,
            "kept": self.kept,
            "voila_configuration": self.voila_configuration,
        }
        doors = [(r"/login", Login, here), (r"/logout", Logout, here)] if self.identity_provider.signs_in else []
        living = _live_pages().handlers(here, self.config) if self.live else []
        page = r"/([^/]+)/([^/]+)/([^/]+)/([^/]+)"
        return [
            *doors,
            *living,
            (page, NotebookPage, here),
            (r"/", LandingPage, here),
            (r"/search", SearchPage, here),
            (r"/healthz", Health, here),
            (rf"/static/({STYLESHEET.name})", Stylesheet, {"paths": self.static_paths}),
            (r"/([^/]+)/([^/]+)", RunPage, here),
            (rf"{page}/compare", ComparePage, here),
            (rf"/([^/]+)/([^/]+)/([^/]+)/{papers.BRIEF}/({'|'.join(map(re.escape, papers.PAPERS))})", Paper, here),
            (rf"{page}/([^/]+)", Picture, here),
            (r".*", Lost, here),
        ]

    def _url(self, ip: str) -> str:
        """Give the address, which is Voilà's but for TLS."""
        return super()._url(ip).replace("http://", "https://" if self.entrance.certfile else "http://", 1)

    def listen(self) -> None:
        """Say where the pages are, then serve them until stopped, by Ctrl-C or SIGTERM."""
        doors = self.entrance
        self.forking = _live_pages().warm() if self.live else None
        self.app.listen = self.open
        if doors.users and not doors.proxy_header and not doors.certfile and not _is_here(self.ip):
            print("note: without --certfile passwords travel as plain text", flush=True)
        print(f"Quarterdeck's pages are at {self.display_url} (stop with Ctrl-C)", flush=True)
        if not self.shelf.companies():
            print(
                f"There is no finished run in {self.shelf.outputs} yet; run one from the project's folder.", flush=True
            )
        loop = IOLoop.current()
        loop.asyncio_loop.add_signal_handler(signal.SIGTERM, loop.stop)
        PeriodicCallback(self.look, LOOK).start()
        PeriodicCallback(self.audit.flush, OFTEN).start()
        loop.add_callback(self.look)
        try:
            super().listen()
        finally:
            self.press.stop()
            self.audit.close()
            if self.forking:
                self.forking.close()

    def open(self, port: int, ip: str) -> None:
        """Listen, with patience for slow and large requests that has an end; what is finished is handed out first."""
        doors = self.entrance
        files = {"certfile": str(doors.certfile), "keyfile": str(doors.keyfile or doors.certfile)}
        secured = {"ssl_options": ssl_options_to_context(files, server_side=True)} if doors.certfile else {}
        server = HTTPServer(Counter(self.app, self.kept, self.audit), **secured, **PATIENCE)
        gc.collect()
        gc.freeze()  # what the server is made of stays: later collections, during which nobody is served, skip it
        server.listen(port, ip, backlog=BACKLOG)

    async def look(self) -> None:
        """Have pages rendered where a run, or a page of one under way, has come since, before a reader asks for one."""
        runs = [r for company in self.shelf.companies() for r in self.shelf.runs(company)]
        seen = [*runs, *press.under_way(self.shelf)]
        self.press.look(seen != self.seen)
        self.seen = seen
        linked = [self.shelf.find(c, self.shelf.linked(c) or "") for c in self.shelf.companies()]
        new = [r for r in linked if r and self.shelf.shown.get(r.company) != r.name]
        self.show([r for r in new if await self.ready(r)])

    async def ready(self, run: Run) -> bool:
        """Tell whether `latest` may lead to a run: its pages are rendered, or there is no other, or it has waited enough."""
        since = self.landed.setdefault(run, time.monotonic())
        if run.company not in self.shelf.shown or time.monotonic() - since > HELD_BACK:
            return True
        return await asyncio.to_thread(self.press.rendered, self.shelf, run)

    def show(self, runs: list[Run]) -> None:
        """Let `latest` lead to these runs from now on: to all of their pages at once, and what was handed out before is not."""
        self.shelf.shown.update({run.company: run.name for run in runs})
        if runs:
            self.kept.clear()
        if runs and self.live:
            IOLoop.current().add_callback(_live_pages().begin_ahead, self.kernel_manager, self.shelf)
