"""How does a chart become one of PowerPoint's own, which can be edited there?"""

import math
from typing import Any

from lxml import etree
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_LEGEND_POSITION,
    XL_MARKER_STYLE,
    XL_TICK_LABEL_POSITION,
)
from pptx.enum.dml import MSO_LINE
from pptx.util import Inches, Pt

from quarterdeck.present import style
from quarterdeck.present.numbers import SYMBOLS
from quarterdeck.publish.exports.content import Box, Chart, Fact

SMALL = 12  # points of all text in a chart
FONT = "Arial"
KINDS = {
    "line": XL_CHART_TYPE.LINE,
    "bar": XL_CHART_TYPE.BAR_CLUSTERED,
    "column": XL_CHART_TYPE.COLUMN_CLUSTERED,
    "stacked": XL_CHART_TYPE.BAR_STACKED,
    "waterfall": XL_CHART_TYPE.COLUMN_STACKED,
}
INKS = {"target": style.PLAN, "goal": style.PLAN, "plan": style.PLAN, "quota": style.PLAN, "leads' commit": style.INK}
ORDER = [style.US, "#8fb7c9", style.NAVY, style.SOFT]
BASE, TOTAL, UP, DOWN = "below", "total", "adds", "takes away"  # series of a waterfall
SPACE = "http://schemas.openxmlformats.org/drawingml/2006/chart"


def place(slide: Any, chart: Chart, corner: tuple[float, float], box: Box, title: str) -> Any:
    """Draw a chart into a box of a slide (inches), with a text alternative that says what it finds and asks; give its shape."""
    left, top, wide, high = box
    data = CategoryChartData()  # it would write the format of figures into XML as it is
    data.categories = chart.categories if chart.kind != "waterfall" else _with_amounts(chart)
    for name, values in _values(chart).items():
        data.add_series(name, values)
    spot = [Inches(v) for v in (corner[0] + left, corner[1] + top, wide, high)]
    shape = slide.shapes.add_chart(KINDS[chart.kind], *spot, data)
    shape.name = chart.caption
    shape._element.nvGraphicFramePr.cNvPr.set("descr", f"{title}. {chart.caption}")
    _look(shape.chart, chart)
    return shape


def number_format(chart: Chart) -> str:
    """Give the format in which a chart writes its figures, so that they read as on the page.

    >>> number_format(Chart("bar", [], {}, "ratio", "EUR", ""))
    '0.0 %'
    """
    if chart.unit == "money":
        sign = SYMBOLS.get(chart.currency, f"{chart.currency} ").replace(" ", "\\ ")
        return f'[>=999500]"{sign}"0.0,,"m";[<=-999500]\\-"{sign}"0.0,,"m";"{sign}"#,##0,"k"'
    return {"ratio": "0.0 %", "chance": "0 %", "change": "+0.0 %;-0.0 %;0 %"}.get(chart.unit, "#,##0")


def _of(facts: list[Fact | None]) -> list[float | None]:
    return [None if fact is None else fact["value"] for fact in facts]


def _values(chart: Chart) -> dict[str, list[float | None]]:
    """Give what PowerPoint draws: the series as they are, or a waterfall's as bars on others that do not show."""
    if chart.kind != "waterfall":
        return {name: _of(facts) for name, facts in chart.drawn().items()}
    amounts = _of(next(iter(chart.series.values())))
    last, below, run = len(amounts) - 1, [], amounts[0]
    for spot, amount in enumerate(amounts):
        ends = spot in (0, last)
        below.append(0.0 if ends else min(run, run + amount))
        run = run if ends else run + amount
    floor = [0.0 if b < 0 else b for b in below]  # across zero bars begin there
    middle = range(1, last)
    return {
        BASE: floor,
        TOTAL: [a if k in (0, last) else 0.0 for k, a in enumerate(amounts)],
        UP: [a if k in middle and a >= 0 else 0.0 for k, a in enumerate(amounts)],
        DOWN: [-a if k in middle and a < 0 else 0.0 for k, a in enumerate(amounts)],
    }


