"""How does a finished run become a board deck? Native text and tables, the pages' own pictures, and their sources in the notes."""

import io
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
from quarterdeck.analysis.methods.claims import amounts, part
from quarterdeck.data import durable
from quarterdeck.present import style
from quarterdeck.present.narrative.brief import NOT_ESTIMATED
from quarterdeck.present.sentences import Sentence
from quarterdeck.publish.exports.run_reader import BRIEF, HEADING, Picture, RunReader

WIDE, HIGH = Inches(13.333), Inches(7.5)
LEFT, WIDTH = Inches(0.6), Inches(12.13)
TOP, FOOT = Inches(1.55), Inches(7.0)
FONT, TITLE_ONLY = "Arial", 5
MOST = 10  # slides
LONGEST = 255  # characters of one of a file's properties
COLUMNS = ["Figure", "Now", "Range", "Target", "Last year", "How it stands"]
ACTIONS = ["Money", "Finding", "Do", "May bring", "Risk of being wrong", "Who"]
# Which pictures go into the deck: the page, and the questions of the sections whose first picture to be had it takes.
SHOWN = [
    (BRIEF, "Will we make it?"),
    (BRIEF, "What changed against last year?"),
    (
        "market_research",
        "Did we grow with the market, or by taking share?",
        "Where is there room among our own customers?",
    ),
    ("competitor_analysis", "Against whom do we win?"),
    (
        "team_performance",
        "How did the quarter's pipeline get here?",
        "Where do deals stop?",
        "Who is ahead of quota, and who grows?",
    ),
]
INKS = {"good": style.GOOD, "warn": style.WARN, "bad": style.LOSS}


def write(reader: RunReader, path: Path) -> int:
    """Write the deck of a region, whole or not at all; give how many slides it has."""
    deck = build(reader)
    durable.whole(path, lambda draft: deck.save(str(draft)))
    return len(deck.slides)


def build(reader: RunReader) -> Any:
    """Make the deck: at most ten slides, each headed by what it finds."""
    deck = _template()
    _opening(deck, reader)
    _scorecard(deck, reader)
    pictures = [p for page, *sections in SHOWN if (p := _chosen(reader, page, sections))]
    for picture in [p for p in pictures if p.page == BRIEF]:
        _pictured(deck, reader, picture)
    if reader.of("since"):
        _since(deck, reader)
    for picture in [p for p in pictures if p.page != BRIEF]:
        _pictured(deck, reader, picture)
    if reader.of("finding"):
        _actions(deck, reader)
    _describe(deck, reader)
    return deck


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


def _chosen(reader: RunReader, page: str, sections: list[str]) -> Picture | None:
    return next((p for section in sections if (p := reader.picture(page, section))), None)


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
    title.left, title.top, title.width, title.height = LEFT, Inches(0.35), WIDTH, Inches(1.05)
    title.text_frame.vertical_anchor = MSO_ANCHOR.MIDDLE
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


def _opening(deck: Any, reader: RunReader) -> None:
    slide = _slide(deck, reader, reader.headline, reader.of("sentence")[0]["claims"])
    text = _text(slide, LEFT, TOP, WIDTH, Inches(4.9))
    lines = [f["head"] for f in reader.of("finding")]
    _line(
        text,
        "What matters most, by the money behind it" if lines else "No finding is clear of chance today",
        20,
        style.NAVY,
        bold=True,
    )
    for finding in reader.of("finding"):
        _line(text, f"{finding['worth']}   {finding['head']}", 18, style.INK)
        _line(text, f"Do: {finding['action']}", 14, style.SOFT)


def _scorecard(deck: Any, reader: RunReader) -> None:
    figures, kpis = reader.of("figure"), reader.figures()
    title = counting([f["state"] for f in figures])
    rows = [figure_row(f, kpis[f["metric"]], reader.facts["currency"]) for f in figures]
    slide = _slide(deck, reader, title, said(title), [c for f in figures for c in f["claims"]])
    inks = [INKS.get(f["state"], style.INK) for f in figures]
    _table(slide, [COLUMNS, *rows], [2.6, 1.3, 2.3, 1.2, 1.2, 3.53], 13, (1, 2, 3, 4), inks)


