"""How soon does a reader see a page, against stock Voilà on the same executed notebook, and how many readers at once?

`make bench NAME=serving`. The demo's brief and market research are run once for the company; stock Voilà and Quarterdeck take turns
to show the market page, and the medians of three rounds are compared. The run is then laid out for 200 regions of eight
pages, and the server is loaded by 100 and by 1,000 connections that never pause. Last, Chromium opens a page with its processor
slowed down four times. The last line is JSON.
"""

import contextlib
import http.client
import json
import os
import re
import selectors
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
from urllib.parse import urlencode

import psutil
from jupyter_server.auth.security import passwd
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from quarterdeck.batch.execute import run

ROOT = Path(__file__).parent.parent
ROUNDS, REGIONS, PAGES, SECONDS, MEGABYTE = 3, 200, 8, 8, 1 << 20
USERS, PASSWORD = 8, "correct horse battery"
PAGE = "/demo/latest/company/market_research"
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
    told = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies[0]}
    link.request("POST", "/login", urlencode({"_xsrf": token, "username": username, "password": PASSWORD}), told)
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
    own = after.user + after.system - before.user - before.system
    print(
        f"the load took {mine:.1f} s of processor, the server {own:.1f} s, for {len(some)} answers; {views} views noted"
    )
    return told_of_load(bare, some, many, own / len(some), early, late)


def read_by(port: int, user: int) -> list[bytes]:
    """Log a user in, and write what they ask for: both pages of twenty regions that they may see."""
    cookies = log_in(port, f"chief_{user}")
    pages = [
        f"region_{r}/{n}" for r in range(20 * user, 20 * user + 20) for n in ("executive_brief", "market_research")
    ]
    return [asked(port, f"/demo/latest/{page}", cookies) for page in pages if "region_199" not in page]


def told_of_load(
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


def in_a_browser(outputs: Path) -> dict[str, Figure]:
    """Time the first contentful paint on a processor slowed down four times; weigh the page with all its pictures."""
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
