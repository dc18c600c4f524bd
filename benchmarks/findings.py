"""Of findings whose risk is said to be one in ten, is one in ten false?

Small invented companies a seed apart, in which nothing is planted in a part of what is compared (any part, as likely as another)
and something of any size elsewhere. The functions that the brief asks look for it; a finding is false where nothing of its
direction was planted. Prints how often findings are false by their risk, for all together and by rule, and a line of JSON last.
`make bench NAME=findings ARGS="400 rival room"` runs so many companies and these rules alone.
"""

import json
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from tqdm import tqdm

from quarterdeck.analysis.brief import gaps
from quarterdeck.analysis.methods.intervals import wilson
from quarterdeck.analysis.planning import profit
from quarterdeck.data.periods import quarter

REPLICATIONS = 600
DAY = pd.Timestamp("2026-11-15")
PERIOD = quarter(DAY)
BANDS = [0.0, 0.01, 0.05, 0.1, 0.2, 0.5]
GOALS = [[0.0, 0.02], [0.01, 0.06], [0.04, 0.12], [0.08, 0.25], [0.2, 0.5]]  # of the share that is false


def planted(draw: np.random.Generator, count: int, error: float) -> np.ndarray:
    """Draw what is planted: nothing in a part of the comparisons, elsewhere of about half an error to ten."""
    empty, size = draw.uniform(), error * np.exp(draw.uniform(np.log(0.5), np.log(10)))
    return np.where(draw.uniform(size=count) < empty, 0.0, draw.normal(0, size, count))


def of_segments(draw: np.random.Generator) -> tuple[pd.DataFrame, pd.Series]:
    """Let segments' revenue change in the log, by more orders or fewer."""
    names = [f"S{k}" for k in range(draw.integers(3, 9))]
    change = pd.Series(planted(draw, len(names), np.sqrt(2 * np.exp(0.5) / 200)), names)
    customers = pd.DataFrame({"customer_id": names, "segment": names})
    parts = []
    for day, rate in ((PERIOD.before().through, np.zeros(len(names))), (PERIOD.through, change)):
        n = draw.poisson(200 * np.exp(rate))
        rows = {"customer_id": np.repeat(names, n), "revenue": draw.lognormal(6, 0.7, n.sum())}
        parts.append(pd.DataFrame(rows).assign(order_date=day - pd.Timedelta(days=10)))
    early = pd.DataFrame({"customer_id": names, "revenue": 1.0, "order_date": PERIOD.before().start})
    orders = pd.concat([early, *parts], ignore_index=True)
    orders["order_id"] = orders.index.astype(str)
    found = gaps.segment_moves(orders, customers, PERIOD)
    return found, np.sign(found["worth"]) * found["subject"].map(change).astype(float) > 0


def of_rivals(draw: np.random.Generator) -> tuple[pd.DataFrame, pd.Series]:
    """Let rivals be stronger or weaker in the log-odds."""
    names = [f"R{k}" for k in range(draw.integers(3, 9))]
    n = draw.integers(60, 240, len(names))
    rate = pd.Series(expit(logit(0.35) + planted(draw, len(names), 1 / np.sqrt(150 * 0.35 * 0.65))), names)
    deals = pd.DataFrame({"competitor": np.repeat(names, n), "amount": draw.lognormal(10, 0.5, n.sum())})
    won = draw.uniform(size=len(deals)) < deals["competitor"].map(rate)
    deals = deals.assign(status=np.where(won, "won", "lost"), closed_on=DAY - pd.Timedelta(days=60))
    found = gaps.rival_losses(deals.assign(opened_on=DAY - pd.Timedelta(days=160)), PERIOD)
    return found, found["subject"].map(rate).astype(float) < (rate * n).sum() / n.sum() - 1e-12


def of_room(draw: np.random.Generator) -> tuple[pd.DataFrame, pd.Series]:
    """Let segments buy categories more or less often than others do."""
    segments, kinds = [f"S{k}" for k in range(draw.integers(3, 7))], [f"C{k}" for k in range(draw.integers(3, 8))]
    n = draw.integers(40, 160, len(segments))
    customers = pd.DataFrame({"segment": np.repeat(segments, n)})
    customers["customer_id"] = customers.index.astype(str)
    base = logit(draw.uniform(0.3, 0.8, len(kinds)))
    beyond = planted(draw, len(segments) * len(kinds), 1 / np.sqrt(80 * 0.25)).reshape(len(segments), -1)
    rate = pd.DataFrame(expit(base + beyond), segments, kinds)
    buys = draw.uniform(size=(len(customers), len(kinds))) < rate.loc[customers["segment"]].to_numpy()
    who, what = np.nonzero(np.column_stack([buys, np.ones(len(buys), dtype=bool)]))  # all buy something
    orders = pd.DataFrame({"customer_id": customers["customer_id"].to_numpy()[who], "revenue": 100.0})
    orders = orders.assign(product_id=np.array([*kinds, "all"])[what], order_date=DAY - pd.Timedelta(days=30))
    products = pd.DataFrame({"product_id": [*kinds, "all"], "category": [*kinds, "all"]})
    found = gaps.room(orders, customers, products, DAY)
    elsewhere = (rate.mul(n, axis=0).sum() - rate.mul(n, axis=0)).div(n.sum() - n, axis=0)
    cells = (rate < elsewhere - 1e-12).stack()
    cells.index = [f"{kind} to {segment}" for segment, kind in cells.index]
    return found, found["subject"].map(cells.astype(float)).astype(float) > 0


