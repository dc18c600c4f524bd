"""Which unit does each row belong to, on its day and today, and do the units of each level hold all of it?"""

import re

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from quarterdeck.analysis.sales.revenue import revenue as sold
from quarterdeck.analysis.team.performance import attainment
from quarterdeck.cli import main
from quarterdeck.data import contract, organisation, snapshot
from quarterdeck.data.snapshot import COMPANY
from quarterdeck.data.tree import AS_IT_WAS, TODAY, below, unfolded
from quarterdeck.errors import ContractError, ParamsError

LAST = pd.Timestamp("2026-09-30")
UNITS = pd.DataFrame(
    [  # World: Europe (North: Oslo, Bergen; South) and Asia; North moves from Europe to Asia on 1 August
        ("W", None, "World", None, None),
        ("E", "W", "Europe", None, None),
        ("A", "W", "Asia", None, None),
        ("N", "E", "North", None, "2026-07-31"),
        ("N", "A", "North", "2026-08-01", None),
        ("S", "E", "South", None, None),
        ("O", "N", "Oslo", None, None),
        ("B", "N", "Bergen", None, None),
    ],
    columns=["unit_id", "parent_id", "name", "valid_from", "valid_to"],
)
ASSIGNED = pd.DataFrame(
    [  # C1 stays in Oslo; C2 moves from South to Oslo on 1 September; C3 is Europe's own; R1 sells in Bergen
        ("account", "C1", "O", None, None),
        ("account", "C2", "S", None, "2026-08-31"),
        ("account", "C2", "O", "2026-09-01", None),
        ("account", "C3", "E", None, None),
        ("rep", "R1", "B", None, None),
    ],
    columns=["kind", "id", "unit_id", "valid_from", "valid_to"],
)
SOLD = [  # number, day, account, seller, what the source calls the region, revenue
    ("1", "2025-07-10", "C1", "R1", "x", 1.0),
    ("2", "2025-09-10", "C2", "R1", "x", 2.0),
    ("3", "2026-07-10", "C1", "R1", "x", 10.0),
    ("4", "2026-08-10", "C1", "R1", "x", 20.0),
    ("5", "2026-08-10", "C2", "R1", "x", 40.0),
    ("6", "2026-09-10", "C2", "R1", "x", 80.0),
    ("7", "2026-09-10", "C3", "R1", "x", 160.0),
    ("8", "2026-09-11", "C9", "R1", "South", 320.0),
    ("9", "2026-09-30", "C9", None, "South", 640.0),
]
ORDERS = pd.DataFrame(SOLD, columns=["order_id", "order_date", "customer_id", "rep_id", "region", "revenue"])
TABLES = {
    "organisation": UNITS,
    "assignments": ASSIGNED,
    "orders": ORDERS.assign(line_no=1, product_id="P", quantity=1),
}
# Third quarter of 2026 as it was. Oslo: 10 + 20 + 80 = 110; Bergen 320 (C9 has no unit, its seller has); South 40 + 640 = 680;
# Europe has what was its own (160), South, and Oslo's 10 of July; Asia has Oslo's 100 and Bergen's 320 since August.
AS_IT_WAS_SUMS = {"company": 1270, "Europe": 850, "Asia": 420, "North": 430, "South": 680, "Oslo": 110, "Bergen": 320}
# Today: C2's 40 and 80 are Oslo's, and all of North is Asia's.
TODAY_SUMS = {"company": 1270, "Europe": 800, "Asia": 470, "North": 470, "South": 640, "Oslo": 150, "Bergen": 320}


