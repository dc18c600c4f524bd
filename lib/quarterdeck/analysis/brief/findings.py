"""Which findings may a brief state, and what follows from each? One table of rules.

A rule looks for candidates, states what must hold of their figures, and says in fixed words what was found, what to do, who
does it, and where the evidence stands. To add a subject, write its function (in the columns of `finding.FINDING`) and a rule.

A finding's risk is the chance, given the data, that it is not so: from the distribution of a forecast, or from what the estimates
of all that was compared make likely (`finding.chance_above`). Of a finding that names several it is that of one of them. Where
there is no such chance, the rule says in words how strong the evidence is. `benchmarks/findings.py` holds how often findings are
false against their risk.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from string import Formatter

import numpy as np
import pandas as pd

from quarterdeck.analysis.brief import call, gaps, misses
from quarterdeck.analysis.customers import accounts
from quarterdeck.analysis.forecasting import landings
from quarterdeck.analysis.initiatives import results
from quarterdeck.analysis.methods.claims import Claim, holds
from quarterdeck.analysis.methods.finding import FINDING
from quarterdeck.analysis.methods.intervals import growth
from quarterdeck.analysis.pipeline import win_chances
from quarterdeck.analysis.planning import profit
from quarterdeck.data.snapshot import Desk, Missing

OF_ONE_RULE = 2  # findings at most
SOON = 6  # months: what acting brings by then counts
MOST_RISK = 0.2  # of a finding that is stated
COUNTED = "a count, no estimate"
NOTHING = Missing("Nothing to show: of all that was looked into, nothing stands out beyond its interval and its risk.")
NOWHERE = Missing("Not shown: it needs a table in which a finding can be looked for, and the data holds none.")


@dataclass(frozen=True)
class Rule:
    """One kind of finding.

    `figures` names the columns of a finding that the predicate's figures stand in. `head`, `body`, `action` are sentences
    with places for `{subject}`, `{worth}`, `{spent}` (worth without its sign), `{value}`, `{compared}`, `{change}`, `{low}`,
    `{high}` and `{n}`; `unit` writes
    value and compared, `spread` the interval. `basis` says what the expected gain rests on. `evidence` is a notebook and the
    question that heads the section in it. `recorded` names the columns that are figures of the catalogue.
    `strength` says how strong the evidence is where no risk can be had. `owner` acts where a finding names nobody, `within` so
    many days; what that brings comes over so many `months`.
    """

    id: str
    metrics: tuple[str, ...]
    find: Callable
    predicate: str
    figures: dict[str, str]
    head: str
    body: str
    action: str
    owner: str
    evidence: tuple[str, str]
    basis: str = ""
    unit: str = "money"
    spread: str = "money"
    kind: str = ""
    recorded: dict[str, str] = field(default_factory=dict)
    strength: str = ""
    within: int = 7  # days until when to act
    months: int = 3  # over which the gain would come

    def claim(self, finding: pd.Series) -> Claim:
        """Make the rule's claim of a finding, with every figure that its words tell."""
        named = {name for text in (self.head, self.body) for _, name, *_ in Formatter().parse(text) if name}
        figures = {name: finding[name] for name in named & {"value", "compared", "low", "high", "n", "worth"}}
        if "change" in named:
            figures["change"] = abs(growth(finding["value"], finding["compared"]))
        figures |= {"spent": abs(finding["worth"])} if "spent" in named else {}
        figures |= {name: finding[column] for name, column in self.figures.items()}
        return Claim(self.metrics[0], self.predicate, figures, f"{self.id}: {finding['subject']}")

    def supports(self, finding: pd.Series) -> bool:
        """Tell whether a finding is of the rule's kind and its predicate holds."""
        figures = {name: finding[column] for name, column in self.figures.items()}
        written = self.unit if "now" in figures else ""  # an amount against another: as both are written
        return self.kind in ("", finding["kind"]) and holds(self.predicate, figures, written)


DIFFERENCE = {"low": "low", "high": "high"}
LANDING = {"low": "low", "high": "high", "target": "compared"}
ENDS = {"value": "forecast_p50", "low": "forecast_p10", "high": "forecast_p90"}
AGAINST = {"now": "value", "before": "compared", "low": "low", "high": "high"}
_LANDS = "The forecast is {value} (80 % range {low} to {high}) against the {subject} of {compared}."
_SOLD = "Revenue so far {value}, {compared} in the same days last year (n {n:order}; interval of the change {low} to {high})."

