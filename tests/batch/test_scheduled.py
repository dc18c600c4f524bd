"""Do the lines that docs/operating.md gives to cron and systemd run as they stand, in the sparse environment that these give?"""

import re
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT
from quarterdeck.batch.params import WORKBOOKS

OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
SPARSE = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LANG": "C.UTF-8"}  # no home, no virtual environment


@pytest.fixture
def server(acme):
    """Lay the company out as docs/operating.md has it; give a function that runs a line there and gives status and output."""
    (acme.root / ".venv").symlink_to(sys.prefix)
    for name in WORKBOOKS:
        acme.write_notebook(name)
    for region in ("north", "south"):
        (acme.params / f"{region}.yaml").unlink()  # the company's page is enough

    def run(line):
        here = line.replace("/srv/quarterdeck", str(acme.root)).replace("/srv/exports/acme", str(acme.data))
        done = subprocess.run(["/bin/sh", "-c", here], env=SPARSE, cwd="/", capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def unit(name):
    """Give the text of a unit: the block below its path."""
    return re.search(rf"quarterdeck\.{name}`:\n\n```ini\n(.+?)```", OPERATING, re.DOTALL).group(1)


def settings(text):
    """Give a unit's settings, its continued lines joined."""
    return dict(re.findall(r"(?m)^(\w+)=(.*)$", text.replace("\\\n", "")))


def test_the_line_for_cron_runs(acme, server):
    times, line = re.search(r"(?m)^ {4}((?:[\d*,/-]+ ){5}) ?(.+)$", OPERATING).groups()
    assert times.split() == ["15", "5", "*", "*", "1-5"]
    status, said = server(line)
    assert status == 0, said
    assert (acme.out / "acme/latest/run.json").is_file()


def test_the_unit_for_systemd_runs_and_its_failure_is_seen(acme, server):
    service = settings(unit("service"))
    line = f"cd {service['WorkingDirectory']} && exec {service['ExecStart']}"
    status, said = server(line)
    assert status == 0, said
    acme.replace("invoices.csv", "200.50", "plenty")
    status, said = server(line)
    assert status == 2 and "plenty" in said


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_both_units(tmp_path):
    for name in ("service", "timer"):
        text = (
            unit(name).replace("/srv/quarterdeck/.venv/bin/quarterdeck", "/bin/true").replace("/srv/quarterdeck", "/")
        )
        (tmp_path / f"quarterdeck.{name}").write_text(text)
    command = ["systemd-analyze", "verify", *map(str, tmp_path.glob("quarterdeck.*"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "quarterdeck" not in done.stderr, done.stderr
    assert settings(unit("timer"))["Persistent"] == "true"
