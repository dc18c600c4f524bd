"""Do shares add up, and are rivals distinguished only where there is a difference?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.competition import competitors
from quarterdeck.data.periods import quarter

DAY = pd.Timestamp("2026-11-15")
PERIOD = quarter(DAY)
START = pd.date_range("2024-10-01", periods=8, freq="QS")
ENDS = START + pd.offsets.QuarterEnd(0)


def company(own, whole, rivals):
    """Eight quarters: our revenue, the market's, and each rival's, each a constant or a list."""
    cell = {"period_start": START, "period_end": ENDS, "region": "North", "segment": "S"}
    orders = pd.DataFrame({"order_date": START, "customer_id": "C", "revenue": np.broadcast_to(own, 8).astype(float)})
    market = pd.DataFrame(cell | {"market_revenue": np.broadcast_to(whole, 8).astype(float), "source": "A"})
    reports = [
        pd.DataFrame(cell | {"competitor": n, "revenue": np.broadcast_to(r, 8).astype(float)})
        for n, r in rivals.items()
    ]
    return orders, market, pd.concat(reports, ignore_index=True)


def deals(counts):
    """Closed deals of 100 each: (rival, segment, won, lost, reason)."""
    rows = []
    for rival, segment, won, lost, reason in counts:
        rows += [(rival, segment, "won", None)] * won + [(rival, segment, "lost", reason)] * lost
    frame = pd.DataFrame(rows, columns=["competitor", "segment", "status", "loss_reason"])
    return frame.assign(amount=100.0, opened_on=DAY - pd.Timedelta(days=90), closed_on=DAY - pd.Timedelta(days=9))


def test_shares_add_up_and_the_rest_is_all_others():
    shares = competitors.shares(*company(25, 100, {"A": 45, "B": 20}), DAY)
    last = shares[shares["start"] == START[-1]].set_index("seller")["share"]
    assert last.to_dict() == pytest.approx({"Us": 0.25, "A": 0.45, "B": 0.2, "All others": 0.1})
    assert shares.groupby("start")["share"].sum().tolist() == pytest.approx([1.0] * 8)


def test_concentration_is_the_sum_of_squared_shares():
    row = competitors.market_concentration(*company(25, 90, {"A": 45, "B": 20}), DAY).iloc[0]
    # 25, 45 and 20 of 90: 27.8² + 50² + 22.2²
    assert row["value"] == pytest.approx((100 / 90) ** 2 * (25**2 + 45**2 + 20**2))
    assert row["cr4"] == pytest.approx(1) and row["n"] == 3 and row["before"] == pytest.approx(row["value"])


def test_concentration_of_a_published_market():
    """US Merger Guidelines, 2010 edition, footnote 9: four firms of 30, 30, 20 and 20 per cent have an index of 2,600."""
    row = competitors.market_concentration(*company(30, 100, {"A": 30, "B": 20, "C": 20}), DAY).iloc[0]
    assert row["value"] == pytest.approx(2600)


def test_what_one_gains_others_lose():
    moves = competitors.share_moves(
        competitors.shares(*company([20] * 4 + [30] * 4, 100, {"A": [80] * 4 + [70] * 4}), DAY)
    )
    assert moves.set_index("seller")["change"].to_dict() == pytest.approx({"Us": 0.1, "A": -0.1})
    assert moves.set_index("seller")["worth"].to_dict() == pytest.approx({"Us": 40, "A": -40})  # of a market of 400


def test_a_rival_with_few_deals_has_no_clear_difference():
    rates = competitors.win_rate_by_rival(
        deals(
            [
                ("A", "S", 20, 80, "Price"),
                ("B", "S", 60, 40, "Price"),
                ("C", "S", 40, 60, "Price"),
                ("D", "S", 0, 3, "Price"),
            ]
        ),
        PERIOD,
    )
    place = rates.set_index("competitor")["place"]
    assert (place["A"], place["B"], place["D"]) == ("harder", "easier", competitors.ALIKE)
    d = rates.set_index("competitor").loc["D"]
    assert d["raw"] == 0 and d["rate"] > 0.15  # three deals say little: drawn to the rate of all


def test_where_we_lose_names_the_cell_and_the_money_short_of_our_rate():
    cells = deals(
        [("A", s, 50, 50, "Price") for s in "STU"]
        + [("B", "S", 5, 95, "Price")]
        + [("B", s, 50, 50, "Price") for s in "TU"]
    )
    found = competitors.where_we_lose(cells, PERIOD)
    assert found[["segment", "competitor"]].values.tolist() == [["S", "B"]]
    row = found.iloc[0]
    assert row["shortfall"] == pytest.approx((row["all"] - row["rate"]) * 10_000)  # a hundred deals of 100


def test_loss_reasons_count_those_that_are_written_down():
    table = competitors.loss_reasons(
        deals([("A", "S", 5, 30, "Price"), ("A", "S", 0, 10, "Fit"), ("A", "S", 0, 7, None)]), PERIOD
    )
    assert table[["reason", "deals", "share"]].values.tolist() == [["Price", 30, 0.75], ["Fit", 10, 0.25]]
    assert (table["n"].iloc[0], table["silent"].iloc[0], table["amount"].iloc[0]) == (40, 7, 3000)


def test_a_reason_stands_out_only_beyond_chance():
    even = deals([(r, "S", 0, 50, why) for r in "AB" for why in ("Price", "Fit")])
    assert competitors.reasons_by_rival(even, PERIOD).empty
    uneven = deals(
        [("A", "S", 0, 80, "Price"), ("A", "S", 0, 20, "Fit"), ("B", "S", 0, 50, "Price"), ("B", "S", 0, 50, "Fit")]
    )
    found = competitors.reasons_by_rival(uneven, PERIOD).set_index(["competitor", "reason"])
    assert found.loc[("A", "Price"), ["share", "others", "difference"]].tolist() == pytest.approx([0.8, 0.5, 0.3])


def test_chance_alone_is_called_a_finding_no_more_often_than_promised():
    rng = np.random.default_rng(1)
    false = 0
    for _ in range(60):
        table = deals([(r, "S", 0, 1, why) for r in "ABCD" for why in rng.choice(["Price", "Fit", "Time"], 60)])
        false += len(competitors.reasons_by_rival(table, PERIOD)) > 0
    assert false <= 14  # a tenth of 60, and four standard deviations


def test_price_position_is_weighted_by_revenue():
    cell = {"period_start": START[-1], "period_end": ENDS[-1], "region": "North", "competitor": "A"}
    rows = [
        cell | {"segment": s, "revenue": r, "price_index": p} for s, r, p in (("S", 30.0, 90.0), ("T", 10.0, 110.0))
    ]
    table = competitors.price_position(pd.DataFrame(rows), DAY)
    assert table["now"].tolist() == [95.0] and table["before"].isna().all()  # (30 × 90 + 10 × 110) ÷ 40


def test_companies_without_rivals_in_their_deals_get_no_rows():
    silent = deals([(None, "S", 5, 5, None)]).astype({"competitor": "str", "loss_reason": "str"})
    silent[["competitor", "loss_reason"]] = pd.NA
    for function in (
        competitors.win_rate_by_rival,
        competitors.where_we_lose,
        competitors.loss_reasons,
        competitors.reasons_by_rival,
    ):
        assert function(silent, PERIOD).empty


def test_the_planted_strength_of_rivals_is_found(demo_company):
    tables, truths = demo_company
    rates = competitors.win_rate_by_rival(tables["opportunities"], PERIOD).set_index("competitor")
    strength = pd.Series(truths["rival_strength"])
    assert rates["raw"].corr(-strength, method="spearman") >= 0.7
    assert rates.index[0] == strength.idxmax()


def test_the_planted_momentum_of_rivals_is_found(demo_company):
    tables, truths = demo_company
    shares = competitors.shares(tables["orders"], tables["market"], tables["competitors"], DAY)
    rivals = (
        shares[shares["seller"] != competitors.US]
        .pivot(index="start", columns="seller", values="trailing_share")
        .dropna()
    )
    grown = np.log(rivals.iloc[-1] / rivals.iloc[0])
    assert grown.corr(pd.Series(truths["rival_momentum"]), method="spearman") > 0.85
