"""Which answers are finished, and may be sent again as they are?

An answer is cached compressed, with what it was made from. While the files and folders among that have not changed,
`CachedResponses` sends it before Tornado looks for a handler. Who asks is checked at each request all the same.
"""

import gzip
import hashlib
import os
import random
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest, ResponseStartLine, format_timestamp
from tornado.routing import Router
from tornado.web import Application, HTTPError

from quarterdeck.publish.access.audit import Audit
from quarterdeck.publish.access.shelf import SETTLED

KEPT = 32 << 20  # bytes of finished answers that stay in memory
MOST = 10_000  # answers
LAG = 60.0  # seconds at most by which what a page says of its age may lag
OK, UNCHANGED = ResponseStartLine("", 200, "OK"), ResponseStartLine("", 304, "Not Modified")
ABOUT_BODY = ("Content-Type", "Content-Encoding", "Content-Length")  # headers that a 304 leaves out
Stamp = tuple[int, int, int]


@dataclass(slots=True)
class Answer:
    """A finished answer, what it was made from, and the state of the disk for which that is known to hold."""

    follows: Hashable
    names: dict[str, str]  # for the audit log
    body: bytes
    tag: str
    whole: HTTPHeaders
    bare: HTTPHeaders  # of a 304
    disk: tuple[tuple[str, Stamp], ...] = ()
    until: float = 0.0

    def stands(self) -> bool:
        """Tell whether none of the files that it was made from has changed."""
        return time.time() < self.until and all(stamp(path) == then for path, then in self.disk)

    def watch(self, paths: list[str]) -> None:
        """Note the state of the disk, unless it is so young that it may change again without its time telling.

        What a page says of its age may lag by a minute; answers differ in when they are made again, or all would be at once.
        """
        now, disk = time.time(), tuple((path, stamp(path)) for path in paths)
        settled = disk and all(then and now * 1e9 - then[0] > SETTLED for _, then in disk)
        self.disk, self.until = disk, now + random.uniform(0.5, 1.0) * LAG if settled else 0.0


def finished(follows: Hashable, names: dict[str, str], page: str, headers: dict[str, str]) -> Answer:
    """Make a finished answer of a page: its compressed body, and its headers with and without it."""
    text = page.encode()
    body, tag = gzip.compress(text, 6, mtime=0), f'W/"{hashlib.sha256(text).hexdigest()[:32]}"'
    about = {"Content-Encoding": "gzip", "Content-Length": str(len(body)), "Etag": tag}
    whole = {**headers, **about, "Vary": f"{headers['Vary']}, Accept-Encoding"}
    bare = {name: value for name, value in whole.items() if name not in ABOUT_BODY}
    return Answer(follows, names, body, tag, HTTPHeaders(whole), HTTPHeaders(bare))


def stamp(path: str) -> Stamp | None:
    """Tell one state of a file or folder from another."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class ResponseCache:
    """Finished answers, each by its place; those not asked for the longest are dropped first.

    A place holds all that separates readers, also what they may see: those with the same rights and name share an
    answer, others cannot.
    """

    def __init__(self, limit: int = KEPT) -> None:
        self.answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self.limit, self.size = limit, 0

    def get(self, place: Hashable) -> Answer | None:
        """Find the answer at a place; None where there is none."""
        if found := self.answers.get(place):
            self.answers.move_to_end(place)
        return found

    def put(self, place: Hashable, answer: Answer) -> Answer:
        """Store an answer in place of the one that was there; give it back."""
        self._take(place)
        self.size += len(answer.body)
        self.answers[place] = answer
        while (self.size > self.limit or len(self.answers) > MOST) and len(self.answers) > 1:
            self._take(next(iter(self.answers)))
        return answer

    def clear(self) -> None:
        """Drop all answers."""
        self.answers.clear()
        self.size = 0

    def _take(self, place: Hashable) -> None:
        if gone := self.answers.pop(place, None):
            self.size -= len(gone.body)


def place(request: HTTPServerRequest, user: Any, reader: str) -> Hashable:
    """Say to which place a request leads: the address, and all that a page may show to one reader and not to another."""
    return request.host, request.path, reader, user.rights, user.explores


class CachedResponses(Router):
    """Sends finished answers from the cache, and passes every other request on to the application."""

    def __init__(self, app: Application, cache: ResponseCache, audit: Audit) -> None:
        self.app, self.cache, self.audit = app, cache, audit
        self.identity = app.settings["identity_provider"]

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate:
        """Find what answers a request."""
        return self.finished(request) or self.app.find_handler(request, **kwargs)

    def finished(self, request: HTTPServerRequest) -> "CachedReply | None":
        """Find an answer for this reader that still holds; an unusual request is left to the handlers."""
        said = request.headers.get
        plain = request.method == "GET" and request.version == "HTTP/1.1" and not request.query
        if not plain or "gzip" not in said("Accept-Encoding", "") or said("Connection", "").lower() == "close":
            return None
        try:
            user = self.identity.known(request)
        except HTTPError:
            return None
        answer = self.cache.get(place(request, user, self.identity.shown(user))) if user else None
        return CachedReply(self, request, user, answer) if answer and answer.stands() else None


class CachedReply(HTTPMessageDelegate):
    """One finished answer being sent."""

    def __init__(self, responses: CachedResponses, request: HTTPServerRequest, user: Any, answer: Answer) -> None:
        self.responses, self.request, self.user, self.answer = responses, request, user, answer

    def finish(self) -> None:
        """Send the answer, or say that the reader has it already (304)."""
        answer, link = self.answer, self.request.connection
        known = answer.tag in self.request.headers.get("If-None-Match", "")
        start, headers, body = (UNCHANGED, answer.bare, None) if known else (OK, answer.whole, answer.body)
        headers["Date"] = _date(int(time.time()))
        link.write_headers(start, headers, body)
        link.finish()
        self.responses.audit.add(self.request, self.user.username, answer.names, start.code)


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return format_timestamp(second)