RULES: dict[str, Rule] = {
    r.id: r
    for r in (
        Rule(
            "target_below",
            ("forecast_p50", "target_probability"),
            gaps.target_gap,
            "heading below",
            LANDING,
            "The quarter is heading below its {subject}",
            _LANDS,
            "Lower the call to {value} now, and review every deal that can still close this quarter each week.",
            "Chief sales officer",
            ("forecasting", "Where will the quarter end?"),
            "if the gap is closed",
            recorded=ENDS,
        ),
        Rule(
            "target_above",
            ("forecast_p50", "target_probability"),
            gaps.target_gap,
            "heading above",
            LANDING,
            "The quarter is heading above its {subject}",
            _LANDS,
            "Raise the call to {value}, and give no discount to pull deals into this quarter.",
            "Chief sales officer",
            ("forecasting", "Where will the quarter end?"),
            "nothing more than is on its way",
            recorded=ENDS,
        ),
        Rule(
            "region_below",
            ("forecast_p50", "target_probability"),
            misses.region_gaps,
            "short of",
            {"now": "value", "target": "compared"},
            "{subject} is {spent} short of its target",
            "Its forecast is {value} (80 % range {low} to {high}), its target {compared}.",
            "Agree on a plan for the gap, deal by deal, and go through it each week.",
            "Regional sales lead",
            ("forecasting", "Where will the quarter end?"),
            "if it ends as well as one quarter in ten",
            kind="region",
        ),
        Rule(
            "region_below_quotas",
            ("forecast_p50", "target_probability"),
            misses.region_gaps,
            "short of",
            {"now": "value", "target": "compared"},
            "{subject} is {spent} short of its quotas",
            "Its forecast is {value} (80 % range {low} to {high}), its sellers' quotas add up to {compared}.",
            "Agree on a plan for the gap, deal by deal, and go through it each week.",
            "Regional sales lead",
            ("forecasting", "Where will the quarter end?"),
            "if it ends as well as one quarter in ten",
            kind="quotas",
        ),
        Rule(
            "commit_short",
            ("lead_commit", "forecast_p50"),
            misses.commit_gap,
            "short of",
            {"now": "value", "target": "compared"},
            "The leads do not commit to the target",
            "Their commit is {value}, the target {compared}; in their first call of the quarter they committed to {low}.",
            "Ask each lead which deals left the commit, and what would bring them back.",
            "Chief sales officer",
            ("forecasting", "Are the calls of the sales leads true?"),
            "if what they no longer count on comes",
            strength="the leads' own word",
        ),
        Rule(
            "next_quarter_short",
            ("next_pipeline", "bookings"),
            misses.next_gap,
            "short of",
            {"now": "value", "target": "compared"},
            "Too little is open for the next quarter",
            "{value} is open and due in it where {compared} is needed, by what such pipeline brought before (n {n:quarter}). It "
            "would bring {low} to {high} (80 % range).",
            "Set each team a number of new deals to open before this quarter ends, and count them each week.",
            "Regional sales leads",
            ("team_performance", "How did the quarter's pipeline get here?"),
            "if as much is opened as is needed",
            within=30,
        ),
        Rule(
            "silent",
            ("account_spend", "account_chance"),
            misses.silent_accounts,
            "more than",
            {"now": "value", "than": "compared"},
            "{subject} has gone silent",
            "It bought for {spent} in twelve months, usually every {compared}, and has not ordered for {value}.",
            "Call them, and find out whether they buy elsewhere.",
            "Head of key accounts",
            ("customers", "Which accounts may we still keep?"),
            "if they buy as before",
            unit="days",
            months=12,
        ),
        Rule(
            "slipped",
            ("deal_amount", "deal_chance"),
            misses.slipped_deals,
            "amounts to",
            {"now": "value"},
            "The deal with {subject}, {spent}, has moved out of the quarter",
            "It was due this quarter. Its chance is {value} to be won by the quarter's end and {compared} by the end of the next.",
            "Meet the customer, and agree on a day and what stands in its way.",
            "Regional sales lead",
            ("forecasting", "What will the pipeline bring this quarter?"),
            "if it is won",
            unit="chance",
            strength="what sellers recorded",
        ),
        Rule(
            "margin_short",
            ("gross_margin",),
            misses.margin_short,
            "short of its aim",
            {"high": "high", "target": "compared"},
            "Gross margin is short of its target",
            "It is {value} ({low} to {high}) where the targets ask for {compared}; on what is sold so far that is {worth}.",
            "Let discounts beyond the usual be approved, and look at the goods whose cost rose.",
            "Head of pricing",
            ("targets", "Where is margin earned, and what moved it?"),
            "if what is sold had the margin asked for",
            unit="ratio",
            spread="ratio",
            within=14,
        ),
        Rule(
            "margin_fell",
            ("gross_margin",),
            misses.margin_fall,
            "less than",
            {"now": "value", "than": "compared"},
            "Gross margin is below last year's",
            "It is {value} ({low} to {high}), in the same days last year {compared}; on what is sold so far that is {worth}.",
            "Find out which prices, costs and mix moved it, and approve discounts beyond the usual.",
            "Head of pricing",
            ("targets", "Where is margin earned, and what moved it?"),
            "if what is sold had last year's margin",
            unit="ratio",
            spread="ratio",
            within=14,
        ),
        Rule(
            "coverage_short",
            ("pipeline_coverage",),
            gaps.coverage_gap,
            "below",
            DIFFERENCE,
            "Open deals are short of the quota that is left",
            "Coverage is {value} where {compared} is needed, by what was won in time of such money before (n {n:quarter}). "
            "Bookings are forecast to end {worth} off all quotas (80 % range {low} to {high}).",
            "Move sellers' time to deals that can close this quarter, and plan the gap into the next one.",
            "Regional sales leads",
            ("forecasting", "What will the pipeline bring this quarter?"),
            "if more is won than is likely",
            unit="times",
            recorded={"value": "pipeline_coverage"},
        ),
        Rule(
            "segment_fell",
            ("revenue",),
            gaps.segment_moves,
            "below",
            DIFFERENCE,
            "{subject} fell by {change}",
            _SOLD,
            "Call on the largest customers in {subject} whose orders shrank, and ask why.",
            "Head of key accounts",
            ("executive_brief", "What changed against last year?"),
            "if they buy as a year ago",
            months=12,
        ),
        Rule(
            "segment_grew",
            ("revenue",),
            gaps.segment_moves,
            "above",
            DIFFERENCE,
            "{subject} grew by {change}",
            _SOLD,
            "Give {subject} the next sellers who are free, and see that it holds.",
            "Regional sales leads",
            ("executive_brief", "What changed against last year?"),
            "if it grows as much again",
            months=12,
        ),
        Rule(
            "rival",
            ("win_rate",),
            gaps.rival_losses,
            "below",
            DIFFERENCE,
            "{subject} beats us more often than rivals do on the whole",
            "We win {value} of the deals against {subject} and {compared} against all rivals in twelve months (n {n}; "
            "interval of the difference {low} to {high}).",
            "Give sellers the card on {subject} and a lowest price for one quarter, and measure the win rate.",
            "Sales enablement lead",
            ("competitor_analysis", "Against whom do we win?"),
            "if we win against them as against all",
            unit="ratio",
            spread="points",
            months=12,
        ),
        Rule(
            "lapsed",
            ("customers_active", "net_revenue_retention"),
            gaps.lapsed_customers,
            "counted",
            {"n": "n"},
            "{n:customer of a year ago has brought nothing since,customers of a year ago have brought nothing since}",
            "They brought {value} of the revenue of the twelve months before. What acting may bring is the part that came "
            "back of customers who had been lost so a year ago.",
            "Give each of them to a seller, the largest first, with a day to call.",
            "Inside sales lead",
            ("customers", "What came in, and what fell away?"),
            "if as much comes back as before",
            unit="ratio",
            strength=COUNTED,
            months=12,
        ),
        Rule(
            "retention_low",
            ("net_revenue_retention",),
            accounts.findings,
            "clearly fell",
            AGAINST,
            "Customers of a year ago bring less than they did",
            "They bring {value} of what they brought then ({low} to {high}; n {n:customer}).",
            "Give each of them that buys less an owner and a day to call, the largest first.",
            "Head of key accounts",
            ("customers", "Do customers stay, and do they buy more?"),
            "if they buy as a year ago",
            unit="ratio",
            spread="ratio",
            kind="retention",
            recorded={"value": "net_revenue_retention"},
            months=12,
        ),
        Rule(
            "retention_high",
            ("net_revenue_retention",),
            accounts.findings,
            "clearly rose",
            AGAINST,
            "Customers of a year ago bring more than they did",
            "They bring {value} of what they brought then ({low} to {high}; n {n:customer}).",
            "Ask those who grew most what they would still buy, and offer it to their like.",
            "Head of key accounts",
            ("customers", "Do customers stay, and do they buy more?"),
            "if they grow as much again",
            unit="ratio",
            spread="ratio",
            kind="retention",
            recorded={"value": "net_revenue_retention"},
            months=12,
        ),
        Rule(
            "at_risk",
            ("revenue_at_risk", "customers_active"),
            accounts.findings,
            "expected",
            {"low": "low"},
            "Part of what active customers bring is at risk",
            "{value} is at stake ({low} to {high}) with accounts that may still be kept (n {n}), of {compared} with all active "
            "customers; the rest is with those almost gone or likely to buy anyway. No test of calling is on record: what it "
            "may bring is the most it could.",
            "Call the accounts at risk this month, the most money first, and keep a tenth aside to see what calling does.",
            "Inside sales lead",
            ("customers", "Which accounts may we still keep?"),
            "if they buy as often as those who are kept",
            kind="at risk",
            recorded={"compared": "revenue_at_risk"},
            months=12,
        ),
        Rule(
            "unprofitable",
            ("gross_margin",),
            profit.losses,
            "below",
            DIFFERENCE,
            "{n:customer costs more than it brings,customers cost more than they bring}",
            "Together they bring {worth} in four quarters ({low} to {high}), beyond chance.",
            "Raise their prices or the smallest order, and let go who does not follow.",
            "Head of pricing",
            ("targets", "Which customers pay?"),
            "if they break even, for what of such losses came again the year after",
            unit="ratio",
            kind="unprofitable",
            months=12,
        ),
        Rule(
            "worked",
            ("initiatives_gain", "initiatives_worked"),
            results.judged,
            "above",
            DIFFERENCE,
            "{subject} worked",
            "Effect {value} ({low} to {high}) against what would have been; smallest effect of interest {compared}.",
            "Do it again where it has not been, with regions kept aside to see whether it holds.",
            "Head of marketing",
            ("initiatives", "Which of them worked?"),
            "after what it costs, if it does again what it did",
            unit="ratio",
            spread="ratio",
            months=12,
        ),
        Rule(
            "did_not_work",
            ("initiatives_gain", "initiatives_worked"),
            results.judged,
            "short of its aim",
            {"high": "high", "target": "compared"},
            "{subject} did not work",
            "Effect {value} ({low} to {high}); the smallest effect of interest was {compared}.",
            "End it, and spend the money elsewhere.",
            "Head of marketing",
            ("initiatives", "Which of them worked?"),
            "spent on it, less what it brought",
            unit="ratio",
            spread="ratio",
            months=12,
        ),
        Rule(
            "overdue",
            ("pipeline_open",),
            gaps.overdue_deals,
            "below",
            DIFFERENCE,
            "Open deals past their date are worth less than they stand for",
            "Of past deals that stood so {value} were won within a quarter, of the others {compared} (n {n}; interval of the "
            "difference {low} to {high}).",
            "Have every deal past its date closed or given a new one this week.",
            "Sales operations lead",
            ("team_performance", "Which open deals cannot be relied on?"),
            "if they are won as often as those that keep their date",
            unit="ratio",
            spread="points",
        ),
        Rule(
            "room",
            ("revenue", "customers_active"),
            gaps.room,
            "below",
            DIFFERENCE,
            "{subject}: fewer customers buy it than elsewhere",
            "{value} of these customers buy it, {compared} of those in other segments (n {n}; interval of the difference "
            "{low} to {high}).",
            "Offer it to those who do not buy it, and keep a part of them aside to see what the offer does.",
            "Head of marketing",
            ("market_research", "Where is there room among our own customers?"),
            "if they buy it as those elsewhere do",
            unit="ratio",
            spread="points",
            months=12,
        ),
    )
}


