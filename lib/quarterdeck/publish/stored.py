"""How does a stored notebook become the body of a page, without running?

Code is dropped before the template sees the notebook; what papermill stored as outputs is all there is to show.
"""

import base64
import re
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import mistune
import nbformat
from jinja2 import Environment
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "template"
TEMPLATE = "quarterdeck"
PICTURES = ("image/svg+xml", "image/png", "image/jpeg")
DEEP, CLOSING = "deep", "method"  # tags: a markdown cell whose section is folded away; the cell that ends the last one
LIVE = "live"  # tag of a cell that wants a kernel: a stored page leaves it out
NO_ALT = "A chart; its finding stands in the text beside it."

# Without a math plugin: "from $4m to $5m" is money on these pages, not a formula.
_markdown = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])


def body(path: Path) -> str:
    """Give the HTML of a finished notebook's outputs; a file that has not changed is not rendered again."""
    stamp = path.stat()
    return _body(path, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=64)
def _body(path: Path, changed: int, size: int) -> str:
    """Render one version of a file; `changed` and `size` are the cache's key to it."""
    notebook = nbformat.read(path, as_version=4)
    return PageExporter().from_notebook_node(notebook, {"fallback_title": title(path.stem)})[0]


def slot(number: int) -> str:
    """Name the place on a page where a cell that wants a kernel would stand; a stored page leaves it empty."""
    return f"live-{number}"


def title(slug: str) -> str:
    """Write a file's name for people.

    >>> title("executive_brief")
    'Executive brief'
    """
    words = re.sub(r"[_-]+", " ", slug).strip()
    return words[:1].upper() + words[1:]


class Sections(Preprocessor):
    """Takes a notebook's code away and gathers what is left under its `## ` headings."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Put a list of sections, each a list of blocks, into the resources; leave the notebook with no cells."""
        sections: list[list[dict[str, Any]]] = [[]]
        for block in _blocks(nb):
            if block["kind"] in ("heading", "close"):
                sections.append([])
            if block["kind"] != "close" and block not in sections[-1]:  # the same sentence once
                sections[-1].append(block)
        for section in sections:
            _fold(section)
        resources["sections"] = sections
        resources["titled"] = any(re.search(r"(?m)^# |<h1", b.get("text", "")) for b in sections[0])
        nb.cells = []
        return nb, resources


class PageExporter(HTMLExporter):
    """nbconvert's HTML exporter with the house's template, in which everything is escaped unless said otherwise."""

    def __init__(self, **kw: Any) -> None:
        super().__init__(
            extra_template_basedirs=[str(TEMPLATES)], template_name=TEMPLATE, preprocessors=[Sections], **kw
        )

    @property
    def environment(self) -> Environment:
        """Give the template's environment, escaping by default as Voilà's own does."""
        environment = super().environment
        environment.autoescape = True
        return environment

    def default_filters(self) -> Any:
        """Give nbconvert's filters, with a markdown that knows no formulas."""
        yield from super().default_filters()
        yield ("markdown2html", _markdown)

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        """Render a notebook; HTMLExporter's own step would parse the whole page again to add what is already there."""
        return super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)


def _blocks(nb: NotebookNode) -> list[dict[str, Any]]:
    blocks, places = [], count()
    for cell in nb.cells:
        if LIVE in cell.metadata.get("tags", []):
            blocks += [{"kind": "live", "id": slot(next(places))}] if cell.cell_type == "code" else []
        elif cell.cell_type == "markdown":
            deep = DEEP in cell.metadata.get("tags", [])
            blocks += [_prose(part) | {"deep": deep} for part in re.split(r"(?m)^(?=## )", cell.source) if part.strip()]
        elif cell.cell_type == "code":
            blocks += [{"kind": "close"}] if CLOSING in cell.metadata.get("tags", []) else []
            blocks += [b for output in cell.outputs if (b := _shown(output))]
    return blocks


def _fold(section: list[dict[str, Any]]) -> None:
    """Head a deep section with its question and its first finding: the rest is folded away below them."""
    if section and section[0].get("deep") and section[0]["kind"] == "heading":
        said = next((b for b in section if b["kind"] == "said"), None)
        drawn = next((f"**{b['alt'].split('. ')[0]}**" for b in section if b["kind"] == "picture"), "")
        section[0] |= {
            "kind": "folded",
            "text": section[0]["text"].partition("\n")[2],
            "said": said["text"] if said else drawn,
        }
        section[:] = [b for b in section if b is not said]


def _prose(text: str) -> dict[str, Any]:
    if not text.startswith("## "):
        return {"kind": "prose", "text": text}
    name = re.sub(r"[*_`#]", "", text.splitlines()[0]).strip()
    return {"kind": "heading", "text": text, "name": name, "id": re.sub(r"\W+", "-", name.lower()).strip("-")}


def _shown(output: NotebookNode) -> dict[str, Any] | None:
    """Choose the form of an output that people can read; a traceback, a warning or an object's repr is not one."""
    if output.output_type == "stream":
        return {"kind": "printed", "text": output.text} if output.name == "stdout" else None
    data = output.get("data", {})
    if "text/html" in data:
        return {"kind": "html", "text": data["text/html"], "wide": "<table" in data["text/html"]}
    kind = next((k for k in PICTURES if k in data), None)
    if kind:
        return _picture(kind, data[kind], output.get("metadata", {}))
    return {"kind": "said", "text": data["text/markdown"]} if "text/markdown" in data else None


def _picture(kind: str, content: str, metadata: dict[str, Any]) -> dict[str, Any]:
    own = metadata.get(kind, {})
    encoded = base64.b64encode(content.encode()).decode() if kind == "image/svg+xml" else "".join(content.split())
    alt = own.get("alt") or metadata.get("alt") or NO_ALT
    return {"kind": "picture", "source": f"data:{kind};base64,{encoded}", "alt": alt, "width": own.get("width")}
