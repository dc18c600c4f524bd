"""From a company's source to a page that an executive reads, with every part real."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from axe_core_python.selenium import Axe
from jupyter_server.auth.security import passwd
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from conftest import until
from fake_runs import serving
from quarterdeck.batch.params import WORKBOOKS
from reader import Reader

QUARTERDECK = [sys.executable, "-m", "quarterdeck.cli"]
PASSWORD = "correct horse battery"
REGIONS = ["americas", "baltic", "company", "iberia", "mediterranean", "north_sea"]
DRAWN = """const [img] = document.querySelectorAll(".live .widget-image"), canvas = document.createElement("canvas");
[canvas.width, canvas.height] = [img.naturalWidth, img.naturalHeight];
canvas.getContext("2d").drawImage(img, 0, 0);
return img.complete && img.naturalWidth ? canvas.toDataURL() : "";"""


@pytest.fixture(scope="module")
def company(demo_runs, tmp_path_factory, chromium):
    """A small demo company after a run of all pages for itself and one region, and then of the forecast for six."""
    root = shutil.copytree(demo_runs, tmp_path_factory.mktemp("company") / "demo", symlinks=True)
    command = [*QUARTERDECK, "run", "params/demo", "--notebook", "forecasting"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture(scope="module")
def served(company):
    """Serve the run of all pages, which is the latest whole one, to anybody."""
    with serving(company / "outputs", company / "log.txt") as (address, _):
        yield address, company


@pytest.fixture(scope="module")
def explored(company):
    """Serve the last run, of six pages, to anna, who may see two of them, and to boss; with live pages."""
    run = max(p.name for p in (company / "outputs" / "demo").glob("2*"))
    hashed, users = passwd(PASSWORD), company / "users.yaml"
    users.write_text(
        f"users:\n  anna: {{password: '{hashed}', role: explorer, sees: {{demo: [North Sea, Iberia]}}}}\n"
        f"  boss: {{password: '{hashed}', role: explorer, sees: all}}\n"
    )
    options = ("--run", run, "--users", str(users), "--audit", str(company / "audit.jsonl"), "--live", "16")
    with serving(company / "outputs", company / "explored.txt", *options) as (address, _):
        yield address, run


def facts(root: Path) -> dict:
    return json.loads((root / "outputs" / "demo" / "latest" / "run.json").read_text())


def test_an_executive_finds_the_brief_and_reads_the_figure_that_was_recorded(served, chromium):
    address, root = served
    chromium.get(address)
    chromium.find_element("partial link text", "Executive brief").click()  # the first row is all regions
    chromium.find_element("css selector", "details:has(#what-do-the-other-figures-say) > summary").click()
    text = chromium.find_element("tag name", "main").text
    assert "How is the quarter going, and what should we do first?" in text
    kpis = {k["metric"]: k["value"] for k in facts(root)["kpis"] if k["region"] == "company"}
    assert f"€{kpis['revenue'] / 1e6:.1f}m" in text and f"{kpis['win_rate'] * 100:.1f} %" in text


def test_every_page_of_the_run_opens_with_its_pictures_and_without_an_error(served, chromium):
    address, root = served
    pages = [(n["region"], n["notebook"]) for n in facts(root)["notebooks"]]
    assert len(pages) == 2 * len(WORKBOOKS)  # the company and one region
    chromium.get_log("browser")
    for region, notebook in pages:
        chromium.get(f"{address}/demo/latest/{region}/{notebook}")
        chromium.execute_script(
            "for (const i of document.images) i.loading = 'eager'"
        )  # what lies far below comes late
        until(lambda: chromium.execute_script("return [...document.images].every(i => i.complete)"))
        shown = chromium.execute_script("return [...document.images].map(i => [i.naturalWidth > 0, i.alt])")
        assert shown and all(drawn and "?" in alt for drawn, alt in shown), (region, notebook)
        assert "Snapshot" in chromium.find_element("tag name", "main").text
    assert not [e for e in chromium.get_log("browser") if e["level"] == "SEVERE"]


def look(chromium, address, width, scheme):
    """Open an address as a screen so wide would, in the light or in the dark."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    chromium.get(address)


