"""How soon is a live page interactive, and how many fit into four gigabytes, against stock Voilà on the same notebook?

`make bench NAME=live`. A run of the demo's forecast for one region is made; then stock Voilà and Quarterdeck open the same
executed notebook in turns, both in Chromium, until the last slider is on the page: medians of five (or as many rounds as the
argument says). Then viewers are added one after the other, and each one's memory is measured as its share of what is shared
(PSS). The last line is JSON.
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
from pathlib import Path

import psutil
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from websockets.sync.client import connect

ROOT = Path(__file__).parent.parent
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
VIEWERS, MEGABYTE, GIGABYTES = 5, 1 << 20, 4
PROTOCOL = "v1.kernel.websocket.jupyter.org"
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


def interactive(driver: webdriver.Chrome, address: str) -> float:
    """Open a page; give the seconds until its sliders are there."""
    driver.get("about:blank")
    time.sleep(1)
    begun = time.perf_counter()
    driver.get(address)
    while driver.execute_script(SLIDERS) < LEVERS:
        assert time.perf_counter() - begun < 300, address
        time.sleep(0.05)
    return time.perf_counter() - begun


def memory(server: subprocess.Popen) -> float:
    """Give the megabytes that a server and all it started hold, each page of memory counted once (PSS)."""
    processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    return sum(p.memory_full_info().pss for p in processes) / MEGABYTE


def a_viewer(server: subprocess.Popen, address: str) -> tuple[float, float]:
    """Open a page several times, and keep it; give the megabytes of no viewer, and of each one more."""
    begun = first = memory(server)
    kept = []
    for viewer in range(VIEWERS):
        page = urllib.request.urlopen(address, timeout=300).read().decode()
        kernel = re.search(r'"kernelId": "([0-9a-f-]+)"', page)[1]
        host = address.split("/")[2]
        kept.append(connect(f"ws://{host}/api/kernels/{kernel}/channels", subprotocols=[PROTOCOL], open_timeout=60))
        first = first if viewer else memory(server)
    each = (memory(server) - first) / (VIEWERS - 1)
    for connection in kept:
        connection.close()
    return begun, each


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
        interactive(driver, pages[0])  # the forking process, and the browser's own start
        rounds = [[interactive(driver, page) for page in pages] for _ in range(ROUNDS)]
        driver.quit()
        time.sleep(30)  # their kernels end
        empty, viewer = a_viewer(ours, pages[0])
        nobody, each = a_viewer(stock, pages[1])
    finally:
        for server in (ours, stock):
            os.killpg(server.pid, signal.SIGTERM)
    soon, late = (statistics.median(column) for column in zip(*rounds, strict=True))
    room, rooms = ((GIGABYTES * 1024 - e) / v for e, v in ((empty, viewer), (nobody, each)))
    return {
        "to interactive": figure(soon, late, late / soon, 8.0, "higher", "seconds; times sooner than stock Voilà"),
        "memory of a viewer": figure(viewer, each, each / viewer, 80.0, "lower", "MB (PSS)"),
        "viewers in 4 GB": figure(room, rooms, room / rooms, 40.0, "higher", "viewers, by these figures"),
    }


def main() -> None:
    """Print the report."""
    with tempfile.TemporaryDirectory(prefix="bench-live-") as work:
        figures = compare(Path(work))
    for name, told in figures.items():
        ratio = f"{told['value']:10.2f} {told['peer']:10.2f} stock {told['ratio']:7.1f}×"
        print(f"{name:22} {ratio}  goal {told['goal']:g}  {told['unit']}")
    print(json.dumps({"benchmark": "live", "figures": figures}))


if __name__ == "__main__":
    main()
