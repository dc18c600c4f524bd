"""What do the frame around a page, and the landing page, say of a run? Everything here comes out of `run.json`."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from quarterdeck.data import COMPANY
from quarterdeck.data.tree import UNITS, unfolded
from quarterdeck.present import numbers
from quarterdeck.publish.access.shelf import LATEST, WHOLE, Run, Shelf, shows
from quarterdeck.publish.exports.formats import BRIEF, EXPORTS
from quarterdeck.publish.pages.render import title

# The order in which a sales chief reads; a notebook not named here follows in the run's own order.
READING = [
    "executive_brief", "market_research", "competitor_analysis", "team_performance", "forecasting",
    "targets", "customers", "initiatives",
]  # fmt: skip
STALE = timedelta(days=4)  # a run each working day is never older, be it after a long weekend
NO_PAGE = "Its update failed, and there is no earlier edition of it."
BULLET = 200  # pixels of the line on which a region's figures stand
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
    facts = _lasting(run.outline)
    return facts | _lag(facts["created"], now) | {"address": address(run.company, name)}


@lru_cache(maxsize=4096)
def _lasting(run: Run) -> dict[str, Any]:
    """Give what a line on a run says for as long as its record does not change; it is in memory for every run."""
    entries, facts = run.notebooks(), run.facts
    failed = sum(e["state"] not in WHOLE for e in entries)
    return {
        "company": company_title(run),
        "run": run.name,
        **_stand(facts),
        "library": facts.get("library", ""),
        "whole": len(entries) - failed,
        "failed": failed,
        "count": len(entries),
        "headline": revenue(run, COMPANY, facts["currency"]),
        "view": facts.get(UNITS, {}).get("view", ""),
        # A reader of some regions does not learn whether all figures agree.
        "reconciled": "of the regions that you may see" if facts.get("in_part") else facts["agreed"],
    }


def _stand(made: dict[str, Any]) -> dict[str, Any]:
    """Say of which day and snapshot a run or a page is, and when it was made."""
    return {"as_of": day(made["as_of"]), "created": made["created_at"], "snapshot": made["snapshot"][:8]}


def _lag(created: str, now: datetime) -> dict[str, Any]:
    """Say how old a run or a page is, and whether that is too old."""
    return {"age": age(created, now), "stale": now - moment(created) > STALE}


def company_title(run: Run) -> str:
    """Name a run's company."""
    return run.facts.get("title") or title(run.company)


def frame(shelf: Shelf, run: Run, name: str, region: str, notebook: str, now: datetime) -> dict[str, Any]:
    """Describe what stands around one notebook's page: where else to go in this same run, and what the page stands on."""
    pages = [(n, href(run, run.name, region, n)) for n in _notebooks(run) if run.entry(region, n)]
    here, made = href(run, run.name, region, notebook), run.made(region, notebook)
    return {
        **summary(run, name, now),
        **_stand(made),
        **_lag(made["created_at"], now),
        "edition": edition(run, region, notebook),
        "address": address(run.company, run.name),
        "digest": digest([k for k in made.get("kpis", []) if (k["region"], k["notebook"]) == (region, notebook)]),
        "region": region_title(run, region),
        "notebook": title(notebook),
        "pages": [_link(title(n), link, n == notebook) for n, link in pages],
        "linked": [n for n, link in pages if link],
        "regions": [_link(named, link, r == region) | {"deep": deep} for r, named, link, deep in _doors(run, notebook)],
        "newer": _newer(shelf, run, region, notebook),
        "here": here,
        "exports": [(words, f"{here}/{file}") for file, words in EXPORTS.items()] if notebook == BRIEF else [],
    }


def _newer(shelf: Shelf, run: Run, region: str, notebook: str) -> str:
    """Give a page's address in the newest run, where it is there and made after this one."""
    latest, page = shelf.find(run.company, LATEST), (region, notebook)
    if not latest or _looks_from(latest, *page) <= _looks_from(run, *page):
        return ""
    return href(latest, LATEST, *page) if shelf.notebook(run.company, LATEST, *page) else ""


