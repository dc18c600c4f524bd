"""Does the sweep find what is no word on a page, and nothing else?"""

import pytest

import looked_at


@pytest.mark.parametrize(
    "text",
    [
        "Win rate – (– to –), n nan",
        "Acme sold – in Q4 2026",
        "– of the pipeline has a fault",
        "Market 9.2 %, – in a year",
        "€0 of €0 is past its date",
        "0 % of 0 deals were won",
        "12 % of €0 is left",
        "0 of 0 sellers reached their quota",
        "1 customers bought",
        "of 1 known accounts",
        "the 1 seller stands at 23 %",
        "It ends at inf, on NaT, by None",
        "Not shown: what it needs is not in the data, or too little of it. (quarterdeck.present.charts.team.course)",
    ],
)
def test_a_placeholder_of_an_unknown_value_is_found(text):
    assert looked_at.oddities([text])


@pytest.mark.parametrize(
    "text",
    [
        "–",  # a cell of a table
        "– 9",
        "0 of 3 initiatives worked, and for 12 it is not clear",
        "0 % of 28 closed deals have a rival written down",
        "None of 3 sellers reached their quota",
        "1 seller stands at 23 %, 1 customer was lost",
        "€1.1 deals, Q1 months, 21 days",
        "From 1 Oct to 15 Nov",
        "of each of the 34 working days",
    ],
)
def test_a_plain_sentence_is_no_fault(text):
    assert not looked_at.oddities([text])