@pytest.mark.parametrize("width", [1440, 390])
def test_the_evidence_of_a_finding_lies_open_where_its_link_leads(served, chromium, width):
    address, _ = served
    brief = f"{address}/demo/latest/north_sea/executive_brief"
    look(chromium, brief, width, "light")
    count = len(chromium.find_elements("css selector", ".finding a"))
    assert count
    for k in range(count):
        chromium.get(brief)
        chromium.find_elements("css selector", ".finding a")[k].click()
        until(lambda: chromium.execute_script(IN_VIEW))
    folded = "who-buys-and-how-much-depends-on-few"  # which a link unfolds
    chromium.get(f"{address}/demo/latest/north_sea/market_research#{folded}")
    until(lambda: chromium.execute_script(IN_VIEW))
    assert chromium.execute_script(f"return document.getElementById('{folded}').closest('details').open")


IN_VIEW = """
const section = document.getElementById(location.hash.slice(1))?.closest('details, section');
const head = section?.querySelector('h2').getBoundingClientRect();
return Boolean(head) && section.open !== false && head.top >= 0 && head.bottom < innerHeight;
"""


def barriers(chromium):
    """Name what keeps somebody from reading the page, with everything unfolded."""
    chromium.execute_script("document.querySelectorAll('main details').forEach(d => d.open = true)")
    result = Axe().run(chromium)
    assert len(result["passes"]) > 15  # the check did look at the page
    grave = [v for v in result["violations"] if v["impact"] in ("serious", "critical")]
    return [(v["id"], v["nodes"][0]["html"][:200]) for v in grave]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_everybody_can_read_every_page(served, chromium, width, scheme):
    address, root = served
    notebooks = {n["notebook"] for n in facts(root)["notebooks"]}
    pages = [f"/demo/latest/company/{n}" for n in sorted(notebooks)]
    for path in ["/", "/search?q=rate", "/nowhere", f"{pages[0]}/compare", *pages]:
        look(chromium, address + path, width, scheme)
        assert barriers(chromium) == [], path
        assert chromium.execute_script("return document.documentElement.scrollWidth") == width, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_an_executive_walks_to_a_region_to_another_page_and_back(served, chromium, width, scheme):
    address, root = served
    look(chromium, address, width, scheme)
    chromium.find_element("partial link text", "Executive brief").click()
    chromium.find_element("css selector", ".switch summary").click()
    chromium.find_element("link text", "North Sea").click()
    run = (root / "outputs" / "demo" / "latest").resolve().name
    assert chromium.current_url == f"{address}/demo/{run}/north_sea/executive_brief"
    chromium.find_element("link text", "Forecasting").click()
    assert "Where will the quarter end" in chromium.find_element("tag name", "h1").text
    chromium.find_element("link text", "Quarterdeck").click()
    assert chromium.current_url == f"{address}/"


def test_a_picture_fills_the_screen_without_a_script_and_gives_it_back(served, chromium):
    address, _ = served
    look(chromium, f"{address}/demo/latest/company/executive_brief", 1440, "light")
    link = chromium.find_element("css selector", ".grow")
    chromium.execute_script("arguments[0].scrollIntoView()", link)
    small = link.find_element("tag name", "img").size["width"]
    link.click()
    assert link.find_element("tag name", "img").size["width"] > max(small, 1200)
    chromium.find_element("link text", "Back to the page").click()
    assert link.find_element("tag name", "img").size["width"] == small


def test_a_page_asks_no_other_host_and_weighs_little(served, chromium):
    address, root = served
    for notebook in {n["notebook"] for n in facts(root)["notebooks"]}:
        look(chromium, f"{address}/demo/latest/company/{notebook}", 1440, "light")
        chromium.execute_script("for (const i of document.images) i.loading = 'eager'")
        until(lambda: chromium.execute_script("return [...document.images].every(i => i.complete)"))
        script = "return performance.getEntriesByType('resource').map(e => [e.name, e.encodedBodySize])"
        loaded = chromium.execute_script(script)
        assert all(name.startswith(address) for name, _ in loaded if not name.startswith("data:"))
        assert sum(size for _, size in loaded) < 1_500_000, notebook


def find(chromium, css: str):
    """Wait for an element."""
    return until(lambda: chromium.find_elements(By.CSS_SELECTOR, css))[0]


