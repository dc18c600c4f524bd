"""What do the forecast and its past errors say, in sentences? Every figure in them is computed."""

import pandas as pd

from quarterdeck.analysis.ledger import EVERY
from quarterdeck.analysis.members import NAIVE
from quarterdeck.analysis.series import JOINED
from quarterdeck.present import style
from quarterdeck.present.charts.forecast import LEVER_WORDS
from quarterdeck.present.tables.forecast import UNITS


def landing_takeaway(landing: pd.DataFrame, currency: str = "EUR") -> str:
    """Say where the quarter will end, and how likely it reaches its target (`analysis.forecast.landing`)."""
    row = landing.iloc[0]
    seen = style.money(row["seen"], currency)
    if pd.isna(row["p50"]):
        return f"**{seen} is in so far.** There are {row['n_origins']:.0f} past quarters to learn from, too few for a forecast."
    p10, p50, p90 = (style.money(row[p], currency) for p in ("p10", "p50", "p90"))
    said = f"**The quarter ends at {p50} in the middle, between {p10} and {p90} in eight of ten cases**; {seen} is in so far."
    if pd.notna(row["target"]) and pd.notna(row["probability"]):
        gap = row["p50"] - row["target"]
        side = "above" if gap >= 0 else "below"
        said += (
            f" The target of {style.money(row['target'], currency)} is reached with a chance of "
            f"{style.percent(row['probability'], 0)}; the middle lies {style.money(abs(gap), currency)} {side} it."
        )
    return said


def origins_takeaway(landing: pd.DataFrame) -> str:
    """Say how wrong forecasts from this day of a quarter were (`analysis.forecast.landing`)."""
    row = landing.iloc[0]
    if pd.isna(row["wape"]):
        return "**There is no past forecast to hold this one against.**"
    return (
        f"**Made on this day of {row['n_origins']:.0f} past quarters, this forecast would have missed by "
        f"{style.percent(row['wape'])}** (weighted absolute error), seeing nothing that was not known then."
    )


def accuracy_takeaway(accuracy: pd.DataFrame, level: float = 0.8) -> str:
    """Say how wrong all ways joined were, which alone was nearest, and whether the interval held (`analysis.outlook.accuracy`)."""
    by = accuracy.set_index("model")
    own, naive = by.loc[JOINED], by.loc[NAIVE]
    other = accuracy[~accuracy["model"].isin([JOINED, NAIVE])].iloc[0]
    side = "too high" if own["bias"] > 0 else "too low"
    said = (
        f"**Joined, the forecasts missed by {style.percent(own['wape'])} over {own['origins']:.0f} origins** (MASE "
        f"{own['mase']:.2f}; the best way alone, {other['model']}, {other['mase']:.2f}; repeating last year {naive['mase']:.2f}), "
        f"{style.percent(abs(own['bias']))} {side} on the whole"
    )
    if pd.isna(own["coverage"]):
        return f"{said}."
    held = style.percent(own["coverage"], 0)
    return f"{said}; the interval of {style.percent(level, 0)} would have held {held} of {own['n']:,.0f} forecasts."


def parts_takeaway(parts: pd.DataFrame, currency: str = "EUR") -> str:
    """Say which part the next year's growth comes from, and which parts surely grow or shrink (`analysis.outlook.parts`)."""
    more = (parts["middle"] - parts["past"]).rename("more")
    first = parts.join(more).sort_values("more").iloc[-1]
    surely = parts[parts["sure"]]
    grow, shrink = (surely.loc[mask, "part"].tolist() for mask in (surely["change"] > 0, surely["change"] < 0))
    said = f"**{first['part']} adds {style.money(first['more'], currency)} to the next twelve months**"
    said += f" ({style.change(first['change'])})"
    if first["more"] <= 0:
        said = "**No part is to sell more than in the last twelve months in the middle**"
    told = [f"surely more from {', '.join(grow)}"] * bool(grow) + [f"surely less from {', '.join(shrink)}"] * bool(
        shrink
    )
    return f"{said}; {' and '.join(told)}." if told else f"{said}; of no part is it sure whether it grows."


