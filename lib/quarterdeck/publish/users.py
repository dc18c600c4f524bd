"""Who is asking, and how sure is that? A file of users with passwords, or a proxy that vouches for a name.

Both are identity providers, Jupyter's own way to say who a request comes from. A user carries the regions that he or she
may see; `Shelf.seen_by` does the rest.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.auth.security import passwd, passwd_check
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from tornado.httputil import HTTPServerRequest, parse_cookie
from tornado.web import HTTPError, RequestHandler
from traitlets import Any as Anything
from traitlets import Unicode

from quarterdeck.errors import ParamsError
from quarterdeck.publish.logins import Logins

EVERYTHING = "all"
COOKIE = "quarterdeck"
LONGEST_COOKIES = 1000  # characters of a Cookie header whose meaning is kept in mind
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

    @cached_property
    def rights(self) -> frozenset[tuple[str, frozenset[str] | None]] | None:
        """Give what may be seen, as a key: the same rights, the same key."""
        return None if self.sees is None else frozenset(self.sees.items())


@dataclass
class Users:
    """The file of users, read again when it changes; where a change breaks it, the users from before stay."""

    file: Path
    complain: Callable[[str], Any] = print
    _stamp: tuple[int, int] = (0, 0)
    _entries: dict[str, Entry] = field(default_factory=dict)
    _members: dict[str, Member] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stamp, self._entries = _stamp(self.file), read(self.file)

    def get(self, username: str) -> Entry | None:
        """Find a user as the file has it now."""
        try:
            if (stamp := _stamp(self.file)) != self._stamp:
                self._stamp, self._entries, self._members = stamp, read(self.file), {}
        except ParamsError as error:
            self._stamp = stamp
            self.complain(f"{error} Until then the users are those from before.")
        except OSError as error:
            raise HTTPError(503, f"{self.file}: {error.strerror}") from error
        return self._entries.get(username)

    def member(self, username: str) -> Member | None:
        """Say what a user may see; None where there is no such user."""
        entry = self.get(username)
        if entry is not None and username not in self._members:
            sees = None if entry.sees == EVERYTHING else {c: _regions(r) for c, r in entry.sees.items()}
            explores = entry.role == "explorer"
            self._members[username] = Member(username, entry.name or username, sees=sees, explores=explores)
        return entry and self._members[username]


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

    def furnish(self, provider: IdentityProvider, folder: Path) -> None:
        """Tell an identity provider what it needs to know; logins are kept in `folder`, or, where none can be, in memory."""
        if self.known:
            provider.users = Users(self.users, provider.log.warning) if self.users else None
        if self.proxy_header:
            provider.header, provider.address = self.proxy_header, self.proxy_address
        elif self.users:
            provider.secure = bool(self.certfile)
            try:
                provider.logins = Logins(folder)
            except OSError as error:
                provider.log.warning("%s: logins end with the server (%s)", folder, error.strerror)


class Door(IdentityProvider):
    """Jupyter's way to say who a request comes from, also before there is a handler."""

    signs_in = False

    def known(self, request: HTTPServerRequest) -> Member | None:
        """Say who asks; None for nobody, which is everybody at a door that cannot tell."""
        return None

    def get_user(self, handler: RequestHandler) -> Member | None:
        """Say who a handler is asked by."""
        return self.known(handler.request)

    def shown(self, user: Member) -> str:
        """Name a user as pages do, where there is a way to log out."""
        return user.display_name or user.username if self.signs_in else ""


class Stranger(Door):
    """Everybody is the same reader, and gets no cookie."""

    auth_enabled = False
    reader = Member("reader")

    def known(self, request: HTTPServerRequest) -> Member:
        """Name the reader."""
        return self.reader


class Passwords(Door):
    """Users who log in with a password.

    A login is a signed cookie, so it outlives the server; a logout, another password or the end of the user ends it at once.
    """

    users = Anything()
    secure = Anything(False)
    signs_in = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.throttle, self.checking, self.logins = Throttle(), asyncio.Semaphore(2), Logins()
        self.nobody = passwd(secrets.token_hex(16))  # an unknown user takes as long as one who is known

    def known(self, request: HTTPServerRequest) -> Member | None:
        """Find the user whose login the request's cookie is."""
        login = self.logins.find(_cookie(request))
        entry = login and self.users.get(login.username)
        if not entry or _fingerprint(entry.password) != login.password:
            return None
        return self.users.member(login.username)

    async def log_in(self, handler: RequestHandler, username: str, password: str) -> bool:
        """Check a password and begin a login; whoever calls has asked the throttle."""
        address = handler.request.remote_ip
        self.throttle.fail(username, address)
        entry = self.users.get(username)
        hashed = entry.password if entry and entry.password else self.nobody
        async with self.checking:  # each takes ten megabytes and a moment of all cores
            right = await asyncio.to_thread(passwd_check, hashed, password)
        if not right or hashed == self.nobody:
            return False
        self.throttle.succeed(username, address)
        handler.set_cookie(COOKIE, self.logins.begin(username, _fingerprint(hashed)), **cookie(self.secure))
        return True

    def log_out(self, handler: RequestHandler) -> None:
        """End the login, and not only the cookie."""
        self.logins.end(_cookie(handler.request))
        handler.clear_cookie(COOKIE, **cookie(self.secure))


def _cookie(request: HTTPServerRequest) -> str:
    """Give the value of our cookie; the header of a reader is the same each time."""
    header = request.headers.get("Cookie", "")
    return _ours(header) if len(header) < LONGEST_COOKIES else _ours.__wrapped__(header)


@lru_cache(maxsize=4096)
def _ours(header: str) -> str:
    return parse_cookie(header).get(COOKIE, "")


@lru_cache(maxsize=4096)
def _fingerprint(hashed: str) -> str:
    """Tell one password from another, by its hash."""
    return hashlib.sha256(hashed.encode()).hexdigest()[:32]


class Vouched(Door):
    """Users whom a proxy has asked already; its address is pinned, and what it says stands in a header."""

    users = Anything(
        None, allow_none=True
    )  # what each may see; without it everybody whom the proxy lets through sees all
    header = Unicode("X-Forwarded-User")
    address = Unicode()

    def known(self, request: HTTPServerRequest) -> Member:
        """Take the user's name from the proxy's header; refuse whoever comes another way.

        Raises
        ------
        HTTPError
            403 where the request is not the proxy's own, names no user or two, or one who is not in the file.
        """
        names = request.headers.get_list(self.header)
        if request.remote_ip != self.address or len(names) != 1 or not names[0].strip():
            raise HTTPError(403)
        user = self.users.member(names[0].strip()) if self.users else Member(names[0].strip())
        if user is None:
            raise HTTPError(403)
        return user


def cookie(secure: bool) -> dict[str, Any]:
    """Say how a cookie is kept: from scripts, from other sites, and, under TLS, from plain connections."""
    return {"httponly": True, "samesite": "Lax", "secure": secure, "path": "/"}
