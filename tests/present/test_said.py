"""Does every sentence of the brief claim only what the rows hold, however they are turned?

The real notebook is run on perturbed companies. What its sentences claim is computed again here, from the frames, in plain
pandas; a directional word without a claim that says so is a fault too.
"""

import json

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from perturbed import (
    between,
    coin_tossed,
    faults,
    records,
    run_page,
    scaled,
    swapped,
    unclaimed_numbers,
    unclaimed_words,
    without,
)

from quarterdeck.analysis.methods.claims import PREDICATES, Claim, first, holds
from quarterdeck.data import snapshot
from quarterdeck.present.sentences import Sentence

pytestmark = pytest.mark.slow  # its pages are made once, which takes most of its time

NOW, BEFORE = ("2026-10-01", "2026-11-15"), ("2025-10-01", "2025-11-15")
YEAR = ("2025-11-15", "2026-11-15")
YEAR_BEFORE = ("2024-11-15", "2025-11-15")


def this_year(orders):
    return orders["order_date"] >= "2026-10-01"


PERTURBED = {
    "as it is": lambda tables: tables,
    "revenue down": scaled("revenue", "orders", this_year, 0.6),
    "revenue up": scaled("revenue", "orders", this_year, 3.0),
    "growth turned": scaled("revenue", "orders", lambda o: o["order_date"] < "2026-10-01", 1.5),
    "targets halved": scaled("revenue_target", "targets", lambda t: t["revenue_target"] > 0, 0.5),
    "targets doubled": scaled("revenue_target", "targets", lambda t: t["revenue_target"] > 0, 2.0),
    "rivals swapped": swapped,
    "rivals alike": coin_tossed,
    "no market": without("market", "competitors"),
    "no targets": without("targets", "quotas"),
    "no deals": without("opportunities", "opportunity_history"),
}


@pytest.fixture(scope="module")
def shell():
    return InteractiveShell.instance()


