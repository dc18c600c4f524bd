"""Which deals are opened, how do they move, and who wins them?"""

import numpy as np
import pandas as pd

from quarterdeck.data.demo.world import (
    CHANNELS,
    ELASTICITY,
    INITIATIVES,
    RAMP_MONTHS,
    RAMP_ODDS,
    REASONS,
    REGIONS,
    RIVALS,
    STAGE_CONVERSION,
    STAGES,
    WIN_ODDS,
    World,
    days,
    named,
    pick,
    price_level,
)

CYCLE = [80, 45, 40, 130, 105, 120]  # median days from opening to closing, by segment
DEAL = [26_000, 12_000, 9_000, 52_000, 34_000, 30_000]  # median amount, by segment
BEFORE = 240  # days before the start from which deals are opened, so that the pipeline is full on the first day


def deals(world: World, customers: pd.DataFrame, products: pd.DataFrame, reps: pd.DataFrame, stand_in: np.ndarray):
    """Draw every deal with its whole course, also what lies after `as_of`; numbers and days, not yet names.

    `opened` and `closed` are days, `entered` the day of each stage, `reached` how many stages it gets to.
    """
    rng = world.rng("deals")
    frame = _opened(world, rng, customers)
    segment = frame["segment_no"].to_numpy()
    frame["product"] = pick(rng, products["appeal"].to_numpy()[None, :], np.zeros(len(frame), dtype=int))
    frame["rival"] = _rival(rng, frame["region_no"].to_numpy())
    cycle = np.array(CYCLE)[segment] * np.exp(rng.normal(0, 0.45, len(frame)))
    frame["rep"] = stand_in[frame["owner"], world.month_of(days(frame["opened"]) + cycle.astype(int))]
    odds = win_odds(world, frame, reps)
    frame["won"] = rng.random(len(frame)) < 1 / (1 + np.exp(-odds))
    frame["reached"] = np.where(frame["won"], len(STAGES), _furthest(rng, len(frame)))
    wanted = np.array(DEAL)[segment] * np.exp(rng.normal(0, 0.55, len(frame)))
    parts = rng.gamma(2.5, 1, (len(frame), len(STAGES)))
    ends = np.cumsum(parts / parts.sum(axis=1, keepdims=True), axis=1) * cycle[:, None]
    steps = ends.astype(int) + np.arange(1, len(STAGES) + 1) * 2
    entered = np.column_stack([np.zeros(len(frame), dtype=int), steps[:, :-1]])
    length = steps[np.arange(len(frame)), frame["reached"] - 1]
    frame["closed"] = _pulled(rng, days(frame["opened"]) + length, frame["won"].to_numpy())
    kind = products["category_no"].to_numpy()[frame["product"]]
    costlier = price_level(world)[kind, world.month_of(days(frame["closed"]))]
    frame["amount"] = (wanted * costlier ** (1 + np.array(ELASTICITY)[kind])).round(-2) + 500
    keep = days(frame["closed"]) >= days(world.start)
    return frame[keep].reset_index(drop=True), entered[keep]


def win_odds(world: World, frame: pd.DataFrame, reps: pd.DataFrame) -> np.ndarray:
    """Give each deal's log-odds of being won: skill, ramp-up, rival and training."""
    month = world.month_of(days(frame["opened"]))
    tenure = month - reps["from_month"].to_numpy()[frame["rep"]]
    ramp = RAMP_ODDS * (1 - tenure / RAMP_MONTHS).clip(0, 1)
    against = np.array([-strength for strength, _, _ in RIVALS.values()] + [0.0])[frame["rival"]]
    trained = np.zeros(len(frame))
    for _, _, on, effect, region, *_, start, length, _ in INITIATIVES:
        if on == "win odds":
            there = frame["region_no"].to_numpy() == list(REGIONS).index(region)
            since = month - round(12 * start)
            trained += effect * (there & (since >= 0) & (since < length))
    return WIN_ODDS + reps["skill"].to_numpy()[frame["rep"]] + ramp + against + trained


def history(world: World, frame: pd.DataFrame, entered: np.ndarray, stand_in: np.ndarray) -> pd.DataFrame:
    """Write down each deal's state at every stage, at one change of mind, and at its end; nothing after `as_of`.

    `deal` (its row), `changed_on`, `stage`, `status`, `amount`, `expected_close`, `rep`.
    """
    rng, n = world.rng("history"), len(frame)
    opened, closed, reached = days(frame["opened"]), days(frame["closed"]), frame["reached"].to_numpy()
    last = entered[np.arange(n), reached - 1]
    span = (closed - opened).astype(int)
    again = (last + span) // 2
    offsets = np.column_stack([entered, again, span])
    stage = np.column_stack([np.tile(np.arange(4), (n, 1)), reached - 1, np.where(frame["won"], 4, 5)])
    known = np.column_stack(
        [np.arange(4) < reached[:, None], (again > last + 1) & (again < span - 1), np.full(n, True)]
    )
    amounts = frame["amount"].to_numpy()[:, None] * np.exp(_drift(rng, known.shape))
    typical = np.array(CYCLE)[frame["segment_no"]][:, None] * np.array([1, 0.75, 0.5, 0.3, 0.25, 0])
    left = (0.8 * typical + 0.2 * (span[:, None] - offsets)) * np.exp(rng.normal(-0.2, 0.3, known.shape))
    left[:, 5] = 0
    changed = opened[:, None] + offsets
    seen = known & (changed <= days(world.as_of))
    deal, column = np.nonzero(seen)
    day = changed[seen]
    return pd.DataFrame(
        {
            "deal": deal,
            "changed_on": day,
            "stage": named([*STAGES, "Won", "Lost"], stage[seen]),
            "status": np.where(column < 5, "open", np.where(frame["won"].to_numpy()[deal], "won", "lost")),
            "amount": amounts[seen].round(-2),
            "expected_close": day + left[seen].astype(int),
            "rep": stand_in[frame["owner"].to_numpy()[deal], world.month_of(day)],
        }
    )


