import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quarterdeck.data import contract, snapshot
from quarterdeck.errors import ContractError, ParamsError, RunError

DAY = pd.Timestamp


@pytest.fixture
def tables():
    """Two regions; one deal won in March after a change in February; history of both."""
    return contract.check(
        {
            "reps": pd.DataFrame({"rep_id": ["R1", "R2"], "name": ["Ann", "Bo"], "region": ["North", "South"]}),
            "quotas": pd.DataFrame(
                {"rep_id": ["R1", "R2"], "period_start": "2026-01-01", "period_end": "2026-03-31", "quota": [5.0, 7.0]}
            ),
            "opportunities": pd.DataFrame(
                {
                    "opportunity_id": ["D1", "D2", "D3"],
                    "rep_id": ["R1", "R2", "R2"],
                    "region": ["North", "South", "South"],
                    "opened_on": ["2026-01-01", "2026-01-02", "2026-03-10"],
                    "closed_on": ["2026-03-05", None, None],
                    "stage": ["won", "proposal", "lead"],
                    "status": ["won", "open", "open"],
                    "amount": [120.0, 50.0, 9.0],
                }
            ),
            "opportunity_history": pd.DataFrame(
                {
                    "opportunity_id": ["D1", "D1", "D1", "D2", "D3"],
                    "changed_on": ["2026-01-01", "2026-02-10", "2026-03-05", "2026-01-02", "2026-03-10"],
                    "stage": ["lead", "proposal", "won", "proposal", "lead"],
                    "status": ["open", "open", "won", "open", "open"],
                    "amount": [100.0, 110.0, 120.0, 50.0, 9.0],
                }
            ),
        }
    )


@pytest.fixture
def frozen(tables, tmp_path):
    snapshot.freeze(tables, tmp_path / "data", snapshot.CompanyInfo("acme", "Acme", "EUR"))
    return tmp_path / "data"


def test_what_is_frozen_comes_back_the_same(tables, frozen):
    facts, back = snapshot.read_snapshot(frozen)
    assert facts["as_of"] == "2026-03-10" and facts["tables"]["opportunities"]["rows"] == 3
    for name, frame in tables.items():
        pd.testing.assert_frame_equal(back[name].reset_index(drop=True), frame)


def test_the_hash_follows_the_content_and_not_the_order_of_rows(tables, frozen, tmp_path):
    first = json.loads((frozen / "snapshot.json").read_text())["hash"]
    turned = {k: v.iloc[::-1] for k, v in tables.items()}
    assert snapshot.freeze(turned, tmp_path / "b", snapshot.CompanyInfo("acme", "Acme", "EUR"))["hash"] == first
    tables["quotas"].loc[0, "quota"] = 6.0
    assert snapshot.freeze(tables, tmp_path / "c", snapshot.CompanyInfo("acme", "Acme", "EUR"))["hash"] != first


def test_a_table_that_breaks_the_contract_leaves_nothing_behind(tables, tmp_path):
    tables["quotas"].loc[0, "quota"] = -1.0
    with pytest.raises(ContractError, match="quota"):
        snapshot.freeze(dict(tables), tmp_path / "run" / "data", snapshot.CompanyInfo("acme", "Acme", "EUR"))
    assert not list(tmp_path.iterdir())


def test_an_initiative_is_known_from_the_day_it_was_on_record_or_its_first():
    rows = {
        "initiative_id": ["I1", "I2", "I3"],
        "name": "Push",
        "started_on": ["2026-02-20", "2026-05-01", "2026-05-01"],
    }
    tables = contract.check({"initiatives": pd.DataFrame(rows | {"recorded_on": [None, "2026-02-01", None]})})
    seen = {
        day: snapshot.cut(tables, DAY(day))["initiatives"]["initiative_id"].tolist()
        for day in ("2026-02-19", "2026-02-20")
    }
    assert seen == {"2026-02-19": ["I2"], "2026-02-20": ["I1", "I2"]}


def test_a_deal_closed_later_is_open_again_in_its_state_of_that_day(tables):
    seen = snapshot.cut(tables, DAY("2026-02-20"))["opportunities"]
    assert seen["opportunity_id"].tolist() == ["D1", "D2"]  # D3 was opened on 10 March
    first = seen.iloc[0]
    assert (first["status"], first["stage"], first["amount"]) == ("open", "proposal", 110.0)
    assert pd.isna(first["closed_on"])


def test_without_a_history_a_reopened_deal_does_not_tell_how_it_ended(tables):
    del tables["opportunity_history"]
    seen = snapshot.cut(tables, DAY("2026-02-20"))["opportunities"]
    assert seen["stage"].tolist() == ["open", "proposal"]


