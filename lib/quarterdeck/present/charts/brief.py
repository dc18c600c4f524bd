"""The brief's two pictures: where the quarter will end, and what changed against last year."""

import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.present import style
from quarterdeck.present.charts.steps import steps


def quarterly_bars(
    quarters: pd.DataFrame, landing: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR"
) -> Axes:
    """Draw sales by quarter with each quarter's target; the open quarter with the forecast of its end.

    Parameters
    ----------
    quarters : DataFrame
        As `analysis.brief.quarterly` gives it.
    landing : DataFrame
        As `analysis.forecast.landing` gives it; may be empty.
    """
    ax = style.axes(ax)
    places = range(len(quarters))
    ax.bar(places, quarters["sold"], color=style.US, width=0.62, label="sold")
    ends = landing.dropna(subset=["p50"])
    if len(ends):
        end, last = ends.iloc[0], len(quarters) - 1
        ax.bar(last, end["p50"] - end["seen"], bottom=end["seen"], width=0.62, color=style.US, alpha=0.25)
        ax.vlines(last, end["p10"], end["p90"], color=style.NAVY, linewidth=2)
        ax.annotate(
            style.money(end["p50"], currency), (last + 0.36, end["p50"]), va="center", fontsize=9.5, fontweight="bold"
        )
    for place, target in zip(places, quarters["target"], strict=True):
        ax.hlines(target, place - 0.4, place + 0.4, color=style.PLAN, linewidth=2)
    ax.set_xticks(list(places), quarters["label"])
    ax.set_xlim(-0.6, len(quarters) + 0.2)
    style.money_axis(ax.yaxis, currency)
    question = f"Where will the quarter end? Sales by quarter, {currency}; pale and line: forecast with 80 % interval"
    style.title(
        ax, _landing_finding(ends, currency), question + ("; brass: target" if quarters["target"].notna().any() else "")
    )
    return ax


def bridge_bars(bridge: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what changed against last year as a bridge from total to total (`analysis.brief.bridge`)."""
    names = [p.replace(" ", "\n", 1) for p in bridge["part"]]
    ax = steps(bridge["amount"].tolist(), names, ax, currency)
    changes = bridge[bridge["kind"].ne("total")].set_index("part")["amount"]
    question = f"What changed against last year? Revenue so far by segment, {currency}"
    return style.title(ax, _bridge_finding(changes, currency), question)


def _landing_finding(ends: pd.DataFrame, currency: str) -> str:
    if ends.empty:
        return "Sales by quarter"
    end = ends.iloc[0]
    said = f"The quarter is heading for {style.money(end['p50'], currency)}"
    return said if pd.isna(end["target"]) else f"{said} against a target of {style.money(end['target'], currency)}"


def _bridge_finding(changes: pd.Series, currency: str) -> str:
    best, worst = changes.idxmax(), changes.idxmin()
    up = f"{best} added {style.money(changes[best], currency)}" if changes[best] > 0 else "No segment grew"
    down = f"{worst} lost {style.money(-changes[worst], currency)}" if changes[worst] < 0 else "no segment fell"
    return f"{up}; {down}"
