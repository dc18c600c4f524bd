"""Is every kind of contradiction between the facts of pages caught, and named with both places?"""

import json

import pandas as pd
import pytest

from acme import Acme
from quarterdeck import cli
from quarterdeck.batch import contradictions, facts
from quarterdeck.batch.reconcile import say
from quarterdeck.publish.access.shelf import Shelf

REGIONS = {"company": "company", "x": "X", "y": "Y"}
DEAL = {"measure": "deal_chance", "kind": "deal", "entity": "D1", "unit": "chance", "form": "table"}
SOLD = {"measure": "initiative_money", "kind": "initiative", "entity": "Bundles", "unit": "money", "form": "table"}
SHARE = {"measure": "market_share", "kind": "rival", "unit": "ratio", "form": "table", "whole": True, "region": "x"}
AHEAD = {
    "measure": "revenue_ahead",
    "kind": "region",
    "entity": "X",
    "period": "Q4 2026",
    "unit": "money",
    "region": "x",
}
VIEW = AHEAD | {"measure": "forecast_view", "kind": "view"}
SAID = {"measure": "pipeline_coverage", "kind": "region", "entity": "X", "region": "x", "form": "sentence"}
TILE = {"measure": "revenue", "kind": "region", "entity": "X", "region": "x", "form": "tile", "predicate": "rose"}
GREW = TILE | {"text": "up 11.8 % on last year", "figures": json.dumps({"now": 111.8, "before": 100.0}), "value": 111.8}
RATE = {"measure": "revenue_growth", "kind": "region", "entity": "X", "region": "x", "form": "tile", "value": 0.118}
CHANCE = {"measure": "target_probability", "kind": "region", "entity": "X", "region": "x", "form": "tile", "value": 0.1}
UNLIKELY = CHANCE | {
    "predicate": "unlikely",
    "figures": '{"chance": 0.1}',
    "text": "unlikely to reach the target",
    "state": "bad",
}
REACH = CHANCE | {"measure": "forecast_p50", "predicate": "within reach of", "value": 9.0, "state": "warn"}
REACH |= {"figures": '{"now": 9.0, "low": 8.0, "high": 12.0, "target": 11.0}', "text": "within reach of the target"}


def at(fact, **of):
    return {"page": "targets", "section": "What?"} | fact | of


def breaks(*rows):
    return contradictions.contradictions(facts.frame(list(rows)), REGIONS, 2)


def said(predicate, text, **figures):
    words = {"predicate": predicate, "text": text, "figures": json.dumps(figures), "value": figures.get("now")}
    return at(SAID, **words)


