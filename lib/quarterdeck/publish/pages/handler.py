"""What has every page in common: its frame, its headers, how an error looks, and how an answer is cached?"""

import gzip
import ipaddress
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tornado.web import HTTPError
from voila.handler import BaseVoilaHandler

from quarterdeck.present.numbers import counted
from quarterdeck.publish.access.audit import NAMES
from quarterdeck.publish.access.shelf import Run, Shelf
from quarterdeck.publish.pages import page_frame, prerender, render
from quarterdeck.publish.pages.response_cache import ResponseCache, finished, place

STYLESHEET = render.TEMPLATES / render.TEMPLATE / "static" / "quarterdeck.css"
HEADERS = {
    # The icon is empty data, tables bring their own style; no script runs, and no other host is spoken to.
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; font-src 'self'; style-src 'self' 'unsafe-inline'; "
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
SECURED = {"Strict-Transport-Security": "max-age=31536000"}  # under TLS; of this name alone, not of those below it
CLOSED = {
    "title": "Closed for the moment",
    "heading": "The pages are closed for the moment.",
    "reason": "Please try again in a few minutes.",
    "back": "/",
    "way": "Try again",
}
HELD_BACK = 300.0  # seconds at most that `latest` stays with the run before, until the pages of a new one are rendered


def is_here(ip: str) -> bool:
    """Tell whether an address is this machine's own, which no other can reach."""
    try:
        return ip == "localhost" or ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False


class Frame:
    """What every answer has in common: its headers, and a card where there is no page."""

    def set_default_headers(self) -> None:
        """Set the security headers."""
        self.clear_header("Server")
        for name, value in self.settings["headers"].items():
            self.set_header(name, value)

    @property
    def content_security_policy(self) -> str:
        """Give the policy to the code of jupyter_server that sets it itself."""
        return HEADERS["Content-Security-Policy"]

    def check_origin(self, *given: Any) -> bool:
        """Tell whether a request comes from this server's own pages; an Origin that is no address is another's."""
        try:
            return super().check_origin(*given)
        except ValueError:  # "http://[", say
            return False

    def check_referer(self) -> bool:
        """Tell the same of the Referer."""
        try:
            return super().check_referer()
        except ValueError:
            return False

    def fill(self, template: str, **facts: Any) -> str:
        """Make a page from one of our own templates."""
        page = self.settings["voila_jinja2_env"].get_template(template)
        given = {"stylesheet": self.settings["stylesheet"], "reader": self.reader(), "counted": counted}
        return page.render(**given, no_page=page_frame.NO_PAGE, **facts)

    def draw(self, template: str, **facts: Any) -> None:
        """Answer with a page made from one of our own templates."""
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

    def write_error(
        self, status_code: int, card: dict[str, str] | None = None, exc_info: tuple | None = None, **_: Any
    ) -> None:
        """Answer with a card in place of a page; it shows nothing of the server's internals."""
        there, card = status_code < 500, card or getattr(exc_info and exc_info[1], "card", None)
        reason = "There is no such page." if there else "This page could not be made; the server's log says why."
        if status_code == 503:
            card = card or CLOSED
            self.set_header("Retry-After", "60")
        self.draw("card.html.j2", **(card or {"heading": reason, "reason": "", "back": "/"}))


class Unavailable(HTTPError):
    """Raised when a page exists and cannot be shown now; a card says why in one sentence."""

    def __init__(self, reason: str, back: str = "/") -> None:
        super().__init__(503)
        self.card = {"heading": "This page cannot be shown now", "reason": reason, "back": back}


class Page(Frame, BaseVoilaHandler):
    """A Voilà handler that reads the shelf."""

    def initialize(self, shelf: Shelf, prerenderer: prerender.Prerenderer, cache: ResponseCache, **kwargs: Any) -> None:
        """Take the shelf, the rendered pages and the cached answers, in addition to what Voilà gives."""
        super().initialize(**kwargs)
        self.shelf, self.prerenderer, self.cache, self.now = shelf, prerenderer, cache, datetime.now(UTC)

    def keep(self, follows: Hashable, make: Callable[[], str], paths: list[str] | None = None) -> None:
        """Answer with a page that was made before of the same facts, or make it.

        From then on it is sent from the cache, while the files and folders `paths` do not change.
        """
        here, follows = place(self.request, self.current_user, self.reader()), (type(self), follows)
        answer = self.cache.get(here)
        if answer is None or answer.follows != follows:
            answer = self.cache.put(here, finished(follows, self.names(), make(), {**self.settings["headers"], **PAGE}))
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
        """Find out who asks, and take from the shelf what is not for them, so that no handler can forget it."""
        await super().prepare()
        self.shelf = self.shelf.seen_by(self.current_user)

    def names(self) -> dict[str, str] | None:
        """Name the company, run, region and notebook that the address names."""
        return dict(zip(NAMES, getattr(self, "path_args", []), strict=False))  # none where the method is unknown

    def find(self, company: str, run: str) -> Run:
        """Find a run, or answer 404."""
        found = self.shelf.find(company, run)
        if not found:
            raise HTTPError(404)
        return found

    def head(self, *names: str) -> Any:
        """Answer as GET does, without the body."""
        return self.get(*names)

    def body(self, rendered: Path, facts: dict[str, Any]) -> str:
        """Give a rendered page's body, its links and pictures below its own address."""
        whole = render.without_links(self.read(prerender.body, rendered), facts["linked"])
        return whole.replace(render.HERE, facts["here"].rpartition("/")[0])

    def read(self, part: Callable[[Path], Any], rendered: Path) -> Any:
        """Read a part of a rendered page; one that was removed this moment is there again at the next request."""
        try:
            return part(rendered)
        except prerender.Unreadable as error:
            raise Unavailable("It is being made again; load it again.") from error

    async def rendered_page(self, path: Path) -> Path:
        """Find a notebook's rendered page, complete; a reader who comes before it is made waits, and no other does."""
        try:
            rendered = self.prerenderer.find(path) or await self.prerenderer.render_now(path)
            if not prerender.whole(rendered):
                self.prerenderer.forget(rendered)
                rendered = await self.prerenderer.render_now(path)
        except prerender.Unrendered as error:
            raise Unavailable(str(error)) from error
        if not prerender.whole(rendered):
            raise Unavailable(prerender.REASONS[prerender.FULL])
        return rendered
