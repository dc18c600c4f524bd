"""How do tiles, cards and findings look where no page of ours stands around them: in JupyterLab, VS Code and nbconvert?

Their markup brings its own style. Every rule is in `:where`, which weighs nothing: it touches our own classes alone, and a page's
style sheet (`publish/template`), which says the same and more, goes before it. Colours are the page's, else JupyterLab's, else
plain ones.
"""

import re

COLOURS = {
    "ink": "var(--ink,var(--jp-content-font-color1,CanvasText))",
    "soft": "var(--soft,var(--jp-ui-font-color2,GrayText))",
    "line": "var(--line,var(--jp-border-color2,#8886))",
    "us": "var(--us,var(--jp-content-link-color,#1a668a))",
    "good": "var(--good,#1a8a5c)",
    "warn": "var(--warn,#a86a00)",
    "bad": "var(--bad,#c8472f)",
    "plan": "var(--plan,#96660f)",
}
RULES = """
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(230px,1fr)); gap:14px; margin:0 0 18px }
.tile { border:1px solid $line; border-radius:10px; padding:14px 16px; color:$ink; display:flex; flex-direction:column; gap:3px; min-width:0 }
.tile .label { font-size:13px; color:$soft }
.tile .row { display:flex; justify-content:space-between; align-items:center; gap:10px }
.tile strong { font-size:28px; line-height:1.25; letter-spacing:-.5px; font-weight:650 }
.tile .sub { font-size:13.5px; min-height:1.5em }
.tile .status, .card .status { font-size:13.5px; font-weight:600; color:$soft; display:flex; align-items:center; gap:7px }
.tile .status i, .card .status i { flex:none; width:9px; height:9px; border-radius:50%; background:currentColor }
.tile.good .status, .card.good .status { color:$good }
.tile.warn .status { color:$warn }
.tile.bad .status, .card.bad .status { color:$bad }
.tile .foot { font-size:12.5px; color:$soft; border-top:1px solid $line; margin-top:auto; padding-top:7px }
.tile .spark polyline { fill:none; stroke:$us; stroke-width:1.8 }
.tile .spark circle { fill:$us }
.cards { display:grid; grid-template-columns:repeat(auto-fill,minmax(300px,1fr)); gap:14px; margin:4px 0 10px }
.cards .card { border:1px solid $line; border-radius:10px; padding:13px 16px }
.cards dl { margin:0; font-size:13.5px }
.cards dt { color:$soft; font-size:12.5px; margin-top:6px }
.cards dd { margin:0 }
.finding { border:1px solid $line; border-radius:10px; padding:14px 18px; margin:0 0 12px; display:grid; grid-template-columns:96px minmax(0,1fr); gap:4px 16px }
.finding .worth { white-space:nowrap; font-size:21px; font-weight:650; color:$plan; letter-spacing:-.3px }
.finding .src { font-size:12.5px; color:$soft }
.rows { width:100%; border-collapse:collapse; font-size:14px; color:$ink; font-variant-numeric:tabular-nums }
.rows th { text-align:right; font-weight:500; font-size:12.5px; color:$soft; padding:6px 8px; border-bottom:1px solid $line }
.rows td { text-align:right; padding:8px; border-bottom:1px solid $line; vertical-align:top; background:none }
.rows th:first-child, .rows td:first-child, .rows.of-deals td:nth-child(2), .rows.of-deals th:nth-child(2) { text-align:left }
.rows td b { font-weight:600; white-space:nowrap }
.rows td small { display:block; font-size:12.5px; color:$soft }
.rows .key { display:none }
.rows .good b { color:$good }
.rows .warn b { color:$warn }
.rows .bad b { color:$bad }
.bullet { width:200px; max-width:100%; height:26px }
.bullet .done { fill:$us }
.bullet .range { fill:$us; opacity:.28 }
.bullet .forecast { fill:$us; stroke:#fff; stroke-width:1 }
.bullet .commit { fill:$ink }
.bullet .target { fill:$plan }
.missing { color:$soft; font-size:14px; border-left:3px solid $line; padding:2px 0 2px 12px; margin:4px 0 14px }
"""  # noqa: E501  a rule is a line


def styled(markup: str) -> str:
    """Give markup with the style of what is in it: tiles, cards or findings, and what is missing.

    >>> styled('<p class="missing">x</p>')
    '<style>:where(.missing){color:var(--soft,var(--jp-ui-font-color2,GrayText));font-size:14px;border-left:3px solid \
var(--line,var(--jp-border-color2,#8886));padding:2px 0 2px 12px;margin:4px 0 14px}</style><p class="missing">x</p>'
    """
    there = set(re.findall(r"[\w-]+", " ".join(re.findall(r'class="([^"]*)"', markup))))
    rules = [line.split(" {") for line in RULES.strip().splitlines()]
    used = [(which, declared) for which, declared in rules if re.findall(r"\w+", which)[0] in there]
    sheet = "".join(f":where({which}){{{declared.strip(' }').replace('; ', ';')}}}" for which, declared in used)
    sheet = re.sub(r"\$(\w+)", lambda colour: COLOURS[colour[1]], sheet)
    return f"<style>{sheet}</style>{markup}" if sheet else markup
