"""What is ordered, at what price, and through whom?"""

import numpy as np
import pandas as pd

from quarterdeck.data.demo.deals import identities
from quarterdeck.data.demo.world import (
    CATEGORIES,
    CHANNEL_DISCOUNT,
    CHANNELS,
    ELASTICITY,
    INITIATIVES,
    REGIONS,
    SEASON,
    SEGMENTS,
    World,
    days,
    named,
    pick,
    price_level,
)

RETURNED = 0.012  # share of the lines that come back


def season(world: World) -> np.ndarray:
    """Give each month's factor, with a mean of one over a year."""
    return np.array(SEASON)[world.months.month - 1] / np.mean(SEASON)


def initiatives(world: World) -> pd.DataFrame:
    """Write down what was undertaken."""
    rows = []
    for number, (name, kind, on, _, region, segment, channel, category, start, length, spend) in enumerate(INITIATIVES):
        begun = world.months[round(12 * start)]
        ended = begun + pd.DateOffset(months=length) - pd.Timedelta(days=1)
        who = " · ".join(v for v in (region, segment, channel, category) if v) or "everybody"
        said = f"{name} sells more to {who}" if on == "quantity" else f"{name} wins more deals in {region}"
        rows.append([f"I{number + 1:02d}", name, kind, said, region, segment, channel, category, begun, ended, spend])
    columns = [
        "initiative_id",
        "name",
        "kind",
        "hypothesis",
        "region",
        "segment",
        "channel",
        "category",
        "started_on",
        "ended_on",
        "spend",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    recorded, read = frame["started_on"] - pd.Timedelta(days=60), frame["ended_on"] + pd.Timedelta(days=30)
    return frame.assign(recorded_on=recorded, read_on=read, minimum_effect=0.05)


def lines(world: World, customers: pd.DataFrame, products: pd.DataFrame, stand_in: np.ndarray) -> pd.DataFrame:
    """Draw the lines of the day-to-day business; numbers and days, not yet names."""
    rng = world.rng("lines")
    customer, month = _orders(world, rng, customers)
    count = 1 + rng.poisson(1.25, len(customer))
    order = np.repeat(np.arange(len(customer)), count)
    day = _days(world, rng, customers, customer, month)
    usual = customers["channel_no"].to_numpy()[customer]
    channel = np.where(rng.random(len(usual)) < 0.8, usual, rng.integers(0, len(CHANNELS), len(usual)))
    frame = pd.DataFrame(
        {
            "order": order,
            "line_no": np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count) + 1,
            "day": day[order],
            "month": month[order],
            "customer": customer[order],
            "channel": channel[order],
            "rep": np.where(
                channel == CHANNELS.index("Online"), -1, stand_in[customers["owner"].to_numpy()[customer], month]
            )[order],
        }
    )
    frame["product"] = _product(rng, customers, products, frame)
    return _priced(world, rng, frame, customers, products)


def deal_lines(world: World, frame: pd.DataFrame, now: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame):
    """Turn each won deal into an order of one line, on the day that it closed."""
    rng = world.rng("deal lines")
    won = now.index[now["status"].eq("won")]
    rows = frame.loc[won]
    level = price_level(world)[
        products["category_no"].to_numpy()[rows["product"]], world.month_of(days(rows["closed"]))
    ]
    price = products["list_price"].to_numpy()[rows["product"]] * level
    revenue = now.loc[won, "amount"].to_numpy()
    gross = revenue / (1 - rng.beta(4, 24, len(rows)))
    return pd.DataFrame(
        {
            "order_id": identities(won).to_numpy(),
            "line_no": 1,
            "day": rows["closed"].to_numpy(),
            "customer": np.searchsorted(customers["customer_id"].to_numpy(), rows["customer_id"].to_numpy()),
            "channel": rows["channel_no"].to_numpy(),
            "rep": now.loc[won, "rep"].to_numpy(),
            "product": rows["product"].to_numpy(),
            "quantity": np.maximum(1, (gross / price).round()),
            "list_amount": gross.round(2),
            "revenue": revenue,
            "initiative": -1,
        }
    )


def orders(
    world: World, parts: list[pd.DataFrame], customers: pd.DataFrame, products: pd.DataFrame, reps: pd.DataFrame
):
    """Name everything: the contract's table of orders."""
    frame = pd.concat(parts, ignore_index=True)
    inflation = 1.015 ** ((days(frame["day"]) - days(world.as_of)).astype(int) / 365.25)
    cost = frame["quantity"].to_numpy() * products["unit_cost"].to_numpy()[frame["product"]] * inflation
    return pd.DataFrame(
        {
            "order_id": frame["order_id"],
            "line_no": frame["line_no"],
            "order_date": pd.to_datetime(frame["day"]),
            "customer_id": named(customers["customer_id"], frame["customer"]),
            "product_id": named(products["product_id"], frame["product"]),
            "rep_id": named(reps["rep_id"], frame["rep"]),
            "region": named(list(REGIONS), customers["region_no"].to_numpy()[frame["customer"]]),
            "channel": named(CHANNELS, frame["channel"]),
            "quantity": frame["quantity"],
            "list_amount": frame["list_amount"],
            "revenue": frame["revenue"],
            "cost": cost.round(2),
            "initiative_id": named([f"I{i + 1:02d}" for i in range(len(INITIATIVES))], frame["initiative"]),
        }
    )


