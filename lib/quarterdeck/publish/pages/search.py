"""Where is the region, customer, deal, seller or page that a reader looks for, and where does a page say something of it?

Only what the shelf gives is looked through: a reader finds nothing on a page that they may not see.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from quarterdeck.data import COMPANY
from quarterdeck.present import numbers
from quarterdeck.publish.access.shelf import LATEST, Run, Shelf, shows
from quarterdeck.publish.pages import page_frame, prerender

MOST = 50  # hits shown
# What a page names that is found by its name, and in which words.
KINDS = {
    "account": "Customer",
    "deal": "Deal",
    "seller": "Seller",
    "team": "Team",
    "rival": "Rival",
    "initiative": "Initiative",
}


def find(shelf: Shelf, prerenderer: prerender.Prerenderer, words: str) -> dict[str, Any]:
    """Find names, pages, sentences and figures that hold all of `words`, in the newest run of each company.

    Regions come first, then customers, deals, sellers and others by name, then pages. Headings and figures' names count more
    than sentences, all regions together more than one, and the page that is read first more than the next. Pages that are not
    rendered yet are counted as `missing`.
    """
    asked = words.casefold().split()[:12]
    hits, missing = [], 0
    for run in (shelf.find(company, LATEST) for company in shelf.companies()):
        hits += _places(shelf, run, asked) if run and asked else []
        for entry in run.notebooks() if run and asked else []:
            path = shows(entry) and shelf.notebook(run.company, run.name, entry["region"], entry["notebook"])
            rendered = path and prerenderer.find(path)
            rendered = rendered if rendered and prerender.whole(rendered) else None
            missing += bool(path and not rendered)
            hits += _hits(run, entry, rendered, asked) if rendered else []
    hits = sorted(hits, key=lambda hit: hit["rank"])
    hits = list({_once(h): h for h in reversed(hits)}.values())[::-1]  # said once, first
    return {"hits": hits[:MOST], "count": len(hits), "missing": missing, "words": words}


def _once(hit: dict[str, Any]) -> tuple[str, ...]:
    """Give that by which a hit is the same as another: a name stands on many pages, and one leads to it."""
    named = hit["kind"] in KINDS.values()
    return (hit["company"], hit["kind"], hit["text"]) if named else (hit["company"], hit["region"], hit["text"])


def _places(shelf: Shelf, run: Run, asked: list[str]) -> list[dict[str, Any]]:
    """Find regions, and pages, by their names; each leads to its first page that is there."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in sorted(run.notebooks(), key=lambda e: (e["region"] != COMPANY, _reading(e["notebook"]))):
        region, notebook = entry["region"], entry["notebook"]
        if not (link := page_frame.href(run, run.name, region, notebook)):
            continue
        place = {
            "company": page_frame.company_title(run),
            "region": page_frame.region_title(run, region),
            "section": "",
        }
        place |= {"page": page_frame.title(notebook), "href": link, "id": "main"}
        for kind, name, rank in (("Region", place["region"], -3), ("Page", place["page"], -1)):
            if all(w in name.casefold() for w in asked):
                found.setdefault((kind, name), place | {"kind": kind, "text": name, "rank": (rank,)})
    return list(found.values())


def _reading(notebook: str) -> int:
    return page_frame.READING.index(notebook) if notebook in page_frame.READING else len(page_frame.READING)


def _hits(run: Run, entry: dict[str, Any], rendered: Path, asked: list[str]) -> list[dict[str, Any]]:
    said, region, notebook = _said(rendered), entry["region"], entry["notebook"]
    place = {
        "company": page_frame.company_title(run),
        "region": page_frame.region_title(run, region),
        "page": page_frame.title(notebook)
        + (f" of {day}" if (day := page_frame.edition(run, region, notebook)) else ""),
        "href": page_frame.href(run, run.name, region, notebook),
    }
    order = (region != COMPANY, _reading(notebook))
    found = []
    for section, sentences in said["sections"]:
        about = all(w in section["name"].casefold() for w in asked)
        lines = [s for s, folded in sentences if about or all(w in folded for w in asked)]
        if about or lines:
            text = next(iter(lines), section["name"])
            found.append(
                {"text": text, "section": section["name"], "id": section["id"], "rank": (1 + (not about), *order)}
            )
    hits = [*_named(said, asked, order), *_figures(run, entry, said["titles"], asked, order), *found]
    return [{"kind": "", **place, **hit} for hit in hits]


def _named(said: dict[str, Any], asked: list[str], order: tuple) -> list[dict[str, Any]]:
    """Find whom a page names: customers, deals, sellers, teams, rivals."""
    return [
        {
            "kind": KINDS[kind],
            "text": name,
            "section": section,
            "id": anchor,
            "rank": (-2, list(KINDS).index(kind), *order),
        }
        for kind, name, folded, section, anchor in said["names"]
        if all(w in folded for w in asked)
    ]


def _figures(run: Run, entry: dict[str, Any], titles: dict[str, str], asked: list[str], order: tuple) -> list[dict]:
    kpis = run.kpis(entry["region"], entry["notebook"])
    named = [(name, kpis[m]) for m, name in titles.items() if m in kpis]
    currency = run.facts.get("currency", "")
    return [
        {
            "text": f"{name}: {numbers.amount(kpi['value'], kpi['unit'], currency)}",
            "section": kpi["period"] or "",
            "id": "main",
            "rank": (0, *order),
        }
        for name, kpi in named
        if all(w in name.casefold() for w in asked)
    ]


@lru_cache(maxsize=4096)
def _said(rendered: Path) -> dict[str, Any]:
    """Give what a page says, with each sentence also as it is compared; a rendered is named by its content."""
    said = prerender.said(rendered)
    sections = [(s, [(text, text.casefold()) for text in s["sentences"]]) for s in said["sections"]]
    names = [
        (kind, name, name.casefold(), s["name"], s["id"])
        for s in said["sections"]
        for kind, name in s["names"]
        if kind in KINDS
    ]
    return {"sections": sections, "titles": said["titles"], "names": names}
