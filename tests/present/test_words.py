"""Are counts, names, missing amounts and scripts written as a reader expects them, whatever the data are?"""

import ast
import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib import font_manager

from conftest import ROOT
from quarterdeck.analysis.brief.scorecard import scorecard
from quarterdeck.present import fonts, page, style
from quarterdeck.present.narrative.brief import sold
from quarterdeck.present.numbers import counted, money
from quarterdeck.present.page import TOO_LITTLE, show
from quarterdeck.present.sentences import Sentence

SPEAKS = [p for room in ("present", "publish") for p in sorted((ROOT / "lib" / "quarterdeck" / room).rglob("*.py"))]
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be
NOT_COUNTS = {"times"}  # "1.3 times what"


@pytest.fixture(autouse=True)
def shell(monkeypatch):
    """A shell that takes what is shown; nothing was noted before."""
    monkeypatch.setattr(page, "_noted", {})
    InteractiveShell.instance()


@pytest.mark.parametrize("path", SPEAKS, ids=lambda p: p.stem)
def test_a_count_is_written_with_what_is_counted_by_the_one_function_that_knows_the_singular(path):
    """Find counts that stand before a plural in a text, written by themselves."""
    for text in (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.JoinedStr)):
        for count, after in zip(text.values, text.values[1:], strict=False):
            if isinstance(count, ast.FormattedValue) and isinstance(after, ast.Constant):
                plural = re.match(r" (?:[a-z]+ )?([a-z]{3,}s)\b", after.value)
                source, spec = ast.unparse(count.value), ast.unparse(count.format_spec or ast.Constant(""))
                whole = "0f" in spec or re.match(r"len\(|int\(|style\.number\(|number\(|.*\.figures\['n'\]", source)
                assert not (plural and whole and plural[1] not in NOT_COUNTS), (path.name, text.lineno, source)


def test_no_text_that_holds_a_name_changes_its_case():
    """Names come as columns of a frame; `.str` changes what is in one, and only columns of our own words may be."""
    own = {"metric", "dimension", "of", "measure", "state", "step"}
    for path in SPEAKS:
        for column in re.findall(
            r'\["(\w+)"\](?:\.iloc\[.*?\])?(?:\.str)?\.(?:lower|upper|title|capitalize)\(', path.read_text()
        ):
            assert column in own | {"title"}, (path.name, column)  # the title of a metric is ours


@BUSY
@given(st.integers(0, 10**7))
def test_one_is_one_and_all_else_is_many(count):
    assert counted(count, "page is", "pages are").endswith("page is" if count == 1 else "pages are")


@BUSY
@given(st.floats(1e11, 1e16))
def test_money_of_any_size_has_at_most_five_figures_before_its_scale(amount):
    written = money(amount, "JPY")
    assert re.fullmatch(r"¥[\d,.]{1,6}(bn|tn)", written), written


def test_a_missing_amount_is_never_put_into_a_sentence_as_a_dash():
    frame = pd.DataFrame({"name": ["North – West"], "amount": [np.nan]})

    def said(frame, amount=None):
        row = frame.iloc[0]
        return Sentence(f"**{row['name']}** sold {style.money(row['amount'] if amount is None else amount)}.")

    with capture_output() as void, capture_output() as known:
        show(said, frame, amount=3.0)
    with capture_output() as void:
        show(said, frame)
    assert TOO_LITTLE in void.outputs[0].data["text/html"]
    assert known.outputs[0].data["text/plain"] == "North – West sold €3."  # the dash of a name is its own


def test_sales_that_are_not_known_are_said_not_to_be():
    kpis = {
        "metric": ["revenue", "bookings"],
        "value": np.nan,
        "low": np.nan,
        "high": np.nan,
        "previous": np.nan,
        "n": 0.0,
    }
    card = pd.DataFrame(
        kpis | {"unit": "money", "better": "higher", "period": "Q4 2026", "title": "x", "missing": "Not shown."}
    )
    said = sold(scorecard(card, pd.DataFrame({"metric": [], "target": []}).astype({"target": float})), "North")
    assert said == "What North sold in Q4 2026 is not known"


@pytest.fixture
def own_font(tmp_path, monkeypatch):
    """A font that draws three characters of a script that no other font here has, where an administrator would put it."""
    built, pen = FontBuilder(1000), TTGlyphPen(None)
    pen.moveTo((0, 0)), pen.lineTo((0, 700)), pen.lineTo((600, 0)), pen.closePath()
    built.setupGlyphOrder([".notdef", "a"])
    built.setupCharacterMap({ord(c): "a" for c in SCRIPT})
    built.setupGlyf({".notdef": pen.glyph(), "a": pen.glyph()})
    built.setupHorizontalMetrics({".notdef": (700, 0), "a": (700, 0)})
    built.setupHorizontalHeader(ascent=800, descent=-200)
    built.setupNameTable({"familyName": "Of The Tests", "styleName": "Regular"})
    built.setupOS2(usWeightClass=400), built.setupPost()
    (tmp_path / "fonts").mkdir()
    built.save(tmp_path / "fonts" / "own.ttf")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(font_manager, "X11FontDirectories", [str(tmp_path / "fonts")])
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist])


SCRIPT = "\N{LINEAR A SIGN AB001}\N{LINEAR A SIGN AB002}\N{LINEAR A SIGN AB003}"


@pytest.fixture
def unchanged():
    """Fonts as they are at first, before and after."""
    _forget()
    with matplotlib.rc_context():
        yield
    _forget()


def _forget():
    fonts._installed.cache_clear()
    font_manager._get_fontconfig_fonts.cache_clear()


def bars(frame):
    ax = style.rows(None, len(frame))
    ax.barh(range(len(frame)), frame["n"])
    ax.set_yticks(range(len(frame)), frame["name"])
    return style.title(ax, f"{frame['name'].iloc[0]} leads", "Who leads?")


def test_names_in_any_script_are_drawn_by_a_font_that_has_it(own_font, unchanged):
    with capture_output() as captured:
        show(bars, pd.DataFrame({"name": [SCRIPT, "Zürich"], "n": [2, 1]}))
    assert matplotlib.rcParams["font.family"][-1] == "Of The Tests"
    assert ["image/png" in o.data for o in captured.outputs] == [True]


def test_where_no_font_has_a_character_the_page_says_so_once(unchanged):
    with capture_output() as captured:
        show(bars, pd.DataFrame({"name": [SCRIPT, "Zürich"], "n": [2, 1]}))
        page._noted[page.BOXES] = "another cell"
        show(bars, pd.DataFrame({"name": ["Zürich", SCRIPT], "n": [2, 1]}))
    notes = [o.data["text/html"] for o in captured.outputs if "text/html" in o.data]
    assert len(notes) == 1 and page.BOXES in notes[0]
    assert "Glyph" not in captured.stderr
