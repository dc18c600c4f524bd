"""How much does each member count in the joined forecast of a series?

What is believed beforehand was learned on public collections; what a panel's and a series' own past forecasts say bends it.
"""

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods import pooled
from quarterdeck.analysis.methods.members import MEMBERS

# Learned by benchmarks/worth.py on six collections alike: the M1 and the tourism competition, M4 weekly,
# Australian retail, R's forecasting books and the hierarchies of two companies. Each collection was also forecast by what the
# other five say (decision 0102). Rows: what speaks for a member as it is; with each e-fold of seasons beyond e²; with the
# pool's evidence, a part of one.
BELIEF = pd.DataFrame(
    [[-0.04, -0.07, -0.01, -0.07, 0.19], [-0.05, -0.03, -0.09, -0.03, 0.20], [-0.05, -0.06, -0.02, -0.06, 0.19]],
    ["always", "length", "evidence"],
    MEMBERS,
)
# What speaks for a member whose past errors were none, against the members' mean: as learned before the last table of BELIEF.
# Learned again it came to 1.25 on 150 series of each body and to 2.57 on 200.
PROVEN = 2.19
TRUSTED = 10.0  # windows per coefficient at which the pool is trusted half
TRIED = 2.0  # origins at which a series' own past errors count half
LONG = 2.0  # e-folds of seasons either way beyond which a length says no more


def believed(lengths: pd.Series, ahead: int, season: int) -> pd.DataFrame:
    """Say what speaks for each member of each series before any error is seen: logarithms of weights.

    Parameters
    ----------
    lengths : Series
        Periods by name of series.
    ahead, season : int
        Periods to forecast, and in a season.

    Returns
    -------
    DataFrame
        Series × members.
    """
    return pd.DataFrame(features(lengths, ahead, season) @ BELIEF.to_numpy(), lengths.index, MEMBERS)


def features(lengths: pd.Series, ahead: int, season: int) -> np.ndarray:
    """Give what is known of each series beforehand, in the order of the rows of `BELIEF`."""
    evidence = pooled.evidence(lengths.to_numpy(), ahead, season)
    long = np.clip(np.log(lengths / season) - (2 if season > 1 else 3), -LONG, LONG)
    return np.column_stack([np.ones(len(lengths)), long, np.full(len(lengths), evidence / (evidence + TRUSTED))])


def weights(tested: pd.DataFrame, belief: pd.DataFrame) -> pd.DataFrame:
    """How much each member is to count in each series: what is believed, bent by the series' own past errors.

    A logit over members whose coefficients were learned across collections, as in feature-based model averaging (FFORMA:
    Montero-Manso, Athanasopoulos, Hyndman and Talagala 2020, International Journal of Forecasting 36, 86), here with few features
    and with past errors among them. Where nothing was tried it is the belief, and where nothing speaks for anyone the plain mean.

    Parameters
    ----------
    tested : DataFrame
        `series`, `origin`, `step`, `actual` and a column per member.
    belief : DataFrame
        As `believed` gives it.

    Returns
    -------
    DataFrame
        Series × members, none below zero, each row adding up to one.
    """
    logits = belief + PROVEN * proven(tested).reindex(belief.index).fillna(0.0)
    parts = np.exp(logits.sub(logits.max(axis=1), axis=0))
    return parts.div(parts.sum(axis=1), axis=0)


def proven(tested: pd.DataFrame) -> pd.DataFrame:
    """By what part each member's past errors were smaller than the members' mean, shrunk to none where there are few origins.

    Returns
    -------
    DataFrame
        Series × members; zero for a member that said nothing.
    """
    off = tested[MEMBERS].sub(tested["actual"], axis=0).abs()
    mean = off.groupby([tested["series"], tested["origin"]]).mean()
    part = mean.div(mean.mean(axis=1).where(lambda m: m > 0), axis=0)
    by = part.groupby(level="series")
    return (1 - by.mean()).mul(by.size() / (by.size() + TRIED), axis=0).fillna(0.0)


def joined(forecasts: pd.DataFrame, weight: pd.DataFrame) -> np.ndarray:
    """Give the weighted mean of the members that say something, row by row.

    Parameters
    ----------
    forecasts : DataFrame
        `series` and a column per member.
    weight : DataFrame
        As `weights` gives it.
    """
    values = forecasts[MEMBERS].to_numpy(float)
    part = np.where(np.isfinite(values), weight[MEMBERS].loc[forecasts["series"]].to_numpy(), 0.0)
    return (np.nan_to_num(values) * part).sum(axis=1) / part.sum(axis=1)
