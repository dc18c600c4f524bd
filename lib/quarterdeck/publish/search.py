"""Where does a page say something of what a reader looks for?

Only what the shelf gives is looked through: a reader finds nothing on a page that they may not see.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from quarterdeck.data import COMPANY
from quarterdeck.present import written
from quarterdeck.publish import press, view
from quarterdeck.publish.access import LATEST, WHOLE, Run, Shelf

MOST = 50  # hits shown


def find(shelf: Shelf, kept: press.Press, words: str) -> dict[str, Any]:
    """Find sentences and figures that hold all of `words`, in the newest run of each company.

    Headings and figures' names count more than sentences, all regions together more than one, and the page that is read
    first more than the next. Pages that are not rendered yet are counted as `missing`.
    """
    asked = words.casefold().split()[:12]
    hits, missing = [], 0
    for run in (shelf.find(company, LATEST) for company in shelf.companies()):
        for entry in run.notebooks() if run and asked else []:
            path = entry["state"] in WHOLE and shelf.notebook(run.company, run.name, entry["region"], entry["notebook"])
            sheet = path and kept.sheet(path)
            missing += bool(path and not sheet)
            hits += _hits(run, entry, sheet, asked) if sheet else []
    hits = sorted(hits, key=lambda hit: hit["rank"])
    hits = list({(h["company"], h["region"], h["text"]): h for h in reversed(hits)}.values())[::-1]  # said once, first
    return {"hits": hits[:MOST], "count": len(hits), "missing": missing, "words": words}


def _hits(run: Run, entry: dict[str, Any], sheet: Path, asked: list[str]) -> list[dict[str, Any]]:
    told, region, notebook = _said(sheet), entry["region"], entry["notebook"]
    place = {
        "company": view.company_title(run),
        "region": view.region_title(run, region),
        "page": view.title(notebook),
        "href": view.href(run, run.name, region, notebook),
    }
    order = (region != COMPANY, view.READING.index(notebook) if notebook in view.READING else len(view.READING))
    found = []
    for section, sentences in told["sections"]:
        about = all(w in section["name"].casefold() for w in asked)
        lines = [s for s, folded in sentences if about or all(w in folded for w in asked)]
        if about or lines:
            text = next(iter(lines), section["name"])
            found.append(
                {"text": text, "section": section["name"], "id": section["id"], "rank": (1 + (not about), *order)}
            )
    return [{**place, **hit} for hit in [*_figures(run, entry, told["titles"], asked, order), *found]]


def _figures(run: Run, entry: dict[str, Any], titles: dict[str, str], asked: list[str], order: tuple) -> list[dict]:
    kpis = run.kpis(entry["region"], entry["notebook"])
    named = [(name, kpis[m]) for m, name in titles.items() if m in kpis]
    currency = run.facts.get("currency", "")
    return [
        {
            "text": f"{name}: {written.amount(kpi['value'], kpi['unit'], currency)}",
            "section": kpi["period"] or "",
            "id": "main",
            "rank": (0, *order),
        }
        for name, kpi in named
        if all(w in name.casefold() for w in asked)
    ]


@lru_cache(maxsize=4096)
def _said(sheet: Path) -> dict[str, Any]:
    """Give what a page says, with each sentence also as it is compared; a sheet is named by its content."""
    told = press.said(sheet)
    sections = [(s, [(text, text.casefold()) for text in s["sentences"]]) for s in told["sections"]]
    return {"sections": sections, "titles": told["titles"]}
