"""What do the forecast and its past errors say, in sentences? Every figure in them is computed."""

import pandas as pd

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
    """Say which model did best, by how much, and whether its interval held (`analysis.backtest.accuracy`)."""
    best = accuracy.iloc[0]
    said = (
        f"**{best['model']} did best over {best['origins']:.0f} origins**: it missed by {style.percent(best['wape'])} "
        f"(MASE {best['mase']:.2f}, {style.percent(best['near'])} up to three months ahead), "
    )
    side = "too high" if best["bias"] > 0 else "too low"
    held = style.percent(best["coverage"], 0)
    return said + (
        f"{style.percent(abs(best['bias']))} {side} on the whole; its interval of {style.percent(level, 0)} held {held} "
        f"of {best['n']:.0f} months."
    )


def pipeline_takeaway(total: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what the pipeline brings this quarter's bookings to (`analysis.forecast.pipeline_total`)."""
    row = total.iloc[0]
    booked, weighted, p10, p50, p90 = (
        style.money(row[c], currency) for c in ("booked", "weighted", "p10", "p50", "p90")
    )
    return (
        f"**{booked} is booked and the {row['deals']:,.0f} deals due this quarter are worth {weighted} more**: {p50} "
        f"together, {p10} to {p90} if deals close independently of each other. Deals not yet opened are left out."
    )


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
