"""Which segments and products deserve more of us?"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.analysis.market.portfolio import HIGHEST, LOWEST, kept
from quarterdeck.analysis.methods.claims import most, part
from quarterdeck.present import style
from quarterdeck.present.sentences import Sentence

KINDS = {"star": style.GOOD, "cash cow": style.US, "question mark": style.WARN, "dog": style.SOFT}
MOST_LINES = 8


def field_map(matrix: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw segments by attractiveness and our strength (`analysis.market.portfolio.matrix`)."""
    ax = style.axes(ax, height=4.6)
    third = (HIGHEST - LOWEST) / 3
    for edge in (LOWEST + third, LOWEST + 2 * third):
        ax.axvline(edge, color=style.LINE, linewidth=1.5)
        ax.axhline(edge, color=style.LINE, linewidth=1.5)
    ax.grid(visible=False)
    opacity = 0.35 + 0.5 * matrix["stays"]
    _bubbles(ax, matrix, "strength", "attractiveness", "size", [style.US] * len(matrix), opacity)
    ax.set(
        xlim=(LOWEST - 0.7, HIGHEST + 0.7),
        ylim=(LOWEST - 0.7, HIGHEST + 1.1),
        xlabel="our strength",
        ylabel="attractiveness",
    )
    third_names = ["low", "medium", "high"]
    middles = [LOWEST + third * (k + 0.5) for k in range(3)]
    ax.set_xticks(middles, third_names)
    ax.set_yticks(middles, third_names)
    claim = part(
        "portfolio_field", len(kept(matrix)), len(matrix), "segments keep their field under most other weights"
    )
    finding = f"{len(kept(matrix))} of {len(matrix)} {claim.subject}"
    return style.title(
        ax,
        Sentence(finding, [claim]),
        "Which segments deserve more of us? Area: market; the paler, the more depends on the weights",
    )


def growth_share_map(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw segments by market growth and relative share (`analysis.market.portfolio.growth_share`)."""
    ax = style.axes(ax, height=4.2)
    _bubbles(ax, table, "relative", "growth", "own", [KINDS[k] for k in table["kind"]], 0.75)
    ax.axvline(1, color=style.INK, linewidth=1)
    ax.axhline(table["divide"].iloc[0], color=style.INK, linewidth=1)
    reach = max(table["relative"].max(), 1 / table["relative"].min(), 1.2) * 1.1  # layout
    ax.set_xscale("log")
    ax.set_xlim(reach, 1 / reach)
    ax.set_xticks([t for t in (4, 2, 1.5, 1.25, 1, 0.8, 0.67, 0.5, 0.25) if 1 / reach <= t <= reach])
    ax.xaxis.set_major_formatter(lambda v, _: f"{v:.2g}×")
    ax.minorticks_off()
    ax.margins(y=0.2)
    style.percent_axis(ax.yaxis)
    ax.set(xlabel="our revenue over the largest rival's (larger to the left)", ylabel="market growth")
    counts = table["kind"].value_counts()
    finding = ", ".join(style.counted(n, kind) for kind, n in counts.items())
    return style.title(
        ax,
        Sentence(finding, [part("growth_share", n, len(table), kind) for kind, n in counts.items()]),
        "Where do we lead, and does it grow? Lines: growth of all segments, parity with the largest rival; area: our revenue",
    )


def uptake_lines(uptake: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the sales to date of each new product by months since its launch (`analysis.sales.launches.uptake`)."""
    ax = style.axes(ax, height=4)
    last = uptake.sort_values("month").groupby("name").last().sort_values("to_date", ascending=False).head(MOST_LINES)
    at_year = uptake[uptake["month"] == 11].set_index("name")["to_date"]
    best = at_year.idxmax() if len(at_year) else last.index[0]
    spots = style.apart(last["to_date"].to_dict(), 0.05 * last["to_date"].max())
    for name, rows in uptake[uptake["name"].isin(last.index)].groupby("name"):
        ink, width = (style.US, 2.6) if name == best else (style.SOFT, 1.4)
        ax.plot(rows["month"] + 1, rows["to_date"], color=ink, linewidth=width)  # layout
        ax.annotate(f" {name}", (rows["month"].max() + 1, spots[name]), color=ink, fontsize=9, va="center")  # layout
    ax.set_xlim(0, 1.35 * (uptake["month"].max() + 1))  # layout
    ax.set_ylim(bottom=0)
    ax.set_xlabel("months since launch")
    style.money_axis(ax.yaxis, currency)
    finding = Sentence(
        "No new product is a year old", [part("revenue", 0, uptake["name"].nunique(), "launches a year old")]
    )
    if len(at_year):
        claim = most("revenue", at_year, "launch", ("added most",))
        finding = Sentence(f"{best} sold most: {style.money(at_year[best], currency)} in its first year", [claim])
    return style.title(ax, finding, f"How do new products take hold? Revenue to date, {currency}")


def _bubbles(
    ax: Axes, table: pd.DataFrame, x: str, y: str, area: str, inks: list[str], opacity: pd.Series | float
) -> None:
    """Draw a named bubble per segment."""
    sizes = 60 + 900 * table[area] / table[area].max()  # layout
    ax.scatter(table[x], table[y], s=sizes, color=inks, alpha=opacity, linewidth=0)
    for name, px, py, size in zip(table["segment"], table[x], table[y], sizes, strict=True):
        above = {"xytext": (0, np.sqrt(size) / 2 + 3), "textcoords": "offset points"}
        ax.annotate(name, (px, py), ha="center", fontsize=9, **above)
