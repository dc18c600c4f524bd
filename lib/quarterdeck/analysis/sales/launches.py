"""How do new products take hold, how far will they go, and which products do they cannibalise?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit
from scipy.stats import t

from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.sales.credits import sales
from quarterdeck.data.coverage import EVER
from quarterdeck.data.reasons import no_rows

FEWEST_PERIODS = 8  # months of sales from which a diffusion curve is fitted
AROUND = 6  # months before and after a launch in which its siblings are compared
BASS = ["product_id", "name", "m", "m_low", "m_high", "p", "p_low", "p_high", "q", "q_low", "q_high", "reached", "n"]


@no_rows("products.launched", none="no product was launched since the orders began")
def uptake(
    orders: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """Sales of the products launched since the orders began, by months since each one's launch.

    Returns
    -------
    DataFrame
        One row per new product and whole month since launch: `product_id`, `name`, `category`, `launched`, `month` (0 is
        the first), `revenue` (money), `buyers` (first-time customers), `to_date` (money), `buyers_to_date`.
    """
    first = max(orders["order_date"].min(), begins["orders"])
    new = products[products["launched"].between(first, as_of, inclusive="right")]
    lines = orders.merge(new[["product_id", "name", "category", "launched"]], on="product_id")
    lines["month"] = (lines["order_date"] - lines["launched"]).dt.days // 30
    lines = lines[(lines["month"] >= 0) & (lines["launched"] + (lines["month"] + 1) * pd.Timedelta(days=30) <= as_of)]
    keys = ["product_id", "name", "category", "launched"]
    known = sales(lines).dropna(subset=["customer_id"])
    debut = known.sort_values("month").drop_duplicates(["product_id", "customer_id"])
    table = pd.DataFrame(
        {
            "revenue": lines.groupby([*keys, "month"])["revenue"].sum(),
            "buyers": debut.groupby([*keys, "month"]).size(),
        }
    )
    spans = [(*k, m) for k, m in lines.groupby(keys)["month"].max().items() for m in range(int(m) + 1)]
    full = table.reindex(pd.MultiIndex.from_tuples(spans, names=[*keys, "month"])) if spans else table
    full = full.fillna(0.0)
    running = full.groupby(level="product_id").cumsum()
    return full.assign(to_date=running["revenue"], buyers_to_date=running["buyers"]).reset_index()


@no_rows("products.launched", none="no product was launched since the orders began")
def bass(uptake: pd.DataFrame) -> pd.DataFrame:
    """The Bass curve of each new product's buyers: how many there will be, and whether they follow each other.

    F(t) = (1 − e^−(p+q)t) ÷ (1 + q/p·e^−(p+q)t), fitted to the buyers to date by non-linear least squares of the monthly
    increments (Bass 1969; Srinivasan and Mason 1986), months as the unit of p and q; interval from the curvature.

    Parameters
    ----------
    uptake : DataFrame
        As `uptake` gives it.

    Returns
    -------
    DataFrame
        One row per product with at least eight months whose fit came to rest: `product_id`, `name`, `m` (buyers in the
        end), `p`, `q` (a month), each with `_low` and `_high` (90 %), `reached` (buyers to date over `m`), `n` (months).
    """
    rows = []
    for (product, name), months in uptake.groupby(["product_id", "name"]):
        buyers = months.sort_values("month")["buyers"].to_numpy(float)
        if len(buyers) >= FEWEST_PERIODS and (fit := _fit(buyers)) is not None:
            (m, p, q), half = fit
            row = {"product_id": product, "name": name, "reached": buyers.sum() / m, "n": len(buyers)}
            for letter, x, h in zip("mpq", (m, p, q), half, strict=True):
                row |= {letter: x, f"{letter}_low": max(x - h, 0.0), f"{letter}_high": x + h}
            rows.append(row)
    return pd.DataFrame(rows, columns=BASS).sort_values("m", ascending=False, ignore_index=True)


@no_rows("products.launched", needs="a product launched with six months of orders on both sides")
def cannibalisation(
    orders: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """What siblings lost when a product was launched, against what its category's growth elsewhere would have given.

    Siblings are the other products of the category that were on sale before. Their revenue six months after the launch
    over six months before is held against that of all other categories over the same months; the loss is what is
    missing, the rate its part of what the new product sold. The interval
    comes from how such ratios scatter over the launches.

    Returns
    -------
    DataFrame
        One row per launch with six months on both sides, the largest loss first: `product_id`, `name`, `category`,
        `launched`, `sold` (money, six months), `expected`, `siblings`, `lost` (money), `rate` (ratio).
    """
    columns = ["product_id", "name", "category", "launched", "sold", "expected", "siblings", "lost", "rate"]
    span, first = pd.DateOffset(months=AROUND), max(orders["order_date"].min(), begins["orders"])
    inside = products["launched"].between(first + span, as_of - span)
    kind = looked_up(orders["product_id"], products.set_index("product_id")["category"])
    since = looked_up(orders["product_id"], products.set_index("product_id")["launched"])
    rows = []
    for new in products[inside].itertuples():
        day, start = orders["order_date"], new.launched - span
        old = ~(since > start)  # a product launched within the span would blur both sides
        before, after = (
            day.between(start, new.launched, inclusive="left"),
            day.between(new.launched, new.launched + span),
        )
        own = old & (kind == new.category) & (orders["product_id"] != new.product_id)
        sums = [
            orders.loc[who & when, "revenue"].sum()
            for who in (own, old & (kind != new.category))
            for when in (before, after)
        ]
        sold = orders.loc[after & (orders["product_id"] == new.product_id), "revenue"].sum()
        if min(sums) > 0 and sold > 0:
            expected = sums[0] * sums[3] / sums[2]
            lost = expected - sums[1]
            rows.append(
                [new.product_id, new.name, new.category, new.launched, sold, expected, sums[1], lost, lost / sold]
            )
    return pd.DataFrame(rows, columns=columns).sort_values("lost", ascending=False, ignore_index=True)


@no_rows("products.launched", needs="three launches with six months of orders on both sides")
def cannibalised(launches: pd.DataFrame) -> pd.DataFrame:
    """The part of new products' sales that siblings lost, over all launches.

    Parameters
    ----------
    launches : DataFrame
        As `cannibalisation` gives it.

    Returns
    -------
    DataFrame
        One row: `rate` (Σ lost ÷ Σ sold, ratio), `low`, `high` (Student t over launches, ratio estimator, 90 %), `n`
        (launches); no row with fewer than three launches.
    """
    n = len(launches)
    if n < 3:
        return pd.DataFrame(columns=["rate", "low", "high", "n"])
    rate = launches["lost"].sum() / launches["sold"].sum()
    left = launches["lost"] - rate * launches["sold"]
    error = np.sqrt((left**2).sum() / (n - 1) / n) / launches["sold"].mean()
    reach = t.ppf(0.95, n - 1) * error
    return pd.DataFrame([{"rate": rate, "low": rate - reach, "high": rate + reach, "n": n}])


def _curve(months: np.ndarray, p: float, q: float) -> np.ndarray:
    fading = np.exp(-(p + q) * months)
    return (1 - fading) / (1 + q / p * fading)


def _fit(buyers: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Fit m, p and q; give them and the half-width of their intervals, or None where the fit does not come to rest."""
    n, edges = len(buyers), np.arange(len(buyers) + 1.0)

    def increments(_, m, p, q):
        return m * np.diff(_curve(edges, p, q))

    whole = buyers.sum()
    bounds = ([whole, 1e-5, 0.0], [20 * whole + 1, 1.0, 2.0])
    try:
        found, spread = curve_fit(
            increments, edges[1:], buyers, p0=[1.5 * whole, 0.03, 0.1], bounds=bounds, maxfev=5000
        )
    except RuntimeError:
        return None
    half = t.ppf(0.95, n - 3) * np.sqrt(np.diag(spread))
    return (found, half) if np.isfinite(half).all() and half[0] < found[0] else None
