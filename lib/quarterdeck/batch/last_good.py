"""What stands in for a page that failed? Its last good edition: the page of the run that last had it, as it was."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from quarterdeck.batch import finished, folders
from quarterdeck.batch.incremental import LOOK_BACK, WHOLE

FROM_RUN = ("run", "as_of", "created_at", "snapshot", "library")  # what an edition says of the run that it comes from


def standing_in(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Put the last good edition of each failed page into a run's folder, and say in the page's entry what it is.

    The entry stays `failed`, with its error, and gets `edition`: the run that made the page, that run's day, time, snapshot and
    version, and the page's own figures (`kpis`). No figure of an edition joins those of the run. Where every page failed
    there is nothing to publish, and the facts stay as they are.
    """
    if not any(e["state"] in WHOLE for e in facts["notebooks"]):
        return facts
    earlier, entries = _earlier(folder), []
    for entry in facts["notebooks"]:
        found = _last_good(entry, earlier, facts["as_of"]) if entry["state"] == "failed" else None
        if found:
            folders.shared(found[0], _page(folder, entry))
        entries.append(entry | ({"edition": found[1]} if found else {}))
    return facts | {"notebooks": entries}


def _earlier(folder: Path) -> list[tuple[Path, dict]]:
    """Read what the runs before say of themselves: the newest ones, and the one that `latest` points to."""
    newest = [run for run in folders.runs(folder.parent) if run != folder][:LOOK_BACK]
    return [(run, finished.facts(run)) for run in dict.fromkeys([*newest, (folder.parent / "latest").resolve()])]


def _last_good(entry: dict, earlier: list[tuple[Path, dict]], day: str) -> tuple[Path, dict] | None:
    """Find the edition of the latest day, and of those the newest, but none from after the day that is looked from."""
    found = [e for e in _editions(entry, earlier) if _day(e[1]["as_of"]) <= _day(day)]
    return max(found, key=lambda e: (_day(e[1]["as_of"]), e[1]["created_at"]), default=None)


def _editions(entry: dict, earlier: list[tuple[Path, dict]]) -> Iterator[tuple[Path, dict]]:
    """Give a page's editions: each whole one, and those that stood in for it where it had failed before."""
    for run, facts in earlier:
        for then in facts.get("notebooks", []):
            if _key(then) == _key(entry) and _page(run, then).is_file():
                edition = then.get("edition") or (_edition(facts, then) if then["state"] in WHOLE else None)
                yield from [(_page(run, then), edition)] if edition else []


def _key(entry: dict) -> tuple[str, str, str]:
    """Name a page by file, notebook and region: the file may name another region by now, whose readers must not get this page."""
    return entry["region"], entry["notebook"], entry["parameters"]["region"]


def _edition(facts: dict, entry: dict) -> dict:
    own = [k for k in facts["kpis"] if (k["region"], k["notebook"]) == (entry["region"], entry["notebook"])]
    return {key: facts[key] for key in FROM_RUN} | {"kpis": own}


def _page(run: Path, entry: dict) -> Path:
    return run / entry["region"] / f"{entry['notebook']}.ipynb"


def _day(text: str) -> date:
    return date.fromisoformat(text)
