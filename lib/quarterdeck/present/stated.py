"""Which facts does a page state: what measure of whom, for when, is how much?

A table, a picture or a card says of its frame which column holds which measure (`analysis.brief.metrics`, `brief.figures`), and
which columns name whom. The facts travel in the notebook beside what people read, and `batch.facts` holds all pages against each
other.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import pandas as pd

FACTS_MIME = "application/vnd.quarterdeck.facts+json"
PERIOD = "period"  # the kind of a column that says when, not whom
KEYS = {"account": "customer_id", "deal": "opportunity_id", "seller": "rep_id", "initiative": "initiative_id"}
DIGITS = 12  # of a recorded figure


def facts(
    frame: pd.DataFrame,
    names: dict[str, str],
    measures: dict[str, tuple[str, str]],
    whole: tuple[str, ...] = (),
    period: str = "",
) -> list[dict[str, Any]]:
    """Give what a frame states, a fact for each of its rows and measures that is known.

    Parameters
    ----------
    frame : DataFrame
        The rows that are shown.
    names : dict
        Column to the kind of what it names ("account", "segment", …; `PERIOD` of a column that says when). "=COLUMN" reads the
        kind from another column, in lower case. Where there is none, the facts are of the page's own region or company.
    measures : dict
        Column to (measure, unit as it is written: one of `tables.WRITERS` or "money").
    whole : tuple of str, optional
        Columns whose rows, together, are all of something: parts of a money amount, or shares that add up to one.
    period : str, optional
        When, where no column says so and the measure's own definition does not.

    Returns
    -------
    list of dict
        `measure`, `kind`, `entity`, `id`, `period`, `value`, `unit`, `whole`.

    Examples
    --------
    >>> frame = pd.DataFrame({"name": ["Ada"], "rate": [0.25]})
    >>> facts(frame, {"name": "seller"}, {"rate": ("win_rate", "ratio")})[0]["entity"]
    'Ada'
    """
    whom = [column for column, kind in names.items() if kind != PERIOD]
    whens = [column for column, kind in names.items() if kind == PERIOD]
    stated = []
    for row in frame.to_dict("records"):
        kinds = [_kind(row, names[column]) for column in whom]
        about = {
            "kind": " × ".join(kinds),
            "entity": " × ".join(str(row[column]) for column in whom),
            "id": str(row.get(KEYS.get(kinds[0], ""), "")) if len(kinds) == 1 else "",
            "period": " ".join(str(row[column]) for column in whens) or period,
        }
        stated += [
            {"measure": measure} | about | {"value": float(f"{row[c]:.{DIGITS}g}"), "unit": unit, "whole": c in whole}
            for c, (measure, unit) in measures.items()
            if pd.notna(row[c])
        ]
    return stated


def listed(
    measure: str, kind: str, values: Iterable[tuple[str, float]], unit: str = "money", period: str = ""
) -> list[dict]:
    """Give what a picture draws of one measure, name by name, as facts in its order; what is not known is left out.

    Examples
    --------
    >>> listed("revenue_step", "step", [("Price", 2.0), ("Mix", float("nan"))])[0]["entity"]
    'Price'
    """
    frame = pd.DataFrame(list(values), columns=["name", "value"])
    return facts(frame, {"name": kind}, {"value": (measure, unit)}, period=period)


def states(names: dict[str, str], **measures: tuple[str, str]) -> Callable:
    """Let a function that draws a picture state the facts of the frame that it draws, its first argument, as in `facts`."""

    def stating(draw: Callable) -> Callable:
        @wraps(draw)
        def drawn(frame: pd.DataFrame, *others: Any, **options: Any) -> Any:
            ax = draw(frame, *others, **options)
            if ax is not None:
                ax.facts = facts(frame, names, measures)
            return ax

        return drawn

    return stating


def _kind(row: dict[str, Any], kind: str) -> str:
    return str(row[kind[1:]]).lower() if kind.startswith("=") else kind
