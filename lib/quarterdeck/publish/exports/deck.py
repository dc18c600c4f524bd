"""How does a finished run become a board deck? Native charts, tables and text, each in its box, and their sources in the notes."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.util import Inches, Pt

from quarterdeck.analysis.brief.figures import FIGURES
from quarterdeck.analysis.brief.metrics import METRICS
from quarterdeck.analysis.methods.claims import COMPARED, as_read
from quarterdeck.data import durable
from quarterdeck.present import style
from quarterdeck.publish.exports import measure, native, story, titles
from quarterdeck.publish.exports.content import (
    BODY_HEIGHT,
    BODY_WIDTH,
    GAP,
    QUIET,
    Block,
    Box,
    Chart,
    Slide,
    Table,
    Text,
    stacked,
)
from quarterdeck.publish.exports.run_reader import RunReader

WIDE, HIGH = Inches(13.333), Inches(7.5)
CORNER = 0.6, 1.55  # of a slide's body, inches
KICKER = 0.6, 0.22, BODY_WIDTH, 0.3  # what stands above the title
TITLE = 0.6, 0.48, BODY_WIDTH, 1.0  # its box
FOOT = 0.6, 6.98, BODY_WIDTH, 0.36
FONT, TITLE_ONLY = "Arial", 5
MOST = 10  # slides before the appendix
LEAST = 12  # points
TITLE_SIZES = (28, 26, 24, 22, 20, 18, 16)
LOOKS = {
    "head": (16, style.NAVY, True),
    "big": (20, style.INK, True),
    "body": (14, style.INK, False),
    "soft": (12, QUIET, False),
}
BETWEEN = 0.09  # inches below a line of text
MARGIN = 0.05, 0.09  # of a cell, above and beside, inches
LONGEST = 255  # characters of one of a file's properties
COLUMNS = ["Figure", "Now", "Range", "Target", "Last year", "How it stands"]
INKS = {"good": style.GOOD, "warn": style.WARN, "bad": style.LOSS}


def write(reader: RunReader, path: Path) -> int:
    """Write the deck of a region, whole or not at all; give how many slides it has."""
    deck = build(reader)
    durable.whole(path, lambda draft: deck.save(str(draft)))
    return len(deck.slides)


def build(reader: RunReader) -> Any:
    """Make the deck: at most ten slides, each headed by what it finds, and an appendix."""
    deck = _template()
    for slide in contents(reader):
        _slide(deck, reader, slide)
    _describe(deck, reader)
    return deck


def contents(reader: RunReader) -> list[Slide]:
    """Give what stands on each slide of a region's deck, the appendix last."""
    shown, left = story.slides(reader)
    return [*shown, scorecard(reader), *methods(reader, shown, left)]


def scorecard(reader: RunReader) -> Slide:
    """Give the appendix's first slide: all figures of the brief, with range, target, last year and how each stands."""
    figures, kpis = reader.of("figure"), reader.figures()
    title = titles.counting([f["state"] for f in figures])
    rows = [titles.row(f, kpis[f["metric"]], reader.facts["currency"]) for f in figures]
    inks = {(k, 5): INKS[f["state"]] for k, f in enumerate(figures) if f["state"] in INKS}
    table = Table(COLUMNS, rows, [2.7, 1.3, 2.3, 1.2, 1.2, 3.43], (1, 2, 3, 4), inks)
    claims = [*titles.claims(title), *(c for f in figures for c in f["claims"])]
    return Slide(f"Appendix: {title}", claims, stacked([table]), "", tuple(f["metric"] for f in figures))


def methods(reader: RunReader, shown: list[Slide], left: list[str]) -> list[Slide]:
    """Give the appendix's other slides: how the figures of the titles are computed, what it stands on, what is not shown."""
    ids = dict.fromkeys(name for s in shown for name in (*s.metrics, *(c["metric"] for c in s.claims)))
    rows = [[what.rstrip("."), how.rstrip(".")] for what, _, how in (defined(name).partition(": ") for name in ids)]
    table = Table(["Figure", "How it is computed, and after whom"], rows, [3.0, 9.1])
    aside = [("Not shown in this deck", "head"), *((line, "soft") for line in left)] if left else []
    text = Text([("What it stands on", "head"), (reader.stand, "body"), *aside])
    heights = _heights(table, BODY_WIDTH, 14)
    pages = [replace(table, rows=rows[a:b]) for a, b in _pages(heights)]
    used = sum(_heights(pages[-1], BODY_WIDTH, 14))
    high = _lines_height(text.lines, 0, BODY_WIDTH)
    slides = [stacked([page]) for page in pages]
    if used + GAP + high <= BODY_HEIGHT:
        slides[-1] = [(pages[-1], (0.0, 0.0, BODY_WIDTH, used + 0.05)), (text, (0.0, used + GAP, BODY_WIDTH, high))]
    else:
        slides.append(stacked([text]))
    return [Slide("Appendix: how the figures are computed, and from what", [], blocks) for blocks in slides]


