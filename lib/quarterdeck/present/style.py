"""What does a Quarterdeck picture look like, and how does it write a number?

One ink means one thing on every page. The inks are distinguishable with every common form of colour
blindness (Okabe and Ito's advice: differ in lightness as well as in hue).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import Formatter, FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from quarterdeck.present.numbers import amount, chance, change, counted, day, money, number, percent, points, times  # noqa: F401

US = "#1f6f94"  # our own figures
NAVY = "#12324a"  # totals
PLAN = "#a8741a"  # targets, quotas, plans
LOSS = "#b23a26"  # losses, and nothing else
GOOD = "#1f7a54"
WARN = "#a86400"
SOFT = "#7b8896"  # context
INK = "#16212c"
LINE = "#dfe4ea"
RIVALS = ["#4d4d4d", "#9a6fb0", "#c98a4b", "#6b8e5a", "#8f9499", "#8c5a6b"]
CLEARED = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # behind a text: a line may run through it
EDGE = 0.012  # of a picture's width, left free
QUESTION = "question"  # marks the text that says what a picture answers

TYPEFACE = Path(__file__).with_name("typeface")  # the one that pages are set in too
for face in TYPEFACE.glob("*.otf"):
    font_manager.fontManager.addfont(face)

sns.set_theme(
    style="white",
    rc={
        "font.family": "sans-serif",
        "font.sans-serif": ["Inter", "DejaVu Sans"],
        "font.size": 10,
        "axes.edgecolor": LINE,
        "axes.labelcolor": SOFT,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": LINE,
        "grid.linewidth": 0.8,
        "text.color": INK,
        "date.autoformatter.year": "%Y",
        "date.autoformatter.month": "%b %Y",
        "date.autoformatter.day": "%d %b",
        "text.parse_math": False,  # two amounts in dollars are no formula
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "lines.linewidth": 2.0,
        "legend.frameon": False,
        "figure.facecolor": "white",
    },
)


def axes(ax: Axes | None = None, height: float = 3.6, width: float = 8.6) -> Axes:
    """Give `ax`, or the axes of a new figure of `width` × `height` inches that no other code keeps alive."""
    return ax or Figure(figsize=(width, height), layout="constrained").subplots()


def rows(ax: Axes | None, count: int, each: float = 0.45) -> Axes:
    """Give axes for `count` rows, one below the other, whose grid is vertical; the first row is at `count` − 1."""
    ax = axes(ax, height=1.55 + each * count)
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", labelcolor=INK)
    return ax


def title(ax: Axes, finding: str, question: str) -> Axes:
    """Head a picture with its finding, and under it the question it answers, with unit and period.

    A finding that is a `sentences.Sentence` keeps its claims on the axes, as `finding`.
    """
    ax.finding = finding
    place = {"y": 1.0, "pad": 28}  # given, so that it is not looked for at each measuring of the picture
    above = ax.set_title(finding, loc="left", fontsize=12.5, fontweight="bold", color=INK, **place)
    under = {"xycoords": "axes fraction", "xytext": (0, 10), "textcoords": "offset points"}
    ax.head = above, ax.annotate(question, (0, 1), fontsize=9.5, color=SOFT, va="bottom", gid=QUESTION, **under)
    return ax


def place_no_empty_labels(figure: Figure) -> None:
    """Leave out the labels of axes that have no words: matplotlib looks for a place of each at every measuring."""
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        if not axis.get_label_text():
            axis.label.set_visible(False)
            axis.set_label_coords(0, 0)


def flush_left(ax: Axes) -> None:
    """Move a picture's head to its left edge, once its layout is solved: a phone shows that part first."""
    if head := getattr(ax, "head", None):
        place = ax.get_position()
        start = (EDGE - place.x0) / place.width
        head[0].set_x(start)
        head[1].xy = (start, 1)


def legend_below(ax: Axes) -> None:
    """Say under a picture what its marks are, where there may be marks in every corner of it."""
    ax.figure.legend(loc="outside lower left", ncols=4, fontsize=9)


def truth_dots(ax: Axes | None, table: pd.DataFrame) -> Axes:
    """Draw what came of predicted chances, each with its interval: `predicted`, `rate`, `low`, `high` (ratios)."""
    ax = axes(ax, height=3.8)
    ends = [table[["predicted", "low"]].min().min(), table[["predicted", "high"]].max().max()]
    ax.plot(ends, ends, color=SOFT, linestyle="--", linewidth=1)
    ax.vlines(table["predicted"], table["low"], table["high"], color=US)
    ax.scatter(table["predicted"], table["rate"], s=44, color=US, zorder=3)
    for axis in (ax.xaxis, ax.yaxis):
        percent_axis(axis)
    ax.set(xlabel="predicted chance of winning", ylabel="won")
    return ax


