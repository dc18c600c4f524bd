"""How is a finished run written as a board deck?"""

import argparse
from pathlib import Path

from quarterdeck.commands.options import WHOLE, add_export
from quarterdeck.present.numbers import counted

add_arguments = add_export


def main(args: argparse.Namespace) -> int:
    """Write the board deck of a finished run: a PowerPoint file with native text and tables."""
    from quarterdeck.publish.exports import deck
    from quarterdeck.publish.exports.run_reader import open_run

    reader = open_run(args.run, args.out, args.region)
    path = args.to or Path(f"{reader.file_name}.pptx")
    print(f"{counted(deck.write(reader, path), 'slide')}: {path}")
    return WHOLE
