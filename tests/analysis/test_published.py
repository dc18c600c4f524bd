"""Do the functions give what others have published, on markets that are not ours?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.competition import competitors, dynamics
from quarterdeck.analysis.market import cells, demand, market_share
from quarterdeck.analysis.methods import designs, lifetimes
from quarterdeck.data import contract
from quarterdeck.errors import ContractError

DAY = pd.Timestamp("2016-12-31")
US = "Toyota"


@pytest.fixture(scope="module")
def cars(others_data):
    """New cars registered in Norway by make and month, with the source's faults."""
    raw = pd.read_csv(others_data / "norway_cars" / "norway_new_car_sales_by_make.csv")
    start = pd.to_datetime({"year": raw["Year"], "month": raw["Month"], "day": 1})
    return raw.assign(
        period_start=start, period_end=start + pd.offsets.MonthEnd(0), region="Norway", segment="New cars"
    )


def fixed(cars):
    return (
        cars.dropna(subset=["Make"])
        .groupby(["period_start", "period_end", "region", "segment", "Make"], as_index=False)["Quantity"]
        .sum()
    )


@pytest.fixture(scope="module")
def tables(cars):
    """Toyota as us, the other makes as rivals, all makes as the market; a car counts as one unit of money."""
    known = fixed(cars)
    own, others = known[known["Make"] == US], known[known["Make"] != US]
    orders = pd.DataFrame(
        {"order_date": own["period_start"], "customer_id": "Norway", "revenue": own["Quantity"].astype(float)}
    )
    whole = known.groupby(["period_start", "period_end", "region", "segment"], as_index=False)["Quantity"].sum()
    sizes = whole.rename(columns={"Quantity": "market_revenue"}).assign(source="Registrations")
    rivals = others.rename(columns={"Make": "competitor", "Quantity": "revenue"}).astype({"revenue": float})
    return orders, sizes.astype({"market_revenue": float}), rivals


def test_the_sources_faults_are_reported_not_swallowed(cars):
    rivals = cars.rename(columns={"Make": "competitor", "Quantity": "revenue"})
    with pytest.raises(ContractError, match="column competitor, row .* holds nothing, expected a value"):
        contract.check({"competitors": rivals})
    with pytest.raises(ContractError, match="has the same key as an earlier row"):
        contract.check({"competitors": rivals.dropna(subset=["competitor"])})
    assert contract.check({"competitors": fixed(cars).rename(columns={"Make": "competitor", "Quantity": "revenue"})})


def test_sizes_shares_and_concentration_equal_a_straight_count(cars, tables):
    known = fixed(cars).query("period_start <= @DAY")
    year = known[known["period_start"].dt.year == 2016].groupby("Make")["Quantity"].sum()
    shares = competitors.shares(*tables, DAY)
    last = shares[shares["start"] == "2016-10-01"].set_index("seller")["trailing_share"].rename({competitors.US: US})
    straight = (year / year.sum()).reindex(last.index).fillna(0)
    assert np.abs(last - straight).max() < 1e-12
    row = competitors.market_concentration(*tables, DAY).iloc[0]
    assert row["value"] == pytest.approx(((100 * year / year.sum()) ** 2).sum(), abs=1e-9)
    assert row["cr4"] == pytest.approx(year.nlargest(4).sum() / year.sum(), abs=1e-12)
    size = market_share.market_size(cells.until(tables[1], DAY))
    assert size["market"].iloc[-1] == known[known["period_start"] >= "2016-10-01"]["Quantity"].sum()


def test_momentum_equals_a_straight_regression(tables):
    rivals = tables[2]
    steady = rivals.groupby("competitor")["period_start"].nunique()
    large = rivals[rivals["competitor"].isin(steady[steady >= 118].index) & (rivals["period_start"] <= DAY)]
    found = dynamics.momentum(large, DAY).set_index("competitor")["momentum"]
    wide = np.log(
        large.groupby([large["period_start"].dt.to_period("Q").dt.start_time, "competitor"])["revenue"].sum().unstack()
    ).dropna()
    years = (wide.index - wide.index[0]).days / 365.25
    straight = np.polyfit(years, wide.sub(wide.mean(axis=1), axis=0).to_numpy(), 1)[0]
    assert len(found) >= 10 and np.abs(found.reindex(wide.columns) - straight).max() < 1e-9


@pytest.fixture(scope="module")
def automobiles():
    """The US automobile market of 1971 to 1990 (Berry, Levinsohn and Pakes 1995)."""
    import pyblp

    table = pd.read_csv(pyblp.data.BLP_PRODUCTS_LOCATION)
    return table.assign(share=table["shares"], outside=1 - table.groupby("market_ids")["shares"].transform("sum"))


def test_the_logit_of_the_us_automobile_market_is_the_published_one(automobiles):
    """Berry, Levinsohn and Pakes (1995), table III, first column: the price coefficient is −0.089 with an error of 0.004."""
    table = demand.logit(automobiles, ["hpwt", "air", "mpd", "space", "prices"]).set_index("feature")
    price = table.loc["prices"]
    assert abs(price["coefficient"] - -0.089) < 0.004 and price["error"] == pytest.approx(0.004, abs=5e-4)
    assert table.loc["constant", "coefficient"] == pytest.approx(-10.068, abs=0.253)
    assert table.loc["space", "coefficient"] == pytest.approx(2.341, abs=0.125)


