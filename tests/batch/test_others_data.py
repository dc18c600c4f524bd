"""Does a run over other people's data say what their files say?"""

import csv
import json
from collections import defaultdict
from datetime import datetime
from decimal import Decimal

import pytest

from conftest import ROOT
from quarterdeck import cli


def run(company, data, out):
    command = ["run", str(ROOT / "params" / company), "--data", str(data), "--out", str(out)]
    assert cli.main([*command, "--notebook", "executive_brief", "team_performance"]) == 0
    return json.loads((out / company / "latest" / "run.json").read_text())


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, delimiter="|")


@pytest.fixture(scope="module")
def adventureworks(others_data, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return run("adventureworks", others_data / "adventureworks", tmp_path_factory.mktemp("out"))


def test_adventureworks_revenue_by_territory_is_the_sum_over_its_files(adventureworks, others_data):
    files = others_data / "adventureworks"
    region = {r["SalesTerritoryKey"]: r["Region"] for r in rows(files / "Region.csv")}
    lines = [(datetime.strptime(r["OrderDate"], "%Y/%m/%d"), r) for r in rows(files / "Sales.csv")]
    last = max(day for day, _ in lines)
    first = datetime(last.year, 3 * ((last.month - 1) // 3) + 1, 1)
    sums = defaultdict(Decimal)
    for day, line in lines:
        if day >= first:
            sums[region[line["SalesTerritoryKey"]]] += Decimal(line["Sales"].replace("$", "").replace(",", ""))
    names = {n["region"]: n["parameters"]["region"] for n in adventureworks["notebooks"]}
    recorded = {names[k["region"]]: k["value"] for k in adventureworks["kpis"] if k["metric"] == "revenue"}
    assert recorded.pop("company") == pytest.approx(float(sum(sums.values())), abs=0.005)
    assert recorded == pytest.approx(
        {r: float(s) for r, s in sums.items()} | {r: 0.0 for r in recorded if r not in sums}, abs=0.005
    )


def test_adventureworks_regions_add_up(adventureworks):
    sums = [c for c in adventureworks["reconciliation"] if c["check"] == "regions add up"]
    assert {"revenue"} <= {c["metric"] for c in sums} and all(c["ok"] for c in sums)


def test_crm_deals_without_orders_run_as_well(others_data, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    facts = run("crm", others_data / "crm", tmp_path)
    assert all(n["state"] == "done" for n in facts["notebooks"])
    shown = {k["metric"] for k in facts["kpis"]}
    assert {"bookings", "pipeline_open"} <= shown and "revenue" not in shown
    assert "win_rate" not in shown  # of twelve months, and the first deal closed ten months before the last
