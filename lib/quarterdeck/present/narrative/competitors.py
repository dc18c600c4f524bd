"""What do shares, duels and prices say, in sentences? Every figure in them is computed."""

import pandas as pd

from quarterdeck.analysis.competitors import OTHERS, US
from quarterdeck.analysis.rivalry import band
from quarterdeck.present import style


def moves_takeaway(moves: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what we gained or lost, and who else moved (`analysis.competitors.share_moves`)."""
    own = moves[moves["seller"].eq(US)].iloc[0]
    rivals = moves[~moves["seller"].isin([US, OTHERS])]
    up, down = rivals.iloc[0], rivals.iloc[-1]
    verb = "gained" if own["change"] >= 0 else "lost"
    return (
        f"**We {verb} {style.points(abs(own['change'])).lstrip('+')} of the market in a year, worth "
        f"{style.money(abs(own['worth']), currency)}**, and hold {style.percent(own['now'])}. {up['seller']} moved by "
        f"{style.points(up['change'])}, {down['seller']} by {style.points(down['change'])}."
    )


def win_rate_takeaway(rates: pd.DataFrame, currency: str = "EUR") -> str:
    """Say against whom we win less and more than against all (`analysis.competitors.win_rate_by_rival`)."""
    whole = f"{style.percent(rates['all'].iloc[0])} of {rates['n'].sum():,.0f} deals with a rival"
    sides = [_side(rates, place, word) for place, word in (("harder", "less often"), ("easier", "more often"))]
    said = "; ".join(s for s in sides if s)
    if not said:
        return f"**We win {whole}, and no rival can be told apart from the others.**"
    hardest = rates.iloc[0]
    lost = f" {style.money(hardest['lost'], currency)} went in deals with {hardest['competitor']}."
    return f"**We win {whole}: {said}.**{lost}"


def price_takeaway(prices: pd.DataFrame) -> str:
    """Say who is cheapest and who is dearest against us (`analysis.competitors.price_position`)."""
    low, high = prices.iloc[0], prices.iloc[-1]
    return (
        f"**{low['competitor']} stands at {low['now']:.0f} and {high['competitor']} at {high['now']:.0f} where we are at 100**; "
        f"a year before they stood at {style.number(low['before'])} and {style.number(high['before'])}."
    )


def reasons_takeaway(reasons: pd.DataFrame, currency: str = "EUR") -> str:
    """Say why deals are lost most often, and how much is not written down (`analysis.competitors.loss_reasons`)."""
    top = reasons.iloc[0]
    silent = f" No reason is written down for {top['silent']:,.0f} others." if top["silent"] else ""
    return (
        f"**“{top['reason']}” is the reason given most**: {style.percent(top['share'], 0)} ({style.percent(top['low'], 0)} to "
        f"{style.percent(top['high'], 0)}) of {top['n']:,.0f} lost deals, {style.money(top['amount'], currency)}.{silent}"
    )


def rival_reasons_takeaway(stand_out: pd.DataFrame) -> str:
    """Say which reason stands out most against which rival (`analysis.competitors.reasons_by_rival`)."""
    top = stand_out.iloc[0]
    word = "more" if top["difference"] > 0 else "less"
    return (
        f"**Against {top['competitor']}, “{top['reason'].lower()}” is named {word} often than against others**: "
        f"{style.percent(top['share'], 0)} of {top['n']:,.0f} lost deals, {style.percent(top['others'], 0)} elsewhere."
    )


def places_takeaway(places: pd.DataFrame, currency: str = "EUR") -> str:
    """Say in which segment which rival costs us most (`analysis.competitors.where_we_lose`)."""
    top = places.iloc[0]
    return (
        f"**{top['competitor']} costs us most in {top['segment'].lower()}**: we win {style.percent(top['rate'], 0)} "
        f"({style.percent(top['low'], 0)} to {style.percent(top['high'], 0)}, n {top['n']:,.0f}); winning there as we do on the "
        f"whole would have brought {style.money(top['shortfall'], currency)} more."
    )


def structure_takeaway(concentration: pd.DataFrame, year: int = 2023) -> str:
    """Say how concentrated the market is, as the merger guidelines read it (`analysis.competitors.concentration`)."""
    row = concentration.iloc[0]
    before = f", {row['before']:,.0f} a year before" if pd.notna(row["before"]) else ""
    return (
        f"**The market is {band(row['value'], row['before'], year)}: HHI {row['value']:,.0f}{before}** (US merger guidelines of "
        f"{year}). The four largest hold {style.percent(row['cr4'], 0)}."
    )


def coverage_takeaway(coverage: pd.DataFrame) -> str:
    """Say how much of the deals these figures stand on (`analysis.winloss.coverage`)."""
    said = "; ".join(
        f"{style.percent(r.share, 0)} of {r.n:,.0f} {r.what.replace(' with ', ' have ')} written down"
        for r in coverage.itertuples()
    )
    return f"What this stands on: {said}."


def stake_takeaway(stake: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what winning at our own rate against the hardest rival would be worth (`analysis.winloss.stake`)."""
    top = stake.iloc[0]
    if top["low"] <= 0:
        return "Winning at our usual rate against any one rival would not surely bring more."
    return (
        f"Winning against {top['competitor']} as often as against all would have brought {style.money(top['value'], currency)} in "
        f"twelve months ({style.money(top['low'], currency)} to {style.money(top['high'], currency)})."
    )


def flow_takeaway(flows: pd.DataFrame, currency: str = "EUR") -> str:
    """Say from whom most came to us and to whom most left (`analysis.rivalry.share_flow`)."""
    into, out = flows[flows["target"] == US], flows[flows["source"] == US]
    parts = []
    if len(into):
        parts.append(f"most came to us from {into.iloc[0]['source']}, {style.money(into.iloc[0]['amount'], currency)}")
    if len(out):
        parts.append(f"most left us for {out.iloc[0]['target']}, {style.money(out.iloc[0]['amount'], currency)}")
    said = "; ".join(parts) or "nothing came to us or left us"
    return f"**At the least, {said}.** An estimate: who left whom is not in the data, only what it adds up to."


def alarm_takeaway(watched: pd.DataFrame) -> str:
    """Say against whom the win rate changed for good (`analysis.alarms.win_rate_alarms`)."""
    changed = watched[watched["alarm"]]
    if changed.empty:
        return f"**No alarm: nothing in three years sets our win rate against any of {len(watched)} rivals clear of noise.**"
    said = "; ".join(
        f"{r.name} since {style.day(r.since)}, from {style.percent(r.before, 0)} to {style.percent(r.now, 0)}"
        for r in changed.itertuples(index=False)
    )
    return f"**Our win rate changed against {said}.**"


def share_alarm_takeaway(watched: pd.DataFrame) -> str:
    """Say whose share began to move at another pace (`analysis.alarms.share_alarms`)."""
    changed = watched[watched["alarm"]]
    if changed.empty:
        return f"No alarm either in the pace at which the shares of {len(watched)} sellers move."
    said = "; ".join(
        f"{r.name} since {style.day(r.since)}, from {style.points(r.before)} to {style.points(r.now)} a quarter"
        for r in changed.itertuples(index=False)
    )
    return f"**Another pace of share: {said}.**"


def cost_takeaway(cost: pd.DataFrame) -> str:
    """Say whether a rival in the deal costs days, discount or margin (`analysis.winloss.cost_of_rivalry`)."""
    clear = cost[(cost["low"] > 0) | (cost["high"] < 0)]
    words = {"cycle_days": "the cycle", "discount": "the discount", "margin": "the margin"}
    if clear.empty:
        return (
            "**A rival in the deal changes nothing that can be told from chance** "
            "in cycle, discount or margin of the deals we win."
        )
    return f"**A rival in the deal changes {' and '.join(words[m] for m in clear['measure'])} of the deals we win.**"


def response_takeaway(response: pd.DataFrame) -> str:
    """Say whether a rival's price moves its sales against ours (`analysis.demand.price_response`)."""
    row = response.iloc[0]
    told = f"{style.change(row['response'])} ({style.change(row['low'])} to {style.change(row['high'])}, n {row['n']:,.0f})"
    if row["low"] > 0 or row["high"] < 0:
        return f"**A point of a rival's price index goes with {told} of its sales against ours.**"
    return (
        f"**That a rival's price moves its sales against ours cannot be shown:** a point of its index goes with {told}."
    )


def discount_takeaway(discounts: pd.DataFrame) -> str:
    """Say against whom the largest discount was needed to win (`analysis.winloss.discount_to_win`)."""
    top, low = discounts.iloc[0], discounts.iloc[-1]
    clear = top["low"] > low["high"]
    told = (
        f"{style.percent(top['discount'])} ({style.percent(top['low'])} to "
        f"{style.percent(top['high'])}) with {top['competitor']}"
    )
    if not clear:
        return f"The discount of deals won does not clearly differ by rival; the largest is {told}."
    return f"The largest discount of deals won is {told}; the smallest, {style.percent(low['discount'])}, with {low['competitor']}."


def _side(rates: pd.DataFrame, place: str, words: str) -> str:
    names = rates.loc[rates["place"].eq(place), "competitor"].tolist()
    return (
        f"{words} against {' and '.join([', '.join(names[:-1]), names[-1]] if len(names) > 1 else names)}"
        if names
        else ""
    )
