"""What is each figure that pages give beside the metrics: its definition, unit, better direction, function and source?

With the metrics of the registry these are all the measures there are: a sentence, a tile, a table or a picture that gives
anything else fails a test. A function is named `package.module.function`; a test holds that it exists.
"""

from dataclasses import dataclass

UNITS = (
    "money",
    "money/day",
    "ratio",
    "points",
    "chance",
    "days",
    "months",
    "count",
    "index",
    "times",
    "score",
    "none",
)
OWN = "own rule"
_FIELD = "Farris et al., Marketing Metrics, 4th ed."
_FPP = "Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed."

_BRIER = "Brier 1950"
_VELOCITY = "Jordan and Vazzana, Cracking the Sales Management Code"
_PRICE = "Marn and Rosiello, Managing Price, Gaining Profit, Harvard Business Review 1992"


@dataclass(frozen=True)
class Figure:
    """One figure: its definition ("Name: formula"), unit, direction ("higher", "lower" or "neither" is better), function, source.

    An `additive` figure of a whole is the sum of its parts'. One `of_page` is held against what its page says (a goal, the others
    of a region), and two pages may give it differently by design.
    """

    definition: str
    unit: str
    better: str
    function: str
    source: str = OWN
    additive: bool = False
    of_page: bool = False


FIGURES: dict[str, Figure] = {
    # executive_brief and the deck
    "scorecard": Figure(
        "How figures stand: well or not against their targets, else against last year, as the brief says of each",
        "count",
        "higher",
        "brief.scorecard.scorecard",
    ),
    "findings": Figure(
        "Findings: what the brief's rules found clear of chance, and the money behind each",
        "money",
        "neither",
        "brief.findings.found",
    ),
    "finding_risk": Figure(
        "Risk of a finding: chance, given the data, that it is not so; of one that names several, that of one of them",
        "chance",
        "lower",
        "methods.finding.chance_above",
        "Efron 2008; Scott and Berger 2006",
    ),
    "forecast_gap": Figure(
        "Gap of the forecast: median of the quarter's end − target",
        "money",
        "higher",
        "brief.call.regions",
        additive=True,
    ),
    "chance_week": Figure(
        "Change on the week: chance of the target less that of a week before", "points", "higher", "brief.call.regions"
    ),
    "team_gap": Figure(
        "Gap of a team: booked and worth of its open deals − quotas of its sellers",
        "money",
        "higher",
        "brief.call.teams",
    ),
    "team_booked": Figure(
        "Booked by a team: Σ bookings of its sellers in the quarter", "money", "higher", "brief.call.teams"
    ),
    "team_open": Figure(
        "Open deals of a team: Σ chance × amount of its sellers' open deals", "money", "higher", "brief.call.teams"
    ),
    "team_quota": Figure(
        "Quota of a team: Σ quotas of its sellers in the quarter", "money", "neither", "brief.call.teams"
    ),
    "quarter_target": Figure(
        "Target of a region: what its quarter is to bring", "money", "neither", "brief.call.regions", additive=True
    ),
    "forecast_course": Figure(
        "Course of the quarter: forecast, its ends, target and commit as each week would have had them",
        "money",
        "neither",
        "forecasting.landings.course",
    ),
    "revenue_step": Figure(
        "Step of a bridge: what a part added to revenue or took from it between two totals",
        "money",
        "neither",
        "brief.scorecard.revenue_bridge",
    ),
    "bookings_course": Figure(
        "Bookings of quarters: this and the next ones' at their end, with their ends and goals",
        "money",
        "neither",
        "planning.scenarios.scenario",
    ),
    "capacity_course": Figure(
        "Capacity of quarters: what sellers can book in each, with its ends and the plan",
        "money",
        "neither",
        "planning.capacity.capacity",
    ),
    "lever_swing": Figure(
        "Swing of a lever: by what part a usual swing of it moves the quarter's bookings",
        "ratio",
        "neither",
        "planning.scenarios.tornado",
        of_page=True,
    ),
    "days_silent": Figure(
        "Days silent: days since an account's last order", "days", "lower", "customers.accounts.account_outlook"
    ),
    # market_research
    "seller_revenue_market": Figure(
        "Revenue of a seller in the market: ours or a rival's, four quarters",
        "money",
        "neither",
        "competition.dynamics.structure",
        additive=True,
    ),
    "value_segment_spend": Figure(
        "Revenue of a value segment: Σ revenue of twelve months of its customers",
        "money",
        "neither",
        "customers.buyers.value_segments",
        of_page=True,
    ),
    "value_segment_share": Figure(
        "Part of a value segment: its revenue of twelve months ÷ that of all customers",
        "ratio",
        "neither",
        "customers.buyers.value_segments",
        of_page=True,
    ),
    "market_size": Figure(
        "Market: all sellers' revenue of four quarters",
        "money",
        "higher",
        "market.market_share.market_size",
        "contract, table market",
    ),
    "market_forecast": Figure(
        "Market ahead: the middle of the back-tested forecast of all sellers' revenue of four quarters",
        "money",
        "higher",
        "market.sizing.ahead",
        _FPP,
    ),
    "headroom": Figure(
        "Room: market of a segment and region × (best share held in a like one − our share)",
        "money",
        "higher",
        "market.sizing.cells",
    ),
    "addressable_market": Figure(
        "Addressable market: the market of all (TAM), served (SAM) and winnable (SOM) segments and regions",
        "money",
        "higher",
        "market.sizing.addressable",
        "TAM, SAM and SOM, as commonly used",
    ),
    "penetration": Figure(
        "Penetration: known accounts that bought in twelve months ÷ all known accounts",
        "ratio",
        "higher",
        "market.market_share.penetration",
        _FIELD,
    ),
    "accounts_buying": Figure(
        "Buying accounts: known accounts that bought in the last four quarters of the market ÷ all known accounts",
        "ratio",
        "higher",
        "market.market_share.share_parts",
        _FIELD,
    ),
    "whitespace": Figure(
        "Room among customers: (buyers expected as elsewhere − buyers) × spend of a buyer",
        "money",
        "higher",
        "market.market_share.whitespace",
    ),
    "portfolio_field": Figure(
        "Field: the share of other weights under which a segment stays in its field of the matrix",
        "ratio",
        "higher",
        "market.portfolio.matrix",
        "GE and McKinsey 1971; the share is our own",
    ),
    "growth_share": Figure(
        "Growth and share: segments by market growth and by our revenue over the largest rival's",
        "none",
        "neither",
        "market.portfolio.growth_share",
        "BCG 1970",
    ),
    "cannibalisation": Figure(
        "Cannibalisation: revenue that siblings lost ÷ revenue of new products, in six months",
        "ratio",
        "lower",
        "sales.launches.cannibalised",
        _FIELD,
    ),
    "revenue_concentration": Figure(
        "Concentration of revenue: the part that the largest customers bring in twelve months",
        "ratio",
        "neither",
        "customers.buyers.customer_concentration",
        "Lorenz 1905",
    ),
    "value_segment": Figure(
        "Value segment: customers by how lately, how often and for how much they bought",
        "none",
        "neither",
        "customers.buyers.value_segments",
        "Hughes 1994",
    ),
    "price_elasticity": Figure(
        "Price elasticity: per cent of units for one per cent of price, shrunk",
        "ratio",
        "neither",
        "sales.prices.elasticity",
        "Tellis 1988",
    ),
    "seasonal_index": Figure(
        "Seasonal index: revenue of a month or weekday ÷ that of a mean one",
        "ratio",
        "neither",
        "sales.season.month_index",
        "Macaulay 1931",
    ),
    "holiday_effect": Figure(
        "Public holiday: revenue of the day ÷ that of like days around it − 1",
        "ratio",
        "neither",
        "sales.season.holiday_effect",
    ),
    # competitor_analysis
    "price_index": Figure(
        "Price level: a rival's prices weighted by its revenue, where ours are 100",
        "index",
        "neither",
        "competition.competitors.price_position",
        _FIELD,
    ),
    "loss_reasons": Figure(
        "Reasons: lost deals that name one ÷ lost deals with any reason written down",
        "ratio",
        "neither",
        "competition.competitors.loss_reasons",
    ),
    "deals_recorded": Figure(
        "Coverage: closed deals in which the field is written down ÷ closed deals",
        "ratio",
        "higher",
        "pipeline.win_loss.coverage",
    ),
    "deals_lost": Figure(
        "Deals lost: Σ amount of deals lost in twelve months", "money", "lower", "competition.competitors.loss_reasons"
    ),
    "win_rate_stake": Figure(
        "Stake: (win rate of all − win rate against the rival) × amount of deals closed against it",
        "money",
        "lower",
        "pipeline.win_loss.stake",
    ),
    "pipeline_at_risk": Figure(
        "At risk: Σ amount of open deals with a rival named × (1 − win rate against it)",
        "money",
        "lower",
        "pipeline.win_loss.at_risk",
    ),
    "share_flow": Figure(
        "Share flow: the least movement between sellers that explains their shares, in money of this year's market",
        "money",
        "neither",
        "competition.dynamics.share_flow",
    ),
    "win_odds": Figure(
        "Odds: what a condition adds to the win rate, others being equal, by logistic regression",
        "points",
        "neither",
        "pipeline.win_loss.odds",
    ),
    "chance_score": Figure(
        "Score of chances: their mean squared error (Brier), and their mean distance from what came true",
        "score",
        "lower",
        "pipeline.win_loss.calibration",
        _BRIER,
    ),
    "segment_distance": Figure(
        "Distance: how far sellers lie apart in the map of the segments that they sell to",
        "score",
        "neither",
        "competition.dynamics.position_map",
        "Greenacre 2017",
    ),
    "rivalry_cost": Figure(
        "Cost of rivalry: deals won against a rival less those won without one, of like segment and size",
        "days",
        "neither",
        "pipeline.win_loss.cost_of_rivalry",
    ),
    "price_response": Figure(
        "Price response: change of a rival's sales against ours for one point of its price index",
        "ratio",
        "neither",
        "market.demand.price_response",
        "Berry 1994",
    ),
    "change_alarm": Figure(
        "Alarm: a lasting change of a rate or a pace that noise does not explain",
        "none",
        "neither",
        "competition.alarms.win_rate_alarms",
        "Ploberger and Krämer 1992",
    ),
    # team_performance
    "quota_set": Figure(
        "Quota of a quarter: Σ quotas of sellers", "money", "neither", "team.performance.attainment_by", additive=True
    ),
    "seller_sold": Figure(
        "Sold by a seller: Σ revenue (without orders, bookings) of twelve months",
        "money",
        "higher",
        "team.productivity.sellers",
    ),
    "seller_earned": Figure(
        "Earned by a seller: Σ gross margin of twelve months", "money", "higher", "team.productivity.sellers"
    ),
    "seller_skill": Figure(
        "Skill: log-odds of winning beyond what segment, region, channel and rival explain, shrunk",
        "points",
        "higher",
        "team.skill.skills",
        "Breslow and Clayton 1993",
    ),
    "seller_size": Figure(
        "Deal size of a seller: amounts won ÷ those of like deals − 1, shrunk",
        "ratio",
        "higher",
        "team.standing.standing",
    ),
    "seller_attainment": Figure(
        "Attainment of a seller: beyond what the region attained in the same quarters, shrunk",
        "points",
        "higher",
        "team.standing.standing",
        "Cochran 1977, 6.4",
    ),
    "seller_revenue": Figure(
        "Revenue of a seller: Σ revenue (without orders, bookings) of twelve months ÷ ramped months in the job × 12",
        "money",
        "higher",
        "team.productivity.sellers",
    ),
    "seller_margin": Figure(
        "Gross margin of a seller: Σ gross margin of twelve months ÷ ramped months in the job × 12",
        "money",
        "higher",
        "team.productivity.sellers",
    ),
    "quota_chance": Figure(
        "Chance of quota: learned from attainment and open deals on the same day of past quarters",
        "chance",
        "higher",
        "team.pace.quota_chances",
    ),
    "booking_pace": Figure(
        "Pace: part of a quarter's bookings that was in by the same day", "ratio", "higher", "team.pace.pace"
    ),
    "run_rate": Figure(
        "Run-rate: bookings a working day; needed: what is missing of the quota ÷ working days left",
        "money/day",
        "higher",
        "team.pace.run_rate",
        _VELOCITY,
    ),
    "pipeline_moves": Figure(
        "Pipeline's steps: Σ amount of deals due in the quarter, by what became of them",
        "money",
        "neither",
        "pipeline.movement.waterfall",
    ),
    "pipeline_faults": Figure(
        "Faults: Σ amount of open deals past their date, stuck, or pushed again and again",
        "money",
        "lower",
        "pipeline.movement.hygiene",
    ),
    "pipeline_overdue": Figure(
        "Past due: Σ amount of open deals whose expected close has passed",
        "money",
        "lower",
        "pipeline.stages.overdue_total",
    ),
    "stage_conversion": Figure(
        "Conversion: deals that reached the next stage ÷ deals that reached the stage",
        "ratio",
        "higher",
        "pipeline.stages.funnel",
        _VELOCITY,
    ),
    "funnel_leak": Figure(
        "Leak: (conversion of all − a seller's, shrunk) × deals that reached the stage × worth of one that goes on",
        "money",
        "lower",
        "pipeline.stages.leaks",
    ),
    "deal_outcome": Figure(
        "Outcome: the share of deals won by so many days after opening, open ones counted",
        "ratio",
        "higher",
        "pipeline.durations.incidence",
        "Aalen and Johansen 1978",
    ),
    "due_deals": Figure(
        "Due deals: parts of the money due when a quarter began, by what had become of it at its end",
        "ratio",
        "neither",
        "pipeline.movement.slips",
    ),
    "due_conversion": Figure(
        "Conversion in time: money won by a quarter's end ÷ money that was due in it on the same day of it",
        "ratio",
        "higher",
        "team.pace.cover",
    ),
    "ramp_length": Figure(
        "Ramp: months until a new seller wins as often as the others",
        "months",
        "lower",
        "team.skill.ramp_length",
        "Wilks 1938; Rotnitzky and Jewell 1990",
    ),
    "ramped_attainment": Figure(
        "Ramp-adjusted attainment: bookings ÷ (full quota × ramp share), of sellers who are still on the ramp",
        "ratio",
        "higher",
        "team.ramp_up.ramping",
    ),
    "sales_capacity": Figure(
        "Capacity: quotas × past attainment × how far newcomers have come",
        "money",
        "higher",
        "planning.capacity.capacity",
    ),
    "lever_gap": Figure(
        "Lever: gap of a seller's deals, win rate, deal size or cycle to those of the region, shrunk",
        "ratio",
        "lower",
        "team.skill.levers",
    ),
    "excess_discount": Figure(
        "Excess discount: a seller's discount less that of others on like lines",
        "money",
        "lower",
        "team.discounts.discounts",
        _PRICE,
    ),
    # forecasting
    "deal_amount": Figure("Amount of an open deal: as it stands", "money", "neither", "pipeline.win_chances.chances"),
    "crm_chance": Figure(
        "CRM's probability: the chance that a deal is won, as the CRM holds it",
        "chance",
        "higher",
        "brief.call.deciding",
    ),
    "deal_chance": Figure(
        "Chance of a deal: that it is won by the end of the quarter", "chance", "higher", "pipeline.win_chances.chances"
    ),
    "deal_next_chance": Figure(
        "Chance of a deal later: that it is won by the end of the next quarter",
        "chance",
        "higher",
        "pipeline.win_chances.chances",
    ),
    "forecast_view": Figure(
        "View: what one way of forecasting a quarter gives, before the ways are joined",
        "money",
        "neither",
        "forecasting.quarter_end.views",
    ),
    "bookings_ahead": Figure(
        "Bookings ahead: a quarter's at its end: booked, open deals by their chances, and what usually still comes",
        "money",
        "higher",
        "pipeline.win_chances.bookings_ahead",
    ),
    "brier_score": Figure(
        "Brier score: mean squared distance of a chance from what came",
        "score",
        "lower",
        "pipeline.win_chances.trial",
        _BRIER,
    ),
    "call_error": Figure(
        "Error of calls: mean of called over actual, less one",
        "ratio",
        "neither",
        "forecasting.quarter_end.call_accuracy",
    ),
    "chance_error": Figure(
        "Error of chances: mean distance of a chance from the share that came true",
        "points",
        "lower",
        "pipeline.win_chances.trial",
        "Naeini et al. 2015",
    ),
    "forecast_bias": Figure(
        "Bias: Σ (forecast − actual) ÷ Σ actual", "ratio", "neither", "forecasting.ledger.scores", "Gilliland 2010"
    ),
    "forecast_error": Figure(
        "Error of forecasts: Σ |forecast − actual| ÷ Σ actual",
        "ratio",
        "lower",
        "forecasting.ledger.scores",
        "WAPE; Gilliland 2010",
    ),
    "call_gain": Figure(
        "Worth of calls: error of the page's forecast of the same day less the call's, over what came",
        "points",
        "higher",
        "forecasting.quarter_end.call_values",
        "Gilliland 2010",
    ),
    "forecast_gain": Figure(
        "Value added: error of repeating last year less the forecasts'",
        "points",
        "higher",
        "forecasting.ledger.scores",
        "Gilliland 2010",
    ),
    "goal_gap": Figure(
        "Gap to the goal: goal ÷ usual bookings − 1", "ratio", "lower", "planning.goal_seek.seek", of_page=True
    ),
    "goal_probability": Figure(
        "Chance of the goal: share of the distribution of bookings at or above it",
        "chance",
        "higher",
        "pipeline.win_chances.bookings_ahead",
    ),
    "interval_coverage": Figure(
        "Coverage: share of past outcomes that the interval held", "ratio", "neither", "forecasting.ledger.scores", _FPP
    ),
    "lever": Figure(
        "Lever of velocity: open deals, win rate, average won deal, days to win, or sellers",
        "none",
        "neither",
        "planning.goal_seek.lever_record",
        _VELOCITY,
    ),
    "lever_effect": Figure(
        "Effect of a lever: half of what a usual swing to both sides moves in bookings",
        "money",
        "neither",
        "planning.scenarios.tornado",
    ),
    "mase": Figure(
        "MASE: mean absolute error ÷ that of repeating last year",
        "times",
        "lower",
        "forecasting.months_ahead.accuracy",
        "Hyndman and Koehler 2006",
    ),
    "pipeline_worth": Figure(
        "Worth of the pipeline: Σ chance of an open deal to be won this quarter × its amount",
        "money",
        "higher",
        "pipeline.win_chances.by_stage",
    ),
    "regressor_effect": Figure(
        "Known beforehand: by what part that would have moved past errors one period ahead",
        "ratio",
        "lower",
        "methods.regressors.gains",
        "Box and Jenkins 1976; Bell and Hillmer 1983",
    ),
    "forecast_joined": Figure(
        "Joined forecast: what the views of a quarter give together, before regions are added up to the company",
        "money",
        "neither",
        "forecasting.months_ahead.by_quarter",
    ),
    "revenue_ahead": Figure(
        "Revenue ahead: expected in the months or quarters to come",
        "money",
        "higher",
        "forecasting.months_ahead.ahead",
        _FPP,
    ),
    "single_peak": Figure(
        "Single peak or dip: a period far off its level, once at its part of the year, against what is usual there",
        "money",
        "neither",
        "methods.peaks.single",
    ),
    # targets
    "split_target": Figure(
        "Proposed target: what a part of the plan is asked for",
        "money",
        "neither",
        "planning.target_split.split",
        "Arrow, Harris and Marschak 1951",
    ),
    "split_change": Figure(
        "Proposed change: proposed target ÷ the same quarter last year − 1",
        "ratio",
        "neither",
        "planning.target_split.split",
    ),
    "margin_rate": Figure(
        "Margin rate: gross margin ÷ revenue of four whole quarters", "ratio", "higher", "sales.margin.parts", _FIELD
    ),
    "customer_profit": Figure(
        "Customers' profit: gross margin less selling cost, where it is known, of four whole quarters",
        "money",
        "higher",
        "planning.profit.whale",
        "Kaplan and Narayanan 2001",
    ),
    "margin_gain": Figure(
        "Margin gained: margin of a split of the same revenue less that of equal chances",
        "money",
        "higher",
        "planning.profit.moves",
    ),
    "margin_money": Figure(
        "Gross margin in money: revenue less cost of goods of four whole quarters, and what moved it",
        "money",
        "higher",
        "sales.margin.margin_bridge",
        _FIELD,
    ),
    "plan": Figure(
        "Plan: what the next quarter is to bring, as asked, as targets are set, or the middle of its forecast",
        "money",
        "neither",
        "planning.prospects.next_plan",
    ),
    "plan_need": Figure(
        "Needs of the plan: pipeline decided, win rate and ramped sellers",
        "none",
        "neither",
        "planning.prospects.needs",
    ),
    "margin_rate_shrunk": Figure(
        "Margin rate, shrunk: margin rate of four whole quarters, drawn to that of the other parts by its doubt",
        "ratio",
        "higher",
        "planning.profit.moves",
    ),
    "price_left": Figure(
        "Price waterfall: what is left of the list price at each stage, and what was taken",
        "ratio",
        "higher",
        "sales.margin.waterfall",
        _PRICE,
    ),
    "split_chance": Figure(
        "Chance of a share of the plan: that a unit reaches what it is asked for",
        "chance",
        "higher",
        "planning.target_split.split",
        "Arrow, Harris and Marschak 1951",
    ),
    "split_error": Figure(
        "Error of a split: Σ |actual − asked| ÷ Σ actual", "ratio", "lower", "planning.target_split.record"
    ),
    "split_shortfall": Figure(
        "Expected shortfall: what units miss of what they are asked for, on average",
        "money",
        "lower",
        "planning.target_split.shortfall",
        "Arrow, Harris and Marschak 1951",
    ),
    # customers
    "account_spend": Figure(
        "Spend of an account: Σ revenue of twelve months", "money", "higher", "customers.accounts.account_outlook"
    ),
    "account_chance": Figure(
        "Chance of an account: that it buys in the next twelve months",
        "chance",
        "higher",
        "customers.accounts.account_outlook",
        "Fader, Hardie and Lee 2005 (BG/NBD)",
    ),
    "account_expected": Figure(
        "To expect of an account: revenue of the next twelve months × its chance of buying",
        "money",
        "higher",
        "customers.accounts.account_outlook",
    ),
    "account_stake": Figure(
        "At stake: what an account brings if it buys × the chance that it does not",
        "money",
        "lower",
        "customers.accounts.at_risk",
    ),
    "acquisition_cost": Figure(
        "Cost of a new customer: selling cost of four quarters, a quarter earlier ÷ new customers",
        "money",
        "lower",
        "customers.retention.acquisition",
        _FIELD,
    ),
    "account_room": Figure(
        "Room of accounts: what accounts that count as kept would bring if they bought what their peers do",
        "money",
        "higher",
        "customers.accounts.to_grow",
    ),
    "chance_gain": Figure(
        "Gain of chances: Brier score of one chance for all less that of the forecast chances",
        "score",
        "higher",
        "customers.accounts.scores",
        _BRIER,
    ),
    "cohort_retention": Figure(
        "Cohorts: customers who still buy in a span of their life ÷ all who lived through it",
        "ratio",
        "higher",
        "customers.cohorts.cohorts",
    ),
    "customer_flow": Figure(
        "Customers' bridge: revenue that came and went by customers, twelve months on the twelve before",
        "money",
        "neither",
        "customers.retention.customer_bridge",
        "SaaS Metrics Standards Board",
    ),
    "expected_revenue": Figure(
        "Expected revenue: what chances forecast a year ago made of the year since, against what came",
        "money",
        "neither",
        "customers.accounts.scores",
    ),
    # initiatives
    "initiative_money": Figure(
        "Sales of an initiative: those above what would have been",
        "money",
        "higher",
        "initiatives.results.effects",
        additive=True,
    ),
    "detectable_effect": Figure(
        "Detectable effect: the smallest that would be found in 80 % of cases",
        "ratio",
        "lower",
        "initiatives.results.effects",
        "power of 80 %",
    ),
    "initiative_effect": Figure(
        "Effect of an initiative: change of what it was to move, against what would have been",
        "ratio",
        "higher",
        "initiatives.results.effects",
        "see methods/designs.py, estimate",
    ),
    "initiative_periods": Figure(
        "Event study: periods since the start whose gap to the control is beyond what chance gave before",
        "count",
        "neither",
        "initiatives.results.path",
    ),
    "initiative_sales": Figure(
        "Sales under initiatives: day-to-day sales that any of them touched, and what they explain of it",
        "money",
        "neither",
        "initiatives.results.reconciled",
    ),
    "placebo_effect": Figure(
        "Placebos: the same estimate where, or when, nothing was done",
        "ratio",
        "neither",
        "initiatives.results.placebos",
        "Abadie, Diamond and Hainmueller 2010",
    ),
}
