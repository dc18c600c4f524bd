"""What is kept of a run, and what did its notebooks say?"""

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from quarterdeck.present.tables import KPI_MIME

HISTORY = ["run", "as_of", "created_at", "region", "metric", "period", "value", "n", "low", "high", "unit"]
LEDGER = ["forecast_p10", "forecast_p50", "forecast_p90", "target_probability"]


def kpis(notebook: Path) -> list[dict[str, Any]]:
    """Collect the KPIs that an executed notebook recorded."""
    found = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            found += output.get("data", {}).get(KPI_MIME, [])
    return found


def reason(fault: Exception, notebook: Path) -> str:
    """Say in one line which cell failed and why."""
    name = getattr(fault, "ename", type(fault).__name__)
    text = " ".join(str(getattr(fault, "evalue", fault)).split())[:300]
    return f"{_cell(notebook)}{name}: {text}"


def write(folder: Path, facts: dict) -> None:
    """Write `run.json`, whole; then, if the whole run is, move `latest` and add to the company's history."""
    _replace(folder / "run.json", lambda p: p.write_text(json.dumps(facts, indent=1), encoding="utf-8"))
    if any(e["state"] == "failed" for e in facts["notebooks"]):
        return
    history = pd.DataFrame(facts["kpis"]).reindex(
        columns=[c for c in HISTORY if c not in ("run", "as_of", "created_at")]
    )
    history = history.drop_duplicates(["region", "metric"]).assign(
        **{k: facts[k] for k in ("run", "as_of", "created_at")}
    )[HISTORY]
    _append(folder.parent / "kpi_history.parquet", history)
    _append(folder.parent / "forecast_ledger.parquet", history[history["metric"].isin(LEDGER)])
    if _covers(folder.parent / "latest", facts):
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


def _append(path: Path, rows: pd.DataFrame) -> None:
    rows = rows.astype(dict.fromkeys(("value", "n", "low", "high"), "float64"))
    if path.is_file():
        rows = pd.concat([pd.read_parquet(path), rows], ignore_index=True)
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
