"""How does a column become text, numbers or days, without a value becoming another one?

Each function gives the values and leaves empty what it cannot read for sure; `advice` says of such a value how to write it.
"""

import re
from decimal import Decimal

import numpy as np
import pandas as pd

TEXT, DAY, NUMBER = "str", "datetime64[us]", "float64"
EXACT = 2**53  # from which a float no longer holds every whole number
FIRST_YEAR = 1900  # before which a day is taken for a slip
NUMBER_PLAIN = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+"  # 1.234 may be a thousand and some, or one and a quarter
OFFSET = r"\s*(?:Z|UTC|[+-]\d{2}(?::?\d{2})?)"
_TIME = rf"(?:[T ]\s*\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d+)?)?(?:{OFFSET})?)?"
_DAY = rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}|(\d{{4}})(\d{{2}})(\d{{2}})"
_EPOCHS = [  # (the fewest digits of a moment in our time, what it counts, how DuckDB makes a day of it)
    (5, "days, as spreadsheets do", "DATE '1899-12-30' + CAST({0} AS INTEGER)"),
    (9, "seconds since 1970", "CAST(make_timestamp(CAST({0} AS BIGINT) * 1000000) AS DATE)"),
    (12, "milliseconds since 1970", "CAST(make_timestamp(CAST({0} AS BIGINT) * 1000) AS DATE)"),
    (15, "microseconds since 1970", "CAST(make_timestamp(CAST({0} AS BIGINT)) AS DATE)"),
    (18, "nanoseconds since 1970", "CAST(make_timestamp_ns(CAST({0} AS BIGINT)) AS DATE)"),
]
_NUMBERS = [  # (how a number is written, what to do); what is left to say after one step is said then
    (
        r"[+-]?\d{1,3}(,\d{3})+",
        'say what the comma marks: name thousands: "," or decimal_separator: "," under files, or replace it in the SELECT',
    ),
    (
        THOUSANDS,
        'say what the point marks: name thousands: "." or decimal_separator: "." under files, or CAST it in the SELECT',
    ),
    (r"[+-]?\d{1,3}(,\d{3})+\.\d*", "name thousands: \",\" under files, or write replace({0}, ',', '') in the SELECT"),
    (
        r"[+-]?(\d{1,3}([.'’\s]\d{3})+|\d+),\d*",
        'name decimal_separator: "," and thousands: "." under files, or write '
        "replace(regexp_replace({0}, '[^0-9,-]', '', 'g'), ',', '.') in the SELECT",
    ),
    (r".*[\u2010-\u2015\u2212].*", "write regexp_replace({0}, '[\u2010-\u2015\u2212]', '-', 'g') in the SELECT"),
    (r"\(.*\)", "put a minus for the brackets: write replace(replace({0}, '(', '-'), ')', '') in the SELECT"),
    (r".*%", "drop the percent sign: CAST(replace({0}, '%', '') AS DOUBLE) / 100 in the SELECT"),
    (r"\D*\d[\d.,'’\s]*\D*", "strip what is no digit: write regexp_replace({0}, '[^0-9.,-]', '', 'g') in the SELECT"),
]


def convert(raw: pd.Series, kind: str) -> pd.Series:
    """Convert a column to TEXT, DAY or NUMBER; what cannot be read for sure is empty.

    >>> convert(pd.Series(["2026-10-01T00:30:00+02:00", "20261001", "01.10.2026"]), DAY).dt.strftime("%d %b").tolist()
    ['01 Oct', '01 Oct', nan]
    >>> convert(pd.Series(["12.50", "1,234", "inf"]), NUMBER).tolist()
    [12.5, nan, nan]
    >>> convert(pd.Series([1001.0, None]), TEXT).tolist()
    ['1001', nan]
    """
    return {TEXT: text, DAY: days, NUMBER: numbers}[kind](raw)


def text(raw: pd.Series) -> pd.Series:
    """Give text as it is written, but for blanks at its ends and the two ways (NFC, NFD) of writing an accent.

    A float is text where it is whole and small enough to be exact; of any other nobody can tell how it was written.
    """
    if isinstance(raw.dtype, pd.CategoricalDtype):
        raw = raw.astype(raw.dtype.categories.dtype)
    if raw.dtype.kind == "f":
        whole = (raw % 1 == 0) & (raw.abs() < EXACT)
        values = raw.where(whole).astype("Int64").astype("string")
    elif raw.dtype.kind == "b":
        values = raw.astype("string").str.lower()
    elif raw.dtype.kind in "iuM" or isinstance(raw.dtype, pd.StringDtype):
        values = raw
    else:
        values = raw.map(_written, na_action="ignore")
    values = values.astype(TEXT).str.normalize("NFC").str.strip().str.strip("\u200b\ufeff").str.strip()
    return values.where(values != "")


def numbers(raw: pd.Series) -> pd.Series:
    """Convert a column to numbers.

    Parameters
    ----------
    raw : Series
        Of any type.

    Returns
    -------
    Series
        float64: the column's own numbers, or those written as plain digits with a point; NaN for all else and for infinity.
    """
    if raw.dtype.kind in "iuf":
        values = raw.astype(NUMBER)
    else:
        said = text(raw.where(raw.map(lambda value: isinstance(value, str))))
        plain = said.where(_like(said, NUMBER_PLAIN))
        if _thousands(said):
            plain = plain.mask(_like(said, THOUSANDS))
        counted = raw.map(lambda value: isinstance(value, int | float | Decimal) and not isinstance(value, bool))
        values = pd.to_numeric(plain, errors="coerce").astype(NUMBER)
        values = values.where(~counted, pd.to_numeric(raw.where(counted), errors="coerce").astype(NUMBER))
    return values.where(np.isfinite(values))


