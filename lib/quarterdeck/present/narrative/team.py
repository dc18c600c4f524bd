"""What do the sellers' figures say, in sentences? Every figure in them is computed."""

import pandas as pd

from quarterdeck.present import style

MOST_NAMES = 5  # named in one sentence; the chart names the others


def attainment_takeaway(spread: pd.DataFrame) -> str:
    """Say how many sellers reached their quota, and how the open quarter compares with its days.

    Parameters
    ----------
    spread : DataFrame
        As `analysis.team.attainment_spread` gives it.
    """
    return " ".join(_whole(q) if q.whole else _open(q) for q in spread.itertuples())


def manager_takeaway(rates: pd.DataFrame) -> str:
    """Say whether the managers' teams differ in what they win (`analysis.team.win_rates` by manager)."""
    spread = f"from {style.percent(rates['rate'].min())} to {style.percent(rates['rate'].max())}"
    apart = rates[rates["ranked"] & rates["place"].isin(["above", "below"])]
    if apart.empty:
        return f"**No team's win rate can be told apart from the others'**: they lie {spread} (n {_n(rates)})."
    said = "; ".join(f"{r.name} {r.place} ({style.percent(r.rate)})" for r in apart.itertuples(index=False))
    return f"**{_count(len(apart), 'team')} of {len(rates)} stand apart**: {said}. All lie {spread} (n {_n(rates)})."


def skill_takeaway(skills: pd.DataFrame) -> str:
    """Say which sellers stand out from chance and mix, and how far ranks can be told (`analysis.skill.skills`)."""
    sides = [_side(skills, "above", "more"), _side(skills, "below", "less")]
    said = " and ".join(s for s in sides if s)
    wide = (skills["rank_high"] - skills["rank_low"]).median()
    ranks = f"A rank is known to within {wide:.0f} of {len(skills)} places at the median"
    deals = f"(n {skills['n'].sum():,.0f} deals of three years)"
    if not said:
        return (
            f"**No seller can be told apart from the others once deals are equal** "
            f"{deals}. {ranks}: the order is as good as chance."
        )
    return f"**With the same deals, {said} than the mean seller** {deals}. {ranks}."


def pace_takeaway(pace: pd.DataFrame, spread: pd.DataFrame) -> str:
    """Say whether bookings are ahead of the usual pace (`analysis.pace.pace`, `team.attainment_spread`)."""
    now = spread[~spread["whole"].astype(bool)]
    row = pace.iloc[0]
    usual = (
        f"{style.percent(row['middle'], 0)} ({style.percent(row['low'], 0)} to "
        f"{style.percent(row['high'], 0)} in {row['n']:,.0f} quarters)"
    )
    if now.empty:
        return f"By this day of a quarter, {usual} of its bookings are usually in."
    ending = now["together"].iloc[0] / row["middle"]
    return (
        f"By this day {usual} of a quarter's bookings are usually in: at that pace all together end at "
        f"{style.percent(ending, 0)} of quota."
    )


def chances_takeaway(chances: pd.DataFrame) -> str:
    """Say how many sellers will reach quota, and how good such chances were (`analysis.pace.quota_chances`)."""
    row = chances.iloc[0]
    return (
        f"**About {chances['chance'].sum():,.0f} of {len(chances)} sellers will "
        f"end at quota.** Chances given on the same day of past "
        f"quarters had a Brier score of {row['brier']:.2f}; without them it would "
        f"have been {row['brier_base']:.2f} (n {row['n']:,.0f})."
    )


