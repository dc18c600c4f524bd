"""Where and why do we lose more than elsewhere, and what must a seller know of each rival?"""

import html
from typing import Any

import great_tables as gt
import pandas as pd
from IPython.display import HTML

from quarterdeck.analysis.competition.alarms import FEWEST_DEALS
from quarterdeck.present import style
from quarterdeck.present.inline_style import styled
from quarterdeck.present.numbers import span
from quarterdeck.present.stated import facts
from quarterdeck.present.tables import lay

MOST_ROWS = 10
CARD = {  # what a card states of its rival
    "rate": ("win_rate", "whole ratio"),
    "share": ("market_share", "ratio"),
    "price": ("price_index", "count"),
    "risk": ("pipeline_at_risk", "money"),
}


def places(cells: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out the segments and rivals in which we win less than on the whole (`analysis.competition.competitors.where_we_lose`)."""
    columns = {
        "segment": ("Segment", "text", "segment"),
        "competitor": ("Rival", "text", "rival"),
        "won": ("Won of closed", "of n"),
        "rate": ("Win rate", "ratio", "win_rate"),
        "interval": ("Interval", "interval ratio"),
        "shortfall": ("Short of our rate", "money", "win_rate_stake"),
    }
    note = "Shrunk rates of twelve months; only where the whole interval lies below our rate of all deals."
    return lay(cells.head(MOST_ROWS), columns, note, currency)


def reasons(stand_out: pd.DataFrame) -> gt.GT:
    """Lay out reasons that stand out against a rival (`analysis.competition.competitors.reasons_by_rival`)."""
    columns = {
        "competitor": ("Rival", "text", "rival"),
        "reason": ("Reason", "text", "reason"),
        "deals": ("Lost deals", "of n"),
        "share": ("Share", "whole ratio", "loss_reasons"),
        "others": ("Elsewhere", "whole ratio"),
        "difference": ("Difference", "points"),
    }
    note = "Findings at a false discovery rate of one in ten over all rivals and reasons."
    return lay(stand_out.head(MOST_ROWS), columns, note)


def structure(sellers: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out every seller's place in the market (`analysis.competition.dynamics.structure`)."""
    columns = {
        "seller": ("Seller", "text", "rival"),
        "revenue": ("Revenue, four quarters", "money", "seller_revenue_market"),
        "share": ("Share", "ratio", "market_share"),
        "relative": ("Relative share", "times"),
        "change": ("In a year", "points"),
        "momentum": ("Momentum", "change"),
        "interval": ("Interval", "interval change"),
    }
    note = (
        "Relative share: over the largest other. Momentum: growth a year against the average rival in the same cells."
    )
    return lay(sellers, columns, note, currency, whole=("share",))


def alarms(watched: pd.DataFrame) -> gt.GT:
    """Lay out what was watched for a change (`analysis.alarms`)."""
    shown = watched.assign(alarm=watched["alarm"].map({True: "changed", False: "no alarm"}))
    columns = {
        "name": ("Against", "text"),
        "since": ("Most likely day", "day"),
        "before": ("Win rate before", "ratio"),
        "now": ("Since", "ratio"),
        "p": ("Chance in noise", "ratio"),
        "n": ("Deals", "count"),
        "alarm": ("Alarm", "text"),
    }
    note = (
        f"OLS-CUSUM over the closed deals of {span(watched['months'].max())}, rivals with at least {FEWEST_DEALS}: at most one "
        "company in twenty in which nothing changed sees any alarm."
    )
    return lay(shown, columns, note)


def rivalry_cost(cost: pd.DataFrame) -> gt.GT:
    """Lay out what a rival in the deal costs (`analysis.pipeline.win_loss.cost_of_rivalry`)."""
    names = {
        "cycle_days": ("Cycle, days", "count"),
        "discount": ("Discount", "ratio"),
        "margin": ("Gross margin", "ratio"),
    }
    rows = [_cost_row(row, *names[row.measure]) for row in cost.itertuples()]
    columns = {
        "measure": ("Deals won", "text"),
        "contested": ("With a rival", "text"),
        "uncontested": ("Without", "text"),
        "difference": ("Difference", "text"),
        "interval": ("Interval", "text"),
        "n": ("Contested deals", "count"),
    }
    note = f"Compared within segment and size of deal; {span(cost['months'].max())}; 90 % interval."
    return lay(pd.DataFrame(rows), columns, note)


def battlecards(cards: pd.DataFrame, deals: pd.DataFrame, currency: str = "EUR") -> HTML:
    """Lay out a compact card per rival.

    Parameters
    ----------
    cards : DataFrame
        As `analysis.competition.battlecards.cards` gives it.
    deals : DataFrame
        As `analysis.pipeline.win_loss.notable` gives it.
    """
    drawn = [_card(card, deals[deals["competitor"] == card.competitor], currency) for card in cards.itertuples()]
    shown = HTML(styled(f'<div class="cards">{"".join(drawn)}</div>'))
    shown.facts = facts(cards, {"competitor": "rival"}, {c: m for c, m in CARD.items() if c in cards})
    return shown


def _cost_row(row: Any, name: str, unit: str) -> dict[str, Any]:
    number = style.percent if unit == "ratio" else lambda v: style.number(v, 0)
    gap = style.points if unit == "ratio" else lambda v: ("+" if v > 0 else "") + style.number(v, 1)
    ends = {"difference": gap(row.difference), "interval": f"{gap(row.low)} to {gap(row.high)}", "n": row.n}
    return {"measure": name, "contested": number(row.contested), "uncontested": number(row.uncontested)} | ends


def _card(card: Any, deals: pd.DataFrame, currency: str) -> str:
    facts = [
        (
            "Win rate",
            f"{style.percent(card.rate, 0)} ({style.percent(card.low, 0)} to {style.percent(card.high, 0)}), n {card.n:,.0f}",
        ),
        (
            "Market",
            _market(card) if pd.notna(card.share) else "",
        ),
        ("Price", f"{card.price:.0f} where we are at 100" if pd.notna(card.price) else ""),
        ("Beats us in", f"{card.worst}: we win {style.percent(card.worst_rate, 0)}" if pd.notna(card.worst) else ""),
        ("We beat it in", f"{card.best}: we win {style.percent(card.best_rate, 0)}" if pd.notna(card.best) else ""),
        ("Named more often", _reason(card) if pd.notna(card.reason) else ""),
        ("Open deals at risk", style.money(card.risk, currency) if pd.notna(card.risk) else ""),
        ("Lately won", _deals(deals[deals["won"]], currency)),
        ("Lately lost", _deals(deals[~deals["won"]], currency)),
    ]
    said = "".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in facts if text)
    tone = {"harder": "bad", "easier": "good"}.get(card.place, "")
    words = {"harder": "harder than the others", "easier": "easier than the others"}.get(card.place, "like the others")
    head = f'<h3>{html.escape(card.competitor)}</h3><span class="status"><i></i>{words}</span>'
    return f'<section class="card {tone}">{head}<dl>{said}</dl></section>'


def _market(card: Any) -> str:
    moved = f", {style.points(card.change)} in a year" if pd.notna(card.change) else ""
    return f"{style.percent(card.share)}{moved}"


def _reason(card: Any) -> str:
    return f"“{card.reason}”, {style.percent(card.reason_share, 0)} of losses, {style.percent(card.reason_others, 0)} elsewhere"


def _deals(deals: pd.DataFrame, currency: str) -> str:
    return ", ".join(f"{style.money(d.amount, currency)} ({style.day(d.closed_on)})" for d in deals.itertuples())