def found(
    desk: Desk, landing: pd.DataFrame, most: int = 5, rules: dict[str, Rule] | None = None
) -> pd.DataFrame | Missing:
    """The `most` findings of all subjects that acting on is expected to bring most, of those that their interval and risk support.

    Parameters
    ----------
    desk : Desk
        The tables to look in; a rule whose tables are not there finds nothing.
    landing : DataFrame
        As `quarter_end.landing` gives it.
    rules : dict, optional
        RULES by default.

    Returns
    -------
    DataFrame or Missing
        One row per finding, what may be gained this quarter and next most first, then the money behind: `rule` (id), the columns of
        FINDING and `until` (day to have acted by); at most two of one rule, and none that no money stands behind, where the
        interval of what acting may bring holds zero, or whose risk is above MOST_RISK.
    """
    rules, answers, parts = rules or RULES, {}, []
    given = _Given(desk, landing)
    for rule in rules.values():
        if rule.find not in answers:
            answers[rule.find] = given.ask(rule.find)
        answer = answers[rule.find]
        if not isinstance(answer, Missing) and len(answer):
            held = answer[[rule.supports(row) for _, row in answer.iterrows()]]
            parts.append(held.reindex(columns=FINDING).assign(rule=rule.id))
    sure = [p[_money(p) & ~(p["risk"] > MOST_RISK)] for p in parts]
    known = [_most_first(p, rules) for p in sure if len(p)]
    if not known:
        return NOWHERE if all(isinstance(answer, Missing) for answer in answers.values()) else NOTHING
    table = _most_first(pd.concat([p.head(OF_ONE_RULE) for p in known], ignore_index=True), rules).head(most)
    days = pd.to_timedelta([rules[rule].within for rule in table["rule"]], unit="D")
    return table.assign(until=desk.as_of + days).reset_index(drop=True)


