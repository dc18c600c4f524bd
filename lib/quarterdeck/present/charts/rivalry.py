"""From whom does share come, how do prices move, and how do sellers differ?"""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from quarterdeck.analysis.competition.competitors import OTHERS, US
from quarterdeck.analysis.competition.dynamics import distances, price_moves
from quarterdeck.analysis.methods.claims import amounts, as_read, first, least, part
from quarterdeck.present import style
from quarterdeck.present.charts.competitors import inks
from quarterdeck.present.numbers import listed
from quarterdeck.present.sentences import Sentence

FLOW = LinearSegmentedColormap.from_list("flow", ["white", style.NAVY])


def flow_map(flows: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw who takes share from whom (`analysis.competition.dynamics.share_flow`)."""
    wide = flows.pivot(index="source", columns="target", values="amount")
    order = sorted(set(wide.index) | set(wide.columns), key=lambda s: (s == OTHERS, s != US, s))
    wide = wide.reindex(index=order, columns=order)
    said = wide.map(lambda v: style.money(v, currency) if pd.notna(v) and v > 0.005 * np.nanmax(wide) else "")
    ax = style.axes(ax, height=1.8 + 0.45 * len(order))
    sns.heatmap(
        wide.fillna(0.0), annot=said, fmt="", cmap=FLOW, cbar=False, linewidths=1.5, ax=ax, annot_kws={"fontsize": 9.5}
    )
    ax.set(xlabel="to", ylabel="from")
    ax.set_xticklabels([name.replace(" ", "\n") for name in order])
    ax.tick_params(axis="x", rotation=0, length=0, labelcolor=style.INK)
    ax.tick_params(axis="y", rotation=0, length=0, labelcolor=style.INK)
    into, out = (flows.loc[flows[side] == US, "amount"].sum() for side in ("target", "source"))
    finding = f"{style.money(into, currency)} came to us and {style.money(out, currency)} left us, at the least"
    claims = [amounts("share_flow", into, "to us"), amounts("share_flow", out, "from us")]
    return style.title(
        ax,
        Sentence(finding, claims),
        f"From whom does share come? Least flows that explain a year's shares, {currency} of this year's market",
    )


def price_lines(prices: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each rival's price level over time (`analysis.competition.dynamics.price_lines`)."""
    ax = style.axes(ax, height=4)
    colours, starts = inks(prices["competitor"]), sorted(prices["start"].unique())
    places = {s: i for i, s in enumerate(starts)}
    ends = prices[prices["start"] == starts[-1]].set_index("competitor")["price_index"]
    spots = style.apart(ends.to_dict(), 0.05 * max(np.ptp(prices["price_index"]), 1))
    for rival, rows in prices.groupby("competitor"):
        ax.plot(rows["start"].map(places), rows["price_index"], color=colours[rival])
        if rival in spots:
            ax.annotate(
                f" {rival} {ends[rival]:.0f}",
                (len(starts) - 1, spots[rival]),
                color=colours[rival],
                fontsize=9.5,
                va="center",
            )
    ax.axhline(100, color=style.US, linewidth=2.2)
    ax.annotate("us = 100", (0, 100), xytext=(0, 4), textcoords="offset points", color=style.US, fontsize=9.5)
    labels = prices.drop_duplicates("start").sort_values("start")["label"].tolist()
    ax.set_xticks(range(0, len(labels), 4), labels[::4])
    ax.set_xlim(-0.3, 1.38 * max(len(labels) - 1, 1))
    return style.title(
        ax, _price_mover(prices), "How have prices moved? Price index by quarter, own = 100, weighted by revenue"
    )


def price_share_map(prices: pd.DataFrame, sellers: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw price level against share, and where share is going (`competitors.price_position`, `dynamics.structure`)."""
    ax = style.axes(ax, height=4)
    table = sellers.assign(
        price=sellers["seller"].map(prices.set_index("competitor")["now"]).where(sellers["seller"] != US, 100.0)
    )
    table = table.dropna(subset=["price"])
    colours = inks(table["seller"])
    ax.scatter(table["price"], table["share"], s=90, color=[colours[n] for n in table["seller"]], zorder=3)
    said = table["seller"] + " " + table["change"].map(style.points)
    style.labels(ax, table["price"], table["share"], said, [colours[n] for n in table["seller"]])
    ax.set_ylim(0, 1.25 * table["share"].max())
    ax.margins(x=0.25)
    ax.set(xlabel="price index, own = 100", ylabel="share of four quarters")
    style.percent_axis(ax.yaxis)
    return style.title(
        ax,
        _costlier_winners(table[table["price"] > 100]),
        "Does a low price buy share? Behind each seller: the change of its share in a year",
    )


def position_map(places: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw sellers among the segments that they lean to (`analysis.competition.dynamics.position_map`)."""
    ax = style.axes(ax, height=4.6)
    ax.grid(axis="both")
    sellers, segments = (places[places["kind"] == k] for k in ("seller", "segment"))
    colours = inks(sellers["name"])
    tones = [colours.get(name, style.SOFT) for name in places["name"]]
    ax.scatter(segments["x"], segments["y"], marker="D", s=34, color=style.SOFT)
    ax.scatter(sellers["x"], sellers["y"], s=90, color=[colours[s] for s in sellers["name"]], zorder=3)
    style.labels(ax, places["x"], places["y"], places["name"], tones)
    ax.axhline(0, color=style.LINE, linewidth=1)
    ax.axvline(0, color=style.LINE, linewidth=1)
    first = places.iloc[0]
    ax.set(
        xlabel=f"first axis, {style.percent(first['inertia_x'], 0)} of the differences",
        ylabel=f"second axis, {style.percent(first['inertia_y'], 0)}",
    )
    nearest = least("segment_distance", distances(places), "rival")
    return style.title(
        ax,
        Sentence(f"{nearest.name} is nearest to us in the segments that it sells to", [nearest]),
        "How do sellers differ? Near: alike in the segments that they sell to; revenue of four quarters",
    )


def _price_mover(prices: pd.DataFrame) -> Sentence:
    """Say whose price level moved most in a year (`analysis.competition.dynamics.price_lines`)."""
    moved = price_moves(prices)
    if moved.empty:
        return Sentence(
            "Prices over a year are not known yet",
            [part("price_index", 0, prices["competitor"].nunique(), "rivals known")],
        )
    top = moved.abs().idxmax()
    if as_read(abs(moved[top]), "tenths") == 0:
        return Sentence(
            "No rival's price moved against ours in a year", [part("price_index", 0, len(moved), "rivals moved")]
        )
    figures = {"now": moved[top], "most": moved.max(), "least": moved.min()}
    claim = first("price_index", ("did most",), figures, f"a year's move of rival: {top}")
    return Sentence(f"{top} moved most in a year: {moved[top]:+.1f} points against us".replace("-", "−"), [claim])


def _costlier_winners(costlier: pd.DataFrame) -> Sentence:
    """Say which of the sellers more expensive than we are gain share."""
    price, change = (costlier.set_index("seller")[k] for k in ("price", "change"))
    rose = [
        first("market_share", ("rose",), {"now": v, "before": 0.0}, f"a year's move of rival: {s}")
        for s, v in change.items()
    ]
    rose = [c for c in rose if c]
    if not rose:
        claim = part("market_share", 0, len(costlier), "seller more expensive than we are gains share")
        return Sentence(f"No {claim.subject}", [claim])
    levels = [
        first("price_index", ("more than",), {"now": price[c.name], "than": 100.0}, f"rival: {c.name}") for c in rose
    ]
    verb = "gains" if len(rose) == 1 else "gain"
    return Sentence(f"{listed([c.name for c in rose])} {verb} share at a higher price than ours", [*rose, *levels])
