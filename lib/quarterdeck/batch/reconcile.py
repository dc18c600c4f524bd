"""Do two pages say the same of the same figure, and do the regions add up to the company?"""

import pandas as pd

from quarterdeck.analysis.catalogue import METRICS
from quarterdeck.data.snapshot import COMPANY

CENT = 0.01


def reconcile(kpis: list[dict], regions: list[str], expected: int) -> list[dict]:
    """Hold the figures of a run against each other.

    Parameters
    ----------
    kpis : list of dict
        region, notebook, metric, value.
    regions : list of str
        The regions that were run.
    expected : int
        How many regions the company has; only where all of them and the company were run are sums held against it.

    Returns
    -------
    list of dict
        `check` ("same on every page" or "regions add up"), `metric`, `region`, `difference`, `ok`.

    Examples
    --------
    >>> sold = {"company": 5.0, "x": 2.0, "y": 2.5}
    >>> shown = [{"region": r, "notebook": "a", "metric": "revenue", "value": v} for r, v in sold.items()]
    >>> [c for c in reconcile(shown, ["company", "x", "y"], 2) if not c["ok"]]
    [{'check': 'regions add up', 'metric': 'revenue', 'region': 'company', 'difference': -0.5, 'ok': False}]
    """
    if not kpis:
        return []
    frame = pd.DataFrame(kpis)
    each = frame.groupby(["metric", "region"])["value"].agg(["min", "max", "first", "size"]).reset_index()
    shared = each[each["size"] > 1]
    checks = [_check("same on every page", r.metric, r.region, r.max - r.min, 0.0) for r in shared.itertuples()]
    if COMPANY not in regions or len(set(regions) - {COMPANY}) != expected:
        return checks
    for metric, values in each.set_index("region").groupby("metric")["first"]:
        values = values.droplevel(0) if values.index.nlevels > 1 else values
        if METRICS[metric].additive and COMPANY in values:
            together = values.drop(COMPANY).sum()
            checks.append(_check("regions add up", metric, COMPANY, together - values[COMPANY], CENT))
    return checks


def _check(check: str, metric: str, region: str, difference: float, allowed: float) -> dict:
    difference = round(float(difference), 4)
    return {
        "check": check,
        "metric": metric,
        "region": region,
        "difference": difference,
        "ok": abs(difference) <= allowed,
    }