@pytest.fixture(scope="module", params=[AS_IT_WAS, TODAY])
def frozen(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("units") / "data"
    about = snapshot.CompanyInfo("acme", "Acme", "EUR", view=request.param)
    return request.param, folder, snapshot.freeze(contract.check(TABLES), folder, about)


def desk(folder, region, **more):
    return snapshot.open_desk("acme", region, data=str(folder), **more)


def revenue(folder, region):
    found = desk(folder, region)
    return found.ask(sold)["value"].iloc[0]


def test_every_unit_has_what_was_sold_for_it(frozen):
    view, folder, _ = frozen
    sums = AS_IT_WAS_SUMS if view == AS_IT_WAS else TODAY_SUMS
    assert {unit: revenue(folder, unit) for unit in sums} == sums
    assert revenue(folder, "Europe (direct)") == 160


def test_units_add_up_on_every_level(frozen):
    """Of three levels: the company is what its areas are together, and what all of its teams are."""
    _, folder, facts = frozen
    sums = facts["organisation"]["sums"]
    assert sums[0] == [COMPANY, ["Asia", "Europe"]]
    assert [COMPANY, ["Bergen", "Europe (direct)", "Oslo", "South"]] in sums
    for whole, parts in sums:
        assert revenue(folder, whole) == sum(revenue(folder, part) for part in parts)
    assert ["North", ["Bergen", "Oslo"]] in sums
    # As it was, North's July was Europe's: the sum of Europe's units of today is not Europe.
    assert (["Asia", ["North"]] in sums) == (frozen[0] == TODAY)


def test_a_unit_goes_by_its_id_too_and_its_page_is_on_its_own_level(frozen):
    _, folder, facts = frozen
    found = desk(folder, "N")
    assert found.region == "North" and found.level == 2
    assert set(found.everywhere().tables["orders"]["region"]) == {"North", "South", "Europe (direct)"}
    assert snapshot.called(facts)["N"] == "North"
    with pytest.raises(ParamsError, match="there is no region 'Nord' in the data; did you mean 'North'"):
        desk(folder, "Nord")


def test_a_page_of_an_earlier_day_knows_the_organisation_of_that_day(frozen):
    """On 20 August C2 was still South's: 40; in July's order North was Europe's, as seen from July."""
    view, folder, _ = frozen
    assert desk(folder, "South", as_of="2026-08-20").ask(sold)["value"].iloc[0] == 40
    july = desk(folder, "Europe", as_of="2026-07-20").ask(sold)["value"].iloc[0]
    assert july == 10


def test_every_page_says_its_view(frozen):
    view, folder, _ = frozen
    words = {AS_IT_WAS: "as it was", TODAY: "as it is today"}[view]
    first, *others = desk(folder, "Oslo").remarked()
    assert words in first
    # C2 came to Oslo on 1 September; Bergen has its seller's sales alone, and North as a whole has what Oslo has.
    assert [s.startswith("accounts moved to or from Oslo") for s in others[:1]] == ([True] if view == AS_IT_WAS else [])
    assert desk(folder, "Bergen").remarked() == [first] == desk(folder, "company").remarked()
    assert desk(folder, "Bergen").everywhere().remarked() == [first]


def test_an_open_deal_an_account_and_a_seller_are_where_they_are_today():
    deals = pd.DataFrame({
        "opportunity_id": ["D1", "D2"],
        "customer_id": "C2",
        "rep_id": "R1",
        "region": "x",
        "opened_on": "2026-01-05",
        "closed_on": ["2026-08-10", None],
        "stage": ["won", "offer"],
        "status": ["won", "open"],
        "amount": [5.0, 7.0],
    })  # fmt: skip
    people = pd.DataFrame({"rep_id": ["R1"], "name": "Ada", "region": "x"})
    accounts = pd.DataFrame({"customer_id": ["C2"], "name": "Two", "region": "x"})
    tables = TABLES | {"opportunities": deals, "reps": people, "customers": accounts}
    tables["orders"] = tables["orders"].query("customer_id == 'C2'")
    placed = organisation.placed(contract.check(tables), LAST)
    level = organisation.at_level(placed, 3)
    assert level["opportunities"]["region"].tolist() == ["South", "Oslo"]  # closed in August, and open in September
    assert level["customers"]["region"].tolist() == ["Oslo"] and level["reps"]["region"].tolist() == ["Bergen"]
    assert organisation.at_level(placed, 1)["opportunities"]["region"].tolist() == ["Europe", "Asia"]


def test_a_target_of_a_unit_goes_before_those_below_it():
    """Asia has a target of 100 of its own, North 60, and of North's teams Oslo 25; South 50 alone."""
    set_for = [("Asia", 100.0), ("North", 60.0), ("Oslo", 25.0), ("South", 50.0)]
    targets = pd.DataFrame(set_for, columns=["region", "revenue_target"])
    targets = targets.assign(period_start="2026-07-01", period_end="2026-09-30")
    placed = organisation.placed(contract.check(TABLES | {"targets": targets}), LAST, TODAY)
    by = {
        level: organisation.at_level(placed, level)["targets"].groupby("region")["revenue_target"].sum().to_dict()
        for level in (1, 2, 3)
    }
    assert (
        by[1] == {"Asia": 100, "Europe": 50}
        and by[2] == {"North": 60, "South": 50}
        and by[3] == {"Oslo": 25, "South": 50}
    )


DEALS = pd.DataFrame(
    [  # R1's two, and what others without a quota won early: each unit's record is whole from then on
        ("D1", "R1", "2026-08-20", 310.0),
        ("D2", "R1", "2026-09-10", 150.0),
        ("D3", "R3", "2026-07-01", 1.0),
        ("D4", "R4", "2026-07-01", 1.0),
        ("D5", "R5", "2026-07-01", 1.0),
    ],
    columns=["opportunity_id", "rep_id", "closed_on", "amount"],
).assign(region="x", opened_on="2026-05-04", stage="won", status="won")
SELLERS = pd.DataFrame(
    [("R1", "O", None, "2026-08-31"), ("R1", "S", "2026-09-01", None), ("R2", "B", None, None), ("R3", "S", None, None)]
    + [("R4", "O", None, None), ("R5", "B", None, None)],
    columns=["id", "unit_id", "valid_from", "valid_to"],
).assign(kind="rep")
QUOTAS = pd.DataFrame({"rep_id": ["R1", "R2"], "quota": [920, 50]})
TWO = TABLES | {
    "assignments": SELLERS,
    "reps": pd.DataFrame({"rep_id": [f"R{n}" for n in range(1, 6)], "name": [*"ABCDE"], "region": "x", "manager": "M"}),
    "quotas": QUOTAS.assign(period_start="2026-07-01", period_end="2026-09-30"),
    "opportunities": DEALS,
}


@pytest.mark.parametrize("view", [AS_IT_WAS, TODAY])
def test_a_seller_of_two_territories_has_quota_and_credit_in_both(tmp_path, view):
    """920 of 92 days: Oslo has 62 days, 620, and South 30, 300. Won: 310 in Oslo, 150 in South: half of each.

    Today the seller is South's, and so are all of the 920 and both deals: 460 of 920, half as well.
    """
    about = snapshot.CompanyInfo("acme", "Acme", "EUR", view=view, whole_from={"opportunities": "2026-07-01"})
    snapshot.freeze(contract.check(TWO), tmp_path / "data", about)

    def attained(region):
        found = desk(tmp_path / "data", region).ask(attainment)
        return {row.name: (row.region, row.quota, row.booked) for row in found.itertuples()}

    if view == AS_IT_WAS:
        assert attained("Oslo") == {"A": ("Oslo", 620, 310)} and attained("South") == {"A": ("South", 300, 150)}
        assert attained("North") == {"A": ("North", 620, 310), "B": ("North", 50, 0)}
    else:
        assert attained("South") == {"A": ("South", 920, 460)} and attained("North") == {"B": ("North", 50, 0)}
    assert {name: row[1:] for name, row in attained("company").items()} == {"A": (920, 460), "B": (50, 0)}


def changed(table, row, **values):
    frame = TABLES[table].copy()
    frame.loc[row, list(values)] = list(values.values())
    return TABLES | {table: frame}


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (
            changed("organisation", 6, parent_id="X"),
            "table organisation: column parent_id, row 7 (unit_id 'O', valid_from nothing) holds 'X', expected a unit_id of table "
            "organisation; add it there or map it in the SELECT.",
        ),
        (
            changed("organisation", 1, parent_id="O"),
            "table organisation: column parent_id, row 2 (unit_id 'E', valid_from nothing) puts a unit below itself ('E' in 'O' in "
            "'N' in 'E'); give one of them another parent_id (4 such rows).",
        ),
        (
            changed("organisation", 4, valid_from="2026-07-15"),
            "table organisation: row 5 (unit_id 'N', valid_from 2026-07-15) starts before the period ahead of it (row 4, the "
            "beginning to 2026-07-31) has ended, expected periods that do not overlap per unit_id; fix the source.",
        ),
        (
            changed("assignments", 2, valid_from="2026-08-31"),
            "table assignments: row 3 (kind 'account', id 'C2', valid_from 2026-08-31) starts before the period ahead of it (row "
            "2, the beginning to 2026-08-31) has ended, expected periods that do not overlap per kind, id; fix the source.",
        ),
        (
            changed("assignments", 0, unit_id="Q"),
            "table assignments: column unit_id, row 1 (kind 'account', id 'C1', valid_from nothing) holds 'Q', expected a unit_id "
            "of table organisation; add it there or map it in the SELECT.",
        ),
        (
            changed("assignments", 2, valid_to="2026-08-01"),
            "table assignments: column valid_to, row 3 (kind 'account', id 'C2', valid_from 2026-09-01) holds 2026-08-01, expected "
            "valid_from (2026-09-01) or later; fix the source.",
        ),
        (
            {k: v for k, v in TABLES.items() if k != "organisation"},
            "table assignments: it names units, and there is no table organisation; bring it too.",
        ),
    ],
    ids=["no parent", "circle", "unit overlaps", "assignment overlaps", "unknown unit", "ends early", "no tree"],
)
def test_a_tree_that_is_none_is_refused_in_one_sentence(tables, said):
    with pytest.raises(ContractError) as error:
        contract.check(tables)
    assert error.value.faults == (said,)


