"""Do the documents say what the code does?"""

import importlib
import re
import sys
import tomllib

import pytest
import yaml
from PIL import Image

from conftest import ROOT
from quarterdeck.analysis.brief.figures import FIGURES, UNITS
from quarterdeck.analysis.brief.metrics import BETTER, METRICS
from quarterdeck.batch.params import WORKBOOKS

sys.path.insert(0, str(ROOT / "docs"))
import generate

LIB = ROOT / "lib" / "quarterdeck"
SHORT = [p for p in LIB.rglob("*") if p.is_dir()]  # a decision may name a second file of a package by its last part
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
WRITTEN = [
    p
    for p in [*PAGES, ROOT / "outputs" / "README.md", ROOT / "tests" / "golden" / "README.md"]
    if str(p.relative_to(ROOT)) not in {*generate.DOCUMENTS, "docs/style.md", "CHANGELOG.md"}
]
DECIDED = ["Context", "Choice", "Not chosen", "Check"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_conda_users_get_the_same_packages_and_bounds():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    assert listed == [*PROJECT["dependencies"], "-e ."]


def test_every_dependency_has_its_reason():
    table = (ROOT / "docs" / "dependencies.md").read_text()
    for requirement in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]:
        name = re.split(r"[\[<>=,]", requirement)[0]
        assert re.search(rf"(?m)^\|[^|]*\b{re.escape(name)}\b", table), name


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"(?m)^([a-z0-9_.-]+)(?:\[[^\]]*\])?==(\S+)", (ROOT / name).read_text()))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=,]", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_a_lock_holds_versions_and_hashes_and_no_address(name):
    lock = (ROOT / name).read_text()
    assert "://" not in lock and not re.search(r"(?m)^--", lock)
    assert 0 < lock.count("==") <= lock.count("--hash=sha256:")


def test_tests_add_their_tools_to_what_users_install_and_change_no_version_of_it():
    use, tools = locked("requirements.lock"), locked("requirements-test.lock")
    wanted, extra = names(PROJECT["dependencies"]), names(PROJECT["optional-dependencies"]["test"])
    assert wanted <= set(use) and extra <= set(tools)
    assert {name: use.get(name, version) for name, version in tools.items()} == tools
    assert not (extra - wanted) & set(use) - {"psutil"}  # which ipykernel needs


def test_the_readme_names_only_make_targets_that_exist():
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    for page in ("README.md", "CONTRIBUTING.md"):
        assert set(re.findall(r"`?make ([a-z]+)", (ROOT / page).read_text())) <= targets


@pytest.mark.parametrize("name", list(generate.DOCUMENTS))
def test_a_generated_document_says_what_the_code_does(name):
    assert (ROOT / name).read_text(encoding="utf-8") == generate.DOCUMENTS[name](), "make docs"


def test_every_figure_has_a_unit_a_direction_and_a_function():
    for name, record in FIGURES.items():
        module, function = record.function.rsplit(".", 1)
        assert callable(getattr(importlib.import_module(f"quarterdeck.analysis.{module}"), function)), name
        assert record.unit in UNITS and record.better in BETTER, name


def test_every_figure_of_a_golden_run_is_listed_with_its_page():
    for page, listed in generate.pages().items():
        if page in WORKBOOKS:
            golden = (ROOT / "tests" / "golden" / f"{page}.ipynb").read_text(encoding="utf-8")
            claimed = set(re.findall(r'"metric": "(\w+)"', golden)) & set(FIGURES)
            assert claimed <= listed, page
    assert set().union(*generate.pages().values()) == {*METRICS, *FIGURES}


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("0*.md")), ids=lambda p: p.stem)
def test_a_decision_is_short_dated_and_names_files_that_exist(path):
    text = path.read_text(encoding="utf-8")
    assert re.match(rf"# {path.stem[:4]}\. .+\n\n\d{{4}}-\d\d-\d\d · \w+ · (accepted|followed by \d{{4}})\n", text)
    assert re.findall(r"(?m)^\*\*(Context|Choice|Not chosen|Check)\.\*\*", text) == DECIDED
    assert len(text.split()) <= 250
    places = (ROOT, LIB, LIB / "analysis", LIB / "analysis" / "methods")
    for name in re.findall(r"`([\w/]+\.py)`", text):
        assert any((place / name).exists() for place in (*places, *SHORT)), name


def test_decisions_are_numbered_without_a_gap():
    numbers = [int(p.stem[:4]) for p in sorted((ROOT / "docs" / "decisions").glob("0*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("name", list(WORKBOOKS))
def test_the_gallery_has_a_small_picture_of_every_page(name):
    picture = ROOT / "docs" / "gallery" / f"{name}.webp"
    assert 2_000 < picture.stat().st_size < 60_000
    assert Image.open(picture).width == 480


def test_the_readme_shows_the_brief_at_the_width_of_a_screen():
    picture = ROOT / "docs" / "brief.png"
    assert Image.open(picture).width == 1440 and picture.stat().st_size < 300_000


def test_the_map_names_every_room_and_package():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    packages = [p.parent.relative_to(LIB) for p in LIB.rglob("__init__.py") if p.parent != LIB]
    for package in packages:
        room = len(package.parts) == 1
        assert (f"`lib/quarterdeck/{package}`" if room else f"`{package}`") in text, package


def test_the_map_leads_to_files_and_names_that_exist():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for path, _, name in re.findall(r"`((?:data|analysis|present|batch|publish)/[\w/]+\.py)`(, `(\w+)`)?", text):
        code = (LIB / path).read_text(encoding="utf-8")
        assert re.search(rf"(?m)^(def |class |){name}\b", code), (path, name)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


NOISE = "\n".join(
    f"WARNING: Location 'file:///opt/simple/p{i}/' is ignored: it is neither a file nor a directory."
    for i in range(200)
)
FAULT = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n    six==1.17.0:\n        Expected sha256 0000"


@pytest.mark.parametrize(
    "words", ["", FAULT, "WARNING: six 1.17.0 is yanked", "ERROR: No matching distribution found for six"]
)
def test_an_installation_says_what_it_does_in_lines_and_hides_no_error(words, capfd, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    import install

    # In pip's place a program that says what pip says: tests reach no index.
    program = (
        f"print({NOISE!r}); print('Collecting six==1.17.0'); print({words!r}); import sys; sys.exit({'ERROR' in words})"
    )
    monkeypatch.setattr(install, "PIP", [sys.executable, "-c", program])
    assert install.main(str(ROOT / "requirements.lock")) == ("ERROR" in words)
    said = capfd.readouterr()
    assert said.err.strip() == words.strip() and len(said.out.splitlines()) <= 2
    assert re.match(r"installing \d+ packages of .*requirements.lock into ", said.out)
