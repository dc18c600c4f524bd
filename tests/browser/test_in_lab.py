"""Does a notebook look right in JupyterLab, where no page of ours stands around it?"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest

from conftest import ROOT
from quarterdeck.data import snapshot

TOKEN = "a-token-of-the-tests-own"
SHOWN = """
const tile = document.querySelector('.jp-OutputArea-output .tile'), line = document.querySelector('.tile .spark polyline')
if (!tile || !line) return null
const of = (node, name) => getComputedStyle(node)[name]
return {
  grid: of(document.querySelector('.tiles'), 'display'), column: of(tile, 'flexDirection'), label: of(tile.querySelector('.label'), 'display'),
  size: of(tile.querySelector('strong'), 'fontSize'), fill: of(line, 'fill'), stroke: of(line, 'stroke'),
  dot: tile.parentNode.querySelector('.status i').getBoundingClientRect().width, tiles: document.querySelectorAll('.tile').length,
  errors: document.querySelectorAll('[data-mime-type="application/vnd.jupyter.stderr"]').length,
}"""  # noqa: E501

# Lab's own command saves what has the focus, and nothing where nothing has it; itself it saves after two minutes.
SAVE = """
for (const widget of jupyterapp.shell.widgets('main')) {
  jupyterapp.shell.activateById(widget.id)
  widget.context?.save()
}"""


@pytest.fixture
def lab(tmp_path, demo_company):
    """JupyterLab on a copy of the brief, of which only the opening is left; gives its address."""
    snapshot.freeze(demo_company[0], tmp_path / "data", snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    brief = nbformat.read(ROOT / "notebooks" / "executive_brief.ipynb", as_version=4)
    until = next(k for k, cell in enumerate(brief.cells) if "headline" in cell.metadata.get("tags", []))
    brief.cells = brief.cells[: until + 1]
    for cell in brief.cells:
        cell.source = cell.source.replace('data: str = ""', f"data: str = {str(tmp_path / 'data')!r}")
    (tmp_path / "notebooks").mkdir()
    nbformat.write(brief, tmp_path / "notebooks" / "executive_brief.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind) for kind in ("CONFIG", "RUNTIME", "DATA")}
    kernelspecs = {"JUPYTER_PATH": str(ROOT / "lib/quarterdeck/batch/jupyter"), "JUPYTER_PREFER_ENV_PATH": "1"}
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--expose-app-in-browser",
    ]
    command += [
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={tmp_path / 'notebooks'}",
    ]
    command += ["--ContentsManager.pre_save_hook=quarterdeck.batch.lab.as_committed"]
    with (tmp_path / "log.txt").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | folders | kernelspecs, stdout=log, stderr=log)
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5)
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, (tmp_path / "log.txt").read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()  # its kernels end with it; asked to end, it may take minutes on a busy machine
        server.wait()


def test_tiles_and_sparklines_look_right_in_jupyterlab(lab, chromium, tmp_path):
    file = tmp_path / "notebooks" / "executive_brief.ipynb"
    before, begun = file.read_bytes(), file.stat().st_mtime_ns
    chromium.set_window_size(1300, 1000)
    chromium.get(f"{lab}/lab/tree/executive_brief.ipynb?token={TOKEN}&reset")
    until(lambda: chromium.execute_script("return document.querySelectorAll('.jp-Notebook .jp-Cell').length > 3"))
    # Its text, and not what is seen of it: a narrow toolbar folds it away.
    kernel = "return document.querySelector('.jp-KernelName')?.textContent ?? ''"
    until(lambda: "Quarterdeck" in chromium.execute_script(kernel))
    chromium.execute_script(SAVE)
    until(lambda: file.stat().st_mtime_ns != begun)
    assert file.read_bytes() == before
    idle = "return document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status == 'idle'"
    until(lambda: chromium.execute_script(idle))
    chromium.execute_script("jupyterapp.commands.execute('notebook:run-all-cells')")
    shown = until(lambda: chromium.execute_script(SHOWN))
    assert (shown["grid"], shown["column"], shown["size"], shown["fill"]) == ("grid", "column", "28px", "none"), (
        json.dumps(shown)
    )
    assert shown["tiles"] >= 6 and shown["stroke"] != "none" and shown["dot"] == 9 and not shown["errors"]


def until(there, seconds=120):
    """Wait until something is there, and give it."""
    end = time.monotonic() + seconds
    while not (found := there()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)
    return found
