"""Live pages: the run's own figures on the run's own snapshot, for those who may see them, and no code but the run's."""

import asyncio
import json
import re
import shutil
import socket
import tempfile
import time
from datetime import datetime

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jupyter_server.auth.security import passwd
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1

from acme import Acme
from conftest import until
from fake_runs import make_outputs, serving
from quarterdeck import cli
from quarterdeck.batch import fork_server, shared_start
from quarterdeck.publish.live import page as live_page
from quarterdeck.publish.live.kernels import LiveKernels
from quarterdeck.publish.live.message_filter import MessageFilter
from quarterdeck.publish.live.program import divided, needed
from quarterdeck.publish.server import PINGS
from reader import Reader, audited
from viewer import WAIT, Viewer, ask_for_widgets, frame, kernel_of, states

PASSWORD = "correct horse battery"
SCRIPT = "<script>document.title='owned'</script>"
PAGE = "/live/acme/latest/{}/forecasting"
CELLS = [  # the figures, a name from the data as it is, what no slider needs, and what is needed for one
    'kpis = measure(desk, "revenue", "customers_active")\nshow(tables.kpi_tiles, kpis, currency=desk.currency)',
    'from IPython.display import HTML\nHTML(desk.tables["customers"]["name"].str.cat(sep=", "))',
    'from pathlib import Path\nunneeded = Path("ran.txt").write_text("ran")',
    "import os\n\nsold = kpis['value'].iloc[0]",
]
IMPATIENT = """from quarterdeck import cli
from quarterdeck.publish.live import kernels, page

kernels.ALONE_SECONDS = page.ALONE_SECONDS = 1
cli.main()"""
MOVES = """import ipywidgets

slider, label = ipywidgets.IntSlider(0, -30, 30, description="Price"), ipywidgets.HTML("not moved")
slider.observe(lambda m: setattr(label, "value", f"{sold * (1 + m['new'] / 100):.2f} by {os.getpid()}"), "value")
display(ipywidgets.VBox([slider, label]))"""


def add_live_notebook(acme):
    """Write a notebook with a slider."""
    import nbformat

    acme.write_notebook("forecasting", *CELLS, MOVES)
    file = acme.notebooks / "forecasting.ipynb"
    notebook = nbformat.read(file, as_version=4)
    notebook.cells[-2].metadata["tags"] = ["live"]
    nbformat.write(notebook, file)


@pytest.fixture(scope="module")
def server(tmp_path_factory, forking_process):
    """Acme's run with a live page for each region, and four users."""
    acme = Acme(tmp_path_factory.mktemp("live"))
    add_live_notebook(acme)
    acme.replace("clients.csv", "Ålesund Havn", SCRIPT)
    hashed = passwd(PASSWORD)
    users = acme.root / "users.yaml"
    users.write_text(
        f"users:\n  anna: {{password: '{hashed}', role: explorer, sees: {{acme: [North]}}}}\n"
        f"  boss: {{password: '{hashed}', role: explorer, sees: all}}\n"
        f"  carl: {{password: '{hashed}', role: explorer, sees: all}}\n  reads: {{password: '{hashed}', sees: all}}\n"
    )
    options = ("--users", str(users), "--audit", str(acme.root / "audit.jsonl"), "--live", "3")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(acme.root)
        patch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
        short = tempfile.mkdtemp(prefix="qd-")  # a socket's address holds a hundred letters
        (acme.root / "tmp").symlink_to(short)
        assert cli.main(acme.command("--notebook", "forecasting", "executive_brief")) == 0
        for ran in acme.out.rglob("ran.txt"):
            ran.unlink()
        patch.setenv("TMPDIR", short)
        with serving(acme.out, acme.root / "log.txt", *options) as (address, process):
            yield address, acme, process
        shutil.rmtree(short)


@pytest.fixture
def boss(server):
    reader = Reader(server[0])
    reader.log_in("boss", PASSWORD)
    yield reader
    reader.send("/logout")  # its kernels end with it


@pytest.fixture
def anna(server):
    reader = Reader(server[0])
    reader.log_in("anna", PASSWORD)
    yield reader
    reader.send("/logout")


def audit(server):
    return audited(server[0], server[1].root / "audit.jsonl")


def slider(heard) -> str:
    return next(i for i, s in states(heard).items() if s["model_name"] == "IntSliderModel")


