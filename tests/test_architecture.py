"""The invariants of ARCHITECTURE.md, read off the imports."""

import ast
import re
import sys
from graphlib import TopologicalSorter

import pytest

from conftest import ROOT

LIB = ROOT / "lib" / "quarterdeck"
ROOMS = ["data", "analysis", "present", "batch", "publish", "commands"]
MODULES = sorted(LIB.rglob("*.py"))


def imported(path) -> set[str]:
    return {name for node in ast.walk(ast.parse(path.read_text())) for name in imported_by(node)}


def imported_by(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return set()


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


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) in ("commands", "cli.py")], ids=lambda p: p.stem)
def test_commands_import_what_takes_long_where_they_use_it(path):
    """An unchanged run is answered within a second, so starting the command imports no pandas and no server."""
    above = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.Import | ast.ImportFrom)]
    names = {n for node in above for n in imported_by(node)}
    assert not {n.split(".")[1] for n in names if n.startswith("quarterdeck.")} & {"analysis", "batch", "publish"}
    assert not {n.split(".")[0] for n in names} - sys.stdlib_module_names - {"quarterdeck"}


OWN_QUARTERS = re.compile(
    r'to_period\(|period_range\(|PeriodIndex|pd\.Period\(|freq="[BQ]?[QMYA]S?E?"|Quarter(?:End|Begin)|\b(?:dt|d|day|days|index|start|end|through)\.quarter\b'
    r"|is_quarter_(?:start|end)|last_quarters\(\w+\.start"
)
BY_OTHERS = {  # modules that name calendar months or quarters, and why they may
    "data/demo": "the invented company's year is the calendar year",
    "analysis/methods/trading_days.py": "what calendar months hold is asked of months alone",
}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(LIB)))
def test_one_module_counts_days_to_quarters(path):
    """A fiscal year need not be the calendar's: `data.calendar` alone knows in which quarter a day lies."""
    name = path.relative_to(LIB).as_posix()
    if name == "data/calendar.py" or any(name.startswith(other) for other in BY_OTHERS):
        return
    code = "\n".join(line for line in path.read_text().splitlines() if ">>>" not in line)
    assert not [code[m.start() - 40 : m.end() + 20] for m in OWN_QUARTERS.finditer(code)]


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


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) == "present"], ids=lambda p: p.stem)
def test_pages_work_out_no_rate_of_growth(path):
    """What stands on a base of zero or below has no rate; `analysis.methods.intervals.growth` knows, a quotient on a page
    does not."""
    minus = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Sub)]
    one = [n for n in minus if isinstance(n.right, ast.Constant) and n.right.value == 1]
    assert not [ast.unparse(n) for n in one if isinstance(n.left, ast.BinOp) and isinstance(n.left.op, ast.Div)]


# ---- packages within a room: a package imports those before it, never one after it ----

SUBJECTS = "methods sales pipeline forecasting team market competition customers initiatives planning brief".split()
PRESENT = ["facts", "charts", "tables", "narrative"]


def modules_imported(path) -> set[str]:
    """Name the library's own modules that a file imports anywhere, each by its dotted name."""
    known = {dotted(p) for p in MODULES}
    return {n for n in imported(path) if n in known} - {dotted(path)}


def dotted(path) -> str:
    return ".".join(path.relative_to(LIB.parent).with_suffix("").parts).removesuffix(".__init__")


def package(name: str) -> list[str]:
    """Give the room and the package of a dotted module, such as `["analysis", "sales"]`."""
    return name.split(".")[1:3]


@pytest.mark.parametrize(
    "path", [p for p in MODULES if room(p) == "analysis" and p.parent != LIB / "analysis"], ids=dotted
)
def test_no_subject_imports_a_later_one(path):
    order = SUBJECTS
    own = order.index(package(dotted(path))[1])
    others = [package(n) for n in modules_imported(path) if n.count(".") > 2]
    assert not [other for room, other in others if room == "analysis" and order.index(other) > own]


