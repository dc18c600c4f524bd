"""What if we won more often, faster, larger, with more sellers, or at another price?

A scenario is a row of relative changes that hold from today on; the same sums that give the forecast give it again.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import t

from quarterdeck.analysis.methods.intervals import growth
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline.win_chances import TRAINED
from quarterdeck.analysis.planning.capacity import brings
from quarterdeck.analysis.planning.goal_seek import quarter_goal
from quarterdeck.data.coverage import EVER, looks_back, twelve_months
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows

LEVERS = ["win_rate", "cycle_days", "average_won", "sellers", "price"]
AT_REST = "as now"
AHEAD, HISTORY, FEWEST = 3, 16, 3  # quarters ahead; past ones forecast the same way, and needed
OUTLOOK = ["quarter", "start", "booked", "to_come", "noise", "goal", "newcomer", "n"]
SCENARIO = ["scenario", "quarter", "start", "p10", "p50", "p90", "goal", "chance"]
TORNADO = [
    "lever", "usual", "swing", "less", "more", "base", "width", "chance_less", "chance_more", "later_less", "later_more",
    "later_base", "n", "change_less", "change_more", "later_change_less", "later_change_more",
]  # fmt: skip


class _Base(NamedTuple):
    """What one quarter starts from: money booked and to come (beside open deals), its noise, and the quarters learned from."""

    span: Period
    booked: float
    to_come: float
    noise: float
    n: int


@no_rows(needs="open deals, and three hundred looks at deals that were open in past quarters")
def basis(
    period: Period,
    opportunities: pd.DataFrame,
    chances: pd.DataFrame,
    ahead: pd.DataFrame,
    record: pd.DataFrame,
    newcomers: pd.DataFrame | None = None,
    quotas: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What a scenario starts from: the open quarter as `win_chances.bookings_ahead` has it, and the three after it.

    A quarter ahead is last year's times the growth of the last four whole quarters on the four before; its noise is the
    spread of the same forecast's logarithmic errors in past quarters (Student t, so that 80 % ranges hold).

    Parameters
    ----------
    chances, ahead, record, newcomers : DataFrame
        As `win_chances.chances`, `win_chances.bookings_ahead`, `goal_seek.lever_record` and `ramp_up.newcomers` give them.

    Returns
    -------
    DataFrame
        One row per quarter: `quarter` (label), `start`, `booked`, `to_come` (money, beside the open deals in the open quarter;
        all of a later one), `noise` (standard deviation of what is to come, money), `goal` (money, missing where none is set),
        `newcomer` (share of a usual seller's bookings that one who begins today brings in it, ratio), `n` (past quarters learned
        from); no rows without chances.
    """
    if ahead.empty or record.empty:
        return pd.DataFrame(columns=OUTLOOK)
    tables = {"opportunities": opportunities, "quotas": quotas, "targets": targets, "orders": orders, "begins": begins}
    row = ahead.iloc[0]
    noise = ((row["pipeline"] - row["best"]) / ndtri(0.9)) ** 2 - (chances["swing"] ** 2).sum()
    bases = [_Base(period, row["booked"], row["to_come"], np.sqrt(max(noise, 0.0)), TRAINED)]
    won = opportunities[opportunities["status"].eq("won")]
    for k in range(1, AHEAD + 1):
        span = period.shifted(k)
        bases.append(_later(span, won, period, k, begins["opportunities"]))
    lag = record["cycle_days"].iloc[-1]
    known = newcomers if newcomers is not None else pd.DataFrame()
    rows = [
        {
            **base._asdict(),
            "quarter": base.span.whole().label,
            "start": base.span.start,
            "goal": quarter_goal(base.span, **tables)["goal"].max(),
            "newcomer": brings(base.span, period, lag, known),
        }
        for base in bases
    ]
    return pd.DataFrame(rows, columns=OUTLOOK).dropna(subset=["to_come"]).astype({"goal": "float64"})


