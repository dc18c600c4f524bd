"""What an operator may ask of the server, and what of it a stranger learns: attempt → answer."""

import json
import os
import shutil
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fake_runs import make_outputs, make_run, serving
from quarterdeck.errors import ParamsError
from quarterdeck.publish import readiness
from reader import Reader

TOKEN = "a token of thirty characters, so"
NAMES = ("demo", "2026-11-15", "2026-10-01", "Northwind")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("ready")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(readiness.TOKEN, TOKEN)
        with serving(make_outputs(root, rendered=True), root / "log.txt") as (address, process):
            yield address, root / "outputs", process


def ask(server, path="/readyz", **headers):
    return Reader(server[0]).ask(path, **headers)


def soon(server, true, seconds=60):
    """Ask until the details are as they should be: for a moment the server says again what it said."""
    end = time.monotonic() + seconds
    while not true(state := json.loads(ask(server)[2])):
        assert time.monotonic() < end, state
        time.sleep(0.5)
    return state


def test_this_machine_learns_how_things_stand(server):
    state = soon(server, lambda state: state["pages_to_render"] == 0)
    assert state["fit"] and state["because"] == [] and state["unreadable"] == []
    latest = state["companies"]["demo"]
    assert latest["run"] == latest["as_of"] == "2026-11-15" and latest["age_seconds"] > 0
    assert 0 < state["descriptors"]["used"] < state["descriptors"]["limit"]
    assert state["live"] == {"used": 0, "of": 0} and state["connections"]["open"] >= 1


STRANGERS = {
    "another name for this machine": {"Host": "pages.example.org"},
    "by way of a proxy": {"X-Forwarded-For": "203.0.113.9"},
    "by way of a proxy that says so in one header": {"Forwarded": "for=203.0.113.9"},
    "by way of a proxy that names itself": {"Via": "1.1 proxy"},
    "with another token": {"Authorization": "Bearer " + TOKEN[:-1]},
    "with a longer token": {"Authorization": f"Bearer {TOKEN}x"},
    "with an empty token": {"Authorization": "Bearer "},
    "with the token as a password": {"Authorization": f"Basic {TOKEN}"},
    "with the token in letters of another kind": {"Authorization": "Bearer \u00e9" + TOKEN},
}


@pytest.mark.parametrize("attempt", STRANGERS)
def test_a_stranger_learns_whether_it_is_fit_and_no_name(server, attempt):
    status, headers, text = ask(server, **STRANGERS[attempt])
    assert (status, json.loads(text)) == (200, {"fit": True}) and headers["Cache-Control"] == "no-store"
    status, _, text = ask(server, "/metrics", **STRANGERS[attempt])
    assert status == 401 and not [name for name in NAMES if name in text]


def test_the_token_opens_both_from_anywhere(server):
    known = {"Host": "pages.example.org", "X-Forwarded-For": "203.0.113.9", "Authorization": f"Bearer {TOKEN}"}
    assert "demo" in json.loads(ask(server, **known)[2])["companies"]
    assert ask(server, "/metrics", **known)[0] == 200


def test_no_process_that_the_server_starts_finds_the_token(server):
    assert TOKEN not in ask(server, "/metrics")[2]
    children = [p for p in os.listdir("/proc") if p.isdigit() and _parent(p) == str(server[2].pid)]
    for child in children:
        with open(f"/proc/{child}/environ", "rb") as state:
            assert TOKEN.encode() not in state.read()


def _parent(pid):
    try:
        with open(f"/proc/{pid}/stat") as state:
            return state.read().rpartition(")")[2].split()[1]
    except OSError:
        return ""


