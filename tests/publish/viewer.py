"""Somebody who speaks to a live page's kernel as the front end does, or as an attacker would."""

import asyncio
import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from conftest import PATIENCE

WAIT = object()  # among what is said: listen until the kernel has listed its widgets
PROTOCOL = "v1.kernel.websocket.jupyter.org"


def kernel_of(page: str) -> str:
    """Find the kernel's id in a live page."""
    return re.search(r'"kernelId": "([0-9a-f-]{36})"', page)[1]


def frame(kind: str, content: dict, channel: str = "shell", parent: dict | None = None, **header: object) -> bytes:
    """Write a message of Jupyter's protocol v1."""
    head = {"msg_id": uuid.uuid4().hex, "session": "s", "username": "x", "date": "", "version": "5.3"} | header
    parts = [
        json.dumps(part).encode() for part in (head | {"msg_type": kind}, parent or {}, {"version": "1.0.0"}, content)
    ]
    return serialize_msg_to_ws_v1(parts, channel)


class Viewer:
    """A connection to a kernel; `heard` holds what the kernel said, as (type, content)."""

    def __init__(self, address: str, kernel: str, cookies: dict[str, str] | None = None, **headers: str) -> None:
        self.kernel = kernel
        self.url = f"{address.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels"
        self.headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in (cookies or {}).items())} | headers
        self.heard = []

    def say(self, *frames, seconds: float = PATIENCE, until=None) -> int | None:
        """Connect, send, and listen until there is enough; give the status of a connection that was refused."""
        return asyncio.run(self._say(frames, seconds, until))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Stay connected, as somebody who looks at the page."""
        here, gone = threading.Event(), threading.Event()

        async def stay() -> None:
            connection = await websocket_connect(HTTPRequest(self.url, headers=self.headers), subprotocols=[PROTOCOL])
            here.set()
            await asyncio.to_thread(gone.wait)
            connection.close()

        watcher = threading.Thread(target=asyncio.run, args=[stay()])
        watcher.start()
        try:
            assert here.wait(30)
            yield
        finally:
            gone.set()
            watcher.join()

    async def _say(self, frames, seconds, until) -> int | None:
        try:
            asked = HTTPRequest(self.url, headers=self.headers)
            connection = await websocket_connect(asked, subprotocols=[PROTOCOL])
        except HTTPClientError as error:
            return error.code
        for one in (frame("kernel_info_request", {}), *frames):
            if one is WAIT:
                await self._listen(connection, seconds, states)
            else:
                await connection.write_message(one, binary=isinstance(one, bytes))
        closed = await self._listen(connection, seconds, until)
        connection.close()
        return closed

    async def _listen(self, connection, seconds, until) -> int | None:
        end = asyncio.get_running_loop().time() + seconds
        while not (until and until(self.heard)) and (left := end - asyncio.get_running_loop().time()) > 0:
            try:
                answer = await asyncio.wait_for(connection.read_message(), left)
            except TimeoutError:
                return None
            if answer is None:
                return connection.close_code
            _, parts = deserialize_msg_from_ws_v1(answer)
            self.heard.append((json.loads(bytes(parts[0]))["msg_type"], json.loads(bytes(parts[3]))))
        return None


def ask_for_widgets(control: str = "control") -> list[bytes]:
    """Ask which widgets there are, by ipywidgets' own channel."""
    opened = {"comm_id": control, "target_name": "jupyter.widget.control", "data": {}}
    return [frame("comm_open", opened), frame("comm_msg", {"comm_id": control, "data": {"method": "request_states"}})]


def states(heard) -> dict[str, dict]:
    """Give the widgets' states by id, once the kernel has listed them."""
    states = [c["data"]["states"] for k, c in heard if k == "comm_msg" and c["data"].get("method") == "update_states"]
    return states[-1] if states else {}
