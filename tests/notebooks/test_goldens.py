"""Do the golden runs belong to the notebooks as they are?"""

import nbformat
import pytest

from conftest import GOLDEN, ROOT
from quarterdeck.batch.params import WORKBOOKS


def sources(path):
    cells = nbformat.read(path, as_version=4).cells
    return [c.source for c in cells if "injected-parameters" not in c.metadata.get("tags", [])]


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_golden_run_is_of_the_notebook_as_it_is(name):
    assert sources(GOLDEN / f"{name}.ipynb") == sources(ROOT / "notebooks" / f"{name}.ipynb"), "run: make goldens"
