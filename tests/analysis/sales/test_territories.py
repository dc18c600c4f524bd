"""What is a unit's change of revenue by accounts that stayed, and what by those that moved?"""

import pandas as pd
import pytest

from quarterdeck.analysis.brief.scorecard import revenue_bridge
from quarterdeck.data import contract, exchange, snapshot
from quarterdeck.data.tree import TODAY

UNITS = pd.DataFrame(
    [("E", None, "East"), ("W", None, "West"), ("O", "E", "Oslo"), ("B", "W", "Bergen")],
    columns=["unit_id", "parent_id", "name"],
)
ASSIGNED = pd.DataFrame(
    [  # on 1 January 2026 C2 moves from Bergen to Oslo and C3 from Oslo to Bergen; C4 is new in 2026
        ("C1", "O", None, None),
        ("C2", "B", None, "2025-12-31"),
        ("C2", "O", "2026-01-01", None),
        ("C3", "O", None, "2025-12-31"),
        ("C3", "B", "2026-01-01", None),
        ("C4", "O", "2026-02-01", None),
    ],
    columns=["id", "unit_id", "valid_from", "valid_to"],
).assign(kind="account")
SOLD = [  # account, day, revenue
    ("C1", "2025-07-01", 100.0),
    ("C2", "2025-07-02", 40.0),
    ("C3", "2025-07-03", 30.0),
    ("C1", "2026-07-01", 130.0),
    ("C2", "2026-07-02", 70.0),
    ("C3", "2026-07-03", 25.0),
    ("C4", "2026-07-04", 8.0),
]
ORDERS = pd.DataFrame(SOLD, columns=["customer_id", "order_date", "revenue"]).assign(
    order_id=[f"{n}" for n in range(7)], line_no=1, product_id="P", quantity=1, region="Oslo"
)
CUSTOMERS = pd.DataFrame({"customer_id": ["C1", "C2", "C3", "C4"], "name": "x", "region": "Oslo"})
CUSTOMERS["segment"] = ["Ports", "Ports", "Fleets", "Fleets"]
TABLES = {"organisation": UNITS, "assignments": ASSIGNED, "orders": ORDERS, "customers": CUSTOMERS}


def bridge(tmp_path, region, view="as it was", tables=TABLES):
    about = snapshot.CompanyInfo("acme", "Acme", "EUR", whole_from={"orders": "2025-06-15"}, view=view)
    snapshot.freeze(contract.check(tables), tmp_path / "data", about)
    found = snapshot.open_desk("acme", region, data=str(tmp_path / "data")).ask(revenue_bridge)
    return found.set_index("part")["amount"].round(6).to_dict()


def test_accounts_that_moved_are_a_step_and_the_bridge_adds_up(tmp_path):
    """Oslo had C1 and C3, 100 + 30 = 130, and has C1, C2 and C4, 130 + 70 + 8 = 208.

    Ports: C1 from 100 to 130, +30. Fleets: C4 is new, and so did not move, +8. C2 came with 70 and C3 went with 30: +40.
    """
    steps = {"Ports": 30, "Fleets": 8, "Moved between territories": 40}
    assert bridge(tmp_path, "Oslo") == {"A year before": 130} | steps | {"Now": 208}
    assert 130 + 30 + 8 + 40 == 208


def test_what_one_unit_gains_by_old_sales_another_loses(tmp_path):
    """Bergen had C2's 40 and has C3's 25: all of it moved, 25 - 40 = -15. So it is for West, the unit above."""
    wanted = {"A year before": 40, "Moved between territories": -15, "Now": 25}
    assert bridge(tmp_path / "b", "Bergen") == wanted and bridge(tmp_path / "w", "West") == wanted


@pytest.mark.parametrize(("region", "view"), [("company", "as it was"), ("Oslo", TODAY), ("company", TODAY)])
def test_nothing_moves_within_the_company_or_in_todays_organisation(tmp_path, region, view):
    steps = bridge(tmp_path, region, view)
    assert "Moved between territories" not in steps
    assert round(sum(list(steps.values())[:-1]), 6) == steps["Now"]
    # Today Oslo holds C1, C2 and C4, also over the past: from 100 + 40 to 208.
    assert (steps["A year before"], steps["Now"]) == ((140, 208) if region == "Oslo" else (170, 233))


def test_a_territory_that_moves_with_its_accounts_is_a_step_of_the_units_above(tmp_path):
    """Oslo itself goes from East to West: to Oslo nothing moves, West has all of it new, East loses what it had."""
    units = UNITS.assign(valid_from=None, valid_to=None)
    units = pd.concat([units, units[units["unit_id"] == "O"]], ignore_index=True)
    units.loc[2, "valid_to"], units.loc[4, ["parent_id", "valid_from"]] = "2025-12-31", ["W", "2026-01-01"]
    one = ASSIGNED[ASSIGNED["id"] == "C1"]
    orders = ORDERS[ORDERS["customer_id"] == "C1"]
    tables = TABLES | {"organisation": units, "assignments": one, "orders": orders}
    assert bridge(tmp_path / "o", "Oslo", tables=tables) == {"A year before": 100, "Ports": 30, "Now": 130}
    assert bridge(tmp_path / "e", "East", tables=tables) == {
        "A year before": 100,
        "Moved between territories": -100,
        "Now": 0,
    }


def test_exchange_rates_stay_a_step_of_their_own(tmp_path):
    """C2's 70 are krone at 0.5 then and 0.4 now: 35 at the rates of a year before, of which rates take 7.

    Its 40 of a year before were 20, Bergen's. Oslo: from 130 to 130 + 28 + 8 = 166 by +30, +8, what moved (35 - 30 = 5) and
    -7 of rates.
    """
    rates = pd.DataFrame({"currency": "NOK", "valid_from": ["2025-07-01", "2026-07-01"], "rate": [0.5, 0.4]})
    orders = ORDERS.assign(currency=ORDERS["customer_id"].map({"C2": "NOK"}))
    tables = TABLES | {"orders": orders, "exchange_rates": rates}
    wanted = {
        "A year before": 130,
        "Ports": 30,
        "Fleets": 8,
        "Moved between territories": 5,
        "Exchange rates": -7,
        "Now": 166,
    }
    assert bridge(tmp_path, "Oslo", tables=tables) == wanted
    assert exchange.RATE_BEFORE in contract.check(tables)["orders"]