def _pages(heights: list[float]) -> list[tuple[int, int]]:
    """Cut rows (the first height is of the headings) into pages that fit."""
    pages, begin, used = [], 0, heights[0]
    for k, high in enumerate(heights[1:]):
        if used + high > BODY_HEIGHT and k > begin:
            pages, begin, used = [*pages, (begin, k)], k, heights[0]
        used += high
    return [*pages, (begin, len(heights) - 1)]


def _describe(deck: Any, reader: RunReader) -> None:
    """Put into the file's properties what the run knows, in place of what the library's own template says."""
    made = datetime.fromisoformat(reader.facts["created_at"])
    about = deck.core_properties
    about.title, about.subject = reader.title[:LONGEST], reader.stand[-LONGEST:]
    about.keywords = f"run {reader.facts['run']}"
    about.author = about.last_modified_by = f"Quarterdeck {reader.facts.get('library', '')}".strip()
    about.comments, about.revision = "", 1
    about.created = about.modified = made.astimezone(UTC) if made.tzinfo else made
    package = deck.part.package
    for owner, unwanted in ((package, RELATIONSHIP_TYPE.THUMBNAIL), (deck.part, RELATIONSHIP_TYPE.PRINTER_SETTINGS)):
        for name in [name for name, rel in owner._rels.items() if rel.reltype == unwanted]:
            owner.drop_rel(name)
    extended = package.part_related_by(RELATIONSHIP_TYPE.EXTENDED_PROPERTIES)
    tree = etree.fromstring(extended.blob)
    tree[:] = []
    for name, value in {
        "Application": "Quarterdeck",
        "Slides": len(deck.slides),
        "Company": reader.facts["title"],
    }.items():
        etree.SubElement(tree, f"{{{tree.nsmap[None]}}}{name}").text = str(value)
    extended._blob = etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True)


def _template() -> Any:
    """Give an empty deck in the house's format, fonts and colours, with one layout."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = WIDE, HIGH
    for layout in [lay for k, lay in enumerate(deck.slide_layouts) if k != TITLE_ONLY]:
        deck.slide_layouts.remove(layout)
    master = deck.slide_masters[0]
    theme = master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    theme._blob = _themed(theme.blob)
    title = master.placeholders[0]
    title.left, title.top, title.width, title.height = map(Inches, TITLE)
    title.text_frame.vertical_anchor = MSO_ANCHOR.TOP
    for shape in [*master.placeholders][1:]:  # dates and numbers stand in the footer line
        shape._element.getparent().remove(shape._element)
    for shape in [p for p in deck.slide_layouts[0].placeholders if p.placeholder_format.idx]:
        shape._element.getparent().remove(shape._element)
    return deck


def _themed(theme: bytes) -> bytes:
    """Put the house's font and inks into a theme."""
    tree = etree.fromstring(theme)
    space = {"a": "http://schemas.openxmlformats.org/drawingml/2006/main"}
    for latin in tree.xpath("//a:majorFont/a:latin | //a:minorFont/a:latin", namespaces=space):
        latin.set("typeface", FONT)
    inks = {"dk2": style.NAVY, "accent1": style.US, "accent2": style.PLAN, "accent3": style.GOOD, "accent4": style.LOSS}
    for name, ink in inks.items():
        for slot in tree.xpath(f"//a:clrScheme/a:{name}", namespaces=space):
            slot[:] = [etree.Element(f"{{{space['a']}}}srgbClr", val=ink.strip("#").upper())]
    return etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True)


def notes(reader: RunReader, slide: Slide) -> str:
    """Say what the title claims, how the figures behind that and behind the rows are computed, and what all stands on."""
    ids = dict.fromkeys([*(c["metric"] for c in slide.claims), *slide.metrics])
    head = [slide.about, ""] if slide.about else []
    claimed = ["What the title claims", *map(claimed_as, slide.claims), ""] if slide.claims else []
    return "\n".join([*head, *claimed, "Method and source", *map(defined, ids), reader.stand])