PLANTED = {
    "two values of one fact": (
        "deal_chance of deal D1: one fact, one value: company/targets under “What?”: 14 %; x/targets under “What?”: 17 %",
        [at(DEAL, region="company", value=0.14), at(DEAL, region="x", value=0.17)],
    ),
    "parts that do not add up": (
        "initiative_money of initiative Bundles: parts add up: x + y/targets under “What?”: €10; "
        "company/targets under “What?”: €2",
        [at(SOLD, region=r, value=v) for r, v in (("company", 2.0), ("x", 4.0), ("y", 6.0))],
    ),
    "regions that do not add up": (
        "bookings of company: parts add up: x + y/targets under “What?”: €7; company/targets under “What?”: €9",
        [
            at({"measure": "bookings", "kind": "region", "form": "table"}, entity=name, region=r, value=v)
            for r, name, v in (("company", "company", 9.0), ("x", "X", 3.0), ("y", "Y", 4.0))
        ],
    ),
    "parts that are more than the whole": (
        "initiative_money of initiative Bundles: parts add up: x/targets under “What?”: €6; company/targets under “What?”: €2",
        [at(SOLD, region=r, value=v) for r, v in (("company", 2.0), ("x", 6.0))],
    ),
    "shares that are no whole": (
        "market_share of rival A: shares add up to one: x/targets under “What?”: 90.0 %; x/targets under “What?”: 100.0 %",
        [at(SHARE, entity="A", value=0.5), at(SHARE, entity="B", value=0.4)],
    ),
    "a joined figure outside of what it joins": (
        "forecast_joined of X Q4 2026: what joins figures lies among them: x/targets under “What?”: €31; "
        "x/targets under “What?”: €30",
        [
            at(AHEAD, measure="forecast_joined", value=31.3),
            at(VIEW, entity="growth", value=29.4),
            at(VIEW, entity="series", value=30.2),
        ],
    ),
    "less than what reads alike": (
        "“less than” of 3.3× and 3.3×",
        [said("less than", "3.3×, less than the 3.3× needed", now=3.26, than=3.34)],
    ),
    "a predicate that is not so": ("“more than” is not so", [said("more than", "more", now=1.0, than=2.0)]),
    "a colour against the words": ("is “good”, shown as “bad”", [at(GREW, state="bad")]),
    "a green figure whose growth may be chance": (
        "“up 11.8 % on last year”; x/targets under “What?”: −4.0 % to 28.0 %",
        [at(GREW, state="good"), at(RATE, low=-0.04, high=0.28)],
    ),
    "within reach at a chance of a tenth": (
        "“within reach of”; x/targets under “What?”: “unlikely” (10 %)",
        [at(REACH), at(UNLIKELY)],
    ),
    "odds that are not the chance's": ("and says “very likely”", [at(UNLIKELY, text="very likely to reach the target")]),
}  # fmt: skip


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_contradiction_is_caught_and_named_with_both_places(kind):
    line, rows = PLANTED[kind]
    (found,) = breaks(*rows)
    assert not found["ok"] and say(found).endswith(line)


@pytest.mark.parametrize(
    "rows",
    [
        [at(DEAL, region="company", value=0.141), at(DEAL, region="x", value=0.142)],  # read alike
        [at(DEAL, region="company", value=0.271, unit="ratio"), at(DEAL, region="x", value=0.27, unit="whole ratio")],
        [at(DEAL, region="x", value=0.1, id="1"), at(DEAL, region="x", value=0.2, id="2")],  # two of one name
        [at(SHARE, entity="A", value=0.1, whole=False), at(SHARE, entity="A", value=0.3, whole=False, region="company")],
        [at(DEAL, region="x", value=0.1), at(DEAL, region="x", value=0.2, period="by Q1 2027")],
        [at(SOLD, region=r, value=v) for r, v in (("company", 9.0), ("x", 4.0))],  # no word of the other region
        [said("less than", "3.2×, less than the 3.3× needed", now=3.2, than=3.3)],
        [said("as much as", "3.3×, just the 3.3× needed", now=3.26, than=3.34) | {"unit": "times"}],
        [at(GREW, state="good"), at(RATE, low=0.02, high=0.2)],
        [at(UNLIKELY), at(REACH, predicate="unlikely", figures='{"chance": 0.1}', text="unlikely", state="bad")],
        [at(DEAL, region="x", measure="my_own", value=1.0), at(DEAL, region="y", measure="my_own", value=2.0)],
    ],
)  # fmt: skip
def test_what_does_not_contradict_is_left_in_peace(rows):
    assert not breaks(*rows)


def test_what_pages_compute_for_themselves_is_counted_and_fails_no_run():
    of, kind = contradictions.PER_PAGE[0].split(" of ")
    rows = [at(DEAL, measure=of, kind=kind, region=r, value=v) for r, v in (("company", 0.1), ("x", 0.2))]
    held, per_page = contradictions.held(facts.frame(rows), REGIONS, 2)
    assert per_page == {f"{of} of {kind}": 1} and not held
    held, per_page = contradictions.held(facts.frame([at(DEAL, region=r, value=0.2) for r in "xy"]), REGIONS, 2)
    assert [(c["metric"], c["ok"], c["n"]) for c in held] == [("deal_chance", True, 1)] and not per_page


BRIEF = """import pandas as pd
deals = pd.DataFrame({"deal": ["D1", "D2"], "amount": [14_000.0 if region == "company" else AMOUNT, 500.0]})
columns = {"deal": ("Deal", "text", "deal"), "amount": ("Amount", "money", "deal_amount")}
show(tables.lay, deals, columns, "Note.")
show(tables.kpi_tiles, measure(desk, "revenue"))"""


