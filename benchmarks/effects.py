"""Are effects that are there found, and effects that are not left alone, in panels of many units by day and by week?

Panels are invented: units of very different levels, common courses that weigh differently on each, a pattern of weekdays or a
season, noise that lasts. Lifts of 0, 3, 5 and 10 % are planted in one, two or five units; every method sees the same panels.
Prints, for each kind of panel: how often zero is rejected at the 5 % level, how often each lift is found, how often a 90 %
interval holds the lift, and the median error; then a line of JSON.

Peers: `pysyncon` (Abadie, Diamond and Hainmueller 2010: the treated units' mean, every control in turn as its placebo, p by the
rank of the ratio of errors after and before), and the plain placebo test (difference in differences over each unit's
mean before, p by the rank among sets of as many controls). CausalPy was not tried: it brings PyMC and twenty more packages, and
samples a posterior for each panel instead of testing it. `--panels 60` takes so many panels of each kind (20), `--jobs` so many
processes (2); `--peers 1` shows that share of the panels to pysyncon (0.25), which is slow, and not those of 80 units; `--only
day` leaves weeks out.
"""

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from itertools import combinations, islice
from typing import NamedTuple

import numpy as np
import pandas as pd
from pysyncon import Synth

from quarterdeck.analysis.methods import designs

LIFTS = (0.0, 0.03, 0.05, 0.10)
ALPHA, LEVEL = 0.05, 0.9
MOST_SETS, SLOW = 1000, 40  # sets of controls ranked; units from which on pysyncon's solver takes minutes
LASTING = (0.9, 0.98, 0.5)  # of the common courses, from period to period
COMMON = (0.03, 0.04, 0.02)  # and their size (log)


class Kind(NamedTuple):
    """A kind of panel: how often it is seen, how many units, how many of them treated, periods before and after."""

    often: str
    units: int
    treated: int
    before: int
    after: int


KINDS = [
    Kind(often, units, treated, *span)
    for often, span in (("day", (90, 15)), ("week", (104, 8)))
    for units in (20, 40, 80)
    for treated in (1, 2, 5)
]


def invented(kind: Kind, seed: int) -> np.ndarray:
    """Invent a panel without an effect, units × periods; the first ones are the treated."""
    rng, periods = np.random.default_rng([seed, *kind[1:]]), kind.before + kind.after
    lasts, noise = rng.uniform(0.2, 0.6, kind.units), rng.normal(size=(kind.units, periods + 50))
    course = rng.normal(size=(len(LASTING), periods + 50))
    for k in range(1, periods + 50):
        noise[:, k] += lasts * noise[:, k - 1]
        course[:, k] += np.array(LASTING) * course[:, k - 1]
    noise = noise * np.sqrt(1 - lasts**2)[:, None] * np.exp(rng.normal(np.log(0.05), 0.35, (kind.units, 1)))
    course = course * (np.array(COMMON) * np.sqrt(1 - np.array(LASTING) ** 2))[:, None]
    loads = rng.normal(1.0, 0.5, (kind.units, len(LASTING)))
    usual = _days(kind, rng) if kind.often == "day" else _year(kind, rng)
    return np.exp(rng.normal(7.0, 1.0, (kind.units, 1)) + usual + (loads @ course + noise)[:, 50:])


def _days(kind: Kind, rng: np.random.Generator) -> np.ndarray:
    week = rng.normal(0, 0.15, 7) + rng.normal(0, 0.05, (kind.units, 7))
    return week[:, np.arange(kind.before + kind.after) % 7]


def _year(kind: Kind, rng: np.random.Generator) -> np.ndarray:
    weeks = np.arange(kind.before + kind.after) + rng.integers(52)
    return rng.normal(0.2, 0.06, (kind.units, 1)) * np.sin(2 * np.pi * weeks / 52)


def laid_out(values: np.ndarray, kind: Kind) -> pd.DataFrame:
    """Lay out a panel as `designs.estimate` takes it."""
    starts = pd.date_range("2024-01-01", periods=values.shape[1], freq={"day": "D", "week": "W-MON"}[kind.often])
    treated = np.arange(kind.units) < kind.treated
    first = pd.Series(np.repeat(np.where(treated, starts[kind.before], pd.NaT), len(starts)), dtype=starts.dtype)
    names = np.repeat([f"u{k:03d}" for k in range(kind.units)], len(starts))
    starts = np.tile(starts, kind.units)
    return pd.DataFrame({"unit": names, "start": starts, "value": values.ravel(), "treated_from": first})


def ours(values: np.ndarray, kind: Kind) -> tuple[float, float, float, float]:
    """Give effect, low, high (ratios) and p by `designs.estimate`."""
    row = designs.estimate(laid_out(values, kind)).iloc[0]
    return row["relative"], row["relative_low"], row["relative_high"], row["p"]


