"""What does a run store of itself, and beside it for later runs?"""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pyarrow import ArrowException

from quarterdeck.batch import finished
from quarterdeck.batch.folders import point
from quarterdeck.batch.unchanged import NOTE, with_files
from quarterdeck.data import durable, history, ledger
from quarterdeck.present.tables import FORECAST_MIME, KPI_MIME

RECORDED = {
    "kpis": KPI_MIME,
    "forecasts": FORECAST_MIME,
}  # what an executed notebook records, and under which MIME type
TABLES = tuple(f"{table}.parquet" for table in (history.TABLE, ledger.TABLE))  # beside the runs
KEPT = (*TABLES, *(f".{name}-before" for name in TABLES))  # with the copy of each in its last good state


def write(folder: Path, facts: dict, noted: dict | None) -> None:
    """Write `run.json`, whole; then add to the company's history and ledger, and move `latest`.

    `latest` stays where every page failed, where the run shows fewer pages than `latest` does, or where it looks from an
    earlier day. What the run depends on is noted only where no page failed, so that the next run tries again. Where the run is
    an earlier one that is up to date, only that is noted.

    Parameters
    ----------
    folder : Path
        The run's folder.
    facts : dict
        What `run.json` is to say; with `unchanged` where the run is an earlier one.
    noted : dict or None
        What the run depends on, as `unchanged.note` gives it; None to note nothing.
    """
    kept = [folder.parent / name for name in TABLES]
    if not facts.get("unchanged"):
        for region in {folder / e["region"] for e in facts["notebooks"] if (folder / e["region"]).is_dir()}:
            durable.flush(region)  # the pages are on the disk before there is a record of them
        durable.whole(folder / finished.RECORD, lambda p: p.write_text(json.dumps(facts, indent=1), encoding="utf-8"))
        failed = [e for e in facts["notebooks"] if e["state"] == "failed"]
        if len(failed) == len(facts["notebooks"]):
            return
        if all(c["ok"] for c in facts["reconciliation"]):
            regions = {e["region"]: e["parameters"]["region"] for e in facts["notebooks"]}
            _append(kept[0], history.rows(facts["kpis"], regions, facts))
            _append(kept[1], ledger.rows(facts["forecasts"], facts))
        if _covers(folder.parent / "latest", facts) and not _looks_back(folder, facts):
            point(folder.parent, folder.name)
        if failed:
            return
    if noted:
        durable.whole(folder / NOTE, lambda p: p.write_text(json.dumps(with_files(noted, kept)), encoding="utf-8"))


def _covers(latest: Path, facts: dict) -> bool:
    """Tell whether a run has every page of the one that `latest` points to: a part must not hide the whole.

    A region that params no longer name has no pages to be missed.
    """
    if not (before := finished.facts(latest)):
        return True
    pages, earlier = ({(e["region"], e["notebook"]) for e in f["notebooks"]} for f in (facts, before))
    return pages >= {page for page in earlier if page[0] in facts["regions"]}


def _looks_back(folder: Path, facts: dict) -> bool:
    """Tell whether a run looks from a day before that of `latest`, though its data reaches further."""
    shown = finished.facts(folder.parent / "latest")
    last = json.loads((folder / "data" / "snapshot.json").read_text(encoding="utf-8"))["as_of"]
    if not shown:
        return False
    return pd.Timestamp(facts["as_of"]) < min(pd.Timestamp(last), pd.Timestamp(shown["as_of"]))


def _append(path: Path, rows: pd.DataFrame) -> None:
    """Add a run's rows; those that the same run had added before give way, and those of a version with other columns."""
    if path.is_file():
        before = pd.read_parquet(path)
        before = before[~before["run"].isin(rows["run"])] if list(before) == list(rows) else before.iloc[:0]
        rows = pd.concat([before, rows], ignore_index=True) if len(before) else rows
    if len(rows):
        durable.whole(path, lambda p: rows.to_parquet(p, index=False))
        durable.copy(path, _copy(path))


def restored(company: Path) -> Iterator[str]:
    """Put back history and ledger from their copies where they cannot be read; give a line on each.

    Where there is no good copy either, the file stays as it is, and its readers report it.
    """
    for path in (company / name for name in TABLES):
        if path.is_file() and not _reads(path) and _reads(_copy(path)):
            aside = path.with_name(f"{path.name}-unreadable")
            path.replace(aside)
            durable.copy(_copy(path), path)
            yield f"{path} could not be read; its last good copy was taken, and what was there is in {aside.name}."


def _copy(path: Path) -> Path:
    return path.with_name(f".{path.name}-before")


def _reads(path: Path) -> bool:
    try:
        return path.is_file() and pd.read_parquet(path) is not None
    except (OSError, ValueError, ArrowException):
        return False
