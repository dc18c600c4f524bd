"""Does each kind of file give the table that was written into it?"""

import sqlite3
from datetime import datetime

import duckdb
import openpyxl
import pandas as pd
import pytest

from quarterdeck.data import contract, source
from quarterdeck.data.files import Files
from quarterdeck.errors import SourceError

ROWS = pd.DataFrame(
    {
        "id": ["001", "002", "010"],
        "day": pd.to_datetime(["2026-01-05", "2026-02-03", "2026-12-31"]),
        "net": [1.5, 2.0, -1234.25],
        "area": ["Nörd", "South", "South"],
    }
)
SELECT = (
    "SELECT id AS order_id, 1 AS line_no, day AS order_date, 'P' AS product_id, area AS region, 1 AS quantity, "
    "net AS revenue FROM sales"
)


@pytest.fixture
def company(tmp_path):
    (tmp_path / "acme").mkdir()
    (tmp_path / "files").mkdir()

    def orders(**options):
        text = f"title: Acme\nfiles:\n  sales: {options}\ntables:\n  orders: {SELECT}\n"
        (tmp_path / "acme" / "source.yaml").write_text(text)
        return contract.check(source.read(tmp_path / "acme", tmp_path, tmp_path / "files"))["orders"]

    orders.files = tmp_path / "files"
    orders.params = tmp_path / "acme"
    return orders


def holds_what_was_written(orders, rows=ROWS):
    found = orders.sort_values("order_id")
    assert found["order_id"].tolist() == rows["id"].tolist()
    assert found["order_date"].tolist() == rows["day"].tolist()
    assert found["revenue"].tolist() == rows["net"].tolist()
    assert found["region"].tolist() == rows["area"].tolist()


def workbook(path, above=(), formula=None):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales"
    for row in [*above, list(ROWS)]:
        sheet.append(row)
    for row in ROWS.itertuples(index=False):
        sheet.append([row.id, row.day.to_pydatetime(), formula or row.net, row.area])
    book.create_sheet("Notes")["A1"] = "made by hand"
    book.save(path)


@pytest.mark.parametrize("above", [[], [["Sales of 2026"], []], [["Sales of 2026"], ["as of", datetime(2026, 12, 31)]]])
def test_a_sheet_of_a_workbook_is_a_table_below_its_title(company, above):
    workbook(company.files / "book.xlsx", above)
    holds_what_was_written(company(path="book.xlsx", table="Sales"))


def test_a_workbook_with_several_sheets_asks_which(company):
    workbook(company.files / "book.xlsx")
    with pytest.raises(SourceError, match=r"acme: book.xlsx holds several tables; name one .* it has Sales, Notes\."):
        company(path="book.xlsx")
    with pytest.raises(SourceError, match=r"book.xlsx has no table 'Sale'; .* it has Sales, Notes\."):
        company(path="book.xlsx", table="Sale")


def test_a_formula_that_was_never_worked_out_is_refused(company):
    workbook(company.files / "book.xlsx", formula="=1+1")
    with pytest.raises(SourceError, match=r"sheet Sales, row 2: the formula '=1\+1' has no value; open the workbook"):
        company(path="book.xlsx", table="Sales")


def test_a_file_that_is_no_workbook_is_named(company):
    (company.files / "book.xlsx").write_text("id,day\n")
    with pytest.raises(SourceError, match="book.xlsx cannot be read as an Excel workbook"):
        company(path="book.xlsx", table="Sales")


def test_a_table_of_a_sqlite_file_is_read(company):
    with sqlite3.connect(company.files / "shop.db") as connection:
        ROWS.assign(day=ROWS["day"].dt.strftime("%Y-%m-%d")).to_sql("sold", connection, index=False)
        pd.DataFrame({"x": [1]}).to_sql("other", connection, index=False)
    holds_what_was_written(company(path="shop.db", table="sold"))


def test_a_table_of_a_duckdb_file_is_read_and_the_file_stays_as_it_is(company):
    path = company.files / "store.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.register("rows", ROWS)
        connection.sql("CREATE SCHEMA sales")
        connection.sql("CREATE TABLE sales.sold AS SELECT * FROM rows")
    before = path.read_bytes()
    holds_what_was_written(company(path="store.duckdb", table="sales.sold"))
    assert path.read_bytes() == before


def test_a_folder_of_parquet_files_is_one_table(company):
    (company.files / "sold" / "year=2026").mkdir(parents=True)
    ROWS[:2].to_parquet(company.files / "sold" / "year=2026" / "a.parquet")
    ROWS[2:].to_parquet(company.files / "sold" / "b.parquet")
    holds_what_was_written(company(path="sold"))


def test_files_that_fit_a_pattern_are_one_table_whatever_the_order_of_their_columns(company):
    ROWS[:2].to_csv(company.files / "sold_2026-01.csv", index=False)
    ROWS[2:][["net", "area", "day", "id"]].to_csv(company.files / "sold_2026-02.csv", index=False)
    holds_what_was_written(company(path="sold_*.csv"))
    assert source.files(company.params, company.params, company.files) is None  # for a new file would join them


def test_json_lines_are_read_and_their_text_stays_text(company):
    ROWS.assign(day=ROWS["day"].dt.strftime("%Y-%m-%d")).to_json(
        company.files / "sold.jsonl", orient="records", lines=True, force_ascii=False
    )
    holds_what_was_written(company(path="sold.jsonl"))


EXCEL = [  # (locale, delim, decimal, date, encoding, options)
    ("de", ";", ",", "%d.%m.%Y", "windows-1252", {"dateformat": "%d.%m.%Y", "encoding": "windows-1252"}),
    ("fr", ";", ",", "%d/%m/%Y", "utf-8-sig", {"dateformat": "%d/%m/%Y"}),
    ("us", ",", ".", "%m/%d/%Y", "utf-8", {"dateformat": "%m/%d/%Y"}),
    ("se", ";", ",", "%Y-%m-%d", "utf-16", {}),
]


@pytest.mark.parametrize(("locale", "delim", "decimal", "day", "encoding", "options"), EXCEL)
@pytest.mark.parametrize("named", [False, True])
def test_a_csv_file_is_read_as_excel_writes_it_in_a_country(
    company, locale, delim, decimal, day, encoding, options, named
):
    text = ROWS.to_csv(index=False, sep=delim, decimal=decimal, date_format=day, lineterminator="\r\n")
    (company.files / "sold.csv").write_bytes(((f"sep={delim}\r\n" if named else "") + text).encode(encoding))
    marks = {"decimal_separator": decimal} if decimal == "," else {}
    holds_what_was_written(company(path="sold.csv", **({} if named else {"delim": delim}), **marks, **options))


def test_another_file_is_refused_with_the_kinds_that_are_read(company):
    (company.files / "sold.pdf").write_text("")
    with pytest.raises(
        SourceError, match=r"sold.pdf is none of the files that are read; export it as CSV, Parquet, JSON"
    ):
        company(path="sold.pdf")


def test_reading_prints_nothing_however_long_it_takes(tmp_path):
    connection = Files("acme", tmp_path, tmp_path, "").connection
    assert connection.raw_sql("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)
