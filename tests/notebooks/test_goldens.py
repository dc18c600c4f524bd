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


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_golden_run_holds_no_warning_and_no_path(name):
    cells = nbformat.read(GOLDEN / f"{name}.ipynb", as_version=4).cells
    outputs = [o for c in cells if c.cell_type == "code" for o in c.outputs]
    assert not [o for o in outputs if o.output_type in ("stream", "error")]
