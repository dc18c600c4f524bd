"""Does an interval of nine in ten hold the truth that was planted in nine companies of ten?

200 invented companies a seed apart; prints a line per kind of estimate and a line of JSON last. Shrunken intervals stand
beside the raw ones, their peer: shrinkage buys narrower intervals and must not pay for them with the truth.
"""

import json
import sys

import numpy as np
import pandas as pd
from tqdm import tqdm

from quarterdeck.analysis import prices, rivalry, skill, winloss
from quarterdeck.data import contract, demo
from quarterdeck.data.periods import quarter

REPLICATIONS, SCALE, AS_OF = 200, 1.0, "2026-11-15"


def company(seed: int) -> tuple[dict[str, pd.DataFrame], dict]:
    """Invent a company, with its tables in the contract's types."""
    tables, truths = demo.generate(seed=seed, scale=SCALE, as_of=AS_OF)
    return contract.check(tables), truths


def held(table: pd.DataFrame, truth: pd.Series, low: str = "low", high: str = "high") -> np.ndarray:
    """Tell for each row whether its interval holds the truth."""
    return truth.reindex(table.index).between(table[low], table[high]).to_numpy()


def replication(seed: int) -> dict[str, np.ndarray]:
    """Estimate everything in one company, and hold it against what is so there."""
    tables, truths = company(seed)
    day = pd.Timestamp(AS_OF)
    momentum = pd.Series(truths["rival_momentum"])
    grown = rivalry.momentum(tables["competitors"], day).set_index("competitor")
    moved = prices.elasticity(tables["orders"], tables["products"], tables["initiatives"]).set_index("category")
    odds = winloss.odds(tables["opportunities"], quarter(day)).query("condition == 'competitor'").set_index("level")
    strength = -pd.Series(truths["rival_strength"] | {winloss.NONE: 0.0})
    strength -= (strength * odds["n"]).sum() / odds["n"].sum()
    skilled = skill.skills(tables["opportunities"], tables["reps"], quarter(day)).set_index("rep_id")
    talent = pd.Series(truths["rep_skill"]).reindex(skilled.index)
    talent -= np.average(talent, weights=skilled["n"])
    learnt = skill.ramp_length(tables["opportunities"], tables["reps"], quarter(day))
    elastic = pd.Series(truths["price_elasticity"])
    return {
        "rivals' momentum": held(grown, momentum - momentum.mean()),
        "rivals' strength in deals": held(odds, strength),
        "sellers' skill": held(skilled, talent),
        "length of the ramp": held(learnt, pd.Series(float(truths["ramp_up"]["months"]), learnt.index)),
        "price elasticity, shrunken": held(moved, elastic),
        "price elasticity, raw": held(moved, elastic, "raw_low", "raw_high"),
    }


def main(replications: int = REPLICATIONS) -> None:
    """Print the coverage of each kind of estimate."""
    found: dict[str, list[np.ndarray]] = {}
    for seed in tqdm(range(1000, 1000 + replications), unit="company", file=sys.stderr):
        for name, hits in replication(seed).items():
            found.setdefault(name, []).append(hits)
    figures = {}
    for name, hits in found.items():
        share, n = float(np.concatenate(hits).mean()), sum(map(len, hits))
        figures[name] = {
            "value": round(share, 4),
            "goal": [0.85, 0.95],
            "n": n,
            "unit": "share of 90 % intervals that hold",
        }
        print(f"{name:28} {share:6.1%} of {n:,} intervals hold (goal 85 to 95 %)")
    print(json.dumps({"benchmark": "coverage", "replications": replications, "figures": figures}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
