import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.brief import findings, gaps, scorecard
from quarterdeck.analysis.brief.status import stands
from quarterdeck.analysis.competition import competitors
from quarterdeck.analysis.customers import retention
from quarterdeck.analysis.pipeline import win_loss
from quarterdeck.data.periods import quarter

PERIOD = quarter(pd.Timestamp("2026-05-15"))
CUSTOMERS = pd.DataFrame({"customer_id": ["A", "B", "C"], "segment": ["Ports", "Ports", "Yards"]})
ORDERS = pd.DataFrame(
    {
        "order_id": ["1", "2", "3", "4", "5"],
        "customer_id": ["A", "C", "A", "B", "C"],
        "order_date": pd.to_datetime(["2025-04-02", "2025-05-02", "2026-04-02", "2026-04-03", "2026-05-02"]),
        "revenue": [100.0, 60.0, 90.0, 50.0, 30.0],
    }
)


def landing(p10=80.0, p50=90.0, p90=100.0, target=120.0):
    row = {"seen": 40.0, "p10": p10, "p50": p50, "p90": p90, "target": target, "probability": 0.02, "n_origins": 8}
    return pd.DataFrame([row])


def deals(against_x: tuple[int, int], against_rest: tuple[int, int]) -> pd.DataFrame:
    """Give closed deals of 1.0 each: (won, lost) against X and against the other rival."""
    won = [("X", "won")] * against_x[0] + [("Y", "won")] * against_rest[0]
    lost = [("X", "lost")] * against_x[1] + [("Y", "lost")] * against_rest[1]
    frame = pd.DataFrame(won + lost, columns=["competitor", "status"])
    return frame.assign(closed_on=pd.Timestamp("2026-03-01"), opened_on=pd.Timestamp("2026-01-01"), amount=1.0)


def test_the_bridge_adds_up_exactly():
    bridge = scorecard.revenue_bridge(ORDERS, CUSTOMERS, PERIOD)
    amounts = bridge.set_index("part")["amount"].to_dict()
    assert amounts == {"A year before": 160.0, "Ports": 40.0, "Yards": -30.0, "Now": 170.0}
    assert bridge["amount"].iloc[:-1].sum() == bridge["amount"].iloc[-1]


def test_the_bridge_gathers_small_changes_and_still_adds_up():
    bridge = scorecard.revenue_bridge(ORDERS, CUSTOMERS, PERIOD, most=1)
    assert bridge["part"].tolist() == ["A year before", "Ports", "All others", "Now"]
    assert bridge["amount"].iloc[:-1].sum() == 170.0


def test_there_is_no_bridge_from_nothing():
    assert scorecard.revenue_bridge(ORDERS, CUSTOMERS, PERIOD.before()).empty


def test_one_region_alone_is_no_bridge_by_region():
    bridge = scorecard.revenue_bridge(ORDERS.assign(region="Iberia"), CUSTOMERS, PERIOD, by="region")
    assert bridge.sentence == "Not shown by region: on this page there is one region alone."
    two = ORDERS.assign(region=np.where(np.arange(len(ORDERS)) % 2, "Iberia", "Baltic"))
    assert len(scorecard.revenue_bridge(two, CUSTOMERS, PERIOD, by="region")) == 4  # both ends, and both regions


def test_quarters_hold_sales_and_targets_oldest_first():
    targets = pd.DataFrame(
        {
            "period_start": [pd.Timestamp("2026-04-01")],
            "period_end": [pd.Timestamp("2026-06-30")],
            "revenue_target": [200.0],
        }
    )
    frame = scorecard.quarterly(PERIOD, orders=ORDERS, targets=targets)
    assert frame["label"].tolist() == ["Q2 25", "Q2 26"]  # quarters without sales are left out
    assert frame["sold"].tolist() == [160.0, 170.0]
    assert np.isnan(frame["target"].iloc[0]) and frame["target"].iloc[1] == 200.0


def test_a_target_inside_the_interval_is_no_finding():
    assert gaps.target_gap(landing(target=95.0)).empty
    assert gaps.target_gap(landing(target=120.0))["worth"].tolist() == [-30.0]  # 90 − 120


