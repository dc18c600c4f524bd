"""Which accounts are at risk, which can grow, what is a customer worth, and how far can that be trusted?

Chances and expectations are those of `lifetimes`, corrected by the company's own past. What the same models forecast a year
before is compared with the year since, and the error is taken off: of chances by a logistic line on their log-odds (Platt
1999), of money by one factor. They cover active accounts, those with revenue in the twelve months before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from quarterdeck.analysis.customers.retention import YEAR, active, retention_lines
from quarterdeck.analysis.methods import lifetimes
from quarterdeck.analysis.methods.finding import FINDING, Finding, risk
from quarterdeck.analysis.methods.intervals import Z90, growth, ratio, shrunk_means, wilson
from quarterdeck.analysis.methods.lifetimes import FEWEST, WEEKS
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.data import COMPANY
from quarterdeck.data.answers import company_wide, own_rows, region_row
from quarterdeck.data.coverage import looks_back, two_years
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import looked, no_rows
from quarterdeck.data.snapshot import Missing
from quarterdeck.errors import refuse_unknown

DISCOUNT, YEARS = 0.1, 3  # a year, and the years that a customer's value looks ahead
EITHER = 5  # accounts that came, and that did not, below which chances are not corrected
KEPT, GONE = 0.8, 0.1  # chances from which an account counts as kept, and below which almost gone
STATES = ["almost gone", "at risk", "kept"]
RISKY = ("at risk",)
SILENT, RARELY = "silent", "buys rarely"  # what keeps a chance low
COMMON = 0.4  # part of peers that buy a category, from which it counts as usual
PEERS = 15  # below which an account has none to be held against
BINS, IN_A_BIN = 10, 15  # of the calibration table: the most of them, and the fewest accounts in one
UNPROVEN = Missing(
    "Nothing to show: chances forecast a year ago were not surely better than one chance for all accounts."
)
SMALL = Missing(
    f"Not shown: it needs {FEWEST} customers, {lifetimes.FEWEST_REPEATS} of whom came back, more than the data holds."
)
YOUNG = Missing(
    f"Not shown: it needs {FEWEST} customers a year ago, {lifetimes.FEWEST_REPEATS} of whom had come back, more than the data "
    "holds."
)
TOTALS = [
    "value", "low", "high", "n", "at_stake", "stake_low", "stake_high", "risky", "risky_stake", "risky_low", "risky_high", "gain",
    "gain_low", "gain_high", "unproven",
]  # fmt: skip
OUTLOOK = [
    "customer_id", "state", "why", "last", "silent", "usual", "spend", "alive", "chance", "purchases", "kept", "expected",
    "at_stake", "value",
]  # fmt: skip


@dataclass(frozen=True)
class Learned:
    """By what the models were wrong a year before: of log-odds `intercept` and `slope`, of money `level` with its `error`."""

    intercept: float = 0.0
    slope: float = 1.0
    level: float = 1.0
    error: float = 0.0
    known: bool = False


class _Models(NamedTuple):
    """Customers' histories by a day, the models fitted to them, what these were wrong by before, and the gross margin rate."""

    history: pd.DataFrame
    fits: list[lifetimes.Fit]
    learned: Learned = Learned()
    margin: float = np.nan


def own_accounts(answer: dict[str, pd.DataFrame | Missing], region: str) -> dict[str, pd.DataFrame | Missing]:
    """Give a region's part of `accounts`: its accounts and their totals; the past and the parameters are those of all regions."""
    part = {"outlook": own_rows, "totals": region_row}
    return {k: v if isinstance(v, Missing) or k not in part else part[k](v, region) for k, v in answer.items()}


