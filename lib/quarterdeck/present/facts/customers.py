"""What do the pictures and the sentences on customers both say?"""

import pandas as pd

from quarterdeck.analysis.methods.claims import Claim, amounts, apart, part

METRIC = {"net": "net_revenue_retention", "gross": "gross_revenue_retention", "logo": "logo_retention"}


def kept(row: pd.Series) -> Claim:
    """Claim a retention with its interval (a row of `analysis.customers.retention.retention_lines` or `retention_by`)."""
    subject = f"group: {row['group']}" if "group" in row else ""
    return amounts(METRIC[row["kind"]], row["value"], subject, low=row["low"], high=row["high"], n=row["n"])


def places(groups: pd.DataFrame) -> list[Claim]:
    """Claim of each group that stands apart from all, once all are allowed for, on which side; else that none does."""
    rows = [row for _, row in groups[groups["place"] != ""].iterrows()]
    claims = [
        apart(METRIC[row["kind"]], row["low"], row["high"], f"group: {row['group']}", against=row["all"])
        for row in rows
    ]
    return claims or [part("net_revenue_retention", 0, groups["group"].nunique(), "surely stand apart from all")]
