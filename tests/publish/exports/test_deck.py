"""Do deck, letter and pages say the same, whole, in words and tables that can be edited?"""

import base64
import io
import json
import shutil
import zipfile
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import combinations

import pytest
from jupyter_server.auth.security import passwd
from pptx import Presentation
from pptx.util import Inches
from pypdf import PdfReader

from fake_runs import serving
from quarterdeck import cli
from quarterdeck.present import style
from quarterdeck.present.narrative.brief import NOT_ESTIMATED
from quarterdeck.present.sentences import SAID_MIME
from quarterdeck.publish.exports import deck, held, letter, measure, story
from quarterdeck.publish.exports.run_reader import open_run
from reader import Reader

PAGES = ["executive_brief", "competitor_analysis", "team_performance", "forecasting"]


@pytest.fixture(scope="module")
def out(demo_runs, tmp_path_factory):
    """A real run of two regions of the demo company, after one of the brief alone of a week before."""
    return shutil.copytree(demo_runs / "outputs", tmp_path_factory.mktemp("deck") / "outputs", symlinks=True)


@pytest.fixture(scope="module", params=["company", "North Sea"])
def reader(request, out):
    return open_run("demo/latest", out, request.param)


@pytest.fixture(scope="module")
def slides(reader, tmp_path_factory):
    """The deck as PowerPoint would open it."""
    path = tmp_path_factory.mktemp("pptx") / "deck.pptx"
    assert deck.write(reader, path) == len(deck.contents(reader))
    assert [p.name for p in path.parent.iterdir()] == ["deck.pptx"]
    return Presentation(str(path)).slides


def test_the_files_properties_are_ours_and_name_the_run(reader, tmp_path):
    deck.write(reader, file := tmp_path / "deck.pptx")
    about, made = Presentation(str(file)).core_properties, datetime.fromisoformat(reader.facts["created_at"])
    assert (
        about.title == reader.title and reader.facts["run"] in about.subject and reader.facts["run"] in about.keywords
    )
    assert about.author == about.last_modified_by == f"Quarterdeck {reader.facts['library']}" and about.comments == ""
    assert about.created == about.modified == made.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    with zipfile.ZipFile(file) as package:
        names, text = (
            package.namelist(),
            "".join(package.read(n).decode() for n in package.namelist() if "docProps" in n),
        )
    assert (
        f"<Company>{reader.facts['title']}</Company>" in text
        and f"<Slides>{len(Presentation(str(file)).slides)}</Slides>" in text
    )
    assert not [n for n in names if "thumbnail" in n or "printer" in n]
    assert not [w for w in ("Steve", "python-pptx", "PowerPoint", "Macintosh", "2013") if w in text]
    head = letter.letter(reader).partition("</head>")[0]
    assert f"<title>{reader.title}</title>" in head and f'name="description" content="{reader.stand}"' in head


def tables(slides):
    return [
        [[c.text for c in row.cells] for row in s.table.rows] for slide in slides for s in slide.shapes if s.has_table
    ]


def test_the_deck_shows_each_figure_as_the_run_recorded_it(reader, slides):
    recorded = {k["metric"]: k for k in reader.facts["kpis"] if k["region"] == reader.region}
    (table,) = [t for t in tables(slides) if t[0] == deck.COLUMNS]
    shown = {row[0]: row for row in plain(table)[1:]}
    assert len(shown) == len(reader.of("figure")) == 13
    for figure in reader.of("figure"):
        kpi = recorded[figure["metric"]]
        assert figure["value"] == kpi["value"] and figure["low"] == kpi["low"] and figure["n"] == kpi["n"]
        assert shown[figure["title"]][1] == style.amount(kpi["value"], kpi["unit"], reader.facts["currency"])
        if kpi["low"] is not None:
            spread = " to ".join(style.amount(kpi[k], kpi["unit"], reader.facts["currency"]) for k in ("low", "high"))
            assert shown[figure["title"]][2] == spread


def plain(rows):
    """Undo what keeps a figure and its unit on one line."""
    return [[text.replace("\xa0", " ") for text in row] for row in rows]


