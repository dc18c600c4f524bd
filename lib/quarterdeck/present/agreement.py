"""Do a run's figures agree, in one sentence? The command and the pages say the same.

Nothing here needs more than Python itself, so that the server of pages stays small.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from quarterdeck.present.numbers import counted

UNTRIED = "nothing to reconcile: no figure that was run stands on two pages or adds up over the regions"


def agreed(checks: list[dict[str, Any]], untried: Sequence[dict[str, Any]] = ()) -> str:
    """Say what of a run was held against what, and whether all of it held; wholly only where the regions were.

    Parameters
    ----------
    checks : list of dict
        As `batch.reconcile.reconcile` gives them, and `run.json` keeps them: `check`, `metric`, `difference`, `ok`.
    untried : sequence of dict, optional
        The sums over the regions that could not be checked, as `batch.reconcile.untried` gives them.

    Examples
    --------
    >>> agreed([{"check": "regions add up", "metric": "revenue", "difference": 0.004, "ok": True}])
    'reconciled: 1 figure adds up over the regions within 0.00'
    >>> agreed([{"check": "same on every page", "metric": "revenue", "difference": 0.0, "ok": True}] * 2)
    'reconciled in part: 2 figures are the same on every page that shows them; the regions were not held against the company'
    >>> agreed([], [{"metric": "revenue", "failed": ["north/forecasting"]}])
    'not reconciled: 1 sum over the regions could not be checked, because pages failed'
    """
    left = f"{counted(len(untried), 'sum')} over the regions could not be checked, because pages failed"
    if wrong := sorted({c["metric"] for c in checks if not c["ok"]}):
        return f"does not reconcile: {', '.join(wrong).replace('_', ' ')}" + (f"; {left}" if untried else "")
    if not checks:
        return f"not reconciled: {left}" if untried else UNTRIED
    kinds = Counter()
    for check in checks:
        kinds[check["check"]] += check.get("n", 1)
    summary = ", ".join(_held(kinds))
    if sums := [abs(c["difference"] or 0) for c in checks if c["check"] == "regions add up"]:
        summary += f" within {max(sums):,.2f}"
    if sums and not untried:
        return f"reconciled: {summary}"
    return f"reconciled in part: {summary}; {left if untried else 'the regions were not held against the company'}"


def _held(kinds: Counter) -> list[str]:
    """Say how many checks of each kind there were; the regions' sums come last."""
    words = {
        "same on every page": (
            "figure is the same on every page that shows it",
            "figures are the same on every page that shows them",
        ),
        "one fact, one value": ("fact reads the same in every place", "facts read the same in every place"),
        "what is in leads to the forecast": ("forecast follows from what is in", "forecasts follow from what is in"),
        "the forecast is published as shown": ("forecast is published as shown", "forecasts are published as shown"),
        "regions add up": ("figure adds up over the regions", "figures add up over the regions"),
    }
    return [counted(kinds[kind], *said) for kind, said in words.items() if kinds[kind]]
