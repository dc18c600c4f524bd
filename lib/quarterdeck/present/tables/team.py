"""How do managers' teams and the factors of velocity read side by side?"""

import great_tables as gt
import pandas as pd

from quarterdeck.present import style
from quarterdeck.present.tables import house

FACTORS = {
    "open_deals": ("Open deals", "count"),
    "win_rate": ("Win rate", "ratio"),
    "average_won": ("Average won deal", "money"),
    "cycle_days": ("Cycle, days", "days"),
    "velocity": ("Velocity", "money/day"),
}


def manager_attainment(teams: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out each manager's attainment by quarter.

    Parameters
    ----------
    teams : DataFrame
        As `analysis.team.attainment_by_manager` gives it.
    """
    shown = pd.DataFrame(
        {
            "quarter": teams["quarter"],
            "manager": teams["manager"],
            "reps": teams["reps"].map(style.number),
            "at_quota": teams["at_quota"].map(style.number),
            "booked": teams["booked"].map(lambda v: style.money(v, currency)),
            "quota": teams["quota"].map(lambda v: style.money(v, currency)),
            "attainment": teams["attainment"].map(lambda v: style.percent(v, 0)),
        }
    )
    labels = {"manager": "Manager", "reps": "Sellers", "at_quota": "At quota", "booked": "Booked", "quota": "Quota"}
    return (
        house(shown, by="quarter")
        .cols_label(**labels, attainment="Attainment")
        .cols_align("right", columns=["reps", "at_quota", "booked", "quota", "attainment"])
        .tab_source_note(
            "Booked by closing day, over the quota of the whole quarter; the open quarter is still filling."
        )
    )


def manager_win_rates(rates: pd.DataFrame) -> gt.GT:
    """Lay out each manager's win rate with its interval and its place (`analysis.team.win_rates` by manager)."""
    low, high = rates["low"].map(style.percent), rates["high"].map(style.percent)
    shown = pd.DataFrame(
        {
            "manager": rates["name"],
            "deals": rates["won"].map(style.number) + " of " + rates["n"].map(style.number),
            "raw": rates["raw"].map(style.percent),
            "rate": rates["rate"].map(style.percent),
            "interval": low + " to " + high,
            "by_value": rates["by_value"].map(style.percent),
            "place": rates["place"].where(rates["ranked"], "too few deals to rank"),
        }
    )
    labels = {
        "manager": "Manager",
        "deals": "Won of closed",
        "raw": "By count",
        "rate": "Shrunken",
        "by_value": "By value",
    }
    return (
        house(shown)
        .cols_label(**labels, interval="Interval", place="Against the team")
        .cols_align("right", columns=["deals", "raw", "rate", "interval", "by_value"])
        .tab_source_note("Deals closed in twelve months; shrunken to the team's rate, interval of nine in ten.")
    )


def velocity_factors(velocity: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out velocity's factors now and a year before, and what each did to it (`analysis.pipeline.velocity`)."""
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
