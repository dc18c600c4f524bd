"""Does the command make its pages in whatever surroundings a scheduler, a pipe or a container gives it?"""

import json
import os
import stat
import subprocess
import sys
import tempfile

import nbformat
import pytest

from acme import Acme
from conftest import PATIENCE
from quarterdeck.batch import fork_server, kernels
from quarterdeck.batch.workers import Limits, WorkerPool

AS_IT_IS = '"$@"; echo $? > status'
SHELLS = {
    "nothing is open": '"$@" <&- >&- 2>&-; echo $? > status',
    "nobody reads, and a umask that takes everything": 'umask 0777; { "$@"; said=$?; umask 022; echo $said > status; } 2>&1 | true',
}
OWN = {  # with a forking process of its own, for that is what they could break
    "a long TMPDIR and no standard input": ('"$@" <&-; echo $? > status', {"TMPDIR": "long"}),
    "no UTF-8 and no home": (
        AS_IT_IS,
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "HOME": "/dev/null/none", "TMPDIR": ""},
    ),
}


def surrounded(acme, shell, **environment):
    """Run the real command for one page, in a folder with blanks and letters beyond ASCII; give all that it said."""
    environment = {k: v for k, v in (os.environ | environment).items() if v}
    command = [sys.executable, "-m", "quarterdeck.cli", *acme.command("--notebook", "executive_brief")]
    result = subprocess.run(
        ["sh", "-c", shell, "sh", *command, "--region", "South"],
        cwd=acme.root,
        env=environment,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert (acme.root / "status").read_text() == "0\n", result
    (run,) = (acme.out / "acme").glob("20*")
    assert [e["state"] for e in json.loads((run / "run.json").read_text())["notebooks"]] == ["done"]
    text = (run / "south/executive_brief.ipynb").read_text(encoding="utf-8")
    assert "Porto Márina" in text and nbformat.reads(text, 4).cells[-1].execution_count
    return (result.stdout + result.stderr).decode()


@pytest.fixture
def settled(tmp_path):
    acme = Acme(tmp_path / "Ålesund og omegn")
    acme.replace("clients.csv", "Porto Marina", "Porto Márina")
    look = 'print(desk.ask(lambda customers: customers)["name"].to_list())'
    acme.write_notebook("executive_brief", 'show(tables.kpi_tiles, measure(desk, "revenue"))', look)
    return acme


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_pages_are_made_whatever_the_streams_and_the_umask(settled, shell, forking_process):
    said = surrounded(settled, shell, QUARTERDECK_ZYGOTE=forking_process.address, HOME="")
    assert "Traceback" not in said and "Error" not in said


@pytest.mark.parametrize(("shell", "environment"), OWN.values(), ids=OWN)
def test_pages_are_made_whatever_the_places_and_the_locale(settled, tmp_path, shell, environment):
    if environment["TMPDIR"]:
        folder = tmp_path / ("long_temporary_directory_name_" * 4)
        folder.mkdir()
        environment = environment | {"TMPDIR": str(folder)}
    before = set(os.listdir("/tmp"))
    said = surrounded(settled, shell, **environment | {"QUARTERDECK_ZYGOTE": ""})
    assert not [word for word in ("Traceback", "Error", "slowly", "Warning", "temporary") if word in said], said
    assert "Acme as of 2026-08-20" in said
    left = [name for name in set(os.listdir("/tmp")) - before if name.startswith(("qd-home", "matplotlib-"))]
    assert not left


@pytest.mark.parametrize("length", [20, 60, 137, 300])
def test_a_forking_processs_socket_is_short_and_its_users_alone(tmp_path, monkeypatch, length):
    folder = tmp_path / "x" / ("y" * max(1, length - len(str(tmp_path)) - 3))[:250]
    folder.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(
        fork_server.subprocess, "Popen", lambda *_, **__: None
    )  # where it listens is settled before it begins
    before = os.umask(0)
    try:
        begun = fork_server.ForkServer()
    finally:
        os.umask(before)
    assert len(begun.address) < 100 and stat.S_IMODE(os.stat(begun.folder).st_mode) == 0o700
    os.unlink(begun.address)
    os.rmdir(begun.folder)


def test_where_no_folder_is_short_enough_the_run_begins_no_forking_process_and_says_why(tmp_path, monkeypatch):
    folder = tmp_path / ("y" * 137)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(fork_server, "PLACES", ())
    monkeypatch.setattr(kernels, "_reasons", [])
    monkeypatch.delenv("QUARTERDECK_ZYGOTE", raising=False)
    with (
        pytest.warns(UserWarning, match="kernels start slowly here, .*AF_UNIX path too long"),
        WorkerPool(Limits()) as crew,
    ):
        assert not crew.address
    assert not list(folder.iterdir())
