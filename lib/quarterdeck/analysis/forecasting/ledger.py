"""How accurate were the published forecasts, and were they better than a plain guess?

A run keeps what it forecast; once the span of a forecast has ended, later runs hold it against what came.
"""

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.methods.intervals import wilson
from quarterdeck.analysis.sales.by_period import daily
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows
from quarterdeck.errors import refuse_unknown

FORECASTS = ["metric", "period_start", "period_end", "p10", "p50", "p90"]
QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
LEADS = {"up to 4 weeks": 4, "4 to 8 weeks": 8, "8 to 13 weeks": 13, "more than 13 weeks": np.inf}
EVERY = "all"
FEWEST = 3  # spans below which no interval is given
SCORED = [
    *FORECASTS[:3], "made_on", "weeks_left", "p10", "p50", "p90", "naive", "actual", "scale", "afterwards", "label",
]  # fmt: skip
SCORES = [
    "metric", "lead", "n", "spans", "wape", "naive_wape", "added", "added_low", "added_high", "mase", "bias", "crps",
    "coverage", "low", "high", "afterwards",
]  # fmt: skip


@no_rows(needs="a forecast")
def open_quarter(
    period: Period, landing: pd.DataFrame, ahead: pd.DataFrame | None = None, orders: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What the page forecasts of the open quarter, as forecasts that the ledger can keep.

    Parameters
    ----------
    landing, ahead : DataFrame
        As `quarter_end.landing` and `win_chances.bookings_ahead` give them; commit, best case and pipeline are the three quantiles.

    Returns
    -------
    DataFrame
        One row per metric: `metric` ("revenue", "bookings"), `period_start`, `period_end`, `p10`, `p50`, `p90` (money).
    """
    rows = [{"metric": "bookings" if orders is None else "revenue", **landing[["p10", "p50", "p90"]].iloc[0]}]
    if ahead is not None and len(ahead):
        row = ahead.iloc[0]
        rows.append({"metric": "bookings", "p10": row["commit"], "p50": row["best"], "p90": row["pipeline"]})
    table = pd.DataFrame(rows, columns=["metric", "p10", "p50", "p90"]).dropna().drop_duplicates("metric")
    return table.assign(period_start=period.start, period_end=period.end)[FORECASTS].reset_index(drop=True)


@no_rows(needs="a forecast")
def of_quarters(
    quarters: pd.DataFrame, metric: str, orders: pd.DataFrame | None = None, calendar: Calendar = GREGORIAN
) -> pd.DataFrame:
    """Forecasts of whole quarters, as the ledger can keep them; without orders, what is sold is bookings.

    Parameters
    ----------
    quarters : DataFrame
        One row per quarter: `start`, `p10`, `p50`, `p90` (money), as `scenarios.scenario` gives them at rest, or
        `months_ahead.by_quarter`.

    Returns
    -------
    DataFrame
        The rows that have all three, with `metric`, `period_start`, `period_end`, `p10`, `p50`, `p90` (money).

    Raises
    ------
    ValueError
        Where `metric` is another word.
    """
    refuse_unknown("metric", metric, ("revenue", "bookings"))
    metric = "bookings" if orders is None else metric
    forecasts = quarters.dropna(subset=list(QUANTILES)).rename(columns={"start": "period_start"})
    return forecasts.assign(metric=metric, period_end=calendar.end(forecasts["period_start"]))[FORECASTS]


@no_rows(needs="a forecast")
def published(
    forecasts: pd.DataFrame,
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    later: pd.DataFrame | None = None,
    sold: pd.DataFrame | None = None,
    calendar: Calendar = GREGORIAN,
) -> pd.DataFrame:
    """Forecasts as the ledger keeps them: those whose span has not ended, each beside a plain guess made on the same day.

    The plain guess is the seasonal naive one: what the same span of the year before brought (the year before that, where
    this has not ended by `as_of` either).

    Parameters
    ----------
    forecasts, later, sold : DataFrame
        `metric` ("revenue" or "bookings"), `period_start`, `period_end`, `p10`, `p50`, `p90` (money); of a span that two
        forecast, the first is kept.

    Returns
    -------
    DataFrame
        The same rows and columns with `naive` (money; missing where there is no such year).
    """
    frames = [frame for frame in (forecasts, later, sold) if frame is not None and len(frame)]
    known = pd.concat(frames).drop_duplicates(FORECASTS[:3]) if frames else forecasts
    still = known[known["period_end"] > as_of].reset_index(drop=True)
    sums = {m: _running(m, orders, opportunities) for m in still["metric"].unique()}
    guesses = [
        _guess(sums[f.metric], Period(f.period_start, f.period_end, f.period_end, calendar), as_of)
        for f in still.itertuples()
    ]
    return still[FORECASTS].assign(naive=np.array(guesses, dtype=float))


@no_rows(needs="a forecast of an earlier run whose span has ended")
def scored(
    forecast_ledger: pd.DataFrame,
    as_of: pd.Timestamp,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    calendar: Calendar = GREGORIAN,
) -> pd.DataFrame:
    """Each published forecast whose span has ended, beside the actual.

    Returns
    -------
    DataFrame
        One row per forecast, oldest span first, then by the day it was made: `metric`, `period_start`, `period_end`,
        `made_on`, `weeks_left`, `p10`, `p50`, `p90`, `naive`, `actual` (money), `scale` (money: mean absolute error of the
        plain guess in the spans that had ended by `made_on`, for MASE), `afterwards` (bool: computed when the span had
        already ended, from the tables cut back to `made_on`), `label` (of the span).
    """
    due = forecast_ledger[forecast_ledger["period_end"] <= as_of]
    sums = {m: _running(m, orders, opportunities) for m in due["metric"].unique()}
    due = due[due["metric"].map({m: len(s) > 0 for m, s in sums.items()}).astype(bool)]
    ends = zip(due["period_start"], due["period_end"], strict=True)
    spans = list(zip(due["metric"], [Period(s, e, e, calendar) for s, e in ends], due["made_on"], strict=True))
    table = due.assign(
        actual=np.array([_sum(sums[m], span.start, span.end) for m, span, _ in spans], dtype=float),
        scale=np.array([_scale(sums[m], span, made) for m, span, made in spans], dtype=float),
        label=[span.label for _, span, _ in spans],
        weeks_left=(due["period_end"] - due["made_on"]).dt.days / 7,
        afterwards=due["created_at"].dt.normalize() > due["period_end"],
    )
    return table.sort_values(["metric", "period_end", "period_start", "made_on"], ignore_index=True)[SCORED]


@no_rows(needs="a forecast of an earlier run whose span has ended")
def scores(scored: pd.DataFrame) -> pd.DataFrame:
    """How wrong the forecasts were, in all and by how early they were made, with a plain guess as the yardstick.

    WAPE = Σ |actual − middle| ÷ Σ actual; value added = the plain guess's WAPE − the forecast's (Gilliland 2010, The Business
    Forecasting Deal), its interval over spans (a ratio's, Student t 90 %), for forecasts of one span go wrong together; MASE
    = mean of |actual − middle| ÷ scale (Hyndman and Koehler 2006); bias = Σ (middle − actual) ÷ Σ actual; CRPS = twice the
    mean pinball loss of the three quantiles ÷ mean actual (Gneiting and Raftery 2007: for a single number it is the
    absolute error); coverage = share of outcomes within p10 to p90, its interval as if each span were one forecast
    (Wilson 90 %).

    Returns
    -------
    DataFrame
        One row per metric for `lead` "all", and one per lead where there are several: `metric`, `lead`, `n` (forecasts), `spans`,
        `wape`, `naive_wape`, `added`, `added_low`, `added_high` (ratios; ends missing below three spans), `mase`, `bias`, `crps`,
        `coverage`, `low`, `high` (ratios), `afterwards` (count).
    """
    lead = pd.cut(scored["weeks_left"], [-np.inf, *LEADS.values()], labels=list(LEADS))
    rows = []
    for metric, own in scored.groupby("metric", sort=False):
        parts = [(EVERY, own), *own.groupby(lead, observed=True)]
        parts = parts[:1] if len(parts) == 2 else parts
        rows += [{"metric": metric, "lead": str(name)} | _score(part) for name, part in parts]
    return pd.DataFrame(rows, columns=SCORES)


def _score(due: pd.DataFrame) -> dict[str, float]:
    actual, miss = due["actual"], (due["p50"] - due["actual"]).abs()
    guessed = due[due["naive"].notna()]
    worse = (guessed["naive"] - guessed["actual"]).abs() - miss[guessed.index]
    inside = due["actual"].between(due["p10"], due["p90"])
    spans = due["period_end"].nunique()
    low, high = wilson(pd.Series([inside.mean() * spans]), pd.Series([spans]))
    whole = actual.sum() if actual.sum() > 0 else np.nan
    added = dict(zip(("added", "added_low", "added_high"), _ratio(worse, guessed), strict=True))
    return added | {
        "n": len(due),
        "spans": spans,
        "wape": miss.sum() / whole,
        "naive_wape": added["added"] + miss[guessed.index].sum() / (guessed["actual"].sum() or np.nan),
        "mase": (miss / due["scale"]).mean(),
        "bias": (due["p50"] - actual).sum() / whole,
        "crps": 2 * np.mean([_pinball(due[c], actual, q).mean() for c, q in QUANTILES.items()]) * len(due) / whole,
        "coverage": inside.mean(),
        "low": low.iloc[0],
        "high": high.iloc[0],
        "afterwards": int(due["afterwards"].sum()),
    }


def _ratio(part: pd.Series, due: pd.DataFrame) -> tuple[float, float, float]:
    """Give Σ part ÷ Σ actual with its 90 % interval over spans; ends are missing below three of them."""
    each = pd.DataFrame({"part": part, "actual": due["actual"]}).groupby(due["period_end"]).sum()
    whole, n = each["actual"].sum(), len(each)
    if not whole > 0:
        return np.nan, np.nan, np.nan
    middle = each["part"].sum() / whole
    if n < FEWEST:
        return middle, np.nan, np.nan
    left = each["part"] - middle * each["actual"]
    reach = t.ppf(0.95, n - 1) * np.sqrt(n / (n - 1) * (left**2).sum()) / whole
    return middle, middle - reach, middle + reach


def _pinball(forecast: pd.Series, actual: pd.Series, quantile: float) -> pd.Series:
    off = actual - forecast
    return np.maximum(quantile * off, (quantile - 1) * off)


def _running(metric: str, orders: pd.DataFrame | None, opportunities: pd.DataFrame | None) -> pd.Series:
    """Give the running sum of a metric by day."""
    return daily(*((orders, None) if metric == "revenue" else (None, opportunities))).sort_index().cumsum()


def _sum(running: pd.Series, start: pd.Timestamp, end: pd.Timestamp) -> float:
    """Give the sum over a span; missing where it begins more than a week before the first day that had any."""
    if running.empty or start < running.index[0] - pd.Timedelta(days=7):
        return np.nan
    values = np.r_[0.0, running.to_numpy()]
    before, through = running.index.searchsorted([start, end + pd.Timedelta(days=1)])
    return float(values[through] - values[before])


def _guess(running: pd.Series, span: Period, by: pd.Timestamp) -> float:
    """Give what the same span of the newest year that had ended by a day brought."""
    before = next(then for k in range(1, 100) if (then := span.before(k)).end <= by)
    return _sum(running, before.start, before.end)


def _scale(running: pd.Series, span: Period, by: pd.Timestamp) -> float:
    """Give the plain guess's mean absolute error over the spans of as many months that had ended by a day."""
    calendar, first, misses = span.calendar, running.index[0], []
    after = span.end + pd.Timedelta(days=1)
    months = max(calendar.place(after, "month") - calendar.place(span.start, "month"), 1)
    for k in range(months, 12 * 30, months):
        last = calendar.shifted(after, -k, "month") - pd.Timedelta(days=1)
        past = Period(calendar.shifted(span.start, -k, "month"), last, last, calendar)
        if past.before().start < first - pd.Timedelta(days=7):
            break
        if last <= by:
            misses.append(abs(_sum(running, past.start, last) - _guess(running, past, past.start)))
    return float(np.mean(misses)) or np.nan if misses else np.nan