def opportunities(world: World, frame: pd.DataFrame, past: pd.DataFrame, reps: pd.DataFrame, products: pd.DataFrame):
    """Give the deals as they stand at `as_of`, from the last line of each one's history."""
    rng = world.rng("opportunities")
    now = past.groupby("deal").last()
    rows = frame.loc[now.index]
    lost = now["status"].eq("lost").to_numpy()
    return pd.DataFrame(
        {
            "opportunity_id": identities(now.index),
            "customer_id": rows["customer_id"].to_numpy(),
            "rep_id": reps["rep_id"].to_numpy()[now["rep"]],
            "product_id": products["product_id"].to_numpy()[rows["product"]],
            "region": rows["region"].to_numpy(),
            "segment": rows["segment"].to_numpy(),
            "channel": named(CHANNELS, rows["channel_no"]),
            "opened_on": rows["opened"].to_numpy(),
            "closed_on": rows["closed"].where(now["status"].ne("open")).to_numpy(),
            "expected_close": now["expected_close"].to_numpy(),
            "stage": now["stage"].to_numpy(),
            "amount": now["amount"].to_numpy(),
            "status": now["status"].to_numpy(),
            "competitor": named(list(RIVALS), np.where(rows["rival"] < len(RIVALS), rows["rival"], -1)),
            "loss_reason": named(REASONS, np.where(lost, _reason(rng, rows["rival"].to_numpy()), -1)),
        }
    )


def identities(numbers: pd.Index | pd.Series) -> pd.Series:
    """Name deals by their row."""
    return "D" + pd.Series(np.asarray(numbers)).astype("str").str.zfill(6)


def _opened(world: World, rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    buys = customers[customers["to_month"] > 0]
    begin, end = buys["from_month"].clip(lower=-BEFORE / 30), buys["to_month"]
    weight = (end - begin) * buys["rate"] * np.sqrt(buys["basket"])
    n = round(15_900 * world.scale)
    drawn = buys.iloc[rng.choice(len(buys), n, p=weight / weight.sum())].reset_index(drop=True)
    first = np.maximum(days(drawn["since"]), days(world.start) - BEFORE)
    last = np.minimum(
        (np.datetime64(world.start, "M") + drawn["to_month"].to_numpy()).astype("datetime64[D]"), days(world.as_of)
    )
    span = (last - first).astype(int).clip(0)
    return drawn.assign(opened=first + (rng.random(n) * (span + 1)).astype(int))


def _rival(rng: np.random.Generator, region: np.ndarray) -> np.ndarray:
    """Draw the main rival of each deal; the last number means none."""
    presence = 1 + np.cos(np.arange(len(REGIONS))[:, None] + 2.1 * np.arange(len(RIVALS)))
    return pick(rng, np.column_stack([0.3 + presence, np.full(len(REGIONS), 2.6)]), region)


def _furthest(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw how many stages a lost deal gets to."""
    onward = rng.random((n, len(STAGE_CONVERSION))) < STAGE_CONVERSION
    return 1 + np.cumprod(onward, axis=1).sum(axis=1)


def _pulled(rng: np.random.Generator, closed: np.ndarray, won: np.ndarray) -> np.ndarray:
    """Move two of five won deals to the last days of the quarter that they close in."""
    month = closed.astype("datetime64[M]")
    end = (month + (3 - month.astype(int) % 3)).astype("datetime64[D]") - 1 - rng.integers(0, 9, len(closed))
    moved = won & (rng.random(len(closed)) < 0.4) & (end > closed)
    return np.where(moved, end, closed)


def _drift(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Let an amount wander towards its last value, which is the deal's own."""
    steps = rng.normal(0, 0.1, shape) * (rng.random(shape) < 0.4)
    wander = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
    return wander - wander[:, [-1]]


def _reason(rng: np.random.Generator, rival: np.ndarray) -> np.ndarray:
    """Draw why a deal was lost: to a cheap rival mostly by price; without a rival, often nothing was decided."""
    prices = np.array([price for _, _, price in RIVALS.values()] + [100.0])
    weights = np.tile([0.30, 0.25, 0.18, 0.15, 0.12], (len(prices), 1))
    weights[:, 0] *= np.exp((100 - prices) / 9)
    weights[-1, 4] = 0.8
    return pick(rng, weights, rival)
