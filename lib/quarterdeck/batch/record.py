"""What is kept of a run?"""

import json
import os
from pathlib import Path

import pandas as pd

from quarterdeck.batch.unchanged import NOTE

HISTORY = ["run", "as_of", "created_at", "region", "metric", "period", "value", "n", "low", "high", "unit"]
LEDGER = ["forecast_p10", "forecast_p50", "forecast_p90", "target_probability"]


def write(folder: Path, facts: dict, noted: dict | None) -> None:
    """Write what the run stands on and `run.json`, whole; then, if the whole run is, move `latest` and add to the history.

    Where the run is an earlier one that stands unchanged, only what it stands on is written.
    """
    if noted:
        _replace(folder / NOTE, lambda p: p.write_text(json.dumps(noted), encoding="utf-8"))
    if facts.get("unchanged"):
        return
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