def _looks_from(run: Run, region: str, notebook: str) -> tuple[str, str]:
    """Order a page's editions by the day that they look from, then by when they were made."""
    made = run.made(region, notebook)
    return made["as_of"], made["created_at"]


@lru_cache(maxsize=32)
def rows(run: Run, name: str) -> list[dict[str, Any]]:
    """Describe a run region by region: its headline figures, its pages, and why a page is not there.

    All regions together come first, then the largest gap to target; regions without a target follow in the run's own order. Where
    regions are units of an organisation, those of a unit follow it.
    """
    found = [_row(run, name, region) for region in _regions(run)]
    wide = max((row["outlook"]["most"] for row in found if row["outlook"] and not row["all"]), default=0.0)
    for row in found:
        if row["outlook"]:
            row["bullet"] = bullet(row["outlook"], row["outlook"]["most"] if row["all"] else wide)
    found = sorted(found, key=lambda row: (not row["all"], row["gap"] is None, row["gap"] or 0.0))
    return [row | {"deep": deep} for row, deep in _unfolded(run, found, lambda row: (row["all"], row["region"]))]


def _row(run: Run, name: str, region: str) -> dict[str, Any]:
    currency = run.facts.get("currency", "")
    pages = [_page(run, name, region, n) for n in _notebooks(run) if run.entry(region, n)]
    ends = outlook(run, region)
    gap = ends["forecast"] - ends["target"] if ends and ends["target"] is not None else None
    return {
        "region": region_title(run, region),
        "all": region == COMPANY,
        "revenue": revenue(run, region, currency),
        "chance": chance(run, region),
        "outlook": ends,
        "written": {k: numbers.money(v, currency) for k, v in (ends or {}).items() if v is not None},
        "gap": gap,
        "missed": None if gap is None else numbers.money(abs(gap), currency),
        "pages": pages,
        "home": next((p["href"] for p in pages if p["href"]), ""),
    }


def outlook(run: Run, region: str) -> dict[str, float | None] | None:
    """Give where a region's quarter will end, in money: `done` (in so far), `low`, `forecast`, `high`, `commit`, `target`, and the
    `most` of them; None where the run has no forecast of it."""
    kpis = run.kpis(region)
    end = kpis.get("forecast_p50")
    if not end or end["value"] is None:
        return None
    done, commit = ((kpis.get(metric) or {}).get("value") for metric in ("revenue", "lead_commit"))
    found = {"low": end["low"], "forecast": end["value"], "high": end["high"], "done": done, "commit": commit}
    found["target"] = end.get("target")
    return found | {"most": max(v for v in found.values() if v is not None)}


def bullet(ends: dict[str, float | None], wide: float) -> dict[str, float]:
    """Give where each of a region's figures stands on a line of BULLET pixels; those below zero at its beginning.

    >>> bullet({"forecast": 50.0, "target": None, "most": 100.0}, 100.0)
    {'forecast': 97.0}
    """
    known = {name: value for name, value in ends.items() if value is not None and name != "most"}
    return {name: round(max(value, 0.0) / (wide or 1.0) * (BULLET - 6), 1) for name, value in known.items()}


def chance(run: Run, region: str) -> dict[str, str] | None:
    """Say how likely a region is to reach its target, where the run recorded that."""
    kpi = run.kpis(region).get("target_probability")
    if not kpi or kpi["value"] is None:
        return None
    aim = "quotas" if "quotas" in (kpi["period"] or "") else "target"
    state = next((state for least, state in LIKELY if kpi["value"] >= least), "bad")
    odds = numbers.chance(kpi["value"])
    short = f"{odds} chance" + (" of the quotas" if aim == "quotas" else "")
    return {"state": state, "words": f"{odds} likely to reach the {aim}", "short": short}


def digest(records: list[dict[str, Any]]) -> str:
    """Give a short hash of the KPIs that a page shows: the same figures have the same one, stored or alive."""
    figures = [{k: v for k, v in r.items() if k not in ("region", "notebook")} for r in records]
    lines = sorted(json.dumps(figure, sort_keys=True) for figure in figures)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


