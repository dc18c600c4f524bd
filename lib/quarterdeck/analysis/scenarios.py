"""What if we won more often, faster, larger, with more sellers, or at another price?

A scenario is a row of relative changes that hold from today on; the same sums that give the forecast give it anew.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import t

from quarterdeck.analysis.capacity import brings
from quarterdeck.analysis.deals import TRAINED
from quarterdeck.analysis.goals import goal
from quarterdeck.data.periods import Period, last_quarters, quarter

LEVERS = ["win_rate", "cycle_days", "average_won", "sellers", "price"]
AT_REST = "as now"
AHEAD, HISTORY, FEWEST = 3, 16, 3  # quarters ahead; past ones forecast likewise, and needed
OUTLOOK = ["quarter", "start", "booked", "to_come", "noise", "goal", "newcomer", "n"]
SCENARIO = ["scenario", "quarter", "start", "p10", "p50", "p90", "goal", "chance"]
TORNADO = [
    "lever", "usual", "swing", "less", "more", "base", "width", "chance_less", "chance_more", "later_less", "later_more",
    "later_base", "n",
]  # fmt: skip


def outlook(
    period: Period,
    opportunities: pd.DataFrame,
    chances: pd.DataFrame,
    ahead: pd.DataFrame,
    record: pd.DataFrame,
    newcomers: pd.DataFrame | None = None,
    quotas: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What a scenario starts from: the open quarter as `deals.bookings_ahead` has it, and the three after it.

    A quarter ahead is last year's times the growth of the last four whole quarters on the four before; its noise is the
    spread of the same forecast's logarithmic errors in past quarters (Student t, so that eight of ten hold).

    Parameters
    ----------
    chances, ahead, record, newcomers : DataFrame
        As `deals.chances`, `deals.bookings_ahead`, `goals.record` and `capacity.newcomers` give them.

    Returns
    -------
    DataFrame
        One row per quarter: `quarter` (label), `start`, `booked`, `to_come` (money, beside the open deals in the open quarter;
        all of a later one), `noise` (standard deviation of what is to come, money), `goal` (money, missing where none is set),
        `newcomer` (share of a usual seller's bookings that one who begins today brings in it, ratio), `n` (past quarters learnt
        from); no rows without chances.
    """
    if ahead.empty or record.empty:
        return pd.DataFrame(columns=OUTLOOK)
    tables, row = (opportunities, quotas, targets, orders), ahead.iloc[0]
    noise = ((row["pipeline"] - row["best"]) / ndtri(0.9)) ** 2 - (chances["swing"] ** 2).sum()
    rows = [[period, row["booked"], row["to_come"], np.sqrt(max(noise, 0.0)), TRAINED]]
    won = opportunities[opportunities["status"].eq("won")]
    for k in range(1, AHEAD + 1):
        span = quarter(period.start + pd.DateOffset(months=3 * k)).whole()
        rows.append([span, 0.0, *_later(won, period, k)])
    lag = record["cycle_days"].iloc[-1]
    known = newcomers if newcomers is not None else pd.DataFrame()
    table = [
        [
            s.whole().label,
            s.start,
            booked,
            come,
            noise,
            goal(s, *tables)["goal"].max(),
            brings(s, period, lag, known),
            n,
        ]
        for s, booked, come, noise, n in rows
    ]
    return pd.DataFrame(table, columns=OUTLOOK).dropna(subset=["to_come"]).astype({"goal": "float64"})


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
    sold = year.groupby(year["product_id"].map(products.set_index("product_id")["category"]))["revenue"].sum()
    known = elasticity.set_index("category").join(sold, how="inner").query("revenue > 0")
    if known.empty:
        return pd.DataFrame(columns=columns)
    weight = known["revenue"] / known["revenue"].sum()
    error = (known["high"] - known["low"]) / 2 / ndtri(0.95)
    row = [
        (weight * known["value"]).sum(),
        np.sqrt(((weight * error) ** 2).sum()),
        _price_swing(orders, period),
        len(known),
    ]
    return pd.DataFrame([row], columns=columns)


