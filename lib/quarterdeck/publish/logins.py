"""Which logins are there? Each is a cookie that the server has signed, so they outlive it; those that were ended are noted.

The secret that signs and the list of what was ended lie in a folder that only the server's own user may open.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jupyter_core.paths import secure_write
from tornado.web import create_signed_value, decode_signed_value

from quarterdeck.errors import RunError

FOLDER = ".logins"
SECONDS = 12 * 3600  # that a login lasts
NAME = "login"  # what is signed: no other signed value of this server passes for one


@dataclass(frozen=True)
class Login:
    """Who logged in, with which password (its fingerprint), until when."""

    username: str
    password: str
    number: str
    until: float


class Logins:
    """The logins that this server has signed, and those of them that were ended before their time."""

    def __init__(self, folder: Path | None = None) -> None:
        if folder:
            folder.mkdir(mode=0o700, exist_ok=True)
        self.secret = _secret(folder / "secret") if folder else secrets.token_bytes(32)
        self.file = folder / "ended" if folder else None
        self.ended = _ended(self.file) if self.file else {}

    def begin(self, username: str, password: str) -> str:
        """Begin a login: give its cookie."""
        facts = [username, password, secrets.token_hex(16), time.time() + SECONDS]
        return create_signed_value(self.secret, NAME, json.dumps(facts)).decode()

    def find(self, cookie: str) -> Login | None:
        """Find the login that a cookie stands for."""
        login = _read(self.secret, cookie) if cookie else None
        return login if login and time.time() < login.until and login.number not in self.ended else None

    def end(self, cookie: str) -> None:
        """End a login, for this server and for the next one."""
        if login := self.find(cookie):
            self.ended[login.number] = login.until
            if self.file:
                self.ended = {n: u for n, u in (_ended(self.file) | self.ended).items() if u > time.time()}
                _write(self.file, json.dumps(self.ended).encode())


@lru_cache(maxsize=4096)
def _read(secret: bytes, cookie: str) -> Login | None:
    """Read a cookie, if it was signed here; a reader's is the same at each request."""
    told = decode_signed_value(secret, NAME, cookie, max_age_days=SECONDS / 86400, min_version=2)
    return Login(*json.loads(told)) if told else None


def _secret(file: Path) -> bytes:
    """Give the secret, and make it where there is none, or where others could have read it."""
    private = file.is_file() and not file.stat().st_mode & 0o077 and file.stat().st_uid == os.getuid()
    if not private or not file.read_bytes():
        _write(file, secrets.token_bytes(32))
    return hmac.digest(file.read_bytes(), NAME.encode(), hashlib.sha256)


def _ended(file: Path) -> dict[str, float]:
    try:
        return json.loads(file.read_text()) if file.is_file() else {}
    except ValueError as error:
        raise RunError(
            f"{file}: the list of ended logins cannot be read; remove its folder, and all log in anew."
        ) from error


def _write(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = file.with_name(f".{file.name}-draft")
    with secure_write(str(draft), binary=True) as out:
        out.write(content)
    os.replace(draft, file)
