"""Who is asking, and how sure is that? A file of users with passwords, or a proxy that vouches for a name.

Both are identity providers, Jupyter's own way to say who a request comes from. A user carries the regions that he or she
may see; `Shelf.seen_by` does the rest.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.auth.security import passwd, passwd_check
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from tornado.web import HTTPError, RequestHandler
from traitlets import Any as Anything
from traitlets import Unicode

from quarterdeck.errors import ParamsError

EVERYTHING = "all"
COOKIE = "quarterdeck"
SESSION_SECONDS = 12 * 3600
FREE_USER, FREE_ADDRESS = 3, 12  # failed logins before anybody has to wait: many people may share an address
LONGEST_USER, LONGEST_ADDRESS = 60.0, 900.0  # seconds of waiting; a user's is short, or a stranger could lock him out
MOST_NOTED = 10_000  # names and addresses that the throttle keeps in mind


class Entry(BaseModel):
    """What the file of users says of one user."""

    model_config = ConfigDict(extra="forbid")
    name: str = ""
    password: str = ""
    role: Literal["reader", "explorer"] = "reader"  # reads the pages, or opens live ones besides
    sees: Literal["all"] | dict[str, Literal["all"] | list[str]] = Field(description="regions by company, or all")

    @field_validator("password")
    @classmethod
    def _is_hashed(cls, value: str) -> str:
        if value and not value.startswith("argon2:$argon2"):
            raise ValueError("expected what `quarterdeck password` prints, which begins with argon2:$argon2")
        return value


@dataclass
class Member(User):
    """A user, with the companies and regions to be seen (None: everything) and whether live pages may be opened."""

    sees: dict[str, frozenset[str] | None] | None = None
    explores: bool = True


@dataclass
class Users:
    """The file of users, read again when it changes; where a change breaks it, the users from before stay."""

    file: Path
    complain: Callable[[str], Any] = print
    _stamp: tuple[int, int] = (0, 0)
    _entries: dict[str, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stamp, self._entries = _stamp(self.file), read(self.file)

    def get(self, username: str) -> Entry | None:
        """Find a user as the file has it now."""
        try:
            if (stamp := _stamp(self.file)) != self._stamp:
                self._stamp, self._entries = stamp, read(self.file)
        except ParamsError as error:
            self._stamp = stamp
            self.complain(f"{error} Until then the users are those from before.")
        except OSError as error:
            raise HTTPError(503, f"{self.file}: {error.strerror}") from error
        return self._entries.get(username)

    def member(self, username: str) -> Member | None:
        """Say what a user may see; None where there is no such user."""
        entry = self.get(username)
        if entry is None:
            return None
        sees = None if entry.sees == EVERYTHING else {c: _regions(r) for c, r in entry.sees.items()}
        return Member(username, entry.name or username, sees=sees, explores=entry.role == "explorer")


def read(file: Path) -> dict[str, Entry]:
    """Read a file of users.

    Raises
    ------
    ParamsError
        Where it cannot be read, or an entry is not as it should be: one sentence with the file, the user and what is wrong.
    """
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParamsError(f"{file}: the file of users cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        raise ParamsError(f"{file}{f', line {where.line + 1}' if where else ''}: this is not YAML; mend it.") from error
    users = given.get("users") if isinstance(given, dict) else None
    if not isinstance(users, dict) or not users or not all(isinstance(name, str) for name in users):
        raise ParamsError(f"{file}: expected `users:` with an entry for each user, by name.")
    return {name: _entry(file, name, entry) for name, entry in users.items()}


def _entry(file: Path, name: str, given: Any) -> Entry:
    try:
        return Entry.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = next((str(part) for part in first["loc"]), "entry")
        said = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        raise ParamsError(f"{file}: user {name!r}: {where}: {said[:1].lower()}{said[1:]}.") from error


def _regions(given: str | list[str]) -> frozenset[str] | None:
    return None if given == EVERYTHING else frozenset(given)


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError as error:
        raise ParamsError(f"{file}: the file of users cannot be read ({error.strerror}).") from error
    return found.st_mtime_ns, found.st_size


class Throttle:
    """How long must a user, or an address, wait until the next login? Longer after each that failed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._noted: dict[tuple[str, str], tuple[int, float]] = {}  # failures, and until when to wait

    def wait(self, username: str, address: str) -> float:
        """Give the seconds to wait; nought where a login may be tried."""
        until = (self._noted.get(key, (0, 0.0))[1] for key in _keys(username, address))
        return max(0.0, *(u - self.clock() for u in until))

    def fail(self, username: str, address: str) -> None:
        """Note a login as failed, which is done before it is tried: many at once are no way round."""
        limits = ((FREE_USER, LONGEST_USER), (FREE_ADDRESS, LONGEST_ADDRESS))
        for key, (free, longest) in zip(_keys(username, address), limits, strict=True):
            failures = self._noted.pop(key, (0, 0.0))[0] + 1
            seconds = min(2.0 ** min(failures - free, 20), longest) if failures > free else 0.0
            self._noted[key] = failures, self.clock() + seconds
        while len(self._noted) > MOST_NOTED:
            self._noted.pop(next(iter(self._noted)))

    def succeed(self, username: str, address: str) -> None:
        """Forget a user's failures; of the address's, only the one just noted: one good account clears no others."""
        mine, place = _keys(username, address)
        self._noted.pop(mine, None)
        self._noted[place] = max(self._noted.get(place, (1, 0.0))[0] - 1, 0), 0.0