def _orders(world: World, rng: np.random.Generator, customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Draw each customer's orders of each month: a Poisson count around habit, growth and season."""
    months = np.arange(len(world.months))
    begun = customers["from_month"].to_numpy()[:, None] <= months
    there = begun & (months < customers["to_month"].to_numpy()[:, None])
    part = np.ones(len(months))
    part[-1] = world.as_of.day / world.as_of.days_in_month
    trend = np.exp(np.outer(customers["growth"], world.years - 2.5))
    rate = customers["rate"].to_numpy()[:, None] * trend * season(world) * part * there
    drawn = rng.poisson(rate)
    return np.divmod(np.repeat(np.arange(drawn.size), drawn.ravel()), len(months))


def _days(world: World, rng: np.random.Generator, customers: pd.DataFrame, customer: np.ndarray, month: np.ndarray):
    working = np.arange(days(world.start), days(world.as_of) + 1)
    working = working[np.is_busday(working)]
    count = np.bincount(world.month_of(working), minlength=len(world.months))
    first = np.cumsum(count) - count
    day = working[first[month] + (rng.random(len(month)) * count[month]).astype(int)]
    since = days(customers["since"])[customer]
    return np.minimum(np.maximum(day, since), days(world.as_of))


def _product(
    rng: np.random.Generator, customers: pd.DataFrame, products: pd.DataFrame, frame: pd.DataFrame
) -> np.ndarray:
    """Draw each line's product by its appeal to the segment; the category's first stands in for what is not yet launched."""
    kind = products["category_no"].to_numpy()
    taste = 1.15 + np.sin(2.3 * np.arange(len(SEGMENTS))[:, None] + 1.7 * np.arange(len(CATEGORIES)))
    found = pick(
        rng, taste[:, kind] * products["appeal"].to_numpy(), customers["segment_no"].to_numpy()[frame["customer"]]
    )
    launched = days(products["launched"])
    return np.where(launched[found] <= days(frame["day"]), found, 10 * kind[found])


def _priced(
    world: World, rng: np.random.Generator, frame: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame
):
    kind = products["category_no"].to_numpy()[frame["product"]]
    level = price_level(world)[kind, frame["month"]]
    lift, cause = _lift(frame, customers, kind)
    mean = customers["basket"].to_numpy()[frame["customer"]] * level ** np.array(ELASTICITY)[kind] * lift
    quantity = np.maximum(1, rng.poisson(mean * rng.gamma(4, 0.25, len(frame))))
    gross = quantity * products["list_price"].to_numpy()[frame["product"]] * level
    usual = np.array(CHANNEL_DISCOUNT)[frame["channel"]]
    discount = (rng.beta(6 * usual + 0.5, 6 * (1 - usual), len(frame)) * 0.8).clip(max=0.45)
    named_for = np.where(rng.random(len(frame)) < 0.35, cause, -1)
    return frame.assign(
        order_id="O" + frame["order"].astype("str").str.zfill(8),
        quantity=quantity.astype(float),
        list_amount=gross.round(2),
        revenue=(gross * (1 - discount)).round(2),
        initiative=named_for,
    ).drop(columns=["order", "month"])


def _lift(frame: pd.DataFrame, customers: pd.DataFrame, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the factor by which initiatives raise each line's quantity, and the last one that does."""
    lift, cause = np.ones(len(frame)), np.full(len(frame), -1)
    month, channel = frame["month"].to_numpy(), frame["channel"].to_numpy()
    own = {k: customers[f"{k}_no"].to_numpy()[frame["customer"]] for k in ("region", "segment")}
    for number, (_, _, on, effect, region, segment, sold, category, start, length, _) in enumerate(INITIATIVES):
        since = month - round(12 * start)
        inside = (since >= 0) & (since < length) & (on == "quantity")
        scope = [(own["region"], list(REGIONS), region), (own["segment"], list(SEGMENTS), segment)]
        for held, names, wanted in [*scope, (channel, CHANNELS, sold), (kind, list(CATEGORIES), category)]:
            inside &= held == names.index(wanted) if wanted else True
        lift[inside] *= 1 + effect
        cause[inside] = number
    return lift, cause


def returned(world: World, frame: pd.DataFrame) -> pd.DataFrame:
    """Send some lines back, whole, some weeks later, under a number of their own."""
    rng = world.rng("returns")
    back = frame[rng.random(len(frame)) < RETURNED]
    back = back.assign(day=days(back["day"]) + rng.integers(5, 40, len(back)), order_id="R" + back["order_id"].str[1:])
    back = back[days(back["day"]) <= days(world.as_of)]
    return back.assign(**{c: -back[c] for c in ("quantity", "list_amount", "revenue")})