def test_the_decisions_are_the_findings_of_the_page_with_owner_and_date(reader, slides):
    page = (reader.folder / reader.region / "executive_brief.ipynb").read_text()
    outputs = [o for c in json.loads(page)["cells"] for o in c.get("outputs", [])]
    markup = "".join(str(o["data"].get("text/html", "")) for o in outputs)
    (table,) = [plain(t) for t in tables(slides) if t[0][0] == "Decision"]
    found = [r for o in outputs for r in o["data"].get(SAID_MIME, []) if r["kind"] == "finding"]
    assert len(found) == len(table) - 1 > 0
    for record, row in zip(found, table[1:], strict=True):
        assert row[:4] == [record[k] for k in ("action", "head", "owner", "until")] and row[3]
        rests = "" if record["gain"] == NOT_ESTIMATED else record["basis"]
        assert row[4] == f"{record['gain']} {rests}".strip() and rests in markup
    assert slides[0].shapes.title.text_frame.text == reader.headline


def test_a_whole_run_gives_ten_slides_and_then_the_appendix(reader, slides):
    kickers = [kicker.text_frame.paragraphs[0].runs[0].text for slide in slides if (kicker := at_the_top(slide))]
    assert kickers == [question for question, _, _ in story.STORY] and len(kickers) == deck.MOST
    titles = [slide.shapes.title.text for slide in slides]
    assert all(title.startswith("Appendix: ") for title in titles[deck.MOST :]) and len(titles) > deck.MOST + 1


def at_the_top(slide):
    return next((s for s in slide.shapes if s.has_text_frame and s.top == Inches(deck.KICKER[1])), None)


def test_charts_are_native_and_say_in_words_what_they_show(slides):
    charts = [shape for slide in slides for shape in slide.shapes if shape.has_chart]
    assert len(charts) >= 8 and not [s for slide in slides for s in slide.shapes if s.shape_type == 13]  # no picture
    for shape in charts:
        assert len(shape._element.nvGraphicFramePr.cNvPr.get("descr")) > 20
        assert shape.chart.font.size.pt >= deck.LEAST
        assert shape.chart.part.chart_workbook.xlsx_part is not None  # its figures can be edited


def test_every_figure_of_the_deck_is_the_pages_own(reader, slides):
    made = slides.part.presentation
    rows = held.stated(reader, made)
    assert len({r["measure"] for r in rows}) > 8 and len(rows) > 80
    assert held.contradicting(reader, made) == []
    assert held.strangers(reader, held.texts(made)) == [] == held.strangers(reader, [held.words(letter.letter(reader))])


def test_a_figure_of_the_deck_that_is_not_the_pages_is_found(reader, tmp_path):
    deck.write(reader, tmp_path / "deck.pptx")
    made = Presentation(str(tmp_path / "deck.pptx"))
    chart = next(s.chart for s in made.slides[0].shapes if s.has_chart)
    for series in chart.plots[0].series:
        if series.name == "forecast":
            point = series._element.xpath("c:val//c:pt/c:v")[-1]
            point.text = repr(1.1 * float(point.text))
    (broken,) = held.contradicting(reader, made)
    assert broken["metric"] == "forecast_course" and broken["region"] == reader.region
    assert any("/deck under" in place for place in broken["places"])
    assert held.strangers(reader, ["It ends at €987m, 987.6 % more."]) == ["€987m", "987.6 %"]


def test_a_run_of_the_brief_alone_leaves_slides_out_and_says_why(out):
    (first,) = set((out / "demo").glob("2*")) - {(out / "demo" / "latest").resolve()}
    shown, left = story.slides(open_run(str(first), out))
    without = [line.partition(":")[0] for line in left]
    assert without[:2] == ["Rivals and market", "Team and capacity"] and len(shown) == deck.MOST - len(left) >= 7
    text = " ".join(held.texts(deck.build(open_run(str(first), out))))
    assert "Not shown in this deck" in text and all(line in text for line in left)


