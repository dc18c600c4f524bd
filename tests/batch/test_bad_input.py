"""Does bad input get one clear sentence and status 2, and leave nothing behind?"""

from datetime import date, timedelta

import pytest

from quarterdeck import cli


def no_file(acme):
    (acme.data / "clients.csv").unlink()


def no_folder(acme):
    acme.data.rename(acme.data.with_name("elsewhere"))


def no_column(acme):
    acme.replace("source.yaml", ", area AS region, pieces", ", pieces")


def wrong_type(acme):
    acme.replace("invoices.csv", "310.00", "lots")


def duplicate_key(acme):
    acme.replace("invoices.csv", "A1,2,", "A1,1,")


def orphan(acme):
    acme.replace("invoices.csv", "A2,1,2026-08-11,C2", "A2,1,2026-08-11,C9")


def negative_quota(acme):
    acme.replace("quotas.csv", "2026-09-30,400", "2026-09-30,-400")


def date_out_of_order(acme):
    acme.replace("sellers.csv", "R2,Nils Costa,South,2020-01-01,", "R2,Nils Costa,South,2020-01-01,2019-06-30")


def empty_table(acme):
    (acme.data / "articles.csv").write_text("article,name,kind\n")


def not_utf8(acme):
    (acme.data / "clients.csv").write_bytes("client,name,area\nC1,Ålesund,North\nC2,Porto,South\n".encode("latin-1"))


def unknown_region_in_file(acme):
    acme.replace("south.yaml", "South", "Sowth")


def unknown_parameter(acme):
    (acme.params / "south.yaml").write_text("company: acme\nregion: South\nmonhts: 3\n")


def broken_yaml(acme):
    (acme.params / "north.yaml").write_text("company: acme\nregion: [North\n")


def broken_source(acme):
    acme.replace("source.yaml", "currency: EUR", "currency: [EUR")


def broken_sql(acme):
    acme.replace("source.yaml", "SELECT article AS product_id, name", "SELEC article AS product_id name")


def unknown_table(acme):
    acme.replace("source.yaml", "  products: SELECT", "  produce: SELECT")


def other_company(acme):
    (acme.params / "north.yaml").write_text("company: acne\nregion: North\n")


def odd_currency(acme):
    acme.replace("source.yaml", "currency: EUR", "currency: Euro")


def other_separator(acme):
    acme.replace("source.yaml", "clients: {}", 'clients: {delim: ";"}')


def two_ways_of_writing_a_date(acme):
    path = acme.data / "invoices.csv"
    path.write_text(path.read_text().replace("2026-08-11", "11.08.2026"))


CASES = {
    odd_currency: ["source.yaml", "currency"],
    other_separator: ["clients.csv", "read as one column", "'client,name,area'", "delim"],
    two_ways_of_writing_a_date: ["table orders", "column order_date", "row 3", "'11.08.2026'", "YYYY-MM-DD"],
    no_file: ["clients.csv", "is not in"],
    no_folder: ["there is no folder", "--data"],
    no_column: ["table orders", "column region is missing"],
    wrong_type: ["table orders", "column revenue", "row 3", "'A2'", "'lots'", "expected a number"],
    duplicate_key: ["table orders", "row 2", "'A1'", "one row per order_id, line_no"],
    orphan: ["table orders", "column customer_id", "row 3", "'C9'", "customer_id of table customers"],
    negative_quota: ["table quotas", "column quota", "row 2", "'R2'", "-400", "at least 0"],
    date_out_of_order: ["table reps", "left_on", "row 2", "2019-06-30", "2020-01-01"],
    empty_table: ["table products", "no rows"],
    not_utf8: ["clients.csv", "line 2", "not UTF-8"],
    unknown_region_in_file: ["south.yaml", "'Sowth'", "North, South"],
    unknown_parameter: ["south.yaml", "'monhts'", "did you mean 'months'?"],
    broken_yaml: ["north.yaml", "line", "is not YAML"],
    broken_source: ["source.yaml", "line", "is not YAML"],
    broken_sql: ["table products", "does not run", "syntax error"],
    unknown_table: ["source.yaml", "no table 'produce'"],
    other_company: ["north.yaml", "'acne'", "company: acme"],
}


