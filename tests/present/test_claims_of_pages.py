"""Does every title and sentence of the pages on market, rivals and team claim only what the rows hold?

As in test_said.py, the real notebooks are run on companies whose rows are turned. Plain sums and counts are computed again
from the frames; every number and every word of order or direction in a title or sentence must be one of its claims.
"""

import base64
import json
import re
from types import SimpleNamespace

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from perturbed import between, faults, records, run_page, swapped, unclaimed_numbers, unclaimed_words

from quarterdeck.analysis.brief.figures import FIGURES
from quarterdeck.analysis.brief.metrics import METRICS
from quarterdeck.analysis.methods.claims import holds
from quarterdeck.data import snapshot
from quarterdeck.present import page as put
from quarterdeck.present.page import LEAD
from quarterdeck.present.sentences import SAID_MIME
from quarterdeck.publish.exports import deck
from quarterdeck.publish.exports.run_reader import BRIEF, RunReader

pytestmark = pytest.mark.slow  # its pages are made once, which takes most of its time

PAGES = ("market_research", "competitor_analysis", "team_performance")
FOUR, FOUR_BEFORE = ("2025-10-01", "2026-09-30"), ("2024-10-01", "2025-09-30")  # quarters that the market's table knows
YEAR = ("2025-11-15", "2026-11-15")
QUARTER, LAST_QUARTER = ("2026-10-01", "2026-11-15"), ("2026-07-01", "2026-09-30")
PURELY_DESCRIPTIVE = ("Halcyon Marine",)  # how the sentence on what a page stands on begins


def lean(tables):
    """Let us sell two fifths less and the market grow by a fifth since October 2025, and halve all quotas."""
    orders, market, late = tables["orders"], tables["market"], pd.Timestamp("2025-10-01")
    money = ["revenue", "list_amount", "cost"]
    fewer = orders[money].where(orders["order_date"] < late, orders[money] * 0.6)
    grown = market["market_revenue"].where(market["period_start"] < late, market["market_revenue"] * 1.2)
    quotas = tables["quotas"].assign(quota=tables["quotas"]["quota"] / 2)
    return tables | {
        "orders": orders.assign(**fewer),
        "market": market.assign(market_revenue=grown),
        "quotas": quotas,
    }


def turned(tables):
    """Swap the rivals, turn prices about ours and won into lost, shrink the market since October 2025, double all quotas."""
    deals, market, late = swapped(tables)["opportunities"], tables["market"], pd.Timestamp("2025-10-01")
    other = deals["status"].map({"won": "lost", "lost": "won", "open": "open"})
    rivals = tables["competitors"].assign(price_index=200 - tables["competitors"]["price_index"])
    shrunk = market["market_revenue"].where(market["period_start"] < late, market["market_revenue"] * 0.8)
    less = rivals["revenue"].where(rivals["period_start"] < late, rivals["revenue"] * 0.7)
    return tables | {
        "opportunities": deals.assign(
            status=other, loss_reason=pd.Series("Product fit", deals.index).where(other == "lost")
        ),
        "competitors": rivals.assign(revenue=less),
        "market": market.assign(market_revenue=shrunk),
        "quotas": tables["quotas"].assign(quota=tables["quotas"]["quota"] * 2),
    }


PERTURBED = {"as it is": lambda tables: tables, "lean": lean, "turned": turned}


