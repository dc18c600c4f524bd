"""Which deals do we win, what moves the odds, and what does it cost to meet a rival?

Figures cover the twelve months to `period.through`, unless a function says otherwise.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

from quarterdeck.analysis.methods.intervals import discovered, shrunk, wilson
from quarterdeck.analysis.methods.lookup import categories, looked_up
from quarterdeck.analysis.pipeline.stages import closed
from quarterdeck.data.coverage import EVER, already, looks_back, months_of, twelve_months
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows
from quarterdeck.errors import refuse_unknown

NONE = "no rival named"
SIZES = ["small", "middle", "large", "largest"]  # quarters of the amounts of closed deals
CONDITIONS = ["competitor", "segment", "region", "channel", "size"]
FEWEST = 100  # closed deals below which no odds are fitted
FEWEST_SIDE = 10  # deals of either kind below which a group is not compared
PRIOR = 1.0  # standard deviation of a condition's log-odds before any deal is seen
YEARS = 3  # of closed deals that the odds are fitted to
FOLDS = 5


@no_rows(needs="a deal that closed in twelve months")
@looks_back(opportunities=twelve_months)
def coverage(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """How much of what was closed has its rival and its reason written down: what the rest of the page stands on.

    Returns
    -------
    DataFrame
        One row per group: `what` ("closed deals with a rival", "lost deals with a reason"), `known`, `n` (deals), `share`,
        `share_amount` (ratios; of deals, of their amount).
    """
    deals = closed(opportunities, period)
    lost = deals[~deals["won"]]
    rows = []
    for what, group, column in (
        ("closed deals with a rival", deals, "competitor"),
        ("lost deals with a reason", lost, "loss_reason"),
    ):
        known = group[column].notna()
        if len(group):
            rows.append(
                [
                    what,
                    int(known.sum()),
                    len(group),
                    known.mean(),
                    group.loc[known, "amount"].sum() / max(group["amount"].sum(), 1e-9),
                ]
            )
    return pd.DataFrame(rows, columns=["what", "known", "n", "share", "share_amount"])


@no_rows("opportunities.competitor", needs="a deal of such a group with a rival that closed in twelve months")
@looks_back(losses=twelve_months, opportunities=twelve_months)
def win_rate_by(
    opportunities: pd.DataFrame, period: Period, by: str, products: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Win rate against each rival within segments, regions, deal sizes or product categories, partially pooled.

    A cell is drawn to the rate of all by as much as its own deals leave it in doubt (`intervals.shrunk`).

    Parameters
    ----------
    by : str
        "segment", "region", "size" (quarters of the amounts) or "category" (of the main product).

    Returns
    -------
    DataFrame
        One row per group and rival: `group`, `competitor`, `won`, `n` (deals), `raw`, `raw_low`, `raw_high` (Wilson 90 %),
        `rate`, `low`, `high` (shrunk), `all` (ratio).

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    refuse_unknown("by", by, ("segment", "region", "size", "category"))
    deals = closed(opportunities, period)
    deals = deals.assign(group=_groups(deals, by, products)).dropna(subset=["group", "competitor"])
    deals = deals if by != "size" or _priced_ahead(deals) else deals.iloc[:0]
    table = deals.groupby(["group", "competitor"])["won"].agg(["sum", "size"]).set_axis(["won", "n"], axis=1)
    raw_low, raw_high = wilson(table["won"], table["n"])
    table = table.join(shrunk(table["won"], table["n"]))
    table = table.assign(raw=table["won"] / table["n"], raw_low=raw_low, raw_high=raw_high, all=deals["won"].mean())
    columns = ["won", "n", "raw", "raw_low", "raw_high", "rate", "low", "high", "all"]
    return table[columns].reset_index()


@no_rows(needs="a deal that closed before this quarter")
def trend(
    opportunities: pd.DataFrame,
    period: Period,
    quarters: int = 12,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Win rate by whole quarter of closing, with and without a rival in the deal.

    Returns
    -------
    DataFrame
        One row per quarter and kind, oldest first: `start`, `label`, `kind` ("contested", "uncontested"), `won`, `n`
        (deals), `rate`, `low`, `high` (Wilson 90 %).
    """
    spans = last_quarters(period, quarters, begins["opportunities"])
    begin = spans[0].start if spans else period.start
    deals = opportunities[opportunities["closed_on"].between(begin, period.start, inclusive="left")]
    start = period.calendar.start(deals["closed_on"]).rename("start")
    kind = pd.Series(np.where(deals["competitor"].notna(), "contested", "uncontested"), deals.index, name="kind")
    kept = deals["status"].eq("lost").groupby(start).transform("any")  # a quarter without a loss did not record them
    table = (
        deals["status"]
        .eq("won")[kept]
        .groupby([start, kind])
        .agg(["sum", "size"])
        .set_axis(["won", "n"], axis=1)
        .reset_index()
    )
    low, high = wilson(table["won"], table["n"])
    label = period.calendar.labels(table["start"])
    table = table.assign(rate=table["won"] / table["n"], low=low, high=high, label=label)
    return table[["start", "label", "kind", "won", "n", "rate", "low", "high"]]