def waterfall_takeaway(waterfall: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how the quarter's pipeline changed (`analysis.movement.waterfall`)."""
    part = waterfall.set_index("step")["amount"]
    return (
        f"**The quarter began with {style.money(part['opening'], currency)} due in "
        f"it and {style.money(part['closing'], currency)} is left**: "
        f"{style.money(part['created'] + part['pulled in'] + part['reopened'], currency)} "
        f"came in, {style.money(-part['won'], currency)} was "
        f"won, {style.money(-part['lost'], currency)} lost and {style.money(-part['moved out'], currency)} moved out."
    )


def hygiene_takeaway(faults: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how much of the open pipeline cannot be believed (`analysis.movement.hygiene`)."""
    whole = faults.set_index("fault").loc["any of these"]
    if not whole["deals"]:
        return f"**No open deal has a fault** (n {whole['open_deals']:,.0f})."
    worst = faults[faults["fault"] != "any of these"].sort_values("amount").iloc[-1]
    return (
        f"**{style.money(whole['amount'], currency)} of the open pipeline, "
        f"{style.percent(whole['part'], 0)}, has a fault**; most of it is "
        f"{worst['fault']} ({style.money(worst['amount'], currency)} in {worst['deals']:,.0f} deals)."
    )


def ramp_takeaway(length: pd.DataFrame) -> str:
    """Say how long a new seller takes to win as often as the others (`analysis.skill.ramp_length`)."""
    row = length.iloc[0]
    if not row["clear"]:
        return f"**That new sellers win less cannot be shown** (n {row['n']:,.0f} deals of their first months)."
    return (
        f"**A new seller takes {row['months']:.0f} months to win as often as the "
        f"others ({row['low']:.0f} to {row['high']:.0f})**, and starts "
        f"{style.points(-row['points']).lstrip('+')} of win rate behind (n {row['n']:,.0f} deals of the first months)."
    )


def levers_takeaway(coached: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how many sellers are clearly below peers in something, and what half the gaps are worth (`analysis.skill.levers`)."""
    clear = coached[coached["clear"]]
    if clear.empty:
        return "**No seller is clearly below peers in any lever.**"
    return (
        f"**{_count(len(clear), 'seller')} {'is' if len(clear) == 1 else 'are'} "
        f"clearly below peers in one lever**; closing half of each "
        f"gap would be worth {style.money(clear['worth'].sum(), currency)} a year."
    )


def discounts_takeaway(discounts: pd.DataFrame, currency: str = "EUR") -> str:
    """Say who gives clearly more discount than others do on like lines (`analysis.pace.discounts`)."""
    more = discounts[discounts["clear"] & (discounts["excess"] > 0)]
    if more.empty:
        return (
            f"**Nobody gives clearly more discount than others do on like lines** ({_count(len(discounts), 'seller')})."
        )
    top = more.iloc[0]
    return (
        f"**{_count(len(more), 'seller')} {'gives' if len(more) == 1 else 'give'} "
        f"clearly more discount than others do on like lines**, "
        f"{top['name']} most: {style.points(top['excess'])} ({style.points(top['low'])} to {style.points(top['high'])}), "
        f"{style.money(more['cost'].sum(), currency)} in all in twelve months."
    )


def hanging_takeaway(hanging: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how much hangs on the best sellers (`analysis.pace.hanging`)."""
    row = hanging.iloc[0]
    gone = f" {style.percent(row['gone'], 0)} came from sellers who have left since." if row["gone"] > 0.005 else ""
    return (
        f"The best tenth of sellers, {row['sellers']:.0f} of {row['n']:.0f}, brings "
        f"{style.percent(row['top'], 0)} of bookings; the median seller "
        f"{style.money(row['median'], currency)} in twelve months.{gone}"
    )


def funnel_takeaway(funnel: pd.DataFrame) -> str:
    """Say after which stage most deals stop (`analysis.pipeline.funnel`)."""
    step = funnel.loc[funnel["conversion"].idxmin()] if funnel["conversion"].notna().any() else funnel.iloc[0]
    onward = (
        f"{style.percent(step['conversion'])} go on ({style.percent(step['low'])} to {style.percent(step['high'])}, "
        f"n {step['reached']:,.0f})"
    )
    if funnel["basis"].iloc[0] == "status":
        return f"**Deals thin out most after “{step['stage']}”**: {onward}. Stages passed are not recorded."
    return f"**Deals thin out most after “{step['stage']}”**: {onward}."


def velocity_takeaway(velocity: pd.DataFrame, cycle_days: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how much money the pipeline turns out per day, and which factor moved it.

    Parameters
    ----------
    velocity, cycle_days : DataFrame
        As `analysis.pipeline.velocity` and `analysis.team.cycle_days_total` give them.
    """
    table = velocity.set_index("factor")
    said = f"**The pipeline turns out {style.amount(table.loc['velocity', 'now'], 'money/day', currency)}**"
    days = cycle_days.iloc[0]
    between = "" if pd.isna(days["low"]) else f"{days['low']:.0f} to {days['high']:.0f}, "
    cycle = f" A won deal takes {days['value']:.0f} days at the median ({between}n {days['n']:,.0f})."
    if pd.isna(table.loc["velocity", "log_change"]):
        return f"{said}; the deals do not reach back far enough to compare it with a year before.{cycle}"
    main = table["log_change"].drop("velocity").abs().idxmax()
    words = {"open_deals": "the number of open deals", "win_rate": "the win rate"}
    words |= {"average_won": "the size of a won deal", "cycle_days": "the days to close"}
    change = style.change(table.loc["velocity", "share"])
    by = style.change(table.loc[main, "share"])
    return f"{said}, {change} on a year before; {words[main]} moved it most ({by}).{cycle}"


def _whole(quarter) -> str:
    share, low, high, median, p10, p90 = (
        style.percent(v, 0)
        for v in (quarter.share, quarter.low, quarter.high, quarter.median, quarter.p10, quarter.p90)
    )
    return (
        f"**In {quarter.quarter}, {quarter.at_quota:,.0f} of {quarter.reps:,.0f} sellers reached their quota** ({share}; "
        f"{low} to {high}); the median attained {median}, the middle eight of ten {p10} to {p90}."
    )


def _open(quarter) -> str:
    side = "ahead of" if quarter.together >= quarter.elapsed else "behind"
    return (
        f"In {quarter.quarter} all together stand at {style.percent(quarter.together, 0)} of quota with "
        f"{style.percent(quarter.elapsed, 0)} of the days gone: {side} an even pace."
    )


def _side(ranked: pd.DataFrame, place: str, word: str) -> str:
    names = ranked.loc[ranked["place"].eq(place), "name"].tolist()
    if not names:
        return ""
    verb = "wins" if len(names) == 1 else "win"
    listed = ", ".join(names[:MOST_NAMES]) if len(names) <= MOST_NAMES else _count(len(names), "seller")
    return f"{listed} {verb} {word}"


def _count(n: float, noun: str) -> str:
    return f"{n:,.0f} {noun}" + ("" if n == 1 else "s")


def _n(rates: pd.DataFrame) -> str:
    return f"{rates['n'].sum():,.0f}"


def capacity_takeaway(capacity: pd.DataFrame, newcomers: pd.DataFrame, currency: str = "EUR") -> str:
    """Say whether the sellers can carry the plan, and by when new ones are wanted (`analysis.capacity`)."""
    now = capacity.iloc[0]
    middle, low, high = (style.money(now[c], currency) for c in ("capacity", "low", "high"))
    said = f"**The {now['sellers']:.0f} sellers can be counted on for {middle} in {now['quarter']}**"
    said += f" ({low} to {high} in eight of ten cases)"
    if pd.isna(now["plan"]):
        return f"{said}; no plan is set to hold it against."
    said += f", against a plan of {style.money(now['plan'], currency)}."
    if pd.notna(now["quota"]):
        said += (
            f" Quotas add up to {style.percent(now['quota'] / now['plan'], 0)} of it; past quarters brought "
            f"{style.percent(now['factor'], 0)} of full quotas, so {style.percent(1 / now['factor'], 0)} would do."
        )
    short = capacity[capacity["gap"] > 0]
    said += " " + (
        _shortfall(short.iloc[0], currency) if len(short) else "No quarter ahead that has a plan falls short."
    )
    if len(newcomers):
        row = newcomers.iloc[0]
        said += (
            f" A newcomer begins at {style.percent(row['start'], 0)} of a usual seller's bookings "
            f"({style.percent(row['low'], 0)} to {style.percent(row['high'], 0)}, n {row['n']:.0f}) and is there after "
            f"{row['months']:.0f} months."
        )
    return said


def _shortfall(row: pd.Series, currency: str) -> str:
    plan = "a plan that grows on as it did" if row["assumed"] else "the plan"
    said = f"{row['quarter']} falls {style.money(row['gap'], currency)} short of {plan}"
    if pd.isna(row["hires"]):
        return f"{said}."
    said += f", the worth of {_sellers(row['hires'])}"
    if pd.isna(row["hire_by"]):
        return f"{said}; how long a new one takes is not known."
    day = f"{said} hired by {style.day(row['hire_by'])}"
    if not row["late"]:
        return f"{day}."
    if pd.isna(row["hires_now"]):
        return f"{day}; that day has passed, and nobody who begins today would be in time."
    return f"{day}; that day has passed, and from today it takes {_sellers(row['hires_now'])}."


def _sellers(count: float) -> str:
    return f"{count:.0f} more seller" + ("" if count == 1 else "s")