@pytest.fixture(scope="module")
def page(demo_company, tmp_path_factory, shell, remembered):
    """Run the brief's own cells on a perturbed company; give its tables and every record of what was said."""
    done = {}

    def run(name, region="company"):
        if (name, region) not in done:
            folder = tmp_path_factory.mktemp("said") / "data"
            earlier(folder.parent)
            tables = PERTURBED[name](demo_company[0])
            snapshot.freeze(tables, folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"), folder.parent)
            done[name, region] = tables, records(run_page(shell, "executive_brief", folder, region))
        return done[name, region]

    return run


def earlier(folder):
    """Keep figures of 8 November, as if a run of that day had shown them."""
    rows = {"revenue": 1.5e6, "forecast_p50": 6.2e6, "win_rate": 0.3, "pipeline_open": 3.0e6, "gross_margin": 0.33}
    frame = pd.DataFrame({"metric": list(rows), "value": list(rows.values())})
    frame = frame.assign(
        run="r", as_of="2026-11-08", created_at="2026-11-08T06:00:00+00:00", region="company", unit="money"
    )
    columns = ["run", "as_of", "created_at", "region", "metric", "period", "value", "n", "low", "high", "unit"]
    frame = frame.assign(period="Q4 2026 to 8 Nov", n=1.0, low=None, high=None)[columns]
    frame.astype({"low": "float64", "high": "float64"}).to_parquet(folder / "kpi_history.parquet", index=False)


def recomputed(tables, claim):
    """Compute the figures of a claim from the frames alone; only those that plain sums and counts can give."""
    metric, subject, figures = claim["metric"], claim["subject"], claim["figures"]
    orders, deals = tables.get("orders"), tables.get("opportunities")
    now, before = (between(orders, "order_date", span) for span in (NOW, BEFORE))
    target, old = (due(tables, year) for year in (2026, 2025))
    if metric == "revenue" and not subject:
        return {"now": now["revenue"].sum(), "before": before["revenue"].sum()}
    if metric == "bookings":
        won = deals[deals["status"] == "won"]
        return {k: between(won, "closed_on", s)["amount"].sum() for k, s in (("now", NOW), ("before", BEFORE))}
    if metric == "gross_margin" and not subject:
        return {"now": 1 - now["cost"].sum() / now["revenue"].sum()}
    if metric == "target_attainment":
        return {"now": now["revenue"].sum() / target, "before": before["revenue"].sum() / old}
    if metric == "forecast_p50" and "target" in figures:
        own = due(tables, 2026, subject.partition(": ")[2]) if subject.startswith("region") else target
        return {"target": own} if own else {}
    if metric == "win_rate" and "before" in figures and not subject:
        closed = deals[deals["status"] != "open"].assign(won=deals["status"].eq("won"))
        return {
            k: between(closed, "closed_on", s, True)["won"].mean() for k, s in (("now", YEAR), ("before", YEAR_BEFORE))
        }
    if subject.startswith("last year: "):
        moved = changes(tables, now, before, subject.partition(": ")[2])
        return {"most": moved.max(), "least": moved.min()}
    if subject.startswith("segment_"):
        part = tables["customers"].set_index("customer_id")["segment"].eq(subject.partition(": ")[2])
        moved = [rows.loc[rows["customer_id"].map(part), "revenue"].sum() for rows in (now, before)]
        return {"middle": moved[0] - moved[1]}
    if subject.startswith("rival: "):
        named = between(deals[deals["status"] != "open"].dropna(subset=["competitor"]), "closed_on", YEAR)
        won = named["status"].eq("won")
        met = named["competitor"].eq(subject.partition(": ")[2])  # the rate against it is drawn towards that of all
        return {"n": met.sum(), "compared": won.mean()}
    if subject.startswith("lapsed: "):
        now, then = (
            between(orders, "order_date", s, True).groupby("customer_id")["revenue"].sum() for s in (YEAR, YEAR_BEFORE)
        )
        return {"n": len([c for c in then.index if then[c] > 0 and not now.get(c, 0.0) > 0])}
    return {}


def due(tables, year, region=None):
    """Add up the targets of a year's fourth quarter, of all regions or of one."""
    if "targets" not in tables:
        return None
    rows = tables["targets"] if region is None else tables["targets"].query("region == @region")
    return rows[rows["period_start"].ge(f"{year}-10-01") & rows["period_end"].le(f"{year}-12-31")][
        "revenue_target"
    ].sum()


def changes(tables, now, before, part):
    """Give the change by region where the part is one, else by segment."""
    segment = tables["customers"].set_index("customer_id")["segment"]
    by = (lambda rows: rows["region"]) if part in set(now["region"]) else lambda rows: rows["customer_id"].map(segment)
    sums = [rows.groupby(by(rows))["revenue"].sum() for rows in (now, before)]
    return sums[0].sub(sums[1], fill_value=0.0)


@pytest.mark.parametrize("name", PERTURBED)
def test_no_false_sentence_survives(page, name):
    tables, said = page(name)
    claims = [c for r in said for c in r["claims"]]
    assert len(claims) > 8
    for claim in claims:
        assert not faults(claim, recomputed(tables, claim)), claim


@pytest.mark.parametrize("name", PERTURBED)
def test_no_word_of_direction_stands_without_its_claim(page, name):
    _, said = page(name)
    assert not [(record["text"], words) for record in said if (words := unclaimed_words(record))]


@pytest.mark.parametrize("name", PERTURBED)
def test_no_number_stands_without_its_claim(page, name):
    _, said = page(name)
    assert not [(record["text"], n) for record in said if (n := unclaimed_numbers(record))]


def test_what_is_said_turns_with_the_rows(page):
    said = {name: {r["kind"]: r["text"] for r in page(name)[1]} for name in ("revenue down", "revenue up")}
    assert "unlikely to reach its target" in page("revenue down")[1][0]["text"]
    assert " likely to reach its target" in page("revenue up")[1][0]["text"]
    assert said["revenue down"] != said["revenue up"]
    rules = {name: {r.get("rule") for r in page(name)[1]} for name in PERTURBED}
    assert "very likely to reach its target" in page("targets halved")[1][0]["text"]
    assert "target_below" in rules["targets doubled"]
    assert not {"target_above", "target_below"} & rules["no targets"]
    assert "segment_grew" in rules["revenue up"] and "segment_grew" not in rules["revenue down"]
    assert "rival" not in rules["rivals alike"] | rules["no deals"]
    market = {
        name: [r for r in page(name)[1] if r.get("metric") == "market_share"] for name in ("as it is", "no market")
    }
    assert len(market["as it is"]) == 1 and not market["no market"]


def test_a_swapped_rival_is_named_in_the_others_place(page):
    named = {
        name: [
            c["subject"]
            for r in page(name)[1]
            if r.get("rule") == "rival"
            for c in r["claims"]
            if c["metric"] == "win_rate"
        ]
        for name in ("as it is", "rivals swapped")
    }
    tables = page("as it is")[0]
    names = sorted(tables["opportunities"]["competitor"].dropna().unique())
    turned = dict(zip(names, names[1:] + names[:1], strict=True))
    assert named["as it is"]
    assert named["rivals swapped"] == [f"rival: {turned[s.partition(': ')[2]]}" for s in named["as it is"]]


def test_every_figure_of_the_page_is_recorded_with_its_metric(page):
    said = page("as it is")[1]
    kinds = {r["kind"] for r in said}
    assert kinds == {"sentence", "figure", "tile", "finding", "picture", "since"}
    json.dumps(said)  # they are plain data


@pytest.mark.parametrize("predicate", PREDICATES)
def test_a_claim_that_does_not_hold_cannot_be_made(predicate):
    figures = {"now": 1.0, "before": 2.0, "low": 0.5, "high": 3.0, "target": 1.5, "chance": 0.5}
    figures |= {"most": 2.0, "least": -1.0, "n": 0.0, "of": -1.0, "than": 1.0}
    if not holds(predicate, figures):
        with pytest.raises(ValueError, match="it is not so"):
            Claim("revenue", predicate, figures)
    else:
        assert Claim("revenue", predicate, figures).record()["predicate"] == predicate


def test_a_sentence_is_a_string_with_its_claims():
    claim = first("revenue", ("rose", "fell"), {"now": 1.0, "before": 2.0})
    said = Sentence("**Revenue** fell", [claim, None])
    assert said == "**Revenue** fell" and said.record("sentence")["text"] == "Revenue fell" and said.claims == (claim,)
