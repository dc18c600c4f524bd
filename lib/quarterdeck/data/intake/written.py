"""How is a CSV file written: its encoding, separator, title lines, decimal mark and dates?

What is found is written into source.yaml, where a person reads it. What nobody can tell from the file is left out, and the
contract refuses it with the way to say it.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

LOOKED_AT = 2**22  # bytes of a file that are looked at
SEPARATORS = ",;\t|"
DAY_FIRST, MONTH_FIRST, UNKNOWN = "day first", "month first", ""
COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(?:[.\u00a0' ]\d{3})+),\d+")
POINTED = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+")
POINT = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d+")
NUMBER = re.compile(r"[+-]?[\d.,\u00a0' ]*\d")
DATE = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?:[ T](\d{1,2}:\d{2})(:\d{2})?)?( [AP]M)?", re.IGNORECASE)


@dataclass
class Written:
    """How a file is written: options for source.yaml, why, and which dates leave open what is the day and what the month."""

    options: dict[str, object] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    dates: list[tuple[str, str]] = field(default_factory=list)  # (option, how the date is written, but for its order)

    def read_dates(self, order: str, reason: str) -> None:
        """Name the order of day and month in the file's dates."""
        for option, pattern in self.dates:
            self.options[option] = pattern.format(*(("%d", "%m") if order == DAY_FIRST else ("%m", "%d")))
        self.reasons.append(f"dates are read {order}: {reason}")
        self.dates = []


def written(path: Path) -> Written:
    """Find out how a CSV file is written.

    Parameters
    ----------
    path : Path
        The file.
    """
    found = Written()
    text = _decoded(path, found)
    lines = text.splitlines()
    named = re.fullmatch(r"sep=(.)", lines[0].strip(), re.IGNORECASE) if lines else None
    lines = lines[1:] if named else lines
    delim = named[1] if named else _separator(lines)
    if delim != "," and not named:
        found.options["delim"] = delim
    rows = list(csv.reader(lines, delimiter=delim))
    if (skip := _above(rows)) and not named:
        found.options["skip"] = skip
        found.reasons.append(f"the first {skip} lines are a title")
    columns = _columns(rows[skip:])
    _numbers(columns, found)
    _dates(columns, found)
    return found


def order_of(dates: Iterable[str]) -> tuple[str, str]:
    """Tell whether dates have the day or the month first, and how it is known; nothing where nobody can tell.

    >>> order_of(["03/04/2026", "25/04/2026"])
    ('day first', '25/04/2026 has no 25th month')
    >>> order_of(["03/04/2026"])
    ('', '')
    """
    for value in dates:
        found = DATE.fullmatch(value.strip())
        if found and int(found[1]) > 12:
            return DAY_FIRST, f"{value} has no {found[1]}th month"
        if found and int(found[3]) > 12:
            return MONTH_FIRST, f"{value} has no {found[3]}th month"
    return UNKNOWN, ""


def _decoded(path: Path, found: Written) -> str:
    with path.open("rb") as file:
        content = file.read(LOOKED_AT)
    content = content if len(content) < LOOKED_AT else content[: content.rfind(b"\n") + 1]
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        found.options["encoding"] = "windows-1252"
        found.reasons.append("it is not UTF-8, and windows-1252 is what Excel writes")
        return content.decode("windows-1252", errors="replace")


def _separator(lines: list[str]) -> str:
    """Give the separator that most lines hold as often as the line of most columns does."""
    near = [line for line in lines[:200] if line.strip()]

    def evenness(mark: str) -> tuple[int, int]:
        counts = Counter(len(row) for row in csv.reader(near, delimiter=mark))
        width, often = max(counts.items(), key=lambda c: (c[1] * (c[0] > 1), c[0]), default=(1, 0))
        return (often if width > 1 else 0, width)

    return max(SEPARATORS, key=evenness)


def _above(rows: list[list[str]]) -> int:
    """Count the lines above the header: those with much fewer filled cells than the lines after them."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[:50]]
    if not filled:
        return 0
    usual = Counter(filled[1:] or filled).most_common(1)[0][0]
    wide = max(usual, 2)
    return next((i for i, count in enumerate(filled) if count >= 0.6 * wide), 0)


def _columns(rows: list[list[str]]) -> dict[str, list[str]]:
    if not rows:
        return {}
    body = [row for row in rows[1:] if len(row) == len(rows[0])]
    return {name: [v.strip() for row in body if (v := row[i]).strip()] for i, name in enumerate(rows[0])}


def _numbers(columns: dict[str, list[str]], found: Written) -> None:
    """Name the marks of decimals and thousands, where a column shows them."""
    numeric = {c: v for c, v in columns.items() if v and all(map(NUMBER.fullmatch, v))}
    if decimal := next((c for c, v in numeric.items() if _decimal_comma(v)), None):
        found.options["decimal_separator"] = ","
        shown = next(x for x in numeric[decimal] if COMMA.fullmatch(x))
        found.reasons.append(f"column {decimal} has a decimal comma ({shown})")
        if any("." in x for v in numeric.values() if _decimal_comma(v) for x in v):
            found.options["thousands"] = "."
    elif thousands := next((c for c, v in numeric.items() if any(map(POINT.fullmatch, v))), None):
        found.options["thousands"] = ","
        shown = next(x for x in numeric[thousands] if POINT.fullmatch(x))
        found.reasons.append(f"column {thousands} has a comma between thousands ({shown})")


def _decimal_comma(values: list[str]) -> bool:
    with_comma = [v for v in values if "," in v]
    fits = all(COMMA.fullmatch(v) or POINTED.fullmatch(v) or "," not in v and "." not in v for v in values)
    return bool(with_comma) and fits and any(len(v.rpartition(",")[2]) != 3 for v in with_comma)


def _dates(columns: dict[str, list[str]], found: Written) -> None:
    """Name how dates are written, where they are not year first."""
    dated = {c: v for c, v in columns.items() if v and all(map(DATE.fullmatch, v))}
    for values in dated.values():
        first = DATE.fullmatch(values[0])
        year = "%Y" if len(first[4]) == 4 else "%y"
        clock = (" %H:%M" + (":%S" if first[6] else "")) if first[5] else ""
        clock = clock.replace("%H", "%I") + " %p" if first[7] else clock
        pattern = first[2].join(("{0}", "{1}", year)) + clock
        option = "timestampformat" if clock else "dateformat"
        if (option, pattern) not in found.dates:
            found.dates.append((option, pattern))
    if not found.dates:
        return
    order, reason = order_of(v for values in dated.values() for v in values)
    if not order and all("." in pattern for _, pattern in found.dates):
        order, reason = DAY_FIRST, "where dates are written with points, the day comes first"
    if not order and found.options.get("decimal_separator") == ",":
        order, reason = DAY_FIRST, "where decimals have a comma, the day comes first; it is a guess, so look at it"
    if order:
        found.read_dates(order, reason)
