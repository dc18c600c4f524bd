"""What did the initiatives achieve, in sentences? Every figure in them is computed, and claimed."""

import pandas as pd

from quarterdeck.analysis.initiatives.next_test import best, times_as_much
from quarterdeck.analysis.initiatives.results import FAILED, UNCLEAR, WORKED, paid, weeks_to_detect
from quarterdeck.analysis.methods.claims import amounts, apart, most, part
from quarterdeck.analysis.methods.several_units import POWER
from quarterdeck.present import style
from quarterdeck.present.numbers import among, listed
from quarterdeck.present.sentences import Sentence

MOST_NAMES = 4
SURE = f"a power of {style.percent(POWER, 0)}"  # how surely a test finds the effect that it is made for
COST = {"above": "more than it cost", "below": "less than it cost", "not clear": "not surely more than it cost"}


def verdicts_takeaway(effects: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say which initiatives moved their figure, which did not, and for how many it is not clear
    (`analysis.initiatives.results.effects`)."""
    count = {v: int(effects["verdict"].eq(v).sum()) for v in (WORKED, FAILED, UNCLEAR)}
    claims = [part("initiatives_worked", n, len(effects), verdict) for verdict, n in count.items()]
    whose = "its" if count[WORKED] == 1 else "their"
    said = f"**{count[WORKED]} of {len(effects)} moved {whose} figure, {count[FAILED]} did not, "
    said += f"and for {count[UNCLEAR]} it is not clear.**"
    worked = effects[effects["verdict"] == WORKED].sort_values("money", ascending=False)
    if len(worked):
        top = _best(worked, currency)
        said, claims = f"{said} {_named(worked['name'])} moved {whose} figure; {top}.", [*claims, *top.claims]
    failed = effects[effects["verdict"] == FAILED]
    if len(failed):
        spent = style.money(failed["spend"].sum(), currency)
        said += f" {_named(failed['name'])} did not do what was hoped; {spent} went into {'it' if len(failed) == 1 else 'them'}."
        claims.append(amounts("initiatives_spend", failed["spend"].sum(), FAILED))
    back = _paid(effects)
    said, claims = f"{said} {back}", [*claims, *back.claims]
    early = effects[effects["early"].astype(bool)]
    if len(early):
        verb = "is" if len(early) == 1 else "are"
        said += f" {_named(early['name'])} {verb} read before the day set: what is shown may still turn."
        claims.append(part("initiatives_worked", len(early), len(effects), "read before the day set"))
    return Sentence(said, claims)


def return_takeaway(totals: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what the initiatives together brought for their money (`analysis.initiatives.results.totals`)."""
    row = totals.iloc[0]
    if pd.isna(row["roi"]):
        return Sentence("What they brought for their money is not known: spend or cost is missing.")
    sure = apart("initiative_roi", row["roi_low"], row["roi_high"], against=1.0)
    return Sentence(
        f"**{style.money(row['spend'], currency)} of spend brought {style.money(row['gain'], currency)} of gross margin** "
        f"({style.money(row['gain_low'], currency)} to {style.money(row['gain_high'], currency)}), {style.times(row['roi'])} "
        f"of it ({style.times(row['roi_low'])} to {style.times(row['roi_high'])}): {COST[sure.predicate]}.",
        [
            amounts("initiatives_spend", row["spend"]),
            amounts("initiatives_gain", row["gain"], low=row["gain_low"], high=row["gain_high"]),
            amounts("initiative_roi", row["roi"], low=row["roi_low"], high=row["roi_high"]),
            sure,
        ],
    )


def power_takeaway(effects: pd.DataFrame) -> Sentence:
    """Say how small an effect could be detected at all (`analysis.initiatives.results.effects`)."""
    known = effects.dropna(subset=["detectable"])
    if known.empty:
        return Sentence(
            "None of them has an interval, so none can be judged.",
            [part("detectable_effect", 0, len(effects), "judged")],
        )
    blind, middle = known[known["detectable"] > known["minimum_effect"]], known["detectable"].median()
    claims = [amounts("detectable_effect", middle, "the median one", n=len(known))]
    size = style.percent(middle, 0)
    which = f"The median one of {len(known)}" if len(known) > 1 else "The one that can be judged"
    said = f"**{which} would have had to move its figure by {size} to be found with {SURE}.**"
    if len(blind):
        said += f" {len(blind)} could not have shown the smallest effect of interest when read"
        later = blind[blind["tell_by"].notna()]
        weeks = weeks_to_detect(later)
        delays = [f"; {n} cannot be judged before week {w:.0f}" for n, w in zip(later["name"], weeks, strict=True)]
        said += "".join(delays) + "."
        claims += [part("detectable_effect", len(blind), len(known), "could not have shown the smallest effect")]
        claims += [amounts("detectable_effect", w, f"week: {n}") for n, w in zip(later["name"], weeks, strict=True)]
    return Sentence(said, claims)


def trust_takeaway(effects: pd.DataFrame) -> Sentence:
    """Say whose control drifted apart before the start, and who ran beside another (`analysis.initiatives.results.effects`)."""
    drifted = effects[effects["why"].str.contains("drifted apart")]
    both = effects[effects["shared"] > 0.1]
    said = "**None of those to be judged drifted from its control before the start.**"
    if effects["low"].isna().all():
        said = "**None of them has an estimate, so of none it is known whether it drifted from its control.**"
    if len(drifted):
        whose = "its" if len(drifted) == 1 else "their"
        said = f"**{_named(drifted['name'])} drifted from {whose} control before the start, so nothing is claimed.**"
    claims = [part("initiative_effect", len(drifted), len(effects), "drifted apart before")]
    if len(both):
        touched = [f"{n} ({style.percent(s, 0)})" for n, s in zip(both["name"], both["shared"], strict=True)]
        said += (
            f" Sales that another initiative touched too: {', '.join(touched)}; their effects are estimated together."
        )
        claims += [amounts("initiative_sales", r.shared, f"shared: {r.name}") for r in both.itertuples(index=False)]
    return Sentence(said, claims)


def plan_takeaway(summary: pd.DataFrame, choices: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say where the next initiative should be tried so that its effect is found, or what that would need
    (`analysis.initiatives.next_test.choices`)."""
    row = summary.iloc[0]
    if row["lacks"]:
        there = amounts("detectable_effect", row["places"], "places for a test", needed=row["places_needed"])
        long = amounts("detectable_effect", row["weeks"], "weeks for a test", needed=row["weeks_needed"])
        return Sentence(f"**No test can be planned yet:** {row['lacks']}", [there, long])
    choice, least = best(choices), style.percent(row["effect"], 0)
    where = f"{choice['treated']} of {row['places']} {row['of']}"
    cost = "" if pd.isna(choice["cost"]) else f" for about {style.money(choice['cost'], currency)}"
    weeks = f"next test: {choice['periods']} weeks"
    claims = [
        part("detectable_effect", choice["treated"], row["places"], "places that the test treats"),
        amounts("detectable_effect", row["effect"], "of interest", weeks=choice["periods"], cost=choice["cost"]),
    ]
    if choice["chosen"]:
        said = (
            f"**An effect of {least} is found with {SURE} by a test of {choice['periods']} weeks in {where}{cost}.** "
        )
        claims.append(amounts("detectable_effect", choice["controls"], "places left as they are"))
        return Sentence(f"{said}Treat {choice['units']}, and leave the other {choice['controls']} as they are.", claims)
    wanted, found = times_as_much(choice, row["effect"]), style.percent(choice["detectable"], 0)
    claims.append(amounts("detectable_effect", choice["detectable"], weeks, times=wanted))
    said = f"**Too little for an effect of {least}: {choice['periods']} weeks in {where}{cost} would find {found} with {SURE}.** "
    said += f"To find {least} takes about {style.number(wanted)} times as many weeks or places, or steadier sales."
    return Sentence(said, claims)


def _paid(effects: pd.DataFrame) -> Sentence:
    """Say which of them surely paid back and which surely not, beside whether they moved
    their figure (`analysis.initiatives.results.paid`)."""
    verdicts, claims = paid(effects), []
    ends = effects[verdicts.isin(["surely", "surely not"])].itertuples(index=False)
    named = {word: effects.loc[verdicts == word, "name"] for word in ("surely", "surely not")}
    words = [f"{word} for {_named(names)}" for word, names in named.items() if len(names)]
    for word in ("open", "not known"):
        if n := int(verdicts.eq(word).sum()):
            words.append(f"{word} for {n}")
            claims.append(part("initiative_roi", n, len(effects), f"paid back: {word}"))
    claims += [apart("initiative_roi", r.roi_low, r.roi_high, f"initiative: {r.name}", against=1.0) for r in ends]
    return Sentence(f"Whether they paid back is another question: {', '.join(words)}.", claims)


def _best(worked: pd.DataFrame, currency: str) -> Sentence:
    """Say which of those that moved their figure brought most sales, and by what effect."""
    top, row = (
        most("initiative_effect", worked.set_index("name")["money"], "money of those that moved their figure"),
        worked.iloc[0],
    )
    effect = amounts("initiative_effect", row["effect"], f"initiative: {top.name}", low=row["low"], high=row["high"])
    return Sentence(
        f"{among(len(worked), f'{top.name} brought most:', 'it brought')} "
        f"{style.change(row['effect'])} ({style.change(row['low'])} to {style.change(row['high'])}), "
        f"{style.money(row['money'], currency)} of sales",
        [top, effect],
    )


def _named(names: pd.Series) -> str:
    own = names.tolist()
    if len(own) > MOST_NAMES:
        own = [*own[: MOST_NAMES - 1], style.counted(len(own) - MOST_NAMES + 1, "other")]
    return listed(own)