def apart(spots: dict[str, float], least: float) -> dict[str, float]:
    """Move labels upwards so that no two are nearer than `least`.

    >>> apart({"a": 1.0, "b": 1.1, "c": 3.0}, 0.5)
    {'a': 1.0, 'b': 1.5, 'c': 3.0}
    """
    moved, floor = {}, -float("inf")
    for name, spot in sorted(spots.items(), key=lambda pair: pair[1]):
        floor = moved[name] = max(spot, floor + least)
    return moved


def labels(ax: Axes, xs: pd.Series, ys: pd.Series, names: pd.Series, inks: list[str]) -> None:
    """Name points of a scatter, each on the first of four sides of it where no earlier name stands."""
    ax.margins(0.16)
    width, height = (s * 72 for s in ax.figure.get_size_inches())
    reach_x, reach_y = max(np.ptp(xs), 1e-12) / 0.62 / width, max(np.ptp(ys), 1e-12) / 0.6 / height
    spots = [((x - min(xs)) / reach_x, (y - min(ys)) / reach_y) for x, y in zip(xs, ys, strict=True)]
    taken = [(px - 5, py, px + 5) for px, py in spots]
    for k in sorted(range(len(spots)), key=lambda k: -spots[k][1]):
        (px, py), long = spots[k], 6.2 * len(names.iloc[k])
        sides = [(9, 0), (-9 - long, 0), (9, -13), (9, 13), (-9 - long, -13), (-9 - long, 13)]
        places = [(px + dx, py + dy, px + dx + long) for dx, dy in sides]
        free = [s for s in places if all(abs(s[1] - o[1]) > 11 or s[2] < o[0] or s[0] > o[2] for o in taken)]
        at = free[0] if free else places[0]
        taken.append(at)
        shift = {"xytext": (at[0] - px, at[1] - py), "textcoords": "offset points"}
        ax.annotate(names.iloc[k], (xs.iloc[k], ys.iloc[k]), va="center", color=inks[k], fontsize=9.5, **shift)


def source(ax: Axes, text: str) -> Axes:
    """Write at the foot of a picture what data it stands on."""
    ax.figure.supxlabel(text, x=0.01, ha="left", fontsize=8.5, color=SOFT)
    return ax


def rival_colours(names: list[str]) -> dict[str, str]:
    """Give each rival the same colour on every page: by the alphabet, not by rank."""
    return {name: RIVALS[i % len(RIVALS)] for i, name in enumerate(sorted(names))}


def money_axis(axis: Axis, currency: str = "EUR") -> None:
    """Write money on an axis, at steps that two figures tell."""
    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: money(value, currency).replace(".0", "")))


def day_axis(axis: Axis, days: pd.Series) -> None:
    """Write days on an axis as sentences write them, without the year, at every one or at every other of them."""
    shown = days.drop_duplicates().iloc[:: -(1 + (len(days) > 8))]
    axis.set_ticks(list(shown), [f"{d.day} {d:%b}" for d in shown])


def count_axis(axis: Axis) -> None:
    """Write whole numbers on an axis, as sentences write them."""
    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def name_points(ax: Axes, x: Iterable[float], y: Iterable[float], names: Iterable[str], areas: Iterable[float]) -> None:
    """Write names beside points of these `areas` (points²), the first ones first; one without room on any side is left out."""
    spots = list(zip(x, y, names, areas, strict=True))
    taken = [_disc(ax, px, py, area) for px, py, _, area in spots]
    for px, py, name, area in spots:
        for side, up in ((1, 4), (-1, 4), (1, -11), (-1, -11)):
            beside = {"xytext": (side * (area**0.5 / 2 + 4), up), "textcoords": "offset points", "fontsize": 8.5}
            written = ax.annotate(name, (px, py), ha="left" if side > 0 else "right", **beside)
            box = written.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                written.set_path_effects([withStroke(linewidth=2.5, foreground="white")])  # a line may run behind it
                break
            written.remove()


def _disc(ax: Axes, x: float, y: float, area: float) -> Bbox:
    """Give the place of a point of a scatter on the screen."""
    (at_x, at_y), reach = ax.transData.transform((x, y)), area**0.5 / 2 * ax.figure.dpi / 72
    return Bbox.from_extents(at_x - reach, at_y - reach, at_x + reach, at_y + reach)


class Percents(Formatter):
    """Writes ratios as percentages, with as many digits as tell its ticks apart."""

    def __init__(self, digits: int) -> None:
        self.digits = digits

    def __call__(self, value: float, pos: int | None = None) -> str:
        """Write a value by itself."""
        return percent(value, self.digits)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Write the values of all ticks."""
        near = len(values) > 1 and values[1] - values[0] < 0.999 * 10 ** -(self.digits + 2)
        return [percent(value, self.digits + near) for value in values]


def percent_axis(axis: Axis, digits: int = 0) -> None:
    """Write ratios on an axis as percentages."""
    axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(Percents(digits))
