"""What does a live page execute? Of a run's notebook what its figures and sliders stand on, once for all its viewers."""

import ast
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from quarterdeck.batch import finished
from quarterdeck.errors import RunError
from quarterdeck.present.tables import KPI_MIME
from quarterdeck.publish.pages import render


@dataclass(frozen=True)
class Program:
    """What is executed once, and the cells that each kernel executes after it; and the cells of a kernel that does all."""

    once: tuple[str, ...]
    rest: tuple[str, ...]
    whole: tuple[str, ...]
    slots: tuple[str, ...]  # of each cell: the place on the page where its slider goes, if it makes one

    def cells(self, after_once: bool) -> list[NotebookNode]:
        """Give the cells that a kernel is to execute."""
        chosen = zip(self.rest if after_once else self.whole, self.slots, strict=True)
        return [new_code_cell(source, metadata={"slot": slot}) for source, slot in chosen if source.strip()]


def explorable(path: Path) -> bool:
    """Tell whether a page has something to move, and its file is one that only the run's own user could have written."""
    if (path.stat().st_mode | path.parent.stat().st_mode) & 0o002:
        return False
    return read(path) is not None


def read(path: Path) -> Program | None:
    """Read the program of a run's notebook; None where it has nothing to move."""
    stamp = path.stat()
    return _read(path, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, changed: int, size: int) -> Program | None:
    try:
        finished.notebook(path)
    except RunError:  # one that was cut short, say: its page says so
        return None
    code = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    live = [n for n, c in enumerate(code) if render.LIVE in c.metadata.get("tags", [])]
    if not live:
        return None
    figures = {n for n, c in enumerate(code) if any(KPI_MIME in o.get("data", {}) for o in c.outputs)}
    whole = needed([c.source for c in code], {*live, *figures})
    once, rest = divided(whole, set(live))
    slots = [render.slot(live.index(n)) if n in live else "" for n in range(len(code))]
    return Program(tuple(once), tuple(rest), tuple(whole), tuple(slots))


def needed(cells: list[str], wanted: set[int]) -> list[str]:
    """Leave of the cells' code what the wanted ones stand on, statement by statement.

    It asks which names a statement binds. That is enough where functions change nothing that they are given, as those of
    `analysis` do; what it cannot read (a magic) it leaves whole.

    >>> needed(["a = 1; b = 2", "show(b)", "c = a + 1", "c"], {3})
    ['a = 1', '', 'c = a + 1', 'c']
    """
    try:
        trees = [ast.parse(source) for source in cells]
    except SyntaxError:
        return cells
    names: set[str] = set()
    for number, tree in reversed(list(enumerate(trees))):
        kept = []
        for statement in reversed(tree.body):
            bound, used = _names(statement)
            if number in wanted or bound & names:
                names |= used
                kept.insert(0, statement)
        tree.body = kept
    return [cells[n] if n in wanted else ast.unparse(tree) for n, tree in enumerate(trees)]


def divided(cells: list[str], live: set[int]) -> tuple[list[str], list[str]]:
    """Divide code into the statements that bind names, and cells of what only shows them; live cells stay whole.

    Where what is shown is bound again further down, nothing is taken out.

    >>> divided(["a = 1", "b = a + 1; show(b)", "slider = Slider(b)"], {2})
    (['a = 1', 'b = a + 1'], ['', 'show(b)', 'slider = Slider(b)'])
    >>> divided(["a = 1", "show(a)", "a = 2", "a"], {3})
    ([], ['a = 1', 'show(a)', 'a = 2', 'a'])
    """
    try:
        trees = [ast.parse(source) for source in cells]
    except SyntaxError:
        return [], cells
    once: list[str] = []
    later: set[str] = set()  # names that are bound further down
    for number, tree in reversed(list(enumerate(trees))):
        shown = []
        for statement in reversed(tree.body):
            bound, used = _names(statement)
            if bound and number not in live and not isinstance(statement, ast.Expr):
                once.insert(0, ast.unparse(statement))
                later |= bound
            elif used & later:
                return [], cells
            else:
                shown.insert(0, statement)
        tree.body = shown
    return once, [cells[n] if n in live else ast.unparse(tree) for n, tree in enumerate(trees)]


def _names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """Give the names that a statement binds, and those that it uses."""
    inside = list(ast.walk(statement))
    bound = {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {(n.asname or n.name).split(".")[0] for n in inside if isinstance(n, ast.alias)}
    bound |= {n.name for n in inside if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    return bound, {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
