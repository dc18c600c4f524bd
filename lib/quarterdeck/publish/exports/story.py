"""Which ten slides does a board get of a region, and what does each say? All in the run's own words and figures.

Every title is a sentence of a page, or made of a page's facts with its claims. A slide whose page has no such data is left out, and
the appendix says why.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from quarterdeck.data import COMPANY
from quarterdeck.publish.exports import titles
from quarterdeck.publish.exports.content import Block, Chart, Slide, Table, Text, beside, charted, stacked
from quarterdeck.publish.exports.formats import BRIEF
from quarterdeck.publish.exports.run_reader import RunReader

MOST_ROWS = 8  # of regions or teams
FORECASTING, TEAM, RIVALS, MARKET = "forecasting", "team_performance", "competitor_analysis", "market_research"
KEY = ("forecast_p50", "lead_commit", "revenue", "target_probability")  # figures beside the call
ENDS = {"forecast": ("low, 10 %", "high, 90 %"), "can be booked": ("low, 10 %", "high, 90 %")}
CHANGED, GAP, ACCOUNTS = "What changed since the last run?", "Where is the gap?", "Which accounts should we call?"
LEVERS, CALL = "What if we sold differently?", "Will we make it?"
CALLS = "Are the calls of the sales leads true?"
Made = Slide | None


def slides(reader: RunReader) -> tuple[list[Slide], list[str]]:
    """Give the slides of a region's deck in their order, and a sentence on each that is left out.

    Returns
    -------
    tuple
        At most ten slides, and why others are not there.
    """
    found = {question: make(reader) for question, make, _ in STORY}
    made = {question: slide if slide and slide.blocks else None for question, slide in found.items()}
    left = [f"{question}: {_why(reader, places)}" for question, _, places in STORY if made[question] is None]
    return [replace(slide, kicker=question) for question, slide in made.items() if slide], left


def _why(reader: RunReader, places: tuple[tuple[str, str], ...]) -> str:
    """Give the page's own reason why there is nothing to show."""
    said = next((why for page, section in places if (why := reader.missing(page, section))), "")
    return said.removeprefix("Not shown: ") or "no page of this run has the data for it."


def call(reader: RunReader) -> Made:
    """The number and the call."""
    first = reader.of("sentence")[0]
    facts = reader.stated(BRIEF, "forecast_course")
    caption = "The quarter's end as each week would have forecast it; dashed: 80 % range"
    chart = _chart(reader, facts, "forecast_course", "line", "entity", caption)
    known = {f["metric"]: f for f in reader.of("figure")}
    keys = [m for m in KEY if m in known] or list(known)[: len(KEY)]
    rows = [titles.against(known[metric], reader) for metric in keys]
    table = Table(["Figure", "Now", "How it stands"], rows, [2.0, 1.2, 2.6], (1,)) if rows else None
    trust = [r for r in reader.of("sentence")[1:2] if r["claims"] and r["claims"][0]["metric"] in titles.TRUST]
    text = Text([("How sure this is", "head"), *((r["text"], "body") for r in trust)]) if trust else None
    claims = [*first["claims"], *(c for r in trust for c in r["claims"])]
    return Slide(first["text"], claims, _columns(chart, [table, text], 0.58), "", tuple(keys))


def why(reader: RunReader) -> Made:
    """Why: what moved revenue against the same days last year, by segment and by price, volume and mix."""
    steps = [reader.stated(BRIEF, "revenue_step", nth) for nth in range(4)]
    parts = [facts for facts in steps if facts and facts[0]["period"].startswith("last year")]
    causes = next((facts for facts in parts if "by price" in facts[0]["period"]), [])
    groups = next((facts for facts in parts if facts is not causes), [])
    by_segment = _waterfall(reader, groups, "Revenue so far, from the same days last year to now")
    by_cause = _waterfall(reader, causes, "The same by price, volume and mix")
    found = next((p for p in reader.pictures(BRIEF) if p.section == "What changed against last year?"), None)
    if found is None or not (by_segment or by_cause):
        return None
    return Slide(found.finding, found.claims, stacked([by_segment, by_cause]), found.alt)


def regions(reader: RunReader) -> Made:
    """Regions, the largest gap first; of a region its teams."""
    return _of_regions(reader) if reader.region == COMPANY else _of_teams(reader)