def _most_first(found: pd.DataFrame, rules: dict[str, Rule]) -> pd.DataFrame:
    """Order findings by what acting on them may bring within SOON, then by the money behind them."""
    soon = np.array([min(1.0, SOON / rules[rule].months) for rule in found["rule"]])
    rank = pd.DataFrame({"gain": -found["gain"].astype("float64").fillna(0.0) * soon, "worth": -found["worth"].abs()})
    return found.loc[rank.sort_values(["gain", "worth"], kind="stable").index, ["rule", *FINDING]]


class _Given:
    """What rules look into besides the tables, asked of the desk when a rule wants it."""

    def __init__(self, desk: Desk, landing: pd.DataFrame) -> None:
        self.desk, self.landing = desk, landing
        self.ways: dict[str, Callable[[], pd.DataFrame | Missing]] = {
            "landing": lambda: NOWHERE if landing["p50"].isna().all() else landing,
            "chances": lambda: desk.ask(win_chances.chances),
            "ahead": lambda: desk.ask(win_chances.bookings_ahead, chances=desk.ask(win_chances.chances)),
            "regions": lambda: desk.ask(call.regions, course=desk.ask(landings.course)),
            "outlook": lambda: desk.ask(accounts.accounts)["outlook"],
        }

    def ask(self, find: Callable) -> pd.DataFrame | Missing:
        """Give a rule's candidates; missing where what it needs is not there, or holds nothing of the region."""
        options = {name: self.ways[name]() for name in inspect.signature(find).parameters if name in self.ways}
        void = [option for option in options.values() if isinstance(option, Missing)]
        return void[0] if void else self.desk.ask(find, **options)


def _money(found: pd.DataFrame) -> pd.Series:
    """Tell behind which findings there is money: one of the currency or more, and surely something to be gained, where known."""
    surely = found["gain_low"].fillna(found["gain"])
    return (found["worth"].abs() >= 1) & (surely.isna() | (surely > 0))
