"""Are texts measured as they are drawn, and do charts say what they were made from, whatever the figures?"""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont
from pptx import Presentation

from conftest import ROOT
from quarterdeck.publish.exports import deck, measure, native, story
from quarterdeck.publish.exports.content import BODY_HEIGHT, BODY_WIDTH, Chart, Table, Text

WHOLE = (0.0, 0.0, BODY_WIDTH, BODY_HEIGHT)
NAMES = [
    "Acme",
    "A very long name of a customer that nobody would have thought of, Limited",
    "株式会社海運",
    "O'Neill & Söhne",
]
money = st.floats(-1e9, 1e9).map(lambda v: round(v, 2))


def fact(value, name="x", measure="revenue_step", kind="step"):
    return {
        "measure": measure,
        "kind": kind,
        "entity": name,
        "id": "",
        "period": "",
        "value": value,
        "unit": "money",
        "whole": False,
    }


def chart(kind, *values, **more):
    facts = [fact(v, f"step {k}") for k, v in enumerate(values)]
    return Chart(kind, [f["entity"] for f in facts], {"steps": facts}, "money", "EUR", "What changed?", **more)


def drawn(block):
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[deck.TITLE_ONLY])
    return native.place(slide, block, (0.5, 1.5), WHOLE, "It rose").chart


@pytest.mark.parametrize("kind", ["line", "bar", "column", "stacked", "waterfall"])
@given(values=st.lists(money, min_size=3, max_size=9))
def test_a_chart_of_the_file_holds_the_figures_that_it_was_made_from(kind, values):
    block = chart(kind, *values)
    assert [f["value"] for f in native.read_back(block, drawn(block))] == pytest.approx(values)


def test_bars_of_a_waterfall_stand_on_each_other():
    shown = {s.name: list(s.values) for s in drawn(chart("waterfall", 10.0, 4.0, -6.0, 8.0)).plots[0].series}
    assert shown == {
        "below": [0.0, 10.0, 8.0, 0.0],
        "total": [10.0, 0.0, 0.0, 8.0],
        "adds": [0.0, 4.0, 0.0, 0.0],
        "takes away": [0.0, 0.0, 6.0, 0.0],
    }


def test_an_axis_that_does_not_begin_at_zero_begins_below_all_marks():
    axis = drawn(chart("waterfall", 30e6, 2e6, -1e6, 31e6)).value_axis
    assert 0 < axis.minimum_scale < 30e6 and drawn(chart("bar", 30e6, 31e6)).value_axis.minimum_scale == 0


def test_error_bars_reach_from_the_low_end_to_the_high_end():
    series = {name: [fact(v, "a")] for name, v in (("forecast", 5.0), ("low", 3.0), ("high", 9.0))}
    block = Chart("column", ["a"], series, "money", "EUR", "How much?", {"forecast": ("low", "high")})
    shown = drawn(block).plots[0].series
    assert [s.name for s in shown] == ["forecast"]
    values = shown[0]._element.xpath("c:errBars/c:plus//c:v | c:errBars/c:minus//c:v")
    assert [float(v.text) for v in values] == [4.0, 2.0]


@pytest.mark.parametrize("rows", [1, 7, 200])
def test_a_table_of_any_length_fits_and_says_how_many_rows_more_there_are(rows):
    table = Table(["Region", "Gap", "Why"], [[NAMES[k % 4], "−€1.1m", "x " * 20] for k in range(rows)], [2, 1, 3])
    fitting, size, heights = deck._fitting(table, WHOLE)
    assert sum(heights) <= BODY_HEIGHT and size >= deck.LEAST and len(heights) == len(fitting.rows) + 1
    if rows == 200:
        assert fitting.rows[-1][0] == f"and {200 - len(fitting.rows) + 1} more on the page"
    else:
        assert fitting.rows == table.rows


def test_lines_of_any_length_fit_their_box():
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[deck.TITLE_ONLY])
    deck._texts(slide, Text([("Head", "head"), *[("word " * 60, "body")] * 12]), (1.0, 1.0, 4.0, 3.0))
    frame = slide.shapes[-1].text_frame
    lines = [(p.text, p.runs[0].font.size.pt, bool(p.runs[0].font.bold)) for p in frame.paragraphs]
    used = sum(measure.height(text, size, 3.8, bold) + deck.BETWEEN for text, size, bold in lines)
    assert used <= 3.0 and all(size >= deck.LEAST for _, size, _ in lines)


@given(st.text("abcdefgh ABC1234567890€%", min_size=1, max_size=40).filter(str.strip), st.sampled_from([12, 20, 28]))
def test_no_text_is_wider_than_it_is_measured(text, size):
    """DejaVu Sans, which is there wherever matplotlib is, is wider than Helvetica; half of its width no text may stay below."""
    font = ImageFont.truetype(measure.matplotlib.get_data_path() + "/fonts/ttf/DejaVuSans.ttf", 100)
    wide = font.getlength(text) / 100 * size / 72
    assert 0.5 * wide <= measure.width(text, size) <= 1.1 * wide
    assert measure.width(text, size, bold=True) >= measure.width(text, size) * 0.99


def test_a_title_that_fits_nowhere_is_cut_at_a_word():
    text, size = measure.fitted("An unthinkable sentence " * 40, (12.0, 1.0), deck.TITLE_SIZES, bold=True)
    assert text.endswith(" …") and size == deck.TITLE_SIZES[-1] and measure.height(text, size, 12.0, True) <= 1.0


def test_slides_take_what_they_say_from_sections_that_are_there():
    cells = [c for path in (ROOT / "notebooks").glob("*.ipynb") for c in json.loads(path.read_text())["cells"]]
    headings = {
        "".join(c["source"]).partition("\n")[0].removeprefix("## ") for c in cells if c["cell_type"] == "markdown"
    }
    asked = set(re.findall(r'"([A-Z][^"]*\?)"', Path(story.__file__).read_text()))
    assert len(asked) > 10 and asked <= headings
