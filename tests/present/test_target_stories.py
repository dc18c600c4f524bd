"""Do the pictures, tables and sentences of targets and profit say what their frames say?"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.forecasting import months_ahead
from quarterdeck.analysis.methods import series
from quarterdeck.analysis.planning import profit, prospects, target_split
from quarterdeck.analysis.sales import margin
from quarterdeck.data import snapshot
from quarterdeck.present import style
from quarterdeck.present.charts import targets as chart
from quarterdeck.present.narrative import targets as say
from quarterdeck.present.tables import targets as table


@pytest.fixture(scope="module")
def frames(demo_company, tmp_path_factory):
    """What the page of one region stands on."""
    folder = tmp_path_factory.mktemp("desk") / "data"
    snapshot.freeze(demo_company[0], folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    desk = snapshot.open_desk("demo", "North Sea", data=str(folder))
    ask = desk.ask
    panel = ask(months_ahead.panel, season=4)
    tested = ask(series.backtest, panel=panel, ahead=4, season=4)
    quarters = ask(months_ahead.ahead, panel=panel, tested=tested, periods=4, season=4)
    plan = ask(prospects.next_plan, quarters=quarters, panel=panel)
    units = {
        d: ask(prospects.units, plan=plan, quarters=quarters, panel=panel, dimension=d) for d in ("segment", "channel")
    }
    split = target_split.split(
        ask(target_split.bounded, units=units["segment"], plan=plan), plan["revenue_target"].sum()
    )
    earning = ask(profit.earning, units=units["channel"])
    whale = ask(profit.whale)
    return {
        "desk": desk,
        "plan": plan,
        "split": split,
        "fairness": target_split.fairness(split),
        "record": target_split.record(tested, panel, "segment"),
        "whale": whale,
        "peak": ask(profit.peak, whale=whale),
        "parts": ask(margin.parts),
        "bridge": ask(margin.margin_bridge),
        "waterfall": ask(margin.waterfall),
        "bands": ask(margin.bands),
        "against": ask(margin.against_targets),
        "frontier": profit.frontier(earning),
        "moves": profit.moves(earning, plan["revenue_target"].sum()),
    }


@pytest.mark.parametrize(
    ("region", "source", "shared"),
    [("company", "targets", True), ("North", "company", True), ("North", "targets", False), ("North", "asked", False)],
)
def test_a_plan_is_a_share_of_the_company_s_only_where_it_comes_from_there(region, source, shared):
    row = {"label": "Q1 2027", "region": region, "revenue_target": 90.0, "from_what": source, "measure": "revenue"}
    row |= {"low": 70.0, "high": 120.0, "chance": 0.4, "last_year": 80.0}
    said = say.plan_takeaway(pd.DataFrame([row]))
    assert {c.metric for c in said.claims} == {"plan"} | (
        {"split_target", "split_chance", "split_change"} if shared else set()
    )


def test_pictures_head_themselves_with_a_finding_and_a_question(frames):
    drawn = [
        chart.split_rows(frames["split"]),
        chart.margin_rows(frames["parts"]),
        chart.margin_bridge(frames["bridge"]),
        chart.waterfall_bars(frames["waterfall"]),
        chart.whale_curve(frames["whale"], frames["peak"]),
        chart.band_bars(frames["bands"]),
        chart.attained_rows(frames["against"]),
        chart.frontier_lines(frames["frontier"], frames["moves"]),
    ]
    for ax in drawn:
        assert len(ax.get_title(loc="left")) > 15
        assert any(t.get_gid() == style.QUESTION and "?" in t.get_text() for t in ax.texts)


def test_a_part_that_sold_nothing_this_year_hides_no_other_margin(frames):
    parts = frames["parts"].copy()
    first = parts.groupby("dimension").head(1).index
    parts.loc[first, ["rate", "low", "high"]] = np.nan
    known = chart.margin_rows(parts.drop(first).reset_index(drop=True)).get_title(loc="left")
    assert chart.margin_rows(parts).get_title(loc="left") == known


def test_sentences_hold_the_figures_of_their_frames(frames):
    row = frames["plan"].iloc[0]
    assert style.money(row["revenue_target"]) in say.plan_takeaway(frames["plan"])
    assert style.percent(frames["split"]["even"].iloc[0], 0) in say.split_takeaway(frames["split"], frames["fairness"])
    assert style.percent(frames["record"]["missed"].iloc[0]) in say.record_takeaway(frames["record"])
    assert style.money(-frames["peak"]["lost"].iloc[0]) in say.whale_takeaway(frames["peak"])
    assert style.percent(frames["bands"]["rate"].iloc[-1], 0) in say.bands_takeaway(frames["bands"])
    assert style.money(frames["moves"]["total"].iloc[0]) in say.moves_takeaway(frames["moves"])
    for sentence in (
        say.parts_takeaway(frames["parts"]),
        say.waterfall_takeaway(frames["waterfall"]),
        say.against_takeaway(frames["against"]),
    ):
        assert "nan" not in sentence and "–" not in sentence and sentence.endswith(".")


@pytest.mark.parametrize(
    "part, words", [(3.0, "at their caps they can be asked for"), (0.1, "at their floors they are asked for")]
)
def test_a_plan_that_cannot_be_split_is_said_in_one_sentence(frames, part, words):
    bounds = frames["split"].assign(cap=1.5 * frames["split"]["middle"], floor=0.5 * frames["split"]["middle"])
    split = target_split.split(bounds, part * bounds["middle"].sum())
    said = say.split_takeaway(split, target_split.fairness(split))
    assert words in said and "cannot be split" in said and style.money(abs(split["left"].iloc[0])) in said
    assert "do not allow the plan" in chart.split_rows(split).get_title(loc="left")


def test_a_chance_that_bounds_keep_from_some_is_not_said_of_all(frames):
    first = frames["split"]["unit"].eq(frames["split"]["unit"].iloc[0])
    caps = frames["split"].assign(cap=(0.9 * frames["split"]["target"]).where(first, np.inf), floor=0.0)
    split = target_split.split(caps, caps["plan"].iloc[0])
    even, n = style.percent(split["even"].iloc[0], 0), len(split)
    title = chart.split_rows(split).get_title(loc="left")
    assert f"{n - 1} of {n} segments have a chance of {even}" in title.replace("\n", " ")
    free = target_split.split(caps.assign(cap=np.inf), caps["plan"].iloc[0])
    assert "each segment has" in chart.split_rows(free).get_title(loc="left").replace("\n", " ")


def test_a_gain_is_said_of_all_parts_that_move(frames):
    moves = frames["moves"].assign(unit=list("abcd"), move=[3e4, 1e4, -1e4, -3e4], total=9e3, error=1.0)
    assert "**Moving targets from c and d to a and b would earn €9.0k more" in say.moves_takeaway(moves)


def test_tables_list_what_their_frames_hold(frames):
    needs = pd.DataFrame(
        {"what": ["pipeline", "sellers"], "there": [2e6, 12.0], "needed": [5e6, 14.0], "gap": [3e6, 2.0],
         "unit": ["money", "count"], "reached": [3, None], "quarters": [20, None], "by": [pd.NaT, pd.Timestamp("2026-12-01")]}
    )  # fmt: skip
    shown = table.needs(needs).as_raw_html()
    assert "€5.0m" in shown and "3 of 20" in shown and "1 Dec 2026" in shown
    assert "2 more ramped sellers, hired by 1 Dec 2026" in say.needs_takeaway(needs)
    for draw, frame in (
        (table.split, "split"),
        (table.fairness, "fairness"),
        (table.parts, "parts"),
        (table.moves, "moves"),
    ):
        assert draw(frames[frame]).as_raw_html().count("<tr") > len(frames[frame])
    assert table.losers(frames["whale"]).as_raw_html().count("<tr") > 1


def test_each_kind_of_finding_has_its_sentence_and_none_says_so(frames):
    rows = [(kind, "Fishing", -1e5, 0.2, 0.1, -2e5, -5e4, 30) for kind in say.SENTENCES]
    said = say.findings(frames["desk"], pd.DataFrame(rows, columns=profit.FOUND))
    assert said.count("−€100k") == len(say.SENTENCES) and "nan" not in said
    nothing = say.findings(frames["desk"], pd.DataFrame(columns=profit.FOUND))
    assert nothing == "Of what could be looked into, nothing is beyond chance."


def test_where_nobody_earns_anything_no_part_of_customers_does(frames):
    nobody = frames["peak"].assign(at=0.0, peak=0.0, ratio=float("nan"), losing=3, lost=-900.0)
    assert say.whale_takeaway(nobody).startswith("**No customer earns anything**; 3 lose €900, of these ")


@pytest.mark.parametrize(
    ("part", "said"), [(0.3341, "33.4 %, all but the same ("), (0.3362, "33.6 % in place of 33.4 % (")]
)
def test_margins_that_read_alike_are_not_held_against_each_other(part, said):
    row = {"kind": "margin", "subject": "channels", "worth": 23_000.0, "low": 20_000.0, "high": 27_000.0, "n": 4}
    found = pd.DataFrame([row | {"value": part, "compared": 0.3338}])
    text = say.findings(SimpleNamespace(currency="EUR"), found)
    assert f"The plan's margin would be {said}" in text
    assert [c.predicate for c in text.claims][-1] == ("as much as" if part < 0.335 else "more than")
