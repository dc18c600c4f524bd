"""How does a stored notebook become the body of a page, without running?

Code is dropped before the template sees the notebook; what papermill stored as outputs is all there is to show. Every piece of
markup in it is held to a short list of elements and attributes (`held`): the template escapes whatever did not come by there.
"""

import base64
import hashlib
import html
import io
import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import mistune
import nbformat
import nh3
from jinja2 import Environment
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from PIL import Image

from quarterdeck.present.numbers import counted

TEMPLATES = Path(__file__).parents[1] / "template"
TEMPLATE = "quarterdeck"
PICTURES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpeg"}
FACTS = "application/vnd.quarterdeck.facts+json"  # what tables and pictures state, and of whom
KPIS = "application/vnd.quarterdeck.kpis+json"  # what tiles record, beside their HTML
HERE = "{quarterdeck:here}"  # stands for the address of the region that a page is read in
DEEP, CLOSING = "deep", "method"  # tags: a markdown cell whose section is folded away; the cell that ends the last one
SAYS = ("prose", "heading", "folded", "said")  # blocks that are words; the others are drawn
LEAD = '<div class="lead'  # begins a sentence
LACKS = re.compile(
    r'(?:<div[^>]*>)?<p class="missing">Not shown: '
)  # begins a sentence in place of what the data lacks
VOID = "Which questions have no data here?"
LIVE = "live"  # tag of a cell that wants a kernel: a stored page leaves it out
NO_ALT = "A chart; its finding stands in the text beside it."

# Without a math plugin: "from $4m to $5m" is money on these pages, not a formula.
_markdown = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])


# What a page may be made of, and nothing else: no script, style, form, frame or address outside the web.
STRUCTURE = "h1 h2 h3 h4 h5 h6 p div section article details summary blockquote pre hr br ul ol li dl dt dd".split()
WORDS = "a b strong i em u s del sub sup small code span".split()
TABLES = "table caption colgroup col thead tbody tfoot tr th td".split()
DRAWN = "svg g polyline path line rect circle".split()
SHAPE = "points d x x1 x2 y y1 y2 cx cy r width height fill stroke stroke-width".split()
CELL = {"colspan", "rowspan", "scope", "headers"}
PROPERTIES = (
    "width min-width max-width height flex white-space text-align vertical-align color background-color".split()
)
ALLOWED = nh3.Cleaner(
    tags={*STRUCTURE, *WORDS, *TABLES, *DRAWN},
    attributes={
        "*": {"class", "id", "role", "title", "aria-label", "aria-hidden", "style"},
        "a": {"href"},
        "th": CELL,
        "td": CELL,
    }
    | {"svg": {"viewBox", "width", "height"}, **{shape: {*SHAPE} for shape in DRAWN[1:]}},
    url_schemes={"http", "https", "mailto"},
    link_rel=None,
    filter_style_properties={*PROPERTIES},
)


@dataclass(frozen=True)
class Page:
    """A rendered page: its HTML, its pictures by name, and what it says, section by section, for those who search."""

    body: str
    pictures: dict[str, bytes]
    said: list[dict[str, Any]]
    titles: dict[str, str]  # of the metrics that it shows


def render(path: Path) -> Page:
    """Render a finished notebook's outputs."""
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    titles = _titles(notebook)
    body, resources = PageExporter().from_notebook_node(
        notebook, {"fallback_title": title(path.stem), "name": path.stem}
    )
    pictures = {b["file"]: b["content"] for s in resources["sections"] for b in s if b["kind"] == "picture"}
    return Page(_unbroken(_pinned(body)), pictures, [_said(s) for s in resources["sections"] if s], titles)


def _pinned(body: str) -> str:
    """Let links from page to page of a region stay in the run that is being read."""
    return re.sub(r'href="(?=\w+[#"])', f'href="{HERE}/', body)