def test_a_figure_that_a_finding_quotes_is_the_one_that_the_run_recorded(reader):
    recorded = {k["metric"]: k["value"] for k in reader.facts["kpis"] if k["region"] == reader.region}
    quoted = {metric: value for f in reader.of("finding") for metric, value in f["recorded"].items()}
    shared = {metric: value for metric, value in quoted.items() if metric in recorded}
    assert shared == pytest.approx({metric: recorded[metric] for metric in shared}, rel=1e-9)


def test_every_slide_is_headed_by_a_finding_and_says_in_its_notes_what_it_rests_on(reader, slides):
    for slide in slides:
        title = slide.shapes.title.text_frame.text
        assert title and not title.endswith("?") and len(title) < 190
        note = slide.notes_slide.notes_text_frame.text
        assert reader.facts["snapshot"][:12] in note and "Method and source" in note
        assert not [t for t in shown(slide) if reader.facts["snapshot"][:8] in t and "Appendix" not in title]
    assert "back-tested forecast of the quarter's end" in slides[0].notes_slide.notes_text_frame.text


def shown(slide):
    frames = [s.text_frame for s in slide.shapes if s.has_text_frame]
    return [f.text for f in frames]


def inches(length):
    return length / Inches(1)


def test_no_text_overflows_its_box_nothing_lies_outside_and_no_text_is_tiny(slides):
    for slide in slides:
        for shape in slide.shapes:
            assert shape.left >= 0 and shape.left + shape.width <= deck.WIDE
            assert shape.top >= 0 and shape.top + shape.height <= deck.HIGH
            if shape.has_text_frame:
                fits(shape.text_frame, inches(shape.width) - 0.2, inches(shape.height) + 0.02)
            if shape.has_table:
                assert shape.top + shape.height <= Inches(deck.FOOT[1])
                for row in shape.table.rows:
                    for cell, column in zip(row.cells, shape.table.columns, strict=True):
                        fits(cell.text_frame, inches(column.width) - 2 * deck.MARGIN[1], inches(row.height))
        boxes = [s for s in slide.shapes if not s.is_placeholder]
        for one, other in combinations(boxes, 2):
            apart = one.left + one.width <= other.left + 9525 or other.left + other.width <= one.left + 9525
            assert apart or one.top + one.height <= other.top + 9525 or other.top + other.height <= one.top + 9525


def fits(frame, wide, high):
    """Hold a text against its box; a line's height is that of its letters, and of what is between lines."""
    used = 0.0
    for paragraph in frame.paragraphs:
        sizes = {run.font.size.pt for run in paragraph.runs}
        assert not sizes or min(sizes) >= deck.LEAST
        bold = any(run.font.bold for run in paragraph.runs)
        used += measure.height("".join(r.text for r in paragraph.runs), max(sizes, default=0), wide, bold)
    assert used <= high, frame.text


def test_a_deck_that_cannot_be_finished_leaves_nothing(reader, tmp_path, monkeypatch):
    place = tmp_path / "deck.pptx"
    place.write_text("the one before")
    (tmp_path / ".deck.pptx-draft").mkdir()  # so that saving fails half-way
    with pytest.raises(OSError):
        deck.write(reader, place)
    assert place.read_text() == "the one before"


