"""Which targets, needs and margins does the targets' page list?"""

import great_tables as gt
import pandas as pd

from quarterdeck.present import style
from quarterdeck.present.tables import lay

OF_LAST_YEAR = {"last_year", "change", "flat", "flat_chance", "floor"}  # columns of a split that need one


def split(split: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out proposed targets beside last year plus x (`analysis.planning.target_split.split`)."""
    columns = {
        "unit": (split["dimension"].iloc[0].capitalize(), "text", "=dimension"),
        "last_year": ("Same quarter last year", "money"),
        "target": ("Proposed", "money", "split_target"),
        "change": ("On last year", "change", "split_change"),
        "chance": ("Chance", "chance", "split_chance"),
        "flat": (f"Last year {style.change(split['growth'].iloc[0])}", "money"),
        "flat_chance": ("Its chance", "chance"),
        "floor": ("Floor", "money"),
        "cap": ("Cap", "money"),
        "why": ("Held by", "text"),
    }
    if split["flat"].isna().all():
        columns = {c: head for c, head in columns.items() if c not in OF_LAST_YEAR}
    why = split["bound"].where(split["bound"] != "cap", split["cap_from"] + " (cap)").replace("", "–")
    note = "Floor: part of what last year plus x asks. " if "floor" in columns else ""
    note += (
        "Cap: what the market holds within our best share nearby, what the sellers can carry, or a seller's best quarter of two "
        "years; the lowest of those known."
    )
    if split["dimension"].iloc[0] == "region":
        note += " Where a target of the quarter is set for a region, its own page plans with that, else with what stands here."
    shown = split.assign(why=why, cap=split["cap"].replace(float("inf"), float("nan")))
    return lay(shown, columns, note, currency)


def fairness(fairness: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out how equal the chances are under each way of splitting (`analysis.planning.target_split.fairness`)."""
    columns = {
        "way": ("Split by", "text"),
        "lowest": ("Lowest chance", "chance"),
        "highest": ("Highest chance", "chance"),
        "unlikely": ("Asked where the chance is below one in four", "money"),
        "short": ("Expected shortfall of all", "money"),
    }
    note = "Expected shortfall: by how much targets are missed on average. No split within the bounds has less than the first."
    return lay(fairness, columns, note, currency)


def needs(needs: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out what the plan wants in pipeline, win rate and sellers (`analysis.planning.prospects.needs`)."""
    words = {"pipeline": "Pipeline to be decided", "win rate": "Win rate", "sellers": "Ramped sellers"}
    written = {
        c: [style.amount(v, u, currency) for v, u in zip(needs[c], needs["unit"], strict=True)]
        for c in ("there", "needed", "gap")
    }
    often = [f"{r:.0f} of {q:.0f}" if q > 0 else "–" for r, q in zip(needs["reached"], needs["quarters"], strict=True)]
    shown = needs.assign(what=needs["what"].map(words), often=often, **written)
    columns = {
        "what": ("What", "text"),
        "there": ("There, or usual", "text"),
        "needed": ("Needed", "text"),
        "gap": ("To be found", "text"),
        "often": ("Quarters that reached it", "text"),
        "by": ("Hired by", "day"),
    }
    note = (
        "Pipeline: what a quarter has to decide at the win rate by value of twelve months, against what is open and "
        "due then; the rest "
        "is still to be opened. Win rate: needed if nothing else moves. Sellers: by full quotas, ramp and past attainment."
    )
    return lay(shown, columns, note, currency)


def parts(parts: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out mix and rate of the change of margin, by dimension (`analysis.sales.margin.parts`)."""
    columns = {
        "part": ("Part", "text", "=dimension"),
        "revenue": ("Revenue", "money"),
        "margin": ("Gross margin", "money", "margin_money"),
        "rate": ("Margin rate", "ratio", "margin_rate"),
        "rate_before": ("A year before", "ratio"),
        "mix": ("By mix", "points"),
        "rate_effect": ("By rate", "points"),
        "change": ("Both", "points"),
        "n": ("Orders", "count"),
    }
    note = "Mix and rate of a dimension's parts add up to the change of the whole's margin rate."
    return lay(parts.assign(group=parts["dimension"].str.capitalize()), columns, note, currency, by="group")


def losers(whale: pd.DataFrame, currency: str = "EUR", most: int = 10) -> gt.GT:
    """Lay out the customers that lose the most (`analysis.planning.profit.whale`)."""
    columns = {
        "name": ("Customer", "text", "account"),
        "segment": ("Segment", "text"),
        "revenue": ("Revenue", "money"),
        "margin": ("Gross margin", "money"),
        "serving": ("Cost of serving", "money"),
        "profit": ("Profit", "money", "customer_profit"),
        "sure": ("Beyond chance", "text"),
        "n": ("Orders", "count"),
    }
    note = (
        "Cost of serving: the region's selling cost by orders. Beyond chance: at a false discovery rate of one in ten."
    )
    shown = whale[whale["profit"] < 0].tail(most).iloc[::-1]
    serving = shown["serving"].where(shown["serving"] > 0)  # zero where selling costs are not known
    shown = shown.assign(serving=serving, sure=shown["clear"].map({True: "yes", False: "no"}))
    return lay(shown, columns, note, currency)


def moves(moves: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out where targets would be moved for margin (`analysis.planning.profit.moves`)."""
    columns = {
        "unit": (moves["dimension"].iloc[0].capitalize(), "text", "=dimension"),
        "rate": ("Margin rate, shrunk", "ratio", "margin_rate_shrunk"),
        "low": ("90 %", "interval ratio"),
        "fair": ("Equal chance", "money"),
        "best": ("Most margin", "money"),
        "move": ("Move", "money"),
        "gain": ("Margin gained", "money", "margin_gain"),
        "chance": ("Chance then", "chance"),
    }
    note = (
        "Nobody is asked for less than is reached three times of four, or more than once in four. Taken for granted: "
        "the next sale earns what "
        "the last ones did, and parts do not take from one another."
    )
    return lay(moves, columns, note, currency)
