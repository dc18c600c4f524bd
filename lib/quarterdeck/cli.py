"""The command `quarterdeck`: check · run · serve · prune · deck · brief · password.

What takes long to import is imported where it is needed: an unchanged run is answered within a second.
"""

import argparse
import atexit
import contextlib
import gc
import json
import sys
import time
import traceback
from collections.abc import Generator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from quarterdeck import __version__
from quarterdeck.data.home import home
from quarterdeck.errors import ParamsError, QuarterdeckError
from quarterdeck.present.agreed import agreed
from quarterdeck.present.written import counted

WHOLE, FAULTY, BAD_INPUT, STOPPED = 0, 1, 2, 130
SHORTEST = 10  # characters of a password
LONGEST = 7 * 24 * 3600  # seconds that a notebook may be given
TELL = 30  # seconds between a log's lines on progress
atexit.register(gc.freeze)  # else the collector looks through all that was imported once more at the end, for a second


def main(argv: list[str] | None = None) -> int:
    """Run the command; give its exit status: 0 whole, 1 a failure or figures that do not add up, 2 bad input, 130 stopped."""
    args = _parser().parse_args(argv)
    try:
        return args.do(args)
    except QuarterdeckError as error:
        return _said(args, str(error), BAD_INPUT)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        again = "mend that and run again: what was finished is taken over."
        return _said(args, f"it could not be finished: {error.strerror or error}{where}; {again}", FAULTY)
    except KeyboardInterrupt as stop:
        return _said(args, str(stop) or "stopped.", STOPPED)


def check(args: argparse.Namespace) -> int:
    """Hold a company's tables against the contract."""
    import pandas as pd

    from quarterdeck.batch import plan
    from quarterdeck.data import contract, snapshot, source

    files = plan.region_files(args.params)
    tables = contract.check(source.read(args.params, args.out, args.data))
    known = snapshot.regions(tables)
    plan.refuse_unknown_regions(files, known, args.params)
    today = pd.Timestamp.now().normalize()
    snapshot.refuse_far(tables, today)
    for name, table in tables.items():
        print(f"{name:20} {len(table):>10,} {'row' if len(table) == 1 else 'rows'}")
    last = snapshot.last_day(tables)
    _note(args.params, plan.without_file(files, known))
    if found := contract.dated_after(tables, today, contract.DATED):
        print(f"note: {found}, after today, and figures are told as of that day: mend the source, or run with --as-of")
    if found := contract.dated_after(tables, last + snapshot.FAR, [("opportunities", "expected_close")]):
        print(f"note: {found}, years after the last day; no page counts the deal as due until the source is mended")
    print(f"{args.params.name}: everything holds, through {last:%Y-%m-%d}.")
    return WHOLE


def run(args: argparse.Namespace) -> int:
    """Run a company's notebooks and print what came of each."""
    if not isinstance(args.out, str):
        return _run(args)
    from quarterdeck.batch.mirror import mirrored

    url = args.out
    with mirrored(url, args.params.name) as mirror:
        args.out = mirror.out
        status = _run(args)
        if not args.dry_run and (name := mirror.publish()):
            print(f"published: {url}/{args.params.name}/{name}")
    return status


def _run(args: argparse.Namespace) -> int:
    _refuse_odd_day(args.as_of)
    if args.cluster and args.workers:
        raise ParamsError("--workers counts notebooks on this machine; a Dask worker is told by its own --nthreads.")
    if not args.force and (stands := _stands(args)):
        print(f"nothing has changed since {stands}: its pages stand.")
        return WHOLE
    if args.dry_run:
        return _foresee(args)
    from quarterdeck.batch import zygote

    if not args.cluster:
        zygote.begin_ahead()
    from quarterdeck.batch.crew import Limits
    from quarterdeck.batch.execute import run as execute

    limits = Limits(args.workers, args.timeout, args.memory_limit, args.cluster)
    asked = (args.params, args.out, args.notebooks, args.region, args.notebook)
    folder, facts = execute(*asked, limits, args.as_of, args.data, args.force, tell=_progress)
    if facts.get("unchanged"):
        print(f"nothing has changed since {folder}: its pages stand.")
    return _report(args, folder, facts)


