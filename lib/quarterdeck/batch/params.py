"""Which parameters does each notebook take? These models are the only list of them."""

from datetime import date
from typing import Any

import holidays
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from quarterdeck.analysis.competition import dynamics
from quarterdeck.analysis.customers import cohorts
from quarterdeck.analysis.market import portfolio
from quarterdeck.data.snapshot import COMPANY
from quarterdeck.errors import ParamsError, nearest, unquoted


class Parameters(BaseModel):
    """What every notebook takes."""

    model_config = ConfigDict(extra="forbid")
    company: str = Field("demo", description="folder under params")
    region: str = Field(COMPANY, description="sales region, or company for all of them together")
    as_of: str = Field("", description="ISO date to look from, empty for the snapshot's last day")
    data: str = Field("", description="folder of the snapshot, empty for the latest run")

    @field_validator("as_of")
    @classmethod
    def _is_a_day(cls, value: str) -> str:
        return value and date.fromisoformat(value).isoformat()


class ExecutiveBrief(Parameters):
    """Deals are named, or not."""

    anonymise_deals: bool = Field(False, description="write numbers in place of deals' names")


class MarketResearch(Parameters):
    """What is served, and what counts for how much."""

    served_regions: list[str] = Field([], description="regions that are served, empty for all")
    served_segments: list[str] = Field([], description="segments that are served, empty for all")
    attractiveness: dict[str, float] = Field(
        portfolio.ATTRACTIVENESS, description="weights of what makes a segment attractive"
    )
    strength: dict[str, float] = Field(portfolio.STRENGTH, description="weights of what makes us strong in it")
    country: str = Field(
        "", description="ISO 3166 code whose public holidays count, empty where the region is not one country"
    )

    @field_validator("attractiveness", "strength")
    @classmethod
    def _are_weights(cls, value: dict[str, float]) -> dict[str, float]:
        known = {**portfolio.ATTRACTIVENESS, **portfolio.STRENGTH}
        if wrong := next((k for k in value if k not in known), None):
            raise ValueError(f"there is no factor {wrong!r}; {nearest(wrong, list(known))}")
        if min(value.values(), default=0) < 0 or sum(value.values()) <= 0:
            raise ValueError("weights are not below zero, and at least one is above it")
        return value

    @field_validator("country")
    @classmethod
    def _is_a_country(cls, value: str) -> str:
        if value and value not in holidays.list_supported_countries():
            raise ValueError("not a country whose holidays are known; give its ISO 3166 code of two letters")
        return value


class CompetitorAnalysis(Parameters):
    """How concentration is read."""

    guidelines: int = Field(
        2023, description="edition of the US merger guidelines that concentration is read by, 2023 or 2010"
    )

    @field_validator("guidelines")
    @classmethod
    def _is_an_edition(cls, value: int) -> int:
        if value not in dynamics.GUIDELINES:
            raise ValueError(f"not an edition; give one of {', '.join(map(str, dynamics.GUIDELINES))}")
        return value


class TeamPerformance(Parameters):
    """Sellers are ranked, or not named."""

    min_deals: int = Field(20, ge=1, description="closed deals below which a team is not ranked")
    anonymise_reps: bool = Field(False, description="write numbers in place of sellers' names")


class Forecasting(Parameters):
    """How far and how surely."""

    months: int = Field(12, ge=1, le=36, description="months to look ahead")
    level: float = Field(0.8, gt=0, lt=1, description="coverage of the intervals")


class Targets(Parameters):
    """What is to be split, and how far a target may fall."""

    plan: float = Field(
        0.0, ge=0, description="next quarter's plan in reporting currency, zero for the targets set or the forecast"
    )
    floor: float = Field(
        0.8, ge=0, description="least part of its share of the plan by last year that each is asked for"
    )
    anonymise_reps: bool = Field(False, description="write numbers in place of sellers' names")


class Customers(Parameters):
    """Which groups are ranked, how long a cohort is, and what winning customers costs."""

    min_customers: int = Field(20, ge=10, description="customers below which a group is not ranked")
    cohort: str = Field(
        "year", description="length of the cohorts and of the spans of a customer's life, year or quarter"
    )
    acquisition_costs: list[str] = Field([], description="kinds of cost that win customers, empty for all")

    @field_validator("cohort")
    @classmethod
    def _is_a_span(cls, value: str) -> str:
        if value not in cohorts.SPANS:
            raise ValueError(f"not a span; give one of {', '.join(cohorts.SPANS)}")
        return value


class Initiatives(Parameters):
    """Which initiative is looked at closely."""

    initiative: str = Field(
        "", description="name of the initiative to look at closely, empty for the one with the most money"
    )


WORKBOOKS: dict[str, type[Parameters]] = {
    "executive_brief": ExecutiveBrief,
    "market_research": MarketResearch,
    "competitor_analysis": CompetitorAnalysis,
    "team_performance": TeamPerformance,
    "forecasting": Forecasting,
    "targets": Targets,
    "customers": Customers,
    "initiatives": Initiatives,
}


def parameters(workbook: str, given: dict[str, Any], where: str) -> dict[str, Any]:
    """Check what a file or a command line gives by the notebook's model; give the parameters for the notebook.

    A parameter that only another notebook takes is skipped, for one file serves all notebooks of a region.

    Raises
    ------
    ParamsError
        Where no notebook takes a parameter of that name (the message gives the nearest one that exists), or a value is not allowed.
    """
    everything = {name for model in WORKBOOKS.values() for name in model.model_fields}
    for name in given:
        if name not in everything:
            raise ParamsError(f"{where}: there is no parameter {name!r}; {nearest(name, everything)}")
    model = WORKBOOKS[workbook]
    try:
        return model(**{k: v for k, v in given.items() if k in model.model_fields}).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Input ").removeprefix("Value error, ")
        hint = unquoted(first["input"]) if first["type"] == "string_type" else ""
        raise ParamsError(
            f"{where}: parameter {name} holds {first['input']!r}: {said}{hint or '; fix it there'}."
        ) from error
