"""How does a sentence carry what it claims? Words for people, and beside them the claims as data."""

from typing import Any

import pandas as pd

from quarterdeck.analysis.claims import Claim, amounts, first
from quarterdeck.present.written import money

SAID_MIME = "application/vnd.quarterdeck.said+json"


class Sentence(str):
    """A sentence with the claims that it makes; to everybody else it is a string.

    >>> Sentence("Revenue rose", [Claim("revenue", "rose", {"now": 2.0, "before": 1.0})]).claims[0].metric
    'revenue'
    """

    claims: tuple[Claim, ...]

    def __new__(cls, text: str, claims: list[Claim | None] | tuple[Claim, ...] = ()) -> "Sentence":
        """Give a string; claims that are None are left out."""
        sentence = super().__new__(cls, text)
        sentence.claims = tuple(c for c in claims if c is not None)
        return sentence

    def record(self, kind: str) -> dict[str, Any]:
        """Give the sentence as data: what it is on the page, its text, and its claims."""
        return {"kind": kind, "text": str(self).strip("# "), "claims": [c.record() for c in self.claims]}


def joined(sentences: list[Sentence]) -> Sentence:
    """Say sentences one after the other, with the claims of all."""
    return Sentence(" ".join(sentences), [c for s in sentences for c in s.claims])


def ended(landing: pd.Series, currency: str) -> Sentence | None:
    """Say how a quarter ended that is over (a row of `analysis.forecast.landing`); None where it is not."""
    told = landing["p50"]
    if landing["p10"] != landing["p90"]:
        return None
    at = f"The quarter ended at {money(told, currency)}"
    claim = first("forecast_p50", ("reached", "short of"), {"now": told, "target": landing["target"]})
    if claim is None:
        return Sentence(at, [amounts("forecast_p50", told)])
    words = {"reached": "and reached its", "short of": "short of its"}[claim.predicate]
    return Sentence(f"{at}, {words} {wanted(landing)} of {money(landing['target'], currency)}", [claim])


def wanted(landing: pd.Series) -> str:
    """Name what a quarter is held against: its target, or where there is none its sellers' quotas (a row of `forecast.landing`)."""
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
    size = money(abs(claim.figures["now"] - claim.figures["than"]), currency)
    above, below = words
    return {"more than": f"{size} {above}", "less than": f"{size} {below}", "as much as": "right at"}[claim.predicate]
