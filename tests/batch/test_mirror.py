"""Do runs lie at a URL whole, or not at all? With fsspec's own stores on a disk and in memory."""

import io
import json
import shutil
import subprocess
import sys

import fsspec
import pandas as pd
import pytest

from quarterdeck import cli
from quarterdeck.batch.mirror import COPIES
from quarterdeck.batch.record import KEPT

TWO = ["--notebook", "executive_brief", "market_research"]


class Far:
    """A company's runs at a URL, as a reader finds them."""

    def __init__(self, url):
        self.url = url
        self.store, self.root = fsspec.core.url_to_fs(f"{url}/acme")

    def read(self, name):
        return self.store.cat_file(f"{self.root}/{name}")

    def names(self):
        return {f.split("/acme/", 1)[1] for f in self.store.find(self.root)}

    def latest(self):
        return self.read("latest").decode()

    def states(self):
        recorded = json.loads(self.read(f"{self.latest()}/run.json"))["notebooks"]
        return {(e["region"], e["notebook"]): e["state"] for e in recorded}

    def history(self):
        return pd.read_parquet(io.BytesIO(self.read("kpi_history.parquet")))


@pytest.fixture(params=["file", "memory"])
def far(request, tmp_path):
    if request.param == "file":
        return Far(f"file://{tmp_path}/far")
    return Far(f"memory://{tmp_path.name}-{id(tmp_path)}")


@pytest.fixture
def disk(tmp_path):
    return Far(f"file://{tmp_path}/far")


def command(acme, url, *more):
    return [*acme.command(*TWO, *more), "--out", url]


def on_another_machine():
    """Forget what this machine has of the URL."""
    shutil.rmtree(COPIES)


def test_a_run_is_published_whole_and_the_next_machine_goes_on_from_it(acme, far, capsys):
    assert cli.main(command(acme, far.url)) == 0
    first = far.latest()
    assert f"published: {far.url}/acme/{first}" in capsys.readouterr().out
    pages = {f"{first}/{r}/{n}.ipynb" for r in ("company", "north", "south") for n in TWO[1:]}
    assert pages | {f"{first}/run.json", f"{first}/data/snapshot.json", "latest", "kpi_history.parquet"} <= far.names()
    assert not [n for n in far.names() if "draft" in n]
    on_another_machine()
    assert cli.main(command(acme, far.url)) == 0
    assert "nothing has changed since" in capsys.readouterr().out and far.latest() == first
    on_another_machine()
    acme.replace("invoices.csv", "200.50", "300.50")
    assert cli.main(command(acme, far.url)) == 0
    assert far.latest() > first
    assert {r for (r, _), state in far.states().items() if state == "fresh"} == {"south"}  # its rows are as they were
    revenue = far.history().query("metric == 'revenue' and region == 'North'").set_index("run")["value"]
    assert list(revenue) == [240.75, 340.75]  # 200.50 + 40.25, then 300.50 + 40.25


def test_what_is_read_first_is_written_last(acme, disk, tmp_path):
    assert cli.main(command(acme, disk.url)) == 0
    changed = {n: (tmp_path / "far/acme" / n).stat().st_mtime_ns for n in disk.names()}
    order = sorted(changed, key=changed.get)
    assert order[-4:] == [f"{disk.latest()}/run.json", *KEPT[::2], "latest"]


def test_a_run_with_a_failure_is_published_with_the_last_good_pages_in_their_place(acme, far):
    assert cli.main(command(acme, far.url)) == 0
    first = far.latest()
    acme.write_notebook("market_research", "1 / 0")
    on_another_machine()
    assert cli.main(command(acme, far.url)) == 1
    second, page = far.latest(), "south/market_research.ipynb"
    assert second != first and far.history()["run"].unique().tolist() == [first, second]
    assert far.states()["south", "market_research"] == "failed"
    assert far.read(f"{second}/{page}") == far.read(f"{first}/{page}")
    assert len([n for n in far.names() if n.endswith("/run.json")]) == 2
    assert len([n for n in far.names() if "/failed/" in n]) == 3


def test_a_store_that_is_full_shows_no_half_run_and_the_next_run_publishes_it_all(acme, small_disk, capsys):
    full = Far(f"file://{small_disk}/far")
    (small_disk / "ballast").write_bytes(b"x" * 3_100_000)
    assert cli.main(command(acme, full.url)) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert not [n for n in full.names() if n in ("latest", "kpi_history.parquet") or n.endswith("/run.json")]
    (small_disk / "ballast").unlink()
    assert cli.main(command(acme, full.url)) == 0
    assert set(full.states().values()) == {"fresh"} and len(full.states()) == 6
    assert full.history()["run"].unique().tolist() == [full.latest()]


def test_a_run_that_another_one_has_overtaken_is_not_published(acme, disk, tmp_path, capsys):
    pointer = tmp_path / "far/acme/latest"
    overtake = f"import pathlib\np = pathlib.Path({str(pointer)!r})\np.parent.mkdir(parents=True, exist_ok=True)"
    acme.write_notebook("market_research", overtake, "n = p.write_text('2026-01-01T000000Z')")
    assert cli.main(command(acme, disk.url)) == 2
    assert capsys.readouterr().err == (
        f"quarterdeck: another run has been published to {disk.url} meanwhile; run again: what was finished is taken over.\n"
    )
    assert disk.names() == {"latest"}
    assert cli.main(command(acme, disk.url)) == 2  # and it is no run that anybody could go on from
    assert "latest names '2026-01-01T000000Z', which is no finished run there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "said"), [("foo://x", "Protocol not known: foo"), ("s3://x", "Install s3fs to access S3")]
)
def test_a_store_that_nothing_here_speaks_to_is_said_in_one_sentence(acme, capsys, url, said):
    if url == "s3://x" and "s3fs" in sys.modules:
        pytest.skip("s3fs is installed")
    assert cli.main(command(acme, url)) == 2
    assert capsys.readouterr().err == f"quarterdeck: --out {url}: {said}.\n"


def test_other_commands_take_a_folder(acme):
    serve = subprocess.run(
        [sys.executable, "-m", "quarterdeck.cli", "serve", "--out", "s3://x"], capture_output=True, text=True
    )
    assert serve.returncode == 2 and "only quarterdeck run takes one, here name a folder" in serve.stderr
