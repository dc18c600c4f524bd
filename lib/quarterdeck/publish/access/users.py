"""Who sends a request, and how is that known? By a password in a file of users, or from a proxy that knows the user.

Both are identity providers, Jupyter's own way to say who a request comes from. A user carries the regions that he or she
may see; `Shelf.seen_by` does the rest.
"""

import asyncio
import hashlib
import ipaddress
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.auth.security import passwd, passwd_check
from tornado.httputil import HTTPServerRequest, parse_cookie
from tornado.web import HTTPError, RequestHandler
from traitlets import Any as Anything
from traitlets import Unicode

from quarterdeck.errors import ParamsError
from quarterdeck.publish.access.logins import Logins
from quarterdeck.publish.access.user_file import Member, Users

COOKIE = "quarterdeck"
LONGEST_COOKIES = 1000  # characters of a Cookie header whose meaning is kept in mind
FREE_USER, FREE_ADDRESS = 3, 12  # failed logins before anybody has to wait: many people may share an address
LONGEST_USER, LONGEST_ADDRESS = 60.0, 900.0  # seconds of waiting; a user's is short, or a stranger could lock him out
MOST_NOTED = 10_000  # names and addresses that the throttle keeps in mind


class Throttle:
    """How long must a user, or an address, wait until the next login? Longer after each that failed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._noted: dict[tuple[str, str], tuple[int, float]] = {}  # failures, and until when to wait

    def wait(self, username: str, address: str) -> float:
        """Give the seconds to wait; zero where a login may be tried."""
        until = (self._noted.get(key, (0, 0.0))[1] for key in _keys(username, address))
        return max(0.0, *(u - self.clock() for u in until))

    def fail(self, username: str, address: str) -> None:
        """Note a login as failed, which is done before it is tried, so that many at once are counted as well."""
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
class AccessOptions:
    """Who may read, and how they are known: as anybody, by password, or by a proxy that knows them.

    Parameters
    ----------
    users : Path, optional
        The file of users: who may log in, and which regions they see.
    proxy_header, proxy_address : str
        The header in which a proxy names the user, and the address or network of that proxy.
    certfile, keyfile : Path, optional
        The certificate to serve by TLS, and its key where it is in another file.
    open_to_all : bool
        Ask nobody who they are.

    Raises
    ------
    ParamsError
        Where these contradict each other, or a file does not exist.
    """

    users: Path | None = None
    proxy_header: str = ""
    proxy_address: str = ""
    certfile: Path | None = None
    keyfile: Path | None = None
    open_to_all: bool = False

    def __post_init__(self) -> None:
        if bool(self.proxy_header) != bool(self.proxy_address):
            raise ParamsError(
                "--proxy-header and --proxy-address go together: the proxy that is trusted must be named."
            )
        if self.keyfile and not self.certfile:
            raise ParamsError("--keyfile needs --certfile.")
        if self.open_to_all and self.known:
            raise ParamsError("--open-to-all asks nobody who they are; leave out --users and --proxy-header, or it.")
        if self.proxy_address:
            _network(self.proxy_address)
        for file in filter(None, (self.certfile, self.keyfile)):
            if not file.is_file():
                raise ParamsError(f"{file}: there is no such file.")

    @property
    def known(self) -> bool:
        """Tell whether everybody who reads is known by name."""
        return bool(self.users or self.proxy_header)

    def is_proxy(self, address: str) -> bool:
        """Tell whether an address is that of the proxy which knows people, or in its network."""
        return bool(self.proxy_address) and _stands_in(address, _network(self.proxy_address))

    @property
    def provider(self) -> type[IdentityProvider]:
        """Name the identity provider."""
        return ProxyIdentity if self.proxy_header else PasswordIdentity if self.users else AnonymousIdentity

    def set_up(self, provider: IdentityProvider, folder: Path) -> None:
        """Set up an identity provider; logins are stored in `folder`, or in memory where that cannot be written."""
        if self.known:
            provider.users = Users(self.users, provider.log.warning) if self.users else None
        if self.proxy_header:
            provider.header, provider.proxies = self.proxy_header, _network(self.proxy_address)
        elif self.users:
            provider.secure = bool(self.certfile)
            try:
                provider.logins = Logins(folder)
            except OSError as error:
                said = "%s: it cannot be written (%s), so logins end with the server, and earlier ones are not taken"
                provider.log.warning(said, folder, error.strerror)


def _network(given: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Read a proxy's address, or the network that proxies stand in.

    >>> _network("10.0.0.1"), _network("::ffff:10.0.0.1"), _network("10.0.0.0/28")
    (IPv4Network('10.0.0.1/32'), IPv4Network('10.0.0.1/32'), IPv4Network('10.0.0.0/28'))
    """
    try:
        alone = "/" not in given
        network = ipaddress.ip_network(_address(given) if alone else given)
        if network.version == 6 and network.prefixlen >= 96 and (mapped := network.network_address.ipv4_mapped):
            network = ipaddress.ip_network((mapped, network.prefixlen - 96))
    except ValueError as error:
        raise ParamsError(
            f"--proxy-address holds {given!r}, expected an address such as 10.0.0.1, or a network such as 10.0.0.0/28; a "
            "name could come to lead elsewhere."
        ) from error
    if network.prefixlen == 0:
        raise ParamsError(f"--proxy-address {given} would believe everybody; name the address of the proxy.")
    return network


