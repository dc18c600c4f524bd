"""What is kept of a run?"""

import json
from pathlib import Path

import pandas as pd

from quarterdeck.batch.folders import point, written
from quarterdeck.batch.unchanged import NOTE, with_files
from quarterdeck.data import history, ledger
from quarterdeck.present.tables import FORECAST_MIME, KPI_MIME

RECORDED = {
    "kpis": KPI_MIME,
    "forecasts": FORECAST_MIME,
}  # what an executed notebook records, and under which MIME type
KEPT = tuple(f"{table}.parquet" for table in (history.TABLE, ledger.TABLE))  # beside the runs


def write(folder: Path, facts: dict, noted: dict | None) -> None:
    """Write `run.json`, whole; then, if the whole run is, add to the company's history and ledger, and move `latest`.

    `latest` stays where a run shows fewer pages than it does, or was told to look from an earlier day. Where the run is an
    earlier one that stands unchanged, only what it stands on is noted.
    """
    kept = [folder.parent / f"{table}.parquet" for table in (history.TABLE, ledger.TABLE)]
    if not facts.get("unchanged"):
        written(folder / "run.json", lambda p: p.write_text(json.dumps(facts, indent=1), encoding="utf-8"))
        if any(e["state"] == "failed" for e in facts["notebooks"]):
            return
        if all(c["ok"] for c in facts["reconciliation"]):
            regions = {e["region"]: e["parameters"]["region"] for e in facts["notebooks"]}
            _append(kept[0], history.rows(facts["kpis"], regions, facts))
            _append(kept[1], ledger.rows(facts["forecasts"], facts))
        if _covers(folder.parent / "latest", facts) and not _looks_back(folder, facts):
            point(folder.parent, folder.name)
    if noted:
        written(folder / NOTE, lambda p: p.write_text(json.dumps(with_files(noted, kept)), encoding="utf-8"))


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


def _append(path: Path, rows: pd.DataFrame) -> None:
    """Add a run's rows; those that the same run had added before give way, and those of a version with other columns."""
    if path.is_file():
        before = pd.read_parquet(path)
        before = before[~before["run"].isin(rows["run"])] if list(before) == list(rows) else before.iloc[:0]
        rows = pd.concat([before, rows], ignore_index=True) if len(before) else rows
    if len(rows):
        written(path, lambda p: rows.to_parquet(p, index=False))
