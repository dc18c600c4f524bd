"""What do targets, their chances and the margin behind them look like?"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.analysis.methods.claims import amounts, first, least, most, part
from quarterdeck.analysis.planning.profit import frontier_rates, gain_total
from quarterdeck.analysis.sales import credits
from quarterdeck.analysis.sales.constant_rates import STEP
from quarterdeck.analysis.sales.margin import margin_total
from quarterdeck.present import style
from quarterdeck.present.charts.steps import steps
from quarterdeck.present.facts.targets import cannot_split, margin_gain
from quarterdeck.present.numbers import among
from quarterdeck.present.sentences import Sentence

WORDS = {
    "list": "List\nprice",
    "discount": "Discount",
    credits.STEP: "Price\ncredits",
    "net": "Net\nrevenue",
    "goods": "Cost of\ngoods",
    "margin": "Gross\nmargin",
    "selling": "Selling\ncost",
    "left": "Left",
}
BRIDGED = {
    "before": "Four quarters\nbefore", "price": "Price", "cost": "Unit cost", "volume": "Volume", "mix": "Mix",
    "new": "New\nproducts", "lost": "No longer\nsold", credits.STEP: "Price\ncredits", STEP: "Exchange\nrates",
    "now": "Last four\nquarters",
}  # fmt: skip


def split_rows(split: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what each is asked for against what it is likely to sell, beside last year plus x "
    "(`analysis.planning.target_split.split`)."""
    ax = style.rows(ax, len(split), each=0.42)
    spots = np.arange(len(split) - 1, -1, -1)
    ax.hlines(spots, split["low"], split["high"], color=style.US, linewidth=7, alpha=0.28, label="80 % range")
    if split["last_year"].notna().any():
        ax.scatter(
            split["last_year"], spots, s=34, marker="|", color=style.INK, zorder=3, label="same quarter last year"
        )
    hollow = {"facecolor": "white", "edgecolor": style.PLAN, "marker": "D", "zorder": 4}
    if split["flat"].notna().all():
        ax.scatter(split["flat"], spots, s=44, label=f"last year {style.change(split['growth'].iloc[0])}", **hollow)
    ax.scatter(split["target"], spots, s=52, color=style.PLAN, marker="D", zorder=5, label="equal chance")
    for spot, row in zip(spots, split.itertuples(), strict=True):
        flat = "" if pd.isna(row.flat_chance) else f", by last year {style.chance(row.flat_chance)}"
        said = f"  {style.chance(row.chance)}{flat}"
        ax.annotate(said, (1.0, spot), xycoords=("axes fraction", "data"), va="center", fontsize=9)
    ax.set_yticks(spots, split["unit"].str.cat(split["bound"].map(lambda b: f" ({b})" if b else "")))
    ax.set_ylim(-0.6, len(split) - 0.4)
    ax.set_xlim(left=0)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16 - 0.3 / len(split)), ncol=4, fontsize=8.5)
    style.money_axis(ax.xaxis, currency)
    what = split["dimension"].iloc[0]
    even, free = style.percent(split["even"].iloc[0], 0), split["bound"].eq("").sum()
    claims = [amounts("split_chance", split["even"].iloc[0], f"each {what}")]
    finding = Sentence(f"Asked alike, each {what} has a chance of {even}", claims)
    if free < len(split):
        said = f"{free} of {len(split)} {what}s have a chance of {even}; bounds hold the rest"
        finding = Sentence(said, [*claims, part("split_chance", free, len(split), "held by no bound")])
    if left := cannot_split(split):
        finding = Sentence(f"The bounds of the {what}s do not allow the plan", [left])
    question = f"What should each {what} be asked for? Next quarter, {currency}; right: chance of reaching it"
    return style.title(ax, finding, question)


def margin_rows(parts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the margin rate of each part, now and a year before, and what it did to the whole's (`analysis.sales.margin.parts`)."""
    ax = style.rows(ax, len(parts) + parts["dimension"].nunique() - 1, each=0.27)  # layout
    gap = (parts["dimension"] != parts["dimension"].shift()).cumsum() - 1
    spots = -(parts.index + gap)
    ax.hlines(spots, parts["low"], parts["high"], color=style.US, linewidth=2)
    ax.scatter(
        parts["rate_before"], spots, s=30, facecolor="white", edgecolor=style.SOFT, zorder=3, label="a year before"
    )
    ax.scatter(parts["rate"], spots, s=40, color=style.US, zorder=4, label="four quarters")
    for spot, row in zip(spots, parts.itertuples(), strict=True):
        at = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 8.5}
        ax.annotate(f"  {style.points(row.change)}", (1.0, spot), color=style.INK, **at)
    ax.axvline(margin_total(parts)["rate"], color=style.NAVY, linewidth=1)
    ax.set_yticks(spots, parts["part"])
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.05 - 0.5 / len(parts)), ncol=2, fontsize=8.5)
    style.percent_axis(ax.xaxis)
    rates = parts.groupby("dimension")["rate"]
    spread = rates.max() - rates.min()
    widest = parts[parts["dimension"] == spread.idxmax()].set_index("part")["rate"]
    ends = [most("gross_margin", widest, spread.idxmax()), least("gross_margin", widest, spread.idxmax())]
    top, low = (style.percent(end.figures["now"]) for end in ends)
    least_kept = among(len(widest), f", {ends[1].name} {low}", "")
    finding = Sentence(f"{ends[0].name} keeps {top} of revenue{least_kept}", ends)
    question = "Where is margin earned? Gross margin, %; dark line: the whole; right: what the part did to the whole's"
    return style.title(ax, finding, question)


