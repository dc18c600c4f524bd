"""Write the golden runs anew: `make goldens`."""

import nbformat
import papermill

from conftest import GOLDEN, ROOT, freeze_golden
from quarterdeck.batch.params import WORKBOOKS


def main() -> None:
    """Run every notebook for the company as a whole, and keep its outputs without pictures."""
    freeze_golden()
    for name in WORKBOOKS:
        draft = GOLDEN / f"{name}.ipynb"
        source = ROOT / "notebooks" / f"{name}.ipynb"
        papermill.execute_notebook(source, draft, {"data": "snapshot"}, cwd=GOLDEN, kernel_name="python3")
        nbformat.write(bare(nbformat.read(draft, as_version=4)), draft)


def bare(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Leave out pictures, and all that differs from run to run."""
    for key in ("papermill", "widgets"):
        notebook.metadata.pop(key, None)
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k == "tags"}
        if cell.metadata.get("tags") == ["injected-parameters"]:
            cell.id = "injected"
        for output in cell.get("outputs", []):
            for kind in ("image/png", "application/vnd.jupyter.widget-view+json"):
                output.get("data", {}).pop(kind, None)
            if "metadata" in output:
                output.metadata = {}
    return notebook


if __name__ == "__main__":
    main()
