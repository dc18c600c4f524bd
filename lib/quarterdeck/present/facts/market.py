"""What do the pictures and the sentences on the market both say?"""

import pandas as pd

from quarterdeck.analysis.methods.claims import MOVED, Claim, first, least, most
from quarterdeck.analysis.methods.intervals import difference


def split_claims(split: pd.DataFrame) -> tuple[Claim, Claim]:
    """Claim how our revenue moved, and by how much of that through share (`analysis.market.market_share.shift_share`)."""
    steps = split.set_index("part")["amount"]
    figures = {"now": steps["now"], "before": steps["before"], "change": difference(steps["now"], steps["before"])}
    moved = first("revenue", MOVED, figures, "shift-share: all")
    return moved, first("revenue", MOVED, {"now": steps["share"], "before": 0.0}, "shift-share: share")


def fewest_buy(penetration: pd.DataFrame) -> Claim:
    """Claim in which segment the fewest known accounts buy (`analysis.market.market_share.penetration`)."""
    table = penetration.set_index("segment")
    beside = table.loc[table["rate"].idxmin(), ["low", "high", "n"]]
    return least("penetration", table["rate"], "segment", **beside)


def largest_gap(whitespace: pd.DataFrame) -> Claim:
    """Claim to which segment which category would add most (`analysis.market.market_share.whitespace`)."""
    cells = whitespace["category"] + " to " + whitespace["segment"]
    beside = whitespace.loc[whitespace["potential"].idxmax(), ["rate", "n", "elsewhere"]]
    return most("whitespace", whitespace.set_axis(cells)["potential"], "cell", **beside)


def largest_room(cells: pd.DataFrame) -> Claim:
    """Claim in which segment of which region the most room is (`analysis.market.sizing.cells`)."""
    alone = cells["region"].nunique() == 1
    names = cells["segment"] if alone else cells["segment"] + " in " + cells["region"]
    return most("headroom", cells.set_axis(names)["headroom"], "cell")


def peaks(index: pd.Series, kind: str) -> list[Claim]:
    """Claim which month or weekday brings most, and which least."""
    return [most("seasonal_index", index, kind), least("seasonal_index", index, kind)]
