"""Who may hold a connection, how many, and for how long?

Tornado has a deadline for a request's headers and for its body; what is here are the others. The connections are counted,
in all and by address. Where there are too many, the one that has kept the server waiting longest is closed: a reader who asks
is served before clients that only stay connected. A client must take its answer within a time. Where the system has no
descriptor left, no connection is accepted for a moment.
"""

import errno
import ipaddress
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPMessageDelegate, RequestStartLine
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.iostream import IOStream

try:
    import resource
except ImportError:  # Windows counts no descriptors
    resource = None

MOST = 4000  # connections, and no more than half of the descriptors that the process may have
SHARE = 2  # an address may have one part of so many of them; a whole office may come from one
TAKEN_WITHIN = 120.0  # seconds in which a client takes its answer
LOOK = 5000  # ms between looks for clients that do not
AT_ONCE = 128  # connections accepted in one turn
PAUSE = 1.0  # seconds without accepting a connection, where there is no descriptor left
BUSY = 0.05  # the same, where the server is at work for every connection
NO_HANDLES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def raise_limit() -> int:
    """Raise the number of descriptors that the process may have as far as it is allowed to; give that number."""
    if resource is None:
        return 2 * MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 1 << 16)
    if soft != wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


class Connection:
    """One connection: whose turn it is, the client's or the server's, and since when."""

    __slots__ = ("address", "answered", "asked", "since", "stream")

    def __init__(self, stream: IOStream, address: str) -> None:
        self.stream, self.address, self.since = stream, address, time.monotonic()
        self.answered = False  # whether the request is whole, so that it is the server's turn
        self.asked = 0  # requests

    def keeps_waiting(self) -> bool:
        """Tell whether the server waits for the client: for its request, or for it to take the answer."""
        return not self.answered or self.stream.writing()


class RequestWatch(HTTPMessageDelegate):
    """Notes when a request is complete, and passes everything on."""

    def __init__(self, inner: HTTPMessageDelegate, whole: Callable[[], Any]) -> None:
        self.inner, self.whole = inner, whole
        self.data_received, self.on_connection_close = inner.data_received, inner.on_connection_close

    def headers_received(self, start_line: RequestStartLine, headers: Any) -> Any:  # type: ignore[override]
        """Pass the headers on."""
        return self.inner.headers_received(start_line, headers)

    def finish(self) -> None:
        """Note that the request is complete, and pass it on."""
        self.whole()
        self.inner.finish()


