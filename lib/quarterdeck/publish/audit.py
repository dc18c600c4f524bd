"""Who looked at what, and when? One line of JSON for each view, added to a file that nothing else is done with."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tornado.web import RequestHandler

from quarterdeck.errors import RunError

NAMES = ("company", "run", "region", "notebook")
LONGEST = 2000  # characters of a path that are kept


class Audit:
    """The log: a file opened for adding alone, or standard error."""

    def __init__(self, file: Path | None = None) -> None:
        try:
            self.out = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640) if file else sys.stderr.fileno()
        except OSError as error:
            raise RunError(f"{file}: the audit log cannot be written ({error.strerror}).") from error

    def note(self, handler: RequestHandler, **more: Any) -> None:
        """Add a line; it goes out in one piece, and JSON leaves no line break in it, whatever was asked for."""
        request, names = handler.request, getattr(handler, "names", dict)()
        user = getattr(handler, "_jupyter_current_user", None)
        if names is None:  # a file that a page loads, or a question whether the server is there
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "user": getattr(handler, "known_as", None) or getattr(user, "username", None),
            "address": request.remote_ip,
            "method": request.method,
            "path": request.path[:LONGEST],
            "status": handler.get_status(),
            **dict.fromkeys(NAMES),
            **names,
            **more,
        }
        os.write(self.out, (json.dumps(line) + "\n").encode())
