"""A reader on the wire: asks exactly as written, keeps cookies, and fills in the login form."""

import http.client
import json
import re
import ssl
import uuid
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from conftest import PATIENCE, until


def audited(address: str, log: Path) -> list[dict]:
    """Read a server's audit log when it holds all that was asked so far: lines are written a moment later, in their order."""
    last = f"/marker/{uuid.uuid4().hex}"
    Reader(address).ask(last)
    until(lambda: last in log.read_text())
    return [line for line in map(json.loads, log.read_text().splitlines()) if not line["path"].startswith("/marker/")]


class Reader:
    """Somebody who reads the pages at an address."""

    def __init__(self, address: str) -> None:
        self.address, self.cookies = urlsplit(address), {}

    def ask(self, path: str, method: str = "GET", body: str | None = None, binary: bool = False, **headers: str):
        """Give status, headers and text (or bytes) of an answer; urllib would tidy the path."""
        secured = {"context": ssl._create_unverified_context()} if self.address.scheme == "https" else {}
        kind = http.client.HTTPSConnection if secured else http.client.HTTPConnection
        connection = kind(self.address.netloc, timeout=PATIENCE, **secured)
        if self.cookies:
            headers.setdefault("Cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read() if binary else answer.read().decode()
        connection.close()
        self.set = [v for k, v in answer.getheaders() if k == "Set-Cookie"]
        for name, value in (c.split(";")[0].split("=", 1) for c in self.set):
            self.cookies[name] = value.strip('"')
        return answer.status, dict(answer.getheaders()), text

    def send(self, path: str, **fields: str):
        """Open a form, and send it back filled in."""
        form = self.ask(path)[2]
        token = re.search(r'name="_xsrf" value="([^"]+)"', form)[1]
        body = urlencode({"_xsrf": token} | fields)
        return self.ask(path, "POST", body, **{"Content-Type": "application/x-www-form-urlencoded"})

    def log_in(self, username: str, password: str, towards: str = "/"):
        """Log in."""
        return self.send("/login", username=username, password=password, next=towards)
