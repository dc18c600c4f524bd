"""Who is where, and whom to call: regions, teams, deals and accounts in rows, each with a name and what it is about.

A row's cells have a main line and, smaller, a second one; on a phone each row is a card.
"""

import html
import textwrap
from collections.abc import Callable
from typing import Any

import pandas as pd
from IPython.display import HTML

from quarterdeck.analysis.methods.claims import ODDS, first, standing
from quarterdeck.present import style
from quarterdeck.present.inline_style import styled
from quarterdeck.present.numbers import VOID
from quarterdeck.present.sentences import wanted
from quarterdeck.present.stated import facts

TEAM = {
    "gap": ("team_gap", "money"),
    "booked": ("team_booked", "money"),
    "open_worth": ("team_open", "money"),
    "quota": ("team_quota", "money"),
}
LONGEST_STEP = 60  # characters of a deal's next step that are shown
WIDTH, HEIGHT = 200, 26  # of a bullet, pixels
Cell = tuple[str, str, str]  # its main line, its second line, the class that says how it stands


class Rows(HTML):
    """A table for people, with the facts that it states."""

    def __init__(self, markup: str, text: str) -> None:
        super().__init__(markup)
        self.text, self.facts = text, []

    def __repr__(self) -> str:
        return self.text


def regions(table: pd.DataFrame, currency: str = "EUR") -> Rows:
    """Lay out regions by their gap: a bullet of what is in, forecast, commit and target, and the figures beside it.

    Parameters
    ----------
    table : DataFrame
        As `analysis.brief.call.regions` gives it.
    """
    money = _money(currency)
    whole = table[["p90", "target", "commit", "seen"]].max().max()
    commits = table["commit"].notna().any()
    heads = ["Region, lead", "", "Gap", "Forecast, 80 % range", *(["Leads' commit"] if commits else [])]
    heads.append(wanted(table.iloc[0]).capitalize())
    rows = []
    for row in table.itertuples():
        odds, state = _odds(row.chance)
        cells = [(row.region, row.owner, ""), (_bullet(row, whole), "", "drawn"), (money(row.gap, True), "", state)]
        spread = "" if pd.isna(row.p10) else f"{money(row.p10)} to {money(row.p90)}"
        cells.append((money(row.p50), spread, ""))
        cells += [(money(row.commit), "", "")] if commits else []
        week = "" if pd.isna(row.moved) else f"{style.points(row.moved)} on the week"
        rows.append([*cells, (money(row.target), "", ""), (odds, week, state)])
    names = {
        "p50": ("forecast_p50", "money"),
        "gap": ("forecast_gap", "money"),
        "chance": ("target_probability", "chance"),
    }
    said = _listed([*heads, "Chance"], rows, "regions")
    names |= {"target": ("quarter_target", "money"), "p10": ("forecast_p10", "money"), "p90": ("forecast_p90", "money")}
    names |= {"commit": ("lead_commit", "money"), "moved": ("chance_week", "points")}
    said.facts = facts(table, {"region": "region"}, names)
    return said


def teams(table: pd.DataFrame, currency: str = "EUR") -> Rows:
    """Lay out teams by their gap to quota: booked, worth of open deals, quota (`analysis.brief.call.teams`)."""
    money = _money(currency)
    rows = [
        [
            (row.manager, style.counted(row.sellers, "seller"), ""),
            (money(row.gap, True), "", "bad" if row.gap < 0 else "good"),
            (money(row.booked), "", ""),
            (money(row.open_worth), "", ""),
            (money(row.quota), "", ""),
        ]
        for row in table.itertuples()
    ]
    said = _listed(["Team", "Gap before new deals", "Booked", "Open deals are worth", "Quota"], rows, "teams")
    said.facts = facts(table, {"manager": "team"}, TEAM)
    return said


def deals(table: pd.DataFrame, currency: str = "EUR") -> Rows:
    """Lay out the deals that decide the quarter, by customer and seller (`analysis.brief.call.deciding`)."""
    money, rows = _money(currency), []
    for row in table.itertuples():
        who = " · ".join(
            part for part in (row.customer, row.seller, row.manager and f"team {row.manager}", row.region) if part
        )
        against = f"against {row.competitor}" if row.competitor else ""
        changed = "" if pd.isna(row.changed) else f"last changed {style.day(row.changed)}"
        put_off = "" if pd.isna(row.moved) or not row.moved else f"put off {style.counted(row.moved, 'time')}"
        own = VOID if pd.isna(row.expected_close) else style.day(row.expected_close)
        past = ", ".join(part for part in ("past" if row.late else "", put_off) if part)
        rows.append(
            [
                (row.deal, who, ""),
                (row.stage, " · ".join(part for part in (against, changed, _next(row.next_step)) if part), ""),
                (money(row.amount), "", ""),
                (style.chance(row.chance), _crm(row), ""),
                (VOID if pd.isna(row.likely_close) else style.day(row.likely_close), "", ""),
                (own, past, "bad" if row.late else ""),
            ]
        )
    heads = ["Deal, seller", "Stage", "Amount", "Chance this quarter", "Likely day", "Seller's day"]
    said = _listed(heads, rows, "deals")
    measures = {"amount": ("deal_amount", "money"), "chance": ("deal_chance", "chance")}
    measures["crm_chance"] = ("crm_chance", "chance")
    said.facts = facts(table, {"deal": "deal"}, measures)
    return said


