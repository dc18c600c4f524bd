"""Which open deals will be won by the quarter's end, what do they add up to, and which of them matter most?

A deal's chance is learned from deals in the same position on earlier days, and tested on quarters that it has not seen.
"""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri
from scipy.stats import t

from quarterdeck.analysis.methods.intervals import FEWEST_GROUPS, shrunk_means, wilson
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline.close_dates import WAITS, waits
from quarterdeck.data import COMPANY
from quarterdeck.data.answers import company_wide, own_rows
from quarterdeck.data.coverage import EVER, looks_back, this_quarter
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows

TRAINED, TESTED = 8, 4  # past quarters that a chance is learned from, and that it is tried on
MARKS = (0.0, 0.25, 0.5, 0.75)  # parts of a quarter at which its open deals are looked at
FEWEST = 300  # deals looked at below which no chance is given
SPANS = 3  # past quarters below which there is no telling how they differ
BINS = 10
TURNS = (15, 60, 120)  # days of age at which a chance may turn: deals ripen, and later go stale
STANDING = [
    "opportunity_id",
    "stage",
    "amount",
    "expected_close",
    "entered",
    "opened_on",
    "segment",
    "competitor",
    "rep_id",
    "pushes",
]
OF_CRM = {
    "probability": "crm",
    "forecast_category": "category",
}  # what a history may hold of a deal, and its name when tried
LABELS = ["opportunity_id", "won", "mark", "quarter", "end", "near"]
MOST_PUSHES = 3  # beyond which one more says no more
WAYS = ["model", "by stage", "fixed"]
BOOKINGS = ["booked", "open_worth", "to_come", "commit", "best", "pipeline", "deals", "quarters"]
TRIAL = ["way", "brier", "error", "n"]


class _Model(NamedTuple):
    """A logistic model of winning: slopes by column, its level, and what each seller adds to the log-odds."""

    slopes: pd.Series
    level: float
    sellers: pd.Series


def own_deals(answer: pd.DataFrame, region: str) -> pd.DataFrame:
    """Give a region's deals of `chances`, with the shock that its deals share; the company's are all of them."""
    own = answer
    if region != COMPANY:
        own = answer[answer["region"] == region]
        own = own.assign(shock=own["region_shock"])  # a column of all regions would bring its rows along
    return own.drop(columns="region_shock").reset_index(drop=True)


