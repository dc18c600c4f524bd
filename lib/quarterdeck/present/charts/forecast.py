"""What do the forecast, its past errors and the pipeline look like?"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.analysis.forecasting.ledger import EVERY
from quarterdeck.analysis.forecasting.months_ahead import on_as_many
from quarterdeck.analysis.methods.claims import BESIDE, amounts, apart, first, most, part
from quarterdeck.analysis.methods.intervals import difference
from quarterdeck.analysis.planning.goal_seek import BEHIND
from quarterdeck.analysis.planning.scenarios import either_way, growth
from quarterdeck.present import style
from quarterdeck.present.facts.forecast import LEVER_WORDS, by_lever, goal_met, sure_parts
from quarterdeck.present.sentences import Sentence, ended, wanted
from quarterdeck.present.stated import listed, states

NEWEST = 16  # forecasts drawn

CALLS = {"commit": style.NAVY, "best": style.US, "pipeline": style.SOFT}


def landing_strip(landing: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw sales so far, the range of the quarter's end and the target on one line (`analysis.forecasting.quarter_end.landing`)."""
    row = landing.iloc[0]
    over, ax = ended(row, currency), style.axes(ax, height=1.9)
    ax.barh(0, row["seen"], height=0.42, color=style.US)
    ax.barh(0, row["p50"] - row["seen"], left=row["seen"], height=0.42, color=style.US, alpha=0.25)  # layout
    marks = [("in all" if over else "so far", row["seen"], style.US, "right")]
    if not over:
        ax.hlines(0, row["p10"], row["p90"], color=style.NAVY, linewidth=3)
        ax.scatter(row["p50"], 0, s=60, color=style.NAVY, zorder=3)
        marks.append(("forecast", row["p50"], style.NAVY, "left"))
    if pd.notna(row["target"]):
        ax.vlines(row["target"], -0.42, 0.42, color=style.PLAN, linewidth=2.5)
        marks.append((wanted(row), row["target"], style.PLAN, "right"))
    for name, value, ink, side in marks:
        said, low = f"{name} {style.money(value, currency)}", -0.62 if ink == style.PLAN else 0.48
        aside = {"xytext": (3 if side == "left" else -3, 0), "textcoords": "offset points"}
        ax.annotate(said, (value, low), ha=side, color=ink, fontsize=9.5, **aside)
    ax.set_ylim(-0.85, 0.9)
    ax.set_yticks([])
    ax.grid(visible=False, axis="y")
    ax.set_xlim(0, 1.12 * row[["p90", "target", "seen"]].max())
    style.money_axis(ax.xaxis, currency)
    claim = amounts("forecast_p50", row["p50"], low=row["p10"], high=row["p90"])
    heading = Sentence(f"The quarter is heading for {style.money(row['p50'], currency)}", [claim])
    question = f"Where will the quarter end? {currency}; line: 80 % range"
    return style.title(ax, over or heading, f"Where did the quarter end? {currency}" if over else question)


