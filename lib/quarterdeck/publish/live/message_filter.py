"""What may a viewer say to a kernel? Move a slider, and ask which there are.

A message is read, held against what a viewer may say, and made again from what was understood: nothing that came from
outside is passed on as it came, so a message that two readers would read differently cannot slip through.

However fast a slider is moved, the kernel gets one move at a time, and of those that came in the meantime the last of each slider.
A front end waits for the answer to each of its moves, so none of its own is lost.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1

CONTROL = "jupyter.widget.control"  # ipywidgets' own channel for the question which widgets there are
OUTWARD = {"status", "kernel_info_reply", "comm_info_reply", "comm_open", "comm_msg", "comm_close"}
BOUNDED = ["IntSlider", "FloatSlider", "IntRangeSlider", "FloatRangeSlider", "BoundedIntText", "BoundedFloatText"]
CHOSEN = ["Dropdown", "Select", "RadioButtons", "ToggleButtons", "SelectionSlider", "SelectionRangeSlider"]
MOVED = {f"{name}Model": "value" for name in [*BOUNDED, "Checkbox", "ToggleButton"]} | {
    f"{name}Model": "index" for name in CHOSEN
}  # what a viewer may move, and the part of its state that moves: numbers alone, which the kernel holds to their bounds
ODD = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError)
LONGEST = 100  # characters of a name
MOST_OTHER = 200  # messages besides moves in a connection's life; a front end needs ten
MOST_PARTS = 1000  # of a message: the channel, four parts of text, buffers, and an end


@dataclass
class MessageFilter:
    """Filters one viewer's connection to one kernel, by the widgets that the kernel has shown."""

    control: str = ""
    widgets: dict[str, str] = field(
        default_factory=dict
    )  # the kind of each, by its id; filled as the kernel shows them
    at_work: str | None = None  # the id of the move that the kernel is at
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)  # the last move of each widget meanwhile
    others: int = 0  # messages that were no moves

    def let_in(self, frame: bytes | str) -> tuple[dict[str, Any] | None, str]:
        """Check a viewer's message and make it again.

        Parameters
        ----------
        frame : bytes or str
            The message as the websocket received it.

        Returns
        -------
        tuple
            The message for the kernel, or None where it is refused; and its type, for the log.
        """
        try:
            header, *_, content = _opened(frame, _once)
            clean = {k: _text(header.get(k, "")) for k in ("session", "date")} | {"msg_id": _name(header["msg_id"])}
            clean["date"] = datetime.now(
                UTC
            ).isoformat()  # a kernel warns at length of a message that it has had before
            kind = _name(header["msg_type"])
            said = self._said(kind, content)
        except ODD:
            return None, "not a message"
        if said is None:
            return None, kind
        fixed = {"username": "viewer", "version": "5.3", "msg_type": kind}
        metadata = {"version": "1.0.0"} if kind == "comm_open" else {}
        return {"header": clean | fixed, "parent_header": {}, "metadata": metadata, "content": said}, kind

    def turn(self, message: dict[str, Any] | None) -> dict[str, Any] | None:
        """Give what to send now in answer to what was let in: a move takes its turn, all else goes at once."""
        if message and message["content"].get("comm_id") in self.widgets:
            self.waiting[message["content"]["comm_id"]] = message
            return self.next_move()
        self.others += 1
        return message

    def next_move(self) -> dict[str, Any] | None:
        """Give the move to send now, if one waits and the kernel is at none."""
        if self.at_work is not None or not self.waiting:
            return None
        message = self.waiting.pop(next(iter(self.waiting)))
        self.at_work = message["header"]["msg_id"]
        return message

    def too_talkative(self) -> bool:
        """Tell whether a viewer has said so much besides moves that the connection is to end."""
        return self.others > MOST_OTHER

    def let_out(self, frame: bytes) -> bool:
        """Tell whether a kernel's message goes out to the viewer, and note the widgets that it shows."""
        try:
            header, parent, _, content = _opened(frame)
        except ODD:
            return False
        if content.get("execution_state") == "idle" and parent.get("msg_id") == self.at_work:
            self.at_work = None
        data = content.get("data", {}) if header["msg_type"] in ("comm_open", "comm_msg") else {}
        if header["msg_type"] == "comm_open" and content.get("target_name") == "jupyter.widget":
            self.widgets[content["comm_id"]] = data.get("state", {}).get("_model_name", "")
        if content.get("comm_id") == self.control and data.get("method") == "update_states":
            self.widgets.update({name: state["model_name"] for name, state in data["states"].items()})
        return header["msg_type"] in OUTWARD

    def _said(self, kind: str, content: dict[str, Any]) -> dict[str, Any] | None:
        if kind == "kernel_info_request":
            return {}
        if kind == "comm_info_request":
            return {"target_name": "jupyter.widget"}
        if kind == "comm_open" and content["target_name"] == CONTROL:
            self.control = _name(content["comm_id"])
            return {"comm_id": self.control, "target_name": CONTROL, "data": {}}
        if kind == "comm_close" and content["comm_id"] == self.control:
            return {"comm_id": self.control, "data": {}}
        if kind == "comm_msg" and content["comm_id"] == self.control:
            return _about(
                content, {"method": "request_states"} if content["data"]["method"] == "request_states" else None
            )
        if kind == "comm_msg" and content["comm_id"] in self.widgets:
            return _about(content, _move(content["data"], MOVED.get(self.widgets[content["comm_id"]])))
        return None


def _opened(frame: bytes | str, hook: Callable | None = None) -> list[dict[str, Any]]:
    """Open a message of Jupyter's protocol v1: its four parts; buffers are left where they are."""
    if not isinstance(frame, bytes) or not 6 <= int.from_bytes(frame[:8], "little") <= MOST_PARTS:
        raise ValueError("frame")  # Jupyter's reader would count to whatever number stands there
    _, texts = deserialize_msg_from_ws_v1(frame)
    parts = [json.loads(bytes(text), parse_constant=_refuse, object_pairs_hook=hook) for text in texts[:4]]
    if not all(isinstance(part, dict) for part in parts):
        raise ValueError("part")
    return parts


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _text(given: Any) -> str:
    if not isinstance(given, str) or len(given) > LONGEST or not (given.isascii() and given.isprintable()):
        raise ValueError("text")
    return given


def _name(given: Any) -> str:
    if not _text(given):
        raise ValueError("name")
    return given


def _about(content: dict[str, Any], data: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if data is None else {"comm_id": content["comm_id"], "data": data}


def _move(data: dict[str, Any], moved: str | None) -> dict[str, Any] | None:
    """Leave of a widget's update the one part that a viewer may move, and only where it is a number or two."""
    if moved is None or data["method"] != "update" or set(data["state"]) != {moved}:
        return None
    value = data["state"][moved]
    numbers = value if isinstance(value, list) else [value]
    if not 1 <= len(numbers) <= 2 or not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        return None
    return {"method": "update", "state": {moved: value}, "buffer_paths": []}
