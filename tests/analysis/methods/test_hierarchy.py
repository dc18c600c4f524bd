"""Do the parts add up to the whole, before and after they are forecast?"""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.analysis.forecasting import months_ahead
from quarterdeck.analysis.methods import hierarchy, series
from quarterdeck.analysis.sales import by_period

DAY = pd.Timestamp("2026-11-15")


@pytest.fixture(scope="module")
def panel(demo_company):
    tables, _ = demo_company
    cells = by_period.cells(DAY, tables["orders"], tables["customers"])
    return hierarchy.sums(cells[cells["region"].isin(["North Sea", "Iberia"])])


def test_cells_hold_every_sale_of_whole_months(demo_company):
    tables, _ = demo_company
    cells = by_period.cells(DAY, tables["orders"], tables["customers"])
    orders = tables["orders"]
    sold = orders.loc[orders["order_date"] < "2026-11-01", "revenue"].sum()
    first = orders["order_date"].min()
    assert list(cells) == ["region", "segment", "channel", "start", "value"]
    if first.day <= 8:  # else the first month is not whole
        assert cells["value"].sum() == pytest.approx(sold)
    quarters = by_period.cells(DAY, orders, tables["customers"], season=4)
    assert quarters["start"].max() == pd.Timestamp("2026-07-01")


def test_a_cell_begins_with_its_first_sale_and_has_no_gap():
    orders = pd.DataFrame(
        {"order_date": pd.to_datetime(["2026-01-02", "2026-02-03", "2026-04-05", "2026-04-06"]), "revenue": [5.0, 7.0, 9.0, 1.0],
         "region": ["A", "B", "A", "B"], "customer_id": "C1", "channel": "direct"}
    )  # fmt: skip
    cells = by_period.cells(pd.Timestamp("2026-04-30"), orders)
    assert list(cells) == ["region", "start", "value"]  # one channel only, and no segment known
    assert cells.query("region == 'A'")["value"].tolist() == [5, 0, 0, 9]
    assert cells.query("region == 'B'")["value"].tolist() == [7, 0, 1]


def test_without_orders_bookings_are_taken():
    won = pd.DataFrame(
        {"closed_on": pd.to_datetime(["2026-01-02", "2026-02-03", None]), "amount": [5.0, 7.0, 9.0], "region": "A",
         "segment": ["x", "y", "x"], "status": ["won", "won", "open"]}
    )  # fmt: skip
    cells = by_period.cells(pd.Timestamp("2026-02-28"), opportunities=won)
    assert cells.groupby("segment")["value"].sum().to_dict() == {"x": 5, "y": 7}
    assert hierarchy.sums(by_period.cells(DAY)).empty


def test_sums_are_those_of_their_cells(panel):
    cells = panel[panel[["region", "segment", "channel"]].ne("").all(axis=1)]
    for name, rows in panel.groupby("series"):
        labels = rows.iloc[0][["region", "segment", "channel"]]
        own = cells[np.logical_and.reduce([cells[k].eq(v) | (v == "") for k, v in labels.items()])]
        assert rows["value"].sum() == pytest.approx(own["value"].sum()), name


@pytest.mark.slow
def test_reconciled_means_add_up_and_quantiles_move_along(panel):
    tested = series.backtest(panel, 3, 12)
    base = series.forecast(panel, 3, 12, tested=tested)
    reconciled = hierarchy.reconcile(base, panel)
    labels = panel.drop_duplicates("series").set_index("series")[["region", "segment", "channel"]]
    cell = reconciled["series"].map(labels.ne("").all(axis=1))
    whole = reconciled[reconciled["series"].eq("all")].set_index("step")["mean"]
    assert reconciled[cell].groupby("step")["mean"].sum().to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-6)
    north = reconciled["series"].map(labels["region"]).eq("North Sea")
    alone = reconciled[reconciled["series"].eq("North Sea")].set_index("step")["mean"]
    assert reconciled[cell & north].groupby("step")["mean"].sum().to_numpy() == pytest.approx(
        alone.to_numpy(), rel=1e-6
    )
    moved = base["mean"] > 0
    assert (reconciled["p90"] / reconciled["mean"])[moved].to_numpy() == pytest.approx(
        (base["p90"] / base["mean"])[moved].to_numpy()
    )


def test_what_is_surer_moves_less_and_nothing_falls_below_zero():
    panel = pd.DataFrame({"series": ["all", "A", "B"], "start": 0, "value": 1.0, "region": ["", "A", "B"]})
    base = pd.DataFrame({"series": ["all", "A", "B"], "step": 1, "kind": "regular", "mean": [30.0, 10.0, 10.0]})
    moved = hierarchy.reconcile(base.assign(p10=base["mean"] - [1, 1, 3], p90=base["mean"] + [1, 1, 3]), panel)
    shift = (moved["mean"] - base["mean"]).to_numpy()  # the gap of 10 is shared as variances are: 1, 1 and 9
    assert shift == pytest.approx([-10 / 11, 10 / 11, 90 / 11])
    low = base.assign(mean=[1.0, 10.0, 0.5], p10=0.0, p90=[0.1, 10.0, 10.0])
    assert (hierarchy.reconcile(low, panel)["mean"] > -1e-6).all()
    alike = base.assign(p10=1.0, p90=1.0)  # intervals of no width: all move alike
    assert hierarchy.reconcile(alike, panel)["mean"].to_numpy() == pytest.approx([80 / 3, 40 / 3, 40 / 3])