def margin_bridge(bridge: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what moved gross margin from year to year (`analysis.sales.margin.margin_bridge`)."""
    amount = bridge.set_index("step")["amount"]
    ax = steps(amount.tolist(), [BRIDGED[s] for s in amount.index], ax, currency)
    causes = amount.iloc[1:-1]
    figures = {"now": causes[causes.abs().idxmax()], "most": causes.max(), "least": causes.min()}
    top = first("margin_money", ("did most",), figures, f"step: {causes.abs().idxmax()}")
    names = {
        "new": "new products",
        "lost": "products no longer sold",
        "cost": "unit cost",
        credits.STEP: "price credits",
    }
    said = names.get(top.name, top.name)
    said = f"{said[0].upper()}{said[1:]} moved margin most: {style.money(top.figures['now'], currency)}"
    finding = Sentence(said, [top])
    return style.title(ax, finding, f"What moved gross margin? Of lines whose cost is known, {currency}")


def waterfall_bars(waterfall: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what is taken from the list price before anything is earned (`analysis.sales.margin.waterfall`)."""
    ax = style.axes(ax)
    spots = np.arange(len(waterfall))
    total = waterfall["kind"].eq("total")
    bottom, height = np.where(total, 0.0, waterfall["after"]), waterfall["amount"].abs()
    inks = np.where(
        total, style.NAVY, np.where(waterfall["step"].isin(["discount", credits.STEP]), style.WARN, style.SOFT)
    )
    ax.bar(spots, height, bottom=bottom, color=inks, width=0.62)
    whole = waterfall["amount"].iloc[0]
    for spot, row in zip(spots, waterfall.itertuples(), strict=True):
        said = f"{style.money(row.amount, currency)}\n{style.percent(abs(row.share), 0)}"
        ax.annotate(said, (spot, bottom[spot] + height[spot]), ha="center", va="bottom", fontsize=9)  # layout
    ax.axhline(0, color=style.INK, linewidth=1)
    ax.set_xticks(spots, waterfall["step"].map(WORDS))
    ax.set_ylim(min(0, 1.1 * waterfall["amount"][total].min()), 1.18 * whole)
    style.money_axis(ax.yaxis, currency)
    last, share = waterfall["amount"].iloc[-1], waterfall["share"].iloc[-1]
    name = WORDS[waterfall["step"].iloc[0]].replace("\n", " ").lower()
    kept = amounts("price_left", last, f"of {name}", whole=whole, share=share)
    said = f"Of {style.money(whole, currency)} at {name}, {style.money(last, currency)} is left"
    finding = Sentence(f"{said} ({style.percent(share, 0)})", [kept])
    return style.title(ax, finding, f"What is left of the price? Last four whole quarters, {currency}")


def whale_curve(whale: pd.DataFrame, peak: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw customers' profit added up, the best first (`analysis.planning.profit.whale`, `.peak`)."""
    ax = style.axes(ax)
    row = peak.iloc[0]
    ax.plot(np.r_[0, whale["part"]], np.r_[0, whale["cumulative"]], color=style.US, linewidth=2.6)
    losing = whale[whale["profit"] < 0]
    ax.fill_between(losing["part"], losing["cumulative"], row["peak"], color=style.LOSS, alpha=0.35, linewidth=0)
    ax.axhline(row["total"], color=style.SOFT, linewidth=1, linestyle="--")
    under = {"xytext": (0, -6), "textcoords": "offset points", "va": "top", "color": style.SOFT, "fontsize": 9}
    ax.annotate(f"kept in the end: {style.money(row['total'], currency)}", (0.0, row["total"]), **under)
    ax.set(xlabel="part of customers, the most profitable first", xlim=(0, 1))
    style.percent_axis(ax.xaxis)
    style.money_axis(ax.yaxis, currency)
    taken, losing = (
        style.money(-row["lost"], currency),
        part("customer_profit", row["losing"], row["customers"], "lose"),
    )
    takes = "takes" if row["losing"] == 1 else "take"
    said = f"{row['losing']:,.0f} of {style.counted(row['customers'], 'customer')} {takes} {taken} away again"
    if not row["losing"]:
        said = style.counted(row["customers"], "customer pays", "customers all pay")
    finding = Sentence(said, [losing, amounts("customer_profit", row["lost"], "of those that lose")])
    what = "gross margin less selling cost" if row["served"] else "gross margin"
    return style.title(ax, finding, f"Which customers pay? {what}, added up, {currency}; red: what losses take away")


def band_bars(bands: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw gross margin by how much discount was given (`analysis.sales.margin.bands`)."""
    ax = style.axes(ax)
    spots = range(len(bands))
    inks = [style.LOSS if high < 0 else style.US for high in bands["high"]]
    ax.bar(spots, bands["rate"], color=inks, width=0.62, alpha=0.75)
    ax.vlines(spots, bands["low"], bands["high"], color=style.INK, linewidth=1.4)
    for spot, row in zip(spots, bands.itertuples(), strict=True):
        said = f"{style.percent(row.rate, 0)}\n{style.percent(row.share, 0)} of sales"
        ax.annotate(said, (spot, max(row.high, 0)), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=9)
    ax.axhline(0, color=style.INK, linewidth=1)
    ax.set_xticks(spots, bands["band"])
    ax.set_ylim(min(0, 1.1 * bands["low"].min()), 1.22 * bands["high"].max())
    ax.set_xlabel("discount on the list price, about")
    style.percent_axis(ax.yaxis)
    ends = [(name, bands["rate"].iloc[place]) for place, name in ((-1, "the largest discounts"), (0, "no discount"))]
    (deep, kept), (none, whole) = ends
    deepest = most("discount_rate", bands.set_index("band")["discount"], "band")
    claims = [deepest, *(amounts("gross_margin", rate, name) for name, rate in ends)]
    finding = Sentence(f"{deep.capitalize()} keep {style.percent(kept, 0)}, {none} {style.percent(whole, 0)}", claims)
    return style.title(
        ax, finding, "What does a discount cost? Gross margin, %, last four whole quarters; line: 90 % interval"
    )


def attained_rows(against: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how far revenue and margin came against their targets (`analysis.sales.margin.against_targets`)."""
    ax = style.rows(ax, len(against), each=0.42)
    spots = np.arange(len(against) - 1, -1, -1)
    ax.hlines(spots, against["margin_attained"], against["revenue_attained"], color=style.LINE, linewidth=3)
    ax.scatter(against["revenue_attained"], spots, s=50, color=style.US, zorder=3, label="revenue")
    ax.scatter(against["margin_attained"], spots, s=50, color=style.NAVY, marker="s", zorder=3, label="gross margin")
    ax.axvline(1, color=style.PLAN, linewidth=2)
    ax.set_yticks(spots, against["name"])
    ax.set_ylim(-0.6, len(against) - 0.4)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12 - 0.3 / len(against)), ncol=2, fontsize=8.5)
    style.percent_axis(ax.xaxis)
    missed = ((against["revenue_attained"] >= 1) & (against["margin_attained"] < 1)).sum()
    claim = part("margin_target_attainment", missed, len(against), "met the revenue target without the margin target")
    finding = Sentence(f"{missed} of {len(against)} {claim.subject}", [claim])
    return style.title(
        ax, finding, "Do revenue and margin targets agree? Attained in the last four quarters, %; brass: target"
    )


def frontier_lines(frontier: pd.DataFrame, moves: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the margin that a revenue target can bring, by how it is split (`analysis.planning.profit.frontier`, `.moves`)."""
    ax = style.axes(ax)
    row, gain, rates = moves.iloc[0], gain_total(moves), frontier_rates(frontier)
    plan = gain["plan"]
    inks = {"most": style.US, "fair": style.PLAN, "least": style.SOFT}
    words = {"most": "most margin", "fair": "equal chances", "least": "least margin"}
    for name in words:
        ax.plot(
            rates["revenue"],
            rates[name],
            color=inks[name],
            linestyle="--" if name == "fair" else "-",
            label=words[name],
        )
    ax.fill_between(rates["revenue"], rates["least"], rates["most"], color=style.US, alpha=0.1, linewidth=0)
    ends = gain[["fair_rate", "best_rate"]].tolist()
    ax.scatter([plan, plan], ends, s=52, color=[style.PLAN, style.US], zorder=4)
    ax.vlines(plan, *ends, color=style.INK, linewidth=1.2)
    said = f" {style.money(row['total'], currency)} more margin\n at the plan of {style.money(plan, currency)}"
    ax.annotate(said, (plan, sum(ends) / 2), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncol=3, fontsize=8.5)
    style.money_axis(ax.xaxis, currency)
    style.percent_axis(ax.yaxis, 2)
    ax.set_xlabel("revenue asked for")
    return style.title(
        ax,
        _gain_finding(moves, currency),
        f"What margin can a revenue target bring? Split over {row['dimension']}s, % of revenue",
    )


def _gain_finding(moves: pd.DataFrame, currency: str) -> Sentence:
    more = margin_gain(moves)
    if more.predicate != "above":
        return Sentence("No split surely earns more than equal chances", [more])
    gained = style.money(more.figures["now"], currency)
    return Sentence(f"A split for margin earns {gained} more than equal chances", [more])