def plain(values: np.ndarray, kind: Kind) -> tuple[float, float, float, float]:
    """Give the plain placebo test: differences of differences over each unit's own mean, ranked among sets of controls."""
    own = values / values[:, : kind.before].mean(axis=1, keepdims=True)
    moved = own[:, kind.before :].mean(axis=1)
    controls = range(kind.treated, kind.units)
    sets = np.array(list(islice(combinations(controls, kind.treated), 0, None, _every(kind))))
    whole = moved[kind.treated :].sum()
    of_sets = moved[sets].mean(axis=1)
    others = (whole - moved[sets].sum(axis=1)) / (kind.units - 2 * kind.treated)
    base = whole / (kind.units - kind.treated)
    effects, effect = np.abs(of_sets - others), moved[: kind.treated].mean() - base
    reach = np.sort(effects)[::-1][max(int((1 - LEVEL) * (1 + len(effects))) - 1, 0)]
    p = (1 + (effects >= abs(effect)).sum()) / (1 + len(effects))
    return effect / base, (effect - reach) / base, (effect + reach) / base, p


def _every(kind: Kind) -> int:
    """Take one of so many sets of controls, so that there are no more than a thousand."""
    controls, sets = kind.units - kind.treated, 1
    for k in range(kind.treated):
        sets = sets * (controls - k) // (k + 1)
    return max(1, sets // MOST_SETS)


def synth(values: np.ndarray, kind: Kind) -> tuple[float, float, float, float]:
    """Give pysyncon's synthetic control of the treated units' mean, and p by the rank of its ratio of errors; no interval."""
    rows = np.vstack([values[: kind.treated].mean(axis=0), values[kind.treated :]])
    past = rows[:, : kind.before] / rows[:, : kind.before].mean()
    gaps = np.array([rows[k] - np.array(_mix(past.tobytes(), past.shape, k)) @ rows for k in range(len(rows))])
    before, after = gaps[:, : kind.before], gaps[:, kind.before :]
    ratio = np.sqrt((after**2).mean(axis=1) / (before**2).mean(axis=1))
    effect = after[0].mean()
    return effect / (rows[0, kind.before :].mean() - effect), np.nan, np.nan, float((ratio >= ratio[0]).mean())


@lru_cache(maxsize=200)
def _mix(past: bytes, shape: tuple[int, int], k: int) -> list[float]:
    """Give the weights of a row's synthetic control of all controls but itself, found on the time before, whatever came after."""
    rows = np.frombuffer(past).reshape(shape)
    donors = np.setdiff1d(np.arange(1, len(rows)), [k])
    mix, _ = Synth.w_optimize(np.eye(shape[1]) / shape[1], rows[donors].T, rows[k])
    weights = np.zeros(len(rows))
    weights[donors] = mix
    return weights.tolist()


METHODS = {"ours": ours, "plain placebos": plain, "pysyncon": synth}


def tried(job: tuple[Kind, int], share: float) -> list[dict]:
    """Try every method on one panel with each lift planted."""
    kind, seed = job
    values = invented(kind, seed)
    names = [n for n in METHODS if n != "pysyncon" or ((seed * share) % 1 < share and kind.units <= SLOW)]
    rows = []
    for lift in LIFTS:
        planted = values.copy()
        planted[: kind.treated, kind.before :] *= 1 + lift
        for name in names:
            effect, low, high, p = METHODS[name](planted, kind)
            row = {"method": name, "lift": lift, "found": p <= ALPHA, "off": abs(effect - lift)}
            rows.append(kind._asdict() | row | {"held": low <= lift <= high if np.isfinite(low) else np.nan})
    return rows


def summary(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Give, by method and what else is asked, the share found at each lift, coverage, median error and panels."""
    found = rows.pivot_table(index=by, columns="lift", values="found", aggfunc="mean", sort=False)
    found.columns = [f"found at {lift:.0%}" for lift in found.columns]
    groups = rows.groupby(by, sort=False)
    held, off = groups["held"].mean().rename("interval holds"), groups["off"].median().rename("off by")
    return found.join([held, off, (groups.size() // len(LIFTS)).rename("panels")])


def jobs(panels: int, only: str) -> Iterator[tuple[Kind, int]]:
    """Give each kind of panel with its seeds."""
    return ((kind, seed) for seed in range(panels) for kind in KINDS if only in kind.often)


def main() -> None:
    """Print the table, by kind and over all."""
    parser = argparse.ArgumentParser(description="Try methods for effects on invented panels.")
    parser.add_argument("--panels", type=int, default=20, metavar="N", help="panels of each kind")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes")
    parser.add_argument(
        "--peers", type=float, default=0.25, metavar="SHARE", help="part of the panels that pysyncon sees"
    )
    parser.add_argument("--only", default="", metavar="OFTEN", help="day or week; both if left out")
    given = parser.parse_args()
    with ProcessPoolExecutor(given.jobs) as pool:
        found = pool.map(partial(tried, share=given.peers), jobs(given.panels, given.only), chunksize=4)
        rows = pd.DataFrame([row for part in found for row in part])
    tables = [summary(rows, by) for by in (["often", "units", "treated", "method"], ["often", "method"], ["method"])]
    for table in tables:
        print((100 * table.drop(columns="panels")).round(1).join(table["panels"]).to_string(), end="\n\n")
    whole = tables[-1].round(4)
    print(json.dumps({"benchmark": "effects", "panels": given.panels, "figures": whole.to_dict("index")}))


if __name__ == "__main__":
    main()