class LimitedServer(HTTPServer):
    """Tornado's server with limits on its connections.

    `unbounded` says which addresses are proxies: all readers come from there, so they may have any part of the connections.
    """

    def initialize(  # type: ignore[override]
        self, *args: Any, most: int = MOST, unbounded: Callable[[str], bool] = lambda address: False, **kwargs: Any
    ) -> None:
        """Take the limits in addition to what Tornado takes."""
        super().initialize(*args, **kwargs)
        self.most, self.unbounded = most, unbounded
        self.by_address: dict[str, dict[IOStream, Connection]] = {}  # the one that has waited longest comes first
        self.by_stream: dict[IOStream, Connection] = {}
        self.upgraded: set[IOStream] = set()  # live pages' own connections, which their viewers' places bound
        self.ended: Counter[str] = Counter()  # connections that the server closed, by reason
        self.requests = 0
        PeriodicCallback(self.end_overdue, LOOK).start()

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Listen; Tornado's own way tries again at once, without end, where there is no descriptor left."""
        for one in sockets:
            self._sockets[one.fileno()] = one
            self._handlers[one.fileno()] = lambda one=one: IOLoop.current().remove_handler(one)
            self._listen(one)

    def _listen(self, listening: socket.socket) -> None:
        if not self._stopped:
            IOLoop.current().add_handler(listening, self._accept, IOLoop.READ)

    def _accept(self, listening: socket.socket, _: int) -> None:
        for _ in range(AT_ONCE):
            if not self.room():
                return self._pause(listening, BUSY)
            try:
                connection, address = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in NO_HANDLES:  # the client has gone again
                    continue
                logging.getLogger("quarterdeck").error("no connection can be taken up: %s", error.strerror)
                return self._pause(listening, PAUSE)
            self._handle_connection(connection, address)

    def _pause(self, listening: socket.socket, seconds: float) -> None:
        """Accept no connection for a moment; new ones wait in the system's queue."""
        IOLoop.current().remove_handler(listening)
        IOLoop.current().call_later(seconds, self._listen, listening)

    def handle_stream(self, stream: IOStream, address: tuple) -> None:
        """Take a new connection, in place of another where its address has its share of them."""
        connection = Connection(stream, self.place(str(address[0])))
        if len(self.by_address.get(connection.address, ())) >= self.most // SHARE and not self.unbounded(
            connection.address
        ):
            self.displace(connection.address)
        self.by_address.setdefault(connection.address, {})[stream] = self.by_stream[stream] = connection
        super().handle_stream(stream, address)

    def place(self, address: str) -> str:
        """Say by what an address is counted: IPv6 by its network, for one customer has too many addresses to count."""
        return address if self.unbounded(address) else _network(address)

    def room(self) -> bool:
        """Make room for one more connection; say whether there is any."""
        if self.count() < self.most:
            return True
        return bool(self.by_address) and self.displace(max(self.by_address, key=lambda a: len(self.by_address[a])))

    def displace(self, address: str) -> bool:
        """Close the connection of an address that has kept the server waiting longest; say whether there was one.

        Where the server works for all of them, the one with the most requests is closed: a client that asks on without
        reading has sent hundreds. One with its first request stays.
        """
        mine = self.by_address[address].values()
        found = next((c for c in mine if c.keeps_waiting()), None) or max(mine, key=lambda c: c.asked)
        if found.keeps_waiting() or found.asked > 1:
            self.end(found, "displaced")
            return True
        return False

    def count(self) -> int:
        """Count the open connections."""
        self.upgraded = {stream for stream in self.upgraded if not stream.closed()}
        return len(self.by_stream) + len(self.upgraded)

    def start_request(self, server_conn: Any, request_conn: Any) -> HTTPMessageDelegate:
        """Begin to read a request; it is the client's turn."""
        connection = self.by_stream.get(server_conn.stream)
        self._turn(connection, answered=False)
        return RequestWatch(
            super().start_request(server_conn, request_conn), lambda: self._turn(connection, answered=True)
        )

    def on_close(self, server_conn: Any) -> None:
        """Forget a connection that is closed, or has become a live page's."""
        super().on_close(server_conn)
        if connection := self.by_stream.get(server_conn.stream):
            self._drop(connection)
            if not connection.stream.closed():
                self.upgraded.add(connection.stream)

    def end_overdue(self) -> None:
        """Close the connections whose client does not take its answer."""
        late = time.monotonic() - TAKEN_WITHIN
        for connection in [*self.by_stream.values()]:
            if connection.answered and connection.stream.writing() and connection.since < late:
                self.end(connection, "overdue")

    def end(self, connection: Connection, why: str) -> None:
        """Close a connection, and count why."""
        self.ended[why] += 1
        self._drop(connection)
        connection.stream.close()

    def _turn(self, connection: Connection | None, answered: bool) -> None:
        """Note whose turn it is from now on: the one that has waited longest comes first."""
        if connection and connection.stream in self.by_stream:
            connection.answered, connection.since = answered, time.monotonic()
            connection.asked += answered
            self.requests += answered
            mine = self.by_address[connection.address]
            mine[connection.stream] = mine.pop(connection.stream)

    def _drop(self, connection: Connection) -> None:
        if self.by_stream.pop(connection.stream, None):
            self.by_address[connection.address].pop(connection.stream)
            if not self.by_address[connection.address]:
                del self.by_address[connection.address]


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False)) if ":" in address else address