def prune(args: argparse.Namespace) -> int:
    """Remove all but a company's newest runs; what `latest` needs, the figures' history and the forecasts' ledger stay."""
    from quarterdeck.batch import folders

    company = args.out / args.params.name
    if not company.is_dir():
        raise ParamsError(f"{company} holds no runs.")
    with folders.held(company):
        gone = folders.prune(company, args.keep)
    print(f"removed {counted(len(gone), 'run')} of {args.params.name}, kept {len(folders.runs(company))}.")
    return WHOLE


def _stands(args: argparse.Namespace) -> Path | None:
    """Give the latest run's folder, where the same was asked for then and nothing has changed since."""
    from quarterdeck.batch import unchanged

    asked = unchanged.asked(args.params, args.region, args.notebook, args.as_of, args.data)
    return unchanged.since(args.out / args.params.name, asked, args.params, args.notebooks)


def _foresee(args: argparse.Namespace) -> int:
    """Print what would run, and why."""
    from quarterdeck.batch.execute import foresee

    asked = (args.params, args.out, args.notebooks, args.region, args.notebook)
    steps = foresee(*asked, args.as_of, args.data, args.force)
    ahead = [s for s in steps if s.why]
    for step in ahead:
        print(f"would run {step.job.region}/{step.job.notebook}: {step.why}")
    kept = counted(len(steps) - len(ahead), "page")
    print(f"{counted(len(ahead), 'notebook')} would run, {kept} would be taken over.")
    return WHOLE


def _report(args: argparse.Namespace, folder: Path, facts: dict) -> int:
    from quarterdeck.batch.reconcile import say

    print(_table(facts).to_string())
    failed = [e for e in facts["notebooks"] if e["state"] == "failed"]
    for entry in failed:
        print(f"failed: {entry['region']}/{entry['notebook']}: {entry['error']}")
    apart = [c for c in facts["reconciliation"] if not c["ok"]]
    for found in apart:
        print(f"does not reconcile: {say(found)}")
    if not apart:
        print(agreed(facts["reconciliation"]))
    _point(args, folder, facts)
    return FAULTY if failed or apart else WHOLE


def serve(args: argparse.Namespace) -> int:
    """Show the finished runs."""
    from quarterdeck.publish.serve import serve as show
    from quarterdeck.publish.users import Entrance

    doors = Entrance(args.users, args.proxy_header, args.proxy_address, args.certfile, args.keyfile, args.open_to_all)
    show(args.out, args.port, args.company, args.run, args.ip, doors, args.audit, args.live, args.live_idle)
    return WHOLE


def password(args: argparse.Namespace) -> int:
    """Ask for a password and print its hash, for the file of users."""
    from getpass import getpass

    from jupyter_server.auth.security import passwd

    ask = getpass if sys.stdin.isatty() else lambda _: sys.stdin.readline().rstrip("\n")
    first = ask("Password: ")
    if len(first) < SHORTEST:
        raise ParamsError(f"A password has at least {SHORTEST} characters.")
    if sys.stdin.isatty() and getpass("Once more: ") != first:
        raise ParamsError("The two are not the same.")
    print(passwd(first))
    return WHOLE


def deck(args: argparse.Namespace) -> int:
    """Write the board deck of a finished run: a PowerPoint file with native text and tables."""
    from quarterdeck.publish import deck as board
    from quarterdeck.publish.told import tell

    told = tell(args.run, args.out, args.region)
    path = args.to or Path(f"{_named(told)}.pptx")
    print(f"{counted(board.write(told, path), 'slide')}: {path}")
    return WHOLE


def brief(args: argparse.Namespace) -> int:
    """Write the brief of a finished run for e-mail: one HTML file, and a PDF of it where Chromium is."""
    from quarterdeck.publish import letter
    from quarterdeck.publish.told import tell

    told = tell(args.run, args.out, args.region)
    path = args.to or Path(f"{_named(told)}.html")
    for line in letter.write(told, path):
        print(line)
    return WHOLE


