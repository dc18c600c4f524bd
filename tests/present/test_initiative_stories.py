"""Do the pictures, tables and sentences on initiatives say what their frames say?"""

import pandas as pd
import pytest

from quarterdeck.analysis.initiatives import results
from quarterdeck.data import snapshot
from quarterdeck.errors import ParamsError
from quarterdeck.present import style
from quarterdeck.present.charts import initiatives as chart
from quarterdeck.present.narrative import initiatives as say
from quarterdeck.present.tables import initiatives as table


@pytest.fixture(scope="module")
def frozen(demo_company, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk") / "data"
    snapshot.freeze(demo_company[0], folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    return folder


@pytest.fixture(scope="module")
def shown(frozen):
    """The desk of one region that keeps all regions' rows, and what it says of initiatives."""
    desk = snapshot.open_desk("demo", "North Sea", data=str(frozen), everywhere=True)
    sales = desk.ask(results.sales)
    return desk, sales, desk.ask(results.effects, sales=sales)


ROW = {
    "name": "Push",
    "effect": 0.2,
    "low": 0.1,
    "high": 0.3,
    "verdict": "moved its figure",
    "gain": 5e5,
    "money": 1e6,
    "spend": 2e5,
}
ROW |= {"early": False, "detectable": 0.12, "minimum_effect": 0.1, "tell_by": pd.Timestamp("2026-03-26"), "shared": 0.0}
ROW |= {"roi": 0.3, "roi_low": -7.9, "roi_high": 8.6}
ROW |= {"started_on": pd.Timestamp("2026-01-01"), "why": "the interval lies above zero"}


def frame(*rows):
    return pd.DataFrame([ROW | r for r in rows])


def test_a_desk_may_speak_of_one_region_and_keep_all_rows(shown, frozen):
    desk, _, _ = shown
    assert desk.region == "North Sea" and desk.tables["orders"]["region"].nunique() == 6
    read = {(folder, region) for folder, region, _ in snapshot.tables_read()}
    assert (str(frozen.resolve()), "company") in read  # so the page is made again when another region's rows change
    with pytest.raises(ParamsError, match="there is no region 'Nowhere'"):
        snapshot.open_desk("demo", "Nowhere", data=str(frozen), everywhere=True)


@pytest.mark.slow
def test_every_picture_and_table_of_the_demo_company_is_drawn(shown):
    desk, sales, whole = shown
    own = desk.ask(results.touching, effects=whole)
    assert len(whole) == 12 and len(own) == 7  # of twelve, five name another region
    pictures = {
        "effects": chart.effect_intervals(results.estimated(own)),
        "gains": chart.gain_bars(results.valued(own)),
        "path": chart.event_study(desk.ask(results.path, effects=whole, sales=sales)),
        "placebos": chart.placebo_dots(desk.ask(results.placebos, effects=whole, sales=sales)),
        "bridge": chart.bridge(desk.ask(results.reconciled, effects=whole, sales=sales)),
    }
    for name, ax in pictures.items():
        assert ax.get_title(loc="left") and "nan" not in ax.get_title(loc="left"), name
        assert any(t.get_gid() == style.QUESTION for t in ax.texts), name
    names = [t.get_text() for t in pictures["effects"].get_yticklabels()]
    assert names == own.dropna(subset=["low"])["name"].tolist()[::-1]
    for laid in (
        table.results(own),
        table.registered(own),
        table.prices(desk.ask(results.prices, effects=whole, sales=sales)),
    ):
        assert "nan" not in laid.as_raw_html().lower().replace("finance", "")


def test_a_named_initiative_is_looked_at_closely(shown):
    desk, sales, whole = shown
    path = desk.ask(results.path, effects=whole, sales=sales, name="Winter safety drive")
    assert set(path["name"]) == {"Winter safety drive"} and path["since"].max() == 4  # 151 days: five periods of 28
    assert desk.ask(results.path, effects=whole, sales=sales, name="Marina roadshow").empty  # it is not of this region


def test_verdicts_in_words():
    said = say.verdicts_takeaway(
        frame(
            {},
            {"name": "Dud", "verdict": "moved it too little", "roi_high": 0.2},
            {"name": "New", "verdict": "cannot tell", "early": True},
        )
    )
    assert said == (
        "**1 of 3 moved its figure, 1 did not, and for 1 it is not clear.** Push moved its figure; it brought "
        "+20.0 % (+10.0 % to +30.0 %), €1.0m of sales. Dud did not do what was hoped; €200k went into it. Whether they paid "
        "back is another question: surely not for Dud, open for 2. New is read before the day set: what is shown may "
        "still turn."
    )  # fmt: skip
    many = frame(*({"name": n} for n in "ABCDEF"))
    assert "A, B, C and 3 others moved their figure" in say.verdicts_takeaway(many)


def test_what_worked_need_not_have_paid():
    own = frame({}, {"roi_low": 1.1}, {"verdict": "cannot tell", "roi_high": 0.2}, {"roi": None})
    assert results.paid(own).tolist() == ["open", "surely", "surely not", "not known"]
    html = table.results(own.assign(roi=0.3)).as_raw_html()
    assert "Paid back" in html and "surely not" in html


def test_what_moved_its_figure_and_brought_less_than_it_cost_did_not_pay():
    own = frame(
        {"roi": 0.3, "roi_low": 0.1, "roi_high": 0.6}, {"roi_low": 1.1}, {"verdict": "cannot tell", "roi_high": 0.2}
    )
    words = ["moved its figure, but did not pay", "moved its figure, and paid", "cannot tell"]
    assert results.verdicts(own).tolist() == words
    shown = table.results(own)
    assert all(f"{word}</td>" in shown.as_raw_html() for word in words)
    assert [f["value"] for f in shown.facts if f["measure"] == "initiative_roi"][0] == 0.3


def test_return_and_power_in_words():
    row = {"spend": 2e6, "gain": 3e6, "gain_low": 1e6, "gain_high": 5e6, "roi": 1.5, "roi_low": 0.5, "roi_high": 2.5}
    assert say.return_takeaway(pd.DataFrame([row])) == (
        "**€2.0m of spend brought €3.0m of gross margin** (€1.0m to €5.0m), 1.5× of it (0.5× to 2.5×): not surely more than it "
        "cost."
    )
    assert say.return_takeaway(pd.DataFrame([row | {"roi_low": 1.1}])).endswith(": more than it cost.")
    assert say.return_takeaway(pd.DataFrame([row | {"roi_high": 0.9}])).endswith(": less than it cost.")
    # 84 days after the start is week 12.
    assert say.power_takeaway(frame({})) == (
        "**The one that can be judged would have had to move its figure by 12 % to be found with a power of 80 %.** 1 could not "
        "have shown the smallest effect of interest when read; Push cannot be judged before week 12."
    )
    unknown = frame({"low": None, "high": None}, {"low": None, "high": None})
    assert say.trust_takeaway(unknown).startswith("**None of them has an estimate, so of none it is known")
    drifted = frame({"why": "it and its control drifted apart before the start"}, {"name": "Twin", "shared": 0.4})
    assert say.trust_takeaway(drifted) == (
        "**Push drifted from its control before the start, so nothing is claimed.** Sales that another initiative touched too: "
        "Twin (40 %); their effects are estimated together."
    )
