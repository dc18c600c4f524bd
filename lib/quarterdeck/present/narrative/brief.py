"""What does an executive read first? Sentences and cards for the brief, every figure in them computed and every claim bound."""

import html
import re
from typing import Any

import pandas as pd

from quarterdeck.analysis.brief.findings import RULES, Rule
from quarterdeck.analysis.methods.claims import amounts, first, part
from quarterdeck.analysis.methods.intervals import difference, growth
from quarterdeck.present import style
from quarterdeck.present.inline_style import styled
from quarterdeck.present.numbers import Count
from quarterdeck.present.sentences import Said, Sentence

NOT_ESTIMATED = "not estimated"
CERTAIN = 1e-9  # the least risk that is written


def sold(card: pd.DataFrame, name: str, currency: str = "EUR") -> Sentence:
    """Say in one line how the quarter stands: sales and their change, and the chance of reaching the target.

    Parameters
    ----------
    card : DataFrame
        As `analysis.brief.scorecard` gives it, with revenue or bookings.
    name : str
        Of the company, or of the region.
    """
    known = card.set_index("metric")
    metric = "revenue" if pd.notna(known["value"].get("revenue")) else "bookings"
    sold = known.loc[metric]
    parts, claims = [f"{name} sold {style.money(sold['value'], currency)} in {sold['period']}"], []
    if pd.isna(sold["value"]):
        parts = [f"What {name} sold in {sold['period'] or 'this quarter'} is not known"]
    elif pd.notna(sold["previous"]):
        claim = first(
            metric, ("rose", "fell", "stood still"), {"now": sold["value"], "before": sold["previous"]}, unit="money"
        )
        moved = growth(sold["value"], sold["previous"])
        size = (
            style.money(abs(difference(sold["value"], sold["previous"])), currency)
            if pd.isna(moved)
            else style.percent(abs(moved))
        )
        words = {"rose": f"{size} more than", "fell": f"{size} less than", "stood still": "as much as"}
        parts.append(f"{words[claim.predicate]} in the same days last year")
        claims.append(claim)
    chance = known["claim"].get("target_probability")
    if chance:
        odds = style.chance(chance.figures["chance"])
        aim = known["aim"]["target_probability"]
        parts.append(f"and is {chance.predicate} to reach the quarter's {aim} ({odds})")
        claims.append(chance)
    return Sentence(", ".join(parts), claims, tag="h2")


def rates_takeaway(
    name: str, rates: pd.DataFrame | None = None, planned: pd.DataFrame | None = None, currency: str = "EUR"
) -> Sentence | None:
    """Say what exchange rates did to growth and to the target (`analysis.sales.constant_rates`); nothing in one currency.

    Parameters
    ----------
    name : str
        Whose revenue it is.
    rates : DataFrame, optional
        As `constant_growth` gives it.
    planned : DataFrame, optional
        As `at_plan_rates` gives it.
    """
    if rates is None or rates.empty:
        return None
    row = rates.iloc[0]
    moved = amounts("revenue", row["effect"], "exchange rates")
    side = "added" if row["effect"] >= 0 else "took"
    said = f"**Exchange rates {side} {style.money(abs(row['effect']), currency)}** to the revenue of {name}"
    said = said.replace("to the", "from the") if side == "took" else said
    claims = [moved]
    if pd.notna(row["value"]):
        said += f": it changed by {style.change(row['value'])} at constant rates, by {style.change(row['reported'])} as reported"
        claims.append(amounts("revenue_growth_constant", row["value"]))
    said += f". {style.percent(row['foreign'], 0)} of it was sold in other currencies; constant rates are those a year before."
    if planned is not None and len(planned):
        said += f" At the plan's rates, {style.percent(planned['value'].iloc[0])} of the quarter's target is in."
    return Sentence(said, claims)


