"""What may a viewer say to a kernel? Move a slider, and ask which there are.

A message is read, held against what a viewer may say, and made anew from what was understood: nothing that came from
outside is passed on as it came, so a message that two readers would read differently cannot slip through.

However madly a slider is moved, the kernel gets one move at a time, and of those that came meanwhile the last of each slider.
A front end waits for the answer to each of its moves, so of its own none is lost.
"""

import json
import math
from dataclasses import dataclass, field
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
class Gate:
    """One viewer's connection to one kernel: the widgets that it has shown, and the way to ask for them."""

    control: str = ""
    widgets: dict[str, str] = field(
        default_factory=dict
    )  # the kind of each, by its id; filled as the kernel shows them
    at_work: str | None = None  # the id of the move that the kernel is at
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)  # the last move of each widget meanwhile
    others: int = 0  # messages that were no moves

    def let_in(self, frame: bytes | str) -> tuple[dict[str, Any] | None, str]:
        """Give the message to send to the kernel, or None; and what it was, for the log."""
        try:
            _, (header, *_, content) = _opened(frame)
            kind = str(header["msg_type"])[:LONGEST]
            said = self._said(kind, content)
            clean = {k: str(header.get(k, ""))[:LONGEST] for k in ("msg_id", "session", "date")}
        except ODD:
            return None, "not a message"
        if said is None:
            return None, kind
        told = {"username": "viewer", "version": "5.3", "msg_type": kind}
        metadata = {"version": "1.0.0"} if kind == "comm_open" else {}
        return {"header": clean | told, "parent_header": {}, "metadata": metadata, "content": said}, kind

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

    def weary(self) -> bool:
        """Tell whether a viewer has said so much besides moves that the connection is to end."""
        return self.others > MOST_OTHER

    def let_out(self, frame: bytes) -> bool:
        """Tell whether a kernel's message goes out to the viewer, and note the widgets that it shows."""
        try:
            _, (header, parent, _, content) = _opened(frame)
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


def _opened(frame: bytes | str) -> tuple[str, list[Any]]:
    """Open a message of Jupyter's protocol v1 in its four parts; buffers are left where they are."""
    if not isinstance(frame, bytes) or not 6 <= int.from_bytes(frame[:8], "little") <= MOST_PARTS:
        raise ValueError("frame")  # Jupyter's reader would count to whatever number stands there
    channel, parts = deserialize_msg_from_ws_v1(frame)
    return channel, [json.loads(bytes(part), parse_constant=_refuse) for part in parts[:4]]


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _name(given: Any) -> str:
    if not isinstance(given, str) or not given or len(given) > LONGEST:
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
