"""What does each metric mean, and what is it now?

The registry: one record per metric, holding its definition and the one function that computes it.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from quarterdeck.analysis import (
    accounts,
    competitors,
    customers,
    forecast,
    initiatives,
    lifetimes,
    market,
    targets,
    team,
)
from quarterdeck.data import history
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.snapshot import Desk, Missing
from quarterdeck.errors import ParamsError, nearest

UNITS = ("money", "money/day", "ratio", "chance", "days", "count", "index", "times")
BETTER = ("higher", "lower", "neither")
FIELDS = ("value", "n", "low", "high")


@dataclass(frozen=True)
class Metric:
    """One metric's definition.

    `function` gives a frame of at most one row; `columns` tells which of its columns hold the value, its n and its
    interval, where they are not called so. `since` is the span a figure speaks of. An `additive` metric of the company
    is the sum of its regions'. Below `min_n` rows the value is not shown. `lacking` says what there is none of where there is no
    value and no table is missing.
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
    since: str = "quarter to date"
    min_n: int = 1
    additive: bool = False
    comparable: bool = True
    lacking: str = ""

    def __post_init__(self) -> None:
        if self.unit not in UNITS or self.better not in BETTER:
            raise ValueError(f"metric {self.id}: unit is one of {', '.join(UNITS)}, better one of {', '.join(BETTER)}.")


_FIELD = "Farris et al., Marketing Metrics, 4th ed."
_FORECAST = {"n": "n_origins"}
_PAST = "past quarters to learn from"

