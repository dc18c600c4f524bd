"""Where, for how long and at what cost should the next initiative be tried, so that its effect can be seen?"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from quarterdeck.analysis.initiatives import payoff, results
from quarterdeck.analysis.methods import design_plan, several_units
from quarterdeck.data.answers import Missing, company_wide, whole
from quarterdeck.data.reasons import no_rows

LENGTHS, SIZES = (8, 13, 26), (1, 4, 8)  # weeks that a test may last; places that it may treat
WEEKS = 104  # of the past that tests are tried on
EFFECT = 0.05  # smallest effect of interest where no initiative says one
SOLD = 0.9  # part of the weeks with sales from which a place is looked at


@company_wide(whole)
def choices(ask: Callable, initiatives: pd.DataFrame, as_of: pd.Timestamp) -> dict[str, pd.DataFrame] | Missing:
    """The choices for the next test, simulated on the company's own past weeks without what earlier initiatives did.

    Places are sales regions, or where these are too few, segments of regions. Cost is by what past initiatives cost over the
    sales that they touched (median).

    Returns
    -------
    dict
        `choices`, as `design_plan.plan` gives them (periods are weeks, cost in money); `summary`, one row: `effect` (smallest one
        of interest, ratio: the median of the initiatives'), `rate` (cost over sales, ratio; missing where not known),
        `of` ("regions" or "segments of regions"), `places`, `weeks`, `places_needed`, `weeks_needed` (count),
        `lacks` (why there is no choice; empty where there is one).
    """
    judged = ask(results.together)
    if isinstance(judged, Missing):
        return judged
    effects, sold = judged["effects"], ask(results.sales)["orders"]
    cleaned = payoff.without(sold, effects)(-1)
    named, panel = _panel(cleaned, as_of)
    least = initiatives["minimum_effect"].dropna()
    rate = _rate(effects, sold)
    effect = float(least.median()) if len(least) and least.median() > 0 else EFFECT
    lacks = design_plan.lacking(panel, LENGTHS, SIZES) if len(panel) else "too little: no place sells every week"
    table = (
        design_plan.plan(panel, effect, LENGTHS, SIZES, rate) if not lacks else pd.DataFrame(columns=design_plan.PLAN)
    )
    count = {"places": panel["unit"].nunique(), "weeks": panel["start"].nunique()}
    count |= dict(zip(("places_needed", "weeks_needed"), design_plan.needed(LENGTHS, SIZES), strict=True))
    return {
        "choices": table,
        "summary": pd.DataFrame([{"effect": effect, "rate": rate, "of": named, **count, "lacks": lacks}]),
    }


@no_rows(needs="11 places that sell in nearly every week of 32 weeks")
def shown(ahead: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The choices of `choices`."""
    return ahead["choices"]


def best(choices: pd.DataFrame) -> pd.Series:
    """Give the choice to take: the one chosen, or where none finds the effect, the one that finds the smallest.

    Parameters
    ----------
    choices : DataFrame
        As `design_plan.plan` gives them, one row or more.
    """
    chosen = choices[choices["chosen"]]
    return chosen.iloc[0] if len(chosen) else choices.loc[choices["detectable"].idxmin()]


def times_as_much(choice: pd.Series, effect: float) -> float:
    """How many times as many weeks or places a choice would want to find an effect in 80 % of cases: noise falls with the
    square root of either."""
    return float(np.ceil((choice["detectable"] / effect) ** 2))


def _panel(sold: pd.DataFrame, as_of: pd.Timestamp) -> tuple[str, pd.DataFrame]:
    """Give sales by place and whole week up to a day: of regions, or where they are too few, of segments of regions."""
    weeks = min(WEEKS, int((as_of - sold["day"].min()).days + 1) // 7) if len(sold) else 0
    regions = _weekly(sold, ["region"], as_of, weeks)
    if len(regions) > several_units.DONORS:
        return "regions", _long(regions)
    segments = _weekly(sold, ["region", "segment"], as_of, weeks)
    segments.index = [" · ".join(map(str, key)) for key in segments.index]
    return "segments of regions", _long(segments)


def _weekly(sold: pd.DataFrame, named: list[str], as_of: pd.Timestamp, weeks: int) -> pd.DataFrame:
    """Give places × weeks, those places alone that sell in nearly every week."""
    week = -((as_of - sold["day"]).dt.days // 7)
    recent = sold[week.between(1 - weeks, 0)].assign(week=week)
    sums = recent.groupby([*named, "week"], observed=True)["revenue"].sum().unstack("week", fill_value=0.0)
    sums = sums.reindex(columns=range(1 - weeks, 1), fill_value=0.0)
    return sums[((sums > 0).mean(axis=1) >= SOLD) & (sums.mean(axis=1) > 0)]


def _long(wide: pd.DataFrame) -> pd.DataFrame:
    table = wide.rename_axis("unit").rename_axis(columns="start").stack().rename("value").reset_index()
    return table.astype({"unit": "str", "start": "int64", "value": "float64"})


def _rate(effects: pd.DataFrame, sold: pd.DataFrame) -> float:
    """Give the median over past initiatives of what was spent over the sales touched; missing where no spend is known."""
    rates = []
    for _, row in effects[effects["spend"].gt(0) & effects["metric"].ne("win_rate")].iterrows():
        touched = sold["revenue"].to_numpy()[payoff.touched(sold, row)].sum()
        rates += [row["spend"] / touched] if touched > 0 else []
    return float(np.median(rates)) if rates else np.nan
