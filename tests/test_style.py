"""Is everything written in the words of docs/style.md? The words that it lists to avoid stand nowhere else."""

import json
import re

import pytest

from conftest import ROOT

GUIDE = ROOT / "docs" / "style.md"
KINDS = {".py", ".md", ".ipynb", ".html", ".js", ".css", ".j2", ".tpl", ".yaml", ".toml"}
FOLDERS = ["lib", "notebooks", "tests", "benchmarks", "docs", "params"]
WRITTEN = [p for p in [*ROOT.iterdir(), *(p for f in FOLDERS for p in (ROOT / f).rglob("*"))] if p.suffix in KINDS]
BETWEEN = r'(?:[\s"#>]|f")+'  # between two words: also where a comment, a text or a quotation runs on in the next line
ENDS = r"(?=\s*[.;:])"  # for what is avoided at a sentence's end alone


def rows() -> list[tuple[str, str]]:
    """Read the table: what is avoided, and what is written in its place."""
    table = [re.findall(r"[^|]+", line) for line in GUIDE.read_text().splitlines() if line.startswith("| ")]
    return [(avoided.strip(), written.strip()) for avoided, written in table if avoided.strip() not in ("not", "---")]


def patterns() -> list[str]:
    """Make a pattern of each expression in the table; what stands in brackets says when, not what."""
    found = []
    for avoided, _ in rows():
        bare = re.sub(r"\([^)]*\)", "", avoided)
        ends = ENDS if "sentence's end" in avoided else ""
        found += [BETWEEN.join(map(re.escape, words.split())) + ends for words in bare.split(",")]
    return found


AVOIDED = re.compile(rf"(?<![a-z])(?:{'|'.join(patterns())})(?:s|d|ed|ing)?(?![a-z])", re.IGNORECASE)


def texts(path) -> list[str]:
    """Give what is written in a file: of a notebook its cells and their output in words, of another file all of it."""
    if path.suffix != ".ipynb":
        return [path.read_text()]
    cells = json.loads(path.read_text())["cells"]
    shown = [out for cell in cells for out in cell.get("outputs", [])]
    return ["".join(cell["source"]) for cell in cells] + [readable(out) for out in shown]


def readable(output: dict) -> str:
    """Give what an output says in words: not its pictures."""
    data = {kind: said for kind, said in output.get("data", {}).items() if not kind.startswith("image/")}
    return "\n".join(map(as_text, [output.get("text", ""), *data.values()]))


def as_text(said) -> str:
    """Give what a notebook keeps as a text, as lines or as JSON, as one text."""
    lines = isinstance(said, list) and all(isinstance(line, str) for line in said)
    return said if isinstance(said, str) else "".join(said) if lines else json.dumps(said, ensure_ascii=False)


def avoided_in(text: str) -> list[str]:
    """Name what a text holds that the table avoids; the words of a name count each, in snake_case or in CamelCase."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return [" ".join(re.findall(r"\w+", m.group())) for m in AVOIDED.finditer(apart)]


def test_the_table_is_read():
    assert len(rows()) > 25
    first, *_ = re.split(r"[ ,]", rows()[0][0])
    assert avoided_in(f"a_{first} of {first.title()}Kind") == [first, first.title()]
    assert not avoided_in(f"x{first}")


@pytest.mark.parametrize("path", sorted(set(WRITTEN) - {GUIDE}), ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_written_in_words_to_avoid(path):
    assert not [word for text in texts(path) for word in avoided_in(text)]
