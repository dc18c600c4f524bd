"""How much room does a text take on a slide? Measured by the widths of Helvetica, which Arial and its stand-ins share."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from unicodedata import east_asian_width

import matplotlib

LEADING = 1.2  # height of a line, in sizes of its letters
UNKNOWN, WIDE = 0.6, 1.0  # width of a character that the table lacks, in sizes: Latin, and East Asian
POINTS = 72.0  # in an inch
ONE_LINE = 3  # of the largest sizes, the first in which a text stays on one line is taken
SPARE = 0.97  # of a width is counted on: programs differ in the last per cent


@lru_cache(maxsize=2)
def _widths(bold: bool) -> dict[str, float]:
    """Read the width of each character, in sizes, from the font's table that matplotlib brings."""
    name = "Helvetica-Bold.afm" if bold else "Helvetica.afm"
    path = Path(matplotlib.get_data_path()) / "fonts" / "pdfcorefonts" / name
    found = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        if line.startswith("C ") and not line.startswith("C -1"):
            code, width = line.split(";")[:2]
            found[chr(int(code.split()[1]))] = float(width.split()[1]) / 1000
    return found | {
        "€": 0.556,
        "£": 0.556,
        "¥": 0.556,
        "−": 0.584,
        "–": 0.556,
        "’": 0.222,
        "“": 0.4,
        "”": 0.4,
        "…": 1.0,
        "\xa0": 0.278,
        "×": 0.584,
    }


def width(text: str, size: float, bold: bool = False) -> float:
    """Give the width of a line of text in inches.

    >>> round(width("Revenue", 72), 2), width("", 12)
    (4.0, 0.0)
    """
    table = _widths(bold)
    return sum(table.get(c, WIDE if east_asian_width(c) in "WF" else UNKNOWN) for c in text) * size / POINTS


def lines(text: str, size: float, inches: float, bold: bool = False) -> int:
    """Count the lines that a text takes in so many inches; a word that is wider than they are is broken.

    >>> lines("one two three", 12, 10), lines("one two three", 12, 0.5), lines("a\\nb", 12, 10)
    (1, 3, 2)
    """
    return sum(_paragraph(paragraph, size, inches * SPARE, bold) for paragraph in text.split("\n"))


def _paragraph(text: str, size: float, inches: float, bold: bool) -> int:
    count, used, space = 1, 0.0, width(" ", size, bold)
    for word in text.split(" "):
        wide = width(word, size, bold)
        if used and used + space + wide > inches:
            count, used = count + 1, 0.0
        used += wide + (space if used else 0.0)
        over = int(used // inches) if used > inches else 0
        count, used = count + over, used - over * inches
    return count


def height(text: str, size: float, inches: float, bold: bool = False) -> float:
    """Give the height in inches of a text in a box of so many inches' width."""
    return lines(text, size, inches, bold) * size * LEADING / POINTS


def fitted(text: str, box: tuple[float, float], sizes: Sequence[float], bold: bool = False) -> tuple[str, float]:
    """Give a text and the largest of `sizes` in which it fits into a box (width, height in inches); cut at a word where none does.

    >>> fitted("short", (5, 1), (20, 12)), fitted("word " * 40, (2, 0.4), (14, 12))[0][-6:]
    (('short', 20), 'word …')
    """
    alone = next((size for size in sizes[:ONE_LINE] if lines(text, size, box[0], bold) == 1), None)
    for size in sizes if alone is None else [alone]:
        if height(text, size, box[0], bold) <= box[1]:
            return text, size
    words = text.split(" ")
    while len(words) > 1 and height(" ".join([*words, "…"]), sizes[-1], box[0], bold) > box[1]:
        words.pop()
    return " ".join([*words, "…"]), sizes[-1]