def test_a_rival_is_a_finding_only_where_the_interval_supports_it():
    closed = deals((20, 180), (120, 80))  # 10 % of 200 against 60 % of 200
    found = gaps.rival_losses(closed, PERIOD)
    assert found["subject"].tolist() == ["X"] and found["risk"].iloc[0] < 1e-6
    rates = competitors.win_rate_by_rival(closed, PERIOD)  # the finding and its page give one rate and one amount
    row = win_loss.stake(rates).set_index("competitor").loc["X"]
    assert found[["value", "compared"]].iloc[0].tolist() == [row["rate"], row["all"]]
    assert found[["worth", "gain", "gain_low", "gain_high"]].iloc[0].tolist() == pytest.approx(
        [-row["value"], row["value"], row["low"], row["high"]]
    )
    assert gaps.rival_losses(deals((2, 4), (3, 3)), PERIOD).empty  # six deals each tell nothing


def test_a_bridge_by_segments_that_nobody_has_says_so():
    bridge = scorecard.revenue_bridge(ORDERS, CUSTOMERS.assign(segment=None), PERIOD)
    assert "segment of customers, which the data leaves empty" in bridge.sentence


@pytest.mark.parametrize(("here", "there"), [((0, 2), (2, 0)), ((0, 3), (3, 0)), ((0, 4), (4, 0)), ((0, 3), (30, 20))])
def test_a_few_deals_that_all_ended_alike_leave_doubt(here, there):
    found = gaps.rival_losses(deals(here, there), PERIOD)
    assert found.empty or found["risk"].iloc[0] > 1e-3 and found["gain_low"].iloc[0] < found["gain"].iloc[0]


@pytest.mark.slow
def test_equal_rivals_rarely_differ_clearly():
    rng = np.random.default_rng(3)
    wins = rng.binomial(100, 0.35, size=(200, 2))
    found = [gaps.rival_losses(deals((a, 100 - a), (b, 100 - b)), PERIOD)["risk"].tolist() for a, b in wins]
    assert np.mean([risk <= findings.MOST_RISK for risks in found for risk in [*risks, 1.0][:1]]) <= 0.05


def test_segments_move_only_by_more_than_chance():
    assert gaps.segment_moves(ORDERS, CUSTOMERS, PERIOD).empty  # five orders tell nothing
    many = pd.concat([ORDERS.assign(order_id=ORDERS["order_id"] + f"-{k}") for k in range(400)])
    found = gaps.segment_moves(many, CUSTOMERS, PERIOD).set_index("subject")
    assert found["worth"].to_dict() == {"Ports": 16_000.0, "Yards": -12_000.0}  # 400 × (+40, −30)
    # two segments: z of 1 − 0.05 / 2 = 1.9600, × √(400 × (100² + 90² + 50²)) = √8,240,000
    assert found.loc["Ports", "high"] - 16_000 == pytest.approx(1.96 * np.sqrt(8_240_000), rel=1e-4)
    assert found.loc["Ports", ["gain", "gain_low"]].tolist() == pytest.approx([16_000, 16_000 - 5_626.2], rel=1e-4)


def test_lapsed_customers_bought_then_and_not_now():
    orders = ORDERS.assign(
        order_date=ORDERS["order_date"].where(ORDERS["customer_id"] != "C", pd.Timestamp("2025-01-05"))
    )
    row = gaps.lapsed_customers(orders, PERIOD).iloc[0]
    assert (row["n"], row["worth"]) == (1, -90.0)  # C: 60 + 30


def test_what_lapsed_customers_may_bring_is_what_came_back_before():
    days = ["2023-06-01", "2023-06-01", "2024-06-01", "2025-06-01", "2024-06-01"]
    # D and E bought in the year to May 2024 (100, 300) and had lapsed by May 2025; D came back with 50 in the year after.
    rows = [("D", 100.0), ("E", 300.0), ("F", 80.0), ("D", 50.0), ("G", 20.0)]
    orders = pd.DataFrame(rows, columns=["customer_id", "revenue"]).assign(order_date=pd.to_datetime(days))
    row = gaps.lapsed_customers(orders, PERIOD).iloc[0]
    assert (row["n"], row["worth"]) == (2, -100.0)  # F and G bought in the year to May 2025: 80 + 20
    assert row["gain"] == pytest.approx(100 * 50 / 400) and np.isnan(row["risk"])  # 12.5 % of the money; a count is so


