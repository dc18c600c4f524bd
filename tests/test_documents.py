"""What the files beside the code say, held against the code."""

import re
import tomllib

import yaml

from conftest import ROOT
from quarterdeck.data import contract

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_conda_users_get_the_same_packages_and_bounds():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
    assert listed == [*wanted, "-e ."]


def test_every_dependency_has_its_reason():
    table = (ROOT / "ARCHITECTURE.md").read_text().split("## Dependencies")[1]
    for requirement in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]:
        name = re.split(r"[\[<>=,]", requirement)[0]
        assert re.search(rf"(?m)^\|[^|]*\b{re.escape(name)}\b", table), name


def test_the_lock_holds_versions_and_hashes_and_no_address():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock and not re.search(r"(?m)^--", lock)
    pinned = set(re.findall(r"(?m)^([a-z0-9_.-]+)(?:\[[^\]]*\])?==", lock))
    wanted = {re.split(r"[\[<>=,]", r)[0] for r in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]}
    assert wanted <= pinned
    assert lock.count("==") <= lock.count("--hash=sha256:")


def test_the_readme_names_only_make_targets_that_exist():
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    for page in ("README.md", "CONTRIBUTING.md"):
        assert set(re.findall(r"`?make ([a-z]+)", (ROOT / page).read_text())) <= targets


def test_the_contract_is_written_down_as_it_is():
    assert (ROOT / "docs" / "contract.md").read_text() == contract.described(), (
        "write contract.described() to docs/contract.md"
    )


def test_the_code_map_names_every_room():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = [p.name for p in (ROOT / "lib" / "quarterdeck").iterdir() if p.is_dir() and p.name != "__pycache__"]
    assert all(f"`lib/quarterdeck/{room}`" in text for room in rooms)
