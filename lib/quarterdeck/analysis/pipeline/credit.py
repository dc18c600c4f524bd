"""Which seller gets how much of a deal?"""

import json

import pandas as pd

from quarterdeck.data.splits import CREDIT


def credited(deals: pd.DataFrame, amount: str = "amount") -> pd.DataFrame:
    """Give each seller's part of each deal: the owner's whole deal, or the shares that the deal is split into.

    Parameters
    ----------
    deals : DataFrame
        rep_id, the column `amount`, and `credit` where deals are split (`data.splits`).
    amount : str
        The column of money that is parted.

    Returns
    -------
    DataFrame
        The same columns, a row for each deal and seller; the parts of a deal add up to it.

    Examples
    --------
    >>> deals = pd.DataFrame({"rep_id": ["A", "B"], "amount": [100.0, 50.0], "credit": ['{"A": 0.75, "C": 0.25}', None]})
    >>> credited(deals)[["rep_id", "amount"]].values.tolist()
    [['A', 75.0], ['C', 25.0], ['B', 50.0]]
    """
    if CREDIT not in deals or deals[CREDIT].isna().all():
        return deals
    own = deals.reset_index(drop=True)
    split = [(row, rep, share) for row, said in own[CREDIT].dropna().items() for rep, share in json.loads(said).items()]
    whole = [(row, rep, 1.0) for row, rep in own.loc[own[CREDIT].isna(), "rep_id"].items()]
    rows, reps, shares = zip(*sorted([*split, *whole], key=lambda part: part[0]), strict=True)
    parts = own.iloc[list(rows)]
    return parts.assign(rep_id=list(reps), **{amount: parts[amount].to_numpy() * list(shares)}).reset_index(drop=True)


def with_owners(rows: pd.DataFrame, opportunities: pd.DataFrame) -> pd.DataFrame:
    """Put beside rows of deals who owns them, and into which shares they are split.

    Parameters
    ----------
    rows : DataFrame
        opportunity_id, and no column named as those that come beside.

    Returns
    -------
    DataFrame
        The rows with `rep_id`, and `credit` where deals are split.
    """
    deals = opportunities.set_index("opportunity_id")
    return rows.join(deals[[c for c in ("rep_id", CREDIT) if c in deals]], on="opportunity_id")
