"""Is every value read as the one that was written, or refused; and never as a third thing?"""

import csv
import re
from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.data import contract, source
from quarterdeck.errors import ContractError, SourceError

MANY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SELECT = """SELECT id AS order_id, 1 AS line_no, {} AS order_date, 'P' AS product_id, 'C' AS customer_id, {} AS region,
           1 AS quantity, 1 AS revenue, {} AS list_amount, {} AS rep_id FROM sales"""


class Company:
    """A company of one file, whose SELECT passes on what it is asked to."""

    def __init__(self, root):
        self.params, self.files = root / "acme", root / "files"
        self.params.mkdir()
        self.files.mkdir()

    def describe(self, day="'2026-01-05'", region="'North'", amount="1", rep="'R'", **options):
        sql = SELECT.format(day, region, amount, rep)
        lines = [f"timezone: {options.pop('timezone', '')!r}"]
        files = f"files:\n  sales: {options or {}}\n"
        text = "\n".join(["title: Acme", "folder_variable: ACME", *lines, f"{files}tables:", f"  orders: |\n    {sql}"])
        (self.params / "source.yaml").write_text(text, encoding="utf-8")

    def write(self, values, name="sales.csv", encoding="utf-8"):
        with (self.files / name).open("w", newline="", encoding=encoding) as file:
            csv.writer(file).writerows([["id", "x"], *enumerate(values)])

    def orders(self):
        tables = contract.check(source.read(self.params, self.params.parent, self.files))
        return tables["orders"].sort_values("order_id", key=lambda ids: ids.astype(int))


@pytest.fixture
def company(tmp_path):
    return Company(tmp_path)


def read_or_refused(company, column):
    """Give a column as it is read, or None where it is refused in one sentence."""
    try:
        return company.orders()[column].tolist()
    except (ContractError, SourceError) as error:
        assert "\n" not in str(error) and ("column" in str(error) or "Read as text" in str(error))
        return None


DIGITS = st.integers(0, 999).map(str)
CODES = st.one_of(
    *map(
        st.lists,
        [
            st.sampled_from(["1.1", "1.10", "1.2", "2.0", "10"]),
            st.sampled_from(["1E2", "100", "2E05", "1e2"]),
            st.sampled_from(["007", "07", "7", "+7", "-0"]),
            st.sampled_from(["yes", "no", "Yes", "NO", "true", "False", "t", "on", "Y"]),
            st.sampled_from(["0x1F", "31", "1_000", "1000"]),
            st.integers(10**17, 10**19).map(str),
            st.sampled_from(["07/01/2026", "2026-07-01", "2026/07/01", "12:30", "20260701", "Infinity", "nan"]),
            st.tuples(DIGITS, DIGITS).map(".".join),
        ],
    )
).filter(len)


@pytest.mark.slow
@MANY
@given(codes=CODES, missing=st.booleans())
def test_a_code_is_read_as_it_is_written(company, codes, missing):
    company.describe(rep="x")
    company.write([*codes, *[""] * missing])
    read = company.orders()["rep_id"]
    if all(re.fullmatch(r"\d+\.0" if missing else r"\d{3,}\.0", code) for code in codes):
        codes = [code.removesuffix(".0") for code in codes]  # so pandas writes whole numbers beside missing ones
    assert read.iloc[: len(codes)].tolist() == codes and read.iloc[len(codes) :].isna().all()


DAYS = st.lists(st.dates(date(2001, 1, 1), date(2039, 12, 31)), min_size=1, max_size=6)
WAYS = "%Y-%m-%d %Y%m%d %Y/%m/%d %d/%m/%Y %m/%d/%Y %d.%m.%Y %m-%d-%Y %d/%m/%y %m/%d/%y %y-%m-%d %d-%b-%Y %b-%Y %Y-%m".split()


@pytest.mark.slow
@MANY
@given(days=DAYS, way=st.sampled_from(WAYS))
def test_a_day_is_read_as_it_is_written_or_refused(company, days, way):
    company.describe(day="x")
    company.write([f"{day:{way}}" for day in days])
    read = read_or_refused(company, "order_date")
    assert read in (None, [pd.Timestamp(day) for day in days])
    assert read or way not in ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d")


@pytest.mark.slow
@MANY
@given(days=DAYS, way=st.sampled_from([w for w in WAYS if "%d" in w]))
def test_a_way_of_writing_days_that_is_named_is_taken(company, days, way):
    company.describe(day="x", dateformat=way)
    company.write([f"{day:{way}}" for day in days])
    assert company.orders()["order_date"].tolist() == [pd.Timestamp(day) for day in days]


