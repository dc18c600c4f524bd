"""How do several views of a quarter become one number?

Every view is tried on the same day of past quarters, and counts the more the less wrong it was. How wrong their join was there
is the spread of today's.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.data.periods import Period, last_quarters

VIEWS = ["pace", "growth", "pipeline"]
ORIGINS = ["start", "label", "seen", *VIEWS, "forecast", "actual", "error"]
SHARES = 8  # quarters from which the usual share of a quarter by a day is learnt
FEWEST = 3  # past forecasts below which there is no telling how wrong they are


def origins(sales: pd.Series, period: Period, deals: pd.Series | None = None, later: int = 0) -> pd.DataFrame:
    """Forecast each past quarter from the same day of it, or of the one `later` quarters before, by what was known then.

    *Pace*: sales so far over the share of a quarter that is usually in by this day. *Growth*: the same quarter of the year before
    times the growth since. *Pipeline*: what the deals tell (`from_deals.expected`). They are joined in logarithms, each by the
    inverse of its mean squared error before (Bates and Granger 1969, Operational Research Quarterly 20, 451); a view that has been
    tried less than three times is left out where others have been.

    Parameters
    ----------
    sales : Series
        As `forecast.daily` gives it, nothing after `period.through`.
    deals : Series, optional
        As `from_deals.expected` gives it, for the same `later`.
    later : int
        Quarters between the one told from and the one told of, three at most; nought for the same.

    Returns
    -------
    DataFrame
        One row per quarter that could be forecast, oldest first, the one told of today last: `start`, `label`, `seen`, `pace`,
        `growth`, `pipeline`, `forecast`, `actual` (money; a view is missing where it has no ground, `actual` where the quarter has
        not ended), `error` (log of actual over forecast; missing where one of them is not above nought).
    """
    seen, final, spans = _by_quarter(sales, period, later)
    told = [_views(seen, final, q, later) for q in range(len(spans) - later)]
    starts = [span.start for span in spans[later:]]
    frame = pd.DataFrame(told, columns=VIEWS[:2]).set_axis(starts)
    frame["pipeline"] = np.nan if deals is None else deals.reindex(starts)
    frame = frame.where(frame > 0).assign(actual=final[later:], seen=seen[later:] if not later else 0.0)
    frame["forecast"] = [_joined(frame, k, later) for k in range(len(frame))]
    frame["error"] = np.log(frame["actual"].where(frame["actual"] > 0) / frame["forecast"])
    frame["label"] = [f"Q{day.quarter} {day:%y}" for day in frame.index]
    return frame.rename_axis("start").reset_index().dropna(subset="forecast", ignore_index=True)[ORIGINS]


def wape(origins: pd.DataFrame) -> float:
    """Weighted absolute percentage error of past forecasts: Σ |actual − forecast| ÷ Σ actual.

    >>> wape(pd.DataFrame({"actual": [100.0, 300.0], "forecast": [110.0, 270.0]}))
    0.1
    """
    known = origins.dropna(subset=["actual", "forecast"])
    return float((known["actual"] - known["forecast"]).abs().sum() / known["actual"].sum()) if len(known) else np.nan


def quantiles(origins: pd.DataFrame, chances: Sequence[float], middle: float | None = None) -> np.ndarray:
    """Quantiles of the quarter to come, around its forecast or another `middle` (money); none with too few past forecasts."""
    errors = origins["error"].dropna()
    if len(errors) < FEWEST or pd.notna(origins["actual"].iloc[-1]):
        return np.array([])
    return (middle or origins["forecast"].iloc[-1]) * np.exp(t.ppf(chances, len(errors)) * _scale(errors))


def chance(origins: pd.DataFrame, target: float) -> float:
    """The chance that the quarter to come reaches a target (money); missing where there is none."""
    errors = origins["error"].dropna()
    scale = _scale(errors)
    ahead = np.log(target / origins["forecast"].iloc[-1]) if target > 0 else np.nan
    return float(t.sf(ahead / scale, len(errors))) if scale > 0 else np.nan


def weights(frame: pd.DataFrame, k: int = -1, later: int = 0) -> pd.Series:
    """How much each view of row `k` of `origins` counts, by the quarters that had ended on the day it was told.

    Returns
    -------
    Series
        Weight by view, adding up to one; empty where there is no view.
    """
    k %= len(frame)
    there = [view for view in VIEWS if pd.notna(frame[view].iloc[k])]
    ended = frame.iloc[: max(k - later, 0)]
    ended = ended[ended["actual"] > 0]
    tried = [view for view in there if ended[view].count() >= FEWEST]
    known = ended.dropna(subset=tried)
    if len(known) < FEWEST or not tried:
        return pd.Series(1 / max(len(there), 1), index=there)
    squares = np.log(known[tried].div(known["actual"], axis=0)).pow(2).mean() + 1e-6
    return (1 / squares) / (1 / squares).sum()


def _scale(errors: pd.Series) -> float:
    return float(np.sqrt((errors**2).mean() * (1 + 1 / len(errors))))


def _by_quarter(sales: pd.Series, period: Period, later: int) -> tuple[np.ndarray, np.ndarray, list[Period]]:
    """Give sales up to the day of each quarter, sales of the whole quarter (missing from the open one on), the quarters."""
    first = sales.index.min() if len(sales) else period.start
    count = max((period.start.year - first.year) * 4 + period.start.quarter - first.quarter, 0)
    spans = [*last_quarters(period.start, count), period]
    if count and first > spans[0].start + pd.Timedelta(days=7):
        spans = spans[1:]  # a quarter of which the beginning is missing
    elapsed = period.through - period.start
    seen = [sales[(sales.index >= s.start) & (sales.index <= min(s.start + elapsed, s.end))].sum() for s in spans]
    final = [sales[(sales.index >= s.start) & (sales.index <= s.end)].sum() for s in spans[:-1]]
    shifts = [pd.DateOffset(months=3 * k) for k in range(1, later + 1)]
    spans += [Period(period.start + s, period.start + s + pd.offsets.QuarterEnd(0), period.through) for s in shifts]
    return np.array(seen, dtype=float), np.array([*final, np.nan, *[np.nan] * later], dtype=float), spans


def _views(seen: np.ndarray, final: np.ndarray, q: int, later: int) -> tuple[float, float]:
    """Give pace and growth from what was known on the day of quarter `q`; nought where a view has no ground."""
    before = slice(max(q - SHARES, 0), q)
    whole = final[before].sum()
    share = seen[before].sum() / whole if whole > 0 and not later else 0.0
    pace = seen[q] / share if q >= 4 and share > 0 else 0.0
    growth = final[q + later - 4] if q >= 4 else 0.0
    if q >= 8 and final[q - 8 : q - 4].sum() > 0:
        growth *= final[q - 4 : q].sum() / final[q - 8 : q - 4].sum()
    return pace, growth


def _joined(frame: pd.DataFrame, k: int, later: int) -> float:
    """Join the views of row `k`; missing where there is none."""
    weight = weights(frame, k, later)
    return float(np.exp(weight @ np.log(frame.iloc[k][weight.index].astype(float)))) if len(weight) else np.nan
