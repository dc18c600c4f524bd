"""Write the golden runs again: `make goldens`, or of one notebook, `make goldens NAME=forecasting`."""

import sys

import nbformat
import papermill

from conftest import GOLDEN, ROOT, freeze_golden
from quarterdeck.batch.params import WORKBOOKS
from quarterdeck.errors import nearest
from quarterdeck.present.stated import FACTS_MIME


def main(*names: str) -> None:
    """Run notebooks, all unless named, for the company as a whole, and keep their outputs without pictures."""
    if unknown := [name for name in names if name not in WORKBOOKS]:
        raise SystemExit(f"there is no notebook {unknown[0]!r}; {nearest(unknown[0], WORKBOOKS)}")
    freeze_golden()
    for name in names or WORKBOOKS:
        draft = GOLDEN / f"{name}.ipynb"
        source = ROOT / "notebooks" / f"{name}.ipynb"
        papermill.execute_notebook(source, draft, {"data": "snapshot"}, cwd=GOLDEN, kernel_name="python3")
        nbformat.write(bare(nbformat.read(draft, as_version=4)), draft)


def bare(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Leave out pictures, the facts that repeat what tables show, and all that differs from run to run."""
    for key in ("papermill", "widgets"):
        notebook.metadata.pop(key, None)
    notebook.metadata.kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k == "tags"}
        if cell.metadata.get("tags") == ["injected-parameters"]:
            cell.id = "injected"
        for output in cell.get("outputs", []):
            for kind in ("image/png", "application/vnd.jupyter.widget-view+json", FACTS_MIME):
                output.get("data", {}).pop(kind, None)
            if "metadata" in output:
                output.metadata = {}
    return notebook


if __name__ == "__main__":
    main(*sys.argv[1:])
