"""What did a finished run report on a region? The figures of `run.json`, and the sentences and pictures of its stored pages."""

import base64
import io
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import lxml.html
from PIL import Image

from quarterdeck.batch import finished
from quarterdeck.data import COMPANY
from quarterdeck.errors import RunError, nearest
from quarterdeck.present import style
from quarterdeck.present.sentences import SAID_MIME
from quarterdeck.present.stated import FACTS_MIME
from quarterdeck.publish.access.shelf import shows
from quarterdeck.publish.exports.formats import BRIEF

HEADING = 55  # pixels of a page's picture that its finding takes


@dataclass(frozen=True)
class Picture:
    """A picture of a stored page: PNG, its text alternative, what heads it, the question of its section, and its claims."""

    png: bytes
    alt: str
    finding: str
    page: str
    section: str
    claims: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bare(self) -> bytes:
        """Give the PNG without its heading, for a place where the finding stands in words."""
        with Image.open(io.BytesIO(self.png)) as whole:
            cut, rest = whole.crop((0, HEADING, whole.width, whole.height)), io.BytesIO()
            cut.save(rest, "png", optimize=True)
        return rest.getvalue()


@dataclass(frozen=True)
class Rows:
    """A table of a stored page as people read it: its headings, and of each cell the main line and the second one."""

    heads: list[str]
    rows: list[list[tuple[str, str]]]

    def column(self, head: str) -> list[tuple[str, str]]:
        """Give the cells under a heading; empty ones where there is none."""
        spot = self.heads.index(head) if head in self.heads else None
        return [("", "") if spot is None else row[spot] for row in self.rows]