def test_shares_by_firm_and_concentration_of_the_us_automobile_market(automobiles):
    yearly = automobiles.groupby(["market_ids", "firm_ids"])["shares"].sum().reset_index()
    start = pd.to_datetime(yearly["market_ids"].astype(int).astype("str") + "-01-01")
    table = yearly.assign(
        period_start=start,
        period_end=start + pd.offsets.QuarterEnd(0),
        region="US",
        segment="Cars",
        revenue=yearly["shares"] * 1e6,
    )
    largest = yearly.groupby("firm_ids")["shares"].sum().idxmax()
    own = table[table["firm_ids"] == largest]
    orders = pd.DataFrame({"order_date": own["period_start"], "customer_id": "US", "revenue": own["revenue"]})
    sizes = table.groupby(["period_start", "period_end", "region", "segment"], as_index=False)["revenue"].sum()
    rivals = table[table["firm_ids"] != largest].assign(competitor="firm " + table["firm_ids"].astype("str"))
    shares = competitors.shares(
        orders,
        sizes.rename(columns={"revenue": "market_revenue"}).assign(source="BLP"),
        rivals,
        pd.Timestamp("1990-12-31"),
    )
    whole = yearly.groupby("market_ids")["shares"].transform("sum")
    straight = (100 * yearly["shares"] / whole).pow(2).groupby(yearly["market_ids"]).sum()
    index = shares.assign(square=(100 * shares["share"]) ** 2).groupby("start")["square"].sum()
    assert len(index) == 20 and np.abs(index.to_numpy() - straight.to_numpy()).max() < 1e-9


def test_bg_nbd_on_cdnow_gives_the_published_parameters(others_data):
    """Fader, Hardie and Lee 2005, table 2, and the example of their note on the spreadsheet: 1.226 purchases in 39 weeks."""
    raw = pd.read_csv(others_data / "cdnow" / "cdnow_customers_summary.csv")
    known = raw.rename(columns={"frequency": "x", "recency": "t_x"})
    value = lifetimes.bg_nbd(known).value
    assert value.round(3).to_dict() == {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    one = pd.DataFrame({"x": [2.0], "t_x": [30.43], "T": [38.86]})
    assert lifetimes.purchases(value, one, 39).round(3).tolist() == [1.226]


@pytest.fixture(scope="module")
def cigarettes(others_data):
    """Packs of cigarettes sold a head, by US state and year; California taxed them from 1989 on (Proposition 99)."""
    wide = pd.read_csv(others_data / "prop99" / "california_prop99.csv")
    table = wide.melt("Year", var_name="unit", value_name="value").rename(columns={"Year": "start"})
    return table.assign(treated_from=pd.Series(1989.0, table.index).where(table["unit"] == "California"))


def test_californias_synthetic_control_loses_what_was_published(cigarettes):
    """Abadie, Diamond and Hainmueller (2010): some 19 packs a head on average 1989 to 2000, 26 by 2000; first of 39.

    They match on prices, incomes, ages and beer too, which this file does not hold; we match on all years of sales. Held
    against the fit to the very years matched on, Missouri and Virginia would come before California, for sales alone fit
    them closer than the paper's predictors did; held against years that the mix did not see, California is first.
    """
    row = designs.estimate(cigarettes).iloc[0]
    assert row["design"] == designs.SYNTHETIC and (row["before"], row["after"], row["controls"]) == (19, 12, 38)
    assert row["effect"] == pytest.approx(-19, abs=1) and row["high"] < 0
    path = designs.path(cigarettes).set_index("since")
    assert path.loc[11, "gap"] == pytest.approx(-26, abs=1)  # 2000
    ranked = designs.placebos(cigarettes).sort_values("ratio", ascending=False, ignore_index=True)
    assert len(ranked) == 39 and ranked.loc[0, "unit"] == "California"


def test_californias_difference_of_differences_is_the_published_one_and_is_not_believed(cigarettes):
    """Arkhangelsky et al. (2021), table 1: −27.3 by difference in differences, which a drift before 1989 undoes."""
    row = designs.estimate(cigarettes, designs.DIFFERENCE).iloc[0]
    assert row["effect"] == pytest.approx(-27.35, abs=0.005) and row["p_trend"] < 0.01


def test_californias_synthetic_difference_in_differences_is_the_published_one(cigarettes):
    """Arkhangelsky et al. (2021), table 1: −15.6 packs a head with an error of 8.4; their `synthdid` gives −15.604."""
    row = designs.estimate(cigarettes, designs.SYNTHETIC_DIFFERENCE).iloc[0]
    assert row["effect"] == pytest.approx(-15.604, abs=0.01)
    assert row["error"] == pytest.approx(8.4, abs=2.5) and row["low"] < -15.6 < row["high"] < 0
    assert row["p_trend"] > 0.1  # time weights leave no drift
