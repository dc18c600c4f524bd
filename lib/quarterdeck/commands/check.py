"""Do a company's tables keep the contract, which notebooks can they fill, and what has changed since the last run?"""

import argparse
import json
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

from quarterdeck.commands.notes import note_remarks, note_without_file
from quarterdeck.commands.options import BAD_INPUT, WHOLE, add_company, add_data, add_debug, add_out
from quarterdeck.data.home import home
from quarterdeck.errors import ContractError, RunError
from quarterdeck.present.numbers import counted

READY = {"whole": "whole", "part": "in part", "not": "not to be filled"}  # the verdicts, in words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_out(parser)
    add_debug(parser)
    add_company(parser)
    add_data(parser)
    parser.add_argument("--json", action="store_true", help="print what was found as one JSON object")


def main(args: argparse.Namespace) -> int:
    """Check a company's tables against the contract."""
    from quarterdeck.batch import plan
    from quarterdeck.data import source

    plan.region_files(args.params)  # what is wrong with them is said before anything is read
    described = source.load(args.params)
    read = source.read(args.params, args.out, args.data)
    try:
        found = _found(args, described, read)
    except ContractError as error:
        return _stopped(args, error)
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        _print(args.params, found)
    return WHOLE


def _found(args: argparse.Namespace, described: Any, read: dict) -> dict[str, Any]:
    """Gather what is to be said of tables that hold to the contract."""
    import pandas as pd

    from quarterdeck.batch import plan
    from quarterdeck.data import contract, rules, snapshot

    tables = contract.check(read, **described.for_check)
    company = snapshot.CompanyInfo.of(args.params.name, described)
    known = snapshot.known_regions(tables, company)
    files = plan.region_files(args.params, known)
    plan.refuse_unknown_regions(files, known, args.params)
    today = pd.Timestamp.now().normalize()
    snapshot.refuse_far(tables, today)
    ends = snapshot.dated(tables, described.cadence)
    last = snapshot.last_day(ends)
    return {
        "company": args.params.name,
        "holds": True,
        "through": f"{last:%Y-%m-%d}",
        "calendar": tables.calendar.lies(last),
        "tables": {name: len(table) for name, table in tables.items()},
        "rows_read": {name: len(table) for name, table in read.items()},
        "set_aside": rules.counted(tables.aside),
        "remarks": [_counts(r) for r in [*tables.remarks, *snapshot.later(tables, last)]],
        "notes": _dated(tables, today, last),
        "without_file": plan.without_file(files, known),
        "notebooks": _verdicts(snapshot.at_once(ends, company, last)),
        "drift": _drift(args.out / args.params.name, ends),
    }


def _counts(remark: Any) -> dict[str, Any]:
    rows, of_rows, money, of_money = remark.of("company") or [None] * 4
    counts = {"rows": rows, "of_rows": of_rows, "money": money, "of_money": of_money}
    about = {"table": remark.table, "rule": remark.rule, "severity": remark.severity}
    return about | counts | {"said": remark.said if remark.severity == "stop" else remark.sentence()}


def _dated(tables: Any, today: Any, last: Any) -> list[str]:
    """Say what is dated after today, or years after the last day."""
    from quarterdeck.data import contract, snapshot

    said = []
    if found := contract.dated_after(tables, today, contract.DATED):
        said.append(f"{found}, after today, and figures are as of that day: fix the source, or run with --as-of")
    if found := contract.dated_after(tables, last + snapshot.FAR, [("opportunities", "expected_close")]):
        said.append(f"{found}, years after the last day; no page counts the deal as due until the source is fixed")
    return said


def _verdicts(desk: Any) -> list[dict]:
    from quarterdeck.batch.params import WORKBOOKS
    from quarterdeck.batch.verdicts import verdict

    paths = (home() / "notebooks" / f"{name}.ipynb" for name in WORKBOOKS)
    return [verdict(path, desk).facts() for path in paths if path.is_file()]


def _drift(runs: Path, tables: Any) -> list[dict]:
    """Compare with the snapshot of the latest run; nothing where there is none that can be read."""
    import pandas as pd

    from quarterdeck.data.calendar import Calendar
    from quarterdeck.data.drift import another_calendar, drift
    from quarterdeck.data.snapshot import read_snapshot

    try:
        facts, before = read_snapshot(runs / "latest" / "data")
    except RunError:
        return []
    then, as_of = Calendar.model_validate(facts.get("calendar", {})), pd.Timestamp(facts["as_of"])
    return another_calendar(then, tables.calendar, as_of) or drift(before, tables, as_of, tables.calendar)


def _stopped(args: argparse.Namespace, error: ContractError) -> int:
    """Say every fault, and give the status of bad input."""
    name, count = args.params.name, len(error.faults)
    if args.json:
        facts = {"company": name, "holds": False, "faults": list(error.faults)}
        print(json.dumps(facts | {"remarks": [_counts(r) for r in error.remarks]}, indent=1))
        return BAD_INPUT
    if count == 1:
        raise error
    for fault in error.faults:
        print(f"stop: {fault}")
    raise ContractError(f"{name}: {count} faults stop a run; fix what stands above.") from error


def _print(params: Path, found: dict[str, Any]) -> None:
    """Print what was found, for people."""
    for name, count in found["tables"].items():
        print(f"{name:20} {count:>10,} {'row' if count == 1 else 'rows'}")
    if found["calendar"]:
        print(f"calendar: {found['calendar']}")
    note_remarks(found["remarks"])
    note_without_file(params, found["without_file"])
    for said in found["notes"]:
        print(f"note: {said}")
    for change in found["drift"]:
        print(f"since the last run: {change['said']}")
    _print_verdicts(found["notebooks"])
    print(f"{found['company']}: everything holds, through {found['through']}.")


def _print_verdicts(notebooks: list[dict]) -> None:
    """Print which notebooks can be filled, and in how many sections of the others what is lacking."""
    for page in notebooks:
        share = f"  {len(page['lacking'])} of {page['sections']} sections lack something" if page["lacking"] else ""
        print(f"{page['notebook']:20} {page['verdict']:>10}{share}")
        lacked = ({r.partition(" needs ")[2] or r for r in reasons} for reasons in page["lacking"].values())
        for need, count in Counter(chain.from_iterable(lacked)).most_common():
            print(f"    {counted(count, 'section needs', 'sections need')} {need}")
    counts = [f"{sum(p['verdict'] == v for p in notebooks)} {words}" for v, words in READY.items()]
    print(f"notebooks: {', '.join(counts)}; what shows only in computing, a run says")