def counting(states: list[str]) -> Sentence:
    """Say how many of the figures stand well, and how many do not.

    >>> counting(["good", "bad", "warn"])
    '1 of 3 figures stand well, 1 does not'
    """
    well, badly = (
        part("scorecard", states.count(state), len(states), words)
        for state, words in (("good", "figures stand well"), ("bad", "figures do not stand well"))
    )
    n = badly.figures["n"]
    reader = f"{well.figures['n']} of {len(states)} {well.subject}, {n} {'does' if n == 1 else 'do'} not"
    return Sentence(reader, [well, badly])


def said(title: Sentence) -> list[dict[str, Any]]:
    """Give the claims of a title as data, as pages record theirs."""
    return title.record("title")["claims"]


def figure_row(figure: dict[str, Any], kpi: dict[str, Any], currency: str) -> list[str]:
    """Write one figure as a row: what `run.json` records, and beside it target, last year and status as the brief has them."""

    def write(value: float | None) -> str:
        return "–" if value is None else style.amount(value, kpi["unit"], currency)

    spread = "–" if kpi["low"] is None else f"{write(kpi['low'])} to {write(kpi['high'])}"
    aim = "quotas " if figure.get("aim") == "quotas" and figure["target"] is not None else ""
    ends = [aim + write(figure["target"]), write(figure["previous"])]
    return [figure["title"], write(kpi["value"]), spread, *ends, figure["text"] or "–"]


def _since(deck: Any, reader: RunReader) -> None:
    last = [r for r in reader.of("sentence") if "ince" in r["text"]][-1]
    rows = [[r["title"], r["then"], r["now"], r["text"]] for r in reader.of("since")]
    head = ["Figure", reader.of("since")[0]["day"], "Now", "Since then"]
    slide = _slide(deck, reader, last["text"].strip("*. "), last["claims"])
    _table(slide, [head, *rows], [4.0, 2.5, 2.5, 3.13], 13, right=(1, 2))


def _actions(deck: Any, reader: RunReader) -> None:
    found = reader.of("finding")
    rows = [action_row(f) for f in found]
    claims = [c for f in found for c in f["claims"]]
    where = "\n".join(f"{f['head']}: see {f['page'].replace('_', ' ')}, “{f['question']}”. {f['body']}" for f in found)
    title = calling(len(found), found[0])
    slide = _slide(deck, reader, title, said(title), claims, where)
    _table(slide, [ACTIONS, *rows], [1.1, 2.5, 3.2, 2.85, 0.98, 1.5], 12, right=(0, 4))


def action_row(finding: dict[str, Any]) -> list[str]:
    """Write one finding as a row of the actions; beside what acting may bring stands what that rests on."""
    rests = "" if finding["gain"] == NOT_ESTIMATED else finding.get("basis", "")
    brings = f"{finding['gain']} {rests}".strip()
    return [finding["worth"], finding["head"], finding["action"], brings, finding["risk"], finding["owner"]]


def calling(count: int, first: dict[str, Any]) -> Sentence:
    """Say how many findings call for action, and what is behind the first (a record of the brief)."""
    text = f"{count} finding{'s call' if count > 1 else ' calls'} for action; the first is about {first['worth'].lstrip('−')}"
    return Sentence(text, [amounts("findings", count), amounts("findings", first["money"], f"first: {first['head']}")])


def _pictured(deck: Any, reader: RunReader, picture: Picture) -> None:
    about = f"{picture.alt}\nFrom {picture.page.replace('_', ' ')}, “{picture.section}”."
    slide = _slide(deck, reader, picture.finding, picture.claims, about=about)
    shape = slide.shapes.add_picture(io.BytesIO(picture.png), LEFT, TOP)
    cut = HEADING / shape.image.size[1]
    shape.crop_top, height = cut, shape.height * (1 - cut)
    scale = min(WIDTH / shape.width, (FOOT - TOP - Inches(0.1)) / height)
    shape.width, shape.height = round(shape.width * scale), round(height * scale)
    shape.left = round((WIDE - shape.width) / 2)
    shape._element.nvPicPr.cNvPr.set("descr", picture.alt)


