"""What is kept of a run, and what did its notebooks say?"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from quarterdeck.data import ledger
from quarterdeck.present.tables import FORECAST_MIME, KPI_MIME

RECORDED = {"kpis": KPI_MIME, "forecasts": FORECAST_MIME}
HISTORY = ["run", "as_of", "created_at", "region", "metric", "period", "value", "n", "low", "high", "unit"]


def recorded(notebook: Path) -> dict[str, list[dict[str, Any]]]:
    """Collect the `kpis` and `forecasts` that an executed notebook recorded."""
    outputs = [o for c in nbformat.read(notebook, as_version=4).cells for o in c.get("outputs", [])]
    return {kind: [row for o in outputs for row in o.get("data", {}).get(mime, [])] for kind, mime in RECORDED.items()}


def reason(fault: Exception, notebook: Path) -> str:
    """Say in one line which cell failed and why."""
    name = getattr(fault, "ename", type(fault).__name__)
    text = " ".join(str(getattr(fault, "evalue", fault)).split())[:300]
    return f"{_cell(notebook)}{name}: {text}"


def write(folder: Path, facts: dict) -> None:
    """Write `run.json`, whole; then, if the whole run is, add to the company's history and ledger, and move `latest`.

    `latest` stays where a run shows fewer pages than it does, or was told to look from an earlier day.
    """
    _replace(folder / "run.json", lambda p: p.write_text(json.dumps(facts, indent=1), encoding="utf-8"))
    if any(e["state"] == "failed" for e in facts["notebooks"]):
        return
    with _alone(folder.parent):
        if all(c["ok"] for c in facts["reconciliation"]):
            _append(folder.parent / "kpi_history.parquet", _history(facts))
            _append(folder.parent / f"{ledger.TABLE}.parquet", ledger.rows(facts["forecasts"], facts))
        if _covers(folder.parent / "latest", facts) and not _looks_back(folder, facts):
            link = folder.parent / f".latest-{folder.name}"
            link.symlink_to(folder.name)
            os.replace(link, folder.parent / "latest")


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that holds nothing."""
    if not any(folder.iterdir()):
        folder.rmdir()


def _covers(latest: Path, facts: dict) -> bool:
    """Tell whether a run has every page of the one that `latest` points to: a part must not hide the whole."""
    if not (latest / "run.json").is_file():
        return True
    before = json.loads((latest / "run.json").read_text(encoding="utf-8"))
    pages, earlier = ({(e["region"], e["notebook"]) for e in f["notebooks"]} for f in (facts, before))
    return pages >= earlier


def _looks_back(folder: Path, facts: dict) -> bool:
    """Tell whether a run was told to look from a day before that of `latest`, though its data reaches further."""
    latest = folder.parent / "latest" / "run.json"
    last = json.loads((folder / "data" / "snapshot.json").read_text(encoding="utf-8"))["as_of"]
    if not latest.is_file():
        return False
    shown = json.loads(latest.read_text(encoding="utf-8"))["as_of"]
    return pd.Timestamp(facts["as_of"]) < min(pd.Timestamp(last), pd.Timestamp(shown))


def _history(facts: dict) -> pd.DataFrame:
    whose = {k: facts[k] for k in ("run", "as_of", "created_at")}
    history = pd.DataFrame(facts["kpis"]).reindex(columns=[c for c in HISTORY if c not in whose])
    history = history.drop_duplicates(["region", "metric"]).assign(**whose)[HISTORY]
    return history.astype(dict.fromkeys(("value", "n", "low", "high"), "float64"))


@contextmanager
def _alone(company: Path) -> Iterator[None]:
    """Keep other runs of the company from writing its history at the same moment."""
    handle = os.open(company, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # and with it the lock


def _append(path: Path, rows: pd.DataFrame) -> None:
    """Add a run's rows; those that the same run had added before give way."""
    if path.is_file():
        before = pd.read_parquet(path)
        before = before[~before["run"].isin(rows["run"])]
        rows = pd.concat([before, rows], ignore_index=True) if len(before) else rows
    if len(rows):
        _replace(path, lambda p: rows.to_parquet(p, index=False))


def _replace(path: Path, write) -> None:
    draft = path.with_name(f".{path.name}-draft")
    write(draft)
    os.replace(draft, path)


def _cell(notebook: Path) -> str:
    """Name the cell that failed by the heading it stands under."""
    if not notebook.is_file():
        return ""
    heading = "first cells"
    for cell in nbformat.read(notebook, as_version=4).cells:
        if (
            cell.cell_type == "markdown"
            and cell.source.startswith("#")
            and "papermill" not in cell.metadata.get("tags", [])
        ):
            heading = cell.source.splitlines()[0].lstrip("# ")
        elif any(o.output_type == "error" for o in cell.get("outputs", [])):
            return f"cell {cell.execution_count} under “{heading}”: "
    return ""
