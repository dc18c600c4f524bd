"""A page is rendered once and stays with its run; what moved, and what is said where, is found from it."""

import asyncio
import gzip
import json
import os
import shutil
import subprocess
import urllib.request
from io import BytesIO

import pytest
from PIL import Image
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from conftest import PATIENCE, until
from fake_runs import ask, make_outputs, make_run, serving
from quarterdeck.publish.access.shelf import Shelf
from quarterdeck.publish.access.user_file import Member
from quarterdeck.publish.pages import compare, prerender, render, search
from quarterdeck.publish.pages.response_cache import ResponseCache, finished, place
from reader import Reader

BRIEF = "/demo/latest/north/executive_brief"
PINNED = "/demo/2026-11-15/north/executive_brief"


@pytest.fixture
def outputs(tmp_path):
    return make_outputs(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("pages")
    with serving(make_outputs(root, rendered=True), root / "log.txt") as (address, process):
        yield address, process, root


def fetch(server, path: str, encoding: str = "identity"):
    """Ask for what is not text."""
    asked = urllib.request.Request(server[0] + path, headers={"Accept-Encoding": encoding})
    return urllib.request.urlopen(asked, timeout=PATIENCE)


def land(outputs, name: str) -> None:
    """Let a run land whose pages are none that was there before: whole, as a run does, for the server may look at any moment."""
    draft = outputs.parent / f"draft-{name}"
    make_run(draft, name, f"{name}T06:00:00+00:00", failing=False)
    for file in draft.glob("*/*.ipynb"):
        file.write_text(file.read_text().replace("What of the ", "What of another "))
    draft.rename(outputs / "demo" / name)
    (outputs / "demo" / ".latest").symlink_to(name)
    os.replace(outputs / "demo" / ".latest", outputs / "demo" / "latest")


def picture_of(page: str) -> str:
    return page.partition('<img src="')[2].partition('"')[0]


def test_every_page_is_rendered_before_anybody_asks(tmp_path):
    outputs = make_outputs(tmp_path)
    prerenderer = prerender.Prerenderer(outputs)
    with serving(outputs, tmp_path / "log.txt"):
        until(lambda: all(prerenderer.find(path) for path in prerender.notebooks(Shelf(outputs))))


def test_the_newest_run_is_rendered_first(outputs):
    runs = [path.parent.parent.name for path in prerender.notebooks(Shelf(outputs))]
    assert runs == ["2026-11-15"] * 8 + ["2026-10-01"] * 9  # one of nine failed in the newer


def test_a_page_that_a_later_run_took_over_is_not_rendered_again(outputs):
    prerenderer = prerender.Prerenderer(outputs)
    old, new = (outputs / "demo" / run / "north" / "executive_brief.ipynb" for run in ("2026-10-01", "2026-11-15"))
    shutil.copy(old, new)
    assert prerenderer.make(old) == prerenderer.make(new)


def test_pages_of_runs_that_are_gone_are_forgotten(outputs):
    path = outputs / "demo" / "2026-10-01" / "north" / "executive_brief.ipynb"
    path.write_text(path.read_text().replace("SECRET_SOURCE", "OWN_SOURCE"))  # no other run has the same page
    prerender.main(outputs, prerender.Prerenderer(outputs).folder)
    gone = prerender.Prerenderer(outputs).find(path)
    path.write_text(path.read_text().replace("OWN_SOURCE", "OTHER_SOURCE"))
    prerender.main(outputs, prerender.Prerenderer(outputs).folder)
    kept = prerender.Prerenderer(outputs).find(path)
    assert kept.is_dir() and not gone.is_dir()


def test_one_page_that_cannot_be_rendered_keeps_no_other_from_it(outputs, capsys):
    bad = outputs / "demo" / "2026-11-15" / "north" / "executive_brief.ipynb"
    bad.write_text("no notebook")
    prerender.main(outputs, prerender.Prerenderer(outputs).folder)
    assert "north/executive_brief.ipynb could not be rendered" in capsys.readouterr().err
    rendered = [bool(prerender.Prerenderer(outputs).find(path)) for path in prerender.notebooks(Shelf(outputs))]
    assert rendered.count(False) == 1 and rendered.count(True) == 16  # 8 + 9 whole pages


def test_where_nothing_can_be_written_pages_are_kept_elsewhere(outputs, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests may run as root, who may write anywhere
    prerenderer = prerender.Prerenderer(outputs)
    assert (
        outputs not in prerenderer.folder.parents
        and prerenderer.make(next(prerender.notebooks(Shelf(outputs)))).is_dir()
    )


def test_a_picture_has_an_address_below_its_page_and_is_kept_by_the_browser(server):
    source = picture_of(ask(server, BRIEF)[2])
    assert source.startswith(f"{PINNED}/")
    with fetch(server, source) as answer:
        assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"]
        assert "private" in answer.headers["Cache-Control"] and "Cookie" in answer.headers["Vary"]
        assert answer.headers["Content-Type"] == "image/webp" and answer.read()[:4] == b"RIFF"


@pytest.mark.parametrize(
    "name", ["said.json", "body.html.gz", "..%2fsaid.json", "0" * 20 + ".png", "%2e%2e", "x.webp", "compare/x"]
)
def test_nothing_but_a_pages_own_pictures_lies_below_it(server, name):
    assert ask(server, f"{PINNED}/{name}")[0] == 404


def test_a_picture_of_a_failed_page_is_not_there(server):
    name = picture_of(ask(server, BRIEF)[2]).rpartition("/")[2]
    assert ask(server, f"/demo/latest/north/forecasting/{name}")[0] == 404


def test_a_large_picture_is_sent_without_loss_and_smaller():
    drawn = Image.new("RGB", (400, 200), "white")
    drawn.paste((31, 111, 148), (50, 50, 300, 120))
    png = BytesIO()
    drawn.save(png, "png")
    webp, shown = render._smaller(png.getvalue(), {"width": 200, "ending": "png"})
    assert shown == {"width": 200, "height": 100, "ending": "webp"}  # 200 × 200 ÷ 400
    assert len(webp) < len(png.getvalue())
    assert Image.open(BytesIO(webp)).convert("RGB").tobytes() == drawn.tobytes()


def test_a_page_leads_on_within_its_own_run(server):
    page = ask(server, BRIEF)[2]
    assert f'href="{PINNED}"' in page and "/demo/latest/" not in page


def test_links_between_notebooks_are_bound_to_the_run():
    assert render._pinned('<a href="forecasting">') == f'<a href="{render.HERE}/forecasting">'
    assert render._pinned('<a href="forecasting#x">') == f'<a href="{render.HERE}/forecasting#x">'
    assert render._pinned('<a href="#x"><a href="/y">') == '<a href="#x"><a href="/y">'


def test_a_new_run_is_shown_without_a_restart_and_is_the_latest_once_its_pages_are_rendered(tmp_path):
    outputs = make_outputs(tmp_path)
    with serving(outputs, tmp_path / "log.txt") as (address, process):
        server, page = (address, process), BRIEF.replace("north/executive_brief", "company/market_research")
        prerenderer, shelf = prerender.Prerenderer(outputs), Shelf(outputs)
        until(lambda: all(prerenderer.find(path) for path in prerender.notebooks(shelf)))
        first = ask(server, BRIEF)[2]
        land(outputs, "2026-11-17")
        assert "15 Nov 2026" in ask(server, page)[2] and "15 Nov 2026" in ask(server, "/")[2]
        assert (
            "This is an older run" not in ask(server, page.replace("latest", "2026-11-17"))[2]
        )  # and is there at once
        until(lambda: "17 Nov 2026" in ask(server, page)[2])
        assert prerenderer.all_rendered(shelf, shelf.find("demo", "2026-11-17"))
        assert "another market_research" in ask(server, page)[2] and "17 Nov 2026" in ask(server, "/")[2]
        assert "This is an older run" in ask(server, PINNED)[2]
        assert ask(server, picture_of(first), "HEAD")[0] == 200  # a reader of the older page still gets its pictures
        assert "Traceback" not in (tmp_path / "log.txt").read_text()


def test_what_a_run_under_way_has_finished_is_rendered_before_it_lands(outputs):
    page, old = outputs / "demo" / "2026-11-16" / "north" / "forecasting.ipynb", outputs / "demo" / "2026-11-15"
    shutil.copy(old / "north" / "executive_brief.ipynb", page)
    failed = page.parents[1] / "failed" / page.name
    failed.parent.mkdir()
    shutil.copy(page, failed)
    shutil.copy(page, page.with_name(".draft.ipynb"))
    assert prerender.under_way(Shelf(outputs)) == [page]
    shutil.copy(old / "run.json", page.parents[1])
    assert prerender.under_way(Shelf(outputs)) == []  # it has landed: its record says which pages are whole


def test_many_who_wait_for_a_page_have_it_rendered_once(outputs, monkeypatch):
    prerenderer, path = (
        prerender.Prerenderer(outputs),
        outputs / "demo" / "2026-11-15" / "north" / "executive_brief.ipynb",
    )
    began, real = [], subprocess.run
    monkeypatch.setattr("subprocess.run", lambda *a, **k: (began.append(a), real(*a, **k)))  # counts, and does it

    async def wait():
        return await asyncio.gather(*(prerenderer.render_now(path) for _ in range(5)))

    assert len({*asyncio.run(wait())}) == len(began) == 1 and prerenderer.find(path)


def test_a_run_of_days_ago_is_called_stale_in_words(server):
    page = ask(server, "/demo/2026-10-01/north/executive_brief")[2]
    assert '<b class="stale">stale</b>' in page


def test_a_page_without_gzip_is_the_same_page(server):
    with fetch(server, BRIEF, "gzip") as zipped, fetch(server, BRIEF, "identity") as plain:
        assert gzip.decompress(zipped.read()) == plain.read()


def answer(page="a page"):
    return finished("facts", {}, page, {"Vary": "Cookie", "Content-Type": "text/html"})


def test_readers_with_other_rights_share_no_answer():
    start = RequestStartLine("GET", BRIEF, "HTTP/1.1")
    cache, request = ResponseCache(), HTTPServerRequest(start_line=start, headers=HTTPHeaders({"Host": "here"}))
    few, all_ = Member("anna", sees={"demo": frozenset({"North"})}), Member("boss")
    cache.put(place(request, all_, ""), answer())
    assert cache.get(place(request, Member("carl"), "")) and not cache.get(place(request, few, ""))
    assert not cache.get(place(request, all_, "Carl")) and not cache.get(
        place(request, Member("boss", explores=False), "")
    )


def test_finished_answers_stay_within_their_bound():
    cache = ResponseCache(limit=2000)
    for number in range(50):
        cache.put(number, answer(os.urandom(300).hex()))  # some 330 bytes each, compressed
    assert cache.size == sum(len(a.body) for a in cache.answers.values()) <= 2000
    assert 49 in cache.answers and 0 not in cache.answers


def test_an_answer_stands_until_a_file_that_it_follows_from_is_another(outputs):
    files = [outputs / "demo" / "2026-11-15" / "run.json", outputs / "demo"]
    made = answer()
    made.watch([str(f) for f in files])
    assert not made.stands()  # the files are of just now: they may change again without their time telling
    for file in files:
        os.utime(file, (1, 1))
    made.watch([str(f) for f in files])
    assert made.stands()
    (outputs / "demo" / "another").mkdir()
    assert not made.stands()
    made.watch([str(files[0])])
    assert made.stands()
    files[0].unlink()
    assert not made.stands()


def test_a_page_that_is_handed_out_again_is_the_same_with_the_same_headers(tmp_path):
    outputs = make_outputs(tmp_path)
    for path in (outputs, *outputs.rglob("*")):
        os.utime(path, (1, 1), follow_symlinks=False)
    with serving(outputs, tmp_path / "log.txt", "--audit", str(tmp_path / "audit.jsonl")) as (address, _):
        answers = [Reader(address).ask(BRIEF, **{"Accept-Encoding": "gzip"}, binary=True) for _ in range(3)]
        again = Reader(address).ask(BRIEF, **{"Accept-Encoding": "gzip", "If-None-Match": answers[0][1]["Etag"]})
        for status, headers, body in answers:
            headers.pop("Date")
            assert (status, headers, body) == answers[0]
        assert (again[0], again[2], again[1]["Etag"]) == (304, "", answers[0][1]["Etag"])
    lines = [
        json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()
    ]  # all are there at the end
    assert [(line["status"], line["notebook"]) for line in lines] == [
        (s, "executive_brief") for s in (200, 200, 200, 304)
    ]


def kpi(value, low=None, high=None, metric="win_rate", unit="ratio"):
    return {"region": "north", "notebook": "executive_brief", "metric": metric, "period": "Q4", "value": value, "n": 9,
            "low": low, "high": high, "unit": unit}  # fmt: skip


def with_kpis(outputs, run, kpis):
    file = outputs / "demo" / run / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"kpis": kpis}))


