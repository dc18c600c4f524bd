"""Does a run keep what it forecast, and does a later one find it in its snapshot?"""

import json
import os

import pandas as pd
import pytest

from acme import Acme
from quarterdeck import cli
from quarterdeck.batch import record
from quarterdeck.data import ledger, snapshot

FORECAST = """from quarterdeck.analysis.forecasting import ledger
import pandas as pd
row = {"metric": ["revenue"], "p10": [300.0], "p50": [400.0], "p90": [500.0]}
spans = {"period_start": [desk.period.start], "period_end": [desk.period.end]}
show(tables.published, desk.ask(ledger.published, forecasts=pd.DataFrame(row | spans)))
show(tables.kpi_tiles, measure(desk, "revenue"))"""
LATER = "A2,1,2026-08-11,C2,P1,R2,South,3,310.00\nA4,1,2026-10-09,C1,P1,R1,North,1,90.00\n"
NOW = ["--notebook", "executive_brief"]


def kept(acme, name="forecast_ledger"):
    return pd.read_parquet(acme.out / "acme" / f"{name}.parquet")


def runs(acme):
    return sorted((acme.out / "acme").glob("20*"))


def frozen_hash(run):
    return json.loads((run / "data" / "snapshot.json").read_text())["hash"]


@pytest.fixture(scope="module")
def history(tmp_path_factory, forking_process):
    """Three runs: of 20 August, the same again, and of 9 October, when the quarter has ended."""
    acme = Acme(tmp_path_factory.mktemp("ledger"))
    acme.write_notebook("executive_brief", FORECAST)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(acme.root)
        patch.setenv("QUARTERDECK_ZYGOTE", forking_process.address)
        assert cli.main(acme.command(*NOW)) == cli.main(acme.command(*NOW, "--force")) == 0
        acme.replace("invoices.csv", "A2,1,2026-08-11,C2,P1,R2,South,3,310.00\n", LATER)
        assert cli.main(acme.command(*NOW)) == 0
    return acme


def test_a_whole_run_adds_its_forecasts_once(history):
    table, first = kept(history), runs(history)[0].name
    assert list(table.columns) == ledger.COLUMNS and table["run"].nunique() == 3
    assert not table.duplicated(["run", *ledger.KEY]).any()
    own = table[table["run"] == first]
    assert sorted(own["region"]) == ["North", "South", "company"]
    assert (own["made_on"] == pd.Timestamp("2026-08-20")).all() and (own["p50"] == 400).all()
    assert own["snapshot"].iloc[0] == frozen_hash(runs(history)[0])


def test_running_again_with_nothing_new_leaves_the_snapshot_as_it_was(history):
    first, again, _ = runs(history)
    assert frozen_hash(first) == frozen_hash(again)


def test_a_later_run_finds_each_forecast_that_has_come_due_in_its_snapshot(history):
    last = runs(history)[-1]
    desk = snapshot.open_desk("acme", data=str(last / "data"))
    stored = desk.tables["forecast_ledger"]  # the second run said the same of the same day: the first is kept
    assert stored["run"].tolist() == [runs(history)[0].name] and stored["region"].tolist() == ["company"]
    north = snapshot.open_desk("acme", "North", data=str(last / "data")).tables["forecast_ledger"]
    assert north["region"].tolist() == ["North"]


def test_a_desk_that_looks_from_before_the_end_knows_of_nothing_due(history):
    from quarterdeck.analysis.forecasting.ledger import scored

    desk = snapshot.open_desk("acme", as_of="2026-09-29", data=str(runs(history)[-1] / "data"))
    assert desk.ask(scored).sentence == ledger.NONE_DUE
    now = snapshot.open_desk("acme", data=str(runs(history)[-1] / "data"))
    assert now.ask(scored)["actual"].tolist() == [450.75]  # 200.50 + 40.25 + 310 − 100


def test_runs_for_earlier_days_fill_the_ledger_and_leave_latest_where_it_is(acme):
    acme.write_notebook("executive_brief", FORECAST)
    acme.replace("invoices.csv", "A2,1,2026-08-11,C2,P1,R2,South,3,310.00\n", LATER)
    assert cli.main(acme.command(*NOW, "--as-of", "2026-07-15")) == 0  # the first run of all is the latest
    first = os.readlink(acme.out / "acme" / "latest")
    assert cli.main(acme.command(*NOW)) == 0
    newest = os.readlink(acme.out / "acme" / "latest")
    assert newest != first
    assert cli.main(acme.command(*NOW, "--as-of", "2026-08-15")) == 0
    assert os.readlink(acme.out / "acme" / "latest") == newest
    made = kept(acme)[kept(acme)["region"] == "company"]["made_on"]
    assert made.tolist() == [pd.Timestamp(d) for d in ("2026-07-15", "2026-10-09", "2026-08-15")]
    again = json.loads((runs(acme)[-1] / "data" / "snapshot.json").read_text())
    assert "forecast_ledger" not in again["tables"]  # on 15 August the quarter had not ended


