"""Do customers stay, buy more, and who of them may be lost?"""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from quarterdeck.analysis.customers.cohorts import by_span
from quarterdeck.analysis.methods.claims import amounts, most
from quarterdeck.analysis.sales.constant_rates import STEP
from quarterdeck.present import style
from quarterdeck.present.charts.steps import steps
from quarterdeck.present.facts.customers import kept, places
from quarterdeck.present.numbers import among
from quarterdeck.present.sentences import Sentence
from quarterdeck.present.stated import states

KEPT = LinearSegmentedColormap.from_list("kept", ["white", style.US])
KINDS = {"net": ("net revenue", style.US), "logo": ("customers", style.SOFT), "gross": ("gross revenue", style.NAVY)}
STEPS = {
    "before": "A year\nbefore", "new": "New", "expansion": "Bought\nmore", "won back": "Won\nback",
    "contraction": "Bought\nless", "lost": "Lost", STEP: "Exchange\nrates", "now": "Now",
}  # fmt: skip


def retention_lines(lines: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw net, gross and logo retention by quarter with their intervals (`analysis.customers.retention.retention_lines`)."""
    ax = style.axes(ax, height=4)
    ends = {}
    for kind, (name, ink) in KINDS.items():
        own = lines[lines["kind"] == kind]
        ax.fill_between(own["day"], own["low"], own["high"], color=ink, alpha=0.14, linewidth=0)
        ax.plot(own["day"], own["value"], color=ink, marker="o", markersize=4)
        ends[f"{name} {style.percent(own['value'].iloc[-1], 0)}"] = own["value"].iloc[-1]
    ax.axhline(1, color=style.INK, linewidth=1)
    spread = lines["high"].max() - lines["low"].min()  # layout
    inks = dict(zip(ends, (ink for _, ink in KINDS.values()), strict=True))
    for text, y in style.apart(ends, 0.07 * max(spread, 0.1)).items():
        ax.annotate(
            text, (lines["day"].max(), y), xytext=(8, 0), textcoords="offset points", va="center", color=inks[text]
        )
    _quarters(ax, lines.drop_duplicates("day"))
    style.percent_axis(ax.yaxis)
    net = lines[lines["kind"] == "net"].iloc[-1]
    said = f"Customers of a year ago bring {style.percent(net['value'], 0)} of what they brought then"
    return style.title(
        ax,
        Sentence(said, [kept(net)]),
        "Do customers stay, and do they buy more? Twelve months on the twelve before, %; band: 90 % interval",
    )


def bridge_bars(bridge: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what led from last year's revenue to this one's (`analysis.customers.retention.customer_bridge`)."""
    table = bridge.set_index("step").loc[[step for step in STEPS if step in bridge["step"].to_numpy()]]
    names = STEPS if bridge["knows"].all() else STEPS | {"new": "New or\nwon back"}
    counts = [f"{names[step]}\n({n:,.0f})" for step, n in table["customers"].items()]
    ax = steps(table["amount"].tolist(), counts, ax, currency)
    ax.tick_params(axis="x", labelsize=9)
    amount = table["amount"]
    gained = amount[["new", "expansion", "won back"]].sum()
    gone = -amount[["contraction", "lost"]].sum()
    claims = [amounts("customer_flow", gained, "came in"), amounts("customer_flow", gone, "went")]
    finding = Sentence(f"{style.money(gained, currency)} came in, {style.money(gone, currency)} went", claims)
    return style.title(
        ax, finding, f"Which customers moved revenue? Twelve months on the twelve before, {currency} (customers)"
    )


def group_dots(groups: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each group's net retention with its interval (`analysis.customers.retention.retention_by`)."""
    net = groups[groups["kind"] == "net"]
    ax = style.rows(ax, len(net))
    spots = list(range(len(net) - 1, -1, -1))
    inks = [{"above": style.GOOD, "below": style.LOSS}.get(place, style.US) for place in net["place"]]
    ax.hlines(spots, net["low"], net["high"], color=inks, linewidth=2.2)
    ax.scatter(net["value"], spots, s=48, color=inks, zorder=3)
    ax.scatter(net["raw"], spots, s=42, marker="|", color=style.INK, zorder=4)
    whole = net["all"].iloc[0]
    ax.axvline(whole, color=style.NAVY, linewidth=1.3)
    ax.annotate(f" all {style.percent(whole, 0)}", (whole, len(net) - 0.5), color=style.NAVY, fontsize=9.5)
    ax.set_yticks(spots, net["group"] + "  n " + net["n"].map(style.number))
    ax.set_ylim(-0.6, len(net) - 0.1)
    style.percent_axis(ax.xaxis)
    claims = places(net)
    finding = Sentence("No group surely keeps its revenue better or worse than all", claims)
    if claims[0].predicate != "n of m":
        named = ", ".join(c.name for c in claims)
        finding = Sentence(f"{named} stand{'s' if len(claims) == 1 else ''} apart from the others", claims)
    return style.title(ax, finding, "Who keeps buying? Net retention, %; dot shrunk, line 90 % interval, tick raw")


@states({"name": "account"}, chance=("account_chance", "chance"), at_stake=("account_stake", "money"))
def risk_bars(risk: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what each account at risk would bring, and the part of it that is at stake (`analysis.customers.accounts.at_risk`)."""
    ax = style.rows(ax, len(risk), 0.4)
    spots = list(range(len(risk) - 1, -1, -1))
    ax.barh(spots, risk["kept"], color=style.LINE, height=0.62)
    ax.barh(spots, risk["at_stake"], color=style.LOSS, height=0.62)
    for spot, row in zip(spots, risk.itertuples(), strict=True):
        label = f"{style.chance(row.chance)}, {row.why} ({style.counted(row.silent, 'day')})" + ", at a loss" * (
            row.profit < 0
        )
        ax.annotate(label, (row.kept, spot), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(spots, risk["name"])
    ax.set_xlim(0, 1.3 * risk["kept"].max())
    style.money_axis(ax.xaxis, currency)
    top = most("revenue_at_risk", risk.set_index("name")["at_stake"], "account")
    finding = Sentence(
        f"{top.name} has {among(len(risk), 'most', 'money')} at stake: {style.money(top.figures['now'], currency)}",
        [top],
    )
    return style.title(
        ax,
        finding,
        f"Who may still be kept? {currency} of a year if it buys; red: at stake; chance of buying, why so low, days of silence",
    )


def calibration_dots(bins: pd.DataFrame, scores: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw chances estimated a year ago against what came since (`analysis.customers.accounts.calibration`, `.scores`)."""
    ax = style.truth_dots(ax, bins)
    ax.set(xlabel="chance of buying as estimated a year ago", ylabel="bought since")
    off = style.percent(scores["ece"].iloc[0], 0)
    claim = amounts("chance_error", scores["ece"].iloc[0], "accounts")
    finding = Sentence(f"Chances were off by {off.replace(' %', ' points')} on average", [claim])
    return style.title(
        ax,
        finding,
        f"How true are the chances? Accounts of a year ago in bins, %; line: 90 % interval; n {bins['n'].sum():,.0f}",
    )


def cohort_map(cohorts: pd.DataFrame, of: str = "logos", ax: Axes | None = None) -> Axes | None:
    """Draw how many of each cohort still buy ("logos") or how much they bring ("revenue") (`analysis.cohorts.cohorts`).

    Nothing where no cohort has lived through its second span yet: there is nothing to compare with the first.
    """
    if not cohorts["span"].eq(2).any():
        return None
    names = cohorts["cohort"].unique()
    wide, whole = (cohorts.pivot(index="cohort", columns="span", values=c).loc[names] for c in (of, "whole"))
    mark = whole.map(lambda w: "*" if w is False else "")
    said = wide.map(lambda v: style.percent(v, 0) if pd.notna(v) else "") + mark
    ax = style.axes(ax, height=1.9 + 0.38 * len(wide))
    words = {"fontsize": 9 if wide.shape[1] <= 10 else 6, "color": style.INK}
    shade = {"cmap": KEPT, "vmin": 0, "vmax": 2 * max(float(wide.max().max()), 1.0), "cbar": False}
    sns.heatmap(wide, annot=said, fmt="", linewidths=1.5, ax=ax, annot_kws=words, **shade)
    sizes = cohorts.groupby("cohort")["n"].max()
    ax.set_yticks(ax.get_yticks(), [f"{name}  n {sizes[name]:,.0f}" for name in names])
    ax.set(xlabel="year or quarter of the customer's life", ylabel="")
    ax.tick_params(axis="both", rotation=0, length=0)
    ax.tick_params(axis="y", labelcolor=style.INK)
    ax.grid(visible=False)
    return style.title(ax, *_cohort_words(cohorts[cohorts["span"] == 2], of))


def _cohort_words(second: pd.DataFrame, of: str) -> tuple[Sentence, str]:
    """Give a cohort map's finding and its question."""
    share = by_span(second, of)["rate"].iloc[0]
    note, claim = (
        "by first order, %; * some have not got there",
        amounts("cohort_retention", share, f"second span: {of}"),
    )
    if of == "logos":
        said = f"{style.percent(share, 0)} of customers still buy in the second span of their life"
        return Sentence(said, [claim]), f"Who stays? Customers {note}"
    mean = f"The second span of their life brings {style.percent(share, 0)} of the first"
    return Sentence(mean, [claim]), f"What do they bring? Revenue over the first span's, {note}"


def _quarters(ax: Axes, lines: pd.DataFrame) -> None:
    """Name quarter ends below a line; the last day by its date."""
    shown = lines.iloc[::-2][::-1]
    ax.set_xticks(shown["day"], [row.quarter or style.day(row.day)[:-5] for row in shown.itertuples()])
