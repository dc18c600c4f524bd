"""Do two places say the same of the same figure, do the regions add up, and does what is in lead to what is forecast?"""

import pandas as pd

from quarterdeck.analysis.catalogue import METRICS
from quarterdeck.data.snapshot import COMPANY

CENT = 0.01
ACTUALS = ("revenue", "bookings")  # what a forecast of the quarter's end starts from: the first that the company has
AHEAD, LANDING = "forecast_to_come", "forecast_p50"


def reconcile(
    kpis: list[dict], regions: dict[str, str], expected: int, forecasts: list[dict] | None = None
) -> list[dict]:
    """Hold the figures of a run against each other.

    Parameters
    ----------
    kpis : list of dict
        region (the stem of its file), notebook, metric, value.
    regions : dict
        The regions that were run: the name that the data gives each, by its stem.
    expected : int
        How many regions the company has; only where all of them and the company were run are sums held against it.
    forecasts : list of dict, optional
        What was given out: region (its name), notebook, metric, period_start, p50.

    Returns
    -------
    list of dict
        `check` ("same on every page", "regions add up", "what is in leads to the forecast" or "the forecast is given out as
        shown"), `metric`, `region`, `places` and `values` (two of each), `difference`, `ok`.

    Examples
    --------
    >>> sold = {"company": 5.0, "x": 2.0, "y": 2.5}
    >>> shown = [{"region": r, "notebook": "a", "metric": "revenue", "value": v} for r, v in sold.items()]
    >>> [say(c) for c in reconcile(shown, {"company": "company", "x": "X", "y": "Y"}, 2) if not c["ok"]]
    ['revenue of company: regions add up: the regions together 4.50, company 5.00']
    """
    if not kpis:
        return []
    frame = pd.DataFrame(kpis)
    checks = _pages(frame)
    if COMPANY in regions and len(set(regions) - {COMPANY}) == expected:
        checks += _sums(frame)
    for region, own in frame.groupby("region", sort=False):
        checks += _outlook(region, own.drop_duplicates("metric").set_index("metric"), forecasts or [], regions)
    return checks


def say(check: dict) -> str:
    """Name the figure, the two places and the two values of a check."""
    told = [f"{place} {value:,.2f}" for place, value in zip(check["places"], check["values"], strict=True)]
    return f"{check['metric']} of {check['region']}: {check['check']}: {', '.join(told)}"


def _pages(frame: pd.DataFrame) -> list[dict]:
    """Hold the pages that show a figure against each other."""
    checks = []
    for (metric, region), shown in frame.groupby(["metric", "region"]):
        if len(shown) > 1:
            ends = shown.loc[[shown["value"].idxmin(), shown["value"].idxmax()]]
            two = ends if ends["value"].nunique() > 1 else shown.iloc[:2]
            checks.append(_check("same on every page", metric, region, two["notebook"], two["value"], 0.0))
    return checks


def _sums(frame: pd.DataFrame) -> list[dict]:
    """Hold the regions' sum of every additive figure against the company's."""
    checks = []
    for metric, shown in frame.drop_duplicates(["metric", "region"]).groupby("metric"):
        values = shown.set_index("region")["value"]
        if METRICS[metric].additive and COMPANY in values:
            two = values.drop(COMPANY).sum(), values[COMPANY]
            checks.append(_check("regions add up", metric, COMPANY, ("the regions together", COMPANY), two, CENT))
    return checks


def _outlook(region: str, shown: pd.DataFrame, forecasts: list[dict], regions: dict[str, str]) -> list[dict]:
    """Hold the forecast of the quarter's end against what is in and what is to come, and against what was given out."""
    actual = next((a for a in ACTUALS if a in shown.index), None)
    if actual is None or LANDING not in shown.index:
        return []
    end, checks = shown.loc[LANDING], []
    if AHEAD in shown.index:
        two = shown["value"][actual] + shown["value"][AHEAD], end["value"]
        places = f"{actual} and what is to come, on {shown['notebook'][AHEAD]},", end["notebook"]
        checks.append(_check("what is in leads to the forecast", LANDING, region, places, two, CENT))
    given = [f for f in forecasts if (f["region"], f["metric"]) == (regions.get(region), actual)]
    for told in sorted(given, key=lambda f: f["period_start"])[:1]:  # the open quarter comes first
        places, two = (end["notebook"], f"the forecasts of {told['notebook']}"), (end["value"], told["p50"])
        checks.append(_check("the forecast is given out as shown", LANDING, region, places, two, CENT))
    return checks


def _check(check: str, metric: str, region: str, places, values, allowed: float) -> dict:
    first, second = (float(v) for v in values)
    return {
        "check": check,
        "metric": metric,
        "region": region,
        "places": list(places),
        "values": [first, second],
        "difference": round(first - second, 4),
        "ok": abs(first - second) <= allowed,
    }