@no_rows(needs="open deals, and three hundred looks at deals that were open in past quarters")
@company_wide(own_deals)
def chances(
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """The chance of each open deal to be won by the quarter's end, and by that of the next, and the day of its closing if won.

    Landmark logistic regression (van Houwelingen 2007, Scandinavian Journal of Statistics 34): deals open on four days of each
    of eight past quarters, won by its end (and another for that of the next), by stage, age, days in the stage, days to the
    expected close against the days left, how often that was moved later within a stage, amount, rival, segment and seller; a ridge
    of one. What age does to it may turn at two weeks, two months and four (linear splines; Harrell 2015, Regression Modeling
    Strategies, 2.4.4). Nothing of a quarter that had not ended by `period.start` is learned from, nor of one before the first
    closing on record: there the record begins.

    What a seller adds is drawn to zero by as much as the sellers' own differences leave it in doubt (`_sellers`). Tried, each
    quarter unseen, on nineteen quarters of the demo company and three of the CRM, that takes 10e-4 (90 %: 5 to 15) and 4e-4 (-8 to
    16) off the Brier score, and costs 0.5e-4 (0 to 1) where deals are dealt out to sellers by lot. A ridge on sellers' indicators
    takes as much, in twice the time, and costs 5e-4 then; their shrunk past win rate takes 12e-4 off, but for sure on the demo
    alone. Pushes alone take 16e-4 (14 to 18) off on the demo (the CRM keeps no dates); those that come with a new stage tell
    nothing, for dates are then thought over anyway. One regression for both ends was worse: by 14e-4 (9 to 18) and 34e-4 (-51 to
    120).

    The day of closing is given on the condition that the deal is won, whenever that is: by `close_dates.waits`, from deals
    that stood
    open on the same day of these eight quarters and had been won by `period.start`. Out of time, the day won less the likely day
    was 0 at the median over 6,023 wins of the demo company on seventeen days (CRM: -4 days over 5,395 on nine), the 80 % span
    held 81.2 % (78.6 %); the likely day was off by 31 days on average, the seller's own date by 48. It is learned apart from
    the chances: two deals in a hundred are given a day within the quarter though the next one adds more to their chance.

    Returns
    -------
    DataFrame
        One row per open deal, the largest swing first: `opportunity_id`, `region`, `stage`, `amount` (money), `expected_close`,
        `chance`,
        `next_chance` (by the end of the next quarter), `likely_close` (by this day half of the deals in the same position that were
        won had been won), `close_low`, `close_high` (10 % and 90 % quantiles; days missing with fewer than fifty won), `worth`
        (chance × amount, money), `swing` (standard deviation that it puts on the quarter's bookings, money), `shock` (standard
        deviation of what all deals of a quarter share, a part of what is forecast; missing with fewer than three quarters, alike in
        all rows), `region_shock` (of the deals of the deal's region), `n` (deals learned from); no rows with fewer than three
        hundred of these.
    """
    own = [
        "opportunity_id",
        "region",
        "stage",
        "amount",
        "expected_close",
        "chance",
        "next_chance",
        *WAITS,
        "worth",
        "swing",
    ]
    columns = [*own, "shock", "region_shock", "n"]
    spans = last_quarters(period, TRAINED, _begin(begins))
    known = _marked(opportunities, opportunity_history, spans, period.start)
    states = _states(opportunities, opportunity_history)
    now = _standing(states, period.through).reset_index(drop=True)
    if len(known) < FEWEST or known.loc[known["near"], "won"].nunique() < 2 or now.empty:
        return pd.DataFrame(columns=columns)
    near, far = known[known["near"]], known[~known["near"]]
    fit, later = _learned(near), period.shifted(1).end
    next_fit = _learned(far) if len(far) >= FEWEST and far["won"].nunique() > 1 else fit
    now["chance"] = _predicted(fit, _features(now, period.end))
    now["next_chance"] = np.maximum(_predicted(next_fit, _features(now, later)), now["chance"])  # more time never hurts
    spread = np.sqrt(now["chance"] * (1 - now["chance"]))
    now = now.assign(worth=now["chance"] * now["amount"], swing=spread * now["amount"], n=len(known))
    now = _with_shocks(now, near, fit, opportunities.set_index("opportunity_id")["region"])
    ahead = waits(_stood_before(opportunities, states, period, begins), now)
    now[WAITS] = ahead.apply(lambda days: period.through + pd.to_timedelta(days, unit="D"))
    return now.sort_values("swing", ascending=False, ignore_index=True)[columns]


@no_rows(needs="three hundred looks at deals that were open in past quarters")
@company_wide(own_rows)
def tried(
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What three ways of telling a chance would have said in the last four quarters, each from the eight before it.

    Model: as `chances`. By stage: the share of deals of the stage, on the same mark, that had been won by the end in those eight
    quarters. Fixed: a chance typed in per stage, evenly from a tenth for the first to nine tenths for the last, as many systems
    come with.

    Returns
    -------
    DataFrame
        One row per deal and mark: `region`, `won` (1 or 0), `model`, `by stage`, `fixed` (chances, ratios); where the history holds
        what the CRM said of the deal, `crm` (probability, ratio), `category`, and `ever` (1 or 0: won at all; missing while it is
        open); no rows where the history is too short.
    """
    spans = last_quarters(period, TRAINED + TESTED, _begin(begins))
    marked = _marked(opportunities, opportunity_history, spans, period.start)
    parts = []
    for k in range(TRAINED, len(spans)):
        known = marked[(marked["quarter"] >= spans[k - TRAINED].start) & (marked["end"] < spans[k].start)]
        asked = marked[(marked["quarter"] == spans[k].start) & (marked["end"] == spans[k].end)]
        near = known[known["near"]]
        if len(known) >= FEWEST and len(asked) and near["won"].nunique() > 1:
            rates = near.groupby(["stage", "mark"])["won"].mean().rename("by stage")
            order = near.groupby("stage")["won"].mean().rank(method="first")
            fixed = 0.1 + 0.8 * (order - 1) / max(len(order) - 1, 1)
            region = looked_up(asked["opportunity_id"], opportunities.set_index("opportunity_id")["region"])
            table = asked[["won"]].assign(region=region, model=_predicted(_learned(near), asked))
            table["by stage"] = asked.join(rates, on=["stage", "mark"])["by stage"].fillna(known["won"].mean())
            table = table.assign(fixed=looked_up(asked["stage"], fixed).fillna(0.5))
            parts.append(table.join(_of_crm(asked, opportunities)))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["won", "region", *WAYS])


@no_rows(needs="three hundred looks at deals that were open in past quarters")
def trial(tried: pd.DataFrame) -> pd.DataFrame:
    """How true each way of telling a chance was.

    Parameters
    ----------
    tried : DataFrame
        As `tried` gives it.

    Returns
    -------
    DataFrame
        One row per way, best first: `way`, `brier` (mean squared error), `error` (expected calibration error in ten bins: mean
        distance of chance from share won, weighted by deals; ratio), `n` (deals × marks); no rows without any.
    """
    rows = [
        (way, ((tried[way] - tried["won"]) ** 2).mean(), calibration_error(tried[way], tried["won"]), len(tried))
        for way in WAYS
    ]
    return pd.DataFrame(rows if len(tried) else [], columns=TRIAL).sort_values("brier", ignore_index=True)


@no_rows(needs="three hundred looks at deals that were open in past quarters")
def reliability(tried: pd.DataFrame) -> pd.DataFrame:
    """How deals ended, by the chance that the model had given (`tried`).

    Returns
    -------
    DataFrame
        One row per tenth of the deals by chance: `predicted`, `rate`, `low`, `high` (Wilson 90 %), `n`; no rows without any.
    """
    columns = ["predicted", "rate", "low", "high", "n"]
    if tried.empty:
        return pd.DataFrame(columns=columns)
    tenth = np.ceil(tried["model"].rank(method="first", pct=True) * BINS)
    table = tried.groupby(tenth).agg(predicted=("model", "mean"), won=("won", "sum"), n=("won", "size"))
    low, high = wilson(table["won"], table["n"])
    return table.assign(rate=table["won"] / table["n"], low=low, high=high).reset_index(drop=True)[columns]


@no_rows("opportunities.amount", needs="open deals, and three hundred looks at deals that were open in past quarters")
def by_stage(chances: pd.DataFrame) -> pd.DataFrame:
    """What the open deals of each stage are worth this quarter; the stages add up to what all are worth.

    Parameters
    ----------
    chances : DataFrame
        As `chances` gives it.

    Returns
    -------
    DataFrame
        One row per stage, the least likely first: `stage`, `deals`, `amount`, `worth` (money), `chance` (worth ÷ amount, ratio;
        missing where no amount is known); no rows without chances, or without any amount.
    """
    known = chances[chances["amount"].notna()]
    table = known.groupby("stage").agg(deals=("amount", "size"), amount=("amount", "sum"), worth=("worth", "sum"))
    table["chance"] = table["worth"] / table["amount"].where(table["amount"] > 0)
    return table.sort_values("chance", kind="stable").reset_index()


@no_rows("opportunities.amount", needs="three past quarters of deals on record")
@looks_back(opportunities=this_quarter)
def bookings_ahead(
    opportunities: pd.DataFrame,
    opportunity_history: pd.DataFrame,
    period: Period,
    chances: pd.DataFrame,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """The quarter's bookings as a distribution: what is booked, what open deals add, and what is yet to be opened and won.

    Open deals are independent of each other given their chances and a shock that all deals of a quarter share; what is yet to
    come is the mean of up to eight past quarters on record after the same day, with their spread. How well shock and
    spread are known depends on the number of quarters (Student t). Commit, best case and pipeline are read off the
    distribution: reached with a chance of 90 %, 50 % and 10 %.

    Parameters
    ----------
    chances : DataFrame
        As `chances` gives it.

    Returns
    -------
    DataFrame
        One row: `booked`, `open_worth`, `to_come`, `commit`, `best`, `pipeline` (money), `deals` (open deals), `quarters` (that
        what is to come was learned from); no row without chances, without any amount, or with fewer than three quarters
        on record.
    """
    spans = last_quarters(period, TRAINED, begins["opportunities"])
    spans = [s for s in spans if s.end >= opportunities["closed_on"].min()]
    if chances.empty or len(spans) < SPANS or opportunities["amount"].isna().all():
        return pd.DataFrame(columns=BOOKINGS)
    won = opportunities[opportunities["status"].eq("won")]
    fresh = []
    for span in spans:
        new = won[(won["opened_on"] > period.same_day(span)) & (won["closed_on"] <= span.end)]
        fresh.append(new["amount"].sum())
    booked = won.loc[period.contains(won["closed_on"]), "amount"].sum()
    worth, to_come = chances["worth"].sum(), float(np.mean(fresh))
    between = np.var(fresh, ddof=1) * (1 + 1 / len(fresh)) + (chances["shock"].max() * worth) ** 2
    doubt = t.ppf(0.9, len(fresh) - 1) / ndtri(0.9)
    spread = np.sqrt((chances["swing"] ** 2).sum() + between * doubt**2)
    middle = booked + worth + to_come
    row = {"booked": booked, "open_worth": worth, "to_come": to_come, "deals": len(chances), "quarters": len(fresh)}
    row |= {"commit": max(middle - ndtri(0.9) * spread, booked), "best": middle}
    return pd.DataFrame([row | {"pipeline": middle + ndtri(0.9) * spread}], columns=BOOKINGS)


def _of_crm(asked: pd.DataFrame, opportunities: pd.DataFrame) -> pd.DataFrame:
    """Give what the CRM said of deals while they were open, and whether they were won at all; no columns where it said nothing."""
    held = asked[[c for c in OF_CRM if c in asked]].rename(columns=OF_CRM)
    if held.empty or not len(held.columns):
        return held
    ended = opportunities.set_index("opportunity_id")["status"].map({"won": 1.0, "lost": 0.0})
    return held.assign(ever=looked_up(asked["opportunity_id"], ended))


def _states(opportunities: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Give each open state of a deal with the day it entered its stage, its pushes, and the day on which the next one came."""
    past = history.sort_values(["opportunity_id", "changed_on"], kind="stable")
    first = past["opportunity_id"].ne(past["opportunity_id"].shift())
    moved = first | past["stage"].ne(past["stage"].shift())
    until = past["changed_on"].shift(-1).mask(first.shift(-1, fill_value=True))
    pushed = (~moved & (past["expected_close"] > past["expected_close"].shift())).cumsum()
    pushes = pushed - pushed.where(first).ffill()
    past = past.assign(entered=past["changed_on"].where(moved).ffill(), until=until, pushes=pushes)
    known = opportunities.set_index("opportunity_id")[["opened_on", "segment", "competitor"]]
    columns = [*STANDING, *(c for c in OF_CRM if c in past), "changed_on", "until"]
    return past[past["status"].eq("open")].join(known, on="opportunity_id")[columns]


def _standing(states: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Give the deals that were open at the end of a day, as they stood then."""
    stood = states[(states["changed_on"] <= day) & ~(states["until"] <= day)]
    return stood.drop(columns=["changed_on", "until"]).assign(day=day)


def _begin(begins: Mapping[str, pd.Timestamp]) -> pd.Timestamp:
    return max(begins["opportunities"], begins["opportunity_history"])


def _stood_before(
    opportunities: pd.DataFrame, states: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp]
) -> pd.DataFrame:
    """Give the deals open on this same day of past quarters, with the days to a win and to `period.start`."""
    won = opportunities[opportunities["status"].eq("won")].set_index("opportunity_id")["closed_on"]
    parts = []
    for span in last_quarters(period, TRAINED, _begin(begins)):
        stood = _standing(states, period.same_day(span))
        days = (looked_up(stood["opportunity_id"], won) - stood["day"]).dt.days
        parts.append(stood.assign(days=days, seen=(period.start - stood["day"]).dt.days))
    return pd.concat(parts, ignore_index=True)


def _marked(
    opportunities: pd.DataFrame, history: pd.DataFrame, spans: list[Period], until: pd.Timestamp
) -> pd.DataFrame:
    """Give the features of the deals open at each mark of past quarters, and whether they were won by two ends before `until`."""
    won_on = opportunities.set_index("opportunity_id")["closed_on"].where(
        opportunities.set_index("opportunity_id")["status"].eq("won")
    )
    parts, states = [], _states(opportunities, history)
    first = opportunities["closed_on"].min()
    for span, mark in itertools.product([s for s in spans if s.end >= first], MARKS):
        through = (span.start + (span.end - span.start) * mark).normalize()
        standing = _standing(states, through)
        for end in (span.end, span.shifted(1).end):
            if end < until and len(standing):
                won = (looked_up(standing["opportunity_id"], won_on) <= end).to_numpy(float)
                labels = {"won": won, "mark": mark, "quarter": span.start, "end": end, "near": end == span.end}
                parts.append(standing.assign(**labels))
    if not parts:
        return pd.DataFrame(columns=LABELS)
    looked = pd.concat(parts, ignore_index=True)
    return _features(looked, looked["end"]).join(looked[[*LABELS, *(c for c in OF_CRM if c in looked)]])


def _features(standing: pd.DataFrame, end: pd.Timestamp | pd.Series) -> pd.DataFrame:
    """Give what the chance of a win by `end` depends on: names as text, the rest as numbers about one."""
    left = (end - standing["day"]).dt.days.clip(lower=1)
    due = (standing["expected_close"] - standing["day"]).dt.days.fillna(left).clip(-120, 365)
    age, stay = (
        (standing["day"] - standing["opened_on"]).dt.days.clip(lower=0),
        (standing["day"] - standing["entered"]).dt.days.clip(lower=0),
    )
    return pd.DataFrame(
        {
            "stage": standing["stage"],
            "segment": standing["segment"].fillna("–"),
            "competitor": standing["competitor"].fillna("–"),
            "rep_id": standing["rep_id"],
            "pushes": standing["pushes"].clip(upper=MOST_PUSHES),
            "late": (due < 0).astype(float),
            "margin": ((left - due) / 45).clip(-3, 3),
            "inside": (due <= left).astype(float),
            "left": left / 45,
            "root_left": np.sqrt(left / 45),
            "age": np.log1p(age) / 4,
            "stay": np.log1p(stay) / 3,
            "amount": np.log1p(standing["amount"].fillna(0)) / 10,
            **{f"age {days}": (age.clip(upper=365) - days).clip(lower=0) / 90 for days in TURNS},
        }
    ).reset_index(drop=True)


def _columns(table: pd.DataFrame) -> pd.DataFrame:
    names = pd.get_dummies(table[["stage", "segment", "competitor"]], prefix_sep="\0", dtype=float)
    numbers = table[["late", "margin", "inside", "left", "root_left", "age", "stay", "amount", "pushes"]]
    turns = table[[f"age {days}" for days in TURNS]]
    stages = [c for c in names if c.startswith("stage\0")]
    crossed = {
        f"{c}×{k}": names[c] * numbers[k] for c in stages for k in ("margin", "left", "root_left", "inside", "stay")
    }
    crossed |= {f"pushes×{k}": table["pushes"] * numbers[k] for k in ("margin", "left", "inside")}
    turned = turns.mul(table["left"], axis=0).add_suffix("×left")
    return pd.concat([names, numbers, turns, turned, pd.DataFrame(crossed)], axis=1)


def _learned(known: pd.DataFrame) -> _Model:
    from sklearn.linear_model import LogisticRegression  # here, because it is slow to import

    design = _columns(known)
    model = LogisticRegression(C=1.0, solver="newton-cholesky").fit(design.to_numpy(), known["won"])
    sellers = _sellers(known, expit(design.to_numpy() @ model.coef_[0] + model.intercept_[0]))
    return _Model(pd.Series(model.coef_[0], list(design)), model.intercept_[0], sellers)


def _predicted(fit: _Model, table: pd.DataFrame) -> np.ndarray:
    design = _columns(table).reindex(columns=fit.slopes.index, fill_value=0.0)
    known = design.to_numpy() @ fit.slopes.to_numpy()
    return expit(known + fit.level + looked_up(table["rep_id"], fit.sellers).fillna(0.0).to_numpy(float))


def _sellers(known: pd.DataFrame, chance: np.ndarray) -> pd.Series:
    """Give what each seller adds to the predicted log-odds: one Newton step from zero, shrunk as far as it may be chance.

    Looks at one deal are right or wrong together, so the error of the step is by what was won beyond the prediction deal by deal
    (Liang and Zeger 1986, Biometrika 73, 13), its size per look alike for all.
    """
    looks = pd.DataFrame({"beyond": known["won"] - chance, "weight": np.maximum(chance * (1 - chance), 1e-9)})
    deals = looks.groupby([known["rep_id"], known["opportunity_id"]]).sum()
    sums = deals.groupby("rep_id").sum()
    if len(sums) < FEWEST_GROUPS:
        return pd.Series(dtype=float)
    noise = (deals["beyond"] ** 2).sum() / deals["weight"].sum()
    return shrunk_means(sums["beyond"] / sums["weight"], np.sqrt(noise / sums["weight"]))["value"]


def _with_shocks(now: pd.DataFrame, near: pd.DataFrame, fit: _Model, regions: pd.Series) -> pd.DataFrame:
    """Give open deals with their `region`, the `shock` of all deals and that of the region's (`_shock`)."""
    parts = near.groupby(looked_up(near["opportunity_id"], regions))
    shocks = {region: _shock(part, fit) for region, part in parts}
    own = looked_up(now["opportunity_id"], regions)
    return now.assign(region=own, shock=_shock(near, fit), region_shock=own.map(shocks).astype(float))


def _shock(near: pd.DataFrame, fit: _Model) -> float:
    """Give by how much the deals of a quarter together are won more or less often than predicted, beyond chance.

    By moments, over the days that past quarters were looked at; in as many quarters one is used up by the fit.
    """
    chance = pd.Series(_predicted(fit, near), near.index)
    looks = pd.DataFrame({"beyond": near["won"] - chance, "expected": chance, "chance": chance * (1 - chance)})
    sums, quarters = looks.groupby([near["quarter"], near["mark"]]).sum(), near["quarter"].nunique()
    beyond = (sums["beyond"] ** 2 - sums["chance"]).sum() / (sums["expected"] ** 2).sum()
    return float(np.sqrt(max(beyond, 0.0) * quarters / (quarters - 1))) if quarters >= SPANS else np.nan


def calibration_error(chance: pd.Series, won: pd.Series) -> float:
    """Mean distance of a chance from the share that came true, in ten bins of the chance, weighted by their size.

    Parameters
    ----------
    chance, won : Series
        Ratios, and 1 or 0, on one index.
    """
    bins = np.minimum((chance * BINS).astype(int), BINS - 1)
    found = (
        pd.DataFrame({"chance": chance, "won": won})
        .groupby(bins)
        .agg(chance=("chance", "mean"), won=("won", "mean"), n=("won", "size"))
    )
    return float(((found["chance"] - found["won"]).abs() * found["n"]).sum() / max(found["n"].sum(), 1))
