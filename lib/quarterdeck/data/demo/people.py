"""Who buys, who sells, and what?"""

import numpy as np
import pandas as pd

from quarterdeck.data.demo.world import (
    BASKET,
    CATEGORIES,
    CHANNELS,
    CHURN_HAZARD,
    REGIONS,
    SEGMENT_GROWTH,
    SEGMENTS,
    World,
    days,
    named,
)

STEMS = (
    "Aldra Brenna Calder Dorvik Elvar Farrow Galene Haldis Isolde Jarrow Kelda Lorne Marisk Nereus Orsa Pelagia Quill "
    "Ronan Selkie Thalia Ulven Varde Wexford Ystad Zephyr Anker Brise Corvane Drift Ebba Fjord Garnet Hesper Ivar Juno"
).split()
TRADES = [
    ["Shipping", "Lines", "Freight", "Tankers", "Bulk"],
    ["Fisheries", "Trawlers", "Seafood", "Fish Farms", "Catch"],
    ["Marina", "Yachting", "Charter", "Boats", "Sailing"],
    ["Offshore", "Wind", "Drilling", "Subsea", "Energy"],
    ["Port", "Terminals", "Harbour", "Pilots", "Docks"],
    ["Coast Guard", "Water Police", "Rescue", "Hydrographic Office", "Ferries"],
]
FIRST = (
    "Ada Bram Clara Daan Elif Finn Greta Hugo Ines Jonas Katja Luca Mina Nils Olga Pablo Rosa Sven Tessa Umberto Vera "
    "Willem Yara Zoran"
).split()
LAST = (
    "Aalto Bianchi Costa Dahl Eriksen Ferrari Garcia Hansen Ilic Jansen Kovac Larsen Moreau Novak Olsen Petrov Quiroga "
    "Rossi Schmidt Torres Ueda Vidal Weber Young Zanetti"
).split()
GOODS = ["Basic", "Compact", "Standard", "Plus", "Pro", "Pro 2", "Marine", "Offshore", "Premium", "Flagship"]
TEAM = 8  # sellers that one manager leads


def products(world: World) -> pd.DataFrame:
    """Draw ten products in each category; `category_no` and `appeal` are the world's own."""
    rng = world.rng("products")
    kinds, n = list(CATEGORIES), 10 * len(CATEGORIES)
    kind = np.repeat(np.arange(len(kinds)), 10)
    rank = np.tile(np.arange(10), len(kinds))
    price = np.array(list(CATEGORIES.values()))[kind] * np.exp(0.14 * (rank - 4.5) + rng.normal(0, 0.1, n))
    late = (rank >= 2) & (rng.random(n) < 0.2)  # two of each category were there from the start
    offset = np.where(late, rng.integers(200, 1500, n), -rng.integers(200, 3000, n))
    return pd.DataFrame(
        {
            "product_id": [f"P{i + 1:03d}" for i in range(n)],
            "name": [f"{kinds[k]} {GOODS[r]}" for k, r in zip(kind, rank, strict=True)],
            "category": named(kinds, kind),
            "list_price": price.round(2),
            "unit_cost": (price * rng.uniform(0.50, 0.66, n)).round(2),
            "launched": pd.to_datetime(days(world.start) + offset),
            "category_no": kind,
            "appeal": rng.gamma(3, 1, n),
        }
    )


def reps(world: World) -> pd.DataFrame:
    """Draw the sellers; `region_no`, `skill` (log-odds), `from_month` and `to_month` are the world's own."""
    rng, n = world.rng("reps"), world.count(70)
    region = np.sort(np.arange(n) % len(REGIONS) if n < 12 else _shares(n))
    place = pd.Series(region).groupby(region).cumcount().to_numpy()
    stays = place < 2  # so that a region always has a seller
    last = len(world.months)
    joined = np.where(stays | (rng.random(n) < 0.6), -rng.integers(6, 90, n), rng.integers(0, last - 2, n))
    served = 6 + rng.geometric(0.012, n)
    until = np.where(stays | (joined.clip(0) + served >= last), last, joined.clip(0) + served)
    hired = days(world.start).astype("datetime64[M]") + joined
    left = (np.datetime64(world.start, "M") + until).astype("datetime64[D]") - 1
    return pd.DataFrame(
        {
            "rep_id": [f"R{i + 1:04d}" for i in range(n)],
            "name": _people(n),
            "region": named(list(REGIONS), region),
            "manager": _leaders(region, place),
            "hired": pd.to_datetime(hired.astype("datetime64[D]")),
            "left_on": pd.Series(pd.to_datetime(left)).where(until < last),
            "region_no": region,
            "skill": rng.normal(0, 0.35, n),
            "from_month": joined,
            "to_month": until,
        }
    )