def moved(heard) -> str:
    """Give what the kernel says once the slider has moved."""
    said = [
        c["data"]["state"].get("value") for k, c in heard if k == "comm_msg" and c["data"].get("method") == "update"
    ]
    return next((s for s in said if isinstance(s, str)), "")


def move(to, widget, part="value") -> bytes:
    return frame("comm_msg", {"comm_id": widget, "data": {"method": "update", "state": {part: to}, "buffer_paths": []}})


def see(server, reader, page):
    """Connect to a live page's kernel, and ask which widgets there are."""
    viewer = Viewer(server[0], kernel_of(page), reader.cookies)
    assert viewer.say(*ask_for_widgets(), until=states) is None and states(viewer.heard)
    return viewer


@pytest.mark.parametrize("region", ["company", "north", "south"])
def test_the_kernels_figures_are_the_pages_own_for_every_region(server, boss, region):
    stored = boss.ask(PAGE.format(region).removeprefix("/live"))[2]
    page = boss.ask(PAGE.format(region))[2]
    digest = re.search(r"figures ([0-9a-f]{8})<", stored)[1]
    assert f"The kernel's figures are the page's own, digest <code>{digest}</code>" in page
    assert "What was sold?" in page and page.rstrip().endswith("</html>")


def test_figures_that_are_not_the_pages_own_are_said_to_be_so(server, boss):
    file = server[1].out / "acme" / "latest" / "run.json"
    before = file.read_text()
    facts = json.loads(before)
    for kpi in facts["kpis"]:
        kpi["value"] += 1
    try:
        file.write_text(json.dumps(facts))
        assert "are not the page's" in boss.ask(PAGE.format("south"))[2]
    finally:
        file.write_text(before)


def test_a_moved_slider_is_answered_by_the_kernel(server, boss):
    page = boss.ask(PAGE.format("north"))[2]
    viewer = see(server, boss, page)
    widget = slider(viewer.heard)
    viewer.heard.clear()
    viewer.say(*ask_for_widgets("again"), WAIT, move(20, widget), until=lambda h: moved(h))
    assert moved(viewer.heard).startswith("288.90 by")  # (200.50 + 40.25) × 1.20


def test_only_what_the_sliders_stand_on_is_executed(server, boss):
    boss.ask(PAGE.format("north"))
    assert not list(server[1].out.rglob("ran.txt"))
    assert needed(["a = 1", "b = 2", "a += b", "c = [x for x in b]", "a"], {4}) == ["a = 1", "b = 2", "a += b", "", "a"]
    assert needed(["from m import (x, y as z)", "%magic", "z"], {2}) == ["from m import (x, y as z)", "%magic", "z"]


def test_a_viewer_who_lost_the_connection_moves_on(server, boss):
    viewer = see(server, boss, boss.ask(PAGE.format("north"))[2])
    widget = slider(viewer.heard)
    viewer.heard.clear()
    viewer.say(move(20, widget), until=lambda h: moved(h))  # a new connection, which asks for no widgets
    assert moved(viewer.heard).startswith("288.90 by")
    assert PINGS["ws_ping_interval"] < PINGS["ws_ping_timeout"]  # or nobody would have answered in time
    assert "ping" not in (server[1].root / "log.txt").read_text()


def where(server, reader, page, to=20) -> psutil.Process:
    """Move a page's slider; give the kernel's process, which says its number."""
    viewer = see(server, reader, page)
    widget = slider(viewer.heard)
    viewer.heard.clear()
    viewer.say(*ask_for_widgets("again"), WAIT, move(to, widget), until=lambda h: moved(h))
    return psutil.Process(int(moved(viewer.heard).split()[-1]))


def test_viewers_share_what_a_stem_has_computed_and_nothing_else(server, boss):
    kernels = [where(server, boss, boss.ask(PAGE.format("north"))[2], to) for to in (20, 10)]
    forking = kernels[0].parent()
    assert kernels[0] != kernels[1] and kernels[1].parent() == forking
    forking.kill()
    assert until(lambda: not any(k.is_running() for k in kernels))
    assert where(server, boss, boss.ask(PAGE.format("north"))[2]).parent() != forking


def test_the_companys_live_page_is_executed_before_anybody_asks_for_it(server, boss):
    forking = where(server, boss, boss.ask(PAGE.format("company"))[2]).parent()
    asked = [line["time"] for line in audit(server) if line["path"] == PAGE.format("company")]
    assert forking.create_time() < datetime.fromisoformat(asked[0]).timestamp()