def _address(given: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address; one of IPv4 that is written as one of IPv6 is the same."""
    address = ipaddress.ip_address(given)
    return getattr(address, "ipv4_mapped", None) or address


class ReaderIdentity(IdentityProvider):
    """Jupyter's way to say who a request comes from, also before there is a handler."""

    signs_in = False

    def known(self, request: HTTPServerRequest) -> Member | None:
        """Find the user who sends a request; None where there is none."""
        return None

    def get_user(self, handler: RequestHandler) -> Member | None:
        """Find the user whose request a handler answers."""
        return self.known(handler.request)

    def client_address(self, request: HTTPServerRequest) -> str:
        """Give the address that a request comes from."""
        return request.remote_ip

    def shown(self, user: Member) -> str:
        """Name a user as pages do, where there is a way to log out."""
        return user.display_name or user.username if self.signs_in else ""


class AnonymousIdentity(ReaderIdentity):
    """Everybody is the same reader, and gets no cookie."""

    auth_enabled = False
    reader = Member("reader", shared=True)

    def known(self, request: HTTPServerRequest) -> Member:
        """Name the reader."""
        return self.reader


class PasswordIdentity(ReaderIdentity):
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
        """Find the user whose login the request's cookie is.

        Raises
        ------
        HTTPError
            503 for everybody while the file of users is not as it should be.
        """
        login = self.logins.find(_cookie(request))
        entry = self.users.get(login.username if login else "")
        if not entry or _fingerprint(entry.password) != login.password:
            return None
        return self.users.member(login.username)

    async def log_in(self, handler: RequestHandler, username: str, password: str) -> bool:
        """Check a password and begin a login; the caller has asked the throttle before.

        Parameters
        ----------
        handler : RequestHandler
            The request that asks, which gets the cookie.
        username, password : str
            What was entered.

        Returns
        -------
        bool
            Whether the user is logged in.
        """
        address = handler.request.remote_ip
        self.throttle.fail(username, address)
        entry = self.users.get(username)
        hashed = entry.password if entry and entry.password else self.nobody
        async with self.checking:  # each takes ten megabytes and a moment of all cores
            right = await asyncio.to_thread(passwd_check, hashed, password)
        changed = self.users.get(username) != entry  # in the meantime
        if not right or changed or hashed == self.nobody:
            return False
        self.throttle.succeed(username, address)
        handler.set_cookie(COOKIE, self.logins.begin(username, _fingerprint(hashed)), **cookie(self.secure))
        return True

    def log_out(self, handler: RequestHandler) -> bool:
        """End the login, and not only the cookie; tell whether it stays ended when the server is started again."""
        handler.clear_cookie(COOKIE, **cookie(self.secure))
        return self.logins.end(_cookie(handler.request))


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


class ProxyIdentity(ReaderIdentity):
    """Users whom a proxy has identified already; its address is fixed, and a header names the user."""

    users = Anything(
        None, allow_none=True
    )  # what each may see; without it everybody whom the proxy lets through sees all
    header = Unicode("X-Forwarded-User")
    proxies = Anything()  # the network that they stand in

    def known(self, request: HTTPServerRequest) -> Member:
        """Take the user's name from the proxy's header; refuse a request that comes another way.

        Raises
        ------
        HTTPError
            403 where the request is not a proxy's own, names no user or two, or one who is not in the file; 503 while that file
            is not as it should be.
        """
        names = request.headers.get_list(self.header)
        if not self.is_proxy(request.remote_ip) or len(names) != 1 or not names[0].strip():
            raise HTTPError(403)
        user = self.users.member(names[0].strip()) if self.users else Member(names[0].strip())
        if user is None:
            raise HTTPError(403)
        return user

    def client_address(self, request: HTTPServerRequest) -> str:
        """Give the address of the person behind the proxy: of the hops that it names, the last that is no trusted proxy.

        What stands before that one is what the person claims, and so is what is no address.
        """
        hops = [request.remote_ip]
        for hop in reversed(",".join(request.headers.get_list("X-Forwarded-For")).split(",")):
            if not self.is_proxy(hops[-1]) or not _is_address(_bare(hop)):
                break
            hops.append(_bare(hop))
        return hops[-1]

    def is_proxy(self, address: str) -> bool:
        """Tell whether an address is a proxy's."""
        return _stands_in(address, self.proxies)


def _stands_in(address: str, network: Any) -> bool:
    return _is_address(address) and _address(address) in network


def _bare(hop: str) -> str:
    """Give a hop's address without its port.

    >>> _bare(" 192.0.2.7:4711"), _bare("[2001:db8::1]:4711"), _bare("2001:db8::1")
    ('192.0.2.7', '2001:db8::1', '2001:db8::1')
    """
    return re.sub(r"^\[(.*)\](:\d+)?$|^([\d.]+):\d+$", r"\1\3", hop.strip())


@lru_cache(maxsize=4096)
def _is_address(given: str) -> bool:
    try:
        return bool(_address(given))
    except ValueError:
        return False


def cookie(secure: bool) -> dict[str, Any]:
    """Say how a cookie is kept: from scripts, from other sites, and, under TLS, from plain connections."""
    return {"httponly": True, "samesite": "Lax", "secure": secure, "path": "/"}
