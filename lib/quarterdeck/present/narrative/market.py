"""What do the market, our share and the room in it say, in sentences? Every figure in them is computed, and claimed."""

import pandas as pd

from quarterdeck.analysis.market import portfolio
from quarterdeck.analysis.market.market_share import penetration_total
from quarterdeck.analysis.methods.claims import BESIDE, Claim, amounts, apart, first, least, most, part
from quarterdeck.analysis.sales import prices
from quarterdeck.analysis.sales.constant_rates import STEP
from quarterdeck.analysis.sales.season import season_range
from quarterdeck.present import style
from quarterdeck.present.facts.market import fewest_buy, largest_gap, largest_room, peaks, split_claims
from quarterdeck.present.numbers import among, listed
from quarterdeck.present.sentences import Sentence


def size_takeaway(size: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how large the market is and how it grows (`analysis.market.market_share.market_size`)."""
    last = size.iloc[-1]
    spread = 0 if pd.isna(last["apart"]) else last["apart"]
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
    """Say whether we grew with the market, by our mix or by taking share (`analysis.market.market_share.shift_share`)."""
    moved, took = split_claims(split)
    steps = split.set_index("part")["amount"]
    verb = {"rose": "grew by", "fell": "shrank by", "stood still": "stood still at a change of"}[moved.predicate]
    share = {"rose": "taking share", "fell": "losing share", "stood still": "our share"}[took.predicate]
    parts = {"market": "with the market", "mix": "by our mix of segments and regions", "share": f"by {share}"}
    parts |= {STEP: "by exchange rates"} if STEP in steps else {}
    said = [f"{style.money(steps[p], currency)} {words}" for p, words in parts.items()]
    return Sentence(
        f"**We {verb} {style.money(abs(moved.figures['change']), currency)}: {', '.join(said[:-1])}, and {said[-1]}** "
        "(four quarters on the four before).",
        [moved, took, *(amounts("revenue", steps[p], f"shift-share: {p}") for p in parts if p != "share")],
    )


def segment_takeaway(segments: pd.DataFrame) -> Sentence | None:
    """Say which segment's market grows fastest and what we do there (`analysis.market.market_share.segment_growth`).

    Of ourselves nothing is said where what we sold a year before is not known; nothing at all where no market's growth is.
    """
    table = segments.set_index("segment")
    fastest = most("market_growth", table["growth"], "segment", ("added most", "is most"))
    if fastest is None:
        return None
    row = table.loc[fastest.name]
    verb = {
        "added most": among(len(table), "grows fastest", "grows"),
        "is most": among(len(table), "holds out most", "does not grow"),
    }[fastest.predicate]
    said, own = f"{fastest.name} {verb}, {style.change(row['growth'])}", []
    if pd.notna(row["own_growth"]):
        said = f"{said}, and we {style.change(row['own_growth'])} in it"
        own.append(amounts("revenue_growth", row["own_growth"], fastest.subject))
    said = f"**{said}**"
    if pd.notna(row["share"]):
        said = f"{said} (share {style.percent(row['share'])})"
        own.append(amounts("market_share", row["share"], fastest.subject))
    slipped = least("market_share", table["share_change"], "a year's move of segment", ("lost most", "nothing fell"))
    if slipped is None:
        return Sentence(f"{said}.", [fastest, *own])
    words = (
        f"We lost {among(len(table), 'most share', 'share')} in {slipped.name}, {style.points(slipped.figures['now'])}."
    )
    fell = words if slipped.predicate == "lost most" else "In no segment our share fell."
    return Sentence(f"{said}. {fell}", [fastest, slipped, *own])


def penetration_takeaway(penetration: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say where the fewest known accounts buy, and what one that does spends (`analysis.market.market_share.penetration`)."""
    fewest = fewest_buy(penetration)
    low = penetration.set_index("segment").loc[fewest.name]
    known, together = penetration["n"].sum(), penetration_total(penetration)
    said = (
        f"**{style.percent(together, 0)} of {style.counted(known, 'known account')} bought in twelve months**, "
        f"{among(len(penetration), 'the fewest in', 'all of them in')} "
        f"{fewest.name}: {style.percent(low['rate'], 0)} ({style.percent(low['low'], 0)} to {style.percent(low['high'], 0)}, "
        f"n {low['n']:,.0f})."
    )
    claims = [amounts("penetration", together, n=known), fewest]
    if pd.isna(low["spend"]):  # nobody bought there
        return Sentence(said, claims)
    spent = amounts("revenue", low["spend"], f"{fewest.subject}, a buyer")
    return Sentence(
        f"{said} A buyer there spends {style.money(low['spend'], currency)} a year at the median.", [*claims, spent]
    )


def whitespace_takeaway(whitespace: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what the room is worth in all, and where the largest part of it is (`analysis.market.market_share.whitespace`)."""
    top, worth = whitespace.iloc[0], whitespace["potential"].sum()
    return Sentence(
        f"**{style.money(worth, currency)} a year if customers bought as their peers in other segments "
        f"do**, {among(len(whitespace), 'the largest part of it', 'all of it')} {top['category']} to {top['segment']}: "
        f"{style.percent(top['rate'], 0)} of "
        f"{style.counted(top['n'], 'customer buys', 'customers buy')} it, {style.percent(top['elsewhere'], 0)} elsewhere.",
        [amounts("whitespace", worth), largest_gap(whitespace)],
    )


def room_takeaway(levels: pd.DataFrame, cells: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what is within reach, and where most of the room is (`analysis.market.sizing.addressable`, `.cells`)."""
    amount = levels.set_index("level")["amount"]
    top, room = cells.iloc[0], largest_room(cells)
    held = {k: top[k] for k in ("low", "high", "reach")}
    return Sentence(
        f"**Of {style.money(amount['TAM'], currency)} a year, "
        f"{style.money(amount['SOM'], currency)} would be ours at our best share "
        f"in a like cell; we hold {style.money(amount['Own'], currency)}.** The "
        f"{among(len(cells), 'most room', 'room')} is in {room.name}: "
        f"our share is {style.percent(top['share'])} ({style.percent(top['low'])} to {style.percent(top['high'])}) where "
        f"{style.percent(top['reach'])} is held in a like cell.",
        [
            *(amounts("addressable_market", amount[level], level) for level in ("TAM", "SOM", "Own")),
            room,
            amounts("market_share", top["share"], room.subject, **held),
        ],
    )


def fields_takeaway(matrix: pd.DataFrame) -> Sentence:
    """Say which segments lie in the best and the worst fields whatever the weights (`analysis.market.portfolio.matrix`)."""
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
    """Say how much of new products' sales their siblings lost (`analysis.sales.launches.cannibalised`)."""
    row = eaten.iloc[0]
    claim = apart("cannibalisation", row["low"], row["high"], now=row["rate"], n=row["n"])
    loss = (
        f"{style.percent(row['rate'], 0)} ({style.percent(row['low'], 0)} to "
        f"{style.percent(row['high'], 0)}, n {style.counted(row['n'], 'launch', 'launches')})"
    )
    if claim.predicate != "above":
        return Sentence(
            f"**That new products eat their siblings cannot be shown:** the siblings' loss was {loss} of what the new ones sold.",
            [claim],
        )
    said = f"**New products ate their siblings:** these lost {loss} of what the new ones sold in six months."
    return Sentence(said, [claim])


def buyers_takeaway(segments: pd.DataFrame, concentration: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how much depends on few, and what large customers do (`analysis.customers.buyers.value_segments`, `.concentration`)."""
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
        f"{said} {style.counted(lost['customers'], 'has gone quiet: it bought for', 'have gone quiet: they bought for')} "
        f"{style.money(lost['before'], currency)} in the twelve months "
        f"before and for {style.money(lost['spend'], currency)} in the last.",
        claims,
    )


def elasticity_takeaway(table: pd.DataFrame) -> Sentence:
    """Say where a price rise costs and where it earns (`analysis.sales.prices.elasticity`)."""
    effects, top = prices.effects(table), table.iloc[0]
    clear = {side: [c.name for c in effects if c.predicate == side] for side in ("below", "above")}
    words = {"below": "costs revenue", "above": "adds revenue"}
    said = [f"{words[side]} in {', '.join(names)}" for side, names in clear.items() if names]
    ends = {"low": top["low"], "high": top["high"]}
    units = first("price_elasticity", BESIDE, {"now": top["value"], "than": 0.0} | ends, f"category: {top['category']}")
    word = {"less than": "fewer", "more than": "more", "as much as": "other"}[units.predicate]
    sign = -1 if units.predicate == "less than" else 1
    value, *span = (sign * v + 0.0 for v in (top["value"], *sorted(ends.values(), key=lambda v: sign * v)))
    effect = f"A price one per cent higher goes with {style.number(value, 1)} % {word} units in {units.name} "
    effect += f"({style.number(span[0], 1)} to {style.number(span[1], 1)})."
    lead = f"**A price rise {listed(said)}.**" if said else "**No category's elasticity is clear of minus one.**"
    return Sentence(f"{lead} {effect}", [*effects, units])


def season_takeaway(months: pd.DataFrame, days: pd.DataFrame, holiday: pd.DataFrame) -> Sentence:
    """Say when in the year and in the week customers buy, and what a public holiday does (`analysis.season`)."""
    claims = peaks(months.set_index("month")["index"], "month")
    times, *ends = season_range(months)
    clear = apart("seasonal_index", *ends, "month: largest less smallest")
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


def _holiday(effect: Claim) -> str:
    now, low, high, n = (effect.figures[k] for k in ("now", "low", "high", "n"))
    size = f"{style.change(now, 0)} ({style.change(low, 0)} to {style.change(high, 0)}, n {n:.0f})"
    words = {"above": "raises", "below": "lowers", "not clear": "does not surely change"}[effect.predicate]
    return f" A public holiday {words} a day's revenue: {size} against like days around it."
