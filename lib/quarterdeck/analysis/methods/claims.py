"""What does a sentence claim of a figure, and does it hold?

Each predicate is a word that a sentence may use of named figures and the test that they must pass. A claim that does not
hold cannot be made. Its subject is a metric of the catalogue (`brief.metrics`), or one of the figures that pages give beside
the metrics (`brief.figures`). There are no other names, and a test says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

PREDICATES: dict[str, Callable[[dict[str, float]], bool]] = {
    "rose": lambda f: f["now"] > f["before"],
    "fell": lambda f: f["now"] < f["before"],
    "stood still": lambda f: f["now"] == f["before"],
    "no clear change": lambda f: f["low"] <= f["before"] <= f["high"],
    "clearly rose": lambda f: f["now"] > f["before"] and f["before"] < f["low"],
    "clearly fell": lambda f: f["now"] < f["before"] and f["before"] > f["high"],
    "reached": lambda f: f["now"] >= f["target"],
    "short of": lambda f: f["now"] < f["target"],
    "heading above": lambda f: f["low"] > f["target"],
    "within reach of": lambda f: f["low"] <= f["target"] <= f["high"],
    "heading below": lambda f: f["high"] < f["target"],
    "very likely": lambda f: f["chance"] >= 0.9,
    "likely": lambda f: 0.6 <= f["chance"] < 0.9,
    "as likely as not": lambda f: 0.4 <= f["chance"] < 0.6,
    "unlikely": lambda f: 0.1 <= f["chance"] < 0.4,
    "very unlikely": lambda f: f["chance"] < 0.1,
    "added most": lambda f: f["now"] > 0 and f["now"] >= f["most"],
    "lost most": lambda f: f["now"] < 0 and f["now"] <= f["least"],
    "did most": lambda f: abs(f["now"]) >= max(abs(f["most"]), abs(f["least"])),
    "nothing grew": lambda f: f["most"] <= 0,
    "nothing fell": lambda f: f["least"] >= 0,
    "above": lambda f: f["low"] > 0,  # an interval of a difference
    "below": lambda f: f["high"] < 0,
    "short of its aim": lambda f: f["high"] < f["target"],
    "expected": lambda f: f["low"] > 0,  # an interval of an amount
    "counted": lambda f: f["n"] > 0,
    # of all pages
    "amounts to": lambda f: f["now"] == f["now"],  # a plain figure, written as it is
    "n of m": lambda f: 0 <= f["n"] <= f["of"],  # the subject is what the n are or do, in the sentence's words
    "is most": lambda f: f["now"] >= f["most"],
    "is least": lambda f: f["now"] <= f["least"],
    "more than": lambda f: f["now"] > f["than"],
    "less than": lambda f: f["now"] < f["than"],
    "as much as": lambda f: f["now"] == f["than"],
    "not clear": lambda f: f["low"] <= 0 <= f["high"],  # an interval of a difference
    "likelier than not": lambda f: f["chance"] > 0.5,
}
# The words by which sentences say each predicate; a test finds none of them in a sentence without its claim.
WORDS: dict[str, tuple[str, ...]] = {
    "rose": ("rose", "up", "more", "grew", "gained", "taking", "gains"),
    "fell": ("fell", "down", "less", "shrank", "lost", "losing"),
    "clearly rose": ("rose", "up", "more"),
    "clearly fell": ("fell", "down", "less"),
    "reached": ("reached",),
    "short of": ("short of",),
    "heading above": ("heading above",),
    "within reach of": ("within reach",),
    "heading below": ("heading below",),
    **{odds: (odds,) for odds in ("very likely", "likely", "as likely as not", "unlikely", "very unlikely")},
    "added most": ("added", "most", "gained", "fastest"),
    "lost most": ("lost", "most"),
    "did most": ("most",),
    "nothing grew": ("grew",),
    "nothing fell": ("fell",),
    "above": ("grew", "above", "more", "more often", "higher", "clearly", "surely", "too high", "closer"),
    "below": (
        "fell",
        "less",
        "less often",
        "fewer",
        "more often",
        "short of",
        "below",
        "lower",
        "clearly",
        "surely",
        "too low",
        "further off",
    ),
    "not clear": ("surely", "neither surely more nor less", "not surely more"),
    "n of m": ("surely",),
    "is most": ("most", "largest", "highest", "lead", "nearest"),
    "is least": ("least", "fewest", "smallest", "lowest", "Lowest", "hardest", "truest", "nearest"),
    "more than": (
        "more",
        "more often",
        "ahead",
        "more expensive",
        "higher",
        "above",
        "beyond",
        "too high",
        "closer",
        "nearer",
    ),
    "less than": (
        "less",
        "less often",
        "behind",
        "fewer",
        "cheaper",
        "lower",
        "below",
        "short of",
        "lost",
        "fell",
        "too low",
        "further off",
    ),
    "likelier than not": ("likelier than not", "more often than not"),
}
UP = ("rose", "clearly rose", "reached", "heading above", "very likely", "likely")
DOWN = ("fell", "clearly fell", "short of", "heading below", "unlikely", "very unlikely")
OPEN = ("within reach of", "as likely as not")
COMPARED = ("now", "before", "than", "target", "low", "high")  # the figures that a predicate holds against each other
DIGITS = {
    "score": 3,
    "ratio": 3,
    "points": 3,
    "whole ratio": 2,
    "times": 1,
    "tenths": 1,
}  # digits that are written, by unit
SCALES = ((1e12, 99.95), (1e9, 99.95), (1e6, 99.95), (1e3, 9.95))  # of money, and from how many on no tenth is written
AGAINST_BEFORE = ("no clear change", "clearly rose", "clearly fell", "rose", "fell", "stood still")
AGAINST_TARGET = ("heading above", "within reach of", "heading below")
ODDS = ("very likely", "likely", "as likely as not", "unlikely", "very unlikely")
MOVED = ("rose", "fell", "stood still")
BESIDE = ("more than", "less than", "as much as")
CLEAR = ("above", "below", "not clear")


@dataclass(frozen=True)
class Claim:
    """That a predicate holds of a metric's figures, of the whole page's rows or of a `subject` among them.

    Raises
    ------
    ValueError
        Where it does not hold.

    Examples
    --------
    >>> Claim("revenue", "rose", {"now": 3.0, "before": 2.0}).record()
    {'metric': 'revenue', 'predicate': 'rose', 'figures': {'now': 3.0, 'before': 2.0}, 'subject': ''}
    >>> Claim("revenue", "fell", {"now": 3.0, "before": 2.0})
    Traceback (most recent call last):
    ValueError: it is not so that revenue fell: {'now': 3.0, 'before': 2.0}
    """

    metric: str
    predicate: str
    figures: dict[str, float]
    subject: str = ""
    unit: str = ""  # in which the figures are written, where that decides: two that read alike are the same

    def __post_init__(self) -> None:
        if not holds(self.predicate, self.figures, self.unit):
            raise ValueError(f"it is not so that {self.metric} {self.predicate}: {self.figures}")

    @property
    def name(self) -> str:
        """Give the subject without its kind: "A: B" of "rival: A: B"."""
        kind, colon, named = self.subject.partition(": ")
        return named if colon else kind

    @property
    def difference(self) -> float:
        """Give by how much `now` lies above what it is held `than`."""
        return self.figures["now"] - self.figures["than"]

    def record(self) -> dict[str, Any]:
        """Give the claim as data, with plain numbers."""
        figures = {name: float(value) for name, value in self.figures.items()}
        made = {"metric": self.metric, "predicate": self.predicate, "figures": figures, "subject": self.subject}
        return made if holds(self.predicate, figures) else made | {"unit": self.unit}


def holds(predicate: str, figures: dict[str, float], unit: str = "") -> bool:
    """Tell whether a predicate holds, of figures as they read in a unit where one is given; not where one is not there.

    >>> holds("reached", {"now": 1.0, "target": 1.0}), holds("reached", {"now": 1.0})
    (True, False)
    >>> holds("less than", {"now": 3.26, "than": 3.34}), holds("less than", {"now": 3.26, "than": 3.34}, "times")
    (True, False)
    """
    read = {name: as_read(value, unit) if name in COMPARED else value for name, value in figures.items()}
    try:
        return bool(PREDICATES[predicate](read))
    except KeyError as error:
        if predicate not in PREDICATES:
            raise ValueError(f"there is no predicate {predicate!r}; there are {', '.join(PREDICATES)}.") from error
        return False


def as_read(value: float, unit: str) -> float:
    """Give a figure as people read it: rounded as a page writes its unit; unchanged in a unit that no page rounds.

    >>> as_read(3.34, "times"), as_read(31_340_000.0, "money"), as_read(0.2738, "whole ratio"), as_read(0.2738, "")
    (3.3, 31300000.0, 0.27, 0.2738)
    """
    if unit in ("money", "money/day"):
        size, whole = next(((s, w) for s, w in SCALES if abs(value) >= 0.9995 * s), (1.0, 0.0))
        return round(value / size, 0 if abs(value) >= whole * size else 1) * size
    if unit in ("days", "count", "index"):
        return float(round(value))
    return round(value, DIGITS[unit]) if unit in DIGITS else value


def first(
    metric: str, predicates: tuple[str, ...], figures: dict[str, float], subject: str = "", unit: str = ""
) -> Claim | None:
    """Make the first claim of several that holds, in the `unit` in which the figures are written; None where none does.

    >>> first("revenue", ("rose", "fell"), {"now": 1.0, "before": 2.0}).predicate
    'fell'
    >>> first("pipeline_coverage", BESIDE, {"now": 3.26, "than": 3.34}, unit="times").predicate
    'as much as'
    """
    known = {name: value for name, value in figures.items() if value is not None and value == value}
    return next((Claim(metric, p, known, subject, unit) for p in predicates if holds(p, known, unit)), None)


def standing(claim: Claim | None, better: str) -> str:
    """Give how a figure stands by what is claimed of it: "good", "warn", "bad", or nothing where neither way is better.

    >>> standing(Claim("revenue", "rose", {"now": 2.0, "before": 1.0}), "higher"), standing(None, "higher")
    ('good', '')
    """
    return standing_of(claim.predicate, better) if claim else ""


def standing_of(predicate: str, better: str) -> str:
    """Give how a figure stands of which a predicate holds, as `standing` does."""
    if better == "neither":
        return ""
    good, bad = (UP, DOWN) if better == "higher" else (DOWN, UP)
    return "good" if predicate in good else "bad" if predicate in bad else "warn" if predicate in OPEN else ""


def amounts(metric: str, now: float, subject: str = "", **beside: float) -> Claim | None:
    """Claim a plain figure, with what is reported `beside` it; None where it is not known.

    >>> amounts("win_rate", 0.3, n=40).figures
    {'now': 0.3, 'n': 40}
    """
    return first(metric, ("amounts to",), {"now": now} | beside, subject)


def part(metric: str, n: float, of: float, subject: str) -> Claim:
    """Claim that so many of so many are or do what `subject` says, in the words of the sentence."""
    return Claim(metric, "n of m", {"n": n, "of": of}, subject)


def most(
    metric: str, values: pd.Series, kind: str, predicates: tuple[str, ...] = ("is most",), **beside: float
) -> Claim | None:
    """Claim something of the largest of values by name; its name is the claim's. None where no value is known.

    >>> most("revenue", pd.Series({"A": 1.0, "B": 2.0}), "segment").name
    'B'
    """
    values = values.dropna()
    if values.empty:
        return None
    ends = {"now": values.max(), "most": values.max(), "least": values.min()}
    return first(metric, predicates, ends | beside, f"{kind}: {values.idxmax()}")


def least(
    metric: str, values: pd.Series, kind: str, predicates: tuple[str, ...] = ("is least",), **beside: float
) -> Claim | None:
    """Claim something of the smallest of values by name, as `most` does of the largest.

    >>> least("revenue", pd.Series({"A": 1.0, "B": 2.0}), "segment").name
    'A'
    """
    values = values.dropna()
    if values.empty:
        return None
    ends = {"now": values.min(), "most": values.max(), "least": values.min()}
    return first(metric, predicates, ends | beside, f"{kind}: {values.idxmin()}")


def apart(
    metric: str, low: float, high: float, subject: str = "", against: float = 0.0, **beside: float
) -> Claim | None:
    """Claim that an interval lies above or below what it is held `against`, or that this is not clear.

    >>> apart("win_rate", 0.2, 0.3, "rival: A", against=0.4).predicate
    'below'
    """
    return first(metric, CLEAR, {"low": low - against, "high": high - against} | beside, subject)
