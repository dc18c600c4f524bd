"""What do the market, our share and the room in it say, in sentences? Every figure in them is computed, and claimed."""

import pandas as pd

from quarterdeck.analysis import portfolio, prices
from quarterdeck.analysis.claims import BESIDE, MOVED, Claim, amounts, apart, first, least, most, part
from quarterdeck.present import style
from quarterdeck.present.said import Sentence


def size_takeaway(size: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how large the market is and how it grows (`analysis.market.market_size`)."""
    last = size.iloc[-1]
    spread = last["high"] / last["low"] - 1 if last["low"] > 0 else 0
    quarter = amounts("market_size", last["market"], last["label"], sources=spread)
    if pd.isna(last["trailing"]):
        return Sentence(
            f"**The market was worth {style.money(last['market'], currency)} in {last['label']}.**", [quarter]
        )
    year, growth = amounts("market_size", last["trailing"]), amounts("market_growth", last["growth"])
    said = f"**The market was worth {style.money(last['trailing'], currency)} in the four quarters to {last['label']}**"
    grown = f", {style.change(last['growth'])} on the four before" if growth else ""
    doubt = f" Sources differ by {style.percent(spread, 0)} on the last quarter." if spread > 0.005 else ""
    return Sentence(f"{said}{grown}.{doubt}", [year, growth, quarter if doubt else None])


def share_takeaway(split: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say whether we grew with the market, by our mix or by taking share (`analysis.market.shift_share`)."""
    moved, took = split_claims(split)
    steps = split.set_index("part")["amount"]
    verb = {"rose": "grew by", "fell": "shrank by", "stood still": "stood still at a change of"}[moved.predicate]
    share = {"rose": "taking share", "fell": "losing share", "stood still": "our share"}[took.predicate]
    with_market, by_mix, by_share = (style.money(steps[p], currency) for p in ("market", "mix", "share"))
    return Sentence(
        f"**We {verb} {style.money(abs(moved.figures['change']), currency)}: {with_market} with the market, "
        f"{by_mix} by our mix of segments and regions, and {by_share} by {share}** (four quarters on the four before).",
        [moved, took, *(amounts("revenue", steps[p], f"shift-share: {p}") for p in ("market", "mix"))],
    )


def split_claims(split: pd.DataFrame) -> tuple[Claim, Claim]:
    """Claim how our revenue moved, and by how much of that through share (`analysis.market.shift_share`)."""
    steps = split.set_index("part")["amount"]
    figures = {"now": steps["now"], "before": steps["before"], "change": steps["now"] - steps["before"]}
    moved = first("revenue", MOVED, figures, "shift-share: all")
    return moved, first("revenue", MOVED, {"now": steps["share"], "before": 0.0}, "shift-share: share")


def segment_takeaway(segments: pd.DataFrame) -> Sentence:
    """Say which segment's market grows fastest and what we do there (`analysis.market.segment_growth`)."""
    table = segments.set_index("segment")
    fastest = most("market_growth", table["growth"], "segment", ("added most", "is most"))
    slipped = least("market_share", table["share_change"], "segment", ("lost most", "nothing fell"))
    row = table.loc[fastest.name]
    verb = {"added most": "grows fastest", "is most": "holds out most"}[fastest.predicate]
    said = (
        f"**{fastest.name} {verb}, {style.change(row['growth'])}, and we {style.change(row['own_growth'])} "
        f"in it** (share {style.percent(row['share'])})."
    )
    own = [
        amounts("revenue_growth", row["own_growth"], fastest.subject),
        amounts("market_share", row["share"], fastest.subject),
    ]
    if slipped.predicate == "nothing fell":
        return Sentence(f"{said} In no segment our share fell.", [fastest, slipped, *own])
    lost = f"{said} We lost most share in {slipped.name}, {style.points(slipped.figures['now'])}."
    return Sentence(lost, [fastest, slipped, *own])


def penetration_takeaway(penetration: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say where the fewest known accounts buy (`analysis.market.penetration`)."""
    fewest = fewest_buy(penetration)
    low = penetration.set_index("segment").loc[fewest.name]
    known = penetration["n"].sum()
    together = penetration["buyers"].sum() / known
    return Sentence(
        f"**{style.percent(together, 0)} of {known:,.0f} known accounts bought in twelve months**, the fewest in "
        f"{fewest.name}: {style.percent(low['rate'], 0)} ({style.percent(low['low'], 0)} to {style.percent(low['high'], 0)}, "
        f"n {low['n']:,.0f}). A buyer there spends {style.money(low['spend'], currency)} a year at the median.",
        [
            amounts("penetration", together, n=known),
            fewest,
            amounts("revenue", low["spend"], f"{fewest.subject}, a buyer"),
        ],
    )


def fewest_buy(penetration: pd.DataFrame) -> Claim:
    """Claim in which segment the fewest known accounts buy (`analysis.market.penetration`)."""
    table = penetration.set_index("segment")
    beside = table.loc[table["rate"].idxmin(), ["low", "high", "n"]]
    return least("penetration", table["rate"], "segment", **beside)


def whitespace_takeaway(whitespace: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what the room is worth in all, and where the largest part of it is (`analysis.market.whitespace`)."""
    top, worth = whitespace.iloc[0], whitespace["potential"].sum()
    return Sentence(
        f"**{style.money(worth, currency)} a year if customers bought as their peers in other segments "
        f"do**, the largest part of it {top['category'].lower()} to {top['segment'].lower()}: {style.percent(top['rate'], 0)} of "
        f"{style.counted(top['n'], 'customer buys', 'customers buy')} it, {style.percent(top['elsewhere'], 0)} elsewhere.",
        [amounts("whitespace", worth), largest_gap(whitespace)],
    )


def largest_gap(whitespace: pd.DataFrame) -> Claim:
    """Claim to which segment which category would add most (`analysis.market.whitespace`)."""
    cells = whitespace["category"].str.lower() + " to " + whitespace["segment"].str.lower()
    beside = whitespace.loc[whitespace["potential"].idxmax(), ["rate", "n", "elsewhere"]]
    return most("whitespace", whitespace.set_axis(cells)["potential"], "cell", **beside)


def room_takeaway(levels: pd.DataFrame, cells: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what is within reach, and where most of the room is (`analysis.sizing.addressable`, `.cells`)."""
    amount = levels.set_index("level")["amount"]
    top, room = cells.iloc[0], largest_room(cells)
    held = {k: top[k] for k in ("low", "high", "reach")}
    return Sentence(
        f"**Of {style.money(amount['TAM'], currency)} a year, "
        f"{style.money(amount['SOM'], currency)} would be ours at our best share "
        f"in a like cell; we hold {style.money(amount['Own'], currency)}.** The "
        f"most room is in {room.name}: "
        f"our share is {style.percent(top['share'])} ({style.percent(top['low'])} to {style.percent(top['high'])}) where "
        f"{style.percent(top['reach'])} is held in a like cell.",
        [
            *(amounts("addressable_market", amount[level], level) for level in ("TAM", "SOM", "Own")),
            room,
            amounts("market_share", top["share"], room.subject, **held),
        ],
    )


def largest_room(cells: pd.DataFrame) -> Claim:
    """Claim in which segment of which region the most room is (`analysis.sizing.cells`)."""
    alone = cells["region"].nunique() == 1
    names = cells["segment"] if alone else cells["segment"] + " in " + cells["region"]
    return most("headroom", cells.set_axis(names)["headroom"], "cell")


def fields_takeaway(matrix: pd.DataFrame) -> Sentence:
    """Say which segments lie in the best and the worst fields whatever the weights (`analysis.portfolio.matrix`)."""
    sure, field = portfolio.kept(matrix), matrix.set_index("segment")["field"]
    if not sure:
        return Sentence(
            "**No segment keeps its field under most other weights:** the map shows opinions, not findings.",
            [part("portfolio_field", 0, len(matrix), "segments keep their field under most other weights")],
        )
    said = "; ".join(f"{c.name} ({field[c.name]})" for c in sure)
    return Sentence(
        f"**Whatever the weights, more often than not: {said}.** Attractiveness is named first, strength second.", sure
    )


def launch_takeaway(eaten: pd.DataFrame) -> Sentence:
    """Say how much of new products' sales their siblings lost (`analysis.launches.cannibalised`)."""
    row = eaten.iloc[0]
    claim = apart("cannibalisation", row["low"], row["high"], now=row["rate"], n=row["n"])
    told = (
        f"{style.percent(row['rate'], 0)} ({style.percent(row['low'], 0)} to "
        f"{style.percent(row['high'], 0)}, n {row['n']:.0f} launches)"
    )
    if claim.predicate != "above":
        return Sentence(
            f"**That new products eat their siblings cannot be shown:** the siblings' loss was {told} of what the new ones sold.",
            [claim],
        )
    said = f"**New products ate their siblings:** these lost {told} of what the new ones sold in six months."
    return Sentence(said, [claim])


def buyers_takeaway(segments: pd.DataFrame, concentration: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how much hangs on few, and what large customers do (`analysis.buyers.value_segments`, `.concentration`)."""
    row, by = concentration.iloc[0], segments.set_index("value")
    said = (
        f"**The ten largest customers bring {style.percent(row['top_ten'])} of revenue, "
        f"the largest tenth {style.percent(row['top_tenth'], 0)}.**"
    )
    claims = [
        amounts("revenue_concentration", row[k], whose, n=row["n"])
        for k, whose in (("top_ten", "ten largest customers"), ("top_tenth", "largest tenth"))
    ]
    quiet = by.loc[by.index == "Gone quiet"]
    if quiet.empty:
        return Sentence(said, claims)
    lost = quiet.iloc[0]
    claims.append(amounts("value_segment", lost["customers"], "Gone quiet", spend=lost["spend"], before=lost["before"]))
    return Sentence(
        f"{said} {lost['customers']:,.0f} have gone quiet: they bought for "
        f"{style.money(lost['before'], currency)} in the twelve months "
        f"before and for {style.money(lost['spend'], currency)} in the last.",
        claims,
    )


def elasticity_takeaway(table: pd.DataFrame) -> Sentence:
    """Say where a price rise costs and where it earns (`analysis.prices.elasticity`)."""
    effects, top = prices.effects(table), table.iloc[0]
    clear = {side: [c.name for c in effects if c.predicate == side] for side in ("below", "above")}
    words = {"below": "costs revenue", "above": "adds revenue"}
    said = [f"{words[side]} in {', '.join(names)}" for side, names in clear.items() if names]
    ends = {"low": top["low"], "high": top["high"]}
    units = first(
        "price_elasticity", BESIDE, {"now": top["value"], "than": 0.0} | ends, f"category: {top['category'].lower()}"
    )
    word = {"less than": "fewer", "more than": "more", "as much as": "other"}[units.predicate]
    sign = -1 if units.predicate == "less than" else 1
    value, *span = (sign * v + 0.0 for v in (top["value"], *sorted(ends.values(), key=lambda v: sign * v)))
    told = f"A price one per cent higher goes with {style.number(value, 1)} % {word} units in {units.name} "
    told += f"({style.number(span[0], 1)} to {style.number(span[1], 1)})."
    lead = f"**A price rise {' and '.join(said)}.**" if said else "**No category's elasticity is clear of minus one.**"
    return Sentence(f"{lead} {told}", [*effects, units])


def season_takeaway(months: pd.DataFrame, days: pd.DataFrame, holiday: pd.DataFrame) -> Sentence:
    """Say when in the year and in the week customers buy, and what a public holiday does (`analysis.season`)."""
    claims = peaks(months.set_index("month")["index"], "month")
    high, low = (months.set_index("month").loc[c.name] for c in claims)
    clear = apart(
        "seasonal_index", high["low"] - low["high"], high["high"] - low["low"], "month: largest less smallest"
    )
    times = high["index"] / low["index"]
    said = f"**{claims[0].name} brings {style.number(times, 1)} times what {claims[1].name} brings"
    said += "**, though the years do not agree on it." if clear and clear.predicate == "not clear" else ".**"
    claims += [clear, amounts("seasonal_index", times, "month: largest over smallest")]
    if len(days):
        week = peaks(days.set_index("weekday")["index"], "weekday")
        best, worst = (style.percent(c.figures["now"], 0) for c in week)
        said += f" In the week, {week[0].name} stands at {best} of a mean day and {week[1].name} at {worst}."
        claims += week
    for row in holiday.itertuples():
        effect = apart("holiday_effect", row.low, row.high, now=row.effect, n=row.n)
        claims, said = [*claims, effect], said + _holiday(effect)
    return Sentence(said, claims)


def peaks(index: pd.Series, kind: str) -> list[Claim]:
    """Claim which month or weekday brings most, and which least."""
    return [most("seasonal_index", index, kind), least("seasonal_index", index, kind)]


def _holiday(effect: Claim) -> str:
    now, low, high, n = (effect.figures[k] for k in ("now", "low", "high", "n"))
    told = f"{style.change(now, 0)} ({style.change(low, 0)} to {style.change(high, 0)}, n {n:.0f})"
    words = {"above": "raises", "below": "lowers", "not clear": "does not surely change"}[effect.predicate]
    return f" A public holiday {words} a day's revenue: {told} against like days around it."
