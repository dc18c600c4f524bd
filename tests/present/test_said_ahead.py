"""Does every sentence and picture on forecasts, targets, customers and initiatives claim only what the rows hold?

The real notebooks of one region are run on perturbed companies. What plain sums and counts can give is computed again from the
frames; a figure, or a word of direction, that no claim stands behind is a fault, and so is a picture that claims nothing.
"""

import json
import re
from itertools import permutations

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from perturbed import between, faults, records, run_page, scaled, unclaimed_numbers, unclaimed_words
from test_stories import past_forecasts

from quarterdeck.analysis.brief.figures import FIGURES
from quarterdeck.analysis.brief.metrics import METRICS
from quarterdeck.analysis.methods.claims import CLEAR
from quarterdeck.data import ledger, snapshot
from quarterdeck.present import page as put
from quarterdeck.present.narrative import customers as customers_say
from quarterdeck.present.narrative import forecast as forecast_say
from quarterdeck.present.narrative import initiatives as initiatives_say
from quarterdeck.present.narrative import targets as targets_say
from quarterdeck.present.page import LEAD
from quarterdeck.present.sentences import SAID_MIME

pytestmark = pytest.mark.slow  # its pages are made once, which takes most of its time

REGION = "North Sea"
QUARTER, YEAR, BEFORE = ("2026-10-01", "2026-11-15"), ("2025-11-16", "2026-11-15"), ("2024-11-16", "2025-11-15")
FOUR = ("2025-10-01", "2026-09-30")  # whole quarters


def lately(orders):
    return orders["order_date"] >= "2025-11-16"


def bad_year(tables):
    """Halve the sales of twelve months, at full cost, and double what is asked."""
    sold = scaled("revenue", "orders", lately, 0.5)(tables)
    dear = scaled("cost", "orders", lately, 1.6)(sold)
    return scaled("revenue_target", "targets", lambda t: t["revenue_target"] > 0, 2.0)(dear)


PERTURBED = {
    "as it is": lambda tables: tables,
    "bad year": bad_year,
    "good year": scaled("revenue", "orders", lately, 2.0),
}
RUNS = [("as it is", "forecasting"), ("as it is", "targets"), ("good year", "customers")]
RUNS += [("bad year", notebook) for notebook in ("forecasting", "targets", "customers", "initiatives")]
# What pages say without a figure, a direction or an order in it; the last is the sentence on what a page stands on.
DESCRIPTIVE = (
    "is not known:",
    "Not shown:",
    "There is no ",
    "No cohort has lived",
    "Nothing is beyond chance",
    "Rows read:",
)
TERMS = r"largest tenth|ten largest|the largest (?=€)"  # names of things that hold a word of order


def published():
    """Forecasts of the region's quarters, as if earlier runs had given them out."""
    return (
        past_forecasts()
        .assign(region=REGION, run="r", snapshot="s", p50=1.2e6, naive=1.1e6)
        .reindex(columns=ledger.COLUMNS)
    )


