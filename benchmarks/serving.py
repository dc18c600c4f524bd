"""How soon does a reader see a page, against stock Voilà on the same executed notebook, and how many readers at once?

`make bench NAME=serving`. The demo's brief and market research are run once for the company; stock Voilà and Quarterdeck take turns
to show the market page, and the medians of three rounds are compared. The run is then laid out for 200 regions of eight
pages, and the server is loaded by 100 and by 1,000 connections that never pause. Last, Chromium opens a page with its processor
slowed down four times. The last line is JSON.
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from quarterdeck.batch.execute import run

ROOT = Path(__file__).parent.parent
ROUNDS, REGIONS, PAGES, SECONDS, MEGABYTE = 3, 200, 8, 8, 1 << 20
PAGE = "/demo/latest/company/market_research"
Figure = dict[str, float | str]


@contextlib.contextmanager
def serving(command: list[str], path: str, **given) -> Iterator[tuple[int, psutil.Popen]]:
    """Start a server, wait until it answers, and end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = psutil.Popen([*command, f"--port={port}"], stdout=-3, stderr=-3, **given)
    try:
        while not answers(port, path):
            assert process.poll() is None, command
            time.sleep(0.2)
        yield port, process
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int, path: str) -> bool:
    """Tell whether a server is there; a page that is not is an answer too."""
    with contextlib.suppress(ConnectionError, urllib.error.URLError):
        return bool(fetch(port, path)) or True
    return False


def fetch(port: int, path: str) -> bytes:
    """Read one page to its end."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked, timeout=300) as answer:
        return answer.read()


def seconds(port: int, path: str) -> float:
    """Time one page, to its last byte."""
    begun = time.perf_counter()
    fetch(port, path)
    return time.perf_counter() - begun


def a_page(outputs: Path) -> dict[str, Figure]:
    """Compare the time to the full page: Quarterdeck's fifty times a round, stock Voilà's, which runs the notebook, once."""
    notebook = next(outputs.glob("demo/latest/company/market_research.ipynb")).resolve()
    quick, slow = [], []
    stock = [sys.executable, "-m", "voila", str(notebook), "--no-browser"]
    ours = [sys.executable, "-m", "quarterdeck.cli", "serve", "--out", str(outputs)]
    with (
        serving(ours, PAGE) as (port, _),
        serving(stock, "/voila/static/voila.js", cwd=notebook.parent.parent) as (peer, _),
    ):
        for _ in range(ROUNDS):
            slow.append(seconds(peer, "/"))
            quick += [seconds(port, PAGE) for _ in range(50)]
    mine, theirs = statistics.median(quick), statistics.median(slow)
    told = figure(mine * 1e3, theirs * 1e3, theirs / mine, 1000.0, "lower", "ms; times shorter than stock Voilà")
    return {"time to full page": told}


def lay_out(outputs: Path) -> None:
    """Give the newest run 200 regions of eight pages, each a copy of one that was run, with its figures."""
    run_folder = (outputs / "demo" / "latest").resolve()
    facts = json.loads((run_folder / "run.json").read_text())
    entries, kpis = facts["notebooks"], facts["kpis"]
    for number in range(REGIONS - 1):
        (run_folder / f"region_{number}").mkdir()
        for page in range(PAGES):
            model = entries[page % 2]
            name = f"{model['notebook']}_{page}" if page > 1 else model["notebook"]
            own = {"region": f"region_{number}", "notebook": name, "parameters": {"region": f"Region {number}"}}
            os.link(run_folder / "company" / f"{model['notebook']}.ipynb", run_folder / own["region"] / f"{name}.ipynb")
            facts["notebooks"].append(model | own)
        facts["kpis"] = facts["kpis"] + [k | {"region": f"region_{number}"} for k in kpis]
    (run_folder / "run.json").write_text(json.dumps(facts))


async def client(port: int, paths: list[str], until: float, took: list[float]) -> None:
    """Ask for one page after the other over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for turn in range(1 << 30):
        begun = time.perf_counter()
        if begun > until:
            break
        path = paths[turn % len(paths)]
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
        took.append(time.perf_counter() - begun)
    writer.close()


async def crowd(port: int, paths: list[str], connections: int) -> list[float]:
    """Give the seconds of every answer while so many connections ask."""
    took: list[float] = []
    until = time.perf_counter() + SECONDS
    turned = [paths[i % len(paths) :] + paths[: i % len(paths)] for i in range(connections)]
    await asyncio.gather(*(client(port, mine, until, took) for mine in turned))
    return sorted(took)


def held(process: psutil.Popen) -> float:
    """Give the megabytes that a server and the process that renders for it hold, shared ones by share."""
    everyone = [process, *process.children(recursive=True)]
    return sum(p.memory_full_info().pss for p in everyone) / MEGABYTE


