"""What does a bridge from one total to another look like?"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.present import style
from quarterdeck.present.stated import listed

ENDS = {"won": style.US, "lost": style.LOSS, "moved out": style.WARN, "cut": style.WARN}  # of what a pipeline becomes


def pipeline(waterfall: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw how a quarter's pipeline got from one day to another (`movement.waterfall`): what is lost is red, not what is won."""
    named = [name.capitalize() for name in waterfall["step"]]
    names = [name.replace(" ", "\n") for name in named]
    inks = [ENDS.get(step, style.SOFT) for step in waterfall["step"].iloc[1:-1]]
    ax = steps(waterfall["amount"].tolist(), names, ax, currency, inks)
    since = f"since {waterfall['since'].iloc[0]:%Y-%m-%d}" if "since" in waterfall else "in the quarter"
    ax.facts = listed("pipeline_moves", "step", zip(named, waterfall["amount"], strict=True), period=since)
    return ax


def steps(
    amounts: list[float],
    names: list[str],
    ax: Axes | None = None,
    currency: str = "EUR",
    inks: list[str] | None = None,
) -> Axes:
    """Draw steps that lead from the first amount to the last one; the axis starts below them all, and says where.

    What is between the ends is drawn in `inks`, else by whether it adds or takes away; a step that reads as zero is left out.
    """
    ax = style.axes(ax)
    zero, last = style.money(0, currency), len(amounts) - 1
    kept = [
        k for k, amount in enumerate(amounts) if k in (0, last) or style.money(amount, currency).lstrip("−") != zero
    ]
    inks = [inks[k - 1] for k in kept[1:-1]] if inks else None
    amounts, names = [amounts[k] for k in kept], [names[k] for k in kept]
    spots, changes = range(len(amounts)), np.array(amounts[1:-1])
    run = amounts[0] + np.r_[0.0, np.cumsum(changes)]
    low, high = np.minimum(run[:-1], run[1:]), np.maximum(run[:-1], run[1:])
    ends = np.array([amounts[0], amounts[-1]])
    least = min(low.min(), ends.min()) if len(changes) else 0.0
    floor = min(1.12 * least, 0.0)  # where steps are large, the bars tell the truth from zero
    if least > 0.5 * ends.max():
        floor = 0.9 * least
    ax.bar([0, len(amounts) - 1], ends, color=style.NAVY, width=0.62)
    inks = inks or [style.US if c >= 0 else style.LOSS for c in changes]
    ax.bar(list(spots)[1:-1], high - low, bottom=low, color=inks, width=0.62)
    for spot, top, amount in zip(spots, [max(ends[0], 0), *high, max(ends[1], 0)], amounts, strict=True):
        text = style.money(amount, currency)
        said = f"+{text}" if 0 < spot < len(amounts) - 1 and amount > 0 else text
        ax.annotate(said, (spot, top), ha="center", va="bottom", fontsize=9.5)
    ax.set_ylim(bottom=floor, top=floor + 1.12 * max(*(high - floor), *(ends - floor), 1.0))
    ax.set_xticks(list(spots), names, fontsize=9)
    style.money_axis(ax.yaxis, currency)
    return style.source(ax, f"the axis starts at {style.money(floor, currency)}") if floor > 0 else ax
