"""What do other collections teach about each member's worth, and is a collection that was not learned from any better for it?

Makes `BELIEF` and `PROVEN` of `quarterdeck.analysis.methods.worth`. Every collection of benchmarks/forecasting.py is forecast by
all members from its days; a logit over members with few features and past errors is fitted to the errors of what they join to.
Prints, for each body, the error with weights that the *other* collections taught, against the members' plain mean; then the table
learned from all. `--most 100` takes so many series of each body. Needs what benchmarks/forecasting.py needs.
"""

import argparse
import json
from typing import NamedTuple

import forecasting as bodies
import numpy as np
import pandas as pd
from scipy.optimize import minimize

from quarterdeck.analysis.methods import members, series, worth
from quarterdeck.analysis.methods.members import MEMBERS

HELD = 0.01  # how strongly coefficients are held to zero
FACTOR = 10.0  # unit of the coefficient of past errors, so that it is held as strongly as others


class Body(NamedTuple):
    """One day of a body: members' forecasts, series × steps × members, what came, and what speaks for each member."""

    said: np.ndarray
    came: np.ndarray  # series × steps, in units of the series' scale, as `said`
    features: np.ndarray
    proven: np.ndarray
    spoke: np.ndarray


def learned_from(seen: pd.DataFrame, came: pd.DataFrame, ahead: int, season: int) -> Body:
    """Forecast one day of a body by every member, from there and from its past days."""
    regular = seen[seen["series"].map(series.kinds(seen, ahead, season)).eq("regular")]
    lengths = regular["series"].value_counts()
    tested = members.tried(regular, members.trial(lengths.to_numpy(), ahead, season), season)
    table = members.ahead(regular, ahead, season).merge(came, on=["series", "step"])
    scale = regular.groupby("series")["value"].agg(
        lambda v: np.abs(v.to_numpy()[season:] - v.to_numpy()[:-season]).mean()
    )
    table["scale"] = table["series"].map(scale)
    whole = table[table["scale"].gt(0) & table.groupby("series")["step"].transform("size").eq(ahead)]
    names = whole["series"].unique()
    said = whole[MEMBERS].div(whole["scale"], axis=0).to_numpy().reshape(len(names), ahead, -1)
    actual = (whole["value"] / whole["scale"]).to_numpy().reshape(len(names), ahead)
    features = worth.features(lengths.loc[names], ahead, season)
    proven = worth.proven(tested).reindex(names).fillna(0.0).to_numpy()
    return Body(np.nan_to_num(said), actual, features, proven, np.isfinite(said).all(axis=1))


def joined(coefficients: np.ndarray, body: Body) -> tuple[np.ndarray, np.ndarray]:
    """Give weights, and the mean absolute scaled error of each series."""
    table = coefficients[:-1].reshape(-1, len(MEMBERS))
    logits = np.where(body.spoke, body.features @ table + FACTOR * coefficients[-1] * body.proven, -50.0)
    weight = np.exp(logits - logits.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    return weight, np.abs((weight[:, None] * body.said).sum(axis=2) - body.came).mean(axis=1)


def fitted(found: dict[str, list[Body]]) -> np.ndarray:
    """Fit coefficients to collections, each counting alike, and each body of one; a wild series no more than usual ones."""
    size = (next(iter(found.values()))[0].features.shape[1]) * len(MEMBERS) + 1
    parts = [(body, 1 / len(found) / len(days)) for days in found.values() for body in days]
    usual = [joined(np.zeros(size), body)[1] for body, _ in parts]

    def loss(coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = HELD * float((coefficients**2).sum()), 2 * HELD * coefficients
        for (body, part), plain in zip(parts, usual, strict=True):
            weight, errors = joined(coefficients, body)
            heard = part / len(plain) / np.maximum(plain, plain.mean())
            side = np.sign((weight[:, None] * body.said).sum(axis=2) - body.came)
            by = np.einsum("nh,nhk->nk", side, body.said) / body.came.shape[1] * heard[:, None]
            by = weight * (by - (weight * by).sum(axis=1, keepdims=True))
            total += float(heard @ errors)
            slope = slope + np.r_[(body.features.T @ by).ravel(), FACTOR * (by * body.proven).sum()]
        return total, slope

    return minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x


def main() -> None:
    """Print how well each collection is served by the others' teaching, and the table that all teach."""
    parser = argparse.ArgumentParser(description="Learn each member's worth across collections.")
    parser.add_argument("--most", type=int, default=200, metavar="SERIES", help="take so many series of each body")
    most, found, named = parser.parse_args().most, {}, []
    for name in bodies.BODIES:
        for season, ahead, day, seen, came in bodies.days(name):
            there = sorted(seen["series"].unique())
            asked = there[:: -(-len(there) // most)]
            found.setdefault(name, []).append(
                learned_from(seen[seen["series"].isin(asked)], came[came["series"].isin(asked)], ahead, season)
            )
            named.append(f"{name}, season {season}, day {day}")
    ratios = []
    for name, own in found.items():
        taught = fitted({other: days for other, days in found.items() if other != name})
        ratios += [float(joined(taught, b)[1].mean() / joined(0 * taught, b)[1].mean()) for b in own]
    print(
        "\n".join(
            f"{label:36} {ratio:.4f} of the plain mean's error" for label, ratio in zip(named, ratios, strict=True)
        )
    )
    coefficients = fitted(found)
    table = coefficients[:-1].reshape(-1, len(MEMBERS))
    table = table - table.mean(axis=1, keepdims=True)  # only differences between members matter
    print(
        pd.DataFrame(table, worth.BELIEF.index, MEMBERS).round(2).to_string(),
        f"\nPROVEN {FACTOR * coefficients[-1]:.2f}",
    )
    print(json.dumps({"benchmark": "worth", "ratios": dict(zip(named, np.round(ratios, 4), strict=True))}))


if __name__ == "__main__":
    main()
