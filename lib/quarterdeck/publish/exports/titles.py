"""How does a slide word what its page has as figures alone? Sentences with claims, made of the page's facts and records."""

from datetime import date
from typing import Any

from quarterdeck.analysis.methods.claims import amounts, first, part
from quarterdeck.present import style
from quarterdeck.present.narrative.brief import NOT_ESTIMATED
from quarterdeck.present.sentences import Sentence
from quarterdeck.publish.exports.content import Fact

TRUST = ("target_probability", "forecast_error")  # of which the sentence on how sure the call is speaks first


def claims(title: Sentence) -> list[dict[str, Any]]:
    """Give the claims of a title as data, as pages record theirs."""
    return title.record("title")["claims"]


def counting(states: list[str]) -> Sentence:
    """Say how many of the figures stand well, and how many do not.

    >>> counting(["good", "bad", "warn"])
    '1 of 3 figures stand well, 1 does not'
    """
    well, badly = (
        part("scorecard", states.count(state), len(states), words)
        for state, words in (("good", "figures stand well"), ("bad", "figures do not stand well"))
    )
    n = badly.figures["n"]
    reader = f"{well.figures['n']} of {len(states)} {well.subject}, {n} {'does' if n == 1 else 'do'} not"
    return Sentence(reader, [well, badly])


def asked(findings: list[dict[str, Any]]) -> Sentence:
    """Say how many decisions are asked for, and what the first may bring (records of the brief)."""
    lead, count = findings[0], len(findings)
    claim = amounts("findings", count)
    said = f"{style.counted(count, 'decision is', 'decisions are')} asked for"
    if lead["gain"] == NOT_ESTIMATED:
        return Sentence(said, [claim])
    return Sentence(f"{said}; the first may bring {lead['gain'].partition(' (')[0]}", [claim])


def decision(finding: dict[str, Any]) -> list[str]:
    """Write a finding as a row of the decisions; beside what acting may bring stands what that rests on."""
    rests = "" if finding["gain"] == NOT_ESTIMATED else finding.get("basis", "")
    brings = f"{finding['gain']} {rests}".strip()
    return [finding["action"], finding["head"], finding["owner"], finding.get("until", ""), brings]


def risk(finding: dict[str, Any]) -> str:
    """Say how likely a finding is wrong, or on what evidence it stands."""
    strength = finding.get("strength")
    return f"{finding['head']}: {f'evidence is {strength}' if strength else finding['risk']}."


def doubt(findings: list[dict[str, Any]]) -> Sentence:
    """Say how many findings the brief states, and that each says how likely it is wrong."""
    count = style.counted(len(findings), "finding says", "findings say")
    return Sentence(f"{count} how likely it is wrong" if len(findings) == 1 else f"{count} how likely they are wrong",
                    [amounts("findings", len(findings))])  # fmt: skip


def teams(facts: list[Fact], currency: str) -> Sentence:
    """Say which team is furthest from its quota (facts of the measure `team_gap`, the largest gap first)."""
    lead = next(f for f in facts if f["measure"] == "team_gap")
    name, gap = lead["entity"], lead["value"]
    claim = amounts("team_gap", gap, f"team: {name}")
    side = "short of its quota" if gap < 0 else "above its quota"
    return Sentence(f"Team {name} is {style.money(abs(gap), currency)} {side} before new deals", [claim])


def deciding(deals: list[Fact], accounts: list[Fact], currency: str) -> Sentence:
    """Say which open deal leaves most in doubt, and which silent account has most at stake (facts of the brief's two tables)."""
    parts, made = [], []
    for facts, measure, words in (
        (deals, "deal_amount", "{name} ({money}) leaves most in doubt"),
        (accounts, "account_stake", "{name}, gone silent, puts {money} a year at stake"),
    ):
        lead = next((f for f in facts if f["measure"] == measure), None)
        if lead:
            parts.append(words.format(name=lead["entity"], money=style.money(lead["value"], currency)))
            made.append(amounts(measure, lead["value"], f"{lead['kind']}: {lead['entity']}"))
    return Sentence("; ".join(parts), made)


def next_quarter(figure: dict[str, Any], currency: str) -> Sentence:
    """Say how much is open for the next quarter, and what is needed (a figure's record of the brief)."""
    value, needed = figure["value"], figure["target"]
    said = f"{style.money(value, currency)} is open and due in the next quarter"
    if needed is None:
        return Sentence(said, [amounts("next_pipeline", value)])
    claim = first("next_pipeline", ("reached", "short of"), {"now": value, "target": needed}, unit="money")
    need = style.money(needed, currency)
    words = {"reached": f": the {need} that is needed is reached", "short of": f", short of the {need} that is needed"}
    return Sentence(said + words[claim.predicate], [claim])


def against(figure: dict[str, Any], reader: Any) -> list[str]:
    """Write a figure in short: its name, how much, and how it stands."""
    value = style.amount(figure["value"], reader.figures()[figure["metric"]]["unit"], reader.facts["currency"])
    return [figure["title"], value, figure["text"] or "–"]


def row(figure: dict[str, Any], kpi: dict[str, Any], currency: str) -> list[str]:
    """Write a figure in full: what `run.json` records, and beside it target, last year and status as the brief has them."""

    def write(value: float | None) -> str:
        return "–" if value is None else style.amount(value, kpi["unit"], currency)

    spread = "–" if kpi["low"] is None else f"{write(kpi['low'])} to {write(kpi['high'])}"
    aim = "quotas " if figure.get("aim") == "quotas" and figure["target"] is not None else ""
    target = None if figure["target"] == 1 else figure["target"]  # of an attainment, which says so itself
    ends = [aim + write(target), write(figure["previous"])]
    return [figure["title"], write(kpi["value"]), spread, *ends, figure["text"] or "–"]


def day(written: str) -> str:
    """Write an ISO day for an axis.

    >>> day("2026-11-05")
    '5 Nov'
    """
    when = date.fromisoformat(written)
    return f"{when.day} {when:%b}"
