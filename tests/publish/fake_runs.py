"""A small folder of finished runs, written by hand, and a server over it."""

import atexit
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from nbformat import v4

from conftest import PATIENCE, until
from quarterdeck.publish.access.shelf import Shelf
from quarterdeck.publish.pages import prerender

LIB = Path(__file__).parents[2] / "lib"
REGIONS = {"company": "company", "north": "North", "united_kingdom": "United Kingdom"}
NOTEBOOKS = ["forecasting", "executive_brief", "market_research"]
ERROR = "ValueError: the forecast needs eight quarters of orders, and there are three."
PNG = (  # one white pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg=="
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10"/></svg>'
TILES = """<section class="tiles"><div class="tile good"><span class="label">Revenue</span><strong>€18.4m</strong>
<span class="sub">n 41,208</span><span class="status"><i></i>+6.1 % on last year</span>
<span class="foot">Q4 2026</span></div></section>"""
WIDE = "<table><tr>" + "".join(f"<td>column{i}column{i}</td>" for i in range(30)) + "</tr></table>"


def make_outputs(root: Path, rendered: bool = False) -> Path:
    """Write one company with three runs: an old whole one, the latest, and one that is not finished.

    Where they are `rendered`, a server finds their pages as it would have made them, and need not begin with that.
    """
    outputs = _make_outputs(root)
    if rendered:
        shutil.copytree(_rendered(), outputs / prerender.FOLDER, copy_function=shutil.copy)
    return outputs


@cache
def _rendered() -> Path:
    """Render the pages of such runs, once for all tests of a process."""
    root = Path(tempfile.mkdtemp(prefix="rendered-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    kept = prerender.Prerenderer(_make_outputs(root))
    for path in prerender.notebooks(Shelf(root / "outputs")):
        kept.make(path)
    return kept.folder


def _make_outputs(root: Path) -> Path:
    company = root / "outputs" / "demo"
    for name, created in (("2026-10-01", "2026-10-01T06:00:00+00:00"), ("2026-11-15", "2026-11-15T06:00:00+00:00")):
        make_run(company / name, name, created, failing=name == "2026-11-15")
    (company / "2026-11-16" / "north").mkdir(parents=True)
    (company / "latest").symlink_to("2026-11-15")
    return root / "outputs"


def make_run(folder: Path, name: str, created: str, failing: bool) -> None:
    """Write one run; where it is `failing`, north's forecast has no page."""
    entries = []
    for region in REGIONS:
        (folder / region).mkdir(parents=True)
        for notebook in NOTEBOOKS:
            failed = failing and (region, notebook) == ("north", "forecasting")
            nbformat.write(make_notebook(f"{notebook} of {region}"), folder / region / f"{notebook}.ipynb")
            entries.append(make_entry(region, notebook, failed))
    (folder / "data").mkdir()
    (folder / "data" / "orders.parquet").write_bytes(b"PAR1")
    (folder / "run.json").write_text(json.dumps(make_facts(name, created, entries)))


def make_entry(region: str, notebook: str, failed: bool) -> dict:
    """Write what `run.json` says of one notebook."""
    state = "failed" if failed else "done"
    error = f"{ERROR}\n  line two of the traceback" if failed else None
    parameters = {"company": "demo", "region": REGIONS[region]}
    return {"region": region, "notebook": notebook, "state": state, "seconds": 1.0, "parameters": parameters,
            "notebook_hash": "0", "error": error}  # fmt: skip


def make_facts(name: str, created: str, entries: list[dict]) -> dict:
    """Write a `run.json`: 1.10m of revenue in the quarter, a tenth more than the year before."""
    kpis = [("company", "revenue", 1_100_000.0, "money"), ("company", "revenue_growth", 0.1, "ratio")]
    return {
        "company": "demo", "title": "Northwind Marine", "run": name, "as_of": name, "created_at": created,
        "library": "0.1.0", "snapshot": "4f1c9e77aa00bb", "currency": "EUR", "notebooks": entries,
        "kpis": [{"region": r, "notebook": "executive_brief", "metric": m, "period": "Q4 2026", "value": v, "n": 9,
                  "low": None, "high": None, "unit": u} for r, m, v, u in kpis],
        "reconciliation": [{"check": "regions add up", "metric": "revenue", "difference": 0.0, "ok": True}],
    }  # fmt: skip


def make_notebook(question: str) -> nbformat.NotebookNode:
    """Write an executed notebook with every kind of output a page may meet."""
    picture = v4.new_output(
        "display_data", {"image/png": PNG}, metadata={"image/png": {"alt": "Share rose", "width": 860}}
    )
    drawn = v4.new_output("display_data", {"image/svg+xml": SVG}, metadata={"alt": "A square"})
    outputs = [
        v4.new_output("stream", name="stderr", text="UserWarning: STDERR_NOISE"),
        v4.new_output("display_data", {"text/html": TILES, "text/plain": "REPR_NOISE"}),
        v4.new_output("display_data", {"text/markdown": "Revenue rose **from $4m to $5m**.", "text/plain": "x"}),
    ]
    traceback = v4.new_output("error", ename="KeyError", evalue="x", traceback=["TRACEBACK_NOISE"])
    cells = [
        v4.new_markdown_cell(f"# What of the {question}?\n\nFor the chief, each week."),
        v4.new_code_cell("SECRET_SOURCE = 1", execution_count=1, outputs=outputs),
        v4.new_markdown_cell("## Where does share move?"),
        v4.new_code_cell("SECRET_SOURCE + 1", outputs=[picture, drawn, traceback]),
        v4.new_code_cell("SECRET_SOURCE + 2", outputs=[v4.new_output("display_data", {"text/html": WIDE})]),
        v4.new_markdown_cell("## Why does it move?\n\nRead it so.", metadata={"tags": ["deep"]}),
        v4.new_code_cell(
            "SECRET_SOURCE + 3",
            outputs=[picture, v4.new_output("display_data", {"text/markdown": "It was **price**."})],
        ),
        v4.new_markdown_cell("## What else moves?", metadata={"tags": ["deep"]}),
        v4.new_code_cell("SECRET_SOURCE + 4", outputs=[picture]),
        v4.new_code_cell(
            "SECRET_SOURCE + 5",
            metadata={"tags": ["live"]},
            outputs=[v4.new_output("display_data", {"text/html": "<p>NEEDS_A_KERNEL</p>"})],
        ),
        v4.new_code_cell(
            "1", metadata={"tags": ["method"]}, outputs=[v4.new_output("display_data", {"text/markdown": "METHOD"})]
        ),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # the same each time: the same content is rendered once
    return v4.new_notebook(cells=cells, metadata=kernel)


@contextmanager
def serving(outputs: Path, log: Path, *options: str, program: tuple[str, str] = ("-m", "quarterdeck.cli"), before=None):
    """Run the real server over `outputs` in a process of its own, which calls `before` first; gives its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["serve", "--out", str(outputs), "--port", str(port), *options]
    environment = {**os.environ, "PYTHONPATH": str(LIB)}
    with log.open("w") as out:
        begun = {"env": environment, "stdout": out, "stderr": out, "preexec_fn": before}
        process = subprocess.Popen([sys.executable, *program, *command], **begun)
    try:
        address = f"{'https' if '--certfile' in options else 'http'}://127.0.0.1:{port}"
        _wait(address, process, log)
        yield address, process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def impatient(**more: float) -> tuple[str, str]:
    """Give a program for `serving` that is the server with shorter deadlines, each named by its module."""
    lines = "".join(f"{name} = {value}; " for name, value in more.items())
    modules = "from quarterdeck.publish import connections, server; from quarterdeck.publish.pages import prerender"
    return ("-c", f"{modules}; {lines}import quarterdeck.cli as c, sys; sys.exit(c.main())")


def _wait(address: str, process: subprocess.Popen, log: Path) -> None:
    anybody = ssl._create_unverified_context()  # a test's certificate is its own

    def answers() -> bool:
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=PATIENCE, context=anybody).close()
        except OSError:  # nobody listens yet, or the machine is too busy to answer at once
            assert process.poll() is None, log.read_text()
            return False
        return True

    until(answers)


def ask(server, path, method="GET", **headers):
    """Send a request line exactly as written: urllib would tidy a path."""
    connection = http.client.HTTPConnection(urlsplit(server[0]).netloc, timeout=PATIENCE)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body.decode()