@pytest.mark.parametrize("spoil", CASES, ids=lambda f: f.__name__)
def test_bad_input_gets_one_sentence_and_status_two(acme, capsys, spoil):
    spoil(acme)
    assert cli.main(acme.command("--notebook", "executive_brief")) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("quarterdeck: ") and printed.err.count("\n") == 1 and "Traceback" not in printed.err
    assert not [part for part in CASES[spoil] if part not in printed.err], printed.err
    assert not acme.out.exists() or not any(acme.out.rglob("*"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--region", "Nort"], "there is no region 'Nort'; did you mean 'north'?"),
        (["--notebook", "forecastin"], "there is no notebook 'forecastin'; did you mean 'forecasting'?"),
        (["--as-of", "yesterday"], "--as-of holds 'yesterday', expected a date as YYYY-MM-DD"),
    ],
)
def test_a_wrong_name_on_the_command_line_gets_the_nearest_real_one(acme, capsys, given, said):
    assert cli.main(acme.command(*given)) == 2
    assert said in capsys.readouterr().err
    assert not acme.out.exists()


def test_check_says_the_same_and_debug_shows_where(acme, capsys):
    orphan(acme)
    command = ["check", str(acme.params), "--data", str(acme.data), "--out", str(acme.out)]
    assert cli.main(command) == 2 and "'C9'" in capsys.readouterr().err
    assert cli.main([*command, "--debug"]) == 2 and "Traceback" in capsys.readouterr().err


def test_check_of_whole_tables_counts_them(acme, capsys):
    assert cli.main(["check", str(acme.params), "--data", str(acme.data), "--out", str(acme.out)]) == 0
    assert "everything holds, through 2026-08-20" in capsys.readouterr().out


def test_data_folder_may_come_from_the_environment(acme, monkeypatch, capsys):
    monkeypatch.setenv("ACME_DATA", str(acme.data))
    assert cli.main(["check", str(acme.params), "--out", str(acme.out)]) == 0


def test_check_refuses_a_region_that_run_would_refuse(acme, capsys):
    unknown_region_in_file(acme)
    assert cli.main(["check", str(acme.params), "--data", str(acme.data), "--out", str(acme.out)]) == 2
    assert "there is no region 'Sowth' in the data; it has North, South" in capsys.readouterr().err


def dated(acme, day):
    """Date the company's last invoice otherwise."""
    path = acme.data / "invoices.csv"
    path.write_text(path.read_text().replace("2026-08-20", day))


def test_a_region_without_a_file_and_a_day_to_come_are_noted(acme, capsys):
    (acme.params / "south.yaml").unlink()
    day = f"{date.today() + timedelta(days=300)}"
    dated(acme, day)
    assert cli.main(["check", str(acme.params), "--data", str(acme.data), "--out", str(acme.out)]) == 0
    printed = capsys.readouterr().out
    assert "has no file for South" in printed and f"holds {day}, after today, and figures are as of that day" in printed
    assert "note: table orders: column order_date, row " in printed


@pytest.mark.parametrize("command", ["check", "run"])
def test_an_order_of_another_century_is_refused_with_its_row(acme, capsys, command):
    dated(acme, "2203-08-20")
    more = ["--notebook", "executive_brief"] if command == "run" else []
    assert cli.main([command, *acme.command(*more)[1:]]) == 2
    said = capsys.readouterr().err
    assert said.startswith("quarterdeck: table orders: column order_date, row ") and said.count("\n") == 1
    assert (
        "holds 2203-08-20, more than three years after today, and every figure would be of that day; fix the source"
        in said
    )
    assert not list(acme.out.glob("acme/20*"))


def test_a_run_that_looks_from_a_day_leaves_out_and_says_so(acme, capsys):
    dated(acme, "2203-08-20")
    assert cli.main(acme.command("--notebook", "executive_brief", "--as-of", "2026-08-15")) == 0
    said = (
        "note: the data reaches to 2203-08-20, after today; what is dated after 2026-08-15 is left out of every figure"
    )
    assert said in capsys.readouterr().out


def test_a_company_named_without_its_folder_is_found(acme, capsys):
    assert cli.main(["check", "acme", "--data", str(acme.data)]) == 2
    assert "did you mean params/acme?" in capsys.readouterr().err


def test_an_option_may_be_given_twice_and_sums_are_claimed_only_where_they_were_held(acme, capsys):
    assert cli.main(acme.command("--region", "north", "--region", "south", "--notebook", "executive_brief")) == 0
    printed = capsys.readouterr().out
    assert "north" in printed and "south" in printed and "add up over the regions" not in printed
    assert "reconciled in part: 2 facts read the same" in printed and "serve --out" in printed


@pytest.mark.parametrize("given", ["0", "-5", "nan", "inf", "soon"])
def test_a_notebook_always_has_a_limit(acme, capsys, given):
    with pytest.raises(SystemExit) as left:
        cli.main(acme.command("--timeout", given))
    said = f"argument --timeout: {given!r} is not a number of seconds above 0 and up to 604800; a notebook always has a limit"
    assert left.value.code == 2 and said in capsys.readouterr().err and not acme.out.exists()
