"""As somebody who may see two of six regions: log in, read, explore, move a slider, and go back; on a desk and on a phone."""

import re
import shutil
import subprocess
import sys
import time

import pytest
from jupyter_server.auth.security import passwd
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from conftest import ROOT
from fake_runs import serving

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def served(tmp_path_factory, chromium):
    """Run the forecast of a small demo company for three pages, and serve it to anna, who may see two regions of six."""
    root = tmp_path_factory.mktemp("explored")
    shutil.copytree(ROOT / "params" / "demo", root / "params" / "demo")
    source = root / "params" / "demo" / "source.yaml"
    source.write_text(source.read_text().replace("scale: 1,", "scale: 0.2,"))
    (root / "notebooks").symlink_to(ROOT / "notebooks")
    command = [sys.executable, "-m", "quarterdeck.cli", "run", "params/demo", "--notebook", "forecasting"]
    done = subprocess.run(
        [*command, "--region", "company", "North Sea", "Baltic"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    users = root / "users.yaml"
    users.write_text(
        f"users: {{anna: {{password: '{passwd(PASSWORD)}', role: explorer, sees: {{demo: [North Sea, Iberia]}}}}}}"
    )
    options = ("--users", str(users), "--audit", str(root / "audit.jsonl"), "--live", "2")
    with serving(root / "outputs", root / "log.txt", *options) as (address, _):
        yield address


def find(chromium, css: str, seconds: float = 120.0):
    """Wait for an element."""
    end = time.monotonic() + seconds
    while not (found := chromium.find_elements(By.CSS_SELECTOR, css)) and time.monotonic() < end:
        time.sleep(0.1)
    assert found, f"{css} is not on {chromium.current_url}"
    return found[0]


@pytest.mark.parametrize("width", [1440, 390])
def test_from_the_login_to_a_moved_slider_and_back(served, chromium, width):
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    chromium.delete_all_cookies()
    chromium.get(served)
    chromium.get_log("browser")
    find(chromium, "input[name=username]").send_keys("anna")
    find(chromium, "input[name=password]").send_keys(PASSWORD, Keys.ENTER)
    regions = find(chromium, ".regions")
    assert "North Sea" in regions.text and "Baltic" not in regions.text and "All regions" not in regions.text
    chromium.find_element(By.PARTIAL_LINK_TEXT, "Forecasting").click()
    figures = re.search(r"figures ([0-9a-f]{8})", find(chromium, "footer").text)[1]
    find(chromium, ".explore a").click()
    handle = find(chromium, ".live .noUi-handle")
    assert figures in find(chromium, "#live-state").text
    said = chromium.find_element(By.CSS_SELECTOR, ".live").text
    handle.send_keys(Keys.ARROW_RIGHT)
    find(chromium, ".live .widget-image[src^=blob]")
    assert chromium.find_element(By.CSS_SELECTOR, ".live").text != said
    assert chromium.execute_script("return document.documentElement.scrollWidth") == width
    elsewhere = (
        "return performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith(arguments[0]))"
    )
    assert not [n for n in chromium.execute_script(elsewhere, served) if not n.startswith(("data:", "blob:"))]
    assert not [e for e in chromium.get_log("browser") if e["level"] == "SEVERE"]
    find(chromium, ".top .chip").click()
    assert "North Sea" in find(chromium, ".regions").text
