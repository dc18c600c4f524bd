"""How do deals move: how far, how fast, and which have come to a halt?

Figures cover the twelve months to `period.through`.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import hypergeom

from quarterdeck.analysis.methods.intervals import discovered, shrunk, wilson
from quarterdeck.data.coverage import EVER, looks_back, twelve_months
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows

ELSEWHERE = "a seller of another region"
CLAIMS = 0.05  # companies whose sellers do not differ in which one may be said to
LEAKS = [
    "rep_id", "name", "stage", "onward", "n", "rate", "low", "high", "team", "leak", "leak_low", "leak_high", "clear",
]  # fmt: skip
FEWEST = 20  # closed deals of a pipeline or kind, below which no rate of it is shown
FUNNEL = ["stage", "reached", "conversion", "low", "high", "basis", "pipeline"]


def closed(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Deals closed in the twelve months to `period.through`.

    Returns
    -------
    DataFrame
        The columns of `opportunities` and `won` (bool), numbered from zero.
    """
    within = opportunities["closed_on"].between(_a_year_to(period), period.through)
    deals = opportunities[within & opportunities["status"].ne("open")]
    return deals.assign(won=deals["status"].eq("won")).reset_index(drop=True)


def named(rows: pd.DataFrame, reps: pd.DataFrame) -> pd.DataFrame:
    """Rows with `rep_id`, with their sellers' name and manager.

    Parameters
    ----------
    rows : DataFrame
        Any columns, `rep_id` among them; a `name` of their own, such as a deal's, gives way.

    Returns
    -------
    DataFrame
        The same rows with `name` and `manager`; a seller whom `reps` lacks is named ELSEWHERE, without a manager.
    """
    people = reps[["rep_id", "name", "manager"]]
    return rows.drop(columns="name", errors="ignore").merge(people, on="rep_id", how="left").fillna({"name": ELSEWHERE})


def renamed(table: pd.DataFrame, reps: pd.DataFrame) -> pd.DataFrame:
    """Rows of sellers, by `rep_id`, under the names that a roster gives them (`performance.roster`)."""
    return named(table.drop(columns="name"), reps)[list(table)]


def factors(opportunities: pd.DataFrame, period: Period) -> pd.Series:
    """Velocity and its four factors, of deals open on a day and of those closed in the twelve months before.

    Returns
    -------
    Series
        `open_deals` (count), `win_rate` (won over closed by count, ratio; missing where no deal lost is on record),
        `average_won` (money), `cycle_days` (median days from opening to winning), `velocity` (the first three multiplied, over
        the fourth: money a day); each missing where it is not known.
    """
    done = closed(opportunities, period)
    opened = opportunities["opened_on"] <= period.through
    gone = opportunities["status"].ne("open") & (opportunities["closed_on"] <= period.through)
    days = (done["closed_on"] - done["opened_on"]).dt.days
    four = pd.Series(
        {
            "open_deals": float((opened & ~gone).sum()),
            "win_rate": done["won"].mean() if not done["won"].all() else np.nan,  # none lost, none recorded
            "average_won": done.loc[done["won"], "amount"].mean(),
            "cycle_days": days[done["won"]].median(),
        },
        dtype="float64",
    )
    cycle_days = four["cycle_days"] if four["cycle_days"] > 0 else np.nan
    return pd.concat([four, pd.Series({"velocity": four.iloc[:3].prod(skipna=False) / cycle_days})])