def _of_regions(reader: RunReader) -> Made:
    rows, said = reader.rows("regions"), reader.said(BRIEF, GAP)
    if rows is None or not said:
        return None
    who, gap, chance = (rows.column(head) for head in ("Region, lead", "Gap", "Chance"))
    led = any(lead for _, lead in who)
    cells = [
        [name, *([lead] if led else []), short, odds, week.removesuffix(" on the week")]
        for (name, lead), (short, _), (odds, week) in zip(who, gap, chance, strict=True)
    ]
    heads = ["Region", *(["Lead"] if led else []), "Gap", "Chance", "In a week"]
    last = len(heads)
    table = Table(heads, cells, [2.0] * (last - 3) + [1.2, 1, 1.3], (last - 3, last - 2, last - 1))
    facts = reader.stated(BRIEF, "forecast_gap")
    named = {"forecast_p50": "forecast", "quarter_target": "target", "forecast_p10": "low", "forecast_p90": "high"}
    chart = _measures(reader, facts, named, "Forecast with its 80 % range, and target")
    return Slide(said[0]["text"], said[0]["claims"], beside(table, chart, 0.52), "", ("target_probability",))


def _of_teams(reader: RunReader) -> Made:
    rows, facts = reader.rows("teams"), reader.stated(BRIEF, "team_gap")
    if rows is None or not facts:
        return None
    cells = [[" · ".join(part for part in cell if part) for cell in row] for row in rows.rows]
    table = Table(["Team", "Gap", "Booked", "Open deals", "Quota"], cells, [3, 1.2, 1.1, 1.2, 1.1], (1, 2, 3, 4))
    named = {"team_booked": "booked", "team_open": "open deals are worth", "team_quota": "quota"}
    chart = _measures(reader, facts, named, "Booked, worth of open deals, and quota")
    title = titles.teams(facts, reader.facts["currency"])
    return Slide(str(title), titles.claims(title), beside(table, chart, 0.52))


def changed(reader: RunReader) -> Made:
    """What changed since the last run, or in the last week."""
    rows, said = reader.of("since"), [r for r in reader.said(BRIEF, CHANGED) if r["kind"] == "sentence"]
    drawn = [p for p in reader.pictures(BRIEF) if p.section == CHANGED]
    steps = next(
        (f for n in range(4) if (f := reader.stated(BRIEF, "revenue_step", n)) and "last run" in f[0]["period"]), []
    )
    moves = _waterfall(reader, reader.stated(BRIEF, "pipeline_moves"), "What became of the deals due this quarter")
    came = _waterfall(reader, steps, "Revenue of the quarter since the last run")
    if rows and said:
        table = Table(["Figure", rows[0]["day"], "Now", "Since then"], _since(rows), [2.7, 1.2, 1.2, 1.6], (1, 2))
        return Slide(said[-1]["text"], said[-1]["claims"], stacked([table, moves or came], first=0.42))
    if drawn and moves:
        return Slide(drawn[-1].finding, drawn[-1].claims, beside(moves, None), drawn[-1].alt)
    return None


def _since(rows: list[dict[str, Any]]) -> list[list[str]]:
    return [[r["title"], r["then"], r["now"], r["text"]] for r in rows]


def decide(reader: RunReader) -> Made:
    """The deals and the accounts that decide the quarter, by name."""
    deals, accounts = reader.rows("deals"), reader.rows("accounts")
    tables = []
    if deals:
        heads = ["Deal, seller", "Stage", "Amount", "Chance this quarter", "Likely day", "Seller's day"]
        shown = ["Open deals that leave most in doubt", "Stage", "Amount", "Chance", "Likely day", "Seller's day"]
        rows = [[" · ".join(p for p in row[0] if p), *(cell[0] for cell in row[1:])] for row in deals.rows]
        tables.append(
            Table(shown, rows, [5.2, 1.5, 1.1, 1.1, 1.5, 1.5], (2, 3, 4, 5)) if deals.heads == heads else None
        )
    if accounts:
        shown = ["Silent accounts to call", "Twelve months", "At stake", "Last order", "Usually orders"]
        rows = [[" · ".join(p for p in row[0] if p), *(_both(c) for c in row[1:])] for row in accounts.rows]
        tables.append(Table(shown, rows, [4.4, 1.5, 1.1, 2.9, 2.0], (1, 2, 3, 4)))
    tables = [table for table in tables if table]
    if not tables:
        return None
    title = titles.deciding(
        reader.stated(BRIEF, "deal_amount"), reader.stated(BRIEF, "account_stake"), reader.facts["currency"]
    )
    return Slide(str(title), titles.claims(title), stacked(tables))


