"""Is a file there whole, or as it was before, whatever happens while it is written?"""

import ast
import os

import pytest

from conftest import ROOT
from quarterdeck.data import durable

RENAMES = {
    "data/durable.py",
    "batch/folders.py",
    "publish/access/logins.py",
    "publish/pages/prerender.py",
}  # two of these move links or folders


def test_what_is_written_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done, sync, rename = [], os.fsync, os.replace
    # Nobody can cut the power here: what is asked of the system is noted, and done.
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append(os.readlink(f"/proc/self/fd/{handle}")), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("rename"), rename(a, b)))
    durable.whole(tmp_path / "run.json", lambda draft: draft.write_text("{}"))
    assert done == [str(tmp_path / ".run.json-draft"), "rename", str(tmp_path)]
    done.clear()
    (tmp_path / ".draft").mkdir()
    (tmp_path / ".draft" / "a").write_text("a")
    durable.settle(tmp_path / ".draft", tmp_path / "folder")
    assert done == [str(tmp_path / ".draft" / "a"), str(tmp_path / ".draft"), "rename", str(tmp_path)]


@pytest.mark.parametrize("fault", [OSError, KeyboardInterrupt, ValueError])
def test_a_failure_leaves_what_was_there_and_no_draft(tmp_path, fault):
    place = tmp_path / "run.json"
    place.write_text("before")

    def write(draft):
        draft.write_text("half")
        raise fault

    with pytest.raises(fault):
        durable.whole(place, write)
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"] and place.read_text() == "before"


@pytest.mark.slow
def test_one_place_gives_files_their_names():
    lib = ROOT / "lib" / "quarterdeck"
    renaming = set()
    for path in lib.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.replace", "os.rename", "shutil.move"):
                renaming.add(path.relative_to(lib).as_posix())
    assert renaming <= RENAMES