@dataclass(frozen=True)
class RunReader:
    """Reads one region of a finished run.

    Parameters
    ----------
    folder : Path
        The run's folder.
    facts : dict
        What its `run.json` says, for the edition of the brief that is shown.
    region : str
        The region as its folder is named.
    """

    folder: Path
    facts: dict[str, Any]
    region: str

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Give what the brief says: records with `kind`, `text`, `claims`, and more by kind."""
        return [r for output in self._outputs(BRIEF) for r in output[1].get(SAID_MIME, [])]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Give the records of one kind."""
        return [r for r in self.records if r["kind"] == kind]

    @property
    def headline(self) -> str:
        """Give the brief's first sentence."""
        return self.of("sentence")[0]["text"]

    @property
    def title(self) -> str:
        """Name what this is of: company, region and day."""
        where = "all regions" if self.region == COMPANY else self.name
        return f"{self.facts['title']}, {where}, as of {style.day(date.fromisoformat(self.facts['as_of']))}"

    @property
    def file_name(self) -> str:
        """Name a file of this region, without its ending."""
        return f"{self.facts['company']}-{self.region}-{self.facts['as_of']}"

    @property
    def stand(self) -> str:
        """Say which run and snapshot everything here is from."""
        return f"{self.title} · run {self.facts['run']} · snapshot {self.facts['snapshot'][:12]}"

    @property
    def name(self) -> str:
        """Name the region as the data does."""
        entries = (e for e in self.facts["notebooks"] if e["region"] == self.region)
        return next(e["parameters"]["region"] for e in entries)

    def figures(self) -> dict[str, dict[str, Any]]:
        """Give the region's figures as `run.json` records them, by metric."""
        return {k["metric"]: k for k in reversed(self.facts["kpis"]) if k["region"] == self.region}

    def stated(self, page: str, measure: str, nth: int = 0) -> list[dict[str, Any]]:
        """Give the facts of the nth output of a stored page that states a measure, in its order; none where there is none."""
        outputs = [(data[FACTS_MIME], section) for section, data, _ in self._outputs(page) if FACTS_MIME in data]
        found = [[fact | {"page": page, "section": section} for fact in facts] for facts, section in outputs]
        having = [facts for facts in found if any(f["measure"] == measure for f in facts)]
        return having[nth] if nth < len(having) else []

    def said(self, page: str, section: str) -> list[dict[str, Any]]:
        """Give what the sentences and pictures under a heading of a stored page say, in its order."""
        outputs = [data for here, data, _ in self._outputs(page) if here == section]
        kinds = ("sentence", "picture")
        return [r for data in outputs for r in data.get(SAID_MIME, []) if r["kind"] in kinds]

    def texts(self) -> list[str]:
        """Give all that the region's stored pages say, as text."""
        pages = [e["notebook"] for e in self.facts["notebooks"] if e["region"] == self.region]
        outputs = [data for page in pages for _, data, _ in self._outputs(page)]
        shown = [
            lxml.html.fromstring(h).text_content()
            for data in outputs
            if (h := "".join(data.get("text/html", ""))).strip()
        ]
        records = [r for data in outputs for r in data.get(SAID_MIME, [])]
        kinds = ("text", "head", "body", "action", "gain", "basis", "risk", "worth")
        return [*shown, *(str(r.get(kind, "")) for r in records for kind in kinds)]

    def missing(self, page: str, section: str) -> str:
        """Give the sentence by which a stored page says why something under a heading is not shown; nothing where it does not."""
        markup = ("".join(data.get("text/html", "")) for here, data, _ in self._outputs(page) if here == section)
        found = (lxml.html.fromstring(text).xpath('//p[@class="missing"]') for text in markup if "missing" in text)
        return next((_text(sentence[0]) for sentence in found if sentence), "")

    def rows(self, kind: str) -> Rows | None:
        """Give a table of the brief by its kind ("regions", "teams", "deals", "accounts"); None where it is not there."""
        mark = f'class="rows of-{kind}"'
        html = next(
            (h for _, data, _ in self._outputs(BRIEF) if mark in (h := "".join(data.get("text/html", "")))), None
        )
        if html is None:
            return None
        table = lxml.html.fromstring(html).xpath('//table[contains(@class, "rows")]')[0]
        rows = [[_cell(cell) for cell in row.xpath("./td")] for row in table.xpath(".//tbody/tr")]
        return Rows([_text(head) for head in table.xpath(".//th")], rows)

    def picture(self, page: str, section: str) -> Picture | None:
        """Find the first picture under a section's heading; None where the page or the picture is not there."""
        return next((p for p in self.pictures(page) if p.section == section), None)

    def pictures(self, page: str) -> list[Picture]:
        """Give the pictures of a stored page, in its order; none where there is no such page."""
        drawn = [
            (section, data, about.get("image/png", {}))
            for section, data, about in self._outputs(page)
            if "image/png" in data
        ]
        return [
            Picture(
                base64.b64decode(data["image/png"]),
                about.get("alt", ""),
                about.get("finding") or about.get("alt", "").partition(". ")[0],
                page,
                section,
                [c for r in data.get(SAID_MIME, []) for c in r["claims"]],
            )
            for section, data, about in drawn
        ]

    def _outputs(self, page: str) -> list[tuple[str, dict, dict]]:
        """Give a page's outputs, each with the heading that it stands under; none of a page of another day than the brief."""
        if self._edition(page).get("run") != self._edition(BRIEF).get("run"):
            return []
        path = self.folder / self.region / f"{page}.ipynb"
        if not path.is_file():
            return []
        section, found = "", []
        for cell in finished.notebook(path)["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown" and source.startswith("## "):
                section = source.splitlines()[0].removeprefix("## ")
            for output in cell.get("outputs", []):
                found.append((section, output.get("data", {}), output.get("metadata", {})))
        return found

    def _edition(self, page: str) -> dict[str, Any]:
        """Say which earlier edition stands in for a page; nothing where the page is the run's own."""
        entries = (e for e in self.facts["notebooks"] if (e["region"], e["notebook"]) == (self.region, page))
        return next(entries, {}).get("edition") or {}


def _text(element: Any) -> str:
    return " ".join(element.text_content().split())


def _cell(cell: Any) -> tuple[str, str]:
    """Give the main line of a cell and its second one; of a drawing there is neither."""
    return tuple(" ".join(_text(part) for part in cell.xpath(f"./{tag}")) for tag in ("b", "small"))


def open_run(run: str, outputs: Path, region: str = COMPANY) -> RunReader:
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
        Where there is no such finished run, no such region in it, or no whole executive brief of the region, or one of them
        cannot be read.
    """
    places = [Path(run), outputs / run]
    folder = next((p.resolve() for p in places if (p / finished.RECORD).exists()), None)
    if folder is None:
        raise RunError(f"there is no finished run {run}; name its folder, such as {outputs}/demo/latest.")
    facts = finished.record(folder)
    names = {e["region"]: e["parameters"]["region"] for e in facts["notebooks"]}
    key = next((s for s, name in names.items() if region in (s, name)), None)
    if key is None:
        raise RunError(f"the run {folder.name} has no region {region!r}; {nearest(region, list(names.values()))}")
    brief = next((e for e in facts["notebooks"] if (e["region"], e["notebook"]) == (key, BRIEF)), None)
    reader = RunReader(folder, facts | ((brief or {}).get("edition") or {}), key)
    if not brief or not shows(brief) or not reader.records:
        raise RunError(
            f"the run {folder.name} has no whole executive brief of {region}; run it again with: quarterdeck run"
        )
    return reader
