"""The command `quarterdeck`: check · run · serve."""

import argparse
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from quarterdeck import __version__
from quarterdeck.data.snapshot import home
from quarterdeck.errors import QuarterdeckError

WHOLE, FAULTY, BAD_INPUT, STOPPED = 0, 1, 2, 130


def main(argv: list[str] | None = None) -> int:
    """Run the command; give its exit status: 0 whole, 1 a failure or figures that do not add up, 2 bad input, 130 stopped."""
    args = _parser().parse_args(argv)
    try:
        return args.do(args)
    except QuarterdeckError as error:
        return _said(args, str(error), BAD_INPUT)
    except KeyboardInterrupt:
        return _said(args, "stopped; nothing half-written was left.", STOPPED)


def check(args: argparse.Namespace) -> int:
    """Hold a company's tables against the contract."""
    from quarterdeck.batch.plan import region_files
    from quarterdeck.data import contract, snapshot, source

    region_files(args.params)
    tables = contract.check(source.read(args.params, args.out, args.data))
    for name, table in tables.items():
        print(f"{name:20} {len(table):>10,} rows")
    print(f"{args.params.name}: everything holds, through {snapshot.last_day(tables):%Y-%m-%d}.")
    return WHOLE


def run(args: argparse.Namespace) -> int:
    """Run a company's notebooks and print what came of each."""
    from quarterdeck.batch.execute import run as execute

    folder, facts = execute(
        args.params,
        args.out,
        args.notebooks,
        args.region,
        args.notebook,
        args.workers,
        args.as_of,
        args.data,
        tell=_progress,
    )
    print(_table(facts).to_string())
    failed = [e for e in facts["notebooks"] if e["state"] == "failed"]
    for entry in failed:
        print(f"failed: {entry['region']}/{entry['notebook']}: {entry['error']}")
    apart = [c for c in facts["reconciliation"] if not c["ok"]]
    for found in apart:
        print(
            f"does not reconcile: {found['metric']} of {found['region']}: {found['check']}, off by {found['difference']:,.4f}"
        )
    if not apart:
        print(
            f"reconciled: {len(facts['reconciliation'])} figures are the same on every page or add up over the regions"
        )
    print(f"{facts['title']} as of {facts['as_of']}: {folder}")
    print("Look at it: make serve, or quarterdeck serve")
    return FAULTY if failed or apart else WHOLE


def serve(args: argparse.Namespace) -> int:
    """Show the finished runs."""
    from quarterdeck.publish.serve import serve as show

    show(args.out, args.port, args.company, args.run)
    return WHOLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "quarterdeck", description="Notebooks, batch runs and pages for a Chief Sales Officer."
    )
    parser.add_argument("--version", action="version", version=f"quarterdeck {__version__}")
    commands = parser.add_subparsers(required=True, metavar="check | run | serve")
    for name, do in (("check", check), ("run", run), ("serve", serve)):
        command = commands.add_parser(name, help=do.__doc__, description=do.__doc__)
        command.set_defaults(do=do, notebooks=home() / "notebooks")
        command.add_argument("--out", type=Path, default=Path("outputs"), help="folder of the runs (default: outputs)")
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        if name != "serve":
            command.add_argument("params", type=Path, help="the company's folder, params/<company>")
            command.add_argument("--data", type=Path, help="folder of the company's files")
        if name == "run":
            _add_run(command)
        if name == "serve":
            command.add_argument("--port", type=int, default=8866)
            command.add_argument("--company", help="show this company alone")
            command.add_argument("--run", default="latest", help="show this run alone")
    return parser


def _add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("--region", nargs="+", default=[], metavar="R", help="only these regions")
    command.add_argument("--notebook", nargs="+", default=[], metavar="N", help="only these notebooks")
    command.add_argument("--workers", type=int, help="notebooks at a time (default: one per core)")
    command.add_argument("--as-of", default="", metavar="DATE", help="look from this day (default: the data's last)")


def _progress(steps: Iterator, count: int) -> Iterator:
    return tqdm(steps, total=count, unit="notebook", file=sys.stderr, dynamic_ncols=True)


def _table(facts: dict) -> pd.DataFrame:
    """Lay out region × notebook: the state, and the seconds it took."""
    frame = pd.DataFrame(facts["notebooks"])
    frame["told"] = frame["state"] + frame["seconds"].map(" {:.1f} s".format)
    table = frame.pivot(index="region", columns="notebook", values="told")
    return table.loc[frame["region"].unique(), frame["notebook"].unique()].rename_axis(index=None, columns=None)


def _said(args: argparse.Namespace, sentence: str, status: int) -> int:
    if args.debug:
        traceback.print_exc()
    print(f"quarterdeck: {sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
