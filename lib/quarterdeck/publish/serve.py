"""How does an executive read the finished runs? By a server of read-only pages, made of Voilà with its own routes taken away.

The server itself is in `server.py`; here it is checked that it may start.
"""

import socket
from dataclasses import dataclass, field
from pathlib import Path

from quarterdeck.errors import QuarterdeckError, RunError
from quarterdeck.publish.access.audit import Audit
from quarterdeck.publish.access.shelf import LATEST, Shelf
from quarterdeck.publish.access.users import AccessOptions
from quarterdeck.publish.pages.handler import is_here


@dataclass(frozen=True)
class ServeOptions:
    """How finished runs are shown.

    Parameters
    ----------
    port : int
        Where to listen.
    company, run : str, optional
        Show this company, or this one run, alone.
    ip : str
        The address to listen on.
    access : AccessOptions
        Who may read: anybody on this machine, unless it says otherwise.
    audit : Path, optional
        The file to which each view is added; standard error without it.
    live : int
        How many pages may be alive at a time, each with a kernel; none where it is 0.
    idle : int
        Seconds without a move after which such a kernel ends.
    """

    port: int = 8866
    company: str | None = None
    run: str = LATEST
    ip: str = "127.0.0.1"
    access: AccessOptions = field(default_factory=AccessOptions)
    audit: Path | None = None
    live: int = 0
    idle: int = 900


def serve(outputs: Path, options: ServeOptions) -> None:
    """Show the finished runs in `outputs` as read-only pages, until stopped.

    Parameters
    ----------
    outputs : Path
        The folder of runs: `outputs/<company>/<run>/run.json`.
    options : ServeOptions
        What to show, where, and to whom.

    Raises
    ------
    QuarterdeckError
        Where `ip` can be reached from other machines and nobody is asked who they are.
    RunError
        Where the company or the run does not exist, or the port is taken.
    """
    shelf, access = Shelf(Path(outputs).resolve(), options.company, options.run), options.access
    if not access.known and not access.open_to_all:
        _refuse_strangers(options.ip)
    _refuse_unknown(shelf)
    _refuse_taken(options.ip, options.port)
    from quarterdeck.publish import readiness
    from quarterdeck.publish.server import Pages

    settings = {"live": options.live, "idle": options.idle, "operators": readiness.token()}
    app = Pages(shelf=shelf, ip=options.ip, port=options.port, access=access, audit=Audit(options.audit), **settings)
    app.initialize(argv=[])
    app.start()


def _refuse_strangers(ip: str) -> None:
    if not is_here(ip):
        raise QuarterdeckError(
            f"The pages ask nobody who they are, so they are shown on this machine alone: use 127.0.0.1, not {ip!r}, or "
            "say by --users or --proxy-header who may read them. With --open-to-all everybody who can reach this "
            "machine reads everything."
        )


def _refuse_unknown(shelf: Shelf) -> None:
    everything = Shelf(shelf.outputs)
    if shelf.company and shelf.company not in everything.companies():
        known = ", ".join(everything.companies()) or "none"
        raise RunError(f"{shelf.company!r} has no finished run in {shelf.outputs}; companies that have one: {known}.")
    if shelf.run != LATEST and not shelf.companies():
        known = ", ".join(r.name for c in everything.companies() for r in everything.runs(c)) or "none"
        raise RunError(f"There is no finished run {shelf.run!r} in {shelf.outputs}; finished runs: {known}.")


def _refuse_taken(ip: str, port: int) -> None:
    """Refuse a port that is taken: Voilà would take another one without a word."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError as error:
            raise RunError(f"Port {port} cannot be used on {ip} ({error.strerror}); choose another.") from error