@no_rows(needs="a category whose elasticity is known: eight whole quarters in which prices moved, of three products")
@looks_back(orders=twelve_months)
def response(elasticity: pd.DataFrame, orders: pd.DataFrame, products: pd.DataFrame, period: Period) -> pd.DataFrame:
    """What the company's prices do to its quantities: the elasticities of its categories, weighted by a year's revenue.

    Parameters
    ----------
    elasticity : DataFrame
        As `prices.elasticity` gives it.

    Returns
    -------
    DataFrame
        One row: `value`, `error` (of an elasticity; categories err apart), `swing` (usual move of the price level from one
        quarter to that of the year before, ratio), `n` (categories); no row where no elasticity is known.
    """
    columns = ["value", "error", "swing", "n"]
    year = orders[orders["order_date"] > period.through - pd.DateOffset(years=1)]
    sold = year.groupby(looked_up(year["product_id"], products.set_index("product_id")["category"]))["revenue"].sum()
    known = elasticity.set_index("category").join(sold, how="inner").query("revenue > 0")
    if known.empty:
        return pd.DataFrame(columns=columns)
    weight = known["revenue"] / known["revenue"].sum()
    error = (known["high"] - known["low"]) / 2 / ndtri(0.95)
    row = {"value": (weight * known["value"]).sum(), "error": np.sqrt(((weight * error) ** 2).sum())}
    row |= {"swing": _price_swing(orders, period), "n": len(known)}
    return pd.DataFrame([row], columns=columns)


