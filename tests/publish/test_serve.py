"""What comes over the wire: the outputs that were stored; no code, and no kernel. What else may be asked: test_attempts."""

import gzip
import json
import re
import subprocess
import sys
import urllib.request

import pytest

from conftest import PATIENCE
from fake_runs import LIB, NOTEBOOKS, REGIONS, ask, make_outputs, serving

BRIEF = "/demo/latest/north/executive_brief"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    with serving(make_outputs(root, rendered=True), root / "log.txt") as (address, process):
        yield address, process, root


def test_a_page_shows_the_stored_outputs(server):
    status, headers, page = ask(server, BRIEF)
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    for shown in ("What of the executive_brief of north?", "€18.4m", 'alt="Share rose"', 'alt="A square"', "column29"):
        assert shown in page
    assert "<strong>from $4m to $5m</strong>" in page  # dollars are money, not a formula
    assert page.count("<h1>") == 1 and '<section class="panel" id="where-does-share-move"' in page


def test_a_deep_section_shows_its_question_and_its_finding_and_folds_the_rest(server):
    page = ask(server, BRIEF)[2]
    first, second = re.findall(r'<details class="panel deep".*?</details>', page, re.S)
    head, _, rest = first.partition("</summary>")
    assert "Why does it move?" in head and "It was <strong>price</strong>." in head and "It was" not in rest
    assert "Read it so." in rest and "<img" in rest
    assert "<strong>Share rose</strong>" in second.partition("</summary>")[0]  # no sentence: the picture's own finding
    assert "METHOD" not in first + second and "METHOD" in page


def test_a_cell_that_wants_a_kernel_is_left_out(server):
    assert "NEEDS_A_KERNEL" not in ask(server, BRIEF)[2]


def test_no_code_no_warning_and_no_traceback_reaches_the_page(server):
    page = ask(server, BRIEF)[2]
    assert not [n for n in ("SECRET_SOURCE", "STDERR_NOISE", "REPR_NOISE", "TRACEBACK_NOISE", "<script") if n in page]


def test_the_page_says_what_it_stands_on(server):
    page = ask(server, BRIEF)[2]
    for fact in ("Northwind Marine", "15 Nov 2026", "snapshot 4f1c9e77", "8 of 9 notebooks whole", "within 0.00"):
        assert fact in page


def test_viewing_starts_no_process_but_the_one_that_renders(server):
    for region in REGIONS:
        assert ask(server, f"/demo/latest/{region}/executive_brief")[0] == 200
    listed = subprocess.run(
        ["ps", "-ww", "--ppid", str(server[1].pid), "-o", "stat=,args="], capture_output=True, text=True
    )
    # A process that ended has lost its name.
    alive = [line for line in listed.stdout.splitlines() if not line.startswith("Z")]
    assert not [line for line in alive if "-m quarterdeck.publish.pages.prerender" not in line]


def test_the_kernel_manager_refuses_to_start_a_kernel(tmp_path):
    start = (
        "import asyncio; from pathlib import Path\n"
        "from quarterdeck.publish.server import Pages, Shelf\n"
        f"app = Pages(shelf=Shelf(Path({str(tmp_path)!r}))); app.initialize(argv=[]); app.init_settings()\n"
        "try:\n    asyncio.run(app.kernel_manager.start_kernel(kernel_name='python3'))\n"
        "except Exception as error:\n    print(type(error).__name__, error, app.kernel_manager.list_kernels())"
    )
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, env={"PYTHONPATH": str(LIB)})
    assert done.stdout.strip() == "RunError A page shows what a run stored; it starts no kernel. []", done.stderr


@pytest.mark.parametrize("query", ["?template=lab", "?voila-template=lab", "?theme=dark", "?token=x&template=classic"])
def test_a_reader_cannot_choose_another_template(server, query):
    assert ask(server, BRIEF + query)[2] == ask(server, BRIEF)[2]


def test_nothing_comes_from_another_host(server):
    pages = ["/", "/demo/latest", BRIEF, "/nowhere"]
    texts = [ask(server, p)[2] for p in pages] + [ask(server, "/static/quarterdeck.css")[2]]
    assert not [m for t in texts for m in re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\"' ]*", t)]


def test_the_landing_page_lists_what_there_is_to_read(server):
    page = ask(server, "/")[2]
    for region in REGIONS:
        for notebook in NOTEBOOKS:
            failed = (region, notebook) == ("north", "forecasting")
            assert (f'href="/demo/latest/{region}/{notebook}"' in page) is not failed
    assert "€1.1m" in page and "+10.0 % on a year before" in page
    assert 'href="/demo/2026-10-01"' in page and "2026-11-16" not in page
    assert page.count('<li class="all">') == 1