def of_overdue(draw: np.random.Generator) -> tuple[pd.DataFrame, pd.Series]:
    """Let deals past their date be won less often, or as often as the others."""
    past = PERIOD.same_day(quarter(PERIOD.start - pd.Timedelta(days=1)).whole())
    n, usual = draw.integers(80, 300), 0.4
    less = -abs(planted(draw, 1, 1 / np.sqrt(80 * 0.24))[0])
    late = draw.uniform(size=n) < 0.3
    won = draw.uniform(size=n) < expit(logit(usual) + np.where(late, less, 0.0))
    names = [f"D{k}" for k in range(n)]
    history = pd.DataFrame({"opportunity_id": names, "changed_on": past - pd.Timedelta(days=30), "status": "open"})
    history["expected_close"] = past + pd.to_timedelta(np.where(late, -5, 5), "D")
    closed = pd.DataFrame({"opportunity_id": names, "status": np.where(won, "won", "lost"), "amount": 1000.0})
    closed = closed.assign(closed_on=past + pd.Timedelta(days=30), expected_close=past)
    still = pd.DataFrame({"opportunity_id": ["X"], "status": "open", "amount": 2e5, "expected_close": past})
    deals = pd.concat([closed, still.assign(closed_on=pd.NaT)], ignore_index=True)
    found = gaps.overdue_deals(deals, history, PERIOD)
    return found, pd.Series(less < 0, found.index)


def of_losses(draw: np.random.Generator) -> tuple[pd.DataFrame, pd.Series]:
    """Let customers earn different rates, most of them above zero; each customer called a loss is a finding here."""
    count = draw.integers(30, 150)
    names, n = [f"K{k}" for k in range(count)], draw.integers(4, 40, count)
    rate = pd.Series(draw.normal(draw.uniform(0.05, 0.25), draw.uniform(0.05, 0.2), count), names)
    lines = pd.DataFrame({"customer_id": np.repeat(names, n), "revenue": draw.lognormal(6, 0.5, n.sum())})
    earned = lines["customer_id"].map(rate) + draw.normal(0, 0.3, len(lines))
    lines = lines.assign(cost=lines["revenue"] * (1 - earned), order_date=PERIOD.start - pd.Timedelta(days=40))
    lines = lines.assign(order_id=lines.index.astype(str), line_no=1, region="A", channel="x", quantity=1.0)
    lines = lines.assign(product_id="P", rep_id="R", list_amount=np.nan)
    accounts = pd.DataFrame({"customer_id": names, "name": names, "segment": "S"})
    found = profit.whale(lines, accounts, PERIOD).query("clear")
    return found, found["customer_id"].map(rate).astype(float) < 0


RULES: dict[str, Callable] = {
    "segment": of_segments,
    "rival": of_rivals,
    "room": of_room,
    "overdue": of_overdue,
    "unprofitable": of_losses,
}


def judged(replications: int, rules: list[str]) -> pd.DataFrame:
    """Give each finding's rule, risk, and whether it is false."""
    parts = []
    for seed in tqdm(range(replications), unit="company", file=sys.stderr):
        for number, name in enumerate(rules):
            found, so = RULES[name](np.random.default_rng([seed, number]))
            parts.append(pd.DataFrame({"rule": name, "risk": found["risk"], "false": ~so.astype(bool)}))
    return pd.concat(parts, ignore_index=True).dropna()


def main(*asked: str) -> None:
    """Print the share of findings that are false, by their risk."""
    numbers, rules = [int(a) for a in asked if a.isdigit()], [a for a in asked if not a.isdigit()] or [*RULES]
    found = judged(*(numbers or [REPLICATIONS]), rules)
    found["band"] = pd.cut(found["risk"], BANDS, include_lowest=True)
    figures = {}
    for name, part in [("all", found), *found.groupby("rule", sort=False)]:
        print(f"{name}: {len(part):,} findings")
        for goal, (band, rows) in zip(GOALS, part.groupby("band", observed=False), strict=True):
            if len(rows):
                share, (low, high) = rows["false"].mean(), wilson(rows["false"].sum(), len(rows))
                said = f"risk {max(band.left, 0):4.0%} to {band.right:4.0%}, on average {rows['risk'].mean():6.2%}"
                print(f"  {said}: {share:6.2%} false ({low:.2%} to {high:.2%}, n {len(rows):,})")
                if name == "all":
                    unit = "share of findings that are false"
                    figure = {"value": round(share, 4), "peer": round(rows["risk"].mean(), 4), "goal": goal}
                    figures[f"risk up to {band.right:.0%}"] = figure | {"n": len(rows), "unit": unit}
    print(json.dumps({"benchmark": "findings", "replications": (numbers or [REPLICATIONS])[0], "figures": figures}))


if __name__ == "__main__":
    main(*sys.argv[1:])
