"""Does a 90 % interval hold the planted truth in 90 % of companies?

200 invented companies a seed apart; prints a line per kind of estimate and a line of JSON last. Shrunk intervals stand
beside the raw ones, their peer: shrinkage buys narrower intervals and must not pay for them with the truth.
"""

import json
import sys

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from tqdm import tqdm

from quarterdeck.analysis.competition import dynamics
from quarterdeck.analysis.initiatives import payoff, results
from quarterdeck.analysis.pipeline import win_loss
from quarterdeck.analysis.sales import prices
from quarterdeck.analysis.team import skill
from quarterdeck.data import contract, demo
from quarterdeck.data.periods import quarter

HOLD = "share of 90 % intervals that hold"
NULLS = "initiatives without effect"
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
    grown = dynamics.momentum(tables["competitors"], day).set_index("competitor")
    moved = prices.elasticity(tables["orders"], tables["products"], tables["initiatives"]).set_index("category")
    odds = win_loss.odds(tables["opportunities"], quarter(day)).query("condition == 'competitor'").set_index("level")
    strength = -pd.Series(truths["rival_strength"] | {win_loss.NONE: 0.0})
    strength -= (strength * odds["n"]).sum() / odds["n"].sum()
    skilled = skill.skills(tables["opportunities"], tables["reps"], quarter(day)).set_index("rep_id")
    talent = pd.Series(truths["rep_skill"]).reindex(skilled.index)
    talent -= np.average(talent, weights=skilled["n"])
    learned = skill.ramp_length(tables["opportunities"], tables["reps"], quarter(day))
    elastic = pd.Series(truths["price_elasticity"])
    sales = results.sales(*(tables[t] for t in ("orders", "customers", "products", "opportunities")))
    effects = results.effects(tables["initiatives"], sales, day).set_index("initiative_id").dropna(subset=["low"])
    planted = planted_effects(effects, sales["deals"], truths["initiatives"])
    nothing = effects[planted.abs() < 1e-9]
    return {
        "rivals' momentum": held(grown, momentum - momentum.mean()),
        "rivals' strength in deals": held(odds, strength),
        "sellers' skill": held(skilled, talent),
        "length of the ramp": held(learned, pd.Series(float(truths["ramp_up"]["months"]), learned.index)),
        "price elasticity, shrunk": held(moved, elastic),
        "price elasticity, raw": held(moved, elastic, "raw_low", "raw_high"),
        "initiatives' effects": held(effects, planted),
        NULLS: nothing["verdict"].eq(results.WORKED).to_numpy(),
    }


def planted_effects(effects: pd.DataFrame, deals: pd.DataFrame, truths: dict) -> pd.Series:
    """Give each initiative's true effect, relative; a training's log-odds at the win rate seen under it."""
    planted = {}
    for number, row in effects.iterrows():
        effect = truths[number]["effect"]
        if truths[number]["on"] == "win odds":
            rate = deals.loc[payoff.touched(deals, row), "won"].mean()
            effect = rate / expit(logit(rate) - effect) - 1
        planted[number] = effect
    return pd.Series(planted, dtype=float)


def main(replications: int = REPLICATIONS) -> None:
    """Print the coverage of each kind of estimate."""
    found: dict[str, list[np.ndarray]] = {}
    for seed in tqdm(range(1000, 1000 + replications), unit="company", file=sys.stderr):
        for name, hits in replication(seed).items():
            found.setdefault(name, []).append(hits)
    figures = {}
    for name, hits in found.items():
        share, n = float(np.concatenate(hits).mean()), sum(map(len, hits))
        goal, unit = ([0, 0.05], "share called a success") if name == NULLS else ([0.85, 0.95], HOLD)
        figures[name] = {"value": round(share, 4), "goal": goal, "n": n, "unit": unit}
        print(f"{name:28} {share:6.1%} of {n:,}: {unit} (goal {goal[0]:.0%} to {goal[1]:.0%})")
    print(json.dumps({"benchmark": "coverage", "replications": replications, "figures": figures}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
