"""What is the invented company like? Its names and the truths that its tables are drawn from."""

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

REGIONS = {"North Sea": 0.26, "Baltic": 0.17, "Iberia": 0.13, "Mediterranean": 0.18, "Adriatic": 0.08, "Americas": 0.18}
OWN_SHARE = {
    "North Sea": 0.31,
    "Baltic": 0.24,
    "Iberia": 0.18,
    "Mediterranean": 0.27,
    "Adriatic": 0.36,
    "Americas": 0.15,
}
SEGMENTS = {
    "Commercial shipping": 0.24,
    "Fishing": 0.16,
    "Leisure boating": 0.22,
    "Offshore energy": 0.12,
    "Ports and harbours": 0.14,
    "Public sector": 0.12,
}
SEGMENT_GROWTH = [0.03, -0.02, 0.05, 0.09, 0.04, 0.01]  # the market's, a year
CHURN_HAZARD = [0.008, 0.013, 0.016, 0.006, 0.005, 0.003]  # a month
BASKET = [1.3, 0.6, 0.5, 2.2, 1.5, 1.4]  # how much a customer of the segment buys at a time
CHANNELS = ["Direct", "Distributor", "Online", "Partner"]
CHANNEL_DISCOUNT = [0.08, 0.17, 0.03, 0.13]
CATEGORIES = {  # the median list price
    "Communication": 240,
    "Deck equipment": 90,
    "Navigation": 420,
    "Propulsion": 650,
    "Safety": 70,
    "Sensors": 180,
}
ELASTICITY = [-1.1, -1.8, -0.9, -0.6, -1.4, -2.2]  # of the quantity, by category
RIVALS = {  # name: (how much harder a deal with it is, log-odds; its yearly log growth against the others; its price level)
    "Borealis Nautic": (0.55, 0.12, 92.0),
    "Corvus Marine": (0.15, -0.02, 99.0),
    "Kestrel Systems": (-0.25, 0.04, 108.0),
    "Meridian Naval": (0.05, -0.07, 103.0),
    "Tidewater": (-0.45, -0.06, 95.0),
}
STAGES = ["Prospecting", "Qualified", "Proposal", "Negotiation"]
STAGE_CONVERSION = [0.80, 0.75, 0.70]  # of the deals that will be lost, the share that gets from a stage to the next
REASONS = ["Price", "Product fit", "Relationship", "Delivery time", "No decision"]
WIN_ODDS = -0.55  # log-odds of winning: a seller of no special skill, no rival in the deal
RAMP_MONTHS, RAMP_ODDS = 6, -0.9  # a new seller's log-odds on the first day, and how long until they are made up
SEASON = [0.84, 0.90, 1.06, 1.10, 1.16, 1.12, 0.96, 0.80, 1.02, 1.05, 1.04, 0.95]  # January to December
INITIATIVES = [  # (name, kind, on, effect, region, segment, channel, category, start in years, length in months, spend)
    ("Harbour days", "campaign", "quantity", 0.14, "North Sea", None, None, None, 0.9, 4, 180_000),
    ("Winter safety drive", "campaign", "quantity", 0.20, None, "Fishing", None, "Safety", 1.2, 5, 95_000),
    ("Distributor bonus", "price", "quantity", 0.00, None, None, "Distributor", None, 1.5, 6, 310_000),
    ("Online shop launch", "launch", "quantity", 0.22, None, None, "Online", None, 2.0, 8, 420_000),
    ("Negotiation school", "training", "win odds", 0.35, "Baltic", None, None, None, 2.1, 12, 140_000),
    ("Sensor price cut", "price", "quantity", 0.10, None, None, None, "Sensors", 2.6, 9, 60_000),
    ("Port authority desk", "territory", "quantity", 0.12, None, "Ports and harbours", None, None, 2.9, 12, 260_000),
    ("Marina roadshow", "campaign", "quantity", 0.00, "Mediterranean", "Leisure boating", None, None, 3.2, 4, 150_000),
    (
        "Offshore key accounts",
        "territory",
        "quantity",
        0.18,
        "Americas",
        "Offshore energy",
        None,
        None,
        3.6,
        10,
        240_000,
    ),
    ("Proposal clinic", "training", "win odds", 0.00, "Iberia", None, None, None, 3.8, 9, 90_000),
    ("Navigation refresh", "launch", "quantity", 0.09, None, None, None, "Navigation", 4.3, 9, 380_000),
    ("Adriatic partner push", "campaign", "quantity", 0.16, "Adriatic", None, "Partner", None, 4.7, 6, 110_000),
]


@dataclass(frozen=True)
class World:
    """An invented company's span of time and size; every table draws its own random numbers from `seed`."""

    seed: int
    scale: float
    as_of: pd.Timestamp

    @cached_property
    def start(self) -> pd.Timestamp:
        """First day of the tables: the first of the quarter that `as_of` lay in five years before."""
        return (self.as_of - pd.DateOffset(years=5)).to_period("Q").start_time

    @cached_property
    def months(self) -> pd.DatetimeIndex:
        """First days of the months, the last one still open."""
        return pd.date_range(self.start, self.as_of, freq="MS")

    @cached_property
    def years(self) -> np.ndarray:
        """Years from the start to each month."""
        return np.arange(len(self.months)) / 12

    @cached_property
    def quarters(self) -> pd.DatetimeIndex:
        """First days of the quarters, the last one still open."""
        return pd.date_range(self.start, self.as_of, freq="QS")

    def rng(self, part: str) -> np.random.Generator:
        """Give a part of the company its own stream of random numbers, so that parts can change one at a time."""
        return np.random.default_rng([self.seed, zlib.crc32(part.encode())])

    def count(self, at_scale_one: int) -> int:
        """Give how many there are at this scale, at least one for each region."""
        return max(len(REGIONS), round(at_scale_one * self.scale))

    def month_of(self, days: np.ndarray) -> np.ndarray:
        """Give the number of the month that each day lies in, 0 for the first; earlier ones count as 0."""
        months = np.asarray(days, "datetime64[M]") - np.datetime64(self.start, "M")
        return months.astype(int).clip(0, len(self.months) - 1)


def days(dates: pd.Timestamp | pd.Series) -> np.datetime64 | np.ndarray:
    """Give a date, or a column of them, as numpy counts days: pandas would count in seconds."""
    return dates.to_numpy().astype("datetime64[D]") if isinstance(dates, pd.Series) else np.datetime64(dates, "D")


def price_level(world: World) -> np.ndarray:
    """Give the list price of each category and month against today's: it moves once a quarter, up in the long run."""
    quarters = len(world.quarters)
    steps = world.rng("prices").normal(0.006, 0.035, (len(CATEGORIES), quarters)).cumsum(axis=1)
    return np.exp(steps - steps[:, [-1]])[:, np.arange(len(world.months)) // 3]


def pick(rng: np.random.Generator, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Draw for each of `rows` a column of `weights`, by that row's weights."""
    chances = np.cumsum(weights, axis=1) / np.sum(weights, axis=1, keepdims=True)
    ladder = (chances + np.arange(len(weights))[:, None]).ravel()
    found = np.searchsorted(ladder, rows + rng.random(len(rows)), side="right")
    return np.minimum(found - rows * weights.shape[1], weights.shape[1] - 1)


def named(values: list[str], numbers: np.ndarray) -> pd.Series:
    """Give the value of each number; a negative number has none."""
    return pd.Series(pd.array(values, dtype="str").take(np.asarray(numbers), allow_fill=True))