def claimed_as(claim: dict[str, Any]) -> str:
    """Write a claim as one line: what of, the predicate that holds, and the figures that it holds of, as they read.

    >>> claimed_as({"metric": "revenue", "predicate": "rose", "subject": "", "figures": {"now": 3.0, "before": 2.0}})
    'revenue: rose (now 3, before 2)'
    """
    of = f" [{claim['subject']}]" if claim["subject"] else ""
    figures = {k: as_read(v, claim.get("unit", "")) if k in COMPARED else v for k, v in claim["figures"].items()}
    return f"{claim['metric']}{of}: {claim['predicate']} ({', '.join(f'{k} {v:.12g}' for k, v in figures.items())})"


def defined(figure: str) -> str:
    """Define a metric of the catalogue, or another figure that sentences speak of."""
    if figure in FIGURES:
        return f"{FIGURES[figure].definition}."
    return f"{METRICS[figure].title}: {METRICS[figure].formula} ({METRICS[figure].source})."


def _slide(deck: Any, reader: RunReader, content: Slide) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    frame = slide.shapes.title.text_frame
    frame.word_wrap = True
    text, size = measure.fitted(content.title.rstrip("."), (TITLE[2] - 0.2, TITLE[3] - 0.1), TITLE_SIZES, bold=True)
    frame.text = text
    frame.paragraphs[0].alignment = PP_ALIGN.LEFT
    _ink(frame.paragraphs[0].runs[0], size, style.NAVY, bold=True)
    if content.kicker:
        _line(_text_box(slide, KICKER), content.kicker, LEAST, style.PLAN, bold=True)
    for block, box in content.blocks:
        _place(slide, _unbroken(block), box, content.title)
    foot = _text_box(slide, FOOT)
    _line(foot, f"{reader.title} · {len(deck.slides)}", LEAST, QUIET)
    slide.notes_slide.notes_text_frame.text = notes(reader, content)


def _unbroken(block: Block) -> Block:
    """Keep a figure and its unit on one line."""

    def bound(text: str) -> str:
        for loose in (" %", " pp", "over 99", "under 1"):
            text = text.replace(loose, loose.replace(" ", "\xa0"))
        return text

    if isinstance(block, Text):
        return replace(block, lines=[(bound(text), look) for text, look in block.lines])
    if isinstance(block, Table):
        return replace(block, rows=[[bound(text) for text in row] for row in block.rows])
    return block


def _place(slide: Any, block: Block, box: Box, title: str) -> None:
    """Put a block into its box on a slide's body."""
    left, top, wide, high = box
    if isinstance(block, Text):
        return _texts(slide, block, (left + CORNER[0], top + CORNER[1], wide, high))
    if isinstance(block, Chart):
        head = measure.height(block.caption, LEAST, wide - 0.2) + 0.1
        _line(_text_box(slide, (left + CORNER[0], top + CORNER[1], wide, head)), block.caption, LEAST, QUIET)
        native.place(slide, block, CORNER, (left, top + head, wide, high - head), title)
        return None
    return _table(slide, block, (left + CORNER[0], top + CORNER[1], wide, high))


def _texts(slide: Any, block: Text, box: Box) -> None:
    """Write lines of text as large as they fit, down to the least size; what then does not fit is on the page."""
    lines, less = list(block.lines), 0
    while (high := _lines_height(lines, less, box[2])) > box[3] and (less < 8 or len(lines) > 1):
        lines, less = (lines, less + 1) if less < 8 else (lines[:-1], less)
    frame = _text_box(slide, (*box[:3], max(min(high, box[3]), 0.3)))
    for text, look in lines:
        size, ink, bold = LOOKS[look]
        _line(frame, text, max(size - less, LEAST), ink, bold)


def _lines_height(lines: list[tuple[str, str]], less: int, wide: float) -> float:
    looks = [(text, max(LOOKS[look][0] - less, LEAST), LOOKS[look][2]) for text, look in lines]
    return sum(measure.height(text, size, wide - 0.2, bold) + BETWEEN for text, size, bold in looks) + 0.1


def _text_box(slide: Any, box: Box) -> Any:
    frame = slide.shapes.add_textbox(*map(Inches, box)).text_frame
    frame.word_wrap = True
    frame.margin_left = frame.margin_right = Inches(0.1)
    frame.margin_top = frame.margin_bottom = Inches(0.04)
    return frame


