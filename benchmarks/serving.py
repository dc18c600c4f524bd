"""How soon does a reader see a page, against stock Voilà on the same executed notebook, and how many readers at once?

`make bench NAME=serving`. The demo's brief and market research are run once for the company; stock Voilà and Quarterdeck take turns
to show the market page, and the medians of three rounds are compared. Chromium opens a page with its processor slowed down
four times. The run is then laid out for 200 regions of eight pages, and the server is loaded by 100 and by 1,000 connections
that never pause, as eight users who see different regions, with login, region rules and audit log on.

`python benchmarks/serving.py mixed [MINUTES]`: twenty visitors go through landing page, pages, pictures, comparison and search
for ten minutes, as three users, and a batch run lands meanwhile. The last line is JSON.
"""

import contextlib
import gzip
import hashlib
import http.client
import json
import os
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import psutil
from jupyter_server.auth.security import passwd
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from quarterdeck.batch.execute import RunOptions, run
from quarterdeck.publish.pages.handler import HELD_BACK

ROOT = Path(__file__).parent.parent
ROUNDS, REGIONS, PAGES, SECONDS, MEGABYTE = 3, 200, 8, 8, 1 << 20
USERS, PASSWORD = 8, "correct horse battery"
PAGE = "/demo/latest/company/market_research"
NOTEBOOKS = ["executive_brief", "market_research"]
WHO = [
    ("boss", "company", "nowhere"),
    ("boss", "north_sea", "nowhere"),
    ("north", "north_sea", "company"),
    ("board", "company", "north_sea"),
]
BATCH = [
    sys.executable,
    "-m",
    "quarterdeck.cli",
    "run",
    str(ROOT / "params" / "demo"),
    "--region",
    "company",
    "North Sea",
    "--notebook",
    *NOTEBOOKS,
]
OURS = [sys.executable, "-m", "quarterdeck.cli", "serve", "--out"]
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
    with (
        serving([*OURS, str(outputs)], PAGE) as (port, _),
        serving(stock, "/voila/static/voila.js", cwd=notebook.parent.parent) as (peer, _),
    ):
        for _ in range(ROUNDS):
            slow.append(seconds(peer, "/"))
            quick += [seconds(port, PAGE) for _ in range(50)]
    mine, theirs = statistics.median(quick), statistics.median(slow)
    timing = figure(mine * 1e3, theirs * 1e3, theirs / mine, 1000.0, "lower", "ms; times shorter than stock Voilà")
    return {"time to full page": timing}


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


def people(folder: Path) -> Path:
    """Write a file of users: one sees everything, the others twenty regions each."""
    hashed = passwd(PASSWORD)
    mine = {f"chief_{n}": [f"Region {r}" for r in range(20 * n, 20 * n + 20)] for n in range(1, USERS)}
    sees = {"chief_0": "all"} | {name: {"demo": regions} for name, regions in mine.items()}
    users = {name: {"password": hashed, "sees": seen} for name, seen in sees.items()}
    (folder / "users.yaml").write_text(json.dumps({"users": users}))
    return folder / "users.yaml"


def log_in(port: int, username: str) -> str:
    """Fill in the login form; give the cookies to ask with from then on."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("GET", "/login")
    form = link.getresponse()
    cookies = [form.getheader("Set-Cookie").partition(";")[0]]
    token = form.read().decode().partition('name="_xsrf" value="')[2].partition('"')[0]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies[0]}
    link.request("POST", "/login", urlencode({"_xsrf": token, "username": username, "password": PASSWORD}), headers)
    answer = link.getresponse()
    assert answer.status == 303, answer.status
    cookies += [
        v.partition(";")[0] for k, v in answer.getheaders() if k == "Set-Cookie" and v.startswith("quarterdeck")
    ]
    link.close()
    return "; ".join(cookies)


def asked(port: int, path: str, cookies: str = "") -> bytes:
    """Write a request as a browser would, with what matters to the server."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Accept-Encoding: gzip, deflate",
        "Accept: text/html,*/*",
    ]
    return "\r\n".join([*lines, *([f"Cookie: {cookies}"] if cookies else []), "\r\n"]).encode()


