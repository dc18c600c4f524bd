"""Is the invented company whole, and are its truths really in its tables?"""

import json

import numpy as np
import pandas as pd
import pytest

from quarterdeck.data import demo
from quarterdeck.data.contract import TABLES, USED_UP

OWN = {*USED_UP, "organisation", "assignments"}  # tables that only some companies have


@pytest.fixture(scope="module")
def company():
    return demo.generate(seed=7, scale=1, as_of="2026-11-15")


def test_every_table_of_the_contract_is_there_and_holds(demo_company):
    assert set(demo_company[0]) == set(TABLES) - OWN  # its years are calendar years, its regions flat


def test_it_is_as_large_as_a_real_company(company):
    tables, _ = company
    assert len(tables["orders"]) > 100_000 and 14_000 < len(tables["opportunities"]) < 16_000
    assert tables["customers"]["since"].notna().sum() == 1500 and len(tables["products"]) == 60
    assert [
        tables[t][c].nunique() for t, c in (("orders", "region"), ("customers", "segment"), ("orders", "channel"))
    ] == [6, 6, 4]
    assert tables["competitors"]["competitor"].nunique() == 5 and len(tables["initiatives"]) == 12
    assert tables["orders"]["order_date"].max() <= pd.Timestamp("2026-11-15")
    assert tables["orders"]["order_date"].min() <= pd.Timestamp("2021-11-15")


@pytest.mark.slow
def test_the_same_seed_gives_the_same_company_and_another_seed_another():
    one, again, other = (demo.generate(seed=s, scale=0.05, as_of="2026-11-15")[0] for s in (3, 3, 4))
    assert all(one[t].equals(again[t]) for t in one)
    assert not one["orders"].equals(other["orders"])


def test_scale_multiplies_it(company):
    small = demo.generate(seed=7, scale=0.1, as_of="2026-11-15")[0]
    assert len(company[0]["orders"]) / len(small["orders"]) == pytest.approx(10, rel=0.3)
    assert len(small["products"]) == 60


def test_the_market_is_what_we_and_the_rivals_sell(company):
    tables, _ = company
    cell = ["period_start", "region", "segment"]
    segment = tables["customers"].set_index("customer_id")["segment"]
    own = tables["orders"].assign(
        segment=tables["orders"]["customer_id"].map(segment),
        period_start=tables["orders"]["order_date"].dt.to_period("Q").dt.start_time,
    )
    market = tables["market"].set_index(cell)["market_revenue"]
    parts = own.groupby(cell)["revenue"].sum() + tables["competitors"].groupby(cell)["revenue"].sum()
    assert (market - parts.reindex(market.index)).abs().max() < 0.02  # written to the cent


def test_nothing_is_known_of_a_day_after_the_last_one(company):
    tables, _ = company
    last = pd.Timestamp("2026-11-15")
    assert tables["opportunity_history"]["changed_on"].max() <= last
    assert tables["opportunities"]["closed_on"].max() <= last
    assert tables["market"]["period_end"].max() <= last


def test_the_season_is_in_the_orders(company):
    tables, truths = company
    daily = tables["orders"][tables["orders"]["order_id"].str.startswith("O")]
    whole = daily[daily["order_date"].between("2022-01-01", "2025-12-31")]
    found = whole.groupby(whole["order_date"].dt.month).size()
    planted = pd.Series(truths["seasonality"]).set_axis(range(1, 13))
    assert np.corrcoef(found, planted)[0, 1] > 0.97


def test_skill_is_in_the_deals_that_a_seller_wins(company):
    tables, truths = company
    closed = tables["opportunities"][tables["opportunities"]["status"] != "open"]
    found = (
        closed.assign(won=closed["status"].eq("won")).groupby("rep_id")["won"].agg(["mean", "size"]).query("size > 100")
    )
    assert np.corrcoef(found["mean"], pd.Series(truths["rep_skill"]).loc[found.index])[0, 1] > 0.85


def test_a_more_expensive_category_sells_less_by_its_elasticity(company):
    tables, truths = company
    lines = tables["orders"].merge(tables["products"][["product_id", "category", "list_price"]], on="product_id")
    lines = lines[lines["order_id"].str.startswith("O")]
    level = np.log(lines["list_amount"] / lines["quantity"] / lines["list_price"])
    for category, elasticity in truths["price_elasticity"].items():
        of = lines["category"] == category
        habit = np.log(lines["quantity"][of]) - np.log(lines["quantity"][of]).groupby(
            lines["customer_id"][of]
        ).transform("mean")
        price = level[of] - level[of].groupby(lines["customer_id"][of]).transform("mean")
        slope = (habit * price).sum() / (price**2).sum()
        error = np.sqrt((habit**2).mean() / (price**2).sum())
        assert abs(slope - elasticity) < 5 * error + 0.25, category  # whole pieces bend small baskets a little


def test_truths_stand_beside_the_tables(tmp_path):
    demo.write(tmp_path / "source", seed=7, scale=0.02, as_of="2026-11-15")
    truths = json.loads((tmp_path / "source" / "truths.json").read_text())
    assert (truths["seed"], truths["scale"], truths["as_of"]) == (7, 0.02, "2026-11-15")
    assert {p.stem for p in (tmp_path / "source").glob("*.parquet")} == set(TABLES) - OWN
    assert [p.name for p in tmp_path.iterdir()] == ["source"]
