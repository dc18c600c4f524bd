"""What do targets and margins say? One sentence for each section, every figure in it computed, and claimed."""

from typing import Any

import pandas as pd

from quarterdeck.analysis.methods.claims import BESIDE, Claim, amounts, apart, first, part
from quarterdeck.analysis.methods.intervals import growth
from quarterdeck.analysis.planning.profit import gain_total
from quarterdeck.analysis.sales import credits
from quarterdeck.analysis.sales.margin import attained_total, margin_total, price_rates
from quarterdeck.data import COMPANY
from quarterdeck.data.snapshot import Desk
from quarterdeck.present import style
from quarterdeck.present.facts.targets import cannot_split, margin_gain
from quarterdeck.present.numbers import listed
from quarterdeck.present.sentences import Sentence, gap

SOURCES = {
    "asked": "as asked for",
    "targets": "the targets set for it",
    "company": "its share of the company's plan",
    "forecast": "its median forecast",
}
MOST_NAMES = 3
EARN = ("customer earns something", "customers all earn something")


def plan_takeaway(plan: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what the plan is, where it comes from and how likely it is (`analysis.planning.prospects.next_plan`)."""
    row = plan.iloc[0]
    amount, low, high = (style.money(row[c], currency) for c in ("revenue_target", "low", "high"))
    said = f"**The plan of {row['label']} is {amount} of {row['measure']}, {SOURCES[row['from_what']]}**"
    said += f", with a chance of {style.chance(row['chance'])}; its 80 % range is {low} to {high}."
    moved, ends = growth(row["revenue_target"], row["last_year"]), {"low": row["low"], "high": row["high"]}
    parts = {"target": row["revenue_target"], "chance": row["chance"], "change": moved}
    if row["region"] == COMPANY or row["from_what"] == "company":  # else it is no part of the company's split
        claims = [amounts(f"split_{what}", value) for what, value in parts.items()]
    else:
        claims, ends = [], ends | parts
    claims = [amounts("plan", row["revenue_target"], row["label"], **ends), *claims]
    if pd.notna(moved):
        said += f" The same quarter of last year brought {style.money(row['last_year'], currency)}, so that is "
        said += f"{style.change(moved)}."
        than = {"now": row["revenue_target"], "than": row["last_year"]}
        claims.insert(-1, first("plan", BESIDE, than, row["label"], "money"))
    return Sentence(said, claims)


def split_takeaway(split: pd.DataFrame, fairness: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how equal the chances are, and how unequal last year plus x would make them (`analysis.allocation`)."""
    row, what = split.iloc[0], split["dimension"].iloc[0]
    if left := cannot_split(split):
        return _cannot(left, row, currency)
    said = f"**Each {what} can be asked for what it reaches with a chance of {style.percent(row['even'], 0)}**"
    claims = [amounts("split_chance", row["even"], f"each {what}")]
    held = split[split["bound"] != ""]
    if len(held):
        shown, others = list(held.head(MOST_NAMES).itertuples()), len(held) - MOST_NAMES
        named = ", ".join(f"{r.unit} ({r.bound}: {style.chance(r.chance)})" for r in shown)
        said += f", but for {named}" + (f" and {style.counted(others, 'other')}" if others > 0 else "")
        claims += [amounts("split_chance", r.chance, f"{what}: {r.unit}") for r in shown]
        claims += [part("split_chance", others, len(split), "others held by a bound")] if others > 0 else []
    flat = fairness[fairness["way"] == "last year plus"]
    if flat.empty:
        return Sentence(f"{said}. There is no last year to hold it against.", claims)
    unequal = _unequal(flat.iloc[0], fairness.iloc[0], row, currency)
    return Sentence(f"{said}. {unequal}.", [*claims, *unequal.claims])


def record_takeaway(record: pd.DataFrame) -> Sentence:
    """Say which way of splitting was nearer to what came (`analysis.planning.target_split.record`)."""
    missed, row = record.set_index("way")["missed"], record.iloc[0]
    beside = first("split_error", BESIDE, {"now": missed["forecast"], "than": missed["last year"]}, unit="ratio")
    how = {"less than": "less far off", "more than": "farther off", "as much as": "as far off"}[beside.predicate]
    return Sentence(
        f"Tried on {style.counted(row['quarters'], 'past quarter')}, "
        f"a split by forecasts made two quarters ahead was {how} than one by "
        f"last year: {style.percent(missed['forecast'])} against {style.percent(missed['last year'])} (n {row['n']:.0f}).",
        [beside, amounts("split_error", missed["forecast"], "by forecasts", quarters=row["quarters"], n=row["n"])],
    )


def needs_takeaway(needs: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what the plan wants that is not there (`analysis.planning.prospects.needs`)."""
    needed = [_need(row, currency) for row in needs.itertuples()]
    return Sentence("; ".join(needed) + ".", [claim for said in needed for claim in said.claims])


def parts_takeaway(parts: pd.DataFrame) -> Sentence:
    """Say how margin moved, and by whose mix or rate most (`analysis.sales.margin.parts`)."""
    now, change = margin_total(parts)
    long = parts.melt(["dimension", "part"], ["mix", "rate_effect"], "kind", "effect")
    row = long.loc[long["effect"].abs().idxmax()]
    figures = {"now": row["effect"], "most": long["effect"].max(), "least": long["effect"].min()}
    top = first("gross_margin", ("did most",), figures, f"moved by {row['dimension']}: {row['part']}")
    how = {"mix": "by its part in sales", "rate_effect": "by its own rate"}[row["kind"]]
    return Sentence(
        f"**Gross margin is {style.percent(now)} of revenue, {style.points(change)} on the four quarters before.** "
        f"{top.name} moved it most, {style.points(row['effect'])} {how}.",
        [amounts("gross_margin", now, "four whole quarters", change=change), top],
    )


def waterfall_takeaway(waterfall: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what is given away, and what is left (`analysis.sales.margin.waterfall`)."""
    amount, covered = waterfall.set_index("step")["amount"], waterfall["covered"].iloc[0]
    rates = price_rates(waterfall)
    rate = rates["margin"]
    kept = f"gross margin is {style.money(amount['margin'], currency)}, {style.percent(rate)} of net revenue"
    claims = [amounts("gross_margin", rate, "four whole quarters", money=amount["margin"], covered=covered)]
    if "list" not in amount:
        said = f"**{kept[0].upper()}{kept[1:]}**; list prices are not known, so discounts cannot be shown"
        return Sentence(f"{said} ({style.percent(covered, 0)} of revenue is in it).", claims)
    one, given, share = rates[["point", "discount", "point_share"]]
    later, off = _credits(amount, currency), style.money(-amount["discount"], currency)
    said = (
        f"**Discounts take {off}, {style.percent(given)} of list price**{later}; {kept}. One "
        f"point of discount saved would add {style.money(one, currency)}, {style.percent(share)} of margin, if "
        "quantities stayed"
    )
    discount = amounts("discount_rate", given, "four whole quarters", money=amount["discount"])
    point = amounts("margin_money", one, "one point of discount", share=share)
    return Sentence(
        f"{said} ({style.percent(covered, 0)} of revenue is in it).", [*claims, *later.claims, discount, point]
    )


def _credits(amount: pd.Series, currency: str) -> Sentence:
    """Say what was given back after the sale; nothing where nothing was."""
    if credits.STEP not in amount:
        return Sentence("")
    back = -amount[credits.STEP]
    return Sentence(
        f", price credits {style.money(back, currency)} more", [amounts("price_left", back, "price credits")]
    )


def whale_takeaway(peak: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how much unprofitable customers take away, and whether they stay so (`analysis.planning.profit.peak`)."""
    row = peak.iloc[0]
    losing = part("customer_profit", row["losing"], row["customers"], "lose")
    if not row["losing"]:
        return Sentence(f"**{style.counted(row['customers'], *EARN)}**: none takes anything away.", [losing])
    over = "" if pd.isna(row["ratio"]) else f", {style.percent(row['ratio'])} of what is kept in the end"
    said = f"**{style.percent(row['at'], 0)} of customers earn {style.money(row['peak'], currency)}{over}**; "
    again = " again"
    if row["at"] <= 0:
        said, again = "**No customer earns anything**; ", ""
    clear = f"{row['clear']:,.0f} beyond chance ({style.money(-row['clear_lost'], currency)})"
    said += f"{style.counted(row['losing'], 'loses', 'lose')} {style.money(-row['lost'], currency)}{again}, of these "
    said += f"{clear if row['clear'] else 'none beyond chance'}."
    claims = [
        amounts("customer_profit", row["peak"], "of those that earn", share=row["at"], ratio=row["ratio"]),
        losing,
        amounts("customer_profit", row["lost"], "of those that lose", clear=row["clear_lost"]),
        part("customer_profit", row["clear"], row["losing"], "beyond chance"),
    ]
    if row["before"]:
        still = [f"that made a loss the year before and still {buy}" for buy in ("buys", "buy")]
        said += f" Of {style.counted(row['before'], *still)}, {row['again']:,.0f} did so again."
        claims.append(part("customer_profit", row["again"], row["before"], "lose again"))
    return Sentence(
        said + ("" if row["served"] else " The cost of serving them is not known, so this is gross margin."), claims
    )


def bands_takeaway(bands: pd.DataFrame) -> Sentence:
    """Say what part of sales goes at the deepest discounts and what it keeps (`analysis.sales.margin.bands`)."""
    deep, none = bands.iloc[-1], bands.iloc[0]
    return Sentence(
        f"**{style.percent(deep['share'], 0)} of sales go at {style.percent(deep['discount'], 0)} off and keep "
        f"{style.percent(deep['rate'], 0)}** "
        f"({style.percent(deep['low'], 0)} to {style.percent(deep['high'], 0)}), against "
        f"{style.percent(none['rate'], 0)} next to no discount. "
        "Whether these would have sold at full price, this picture cannot tell.",
        [
            amounts("discount_rate", deep["discount"], f"band: {deep['band']}", share=deep["share"]),
            amounts("gross_margin", deep["rate"], f"band: {deep['band']}", low=deep["low"], high=deep["high"]),
            amounts("gross_margin", none["rate"], f"band: {none['band']}"),
        ],
    )


def against_takeaway(against: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say whether revenue and margin targets were reached together (`analysis.sales.margin.against_targets`)."""
    sums = attained_total(against)
    revenue, margin, wanted, earned = sums[["revenue_attained", "margin_attained", "wanted", "earned"]]
    beside = first("margin_money", BESIDE, {"now": sums["margin"], "than": sums["margin_target"]}, "targets", "money")
    return Sentence(
        f"**Revenue came to {style.percent(revenue, 0)} of its targets, margin to {style.percent(margin, 0)}**, "
        f"{gap(beside, currency)} its target: the targets ask for a "
        f"margin of {style.percent(wanted)}, sales kept {style.percent(earned)}.",
        [
            amounts("target_attainment", revenue, "four whole quarters"),
            amounts("margin_target_attainment", margin, "four whole quarters"),
            amounts("gross_margin", earned, "four whole quarters", wanted=wanted),
            beside,
        ],
    )


def moves_takeaway(moves: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what the best split would earn, and what it would cost in chances (`analysis.planning.profit.moves`)."""
    claim, up = margin_gain(moves), moves.iloc[0]
    gained, low, high = (style.money(claim.figures[c], currency) for c in ("now", "low", "high"))
    if not up["total"] > 1:
        alike = amounts("margin_gain", up["total"], claim.subject)
        return Sentence(f"**All {claim.subject} earn alike**: no move of targets would bring margin.", [claim, alike])
    part_of = gain_total(moves)["share"]
    share = f", {style.percent(part_of)} of margin" if up["margin"] > 0 else ""
    more, less = (_named(moves.loc[side, "unit"]) for side in (moves["move"] >= 1, moves["move"] <= -1))
    moved = f"oving targets from {less} to {more} would earn"
    said = {
        "above": f"**M{moved} {gained} more on the same revenue** ({low} to {high}){share}",
        "not clear": f"**Whether m{moved} more on the same revenue is not clear**: {gained} ({low} to {high}){share}",
    }[claim.predicate]
    chance = amounts("split_chance", up["chance"], f"with targets moved, {up['dimension']}: {up['unit']}")
    said += f"; {up['unit']} would then have a chance of {style.chance(up['chance'])} only of what it is asked for."
    return Sentence(said, [claim, chance, amounts("margin_gain", part_of, f"part of margin, by {up['dimension']}")])


def findings(desk: Desk, found: pd.DataFrame) -> Sentence:
    """Write findings as a list, the most money first (`analysis.profit.findings`)."""
    if found.empty:
        return Sentence("Of what could be looked into, nothing is beyond chance.")
    lines, currency = [], desk.currency
    for row in found.itertuples():
        head, body = SENTENCES[row.kind](row, currency)
        lines.append(f"- **{head}: {style.money(row.worth, currency)}.** {body}")
    return Sentence("\n".join(lines), [claim for row in found.itertuples() for claim in _found(row)])


def _named(units: pd.Series) -> str:
    """Name units in a sentence, the first few of them by name."""
    names, others = units.tolist()[:MOST_NAMES], len(units) - MOST_NAMES
    names += [style.counted(others, "other")] if others > 0 else []
    return listed(names)


def _found(finding: Any) -> list[Claim | None]:
    """Claim what a finding of targets and profit says, its interval held against what it is compared with."""
    money, rate = FOUND_OF[finding.kind]
    beside = {"now": finding.worth, "n": finding.n}
    worth = apart(money, finding.low, finding.high, finding.subject, **beside)
    figures = {"now": finding.value, "than": finding.compared}
    unit = "whole ratio" if finding.kind == "targets" else "ratio"
    value = first(rate, BESIDE, figures, f"rate of a finding on {finding.subject}", unit)
    return [worth, value]


def _unequal(flat: pd.Series, even: pd.Series, split: pd.Series, currency: str) -> Sentence:
    """Say how unequal chances last year plus x would give, and what would be missed by it on average."""
    low, high = style.percent(flat["lowest"], 0), style.percent(flat["highest"], 0)
    said = f"Last year {style.change(split['growth'])} for all would give chances from {low} to {high}"
    way = f"last year plus, by {split['dimension']}"
    claims = [
        amounts("split_chance", flat["lowest"], f"{way}: lowest", growth=split["growth"]),
        amounts("split_chance", flat["highest"], f"{way}: highest"),
    ]
    missed = first("split_shortfall", BESIDE, {"now": flat["short"], "than": even["short"]}, way, "money")
    if missed.predicate == "more than":
        said, claims = f"{said}, and miss {gap(missed, currency, ('more', 'less'))} on average", [*claims, missed]
    return Sentence(said, claims)


def _need(row: Any, currency: str) -> Sentence:
    """Say what the plan needs of one thing, what there is of it, and how often so much of it was reached."""
    wanted, there = (style.amount(value, row.unit, currency) for value in (row.needed, row.there))
    often = f"so good in {row.reached:.0f} of {style.counted(row.quarters, 'quarter')}" if pd.notna(row.reached) else ""
    claims = [amounts("plan_need", row.needed, row.what, there=row.there)]
    claims += [part("plan_need", row.reached, row.quarters, f"{row.what}, as good before")] if often else []
    if row.what == "pipeline":
        open_part = "" if pd.isna(row.there) else f", of which {there} is open and due then"
        return Sentence(f"**The plan needs {wanted} of pipeline decided{open_part}** ({often})", claims)
    if row.what == "win rate":
        return Sentence(f"a win rate of {wanted} where {there} is usual ({often})", claims)
    missing = first("plan_need", BESIDE, {"now": row.gap, "than": 0.0}, f"{row.what}, not there yet")
    if missing.predicate != "more than":
        return Sentence("and as many sellers as there are", [missing])
    by = f", hired by {style.day(row.by)}" if pd.notna(row.by) else ""
    return Sentence(f"{style.counted(row.gap, 'more ramped seller')}{by}", [*claims, missing])


def _cannot(left: Claim, row: pd.Series, currency: str) -> Sentence:
    """Say by how much the bounds of units keep a plan from being split over them, and what to do."""
    asked, size = style.money(left.figures["now"], currency), style.money(abs(row["left"]), currency)
    said = f"**A plan of {style.money(row['plan'], currency)} cannot be split over the {row['dimension']}s**: "
    said += {
        "less than": f"at their caps they can be asked for {asked}, {size} less; lower the plan, or find what lifts a cap.",
        "more than": f"at their floors they are asked for {asked}, {size} more; raise the plan, or lower the parameter floor.",
    }[left.predicate]
    return Sentence(said, [left, amounts("plan", row["plan"])])


def _unprofitable(finding: Any, currency: str) -> tuple[str, str]:
    low, high = style.money(-finding.high, currency), style.money(-finding.low, currency)
    of = f", {style.percent(finding.value)} of what the others earn" if pd.notna(finding.value) else ""
    return (
        style.counted(finding.n, "customer costs more than it brings", "customers cost more than they bring"),
        f"The losses of four quarters are beyond chance: {low} to {high}{of}.",
    )


def _discount(finding: Any, currency: str) -> tuple[str, str]:
    low, high = style.money(-finding.high, currency), style.money(-finding.low, currency)
    return (
        "Some sellers give away more than the others",
        f"They give {style.percent(finding.value)} where {style.percent(finding.compared)} is usual on the same goods "
        f"and channels "
        f"(n {style.counted(finding.n, 'order')}; {low} to {high} in twelve months).",
    )


def _margin(finding: Any, currency: str) -> tuple[str, str]:
    low, high = style.money(finding.low, currency), style.money(finding.high, currency)
    margin, before = style.percent(finding.value), style.percent(finding.compared)
    instead = ", all but the same" if margin == before else f" in place of {before}"
    return (
        f"Targets moved between {finding.subject} would earn more on the same revenue",
        f"The plan's margin would be {margin}{instead} ({low} to {high} a quarter).",
    )


def _targets(finding: Any, currency: str) -> tuple[str, str]:
    return (
        f"Last year plus x asks {finding.subject} for what it will hardly reach",
        f"Its chance would be {style.percent(finding.value, 0)}, against {style.percent(finding.compared, 0)} with "
        f"equal chances; the "
        "amount is what is asked too much of those below one chance in four.",
    )


SENTENCES = {"unprofitable": _unprofitable, "discount": _discount, "margin": _margin, "targets": _targets}
FOUND_OF = {  # what a finding's money is of, and what its value
    "unprofitable": ("customer_profit", "customer_profit"),
    "discount": ("discount_rate", "discount_rate"),
    "margin": ("margin_gain", "gross_margin"),
    "targets": ("plan", "split_chance"),
}
