"""What does a sentence claim of a figure, and does it hold?

Each predicate is a word that a sentence may use of named figures and the test that they must pass. A claim that does not
hold cannot be made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
}
# The words by which sentences say each predicate; a test finds none of them in a sentence without its claim.
WORDS: dict[str, tuple[str, ...]] = {
    "rose": ("rose", "up", "more"),
    "fell": ("fell", "down", "less"),
    "clearly rose": ("rose", "up", "more"),
    "clearly fell": ("fell", "down", "less"),
    "reached": ("reached",),
    "short of": ("short of",),
    "heading above": ("heading above",),
    "within reach of": ("within reach",),
    "heading below": ("heading below",),
    **{odds: (odds,) for odds in ("very likely", "likely", "as likely as not", "unlikely", "very unlikely")},
    "added most": ("added",),
    "lost most": ("lost",),
    "nothing grew": ("grew",),
    "nothing fell": ("fell",),
    "above": ("grew", "above"),
    "below": ("fell", "less", "more often", "short of", "below"),
}
AGAINST_BEFORE = ("no clear change", "clearly rose", "clearly fell", "rose", "fell", "stood still")
AGAINST_TARGET = ("heading above", "within reach of", "heading below")
ODDS = ("very likely", "likely", "as likely as not", "unlikely", "very unlikely")


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

    def __post_init__(self) -> None:
        if not holds(self.predicate, self.figures):
            raise ValueError(f"it is not so that {self.metric} {self.predicate}: {self.figures}")

    def record(self) -> dict[str, Any]:
        """Give the claim as data, with plain numbers."""
        figures = {name: float(value) for name, value in self.figures.items()}
        return {"metric": self.metric, "predicate": self.predicate, "figures": figures, "subject": self.subject}


def holds(predicate: str, figures: dict[str, float]) -> bool:
    """Tell whether a predicate holds; not where a figure that it needs is not there.

    >>> holds("reached", {"now": 1.0, "target": 1.0}), holds("reached", {"now": 1.0})
    (True, False)
    """
    try:
        return bool(PREDICATES[predicate](figures))
    except KeyError as error:
        if predicate not in PREDICATES:
            raise ValueError(f"there is no predicate {predicate!r}; there are {', '.join(PREDICATES)}.") from error
        return False


def first(metric: str, predicates: tuple[str, ...], figures: dict[str, float], subject: str = "") -> Claim | None:
    """Make the first claim of several that holds; None where none does.

    >>> first("revenue", ("rose", "fell"), {"now": 1.0, "before": 2.0}).predicate
    'fell'
    """
    known = {name: value for name, value in figures.items() if value is not None and value == value}
    return next((Claim(metric, p, known, subject) for p in predicates if holds(p, known)), None)
