"""How does an executive read the finished runs? Voilà, with every one of its own routes taken away.

Voilà's stock handler starts a kernel for a view and runs the notebook again. The handlers here show the outputs that
papermill stored; no route leads to a kernel, and the server's kernel manager refuses to start one.
"""

import gzip
import hashlib
import ipaddress
import logging
import socket
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.web import HTTPError, RequestHandler
from traitlets import Instance
from traitlets.config import Config
from voila.app import Voila
from voila.handler import BaseVoilaHandler
from voila.static_file_handler import MultiStaticFileHandler

from quarterdeck.errors import QuarterdeckError, RunError
from quarterdeck.publish import moved, press, search, stored, view
from quarterdeck.publish.access import LATEST, Run, Shelf

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
KEPT = 32 << 20  # bytes of finished answers that stay in memory
LOOK = 2000  # ms between looks for a new run
TYPES = {"webp": "image/webp", "png": "image/png", "jpeg": "image/jpeg", "svg": "image/svg+xml"}


def serve(
    outputs: Path, port: int = 8866, company: str | None = None, run: str = LATEST, ip: str = "127.0.0.1"
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
        The address to listen on: this machine's own.

    Raises
    ------
    QuarterdeckError
        Where `ip` can be reached from other machines.
    RunError
        Where the company or the run does not exist, or the port is taken.
    """
    shelf = Shelf(Path(outputs).resolve(), company, run)
    _refuse_strangers(ip)
    _refuse_unknown(shelf)
    _refuse_taken(ip, port)
    app = Pages(shelf=shelf, ip=ip, port=port)
    app.initialize(argv=[])
    app.start()


def _refuse_strangers(ip: str) -> None:
    if ip != "localhost" and not (_is_address(ip) and ipaddress.ip_address(ip).is_loopback):
        raise QuarterdeckError(
            f"The pages ask nobody who they are, so they are shown on this machine alone: use 127.0.0.1, not {ip!r}."
        )


def _is_address(ip: str) -> bool:
    try:
        ipaddress.ip_address(ip)
    except ValueError:
        return False
    return True


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


class Reader(IdentityProvider):
    """Everybody on this machine is the same reader, and gets no cookie; authentication is to be put here."""

    def get_user(self, handler: RequestHandler) -> User:
        """Name the reader."""
        return User("reader")


class Kept:
    """Finished answers, compressed, the least lately asked for leaving first.

    The key holds all that an answer follows from, the shelf and so what its reader may see among it; readers with the same
    rights share an answer, others cannot.
    """

    def __init__(self, limit: int = KEPT) -> None:
        self.answers: OrderedDict[Hashable, tuple[str, bytes]] = OrderedDict()
        self.limit, self.size = limit, 0

    def get(self, key: Hashable) -> tuple[str, bytes] | None:
        """Find an answer: its tag, and its body."""
        if key in self.answers:
            self.answers.move_to_end(key)
        return self.answers.get(key)

    def put(self, key: Hashable, page: str) -> tuple[str, bytes]:
        """Keep an answer."""
        text = page.encode()
        answer = (f'W/"{hashlib.sha256(text).hexdigest()[:32]}"', gzip.compress(text, 6, mtime=0))
        self.size += len(answer[1]) - len(self.answers.pop(key, ("", b""))[1])
        self.answers[key] = answer
        while self.size > self.limit and len(self.answers) > 1:
            self.size -= len(self.answers.popitem(last=False)[1][1])
        return answer


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
        return page.render(stylesheet=self.settings["stylesheet"], **facts)

    def draw(self, template: str, **facts: Any) -> None:
        """Answer with a page made from one of the house's templates."""
        self.html()
        self.finish(self.fill(template, **facts))

    def html(self) -> None:
        """Say that the answer is a page, for which to ask each time; an unchanged page costs a 304."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "private, no-cache")

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

    def keep(self, key: tuple[Hashable, ...], make: Callable[[], str]) -> None:
        """Answer with a page that has been made before for the same key, or make it."""
        key = (type(self), self.shelf, *key)
        tag, body = self.kept.get(key) or self.kept.put(key, make())
        self.html()
        self.set_header("Etag", tag)
        self.set_header("Vary", "Accept-Encoding")
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
        elif "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(body)
        else:
            self.finish(gzip.decompress(body))

    def find(self, company: str, run: str) -> Run:
        """Find a run, or answer 404."""
        found = self.shelf.find(company, run)
        if not found:
            raise HTTPError(404)
        return found

    def head(self, *names: str) -> Any:
        """Answer as GET does, without the body."""
        return self.get(*names)

    async def sheet(self, path: Path) -> Path:
        """Find a notebook's rendered page; who comes before it is made waits, and the others do not."""
        return self.press.sheet(path) or await IOLoop.current().run_in_executor(None, self.press.make, path)


class LandingPage(Page):
    """`/`: the companies, their runs and the pages of the newest."""

    def get(self) -> None:
        """Show the shelf."""
        shown = [(self.shelf.find(c, LATEST), *self.shelf.runs(c)) for c in self.shelf.companies()]
        minute = int(self.now.timestamp() // 60)
        self.keep((tuple(shown), minute), self.page)

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
        follows = (found, latest, run, region, notebook, sheet)
        self.keep((*follows, view.age(found.facts["created_at"], self.now)), lambda: self.page(*follows))

    def page(self, found: Run, latest: Run | None, run: str, region: str, notebook: str, sheet: Path) -> str:
        """Make the page."""
        facts = view.frame(self.shelf, found, run, region, notebook, self.now)
        body = press.body(sheet).replace(stored.HERE, facts["here"].rpartition("/")[0])
        return self.fill("page.html.j2", body=body, **facts)

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

    def page(self, found: Run, latest: Run | None, run: str, region: str, notebook: str, sheet: Path) -> str:
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


class Health(Page):
    """`/healthz`: is the server there?"""

    def get(self) -> None:
        """Say so."""
        self.set_header("Content-Type", "text/plain")
        self.finish("ok\n")


class Lost(Page):
    """Everything else."""

    def prepare(self) -> None:
        """Answer 404, whatever was asked."""
        raise HTTPError(404)


class Stylesheet(Frame, MultiStaticFileHandler):
    """The one file that pages load."""


class Pages(Voila):
    """Voilà as a reader of finished runs."""

    name = "quarterdeck"
    shelf = Instance(Shelf)

    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"open_browser": False, "port_retries": 0, "config_file_paths": [], **kwargs}
        super().__init__(identity_provider_class=Reader, log_level=logging.WARNING, **kwargs)
        closed = {"template": stored.TEMPLATE, "allow_template_override": "NO", "allow_theme_override": "NO"}
        self.press, self.seen = press.Press(self.shelf.outputs), None
        self.update_config(Config(VoilaConfiguration={**closed, "multi_kernel_manager_class": NoKernels}))

    def setup_template_dirs(self) -> None:
        """Use the package's own template: what happens to be installed on the machine cannot replace it."""
        self.template_paths = [str(stored.TEMPLATES / stored.TEMPLATE)]
        self.static_paths = [str(STYLESHEET.parent)]

    def init_settings(self) -> dict[str, Any]:
        """Refuse a foreign Host, compress answers, and name the stylesheet by its content."""
        version = hashlib.sha256(STYLESHEET.read_bytes()).hexdigest()[:12]
        return {
            **super().init_settings(),
            "allow_remote_access": False,  # a page elsewhere cannot reach this one through a name of its own
            "compress_response": True,
            "stylesheet": f"/static/{STYLESHEET.name}?v={version}",
        }

    def init_handlers(self) -> list[tuple]:
        """Give the only routes there are; none of Voilà's own is among them."""
        here = {
            "shelf": self.shelf,
            "press": self.press,
            "kept": Kept(),
            "voila_configuration": self.voila_configuration,
        }
        page = r"/([^/]+)/([^/]+)/([^/]+)/([^/]+)"
        return [
            (page, NotebookPage, here),
            (r"/", LandingPage, here),
            (r"/search", SearchPage, here),
            (r"/healthz", Health, here),
            (rf"/static/({STYLESHEET.name})", Stylesheet, {"paths": self.static_paths}),
            (r"/([^/]+)/([^/]+)", RunPage, here),
            (rf"{page}/compare", ComparePage, here),
            (rf"{page}/([^/]+)", Picture, here),
            (r".*", Lost, here),
        ]

    def listen(self) -> None:
        """Say where the pages are, then serve them."""
        print(f"Quarterdeck's pages are at {self.display_url} (stop with Ctrl-C)", flush=True)
        if not self.shelf.companies():
            print(
                f"There is no finished run in {self.shelf.outputs} yet; run one from the project's folder.", flush=True
            )
        PeriodicCallback(self.look, LOOK).start()
        self.look()
        try:
            super().listen()
        finally:
            self.press.stop()

    def look(self) -> None:
        """Have pages rendered where a run has come since the last look, before a reader asks for one."""
        runs = [r for company in self.shelf.companies() for r in self.shelf.runs(company)]
        self.press.look(runs != self.seen)
        self.seen = runs
