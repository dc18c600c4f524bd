"""When will an open deal be won, given that it is won?

Estimated from deals in the same position on the same day of past quarters that were won. Closings crowd at a
quarter's end, so a day of another part of the quarter would mislead.
"""

import numpy as np
import pandas as pd

NEIGHBOURS = 100  # deals won that stood most alike, whose days are read off
FEWEST = 50  # deals won below which no day is given
GOLDEN = (5**0.5 - 1) / 2
QUANTILES = (0.1, 0.5, 0.9)
WAITS = ["close_low", "likely_close", "close_high"]


def waits(known: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Days from today to the win, if the deal is ever won: median day and 80 % range.

    Deals are put in order by ridge regression of the log of days on what the stage, the date that the seller gave, age, days in
    the stage, segment and amount tell; the days are quantiles of the hundred deals won that stand around one in that order. Slow
    ones may not be won yet, so each counts for one over its chance to have been seen (Horvitz and Thompson 1952, Journal of the
    American Statistical Association 47): the part of deals that stood so long before the record's end that its wait would show.

    Parameters
    ----------
    known : DataFrame
        Deals that stood open on past days: `stage`, `segment`, `expected_close`, `opened_on`, `entered`, `amount`, `day` (looked
        on), `days` (from then to the win; missing where there was none), `seen` (days from then to the record's end).
    now : DataFrame
        Deals asked about: the same but for the last two.

    Returns
    -------
    DataFrame
        One row per row of `now`, in its order: `close_low`, `likely_close`, `close_high` (days: 10 %, 50 % and 90 % of such deals
        had been won by then); missing with fewer than fifty deals won.
    """
    won = known[known["days"] < known["seen"]]
    if len(won) < FEWEST or now.empty:
        return pd.DataFrame(np.nan, index=now.index, columns=WAITS)
    days = won["days"].to_numpy(int)
    weight = 1 / _shown(known["seen"].to_numpy(), days)
    alike = _nearest(*_order(won, now, np.log1p(days), weight))
    alike = np.take_along_axis(alike, np.argsort(days[alike], axis=1, kind="stable"), axis=1)
    reached = np.cumsum(weight[alike], axis=1)
    found = [_first(reached >= q * reached[:, -1:], days[alike]) for q in QUANTILES]
    return pd.DataFrame(dict(zip(WAITS, found, strict=True)), index=now.index)


def _shown(seen: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Give the part of deals that stood more than so many days before the record's end."""
    return 1 - np.searchsorted(np.sort(seen), days, side="right") / len(seen)


def _order(
    won: pd.DataFrame, now: pd.DataFrame, target: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give where past deals and those asked about stand, by a weighted ridge regression (a ridge of one, none on the level)."""
    design = _columns(won)
    asked = _columns(now).reindex(columns=design.columns, fill_value=0.0).to_numpy()
    ridge = np.diag([1.0] * (design.shape[1] - 1) + [0.0])
    turned = design.to_numpy().T * weight
    slopes = np.linalg.solve(turned @ design.to_numpy() + ridge, turned @ target)
    return (design.to_numpy() @ slopes).round(9), (asked @ slopes).round(9)


def _nearest(past: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Give the rows of the past deals around each one asked about, as many before it as after; of equals, evenly spread ones."""
    mixed = np.argsort(np.arange(len(past)) * GOLDEN % 1)
    rows = mixed[np.argsort(past[mixed], kind="stable")]
    middle = sum(np.searchsorted(past[rows], asked, side) for side in ("left", "right")) // 2
    count = min(NEIGHBOURS, len(past))
    first = np.clip(middle - count // 2, 0, len(past) - count)
    return rows[first[:, None] + np.arange(count)]


def _columns(table: pd.DataFrame) -> pd.DataFrame:
    due = (table["expected_close"] - table["day"]).dt.days
    age, stay = ((table["day"] - table[since]).dt.days.clip(lower=0) for since in ("opened_on", "entered"))
    numbers = pd.DataFrame(
        {
            "due": np.log1p(due.fillna(0).clip(lower=0)),
            "due far": due.fillna(0).clip(-120, 365) / 90,
            "age": np.log1p(age),
            "stay": np.log1p(stay),
            "old": age.clip(upper=365) / 90,
            "late": (due < 0).astype(float),
            "undated": due.isna().astype(float),
            "amount": np.log1p(table["amount"].fillna(0)) / 10,
        }
    )
    names = pd.get_dummies(table[["stage", "segment"]].fillna("–"), prefix_sep="\0", dtype=float)
    stages = [c for c in names if c.startswith("stage\0")]
    crossed = {f"{c}×{k}": names[c] * numbers[k] for c in stages for k in ("due", "due far", "age", "stay")}
    return pd.concat([names, numbers, pd.DataFrame(crossed, index=table.index)], axis=1).assign(level=1.0)


def _first(reached: np.ndarray, days: np.ndarray) -> np.ndarray:
    return np.take_along_axis(days, reached.argmax(axis=1)[:, None], axis=1)[:, 0]