def customers(world: World, reps: pd.DataFrame) -> pd.DataFrame:
    """Draw the accounts: customers, and a fifth as many that never bought.

    Numbers (`region_no`, `segment_no`, `channel_no`, `owner`), buying habits (`rate` of orders a month, `basket`,
    `growth` a year) and the months of first and last buying (`from_month`, `to_month`) are the world's own.
    """
    rng, n = world.rng("customers"), world.count(1500)
    whole = n + n // 5
    region = rng.choice(len(REGIONS), whole, p=list(REGIONS.values()))
    segment = rng.choice(len(SEGMENTS), whole, p=list(SEGMENTS.values()))
    size = np.exp(rng.normal(4.2, 1.1, whole) + 0.5 * np.log(np.array(BASKET)[segment])).round()
    last = len(world.months)
    joined = np.where(rng.random(whole) < 0.62, -rng.integers(1, 80, whole), rng.integers(0, last - 1, whole))
    stays = rng.geometric(np.array(CHURN_HAZARD)[segment])
    bought = np.arange(whole) < n
    since = days(world.start).astype("datetime64[M]") + joined
    since = since.astype("datetime64[D]") + rng.integers(0, 14, whole)
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i + 1:06d}" for i in range(whole)],
            "name": _firms(segment),
            "region": named(list(REGIONS), region),
            "segment": named(list(SEGMENTS), segment),
            "size": size,
            "since": pd.Series(pd.to_datetime(since)).where(bought),
        }
    )
    hidden = _habits(world, region, segment, size, reps)
    return frame.assign(
        **hidden, from_month=joined, to_month=np.where(bought, (joined.clip(0) + stays).clip(max=last), 0)
    )


def successors(world: World, reps: pd.DataFrame) -> np.ndarray:
    """Give, for each seller and month, who does the seller's work: the seller, or the next one of the region who is there."""
    months = np.arange(len(world.months))
    there = (reps["from_month"].to_numpy()[:, None] <= months) & (months < reps["to_month"].to_numpy()[:, None])
    found = np.empty(there.shape, dtype=int)
    for rows in reps.groupby("region_no").indices.values():
        k = len(rows)
        place = np.where(np.tile(there[rows], (2, 1)), np.arange(2 * k)[:, None], 2 * k)
        found[rows] = rows[np.minimum.accumulate(place[::-1])[::-1][:k] % k]
    return found


def _habits(world: World, region: np.ndarray, segment: np.ndarray, size: np.ndarray, reps: pd.DataFrame) -> dict:
    rng, n = world.rng("habits"), len(region)
    sellers = reps.groupby("region_no").indices
    owner = np.zeros(n, dtype=int)
    for number, rows in sellers.items():
        mine = region == number
        owner[mine] = rng.choice(rows, mine.sum())
    return {
        "region_no": region,
        "segment_no": segment,
        "channel_no": rng.choice(len(CHANNELS), n, p=[0.42, 0.24, 0.14, 0.20]),
        "owner": owner,
        "rate": rng.gamma(2.2, 0.42, n),
        "basket": 8 * np.array(BASKET)[segment] * (size / 66) ** 0.3 * np.exp(rng.normal(0, 0.4, n)),
        "growth": rng.normal(np.array(SEGMENT_GROWTH)[segment] + 0.02, 0.12),
    }


def _leaders(region: np.ndarray, place: np.ndarray) -> list[str]:
    """Name who leads each team of a region's sellers."""
    team, _ = pd.factorize(pd.Series(region * 10_000 + place // TEAM))
    return [f"{FIRST[(7 * t + 3) % 24]} {LAST[(11 * t + 5) % 25]}" for t in team]


def _shares(n: int) -> np.ndarray:
    ends = np.cumsum(list(REGIONS.values())) * n
    return np.searchsorted(ends, np.arange(n) + 0.5).clip(max=len(REGIONS) - 1)


def _people(n: int) -> list[str]:
    number = np.arange(n)
    spare = len(FIRST) * len(LAST)
    return [
        f"{FIRST[i % 24]} {LAST[(i + 7 * (i // 24)) % 25]}" + (f" {i // spare + 1}" if i >= spare else "")
        for i in number
    ]


def _firms(segment: np.ndarray) -> list[str]:
    number = pd.Series(segment).groupby(segment).cumcount().to_numpy()
    stems = len(STEMS)
    return [
        f"{STEMS[i % stems]} {TRADES[s][i // stems % 5]}" + (f" {i // (5 * stems) + 1}" if i >= 5 * stems else "")
        for s, i in zip(segment, number, strict=True)
    ]