@no_rows(needs="a deal opened in twelve months")
@looks_back(losses=twelve_months, opportunities=twelve_months)
def funnel(
    opportunities: pd.DataFrame, period: Period, opportunity_history: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Deals that reached each stage, and the share of them that reached the next.

    With a history: the deals closed in the twelve months to `period.through`, so that each has run its course; a deal
    that was in a later stage counts as having reached the earlier ones. Without one: the deals opened in those months,
    as they stand (opened, closed, won), which reads low while many are still open. Stages of several pipelines are no one row of
    stages: each pipeline with twenty such deals has a funnel of its own.

    Returns
    -------
    DataFrame
        One row per stage, first stage first: `stage` (of several pipelines, after the pipeline's name), `reached` (deals),
        `conversion` (ratio to the next stage; missing for the last), `low`, `high` (Wilson 90 %), `basis` ("history" or
        "status"), `pipeline` (the one with most deals first; empty where there is one alone).
    """
    if opportunity_history is None:
        recent = opportunities[opportunities["opened_on"].between(_a_year_to(period), period.through)]
        parts = [_with_conversion(_from_status(own), "status", name) for name, own in by_pipeline(recent).items()]
    else:
        past = opportunity_history
        parts = [
            _with_conversion(
                _from_history(past[past["opportunity_id"].isin(own["opportunity_id"])], own), "history", name
            )
            for name, own in by_pipeline(closed(opportunities, period)).items()
        ]
    return pd.concat(parts, ignore_index=True)


def funnel_ends(funnel: pd.DataFrame) -> tuple[int, int]:
    """Count the deals that came in, and those that were won, over all pipelines.

    Parameters
    ----------
    funnel : DataFrame
        As `funnel` gives it, with a row at least.
    """
    by = funnel.groupby("pipeline")["reached"]
    return int(by.first().sum()), int(by.last().sum())


def by_pipeline(deals: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Part deals by their pipeline, where these are several; a pipeline with fewer than twenty deals is left out.

    Parameters
    ----------
    deals : DataFrame
        `pipeline` where the source gives it.

    Returns
    -------
    dict of DataFrame
        By pipeline, the one with most deals first; all of them under an empty name where there is one alone, or none is large
        enough.
    """
    counts = deals["pipeline"].value_counts().sort_values(ascending=False, kind="stable") if "pipeline" in deals else {}
    if len(counts) < 2:
        return {"": deals}
    return {name: deals[deals["pipeline"] == name] for name in counts[counts >= FEWEST].index} or {"": deals}


@no_rows(needs="a deal that closed in twelve months, and two stages on record")
@looks_back(losses=twelve_months, opportunities=twelve_months)
def leaks(
    opportunities: pd.DataFrame, opportunity_history: pd.DataFrame, reps: pd.DataFrame, period: Period
) -> pd.DataFrame:
    """Where each seller loses more deals than all do, stage by stage, and what that costs in twelve months.

    Of the deals closed in twelve months, by pipeline as in `funnel`.
    Leak = (conversion of all − the seller's, shrunk by `intervals.shrunk`) ×
    deals that reached the stage × what a deal that goes on is worth (average won × the share that is won of those that got as
    far). A seller's conversion is clearly other than the others' by Fisher's exact test (1934, Statistical Methods for Research
    Workers, 21.02), at a false discovery rate of one in twenty over all sellers and stages. Mix is not taken out:
    `skill.skills` does that for the win rate.

    Returns
    -------
    DataFrame
        One row per seller and stage that a deal of theirs reached, the largest leak first: `rep_id`, `name`, `stage`,
        `onward`, `n` (deals), `rate`, `low`, `high` (shrunk, 90 %), `team` (all sellers', ratios), `leak`, `leak_low`,
        `leak_high` (money; below zero where more go on), `clear` (bool).
    """
    done = by_pipeline(closed(opportunities, period))
    parts = [part for name, own in done.items() for part in _leaks(own, opportunity_history, name)]
    if not parts:
        return pd.DataFrame(columns=LEAKS)
    table = pd.concat(parts, ignore_index=True)
    table["clear"] = discovered(table["z"], CLAIMS)
    return named(table, reps).sort_values("leak", ascending=False, kind="stable", ignore_index=True)[LEAKS]


def _leaks(done: pd.DataFrame, history: pd.DataFrame, pipeline: str) -> list[pd.DataFrame]:
    """Give the leaks of each stage of one pipeline, without names, and how surely each is one (`z`)."""
    order, furthest = _furthest(history[history["opportunity_id"].isin(done["opportunity_id"])], done)
    owner = done.set_index("opportunity_id")["rep_id"].reindex(furthest.index)
    average, parts = done.loc[done["won"], "amount"].mean(), []
    for k, stage in enumerate(order[:-1]):
        onward = furthest[furthest >= k] > k
        own = onward.groupby(owner).agg(onward="sum", n="size").rename_axis("rep_id").reset_index()
        worth = average * (furthest == len(order) - 1).sum() / max((furthest > k).sum(), 1)
        own = own.join(shrunk(own["onward"], own["n"])).assign(stage=_in_pipeline(stage, pipeline))
        own["team"] = own["onward"].sum() / own["n"].sum()
        lost = {"leak": "rate", "leak_low": "high", "leak_high": "low"}
        money = {name: (own["team"] - own[rate]) * own["n"] * worth for name, rate in lost.items()}
        parts.append(own.assign(**money, z=_apart(own)))
    return parts


def stage_order(opportunity_history: pd.DataFrame) -> list[str]:
    """Stages of open deals in the order that deals first enter them, on average.

    Returns
    -------
    list of str
        By the mean place at which deals first entered each; empty without an open state on record.
    """
    open_states = opportunity_history[opportunity_history["status"].eq("open")].sort_values("changed_on", kind="stable")
    entries = open_states.drop_duplicates(["opportunity_id", "stage"])
    rank = entries.groupby("opportunity_id").cumcount()
    return rank.groupby(entries["stage"]).mean().sort_values(kind="stable").index.tolist()


@no_rows(needs="a deal that was won in twelve months")
@looks_back(opportunities=twelve_months)
def cycle(opportunities: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Days from opening to closing of each deal won.

    Returns
    -------
    DataFrame
        One row per won deal, by `opportunity_id`: `opportunity_id`, `rep_id`, `days`.
    """
    won = closed(opportunities, period).query("won").sort_values("opportunity_id", ignore_index=True)
    return won.assign(days=(won["closed_on"] - won["opened_on"]).dt.days)[["opportunity_id", "rep_id", "days"]]


@no_rows("opportunities.amount", needs="an open deal, and one won and one lost in twelve months")
@looks_back(opportunities=twelve_months)
def velocity(opportunities: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp] = EVER) -> pd.DataFrame:
    """Sales velocity's four factors now and a year before, and what each added to its change.

    Velocity = open deals × win rate × average won deal ÷ cycle days, so the logarithms of the factors' changes add
    up to the logarithm of its own. The average is of deals won whose amount is known.

    Returns
    -------
    DataFrame
        Five rows: `factor` (open_deals, win_rate, average_won, cycle_days, velocity), `now`, `before` (in the
        factor's unit; missing without deals, or where the deals do not reach back to that span), `log_change` (of
        velocity, through this factor), `share` (of the velocity's change, e^log_change − 1); no rows where a factor is missing now.
    """
    table = pd.DataFrame({"now": factors(opportunities, period), "before": factors(opportunities, period.before())})
    if pd.isna(table.loc["velocity", "now"]):
        return pd.DataFrame(columns=["factor", "now", "before", "log_change", "share"])
    if max(opportunities["opened_on"].min(), begins["opportunities"]) > _a_year_to(period.before()):
        table["before"] = np.nan
    sign = pd.Series(1.0, index=table.index).where(table.index != "cycle_days", -1.0)
    known = table.where(table > 0)
    table["log_change"] = sign * np.log(known["now"] / known["before"])
    return table.assign(share=np.expm1(table["log_change"])).rename_axis("factor").reset_index()


@no_rows("opportunities.expected_close", none="no open deal has an expected closing day")
def overdue(opportunities: pd.DataFrame, reps: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Open deals whose expected close has passed, and the money in them.

    Returns
    -------
    DataFrame
        One row per seller with an open deal, most overdue money first: `name`, `open_deals`, `overdue_deals` (count),
        `open_amount`, `overdue_amount` (money), `days_late` (median of the overdue); no rows where no open deal has
        an expected close.
    """
    deals = opportunities[opportunities["status"].eq("open")]
    if deals["expected_close"].isna().all():
        deals = deals.iloc[:0]
    late = (as_of - deals["expected_close"]).dt.days
    deals = deals.assign(late=late.where(late > 0), overdue_amount=deals["amount"].where(late > 0, 0))
    found = (
        named(deals, reps)
        .groupby(["rep_id", "name"])
        .agg(
            open_deals=("rep_id", "size"),
            overdue_deals=("late", "count"),
            open_amount=("amount", "sum"),
            overdue_amount=("overdue_amount", "sum"),
            days_late=("late", "median"),
        )
    )
    ordered = found.sort_values(["overdue_amount", "overdue_deals"], ascending=False, kind="stable")
    return ordered.reset_index().drop(columns="rep_id")


@no_rows(none="there is no open deal")
def overdue_total(overdue_deals: pd.DataFrame) -> pd.DataFrame:
    """All sellers' overdue deals together.

    Parameters
    ----------
    overdue_deals : DataFrame
        As `overdue` gives it.

    Returns
    -------
    DataFrame
        One row: `open_deals`, `overdue_deals` (count), `open_amount`, `overdue_amount` (money), `share` (overdue over
        open money, ratio); no row without an open deal.
    """
    columns = ["open_deals", "overdue_deals", "open_amount", "overdue_amount"]
    total = overdue_deals[columns].sum().to_frame().T
    share = total["overdue_amount"] / total["open_amount"].where(total["open_amount"] > 0)
    return total.assign(share=share) if len(overdue_deals) else total.assign(share=share).iloc[:0]


def _from_history(past: pd.DataFrame, done: pd.DataFrame) -> pd.Series:
    order, furthest = _furthest(past, done)
    return pd.Series({stage: int((furthest >= i).sum()) for i, stage in enumerate(order)}, dtype="int64")


def _furthest(past: pd.DataFrame, done: pd.DataFrame) -> tuple[list[str], pd.Series]:
    """Give the stages in order, "won" the last of them, and how far each deal got among them, by `opportunity_id`."""
    order = stage_order(past)
    place = {stage: i for i, stage in enumerate(order)}
    furthest = past[past["status"].eq("open")].assign(place=lambda t: t["stage"].map(place))
    furthest = furthest.groupby("opportunity_id")["place"].max()
    won = done.loc[done["won"], "opportunity_id"]
    return [*order, "won"], furthest.where(~furthest.index.isin(won), len(order))


def _from_status(deals: pd.DataFrame) -> pd.Series:
    done = deals["status"].ne("open")
    return pd.Series({"opened": len(deals), "closed": int(done.sum()), "won": int(deals["status"].eq("won").sum())})


def _apart(own: pd.DataFrame) -> pd.Series:
    """Give how surely each seller's rate of `onward` of `n` is another than that of all others, as a z-score."""
    onward, n = own["onward"], own["n"]
    all_of_them = (n.sum(), onward.sum(), n)
    tail = np.minimum(hypergeom.cdf(onward, *all_of_them), hypergeom.sf(onward - 1, *all_of_them))
    side = np.sign(onward / n - onward.sum() / n.sum())
    return side * -ndtri(pd.Series(tail, own.index).clip(1e-15, 0.5))


def _in_pipeline(stage: str, pipeline: str) -> str:
    return f"{pipeline}: {stage}" if pipeline else stage


def _with_conversion(reached: pd.Series, basis: str, pipeline: str = "") -> pd.DataFrame:
    onward = reached.shift(-1)
    low, high = wilson(onward, reached)
    conversion = onward / reached.where(reached > 0)
    table = pd.DataFrame({"reached": reached, "conversion": conversion, "low": low, "high": high})
    table = table.rename_axis("stage").reset_index().assign(basis=basis, pipeline=pipeline)[FUNNEL]
    table["stage"] = [_in_pipeline(stage, pipeline) for stage in table["stage"]]
    return table if reached.iloc[0] else table.iloc[:0]


def _a_year_to(period: Period) -> pd.Timestamp:
    """Give the first of the twelve months' days that end with `period.through`."""
    return period.through - pd.DateOffset(years=1) + pd.Timedelta(days=1)
