"""Do the commands and examples of the documents work as they stand? What needs a cluster, root or a store is parsed."""

import re
import shlex
from importlib.metadata import entry_points

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import GOLDEN, ROOT, freeze_golden

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
QUARTERDECK = entry_points(group="console_scripts", name="quarterdeck")["quarterdeck"].load()
FLAG = re.compile(r"--[a-z-]+")


def text(page) -> str:
    return page.read_text(encoding="utf-8").replace("\\\n", " ")


def commands() -> list[str]:
    """Give every command of Quarterdeck that a document shows, on a line of its own or within one."""
    found = set()
    for page in PAGES:
        shown = re.findall(r"(?m)^(?: {4}|ExecStart=|.*?`)(.*?quarterdeck (?:[a-z].*?))(?:`|$)", text(page))
        found |= {re.sub(r"^.*?quarterdeck ", "", line).split("  #")[0].split("; done")[0].strip() for line in shown}
    return sorted(line for line in found if line.split()[0] in SUBCOMMANDS)


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.+?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


SUBCOMMANDS = "init check run serve prune deck brief password users".split()


@pytest.mark.parametrize("line", commands())
def test_a_command_of_a_document_has_the_options_that_it_names(line, capsys):
    words = shlex.split(line)
    with pytest.raises(SystemExit) as end:
        QUARTERDECK([*words[: 2 if words[0] == "users" else 1], "--help"])
    shown = capsys.readouterr().out
    assert end.value.code == 0
    assert set(FLAG.findall(line)) <= set(FLAG.findall(shown)), line
    for word in words:
        if word.startswith("params/") and "acme" not in word and "<" not in word:
            assert (ROOT / word).is_dir(), word


def test_documents_show_every_command_and_most_options():
    shown = " ".join(text(page) for page in PAGES)
    assert {line.split()[0] for line in commands()} == set(SUBCOMMANDS)
    for option in (
        "--region",
        "--as-of",
        "--cluster",
        "--memory-limit",
        "--users",
        "--proxy-header",
        "--live",
        "--audit",
    ):
        assert option in shown


def test_the_readme_names_notebooks_and_their_questions_as_they_are():
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| (.+\?) \|$", text(ROOT / "README.md")))
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"# {rows.pop(path.stem)}" in path.read_text(encoding="utf-8")
    assert not rows


@pytest.fixture(scope="module")
def frozen():
    """A fifth of the demo company, frozen."""
    if not (GOLDEN / "snapshot").is_dir():
        freeze_golden()
    return GOLDEN / "snapshot"


def panel() -> pd.DataFrame:
    weeks = pd.date_range("2023-01-02", periods=120, freq="W-MON")
    rows = {"series": np.repeat(["a", "b", "c"], 120), "start": np.tile(weeks, 3)}
    value = 100 + np.arange(360) % 7 + 5 * np.sin(np.arange(360))
    table = pd.DataFrame(rows | {"value": value})
    begun = pd.Series({"a": weeks[100]})
    return table.assign(unit=table["series"], treated_from=table["series"].map(begun))


@pytest.mark.parametrize("block", blocks("README.md", "python"))
def test_the_examples_of_the_readme_run(block, frozen, monkeypatch):
    from quarterdeck.data import snapshot

    real = snapshot.open_desk
    monkeypatch.setattr(snapshot, "open_desk", lambda *given, **named: real(*given, **named, data=str(frozen)))
    columns = ["unit", "start", "value", "treated_from"] if "designs" in block else ["series", "start", "value"]
    names = {"panel": panel()[columns]}
    *_, last = re.sub(r"  #.*", "", block).strip().splitlines()
    exec(block, names)
    given = names["share"] if "share" in names else eval(last, names)
    assert len(given) > 0


FILES = {
    "invoices.csv": "number;day;client;article;area;pieces;net;purchase;range\n"
    "A1;02.07.2026;C1;P1;North;2;200,50;90,00;Navigation\n",
    "clients.csv": "id,name,area,branch\nC1,Marina,North,Ports\n",
}


def test_the_source_of_ones_own_data_is_checked_as_it_stands(tmp_path, monkeypatch, capsys):
    source, more, whole, region, rules = blocks("docs/your-data.md", "yaml")
    params = tmp_path / "params" / "acme"
    params.mkdir(parents=True)
    for name, content in {"source": source, "company": whole, "north": region}.items():
        (params / f"{name}.yaml").write_text(content, encoding="utf-8")
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert QUARTERDECK(["check", str(params), "--data", str(tmp_path)]) == 0, capsys.readouterr()
    unit = source.replace("currency: EUR\n", "")
    (params / "source.yaml").write_text(more + rules + unit, encoding="utf-8")
    assert QUARTERDECK(["check", str(params), "--data", str(tmp_path)]) == 0, capsys.readouterr()


def test_the_file_of_users_is_taken_as_it_stands(tmp_path, capsys):
    from jupyter_server.auth.security import passwd

    [users] = blocks("docs/serving.md", "yaml")
    assert yaml.safe_load(users)
    file = tmp_path / "users.yaml"
    file.write_text(users.replace("argon2:$argon2id$…", passwd("a long password")), encoding="utf-8")
    file.chmod(0o600)
    tmp_path.chmod(0o700)
    assert QUARTERDECK(["users", "check", str(file), "--out", str(tmp_path / "none")]) == 0, capsys.readouterr()


def test_the_addresses_and_metrics_that_are_watched_exist():
    code = " ".join(p.read_text(encoding="utf-8") for p in (ROOT / "lib/quarterdeck/publish").rglob("*.py"))
    page = text(ROOT / "docs" / "serving.md")
    for name in ("healthz", "readyz", "metrics", "latest_age_seconds", "QUARTERDECK_TOKEN"):
        assert name in page and name in code, name
