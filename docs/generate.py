"""Write the documents that follow from the code: `make docs`.

Each function below gives one document as text; `tests/test_documents.py` holds the files against them.
"""

import ast
import importlib
import json
import re
import sys
from functools import cache
from pathlib import Path

from quarterdeck.analysis.brief.figures import FIGURES
from quarterdeck.analysis.brief.metrics import METRICS
from quarterdeck.data import contract

ROOT = Path(__file__).parent.parent
LIB = ROOT / "lib"
NAMED = {"FEWEST_BEFORE": "periods before", "FEWEST_WON": "deals won", "SHORTEST": "periods"}
SMALLEST = re.compile(r"^(FEWEST\w*|SHORTEST|PEERS|EITHER|SPANS)$")
CLAIMS = {"Claim", "first", "amounts", "part", "most", "least", "apart"}
ROOMS = {
    "commands": "What each command does",
    "data": "What the company's tables hold, and what a desk gives",
    "analysis": "What the figures are: frame in, frame out",
    "present": "How figures become pictures, tables and sentences",
    "batch": "How notebooks run for every region",
    "publish": "How people read a finished run",
}


# ---- the code, as symbols that refer to each other ----


class Module:
    """A module's text, its top-level symbols, and what it imports from the library."""

    def __init__(self, path: Path):
        self.lines = path.read_text(encoding="utf-8").splitlines()
        self.tree = ast.parse("\n".join(self.lines))
        self.symbols = dict(_defined(self.tree))
        self.imports = dict(_imported(self.tree))


def _defined(tree: ast.Module):
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node
        for target in getattr(node, "targets", [getattr(node, "target", None)]):
            yield from ((n.id, node) for n in ast.walk(target or ast.Pass()) if isinstance(n, ast.Name))


def _imported(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("quarterdeck"):
            yield from ((a.asname or a.name, (node.module, a.name)) for a in node.names)


@cache
def modules() -> dict[str, Module]:
    """Give every module of the library by its dotted name."""
    paths = sorted((LIB / "quarterdeck").rglob("*.py"))
    return {".".join(p.relative_to(LIB).with_suffix("").parts).removesuffix(".__init__"): Module(p) for p in paths}


def referred(node: ast.AST, symbols: dict, imports: dict, own: str) -> set[tuple[str, str]]:
    """Give the library's symbols that a piece of code names, each as module and name."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in symbols:
            found.add((own, part.id))
        elif isinstance(part, ast.Name) and part.id in imports:
            found.add(imports[part.id])
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id in imports:
            found.add((".".join(imports[part.value.id]), part.attr))
    return {(module, name) for module, name in found if module in modules() and name in modules()[module].symbols}


def reached(start: set[tuple[str, str]], within: tuple[str, ...]) -> set[tuple[str, str]]:
    """Give all symbols that some lead to, within modules whose names begin so."""
    seen, ahead = set(), {s for s in start if s[0].startswith(within)}
    while ahead:
        seen |= ahead
        found = set()
        for module, name in ahead:
            code = modules()[module]
            found |= referred(code.symbols[name], code.symbols, code.imports, module)
        ahead = {s for s in found if s[0].startswith(within)} - seen
    return seen


# ---- docs/metrics.md ----


@cache
def pages() -> dict[str, set[str]]:
    """Give the ids of metrics and figures that each notebook shows, and that the board deck quotes, as the code has them."""
    shown = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        tree = ast.parse("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))
        named = referred(tree, {}, dict(_imported(tree)), "")
        within = ("quarterdeck.present", "quarterdeck.analysis.brief.findings")
        shown[path.stem] = (_texts(tree) & set(METRICS)) | _claimed(reached(named, within))
    deck = "quarterdeck.publish.exports.titles"
    return shown | {"board deck": _claimed({(deck, name) for name in modules()[deck].symbols})}


def _texts(tree: ast.AST) -> set[str]:
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def _claimed(symbols: set[tuple[str, str]]) -> set[str]:
    """Give what code makes claims of: the first text in a claim's call, and what a constant maps names to."""
    found = set()
    for node in (modules()[module].symbols[name] for module, name in symbols):
        calls = [
            n for n in ast.walk(node) if isinstance(n, ast.Call) and n.args and isinstance(n.args[0], ast.Constant)
        ]
        found |= {n.args[0].value for n in calls if ast.unparse(n.func).split(".")[-1] in CLAIMS}
        found |= {n.args[0].value for n in calls} & set(FIGURES)
        columns = [n.elts for n in ast.walk(node) if isinstance(n, ast.Tuple) and n.elts]  # of tables and pictures
        ends = {e.value for elts in columns for e in (elts[0], elts[-1]) if isinstance(e, ast.Constant)}
        found |= ends & set(FIGURES)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict | ast.Call):
            found |= _texts(node.value) & set(FIGURES) - {"plan"}  # which is a colour's name as well
        if isinstance(node, ast.AnnAssign | ast.Assign) and "Rule(" in ast.unparse(node):
            found |= _texts(node) & set(METRICS)
    return {text for text in found if text in FIGURES or text in METRICS}


