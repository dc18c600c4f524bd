"""What does a price do to the quantity, and what did prices do to our revenue?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import t

from quarterdeck.analysis.methods.claims import Claim, apart
from quarterdeck.analysis.methods.intervals import shrunk_means
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.sales import credits
from quarterdeck.analysis.sales.constant_rates import STEP, at_constant_rates, effect, several_currencies
from quarterdeck.data.calendar import GREGORIAN, Calendar
from quarterdeck.data.coverage import EVER, last_year, looks_back, whole_since
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows

LEAST_MOVE = 0.005  # standard deviation of a category's log price below which nothing can be learned from it
FEWEST_QUARTERS = 8
BRIDGE = ["before", "price", "volume", "mix", "new", "lost", "now"]
ELASTICITY = ["category", "estimate", "error", "raw_low", "raw_high", "value", "low", "high", "products", "n"]


@no_rows(needs="an order in this quarter and one in the same days a year before")
@looks_back(orders=last_year)
def price_bridge(
    orders: pd.DataFrame, period: Period, before: Period | None = None, back: pd.Series | None = None
) -> pd.DataFrame:
    """Revenue of one period to another in steps that add up exactly: price, volume, mix, new and lost products, and credits.

    Of the products sold in both: volume = (Q₁ − Q₀) × average price before; mix = Σ p₀(q₁ − q₀ Q₁/Q₀); price =
    Σ (p₁ − p₀) q₁ (additive price-volume-mix identity). A product without net units in one of the periods is new or lost.
    What was given back without goods has no price and no units: its change is the step of credits. Where money of several
    currencies was converted, these steps are at the rates of a year before, and what exchange rates did is a step of its own
    (`constant_rates`).

    Parameters
    ----------
    orders : DataFrame
        The contract's orders.
    period, before : Period
        Seen through their `through`; the same days a year earlier where `before` is not given (else no step is of rates).
    back : Series, optional
        Which lines are credits (bool); as `credits.credited` tells if not given.

    Returns
    -------
    DataFrame
        One row per step, in order: `step` ("before", "price", "volume", "mix", "new", "lost", "credits" where there are any,
        "exchange rates" where there are several currencies, "now"), `amount` (money); no rows where one of the periods has no
        orders.
    """
    spans = {"0": before or period.before(), "1": period}
    several = before is None and several_currencies(orders, *spans.values())
    constant = at_constant_rates(orders, period) if several else orders
    constant = constant.assign(credit=credits.credited(orders) if back is None else back)
    lines = {k: constant[span.contains(constant["order_date"])] for k, span in spans.items()}
    if any(part.empty for part in lines.values()):
        return pd.DataFrame(columns=["step", "amount"])
    steps = _steps(lines)
    if several:
        steps[STEP] = effect(orders, constant, period)
        steps["now"] += steps[STEP]
    names = [*BRIDGE[:-1], *(name for name in (credits.STEP, STEP) if name in steps), BRIDGE[-1]]
    return pd.DataFrame({"step": names, "amount": [float(steps[s]) for s in names]})


@no_rows(needs="eight whole quarters in which prices moved, of three products, two of them in one category")
def elasticity(
    orders: pd.DataFrame,
    products: pd.DataFrame,
    initiatives: pd.DataFrame | None = None,
    level: float = 0.9,
    begins: Mapping[str, pd.Timestamp] = EVER,
    calendar: Calendar = GREGORIAN,
) -> pd.DataFrame:
    """By how many per cent the size of an order line moves when its category's price moves by one.

    Log-log: the mean log of the units of an order line, by product and quarter, on the log of the list price (without one,
    of the price paid), with effects of product and quarter and a trend per category, weighted by order lines (Tellis 1988,
    Journal of Marketing Research 25, on the model and what it leaves out); errors clustered by product; initiatives of one
    category alone are allowed for. The log keeps a project of a thousand units from outweighing the year. Estimates are
    then drawn to each other (`intervals.shrunk_means`). How many lines are ordered is not in it, and where prices were moved
    because demand moved, it misleads.

    Returns
    -------
    DataFrame
        One row per category whose price moved, most elastic first: `category`, `estimate`, `error`, `raw_low`,
        `raw_high` (before shrinking), `value`, `low`, `high` (shrunk), `products`, `n` (products × quarters); no rows
        before eight quarters.
    """
    table = _cells(orders, products, begins["orders"], calendar)
    by = table.groupby("category")
    usable = (by["log_price"].std() > LEAST_MOVE) & (
        by["product_id"].nunique() > 1
    )  # of one product, no error is known
    table = table[table["category"].isin(usable.index[usable])]
    if table["start"].nunique() < FEWEST_QUARTERS or table["product_id"].nunique() < 3:
        return pd.DataFrame(columns=ELASTICITY)
    categories, design = _design(table, initiatives, calendar)
    found, covariance = _fit(table, design, len(categories))
    clusters = table.groupby("category")["product_id"].nunique().reindex(categories).to_numpy()
    error = np.sqrt(np.diag(covariance))
    widened = t.ppf(0.5 + level / 2, np.maximum(clusters - 1, 1)) / ndtri(
        0.5 + level / 2
    )  # few clusters: a t, not a normal
    reach = widened * ndtri(0.5 + level / 2) * error
    result = pd.DataFrame({"estimate": found, "error": error, "raw_low": found - reach, "raw_high": found + reach})
    spread = covariance * np.outer(widened, widened)
    result = result.join(shrunk_means(result["estimate"], spread, level)).assign(category=categories)
    result["products"], result["n"] = clusters, table.groupby("category").size().reindex(categories).to_numpy()
    return result.sort_values("value", ignore_index=True)[ELASTICITY]


def effects(table: pd.DataFrame) -> list[Claim]:
    """What a price rise does to revenue by category: with an elasticity below minus one it costs, above it adds.

    Parameters
    ----------
    table : DataFrame
        As `elasticity` gives it.
    """
    return [
        apart("price_elasticity", r.low, r.high, f"category: {r.category}", against=-1.0) for r in table.itertuples()
    ]


def _steps(lines: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Give the steps between the lines of two periods ("0" and "1"), of which those are apart that give money back alone."""
    sold = {k: part[~part["credit"]].groupby("product_id")[["quantity", "revenue"]].sum() for k, part in lines.items()}
    table = pd.concat([sums.add_suffix(k) for k, sums in sold.items()], axis=1).fillna(0.0)
    both = (table["quantity0"] > 0) & (table["quantity1"] > 0)
    steps = _continuing(table[both]) | {
        "before": table["revenue0"].sum(),
        "new": table.loc[~both, "revenue1"].sum(),
        "lost": -table.loc[~both, "revenue0"].sum(),
        "now": table["revenue1"].sum(),
    }
    if not any(part["credit"].any() for part in lines.values()):
        return steps
    given = {k: part.loc[part["credit"], "revenue"].sum() for k, part in lines.items()}
    ends = {"before": steps["before"] + given["0"], "now": steps["now"] + given["1"]}
    return steps | ends | {credits.STEP: given["1"] - given["0"]}


