"""Are months whole, errors measured as the books do, and forecasts laid beside the right past?"""

import numpy as np
import pandas as pd
import pytest

import companies
from quarterdeck.analysis.forecasting import months_ahead, one_number, quarter_end
from quarterdeck.analysis.methods import hierarchy, series
from quarterdeck.analysis.methods.members import MEMBERS, NAIVE
from quarterdeck.analysis.sales import by_period
from quarterdeck.data import contract, demo
from quarterdeck.data.periods import quarter
from quarterdeck.data.snapshot import COMPANY, Desk, Missing, Tables, within

DAY = pd.Timestamp("2026-11-15")


@pytest.fixture(scope="module")
def whole(demo_company):
    tables, _ = demo_company
    cells = by_period.cells(DAY, tables["orders"], tables["customers"])
    panel = hierarchy.sums(cells[cells["region"].eq("Baltic")].drop(columns="region"))
    tested = series.backtest(panel, 12, 12)
    return panel, tested, months_ahead.ahead(panel, tested, 12, 12)


def test_an_open_month_is_not_counted():
    orders = pd.DataFrame(
        {"order_date": pd.to_datetime(["2026-08-01", "2026-10-31", "2026-11-15"]), "revenue": [5.0, 7.0, 9.0]}
    )
    months = by_period.monthly(DAY, orders)
    assert months["start"].dt.month.tolist() == [8, 9, 10] and months["value"].tolist() == [5, 0, 7]
    assert by_period.monthly(pd.Timestamp("2026-11-30"), orders)["value"].tolist() == [5, 0, 7, 9]


def test_a_month_that_began_before_the_data_is_not_counted():
    orders = pd.DataFrame(
        {"order_date": pd.to_datetime(["2026-08-20", "2026-09-10", "2026-10-01"]), "revenue": [5.0, 7.0, 9.0]}
    )
    assert by_period.monthly(DAY, orders)["start"].dt.month.tolist() == [9, 10]


def test_errors_are_measured_as_the_books_do():
    tested = pd.DataFrame(
        {"series": "S", "origin": [1, 1, 0, 0], "step": [1, 4, 1, 4], "actual": 100.0, "scale": 20.0, "error": 0.1}
    )
    tested = tested.assign(
        **dict.fromkeys([*MEMBERS, "Joined"], [110.0, 90.0, 100.0, 120.0]), **{NAIVE: [120.0, 80.0, 120.0, 80.0]}
    )
    row = months_ahead.accuracy(tested, 12).set_index("model").loc["Joined"]
    # Misses of 10, 10, 0 and 20 on 400; a scale of 20; over by 10 + 20 and under by 10; the naive misses by 20 each time.
    assert row[["wape", "mase", "bias", "value_added"]].tolist() == pytest.approx([0.1, 0.5, 0.05, 0.5])
    assert row[["near", "far"]].tolist() == pytest.approx([0.05, 0.15]) and row["n"] == 4 and row["origins"] == 2


def test_the_fan_goes_on_where_the_months_end(whole):
    panel, _, ahead = whole
    fan = months_ahead.fan(panel, ahead)
    future = fan[fan["middle"].notna()]
    assert (
        len(future) == 12
        and future["start"].iloc[0] == pd.Timestamp("2026-11-01")
        and fan["start"].is_monotonic_increasing
    )
    assert (future["low"] < future["middle"]).all() and (future["middle"] < future["high"]).all()


@pytest.mark.parametrize("past", [[], [5.0], [0.0, 0.0], [-3.0, 1.0], [1e-6, 0.0]])
def test_the_months_ahead_are_no_change_on_a_past_that_is_not_there_or_not_above_zero(past):
    future = pd.DataFrame({"low": [4.0, 5.0], "middle": [5.0, 6.0], "high": [6.0, 7.0]})
    months = months_ahead.on_as_many(future, pd.Series(past, dtype=float)).iloc[0]
    assert months[["low", "middle", "high"]].tolist() == [9, 11, 13] and np.isnan(months["change"])
    assert months_ahead.on_as_many(future, pd.Series([99.0, 4.0, 6.0]))["change"].iloc[0] == pytest.approx(0.1)