def test_what_names_no_unit_is_noted_with_its_money():
    orders = TABLES["orders"].assign(region=["x"] * 8 + ["Nowhere"])
    checked = contract.check(TABLES | {"orders": orders})
    [remark] = [r for r in checked.remarks if r.rule == "no_unit"]
    assert "1 of 9 rows (revenue 640.00" in remark.sentence() and "1 of 1 rows" in remark.sentence("Nowhere")
    assert remark.of("Europe") is None
    placed = organisation.placed(checked, LAST)
    assert organisation.at_level(placed, 1)["orders"]["region"].iloc[-1] == "Nowhere"
    assert list(checked["orders"]) == list(contract.check({"orders": TABLES["orders"]})["orders"])


def test_what_earlier_runs_kept_of_a_page_stays_that_pages_own():
    """Europe published 9 and South, which lies in it, 4: the record of each is its own."""
    rows = [{"region": region, "p50": p50} for region, p50 in (("Europe", 9.0), ("South", 4.0), ("company", 20.0))]
    said = {"metric": "revenue", "period_start": pd.Timestamp("2026-04-01"), "period_end": pd.Timestamp("2026-06-30")}
    said |= {"published_on": pd.Timestamp("2026-05-15"), "notebook": "forecasting"}
    kept = organisation.placed(contract.check(TABLES) | {"forecast_ledger": pd.DataFrame(rows).assign(**said)}, LAST)
    found = {
        region: snapshot.within(kept, region)["forecast_ledger"]["p50"].tolist()
        for region in ("Europe", "South", "company")
    }
    assert found == {"Europe": [9.0], "South": [4.0], "company": [20.0]}


