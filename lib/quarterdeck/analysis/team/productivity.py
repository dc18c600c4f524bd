"""What does a seller bring in revenue and gross margin, once the time in the job is allowed for?

Twelve months to `period.through`, and the twelve before. No basis for decisions on employment.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t as student

from quarterdeck.analysis.methods.intervals import ratio
from quarterdeck.analysis.pipeline.credit import credited
from quarterdeck.analysis.pipeline.stages import named
from quarterdeck.analysis.sales.margin import labelled
from quarterdeck.analysis.team.ramp_up import MONTH, share
from quarterdeck.analysis.team.skill import FEWEST_SELLERS
from quarterdeck.analysis.team.standing import placed
from quarterdeck.data.coverage import EVER, looks_back, twelve_months, two_years
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows

FEWEST_ACCOUNTS, FEWEST_MONTHS = 5, 3  # below which a seller is not ranked
COSTED = 0.9  # part of revenue whose cost must be known, for margins to be reported
MONEY = ["revenue", "margin"]
SPAN = ["months", "ramped", *MONEY]
RANKED = ["value", "low", "high", "rank", "rank_low", "rank_high", "place", "n"]
SELLERS = ["rep_id", "name", "region", *SPAN, *[f"{c}_before" for c in SPAN], "measure", "each", *RANKED]
BROUGHT = [
    "measure", "year", "low", "high", "before", "change", "change_low", "change_high", "sellers", "months", "ramped",
]  # fmt: skip


@no_rows(needs="a seller with orders or deals won in twelve months")
@looks_back(sales=twelve_months)
def sellers(
    reps: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None = None,
    opportunities: pd.DataFrame | None = None,
    newcomers: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What each seller brought in twelve months and in the twelve before, and where that stands among the region's.

    Revenue of order lines and their gross margin (`margin.labelled`); the amounts of deals won where a company keeps no orders.
    Ramped months count a newcomer's days by how far they have come (`ramp_up.share`), and all days in full where no ramp or
    no hiring day is known (who then sold nothing in a year was not there). Ranked is margin per ramped month, or revenue where
    costs are not known or somebody sells at a loss, in logs, against the mean of the region's sellers, or of all those whose
    region has fewer than three. Its error is that of a sum over accounts that come by chance (compound Poisson: √Σ x² ÷ Σ x, with
    as many degrees of freedom as accounts of one size would give it). Pooled and ranked by `standing.placed`. How many accounts a
    seller holds is in it: a large territory counts as much as skill.

    Returns
    -------
    DataFrame
        One row per seller in the job in either year, best first, those not ranked last: `rep_id`, `name`, `region`, `months`,
        `ramped` (months), `revenue`, `margin` (money; margin missing where costs are not known), these four of the year `_before`
        (missing where the record does not reach back), `measure` (that is ranked: "margin", "revenue" or "bookings"), `each` (of
        it, money per ramped month), `value`, `low`, `high` (against the others, ratio, 90 %), `rank`, `rank_low`, `rank_high`
        (90 %), `place` ("above", "below" or "like the others"), `n` (accounts); these missing below five accounts or three months.
    """
    lines = _lines(orders, opportunities)
    year = Period(period.through - pd.DateOffset(years=1) + pd.Timedelta(days=1), period.through, period.through)
    last = year.start - pd.Timedelta(days=1)
    before = Period(year.start - pd.DateOffset(years=1), last, last)
    past = _in(before, reps, lines, newcomers).add_suffix("_before")
    begin = begins["opportunities" if orders is None else "orders"]
    reached = lines["day"].min() <= before.start + pd.Timedelta(days=MONTH) and begin <= two_years(period)
    table = reps[["rep_id", "region"]].join([_in(year, reps, lines, newcomers), past if reached else past * np.nan])
    table = table[(table["months"] > 0) | (table["months_before"] > 0)]
    earned = table.loc[(table["months"] >= FEWEST_MONTHS) & (table["revenue"] > 0), "margin"]
    column = "margin" if len(earned) and earned.min(skipna=False) > 0 else "revenue"
    table["measure"] = "bookings" if orders is None else column
    table["each"] = table[column] / table["ramped"].where(table["ramped"] > 0)
    accounts = lines[year.contains(lines["day"])].groupby(["rep_id", "account"])[column].sum()
    table = named(table, reps).merge(_ranked(table, accounts), "left", on="rep_id")
    return table.sort_values("value", ascending=False, kind="stable", ignore_index=True)[SELLERS]


