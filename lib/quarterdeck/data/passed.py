"""Which columns of the files does a SELECT pass on as they are, and by which does it join files?

Read from the file alone, a code such as 1.10 or 1E2 is a number. The SELECT shows that it is text: it passes the column on to
one that the contract calls text, by name or through expressions that leave a value as it was written.
"""

from collections.abc import Iterable, Iterator

import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

Columns = dict[str, list[str]]  # the columns of each file, as the SELECT may name them
PASSING = (  # expressions whose value is, or begins with, that of a column within
    *(exp.Alias, exp.Case, exp.Cast, exp.Coalesce, exp.Concat, exp.ConcatWs, exp.DPipe, exp.IgnoreNulls, exp.Nullif),
    *(exp.Left, exp.Lower, exp.Order, exp.Pad, exp.Paren, exp.Replace, exp.Right, exp.Substring, exp.Trim, exp.Upper),
    *(exp.RegexpExtract, exp.RegexpReplace, exp.SplitPart, exp.Initcap, exp.Reverse),
    *(exp.AnyValue, exp.ArgMax, exp.ArgMin, exp.First, exp.GroupConcat, exp.Last, exp.Max, exp.Min, exp.Mode),
    *(exp.Column, exp.Star, exp.Identifier, exp.Literal, exp.Null, exp.DataType, exp.Query, exp.If, exp.Ordered),
)


def passed(sql: str, files: Columns, wanted: Iterable[str]) -> set[tuple[str, str]]:
    """Give (file, column) of what a SELECT in DuckDB's dialect passes on to its columns `wanted`.

    >>> sql = "SELECT area AS region, price * qty AS revenue, CASE WHEN qty > 1 THEN kind END AS channel FROM sales"
    >>> sorted(passed(sql, {"sales": ["area", "price", "qty", "kind"]}, ["region", "channel"]))
    [('sales', 'area'), ('sales', 'kind')]
    """
    tree = sqlglot.parse_one(sql, dialect="duckdb").transform(_only_passing)
    qualified, scope = _qualified(tree, files)
    named = {name.lower() for name in qualified.named_selects} & set(wanted)
    leaves = (node for name in named for node in lineage(name, qualified, scope=scope, dialect="duckdb").walk())
    found = ((node.source.name, node.name.rpartition(".")[2]) for node in leaves if isinstance(node.source, exp.Table))
    return set(_known(found, files))


def equated(sql: str, files: Columns) -> list[set[tuple[str, str]]]:
    """Give the pairs of columns, each as (file, column), that a SELECT joins files by.

    >>> equated("SELECT * FROM sales JOIN areas USING (area)", {"sales": ["area"], "areas": ["area"]}) == [
    ...     {("sales", "area"), ("areas", "area")}
    ... ]
    True
    """
    _, scope = _qualified(sqlglot.parse_one(sql, dialect="duckdb"), files)
    pairs = []
    for part in scope.traverse():
        for equal in part.find_all(exp.EQ):
            sides = [side for side in (equal.this, equal.expression) if isinstance(side, exp.Column)]
            tables = [(part.sources.get(side.table), side.name) for side in sides]
            found = _known(((t.name, name) for t, name in tables if isinstance(t, exp.Table)), files)
            pairs.append(set(found))
    return [pair for pair in pairs if len(pair) == 2]


def _qualified(tree: exp.Expression, files: Columns) -> tuple[exp.Expression, object]:
    schema = {name: dict.fromkeys(columns, "VARCHAR") for name, columns in files.items()}
    tree = qualify(tree, schema=schema, dialect="duckdb", validate_qualify_columns=False)
    return tree, build_scope(tree)


def _known(found: Iterable[tuple[str, str]], files: Columns) -> Iterator[tuple[str, str]]:
    """Give names as the files write them: SQL does not tell capitals from small letters."""
    names = {(file.lower(), c.lower()): (file, c) for file, columns in files.items() for c in columns}
    return (names[key] for file, c in found if (key := (file.lower(), c.strip('"').lower())) in names)


def _only_passing(node: exp.Expression) -> exp.Expression | None:
    """Put NULL where an expression computes, so that what is left of a SELECT's columns is what it passes on."""
    if isinstance(node, exp.Case | exp.If):
        node.set("this", exp.true() if isinstance(node, exp.If) else None)
    if isinstance(node, exp.Order):
        return node.this
    if isinstance(node, exp.Cast) and not node.to.is_type(*exp.DataType.TEXT_TYPES):
        return exp.null()
    if isinstance(node, exp.ArgMax | exp.ArgMin):
        return node.this
    computes = isinstance(node, exp.Func | exp.Binary | exp.Unary | exp.Window | exp.Predicate)
    return exp.null() if computes and not isinstance(node, PASSING) else node
