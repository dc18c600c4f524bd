"""Which options do several commands share, and how is the text of an option read?"""

import argparse
import contextlib
from pathlib import Path

WHOLE, FAULTY, BAD_INPUT, STOPPED = 0, 1, 2, 130  # exit statuses
LONGEST = 7 * 24 * 3600  # seconds that a notebook may be given


def add_debug(parser: argparse.ArgumentParser) -> None:
    """Add `--debug`, which every command takes."""
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def add_out(parser: argparse.ArgumentParser, url: bool = False) -> None:
    """Add `--out`, the folder of the runs; with `url` it takes a URL as well."""
    shown = f"folder {'or URL ' if url else ''}of the runs (default: outputs)"
    parser.add_argument("--out", type=folder_or_url if url else folder, default=Path("outputs"), help=shown)


def add_company(parser: argparse.ArgumentParser) -> None:
    """Add the company's folder of parameters."""
    parser.add_argument("params", type=Path, help="the company's folder, params/<company>")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add `--data`, the folder of the company's files."""
    parser.add_argument("--data", type=Path, help="folder of the company's files")


def add_export(parser: argparse.ArgumentParser) -> None:
    """Add what `deck` and `brief` take: a run, a region of it, where to write, and what every command takes."""
    add_out(parser)
    add_debug(parser)
    parser.add_argument("run", help="the run's folder, or COMPANY/RUN in --out; RUN may be latest")
    parser.add_argument("--region", default="company", metavar="R", help="of this region (default: company)")
    parser.add_argument("--to", type=Path, metavar="FILE", help="where to write (default: COMPANY-REGION-DAY here)")


def folder(text: str) -> Path:
    """Read the name of a folder.

    Raises
    ------
    ArgumentTypeError
        Where the text is a URL.
    """
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text} is a URL; only quarterdeck run takes one, here name a folder")
    return Path(text)


def folder_or_url(text: str) -> Path | str:
    """Read the name of a folder as a path, and a URL as text."""
    return text.rstrip("/") if "://" in text else Path(text)


def count(text: str) -> int:
    """Read a count of at least one.

    Raises
    ------
    ArgumentTypeError
        Where the text is anything else.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count of at least one")
    return int(text)


def workers(text: str) -> int | None:
    """Read how many notebooks may run at a time; None for "auto"."""
    return None if text == "auto" else count(text)


def seconds(text: str) -> float:
    """Read a span of time.

    Raises
    ------
    ArgumentTypeError
        Where the text is no number above 0 and up to `LONGEST`.

    Examples
    --------
    >>> seconds("1800"), seconds("0.5")
    (1800.0, 0.5)
    """
    with contextlib.suppress(ValueError):
        if 0 < float(text) <= LONGEST:
            return float(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a number of seconds above 0 and up to {LONGEST}; a notebook always has a limit"
    )


def size(text: str) -> int:
    """Read a size in bytes.

    Raises
    ------
    ArgumentTypeError
        Where the text is not a whole number and K, M or G.

    Examples
    --------
    >>> size("2G"), size("500M")
    (2147483648, 524288000)
    """
    units = {"K": 10, "M": 20, "G": 30}
    if not text[:-1].isdecimal() or text[-1] not in units:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 500M or 2G")
    return int(text[:-1]) << units[text[-1]]
