"""How is a password hashed for the file of users?"""

import argparse
import sys

from quarterdeck.commands.options import WHOLE, add_debug
from quarterdeck.errors import ParamsError

SHORTEST = 10  # characters of a password


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_debug(parser)


def main(args: argparse.Namespace) -> int:
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
