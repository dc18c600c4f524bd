"""Which company may anybody look at? An invented one, with truths planted in it to hold an analysis against."""

import json
import shutil
import tempfile
from pathlib import Path

import pandas as pd

from quarterdeck.data import durable
from quarterdeck.data.contract import TABLES
from quarterdeck.data.demo import deals, people, plans, sales
from quarterdeck.data.demo import world as w
from quarterdeck.data.demo.world import World


def generate(seed: int = 7, scale: float = 1.0, as_of: str = "2026-11-15") -> tuple[dict[str, pd.DataFrame], dict]:
    """Invent Halcyon Marine: five years of it and a little more, by day, to `as_of`.

    Parameters
    ----------
    seed : int
        The same seed gives the same company.
    scale : float
        Multiplies accounts, sellers, deals and orders; 1 gives 1,500 customers and about 120,000 order lines.
    as_of : str
        ISO date of the last day.

    Returns
    -------
    tuple
        The contract's tables by name, and the truths that they were drawn from.
    """
    world = World(seed, scale, pd.Timestamp(as_of))
    sellers, goods = people.reps(world), people.products(world)
    accounts, stand_in = people.customers(world, sellers), people.successors(world, sellers)
    courses, entered = deals.deals(world, accounts, goods, sellers, stand_in)
    past = deals.history(world, courses, entered, stand_in)
    now = past.groupby("deal").last()
    daily = sales.lines(world, accounts, goods, stand_in)
    parts = [daily, sales.returned(world, daily), sales.deal_lines(world, courses, now, accounts, goods)]
    tables = {
        "orders": sales.orders(world, parts, accounts, goods, sellers),
        "customers": accounts,
        "products": goods,
        "reps": sellers,
        "opportunities": deals.opportunities(world, courses, past, sellers, goods),
        "initiatives": sales.initiatives(world),
        "exchange_rates": plans.exchange_rates(world),
    }
    tables["opportunity_history"] = past.assign(
        opportunity_id=deals.identities(past["deal"]), rep_id=sellers["rep_id"].to_numpy()[past["rep"]]
    )
    tables |= _planned(world, tables)
    return {name: table.reindex(columns=_columns(name, table)) for name, table in tables.items()}, truths(
        world, sellers
    )


def _columns(name: str, table: pd.DataFrame) -> list[str]:
    """Name a table's columns in the contract's order: those that every table has, and of the others what is there."""
    return [column for column, spec in TABLES[name].columns.items() if spec.required or column in table]


def write(folder: Path, seed: int, scale: float, as_of: str) -> None:
    """Write the invented company's tables as Parquet into `folder`, and its truths beside them, whole or not at all."""
    tables, facts = generate(seed, scale, as_of)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".demo-", dir=folder.parent))
    try:
        for name, table in tables.items():
            table.to_parquet(draft / f"{name}.parquet", index=False)
        (draft / "truths.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        durable.settle(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def truths(world: World, sellers: pd.DataFrame) -> dict:
    """Give what is really so in the invented company, by the names of its tables' keys."""
    effects = {f"I{i + 1:02d}": {"on": row[2], "effect": row[3]} for i, row in enumerate(w.INITIATIVES)}
    season = pd.Series(w.SEASON) / pd.Series(w.SEASON).mean()
    return {
        "seed": world.seed,
        "scale": world.scale,
        "as_of": f"{world.as_of:%Y-%m-%d}",
        "seasonality": {str(m + 1): float(f) for m, f in season.items()},
        "rep_skill": dict(zip(sellers["rep_id"], sellers["skill"].round(4).tolist(), strict=True)),
        "ramp_up": {"months": w.RAMP_MONTHS, "log_odds": w.RAMP_ODDS},
        "win_odds": w.WIN_ODDS,
        "rival_strength": {name: strength for name, (strength, _, _) in w.RIVALS.items()},
        "rival_momentum": {name: momentum for name, (_, momentum, _) in w.RIVALS.items()},
        "price_elasticity": dict(zip(w.CATEGORIES, w.ELASTICITY, strict=True)),
        "churn_hazard": dict(zip(w.SEGMENTS, w.CHURN_HAZARD, strict=True)),
        "segment_growth": dict(zip(w.SEGMENTS, w.SEGMENT_GROWTH, strict=True)),
        "stage_conversion": dict(zip(w.STAGES, w.STAGE_CONVERSION, strict=False)),
        "own_share": w.OWN_SHARE,
        "quota_difficulty": plans.DIFFICULTY,
        "call_bias": plans.CALLS,
        "initiatives": effects,
    }


def _planned(world: World, tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    orders, sellers = tables["orders"], tables["reps"]
    dated = tables["opportunities"].assign(closed_on=lambda t: pd.to_datetime(t["closed_on"]))
    targets = plans.targets(world, orders)
    rivals, market = plans.rivals_and_market(world, orders, tables["customers"])
    return {
        "targets": targets,
        "quotas": plans.quotas(world, dated, sellers),
        "competitors": rivals,
        "market": market,
        "forecast_calls": plans.calls(world, orders, targets),
        "costs": plans.costs(world, orders, sellers),
    }