def test_prometheus_reads_the_same_figures(server):
    status, headers, text = ask(server, "/metrics")
    found = {(s.name, *s.labels.values()): s.value for f in text_string_to_metric_families(text) for s in f.samples}
    state = json.loads(ask(server)[2])
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=")
    assert found["quarterdeck_fit",] == 1 and found["quarterdeck_unreadable_runs",] == 0
    assert abs(found["quarterdeck_latest_age_seconds", "demo"] - state["companies"]["demo"]["age_seconds"]) < 60
    assert found["quarterdeck_descriptors_limit",] == state["descriptors"]["limit"]
    assert found["quarterdeck_requests_total",] > 0 and found["process_open_fds",] > 0


def test_health_stays_for_life_whatever_the_runs_are(server):
    old, new = (server[1] / "demo" / run / "run.json" for run in ("2026-10-01", "2026-11-15"))
    whole = old.read_bytes(), new.read_bytes()
    try:
        old.write_text("{}")
        state = soon(server, lambda state: state["unreadable"] == ["demo/2026-10-01"])
        assert state["fit"]  # an old one takes nothing from readers
        new.write_text("[]")
        state = soon(server, lambda state: not state["fit"])
        assert [why.partition(":")[0] for why in state["because"]] == ["runs", "latest"]
        assert ask(server)[0] == 503 and ask(server, "/healthz")[0] == 200
        assert ask(server, Host="pages.example.org")[::2] == (503, '{"fit": false}')
    finally:
        old.write_bytes(whole[0])
        new.write_bytes(whole[1])
    soon(server, lambda state: state["fit"])


def test_behind_a_proxy_this_machine_alone_is_not_enough(tmp_path):
    proxy = ("--proxy-header", "X-User", "--proxy-address", "127.0.0.1")
    with serving(make_outputs(tmp_path, rendered=True), tmp_path / "log.txt", *proxy) as server:
        assert json.loads(ask(server)[2]) == {"fit": True} and ask(server, "/metrics")[0] == 401


def test_a_token_that_can_be_guessed_is_refused(monkeypatch):
    monkeypatch.setenv(readiness.TOKEN, "short")
    with pytest.raises(ParamsError, match="fewer than 16 characters"):
        readiness.token()


@pytest.mark.parametrize(
    ("facts", "quiet", "rules"),
    [
        ({}, 1.0, []),
        ({"companies": {}}, 1.0, ["runs"]),
        ({}, 301.0, ["look"]),
        ({"descriptors": {"used": 91, "limit": 100}}, 1.0, ["descriptors"]),
        ({"descriptors": {"used": None, "limit": 100}}, 1.0, []),
    ],
)
def test_each_rule_is_named(facts, quiet, rules):
    usual = {"companies": {"demo": {}}, "descriptors": {"used": 90, "limit": 100}}
    assert [why.partition(":")[0] for why in readiness.unfit(usual | facts, quiet)] == rules


def test_sixty_runs_are_listed_within_a_few_milliseconds(tmp_path):
    from datetime import UTC, datetime, timedelta

    from quarterdeck.publish.access.shelf import Shelf
    from quarterdeck.publish.access.users import Member
    from quarterdeck.publish.pages import page_frame

    first = tmp_path / "first"
    make_run(first, "2026-11-15", "2026-11-15T06:00:00+00:00", failing=False)
    facts = json.loads((first / "run.json").read_text())
    for day in range(60):
        made = datetime(2026, 11, 15, 6, tzinfo=UTC) - timedelta(days=day)
        name = f"{made:%Y-%m-%d}"
        shutil.copytree(
            first, tmp_path / "demo" / name, copy_function=os.link, ignore=shutil.ignore_patterns("run.json")
        )
        (tmp_path / "demo" / name / "run.json").write_text(
            json.dumps(facts | {"run": name, "created_at": made.isoformat()})
        )
    for user in (Member("boss"), Member("anna", sees={"demo": frozenset({"North"})})):
        shelf = Shelf(tmp_path).seen_by(user)
        page_frame.landing(shelf, datetime.now(UTC))
        begun = time.process_time()
        (company,) = page_frame.landing(shelf, datetime.now(UTC))
        assert (
            len(company["others"]) == 59 and time.process_time() - begun < 0.05
        )  # it was a second with the demo's records
