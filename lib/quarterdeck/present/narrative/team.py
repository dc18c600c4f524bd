"""What do the sellers' figures say, in sentences? Every figure in them is computed, and claimed."""

from collections.abc import Callable

import pandas as pd

from quarterdeck.analysis.methods.claims import BESIDE, MOVED, Claim, amounts, apart, first, least, most, part
from quarterdeck.analysis.team.standing import MEASURES, rank_width
from quarterdeck.present import style
from quarterdeck.present.facts.team import (
    YIELDED,
    against_plan,
    likely_sellers,
    pipeline_steps,
    reached_quota,
    stand_out,
)
from quarterdeck.present.numbers import among, listed, span
from quarterdeck.present.sentences import Sentence, joined

FIGURE = dict(zip(MEASURES, ("seller_size", "seller_attainment"), strict=True))
YIELD = {"revenue": "seller_revenue", "bookings": "seller_revenue", "margin": "seller_margin"}
MOST_NAMES = 5  # named in one sentence; the chart names the others
FEWEST_FOR_TENTHS = 10  # sellers below whom there is no tenth of them


def attainment_takeaway(spread: pd.DataFrame) -> Sentence:
    """Say how many sellers reached their quota, and how the open quarter compares with its days.

    Parameters
    ----------
    spread : DataFrame
        As `analysis.team.performance.attainment_spread` gives it.
    """
    return joined([_whole(q) if q["whole"] else _open(q) for _, q in spread.iterrows()])


def parts_takeaway(parts: pd.DataFrame) -> Sentence:
    """Say whether regions, or else managers' teams, differ in what they attained (`analysis.team.performance.attainment_by`)."""
    own = parts[parts["quarter"].eq(parts["quarter"].iloc[0]) & parts["dimension"].eq(parts["dimension"].iloc[0])]
    kind = {"region": "region", "manager": "team"}[own["dimension"].iloc[0]]
    by = own.set_index("part")["attainment"]
    whose = f"{kind} in {own['quarter'].iloc[0]}"
    ends = [least("quota_attainment", by, whose), most("quota_attainment", by, whose)]
    low, high = (f"{c.name} with {style.percent(c.figures['now'], 0)}" for c in ends)
    clear = own[own["place"].isin(["above", "below"])]
    counted = part("quota_attainment", len(clear), len(own), f"{kind}s stand apart")
    names = listed([f"{r.part} ({r.place})" for r in clear.itertuples(index=False)])
    stand = "stands" if len(clear) == 1 else "stand"
    said = f"{len(clear)} of {style.counted(len(own), kind)} {stand} apart from the others: {names}"
    if clear.empty:
        said = f"no {kind} stands apart from the others by what its sellers attained"
    lie = f"from {low} to {high}"
    if len(own) == 1:
        return Sentence(f"**There is one {kind} here**: {low} of quota in {own['quarter'].iloc[0]}.", ends)
    return Sentence(f"**In {own['quarter'].iloc[0]}, {said}**; they lie {lie} of quota.", [counted, *ends])


def manager_takeaway(rates: pd.DataFrame) -> Sentence:
    """Say whether the managers' teams differ in what they win (`analysis.team.performance.win_rates` by manager)."""
    if len(rates) == 1:
        row = rates.iloc[0]
        low, high = (style.percent(row[end], 0) for end in ("low", "high"))
        said = f"**There is one team here**: it wins {style.percent(row['rate'])} of its deals ({low} to {high}, n {_n(rates)})."
        ends = {"low": row["low"], "high": row["high"]}
        return Sentence(said, [amounts("win_rate", row["rate"], f"team: {row['name']}", n=row["n"], **ends)])
    by = rates.set_index("name")["rate"]
    ends = [least("win_rate", by, "team"), most("win_rate", by, "team", n=rates["n"].sum())]
    low, high = (style.percent(c.figures["now"]) for c in ends)
    clear = rates[rates["ranked"] & rates["place"].isin(["above", "below"])]
    counted = part("win_rate", len(clear), len(rates), "teams stand apart")
    if clear.empty:
        said = f"**No team's win rate stands apart from the others'**: they lie from {low} to {high} (n {_n(rates)})."
        return Sentence(said, [counted, *ends])
    sides = [
        apart("win_rate", r.low, r.high, f"team: {r.name}", against=r.team, now=r.rate)
        for r in clear.itertuples(index=False)
    ]
    said = "; ".join(f"{c.name} {c.predicate} ({style.percent(c.figures['now'])})" for c in sides)
    stand = "stands" if len(clear) == 1 else "stand"
    return Sentence(
        f"**{len(clear)} of {style.counted(len(rates), 'team')} {stand} apart**: {said}. "
        f"All lie from {low} to {high} (n {_n(rates)}).",
        [counted, *sides, *ends],
    )


