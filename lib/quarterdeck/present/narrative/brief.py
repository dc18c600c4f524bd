"""What does an executive read first? Sentences and cards for the brief, every figure in them computed."""

import html

import pandas as pd
from IPython.display import HTML

from quarterdeck.present import style

PAGES = {
    "target": ("forecasting", "See it in forecasting"),
    "segment": ("market_research", "See it in market research"),
    "rival": ("competitor_analysis", "See it in competitor analysis"),
    "lapsed": ("market_research", "See it in market research"),
}


def headline(kpis: pd.DataFrame, title: str, currency: str = "EUR") -> str:
    """Say in one line how the quarter stands: sales and their change, and the chance of reaching the target."""
    known = kpis.set_index("metric")
    sold = known.loc["revenue"] if pd.notna(known["value"].get("revenue")) else known.loc["bookings"]
    parts = [f"{title} sold {style.money(sold['value'], currency)} in {sold['period']}"]
    if pd.notna(sold["previous"]) and sold["previous"] > 0:
        parts.append(f"{style.change(sold['value'] / sold['previous'] - 1)} on the same days last year")
    chance = known["value"].get("target_probability")
    if pd.notna(chance):
        parts.append(f"{_odds(chance)} to reach the quarter's target ({style.percent(chance, 0)})")
    return f"## {', '.join(parts)}"


def finding_cards(findings: pd.DataFrame, currency: str = "EUR") -> HTML:
    """Lay out findings as cards: the money behind each, what was found, and the page to read on."""
    return HTML("".join(_card(f, currency) for f in findings.itertuples()))


def _card(finding, currency: str) -> str:
    head, body = SENTENCES[finding.kind](finding, currency)
    page, link = PAGES[finding.kind]
    return (
        f'<article class="finding"><div class="worth">{style.money(finding.worth, currency)}</div><div>'
        f"<h3>{html.escape(head)}</h3><p>{html.escape(body)}</p>"
        f'<a href="{page}">{link} →</a></div></article>'
    )


def _target(finding, currency: str) -> tuple[str, str]:
    side = "above" if finding.worth > 0 else "below"
    low, high = style.money(finding.low, currency), style.money(finding.high, currency)
    return (
        f"The quarter is heading {side} its target",
        f"The median forecast is {style.money(finding.value, currency)} (80 % interval {low} to {high}) against a "
        f"target of {style.money(finding.compared, currency)}.",
    )


def _segment(finding, currency: str) -> tuple[str, str]:
    verb = "grew" if finding.worth > 0 else "fell"
    low, high = style.money(finding.low, currency), style.money(finding.high, currency)
    return (
        f"{finding.subject} {verb} by {style.percent(abs(finding.value / finding.compared - 1), 0)}",
        f"Revenue so far {style.money(finding.value, currency)}, {style.money(finding.compared, currency)} in the same days "
        f"last year (n {finding.n:,.0f} orders; 90 % interval of the change {low} to {high}).",
    )


def _rival(finding, currency: str) -> tuple[str, str]:
    return (
        f"{finding.subject} beats us more often than the others do",
        f"We win {style.percent(finding.value)} of the deals against {finding.subject} and {style.percent(finding.compared)} "
        f"against the others in twelve months (n {finding.n:,.0f}; interval of the difference {style.points(finding.low)} to "
        f"{style.points(finding.high)}). The amount is what winning at the others' rate would have added.",
    )


def _lapsed(finding, currency: str) -> tuple[str, str]:
    return (
        f"{finding.n:,.0f} customers bought nothing for a year",
        f"They were worth {style.money(-finding.worth, currency)} in the twelve months before, "
        f"{style.percent(finding.value)} of that year's revenue.",
    )


SENTENCES = {"target": _target, "segment": _segment, "rival": _rival, "lapsed": _lapsed}


def _odds(chance: float) -> str:
    words = [(0.9, "very likely"), (0.6, "likely"), (0.4, "as likely as not"), (0.1, "unlikely")]
    return next((word for least, word in words if chance >= least), "very unlikely")