def read_back(chart: Chart, drawn: Any) -> list[Fact]:
    """Give the facts that a chart of a finished file states: those it was made from, with the values that stand in the file."""
    found = {series.name: list(series.values) for plot in drawn.plots for series in plot.series}
    if chart.kind == "waterfall":
        (facts,) = chart.series.values()
        amounts = [t + u - d for t, u, d in zip(found[TOTAL], found[UP], found[DOWN], strict=True)]
        return [fact | {"value": amount} for fact, amount in zip(facts, amounts, strict=True) if fact]
    return [
        fact | {"value": value}
        for name, facts in chart.drawn().items()
        for fact, value in zip(facts, found[name], strict=True)
        if fact and value is not None
    ]


def _with_amounts(chart: Chart) -> list[str]:
    """Write each step's amount below its name: the label of a thin bar would not be read."""
    (facts,) = chart.series.values()
    last = len(facts) - 1
    words = [style.money(f["value"], chart.currency) for f in facts]
    signed = [f"+{w}" if 0 < k < last and facts[k]["value"] > 0 else w for k, w in enumerate(words)]
    return [f"{name}\n{amount}" for name, amount in zip(chart.categories, signed, strict=True)]


def _look(drawn: Any, chart: Chart) -> None:
    drawn.font.size, drawn.font.name = Pt(SMALL), FONT
    drawn.font.color.rgb = _rgb(style.INK)
    drawn.has_title = False
    names = list(_values(chart))
    drawn.has_legend = chart.kind != "waterfall" and len(names) > 1
    if drawn.has_legend:
        drawn.legend.position, drawn.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    _axes(drawn, chart)
    for number, series in enumerate(drawn.plots[0].series):
        _ink(series, chart, number)
    if chart.kind == "line":
        drawn._chartSpace.chart.find(f"{{{SPACE}}}dispBlanksAs").set("val", "span")
    else:
        drawn.plots[0].gap_width = 20 if chart.kind == "column" else 40
        drawn.plots[0].overlap = 100 if chart.kind in ("stacked", "waterfall") else -5
        if chart.kind in ("bar", "column"):
            _labels(drawn.plots[0], chart)
    for series in drawn.plots[0].series:
        if series.name in chart.ends:
            _error_bars(series, chart)


def _axes(drawn: Any, chart: Chart) -> None:
    values, names = drawn.value_axis, drawn.category_axis
    values.major_gridlines.format.line.color.rgb = _rgb(style.LINE)
    values.format.line.fill.background()
    values.tick_labels.number_format, values.tick_labels.number_format_is_linked = number_format(chart), False
    names.format.line.color.rgb = _rgb(style.SOFT)
    names.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    names.has_major_gridlines = False
    if chart.kind in ("bar", "stacked"):
        names.reverse_order = True
        values.visible = chart.kind == "stacked"
        values.has_major_gridlines = chart.kind == "stacked"
    if _reach(chart)[0] >= 0:
        values.minimum_scale, values.major_unit = _ticks(chart)


def _ticks(chart: Chart) -> tuple[float, float]:
    """Give where an axis of money begins, and its step: at zero, but close below a line or a waterfall that stays far above it."""
    least, most = _reach(chart)
    if chart.kind not in ("line", "waterfall") or least <= 0.5 * most or least == most:
        return 0.0, _step(most / 5)
    step = _step((most - least) / 5)
    return least // step * step - (step if least % step < step / 5 else 0.0), step


def _reach(chart: Chart) -> tuple[float, float]:
    """Give the least and the largest value that a chart's marks reach."""
    lists = _values(chart)
    if chart.kind == "waterfall":
        below, total, up, down = (lists[name] for name in (BASE, TOTAL, UP, DOWN))
        tops = [b + t + u + d for b, t, u, d in zip(below, total, up, down, strict=True)]
        return min(b or t for b, t in zip(below, total, strict=True)), max(tops)
    reached = [v for values in lists.values() for v in values if v is not None]
    return min(reached), max(reached)


