"""How much of the bookings depends on few sellers?"""

import pandas as pd

from quarterdeck.analysis.team.performance import bookings
from quarterdeck.data.coverage import looks_back, twelve_months
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows


@no_rows("opportunities.amount", needs="five sellers with bookings in twelve months")
@looks_back(bookings=twelve_months)
def seller_concentration(
    reps: pd.DataFrame, period: Period, orders: pd.DataFrame | None = None, opportunities: pd.DataFrame | None = None
) -> pd.DataFrame:
    """How much of twelve months' bookings depends on the best tenth of sellers, and what a seller brings.

    Returns
    -------
    DataFrame
        One row: `top` (share of the best tenth, at least one seller), `sellers` (of that tenth), `n` (sellers with any),
        `median` (money a seller), `largest` (share of the best), `gone` (share of those who have left since); no row below
        five sellers.
    """
    year = Period(period.through - pd.DateOffset(years=1) + pd.Timedelta(days=1), period.through, period.through)
    sold = (
        bookings(year, orders, opportunities)
        .groupby("rep_id")["amount"]
        .sum()
        .loc[lambda a: a > 0]
        .sort_values(ascending=False)
    )
    columns = ["top", "sellers", "n", "median", "largest", "gone"]
    if len(sold) < 5:
        return pd.DataFrame(columns=columns)
    tenth = max(len(sold) // 10, 1)
    left = sold.index.isin(reps.loc[reps["left_on"].notna(), "rep_id"])
    row = [
        sold.iloc[:tenth].sum() / sold.sum(),
        tenth,
        len(sold),
        sold.median(),
        sold.iloc[0] / sold.sum(),
        sold[left].sum() / sold.sum(),
    ]
    return pd.DataFrame([row], columns=columns)
