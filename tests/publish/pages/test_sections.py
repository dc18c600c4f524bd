"""Do questions without data stand together at a page's end, and all others where they are asked?"""

import nbformat
from nbformat import v4

from quarterdeck.publish.pages.render import VOID, render

LACKS = '<div class="mathjax_ignore"><p class="missing">Not shown: it needs {}, which the data lacks.</p></div>'


def shown(markup):
    return v4.new_code_cell(outputs=[v4.new_output("display_data", {"text/html": markup})])


def test_sections_that_show_nothing_for_want_of_data_are_gathered_with_their_reasons(tmp_path):
    lead, closing = '<div class="lead"><p><strong>Revenue rose</strong></p></div>', shown("<p>How</p>")
    closing.metadata["tags"] = ["method"]
    cells = [
        v4.new_markdown_cell("# Where do we stand?"),
        v4.new_markdown_cell("## How large is the market?\n\nBars are what all sell."),
        shown(LACKS.format("market")),
        v4.new_markdown_cell("## What did we sell?"),
        shown(lead),
        shown(LACKS.format("costs")),
        v4.new_markdown_cell("## Who beats us?", metadata={"tags": ["deep"]}),
        shown(LACKS.format("competitors")),
        closing,
    ]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "page.ipynb")
    page = render(tmp_path / "page.ipynb")
    whole, _, gathered = page.body.partition(VOID + "</h2>")
    assert "Revenue rose" in whole and "needs costs" in whole and "2 questions not answered" in gathered
    assert "How large is the market?" not in whole.partition('class="body"')[2] and "Bars are" not in page.body
    asked = ["How large is the market?", "needs market", "Who beats us?", "needs competitors", "<p>How</p>"]
    assert [gathered.index(part) for part in asked] == sorted(gathered.index(part) for part in asked)
    assert 'id="how-large-is-the-market"' in gathered and 'id="who-beats-us"' in gathered


def test_a_page_with_data_for_all_it_asks_has_no_such_part(tmp_path):
    cells = [
        v4.new_markdown_cell("# Where do we stand?"),
        v4.new_markdown_cell("## What?"),
        shown("<p>Nothing to show: none.</p>"),
    ]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "page.ipynb")
    assert VOID not in render(tmp_path / "page.ipynb").body
