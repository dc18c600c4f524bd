"""How does a sentence carry what it claims? Words for people, and beside them the claims as data."""

import html
import re
from dataclasses import replace
from typing import Any

import pandas as pd

from quarterdeck.analysis.methods.claims import Claim, amounts, first
from quarterdeck.present.numbers import money

SAID_MIME = "application/vnd.quarterdeck.said+json"
NO_FORMULA = "mathjax_ignore tex2jax_ignore"  # classes in which JupyterLab and nbconvert leave two dollars as they are
# What stands in for the two asterisks, and for the dash, of a name while a sentence is made; no text holds these characters.
STARS, DASH = chr(0xFDD0), chr(0xFDD1)


class Sentence(str):
    """A sentence with the claims that it makes; to everybody else it is a string.

    Two pairs of asterisks make bold what is between them, and lines that begin with "- **" are a list. That is all the
    markup there is (`marked_up`): every other character reads as it is.

    >>> Sentence("Revenue rose", [Claim("revenue", "rose", {"now": 2.0, "before": 1.0})]).claims[0].metric
    'revenue'
    """

    claims: tuple[Claim, ...]
    tag: str

    def __new__(cls, text: str, claims: list[Claim | None] | tuple[Claim, ...] = (), tag: str = "p") -> "Sentence":
        """Give a string; claims that are None are left out. On a page it stands in the element `tag`."""
        sentence = super().__new__(cls, text)
        sentence.claims = tuple(c for c in claims if c is not None)
        sentence.tag = tag
        return sentence

    def record(self, kind: str) -> dict[str, Any]:
        """Give the sentence as data: what it is on the page, its text as it reads there, and its claims."""
        claims = [replace(c, subject=_unquoted(c.subject)).record() for c in self.claims]
        return {"kind": kind, "text": words(self) if kind == "sentence" else str(self), "claims": claims}


def words(sentence: str) -> str:
    """Give the words of a sentence, without its markup.

    >>> words(Sentence("**A** rose")), words("**A** rose")
    ('A rose', '**A** rose')
    """
    bare = re.sub(r"\*\*", "", sentence) if isinstance(sentence, Sentence) else str(sentence)
    return _unquoted(bare)


def marked_up(sentence: str) -> str:
    """Write a sentence as HTML, the one place where its text becomes markup; of a plain string every character reads as it is.

    >>> marked_up(Sentence("**A & B** rose")), marked_up("**A & B** rose")
    ('<p><strong>A &amp; B</strong> rose</p>', '<p>**A &amp; B** rose</p>')
    >>> marked_up(Sentence("- **A.** It rose.\\n- **B.** It fell."))
    '<ul><li><strong>A.</strong> It rose.</li><li><strong>B.</strong> It fell.</li></ul>'
    """
    safe = html.escape(sentence, quote=False)
    if not isinstance(sentence, Sentence):
        return f"<p>{safe}</p>"
    bold = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", safe, flags=re.DOTALL)
    first, *rest = re.split(r"(?:^|\n)- (?=<strong>)", bold)
    listed = "".join(f"<li>{line}</li>" for line in rest)
    return (f"<ul>{listed}</ul>" if rest and not first else f"<{sentence.tag}>{bold}</{sentence.tag}>").replace(
        STARS, "**"
    )


def heart(sentence: str) -> str:
    """Give what is bold in a sentence first: its finding, as it stands in the page's title beside others.

    >>> heart(Sentence("**We grew by €9.9m.** It was 5 % a year before.")), heart(Sentence("We grew."))
    ('We grew by €9.9m', '')
    """
    found = re.search(r"\*\*(.+?)\*\*", sentence, flags=re.DOTALL)
    return found[1].strip().rstrip(".:") if found else ""


