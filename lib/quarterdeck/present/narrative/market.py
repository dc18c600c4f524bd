"""What do the market, our share and the room in it say, in sentences? Every figure in them is computed."""

import pandas as pd

from quarterdeck.present import style


def size_takeaway(size: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how large the market is and how it grows (`analysis.market.market_size`)."""
    last = size.iloc[-1]
    if pd.isna(last["trailing"]):
        return f"**The market was worth {style.money(last['market'], currency)} in {last['label']}.**"
    said = f"**The market was worth {style.money(last['trailing'], currency)} in the four quarters to {last['label']}**"
    grown = f", {style.change(last['growth'])} on the four before" if pd.notna(last["growth"]) else ""
    spread = last["high"] / last["low"] - 1 if last["low"] > 0 else 0
    doubt = f" Sources differ by {style.percent(spread, 0)} on the last quarter." if spread > 0.005 else ""
    return f"{said}{grown}.{doubt}"


def share_takeaway(split: pd.DataFrame, currency: str = "EUR") -> str:
    """Say whether we grew with the market or by taking share (`analysis.market.growth_split`)."""
    part = split.set_index("part")["amount"]
    moved = part["now"] - part["before"]
    verb = "grew" if moved >= 0 else "shrank"
    gained = "taking share" if part["share"] >= 0 else "losing share"
    return (
        f"**We {verb} by {style.money(abs(moved), currency)}: {style.money(part['market'], currency)} with the market and "
        f"{style.money(part['share'], currency)} by {gained}** (four quarters on the four before)."
    )


def segment_takeaway(segments: pd.DataFrame) -> str:
    """Say which segment's market grows fastest and what we do there (`analysis.market.segment_growth`)."""
    fastest = segments.loc[segments["growth"].idxmax()]
    slipped = segments.loc[segments["share_change"].idxmin()]
    said = (
        f"**{fastest['segment']} grows fastest, {style.change(fastest['growth'])}, and we {style.change(fastest['own_growth'])} "
        f"in it** (share {style.percent(fastest['share'])})."
    )
    if slipped["share_change"] >= 0:
        return f"{said} We lost share in no segment."
    return f"{said} We lost most share in {slipped['segment']}, {style.points(slipped['share_change'])}."


def penetration_takeaway(penetration: pd.DataFrame, currency: str = "EUR") -> str:
    """Say where the fewest known accounts buy (`analysis.market.penetration`)."""
    low = penetration.loc[penetration["rate"].idxmin()]
    together = penetration["buyers"].sum() / penetration["n"].sum()
    return (
        f"**{style.percent(together, 0)} of {penetration['n'].sum():,.0f} known accounts bought in twelve months**, the fewest in "
        f"{low['segment']}: {style.percent(low['rate'], 0)} ({style.percent(low['low'], 0)} to {style.percent(low['high'], 0)}, "
        f"n {low['n']:,.0f}). A buyer there spends {style.money(low['spend'], currency)} a year at the median."
    )


def whitespace_takeaway(whitespace: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what the room is worth in all, and where the most of it is (`analysis.market.whitespace`)."""
    top = whitespace.iloc[0]
    return (
        f"**{style.money(whitespace['potential'].sum(), currency)} a year if customers bought as their peers in other segments "
        f"do**, most of it {top['category'].lower()} to {top['segment'].lower()}: {style.percent(top['rate'], 0)} of "
        f"{top['n']:,.0f} customers buy it, {style.percent(top['elsewhere'], 0)} elsewhere."
    )