_ROMI = f"{_FIELD}, return on marketing investment, before the spend is taken off"
_INITIATIVES = [
    (
        "initiatives_worked",
        "Initiatives that worked",
        "initiatives whose interval lies above nought, at or above their smallest effect of interest, at a false discovery "
        "rate of one in ten",
        "count",
        "higher",
        "Benjamini and Hochberg 1995; the rule is analysis/initiatives.py, verdict",
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
            targets.revenue,
            min_n=0,
            additive=True,
        ),
        Metric(
            "revenue_growth",
            "Revenue growth",
            "revenue ÷ revenue of the same span a year before − 1",
            "ratio",
            "higher",
            _FIELD,
            ("orders.revenue",),
            targets.revenue_growth,
            comparable=False,
        ),
        Metric(
            "bookings",
            "Bookings",
            "Σ amount of deals won, by the day they closed",
            "money",
            "higher",
            "contract, table opportunities",
            ("opportunities.amount",),
            targets.bookings,
            min_n=0,
            additive=True,
        ),
        Metric(
            "gross_margin",
            "Gross margin",
            "(revenue − cost of goods) ÷ revenue, of lines whose cost is known",
            "ratio",
            "higher",
            _FIELD,
            ("orders.revenue", "orders.cost"),
            targets.gross_margin,
        ),
        Metric(
            "target_attainment",
            "Target attainment",
            "revenue so far ÷ revenue target of the whole quarter",
            "ratio",
            "higher",
            "contract, table targets",
            ("orders.revenue", "targets.revenue_target"),
            targets.target_attainment,
        ),
        Metric(
            "discount_rate",
            "Discount",
            "(list amount − revenue) ÷ list amount, of lines whose list amount is known",
            "ratio",
            "lower",
            "Marn and Rosiello, Managing Price, Gaining Profit, Harvard Business Review 1992",
            ("orders.list_amount", "orders.revenue"),
            targets.discount_rate,
        ),
        Metric(
            "margin_target_attainment",
            "Margin target attainment",
            "gross margin so far (money) ÷ margin target of the whole quarter",
            "ratio",
            "higher",
            "contract, table targets",
            ("orders.revenue", "orders.cost", "targets.margin_target"),
            targets.margin_target_attainment,
        ),
        Metric(
            "selling_expense_ratio",
            "Selling cost",
            "selling cost ÷ revenue, the last four quarters that have ended",
            "ratio",
            "lower",
            _FIELD,
            ("orders.revenue", "costs.amount"),
            targets.selling_expense_ratio,
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
            targets.pipeline_open,
            since="open today",
            min_n=0,
            additive=True,
        ),
        Metric(
            "customers_active",
            "Active customers",
            "customers with revenue in the trailing twelve months",
            "count",
            "higher",
            _FIELD,
            ("orders.customer_id",),
            customers.customers_active,
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
            customers.net_revenue_retention,
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
            customers.gross_revenue_retention,
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
            customers.logo_retention,
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
            accounts.totals,
            since="the next three years",
            min_n=lifetimes.FEWEST,
        ),
        Metric(
            "revenue_at_risk",
            "Revenue at risk",
            "Σ (1 − chance of buying) × revenue if it buys, over active accounts; where past chances proved better than none",
            "money",
            "lower",
            "Fader, Hardie and Lee 2005 (BG/NBD); Fader and Hardie 2013 (gamma-gamma)",
            ("orders.revenue",),
            accounts.totals,
            columns={"value": "at_stake", "low": "stake_low", "high": "stake_high"},
            since="the next twelve months",
            min_n=lifetimes.FEWEST,
        ),
        Metric(
            "quota_attainment",
            "Quota attainment",
            "bookings so far of sellers with a quota ÷ their quota of the whole quarter",
            "ratio",
            "higher",
            "contract, table quotas",
            ("quotas.quota",),
            team.attainment_total,
        ),
        Metric(
            "win_rate",
            "Win rate",
            "deals won ÷ deals closed, by count",
            "ratio",
            "higher",
            _FIELD,
            ("opportunities.status",),
            team.win_rate_total,
            since="trailing twelve months",
            min_n=5,
        ),
        Metric(
            "sales_velocity",
            "Sales velocity",
            "open deals × win rate × average won deal ÷ median cycle days",
            "money/day",
            "higher",
            "Jordan and Vazzana, Cracking the Sales Management Code",
            ("opportunities.amount",),
            team.velocity_total,
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
            team.cycle_days_total,
            since="trailing twelve months",
            min_n=5,
        ),
        Metric(
            "pipeline_coverage",
            "Pipeline coverage",
            "open amount expected to close this quarter ÷ what is still to be won of its quota",
            "times",
            "higher",
            "Jordan and Vazzana, Cracking the Sales Management Code",
            ("opportunities.expected_close", "quotas.quota"),
            team.coverage_total,
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
                forecast.landing,
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
            forecast.landing,
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
            market.trailing_share,
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
            market.trailing_growth,
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
            competitors.concentration,
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
                initiatives.summary,
                columns={"value": value, "low": f"{value}_low", "high": f"{value}_high"},
                since="all initiatives so far",
                comparable=False,
            )
            for name, title, formula, unit, better, source, more, value in _INITIATIVES
        ),
    )
}


def measure(desk: Desk, *ids: str, **known: pd.DataFrame) -> pd.DataFrame:
    """Compute metrics of the registry for a desk.

    Parameters
    ----------
    desk : Desk
        The tables to compute from.
    ids : str
        Metric ids.
    known : DataFrame
        What has been computed already, by the name of the parameter under which a metric's function takes it.

    Returns
    -------
    DataFrame
        One row per id, in the order asked for: metric, title, period, value, n, low, high (in `unit`), unit, better,
        previous (the same span a year before), missing (why there is no value, or ""), formula, source.

    Raises
    ------
    ParamsError
        Where the registry has no such id (the nearest real one is told).
    """
    if unknown := next((i for i in ids if i not in METRICS), None):
        raise ParamsError(f"there is no metric {unknown!r}; {nearest(unknown, METRICS)}")
    rows = [_measured(desk, METRICS[i], known) for i in ids]
    return pd.DataFrame(rows).astype(dict.fromkeys(("value", "n", "low", "high", "previous"), "float64"))