@no_rows(needs="a seller with orders or deals won in twelve months")
def ranked(sellers: pd.DataFrame) -> pd.DataFrame:
    """Those of `sellers` whose place is given.

    Parameters
    ----------
    sellers : DataFrame
        As `sellers` gives it.

    Returns
    -------
    DataFrame
        The same columns, numbered from zero; no rows where nobody is ranked.
    """
    return sellers.dropna(subset=["place"]).reset_index(drop=True)


@no_rows(needs="a seller with orders or deals won in twelve months")
def brought(sellers: pd.DataFrame) -> pd.DataFrame:
    """What a ramped seller brings in twelve months, and how that moved.

    Σ money ÷ Σ ramped months × 12, with the interval of a ratio over sellers (`intervals.ratio`, Student t). The error of
    the change's
    logarithm allows for the sellers being the same in both years (linearised; Cochran 1977, 6.4 and 6.13).

    Parameters
    ----------
    sellers : DataFrame
        As `sellers` gives it.

    Returns
    -------
    DataFrame
        One row per measure that is known: `measure` ("revenue" or, of deals, "bookings"; "margin"), `year`, `low`, `high`, `before`
        (money a year), `change`, `change_low`, `change_high` (ratios, 90 %; missing without a year before), `sellers` (in the
        job in the year), `months` (of all these together), `ramped` (of these, newcomers' by how far they have come).
    """
    rows = []
    for measure in MONEY:
        own = sellers[sellers["months"] > 0]
        if own[measure].abs().sum() > 0 and len(own) >= FEWEST_SELLERS:
            seen = {"sellers": len(own), "months": own["months"].sum(), "ramped": own["ramped"].sum()}
            name = "bookings" if own["measure"].eq("bookings").any() else measure
            rows.append({"measure": name, **_year(own, measure), **_change(sellers, measure), **seen})
    return pd.DataFrame(rows, columns=BROUGHT)


def _lines(orders: pd.DataFrame | None, opportunities: pd.DataFrame | None) -> pd.DataFrame:
    """Give what was sold by whom to which account: `rep_id`, `account`, `day`, `revenue`, `margin` (missing without cost)."""
    if orders is not None:
        cost = labelled(orders)["margin"].reindex(orders.index)
        account = orders["customer_id"].fillna("an order's own: " + orders["order_id"])
        lines = orders.assign(account=account, margin=cost).rename(columns={"order_date": "day"})
    elif opportunities is not None:
        won = credited(opportunities[opportunities["status"].eq("won")])
        account = won["customer_id"].fillna("a deal's own: " + won["opportunity_id"])
        lines = won.assign(account=account, margin=np.nan).rename(columns={"closed_on": "day", "amount": "revenue"})
    else:
        columns = {
            "rep_id": "str",
            "account": "str",
            "day": "datetime64[us]",
            "revenue": "float64",
            "margin": "float64",
        }
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    return lines.dropna(subset=["rep_id"])[["rep_id", "account", "day", "revenue", "margin"]]


