"""How is a notebook saved, so that opening it changes nothing?"""

from typing import Any


def as_committed(model: dict[str, Any], **_: Any) -> None:
    """Leave out what JupyterLab notes of the Python it happens to run on; `make lab` has it called before a notebook is saved.

    Parameters
    ----------
    model : dict
        What is to be saved, as Jupyter's contents manager hands it to its `pre_save_hook`; changed in place.
    """
    if model.get("type") == "notebook" and model.get("content"):
        model["content"]["metadata"]["language_info"] = {"name": "python"}
