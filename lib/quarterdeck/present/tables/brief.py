"""What does a chief look at first? The tiles with target, last year, course and status, and what moved since the last run."""

import html
import re
from typing import Any

import pandas as pd

from quarterdeck.present import style, tables
from quarterdeck.present.inline_style import styled
from quarterdeck.present.numbers import PARTS
from quarterdeck.present.sentences import Said, Sentence
from quarterdeck.present.tables import KPI_MIME, RECORDED, not_shown, plain, spread

BLOCKS = "▁▂▃▄▅▆▇█"
NEEDED = ("pipeline_coverage", "next_pipeline")  # held against what is needed, not a target
SPARK = 110, 30  # pixels


def scorecard(card: pd.DataFrame, trail: pd.DataFrame, currency: str = "EUR") -> Said:
    """Lay out the scorecard as tiles, each with its course over the quarters, and record its figures.

    Parameters
    ----------
    card : DataFrame
        As `analysis.brief.scorecard` gives it.
    trail : DataFrame
        As `metrics.trail` gives it.
    """
    known = card[card["value"].notna()]
    courses = {metric: rows["value"].tolist() for metric, rows in trail.groupby("metric")}
    said = [status(kpi, currency) for kpi in known.itertuples()]
    pairs = list(zip(known.itertuples(), said, strict=True))
    tiles = "".join(
        _tile(kpi, sentence, [*courses.get(kpi.metric, []), kpi.value], currency) for kpi, sentence in pairs
    )
    shown = [*RECORDED, "title", "better", "previous", "target", "aim", "state"]
    figures = zip(plain(known[shown]), said, strict=True)
    records = [sentence.record("figure") | figure for figure, sentence in figures]
    for record in records:
        record["course"] = blocks([*courses.get(record["metric"], []), record["value"]])
    markup = f'<section class="tiles">{tiles}</section>{not_shown(card)}'
    return Said(styled(markup), records, {KPI_MIME: plain(known[[*RECORDED, "target"]])})


def since_last(moves: pd.DataFrame, currency: str = "EUR") -> Said:
    """Say of each figure what the last run showed and how it has changed (`analysis.brief.scorecard.since_last`)."""
    day = style.day(moves["then_on"].iloc[0])
    said = [_moved(row, currency) for row in moves.itertuples()]
    cells = [
        [
            row.title,
            style.amount(row.then, row.unit, currency),
            style.amount(row.now, row.unit, currency),
            str(sentence),
        ]
        for row, sentence in zip(moves.itertuples(), said, strict=True)
    ]
    heads = "".join(f"<th>{h}</th>" for h in ("Figure", day, "Now", "Since"))
    heads = heads.replace("<th>", '<th style="text-align:left">', 1)
    rows = "".join(
        f'<tr><td style="text-align:left">{html.escape(row[0])}</td>'
        + "".join(f"<td>{html.escape(c)}</td>" for c in row[1:])
        + "</tr>"
        for row in cells
    )
    markup = f'<table class="dataframe since"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    extra = [{"day": day, "title": c[0], "then": c[1], "now": c[2]} for c in cells]
    return Said(markup, [sentence.record("since") | e for sentence, e in zip(said, extra, strict=True)])


def status(kpi: Any, currency: str = "EUR") -> Sentence:
    """Say in a few words how a figure stands, with the claim that this is; an empty sentence where nothing can be said."""
    claim = kpi.claim
    if claim is None:
        return Sentence("")
    target = "" if pd.isna(kpi.target) else style.amount(kpi.target, kpi.unit, currency)
    aim = f"{target} that is needed" if kpi.metric in NEEDED else f"{kpi.aim} of {target}"
    words = {
        "reached": f"reached the {aim}",
        "short of": f"short of the {aim}",
        "heading above": f"heading above the {aim}",
        "within reach of": f"within reach of the {aim}",
        "heading below": f"heading below the {aim}",
    }
    if claim.predicate in words:
        return Sentence(words[claim.predicate], [claim])
    return tables.status(kpi, currency)


def blocks(values: list[float]) -> str:
    """Draw a course in letters, for readers without pictures.

    >>> blocks([1.0, 2.0, 3.0]), blocks([5.0])
    ('▁▄█', '')
    """
    low, reach = min(values), max(values) - min(values)
    return "".join(BLOCKS[int((v - low) / reach * 7)] for v in values) if len(values) > 1 and reach else ""  # layout


def _moved(row: Any, currency: str) -> Sentence:
    if row.claim.predicate == "stood still":
        return Sentence("as it was", [row.claim])
    side = "up" if row.claim.predicate == "rose" else "down"
    size = (
        style.points(abs(row.moved)).lstrip("+")
        if row.unit in PARTS
        else style.amount(abs(row.moved), row.unit, currency)
    )
    tiny = not re.search("[1-9]", size)
    return Sentence(f"{side}, but by next to nothing" if tiny else f"{side} {size}", [row.claim])


def _tile(kpi: Any, sentence: Sentence, course: list[float], currency: str) -> str:
    state = f'<span class="status"><i></i>{html.escape(sentence)}</span>' if sentence else ""
    feet = [html.escape(kpi.period)]
    if pd.notna(kpi.target) and kpi.target != 1:
        aim = "needed" if kpi.metric in NEEDED else kpi.aim
        feet.append(f"{aim} {style.amount(kpi.target, kpi.unit, currency)}")
    if pd.notna(kpi.previous):
        feet.append(f"last year {style.amount(kpi.previous, kpi.unit, currency)}")
    return (
        f'<div class="tile {kpi.state}"><span class="label">{html.escape(kpi.title)}</span><span class="row">'
        f'<strong style="white-space:nowrap">'
        f"{style.amount(kpi.value, kpi.unit, currency)}</strong>{_spark(course)}</span>"
        f'<span class="sub">{spread(kpi, currency)}</span>{state}<span class="foot">{" · ".join(feet)}</span></div>'
    )


def _spark(course: list[float]) -> str:
    """Draw a course as a line; nothing where there are fewer than three points."""
    if len(course) < 3 or max(course) == min(course):
        return ""
    (width, height), low, reach = SPARK, min(course), max(course) - min(course)
    points = [
        (4 + k * (width - 8) / (len(course) - 1), height - 4 - (v - low) / reach * (height - 8))  # layout
        for k, v in enumerate(course)
    ]
    line, (x, y) = " ".join(f"{x:.1f},{y:.1f}" for x, y in points), points[-1]
    return (
        f'<svg class="spark" style="width:84px;min-width:16px;flex:0 1 84px" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Course over {style.counted(len(course), "point")}">'
        f'<polyline points="{line}" fill="none" stroke="currentColor"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/></svg>'
    )