def calls_takeaway(calls: pd.DataFrame) -> str:
    """Say how far off the firmest calls were at first and at last (`analysis.forecast.call_accuracy`)."""
    name = "commit" if calls["category"].eq("commit").any() else calls["category"].iloc[0]
    own = calls[calls["category"].eq(name)].sort_values("weeks_left")
    last, first = own.iloc[0], own.iloc[-1]
    sure = "" if last["low"] <= 0 <= last["high"] else ", more than chance"
    return (
        f"**“{name.capitalize()}” was off by {style.change(first['error'])} with {first['weeks_left']:.0f} weeks to go and by "
        f"{style.change(last['error'])} with {last['weeks_left']:.0f}**{sure} (n {last['n']:.0f} quarters)."
    )


def bookings_takeaway(ahead: pd.DataFrame, goal: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what the pipeline will bring and how that stands to the goal (`analysis.deals.bookings_ahead`, `goals.goal`)."""
    row = ahead.iloc[0]
    said = (
        f"**{style.money(row['booked'], currency)} is booked and {row['deals']:,.0f} "
        f"open deals are worth {style.money(row['open_worth'], currency)} "
        f"this quarter**: commit {style.money(row['commit'], currency)}, best case {style.money(row['best'], currency)}, pipeline "
        f"{style.money(row['pipeline'], currency)}."
    )
    if goal.empty:
        return said
    wanted, whence = goal["goal"].iloc[0], goal["from_what"].iloc[0]
    side = "over" if row["best"] >= wanted else "short of"
    return (
        f"{said} The middle is {style.money(abs(row['best'] - wanted), currency)} {side} "
        f"the {style.money(wanted, currency)} that the {whence} wants."
    )


def trial_takeaway(trial: pd.DataFrame) -> str:
    """Say whether the model's chances are truer than plainer ones (`analysis.deals.trial`)."""
    best, by = trial.iloc[0], trial.set_index("way")
    others = "; ".join(f"{way} {by.loc[way, 'brier']:.3f}" for way in by.index if way != best["way"])
    name = "The model's chances" if best["way"] == "model" else f"Chances {best['way']}"
    return (
        f"**{name} were truest in four quarters not seen before**: Brier score {best['brier']:.3f} ({others}), off by "
        f"{style.points(best['error']).lstrip('+')} on average (n {best['n']:,.0f})."
    )


def seek_takeaway(seek: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what closing the gap would take, each lever with its percentile in the company's own history (`analysis.goals.seek`)."""
    gap = seek["gap"].iloc[0]
    if gap <= 0:
        return f"**A usual quarter reaches the goal, with {style.percent(-gap, 0)} to spare.**"
    never = int((seek["reached"] == 0).sum())
    hard = (
        f"{never} of {len(seek)} levers would alone have to be better than ever"
        if never
        else "each lever alone has been so good before"
    )
    said = f"**A usual quarter falls {style.percent(gap, 0)} short; {hard}.**"
    together = seek.dropna(subset=["together"])
    if together.empty:
        return f"{said} Even all four at their best ever would not reach it together."
    parts = [
        f"{LEVER_WORDS[row.lever].lower()} {style.amount(row.together, UNITS[row.lever], currency)} "
        f"({style.percent(row.together_percentile, 0)})"
        for row in together.itertuples()
    ]
    return (
        f"{said} The cheapest way together, each with the part of past quarters that it would beat: "
        f"{', '.join(parts[:-1])} and {parts[-1]}."
    )


def ledger_takeaway(scores: pd.DataFrame) -> str:
    """Say how true the forecasts that were given out were, against a plain guess (`analysis.ledger.scores`)."""
    row = scores[scores["lead"] == EVERY].sort_values("metric", ascending=False, kind="stable").iloc[0]
    side = "too high" if row["bias"] > 0 else "too low"
    said = (
        f"**The {row['n']:.0f} forecasts of {row['metric']} that have come due missed by {style.percent(row['wape'])}**, "
        f"{style.percent(abs(row['bias']))} {side} on the whole, and eight-of-ten ranges held {style.percent(row['coverage'], 0)} "
        f"({style.percent(row['low'], 0)} to {style.percent(row['high'], 0)}) of the time."
    )
    if pd.notna(row["added"]):
        said += f" {_added(row)}"
    if row["afterwards"]:
        which = "All" if row["afterwards"] == row["n"] else f"{row['afterwards']:.0f}"
        said += f" {which} of them were computed after the event, from the tables cut back to the day they speak from."
    return said


def scenario_takeaway(scenario: pd.DataFrame, base: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what a scenario does to the quarter, the goal and the quarters after it (`analysis.scenarios.scenario`)."""
    row, rest = scenario.iloc[0], base.iloc[0]
    middle, low, high = (style.money(row[c], currency) for c in ("p50", "p10", "p90"))
    said = f"**{row['quarter']} ends at {middle} of bookings, between {low} and {high} in eight of ten cases**"
    moved = row["p50"] - rest["p50"]
    if abs(moved) >= 1:
        said += f", {style.money(abs(moved), currency)} {'more' if moved > 0 else 'less'} than as now"
    if pd.notna(row["goal"]):
        was = "" if abs(moved) < 1 else f" (as now {style.percent(rest['chance'], 0)})"
        goal, chance = style.money(row["goal"], currency), style.percent(row["chance"], 0)
        said += f"; the goal of {goal} is reached with a chance of {chance}{was}"
    later, before = scenario["p50"].iloc[1:].sum(), base["p50"].iloc[1:].sum()
    if len(scenario) > 1:
        change = "" if abs(later - before) < 1 else f", {style.change(later / before - 1)} on as now"
        whose = "quarter after it brings" if len(scenario) == 2 else f"{len(scenario) - 1} quarters after it bring"
        said += f". The {whose} {style.money(later, currency)}{change}"
    return f"{said}."


def tornado_takeaway(tornado: pd.DataFrame, currency: str = "EUR") -> str:
    """Say which lever moves the quarter most, and which the quarters after it (`analysis.scenarios.tornado`)."""
    top = tornado.iloc[0]
    later = tornado.loc[(tornado["later_more"] - tornado["later_less"]).abs().idxmax()]
    reach = abs(later["later_more"] - later["later_less"]) / 2
    moved = f"{style.percent(top['swing'])} either way, worth {style.money(top['width'] / 2, currency)}"
    said = f"**{LEVER_WORDS[top['lever']]} moves this quarter most**: it usually swings by {moved}"
    best = top[["chance_less", "chance_more"]].max()
    if pd.notna(best):
        said += f", and at its better end the goal is reached with a chance of {style.percent(best, 0)}"
    if reach > 0:
        word = LEVER_WORDS[later["lever"]].lower()
        said += f". In the quarters after it, {word} weighs most: {style.money(reach, currency)} either way"
    return f"{said} (n {top['n']:.0f} quarters)."


def _added(row: pd.Series) -> str:
    better = "closer" if row["added"] > 0 else "further off"
    said = f"That is {style.points(abs(row['added'])).lstrip('+')} {better} than repeating last year"
    if pd.isna(row["added_low"]):
        return f"{said}, over too few quarters to be sure."
    low, high = style.points(row["added_low"]), style.points(row["added_high"])
    sure = "which may be chance" if row["added_low"] <= 0 <= row["added_high"] else "more than chance"
    return f"{said} ({low} to {high}), {sure}."


def target_takeaway(landing: pd.DataFrame, goal: pd.DataFrame, scenario: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how a target of revenue and its goal in bookings go together (`forecast.landing`, `goals.goal`, `scenarios.scenario`)."""
    row, now = landing.iloc[0], scenario.iloc[0]
    if (
        goal.empty
        or goal["from_what"].iloc[0] != "revenue target"
        or pd.isna([row["probability"], now["chance"]]).any()
    ):
        return "**No target of revenue stands behind the goal in bookings.**"
    usual, here = now["goal"] / row["target"], now["p50"] / row["p50"]
    return (
        f"**One target, two measures: {style.money(row['target'], currency)} of revenue has a chance of "
        f"{style.percent(row['probability'], 0)}, the {style.money(now['goal'], currency)} of bookings that usually go with it "
        f"{style.percent(now['chance'], 0)}.** Bookings came to {style.percent(usual, 0)} of revenue in the last four quarters "
        f"and come to {style.percent(here, 0)} by the two middles of this one; orders that no deal stands behind are in revenue "
        "alone. The target is of revenue, so its chance there is the one to go by."
    )