@pytest.mark.slow
@MANY
@given(days=DAYS, unit=st.sampled_from([86_400, 1, 1_000, 1_000_000, 1_000_000_000]), text=st.booleans())
def test_a_count_of_days_or_seconds_is_refused_with_the_way_to_convert_it(company, days, unit, text):
    counts = [
        (day - date(1899, 12, 30)).days if unit == 86_400 else (day - date(1970, 1, 1)).days * 86_400 * unit
        for day in days
    ]
    company.describe(day="x", all_varchar=text)
    company.write(counts)
    with pytest.raises(
        ContractError, match=r"column order_date, .*it seems to count .*: write (.*) in the SELECT"
    ) as caught:
        company.orders()
    said = str(caught.value).partition(": write ")[2].partition(" in the SELECT")[0]
    company.describe(day=said.replace("order_date", "x"), all_varchar=text)
    assert company.orders()["order_date"].tolist() == [pd.Timestamp(day) for day in days]


MOMENTS = st.lists(
    st.builds(
        lambda day, minutes, offset: (
            datetime(day.year, day.month, day.day, tzinfo=timezone(timedelta(hours=offset)))
            + timedelta(minutes=minutes)
        ),
        st.dates(date(2001, 1, 1), date(2039, 12, 31)),
        st.integers(0, 1439),
        st.integers(-12, 14),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@MANY
@given(
    moments=MOMENTS, mixed=st.booleans(), blank=st.sampled_from(["T", " "]), zone=st.sampled_from(["", "Asia/Tokyo"])
)
def test_a_moment_is_of_the_day_that_its_own_clock_showed_or_the_companys(company, moments, mixed, blank, zone):
    moments = moments if mixed else [m.replace(tzinfo=moments[0].tzinfo) for m in moments]
    company.describe(day="x", timezone=zone)
    company.write([m.isoformat(blank) for m in moments])
    tokyo = timezone(timedelta(hours=9))
    days = [(m.astimezone(tokyo) if zone else m).date() for m in moments]
    assert company.orders()["order_date"].dt.date.tolist() == days


def test_moments_are_reckoned_with_by_the_same_clock(company):
    company.describe(day="date_trunc('month', x)")
    company.write(["2026-10-01T00:30:00+02:00", "2026-10-31T23:30:00+01:00"])
    assert set(company.orders()["order_date"]) == {pd.Timestamp("2026-10-01")}


AMOUNTS = st.lists(st.decimals(-(10**7), 10**7, places=2), min_size=1, max_size=6)
SPELLED = {
    "plain": str,
    "exponent": lambda a: f"{a:e}",
    "english": lambda a: f"{a:,}",
    "german": lambda a: f"{a:,}".translate({44: 46, 46: 44}),
    "no cents": lambda a: f"{int(a):,}".replace(",", "."),
    "french": lambda a: f"{a:,}".translate({44: 0x202F, 46: 44}),
    "blanks": lambda a: f"{a:,}".replace(",", " "),
    "swiss": lambda a: f"{a:,}".replace(",", "'"),
    "euro": lambda a: f"€ {a:,}",
    "dollar": lambda a: f"-${-a}" if a < 0 else f"${a}",
    "code": lambda a: f"{a} EUR",
    "brackets": lambda a: f"({-a})" if a < 0 else str(a),
    "per cent": lambda a: f"{a} %",
    "minus behind": lambda a: f"{-a}-" if a < 0 else str(a),
    "true minus": lambda a: str(a).replace("-", "\u2212"),
}


@pytest.mark.slow
@MANY
@given(amounts=AMOUNTS, how=st.sampled_from(list(SPELLED)), text=st.booleans())
def test_an_amount_is_read_as_it_is_written_or_refused(company, amounts, how, text):
    company.describe(amount="x", all_varchar=text)
    company.write([SPELLED[how](a) for a in amounts])
    read = read_or_refused(company, "list_amount")
    meant = [float(int(a)) if how == "no cents" else float(a) for a in amounts]
    assert read is None or read == pytest.approx(meant)
    assert read or how not in ("plain", "exponent")


@pytest.mark.slow
@MANY
@given(amounts=AMOUNTS, how=st.sampled_from([how for how in SPELLED if how != "per cent"]))
def test_who_does_what_a_refusal_says_gets_the_amount_that_was_written_or_another_refusal(company, amounts, how):
    company.write([SPELLED[how](a) for a in amounts])
    meant, expression = [float(int(a)) if how == "no cents" else float(a) for a in amounts], "CAST(x AS VARCHAR)"
    for _ in range(4):
        company.describe(amount=expression, all_varchar=True)
        try:
            assert company.orders()["list_amount"].tolist() == pytest.approx(meant)
            return
        except ContractError as error:
            said = re.search(r"write (.*) in the SELECT", str(error))
            if not said:
                return
            expression = said[1].replace("list_amount", expression)
    assert how == "minus behind"


@pytest.mark.parametrize(
    ("written", "options", "read"),
    [
        ("1.234,56", {"decimal_separator": ",", "thousands": "."}, 1234.56),
        ("1,234.56", {"thousands": ","}, 1234.56),
        ("1.234", {"thousands": "."}, 1234),
        ("1.234", {"decimal_separator": "."}, 1.234),
    ],
)
def test_a_separator_that_is_named_is_taken(company, written, options, read):
    company.describe(amount="x", **options)
    company.write([written, written])
    assert company.orders()["list_amount"].tolist() == [read, read]


@pytest.mark.parametrize("odd", ["inf", "-Infinity", "1e999"])
@pytest.mark.parametrize("text", [True, False])
def test_an_infinite_amount_is_refused(company, odd, text):
    company.describe(amount="x", all_varchar=text)
    company.write(["1", odd])
    with pytest.raises(ContractError, match=r"column list_amount, row 2 .*expected a number"):
        company.orders()


def test_regions_that_are_looked_up_by_a_code_are_not_mixed_up(company):
    company.write(["1.1", "1.10", "1.10"])
    (company.files / "areas.csv").write_text("code,area\n1.1,North\n1.10,South\n")
    company.describe(region="area")
    path = company.params / "source.yaml"
    text = path.read_text().replace("FROM sales", "FROM sales JOIN areas ON sales.x = areas.code")
    path.write_text(text.replace("tables:", "  areas: {}\ntables:"))
    assert company.orders()["region"].tolist() == ["North", "South", "South"]


def test_a_select_computes_on_columns_as_ever(company):
    company.describe(day="DATE '2026-01-05' + CAST(x AS INTEGER)", amount="x * 2.50 + id", rep="'R' || id")
    company.write(["10.50", "3.00"])
    orders = company.orders()
    assert orders["list_amount"].tolist() == [26.25, 8.5] and orders["rep_id"].tolist() == ["R0", "R1"]


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252", "utf-16", "utf-8"])
def test_a_file_is_read_in_the_encoding_that_is_named(company, encoding):
    company.describe(region="x", encoding=encoding)
    company.write(["Köln", "Malmö"], encoding=encoding)
    assert company.orders()["region"].tolist() == ["Köln", "Malmö"]


@pytest.mark.parametrize(
    ("encoding", "words"), [("latin-99", "no encoding 'latin-99'"), ("ascii", "not in the encoding")]
)
def test_an_encoding_that_is_not_the_files_is_one_sentence(company, encoding, words):
    company.describe(region="x", encoding=encoding)
    company.write(["Köln"])
    with pytest.raises(SourceError, match=words):
        company.orders()


IDS = [123456789012345678, 123456789012345679, None]


@pytest.mark.parametrize(
    ("ids", "dtype", "read"),
    [
        (IDS, "Int64", ["123456789012345678", "123456789012345679", None]),
        ([1001, 1002, None], "float64", ["1001", "1002", None]),
        ([True, False, None], "boolean", ["true", "false", None]),
        ([1.1, 1.25, None], "float64", None),
        (IDS, "float64", None),
    ],
)
def test_an_id_of_a_parquet_file_is_whole_or_refused(company, ids, dtype, read):
    company.describe(rep="x", path="sales.parquet")
    pd.DataFrame({"id": range(3), "x": pd.array(ids, dtype=dtype)}).to_parquet(company.files / "sales.parquet")
    found = read_or_refused(company, "rep_id")
    assert (found and [None if pd.isna(v) else v for v in found]) == read


def test_moments_of_a_parquet_file_need_the_companys_zone(company):
    moments = pd.to_datetime(["2026-09-30T22:30", "2026-10-01T12:00"]).tz_localize(UTC)
    pd.DataFrame({"id": [0, 1], "x": moments}).to_parquet(company.files / "sales.parquet")
    company.describe(day="x", path="sales.parquet")
    with pytest.raises(SourceError, match="column order_date holds moments.* timezone: Europe/Berlin"):
        company.orders()
    company.describe(day="x", path="sales.parquet", timezone="Europe/Berlin")
    assert set(company.orders()["order_date"]) == {pd.Timestamp("2026-10-01")}


def test_a_zone_that_is_none_is_one_sentence(company):
    company.describe(timezone="Europe/Berlni")
    with pytest.raises(SourceError, match="timezone: .*no time zone 'Europe/Berlni'"):
        company.orders()
