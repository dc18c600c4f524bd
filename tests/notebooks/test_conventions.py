"""What every notebook keeps to, read without running it."""

import ast
import asyncio
import re

import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TAGS = ["parameters", "setup", "headline", "method", "provenance"]
LIVE = "live"  # a cell that wants a kernel


@pytest.fixture(params=NOTEBOOKS, ids=lambda p: p.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [c for c in notebook.cells if c.cell_type == "code"]


def prose(notebook):
    return [c.source for c in notebook.cells if c.cell_type == "markdown"]


def test_the_five_notebooks_are_there():
    names = {p.stem for p in NOTEBOOKS}
    assert names >= {"executive_brief", "market_research", "competitor_analysis", "team_performance", "forecasting"}


def test_no_output_is_stored(notebook):
    nbformat.validate(notebook)
    assert not any(c.outputs or c.execution_count for c in code(notebook))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_opening_and_saving_one_in_jupyterlab_changes_nothing(path, tmp_path):
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    contents = AsyncLargeFileManager(root_dir=str(tmp_path), pre_save_hook="quarterdeck.batch.lab.as_committed")
    model = asyncio.run(contents.get(path.name))
    language = {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "name": "python",
        "version": "3.99",
    }
    model["content"]["metadata"]["language_info"] = (
        language  # as a kernel describes itself to JupyterLab, which notes it
    )
    asyncio.run(contents.save(model, path.name))
    assert copy.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
    assert model["content"]["metadata"]["kernelspec"]["name"] == "quarterdeck"


def test_the_page_asks_one_question_and_its_sections_ask_theirs(notebook):
    headings = [line for text in prose(notebook) for line in text.splitlines() if line.startswith("#")]
    assert [h.startswith("# ") for h in headings].count(True) == 1
    assert all(h.endswith("?") for h in headings), headings


def test_tagged_cells_stand_in_order_and_each_once(notebook):
    tags = [t for c in code(notebook) for t in c.metadata.get("tags", []) if t != LIVE]
    assert tags == TAGS


def test_parameters_are_literals_that_papermill_can_read(notebook):
    (cell,) = [c for c in code(notebook) if "parameters" in c.metadata.get("tags", [])]
    for line in cell.source.splitlines():
        assert line.count("=") == 1 and "  # " in line, line
    for node in ast.parse(cell.source).body:
        assert isinstance(node, ast.AnnAssign)
        ast.literal_eval(node.value)


IMPORT = re.compile(r"from \S+ import |import ")  # one a package: what the notebook stands on, not its argument


def test_cells_are_short_and_define_nothing(notebook):
    cells = code(notebook)
    lines = [len([li for li in c.source.splitlines() if not IMPORT.match(li)]) for c in cells]
    assert len(cells) <= 24 and max(lines) <= 16 and sorted(lines)[len(lines) // 2] <= 3
    banned = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try, ast.ListComp, ast.Lambda)
    for cell in cells:
        nodes = list(ast.walk(ast.parse(cell.source)))
        assert not [n for n in nodes if isinstance(n, banned)], cell.source
        assert not {"groupby", "merge", "head"} & {n.attr for n in nodes if isinstance(n, ast.Attribute)}, cell.source


def test_no_figure_is_typed_into_prose(notebook):
    for text in prose(notebook):
        assert not re.search(r"\d+([.,]\d+)?\s?(%|€|\$|k\b|m\b|bn\b)|[€$]\s?\d", text), text


def test_prose_is_short(notebook):
    assert all(len(text.split()) <= 75 for text in prose(notebook))