@looks_back(orders=two_years)
@company_wide(own_accounts)
def accounts(
    orders: pd.DataFrame, as_of: pd.Timestamp, customers: pd.DataFrame | None = None
) -> dict[str, pd.DataFrame | Missing]:
    """What is to be expected of every account, judged alike in all regions; each belongs to one region.

    Returns
    -------
    dict
        `outlook` as `account_outlook` gives it, with `region`; `totals`, `track` and `parameters` as `totals`, `track_record` and
        `parameters` give them.
    """
    homes = home_regions(orders, customers)
    outlook = account_outlook(orders, as_of)
    if isinstance(outlook, pd.DataFrame):
        outlook = outlook.assign(region=looked_up(outlook["customer_id"], homes))
    found = {"outlook": outlook, "totals": totals(orders, as_of, homes)}
    return found | {"track": track_record(orders, as_of), "parameters": parameters(orders, as_of)}


def home_regions(orders: pd.DataFrame, customers: pd.DataFrame | None = None) -> pd.Series:
    """The region that each customer belongs to: its own, else the one in which it has bought most.

    Returns
    -------
    Series
        Region by `customer_id`.
    """
    bought = orders.groupby(["customer_id", "region"])["revenue"].sum().sort_values(kind="stable").reset_index()
    most = bought.drop_duplicates("customer_id", keep="last").set_index("customer_id")["region"]
    own = most if customers is None else customers.set_index("customer_id")["region"]
    return own[own.isin(bought["region"])].combine_first(most)


def worth(ask: Callable, as_of: pd.Timestamp) -> pd.DataFrame | Missing:
    """What a customer is worth, and what is at stake, in one row: a region's part of `accounts`."""
    return ask(accounts, as_of=as_of)["totals"]


