"""How do managers' teams and the factors of velocity read side by side?"""

import great_tables as gt
import pandas as pd

from quarterdeck.analysis.pipeline.kinds import FEWEST
from quarterdeck.analysis.pipeline.movement import STUCK
from quarterdeck.analysis.team.performance import TOGETHER
from quarterdeck.analysis.team.skill import LEVERS
from quarterdeck.analysis.team.standing import MEASURES
from quarterdeck.present import style
from quarterdeck.present.facts.team import YIELDED
from quarterdeck.present.numbers import span
from quarterdeck.present.stated import facts
from quarterdeck.present.tables import house, lay

MOST_ROWS = 12
FIGURES = dict(zip(MEASURES, (("seller_size", "change"), ("seller_attainment", "points")), strict=True))
ENDS = 4  # sellers at each end of a measure that a table shows

FACTORS = {
    "open_deals": ("Open deals", "count"),
    "win_rate": ("Win rate", "ratio"),
    "average_won": ("Average won deal", "money"),
    "cycle_days": ("Cycle, days", "days"),
    "velocity": ("Velocity", "money/day"),
}


def attainment_by(parts: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out each region's and each manager's attainment of the last whole quarter, and how far the open one is.

    Parameters
    ----------
    parts : DataFrame
        As `analysis.team.performance.attainment_by` gives it.
    """
    last = parts[parts["quarter"].eq(parts["quarter"].iloc[0])]
    running = parts[parts["quarter"].ne(parts["quarter"].iloc[0])]
    columns = {
        "part": ("Sellers of", "text", "=kind"),
        "attainment": ("Attainment", "whole ratio", "quota_attainment"),
        "at_quota": ("At quota", "of reps"),
        "interval": ("Interval", "interval whole ratio"),
        "place": ("Stands out", "text"),
        "booked": ("Booked", "money", "bookings"),
        "quota": ("Quota", "money", "quota_set"),
    }
    if len(running):
        now = running.set_index(["dimension", "part"])["attainment"].rename("now")
        last, columns["now"] = last.join(now, on=["dimension", "part"]), (running["quarter"].iloc[0], "whole ratio")
    note = (
        "Booked by closing day, over the quota of the whole quarter, also where it is still filling. 90 % interval, were "
        "the sellers a sample of many; who stands out allows for all rows together."
    )
    kinds = last["dimension"].replace("manager", "team")
    shown = last.assign(heading=last["quarter"] + ", by " + last["dimension"], kind=kinds)
    return lay(shown, columns, note, currency, by="heading", period=shown["quarter"].iloc[0])


def manager_win_rates(rates: pd.DataFrame) -> gt.GT:
    """Lay out each manager's win rate with its interval and its place (`analysis.team.performance.win_rates` by manager)."""
    columns = {
        "name": ("Manager", "text", "team"),
        "won": ("Won of closed", "of n"),
        "raw": ("By count", "ratio"),
        "rate": ("Shrunk", "ratio", "win_rate"),
        "interval": ("Interval", "interval ratio"),
        "by_value": ("By value", "ratio"),
        "place": ("Stands out", "text"),
    }
    place = rates["place"].replace(TOGETHER, "like the others" if len(rates) > 1 else "–")
    shown = rates.assign(place=place.where(rates["ranked"], "too few deals to rank"))
    note = (
        "Deals closed in twelve months; shrunk to the rate of all, interval "
        "90 %. Who stands out allows for all teams together."
    )
    return lay(shown, columns, note)


def hygiene(faults: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out the open deals that cannot be believed as they stand (`analysis.pipeline.movement.hygiene`)."""
    columns = {
        "fault": ("Fault", "text", "fault"),
        "deals": ("Open deals", "of open_deals"),
        "amount": ("Money in them", "money", "pipeline_faults"),
        "part": ("Of the open pipeline", "ratio"),
    }
    stuck = "Stuck: fourteen days longer in a stage than deals stayed on average before they moved on. "
    note = "A deal may have several faults."
    return lay(faults, columns, (stuck if faults["fault"].eq(STUCK).any() else "") + note, currency)


def stage_times(stages: pd.DataFrame) -> gt.GT:
    """Lay out how long deals stay in each stage and where they go (`analysis.pipeline.durations.stage_times`)."""
    columns = {
        "stage": ("Stage", "text"),
        "median": ("Days, median", "count"),
        "interval": ("Interval", "interval count"),
        "onward": ("Went on or won", "whole ratio"),
        "lost": ("Lost from here", "whole ratio"),
        "lasting": ("Still in it", "count"),
        "n": ("Stays", "count"),
    }
    return lay(
        stages, columns, "Kaplan-Meier over two years' stays; a stay that lasts counts for as long as it has lasted."
    )


def levers(coached: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out who is furthest below peers in what, where that is clear of chance (`analysis.team.skill.levers`)."""
    clear = coached[coached["clear"]]
    shown = clear.head(MOST_ROWS).assign(lever=lambda t: t["lever"].map(LEVERS))
    columns = {
        "name": ("Seller", "text", "seller"),
        "lever": ("Furthest below peers in", "text"),
        "gap": ("By", "change", "lever_gap"),
        "interval": ("Interval", "interval change"),
        "worth": ("Half of it is worth, a year", "money"),
        "n": ("Deals closed", "count"),
    }
    first = f"The {MOST_ROWS} of {len(clear)} whose gap is worth most. " if len(clear) > MOST_ROWS else ""
    note = (
        f"{first}Peers: the region's sellers, {span(coached['months'].max())}. Clear of chance at a false discovery "
        "rate of one in twenty. No basis for decisions on employment."
    )
    return lay(shown, columns, note, currency)


def standing(standing: pd.DataFrame) -> gt.GT:
    """Lay out where the sellers at both ends of deal size and attainment stand, with their ranks (`analysis.standing.standing`)."""
    size, order = standing["measure"].eq(MEASURES[0]), standing.groupby("measure", sort=False)
    ends = (order.cumcount() < ENDS) | (order.cumcount(ascending=False) < ENDS)
    written = {
        c: standing[c].map(style.change).where(size, standing[c].map(style.points)) for c in ("value", "low", "high")
    }
    shown = standing.assign(
        **written,
        interval=written["low"] + " to " + written["high"],
        ranks=standing["rank_low"].map(style.number) + " to " + standing["rank_high"].map(style.number),
        of=order["rep_id"].transform("size"),
        measure=standing["measure"].str.capitalize(),
    )
    columns = {
        "name": ("Seller", "text"),
        "value": ("Against the others", "figures"),
        "interval": ("Interval", "figures"),
        "ranks": ("Rank", "figures"),
        "of": ("Of", "count"),
        "place": ("Stands out", "text"),
    }
    note = (
        f"{_at_ends(standing, shown[ends])}Drawn to the others by what is in doubt; intervals and ranks 90 %, and who "
        f"stands out allows for all sellers. Size: like deals of {span(standing['months'].max())}; attainment: beyond the "
        "region's, eight quarters. No basis for decisions on employment."
    )
    table = lay(shown[ends], columns, note, by="measure")
    for measure, named in FIGURES.items():
        own = standing[ends & standing["measure"].eq(measure)]
        table.facts += facts(own, {"name": "seller"}, {"value": named})
    return table


def sellers(sellers: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out what the sellers at both ends bring, and where they stand (`analysis.team.productivity.ranked`)."""
    ranks = sellers["rank_low"].map(style.number) + " to " + sellers["rank_high"].map(style.number)
    shown = pd.concat([sellers.assign(ranks=ranks).head(ENDS), sellers.assign(ranks=ranks).iloc[ENDS:].tail(ENDS)])
    sold = "Bookings" if sellers["measure"].eq("bookings").any() else "Revenue"
    columns = {
        "name": ("Seller", "text", "seller"),
        "revenue": (sold, "money", "seller_sold"),
        "revenue_before": ("A year before", "money"),
        "margin": ("Gross margin", "money", "seller_earned"),
        "ramped": ("Ramped months", "tenths"),
        "each": ("A ramped month", "money"),
        "value": ("Against the region", "change"),
        "interval": ("Interval", "interval change"),
        "ranks": ("Rank", "figures"),
        "place": ("Stands out", "text"),
    }
    if sellers["margin"].isna().all():
        del columns["margin"]
    each = YIELDED[sellers["measure"].iloc[0]]
    note = (
        f"{_at_ends(sellers, shown)}Twelve months. A ramped month: of {each}. Drawn to the others by what is in "
        "doubt; intervals and ranks 90 %, and who stands out allows for all sellers. A large territory counts as much as "
        "skill: no basis for decisions on employment."
    )
    return lay(shown, columns, note, currency)


def _at_ends(whole: pd.DataFrame, shown: pd.DataFrame) -> str:
    """Say that a table shows the ends alone, where it leaves rows out."""
    return f"The {ENDS} at each end. " if len(shown) < len(whole) else ""


def by_part(currency: str, kinds: pd.DataFrame | None = None, pipelines: pd.DataFrame | None = None) -> gt.GT | None:
    """Lay out how kinds of deals and pipelines differ (`analysis.pipeline.kinds.by_part`); nothing where there is one alone."""
    known = {"Kind of deal": kinds, "Pipeline": pipelines}
    parts = [frame.assign(heading=name) for name, frame in known.items() if frame is not None and len(frame)]
    if not parts:
        return None
    columns = {
        "part": ("", "text"),
        "closed": ("Closed", "count"),
        "win_rate": ("Win rate", "ratio"),
        "interval": ("90 % interval", "interval whole ratio"),
        "cycle_days": ("Cycle, days", "count"),
        "average_won": ("Average won deal", "money"),
        "open_deals": ("Open deals", "count"),
        "velocity": ("Velocity a day", "money"),
    }
    note = f"Of twelve months; parts with {FEWEST} closed deals or more. Velocity = open deals × win rate × average ÷ cycle days."
    return lay(pd.concat(parts, ignore_index=True).assign(interval=None), columns, note, currency, by="heading")


def velocity_factors(velocity: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out velocity's factors now and a year before, and what each did to it (`analysis.pipeline.stages.velocity`)."""
    units = [FACTORS[f][1] for f in velocity["factor"]]
    shown = pd.DataFrame(
        {
            "factor": [FACTORS[f][0] for f in velocity["factor"]],
            "now": [style.amount(v, u, currency) for v, u in zip(velocity["now"], units, strict=True)],
            "before": [style.amount(v, u, currency) for v, u in zip(velocity["before"], units, strict=True)],
            "share": velocity["share"].map(style.change),
        }
    )
    return (
        house(shown)
        .cols_label(factor="", now="Now", before="A year before", share="Effect on velocity")
        .cols_align("right", columns=["now", "before", "share"])
        .tab_source_note(
            "Velocity = open deals × win rate × average won deal ÷ cycle days; the effects multiply to its own."
        )
    )


def capacity(capacity: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out capacity against plan by quarter (`analysis.capacity.capacity`)."""
    columns = {
        "quarter": ("Quarter", "text", "period"),
        "ramped": ("Ramped sellers", "tenths"),
        "capacity": ("Capacity", "money", "sales_capacity"),
        "low": ("80 % range", "interval money"),
        "plan": ("Plan", "money"),
        "gap": ("Short by", "money"),
        "hires": ("Sellers wanted", "count"),
        "hire_by": ("Hired by", "day"),
        "hires_now": ("From today", "count"),
    }
    note = (
        "Capacity: full quotas × ramp × the attainment of eight quarters. Nobody is taken to leave. A plan that is not set yet is "
        "last year's, grown as the plan last grew."
    )
    shown = capacity.assign(gap=capacity["gap"].where(capacity["gap"] > 0))
    return lay(shown, columns, note, currency)
