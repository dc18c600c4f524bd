"""Are market size, share and room counted as they say, and are the planted truths found?"""

import pandas as pd
import pytest

from quarterdeck.analysis.market import market_share, portfolio

STARTS = pd.to_datetime(["2025-01-01", "2025-04-01", "2025-07-01", "2025-10-01"])
DAY = pd.Timestamp("2026-11-15")


def made(sizes, source="A", segment="S"):
    start = pd.date_range("2024-01-01", periods=len(sizes), freq="QS")
    return pd.DataFrame(
        {"period_start": start, "period_end": start + pd.offsets.QuarterEnd(0), "region": "North", "segment": segment,
         "market_revenue": [float(s) for s in sizes], "source": source}
    )  # fmt: skip


def sold(amounts):
    """One order in the first month of each quarter from 2024 on."""
    day = pd.date_range("2024-01-01", periods=len(amounts), freq="QS") + pd.Timedelta(days=9)
    return pd.DataFrame(
        {"order_date": day, "customer_id": "C", "product_id": "P", "revenue": [float(a) for a in amounts]}
    )


def test_the_market_is_summed_over_four_quarters_and_compared_with_the_four_before():
    size = market_share.market_size(made([100, 100, 100, 100, 110, 110, 110, 110]))
    last = size.iloc[-1]
    assert (last["label"], last["trailing"]) == ("Q4 25", 440) and last["growth"] == pytest.approx(0.1)
    assert size["growth"].isna().sum() == 7


def test_where_sources_differ_their_mean_is_taken_and_the_spread_shown():
    size = market_share.market_size(pd.concat([made([100]), made([120], "B")]))
    assert size[["market", "low", "high"]].iloc[0].tolist() == [110, 100, 120]


def test_a_monthly_market_adds_up_to_the_quarter():
    months = pd.date_range("2024-01-01", periods=3, freq="MS")
    monthly = made([1, 1, 1]).assign(
        period_start=months, period_end=months + pd.offsets.MonthEnd(0), market_revenue=50.0
    )
    assert market_share.market_size(monthly)["market"].tolist() == [150]


def test_share_is_own_revenue_over_the_markets():
    shares = market_share.market_share(sold([20, 30, 25, 25, 40]), made([100, 100, 100, 100, 110]))
    assert shares["share"].tolist() == pytest.approx([0.2, 0.3, 0.25, 0.25, 40 / 110])
    assert shares["trailing_share"].iloc[3] == pytest.approx(0.25)  # 100 of 400
    assert shares["trailing_share"].iloc[4] == pytest.approx(120 / 410)


def test_trailing_share_sees_no_quarter_that_had_not_ended():
    orders, sizes = sold([20] * 8), made([100, 100, 100, 100, 50, 50, 50, 50])
    assert market_share.trailing_share(orders, sizes, pd.Timestamp("2025-01-31"))["share"].iloc[0] == 0.2
    assert market_share.trailing_share(orders, sizes, pd.Timestamp("2026-01-31"))["share"].iloc[0] == 0.4
    assert market_share.trailing_share(orders, sizes, pd.Timestamp("2024-10-31")).empty


def test_trailing_growth_needs_two_years():
    sizes = made([100] * 4 + [120] * 4)
    assert market_share.trailing_growth(sizes, DAY)["growth"].iloc[0] == pytest.approx(0.2)
    assert market_share.trailing_growth(sizes.iloc[1:], DAY).empty


def test_growth_splits_exactly_into_market_mix_and_share():
    customers = pd.DataFrame({"customer_id": ["C", "D"], "segment": ["S", "T"]})
    orders = pd.concat([sold([20] * 4 + [33] * 4), sold([10] * 8).assign(customer_id="D")]).assign(region="North")
    sizes = pd.concat([made([100] * 4 + [120] * 4), made([100] * 8, segment="T")])
    split = market_share.shift_share(orders, customers, sizes, DAY).set_index("part")["amount"]
    # 120 a year on a market of 800, which grew by a tenth: 12. In S, where we sell 80, it grew by a tenth more than that, in T,
    # where we sell 40, by a tenth less: 8 − 4. The rest of 172 − 120 is share.
    assert split.to_dict() == pytest.approx({"before": 120, "market": 12, "mix": 4, "share": 36, "now": 172})
    assert market_share.shift_share(orders, customers, sizes[sizes["period_start"] > "2024-01-01"], DAY).empty


