"""What can go wrong, in words for the person who can fix it."""

import difflib
from collections.abc import Iterable


class QuarterdeckError(Exception):
    """Raised when a person has to fix something; its text is one clear sentence."""


class SourceError(QuarterdeckError):
    """Raised when a company's own tables cannot be read."""


class ContractError(QuarterdeckError):
    """Raised when tables were read but break the contract; `faults` has a sentence on each break, the text is the first.

    `remarks` counts the rows of each rule that is broken, where rows break it (`data.remarks.Remark`).
    """

    def __init__(self, *faults: str, remarks: Iterable = ()) -> None:
        more = f" (and {len(faults) - 1} more: quarterdeck check lists them)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{more}")
        self.faults, self.remarks = faults, list(remarks)


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
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return (f"did you mean {close[0]!r}? There are " if close else "there are ") + ", ".join(sorted(known)) + "."


def unquoted(value: object) -> str:
    """Give the end of a sentence on a value of a YAML file that is to be text, and was read as something else.

    >>> unquoted(False)
    "; without quotes YAML reads NO as false, 1.10 as 1.1 and 010 as 8: put it in quotes, as in 'NO'"
    >>> unquoted(["North"])
    ''
    """
    if value is None or isinstance(value, str | list | dict):
        return ""
    return "; without quotes YAML reads NO as false, 1.10 as 1.1 and 010 as 8: put it in quotes, as in 'NO'"