ways = st.sampled_from(
    [[None], ["x"], ["x", "y"], ["all", "x"]]
)  # not known, one for all, two, one called as the whole


@st.composite
def sold(draw):
    """Order lines of any shape: dimensions there or not, months from none to five years, flat, noisy, stopped or starting late."""
    cells = [(r, s, c) for r in draw(ways) for s in draw(ways) for c in draw(ways)]
    months, rows = draw(st.sampled_from([0, 1, 3, 14, 30, 62])), []
    days = pd.date_range("2021-01-02", periods=months, freq="MS") + pd.Timedelta(days=2)
    for region, segment, channel in cells:
        how = draw(st.sampled_from(["flat", "noisy", "stopped", "late", "rare"]))
        noise = np.random.default_rng(draw(st.integers(0, 99))).lognormal(0, 0.2, months)
        value = 1000 * (noise if how == "noisy" else np.ones(months))
        kept = {"stopped": slice(0, 9), "late": slice(-5, None), "rare": slice(0, None, 5)}.get(how, slice(None))
        rows += [(day, v, region, segment, channel) for day, v in zip(days[kept], value[kept], strict=True)]
    orders = pd.DataFrame(rows, columns=["order_date", "revenue", "region", "segment", "channel"])
    orders = orders.astype({"order_date": "datetime64[us]", "revenue": "float64"}).assign(customer_id="C1")
    return orders.dropna(axis=1, how="all") if len(orders) else orders.drop(columns="segment")


@pytest.mark.slow
@given(sold(), st.sampled_from([(12, 12), (4, 4)]))
@settings(max_examples=40, deadline=None)
def test_whatever_was_sold_is_forecast_and_adds_up(orders, how):
    ahead, season = how
    panel = months_ahead.panel(pd.Timestamp("2026-03-31"), orders, season=season)
    tested = series.backtest(panel, ahead, season)
    forecast = months_ahead.ahead(panel, tested, ahead, season)
    assert forecast.empty == tested.empty
    assert np.isfinite(forecast[["mean", "low", "middle", "high"]].astype(float)).all(axis=None)
    assert (forecast["low"] <= forecast["middle"] + 1e-9).all() and (
        forecast["middle"] <= forecast["high"] + 1e-9
    ).all()
    names = [c for c in panel if c not in ("series", "start", "value")]
    cells = panel.loc[panel[names].ne("").all(axis=1), "series"].unique()
    if len(forecast) and len(cells):
        assert sold_last_year(panel, cells) == pytest.approx(sold_last_year(panel, ["all"]))
        sums = forecast[forecast["series"].isin(cells)].groupby("step")["mean"].sum()
        whole = forecast[forecast["series"].eq("all")].set_index("step")["mean"]
        assert sums.to_numpy() == pytest.approx(whole.reindex(sums.index).to_numpy(), rel=1e-6)


def sold_last_year(panel, names):
    return panel.loc[panel["series"].isin(names) & panel["start"].ge("2025-04-01"), "value"].sum()


def test_a_flat_past_goes_on_as_it_was():
    days = pd.date_range("2021-01-05", periods=60, freq="MS")
    orders = pd.DataFrame({"order_date": days, "revenue": 1000.0, "region": "A", "customer_id": "C1"})
    panel = months_ahead.panel(pd.Timestamp("2025-12-31"), orders)
    forecast = months_ahead.ahead(panel, series.backtest(panel, 12, 12), 12, 12)
    assert forecast[["mean", "low", "middle", "high"]].to_numpy() == pytest.approx(1000)


@given(
    regions=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=3),
    periods=st.integers(0, 3),
    asked=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_a_part_of_a_panel_is_as_the_panel_of_the_part_alone(regions, periods, asked):
    starts = pd.date_range("2025-01-01", periods=periods, freq="QS")
    rows = [
        (f"R{r}", f"s{s}", f"c{c}", start, 1.0 + r + 10 * s + 100 * c)
        for r, (segments, channels) in enumerate(regions)
        for s, c, start in product(range(segments), range(channels), starts)
    ]
    cells = pd.DataFrame(rows, columns=["region", "segment", "channel", "start", "value"])
    own = hierarchy.part_of(hierarchy.sums(cells, "region"), "region", f"R{asked}").drop(columns="within")
    alone = cells[cells["region"] == f"R{asked}"].drop(columns="region")
    alone = alone.drop(columns=[c for c in ("segment", "channel") if alone[c].nunique() < 2])
    if {"segment", "channel"}.isdisjoint(alone):
        alone = alone.assign(part=hierarchy.WHOLE)
    expected = hierarchy.sums(alone)
    order = ["series", "start"]
    left, right = (t.sort_values(order, ignore_index=True)[[*order, "value"]] for t in (own, expected))
    assert left["series"].tolist() == right["series"].tolist() and left["value"].tolist() == right["value"].tolist()