def smallest(function: str) -> str:
    """Say with what samples a function makes do at least, as the constants that it uses say it."""
    module, name = f"quarterdeck.analysis.{function}".rsplit(".", 1)
    used = sorted(s for s in reached({(module, name)}, (module,)) if SMALLEST.match(s[1]))
    return ", ".join(filter(None, (_sample(*constant) for constant in used)))


def _sample(module: str, name: str) -> str:
    """Read a constant such as `FEWEST = 20  # deals below which nothing is said` as "20 deals"."""
    code, value = modules()[module], getattr(importlib.import_module(module), name)
    if not isinstance(value, int):
        return ""
    node = code.symbols[name]
    comment = code.lines[node.lineno - 1].partition("#")[2].strip()
    of = re.split(r",? ?(?:below|from) which|: |; ", comment)[0].strip()
    targets = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else node.targets
    if len(targets) > 1:  # one comment on several: the words between the commas, where there are as many
        words, place = of.split(", "), [t.id for t in targets].index(name)
        of = words[place] if len(words) == len(targets) and " " not in words[place] else ""
    if of in ("", "needed"):
        noun = re.search(r"deals|quarters|periods|sellers|customers", comment)
        of = noun.group() if noun and name == "FEWEST" else ""
    return f"{value} {of or NAMED.get(name) or name.lower().replace('fewest_', '').replace('fewest', 'rows')}"


def metrics() -> str:
    """Give `docs/metrics.md`: every figure that a page may state, once."""
    said = [
        "# Figures",
        "",
        "Every figure that a page may state, with its one definition. The first table is the registry"
        " (`analysis/brief/metrics.py`): a run records these, and tiles, deck and letter show them. The second holds the"
        " figures that pages give beside them (`analysis/brief/figures.py`).",
        "",
        "Better is the direction that is better for us. Smallest sample is what a figure needs: with less it is not shown, and"
        " the page says so. Pages are the notebooks that show it by the code; a page without the rows shows it nowhere.",
        "",
        "This page is generated: `make docs`.",
        "",
        "## Metrics",
        "",
        *_head("id", "name", "formula", "span", "unit", "better", "smallest sample", "source", "pages"),
    ]
    for m in METRICS.values():
        function = f"{m.function.__module__}.{m.function.__name__}".removeprefix("quarterdeck.analysis.")
        least = ", ".join(filter(None, [f"{m.min_n} rows" if m.min_n > 1 else "", smallest(function)]))
        said.append(_row(f"`{m.id}`", m.title, m.formula, m.since, m.unit, m.better, least, m.source, _pages(m.id)))
    head = ("id", "name", "definition", "unit", "better", "smallest sample", "source", "function", "pages")
    said += ["", "## Figures of sentences", "", *_head(*head)]
    for name, record in FIGURES.items():
        title, formula = record.definition.split(": ", 1)
        least = smallest(record.function)
        function = f"`{'.'.join(record.function.split('.')[-2:])}`"
        row = (f"`{name}`", title, formula, record.unit, record.better, least, record.source, function, _pages(name))
        said.append(_row(*row))
    return "\n".join(said) + "\n"


def _pages(figure: str) -> str:
    return ", ".join(page for page, figures in pages().items() if figure in figures)


def _head(*columns: str) -> list[str]:
    return [_row(*columns), _row(*["---"] * len(columns))]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


# ---- docs/library.md ----


