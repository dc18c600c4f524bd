"""Who looked at what, and when? One line of JSON for each view, added to a file that nothing else is done with."""

import json
import logging
import os
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from quarterdeck.errors import RunError

NAMES = ("company", "run", "region", "notebook")
LONGEST = 2000  # characters of a path that are kept
OFTEN = 200  # ms between writings
MOST = 200_000  # lines that wait where the disk takes none


class Audit:
    """The log: a file opened for adding alone, or standard error. Lines wait for a moment, and are written together."""

    def __init__(self, file: Path | None = None) -> None:
        try:
            self.out = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640) if file else sys.stderr.fileno()
        except OSError as error:
            raise RunError(f"{file}: the audit log cannot be written ({error.strerror}).") from error
        self.waiting: deque[bytes] = deque(maxlen=MOST)
        self.failing = False
        self.client_address: Callable[[HTTPServerRequest], str] = attrgetter("remote_ip")  # the address of who asks
        self.writer = ThreadPoolExecutor(1, "audit")  # a slow disk keeps no reader waiting

    def note(self, handler: RequestHandler, **more: Any) -> None:
        """Add a line on what a handler answered."""
        names = getattr(handler, "names", dict)()
        if names is None:  # a file that a page loads, or a question whether the server is there
            return
        user = getattr(handler, "_jupyter_current_user", None)
        name = getattr(handler, "known_as", None) or getattr(user, "username", None)
        self.add(handler.request, name, names, **{"status": handler.get_status()} | more)

    def add(
        self, request: HTTPServerRequest, user: str | None, names: dict[str, str], status: int, **more: Any
    ) -> None:
        """Add a line; JSON leaves no line break in it, whatever was asked for."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "user": user,
            "address": self.client_address(request),
            "method": request.method,
            "path": request.path[:LONGEST],
            "status": status,
            **dict.fromkeys(NAMES),
            **names,
            **more,
        }
        self.waiting.append((json.dumps(line) + "\n").encode())

    def flush(self) -> None:
        """Have what waits written."""
        if self.waiting:
            self.writer.submit(self._write)

    def close(self) -> None:
        """Write what waits, and wait until it is written."""
        self.flush()
        self.writer.shutdown()

    def _write(self) -> None:
        """Write what waits, in one piece; what the disk does not take waits on, and is said once to do so."""
        text = b"".join(self.waiting.popleft() for _ in range(len(self.waiting)))
        try:
            while text:
                text = text[os.write(self.out, text) :]
            self.failing = False
        except OSError as error:
            self.waiting.extendleft(reversed(text.splitlines(keepends=True)))
            if not self.failing:
                logging.getLogger("quarterdeck").error("the audit log cannot be written: %s", error.strerror)
            self.failing = True