def test_remarks_count_for_a_unit_and_all_above_it():
    orders = TABLES["orders"].assign(customer_id=["C1"] * 2 + [None] + ["C1"] * 6, rep_id=None, region="Bergen")
    [remark] = [r for r in contract.check(TABLES | {"orders": orders}).remarks if r.rule == "no_customer"]
    # The order without an account is of Bergen, in Europe's North in July: one of one row; Europe then had Oslo's two as well.
    assert remark.of("Bergen")[:2] == [1, 1] and remark.of("Europe")[:2] == [1, 3] and remark.of("Asia") is None


def test_units_of_one_name_are_known_by_their_ids():
    twins = pd.concat([UNITS, pd.DataFrame([("T", "A", "South", None, None)], columns=UNITS.columns)])
    units = organisation.Units(contract.check({"organisation": twins})["organisation"], LAST)
    assert (units.names["S"], units.names["T"]) == ("South (S)", "South (T)")
    assert "South" not in units.ids() and units.ids()["South (T)"] == "T"


def test_regions_of_a_company_without_a_tree_stay_as_they_are():
    tables = contract.check({"orders": TABLES["orders"]})
    assert organisation.placed(tables, LAST) == dict(tables) and organisation.facts(tables, LAST, AS_IT_WAS) == {}
    assert snapshot.regions(tables) == ["South", "x"]


def test_no_unit_can_be_taken_for_the_company_or_for_what_is_anothers_own():
    named = UNITS.replace({"Bergen": "company", "Oslo": "Asia (direct)"})
    units = organisation.Units(contract.check({"organisation": named})["organisation"], LAST)
    assert (units.names["B"], units.names["O"]) == ("company (B)", "Asia (direct) (O)")
    assert below({"company": "North", "Oslo": "North"}, frozenset(["North"])) == {"North", "Oslo"}


def test_a_circle_of_parents_ends():
    circle = {"a": "b", "b": "a"}
    assert below(circle, frozenset(["a"])) == {"a", "b"}
    assert sorted(unfolded(circle, ["a", "b"])) == [("a", 0), ("b", 0)]


