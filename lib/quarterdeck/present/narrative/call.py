"""Will the quarter be made, and where is it missed? The brief's first sentences, every figure in them computed and claimed."""

import pandas as pd

from quarterdeck.analysis.methods.claims import ODDS, Claim, amounts, first
from quarterdeck.data.snapshot import Missing
from quarterdeck.present import style
from quarterdeck.present.narrative.brief import sold
from quarterdeck.present.sentences import Sentence, ended, wanted

UNLIKELY = 0.4  # below this chance of its target, a region is named
Table = pd.DataFrame | Missing


def headline(
    card: pd.DataFrame,
    name: str,
    landing: Table | None = None,
    regions: Table | None = None,
    calls: Table | None = None,
    currency: str = "EUR",
) -> Sentence:
    """Say in one line whether the quarter will be made, which region misses it most, and what the leads commit to.

    Parameters
    ----------
    card : DataFrame
        As `analysis.brief.scorecard.scorecard` gives it; it says what was sold where there is no forecast.
    name : str
        Of the company, or of the region.
    landing, regions, calls : DataFrame or Missing, optional
        As `landings.landing`, `call.regions` and `call.called` give them.
    """
    if not isinstance(landing, pd.DataFrame) or landing["p50"].isna().all():
        return sold(card, name, currency)
    end = landing.iloc[0]
    over = ended(end, currency)
    if over is not None:
        return Sentence(f"{name}: {over[0].lower()}{over[1:]}", list(over.claims), tag="h2")
    made, claims = _made(end, name, currency)
    missed, more = _but(end, regions, calls, currency)
    return Sentence(made + missed, claims + more, tag="h2")


def trust(course: pd.DataFrame, landing: pd.DataFrame, values: Table | None = None) -> Sentence | None:
    """Say how sure the headline is: the chance and what it was a week before, and how far off forecast and leads were before.

    Parameters
    ----------
    course, landing : DataFrame
        As `landings.course`, of the page's own region, and `landings.landing` give them.
    values : DataFrame or Missing
        As `quarter_end.call_values` gives it.
    """
    end, parts, claims = landing.iloc[0], [], []
    if pd.notna(end["probability"]) and 0 < end["probability"] < 1:
        said, made = _chance(course["week_before"].iloc[-1], end["probability"])
        parts.append(said)
        claims += made
    if pd.notna(end["wape"]):
        missed = f"On this day of {style.counted(end['n_origins'], 'past quarter')} this forecast missed by "
        parts.append(missed + style.percent(end["wape"]) + _leads(values) + ".")
        claims.append(amounts("forecast_error", end["wape"], n=end["n_origins"]))
        claims += _leads_claims(values)
    return Sentence(" ".join(parts), claims) if parts else None


def regions_takeaway(regions: pd.DataFrame, currency: str = "EUR") -> Sentence | None:
    """Say how many regions are likely to miss their target, and which is furthest off (`analysis.brief.call.regions`)."""
    held = regions.dropna(subset=["gap"])
    if held.empty:
        return None
    short = held[held["gap"] < 0]
    claim = Claim(
        "forecast_gap", "n of m", {"n": float(len(short)), "of": float(len(held))}, "end short of their target"
    )
    only, aim = held["region"].iloc[0] if len(held) == 1 else "", wanted(held.iloc[0])
    if short.empty:
        none = f"{only} is not" if only else f"None of {style.counted(len(held), 'region')} is"
        return Sentence(f"**{none} forecast to miss its {aim}.**", [claim])
    worst = short.iloc[0]
    ends = f"ends short of its {aim}" if len(short) == 1 else f"end short of their {aim}"
    missing = f"{only or f'{len(short)} of ' + style.counted(len(held), 'region')} {ends}"
    gap = amounts("forecast_gap", worst["gap"], f"region: {worst['region']}")
    own = first("forecast_p50", ("less than",), {"now": worst["p50"], "than": worst["target"]}, worst["region"])
    return Sentence(
        f"**{missing} by forecast; {'it' if only else worst['region']} lacks {style.money(-worst['gap'], currency)}.**",
        [claim, gap, own],
    )


def _made(end: pd.Series, name: str, currency: str) -> tuple[str, list[Claim | None]]:
    """Say how likely the quarter is to be made."""
    middle = style.money(end["p50"], currency)
    if pd.isna(end["target"]) or pd.isna(end["probability"]):
        return f"{name} is heading for {middle} this quarter", [amounts("forecast_p50", end["p50"])]
    target = style.money(end["target"], currency)
    claim = first("forecast_p50", ODDS, {"now": end["p50"], "target": end["target"], "chance": end["probability"]})
    said = f"{name} is {claim.predicate} to reach its {wanted(end)}: {middle} expected against {target}"
    return said, [claim]


def _but(end: pd.Series, regions: Table | None, calls: Table | None, currency: str) -> tuple[str, list[Claim | None]]:
    """Say which region misses most, where one is sure to, and what the leads commit to, where that is short of the target."""
    parts, claims = [], []
    if isinstance(regions, pd.DataFrame) and len(regions) and regions["chance"].iloc[0] < UNLIKELY:
        worst = regions.iloc[0]
        figures = {"now": worst["p50"], "target": worst["target"], "gap": worst["gap"]}
        if short := first("forecast_p50", ("short of",), figures, f"region: {worst['region']}", "money"):
            parts.append(f"{worst['region']} is {style.money(-worst['gap'], currency)} short of its own")
            claims.append(short)
    if isinstance(calls, pd.DataFrame) and len(calls):
        now = calls["commit"].iloc[-1]
        if short := first("lead_commit", ("short of",), {"now": now, "target": end["target"]}, unit="money"):
            parts.append(f"the leads commit to {style.money(now, currency)} only")
            claims.append(short)
    joint = "; " if end["probability"] < UNLIKELY else ", but "
    return (joint + " and ".join(parts) if parts else ""), claims


def _chance(then: float, now: float) -> tuple[str, list[Claim | None]]:
    """Say what the chance is, and what it was a week before."""
    said, claims = f"The chance is {style.chance(now)}", [amounts("target_probability", now)]
    if pd.notna(then) and style.chance(then) == style.chance(now):
        said += ", as a week before"
    elif pd.notna(then):
        moved = first("target_probability", ("rose", "fell"), {"now": now, "before": then})
        said += f", {'up' if moved.predicate == 'rose' else 'down'} from {style.chance(then)} a week before"
        claims.append(moved)
    return said + ".", claims


def _leads(values: Table | None) -> str:
    row = _commit(values)
    return "" if row is None else f", the leads' commit by {style.percent(row['call_wape'])}"


def _leads_claims(values: Table | None) -> list[Claim | None]:
    row = _commit(values)
    return [] if row is None else [amounts("call_error", row["call_wape"], "call: commit", n=row["n"])]


def _commit(values: Table | None) -> pd.Series | None:
    if not isinstance(values, pd.DataFrame) or not values["category"].eq("commit").any():
        return None
    return values[values["category"].eq("commit")].iloc[0]
