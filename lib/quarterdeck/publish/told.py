"""What did a finished run tell of a region? The figures of `run.json`, and the sentences and pictures of its stored pages."""

import base64
import io
import json
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from quarterdeck.data import COMPANY
from quarterdeck.errors import RunError, nearest
from quarterdeck.present import style
from quarterdeck.present.said import SAID_MIME
from quarterdeck.publish.access import WHOLE
from quarterdeck.publish.papers import BRIEF

HEADING = 55  # pixels of a page's picture that its finding takes


@dataclass(frozen=True)
class Picture:
    """A picture of a stored page: PNG, its text alternative, the question of the section it stands in, and its claims."""

    png: bytes
    alt: str
    page: str
    section: str
    claims: list[dict[str, Any]] = field(default_factory=list)

    @property
    def finding(self) -> str:
        """Give what the picture is headed by."""
        return self.alt.partition(". ")[0]

    @property
    def bare(self) -> bytes:
        """Give the PNG without its heading, for a place where the finding stands in words."""
        with Image.open(io.BytesIO(self.png)) as whole:
            cut, rest = whole.crop((0, HEADING, whole.width, whole.height)), io.BytesIO()
            cut.save(rest, "png", optimize=True)
        return rest.getvalue()


@dataclass(frozen=True)
class Told:
    """One region of a finished run."""

    folder: Path
    facts: dict[str, Any]
    region: str

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """What the brief says: records with `kind`, `text`, `claims`, and more by kind."""
        return [r for output in self._outputs(BRIEF) for r in output[1].get(SAID_MIME, [])]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Give the records of one kind."""
        return [r for r in self.records if r["kind"] == kind]

    @property
    def headline(self) -> str:
        """Give the brief's first sentence."""
        return self.of("sentence")[0]["text"]

    @property
    def stand(self) -> str:
        """Say what everything here stands on."""
        run = self.facts
        where = "all regions" if self.region == COMPANY else self.name
        day = style.day(date.fromisoformat(run["as_of"]))
        return f"{run['title']}, {where}, as of {day} · run {run['run']} · snapshot {run['snapshot'][:12]}"

    @property
    def name(self) -> str:
        """Name the region as the data does."""
        entries = (e for e in self.facts["notebooks"] if e["region"] == self.region)
        return next(e["parameters"]["region"] for e in entries)

    def figures(self) -> dict[str, dict[str, Any]]:
        """Give the region's figures as `run.json` records them, by metric."""
        return {k["metric"]: k for k in reversed(self.facts["kpis"]) if k["region"] == self.region}

    def picture(self, page: str, section: str) -> Picture | None:
        """Find the first picture under a section's heading; None where the page or the picture is not there."""
        return next((p for p in self.pictures(page) if p.section == section), None)

    def pictures(self, page: str) -> list[Picture]:
        """Give the pictures of a stored page, in its order; none where there is no such page."""
        return [
            Picture(
                base64.b64decode(data["image/png"]),
                about.get("image/png", {}).get("alt", ""),
                page,
                section,
                [c for r in data.get(SAID_MIME, []) for c in r["claims"]],
            )
            for section, data, about in self._outputs(page)
            if "image/png" in data
        ]

    def _outputs(self, page: str) -> list[tuple[str, dict, dict]]:
        """Give a page's outputs, each with the heading that it stands under."""
        path = self.folder / self.region / f"{page}.ipynb"
        if not path.is_file():
            return []
        section, found = "", []
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown" and source.startswith("## "):
                section = source.splitlines()[0].removeprefix("## ")
            for output in cell.get("outputs", []):
                found.append((section, output.get("data", {}), output.get("metadata", {})))
        return found


def tell(run: str, outputs: Path, region: str = COMPANY) -> Told:
    """Open one region of a finished run.

    Parameters
    ----------
    run : str
        The run's folder, or COMPANY/RUN in `outputs`; RUN may be "latest".
    region : str
        By its own name, or by its file's.

    Raises
    ------
    RunError
        Where there is no such finished run, no such region in it, or no whole executive brief of the region.
    """
    places = [Path(run), outputs / run]
    folder = next((p.resolve() for p in places if (p / "run.json").is_file()), None)
    if folder is None:
        raise RunError(f"there is no finished run {run}; name its folder, such as {outputs}/demo/latest.")
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    names = {e["region"]: e["parameters"]["region"] for e in facts["notebooks"]}
    stem = next((s for s, name in names.items() if region in (s, name)), None)
    if stem is None:
        raise RunError(f"the run {folder.name} has no region {region!r}; {nearest(region, list(names.values()))}")
    states = {(e["region"], e["notebook"]): e["state"] for e in facts["notebooks"]}
    told = Told(folder, facts, stem)
    if states.get((stem, BRIEF)) not in WHOLE or not told.records:
        raise RunError(
            f"the run {folder.name} has no whole executive brief of {region}; run it again with: quarterdeck run"
        )
    return told
