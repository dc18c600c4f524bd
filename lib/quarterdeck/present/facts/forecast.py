"""What do the pictures, tables and sentences on the forecast all say?"""

import pandas as pd

from quarterdeck.analysis.methods.claims import BESIDE, Claim, apart, first
from quarterdeck.present import style
from quarterdeck.present.sentences import Sentence

UNITS = {
    "open_deals": "count",
    "opened": "count",
    "win_rate": "ratio",
    "average_won": "money",
    "cycle_days": "days",
    "sellers": "count",
}

LEVER_WORDS = {
    "open_deals": "Open deals",
    "opened": "Deals opened",
    "win_rate": "Win rate",
    "average_won": "Size of a won deal",
    "cycle_days": "Days to win",
    "sellers": "Sellers",
    "price": "Price",
}


def by_lever(table: pd.DataFrame, column: str) -> pd.Series:
    """Give a column by the words that name its levers."""
    return table.set_index(table["lever"].map(LEVER_WORDS))[column]


def goal_met(seek: pd.DataFrame) -> Sentence | None:
    """Say by how much a usual quarter meets the goal (`analysis.planning.goal_seek.seek`); None where it falls short."""
    wide = first("goal_gap", BESIDE, {"now": seek["gap"].iloc[0], "than": 0.0})
    if wide.predicate == "more than":
        return None
    spare = style.percent(abs(wide.figures["now"]), 0)
    return Sentence(f"A usual quarter meets the goal, with {spare} to spare", [wide])


def sure_parts(parts: pd.DataFrame) -> list[Claim]:
    """Claim of each part that surely sells more or less than in the last twelve months that it does
    (`analysis.forecasting.months_ahead.parts`)."""
    rows = parts[parts["sure"]].itertuples()
    return [apart("revenue_ahead", r.low, r.high, f"{r.dimension}: {r.part}", against=r.past) for r in rows]
