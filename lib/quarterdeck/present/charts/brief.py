"""The brief's two pictures: where the quarter will end, and what changed against last year."""

from textwrap import wrap

import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.analysis.methods.claims import ODDS, amounts, first
from quarterdeck.present import style
from quarterdeck.present.charts.steps import pipeline, steps
from quarterdeck.present.sentences import Sentence, ended, wanted
from quarterdeck.present.stated import listed


def quarterly_bars(
    quarters: pd.DataFrame, landing: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR"
) -> Axes:
    """Draw sales by quarter with each quarter's target; the open quarter with the forecast of its end.

    Parameters
    ----------
    quarters : DataFrame
        As `analysis.brief.scorecard.quarterly` gives it.
    landing : DataFrame
        As `analysis.forecasting.quarter_end.landing` gives it; may be empty.
    """
    ax = style.axes(ax)
    places = range(len(quarters))
    ax.bar(places, quarters["sold"], color=style.US, width=0.62, label="sold")
    ends = landing.dropna(subset=["p50"])
    if len(ends):
        end, last = ends.iloc[0], len(quarters) - 1
        ax.bar(last, end["p50"] - end["seen"], bottom=end["seen"], width=0.62, color=style.US, alpha=0.25)  # layout
        ax.vlines(last, end["p10"], end["p90"], color=style.NAVY, linewidth=2)
        ax.annotate(
            style.money(end["p50"], currency), (last + 0.36, end["p50"]), va="center", fontsize=9.5, fontweight="bold"
        )
    for place, target in zip(places, quarters["target"], strict=True):
        ax.hlines(target, place - 0.4, place + 0.4, color=style.PLAN, linewidth=2)
    ax.set_xticks(list(places), quarters["label"])
    ax.set_xlim(-0.6, len(quarters) + 0.2)
    style.money_axis(ax.yaxis, currency)
    asked = "Where will the quarter end" if len(ends) else "What did past quarters bring"
    question = f"{asked}? Sales by quarter, {currency}" + (
        "; pale and line: forecast with 80 % interval" if len(ends) else ""
    )
    style.title(
        ax, _landing_finding(ends, currency), question + ("; brass: target" if quarters["target"].notna().any() else "")
    )
    return ax


def bridge_bars(
    bridge: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR", against: str = "last year"
) -> Axes:
    """Draw what changed against last year, or since the last run, as a bridge from total to total.

    Parameters
    ----------
    bridge : DataFrame
        As `analysis.brief.scorecard.revenue_bridge` or `came_in` gives it.
    against : str
        What the first total is of.
    """
    names = [p if "\n" in p else "\n".join(wrap(p, 12, break_long_words=False)) for p in bridge["part"]]
    ax = steps(bridge["amount"].tolist(), names, ax, currency)
    changes = bridge[bridge["kind"].ne("total")].set_index("part")["amount"]
    named = zip(bridge["part"].str.replace("\n", " "), bridge["amount"], strict=True)
    ax.facts = listed("revenue_step", "step", named, period=f"{against}: {', '.join(changes.index)}")
    question = f"What changed against {against}? Revenue of the quarter so far, {currency}"
    return style.title(ax, _bridge_finding(changes, currency, against), question)


def pipeline_bars(waterfall: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what became of the pipeline due in the quarter since a day (`analysis.brief.scorecard.pipeline_since`)."""
    ax = pipeline(waterfall, ax, currency)
    ends = waterfall["amount"].iloc[[0, -1]].tolist()
    claim = first(
        "pipeline_open",
        ("rose", "fell", "stood still"),
        {"now": ends[1], "before": ends[0]},
        "due this quarter",
        "money",
    )
    before, now = (style.money(end, currency) for end in ends)
    said = Sentence(f"The pipeline due this quarter {claim.predicate}: {before} before, {now} now", [claim])
    since = style.day(waterfall["since"].iloc[0])
    return style.title(ax, said, f"What became of it since {since}? Open deals due this quarter, {currency}")


def _landing_finding(ends: pd.DataFrame, currency: str) -> Sentence | str:
    if ends.empty:
        return "Sales by quarter"
    end = ends.iloc[0]
    middle = style.money(end["p50"], currency)
    if over := ended(end, currency):
        return over
    if pd.isna(end["target"]):
        return Sentence(f"The middle forecast of the quarter is {middle}", [amounts("forecast_p50", end["p50"])])
    figures = {"now": end["p50"], "target": end["target"], "chance": end["probability"]}
    claim = first("forecast_p50", ODDS, figures)
    target = style.money(end["target"], currency)
    said = f"The quarter is {claim.predicate} to reach its {wanted(end)}: forecast {middle}, {wanted(end)} {target}"
    return Sentence(said, [claim])


def _bridge_finding(changes: pd.Series, currency: str, against: str) -> Sentence:
    """Say which part added most and which lost most."""
    ends = {"most": changes.max(), "least": changes.min()}
    best, worst = changes.idxmax(), changes.idxmin()
    up = first("revenue", ("added most", "nothing grew"), {"now": ends["most"]} | ends, f"{against}: {best}")
    down = first("revenue", ("lost most", "nothing fell"), {"now": ends["least"]} | ends, f"{against}: {worst}")
    grew = f"{best} added {style.money(ends['most'], currency)}" if up.predicate == "added most" else "Nothing grew"
    fell = f"{worst} lost {style.money(-ends['least'], currency)}" if down.predicate == "lost most" else "nothing fell"
    return Sentence(f"{grew}; {fell}", [up, down])
