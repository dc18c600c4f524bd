"""Does a question that two pages ask have one answer on both?"""

import pytest

from quarterdeck.analysis.brief import gaps
from quarterdeck.analysis.competition import competitors
from quarterdeck.analysis.customers import accounts, buyers, retention
from quarterdeck.analysis.pipeline import movement, stages, win_chances, win_loss
from quarterdeck.analysis.planning import capacity, goal_seek, scenarios
from quarterdeck.analysis.team import pace, performance, ramp_up, skill
from quarterdeck.data import snapshot


@pytest.fixture(scope="module")
def desk(demo_company, tmp_path_factory):
    folder = tmp_path_factory.mktemp("one") / "data"
    snapshot.freeze(demo_company[0], folder, snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR"))
    return snapshot.open_desk("demo", data=str(folder))


@pytest.fixture(scope="module")
def chances(desk):
    return desk.ask(win_chances.chances)


@pytest.fixture(scope="module")
def ahead(desk, chances):
    return desk.ask(win_chances.bookings_ahead, chances=chances)


def test_where_the_quarters_bookings_end(desk, chances, ahead):
    end = desk.ask(pace.ending, ahead=ahead, pace=desk.ask(pace.pace)).iloc[0]
    newcomers = desk.ask(ramp_up.newcomers, ramp=desk.ask(skill.ramp_length))
    basis = desk.ask(
        scenarios.basis, chances=chances, ahead=ahead, record=desk.ask(goal_seek.lever_record), newcomers=newcomers
    )
    at_rest = desk.ask(scenarios.scenario, basis=basis, chances=chances).iloc[0]
    assert ahead["best"].iloc[0] == end["value"] == pytest.approx(at_rest["p50"])
    assert end[["low", "high"]].tolist() == pytest.approx(at_rest[["p10", "p90"]].tolist())
    carried = desk.ask(capacity.capacity, newcomers=newcomers)
    assert (carried["start"] > desk.period.end).all()  # of a quarter that has begun, capacity says nothing


def test_what_open_deals_are_worth_this_quarter(desk, chances, ahead):
    worth = ahead["open_worth"].iloc[0]
    sellers = desk.ask(pace.by_own_deals, table=desk.ask(pace.quota_chances), chances=chances)
    asked = performance.attained_in(
        desk.period, desk.tables["quotas"], desk.tables["orders"].iloc[:0].assign(amount=0.0)
    )
    quota = asked.set_index("rep_id")["quota"].reindex(sellers["rep_id"]).to_numpy()
    owner = desk.tables["opportunities"].set_index("opportunity_id")["rep_id"].reindex(chances["opportunity_id"])
    with_quota = owner.isin(sellers["rep_id"]).to_numpy()
    assert desk.ask(win_chances.by_stage, chances=chances)["worth"].sum() == pytest.approx(worth)
    assert desk.ask(pace.cover, ahead=ahead)["brings"].iloc[0] == worth
    assert (sellers["pipeline"] * quota).sum() == pytest.approx(chances.loc[with_quota, "worth"].sum())


def test_which_customers_were_lost_and_with_what_money(desk):
    found = desk.ask(gaps.lapsed_customers).iloc[0]
    lost = desk.ask(retention.customer_bridge).set_index("step").loc["lost"]
    kept = desk.ask(retention.logo_retention).iloc[0]
    assert (found["n"], found["worth"]) == (lost["customers"], pytest.approx(lost["amount"]))
    assert kept["n"] * (1 - kept["value"]) == pytest.approx(found["n"])


def test_which_customers_are_active(desk):
    n = desk.ask(retention.customers_active)["n"].iloc[0]
    steps = desk.ask(retention.customer_bridge).set_index("step")["customers"]
    assert n == desk.ask(accounts.totals)["n"].iloc[0] == len(desk.ask(accounts.account_outlook)) == steps["now"]
    assert n == desk.ask(buyers.customer_concentration)["n"].iloc[0]


def test_how_often_a_rival_beats_us_and_at_what_cost(desk):
    found = desk.ask(gaps.rival_losses).set_index("subject")
    rates = desk.ask(competitors.win_rate_by_rival)
    stake = desk.ask(win_loss.stake, rates=rates).set_index("competitor").loc[found.index]
    assert len(found) and found["n"].tolist() == stake["n"].tolist()
    assert found["value"].tolist() == stake["rate"].tolist() and found["worth"].tolist() == (-stake["value"]).tolist()


def test_how_many_open_deals_are_past_their_date(desk):
    late = desk.ask(stages.overdue, reps=desk.ask(performance.roster))
    total = desk.ask(stages.overdue_total, overdue_deals=late).iloc[0]
    fault = desk.ask(movement.hygiene).set_index("fault").loc["past its date"]
    assert (total["overdue_deals"], total["overdue_amount"]) == (fault["deals"], pytest.approx(fault["amount"]))
