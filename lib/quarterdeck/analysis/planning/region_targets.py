"""What is each region asked for in the next quarter, on its own page as on the company's?"""

from collections.abc import Callable

import pandas as pd

from quarterdeck.analysis.forecasting import landings, months_ahead
from quarterdeck.analysis.market import sizing
from quarterdeck.analysis.planning import prospects, target_split
from quarterdeck.analysis.team import ramp_up
from quarterdeck.analysis.team.skill import ramp_length
from quarterdeck.data import COMPANY
from quarterdeck.data.answers import Missing, company_wide
from quarterdeck.data.reasons import no_rows


def own_target(answer: pd.DataFrame, region: str) -> pd.DataFrame:
    """Give a region's row of `by_region`; the company's are all of them."""
    return answer if region == COMPANY else answer[answer["unit"] == region].reset_index(drop=True)


@no_rows(needs="two units with past sales")
@company_wide(own_target)
def by_region(ask: Callable, floor: float = 0.8) -> pd.DataFrame | Missing:
    """Split the company's plan of the next quarter among its regions: the targets set for it, else its forecast.

    Parameters
    ----------
    floor : float
        Least part of its share of the plan by last year that each is asked for (ratio).

    Returns
    -------
    DataFrame or Missing
        As `target_split.split` gives it for regions.
    """
    landed, quarterly = ask(landings.landing), ask(months_ahead.quarters)
    ahead = {"quarters": quarterly.joined, "panel": quarterly.panel}
    plan = ask(prospects.next_plan, **ahead, landing=landed)
    newcomers = ask(ramp_up.newcomers, ramp=ask(ramp_length))
    reach = {"cells": ask(sizing.cells), "carried": ask(prospects.carried, plan=plan, newcomers=newcomers)}
    units = ask(prospects.units, dimension="region", plan=plan, **ahead)
    bounded = ask(target_split.bounded, units=units, plan=plan, floor=floor, **reach)
    return (
        bounded
        if isinstance(plan, Missing)
        else ask(target_split.split, units=bounded, plan=plan["revenue_target"].sum())
    )
