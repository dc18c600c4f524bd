"""Is each rule readable, bound to metrics, and silent where its interval does not support it?"""

from dataclasses import replace

import nbformat
import pandas as pd
import pytest

from conftest import ROOT
from quarterdeck.analysis.brief import findings
from quarterdeck.analysis.brief.figures import FIGURES
from quarterdeck.analysis.brief.metrics import METRICS, measure
from quarterdeck.analysis.forecasting import quarter_end
from quarterdeck.analysis.methods import finding
from quarterdeck.analysis.methods.claims import PREDICATES
from quarterdeck.data import answers, snapshot
from quarterdeck.present.numbers import Count

PLACES = {"subject", "worth", "spent", "value", "compared", "change", "low", "high", "n"}


@pytest.fixture(scope="module")
def desk(demo_company, tmp_path_factory):
    folder = tmp_path_factory.mktemp("findings") / "data"
    snapshot.freeze(demo_company[0], folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    return snapshot.open_desk("demo", data=str(folder))


@pytest.mark.parametrize("rule", findings.RULES.values(), ids=lambda r: r.id)
def test_a_rule_rests_on_metrics_of_the_catalogue_and_points_to_a_section_that_is_there(rule):
    assert set(rule.metrics) <= {*METRICS, *FIGURES} and rule.predicate in PREDICATES and rule.owner
    assert set(rule.figures.values()) <= set(finding.FINDING)
    page, question = rule.evidence
    cells = nbformat.read(ROOT / "notebooks" / f"{page}.ipynb", as_version=4).cells
    assert f"## {question}" in [c.source.splitlines()[0] for c in cells if c.cell_type == "markdown" and c.source]
    assert rule.basis and set(rule.recorded.values()) <= set(METRICS)
    for text in (rule.head, rule.body, rule.action):
        text.format(**dict.fromkeys(PLACES, "") | {"n": Count(2)})  # names no other place


@pytest.fixture(scope="module")
def all_found(desk):
    return findings.found(desk, desk.ask(quarter_end.landing), most=20)


def test_findings_are_ranked_by_what_acting_may_bring_across_subjects(all_found):
    soon = [min(1.0, findings.SOON / findings.RULES[rule].months) for rule in all_found["rule"]]
    assert len(all_found) > 4 and (all_found["gain"].astype(float).fillna(0.0) * soon).is_monotonic_decreasing
    assert all_found["rule"].value_counts().max() <= findings.OF_ONE_RULE and all_found["rule"].nunique() > 3
    assert all(findings.RULES[row["rule"]].supports(row) for _, row in all_found.iterrows())


def test_every_finding_says_what_acting_may_bring_surely_and_how_likely_it_is_wrong(all_found):
    known, risky = all_found.dropna(subset=["gain_low"]), all_found.dropna(subset=["risk"])
    assert len(known) > 2 and (known["gain_low"] > 0).all() and (known["gain_low"] <= known["gain"]).all()
    assert (known["gain"] <= known["gain_high"]).all() and risky["risk"].between(0, findings.MOST_RISK).all()
    assert all(findings.RULES[rule].strength for rule in all_found.loc[all_found["risk"].isna(), "rule"])


@pytest.mark.slow
def test_figures_that_are_of_the_catalogue_are_the_catalogues_own(desk, all_found):
    quoted = [(findings.RULES[row["rule"]].recorded, row) for _, row in all_found.iterrows()]
    shown = {metric: row[column] for recorded, row in quoted for column, metric in recorded.items()}
    measured = measure(desk, *shown).set_index("metric")["value"].to_dict()
    assert shown and shown == pytest.approx(measured, rel=1e-12)


@pytest.mark.slow
def test_a_region_sees_its_own_initiatives_judged_as_for_the_company(desk):
    rules = {"worked": findings.RULES["worked"]}
    tables = dict(desk.tables) | {"orders": doubled(desk, "North Sea")}
    lifted = replace(desk, tables=tables, whole=tables, found=answers.Found())
    found = {r: findings.found(where(lifted, r), pd.DataFrame(), rules=rules) for r in ("company", "North Sea")}
    named = desk.tables["initiatives"].set_index("name")["region"]
    assert len(found["North Sea"]) and set(named[found["North Sea"]["subject"]]) == {"North Sea"}
    figures = found["company"].set_index("subject").loc[found["North Sea"]["subject"]].reset_index()
    pd.testing.assert_frame_equal(found["North Sea"], figures[found["North Sea"].columns])


def doubled(desk, region):
    """Give orders of which a region sold twice as much while an initiative of its own ran."""
    orders, own = (
        desk.tables["orders"],
        desk.tables["initiatives"].query("region == @region and kind == 'campaign'").iloc[0],
    )
    ran = orders["region"].eq(region) & orders["order_date"].between(own["started_on"], own["ended_on"])
    money = ["quantity", "list_amount", "revenue", "cost"]
    return orders.assign(**orders[money].mul(ran + 1, axis=0))


def test_a_region_without_an_initiative_of_its_own_is_not_held_against_others(desk):
    region = where(desk, "North Sea")
    whole = {k: v for k, v in region.whole.items() if k != "initiatives"}
    bare = replace(
        region, tables={k: region.tables[k] for k in whole if k in region.tables}, whole=whole, found=answers.Found()
    )
    answer = findings._Given(bare, pd.DataFrame()).ask(findings.RULES["worked"].find)
    assert isinstance(answer, snapshot.Missing) and "needs initiatives" in answer.sentence


def where(desk, region):
    """Give a region's desk of the same company."""
    return replace(desk, region=region, tables=snapshot.within(dict(desk.tables), region), whole=desk.tables)


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
    found = findings.found(desk, desk.ask(quarter_end.landing), rules={"made": rule})
    assert found["subject"].tolist() == ["c", "a"]  # b has the most money, but its interval holds zero
    assert (
        found["gain"].isna().all()
    )  # whose gain is not known stays; what its function does not tell is missing, not made up
    with pytest.raises(ValueError, match="it is not so"):
        rule.claim(pd.Series({"subject": "b", "low": -3.0, "high": 2.0}))


def test_no_finding_without_money():
    found = candidates(None).assign(gain=[0.0, 5.0, 5.0], gain_low=[0.0, 0.0, 1.0])
    found = found.reindex(columns=finding.FINDING)
    assert findings._money(found).tolist() == [False, False, True]  # nothing comes; it may be nothing; surely something
    assert not findings._money(found.assign(worth=0.4)).any()


def test_no_tables_no_findings(desk):
    bare = snapshot.Desk("demo", "x", "company", desk.as_of, "EUR", "", {"products": desk.tables["products"]})
    landing = pd.DataFrame(columns=quarter_end.LANDING, dtype="float64")
    assert findings.found(bare, landing) == findings.NOWHERE