def test_parts_stand_beside_their_last_year(whole):
    panel, _, ahead = whole
    parts = months_ahead.parts(panel, ahead, 12)
    assert set(parts["dimension"]) == {"segment", "channel"}
    row = parts.iloc[0]
    last = panel[panel["series"].eq(row["part"])]["value"].tail(12).sum()
    assert row["past"] == pytest.approx(last) and row["change"] == pytest.approx(row["middle"] / last - 1)
    assert (parts["low"] < parts["middle"]).all() and (parts["middle"] < parts["high"]).all()
    assert parts["sure"].tolist() == ((parts["low"] > parts["past"]) | (parts["high"] < parts["past"])).tolist()
    assert months_ahead.parts(panel, ahead[ahead["step"] < 12], 12).empty  # less than a year is not held against a year


def test_a_part_that_began_within_the_year_has_no_growth(whole):
    panel, _, ahead = whole
    name = months_ahead.parts(panel, ahead, 12)["part"].iloc[0]
    late = panel[panel["series"].ne(name) | panel["start"].ge("2026-05-01")]  # six months of it
    assert name not in set(months_ahead.parts(late, ahead, 12)["part"])


@pytest.mark.parametrize(("asleep", "known"), [(3, True), (4, False), (7, False)])
def test_a_region_that_sold_nothing_for_a_year_has_no_forecast(asleep, known):
    starts = pd.date_range("2024-10-01", periods=8, freq="QS")
    cells = pd.concat(
        [
            pd.DataFrame({"region": region, "start": starts, "value": [9.0] * (8 - none) + [0.0] * none})
            for region, none in (("North", asleep), ("South", 0))
        ]
    )
    panel = hierarchy.sums(cells, "region")
    ahead = pd.DataFrame({"series": ["all", "North", "South"], "start": pd.Timestamp("2026-10-01"), "mean": 1.0})
    numbers = ahead.rename(columns={"series": "unit"})
    steps = months_ahead.Quarters(panel, ahead[:0], ahead, ahead, numbers, ahead)
    north, south = (months_ahead.own_series(steps, region) for region in ("North", "South"))
    assert len(north.panel) == len(south.panel) == 8 and len(south.joined) == len(south.by_quarter) == 1
    for frame in north[2:]:
        assert len(frame) == 1 if known else frame == Missing(months_ahead.ASLEEP)


def test_the_open_quarter_is_as_on_top_of_the_page():
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
    table = months_ahead.by_quarter(panel, ahead, landing, quarter(DAY), DAY)
    assert table["p50"].tolist() == [18, 20] and table["p10"].tolist() == [17, 1]
    assert table["before"].tolist() == [14, 15]  # the fourth quarter of 2025 and the first of 2026
    assert table["change"].tolist() == pytest.approx([18 / 14 - 1, 20 / 15 - 1])


def test_a_quarters_number_lies_among_the_views_that_are_joined_in_it(demo_company):
    tables = demo_company[0]
    asked = {t: tables[t] for t in ("orders", "opportunities", "opportunity_history")}
    starts = pd.date_range(quarter(DAY).start, periods=4, freq="QS")
    ahead = pd.DataFrame({"series": "all", "start": starts, "low": 1.0, "middle": 5.5e6, "high": 9e9})
    panel = pd.DataFrame({"series": "all", "start": starts - pd.DateOffset(years=1), "value": 5e6})
    landing = quarter_end.landing(quarter(DAY), DAY, **asked)
    table = months_ahead.by_quarter(panel, ahead, landing, quarter(DAY), DAY, **asked)
    weight = table[months_ahead.WEIGHTS].set_axis(["series", *one_number.VIEWS], axis=1)
    assert weight.sum(axis=1).tolist() == pytest.approx([1] * 4) and weight["series"].iloc[0] == 0
    assert (weight["growth"] > 0).all() and (weight["pace"] > 0).tolist() == [True, False, False, False]
    joined = np.exp((weight * np.log(table[weight.columns].astype(float)).where(weight > 0, 0.0)).sum(axis=1))
    assert table["p50"].tolist() == pytest.approx(joined.tolist())


