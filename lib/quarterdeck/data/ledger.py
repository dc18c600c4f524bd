"""Which forecasts did earlier runs publish? A company's ledger of them: `forecast_ledger.parquet` beside its runs."""

from pathlib import Path

import pandas as pd
from pyarrow import ArrowException

from quarterdeck.errors import RunError

TABLE = "forecast_ledger"
KEY = ["region", "metric", "period_start", "period_end", "made_on"]
VALUES = ["p10", "p50", "p90", "naive"]
COLUMNS = ["run", "made_on", "region", "metric", "period_start", "period_end", *VALUES, "snapshot", "created_at"]
NONE_DUE = (
    "Nothing to score yet: no forecast that a run of this company published has come due. Each run adds its own; runs for "
    "earlier days fill in the past."
)
DAYS = ["made_on", "period_start", "period_end", "created_at"]


def rows(forecasts: list[dict], facts: dict) -> pd.DataFrame:
    """Lay out what the pages of a run forecast as rows of the ledger; a forecast that two pages show is there once.

    Parameters
    ----------
    forecasts : list of dict
        region, metric, period_start, period_end (ISO), p10, p50, p90, naive.
    facts : dict
        Of `run.json`: run, as_of, snapshot, created_at.

    Returns
    -------
    DataFrame
        The columns `COLUMNS`; days as timestamps without a time zone.
    """
    frame = pd.DataFrame(forecasts).assign(
        made_on=facts["as_of"], **{k: facts[k] for k in ("run", "snapshot", "created_at")}
    )
    frame = frame.reindex(columns=COLUMNS).astype(dict.fromkeys(VALUES, "float64"))
    days = {c: pd.to_datetime(frame[c], utc=True).dt.tz_localize(None).astype("datetime64[us]") for c in DAYS}
    return frame.assign(**days).drop_duplicates(KEY, ignore_index=True)


def come_due(path: Path, day: pd.Timestamp) -> pd.DataFrame:
    """Give the forecasts whose period had ended by `day`, each as it was first published.

    Forecasts of periods still open are left out, and so is what a later run published for the same day. So running again,
    also for a past day, does not change the snapshot.

    Returns
    -------
    DataFrame
        The columns `COLUMNS`.

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
            f"{path} cannot be read as Parquet; put back a copy of it, or move it away to begin again."
        ) from error
    return kept if list(kept) == columns else pd.DataFrame(columns=columns)