@pytest.mark.parametrize("path", sorted((LIB / "analysis" / "methods").glob("*.py")), ids=dotted)
def test_methods_know_nothing_of_sales(path):
    assert {tuple(package(n)) for n in modules_imported(path)} <= {("analysis",), ("analysis", "methods"), ("errors",)}
    tables = {"orders", "opportunities", "customers", "reps", "quotas", "targets", "competitors", "forecast_calls"}
    asked = {a.arg for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.arguments) for a in n.args}
    assert not asked & tables


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) == "present"], ids=dotted)
def test_charts_tables_and_sentences_share_what_lies_below_them(path):
    own = package(dotted(path))[1:]
    if own and own[0] in PRESENT:
        others = {n.split(".")[2] for n in modules_imported(path) if n.startswith("quarterdeck.present.")}
        assert not others & set(PRESENT) - {"facts", own[0]}


def test_no_modules_import_each_other_in_a_circle():
    graph = {dotted(p): modules_imported(p) for p in MODULES}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_no_module_takes_what_another_keeps_to_itself():
    private = [
        f"{dotted(path)}: {alias.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("quarterdeck")
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]
    assert not private


# ---- present works out no figure: what a page shows as a number comes from analysis as it is shown ----

LAYOUT = "# layout"  # marks a statement that works out where something is drawn, or how large
DRAWING = {
    "style",
    "page",
    "numbers",
    "fonts",
    "widgets",
    "steps",
}  # modules that lay out, or write a number in its unit


def of_a_frame(node: ast.expr) -> bool:
    """Tell whether a value is read from a frame or a row: `rows["won"]`, `row.won`, `rows["won"].sum()`, `-row.won`."""
    if isinstance(node, ast.UnaryOp):
        return of_a_frame(node.operand)
    if isinstance(node, ast.Call):
        root = node.func.value if isinstance(node.func, ast.Attribute) else node.args[0] if node.args else None
        return root is not None and not isinstance(root, ast.Name) and of_a_frame(root)
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id in {"row", "r", "kpi"} or of_a_frame(node.value)
    if not isinstance(node, ast.Subscript):
        return False
    column = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
    return column or isinstance(node.slice, ast.Name) or of_a_frame(node.value)


def is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return is_text(node.left) or is_text(node.right)
    return isinstance(node, ast.JoinedStr) or isinstance(node, ast.Constant) and isinstance(node.value, str)


def arithmetic(node: ast.AST, statement: ast.stmt | None = None):
    """Give each sum, difference, product and quotient below a node, with the statement that it is part of."""
    for child in ast.iter_child_nodes(node):
        within = child if isinstance(child, ast.stmt) else statement
        if isinstance(child, ast.AugAssign):
            yield ast.BinOp(child.target, child.op, child.value), within
        if isinstance(child, ast.BinOp) and isinstance(child.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            yield child, within
        yield from arithmetic(child, within)


def worked_out(source: str, drawn: bool = False) -> list[str]:
    """List what a module works out of frames, and not for its layout.

    Where pictures are `drawn`, what is scaled by a number is an axis' end; elsewhere no quotient of anything is worked out.
    """
    lines, found = source.splitlines(), []
    for node, within in arithmetic(ast.parse(source)):
        last = within.body[0].lineno - 1 if hasattr(within, "body") else within.end_lineno
        if is_text(node) or any(LAYOUT in line for line in lines[within.lineno - 1 : last]):
            continue
        ends = (node.left, node.right)
        scaled = drawn and isinstance(node.op, ast.Mult) and any(isinstance(end, ast.Constant) for end in ends)
        quotient = not drawn and isinstance(node.op, ast.Div)
        if quotient or any(map(of_a_frame, ends)) and not scaled:
            found.append(ast.unparse(node))
    return found


def test_arithmetic_on_frames_is_found():
    assert worked_out('a = row["won"] / row["n"]\nb = r.won - r.lost\nc = t["won"].sum() / n') == [
        "row['won'] / row['n']",
        "r.won - r.lost",
        "t['won'].sum() / n",
    ]
    assert not worked_out(
        'a = t["name"] + " in " + t["region"]\nb = len(names) - 1\nc = row["p50"] - row["seen"]  # layout'
    )
    assert worked_out('x = 1.2 * t["n"].max()') and not worked_out('x = 1.2 * t["n"].max()', drawn=True)


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) == "present" and p.stem not in DRAWING], ids=dotted)
def test_pages_work_out_no_figure(path):
    assert not worked_out(path.read_text(), drawn=path.parent.name == "charts")
