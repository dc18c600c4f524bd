"""What does each metric mean, and what is it now?

The registry: one record per metric, holding its definition and the one function that computes it.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from quarterdeck.analysis.brief import call
from quarterdeck.analysis.competition import competitors
from quarterdeck.analysis.customers import accounts, retention
from quarterdeck.analysis.forecasting import landings, next_quarter
from quarterdeck.analysis.initiatives import results
from quarterdeck.analysis.market import market_share
from quarterdeck.analysis.sales import constant_rates, revenue
from quarterdeck.analysis.team import performance
from quarterdeck.data import history
from quarterdeck.data.coverage import needs
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import LACKING
from quarterdeck.data.snapshot import Desk, Missing
from quarterdeck.errors import ParamsError, nearest

UNITS = ("money", "money/day", "ratio", "chance", "days", "count", "index", "times")
BETTER = ("higher", "lower", "neither")
QUARTER = "quarter to date"
AGAINST_QUOTAS = ", against the quotas"  # of a chance: where no target is set, the sellers' quotas stand in
FIELDS = ("value", "n", "low", "high")
MOVED = ["previous", "growth_low", "growth_high"]
ROW = ["metric", "title", "period", *FIELDS, "unit", "better", *MOVED, "missing", "uncompared", "formula", "source"]
DESKS = {"period", "as_of", "region", "currency", "ask"}  # what a desk gives to a function that asks for it


@dataclass(frozen=True)
class Metric:
    """One metric's definition.

    `function` gives a frame of at most one row; `columns` tells which of its columns hold the value, its n and its
    interval, where they are not called so. `since` is the span a figure covers. An `additive` metric of the company
    is the sum of its regions'. Below `min_n` rows the value is not shown. `lacking` says what there is none of where there is no
    value and no table is missing. `growth` gives the rate by which a sum moved on the year before, with its interval.
    """

    id: str
    title: str
    formula: str
    unit: str
    better: str
    source: str
    needs: tuple[str, ...]
    function: Callable
    columns: dict[str, str] = field(default_factory=dict)
    since: str = QUARTER
    min_n: int = 1
    additive: bool = False
    comparable: bool = True
    lacking: str = ""
    growth: Callable | None = None

    def __post_init__(self) -> None:
        if self.unit not in UNITS or self.better not in BETTER:
            raise ValueError(f"metric {self.id}: unit is one of {', '.join(UNITS)}, better one of {', '.join(BETTER)}.")


_FIELD = "Farris et al., Marketing Metrics, 4th ed."
_FORECAST = {"n": "n_origins"}
_PAST = "three past quarters to learn from"

_ROMI = f"{_FIELD}, return on marketing investment, before the spend is taken off"
_INITIATIVES = [
    (
        "initiatives_worked",
        "Initiatives that moved their figure",
        "initiatives whose interval lies above zero, at or above their smallest effect of interest, at a false discovery "
        "rate of one in ten",
        "count",
        "higher",
        "Benjamini and Hochberg 1995; the rule is analysis/initiatives/results.py, verdict",
        (),
        "worked",
    ),
    (
        "initiatives_spend",
        "Spent on initiatives",
        "Σ spend of all initiatives that have begun",
        "money",
        "neither",
        "contract, table initiatives",
        ("initiatives.spend",),
        "spend",
    ),
    (
        "initiatives_gain",
        "Gained by initiatives",
        "Σ incremental gross margin: sales above what would have been × gross margin rate",
        "money",
        "higher",
        _ROMI,
        ("orders.cost",),
        "gain",
    ),
    (
        "initiative_roi",
        "Return on spend",
        "Σ incremental gross margin ÷ Σ spend, of initiatives that have both",
        "times",
        "higher",
        _ROMI,
        ("initiatives.spend", "orders.cost"),
        "roi",
    ),
]

METRICS: dict[str, Metric] = {
    m.id: m
    for m in (
        Metric(
            "revenue",
            "Revenue",
            "Σ revenue of order lines, net of discounts and returns, by order date",
            "money",
            "higher",
            "contract, table orders",
            ("orders.revenue",),
            revenue.revenue,
            min_n=0,
            additive=True,
            growth=revenue.revenue_growth,
        ),
        Metric(
            "revenue_growth",
            "Revenue growth",
            "revenue ÷ revenue of the same span a year before − 1",
            "ratio",
            "higher",
            _FIELD,
            ("orders.revenue",),
            revenue.revenue_growth,
            comparable=False,
        ),
        Metric(
            "revenue_growth_constant",
            "Revenue growth at constant rates",
            "revenue, what was sold in other currencies at the exchange rates of the same day a year before ÷ revenue of the same "
            "span a year before − 1",
            "ratio",
            "higher",
            "Constant currency, as companies report it beside IFRS and US GAAP",
            ("orders.revenue",),
            constant_rates.constant_growth,
            comparable=False,
            lacking="orders in several currencies",
        ),
        Metric(
            "bookings",
            "Bookings",
            "Σ amount of deals won, by the day they closed",
            "money",
            "higher",
            "contract, table opportunities",
            ("opportunities.amount",),
            revenue.bookings,
            min_n=0,
            additive=True,
            lacking="the amounts of deals won, which the data leaves empty",
        ),
        Metric(
            "gross_margin",
            "Gross margin",
            "(revenue − cost of goods) ÷ revenue, of lines whose cost is known",
            "ratio",
            "higher",
            _FIELD,
            ("orders.revenue", "orders.cost"),
            revenue.gross_margin,
        ),
        Metric(
            "target_attainment",
            "Target attainment",
            "revenue so far ÷ revenue target of the whole quarter",
            "ratio",
            "higher",
            "contract, table targets",
            ("orders.revenue", "targets.revenue_target"),
            revenue.target_attainment,
            min_n=0,
        ),
        Metric(
            "discount_rate",
            "Discount",
            "(list amount − revenue) ÷ list amount, of lines whose list amount is known",
            "ratio",
            "lower",
            "Marn and Rosiello, Managing Price, Gaining Profit, Harvard Business Review 1992",
            ("orders.list_amount", "orders.revenue"),
            revenue.discount_rate,
        ),
        Metric(
            "margin_target_attainment",
            "Margin target attainment",
            "gross margin so far (money) ÷ margin target of the whole quarter",
            "ratio",
            "higher",
            "contract, table targets",
            ("orders.revenue", "orders.cost", "targets.margin_target"),
            revenue.margin_target_attainment,
        ),
        Metric(
            "selling_expense_ratio",
            "Selling cost",
            "selling cost ÷ revenue, the last four quarters that have ended",
            "ratio",
            "lower",
            _FIELD,
            ("orders.revenue", "costs.amount"),
            revenue.selling_expense_ratio,
            since="last four whole quarters",
        ),
        Metric(
            "pipeline_open",
            "Open pipeline",
            "Σ amount of open deals, unweighted",
            "money",
            "higher",
            "contract, table opportunities",
            ("opportunities.amount",),
            revenue.pipeline_open,
            since="open today",
            min_n=0,
            additive=True,
            lacking="the amounts of open deals, which the data leaves empty",
        ),
        Metric(
            "customers_active",
            "Active customers",
            "customers with revenue in the trailing twelve months",
            "count",
            "higher",
            _FIELD,
            ("orders.customer_id",),
            retention.customers_active,
            since="trailing twelve months",
        ),
        Metric(
            "net_revenue_retention",
            "Net revenue retention",
            "Σ revenue now ÷ Σ revenue a year ago, of the customers of a year ago",
            "ratio",
            "higher",
            "SaaS Metrics Standards Board",
            ("orders.revenue",),
            retention.net_revenue_retention,
            since="trailing twelve months",
        ),
        Metric(
            "gross_revenue_retention",
            "Gross revenue retention",
            "Σ min(now, a year ago) ÷ Σ a year ago, customer by customer",
            "ratio",
            "higher",
            "SaaS Metrics Standards Board",
            ("orders.revenue",),
            retention.gross_revenue_retention,
            since="trailing twelve months",
        ),
        Metric(
            "logo_retention",
            "Customers kept",
            "customers of a year ago with revenue in the last twelve months ÷ all of them",
            "ratio",
            "higher",
            "SaaS Metrics Standards Board",
            ("orders.revenue",),
            retention.logo_retention,
            since="trailing twelve months",
        ),
        Metric(
            "customer_lifetime_value",
            "Customer lifetime value",
            "gross margin expected of three years, discounted at a tenth a year, per active customer",
            "money",
            "higher",
            "Fader, Hardie and Lee 2005 (BG/NBD); Fader and Hardie 2013 (gamma-gamma)",
            ("orders.revenue", "orders.cost"),
            accounts.worth,
            since="the next three years",
        ),
        Metric(
            "revenue_at_risk",
            "Revenue at risk",
            "Σ (1 − chance of buying) × revenue if it buys, over active accounts; where past chances proved better than none",
            "money",
            "lower",
            "Fader, Hardie and Lee 2005 (BG/NBD); Fader and Hardie 2013 (gamma-gamma)",
            ("orders.revenue",),
            accounts.worth,
            columns={"value": "at_stake", "low": "stake_low", "high": "stake_high"},
            since="the next twelve months",
            additive=True,
            lacking="chances forecast a year ago that were surely better than one chance for all accounts",
        ),
        Metric(
            "quota_attainment",
            "Quota attainment",
            "bookings so far of sellers with a quota ÷ their quota of the whole quarter",
            "ratio",
            "higher",
            "contract, table quotas",
            ("quotas.quota",),
            performance.attainment_total,
        ),
        Metric(
            "win_rate",
            "Win rate",
            "deals won ÷ deals closed, by count",
            "ratio",
            "higher",
            _FIELD,
            ("opportunities.status",),
            performance.win_rate_total,
            since="trailing twelve months",
            min_n=5,
            lacking="five deals closed in twelve months, some of them recorded as lost",
        ),
        Metric(
            "sales_velocity",
            "Sales velocity",
            "open deals × win rate × average won deal ÷ median cycle days",
            "money/day",
            "higher",
            "Jordan and Vazzana, Cracking the Sales Management Code",
            ("opportunities.amount",),
            performance.velocity_total,
            since="trailing twelve months",
            min_n=5,
        ),
        Metric(
            "sales_cycle_days",
            "Sales cycle",
            "median days from opening to closing of deals won",
            "days",
            "lower",
            _FIELD,
            ("opportunities.closed_on",),
            performance.cycle_days_total,
            since="trailing twelve months",
            min_n=5,
        ),
        Metric(
            "lead_commit",
            "Leads' commit",
            "Σ newest commit for the quarter of all who lead sales",
            "money",
            "higher",
            "contract, table forecast_calls",
            ("forecast_calls.amount",),
            call.commit,
            since="the whole quarter",
            comparable=False,
            additive=True,
        ),
        Metric(
            "next_pipeline",
            "Next quarter's pipeline",
            "Σ amount of open deals due in the next quarter",
            "money",
            "higher",
            "contract, table opportunities",
            ("opportunities.expected_close", "opportunities.amount"),
            next_quarter.open_for_next,
            since="due in the next quarter",
            comparable=False,
            additive=True,
        ),
        Metric(
            "pipeline_coverage",
            "Pipeline coverage",
            "open amount expected to close this quarter ÷ what is still to be won of its quota",
            "times",
            "higher",
            "Jordan and Vazzana, Cracking the Sales Management Code",
            ("opportunities.expected_close", "quotas.quota"),
            performance.coverage_total,
            min_n=0,
            since="to the quarter's end",
            comparable=False,
        ),
        *(
            Metric(
                f"forecast_{which}",
                title,
                f"{what} of the back-tested forecast of the quarter's end",
                "money",
                "higher",
                "Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 5.5",
                ("orders.revenue",),
                landings.landing,
                columns=_FORECAST | {"value": which} | limits,
                since="the whole quarter",
                comparable=False,
                lacking=_PAST,
            )
            for which, title, what, limits in (
                ("p50", "Forecast", "the middle", {"low": "p10", "high": "p90"}),
                ("p10", "Forecast, low end", "the 10 % quantile", {}),
                ("p90", "Forecast, high end", "the 90 % quantile", {}),
                ("to_come", "Still to come", "what is not in yet of the middle", {}),
            )
        ),
        Metric(
            "target_probability",
            "Chance of reaching the target",
            "share of the forecast's distribution at or above the target",
            "chance",
            "higher",
            "Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 5.5",
            ("orders.revenue", "targets.revenue_target"),
            landings.landing,
            columns=_FORECAST | {"value": "probability"},
            since="the whole quarter",
            comparable=False,
            lacking=f"a target and {_PAST}",
        ),
        Metric(
            "market_share",
            "Market share",
            "own revenue ÷ market revenue, the last four quarters that have ended",
            "ratio",
            "higher",
            _FIELD,
            ("orders.revenue", "market.market_revenue"),
            market_share.trailing_share,
            columns={"value": "share"},
            since="last four whole quarters",
        ),
        Metric(
            "market_growth",
            "Market growth",
            "market revenue of the last four quarters that have ended ÷ of the four before − 1",
            "ratio",
            "higher",
            _FIELD,
            ("market.market_revenue",),
            market_share.trailing_growth,
            columns={"value": "growth"},
            since="last four whole quarters",
        ),
        Metric(
            "hhi",
            "Concentration (HHI)",
            "Σ squared market shares in percent, ours and the rivals', the last four quarters that have ended",
            "index",
            "neither",
            "US Merger Guidelines 2023, 2.1",
            ("orders.revenue", "market.market_revenue", "competitors.revenue"),
            competitors.market_concentration,
            since="last four whole quarters",
        ),
        *(
            Metric(
                name,
                title,
                formula,
                unit,
                better,
                source,
                ("initiatives.started_on", "orders.revenue", *more),
                results.summary,
                columns={"value": value, "low": f"{value}_low", "high": f"{value}_high"},
                since="all initiatives so far",
                additive=name in ("initiatives_spend", "initiatives_gain"),
                comparable=False,
            )
            for name, title, formula, unit, better, source, more, value in _INITIATIVES
        ),
    )
}


def measure(desk: Desk, *ids: str, period: Period | None = None, **known: pd.DataFrame) -> pd.DataFrame:
    """Compute metrics of the registry for a desk.

    Parameters
    ----------
    desk : Desk
        The tables to compute from.
    ids : str
        Metric ids.
    period : Period, optional
        Another span than the desk's quarter, for metrics that can be asked of the past: `data.periods.last_quarters(desk.as_of, 8)`
        gives whole quarters. What looks back does so from the last day that the span has seen.
    known : DataFrame
        What has been computed already, by the name of the parameter under which a metric's function takes it.

    Returns
    -------
    DataFrame
        One row per id, in the order asked for: metric, title, period, value, n, low, high (in `unit`), unit, better,
        previous (the same span a year before), growth_low, growth_high (90 %, of the rate by which a sum moved on it), missing
        (why there is no value, or ""), uncompared (which past a previous value lacks, or ""), formula, source.

    Raises
    ------
    ParamsError
        Where the registry has no such id (the message names the nearest one), no metric asked for takes what is given,
        or `period` is none or not over by the desk's day.
    """
    _refuse_unknown(ids)
    _refuse_unused(ids, known)
    period = desk.period if period is None else period
    if not isinstance(period, Period) or period.through > desk.as_of:
        raise ParamsError(f"period holds {period!r}, expected a Period seen through {desk.as_of:%Y-%m-%d} or before.")
    rows = [_measured(desk, METRICS[i], known, period) for i in ids]
    return pd.DataFrame(rows, columns=ROW).astype(dict.fromkeys((*FIELDS, *MOVED), "float64"))


def _refuse_unknown(ids: tuple[str, ...]) -> None:
    if unknown := [i for i in ids if not isinstance(i, str) or i not in METRICS]:
        raise ParamsError(f"there is no metric {unknown[0]!r}; {nearest(unknown[0], METRICS)}")


def _refuse_unused(ids: tuple[str, ...], known: dict) -> None:
    """Refuse what no metric that is asked for takes, and plain values that one of them does not take."""
    takes = {i: set(inspect.signature(METRICS[i].function).parameters) - DESKS for i in ids}
    for name, value in known.items():
        without = next((i for i, names in takes.items() if name not in names), None)
        none = not any(name in names for names in takes.values())
        if none or (without and not isinstance(value, (pd.DataFrame, Missing))):
            words = {"period"}.union(*takes.values()) if none else {"period"} | takes[without]
            asked = without or "nothing"
            raise ParamsError(f"measure takes no {name!r} for {asked}; {nearest(name, words)}")


def trail(desk: Desk, *ids: str, quarters: int = 8) -> pd.DataFrame:
    """How metrics stood on the same day of past quarters; those that know only today, as earlier runs reported them.

    Returns
    -------
    DataFrame
        One row per id and day, oldest first: `metric`, `day`, `value`; no rows where nothing is known.
    """
    _refuse_unknown(ids)
    recorded = desk.tables.get(history.TABLE, pd.DataFrame(columns=history.COLUMNS)).sort_values("as_of")
    period, rows = desk.period, []
    spans = [s.seen(period.same_day(s)) for s in last_quarters(period, quarters)]
    for metric in (METRICS[i] for i in ids):
        if _knows_the_past(metric):
            rows += [[metric.id, span.through, _at(desk, metric, span, {}).get("value")] for span in spans]
        else:
            own = recorded[recorded["metric"].eq(metric.id)].tail(quarters)
            rows += [[metric.id, day, value] for day, value in zip(own["as_of"], own["value"], strict=True)]
    table = pd.DataFrame(rows, columns=["metric", "day", "value"]).astype({"value": "float64"})
    return table.dropna(subset=["value"]).query("value != 0").reset_index(drop=True)


def _measured(desk: Desk, metric: Metric, known: dict, period: Period) -> dict:
    parameters = inspect.signature(metric.function).parameters
    given = {k: v for k, v in known.items() if k in parameters}
    now = _at(desk, metric, period, given)
    before = _at(desk, metric, period.before(), {}) if _knows_the_past(metric) else {}
    if now.get("n") is not None and now["n"] < metric.min_n:
        behind = f"has only {now['n']:.0f} row{'' if now['n'] == 1 else 's'} behind it, of {metric.min_n} needed"
        now = {"missing": f"Not shown: {metric.title.lower()} {behind}." if now["n"] else now["lacking"]}
    quotas = metric.id == "target_probability" and now.get("quotas")
    return {
        "metric": metric.id,
        "title": metric.title.replace("target", "quotas") if quotas else metric.title,
        "period": _spoken_of(desk, metric, period) + _known_of(now) + (AGAINST_QUOTAS if quotas else ""),
        **{f: now.get(f) for f in FIELDS},
        "unit": metric.unit,
        "better": metric.better,
        "previous": before.get("value"),
        **_growth(desk, metric, period),
        "missing": now.get("missing", ""),
        "uncompared": "" if now.get("missing") else before.get("past", ""),
        "formula": metric.formula,
        "source": metric.source,
    }


def _growth(desk: Desk, metric: Metric, period: Period) -> dict:
    """Give the interval of the rate by which a sum moved on the year before; nothing where it is not known."""
    moved = desk.ask(metric.growth, period=period) if metric.growth else Missing("")
    known = isinstance(moved, pd.DataFrame) and len(moved)
    return {f"growth_{end}": moved[end].iloc[0] for end in ("low", "high")} if known else {}


def _spoken_of(desk: Desk, metric: Metric, period: Period) -> str:
    """Name the span that a figure covers; of the quarter so far, only the part from which the data is there."""
    if metric.since != QUARTER:
        return metric.since + ("" if period == desk.period else f", from {period.through:%d %b %Y}")
    begin = desk.begins[metric.needs[0].split(".")[0]]
    return f"{period.label}, from {begin.day} {begin:%b} on" if begin > period.start else period.label


def _known_of(now: dict) -> str:
    """Say of how many deals the amount is known, where not of all."""
    whole, known = now.get("of"), now.get("n")
    return "" if whole is None or whole == known else f", amount known of {known:.0f} of {whole:.0f} deals"


def _knows_the_past(metric: Metric) -> bool:
    return metric.comparable and bool({"period", "as_of"} & set(inspect.signature(metric.function).parameters))


def _at(desk: Desk, metric: Metric, period: Period, given: dict) -> dict:
    """Ask for a metric as it was in a period; what knows only the desk's day has no other one's value."""
    if period == desk.period:
        return _answer(desk, metric, given)
    if not _knows_the_past(metric):
        return {
            "missing": f"Not shown: {metric.title.lower()} is known as of {desk.as_of:%d %b %Y} alone; open the desk with "
            "as_of for another day."
        }
    moved = {"period": period, "as_of": period.through}
    takes = inspect.signature(metric.function).parameters
    return _answer(desk, metric, given | {k: v for k, v in moved.items() if k in takes})


def _answer(desk: Desk, metric: Metric, options: dict) -> dict:
    """Ask for a metric; give value, n, low and high, or why they are missing.

    Of the quarter so far a part is shown and named as such (`_spoken_of`); a part of an earlier one is nothing to compare it with.
    """
    first = metric.needs[0].split(".")[0]
    asked = options.get("period")
    if metric.since == QUARTER and isinstance(asked, Period) and desk.begins[first] > asked.start:
        past = needs(first, asked.start, desk.begins[first])
        return {"missing": f"Not shown: {metric.title.lower()} {past}", "past": past}
    answer = desk.ask(metric.function, **options)
    if isinstance(answer, Missing):
        sentence = answer.sentence.replace("Not shown: it", f"Not shown: {metric.title.lower()}")
        return {"missing": sentence, "past": answer.past}
    if empty := _empty_columns(desk, metric):
        return {
            "missing": f"Not shown: {metric.title.lower()} needs {empty}, which the data of {desk.title} leaves empty."
        }
    needed = metric.lacking or f"{max(metric.min_n, 1)} or more of what it counts"
    lacked = f"Not shown: {metric.title.lower()} needs {needed}."
    if LACKING in answer.attrs and (answer.empty or not metric.lacking):
        lacked = answer.attrs[LACKING].replace("Not shown: it", f"Not shown: {metric.title.lower()}")
    if answer.empty or pd.isna(answer[metric.columns.get("value", "value")].iloc[0]):
        return {"missing": lacked}
    row = answer.iloc[0]
    context = {"of": row.get("of"), "quotas": row.get("of_quotas") == 1, "lacking": lacked}
    return {f: row.get(metric.columns.get(f, f)) for f in FIELDS} | context


def _empty_columns(desk: Desk, metric: Metric) -> str:
    """Name the columns that a metric needs and that hold nothing."""
    needed = [need.split(".") for need in metric.needs]
    void = [f"{c} of {t}" for t, c in needed if t in desk.tables and desk.tables[t][c].isna().all()]
    return " and ".join(void)