class Connection:
    """A connection that asks for one page after the other, and never pauses."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self.link = socket.create_connection(("127.0.0.1", port))
        self.requests, self.turn, self.left = requests, 0, 0

    def ask(self) -> None:
        """Send the next request."""
        self.begun, self.left = time.perf_counter(), 0
        self.link.sendall(self.requests[self.turn % len(self.requests)])
        self.turn += 1

    def hear(self) -> float | None:
        """Take in what has come; give the seconds that the answer took once it is whole."""
        part = self.link.recv(1 << 18)
        if not self.left:
            head = part.partition(b"\r\n\r\n")[0]
            assert head.startswith(b"HTTP/1.1 200"), head or "the server hung up"
            length = re.search(rb"(?i)content-length: (\d+)", head)
            self.left = int(length[1]) + len(head) + 4
        self.left -= len(part)
        return None if self.left else time.perf_counter() - self.begun


def crowd(port: int, requests: list[list[bytes]], connections: int) -> list[float]:
    """Give the seconds of every answer while so many connections ask, in turn as each of the readers.

    One process of one thread, on the system's own poll: it takes a tenth of the time that the server does.
    """
    took: list[float] = []
    everyone = [Connection(port, turned(requests[i % len(requests)], i)) for i in range(connections)]
    with selectors.DefaultSelector() as poll:
        for one in everyone:
            poll.register(one.link, selectors.EVENT_READ, one)
        until = time.perf_counter() + SECONDS
        for one in everyone:
            one.ask()
        while time.perf_counter() < until:
            for key, _ in poll.select(1.0):
                if (seconds := key.data.hear()) is not None:
                    took.append(seconds)
                    key.data.ask()
    for one in everyone:
        one.link.close()
    return sorted(took)


def read_once(port: int, requests: list[bytes]) -> None:
    """Ask for each page once."""
    one = Connection(port, requests)
    for _ in requests:
        one.ask()
        while one.hear() is None:
            pass
    one.link.close()


def turned(requests: list[bytes], by: int) -> list[bytes]:
    """Begin a list elsewhere: readers do not ask for the same page at the same time."""
    return requests[by % len(requests) :] + requests[: by % len(requests)]


def held(process: psutil.Popen) -> float:
    """Give the megabytes that a server and the process that renders for it hold, shared ones by share."""
    everyone = [process, *process.children(recursive=True)]
    return sum(p.memory_full_info().pss for p in everyone) / MEGABYTE


def load(outputs: Path) -> dict[str, Figure]:
    """Load the server as several users who see different regions, and watch its memory.

    The peer of the rate is a bare answer of the same server.
    """
    with tempfile.TemporaryDirectory(prefix="qs-users-") as name:
        doors = [f"--users={people(Path(name))}", f"--audit={name}/views.jsonl"]
        with serving([*OURS, str(outputs), *doors], "/healthz") as (port, process):
            while process.children():  # it renders what is not rendered yet
                time.sleep(1)
            requests = [read_by(port, n) for n in range(USERS)]
            for mine in requests:
                read_once(port, mine)
            bare = crowd(port, [[asked(port, "/healthz")]], 100)
            before, mine = process.cpu_times(), time.process_time()
            some, early = crowd(port, requests, 100), held(process)
            after, mine = process.cpu_times(), time.process_time() - mine
            many, late = crowd(port, requests, 1000), held(process)
        views = Path(name, "views.jsonl").read_text().count("\n")
    assert views >= len(some) + len(many), "a view is missing in the audit log"
    own = after.user + after.system - before.user - before.system
    print(
        f"the load took {mine:.1f} s of processor, the server {own:.1f} s, for {len(some)} answers; {views} views noted"
    )
    return load_figures(bare, some, many, own / len(some), early, late)


def read_by(port: int, user: int) -> list[bytes]:
    """Log a user in, and write what they ask for: both pages of twenty regions that they may see."""
    cookies = log_in(port, f"chief_{user}")
    pages = [
        f"region_{r}/{n}" for r in range(20 * user, 20 * user + 20) for n in ("executive_brief", "market_research")
    ]
    return [asked(port, f"/demo/latest/{page}", cookies) for page in pages if "region_199" not in page]


def load_figures(
    bare: list[float], some: list[float], many: list[float], own: float, early: float, late: float
) -> dict[str, Figure]:
    """Lay out the figures of a load."""
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


class Visitor(threading.Thread):
    """Somebody who goes through the pages as one user, again and again, and holds each against what it must say."""

    def __init__(self, port: int, username: str, region: str, elsewhere: str, watch: "Watch") -> None:
        super().__init__()
        self.cookies = {"Cookie": log_in(port, username), "Accept-Encoding": "gzip"}
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.region, self.elsewhere, self.watch = region, elsewhere, watch

    def run(self) -> None:
        """Go on until the end."""
        while not self.watch.over.is_set():
            self.ask("/")
            for notebook in NOTEBOOKS:
                self.read(f"/demo/latest/{self.region}/{notebook}")
            self.ask("/search?q=revenue")
            self.ask(f"/demo/latest/{self.elsewhere}/executive_brief", 404)

    def ask(self, path: str, expected: int = 200) -> bytes:
        """Ask for one thing; an answer that is late by a minute, cut off or of another kind has failed."""
        begun, body, status = time.perf_counter(), b"", "none"
        try:
            self.link.request("GET", path, headers=self.cookies)
            answer = self.link.getresponse()
            body, status = answer.read(), answer.status
            body = gzip.decompress(body) if answer.getheader("Content-Encoding") == "gzip" else body
        except (OSError, http.client.HTTPException) as error:
            status = repr(error)
            self.link.close()
        self.watch.took.append((time.perf_counter() - begun, path))
        if status != expected:
            self.watch.failed.append(f"{path}: {status}")
        return body

    def read(self, path: str) -> None:
        """Read a page, all of its pictures, and what moved."""
        page = self.ask(path).decode()
        if not page:
            return
        run = self.watch.hold(path, page)
        for picture in re.findall(r'<img src="([^"]+)', page):
            name = picture.rpartition("/")[2].partition(".")[0]
            if hashlib.sha256(self.ask(picture)).hexdigest()[:20] != name:
                self.watch.mixed.append(f"{picture}: another picture")
        moved = self.ask(f"/demo/{run}{path.removeprefix('/demo/latest')}/compare").decode()
        if f"<p>Run {run} " not in moved:
            self.watch.mixed.append(f"{path}/compare: not of the run {run} that was read")


class Watch:
    """What visitors found, and which snapshot each run stands on."""

    def __init__(self) -> None:
        self.over, self.took, self.failed, self.mixed = threading.Event(), [], [], []
        self.snapshots: dict[str, str] = {}

    def hold(self, path: str, page: str) -> str:
        """Hold everything that a page says of its run against the rest, and against earlier pages of that run; name the run.

        The foot names the run, links and pictures carry it, the head and the notebook each name the snapshot.
        """
        runs = {*re.findall(r"<p>Run (\S+) ", page), *re.findall(r'(?:href|src)="/demo/(\d[^/"]*)', page)}
        snapshots = {s[:8] for s in re.findall(r"(?i)snapshot (?:<code>)?([0-9a-f]{8,})", page)}
        run = min(runs, default="none")
        snapshots.add(self.snapshots.setdefault(run, min(snapshots, default="none")))
        if (len(runs), len(snapshots)) != (1, 1):
            self.mixed.append(f"{path}: runs {sorted(runs)}, snapshots {sorted(snapshots)}")
        return run


def mixed(outputs: Path, minutes: float) -> dict[str, Figure]:
    """Let visitors go through everything while a batch run lands meanwhile; count what failed, and watch the memory."""
    asked = (ROOT / "params" / "demo", outputs, ROOT / "notebooks", ["company", "north_sea"], NOTEBOOKS)
    run(RunOptions(*asked, as_of="2026-11-08"))
    watch = Watch()
    with tempfile.TemporaryDirectory(prefix="qs-users-") as name:
        doors = [f"--users={of_the_house(Path(name))}", f"--audit={name}/views.jsonl"]
        with serving([*OURS, str(outputs), *doors], "/healthz") as (port, process):
            while process.children():  # it renders what is not rendered yet
                time.sleep(1)
            visitors = [Visitor(port, *who, watch) for who in WHO * 5]
            for one in visitors:
                one.start()
            memory = [*held_over(process, 30 * minutes)]
            landing = subprocess.Popen([*BATCH, "--out", str(outputs)], stdout=subprocess.DEVNULL)
            memory += held_over(process, 30 * minutes)
            landed, until = landing.wait(3600), time.monotonic() + 2 * HELD_BACK
            while len(watch.snapshots) < 2 and time.monotonic() < until:  # its pages are being rendered
                time.sleep(1)
            time.sleep(10)  # in which the new run is read
            watch.over.set()
            for one in visitors:
                one.join()
    for wrong in [*watch.failed, *watch.mixed][:20]:
        print(f"  {wrong}")
    assert landed == 0 and len(watch.snapshots) == 2, f"the batch run ended with {landed}; seen: {watch.snapshots}"
    return mixed_figures(watch, memory)


def held_over(process: psutil.Popen, seconds: float) -> Iterator[float]:
    """Give what the server itself holds, ten times over so many seconds."""
    for _ in range(10):
        time.sleep(seconds / 10)
        yield process.memory_full_info().uss / MEGABYTE


def mixed_figures(watch: Watch, memory: list[float]) -> dict[str, Figure]:
    """Lay out the figures of a mixed load."""
    count, first, took = len(watch.took), memory[0], sorted(watch.took)
    p99, (longest, waited_for) = took[int(count * 0.99)][0] * 1e3, took[-1]
    print(f"the longest wait was for {waited_for}")
    kept = {"middle": memory[len(memory) // 2 - 1], "end": memory[-1], "most": max(memory)}
    return {
        "failed requests": figure(len(watch.failed), count, len(watch.failed) / count, 0.0, "lower", "of all requests"),
        "mixed pages": figure(len(watch.mixed), count, len(watch.mixed) / count, 0.0, "lower", "of all requests"),
        "p99 of all requests": figure(
            p99, 500.0, 500.0 / p99, 500.0, "lower", "ms, the batch run beside; peer: the goal"
        ),
        "longest of all requests": figure(
            longest * 1e3, 5000.0, 5.0 / longest, 5000.0, "lower", "ms, the batch run beside; peer: the goal"
        ),
        **{
            f"memory, {when}": figure(value, first, value / first, 200.0, "lower", "MB (USS); peer: at the start")
            for when, value in kept.items()
        },
    }


def of_the_house(folder: Path) -> Path:
    """Write a file of users: one for all regions, one for a region, one for the company as a whole."""
    sees = {"boss": "all", "north": {"demo": ["North Sea"]}, "board": {"demo": ["company"]}}
    hashed = passwd(PASSWORD)
    users = {name: {"password": hashed, "sees": seen} for name, seen in sees.items()}
    (folder / "users.yaml").write_text(json.dumps({"users": users}))
    return folder / "users.yaml"


def in_a_browser(outputs: Path) -> dict[str, Figure]:
    """Time the first contentful paint on a processor slowed down four times; measure the size of the page with all its pictures."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "no-first-run"):
        options.add_argument(f"--{flag}")
    paints, weight = [], 0
    with (
        serving([*OURS, str(outputs)], PAGE) as (port, _),
        webdriver.Chrome(options, Service(shutil.which("chromedriver"))) as browser,
    ):
        browser.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 4})
        browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
        for _ in range(5):
            browser.get(f"http://127.0.0.1:{port}{PAGE}")
            paints.append(painted(browser))
        weight = weighted(browser)
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


def weighted(browser: webdriver.Chrome) -> int:
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


def alone(outputs: Path) -> Iterator[dict[str, Figure]]:
    """Measure one thing after the other."""
    run(RunOptions(ROOT / "params" / "demo", outputs, ROOT / "notebooks", ["company"], NOTEBOOKS))
    yield a_page(outputs)
    yield in_a_browser(outputs)
    lay_out(outputs)
    yield load(outputs)


def main() -> None:
    """Measure, print a table, and the JSON."""
    figures: dict[str, Figure] = {}
    together = sys.argv[1:2] == ["mixed"]
    with tempfile.TemporaryDirectory(prefix="qs-") as name:
        minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
        for found in [mixed(Path(name), minutes)] if together else alone(Path(name)):
            for title, row in found.items():
                figures[title] = row
                against = f"{row['value']:10.3f} against {row['peer']:10.3f}: {row['ratio']:8.2f} ×"
                print(f"{title:36} {against} (goal {row['goal']:g}; {row['unit']})", flush=True)
    print(json.dumps({"benchmark": "serving, mixed" if together else "serving", "figures": figures}))


if __name__ == "__main__":
    main()
