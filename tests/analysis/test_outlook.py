"""Are months whole, errors measured as the books do, and forecasts laid beside the right past?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis import hierarchy, outlook, series
from quarterdeck.analysis.members import MEMBERS, NAIVE
from quarterdeck.data import contract, demo
from quarterdeck.data.periods import quarter

DAY = pd.Timestamp("2026-11-15")


@pytest.fixture(scope="module")
def whole(demo_company):
    tables, _ = demo_company
    cells = hierarchy.cells(DAY, tables["orders"], tables["customers"])
    panel = hierarchy.sums(cells[cells["region"].eq("Baltic")].drop(columns="region"))
    tested = series.backtest(panel, 12, 12)
    return panel, tested, outlook.ahead(panel, tested, 12, 12)


def test_an_open_month_is_not_counted():
    orders = pd.DataFrame(
        {"order_date": pd.to_datetime(["2026-08-01", "2026-10-31", "2026-11-15"]), "revenue": [5.0, 7.0, 9.0]}
    )
    months = outlook.monthly(DAY, orders)
    assert months["start"].dt.month.tolist() == [8, 9, 10] and months["value"].tolist() == [5, 0, 7]
    assert outlook.monthly(pd.Timestamp("2026-11-30"), orders)["value"].tolist() == [5, 0, 7, 9]


def test_a_month_that_began_before_the_data_is_not_counted():
    orders = pd.DataFrame(
        {"order_date": pd.to_datetime(["2026-08-20", "2026-09-10", "2026-10-01"]), "revenue": [5.0, 7.0, 9.0]}
    )
    assert outlook.monthly(DAY, orders)["start"].dt.month.tolist() == [9, 10]


def test_errors_are_measured_as_the_books_do():
    tested = pd.DataFrame(
        {"series": "S", "origin": [1, 1, 0, 0], "step": [1, 4, 1, 4], "actual": 100.0, "scale": 20.0, "error": 0.1}
    )
    tested = tested.assign(
        **dict.fromkeys([*MEMBERS, "Joined"], [110.0, 90.0, 100.0, 120.0]), **{NAIVE: [120.0, 80.0, 120.0, 80.0]}
    )
    row = outlook.accuracy(tested, 12).set_index("model").loc["Joined"]
    # Misses of 10, 10, 0 and 20 on 400; a scale of 20; over by 10 + 20 and under by 10; the naive misses by 20 each time.
    assert row[["wape", "mase", "bias", "value_added"]].tolist() == pytest.approx([0.1, 0.5, 0.05, 0.5])
    assert row[["near", "far"]].tolist() == pytest.approx([0.05, 0.15]) and row["n"] == 4 and row["origins"] == 2


def test_the_fan_goes_on_where_the_months_end(whole):
    panel, _, ahead = whole
    fan = outlook.fan(panel, ahead)
    future = fan[fan["middle"].notna()]
    assert (
        len(future) == 12
        and future["start"].iloc[0] == pd.Timestamp("2026-11-01")
        and fan["start"].is_monotonic_increasing
    )
    assert (future["low"] < future["middle"]).all() and (future["middle"] < future["high"]).all()


def test_parts_stand_beside_their_last_year(whole):
    panel, _, ahead = whole
    parts = outlook.parts(panel, ahead, 12)
    assert set(parts["dimension"]) == {"segment", "channel"}
    row = parts.iloc[0]
    last = panel[panel["series"].eq(row["part"])]["value"].tail(12).sum()
    assert row["past"] == pytest.approx(last) and row["change"] == pytest.approx(row["middle"] / last - 1)
    assert (parts["low"] < parts["middle"]).all() and (parts["middle"] < parts["high"]).all()
    assert parts["sure"].tolist() == ((parts["low"] > parts["past"]) | (parts["high"] < parts["past"])).tolist()
    assert outlook.parts(panel, ahead[ahead["step"] < 12], 12).empty  # less than a year is not held against a year


def test_the_open_quarter_is_told_as_on_top_of_the_page():
    starts = pd.date_range("2024-10-01", periods=8, freq="QS")
    panel = pd.DataFrame({"series": "all", "start": starts, "value": np.arange(8.0) + 10})
    ahead = pd.DataFrame(
        {
            "series": "all",
            "start": pd.date_range("2026-10-01", periods=2, freq="QS"),
            "low": 1.0,
            "middle": 20.0,
            "high": 30.0,
        }
    )
    landing = pd.DataFrame({"p10": [17.0], "p50": [18.0], "p90": [19.0]})
    table = outlook.by_quarter(panel, ahead, landing, quarter(DAY), DAY)
    assert table["p50"].tolist() == [18, 20] and table["p10"].tolist() == [17, 1]
    assert table["before"].tolist() == [14, 15]  # the fourth quarter of 2025 and the first of 2026
    assert table["change"].tolist() == pytest.approx([18 / 14 - 1, 20 / 15 - 1])


def test_the_parts_add_up_to_the_quarters_one_number():
    starts = pd.to_datetime(["2027-01-01", "2027-01-01", "2027-04-01"])
    ahead = pd.DataFrame({"series": ["all", "a", "a"], "start": starts, "mean": 20.0, "low": 10.0, "middle": 20.0})
    ahead["high"] = 30.0
    number = pd.DataFrame({"start": starts[:1], "p10": [15.0], "p50": [22.0], "p90": [40.0], "series": [20.0]})
    told = outlook.joined(ahead, number)
    assert told[["low", "middle", "high"]].iloc[0].tolist() == [15, 22, 40]  # the whole is the number itself
    assert told[["low", "middle", "high"]].iloc[1].tolist() == pytest.approx([11, 22, 33])  # × 22 ÷ 20
    assert told.iloc[2].equals(ahead.iloc[2])  # a quarter of which no number is known
    pd.testing.assert_frame_equal(outlook.joined(ahead), ahead)


def test_too_short_a_history_is_not_forecast():
    start = pd.date_range("2025-06-01", periods=14, freq="MS")
    panel = pd.DataFrame({"series": "all", "start": start, "value": 100.0 + np.arange(14), "part": "all"})
    tested = series.backtest(panel, 12, 12)
    ahead = outlook.ahead(panel, tested, 12, 12)
    assert (
        ahead.empty
        and outlook.fan(panel, ahead).empty
        and outlook.accuracy(tested, 12).empty
        and outlook.parts(panel, ahead, 12).empty
    )


def test_the_planted_season_is_in_the_forecast():
    tables, truths = demo.generate()
    tables = contract.check(tables)
    lines = tables["orders"][tables["orders"]["order_id"].str.startswith("O")]
    panel = hierarchy.sums(hierarchy.cells(DAY, lines.drop(columns="channel")))
    future = outlook.fan(panel, outlook.ahead(panel, series.backtest(panel, 12, 12), 12, 12))["middle"].dropna()
    months = [str(m) for m in pd.date_range("2026-11-01", periods=12, freq="MS").month]
    assert np.corrcoef(future, [truths["seasonality"][m] for m in months])[0, 1] > 0.7