def _page(run: Run, name: str, region: str, notebook: str) -> dict[str, Any]:
    link = href(run, name, region, notebook)
    return {"title": title(notebook), "href": link, "edition": edition(run, region, notebook)}


def edition(run: Run, region: str, notebook: str) -> str:
    """Write the day of the earlier edition that stands in for a page; nothing where the page is the run's own."""
    earlier = run.edition(region, notebook)
    return day(earlier["as_of"]) if earlier else ""


def href(run: Run, name: str, region: str, notebook: str) -> str:
    """Give the address of a page, or nothing where there is none."""
    entry = run.entry(region, notebook)
    if not entry or not shows(entry):
        return ""
    return f"{address(run.company, name)}/{_quoted(region)}/{_quoted(notebook)}"


@lru_cache(maxsize=4096)
def _quoted(name: str) -> str:
    return quote(name, safe="")


def failures(run: Run) -> list[str]:
    """Say, for those who run the server, which pages of a run failed, why, and what readers see instead."""
    failed = [e for e in run.notebooks() if e["state"] not in WHOLE]
    return [f"{run.company}/{run.name}: {e['region']}/{e['notebook']} failed: {_why(e)}; {_instead(e)}" for e in failed]


def _why(entry: dict[str, Any]) -> str:
    lines = str(entry.get("error") or "").strip().splitlines()
    return lines[0][:300] if lines else "the run gives no reason"


def _instead(entry: dict[str, Any]) -> str:
    edition = entry.get("edition")
    return f"its page of {edition['as_of']} stands in" if edition else "it has no page"


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
        "amount": numbers.money(sales["value"], currency).strip(),
        "change": "" if moved is None else numbers.change(moved),
        "period": sales.get("period") or "",
        "state": "" if not moved else "good" if moved > 0 else "bad",
    }


def age(created: str, now: datetime) -> str:
    """Say how old a run is; a time without a zone is taken as UTC.

    >>> age("2026-11-22T16:10:00+00:00", datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    '7 h old'
    """
    minutes = (now - moment(created)).total_seconds() / 60
    if minutes < 60:
        return f"{max(minutes, 0):.0f} min old"
    return f"{minutes // 60:.0f} h old" if minutes < 48 * 60 else f"{numbers.counted(minutes // 1440, 'day')} old"


def moment(created: str) -> datetime:
    """Read when a run was made; a time without a zone is taken as UTC."""
    made = datetime.fromisoformat(created)
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def day(date: str) -> str:
    """Write an ISO date for people.

    >>> day("2026-11-05")
    '5 Nov 2026'
    """
    return numbers.day(datetime.fromisoformat(date))


@lru_cache(maxsize=256)
def _doors(run: Run, notebook: str) -> list[tuple[str, str, str, int]]:
    """Give a notebook's pages, one for each region: its name in the run, its name for people, the address, and how deep it lies."""
    doors = [(r, region_title(run, r), href(run, run.name, r, notebook)) for r in _regions(run)]
    return [(*door, deep) for door, deep in _unfolded(run, doors, lambda door: (door[0] == COMPANY, door[1]))]


def _unfolded(run: Run, given: list[Any], called: Callable[[Any], tuple[bool, str]]) -> list[tuple[Any, int]]:
    """Give what stands for regions as these lie in one another, each with how deep; without an organisation as it is given.

    Parameters
    ----------
    called : callable
        Of one of them, tells whether it is the company, and gives the region's name.
    """
    whole = [(one, 0) for one in given if called(one)[0]]
    parts = [one for one in given if not called(one)[0]]
    order = {
        name: (at, deep) for at, (name, deep) in enumerate(unfolded(run.record.parents, [called(p)[1] for p in parts]))
    }
    return whole + sorted(((p, order[called(p)[1]][1]) for p in parts), key=lambda found: order[called(found[0])[1]][0])


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
