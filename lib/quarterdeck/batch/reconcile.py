"""Do two places say the same of the same figure, do the regions add up, and does what is in lead to what is forecast?"""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from quarterdeck.analysis.brief.metrics import METRICS
from quarterdeck.data.snapshot import COMPANY

CENT = 0.01
ACTUALS = ("revenue", "bookings")  # what a forecast of the quarter's end starts from: the first that the company has
OF_ROWS = (
    "revenue",
    "bookings",
    "pipeline_open",
    "next_pipeline",
)  # of orders and deals, each of which is one unit's alone
AHEAD, LANDING = "forecast_to_come", "forecast_p50"


def reconcile(
    kpis: list[dict],
    regions: dict[str, str],
    expected: int,
    forecasts: list[dict] | None = None,
    failed: Sequence[tuple[str, str]] = (),
    tree: Sequence[tuple[str, list[str]]] = (),
) -> list[dict]:
    """Hold the figures of a run against each other.

    Parameters
    ----------
    kpis : list of dict
        region (the name of its file), notebook, metric, value.
    regions : dict
        The regions that were run: the name that the data gives each, by that of its file.
    expected : int
        How many regions the company has; only where all of them and the company were run are sums held against it.
    forecasts : list of dict, optional
        What was published: region (its name), notebook, metric, period_start, p50.
    failed : sequence of (str, str), optional
        The pages that failed, by region and notebook: sums that would need one of them are left to `untried`.
    tree : sequence of (str, list of str), optional
        Where regions are units of an organisation, `sums` of `organisation.facts`. The first is of the company, to which all sums
        are held; to the others, sums of orders and deals alone: a unit may have targets and initiatives of its own.

    Returns
    -------
    list of dict
        `check` ("same on every page", "regions add up", "what is in leads to the forecast" or "the forecast is published as
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
    for group in _groups(regions, expected, tree):
        checks += _sums(frame, failed, group)
    for region, own in frame.groupby("region", sort=False):
        checks += _outlook(region, own.drop_duplicates("metric").set_index("metric"), forecasts or [], regions)
    return checks


def untried(
    kpis: list[dict],
    regions: dict[str, str],
    expected: int,
    failed: Sequence[tuple[str, str]],
    tree: Sequence[tuple[str, list[str]]] = (),
) -> list[dict]:
    """Name the sums over the regions that cannot be held against the company, for pages that they need failed.

    The parameters are those of `reconcile`.

    Returns
    -------
    list of dict
        `check`, `region`, `metric`, and `failed`: the pages, as REGION/NOTEBOOK.

    Examples
    --------
    >>> shown = [{"region": r, "notebook": "a", "metric": "revenue", "value": 2.0} for r in ("company", "x")]
    >>> untried(shown, {"company": "company", "x": "X", "y": "Y"}, 2, [("y", "a")])
    [{'check': 'regions add up', 'region': 'company', 'metric': 'revenue', 'failed': ['y/a']}]
    """
    left = []
    for group in _groups(regions, expected, tree) if kpis else []:
        named = {"check": "regions add up", "region": group.whole}
        lacking = {metric: _lacking(shown, failed, group) for metric, shown in pd.DataFrame(kpis).groupby("metric")}
        left += [named | {"metric": m, "failed": pages} for m, pages in lacking.items() if group.holds(m) and pages]
    return left


def say(check: dict) -> str:
    """Name the figure, the two places and the two values of a check.

    >>> check = {"check": "one fact, one value", "metric": "account_chance", "region": "x", "entity": "account A", "period": ""}
    >>> say(check | {"places": ["company/customers", "x/customers"], "shown": ["14 %", "17 %"]})
    'account_chance of account A: one fact, one value: company/customers: 14 %; x/customers: 17 %'
    """
    if shown := check.get("shown"):
        whom = " ".join(filter(None, [check["entity"] or check["region"], check["period"]]))
        both = "; ".join(f"{place}: {said}" for place, said in zip(check["places"], shown, strict=True))
        return f"{check['metric']} of {whom}: {check['check']}: {both}"
    shown = [f"{place} {value:,.2f}" for place, value in zip(check["places"], check["values"], strict=True)]
    return f"{check['metric']} of {check['region']}: {check['check']}: {', '.join(shown)}"


def _pages(frame: pd.DataFrame) -> list[dict]:
    """Hold the pages that show a figure against each other."""
    checks = []
    for (metric, region), shown in frame.groupby(["metric", "region"]):
        if len(shown) > 1:
            ends = shown.loc[[shown["value"].idxmin(), shown["value"].idxmax()]]
            two = ends if ends["value"].nunique() > 1 else shown.iloc[:2]
            checks.append(_check("same on every page", metric, region, two["notebook"], two["value"], 0.0))
    return checks


class Group(NamedTuple):
    """Pages that must add up: the file of the whole, those of its parts, and whether only sums of rows must."""

    whole: str
    parts: list[str]
    of_rows: bool = False

    def holds(self, metric: str) -> bool:
        """Tell whether the parts' sum of a metric is the whole's."""
        return METRICS[metric].additive and (metric in OF_ROWS or not self.of_rows)


def _groups(regions: dict[str, str], expected: int, tree: Sequence[tuple[str, list[str]]]) -> list[Group]:
    """Give what must add up to what, of the pages that were run; nothing where one of them was not."""
    if not tree:
        there = COMPANY in regions and len(set(regions) - {COMPANY}) == expected
        return [Group(COMPANY, sorted(set(regions) - {COMPANY}))] if there else []
    files = {name: file for file, name in regions.items()}
    there = [(number, whole, parts) for number, (whole, parts) in enumerate(tree) if {whole, *parts} <= files.keys()]
    return [Group(files[whole], [files[part] for part in parts], number > 0) for number, whole, parts in there]


def _lacking(shown: pd.DataFrame, failed: Sequence[tuple[str, str]], group: Group) -> list[str]:
    """Name the failed pages that would have shown a figure, for a region of which no other page shows it."""
    pages, regions = set(shown["notebook"]), set(shown["region"])
    own = [(region, page) for region, page in failed if region in (group.whole, *group.parts)]
    return [f"{region}/{page}" for region, page in own if page in pages and region not in regions]


def _sums(frame: pd.DataFrame, failed: Sequence[tuple[str, str]], group: Group) -> list[dict]:
    """Hold the parts' sum of every additive figure against the whole's, where no page that it needs has failed."""
    checks = []
    for metric, shown in frame.groupby("metric"):
        values = shown.drop_duplicates("region").set_index("region")["value"]
        if group.holds(metric) and group.whole in values and not _lacking(shown, failed, group):
            two = values.reindex(group.parts).sum(), values[group.whole]
            places = "the regions together", group.whole
            checks.append(_check("regions add up", metric, group.whole, places, two, CENT))
    return checks


def _outlook(region: str, shown: pd.DataFrame, forecasts: list[dict], regions: dict[str, str]) -> list[dict]:
    """Hold the forecast of the quarter's end against what is in and what is to come, and against what was published."""
    actual = next((a for a in ACTUALS if a in shown.index), None)
    if actual is None or LANDING not in shown.index:
        return []
    end, checks = shown.loc[LANDING], []
    if AHEAD in shown.index:
        two = shown["value"][actual] + shown["value"][AHEAD], end["value"]
        places = f"{actual} and what is to come, on {shown['notebook'][AHEAD]},", end["notebook"]
        checks.append(_check("what is in leads to the forecast", LANDING, region, places, two, CENT))
    given = [f for f in forecasts if (f["region"], f["metric"]) == (regions.get(region), actual)]
    for forecast in sorted(given, key=lambda f: f["period_start"])[:1]:  # the open quarter comes first
        places, two = (end["notebook"], f"the forecasts of {forecast['notebook']}"), (end["value"], forecast["p50"])
        checks.append(_check("the forecast is published as shown", LANDING, region, places, two, CENT))
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
