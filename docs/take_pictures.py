"""Take the documents' pictures of pages: `make pictures`, after `make run`; needs Chromium and its driver.

Serves the latest run of the demo company to this machine, photographs each page of the company as a whole, and stops the
server again. `docs/brief.png` is the top of the brief, `docs/gallery/<notebook>.webp` the top of every page, in small.
"""

import io
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from generate import notebooks
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).parent.parent
BRIEF = (1440, 1180)  # pixels of the README's picture
PAGE = (1280, 1600)  # of a page in the gallery, before it is made small
SMALL = 480  # pixels wide, in the gallery
LARGEST = 60_000  # bytes of a picture in the gallery
SCREEN = {"deviceScaleFactor": 1, "mobile": False}
PATIENCE = 300  # seconds for the server to be ready, or for a page
FLAGS = "headless=new no-sandbox disable-gpu hide-scrollbars no-first-run force-device-scale-factor=1"
ALL_SHOWN = """
const done = arguments[0];
for (const image of document.images) image.loading = "eager";
Promise.allSettled([...document.images].map(image => image.decode())).then(() => requestAnimationFrame(() => done()));
"""  # pages load pictures when they come into view, and draw them when they can


def opened() -> webdriver.Chrome:
    """Start Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in FLAGS.split():
        options.add_argument(f"--{flag}")
    browser = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    browser.set_script_timeout(PATIENCE)
    return browser


def photograph(browser: webdriver.Chrome, address: str, size: tuple[int, int]) -> Image.Image:
    """Give the top of a page, so many pixels of it, with every picture drawn."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": size[0], "height": size[1]} | SCREEN)
    browser.get(address)
    browser.execute_async_script(ALL_SHOWN)
    return Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")


def until_served(address: str) -> None:
    """Wait until an address answers."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(address, timeout=PATIENCE).read()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def made_small(picture: Image.Image, file: Path) -> None:
    """Write a picture for the gallery, as well as its bytes allow."""
    small = picture.resize((SMALL, round(picture.height * SMALL / picture.width)), Image.Resampling.LANCZOS)
    for quality in (85, 75, 65, 50, 35):
        small.save(file, quality=quality, method=6)
        if file.stat().st_size < LARGEST:
            return


def main(out: str = "outputs") -> None:
    """Photograph every page of the demo company's latest run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quarterdeck = [sys.executable, "-c", "from quarterdeck.cli import main; main()", "serve"]
    server = subprocess.Popen([*quarterdeck, "--port", str(port), "--out", out], cwd=ROOT, stderr=subprocess.DEVNULL)
    at = f"http://127.0.0.1:{port}/demo/latest/company"
    (ROOT / "docs" / "gallery").mkdir(exist_ok=True)
    browser = opened()
    try:
        for name in notebooks():
            until_served(f"{at}/{name}")
            made_small(photograph(browser, f"{at}/{name}", PAGE), ROOT / "docs" / "gallery" / f"{name}.webp")
        brief = photograph(browser, f"{at}/executive_brief", BRIEF)
        brief.quantize(192, dither=Image.Dither.NONE).save(ROOT / "docs" / "brief.png", optimize=True)
    finally:
        browser.quit()
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
