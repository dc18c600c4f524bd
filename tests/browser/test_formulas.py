"""Does JupyterLab show amounts in dollars as amounts? It looks for formulas between any two of them."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat import v4

from quarterdeck.present.page import show
from quarterdeck.present.sentences import Sentence
from quarterdeck.present.tables import lay

SAID = "The quarter is heading for $14k (80 % range $11k to $18k); under 1 %; it lies $50k below, \\(x\\)."


@pytest.fixture
def lab(tmp_path):
    """JupyterLab over a notebook in which a sentence, a table and a formula of somebody's own are shown."""
    InteractiveShell.instance()
    frame = pd.DataFrame({"name": ["$x and $y", "$z"], "worth": [14e3, 18e3]})
    with capture_output() as captured:
        show(lambda _: Sentence(SAID), frame)
        show(lay, frame, {"name": ("Name", "text"), "worth": ("Worth", "money")}, "from $4 to $5", currency="USD")
    outputs = [v4.new_output("display_data", o.data, metadata=o.metadata or {}) for o in captured.outputs]
    outputs.append(v4.new_output("display_data", {"text/markdown": "$x^2$"}))
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("1", outputs=outputs)]), tmp_path / "page.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        f"--port={port}",
        "--ip=127.0.0.1",
        "--no-browser",
        "--allow-root",
        "--IdentityProvider.token=",
        f"--notebook-dir={tmp_path}",
    ]
    settings = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
    }
    with (tmp_path / "log.txt").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], env=settings, stdout=log, stderr=log)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/api"))
        yield f"http://127.0.0.1:{port}/doc/tree/page.ipynb"
    finally:
        process.kill()  # its kernels end with it; asked to end, it may take minutes on a busy machine
        process.wait()


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=5).close() is None
    except OSError:  # nobody listens yet
        return False


def until(true, seconds=180):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.5)


def test_jupyterlab_makes_no_formula_of_two_amounts_in_dollars(chromium, lab):
    chromium.get(lab)
    shown = lambda: chromium.find_elements("css selector", ".jp-OutputArea-output")  # noqa: E731
    until(lambda: len(shown()) == 3 and shown()[2].find_elements("css selector", "mjx-container"))  # the formula is set
    assert [len(output.find_elements("css selector", "mjx-container")) for output in shown()] == [0, 0, 1]
    assert shown()[0].text == SAID
    assert shown()[1].text.split("\n")[1:] == ["$x and $y $14k", "$z $18k", "from $4 to $5"]


def test_nbconvert_and_its_readers_are_given_no_markdown():
    """VS Code and nbconvert look for formulas in Markdown; nbconvert's pages in HTML, too, but for these classes."""
    InteractiveShell.instance()
    with capture_output() as captured:
        show(lambda _: Sentence(SAID), pd.DataFrame({"x": [1]}))
    (output,) = captured.outputs
    assert "text/markdown" not in output.data and "tex2jax_ignore" in output.data["text/html"].partition(">")[0]
