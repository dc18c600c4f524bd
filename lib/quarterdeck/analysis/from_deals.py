"""What do the deals, as they stood on the same day of past quarters, say of a quarter's revenue?

The pipeline's half of the one number (`forecast.origins` joins it to pace and growth, `outlook.by_quarter` to the series).
"""

import numpy as np
import pandas as pd

from quarterdeck.data.periods import Period, last_quarters

TRAINED = 8  # past quarters that rates are learnt from
FEWEST = 4  # below which nothing is said
RATIO = 4  # quarters from which revenue per booking is taken: a whole year, so that the season cancels


def expected(
    sales: pd.Series,
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    later: int = 0,
) -> pd.Series:
    """The revenue that the pipeline told of each quarter on the day of it that `period.through` is, or of the one `later` after.

    Booked so far + Σ over stages of open amount × the share of it that was won in that quarter when as many days were left, in the
    eight quarters before + what came of other deals then, on average; all of it × revenue per booking in the last four quarters.
    Nothing is learnt from a quarter that had not ended by the first day of the one that is told from.

    Parameters
    ----------
    sales : Series
        As `forecast.daily` gives it.
    later : int
        Quarters between the one told from and the one told of; nought for the same.

    Returns
    -------
    Series
        Money by the first day of the quarter that is told of, oldest first, the latest from `period`; only quarters that something
        can be told of.
    """
    first = opportunity_history["changed_on"].min()
    count = 0 if pd.isna(first) else (period.start.year - first.year) * 4 + period.start.quarter - first.quarter
    spans = [*last_quarters(period.start, max(count, 0)), period]
    won = _won(opportunities)
    seen = _seen(won, opportunity_history, spans, period.through - period.start, later)
    booked = _by_quarter(won.set_index("closed_on")["amount"], spans)
    sold = _by_quarter(sales, spans)
    whole = sold.index >= sales.index.min() - pd.Timedelta(days=7)  # not a quarter of which the beginning is missing
    ratios = sold.where(whole).rolling(RATIO).sum() / booked.rolling(RATIO).sum()
    told = {}
    for q, span in enumerate(spans):
        known = list(range(max(q - later - TRAINED, 0), max(q - later, 0)))  # their target quarters had ended
        if len(known) >= FEWEST and np.isfinite(ratio := ratios.iloc[q - 1]):
            told[span.start + pd.DateOffset(months=3 * later)] = _told(seen, q, known) * ratio
    return pd.Series(told, dtype="float64")


def _won(opportunities: pd.DataFrame) -> pd.DataFrame:
    won = opportunities[opportunities["status"].eq("won")]
    return won[["opportunity_id", "closed_on", "amount"]]


def _by_quarter(amounts: pd.Series, spans: list[Period]) -> pd.Series:
    starts = [span.start for span in spans]
    return amounts.groupby(amounts.index.to_period("Q").start_time).sum().reindex(starts, fill_value=0.0)


def _seen(
    won: pd.DataFrame, history: pd.DataFrame, spans: list[Period], elapsed: pd.Timedelta, later: int
) -> list[dict]:
    """Give for each quarter's day what was booked, what was open by stage, and what of it and besides it was won in the target."""
    history = history.sort_values(["opportunity_id", "changed_on"], kind="stable")
    states = history.assign(
        until=history.groupby("opportunity_id")["changed_on"].shift(-1),
        won_on=won.set_index("opportunity_id")["closed_on"].reindex(history["opportunity_id"]).to_numpy(),
    ).query("status == 'open'")
    rows = []
    for span in spans:
        day = min(span.start + elapsed, span.end)
        start = span.start + pd.DateOffset(months=3 * later)
        end = start + pd.offsets.QuarterEnd(0)
        standing = states[(states["changed_on"] <= day) & ~(states["until"] <= day)]
        within = standing["won_on"].between(max(day + pd.Timedelta(days=1), start), end)
        by_stage = standing.assign(won=standing["amount"].where(within, 0.0)).groupby("stage")[["amount", "won"]].sum()
        booked = won.loc[won["closed_on"].between(start, min(day, end)), "amount"].sum()
        all_won = won.loc[won["closed_on"].between(start, end), "amount"].sum()
        rows.append({"booked": booked, "open": by_stage, "besides": all_won - booked - by_stage["won"].sum()})
    return rows


def _told(seen: list[dict], q: int, known: list[int]) -> float:
    """Give the bookings that are told of on the day of quarter `q`."""
    past = pd.concat([seen[k]["open"] for k in known]).groupby(level=0).sum()
    rate = past["won"] / past["amount"].where(past["amount"] > 0)
    standing = (seen[q]["open"]["amount"] * rate).sum()  # a stage never seen before adds nothing
    return float(seen[q]["booked"] + standing + np.mean([seen[k]["besides"] for k in known]))
