"""Does a name out of the data read as it is written, wherever it comes to stand, and do nothing else?

Every name in the demo company is replaced by one that is markup somewhere: HTML, Markdown, a formula, an address. The notebooks
themselves are run on it, and rendered, searched and put into deck and letter by the real code.
"""

import base64
import json
import re
from html import unescape
from html.parser import HTMLParser
from itertools import count
from urllib.parse import quote

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.text import Text
from nbformat import v4

from conftest import ROOT
from fake_runs import make_outputs, serving
from quarterdeck.data import snapshot
from quarterdeck.present import page as put
from quarterdeck.present.sentences import SAID_MIME, Sentence, marked_up, quoted, words
from quarterdeck.publish.exports import deck, letter
from quarterdeck.publish.exports.run_reader import RunReader
from quarterdeck.publish.pages import render
from reader import Reader

# Attempts: each is a name, and what a reader must read is the name itself.
ATTEMPTS = [
    '<meta http-equiv="refresh" content="0;url=https://evil.test">', "<b>", "</b></strong>", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "<style>body{display:none}</style>", "</details></section></main>", "<!-- comment",
    "<a href='javascript:alert(1)'>x</a>", "[x](https://evil.test)", "![x](https://evil.test/x.png)", "<https://evil.test>",
    "https://evil.test", "[a]: https://evil.test", "&amp;", "&lt;b&gt;", "&#36;", "**bold**", "__bold__", "*", "**", "***", "_it_",
    "`code`", "```", "~~gone~~", "# head", "| a | b |", "\\", "\\$x\\$", "$x^2$ and $y", "$$", "\\(x\\)", "{braces}", "{n}",
    "a: b", "Dr. Who. The end", "- item", "1. item", "SaaS", "iPHONE McX", "<Unassigned>", "'\"", "a;b=c", "東京", "العربية",
]  # fmt: skip
NAMED = {  # every column of the contract's tables that holds a name
    "region", "channel", "segment", "name", "category", "manager", "competitor", "stage", "loss_reason", "hypothesis", "kind",
}  # fmt: skip
NEVER = {"forecast_calls": {"category"}}  # what the forecast itself looks for
OPEN, CLOSED = "Xj", "kW"  # around each name, so that no piece of one is taken for another
PAGES = ["executive_brief", "market_research", "competitor_analysis", "team_performance", "customers", "initiatives"]
# the two others, which take the longest, show names by the same functions


def hostile(tables):
    """Give the tables with each name replaced by an attempt, the same wherever it stands, and the names by what they were."""
    names, numbers = {}, count()

    def attempt(name):
        if name not in names:
            k = next(numbers)
            names[name] = f"{OPEN}{k} {ATTEMPTS[k % len(ATTEMPTS)]} {k}{CLOSED}"
        return names[name]

    turned = {}
    for table, rows in tables.items():
        columns = [c for c in rows if c in NAMED - NEVER.get(table, set())]
        turned[table] = rows.assign(**{c: rows[c].map(attempt, na_action="ignore") for c in columns})
    return turned, names


