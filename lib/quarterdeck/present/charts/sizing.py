"""Where is room for us, and how large will the market be?"""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from quarterdeck.analysis.forecasting.months_ahead import on_as_many
from quarterdeck.analysis.methods.claims import amounts
from quarterdeck.analysis.sales.constant_rates import STEP
from quarterdeck.data.calendar import PUBLISHED
from quarterdeck.present import style
from quarterdeck.present.charts.steps import steps
from quarterdeck.present.facts.market import largest_room, split_claims
from quarterdeck.present.numbers import among
from quarterdeck.present.sentences import Sentence

ROOM = LinearSegmentedColormap.from_list("room", ["white", style.US])
SPLIT = {
    "before": "The year\nbefore", "market": "With the\nmarket", "mix": "By our mix of\nsegments", "share": "By taking\nshare",
    STEP: "Exchange\nrates", "now": "Last four\nquarters",
}  # fmt: skip


def room_map(cells: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw headroom, with share, by segment and region (`analysis.market.sizing.cells`)."""
    wide = cells.pivot(index="segment", columns="region", values="headroom")
    wide = wide.loc[wide.sum(axis=1).sort_values(ascending=False).index]
    share = cells.pivot(index="segment", columns="region", values="share").reindex_like(wide)
    room = wide.map(lambda v: style.money(v, currency))
    said = room + share.map(lambda v: f"\n{style.percent(v, 0)} share" if pd.notna(v) else "")
    ax = style.axes(ax, height=1.6 + 0.62 * len(wide))
    sns.heatmap(wide, annot=said, fmt="", cmap=ROOM, cbar=False, linewidths=1.5, ax=ax, annot_kws={"fontsize": 9})
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="x", rotation=0, length=0)
    ax.tick_params(axis="y", rotation=0, length=0, labelcolor=style.INK)
    top = largest_room(cells)
    finding = (
        f"{among(len(cells), 'The most room', 'Room')}: {top.name}, {style.money(top.figures['now'], currency)} a year"
    )
    return style.title(
        ax,
        Sentence(finding, [top]),
        f"Where is there room? Market up to our best share in a like cell, {currency} a year; our share",
    )


def split_bars(split: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the steps from the year before to this one (`analysis.market.market_share.shift_share`)."""
    part = split.set_index("part")["amount"]
    ax = steps(part.tolist(), [SPLIT[p] for p in part.index], ax, currency)
    moved, took = split_claims(split)
    verb = {"rose": "grew by", "fell": "shrank by", "stood still": "stood still at"}[moved.predicate]
    cause = {"rose": "taking share brought", "fell": "share lost took", "stood still": "share did"}[took.predicate]
    change, worth = (style.money(abs(v), currency) for v in (moved.figures["change"], took.figures["now"]))
    finding = Sentence(f"We {verb} {change}; {cause} {worth}", [moved, took])
    return style.title(ax, finding, f"Did we grow with the market or against it? Revenue of four quarters, {currency}")


def ahead_lines(fan: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the market by quarter and its forecast (`analysis.market.sizing.ahead`)."""
    ax = style.axes(ax)
    past, future = fan.dropna(subset=["actual"]), fan.dropna(subset=["middle"])
    spots = dict(zip(fan["start"], range(len(fan)), strict=True))
    x = future["start"].map(spots)
    ax.plot(past["start"].map(spots), past["actual"], color=style.SOFT, marker="o", markersize=3.5)
    ax.fill_between(x, future["low"], future["high"], color=style.SOFT, alpha=0.2, linewidth=0)
    ax.plot(x, future["middle"], color=style.SOFT, linestyle="--", marker="o", markersize=3.5)
    labels = PUBLISHED.labels(fan["start"])
    ax.set_xticks(range(0, len(fan), 2), labels[::2])
    ax.set_ylim(bottom=0)
    style.money_axis(ax.yaxis, currency)
    year = on_as_many(future.head(4), past["actual"]).iloc[0]
    claim = amounts("market_forecast", year["middle"], before=year["before"], change=year["change"])
    finding = f"Median forecast of four quarters: {style.money(year['middle'], currency)}"
    finding += f", {style.change(year['change'])} on the last four" if pd.notna(year["change"]) else ""
    return style.title(
        ax,
        Sentence(finding, [claim]),
        f"How large will the market be? All sellers' revenue by quarter, {currency}; shaded: 80 %",
    )