def test_few_stems_are_kept_that_nobody_needs_and_none_is_begun_twice(forking_process, tmp_path, monkeypatch):
    monkeypatch.setenv(fork_server.ADDRESS, forking_process.address)
    monkeypatch.setattr(shared_start, "SPARE", 1)

    async def begin(*codes):
        many = LiveKernels()
        found = [await many.shared_start_for((code,), tmp_path) for code in codes]
        many.end_unused_starts()
        return found

    first, second, failed, again = asyncio.run(begin("a = 1", "a = 2", "a = unknown", "a = 1"))
    assert again is first and failed is None
    assert first.alive() and not second.alive()
    first.close()
    assert not first.alive()


def test_what_is_executed_once_is_what_binds_a_name_that_is_not_bound_again():
    assert divided(["import m; a = m.f()", "show(a)\nb = a", "c = Slider(b)"], {2}) == (
        ["import m", "a = m.f()", "b = a"], ["", "show(a)", "c = Slider(b)"])  # fmt: skip
    assert divided(["a = 1", "show(a)", "for a in b: pass"], set()) == ([], ["a = 1", "show(a)", "for a in b: pass"])
    assert divided(["%magic", "a = 1"], set()) == ([], ["%magic", "a = 1"])


def test_a_page_whose_code_cannot_be_executed_once_is_executed_by_each_kernel(server, boss):
    file = next((server[1].out / "acme").glob("2*/south/forecasting.ipynb"))
    before = file.read_text()
    try:
        begun = before.replace("import os\\n", "import os, threading\\nat = threading.Timer(600, print).start()\\n")
        file.write_text(begun.replace("sold = kpis", "sold = at or kpis"))
        page = boss.ask(PAGE.format("south"))[2]
        assert "The kernel's figures are the page's own" in page and where(server, boss, page)
    finally:
        file.write_text(before)
    assert "has started threads" in (server[1].root / "log.txt").read_text()


def test_a_slider_moved_madly_costs_the_kernel_few_moves_and_ends_where_it_was_left(server, boss):
    page = boss.ask(PAGE.format("north"))[2]
    viewer = see(server, boss, page)
    widget = slider(viewer.heard)
    flood = [move(number % 30, widget) for number in range(1000)] + [move(25, widget)]
    viewer.heard.clear()
    viewer.say(*ask_for_widgets("again"), WAIT, *flood, until=lambda h: "300.94" in str(h[-1:]))  # 240.75 × 1.25
    states = [c for k, c in viewer.heard if k == "comm_msg" and "by" in str(c["data"].get("state", {}).get("value"))]
    assert "300.94 by" in str(states[-1]) and len(states) < 500


def test_moves_take_turns_and_the_last_of_each_slider_is_kept():
    gate = MessageFilter(widgets=dict.fromkeys("ab", "IntSliderModel"))
    sent = [gate.turn(gate.let_in(move(to, widget))[0]) for widget, to in (("a", 1), ("a", 2), ("b", 3), ("a", 4))]
    assert sent[0]["content"]["data"]["state"] == {"value": 1} and sent[1:] == [None, None, None]
    for to in (4, 3):
        about = {"msg_id": gate.at_work}
        gate.let_out(frame("status", {"execution_state": "idle"}, "iopub", parent=about))
        assert gate.next_move()["content"]["data"]["state"] == {"value": to}
    assert gate.next_move() is None and not gate.waiting


def test_who_says_too_much_is_cut_off(server, boss):
    viewer = Viewer(server[0], kernel_of(boss.ask(PAGE.format("north"))[2]), boss.cookies)
    assert viewer.say(*[frame("comm_info_request", {})] * 300) in (1006, 1008)
    assert "Duplicate Signature" not in (server[1].root / "log.txt").read_text()  # of what was said again as it was


ODD = (None, 1, 1.5, True, [], {}, ["x"], {"a": {"b": []}}, [[[[[[[[]]]]]]]], "\ud800", "\udcff", "x" * 101, "\0", "a\nb",
       "\u202e", 10**300)  # fmt: skip


