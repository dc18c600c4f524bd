"""Where does each seller stand in deal size and attainment, once chance, territory and mix are out of it?

The win rate has its own model (`skill.skills`). No basis for decisions on employment.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from quarterdeck.analysis.methods.intervals import discovered, ratio, shrunk_means
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline.stages import named
from quarterdeck.analysis.pipeline.win_loss import YEARS, deals_of_three_years
from quarterdeck.analysis.team.performance import attained_in, bookings
from quarterdeck.analysis.team.skill import CLAIMS, FEWEST_SELLERS, mix_of, ranks
from quarterdeck.data.coverage import EVER, months_of
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows

MEASURES = ["size of a won deal", "attainment"]
FEWEST_WON, FEWEST_QUARTERS, LEARNED = 10, 4, 8
STANDING = [
    "measure", "rep_id", "name", "value", "low", "high", "rank", "rank_low", "rank_high", "place", "n", "months",
]  # fmt: skip


@no_rows("opportunities.amount", needs="three sellers with ten deals won, or with quotas of four whole quarters")
def standing(
    reps: pd.DataFrame,
    period: Period,
    opportunities: pd.DataFrame | None = None,
    quotas: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    level: float = 0.9,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """How far each seller's deal size and attainment lie from those of the others, drawn to them by what is in doubt.

    Size: mean logarithm of the amounts won in three years, less what segment, region, channel and rival of each deal make of
    it (indirect standardisation by least squares). Attainment: bookings (`performance.bookings`) less quota × what the region
    attained in the same quarter, over all quota, of eight quarters, with a ratio's error (Cochran 1977, 6.4), and no less than
    sellers have on the whole. Both are pooled by empirical Bayes (`intervals.shrunk_means`); ranks come
    from draws of them. A seller stands out at a false discovery rate of one in twenty over both measures.

    Returns
    -------
    DataFrame
        One row per measure (of MEASURES) and seller with ten deals won, or four quarters with a quota, the best first: `measure`,
        `rep_id`, `name`, `value`, `low`, `high` (of size relative to the others', ratio; of attainment the difference of ratios; 90
        %), `rank`, `rank_low`, `rank_high` (90 %), `place` ("above", "below" or "like the others"), `n` (deals or quarters),
        `months` (of the three years, that the deals hold); no rows of a measure with fewer than three sellers, or without its data:
        size needs opportunities, attainment quotas.
    """
    parts = [pd.DataFrame(columns=[c for c in STANDING if c != "name"])]
    if opportunities is not None:
        sizes = placed(_sizes(opportunities, period, begins["opportunities"]), level, CLAIMS / len(MEASURES))
        sizes[["value", "low", "high"]] = np.expm1(sizes[["value", "low", "high"]])
        parts.append(sizes.assign(measure=MEASURES[0]))
    if quotas is not None:
        attained = _attainments(quotas, reps, period, orders, opportunities, begins)
        parts.append(placed(attained, level, CLAIMS / len(MEASURES)).assign(measure=MEASURES[1]))
    whole = pd.concat([p for p in parts if len(p)] or parts, ignore_index=True)
    return named(whole.assign(months=months_of(YEARS, period.through, begins["opportunities"])), reps)[STANDING]


def placed(table: pd.DataFrame, level: float = 0.9, rate: float = CLAIMS) -> pd.DataFrame:
    """Estimates of sellers drawn to each other (`intervals.shrunk_means`), with the ends of their ranks and whether they stand out.

    Who stands out does so from the others' mean, and so clearly from zero that the interval beside the name leaves it out.

    Parameters
    ----------
    table : DataFrame
        One row per seller: `rep_id`, `value`, `error` (of it, in its unit; one without is left out), `free` (degrees of freedom
        of the error), `n`.
    rate : float
        False discovery rate at which a seller stands out.

    Returns
    -------
    DataFrame
        One row per seller, the largest first: `rep_id`, `n`, `value`, `low`, `high` (in the unit), `place` ("above", "below" or
        "like the others"), `rank`, `rank_low`, `rank_high`; no rows below three sellers.
    """
    table = table[table["error"] > 0].reset_index(drop=True)
    if len(table) < FEWEST_SELLERS:
        return pd.DataFrame(columns=[c for c in STANDING if c not in ("measure", "name")])
    pooled = shrunk_means(table["value"], table["error"], level)
    apart = (table["value"] - np.average(table["value"], weights=table["error"] ** -2)) / table["error"]
    z = pd.Series(norm.ppf(student.cdf(apart, table["free"]).clip(1e-15, 1 - 1e-15)))
    sides = [(z > 0) & (pooled["low"] > 0), (z < 0) & (pooled["high"] < 0)]
    pooled["place"] = np.select([discovered(z, rate) & s for s in sides], ["above", "below"], "like the others")
    spread = ((pooled["high"] - pooled["low"]) / 2 / norm.ppf(0.5 + level / 2)) ** 2
    pooled[["rank", "rank_low", "rank_high"]] = ranks(pooled["value"].to_numpy(), np.diag(spread), level)
    return table[["rep_id", "n"]].join(pooled).sort_values("value", ascending=False, ignore_index=True)


def rank_width(table: pd.DataFrame) -> float:
    """How many places a rank may lie off, at the median: from `rank_low` to `rank_high` of each row."""
    return float((table["rank_high"] - table["rank_low"]).median())


def _sizes(opportunities: pd.DataFrame, period: Period, begin: pd.Timestamp) -> pd.DataFrame:
    """Give each seller's mean log size of deals won beyond their mix, with its error and `n` (deals)."""
    deals = deals_of_three_years(opportunities, period, begin)
    won = deals[deals["won"] & (deals["amount"] > 0)]
    mix = mix_of(won).to_numpy()
    design, log = np.column_stack([np.ones(len(won)), mix]), np.log(won["amount"].to_numpy(float))
    beyond = pd.Series(log - design @ np.linalg.lstsq(design, log, rcond=None)[0] if len(won) else log)
    table = beyond.groupby(won["rep_id"].to_numpy()).agg(["mean", "std", "size"]).rename_axis("rep_id")
    table = table.set_axis(["value", "error", "n"], axis=1)
    return (
        table.assign(error=table["error"] / np.sqrt(table["n"]), free=table["n"] - 1)
        .query("n >= @FEWEST_WON")
        .reset_index()
    )


