"""Where does the quarter head, week by week: what the forecast says, and what the leads commit to?"""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.analysis.methods.claims import MOVED, Claim, amounts, first
from quarterdeck.data.snapshot import Missing
from quarterdeck.present import style
from quarterdeck.present.sentences import Sentence, wanted
from quarterdeck.present.stated import PERIOD, facts

LINES = {"p10": "low, 10 %", "p50": "forecast", "p90": "high, 90 %", "target": "target"}


def call_lines(
    course: pd.DataFrame, ax: Axes | None = None, calls: pd.DataFrame | Missing | None = None, currency: str = "EUR"
) -> Axes | None:
    """Draw the forecast of the quarter's end week by week with its 80 % range, the target, and what the leads committed to.

    Parameters
    ----------
    course : DataFrame
        As `landings.course` gives it, of the page's own region.
    calls : DataFrame or Missing, optional
        As `analysis.brief.call.called` gives it.
    """
    course = course.dropna(subset=["p50"])
    if len(course) < 2:  # of one week there is no course
        return None
    ax = style.axes(ax)
    ax.fill_between(course["day"], course["p10"], course["p90"], color=style.US, alpha=0.14, linewidth=0)
    ax.plot(course["day"], course["p50"], color=style.US, linewidth=2.2)
    ax.scatter(course["day"].iloc[-1:], course["p50"].iloc[-1:], color=style.US, s=44, zorder=3)
    ends = {"forecast": (course["p50"].iloc[-1], style.US)}
    target = course["target"].iloc[-1]
    if pd.notna(target):
        ax.axhline(target, color=style.PLAN, linewidth=1.8)
        ends[wanted(course.iloc[-1])] = target, style.PLAN
    known = isinstance(calls, pd.DataFrame) and calls["commit"].notna().any()
    if known:
        ax.plot(calls["day"], calls["commit"], color=style.INK, linestyle="--", marker="o", mfc="white", linewidth=1.3)
        ends["leads' commit"] = calls["commit"].dropna().iloc[-1], style.INK
    _named_ends(ax, ends, course["day"].max(), currency)
    style.day_axis(ax.xaxis, course["day"])
    style.money_axis(ax.yaxis, currency)
    ax.facts = _lines(course, calls if known else None)
    question = "Where will the quarter end, as seen each week? Band: 80 % range; the axis does not start at zero"
    return style.title(ax, _finding(course, calls if known else None, currency), f"{question}; {currency}")


def _lines(course: pd.DataFrame, calls: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Give each line's points, day by day."""
    lines = [(name, course, column) for column, name in LINES.items()]
    lines += [] if calls is None else [("leads' commit", calls, "commit")]
    points = [rows.assign(line=name, when=rows["day"].dt.strftime("%Y-%m-%d"), at=rows[c]) for name, rows, c in lines]
    return [f for p in points for f in facts(p, {"line": "line", "when": PERIOD}, {"at": ("forecast_course", "money")})]


def _named_ends(ax: Axes, ends: dict[str, tuple[float, str]], day: pd.Timestamp, currency: str) -> None:
    """Name lines at their right end, apart from one another."""
    low, high = ax.get_ylim()
    spots = style.apart({name: value for name, (value, _) in ends.items()}, 0.08 * (high - low))
    for name, (value, ink) in ends.items():
        said = f"{name} {style.money(value, currency)}"
        ax.annotate(
            said, (day, spots[name]), xytext=(10, 0), textcoords="offset points", va="center", color=ink, fontweight="bold",
            annotation_clip=False,
        )  # fmt: skip
    ax.margins(x=0.02)


def _finding(course: pd.DataFrame, calls: pd.DataFrame | None, currency: str) -> Sentence:
    """Say which way the forecast went since its first week of the quarter, and which way the leads' commit."""
    forecast, said = _moved("forecast_p50", course["p50"], "The forecast", currency)
    if calls is None:
        return Sentence(said, [forecast])
    commit, words = _moved("lead_commit", calls["commit"].dropna(), "the leads' commit", currency)
    return Sentence(f"{said}, {words}", [forecast, commit])


def _moved(metric: str, line: pd.Series, name: str, currency: str) -> tuple[Claim | None, str]:
    now, then = line.iloc[-1], line.iloc[0]
    claim = first(metric, MOVED, {"now": now, "before": then}, "since the quarter's first weeks", "money")
    if len(line) < 2 or claim.predicate == "stood still":
        return amounts(metric, now), f"{name} is {style.money(now, currency)}"
    return claim, f"{name} {claim.predicate} to {style.money(now, currency)}"
