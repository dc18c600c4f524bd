"""Do new deals, expansions and renewals, or deals of several pipelines, differ in how they are won, how fast and how large?

Figures cover the twelve months to `period.through`, as `stages.velocity` and its factors do for all deals together.
"""

import pandas as pd

from quarterdeck.analysis.methods.intervals import wilson
from quarterdeck.analysis.pipeline.stages import FEWEST, closed, factors
from quarterdeck.data.coverage import looks_back, twelve_months
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows
from quarterdeck.errors import refuse_unknown

SORTED_BY = ("kind", "pipeline")  # columns of deals, where the source gives them
RENEWAL = "renewal"  # the kind of a deal that may bring nothing new
PARTS = ["part", "closed", "won", "win_rate", "low", "high", "cycle_days", "average_won", "open_deals", "velocity"]


@no_rows(none="deals are of one kind")
@looks_back(losses=twelve_months, opportunities=twelve_months)
def by_part(opportunities: pd.DataFrame, period: Period, by: str = "kind", fewest: int = FEWEST) -> pd.DataFrame:
    """Win rate, cycle, size and velocity of each kind of deal, or of each pipeline, that closed often enough.

    Parameters
    ----------
    by : str
        "kind" or "pipeline"; deals that name none count in no part.
    fewest : int
        Closed deals that a part needs.

    Returns
    -------
    DataFrame
        One row per part with `fewest` closed deals, most closed first: `part`, `closed`, `won` (deals), `win_rate` (ratio; missing
        where none was lost, and so none recorded), `low`, `high` (Wilson 90 %), `cycle_days` (median days of those won),
        `average_won` (money), `open_deals`, `velocity` (money a day); no rows where fewer than two parts have so many.

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    refuse_unknown("by", by, SORTED_BY)
    if by not in opportunities:
        return pd.DataFrame(columns=PARTS)
    done = closed(opportunities, period)
    counts = done.groupby(by)["won"].agg(["size", "sum"]).query("size >= @fewest").sort_values("size", ascending=False)
    if len(counts) < 2:
        return pd.DataFrame(columns=PARTS)
    four = pd.DataFrame({part: factors(opportunities[opportunities[by] == part], period) for part in counts.index}).T
    table = four.assign(closed=counts["size"], won=counts["sum"])
    low, high = wilson(table["won"], table["closed"])
    known = table["win_rate"].notna()
    return table.assign(low=low.where(known), high=high.where(known)).rename_axis("part").reset_index()[PARTS]


def renewals(deals: pd.DataFrame) -> pd.Series:
    """Tell which deals renew what is there: an amount of zero is then no fault.

    Parameters
    ----------
    deals : DataFrame
        `kind` where the source gives it.

    Returns
    -------
    Series
        Bool, by the frame's index.
    """
    if "kind" not in deals:
        return pd.Series(False, deals.index)
    return deals["kind"].str.casefold().str.contains(RENEWAL).fillna(False).astype(bool)
