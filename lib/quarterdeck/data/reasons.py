"""Why does a figure have no rows? Each function says it of itself, and the desk makes a sentence of it.

There are three reasons. A table or a column is missing ("Not shown: it needs …, which the data of Acme leaves empty"); there is
too little in it ("Not shown: it needs sixty …, more than the data of Acme holds", with how much is needed); or there was enough to
look, and nothing was found ("Nothing to show: no …").
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

LACKING = "lacking"  # the attribute of a frame that holds the sentence
LOOKED = "looked at"  # the attribute of a frame without rows that tells among how many it was looked


@dataclass(frozen=True)
class Reason:
    """What a function gives no rows without: what it needs, or what there is none of; and the columns that must hold something."""

    needs: str
    none: str
    columns: tuple[str, ...]


NONE = Reason("", "", ())


def no_rows(*columns: str, needs: str = "", none: str = "") -> Callable[[Callable], Callable]:
    """Say of an analysis function what it gives no rows without.

    Parameters
    ----------
    columns : str
        "table.column", where nothing can be said if the column is empty.
    needs : str
        What must be there, and how much of it: "eight whole quarters of the market".
    none : str
        Where no rows are an answer, which: "no open deal is past its expected day". Beside `needs` it is the answer where the
        function says that there was enough to look (`looked`).
    """

    def declare(function: Callable) -> Callable:
        function.no_rows = Reason(needs, none, columns)
        return function

    return declare


def looked(found: pd.DataFrame, among: int) -> pd.DataFrame:
    """Note on what a function found among how many it looked; without rows it is then known whether there was enough to look.

    Parameters
    ----------
    found : DataFrame
        The function's answer.
    among : int
        How many there were to look among: groups that are large enough, say.

    Returns
    -------
    DataFrame
        The same rows.
    """
    found.attrs[LOOKED] = int(among)
    return found


def void(function: Callable, tables: Mapping[str, pd.DataFrame], whose: str) -> str:
    """Say which columns a function needs that hold nothing; empty where there is none. `whose` is as in `reason`."""
    needed = [n.split(".") for n in getattr(function, "no_rows", NONE).columns]
    empty = [f"{c} of {t.replace('_', ' ')}" for t, c in needed if t in tables and tables[t][c].isna().all()]
    return f"Not shown: it needs {' and '.join(empty)}, which the data of {whose} leaves empty." if empty else ""


def reason(
    function: Callable, given: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], whose: str, among: int = 0
) -> str:
    """Say why a function gave no rows.

    The columns that it needs come first, then frames without rows that it was `given`, each of which has its own reason; then
    what it needs or found none of.

    Parameters
    ----------
    whose : str
        Whose data it is: "Acme", or "Acme for North".
    among : int
        Among how many the function looked, where it says that.
    """
    if said := void(function, tables, whose):
        return said
    said = getattr(function, "no_rows", NONE)
    frames = [v for v in given.values() if isinstance(v, pd.DataFrame) and v.empty]
    if inherited := next((f.attrs[LACKING] for f in frames if LACKING in f.attrs), ""):
        return inherited
    if said.none and (among or not said.needs):
        return f"Nothing to show: {said.none}."
    return f"Not shown: it needs {said.needs}, more than the data of {whose} holds." if said.needs else ""
