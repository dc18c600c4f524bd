"""Do the pictures, tables and sentences of targets and profit say what their frames say?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis import allocation, margin, outlook, profit, prospects, series
from quarterdeck.data import snapshot
from quarterdeck.present import style
from quarterdeck.present.charts import targets as chart
from quarterdeck.present.narrative import targets as say
from quarterdeck.present.tables import targets as table


@pytest.fixture(scope="module")
def told(demo_company, tmp_path_factory):
    """What the page of one region stands on."""
    folder = tmp_path_factory.mktemp("desk") / "data"
    snapshot.freeze(demo_company[0], folder, "demo", "Halcyon Marine", "EUR")
    desk = snapshot.open_desk("demo", "North Sea", data=str(folder))
    ask = desk.ask
    panel = ask(outlook.panel, season=4)
    tested = ask(series.backtest, panel=panel, ahead=4, season=4)
    quarters = ask(outlook.ahead, panel=panel, tested=tested, periods=4, season=4)
    plan = ask(prospects.plan, quarters=quarters, panel=panel)
    units = {
        d: ask(prospects.units, plan=plan, quarters=quarters, panel=panel, dimension=d) for d in ("segment", "channel")
    }
    split = allocation.split(ask(allocation.bounded, units=units["segment"], plan=plan), plan["revenue_target"].sum())
    earning = ask(profit.earning, units=units["channel"])
    whale = ask(profit.whale)
    return {
        "desk": desk,
        "plan": plan,
        "split": split,
        "fairness": allocation.fairness(split),
        "record": allocation.record(tested, panel, "segment"),
        "whale": whale,
        "peak": ask(profit.peak, whale=whale),
        "parts": ask(margin.parts),
        "bridge": ask(margin.bridge),
        "waterfall": ask(margin.waterfall),
        "bands": ask(margin.bands),
        "against": ask(margin.against_targets),
        "frontier": profit.frontier(earning),
        "moves": profit.moves(earning, plan["revenue_target"].sum()),
    }


def test_pictures_head_themselves_with_a_finding_and_a_question(told):
    drawn = [
        chart.split_rows(told["split"]),
        chart.margin_rows(told["parts"]),
        chart.margin_bridge(told["bridge"]),
        chart.waterfall_bars(told["waterfall"]),
        chart.whale_curve(told["whale"], told["peak"]),
        chart.band_bars(told["bands"]),
        chart.attained_rows(told["against"]),
        chart.frontier_lines(told["frontier"], told["moves"]),
    ]
    for ax in drawn:
        assert len(ax.get_title(loc="left")) > 15
        assert any(t.get_gid() == style.QUESTION and "?" in t.get_text() for t in ax.texts)


def test_a_part_that_sold_nothing_this_year_hides_no_other_margin(told):
    parts = told["parts"].copy()
    first = parts.groupby("dimension").head(1).index
    parts.loc[first, ["rate", "low", "high"]] = np.nan
    known = chart.margin_rows(parts.drop(first).reset_index(drop=True)).get_title(loc="left")
    assert chart.margin_rows(parts).get_title(loc="left") == known


def test_sentences_hold_the_figures_of_their_frames(told):
    row = told["plan"].iloc[0]
    assert style.money(row["revenue_target"]) in say.plan_takeaway(told["plan"])
    assert style.percent(told["split"]["even"].iloc[0], 0) in say.split_takeaway(told["split"], told["fairness"])
    assert style.percent(told["record"]["missed"].iloc[0]) in say.record_takeaway(told["record"])
    assert style.money(-told["peak"]["lost"].iloc[0]) in say.whale_takeaway(told["peak"])
    assert style.percent(told["bands"]["rate"].iloc[-1], 0) in say.bands_takeaway(told["bands"])
    assert style.money(told["moves"]["total"].iloc[0]) in say.moves_takeaway(told["moves"])
    for sentence in (
        say.parts_takeaway(told["parts"]),
        say.waterfall_takeaway(told["waterfall"]),
        say.against_takeaway(told["against"]),
    ):
        assert "nan" not in sentence and "–" not in sentence and sentence.endswith(".")


@pytest.mark.parametrize(
    "part, words", [(3.0, "at their caps they can be asked for"), (0.1, "at their floors they are asked for")]
)
def test_a_plan_that_cannot_be_split_is_told_in_one_sentence(told, part, words):
    bounds = told["split"].assign(cap=1.5 * told["split"]["middle"], floor=0.5 * told["split"]["middle"])
    split = allocation.split(bounds, part * bounds["middle"].sum())
    said = say.split_takeaway(split, allocation.fairness(split))
    assert words in said and "cannot be split" in said and style.money(abs(split["left"].iloc[0])) in said
    assert "do not allow the plan" in chart.split_rows(split).get_title(loc="left")


def test_a_chance_that_bounds_keep_from_some_is_not_said_of_all(told):
    first = told["split"]["unit"].eq(told["split"]["unit"].iloc[0])
    caps = told["split"].assign(cap=(0.9 * told["split"]["target"]).where(first, np.inf), floor=0.0)
    split = allocation.split(caps, caps["plan"].iloc[0])
    even, n = style.percent(split["even"].iloc[0], 0), len(split)
    title = chart.split_rows(split).get_title(loc="left")
    assert f"{n - 1} of {n} segments have a chance of {even}" in title.replace("\n", " ")
    free = allocation.split(caps.assign(cap=np.inf), caps["plan"].iloc[0])
    assert "each segment has" in chart.split_rows(free).get_title(loc="left").replace("\n", " ")


def test_a_gain_is_said_of_all_parts_that_move(told):
    moves = told["moves"].assign(unit=list("abcd"), move=[3e4, 1e4, -1e4, -3e4], total=9e3, error=1.0)
    assert "**Moving targets from c and d to a and b would earn €9.0k more" in say.moves_takeaway(moves)


def test_tables_list_what_their_frames_hold(told):
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
        assert draw(told[frame]).as_raw_html().count("<tr") > len(told[frame])
    assert table.losers(told["whale"]).as_raw_html().count("<tr") > 1


def test_each_kind_of_finding_has_its_sentence_and_none_says_so(told):
    rows = [(kind, "Fishing", -1e5, 0.2, 0.1, -2e5, -5e4, 30) for kind in say.SENTENCES]
    said = say.findings(told["desk"], pd.DataFrame(rows, columns=profit.FOUND))
    assert said.count("−€100k") == len(say.SENTENCES) and "nan" not in said
    assert say.findings(told["desk"], pd.DataFrame(columns=profit.FOUND)) == "Nothing is beyond chance here."
