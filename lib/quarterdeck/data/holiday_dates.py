"""On which days does a country, or a state of it, keep a public holiday?"""

from functools import cache

import numpy as np


def known(place: str) -> bool:
    """Tell whether public holidays of a place are known.

    >>> known("DE-BY"), known("DE-XX"), known("Utopia")
    (True, False, False)
    """
    import holidays  # here, because it is slow to import

    country, _, state = place.partition("-")
    places = holidays.list_supported_countries()
    return country in places and (not state or state in places[country])


@cache
def between(place: str, first: int, last: int) -> np.ndarray:
    """Give the public holidays of a place, by ISO 3166 ("DE", or "DE-BY" of a state), in some years; none of no place.

    >>> between("US", 2026, 2026)[:2].astype(str).tolist()
    ['2026-01-01', '2026-01-19']
    """
    if not place:
        return np.array([], "datetime64[D]")
    import holidays  # here, because it is slow to import

    country, _, state = place.partition("-")
    found = holidays.country_holidays(country, subdiv=state or None, years=range(first, last + 1))
    return np.array(sorted(found), "datetime64[D]")
