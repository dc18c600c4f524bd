"""What do the pictures and the sentences on rivals both say?"""

import pandas as pd

from quarterdeck.analysis.methods.claims import Claim, apart, most


def rival_claims(rates: pd.DataFrame) -> list[Claim]:
    """Claim against which rivals we win less or more than against all, where that is clear (`win_rate_by_rival`)."""
    return [
        apart("win_rate", r.low, r.high, f"rival: {r.competitor}", against=r.all, now=r.rate)
        for r in rates.itertuples()
    ]


def reason_most(reasons: pd.DataFrame) -> Claim:
    """Claim which reason is given most for lost deals (`analysis.competition.competitors.loss_reasons`)."""
    beside = reasons.iloc[0][["low", "high", "n", "amount", "silent"]]
    return most("loss_reasons", reasons.set_index("reason")["share"], "reason", **beside)