def test_customers_lost_are_the_same_in_the_finding_and_on_their_page():
    sent_back = pd.DataFrame({"customer_id": ["A", "A"], "revenue": [-200.0, -5.0]})
    orders = pd.concat([ORDERS, sent_back.assign(order_date=pd.Timestamp("2026-05-03"))])  # A now brings 90 − 205
    row = gaps.lapsed_customers(orders, PERIOD).iloc[0]
    step = retention.customer_bridge(orders, PERIOD).set_index("step").loc["lost"]
    assert (row["n"], row["worth"]) == (step["customers"], step["amount"]) == (1, -215.0)  # −115 after 100


def test_deals_past_their_date_are_a_finding_where_such_deals_were_won_less_often():
    past = pd.Timestamp("2026-02-14")  # the same day of the quarter before
    names = [f"{kind}{k}" for kind in ("late", "due") for k in range(50)]
    late = [n.startswith("late") for n in names]
    won = [k % 50 < (5 if is_late else 30) for k, is_late in enumerate(late)]  # 10 % against 60 %
    history = pd.DataFrame({"opportunity_id": names, "changed_on": pd.Timestamp("2026-01-10"), "status": "open"})
    history["expected_close"] = [past + pd.Timedelta(days=-5 if is_late else 5) for is_late in late]
    closed = pd.DataFrame({"opportunity_id": names, "status": ["won" if w else "lost" for w in won], "amount": 1.0})
    closed = closed.assign(closed_on=past + pd.Timedelta(days=30), expected_close=past)
    still = pd.DataFrame({"opportunity_id": ["X"], "status": "open", "amount": 200.0, "closed_on": pd.NaT})
    found = gaps.overdue_deals(pd.concat([closed, still.assign(expected_close=past)]), history, PERIOD)
    assert found["worth"].tolist() == [pytest.approx((0.1 - 0.6) * 200)] and found["n"].tolist() == [50]


def test_deals_of_which_none_was_won_are_no_finding_past_their_date():
    day = pd.Timestamp("2026-01-10")
    history = pd.DataFrame({"opportunity_id": ["A", "B"], "changed_on": day, "status": "open"})
    history["expected_close"] = pd.to_datetime(["2026-02-01", "2026-03-01"])
    lost = history.assign(status=["lost", "open"], amount=1.0, closed_on=pd.to_datetime(["2026-03-10", None]))
    assert gaps.overdue_deals(lost.drop(columns="changed_on"), history, PERIOD).empty


def test_figures_are_held_against_the_last_run_of_an_earlier_day():
    kpis = pd.DataFrame({"metric": ["revenue", "win_rate"], "title": ["Revenue", "Win rate"], "value": [170.0, 0.4]})
    kpis = kpis.assign(unit=["money", "ratio"], better="higher", period=["Q2 2026 to 15 May", "trailing twelve months"])
    day = pd.to_datetime(["2026-04-10", "2026-05-01", "2026-05-01"])
    recorded = pd.DataFrame({"as_of": day, "metric": ["revenue", "revenue", "win_rate"], "value": [1.0, 130.0, 0.5]})
    moves = scorecard.since_last(kpis, recorded, PERIOD)
    assert moves["moved"].tolist() == pytest.approx([40.0, -0.1])
    assert [c.predicate for c in moves["claim"]] == ["rose", "fell"]
    steps = scorecard.came_in(ORDERS, CUSTOMERS, moves, PERIOD)
    # 90 + 50 to 1 May, where 130 was reported: 10 was corrected; 30 came in since
    assert steps["amount"].tolist() == [130.0, 30.0, 10.0, 170.0] and steps["part"].iloc[1:3].tolist() == [
        "Yards",
        "Corrected",
    ]
    before = recorded.tail(2).assign(as_of=pd.Timestamp("2026-03-20"))
    assert scorecard.since_last(kpis, before, PERIOD)["metric"].tolist() == ["win_rate"]  # of another quarter
    assert scorecard.since_last(
        kpis, before.head(1), PERIOD
    ).empty  # only the revenue of a quarter that is over was reported


