"""What do shares, duels and prices say, in sentences? Every figure in them is computed, and claimed."""

import pandas as pd

from quarterdeck.analysis.competition.competitors import OTHERS, US
from quarterdeck.analysis.competition.dynamics import band
from quarterdeck.analysis.methods.claims import BESIDE, MOVED, Claim, amounts, apart, first, least, most, part
from quarterdeck.analysis.pipeline.win_loss import discount_range
from quarterdeck.present import style
from quarterdeck.present.facts.competitors import reason_most, rival_claims
from quarterdeck.present.numbers import among, listed, span
from quarterdeck.present.sentences import Sentence


def moves_takeaway(moves: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what we gained or lost, and who else moved (`analysis.competition.competitors.share_moves`)."""
    own = moves[moves["seller"].eq(US)].iloc[0]
    rivals = moves[~moves["seller"].isin([US, OTHERS])]
    claim = first("market_share", MOVED, {k: own[k] for k in ("now", "before", "change", "worth")}, unit="ratio")
    ends = rivals.iloc[[0, -1][: len(rivals)]].itertuples()
    others = [amounts("market_share", r.change, f"a year's move of rival: {r.seller}") for r in ends]
    moved = [f"{c.name} {'moved ' * (c is others[0])}by {style.points(c.figures['now'])}" for c in others]
    verb = {"rose": "gained", "fell": "lost", "stood still": "kept our share, a move of"}[claim.predicate]
    return Sentence(
        f"**We {verb} {style.points(abs(own['change'])).lstrip('+')} of the market in a year, worth "
        f"{style.money(abs(own['worth']), currency)}**, and hold {style.percent(own['now'])}. {', '.join(moved)}.",
        [claim, *others],
    )


def win_rate_takeaway(rates: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say against whom we win less and more than against all (`analysis.competition.competitors.win_rate_by_rival`)."""
    whole, deals = rates["all"].iloc[0], rates["n"].sum()
    rate = f"{style.percent(whole)} of {style.counted(deals, 'deal')} with a rival"
    claims = [amounts("win_rate", whole, "with a rival", n=deals), *rival_claims(rates)]
    sides = [_side(claims, place, word) for place, word in (("below", "less often"), ("above", "more often"))]
    said = "; ".join(s for s in sides if s)
    if not said:
        return Sentence(f"**We win {rate}, and no rival stands apart from the others.**", claims)
    hardest = rates.iloc[0]
    lost = amounts("deals_lost", hardest["lost"], f"rival: {hardest['competitor']}")
    went = f" {style.money(hardest['lost'], currency)} went in deals with {hardest['competitor']}."
    return Sentence(f"**We win {rate}: {said}.**{went}", [*claims, lost])


def price_takeaway(prices: pd.DataFrame) -> Sentence:
    """Say who is cheapest and who is most expensive against us (`analysis.competition.competitors.price_position`)."""
    now, before = (prices.set_index("competitor")[k] for k in ("now", "before"))
    low = least("price_index", now, "rival", before=before[now.idxmin()], than=100.0)
    high = most("price_index", now, "rival", before=before[now.idxmax()], than=100.0)
    ends = (low, high)[: len(now)]
    stand = listed([f"{c.name} {'stands ' * (c is low)}at {now[c.name]:.0f}" for c in ends])
    then = listed(style.number(before[c.name]) for c in ends)
    return Sentence(
        f"**{stand} where we are at 100**; a year before {among(len(now), 'they', 'it')} stood at {then}.",
        [low, high],
    )


def reasons_takeaway(reasons: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say why deals are lost most often, and how much is not written down (`analysis.competition.competitors.loss_reasons`)."""
    top, claim = reasons.iloc[0], reason_most(reasons)
    silent = f" No reason is written down for {style.counted(top['silent'], 'other')}." if top["silent"] else ""
    return Sentence(
        f"**“{top['reason']}” is {among(len(reasons), 'the reason given most', 'the one reason given')}**: "
        f"{style.percent(top['share'], 0)} ({style.percent(top['low'], 0)} to "
        f"{style.percent(top['high'], 0)}) of {style.counted(top['n'], 'lost deal')}, "
        f"{style.money(top['amount'], currency)}.{silent}",
        [claim],
    )


def rival_reasons_takeaway(stand_out: pd.DataFrame) -> Sentence:
    """Say which reason stands out most against which rival (`analysis.competition.competitors.reasons_by_rival`)."""
    top = stand_out.iloc[0]
    figures = {"now": top["share"], "than": top["others"], "n": top["n"]}
    claim = first("loss_reasons", BESIDE, figures, f"{top['reason']} against rival: {top['competitor']}", "whole ratio")
    word = {"more than": "more often than", "less than": "less often than", "as much as": "as often as"}[
        claim.predicate
    ]
    return Sentence(
        f"**Against {top['competitor']}, “{top['reason']}” is named {word} against others**: "
        f"{style.percent(top['share'], 0)} of {style.counted(top['n'], 'lost deal')}, {style.percent(top['others'], 0)} elsewhere.",
        [claim],
    )


def places_takeaway(places: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say in which segment which rival costs us most (`analysis.competition.competitors.where_we_lose`)."""
    top, cells = places.iloc[0], places["competitor"] + " in " + places["segment"]
    costs = most("win_rate_stake", places.set_axis(cells)["shortfall"], "cell")
    ends = {"against": top["all"], "now": top["rate"], "n": top["n"]}
    return Sentence(
        f"**{top['competitor']} costs us {among(len(places), 'most ', '')}in {top['segment']}**: "
        f"we win {style.percent(top['rate'], 0)} "
        f"({style.percent(top['low'], 0)} to {style.percent(top['high'], 0)}, n {top['n']:,.0f}); winning there as we do on the "
        f"whole would have brought {style.money(top['shortfall'], currency)} more.",
        [costs, apart("win_rate", top["low"], top["high"], costs.subject, **ends)],
    )


def structure_takeaway(concentration: pd.DataFrame, year: int = 2023) -> Sentence:
    """Say how concentrated the market is, as the merger guidelines read it
    (`analysis.competition.competitors.market_concentration`)."""
    row = concentration.iloc[0]
    claim = amounts("hhi", row["value"], band(row["value"], row["before"], year), before=row["before"])
    before = f", {row['before']:,.0f} a year before" if pd.notna(row["before"]) else ""
    return Sentence(
        f"**The market is {claim.subject}: HHI {row['value']:,.0f}{before}** (US merger guidelines of "
        f"{year}). The four largest hold {style.percent(row['cr4'], 0)}.",
        [claim, amounts("market_share", row["cr4"], "four largest")],
    )


def coverage_takeaway(coverage: pd.DataFrame) -> Sentence:
    """Say how much of the deals these figures stand on (`analysis.pipeline.win_loss.coverage`)."""
    said = "; ".join(
        f"{style.percent(r.share, 0)} of {r.n:,.0f} {r.what.replace(' with ', ' have ')} written down"
        for r in coverage.itertuples()
    )
    claims = [amounts("deals_recorded", r.share, r.what, n=r.n) for r in coverage.itertuples()]
    return Sentence(f"What this stands on: {said}.", claims)


def stake_takeaway(stake: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what winning at our own rate against the hardest rival would be worth (`analysis.pipeline.win_loss.stake`)."""
    claims = [apart("win_rate_stake", r.low, r.high, f"rival: {r.competitor}", now=r.value) for r in stake.itertuples()]
    top = next((c for c in claims if c.predicate == "above"), None)
    if top is None:
        return Sentence("Winning at our usual rate against any one rival would bring nothing clear of chance.", claims)
    now, low, high = (style.money(top.figures[k], currency) for k in ("now", "low", "high"))
    return Sentence(
        f"Winning against {top.name} as often as against all would have brought {now} in twelve months ({low} to {high}).",
        [top],
    )


def flow_takeaway(flows: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say from whom most came to us and to whom most left (`analysis.competition.dynamics.share_flow`)."""
    sides = (("target", "source", "most came to us from"), ("source", "target", "most left us for"))
    claims, parts = [], []
    for ours, theirs, words in sides:
        own = flows[flows[ours] == US].set_index(theirs)["amount"]
        if len(own):
            claims.append(most("share_flow", own, theirs))
            parts.append(f"{words} {claims[-1].name}, {style.money(own.max(), currency)}")
    said = "; ".join(parts) or "nothing came to us or left us"
    return Sentence(
        f"**At the least, {said}.** An estimate: who left whom is not in the data, only what it adds up to.",
        claims or [amounts("share_flow", 0.0)],
    )


def alarm_takeaway(watched: pd.DataFrame) -> Sentence:
    """Say against whom the win rate changed for good (`analysis.competition.alarms.win_rate_alarms`)."""
    claims = _alarms(watched, "rival")
    if not watched["alarm"].any():
        rivals, since = style.counted(len(watched), "rival"), span(watched["months"].iloc[0])
        said = f"**No alarm: nothing in {since} sets our win rate against any of {rivals} clear of noise.**"
        return Sentence(said, claims)
    said = "; ".join(
        f"{r.name} since {style.day(r.since)}, from {style.percent(r.before, 0)} to {style.percent(r.now, 0)}"
        for r in watched[watched["alarm"]].itertuples(index=False)
    )
    return Sentence(f"**Our win rate changed against {said}.**", claims)


def share_alarm_takeaway(watched: pd.DataFrame) -> Sentence:
    """Say whose share began to move at another pace (`analysis.competition.alarms.share_alarms`)."""
    claims = _alarms(watched, "seller")
    if not watched["alarm"].any():
        return Sentence(
            f"No alarm either in the pace at which the shares of {style.counted(len(watched), 'seller')} move.", claims
        )
    said = "; ".join(
        f"{r.name} since {style.day(r.since)}, from {style.points(r.before)} to {style.points(r.now)} a quarter"
        for r in watched[watched["alarm"]].itertuples(index=False)
    )
    return Sentence(f"**Another pace of share: {said}.**", claims)


def _alarms(watched: pd.DataFrame, kind: str) -> list[Claim]:
    """Claim how many of those watched gave an alarm, and of each what changed."""
    changed = watched[watched["alarm"]].itertuples(index=False)
    return [
        part("change_alarm", watched["alarm"].sum(), len(watched), f"{kind}s with an alarm"),
        *(amounts("change_alarm", r.now, f"{kind}: {r.name}", before=r.before) for r in changed),
    ]


def cost_takeaway(cost: pd.DataFrame) -> Sentence:
    """Say whether a rival in the deal costs days, discount or margin (`analysis.pipeline.win_loss.cost_of_rivalry`)."""
    claims = [apart("rivalry_cost", r.low, r.high, r.measure) for r in cost.itertuples()]
    words = {"cycle_days": "the cycle", "discount": "the discount", "margin": "the margin"}
    clear = [words[c.subject] for c in claims if c.predicate != "not clear"]
    if not clear:
        return Sentence(
            "**A rival in the deal changes nothing that is clear of chance** "
            "in cycle, discount or margin of the deals we win.",
            claims,
        )
    return Sentence(f"**A rival in the deal changes {listed(clear)} of the deals we win.**", claims)


def response_takeaway(response: pd.DataFrame) -> Sentence:
    """Say whether a rival's price moves its sales against ours (`analysis.market.demand.price_response`)."""
    row = response.iloc[0]
    claim = apart("price_response", row["low"], row["high"], now=row["response"], n=row["n"])
    effect = f"{style.change(row['response'])} ({style.change(row['low'])} to {style.change(row['high'])}, n {row['n']:,.0f})"
    if claim.predicate != "not clear":
        return Sentence(f"**A point of a rival's price index goes with {effect} of its sales against ours.**", [claim])
    return Sentence(
        f"**That a rival's price moves its sales against ours cannot be shown:** a point of its index goes with {effect}.",
        [claim],
    )


def discount_takeaway(discounts: pd.DataFrame) -> Sentence:
    """Say against whom the largest discount was needed to win (`analysis.pipeline.win_loss.discount_to_win`)."""
    top, low = discounts.iloc[0], discounts.iloc[-1]
    by = discounts.set_index("competitor")["discount"]
    largest, smallest = most("discount_rate", by, "rival", **top[["low", "high"]]), least("discount_rate", by, "rival")
    gap = apart("discount_rate", *discount_range(discounts), "rival: largest less smallest")
    top_rate = (
        f"{style.percent(top['discount'])} ({style.percent(top['low'])} to "
        f"{style.percent(top['high'])}) with {largest.name}"
    )
    if gap is None or gap.predicate != "above":
        largest_one = among(len(discounts), "the largest", "it")
        said = f"By rival the discounts of deals won do not stand apart; {largest_one} is {top_rate}."
        return Sentence(said, [largest, gap])
    return Sentence(
        f"The largest discount of deals won is {top_rate}; the smallest, {style.percent(low['discount'])}, with {smallest.name}.",
        [largest, smallest, gap],
    )


def _side(claims: list[Claim], predicate: str, words: str) -> str:
    names = [c.name for c in claims if c.predicate == predicate]
    return f"{words} against {listed(names)}" if names else ""