def odd_headers(widget):
    """Give moves that are right but for one field of their header, or for one of their parts."""
    about = {"comm_id": widget, "data": {"method": "update", "state": {"value": 3}, "buffer_paths": []}}
    move_of = {"msg_id": "m", "session": "s", "msg_type": "comm_msg"}
    for name in ("msg_id", "session", "date", "msg_type"):
        for odd in ODD:
            yield f"{name} {ascii(odd)[:20]}", parts(move_of | {name: odd}, {}, {}, about)
    yield "no id", parts({"msg_type": "comm_msg"}, {}, {}, about)
    yield "an empty id", parts(move_of | {"msg_id": ""}, {}, {}, about)
    for at in range(4):
        for odd in ([], None, 1, "x"):
            yield (
                f"part {at} {odd!r}",
                parts(*[odd if at == k else part for k, part in enumerate((move_of, {}, {}, about))]),
            )
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 400, b"9" * 5000, b'"3"', b"[3, 3, 3]"):
        yield f"value {number[:9]}", parts(move_of, {}, {}, about).replace(b'"value": 3', b'"value":' + number)
    for one, twice in (
        (b'"msg_id": "m"', b'"msg_id": "n"'),
        (b'"value": 3', b'"value": 4'),
        (b'"method": "update"', b'"method": "x"'),
    ):
        yield f"twice {one}", parts(move_of, {}, {}, about, lambda text, o=one, t=twice: text.replace(o, t + b", " + o))
    yield "as text", parts(move_of, {}, {}, about).decode("latin-1")


def parts(*given, change=lambda text: text):
    """Write a message of these four parts."""
    *four, last = given if callable(given[-1]) else (*given, change)
    return serialize_msg_to_ws_v1([last(json.dumps(part).encode()) for part in four], "shell")


def hostile(widget):
    """Everything that a viewer might say besides moving a slider."""
    run = {"code": "open('owned', 'w')", "silent": False, "user_expressions": {"x": "open('owned', 'w')"}}
    update = {"method": "update", "state": {"value": 3}, "buffer_paths": []}
    about = {"comm_id": widget}
    return {
        "code": frame("execute_request", run),
        "code by the control channel": frame("execute_request", run, "control"),
        "code by a channel that is not there": frame("execute_request", run, "../shell"),
        "code under another name": frame("comm_msg", run | {"msg_type": "execute_request"}),
        "code as a legacy message": json.dumps(
            {"channel": "shell", "header": {"msg_type": "execute_request"}, "content": run}
        ),
        "inspect": frame("inspect_request", {"code": "desk", "cursor_pos": 4}),
        "complete": frame("complete_request", {"code": "desk.", "cursor_pos": 5}),
        "history": frame("history_request", {"hist_access_type": "tail", "n": 9}),
        "is it complete": frame("is_complete_request", {"code": "1"}),
        "debug": frame("debug_request", {"type": "request", "command": "evaluate"}, "control"),
        "shutdown": frame("shutdown_request", {"restart": True}, "control"),
        "interrupt": frame("interrupt_request", {}, "control"),
        "input": frame("input_reply", {"value": "open('owned', 'w')"}, "stdin"),
        "subshell": frame("create_subshell_request", {}, "control"),
        "a new widget": frame("comm_open", {"comm_id": "n", "target_name": "jupyter.widget", "data": {"state": {}}}),
        "a channel of another kind": frame("comm_open", {"comm_id": "n", "target_name": "x", "target_module": "os"}),
        "a widget that is not there": frame("comm_msg", {"comm_id": "elsewhere", "data": update}),
        "a widget named by an object": frame("comm_msg", {"comm_id": {"$": 1}, "data": update}),
        "another method": frame("comm_msg", about | {"data": {"method": "custom", "content": {"event": "click"}}}),
        "another part of it": move("os.system", widget, "_model_module"),
        "its bounds": move(10**9, widget, "max"),
        "two parts": frame("comm_msg", about | {"data": {"method": "update", "state": {"value": 1, "max": 9}}}),
        "a text for a number": move("<script>alert(1)</script>", widget),
        "another widget for a number": move("IPY_MODEL_x", widget),
        "no number": frame("comm_msg", about | {"data": {"method": "update", "state": {"value": float("nan")}}}),
        "a thousand numbers": move([1] * 1000, widget),
        "a nested number": move([[1]], widget),
        "buffers": frame(
            "comm_msg", about | {"data": update | {"state": {"value": None}, "buffer_paths": [["value"]]}}
        ),
        "closing a widget": frame("comm_close", about | {"data": {}}),
        "no message": b"",
        "offsets out of it": (2**63).to_bytes(8, "little") * 4,
        "no JSON": b"\x01" + bytes(200),
        "deep JSON": frame("comm_msg", {}).replace(b"{}", b"[" * 3000, 1),
        **dict(odd_headers(widget)),
    }