@no_rows(needs="fifty customers, 20 of whom came back")
@looks_back(orders=two_years)
def account_outlook(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame | Missing:
    """What to expect of each active account in the next twelve months, and what it is worth.

    Returns
    -------
    DataFrame
        One row per account, most money at stake first: `customer_id`, `state` (one of STATES, by its chance), `why` (what keeps
        the chance low: SILENT beyond its usual gap, and P(alive) below P(buys | alive); else RARELY), `last` (day of the last
        order), `silent` (days since), `usual` (days from one order to the next, mean), `spend` (money of twelve months), `alive`
        (P(alive), as the model has it), `chance` (of buying in twelve months), `purchases` (to expect in them),
        `kept` (money if it buys), `expected` (chance × kept), `at_stake` ((1 − chance) × kept), `value` (money: gross margin of
        three years, discounted); nothing below fifty customers.
    """
    models = _models(orders, as_of)
    if models is None:
        return SMALL
    own = _accounts(models._replace(learned=_learned_before(orders, as_of), margin=_margin(orders, as_of)))
    own = own.assign(
        state=np.select([own["chance"] < GONE, own["chance"] < KEPT], STATES[:2], STATES[2]),
        silent=(as_of - own["last"]).dt.days,
        usual=own["t_x"] * 7 / own["x"].where(own["x"] > 0),
        spend=_year(orders, as_of).groupby("customer_id")["revenue"].sum().reindex(own.index),
    )
    gone = (own["silent"] > own["usual"]) & (own["alive"] < own["buys"] / own["alive"])
    own["why"] = np.where(gone, SILENT, RARELY)
    return own.sort_values("at_stake", ascending=False).reset_index()[OUTLOOK]


@no_rows(needs="fifty customers, 20 of whom came back")
def states(outlook: pd.DataFrame) -> pd.DataFrame:
    """Active accounts by what is to be expected of them.

    Returns
    -------
    DataFrame
        One row per state, in the order of STATES: `state`, `accounts`, `rarely` (of these, whose chance is low because they
        buy rarely), `spend` (money of twelve months), `at_stake` (money).
    """
    by = outlook.assign(rarely=outlook["why"].eq(RARELY)).groupby("state")
    by = by.agg(
        accounts=("spend", "size"), rarely=("rarely", "sum"), spend=("spend", "sum"), at_stake=("at_stake", "sum")
    )
    return by.reindex([s for s in STATES if s in by.index]).rename_axis("state").reset_index()


@no_rows(none="no account is in these states")
def at_risk(
    outlook: pd.DataFrame,
    scores: pd.DataFrame,
    customers: pd.DataFrame,
    states: Sequence[str] = RISKY,
    most: int = 12,
    whale: pd.DataFrame | None = None,
) -> pd.DataFrame | Missing:
    """The accounts of each state with the most money at stake, by name.

    Parameters
    ----------
    outlook, scores : DataFrame
        As `outlook` and `scores` give them.
    states : sequence of str
        Of STATES; the rows are in their order.
    whale : DataFrame, optional
        As `profit.whale` gives it.

    Returns
    -------
    DataFrame or Missing
        The rows of `outlook` with `name`, `segment` and `profit` (money of four whole quarters, the cost of serving taken off;
        missing where it is not known); nothing where past chances were not surely better than one for all.
    """
    if not proven(scores):
        return UNPROVEN
    named = _named(outlook, customers)
    profit = pd.Series(dtype=float) if whale is None else whale.set_index("customer_id")["profit"]
    named["profit"] = looked_up(named["customer_id"], profit)
    parts = [named[named["state"] == state].head(most) for state in states]
    return pd.concat(parts, ignore_index=True)


def proven(scores: pd.DataFrame) -> bool:
    """Tell whether chances forecast a year ago were surely better than one chance for all.

    Parameters
    ----------
    scores : DataFrame
        As `scores` gives it; its `gain_low` (lower end of the gain in Brier score, 90 %) decides.
    """
    return bool(scores["gain_low"].iloc[0] > 0)


@no_rows(needs="fifty customers, 20 of whom came back")
def value_by(outlook: pd.DataFrame, customers: pd.DataFrame, by: str = "segment") -> pd.DataFrame:
    """Lifetime value of a customer by group, each drawn to the mean of all by as much as its own spread leaves it in doubt.

    Parameters
    ----------
    outlook : DataFrame
        As `outlook` gives it.

    Returns
    -------
    DataFrame
        One row per group of fifteen accounts or more, most valuable first: `group`, `raw`, `value` (shrunk mean), `low`, `high`
        (90 %), `total` (all money per account and together: gross margin of three years, discounted), `n`.

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    refuse_unknown("by", by, ("segment", "region"))
    grouped = outlook.assign(group=looked_up(outlook["customer_id"], customers.set_index("customer_id")[by]))
    each = grouped.dropna(subset=["group", "value"]).groupby("group")["value"].agg(["mean", "sem", "sum", "size"])
    each = each[each["size"] >= PEERS].set_axis(["raw", "error", "total", "n"], axis=1)
    if each.empty:
        return pd.DataFrame(columns=["group", "raw", "value", "low", "high", "total", "n"])
    table = each.join(shrunk_means(each["raw"], each["error"].clip(lower=1e-6))).drop(columns="error")
    return table.sort_values("value", ascending=False).reset_index()


@looks_back(orders=two_years)
def totals(orders: pd.DataFrame, as_of: pd.Timestamp, homes: pd.Series | None = None) -> pd.DataFrame | Missing:
    """What a customer is worth, and what is at stake with all active accounts; also of each region.

    Intervals (90 %) hold the doubt about the models' parameters (delta method) and about the factor on money; that of
    the money at stake also holds which accounts will in fact not buy. What is at stake is missing where chances forecast a year ago
    were not surely better than one chance for all.

    Parameters
    ----------
    homes : Series, optional
        The region of each customer, as `home_regions` gives it.

    Returns
    -------
    DataFrame
        One row for "company", and one per region: `region`, `value` (money per active customer: gross margin of three years,
        discounted), `low`, `high`, `n` (accounts), `at_stake`, `stake_low`, `stake_high` (money of twelve months), `risky`
        (accounts at risk: neither kept nor almost gone) and what is at stake with them, `risky_stake`, `risky_low`, `risky_high`,
        `gain`, `gain_low`, `gain_high` (what these would add if they bought as often as those called kept a year ago did; money),
        `unproven` (the chance that the chances forecast a year ago were no better than one for all, in all regions:
        `finding.risk`, ratio); nothing below fifty customers.
    """
    models, learned = _models(orders, as_of), _learned_before(orders, as_of)
    if models is None:
        return SMALL
    models = models._replace(learned=learned, margin=_margin(orders, as_of))
    own = _accounts(models)
    if own.empty:
        return SMALL
    inside = _by_region(own, homes)
    n, learned_error = inside.sum(), learned.error / learned.level
    value = inside.astype(float).T @ own["value"] / n
    reach = Z90 * np.hypot(_doubt(models, lambda t: t["value"], inside) / n, value * learned_error)
    table = pd.DataFrame({"value": value, "low": value - reach, "high": value + reach, "n": n})
    track = track_record(orders, as_of)
    if not isinstance(track, Missing) and proven(score := scores(track)):
        risky = inside & own["chance"].between(GONE, KEPT, inclusive="left").to_numpy()[:, None]
        table = table.join(_stake(models, own, inside, ("at_stake", "stake_low", "stake_high")))
        table = table.join(_stake(models, own, risky, ("risky_stake", "risky_low", "risky_high")))
        table = table.assign(risky=risky.sum()).join(_saved(models, own, risky, track))
        table["unproven"] = risk(score["gain"], (score["gain_high"] - score["gain"]) / Z90)[0]
    return table.reindex(columns=TOTALS).astype("float64").rename_axis("region").reset_index()


@looks_back(orders=two_years)
def parameters(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame | Missing:
    """The parameters of the two models (`lifetimes.bg_nbd` and `lifetimes.gamma_gamma`) as fitted by a day.

    Returns
    -------
    DataFrame or Missing
        One row per parameter: `parameter` (r, alpha, a, b; p, q, gamma), `value`, `low`, `high` (90 %, Wald on the logarithm;
        missing where the data leave it open), `n` (customers); nothing below fifty customers.
    """
    models = _models(orders, as_of)
    if models is None:
        return SMALL
    return pd.concat([f.table() for f in models.fits], ignore_index=True).assign(n=len(models.history))


@no_rows(needs="fifty customers a year ago, 20 of whom had come back")
@looks_back(orders=two_years)
def track_record(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame | Missing:
    """What would have been said a year ago of each account then active, from what was known then, and what came since.

    Also what the models were wrong by is learned a year before that, so that nothing in a chance knows of what it is held against.

    Returns
    -------
    DataFrame
        One row per account active a year ago: `customer_id`, `raw` (chance by the model alone), `chance` (as it is shown), `came`
        (bool), `expected`, `actual` (money of the twelve months since), `corrected` (bool: something was learned a year earlier).
    """
    then = as_of - YEAR
    models = _models(orders, then)
    columns = ["customer_id", "raw", "chance", "came", "expected", "actual", "corrected"]
    if models is None:
        return YOUNG
    learned = _learned_before(orders, then)
    own = _accounts(models._replace(learned=learned))
    if own.empty:
        return YOUNG
    came = _came(orders, own.index, then)
    return own.assign(corrected=learned.known).join(came).reset_index().rename(columns={"buys": "raw"})[columns]


@no_rows(needs="fifty customers a year ago, 20 of whom had come back")
def calibration(track: pd.DataFrame) -> pd.DataFrame:
    """Forecast chances against what came, in bins of as many accounts each.

    Parameters
    ----------
    track : DataFrame
        As `track_record` gives it.

    Returns
    -------
    DataFrame
        One row per bin, lowest chance first: `predicted` (mean chance), `rate` (that bought), `low`, `high` (Wilson 90 %), `n`.
    """
    count = int(np.clip(len(track) // IN_A_BIN, 1, BINS))
    bins = np.floor((track["chance"].rank(method="first") - 1) * count / len(track))
    table = track.groupby(bins).agg(predicted=("chance", "mean"), rate=("came", "mean"), n=("came", "size"))
    low, high = wilson(table["rate"] * table["n"], table["n"])
    return table.assign(low=low, high=high).reset_index(drop=True)[["predicted", "rate", "low", "high", "n"]]


@no_rows(needs="fifty customers a year ago, 20 of whom had come back")
def scores(track: pd.DataFrame) -> pd.DataFrame:
    """How true the chances were.

    Brier score = mean (chance − came)² (Brier 1950). The yardstick is the same chance for everybody, the rate that came: it knows
    the outcome, so it is a hard one. Expected calibration error = Σ n ÷ N × |predicted − rate| over the bins (Naeini et al. 2015).

    Parameters
    ----------
    track : DataFrame
        As `track_record` gives it.

    Returns
    -------
    DataFrame
        One row: `n`, `rate` (that bought), `brier`, `base` (Brier score of the yardstick), `gain` (base − brier),
        `relative_gain` (of base), `gain_low`, `gain_high` (90 %), `ece`, `raw_brier` (of the model alone), `expected`,
        `actual` (money), `off` (expected on actual, ratio; missing where `intervals.growth` gives none), `corrected` (bool).
    """
    came, bins = track["came"].astype(float), calibration(track)
    miss, raw, base = ((track["chance"] - came) ** 2, (track["raw"] - came) ** 2, (came.mean() - came) ** 2)
    gain, reach = (base - miss).mean(), Z90 * (base - miss).std() / np.sqrt(len(track))
    row = {
        "n": len(track),
        "rate": came.mean(),
        "brier": miss.mean(),
        "base": base.mean(),
        "gain": gain,
        "relative_gain": gain / base.mean() if base.mean() > 0 else np.nan,
        "gain_low": gain - reach,
        "gain_high": gain + reach,
        "ece": (bins["n"] * (bins["predicted"] - bins["rate"]).abs()).sum() / len(track),
        "raw_brier": raw.mean(),
        "expected": track["expected"].sum(),
        "actual": track["actual"].sum(),
        "off": growth(track["expected"].sum(), track["actual"].sum()),
        "corrected": bool(track["corrected"].iloc[0]),
    }
    return pd.DataFrame([row])


@no_rows(needs="fifteen active accounts of a segment", none="no account lacks what most of its peers buy")
@looks_back(orders=two_years)
@company_wide(own_rows)
def room(
    ask: Callable, orders: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp
) -> pd.DataFrame | Missing:
    """Accounts of all regions that do not buy what most of their peers do (`to_grow`), each with its `region`."""
    outlook = ask(accounts)["outlook"]
    if isinstance(outlook, Missing):
        return outlook
    found = to_grow(orders, customers, products, as_of, outlook)
    return found.assign(region=looked_up(found["customer_id"], outlook.set_index("customer_id")["region"]))


def to_grow(
    orders: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp, outlook: pd.DataFrame
) -> pd.DataFrame:
    """Accounts likely to stay that do not buy what most of their peers do, and what that room is worth a year.

    Peers are active accounts of the same segment and the same third of it by revenue (half, or all of it, where a third is
    fewer than fifteen). A category counts as usual
    where at least two fifths of them surely buy it (lower end of Wilson, 90 %). Room = Σ over usual categories that the account
    lacks: part of peers that buy × what one of them spends on it over all else (ratio, median) × what the account spends ×
    its chance of buying at all.

    Parameters
    ----------
    outlook : DataFrame
        As `outlook` gives it.

    Returns
    -------
    DataFrame
        One row per account with room, most first: `customer_id`, `name`, `segment`, `spend` (money of twelve months), `room`
        (money a year), `category` (that most of it is in), `lacking` (categories), `chance`, `n` (peers).
    """
    columns = ["customer_id", "name", "segment", "spend", "room", "category", "lacking", "chance", "n"]
    own = _named(outlook, customers).dropna(subset=["segment"])
    parts = (own.groupby("segment")["spend"].transform("size") // PEERS).clip(1, 3)
    own["third"] = np.ceil(own.groupby("segment")["spend"].rank(pct=True) * parts)
    bought = _bought(orders, products, as_of)
    usual = _usual(own, bought)
    open_to = own[own["chance"] >= KEPT].merge(usual, on=["segment", "third"])
    has = pd.MultiIndex.from_frame(bought[["customer_id", "category"]])
    lacks = open_to[~pd.MultiIndex.from_frame(open_to[["customer_id", "category"]]).isin(has)]
    room = lacks["rate"] * lacks["typical"] * lacks["spend"] * lacks["chance"]
    lacks = lacks.assign(room=room).sort_values("room", ascending=False)
    by = lacks.groupby("customer_id")
    table = by.first().assign(room=by["room"].sum(), lacking=by.size()).reset_index()
    among = (own.groupby("segment").size() >= PEERS).sum()
    return looked(table.sort_values("room", ascending=False, ignore_index=True)[columns], among)


@looks_back(orders=two_years)
def findings(ask: Callable, orders: pd.DataFrame, period: Period, as_of: pd.Timestamp) -> pd.DataFrame:
    """What customers tell a chief first, in the columns of `finding.FINDING`, of what the intervals support.

    "retention": net retention surely above or below one; worth is the revenue gained or lost so, and what may be gained as much
    again. "at risk": what is at stake with the accounts that may still be kept, where the chances forecast a year ago were surely
    better than one chance for all; worth is that money, negative; what may be gained of them, and the risk that these chances say
    nothing, are those of `totals`.

    Returns
    -------
    DataFrame
        kind, subject, worth (money), value, compared, low, high (retention: ratios; at risk: money, compared with what is at stake
        with all active accounts), n (customers; at risk: the accounts that may still be kept), gain, gain_low, gain_high (money,
        90 %), risk.
    """
    lines, sums = retention_lines(orders, period, quarters=0), worth(ask, as_of)
    rows = []
    if isinstance(lines, pd.DataFrame):
        for t in lines.query("kind == 'net' and (low > 1 or high < 1)").itertuples():
            gains = sorted(abs(end - 1) * t.before for end in (t.low, t.value, t.high))
            of_it = {"worth": (t.value - 1) * t.before, "value": t.value, "compared": 1.0, "low": t.low, "high": t.high}
            of_it |= {"gain": gains[1], "gain_low": gains[0], "gain_high": gains[2]}
            of_it["risk"] = risk(t.value - 1, (t.high - t.low) / 2 / Z90)[0]
            rows.append(Finding("retention", "customers of a year ago", n=t.n, **of_it))
    if isinstance(sums, pd.DataFrame):
        for t in sums.query("risky_low > 0").itertuples():
            of_it = {"worth": -t.risky_stake, "value": t.risky_stake, "compared": t.at_stake}
            of_it |= {"low": t.risky_low, "high": t.risky_high, "n": t.risky, "risk": t.unproven}
            of_it |= {"gain": t.gain, "gain_low": t.gain_low, "gain_high": t.gain_high}
            rows.append(Finding("at risk", "accounts at risk", **of_it))
    return pd.DataFrame(rows, columns=FINDING)


def _year(orders: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Give the order lines of the twelve months to a day."""
    return orders[orders["order_date"].between(day - YEAR, day, inclusive="right")]


def _named(outlook: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    return outlook.merge(customers[["customer_id", "name", "segment"]], on="customer_id")


def _models(orders: pd.DataFrame, day: pd.Timestamp) -> _Models | None:
    """Give customers' histories by a day and the models fitted to them; none where there are too few."""
    history = lifetimes.histories(orders, day)
    if not lifetimes.enough(history):
        return None
    history["active"] = history.index.isin(active(orders, day))
    return _Models(history, [lifetimes.bg_nbd(history), lifetimes.gamma_gamma(history)])


def _by_region(own: pd.DataFrame, homes: pd.Series | None) -> pd.DataFrame:
    """Tell which accounts are the company's (all), and which are each region's: accounts × regions."""
    home = pd.Series(index=own.index, dtype="str") if homes is None else homes.reindex(own.index)
    regions = {region: home.eq(region) for region in sorted(home.dropna().unique())}
    return pd.DataFrame({COMPANY: True} | regions, index=own.index)


def _doubt(models: _Models, figure: Callable[[pd.DataFrame], pd.Series], inside: pd.DataFrame) -> np.ndarray:
    """Give the standard errors, by the models' parameters, of sums over sets of accounts of a figure of `_expected`."""
    sets = inside.to_numpy(float).T
    return lifetimes.delta(models.fits, lambda value: sets @ figure(_expected(models, value)).to_numpy())


def _luck(chance: pd.Series | float, own: pd.DataFrame, inside: pd.DataFrame) -> pd.Series:
    """Give the variances of the money that sets of accounts will bring, by which of them will in fact buy."""
    return inside.astype(float).T @ (chance * (1 - chance) * own["kept"] ** 2)


def _stake(models: _Models, own: pd.DataFrame, inside: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Give the money at stake with sets of accounts, and the ends of its intervals, under these names."""
    stake, learned = inside.astype(float).T @ own["at_stake"], models.learned
    doubt = _doubt(models, lambda t: t["at_stake"], inside)
    reach = Z90 * np.sqrt(doubt**2 + (stake * learned.error / learned.level) ** 2 + _luck(own["chance"], own, inside))
    return pd.DataFrame(dict(zip(names, (stake, (stake - reach).clip(lower=0.0), stake + reach), strict=True)))


def _saved(models: _Models, own: pd.DataFrame, risky: pd.DataFrame, track: pd.DataFrame) -> pd.DataFrame:
    """Give what accounts at risk would add if they bought as often as those kept a year ago did."""
    kept = track["chance"] >= KEPT
    often, n = track.loc[kept, "came"].mean(), kept.sum()
    sets = risky.astype(float).T
    gain = sets @ ((often - own["chance"]) * own["kept"])
    error = _doubt(models, lambda t: (often - t["chance"]) * t["kept"], risky)
    luck = _luck(own["chance"], own, risky) + _luck(often, own, risky)
    bar = often * (1 - often) / max(n, 1) * (sets @ own["kept"]) ** 2
    learned = models.learned
    reach = Z90 * np.sqrt(error**2 + (gain * learned.error / learned.level) ** 2 + bar + luck)
    return pd.DataFrame({"gain": gain, "gain_low": (gain - reach).clip(lower=0.0), "gain_high": gain + reach})


def _accounts(models: _Models) -> pd.DataFrame:
    """Give the active accounts as `_expected` does, at the models' own parameters."""
    return _expected(models, pd.concat([f.value for f in models.fits]))


def _expected(models: _Models, value: pd.Series) -> pd.DataFrame:
    """Give the active accounts with what the models, at parameters of this `value`, and what was learned make of them."""
    history, _, learned, margin = models
    own = history[history["active"]]
    bought = [lifetimes.purchases(value, own, year * WEEKS) for year in range(1, YEARS + 1)]
    buys = lifetimes.buys(value, own, WEEKS)
    chance = expit(learned.intercept + learned.slope * logit(buys.clip(1e-6, 1 - 1e-6)))
    kept = learned.level * lifetimes.worth(value, own) * bought[0] / np.maximum(buys, 1e-12)
    shares = np.diff(bought, axis=0, prepend=0) / np.maximum(bought[0], 1e-12)
    present = (1 + DISCOUNT) ** -(np.arange(YEARS) + 0.5)
    often = chance * bought[0] / np.maximum(buys, 1e-12)
    chances = {"alive": lifetimes.alive(value, own), "buys": buys, "chance": chance, "purchases": often, "kept": kept}
    money = {"expected": chance * kept, "at_stake": (1 - chance) * kept}
    return own.assign(**chances, **money, value=margin * chance * kept * (present @ shares))


def _learned_before(orders: pd.DataFrame, day: pd.Timestamp) -> Learned:
    """Learn, from what the models said a year before `day` and what had come by then, what they are wrong by."""
    models = _models(orders, day - YEAR)
    if models is None:
        return Learned()
    own = _accounts(models)
    came = _came(orders, own.index, day - YEAR)
    if len(own) < FEWEST:
        return Learned()
    odds = logit(own["buys"].clip(1e-6, 1 - 1e-6))
    intercept, slope = _line(odds, came["came"].astype(float))
    level, error = ratio(came["actual"], expit(intercept + slope * odds) * own["kept"])
    return Learned(intercept, slope, level, error, True) if level > 0 else Learned()


def _line(odds: pd.Series, came: pd.Series) -> tuple[float, float]:
    """Give the line on log-odds that fits what came best, held lightly to leaving them as they are."""
    if min(came.sum(), (1 - came).sum()) < EITHER:
        return 0.0, 1.0

    x = np.column_stack([np.ones(len(odds)), odds])
    line = start = np.array([0.0, 1.0])
    for _ in range(30):  # Newton's steps
        expected = expit(x @ line)
        bend = (x.T * (expected * (1 - expected))) @ x + np.eye(2)
        line = line - np.linalg.solve(bend, x.T @ (expected - came.to_numpy()) + line - start)
    return float(line[0]), max(float(line[1]), 0.0)


def _came(orders: pd.DataFrame, accounts: pd.Index, day: pd.Timestamp) -> pd.DataFrame:
    """Give whether each account bought in the twelve months after a day (`came`), and its net revenue in them (`actual`)."""
    by = _year(orders, day + YEAR).groupby("customer_id")
    outcome = pd.DataFrame({"came": by["quantity"].max(), "actual": by["revenue"].sum()}).reindex(accounts).fillna(0.0)
    return outcome.assign(came=outcome["came"] > 0)


def _margin(orders: pd.DataFrame, as_of: pd.Timestamp) -> float:
    """Give the gross margin of twelve months, of lines whose customer and cost are known."""
    known = _year(orders, as_of).dropna(subset=["customer_id", "cost"])
    return float(1 - known["cost"].sum() / known["revenue"].sum()) if known["revenue"].sum() > 0 else np.nan


def _bought(orders: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    recent = _year(orders, as_of)
    category = looked_up(recent["product_id"], products.set_index("product_id")["category"]).rename("category")
    money = recent.groupby(["customer_id", category])["revenue"].sum()
    return money[money > 0].rename("amount").reset_index()


def _usual(own: pd.DataFrame, bought: pd.DataFrame) -> pd.DataFrame:
    """Give the categories that peers surely buy: `segment`, `third`, `category`, `rate`, `typical` (of all else), `n` (peers)."""
    peers = own.groupby(["segment", "third"]).size().rename("n").reset_index()
    lines = own[["customer_id", "segment", "third", "spend"]].merge(bought, on="customer_id")
    lines["beside"] = lines["amount"] / (lines["spend"] - lines["amount"]).where(lambda rest: rest > 0)
    by = lines.groupby(["segment", "third", "category"])
    cells = by.agg(buyers=("amount", "size"), typical=("beside", "median")).reset_index()
    cells = cells.merge(peers[peers["n"] >= PEERS], on=["segment", "third"])
    low, _ = wilson(cells["buyers"], cells["n"])
    return cells.assign(rate=cells["buyers"] / cells["n"])[low >= COMMON].drop(columns="buyers")