class Seen(HTMLParser):
    """What a reader sees of a page: its text, and which elements and attributes it is made of."""

    def __init__(self, markup):
        super().__init__(convert_charrefs=True)
        self.text, self.made, self.alts, self.links = [], set(), [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.made |= {(tag, name) for name, _ in attributes} | {(tag, "")}
        self.alts += [value for name, value in attributes if name in ("alt", "aria-label", "title")]
        self.links += [value for name, value in attributes if name in ("href", "src")]

    def handle_data(self, data):
        self.text.append(data)

    @property
    def whole(self):
        return "".join(self.text)


def strangers(text, names):
    """Find what begins like a name in any case, and is none; lines may break anywhere."""
    text = "".join(text.replace("\N{WORD JOINER}", "").split())
    known = ["".join(name.split()).removeprefix(OPEN) for name in names.values()]
    return [
        rest[:90]
        for rest in re.split(OPEN, text, flags=re.IGNORECASE)[1:]
        if not any(rest.startswith(name) for name in known)
    ]


@pytest.fixture(scope="module")
def company(demo_company, tmp_path_factory):
    """The folder of a run of all pages, whose names are attempts; the names; and every text drawn in a picture."""
    root = tmp_path_factory.mktemp("hostile")
    tables, names = hostile(demo_company[0])
    names["title"] = f"{OPEN} Halcyon {''.join(ATTEMPTS[:3])} **{CLOSED}"
    snapshot.freeze(tables, root / "data", snapshot.CompanyInfo("demo", names["title"], "USD"), root)
    shell, sharp, drawn = InteractiveShell.instance(), put.png, []

    def coarse(ax):
        picture = sharp(ax, 20)
        drawn.extend(t for t in ax.figure.findobj(Text) if t.get_visible())
        return picture

    put.png = coarse
    (root / "company").mkdir()
    for page in PAGES:
        cells = run_cells(shell, page, root / "data", "company")
        nbformat.write(v4.new_notebook(cells=list(cells)), root / "company" / f"{page}.ipynb")
    put.png = sharp
    return root, names, drawn


def run_cells(shell, notebook, folder, region):
    """Run a notebook's own cells; give each with its outputs."""
    for cell in nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            with capture_output() as captured:
                shell.run_cell(cell.source).raise_error()
            if "parameters" in cell.metadata.get("tags", []):
                shell.user_ns.update(data=str(folder), region=region, as_of="")
            cell.outputs = [
                v4.new_output("display_data", plain(o.data), metadata=o.metadata or {}) for o in captured.outputs
            ]
        yield cell


def plain(data):
    return {
        mime: base64.b64encode(value).decode() if isinstance(value, bytes) else value for mime, value in data.items()
    }


@pytest.fixture(scope="module")
def rendered(company):
    root, names, _ = company
    return {path: render.render(path) for path in sorted(root.glob("*/*.ipynb"))}


def test_a_reader_reads_each_name_as_it_is_and_the_page_is_made_of_what_it_may_be(company, rendered):
    _, names, _ = company
    for path, page in rendered.items():
        seen = Seen(page.body)
        assert seen.whole.count(OPEN) > 5, path.name
        assert not strangers(" ".join([seen.whole, *seen.alts]), names), path.name
        assert not seen.made - MADE_OF, path.name


def test_names_in_pictures_are_drawn_as_they_are(company):
    _, names, drawn = company
    said = " ".join(t.get_text() for t in drawn)
    assert said.count(OPEN) > 100 and not strangers(said, names)
    assert not any(t.get_parse_math() for t in drawn)


def test_what_is_found_is_found_by_its_name(company, rendered):
    _, names, _ = company
    said = " ".join(text for page in rendered.values() for s in page.said for text in [s["name"], *s["sentences"]])
    assert said.count(OPEN) > 60 and not strangers(said, names)
    assert not re.search(r"&(lt|amp|#36);", re.sub(f"{OPEN}.*?{CLOSED}", "", said))


def test_deck_and_letter_show_names_as_they_are(company):
    root, names, _ = company
    reader = RunReader(root, facts(root, names), "company")
    slides = deck.build(reader).slides
    texts = [run.text for s in slides for shape in s.shapes for p in paragraphs(shape) for run in p.runs]
    texts += [s.notes_slide.notes_text_frame.text for s in slides]
    texts += [s._element.nvGraphicFramePr.cNvPr.get("descr") for slide in slides for s in slide.shapes if s.has_chart]
    assert " ".join(texts).count(OPEN) > 10 and not strangers(" ".join(texts), names)
    mail = Seen(letter.letter(reader))
    assert mail.whole.count(OPEN) > 3 and not strangers(" ".join([mail.whole, *mail.alts]), names)
    assert {tag for tag, _ in mail.made} <= set(
        "html head meta title body table tr td div h1 h2 b br span img p ol ul li".split()
    )


def paragraphs(shape):
    frames = [shape.text_frame] if shape.has_text_frame else []
    frames += [c.text_frame for r in shape.table.rows for c in r.cells] if shape.has_table else []
    return [p for frame in frames for p in frame.paragraphs]


def facts(root, names):
    """Write what `run.json` would say."""
    outputs = [
        o for c in nbformat.read(root / "company" / "executive_brief.ipynb", 4).cells for o in c.get("outputs", [])
    ]
    figures = [r for o in outputs for r in o["data"].get(SAID_MIME, []) if r["kind"] == "figure"]
    kpis = [
        {k: f[k] for k in ("metric", "value", "low", "high", "n", "unit", "period")} | {"region": "company"}
        for f in figures
    ]
    entry = {"region": "company", "notebook": "executive_brief", "parameters": {"region": "company"}}
    record = {"title": names["title"], "as_of": "2026-11-15", "run": "r", "snapshot": "a" * 64, "currency": "USD"}
    record |= {"created_at": "2026-11-15T08:00:00+00:00", "library": "0.1.0", "company": "demo"}
    return record | {"kpis": kpis, "notebooks": [entry]}


# What a page may be made of: the template's own elements beside those that output is held to.
FRAME = {
    "nav": {"aria-label"},
    "figure": {"id"},
    "a": {"class", "href"},
    "h1": set(),
    "section": {"id", "class", "aria-label"},
}
FRAME |= {
    "img": {"src", "alt", "width", "height", "loading", "decoding"},
    "div": {"id", "class", "tabindex", "role", "aria-label"},
}
EVERY = {"", "class", "id", "role", "title", "aria-label", "aria-hidden", "style"}
MADE_OF = {(tag, a) for tag in (*render.STRUCTURE, *render.WORDS, *render.TABLES, *render.DRAWN) for a in EVERY}
MADE_OF |= {(tag, a) for tag, own in FRAME.items() for a in (*own, "")} | {
    (cell, a) for cell in ("td", "th") for a in render.CELL
}
MADE_OF |= {("svg", "viewbox")} | {(shape, a) for shape in render.DRAWN[1:] for a in render.SHAPE}


def test_a_browser_shows_names_stays_where_it_is_and_keeps_its_style(company, rendered, chromium, tmp_path):
    """What follows a name, down to the last line, looks as it does on a page without such names."""
    _, names, _ = company
    style = render.TEMPLATES / render.TEMPLATE / "static" / "quarterdeck.css"
    page = next(page for path, page in rendered.items() if path.stem == "executive_brief")
    body = f'<link rel="stylesheet" href="{style.as_uri()}"><main>{page.body}</main><footer id="end">The end</footer>'
    (tmp_path / "page.html").write_text(f'<!doctype html><meta charset="utf-8">{body}', encoding="utf-8")
    chromium.get((tmp_path / "page.html").as_uri())
    assert chromium.current_url == (tmp_path / "page.html").as_uri()
    seen = chromium.execute_script("return document.body.textContent")
    assert seen.count(OPEN) > 5 and not strangers(seen, names)
    look = "const s = getComputedStyle(document.querySelector(arguments[0])); return [s.fontWeight, s.fontStyle, s.display]"
    assert chromium.execute_script(look, "#end") == ["400", "normal", "block"]
    assert chromium.execute_script("return document.querySelector('#end').parentElement.tagName") == "BODY"


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_what_an_attempt_would_be_as_output_is_held_to_the_list(attempt):
    for markup in (attempt, f"<p>{attempt}", render._markdown(attempt)):
        seen = Seen(f"<section>{render.held(markup)}</section><p>after</p>")
        assert not seen.made - MADE_OF and all(link.startswith("https://") for link in seen.links)


PIECES = [*"*_`#<>&$|[]()\\~-!{}\"'/ \nab東", "&lt;", "**", "- **", "<b>", "</strong>"]
NASTY = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join).filter(str.strip)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(NASTY, NASTY)
def test_a_sentence_reads_as_its_names_are_and_bold_ends_where_it_ends(one, other):
    first, second = quoted(one), quoted(other)
    said = Sentence(f"**{first} rose** and {second} fell.", tag="h2")
    as_read = f"{one} rose and {other} fell.".replace("\n", " ")
    assert words(said) == as_read and Seen(marked_up(said)).whole == as_read
    assert marked_up(said).partition("</strong>")[0].count("<strong>") == 1 == marked_up(said).count("<strong>")
    assert unescape(re.sub("</?(h2|strong)>", "", marked_up(said))) == as_read