ATTEMPTS = list(hostile("w"))


def test_nothing_but_a_move_reaches_the_kernel(server, boss):
    """The table of attempts: each is refused and logged, and the slider still works after them all."""
    page = boss.ask(PAGE.format("north"))[2]
    viewer = see(server, boss, page)
    widget = slider(viewer.heard)
    before, attempts = len(audit(server)), hostile(widget)
    viewer.heard.clear()
    viewer.say(*ask_for_widgets("again"), WAIT, *attempts.values(), move(20, widget), until=lambda h: moved(h))
    assert moved(viewer.heard).startswith("288.90 by")
    refused = [line for line in audit(server)[before:] if "refused" in line]
    assert len(refused) == len(attempts) and {line["user"] for line in refused} == {"boss"}
    assert not list(server[1].root.rglob("owned"))
    kinds = {k for k, _ in viewer.heard}
    assert kinds <= {"status", "kernel_info_reply", "comm_msg", "comm_open", "comm_info_reply"}
    assert states(viewer.heard)[widget]["state"]["max"] == 30


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_gate_refuses(attempt):
    gate = MessageFilter(widgets={"w": "IntSliderModel", "elsewise": "HTMLModel"})
    assert gate.let_in(hostile("w")[attempt])[0] is None


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9)
KEYS = st.sampled_from(
    ["msg_id", "msg_type", "session", "date", "comm_id", "data", "method", "state", "value", "target_name"]
)
WORDS = st.sampled_from(
    ["comm_msg", "comm_open", "comm_close", "update", "w", "request_states", "jupyter.widget.control"]
)
ANYTHING = st.recursive(
    SCALARS | WORDS, lambda more: st.lists(more, max_size=3) | st.dictionaries(KEYS, more, max_size=5), max_leaves=9
)


@settings(max_examples=100, deadline=None)
@given(st.lists(ANYTHING, min_size=4, max_size=4), st.dictionaries(KEYS, ANYTHING, max_size=6), st.booleans())
def test_whatever_is_said_the_gate_raises_nothing_and_lets_in_plain_messages_alone(given_parts, header, whole):
    gate = MessageFilter(widgets={"w": "IntSliderModel"})
    right = {"msg_id": "m", "msg_type": "comm_msg"}
    message, _ = gate.let_in(parts({**header, **right} if whole else header, *given_parts[1:]))
    sent = gate.turn(message)
    if sent:
        assert all(isinstance(v, str) and v.isascii() and len(v) <= 100 for v in sent["header"].values())
        assert set(sent["content"]) <= {"comm_id", "data", "target_name"} and json.dumps(sent, allow_nan=False)


def test_the_gate_makes_each_message_again():
    gate = MessageFilter(widgets={"w": "IntSliderModel"})
    message, _ = gate.let_in(frame("comm_msg", {"comm_id": "w", "extra": 1, "data": {"method": "update", "state": {"value": 5}}},
                                username="root", more="x"))  # fmt: skip
    assert message["content"] == {
        "comm_id": "w",
        "data": {"method": "update", "state": {"value": 5}, "buffer_paths": []},
    }
    assert set(message["header"]) == {"msg_id", "session", "date", "username", "version", "msg_type"}
    assert message["header"]["username"] == "viewer"


def test_what_a_kernel_prints_or_fails_with_does_not_go_out():
    gate = MessageFilter()
    for kind in (
        "stream",
        "error",
        "execute_input",
        "execute_result",
        "display_data",
        "inspect_reply",
        "history_reply",
    ):
        assert not gate.let_out(frame(kind, {"text": "/home/secret"}, "iopub"))


def test_a_message_that_is_too_long_ends_the_connection(server, boss):
    viewer = Viewer(server[0], kernel_of(boss.ask(PAGE.format("north"))[2]), boss.cookies)
    assert viewer.say(frame("comm_msg", {"comm_id": "x" * 100_000})) in (1006, 1009)