@pytest.fixture(scope="module")
def ran(demo_company, tmp_path_factory, remembered):
    """Run a page's own cells on a perturbed company; give its tables and its outputs. Pictures are coarse, to be cheap."""
    shell, done, sharp = InteractiveShell.instance(), {}, put.png

    def run(name, page):
        if name not in done:
            folder = tmp_path_factory.mktemp("pages") / "data"
            tables = PERTURBED[name](demo_company[0])
            snapshot.freeze(tables, folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"), folder.parent)
            done[name] = SimpleNamespace(tables=tables, folder=folder, pages={})
        company = done[name]
        if page not in company.pages:
            company.pages[page] = run_page(shell, page, company.folder, "company")
        return company.tables, company.pages[page]

    def coarse(ax):
        drawn, figure = sharp(ax, 40), ax.figure
        run.wide += (
            [ax.get_title(loc="left")] if ax._left_title.get_window_extent().x1 > 1.02 * figure.bbox.width else []
        )
        return drawn

    run.wide, put.png = [], coarse
    yield run
    put.png = sharp


def every(names=PERTURBED, pages=PAGES):
    return pytest.mark.parametrize(("name", "page"), [(n, p) for n in names for p in pages])


def amount(frame, column, span, day="order_date"):
    return between(frame, day, span)[column].sum()


def recomputed(tables):
    """Compute figures of claims from the frames alone, by metric and subject: those that plain sums and counts can give."""
    return of_the_market(tables) | of_sellers(tables) | of_deals(tables) | of_the_team(tables)


def of_the_market(tables):
    orders, market, customers = (tables[t] for t in ("orders", "market", "customers"))
    size, before = (amount(market, "market_revenue", s, "period_start") for s in (FOUR, FOUR_BEFORE))
    own, own_before = (amount(orders, "revenue", s) for s in (FOUR, FOUR_BEFORE))
    found = {
        ("market_size", ""): {"now": size},
        ("market_growth", ""): {"now": size / before - 1},
        ("revenue", "shift-share: all"): {"now": own, "before": own_before},
        ("market_share", ""): {"now": own / size, "before": own_before / before},
        ("addressable_market", "TAM"): {"now": size},
        ("addressable_market", "Own"): {"now": own},
    }
    segment = orders["customer_id"].map(customers.set_index("customer_id")["segment"])
    buyers, outgrown = customers["customer_id"].isin(between(orders, "order_date", YEAR, True)["customer_id"]), []
    for name in market["segment"].unique():
        inside, theirs = market[market["segment"] == name], orders[segment == name]
        grown = [amount(inside, "market_revenue", s, "period_start") for s in (FOUR, FOUR_BEFORE)]
        sold = [amount(theirs, "revenue", s) for s in (FOUR, FOUR_BEFORE)]
        moved = sold[0] / grown[0] - sold[1] / grown[1]
        outgrown.append(sold[0] / sold[1] > grown[0] / grown[1])
        found |= {
            ("market_growth", f"segment: {name}"): {"now": grown[0] / grown[1] - 1},
            ("revenue_growth", f"segment: {name}"): {"now": sold[0] / sold[1] - 1},
            ("market_share", f"segment: {name}", "amounts to"): {"now": sold[0] / grown[0]},
            ("market_share", f"a year's move of segment: {name}", "lost most"): {"now": moved},
            ("penetration", f"segment: {name}"): {"now": buyers[customers["segment"] == name].mean()},
        }
    counted = {"n": sum(outgrown), "of": len(outgrown)}
    return found | {("revenue_growth", "segments where we outgrow the market"): counted}


def of_sellers(tables):
    """Give what rivals' and our own revenue say: shares of four quarters, the index of their squares, prices."""
    rivals, size = tables["competitors"], amount(tables["market"], "market_revenue", FOUR, "period_start")
    year = between(rivals, "period_start", FOUR)
    shares = year.groupby("competitor")["revenue"].sum() / size
    shares["Us"] = amount(tables["orders"], "revenue", FOUR) / size
    weighted = (year["price_index"] * year["revenue"]).groupby(year["competitor"]).sum()
    level = weighted / year.groupby("competitor")["revenue"].sum()
    prices = {
        ("price_index", f"rival: {name}", p): {"now": v} for name, v in level.items() for p in ("is most", "is least")
    }
    return prices | {
        ("hhi", ""): {"now": (100 * shares).pow(2).sum()},
        ("market_share", "four largest"): {"now": shares.nlargest(4).sum()},
        ("market_share", "rival: Us", "is most"): {"now": shares["Us"], "most": shares.max()},
        ("market_share", "rivals larger than we are"): {"n": (shares > shares["Us"]).sum(), "of": len(shares) - 1},
        ("price_index", "rivals cheaper than we are"): {"n": (level < 100).sum(), "of": len(level)},
    }


def of_deals(tables):
    deals = tables["opportunities"]
    closed = between(deals[deals["status"] != "open"], "closed_on", YEAR, True)
    lost, won = closed[closed["status"] == "lost"], closed[closed["status"] == "won"]
    named, reasons = closed.dropna(subset=["competitor"]), lost["loss_reason"].value_counts(normalize=True)
    median = (won["closed_on"] - won["opened_on"]).dt.days.median()
    losses = lost.groupby("competitor")["amount"].sum()
    return {
        **{("loss_reasons", f"reason: {k}"): {"now": v, "most": reasons.max()} for k, v in reasons.items()},
        **{("deals_lost", f"rival: {name}"): {"now": v} for name, v in losses.items()},
        ("win_rate", "with a rival"): {"now": named["status"].eq("won").mean(), "n": len(named)},
        ("deals_recorded", "closed deals with a rival"): {"now": closed["competitor"].notna().mean(), "n": len(closed)},
        ("stage_conversion", "deals won of those that came in"): {"n": len(won), "of": len(closed)},
        ("sales_cycle_days", "median"): {"now": median},
    }


def of_the_team(tables):
    """Give what quotas and deals won say of sellers: who reached a whole quarter's, how far all are, on whom much hangs."""
    deals, quotas = tables["opportunities"], tables["quotas"]
    won = deals[deals["status"] == "won"]
    booked, due = {}, {}
    for span in (QUARTER, LAST_QUARTER):
        asked = quotas[quotas["period_start"].eq(span[0]) & quotas["quota"].gt(0)]
        due[span] = asked.set_index("rep_id")["quota"]
        sold = between(won, "closed_on", span).groupby("rep_id")["amount"].sum()
        booked[span] = sold.reindex(due[span].index).fillna(0)
    attained = (booked[LAST_QUARTER] / due[LAST_QUARTER]).round(9)
    late = deals[deals["status"].eq("open") & (deals["expected_close"] < "2026-11-15")]
    year = between(won, "closed_on", YEAR, True).groupby("rep_id")["amount"].sum()
    reached = {"n": (attained >= 1).sum(), "of": len(attained)}
    return {
        ("quota_attainment", "sellers reached their quota in Q3 2026"): reached,
        ("quota_attainment", "median seller"): {"now": attained.median()},
        ("quota_attainment", "days gone"): {"now": booked[QUARTER].sum() / due[QUARTER].sum(), "than": 46 / 92},
        ("pipeline_overdue", ""): {"now": late["amount"].sum()},
        ("bookings", "part of the best tenth"): {"now": year.nlargest(max(len(year) // 10, 1)).sum() / year.sum()},
    }


def again(figures, claim):
    """Find what was computed again of a claim's figures."""
    subject = "" if claim["metric"] == "hhi" else claim["subject"]  # which is the guidelines' word for it
    return figures.get((claim["metric"], subject, claim["predicate"])) or figures.get((claim["metric"], subject), {})


@every()
def test_no_false_claim_survives(ran, name, page):
    tables, outputs = ran(name, page)
    figures, claims = recomputed(tables), [c for r in records(outputs) for c in r["claims"]]
    assert len(claims) > 20
    assert not [(c, wrong) for c in claims if (wrong := faults(c, again(figures, c)))]
    assert len({(c["metric"], c["subject"]) for c in claims if again(figures, c)}) >= 4


@every()
def test_every_picture_and_sentence_carries_a_claim(ran, name, page):
    bare = []
    for _, data, about in ran(name, page)[1]:
        said = data["text/plain"] if data.get("text/html", "").startswith(f'<div class="{LEAD} ') else ""
        text = said or (about.get("image/png", {}).get("alt") if "image/png" in data else "")
        if text and not text.startswith(PURELY_DESCRIPTIVE) and not any(r["claims"] for r in data.get(SAID_MIME, [])):
            bare.append(text)
    assert not bare


@every()
def test_no_word_of_order_or_direction_stands_without_its_claim(ran, name, page):
    assert not [(r["text"], w) for r in records(ran(name, page)[1]) if (w := unclaimed_words(r))]


@every()
def test_no_number_stands_without_its_claim(ran, name, page):
    assert not [(r["text"], n) for r in records(ran(name, page)[1]) if (n := unclaimed_numbers(r))]


def test_no_title_is_cut_off(ran):
    assert all(ran(name, page) for name in PERTURBED for page in PAGES)
    assert not ran.wide


def test_titles_turn_with_the_rows(ran):
    said = {name: " ".join(r["text"] for page in PAGES for r in records(ran(name, page)[1])) for name in PERTURBED}
    assert "We grew by" in said["as it is"] and "We shrank by" in said["lean"]
    assert "share lost took" in said["lean"] and "taking share brought" in said["turned"]
    assert "+" in said["lean"].split("on the four before")[0] and "−" in said["turned"].split("on the four before")[0]
    assert "We lead with" in said["as it is"] and "rivals are larger than we are" in said["lean"]
    assert "Kestrel Systems stands at 89" in said["turned"]  # 111 as it is


@pytest.fixture(scope="module")
def run(ran, tmp_path_factory):
    """The pages as a run stores them, and what `run.json` would say of them."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "company").mkdir()
    for page in (BRIEF, *PAGES):
        cells = [c for section, data, about in ran("as it is", page)[1] for c in stored(section, data, about)]
        (folder / "company" / f"{page}.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    figures = [r for r in records(ran("as it is", BRIEF)[1]) if r["kind"] == "figure"]
    kpis = [{k: f[k] for k in ("metric", "value", "low", "high", "n")} | {"region": "company"} for f in figures]
    kpis = [k | {"unit": METRICS[k["metric"]].unit} for k in kpis]
    facts = {"title": "Halcyon Marine", "as_of": "2026-11-15", "run": "r", "snapshot": "a" * 64, "currency": "EUR"}
    facts |= {"created_at": "2026-11-15T08:00:00+00:00", "library": "0.1.0", "company": "demo", "notebooks": []}
    return RunReader(folder, facts | {"kpis": kpis}, "company")


def stored(section, data, about):
    picture = {k: base64.b64encode(v).decode() for k, v in data.items() if isinstance(v, bytes)}
    output = {"output_type": "display_data", "data": data | picture, "metadata": about}
    return [
        {"cell_type": "markdown", "source": [f"## {section}"], "metadata": {}},
        {"cell_type": "code", "source": [], "metadata": {}, "outputs": [output]},
    ]


def test_every_slide_title_carries_a_claim_that_holds_into_its_notes(run):
    slides = deck.build(run).slides
    headed = {s.shapes.title.text_frame.text: s.notes_slide.notes_text_frame.text for s in slides}
    assert len(headed) >= 8 and any("figures stand well" in title for title in headed)
    for title, note in headed.items():
        lines = note.partition("What the title claims\n")[2].partition("\n\n")[0].splitlines()
        claims = [re.fullmatch(r"(\w+)(?: \[(.*)\])?: (.+) \((.*)\)", line).groups() for line in lines]
        assert claims or not re.search(r"\d", title), title
        for metric, _, predicate, figures in claims:
            pairs = (pair.rsplit(" ", 1) for pair in figures.split(", "))
            assert holds(predicate, {name: float(value) for name, value in pairs}), (title, predicate, figures)
            assert deck.defined(metric) in note


def test_there_is_one_definition_of_every_figure_that_claims_speak_of():
    assert not set(FIGURES) & set(METRICS)
    assert all(": " in f.definition and not f.definition.endswith(".") for f in FIGURES.values())
