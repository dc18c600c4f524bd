"""Do a company's tables keep the contract?"""

import argparse
from typing import Any

from quarterdeck.commands.notes import note_remarks, note_without_file
from quarterdeck.commands.options import WHOLE, add_company, add_data, add_debug, add_out
from quarterdeck.errors import ContractError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_out(parser)
    add_debug(parser)
    add_company(parser)
    add_data(parser)


def main(args: argparse.Namespace) -> int:
    """Check a company's tables against the contract."""
    import pandas as pd

    from quarterdeck.batch import plan
    from quarterdeck.data import contract, coverage, snapshot, source

    plan.region_files(args.params)  # what is wrong with them is said before anything is read
    described = source.load(args.params)
    tables = _checked(
        args.params.name, source.read(args.params, args.out, args.data), described.set_aside_limit, described.rules
    )
    known = snapshot.regions(tables)
    files = plan.region_files(args.params, known)
    plan.refuse_unknown_regions(files, known, args.params)
    today = pd.Timestamp.now().normalize()
    snapshot.refuse_far(tables, today)
    for name, table in tables.items():
        print(f"{name:20} {len(table):>10,} {'row' if len(table) == 1 else 'rows'}")
    last = snapshot.last_day(coverage.at_ends(tables, described.cadence))
    note_remarks([*tables.remarks, *snapshot.later(tables, last)])
    note_without_file(args.params, plan.without_file(files, known))
    if found := contract.dated_after(tables, today, contract.DATED):
        print(f"note: {found}, after today, and figures are as of that day: fix the source, or run with --as-of")
    if found := contract.dated_after(tables, last + snapshot.FAR, [("opportunities", "expected_close")]):
        print(f"note: {found}, years after the last day; no page counts the deal as due until the source is fixed")
    print(f"{args.params.name}: everything holds, through {last:%Y-%m-%d}.")
    return WHOLE


def _checked(company: str, tables: Any, limit: float, rules: dict[str, str]) -> Any:
    """Hold tables against the contract, and print every fault where there are several."""
    from quarterdeck.data import contract

    try:
        return contract.check(tables, limit, rules)
    except ContractError as error:
        if len(error.faults) == 1:
            raise
        for fault in error.faults:
            print(f"stop: {fault}")
        raise ContractError(f"{company}: {len(error.faults)} faults stop a run; fix what stands above.") from error