def trail(desk: Desk, *ids: str, quarters: int = 8) -> pd.DataFrame:
    """How metrics stood on the same day of past quarters; those that know only today, as earlier runs told them.

    Returns
    -------
    DataFrame
        One row per id and day, oldest first: `metric`, `day`, `value`; no rows where nothing is known.
    """
    told = desk.tables.get(history.TABLE, pd.DataFrame(columns=history.COLUMNS)).sort_values("as_of")
    elapsed, rows = desk.period.through - desk.period.start, []
    spans = [Period(s.start, s.end, min(s.start + elapsed, s.end)) for s in last_quarters(desk.period.start, quarters)]
    for metric in (METRICS[i] for i in ids):
        known = inspect.signature(metric.function).parameters
        if metric.comparable and {"period", "as_of"} & set(known):
            for span in spans:
                moved = {k: v for k, v in {"period": span, "as_of": span.through}.items() if k in known}
                rows.append([metric.id, span.through, _answer(desk, metric, moved).get("value")])
        else:
            own = told[told["metric"].eq(metric.id)].tail(quarters)
            rows += [[metric.id, day, value] for day, value in zip(own["as_of"], own["value"], strict=True)]
    table = pd.DataFrame(rows, columns=["metric", "day", "value"]).astype({"value": "float64"})
    return table.dropna(subset=["value"]).query("value != 0").reset_index(drop=True)


def _measured(desk: Desk, metric: Metric, known: dict) -> dict:
    parameters = inspect.signature(metric.function).parameters
    now = _answer(desk, metric, {k: v for k, v in known.items() if k in parameters})
    earlier = _a_year_before(desk, metric)
    before = _answer(desk, metric, earlier) if earlier else {}
    if now.get("n") is not None and now["n"] < metric.min_n:
        behind = f"has only {now['n']:.0f} rows behind it, of {metric.min_n} needed"
        none = f"needs {metric.lacking}" if metric.lacking else "has no rows behind it"
        now = {"missing": f"Not shown: {metric.title.lower()} {behind if now['n'] else none}."}
    return {
        "metric": metric.id,
        "title": metric.title,
        "period": f"{desk.period.label}" if metric.since == "quarter to date" else metric.since,
        **{f: now.get(f) for f in FIELDS},
        "unit": metric.unit,
        "better": metric.better,
        "previous": before.get("value"),
        "missing": now.get("missing", ""),
        "formula": metric.formula,
        "source": metric.source,
    }


def _a_year_before(desk: Desk, metric: Metric) -> dict:
    """Give the options that move the metric's function back by a year; none where it knows only today."""
    moved = {"period": desk.period.before(), "as_of": desk.period.before().through}
    return {k: v for k, v in moved.items() if metric.comparable and k in inspect.signature(metric.function).parameters}


def _answer(desk: Desk, metric: Metric, options: dict) -> dict:
    """Ask for a metric; give value, n, low and high, or why they are missing."""
    answer = desk.ask(metric.function, **options)
    if isinstance(answer, Missing):
        return {"missing": answer.sentence.replace("Not shown: it", f"Not shown: {metric.title.lower()}")}
    if empty := _empty_columns(desk, metric):
        return {
            "missing": f"Not shown: {metric.title.lower()} needs {empty}, which the data of {desk.title} leaves empty."
        }
    if answer.empty or pd.isna(answer[metric.columns.get("value", "value")].iloc[0]):
        lacking = metric.lacking or f"more data than there is for {desk.period.label}"
        return {"missing": f"Not shown: {metric.title.lower()} needs {lacking}."}
    row = answer.iloc[0]
    return {f: row.get(metric.columns.get(f, f)) for f in FIELDS}


def _empty_columns(desk: Desk, metric: Metric) -> str:
    """Name the columns that a metric needs and that hold nothing."""
    needed = [need.split(".") for need in metric.needs]
    void = [f"{c} of {t}" for t, c in needed if t in desk.tables and desk.tables[t][c].isna().all()]
    return " and ".join(void)