def notes(reader: RunReader, claims: list[dict[str, Any]], rows: list[dict[str, Any]], about: str = "") -> str:
    """Say what the title claims, how the figures behind that and behind the rows are computed, and what all stands on."""
    ids = dict.fromkeys(c["metric"] for c in [*claims, *rows])
    head = [about, ""] if about else []
    claimed = ["What the title claims", *map(claimed_as, claims), ""] if claims else []
    return "\n".join([*head, *claimed, "Method and source", *map(defined, ids), reader.stand])


def claimed_as(claim: dict[str, Any]) -> str:
    """Write a claim as one line: what of, the predicate that holds, and the figures that it holds of.

    >>> claimed_as({"metric": "revenue", "predicate": "rose", "subject": "", "figures": {"now": 3.0, "before": 2.0}})
    'revenue: rose (now 3, before 2)'
    """
    of = f" [{claim['subject']}]" if claim["subject"] else ""
    return f"{claim['metric']}{of}: {claim['predicate']} ({', '.join(f'{k} {v:.12g}' for k, v in claim['figures'].items())})"


def defined(figure: str) -> str:
    """Define a metric of the catalogue, or another figure that sentences speak of."""
    if figure in FIGURES:
        return f"{FIGURES[figure].definition}."
    return f"{METRICS[figure].title}: {METRICS[figure].formula} ({METRICS[figure].source})."


def _slide(
    deck: Any,
    reader: RunReader,
    title: str,
    claims: list[dict[str, Any]],
    rows: list[dict[str, Any]] | None = None,
    about: str = "",
) -> Any:
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    frame = slide.shapes.title.text_frame
    frame.word_wrap = True
    frame.text = title
    frame.paragraphs[0].alignment = PP_ALIGN.LEFT
    _ink(frame.paragraphs[0].runs[0], 26 if len(title) < 90 else 22, style.NAVY, bold=True)
    foot = _text(slide, LEFT, FOOT, WIDTH, Inches(0.35))
    _line(foot, f"{reader.stand} · {len(deck.slides)}", 10, style.SOFT)
    slide.notes_slide.notes_text_frame.text = notes(reader, claims, rows or [], about)
    return slide


def _text(slide: Any, left: int, top: int, width: int, height: int) -> Any:
    frame = slide.shapes.add_textbox(left, top, width, height).text_frame
    frame.word_wrap = True
    return frame


def _line(frame: Any, text: str, size: int, ink: str, bold: bool = False) -> None:
    first = not frame.paragraphs[0].runs
    paragraph = frame.paragraphs[0] if first else frame.add_paragraph()
    paragraph.space_after = Pt(6)
    run = paragraph.add_run()
    run.text = text
    _ink(run, size, ink, bold)


def _ink(run: Any, size: int, ink: str, bold: bool = False) -> None:
    run.font.size, run.font.bold, run.font.name = Pt(size), bold, FONT
    run.font.color.rgb = RGBColor.from_string(ink.strip("#").upper())


def _table(
    slide: Any,
    rows: list[list[str]],
    inches: list[float],
    size: int,
    right: tuple[int, ...] = (),
    inks: list[str] | None = None,
) -> None:
    """Lay out a native table; columns `right` are flush right, `inks` colour the last one."""
    shape = slide.shapes.add_table(len(rows), len(rows[0]), LEFT, TOP, WIDTH, Inches(0.36 * len(rows)))
    shape._element.graphic.graphicData.tbl.tblPr.set("bandRow", "0")
    for column, wide in zip(shape.table.columns, inches, strict=True):
        column.width = Inches(wide)
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            last = inks[r - 1] if inks and c == len(row) - 1 else style.INK
            cell = _cell(shape.table.cell(r, c), "12324A" if r == 0 else "FFFFFF" if r % 2 else "F4F6F8")
            cell.alignment = PP_ALIGN.RIGHT if c in right else PP_ALIGN.LEFT
            run = cell.add_run()
            run.text = text
            _ink(run, size, last if r else "#ffffff", bold=r == 0 or c == 0)


def _cell(cell: Any, ground: str) -> Any:
    """Give a cell its ground and its margins; give its paragraph."""
    cell.margin_top = cell.margin_bottom = Inches(0.045)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    cell.fill.solid()
    cell.fill.fore_color.rgb = RGBColor.from_string(ground)
    return cell.text_frame.paragraphs[0]
