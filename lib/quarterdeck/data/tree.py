"""How do regions lie in one another, where they are units of an organisation, and in which view are they seen?

What a snapshot and a run note of the organisation (`organisation.facts`) is read here, without the tables.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from quarterdeck.data import COMPANY

UNITS = "organisation"
AS_IT_WAS, TODAY = "as it was", "today"
VIEWS = {  # what a page says of them
    AS_IT_WAS: "regions are units of the organisation as it was: a sale counts for the unit that held its account on that day",
    TODAY: "regions are units of the organisation as it is today: past sales count for the unit that holds their account now",
}
MOVED = (  # what a page says beside that, of a unit as it was
    "accounts moved to or from {} in the last twelve months, so its growth and its forecasts rest on what it was before; the view "
    "of today compares like with like"
)


def noted(frozen: Mapping[str, Any]) -> dict[str, Any]:
    """Give what `run.json` says of the organisation, from what a snapshot says: the view, and by unit the one above it."""
    known = frozen.get(UNITS)
    return {UNITS: {"view": known["view"], "parents": known["parents"]}} if known else {}


def sums(frozen: Mapping[str, Any]) -> list[list]:
    """Give what a snapshot says adds up to what: a unit or the company, and its parts; nothing where there is no tree."""
    return frozen.get(UNITS, {}).get("sums", [])


def level(frozen: Mapping[str, Any], region: str) -> int:
    """Give the level of a region in the tree of a snapshot; 1 of the company, and where there is no tree."""
    return frozen.get(UNITS, {}).get("levels", {}).get(region, 1)


def below(parents: Mapping[str, str], names: frozenset[str]) -> frozenset[str]:
    """Give units and all that lie below them, but never the company, which lies below nothing.

    Parameters
    ----------
    parents : mapping
        As `facts` gives it.
    names : frozenset of str
        Of units; others stay as they are.

    >>> sorted(below({"Europe": "", "North": "Europe", "Oslo": "North", "Asia": ""}, frozenset(["Europe"])))
    ['Europe', 'North', 'Oslo']
    """
    found = names
    while more := {unit for unit, above in parents.items() if above in found} - found - {COMPANY}:
        found |= more
    return found


def unfolded(parents: Mapping[str, str], regions: Iterable[str]) -> list[tuple[str, int]]:
    """Give regions with how deep each lies among them, those of a unit right after it; else in the order given.

    Parameters
    ----------
    parents : mapping
        By region the one above it, or "".
    regions : iterable of str
        Their names.

    >>> unfolded({"Europe": "", "North": "Europe", "Oslo": "North"}, ["Oslo", "Asia", "Europe"])
    [('Asia', 0), ('Europe', 0), ('Oslo', 1)]
    """
    given = list(regions)
    inside: dict[str, list[str]] = {}
    for region in given:
        inside.setdefault(_above(parents, region, given), []).append(region)
    found, ahead = [], [(region, 0) for region in reversed(inside.get("", []))]
    while ahead:
        region, depth = ahead.pop()
        found.append((region, depth))
        ahead += [(part, depth + 1) for part in reversed(inside.get(region, []))]
    return found + [(region, 0) for region in given if region not in dict(found)]


def _above(parents: Mapping[str, str], region: str, among: list[str]) -> str:
    """Name the nearest of some regions that lies above one."""
    passed = {region}
    while (region := parents.get(region, "")) and region not in passed:
        if region in among:
            return region
        passed.add(region)
    return ""
