"""How soon is a live page interactive, and how many fit into four gigabytes, against stock Voilà on the same notebook?

`make bench NAME=live`. A run of the demo's forecast for one region is made; then stock Voilà and Quarterdeck open the same
executed notebook in turns, both in Chromium, until the last slider is on the page: medians of five (or as many rounds as the
argument says). Quarterdeck's first viewer of a page, for whom its shared start is begun, is reported apart. Then one viewer
comes and, at once, a crowd: forty of Quarterdeck's, five of stock Voilà's. Each moves a slider; each one's memory is what the crowd
adds, pages that are shared counted once (PSS). The last line is JSON.
"""

import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).parent.parent
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
CROWD, STOCK_CROWD, MEGABYTE, GIGABYTES = 40, 5, 1 << 20, 4
PROTOCOL = "v1.kernel.websocket.jupyter.org"
VERSION = {"version": "1.0.0"}  # of the channel by which widgets are asked for
SLIDERS = "return document.querySelectorAll('.noUi-handle').length"
LEVERS = 4  # at least: a region without a known price response has no slider for the price
Figure = dict[str, float | str]


def made(work: Path) -> Path:
    """Make the run; give its folder."""
    command = [sys.executable, "-m", "quarterdeck.cli", "run", str(ROOT / "params" / "demo"), "--out", str(work)]
    subprocess.run(
        [*command, "--region", "North Sea", "--notebook", "forecasting"], cwd=ROOT, check=True, stdout=sys.stderr
    )
    return (work / "demo" / "latest").resolve()


def served(command: list[str], cwd: Path, path: str) -> tuple[subprocess.Popen, str]:
    """Start a server; give its process and address, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([*command, f"--port={port}"], cwd=cwd, stdout=sys.stderr, start_new_session=True)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60).close()
            return process, f"http://127.0.0.1:{port}"
        except OSError:
            assert process.poll() is None, command
            time.sleep(0.1)
    raise AssertionError(command)


def browser(work: Path) -> webdriver.Chrome:
    """Start a browser."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    options.page_load_strategy = "none"  # the page is looked at while it comes
    for flag in ("headless=new", "no-sandbox", "disable-gpu", f"user-data-dir={work / 'browser'}"):
        options.add_argument(f"--{flag}")
    return webdriver.Chrome(options, Service(shutil.which("chromedriver")))


def interactive(driver: webdriver.Chrome, address: str, sliders: int = LEVERS) -> float:
    """Open a page; give the seconds until its sliders are there."""
    driver.get("about:blank")
    time.sleep(1)
    begun = time.perf_counter()
    driver.get(address)
    while driver.execute_script(SLIDERS) < sliders:
        assert time.perf_counter() - begun < 300, address
        time.sleep(0.05)
    return time.perf_counter() - begun


def memory(server: subprocess.Popen) -> float:
    """Give the megabytes that a server and all it started hold, each page of memory counted once (PSS)."""
    processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    return sum(p.memory_full_info().pss for p in processes) / MEGABYTE