def without_links(body: str, there: list[str]) -> str:
    """Take the links to pages that a run does not have out of a rendered page, and say so in their place.

    >>> without_links(f'<a href="{HERE}/a#b">See a →</a> <a href="{HERE}/c#d">See c →</a>', ["a"]).replace(HERE, "")
    '<a href="/a#b">See a →</a> <span>See c (no page in this run)</span>'
    """
    link = rf'<a\b[^>]*href="{re.escape(HERE)}/(\w+)(?:#[^"]*)?"[^>]*>(.*?)</a>'
    gone = r"<span>{} (no page in this run)</span>"
    return re.sub(link, lambda m: m[0] if m[1] in there else gone.format(m[2].removesuffix(" →")), body, flags=re.S)


def _unbroken(body: str) -> str:
    """Keep a figure, its sign and its unit on one line.

    >>> _unbroken("from 62.9 % to 63.5 % (n 6,711)").split(" ")
    ['from', '62.9\xa0%', 'to', '63.5\xa0%', '(n\xa06,711)']
    """
    body = re.sub(r"−(?=[^\s\d<])", "−\N{WORD JOINER}", body)
    return re.sub(r"(?<=\d) (?=%|pp\b)|(?<=\bn) (?=\d)", "\N{NO-BREAK SPACE}", body)


def _titles(notebook: NotebookNode) -> dict[str, str]:
    """Read how the tiles name the metrics that they record."""
    shown = [o["data"] for c in notebook.cells for o in c.get("outputs", []) if KPIS in o.get("data", {})]
    named = [(d[KPIS], re.findall(r'class="label">(.*?)<', d.get("text/html", ""))) for d in shown]
    pairs = [pair for kpis, labels in named if len(kpis) == len(labels) for pair in zip(kpis, labels, strict=True)]
    return {kpi["metric"]: html.unescape(label) for kpi, label in pairs}


def _said(section: list[dict[str, Any]]) -> dict[str, Any]:
    """Give a section's heading and sentences as plain text; tables and tiles are no sentences."""
    first, found = section[0], []
    for block in section:
        if block["kind"] == "picture":
            found.append(block["finding"])
        elif block["kind"] == "html":
            found += [_plain(". ".join(p for p in part if p)) for part in CARD.findall(block["html"])]
        elif block["kind"] in ("said", "folded"):
            found += [_plain(line) for line in re.split(r"</(?:p|li|h\d)>", block.get("said", block["html"]))]
    name = first.get("name") or next((s for s in found if s), "")
    return {
        "id": first.get("id", "main"),
        "name": name,
        "sentences": [s for s in dict.fromkeys(found) if s and s != name],
        "names": [pair for block in section for pair in block.get("names", [])],
    }


CARD = re.compile(r"<h3>(.*?)</h3>(?:<p>(.*?)</p>)?", re.S)


def held(markup: str) -> Markup:
    """Hold markup to what a page may be made of: whole elements, closed again, of the short list above.

    >>> held("<b>open<script>alert(1)</script></div>"), held('<a href="javascript:alert(1)" onclick="x">A</a> &lt;b&gt;')
    (Markup('<b>open</b>'), Markup('<a>A</a> &lt;b&gt;'))
    """
    return Markup(ALLOWED.clean(markup))


def _plain(markup: str) -> str:
    """Give what a reader reads of markup that was `held`.

    >>> _plain("<h2>Revenue <b>rose</b> in &lt;Q4&gt;</h2>")
    'Revenue rose in <Q4>'
    """
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split())


def slot(number: int) -> str:
    """Name the place on a page where a cell that wants a kernel would stand; a stored page leaves it empty."""
    return f"live-{number}"


def title(slug: str) -> str:
    """Write a file's name for people.

    >>> title("executive_brief")
    'Executive brief'
    """
    words = re.sub(r"[_-]+", " ", slug).strip()
    return words[:1].upper() + words[1:]


