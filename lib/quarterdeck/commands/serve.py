"""How are finished runs served as pages?"""

import argparse
from pathlib import Path

from quarterdeck.commands.options import WHOLE, add_debug, add_out, count
from quarterdeck.commands.users import note_unknown_regions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_out(parser)
    add_debug(parser)
    parser.add_argument("--port", type=int, default=8866)
    parser.add_argument("--company", help="show this company alone")
    parser.add_argument("--run", default="latest", help="show this run alone")
    parser.add_argument("--ip", default="127.0.0.1", help="address to listen on (default: this machine's own)")
    parser.add_argument("--users", type=Path, metavar="FILE", help="who may log in and which regions they see (YAML)")
    proxy = "header in which a proxy names the user, such as X-Forwarded-User"
    parser.add_argument("--proxy-header", default="", metavar="NAME", help=proxy)
    parser.add_argument(
        "--proxy-address", default="", metavar="IP", help="that proxy's address, or its network; others are refused"
    )
    parser.add_argument("--certfile", type=Path, help="certificate (PEM) to serve by TLS")
    parser.add_argument("--keyfile", type=Path, help="its key, where it is in another file")
    parser.add_argument("--audit", type=Path, metavar="FILE", help="add a line for each view here (default: stderr)")
    alive = "pages that may be alive at a time, each with a kernel (default: 0, none)"
    parser.add_argument("--live", type=int, default=0, metavar="N", help=alive)
    idle = "seconds without a move after which a live page's kernel ends (default: 900)"
    parser.add_argument("--live-idle", type=count, default=900, metavar="SECONDS", help=idle)
    everybody = "ask nobody who they are: everybody who can reach the address reads everything"
    parser.add_argument("--open-to-all", action="store_true", help=everybody)


def main(args: argparse.Namespace) -> int:
    """Show the finished runs."""
    from quarterdeck.publish.access.users import AccessOptions
    from quarterdeck.publish.serve import ServeOptions, serve

    by_proxy, by_tls = (args.proxy_header, args.proxy_address), (args.certfile, args.keyfile)
    access = AccessOptions(args.users, *by_proxy, *by_tls, args.open_to_all)
    if args.users:
        note_unknown_regions(args.users, args.out)
    shown = (args.port, args.company, args.run, args.ip)
    serve(args.out, ServeOptions(*shown, access, args.audit, args.live, args.live_idle))
    return WHOLE