class Page(HTMLParser):
    """Reads what a mail program without pictures, styles and scripts would show."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def test_the_letter_is_one_file_that_any_mail_program_shows(reader):
    text = letter.letter(reader)
    page = Page(text)
    assert len(text.encode()) < letter.MOST
    assert not {tag for tag, _ in page.tags} & {"script", "style", "link", "iframe", "svg", "form"}
    assert not [a for _, attrs in page.tags for a in attrs if a in ("class", "id", "onclick")]
    sources = [a["src"] for tag, a in page.tags if tag == "img"]
    assert len(sources) == 1 and all(s.startswith("data:image/png;base64,") for s in sources)
    assert all(base64.b64decode(s.partition(",")[2]).startswith(b"\x89PNG") for s in sources)
    assert all(a["alt"] for tag, a in page.tags if tag == "img") and "http" not in text.replace("http-equiv", "")
    read = " ".join(page.text)
    assert reader.headline in read and all(f["action"] in read for f in reader.of("finding")[:3])


def test_the_letter_greets_says_three_things_asks_three_and_ends_with_where_to_look(reader):
    text = held.words(letter.letter(reader))
    parts = ["Good morning,", reader.headline, "Three things to know", "Three things to decide", "Where to look"]
    spots = [text.index(part) for part in parts]
    assert spots == sorted(spots)
    known, asked = letter.to_know(reader), reader.of("finding")[:3]
    assert len(known) == 3 and all(f"{sentence}." in text for sentence in known)
    assert [f["head"] in text and f["owner"] in text and f["until"] in text for f in asked] == [True] * 3
    assert all(f["question"] in text[spots[-1] :] for f in asked) and reader.facts["snapshot"][:8] not in text


def test_a_letter_that_would_be_too_large_goes_without_its_picture(reader, monkeypatch):
    assert letter.letter(reader).count("<img") == 1
    monkeypatch.setattr(letter, "MOST", len(letter.letter(reader)) - 1)
    assert letter.letter(reader).count("<img") == 0


def test_the_letter_is_printed_where_chromium_is(reader, tmp_path):
    if not shutil.which("chromium"):
        pytest.skip("Chromium is not installed")
    lines = list(letter.write(reader, tmp_path / "brief.html"))
    assert lines[1] == f"PDF: {tmp_path / 'brief.pdf'}"
    text = " ".join(page.extract_text() for page in PdfReader(tmp_path / "brief.pdf").pages)
    assert "Good morning" in text and reader.facts["run"] in text
    about = PdfReader(tmp_path / "brief.pdf").metadata
    assert about.title == reader.title and about.creator == f"Quarterdeck {reader.facts['library']}"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["brief.html", "brief.pdf"]


def test_without_chromium_one_plain_line_says_so(out, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.main(["brief", "demo/latest", "--out", str(out), "--to", str(tmp_path / "b.html")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("e-mail: ") and printed[1] == letter.NO_PDF


@pytest.mark.parametrize("command", ["deck", "brief"])
def test_a_run_or_a_region_that_is_not_there_is_said_in_one_sentence(out, command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main([command, "demo/2020-01-01", "--out", str(out)]) == 2
    assert cli.main([command, "demo/latest", "--out", str(out), "--region", "Nort Sea"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("quarterdeck: there is no finished run demo/2020-01-01; name its folder")
    assert "has no region 'Nort Sea'; did you mean 'North Sea'?" in said[1] and len(said) == 2
    assert not list(tmp_path.iterdir())


def test_a_run_without_the_brief_is_said_so(out, tmp_path, capsys):
    run_folder = (out / "demo" / "latest").resolve()
    copy = shutil.copytree(run_folder, tmp_path / "run", ignore=shutil.ignore_patterns("data"))
    facts = json.loads((copy / "run.json").read_text())
    facts["notebooks"][0]["state"] = "failed"
    (copy / "run.json").write_text(json.dumps(facts))
    assert cli.main(["deck", str(copy), "--to", str(tmp_path / "x.pptx")]) == 2
    assert "has no whole executive brief of company" in capsys.readouterr().err


def test_deck_and_letter_of_an_earlier_edition_are_of_its_own_day(out, tmp_path):
    last = (out / "demo" / "latest").resolve()
    (first,) = set((out / "demo").glob("2*")) - {last}
    copy = shutil.copytree(last, tmp_path / "run", ignore=shutil.ignore_patterns("data"))
    shutil.copy(first / "company/executive_brief.ipynb", copy / "company/executive_brief.ipynb")
    then, facts = (json.loads((run / "run.json").read_text()) for run in (first, last))
    edition = {k: then[k] for k in ("run", "as_of", "created_at", "snapshot", "library")}
    edition["kpis"] = [k for k in then["kpis"] if k["region"] == "company"]
    facts["kpis"] = [k for k in facts["kpis"] if k["region"] != "company"]
    facts["notebooks"][0] |= {"state": "failed", "error": "SECRET", "edition": edition}
    (copy / "run.json").write_text(json.dumps(facts))
    earlier, own = open_run(str(copy), out), open_run(str(first), out)
    assert earlier.stand == own.stand and "8 Nov 2026" in own.stand and earlier.figures() == own.figures()
    assert letter.letter(earlier) == letter.letter(own)
    assert len(deck.build(earlier).slides) == len(deck.build(own).slides)


@pytest.fixture(scope="module")
def readers(out, tmp_path_factory):
    """Somebody who sees both regions, and somebody who sees one, at a server over the run."""
    root, hashed = tmp_path_factory.mktemp("exports"), passwd("correct horse battery")
    users = {"boss": "all", "north": "{demo: [North Sea]}"}
    lines = [f"  {name}: {{password: '{hashed}', sees: {sees}}}" for name, sees in users.items()]
    (root / "users.yaml").write_text("\n".join(["users:", *lines]))
    with serving(out, root / "log.txt", "--users", str(root / "users.yaml")) as (address, _):
        found = {name: Reader(address) for name in users} | {"nobody": Reader(address)}
        for name in users:
            assert found[name].log_in(name, "correct horse battery")[0] == 303
        yield found


def test_a_brief_leads_to_its_deck_and_letter_and_they_are_those_of_its_run_and_region(out, readers):
    page = readers["north"].ask("/demo/latest/north_sea/executive_brief")[2]
    run = (out / "demo" / "latest").resolve().name
    here = f"/demo/{run}/north_sea/executive_brief"
    assert f'<a href="{here}/deck.pptx">Deck (PowerPoint)</a>' in page and f'href="{here}/letter.html">Letter' in page
    status, headers, body = readers["north"].ask(f"{here}/deck.pptx", binary=True)
    assert status == 200 and headers["Content-Type"].endswith("presentationml.presentation")
    reader = open_run(f"demo/{run}", out, "North Sea")
    assert headers["Content-Disposition"] == f"attachment; filename*=utf-8''demo-north_sea-{reader.facts['as_of']}.pptx"
    first = Presentation(io.BytesIO(body)).slides[0]
    assert first.shapes.title.text == reader.headline and f"{reader.title} · 1" in [
        s.text_frame.text for s in first.shapes if s.has_text_frame
    ]
    assert readers["north"].ask(f"{here}/letter.html")[2] == letter.letter(reader)


def test_an_export_is_made_once_and_another_runs_is_another(out, readers):
    older, newer = sorted(p.name for p in (out / "demo").glob("20*"))
    ask = [f"/demo/{run}/company/executive_brief/letter.html" for run in (older, newer, "latest", newer)]
    first, second, latest, again = (readers["boss"].ask(path)[2] for path in ask)
    assert older in first and newer in second and second == latest == again
    kept = [
        p for p in (out / ".pages").rglob("*-letter.html") if newer in p.read_text() and "all regions" in p.read_text()
    ]
    assert len(kept) == 1 and not list((out / ".pages").rglob(".*draft"))


@pytest.mark.parametrize("name", ["deck.pptx", "letter.html"])
@pytest.mark.parametrize(
    ("who", "place", "status"),
    [
        ("nobody", "latest/north_sea/executive_brief", 302),
        ("north", "latest/company/executive_brief", 404),  # not to be seen
        ("north", "latest/nowhere/executive_brief", 404),
        ("north", "latest/north_sea/market_research", 404),  # has no exports
        ("north", "latest/north_sea/../company/executive_brief", 404),
        ("north", "latest/..%2fcompany/executive_brief", 404),
        ("north", "2020-01-01/north_sea/executive_brief", 404),
        ("boss", "latest/data/executive_brief", 404),
    ],
)
def test_an_export_is_for_those_who_may_see_its_brief(readers, who, place, name, status):
    assert readers[who].ask(f"/demo/{place}/{name}")[0] == status
