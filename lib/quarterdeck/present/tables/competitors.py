"""Where and why do we lose more than elsewhere?"""

import great_tables as gt
import pandas as pd

from quarterdeck.present import style
from quarterdeck.present.tables import house

MOST_ROWS = 10


def places(cells: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out the segments and rivals in which we win less than on the whole (`analysis.competitors.where_we_lose`)."""
    rows = cells.head(MOST_ROWS)
    low, high = rows["low"].map(style.percent), rows["high"].map(style.percent)
    shown = pd.DataFrame(
        {
            "segment": rows["segment"],
            "competitor": rows["competitor"],
            "deals": rows["won"].map(style.number) + " of " + rows["n"].map(style.number),
            "rate": rows["rate"].map(style.percent),
            "interval": low + " to " + high,
            "shortfall": rows["shortfall"].map(lambda v: style.money(v, currency)),
        }
    )
    labels = {"segment": "Segment", "competitor": "Rival", "deals": "Won of closed", "rate": "Win rate"}
    return (
        house(shown)
        .cols_label(**labels, interval="Interval", shortfall="Short of our rate")
        .cols_align("right", columns=["deals", "rate", "interval", "shortfall"])
        .tab_source_note(
            "Shrunken rates of twelve months; only where the whole interval lies below our rate of all deals."
        )
    )


def reasons(stand_out: pd.DataFrame) -> gt.GT:
    """Lay out reasons that stand out against a rival (`analysis.competitors.reasons_by_rival`)."""
    rows = stand_out.head(MOST_ROWS)
    shown = pd.DataFrame(
        {
            "competitor": rows["competitor"],
            "reason": rows["reason"],
            "deals": rows["deals"].map(style.number) + " of " + rows["n"].map(style.number),
            "share": rows["share"].map(lambda v: style.percent(v, 0)),
            "others": rows["others"].map(lambda v: style.percent(v, 0)),
            "difference": rows["difference"].map(style.points),
        }
    )
    labels = {"competitor": "Rival", "reason": "Reason", "deals": "Lost deals", "share": "Share", "others": "Elsewhere"}
    return (
        house(shown)
        .cols_label(**labels, difference="Difference")
        .cols_align("right", columns=["deals", "share", "others", "difference"])
        .tab_source_note("Findings at a false discovery rate of one in ten over all rivals and reasons.")
    )
