import re

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from quarterdeck.data.reasons import LACKING
from quarterdeck.data.snapshot import Missing
from quarterdeck.present import page, style
from quarterdeck.present.page import show
from quarterdeck.present.tables import KPI_MIME, kpi_tiles, not_shown
from quarterdeck.present.tables.call import teams

KPIS = pd.DataFrame(
    {
        "metric": ["revenue", "win_rate", "hhi"],
        "title": ["Revenue", "Win rate", "HHI"],
        "period": ["Q2 2026 to 15 May"] * 3,
        "value": [4_230_000.0, 0.274, float("nan")],
        "n": [1200.0, 812.0, float("nan")],
        "low": [float("nan"), 0.25, float("nan")],
        "high": [float("nan"), 0.30, float("nan")],
        "unit": ["money", "ratio", "index"],
        "better": ["higher", "higher", "neither"],
        "previous": [4_000_000.0, 0.28, float("nan")],
        "missing": ["", "", "Not shown: hhi needs market, which the data of <Acme> does not hold."],
    }
)


@pytest.fixture(autouse=True)
def shell(monkeypatch):
    """Displays are sent only where IPython's shell runs, as it does in a kernel; nothing was said there before."""
    monkeypatch.setattr(page, "_noted", {})
    InteractiveShell.instance()
    yield
    InteractiveShell.clear_instance()


def shown(*arguments, **options):
    with capture_output() as captured:
        show(*arguments, **options)
    return [o.data for o in captured.outputs]


def line(frame, ax=None):
    ax = style.axes(ax)
    ax.plot(frame["x"])
    return style.title(ax, "It rises", "How much? Units by day")


def test_a_picture_comes_with_words_for_those_who_cannot_see_it():
    with capture_output() as captured:
        show(line, pd.DataFrame({"x": [1, 2]}))
    (picture,) = captured.outputs
    assert picture.data["image/png"] and picture.metadata["image/png"]["alt"] == "It rises. How much? Units by day"


def test_what_is_missing_is_said_in_one_sentence():
    (note,) = shown(line, Missing("Not shown: <b> is missing."))
    assert '<p class="missing">Not shown: &lt;b&gt; is missing.</p>' in note["text/html"]


def test_a_frame_without_rows_is_said_not_drawn():
    (note,) = shown(line, pd.DataFrame({"x": []}))
    assert "too little of it" in note["text/html"] and "image/png" not in note
    short = pd.DataFrame({"x": []})
    short.attrs[LACKING] = "Not shown: it needs two quarters of x, more than the data of Acme holds."
    (note,) = shown(line, short)
    assert "two quarters of x" in note["text/html"]


def test_tiles_record_the_very_figures_they_show():
    (tiles,) = shown(kpi_tiles, KPIS)
    assert [(r["metric"], r["value"], r["low"]) for r in tiles[KPI_MIME]] == [
        ("revenue", 4_230_000.0, None),
        ("win_rate", 0.274, 0.25),
    ]
    assert "€4.2m" in tiles["text/html"] and "25.0 % to 30.0 %" in tiles["text/html"]
    assert "&lt;Acme&gt;" in tiles["text/html"]


def test_figures_that_are_missing_for_one_reason_are_named_together():
    why = "needs deals, which the data of Acme does not hold."
    void = {
        "title": ["Win rate", "Sales cycle", "HHI"],
        "missing": [f"Not shown: {t} {why}" for t in ("win rate", "sales cycle")],
    }
    void["missing"].append("Not shown: hhi needs market.")
    folded, *notes = re.split(r"(?=<p )", not_shown(pd.DataFrame(void)))
    together, alone = (note.split("</p>")[0] for note in notes)
    assert folded == '<details class="lacking"><summary>Why 3 figures are not shown, or not compared</summary>'
    assert together == f'<p class="missing">Not shown: win rate and sales cycle; each {why}'
    assert alone == '<p class="missing">Not shown: hhi needs market.'
    low = {
        "title": ["Forecast", "Forecast, low end"],
        "missing": [f"Not shown: forecast{end} {why}" for end in ("", ", low end")],
    }
    assert (
        not_shown(pd.DataFrame(low)) == f'<p class="missing">Not shown: forecast; and forecast, low end; each {why}</p>'
    )


def test_a_move_inside_the_interval_is_not_called_a_change():
    (tiles,) = shown(kpi_tiles, KPIS)
    assert "no clear change on last year" in tiles["text/html"]  # 28.0 % lies within 25 % to 30 %
    assert 'class="tile good"' in tiles["text/html"]  # revenue rose


def test_a_picture_keeps_its_labels_and_leaves_no_room_for_those_without_words():
    ax = line(pd.DataFrame({"x": [1, 2]}))
    ax.set_xlabel("day")
    page.png(ax)
    assert ax.xaxis.label.get_visible() and not ax.yaxis.label.get_visible()
    assert ax.xaxis.label.get_window_extent().y1 < min(t.get_window_extent().y0 for t in ax.get_xticklabels())


def test_a_head_stands_where_matplotlib_would_put_it():
    given, found = line(pd.DataFrame({"x": [1, 2]})), line(pd.DataFrame({"x": [1, 2]}))
    found.set_title("It rises", loc="left", pad=28)  # no place given
    found._autotitlepos = True
    for ax in (given, found):
        page.png(ax)
    assert given.head[0].get_position()[1] == found.head[0].get_position()[1] == 1.0


def test_what_a_drawing_can_do_without_is_passed_over_where_it_is_missing():
    def say(frame, beside=None):
        return f"{len(frame)} rows, {'nothing' if beside is None else 'something'} beside"

    def need(frame, beside):
        return f"{len(frame)} rows and {len(beside)}"

    frame, gone = pd.DataFrame({"a": [1]}), Missing("Not shown: it needs calls.")
    for draw, said in ((say, "1 rows, nothing beside"), (need, "Not shown: it needs calls.")):
        with capture_output() as captured:
            page.show(draw, frame, beside=gone)
        assert said in captured.outputs[0].data["text/html"]


def test_a_column_that_nothing_is_known_of_is_left_out():
    rows = pd.DataFrame(
        {"manager": ["Ann", "Bo"], "sellers": [2, 3], "gap": [-1e5, 2e5], "booked": [1e5, 3e5], "quota": [2e5, 1e5]}
    )
    (shown_rows,) = shown(teams, rows.assign(open_worth=float("nan")))
    assert "Booked" in shown_rows["text/html"] and "Open deals are worth" not in shown_rows["text/html"]
