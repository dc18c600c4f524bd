"""How is what was found written down: a company's source.yaml, which keeps what a person changed in it?"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from quarterdeck.data.contract import TABLES
from quarterdeck.data.intake.look import Found, Place

WITHOUT = {  # tables of the contract, and what pages lack without them
    "orders": "revenue, margin, customers and initiatives",
    "customers": "who is kept, grown and lost; the market by segment",
    "products": "prices, mix and product categories",
    "reps": "the team",
    "quotas": "quota attainment",
    "targets": "target attainment, and the chance to reach the target",
    "opportunities": "the pipeline, win rates and the quarter's end by deals",
    "opportunity_history": "how deals move",
    "deal_splits": "credit of deals that several sellers share",
    "forecast_calls": "how right called forecasts were",
    "market": "market size and share",
    "competitors": "rivals' shares and prices",
    "initiatives": "what initiatives achieved",
    "costs": "selling cost and what a new customer costs",
    "exchange_rates": "growth at constant rates",
    "calendar": "fiscal quarters, unless source.yaml says when the fiscal year begins",
    "merges": "customers, deals and sellers that were merged as one",
    "organisation": "pages of areas and teams above and below regions",
    "assignments": "who held which account when",
}


@dataclass
class Draft:
    """What source.yaml is to say: facts, files and SELECTs, and why."""

    title: str
    reasons: list[str]
    files: list[Found]
    tables: dict[str, str]
    facts: dict[str, str] = field(default_factory=dict)  # currency and timezone, where the data say it
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    variable: str = ""
    database: bool = False


def written(draft: Draft, place: Place) -> str:
    """Write a source.yaml."""
    lines = _comments(draft, place)
    lines += [f"title: {_scalar(draft.title)}"]
    known = draft.facts.get("currency")
    lines += ["" if known else "# The data do not say their currency: put its ISO code here."]
    lines += [f"currency: {known or 'EUR'}"]
    if zone := draft.facts.get("timezone"):
        lines += ["# The place whose days count. Moments in the data become its days.", f"timezone: {zone}"]
    lines += ["# A page for each region of the data, without a file for each.", "regions: all"]
    lines += [f"{'url' if draft.database else 'folder'}_variable: {draft.variable}"]
    if not draft.database:
        lines += ["files:"]
        for table in draft.files:
            lines += [f"  # {reason}" for reason in table.reasons]
            lines += [f"  {table.name}: {_flow(table.options)}"]
    lines += ["tables:"]
    for name, sql in draft.tables.items():
        comments, select = _split(sql)
        lines += [f"  {comment}".rstrip() for comment in comments]
        lines += [f"  {name}: |", *(f"    {line}".rstrip() for line in select.splitlines())]
    return "\n".join(line for line in lines if line) + "\n"


def absent(draft: Draft) -> list[str]:
    """Say of each table of the contract that is not filled what pages lack, and what would fill it."""
    return [
        f"{name}: pages lack {WITHOUT[name]}" + (f". To bring: {draft.missing[name]}" if name in draft.missing else "")
        for name in TABLES
        if name not in draft.tables
    ]


def blocks(text: str) -> dict[str, str]:
    """Cut a source.yaml into what is changed on its own: its lines by key, those of `files` and `tables` by the key within.

    >>> list(blocks("# by hand\\ntitle: A\\nfiles:\\n  a: {}\\ntables:\\n  # one\\n  orders: SELECT 1\\n"))
    ['title', 'files', 'files.a', 'tables', 'tables.orders']
    """
    found: dict[str, str] = {}
    section, key, ahead = "", "", ""
    for line in text.splitlines(keepends=True):
        top = re.match(r"([A-Za-z_]\w*):", line)
        inner = re.match(r"  ([A-Za-z_]\w*):", line) if section else None
        if re.match(r" {0,2}#", line) or not line.strip():
            ahead += line
            continue
        if top:
            key = top[1]
            section = key if key in ("files", "tables") and not line.partition(":")[2].strip() else ""
        elif inner:
            key = f"{section}.{inner[1]}"
        found[key] = found.get(key, "") + ahead + line
        ahead = ""
    if ahead and key:
        found[key] += ahead
    return found


def merged(base: str, here: str, made: str) -> tuple[str, list[str]]:
    """Bring a new draft into a source.yaml that a person may have changed since the last draft.

    Parameters
    ----------
    base : str
        The last draft, as it was written.
    here : str
        The file as it is.
    made : str
        The new draft.

    Returns
    -------
    tuple
        The file to write, and what to say: what was added, what has changed, what was kept as it was edited.
    """
    old, mine, new = blocks(base), blocks(here), blocks(made)
    kept, said = {}, []
    for key in dict.fromkeys([*_in_place(new, mine), *mine]):
        edited = key in mine and mine[key] != old.get(key)
        if key in mine and (edited or key not in new):
            kept[key] = mine[key]
            if key in new and new[key] not in (mine[key], old.get(key)):
                said.append(f"{key}: kept as you edited it; the new draft differs")
            elif edited and new.get(key) != mine[key]:
                said.append(f"{key}: kept as you edited it")
            elif key not in new:
                said.append(f"{key}: nothing in the data fills it any more; it was left as it is")
        elif key not in mine and key in old:
            said.append(f"{key}: you took it out, and it stays out")
        elif key in new:
            kept[key] = new[key]
            if key not in mine:
                said.append(f"{key}: added")
            elif new[key] != mine[key]:
                said.append(f"{key}: changed, for the data have")
    return "".join(kept.values()), said


def _in_place(new: Iterable[str], mine: Iterable[str]) -> list[str]:
    """Order the new draft's keys with those that a person added behind the key that they follow."""
    order = list(new)
    before = ""
    for key in mine:
        if key not in order:
            order.insert(order.index(before) + 1 if before in order else len(order), key)
        before = key
    return order


def _comments(draft: Draft, place: Place) -> list[str]:
    lines = [f"# {reason}" for reason in draft.reasons]
    lines += ["# Look through the SELECTs, change what is not so, and run quarterdeck check."]
    lines += ["#", "# Not in the data:", *(f"# - {said}" for said in absent(draft))] if absent(draft) else []
    lines += ["#", *(f"# - {said}" for said in draft.notes)] if draft.notes else []
    unread = place.unread[:20]
    return lines + (["#", "# Not read:", *(f"# - {said}" for said in unread)] if unread else [])


def _split(sql: str) -> tuple[list[str], str]:
    """Take the comments above a SELECT out of it: they stand above its key."""
    comments = re.match(r"(--[^\n]*\n)*", sql)[0]
    return [f"# {line[2:].strip()}" for line in comments.splitlines()], sql[len(comments) :]


def _scalar(text: str) -> str:
    return yaml.safe_dump(text, allow_unicode=True, width=1000).removesuffix("\n...\n").strip()


def _flow(options: dict) -> str:
    return yaml.safe_dump(options, default_flow_style=True, allow_unicode=True, width=1000, sort_keys=False).strip()
