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
