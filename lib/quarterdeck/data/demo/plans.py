"""What was planned, called and spent, and what do rivals sell?"""

import numpy as np
import pandas as pd

from quarterdeck.data.demo.world import OWN_SHARE, REGIONS, RIVALS, SEGMENT_GROWTH, SEGMENTS, World

AMBITION = {
    "North Sea": 0.06,
    "Baltic": 0.09,
    "Iberia": 0.10,
    "Mediterranean": 0.05,
    "Adriatic": 0.03,
    "Americas": 0.12,
}
DIFFICULTY = 1.05  # a quota over what a seller books on average
CALLS = {"commit": 0.03, "best": 0.12, "pipeline": 0.35}  # by how much a call of the category is too high


def by_quarter(frame: pd.DataFrame, day: str, amount: str, keys: list[str]) -> pd.DataFrame:
    """Sum an amount by quarter (rows) and keys (columns)."""
    quarter = frame[day].dt.to_period("Q").dt.start_time.rename("period_start")
    return frame.groupby([quarter, *keys], observed=True)[amount].sum().unstack(keys).fillna(0.0)


def targets(world: World, orders: pd.DataFrame) -> pd.DataFrame:
    """Set each region's target from the same quarter of the year before; the first year's from its own sales."""
    rng = world.rng("targets")
    sold = by_quarter(orders, "order_date", "revenue", ["region"])[list(REGIONS)]
    wanted = (sold.shift(4) * (1 + pd.Series(AMBITION))).fillna(sold * rng.uniform(0.95, 1.08, sold.shape))
    frame = wanted.round(-3).stack().rename("revenue_target").rename_axis(["period_start", "region"]).reset_index()
    return _ended(frame).assign(margin_target=(frame["revenue_target"] * 0.36).round(-2))


def quotas(world: World, opportunities: pd.DataFrame, reps: pd.DataFrame) -> pd.DataFrame:
    """Set quarterly quotas from the year before, half the seller's own and half an average one's; less for a beginner."""
    won = opportunities[opportunities["status"].eq("won")]
    booked = by_quarter(won, "closed_on", "amount", ["rep_id"]).reindex(index=world.quarters, columns=reps["rep_id"])
    first = 3 * np.arange(len(world.quarters))
    begin, end = reps["from_month"].to_numpy()[:, None], reps["to_month"].to_numpy()[:, None]
    there = (begin <= first) & (first < end)
    own = booked.fillna(0.0).where(there.T).rolling(4, min_periods=2).mean().shift(1).bfill()
    team = own.mean(axis=1)
    base = own.apply(lambda rep: 0.5 * rep.fillna(team) + 0.5 * team).to_numpy().T
    quota = base * DIFFICULTY * np.clip(0.4 + 0.1 * (first - begin), 0.4, 1)
    rep, quarter = np.nonzero(there)
    rows = {"rep_id": reps["rep_id"].to_numpy()[rep], "period_start": world.quarters[quarter]}
    return _ended(pd.DataFrame(rows | {"quota": quota[there].round(-3)}))


