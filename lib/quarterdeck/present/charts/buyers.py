"""On whom does revenue hang, what does a price do, and when do customers buy?"""

import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.analysis.methods.claims import amounts, first, part
from quarterdeck.analysis.sales import credits
from quarterdeck.analysis.sales.constant_rates import STEP
from quarterdeck.analysis.sales.prices import effects
from quarterdeck.present import style
from quarterdeck.present.charts.steps import steps
from quarterdeck.present.facts.market import peaks
from quarterdeck.present.sentences import Sentence
from quarterdeck.present.stated import listed

STEPS = {
    "before": "A year\nbefore", "price": "Price", "volume": "Volume", "mix": "Mix", "new": "New\nproducts",
    "lost": "Products\nno longer sold", credits.STEP: "Price\ncredits", STEP: "Exchange\nrates", "now": "Now",
}  # fmt: skip


def lorenz_curve(lorenz: pd.DataFrame, concentration: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how much of revenue the smallest customers bring (`analysis.customers.buyers.lorenz`, `.concentration`)."""
    ax = style.axes(ax, height=4)
    ax.plot(lorenz["customers"], lorenz["revenue"], color=style.US, linewidth=2.6)
    ax.plot([0, 1], [0, 1], color=style.SOFT, linewidth=1, linestyle="--")
    ax.fill_between(lorenz["customers"], lorenz["revenue"], lorenz["customers"], color=style.US, alpha=0.1, linewidth=0)
    row = concentration.iloc[0]
    ax.annotate(
        "if all bought alike",
        (0.5, 0.5),
        xytext=(-6, 8),
        textcoords="offset points",
        ha="right",
        color=style.SOFT,
        fontsize=9,
    )
    ax.annotate(f"Gini {row['gini']:.2f}, n {row['n']:,.0f}", (0.74, 0.05), color=style.US)
    ax.set(xlabel="part of customers, smallest first", ylabel="part of revenue", xlim=(0, 1), ylim=(0, 1))
    for axis in (ax.xaxis, ax.yaxis):
        style.percent_axis(axis)
    finding = f"The largest tenth of customers brings {style.percent(row['top_tenth'], 0)} of revenue"
    claim = amounts("revenue_concentration", row["top_tenth"], "largest tenth", n=row["n"])
    return style.title(ax, Sentence(finding, [claim]), "How much depends on few customers? Revenue of twelve months, %")


def elasticity_dots(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each category's price elasticity with its interval (`analysis.sales.prices.elasticity`)."""
    ax = style.rows(ax, len(table))
    spots = list(range(len(table) - 1, -1, -1))
    ax.hlines(spots, table["low"], table["high"], color=style.US, linewidth=2.2)
    ax.scatter(table["value"], spots, s=48, color=style.US, zorder=3)
    ax.scatter(table["estimate"], spots, s=42, marker="|", color=style.INK, zorder=4)
    ax.axvline(-1, color=style.NAVY, linewidth=1.3)
    ax.axvline(0, color=style.LINE, linewidth=1.3)
    ax.annotate(" −1: revenue stays", (-1, len(table) - 0.55), color=style.NAVY, fontsize=9.5)
    ax.set_yticks(spots, table["category"])
    ax.set_ylim(-0.6, len(table) - 0.1)
    ax.set_xlabel("per cent of units for one per cent of price")
    sure = [c for c in effects(table) if c.predicate == "below"]
    counted = part("price_elasticity", len(sure), len(table), "categories in which a price rise surely costs revenue")
    finding = Sentence("In no category a price rise surely costs revenue", [counted])
    if sure:
        names = (
            ", ".join(c.name for c in sure)
            if len(sure) < 3
            else f"{len(sure)} of {style.counted(len(table), 'category', 'categories')}"
        )
        finding = Sentence(f"A price rise costs revenue in {names}", [counted, *sure])
    return style.title(ax, finding, "What does a price do to the quantity? Dot shrunk, line 90 % interval, tick raw")


def price_bridge(bridge: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what price, volume and mix did to revenue (`analysis.sales.prices.price_bridge`)."""
    part = bridge.set_index("step")["amount"]
    ax = steps(part.tolist(), [STEPS[s] for s in part.index], ax, currency)
    drawn = [(STEPS[step].replace("\n", " "), amount) for step, amount in part.items()]
    ax.facts = listed("revenue_step", "step", drawn, period="last year, by price, volume and mix")
    causes = part.iloc[1:-1]
    top = causes.abs().idxmax()
    said = {"new": "new products", "lost": "products no longer sold", credits.STEP: "price credits"}.get(top, top)
    figures = {"now": causes[top], "most": causes.max(), "least": causes.min()}
    claim = first("revenue", ("did most",), figures, f"price-volume-mix: {top}")
    finding = Sentence(f"{said[0].upper()}{said[1:]} did most: {style.money(causes[top], currency)}", [claim])
    return style.title(
        ax, finding, f"What did prices do to revenue? The quarter so far on the same days last year, {currency}"
    )


def month_bars(index: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the usual month against the mean of a year (`analysis.sales.season.month_index`)."""
    ax = style.axes(ax)
    colours = [style.US if v >= 1 else style.LINE for v in index["index"]]
    ax.bar(index["month"], index["index"] - 1, bottom=1, color=colours, width=0.7)  # layout
    ax.vlines(range(len(index)), index["low"], index["high"], color=style.INK, linewidth=1.2)
    ax.axhline(1, color=style.INK, linewidth=1)
    style.percent_axis(ax.yaxis)
    high, low = peaks(index.set_index("month")["index"], "month")
    top, bottom = (style.percent(c.figures["now"], 0) for c in (high, low))
    finding = f"{high.name} brings {top} of a mean month, {low.name} {bottom}"
    return style.title(
        ax,
        Sentence(finding, [high, low]),
        f"When do customers buy? A mean month is 100 %; line: 90 % interval over {style.counted(index['n'].min(), 'year')} or more",
    )
