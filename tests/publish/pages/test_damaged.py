"""A file that a run left and that cannot be read takes down nothing but itself: a run is absent, a page says why in a sentence."""

import asyncio
import contextlib
import gzip
import itertools
import json
import shutil
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import damages
from conftest import until
from fake_runs import impatient, make_outputs, make_run, serving
from quarterdeck.batch import finished, folders, incremental, unchanged
from quarterdeck.errors import RunError
from quarterdeck.publish.access.shelf import Shelf
from quarterdeck.publish.access.users import Member
from quarterdeck.publish.exports import run_reader
from quarterdeck.publish.live import program
from quarterdeck.publish.pages import page_frame, prerender, search
from reader import Reader

BRIEF = "/demo/latest/north/executive_brief"
NOW = datetime(2026, 11, 15, 13, 20, tzinfo=UTC)
OLD, NEW = "2026-10-01", "2026-11-15"
PAGES = ("/", "/search?q=share", "/demo/latest", BRIEF, f"{BRIEF}/compare", f"/demo/{NEW}")


@pytest.fixture
def outputs(tmp_path):
    return make_outputs(tmp_path)


def good(outputs, run=OLD):
    return json.loads((outputs / "demo" / run / "run.json").read_text())


def waves(outputs):
    """Read the shelf as the pages do."""
    shelf = Shelf(outputs).seen_by(Member("boss"))
    page_frame.landing(shelf, NOW)
    search.find(shelf, prerender.Prerenderer(outputs), "share")
    prerender.under_way(shelf)
    return shelf


def test_every_damage_of_a_record_makes_its_run_absent_and_no_other(outputs):
    file, facts = outputs / "demo" / OLD / "run.json", good(outputs)
    whole, found = file.read_bytes(), damages.of_run_json(facts)
    assert len(found) > 150
    for name, damage in found.items():
        damage(file)
        shelf = waves(outputs)
        assert [r.name for r in shelf.runs("demo")] == [NEW], name
        ((company, run, why),) = shelf.unreadable()
        assert (company, run) == ("demo", OLD) and str(file) in why and "\n" not in why and len(why) < 600, name
        assert shelf.find("demo", "latest").name == NEW, name
        shutil.rmtree(file) if file.is_dir() else file.unlink()
        file.write_bytes(whole)
    assert len(waves(outputs).runs("demo")) == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.integers(0, 3000), put=st.binary(min_size=1, max_size=4))
def test_whatever_bytes_are_changed_the_shelf_is_read(outputs, where, put):
    file = outputs / "demo" / OLD / "run.json"
    text = json.dumps(finished.record(outputs / "demo" / NEW)).encode()
    file.write_bytes(text[:where] + put + text[where + len(put) :])
    shelf = waves(outputs)  # what was hit may be a name, a figure, or what makes it JSON
    assert len(shelf.runs("demo")) + len([*shelf.unreadable()]) == 2


def test_the_run_that_latest_names_gives_way_to_the_one_before(outputs):
    (outputs / "demo" / NEW / "run.json").write_text("{")
    assert Shelf(outputs).find("demo", "latest").name == OLD


def test_new_keys_are_let_through(outputs):
    facts = good(outputs)
    more = {"age": {"days": 3}, "kept_from": None}
    facts = facts | more | {"notebooks": [e | more for e in facts["notebooks"]], "kpis": [facts["kpis"][0] | more]}
    (outputs / "demo" / OLD / "run.json").write_text(json.dumps(facts))
    assert Shelf(outputs).find("demo", OLD).facts["age"] == {"days": 3}


def test_no_reader_of_the_batch_stumbles_over_a_damaged_record(tmp_path):
    company = tmp_path / "demo"
    names = [f"2026-11-{day}T060000Z" for day in (13, 14, 15)]
    for name in names:
        make_run(company / name, name[:10], f"{name[:10]}T06:00:00+00:00", failing=False)
    folders.point(company, names[2])
    file = company / names[2] / "run.json"
    for name, damage in damages.of_any_json(file.read_bytes()).items():
        whole = file.read_bytes()
        damage(file)
        assert finished.facts(company / "latest") == {}, name
        assert unchanged.since(company, {}, tmp_path, tmp_path) is None, name
        incremental.earlier(company)
        with pytest.raises(RunError) as said:
            run_reader.open_run(str(company / "latest"), tmp_path)
        assert str(file.resolve()) in str(said.value) and "\n" not in str(said.value), name
        shutil.rmtree(file) if file.is_dir() else file.unlink()
        file.write_bytes(whole)
    file.write_text("{}")
    assert folders.prune(company, 1) == [
        names[0]
    ]  # the one that cannot be read counts as none, and stays: it is the newest


