"""How does a figure stand: well or not, and by which words? Tiles, scorecard, deck and letter all take it from here."""

from typing import Any

import pandas as pd

from quarterdeck.analysis.methods.claims import AGAINST_BEFORE, AGAINST_TARGET, ODDS, Claim, first, standing

HELD = ("gross_margin", "pipeline_coverage", "lead_commit", "next_pipeline")  # by their value against their target


def stands(kpis: pd.DataFrame) -> pd.DataFrame:
    """Measured metrics with what may be claimed of each against its target, its chance or last year, and how it stands.

    Words and colour come from one predicate, of figures as they are written. Where the chance of reaching the target is known, the
    forecast's words follow it alone; what moved by less than the interval of its growth leaves open has no clear change.

    Parameters
    ----------
    kpis : DataFrame
        As `metrics.measure` gives it, with `target` where there is one.

    Returns
    -------
    DataFrame
        `kpis` with `claim` (a `claims.Claim` or None) and `state` ("good", "warn", "bad" or "").
    """
    chance = kpis.loc[kpis["metric"].eq("target_probability"), "value"].max()
    made = [_claim(kpi, chance) for kpi in kpis.itertuples()]
    states = [standing(claim, better) for claim, better in zip(made, kpis["better"], strict=True)]
    return kpis.assign(claim=pd.Series(made, kpis.index, dtype=object), state=states)


def _claim(kpi: Any, chance: float) -> Claim | None:
    figures = {"now": kpi.value, "before": kpi.previous, "low": kpi.low, "high": kpi.high}
    figures["target"] = getattr(kpi, "target", None)
    if kpi.metric == "target_probability":
        return first(kpi.metric, ODDS, {"chance": kpi.value})
    if kpi.metric == "forecast_p50" and pd.notna(figures["target"]):
        odds = first(kpi.metric, ODDS, {"now": kpi.value, "target": figures["target"], "chance": chance})
        return odds or first(kpi.metric, AGAINST_TARGET, figures)
    if kpi.metric in HELD and pd.notna(figures["target"]):
        return first(kpi.metric, ("reached", "short of"), figures, unit=kpi.unit)
    if getattr(kpi, "growth_low", 1) <= 0 <= getattr(kpi, "growth_high", -1):
        ends = {"low": kpi.previous * (1 + kpi.growth_low), "high": kpi.previous * (1 + kpi.growth_high)}
        return first(kpi.metric, ("no clear change",), {"now": kpi.value, "before": kpi.previous} | ends)
    return first(kpi.metric, AGAINST_BEFORE, figures, unit=kpi.unit)
