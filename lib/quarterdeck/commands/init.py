"""Where does a company's source.yaml come from?"""

import argparse
import os
from pathlib import Path

from quarterdeck.commands.options import WHOLE, add_debug

DRAFT = ".init"  # beside source.yaml: the last draft, so that the next one keeps what was edited


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_debug(parser)
    parser.add_argument("name", help="the company's name: its folder is params/NAME")
    parser.add_argument(
        "--from",
        dest="where",
        required=True,
        metavar="PLACE",
        help="a folder, a file, or the environment variable that holds a database's URL",
    )
    parser.add_argument(
        "--like",
        default="auto",
        metavar="SYSTEM",
        help="salesforce, hubspot, dynamics, pipedrive or generic (default: auto)",
    )
    parser.add_argument("--region-files", action="store_true", help="write a YAML file for each region of the data")
    parser.add_argument("--print", dest="only_print", action="store_true", help="print source.yaml and write nothing")


def main(args: argparse.Namespace) -> int:
    """Write a company's source.yaml from its exports, as far as their columns tell."""
    from quarterdeck.data.intake import draft, look, mappings, propose
    from quarterdeck.errors import ParamsError, nearest

    folder = Path("params") / Path(args.name).name
    if args.like not in (known := ["auto", "generic", *mappings.systems()]):
        raise ParamsError(f"there is no system {args.like!r}; {nearest(args.like, known)}")
    where, variable = _place(args.where, folder.name)
    with look.opened(where, folder.name) as place:
        proposed = propose.proposed(place, folder.name, variable, args.like)
        made, missing = draft.written(proposed, place), draft.absent(proposed)
    if args.only_print:
        print(made, end="")
        return WHOLE
    for line in _write(folder, made):
        print(line)
    print(f"{folder / 'source.yaml'}: {proposed.reasons[0]} It fills {', '.join(proposed.tables)}.")
    for said in missing:
        print(f"not in the data: {said}")
    _point(folder, where, variable)
    if args.region_files:
        _write_regions(folder, Path(where) if "://" not in where else None)
    return WHOLE


def _place(given: str, company: str) -> tuple[str, str]:
    """Give the place, and the variable that names it."""
    usual = "".join(c if c.isalnum() else "_" for c in company.upper())
    if "://" in os.environ.get(given, ""):
        return os.environ[given], given
    return given, f"{usual}_URL" if "://" in given else f"{usual}_DATA"


def _write(folder: Path, made: str) -> list[str]:
    """Write source.yaml, with what was edited since the last draft; say what is new in it."""
    from quarterdeck.data import durable
    from quarterdeck.data.intake.draft import merged

    folder.mkdir(parents=True, exist_ok=True)
    path, last = folder / "source.yaml", folder / DRAFT
    said: list[str] = []
    text = made
    if path.is_file():
        base = last.read_text(encoding="utf-8") if last.is_file() else ""
        text, said = merged(base, path.read_text(encoding="utf-8"), made)
        said = said or ["nothing has changed since the last draft."]
    for place, content in ((path, text), (last, made)):
        durable.whole(place, lambda draft, content=content: draft.write_text(content, encoding="utf-8"))
    return said


def _write_regions(folder: Path, data: Path | None) -> None:
    """Write company.yaml and a file for each region of the data."""
    from quarterdeck.batch.plan import names, region_parameters
    from quarterdeck.data import contract, snapshot, source

    data = data.parent if data and data.is_file() else data
    described = source.load(folder)
    read = source.read(folder, Path("outputs"), data)
    tables = contract.check(read, **described.for_check)
    import yaml

    known = snapshot.known_regions(tables, snapshot.CompanyInfo.of(folder.name, described))
    for stem, held in region_parameters(folder.name, [snapshot.COMPANY, *names(known)]).items():
        path = folder / f"{stem}.yaml"
        if not path.exists():
            path.write_text(yaml.safe_dump(held, sort_keys=False, allow_unicode=True), encoding="utf-8")
            print(f"{path}: written")


def _point(folder: Path, where: str, variable: str) -> None:
    """Say what to do next."""
    if "://" in where:
        print(f"Set {variable} to the database's URL, then: quarterdeck check {folder}")
        return
    data = Path(where) if Path(where).is_dir() else Path(where).parent
    print(f"Next: quarterdeck check {folder} --data {data}")
    print(f"Then: quarterdeck run {folder} --data {data}")
