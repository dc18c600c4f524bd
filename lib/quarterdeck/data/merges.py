"""Which rows stand for something that the source has merged into another, deleted, or opened again?

A merged row is set aside and what names it counts for the one that is left; a deleted row is set aside; a deal that was closed and
opened again counts once. All three are rules of `data/rules.py`, so that each is counted, with its money.
"""

from collections.abc import Callable

import pandas as pd

from quarterdeck.data.rules import Broken, Held

TABLE = "merges"
HOMES = {
    "customer": ("customers", "customer_id"),
    "deal": ("opportunities", "opportunity_id"),
    "seller": ("reps", "rep_id"),
}
NAMING = {  # which tables name a customer or seller; what names a merged deal is its own past, which goes with it
    "customer": ("orders", "opportunities"),
    "deal": (),
    "seller": ("orders", "opportunities", "opportunity_history", "deal_splits", "quotas", "forecast_calls"),
}
YES = r"(?i:true|t|yes|y|1)"
YES_OR_NO = r"^(?i:true|t|yes|y|1|false|f|no|n|0)$"


def hold_deleted(held: Held) -> None:
    """Set aside rows that the source marks as deleted (`deleted`), before any other rule counts them."""
    for name in [name for name, frame in held.tables.items() if "deleted" in frame]:
        rows = held.tables[name]["deleted"].str.fullmatch(YES).fillna(False).astype(bool)
        held.hold(name, "deleted", Broken(rows, lambda _: ("deleted", "says that the source has deleted the row")))


def hold_merges(held: Held) -> None:
    """Set aside what was merged into another, and let what names it name that one; the table of merges is used up."""
    for rule, find in (("merge_circle", _circles), ("orphan", _nowhere)):
        held.hold(TABLE, rule, _wrong(held, find(held), rule))
    merges = held.tables.pop(TABLE)
    for kind, (home, key) in HOMES.items():
        into = survivors(merges, kind)
        for name in (n for n in NAMING[kind] if n in held.tables):
            _rename(held, name, key, into)
        if home in held.tables:
            rows = held.tables[home][key].isin(into.index)
            held.hold(home, "merged", Broken(rows, _said(held.tables[home], key, into, "was merged into")))


def survivors(merges: pd.DataFrame, kind: str) -> pd.Series:
    """Give what is left of each customer, deal or seller that was merged, through as many merges as there were.

    >>> steps = pd.DataFrame({"kind": "deal", "old_id": ["A", "B"], "surviving_id": ["B", "C"]})
    >>> survivors(steps, "deal").to_dict()
    {'A': 'C', 'B': 'C'}
    """
    into = merges[merges["kind"] == kind].drop_duplicates("old_id").set_index("old_id")["surviving_id"]
    for _ in range(len(into)):
        further = into.map(into)
        if further.isna().all():
            break
        into = further.fillna(into)
    return into


def reopened(history: pd.DataFrame) -> pd.Index:
    """Give the deals that were open again on a later day than one on which they were closed.

    Parameters
    ----------
    history : DataFrame
        opportunity_id, changed_on, status.
    """
    past = history.dropna(subset=["opportunity_id", "changed_on"])
    past = past.sort_values(["opportunity_id", "changed_on"], kind="stable")
    shut = past["status"].isin(["won", "lost"])
    before = shut.groupby(past["opportunity_id"]).cummax()
    return pd.Index(past.loc[before & past["status"].eq("open"), "opportunity_id"].unique())


def hold_reopened(held: Held) -> None:
    """Note deals that were closed and opened again: one that is open now has no day of closing."""
    if not {"opportunities", "opportunity_history"} <= held.tables.keys():
        return
    deals = held.tables["opportunities"]
    rows = deals["opportunity_id"].isin(reopened(held.tables["opportunity_history"]))
    again = rows & deals["status"].eq("open")
    read = deals.assign(closed_on=deals["closed_on"].mask(again))
    held.hold("opportunities", "reopened", Broken(rows, lambda _: ("", "was closed and opened again")), read)


def _circles(held: Held) -> pd.Series:
    """Tell which merges lead back to where they began."""
    merges = held.tables[TABLE]
    rows = pd.Series(False, merges.index)
    for kind in HOMES:
        own = merges[merges["kind"] == kind]
        ends = own["old_id"].map(survivors(merges, kind))
        rows |= ends.isin(own["old_id"]).reindex(merges.index, fill_value=False)
    return rows


def _nowhere(held: Held) -> pd.Series:
    """Tell which merges end at an id that its table does not hold: nothing of them can be merged."""
    merges = held.tables[TABLE]
    rows = pd.Series(False, merges.index)
    for kind, (home, key) in HOMES.items():
        if home in held.tables:
            own = merges[merges["kind"] == kind]
            ends = own["old_id"].map(survivors(merges, kind))
            rows |= (~ends.isin(held.tables[home][key])).reindex(merges.index, fill_value=False)
    return rows


def _wrong(held: Held, rows: pd.Series, rule: str) -> Broken:
    merges = held.whole[TABLE]
    expected = {"merge_circle": "that is not merged into the old one again", "orphan": "that its table holds"}[rule]

    def said(row: int) -> tuple[str, str]:
        return "surviving_id", f"holds {merges.at[row, 'surviving_id']!r}, expected a number {expected}"

    return Broken(rows, said, words="name no row that is left" if rule == "orphan" else "")


def _rename(held: Held, name: str, key: str, into: pd.Series) -> None:
    frame = held.tables[name]
    if key in frame:
        rows = frame[key].isin(into.index)
        read = frame.assign(**{key: frame[key].map(into).where(rows, frame[key])})
        held.hold(name, "names_merged", Broken(rows, _said(frame, key, into, "counts for")), read)


def _said(frame: pd.DataFrame, key: str, into: pd.Series, how: str) -> Callable[[int], tuple[str, str]]:
    return lambda row: (key, f"holds {frame.at[row, key]!r}, which {how} {into[frame.at[row, key]]!r}")
