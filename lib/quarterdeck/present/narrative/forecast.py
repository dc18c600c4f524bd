"""What do the forecast and its past errors say, in sentences? Every figure in them is computed."""

import pandas as pd

from quarterdeck.analysis.members import NAIVE
from quarterdeck.analysis.series import JOINED
from quarterdeck.present import style


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


def seek_takeaway(seek: pd.DataFrame) -> str:
    """Say what closing the gap would take (`analysis.goals.seek`)."""
    gap = seek["gap"].iloc[0]
    if gap <= 0:
        return f"**A usual quarter reaches the goal, with {style.percent(-gap, 0)} to spare.**"
    never = int((seek["reached"] == 0).sum())
    hard = (
        f"{never} of {len(seek)} levers would alone have to be better than ever"
        if never
        else "each lever alone has been so good before"
    )
    together = seek.dropna(subset=["together_percentile"])
    worst = together["together_percentile"].max()
    return (
        f"**A usual quarter falls {style.percent(gap, 0)} short; {hard}.** Moved "
        f"together, each of the four would be better than in at most "
        f"{style.percent(worst, 0)} of past quarters."
    )