def test_share_is_accounts_that_buy_times_their_wallet():
    customers = pd.DataFrame({"customer_id": ["C", "D", "E", "F"], "segment": "S"})
    row = market_share.share_parts(sold([20] * 4), customers, made([100] * 4), DAY).iloc[0]
    # One account of four buys; a mean account spends 400 / 4 = 100, this one 80 of it with us.
    assert row[["share", "accounts", "wallet", "n"]].tolist() == [0.2, 0.25, pytest.approx(0.8), 4]
    assert market_share.share_parts(sold([20] * 4), customers, made([100] * 3), DAY).empty


def test_segments_are_those_of_the_customers():
    customers = pd.DataFrame({"customer_id": ["C", "D"], "segment": ["S", "T"]})
    orders = pd.concat([sold([20] * 4 + [30] * 4), sold([10] * 8).assign(customer_id="D")])
    sizes = pd.concat([made([100] * 4 + [120] * 4), made([50] * 8, segment="T")])
    table = market_share.segment_growth(orders, customers, sizes, DAY).set_index("segment")
    assert table.loc["S", ["growth", "own_growth", "share"]].tolist() == pytest.approx([0.2, 0.5, 0.25])
    assert table.loc["S", "share_change"] == pytest.approx(0.25 - 0.2) and table.loc["T", "share_change"] == 0


def test_where_no_segment_of_ours_is_known_only_the_market_is_shown():
    nobody = pd.DataFrame({"customer_id": ["C"], "segment": pd.Series([None], dtype="str")})
    orders, sizes = sold([20] * 8).assign(region="North"), made([100] * 4 + [120] * 4)
    row = market_share.segment_growth(orders, nobody, sizes, DAY).iloc[0]
    assert row["growth"] == pytest.approx(0.2)
    assert row[["own", "own_growth", "share", "share_change"]].isna().all()
    assert market_share.shift_share(orders, nobody, sizes, DAY).empty
    assert portfolio.factors(orders.assign(cost=1.0), nobody, sizes, DAY).empty


def test_penetration_counts_buyers_of_twelve_months():
    customers = pd.DataFrame({"customer_id": list("CDEF"), "segment": ["S", "S", "S", None]})
    orders = pd.concat([sold([20] * 8), sold([9]).assign(customer_id="D")])  # D bought in January 2024 alone
    row = market_share.penetration(orders, customers, pd.Timestamp("2025-12-31")).iloc[0]
    assert (row["buyers"], row["n"], row["spend"]) == (1, 3, 80)
    assert row["low"] < 1 / 3 < row["high"]


def test_whitespace_is_the_gap_to_the_other_segments_times_what_a_buyer_spends():
    customers = pd.DataFrame(
        {"customer_id": [f"{s}{i}" for s in "ST" for i in range(40)], "segment": ["S"] * 40 + ["T"] * 40}
    )
    products = pd.DataFrame({"product_id": ["P", "Q"], "category": ["Radar", "Vest"]})
    buys = [(f"{s}{i}", "P", 100.0) for s in "ST" for i in range(40)]
    buys += [(f"S{i}", "Q", 50.0) for i in range(4)] + [(f"T{i}", "Q", 50.0) for i in range(32)]
    orders = pd.DataFrame(buys, columns=["customer_id", "product_id", "revenue"]).assign(order_date=DAY)
    room = market_share.whitespace(orders, customers, products, DAY)
    # 4 of 40 in S buy vests and 32 of 40 in T: 32 − 4 customers at 50 each.
    assert room[["segment", "category", "gap", "potential"]].values.tolist() == [["S", "Vest", 28.0, 1400.0]]


def test_own_and_rivals_make_the_market_of_the_demo_company(demo_company):
    tables, truths = demo_company
    share = market_share.trailing_share(tables["orders"], tables["market"], DAY).iloc[0]
    rivals = tables["competitors"][tables["competitors"]["period_start"] >= "2025-10-01"]["revenue"].sum()
    assert share["own"] + rivals == pytest.approx(share["market"], abs=1)
    assert share["n"] == 4 * 6 * 6


def test_the_segments_that_grow_are_found(demo_company):
    tables, truths = demo_company
    rivals = tables["competitors"]
    start = pd.to_datetime(rivals["period_start"])
    yearly = rivals.groupby(["segment", start.dt.year])["revenue"].sum().unstack()
    grown = (yearly[2025] / yearly[2022]) ** (1 / 3) - 1
    planted = pd.Series(truths["segment_growth"])
    assert grown.corr(planted, method="spearman") > 0.8
