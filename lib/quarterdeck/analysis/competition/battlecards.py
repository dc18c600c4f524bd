"""What must a seller know who meets a rival tomorrow?"""

import pandas as pd

from quarterdeck.data.reasons import no_rows

CARD = [
    "competitor", "share", "change", "momentum", "rate", "low", "high", "all", "n", "place", "price", "stake", "risk",
    "worst", "worst_rate", "best", "best_rate", "reason", "reason_share", "reason_others",
]  # fmt: skip


@no_rows(needs="a deal with a rival that closed in twelve months")
def cards(
    rates: pd.DataFrame,
    cells: pd.DataFrame,
    stake: pd.DataFrame,
    at_risk: pd.DataFrame,
    reasons: pd.DataFrame,
    structure: pd.DataFrame | None = None,
    prices: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Gather what the page found of each rival.

    Parameters
    ----------
    rates, reasons, prices : DataFrame
        As `competitors.win_rate_by_rival`, `competitors.reasons_by_rival` and `competitors.price_position` give them.
    cells, stake, at_risk : DataFrame
        As `win_loss.win_rate_by` (by segment), `win_loss.stake` and `win_loss.at_risk` give them.
    structure : DataFrame
        As `dynamics.structure` gives it.

    Returns
    -------
    DataFrame
        One row per rival of `rates`, the one that costs most first: `competitor`, `share`, `change`, `momentum` (missing where the
        market is not known), `rate`, `low`, `high`, `all`, `n`, `place`, `price` (index), `stake`, `risk` (money), `worst`
        and `best` (segments with the lowest and highest shrunk rate that the interval sets apart from all; else
        missing) with their rates, `reason` (named more often than elsewhere; else missing) with its shares.
    """
    table = rates.set_index("competitor")[["rate", "low", "high", "all", "n", "place"]]
    beside = {"stake": (stake, "value"), "risk": (at_risk, "risk")} | (
        {} if prices is None else {"price": (prices, "now")}
    )
    for name, (frame, column) in beside.items():  # a table without rows would take on those of what is put beside it
        table[name] = frame.set_index("competitor")[column].reindex(table.index)
    if structure is not None:
        table = table.join(structure.set_index("seller")[["share", "change", "momentum"]])
    for side, apart in (("worst", cells["high"] < cells["all"]), ("best", cells["low"] > cells["all"])):
        ordered = cells[apart].sort_values("rate", ascending=side == "worst").drop_duplicates("competitor")
        table[[side, f"{side}_rate"]] = ordered.set_index("competitor")[["group", "rate"]].reindex(table.index)
    more = reasons[reasons["difference"] > 0].drop_duplicates("competitor").set_index("competitor")
    table[["reason", "reason_share", "reason_others"]] = more[["reason", "share", "others"]].reindex(table.index)
    return table.sort_values("stake", ascending=False).reset_index().reindex(columns=CARD)
