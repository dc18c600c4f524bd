"""Is a panel, a row per series and period, fit to be computed with? If not, one sentence says why.

All that takes a panel of others begins here (`series.forecast`, `designs.estimate`): what comes out is in order, its starts dates
without a time zone or whole numbers, its values finite floats.
"""

from collections.abc import Callable, Hashable
from functools import cache, partial
from reprlib import repr  # a long value is said in short

import numpy as np
import pandas as pd
from pandas.api import types

LARGEST = 1e30  # the engines forecast in 32-bit floats, which end at 3e38
FARTHEST = 10_000  # periods in a season, or ahead


def ordered(panel: pd.DataFrame, name: str, more: tuple[str, ...] = ()) -> pd.DataFrame:
    """Give a panel's columns checked, ordered by name and start.

    Parameters
    ----------
    panel : DataFrame
        One row per series and period: a column called `name`, `start` (dates, with or without a time zone, periods, or whole
        numbers), `value` (numbers).
    name : str
        The column that names the series.
    more : tuple of str
        What else the panel must have.

    Returns
    -------
    DataFrame
        `name`, `start` (local time; a period's first day), `value`, and what else the panel has.

    Raises
    ------
    ValueError
        In one sentence, where a column or a value is missing or of another type, or a series has a period twice.
    """
    wanted = [name, "start", "value", *more]
    if not isinstance(panel, pd.DataFrame):
        raise ValueError(f"the panel is a {type(panel).__name__}; make it a DataFrame with {listed(wanted)}.")
    if absent := [c for c in wanted if c not in panel]:
        raise ValueError(f"the panel has no column {absent[0]!r}; it wants {listed(wanted)}.")
    if twice := [c for c in panel if list(panel.columns).count(c) > 1]:
        raise ValueError(f"the panel has the column {twice[0]!r} twice; leave one out.")
    if panel.empty:
        raise ValueError("the panel has no rows.")
    panel = panel.reset_index(drop=True)
    panel = panel.assign(**{name: _names(panel[name]), "start": days(panel["start"])})
    panel = panel.assign(value=_numbers(panel, name)).sort_values([name, "start"], ignore_index=True)
    if (again := panel.duplicated([name, "start"])).any():
        raise ValueError(f"{place(panel[again], name)} is there twice; give each {name} and period once.")
    return panel


def days(starts: pd.Series, missing: bool = False) -> pd.Series:
    """Give dates without a time zone, or whole numbers, by whatever type they came; `missing` ones are refused unless allowed.

    >>> days(pd.Series(pd.period_range("2026-01", periods=2, freq="M"), name="start")).dt.day.tolist()
    [1, 1]
    """
    name, known = starts.name, starts.dropna()
    if not missing and len(known) < len(starts):
        raise ValueError(f"column {name} is empty in row {int(np.argmax(starts.isna()))}; give each row its period.")
    if types.is_object_dtype(starts) or isinstance(starts.dtype, pd.CategoricalDtype):
        starts = _inferred(starts, known)
    if isinstance(starts.dtype, pd.PeriodDtype):
        starts = starts.dt.to_timestamp()
    if isinstance(starts.dtype, pd.DatetimeTZDtype):
        starts = starts.dt.tz_localize(None)
    if types.is_datetime64_any_dtype(starts):
        return starts
    if types.is_numeric_dtype(starts) and not types.is_bool_dtype(starts) and not types.is_complex_dtype(starts):
        odd = known[known.astype(float) % 1 != 0]
        if len(odd):
            raise ValueError(f"column {name} holds {odd.iloc[0]}; make it dates, or whole numbers that count periods.")
        return starts.astype(float) if missing else starts.astype("int64")
    if len(known) == 0:
        return starts.astype("datetime64[us]")
    kind = "text" if types.infer_dtype(known) == "string" else f"of type {starts.dtype}"
    raise ValueError(
        f"column {name} is {kind} ({repr(known.iloc[0])}); make it dates or numbers (pandas.to_datetime, pandas.to_numeric)."
    )


def numbers(values: pd.Series, what: str = "numbers") -> pd.Series:
    """Give a column as floats, missing ones left.

    Parameters
    ----------
    values : Series
        Numbers, or text that can be read as numbers.
    what : str
        What the message says was expected.

    Raises
    ------
    ValueError
        Naming the column and the first value that is no number.
    """
    if types.is_datetime64_any_dtype(values) or types.is_timedelta64_dtype(values) or types.is_complex_dtype(values):
        raise ValueError(f"column {values.name} holds {values.iloc[0]}, expected {what}.")
    if types.is_float_dtype(values) or types.is_integer_dtype(values):
        return values.astype(float)
    try:
        found = pd.to_numeric(values.astype(object), errors="coerce").astype(float)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"column {values.name} holds {repr(values.dropna().iloc[0])}, expected {what}.") from error
    if (odd := found.isna() & values.notna()).any():
        raise ValueError(f"column {values.name} holds {repr(values[odd].iloc[0])}, expected {what}.")
    return found


def whole(name: str, value: object) -> int:
    """Give a number of periods, or refuse what is none.

    >>> whole("ahead", 0)
    Traceback (most recent call last):
    ValueError: ahead holds 0, expected a whole number from 1 to 10000.
    """
    if not types.is_integer(value) or not 1 <= value <= FARTHEST:
        raise ValueError(f"{name} holds {repr(value)}, expected a whole number from 1 to {FARTHEST}.")
    return int(value)