def load(outputs: Path) -> dict[str, Figure]:
    """Load the server, and watch its memory; the peer of the rate is a bare answer of the same server."""
    ours = [sys.executable, "-m", "quarterdeck.cli", "serve", "--out", str(outputs)]
    paths = [f"/demo/latest/region_{n}/{name}" for n in range(20) for name in ("executive_brief", "market_research")]
    with serving(ours, PAGE) as (port, process):
        while process.children():  # it renders what is not rendered yet
            time.sleep(1)
        for path in paths:
            fetch(port, path)
        bare = asyncio.run(crowd(port, ["/healthz"], 100))
        before = process.cpu_times()
        some, early = asyncio.run(crowd(port, paths, 100)), held(process)
        after = process.cpu_times()
        many, late = asyncio.run(crowd(port, paths, 1000)), held(process)
    own = (after.user + after.system - before.user - before.system) / len(some)
    rate, peer = len(some) / SECONDS, len(bare) / SECONDS
    p99, p99_many = (took[int(len(took) * 0.99)] * 1e3 for took in (some, many))
    return {
        "answers a second, 100 connections": figure(
            rate, peer, rate / peer, 2500.0, "higher", "a second; peer: /healthz"
        ),
        "processor time of an answer": figure(
            own * 1e6, 400.0, 400.0 / own / 1e6, 400.0, "lower", "µs; peer: the goal"
        ),
        "p99, 100 connections": figure(p99, 50.0, 50.0 / p99, 50.0, "lower", "ms; peer: the goal"),
        "p99, 1,000 connections": figure(p99_many, 500.0, 500.0 / p99_many, 500.0, "lower", "ms; peer: the goal"),
        "memory after 100 connections": figure(early, 200.0, 200.0 / early, 200.0, "lower", "MB (PSS); peer: the goal"),
        "memory after 1,000 connections": figure(late, early, late / early, 200.0, "lower", "MB; peer: before them"),
    }


def in_a_browser(outputs: Path) -> dict[str, Figure]:
    """Time the first contentful paint on a processor slowed down four times; weigh the page with all its pictures."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "no-first-run"):
        options.add_argument(f"--{flag}")
    ours = [sys.executable, "-m", "quarterdeck.cli", "serve", "--out", str(outputs)]
    paints, weight = [], 0
    with serving(ours, PAGE) as (port, _), webdriver.Chrome(options, Service(shutil.which("chromedriver"))) as browser:
        browser.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 4})
        browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
        for _ in range(5):
            browser.get(f"http://127.0.0.1:{port}{PAGE}")
            paints.append(painted(browser))
        weight = weighed(browser)
    paint = statistics.median(paints)
    return {
        "first contentful paint": figure(
            paint, 500.0, 500.0 / paint, 500.0, "lower", "ms, processor at a quarter; peer: the goal"
        ),
        "weight of the page": figure(
            weight / 1e6, 1.5, 1.5e6 / weight, 1.5, "lower", "MB with all pictures; peer: the goal"
        ),
    }


def painted(browser: webdriver.Chrome) -> float:
    """Wait for the first contentful paint; give its milliseconds since the page was asked for."""
    script = "const p = performance.getEntriesByName('first-contentful-paint'); return p.length ? p[0].startTime : null"
    while (found := browser.execute_script(script)) is None:
        time.sleep(0.05)
    return found


def weighed(browser: webdriver.Chrome) -> int:
    """Load what is loaded lazily, and add up the bytes that came over the wire."""
    browser.execute_script("for (const i of document.images) i.loading = 'eager'")
    while not browser.execute_script("return [...document.images].every(i => i.complete)"):
        time.sleep(0.1)
    return browser.execute_script(
        "return ['navigation', 'resource'].flatMap(t => performance.getEntriesByType(t)).reduce((a, e) => a + e.transferSize, 0)"
    )


def figure(value: float, peer: float, ratio: float, goal: float, better: str, unit: str) -> Figure:
    """Say a figure, as every benchmark says it."""
    rounded = {"value": round(value, 3), "peer": round(peer, 3), "ratio": round(ratio, 2)}
    return rounded | {"goal": goal, "better": better, "unit": unit}


def main() -> None:
    """Measure, print a table, and the JSON."""
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory(prefix="qs-") as name:
        outputs = Path(name)
        run(ROOT / "params" / "demo", outputs, ROOT / "notebooks", ["company"], ["executive_brief", "market_research"])
        for measure in (a_page, in_a_browser, lay_out, load):
            for title, told in (measure(outputs) or {}).items():
                figures[title] = told
                against = f"{told['value']:10.3f} against {told['peer']:10.3f}: {told['ratio']:8.2f} ×"
                print(f"{title:36} {against} (goal {told['goal']:g}; {told['unit']})", flush=True)
    print(json.dumps({"benchmark": "serving", "figures": figures}))


if __name__ == "__main__":
    main()
