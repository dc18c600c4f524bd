"""Does every page stand on the first days of a company's record, and long after its last, when there is next to nothing to say?"""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from perturbed import run_page

from quarterdeck.batch.params import WORKBOOKS
from quarterdeck.data import snapshot

pytestmark = pytest.mark.slow  # its pages are made once, which takes most of its time


@pytest.fixture(scope="module")
def frozen(demo_company, tmp_path_factory, remembered):
    folder = tmp_path_factory.mktemp("early") / "data"
    snapshot.freeze(demo_company[0], folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"), folder.parent)
    return folder


@pytest.mark.parametrize("page", WORKBOOKS)
@pytest.mark.parametrize("as_of", ["2021-03-01", "2022-02-10", "2027-11-10"])
def test_a_page_stands_where_there_is_next_to_nothing(frozen, page, as_of):
    outputs = run_page(InteractiveShell.instance(), page, frozen, "North Sea", as_of)
    assert any("text/html" in data for _, data, _ in outputs)
