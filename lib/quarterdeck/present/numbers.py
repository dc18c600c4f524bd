"""How are numbers and names written for people?

Nothing here needs more than Python itself, so that the server of pages stays small.
"""

import math
from collections.abc import Iterable
from datetime import datetime

SYMBOLS = {  # in English, by CLDR (a test holds them to it); other currencies are written by their codes
    "AUD": "A$", "BRL": "R$", "CAD": "CA$", "CNY": "CN¥", "EUR": "€", "GBP": "£", "HKD": "HK$", "ILS": "₪", "INR": "₹",
    "JPY": "¥", "KRW": "₩", "MXN": "MX$", "NZD": "NZ$", "PHP": "₱", "TWD": "NT$", "USD": "$", "VND": "₫", "XAF": "FCFA ",
    "XCD": "EC$", "XCG": "Cg. ", "XOF": "F\u202fCFA ", "XPF": "CFPF ",
}  # fmt: skip
NUMBERS = {2: "two", 3: "three"}
VOID = "–"  # an amount that is missing, in a table; no sentence holds it
PARTS = ("ratio", "chance")  # units that are parts of one, whose differences are percentage points
# and from which size on no tenth is written
SCALES = [(1e12, "tn", 99.95), (1e9, "bn", 99.95), (1e6, "m", 99.95), (1e3, "k", 9.95)]


def money(value: float, currency: str = "EUR") -> str:
    """Write an amount for people, with three figures at most, in a currency or in another unit (a word in small letters).

    >>> money(4_230_000), money(-831_400), money(12.4), money(15_600_000), money(0)
    ('€4.2m', '−€831k', '€12', '€15.6m', '€0')
    >>> money(-810), money(4_230), money(9_960), money(999.7), money(999_600), money(0.3)
    ('−€810', '€4.2k', '€10k', '€1.0k', '€1.0m', '€0')
    >>> money(4.23e12, "JPY"), money(999.6e9, "JPY"), money(12_345e12, "JPY")
    ('¥4.2tn', '¥1.0tn', '¥12,345tn')
    >>> money(45e9, "IDR"), money(1_250_000, "CHF"), money(3_400, "INR")
    ('IDR 45.0bn', 'CHF 1.2m', '₹3.4k')
    >>> money(1_230_000, "trips"), money(-0.2, "trips")
    ('1.2m trips', '0 trips')
    """
    if _void(value):
        return VOID
    sign, size = ("−" if value < 0 else ""), abs(value)
    plain = currency[:1].islower()
    symbol, after = ("", f" {currency}") if plain else (SYMBOLS.get(currency, f"{currency} "), "")
    for unit, suffix, whole in SCALES:
        if size >= 0.9995 * unit:
            return f"{sign}{symbol}{size / unit:,.{0 if size >= whole * unit else 1}f}{suffix}{after}"
    return f"{sign}{symbol}{size:,.0f}{after}" if round(size) else f"{symbol}0{after}"


def span(months: float, years: int = 3) -> str:
    """Write how far back a figure looks: so many years, or as many months of them as there are.

    >>> span(36), span(14), span(1)
    ('three years', 'the 14 months there are', 'the one month there is')
    """
    if months >= 12 * years:
        return f"{NUMBERS.get(years, years)} years"
    return "the one month there is" if months <= 1 else f"the {counted(months, 'month')} there are"


def percent(value: float, digits: int = 1) -> str:
    """Write a ratio as a percentage.

    >>> percent(0.2738), percent(-0.031), percent(-0.001, 0), percent(float("inf"))
    ('27.4 %', '−3.1 %', '0 %', '–')
    """
    return VOID if _void(value) else f"{value:z,.{digits}%}".replace("-", "−").replace("%", " %")


def chance(value: float) -> str:
    """Write a chance; one that is not certain does not read so.

    >>> chance(0.493), chance(0.998), chance(0.003), chance(1.0)
    ('49 %', 'over 99 %', 'under 1 %', '100 %')
    """
    if 0 < value < 0.01:
        return "under 1 %"
    return "over 99 %" if 0.99 < value < 1 else percent(value, 0)


def change(value: float, digits: int = 1) -> str:
    """Write a relative change with its sign.

    >>> change(0.061), change(-0.02), change(0.0002)
    ('+6.1 %', '−2.0 %', '0.0 %')
    """
    return ("+" if not _void(value) and round(value, digits + 2) > 0 else "") + percent(value, digits)


def points(value: float) -> str:
    """Write a difference of two ratios in percentage points.

    >>> points(0.031), points(-0.019), points(-0.0002)
    ('+3.1 pp', '−1.9 pp', '0.0 pp')
    """
    if _void(value):
        return VOID
    return "0.0 pp" if abs(value) < 0.0005 else f"{value * 100:+.1f} pp".replace("-", "−")


def number(value: float, digits: int = 0) -> str:
    """Write a plain number.

    >>> number(41208), number(-2.55, 1)
    ('41,208', '−2.5')
    """
    return VOID if _void(value) else f"{value:z,.{digits}f}".replace("-", "−")


def counted(count: float, one: str, many: str = "") -> str:
    """Write how many there are of something; its plural adds an s, or is given.

    >>> counted(1, "page"), counted(1200, "page"), counted(0, "page is", "pages are")
    ('1 page', '1,200 pages', '0 pages are')
    """
    written = number(count)
    return f"{written} {one if written == '1' else many or f'{one}s'}"


def among(count: float, superlative: str, alone: str) -> str:
    """Choose the words for the first of so many: what is alone is neither the most nor the fewest.

    >>> among(3, "the largest part of it", "all of it"), among(1, "the largest part of it", "all of it")
    ('the largest part of it', 'all of it')
    """
    return superlative if count > 1 else alone


def listed(names: Iterable[str]) -> str:
    """Write names in a row.

    >>> listed(["A", "B", "C"]), listed(["A"]), listed([])
    ('A, B and C', 'A', '')
    """
    *others, last = list(names) or [""]
    return f"{', '.join(others)} and {last}" if others else last


class Count:
    """A count in a template: `{n}` writes it, `{n:one}` or `{n:one,many}` what there are so many of, as `counted` does.

    >>> "{n}; {n:page}; {n:page is,pages are}".format(n=Count(1))
    '1; 1 page; 1 page is'
    """

    def __init__(self, count: float) -> None:
        self.count = count

    def __format__(self, words: str) -> str:
        """Write the count."""
        return counted(self.count, *words.split(",")) if words else number(self.count)


def times(value: float) -> str:
    """Write a multiple.

    >>> times(2.64), times(-0.31), times(-0.02)
    ('2.6×', '−0.3×', '0.0×')
    """
    return VOID if _void(value) else f"{round(value, 1) + 0.0:.1f}×".replace("-", "−")


def day(date: datetime) -> str:
    """Write a date.

    >>> day(datetime(2026, 11, 5))
    '5 Nov 2026'
    """
    return f"{date.day} {date:%b %Y}"


def amount(value: float, unit: str, currency: str = "EUR") -> str:
    """Write a metric's value in its unit: money, money/day, ratio, chance, days, count, index or times."""
    writers = {
        "money": lambda v: money(v, currency),
        "money/day": lambda v: f"{money(v, currency)} a day",
        "ratio": percent,
        "chance": chance,
        "days": lambda v: counted(v, "day"),
        "count": number,
        "index": number,
        "times": times,
    }
    return VOID if _void(value) else writers[unit](value)


def _void(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
