"""Which facts of a run's pages contradict each other?

One fact has one value on every page, at the precision shown; parts add up to their whole, and shares to one; a figure that joins
others lies among them; words follow from the figures as they read, and colours and odds from the same predicates as the words.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, groupby
from typing import Any

import pandas as pd

from quarterdeck.analysis.brief.figures import FIGURES
from quarterdeck.analysis.brief.metrics import METRICS
from quarterdeck.analysis.methods.claims import ODDS, holds, standing_of
from quarterdeck.data.snapshot import COMPANY
from quarterdeck.present.tables import written

# Measures that a page draws to the mean of its own sellers, or counts in its own region alone where a seller has several, so
# that two pages may differ: these are counted, and fail no run.
PER_PAGE: tuple[str, ...] = (
    "quota_attainment of seller",
    "seller_earned of seller",
    "seller_sold of seller",
    "lever_gap of seller",
    "seller_attainment of seller",
    "seller_size of seller",
    "win_rate of team",
)
# So is this where regions are units: their accounts may lie outside the region that the market table speaks of, and the page of
# rivals takes what we and they sold together for the market where that is more.
PER_PAGE_OF_UNITS = ("market_share of region",)
ONE_VALUE = "one fact, one value"
OWN = ("account", "deal", "seller", "team", "region")  # kinds that are the same whichever region's page they stand on
PARTED = (
    "account",
    "seller",
    "team",
)  # of these, those of which each unit of an organisation has the part that is its own
NAMED = (*OWN, "segment", "product", "category", "channel", "rival", "initiative", "stage", "group", "month", "weekday")
MOST = 20  # values of one fact that are looked at
JOINED = {"forecast_joined": "forecast_view"}  # what joins other figures, and the measure of these
COMPARED = {  # predicates of two figures that must not read alike, and which the other figure is
    **dict.fromkeys(("rose", "fell", "clearly rose", "clearly fell"), "before"),
    **dict.fromkeys(("more than", "less than"), "than"),
    "short of": "target",
}
# What a forecast may be said to be of its target, where its chance is said to be so.
REACH = {
    "heading above": ("very likely",),
    "within reach of": ("likely", "as likely as not"),
    "heading below": ("very unlikely",),
}
GROWTH = {"revenue": "revenue_growth"}  # a sum, and the rate by which it moved, whose interval decides
Fact = dict[str, Any]


def contradictions(
    facts: pd.DataFrame,
    regions: dict[str, str] | None = None,
    expected: int = 0,
    tree: Sequence[tuple[str, list[str]]] = (),
) -> list[dict]:
    """Hold all facts of a run against each other.

    Parameters
    ----------
    facts : DataFrame
        As `facts.frame` gives it.
    regions : dict, optional
        The regions that were run: the name that the data gives each, by that of its file.
    expected : int
        How many regions the company has; only where all of them were run must they add up to it, else not be more.
    tree : sequence of (str, list of str), optional
        As `reconcile.reconcile` takes it: the units of the first sum are the regions, and those below them are in theirs.

    Returns
    -------
    list of dict
        One per break, with the keys of `reconcile.reconcile`, `ok` False, and `entity`, `period` and `shown` (two texts).

    Examples
    --------
    >>> from quarterdeck.batch.facts import frame
    >>> one = {"measure": "account_chance", "kind": "account", "entity": "A", "value": 0.14, "unit": "chance", "form": "table"}
    >>> two = [one | {"region": "company"}, one | {"region": "x", "value": 0.17}]
    >>> contradictions(frame(two))[0]["shown"]
    ['14 %', '17 %']
    """
    facts = facts[facts["measure"].isin([*METRICS, *FIGURES])]  # a company's own notebook may state others
    known = facts.dropna(subset=["value"])
    known = known.assign(who=_who(known), scope=_scope(known, bool(tree)))
    known = known[known["who"].ne("")]
    said = facts[facts["predicate"].ne("")].to_dict("records")
    top = known
    if tree:
        regions, expected = _highest(regions or {}, tree[0][1]), len(tree[0][1])
        deeper = known["kind"].eq("region") & ~known["entity"].isin(regions.values())
        top = known[known["region"].isin(regions) & ~deeper]
    files, names = set(regions or {}) - {COMPANY}, set((regions or {}).values()) - {COMPANY}
    all_there = len(files) == expected > 0
    sums = [*_parts(top, files if all_there else None), *_regions(top, names if all_there else None)]
    words = [*_words(said), *_odds(said), *_colours(said, known)]
    return [*_one_value(known), *_shares(known), *_joined(known), *sums, *words]


def _highest(regions: dict[str, str], units: list[str]) -> dict[str, str]:
    return {file: name for file, name in regions.items() if name == COMPANY or name in units}


def held(
    facts: pd.DataFrame, regions: dict[str, str], expected: int, tree: Sequence[tuple[str, list[str]]] = ()
) -> tuple[list[dict], dict[str, int]]:
    """Give what `run.json` says of a run's facts: what was held against what, and what pages compute for themselves.

    The parameters are those of `contradictions`.

    Returns
    -------
    tuple
        A check for each measure that is stated in two places, with `n` facts, and each break; and how many breaks there are of each
        measure in PER_PAGE, which fail no run.
    """
    found = contradictions(facts, regions, expected, tree)
    by_page = (*PER_PAGE, *(PER_PAGE_OF_UNITS if tree else ()))
    broken = [b for b in found if b["of"] not in by_page]
    known = facts.dropna(subset=["value"])
    stated = (
        known.assign(scope=_scope(known, bool(tree))).groupby(["measure", "kind", "entity", "period", "scope"]).size()
    )
    twice = stated[stated > 1].groupby("measure").size().drop([b["metric"] for b in found], errors="ignore")
    sound = {"check": ONE_VALUE, "region": COMPANY, "places": [], "values": [], "difference": 0.0, "ok": True}
    whole = [sound | {"metric": measure, "n": int(n)} for measure, n in twice.items()]
    return whole + broken, dict(Counter(b["of"] for b in found if b["of"] in by_page))


def alike(one: Fact, other: Fact) -> bool:
    """Tell whether two facts read the same, in the coarser of the two ways in which they are written."""
    return any(written(one["value"], u) == written(other["value"], u) for u in {_unit(one), _unit(other)})


def _unit(fact: Fact) -> str:
    return fact["unit"] or (METRICS.get(fact["measure"]) or FIGURES[fact["measure"]]).unit


def _additive(known: pd.DataFrame) -> pd.Series:
    """Tell which facts are of a measure of which a whole is the sum of its parts'; claims may be of any statistic of it."""
    sums = [name for name, measure in (METRICS | FIGURES).items() if measure.additive]
    return known["measure"].isin(sums) & known["predicate"].eq("")


