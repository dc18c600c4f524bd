"""Which companies does no demo give? One with as many sales regions as asked for, made of several demo companies."""

from pathlib import Path

import pandas as pd
import yaml

from quarterdeck.data.demo import generate
from quarterdeck.data.demo.world import REGIONS

SHARED = ("exchange_rates", "initiatives")  # one for all regions: the first company's
OWN = ["order_id", "customer_id", "product_id", "rep_id", "opportunity_id"]


def of_regions(count: int, folder: Path, model: Path, scale: float) -> tuple[Path, Path]:
    """Lay out a company of `count` regions, each as large as one of the demo's is on average.

    Parameters
    ----------
    count : int
        How many regions.
    folder : Path
        Where to write.
    model : Path
        The demo's folder of parameters, whose source.yaml says how the files are read.
    scale : float
        Of each demo company that it is made of (`demo.generate`).

    Returns
    -------
    tuple of Path
        The company's folder of parameters, and that of its data.
    """
    params, data = folder / "params" / f"regions{count}", folder / "files"
    params.mkdir(parents=True)
    data.mkdir()
    source = yaml.safe_load((model / "source.yaml").read_text(encoding="utf-8"))
    (params / "source.yaml").write_text(yaml.safe_dump({k: v for k, v in source.items() if k != "generate"}))
    for name, table in _joined(count, scale).items():
        table.to_parquet(data / f"{name}.parquet", index=False)
    for stem, region in {"company": "company"} | {_stem(n): _name(n) for n in range(count)}.items():
        (params / f"{stem}.yaml").write_text(f"company: {params.name}\nregion: {region}\n")
    return params, data


def _joined(count: int, scale: float) -> dict[str, pd.DataFrame]:
    """Generate as many demo companies as give so many regions, and join their tables."""
    several = [_distinct(number, count, scale) for number in range(-(-count // len(REGIONS)))]
    return {
        name: several[0][name] if name in SHARED else pd.concat([each[name] for each in several], ignore_index=True)
        for name in several[0]
    }


def _distinct(number: int, count: int, scale: float) -> dict[str, pd.DataFrame]:
    """Generate the demo company of a number, under names of regions and keys that no other has."""
    tables, _ = generate(seed=7 + number, scale=scale)
    names = {region: _name(number * len(REGIONS) + k) for k, region in enumerate(REGIONS)}
    kept = {name for k, name in enumerate(names.values()) if number * len(REGIONS) + k < count}
    for name, table in tables.items():
        if name in SHARED:
            tables[name] = table.assign(region=None) if "region" in table else table
            continue
        own = {key: f"{number}." + table[key].astype(object) for key in OWN if key in table}
        named = table.assign(**own)
        if number and "initiative_id" in named:
            named = named.assign(initiative_id=None)
        tables[name] = named.assign(region=named["region"].map(names)) if "region" in named else named
    return _within(tables, kept)


def _within(tables: dict[str, pd.DataFrame], regions: set[str]) -> dict[str, pd.DataFrame]:
    """Keep the rows of these regions, and of their sellers, customers and deals."""
    own = {k: v[v["region"].isin(regions)] if "region" in v and k not in SHARED else v for k, v in tables.items()}
    for table, key, home in (
        ("quotas", "rep_id", "reps"),
        ("opportunity_history", "opportunity_id", "opportunities"),
        ("orders", "customer_id", "customers"),
    ):
        own[table] = own[table][own[table][key].isin(own[home][key])]
    return own


def _stem(number: int) -> str:
    return f"region_{number + 1:02d}"


def _name(number: int) -> str:
    return f"Region {number + 1:02d}"