@no_rows(needs="open deals, and three hundred looks at deals that were open in past quarters")
def scenario(
    basis: pd.DataFrame,
    chances: pd.DataFrame,
    response: pd.DataFrame | None = None,
    changes: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Bookings as a distribution, and the chance of the goal, if levers changed from today on.

    By velocity (deals × win rate × size ÷ cycle): with w, c, s, h, p the changed levers over their present level, an open deal
    of chance q and amount a brings min(q·w/c, 1) × a·s·f, what is to come T·w·s·h·f/c, and f = p^(1 + elasticity); what is
    booked stays. Sellers who come count for as much as a newcomer brings by then, sellers who go for all of it; open deals are
    kept either way. The noise scales with what it belongs to, the doubt about the elasticity adds to it; ends are a normal's.

    Parameters
    ----------
    basis, response : DataFrame
        As `basis` and `response` give them; without a response a change of price is not allowed.
    chances : DataFrame
        As `win_chances.chances` gives it.
    changes : DataFrame, optional
        One row per scenario, by its name as index: any of LEVERS (relative changes, ratio; absent is zero). Without it, one
        scenario in which nothing changes.

    Returns
    -------
    DataFrame
        One row per scenario and quarter: `scenario`, `quarter`, `start`, `p10`, `p50`, `p90`, `goal` (money), `chance` (ratio,
        missing without a goal); no rows without a basis.

    Raises
    ------
    ValueError
        Where a lever is not one of LEVERS, a change is not above −1, or a price changes whose effect is not known.
    """
    known = _checked(pd.DataFrame(index=[AT_REST]) if changes is None else changes, response)
    if basis.empty:
        return pd.DataFrame(columns=SCENARIO)
    amount, chance = chances["amount"].fillna(0.0).to_numpy(float), chances["chance"].to_numpy(float)
    parts = [_one(row, basis, amount, chance, response).assign(scenario=name) for name, row in known.iterrows()]
    return pd.concat(parts, ignore_index=True)[SCENARIO] if parts else pd.DataFrame(columns=SCENARIO)


@no_rows("opportunities.amount", needs="three whole quarters of deals, and bookings to expect in this one")
def tornado(
    basis: pd.DataFrame, chances: pd.DataFrame, record: pd.DataFrame, response: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What one usual swing of each lever alone does to the quarter's bookings, the widest first.

    A usual swing is the standard deviation of the lever's logarithm over the company's own quarters
    (`goal_seek.lever_record`); a price's is that of its yearly move.

    Returns
    -------
    DataFrame
        One row per lever: `lever`, `usual` (mean of the last four quarters, in the lever's unit; missing for price), `swing`
        (ratio), `less`, `more` (the open quarter's bookings with the lever a swing lower, and higher), `base`, `width` (distance
        of the two, money), `chance_less`, `chance_more` (of the goal), `later_less`, `later_more`, `later_base` (bookings of the
        quarters after it together), `n` (quarters of history in which it was above zero), `change_less`, `change_more`,
        `later_change_less`, `later_change_more` (of `less` and so on, on its base: `intervals.growth`); no rows with fewer
        than three
        quarters of history, or where nothing at all is booked or to come in the open quarter.
    """
    if len(record) < FEWEST or basis.empty:
        return pd.DataFrame(columns=TORNADO)
    logs = np.log(record[[v for v in LEVERS if v in record]].where(lambda r: r > 0))
    swings, seen = logs.std(), logs.count()
    if response is not None and len(response):
        swings["price"] = response["swing"].iloc[0]
    swings = swings.dropna()
    up, down = np.expm1(swings), np.expm1(-swings)
    rows = []
    for lever in swings.index:
        moved = pd.DataFrame({lever: [down[lever], up[lever], 0.0]}, index=["less", "more", "base"])
        outcomes = scenario(basis, chances, response, moved)
        first = outcomes.drop_duplicates("scenario").set_index("scenario")
        later = outcomes[outcomes.duplicated("scenario")].groupby("scenario")["p50"].sum().reindex(moved.index)
        usual = record[lever].tail(4).mean() if lever in record else np.nan
        middle, reached = first["p50"], first["chance"]
        row = {"lever": lever, "usual": usual, "swing": swings[lever], "n": seen.get(lever, len(record))}
        row |= {way: middle[way] for way in moved.index} | {"width": abs(middle["more"] - middle["less"])}
        row |= {f"later_{way}": later[way] for way in moved.index}
        for way in ("less", "more"):
            row |= {f"chance_{way}": reached[way], f"change_{way}": growth(middle[way], middle["base"])}
            row[f"later_change_{way}"] = growth(later[way], later["base"])
        rows.append(row)
    known = pd.DataFrame(rows, columns=TORNADO).dropna(subset=["width"]).query("base > 0")
    return known.sort_values(["width", "lever"], ascending=[False, True], ignore_index=True)


def after(scenario: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """What a scenario brings in the quarters after the open one together, beside what they bring as things are.

    Parameters
    ----------
    scenario, base : DataFrame
        One scenario each, as `scenario` gives it.

    Returns
    -------
    DataFrame
        One row: `now`, `before` (money), `change` (ratio; missing where `intervals.growth` gives none), `n` (quarters); no
        row where
        there is the open quarter alone.
    """
    now, before = (table["p50"].iloc[1:].sum() for table in (scenario, base))
    row = {"now": now, "before": before, "change": growth(now, before), "n": len(scenario) - 1}
    return pd.DataFrame([row] if len(scenario) > 1 else [], columns=[*row])


def of_revenue(landing: pd.DataFrame, scenario: pd.DataFrame) -> pd.Series:
    """What part of revenue bookings usually come to, and come to by the medians of this quarter.

    Parameters
    ----------
    landing, scenario : DataFrame
        As `quarter_end.landing` and `scenario` give them, with a target and a goal.

    Returns
    -------
    Series
        `usual` (goal in bookings ÷ target of revenue), `median` (median of bookings ÷ that of revenue); ratios.
    """
    revenue, bookings = landing.iloc[0], scenario.iloc[0]
    return pd.Series({"usual": bookings["goal"] / revenue["target"], "median": bookings["p50"] / revenue["p50"]})


def either_way(tornado: pd.DataFrame) -> pd.DataFrame:
    """By how much each lever moves bookings either way: half of what lies between its two ends.

    Returns
    -------
    DataFrame
        As `tornado`, with `now` (this quarter) and `later` (the quarters after it; money).
    """
    return tornado.assign(now=tornado["width"] / 2, later=(tornado["later_more"] - tornado["later_less"]).abs() / 2)


def _one(
    row: pd.Series, basis: pd.DataFrame, amount: np.ndarray, chance: np.ndarray, response: pd.DataFrame | None
) -> pd.DataFrame:
    """Give one scenario's quarters."""
    price, doubt = 1.0, 0.0
    if row["price"]:
        price = (1 + row["price"]) ** (1 + response["value"].iloc[0])
        doubt = abs(np.log1p(row["price"])) * response["error"].iloc[0]
    won, worth = (1 + row["win_rate"]) / (1 + row["cycle_days"]), (1 + row["average_won"]) * price
    heads = 1 + row["sellers"] * (basis["newcomer"].to_numpy(float) if row["sellers"] > 0 else 1.0)
    odds, size, first = np.minimum(chance * won, 1.0), amount * worth, np.arange(len(basis)) == 0
    factor = won * worth * heads
    left = basis["to_come"] * factor + np.where(first, (odds * size).sum(), 0.0)
    square = (basis["noise"] * factor) ** 2 + np.where(first, (odds * (1 - odds) * size**2).sum(), 0.0)
    spread = np.sqrt(square + (left * doubt) ** 2)
    middle, reach = basis["booked"] + left, ndtri(0.9) * spread
    sure = np.where(basis["goal"] <= basis["booked"], 1.0, ndtr((middle - basis["goal"]) / spread))
    ends = {"p10": np.maximum(middle - reach, basis["booked"]), "p50": middle, "p90": middle + reach}
    return basis[["quarter", "start", "goal"]].assign(**ends, chance=np.where(basis["goal"].notna(), sure, np.nan))


def _checked(changes: pd.DataFrame, response: pd.DataFrame | None) -> pd.DataFrame:
    if odd := [c for c in changes if c not in LEVERS]:
        raise ValueError(f"{odd[0]!r} is not a lever; there are {', '.join(LEVERS)}.")
    known = changes.reindex(columns=LEVERS).fillna(0.0).astype(float)
    if not (known > -1).all(axis=None):
        raise ValueError("a lever cannot fall by all of itself or more: changes are above −1.")
    if known["price"].any() and (response is None or response.empty):
        raise ValueError("what a price does to quantities is not known here, so it cannot change.")
    return known


def _later(span: Period, won: pd.DataFrame, period: Period, k: int, begin: pd.Timestamp) -> _Base:
    """Give what the quarter `k` after the open one starts from: nothing is booked, and all of it is to come."""
    spans = last_quarters(period, HISTORY + 8 + AHEAD, begin)
    starts = period.calendar.start(won["closed_on"])
    sums = won.groupby(starts)["amount"].sum().reindex([s.start for s in spans], fill_value=0.0).to_numpy()
    sums = sums[np.cumsum(sums) > 0][1:]  # the first quarter may be a part of one
    pairs = [(_grown(sums[: j - k], k), sums[j]) for j in range(8 + k, len(sums))]
    errors = np.array([np.log(came / said) for said, came in pairs if came > 0 and said > 0])
    if len(errors) < FEWEST:
        return _Base(span, 0.0, np.nan, np.nan, len(errors))
    middle = _grown(sums, k)
    scale = np.sqrt((errors**2).mean()) * t.ppf(0.9, len(errors)) / ndtri(0.9)
    return _Base(span, 0.0, middle, middle * scale, len(errors))


def _grown(sums: np.ndarray, k: int) -> float:
    """Give last year's quarter `k` + 1 after the last whole one, times the growth of four quarters on the four before."""
    before = sums[-8:-4].sum()
    return float(sums[k - 4] * sums[-4:].sum() / before) if len(sums) >= 8 and before > 0 else np.nan


def _price_swing(orders: pd.DataFrame, period: Period) -> float:
    """Give the standard deviation of the price level's yearly move: what was paid over each product's mean price, by quarter."""
    sold = orders[(orders["quantity"] > 0) & (orders["order_date"] < period.start)]
    each = sold.groupby("product_id")[["revenue", "quantity"]].sum()
    usual = looked_up(sold["product_id"], each["revenue"] / each["quantity"]) * sold["quantity"]
    by = period.calendar.start(sold["order_date"])
    level = np.log(sold.groupby(by)["revenue"].sum() / usual.groupby(by).sum())
    return float(level.diff(4).std())
