"""What do the frame around a page, and the landing page, say of a run? Everything here comes out of `run.json`."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from quarterdeck.data import COMPANY
from quarterdeck.present import written
from quarterdeck.present.agreed import agreed
from quarterdeck.publish.access import LATEST, WHOLE, Run, Shelf
from quarterdeck.publish.papers import BRIEF, PAPERS
from quarterdeck.publish.stored import title

# The order in which a sales chief reads; a notebook not named here follows in the run's own order.
READING = [
    "executive_brief", "market_research", "competitor_analysis", "team_performance", "forecasting",
    "targets", "customers", "initiatives",
]  # fmt: skip
STALE = timedelta(days=4)  # a run each working day is never older, be it after a long weekend
LIKELY = [(0.6, "good"), (0.4, "warn"), (0.0, "bad")]  # the chance of reaching a target, and its colour


def landing(shelf: Shelf, now: datetime) -> list[dict[str, Any]]:
    """Describe every company on the shelf: its newest run in full, and the runs before it by a line each."""
    return [_company(shelf, name, now) for name in shelf.companies()]


def _company(shelf: Shelf, company: str, now: datetime) -> dict[str, Any]:
    latest = shelf.find(company, LATEST)
    shown = latest or shelf.runs(company)[0]
    name = LATEST if latest else shown.name
    others = [summary(r, r.name, now) for r in shelf.runs(company) if r != shown]
    return {**summary(shown, name, now), "rows": rows(shown, name), "others": others}


def summary(run: Run, name: str, now: datetime) -> dict[str, Any]:
    """Say of a run whose it is, of which day, how old, and whether it is whole; `name` is how its address calls it."""
    entries = run.notebooks()
    failed = sum(e["state"] not in WHOLE for e in entries)
    currency = run.facts.get("currency", "")
    return {
        "company": company_title(run),
        "address": address(run.company, name),
        "run": run.name,
        "as_of": day(run.facts["as_of"]),
        "created": run.facts["created_at"],
        "age": age(run.facts["created_at"], now),
        "stale": now - _moment(run.facts["created_at"]) > STALE,
        "snapshot": str(run.facts.get("snapshot", ""))[:8],
        "library": run.facts.get("library", ""),
        "whole": len(entries) - failed,
        "failed": failed,
        "count": len(entries),
        "headline": revenue(run, COMPANY, currency),
        "reconciled": _reconciled(run.facts),
    }


def _reconciled(facts: dict[str, Any]) -> str:
    """Say whether the run's figures agree; who sees only some of its regions is not told."""
    return "of the regions that you may see" if facts.get("in_part") else agreed(facts.get("reconciliation", []))


def company_title(run: Run) -> str:
    """Name a run's company."""
    return run.facts.get("title") or title(run.company)


def frame(shelf: Shelf, run: Run, name: str, region: str, notebook: str, now: datetime) -> dict[str, Any]:
    """Describe what stands around one notebook's page: where else to go in this same run, and what the page stands on."""
    latest = shelf.find(run.company, LATEST)
    newer = latest and _looks_from(latest) > _looks_from(run) and shelf.notebook(run.company, LATEST, region, notebook)
    pages = ((n, href(run, run.name, region, n)) for n in _notebooks(run))
    here = href(run, run.name, region, notebook)
    return {
        **summary(run, name, now),
        "address": address(run.company, run.name),
        "digest": digest([k for k in run.facts.get("kpis", []) if (k["region"], k["notebook"]) == (region, notebook)]),
        "region": region_title(run, region),
        "notebook": title(notebook),
        "pages": [_link(title(n), link, n == notebook) for n, link in pages if link],
        "regions": [_link(named, link, r == region) for r, named, link in _doors(run, notebook)],
        "newer": href(latest, LATEST, region, notebook) if newer else "",
        "here": here,
        "papers": [(words, f"{here}/{paper}") for paper, words in PAPERS.items()] if notebook == BRIEF else [],
    }


def _looks_from(run: Run) -> tuple[str, str]:
    """Order runs by the day that they look from, then by when they were made."""
    return run.facts["as_of"], run.facts["created_at"]


def rows(run: Run, name: str) -> list[dict[str, Any]]:
    """Describe a run region by region: its headline figures, its pages, and why a page is not there."""
    return [
        {
            "region": region_title(run, region),
            "all": region == COMPANY,
            "revenue": revenue(run, region, run.facts.get("currency", "")),
            "chance": chance(run, region),
            "pages": [_page(run, name, region, n) for n in _notebooks(run) if run.entry(region, n)],
        }
        for region in _regions(run)
    ]


