"""How do several views of a quarter become one number?

Every view is tried on the same day of past quarters, and counts the more the less wrong it was. How wrong their join was there
is the spread of today's.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.methods import peaks
from quarterdeck.data.coverage import whole_since
from quarterdeck.data.periods import Period, last_quarters

VIEWS = ["pace", "growth", "pipeline"]
ORIGINS = ["start", "label", "seen", *VIEWS, "forecast", "actual", "error"]
YEAR = 4  # quarters
SHARES = 8  # quarters from which the usual share of a quarter by a day is learned
FEWEST = 3  # past forecasts below which there is no telling how wrong they are


def origins(
    sales: pd.Series,
    period: Period,
    deals: pd.Series | None = None,
    later: int = 0,
    begin: pd.Timestamp = pd.Timestamp.min,
) -> pd.DataFrame:
    """Forecast each past quarter from the same day of it, or of the one `later` quarters before, by what was known then.

    *Pace*: sales so far over the share of a quarter that is usually in by this day. *Growth*: the same quarter of the year before
    times the growth since. *Pipeline*: what the deals tell (`from_deals.expected`). They are joined in logarithms, each by the
    inverse of its mean squared error before (Bates and Granger 1969, Operational Research Quarterly 20, 451); a view that has been
    tried less than three times is left out where others have been.

    Parameters
    ----------
    sales : Series
        As `by_period.daily` gives it, nothing after `period.through`.
    deals : Series, optional
        As `from_deals.expected` gives it, for the same `later`.
    later : int
        Quarters between the one forecast from and the one forecast, three at most; zero for the same.
    begin : Timestamp, optional
        The day from which sales are whole; by their first one where it is not known.

    Returns
    -------
    DataFrame
        One row per quarter that could be forecast, oldest first, the one forecast today last: `start`, `label`, `seen`, `pace`,
        `growth`, `pipeline`, `forecast`, `actual` (money; a view is missing where it has no ground, `actual` where the quarter has
        not ended), `error` (log of actual over forecast; missing where one of them is not above zero, or the quarter was a
        single peak or dip, which the views replace by the usual figure: `peaks.single`).
    """
    seen, final, spans = _by_quarter(sales, period, later, begin)
    starts, long = [span.start for span in spans[later:]], _lengths(spans)
    views = [_views(seen / long[: len(seen)], final / long, q, later) for q in range(len(spans) - later)]
    frame = pd.DataFrame(views, columns=VIEWS[:2]).set_axis(starts).mul(long[later:], axis=0)
    frame["pipeline"] = np.nan if deals is None else deals.reindex(starts)
    frame = frame.where(frame > 0).assign(actual=final[later:], seen=seen[later:] if not later else 0.0)
    usual = frame.assign(actual=frame["actual"].mask(_single(final / long)[later:]))
    columns = usual[VIEWS].to_numpy(dtype=float), usual["actual"].to_numpy(dtype=float)
    frame["forecast"] = [_joined(*columns, k, later) for k in range(len(frame))]
    frame["error"] = np.log(usual["actual"].where(usual["actual"] > 0) / frame["forecast"])
    frame["label"] = period.calendar.labels(frame.index)
    return frame.rename_axis("start").reset_index().dropna(subset="forecast", ignore_index=True)[ORIGINS]


def wape(origins: pd.DataFrame) -> float:
    """Weighted absolute percentage error of past forecasts: Σ |actual − forecast| ÷ Σ actual.

    Parameters
    ----------
    origins : DataFrame
        Any rows with `actual` and `forecast` (money), such as `origins` gives; rows that lack one are left out.

    Returns
    -------
    float
        Ratio; missing where no row has both.

    >>> wape(pd.DataFrame({"actual": [100.0, 300.0], "forecast": [110.0, 270.0]}))
    0.1
    """
    known = origins.dropna(subset=["actual", "forecast"])
    return float((known["actual"] - known["forecast"]).abs().sum() / known["actual"].sum()) if len(known) else np.nan


def quantiles(origins: pd.DataFrame, chances: Sequence[float], middle: float | None = None) -> np.ndarray:
    """Quantiles of the quarter to come: its forecast times those of past errors (Student t on the logarithm).

    Parameters
    ----------
    origins : DataFrame
        As `origins` gives it; the last row is the quarter to come.
    chances : sequence of float
        Which quantiles to give, between zero and one.
    middle : float, optional
        Another median than the forecast (money).

    Returns
    -------
    ndarray
        Money, one per chance; empty with fewer than FEWEST past errors, or where the quarter has ended.
    """
    errors = origins["error"].dropna()
    if len(errors) < FEWEST or pd.notna(origins["actual"].iloc[-1]):
        return np.array([])
    return (middle or origins["forecast"].iloc[-1]) * np.exp(t.ppf(chances, len(errors)) * _scale(errors))


def chance(origins: pd.DataFrame, target: float) -> float:
    """The chance that the quarter to come reaches a target, by the same distribution as `quantiles`.

    Parameters
    ----------
    origins : DataFrame
        As `origins` gives it; the last row is the quarter to come.
    target : float
        Money.

    Returns
    -------
    float
        Ratio; missing without a target above zero, or where past errors have no spread.
    """
    errors = origins["error"].dropna()
    scale = _scale(errors)
    ahead = np.log(target / origins["forecast"].iloc[-1]) if target > 0 else np.nan
    return float(t.sf(ahead / scale, len(errors))) if scale > 0 else np.nan


def weights(frame: pd.DataFrame, k: int = -1, later: int = 0) -> pd.Series:
    """How much each view of row `k` of `origins` counts, by the quarters that had ended on the day of the forecast.

    Returns
    -------
    Series
        Weight by view, adding up to one; empty where there is no view.
    """
    actual = frame["actual"].where(frame["error"].notna()) if "error" in frame else frame["actual"]
    columns = frame[VIEWS].to_numpy(dtype=float), actual.to_numpy(dtype=float)
    counted, weight = _weights(*columns, k % len(frame), later)
    return pd.Series(weight, index=[VIEWS[view] for view in counted])


def _weights(views: np.ndarray, actual: np.ndarray, k: int, later: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the numbers of the views (a column each) that count in row `k`, and their weights; see `weights`."""
    there = np.flatnonzero(~np.isnan(views[k]))
    before = max(k - later, 0)
    ended = actual[:before] > 0
    views, actual = views[:before][ended], actual[:before][ended]
    tried = there[(~np.isnan(views[:, there])).sum(axis=0) >= FEWEST]
    known = ~np.isnan(views[:, tried]).any(axis=1)
    if known.sum() < FEWEST or not len(tried):
        return there, np.full(len(there), 1 / max(len(there), 1))
    squares = (np.log(views[known][:, tried].T / actual[known]) ** 2).mean(axis=1) + 1e-6
    return tried, (1 / squares) / (1 / squares).sum()