def test_a_page_whose_kernel_does_not_answer_ends():
    async def parts():
        yield "<p>sliders</p>"
        for _ in range(100):
            await asyncio.sleep(0.01)
            yield "<script>window.voila_heartbeat()</script>"

    async def read(seconds):
        return [part async for part in live_page.ended(parts(), seconds)]

    given_up, patient = asyncio.run(read(0.1)), asyncio.run(read(60))
    assert given_up[0] == "<p>sliders</p>" and live_page.UNANSWERED in given_up[-1] and len(given_up) < 50
    assert len(patient) == 101 and live_page.UNANSWERED not in patient[-1]


def test_a_kernel_is_its_owners_alone(server, boss, anna):
    kernel = kernel_of(boss.ask(PAGE.format("north"))[2])
    assert boss.ask(f"/api/kernels/{kernel}")[0] == 200
    assert anna.ask(f"/api/kernels/{kernel}")[0] == 404
    assert Viewer(server[0], kernel, anna.cookies).say() == 404
    assert Viewer(server[0], kernel).say() == 403
    assert Viewer(server[0], kernel, boss.cookies, Origin="https://elsewhere.example").say() == 403
    assert Viewer(server[0], "00000000-0000-0000-0000-000000000000", boss.cookies).say() == 404


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/live/acme/latest/company/forecasting", "GET", 404),  # not anna's region
        ("/live/acme/latest/south/forecasting", "GET", 404),
        ("/live/acme/latest/north/executive_brief", "GET", 302),  # nothing to move: the stored page
        ("/live/acme/latest/north/forecasting", "HEAD", 405),
        ("/live/acme/latest/north/forecasting", "POST", 403),
        ("/live/acme/latest/north/forecasting.ipynb", "GET", 404),
        ("/live/acme/latest/north/..%2fforecasting", "GET", 404),
        ("/live/acme/latest/..%2f..%2f..%2fnotebooks/forecasting", "GET", 404),
        ("/live/..%2f/notebooks/x/forecasting", "GET", 404),
        ("/live/acme/latest/%2e%2e/forecasting", "GET", 404),
        ("/live/acme/latest/north/%3Cscript%3E", "GET", 404),
        ("/live/acme/latest/failed/forecasting", "GET", 404),
        ("/live//etc/passwd/x", "GET", 404),
        ("/voila/render/acme/latest/north/forecasting.ipynb", "GET", 404),
        ("/voila/files/acme/latest/north/forecasting.ipynb", "GET", 404),
        ("/voila/api/contents/acme", "GET", 404),
        ("/voila/static/../index.html.j2", "GET", 404),
        ("/voila/static/..%2f..%2findex.html.j2", "GET", 404),
        ("/voila/labextensions/@jupyter-widgets/jupyterlab-manager/package.json", "GET", 404),
        ("/voila/templates/lab/static/voila.js", "GET", 404),
        ("/api/kernels", "GET", 404),
        ("/api/kernels", "POST", 404),
        ("/api/kernels/00000000-0000-0000-0000-000000000000", "DELETE", 405),
        ("/api/kernels/00000000-0000-0000-0000-000000000000/restart", "POST", 404),
        ("/api/kernels/00000000-0000-0000-0000-000000000000/interrupt", "POST", 404),
        ("/voila/api/shutdown/00000000-0000-0000-0000-000000000000", "GET", 405),
        ("/voila/api/shutdown/00000000-0000-0000-0000-000000000000", "POST", 403),
        ("/voila/api/shutdown/..%2f", "POST", 404),
        ("/api/sessions", "GET", 404),
        ("/api/contents/acme", "PUT", 404),
        ("/api/terminals", "POST", 404),
    ],
)
def test_no_other_address_leads_to_a_kernel_or_a_file(server, anna, path, method, status):
    kernels = len(running(server))
    assert anna.ask(path, method)[0] in (status, 403 if method in ("POST", "DELETE") else status)  # a form from nowhere
    assert len(running(server)) == kernels


@pytest.mark.parametrize("query", ["?template=lab", "?voila-template=lab&theme=dark", "?notebook_path=/etc/passwd"])
def test_a_viewer_chooses_neither_template_nor_theme_nor_file(server, boss, query):
    page = boss.ask(PAGE.format("north") + query)[2]
    assert "What was sold?" in page and "jp-Notebook" not in page and "theme-dark" not in page and "root:" not in page


