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
    told = hierarchy.reconcile(base, tested, panel)
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


@pytest.mark.parametrize(
    "error", [Exception("min_trace (mint_shrink) is ill-conditioned."), np.linalg.LinAlgError("SVD")]
)
def test_too_few_past_errors_for_a_covariance_still_give_parts_that_add_up(error):
    class Trace:  # stands in for the library, which refuses only collections of dozens of short series
        def __init__(self, method, nonnegative=False):
            self.method = method

        def fit_predict(self, summing, base, *_):
            if self.method == "mint_shrink":
                raise error
            return {"mean": np.array([[9.0], [10.0], [-1.0]])}

    summing = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    told = hierarchy._traced(Trace, summing, None, np.zeros((3, hierarchy.FEW)), None)
    assert told.tolist() == [[10.0], [10.0], [0.0]]  # nothing below nought, and the whole is 10 + 0