def continued(
    panel: pd.DataFrame, name: str, ahead: int, by: Callable[[pd.Timestamp, int], pd.Index] | None = None
) -> pd.DataFrame:
    """Give the `start` of each of the next periods (`step` 1, 2 …) of every series of a checked panel.

    Parameters
    ----------
    by : callable, optional
        Gives as many periods as asked for from a first one on, where they are not all of one length.

    Raises
    ------
    ValueError
        Naming the series and the period, where a series has a gap, or its periods are not all of one length.
    """
    parts, periods = [], cache(by or partial(_periods, step=_step(panel, name)))
    for series, starts in panel.groupby(name, sort=False)["start"]:
        expected = periods(starts.iloc[0], len(starts) + ahead)
        off = starts.to_numpy() != expected[: len(starts)].to_numpy()
        if off.any():
            k = int(np.argmax(off))
            rest = f"no row for {said(expected[k])}; give each period once, without a gap"
            if starts.iloc[k] < expected[k]:
                rest = f"{said(starts.iloc[k])} between two periods; all are to be as long as most of them are"
            raise ValueError(f"{name} {series!r} has {rest}.")
        parts.append(expected[-ahead:].to_numpy())
    steps = np.tile(np.arange(1, ahead + 1), len(parts))
    names = panel[name].drop_duplicates()
    table = names.repeat(ahead).reset_index(drop=True).to_frame()
    return table.assign(start=np.concatenate(parts), step=steps)


def place(rows: pd.DataFrame, name: str) -> str:
    """Name the first of some rows by series and period."""
    return f"{name} {rows[name].iloc[0]!r} in {said(rows['start'].iloc[0])}"


def said(start: object) -> str:
    """Write a start for people."""
    return f"{start:%Y-%m-%d}" if isinstance(start, pd.Timestamp) else str(start)


def listed(names: list[str]) -> str:
    """Join names for people."""
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _names(names: pd.Series) -> pd.Series:
    """Give names as they are, but for categories, which become what they name; each must be there, and of one kind."""
    if isinstance(names.dtype, pd.CategoricalDtype):
        names = names.astype(names.cat.categories.dtype)
    if names.isna().any():
        raise ValueError(f"column {names.name} is empty in row {int(np.argmax(names.isna()))}; name it in every row.")
    if odd := next((n for n in names if not isinstance(n, Hashable)), None):
        raise ValueError(f"column {names.name} holds {repr(odd)}; expected texts, or numbers.")
    if types.infer_dtype(names).startswith("mixed"):
        raise ValueError(f"column {names.name} holds texts and other values; make all of them texts.")
    return names


def _inferred(starts: pd.Series, known: pd.Series) -> pd.Series:
    """Give the column the type of what it holds: dates, periods or numbers; texts are left as they are."""
    kind = types.infer_dtype(known)
    try:
        if kind in ("date", "datetime", "datetime64"):
            return pd.to_datetime(starts.astype(object))
        if kind in ("period", "integer", "floating", "mixed-integer-float"):
            return starts.astype(object).infer_objects()
        return starts if kind in ("string", "empty") else starts.astype(object)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(
            f"column {starts.name} holds dates of several kinds ({repr(known.iloc[0])} …); make them alike (pandas.to_datetime)."
        ) from error


def _numbers(panel: pd.DataFrame, name: str) -> pd.Series:
    values = numbers(panel["value"])
    if (void := values.isna()).any():
        raise ValueError(f"{place(panel[void], name)} has no value; fill it, or leave the {name} out.")
    if (odd := values.abs() > LARGEST).any():
        raise ValueError(
            f"{place(panel[odd], name)} holds {values[odd].iloc[0]:g}, which is too large to compute with."
        )
    return values


def _step(panel: pd.DataFrame, name: str) -> int | pd.DateOffset:
    """Give what most periods are apart: months where all starts are first or last days of one, else days, or a number."""
    starts, by = panel["start"], panel[name]
    if not types.is_datetime64_any_dtype(starts):
        return _usual(starts.groupby(by).diff(), 1)
    at_midnight = starts.dt.normalize().eq(starts).all()
    if at_midnight and (starts.dt.is_month_start.all() or starts.dt.is_month_end.all()):
        months = _usual((starts.dt.year * 12 + starts.dt.month).groupby(by).diff(), 1)
        return pd.offsets.MonthEnd(months) if starts.dt.is_month_end.all() else pd.DateOffset(months=months)
    apart = starts.groupby(by).diff().dropna()
    if apart.empty:
        raise ValueError(f"{place(panel, name)} has one period alone, from which nobody can tell how long periods are.")
    usual = apart.mode().iloc[0]
    if usual >= pd.Timedelta(days=28) and starts.dt.day.nunique() == 1:
        raise ValueError(
            f"{place(panel, name)} begins on a day that is not the first or last day of a month; date every period by one."
        )
    weekdays = usual == pd.Timedelta(days=1) and starts.dt.day_of_week.max() < 5 and apart.max() > usual
    return pd.offsets.BDay() if weekdays else usual


def _usual(apart: pd.Series, alone: int) -> int:
    """Give what is most often between two periods, the least of several; `alone` where there is but one period."""
    return int(apart.dropna().mode().min()) if apart.notna().any() else alone


def _periods(first: object, count: int, step: int | pd.DateOffset) -> pd.Index:
    if isinstance(step, int):
        return pd.Index(range(first, first + count * step, step))
    try:
        return pd.date_range(first, periods=count, freq=step)
    except (OverflowError, pd.errors.OutOfBoundsDatetime) as error:
        raise ValueError(
            f"{count} periods from {said(first)} reach beyond the dates there are; look less far."
        ) from error
