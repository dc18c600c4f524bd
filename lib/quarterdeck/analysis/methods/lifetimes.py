"""How likely is a customer without a contract to buy again, how often, and for how much?

BG/NBD (Fader, Hardie and Lee 2005, "Counting Your Customers" the Easy Way, Marketing Science 24): while a customer is one,
it buys at a rate of its own (gamma: `r`, `alpha` weeks); after each purchase it may leave for good (beta: `a`, `b`).
Gamma-gamma (Fader and Hardie 2013, The Gamma-Gamma Model of Monetary Value): what a purchase is worth varies around a mean of
the customer's own (`p`, `q`, `gamma` in money). The unit of time is the week; a purchase is a day with an order.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln, hyp2f1, psi

from quarterdeck.analysis.methods.intervals import Z90

WEEKS = 365.25 / 7  # in a year
FEWEST = 50  # customers below which nothing is fitted
FEWEST_REPEATS = 20  # of them, those who came back
BUYING, WORTH = ["r", "alpha", "a", "b"], ["p", "q", "gamma"]
LIMIT = 9.0  # of the logarithm of a parameter, either way
VAGUE = 0.04  # information about a logarithm below which it counts as not known (a standard error of five)
STEP = 1e-3  # of a logarithm, for differences
CLOSE = {"ftol": 1e-13, "gtol": 1e-6, "maxiter": 1000, "maxfun": 5000}
NEWTON = 3  # steps at the end
Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]  # and its slopes


@dataclass(frozen=True)
class Fit:
    """Parameters by name (`value`), and the covariance of their logarithms; one that the data leave open has no variance."""

    value: pd.Series
    covariance: np.ndarray
    known: np.ndarray

    def table(self) -> pd.DataFrame:
        """Give `parameter`, `value`, `low`, `high` (90 %, Wald on the logarithm; missing where the data leave it open)."""
        reach = np.where(self.known, Z90 * np.sqrt(np.diag(self.covariance)), np.nan)
        ends = {"low": self.value * np.exp(-reach), "high": self.value * np.exp(reach)}
        return pd.DataFrame({"value": self.value} | ends).rename_axis("parameter").reset_index()


def histories(purchases: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """What the models know of each customer by the end of day `as_of`.

    Returns
    -------
    DataFrame
        Indexed by customer_id: `x` (purchases after the first; a purchase is a day with an order), `t_x` (weeks from the first to
        the last), `T` (weeks from the first to `as_of`), `worth` (money: revenue net of returns, per purchase), `sold` (money per
        purchase, returns aside), `logs` (mean logarithm of what each purchase was sold for), `last` (day).
    """
    seen = purchases[purchases["order_date"] <= as_of]
    lines = seen[seen["quantity"] > 0]
    days = lines.groupby(["customer_id", "order_date"])["revenue"].sum().clip(lower=0.01).reset_index()
    by = days.assign(logs=np.log(days["revenue"])).groupby("customer_id")
    day, n = by["order_date"].agg(["min", "max"]), by.size()
    table = pd.DataFrame({"x": n - 1.0, "t_x": (day["max"] - day["min"]).dt.days / 7})
    table["T"] = (as_of - day["min"]).dt.days / 7
    table["worth"] = seen.groupby("customer_id")["revenue"].sum().reindex(table.index) / n
    return table.assign(sold=by["revenue"].mean(), logs=by["logs"].mean(), last=day["max"])


def enough(histories: pd.DataFrame) -> bool:
    """Tell whether there are customers enough to fit: fifty, of whom twenty came back.

    Parameters
    ----------
    histories : DataFrame
        As `histories` gives it.
    """
    return len(histories) >= FEWEST and int((histories["x"] > 0).sum()) >= FEWEST_REPEATS


def bg_nbd(histories: pd.DataFrame) -> Fit:
    """Fit BG/NBD by maximum likelihood (Fader, Hardie and Lee 2005, formula 6).

    Parameters
    ----------
    histories : DataFrame
        `x`, `t_x`, `T` as `histories` gives them.
    """
    x, t_x, whole = (histories[c].to_numpy(float) for c in ("x", "t_x", "T"))

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha, a, b = np.exp(logs)
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
        over = np.where(x > 0, b + x - 1, np.inf)
        gone = np.log(a / over, where=x > 0, out=np.full(len(x), -np.inf)) - (r + x) * np.log(alpha + t_x)
        still = -(r + x) * np.log(alpha + whole)
        likelihood = np.logaddexp(still, gone)
        left = np.exp(gone - likelihood)
        slopes = [
            psi(r + x) - psi(r) + np.log(alpha) - (1 - left) * np.log(alpha + whole) - left * np.log(alpha + t_x),
            r / alpha - (r + x) * ((1 - left) / (alpha + whole) + left / (alpha + t_x)),
            psi(a + b) - psi(a + b + x) + left / a,
            psi(b + x) - psi(b) + psi(a + b) - psi(a + b + x) - left / over,
        ]
        return -float((common + likelihood).sum()), -np.sum(slopes, axis=1) * np.exp(logs)

    usual = whole.mean() / (x.mean() + 1)
    return _fit(loss, np.log([1.0, max(usual, 0.1), 0.5, 5.0]), BUYING)


def gamma_gamma(histories: pd.DataFrame) -> Fit:
    """Fit gamma-gamma by maximum likelihood to what each purchase was sold for.

    The model is that of Fader and Hardie (2013); they fit it to customers' means alone, for want of more. Single purchases also
    tell how far those of one customer differ, so that `p` is seen, not inferred from the tails of the means. What a purchase
    is worth is taken not to depend on how often a customer buys; `q` is held at one or more: below, there is no mean.

    Parameters
    ----------
    histories : DataFrame
        `x` (purchases after the first), `sold` (money per purchase), `logs` (mean logarithm of the same).
    """
    n, scale = histories["x"].to_numpy(float) + 1, float(histories["sold"].mean())
    whole, logs = n * histories["sold"].to_numpy(float) / scale, histories["logs"].to_numpy(float) - np.log(scale)

    def loss(logged: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, gamma = np.exp(logged)
        shape, reach = p * n + q, np.log(gamma + whole)
        each = (p - 1) * n * logs - n * gammaln(p) + q * np.log(gamma) - gammaln(q) + gammaln(shape) - shape * reach
        slopes = [
            n * (logs - psi(p) + psi(shape) - reach),
            np.log(gamma) - psi(q) + psi(shape) - reach,
            q / gamma - shape / (gamma + whole),
        ]
        return -float(each.sum()), -np.sum(slopes, axis=1) * np.exp(logged)

    fit = _fit(loss, np.log([1.0, 2.0, 1.0]), WORTH, least=[-LIMIT, 0.0, -LIMIT])
    return Fit(fit.value * [1.0, 1.0, scale], fit.covariance, fit.known)


def alive(value: pd.Series, histories: pd.DataFrame) -> np.ndarray:
    """Chance that each is still a customer (Fader, Hardie and Lee 2008, Computing P(alive) Using the BG/NBD Model).

    A customer who never came back still is one: in the model, customers leave only after a repeated purchase.

    Parameters
    ----------
    value : Series
        The parameters of BUYING, by name (`bg_nbd`).
    histories : DataFrame
        As `histories` gives it: `x`, `t_x`, `T` (weeks).

    Returns
    -------
    ndarray
        Ratios, one per row of `histories`.
    """
    r, alpha, a, b = value[BUYING]
    x, t_x, whole = (histories[c].to_numpy(float) for c in ("x", "t_x", "T"))
    odds = np.log(a) - np.log(np.where(x > 0, b + x - 1, 1.0)) + (r + x) * np.log((alpha + whole) / (alpha + t_x))
    return np.where(x > 0, expit(-odds), 1.0)


def buys(value: pd.Series, histories: pd.DataFrame, weeks: float) -> np.ndarray:
    """Chance that each buys within so many weeks: P(alive) × (1 − ((α + T) ÷ (α + T + weeks))^(r + x)).

    While alive, a customer's rate is gamma with r + x and α + T whatever its chance of leaving, and it can leave only by buying.

    Parameters
    ----------
    value, histories : Series, DataFrame
        As `alive` takes them.

    Returns
    -------
    ndarray
        Ratios, one per row of `histories`.
    """
    still = value["alpha"] + histories["T"].to_numpy(float)
    none = np.exp((value["r"] + histories["x"].to_numpy(float)) * -np.log1p(weeks / still))
    return alive(value, histories) * (1 - none)


def purchases(value: pd.Series, histories: pd.DataFrame, weeks: float) -> np.ndarray:
    """Purchases to expect of each within so many weeks (Fader, Hardie and Lee 2005, formula 10).

    The hypergeometric function is taken in Euler's other form, F(A, B; C; z) = (1 − z)^(C − A − B) F(C − A, C − B; C; z):
    there the purchases made stand in C alone, so it neither overflows nor cancels for customers who bought hundreds of times.

    Parameters
    ----------
    value, histories : Series, DataFrame
        As `alive` takes them.

    Returns
    -------
    ndarray
        Counts, one per row of `histories`; for a customer who may have left, times the chance that it has not.
    """
    r, alpha, a, b = value[BUYING]
    a = a if abs(a - 1) > 1e-6 else 1 + 1e-6  # the formula's limit there
    x, whole = histories["x"].to_numpy(float), histories["T"].to_numpy(float)
    z, c = weeks / (alpha + whole + weeks), a + b + x - 1
    series = hyp2f1(a + b - 1 - r, a - 1, c, z) * np.exp((a - 1) * np.log1p(-z))
    return alive(value, histories) * c / (a - 1) * (1 - series)


def worth(value: pd.Series, histories: pd.DataFrame) -> np.ndarray:
    """Money to expect of each purchase: p (γ + n·mean) ÷ (p·n + q − 1), n the purchases seen.

    Fader and Hardie 2013, The Gamma-Gamma Model of Monetary Value, formula 5.

    Parameters
    ----------
    value : Series
        The parameters `p`, `q` and `gamma`, by name (`gamma_gamma`).
    histories : DataFrame
        As `histories` gives it: `x`, `worth`.

    Returns
    -------
    ndarray
        Money per purchase, one per row of `histories`.
    """
    p, q, gamma = value[WORTH]
    n, mean = histories["x"].to_numpy(float) + 1, histories["worth"].clip(lower=0).to_numpy(float)
    return p * (gamma + n * mean) / (p * n + q - 1)


def delta(fits: list[Fit], figure: Callable[[pd.Series], np.ndarray]) -> np.ndarray:
    """Standard errors of figures of the parameters, by their covariance.

    Delta method, by differences of the logarithms; parameters of different models err apart.

    Parameters
    ----------
    fits : list of Fit
        The models; their parameters have different names.
    figure : callable
        Gives numbers from all parameters by name.

    Returns
    -------
    ndarray
        As many, in the unit of `figure`.
    """
    value, variance = pd.concat([f.value for f in fits]), 0.0
    for fit in fits:
        slopes = np.array([_slope(figure, value, name) for name in fit.value.index])
        variance = variance + np.einsum("i...,ij,j...->...", slopes, np.asarray(fit.covariance), slopes)
    return np.sqrt(np.maximum(variance, 0.0))


def _slope(figure: Callable[[pd.Series], np.ndarray], value: pd.Series, name: str) -> np.ndarray:
    up, down = (value.where(value.index != name, value * np.exp(s)) for s in (STEP, -STEP))
    return (figure(up) - figure(down)) / (2 * STEP)


def _fit(loss: Loss, start: np.ndarray, names: list[str], least: list[float] | None = None) -> Fit:
    """Minimise, end by Newton's steps, so that the last digits do not depend on the way there, and give the covariance."""
    low = np.array(least or [-LIMIT] * len(start))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(end, LIMIT) for end in low], options=CLOSE).x
    for _ in range(NEWTON):
        free = (found < LIMIT - 1e-6) & (found > low + 1e-6)
        size, ways = np.linalg.eigh(_curvature(loss, found) * np.outer(free, free))
        sure = size > VAGUE
        covariance = (ways[:, sure] / size[sure]) @ ways[:, sure].T
        found = np.clip(found - np.clip(covariance @ (loss(found)[1] * free), -STEP, STEP), low, LIMIT)
    known = free.all() & ((ways[:, ~sure] ** 2).sum(axis=1) < 0.1)  # beside one at its limit, the others are not known
    return Fit(pd.Series(np.exp(found), names), covariance, known)


def _curvature(loss: Loss, at: np.ndarray) -> np.ndarray:
    rows = np.array([(loss(at + s)[1] - loss(at - s)[1]) / (2 * STEP) for s in STEP * np.eye(len(at))])
    return (rows + rows.T) / 2
