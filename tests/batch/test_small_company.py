"""Do all pages hold for a company of few deals and few orders?"""

import json

from conftest import ROOT
from quarterdeck import cli


def test_every_notebook_is_done_for_a_region_of_a_fiftieth_of_the_demo_company(tmp_path, monkeypatch, forking_process):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
    params, out = tmp_path / "tiny", tmp_path / "outputs"
    params.mkdir()
    for file in ("source.yaml", "company.yaml", "americas.yaml"):
        text = (ROOT / "params" / "demo" / file).read_text()
        (params / file).write_text(text.replace("scale: 1,", "scale: 0.02,").replace("company: demo", "company: tiny"))
    assert cli.main(["run", str(params), "--region", "Americas", "--out", str(out), "--workers", "1"]) == 0
    recorded = json.loads((out / "tiny" / "latest" / "run.json").read_text())
    assert {n["notebook"] for n in recorded["notebooks"]} == {p.stem for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert all(n["state"] == "done" for n in recorded["notebooks"])
