"""What is a slide made of? A title that is a finding, and charts, tables and text, each in a box; in no program's format yet."""

from dataclasses import dataclass, field
from typing import Any

Fact = dict[str, Any]  # as `present.stated.facts` gives it
Box = tuple[float, float, float, float]  # left, top, width, height, inches from the body's corner
BODY_WIDTH, BODY_HEIGHT = 12.13, 5.3  # inches
QUIET = "#566371"  # ink of what stands beside; read well on white
GAP = 0.3  # between two boxes


@dataclass(frozen=True)
class Chart:
    """A chart that can be edited: every point is a fact of a stored page.

    `kind` is "line", "bar" (lying), "column", "stacked" (lying) or "waterfall" (of one series, whose first and last points are
    totals). `ends` names, for a series, the two that are its low and high end and are drawn as its error bars. `span` joins the
    points of a line over days without one.
    """

    kind: str
    categories: list[str]
    series: dict[str, list[Fact | None]]
    unit: str
    currency: str
    caption: str
    ends: dict[str, tuple[str, str]] = field(default_factory=dict)

    def drawn(self) -> dict[str, list[Fact | None]]:
        """Give the series that are drawn as such, not as the ends of another."""
        ends = {name for pair in self.ends.values() for name in pair}
        return {name: facts for name, facts in self.series.items() if name not in ends}


@dataclass(frozen=True)
class Table:
    """A table; `widths` are relative, columns `right` are flush right, `inks` colours cells by (row, column)."""

    heads: list[str]
    rows: list[list[str]]
    widths: list[float]
    right: tuple[int, ...] = ()
    inks: dict[tuple[int, int], str] = field(default_factory=dict)
    caption: str = ""


@dataclass(frozen=True)
class Text:
    """Lines of text, each with its look: "head", "big", "body" or "soft"."""

    lines: list[tuple[str, str]]


Block = Chart | Table | Text


@dataclass(frozen=True)
class Slide:
    """A slide: what it finds, with its claims, its blocks, and what its notes say of it.

    `metrics` are defined in the notes beside those of the claims; the `kicker` stands above the title and says what it is about.
    """

    title: str
    claims: list[dict[str, Any]]
    blocks: list[tuple[Block, Box]]
    about: str = ""
    metrics: tuple[str, ...] = ()
    kicker: str = ""


def beside(left: Block | None, right: Block | None, part: float = 0.56) -> list[tuple[Block, Box]]:
    """Put two blocks side by side, the left one on so much of the width; one alone takes all of it.

    >>> [box[2] for _, box in beside(Text([]), None)]
    [12.13]
    """
    if left is None or right is None:
        return [(block, (0.0, 0.0, BODY_WIDTH, BODY_HEIGHT)) for block in (left, right) if block is not None]
    wide = BODY_WIDTH * part - GAP / 2
    return [
        (left, (0.0, 0.0, wide, BODY_HEIGHT)),
        (right, (wide + GAP, 0.0, BODY_WIDTH - wide - GAP, BODY_HEIGHT)),
    ]


def stacked(
    blocks: list[Block | None], box: Box = (0.0, 0.0, BODY_WIDTH, BODY_HEIGHT), first: float = 0.0
) -> list[tuple[Block, Box]]:
    """Put blocks one below the other, each on the same part of a box, or the first of two on its own part of it."""
    there = [block for block in blocks if block is not None]
    left, top, wide, high = box
    if first and len(there) == 2:
        cut = (high - GAP) * first
        return [(there[0], (left, top, wide, cut)), (there[1], (left, top + cut + GAP, wide, high - GAP - cut))]
    each = (high - GAP * (len(there) - 1)) / max(len(there), 1)
    return [(block, (left, top + k * (each + GAP), wide, each)) for k, block in enumerate(there)]


def charted(
    facts: list[Fact], measure: str, by: str, order: bool = False
) -> tuple[list[str], dict[str, list[Fact | None]]]:
    """Lay out facts of a measure as categories and series; `by` is the field that names a series ("entity" or "period").

    Categories come in the facts' own order, or, of days, in theirs (`order`).

    >>> a = {"measure": "m", "entity": "A", "period": "now", "value": 1.0}
    >>> charted([a, a | {"entity": "B", "value": 2.0}], "m", "period")[0]
    ['A', 'B']
    """
    other = "period" if by == "entity" else "entity"
    own = [f for f in facts if f["measure"] == measure]
    categories = list(dict.fromkeys(f[other] for f in own))
    known = {(f[by], f[other]): f for f in own}
    categories = sorted(categories) if order else categories
    names = dict.fromkeys(f[by] for f in own)
    return categories, {name: [known.get((name, category)) for category in categories] for name in names}