def library() -> str:
    """Give `docs/library.md`: every module by the question that it answers, with its public functions."""
    said = [
        "# The library, by question",
        "",
        "Each module answers one question, which its docstring opens with. `help(function)` gives columns, units and sources.",
        "Function names in bold take tables by name, so `desk.ask(function)` computes them.",
        "",
        "This page is generated: `make docs`.",
    ]
    package = None
    for name, code in sorted(modules().items(), key=_in_order):
        parts = name.split(".")
        question, public = (ast.get_docstring(code.tree) or "").split("\n")[0], list(_public(name, code))
        if not public or len(parts) < 2:
            continue
        if (here := ".".join(parts[1:-1])) != package:
            package = here
            about = f" {ROOMS[here]}." if here in ROOMS else ""
            said += ["", f"## {here or 'The command'}", "", *([about.strip(), ""] if about else [])]
            said += _head("module", "question", "public names")
        said.append(_row(f"`{parts[-1]}`", question, ", ".join(public)))
    return "\n".join(said) + "\n"


def _in_order(item: tuple[str, Module]) -> tuple:
    parts = item[0].split(".")[1:]
    rooms = list(ROOMS)
    room = rooms.index(parts[0]) if parts and parts[0] in rooms else -1
    order = "methods sales pipeline forecasting team market competition customers initiatives planning brief".split()
    package = order.index(parts[1]) if len(parts) > 2 and parts[1] in order else 0
    return room, len(parts) > 2, package, parts[:-1], parts


def _public(module: str, code: Module):
    """Name a module's public functions and classes; in bold what a desk can be asked."""
    tables = {*contract.TABLES, "period", "as_of"} if module.startswith("quarterdeck.analysis") else set()
    for node in code.tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            arguments = {a.arg for a in node.args.args} if isinstance(node, ast.FunctionDef) else set()
            yield f"**{node.name}**" if arguments & tables else node.name


# ---- docs/decisions/README.md ----


def decisions() -> str:
    """Give `docs/decisions/README.md`: every record with its number, date, status and title."""
    said = [
        "# Decisions",
        "",
        "What was decided, when, instead of what, by which figures, and what checks it; 250 words each at most. The date is"
        " that of the first commit that records the decision.",
        "",
        "*Not chosen* names the alternatives; where one was tried or measured, the record gives the figures. A record is not"
        " rewritten when things change: its status names the one that follows it.",
        "",
        "To add one: take the next number, copy the headings of any record, and run `make docs`.",
        "",
        *_head("no.", "decision", "date", "part"),
    ]
    for path in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")):
        text = path.read_text(encoding="utf-8")
        number, title = re.match(r"# (\d{4})\. (.+)", text).groups()
        date, part = re.search(r"(?m)^(\d{4}-\d\d-\d\d) · (\w+)", text).groups()
        said.append(_row(number, f"[{title}]({path.name})", date, part))
    return "\n".join(said) + "\n"


# ---- docs/gallery.md ----


@cache
def notebooks() -> dict[str, list[str]]:
    """Give every notebook's headings, the question first, the brief before the others."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"), key=lambda p: (p.stem != "executive_brief", p.stem)):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
        found[path.stem] = [h.lstrip("# ") for text in texts for h in re.findall(r"(?m)^##? .+", text)]
    return found


def gallery() -> str:
    """Give `docs/gallery.md`: each page in small, with the questions that it answers."""
    said = [
        "# The pages, in small",
        "",
        "The top of each page of the demo company, all regions together, and the questions of its sections. The pictures are"
        " made by `make pictures` from a run; `make run` and `make serve` show the pages themselves.",
    ]
    for name, (question, *sections) in notebooks().items():
        said += ["", f"## {question}", "", f"`notebooks/{name}.ipynb`", "", f"![{question}](gallery/{name}.webp)", ""]
        said += [f"- {section}" for section in sections]
    return "\n".join(said) + "\n"


DOCUMENTS = {
    "docs/contract.md": contract.described,
    "docs/metrics.md": metrics,
    "docs/library.md": library,
    "docs/gallery.md": gallery,
    "docs/decisions/README.md": decisions,
}


def main() -> None:
    """Write every document that follows from the code."""
    for name, text in DOCUMENTS.items():
        (ROOT / name).write_text(text(), encoding="utf-8")
        print(name)


if __name__ == "__main__":
    sys.exit(main())
