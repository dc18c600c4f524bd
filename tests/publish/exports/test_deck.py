"""Do deck, letter and pages say the same, whole, in words and tables that can be edited?"""

import base64
import io
import json
import shutil
import zipfile
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from jupyter_server.auth.security import passwd
from pptx import Presentation
from pypdf import PdfReader

from fake_runs import serving
from quarterdeck import cli
from quarterdeck.batch.execute import RunOptions, run
from quarterdeck.data.home import home
from quarterdeck.present import style
from quarterdeck.present.narrative.brief import NOT_ESTIMATED
from quarterdeck.present.sentences import SAID_MIME
from quarterdeck.publish.exports import deck, letter
from quarterdeck.publish.exports.run_reader import open_run
from reader import Reader


@pytest.fixture(scope="module")
def out(tmp_path_factory, forking_process):
    """A real run of the brief of two regions of the demo company, after one of a week before."""
    folder = tmp_path_factory.mktemp("deck")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
        for day in ("2026-11-08", ""):
            asked = (
                home() / "params" / "demo",
                folder,
                home() / "notebooks",
                ["company", "north_sea"],
                ["executive_brief"],
            )
            _, facts = run(RunOptions(*asked, as_of=day))
            assert not [e for e in facts["notebooks"] if e["state"] == "failed"]
    return folder


@pytest.fixture(scope="module", params=["company", "North Sea"])
def reader(request, out):
    return open_run("demo/latest", out, request.param)


@pytest.fixture(scope="module")
def slides(reader, tmp_path_factory):
    """The deck as PowerPoint would open it."""
    path = tmp_path_factory.mktemp("pptx") / "deck.pptx"
    assert deck.write(reader, path) <= deck.MOST
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


def test_deck_and_letter_show_each_figure_as_the_run_recorded_it(reader, slides):
    recorded = {k["metric"]: k for k in reader.facts["kpis"] if k["region"] == reader.region}
    shown = {row[0]: row for row in tables(slides)[0][1:]}
    mail = letter.letter(reader)
    assert len(shown) == len(reader.of("figure")) == 13
    for figure in reader.of("figure"):
        kpi = recorded[figure["metric"]]
        assert figure["value"] == kpi["value"] and figure["low"] == kpi["low"] and figure["n"] == kpi["n"]
        text = style.amount(kpi["value"], kpi["unit"], reader.facts["currency"])
        assert shown[figure["title"]][1] == text and f"<b>{text}</b>" in mail
        if kpi["low"] is not None:
            spread = " to ".join(style.amount(kpi[k], kpi["unit"], reader.facts["currency"]) for k in ("low", "high"))
            assert shown[figure["title"]][2] == spread and spread in mail


def test_deck_and_letter_show_the_pages_own_sentences(reader, slides):
    page = (reader.folder / reader.region / "executive_brief.ipynb").read_text()
    outputs = [o for c in json.loads(page)["cells"] for o in c.get("outputs", [])]
    markup = "".join(str(o["data"].get("text/html", "")) for o in outputs)
    for record in (r for o in outputs for r in o["data"].get(SAID_MIME, []) if r["kind"] == "finding"):
        assert record["worth"] in markup and (record["gain"] in markup) == (record["gain"] != NOT_ESTIMATED)  # the card
        row = next(r for r in tables(slides)[-1] if r[1] == record["head"])
        assert row[:3] + row[4:] == [record[k] for k in ("worth", "head", "action", "risk", "owner")]
        rests = "" if record["gain"] == NOT_ESTIMATED else record["basis"]
        assert row[3] == f"{record['gain']} {rests}".strip() and rests in markup
        assert record["worth"] in letter.letter(reader)
    assert slides[0].shapes.title.text_frame.text == reader.headline


def test_a_figure_that_a_finding_quotes_is_the_one_that_the_run_recorded(reader):
    recorded = {k["metric"]: k["value"] for k in reader.facts["kpis"] if k["region"] == reader.region}
    quoted = {metric: value for f in reader.of("finding") for metric, value in f["recorded"].items()}
    shared = {metric: value for metric, value in quoted.items() if metric in recorded}
    assert shared == pytest.approx({metric: recorded[metric] for metric in shared}, rel=1e-9)


def test_every_slide_is_headed_by_a_finding_and_says_in_its_notes_what_it_rests_on(reader, slides):
    for slide in slides:
        title = slide.shapes.title.text_frame.text
        assert title and not title.endswith("?") and len(title) < 160
        note = slide.notes_slide.notes_text_frame.text
        assert reader.facts["snapshot"][:12] in note and "Method and source" in note
    assert "back-tested forecast of the quarter's end" in slides[0].notes_slide.notes_text_frame.text


def test_nothing_lies_outside_a_slide_and_no_text_is_tiny(slides):
    for slide in slides:
        for shape in slide.shapes:
            assert shape.left >= 0 and shape.left + shape.width <= deck.WIDE
            assert shape.top >= 0 and shape.top + shape.height <= deck.HIGH
            frames = [shape.text_frame] if shape.has_text_frame else []
            frames += [c.text_frame for r in shape.table.rows for c in r.cells] if shape.has_table else []
            sizes = [r.font.size.pt for f in frames for p in f.paragraphs for r in p.runs]
            assert min(sizes, default=10) >= 10


def test_pictures_are_the_pages_own_and_keep_their_text_alternative(reader, slides):
    drawn = [s for slide in slides for s in slide.shapes if s.shape_type == 13]
    stored = {p.png: p.alt for p in reader.pictures("executive_brief")}
    assert len(drawn) == 2
    for shape in drawn:
        alt = shape._element.nvPicPr.cNvPr.get("descr")
        assert stored[shape.image.blob] == alt and "?" in alt


def test_a_deck_takes_its_pictures_from_sections_that_are_there():
    for page, *sections in deck.SHOWN:
        cells = json.loads((home() / "notebooks" / f"{page}.ipynb").read_text())["cells"]
        assert {f"## {s}" for s in sections} <= {"".join(c["source"]).partition("\n")[0] for c in cells}


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
    assert len(sources) == 2 and all(s.startswith("data:image/png;base64,") for s in sources)
    assert all(base64.b64decode(s.partition(",")[2]).startswith(b"\x89PNG") for s in sources)
    assert all(a["alt"] for tag, a in page.tags if tag == "img") and "http" not in text.replace("http-equiv", "")
    read = " ".join(page.text)
    assert reader.headline in read and all(f["action"] in read for f in reader.of("finding"))


def test_a_letter_that_would_be_too_large_goes_without_its_pictures(reader, monkeypatch):
    whole = len(letter.letter(reader))
    monkeypatch.setattr(letter, "MOST", whole - 1)
    assert letter.letter(reader).count("<img") == 1
    monkeypatch.setattr(letter, "MOST", 10_000)
    assert letter.letter(reader).count("<img") == 0


def test_the_letter_is_printed_where_chromium_is(reader, tmp_path):
    if not shutil.which("chromium"):
        pytest.skip("Chromium is not installed")
    lines = list(letter.write(reader, tmp_path / "brief.html"))
    assert lines[1] == f"PDF: {tmp_path / 'brief.pdf'}"
    text = " ".join(page.extract_text() for page in PdfReader(tmp_path / "brief.pdf").pages)
    assert "What matters most" in text and reader.facts["run"] in text
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
    assert first.shapes.title.text == reader.headline and reader.stand in [s.text_frame.text[:-4] for s in first.shapes]
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
