"""The invariants of ARCHITECTURE.md, read off the imports."""

import ast

import pytest

from conftest import ROOT

LIB = ROOT / "lib" / "quarterdeck"
ROOMS = ["data", "analysis", "present", "batch", "publish"]
MODULES = sorted(LIB.rglob("*.py"))


def imported(path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room(path) -> str:
    return path.relative_to(LIB).parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(LIB)))
def test_no_room_imports_a_later_one(path):
    if room(path) in ROOMS:
        later = ROOMS[ROOMS.index(room(path)) + 1 :]
        assert not {
            n
            for n in imported(path)
            if n.split(".")[:1] == ["quarterdeck"] and n.split(".")[1:2] in [[r] for r in later]
        }


@pytest.mark.parametrize(
    ("tool", "home"), [("papermill", "batch"), ("voila", "publish"), ("ibis", "data"), ("duckdb", "data")]
)
def test_one_room_knows_each_tool(tool, home):
    users = {room(p) for p in MODULES if tool in {n.split(".")[0] for n in imported(p)}}
    assert users == {home}


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) == "analysis"], ids=lambda p: p.stem)
def test_analysis_reads_nothing_and_draws_nothing(path):
    outside = {"os", "pathlib", "io", "random", "time", "datetime", "matplotlib", "seaborn", "IPython"}
    assert not outside & {n.split(".")[0] for n in imported(path)}
    called = {n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)}
    assert not called & {"now", "today", "read_csv", "read_parquet", "open", "default_rng"}


def test_no_module_is_without_a_subject():
    assert not {p.stem for p in MODULES} & {"utils", "helpers", "common", "misc"}


def test_every_public_function_says_what_it_does():
    silent = [
        f"{path.relative_to(LIB)}: {node.name}"
        for path in MODULES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent


def test_functions_fit_on_half_a_screen():
    long = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                long += [f"{path.relative_to(LIB)}: {node.name} has {lines} lines"] if lines > 32 else []
    assert not long
