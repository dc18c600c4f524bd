"""Who buys, how much revenue depends on whom, and what kinds of customers are there?

Figures cover the twelve months to `as_of`.
"""

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.data.coverage import looks_back, twelve_months, two_years
from quarterdeck.data.reasons import no_rows

VALUES = ["Champions", "Large and slipping", "Promising", "Occasional", "Gone quiet"]
KINDS = range(2, 8)  # numbers of clusters that are tried
FEWEST = 60  # customers below which no clusters are looked for
HALVES = 5  # pairs of halves that tell how stable the clusters are
PROFILE = {
    "recency": "days since the last order",
    "orders": "orders a year",
    "spend": "revenue a year",
    "categories": "categories bought",
}


@no_rows(needs="a customer who bought in two years")
@looks_back(orders=two_years)
def habits(orders: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """What each customer that bought within two years did: recency, frequency and money (RFM), and how broadly it buys.

    Returns
    -------
    DataFrame
        One row per customer: `customer_id`, `recency` (days since the last order), `orders`, `spend` (money; both of
        twelve months), `before` (money, the twelve months before), `categories` (bought in two years).
    """
    two, one = (as_of - pd.DateOffset(years=y) for y in (2, 1))
    sold = orders[orders["order_date"].between(two, as_of, inclusive="right") & (orders["quantity"] > 0)]
    net = orders[orders["order_date"].between(two, as_of, inclusive="right")]
    recent = sold["order_date"] > one
    kind = looked_up(sold["product_id"], products.set_index("product_id")["category"])
    by = sold.groupby("customer_id")
    table = pd.DataFrame(
        {
            "recency": (as_of - by["order_date"].max()).dt.days,
            "orders": sold[recent].groupby("customer_id")["order_id"].nunique(),
            "spend": net[net["order_date"] > one].groupby("customer_id")["revenue"].sum(),
            "before": net[net["order_date"] <= one].groupby("customer_id")["revenue"].sum(),
            "categories": kind.groupby(sold["customer_id"]).nunique(),
        }
    )
    return table.dropna(subset=["recency"]).fillna(0.0).rename_axis("customer_id").reset_index()


@no_rows(needs="a customer who bought in two years")
def value_segments(habits: pd.DataFrame) -> pd.DataFrame:
    """Customers by how lately they bought, and how often and how much (Hughes 1994: RFM by fifths).

    Recency is ranked into fifths, as is the mean of the ranks of orders and spend. Champions are in the best two fifths
    of both; large and slipping in the best two of size alone, promising of recency alone; gone quiet is the last
    fifth of recency, occasional everybody else.

    Parameters
    ----------
    habits : DataFrame
        As `habits` gives it.

    Returns
    -------
    DataFrame
        One row per value segment, in the order of VALUES: `value`, `customers`, `part` (of customers), `spend`, `before`
        (money), `share` (of spend), `recency` (days, median), `orders` (median).
    """
    if habits.empty:
        return pd.DataFrame(columns=["value", "customers", "part", "spend", "before", "share", "recency", "orders"])
    late = _fifth(-habits["recency"])
    size = _fifth(
        habits["orders"].rank(pct=True) + habits["spend"].where(habits["spend"] > 0, habits["before"]).rank(pct=True)
    )
    named = np.select(
        [(late >= 4) & (size >= 4), (late < 4) & (size >= 4), late >= 4, late == 1], [*VALUES[:3], VALUES[4]], VALUES[3]
    )
    by = habits.groupby(pd.Categorical(named, VALUES), observed=True)
    table = by.agg(
        customers=("spend", "size"), spend=("spend", "sum"), before=("before", "sum"),
        recency=("recency", "median"), orders=("orders", "median"),
    )  # fmt: skip
    table = table.assign(part=table["customers"] / len(habits), share=table["spend"] / max(habits["spend"].sum(), 1e-9))
    columns = ["value", "customers", "part", "spend", "before", "share", "recency", "orders"]
    return table.rename_axis("value").reset_index().astype({"value": "str"})[columns]


@no_rows(needs="ten customers who bought in twelve months")
@looks_back(orders=twelve_months)
def lorenz(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Revenue of twelve months by the part of customers that brings it, smallest customers first (Lorenz 1905).

    Returns
    -------
    DataFrame
        One row per customer and one for nobody: `customers`, `revenue` (cumulative ratios, from 0 to 1).
    """
    spend = _spend(orders, as_of).sort_values()
    return pd.DataFrame(
        {"customers": np.arange(len(spend) + 1) / max(len(spend), 1), "revenue": np.r_[0, spend.cumsum() / spend.sum()]}
    ).iloc[: len(spend) + 1 if len(spend) else 0]


@no_rows(needs="ten customers who bought in twelve months")
@looks_back(orders=twelve_months)
def customer_concentration(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """How much revenue depends on few customers: Gini coefficient, HHI, shares of the largest ten and of the largest tenth.

    HHI = Σ (100 × share of revenue)²; as many customers alike as 10,000 ÷ HHI would be as concentrated.
    Gini = (2 Σ i·xᵢ ÷ n Σ x − (n + 1) ÷ n) × n ÷ (n − 1), spend in ascending order (Gini 1912; unbiased for small n).

    Returns
    -------
    DataFrame
        One row: `gini`, `top_ten`, `top_tenth` (ratios), `largest` (money), `hhi` (index), `n` (customers), `alike` (customers);
        no row below ten.
    """
    spend = np.sort(_spend(orders, as_of).to_numpy())
    n, columns = len(spend), ["gini", "top_ten", "top_tenth", "largest", "hhi", "n", "alike"]
    if n < 10:
        return pd.DataFrame(columns=columns)
    whole = spend.sum()
    gini = (2 * (np.arange(1, n + 1) @ spend) / (n * whole) - (n + 1) / n) * n / (n - 1)
    hhi = ((100 * spend / whole) ** 2).sum()
    row = {"gini": gini, "hhi": hhi, "alike": 10_000 / hhi, "largest": spend[-1], "n": n}
    row |= {"top_ten": spend[-10:].sum() / whole, "top_tenth": spend[-max(n // 10, 1) :].sum() / whole}
    return pd.DataFrame([row], columns=columns)


@no_rows(needs="sixty customers who bought in twelve months")
def clusters(habits: pd.DataFrame) -> pd.DataFrame:
    """Kinds of active customers by what they do: k-means of standardised recency, orders, spend and breadth, in logs.

    The number of kinds is that of two to seven with the highest mean silhouette (Rousseeuw 1987). Stability is the mean
    adjusted Rand index between what two disjoint halves of the customers, clustered alone, say of everybody
    (Hennig 2007): below about 0.6 the kinds are a way of speaking, not a finding.

    Parameters
    ----------
    habits : DataFrame
        As `habits` gives it.

    Returns
    -------
    DataFrame
        One row per kind, largest spend first: `kind` (1 …), `customers`, `share` (of spend), medians `recency` (days),
        `orders`, `spend` (money), `categories`, and the same in every row: `k`, `silhouette`, `stability`; no rows below
        sixty customers that bought in twelve months.
    """
    from sklearn.metrics import silhouette_score  # here, because it is slow to import

    columns = ["kind", "customers", "share", *PROFILE, "k", "silhouette", "stability"]
    habits = habits[habits["spend"] > 0].reset_index(drop=True)
    if len(habits) < FEWEST:
        return pd.DataFrame(columns=columns)
    points = np.log1p(habits[[*PROFILE]].clip(lower=0))
    points = ((points - points.mean()) / points.std().replace(0, 1)).to_numpy()
    step = max(len(points) // 2000, 1)  # the silhouette compares every pair
    fits = {k: _kmeans(points, k) for k in KINDS}
    scores = {k: silhouette_score(points[::step], fit.labels_[::step]) for k, fit in fits.items()}
    k = max(scores, key=scores.get)
    table = _profiles(habits.assign(kind=fits[k].labels_))
    return table.assign(k=k, silhouette=scores[k], stability=_stability(points, k))[columns]


def _fifth(values: pd.Series) -> pd.Series:
    return np.ceil(values.rank(pct=True, method="average") * 5).clip(1, 5)


def _spend(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    recent = orders[orders["order_date"].between(as_of - pd.DateOffset(years=1), as_of, inclusive="right")]
    return recent.groupby("customer_id")["revenue"].sum().loc[lambda r: r > 0]


def _kmeans(points: np.ndarray, k: int):
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=4, random_state=0).fit(points)


def _profiles(table: pd.DataFrame) -> pd.DataFrame:
    whole = max(table["spend"].sum(), 1e-9)
    rows = table.groupby("kind").agg(customers=("spend", "size"), total=("spend", "sum"))
    rows = rows.join(table.groupby("kind")[[*PROFILE]].median()).sort_values("total", ascending=False)
    return rows.assign(share=rows["total"] / whole, kind=range(1, len(rows) + 1)).reset_index(drop=True)


def _stability(points: np.ndarray, k: int) -> float:
    """Cluster two halves alone, several times over, and compare what they say of everybody."""
    from sklearn.metrics import adjusted_rand_score

    place = np.arange(len(points))
    scores = []
    for step in range(1, HALVES + 1):
        half = (place // step) % 2 == 0  # halves that interleave in runs of one, two, three …
        first, second = (_kmeans(points[h], k).predict(points) for h in (half, ~half))
        scores.append(adjusted_rand_score(first, second))
    return float(np.mean(scores))
