"""Which fonts draw the names in a picture? The house's own, and for characters that it lacks, others that are installed."""

import warnings
from functools import cache

import matplotlib
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the page says so, once


def cover(text: str) -> None:
    """Let the pictures drawn from now on write every character of a text for which a font is installed."""
    while lacking := _lacking(text):
        families = [(-len(lacking & has), _unlike(name), name) for name, has in _installed().items() if lacking & has]
        if not families:
            return
        *_, family = min(families)
        matplotlib.rcParams["font.family"] = [*matplotlib.rcParams["font.family"], family]


def missing(text: str) -> str:
    """Give the characters of a text that pictures cannot write, by no font that is installed."""
    return "".join(sorted(_lacking(text)))


def _lacking(text: str) -> set[str]:
    if text.isascii():
        return set()
    drawn = {c for c in text if c.isprintable() and not c.isspace()}
    families = [font_manager.FontProperties(family=[family]) for family in matplotlib.rcParams["font.family"]]
    return drawn.difference(*(_characters(font_manager.findfont(family)) for family in families))


def _unlike(name: str) -> tuple[bool, ...]:
    """Tell how unlike the house's own a font is; Noto has one without serifs for every script."""
    return not name.startswith("Noto Sans"), "Mono" in name, "CJK" in name and not name.endswith("JP")


@cache
def _installed() -> dict[str, set[str]]:
    """Give the upright fonts of this machine by name, each with its characters; those too that came since matplotlib looked."""
    manager = font_manager.fontManager
    known = {font.fname for font in manager.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in known:
            _add(path)
    upright = [
        f for f in manager.ttflist if f.style == "normal" and f.weight == 400 and not f.name.startswith("Last Resort")
    ]
    return {font.name: _characters(font.fname) for font in upright}


def _add(path: str) -> None:
    try:
        font_manager.fontManager.addfont(path)
    except (OSError, RuntimeError):
        return  # no font that can be drawn with, such as one of bitmaps


@cache
def _characters(path: str) -> set[str]:
    return set(map(chr, FT2Font(path).get_charmap()))
