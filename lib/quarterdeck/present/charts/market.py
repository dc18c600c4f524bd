"""What do the market, our part of it and the room in it look like?"""

import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.analysis.market.market_share import share_of_a_year
from quarterdeck.analysis.methods.claims import MOVED, amounts, first, part
from quarterdeck.present import style
from quarterdeck.present.facts.market import fewest_buy, largest_gap
from quarterdeck.present.numbers import among
from quarterdeck.present.sentences import Sentence
from quarterdeck.present.stated import states

MOST_BARS = 8


def size_bars(size: pd.DataFrame, shares: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the market by quarter and our part of it.

    Parameters
    ----------
    size, shares : DataFrame
        As `analysis.market.market_share.market_size` and `market_share` give them.
    """
    ax = style.axes(ax)
    size = size.tail(12).reset_index(drop=True)
    own = shares.set_index("start")["own"].reindex(size["start"]).to_numpy()
    ax.bar(size.index, size["market"], color=style.LINE, width=0.7)
    ax.bar(size.index, own, color=style.US, width=0.7)
    ax.vlines(size.index, size["low"], size["high"], color=style.SOFT, linewidth=1.2)
    ax.set_xticks(size.index, size["label"])
    ax.annotate("market", (0, size["market"].iloc[0]), xytext=(-12, 5), textcoords="offset points", color=style.SOFT)
    ax.annotate("us", (0, own[0]), xytext=(-12, 5), textcoords="offset points", color=style.US)
    ax.tick_params(axis="x", labelsize=9)
    style.money_axis(ax.yaxis, currency)
    last = size.iloc[-1]
    year, growth = amounts("market_size", last["trailing"]), amounts("market_growth", last["growth"])
    finding = f"The market is worth {style.money(last['trailing'], currency)} a year"
    if growth:
        finding += f", {style.change(last['growth'])} on the year before"
    return style.title(
        ax, Sentence(finding, [year, growth]), f"How large is the market? All sellers' revenue by quarter, {currency}"
    )


def share_lines(shares: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw our share by quarter, and of four quarters together (`analysis.market.market_share`)."""
    ax = style.axes(ax)
    spots = range(len(shares))
    ax.plot(spots, shares["share"], color=style.US, linewidth=1, alpha=0.5, marker="o", markersize=3)
    ax.plot(spots, shares["trailing_share"], color=style.US, linewidth=2.5)
    last = shares.iloc[-1]
    ax.annotate(f" {style.percent(last['trailing_share'])}", (len(shares) - 1, last["trailing_share"]), va="center")
    ax.set_xticks(list(spots)[::4], shares["label"][::4])
    ax.set_xlim(-0.5, len(shares) + 1)
    style.percent_axis(ax.yaxis)
    return style.title(
        ax, _share_finding(shares), "What part of the market is ours? %; thick: four quarters together, thin: each"
    )


def segment_dumbbells(segments: pd.DataFrame, ax: Axes | None = None) -> Axes | None:
    """Draw how much each segment's market grew and how much we grew in it (`analysis.market.market_share.segment_growth`).

    Of segments where both are known; nothing where there is none.
    """
    segments = segments.dropna(subset=["growth", "own_growth"])
    if segments.empty:
        return None
    ax = style.rows(ax, len(segments))
    spots = list(range(len(segments) - 1, -1, -1))
    ax.hlines(spots, segments["growth"], segments["own_growth"], color=style.SOFT, linewidth=1.5)
    ax.scatter(segments["growth"], spots, s=46, color=style.SOFT, zorder=3, label="market")
    ax.scatter(segments["own_growth"], spots, s=46, color=style.US, zorder=4, label="us")
    ax.axvline(0, color=style.INK, linewidth=1)
    ax.set_yticks(spots, segments["segment"])
    ax.legend(loc="lower right")
    style.percent_axis(ax.xaxis)
    ahead = int((segments["own_growth"] > segments["growth"]).sum())
    claim = part("revenue_growth", ahead, len(segments), "segments where we outgrow the market")
    finding = f"We outgrow the market in {ahead} of {style.counted(len(segments), 'segment')}"
    return style.title(
        ax, Sentence(finding, [claim]), "Do we grow where the market grows? Four quarters on the four before, %"
    )


@states({"segment": "segment"}, rate=("penetration", "ratio"))
def penetration_dots(penetration: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of each segment's known accounts that buy, with its interval (`analysis.market.market_share.penetration`)."""
    table = penetration.sort_values("rate")
    ax = style.rows(ax, len(table))
    spots = range(len(table))
    ax.hlines(spots, table["low"], table["high"], color=style.US, linewidth=2)
    ax.scatter(table["rate"], spots, s=46, color=style.US, zorder=3)
    ax.set_yticks(list(spots), table["segment"] + "  n " + table["n"].map(style.number))
    ax.set_xlim(left=0)
    style.percent_axis(ax.xaxis)
    fewest = fewest_buy(table)
    where = among(len(table), "The fewest accounts buy in", "Accounts that buy in")
    finding = f"{where} {fewest.name}: {style.percent(fewest.figures['now'], 0)}"
    return style.title(
        ax,
        Sentence(finding, [fewest]),
        "Which accounts buy? Buyers of twelve months over known accounts, %; line: 90 % interval",
    )


@states({"category": "category", "segment": "segment"}, potential=("whitespace", "money"))
def whitespace_bars(whitespace: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw where customers buy a category less than elsewhere, by the money in it (`analysis.market.market_share.whitespace`)."""
    table = whitespace.head(MOST_BARS)
    ax = style.rows(ax, len(table))
    spots = list(range(len(table) - 1, -1, -1))
    ax.barh(spots, table["potential"], color=style.US, height=0.62)
    for spot, row in zip(spots, table.itertuples(), strict=True):
        said = f" {style.percent(row.rate, 0)} buy, {style.percent(row.elsewhere, 0)} elsewhere"
        ax.annotate(said, (row.potential, spot), va="center", fontsize=9.5)
    ax.set_yticks(spots, table["category"] + " to\n" + table["segment"])
    ax.set_xlim(0, 1.45 * table["potential"].max())
    style.money_axis(ax.xaxis, currency)
    top = largest_gap(whitespace)
    finding = f"{among(len(whitespace), 'The most room', 'Room')}: {top.name}, {style.money(top.figures['now'], currency)} a year"
    return style.title(
        ax, Sentence(finding, [top]), f"Where is there room among our own customers? A year's revenue, {currency}"
    )


def _share_finding(shares: pd.DataFrame) -> Sentence:
    trailing = shares["trailing_share"].dropna()
    now = shares["share"].iloc[-1] if trailing.empty else trailing.iloc[-1]
    if len(trailing) <= 4:
        span = f"in {shares['label'].iloc[-1]}" if trailing.empty else "of four quarters"
        return Sentence(f"Our share {span} is {style.percent(now)}", [amounts("market_share", now, span)])
    year = share_of_a_year(trailing)
    claim = first("market_share", MOVED, year.to_dict(), unit="ratio")
    verb = {"rose": "rose to", "fell": "fell to", "stood still": "stood still at"}[claim.predicate]
    return Sentence(f"Our share {verb} {style.percent(now)}, {style.points(year['change'])} on a year before", [claim])
