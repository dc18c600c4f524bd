"""Which facts do a run's pages state, each with its place? One Parquet file beside `run.json`, which stays small.

A fact is of a measure, of whom and for when, and how much. Tiles record metrics, sentences claims, tables and pictures facts
(`present.stated`); here all of them become rows of one table, which `batch.contradictions` holds against each other.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from quarterdeck.batch import finished
from quarterdeck.data import durable
from quarterdeck.present.sentences import SAID_MIME
from quarterdeck.present.stated import FACTS_MIME
from quarterdeck.present.tables import KPI_MIME

FILE = "facts.parquet"
NUMBERS = ("value", "low", "high")
FLAGS = ("whole",)
TEXTS = ("measure", "kind", "entity", "id", "period", "unit", "form", "predicate", "figures", "text", "state")
PLACE = ("region", "page", "section")
COLUMNS = [*TEXTS, *NUMBERS, *FLAGS, *PLACE]


def stated(notebook: dict[str, Any], region: str, page: str, name: str) -> list[dict[str, Any]]:
    """Give the facts that an executed notebook states, each with the question that it stands under.

    Parameters
    ----------
    notebook : dict
        As nbformat has it.
    region, page : str
        The name of the region's file, and of the notebook.
    name : str
        What the data calls the region: of whom a fact is that names nobody.
    """
    rows, section = [], ""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and source.startswith("#"):
            section = source.splitlines()[0].lstrip("# ")
        found = (fact for output in cell.get("outputs", []) for fact in _facts(output.get("data", {})))
        rows += [fact | {"region": region, "page": page, "section": section} | _whom(fact, name) for fact in found]
    return rows


def gathered(folder: Path, pages: Iterable[dict[str, Any]], before: dict[tuple[str, str], Path]) -> pd.DataFrame:
    """Put the facts of a run's pages into one table: of pages that were taken over from the table of the run they stood in.

    Parameters
    ----------
    folder : Path
        The run's folder.
    pages : iterable of dict
        What `run.json` says of each page that did not fail.
    before : dict
        By region and notebook, the folder of the run that a page was taken over from.

    Returns
    -------
    DataFrame
        In the columns COLUMNS.
    """
    tables = []
    for page in pages:
        key = page["region"], page["notebook"]
        earlier = _by_page(before[key] / FILE) if key in before and (before[key] / FILE).is_file() else {}
        if key in earlier:
            tables.append(earlier[key])
        else:
            notebook = finished.notebook(folder / key[0] / f"{key[1]}.ipynb")
            tables.append(frame(stated(notebook, *key, page["parameters"]["region"])))
    return pd.concat(tables, ignore_index=True) if tables else frame([])


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Give facts as a table in the columns COLUMNS; what a fact does not say is empty."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    table = table.astype(dict.fromkeys(NUMBERS, "float64"))
    texts = [*TEXTS, *PLACE]
    said = table[texts].astype(object)
    return table.assign(**said.where(said.notna(), "").astype(str), whole=table["whole"].eq(True))


def write(folder: Path, facts: pd.DataFrame) -> None:
    """Write a run's facts beside its pages, whole."""
    durable.whole(folder / FILE, lambda draft: facts.to_parquet(draft, index=False))


@cache
def _by_page(path: Path) -> dict[tuple[str, str], pd.DataFrame]:
    return dict(iter(pd.read_parquet(path).groupby(["region", "page"], sort=False)))


def _whom(fact: dict[str, Any], name: str) -> dict[str, str]:
    return {} if fact["kind"] else {"kind": "region", "entity": name}


def _facts(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for fact in data.get(FACTS_MIME, []):
        yield fact | {"form": "picture" if "image/png" in data else "table"}
    for kpi in data.get(KPI_MIME, []):
        if kpi["value"] is not None:
            ends = {"low": kpi["low"], "high": kpi["high"]}
            yield {"measure": kpi["metric"], "kind": "", "value": kpi["value"], "form": "tile"} | ends
    for said in data.get(SAID_MIME, []):
        yield from (_claim(claim, said) for claim in said["claims"])


def claimed(claims: Iterable[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Give the claims of a sentence (records, as `Claim.record` gives them) as facts."""
    return [_claim(claim, {"kind": "title", "text": text}) for claim in claims]


def _claim(claim: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Give a claim as a fact: of whom its subject says, as much as its figure is now."""
    kind, colon, named = claim["subject"].partition(": ")
    figures = claim["figures"]
    return {
        "measure": claim["metric"],
        "kind": kind if colon else claim["subject"] and "part",
        "entity": named if colon else claim["subject"],
        "value": figures.get("now", figures.get("chance")),
        "unit": claim.get("unit", ""),
        "form": said["kind"],
        "predicate": claim["predicate"],
        "figures": json.dumps(figures),
        "text": said["text"],
        "state": said.get("state", ""),
    }
