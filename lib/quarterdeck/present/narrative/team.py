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


def win_rate_takeaway(rates: pd.DataFrame) -> str:
    """Say which sellers win more or less than the team, and how many cannot be told apart from it.

    Parameters
    ----------
    rates : DataFrame
        As `analysis.team.win_rates` gives it.
    """
    ranked = rates[rates["ranked"]]
    team = f"the team's {style.percent(rates['team'].iloc[0])} (n {_n(rates)})"
    few = len(rates) - len(ranked)
    small = f" {_count(few, 'seller')} with too few closed deals to rank." if few else ""
    sides = [_side(ranked, "above", "more"), _side(ranked, "below", "less")]
    said = " and ".join(s for s in sides if s)
    alike = int(ranked["place"].isin(["above", "below"]).eq(False).sum())
    if not said:
        return f"**No seller can be told apart from {team}.** Their order is as good as chance.{small}"
    return f"**Against {team}, {said}.** The other {_count(alike, 'seller')} cannot be told apart from it.{small}"


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


def overdue_takeaway(total: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how much open money is past its expected close (`analysis.pipeline.overdue_total`)."""
    row = total.iloc[0]
    if not row["overdue_deals"]:
        return f"**No open deal is past its expected close** (n {row['open_deals']:,.0f})."
    return (
        f"**{style.money(row['overdue_amount'], currency)} in {_count(row['overdue_deals'], 'open deal')} is past its "
        f"expected close**: {style.percent(row['share'])} of the money in {row['open_deals']:,.0f} open deals."
    )


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
