"""Which notebooks are to be run, for which regions, with which parameters?"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quarterdeck.batch.params import WORKBOOKS, parameters
from quarterdeck.data import source
from quarterdeck.data.snapshot import COMPANY
from quarterdeck.errors import ParamsError, RunError, nearest, unquoted

NOT_REGIONS = {"source"}


@dataclass(frozen=True)
class Job:
    """One notebook for one region; `region` is the name of its YAML file without the ending, and so the name of its folder."""

    region: str
    notebook: str
    file: Path
    parameters: dict[str, Any]

    @property
    def notebook_hash(self) -> str:
        """Hash of the notebook's source."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()


def plan(
    company: Path,
    notebooks: Path,
    only_regions: list[str],
    only_notebooks: list[str],
    known: list[str] | dict[str, str] | None = None,
    **given: Any,
) -> list[Job]:
    """List the jobs of a company: each of its regions × each notebook, the company as a whole first.

    Parameters
    ----------
    company : Path
        The folder `params/<company>`.
    notebooks : Path
        The folder of the notebooks.
    only_regions, only_notebooks : list of str
        Names to keep, a region by its file's stem or by its own name; empty for all.
    known : list or dict of str, optional
        The regions of the data, once these are read (of a dict: by whatever they may be called): where source.yaml says
        `regions: all`, each has pages without a file.
    given : Any
        Parameters that go before those of the files.

    Raises
    ------
    ParamsError
        Where a region, a notebook or a parameter is not one that exists.
    """
    files = region_files(company, known)
    if known is None and source.load(company).regions:
        only_regions = [r for r in only_regions if r in files]  # the others are looked for once the data are read
    if isinstance(known, dict):
        only_regions = [r if r in files else known.get(r, r) for r in only_regions]
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


def region_files(company: Path, known: list[str] | dict[str, str] | None = None) -> dict[str, dict]:
    """Read a company's region files: what each holds, by the stem of its name.

    Parameters
    ----------
    company : Path
        The folder `params/<company>`.
    known : list or dict of str, optional
        The regions of the data, as `plan` takes them; where source.yaml says `regions: all`, those without a file are given as if
        they had one.

    Raises
    ------
    ParamsError, SourceError
        Where the folder has no source.yaml or no region file, or one of them is not as it should be.
    """
    every = bool(source.load(company).regions)  # which says in one sentence what is wrong with the folder
    files = {p.stem: p for p in sorted(company.glob("*.yaml")) if p.stem not in NOT_REGIONS}
    if not files and not every:
        raise ParamsError(
            f"{company}: there is no region file; write company.yaml with company: {company.name}, region: company, "
            "or regions: all in source.yaml."
        )
    found = {stem: source.read_yaml(path) for stem, path in files.items()}
    for stem, held in found.items():
        odd = next((v for v in (held.get("company"), held.get("region")) if unquoted(v)), None)
        if held.get("company") != company.name or not held.get("region"):
            raise ParamsError(
                f"{company / stem}.yaml: company is {held.get('company')!r} and region {held.get('region')!r}, "
                f"expected company: {company.name} and the name of a region{unquoted(odd)}."
            )
        for name in WORKBOOKS:
            parameters(name, held, f"{company / stem}.yaml")
    if isinstance(known, dict):
        found = {stem: held | {"region": known.get(held["region"], held["region"])} for stem, held in found.items()}
    if every:
        named = {held["region"] for held in found.values()}
        without = [region for region in [COMPANY, *names(known or [])] if region not in named]
        found |= region_parameters(company.name, without, set(found))
    return found


def names(known: list[str] | dict[str, str]) -> list[str]:
    """Give the names of the regions of the data, as `plan` takes them."""
    return list(dict.fromkeys(known.values())) if isinstance(known, dict) else known


def region_parameters(company: str, regions: list[str], taken: set[str] = frozenset()) -> dict[str, dict]:
    """Give what a file of each region would hold, by a stem that is a plain name and not taken.

    >>> region_parameters("acme", ["company", "North Sea", "north-sea"])["north_sea_2"]
    {'company': 'acme', 'region': 'north-sea'}
    """
    found: dict[str, dict] = {}
    for region in regions:
        plain = re.sub(r"\W+", "_", region.lower()).strip("_") or "region"
        stems = (plain, *(f"{plain}_{count}" for count in range(2, len(regions) + len(taken) + 3)))
        stem = next(s for s in stems if s not in found.keys() | taken | NOT_REGIONS)
        found[stem] = {"company": company, "region": region}
    return found


def refuse_unknown_regions(files: dict[str, dict], known: list[str] | dict[str, str], company: Path) -> None:
    """Refuse a region file whose region the data does not have.

    Raises
    ------
    ParamsError
        Naming the first such file, and the regions that there are.
    """
    for stem, held in files.items():
        if held["region"] not in (COMPANY, *known):
            raise ParamsError(
                f"{company / stem}.yaml: there is no region {held['region']!r} in the data; it has {', '.join(names(known))}."
            )


def without_file(files: dict[str, dict], known: list[str] | dict[str, str]) -> list[str]:
    """Name the regions of the data that no file of the company's stands for."""
    named = {held["region"] for held in files.values()}
    return [region for region in names(known) if region not in named]


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
