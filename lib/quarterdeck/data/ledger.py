"""Which forecasts did earlier runs give out? A company's ledger of them: `forecast_ledger.parquet` beside its runs."""

from pathlib import Path

import pandas as pd
from pyarrow import ArrowException

from quarterdeck.errors import RunError

TABLE = "forecast_ledger"
KEY = ["region", "metric", "period_start", "period_end", "made_on"]
TOLD = ["p10", "p50", "p90", "naive"]
COLUMNS = ["run", "made_on", "region", "metric", "period_start", "period_end", *TOLD, "snapshot", "created_at"]
NONE_DUE = (
    "Nothing to score yet: no forecast that a run of this company gave out has come due. Each run adds its own; runs for "
    "earlier days fill in the past."
)
DAYS = ["made_on", "period_start", "period_end", "created_at"]


def rows(told: list[dict], facts: dict) -> pd.DataFrame:
    """Lay out what the pages of a run forecast as rows of the ledger; what two pages say alike stands there once.

    Parameters
    ----------
    told : list of dict
        region, metric, period_start, period_end (ISO), p10, p50, p90, naive.
    facts : dict
        Of `run.json`: run, as_of, snapshot, created_at.
    """
    frame = pd.DataFrame(told).assign(
        made_on=facts["as_of"], **{k: facts[k] for k in ("run", "snapshot", "created_at")}
    )
    frame = frame.reindex(columns=COLUMNS).astype(dict.fromkeys(TOLD, "float64"))
    days = {c: pd.to_datetime(frame[c], utc=True).dt.tz_localize(None).astype("datetime64[us]") for c in DAYS}
    return frame.assign(**days).drop_duplicates(KEY, ignore_index=True)


def come_due(path: Path, day: pd.Timestamp) -> pd.DataFrame:
    """Give the forecasts whose period had ended by `day`, each as it was first told.

    What is still open is left out, and so is whatever a later run said of the same day: running again, or running for a
    past day again, changes nothing here, and so leaves the snapshot as it was.

    Raises
    ------
    RunError
        Where the file is not Parquet.
    """
    kept = read(path, COLUMNS)
    if kept.empty:
        return kept
    kept = kept[(kept["period_end"] <= day) & (kept["made_on"] <= day)]
    return kept.sort_values(["created_at", "run"], kind="stable").drop_duplicates(KEY, ignore_index=True)


def read(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read what earlier runs kept at `path`; no rows where there is nothing, or what a version with other columns kept.

    Raises
    ------
    RunError
        Where the file is not Parquet.
    """
    if not path.is_file():
        return pd.DataFrame(columns=columns)
    try:
        kept = pd.read_parquet(path)
    except (OSError, ArrowException) as error:
        raise RunError(
            f"{path} cannot be read as Parquet; put back a copy of it, or move it away to begin anew."
        ) from error
    return kept if list(kept) == columns else pd.DataFrame(columns=columns)
