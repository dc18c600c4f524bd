"""Is a company-wide answer computed once, read back as it was, cut to its region, and computed again when the code has changed?"""

from typing import NamedTuple

import pandas as pd
import pytest

from quarterdeck.analysis.forecasting.months_ahead import Months
from quarterdeck.data import COMPANY, answers
from quarterdeck.data.snapshot import Desk, Missing, Tables, within

ORDERS = pd.DataFrame({
    "order_id": ["1", "2", "3"],
    "order_date": pd.to_datetime(["2026-01-05", "2026-02-05", "2026-03-05"]),
    "region": ["North", "South", "South"],
    "revenue": [10.0, 20.0, 30.0],
})  # fmt: skip
DAY = pd.Timestamp("2026-03-31")


class Unknown(NamedTuple):
    """A record of no analysis."""

    panel: pd.DataFrame


@answers.company_wide(answers.own_rows)
def shares(orders, scale=1.0):
    """Give each region's part of all revenue."""
    shares.asked += 1
    sums = orders.groupby("region")["revenue"].sum()
    return (scale * sums / sums.sum()).rename("share").reset_index()


shares.asked = 0


def desk(region=COMPANY, folder=None):
    whole = Tables({"orders": ORDERS})
    return Desk(
        "acme", "Acme", region, DAY, "EUR", "", Tables(within({"orders": ORDERS}, region)), whole, folder=folder
    )


def stored(folder, answer, code=None):
    name = answers.named(shares, {"as_of": DAY})
    answers.store(answer, folder / answers.FOLDER / name, {"code": code or {}, "rows": {"orders": "x"}, "parts": {}})


def test_a_region_gets_its_part_of_what_all_regions_together_say():
    assert desk("South").ask(shares)["share"].tolist() == [pytest.approx(5 / 6)]
    assert len(desk().ask(shares)) == 2 and desk("South").ask(shares, scale=6.0)["share"].tolist() == [5.0]


def test_what_is_stored_is_read_and_not_computed(tmp_path):
    stored(tmp_path, pd.DataFrame({"region": ["North", "South"], "share": [0.25, 0.75]}))
    before, page = shares.asked, desk("South", tmp_path)
    assert page.ask(shares)["share"].tolist() == [0.75] and shares.asked == before
    assert page.tables.asked == set() and page.rows_read == {"orders": 2}  # the page says what it stands on
    assert page.ask(shares, scale=6.0)["share"].tolist() == [5.0] and shares.asked == before + 1  # another question


@pytest.mark.parametrize("damage", ["code", "record", "frame", "shape"])
def test_an_answer_of_other_code_or_a_damaged_one_is_computed_again(tmp_path, damage):
    answer = pd.DataFrame({"region": ["South"], "share": [0.75]})
    stored(tmp_path, answer, {"data/answers.py": "of before"} if damage == "code" else None)
    (place,) = (tmp_path / answers.FOLDER).iterdir()
    if damage == "record":
        (place / answers.RECORD).write_text("{")
    if damage == "frame":
        (place / "0.parquet").write_bytes(b"PAR1")
    if damage == "shape":
        (place / answers.RECORD).write_text('{"code": {}, "rows": [], "shape": {"record": "os:system", "fields": []}}')
    assert desk("South", tmp_path).ask(shares)["share"].tolist() == [pytest.approx(5 / 6)]


def test_every_kind_of_answer_comes_back_as_it_was(tmp_path):
    frame = pd.DataFrame({"a": [1.5, None], "day": [DAY, pd.NaT], "name": ["x", None], "sure": [True, False]})
    frame.attrs = {"lacking": "Not shown: none."}
    missing = Missing("Not shown: it needs orders.", "needs orders")
    answer = {"months": Months(frame, missing, frame.iloc[:0], frame), "number": 0.5, "none": None, "what": "x"}
    answers.store(answer, tmp_path / "it", {"code": {}, "rows": {}})
    back, tables = answers.load(tmp_path / "it")
    assert (
        list(back) == list(answer) and (back["number"], back["none"], back["what"]) == (0.5, None, "x") and not tables
    )
    assert isinstance(back["months"], Months) and back["months"].plans == missing
    for one, other in zip(back["months"], answer["months"], strict=True):
        if isinstance(other, pd.DataFrame):
            pd.testing.assert_frame_equal(one, other)
            assert one.attrs == other.attrs and answers.hashed(one) == answers.hashed(other)
    assert answers.hashed(frame) != answers.hashed(frame.assign(a=[1.5, 2.0])) != answers.hashed(missing)


def test_what_cannot_be_stored_is_refused_and_leaves_nothing(tmp_path):
    for odd in (Unknown(ORDERS), {"x": object()}, [ORDERS]):
        with pytest.raises(TypeError, match="cannot hold a"):
            answers.store(odd, tmp_path / "it", {})
    assert [*tmp_path.iterdir()] == []


def test_a_frame_is_no_option_of_a_company_wide_question():
    with pytest.raises(TypeError, match="plain values alone; 'scale' is none"):
        desk("South").ask(shares, scale=ORDERS)


def test_a_question_may_ask_the_desks_of_the_regions():
    @answers.company_wide(answers.region_row)
    def counted(asks):
        rows = {region: len(ask(first)) for region, ask in asks.items()}
        return pd.DataFrame({"region": list(rows), "n": list(rows.values())})

    def first(orders):
        return orders

    assert desk("South").ask(counted)["n"].tolist() == [2] and desk().ask(counted)["n"].tolist() == [3]
