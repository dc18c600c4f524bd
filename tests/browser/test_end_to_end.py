"""From a company's source to a page that an executive reads, with every part real."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from conftest import ROOT

QUARTERDECK = [sys.executable, "-m", "quarterdeck.cli"]


@pytest.fixture(scope="module")
def served(tmp_path_factory, chromium):
    """Run a small demo company for itself and one region, and serve it."""
    root = tmp_path_factory.mktemp("company")
    shutil.copytree(ROOT / "params" / "demo", root / "params" / "demo")
    source = root / "params" / "demo" / "source.yaml"
    source.write_text(source.read_text().replace("scale: 1,", "scale: 0.2,"))
    (root / "notebooks").symlink_to(ROOT / "notebooks")
    command = [*QUARTERDECK, "run", "params/demo", "--region", "company", "North Sea"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*QUARTERDECK, "serve", "--port", str(port)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    try:
        assert f"http://127.0.0.1:{port}" in process.stdout.readline()
        wait_for(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}", root
    finally:
        process.terminate()
        process.wait(20)


def wait_for(address: str, process: subprocess.Popen) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("the server ended before it answered")


def facts(root: Path) -> dict:
    return json.loads((root / "outputs" / "demo" / "latest" / "run.json").read_text())


def test_an_executive_finds_the_brief_and_reads_the_figure_that_was_recorded(served, chromium):
    address, root = served
    chromium.get(address)
    chromium.find_element("partial link text", "Executive brief").click()  # the first row is all regions
    text = chromium.find_element("tag name", "main").text
    assert "How is the quarter going, and what should we do first?" in text
    kpis = {k["metric"]: k["value"] for k in facts(root)["kpis"] if k["region"] == "company"}
    assert f"€{kpis['revenue'] / 1e6:.1f}m" in text and f"{kpis['win_rate'] * 100:.1f} %" in text


def test_every_page_of_the_run_opens_with_its_pictures_and_without_an_error(served, chromium):
    address, root = served
    pages = [(n["region"], n["notebook"]) for n in facts(root)["notebooks"]]
    assert len(pages) == 10
    chromium.get_log("browser")
    for region, notebook in pages:
        chromium.get(f"{address}/demo/latest/{region}/{notebook}")
        shown = chromium.execute_script("return [...document.images].map(i => [i.naturalWidth > 0, i.alt])")
        assert shown and all(drawn and "?" in alt for drawn, alt in shown), (region, notebook)
        assert "Snapshot" in chromium.find_element("tag name", "main").text
    assert not [e for e in chromium.get_log("browser") if e["level"] == "SEVERE"]


def test_links_of_the_findings_lead_to_pages(served, chromium):
    address, _ = served
    chromium.get(f"{address}/demo/latest/north_sea/executive_brief")
    links = [a.get_attribute("href") for a in chromium.find_elements("css selector", ".finding a")]
    assert links
    for link in links:
        assert urllib.request.urlopen(link).status == 200
