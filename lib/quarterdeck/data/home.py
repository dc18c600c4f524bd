"""Where is the project's folder?"""

from pathlib import Path


def home() -> Path:
    """Give the project's folder: the nearest one at or above the working directory that has `params`."""
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "params").is_dir()), here)