def _both(cell: tuple[str, str]) -> str:
    return f"{cell[0]}, {cell[1]}" if cell[1] else cell[0]


def rivals(reader: RunReader) -> Made:
    """Rivals and market."""
    said = [r for r in reader.said(RIVALS, "Against whom do we win?") if r["kind"] == "sentence"]
    market = [
        *reader.said(MARKET, "How large is the market, and does it grow?")[:1],
        *reader.said(RIVALS, "Who takes share from whom?")[:1],
        *said[1:2],
        *reader.said(RIVALS, "Why do we lose?")[:1],
        *reader.said(RIVALS, "What is at risk now?")[:1],
    ]
    facts = reader.stated(RIVALS, "win_rate")
    chart = _measures(
        reader, facts if facts and facts[0]["kind"] == "rival" else [], {"win_rate": "win rate"}, "Win rate by rival"
    )
    lead = next(iter(said), next(iter(market), None))
    if lead is None:
        return None
    return Slide(
        lead["text"], lead["claims"], beside(chart, _text("Market and rivals", market, lead), 0.5), "", ("win_rate",)
    )


def team(reader: RunReader) -> Made:
    """Team and capacity."""
    carried, drawn = (
        [r for r in reader.said(TEAM, "Can the team carry the plan?") if r["kind"] == kind]
        for kind in ("sentence", "picture")
    )
    caption = "What the sellers' quotas carry at past attainment, with its 80 % range, and the plan"
    chart = _chart(reader, reader.stated(TEAM, "capacity_course"), "capacity_course", "column", "period", caption)
    more = [
        *carried[:1],
        *reader.said(TEAM, "How many sellers reach their quota?")[:1],
        *reader.said(TEAM, "Who wins more than chance and mix explain?")[:1],
        *reader.said(TEAM, "Who could be helped with what?")[:1],
    ]
    lead = next(iter([*drawn, *more]), None)
    if lead is None:
        return None
    return Slide(
        lead["text"], lead["claims"], beside(chart, _text("The team", more, lead), 0.5), "", ("quota_attainment",)
    )


def ahead(reader: RunReader) -> Made:
    """The next quarter and its gap."""
    figure = next((f for f in reader.of("figure") if f["metric"] == "next_pipeline"), None)
    finding = [f for f in reader.of("finding") if f["rule"] == "next_quarter_short"]
    caption = "Bookings of this and the next quarters, with their 80 % range, and what is asked"
    chart = _chart(
        reader, reader.stated(FORECASTING, "bookings_course"), "bookings_course", "column", "period", caption
    )
    months = reader.said(FORECASTING, "What will the months ahead bring?")
    more = [r for r in months if r["kind"] == "picture"][:1] + reader.said(
        TEAM, "How did the quarter's pipeline get here?"
    )[1:3]
    title = titles.next_quarter(figure, reader.facts["currency"]) if figure else None
    if title is None:
        return None
    lines = [
        line for f in finding for line in ((f["head"], "head"), (f["body"], "body"), (f"Do: {f['action']}", "body"))
    ]
    lines += [(r["text"], "body") for r in more]
    text = Text(lines) if lines else None
    return Slide(str(title), titles.claims(title), beside(chart, text, 0.52), "", ("next_pipeline",))


def risks(reader: RunReader) -> Made:
    """Risks, and what would change our mind."""
    said = [r for r in reader.said(FORECASTING, LEVERS) if r["kind"] == "picture"]
    facts = reader.stated(FORECASTING, "lever_swing")
    categories, series = charted(facts, "lever_swing", "period")
    caption = "What a usual swing of each lever does to the quarter's bookings, in % of them"
    chart = Chart("stacked", categories, series, "change", reader.facts["currency"], caption) if facts else None
    doubts = [("How likely each finding is wrong", "head")]
    doubts += [(titles.risk(f), "body") for f in reader.of("finding")]
    doubted = reader.said(FORECASTING, "What would change this answer?")[:2]
    others = [*reader.said(FORECASTING, LEVERS)[-2:-1], *reader.said(FORECASTING, CALLS)[2:3]]
    minds = [r["text"] for r in doubted or others]
    mind = [("What would change our mind", "head"), *((text, "body") for text in minds)] if minds else []
    if not said and not reader.of("finding"):
        return None
    title = said[0]["text"] if said else str(titles.doubt(reader.of("finding")))
    claims = said[0]["claims"] if said else titles.claims(titles.doubt(reader.of("finding")))
    return Slide(title, claims, beside(chart, Text([*mind, *doubts]), 0.5))


