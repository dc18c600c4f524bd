"""Where will the quarter end in each region, such that the regions add up to the company?"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.forecasting import quarter_end
from quarterdeck.analysis.methods.intervals import Z80
from quarterdeck.data import COMPANY
from quarterdeck.data.answers import Missing, company_wide, own_rows, region_row
from quarterdeck.data.reasons import no_rows

ENDS = ["p10", "p50", "p90"]
NOWHERE = Missing("Not shown: it needs orders or deals, and the data holds none.")


@no_rows(needs="three past quarters to learn from")
@company_wide(region_row)
def landing(asks: Mapping[str, Callable]) -> pd.DataFrame | Missing:
    """Where the open quarter will end in each region and in the company, as distributions whose medians add up.

    Each is forecast by itself (`quarter_end.landing`); then all medians are moved, each by as much as its own error leaves it in
    doubt (`added_up`), and their ranges with them.

    Parameters
    ----------
    asks : mapping
        By region and "company", what asks its desk.

    Returns
    -------
    DataFrame
        One row per region and for "company": `region`, the columns of `quarter_end.landing`, and `moved` (what was added to the
        median, money; zero where a region could not be forecast and nothing was moved).
    """
    table = _by_region(asks, quarter_end.landing)
    return table if isinstance(table, Missing) else _together(table)


@no_rows(needs="three past quarters to learn from")
@company_wide(own_rows)
def course(asks: Mapping[str, Callable]) -> pd.DataFrame | Missing:
    """What `landing` would have said of each region and of the company in each week of the quarter.

    Parameters
    ----------
    asks : mapping
        By region and "company", what asks its desk.

    Returns
    -------
    DataFrame
        One row per region and for "company" and week, oldest first: `region`, `day`, the columns of `landing` (the last day's
        are its own), and `week_before` (the chance of a week before, ratio).
    """
    table = _by_region(asks, quarter_end.course)
    if isinstance(table, Missing):
        return table
    weeks = [_together(rows.reset_index(drop=True)) for _, rows in table.groupby("day")]
    weeks = pd.concat(weeks, ignore_index=True)
    return weeks.assign(week_before=weeks.groupby("region")["probability"].shift(1))


def _by_region(asks: Mapping[str, Callable], function: Callable) -> pd.DataFrame | Missing:
    """Ask every region's desk, and put the answers below one another; missing where none has one."""
    rows = {region: ask(function) for region, ask in asks.items()}
    held = {region: row for region, row in rows.items() if not isinstance(row, Missing)}
    if not held:
        return next(iter(rows.values()), NOWHERE)
    return pd.concat(held, names=["region"]).reset_index("region").reset_index(drop=True)


def _together(table: pd.DataFrame) -> pd.DataFrame:
    """Move landings so that they add up, and say by how much each was moved.

    Where some regions have targets, no quota stands in for those that have none: the two are of different things.
    """
    quotas = table["of_quotas"].eq(1)
    if (table["target"].notna() & ~quotas).any():
        unknown = {"target": np.nan, "probability": np.nan, "of_quotas": 0.0}
        table = table.assign(**{column: table[column].mask(quotas, value) for column, value in unknown.items()})
    moved = added_up(table.set_index("region")).to_numpy() - table["p50"]
    return _moved(table, moved.where(np.isfinite(moved), 0.0))


def added_up(landings: pd.DataFrame) -> pd.Series:
    """Give medians that add up: those of the regions to that of the company.

    The gap is shared out by the variance of each forecast, the company's included (weighted least squares; Wickramasuriya,
    Athanasopoulos and Hyndman 2019); none ends below what is in already.

    Parameters
    ----------
    landings : DataFrame
        By region (the company under "company"): `seen`, `p10`, `p50`, `p90` (money).

    Returns
    -------
    Series
        Money, by region; as they were where one of them is not known, or there is no company.

    >>> ends = {"seen": [0.0, 0.0, 0.0], "p10": [80, 35, 45], "p50": [103.0, 40.0, 60.0], "p90": [126, 45, 75]}
    >>> added_up(pd.DataFrame(ends, index=["company", "North", "South"])).round(2).tolist()
    [100.96, 40.1, 60.87]
    """
    middle, variance = landings["p50"], ((landings["p90"] - landings["p10"]) / 2 / Z80) ** 2
    regions = middle.index != COMPANY
    if middle.isna().any() or COMPANY not in middle.index or not regions.any() or not variance.sum() > 0:
        return middle
    gap = middle[COMPANY] - middle[regions].sum()
    share = variance / variance.sum()
    moved = (middle + np.where(regions, gap, -gap) * share).clip(lower=landings["seen"])
    moved[COMPANY] = moved[regions].sum()
    return moved


def _moved(table: pd.DataFrame, moved: pd.Series) -> pd.DataFrame:
    """Move each landing's distribution, and with it the chance of its target."""
    part = ((table["p50"] + moved) / table["p50"].where(table["p50"] > 0)).fillna(1.0)
    low = table["p10"].mask(table["p10"].le(table["seen"]) & table["p90"].gt(0), table["p50"] ** 2 / table["p90"])
    ends = (
        table[ENDS].assign(p10=low).mul(part, axis=0).clip(lower=table["seen"], axis=0)
    )  # what is in moves no low end
    table = table.assign(**ends, moved=moved, to_come=ends["p50"] - table["seen"])
    return table.assign(probability=_chance(table))


def _chance(table: pd.DataFrame) -> pd.Series:
    """Give the chance of each target by the Student t of the logarithms that the ends belong to (`quarter_end.landing`)."""
    scale = np.log(table["p90"] / table["p50"]) / t.ppf(0.9, table["n_origins"].clip(lower=1))
    above = t.sf(np.log(table["target"] / table["p50"]) / scale, table["n_origins"].clip(lower=1))
    still_open = table["probability"].between(0, 1, inclusive="neither") & scale.gt(0)
    return table["probability"].where(~still_open, above)