def rivals_and_market(world: World, orders: pd.DataFrame, customers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the rivals' sales, and the market that theirs and ours add up to, of the quarters that have ended."""
    rng = world.rng("rivals")
    ended = world.quarters[world.quarters + pd.offsets.QuarterEnd(0) <= world.as_of]
    cells = pd.MultiIndex.from_product([REGIONS, SEGMENTS], names=["region", "segment"])
    lines = orders.assign(segment=orders["customer_id"].map(customers.set_index("customer_id")["segment"]))
    own = by_quarter(lines, "order_date", "revenue", ["region", "segment"]).reindex(columns=cells, fill_value=0.0)
    own = own.reindex(ended).fillna(0.0).rename_axis(index="period_start")
    years = np.arange(len(ended))[:, None] / 4
    growth = np.array(SEGMENT_GROWTH)[cells.codes[1]]
    share = np.array(list(OWN_SHARE.values()))[cells.codes[0]]
    swing = own.sum(axis=1) / own.sum(axis=1).rolling(4, min_periods=4, center=True).mean().bfill().ffill()
    size = own.iloc[:4].mean().clip(lower=2000).to_numpy() / share * (1 - share)
    others = size * np.exp(growth * years) * swing.to_numpy()[:, None]
    sold = others[:, :, None] * _rival_shares(rng, years) * np.exp(rng.normal(0, 0.04, (*others.shape, len(RIVALS))))
    grid = pd.MultiIndex.from_product(
        [ended, REGIONS, SEGMENTS, RIVALS], names=["period_start", "region", "segment", "competitor"]
    )
    rivals = pd.DataFrame(
        {"revenue": sold.ravel().round(2), "price_index": _price_index(rng, len(ended), len(cells))}, index=grid
    )
    theirs = rivals["revenue"].groupby(["period_start", "region", "segment"]).sum()
    whole = own.stack(["region", "segment"], future_stack=True) + theirs
    market = whole.round(2).clip(lower=0).rename("market_revenue").reset_index().assign(source="Industry association")
    return _ended(rivals.reset_index()), _ended(market)


def calls(world: World, orders: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """Write down what each region called every second week: the plan at first, the quarter's end towards the last."""
    rng = world.rng("calls")
    sold = by_quarter(orders, "order_date", "revenue", ["region"])[list(REGIONS)]
    open_part = (world.as_of - world.quarters[-1]).days + 1
    sold.iloc[-1] *= ((world.quarters[-1] + pd.offsets.QuarterEnd(0) - world.quarters[-1]).days + 1) / open_part
    plan = targets.pivot(index="period_start", columns="region", values="revenue_target")[list(REGIONS)]
    frames = []
    for week in range(1, 13, 2):
        known = np.exp(rng.normal(0, 0.09 * (1 - week / 14), sold.shape)) * (plan + (sold - plan) * week / 13)
        for category, bias in CALLS.items():
            amount = (known * (1 + bias * (1 - week / 16))).stack().rename("amount").reset_index()
            frames.append(amount.assign(category=category, called_on=amount["period_start"] + pd.Timedelta(weeks=week)))
    frame = pd.concat(frames, ignore_index=True)
    return _ended(frame[frame["called_on"] <= world.as_of].assign(amount=lambda t: t["amount"].round(-3)))


def costs(world: World, orders: pd.DataFrame, reps: pd.DataFrame) -> pd.DataFrame:
    """Write down what selling cost: people, commission, travel and marketing."""
    rng = world.rng("costs")
    sold = by_quarter(orders, "order_date", "revenue", ["region"])[list(REGIONS)]
    first = 3 * np.arange(len(world.quarters))
    there = (reps["from_month"].to_numpy()[:, None] <= first) & (first < reps["to_month"].to_numpy()[:, None])
    heads = pd.DataFrame(there.T, index=world.quarters).T.groupby(reps["region"].to_numpy()).sum().T[list(REGIONS)]
    kinds = {
        "Salaries": heads * 21_500.0,
        "Commission": sold * 0.021,
        "Travel": heads * 3_400.0,
        "Marketing": sold * 0.018,
    }
    frames = []
    for kind, amounts in kinds.items():
        noisy = (amounts * np.exp(rng.normal(0, 0.05, amounts.shape))).round(2)
        noisy = noisy.rename_axis(index="period_start", columns="region")
        frames.append(noisy.stack().rename("amount").reset_index().assign(kind=kind))
    return _ended(pd.concat(frames, ignore_index=True))


def exchange_rates(world: World) -> pd.DataFrame:
    """Let three currencies wander by the month."""
    rng = world.rng("rates")
    start = {"GBP": 1.17, "NOK": 0.098, "USD": 0.93}
    walk = np.exp(rng.normal(0, 0.012, (len(world.months), len(start))).cumsum(axis=0)) * list(start.values())
    frame = pd.DataFrame(walk.round(5), index=world.months, columns=list(start)).rename_axis(
        index="valid_from", columns="currency"
    )
    return frame.stack().rename("rate").reset_index()


def _ended(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(period_end=frame["period_start"] + pd.offsets.QuarterEnd(0))


def _rival_shares(rng: np.random.Generator, years: np.ndarray) -> np.ndarray:
    """Give each rival's part of what is not ours: by quarter, cell of region and segment, and rival."""
    base = rng.normal(0, 0.45, (len(REGIONS) * len(SEGMENTS), len(RIVALS)))
    momentum = np.array([m for _, m, _ in RIVALS.values()])
    strength = np.exp(base[None] + years[:, :, None] * momentum)
    return strength / strength.sum(axis=2, keepdims=True)


def _price_index(rng: np.random.Generator, quarters: int, cells: int) -> np.ndarray:
    level = np.array([price for _, _, price in RIVALS.values()])
    walk = rng.normal(0, 0.8, (quarters, 1, len(RIVALS))).cumsum(axis=0)
    return (level + walk + rng.normal(0, 1.5, (quarters, cells, len(RIVALS)))).round(1).ravel()
