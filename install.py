"""Install what a lock file names, by pip, and say in a line how far it is: `python install.py requirements.lock`.

pip's own words are held back but for its warnings and errors; of these, those on places that an index names and that are not
there come once for every package, and say nothing.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
SILENT = re.compile(r"WARNING: (Location .* is ignored|Running pip as the 'root' user)")
UNPACKING = "Installing collected packages"
STEP = 10  # seconds between lines where there is no terminal


def main(lock: str) -> int:
    """Install, and give pip's exit status."""
    count = len(re.findall(r"(?m)^[\w.-]+==", Path(lock).read_text(encoding="utf-8")))
    print(f"installing {count} packages of {lock} into {sys.prefix}: some minutes the first time", flush=True)
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    pip = subprocess.Popen([*PIP, "--require-hashes", "-r", lock], **how)
    found, shown, failed = 0, time.monotonic(), False
    for line in pip.stdout:
        found += line.startswith(("Collecting", "Requirement already satisfied"))
        failed |= line.startswith("ERROR")  # and what follows says of what
        if failed or (line.startswith("WARNING") and not SILENT.match(line)):
            print(line, end="", file=sys.stderr, flush=True)
        if line.startswith(UNPACKING):
            _show("all found; unpacking them")
        elif found < count and (sys.stdout.isatty() or time.monotonic() - shown > STEP):
            shown = time.monotonic()
            _show(f"{found} of {count} found")
    return pip.wait()


def _show(words: str) -> None:
    """Show how far it is: on a terminal in one line, and in a log in a line each."""
    print(f"  {words:36}", end="\r" if sys.stdout.isatty() else "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
