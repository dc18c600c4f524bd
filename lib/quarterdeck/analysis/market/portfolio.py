"""Which segments deserve more of us, and which less?"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from quarterdeck.analysis.market.cells import YEAR, market_cells, until
from quarterdeck.analysis.market.market_share import segment_growth
from quarterdeck.analysis.methods.claims import Claim, first
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.data.calendar import PUBLISHED
from quarterdeck.data.coverage import EVER
from quarterdeck.data.reasons import no_rows

ATTRACTIVENESS = {"size": 0.4, "growth": 0.4, "openness": 0.2}
STRENGTH = {"share": 0.4, "share_change": 0.3, "margin": 0.3}
LOWEST, HIGHEST = 1.0, 9.0
BANDS = ["low", "medium", "high"]
STEPS = 20  # of the grid of weights: each weight is a multiple of a twentieth


@no_rows("customers.segment", needs="eight whole quarters that both orders and market cover")
def factors(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    market: pd.DataFrame,
    as_of: pd.Timestamp,
    competitors: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What makes a segment attractive, and us strong in it, over the last four quarters.

    Returns
    -------
    DataFrame
        One row per segment, largest first: `segment`, `size` (market, money), `growth` (ratio), `openness` (one less the
        sum of the rivals' squared shares of what rivals sell: the higher, the less one of them rules; missing without
        rivals), `share`, `share_change` (ratios), `margin` (gross, ratio; missing without costs), `own` (money),
        `relative` (own revenue over the largest rival's; missing without rivals); no rows before eight quarters, or where no
        customer's segment is known.
    """
    table = segment_growth(orders, customers, market, as_of, begins).set_index("segment")
    table = table[table["own"].notna()]
    quarters = np.sort(market_cells(until(market, as_of))["start"].unique())[-YEAR:]
    segment = looked_up(orders["customer_id"], customers.set_index("customer_id")["segment"])
    lines = orders.assign(segment=segment)[PUBLISHED.start(orders["order_date"]).isin(quarters)].dropna(subset=["cost"])
    sums = lines.groupby("segment")[["revenue", "cost"]].sum()
    table["margin"] = (1 - sums["cost"] / sums["revenue"].where(sums["revenue"] > 0)).reindex(table.index)
    table["openness"] = table["relative"] = np.nan
    if competitors is not None:
        recent = competitors[PUBLISHED.start(competitors["period_start"]).isin(quarters)]
        sold = recent.groupby(["segment", "competitor"])["revenue"].sum().unstack().reindex(table.index)
        table["openness"] = 1 - sold.div(sold.sum(axis=1), axis=0).pow(2).sum(axis=1)
        table["relative"] = table["own"] / sold.max(axis=1)
    columns = ["size", "growth", "openness", "share", "share_change", "margin", "own", "relative"]
    return table.rename(columns={"market": "size"})[columns].reset_index()


@no_rows(needs="eight whole quarters that both orders and market cover")
def matrix(
    factors: pd.DataFrame, attractiveness: dict[str, float] | None = None, strength: dict[str, float] | None = None
) -> pd.DataFrame:
    """Each segment's place in the nine fields of attractiveness and strength (GE and McKinsey 1971).

    Every factor is rescaled to one to nine over the segments and weighted; thirds of that range are the bands. How much
    depends on the weights is given by `stays`: the share of all other weights, on an even grid, that leave the
    segment in its field. Factors that are not known are left out and the other weights grow.

    Parameters
    ----------
    factors : DataFrame
        As `factors` gives it.
    attractiveness, strength : dict of factor to weight, optional
        ATTRACTIVENESS and STRENGTH where not given.

    Returns
    -------
    DataFrame
        One row per segment: `segment`, `attractiveness`, `strength` (1 to 9), `field` ("high / medium": attractiveness,
        strength), `stays` (ratio), `own`, `size` (money).
    """
    result = factors[["segment", "own", "size"]].copy()
    stays, bands = 1.0, []
    for name, weights in (("attractiveness", attractiveness or ATTRACTIVENESS), ("strength", strength or STRENGTH)):
        scores, chosen = _scores(factors, weights)
        result[name] = scores @ chosen
        bands.append(_band(result[name].to_numpy()))
        others = _band(scores @ _weights(len(chosen)).T)
        stays = stays * (others == bands[-1][:, None]).mean(axis=1)
    named = np.array(BANDS)
    result["field"] = [f"{named[a]} / {named[s]}" for a, s in zip(*bands, strict=True)]
    return result.assign(stays=stays)[["segment", "attractiveness", "strength", "field", "stays", "own", "size"]]


def kept(matrix: pd.DataFrame) -> list[Claim]:
    """Which segments keep their field under most other weights, the most attractive first.

    Parameters
    ----------
    matrix : DataFrame
        As `matrix` gives it; `stays` is the share of other weights under which a segment keeps its field.

    Returns
    -------
    list of Claim
        One "likelier than not" per segment for which that holds, named "segment: …".
    """
    ranked = matrix.sort_values("attractiveness", ascending=False)
    said = [
        first("portfolio_field", ("likelier than not",), {"chance": r.stays}, f"segment: {r.segment}")
        for r in ranked.itertuples()
    ]
    return [c for c in said if c]


@no_rows(needs="eight whole quarters that both orders and market cover")
def growth_share(factors: pd.DataFrame) -> pd.DataFrame:
    """The growth-share matrix by segment: market growth against our share relative to the largest rival (BCG 1970).

    Growth divides at that of all segments together, relative share at one.

    Parameters
    ----------
    factors : DataFrame
        As `factors` gives it.

    Returns
    -------
    DataFrame
        One row per segment in which we sell and of which rivals are known: `segment`, `relative`, `growth`, `own` (money),
        `divide` (growth of all), `kind` ("star", "cash cow", "question mark" or "dog").
    """
    table = factors[factors["relative"] > 0].dropna(subset=["growth"])
    divide = table["size"].sum() / (table["size"] / (1 + table["growth"])).sum() - 1 if len(table) else np.nan
    fast, large = table["growth"] >= divide, table["relative"] >= 1
    kind = np.select([fast & large, large, fast], ["star", "cash cow", "question mark"], "dog")
    return table[["segment", "relative", "growth", "own"]].assign(divide=divide, kind=kind).reset_index(drop=True)


def _scores(factors: pd.DataFrame, weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Give the known factors rescaled to 1 to 9, and their weights, which add up to one."""
    known = [f for f, w in weights.items() if w > 0 and factors[f].notna().all()]
    values = factors[known]
    span = (values.max() - values.min()).where(lambda s: s > 0)
    scores = LOWEST + (HIGHEST - LOWEST) * (values - values.min()) / span
    chosen = np.array([weights[f] for f in known])
    return scores.fillna((LOWEST + HIGHEST) / 2).to_numpy(), chosen / chosen.sum()


def _band(scores: np.ndarray) -> np.ndarray:
    width = (HIGHEST - LOWEST) / len(BANDS)
    return np.clip(((scores - LOWEST) / width + 1e-9).astype(int), 0, len(BANDS) - 1)


def _weights(n: int) -> np.ndarray:
    """Give every split of one into `n` weights that are multiples of a STEPS-th."""
    bars = (
        np.array([*combinations(range(STEPS + n - 1), n - 1)], dtype=int).reshape(-1, n - 1)
        if n > 1
        else np.empty((1, 0), int)
    )
    edges = np.column_stack([np.full(len(bars), -1), bars, np.full(len(bars), STEPS + n - 1)])
    return (np.diff(edges, axis=1) - 1) / STEPS