def trend_totals(trend: pd.DataFrame) -> pd.DataFrame:
    """The win rate with and without a rival, over all quarters of `trend`.

    Returns
    -------
    DataFrame
        Indexed by `kind`: `won`, `n` (deals), `rate` (won ÷ n).
    """
    sums = trend.groupby("kind")[["won", "n"]].sum()
    return sums.assign(rate=sums["won"] / sums["n"])


@no_rows(needs="a hundred deals closed in three years, some won and some lost")
@looks_back(losses=already)
def odds(
    opportunities: pd.DataFrame, period: Period, level: float = 0.9, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """Which conditions move the odds of winning, all others being equal.

    Logistic regression on rival, segment, region, channel and size of the deal (quarters of the amounts; left out where
    lost deals mostly have no amount), each level against the mean of its condition, with a normal prior of deviation one
    for each (ridge); intervals from the curvature at the fit (Gelman et al., Bayesian Data Analysis, 3rd ed., 16.3). Fitted
    to the deals closed in three years, or since losses are recorded.

    Returns
    -------
    DataFrame
        One row per level, those that move the odds most first: `condition`, `level`, `log_odds`, `low`, `high`, `points`
        (what it adds to a win rate at the mean, difference of ratios), `clear` (bool: at a false discovery rate of one in ten),
        `n` (deals); no rows below a hundred deals.
    """
    deals = deals_of_three_years(opportunities, period, begins["losses"])
    columns = ["condition", "level", "log_odds", "low", "high", "points", "clear", "n"]
    if len(deals) < FEWEST or deals["won"].nunique() < 2:
        return pd.DataFrame(columns=columns)
    design = _conditions(deals)
    found, spread = _ridge(design.to_numpy(), deals["won"].to_numpy(float))
    names = [c.split("\0") for c in design.columns]
    table = pd.DataFrame(names, columns=["condition", "level"]).assign(log_odds=found, n=design.sum().to_numpy(int))
    table, mixing = _centred(table, spread)
    reach = norm.ppf(0.5 + level / 2) * np.sqrt(np.diag(mixing))
    base = deals["won"].mean()
    moved = expit(np.log(base / (1 - base)) + table["log_odds"]) - base
    table = table.assign(low=table["log_odds"] - reach, high=table["log_odds"] + reach, points=moved)
    table["clear"] = discovered(table["log_odds"] / np.sqrt(np.diag(mixing)))
    return table.sort_values("log_odds", key=abs, ascending=False, ignore_index=True)[columns]


@no_rows(needs="a hundred deals closed in three years, some won and some lost")
@looks_back(losses=already)
def calibration(
    opportunities: pd.DataFrame, period: Period, groups: int = 10, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """Does what the odds say come true? Each fifth of the deals by day is predicted from the other four.

    Returns
    -------
    DataFrame
        One row per tenth of the deals by predicted chance: `predicted`, `rate`, `low`, `high` (Wilson 90 %), `n`, and in every
        row `brier`, `brier_base` (mean squared error of the chances, and of the mean rate), `error` (mean distance of
        predicted from rate, weighted by deals); no rows below a hundred deals.
    """
    deals = deals_of_three_years(opportunities, period, begins["losses"])
    columns = ["predicted", "rate", "low", "high", "n", "brier", "brier_base", "error"]
    if len(deals) < FEWEST or deals["won"].nunique() < 2:
        return pd.DataFrame(columns=columns)
    design, won = _conditions(deals).to_numpy(), deals["won"].to_numpy(float)
    fold = np.arange(len(deals)) * FOLDS // len(deals)
    chance, base = np.empty(len(deals)), np.empty(len(deals))
    for k in range(FOLDS):
        seen = fold != k
        found, _, start = _fitted(design[seen], won[seen])
        chance[~seen], base[~seen] = expit(start + design[~seen] @ found), won[seen].mean()
    tenth = pd.Series(chance).rank(method="first", pct=True).mul(groups).apply(np.ceil)
    table = (
        pd.DataFrame({"predicted": chance, "won": won})
        .groupby(tenth.to_numpy())
        .agg({"predicted": "mean", "won": ["sum", "size"]})
    )
    table = table.set_axis(["predicted", "won", "n"], axis=1).reset_index(drop=True)
    low, high = wilson(table["won"], table["n"])
    table = table.assign(rate=table["won"] / table["n"], low=low, high=high)
    off = float(((table["predicted"] - table["rate"]).abs() * table["n"]).sum() / len(deals))
    return table.assign(brier=((chance - won) ** 2).mean(), brier_base=((base - won) ** 2).mean(), error=off)[columns]


@no_rows("opportunities.competitor", needs="a deal with a rival that closed in twelve months")
def stake(rates: pd.DataFrame) -> pd.DataFrame:
    """What winning against each rival at our rate against all would be worth.

    Parameters
    ----------
    rates : DataFrame
        As `competitors.win_rate_by_rival` gives it.

    Returns
    -------
    DataFrame
        One row per rival, most money first: `competitor`, `n` (deals), `rate`, `all` (ratios), `value`, `low`, `high` (money
        of twelve months at the shrunk rate and the ends of its interval; negative where we win more than usual).
    """
    closed_amount = rates["lost"] / (1 - rates["raw"]).where(rates["raw"] < 1)
    gap = {
        "value": rates["all"] - rates["rate"],
        "low": rates["all"] - rates["high"],
        "high": rates["all"] - rates["low"],
    }
    table = rates[["competitor", "n", "rate", "all"]].assign(**{k: g * closed_amount for k, g in gap.items()})
    return table.dropna(subset=["value"]).sort_values("value", ascending=False, ignore_index=True)


@no_rows("opportunities.competitor", none="no open deal has a rival with whom deals closed in twelve months")
def at_risk(opportunities: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """The open pipeline that each rival is in, and what it will take of it at the rate of past deals.

    Parameters
    ----------
    rates : DataFrame
        As `competitors.win_rate_by_rival` gives it.

    Returns
    -------
    DataFrame
        One row per rival in open deals, most money first: `competitor`, `deals`, `amount` (money), `risk`, `low`, `high`
        (money: amount × (1 − win rate), from the shrunk rate and its interval).
    """
    open_deals = opportunities[opportunities["status"].eq("open")]
    table = open_deals.groupby("competitor")["amount"].agg(["size", "sum"]).set_axis(["deals", "amount"], axis=1)
    table = table.join(rates.set_index("competitor")[["rate", "low", "high"]], how="inner")
    ends = {"risk": 1 - table["rate"], "low": 1 - table["high"], "high": 1 - table["low"]}
    table = table[["deals", "amount"]].assign(**{k: table["amount"] * v for k, v in ends.items()})
    return table.sort_values("risk", ascending=False).reset_index()


@no_rows(
    "opportunities.competitor", needs="ten deals won with a rival and ten without one, of the same segments and sizes"
)
def cost_of_rivalry(
    opportunities: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None = None,
    level: float = 0.9,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What a rival in the deal costs: cycle, discount and margin of deals won, against uncontested ones of their kind.

    Deals are compared within segment and size, and the differences weighted by the contested deals in each. Discount and
    margin are those of the order lines of the same customer and product on the day of winning.

    Returns
    -------
    DataFrame
        One row per measure that is known: `measure` ("cycle_days", "discount", "margin"), `contested`, `uncontested`
        (standardised means), `difference`, `low`, `high` (days or difference of ratios, 90 %), `n` (contested deals), `months`
        (of the three years, that the deals hold); no rows where no deal of both kinds can be compared.
    """
    deals = deals_of_three_years(opportunities, period, begins["opportunities"]).query("won")
    deals = _with_orders(
        deals.assign(cycle_days=(deals["closed_on"] - deals["opened_on"]).dt.days.astype(float)), orders
    )
    deals = deals.assign(contested=deals["competitor"].notna(), cell=deals["segment"].fillna("") + "\0" + deals["size"])
    rows = []
    for measure in ("cycle_days", "discount", "margin"):
        row = _standardised(deals.dropna(subset=[measure]), measure, level)
        rows += [{"measure": measure, **row}] if row else []
    table = pd.DataFrame(rows, columns=["measure", "contested", "uncontested", "difference", "low", "high", "n"])
    return table.assign(months=months_of(YEARS, period.through, begins["opportunities"]))


@no_rows("orders.list_amount", needs="ten deals won in three years with their order lines and list amounts")
def discount_to_win(
    opportunities: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame,
    level: float = 0.9,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """The discount at which deals against each rival were won, and against none.

    Returns
    -------
    DataFrame
        One row per rival and one for NONE, largest discount first: `competitor`, `discount`, `low`, `high` (mean, Student
        t 90 %), `n` (deals won in three years whose order is known); no rows where no order lines can be matched.
    """
    deals = deals_of_three_years(opportunities, period, begins["opportunities"]).query("won")
    deals = _with_orders(deals, orders).dropna(subset=["discount"])
    by = deals.groupby(deals["competitor"].fillna(NONE))["discount"].agg(["mean", "std", "size"])
    by = by[by["size"] >= FEWEST_SIDE]
    reach = norm.ppf(0.5 + level / 2) * by["std"] / np.sqrt(by["size"])
    table = pd.DataFrame(
        {"discount": by["mean"], "low": by["mean"] - reach, "high": by["mean"] + reach, "n": by["size"]}
    )
    return table.sort_values("discount", ascending=False).rename_axis("competitor").reset_index()


def discount_range(discounts: pd.DataFrame) -> pd.Series:
    """How far the largest discount may lie above the smallest: the widest that their two intervals allow.

    Parameters
    ----------
    discounts : DataFrame
        As `discount_to_win` gives it, with a row at least.

    Returns
    -------
    Series
        `low`, `high` (differences of ratios).
    """
    top, least = discounts.iloc[0], discounts.iloc[-1]
    return pd.Series({"low": top["low"] - least["high"], "high": top["high"] - least["low"]})


@no_rows("opportunities.competitor", needs="a deal with a rival that closed in twelve months")
@looks_back(opportunities=twelve_months)
def notable(opportunities: pd.DataFrame, period: Period, each: int = 3) -> pd.DataFrame:
    """The largest deals lately won from each rival and lost to it.

    Returns
    -------
    DataFrame
        One row per deal, at most `each` won and lost per rival, largest first: `competitor`, `won` (bool), `opportunity_id`,
        `customer_id`, `segment`, `amount` (money), `closed_on`, `loss_reason`.
    """
    deals = (
        closed(opportunities, period)
        .dropna(subset=["competitor"])
        .sort_values("amount", ascending=False, kind="stable")
    )
    top = deals.groupby(["competitor", "won"]).cumcount() < each
    columns = ["competitor", "won", "opportunity_id", "customer_id", "segment", "amount", "closed_on", "loss_reason"]
    return deals.loc[top, columns].sort_values(
        ["competitor", "won", "amount"], ascending=[True, True, False], ignore_index=True
    )


def _groups(deals: pd.DataFrame, by: str, products: pd.DataFrame | None) -> pd.Series:
    if by == "size":
        return _size(deals["amount"])
    if by == "category":
        return looked_up(deals["product_id"], categories(products))
    return deals[by]


def _size(amount: pd.Series) -> pd.Series:
    place = np.ceil(amount.rank(pct=True).fillna(0.5) * len(SIZES)).clip(1, len(SIZES)).astype(int) - 1
    return pd.Series(np.array(SIZES)[place], amount.index)


def _priced_ahead(deals: pd.DataFrame) -> bool:
    """Tell whether deals have an amount before they are won: else it says how they ended, not what they were."""
    return bool((deals.loc[~deals["won"], "amount"].fillna(0) > 0).mean() >= 0.5)


def deals_of_three_years(
    opportunities: pd.DataFrame, period: Period, begin: pd.Timestamp = EVER["opportunities"]
) -> pd.DataFrame:
    """Deals closed in the three years to `period.through`, in that order, with `won` (bool) and `size` (of SIZES).

    Parameters
    ----------
    begin : Timestamp
        The day from which they are on record, where that is later: of losses, where a figure is of deals won and lost.
    """
    since = period.through - pd.DateOffset(years=YEARS)
    deals = opportunities[opportunities["closed_on"].between(since, period.through, inclusive="right")]
    deals = deals[deals["closed_on"] >= begin]
    deals = deals.sort_values(["closed_on", "opportunity_id"])
    return deals.assign(won=deals["status"].eq("won"), size=_size(deals["amount"])).reset_index(drop=True)


def _conditions(deals: pd.DataFrame) -> pd.DataFrame:
    """Give a column of 0 and 1 per level of each condition that has at least two."""
    filled = deals.assign(competitor=deals["competitor"].fillna(NONE))[CONDITIONS]
    usable = [c for c in CONDITIONS if filled[c].nunique() > 1 and (c != "size" or _priced_ahead(deals))]
    return pd.get_dummies(filled[usable], prefix=usable, prefix_sep="\0", dtype=float)


def _fitted(design: np.ndarray, won: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Fit the ridge; give coefficients, their covariance and the intercept."""
    from sklearn.linear_model import LogisticRegression  # here, because it is slow to import

    fit = LogisticRegression(C=PRIOR**2, solver="newton-cholesky", tol=1e-8).fit(design, won)
    start = float(fit.intercept_[0])
    chance = expit(start + design @ fit.coef_[0])
    full = np.column_stack([np.ones(len(design)), design])
    curvature = (full * (chance * (1 - chance))[:, None]).T @ full + np.diag(
        np.r_[1e-9, np.full(design.shape[1], PRIOR**-2)]
    )
    return fit.coef_[0], np.linalg.inv(curvature)[1:, 1:], start


def _ridge(design: np.ndarray, won: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _fitted(design, won)[:2]


def _centred(table: pd.DataFrame, spread: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Measure each level against the mean of its condition, over deals; give the covariance of that too."""
    same = (table["condition"].to_numpy()[:, None] == table["condition"].to_numpy()[None, :]).astype(float)
    weight = same * table["n"].to_numpy(float)[None, :]
    centre = np.eye(len(table)) - weight / weight.sum(axis=1, keepdims=True)
    return table.assign(log_odds=centre @ table["log_odds"].to_numpy()), centre @ spread @ centre.T


def _with_orders(deals: pd.DataFrame, orders: pd.DataFrame | None) -> pd.DataFrame:
    """Put discount and margin beside deals won, from the order lines of the same customer, product and day."""
    if orders is None:
        return deals.assign(discount=np.nan, margin=np.nan)
    keys = ["customer_id", "product_id", "closed_on"]
    lines = orders[orders["revenue"] > 0].rename(columns={"order_date": "closed_on"})
    sums = lines.groupby(keys)[["list_amount", "revenue", "cost"]].sum(min_count=1)
    both = deals.join(sums, on=keys)
    both = both.assign(margin=1 - both["cost"] / both["revenue"], discount=1 - both["revenue"] / both["list_amount"])
    return both.drop(columns=["list_amount", "revenue", "cost"])


def _standardised(deals: pd.DataFrame, measure: str, level: float) -> dict[str, float] | None:
    by = deals.groupby(["cell", "contested"])[measure].agg(["mean", "var", "size"]).unstack()
    usable = (
        by[(by["size"].fillna(0) >= 2).all(axis=1)] if by.columns.nlevels == 2 and len(by.columns) == 6 else by.iloc[:0]
    )
    n = usable["size"][True].sum() if len(usable) else 0
    if n < FEWEST_SIDE or usable["size"][False].sum() < FEWEST_SIDE:
        return None
    weight = usable["size"][True] / n
    means = {side: (weight * usable["mean"][side]).sum() for side in (True, False)}
    error = np.sqrt((weight**2 * (usable["var"] / usable["size"]).sum(axis=1)).sum())
    reach, gap = norm.ppf(0.5 + level / 2) * error, means[True] - means[False]
    ends = {"difference": gap, "low": gap - reach, "high": gap + reach}
    return {"contested": means[True], "uncontested": means[False], **ends, "n": int(n)}
