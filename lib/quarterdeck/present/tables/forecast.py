"""How do the models compare?"""

import great_tables as gt
import pandas as pd

from quarterdeck.present import style
from quarterdeck.present.tables import house


def model_accuracy(accuracy: pd.DataFrame) -> gt.GT:
    """Lay out how wrong each model was, best first (`analysis.backtest.accuracy`)."""
    ratios = {c: accuracy[c].map(style.percent) for c in ("wape", "near", "far")}
    shown = pd.DataFrame(
        {
            "model": accuracy["model"],
            "mase": accuracy["mase"].map(lambda v: style.number(v, 2)),
            **ratios,
            "bias": accuracy["bias"].map(style.change),
            "coverage": accuracy["coverage"].map(lambda v: style.percent(v, 0)),
            "n": accuracy["n"].map(style.number),
        }
    )
    labels = {"model": "Model", "mase": "MASE", "wape": "WAPE", "near": "Near", "far": "Far", "bias": "Bias"}
    return (
        house(shown)
        .cols_label(**labels, coverage="Interval held", n="Forecasts")
        .cols_align("right", columns=["mase", "wape", "near", "far", "bias", "coverage", "n"])
        .tab_source_note("MASE below one beats repeating last year; near is up to three months ahead, far beyond.")
    )
