"""What is wrong with a file of users?"""

import argparse
import contextlib
from pathlib import Path

from quarterdeck.commands.options import BAD_INPUT, WHOLE, add_debug, folder
from quarterdeck.data.home import home
from quarterdeck.errors import QuarterdeckError
from quarterdeck.present.numbers import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes: its one part is `check`."""
    check = parser.add_subparsers(required=True, metavar="check").add_parser("check", help=main.__doc__)
    check.add_argument("file", type=Path, metavar="FILE", help="the file that serve takes by --users")
    of = "folder of the companies' parameters (default: the project's)"
    check.add_argument("--params", type=Path, default=home() / "params", help=of)
    check.add_argument("--out", type=folder, default=Path("outputs"), help="folder of the runs (default: outputs)")
    add_debug(check)


def main(args: argparse.Namespace) -> int:
    """Say all that is wrong with a file of users, also companies and regions that neither parameters nor runs know."""
    from quarterdeck.publish.access.user_file import examine

    entries, faults = examine(args.file, _by_company(_run_regions(args.out) + _region_files(args.params)))
    print("\n".join(faults) or f"{args.file}: everything holds, for {counted(len(entries), 'user')}.")
    return BAD_INPUT if faults else WHOLE


def note_unknown_regions(file: Path, outputs: Path) -> None:
    """Print the companies and regions in a file of users that no finished run in `outputs` has: they may be misspelled."""
    from quarterdeck.publish.access.user_file import examine

    known = _by_company(_run_regions(outputs))
    for fault in examine(file, known)[1] if known and not examine(file)[1] else []:
        print(f"note: {fault}")


def _run_regions(outputs: Path) -> list[tuple[str, str]]:
    from quarterdeck.publish.access.shelf import Shelf, region_name

    shelf = Shelf(outputs)
    runs = [run for company in shelf.companies() for run in shelf.runs(company)]
    made = [(run.company, region_name(entry)) for run in runs for entry in run.notebooks()]
    return made + [(run.company, unit) for run in runs for unit in run.record.parents]


def _region_files(params: Path) -> list[tuple[str, str]]:
    from quarterdeck.batch.plan import NOT_REGIONS
    from quarterdeck.data.source import read_yaml

    found = []
    for file in params.glob("*/*.yaml"):
        with contextlib.suppress(QuarterdeckError):  # what cannot be read names no region; quarterdeck check says why
            if file.stem not in NOT_REGIONS:
                found.append((file.parent.name, str(read_yaml(file).get("region"))))
    return found


def _by_company(regions: list[tuple[str, str]]) -> dict[str, set[str]]:
    return {company: {region for of, region in regions if of == company} for company, _ in regions}
