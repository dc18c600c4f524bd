"""What do the market, our share and the room in it say, in sentences? Every figure in them is computed."""

from typing import Any

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
    """Say whether we grew with the market, by our mix or by taking share (`analysis.market.shift_share`)."""
    part = split.set_index("part")["amount"]
    moved = part["now"] - part["before"]
    verb = "grew" if moved >= 0 else "shrank"
    gained = "taking share" if part["share"] >= 0 else "losing share"
    return (
        f"**We {verb} by {style.money(abs(moved), currency)}: {style.money(part['market'], currency)} with the market, "
        f"{style.money(part['mix'], currency)} by our mix of segments and regions, and {style.money(part['share'], currency)} by "
        f"{gained}** (four quarters on the four before)."
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


def room_takeaway(levels: pd.DataFrame, cells: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what is within reach, and where most of the room is (`analysis.sizing.addressable`, `.cells`)."""
    amount = levels.set_index("level")["amount"]
    top = cells.iloc[0]
    return (
        f"**Of {style.money(amount['TAM'], currency)} a year, "
        f"{style.money(amount['SOM'], currency)} is within reach at our best share "
        f"in a like cell; we hold {style.money(amount['Own'], currency)}.** The "
        f"most room is in {top['segment'].lower()}, {top['region']}: "
        f"our share is {style.percent(top['share'])} ({style.percent(top['low'])} to {style.percent(top['high'])}) where "
        f"{style.percent(top['reach'])} is held in a like cell."
    )


def fields_takeaway(matrix: pd.DataFrame) -> str:
    """Say which segments lie in the best and the worst fields whatever the weights (`analysis.portfolio.matrix`)."""
    sure = matrix[matrix["stays"] >= 0.5].sort_values("attractiveness", ascending=False)
    if sure.empty:
        return "**No segment keeps its field under most other weights:** the map shows opinions, not findings."
    said = "; ".join(f"{r.segment} ({r.field})" for r in sure.itertuples())
    return f"**Whatever the weights, more often than not: {said}.** Attractiveness is named first, strength second."


def launch_takeaway(eaten: pd.DataFrame) -> str:
    """Say how much of new products' sales their siblings lost (`analysis.launches.cannibalised`)."""
    row = eaten.iloc[0]
    told = (
        f"{style.percent(row['rate'], 0)} ({style.percent(row['low'], 0)} to "
        f"{style.percent(row['high'], 0)}, n {row['n']:.0f} launches)"
    )
    if row["low"] <= 0:
        return f"**That new products eat their siblings cannot be shown:** these lost {told} of what the new ones sold."
    return f"**New products ate their siblings:** these lost {told} of what the new ones sold in six months."


def buyers_takeaway(segments: pd.DataFrame, concentration: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how much hangs on few, and what large customers do (`analysis.buyers.value_segments`, `.concentration`)."""
    row, by = concentration.iloc[0], segments.set_index("value")
    said = (
        f"**The ten largest customers bring {style.percent(row['top_ten'])} of revenue, "
        f"the largest tenth {style.percent(row['top_tenth'], 0)}.**"
    )
    quiet = by.loc[by.index == "Gone quiet"]
    if quiet.empty:
        return said
    lost = quiet.iloc[0]
    return (
        f"{said} {lost['customers']:,.0f} have gone quiet: they bought for "
        f"{style.money(lost['before'], currency)} in the twelve months "
        f"before and for {style.money(lost['spend'], currency)} in the last."
    )


def elasticity_takeaway(table: pd.DataFrame) -> str:
    """Say where a price rise costs and where it earns (`analysis.prices.elasticity`)."""
    costly, safe = table[table["high"] < -1], table[table["low"] > -1]
    said = [
        f"{word} in {', '.join(rows['category'].str.lower())}"
        for word, rows in (("costs revenue", costly), ("adds revenue", safe))
        if len(rows)
    ]
    top = table.iloc[0]
    told = (
        f"A price one per cent higher goes with {-top['value']:.1f} % fewer units in "
        f"{top['category'].lower()} ({-top['high']:.1f} to {-top['low']:.1f})."
    )
    lead = f"**A price rise {' and '.join(said)}.**" if said else "**No category's elasticity is clear of minus one.**"
    return f"{lead} {told}"


def season_takeaway(months: pd.DataFrame, days: pd.DataFrame, holiday: pd.DataFrame) -> str:
    """Say when in the year and in the week customers buy, and what a public holiday does (`analysis.season`)."""
    high, low = months.loc[months["index"].idxmax()], months.loc[months["index"].idxmin()]
    said = f"**{high['month']} brings {high['index'] / low['index']:.1f} times what {low['month']} brings.**"
    if len(days):
        best, worst = days.loc[days["index"].idxmax()], days.loc[days["index"].idxmin()]
        said += f" In the week, {best['weekday']} stands at {style.percent(best['index'], 0)} of a mean day and "
        said += f"{worst['weekday']} at {style.percent(worst['index'], 0)}."
    return said + "".join(_holiday(row) for row in holiday.itertuples())


def _holiday(row: Any) -> str:
    told = f"{style.change(row.effect, 0)} ({style.change(row.low, 0)} to {style.change(row.high, 0)}, n {row.n:.0f})"
    clear = row.low > 0 or row.high < 0
    return (
        f" A public holiday {'changes' if clear else 'does not clearly change'} "
        f"a day's revenue: {told} against like days around it."
    )