def skill_takeaway(skills: pd.DataFrame) -> Sentence:
    """Say which sellers stand out from chance and mix, and how far ranks are known (`analysis.team.skill.skills`)."""
    counted, clear = stand_out(skills)
    sides = [_side(clear, "above", "more"), _side(clear, "below", "less")]
    said = listed(s for s in sides if s)
    wide, deals = rank_width(skills), skills["n"].sum()
    places = skills["of"].iloc[0]
    ranks = f"A rank is known to within {wide:.0f} of {style.counted(places, 'place')} at the median"
    since = span(skills["months"].iloc[0])
    claims = [counted, *clear, amounts("seller_skill", wide, "places of a rank", of=places, n=deals)]
    if not said:
        return Sentence(
            f"**No seller stands apart from the others once deals are equal** "
            f"(n {style.counted(deals, 'deal')} of {since}). {ranks}: the order is no better than chance.",
            claims,
        )
    return Sentence(
        f"**With the same deals, {said} than the mean seller** (n {style.counted(deals, 'deal')} of {since}). {ranks}.",
        claims,
    )


def standing_takeaway(standing: pd.DataFrame) -> Sentence:
    """Say who stands out in deal size and attainment, and how far ranks are known (`analysis.standing.standing`)."""
    return joined([_standing_in(measure, own) for measure, own in standing.groupby("measure", sort=False)])


def _standing_in(measure: str, own: pd.DataFrame) -> Sentence:
    """Say who stands out in one measure."""
    write = style.change if measure == MEASURES[0] else style.points
    return _standouts(own, FIGURE[measure], measure, write, "chance, territory and mix")


def _standouts(own: pd.DataFrame, figure: str, measure: str, write: Callable[[float], str], beyond: str) -> Sentence:
    """Say which sellers stand out in a figure, by how much, and how far their ranks are known (`analysis.team.standing.placed`)."""
    clear, wide = own[own["place"].isin(["above", "below"])], rank_width(own)
    claims = [part(figure, len(clear), len(own), f"sellers stand out in {measure}")]
    claims += [apart(figure, r.low, r.high, f"seller: {r.name}", now=r.value) for r in clear.itertuples(index=False)]
    claims.append(amounts(figure, wide, "places of a rank", of=len(own)))
    named = [f"{c.name} {c.predicate} ({write(c.figures['now'])})" for c in claims[1:-1]]
    who = f": {listed(named)}" if 0 < len(named) <= MOST_NAMES else ""
    stand = "stands" if len(clear) == 1 else "stand"
    return Sentence(
        f"**In {measure}, {len(clear) or 'none'} of {style.counted(len(own), 'seller')} {stand} out from {beyond}**{who}; "
        f"a rank is known to within {style.counted(wide, 'place')}.",
        claims,
    )


