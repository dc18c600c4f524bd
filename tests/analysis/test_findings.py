"""Is each rule readable, bound to metrics, and silent where its interval does not support it?"""

import nbformat
import pandas as pd
import pytest

from conftest import ROOT
from quarterdeck.analysis import brief, findings, forecast
from quarterdeck.analysis.catalogue import METRICS
from quarterdeck.analysis.claims import PREDICATES
from quarterdeck.data import snapshot

PLACES = {"subject", "worth", "value", "compared", "change", "low", "high", "n"}


@pytest.fixture(scope="module")
def desk(demo_company, tmp_path_factory):
    folder = tmp_path_factory.mktemp("findings") / "data"
    snapshot.freeze(demo_company[0], folder, "demo", "Halcyon Marine", "EUR")
    return snapshot.open_desk("demo", data=str(folder))


@pytest.mark.parametrize("rule", findings.RULES.values(), ids=lambda r: r.id)
def test_a_rule_rests_on_metrics_of_the_catalogue_and_points_to_a_section_that_is_there(rule):
    assert set(rule.metrics) <= set(METRICS) and rule.predicate in PREDICATES and rule.owner
    assert set(rule.figures.values()) <= set(brief.FINDING)
    page, question = rule.evidence
    cells = nbformat.read(ROOT / "notebooks" / f"{page}.ipynb", as_version=4).cells
    assert f"## {question}" in [c.source.splitlines()[0] for c in cells if c.cell_type == "markdown" and c.source]
    for text in (rule.head, rule.body, rule.action):
        text.format(**dict.fromkeys(PLACES, ""))  # names no other place


def test_findings_are_ranked_by_the_money_behind_them_across_subjects(desk):
    found = findings.found(desk, desk.ask(forecast.landing))
    assert len(found) and found["worth"].abs().is_monotonic_decreasing and len(found) <= 5
    assert found["rule"].value_counts().max() <= findings.OF_ONE_RULE and found["rule"].nunique() > 1
    assert all(findings.RULES[row["rule"]].supports(row) for _, row in found.iterrows())


def candidates(period, low: float = -3.0, high: float = -1.0):
    rows = {
        "kind": "made",
        "subject": ["a", "b", "c"],
        "worth": [-1.0, -9.0, -4.0],
        "low": low,
        "high": [high, 2.0, high],
    }
    return pd.DataFrame(rows)


def test_a_rule_of_another_subject_joins_by_its_function_alone(desk):
    rule = findings.Rule("made", ("revenue",), candidates, "below", findings.DIFFERENCE, "", "", "", "", ("", ""))
    found = findings.found(desk, desk.ask(forecast.landing), rules={"made": rule})
    assert found["subject"].tolist() == ["c", "a"]  # b has the most money, but its interval holds nought
    assert found["gain"].isna().all()  # what its function does not tell is missing, not made up
    with pytest.raises(ValueError, match="it is not so"):
        rule.claim(pd.Series({"subject": "b", "low": -3.0, "high": 2.0}))


def test_no_tables_no_findings(desk):
    bare = snapshot.Desk("demo", "x", "company", desk.as_of, "EUR", "", {"products": desk.tables["products"]})
    landing = pd.DataFrame(columns=forecast.LANDING, dtype="float64")
    assert findings.found(bare, landing).empty
