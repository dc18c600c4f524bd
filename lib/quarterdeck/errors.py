"""What can go wrong, in words for the person who can mend it."""

import difflib
from collections.abc import Iterable


class QuarterdeckError(Exception):
    """Raised when a person has to mend something; its text is one clear sentence."""


class SourceError(QuarterdeckError):
    """Raised when a company's own tables cannot be read."""


class ContractError(QuarterdeckError):
    """Raised when tables were read but break the contract."""


class ParamsError(QuarterdeckError):
    """Raised when a parameter, a region or a notebook is not one that exists."""


class RunError(QuarterdeckError):
    """Raised when a run cannot be made or found."""


def refuse_unknown(what: str, given: str, possible: Iterable[str]) -> None:
    """Raise a ValueError where a word is none of those possible.

    >>> refuse_unknown("by", "colour", ["rep_id", "manager"])
    Traceback (most recent call last):
    ValueError: by holds 'colour'; possible are 'rep_id', 'manager'.
    """
    if given not in possible:
        raise ValueError(f"{what} holds {given!r}; possible are {', '.join(map(repr, possible))}.")


def nearest(name: str, known: Iterable[str]) -> str:
    """Give the end of a sentence that tells which known name was likely meant.

    >>> nearest("regoin", ["company", "region"])
    "did you mean 'region'? There are company, region."
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return (f"did you mean {close[0]!r}? There are " if close else "there are ") + ", ".join(sorted(known)) + "."
