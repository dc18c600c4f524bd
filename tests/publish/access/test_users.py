"""Who may see what: the file of users, the waits of the throttle, and what is left of a run."""

import json

import pytest
from tornado.web import HTTPError

from fake_runs import make_outputs
from quarterdeck.cli import main
from quarterdeck.errors import ParamsError
from quarterdeck.publish.access.shelf import Shelf
from quarterdeck.publish.access.user_file import Member, Users, read
from quarterdeck.publish.access.users import FREE_ADDRESS, FREE_USER, LONGEST_USER, AccessOptions, Throttle


def write(tmp_path, text):
    file = tmp_path / "users.yaml"
    file.write_text(text)
    return file


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(ParamsError, match=r"nobody.yaml: the file of users cannot be read \(No such file"):
        Users(tmp_path / "nobody.yaml")


def test_the_file_is_read_again_when_it_changes_and_a_broken_one_lets_nobody_in(tmp_path):
    said = []
    users = Users(write(tmp_path, "users: {anna: {sees: {demo: [North]}}}"), said.append)
    assert users.member("anna").sees == {"demo": frozenset({"North"})} and not users.member("anna").explores
    write(tmp_path, "users: {anna: {sees: all, role: explorer}}")
    assert users.member("anna").sees is None and users.member("anna").explores
    write(tmp_path, "users: {anna: {}}")
    for _ in range(3):
        with pytest.raises(HTTPError, match="503"):
            users.member("anna")
    assert len(said) == 1 and "line 1: user 'anna': sees is missing" in said[0]


def test_the_command_prints_a_hash_that_the_file_takes(tmp_path, capsys, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["password"]) == 0
    assert read(write(tmp_path, f"users: {{anna: {{sees: all, password: '{capsys.readouterr().out.strip()}'}}}}"))
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["password"]) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"proxy_header": "X-User"}, "go together"),
        ({"open_to_all": True, "proxy_header": "X-User", "proxy_address": "10.0.0.1"}, "leave out"),
        ({"keyfile": "key.pem"}, "needs --certfile"),
    ],
)
def test_options_that_contradict_each_other_are_refused(given, said):
    with pytest.raises(ParamsError, match=said):
        AccessOptions(**given)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_each_failure_doubles_the_wait_up_to_a_minute():
    clock = Clock()
    throttle = Throttle(clock)
    waits = []
    for _ in range(FREE_USER + 8):
        waits.append(throttle.wait("anna", "10.0.0.9"))
        throttle.fail("anna", "10.0.0.9")
    assert waits[: FREE_USER + 1] == [0.0] * (FREE_USER + 1)
    assert waits[FREE_USER + 1 :] == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]  # 2^6 = 64 is more than the longest
    clock.now = LONGEST_USER
    assert throttle.wait("anna", "10.0.0.9") == 0


def test_an_address_that_tries_many_names_waits_and_one_good_login_does_not_clear_it():
    throttle = Throttle(Clock())
    for i in range(FREE_ADDRESS + 1):
        throttle.fail(f"user{i}", "10.0.0.9")
    assert throttle.wait("anna", "10.0.0.9") == 2.0 and throttle.wait("anna", "10.0.0.8") == 0.0
    throttle.fail("anna", "10.0.0.9")
    throttle.succeed("anna", "10.0.0.9")
    throttle.fail("bert", "10.0.0.9")
    assert throttle.wait("carl", "10.0.0.9") == 4.0  # as though anna had not been there: two above what is free


def test_the_throttle_keeps_no_more_in_mind_than_it_must():
    throttle = Throttle(Clock())
    for i in range(20_000):
        throttle.fail(f"user{i}", f"address{i}")
    assert len(throttle._noted) <= 10_000


def seen(tmp_path, **sees):
    return Shelf(make_outputs(tmp_path)).seen_by(Member("anna", sees={k: frozenset(v) for k, v in sees.items()}))


def test_of_a_run_only_what_speaks_of_the_users_regions_is_left(tmp_path):
    run = seen(tmp_path, demo=["United Kingdom"]).find("demo", "latest")
    assert {e["region"] for e in run.notebooks()} == {"united_kingdom"}
    assert run.facts["kpis"] == [] and run.facts["reconciliation"] == []  # they are the company's
    assert run.facts["title"] == "Northwind Marine"


def test_no_fact_of_another_region_is_left_whatever_a_run_may_come_to_hold(tmp_path):
    file = make_outputs(tmp_path) / "demo" / "2026-11-15" / "run.json"
    facts = json.loads(file.read_text())
    facts |= {"secret": {"north": 1}, "rows": [["north", 1]], "more": [{"region": "North", "v": 1}]}
    facts["kpis"] += [{**facts["kpis"][0], "region": "united_kingdom"}, {**facts["kpis"][0], "region": "north"}]
    file.write_text(json.dumps(facts))
    left = Shelf(tmp_path / "outputs").seen_by(Member("anna", sees={"demo": frozenset({"United Kingdom"})}))
    text = json.dumps(left.find("demo", "latest").facts)
    assert "united_kingdom" in text and "north" not in text.replace("Northwind", "").lower()
    assert len(left.find("demo", "latest").facts["kpis"]) == 1


def test_a_company_or_a_run_with_nothing_for_the_user_is_not_there(tmp_path):
    shelf = seen(tmp_path, other=["North"])
    assert shelf.companies() == [] and shelf.find("demo", "latest") is None
    assert shelf.notebook("demo", "latest", "north", "executive_brief") is None


def test_nobody_sees_nothing_and_a_reader_without_bounds_sees_all(tmp_path):
    shelf = Shelf(make_outputs(tmp_path))
    assert shelf.seen_by(None).companies() == []
    assert len(shelf.seen_by(Member("reader")).find("demo", "latest").notebooks()) == 9


def test_a_region_is_found_by_its_name_and_not_by_its_folder(tmp_path):
    assert seen(tmp_path, demo=["united_kingdom"]).companies() == []
    assert seen(tmp_path / "x", demo=["company"]).find("demo", "latest").facts["kpis"] != []
