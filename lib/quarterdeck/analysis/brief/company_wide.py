"""Which questions have one answer for the whole company, that a run answers before its pages?"""

from collections.abc import Callable
from dataclasses import dataclass, field

from quarterdeck.analysis.customers import accounts
from quarterdeck.analysis.forecasting import landings, months_ahead
from quarterdeck.analysis.initiatives import next_test, results
from quarterdeck.analysis.market import sizing
from quarterdeck.analysis.pipeline import win_chances
from quarterdeck.analysis.planning import region_targets
from quarterdeck.analysis.team import pace, skill


@dataclass(frozen=True)
class Question:
    """A question that all regions' pages are given their part of the answer to.

    Parameters
    ----------
    function : callable
        What answers it, declared by `answers.company_wide`.
    title : str
        What it is about, as a dry run says it.
    options : dict
        Its options, each by the notebooks' parameter that gives it.
    after : tuple of callable
        Other such functions that it asks.
    before : bool
        It is also asked as of the same day a year before.
    """

    function: Callable
    title: str
    options: dict[str, str] = field(default_factory=dict)
    after: tuple[Callable, ...] = ()
    before: bool = False


# The longest first, but for those that others ask.
QUESTIONS = (
    Question(landings.course, "the quarter's end week by week"),
    Question(landings.landing, "the quarter's end"),
    Question(months_ahead.quarters, "the quarters ahead", after=(landings.landing,)),
    Question(months_ahead.months, "the months ahead", {"periods": "months", "level": "level"}),
    Question(results.together, "what initiatives achieved"),
    Question(next_test.choices, "where to try the next initiative", after=(results.together,)),
    Question(accounts.accounts, "what to expect of accounts", before=True),
    Question(accounts.room, "accounts that can grow", after=(accounts.accounts,)),
    Question(
        region_targets.by_region,
        "what each region is asked for",
        {"floor": "floor"},
        (landings.landing, months_ahead.quarters),
    ),
    Question(sizing.ahead, "how the market will grow"),
    Question(win_chances.chances, "the chances of deals"),
    Question(skill.skills, "who wins more than chance and mix explain"),
    Question(pace.quota_chances, "who will end the quarter at quota"),
    Question(win_chances.tried, "how true chances of deals were"),
)
