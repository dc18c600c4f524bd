"""What do the pictures and the sentences on targets both say?"""

import pandas as pd

from quarterdeck.analysis.methods.claims import Claim, apart, first
from quarterdeck.analysis.planning.profit import gain_total
from quarterdeck.analysis.planning.target_split import asked_total


def cannot_split(split: pd.DataFrame) -> Claim | None:
    """Claim that what bounds let units be asked for is less or more than the plan; None where it is the plan."""
    row, asked = split.iloc[0], asked_total(split)
    figures = {"now": asked["asked"], "than": asked["plan"]}
    return first("plan", ("less than", "more than"), figures, f"asked of {row['dimension']}s") if row["left"] else None


def margin_gain(moves: pd.DataFrame) -> Claim:
    """Claim whether moving targets surely earns more on the same revenue (`analysis.planning.profit.moves`)."""
    row, gain = moves.iloc[0], gain_total(moves)
    return apart(
        "margin_gain", gain["low"], gain["high"], subject=f"{row['dimension']}s", now=row["total"], margin=row["margin"]
    )