def _attainments(
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None,
    opportunities: pd.DataFrame | None,
    begins: Mapping[str, pd.Timestamp],
) -> pd.DataFrame:
    """Give each seller's attainment beyond the region's of the same quarters, with its error and `n` (quarters)."""
    spans = last_quarters(period, LEARNED, begins["orders" if opportunities is None else "opportunities"])
    if not spans:
        return pd.DataFrame(columns=["rep_id", "value", "error", "n", "free"])
    cells = pd.concat([attained_in(span, quotas, bookings(span, orders, opportunities)) for span in spans])
    cells["region"] = looked_up(cells["rep_id"], reps.set_index("rep_id")["region"]).fillna("")
    sums = cells.groupby(["quarter", "region"])[["booked", "quota"]].transform("sum")
    cells["beyond"] = cells["booked"] - cells["quota"] * sums["booked"] / sums["quota"]
    rows = [(rep, *ratio(own["beyond"], own["quota"]), len(own)) for rep, own in cells.groupby("rep_id")]
    table = pd.DataFrame(rows, columns=["rep_id", "value", "error", "n"])
    usual = table.set_index("rep_id")["value"].astype(float).reindex(cells["rep_id"]).to_numpy()
    left = cells["beyond"] / cells["quota"] - usual
    table["free"] = max(len(cells) - len(table), 1)
    least = np.sqrt((left**2).sum() / table["free"] / table["n"])  # who sells almost nothing is no more certain
    table["error"] = np.maximum(table["error"].astype(float), least.astype(float))
    return table[table["n"] >= FEWEST_QUARTERS].reset_index(drop=True)
