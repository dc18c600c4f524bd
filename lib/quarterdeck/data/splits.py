"""Who gets credit for a deal that several sellers worked on, so that the deal counts once?

The table `deal_splits` is used up when tables are checked: opportunities bear its shares in a column of their own (`CREDIT`).
"""

import json

import pandas as pd

from quarterdeck.data.rules import Broken, Held

TABLE = "deal_splits"
CREDIT = "credit"  # of opportunities: the share of each seller as JSON, missing where the owner has all of it
OVERLAY = "overlay"
ROUNDED = 1e-6  # by which shares may miss one: thirds are written with few digits


def hold_splits(held: Held) -> None:
    """Put the sellers' shares beside each deal; note deals that are credited beyond their whole."""
    splits = held.tables.pop(TABLE, None)
    if splits is None or "opportunities" not in held.tables:
        return
    beside = splits["credit"].str.casefold().str.contains(OVERLAY).fillna(False).astype(bool)
    own = splits[~beside]
    deals = held.tables["opportunities"]
    number = deals["opportunity_id"]
    held.tables["opportunities"] = deals.assign(**{CREDIT: number.map(shares(own, deals))})
    total = own.groupby("opportunity_id")["share"].sum()
    found = {"overlay": splits.loc[beside, "opportunity_id"], "split_over": total.index[total > 1 + ROUNDED]}
    for rule, named in found.items():
        held.hold("opportunities", rule, Broken(number.isin(named), lambda _: ("", "is credited beyond its whole")))


def shares(splits: pd.DataFrame, deals: pd.DataFrame) -> pd.Series:
    """Give each seller's part of each deal that is split; the parts of a deal add up to one.

    What is left to one is the owner's; shares that add up to more than one are scaled.

    Parameters
    ----------
    splits : DataFrame
        opportunity_id, rep_id, share (ratio).
    deals : DataFrame
        opportunity_id, rep_id (the owner).

    Returns
    -------
    Series
        By opportunity_id, the shares by rep_id as JSON.

    Examples
    --------
    >>> splits = pd.DataFrame({"opportunity_id": ["D", "D", "E", "E"], "rep_id": [*"ABAB"], "share": [0.25, 0.25, 0.75, 0.75]})
    >>> shares(splits, pd.DataFrame({"opportunity_id": ["D", "E"], "rep_id": ["A", "C"]})).tolist()
    ['{"A": 0.75, "B": 0.25}', '{"A": 0.5, "B": 0.5}']
    """
    parts = splits.groupby(["opportunity_id", "rep_id"])["share"].sum()
    whole = parts.groupby(level=0).sum()
    owner = deals.set_index("opportunity_id")["rep_id"].reindex(whole.index)
    rest = (1 - whole).where(1 - whole > ROUNDED, 0.0)
    rest.index = pd.MultiIndex.from_arrays([whole.index, owner], names=parts.index.names)
    parts = parts.div(whole.clip(lower=1.0).where(whole > 1 - ROUNDED, 1.0), level=0)
    both = parts.add(rest[rest > 0], fill_value=0.0).sort_index()
    return both.groupby(level=0).agg(lambda own: json.dumps(own.droplevel(0).to_dict()))
