"""Does a company read from a CRM's export give the figures that it gives from its own tables?"""

import pandas as pd
import pytest

import crm_exports
from quarterdeck.analysis.brief.metrics import METRICS, measure
from quarterdeck.commands import init
from quarterdeck.data import contract, snapshot, source

pytestmark = pytest.mark.slow
SYSTEMS = {"salesforce": crm_exports.salesforce, "hubspot": crm_exports.hubspot}
KEPT = {  # what each system holds of the contract
    "salesforce": ["orders", "customers", "products", "reps", "quotas", "opportunities", "opportunity_history"],
    "hubspot": ["customers", "products", "reps", "opportunities", "opportunity_history"],
}
LOST = {  # what it has no place for
    "salesforce": {"orders": ["initiative_id"]},
    "hubspot": {"reps": ["hired", "left_on"], "products": ["launched"]},
}


@pytest.fixture(scope="module", params=list(SYSTEMS))
def companies(request, demo_company, tmp_path_factory):
    """A company as it is, and as it is read from its export: both as tables of the contract."""
    name, root = request.param, tmp_path_factory.mktemp(request.param)
    tables = {t: demo_company[0][t].copy() for t in KEPT[name]}
    if "orders" in tables:  # the demo dates a few lines apart from their order; an order has one day here
        days = tables["orders"].groupby("order_id")["order_date"].transform("first")
        tables["orders"] = tables["orders"].assign(order_date=days)
    folder = SYSTEMS[name](tables, root / "export")
    for table, columns in LOST[name].items():
        tables[table][columns] = None
    owners = tables["opportunities"].set_index("opportunity_id")["rep_id"]
    history = tables["opportunity_history"]
    tables["opportunity_history"] = history.assign(rep_id=history["opportunity_id"].map(owners))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        from quarterdeck.cli import main

        assert main(["init", "halcyon", "--from", str(folder)]) == 0
        read = contract.check(source.read(root / "params" / "halcyon", root, folder))
    return name, contract.check(tables), read, root


def own_ids(name, frame):
    ids = [c for c in frame if c.endswith("_id") and c != "initiative_id"] if name == "salesforce" else []
    return frame.assign(**{c: crm_exports.short(frame[c]) for c in ids})


def test_every_table_is_the_same_row_by_row(companies):
    name, tables, read, _ = companies
    assert list(read) == [t for t in contract.TABLES if t in KEPT[name]]
    for table, frame in tables.items():
        key = contract.KEYS[table]
        there, here = (f.sort_values(key).reset_index(drop=True) for f in (frame, own_ids(name, read[table])))
        if table == "reps":  # a CRM lists those who own something
            there = there[there["rep_id"].isin(here["rep_id"])].reset_index(drop=True)
            assert len(here) > 0.9 * len(frame)
        pd.testing.assert_frame_equal(here, there, check_dtype=False, rtol=1e-9)


def test_every_figure_is_the_same(companies):
    name, tables, read, root = companies
    tables = dict(tables) | {
        "reps": tables["reps"][tables["reps"]["rep_id"].isin(own_ids(name, read["reps"])["rep_id"])]
    }
    about = snapshot.CompanyInfo("halcyon", "Halcyon Marine", "EUR")
    for folder, held in (("own", tables), ("read", {t: own_ids(name, f) for t, f in read.items()})):
        snapshot.freeze(held, root / folder, about)
    north = tables["opportunities"]["region"].mode()[0]
    for region in ("company", north):
        own, other = (snapshot.open_desk("halcyon", region, data=str(root / f)) for f in ("own", "read"))
        figures = [measure(desk, *METRICS).drop(columns=["text"], errors="ignore") for desk in (own, other)]
        pd.testing.assert_frame_equal(figures[1], figures[0], rtol=1e-6)
        assert figures[0]["value"].notna().sum() >= 8


def test_the_time_zone_and_the_reasons_stand_in_the_file(companies):
    name, _, _, root = companies
    text = (root / "params" / "halcyon" / "source.yaml").read_text()
    assert f"timezone: {'Europe/Berlin' if name == 'salesforce' else 'UTC'}" in text
    assert text.startswith(f"# Read as {'Salesforce' if name == 'salesforce' else 'HubSpot'}: ")
    assert "# The region is the " in text and "regions: all" in text and "# - market: pages lack" in text
    assert init.DRAFT in {p.name for p in (root / "params" / "halcyon").iterdir()}
