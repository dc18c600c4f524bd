"""What do the deals, as they stood on the same day of past quarters, say of a quarter's revenue?

The pipeline's half of the one number (`quarter_end.origins` joins it to pace and growth, `months_ahead.by_quarter` to the series).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from quarterdeck.data.coverage import EVER, whole_since
from quarterdeck.data.periods import Period, last_quarters

TRAINED = 8  # past quarters that rates are learned from
FEWEST = 4  # below which nothing is said
RATIO = 4  # quarters from which revenue per booking is taken: a whole year, so that the season cancels


def expected(
    sales: pd.Series,
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    later: int = 0,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.Series:
    """The revenue that the pipeline forecast for each quarter on its day like `period.through`, or for the one `later` after.

    Booked so far + Σ over stages of open amount × the share of it that was won in that quarter when as many days were left, in the
    eight quarters before + what other deals brought then, on average; all of it × revenue per booking in the last four quarters.
    Nothing is learned from a quarter that had not ended by the first day of the one that is forecast from.

    Parameters
    ----------
    sales : Series
        As `by_period.daily` gives it.
    later : int
        Quarters between the one forecast from and the one forecast; zero for the same.

    Returns
    -------
    Series
        Money by the first day of the quarter that is forecast, oldest first, the latest from `period`; only quarters with
        a forecast.
    """
    first = opportunity_history["changed_on"].min()
    count = 0 if pd.isna(first) else period.calendar.place(period.start) - period.calendar.place(first)
    since = max(begins["opportunities"], begins["opportunity_history"])
    spans = [*last_quarters(period, max(count, 0), since), period]
    won = _won(opportunities)
    seen = _seen(won, opportunity_history, spans, period, later)
    booked = _by_quarter(won.set_index("closed_on")["amount"], spans)
    sold = _by_quarter(sales, spans)
    whole = sold.index >= whole_since(begins["orders"], sales.index.min(), period.calendar)
    ratios = sold.where(whole).rolling(RATIO).sum() / booked.rolling(RATIO).sum()
    forecasts = {}
    for q, span in enumerate(spans):
        known = list(range(max(q - later - TRAINED, 0), max(q - later, 0)))  # their target quarters had ended
        if len(known) >= FEWEST and np.isfinite(ratio := ratios.iloc[q - 1]):
            forecasts[span.shifted(later).start] = _forecast(seen, q, known) * ratio
    return pd.Series(forecasts, dtype="float64")


def _won(opportunities: pd.DataFrame) -> pd.DataFrame:
    won = opportunities[opportunities["status"].eq("won")]
    return won[["opportunity_id", "closed_on", "amount"]]


def _by_quarter(amounts: pd.Series, spans: list[Period]) -> pd.Series:
    starts = [span.start for span in spans]
    return amounts.groupby(spans[0].calendar.start(amounts.index)).sum().reindex(starts, fill_value=0.0)


class Seen(NamedTuple):
    """What was known on each quarter's day, a row a quarter: money, where a column of two-dimensional ones is a stage."""

    booked: np.ndarray
    standing: np.ndarray  # open deals
    won: np.ndarray  # of what stood open, in the target quarter
    others: np.ndarray  # what other deals brought then


def _seen(won: pd.DataFrame, history: pd.DataFrame, spans: list[Period], period: Period, later: int) -> Seen:
    """Give for each quarter's day what was booked and open by stage, what of it the target quarter won, and what else it won."""
    history = history.sort_values(["opportunity_id", "changed_on"], kind="stable")
    until = history.groupby("opportunity_id")["changed_on"].shift(-1)
    won_on = won.set_index("opportunity_id")["closed_on"].reindex(history["opportunity_id"]).to_numpy()
    held = history["status"].eq("open").to_numpy()
    changed, until, won_on = (days[held] for days in (history["changed_on"].to_numpy(), until.to_numpy(), won_on))
    stage, stages = pd.factorize(history["stage"].to_numpy()[held], sort=True)
    amount, count = history["amount"].fillna(0.0).to_numpy()[held], len(stages)
    closed_on, sums = won["closed_on"].to_numpy(), won["amount"].fillna(0.0).to_numpy()
    rows = []
    for span in spans:
        day = period.same_day(span)
        start, end = span.shifted(later).start, span.shifted(later).end
        standing = (changed <= day.to_datetime64()) & ~(until <= day.to_datetime64()) & (stage >= 0)
        within = standing & _between(won_on, max(day + pd.Timedelta(days=1), start), end)
        standing, brought = (np.bincount(stage[those], amount[those], count) for those in (standing, within))
        booked = sums[_between(closed_on, start, min(day, end))].sum()
        others = sums[_between(closed_on, start, end)].sum() - booked - brought.sum()
        rows.append((booked, standing, brought, others))
    return Seen(*map(np.array, zip(*rows, strict=True)))


def _between(days: np.ndarray, first: pd.Timestamp, last: pd.Timestamp) -> np.ndarray:
    """Tell which days lie from the first to the last; a missing one does not."""
    return (days >= first.to_datetime64()) & (days <= last.to_datetime64())


def _forecast(seen: Seen, q: int, known: list[int]) -> float:
    """Give the bookings that are forecast on the day of quarter `q`."""
    past = seen.standing[known].sum(axis=0)
    rate = np.divide(seen.won[known].sum(axis=0), past, out=np.zeros_like(past), where=past > 0)
    standing = (seen.standing[q] * rate).sum()  # a stage never seen before adds nothing
    return float(seen.booked[q] + standing + np.mean(seen.others[known]))