def scenario(
    outlook: pd.DataFrame,
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
    outlook, response : DataFrame
        As `outlook` and `response` give them; without a response a change of price is not allowed.
    chances : DataFrame
        As `deals.chances` gives it.
    changes : DataFrame, optional
        One row per scenario, by its name as index: any of LEVERS (relative changes, ratio; absent is nought). Without it, one
        scenario in which nothing changes.

    Returns
    -------
    DataFrame
        One row per scenario and quarter: `scenario`, `quarter`, `start`, `p10`, `p50`, `p90`, `goal` (money), `chance` (ratio,
        missing without a goal); no rows without an outlook.

    Raises
    ------
    ValueError
        Where a lever is not one of LEVERS, a change is not above −1, or a price changes whose effect is not known.
    """
    known = _checked(pd.DataFrame(index=[AT_REST]) if changes is None else changes, response)
    if outlook.empty:
        return pd.DataFrame(columns=SCENARIO)
    amount, chance = chances["amount"].fillna(0.0).to_numpy(float), chances["chance"].to_numpy(float)
    parts = [_one(row, outlook, amount, chance, response).assign(scenario=name) for name, row in known.iterrows()]
    return pd.concat(parts, ignore_index=True)[SCENARIO] if parts else pd.DataFrame(columns=SCENARIO)


def tornado(
    outlook: pd.DataFrame, chances: pd.DataFrame, record: pd.DataFrame, response: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What one usual swing of each lever alone does to the quarter's bookings, the widest first.

    A usual swing is the standard deviation of the lever's logarithm over the company's own quarters (`goals.record`); a price's
    is that of its yearly move.

    Returns
    -------
    DataFrame
        One row per lever: `lever`, `usual` (mean of the last four quarters, in the lever's unit; missing for price), `swing`
        (ratio), `less`, `more` (the open quarter's bookings with the lever a swing lower, and higher), `base`, `width` (distance
        of the two, money), `chance_less`, `chance_more` (of the goal), `later_less`, `later_more`, `later_base` (bookings of the
        quarters after it together), `n` (quarters of history); no rows with fewer than three quarters of history.
    """
    if len(record) < FEWEST or outlook.empty:
        return pd.DataFrame(columns=TORNADO)
    swings = np.log(record[[v for v in LEVERS if v in record]]).std()
    if response is not None and len(response):
        swings["price"] = response["swing"].iloc[0]
    up, down = np.expm1(swings), np.expm1(-swings)
    rows = []
    for lever in swings.index:
        moved = pd.DataFrame({lever: [down[lever], up[lever], 0.0]}, index=["less", "more", "base"])
        told = scenario(outlook, chances, response, moved)
        first = told.drop_duplicates("scenario").set_index("scenario")
        later = told[told.duplicated("scenario")].groupby("scenario")["p50"].sum().reindex(moved.index)
        usual = record[lever].tail(4).mean() if lever in record else np.nan
        middle, reached = first["p50"], first["chance"]
        row = [lever, usual, swings[lever], *middle[moved.index], abs(middle["more"] - middle["less"])]
        rows.append([*row, reached["less"], reached["more"], *later, len(record)])
    return pd.DataFrame(rows, columns=TORNADO).sort_values(
        ["width", "lever"], ascending=[False, True], ignore_index=True
    )


def _one(
    row: pd.Series, outlook: pd.DataFrame, amount: np.ndarray, chance: np.ndarray, response: pd.DataFrame | None
) -> pd.DataFrame:
    """Give one scenario's quarters."""
    price, doubt = 1.0, 0.0
    if row["price"]:
        price = (1 + row["price"]) ** (1 + response["value"].iloc[0])
        doubt = abs(np.log1p(row["price"])) * response["error"].iloc[0]
    won, worth = (1 + row["win_rate"]) / (1 + row["cycle_days"]), (1 + row["average_won"]) * price
    heads = 1 + row["sellers"] * (outlook["newcomer"].to_numpy(float) if row["sellers"] > 0 else 1.0)
    odds, size, first = np.minimum(chance * won, 1.0), amount * worth, np.arange(len(outlook)) == 0
    factor = won * worth * heads
    left = outlook["to_come"] * factor + np.where(first, (odds * size).sum(), 0.0)
    square = (outlook["noise"] * factor) ** 2 + np.where(first, (odds * (1 - odds) * size**2).sum(), 0.0)
    spread = np.sqrt(square + (left * doubt) ** 2)
    middle, reach = outlook["booked"] + left, ndtri(0.9) * spread
    sure = np.where(outlook["goal"] <= outlook["booked"], 1.0, ndtr((middle - outlook["goal"]) / spread))
    ends = {"p10": np.maximum(middle - reach, outlook["booked"]), "p50": middle, "p90": middle + reach}
    return outlook[["quarter", "start", "goal"]].assign(**ends, chance=np.where(outlook["goal"].notna(), sure, np.nan))


def _checked(changes: pd.DataFrame, response: pd.DataFrame | None) -> pd.DataFrame:
    if odd := [c for c in changes if c not in LEVERS]:
        raise ValueError(f"{odd[0]!r} is not a lever; there are {', '.join(LEVERS)}.")
    known = changes.reindex(columns=LEVERS).fillna(0.0).astype(float)
    if not (known > -1).all(axis=None):
        raise ValueError("a lever cannot fall by all of itself or more: changes are above −1.")
    if known["price"].any() and (response is None or response.empty):
        raise ValueError("what a price does to quantities is not known here, so it cannot change.")
    return known


def _later(won: pd.DataFrame, period: Period, k: int) -> list[float]:
    """Give the bookings of the quarter `k` after the open one, their noise, and how many past forecasts that stands on."""
    spans = last_quarters(period.start, HISTORY + 8 + AHEAD)
    starts = won["closed_on"].dt.to_period("Q").dt.start_time
    sums = won.groupby(starts)["amount"].sum().reindex([s.start for s in spans], fill_value=0.0).to_numpy()
    sums = sums[np.cumsum(sums) > 0][1:]  # the first quarter may be a part of one
    told = [(_grown(sums[: j - k], k), sums[j]) for j in range(8 + k, len(sums))]
    errors = np.array([np.log(came / said) for said, came in told if came > 0 and said > 0])
    if len(errors) < FEWEST:
        return [np.nan, np.nan, len(errors)]
    middle = _grown(sums, k)
    scale = np.sqrt((errors**2).mean()) * t.ppf(0.9, len(errors)) / ndtri(0.9)
    return [middle, middle * scale, len(errors)]


def _grown(sums: np.ndarray, k: int) -> float:
    """Give last year's quarter `k` + 1 after the last whole one, times the growth of four quarters on the four before."""
    before = sums[-8:-4].sum()
    return float(sums[k - 4] * sums[-4:].sum() / before) if len(sums) >= 8 and before > 0 else np.nan


def _price_swing(orders: pd.DataFrame, period: Period) -> float:
    """Give the standard deviation of the price level's yearly move: what was paid over each product's mean price, by quarter."""
    sold = orders[(orders["quantity"] > 0) & (orders["order_date"] < period.start)]
    each = sold.groupby("product_id")[["revenue", "quantity"]].sum()
    usual = sold["product_id"].map(each["revenue"] / each["quantity"]) * sold["quantity"]
    by = sold["order_date"].dt.to_period("Q")
    level = np.log(sold.groupby(by)["revenue"].sum() / usual.groupby(by).sum())
    return float(level.diff(4).std())
