"""What did earlier runs say of each figure? A company's history of them: `kpi_history.parquet` beside its runs."""

from pathlib import Path

import pandas as pd

from quarterdeck.data import ledger

TABLE = "kpi_history"
KEY = ["as_of", "region", "metric"]
NUMBERS = ["value", "n", "low", "high"]
COLUMNS = ["run", "as_of", "created_at", "region", "metric", "period", *NUMBERS, "unit"]
NONE_EARLIER = (
    "Not shown: no earlier run of this company has reported these figures. Each run keeps its own for the next."
)


def rows(figures: list[dict], regions: dict[str, str], facts: dict) -> pd.DataFrame:
    """Lay out the figures of a run as rows of the history; a figure that two pages show is there once.

    Parameters
    ----------
    figures : list of dict
        region (the name of its file), metric, period, value, n, low, high, unit.
    regions : dict
        The name that the data gives each region, by that of its file.
    facts : dict
        Of `run.json`: run, as_of, created_at.

    Returns
    -------
    DataFrame
        The columns `COLUMNS`, one row per day, region and metric.
    """
    frame = (
        pd.DataFrame(figures).assign(**{k: facts[k] for k in ("run", "as_of", "created_at")}).reindex(columns=COLUMNS)
    )
    frame = frame.assign(region=frame["region"].map(regions)).astype(dict.fromkeys(NUMBERS, "float64"))
    return frame.drop_duplicates(KEY, ignore_index=True)


def earlier(path: Path, day: pd.Timestamp) -> pd.DataFrame:
    """Give the figures that were reported for days before `day`, each as it was first reported.

    Figures for the same day are left out, so that running again does not change the snapshot.

    Returns
    -------
    DataFrame
        `as_of` (day), `region`, `metric`, `period`, `value`, `n`, `low`, `high`, `unit`.

    Raises
    ------
    RunError
        Where the file is not Parquet.
    """
    columns = COLUMNS[:2] + COLUMNS[3:]
    kept = ledger.read(path, COLUMNS)
    if kept.empty:
        return pd.DataFrame(columns=columns)
    kept = kept.assign(as_of=pd.to_datetime(kept["as_of"]).astype("datetime64[us]"))
    kept = kept[kept["as_of"] < day].sort_values(["created_at", "run"], kind="stable")
    return kept.drop_duplicates(KEY, ignore_index=True)[columns]
