"""Who is granted a unit of an organisation sees all pages below it, and by no way one above it, beside it or of the company."""

import json

import pytest

import fake_runs
from quarterdeck.publish.access.shelf import Shelf
from quarterdeck.publish.access.user_file import Member
from quarterdeck.publish.pages import page_frame

BRIEF = "executive_brief"
FILES = {"company": "company", "europe": "Europe", "north": "North", "oslo": "Oslo", "south": "South", "asia": "Asia"}
PARENTS = {"Europe": "World", "Asia": "World", "North": "Europe", "South": "Europe", "Oslo": "North", "World": ""}
SEES = {"Europe": ["europe", "north", "oslo", "south"], "North": ["north", "oslo"], "South": ["south"], "Oslo": ["oslo"],
        "World": ["asia", "europe", "north", "oslo", "south"], "Nowhere": []}  # fmt: skip


def organised(root, parents=PARENTS):
    """Write runs whose regions are units of three levels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake_runs, "REGIONS", FILES)
        outputs = fake_runs._make_outputs(root)
    for file in outputs.glob("*/*/run.json"):
        facts = json.loads(file.read_text()) | {"organisation": {"view": "as it was", "parents": parents}}
        facts["kpis"] += [
            facts["kpis"][0] | {"region": region, "value": 1.0} for region in FILES if region != "company"
        ]
        file.write_text(json.dumps(facts))
    return outputs


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return organised(tmp_path_factory.mktemp("units"))


def seen_by(outputs, *regions):
    return Shelf(outputs).seen_by(Member("anna", sees={"demo": frozenset(regions)}))


@pytest.mark.parametrize("unit", SEES)
def test_a_unit_is_granted_with_all_below_it_and_nothing_else(outputs, unit):
    shelf = seen_by(outputs, unit)
    found = [region for region in FILES if shelf.notebook("demo", "latest", region, BRIEF)]
    assert sorted(found) == SEES[unit]
    run = shelf.find("demo", "latest")
    assert (run is None) == (not found)
    if run:
        said = json.dumps(run.facts) + json.dumps(page_frame.rows(run, "latest")) + json.dumps(run.outline.facts)
        hidden = [name for file, name in FILES.items() if file not in SEES[unit] and file != "company"]
        assert not [name for name in hidden if f'"{name}"' in said] and "1100000" not in said


def test_a_unit_without_a_page_of_its_own_grants_those_below_it(outputs, tmp_path):
    """As it was, Europe may have no page; its teams have."""
    parents = {"North": "Nordics", "Oslo": "North", "Nordics": "", "South": "", "Europe": "", "Asia": ""}
    shelf = seen_by(organised(tmp_path, parents), "Nordics")
    assert [r for r in FILES if shelf.notebook("demo", "latest", r, BRIEF)] == ["north", "oslo"]


@pytest.mark.parametrize(
    "parents",
    [
        {"company": "South", "Asia": ""},  # the company below the unit that is granted
        {"South": "South"},
        {"South": "North", "North": "Asia"},
        {},
    ],
    ids=["the company below", "below itself", "below another", "no tree"],
)
def test_no_tree_lets_a_reader_of_one_unit_see_the_company(tmp_path, parents):
    shelf = seen_by(organised(tmp_path, parents), "South")
    assert [r for r in FILES if shelf.notebook("demo", "latest", r, BRIEF)] == ["south"]


def test_a_tree_that_is_no_tree_makes_no_run_readable(tmp_path):
    outputs = organised(tmp_path, {"South": 3})
    assert Shelf(outputs).find("demo", "latest") is None


def test_regions_stand_below_their_unit(outputs):
    run = Shelf(outputs).find("demo", "latest")
    rows = [(row["region"], row["deep"]) for row in page_frame.rows(run, "latest")]
    lie = [("Europe", 0), ("North", 1), ("Oslo", 2), ("South", 1), ("Asia", 0)]
    assert rows == [("All regions", 0), *lie]
    frame = page_frame.frame(
        Shelf(outputs), run, "latest", "oslo", BRIEF, page_frame.moment("2026-11-15T13:00:00+00:00")
    )
    assert [(r["title"], r["deep"]) for r in frame["regions"]] == rows and frame["view"] == "as it was"
    mine = seen_by(outputs, "North").find("demo", "latest")
    assert [(r["region"], r["deep"]) for r in page_frame.rows(mine, "latest")] == [("North", 0), ("Oslo", 1)]


ATTEMPTS = [
    "/demo/latest/{}/executive_brief",
    "/demo/2026-11-15/{}/executive_brief",
    "/demo/latest/{}/executive_brief/compare",
    "/demo/latest/{}/executive_brief/deck.pptx",
    "/demo/latest/{}/executive_brief/letter.html",
    "/demo/latest/north/../{}/executive_brief",
    "/demo/latest/north%2F..%2F{}/executive_brief",
]


def test_the_server_refuses_a_sibling_and_what_lies_above(outputs, tmp_path):
    file = tmp_path / "users.yaml"
    file.write_text("users: {anna: {sees: {demo: [North]}}}")
    proxy = ("--users", str(file), "--proxy-header", "X-User", "--proxy-address", "127.0.0.1")
    with fake_runs.serving(outputs, tmp_path / "log", *proxy) as server:

        def status(path):
            return fake_runs.ask(server, path, **{"X-User": "anna"})[0]

        assert [status(ATTEMPTS[0].format(unit)) for unit in ("north", "oslo")] == [200, 200]
        others = [path.format(unit) for path in ATTEMPTS for unit in ("south", "europe", "asia", "company", "South")]
        assert {path: status(path) for path in others if status(path) not in (403, 404)} == {}
        landing = fake_runs.ask(server, "/", **{"X-User": "anna"})[2]
        assert "Oslo" in landing and not [n for n in ("South", "Europe", "Asia", "World", "1.1m") if n in landing]
        assert 'class=" deep-1"' in landing and "organisation as it was" in landing