def _step(least: float) -> float:
    """Give a round step of an axis, at least so wide.

    >>> _step(0.7e6), _step(1.2), _step(3.0), _step(0.0)
    (1000000.0, 2.0, 5.0, 1.0)
    """
    if least <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(least))
    return next(round_ * scale for round_ in (1.0, 2.0, 5.0, 10.0) if round_ * scale >= least)


def _ink(series: Any, chart: Chart, number: int) -> None:
    name = series.name
    if chart.kind == "line":
        quiet = name.startswith(("low", "high"))
        ink = style.SOFT if quiet else INKS.get(name, style.US)
        series.smooth = False
        series.marker.style = XL_MARKER_STYLE.NONE
        series.format.line.color.rgb = _rgb(ink)
        series.format.line.width = Pt(1.25 if quiet else 2.5)
        if quiet or name == "leads' commit":
            series.format.line.dash_style = MSO_LINE.DASH if quiet else MSO_LINE.ROUND_DOT
        return _last_label(series, chart, ink)
    if chart.kind == "waterfall":
        ink = {TOTAL: style.NAVY, UP: style.US, DOWN: style.LOSS}.get(name)
    else:
        ink = INKS.get(name, ORDER[number % len(ORDER)])
    if ink is None:
        return series.format.fill.background()
    series.format.fill.solid()
    series.format.fill.fore_color.rgb = _rgb(ink)
    series.invert_if_negative = False


def _last_label(series: Any, chart: Chart, ink: str) -> None:
    """Write its last figure at the end of a line."""
    known = [k for k, fact in enumerate(chart.series[series.name]) if fact is not None]
    label = series.points[known[-1]].data_label
    label.position = XL_LABEL_POSITION.RIGHT
    frame = label.text_frame
    frame.text = style.money(chart.series[series.name][known[-1]]["value"], chart.currency)
    font = frame.paragraphs[0].runs[0].font
    font.size, font.bold, font.color.rgb = Pt(SMALL), True, _rgb(ink)


def _labels(plot: Any, chart: Chart) -> None:
    plot.has_data_labels = True
    labels = plot.data_labels
    labels.number_format, labels.number_format_is_linked = number_format(chart), False
    labels.show_value, labels.font.size, labels.font.name = True, Pt(SMALL), FONT
    labels.position = XL_LABEL_POSITION.INSIDE_BASE if chart.ends else XL_LABEL_POSITION.OUTSIDE_END
    if chart.ends:  # on the bars' own inks
        labels.font.color.rgb = _rgb("#ffffff")


def _error_bars(series: Any, chart: Chart) -> None:
    """Draw the ends of a series as its error bars, which python-pptx has no words for."""
    middle = _of(chart.series[series.name])
    low, high = (_of(chart.series[name]) for name in chart.ends[series.name])
    bars = etree.Element(f"{{{SPACE}}}errBars")
    for tag, value in (("errBarType", "both"), ("errValType", "cust"), ("noEndCap", "0")):
        etree.SubElement(bars, f"{{{SPACE}}}{tag}", val=value)
    for tag, ends, sign in (("plus", high, 1), ("minus", low, -1)):
        numbers = etree.SubElement(etree.SubElement(bars, f"{{{SPACE}}}{tag}"), f"{{{SPACE}}}numLit")
        etree.SubElement(numbers, f"{{{SPACE}}}formatCode").text = "General"
        etree.SubElement(numbers, f"{{{SPACE}}}ptCount", val=str(len(middle)))
        for spot, (at, end) in enumerate(zip(middle, ends, strict=True)):
            if at is not None and end is not None:
                point = etree.SubElement(numbers, f"{{{SPACE}}}pt", idx=str(spot))
                etree.SubElement(point, f"{{{SPACE}}}v").text = repr(sign * (end - at))
    series._element.find(f"{{{SPACE}}}cat").addprevious(bars)


def _rgb(ink: str) -> RGBColor:
    return RGBColor.from_string(ink.strip("#").upper())
