"""How does a viewer's browser reach the kernel of a live page, and nothing else?

What a viewer may say to the kernel is in `message_filter.py`.
"""

import re
from collections.abc import Awaitable
from typing import Any

from tornado.web import HTTPError
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from quarterdeck.batch import kernels
from quarterdeck.publish.live.message_filter import MessageFilter
from quarterdeck.publish.pages.handler import Frame, Page

NAMED = r"[\w-]{1,100}"  # a connection's name for itself, which becomes part of an address between processes


class Kernel(Page):
    """`/api/kernels/<id>`: does the kernel of this viewer's page live?"""

    def names(self) -> None:
        """Leave it out of the audit log: a page asks every few seconds."""

    async def get(self, kernel_id: str) -> None:
        """Say so, or 404."""
        if not await self.kernel_manager.alive(kernel_id, self.current_user.username):
            raise HTTPError(404)
        self.finish(
            {"id": kernel_id, "name": kernels.KERNEL, "execution_state": "idle", "last_activity": "", "connections": 1}
        )


class Leave(Page):
    """`/voila/api/shutdown/<id>`: a viewer leaves a live page, as the front end reports by itself; the kernel ends."""

    def names(self) -> dict[str, str]:
        """Name nothing: the address holds a kernel's id alone."""
        return {}

    def check_xsrf_cookie(self) -> None:
        """Take the browser's word that a page of this server asks, not another site's, nor a neighbour's.

        The front end looks for a token in a cookie that scripts cannot read here. Without TLS, browsers say nothing of it
        to other machines: there a kernel ends a moment later, when it is alone.
        """
        if self.request.headers.get("Sec-Fetch-Site") != "same-origin":
            raise HTTPError(403)

    async def post(self, kernel_id: str) -> None:
        """End the viewer's own kernel, or answer 404."""
        if not await self.kernel_manager.alive(kernel_id, self.current_user.username):
            raise HTTPError(404)
        await self.kernel_manager.shutdown_kernel(kernel_id)
        self.set_status(204)


class Channels(Frame, VoilaKernelWebsocketHandler):
    """`/api/kernels/<id>/channels`: between a viewer's sliders and their kernel, through the message filter."""

    def names(self) -> dict[str, str]:
        """Name nothing: the address holds a kernel's id alone."""
        return {}

    @property
    def ping_timeout(self) -> int:
        """Give Jupyter's patience in milliseconds; Tornado, who asks before the opening, takes no more than the interval."""
        return super().ping_timeout if self.last_ping else self.ping_interval

    def get(self, kernel_id: str) -> Awaitable[None]:
        """Open the connection, to the viewer's own kernel alone."""
        if kernel_id not in self.kernel_manager or (
            self.kernel_manager.owners.get(kernel_id) != self.current_user.username
        ):
            raise HTTPError(404)
        if not re.fullmatch(NAMED, self.get_query_argument("session_id", "x")):
            raise HTTPError(400)
        self.message_filter = MessageFilter(widgets=self.kernel_manager.shown.setdefault(kernel_id, {}))
        return super().get(kernel_id)

    def on_message(self, ws_message: bytes | str) -> None:
        """Pass on what a viewer may say, made again; log what else was tried."""
        if not self.is_still_theirs():
            return self.close(1008, "logged out")
        message, kind = self.message_filter.let_in(ws_message)
        if not message:
            self.settings["audit"].note(self, status=403, refused=kind)
        self.send_kernel(self.message_filter.turn(message))
        if self.message_filter.too_talkative():
            self.close(1008, "too much was said")

    def is_still_theirs(self) -> bool:
        """Tell whether the viewer who opened the connection is logged in yet; nobody is while users cannot be known."""
        try:
            user = self.identity_provider.get_user(self)
        except HTTPError:
            return False
        return user is not None and user.username == self.current_user.username

    def send_kernel(self, message: dict[str, Any] | None) -> None:
        """Send the kernel a message, if there is one."""
        if message and self.connection.channels:
            self.connection.session.send(self.connection.channels["shell"], message)

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Send the viewer what widgets need, and nothing else that a kernel says."""
        if not isinstance(message, bytes) or not self.message_filter.let_out(message):
            return None
        self.send_kernel(self.message_filter.next_move())
        return super().write_message(message, binary)