def _scale(errors: pd.Series) -> float:
    return float(np.sqrt((errors**2).mean() * (1 + 1 / len(errors))))


def _by_quarter(
    sales: pd.Series, period: Period, later: int, begin: pd.Timestamp
) -> tuple[np.ndarray, np.ndarray, list[Period]]:
    """Give sales up to the day of each quarter, sales of the whole quarter (missing from the open one on), the quarters."""
    first = whole_since(begin, sales.index.min(), period.calendar) if len(sales) else period.start
    count = max(period.calendar.place(period.start) - period.calendar.place(first), 0)
    spans = [*last_quarters(period, count), period]
    seen = [sales[(sales.index >= s.start) & (sales.index <= period.same_day(s))].sum() for s in spans]
    final = [sales[(sales.index >= s.start) & (sales.index <= s.end)].sum() for s in spans[:-1]]
    spans += [period.shifted(k).seen(period.through) for k in range(1, later + 1)]
    return np.array(seen, dtype=float), np.array([*final, np.nan, *[np.nan] * later], dtype=float), spans


def _lengths(spans: list[Period]) -> np.ndarray:
    """Give how long each quarter is: in thirteen weeks, where quarters are of weeks; else all are taken to be alike."""
    if spans[0].calendar.by_months:
        return np.ones(len(spans))
    return np.array([(span.end - span.start).days + 1 for span in spans]) / 91


def _single(final: np.ndarray) -> np.ndarray:
    """Tell which quarters that have ended were single peaks or dips."""
    ended = np.isfinite(final)
    found = np.zeros(len(final), dtype=bool)
    found[ended] = np.isfinite(peaks.usual_at(final[ended], YEAR))
    return found


def _views(seen: np.ndarray, final: np.ndarray, q: int, later: int) -> tuple[float, float]:
    """Give pace and growth from what was known on the day of quarter `q`; zero where a view has no ground."""
    usual = peaks.usual_at(final[:q], YEAR)
    like = np.flatnonzero(np.isnan(usual))  # as others are: no single peak or dip
    before = like[like >= q - SHARES]
    whole = final[before].sum()
    share = seen[before].sum() / whole if whole > 0 and not later else 0.0
    final = np.where(np.isnan(usual), final[:q], usual)
    pace = seen[q] / share if q >= 4 and share > 0 else 0.0
    growth = final[q + later - 4] if q >= 4 else 0.0
    if q >= 8 and final[q - 8 : q - 4].sum() > 0:
        growth *= final[q - 4 : q].sum() / final[q - 8 : q - 4].sum()
    return pace, growth


def _joined(views: np.ndarray, actual: np.ndarray, k: int, later: int) -> float:
    """Join the views of row `k`; missing where there is none."""
    counted, weight = _weights(views, actual, k, later)
    return float(np.exp(weight @ np.log(views[k, counted]))) if len(counted) else np.nan
