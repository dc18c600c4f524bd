"""Do a deck and a letter say what the run's pages say? Their figures are read back from the finished files and compared."""

import re
from collections.abc import Iterable
from typing import Any

import lxml.html
import pandas as pd

from quarterdeck.analysis.brief.figures import FIGURES
from quarterdeck.batch import facts
from quarterdeck.batch.contradictions import contradictions
from quarterdeck.data import COMPANY
from quarterdeck.publish.exports import deck, native
from quarterdeck.publish.exports.content import Chart, Slide
from quarterdeck.publish.exports.run_reader import RunReader

DECK = "deck"  # as a page, in the places of facts
AMOUNT = re.compile(r"[−+]?(?:CHF |[€$£¥])\d[\d,.]*\d?(?:tn|bn|m|k)?|[−+]?\d[\d,.]*(?: %(?! range)| pp|×)")


def stated(reader: RunReader, made: Any) -> list[dict[str, Any]]:
    """Give the facts that a deck states, as its file has them: the points of its charts, and the claims of its titles.

    Parameters
    ----------
    reader : RunReader
        Of the run and region that the deck was made from.
    made : pptx.presentation.Presentation
        The deck.

    Returns
    -------
    list of dict
        In the columns of `batch.facts`. What only its own page may state is placed on that page, else on "deck".
    """
    name = COMPANY if reader.region == COMPANY else reader.name
    rows: list[dict[str, Any]] = []
    for content, slide in zip(deck.contents(reader), made.slides, strict=True):
        for fact in [*_points(content, slide), *facts.claimed(content.claims, content.title)]:
            figure = FIGURES.get(fact["measure"])
            page = fact.get("page", DECK) if figure and figure.of_page else DECK
            whom = {} if fact["kind"] else {"kind": "region", "entity": name}
            place = {"region": reader.region, "page": page, "section": content.title, "whole": False}
            rows.append({"form": "picture"} | fact | whom | place)
    return rows


def _points(content: Slide, slide: Any) -> Iterable[dict[str, Any]]:
    charts = [block for block, _ in content.blocks if isinstance(block, Chart)]
    drawn = [shape.chart for shape in slide.shapes if shape.has_chart]
    for chart, shown in zip(charts, drawn, strict=True):
        yield from native.read_back(chart, shown)


def contradicting(reader: RunReader, made: Any) -> list[dict]:
    """Give the breaks between a deck and the facts of its run, as `batch.contradictions.contradictions` gives them."""
    known = pd.read_parquet(reader.folder / facts.FILE)
    both = pd.concat([known[known["region"].eq(reader.region)], facts.frame(stated(reader, made))], ignore_index=True)
    return contradictions(both, {reader.region: reader.region})


def texts(made: Any) -> list[str]:
    """Give the texts that a deck shows on its slides: titles, lines and cells."""
    frames = [s.text_frame for slide in made.slides for s in slide.shapes if s.has_text_frame]
    frames += [
        c.text_frame
        for slide in made.slides
        for s in slide.shapes
        if s.has_table
        for r in s.table.rows
        for c in r.cells
    ]
    return [frame.text for frame in frames]


def strangers(reader: RunReader, said: Iterable[str]) -> list[str]:
    """Give the amounts and percentages in texts that none of the region's pages writes so."""
    pages = " ".join(reader.texts())
    known = set(AMOUNT.findall(pages)) | {found.lstrip("+−") for found in AMOUNT.findall(pages)}
    return [found for text in said for found in AMOUNT.findall(text.replace("\xa0", " ")) if found not in known]


def words(markup: str) -> str:
    """Give the text of a letter."""
    return lxml.html.fromstring(markup).text_content()