def _named(told: Any) -> str:
    return f"{told.facts['company']}-{told.region}-{told.facts['as_of']}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "quarterdeck", description="Notebooks, batch runs and pages for a Chief Sales Officer."
    )
    parser.add_argument("--version", action="version", version=f"quarterdeck {__version__}")
    commands = parser.add_subparsers(required=True, metavar="check | run | serve | prune | deck | brief | password")
    for name, do in (
        ("check", check),
        ("run", run),
        ("serve", serve),
        ("prune", prune),
        ("deck", deck),
        ("brief", brief),
    ):
        command = commands.add_parser(name, help=do.__doc__, description=do.__doc__)
        command.set_defaults(do=do, notebooks=home() / "notebooks")
        out = {"type": _folder_or_url if name == "run" else _folder, "default": Path("outputs")}
        command.add_argument("--out", **out, help="folder of the runs (default: outputs); run takes a URL as well")
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        if name in ("deck", "brief"):
            _add_told(command)
        if name in ("check", "run", "prune"):
            command.add_argument("params", type=Path, help="the company's folder, params/<company>")
        if name in ("check", "run"):
            command.add_argument("--data", type=Path, help="folder of the company's files")
        if name == "run":
            _add_run(command)
        if name == "prune":
            command.add_argument("--keep", type=_count, required=True, metavar="N", help="how many finished runs stay")
        if name == "serve":
            _add_serve(command)
    _add_password(commands)
    return parser


def _add_told(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", help="the run's folder, or COMPANY/RUN in --out; RUN may be latest")
    command.add_argument("--region", default="company", metavar="R", help="of this region (default: company)")
    command.add_argument("--to", type=Path, metavar="FILE", help="where to write (default: COMPANY-REGION-DAY here)")


def _add_password(commands: Any) -> None:
    command = commands.add_parser("password", help=password.__doc__, description=password.__doc__)
    command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command.set_defaults(do=password)


def _add_serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--port", type=int, default=8866)
    command.add_argument("--company", help="show this company alone")
    command.add_argument("--run", default="latest", help="show this run alone")
    command.add_argument("--ip", default="127.0.0.1", help="address to listen on (default: this machine's own)")
    command.add_argument("--users", type=Path, metavar="FILE", help="who may log in and which regions they see (YAML)")
    proxy = "header in which a proxy names the user, such as X-Forwarded-User"
    command.add_argument("--proxy-header", default="", metavar="NAME", help=proxy)
    command.add_argument("--proxy-address", default="", metavar="IP", help="that proxy's address; others are refused")
    command.add_argument("--certfile", type=Path, help="certificate (PEM) to serve by TLS")
    command.add_argument("--keyfile", type=Path, help="its key, where it is in another file")
    command.add_argument("--audit", type=Path, metavar="FILE", help="add a line for each view here (default: stderr)")
    alive = "pages that may be alive at a time, each with a kernel (default: 0, none)"
    command.add_argument("--live", type=int, default=0, metavar="N", help=alive)
    moved = "seconds without a move after which a live page's kernel ends (default: 900)"
    command.add_argument("--live-idle", type=_count, default=900, metavar="SECONDS", help=moved)
    everybody = "ask nobody who they are: everybody who can reach the address reads everything"
    command.add_argument("--open-to-all", action="store_true", help=everybody)


def _add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("--region", nargs="+", action="extend", default=[], metavar="R", help="only these regions")
    command.add_argument("--notebook", nargs="+", action="extend", default=[], metavar="N", help="only these notebooks")
    command.add_argument(
        "--workers", type=_workers, metavar="N", help="notebooks at a time (default: auto, as cores and memory allow)"
    )
    command.add_argument(
        "--timeout",
        type=_seconds,
        default=1800,
        metavar="SECONDS",
        help="how long a notebook may take, more than 0 (default: 1800)",
    )
    command.add_argument(
        "--memory-limit",
        type=_bytes,
        default=0,
        metavar="SIZE",
        help="memory a notebook may take up, such as 2G (Linux)",
    )
    command.add_argument(
        "--cluster", default="", metavar="ADDRESS", help="let a Dask cluster's workers execute, such as tcp://host:8786"
    )
    command.add_argument("--force", action="store_true", help="run everything again, changed or not")
    command.add_argument("--dry-run", action="store_true", help="say what would run and why, and run nothing")
    command.add_argument(
        "--as-of", default="", metavar="YYYY-MM-DD", help="look from this day (default: the data's last)"
    )


def _folder(text: str) -> Path:
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text} is a URL; only quarterdeck run takes one, here name a folder")
    return Path(text)


