"""Does `quarterdeck init` find out what a company's tables are, and keep what a person changed?"""

import csv
import datetime
import random
import sqlite3

import openpyxl
import pandas as pd
import pytest
import yaml

from quarterdeck.cli import main
from quarterdeck.data import contract, source
from quarterdeck.data.intake import draft, mappings
from quarterdeck.data.intake.written import DAY_FIRST, MONTH_FIRST, written

DAYS = [datetime.date(2025, 1, 3) + datetime.timedelta(days=3 * i) for i in range(120)]
AREAS = ["Nord", "Süd", "West"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    return tmp_path


def tables_of(place, name="acme", where="files", *options):
    """Run init, then read the company with what it wrote."""
    assert main(["init", name, "--from", where, *options]) == 0
    folder = place / where if (place / where).is_dir() else (place / where).parent
    return contract.check(source.read(place / "params" / name, place, folder))


def invoices(count=120) -> pd.DataFrame:
    """Make a list of invoice lines, as an ERP system in Germany exports it."""
    draw = random.Random(5)
    rows = [
        {
            "Rechnungsnummer": f"R{i // 2:05d}",
            "Rechnungsdatum": DAYS[i // 2],
            "Kunde": f"K{draw.randrange(9):03d}",
            "Artikel": f"0{draw.randrange(5)}",
            "Warengruppe": "Seile",
            "Gebiet": AREAS[draw.randrange(3)],
            "Menge": draw.randrange(1, 9),
            "Nettobetrag": round(draw.uniform(500, 5000), 2),
        }
        for i in range(count)
    ]
    return pd.DataFrame(rows)


def as_excel_in_germany(frame: pd.DataFrame, path, encoding="windows-1252"):
    shown = frame.assign(
        Rechnungsdatum=[f"{d:%d.%m.%Y}" for d in frame["Rechnungsdatum"]],
        Nettobetrag=[f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in frame["Nettobetrag"]],
    )
    shown.to_csv(path, sep=";", index=False, encoding=encoding, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)


def holds_the_invoices(orders, frame):
    assert orders["revenue"].sum() == pytest.approx(frame["Nettobetrag"].sum())
    assert orders.groupby("region")["revenue"].sum().to_dict() == pytest.approx(
        frame.groupby("Gebiet")["Nettobetrag"].sum().to_dict()
    )
    assert sorted(orders["order_date"].dt.date) == sorted(frame["Rechnungsdatum"])
    assert set(orders["product_id"]) == set(frame["Artikel"])


def test_one_file_of_invoices_as_excel_writes_it_in_germany(place):
    frame = invoices()
    as_excel_in_germany(frame, place / "files" / "Rechnungen 2025.csv")
    tables = tables_of(place)
    holds_the_invoices(tables["orders"], frame)
    assert list(tables) == ["orders", "customers", "products"]
    assert tables["products"]["category"].unique().tolist() == ["Seile"]
    said = yaml.safe_load((place / "params" / "acme" / "source.yaml").read_text())["files"]["rechnungen_2025"]
    assert said == {
        "path": "Rechnungen 2025.csv",
        "delim": ";",
        "encoding": "windows-1252",
        "decimal_separator": ",",
        "thousands": ".",
        "dateformat": "%d.%m.%Y",
    }


def test_an_erp_in_germany_with_short_names_small_and_large_amounts_and_a_table_each(place):
    rows, draw = range(400), random.Random(3)
    net = [round(draw.uniform(5, 9000), 2) for _ in rows]
    lines = {
        "Belegnr": [f"RE{k // 2}" for k in rows],
        "Position": [k % 2 + 1 for k in rows],
        "Belegdatum": [f"{DAYS[k // 8]:%d.%m.%Y}" for k in rows],
        "Kundennr": [10_000 + draw.randrange(20) for _ in rows],
        "Artikelnr": [f"A-{draw.randrange(9)}" for _ in rows],
        "Menge": [draw.randrange(1, 9) for _ in rows],
        "Netto": [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in net],
        "EK": [f"{v / 2:,.2f}".translate(str.maketrans(",.", ".,")) for v in net],
    }
    clients = {"Kundennr": range(10_000, 10_020), "Firma": "Müller & Söhne", "Gebiet": ["Nord", "Süd"] * 10}
    goods = {"Artikelnr": [f"A-{k}" for k in range(9)], "Bezeichnung": "Tau", "Warengruppe": "Seile"}
    for name, columns in {"Rechnungspositionen": lines, "Kunden": clients, "Artikel": goods}.items():
        pd.DataFrame(columns).to_csv(place / f"files/{name}.csv", sep=";", index=False, encoding="windows-1252")
    tables = tables_of(place)
    assert tables["orders"]["revenue"].sum() == pytest.approx(sum(net)) and len(tables["orders"]) == 400
    assert tables["orders"]["cost"].sum() == pytest.approx(sum(net) / 2, abs=2.5)
    assert set(tables["orders"]["region"]) == {"Nord", "Süd"} and len(tables["customers"]) == 20


def test_files_of_one_table_by_month_are_read_together(place):
    frame = invoices()
    as_excel_in_germany(frame[:60], place / "files" / "umsatz_2025-01.csv")
    as_excel_in_germany(frame[60:], place / "files" / "umsatz_2025-02.csv")
    holds_the_invoices(tables_of(place)["orders"], frame)
    assert "umsatz: {path: umsatz*.csv, " in (place / "params" / "acme" / "source.yaml").read_text()


def test_a_workbook_with_a_title_and_a_sheet_each(place):
    frame, book = invoices(), openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Umsatz"
    for row in [["Umsatz 2025"], [], list(frame), *frame.itertuples(index=False, name=None)]:
        sheet.append(row)
    buyers = book.create_sheet("Kunden")
    buyers.append(["Kundennummer", "Firma Name", "Branche"])
    for number in sorted(frame["Kunde"].unique()):
        buyers.append([number, f"Firma {number}", "Hafen"])
    book.save(place / "files" / "export.xlsx")
    tables = tables_of(place, "acme", "files/export.xlsx")
    holds_the_invoices(tables["orders"], frame)
    assert tables["customers"]["segment"].unique().tolist() == ["Hafen"]


def test_a_shop_in_a_sqlite_file_with_orders_lines_customers_and_places(place):
    draw = random.Random(3)
    with sqlite3.connect(place / "files" / "shop.db") as shop:
        pd.DataFrame({"id": [1, 2], "name": ["East", "West"]}).to_sql("territories", shop, index=False)
        people = pd.DataFrame({"id": range(1, 9), "name": [f"Shop {i}" for i in range(8)], "territory_id": [1, 2] * 4})
        people.to_sql("customers", shop, index=False)
        pd.DataFrame({"id": [1, 2, 3], "title": ["Rope", "Buoy", "Sail"], "category": ["A", "A", "B"]}).to_sql(
            "products", shop, index=False
        )
        heads = pd.DataFrame({"id": range(100), "customer_id": [draw.randrange(1, 9) for _ in range(100)]})
        heads.assign(ordered_at=[f"{d} 10:00:00" for d in DAYS[:100]]).to_sql("orders", shop, index=False)
        lines = pd.DataFrame(
            {
                "id": range(300),
                "order_id": [i // 3 for i in range(300)],
                "product_id": [draw.randrange(1, 4) for _ in range(300)],
                "qty": [draw.randrange(1, 5) for _ in range(300)],
                "unit_price": [draw.randrange(10, 99) + 0.5 for _ in range(300)],
                "discount_pct": [draw.choice([0, 10]) for _ in range(300)],
            }
        )
        lines.to_sql("order_items", shop, index=False)
    tables = tables_of(place)
    net = lines["qty"] * lines["unit_price"] * (1 - lines["discount_pct"] / 100)
    assert tables["orders"]["revenue"].sum() == pytest.approx(net.sum())
    homes = heads["customer_id"].map(people.set_index("id")["territory_id"]).map({1: "East", 2: "West"})
    expected = net.groupby(lines["order_id"].map(homes)).sum().to_dict()
    assert tables["orders"].groupby("region")["revenue"].sum().to_dict() == pytest.approx(expected)
    assert tables["customers"].set_index("customer_id")["region"].to_dict() == {
        str(i): ["West", "East"][i % 2] for i in range(1, 9)
    }
    assert tables["products"]["name"].tolist() == ["Rope", "Buoy", "Sail"]


def test_a_list_of_deals(place):
    draw = random.Random(2)
    rows = [
        {
            "Deal ID": i,
            "Account": f"A{draw.randrange(7)}",
            "Sales Agent": draw.choice(["Ann", "Bo"]),
            "Region": draw.choice(["East", "West"]),
            "Deal Stage": (stage := draw.choice(["Engaging", "Won", "Lost"])),
            "Created": DAYS[i],
            "Close Date": DAYS[i] + datetime.timedelta(days=20) if stage != "Engaging" else None,
            "Deal Value": draw.randrange(100, 900),
        }
        for i in range(100)
    ]
    pd.DataFrame(rows).to_csv(place / "files" / "deals.csv", index=False)
    deals = tables_of(place)["opportunities"]
    assert (
        deals["status"].value_counts().to_dict()
        == pd.Series([{"Engaging": "open", "Won": "won", "Lost": "lost"}[r["Deal Stage"]] for r in rows])
        .value_counts()
        .to_dict()
    )
    assert deals["amount"].sum() == sum(r["Deal Value"] for r in rows)


def test_print_writes_nothing(place, capsys):
    as_excel_in_germany(invoices(), place / "files" / "invoices.csv")
    assert main(["init", "acme", "--from", "files", "--print"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["regions"] == "all" and not (place / "params").exists()


def test_a_second_draft_keeps_what_was_edited_and_says_what_has_changed(place, capsys):
    frame = invoices()
    as_excel_in_germany(frame, place / "files" / "invoices.csv")
    tables_of(place)
    path = place / "params" / "acme" / "source.yaml"
    text = path.read_text().replace("title: Acme", "title: Acme Ropes").replace("AS region", "|| ' area' AS region")
    path.write_text(text.replace("regions: all", "regions: all\nset_aside_limit: 0.1"))
    as_excel_in_germany(frame.assign(Verkaeufer="Ann"), place / "files" / "invoices.csv")
    capsys.readouterr()
    assert main(["init", "acme", "--from", "files"]) == 0
    said, again = capsys.readouterr().out, path.read_text()
    assert "title: Acme Ropes" in again and "set_aside_limit: 0.1" in again and "' area' AS region" in again
    assert "tables.orders: kept as you edited it; the new draft differs" in said
    assert "tables.reps: added" in said and "reps: |" in again
    assert yaml.safe_load(again)["tables"].keys() == {"orders", "customers", "products", "reps"}
    assert main(["init", "acme", "--from", "files"]) == 0 and path.read_text() == again


def test_what_nothing_is_known_of_is_said_in_one_sentence(place, capsys):
    pd.DataFrame({"x": [1], "y": ["a"]}).to_csv(place / "files" / "odd.csv", index=False)
    assert main(["init", "acme", "--from", "files"]) == 2
    assert "acme: no table looks like orders or deals; there are odd." in capsys.readouterr().err
    assert main(["init", "acme", "--from", "nowhere"]) == 2
    assert "acme: there is no nowhere; name a folder" in capsys.readouterr().err
    assert main(["init", "acme", "--from", "files", "--like", "hubspot"]) == 2
    assert "no table is like one of HubSpot (deal has deal_id, stage, closedate, createdate)" in capsys.readouterr().err
    assert not (place / "params").exists()


def test_a_database_that_does_not_answer_does_not_give_its_password_away(place, capsys):
    assert main(["init", "acme", "--from", "postgresql://ann:s3cret@127.0.0.1:1/sales"]) == 2
    said = capsys.readouterr()
    assert "did not answer" in said.err and "s3cret" not in said.err + said.out


def test_a_file_for_each_region_where_it_is_asked_for(place):
    as_excel_in_germany(invoices(), place / "files" / "invoices.csv")
    assert main(["init", "acme", "--from", "files", "--region-files"]) == 0
    names = {p.stem for p in (place / "params" / "acme").glob("*.yaml")}
    assert names == {"source", "company", "nord", "süd", "west"}


@pytest.mark.parametrize(
    ("dates", "order"),
    [(["13/01/2026", "02/01/2026"], DAY_FIRST), (["01/13/2026", "01/02/2026"], MONTH_FIRST), (["01/02/2026"], "")],
)
def test_dates_say_their_order_or_are_left_open(tmp_path, dates, order):
    (tmp_path / "a.csv").write_text("id,day\n" + "".join(f"{i},{d}\n" for i, d in enumerate(dates)))
    found = written(tmp_path / "a.csv")
    wanted = {DAY_FIRST: "%d/%m/%Y", MONTH_FIRST: "%m/%d/%Y"}.get(order)
    assert found.options.get("dateformat") == wanted and bool(found.dates) == (not order)


@pytest.mark.parametrize("name", list(mappings.systems()))
def test_every_template_of_a_system_is_a_select_that_runs_whatever_is_there(name, tmp_path):
    """Each optional object and field may be missing: the SELECT is then without it."""
    system = mappings.systems()[name]
    for full in (True, False):
        folder = tmp_path / str(full)
        folder.mkdir()
        for thing, described in system.objects.items():
            if full or thing in system.core or any(thing == n for ways in system.tables.values() for n in ways[0]):
                columns = (
                    described.every
                    if full
                    else [
                        *described.known_by,
                        *[f for f in ("user_id", "owner_id", "ordered_on") if f in described.every],
                    ]
                )
                (folder / f"{thing}.csv").write_text(",".join(columns) + "\n" + "," * (len(columns) - 1) + "\n")
        from quarterdeck.data.intake.look import opened

        with opened(str(folder), "acme") as place:
            match = mappings.recognised(place, name)
            made = mappings.selects(match)
            assert set(made) >= {t for t, ways in system.tables.items() if full or all(map(match.has, ways[0]))}
            for table, sql in made.items():
                found = place.connection.con.execute(sql)
                columns = {d[0] for d in found.description}
                needed = {c for c, spec in contract.TABLES[table].columns.items() if not spec.nullable}
                assert needed <= columns <= set(contract.TABLES[table].columns), table


def test_blocks_give_back_what_they_cut():
    text = "# by hand\ntitle: A\n\n# files\nfiles:\n  # one\n  a: {path: a.csv}\ntables:\n  orders: |\n    SELECT 1\n\n    FROM a\n"
    assert "".join(draft.blocks(text).values()) == text


def test_what_salesforce_forecasts_of_a_deal_is_read_as_it_stood_and_not_as_per_cents(tmp_path, monkeypatch):
    """60 of 100 is 0.6; a probability of 1000 is a slip of the source, and is left empty."""
    (tmp_path / "opportunity.csv").write_text(
        "Id,OwnerId,Name,StageName,Amount,CloseDate,CreatedDate,IsWon,IsClosed,IsDeleted,Probability,ForecastCategory,NextStep\n"
        "006A,005A,Refit,Proposal,100,2026-09-30,2026-07-01,false,false,false,60,BestCase,Send offer\n"
        "006B,005A,New ship,Closed Won,50,2026-08-30,2026-06-01,true,true,false,1000,Closed,\n"
    )
    (tmp_path / "opportunity_history.csv").write_text(
        "Id,OpportunityId,StageName,Amount,CloseDate,CreatedDate,Probability,ForecastCategory,IsDeleted\n"
        "1,006B,Proposal,40,2026-08-30,2026-06-01,40,Pipeline,false\n"
        "2,006A,Proposal,100,2026-09-30,2026-07-01,60,BestCase,false\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["init", "acme", "--from", str(tmp_path)]) == 0
    tables = contract.check(source.read(tmp_path / "params" / "acme", tmp_path, tmp_path))
    deals, past = tables["opportunities"].set_index("opportunity_id"), tables["opportunity_history"]
    assert deals["probability"].fillna(-1).to_dict() == {"006A": 0.6, "006B": -1}
    assert deals.loc["006A", ["name", "next_step", "forecast_category"]].tolist() == ["Refit", "Send offer", "BestCase"]
    assert past.set_index("opportunity_id")["probability"].to_dict() == {"006A": 0.6, "006B": 0.4}


OTHERS = {  # a system's deals, and what is read of the first one
    "deal": (
        "deal_id,deal_pipeline_stage_id,property_closedate,property_createdate,property_dealname,property_amount,"
        "property_hs_deal_stage_probability,property_hs_next_step,property_hs_manual_forecast_category,is_deleted\n"
        "1,closedwon,2026-09-30,2026-07-01,Refit,100,0.6,Send offer,COMMIT,false\n",
        ("Refit", 0.6, "Send offer", "COMMIT"),
    ),
    "opportunity": (
        "opportunityid,statecode,createdon,estimatedclosedate,name,closeprobability,msdyn_forecastcategory_label,ownerid,accountid\n"
        "1,Open,2026-07-01,2026-09-30,Refit,60,Best case,U1,A1\n",
        ("Refit", 0.6, None, "Best case"),
    ),
    "deals": (
        "id,stage_id,status,add_time,value,title,probability,user_id,deleted\n1,2,open,2026-07-01 10:00:00,100,Refit,60,U1,false\n",
        ("Refit", 0.6, None, None),
    ),
}


@pytest.mark.parametrize("file", OTHERS)
def test_what_other_systems_forecast_of_a_deal_is_read_as_a_ratio(file, tmp_path, monkeypatch):
    content, expected = OTHERS[file]
    (tmp_path / f"{file}.csv").write_text(content)
    monkeypatch.chdir(tmp_path)
    assert main(["init", "acme", "--from", str(tmp_path)]) == 0
    row = source.read(tmp_path / "params" / "acme", tmp_path, tmp_path)["opportunities"].iloc[0]
    assert tuple(row.get(c) for c in ("name", "probability", "next_step", "forecast_category")) == expected