def origin_dots(origins: pd.DataFrame, landing: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what would have been forecast on this day of each past quarter, and what came of it.

    Parameters
    ----------
    origins, landing : DataFrame
        As `analysis.forecasting.quarter_end.origins` and `landing` give them.
    """
    ax = style.axes(ax)
    row = landing.iloc[0]
    ax.vlines(origins.index, origins["forecast"], origins["actual"], color=style.SOFT, linewidth=1.5)
    ax.scatter(origins.index, origins["actual"], s=42, color=style.US, zorder=3, label="how it ended")
    open_dot = {"facecolor": "white", "edgecolor": style.NAVY, "zorder": 4}
    ax.scatter(origins.index, origins["forecast"], s=42, label="forecast on this day of the quarter", **open_dot)
    ax.vlines(len(origins) - 1, row["p10"], row["p90"], color=style.NAVY, linewidth=2)
    ax.set_xticks(range(len(origins)), origins["label"], rotation=45 if len(origins) > 9 else 0)
    style.legend_below(ax)
    style.money_axis(ax.yaxis, currency)
    finding = Sentence("These are past quarters, as they ended")
    if pd.notna(row["wape"]):
        said = f"On this day of a quarter, past forecasts missed its end by {style.percent(row['wape'])}"
        finding = Sentence(said, [amounts("forecast_error", row["wape"], "this day of past quarters")])
    return style.title(ax, finding, f"How wrong was this forecast before? The whole quarter, {currency}")


def fan_lines(fan: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw months past and months forecast, with their interval (`analysis.forecasting.months_ahead.fan`)."""
    ax = style.axes(ax)
    past, future = fan[fan["actual"].notna()].tail(36), fan[fan["middle"].notna()]
    ax.plot(past["start"], past["actual"], color=style.US)
    ax.fill_between(future["start"], future["low"], future["high"], color=style.US, alpha=0.2, linewidth=0)
    ax.plot(future["start"], future["middle"], color=style.US, linestyle="--")
    end = future.iloc[-1]
    begin, beside = past.iloc[0], {"textcoords": "offset points", "va": "center"}
    ax.annotate("actual", (begin["start"], begin["actual"]), xytext=(-6, 0), ha="right", color=style.US, **beside)
    ax.annotate("forecast", (end["start"], end["middle"]), xytext=(6, 0), **beside)
    ax.margins(x=0.09)
    ax.set_ylim(bottom=0)
    style.money_axis(ax.yaxis, currency)
    finding = _months_finding(future, past["actual"], currency)
    return style.title(
        ax, finding, f"What will the months ahead bring? Sales by month, {currency}; shaded: the interval"
    )


@states({"part": "=dimension"}, middle=("revenue_ahead", "money"))
def part_dots(parts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how much more each part will sell next year than last, with its interval (`analysis.forecasting.months_ahead.parts`)."""
    ax = style.rows(ax, len(parts) + parts["dimension"].nunique() - 1, each=0.34)  # layout
    gap = (parts["dimension"] != parts["dimension"].shift()).cumsum() - 1
    spots = -(parts.index + gap)
    ink = [style.US if sure else style.SOFT for sure in parts["sure"]]
    ax.hlines(spots, parts["low_change"], parts["high_change"], color=ink, linewidth=2)
    ax.scatter(parts["change"], spots, color=ink, s=44, zorder=3)
    ax.axvline(0, color=style.INK, linewidth=1)
    ax.set_yticks(spots, parts["part"])
    ax.set_ylim(min(spots) - 0.6, 0.6)
    style.percent_axis(ax.xaxis)
    ax.set_xlabel("next twelve months against the last twelve")
    return style.title(
        ax,
        _parts_finding(parts),
        "Where does the growth come from? Change, %; grey: the interval does not leave zero out",
    )


def pipeline_bars(by_stage: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the open amount and what of it is likely won this quarter, stage by stage.

    Parameters
    ----------
    by_stage : DataFrame
        As `analysis.pipeline.win_chances.by_stage` gives it.
    """
    ax = style.axes(ax, height=1.5 + 0.5 * len(by_stage))
    spots = list(range(len(by_stage) - 1, -1, -1))
    ax.barh(spots, by_stage["amount"], color=style.US, alpha=0.25, height=0.6)
    ax.barh(spots, by_stage["worth"], color=style.US, height=0.6)
    for spot, row in zip(spots, by_stage.itertuples(), strict=True):
        said = (
            f" {style.counted(row.deals, 'deal')}, {style.money(row.worth, currency)} or {style.percent(row.chance, 0)}"
        )
        ax.annotate(said, (row.amount, spot), va="center", fontsize=9.5)
    ax.set_yticks(spots, by_stage["stage"])
    ax.tick_params(axis="y", labelcolor=style.INK)
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    ax.set_xlim(0, 1.5 * by_stage["amount"].max())
    style.money_axis(ax.xaxis, currency)
    worth, whole = by_stage["worth"].sum(), by_stage["amount"].sum()
    said = f"By its deals' chances, {style.money(worth, currency)} of {style.money(whole, currency)} is to be won this quarter"
    finding = Sentence(said, [amounts("pipeline_open", whole), amounts("pipeline_worth", worth)])
    return style.title(
        ax, finding, f"What is the pipeline worth this quarter? {currency}; pale: open, full: weighted by chance"
    )


def call_lines(calls: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw by how much calls of each category were too high or too low, as the quarter went on.

    Parameters
    ----------
    calls : DataFrame
        As `analysis.forecasting.quarter_end.call_accuracy` gives it.
    """
    ax = style.axes(ax)
    ends = calls.sort_values("weeks_left").drop_duplicates("category").set_index("category")["error"]
    spots = style.apart(ends.to_dict(), 0.045 * (calls["high"].max() - min(calls["low"].min(), 0)))  # layout
    for category, rows in calls.groupby("category"):
        ink = CALLS.get(category, style.SOFT)
        ax.fill_between(rows["weeks_left"], rows["low"], rows["high"], color=ink, alpha=0.15, linewidth=0)
        ax.plot(rows["weeks_left"], rows["error"], color=ink, marker="o", markersize=4)
        beside = {
            "xytext": (5, 0),
            "textcoords": "offset points",
            "va": "center",
            "fontsize": 9.5,
            "bbox": style.CLEARED,
        }
        ax.annotate(category, (rows["weeks_left"].min(), spots[category]), color=ink, **beside)
    ax.axhline(0, color=style.INK, linewidth=1)
    ax.set_xlim(calls["weeks_left"].max() + 0.5, calls["weeks_left"].min() - 2)  # layout
    ax.set_xlabel("weeks to the end of the quarter")
    style.percent_axis(ax.yaxis)
    return style.title(
        ax, _calls_finding(calls), "Are calls true? Called over actual, less one, %; shaded: 90 % interval of the mean"
    )


def bookings_bar(ahead: pd.DataFrame, goal: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what is booked and what is to come, with commit and pipeline (`win_chances.bookings_ahead`,
    `goal_seek.quarter_goal`)."""
    ax = style.axes(ax, height=2.3)
    row, left = ahead.iloc[0], 0.0
    for column, text, alpha in (
        ("booked", "booked", 1.0),
        ("open_worth", "open deals", 0.45),
        ("to_come", "to come", 0.2),
    ):
        ax.barh(0, row[column], left=left, color=style.US, alpha=alpha, height=0.5)
        if row[column] > 0.08 * row["pipeline"]:
            tone, where = ("white" if alpha == 1.0 else style.INK), (left + row[column] / 2, 0)  # layout
            said = f"{text}\n{style.money(row[column], currency)}"
            ax.annotate(said, where, ha="center", va="center", color=tone, fontsize=9)
        left += row[column]  # layout
    _ends(ax, row, currency)
    wanted = goal["goal"].max() if len(goal) else np.nan
    if pd.notna(wanted):
        ax.vlines(wanted, -0.34, 0.34, color=style.PLAN, linewidth=2.4)
        ax.annotate(
            f" goal {style.money(wanted, currency)}", (wanted, -0.34), color=style.PLAN, fontsize=9, va="center"
        )
    ax.set(ylim=(-0.45, 0.75), xlim=(0, 1.15 * np.nanmax([row["pipeline"], wanted])))
    ax.set_yticks([])
    style.money_axis(ax.xaxis, currency)
    claim = amounts("bookings_ahead", row["best"], low=row["commit"], high=row["pipeline"])
    finding = Sentence(f"The pipeline takes bookings to {style.money(row['best'], currency)}", [claim])
    question = f"What will the pipeline bring this quarter? Bookings, {currency}; line: 80 % range"
    return style.title(ax, finding, question)


def lever_dots(seek: pd.DataFrame, record: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what each lever has been, is and would have to be (`goal_seek.seek`, `goal_seek.lever_record`); each against its usual
    level."""
    ax = style.rows(ax, len(seek), each=0.55)
    spots = list(range(len(seek) - 1, -1, -1))
    for spot, row in zip(spots, seek.itertuples(), strict=True):
        past = growth(record[row.lever], row.usual)
        ax.scatter(past, [spot] * len(past), s=22, color=style.LINE, edgecolor=style.SOFT, linewidth=0.6, zorder=2)
        ax.scatter(row.change, spot, s=70, color=style.PLAN, marker="D", zorder=4)
        if pd.notna(row.together):
            moved, ring = growth(row.together, row.usual), {"facecolor": "white", "edgecolor": style.PLAN, "zorder": 4}
            ax.scatter(moved, spot, s=56, marker="D", **ring)
        said = f"  reached in {row.reached} of {style.counted(row.quarters, 'quarter')}"
        ax.annotate(said, (1.0, spot), xycoords=("axes fraction", "data"), va="center", fontsize=9, color=style.INK)
    ax.axvline(0, color=style.INK, linewidth=1)
    ax.set_yticks(spots, [LEVER_WORDS[lever] for lever in seek["lever"]])
    ax.set_xlabel("against the usual level of four quarters")
    style.percent_axis(ax.xaxis)
    ask = "What would reach the goal? Full: one lever alone; open: four together"
    if met := goal_met(seek):
        ask = "What would still reach the goal? Full: one lever alone; open: four together"
    return style.title(ax, met or _lever_finding(seek), f"{ask}; dots: past quarters")


def reliability_dots(reliability: pd.DataFrame, trial: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how deals ended by the chance that was estimated (`analysis.pipeline.win_chances.reliability`, `trial`)."""
    ax = style.truth_dots(ax, reliability)
    off = trial.set_index("way")["error"]["model"]
    said = f"Chances were off by {style.points(off).lstrip('+')} on average"
    finding = Sentence(said, [amounts("chance_error", off, "chances: model")])
    return style.title(
        ax, finding, "Do the deals' chances come true? Tenths of the deals of four unseen quarters; line: 90 % interval"
    )


def ledger_rows(scored: pd.DataFrame, scores: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the newest forecasts that were published, each with what came and with the plain guess.

    Parameters
    ----------
    scored, scores : DataFrame
        As `analysis.forecasting.ledger.scored` and `scores` give them; revenue is drawn, bookings where there is none.
    """
    metric = "revenue" if scored["metric"].eq("revenue").any() else scored["metric"].iloc[0]
    newest = scored[scored["metric"] == metric].tail(NEWEST)
    ax = style.rows(ax, len(newest), each=0.34)
    spots = range(len(newest) - 1, -1, -1)
    ax.hlines(spots, newest["p10"], newest["p90"], color=style.US, linewidth=4, alpha=0.3, label="80 % range")
    ax.scatter(newest["p50"], spots, s=44, facecolor="white", edgecolor=style.NAVY, zorder=3, label="forecast")
    ax.scatter(newest["naive"], spots, s=30, color=style.SOFT, marker="x", zorder=2, label="plain guess")
    ax.scatter(newest["actual"], spots, s=40, color=style.US, zorder=4, label="what came")
    weeks = [f"{style.counted(w, 'week')} left" for w in newest["weeks_left"].round().astype(int)]
    ax.set_yticks(spots, [f"{name}, {left}" for name, left in zip(newest["label"], weeks, strict=True)])
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14 - 0.3 / len(newest)), ncol=4)
    style.money_axis(ax.xaxis, currency)
    row = scores[(scores["metric"] == metric) & (scores["lead"] == EVERY)].iloc[0]
    finding = f"Published forecasts missed by {style.percent(row['wape'])}"
    if pd.notna(row["naive_wape"]):
        finding += f", a plain guess by {style.percent(row['naive_wape'])}"
    finding = Sentence(
        finding, [amounts("forecast_error", row["wape"], f"published: {metric}", plain=row["naive_wape"])]
    )
    return style.title(ax, finding, f"How true were the forecasts? {metric.capitalize()} of the span, {currency}")


def scenario_rows(
    scenario: pd.DataFrame, base: pd.DataFrame | None = None, ax: Axes | None = None, currency: str = "EUR"
) -> Axes:
    """Draw the quarters' bookings under a scenario, in grey as they are without it (`analysis.planning.scenarios.scenario`)."""
    ax = style.rows(ax, len(scenario), each=0.5)
    spots = np.arange(len(scenario) - 1, -1, -1)
    shifts = [(scenario, 0.0, style.US)] if base is None else [(base, 0.16, style.SOFT), (scenario, -0.1, style.US)]
    for quarters, shift, ink in shifts:
        ax.hlines(spots + shift, quarters["p10"], quarters["p90"], color=ink, linewidth=5, alpha=0.35)
        ax.scatter(quarters["p50"], spots + shift, color=ink, s=44, zorder=3)
    for spot, row in zip(spots, scenario.itertuples(), strict=True):
        said = f"  {style.money(row.p50, currency)}"
        if pd.notna(row.goal):
            ax.vlines(row.goal, spot - 0.3, spot + 0.34, color=style.PLAN, linewidth=2.4)
            said += f", goal {style.money(row.goal, currency)}: {style.chance(row.chance)}"
        side = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 9.5}
        ax.annotate(said, (1.0, spot), color=style.INK, **side)
    ax.set_yticks(spots, scenario["quarter"])
    ax.set_ylim(-0.5, len(scenario) - 0.4)
    style.money_axis(ax.xaxis, currency)
    ends = {"p10": "low, 10 %", "p50": "forecast", "p90": "high, 90 %", "goal": "goal"}
    ax.facts = [
        fact
        for column, name in ends.items()
        for fact in listed(
            "bookings_course", "line", zip(scenario["quarter"], scenario[column], strict=True), period=name
        )
    ]
    now = scenario.iloc[0]
    claim = amounts("bookings_ahead", now["p50"], now["quarter"], low=now["p10"], high=now["p90"])
    finding = Sentence(f"Bookings end {now['quarter']} at {style.money(now['p50'], currency)}", [claim])
    grey = "" if base is None else "; grey: as now"
    return style.title(
        ax, finding, f"Where do this and the next quarters end? Bookings, {currency}; bar: 80 % range{grey}"
    )


def tornado_bars(tornado: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what a usual swing of each lever does to the quarter's bookings, the widest on top
    (`analysis.planning.scenarios.tornado`)."""
    ax = style.rows(ax, len(tornado), each=0.5)
    spots = list(range(len(tornado) - 1, -1, -1))
    for spot, row in zip(spots, tornado.itertuples(), strict=True):
        for moved, way, other in (
            (row.change_less, "lower", row.change_more),
            (row.change_more, "higher", row.change_less),
        ):
            right = moved > other or (moved == other and way == "higher")
            ax.barh(spot, moved, height=0.52, color=style.US if moved >= 0 else style.SOFT)
            near = {"xytext": (4 if right else -4, 0), "textcoords": "offset points", "va": "center", "fontsize": 9}
            said = f"{way}: {style.change(moved) if abs(moved) >= 5e-4 else 'no change'}"
            ax.annotate(said, (moved, spot), ha="left" if right else "right", color=style.INK, **near)
    ax.axvline(0, color=style.INK, linewidth=1)
    wide = tornado[["change_less", "change_more"]].abs().max(axis=None)
    ax.set_xlim(-1.5 * max(wide, 1e-3), 1.5 * max(wide, 1e-3))
    swing = [f"{LEVER_WORDS[v]} (±{style.percent(s)})" for v, s in zip(tornado["lever"], tornado["swing"], strict=True)]
    ax.set_yticks(spots, swing)
    style.percent_axis(ax.xaxis, 1)
    ax.facts = [
        fact
        for column, way in (("change_less", "lower"), ("change_more", "higher"))
        for fact in listed("lever_swing", "lever", zip(swing, tornado[column], strict=True), "change", way)
    ]
    top = most("lever_effect", by_lever(either_way(tornado), "now"), "this quarter")
    said = f"{top.name} moves the quarter most: {style.money(top.figures['now'], currency)} either way"
    finding = Sentence(said, [top])
    return style.title(ax, finding, "What does a usual swing of each lever do? The quarter's bookings, % on as now")


def _ends(ax: Axes, row: pd.Series, currency: str) -> None:
    """Draw commit, best case and pipeline over the bar."""
    ax.hlines(0.38, row["commit"], row["pipeline"], color=style.NAVY, linewidth=2.4)
    ax.scatter(row["best"], 0.38, color=style.NAVY, s=42, zorder=4)
    words = {"commit": "commit", "best": "best case", "pipeline": "pipeline"}
    said = ", ".join(f"{word} {style.money(row[column], currency)}" for column, word in words.items())
    above = {"xytext": (0, 8), "textcoords": "offset points"}
    ax.annotate(said, (row["pipeline"], 0.38), ha="right", color=style.NAVY, fontsize=9, **above)


def _lever_finding(seek: pd.DataFrame) -> Sentence:
    """Say which lever has most often been so good as it alone would have to be, or that none ever has."""
    quarters = seek["quarters"].iloc[0]
    now = seek[~seek["lever"].isin(BEHIND)]  # the others work through these, and later
    top = most("lever", by_lever(now, "reached"), "quarters in which it was so good")
    often = part("lever", top.figures["now"], quarters, top.subject)
    if not often.figures["n"]:
        return Sentence(
            f"None of velocity's levers alone has been so good in {style.counted(quarters, 'quarter')}", [often]
        )
    said = f"Nearest: {top.name.lower()}, so good in {often.figures['n']} of {style.counted(quarters, 'quarter')}"
    return Sentence(said, [top, often])


def _months_finding(future: pd.DataFrame, actual: pd.Series, currency: str) -> Sentence:
    """Say what the months ahead bring, and how that stands to as many months past; errors are taken to go together."""
    low, now, high, before, change = on_as_many(future, actual).iloc[0]
    months = len(future)
    said = f"The next {style.counted(months, 'month')}: {style.money(now, currency)}"
    whole = amounts("revenue_ahead", now, low=low, high=high, n=months)
    if pd.isna(change):
        return Sentence(said, [whole])
    claim = first("revenue_ahead", BESIDE, {"now": now, "than": before}, "the months ahead on as many past")
    sure = apart("revenue_ahead", low, high, claim.subject, against=before)
    doubt = f" ({'growth' if now > before else 'decline'} not sure)" if sure.predicate == "not clear" else ""
    return Sentence(f"{said}, {style.change(change)} on the last {months}{doubt}", [whole, claim, sure])


def _parts_finding(parts: pd.DataFrame) -> Sentence:
    """Say of the parts that surely change which changes most, else that none does."""
    sure = parts[parts["sure"]]
    if sure.empty:
        none = part("revenue_ahead", 0, len(parts), "surely change")
        return Sentence("No part is sure to grow or to shrink", [none])
    size = difference(sure["middle"], sure["past"]).abs()
    top = most("revenue_ahead", size.set_axis(sure["part"]), "change of the sure parts")
    change = sure["change"][size.idxmax()]
    way = amounts("revenue_ahead", change, f"change: {top.name}")
    return Sentence(f"Of what is sure, {top.name} changes most: {style.change(change)}", [top, way, *sure_parts(parts)])


def _calls_finding(calls: pd.DataFrame) -> Sentence:
    """Say which call was farthest off, and whether that was more than chance."""
    row = calls.loc[calls["error"].abs().idxmax()]
    far = most("call_error", calls.set_index("category")["error"].abs(), "call")
    claim = apart("call_error", row["low"], row["high"], far.subject)
    size = style.percent(far.figures["now"], 0)
    how = {"above": f"{size} too high", "below": f"{size} too low", "not clear": f"{size} off, which may be chance"}
    said = f"At its worst, “{far.name}” was called {how[claim.predicate]}"
    return Sentence(said, [far, claim])