def texts(chromium, css: str) -> list[str]:
    return [e.text for e in chromium.find_elements(By.CSS_SELECTOR, css)]


def left(root: Path) -> list[int]:
    """Give how each word that a viewer leaves a live page was answered."""
    lines = [json.loads(line) for line in (root / "audit.jsonl").read_text().splitlines()]
    return [line["status"] for line in lines if line["path"].startswith("/voila/api/shutdown/")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_who_may_see_two_regions_of_six_reads_explores_and_goes_back(company, explored, chromium, width, scheme):
    address, run = explored
    before = len(left(company))
    chromium.delete_all_cookies()
    look(chromium, address, width, scheme)
    chromium.get_log("browser")
    find(chromium, "input[name=username]").send_keys("anna")
    find(chromium, "input[name=password]").send_keys(PASSWORD, Keys.ENTER)
    find(chromium, ".regions")
    assert sorted(texts(chromium, ".regions .region")) == ["Iberia", "North Sea"]
    assert not chromium.find_elements(By.CSS_SELECTOR, ".regions .all")  # that place is the company's
    chromium.find_element(By.CSS_SELECTOR, "a[href$='/north_sea/forecasting']").click()
    figures = re.search(r"figures ([0-9a-f]{8})", find(chromium, "footer").text)[1]
    chromium.find_element(By.CSS_SELECTOR, ".switch summary").click()
    assert sorted(texts(chromium, ".menu li")) == ["Iberia", "North Sea"]
    find(chromium, ".explore a").click()
    handle = find(chromium, ".live .noUi-handle")
    assert find(chromium, "main > .body").size["width"] > 0.6 * width  # what stands above it leaves it its column
    assert figures in find(chromium, "#live-state").text
    said = chromium.find_element(By.CSS_SELECTOR, ".live").text
    handle.send_keys(Keys.ARROW_RIGHT)
    until(lambda: find(chromium, ".live .widget-image[src^=blob]") and chromium.execute_script(DRAWN))
    assert chromium.find_element(By.CSS_SELECTOR, ".live").text != said
    drawn = chromium.execute_script(DRAWN)
    handle.send_keys(*[Keys.ARROW_RIGHT] * 9)
    until(lambda: chromium.execute_script(DRAWN) not in ("", drawn))
    assert chromium.execute_script("return document.documentElement.scrollWidth") == width
    elsewhere = (
        "return performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith(arguments[0]))"
    )
    assert not [n for n in chromium.execute_script(elsewhere, address) if not n.startswith(("data:", "blob:"))]
    assert not [e for e in chromium.get_log("browser") if e["level"] == "SEVERE"]
    find(chromium, "#live-state a, .top .chip").click()
    until(lambda: left(company)[before:] == [204])  # its kernel has ended
    find(chromium, ".top .brand").click()
    assert sorted(texts(chromium, ".regions .region")) == ["Iberia", "North Sea"]


def test_who_may_see_two_regions_of_six_finds_no_others_by_search_or_address(explored):
    address, run = explored
    anna = Reader(address)
    anna.log_in("anna", PASSWORD)
    found = anna.ask("/search?q=forecast")[2]
    assert set(re.findall(r"Halcyon Marine · ([\w ]+?) ·", found)) == {"North Sea", "Iberia"}
    for region in REGIONS:
        expected = 200 if region in ("north_sea", "iberia") else 404
        paths = (f"/demo/{run}/{region}/forecasting", f"/demo/{run}/{region}/forecasting/compare")
        assert [anna.ask(path)[0] for path in paths] == [expected] * 2, region
        assert expected == 200 or anna.ask(f"/live/demo/{run}/{region}/forecasting")[0] == 404


@pytest.mark.parametrize("region", REGIONS)
def test_a_live_page_begins_with_the_stored_pages_figures(explored, region):
    address, run = explored
    boss = Reader(address)
    boss.log_in("boss", PASSWORD)
    digest = re.search(r"figures ([0-9a-f]{8})<", boss.ask(f"/demo/{run}/{region}/forecasting")[2])[1]
    page = boss.ask(f"/live/demo/{run}/{region}/forecasting")[2]
    assert f"The kernel's figures are the page's own, digest <code>{digest}</code>" in page
    boss.send("/logout")
