"""What did earlier runs say of each figure? A company's history of them: `kpi_history.parquet` beside its runs."""

from pathlib import Path

import pandas as pd

from quarterdeck.data import ledger

TABLE = "kpi_history"
KEY = ["as_of", "region", "metric"]
NUMBERS = ["value", "n", "low", "high"]
COLUMNS = ["run", "as_of", "created_at", "region", "metric", "period", *NUMBERS, "unit"]
NONE_EARLIER = "Not shown: no earlier run of this company has told these figures. Each run keeps its own for the next."


def rows(told: list[dict], regions: dict[str, str], facts: dict) -> pd.DataFrame:
    """Lay out the figures of a run as rows of the history; what two pages say alike stands there once.

    Parameters
    ----------
    told : list of dict
        region (the stem of its file), metric, period, value, n, low, high, unit.
    regions : dict
        The name that the data gives each region, by its stem.
    facts : dict
        Of `run.json`: run, as_of, created_at.
    """
    frame = pd.DataFrame(told).assign(**{k: facts[k] for k in ("run", "as_of", "created_at")}).reindex(columns=COLUMNS)
    frame = frame.assign(region=frame["region"].map(regions)).astype(dict.fromkeys(NUMBERS, "float64"))
    return frame.drop_duplicates(KEY, ignore_index=True)


def earlier(path: Path, day: pd.Timestamp) -> pd.DataFrame:
    """Give the figures that were told of days before `day`, each as it was first told.

    Whatever was told of the same day is left out: running again changes nothing here, and so leaves the snapshot as it was.

    Returns
    -------
    DataFrame
        `as_of` (day), `region`, `metric`, `period`, `value`, `n`, `low`, `high`, `unit`.

    Raises
    ------
    RunError
        Where the file is not Parquet.
    """
    told = COLUMNS[:2] + COLUMNS[3:]
    kept = ledger.read(path, COLUMNS)
    if kept.empty:
        return pd.DataFrame(columns=told)
    kept = kept.assign(as_of=pd.to_datetime(kept["as_of"]).astype("datetime64[us]"))
    kept = kept[kept["as_of"] < day].sort_values(["created_at", "run"], kind="stable")
    return kept.drop_duplicates(KEY, ignore_index=True)[told]