def test_the_scorecard_holds_each_figure_against_what_it_is_for():
    names = ["revenue", "forecast_p50", "win_rate", "target_probability", "gross_margin"]
    kpis = pd.DataFrame(
        {"metric": names, "value": [170.0, 90.0, 0.5, 0.02, 0.3], "previous": [160.0, None, 0.3, None, 0.2]}
    )
    kpis = kpis.assign(low=[None, 80.0, 0.4, None, None], high=[None, 100.0, 0.6, None, None], better="higher")
    kpis["unit"] = ["money", "money", "ratio", "chance", "ratio"]
    goals = pd.DataFrame({"metric": ["forecast_p50", "gross_margin"], "target": [120.0, 0.36]})
    card = scorecard.scorecard(kpis, goals)
    said = [c.predicate for c in card["claim"]]
    assert said == ["rose", "very unlikely", "clearly rose", "very unlikely", "short of"]
    assert card["state"].tolist() == ["good", "bad", "good", "bad", "bad"]
    alone = scorecard.scorecard(kpis[kpis["metric"].ne("target_probability")], goals)
    assert alone["claim"][1].predicate == "heading below"


@pytest.mark.parametrize(("chance", "said", "state"), [(0.1, "unlikely", "bad"), (0.5, "as likely as not", "warn")])
def test_what_is_said_of_a_forecast_follows_its_chance_and_nothing_else(chance, said, state):
    kpis = pd.DataFrame({"metric": ["forecast_p50", "target_probability"], "value": [90.0, chance], "better": "higher"})
    kpis = kpis.assign(previous=np.nan, low=[80.0, None], high=[121.0, None], unit=["money", "chance"])
    card = scorecard.scorecard(kpis, pd.DataFrame({"metric": ["forecast_p50"], "target": [120.0]}))
    assert [c.predicate for c in card["claim"]] == [said, said] and card["state"].tolist() == [state, state]


def test_sales_whose_growth_may_be_chance_are_no_good_news():
    kpis = pd.DataFrame({"metric": ["revenue"], "value": [111.8], "previous": [100.0], "unit": "money"})
    kpis = kpis.assign(low=np.nan, high=np.nan, target=np.nan, better="higher", growth_low=-0.04, growth_high=0.28)
    open_, sure = stands(kpis), stands(kpis.assign(growth_low=0.02))
    assert (open_["claim"][0].predicate, open_["state"][0]) == ("no clear change", "")
    assert (sure["claim"][0].predicate, sure["state"][0]) == ("rose", "good")


def test_two_figures_that_read_the_same_have_no_order():
    kpis = pd.DataFrame(
        {"metric": ["pipeline_coverage", "bookings"], "value": [3.26, 31_340_000.0], "better": "higher"}
    )
    kpis = kpis.assign(previous=[np.nan, 31_290_000.0], low=np.nan, high=np.nan, unit=["times", "money"])
    card = stands(kpis.assign(target=[3.34, np.nan]))
    assert [c.predicate for c in card["claim"]] == ["reached", "stood still"]


def test_what_a_quarter_is_held_against_is_called_what_it_is():
    kpis = pd.DataFrame(
        {"metric": ["forecast_p50", "target_probability"], "value": [9.0, 0.2], "previous": [None, None]}
    )
    kpis = kpis.assign(n=5, low=8.0, high=10.0, better="higher", unit="").astype({"previous": float})
    for of_quotas, word in ((0.0, "target"), (1.0, "quotas")):
        landing = pd.DataFrame({"target": [20.0], "of_quotas": [of_quotas]})
        card = scorecard.scorecard(kpis, scorecard.aims(PERIOD, landing))
        assert card["aim"].tolist() == [word, word]
        forecast = landing.assign(p10=8.0, p50=9.0, p90=10.0, probability=0.0, n_origins=5.0)
        assert gaps.target_gap(forecast)["subject"].tolist() == [word]
