"""The command `quarterdeck`: init · check · run · serve · prune · deck · brief · password · users.

Each command is a module of `quarterdeck.commands`.
"""

import argparse
import atexit
import gc
import sys
import traceback

from quarterdeck import __version__
from quarterdeck.commands import brief, check, deck, init, password, prune, run, serve, users
from quarterdeck.commands.options import BAD_INPUT, FAULTY, STOPPED
from quarterdeck.errors import QuarterdeckError
from quarterdeck.surroundings import settle

COMMANDS = {
    "init": init,
    "check": check,
    "run": run,
    "serve": serve,
    "prune": prune,
    "deck": deck,
    "brief": brief,
    "password": password,
    "users": users,
}
atexit.register(
    gc.freeze
)  # otherwise the collector goes through everything imported once more at the end, for a second


def main(argv: list[str] | None = None) -> int:
    """Run the command; give its exit status: 0 whole, 1 a failure or figures that do not add up, 2 bad input, 130 stopped."""
    if argv is None:
        settle()
    args = parser().parse_args(argv)
    try:
        return args.do(args)
    except QuarterdeckError as error:
        return _said(args, str(error), BAD_INPUT)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        again = "fix that and run again: what was finished is taken over."
        return _said(args, f"it could not be finished: {error.strerror or error}{where}; {again}", FAULTY)
    except KeyboardInterrupt as stop:
        return _said(args, str(stop) or "stopped.", STOPPED)


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line; the parsed arguments hold the command's `main` as `do`."""
    made = argparse.ArgumentParser(
        "quarterdeck", description="Notebooks, batch runs and pages for a Chief Sales Officer."
    )
    made.add_argument("--version", action="version", version=f"quarterdeck {__version__}")
    commands = made.add_subparsers(required=True, metavar=" | ".join(COMMANDS))
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.main.__doc__, description=module.main.__doc__)
        command.set_defaults(do=module.main)
        module.add_arguments(command)
    return made


def _said(args: argparse.Namespace, sentence: str, status: int) -> int:
    if args.debug:
        traceback.print_exc()
    print(f"quarterdeck: {sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