def days(raw: pd.Series) -> pd.Series:
    """Convert a column to days.

    Parameters
    ----------
    raw : Series
        Moments, or text with the year first (ISO 8601) or as eight digits.

    Returns
    -------
    Series
        datetime64[us]: of a moment, the day as it is written there; NaT where none can be read, or before 1900.
    """
    if raw.dtype.kind == "M" or isinstance(raw.dtype, pd.DatetimeTZDtype):
        found = raw.dt.tz_localize(None) if getattr(raw.dtype, "tz", None) is not None else raw
        found = found.dt.normalize().astype(DAY)
    else:
        codes, values = pd.factorize(raw)
        written = text(pd.Series(values))
        read = pd.Series([_iso(said) if isinstance(said, str) else None for said in written], dtype=TEXT)
        read = pd.to_datetime(read, format="%Y-%m-%d", errors="coerce").astype(DAY)
        found = pd.Series(read.reindex(codes).to_numpy(), raw.index, dtype=DAY)
    return found.where(found.dt.year >= FIRST_YEAR)


def in_zone(raw: pd.Series, zone: str) -> pd.Series:
    """Convert moments that name their offset to local time.

    Parameters
    ----------
    raw : Series
        Moments, as such or as text.
    zone : str
        An IANA time zone, such as "Europe/Berlin".

    Returns
    -------
    Series
        Moments without an offset, or their local days as text; values without an offset as they are.
    """
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        return raw.dt.tz_convert(zone).dt.tz_localize(None)
    if raw.dtype != object and not isinstance(raw.dtype, pd.StringDtype):
        return raw
    said = raw.astype("string")
    if not (moment := _like(said, rf".*\d:\d\d.*?{OFFSET}\s*")).any():
        return raw
    local = pd.to_datetime(said.where(moment), format="ISO8601", utc=True, errors="coerce").dt.tz_convert(zone)
    return local.dt.strftime("%Y-%m-%d").where(moment & local.notna(), said)


def advice(raw: pd.Series, row: int, kind: str) -> str:
    """Say how to write a value that `convert` left empty.

    Parameters
    ----------
    raw : Series
        The column as it was read.
    row : int
        The position of the value.
    kind : str
        What it was to become: TEXT, DAY or NUMBER.

    Returns
    -------
    str
        The end of a sentence: what to name under `files`, or to do in the SELECT.
    """
    value, name = str(raw.iloc[row]).strip(), raw.name
    if kind == DAY:
        return _day_advice(value, name)
    if kind == TEXT:
        return "the source holds it as a number, so its text is lost (1.10 is 1.1 there); store it as text"
    if re.fullmatch(r"[+-]?(inf|infinity)", value, re.IGNORECASE):
        return "no amount is infinite; fix the source, or leave the row out in the SELECT"
    found = next((said for pattern, said in _NUMBERS if re.fullmatch(pattern, value, re.DOTALL)), "")
    return found.format(name) or "fix the source, convert it in the SELECT, or say how the file writes it under files"


def maybe_written_otherwise(raw: pd.Series, row: int, kind: str) -> bool:
    """Tell whether a value that `convert` left empty may be a good one that is written in another way.

    >>> lots = pd.Series(["lots", "1,234.50", "inf"])
    >>> [maybe_written_otherwise(lots, row, NUMBER) for row in range(3)]
    [False, True, False]
    """
    return "fix the source" not in advice(raw, row, kind)


def _day_advice(value: str, name: str) -> str:
    digits = re.fullmatch(r"(\d+)(\.0*)?", value)
    if digits and (known := next((e for e in _EPOCHS if e[0] <= len(digits[1]) <= e[0] + (e[0] > 5)), None)):
        return f"it seems to count {known[1]}: write {known[2].format(name)} in the SELECT"
    if numeric := re.fullmatch(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4}|\d{2})(\s.*)?", value):
        mark, year = numeric[2], "%Y" if len(numeric[4]) == 4 else "%y"
        ways = [mark.join(parts) for parts in (("%d", "%m", year), ("%m", "%d", year))]
        option = "timestampformat" if numeric[5] else "dateformat"
        return f"nobody can tell its day from its month: name {option}: '{ways[0]}' or '{ways[1]}' under files"
    if re.match(r"[01]\d{3}\D", value):
        return f"no year is before {FIRST_YEAR}; fix the source, or leave the date empty in the SELECT"
    return "fix the source, convert it in the SELECT, or say how the file writes it under files"


def _written(value: object) -> str | None:
    """Write a value that its column holds as an object; a float as `text` does."""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.0f}" if value % 1 == 0 and abs(value) < EXACT else None
    return str(value)


def _like(said: pd.Series, pattern: str) -> pd.Series:
    return said.str.fullmatch(pattern).fillna(False).astype(bool)


def _thousands(said: pd.Series) -> bool:
    """Tell whether every point in a column may mark thousands."""
    pointed = said[said.str.contains(".", regex=False).fillna(False).astype(bool)]
    rest = said.drop(pointed.index).dropna()
    return bool(
        len(pointed) and pointed.str.fullmatch(THOUSANDS).all() and (rest.str.lstrip("+-").str.len() <= 3).all()
    )


def _iso(written: str) -> str | None:
    """Write a day as YYYY-MM-DD, where it is for sure which one is meant."""
    found = re.fullmatch(_DAY, written)
    if not found:
        return None
    year, month, day = found.group(1, 3, 4) if found[1] else found.group(5, 6, 7)
    return f"{year}-{month:0>2}-{day:0>2}"
