"""Which accounts are at risk, which can grow, what is a customer worth, and how far can that be trusted?

Chances and expectations are those of `lifetimes`, made true by the company's own past: what the same models said a year before is
held against what came since, and what they were wrong by is taken off (chances by a logistic line on their log-odds, Platt 1999;
money by one factor). They speak of active accounts: those that bought in the twelve months before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from quarterdeck.analysis import lifetimes
from quarterdeck.analysis.brief import FINDING, doubt
from quarterdeck.analysis.customers import YEAR, Z90, retention_lines
from quarterdeck.analysis.lifetimes import FEWEST, WEEKS
from quarterdeck.analysis.rates import ratio, shrunk_means, wilson
from quarterdeck.data.periods import Period
from quarterdeck.data.snapshot import Missing
from quarterdeck.errors import refuse_unknown

DISCOUNT, YEARS = 0.1, 3  # a year, and the years that a customer's value looks ahead
EITHER = 5  # accounts that came, and that did not, below which chances are not corrected
KEPT, GONE = 0.8, 0.1  # chances from which an account counts as kept, and below which as good as gone
STATES = ["as good as gone", "at risk", "kept"]
RISKY = ("at risk",)
SILENT, SELDOM = "silent", "buys seldom"  # what keeps a chance low
COMMON = 0.4  # part of peers that buy a category, from which it counts as usual
PEERS = 15  # below which an account has none to be held against
BINS, IN_A_BIN = 10, 15  # of the calibration table: the most of them, and the fewest accounts in one
UNPROVEN = Missing("Not shown: chances told a year ago were not surely better than one chance for all accounts.")
SMALL = Missing(f"Not shown: it needs {FEWEST} customers, {lifetimes.FEWEST_REPEATS} of whom came back.")
YOUNG = Missing(
    f"Not shown: a year ago there were not {FEWEST} customers, {lifetimes.FEWEST_REPEATS} of whom had come back."
)
TOTALS = [
    "value", "low", "high", "n", "at_stake", "stake_low", "stake_high", "risky", "risky_stake", "risky_low", "risky_high", "gain",
    "gain_low", "gain_high", "anyway",
]  # fmt: skip
OUTLOOK = [
    "customer_id", "state", "why", "last", "silent", "usual", "spend", "alive", "chance", "purchases", "kept", "expected",
    "at_stake", "value",
]  # fmt: skip


@dataclass(frozen=True)
class Learnt:
    """By what the models were wrong a year before: of log-odds `intercept` and `slope`, of money `level` with its `error`."""

    intercept: float = 0.0
    slope: float = 1.0
    level: float = 1.0
    error: float = 0.0
    known: bool = False


def outlook(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame | Missing:
    """What to expect of each active account in the next twelve months, and what it is worth.

    Returns
    -------
    DataFrame
        One row per account, most money at stake first: `customer_id`, `state` (one of STATES, by its chance), `why` (what keeps
        the chance low: SILENT beyond its usual gap, and P(alive) below P(buys | alive); else SELDOM), `last` (day of the last
        order), `silent` (days since), `usual` (days from one order to the next, mean), `spend` (money of twelve months), `alive`
        (P(alive), as the model has it), `chance` (of buying in twelve months), `purchases` (to expect in them),
        `kept` (money if it buys), `expected` (chance × kept), `at_stake` ((1 − chance) × kept), `value` (money: gross margin of
        three years, discounted); nothing below fifty customers.
    """
    state = _state(orders, as_of)
    if state is None:
        return SMALL
    own = _accounts(*state, _learnt_before(orders, as_of), _margin(orders, as_of))
    own = own.assign(
        state=np.select([own["chance"] < GONE, own["chance"] < KEPT], STATES[:2], STATES[2]),
        silent=(as_of - own["last"]).dt.days,
        usual=own["t_x"] * 7 / own["x"].where(own["x"] > 0),
        spend=_year(orders, as_of).groupby("customer_id")["revenue"].sum().reindex(own.index),
    )
    gone = (own["silent"] > own["usual"]) & (own["alive"] < own["buys"] / own["alive"])
    own["why"] = np.where(gone, SILENT, SELDOM)
    return own.sort_values("at_stake", ascending=False).reset_index()[OUTLOOK]


def states(outlook: pd.DataFrame) -> pd.DataFrame:
    """Active accounts by what is to be expected of them.

    Returns
    -------
    DataFrame
        One row per state, in the order of STATES: `state`, `accounts`, `seldom` (of these, whose chance is low for they buy
        seldom), `spend` (money of twelve months), `at_stake` (money).
    """
    by = outlook.assign(seldom=outlook["why"].eq(SELDOM)).groupby("state")
    by = by.agg(
        accounts=("spend", "size"), seldom=("seldom", "sum"), spend=("spend", "sum"), at_stake=("at_stake", "sum")
    )
    return by.reindex([s for s in STATES if s in by.index]).rename_axis("state").reset_index()


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
    named["profit"] = named["customer_id"].map(profit)
    parts = [named[named["state"] == state].head(most) for state in states]
    return pd.concat(parts, ignore_index=True)


def proven(scores: pd.DataFrame) -> bool:
    """Tell whether chances told a year ago were surely better than one chance for all (`scores`)."""
    return bool(scores["gain_low"].iloc[0] > 0)


def value_by(outlook: pd.DataFrame, customers: pd.DataFrame, by: str = "segment") -> pd.DataFrame:
    """Lifetime value of a customer by group, each drawn to the mean of all by as much as its own spread leaves it in doubt.

    Parameters
    ----------
    outlook : DataFrame
        As `outlook` gives it.

    Returns
    -------
    DataFrame
        One row per group of fifteen accounts or more, most valuable first: `group`, `raw`, `value` (shrunken mean), `low`, `high`
        (90 %), `total` (all money per account and together: gross margin of three years, discounted), `n`.

    Raises
    ------
    ValueError
        Where `by` is another word.
    """
    refuse_unknown("by", by, ("segment", "region"))
    grouped = outlook.assign(group=outlook["customer_id"].map(customers.set_index("customer_id")[by]))
    each = grouped.dropna(subset=["group", "value"]).groupby("group")["value"].agg(["mean", "sem", "sum", "size"])
    each = each[each["size"] >= PEERS].set_axis(["raw", "error", "total", "n"], axis=1)
    if each.empty:
        return pd.DataFrame(columns=["group", "raw", "value", "low", "high", "total", "n"])
    table = each.join(shrunk_means(each["raw"], each["error"].clip(lower=1e-6))).drop(columns="error")
    return table.sort_values("value", ascending=False).reset_index()


def totals(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame | Missing:
    """What a customer is worth, and what is at stake with all active accounts.

    Intervals of nine in ten hold the doubt about the models' parameters (delta method) and about the factor on money; that of
    the money at stake also holds which accounts will in fact not buy. What is at stake is missing where chances told a year ago
    were not surely better than one chance for all.

    Returns
    -------
    DataFrame
        One row: `value` (money per active customer: gross margin of three years, discounted), `low`, `high`, `n` (accounts),
        `at_stake`, `stake_low`, `stake_high` (money of twelve months), `risky` (accounts at risk: neither kept nor as good as
        gone) and what is at stake with them, `risky_stake`, `risky_low`, `risky_high`, `gain`, `gain_low`, `gain_high` (what these
        would add if they bought as often as those called kept a year ago did; money), `anyway` (part of those at risk a year ago
        that bought all the same); nothing below fifty customers.
    """
    state, learnt, margin = _state(orders, as_of), _learnt_before(orders, as_of), _margin(orders, as_of)
    own = pd.DataFrame() if state is None else _accounts(*state, learnt, margin)
    if own.empty:
        return SMALL
    worth = own["value"].sum(min_count=1) / len(own)
    reach = Z90 * np.hypot(
        _doubt(state, learnt, margin, lambda t: t["value"]) / len(own), worth * learnt.error / learnt.level
    )
    row = dict.fromkeys(TOTALS, np.nan) | {"value": worth, "low": worth - reach, "high": worth + reach, "n": len(own)}
    track = track_record(orders, as_of)
    if not isinstance(track, Missing) and proven(scores(track)):
        risky = own[own["chance"].between(GONE, KEPT, inclusive="left")]
        ends = [*_stake(state, learnt, margin, own), len(risky), *_stake(state, learnt, margin, risky)]
        row |= dict(zip(TOTALS[4:11], ends, strict=True))
        row |= _saved(state, learnt, margin, risky, track)
    return pd.DataFrame([row], columns=TOTALS).astype("float64")


def parameters(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame | Missing:
    """The models' parameters: `parameter`, `value`, `low`, `high`, `n` (customers); nothing below fifty customers."""
    state = _state(orders, as_of)
    if state is None:
        return SMALL
    return pd.concat([f.table() for f in state[1]], ignore_index=True).assign(n=len(state[0]))