@pytest.fixture(scope="module")
def page(demo_company, tmp_path_factory, remembered):
    """Run a notebook on a perturbed company; give the region's tables, and its outputs. Pictures are coarse, to be cheap."""
    shell, frozen, done, sharp = InteractiveShell.instance(), {}, {}, put.png

    def run(name, notebook):
        if name not in frozen:
            folder = tmp_path_factory.mktemp("said") / "data"
            tables = PERTURBED[name](demo_company[0])
            published().to_parquet(folder.parent / f"{ledger.TABLE}.parquet", index=False)
            snapshot.freeze(tables, folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"), folder.parent)
            frozen[name] = folder, snapshot.within(tables, REGION)
        folder, tables = frozen[name]
        if (name, notebook) not in done:
            done[name, notebook] = run_page(shell, notebook, folder, REGION)
        return tables, done[name, notebook]

    put.png = lambda ax: sharp(ax, 30)
    yield run
    put.png = sharp


def recomputed(tables, notebook, claim):
    """Compute the figures of a claim from the frames alone; only those that plain sums and counts can give."""
    found = {
        "forecasting": of_forecasts,
        "targets": of_targets,
        "customers": of_customers,
        "initiatives": of_initiatives,
    }
    return found[notebook](tables, claim["metric"], claim["subject"], claim["predicate"])


def due(tables, column, span):
    rows = tables["targets"]
    return rows.loc[rows["period_start"].ge(span[0]) & rows["period_end"].le(span[1]), column].sum()


def of_forecasts(tables, metric, subject, predicate):
    deals, ends = tables["opportunities"], published()[["period_start", "period_end"]].itertuples(index=False)
    came = pd.Series([between(tables["orders"], "order_date", span)["revenue"].sum() for span in ends])
    expected = deals[deals["status"].eq("open") & deals["expected_close"].between("2026-10-01", "2026-12-31")]
    known = {
        ("revenue", "so far"): lambda: {"now": between(tables["orders"], "order_date", QUARTER)["revenue"].sum()},
        ("forecast_p50", "target"): lambda: {"than": due(tables, "revenue_target", ("2026-10-01", "2026-12-31"))},
        ("forecast_error", "published: revenue"): lambda: {"now": (published()["p50"] - came).abs().sum() / came.sum()},
        ("forecast_bias", "published: revenue"): lambda: {"now": (published()["p50"] - came).sum() / came.sum()},
        ("bookings", ""): lambda: {
            "now": between(deals[deals["status"] == "won"], "closed_on", QUARTER)["amount"].sum()
        },
        ("pipeline_open", "due this quarter"): lambda: {"now": expected["amount"].sum()},
    }
    return known[metric, subject]() if (metric, subject) in known else {}


def of_targets(tables, metric, subject, predicate):
    sold = between(tables["orders"], "order_date", FOUR)
    margin, wanted = sold["revenue"].sum() - sold["cost"].sum(), due(tables, "margin_target", FOUR)
    listed = sold["list_amount"].sum()
    known = {
        ("plan", "Q1 2027", "more than"): {"than": last_first_quarter(tables)},
        ("plan", "Q1 2027", "less than"): {"than": last_first_quarter(tables)},
        ("gross_margin", "four whole quarters", "amounts to"): {"now": margin / sold["revenue"].sum()},
        ("discount_rate", "four whole quarters", "amounts to"): {"now": 1 - sold["revenue"].sum() / listed},
        ("margin_money", "targets", predicate): {"now": margin, "than": wanted},
        ("margin_target_attainment", "four whole quarters", "amounts to"): {"now": margin / wanted},
        ("target_attainment", "four whole quarters", "amounts to"): {
            "now": sold["revenue"].sum() / due(tables, "revenue_target", FOUR)
        },
        ("price_left", "of list price", "amounts to"): {"whole": listed},
        ("customer_profit", "lose", "n of m"): {"of": sold["customer_id"].nunique()},
    }
    return known.get((metric, subject, predicate), {})


def last_first_quarter(tables):
    return between(tables["orders"], "order_date", ("2026-01-01", "2026-03-31"))["revenue"].sum()


def of_customers(tables, metric, subject, predicate):
    now, then = (
        between(tables["orders"], "order_date", s).groupby("customer_id")["revenue"].sum() for s in (YEAR, BEFORE)
    )
    both = pd.DataFrame({"now": now, "before": then}).fillna(0.0)
    moved, base = both["now"] - both["before"], both[both["before"] > 0]
    lost, bought_less = base[base["now"] <= 0], base[(base["now"] > 0) & (base["now"] < base["before"])]
    spend = now[now > 0].sort_values(ascending=False)
    gained, gone = moved.clip(lower=0).sum(), -moved.clip(upper=0).sum()
    known = {
        ("customer_flow", "came in"): {"now": gained},
        ("customer_flow", "went"): {"now": gone},
        ("customer_flow", "came in on what went"): {"now": gained, "than": gone},
        ("customer_flow", "step: lost"): {"now": (lost["now"] - lost["before"]).sum(), "n": len(lost)},
        ("customer_flow", "step: contraction"): {"now": (bought_less["now"] - bought_less["before"]).sum()},
        ("net_revenue_retention", ""): {"now": base["now"].sum() / base["before"].sum(), "n": len(base)},
        ("gross_revenue_retention", ""): {"now": base.min(axis=1).sum() / base["before"].sum()},
        ("logo_retention", ""): {"now": (base["now"] > 0).mean()},
        ("revenue_concentration", "top ten"): {"now": spend.head(10).sum() / spend.sum()},
        ("revenue_concentration", "largest"): {"now": spend.iloc[0]},
    }
    return known.get((metric, subject), {}) if predicate not in CLEAR else {}


def of_initiatives(tables, metric, subject, predicate):
    rows = tables["initiatives"]
    if metric == "initiatives_worked" and subject in ("moved its figure", "moved it too little", "cannot tell"):
        return {"of": len(rows)}
    return {}


@pytest.mark.parametrize("name, notebook", RUNS)
def test_no_false_claim_survives(page, name, notebook):
    tables, outputs = page(name, notebook)
    claims, compared = [c for r in records(outputs) for c in r["claims"]], 0
    assert len(claims) > 15
    for claim in claims:
        computed = recomputed(tables, notebook, claim)
        assert not faults(claim, computed), claim
        compared += len(computed)
    assert compared >= 4
    json.dumps(records(outputs))  # they are plain data


@pytest.mark.parametrize("name, notebook", RUNS)
def test_every_picture_and_every_sentence_makes_a_claim(page, name, notebook):
    for section, data, _ in page(name, notebook)[1]:
        said = data["text/plain"] if data.get("text/html", "").startswith(f'<div class="{LEAD} ') else ""
        if ("image/png" in data or said) and not any(words in said for words in DESCRIPTIVE):
            assert any(record["claims"] for record in data.get(SAID_MIME, [])), (section, said)


@pytest.mark.parametrize("name, notebook", RUNS)
def test_no_word_of_direction_stands_without_its_claim(page, name, notebook):
    for record in records(page(name, notebook)[1]):
        assert not unclaimed_words(record | {"text": re.sub(TERMS, "", record["text"]).lower()}), record


@pytest.mark.parametrize("name, notebook", RUNS)
def test_no_figure_stands_without_its_claim(page, name, notebook):
    for record in records(page(name, notebook)[1]):
        rounded = [claim | {"figures": dict(enumerate(values(claim["figures"])))} for claim in record["claims"]]
        assert not unclaimed_numbers(record | {"claims": rounded}), record


def values(figures):
    """Give a claim's figures, in hundredths too, and the differences and ratios that a sentence may tell of them."""
    for one in figures.values():
        yield from (one, 100 * one)
    for one, other in permutations(figures.values(), 2):
        yield from (one - other, one / other, one / other - 1) if other else (one,)


def rare():
    """Sentences that the rows of the demo company rarely lead to."""
    reached = {"lever": ["win_rate", "sellers"], "gap": -0.05, "reached": 0, "quarters": 20, "together": [0.5, None]}
    seek = pd.DataFrame(reached | {"together_percentile": [0.9, None]})
    part = {"dimension": "region", "past": 2e6, "change": [0.5, -0.25], "sure": True}
    parts = pd.DataFrame(part | {"part": ["A", "B"], "middle": [3e6, 1.5e6], "low": [2.5e6, 1e6], "high": [4e6, 1.9e6]})
    group = {
        "group": "Yards",
        "kind": "net",
        "value": 0.8,
        "low": 0.7,
        "high": 0.9,
        "all": 1.0,
        "place": "below",
        "n": 30,
    }
    call = {
        "category": "commit",
        "weeks_left": [12, 2],
        "error": [0.2, 0.04],
        "low": [0.1, -0.01],
        "high": [0.3, 0.09],
        "n": 20,
    }
    peak = {"losing": 0, "customers": 40, "lost": 0.0}
    move = {
        "dimension": "channel",
        "unit": ["Online", "Direct"],
        "fair": [5e5, 5e5],
        "total": 0.2,
        "margin": 1e5,
        "error": 0.0,
        "chance": 0.4,
        "move": [2e4, -2e4],
    }
    worked = {
        "name": ["Push", "Dud"],
        "verdict": ["moved its figure", "moved it too little"],
        "effect": [0.2, 0.0],
        "low": [0.1, -0.1],
    }
    worked |= {"high": [0.3, 0.1], "money": [1e6, 0.0], "spend": 2e5, "early": False}
    worked |= {"roi": [0.3, -0.1], "roi_low": [-7.9, -0.2], "roi_high": [8.6, 0.2]}
    known = {
        "way": ["weekdays", "initiatives"],
        "gain": [0.05, -0.02],
        "low": [0.01, -0.03],
        "n": 24,
        "taken": [True, False],
    }
    return [
        *(forecast_say.seek_takeaway(seek.assign(gap=gap)) for gap in (-0.05, 0.05)),
        *(forecast_say.parts_takeaway(parts.assign(middle=parts["middle"] + more)) for more in (0.0, -1.2e6)),
        forecast_say.calls_takeaway(pd.DataFrame(call)),
        forecast_say.regressors_takeaway(pd.DataFrame({"value": [1.0]}), pd.DataFrame(known)),
        customers_say.groups_takeaway(pd.DataFrame([group])),
        targets_say.whale_takeaway(pd.DataFrame([peak])),
        targets_say.moves_takeaway(pd.DataFrame(move)),
        initiatives_say.verdicts_takeaway(pd.DataFrame(worked)),
    ]


def test_rare_sentences_claim_all_that_they_say():
    said = rare()
    for sentence in said:
        record = sentence.record("sentence")
        rounded = [claim | {"figures": dict(enumerate(values(claim["figures"])))} for claim in record["claims"]]
        assert rounded and not unclaimed_numbers(record | {"claims": rounded}), sentence
        assert not unclaimed_words(record | {"text": sentence.lower()}), sentence
    assert "to spare" in said[0] and "2 of 2 levers" in said[1]
    assert "surely more from A and less from B" in said[2] and "no part adds anything" in said[3]
    assert "which may be chance" in said[4] and "What weekdays moved is taken out" in said[5]
    assert "Yards is below in net retention" in said[6]


def test_what_is_said_turns_with_the_rows(page):
    def said(name, notebook):
        return "\n".join(r["text"] for r in records(page(name, notebook)[1]))

    assert "surely less" in said("bad year", "customers") and "surely more" in said("good year", "customers")
    assert re.search(r"the forecast lies \S+ below it", said("bad year", "forecasting"))
    assert re.search(r"short|below", said("bad year", "targets"))
    for notebook in ("forecasting", "targets"):
        assert said("bad year", notebook) != said("as it is", notebook)


def test_no_name_of_a_figure_is_one_of_the_catalogue_too():
    assert not set(FIGURES) & set(METRICS)
    assert all(": " in figure.definition for figure in FIGURES.values())
