"""What do the pictures, tables and sentences on the team all say?"""

import pandas as pd

from quarterdeck.analysis.methods.claims import AGAINST_TARGET, Claim, amounts, apart, first, holds, part
from quarterdeck.analysis.pipeline.movement import waterfall_sums
from quarterdeck.present import style
from quarterdeck.present.sentences import Sentence

YIELDED = {"revenue": "revenue", "bookings": "bookings", "margin": "gross margin"}


def reached_quota(quarter: pd.Series) -> Sentence:
    """Say how many sellers reached their quota in a quarter (a row of `attainment_spread`), of one alone what was attained."""
    at, reps = quarter["at_quota"], quarter["reps"]
    claim = part("quota_attainment", at, reps, f"sellers reached their quota in {quarter['quarter']}")
    if reps == 1:
        own = amounts("quota_attainment", quarter["together"], "the one seller")
        said = f"The one seller attained {style.percent(quarter['together'], 0)} of quota in {quarter['quarter']}"
        return Sentence(said, [claim, own])
    who = f"{style.number(at) if at else 'None'} of {style.counted(reps, 'seller')}"
    return Sentence(f"{who} reached their quota in {quarter['quarter']}", [claim])


def stand_out(skills: pd.DataFrame) -> tuple[Claim, list[Claim]]:
    """Claim how many sellers stand out from chance and mix, and on which side each does (`analysis.team.skill.skills`)."""
    clear = skills[skills["place"].isin(["above", "below"])]
    counted = part("seller_skill", len(clear), len(skills), "sellers stand out from chance and mix")
    return counted, [apart("seller_skill", r.low, r.high, f"seller: {r.name}") for r in clear.itertuples(index=False)]


def likely_sellers(chances: pd.DataFrame) -> Claim:
    """Claim how many sellers have a chance above one half of ending at quota (`analysis.team.pace.quota_chances`)."""
    likely = sum(holds("likelier than not", {"chance": c}) for c in chances["chance"])
    return part("quota_chance", likely, len(chances), "sellers have a chance above one half of ending at quota")


def pipeline_steps(waterfall: pd.DataFrame) -> list[Claim]:
    """Claim what the quarter's pipeline was, what came in, was won, lost and moved out, and what is left (`waterfall`)."""
    return [amounts("pipeline_moves", value, step) for step, value in waterfall_sums(waterfall).items()]


def against_plan(row: pd.Series) -> Claim:
    """Claim whether a quarter's plan lies beyond what the sellers are likely to book, or within it (`capacity`)."""
    figures = {"low": row["low"], "high": row["high"], "target": row["plan"], "now": row["gap"]}
    return first("sales_capacity", AGAINST_TARGET, figures, f"beyond what can be carried in {row['quarter']}")