def since_takeaway(moves: pd.DataFrame, came_in: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what moved since the last run, and what brought it (`analysis.brief.scorecard.since_last`, `came_in`)."""
    table, claims, parts = moves.set_index("metric"), [], []
    for metric in ("revenue", "forecast_p50"):
        if metric in table.index and table["moved"][metric]:
            row = table.loc[metric]
            parts.append(
                f"{row['title'].lower()} {row['claim'].predicate} by {style.money(abs(row['moved']), currency)}"
            )
            claims.append(row["claim"])
    if not parts:
        return Sentence(
            f"**Neither revenue nor the forecast has changed since {style.day(moves['then_on'].iloc[0])}.**",
            [part("scorecard", 0, len(table), "figures moved since the last run")],
        )
    changes = came_in[came_in["kind"].eq("change") & came_in["part"].ne("Corrected")].set_index("part")["amount"]
    if len(changes) > 1 and changes.max() > 0:
        most = changes.idxmax()
        claims.append(
            first("revenue", ("added most",), {"now": changes[most], "most": changes.max()}, f"since: {most}")
        )
        parts.append(f"{most} added most of what came in ({style.money(changes[most], currency)})")
    return Sentence(f"**Since {style.day(moves['then_on'].iloc[0])} {', '.join(parts)}.**", claims)


def finding_cards(findings: pd.DataFrame, currency: str = "EUR") -> Said:
    """Lay out findings as cards: the money, what was found, what to do, what that may bring, who does it, and the evidence.

    Parameters
    ----------
    findings : DataFrame
        As `analysis.brief.findings.found` gives it.
    """
    records = [_finding(row, RULES[row["rule"]], currency) for _, row in findings.iterrows()]
    return Said(styled("".join(_card(r) for r in records)), records)


def _finding(row: pd.Series, rule: Rule, currency: str) -> dict[str, Any]:
    """Word a finding by its rule, with the claim it makes."""
    fields = _fields(row, rule, currency)
    head, body, action = (text.format(**fields) for text in (rule.head, rule.body, rule.action))
    page, question = rule.evidence
    finding = Sentence(f"{head}. {body}", [rule.claim(row), amounts("finding_risk", row["risk"], head)]).record(
        "finding"
    )
    return finding | {
        "rule": rule.id,
        "metrics": list(rule.metrics),
        "worth": style.money(row["worth"], currency),
        "money": float(row["worth"]),
        "head": head,
        "body": body,
        "action": action,
        "owner": row["owner"] if isinstance(row["owner"], str) and row["owner"] else rule.owner,
        "until": style.day(row["until"]),
        "gain": _gain(row, currency),
        "basis": rule.basis,
        "risk": _risk(row["risk"], rule.strength),
        "strength": rule.strength if pd.isna(row["risk"]) else "",
        "recorded": {metric: float(row[column]) for column, metric in rule.recorded.items()},
        "page": page,
        "section": re.sub(r"\W+", "-", question.lower()).strip("-"),
        "question": question,
    }


def _fields(row: pd.Series, rule: Rule, currency: str) -> dict[str, str]:
    change = abs(growth(row["value"], row["compared"]))
    spread = style.points if rule.spread == "points" else lambda v: style.amount(v, rule.spread, currency)
    fields = {k: style.amount(row[k], rule.unit, currency) for k in ("value", "compared")}
    fields |= {k: spread(row[k]) for k in ("low", "high")}
    fields |= {"worth": style.money(row["worth"], currency), "change": style.percent(change, 0)}
    fields["spent"] = style.money(abs(row["worth"]), currency)
    return fields | {"n": Count(row["n"]), "subject": str(row["subject"])}


def _gain(row: pd.Series, currency: str) -> str:
    if pd.isna(row["gain"]):
        return NOT_ESTIMATED
    low, high = (style.money(row[k], currency) for k in ("gain_low", "gain_high"))
    return style.money(row["gain"], currency) + ("" if pd.isna(row["gain_low"]) else f" ({low} to {high})")


def _risk(risk: float, strength: str) -> str:
    return (strength or NOT_ESTIMATED) if pd.isna(risk) else style.chance(max(risk, CERTAIN))  # no estimate is certain


def small_print(finding: dict[str, Any]) -> str:
    """Say of a finding's record who acts, what that may bring, and how likely it is not so, or else how strong the evidence is.

    The record may be of an earlier version, which did not say what a gain rests on.
    """
    known = [
        ("may bring", finding["gain"], f" {finding.get('basis', '')}"),
        ("" if finding.get("strength") else "risk that it is not so", finding["risk"], ""),
    ]
    parts = [f"{what} {value}{why}".strip() for what, value, why in known if value != NOT_ESTIMATED]
    until = f", until {finding['until']}" if finding.get("until") else ""
    return " · ".join([f"{finding['owner']}{until}", *parts])


def _card(finding: dict[str, Any]) -> str:
    safe = {k: html.escape(str(v)) for k, v in finding.items()}
    page = safe["page"].replace("_", " ")
    return (
        f'<article class="finding"><div class="worth">{safe["worth"]}</div><div><h3>{safe["head"]}</h3>'
        f"<p>{safe['body']}</p><p><b>Do</b> {safe['action']}</p>"
        f'<p class="src">{html.escape(small_print(finding))}</p>'
        f'<a href="{safe["page"]}#{safe["section"]}">See it in {page} →</a></div></article>'
    )