def decisions(reader: RunReader) -> Made:
    """Decisions asked for, with owner and date."""
    found = reader.of("finding")
    if not found:
        return None
    rows = [titles.decision(f) for f in found]
    table = Table(["Decision", "Because", "Owner", "By", "May bring"], rows, [3.6, 2.9, 1.7, 1.4, 2.6])
    where = "\n".join(f"{f['head']}: see {f['page'].replace('_', ' ')}, “{f['question']}”. {f['body']}" for f in found)
    title = titles.asked(found)
    return Slide(
        str(title), [*titles.claims(title), *(c for f in found for c in f["claims"])], beside(table, None), where
    )


def _columns(left: Block | None, right: list[Block | None], part: float) -> list:
    """Put one block left of others, which stand one below the other."""
    there = [block for block in right if block is not None]
    if left is None or not there:
        return stacked([left, *there])
    (first, second) = beside(left, there[0], part)
    return [first, *stacked(there, second[1])]


def _text(head: str, records: list[dict[str, Any]], lead: dict[str, Any]) -> Text | None:
    lines = [(r["text"], "body") for r in records if r["text"] != lead["text"]]
    return Text([(head, "head"), *lines]) if lines else None


def _chart(reader: RunReader, facts: list, measure: str, kind: str, by: str, caption: str) -> Chart | None:
    """Make a chart of a measure, whose series have ends of their own."""
    categories, series = charted(facts, measure, by, order=kind == "line")
    if not categories:
        return None
    ends = {name: pair for name, pair in ENDS.items() if name in series and set(pair) <= set(series)}
    named = [titles.day(c) for c in categories] if kind == "line" else categories
    return Chart(kind, named, series, "money", reader.facts["currency"], caption, {} if kind == "line" else ends)


def _measures(reader: RunReader, facts: list, named: dict[str, str], caption: str) -> Chart | None:
    """Make lying bars of several measures of the same names, the first few of them."""
    names = list(dict.fromkeys(f["entity"] for f in facts if f["measure"] in named))[:MOST_ROWS]
    known = {(f["measure"], f["entity"]): f for f in facts}
    series = {label: [known.get((measure, n)) for n in names] for measure, label in named.items()}
    series = {label: points for label, points in series.items() if any(points)}
    unit = next((f["unit"] for f in facts if f["measure"] in named), "money")
    ends = {"forecast": ("low", "high")} if {"forecast", "low", "high"} <= set(series) else {}
    return Chart("bar", names, series, unit, reader.facts["currency"], caption, ends) if names else None


def _waterfall(reader: RunReader, facts: list, caption: str) -> Chart | None:
    drawn = [f for f in facts if f["kind"] == "step"]
    steps = [f for k, f in enumerate(drawn) if k in (0, len(drawn) - 1) or abs(f["value"]) >= 0.5]
    names = [f["entity"] for f in steps]
    return (
        Chart("waterfall", names, {"steps": steps}, "money", reader.facts["currency"], caption)
        if len(steps) > 2
        else None
    )


STORY: list[tuple[str, Callable[[RunReader], Made], tuple[tuple[str, str], ...]]] = [
    ("The number and the call", call, ()),
    ("Why", why, ((BRIEF, "What changed against last year?"),)),
    ("Regions and teams", regions, ((BRIEF, GAP),)),
    ("What changed", changed, ((BRIEF, CHANGED),)),
    ("Deals and accounts that decide", decide, ((BRIEF, "Which deals decide it?"), (BRIEF, ACCOUNTS))),
    ("Rivals and market", rivals, ((RIVALS, "Against whom do we win?"),)),
    ("Team and capacity", team, ((TEAM, "Can the team carry the plan?"),)),
    ("Next quarter and its gap", ahead, ((BRIEF, CALL),)),
    ("Risks and what would change our mind", risks, ((FORECASTING, LEVERS),)),
    ("Decisions asked for", decisions, ((BRIEF, "What should we do?"),)),
]