def _in(span: Period, reps: pd.DataFrame, lines: pd.DataFrame, newcomers: pd.DataFrame | None) -> pd.DataFrame:
    """Give each seller's months in the job in a span, ramped months, revenue and margin (SPAN), on the index of `reps`."""
    sums = lines[span.contains(lines["day"])].groupby("rep_id")[MONEY].sum()
    money = sums.reindex(reps["rep_id"], fill_value=0.0).set_axis(reps.index)
    costed = lines.loc[lines["margin"].notna(), "revenue"].sum() >= COSTED * lines["revenue"].sum()
    money["margin"] = money["margin"] if costed and lines["margin"].notna().any() else np.nan
    there = _months(span, reps, newcomers).where(reps["hired"].notna() | money["revenue"].ne(0), 0.0)
    return there.join(money)[SPAN]


def _months(span: Period, reps: pd.DataFrame, newcomers: pd.DataFrame | None) -> pd.DataFrame:
    """Give each seller's `months` in the job within a span, and these by how far a newcomer had come (`ramped`)."""
    days = pd.date_range(span.start, span.through).to_numpy()
    hired, left = (reps[c].to_numpy("datetime64[ns]")[:, None] for c in ("hired", "left_on"))
    there = ~(days < hired) & ~(days > left)  # where a day is not known, neither
    part = np.ones(there.shape)
    if newcomers is not None and len(newcomers):
        tenure = (days - hired) / np.timedelta64(1, "D") / MONTH
        part = share(pd.Series(tenure.ravel()), newcomers).fillna(1.0).to_numpy().reshape(there.shape)
    sums = {"months": there.sum(axis=1) / MONTH, "ramped": (there * part).sum(axis=1) / MONTH}
    return pd.DataFrame(sums, index=reps.index)


def _ranked(table: pd.DataFrame, accounts: pd.Series) -> pd.DataFrame:
    """Give where sellers with enough accounts and months stand in what they bring a ramped month (RANKED, by `rep_id`)."""
    sums = accounts.groupby("rep_id").agg(total="sum", square=lambda x: (x**2).sum(), n="size").reset_index()
    own = table[["rep_id", "region", "months", "each"]].merge(sums, on="rep_id")
    own = own[(own["n"] >= FEWEST_ACCOUNTS) & (own["months"] >= FEWEST_MONTHS) & (own["each"] > 0)]
    among = own["region"].where(own.groupby("region")["rep_id"].transform("size") >= FEWEST_SELLERS, "")
    weight, log = own["total"] ** 2 / own["square"], np.log(own["each"])
    peers = (log * weight).groupby(among).transform("sum") / weight.groupby(among).transform("sum")
    found = placed(own.assign(value=log - peers, error=weight**-0.5, free=(weight - 1).clip(lower=1)))
    found[["value", "low", "high"]] = np.expm1(found[["value", "low", "high"]].astype(float))
    return found[["rep_id", *RANKED]]


def _year(own: pd.DataFrame, measure: str) -> dict[str, float]:
    """Give a ramped seller's money of twelve months, with its interval."""
    value, error = ratio(own[measure], own["ramped"])
    reach = student.ppf(0.95, len(own) - 1) * error
    return {"year": 12 * value, "low": 12 * (value - reach), "high": 12 * (value + reach)}


def _change(sellers: pd.DataFrame, measure: str) -> dict[str, float]:
    """Give a ramped seller's money of the year before, and the change since with its interval."""
    sums = sellers[[measure, "ramped", f"{measure}_before", "ramped_before"]].sum()
    if not (sums > 0).all():
        return dict.fromkeys(["before", "change", "change_low", "change_high"], np.nan)
    now, before = sums[measure] / sums["ramped"], sums[f"{measure}_before"] / sums["ramped_before"]
    apart = (sellers[measure] - now * sellers["ramped"]) / sums[measure]
    apart -= (sellers[f"{measure}_before"] - before * sellers["ramped_before"]) / sums[f"{measure}_before"]
    n = len(sellers)
    reach = student.ppf(0.95, n - 1) * np.sqrt(n / (n - 1) * (apart**2).sum())
    ends = {"change": 0, "change_low": -1, "change_high": 1}
    moved = {name: float(np.expm1(np.log(now / before) + side * reach)) for name, side in ends.items()}
    return {"before": 12 * before} | moved
