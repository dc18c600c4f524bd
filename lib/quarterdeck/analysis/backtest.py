"""Which model would have forecast our months best, and what does it say of the next ones?"""

import numpy as np
import pandas as pd
from scipy.stats import t

from quarterdeck.analysis.forecast import daily

SEASONS = {12: "MS", 4: "QS"}  # periods in a year, and what pandas calls them
TRAINED = {12: 24, 4: 10}  # periods that a model must have seen, by season
MOST_ORIGINS = 10  # a quarter of a year apart
FEWEST = 3  # origins below which there is no telling how wrong a model is
TESTED = ["model", "origin", "start", "horizon", "forecast", "actual", "scale"]
FAN = ["start", "actual", "low", "middle", "high", "model"]
NAIVE = "Seasonal naive"


def monthly(
    as_of: pd.Timestamp, orders: pd.DataFrame | None = None, opportunities: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Revenue by calendar month (without orders, bookings); whole months only, a month without any is nought.

    Returns
    -------
    DataFrame
        One row per month, oldest first: `start` (first day), `value` (money).
    """
    sales = daily(orders, opportunities)
    sales = sales[sales.index <= as_of]
    if sales.empty:
        return pd.DataFrame({"start": pd.DatetimeIndex([]), "value": []})
    first, last = sales.index.min(), as_of + pd.Timedelta(days=1)
    first = first.to_period("M") + int(first.day > 7)  # a month of which the beginning is missing
    months = pd.period_range(first, last.to_period("M") - 1, freq="M")
    value = sales.groupby(sales.index.to_period("M")).sum().reindex(months, fill_value=0.0)
    return pd.DataFrame({"start": months.to_timestamp(), "value": value.to_numpy(float)})


def backtest(series: pd.DataFrame, months: int = 12) -> pd.DataFrame:
    """Forecast from past origins with each model, seeing nothing later than the origin.

    Parameters
    ----------
    series : DataFrame
        As `monthly` gives it, or by quarter.
    months : int
        Periods ahead, at most a year is tested.

    Returns
    -------
    DataFrame
        One row per model, origin and month ahead: `model`, `origin` (last month seen), `start` (month forecast),
        `horizon` (months), `forecast`, `actual`, `scale` (money: mean absolute error of the seasonal naive forecast
        within what was seen, for MASE); no rows with fewer than three origins.
    """
    season = _season(series)
    ahead, step = min(months, season), season // 4
    origins = min((len(series) - TRAINED[season] - ahead) // step + 1, MOST_ORIGINS)
    if origins < FEWEST:
        return pd.DataFrame(columns=TESTED)
    with np.errstate(divide="ignore"):  # a model with as many parameters as there are periods has no variance
        found = _engine(season).cross_validation(df=_long(series), h=ahead, step_size=step, n_windows=origins)
    found = found.rename(columns={"ds": "start", "cutoff": "origin", "y": "actual"}).drop(columns="unique_id")
    table = found.melt(["start", "origin", "actual"], var_name="model", value_name="forecast")
    gap = table["start"].dt.to_period("M").astype("int64") - table["origin"].dt.to_period("M").astype("int64")
    table["horizon"], table["forecast"] = gap * season // 12, table["forecast"].clip(lower=0)
    table["scale"] = table["origin"].map({o: _scale(series, o) for o in table["origin"].unique()})
    return table[TESTED].sort_values(["model", "origin", "start"], ignore_index=True)


def accuracy(tested: pd.DataFrame, level: float = 0.8) -> pd.DataFrame:
    """How wrong was each model, in all and by how far it looked ahead?

    WAPE = Σ |actual − forecast| ÷ Σ actual; MASE = mean of |actual − forecast| ÷ scale (Hyndman and Koehler 2006: below
    one beats the seasonal naive forecast of one step); bias = Σ (forecast − actual) ÷ Σ actual; coverage = share of
    months within the interval that the other origins' errors would have given.

    Parameters
    ----------
    tested : DataFrame
        As `backtest` gives it.

    Returns
    -------
    DataFrame
        One row per model, best first: `model`, `wape`, `mase`, `bias`, `coverage` (ratios), `near`, `far` (WAPE one to
        three months ahead, and beyond), `n` (forecasts), `origins`.
    """
    columns = ["wape", "mase", "bias", "coverage", "near", "far", "n", "origins"]
    if tested.empty:
        return pd.DataFrame(columns=["model", *columns])
    table = _with_coverage(tested, level)
    far = tested["horizon"] > 3
    rows = table.groupby("model").agg(
        wape=("miss", "sum"), whole=("actual", "sum"), mase=("scaled", "mean"), bias=("off", "sum"),
        coverage=("covered", "mean"), n=("miss", "size"), origins=("origin", "nunique"),
    )  # fmt: skip
    near, beyond = (_wape(table[mask]) for mask in (~far, far))
    rows = rows.assign(wape=rows["wape"] / rows["whole"], bias=rows["bias"] / rows["whole"], near=near, far=beyond)
    return rows[columns].sort_values("mase", kind="stable").reset_index()


def fan(series: pd.DataFrame, tested: pd.DataFrame, months: int = 12, level: float = 0.8) -> pd.DataFrame:
    """Forecast the next months with the model that did best, as wide as its past errors were.

    The spread of each month ahead is the root mean square of the logarithms of actual over forecast at that distance in
    the back-test, never less than nearer by; beyond the tested distance it grows with its root. Quantiles are those
    of a Student t with as many degrees of freedom as there were origins.

    Returns
    -------
    DataFrame
        History and future, oldest first: `start`, `actual` (money; missing in the future), `low`, `middle`, `high`
        (money; missing in the past), `model`; no rows where nothing could be tested.
    """
    if tested.empty:
        return pd.DataFrame(columns=FAN)
    best = accuracy(tested, level)["model"].iloc[0]
    ahead = _engine(_season(series), best).forecast(df=_long(series), h=months)
    middle = ahead[best].clip(lower=0).to_numpy()
    spread = _errors(tested[tested["model"] == best], months)
    reach = t.ppf(0.5 + level / 2, tested["origin"].nunique()) * spread
    future = pd.DataFrame(
        {"start": ahead["ds"], "low": middle * np.exp(-reach), "middle": middle, "high": middle * np.exp(reach)}
    )
    past = series.rename(columns={"value": "actual"})
    return pd.concat([past, future], ignore_index=True).assign(model=best)[FAN]


def _engine(season: int, only: str | None = None):
    """Give the candidates, each with a season: on few years an automatic choice would often leave it out."""
    from statsforecast import StatsForecast  # here, for it is slow to import and only a back-test needs it
    from statsforecast.models import MSTL, AutoETS, SeasonalNaive, Theta

    models = [
        AutoETS(season_length=season, model="ZZA", alias="ETS"),
        MSTL(season_length=season, trend_forecaster=Theta(season_length=1), alias="STL and Theta"),
        SeasonalNaive(season_length=season, alias=NAIVE),
    ]
    fallback = SeasonalNaive(season_length=season)
    return StatsForecast([m for m in models if only in (None, m.alias)], SEASONS[season], fallback_model=fallback)


def _season(series: pd.DataFrame) -> int:
    """Give the periods in a year: the series is monthly or quarterly."""
    return 4 if series["start"].diff().median() > pd.Timedelta(days=80) else 12


def _long(series: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": "sales", "ds": series["start"].astype("datetime64[ns]"), "y": series["value"]})


def _scale(series: pd.DataFrame, origin: pd.Timestamp) -> float:
    seen = series.loc[series["start"] <= origin, "value"]
    return float(seen.diff(_season(series)).abs().mean()) or np.nan


def _with_coverage(tested: pd.DataFrame, level: float) -> pd.DataFrame:
    off = tested["forecast"] - tested["actual"]
    table = tested.assign(off=off, miss=off.abs(), scaled=off.abs() / tested["scale"], log=_log(tested) ** 2)
    spot = table.groupby(["model", "horizon"])["log"]
    others = spot.transform("count") - 1
    spread = np.sqrt((spot.transform("sum") - table["log"]) / others.where(others > 0))
    reach = t.ppf(0.5 + level / 2, others.clip(lower=1)) * spread
    return table.assign(covered=(np.sqrt(table["log"]) <= reach).where(table["log"].notna() & reach.notna()))


def _errors(tested: pd.DataFrame, months: int) -> np.ndarray:
    square = (_log(tested) ** 2).groupby(tested["horizon"]).mean()
    known = np.maximum.accumulate(np.sqrt(square.to_numpy()))
    ahead = np.arange(1, months + 1)
    return np.where(
        ahead <= len(known), known[np.minimum(ahead, len(known)) - 1], known[-1] * np.sqrt(ahead / len(known))
    )


def _log(tested: pd.DataFrame) -> pd.Series:
    known = (tested["actual"] > 0) & (tested["forecast"] > 0)
    return np.log(tested["actual"].where(known) / tested["forecast"].where(known))


def _wape(table: pd.DataFrame) -> pd.Series:
    by = table.groupby("model")
    return by["miss"].sum() / by["actual"].sum()
