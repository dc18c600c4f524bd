"""What does `quarterdeck run` print when a run has ended?"""

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from quarterdeck.commands.notes import note_remarks, note_without_file
from quarterdeck.commands.options import FAULTY, WHOLE
from quarterdeck.present.agreement import agreed

SERVED = "http://127.0.0.1:8866"  # where `quarterdeck serve` shows runs by default


def report(args: argparse.Namespace, folder: Path, facts: dict) -> int:
    """Print how a run went, and where to look at it; give the exit status.

    Parameters
    ----------
    args : Namespace
        What the command `run` was given.
    folder : Path
        The run's folder.
    facts : dict
        What its `run.json` says.
    """
    from quarterdeck.batch.reconcile import say
    from quarterdeck.data.remarks import Remark

    print(_table(facts).to_string())
    failed = [e for e in facts["notebooks"] if e["state"] == "failed"]
    for entry in failed:
        print(f"failed: {entry['region']}/{entry['notebook']}: {entry['error']}; {_in_its_place(entry)}")
    for left in facts.get("not_reconciled", []):
        print(f"could not be reconciled: {left['metric']} over the regions: {', '.join(left['failed'])} failed")
    apart = [c for c in facts["reconciliation"] if not c["ok"]]
    for found in apart:
        print(f"does not reconcile: {say(found)}")
    if not apart:
        print(agreed(facts["reconciliation"], facts.get("not_reconciled", [])))
    if per_page := facts.get("computed_per_page"):
        named = ", ".join(f"{metric} ({n})" for metric, n in sorted(per_page.items()))
        print(f"note: computed for each page by itself today, so that pages differ: {named}")
    remarks = [Remark(**said) for said in facts.get("remarks", [])]
    note_remarks([{"severity": r.severity, "said": r.sentence()} for r in remarks])
    _point(args, folder, facts)
    return FAULTY if failed or apart else WHOLE


def _in_its_place(entry: dict) -> str:
    edition = entry.get("edition")
    return f"its page of {edition['as_of']} (run {edition['run']}) stands in" if edition else "it has no earlier page"


def _table(facts: dict) -> Any:
    """Lay out region × notebook: the state, and the seconds it took."""
    import pandas as pd

    frame = pd.DataFrame(facts["notebooks"])
    frame["outcome"] = frame["state"] + frame["seconds"].map(" {:.1f} s".format)
    table = frame.pivot(index="region", columns="notebook", values="outcome")
    return table.loc[frame["region"].unique(), frame["notebook"].unique()].rename_axis(index=None, columns=None)


def _point(args: argparse.Namespace, folder: Path, facts: dict) -> None:
    """Note what may be a mistake; say where the run is, and how to look at it."""
    from quarterdeck.batch import plan
    from quarterdeck.data.snapshot import called

    if not args.region:
        frozen = json.loads((folder / "data" / "snapshot.json").read_text(encoding="utf-8"))
        known = called(frozen)
        note_without_file(args.params, plan.without_file(plan.region_files(args.params, known), known))
        _note_days(args.as_of, frozen["dated_to"])
    print(f"{facts['title']} as of {facts['as_of']}: {folder}")
    out = "" if args.out == Path("outputs") else f"--out {args.out}"
    made = f'make serve ARGS="{out}", or quarterdeck serve {out}' if out else "make serve, or quarterdeck serve"
    print(f"Look at it: {made}, which shows it at")
    for address in _addresses(folder, facts, bool(args.region or args.notebook)):
        print(f"  {address}")


def _addresses(folder: Path, facts: dict, in_part: bool) -> list[str]:
    """Give where a run is shown: the pages of a run in part one by one, for no other run's page leads to them."""
    latest = (folder.parent / "latest").resolve() == folder.resolve()
    if not in_part:
        return [f"{SERVED}/{quote(facts['company'])}/{'latest' if latest else folder.name}"]
    shown = [e for e in facts["notebooks"] if e["state"] != "failed" or e.get("edition")]
    run = f"{SERVED}/{quote(facts['company'])}/{folder.name}"
    return [f"{run}/{quote(e['region'], safe='')}/{e['notebook']}" for e in shown] or [run]


def _note_days(as_of: str, last: str) -> None:
    """Say what lies after today: the day looked from, what is left out, or the day that the figures are of."""
    today = date.today()
    if as_of and date.fromisoformat(as_of) > today:
        print(f"note: the day that --as-of gives, {as_of}, is after today")
    elif as_of and date.fromisoformat(last) > today:
        print(f"note: the data reaches to {last}, after today; what is dated after {as_of} is left out of every figure")
    elif date.fromisoformat(last) > today:
        print(
            f"note: the data reaches to {last}, after today; quarterdeck check names the row: fix it, or give --as-of"
        )
