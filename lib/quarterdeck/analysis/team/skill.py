"""Who sells better than chance and mix explain, who is still learning, and who should be coached on what?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import chi2, norm, qmc
from scipy.stats import t as student

from quarterdeck.analysis.methods.intervals import discovered, normal_quantile, shrunk_means, wilson
from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline.stages import named
from quarterdeck.analysis.pipeline.win_loss import YEARS, deals_of_three_years
from quarterdeck.data.answers import company_wide, own_rows
from quarterdeck.data.coverage import EVER, already, looks_back, months_of
from quarterdeck.data.organisation import UNIT
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows

MIX = ["segment", "region", "channel", "competitor"]
SPREADS = np.array([1e-3, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8])  # of skill, in log-odds
FEWEST, FEWEST_SELLERS = 100, 3
NEW_DAYS = 183  # in which a seller is new
DRAWS = 4096
CLAIMS = 0.05  # companies without any difference in which one may be claimed
RAMPS = np.arange(1, 19)  # months that are tried as the length of the ramp
LEVERS = {
    "deals": "deals closed a month",
    "win_rate": "win rate",
    "average_won": "size of a won deal",
    "cycle_days": "days to win",
}
SKILL = [
    "rep_id",
    "name",
    "region",
    "skill",
    "low",
    "high",
    "points",
    "rank",
    "rank_low",
    "rank_high",
    "place",
    "n",
    "months",
    "of",
]


@no_rows(needs="a hundred closed deals in three years, and three sellers")
@looks_back(losses=already)
@company_wide(own_rows)
def skills(
    opportunities: pd.DataFrame,
    reps: pd.DataFrame,
    period: Period,
    level: float = 0.9,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """How much better each seller wins than the mean seller would with the same deals.

    Logistic regression of the deals closed in three years (or since losses are recorded) on segment, region, channel, rival and how
    new the seller was when the deal was opened (falling in a straight line to zero at half a year), with a normal effect of each
    seller (Laplace's approximation; Breslow and Clayton 1993) whose spread is averaged over, weighted by likelihood and a flat
    prior, as `intervals.shrunk_means` does. Ranks come from draws of all effects together; a seller stands out where the effect is
    clear of zero at a false discovery rate of one in twenty over all sellers. No basis for decisions on employment.

    Returns
    -------
    DataFrame
        One row per seller, best first: `rep_id`, `name`, `region`, `skill`, `low`, `high` (log-odds, 90 %), `points` (of win
        rate at the mean, difference of ratios), `rank`, `rank_low`, `rank_high` (90 %), `place` ("above", "below" or "like
        the others"), `n` (deals), and in every row `months` (of the three years, that the deals hold) and `of` (sellers
        ranked); no rows below a hundred deals or three sellers.
    """
    deals = deals_of_three_years(opportunities, period, begins["losses"])
    sellers = deals["rep_id"].value_counts()
    if len(deals) < FEWEST or len(sellers) < FEWEST_SELLERS or deals["won"].nunique() < 2:
        return pd.DataFrame(columns=SKILL)
    mix = mix_of(deals)
    tenure = (deals["opened_on"] - looked_up(deals["rep_id"], reps.set_index("rep_id")["hired"])).dt.days
    mix["new"] = (1 - tenure / NEW_DAYS).clip(0, 1).fillna(0.0)
    own = pd.get_dummies(deals["rep_id"], dtype=float)[sellers.index]
    design = np.column_stack([own, np.ones(len(deals)), mix])
    weight, middle, spread = _by_spread(design, deals["won"].to_numpy(float), len(sellers))
    error, found = np.sqrt(np.diagonal(spread, axis1=1, axis2=2)), weight @ middle
    low, high = (normal_quantile(middle.T, error.T, weight, 0.5 + side * level / 2) for side in (-1, 1))
    table = pd.DataFrame({"rep_id": sellers.index, "skill": found, "low": low, "high": high, "n": sellers.to_numpy()})
    below = (weight @ norm.cdf(-middle / error)).clip(1e-15, 1 - 1e-15)
    clear = discovered(pd.Series(norm.isf(below)), CLAIMS)
    base = np.log(deals["won"].mean() / (1 - deals["won"].mean()))
    table["place"] = np.where(clear, np.where(found > 0, "above", "below"), "like the others")
    table["points"] = expit(base + found) - expit(base)
    table["months"], table["of"] = months_of(YEARS, period.through, begins["losses"]), len(sellers)
    off = middle - found
    whole = np.tensordot(weight, spread + off[:, :, None] * off[:, None, :], 1)
    table[["rank", "rank_low", "rank_high"]] = ranks(found, whole, level)
    table["region"] = looked_up(table["rep_id"], reps.set_index("rep_id")["region"])
    return named(table, reps).sort_values("skill", ascending=False, ignore_index=True)[SKILL]


@no_rows("reps.hired", needs="a closed deal of a seller whose hiring day is known")
@looks_back(losses=already)
def ramp(
    opportunities: pd.DataFrame,
    reps: pd.DataFrame,
    period: Period,
    months: int = 18,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """Win rate by the seller's months in the job on the day that the deal was opened.

    Returns
    -------
    DataFrame
        One row per month with at least ten closed deals, first month 0: `month`, `won`, `n` (deals), `rate`, `low`, `high`
        (Wilson 90 %), `usual` (of sellers beyond those months), ratios; no rows where hiring days are not known.
    """
    deals = _with_tenure(opportunities, reps, period, begins["losses"])
    usual = deals.loc[deals["tenure"] >= months, "won"].mean() if len(deals) else np.nan
    early = deals[deals["tenure"].between(0, months, inclusive="left")]
    table = early.groupby(early["tenure"].astype(int))["won"].agg(["sum", "size"]).set_axis(["won", "n"], axis=1)
    table = table[table["n"] >= 10].rename_axis("month").reset_index()
    low, high = wilson(table["won"], table["n"])
    table = table.assign(rate=table["won"] / table["n"], low=low, high=high, usual=usual)
    return table[["month", "won", "n", "rate", "low", "high", "usual"]]


def first_months(ramp: pd.DataFrame) -> pd.Series:
    """The win rate of a seller's first three months, or of the earliest that is known, with its interval (Wilson, 90 %).

    Parameters
    ----------
    ramp : DataFrame
        As `ramp` gives it, with a row at least.

    Returns
    -------
    Series
        `month` (of the first row), `rate`, `low`, `high` (ratios), `n` (deals).
    """
    early = ramp[ramp["month"] < 3] if (ramp["month"] < 3).any() else ramp.head(1)
    won, n = early["won"].sum(), early["n"].sum()
    low, high = wilson(won, n)
    return pd.Series({"month": early["month"].iloc[0], "rate": won / n, "low": low, "high": high, "n": n})


@no_rows("reps.hired", needs="a hundred closed deals of sellers whose hiring days are known")
@looks_back(losses=already)
def ramp_length(
    opportunities: pd.DataFrame,
    reps: pd.DataFrame,
    period: Period,
    level: float = 0.9,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """How many months a new seller takes to win as often as the others, and how far behind they start.

    Log-odds rise in a straight line to the usual ones; length and depth by maximum likelihood, the length's interval by
    the likelihood ratio over whole months (Wilks 1938), divided by how much the deals of one seller go together (Rotnitzky
    and Jewell 1990, Biometrika 77). All closed deals of sellers whose hiring day is known, since losses
    are recorded.

    Returns
    -------
    DataFrame
        One row: `months`, `low`, `high` (lengths that are not refused, at most eighteen), `depth` (log-odds on the first
        day), `points` (of win rate on the first day), `clear` (bool: a ramp is there at all), `n` (deals of sellers in their
        first eighteen months); no row with fewer than a hundred of these.
    """
    columns = ["months", "low", "high", "depth", "points", "clear", "n"]
    deals = _with_tenure(opportunities, reps, period, begins["losses"])
    n = int((deals["tenure"] < RAMPS[-1]).sum())
    if n < FEWEST or deals["won"].nunique() < 2:
        return pd.DataFrame(columns=columns)
    won, tenure = deals["won"].to_numpy(float), deals["tenure"].to_numpy(float)
    fits = [_slope((1 - tenure / length).clip(0, 1), won) for length in RAMPS]
    likelihood = np.array([f[0] for f in fits])
    best = int(likelihood.argmax())
    doubt = _clustering((1 - tenure / RAMPS[best]).clip(0, 1), won, fits[best][1], deals["rep_id"])
    kept = RAMPS[likelihood >= likelihood[best] - doubt * chi2.ppf(level, 1) / 2]
    rate = won.mean()
    flat = len(won) * (rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    start, depth = fits[best][1]
    row = [
        RAMPS[best],
        kept.min(),
        kept.max(),
        depth,
        expit(start + depth) - expit(start),
        2 * (likelihood[best] - flat) / doubt > chi2.ppf(0.95, 2),
        n,
    ]
    return pd.DataFrame([row], columns=columns)


@no_rows(needs="three sellers with closed deals in twelve months")
@looks_back(losses=already)
def levers(
    opportunities: pd.DataFrame, reps: pd.DataFrame, period: Period, begins: Mapping[str, pd.Timestamp] = EVER
) -> pd.DataFrame:
    """Which of velocity's four levers is furthest below the others', per seller, and what closing half the gap is worth.

    Deals closed a month, win rate, size of a won deal and days to win, each in logs, over three years (or since losses are
    recorded), against the mean of the region's sellers, and drawn to it by `intervals.shrunk_means`. Half a gap of one lever
    moves a
    seller's yearly bookings by its exponential: velocity is their product.

    Returns
    -------
    DataFrame
        One row per seller who is still there and below the others in something, most money first: `name`, `lever` (of
        LEVERS), `gap` (relative to the mean, ratio, negative), `low`, `high` (90 %), `clear` (bool: at a false discovery rate
        of one in twenty), `worth` (money a year), `n` (deals closed), `months` (of the three years, that the deals hold).
    """
    columns = ["name", "lever", "gap", "low", "high", "clear", "worth", "n", "months"]
    staying = reps.loc[reps["left_on"].isna(), "rep_id"]
    deals = deals_of_three_years(opportunities, period, begins["losses"])
    table = _lever_logs(deals[deals["rep_id"].isin(staying)], reps, period)
    if table.empty:
        return pd.DataFrame(columns=columns)
    parts = []
    for lever, rows in table.groupby("lever"):
        weight, region = 1 / rows["error"] ** 2, rows["region"]
        peers = (rows["log"] * weight).groupby(region).transform("sum") / weight.groupby(region).transform("sum")
        gap = (-1.0 if lever == "cycle_days" else 1.0) * (rows["log"] - peers)
        z = norm.ppf(student.cdf(gap / rows["error"], rows["won"] - 1).clip(1e-15, 1 - 1e-15))
        clear = discovered(pd.Series(z, rows.index), CLAIMS / len(LEVERS))
        parts.append(rows.join(shrunk_means(gap, rows["error"])).assign(z=z, clear=clear))
    every = pd.concat(parts)
    worst = every[every["value"] < 0].sort_values("z").drop_duplicates("rep_id")
    worst["worth"] = worst["yearly"] * np.expm1(-worst["value"] / 2)
    worst = named(worst, reps).assign(
        gap=lambda t: np.expm1(t["value"]), low=lambda t: np.expm1(t["low"]), high=lambda t: np.expm1(t["high"])
    )
    worst["months"] = months_of(YEARS, period.through, begins["losses"])
    return worst.sort_values("worth", ascending=False, ignore_index=True)[columns]


def mix_of(deals: pd.DataFrame) -> pd.DataFrame:
    """What a deal is like, as indicators of MIX; where there is an organisation by its own unit, alike on each level.

    Parameters
    ----------
    deals : DataFrame
        The columns of MIX, and `unit` where there is an organisation.

    Returns
    -------
    DataFrame
        Ones and zeros, by the frame's index.
    """
    own = [UNIT if column == "region" and UNIT in deals else column for column in MIX]
    return pd.get_dummies(deals[own].fillna("–"), dtype=float, drop_first=True)


def ranks(found: np.ndarray, spread: np.ndarray, level: float) -> np.ndarray:
    """Mean rank and its ends, the largest effect first, from evenly spread draws of all effects together.

    Parameters
    ----------
    found, spread : array
        The effects, one per seller, and their variances and covariances.

    Returns
    -------
    array
        One row per seller: mean rank, and its ends at `level`.
    """
    even = norm.ppf(qmc.Halton(len(found), scramble=False).random(DRAWS + 1)[1:].clip(1e-6, 1 - 1e-6))
    drawn = found + even @ np.linalg.cholesky(spread + 1e-10 * np.eye(len(found))).T
    ranks = (-drawn).argsort(axis=1).argsort(axis=1) + 1
    ends = np.quantile(ranks, [0.5 - level / 2, 0.5 + level / 2], axis=0).round()
    return np.column_stack([ranks.mean(axis=0), *ends])


def _by_spread(design: np.ndarray, won: np.ndarray, sellers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give for each of SPREADS its weight, and the sellers' effects and their covariance."""
    found, start = [], np.zeros(design.shape[1])
    for scale in SPREADS:
        penalty = np.r_[np.full(sellers, scale**-2), 1e-6, np.full(design.shape[1] - sellers - 1, 1.0)]
        start = _newton(design, won, penalty, start)
        chance = expit(design @ start)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        log = np.log(np.where(won > 0, chance, 1 - chance)).sum() - 0.5 * (penalty * start**2).sum()
        fit = log - 0.5 * np.linalg.slogdet(curvature)[1] - sellers * np.log(scale)
        found.append((fit, start[:sellers], np.linalg.inv(curvature)[:sellers, :sellers]))
    fits, effects, covariances = map(np.array, zip(*found, strict=True))
    weight = np.exp(fits - fits.max()) * np.gradient(SPREADS)
    return weight / weight.sum(), effects, covariances


def _newton(design: np.ndarray, won: np.ndarray, penalty: np.ndarray, start: np.ndarray) -> np.ndarray:
    found = start.copy()
    for _ in range(30):
        chance = expit(design @ found)
        slope = design.T @ (won - chance) - penalty * found
        step = np.linalg.solve((design * (chance * (1 - chance))[:, None]).T @ design + np.diag(penalty), slope)
        found += step
        if np.abs(step).max() < 1e-8:
            break
    return found


def _with_tenure(opportunities: pd.DataFrame, reps: pd.DataFrame, period: Period, begin: pd.Timestamp) -> pd.DataFrame:
    """Give the deals of sellers whose hiring day is known, closed since `begin`, with the months since it when they were opened."""
    done = opportunities[opportunities["status"].ne("open") & opportunities["closed_on"].between(begin, period.through)]
    hired = reps.set_index("rep_id")["hired"].reindex(done["rep_id"]).to_numpy()
    tenure = ((done["opened_on"] - hired).dt.days / 30.44).floordiv(1)
    known = done.assign(won=done["status"].eq("won"), tenure=tenure)[
        tenure >= 0
    ]  # one opened before is somebody else's
    return known.reset_index(drop=True)


def _slope(x: np.ndarray, won: np.ndarray) -> tuple[float, np.ndarray]:
    """Fit log-odds a + b·x; give the log likelihood, and a and b."""

    def loss(v):
        odds = v[0] + v[1] * x
        return np.logaddexp(0, odds).sum() - (won * odds).sum()

    def slope(v):
        left = expit(v[0] + v[1] * x) - won
        return np.array([left.sum(), (left * x).sum()])

    fit = minimize(loss, [0.0, 0.0], jac=slope, method="BFGS", options={"gtol": 1e-9})
    return -float(fit.fun), fit.x


def _clustering(x: np.ndarray, won: np.ndarray, fit: np.ndarray, group: pd.Series) -> float:
    """Give by how much the slope's variance grows when the deals of one group are not independent, at least one."""
    design = np.column_stack([np.ones(len(x)), x])
    chance = expit(design @ fit)
    bread = np.linalg.inv((design * (chance * (1 - chance))[:, None]).T @ design)
    score = pd.DataFrame(design * (won - chance)[:, None]).groupby(group.to_numpy()).sum().to_numpy()
    return max(float((bread @ score.T @ score @ bread)[1, 1] / bread[1, 1]), 1.0)


def _lever_logs(deals: pd.DataFrame, reps: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Give each seller's four levers in logs with their errors, of sellers with at least ten deals won."""
    deals = deals.assign(days=(deals["closed_on"] - deals["opened_on"]).dt.days.clip(lower=1))
    hired = reps.set_index("rep_id")["hired"]
    rows = []
    for rep, own in deals.groupby("rep_id"):
        won = own[own["won"] & (own["amount"] > 0)]
        begin = max(
            d
            for d in (hired.get(rep), period.through - pd.DateOffset(years=3), deals["closed_on"].min())
            if pd.notna(d)
        )
        months = max((period.through - begin).days / 30.44, 1)
        if len(won) >= 10 and len(won) < len(own):
            rate, n = len(won) / len(own), len(own)
            size, days = np.log(won["amount"]), np.log(won["days"])
            yearly = won["amount"].sum() / months * 12
            logs = {
                "deals": (np.log(n / months), 1 / np.sqrt(n)),
                "win_rate": (np.log(rate), np.sqrt((1 - rate) / len(won))),
                "average_won": (size.mean(), size.std() / np.sqrt(len(won))),
                "cycle_days": (days.mean(), days.std() / np.sqrt(len(won))),
            }
            seen = {"rep_id": rep, "yearly": yearly, "won": len(won), "n": n}
            rows += [seen | {"lever": lever, "log": logs[lever][0], "error": logs[lever][1]} for lever in LEVERS]
    table = pd.DataFrame(rows, columns=["rep_id", "lever", "log", "error", "yearly", "won", "n"])
    table["region"] = looked_up(table["rep_id"], reps.set_index("rep_id")["region"]).fillna("")
    return table[table["error"] > 0].reset_index(drop=True)