ALL = f"{OPEN} {' '.join(ATTEMPTS)} {CLOSED}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose company and regions are called all attempts at once."""
    root = tmp_path_factory.mktemp("served")
    outputs = make_outputs(root, rendered=True)
    for file in outputs.glob("demo/*/run.json"):
        record = json.loads(file.read_text())
        for entry in record["notebooks"]:
            entry["parameters"]["region"] = ALL
        file.write_text(json.dumps(record | {"title": ALL}))
    with serving(outputs, root / "log.txt") as (address, _):
        yield Reader(address)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/demo/latest",
        "/demo/latest/north/executive_brief",
        "/demo/latest/north/executive_brief/compare",
        "/search?q=revenue",
    ],
)
def test_what_stands_around_a_page_shows_names_as_they_are(server, path):
    status, _, page = server.ask(path)
    seen = Seen(page)
    assert status == 200 and OPEN in seen.whole
    assert not strangers(" ".join([seen.whole, *seen.alts]), {"all": ALL})
    outside = {tag for tag, _ in seen.made} - {tag for tag, _ in MADE_OF}
    assert outside <= set("html head meta title link body header main footer nav form label input button time".split())
    assert "http-equiv" not in {attribute for _, attribute in seen.made}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_what_was_asked_for_is_shown_as_it_was_asked(server, attempt):
    seen = Seen(server.ask(f"/search?q={quote(attempt)}")[2])
    assert f"“{attempt}”" in seen.whole and not {"script", "style", "img"} & {tag for tag, _ in seen.made}
