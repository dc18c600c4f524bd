"""What do targets and margins say? One sentence for each section, every figure in it computed."""

from typing import Any

import pandas as pd

from quarterdeck.data.snapshot import Desk
from quarterdeck.present import style

SOURCES = {"asked": "as asked for", "targets": "the targets set for it", "forecast": "the middle of its forecast"}


def plan_takeaway(plan: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what the plan is, where it comes from and how likely it is (`analysis.prospects.plan`)."""
    row = plan.iloc[0]
    amount, low, high = (style.money(row[c], currency) for c in ("revenue_target", "low", "high"))
    said = f"**The plan of {row['label']} is {amount} of {row['measure']}, {SOURCES[row['from_what']]}**"
    said += f", reached with a chance of {style.percent(row['chance'], 0)}; eight of ten cases lie between {low} and {high}."
    if row["last_year"] > 0:
        grown = style.change(row["revenue_target"] / row["last_year"] - 1)
        said += f" The same quarter of last year brought {style.money(row['last_year'], currency)}, so that is {grown}."
    return said


def split_takeaway(split: pd.DataFrame, fairness: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how equal the chances are, and how unequal last year plus x would make them (`analysis.allocation`)."""
    row, what = split.iloc[0], split["dimension"].iloc[0]
    if row["left"]:
        return _cannot(split, currency)
    said = f"**Each {what} can be asked for what it reaches with a chance of {style.percent(row['even'], 0)}**"
    held = split[split["bound"] != ""]
    if len(held):
        named = ", ".join(f"{r.unit} ({r.bound}: {style.percent(r.chance, 0)})" for r in held.head(3).itertuples())
        more = f" and {len(held) - 3} more" if len(held) > 3 else ""
        said += f", but for {named}{more}"
    flat = fairness[fairness["way"] == "last year plus"]
    if flat.empty:
        return f"{said}. There is no last year to hold it against."
    low, high = (style.percent(flat[c].iloc[0], 0) for c in ("lowest", "highest"))
    saved = flat["short"].iloc[0] - fairness["short"].iloc[0]
    said += f". Last year {style.change(row['growth'])} for all would give chances from {low} to {high}"
    if saved > 0:
        said += f", and miss {style.money(saved, currency)} more on average"
    return f"{said}."


def record_takeaway(record: pd.DataFrame) -> str:
    """Say which way of splitting was nearer to what came (`analysis.allocation.record`)."""
    missed = record.set_index("way")["missed"]
    row = record.iloc[0]
    better = "nearer to what came" if missed["forecast"] < missed["last year"] else "no nearer to what came"
    return (
        f"Tried on {row['quarters']:.0f} past quarters, a split by forecasts made two quarters ahead was {better}: "
        f"{style.percent(missed['forecast'])} off, against {style.percent(missed['last year'])} by last year (n "
        f"{row['n']:.0f})."
    )


def needs_takeaway(needs: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what the plan wants that is not there (`analysis.prospects.needs`)."""
    said = []
    for row in needs.itertuples():
        wanted = style.amount(row.needed, row.unit, currency)
        if row.what == "pipeline":
            open_part = (
                ""
                if pd.isna(row.there)
                else f", of which {style.amount(row.there, row.unit, currency)} is open and due then"
            )
            said.append(f"**The plan wants {wanted} of pipeline decided{open_part}** ({_often(row)})")
        elif row.what == "win rate":
            said.append(
                f"a win rate of {wanted} where {style.amount(row.there, row.unit, currency)} is usual ({_often(row)})"
            )
        elif row.gap > 0:
            by = f", hired by {style.day(row.by)}" if pd.notna(row.by) else ""
            said.append(f"{row.gap:.0f} more ramped seller{'' if row.gap == 1 else 's'}{by}")
        else:
            said.append("and no more sellers than there are")
    return "; ".join(said) + "."


def parts_takeaway(parts: pd.DataFrame) -> str:
    """Say how margin moved, and by whose mix or rate most (`analysis.margin.parts`)."""
    first = parts[parts["dimension"] == parts["dimension"].iloc[0]]
    now = first["margin"].sum() / first["revenue"].sum()
    long = parts.melt(["part", "rate", "rate_before"], ["mix", "rate_effect"], "kind", "effect")
    top = long.loc[long["effect"].abs().idxmax()]
    how = {"mix": "by its part in sales", "rate_effect": "by its own rate"}[top["kind"]]
    return (
        f"**Gross margin is {style.percent(now)} of revenue, {style.points(first['change'].sum())} on the four quarters "
        f"before.** "
        f"{top['part']} moved it most, {style.points(top['effect'])} {how}."
    )


def waterfall_takeaway(waterfall: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what is given away, and what is left (`analysis.margin.waterfall`)."""
    amount = waterfall.set_index("step")["amount"]
    covered = style.percent(waterfall["covered"].iloc[0], 0)
    earned, rate = style.money(amount["margin"], currency), style.percent(amount["margin"] / amount["net"])
    kept = f"gross margin is {earned}, {rate} of net revenue"
    if "list" not in amount:
        said = f"**{kept[0].upper()}{kept[1:]}**; list prices are not known, so discounts cannot be shown"
    else:
        one = 0.01 * amount["list"]
        said = (
            f"**Discounts take {style.money(-amount['discount'], currency)}, "
            f"{style.percent(-amount['discount'] / amount['list'])} "
            f"of list price**; {kept}. One point of discount less would add {style.money(one, currency)}, "
            f"{style.percent(one / amount['margin'])} of margin, if quantities stayed"
        )
    return f"{said} ({covered} of revenue is in it)."


def whale_takeaway(peak: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how much unprofitable customers take away, and whether they stay so (`analysis.profit.peak`)."""
    row = peak.iloc[0]
    if not row["losing"]:
        return f"**All {row['customers']:,.0f} customers earn something**: nothing is lost on the way down."
    over = "" if pd.isna(row["ratio"]) else f", {style.percent(row['ratio'])} of what is kept in the end"
    said = f"**{style.percent(row['at'], 0)} of customers earn {style.money(row['peak'], currency)}{over}**; "
    clear = f"{row['clear']:,.0f} beyond chance ({style.money(-row['clear_lost'], currency)})"
    said += f"{row['losing']:,.0f} lose {style.money(-row['lost'], currency)} again, of these "
    said += f"{clear if row['clear'] else 'none beyond chance'}."
    if row["before"]:
        said += f" Of {row['before']:,.0f} that made a loss the year before and still buy, {row['again']:,.0f} did so again."
    return said + ("" if row["served"] else " The cost of serving them is not known, so this is gross margin.")


def bands_takeaway(bands: pd.DataFrame) -> str:
    """Say what part of sales goes at the deepest discounts and what it keeps (`analysis.margin.bands`)."""
    deep, none = bands.iloc[-1], bands.iloc[0]
    return (
        f"**{style.percent(deep['share'], 0)} of sales go at {style.percent(deep['discount'], 0)} off and keep "
        f"{style.percent(deep['rate'], 0)}** "
        f"({style.percent(deep['low'], 0)} to {style.percent(deep['high'], 0)}), against "
        f"{style.percent(none['rate'], 0)} next to no discount. "
        "Whether these would have bought for more, this picture cannot tell."
    )


def against_takeaway(against: pd.DataFrame, currency: str = "EUR") -> str:
    """Say whether revenue and margin targets were reached together (`analysis.margin.against_targets`)."""
    sums = against[["revenue", "revenue_target", "margin", "margin_target"]].sum()
    revenue, margin = sums["revenue"] / sums["revenue_target"], sums["margin"] / sums["margin_target"]
    wanted, earned = sums["margin_target"] / sums["revenue_target"], sums["margin"] / sums["revenue"]
    gap = sums["margin_target"] - sums["margin"]
    side = f"{style.money(abs(gap), currency)} {'short of' if gap > 0 else 'over'} its target"
    return (
        f"**Revenue reached {style.percent(revenue, 0)} of its targets, margin {style.percent(margin, 0)}**, {side}: "
        f"the targets ask for a "
        f"margin of {style.percent(wanted)}, sales kept {style.percent(earned)}."
    )


def moves_takeaway(moves: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what the best split would earn, and what it would cost in chances (`analysis.profit.moves`)."""
    row, reach = moves.iloc[0], 1.6449 * (moves["error"] ** 2).sum() ** 0.5
    up, down = moves.iloc[0], moves.iloc[-1]
    low, high = (style.money(row["total"] + side * reach, currency) for side in (-1, 1))
    gained = style.money(row["total"], currency)
    if not row["total"] > 1:
        return f"**All {row['dimension']}s earn alike**: no move of targets would bring more margin."
    part = f", {style.percent(row['total'] / row['margin'])} of margin" if row["margin"] > 0 else ""
    chance = style.percent(up["chance"], 0)
    return (
        f"**Moving targets from {down['unit']} to {up['unit']} would earn {gained} more on the same revenue** "
        f"({low} to {high}){part}; {up['unit']} would then reach its target with a chance of {chance} only."
    )


def findings(desk: Desk, found: pd.DataFrame) -> str:
    """Write findings as a list, the most money first (`analysis.profit.findings`)."""
    if found.empty:
        return "Nothing is beyond chance here."
    lines, currency = [], desk.currency
    for row in found.itertuples():
        head, body = SENTENCES[row.kind](row, currency)
        lines.append(f"- **{head}: {style.money(row.worth, currency)}.** {body}")
    return "\n".join(lines)


def _cannot(split: pd.DataFrame, currency: str) -> str:
    row, what = split.iloc[0], split["dimension"].iloc[0]
    plan, most = style.money(row["plan"], currency), style.money(split["target"].sum(), currency)
    gap = style.money(abs(row["left"]), currency)
    if row["left"] > 0:
        return (
            f"**A plan of {plan} cannot be split over the {what}s**: at their caps they can be asked for {most}, {gap} "
            f"less; lower the plan, "
            "or find what lifts a cap."
        )
    return (
        f"**A plan of {plan} cannot be split over the {what}s**: at their floors they are asked for {most}, {gap} more; "
        f"raise the plan, or "
        "lower the parameter floor."
    )


def _often(row: Any) -> str:
    return f"so good in {row.reached:.0f} of {row.quarters:.0f} quarters"


def _unprofitable(finding: Any, currency: str) -> tuple[str, str]:
    low, high = style.money(-finding.high, currency), style.money(-finding.low, currency)
    return (
        f"{finding.n:,.0f} customers cost more than they bring",
        f"Their losses of four quarters are beyond chance: {low} to {high}, {style.percent(finding.value)} of what the "
        f"others earn.",
    )


def _discount(finding: Any, currency: str) -> tuple[str, str]:
    low, high = style.money(-finding.high, currency), style.money(-finding.low, currency)
    return (
        "Some sellers give away more than the others",
        f"They give {style.percent(finding.value)} where {style.percent(finding.compared)} is usual on the same goods "
        f"and channels "
        f"(n {finding.n:,.0f} orders; {low} to {high} in twelve months).",
    )


def _margin(finding: Any, currency: str) -> tuple[str, str]:
    low, high = style.money(finding.low, currency), style.money(finding.high, currency)
    return (
        f"More asked of {finding.subject} would earn more on the same revenue",
        f"The plan's margin would be {style.percent(finding.value)} in place of {style.percent(finding.compared)} "
        f"({low} to {high} a quarter).",
    )


def _targets(finding: Any, currency: str) -> tuple[str, str]:
    return (
        f"Last year plus x asks {finding.subject} for what it will hardly reach",
        f"Its chance would be {style.percent(finding.value, 0)}, against {style.percent(finding.compared, 0)} with "
        f"equal chances; the "
        "amount is what is asked too much of those below one chance in four.",
    )


SENTENCES = {"unprofitable": _unprofitable, "discount": _discount, "margin": _margin, "targets": _targets}
