"""What did the initiatives achieve, in sentences? Every figure in them is computed."""

import pandas as pd

from quarterdeck.analysis.initiatives import FAILED, UNCLEAR, WORKED
from quarterdeck.present import style

MOST_NAMES = 4


def verdicts_takeaway(effects: pd.DataFrame, currency: str = "EUR") -> str:
    """Say which initiatives worked, which did not, and of how many it cannot be told (`analysis.initiatives.effects`)."""
    count = effects["verdict"].value_counts()
    worked = effects[effects["verdict"] == WORKED].sort_values("gain", ascending=False)
    good, bad, open_ones = (count.get(v, 0) for v in (WORKED, FAILED, UNCLEAR))
    said = f"**{good} of {len(effects)} worked, {bad} did not, and of {open_ones} it cannot be told.**"
    if len(worked):
        top = worked.iloc[0]
        said += (
            f" {_listed(worked['name'])} worked; {top['name']} brought most: {style.change(top['effect'])} "
            f"({style.change(top['low'])} to {style.change(top['high'])}), {style.money(top['money'], currency)} of sales."
        )
    failed = effects[effects["verdict"] == FAILED]
    if len(failed):
        lost = style.money(failed["spend"].sum(), currency)
        said += f" {_listed(failed['name'])} did not do what was hoped; {lost} went into {'it' if len(failed) == 1 else 'them'}."
    early = effects[effects["early"].astype(bool)]
    if len(early):
        verb = "is" if len(early) == 1 else "are"
        said += f" {_listed(early['name'])} {verb} read before the day set: what is shown may still turn."
    return said


def return_takeaway(totals: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what the initiatives together brought for their money (`analysis.initiatives.totals`)."""
    row = totals.iloc[0]
    if pd.isna(row["roi"]):
        return "What they brought for their money is not known: spend or cost is missing."
    sure = "not surely more than it cost"
    if row["roi_low"] > 1 or row["roi_high"] < 1:
        sure = "more than it cost" if row["roi_low"] > 1 else "less than it cost"
    return (
        f"**{style.money(row['spend'], currency)} of spend brought {style.money(row['gain'], currency)} of gross margin** "
        f"({style.money(row['gain_low'], currency)} to {style.money(row['gain_high'], currency)}), {style.times(row['roi'])} "
        f"of it ({style.times(row['roi_low'])} to {style.times(row['roi_high'])}): {sure}."
    )


def power_takeaway(effects: pd.DataFrame) -> str:
    """Say how small an effect could be told at all (`analysis.initiatives.effects`)."""
    known = effects.dropna(subset=["detectable"])
    if known.empty:
        return "None of them has an interval, so none can be told."
    blind = known[known["detectable"] > known["minimum_effect"]]
    middle = style.percent(known["detectable"].median(), 0)
    said = f"**The middle one of {len(known)} would have had to move its figure by {middle} to be found in eight of ten cases.**"
    if len(blind):
        said += f" {len(blind)} could not have shown the smallest effect of interest when read"
        later = blind[blind["tell_by"].notna()]
        if len(later):
            weeks = ((later["tell_by"] - later["started_on"]).dt.days / 7).round()
            told = [f"{n} cannot be told before week {w:.0f}" for n, w in zip(later["name"], weeks, strict=True)]
            said += "; " + "; ".join(told)
        said += "."
    return said


def trust_takeaway(effects: pd.DataFrame) -> str:
    """Say whose control drifted apart before the start, and who ran beside another (`analysis.initiatives.effects`)."""
    apart = effects[effects["why"].str.contains("drifted apart")]
    both = effects[effects["shared"] > 0.1]
    said = "**None of those to be judged drifted from its control before the start.**"
    if len(apart):
        whose = "its" if len(apart) == 1 else "their"
        said = f"**{_listed(apart['name'])} drifted from {whose} control before the start, so nothing is claimed.**"
    if len(both):
        parts = [f"{n} ({style.percent(s, 0)})" for n, s in zip(both["name"], both["shared"], strict=True)]
        said += f" Sales that another initiative touched too: {', '.join(parts)}; their effects are estimated together."
    return said


def _listed(names: pd.Series) -> str:
    own = names.tolist()
    if len(own) > MOST_NAMES:
        own = [*own[: MOST_NAMES - 1], f"{len(own) - MOST_NAMES + 1} others"]
    return own[0] if len(own) == 1 else f"{', '.join(own[:-1])} and {own[-1]}"