def test_a_deck_of_a_run_that_recorded_nothing_to_say_is_not_there(server):
    status, _, card = ask(server, f"{BRIEF}/deck.pptx")
    assert status == 404 and "This run did not record what a deck or a letter says." in card


def test_an_older_run_says_that_it_is_older(server):
    assert 'href="/demo/latest/north/executive_brief"' in ask(server, "/demo/2026-10-01/north/executive_brief")[2]
    assert "older run" not in ask(server, BRIEF)[2]


def test_an_unchanged_page_is_not_sent_again(server):
    tag = ask(server, "/demo/2026-10-01/north/executive_brief")[1]["Etag"]
    status, _, body = ask(server, "/demo/2026-10-01/north/executive_brief", **{"If-None-Match": tag})
    assert (status, body) == (304, "")


def test_a_page_is_sent_compressed(server):
    asked = urllib.request.Request(server[0] + BRIEF, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
        assert "What of the executive_brief" in gzip.decompress(answer.read()).decode()


def test_head_answers_without_a_body(server):
    assert ask(server, BRIEF, "HEAD")[::2] == (200, "")


def test_a_page_that_was_made_again_is_seen_at_once(server):
    file = server[2] / "outputs" / "demo" / "2026-11-15" / "united_kingdom" / "market_research.ipynb"
    ask(server, "/demo/latest/united_kingdom/market_research")
    notebook = json.loads(file.read_text())
    notebook["cells"][0]["source"] = "# Made again"
    file.write_text(json.dumps(notebook))
    assert "Made again" in ask(server, "/demo/latest/united_kingdom/market_research")[2]


def test_an_empty_folder_says_how_to_make_a_run(tmp_path):
    with serving(tmp_path / "outputs", tmp_path / "log.txt") as (address, process):
        page = ask((address, process), "/")[2]
    assert "There is no finished run yet" in page and "<code>make run</code>" in page


def look(chromium, server, path, width):
    """Open a page as a screen of `width` CSS pixels would."""
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    chromium.get(server[0] + path)
    return chromium.execute_script


@pytest.mark.parametrize("path", ["/", BRIEF, "/demo/latest/north/forecasting"])
def test_a_phone_shows_one_column_that_does_not_scroll_sideways(chromium, server, path):
    script = look(chromium, server, path, 390)
    assert script("return window.innerWidth") == 390
    assert script("return document.documentElement.scrollWidth") == 390
    parts = "main > section, .body > section, .body > details"
    lefts = script(f"return [...document.querySelectorAll('{parts}')].map(s => s.getBoundingClientRect().left)")
    assert len(set(lefts)) == 1


def test_a_wide_table_scrolls_in_its_own_box(chromium, server):
    box, table = look(chromium, server, BRIEF, 390)(
        "const b = document.querySelector('.scroll'); return [b.clientWidth, b.scrollWidth]"
    )
    assert box < 390 < table


@pytest.mark.parametrize(("theme", "blend"), [("light", "multiply"), ("dark", "screen")])
def test_a_wide_picture_or_table_shows_at_its_edge_that_there_is_more(chromium, server, theme, blend):
    chromium.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    )
    try:
        script = look(chromium, server, BRIEF, 390)
        asked = (
            "const s = getComputedStyle(document.querySelector('{}')); return [s.backgroundAttachment, s.mixBlendMode]"
        )
        for box in (
            ".panel .chart",
            ".panel .scroll",
        ):  # what covers the shadow moves with the content, the shadow does not
            assert script(asked.format(box))[0] == "local, scroll"
        assert script(asked.format(".panel .chart img"))[1] == blend  # else the picture's white would lie over it
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_browser_loads_the_style_and_complains_of_nothing(chromium, server):
    chromium.get_log("browser")  # what earlier pages had to say
    script = look(chromium, server, BRIEF, 1280)
    assert script("return getComputedStyle(document.querySelector('.panel')).borderRadius") == "10px"
    assert script("return [...document.images].every(i => i.naturalWidth > 0)")
    assert not [e for e in chromium.get_log("browser") if e["level"] == "SEVERE"]


def test_the_region_menu_opens_without_a_script(chromium, server):
    script = look(chromium, server, BRIEF, 390)
    summary = chromium.find_element("css selector", ".switch summary")
    summary.click()
    link = chromium.find_element("link text", "United Kingdom")
    assert link.is_displayed() and script("return document.documentElement.scrollWidth") == 390
    link.click()
    assert chromium.current_url.endswith("/demo/2026-11-15/united_kingdom/executive_brief")  # the run that is read
