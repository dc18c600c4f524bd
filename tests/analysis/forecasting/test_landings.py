"""Is each region held against what is of its own kind, and do landings add up?"""

import pandas as pd
import pytest

from quarterdeck.analysis.forecasting import landings
from quarterdeck.data import COMPANY

ENDS = {"seen": 0.0, "to_come": 100.0, "p10": 80.0, "p50": 100.0, "p90": 125.0, "n_origins": 8, "wape": 0.1}


@pytest.mark.parametrize(
    ("of_quotas", "kept"),
    [
        ({"North": 0.0, "South": 1.0, COMPANY: 1.0}, ["North"]),  # quotas are no target where others have one
        ({"North": 1.0, "South": 1.0, COMPANY: 1.0}, ["North", "South", COMPANY]),  # one rule: all are of quotas
        ({"North": 0.0, "South": 0.0, COMPANY: 0.0}, ["North", "South", COMPANY]),
    ],
)
def test_quotas_stand_in_for_targets_everywhere_or_nowhere(of_quotas, kept):
    rows = {r: ENDS | {"target": 90.0, "of_quotas": q, "probability": 0.7} for r, q in of_quotas.items()}
    asks = {r: lambda function, row=row: pd.DataFrame([row]) for r, row in rows.items()}
    table = landings.landing(asks).set_index("region")
    assert table.index[table["target"].notna()].tolist() == kept
    assert table.index[table["probability"].notna()].tolist() == kept


def test_a_low_end_at_what_is_in_already_is_not_moved_above_the_target():
    """By its logarithms the low end is 100² ÷ 140 = 71.4, below the 90 that are in: it stands at these. Moved up by a tenth it
    would be 78.6, and stays at 90; moved as if it were 90, it would lie at 99, above a target of 95 that is not sure."""
    row = {"seen": 90.0, "to_come": 10.0, "p10": 90.0, "p50": 100.0, "p90": 140.0, "target": 95.0, "of_quotas": 0.0}
    moved = landings._moved(
        pd.DataFrame([row | {"probability": 0.6, "n_origins": 8.0, "wape": 0.1}]), pd.Series([10.0])
    )
    end = moved.iloc[0]
    assert end["p10"] == 90.0 and end["p50"] == pytest.approx(110.0) and end["p90"] == pytest.approx(154.0)
    assert 0.5 < end["probability"] < 0.9