def test_a_figure_moved_where_what_it_was_lies_outside_its_interval(outputs):
    then = [kpi(0.30), kpi(0.35, metric="market_share"), kpi(100.0, metric="revenue", unit="money")]
    now = [kpi(0.40, 0.35, 0.45), kpi(0.40, 0.34, 0.46, "market_share"), kpi(110.0, metric="revenue", unit="money")]
    with_kpis(outputs, "2026-10-01", then)
    with_kpis(outputs, "2026-11-15", [*now, kpi(3.0, metric="hhi", unit="index")])
    shelf = Shelf(outputs)
    run = shelf.find("demo", "latest")
    before = shelf.before(run, "north", "executive_brief")
    rows = compare.compare(run, before, "north", "executive_brief", {"hhi": "Concentration (HHI)"})
    assert [(r["title"], r["change"], r["words"]) for r in rows] == [
        ("Win rate", "+10.0 pp", "moved more than its interval"),  # 0.30 is below 0.35
        ("Market share", "+5.0 pp", "within its interval"),  # 0.35 is above 0.34
        ("Revenue", "+€10 (+10.0 %)", "has no interval"),  # 110 ÷ 100 − 1
        ("Concentration (HHI)", "–", "not in the run before"),
    ]


def test_what_moved_is_one_click_from_the_page(server):
    assert f'href="{PINNED}/compare"' in ask(server, BRIEF)[2]
    status, _, page = ask(server, f"{PINNED}/compare")
    assert status == 200 and "the one before from 1 Oct 2026" in page
    assert "No run before this one has this page." in ask(server, "/demo/2026-10-01/north/executive_brief/compare")[2]
    assert ask(server, "/demo/latest/north/forecasting/compare")[0] == 404  # it failed