def _who(known: pd.DataFrame) -> pd.Series:
    """Give whom each fact is of: the name, or where two have the same name the id; nothing where it is not known which."""
    named = known[known["id"] != ""].groupby(["kind", "entity"])["id"].nunique()
    twice = pd.MultiIndex.from_frame(known[["kind", "entity"]]).isin(named[named > 1].index)
    return known["entity"].mask(twice, known["id"])


def _scope(known: pd.DataFrame, parted: bool = False) -> pd.Series:
    """Give within what a fact is the same: the run, a region's pages, or, of what is no name but a sentence's own words, a page.

    Where regions are units of an organisation (`parted`), accounts and sellers may have been in several; a page gives its own part.
    """
    own_page = known["measure"].isin([name for name, figure in FIGURES.items() if figure.of_page])
    of_page = own_page | known["predicate"].ne("") & ~known["kind"].isin(NAMED)
    everywhere = known["kind"].isin(OWN) & ~(known["kind"].isin(PARTED) & parted)
    scope = known["region"].where(~everywhere, "")
    return scope.where(~of_page, known["region"] + "/" + known["page"])


def _grouped(known: pd.DataFrame, *keys: str) -> Iterable[list[Fact]]:
    groups: dict[tuple, list[Fact]] = {}
    for row in known.to_dict("records"):
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups.values()


def _one_value(known: pd.DataFrame) -> Iterator[dict]:
    """Find facts that read differently in two places."""
    keys = ["measure", "kind", "who", "period", "scope"]
    same = known.groupby(keys)["value"]
    apart = known[same.transform("max") > same.transform("min")]
    for rows in _grouped(apart.drop_duplicates([*keys, "value", "unit"]), *keys):
        two = next((pair for pair in combinations(rows[:MOST], 2) if not alike(*pair)), None)
        if two:
            yield _break(ONE_VALUE, *two)


def _shares(known: pd.DataFrame) -> Iterator[dict]:
    """Find shares of all parts of something that do not add up to one."""
    shares = known[known["whole"]]
    for parts in _grouped(shares, "measure", "kind", "period", "region", "page", "section"):
        whole = parts[0] | {"entity": "the whole", "value": 1.0}
        if _unit(whole) != "money" and abs(sum(part["value"] for part in parts) - 1) > 1e-6:
            yield _break("shares add up to one", _summed(parts), whole)


def _joined(known: pd.DataFrame) -> Iterator[dict]:
    """Find figures that lie outside of those that they join."""
    for joint, view in JOINED.items():
        for rows in _grouped(known[known["measure"].isin([joint, view])], "region", "page", "period"):
            views = sorted((r for r in rows if r["measure"] == view), key=lambda r: r["value"])
            for row in (r for r in rows if r["measure"] == joint and len(views) > 1):
                nearest = views[0] if row["value"] < views[0]["value"] else views[-1]
                if not views[0]["value"] <= row["value"] <= views[-1]["value"] and not alike(row, nearest):
                    yield _break("what joins figures lies among them", row, nearest)


def _parts(known: pd.DataFrame, regions: set[str] | None) -> Iterator[dict]:
    """Find what is stated of a part of the company and is not the sum of what the regions' pages state of it."""
    parts = known[_additive(known) & ~known["kind"].isin(OWN)]
    for rows in _grouped(parts, "measure", "kind", "who", "period"):
        yield from _sum({row["region"]: row for row in rows}, regions)


