"""Does `check` say of a notebook what its pages would say, and print all that it finds?"""

import json

import pytest

from conftest import ROOT
from quarterdeck import cli
from quarterdeck.batch.verdicts import verdict
from quarterdeck.data import contract, snapshot

COMPANY = snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR")


def desk(tables):
    return snapshot.at_once(contract.Checked(tables, []), COMPANY, snapshot.last_day(tables))


def of(name, tables):
    return verdict(ROOT / "notebooks" / f"{name}.ipynb", desk(tables)).facts()


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "notebooks").glob("*.ipynb")))
def test_a_company_that_has_everything_lacks_nothing(name, demo_company):
    facts = of(name, demo_company[0])
    assert facts["verdict"] == "whole" and facts["sections"] >= 5 and len(facts["unread"]) <= 3


def test_a_section_lacks_what_its_page_says_that_it_lacks(demo_company):
    tables = {k: v for k, v in demo_company[0].items() if k not in ("competitors", "quotas")}
    said = "Not shown: it needs competitors, which the data of Halcyon Marine does not hold."
    rivals, team = of("competitor_analysis", tables), of("team_performance", tables)
    assert rivals["verdict"] == team["verdict"] == "part"
    assert said in [reason for reasons in rivals["lacking"].values() for reason in reasons]
    assert (
        "Not shown: quota attainment needs quotas, which the data of Halcyon Marine does not hold."
        in (team["lacking"]["headline"])
    )


def test_a_notebook_without_any_of_its_tables_is_not_to_be_filled(demo_company):
    facts = of("initiatives", {"orders": demo_company[0]["orders"]})
    assert facts["verdict"] == "not" and len(facts["lacking"]) == facts["sections"]


def test_a_column_that_is_empty_is_lacking_too(demo_company):
    tables = demo_company[0] | {"orders": demo_company[0]["orders"].assign(cost=float("nan"))}
    reasons = [r for found in of("targets", tables)["lacking"].values() for r in found]
    assert any("cost of orders, which the data of Halcyon Marine leaves empty" in reason for reason in reasons)


def checked(acme, capsys, *more):
    status = cli.main(["check", str(acme.params), "--data", str(acme.data), "--out", str(acme.out), *more])
    return status, capsys.readouterr().out


def test_check_prints_verdicts_and_what_has_changed_since_the_last_run(acme, capsys):
    tables = snapshot.source.read(acme.params, acme.out, acme.data)
    run = acme.out / "acme" / "run"
    snapshot.freeze(tables, run / "data", snapshot.CompanyInfo("acme", "Acme", "EUR"))
    (acme.out / "acme" / "latest").symlink_to("run")
    acme.replace("invoices.csv", "310.00", "300.00")
    status, said = checked(acme, capsys)
    assert status == 0 and "notebooks: 2 whole, 0 in part, 0 not to be filled; what" in said
    assert "since the last run: orders: nothing is newer than 20 Aug 2026, as in the last snapshot" in said
    status, found = checked(acme, capsys, "--json")
    facts = json.loads(found)
    assert status == 0 and facts["holds"] and [p["verdict"] for p in facts["notebooks"]] == ["whole", "whole"]
    assert facts["rows_read"] == facts["tables"] and facts["set_aside"] == {} and facts["calendar"] == ""


def test_check_speaks_of_the_company_s_calendar_and_compares_with_no_other(acme, capsys):
    tables = snapshot.source.read(acme.params, acme.out, acme.data)
    run = acme.out / "acme" / "run"
    snapshot.freeze(tables, run / "data", snapshot.CompanyInfo("acme", "Acme", "EUR"))
    (acme.out / "acme" / "latest").symlink_to("run")
    described = acme.params / "source.yaml"
    described.write_text("calendar: {first_month: 11}\n" + described.read_text(encoding="utf-8"), encoding="utf-8")
    status, said = checked(acme, capsys)
    assert status == 0 and "\ncalendar: 2026-08-20 lies in FY26 Q4, 2026-08-01 to 2026-10-31\n" in said
    assert (
        "since the last run: calendar: its quarters are not those of the last snapshot, so nothing is compared" in said
    )
    facts = json.loads(checked(acme, capsys, "--json")[1])
    assert facts["calendar"] == "2026-08-20 lies in FY26 Q4, 2026-08-01 to 2026-10-31"
    assert [change["kind"] for change in facts["drift"]] == ["another calendar"]


def test_check_as_json_of_what_stops_a_run_counts_each_rule(acme, capsys):
    acme.replace("invoices.csv", "A2,1,2026-08-11,C2", "A2,1,2026-08-11,C9")
    acme.replace("quotas.csv", "2026-09-30,400", "2026-09-30,-400")
    status, found = checked(acme, capsys, "--json")
    facts = json.loads(found)
    assert status == 2 and not facts["holds"] and len(facts["faults"]) == 2
    assert {(r["table"], r["rule"], r["severity"], r["rows"]) for r in facts["remarks"]} == {
        ("orders", "orphan", "stop", 1),
        ("quotas", "out_of_range", "stop", 1),
    }