def test_sentences_and_figures_are_found_and_lead_to_page_and_section(outputs):
    prerenderer = prerender.Prerenderer(outputs)
    assert search.find(Shelf(outputs), prerenderer, "share rose")["missing"] == 8  # nothing is rendered yet
    prerender.main(outputs, prerenderer.folder)
    found = search.find(Shelf(outputs), prerenderer, "share ROSE")
    first = found["hits"][0]
    assert (first["text"], first["region"], first["page"]) == ("Share rose", "All regions", "Executive brief")
    assert (first["href"], first["id"]) == ("/demo/2026-11-15/company/executive_brief", "where-does-share-move")
    assert found["missing"] == 0 and search.find(Shelf(outputs), prerenderer, "no such words")["count"] == 0


def test_code_is_not_found(outputs):
    prerenderer = prerender.Prerenderer(outputs)
    prerender.main(outputs, prerenderer.folder)
    assert not [
        n
        for n in ("SECRET_SOURCE", "STDERR_NOISE", "TRACEBACK_NOISE")
        if search.find(Shelf(outputs), prerenderer, n)["count"]
    ]


def test_only_what_the_shelf_shows_is_found(outputs):
    class Narrow(Shelf):
        def notebook(self, company, run, region, notebook):
            return super().notebook(company, run, region, notebook) if region == "north" else None

    prerenderer = prerender.Prerenderer(outputs)
    prerender.main(outputs, prerenderer.folder)
    hits = search.find(Narrow(outputs), prerenderer, "share rose")["hits"]
    assert hits and {h["region"] for h in hits} == {"North"}


def test_the_search_page_is_a_plain_form_and_escapes_what_was_asked(server):
    page = ask(server, "/search?q=%3Cscript%3Ealert(1)%3C/script%3E")[2]
    assert '<form class="search"' in page and "<script" not in page and "&lt;script&gt;" in page
    assert 'method="get"' in ask(server, "/")[2]
