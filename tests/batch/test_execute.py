"""Does a run appear whole, and does one failure leave the others alone?"""

import json
import os
import subprocess
import sys

import nbformat
import pandas as pd
import pytest

from acme import Acme
from quarterdeck import cli
from quarterdeck.batch import fork_server, kernels
from quarterdeck.data import source

TWO = ["--notebook", "executive_brief", "market_research"]


def facts(acme, run="latest"):
    return json.loads((acme.out / "acme" / run / "run.json").read_text())


def entries(acme, run):
    return {(e["region"], e["notebook"]): e for e in facts(acme, run)["notebooks"]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, forking_process):
    """A whole run, and after it a run of one page."""
    acme = Acme(tmp_path_factory.mktemp("whole"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(acme.root)
        patch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
        assert cli.main(acme.command(*TWO)) == 0
        assert cli.main(acme.command("--region", "North", "--notebook", "executive_brief", "--force")) == 0
    return acme


def test_every_notebook_runs_for_every_region_and_its_figures_are_recorded(whole):
    recorded = facts(whole)
    assert [(e["region"], e["notebook"], e["state"]) for e in recorded["notebooks"]][:3] == [
        ("company", "executive_brief", "done"),
        ("company", "market_research", "done"),
        ("north", "executive_brief", "done"),
    ]
    assert (recorded["company"], recorded["as_of"], recorded["library"]) == ("acme", "2026-08-20", cli.__version__)
    revenue = {k["region"]: k["value"] for k in recorded["kpis"] if k["metric"] == "revenue"}
    assert revenue == {"company": 450.75, "north": 240.75, "south": 210.0}  # 200.50 + 40.25 and 310 − 100
    given = {"company": "acme", "region": "North", "as_of": "", "data": "data", "anonymise_deals": False}
    assert recorded["notebooks"][2]["parameters"] == given


def test_regions_add_up_and_pages_agree(whole):
    checks = facts(whole)["reconciliation"]
    assert all(c["ok"] for c in checks)
    assert {c["check"] for c in checks} == {"same on every page", "regions add up", "one fact, one value"}
    (sums,) = [c for c in checks if c["check"] == "regions add up"]
    assert sums["values"] == [450.75, 450.75] and sums["places"] == ["the regions together", "company"]


def test_a_part_of_a_run_does_not_hide_the_whole(whole):
    runs = sorted(p.name for p in (whole.out / "acme").glob("20*"))
    assert len(runs) == 2 and os.readlink(whole.out / "acme" / "latest") == runs[0]


def test_history_grows_by_each_run(whole):
    history = pd.read_parquet(whole.out / "acme" / "kpi_history.parquet")
    assert history["run"].nunique() == 2 and not history.duplicated(["run", "region", "metric"]).any()


def test_nothing_but_whole_things_is_left(whole):
    kept = {".kpi_history.parquet-before", ".forecast_ledger.parquet-before"}  # their last good state
    assert not [p for p in whole.out.rglob("*") if (p.name[0] == "." and p.name not in kept) or "draft" in p.name]


def test_plain_papermill_runs_a_notebook_from_a_regions_file(whole, monkeypatch):
    monkeypatch.chdir(whole.root)
    papermill = [
        sys.executable,
        "-m",
        "papermill",
        "notebooks/executive_brief.ipynb",
        "out.ipynb",
        "-f",
        "params/acme/north.yaml",
    ]
    subprocess.run([*papermill, "-k", "python3"], check=True, capture_output=True)
    text = "".join(str(o) for c in nbformat.read("out.ipynb", 4).cells for o in c.get("outputs", []))
    assert "€241" in text  # 240.75


def test_a_failed_notebook_is_kept_aside_and_the_others_go_on(acme, capfd):
    acme.write_notebook(
        "market_research", "import os\nos._exit(9) if region == 'North' else 1 / len(region.replace('South', ''))"
    )
    assert cli.main(acme.command(*TWO)) == 1
    (run,) = (acme.out / "acme").glob("20*")
    failed = {k: e["error"] for k, e in entries(acme, run.name).items() if e["state"] == "failed"}
    assert set(failed) == {("north", "market_research"), ("south", "market_research")}
    assert failed["south", "market_research"] == "cell 4 under “How much?”: ZeroDivisionError: division by zero"
    assert "DeadKernelError" in failed["north", "market_research"]
    assert not (run / "south" / "market_research.ipynb").exists()
    assert (run / "failed" / "south" / "market_research.ipynb").is_file()
    assert (run / "south" / "executive_brief.ipynb").is_file() and (run / "company" / "market_research.ipynb").is_file()
    assert (acme.out / "acme" / "latest").resolve() == run.resolve() and not (run / ".drafts").exists()
    printed = capfd.readouterr()
    assert "failed: south/market_research: cell 4" in printed.out and "Traceback" not in printed.err


def test_the_source_is_read_once_and_the_longest_notebook_goes_first(acme, monkeypatch):
    read, reads = source.read, []
    monkeypatch.setattr(source, "read", lambda *given: reads.append(given) or read(*given))  # counts, and reads
    command = acme.command(*TWO, "--region", "North", "--workers", "1", "--force")
    for ahead in ("executive_brief", "market_research"):  # the plan's order, then that of the seconds known
        assert cli.main(command) == 0
        pages = {n: nbformat.read(acme.out / f"acme/latest/north/{n}.ipynb", 4).metadata.papermill for n in TWO[1:]}
        assert min(pages, key=lambda n: pages[n].start_time) == ahead
        recorded = facts(acme)
        for entry in recorded["notebooks"]:
            entry["seconds"] = 100.0 if entry["notebook"] == "market_research" else 1.0
        (acme.out / "acme/latest/run.json").write_text(json.dumps(recorded))
    assert len(reads) == 2  # once for each run


def test_kernels_of_a_run_are_forked_with_the_desk_open_and_share_nothing_else(acme):
    state = "import quarterdeck.data.snapshot as s; print(len(s._ahead), len(s._opened), 'mine' in vars(s))"
    acme.write_notebook("executive_brief", state, "s.mine = 1")
    acme.write_notebook("market_research", state, "s.mine = 1")
    assert cli.main(acme.command(*TWO, "--region", "North", "--workers", "1")) == 0
    for name in TWO[1:]:
        page = (acme.out / f"acme/latest/north/{name}.ipynb").read_text()
        assert "1 2 False" in page  # read ahead; this desk and the company's opened; nobody else's names


def test_a_run_of_a_notebook_without_the_house_style_does_not_get_it(acme):
    acme.write_notebook("executive_brief", "import matplotlib as mpl; print('top', mpl.rcParams['axes.spines.top'])")
    path = acme.notebooks / "market_research.ipynb"
    plain = nbformat.read(path, 4)
    plain.cells[2].source = "import matplotlib as mpl; print('top', mpl.rcParams['axes.spines.top'])"
    plain.cells[4:] = []
    nbformat.write(plain, path)
    assert cli.main(acme.command(*TWO, "--region", "North")) == 0
    pages = {n: (acme.out / f"acme/latest/north/{n}.ipynb").read_text() for n in TWO[1:]}
    assert "top False" in pages["executive_brief"] and "top True" in pages["market_research"]


def test_figures_that_do_not_agree_give_status_one(acme, capsys):
    acme.write_notebook("market_research", 'show(tables.kpi_tiles, measure(desk, "revenue").assign(value=1.0))')
    assert cli.main(acme.command(*TWO, "--region", "company")) == 1
    printed = capsys.readouterr().out
    assert (
        "does not reconcile: revenue of company: same on every page: market_research 1.00, executive_brief 450.75"
        in printed
    )
    assert "executive_brief" in printed and "quarterdeck serve" in printed and str(acme.out / "acme") in printed


def test_where_nothing_can_be_forked_the_runs_are_the_same_with_one_warning(acme, monkeypatch):
    monkeypatch.delenv("QUARTERDECK_ZYGOTE")
    monkeypatch.setattr(fork_server, "FORKS", False)
    monkeypatch.setattr(kernels, "_reasons", [])
    with pytest.warns(UserWarning, match="kernels start slowly here, for this system cannot fork a process safely"):
        assert cli.main(acme.command("--notebook", "executive_brief", "--region", "North")) == 0
    assert entries(acme, "latest")["north", "executive_brief"]["state"] == "done"


def test_papermill_itself_takes_the_kernel(acme):
    out = acme.root / "out.ipynb"
    assert cli.main(acme.command("--notebook", "executive_brief")) == 0
    command = [sys.executable, "-m", "papermill", "notebooks/executive_brief.ipynb", str(out), "-k", "quarterdeck"]
    subprocess.run([*command, "-f", "params/acme/north.yaml"], check=True, capture_output=True)
    assert "€241" in out.read_text()  # 240.75