class Sections(Preprocessor):
    """Takes a notebook's code away and gathers what is left under its `## ` headings."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Put a list of sections, each a list of blocks, into the resources; leave the notebook with no cells."""
        sections: list[list[dict[str, Any]]] = [[]]
        for block in _blocks(nb):
            if block["kind"] in ("heading", "close"):
                sections.append([])
            if block["kind"] != "close" and block not in sections[-1]:  # the same sentence once
                sections[-1].append(block)
        for section in sections:
            _fold(section)
        sections = _together(sections)
        resources["sections"] = sections
        resources["parts"] = [_rows(section) for section in sections if section]
        resources["contents"] = [s[0] for s in sections if s and s[0].get("id")]
        _number(sections, resources["name"])
        resources["titled"] = any("<h1" in b.get("html", "") for b in sections[0])
        nb.cells = []
        return nb, resources


class PageExporter(HTMLExporter):
    """nbconvert's HTML exporter with the house's template, in which everything is escaped unless said otherwise."""

    def __init__(self, **kw: Any) -> None:
        super().__init__(
            extra_template_basedirs=[str(TEMPLATES)], template_name=TEMPLATE, preprocessors=[Sections], **kw
        )

    @property
    def environment(self) -> Environment:
        """Give the template's environment, escaping by default as Voilà's own does."""
        environment = super().environment
        environment.autoescape = True
        return environment

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        """Render a notebook; HTMLExporter's own step would parse the whole page again to add what is already there."""
        return super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)


def _blocks(nb: NotebookNode) -> list[dict[str, Any]]:
    blocks, places = [], count()
    for cell in nb.cells:
        if LIVE in cell.metadata.get("tags", []):
            blocks += [{"kind": "live", "id": slot(next(places))}] if cell.cell_type == "code" else []
        elif cell.cell_type == "markdown":
            deep = DEEP in cell.metadata.get("tags", [])
            blocks += [_prose(part) | {"deep": deep} for part in re.split(r"(?m)^(?=## )", cell.source) if part.strip()]
        elif cell.cell_type == "code":
            blocks += [{"kind": "close"}] if CLOSING in cell.metadata.get("tags", []) else []
            blocks += [b | {"names": _names(output)} for output in cell.outputs if (b := _shown(output))]
    return blocks


