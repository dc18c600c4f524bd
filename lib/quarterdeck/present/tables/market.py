"""How do segments, products and customers read in a table?"""

import great_tables as gt
import pandas as pd

from quarterdeck.present.tables import lay


def growth(table: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out how each part of the market grows (`analysis.market.sizing.growth`)."""
    columns = {
        "name": ("Market", "text", "part of the market"),
        "market": ("Four quarters", "money", "market_size"),
        "growth": ("On the year before", "change", "market_growth"),
        "cagr": ("A year since the start", "change"),
        "trend": ("Trend now, a year", "change"),
    }
    years = table["years"].iloc[0]
    note = (
        f"A year since the start: compound growth over {years:.2g} years. Trend "
        f"now: of the last two quarters, by STL without season."
    )
    return lay(table, columns, note, currency)


def levels(table: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out TAM, SAM and SOM with their definitions (`analysis.market.sizing.addressable`)."""
    columns = {
        "level": ("", "text", "level"),
        "amount": ("A year", "money", "addressable_market"),
        "definition": ("What it is", "text"),
    }
    return lay(
        table,
        columns,
        "SOM is a yardstick, not a plan: every cell at the best share that we hold in one like it.",
        currency,
    )


def share_parts(table: pd.DataFrame) -> gt.GT:
    """Lay out share by revenue, by account and by wallet (`analysis.market.market_share.share_parts`)."""
    columns = {
        "segment": ("Segment", "text", "segment"),
        "share": ("Share of revenue", "ratio", "market_share"),
        "accounts": ("Accounts that bought", "ratio", "accounts_buying"),
        "wallet": ("Share of their wallet", "ratio"),
        "n": ("Known accounts", "count"),
    }
    note = (
        "Share of revenue = accounts that bought × share of wallet, if accounts of a segment spend alike. The last four quarters "
        "whose market is known; penetration, above, is of the last twelve months."
    )
    return lay(table, columns, note)


def fields(matrix: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out each segment's field and how much depends on the weights (`analysis.market.portfolio.matrix`)."""
    columns = {
        "segment": ("Segment", "text", "segment"),
        "field": ("Attractive / strong", "text"),
        "stays": ("Stays under other weights", "whole ratio", "portfolio_field"),
        "size": ("Market", "money", "market_size"),
        "own": ("Our revenue", "money"),
    }
    note = "Stays: the share of all other weights, on an even grid, that leave the segment in its field."
    return lay(matrix.sort_values("attractiveness", ascending=False), columns, note, currency)


def diffusion(curves: pd.DataFrame) -> gt.GT:
    """Lay out the Bass curve of each new product (`analysis.sales.launches.bass`)."""
    shown = curves.assign(low=curves["m_low"], high=curves["m_high"], months=curves["n"])
    columns = {
        "name": ("New product", "text"),
        "m": ("Buyers in the end", "count"),
        "interval": ("Interval", "interval count"),
        "reached": ("Reached", "whole ratio"),
        "p": ("p, a month", "decimal"),
        "q": ("q, a month", "decimal"),
        "months": ("Months", "count"),
    }
    note = "Bass curve of first-time buyers: p is buying unprompted, q following others. Only curves that came to rest."
    return lay(shown, columns, note)


def values(segments: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out customers by recency, frequency and money (`analysis.customers.buyers.value_segments`)."""
    columns = {
        "value": ("Customers", "text", "value segment"),
        "customers": ("Number", "count"),
        "spend": ("Twelve months", "money", "value_segment_spend"),
        "before": ("The twelve before", "money"),
        "share": ("Of revenue", "whole ratio", "value_segment_share"),
        "recency": ("Days since the last order", "count"),
        "orders": ("Orders a year", "count"),
    }
    note = "Champions: best two fifths of recency and of size. Large and slipping: of size alone. Days and orders are medians."
    return lay(segments, columns, note, currency, whole=("share",))


def kinds(clusters: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out the kinds of customers (`analysis.customers.buyers.clusters`)."""
    first = clusters.iloc[0]
    columns = {
        "kind": ("Kind", "count"),
        "customers": ("Customers", "count"),
        "share": ("Of revenue", "whole ratio"),
        "spend": ("A year", "money"),
        "orders": ("Orders a year", "count"),
        "recency": ("Days since the last", "count"),
        "categories": ("Categories", "count"),
    }
    note = (
        f"k-means of standardised logs; medians. Silhouette {first['silhouette']:.2f}, the highest of two to seven kinds; "
        f"stability {first['stability']:.2f} between halves (1 is the same grouping)."
    )
    return lay(clusters, columns, note, currency)
