"""How is the brief of a finished run written for e-mail?"""

import argparse
from pathlib import Path

from quarterdeck.commands.options import WHOLE, add_export

add_arguments = add_export


def main(args: argparse.Namespace) -> int:
    """Write the brief of a finished run for e-mail: one HTML file, and a PDF of it where Chromium is."""
    from quarterdeck.publish.exports import letter
    from quarterdeck.publish.exports.run_reader import open_run

    reader = open_run(args.run, args.out, args.region)
    path = args.to or Path(f"{reader.file_name}.html")
    for line in letter.write(reader, path):
        print(line)
    return WHOLE