def _next(step: str) -> str:
    """Write what is to be done next, cut where it is long."""
    return f"next: {textwrap.shorten(step, LONGEST_STEP, placeholder=' …')}" if step else ""


def _crm(row: Any) -> str:
    """Write what the CRM itself says of a deal: its probability and forecast category."""
    said = ["" if pd.isna(row.crm_chance) else style.chance(row.crm_chance), row.crm_category]
    return f"CRM: {', '.join(part for part in said if part)}" if any(said) else ""


def accounts(table: pd.DataFrame, currency: str = "EUR") -> Rows:
    """Lay out the accounts to call, by name, with who sold to them last (`analysis.brief.call.silent`)."""
    money = _money(currency)
    rows = [
        [
            (row.name, row.seller, ""),
            (money(row.spend), "", ""),
            (money(row.at_stake), "", ""),
            (style.day(row.last), f"{style.counted(row.silent, 'day')} ago", "bad"),
            (f"every {style.counted(row.usual, 'day')}", "", ""),
        ]
        for row in table.itertuples(index=False)
    ]
    heads = ["Account, seller", "Twelve months", "At stake a year", "Last order", "Usually orders"]
    said = _listed(heads, rows, "accounts")
    measures = {
        "spend": ("account_spend", "money"),
        "at_stake": ("account_stake", "money"),
        "silent": ("days_silent", "count"),
    }
    said.facts = facts(table, {"name": "account"}, measures)
    return said


def _listed(heads: list[str], rows: list[list[Cell]], kind: str) -> Rows:
    """Lay out rows under headings, less the columns that nothing is known of; the first column is names, the others are set to
    the right."""
    known = [k for k, column in enumerate(zip(*rows, strict=True)) if any(main != VOID for main, _, _ in column)]
    heads, rows = [heads[k] for k in known], [[row[k] for k in known] for row in rows]
    head = "".join(f"<th>{html.escape(h)}</th>" for h in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row, heads))}</tr>" for row in rows)
    markup = f'<table class="rows of-{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return Rows(styled(markup), "\n".join("; ".join(_text(c) for c in row if c[2] != "drawn") for row in rows))


def _cell(cell: Cell, head: str) -> str:
    main, second, state = cell
    small = f"<small>{html.escape(second)}</small>" if second else ""
    inner = main if state == "drawn" else f"<b>{html.escape(main)}</b>"
    look = f' class="{state}"' if state else ""
    return f'<td{look}><span class="key">{html.escape(head)}</span>{inner}{small}</td>'


def _text(cell: Cell) -> str:
    return f"{cell[0]} ({cell[1]})" if cell[1] else cell[0]


def _odds(chance: float) -> tuple[str, str]:
    """Write a chance, and how it stands."""
    claim = first("target_probability", ODDS, {"chance": chance})
    return style.chance(chance), standing(claim, "higher")


def _money(currency: str) -> Callable[..., str]:
    def write(value: float, signed: bool = False) -> str:
        sign = "+" if signed and value > 0 else ""
        return VOID if pd.isna(value) else sign + style.money(value, currency)

    return write


def _bullet(row: Any, whole: float) -> str:
    """Draw a region: what is in, its forecast with the range, the leads' commit and the target."""
    low, middle, high, done, commit, target = (
        0 if pd.isna(v) or not whole > 0 else max(v, 0) / whole * (WIDTH - 6)  # layout
        for v in (row.p10, row.p50, row.p90, row.seen, row.commit, row.target)
    )
    parts = [
        f'<rect class="range" x="{low:.1f}" y="8" width="{high - low:.1f}" height="10"/>',
        f'<rect class="done" x="0" y="8" width="{done:.1f}" height="10"/>',
    ]
    if pd.notna(row.p50):
        parts.append(f'<circle class="forecast" cx="{middle:.1f}" cy="13" r="4"/>')
    if pd.notna(row.commit):
        parts.append(f'<path class="commit" d="M{commit - 4:.1f},1 L{commit + 4:.1f},1 L{commit:.1f},7 Z"/>')
    if pd.notna(row.target):
        parts.append(f'<rect class="target" x="{target - 1:.1f}" y="3" width="2.4" height="20"/>')
    label = f"{row.region}: in, forecast, range and target"
    return (
        f'<svg class="bullet" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">'
        + "".join(parts) + "</svg>"
    )  # fmt: skip
