"""Which notebooks are to be run, for which regions, with which parameters?"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quarterdeck.batch.params import WORKBOOKS, parameters
from quarterdeck.data import source
from quarterdeck.data.snapshot import COMPANY
from quarterdeck.errors import ParamsError, RunError, nearest

NOT_REGIONS = {"source"}


@dataclass(frozen=True)
class Job:
    """One notebook for one region; `region` is the stem of its YAML, and so the name of its folder."""

    region: str
    notebook: str
    file: Path
    parameters: dict[str, Any]

    @property
    def notebook_hash(self) -> str:
        """Hash of the notebook's source."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()


def plan(company: Path, notebooks: Path, only_regions: list[str], only_notebooks: list[str], **given: Any) -> list[Job]:
    """List the jobs of a company: each of its region files × each notebook, the company as a whole first.

    Parameters
    ----------
    company : Path
        The folder `params/<company>`.
    notebooks : Path
        The folder of the notebooks.
    only_regions, only_notebooks : list of str
        Names to keep, a region by its file's stem or by its own name; empty for all.
    given : Any
        Parameters that go before those of the files.

    Raises
    ------
    ParamsError
        Where a region, a notebook or a parameter is not one that exists.
    """
    files = region_files(company)
    regions = [_found(r, files) for r in only_regions] or sorted(files, key=lambda stem: (stem != COMPANY, stem))
    for name in only_notebooks:
        if name not in WORKBOOKS:
            raise ParamsError(f"there is no notebook {name!r}; {nearest(name, list(WORKBOOKS))}")
    names = [n for n in WORKBOOKS if n in only_notebooks or not only_notebooks]
    jobs = []
    for stem in dict.fromkeys(regions):
        for name in names:
            held = parameters(name, files[stem] | given, str(company / f"{stem}.yaml"))
            jobs.append(Job(stem, name, _file(notebooks, name), held))
    return jobs


def region_files(company: Path) -> dict[str, dict]:
    """Read a company's region files: what each holds, by the stem of its name.

    Raises
    ------
    ParamsError, SourceError
        Where the folder has no source.yaml or no region file, or one of them is not as it should be.
    """
    source.load(company)  # says in one sentence what is wrong with the folder
    files = {p.stem: p for p in sorted(company.glob("*.yaml")) if p.stem not in NOT_REGIONS}
    if not files:
        raise ParamsError(
            f"{company}: there is no region file; write company.yaml with company: {company.name}, region: company."
        )
    found = {stem: source.read_yaml(path) for stem, path in files.items()}
    for stem, held in found.items():
        if held.get("company") != company.name or not held.get("region"):
            raise ParamsError(
                f"{company / stem}.yaml: company is {held.get('company')!r} and region {held.get('region')!r}, "
                f"expected company: {company.name} and the name of a region."
            )
        for name in WORKBOOKS:
            parameters(name, held, f"{company / stem}.yaml")
    return found


def refuse_unknown_regions(files: dict[str, dict], known: list[str], company: Path) -> None:
    """Refuse a region file whose region the data does not have.

    Raises
    ------
    ParamsError
        Naming the first such file, and the regions that there are.
    """
    for stem, held in files.items():
        if held["region"] not in (COMPANY, *known):
            raise ParamsError(
                f"{company / stem}.yaml: there is no region {held['region']!r} in the data; it has {', '.join(known)}."
            )


def without_file(files: dict[str, dict], known: list[str]) -> list[str]:
    """Name the regions of the data that no file of the company's stands for."""
    named = {held["region"] for held in files.values()}
    return [region for region in known if region not in named]


def _found(region: str, files: dict[str, dict]) -> str:
    for stem, held in files.items():
        if region in (stem, held["region"]):
            return stem
    raise ParamsError(f"there is no region {region!r}; {nearest(region, list(files))}")


def _file(notebooks: Path, name: str) -> Path:
    path = (notebooks / f"{name}.ipynb").resolve()
    if not path.is_file():
        raise RunError(f"{notebooks} holds no {name}.ipynb; run from the project's folder.")
    return path