def _continuing(table: pd.DataFrame) -> dict[str, float]:
    """Split the change of the products sold in both periods; zero where there are none."""
    if table.empty:
        return dict.fromkeys(("price", "volume", "mix"), 0.0)
    q0, q1 = table["quantity0"], table["quantity1"]
    p0, p1 = table["revenue0"] / q0, table["revenue1"] / q1
    return {
        "price": ((p1 - p0) * q1).sum(),
        "volume": (q1.sum() - q0.sum()) * table["revenue0"].sum() / q0.sum(),
        "mix": (p0 * (q1 - q0 * q1.sum() / q0.sum())).sum(),
    }


def _cells(orders: pd.DataFrame, products: pd.DataFrame, begin: pd.Timestamp, calendar: Calendar) -> pd.DataFrame:
    """Give mean log units and log price by product and whole quarter, of products sold in at least four of them."""
    sold = orders[orders["quantity"] > 0].assign(start=lambda t: calendar.start(t["order_date"]))
    sold = sold[sold["start"] < calendar.start(orders["order_date"] + pd.Timedelta(days=1)).max()]
    if begin > pd.Timestamp.min:
        sold = sold[sold["start"] >= whole_since(begin, begin, calendar)]
    paid = sold["list_amount"].where(sold["list_amount"] > 0, sold["revenue"])
    sold = sold.assign(log_price=np.log((paid / sold["quantity"]).where(paid > 0)), log_units=np.log(sold["quantity"]))
    by = sold.dropna(subset=["log_price"]).groupby(["product_id", "start"])
    table = by.agg(
        log_price=("log_price", "mean"), log_units=("log_units", "mean"), lines=("log_units", "size")
    ).reset_index()
    table["log_price"] -= table.groupby("product_id")["log_price"].transform("mean")
    table["category"] = looked_up(table["product_id"], products.set_index("product_id")["category"])
    seen = table.groupby("product_id")["start"].transform("size")
    return table[(seen >= 4) & table["category"].notna()].reset_index(drop=True)


def _design(
    table: pd.DataFrame, initiatives: pd.DataFrame | None, calendar: Calendar
) -> tuple[list[str], pd.DataFrame]:
    """Lay out the regressors: a price per category first, then trends, initiatives, products and quarters."""
    categories = sorted(table["category"].unique())
    when = (table["start"] - table["start"].min()).dt.days / 365.25
    columns = {f"price {c}": table["log_price"].where(table["category"] == c, 0.0) for c in categories}
    columns |= {f"trend {c}": when.where(table["category"] == c, 0.0) for c in categories[1:]}
    if initiatives is not None:
        own = initiatives[
            initiatives["category"].isin(categories) & initiatives[["region", "segment", "channel"]].isna().all(axis=1)
        ]
        for row in own.itertuples():
            on = table["start"].ge(calendar.start(row.started_on)) & ~(table["start"] > row.ended_on)
            columns[f"initiative {row.initiative_id}"] = (on & (table["category"] == row.category)).astype(float)
    columns = {k: v for k, v in columns.items() if v.any()}
    effects = [pd.get_dummies(table[k], dtype=float, drop_first=i > 0) for i, k in enumerate(["product_id", "start"])]
    return categories, pd.concat([pd.DataFrame(columns), *effects], axis=1)


def _fit(table: pd.DataFrame, design: pd.DataFrame, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit by weighted least squares; give the first `n` coefficients and their covariance, clustered by product."""
    import statsmodels.api as sm  # here, because it is slow to import

    model = sm.WLS(table["log_units"].to_numpy(), design.to_numpy(), weights=table["lines"].to_numpy())
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(table["product_id"])[0]})
    return fit.params[:n], fit.cov_params()[:n, :n]
