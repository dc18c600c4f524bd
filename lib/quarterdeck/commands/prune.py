"""Which runs does a company keep?"""

import argparse

from quarterdeck.commands.options import WHOLE, add_company, add_debug, add_out, count
from quarterdeck.errors import ParamsError
from quarterdeck.present.numbers import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_out(parser)
    add_debug(parser)
    add_company(parser)
    parser.add_argument("--keep", type=count, required=True, metavar="N", help="how many finished runs stay")


def main(args: argparse.Namespace) -> int:
    """Remove all but a company's newest runs; what `latest` needs, the figures' history and the forecasts' ledger stay."""
    from quarterdeck.batch import folders

    company = args.out / args.params.name
    if not company.is_dir():
        raise ParamsError(f"{company} holds no runs.")
    with folders.held(company):
        gone = folders.prune(company, args.keep)
    print(f"removed {counted(len(gone), 'run')} of {args.params.name}, kept {len(folders.runs(company))}.")
    return WHOLE