def chance(run: Run, region: str) -> dict[str, str] | None:
    """Say how likely a region is to reach its target, where the run recorded that."""
    kpi = run.kpis(region).get("target_probability")
    if not kpi or kpi["value"] is None:
        return None
    state = next(state for least, state in LIKELY if kpi["value"] >= least)
    return {"state": state, "words": f"{written.chance(kpi['value'])} likely to reach the target"}


def digest(records: list[dict[str, Any]]) -> str:
    """Give a short hash of the KPIs that a page shows: the same figures have the same one, stored or alive."""
    figures = [{k: v for k, v in r.items() if k not in ("region", "notebook")} for r in records]
    lines = sorted(json.dumps(figure, sort_keys=True) for figure in figures)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


def _page(run: Run, name: str, region: str, notebook: str) -> dict[str, Any]:
    link = href(run, name, region, notebook)
    return {"title": title(notebook), **({"href": link} if link else {"error": why(run.entry(region, notebook))})}


def href(run: Run, name: str, region: str, notebook: str) -> str:
    """Give the address of a page, or nothing where there is none."""
    entry = run.entry(region, notebook)
    if not entry or entry["state"] not in WHOLE:
        return ""
    return f"{address(run.company, name)}/{quote(region, safe='')}/{quote(notebook, safe='')}"


def why(entry: dict[str, Any]) -> str:
    """Say in one line why a notebook failed."""
    lines = str(entry.get("error") or "").strip().splitlines()
    return lines[0][:300] if lines else "The run gives no reason."


def address(company: str, run: str) -> str:
    """Give the address of a run's landing page."""
    return f"/{quote(company, safe='')}/{quote(run, safe='')}"


def region_title(run: Run, region: str) -> str:
    """Name a region as its parameters do; the company as a whole is "All regions"."""
    if region == COMPANY:
        return "All regions"
    named = (run.entry(region, n) for n in _notebooks(run))
    return next(
        (str(e["parameters"]["region"]) for e in named if e and e.get("parameters", {}).get("region")), title(region)
    )


def revenue(run: Run, region: str, currency: str) -> dict[str, str] | None:
    """Write a region's revenue and its growth on a year before, where the run recorded them."""
    kpis = run.kpis(region)
    sales, growth = kpis.get("revenue"), kpis.get("revenue_growth")
    if not sales or sales["value"] is None:
        return None
    moved = growth["value"] if growth else None
    return {
        "amount": written.money(sales["value"], currency).strip(),
        "change": "" if moved is None else written.change(moved),
        "period": sales.get("period") or "",
        "state": "" if not moved else "good" if moved > 0 else "bad",
    }


def age(created: str, now: datetime) -> str:
    """Say how old a run is; a time without a zone is taken as UTC.

    >>> age("2026-11-22T16:10:00+00:00", datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    '7 h old'
    """
    minutes = (now - _moment(created)).total_seconds() / 60
    if minutes < 60:
        return f"{max(minutes, 0):.0f} min old"
    return f"{minutes // 60:.0f} h old" if minutes < 48 * 60 else f"{minutes // 1440:.0f} days old"


def _moment(created: str) -> datetime:
    made = datetime.fromisoformat(created)
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def day(date: str) -> str:
    """Write an ISO date for people.

    >>> day("2026-11-05")
    '5 Nov 2026'
    """
    return written.day(datetime.fromisoformat(date))


@lru_cache(maxsize=256)
def _doors(run: Run, notebook: str) -> list[tuple[str, str, str]]:
    """Give a notebook's pages, one for each region: its name in the run, its name for people, the address."""
    return [(r, region_title(run, r), href(run, run.name, r, notebook)) for r in _regions(run)]


def _link(text: str, href: str, here: bool) -> dict[str, Any]:
    return {"title": text, "href": href, "here": here}


def _notebooks(run: Run) -> list[str]:
    return _order(run)[0]


def _regions(run: Run) -> list[str]:
    return _order(run)[1]


@lru_cache(maxsize=64)
def _order(run: Run) -> tuple[list[str], list[str]]:
    """Name a run's notebooks as a chief reads them, and its regions: the company first, then the run's own order."""
    notebooks = dict.fromkeys(e["notebook"] for e in run.notebooks())
    regions = dict.fromkeys(e["region"] for e in run.notebooks())
    known = sorted(notebooks, key=lambda n: READING.index(n) if n in READING else len(READING))
    return known, sorted(regions, key=lambda r: r != COMPANY)
