"""What is a company's source.yaml likely to be, as far as its tables tell?"""

import re
import zoneinfo

from quarterdeck.data.intake import mappings, shapes
from quarterdeck.data.intake.draft import Draft
from quarterdeck.data.intake.look import Place, quoted
from quarterdeck.errors import SourceError


def proposed(place: Place, company: str, variable: str, like: str = "auto") -> Draft:
    """Draft a company's source.yaml.

    Parameters
    ----------
    place : Place
        Its tables.
    company : str
        The name of its folder of parameters.
    variable : str
        The environment variable that names the folder or the database.
    like : str
        The system that it is like, or "auto".

    Raises
    ------
    SourceError
        Where nothing of the contract could be recognised.
    """
    match = mappings.recognised(place, like) if like != "generic" else None
    if match is None and like not in ("auto", "generic"):
        asked = mappings.systems()[like]
        wanted = {name: asked.objects[name].known_by for name in asked.core}
        said = "; ".join(f"{name} has {', '.join(fields)}" for name, fields in wanted.items())
        raise SourceError(
            f"{company}: no table is like one of {asked.title} ({said}); leave out --like, or export these columns."
        )
    made = _of_system(place, match) if match else shapes.proposed(place)
    if not made.tables:
        seen = ", ".join(t.title for t in place.tables[:12])
        raise SourceError(
            f"{company}: no table looks like orders or deals; there are {seen}. Write source.yaml by hand: docs/your-data.md."
        )
    made.variable, made.database = variable, place.folder is None
    made.title = made.title or company.replace("_", " ").title()
    return made


def _of_system(place: Place, match: mappings.Match) -> Draft:
    tables = mappings.selects(match, place.dialect)
    system = match.system
    reasons = [f"Read as {system.title}: {match.reason}."]
    reasons += [f"The {name} is {choice.said}." for name, choice in match.choices.items()]
    made = Draft(_fact(place, match, "title"), reasons, _used(place, tables), tables)
    made.missing, made.notes = dict(system.missing), list(system.notes)
    zone = _fact(place, match, "timezone")
    made.facts["timezone"] = zone if zone in zoneinfo.available_timezones() else system.timezone
    currency = _fact(place, match, "currency")
    made.facts["currency"] = currency if re.fullmatch("[A-Z]{3}", currency) else ""
    return made


def _used(place: Place, tables: dict[str, str]) -> list:
    named = " ".join(tables.values())
    return [t for t in place.tables if re.search(rf"(?<!\w){re.escape(t.sql)}(?!\w)", named)]


def _fact(place: Place, match: mappings.Match, name: str) -> str:
    """Read a fact of the company, such as its time zone, where an object holds it."""
    need = match.system.facts.get(name, "")
    if not need or not match.has(need):
        return ""
    thing, _, asked = need.partition(".")
    column = quoted(match.fields[thing][asked])
    return str(place.value(f"SELECT {column} FROM {match.tables[thing].sql} WHERE {column} IS NOT NULL LIMIT 1") or "")
