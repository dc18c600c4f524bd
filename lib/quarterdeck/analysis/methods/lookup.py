"""Which value belongs to a key? The one way to bring a column from another table."""

import pandas as pd


def categories(products: pd.DataFrame | None) -> pd.Series:
    """Give the category of each product, by `product_id`; of none where there is no table of products.

    >>> len(categories(None))
    0
    """
    return pd.Series(dtype="str") if products is None else products.set_index("product_id")["category"]


def looked_up(keys: pd.Series, values: pd.Series) -> pd.Series:
    """Give what `values` (a row per key) holds under each of `keys`, missing where it holds nothing.

    The answer has the type of `values` even where there are no rows; that of `Series.map` is then the keys' own, and numbers
    become text.

    >>> looked_up(pd.Series([], dtype="str"), pd.Series([1.0], index=["a"])).dtype
    dtype('float64')
    """
    return values.reindex(keys).set_axis(keys.index).rename(keys.name)
