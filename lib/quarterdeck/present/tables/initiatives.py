"""How do the initiatives read side by side?"""

import great_tables as gt
import pandas as pd

from quarterdeck.analysis.initiatives.results import paid, verdicts
from quarterdeck.present import style
from quarterdeck.present.stated import facts
from quarterdeck.present.tables import lay

WORDS = {"revenue": "revenue", "volume": "volume", "win_rate": "win rate"}


def results(effects: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out verdicts with effect, money and return (`analysis.initiatives.results.effects`)."""
    columns = {
        "name": ("Initiative", "text", "initiative"),
        "verdict": ("Verdict", "text"),
        "effect": ("Effect", "change", "initiative_effect"),
        "interval": ("Interval", "interval change"),
        "money": ("In money", "money", "initiative_money"),
        "spend": ("Spent", "money", "initiatives_spend"),
        "returns": ("Return", "text"),
        "paid": ("Paid back", "text"),
        "why": ("Why", "text"),
    }
    ends = zip(effects["roi"], effects["roi_low"], effects["roi_high"], strict=True)
    returns = [
        "–" if pd.isna(a) else " ".join([style.times(a), f"({style.times(b)} to {style.times(c)})"]) for a, b, c in ends
    ]
    note = "Intervals: 90 %. Money: sales above what would have been. Return: incremental gross margin over spend. An "
    note += (
        "initiative moves its figure by its effect; it paid only where the whole interval of its return lies above one."
    )
    words = {"verdict": verdicts(effects), "paid": paid(effects)}
    table = lay(effects.assign(**words, returns=returns, interval=None), columns, note, currency)
    table.facts += facts(effects, {"name": "initiative"}, {"roi": ("initiative_roi", "times")})
    return table


def registered(effects: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out what was written down beforehand, and what could be detected at all (`analysis.initiatives.results.effects`)."""
    columns = {
        "name": ("Initiative", "text", "initiative"),
        "kind": ("Kind", "text"),
        "hypothesis": ("Hypothesis", "text"),
        "of": ("Held against", "text"),
        "started_on": ("From", "day"),
        "read_on": ("To be read", "day"),
        "minimum_effect": ("Smallest effect of interest", "whole ratio"),
        "detectable": ("Found in 8 of 10 cases", "whole ratio", "detectable_effect"),
        "tell_by": ("Smallest effect detected from", "day"),
        "limits": ("To be read with", "text"),
    }
    said = [
        f"{WORDS[m]}; {d}, {style.counted(c, 'other')}" if pd.notna(d) else f"{WORDS[m]}; {lack}"
        for m, d, c, lack in zip(
            effects["metric"], effects["design"], effects["controls"], effects["lacks"], strict=True
        )
    ]
    note = "Without a day the smallest effect cannot be detected by this design, however long one waits."
    limits = effects["limits"].replace("", "–")
    return lay(effects.assign(of=said, limits=limits), columns, note, currency)


def plan_choices(choices: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out where, how long and at what cost the next initiative could be tried (`analysis.initiatives.next_test.shown`)."""
    columns = {
        "treated": ("Places", "count"),
        "periods": ("Weeks", "count"),
        "detectable": ("Found in 8 of 10 cases", "whole ratio"),
        "power": ("Effect of interest found", "whole ratio"),
        "cost": ("Cost", "money"),
        "part": ("Part of sales", "whole ratio"),
        "correlation": ("Moves as its controls", "decimal"),
        "controls": ("Held back", "count"),
        "units": ("Where", "text"),
        "choice": ("Choice", "text"),
    }
    words = choices["chosen"].map({True: "cheapest that finds it", False: "–"})
    note = "Simulated on the company's own past weeks, in which nothing new was done. Held back: places that must stay as they "
    note += "are, as controls. Cost: by what past initiatives cost over the sales they touched. Moves as its controls: correlation."
    return lay(choices.assign(choice=words), columns, note, currency)


def prices(prices: pd.DataFrame) -> gt.GT:
    """Lay out what price initiatives did to price and volume (`analysis.initiatives.prices`)."""
    columns = {"of": ("Of", "text"), "effect": ("Effect", "change"), "interval": ("Interval", "interval change")}
    note = "Price: revenue over volume, the mix of products held; volume: units at each product's mean price. 90 %."
    return lay(prices.assign(interval=None, of=prices["of"].str.capitalize()), columns, note, by="name")