def test_a_record_that_is_too_large_takes_no_time(outputs):
    damages.huge(outputs / "demo" / OLD / "run.json")
    begun = time.process_time()
    assert len(Shelf(outputs).runs("demo")) == 1 and time.process_time() - begun < 0.5


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """A server that starts over a folder in which every kind of damage has befallen an old run."""
    root = tmp_path_factory.mktemp("crowded")
    outputs = make_outputs(root, rendered=True)
    for number, damage in enumerate(damages.of_any_json((outputs / "demo" / OLD / "run.json").read_bytes()).values()):
        run = outputs / "demo" / f"2025-01-{number + 1:02}"
        shutil.copytree(outputs / "demo" / OLD, run)
        damage(run / "run.json")
    with serving(outputs, root / "log.txt", "--audit", str(root / "audit.jsonl")) as (address, process):
        yield address, outputs, root / "log.txt", number + 1


def test_the_server_starts_and_serves_every_page(crowded):
    for path in PAGES:
        assert Reader(crowded[0]).ask(path)[0] == 200, path
    page = Reader(crowded[0]).ask("/")[2]
    assert page.count("cannot be read, so it is not shown") == 5 and f"{crowded[3] - 5} more cannot be read" in page
    assert "run.json" not in page and str(crowded[1]) not in page


def test_each_run_that_cannot_be_read_is_named_once_in_the_log(crowded):
    end = time.monotonic() + 120
    while "is not shown" not in crowded[2].read_text() and time.monotonic() < end:
        time.sleep(0.5)
    time.sleep(5)  # two more looks for new runs name none of them again
    lines = [line for line in crowded[2].read_text().splitlines() if "is not shown" in line]
    assert len(lines) == crowded[3] and len({line.split("demo/")[1][:10] for line in lines}) == crowded[3]
    assert "Traceback" not in crowded[2].read_text()


@pytest.mark.parametrize("damage", ["cut at 80 %", "a folder", "huge", "deeply nested", "not UTF-8"])
def test_a_record_that_is_damaged_while_readers_are_served_goes_and_comes_back(crowded, damage):
    file = crowded[1] / "demo" / OLD / "run.json"
    whole, reader = file.read_bytes(), Reader(crowded[0])
    damages.of_any_json(whole)[damage](file)
    try:
        for path in PAGES:
            assert reader.ask(path)[0] == 200, path
        assert reader.ask(f"/demo/{OLD}")[0] == 404 and f'href="/demo/{OLD}"' not in reader.ask("/")[2]
        end = time.monotonic() + 60  # for a moment it says again what it said
        while f"demo/{OLD}" not in json.loads(reader.ask("/readyz")[2])["unreadable"]:
            assert time.monotonic() < end
            time.sleep(0.5)
    finally:
        shutil.rmtree(file) if file.is_dir() else file.unlink()
        file.write_bytes(whole)
    assert reader.ask(f"/demo/{OLD}")[0] == 200


NOTEBOOKS = {
    "cells that are none": b'{"cells": 3, "metadata": {}}', "a cell without its kind": b'{"cells": [{}], "metadata": {}}',
    "outputs that are none": b'{"cells": [{"cell_type": "code", "source": "", "metadata": {}, "outputs": {}}], "metadata": {}}',
}  # fmt: skip


def test_a_damaged_notebook_gives_one_sentence_and_leaves_all_else(crowded):
    page = crowded[1] / "demo" / NEW / "united_kingdom" / "forecasting.ipynb"
    whole, reader = page.read_bytes(), Reader(crowded[0])
    damages.of_any_json(whole)["cut at 80 %"](page)
    status, _, card = reader.ask("/demo/latest/united_kingdom/forecasting")
    assert status == 503 and "Its stored notebook is damaged; the next run makes it again." in card
    assert [reader.ask(path)[0] for path in ("/", "/search?q=share", BRIEF)] == [200] * 3
    page.write_bytes(whole)
    assert reader.ask("/demo/latest/united_kingdom/forecasting")[0] == 200
    assert "Traceback" not in crowded[2].read_text()


