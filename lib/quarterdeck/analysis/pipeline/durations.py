"""How long do deals and their stages last, counting those that are not over yet?

A deal still open is censored, not lost: leaving it out, or calling it lost, would bend every rate and every median.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri

from quarterdeck.analysis.pipeline.movement import stage_stays
from quarterdeck.analysis.pipeline.stages import stage_order
from quarterdeck.data.coverage import EVER
from quarterdeck.data.reasons import no_rows

FEWEST = 20  # deals or stays below which nothing is reported
YEARS = 2  # of deals opened, and of stays entered, that are looked at


@no_rows(needs="twenty deals opened in two years that have ended, some won and some lost")
def incidence(
    opportunities: pd.DataFrame, as_of: pd.Timestamp, level: float = 0.9, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """The part of opened deals that is won, lost or still open so many days later: the win rate of a cohort.

    Aalen-Johansen cumulative incidence of two ends that exclude each other (Aalen and Johansen 1978), of the deals opened in
    two years. The last value is the win rate by created deals, without the bias of won over closed, in which quick ends
    count for more than slow ones.

    Returns
    -------
    DataFrame
        One row per day on which a deal ended: `days`, `won`, `won_low`, `won_high`, `lost`, `open` (ratios, 90 % by normal
        errors), `n` (deals); no rows below twenty ended deals.
    """
    from statsmodels.duration.survfunc import CumIncidenceRight  # here, because it is slow to import

    columns = ["days", "won", "won_low", "won_high", "lost", "open", "n"]
    begin = max(as_of - pd.DateOffset(years=YEARS), begins["opportunities"])
    opened = opportunities[opportunities["opened_on"] > begin]
    end = opened["closed_on"].fillna(as_of)
    days = (end - opened["opened_on"]).dt.days.clip(lower=0).to_numpy(float) + 1
    kind = opened["status"].map({"won": 1, "lost": 2, "open": 0}).to_numpy()
    if (kind > 0).sum() < FEWEST or len(set(kind[kind > 0])) < 2:
        return pd.DataFrame(columns=columns)
    with np.errstate(divide="ignore", invalid="ignore"):  # the last deals leave nobody behind
        fit = CumIncidenceRight(days, kind)
    won, lost = fit.cinc[0], fit.cinc[1]
    reach = ndtri(0.5 + level / 2) * fit.cinc_se[0]
    ends = {"won_low": (won - reach).clip(0, 1), "won_high": (won + reach).clip(0, 1)}
    table = pd.DataFrame(
        {"days": fit.times - 1, "won": won, **ends, "lost": lost, "open": 1 - won - lost, "n": len(opened)}
    )
    return table[columns]


@no_rows(needs="twenty stays in a stage")
def stage_times(
    opportunity_history: pd.DataFrame,
    as_of: pd.Timestamp,
    level: float = 0.9,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Days that deals stay in each stage, and where they go from it, of the stays begun in two years.

    Kaplan-Meier median (Kaplan and Meier 1958) with the interval by inverting the sign test of Brookmeyer and Crowley (1982);
    stays that last are censored at `as_of`.

    Returns
    -------
    DataFrame
        One row per stage, the earliest first: `stage`, `median`, `low`, `high` (days; missing where fewer than half end),
        `onward`, `lost` (of the ended stays, ratios), `lasting` (stays not ended), `n` (stays).
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    stays = stage_stays(opportunity_history)
    begin = max(as_of - pd.DateOffset(years=YEARS), begins["opportunity_history"])
    stays = stays[stays["entered_on"] > begin]
    order = stage_order(opportunity_history)
    rows = []
    for stage in order:
        own = stays[stays["stage"] == stage]
        ended = own["left_on"].notna()
        if ended.sum() < FEWEST:
            continue
        days = (own["left_on"].fillna(as_of) - own["entered_on"]).dt.days.clip(lower=0) + 1
        fit = SurvfuncRight(days.to_numpy(float), ended.to_numpy(int))
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = fit.quantile_ci(0.5, alpha=1 - level, method="cloglog")
        lost = own.loc[ended, "next"].eq("lost").mean()
        ends = [fit.quantile(0.5) - 1, low - 1, high - 1]
        rows.append(
            [stage, *[e if np.isfinite(e) else np.nan for e in ends], 1 - lost, lost, int((~ended).sum()), len(own)]
        )
    return pd.DataFrame(rows, columns=["stage", "median", "low", "high", "onward", "lost", "lasting", "n"])