def _keys(username: str, address: str) -> list[tuple[str, str]]:
    return [("user", username[:100]), ("address", address)]


@dataclass(frozen=True)
class Entrance:
    """How people come in: as anybody, by password, or by way of a proxy that knows them."""

    users: Path | None = None
    proxy_header: str = ""
    proxy_address: str = ""
    certfile: Path | None = None
    keyfile: Path | None = None
    open_to_all: bool = False

    def __post_init__(self) -> None:
        if bool(self.proxy_header) != bool(self.proxy_address):
            raise ParamsError("--proxy-header and --proxy-address go together: whose word is taken must be pinned.")
        if self.keyfile and not self.certfile:
            raise ParamsError("--keyfile needs --certfile.")
        if self.open_to_all and self.known:
            raise ParamsError("--open-to-all asks nobody who they are; leave out --users and --proxy-header, or it.")
        for file in filter(None, (self.certfile, self.keyfile)):
            if not file.is_file():
                raise ParamsError(f"{file}: there is no such file.")

    @property
    def known(self) -> bool:
        """Tell whether everybody who reads is known by name."""
        return bool(self.users or self.proxy_header)

    @property
    def provider(self) -> type[IdentityProvider]:
        """Name the identity provider."""
        return Vouched if self.proxy_header else Passwords if self.users else Stranger

    def furnish(self, provider: IdentityProvider) -> None:
        """Tell an identity provider what it needs to know."""
        if self.known:
            provider.users = Users(self.users, provider.log.warning) if self.users else None
        if self.proxy_header:
            provider.header, provider.address = self.proxy_header, self.proxy_address
        elif self.users:
            provider.secure = bool(self.certfile)


class Stranger(IdentityProvider):
    """Everybody is the same reader, and gets no cookie."""

    auth_enabled = False
    signs_in = False

    def get_user(self, handler: RequestHandler) -> User:
        """Name the reader."""
        return Member("reader")


class Passwords(IdentityProvider):
    """Users who log in with a password; a session is kept by the server and ends with it, a logout or a new password."""

    users = Anything()
    secure = Anything(False)
    signs_in = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.throttle, self.checking = Throttle(), asyncio.Semaphore(2)
        self.sessions: dict[str, tuple[str, str, float]] = {}  # token: user, password's hash, until
        self.nobody = passwd(secrets.token_hex(16))  # an unknown user takes as long as one who is known

    def get_user(self, handler: RequestHandler) -> User | None:
        """Find the user whose session the request's cookie names."""
        username, hashed, until = self.sessions.get(handler.get_cookie(COOKIE, ""), ("", "", 0.0))
        entry = self.users.get(username) if time.monotonic() < until else None
        if entry is None or entry.password != hashed:
            return None
        return self.users.member(username)

    async def log_in(self, handler: RequestHandler, username: str, password: str) -> bool:
        """Check a password and begin a session; whoever calls has asked the throttle."""
        address = handler.request.remote_ip
        self.throttle.fail(username, address)
        entry = self.users.get(username)
        hashed = entry.password if entry and entry.password else self.nobody
        async with self.checking:  # each takes ten megabytes and a moment of all cores
            right = await asyncio.to_thread(passwd_check, hashed, password)
        if not right or hashed == self.nobody:
            return False
        self.throttle.succeed(username, address)
        now = time.monotonic()
        self.sessions = {t: s for t, s in self.sessions.items() if s[2] > now}
        token = secrets.token_urlsafe(32)
        self.sessions[token] = username, hashed, now + SESSION_SECONDS
        handler.set_cookie(COOKIE, token, **cookie(self.secure))
        return True

    def log_out(self, handler: RequestHandler) -> None:
        """End the session."""
        self.sessions.pop(handler.get_cookie(COOKIE, ""), None)
        handler.clear_cookie(COOKIE, **cookie(self.secure))


class Vouched(IdentityProvider):
    """Users whom a proxy has asked already; its address is pinned, and what it says stands in a header."""

    users = Anything(
        None, allow_none=True
    )  # what each may see; without it everybody whom the proxy lets through sees all
    header = Unicode("X-Forwarded-User")
    address = Unicode()
    signs_in = False

    def get_user(self, handler: RequestHandler) -> User | None:
        """Take the user's name from the proxy's header; refuse whoever comes another way.

        Raises
        ------
        HTTPError
            403 where the request is not the proxy's own, names no user or two, or one who is not in the file.
        """
        names = handler.request.headers.get_list(self.header)
        if handler.request.remote_ip != self.address or len(names) != 1 or not names[0].strip():
            raise HTTPError(403)
        user = self.users.member(names[0].strip()) if self.users else Member(names[0].strip())
        if user is None:
            raise HTTPError(403)
        return user


def cookie(secure: bool) -> dict[str, Any]:
    """Say how a cookie is kept: from scripts, from other sites, and, under TLS, from plain connections."""
    return {"httponly": True, "samesite": "Lax", "secure": secure, "path": "/"}
