"""Do the parts add up to the whole, before and after they are forecast?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis import hierarchy, series

DAY = pd.Timestamp("2026-11-15")


@pytest.fixture(scope="module")
def panel(demo_company):
    tables, _ = demo_company
    cells = hierarchy.cells(DAY, tables["orders"], tables["customers"])
    return hierarchy.sums(cells[cells["region"].isin(["North Sea", "Iberia"])])


def test_cells_hold_every_sale_of_whole_months(demo_company):
    tables, _ = demo_company
    cells = hierarchy.cells(DAY, tables["orders"], tables["customers"])
    orders = tables["orders"]
    sold = orders.loc[orders["order_date"] < "2026-11-01", "revenue"].sum()
    first = orders["order_date"].min()
    assert list(cells) == ["region", "segment", "channel", "start", "value"]
    if first.day <= 8:  # else the first month is not whole
        assert cells["value"].sum() == pytest.approx(sold)
    quarters = hierarchy.cells(DAY, orders, tables["customers"], season=4)
    assert quarters["start"].max() == pd.Timestamp("2026-07-01")


def test_a_cell_begins_with_its_first_sale_and_has_no_gap():
    orders = pd.DataFrame(
        {"order_date": pd.to_datetime(["2026-01-02", "2026-02-03", "2026-04-05", "2026-04-06"]), "revenue": [5.0, 7.0, 9.0, 1.0],
         "region": ["A", "B", "A", "B"], "customer_id": "C1", "channel": "direct"}
    )  # fmt: skip
    cells = hierarchy.cells(pd.Timestamp("2026-04-30"), orders)
    assert list(cells) == ["region", "start", "value"]  # one channel only, and no segment known
    assert cells.query("region == 'A'")["value"].tolist() == [5, 0, 0, 9]
    assert cells.query("region == 'B'")["value"].tolist() == [7, 0, 1]


def test_without_orders_bookings_are_taken():
    won = pd.DataFrame(
        {"closed_on": pd.to_datetime(["2026-01-02", "2026-02-03", None]), "amount": [5.0, 7.0, 9.0], "region": "A",
         "segment": ["x", "y", "x"], "status": ["won", "won", "open"]}
    )  # fmt: skip
    cells = hierarchy.cells(pd.Timestamp("2026-02-28"), opportunities=won)
    assert cells.groupby("segment")["value"].sum().to_dict() == {"x": 5, "y": 7}
    assert hierarchy.sums(hierarchy.cells(DAY)).empty


def test_sums_are_those_of_their_cells(panel):
    cells = panel[panel[["region", "segment", "channel"]].ne("").all(axis=1)]
    for name, rows in panel.groupby("series"):
        labels = rows.iloc[0][["region", "segment", "channel"]]
        own = cells[np.logical_and.reduce([cells[k].eq(v) | (v == "") for k, v in labels.items()])]
        assert rows["value"].sum() == pytest.approx(own["value"].sum()), name


def test_reconciled_means_add_up_and_quantiles_move_along(panel):
    tested = series.backtest(panel, 3, 12)
    base = series.forecast(panel, 3, 12, tested=tested)
    told = hierarchy.reconcile(base, panel)
    labels = panel.drop_duplicates("series").set_index("series")[["region", "segment", "channel"]]
    cell = told["series"].map(labels.ne("").all(axis=1))
    whole = told[told["series"].eq("all")].set_index("step")["mean"]
    assert told[cell].groupby("step")["mean"].sum().to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-6)
    north = told["series"].map(labels["region"]).eq("North Sea")
    alone = told[told["series"].eq("North Sea")].set_index("step")["mean"]
    assert told[cell & north].groupby("step")["mean"].sum().to_numpy() == pytest.approx(alone.to_numpy(), rel=1e-6)
    moved = base["mean"] > 0
    assert (told["p90"] / told["mean"])[moved].to_numpy() == pytest.approx(
        (base["p90"] / base["mean"])[moved].to_numpy()
    )


def test_what_is_surer_moves_less_and_nothing_falls_below_nought():
    panel = pd.DataFrame({"series": ["all", "A", "B"], "start": 0, "value": 1.0, "region": ["", "A", "B"]})
    told = pd.DataFrame({"series": ["all", "A", "B"], "step": 1, "kind": "regular", "mean": [30.0, 10.0, 10.0]})
    moved = hierarchy.reconcile(told.assign(p10=told["mean"] - [1, 1, 3], p90=told["mean"] + [1, 1, 3]), panel)
    shift = (moved["mean"] - told["mean"]).to_numpy()  # the gap of 10 is shared as variances are: 1, 1 and 9
    assert shift == pytest.approx([-10 / 11, 10 / 11, 90 / 11])
    low = told.assign(mean=[1.0, 10.0, 0.5], p10=0.0, p90=[0.1, 10.0, 10.0])
    assert (hierarchy.reconcile(low, panel)["mean"] > -1e-6).all()
    alike = told.assign(p10=1.0, p90=1.0)  # intervals of no width: all move alike
    assert hierarchy.reconcile(alike, panel)["mean"].to_numpy() == pytest.approx([80 / 3, 40 / 3, 40 / 3])
