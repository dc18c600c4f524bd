"""What tests of sentences share: companies whose rows are turned, pages run on them, and what their claims must keep to."""

import re

import nbformat
import pandas as pd
from IPython.utils.capture import capture_output

from conftest import ROOT
from quarterdeck.analysis.brief.figures import FIGURES
from quarterdeck.analysis.brief.metrics import METRICS
from quarterdeck.analysis.methods.claims import WORDS, holds
from quarterdeck.present import style
from quarterdeck.present.sentences import SAID_MIME

# Phrases in which a word of direction or order says nothing of a figure.
DESCRIPTIVE = (
    "at the least",
    "lost deals",
    "most other weights",
    "add up to",
    "adds up to",
    "written down",
    "or fewer",
)
DESCRIPTIVE += ("one per cent higher",)
PLACES = r"Q\d \d{2,4}|\d{1,2} [A-Z][a-z]{2}( \d{4})?|\b20\d\d\b|R\d{4}"
NUMBER = r"[−+]?[€$£]?\d+(?:,\d{3})*(?:\.\d+)?(?:tn|bn|m|k)?(?: %| pp)?"


def scaled(column, table, part, factor):
    """Give a change of one table: `column` times `factor` where `part` says so."""

    def change(tables):
        rows = tables[table]
        mask = part(rows)
        numbers = [c for c in ("revenue", "list_amount", "cost") if c in rows] if column == "revenue" else [column]
        return tables | {table: rows.assign(**{c: rows[c].where(~mask, rows[c] * factor) for c in numbers})}

    return change


def swapped(tables):
    """Change the rivals' names in closed deals, so that who beats us is another one."""
    deals, names = tables["opportunities"], sorted(tables["opportunities"]["competitor"].dropna().unique())
    turned = dict(zip(names, names[1:] + names[:1], strict=True))
    return tables | {"opportunities": deals.assign(competitor=deals["competitor"].map(turned))}


def without(*names):
    return lambda tables: {k: v for k, v in tables.items() if k not in names}


def coin_tossed(tables):
    """Let every rival be met with the same luck: nothing can be said of any one."""
    deals = tables["opportunities"].sort_values("opportunity_id").reset_index(drop=True)
    closed = deals["status"].ne("open")
    status = pd.Series(["won", "lost"] * len(deals))[: len(deals)].where(closed, "open")
    return tables | {"opportunities": deals.assign(status=status, loss_reason=None)}


def run_page(shell, notebook, folder, region, as_of=""):
    """Run a notebook's own cells on a snapshot; give its outputs, each with the heading it stands under."""
    section, outputs = "", []
    shell.user_ns.update({})
    for cell in nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            section = cell.source.splitlines()[0].removeprefix("## ")
        if cell.cell_type == "code":
            with capture_output() as captured:
                shell.run_cell(cell.source).raise_error()
            if "parameters" in cell.metadata.get("tags", []):
                shell.user_ns.update(data=str(folder), region=region, as_of=as_of)
            outputs += [(section, o.data or {}, o.metadata or {}) for o in captured.outputs]
    return outputs


def records(outputs):
    return [record for _, data, _ in outputs for record in data.get(SAID_MIME, [])]


def between(frame, column, span, after_start=False):
    first_day, last = map(pd.Timestamp, span)
    return frame[(frame[column] > first_day if after_start else frame[column] >= first_day) & (frame[column] <= last)]


def faults(claim, computed):
    """Say what is wrong with a claim: its name, its predicate, or a figure that is computed otherwise from the frames."""
    figures = claim["figures"]
    if {"low", "high"} <= set(figures):
        figures = figures | {"middle": (figures["low"] + figures["high"]) / 2}
    said = {name: value for name, value in computed.items() if name in figures}
    wrong = [name for name, value in said.items() if abs(figures[name] - value) > 1e-9 + 1e-6 * abs(value)]
    wrong += ["nothing of what was computed"] if computed and not said else []
    known = claim["metric"] in METRICS or claim["metric"] in FIGURES
    held = holds(claim["predicate"], claim["figures"], claim.get("unit", ""))
    return wrong + ([] if known else ["metric"]) + ([] if held else ["predicate"])


def unclaimed_words(record):
    """Give the words of direction and order in a sentence that no claim of it stands for."""
    text, claims = record.get("head") or record["text"], record["claims"]
    for phrase in (*DESCRIPTIVE, *named(claims)):
        text = re.sub(re.escape(phrase), " ", text, flags=re.IGNORECASE)
    allowed = {word for c in claims for word in WORDS.get(c["predicate"], ())}
    subjects = " ".join(c["subject"] for c in claims)
    return [
        word
        for word in {w for words in WORDS.values() for w in words} - allowed
        if re.search(rf"\b{word}\b", text) and not any(word in longer for longer in allowed) and word not in subjects
    ]


def unclaimed_numbers(record):
    """Give the numbers in a sentence that are none of the figures its claims hold of."""
    text = re.sub(r"power of \d+ %|\b\d+ % (range|interval)", " ", record["text"])  # how wide it is, not a figure
    for phrase in named(record["claims"]):
        text = re.sub(re.escape(phrase), " ", text, flags=re.IGNORECASE)
    claimed = {form for c in record["claims"] for v in figures_of(c) for form in written(v)}
    return [n for n in re.findall(NUMBER, re.sub(PLACES, " ", text)) if n not in claimed]


def figures_of(claim):
    """Give a claim's figures, and the change of what it compares: as a share of the former, and as a difference."""
    figures = claim["figures"]
    values = list(figures.values())
    if {"now", "before"} <= set(figures):
        values += [
            figures["now"] - figures["before"],
            figures["now"] / figures["before"] - 1 if figures["before"] else 0.0,
        ]
    return values


def named(claims):
    """Give the names that claims speak of: they may hold any word or number, and stand in sentences as they are."""
    return sorted({c["subject"].rpartition(": ")[2] for c in claims} - {""}, key=len, reverse=True)


def written(value):
    """Give every way in which a sentence may write a figure."""
    forms = set()
    for v in (value, abs(value)):
        forms |= {*re.findall(NUMBER, style.chance(v)), style.money(v), style.points(v), style.points(v).lstrip("+")}
        forms |= {write(v, digits) for write in (style.percent, style.change) for digits in (0, 1)}
        forms |= (
            {style.number(v, digits) for digits in range(4)}
            | {f"{style.number(v, 1)} %"}
            | {f"{v:+.1f}".replace("-", "−")}
        )
    return forms
