"""Do a run's figures agree, in one sentence? The command and the pages say the same.

Nothing here needs more than Python itself, so that the server of pages stays small.
"""

from collections import Counter
from typing import Any

from quarterdeck.present.written import counted

UNTRIED = "nothing to reconcile: no figure that was run stands on two pages or adds up over the regions"


def agreed(checks: list[dict[str, Any]]) -> str:
    """Say what of a run was held against what, and whether all of it held; wholly only where the regions were.

    Parameters
    ----------
    checks : list of dict
        As `batch.reconcile.reconcile` gives them, and `run.json` keeps them: `check`, `metric`, `difference`, `ok`.

    Examples
    --------
    >>> agreed([{"check": "regions add up", "metric": "revenue", "difference": 0.004, "ok": True}])
    'reconciled: 1 figure adds up over the regions within 0.00'
    >>> agreed([{"check": "same on every page", "metric": "revenue", "difference": 0.0, "ok": True}] * 2)
    'reconciled in part: 2 figures are the same on every page that shows them; the regions were not held against the company'
    """
    if wrong := sorted({c["metric"] for c in checks if not c["ok"]}):
        return f"does not reconcile: {', '.join(wrong).replace('_', ' ')}"
    if not checks:
        return UNTRIED
    told = ", ".join(_held(Counter(c["check"] for c in checks)))
    sums = [abs(c["difference"] or 0) for c in checks if c["check"] == "regions add up"]
    if sums:
        return f"reconciled: {told} within {max(sums):,.2f}"
    return f"reconciled in part: {told}; the regions were not held against the company"


def _held(kinds: Counter) -> list[str]:
    """Say how many checks of each kind there were; the regions' sums come last."""
    words = {
        "same on every page": (
            "figure is the same on every page that shows it",
            "figures are the same on every page that shows them",
        ),
        "what is in leads to the forecast": ("forecast follows from what is in", "forecasts follow from what is in"),
        "the forecast is given out as shown": ("forecast is given out as shown", "forecasts are given out as shown"),
        "regions add up": ("figure adds up over the regions", "figures add up over the regions"),
    }
    return [counted(kinds[kind], *said) for kind, said in words.items() if kinds[kind]]
