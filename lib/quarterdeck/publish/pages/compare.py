"""What moved since the run before? A page's figures beside those of the run before it."""

from typing import Any

from quarterdeck.present import numbers
from quarterdeck.publish.access.shelf import Run
from quarterdeck.publish.pages.render import title


def compare(run: Run, before: Run, region: str, notebook: str, titles: dict[str, str]) -> list[dict[str, str]]:
    """Lay a notebook's figures beside those of the run before, one row for each, in the order of the page.

    A figure moved clearly where the value before lies outside its interval now; of one without an interval that is not
    said. `titles` names metrics as the page does.
    """
    now, then = run.kpis(region, notebook), before.kpis(region, notebook)
    currency = run.facts.get("currency", "")
    shown = reversed(now)
    return [_row(now[m], then.get(m), titles.get(m, title(m)), currency) for m in shown]


def _row(now: dict[str, Any], then: dict[str, Any] | None, name: str, currency: str) -> dict[str, str]:
    value, unit = now["value"], now["unit"]
    was = then and then["value"]
    known = value is not None and was is not None
    spread = [numbers.amount(now[end], unit, currency) for end in ("low", "high") if now[end] is not None]
    state, words = _moved(now, was) if known else ("", "not in the run before" if was is None else "not known now")
    return {
        "title": name,
        "period": now["period"] or "",
        "now": numbers.amount(value, unit, currency),
        "then": numbers.amount(was, unit, currency),
        "change": _change(value, was, unit, currency) if known else "–",
        "interval": " to ".join(spread),
        "state": state,
        "words": words,
    }


def _moved(now: dict[str, Any], was: float) -> tuple[str, str]:
    if now["value"] == was:
        return "", "as before"
    if now["low"] is None or now["high"] is None:
        return "", "has no interval"
    return (
        ("", "within its interval") if now["low"] <= was <= now["high"] else ("moved", "moved more than its interval")
    )


def _change(value: float, was: float, unit: str, currency: str) -> str:
    """Write how far a figure moved, in its own unit, and for amounts relative to what it was, where that was above zero.

    >>> _change(0.42, 0.40, "ratio", "EUR"), _change(110.0, 100.0, "money", "EUR"), _change(3.0, 3.0, "times", "EUR")
    ('+2.0 pp', '+€10 (+10.0 %)', '–')
    """
    moved = value - was
    if not moved:
        return "–"
    if unit in numbers.PARTS:
        return numbers.points(moved)
    sign = "+" if moved > 0 else ""
    part = f" ({numbers.change(moved / abs(was))})" if was > 0 else ""
    return f"{sign}{numbers.amount(moved, unit, currency)}{part}"
