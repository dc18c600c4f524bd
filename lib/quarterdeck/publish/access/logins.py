"""Which logins are there? Each is a cookie that the server has signed, so they outlive it; those that were ended are noted.

The secret that signs and the list of what was ended lie in a folder that only the server's own user may open. Where a logout
cannot be added to the list, the secret goes: better that all log in again than that one login lives again.
"""

import contextlib
import hashlib
import hmac
import json
import logging
import os
import secrets
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jupyter_core.paths import secure_write
from tornado.web import create_signed_value, decode_signed_value

FOLDER, SECRET, ENDED = ".logins", "secret", "ended"
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
    """The logins that this server has signed, and those of them that were ended before their time.

    Raises
    ------
    OSError
        Where the folder cannot be written: a logout could not be noted there, so no login is taken from there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder, self.ended = folder, {}
        self.noted, self.forgotten = True, False  # what was ended is on the disk; the secret is not any more
        if folder:
            folder.mkdir(mode=0o700, exist_ok=True)
            self.ended = _ended(folder)
            _write(folder / ENDED, json.dumps(self.ended).encode())
        self.key = _key(folder) if folder else secrets.token_bytes(32)
        self.secret = hmac.digest(self.key, NAME.encode(), hashlib.sha256)

    def begin(self, username: str, password: str) -> str:
        """Begin a login: give its cookie."""
        self.noted = self.noted or self._note()
        facts = [username, password, secrets.token_hex(16), time.time() + SECONDS]
        return create_signed_value(self.secret, NAME, json.dumps(facts)).decode()

    def find(self, cookie: str) -> Login | None:
        """Find the login that a cookie stands for."""
        login = _read(self.secret, cookie) if cookie else None
        return login if login and time.time() < login.until and login.number not in self.ended else None

    def end(self, cookie: str) -> bool:
        """End a login, for this server at once; tell whether it is ended for the next one, too."""
        if login := self.find(cookie):
            self.ended[login.number] = login.until
            self.noted = self._note()
        return self.noted

    def _note(self) -> bool:
        """Note on the disk what was ended; where it takes nothing, remove the secret, so that the next server takes no login."""
        if not self.folder:
            return True
        try:
            self.ended = _ended(self.folder) | {n: u for n, u in self.ended.items() if u > time.time()}
            _write(self.folder / ENDED, json.dumps(self.ended).encode())
            if self.forgotten:
                _write(self.folder / SECRET, self.key)
                self.forgotten = False
        except OSError as error:
            return self._forget(error)
        return True

    def _forget(self, error: OSError) -> bool:
        """Remove the secret from the disk, for a full one lets that be done; tell whether it is gone."""
        log = logging.getLogger("quarterdeck")
        try:
            (self.folder / SECRET).unlink(missing_ok=True)
        except OSError:
            said = "%s: a logout could not be noted (%s): remove the folder before the next start, or that login lives again"
            log.error(said, self.folder, error.strerror)
            return False
        self.forgotten = True
        log.warning(
            "%s: a logout could not be noted (%s): with the next start all log in again", self.folder, error.strerror
        )
        return True


@lru_cache(maxsize=4096)
def _read(secret: bytes, cookie: str) -> Login | None:
    """Read a cookie, if it was signed here; a reader's is the same at each request."""
    facts = decode_signed_value(secret, NAME, cookie, max_age_days=SECONDS / 86400, min_version=2)
    return Login(*json.loads(facts)) if facts else None


def _key(folder: Path) -> bytes:
    """Give what the secret is made of, and make it again where there is none, or where others could have read it."""
    file = folder / SECRET
    private = file.is_file() and not file.stat().st_mode & 0o077 and file.stat().st_uid == os.getuid()
    if not private or not file.read_bytes():
        _write(file, secrets.token_bytes(32))
    return file.read_bytes()


def _ended(folder: Path) -> dict[str, float]:
    """Read which logins were ended, of those that are not over by themselves; without a list that can be read no login is taken."""
    file = folder / ENDED
    try:
        ended = json.loads(file.read_bytes())
        return {str(number): until for number, until in ended.items() if until > time.time()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError, RecursionError):  # gone, or not as we wrote it
        if (folder / SECRET).exists():
            (folder / SECRET).unlink()
            said = "%s: the list of ended logins cannot be read, so all log in again"
            logging.getLogger("quarterdeck").warning(said, file)
        return {}


def _write(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = file.with_name(f".{file.name}-draft")
    try:
        with secure_write(str(draft), binary=True) as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, file)
    finally:
        with contextlib.suppress(OSError):  # of a disk that cannot be written; what was raised says so
            draft.unlink(missing_ok=True)