@pytest.fixture
def acme(tmp_path, monkeypatch, forking_process):
    monkeypatch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
    monkeypatch.chdir(tmp_path)
    return Acme(tmp_path)


def test_a_run_whose_pages_state_one_fact_twice_fails_with_both_places(acme, capsys):
    one = ["--notebook", "executive_brief"]
    acme.write_notebook("executive_brief", BRIEF.replace("AMOUNT", "17_000.0"))
    assert cli.main(acme.command(*one)) == cli.FAULTY
    line = "deal_amount of deal D1: one fact, one value: company/executive_brief under “"
    assert line in capsys.readouterr().out
    assert Shelf(acme.out).runs("acme")
    acme.write_notebook("executive_brief", BRIEF.replace("AMOUNT", "14_010.0"))
    assert cli.main(acme.command(*one)) == 0
    recorded = json.loads((acme.out / "acme/latest/run.json").read_text())
    assert {c["check"]: c["n"] for c in recorded["reconciliation"] if c["metric"] == "deal_amount"} == {
        "one fact, one value": 2
    }
    stated = pd.read_parquet(acme.out / "acme/latest" / facts.FILE)
    assert set(stated[stated["measure"].eq("deal_amount")]["region"]) == {"company", "north", "south"}
    assert stated["page"].eq("executive_brief").all() and stated["section"].ne("").any()


def test_pages_that_are_taken_over_keep_their_facts(acme):
    one = ["--notebook", "executive_brief"]
    acme.write_notebook("executive_brief", BRIEF.replace("AMOUNT", "17_000.0"))
    assert cli.main(acme.command(*one)) == cli.FAULTY
    first = pd.read_parquet(next(acme.out.glob("acme/2*")) / facts.FILE)
    quotas = acme.data / "quotas.csv"
    quotas.write_text(quotas.read_text().replace("R2,2026-07-01,2026-09-30,400", "R2,2026-07-01,2026-09-30,410"))
    assert cli.main(acme.command(*one)) == cli.FAULTY  # the pages are the same, and so is what they contradict
    last = pd.read_parquet(sorted(acme.out.glob("acme/2*"))[-1] / facts.FILE)
    assert last.equals(first)


def test_units_below_others_are_in_their_sum_once_and_sellers_have_a_part_in_each():
    """Of 10 X has 4 and Y 6; Z lies in X, and its 4 is that 4. A seller of X and of Z may have sold otherwise in each."""
    tree, units = [["company", ["X", "Y"]], ["X", ["Z"]]], REGIONS | {"z": "Z"}
    sums = [at(SOLD, region=r, value=v) for r, v in {"company": 10.0, "x": 4.0, "y": 6.0, "z": 4.0}.items()]
    seller = {"measure": "team_open", "kind": "team", "entity": "T", "unit": "money", "form": "table"}
    both = [at(seller, region="x", value=4.0), at(seller, region="z", value=3.0)]
    assert not contradictions.contradictions(facts.frame(sums + both), units, 3, tree)
    assert len(contradictions.contradictions(facts.frame(sums + both), units, 3)) == 2
    twice = at(seller, region="x", value=9.0, page="customers")
    assert len(contradictions.contradictions(facts.frame([*sums, *both, twice]), units, 3, tree)) == 1
    sums[2]["value"] = 5.0
    assert len(contradictions.contradictions(facts.frame(sums), units, 3, tree)) == 1


def test_a_share_of_a_market_that_units_outgrow_is_counted_and_fails_no_run():
    shares = [at(SHARE | {"kind": "region", "entity": "X"}, value=v, page=p) for v, p in ((0.2, "a"), (0.21, "b"))]
    shown = facts.frame([row | {"whole": False} for row in shares])
    held, per_page = contradictions.held(shown, REGIONS, 2, [["company", ["X", "Y"]]])
    assert all(c["ok"] for c in held) and per_page == {"market_share of region": 1}
    assert not all(c["ok"] for c in contradictions.held(shown, REGIONS, 2)[0])