def test_the_organisation_of_the_guide_is_read_as_it_stands(tmp_path, capsys):
    source, *blocks = re.findall(
        r"```yaml\n(.*?)```", (ROOT / "docs" / "your-data.md").read_text(encoding="utf-8"), re.S
    )
    shown = yaml.safe_load(next(block for block in blocks if block.startswith("view:")))
    files = {
        "invoices.csv": "number;day;client;article;area;pieces;net;purchase;range\n"
        "A1;02.07.2026;C1;P1;North;2;200,50;90,00;Radar\n",
        "clients.csv": "id,name,area,branch\nC1,Marina,North,Ports\n",
        "units.csv": "id,above,name,since,until\nE,,Europe,,\nA,,Asia,,\nN,E,North,2020-01-01,\n",
        "held.csv": "client,unit,since,until\nC1,N,2024-01-01,2026-12-31\n",
        "posts.csv": "seller,unit,since,until\nS1,N,2024-01-01,\n",
    }
    described = yaml.safe_load(source)
    described["files"] |= {name: {"path": f"{name}.csv"} for name in ("units", "held", "posts")}
    described |= {"tables": described["tables"] | shown["tables"], "view": shown["view"], "regions": "all"}
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    params = tmp_path / "params" / "acme"
    params.mkdir(parents=True)
    (params / "source.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    (params / "north.yaml").write_text("company: acme\nregion: N\n", encoding="utf-8")
    assert main(["check", str(params), "--data", str(tmp_path)]) == 0
    assert "no file" not in capsys.readouterr().out
    (params / "north.yaml").write_text("company: acme\nregion: Nord\n", encoding="utf-8")
    assert main(["check", str(params), "--data", str(tmp_path)]) == 2
    assert "there is no region 'Nord' in the data; it has Europe, North." in capsys.readouterr().err


DAYS = pd.to_datetime(["2026-07-01", "2026-07-20", "2026-08-10", "2026-09-30"])


@st.composite
def organisations(draw):
    """Any tree of up to seven units, each below an earlier one or on top, of which some move once; and any assignments."""
    ids = [f"U{n}" for n in range(draw(st.integers(1, 7)))]
    rows = []
    for n, unit in enumerate(ids):
        above = st.sampled_from([None, *ids[:n]])
        rows.append((unit, draw(above), unit, None, None))
        if draw(st.booleans()):
            rows[-1] = (*rows[-1][:4], "2026-07-31")
            rows.append((unit, draw(above), unit, "2026-08-01", None))
    spans = [(None, "2026-08-05"), ("2026-08-06", None)]
    where = [("account", f"C{c}", draw(st.sampled_from(ids)), *span) for c in range(4) for span in spans]
    sold = [
        (f"C{draw(st.integers(0, 5))}", day, draw(st.sampled_from([*ids, "none"])), 2.0**k)
        for k, day in enumerate(DAYS)
    ]
    return rows, where, sold


@settings(max_examples=80, deadline=None)
@given(organisations(), st.sampled_from([AS_IT_WAS, TODAY]))
def test_any_organisation_counts_every_order_once_on_each_level(drawn, view):
    rows, where, sold = drawn
    orders = pd.DataFrame(sold, columns=["customer_id", "order_date", "region", "revenue"])
    tables = {
        "organisation": pd.DataFrame(rows, columns=UNITS.columns),
        "assignments": pd.DataFrame(where, columns=ASSIGNED.columns),
        "orders": orders.assign(order_id=orders.index.astype(str), line_no=1, product_id="P", quantity=1),
    }
    placed = organisation.placed(contract.check(tables), LAST, view)
    depths, facts = organisation.levels(placed), organisation.facts(placed, LAST, view)
    own = {unit: snapshot.within(placed, unit)["orders"]["revenue"].sum() for unit in [COMPANY, *depths]}
    assert own[COMPANY] == 15 and all(own.values())  # 1 + 2 + 4 + 8, of which each unit that has a page has some
    for level in depths.values():
        regions = organisation.at_level(placed, level)["orders"].groupby("region")["revenue"].sum()
        assert regions.sum() == 15 and all(own[unit] == regions[unit] for unit, deep in depths.items() if deep == level)
    for whole, parts in (pair for pair in facts["sums"] if "" not in pair[1]):
        assert own[whole] == sum(own[part] for part in parts), (whole, parts)