def test_a_reader_who_does_not_explore_reads_the_stored_page(server):
    reader = Reader(server[0])
    reader.log_in("reads", PASSWORD)
    status, headers, _ = reader.ask(PAGE.format("north"))
    assert (status, headers["Location"]) == (302, "/acme/latest/north/forecasting")
    assert "/live/" not in reader.ask("/acme/latest/north/forecasting")[2]


def test_a_notebook_file_that_others_may_write_is_not_executed(server, boss):
    file = next((server[1].out / "acme").glob("2*/south/forecasting.ipynb"))
    file.chmod(0o666)
    try:
        assert boss.ask(PAGE.format("south"))[0] == 302
    finally:
        file.chmod(0o644)


def test_a_live_page_runs_no_script_but_the_servers_own(server, boss):
    status, headers, page = boss.ask(PAGE.format("north"))
    policy = headers["Content-Security-Policy"]
    assert status == 200 and "script-src 'self';" in policy and "unsafe-eval" not in policy
    assert SCRIPT not in page  # a page is made of what it may be made of
    assert set(re.findall(r'<script src="([^"]+)"', page)) == {"/static/live.js", "/voila/static/voila.js"}
    assert not re.findall(r"https?://", page.replace("http://www.w3.org", ""))


def opened(server, reader, region="north") -> Viewer:
    """Open a live page; give its viewer, who has not come yet."""
    status, _, page = reader.ask(PAGE.format(region))
    assert status == 200
    return Viewer(server[0], kernel_of(page), reader.cookies)


def lives(reader, viewer) -> bool:
    return reader.ask(f"/api/kernels/{viewer.kernel}")[0] == 200


def test_one_explorer_who_reloads_takes_no_more_than_the_own_places(server, boss, anna):
    mine = [opened(server, boss) for _ in range(5)]
    assert [lives(boss, viewer) for viewer in mine] == [False] * 3 + [True] * 2 and len(running(server)) == 2
    theirs = opened(server, anna)
    with mine[3].watching():  # the older of the two, which now is looked at
        newest = opened(server, boss)
        assert [lives(boss, viewer) for viewer in (mine[3], mine[4], newest)] == [True, False, True]
    assert lives(anna, theirs)


def test_who_has_the_own_places_taken_sees_so_and_when_all_are_everybody_is(server, boss, anna):
    carl = Reader(server[0])
    carl.log_in("carl", PASSWORD)
    with opened(server, boss).watching(), opened(server, boss).watching():
        status, headers, page = boss.ask(PAGE.format("south"))
        assert status == 503 and headers["Retry-After"] == "15" and "You have 2 live pages open" in page
        assert re.search(r'href="/acme/[\w-]+/south/forecasting"', page)
        with opened(server, anna).watching():
            status, headers, page = carl.ask(PAGE.format("south"))
            assert status == 503 and headers["Retry-After"] == "15" and "All live pages are in use" in page
            assert "keeps 3 pages alive" in page and len(running(server)) == 3
    assert carl.ask(PAGE.format("south"))[0] == 503  # other people's kernels wait for them to come back
    carl.send("/logout")


def test_a_page_that_is_loaded_again_and_again_in_haste_leaves_no_traceback_and_a_page_in_the_end(server, boss):
    logged = len((server[1].root / "log.txt").read_text())
    host, port = server[0].removeprefix("http://").split(":")
    cookies = "; ".join(f"{k}={v}" for k, v in boss.cookies.items())
    for seconds in (0, 0, 0.1, 0.2, 0.3, 0.5, 0.7, 1):
        with socket.create_connection((host, int(port))) as hasty:
            hasty.sendall(f"GET {PAGE.format('south')} HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n\r\n".encode())
            time.sleep(seconds)  # gone before the page is whole, at different stages of it
    assert until(lambda: boss.ask(PAGE.format("south"))[0] == 200)
    assert "Traceback" not in (server[1].root / "log.txt").read_text()[logged:] and len(running(server)) <= 2