def said(kind: str, content: dict) -> bytes:
    """Write a message to a kernel."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "session": "s",
        "username": "x",
        "date": "",
        "version": "5.3",
        "msg_type": kind,
    }
    return serialize_msg_to_ws_v1([json.dumps(part).encode() for part in (header, {}, VERSION, content)], "shell")


def look_and_move(address: str) -> ClientConnection:
    """Open a page as a front end does, move a slider, and wait for the picture; give the connection, for it is kept."""
    page = urllib.request.urlopen(address, timeout=900).read().decode()
    kernel, host = re.search(r'"kernelId": "([0-9a-f-]+)"', page)[1], address.split("/")[2]
    way = f"ws://{host}/api/kernels/{kernel}/channels"
    connection = connect(way, subprotocols=[PROTOCOL], open_timeout=300, max_size=None, max_queue=None)
    moved = heard = False
    while True:
        if not heard:  # what is said before the server has found the kernel is lost: say it again
            connection.send(said("comm_open", {"comm_id": "c", "target_name": "jupyter.widget.control", "data": {}}))
            connection.send(said("comm_msg", {"comm_id": "c", "data": {"method": "request_states"}}))
        try:
            content = json.loads(bytes(deserialize_msg_from_ws_v1(connection.recv(timeout=20))[1][3]))
        except TimeoutError:
            heard = moved
            continue
        heard, data = True, content.get("data", {})
        if not moved and data.get("method") == "update_states":
            slider = next(name for name, state in data["states"].items() if state["model_name"] == "IntSliderModel")
            update = {"method": "update", "state": {"value": 10}, "buffer_paths": []}
            connection.send(said("comm_msg", {"comm_id": slider, "data": update}))
            moved = True
        elif data.get("buffer_paths") == [["value"]]:  # the picture
            return connection


def crowd(server: subprocess.Popen, address: str, size: int) -> tuple[float, float, float]:
    """Let one viewer come, then the others at once; give the megabytes of none, of each but the first, and of all."""
    nobody = memory(server)
    kept = [look_and_move(address)]
    first = memory(server)
    with ThreadPoolExecutor(size) as viewers:
        kept += viewers.map(look_and_move, [address] * (size - 1))
    everybody = memory(server)
    assert all(connection.ping().wait(60) for connection in kept), "a viewer was lost"
    for connection in kept:
        connection.close()
    return nobody, (everybody - first) / (size - 1), everybody


def figure(value: float, peer: float, ratio: float, goal: float, better: str, unit: str) -> Figure:
    """Give a figure of the report."""
    return {"value": value, "peer": peer, "ratio": ratio, "goal": goal, "better": better, "unit": unit}


def compare(work: Path) -> dict[str, Figure]:
    """Measure both."""
    run = made(work)
    os.symlink(run / "data", run / "north_sea" / "data")  # stock Voilà runs a notebook in its own folder
    python, here = [sys.executable, "-m"], ["--out", str(work), "--live", "40", "--audit", str(work / "audit.jsonl")]
    stock, theirs = served([*python, "voila", "north_sea", "--no-browser"], run, "/")
    ours, own = served([*python, "quarterdeck.cli", "serve", *here], ROOT, "/healthz")
    pages = own + "/live/demo/latest/north_sea/forecasting", theirs + "/voila/render/forecasting.ipynb"
    driver = browser(work)
    try:
        interactive(driver, own, sliders=0)  # the browser's own start
        first = interactive(driver, pages[0])
        rounds = [[interactive(driver, page) for page in pages] for _ in range(ROUNDS)]
        driver.quit()
        time.sleep(30)  # their kernels end
        _, viewer, everybody = crowd(ours, pages[0], CROWD)
        nobody, each, _ = crowd(stock, pages[1], STOCK_CROWD)
    finally:
        for server in (ours, stock):
            os.killpg(server.pid, signal.SIGTERM)
    soon, late = (statistics.median(column) for column in zip(*rounds, strict=True))
    room, rooms = CROWD + (GIGABYTES * 1024 - everybody) / viewer, (GIGABYTES * 1024 - nobody) / each
    crowds = nobody + CROWD * each
    return {
        "to interactive": figure(soon, late, late / soon, 8.0, "higher", "seconds; times sooner than stock Voilà"),
        "a page's first viewer": figure(first, late, late / first, 8.0, "higher", "seconds; times sooner"),
        "memory of a viewer": figure(viewer, each, each / viewer, 80.0, "lower", "MB (PSS)"),
        "crowd of 40": figure(everybody, crowds, crowds / everybody, 4096.0, "lower", "MB; the peer's by its figures"),
        "viewers in 4 GB": figure(room, rooms, room / rooms, 40.0, "higher", "viewers, by these figures"),
    }


def main() -> None:
    """Print the report."""
    with tempfile.TemporaryDirectory(prefix="bench-live-") as work:
        figures = compare(Path(work))
    for name, row in figures.items():
        ratio = f"{row['value']:10.2f} {row['peer']:10.2f} stock {row['ratio']:7.1f}×"
        print(f"{name:22} {ratio}  goal {row['goal']:g}  {row['unit']}")
    print(json.dumps({"benchmark": "live", "figures": figures}))


if __name__ == "__main__":
    main()