def test_a_desk_sees_only_its_region(frozen):
    desk = snapshot.open_desk("acme", "South", data=str(frozen))
    assert set(desk.tables["opportunities"]["opportunity_id"]) == {"D2", "D3"}
    assert desk.tables["quotas"]["quota"].tolist() == [7.0]
    assert set(desk.tables["opportunity_history"]["opportunity_id"]) == {"D2", "D3"}


def test_the_company_is_the_sum_of_its_regions(frozen):
    desks = [snapshot.open_desk("acme", r, data=str(frozen)) for r in ("company", "North", "South")]
    company, north, south = (d.tables["quotas"]["quota"].sum() for d in desks)
    assert company == north + south == 12.0  # 5 + 7


def test_a_desk_read_ahead_is_the_one_that_is_opened_and_reads_nothing_again(frozen, monkeypatch):
    monkeypatch.setattr(snapshot, "_ahead", {})
    usual = {region: snapshot.open_desk("acme", region, "", str(frozen)) for region in ("North", "company")}
    snapshot.read_ahead(str(frozen), "", "North")
    monkeypatch.setattr(snapshot, "read_snapshot", None)  # a call of it fails
    for region, desk in usual.items():
        ahead = snapshot.open_desk("acme", region, "", str(frozen))
        assert repr(ahead) == repr(desk) and list(ahead.tables) == list(desk.tables)
        for name in desk.tables:
            pd.testing.assert_frame_equal(ahead.tables[name], desk.tables[name])
        assert ahead.tables.asked is not snapshot.open_desk("acme", region, "", str(frozen)).tables.asked
    changed = ahead.tables["reps"]
    changed.loc[0, "name"] = "Zoe"
    assert "Zoe" not in set(snapshot.open_desk("acme", "North", "", str(frozen)).tables["reps"]["name"])


def test_a_snapshot_that_was_frozen_again_is_read_again(tables, frozen, monkeypatch):
    monkeypatch.setattr(snapshot, "_ahead", {})
    snapshot.read_ahead(str(frozen), "")
    shutil.rmtree(frozen)
    other = dict(tables) | {"reps": tables["reps"].assign(name=["Zoe", "Bo"])}
    snapshot.freeze(contract.check(other), frozen, snapshot.CompanyInfo("acme", "Acme", "EUR"))
    assert list(snapshot.open_desk("acme", "North", "", str(frozen)).tables["reps"]["name"]) == ["Zoe"]
    shutil.rmtree(frozen)
    with pytest.raises(RunError, match="holds no snapshot"):
        snapshot.open_desk("acme", "North", "", str(frozen))


def test_an_unknown_region_names_those_there_are(frozen):
    with pytest.raises(ParamsError) as caught:
        snapshot.open_desk("acme", "Nowhere", data=str(frozen))
    assert str(caught.value) == (
        "there is no region 'Nowhere' in the data; did you mean 'North'? There are North, South, company."
    )


def test_a_day_that_is_none_is_refused(frozen):
    with pytest.raises(ParamsError, match="as_of holds 'soon', expected a date as YYYY-MM-DD"):
        snapshot.open_desk("acme", as_of="soon", data=str(frozen))
    for day in ("2010-01-01", "2030-01-01"):
        with pytest.raises(
            ParamsError, match=f"as_of holds {day}, and the tables reach from .* to 2026-03-10; give a day within"
        ):
            snapshot.open_desk("acme", as_of=day, data=str(frozen))


def test_a_folder_without_a_snapshot_is_refused(tmp_path):
    with pytest.raises(RunError, match="holds no snapshot"):
        snapshot.open_desk("acme", data=str(tmp_path))


def test_ask_gives_tables_by_name_and_says_which_is_missing(frozen):
    desk = snapshot.open_desk("acme", data=str(frozen))

    def quota_sum(quotas, factor=1):
        return quotas["quota"].sum() * factor

    def share(orders, market):
        return orders, market

    assert desk.ask(quota_sum) == 12.0 and desk.ask(quota_sum, factor=2) == 24.0
    missing = desk.ask(share)
    assert missing.sentence == "Not shown: it needs orders and market, which the data of Acme does not hold."
    assert desk.ask(quota_sum, factor=missing) is missing
    south = snapshot.open_desk("acme", "South", data=str(frozen))
    bare = replace(south, tables=snapshot.Tables({}))
    assert bare.ask(quota_sum).sentence == "Not shown: it needs quotas, which the data of Acme does not hold for South."
    assert bare.ask(share).sentence == missing.sentence  # nobody has them
    with pytest.raises(TypeError):
        desk.ask(quota_sum, factr=2)