def _line(frame: Any, text: str, size: float, ink: str, bold: bool = False) -> None:
    first = not frame.paragraphs[0].runs
    paragraph = frame.paragraphs[0] if first else frame.add_paragraph()
    paragraph.space_after = Pt(BETWEEN * measure.POINTS)
    run = paragraph.add_run()
    run.text = text
    _ink(run, size, ink, bold)


def _ink(run: Any, size: float, ink: str, bold: bool = False) -> None:
    run.font.size, run.font.bold, run.font.name = Pt(size), bold, FONT
    run.font.color.rgb = RGBColor.from_string(ink.strip("#").upper())


def _heights(table: Table, wide: float, size: float) -> list[float]:
    """Give the height of each row, the headings' first, in inches."""
    inches = [w - 2 * MARGIN[1] for w in _widths(table, wide, size)]
    bold = [[True] * len(inches), *([k == 0 for k in range(len(inches))] for _ in table.rows)]
    return [
        max(measure.height(t, size, w, b) for t, w, b in zip(row, inches, heavy, strict=True)) + 2 * MARGIN[0]
        for row, heavy in zip([table.heads, *table.rows], bold, strict=True)
    ]


def _widths(table: Table, wide: float, size: float) -> list[float]:
    """Give the width of each column in inches: as asked, but none narrower than its widest word, as far as there is room."""
    asked = [wide * w / sum(table.widths) for w in table.widths]
    columns = zip(*[table.heads, *table.rows], strict=True)
    least = [
        max(measure.width(word, size, k == 0 or row == 0) for row, t in enumerate(cells) for word in t.split(" "))
        + 2 * MARGIN[1]
        + 0.05
        for k, cells in enumerate(columns)
    ]
    short = sum(max(need - w, 0) for need, w in zip(least, asked, strict=True))
    spare = sum(max(w - need, 0) for need, w in zip(least, asked, strict=True))
    if not short or spare < short:
        return asked
    return [need if need >= w else w - (w - need) * short / spare for need, w in zip(least, asked, strict=True)]


def _fitting(table: Table, box: Box) -> tuple[Table, float, list[float]]:
    """Give as many rows as fit in the largest size from 14 points down to the least, that size, and the rows' heights."""
    for size in (14, 13, LEAST):
        heights = _heights(table, box[2], size)
        if sum(heights) <= box[3]:
            return table, size, heights
    kept = len(table.rows)
    while kept > 1 and sum(heights[: kept + 2]) > box[3]:  # with a row that says how many there are more
        kept -= 1
    more = f"and {style.number(len(table.rows) - kept)} more on the page"
    rest = [more, *[""] * (len(table.heads) - 1)]
    table = replace(table, rows=[*table.rows[:kept], rest])
    return table, LEAST, _heights(table, box[2], LEAST)


def _table(slide: Any, table: Table, box: Box) -> None:
    """Lay out a native table."""
    table, size, heights = _fitting(table, box)
    rows = [table.heads, *table.rows]
    shape = slide.shapes.add_table(len(rows), len(table.heads), *map(Inches, (*box[:3], sum(heights))))
    shape._element.graphic.graphicData.tbl.tblPr.set("bandRow", "0")
    for column, wide in zip(shape.table.columns, _widths(table, box[2], size), strict=True):
        column.width = Inches(wide)
    for line, high in zip(shape.table.rows, heights, strict=True):
        line.height = Inches(high)
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            cell = _cell(shape.table.cell(r, c), "12324A" if r == 0 else "FFFFFF" if r % 2 else "F4F6F8")
            cell.alignment = PP_ALIGN.RIGHT if c in table.right else PP_ALIGN.LEFT
            run = cell.add_run()
            run.text = text
            ink = table.inks.get((r - 1, c), style.INK)
            _ink(run, size, ink if r else "#ffffff", bold=r == 0 or c == 0)


def _cell(cell: Any, ground: str) -> Any:
    """Give a cell its ground and its margins; give its paragraph."""
    cell.margin_top = cell.margin_bottom = Inches(MARGIN[0])
    cell.margin_left = cell.margin_right = Inches(MARGIN[1])
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    cell.fill.solid()
    cell.fill.fore_color.rgb = RGBColor.from_string(ground)
    return cell.text_frame.paragraphs[0]