def _rows(section: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pair what a section says with what it then draws: a page sets a picture beside its words, and folds the table below it.

    How a picture is to be read, the prose under the heading, comes after what it shows.

    >>> said, drawn = {"kind": "said"}, {"kind": "picture"}
    >>> [(len(r["words"]), len(r["drawn"]), r["beside"]) for r in _rows([said, drawn, drawn, said, {"kind": "html"}])]
    [(1, 2, True), (1, 1, False)]
    """
    rows: list[dict[str, Any]] = []
    for block in section:
        word = block["kind"] in SAYS
        if not rows or (word and rows[-1]["drawn"]):
            rows.append({"words": [], "drawn": []})
        rows[-1]["words" if word else "drawn"].append(block)
    first = rows[0]["words"]
    if first and first[0].get("below"):
        first.append({"kind": "caption", "html": first[0]["below"]})
    for row in rows:
        row["beside"] = any(b["kind"] == "picture" for b in row["drawn"])
        row["drawn"].sort(key=lambda b: row["beside"] and b.get("wide", False))  # tables below the pictures
    return rows


def _names(output: NotebookNode) -> list[list[str]]:
    """Give whom an output speaks of, each once: its kind and its name."""
    facts = output.get("data", {}).get(FACTS, [])
    return [list(pair) for pair in dict.fromkeys((f["kind"], f["entity"]) for f in facts if f["kind"] and f["entity"])]


def _number(sections: list[list[dict[str, Any]]], name: str) -> None:
    """Number the pictures of a page, and give each the address at which it is fetched."""
    pictures = [b for section in sections for b in section if b["kind"] == "picture"]
    for number, picture in enumerate(pictures, 1):
        picture |= {"number": number, "source": f"{HERE}/{name}/{picture['file']}"}


def _fold(section: list[dict[str, Any]]) -> None:
    """Head a deep section with its question and its first finding: the rest is folded away below them."""
    if section and section[0].get("deep") and section[0]["kind"] == "heading":
        said = next((b for b in section if b["kind"] == "said"), None)
        drawn = next(
            (
                _lead(Markup("<p><strong>{}</strong></p>").format(b["finding"]))
                for b in section
                if b["kind"] == "picture"
            ),
            "",
        )
        section[0] |= {"kind": "folded", "html": "", "said": said["html"] if said else drawn}
        section[:] = [b for b in section if b is not said]


def _together(sections: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Gather the sections that show nothing for want of data into one folded list, before the page's last part."""
    void = [section for section in sections if _void(section)]
    if not void:
        return sections
    rows = Markup("").join(
        Markup('<div class="void" id="{}"><h3>{}</h3>{}</div>').format(
            first["id"], first["name"], Markup("").join(b["html"] for b in rest)
        )
        for first, *rest in void
    )
    head = {"kind": "folded", "html": "", "name": VOID, "id": "without-data", "deep": True}
    head["said"] = _lead(Markup("<p>{} not answered</p>").format(counted(len(void), "question")))
    whole = [section for section in sections if not _void(section)]
    return [*whole[:-1], [head, {"kind": "html", "html": rows}], whole[-1]]


def _void(section: list[dict[str, Any]]) -> bool:
    """Tell whether a section says nothing but what it lacks."""
    first, rest = (section[0], section[1:]) if section else ({}, [])
    return bool(first.get("id") and rest) and all(LACKS.match(b.get("html", "")) for b in rest)


def _prose(text: str) -> dict[str, Any]:
    if not text.startswith("## "):
        return {"kind": "prose", "html": held(_markdown(text))}
    heading, _, below = text.partition("\n")
    name, below = _plain(held(_markdown(heading))), held(_markdown(below))
    anchor = {"name": name, "id": re.sub(r"\W+", "-", name.lower()).strip("-")}
    return {"kind": "heading", "html": held(_markdown(heading)), "below": below, **anchor}


def _shown(output: NotebookNode) -> dict[str, Any] | None:
    """Choose the form of an output that people can read; a traceback, a warning or an object's repr is not one."""
    if output.output_type == "stream":
        return {"kind": "printed", "text": output.text} if output.name == "stdout" else None
    data = output.get("data", {})
    if "text/html" in data:
        shown = held(data["text/html"])
        return {"kind": "said" if shown.startswith(LEAD) else "html", "html": shown, "wide": "<table" in shown}
    kind = next((k for k in PICTURES if k in data), None)
    if kind:
        return _picture(kind, "".join(data[kind]), output.get("metadata", {}))
    if "text/markdown" in data:
        return {"kind": "said", "html": _lead(held(_markdown(data["text/markdown"])))}
    return None


def _lead(markup: Markup) -> Markup:
    return Markup(LEAD + '">{}</div>').format(markup)


def _picture(kind: str, stored: str, metadata: dict[str, Any]) -> dict[str, Any]:
    own = metadata.get(kind, {})
    content = stored.encode() if kind == "image/svg+xml" else base64.b64decode(stored)
    shown = {"width": own.get("width"), "height": None, "ending": PICTURES[kind]}
    if kind == "image/png":
        content, shown = _smaller(content, shown)
    name = f"{hashlib.sha256(content).hexdigest()[:20]}.{shown.pop('ending')}"
    alt = own.get("alt") or metadata.get("alt") or NO_ALT
    finding = own.get("finding") or alt.partition(". ")[0]
    return {"kind": "picture", "file": name, "content": content, "alt": alt, "finding": finding, **shown}


def _smaller(png: bytes, shown: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Write a picture as WebP without loss, a third of the size, and say how high it is where it is so wide."""
    with Image.open(io.BytesIO(png)) as picture:
        high = round(picture.height * shown["width"] / picture.width) if shown["width"] else None
        webp = io.BytesIO()
        picture.save(webp, "webp", lossless=True, quality=50, method=3)
    return (webp.getvalue(), shown | {"height": high, "ending": "webp"}) if webp.tell() < len(png) else (png, shown)