def track_record(orders: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame | Missing:
    """What would have been said a year ago of each account then active, from what was known then, and what came since.

    Also what the models were wrong by is learnt a year before that, so that nothing in a chance knows of what it is held against.

    Returns
    -------
    DataFrame
        One row per account active a year ago: `customer_id`, `raw` (chance by the model alone), `chance` (as it is told), `came`
        (bool), `expected`, `actual` (money of the twelve months since), `corrected` (bool: something was learnt a year earlier).
    """
    then = as_of - YEAR
    state = _state(orders, then)
    columns = ["customer_id", "raw", "chance", "came", "expected", "actual", "corrected"]
    if state is None:
        return YOUNG
    learnt = _learnt_before(orders, then)
    own = _accounts(*state, learnt)
    if own.empty:
        return YOUNG
    came = _came(orders, own.index, then)
    return own.assign(corrected=learnt.known).join(came).reset_index().rename(columns={"buys": "raw"})[columns]


def calibration(track: pd.DataFrame) -> pd.DataFrame:
    """Told chances against what came, in bins of as many accounts each.

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
        One row: `n`, `rate` (that bought), `brier`, `base` (Brier score of the yardstick), `gain` (base − brier), `gain_low`,
        `gain_high` (90 %), `ece`, `raw_brier` (of the model alone), `expected`, `actual` (money), `corrected` (bool).
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
        "gain_low": gain - reach,
        "gain_high": gain + reach,
        "ece": (bins["n"] * (bins["predicted"] - bins["rate"]).abs()).sum() / len(track),
        "raw_brier": raw.mean(),
        "expected": track["expected"].sum(),
        "actual": track["actual"].sum(),
        "corrected": bool(track["corrected"].iloc[0]),
    }
    return pd.DataFrame([row])


def to_grow(
    orders: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp, outlook: pd.DataFrame
) -> pd.DataFrame:
    """Accounts likely to stay that do not buy what most of their peers do, and what that room is worth a year.

    Peers are active accounts of the same segment and the same third of it by revenue (half, or all of it, where a third is
    fewer than fifteen). A category counts as usual
    where at least two fifths of them surely buy it (lower end of Wilson, 90 %). Room = Σ over usual categories that the account
    lacks: part of peers that buy × what one of them spends on it beside all else (ratio, median) × what the account spends ×
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
    return table.sort_values("room", ascending=False, ignore_index=True)[columns]


def findings(orders: pd.DataFrame, period: Period, as_of: pd.Timestamp) -> pd.DataFrame:
    """What customers tell a chief first, in the columns of `brief.FINDING`, of what the intervals support.

    "retention": net retention surely above or below one; worth is the revenue gained or lost so, and what may be gained as much
    again. "at risk": what is at stake with the accounts that may still be kept, where the chances told a year ago were surely
    better than one chance for all; worth is that money, negative; what may be gained of them, and the risk that one buys anyway,
    are those of `totals`.

    Returns
    -------
    DataFrame
        kind, subject, worth (money), value, compared, low, high (retention: ratios; at risk: money, compared with what is at stake
        with all active accounts), n (customers; at risk: the accounts that may still be kept), gain, gain_low, gain_high (money,
        90 %), risk.
    """
    lines, told = retention_lines(orders, period, quarters=0), totals(orders, as_of)
    rows = []
    if isinstance(lines, pd.DataFrame):
        for t in lines.query("kind == 'net' and (low > 1 or high < 1)").itertuples():
            gains = sorted(abs(end - 1) * t.before for end in (t.low, t.value, t.high))
            z = abs(t.value - 1) / ((t.high - t.low) / 2 / Z90)
            row = ["retention", "customers of a year ago", (t.value - 1) * t.before, t.value, 1.0, t.low, t.high, t.n]
            rows.append([*row, gains[1], gains[0], gains[2], doubt(z, 1)])
    if isinstance(told, pd.DataFrame):
        for t in told.query("risky_low > 0").itertuples():
            row = ["at risk", "accounts at risk", -t.risky_stake, t.risky_stake, t.at_stake, t.risky_low, t.risky_high]
            rows.append([*row, t.risky, t.gain, t.gain_low, t.gain_high, t.anyway])
    return pd.DataFrame(rows, columns=FINDING)


def _year(orders: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Give the order lines of the twelve months to a day."""
    return orders[orders["order_date"].between(day - YEAR, day, inclusive="right")]


def _named(outlook: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    return outlook.merge(customers[["customer_id", "name", "segment"]], on="customer_id")


def _state(orders: pd.DataFrame, day: pd.Timestamp) -> tuple[pd.DataFrame, list[lifetimes.Fit]] | None:
    """Give customers' histories by a day and the models fitted to them; none where there are too few."""
    history = lifetimes.histories(orders, day)
    if not lifetimes.enough(history):
        return None
    return history, [lifetimes.bg_nbd(history), lifetimes.gamma_gamma(history)]


def _doubt(
    state: tuple[pd.DataFrame, list[lifetimes.Fit]],
    learnt: Learnt,
    margin: float,
    figure: Callable[[pd.DataFrame], pd.Series],
) -> float:
    """Give the standard error, by the models' parameters, of a sum over active accounts of a figure of `_told`."""
    return lifetimes.delta(state[1], lambda value: figure(_told(state[0], value, learnt, margin)).sum())


def _luck(chance: pd.Series | float, own: pd.DataFrame) -> float:
    """Give the variance of the money that accounts will bring, by which of them will in fact buy."""
    return (chance * (1 - chance) * own["kept"] ** 2).sum()


def _stake(
    state: tuple[pd.DataFrame, list[lifetimes.Fit]], learnt: Learnt, margin: float, own: pd.DataFrame
) -> tuple[float, float, float]:
    """Give the money at stake with accounts, and the ends of its interval."""
    stake, doubt = own["at_stake"].sum(), _doubt(state, learnt, margin, lambda t: t["at_stake"][own.index])
    reach = Z90 * np.sqrt(doubt**2 + (stake * learnt.error / learnt.level) ** 2 + _luck(own["chance"], own))
    return stake, max(stake - reach, 0.0), stake + reach


def _saved(
    state: tuple[pd.DataFrame, list[lifetimes.Fit]],
    learnt: Learnt,
    margin: float,
    risky: pd.DataFrame,
    track: pd.DataFrame,
) -> dict[str, float]:
    """Give what accounts at risk would add if they bought as often as those kept a year ago did, and how many would anyway."""
    kept, before = track["chance"] >= KEPT, track["chance"].between(GONE, KEPT, inclusive="left")
    often, n = track.loc[kept, "came"].mean(), kept.sum()
    gain = ((often - risky["chance"]) * risky["kept"]).sum()
    error = _doubt(state, learnt, margin, lambda t: ((often - t["chance"]) * t["kept"])[risky.index])
    luck = _luck(risky["chance"], risky) + _luck(often, risky)
    bar = often * (1 - often) / max(n, 1) * risky["kept"].sum() ** 2
    reach = Z90 * np.sqrt(error**2 + (gain * learnt.error / learnt.level) ** 2 + bar + luck)
    ends = {"gain": gain, "gain_low": max(gain - reach, 0.0), "gain_high": gain + reach}
    return ends | {"anyway": track.loc[before, "came"].mean()}


def _accounts(history: pd.DataFrame, fits: list[lifetimes.Fit], learnt: Learnt, margin: float = np.nan) -> pd.DataFrame:
    return _told(history, pd.concat([f.value for f in fits]), learnt, margin)


def _told(history: pd.DataFrame, value: pd.Series, learnt: Learnt, margin: float) -> pd.DataFrame:
    """Give the active accounts with what the models and what was learnt make of them."""
    own = history[history["T"] - history["t_x"] < WEEKS]
    bought = [lifetimes.purchases(value, own, year * WEEKS) for year in range(1, YEARS + 1)]
    buys = lifetimes.buys(value, own, WEEKS)
    chance = expit(learnt.intercept + learnt.slope * logit(buys.clip(1e-6, 1 - 1e-6)))
    kept = learnt.level * lifetimes.worth(value, own) * bought[0] / np.maximum(buys, 1e-12)
    shares = np.diff(bought, axis=0, prepend=0) / np.maximum(bought[0], 1e-12)
    present = (1 + DISCOUNT) ** -(np.arange(YEARS) + 0.5)
    often = chance * bought[0] / np.maximum(buys, 1e-12)
    told = {"alive": lifetimes.alive(value, own), "buys": buys, "chance": chance, "purchases": often, "kept": kept}
    money = {"expected": chance * kept, "at_stake": (1 - chance) * kept}
    return own.assign(**told, **money, value=margin * chance * kept * (present @ shares))


def _learnt_before(orders: pd.DataFrame, day: pd.Timestamp) -> Learnt:
    """Learn, from what the models said a year before `day` and what had come by then, what they are wrong by."""
    state = _state(orders, day - YEAR)
    if state is None:
        return Learnt()
    own = _accounts(*state, Learnt())
    came = _came(orders, own.index, day - YEAR)
    if len(own) < FEWEST:
        return Learnt()
    odds = logit(own["buys"].clip(1e-6, 1 - 1e-6))
    intercept, slope = _line(odds, came["came"].astype(float))
    level, error = ratio(came["actual"], expit(intercept + slope * odds) * own["kept"])
    return Learnt(intercept, slope, level, error, True) if level > 0 else Learnt()


def _line(odds: pd.Series, came: pd.Series) -> tuple[float, float]:
    """Give the line on log-odds that fits what came best, held lightly to leaving them as they are."""
    if min(came.sum(), (1 - came).sum()) < EITHER:
        return 0.0, 1.0

    x = np.column_stack([np.ones(len(odds)), odds])
    line = start = np.array([0.0, 1.0])
    for _ in range(30):  # Newton's steps
        told = expit(x @ line)
        bend = (x.T * (told * (1 - told))) @ x + np.eye(2)
        line = line - np.linalg.solve(bend, x.T @ (told - came.to_numpy()) + line - start)
    return float(line[0]), max(float(line[1]), 0.0)


def _came(orders: pd.DataFrame, accounts: pd.Index, day: pd.Timestamp) -> pd.DataFrame:
    """Give whether each account bought in the twelve months after a day (`came`), and its net revenue in them (`actual`)."""
    by = _year(orders, day + YEAR).groupby("customer_id")
    told = pd.DataFrame({"came": by["quantity"].max(), "actual": by["revenue"].sum()}).reindex(accounts).fillna(0.0)
    return told.assign(came=told["came"] > 0)


def _margin(orders: pd.DataFrame, as_of: pd.Timestamp) -> float:
    """Give the gross margin of twelve months, of lines whose cost is known."""
    known = _year(orders, as_of).dropna(subset=["cost"])
    return float(1 - known["cost"].sum() / known["revenue"].sum()) if known["revenue"].sum() > 0 else np.nan


def _bought(orders: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    recent = _year(orders, as_of)
    category = recent["product_id"].map(products.set_index("product_id")["category"]).rename("category")
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
