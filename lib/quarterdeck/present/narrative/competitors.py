"""What do shares, duels and prices say, in sentences? Every figure in them is computed."""

import pandas as pd

from quarterdeck.analysis.competitors import OTHERS, US
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


def _side(rates: pd.DataFrame, place: str, words: str) -> str:
    names = rates.loc[rates["place"].eq(place), "competitor"].tolist()
    return (
        f"{words} against {' and '.join([', '.join(names[:-1]), names[-1]] if len(names) > 1 else names)}"
        if names
        else ""
    )