def test_what_is_neither_a_table_nor_given_is_asked_for_by_name(frozen):
    def ranked(quotas, attained):
        return attained

    desk = snapshot.open_desk("acme", data=str(frozen))
    with pytest.raises(TypeError, match="ranked works on attained, which is no table: give it by name."):
        desk.ask(ranked)


def test_several_that_are_no_tables_are_asked_for_in_the_plural(frozen):
    def seek(orders, record, goal, pace=None):
        return record

    with pytest.raises(TypeError) as refused:
        snapshot.open_desk("acme", data=str(frozen)).ask(seek)
    assert str(refused.value) == "seek works on record and goal, which are no tables: give them by name."


def test_the_same_question_is_computed_once_and_nobody_changes_anothers_answer(frozen):
    asked = []

    def most(opportunities, least=0.0):
        asked.append(least)
        return opportunities.loc[opportunities["amount"] >= least, ["amount"]].head(1)

    desk = snapshot.open_desk("acme", data=str(frozen))
    first = desk.ask(most)
    first["amount"] = 0.0
    assert desk.ask(most)["amount"].item() == 120.0 and asked == [0.0]  # D1, the first deal
    assert desk.ask(most, least=100.0)["amount"].item() == 120.0 and asked == [0.0, 100.0]
    assert (
        desk.ask(most, opportunities=pd.DataFrame({"amount": [7.0]}))["amount"].item() == 7.0
    )  # a frame is never looked up


CHANGES = {
    "a column": lambda t: t.__setitem__(t.columns[-1], 0),
    "a cell": lambda t: t.iloc.__setitem__((0, 0), "X"),
    "a column dropped": lambda t: t.pop(t.columns[0]),
    "names": lambda t: setattr(t, "columns", range(len(t.columns))),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("name", ["quotas", "opportunities"])
def test_what_is_changed_in_a_table_changes_no_later_figure(frozen, name, change):
    desk = snapshot.open_desk("acme", "North", data=str(frozen))
    before, company = desk.tables[name].copy(), desk.whole[name].copy()

    def answer(quotas, opportunities):
        own = {"quotas": quotas, "opportunities": opportunities}[name]
        return {"alone": own, "listed": [own], "paired": (own, 1)}

    def frames():
        given = desk.ask(answer)
        return given["alone"], given["listed"][0], given["paired"][0], desk.tables[name], (desk.tables | {})[name]

    for frame in (*frames(), desk.whole[name], desk.everywhere().tables[name]):
        change(frame)
    for frame in frames():
        pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(desk.whole[name], company)


def test_a_table_is_handed_out_without_being_copied(frozen):
    desk = snapshot.open_desk("acme", data=str(frozen))
    one, other = (desk.tables["quotas"]["quota"].to_numpy() for _ in range(2))
    assert np.shares_memory(one, other) and not one.flags.writeable


def test_a_slip_of_the_pen_is_answered_with_the_nearest_name(frozen):
    desk = snapshot.open_desk("acme", data=str(frozen))
    with pytest.raises(KeyError) as error:
        desk.tables["qotas"]
    there = "There are opportunities, opportunity_history, quotas, reps."
    assert str(error.value) == f"there is no table 'qotas' in these data; did you mean 'quotas'? {there}"
    for odd in (None, 3, ["quotas"], {"quotas"}):
        with pytest.raises(ParamsError, match="there is no table .* in these data; .*here are opportunities, "):
            desk.tables[odd]
    assert desk.tables.get("market") is None and "market" not in desk.tables and ["quotas"] not in desk.tables
    for odd in ("revenue", None, 3, desk.tables):
        with pytest.raises(
            TypeError, match=r"ask wants a function of quarterdeck.analysis, such as .*measure\(desk, 'revenue'\)\.$"
        ):
            desk.ask(odd)

    def answer(quotas, factor=1):
        return factor

    with pytest.raises(TypeError, match="answer takes no 'factr'; did you mean 'factor'. There are factor, quotas."):
        desk.ask(answer, factr=2)
    for odd in (None, 7, ["acme"]):
        with pytest.raises(ParamsError, match="company holds .*, expected the name of a folder of params."):
            snapshot.open_desk(odd)
        with pytest.raises(ParamsError, match="there is no region .*here are North, South, company."):
            snapshot.open_desk("acme", odd, data=str(frozen))
    for odd in (7.5j, ["2026-03-01"], object()):
        with pytest.raises(ParamsError, match="as_of holds .*, expected a date as YYYY-MM-DD."):
            snapshot.open_desk("acme", as_of=odd, data=str(frozen))