def test_a_kernel_that_died_is_said_to_be_dead_and_gives_its_place_back(server, boss):
    page = boss.ask(PAGE.format("north"))[2]
    viewer = see(server, boss, page)
    widget = slider(viewer.heard)
    viewer.heard.clear()
    viewer.say(*ask_for_widgets("again"), WAIT, move(1, widget), until=lambda h: moved(h))
    psutil.Process(int(moved(viewer.heard).split()[-1])).kill()
    address = f"/api/kernels/{kernel_of(page)}"
    assert until(lambda: boss.ask(address)[0] == 404)
    assert boss.ask(PAGE.format("north"))[0] == 200


def test_a_kernel_with_no_move_for_a_while_ends(server):
    _, acme, _ = server
    with serving(acme.out, acme.root / "impatient.txt", "--live", "1", "--live-idle", "4") as (address, _):
        anybody = Reader(address)
        kernel = kernel_of(anybody.ask(PAGE.format("north"))[2])
        assert until(lambda: anybody.ask(f"/api/kernels/{kernel}")[0] == 404)  # looked at every second


def leave(reader, kernel, **headers):
    return reader.ask(f"/voila/api/shutdown/{kernel}", "POST", **headers)[0]


def test_leaving_a_page_ends_its_own_kernel_at_once_and_no_other_site_or_user_can(server, boss, anna):
    kernels = [kernel_of(boss.ask(PAGE.format("north"))[2]) for _ in range(2)]
    here = {"Sec-Fetch-Site": "same-origin"}
    others = [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "none", "same-origin, cross-site")]
    assert [leave(boss, kernels[0], **headers) for headers in (*others, {}, {"Origin": server[0]})] == [403] * 6
    assert leave(anna, kernels[0], **here) == 404 and leave(Reader(server[0]), kernels[0], **here) == 403
    assert [boss.ask(f"/api/kernels/{k}")[0] for k in kernels] == [200, 200]
    assert leave(boss, kernels[0], **here) == 204
    assert [boss.ask(f"/api/kernels/{k}")[0] for k in kernels] == [404, 200]
    assert leave(boss, kernels[0], **here) == 404


def test_a_kernel_waits_for_its_viewer_from_when_the_page_is_whole(server):
    file = next((server[1].out / "acme").glob("2*/south/forecasting.ipynb"))
    before, root = file.read_text(), server[1].root
    with serving(server[1].out, root / "slow.txt", "--live", "1", program=("-c", IMPATIENT)) as (address, _):
        try:
            file.write_text(before.replace("import ipywidgets", "import ipywidgets, time; time.sleep(5)"))  # 3 × 1 < 5
            page = Reader(address).ask(PAGE.format("south"))[2]
        finally:
            file.write_text(before)
        assert "The kernel's figures are the page's own" in page and page.count("data-for=") == 2
        kernel = f"/api/kernels/{kernel_of(page)}"
        assert Reader(address).ask(kernel)[0] == 200
        assert until(lambda: Reader(address).ask(kernel)[0] == 404)  # and then ends, for nobody has come


def test_a_logout_ends_the_users_kernels(server):
    reader = Reader(server[0])
    reader.log_in("boss", PASSWORD)
    reader.ask(PAGE.format("north"))
    assert running(server)
    reader.send("/logout")
    assert until(lambda: not running(server))


def test_a_cell_that_fails_is_reported_in_a_sentence_and_the_page_stays(server, boss):
    file = next((server[1].out / "acme").glob("2*/south/forecasting.ipynb"))
    before = file.read_text()
    try:
        file.write_text(before.replace("import ipywidgets", "raise KeyError('secret')"))
        page = boss.ask(PAGE.format("south"))[2]
    finally:
        file.write_text(before)
    assert "a cell of the notebook failed" in page and "secret" not in page and "What was sold?" in page
    assert "KeyError: 'secret'" in (server[1].root / "log.txt").read_text()


def test_without_live_pages_there_is_no_way_to_a_kernel(tmp_path):
    with serving(make_outputs(tmp_path), tmp_path / "log.txt") as (address, process):
        for path in ("/live/demo/latest/north/executive_brief", "/static/live.js", "/voila/static/voila.js"):
            assert Reader(address).ask(path)[0] == 404
        children = psutil.Process(process.pid).children(recursive=True)
        assert not [
            c for c in children if "quarterdeck.publish.pages.prerender" not in " ".join(c.cmdline())
        ]  # which renders pages


def running(server) -> list[str]:
    """Find the connection files of the server's kernels, in the temporary folder that it was given."""
    return [str(f) for f in (server[1].root / "tmp").glob("voila_*/kernel-*.json")]