def test_every_damage_of_a_notebook_is_known_as_one(outputs, capsys):
    prerenderer, page = prerender.Prerenderer(outputs), outputs / "demo" / NEW / "north" / "executive_brief.ipynb"
    whole = page.read_bytes()
    kinds = damages.of_any_json(whole) | {k: damages.writing(v) for k, v in NOTEBOOKS.items()}
    for name, damage in kinds.items():
        damage(page)
        if page.is_file():  # what is none is not on the shelf
            assert prerender._made(prerenderer, page) == prerender.DAMAGED, name
            assert len(capsys.readouterr().err.splitlines()) == 1 and not [*prerenderer.folder.iterdir()], name
            assert program.read(page) is None, name
        assert incremental.whole(page) is None, name
        shutil.rmtree(page) if page.is_dir() else page.unlink()
        page.write_bytes(whole)


def sheet_of(outputs, region="north", notebook="executive_brief"):
    return prerender.Prerenderer(outputs).find(outputs / "demo" / NEW / region / f"{notebook}.ipynb")


SHEETS = {
    "nothing": b"", "zeroes": bytes(4000), "other": b"no such thing", "a list": b"[]", "an object": b"{}",
    "cut gzip": gzip.compress(b"<p>page</p>" * 500)[:40], "packed nothing": gzip.compress(b""),
}  # fmt: skip


def test_a_rendered_page_that_is_damaged_is_rendered_again(crowded):
    reader = Reader(crowded[0])
    expected = [reader.ask(path)[2] for path in (BRIEF, f"{BRIEF}/compare")]
    for (name, content), part in itertools.product(SHEETS.items(), (prerender.BODY, prerender.SAID)):
        file = sheet_of(crowded[1]) / part
        whole = file.read_bytes()
        file.write_bytes(content)
        assert not prerender.whole(file.parent), name
        file.write_bytes(whole)
    file.write_bytes(b"")
    assert reader.ask("/search?q=share")[0] == 200
    status, _, page = reader.ask(f"{BRIEF}/compare")
    assert status == 200 and page.count("<tr>") == expected[1].count("<tr>")
    assert "What of the executive_brief of north?" in reader.ask(BRIEF)[2]
    (sheet_of(crowded[1]) / prerender.BODY).unlink()
    assert reader.ask(f"{BRIEF}/compare")[0] == reader.ask(BRIEF)[0] == 200


def test_a_page_that_a_reader_had_made_meanwhile_is_not_forgotten(outputs):
    prerenderer = prerender.Prerenderer(outputs)
    path = outputs / "demo" / NEW / "north" / "executive_brief.ipynb"
    begun = time.time() - 0.5  # a pass begins to look for the pages that runs have
    rendered = prerenderer.make(path)  # and a reader has one made that it does not know of
    prerender._forget(prerenderer.folder, set(), begun)
    assert prerender.whole(rendered)
    others = prerenderer.folder / "others.txt"
    others.write_text("a file that somebody put there")
    prerender._forget(prerenderer.folder, set(), time.time() + 60)
    assert not rendered.is_dir() and [*prerenderer.folder.iterdir()] == [others]


@pytest.fixture
def full(small_disk, outputs):
    """Outputs whose folder of rendered pages lies on a disk without room."""
    (outputs / ".pages").symlink_to(small_disk)
    with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4096))
    return outputs


def test_a_full_folder_of_pages_leaves_no_draft_and_gives_one_sentence(full, small_disk, tmp_path):
    with serving(full, tmp_path / "log.txt", program=impatient(**{"prerender.AGAIN": 2.0})) as (address, _):
        reader = Reader(address)
        for path in (BRIEF, f"{BRIEF}/compare"):
            status, _, card = reader.ask(path)
            assert status == 503 and "disk is full or cannot be written" in card and "Traceback" not in card
        assert reader.ask("/")[0] == 200
        until(lambda: [p.name for p in small_disk.iterdir()] == ["filler"])  # the server's own pass has ended as well
        (small_disk / "filler").unlink()
        end = time.monotonic() + 120
        while (answer := reader.ask(BRIEF))[0] == 503 and time.monotonic() < end:
            time.sleep(1)
        assert answer[0] == 200 and "What of the executive_brief of north?" in answer[2]


def test_a_page_that_cannot_be_rendered_is_not_tried_at_every_request(outputs):
    prerenderer, path = prerender.Prerenderer(outputs), outputs / "demo" / NEW / "north" / "executive_brief.ipynb"
    path.write_text("{")

    async def ask():
        for _ in range(50):
            with pytest.raises(prerender.Unrendered, match="damaged"):
                await prerenderer.render_now(path)

    begun = time.process_time()
    asyncio.run(ask())
    assert len(prerenderer.failed) == 1 and time.process_time() - begun < 10