def brought_takeaway(brought: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what a ramped seller brings in twelve months, and how that moved (`analysis.team.productivity.brought`)."""
    sales, claims = brought.iloc[0], []
    for row in brought.itertuples(index=False):
        claims.append(amounts(YIELD[row.measure], row.year, low=row.low, high=row.high, n=row.sellers))
    names = [YIELDED[m] for m in brought["measure"]]
    money = [[style.money(v, currency) for v in (r.year, r.low, r.high)] for r in brought.itertuples()]
    what = listed(f"{year} of {name}" for (year, _, _), name in zip(money, names, strict=True))
    ends = "; ".join(f"{low} to {high}" for _, low, high in money)
    who = "A ramped seller" if sales["ramped"] < sales["months"] else "A seller"
    said = f"**{who} brought {what} in twelve months** ({ends}; n {style.counted(sales['sellers'], 'seller')})"
    moved = [_moved(row) for _, row in brought.iterrows() if pd.notna(row["change"])]
    known = "" if len(names) > 1 else " No costs are kept, so gross margin is not known."
    return joined([Sentence(f"{said}.{known}", claims), *moved])


def _moved(row: pd.Series) -> Sentence:
    claim = apart(YIELD[row["measure"]], row["change_low"], row["change_high"], "on the year before", now=row["change"])
    word = {"above": "more", "below": "less", "not clear": "not surely more or less"}[claim.predicate]
    change, low, high = (style.change(row[c]) for c in ("change", "change_low", "change_high"))
    return Sentence(
        f"That is {word} {YIELDED[row['measure']]} than in the year before ({change}; {low} to {high}).", [claim]
    )


def sellers_takeaway(sellers: pd.DataFrame) -> Sentence:
    """Say who stands out in what a ramped month brings (`analysis.team.productivity.ranked`)."""
    measure = sellers["measure"].iloc[0]
    said = f"{YIELDED[measure]} per ramped month"
    return _standouts(sellers, YIELD[measure], said, style.change, "the luck of their accounts, against their region")


def pace_takeaway(
    pace: pd.DataFrame,
    spread: pd.DataFrame,
    end: pd.DataFrame | None = None,
    rate: pd.DataFrame | None = None,
    currency: str = "EUR",
) -> Sentence:
    """Say what part of bookings is usually in, where the quarter will end, and what each working day that is left must bring.

    Parameters
    ----------
    pace, spread, end, rate : DataFrame
        As `analysis.team.pace.pace`, `analysis.team.performance.attainment_spread`, `pace.ending` and `pace.run_rate` give them;
        the last two may be empty.
    """
    now = spread[~spread["whole"].astype(bool)]
    row = pace.iloc[0]
    claim = amounts("booking_pace", row["middle"], **row[["low", "high", "n"]])
    usual = (
        f"{style.percent(row['middle'], 0)} ({style.percent(row['low'], 0)} to "
        f"{style.percent(row['high'], 0)} in {style.counted(row['n'], 'quarter')})"
    )
    said = [Sentence(f"By this day of a quarter, {usual} of its bookings are usually in.", [claim])]
    if len(now) and end is not None and len(end):
        said.append(_end(end.iloc[0], now["reps"].iloc[0] == 1, currency))
    if len(now) and rate is not None and len(rate):
        said.append(_rate(rate.iloc[0], currency))
    return joined(said)


def _end(end: pd.Series, alone: bool, currency: str) -> Sentence:
    """Say where the quarter's bookings end, in money and of all quotas (a row of `pace.ending`)."""
    who = "the one seller ends" if alone else "all together end"
    value, low, high = (style.money(end[k], currency) for k in ("value", "low", "high"))
    by = "By the open deals' chances" if end["by"] == "open deals" else "At that pace"
    return Sentence(
        f"{by}, {who} at {value} (80 % range {low} to {high}), {style.percent(end['attainment'], 0)} of quota.",
        [
            amounts("bookings_ahead", end["value"], low=end["low"], high=end["high"]),
            amounts("quota_attainment", end["attainment"], "at the quarter's end"),
        ],
    )


def _rate(row: pd.Series, currency: str) -> Sentence:
    """Say what a working day must bring for the quota, beside what it brought and brought before (a row of `pace.run_rate`)."""
    left, gone = f"{style.counted(row['left'], 'working day')} left", _gone(row)
    if not row["gap"] > 0:
        met = f"{gone}The quota is met with {left}."
        return Sentence(met, [amounts("run_rate", row["left"], "working days left"), *gone.claims])
    needed, so_far, low, middle, high = (
        style.money(row[k], currency) for k in ("needed", "so_far", "low", "middle", "high")
    )
    figures = {"now": row["needed"], "than": row["so_far"], "left": row["left"], "gap": row["gap"]}
    side = first("run_rate", BESIDE, figures, "so far", "money")
    word = {"more than": "more than", "less than": "less than", "as much as": "just"}[side.predicate]
    said = f"{gone}The quota asks {needed} of each of the {left} ({row['counted']}), "
    said += f"{word} the {so_far} of one so far"
    if pd.isna(row["middle"]):
        return Sentence(f"{said}.", [side, *gone.claims])
    reached = style.number(row["reached"]) if row["reached"] else "none"
    before = f"after this day past quarters brought {middle} a working day ({low} to {high}), {reached} of {row['n']:,.0f} as much"
    claims = [
        side,
        *gone.claims,
        amounts("run_rate", row["middle"], "after the same day of past quarters", **row[["low", "high"]]),
        part("run_rate", row["reached"], row["n"], "past quarters that brought as much a working day"),
    ]
    return Sentence(f"{said}; {before}.", claims)


def _gone(row: pd.Series) -> Sentence:
    """Say how much of the quarter's working days is gone, where the company has said which they are."""
    if pd.isna(row["part"]):
        return Sentence("")
    said = f"{style.percent(row['part'], 0)} of the quarter's working days are gone. "
    return Sentence(said, [amounts("run_rate", row["part"], "part of the working days gone")])


def chances_takeaway(chances: pd.DataFrame) -> Sentence:
    """Say how many sellers are to be expected at quota, how many likely one by one, and how good such chances were.

    Parameters
    ----------
    chances : DataFrame
        As `analysis.team.pace.quota_chances` gives it.
    """
    row, expected, likely = chances.iloc[0], chances["chance"].sum(), likely_sellers(chances)
    about = f"About {expected:,.0f}" if expected >= 0.5 else "Probably none"
    return Sentence(
        f"**{about} of {style.counted(len(chances), 'seller')} can be expected to reach quota this quarter.** "
        f"The odds favour {likely.figures['n'] or 'none'} of them; the small chances of the others count too. "
        f"Chances given on the same day of past quarters had a "
        f"Brier score of {row['brier']:.2f}; without them it would have been {row['brier_base']:.2f} (n {row['n']:,.0f}).",
        [
            amounts("quota_chance", expected, "sellers at quota, expected", of=len(chances)),
            likely,
            amounts("chance_score", row["brier"], "Brier", base=row["brier_base"], n=row["n"]),
        ],
    )


def waterfall_takeaway(waterfall: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how the quarter's pipeline changed (`analysis.pipeline.movement.waterfall`)."""
    claims = pipeline_steps(waterfall)
    began, came, won, lost, out, left = (style.money(c.figures["now"], currency) for c in claims)
    without, said = int(waterfall["without"].iloc[0]), ""
    if without:
        said = f" Not counted: {style.counted(without, 'deal')} whose amount is not known."
        claims = [*claims, amounts("pipeline_moves", without, "deals whose amount is not known")]
    return Sentence(
        f"**The quarter began with {began} due in it and {left} is left**: "
        f"{came} came in, {won} was won, {lost} was lost and {out} moved out.{said}",
        claims,
    )


def cover_takeaway(cover: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say whether what is due covers what is still to be won, at the conversion of the past (`analysis.team.pace.cover`)."""
    row = cover.iloc[0]
    due, gap, brings = (style.money(v, currency) for v in (row["due"], row["gap"], row["brings"]))
    rate = amounts("due_conversion", row["part"], **row[["low", "high", "n"]])
    past = (
        f"On this day of {style.counted(row['n'], 'past quarter')}, "
        f"{style.percent(row['part'], 0)} of the money due was won in time "
        f"({style.percent(row['low'], 0)} to {style.percent(row['high'], 0)})"
    )
    if not row["gap"] > 0:
        return Sentence(
            f"**The quota is met, and {due} is still due.** {past}.", [amounts("due_deals", row["due"]), rate]
        )
    figures = {"now": row["coverage"], "than": row["needed"], "low": row["needed_low"], "high": row["needed_high"]}
    side = first("pipeline_coverage", BESIDE, figures, "what is needed", "times")
    enough = {"more than": "more than the", "less than": "less than the", "as much as": "just the"}[side.predicate]
    times, needed, plain = (style.amount(v, "times") for v in (row["coverage"], row["needed"], row["by_win_rate"]))
    money = amounts("due_deals", row["due"], "due now", gap=row["gap"], brings=row["brings"])
    return Sentence(
        f"**{due} is due, {times} the {gap} of quota still to be won: {enough} {needed} that is needed.** {past}. By their "
        f"chances, the open deals are worth {brings} this quarter; what is opened and won within it comes on top. Were no date "
        f"to slip, {plain} would do.",
        [side, money, rate, amounts("pipeline_coverage", row["by_win_rate"], "at the win rate by value")],
    )


def hygiene_takeaway(faults: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how much of the open pipeline cannot be believed (`analysis.pipeline.movement.hygiene`)."""
    table = faults.set_index("fault")
    whole, each = table.loc["any of these"], table.drop("any of these")
    if not whole["deals"]:
        none = part("pipeline_faults", 0, whole["open_deals"], "open deals with a fault")
        return Sentence(f"**No open deal has a fault** (n {whole['open_deals']:,.0f}).", [none])
    if pd.isna(whole["amount"]):
        claim = part("pipeline_faults", whole["deals"], whole["open_deals"], "open deals have a fault")
        return Sentence(
            f"**{style.number(whole['deals'])} of {style.counted(whole['open_deals'], 'open deal')} have a fault**; "
            "what they are worth is not known, for their amounts are not kept.",
            [claim],
        )
    worst = most("pipeline_faults", each["amount"], "fault", deals=each["deals"][each["amount"].idxmax()])
    return Sentence(
        f"**{style.money(whole['amount'], currency)} of the open pipeline, "
        f"{style.percent(whole['part'], 0)}, has a fault**; "
        f"{among((each['amount'] > 0).sum(), 'the largest part', 'all')} of it is “{worst.name}” "
        f"({style.money(worst.figures['now'], currency)} in {style.counted(worst.figures['deals'], 'deal')}).",
        [amounts("pipeline_faults", whole["amount"], "any", part=whole["part"]), worst],
    )


def ramp_takeaway(length: pd.DataFrame, ramping: pd.DataFrame | None = None) -> Sentence:
    """Say how long a new seller takes to win as often as the others, and what those on the ramp attained.

    Parameters
    ----------
    length, ramping : DataFrame
        As `analysis.team.skill.ramp_length` and `analysis.team.ramp_up.ramping` give them; the latter may have no rows.
    """
    row = length.iloc[0]
    if not row["clear"]:
        return Sentence(
            f"**That new sellers win otherwise than the others cannot be shown** "
            f"(n {style.counted(row['n'], 'deal')} of their first months).",
            [amounts("ramp_length", row["months"], "not clear of chance", n=row["n"])],
        )
    start = first("win_rate", BESIDE, {"now": row["points"], "than": 0.0}, "new seller less the others")
    side = {"less than": "behind", "more than": "ahead", "as much as": "apart"}[start.predicate]
    said = Sentence(
        f"**A new seller takes {style.counted(row['months'], 'month')} to win as often as the "
        f"others ({row['low']:.0f} to {row['high']:.0f})**, and starts "
        f"{style.points(abs(row['points'])).lstrip('+')} of win rate {side} "
        f"(n {style.counted(row['n'], 'deal')} of the first months).",
        [amounts("ramp_length", row["months"], **row[["low", "high", "n"]]), start],
    )
    return said if ramping is None or ramping.empty else joined([said, _ramping(ramping.iloc[0])])


def _ramping(row: pd.Series) -> Sentence:
    """Say what the sellers on the ramp attained, raw and ramp-adjusted (a row of `ramp_up.ramping`)."""
    own, eased, low, high, asked, come, others = (
        style.percent(row[k], 0) for k in ("own", "eased", "low", "high", "asked", "come", "others")
    )
    between = "" if pd.isna(row["low"]) else f" ({low} to {high})"
    beside = "" if pd.isna(row["others"]) else f"; the others attained {others} of theirs"
    who = "one seller" if row["sellers"] == 1 else style.counted(row["sellers"], "seller")
    return Sentence(
        f"In {row['quarter']} the {who} still on the ramp attained {own} of the quotas set for them, at {asked} of full ones, and "
        f"{eased}{between} of ramp-adjusted ones, at the {come} that such sellers have come to{beside}.",
        [
            amounts("quota_attainment", row["own"], "sellers on the ramp", n=row["sellers"], asked=row["asked"]),
            amounts("ramped_attainment", row["eased"], **row[["low", "high", "come", "others"]]),
        ],
    )


def levers_takeaway(coached: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how many sellers are clearly below peers in something, and what half the gaps are worth
    (`analysis.team.skill.levers`)."""
    clear = coached[coached["clear"]]
    counted = part("lever_gap", len(clear), len(coached), "sellers clearly below peers in one lever")
    if clear.empty:
        return Sentence("**No seller is clearly below peers in any lever.**", [counted])
    worth = amounts("lever_gap", clear["worth"].sum(), "worth of half of each gap")
    return Sentence(
        f"**{style.counted(len(clear), 'seller')} {'is' if len(clear) == 1 else 'are'} "
        f"clearly below peers in one lever**; closing half of each "
        f"gap would be worth {style.money(worth.figures['now'], currency)} a year.",
        [counted, worth],
    )


def discounts_takeaway(discounts: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say who gives clearly more discount than others do on like lines (`analysis.team.discounts.discounts`)."""
    more = discounts[discounts["clear"] & (discounts["excess"] > 0)]
    counted = part("excess_discount", len(more), len(discounts), "sellers give clearly more discount than others")
    if more.empty:
        said = f"**Nobody gives clearly more discount than others do on like lines** ({style.counted(len(discounts), 'seller')})."
        return Sentence(said, [counted])
    beside = more.iloc[0][["low", "high"]]
    top = most("excess_discount", more.set_index("name")["excess"], "seller", **beside)
    cost = amounts("excess_discount", more["cost"].sum(), "cost of the excess")
    low, high = (style.points(v) for v in beside)
    return Sentence(
        f"**{style.counted(len(more), 'seller')} {'gives' if len(more) == 1 else 'give'} "
        f"clearly more discount than others do on like lines**, "
        f"{top.name}{among(len(more), ' most', '')}: {style.points(top.figures['now'])} ({low} to {high}), "
        f"{style.money(cost.figures['now'], currency)} in all in twelve months.",
        [counted, top, cost],
    )


def hanging_takeaway(hanging: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how much depends on the best sellers (`analysis.team.concentration.seller_concentration`)."""
    row = hanging.iloc[0]
    gone = f" {style.percent(row['gone'], 0)} came from sellers who have left since." if row["gone"] > 0.005 else ""
    best = f"The best tenth of sellers, {row['sellers']:.0f} of {row['n']:.0f},"
    if row["n"] < FEWEST_FOR_TENTHS:
        best = f"The best of {style.counted(row['n'], 'seller')}" if row["n"] > 1 else "The one seller"
    return Sentence(
        f"{best} brings "
        f"{style.percent(row['top'], 0)} of bookings; the median seller "
        f"{style.money(row['median'], currency)} in twelve months.{gone}",
        [
            amounts("bookings", row["top"], "part of the best tenth", sellers=row["sellers"], n=row["n"]),
            amounts("bookings", row["median"], "median seller"),
            amounts("bookings", row["gone"], "part of sellers who have left"),
        ],
    )


def funnel_takeaway(funnel: pd.DataFrame) -> Sentence:
    """Say after which stage most deals stop (`analysis.pipeline.stages.funnel`)."""
    table = funnel.set_index("stage")
    if table["conversion"].isna().all():
        return Sentence(
            "No deal went on to a second stage.", [part("stage_conversion", 0, len(table), "stages passed")]
        )
    step = table.loc[table["conversion"].idxmin()]
    beside = {"low": step["low"], "high": step["high"], "n": step["reached"]}
    claim = least("stage_conversion", table["conversion"], "stage", **beside)
    onward = (
        f"{style.percent(step['conversion'])} ({style.percent(step['low'])} to {style.percent(step['high'])}, "
        f"n {step['reached']:,.0f})"
    )
    known = ""
    if funnel["basis"].iloc[0] == "status":
        known = " Stages passed are not recorded, and deals still open are counted among those opened."
    return Sentence(f"**The smallest part of deals goes on after “{claim.name}”**: {onward}.{known}", [claim])


def leaks_takeaway(leaks: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say at which stage a seller clearly loses more deals than all do, and what that costs (`analysis.pipeline.stages.leaks`)."""
    clear = leaks[leaks["clear"] & (leaks["leak"] > 0)]
    sellers, stages = leaks["rep_id"].nunique(), leaks["stage"].nunique()
    counted = part(
        "funnel_leak", len(clear), len(leaks), "steps at which a seller clearly loses more deals than all do"
    )
    across = f"{style.counted(sellers, 'seller')} at {style.counted(stages, 'stage')}"
    size = amounts("funnel_leak", sellers, "sellers", stages=stages)
    if clear.empty:
        return Sentence(f"**No seller clearly loses more deals at a stage than all do** ({across}).", [counted, size])
    cost = amounts("funnel_leak", clear["leak"].sum(), "clear leaks")
    named = clear.head(MOST_NAMES).itertuples(index=False)
    claims = [
        first("stage_conversion", BESIDE, {"now": r.rate, "than": r.team}, f"seller: {r.name}", "whole ratio")
        for r in named
    ]
    where = listed(
        [
            f"{c.name} after “{stage}” ({style.percent(c.figures['now'], 0)} go on, of all {style.percent(c.figures['than'], 0)})"
            for c, stage in zip(claims, clear["stage"], strict=False)
        ]
    )
    steps = f"At {style.counted(len(clear), 'step')} a seller clearly loses more deals than all do"
    rest = "" if len(clear) <= MOST_NAMES else ", and others"
    money = style.money(cost.figures["now"], currency)
    return Sentence(f"**{steps}** ({across}), {money} in twelve months: {where}{rest}.", [counted, size, cost, *claims])


def velocity_takeaway(velocity: pd.DataFrame, cycle_days: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how much money the pipeline turns out per day, and which factor moved it.

    Parameters
    ----------
    velocity, cycle_days : DataFrame
        As `analysis.pipeline.stages.velocity` and `analysis.team.performance.cycle_days_total` give them.
    """
    table, cycle = velocity.set_index("factor"), _cycle(cycle_days.iloc[0])
    row = table.loc["velocity"]
    said = f"**The pipeline turns out {style.amount(row['now'], 'money/day', currency)}**"
    if pd.isna(row["log_change"]):
        alone = f"{said}; the deals do not reach back far enough to compare it with a year before."
        return joined([Sentence(alone, [amounts("sales_velocity", row["now"])]), cycle])
    moved = first("sales_velocity", MOVED, {"now": row["now"], "before": row["before"], "change": row["share"]})
    by, up = table["log_change"].drop("velocity"), row["log_change"] >= 0
    name = by.idxmax() if up else by.idxmin()
    ends = {"now": by[name], "most": by.max(), "least": by.min(), "share": table["share"][name]}
    main = first("sales_velocity", ("added most", "lost most", "did most"), ends, f"factor: {name}")
    words = {"open_deals": "the number of open deals", "win_rate": "the win rate"}
    words |= {"average_won": "the size of a won deal", "cycle_days": "the days to close"}
    change, step = style.change(row["share"]), style.change(ends["share"])
    text = f"{said}, {change} on a year before; {words[main.name]} {'raised' if up else 'lowered'} it most ({step})."
    return joined([Sentence(text, [moved, main]), cycle])


def _cycle(days: pd.Series) -> Sentence:
    between = "" if pd.isna(days["low"]) else f"{days['low']:.0f} to {days['high']:.0f}, "
    return Sentence(
        f"A won deal takes {style.counted(days['value'], 'day')} at the median ({between}n {days['n']:,.0f}).",
        [amounts("sales_cycle_days", days["value"], **days[["low", "high", "n"]])],
    )


def _whole(quarter: pd.Series) -> Sentence:
    reached = reached_quota(quarter)
    if quarter["reps"] == 1:
        return Sentence(f"**{reached}.**", reached.claims)
    share, low, high, median, p10, p90 = (
        style.percent(quarter[k], 0) for k in ("share", "low", "high", "median", "p10", "p90")
    )
    middle = f" (80 % range of sellers {p10} to {p90})" if quarter["reps"] >= FEWEST_FOR_TENTHS else ""
    return Sentence(
        f"**{reached}** ({share}; {low} to {high}); the median attained {median}{middle}.",
        [
            *reached.claims,
            amounts("quota_attainment", quarter["share"], "part of sellers at quota", **quarter[["low", "high"]]),
            amounts("quota_attainment", quarter["median"], "median seller", **quarter[["p10", "p90"]]),
        ],
    )


def _open(quarter: pd.Series) -> Sentence:
    figures = {"now": quarter["together"], "than": quarter["elapsed"]}
    claim = first("quota_attainment", BESIDE, figures, "days gone", "whole ratio")
    side = {"more than": "ahead of", "less than": "behind", "as much as": "at"}[claim.predicate]
    stand = "the one seller stands" if quarter["reps"] == 1 else "all together stand"
    return Sentence(
        f"In {quarter['quarter']} {stand} at {style.percent(quarter['together'], 0)} of quota with "
        f"{style.percent(quarter['elapsed'], 0)} of the days gone: {side} an even pace.",
        [claim],
    )


def _side(claims: list[Claim], predicate: str, word: str) -> str:
    names = [c.name for c in claims if c.predicate == predicate]
    if not names:
        return ""
    verb = "wins" if len(names) == 1 else "win"
    who = listed(names) if len(names) <= MOST_NAMES else style.counted(len(names), "seller")
    return f"{who} {verb} {word}"


def _n(rates: pd.DataFrame) -> str:
    return f"{rates['n'].sum():,.0f}"


def capacity_takeaway(capacity: pd.DataFrame, newcomers: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say whether the sellers can carry the plan, and by when new ones are wanted (`analysis.capacity`)."""
    parts = [_carried(capacity.iloc[0], currency)]
    planned = capacity.dropna(subset=["plan"])
    if pd.notna(capacity["plan"].iloc[0]):
        short = planned[planned["gap"] > 0]
        none = part("sales_capacity", 0, len(planned), "quarters ahead that fall short of their plan")
        parts.append(
            _shortfall(short.iloc[0], currency)
            if len(short)
            else Sentence("No quarter ahead that has a plan falls short.", [none])
        )
        if len(newcomers):
            parts.append(_newcomer(newcomers.iloc[0]))
    return joined(parts)


def _carried(now: pd.Series, currency: str) -> Sentence:
    """Say what the sellers would book at past attainment, and what plan and quotas ask of them."""
    middle, low, high, plan = (style.money(now[c], currency) for c in ("capacity", "low", "high", "plan"))
    whose = (
        "the one seller's quotas carry"
        if now["sellers"] == 1
        else f"the {style.counted(now['sellers'], 'seller')}' quotas carry"
    )
    said = f"**At past attainment {whose} {middle} in {now['quarter']}**"
    said += f" (80 % range {low} to {high})"
    claim = amounts("sales_capacity", now["capacity"], now["quarter"], **now[["low", "high", "sellers", "plan"]])
    if pd.isna(now["plan"]):
        return Sentence(f"{said}; no plan is set to hold it against.", [claim])
    said += f", against a plan of {plan}{' that grows on as it did' if now['assumed'] else ''}."
    if pd.isna(now["quota"]):
        return Sentence(said, [claim])
    of_plan, factor, enough = now[["of_plan", "factor", "enough"]]
    said += f" Quotas add up to {style.percent(of_plan, 0)} of it; past quarters brought "
    said += f"{style.percent(factor, 0)} of full quotas, so {style.percent(enough, 0)} would do."
    quotas = amounts("sales_capacity", of_plan, "quotas over the plan", factor=factor, enough=enough)
    return Sentence(said, [claim, quotas])


def _newcomer(row: pd.Series) -> Sentence:
    return Sentence(
        f"A newcomer begins at {style.percent(row['start'], 0)} of a usual seller's bookings "
        f"({style.percent(row['low'], 0)} to {style.percent(row['high'], 0)}, n {row['n']:.0f}) and is there after "
        f"{style.counted(row['months'], 'month')}.",
        [amounts("ramp_length", row["months"], "newcomers", **row[["start", "low", "high", "n"]])],
    )


def _shortfall(row: pd.Series, currency: str) -> Sentence:
    plan = "a plan that grows on as it did" if row["assumed"] else "the plan"
    side, figures = against_plan(row), {"now": row["capacity"], "target": row["plan"]}
    within = side.predicate == "within reach of"
    claims = [
        side,
        first("sales_capacity", ("short of",), figures, f"{row['quarter']}, the median case"),
        amounts("sales_capacity", row["hires"], f"{row['quarter']}, sellers wanted", today=row["hires_now"]),
    ]
    said = f"falls {style.money(row['gap'], currency)} short of {plan}"
    said = f"In the median case, {row['quarter']} {said} (still within reach)" if within else f"{row['quarter']} {said}"
    return Sentence(f"{said}{_wanted(row)}", claims)


def _wanted(row: pd.Series) -> str:
    """Say how many sellers would close a gap, and by when they must be hired."""
    if pd.isna(row["hires"]):
        return "."
    said = f", the worth of {style.counted(row['hires'], 'seller')}"
    if pd.isna(row["hire_by"]):
        return f"{said}; how long a new one takes is not known."
    day = f"{said} hired by {style.day(row['hire_by'])}"
    if not row["late"]:
        return f"{day}."
    if pd.isna(row["hires_now"]):
        return f"{day}; that day has passed, and nobody who begins today would be in time."
    return f"{day}; that day has passed, and from today it takes {style.counted(row['hires_now'], 'seller')}."
