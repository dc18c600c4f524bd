"""How is a company's run started, and what is printed of it?"""

import argparse
import contextlib
import sys
import time
from collections.abc import Generator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from quarterdeck.commands import options
from quarterdeck.commands.options import WHOLE
from quarterdeck.commands.report import report
from quarterdeck.data.home import home
from quarterdeck.errors import ParamsError
from quarterdeck.present.numbers import counted

INTERVAL = 30  # seconds between a log's lines on progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    options.add_out(parser, url=True)
    options.add_debug(parser)
    options.add_company(parser)
    options.add_data(parser)
    parser.set_defaults(notebooks=home() / "notebooks")
    parser.add_argument("--region", nargs="+", action="extend", default=[], metavar="R", help="only these regions")
    parser.add_argument("--notebook", nargs="+", action="extend", default=[], metavar="N", help="only these notebooks")
    _add_limits(parser)
    parser.add_argument("--force", action="store_true", help="run everything again, changed or not")
    parser.add_argument("--dry-run", action="store_true", help="say what would run and why, and run nothing")
    parser.add_argument(
        "--as-of", default="", metavar="YYYY-MM-DD", help="look from this day (default: the data's last)"
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=options.workers,
        metavar="N",
        help="notebooks at a time (default: auto, as cores and memory allow)",
    )
    parser.add_argument(
        "--timeout",
        type=options.seconds,
        default=1800,
        metavar="SECONDS",
        help="how long a notebook may take, more than 0 (default: 1800)",
    )
    parser.add_argument(
        "--memory-limit",
        type=options.size,
        default=0,
        metavar="SIZE",
        help="memory a notebook may take up, such as 2G (Linux)",
    )
    parser.add_argument(
        "--cluster", default="", metavar="ADDRESS", help="let a Dask cluster's workers execute, such as tcp://host:8786"
    )


def main(args: argparse.Namespace) -> int:
    """Run a company's notebooks and print the result of each."""
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
        raise ParamsError("--workers counts notebooks on this machine; a Dask worker has its own --nthreads.")
    if not args.force and (latest := stands(args)):
        print(f"nothing has changed since {latest}: its pages stand.")
        return WHOLE
    restore(args.out / args.params.name)
    if args.dry_run:
        return _preview(args)
    from quarterdeck.batch import fork_server

    if not args.cluster:
        fork_server.start_ahead()
    from quarterdeck.batch.execute import run
    from quarterdeck.batch.workers import Limits

    limits = Limits(args.workers, args.timeout, args.memory_limit, args.cluster)
    folder, facts = run(_options(args), limits, _progress)
    if facts.get("unchanged"):
        print(f"nothing has changed since {folder}: its pages stand.")
    return report(args, folder, facts)


def _options(args: argparse.Namespace) -> Any:
    from quarterdeck.batch.execute import RunOptions

    asked = (args.params, args.out, args.notebooks, args.region, args.notebook)
    return RunOptions(*asked, args.as_of, args.data, args.force)


def stands(args: argparse.Namespace) -> Path | None:
    """Give the latest run's folder, where the same was asked for then and nothing has changed since; else None."""
    from quarterdeck.batch import unchanged

    asked = unchanged.asked(args.params, args.region, args.notebook, args.as_of, args.data)
    return unchanged.since(args.out / args.params.name, asked, args.params, args.notebooks)


def restore(company: Path) -> None:
    """Put back what earlier runs stored beside their folders where it cannot be read, and say so."""
    if not company.is_dir():
        return
    from quarterdeck.batch import folders, record

    with folders.held(company):
        for line in record.restored(company):
            print(f"note: {line}")


def _preview(args: argparse.Namespace) -> int:
    """Print what would run, and why."""
    from quarterdeck.batch.execute import preview

    steps = preview(_options(args))
    ahead = [s for s in steps if s.why]
    for step in ahead:
        print(f"would run {step.job.region}/{step.job.notebook}: {step.why}")
    kept = counted(len(steps) - len(ahead), "page")
    print(f"{counted(len(ahead), 'notebook')} would run, {kept} would be taken over.")
    return WHOLE


def _refuse_odd_day(day: str) -> None:
    try:
        date.fromisoformat(day or "2000-01-01")
    except ValueError as error:
        raise ParamsError(f"--as-of holds {day!r}, expected a date as YYYY-MM-DD.") from error


def _progress(steps: Generator, count: int, unit: str) -> Iterator:
    """Show progress: a bar on a terminal, and in a log a line every half a minute."""
    from tqdm import tqdm

    with contextlib.closing(steps):  # Ctrl-C may come in here: then nothing is to run on
        if sys.stderr.isatty():
            yield from tqdm(steps, total=count, unit=unit, file=sys.stderr, dynamic_ncols=True)
            return
        reported = time.monotonic()
        for done, step in enumerate(steps, 1):
            yield step
            if time.monotonic() - reported > INTERVAL and done < count:
                reported = time.monotonic()
                print(f"finished: {done} of {counted(count, unit)}", file=sys.stderr, flush=True)