def test_the_parts_add_up_to_the_quarters_one_number():
    starts = pd.to_datetime(["2027-01-01", "2027-01-01", "2027-04-01"])
    ahead = pd.DataFrame({"series": ["all", "a", "a"], "start": starts, "mean": 20.0, "low": 10.0, "middle": 20.0})
    ahead["high"] = 30.0
    number = pd.DataFrame({"unit": ["all"], "start": starts[:1], "p10": [15.0], "p50": [22.0], "p90": [40.0]})
    panel = pd.DataFrame({"series": ["all", "a"], "start": starts[:2], "value": 1.0, "segment": ["", "a"]})
    joined = months_ahead.joined(panel, ahead, number)
    assert joined[["low", "middle", "high"]].iloc[0].tolist() == [15, 22, 40]  # the whole is the number itself
    assert joined[["low", "middle", "high"]].iloc[1].tolist() == pytest.approx([11, 22, 33])  # × 22 ÷ 20
    assert joined.iloc[2].equals(ahead.iloc[2])  # a quarter of which no number is known
    pd.testing.assert_frame_equal(months_ahead.joined(panel, ahead), ahead)


def test_too_short_a_history_is_not_forecast():
    start = pd.date_range("2025-06-01", periods=14, freq="MS")
    panel = pd.DataFrame({"series": "all", "start": start, "value": 100.0 + np.arange(14), "part": "all"})
    tested = series.backtest(panel, 12, 12)
    ahead = months_ahead.ahead(panel, tested, 12, 12)
    assert (
        ahead.empty
        and months_ahead.fan(panel, ahead).empty
        and months_ahead.accuracy(tested, 12).empty
        and months_ahead.parts(panel, ahead, 12).empty
    )


@pytest.mark.slow
def test_the_planted_season_is_in_the_forecast():
    tables, truths = demo.generate()
    tables = contract.check(tables)
    lines = tables["orders"][tables["orders"]["order_id"].str.startswith("O")]
    panel = hierarchy.sums(by_period.cells(DAY, lines.drop(columns="channel")))
    future = months_ahead.fan(panel, months_ahead.ahead(panel, series.backtest(panel, 12, 12), 12, 12))[
        "middle"
    ].dropna()
    months = [str(m) for m in pd.date_range("2026-11-01", periods=12, freq="MS").month]
    assert np.corrcoef(future, [truths["seasonality"][m] for m in months])[0, 1] > 0.7


def desk(tables, region=COMPANY):
    whole = Tables(tables)
    own = Tables(within(dict(tables), region)) if region != COMPANY else whole
    return Desk("acme", "Acme", region, companies.LAST, "EUR", "", own, whole)


@pytest.mark.slow
def test_quarters_add_up_from_the_cells_of_every_region_to_the_company():
    tables = companies.small()
    company = desk(tables)
    answer = company.ask(months_ahead.quarters)
    regions = [region for region in company.asks if region != COMPANY]
    pages = {}
    for region in regions:
        page = desk(tables, region)
        page.found.answers.update(company.found.answers)
        pages[region] = page.ask(months_ahead.quarters)
    for row in answer.by_quarter.itertuples():
        owns = [own.by_quarter.set_index("start").loc[row.start, "p50"] for own in pages.values()]
        assert sum(owns) == pytest.approx(row.p50)
    names = [c for c in answer.panel if c not in ("series", "start", "value")]
    label = answer.panel.drop_duplicates("series").set_index("series")[names]
    second = answer.joined[answer.joined["step"] == 2].join(label, on="series")
    whole = second.loc[second["series"] == "all", "middle"].iloc[0]
    for name in names:
        others = [n for n in names if n != name]
        part = second[second[name].ne("") & second[others].eq("").all(axis=1)]
        assert part["middle"].sum() == pytest.approx(whole), name
    for region, own in pages.items():
        theirs = own.joined[own.joined["step"] == 2].set_index("series")["middle"]
        assert theirs["all"] == pytest.approx(second.set_index("series").loc[region, "middle"])


def test_a_desk_without_tables_says_why_at_every_step():
    steps = desk({}).ask(months_ahead.months, periods=12)
    assert isinstance(steps.plans, Missing) and "initiatives" in steps.plans.sentence
    assert steps.panel.sentence == "Not shown: it needs orders or opportunities, which the data of Acme does not hold."
    assert steps.ahead == steps.panel