def _regions(known: pd.DataFrame, regions: set[str] | None) -> Iterator[dict]:
    """Find what is stated of the company and is not the sum of what is stated of its regions."""
    for rows in _grouped(known[_additive(known) & known["kind"].eq("region")], "measure", "period"):
        yield from _sum({row["entity"]: row for row in rows}, regions)


def _sum(each: dict[str, Fact], regions: set[str] | None) -> Iterator[dict]:
    """Find regions that do not add up to the company; where some are not known, only those that are more than it."""
    parts = [fact for region, fact in sorted(each.items()) if region != COMPANY]
    if COMPANY not in each or not parts:
        return
    whole = each[COMPANY]
    summed = _summed(parts) | {"entity": whole["entity"]}
    more = summed["value"] > whole["value"] and all(part["value"] >= 0 for part in parts)
    complete = regions is not None and regions <= set(each)
    if (complete or more) and not alike(summed, whole):
        yield _break("parts add up", summed, whole)


def _words(said: list[Fact]) -> Iterator[dict]:
    """Find words that do not follow from their figures as these read."""
    for fact in said:
        figures, predicate = json.loads(fact["figures"]), fact["predicate"]
        if not holds(predicate, figures, fact["unit"]):
            yield _word("words follow from figures", fact, "is not so")
        elif predicate in COMPARED:
            now, beside = (written(figures[f], _unit(fact)) for f in ("now", COMPARED[predicate]))
            both = fact["form"] in ("figure", "tile") or fact["text"].count(now) > 1
            if now == beside and both:
                yield _word("words follow from figures", fact, f"of {now} and {beside}")


def _odds(said: list[Fact]) -> Iterator[dict]:
    """Find words of odds that do not follow from the chance."""
    for fact in (f for f in said if f["predicate"] in ODDS):
        others = _odds_in(fact["text"]) - {f["predicate"] for f in said if f["text"] == fact["text"]}
        if others:
            yield _word("odds follow the chance", fact, f"and says “{min(others)}”")
    chances = {f["region"]: f for f in said if f["measure"] == "target_probability" and f["predicate"] in ODDS}
    for fact in (f for f in said if f["measure"] == "forecast_p50"):
        chance = chances.get(fact["region"])
        if chance and chance["predicate"] not in REACH.get(fact["predicate"], (chance["predicate"],)):
            shown = [f"“{fact['predicate']}”", f"“{chance['predicate']}” ({written(chance['value'], 'chance')})"]
            yield _break("odds follow the chance", fact, chance) | {"shown": shown}


def _colours(said: list[Fact], known: pd.DataFrame) -> Iterator[dict]:
    """Find colours that do not follow from the words, or from the interval of the growth that the pages show."""
    moved = known[known["measure"].isin(GROWTH.values())].dropna(subset=["low", "high"])
    open_ = {(r["region"], r["measure"]): r for r in moved.to_dict("records") if r["low"] <= 0 <= r["high"]}
    for fact in (f for f in said if f["form"] in ("figure", "tile")):
        right = standing_of(fact["predicate"], METRICS[fact["measure"]].better)
        rate = open_.get((fact["region"], GROWTH.get(fact["measure"], "")))
        if fact["state"] != right:
            yield _word("colours follow the words", fact, f"is “{right}”, shown as “{fact['state']}”")
        elif right and rate:
            shown = [f"“{fact['text']}”", f"{written(rate['low'], 'ratio')} to {written(rate['high'], 'ratio')}"]
            yield _break("colours follow the words", fact, rate) | {"shown": shown}


def _odds_in(text: str) -> set[str]:
    found = set()
    for word in sorted(ODDS, key=len, reverse=True):  # "very likely" before "likely"
        if f" {word} " in f" {text} ":
            found.add(word)
            text = text.replace(word, "")
    return found


def _summed(parts: list[Fact]) -> Fact:
    where = " + ".join(region for region, _ in groupby(part["region"] for part in parts))
    return parts[0] | {"value": sum(part["value"] for part in parts), "region": where}


def _word(check: str, fact: Fact, why: str) -> dict:
    return _break(check, fact, fact) | {"shown": [f"“{fact['text']}”", f"“{fact['predicate']}” {why}"]}


def _break(check: str, one: Fact, other: Fact) -> dict:
    """Give a break as `reconcile` gives a check that does not hold."""
    values = [None if row["value"] != row["value"] else float(row["value"]) for row in (one, other)]
    return {
        "check": check,
        "metric": one["measure"],
        "of": f"{one['measure']} of {one['kind']}",
        "region": one["region"] if one["region"] == other["region"] else COMPANY,
        "entity": f"{one['kind']} {one['entity']}".removeprefix("region ").strip(),
        "period": one["period"],
        "places": [f"{r['region']}/{r['page']} under “{r['section']}”" for r in (one, other)],
        "values": values,
        "shown": ["" if row["value"] != row["value"] else written(row["value"], _unit(row)) for row in (one, other)],
        "difference": round(values[0] - values[1], 4) if None not in values else None,
        "ok": False,
    }
