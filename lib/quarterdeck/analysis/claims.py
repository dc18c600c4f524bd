"""What does a sentence claim of a figure, and does it hold?

Each predicate is a word that a sentence may use of named figures and the test that they must pass. A claim that does not
hold cannot be made. What it speaks of is a metric of the catalogue, or one of `FIGURES`: figures that pages tell beside
their metrics, each defined in a line. There are no other names, and a test says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

PREDICATES: dict[str, Callable[[dict[str, float]], bool]] = {
    "rose": lambda f: f["now"] > f["before"],
    "fell": lambda f: f["now"] < f["before"],
    "stood still": lambda f: f["now"] == f["before"],
    "no clear change": lambda f: f["low"] <= f["before"] <= f["high"],
    "clearly rose": lambda f: f["now"] > f["before"] and f["before"] < f["low"],
    "clearly fell": lambda f: f["now"] < f["before"] and f["before"] > f["high"],
    "reached": lambda f: f["now"] >= f["target"],
    "short of": lambda f: f["now"] < f["target"],
    "heading above": lambda f: f["low"] > f["target"],
    "within reach of": lambda f: f["low"] <= f["target"] <= f["high"],
    "heading below": lambda f: f["high"] < f["target"],
    "very likely": lambda f: f["chance"] >= 0.9,
    "likely": lambda f: 0.6 <= f["chance"] < 0.9,
    "as likely as not": lambda f: 0.4 <= f["chance"] < 0.6,
    "unlikely": lambda f: 0.1 <= f["chance"] < 0.4,
    "very unlikely": lambda f: f["chance"] < 0.1,
    "added most": lambda f: f["now"] > 0 and f["now"] >= f["most"],
    "lost most": lambda f: f["now"] < 0 and f["now"] <= f["least"],
    "did most": lambda f: abs(f["now"]) >= max(abs(f["most"]), abs(f["least"])),
    "nothing grew": lambda f: f["most"] <= 0,
    "nothing fell": lambda f: f["least"] >= 0,
    "above": lambda f: f["low"] > 0,  # an interval of a difference
    "below": lambda f: f["high"] < 0,
    "short of its aim": lambda f: f["high"] < f["target"],
    "expected": lambda f: f["low"] > 0,  # an interval of an amount
    "counted": lambda f: f["n"] > 0,
    # of all pages
    "amounts to": lambda f: f["now"] == f["now"],  # a plain figure, written as it is
    "n of m": lambda f: 0 <= f["n"] <= f["of"],  # the subject is what the n are or do, in the sentence's words
    "is most": lambda f: f["now"] >= f["most"],
    "is least": lambda f: f["now"] <= f["least"],
    "more than": lambda f: f["now"] > f["than"],
    "less than": lambda f: f["now"] < f["than"],
    "as much as": lambda f: f["now"] == f["than"],
    "not clear": lambda f: f["low"] <= 0 <= f["high"],  # an interval of a difference
    "likelier than not": lambda f: f["chance"] > 0.5,
}
# The words by which sentences say each predicate; a test finds none of them in a sentence without its claim.
WORDS: dict[str, tuple[str, ...]] = {
    "rose": ("rose", "up", "more", "grew", "gained", "taking", "gains"),
    "fell": ("fell", "down", "less", "shrank", "lost", "losing"),
    "clearly rose": ("rose", "up", "more"),
    "clearly fell": ("fell", "down", "less"),
    "reached": ("reached",),
    "short of": ("short of",),
    "heading above": ("heading above",),
    "within reach of": ("within reach",),
    "heading below": ("heading below",),
    **{odds: (odds,) for odds in ("very likely", "likely", "as likely as not", "unlikely", "very unlikely")},
    "added most": ("added", "most", "gained", "fastest"),
    "lost most": ("lost", "most"),
    "did most": ("most",),
    "nothing grew": ("grew",),
    "nothing fell": ("fell",),
    "above": ("grew", "above", "more", "more often", "higher", "clearly", "surely", "too high", "closer"),
    "below": (
        "fell",
        "less",
        "less often",
        "fewer",
        "more often",
        "short of",
        "below",
        "lower",
        "clearly",
        "surely",
        "too low",
        "further off",
    ),
    "not clear": ("surely", "neither surely more nor less", "not surely more"),
    "n of m": ("surely",),
    "is most": ("most", "largest", "highest", "lead", "nearest"),
    "is least": ("least", "fewest", "smallest", "lowest", "Lowest", "hardest", "truest", "nearest"),
    "more than": ("more", "more often", "ahead", "dearer", "higher", "above", "beyond", "too high", "closer", "nearer"),
    "less than": (
        "less",
        "less often",
        "behind",
        "fewer",
        "cheaper",
        "lower",
        "below",
        "short of",
        "lost",
        "fell",
        "too low",
        "further off",
    ),
    "likelier than not": ("likelier than not", "more often than not"),
}
AGAINST_BEFORE = ("no clear change", "clearly rose", "clearly fell", "rose", "fell", "stood still")
AGAINST_TARGET = ("heading above", "within reach of", "heading below")
ODDS = ("very likely", "likely", "as likely as not", "unlikely", "very unlikely")
MOVED = ("rose", "fell", "stood still")
BESIDE = ("more than", "less than", "as much as")
CLEAR = ("above", "below", "not clear")

# What claims speak of where the catalogue has no metric: names, each with its definition.
FIGURES: dict[str, str] = {
    # executive_brief and the deck
    "scorecard": "How figures stand: well or not against their targets, else against last year, as the brief says of each",
    "findings": "Findings: what the brief's rules found clear of chance, and the money behind each",
    # market_research
    "market_size": "Market: all sellers' revenue of four quarters",
    "market_forecast": "Market ahead: the middle of the back-tested forecast of all sellers' revenue of four quarters",
    "headroom": "Room: market of a segment and region × (best share held in a like one − our share)",
    "addressable_market": "Addressable market: the market of all (TAM), served (SAM) and winnable (SOM) segments and regions",
    "penetration": "Penetration: known accounts that bought in twelve months ÷ all known accounts",
    "whitespace": "Room among customers: (buyers expected as elsewhere − buyers) × spend of a buyer",
    "portfolio_field": "Field: the share of other weights under which a segment stays in its field of the matrix",
    "growth_share": "Growth and share: segments by market growth and by our revenue over the largest rival's",
    "cannibalisation": "Cannibalisation: revenue that siblings lost ÷ revenue of new products, in six months",
    "revenue_concentration": "Concentration of revenue: the part that the largest customers bring in twelve months",
    "value_segment": "Value segment: customers by how lately, how often and for how much they bought",
    "price_elasticity": "Price elasticity: per cent of units for one per cent of price, shrunken",
    "seasonal_index": "Seasonal index: revenue of a month or weekday ÷ that of a mean one",
    "holiday_effect": "Public holiday: revenue of the day ÷ that of like days around it − 1",
    # competitor_analysis
    "price_index": "Price level: a rival's prices weighted by its revenue, where ours are 100",
    "loss_reasons": "Reasons: lost deals that name one ÷ lost deals with any reason written down",
    "deals_recorded": "Coverage: closed deals in which the field is written down ÷ closed deals",
    "deals_lost": "Deals lost: Σ amount of deals lost in twelve months",
    "win_rate_stake": "Stake: (win rate of all − win rate against the rival) × amount of deals closed against it",
    "pipeline_at_risk": "At risk: Σ amount of open deals with a rival named × (1 − win rate against it)",
    "share_flow": "Share flow: the least movement between sellers that explains their shares, in money of this year's market",
    "win_odds": "Odds: what a condition adds to the win rate, others being equal, by logistic regression",
    "chance_score": "Score of chances: their mean squared error (Brier), and their mean distance from what came true",
    "segment_distance": "Distance: how far sellers lie apart in the map of the segments that they sell to",
    "rivalry_cost": "Cost of rivalry: deals won against a rival less those won without one, of like segment and size",
    "price_response": "Price response: change of a rival's sales against ours for one point of its price index",
    "change_alarm": "Alarm: a lasting change of a rate or a pace that noise does not explain",
    # team_performance
    "seller_skill": "Skill: log-odds of winning beyond what segment, region, channel and rival explain, shrunken",
    "seller_size": "Deal size of a seller: amounts won ÷ those of like deals − 1, shrunken",
    "seller_attainment": "Attainment of a seller: beyond what the region attained in the same quarters, shrunken",
    "seller_revenue": "Revenue of a seller: Σ revenue (without orders, bookings) of twelve months ÷ ramped months in the job × 12",
    "seller_margin": "Gross margin of a seller: Σ gross margin of twelve months ÷ ramped months in the job × 12",
    "quota_chance": "Chance of quota: learnt from attainment and open deals on the same day of past quarters",
    "booking_pace": "Pace: part of a quarter's bookings that was in by the same day",
    "run_rate": "Run-rate: bookings a working day; needed: what is missing of the quota ÷ working days left",
    "pipeline_moves": "Pipeline's steps: Σ amount of deals due in the quarter, by what became of them",
    "pipeline_faults": "Faults: Σ amount of open deals past their date, stuck, or pushed again and again",
    "pipeline_overdue": "Past due: Σ amount of open deals whose expected close has passed",
    "stage_conversion": "Conversion: deals that reached the next stage ÷ deals that reached the stage",
    "funnel_leak": "Leak: (conversion of all − a seller's, shrunken) × deals that reached the stage × worth of one that goes on",
    "deal_outcome": "Outcome: the share of deals won by so many days after opening, open ones counted",
    "due_deals": "Due deals: parts of the money due when a quarter began, by what had become of it at its end",
    "due_conversion": "Conversion in time: money won by a quarter's end ÷ money that was due in it on the same day of it",
    "ramp_length": "Ramp: months until a new seller wins as often as the others",
    "ramped_attainment": "Ramp-adjusted attainment: bookings ÷ (full quota × ramp share), of sellers who are still on the ramp",
    "sales_capacity": "Capacity: quotas × past attainment × how far newcomers have come",
    "lever_gap": "Lever: gap of a seller's deals, win rate, deal size or cycle to those of the region, shrunken",
    "excess_discount": "Excess discount: a seller's discount less that of others on like lines",
    # forecasting
    "bookings_ahead": "Bookings ahead: a quarter's at its end: booked, open deals by their chances, and what usually still comes",
    "brier_score": "Brier score: mean squared distance of a chance from what came",
    "call_error": "Error of calls: mean of called over actual, less one",
    "chance_error": "Error of chances: mean distance of a chance from the share that came true",
    "forecast_bias": "Bias: Σ (forecast − actual) ÷ Σ actual",
    "forecast_error": "Error of forecasts: Σ |forecast − actual| ÷ Σ actual",
    "call_gain": "Worth of calls: error of the page's forecast of the same day less the call's, over what came",
    "forecast_gain": "Value added: error of repeating last year less the forecasts'",
    "goal_gap": "Gap to the goal: goal ÷ usual bookings − 1",
    "goal_probability": "Chance of the goal: share of the distribution of bookings at or above it",
    "interval_coverage": "Coverage: share of past outcomes that the interval held",
    "lever": "Lever of velocity: open deals, win rate, average won deal, days to win, or sellers",
    "lever_effect": "Effect of a lever: half of what a usual swing to both sides moves in bookings",
    "mase": "MASE: mean absolute error ÷ that of repeating last year",
    "pipeline_worth": "Worth of the pipeline: open deals due this quarter, weighted by their stage's past chance",
    "regressor_effect": "Known beforehand: by what part that would have moved past errors one period ahead",
    "revenue_ahead": "Revenue ahead: forecast of the months or quarters to come, in the middle",
    # targets
    "customer_profit": "Customers' profit: gross margin less selling cost, where it is known, of four whole quarters",
    "margin_gain": "Margin gained: margin of a split of the same revenue less that of equal chances",
    "margin_money": "Gross margin in money: revenue less cost of goods of four whole quarters, and what moved it",
    "plan": "Plan: what the next quarter is to bring, as asked, as targets are set, or the middle of its forecast",
    "plan_need": "Needs of the plan: pipeline decided, win rate and ramped sellers",
    "price_left": "Price waterfall: what is left of the list price at each stage, and what was taken",
    "split_chance": "Chance of a share of the plan: that a unit reaches what it is asked for",
    "split_error": "Error of a split: Σ |actual − asked| ÷ Σ actual",
    "split_shortfall": "Expected shortfall: what units miss of what they are asked for, on average",
    # customers
    "acquisition_cost": "Cost of a new customer: selling cost of four quarters, a quarter earlier ÷ new customers",
    "account_room": "Room of accounts: what accounts that count as kept would bring if they bought what their peers do",
    "chance_gain": "Gain of chances: Brier score of one chance for all less that of the chances told",
    "cohort_retention": "Cohorts: customers who still buy in a span of their life ÷ all who lived through it",
    "customer_flow": "Customers' bridge: revenue that came and went by customers, twelve months on the twelve before",
    "expected_revenue": "Expected revenue: what chances told a year ago made of the year since, against what came",
    # initiatives
    "detectable_effect": "Detectable effect: the smallest that would be found in eight of ten cases",
    "initiative_effect": "Effect of an initiative: change of what it was to move, against what would have been",
    "initiative_periods": "Event study: periods since the start whose gap to the control is beyond what chance gave before",
    "initiative_sales": "Sales under initiatives: day-to-day sales that any of them touched, and what they explain of it",
    "placebo_effect": "Placebos: the same estimate where, or when, nothing was done",
}


@dataclass(frozen=True)
class Claim:
    """That a predicate holds of a metric's figures, of the whole page's rows or of a `subject` among them.

    Raises
    ------
    ValueError
        Where it does not hold.

    Examples
    --------
    >>> Claim("revenue", "rose", {"now": 3.0, "before": 2.0}).record()
    {'metric': 'revenue', 'predicate': 'rose', 'figures': {'now': 3.0, 'before': 2.0}, 'subject': ''}
    >>> Claim("revenue", "fell", {"now": 3.0, "before": 2.0})
    Traceback (most recent call last):
    ValueError: it is not so that revenue fell: {'now': 3.0, 'before': 2.0}
    """

    metric: str
    predicate: str
    figures: dict[str, float]
    subject: str = ""

    def __post_init__(self) -> None:
        if not holds(self.predicate, self.figures):
            raise ValueError(f"it is not so that {self.metric} {self.predicate}: {self.figures}")

    @property
    def name(self) -> str:
        """Give the subject without its kind: "A" of "rival: A"."""
        return self.subject.rpartition(": ")[2]

    def record(self) -> dict[str, Any]:
        """Give the claim as data, with plain numbers."""
        figures = {name: float(value) for name, value in self.figures.items()}
        return {"metric": self.metric, "predicate": self.predicate, "figures": figures, "subject": self.subject}


def holds(predicate: str, figures: dict[str, float]) -> bool:
    """Tell whether a predicate holds; not where a figure that it needs is not there.

    >>> holds("reached", {"now": 1.0, "target": 1.0}), holds("reached", {"now": 1.0})
    (True, False)
    """
    try:
        return bool(PREDICATES[predicate](figures))
    except KeyError as error:
        if predicate not in PREDICATES:
            raise ValueError(f"there is no predicate {predicate!r}; there are {', '.join(PREDICATES)}.") from error
        return False


def first(metric: str, predicates: tuple[str, ...], figures: dict[str, float], subject: str = "") -> Claim | None:
    """Make the first claim of several that holds; None where none does.

    >>> first("revenue", ("rose", "fell"), {"now": 1.0, "before": 2.0}).predicate
    'fell'
    """
    known = {name: value for name, value in figures.items() if value is not None and value == value}
    return next((Claim(metric, p, known, subject) for p in predicates if holds(p, known)), None)


def amounts(metric: str, now: float, subject: str = "", **beside: float) -> Claim | None:
    """Claim a plain figure, with what is told `beside` it; None where it is not known.

    >>> amounts("win_rate", 0.3, n=40).figures
    {'now': 0.3, 'n': 40}
    """
    return first(metric, ("amounts to",), {"now": now} | beside, subject)


def part(metric: str, n: float, of: float, subject: str) -> Claim:
    """Claim that so many of so many are or do what `subject` says, in the words of the sentence."""
    return Claim(metric, "n of m", {"n": n, "of": of}, subject)


def most(
    metric: str, values: pd.Series, kind: str, predicates: tuple[str, ...] = ("is most",), **beside: float
) -> Claim | None:
    """Claim something of the largest of values by name; its name is the claim's.

    >>> most("revenue", pd.Series({"A": 1.0, "B": 2.0}), "segment").name
    'B'
    """
    ends = {"now": values.max(), "most": values.max(), "least": values.min()}
    return first(metric, predicates, ends | beside, f"{kind}: {values.idxmax()}")


def least(
    metric: str, values: pd.Series, kind: str, predicates: tuple[str, ...] = ("is least",), **beside: float
) -> Claim | None:
    """Claim something of the smallest of values by name, as `most` does of the largest."""
    ends = {"now": values.min(), "most": values.max(), "least": values.min()}
    return first(metric, predicates, ends | beside, f"{kind}: {values.idxmin()}")


def apart(
    metric: str, low: float, high: float, subject: str = "", against: float = 0.0, **beside: float
) -> Claim | None:
    """Claim that an interval lies above or below what it is held `against`, or that this is not clear.

    >>> apart("win_rate", 0.2, 0.3, "rival: A", against=0.4).predicate
    'below'
    """
    return first(metric, CLEAR, {"low": low - against, "high": high - against} | beside, subject)