def _folder_or_url(text: str) -> Path | str:
    return text.rstrip("/") if "://" in text else Path(text)


def _workers(text: str) -> int | None:
    return None if text == "auto" else _count(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count of at least one")
    return int(text)


def _seconds(text: str) -> float:
    """Read a span of time.

    >>> _seconds("1800"), _seconds("0.5")
    (1800.0, 0.5)
    """
    with contextlib.suppress(ValueError):
        if 0 < float(text) <= LONGEST:
            return float(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a number of seconds above 0 and up to {LONGEST}; a notebook always has a limit"
    )


def _bytes(text: str) -> int:
    """Read a size.

    >>> _bytes("2G"), _bytes("500M")
    (2147483648, 524288000)
    """
    units = {"K": 10, "M": 20, "G": 30}
    if not text[:-1].isdecimal() or text[-1] not in units:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 500M or 2G")
    return int(text[:-1]) << units[text[-1]]


def _point(args: argparse.Namespace, folder: Path, facts: dict) -> None:
    """Say what may be meant otherwise, where the run is, and how to look at it."""
    from quarterdeck.batch import plan

    if not args.region:
        frozen = json.loads((folder / "data" / "snapshot.json").read_text(encoding="utf-8"))
        _note(args.params, plan.without_file(plan.region_files(args.params), frozen["regions"]))
        _note_days(args.as_of, frozen["as_of"])
    print(f"{facts['title']} as of {facts['as_of']}: {folder}")
    out = "" if args.out == Path("outputs") else f"--out {args.out}"
    print(
        f'Look at it: make serve ARGS="{out}", or quarterdeck serve {out}'
        if out
        else "Look at it: make serve, or quarterdeck serve"
    )


def _refuse_odd_day(day: str) -> None:
    try:
        date.fromisoformat(day or "2000-01-01")
    except ValueError as error:
        raise ParamsError(f"--as-of holds {day!r}, expected a date as YYYY-MM-DD.") from error


def _note(params: Path, without_file: list[str]) -> None:
    """Say which regions have no file."""
    if without_file:
        print(
            f"note: {params} has no file for {', '.join(without_file)}: no pages of their own, and the regions' sums are not "
            "held against the company"
        )


def _note_days(as_of: str, last: str) -> None:
    """Say what lies after today: the day looked from, or what is left out, or what the figures are told as of."""
    today = date.today()
    if as_of and date.fromisoformat(as_of) > today:
        print(f"note: the day that --as-of gives, {as_of}, is after today")
    elif as_of and date.fromisoformat(last) > today:
        print(f"note: the data reaches to {last}, after today; what is dated after {as_of} is left out of every figure")
    elif date.fromisoformat(last) > today:
        print(
            f"note: the data reaches to {last}, after today; quarterdeck check names the row: mend it, or give --as-of"
        )


def _progress(steps: Generator, count: int) -> Iterator:
    """Show progress: a bar on a terminal, and in a log a line every half a minute."""
    from tqdm import tqdm

    with contextlib.closing(steps):  # Ctrl-C may come in here: then nothing is to run on
        if sys.stderr.isatty():
            yield from tqdm(steps, total=count, unit="notebook", file=sys.stderr, dynamic_ncols=True)
            return
        told = time.monotonic()
        for done, step in enumerate(steps, 1):
            yield step
            if time.monotonic() - told > TELL and done < count:
                told = time.monotonic()
                print(f"finished: {done} of {counted(count, 'notebook')}", file=sys.stderr, flush=True)


def _table(facts: dict) -> Any:
    """Lay out region × notebook: the state, and the seconds it took."""
    import pandas as pd

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