def quoted(given: Any) -> Any:
    """Keep names from reading as what a sentence says itself: give what it is made of, each text on one line, with stand-ins
    for two asterisks and for the dash that a missing amount is written as, until `marked_up` and `words` put them back.

    >>> quoted({"name": "**A**"})["name"] == f"{STARS}A{STARS}", words(Sentence(quoted("**A**")))
    (True, '**A**')
    """
    if isinstance(given, str):
        return " ".join(given.split("\n")).replace("**", STARS).replace("–", DASH)
    if isinstance(given, Claim):
        return replace(given, subject=quoted(given.subject))
    if isinstance(given, dict):
        return {quoted(key): quoted(value) for key, value in given.items()}
    if isinstance(given, (list, tuple)):
        return type(given)(map(quoted, given))
    if isinstance(given, pd.DataFrame) and re.search(r"\*\*|\n|–", texts(given)):
        return given.map(quoted).rename(index=quoted, columns=quoted)
    return given


def _unquoted(text: str) -> str:
    return text.replace(STARS, "**").replace(DASH, "–")


def texts(given: Any) -> str:
    """Give all texts in what a sentence or a picture is made of, as one.

    >>> texts([pd.DataFrame({"name": ["A"], "n": [1]}), {"region": "B"}])
    'A 0 name n region B'
    """
    if isinstance(given, pd.DataFrame):
        kept = given.select_dtypes(exclude=["number", "datetime", "bool"])
        return " ".join(map(str, [*kept.to_numpy().ravel(), *given.index, *given.columns]))
    if isinstance(given, dict):
        return texts([*given, *given.values()])
    return " ".join(map(texts, given)) if isinstance(given, (list, tuple)) else str(given)


def joined(sentences: list[Sentence]) -> Sentence:
    """Say sentences one after the other, with the claims of all."""
    return Sentence(" ".join(sentences), [c for s in sentences for c in s.claims])


def ended(landing: pd.Series, currency: str) -> Sentence | None:
    """Say how a quarter ended that is over (a row of `analysis.forecasting.quarter_end.landing`); None where it is not."""
    end = landing["p50"]
    if landing["p10"] != landing["p90"]:
        return None
    at = f"The quarter ended at {money(end, currency)}"
    claim = first("forecast_p50", ("reached", "short of"), {"now": end, "target": landing["target"]})
    if claim is None:
        return Sentence(at, [amounts("forecast_p50", end)])
    words = {"reached": "and reached its", "short of": "short of its"}[claim.predicate]
    return Sentence(f"{at}, {words} {wanted(landing)} of {money(landing['target'], currency)}", [claim])


def wanted(landing: pd.Series) -> str:
    """Name what a quarter is held against: its target, or where there is none its sellers' quotas (a row of
    `quarter_end.landing`)."""
    return "quotas" if landing.get("of_quotas") == 1 else "target"


class Said:
    """Markup for people, and what it says as data: records with `kind`, `text` and `claims`, and what else a reader needs."""

    def __init__(self, markup: str, records: list[dict[str, Any]], more: dict[str, Any] | None = None) -> None:
        self.markup, self.records, self.more = markup, records, more or {}

    def __repr__(self) -> str:
        return "; ".join(r["text"] for r in self.records)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.markup, SAID_MIME: self.records} | self.more


def records(sentence: str, kind: str) -> list[dict[str, Any]]:
    """Give what a string claims as data: one record, or none where it is no Sentence."""
    return [sentence.record(kind)] if isinstance(sentence, Sentence) else []


def gap(claim: Claim, currency: str, words: tuple[str, str] = ("above", "below")) -> str:
    """Say by how much money a claim of `claims.AGAINST` has one figure above or below another.

    >>> gap(Claim("revenue", "less than", {"now": 1e6, "than": 3e6}), "EUR")
    '€2.0m below'
    """
    size = money(abs(claim.difference), currency)
    above, below = words
    return {"more than": f"{size} {above}", "less than": f"{size} {below}", "as much as": "right at"}[claim.predicate]