def test_writing_the_same_run_again_doubles_no_row(history):
    before = kept(history), kept(history, "kpi_history")
    folder = runs(history)[-1]
    record.write(folder, json.loads((folder / "run.json").read_text()), None)
    for rows, name in zip(before, ("forecast_ledger", "kpi_history"), strict=True):
        pd.testing.assert_frame_equal(kept(history, name), rows)


def test_a_day_after_the_datas_last_makes_nothing_due_that_has_not_ended_in_it(history):
    stored = history.out / "acme" / "forecast_ledger.parquet"
    assert len(ledger.come_due(stored, pd.Timestamp("2026-10-09"))) == 3
    _, tables = snapshot.read_snapshot(runs(history)[0] / "data")
    facts = snapshot.freeze(
        tables, history.root / "again", snapshot.CompanyInfo("acme", "Acme", "EUR"), stored.parent, "2026-12-31"
    )
    assert facts["as_of"] == "2026-08-20" and "forecast_ledger" not in facts["tables"]


def test_a_ledger_that_cannot_be_read_stops_the_run_in_one_sentence(acme, capsys):
    (acme.out / "acme").mkdir(parents=True)
    (acme.out / "acme" / "forecast_ledger.parquet").write_text("spilt")
    assert cli.main(acme.command(*NOW)) == 2
    said = capsys.readouterr().err
    assert "forecast_ledger.parquet cannot be read as Parquet; put back a copy" in said and "Traceback" not in said


def test_a_run_that_does_not_reconcile_keeps_nothing_and_one_with_a_page_that_failed_what_is_whole(acme):
    two = ["--notebook", "executive_brief", "market_research", "--region", "company"]
    acme.write_notebook("executive_brief", FORECAST)
    acme.write_notebook("market_research", 'show(tables.kpi_tiles, measure(desk, "revenue").assign(value=1.0))')
    assert cli.main(acme.command(*two)) == 1
    assert not list((acme.out / "acme").glob("*.parquet"))
    acme.write_notebook("market_research", "1 / 0")
    assert cli.main(acme.command(*two)) == 1
    assert kept(acme)["run"].to_list() == kept(acme, "kpi_history")["run"].to_list() == [runs(acme)[-1].name]


def test_a_forecast_for_a_past_day_is_found_by_the_next_run_though_its_files_have_not_changed(
    history, monkeypatch, capsys
):
    monkeypatch.chdir(history.root)
    assert cli.main(history.command(*NOW)) == 0  # of 9 October, unchanged
    before = runs(history)[-1].name
    assert cli.main(history.command(*NOW, "--as-of", "2026-08-15")) == cli.main(history.command(*NOW)) == 0
    desk = snapshot.open_desk("acme", data=str(runs(history)[-1] / "data"))
    assert runs(history)[-1].name > before
    assert pd.Timestamp("2026-08-15") in desk.tables["forecast_ledger"]["made_on"].tolist()
    count = len(runs(history))
    assert cli.main(history.command(*NOW)) == 0 and len(runs(history)) == count  # and now there is nothing new


def test_a_page_that_is_taken_over_brings_its_forecasts_along(history, monkeypatch):
    monkeypatch.chdir(history.root)
    history.replace(
        "invoices.csv", "A4,1,2026-10-09,C1,P1,R1,North,1,90.00\n", "A4,1,2026-10-09,C1,P1,R1,North,1,91.00\n"
    )
    assert cli.main(history.command(*NOW)) == 0
    facts = json.loads((runs(history)[-1] / "run.json").read_text())
    states = {e["region"]: e["state"] for e in facts["notebooks"]}
    assert states == {"company": "done", "north": "done", "south": "fresh"}
    assert sorted(f["region"] for f in facts["forecasts"]) == ["North", "South", "company"]


def test_a_later_run_finds_the_figures_of_earlier_days_in_its_snapshot_and_never_its_own(history):
    stored = kept(history, "kpi_history")
    assert sorted(stored["region"].unique()) == ["North", "South", "company"]  # as the data calls them
    first, again, *later = runs(history)
    for run in (first, again):  # both of 20 August: there is no earlier day
        assert "kpi_history" not in json.loads((run / "data" / "snapshot.json").read_text())["tables"]
    desk = snapshot.open_desk("acme", "North", data=str(later[0] / "data"))  # of 9 October
    figures = desk.tables["kpi_history"].set_index("metric")
    assert figures["value"].to_dict() == {"revenue": 240.75}  # 200.50 + 40.25, kept once though it was run twice
    assert figures["as_of"].tolist() == [pd.Timestamp("2026-08-20")] and figures["region"].tolist() == ["North"]


def test_without_an_earlier_run_the_page_says_so(history):
    desk = snapshot.open_desk("acme", data=str(runs(history)[0] / "data"))
    assert "no earlier run" in desk.ask(lambda kpi_history: kpi_history).sentence
