"""What did initiatives bring in money, and was it more than was spent, with nothing counted twice?"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from quarterdeck.analysis.sales.by_period import SCOPE

LEAST = -0.95  # an effect below takes all but nothing away, and its logarithm would run off
ENDS = ("", "_low", "_high")  # of an estimate and its interval
WORTH = [*(f"{what}{end}" for what in ("money", "gain", "roi") for end in ENDS), "shared"]


def touched(sales: pd.DataFrame, initiative: pd.Series) -> np.ndarray:
    """Tell which rows of sales or deals an initiative touched: within its scope, from its first to its last day seen.

    Parameters
    ----------
    sales : DataFrame
        `day` and the columns of SCOPE, as `results.lines` or `results.chances` gives them.
    initiative : Series
        `started_on`, `until` (days) and the columns of SCOPE; a missing one leaves the scope open.

    Returns
    -------
    ndarray
        One bool per row of `sales`.
    """
    inside = sales["day"].between(initiative["started_on"], initiative["until"]).to_numpy(copy=True)
    for column in SCOPE:
        if pd.notna(initiative[column]):
            inside &= sales[column].eq(initiative[column]).to_numpy()
    return inside


def without(sales: pd.DataFrame, effects: pd.DataFrame) -> Callable[[int], pd.DataFrame]:
    """Give a function that takes every initiative's effect but one's out of sales: money over one plus each effect.

    Parameters
    ----------
    sales : DataFrame
        As `results.lines` gives it.
    effects : DataFrame
        Initiatives with `metric`, their scope, and `lift` (effect on revenue, ratio; missing where unknown).
    """
    logs = {k: np.log1p(max(row["lift"], LEAST)) * touched(sales, row) for k, row in _of_orders(effects).iterrows()}
    whole = sum(logs.values(), np.zeros(len(sales)))

    def clean(own: int) -> pd.DataFrame:
        others = np.exp(logs.get(own, 0.0) - whole)
        return sales.assign(**{c: sales[c] * others for c in ("revenue", "volume", "margin")})

    return clean


def money(effects: pd.DataFrame, sales: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Allot what was seen above what would have been to the initiatives, by the logarithms of their effects.

    What all of them together added to a sale is its revenue × (1 − 1 ÷ Π(1 + effect)); an initiative's part is
    log(1 + effect) over the sum of the logarithms, so that the parts add up exactly. A trained seller's part is of the deals
    won. Gain is money × the gross margin rate where the initiative ran; of a price initiative, whose margin moves, it
    is what the margin itself rose by.

    Parameters
    ----------
    effects : DataFrame
        Initiatives with `metric`, scope, `spend`, and `lift`, `lift_low`, `lift_high` (effect on revenue, or on the win rate),
        and `rise`, `rise_low`, `rise_high` (effect on gross margin, of price initiatives; else missing), ratios.

    Returns
    -------
    DataFrame
        On the index of `effects`: `money` and `gain` (money), `roi` (gain ÷ spend), each with `_low` and `_high` (90 %), and
        `shared`, the part of the sales it touched that another initiative touched too.
    """
    orders = sales["orders"]
    inside = {k: touched(orders, row) for k, row in _of_orders(effects).iterrows()}
    logs = sum((np.log1p(max(effects.loc[k, "lift"], LEAST)) * own for k, own in inside.items()), np.zeros(len(orders)))
    part = np.divide(-np.expm1(-logs), logs, out=np.ones(len(orders)), where=np.abs(logs) > 1e-12)
    count = sum((own.astype(int) for own in inside.values()), np.zeros(len(orders), dtype=int))
    rows = []
    for k, row in effects.iterrows():
        own = inside.get(k, touched(sales["deals"], row) if pd.notna(row["lift"]) and "deals" in sales else None)
        if own is None:
            rows.append(dict.fromkeys(WORTH, np.nan))
        elif k in inside:
            amounts = orders["revenue"].to_numpy()[own]
            base = (amounts * part[own]).sum() * _per_effect(row["lift"])
            shared = amounts[count[own] > 1].sum() / amounts.sum() if amounts.sum() > 0 else 0.0
            rows.append(_worth(row, base, orders) | {"shared": shared})
        else:
            base = sales["deals"].loc[own, "revenue"].sum() / (1 + max(row["lift"], LEAST))
            rows.append(_worth(row, base, orders) | {"shared": 0.0})
    return pd.DataFrame(rows, index=effects.index, columns=WORTH)


def shares(effects: pd.DataFrame, sales: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Which part of each initiative's money is a region's: by the sales that it touched there, less what others added to them.

    An initiative that names a region is that region's alone; one that touched no sales yet is shared like all sales.

    Parameters
    ----------
    effects : DataFrame
        As `money` takes it, with `region` (missing where it names none).
    sales : dict of str to DataFrame
        As `results.sales` gives it.

    Returns
    -------
    DataFrame
        One row per initiative of `effects` (on its index), one column per region: ratios that add up to one in each row.
    """
    orders = sales["orders"]
    logs = sum(
        (np.log1p(max(r["lift"], LEAST)) * touched(orders, r) for _, r in _of_orders(effects).iterrows()),
        np.zeros(len(orders)),
    )
    part = np.divide(-np.expm1(-logs), logs, out=np.ones(len(orders)), where=np.abs(logs) > 1e-12)
    everywhere = orders["revenue"].groupby(orders["region"].astype("str")).sum()
    rows = {}
    for k, row in effects.iterrows():
        of_deals = row["metric"] == "win_rate" and "deals" in sales
        source = sales["deals"] if of_deals else orders.assign(revenue=orders["revenue"] * part)
        own = source[touched(source, row)]
        money = own["revenue"].groupby(own["region"].astype("str")).sum().clip(lower=0.0)
        money = money if money.sum() > 0 else everywhere.clip(lower=0.0)
        rows[k] = pd.Series({row["region"]: 1.0}) if pd.notna(row["region"]) else money / money.sum()
    return pd.DataFrame(rows, dtype=float).T.reindex(effects.index).fillna(0.0)


def _of_orders(effects: pd.DataFrame) -> pd.DataFrame:
    return effects[effects["lift"].notna() & effects["metric"].ne("win_rate")]


def _per_effect(effect: float) -> float:
    """Give log(1 + effect) ÷ effect, which is one where there is none."""
    effect = max(effect, LEAST)
    return np.log1p(effect) / effect if abs(effect) > 1e-12 else 1.0


def _worth(row: pd.Series, base: float, orders: pd.DataFrame) -> dict[str, float]:
    """Give money, gain and return, each with its ends, from the sales that would have been."""
    amounts = [base * max(row[f"lift{end}"], -np.inf if end else LEAST) for end in ENDS]
    known = orders["margin"].notna()
    own = known & touched(orders, row)
    used = orders.loc[own if own.any() else known, ["revenue", "margin"]].sum()
    rate = used["margin"] / used["revenue"] if used["revenue"] > 0 else np.nan
    gain = [m * rate for m in amounts]
    if row["metric"] == "volume":
        kept = orders.loc[own, "margin"].sum() / (1 + max(row["rise"], LEAST))
        gain = [kept * row[f"rise{end}"] for end in ENDS]
    roi = [g / row["spend"] if row["spend"] > 0 else np.nan for g in gain]
    return dict(zip(WORTH, [*amounts, *gain, *roi], strict=False))
